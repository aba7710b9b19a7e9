/* SPDX-License-Identifier: Apache-2.0
 * TreeEnsemble: decision trees whose leaves vote for targets. The tables are data: every index in them is checked
 * where it is followed, and no path is longer than there are nodes. */
#include "op_walk.h"

enum { IN_X, IN_ROOTS, IN_NODES, IN_SPLITS, IN_LEAVES, IN_VOTES, IN_WEIGHTS, IN_BASE, IN_MEMBERS };
enum { TEST_LEQ, TEST_LT, TEST_GTE, TEST_GT, TEST_EQ, TEST_NEQ, TEST_MEMBER, TEST_MASK = 7, MISSING_IS_TRUE = 8 };
enum { AVERAGE, SUM, MINIMUM, MAXIMUM };

static const ei_attr_def attrs[] = { { "targets", EI_ATTR_INT, 1 }, { "aggregate", EI_ATTR_INT, SUM }, { NULL, 0, 0 } };

static edge_status infer(ei_op_ctx *c) {
  const int64_t targets = ei_op_int(c, "targets"), aggregate = ei_op_int(c, "aggregate");
  const edge_tensor *const x = &c->in[IN_X];
  int64_t nodes = EI_DIM_UNKNOWN, votes = EI_DIM_UNKNOWN;
  if (targets < 1 || targets > INT32_MAX || aggregate < AVERAGE || aggregate > MAXIMUM)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld targets, aggregate %lld", (long long)targets,
                      (long long)aggregate);
  EI_TRY(ei_op_need_rank(c, IN_X, 2, 2));
  for (uint32_t i = 1; i < c->n_in; ++i) {
    if (!ei_op_has(c, i)) continue;
    const edge_tensor *const t = &c->in[i];
    const bool table = i == IN_NODES || i == IN_LEAVES, real = i == IN_SPLITS || i >= IN_WEIGHTS;
    if (real ? !ei_dtype_is_float(t->dtype) : t->dtype != EDGE_DTYPE_S32)
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u is %s", i, edge_dtype_name(t->dtype));
    EI_TRY(ei_op_need_rank(c, i, table ? 2 : 1, table ? 2 : 1));
    if (t->rank < 0) continue;
    int64_t width = i == IN_NODES ? 4 : 2;
    if (table) EI_TRY(ei_op_same_dim(c, &width, t->dims[1], "values of a node or leaf"));
    if (i == IN_NODES || i == IN_SPLITS) EI_TRY(ei_op_same_dim(c, &nodes, t->dims[0], "nodes and splits"));
    if (i == IN_VOTES || i == IN_WEIGHTS) EI_TRY(ei_op_same_dim(c, &votes, t->dims[0], "votes and weights"));
  }
  EI_TRY(ei_op_need_vector(c, IN_BASE, targets));
  const int64_t dims[2] = { x->rank == 2 ? x->dims[0] : EI_DIM_UNKNOWN, targets };
  ei_op_set_shape(&c->out[0], c->in[IN_WEIGHTS].dtype, 2, dims);
  return ei_op_check_size(c, 0);
}

/* Sums, and how many votes each target got. */
static uint64_t scratch_bytes(const ei_op_ctx *c) {
  return ((uint64_t)ei_op_int(c, "targets") + 1) * 2 * sizeof(double);
}

static int64_t rows_of(const edge_tensor *t) {
  return t->dims[0];
}

/* Sets of members end with NaN; a node's set starts at its split. */
static bool is_member(const ei_op_ctx *c, double first, double v) {
  const edge_tensor *const t = &c->in[IN_MEMBERS];
  if (!ei_op_has(c, IN_MEMBERS) || !(first >= 0 && first < (double)rows_of(t))) return false;
  for (int64_t i = (int64_t)first; i < rows_of(t); ++i) {
    const double m = ei_load_f64(t, (uint64_t)i);
    if (m != m) return false;
    if (m == v) return true;
  }
  return false;
}

static bool passes(const ei_op_ctx *c, int32_t test, double v, double split) {
  if (v != v) return (test & MISSING_IS_TRUE) != 0;
  switch (test & TEST_MASK) {
  case TEST_LEQ: return v <= split;
  case TEST_LT: return v < split;
  case TEST_GTE: return v >= split;
  case TEST_GT: return v > split;
  case TEST_EQ: return v == split;
  case TEST_NEQ: return v != split;
  default: return is_member(c, split, v);
  }
}

/* The leaf that a row of x falls into: at >= 0 is a node, -1 - k is leaf k. */
static edge_status find_leaf(ei_op_ctx *c, int64_t row, int64_t at, int64_t *leaf) {
  const int32_t *const nodes = (const int32_t *)c->in[IN_NODES].data;
  const int64_t features = c->in[IN_X].dims[1], count = rows_of(&c->in[IN_NODES]);
  for (int64_t steps = 0; at >= 0; ++steps) {
    const int32_t *const n = nodes + 4 * at;
    if (at >= count || steps >= count || n[0] < 0 || n[0] >= features)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                        "node %lld does not exist, reads a feature that does not, or "
                        "leads back to itself",
                        (long long)at);
    const double v = ei_load_f64(&c->in[IN_X], (uint64_t)(row * features + n[0]));
    at = n[passes(c, n[1], v, ei_load_f64(&c->in[IN_SPLITS], (uint64_t)at)) ? 2 : 3];
  }
  *leaf = -1 - at;
  return EDGE_STATUS_OK;
}

static edge_status count_votes(ei_op_ctx *c, int64_t leaf, double *sums, double *votes) {
  const int64_t targets = ei_op_int(c, "targets"), aggregate = ei_op_int(c, "aggregate");
  const int32_t *const l = (const int32_t *)c->in[IN_LEAVES].data + 2 * leaf, *const to =
                                                                                  (const int32_t *)c->in[IN_VOTES].data;
  if (leaf >= rows_of(&c->in[IN_LEAVES]) || l[0] < 0 || l[1] < 0 || (int64_t)l[0] + l[1] > rows_of(&c->in[IN_VOTES]))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "leaf %lld or its votes do not exist", (long long)leaf);
  for (int64_t i = l[0]; i < (int64_t)l[0] + l[1]; ++i) {
    const double w = ei_load_f64(&c->in[IN_WEIGHTS], (uint64_t)i);
    if (to[i] < 0 || to[i] >= targets)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "vote %lld is for target %d", (long long)i, to[i]);
    double *const s = &sums[to[i]];
    if (aggregate <= SUM || votes[to[i]] == 0)
      *s += w;
    else if (aggregate == MINIMUM ? w < *s : w > *s)
      *s = w;
    votes[to[i]] += 1;
  }
  return EDGE_STATUS_OK;
}

static edge_status eval(ei_op_ctx *c) {
  const int64_t targets = ei_op_int(c, "targets"), trees = rows_of(&c->in[IN_ROOTS]);
  const bool average = ei_op_int(c, "aggregate") == AVERAGE;
  const int32_t *const roots = (const int32_t *)c->in[IN_ROOTS].data;
  double *const sums = (double *)c->scratch, *const votes = sums + targets + 1;
  for (int64_t row = 0; row < c->out[0].dims[0]; ++row) {
    for (int64_t t = 0; t < targets; ++t) sums[t] = votes[t] = 0;
    for (int64_t t = 0; t < trees; ++t) {
      int64_t leaf = 0;
      EI_TRY(find_leaf(c, row, roots[t], &leaf));
      EI_TRY(count_votes(c, leaf, sums, votes));
    }
    for (int64_t t = 0; t < targets; ++t) {
      const double base = ei_op_has(c, IN_BASE) ? ei_load_f64(&c->in[IN_BASE], (uint64_t)t) : 0;
      ei_store_f64(&c->out[0], (uint64_t)(row * targets + t),
                   (average && trees ? sums[t] / (double)trees : sums[t]) + base);
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_TreeEnsemble = {
  .name = "TreeEnsemble",
  .min_in = 7,
  .max_in = 9,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 3u << IN_BASE,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
  .scratch_bytes = scratch_bytes,
};
