/* SPDX-License-Identifier: Apache-2.0
 * Decision trees of the ai.onnx.ml domain. Tables of attributes become the tables of TreeEnsemble. */
#include "learned.h"

/* ---- trees */

typedef struct trees {
  int64_t n_nodes, n_leaves, n_votes, n_roots, targets;
  int32_t *nodes, *leaves, *votes, *roots; /* [n, 4], [l, 2], [v], [t] */
  edge_tensor splits, weights;             /* with room for n_nodes and n_votes */
  uint32_t base, members;
} trees;

static void *room(ei_ox_call *c, int64_t count, uint32_t bytes) {
  void *const p = ei_arena_array(c->x->arena, (uint64_t)count + 1, bytes, 8);
  if (!p) ei_ox_out_of_memory(c->x);
  return p;
}

static bool make_room(ei_ox_call *c, trees *t, int32_t dtype) {
  memset(&t->splits, 0, sizeof t->splits);
  memset(&t->weights, 0, sizeof t->weights);
  t->nodes = (int32_t *)room(c, t->n_nodes * 4, 4);
  t->leaves = (int32_t *)room(c, t->n_leaves * 2, 4);
  t->votes = (int32_t *)room(c, t->n_votes, 4);
  t->roots = (int32_t *)room(c, t->n_roots, 4);
  t->splits.dtype = t->weights.dtype = dtype;
  t->splits.data = room(c, t->n_nodes, 8);
  t->weights.data = room(c, t->n_votes, 8);
  t->base = t->members = EI_NONE;
  return ei_ox_ok(c->x);
}

static uint32_t emit_trees(ei_ox_call *c, const trees *t, int64_t aggregate, uint32_t out) {
  const int64_t nodes[2] = { t->n_nodes, 4 }, leaves[2] = { t->n_leaves, 2 };
  const uint32_t in[9] = {
    ei_ox_in(c, 0),
    ei_ox_const(c, EDGE_DTYPE_S32, &t->n_roots, 1, t->roots),
    ei_ox_const(c, EDGE_DTYPE_S32, nodes, 2, t->nodes),
    ei_ox_const(c, t->splits.dtype, &t->n_nodes, 1, t->splits.data),
    ei_ox_const(c, EDGE_DTYPE_S32, leaves, 2, t->leaves),
    ei_ox_const(c, EDGE_DTYPE_S32, &t->n_votes, 1, t->votes),
    ei_ox_const(c, t->weights.dtype, &t->n_votes, 1, t->weights.data),
    t->base,
    t->members,
  };
  out = ei_ox_emit1(c, "TreeEnsemble", out, in, 9);
  ei_ox_set_int(c, "targets", t->targets);
  ei_ox_set_int(c, "aggregate", aggregate);
  return out;
}

/* Numbers of an attribute, given as floats or as a tensor. */
static bool numbers(ei_ox_call *c, const char *name, const char *as_tensor, edge_tensor *view, uint64_t *count,
                    const ei_ox_attr **list) {
  const ei_ox_attr *const t = as_tensor ? ei_ox_attr_find(c, as_tensor) : NULL;
  *list = ei_ox_attr_find(c, name);
  *count = 0;
  if (t && t->t) {
    ei_tensor v;
    c->x->status = ei_ox_load_tensor(c->x, t->t, &v);
    if (ei_ox_ok(c->x) && !ei_ox_aligned(&v)) c->x->status = ei_ox_own(c->x, &v);
    ei_tensor_view(&v, view);
    return ei_ox_ok(c->x) && ei_elements(v.dims, v.rank, count);
  }
  memset(view, 0, sizeof *view);
  if (*list && (*list)->type == EI_OX_FLOATS) *count = (*list)->n_floats;
  return true;
}

static double number_at(const edge_tensor *view, const ei_ox_attr *list, uint64_t i) {
  return view->data ? ei_load_f64(view, i) : (double)list->floats[i];
}

/* Whether a child is a leaf is said beside it. */
static int32_t child(const int64_t *ids, const int64_t *leaf, int64_t i) {
  const int64_t id = ids[i] >= 0 && ids[i] < INT32_MAX ? ids[i] : INT32_MAX - 1;
  return (int32_t)(leaf[i] ? -1 - id : id);
}

void ei_ox_map_tree_ensemble(ei_ox_call *c) {
  static const char *const names[] = { "nodes_featureids", "nodes_truenodeids", "nodes_falsenodeids",
                                       "nodes_trueleafs",  "nodes_falseleafs",  "nodes_missing_value_tracks_true" };
  const int64_t *columns[6], aggregate = ei_ox_int(c, "aggregate_function", 1);
  edge_tensor modes, splits, weights, members;
  const ei_ox_attr *none = NULL;
  uint64_t counts[4];
  uint32_t n = 0, n_targets = 0, n_roots = 0, seen = 0;
  const int64_t *const targets = ei_ox_ints(c, "leaf_targetids", &n_targets);
  const int64_t *const roots = ei_ox_ints(c, "tree_roots", &n_roots);
  trees t = { .targets = ei_ox_int(c, "n_targets", 1) };
  if (!numbers(c, "", "nodes_modes", &modes, &counts[0], &none) ||
      !numbers(c, "", "nodes_splits", &splits, &counts[1], &none) ||
      !numbers(c, "", "leaf_weights", &weights, &counts[2], &none) ||
      !numbers(c, "", "membership_values", &members, &counts[3], &none))
    return;
  bool fits = roots && targets && counts[0] == counts[1] && counts[2] == n_targets && counts[0] < INT32_MAX &&
              ei_dtype_is_float(splits.dtype) && splits.dtype == weights.dtype;
  for (int i = 0; i < 6; ++i) {
    columns[i] = ei_ox_ints(c, names[i], &n);
    fits = fits && ((i == 5 && !columns[i]) || (columns[i] && n == counts[0]));
  }
  if (!fits) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "the tables of the trees do not fit each other");
    return;
  }
  t.n_nodes = (int64_t)counts[0];
  t.n_leaves = t.n_votes = n_targets;
  t.n_roots = n_roots;
  if (!make_room(c, &t, splits.dtype)) return;
  for (int64_t i = 0; i < n_roots; ++i)
    t.roots[i] = (int32_t)(roots[i] >= 0 && roots[i] < INT32_MAX ? roots[i] : INT32_MAX);
  for (int64_t i = 0; i < t.n_votes; ++i) {
    t.leaves[2 * i] = (int32_t)i;
    t.leaves[2 * i + 1] = 1;
    t.votes[i] = (int32_t)(targets[i] >= 0 && targets[i] < INT32_MAX ? targets[i] : -1);
    ei_store_f64(&t.weights, (uint64_t)i, ei_load_f64(&weights, (uint64_t)i));
  }
  for (int64_t i = 0; i < t.n_nodes; ++i) {
    const int64_t mode = ei_load_s64(&modes, (uint64_t)i);
    int32_t *const node = t.nodes + 4 * i;
    node[0] = (int32_t)(columns[0][i] >= 0 && columns[0][i] < INT32_MAX ? columns[0][i] : -1);
    node[1] = (int32_t)(mode & 7) | (columns[5] && columns[5][i] ? 8 : 0);
    node[2] = child(columns[1], columns[3], i);
    node[3] = child(columns[2], columns[4], i);
    ei_store_f64(&t.splits, (uint64_t)i, mode == 6 ? (double)seen : ei_load_f64(&splits, (uint64_t)i));
    if (mode != 6) continue; /* its set is the next one */
    while (seen < counts[3] && ei_load_f64(&members, seen) == ei_load_f64(&members, seen)) ++seen;
    ++seen;
  }
  const int64_t n_members = (int64_t)counts[3];
  if (n_members) t.members = ei_ox_const(c, members.dtype, &n_members, 1, members.data);
  const uint32_t y = emit_trees(c, &t, aggregate, EI_NONE);
  const int64_t post = ei_ox_int(c, "post_transform", 0);
  ei_ox_transformed(c, y, post >= 0 && post < 5 ? (int32_t)post : 5, ei_ox_out(c, 0));
}

/* ---- the older operators: a row for each node, leaves among them; votes name tree and node */

typedef struct rows { /* columns of equal length */
  const int64_t *tree, *id, *feature, *yes, *no, *missing;
  const ei_ox_attr *modes;
  uint32_t n;
  int64_t *start; /* first row of each tree */
  int64_t n_trees;
} rows;

static bool read_rows(ei_ox_call *c, rows *r) {
  static const char *const names[] = { "nodes_treeids",     "nodes_nodeids",      "nodes_featureids",
                                       "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true" };
  const int64_t **const columns[] = { &r->tree, &r->id, &r->feature, &r->yes, &r->no, &r->missing };
  r->modes = ei_ox_attr_find(c, "nodes_modes");
  r->n = r->modes ? r->modes->n_strings : 0;
  bool fits = r->n > 0 && r->n < INT32_MAX;
  for (int i = 0; i < 6; ++i) {
    uint32_t n = 0;
    *columns[i] = ei_ox_ints(c, names[i], &n);
    if (i == 5 && n == 0) *columns[i] = NULL;
    fits = fits && ((i == 5 && !*columns[i]) || (*columns[i] && n == r->n));
  }
  r->start = fits ? (int64_t *)room(c, r->n, sizeof *r->start) : NULL;
  if (!ei_ox_ok(c->x)) return false;
  for (uint32_t i = 0; fits && i < r->n; ++i) { /* trees one after the other, nodes numbered from 0 */
    const bool first = i == 0 || r->tree[i] != r->tree[i - 1];
    if (first) r->start[r->n_trees++] = i;
    fits = r->id[i] == (int64_t)i - r->start[r->n_trees - 1] && (i == 0 || r->tree[i] >= r->tree[i - 1]);
  }
  if (!fits) ei_ox_unsupported(c, "the trees' nodes must be listed in order, with all their columns");
  return fits;
}

/* Row of a node of a tree, -1: none. */
static int64_t row_of(const rows *r, int64_t tree, int64_t id) {
  int64_t lo = 0, hi = r->n_trees;
  while (lo < hi) {
    const int64_t mid = (lo + hi) / 2;
    if (r->tree[r->start[mid]] < tree)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo == r->n_trees || r->tree[r->start[lo]] != tree || id < 0 || id >= (int64_t)r->n) return -1;
  const int64_t row = r->start[lo] + id;
  return row < (int64_t)r->n && r->tree[row] == tree ? row : -1;
}

/* Leaves are numbered as rows: those that are none have no votes. */
static bool read_votes(ei_ox_call *c, const rows *r, trees *t, const char *prefix, const ei_ox_attr *weights,
                       const edge_tensor *view) {
  char name[3][32];
  static const char *const ends[3] = { "treeids", "nodeids", "ids" };
  const int64_t *columns[3];
  int64_t *const order = (int64_t *)room(c, t->n_votes, sizeof *order);
  for (int i = 0; i < 3; ++i) {
    uint32_t n = 0;
    ei_format(name[i], sizeof name[i], "%s_%s", prefix, ends[i]);
    columns[i] = ei_ox_ints(c, name[i], &n);
    if (!columns[i] || n != t->n_votes) {
      ei_ox_fail(c, EDGE_STATUS_MALFORMED, "%s does not fit the weights", name[i]);
      return false;
    }
  }
  if (!order) return false;
  for (int64_t i = 0; i < t->n_votes; ++i) {
    order[i] = row_of(r, columns[0][i], columns[1][i]);
    if (order[i] < 0) {
      ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "vote %lld is of no node", (long long)i);
      return false;
    }
    t->leaves[2 * order[i] + 1]++;
  }
  for (int64_t i = 0, at = 0; i < t->n_leaves; ++i) {
    t->leaves[2 * i] = (int32_t)at;
    at += t->leaves[2 * i + 1];
    t->leaves[2 * i + 1] = 0;
  }
  for (int64_t i = 0; i < t->n_votes; ++i) {
    int32_t *const leaf = t->leaves + 2 * order[i];
    const int64_t at = (int64_t)leaf[0] + leaf[1]++, target = columns[2][i];
    t->votes[at] = (int32_t)(target >= 0 && target < INT32_MAX ? target : -1);
    ei_store_f64(&t->weights, (uint64_t)at, number_at(view, weights, (uint64_t)i));
  }
  return true;
}

static bool read_nodes(ei_ox_call *c, const rows *r, trees *t) {
  static const char tests[] = "BRANCH_LEQ|BRANCH_LT|BRANCH_GTE|BRANCH_GT|BRANCH_EQ|BRANCH_NEQ|LEAF";
  const ei_ox_attr *list = NULL;
  edge_tensor view;
  uint64_t count = 0;
  if (!numbers(c, "nodes_values", "nodes_values_as_tensor", &view, &count, &list)) return false;
  for (uint32_t i = 0; i < r->n; ++i) {
    const int32_t test = ei_ox_word(tests, r->modes->strings[i]);
    const int64_t yes = row_of(r, r->tree[i], r->yes[i]), no = row_of(r, r->tree[i], r->no[i]);
    const bool leaf = test == 6;
    int32_t *const node = t->nodes + 4 * (int64_t)i;
    if (test < 0 || (!leaf && (yes < 0 || no < 0 || i >= count))) {
      ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "node %u has no test or no successor", i);
      return false;
    }
    node[0] = (int32_t)(r->feature[i] >= 0 && r->feature[i] < INT32_MAX ? r->feature[i] : -1);
    node[1] = (leaf ? 0 : test) | (r->missing && r->missing[i] ? 8 : 0);
    node[2] = (int32_t)(leaf ? 0 : ei_ox_word(tests, r->modes->strings[yes]) == 6 ? -1 - yes : yes);
    node[3] = (int32_t)(leaf ? 0 : ei_ox_word(tests, r->modes->strings[no]) == 6 ? -1 - no : no);
    ei_store_f64(&t->splits, i, leaf ? 0 : number_at(&view, list, i));
  }
  for (int64_t i = 0; i < t->n_roots; ++i) {
    const int64_t at = r->start[i];
    t->roots[i] = (int32_t)(ei_ox_word(tests, r->modes->strings[at]) == 6 ? -1 - at : at);
  }
  return true;
}

static bool read_trees(ei_ox_call *c, trees *t, const char *prefix) {
  char name[2][40];
  edge_tensor view, base;
  const ei_ox_attr *weights = NULL, *bases = NULL;
  uint64_t count = 0, n_base = 0;
  rows r;
  memset(&r, 0, sizeof r);
  ei_format(name[0], sizeof name[0], "%s_weights", prefix);
  ei_format(name[1], sizeof name[1], "%s_weights_as_tensor", prefix);
  if (!read_rows(c, &r) || !numbers(c, name[0], name[1], &view, &count, &weights) ||
      !numbers(c, "base_values", "base_values_as_tensor", &base, &n_base, &bases))
    return false;
  t->n_nodes = t->n_leaves = r.n;
  t->n_votes = (int64_t)count;
  t->n_roots = r.n_trees;
  if (!make_room(c, t, EDGE_DTYPE_F32) || !read_nodes(c, &r, t) || !read_votes(c, &r, t, prefix, weights, &view))
    return false;
  if (n_base == 0) return true;
  float *const v = (float *)room(c, (int64_t)n_base, sizeof *v);
  const int64_t dims[1] = { (int64_t)n_base };
  for (uint64_t i = 0; v && i < n_base; ++i) v[i] = (float)number_at(&base, bases, i);
  if (v) t->base = ei_ox_const(c, EDGE_DTYPE_F32, dims, 1, v);
  return ei_ox_ok(c->x);
}

void ei_ox_map_tree_regressor(ei_ox_call *c) {
  trees t = { .targets = ei_ox_int(c, "n_targets", 1) };
  const int32_t aggregate = ei_ox_word("AVERAGE|SUM|MIN|MAX", ei_ox_text_attr(c, "aggregate_function", "SUM"));
  if (!read_trees(c, &t, "target")) return;
  ei_ox_transformed(c, emit_trees(c, &t, aggregate, EI_NONE), ei_ox_transform_of(c), ei_ox_out(c, 0));
}

void ei_ox_map_tree_classifier(ei_ox_call *c) {
  uint32_t labels = 0;
  trees t = { .targets = 1 };
  if (!ei_ox_ints(c, "classlabels_int64s", &labels) || labels < 1) {
    ei_ox_unsupported(c, "only integer labels are supported");
    return;
  }
  if (!read_trees(c, &t, "class")) return;
  bool one = labels == 2, positive = true;
  for (int64_t i = 0; i < t.n_votes; ++i) {
    one = one && t.votes[i] == t.votes[0];
    positive = positive && ei_load_f64(&t.weights, (uint64_t)i) >= 0;
  }
  for (int64_t i = 0; i < t.n_votes && one; ++i) t.votes[i] = 0;
  t.targets = one ? 1 : labels;
  ei_ox_classify(c, emit_trees(c, &t, 1, EI_NONE), one, positive);
}
