/* SPDX-License-Identifier: Apache-2.0
 * Operators that only move elements, any type: Transpose, Concat, Split, Slice, Pad, Expand, DepthToSpace,
 * SpaceToDepth. Each output element is a strided copy; what keeps its order becomes a view. */
#include "cpu.h"
#include "kernels/move/move.h"

typedef struct move_arg {
  ek_move_args move;
  const ek_move_kernel *kernel;
  size_t outer_tile, outer_tiles, row_tile;
} move_arg;

static edge_status move_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const move_arg *const a = arg;
  const size_t o0 = tile % a->outer_tiles * a->outer_tile, r0 = tile / a->outer_tiles * a->row_tile;
  const size_t rows = a->move.dims[a->move.rank - 2];
  const size_t o1 = o0 + a->outer_tile < a->move.outer ? o0 + a->outer_tile : a->move.outer;
  const size_t r1 = r0 + a->row_tile < rows ? r0 + a->row_tile : rows;
  ek_move_run(a->kernel, &a->move, o0, o1, r0, r1);
  return EDGE_STATUS_OK;
}

static size_t element_of(const edge_tensor *t) {
  const uint32_t bits = edge_dtype_bits(t->dtype);
  return t->encoding == EDGE_ENCODING_NATIVE && bits % 8 == 0 && bits <= 64 ? bits / 8 : 0;
}

/* [commits] src and dst: places of the first elements */
static edge_status emit(eb_cpu_plan *plan, uint32_t node, const ek_move_args *move, eb_cpu_ref src, eb_cpu_ref dst) {
  size_t count = 1;
  for (size_t d = 0; d < move->rank; ++d) count *= move->dims[d];
  if (count == 0) return EDGE_STATUS_OK;
  const ek_move_kernel *const kernel = ek_move_select(eb_cpu_features(plan), 0);
  move_arg g = { .move = *move, .kernel = kernel };
  ek_move_prepare(&g.move);
  const double work_us = 0.05 + (double)(count * move->element) / 15e3;
  const size_t rows = g.move.dims[g.move.rank - 2], want = eb_cpu_tiles(plan, work_us, g.move.outer * rows);
  g.outer_tile = (g.move.outer + want - 1) / want;
  g.row_tile = rows;
  if (g.move.outer < want) {
    const size_t pieces = (want + g.move.outer - 1) / g.move.outer;
    g.row_tile = ((rows + pieces - 1) / pieces + 15) / 16 * 16;
  }
  g.outer_tiles = (g.move.outer + g.outer_tile - 1) / g.outer_tile;
  const size_t row_tiles = (rows + g.row_tile - 1) / g.row_tile;
  move_arg *const a = eb_cpu_step(plan, node, move_tile, sizeof *a, (uint32_t)(g.outer_tiles * row_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = g;
  eb_cpu_slot(plan, &a->move.src, src);
  eb_cpu_slot(plan, &a->move.dst, dst);
  eb_cpu_note(plan, node, kernel->name, "strided copy");
  return EDGE_STATUS_OK;
}

/* C-order byte strides of a tensor */
static void strides_of(const edge_tensor *t, ptrdiff_t *out) {
  ptrdiff_t step = (ptrdiff_t)element_of(t);
  for (int32_t d = t->rank - 1; d >= 0; --d) {
    out[d] = step;
    step *= (ptrdiff_t)t->dims[d];
  }
}

static bool same_bytes(const edge_tensor *x, const edge_tensor *y) {
  return x->dtype == y->dtype && element_of(x) != 0 && element_of(y) != 0;
}

/* the same quantization, so that the stored numbers may be copied */
static bool same_quant(const edge_tensor *x, const edge_tensor *y) {
  if (x->quant.count == 0 || y->quant.count == 0) return x->quant.count == y->quant.count;
  if (x->quant.count != 1 || y->quant.count != 1) return false;
  const int32_t zx = x->quant.zero_points ? x->quant.zero_points[0] : 0,
                zy = y->quant.zero_points ? y->quant.zero_points[0] : 0;
  return x->quant.scales[0] == y->quant.scales[0] && zx == zy;
}

/* constant integers of input i; false when absent, not constant, or too many */
static bool const_ints(const eb_cpu_plan *plan, uint32_t node, uint32_t i, int64_t *out, uint32_t cap, uint32_t *n) {
  const uint32_t value = eb_cpu_input(plan, node, i);
  const edge_tensor *const t = eb_cpu_tensor(plan, value);
  if (value == EDGE_NO_VALUE || !eb_cpu_is_const(plan, value) || eb_cpu_elements(t) > cap) return false;
  *n = (uint32_t)eb_cpu_elements(t);
  for (uint32_t k = 0; k < *n; ++k) {
    if (t->dtype == EDGE_DTYPE_S64) {
      memcpy(&out[k], (const char *)t->data + k * 8u, 8);
    } else if (t->dtype == EDGE_DTYPE_S32) {
      int32_t narrow = 0;
      memcpy(&narrow, (const char *)t->data + k * 4u, 4);
      out[k] = narrow;
    } else {
      return false;
    }
  }
  return true;
}

edge_status eb_cpu_lower_transpose(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const int32_t rank = tx->rank;
  int64_t perm[EDGE_MAX_RANK];
  uint32_t n = eb_cpu_ints(plan, node, "perm", perm, EDGE_MAX_RANK);
  if (n == 0 && eb_cpu_input(plan, node, 1) != EDGE_NO_VALUE && !const_ints(plan, node, 1, perm, EDGE_MAX_RANK, &n)) {
    return EB_CPU_PASS;
  }
  if (rank < 1 || ty->rank != rank || !same_bytes(tx, ty)) return EB_CPU_PASS;
  for (int32_t d = 0; d < rank && n == 0; ++d) perm[d] = rank - 1 - d;
  if (n != 0 && n != (uint32_t)rank) return EB_CPU_PASS;
  ek_move_args m = { .element = element_of(tx), .rank = (size_t)rank };
  ptrdiff_t from[EDGE_MAX_RANK], to[EDGE_MAX_RANK];
  strides_of(tx, from);
  strides_of(ty, to);
  int64_t before = -1;
  bool ordered = true;
  for (int32_t d = 0; d < rank; ++d) {
    if (perm[d] < 0 || perm[d] >= rank || tx->dims[perm[d]] != ty->dims[d]) return EB_CPU_PASS;
    m.dims[d] = (size_t)ty->dims[d];
    m.src_step[d] = from[perm[d]];
    m.dst_step[d] = to[d];
    if (ty->dims[d] == 1) continue;
    ordered = ordered && perm[d] > before;
    before = perm[d];
  }
  if (ordered) return eb_cpu_lower_view(plan, node);
  return emit(plan, node, &m, eb_cpu_value(plan, x), eb_cpu_value(plan, y));
}

edge_status eb_cpu_lower_concat(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const ty = eb_cpu_tensor(plan, y);
  const uint32_t n = eb_cpu_host(plan)->node_num_inputs(eb_cpu_node(plan, node));
  int64_t axis = eb_cpu_int(plan, node, "axis"), sum = 0;
  if (axis < 0) axis += ty->rank;
  if (n == 0 || axis < 0 || axis >= ty->rank || element_of(ty) == 0 || eb_cpu_int(plan, node, "act") != 0)
    return EB_CPU_PASS;
  for (uint32_t i = 0; i < n; ++i) {
    const edge_tensor *const t = eb_cpu_tensor(plan, eb_cpu_input(plan, node, i));
    if (t->rank != ty->rank || !same_bytes(t, ty) || !same_quant(t, ty)) return EB_CPU_PASS;
    sum += t->dims[axis];
  }
  if (sum != ty->dims[axis]) return EB_CPU_PASS;
  size_t outer = 1, inner = element_of(ty);
  for (int64_t d = 0; d < axis; ++d) outer *= (size_t)ty->dims[d];
  for (int64_t d = axis + 1; d < ty->rank; ++d) inner *= (size_t)ty->dims[d];
  const size_t row = inner * (size_t)ty->dims[axis];
  size_t at = 0;
  eb_cpu_note(plan, node, "view", "inputs are made in place");
  for (uint32_t i = 0, emitted = 0; i < n; ++i) {
    const uint32_t x = eb_cpu_input(plan, node, i);
    const size_t run = inner * (size_t)eb_cpu_tensor(plan, x)->dims[axis];
    if (run == 0 || outer == 0) continue;
    /* one outer slice: the input may be made where it belongs (when nothing else placed it yet) */
    if (outer > 1 || at % 64 != 0 || eb_cpu_producer(plan, x) == EDGE_NO_VALUE || !eb_cpu_alias(plan, x, y, at)) {
      const ek_move_args m = { .element = 1,
                               .rank = 2,
                               .dims = { outer, run },
                               .src_step = { (ptrdiff_t)run, 1 },
                               .dst_step = { (ptrdiff_t)row, 1 } };
      const edge_status status = emit(plan, node, &m, eb_cpu_value(plan, x), eb_cpu_at(eb_cpu_value(plan, y), at));
      if (status != EDGE_STATUS_OK) return status;
      if (emitted++) eb_cpu_no_wait(plan);
    }
    at += run;
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_split(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), n = eb_cpu_host(plan)->node_num_outputs(eb_cpu_node(plan, node));
  const edge_tensor *const tx = eb_cpu_tensor(plan, x);
  int64_t axis = eb_cpu_int(plan, node, "axis"), sum = 0;
  if (axis < 0) axis += tx->rank;
  if (axis < 0 || axis >= tx->rank || element_of(tx) == 0) return EB_CPU_PASS;
  for (uint32_t i = 0; i < n; ++i) {
    const edge_tensor *const t = eb_cpu_tensor(plan, eb_cpu_output(plan, node, i));
    if (t->rank != tx->rank || !same_bytes(t, tx) || !same_quant(t, tx)) return EB_CPU_PASS;
    sum += t->dims[axis];
  }
  if (sum != tx->dims[axis]) return EB_CPU_PASS;
  size_t outer = 1, inner = element_of(tx);
  for (int64_t d = 0; d < axis; ++d) outer *= (size_t)tx->dims[d];
  for (int64_t d = axis + 1; d < tx->rank; ++d) inner *= (size_t)tx->dims[d];
  const size_t row = inner * (size_t)tx->dims[axis];
  size_t at = 0;
  eb_cpu_note(plan, node, "view", "outputs are windows of the input");
  for (uint32_t i = 0, emitted = 0; i < n; ++i) {
    const uint32_t y = eb_cpu_output(plan, node, i);
    const size_t run = inner * (size_t)eb_cpu_tensor(plan, y)->dims[axis];
    if (run == 0 || outer == 0) continue;
    if (outer > 1 || at % 64 != 0 || eb_cpu_is_const(plan, x) || !eb_cpu_alias(plan, y, x, at)) {
      const ek_move_args m = { .element = 1,
                               .rank = 2,
                               .dims = { outer, run },
                               .src_step = { (ptrdiff_t)row, 1 },
                               .dst_step = { (ptrdiff_t)run, 1 } };
      const edge_status status = emit(plan, node, &m, eb_cpu_at(eb_cpu_value(plan, x), at), eb_cpu_value(plan, y));
      if (status != EDGE_STATUS_OK) return status;
      if (emitted++) eb_cpu_no_wait(plan);
    }
    at += run;
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_slice(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  int64_t starts[EDGE_MAX_RANK], axes[EDGE_MAX_RANK], steps[EDGE_MAX_RANK];
  uint32_t n = 0, n_axes = 0, n_steps = 0;
  if (tx->rank < 1 || ty->rank != tx->rank || !same_bytes(tx, ty) || eb_cpu_elements(ty) == 0 ||
      !const_ints(plan, node, 1, starts, EDGE_MAX_RANK, &n)) {
    return EB_CPU_PASS;
  }
  const bool has_axes = eb_cpu_input(plan, node, 3) != EDGE_NO_VALUE,
             has_steps = eb_cpu_input(plan, node, 4) != EDGE_NO_VALUE;
  if ((has_axes && (!const_ints(plan, node, 3, axes, EDGE_MAX_RANK, &n_axes) || n_axes != n)) ||
      (has_steps && (!const_ints(plan, node, 4, steps, EDGE_MAX_RANK, &n_steps) || n_steps != n)) ||
      n > (uint32_t)tx->rank) {
    return EB_CPU_PASS;
  }
  ek_move_args m = { .element = element_of(tx), .rank = (size_t)tx->rank };
  strides_of(tx, m.src_step);
  strides_of(ty, m.dst_step);
  for (int32_t d = 0; d < tx->rank; ++d) m.dims[d] = (size_t)ty->dims[d];
  uint64_t offset = 0;
  for (uint32_t i = 0; i < n; ++i) {
    int64_t axis = has_axes ? axes[i] : (int64_t)i;
    const int64_t step = has_steps ? steps[i] : 1;
    if (axis < 0) axis += tx->rank;
    if (axis < 0 || axis >= tx->rank || step == 0) return EB_CPU_PASS;
    const int64_t dim = tx->dims[axis];
    int64_t start = starts[i] < 0 ? (starts[i] < -dim ? -1 : starts[i] + dim) : starts[i];
    if (step > 0) {
      start = start < 0 ? 0 : start;
    } else {
      start = start > dim - 1 ? dim - 1 : start;
    }
    const int64_t count = ty->dims[axis] - 1, room = step > 0 ? dim - 1 - start : start;
    const uint64_t stride = step > 0 ? (uint64_t)step : 0u - (uint64_t)step;
    if (start < 0 || start >= dim || (count > 0 && stride > (uint64_t)room / (uint64_t)count)) return EB_CPU_PASS;
    offset += (uint64_t)start * (uint64_t)m.src_step[axis];
    m.src_step[axis] *= count > 0 ? (ptrdiff_t)step : 1;
  }
  return emit(plan, node, &m, eb_cpu_at(eb_cpu_value(plan, x), offset), eb_cpu_value(plan, y));
}

/* ---- Pad with a constant: lines of y, from the last padded dimension on, are a run of x between two of the value */

typedef struct pad_arg {
  const uint8_t *x;
  uint8_t *y;
  size_t element, lead, run, line; /* bytes: of an element, before the run, of the run, all */
  size_t rank, x_dims[EDGE_MAX_RANK], y_dims[EDGE_MAX_RANK], before[EDGE_MAX_RANK]; /* of the lines */
  size_t rows, per_tile;
  uint8_t value[8];
  bool even; /* all bytes of the value are the same */
} pad_arg;

static void pad_fill(const pad_arg *k, uint8_t *y, size_t bytes) {
  if (k->even) {
    memset(y, k->value[0], bytes);
    return;
  }
  for (size_t i = 0; i < bytes; i += k->element) memcpy(y + i, k->value, k->element);
}

static edge_status pad_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const pad_arg *const k = arg;
  (void)worker;
  const size_t from = tile * k->per_tile, end = k->rows - from < k->per_tile ? k->rows : from + k->per_tile;
  for (size_t r = from; r < end; ++r) {
    uint8_t *const y = k->y + r * k->line;
    size_t row = 0, left = r, step = 1;
    bool inside = true;
    for (size_t d = k->rank; d-- > 0 && inside; left /= k->y_dims[d], step *= k->x_dims[d]) {
      const size_t at = left % k->y_dims[d];
      inside = at >= k->before[d] && at - k->before[d] < k->x_dims[d];
      row += (at - k->before[d]) * step;
    }
    if (!inside) {
      pad_fill(k, y, k->line);
      continue;
    }
    pad_fill(k, y, k->lead);
    memcpy(y + k->lead, k->x + row * k->run, k->run);
    pad_fill(k, y + k->lead + k->run, k->line - k->lead - k->run);
  }
  return EDGE_STATUS_OK;
}

/* what y is filled with; false: not a constant */
static bool pad_value(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *x, pad_arg *k) {
  const uint32_t value = eb_cpu_input(plan, node, 2);
  if (value != EDGE_NO_VALUE) {
    const edge_tensor *const v = eb_cpu_tensor(plan, value);
    if (!eb_cpu_is_const(plan, value) || v->data == NULL || !same_bytes(x, v) || eb_cpu_elements(v) != 1) return false;
    memcpy(k->value, v->data, k->element);
  } else if (x->quant.count > 0 && x->quant.zero_points != NULL) {
    if (x->quant.count > 1 || k->element != 1) return false;
    k->value[0] = (uint8_t)(x->quant.zero_points[0] & 255);
  }
  k->even = true;
  for (size_t i = 1; i < k->element; ++i) k->even = k->even && k->value[i] == k->value[0];
  return true;
}

edge_status eb_cpu_lower_pad(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const edge_tensor *const tp = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 1));
  int64_t pads[2 * EDGE_MAX_RANK];
  uint32_t n = 0;
  pad_arg k = { .element = element_of(tx), .rows = 1 };
  if (eb_cpu_int(plan, node, "mode") != 0 || eb_cpu_input(plan, node, 3) != EDGE_NO_VALUE || tx->rank < 1 ||
      ty->rank != tx->rank || !same_bytes(tx, ty) || eb_cpu_elements(tx) == 0 || !pad_value(plan, node, tx, &k) ||
      !const_ints(plan, node, 1, pads, 2 * EDGE_MAX_RANK, &n) || n != 2 * (uint32_t)tx->rank)
    return EB_CPU_PASS;
  int32_t last = -1;
  for (int32_t d = 0; d < tx->rank; ++d) {
    const int64_t before = pads[tp->rank == 2 ? 2 * d : d], after = pads[tp->rank == 2 ? 2 * d + 1 : tx->rank + d];
    if (before < 0 || after < 0 || ty->dims[d] - tx->dims[d] != before + after) return EB_CPU_PASS;
    if (before + after > 0) last = d;
    k.x_dims[d] = (size_t)tx->dims[d];
    k.y_dims[d] = (size_t)ty->dims[d];
    k.before[d] = (size_t)before;
  }
  if (last < 0) return EB_CPU_PASS;
  size_t unit = k.element;
  for (int32_t d = last + 1; d < tx->rank; ++d) unit *= k.x_dims[d];
  k.lead = k.before[last] * unit;
  k.run = k.x_dims[last] * unit;
  k.line = k.y_dims[last] * unit;
  k.rank = (size_t)last;
  for (size_t d = 0; d < k.rank; ++d) k.rows *= k.y_dims[d];
  const double us = 0.1 + (double)(k.rows * k.line) / 15e3;
  const size_t want = eb_cpu_tiles(plan, us, k.rows);
  k.per_tile = (k.rows + want - 1) / want;
  pad_arg *const arg =
      eb_cpu_step(plan, node, pad_tile, sizeof k, (uint32_t)((k.rows + k.per_tile - 1) / k.per_tile), us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = k;
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, y));
  eb_cpu_note(plan, node, "pad", "lines copied between constants");
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_expand(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  if (tx->rank < 0 || ty->rank < 1 || tx->rank > ty->rank || !same_bytes(tx, ty) || eb_cpu_elements(ty) == 0)
    return EB_CPU_PASS;
  ek_move_args m = { .element = element_of(tx), .rank = (size_t)ty->rank };
  ptrdiff_t from[EDGE_MAX_RANK];
  strides_of(tx, from);
  strides_of(ty, m.dst_step);
  for (int32_t d = ty->rank - 1, e = tx->rank - 1; d >= 0; --d, --e) {
    if (e >= 0 && tx->dims[e] != 1 && tx->dims[e] != ty->dims[d]) return EB_CPU_PASS;
    m.dims[d] = (size_t)ty->dims[d];
    m.src_step[d] = e >= 0 && tx->dims[e] != 1 ? from[e] : 0;
  }
  return emit(plan, node, &m, eb_cpu_value(plan, x), eb_cpu_value(plan, y));
}

edge_status eb_cpu_lower_depth_space(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const bool to_space = eb_cpu_is_op(plan, node, "DepthToSpace");
  const int64_t b = eb_cpu_int(plan, node, "block");
  if (tx->rank != 4 || ty->rank != 4 || !same_bytes(tx, ty) || b < 1 || eb_cpu_elements(tx) == 0) return EB_CPU_PASS;
  /* small: the tensor with few channels [n, h*b, w*b, c]; deep: [n, h, w, b*b*c] */
  const edge_tensor *const deep = to_space ? tx : ty, *const small = to_space ? ty : tx;
  const int64_t h = deep->dims[1], w = deep->dims[2], c = small->dims[3];
  if (deep->dims[3] != b * b * c || small->dims[1] != h * b || small->dims[2] != w * b) return EB_CPU_PASS;
  const bool crd = eb_cpu_int(plan, node, "mode") == 1; /* channel outermost inside the depth */
  const ptrdiff_t e = (ptrdiff_t)element_of(tx), sc = (ptrdiff_t)c, sb = (ptrdiff_t)b, sw = (ptrdiff_t)w;
  const ptrdiff_t deep_pixel = sb * sb * sc * e, small_pixel = sc * e;
  const ptrdiff_t deep_step[6] = { (ptrdiff_t)(h * w) * deep_pixel,
                                   sw * deep_pixel,
                                   crd ? sb * e : sb * sc * e,
                                   deep_pixel,
                                   crd ? e : sc * e,
                                   crd ? sb * sb * e : e };
  const ptrdiff_t row = sw * sb * small_pixel;
  const ptrdiff_t small_step[6] = { (ptrdiff_t)h * sb * row, sb * row, row, sb * small_pixel, small_pixel, e };
  ek_move_args m = { .element = (size_t)e,
                     .rank = 6,
                     .dims = { (size_t)tx->dims[0], (size_t)h, (size_t)b, (size_t)w, (size_t)b, (size_t)c } };
  for (size_t d = 0; d < 6; ++d) {
    m.src_step[d] = to_space ? deep_step[d] : small_step[d];
    m.dst_step[d] = to_space ? small_step[d] : deep_step[d];
  }
  return emit(plan, node, &m, eb_cpu_value(plan, x), eb_cpu_value(plan, y));
}
