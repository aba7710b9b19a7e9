/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise operators: two operands with any broadcasting, one operand, clamps. */
#include "cpu.h"
#include "kernels/eltwise/eltwise.h"

#include <math.h>

static const ek_eltwise_f32_kernel *kernel_of(const eb_cpu_plan *plan) {
  return ek_eltwise_f32_select(eb_cpu_features(plan),
                               eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
}

static bool is_plain_f32(const edge_tensor *t) {
  return t->dtype == EDGE_DTYPE_F32 && t->encoding == EDGE_ENCODING_NATIVE;
}

/* ---- two operands */

typedef struct binary_arg {
  ek_binary_f32_fn fn;
  const float *a, *b;
  float *y;
  size_t n, a_step, b_step; /* innermost run */
  size_t rank, outer;       /* dims around it, outermost first, and their product */
  size_t dims[EDGE_MAX_RANK], a_strides[EDGE_MAX_RANK], b_strides[EDGE_MAX_RANK];
  size_t n_tile, n_tiles, outer_tile;
  float lo, hi;
} binary_arg;

static edge_status binary_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const binary_arg *const g = arg;
  const size_t n0 = tile % g->n_tiles * g->n_tile, n = g->n - n0 < g->n_tile ? g->n - n0 : g->n_tile;
  const size_t o0 = tile / g->n_tiles * g->outer_tile;
  const size_t o1 = o0 + g->outer_tile < g->outer ? o0 + g->outer_tile : g->outer;
  for (size_t o = o0; o < o1; ++o) {
    size_t a = n0 * g->a_step, b = n0 * g->b_step, rest = o;
    for (size_t d = g->rank; d-- > 0; rest /= g->dims[d]) {
      a += rest % g->dims[d] * g->a_strides[d];
      b += rest % g->dims[d] * g->b_strides[d];
    }
    g->fn(n, g->a + a, g->a_step, g->b + b, g->b_step, g->y + o * g->n + n0, g->lo, g->hi);
  }
  return EDGE_STATUS_OK;
}

/* dims of t seen from y: stride 0 where broadcast */
static bool strides_of(const edge_tensor *t, const edge_tensor *y, size_t *out) {
  size_t stride = 1;
  for (int32_t d = y->rank - 1, e = t->rank - 1; d >= 0; --d, --e) {
    const int64_t dim = e >= 0 ? t->dims[e] : 1;
    if (dim != 1 && dim != y->dims[d]) return false;
    out[d] = dim == 1 ? 0 : stride;
    stride *= (size_t)dim;
  }
  return t->rank <= y->rank;
}

/* joins neighbouring dims that both operands walk as one; the last one is the inner run */
static void collapse(binary_arg *g, const edge_tensor *y, const size_t *a, const size_t *b) {
  size_t dims[EDGE_MAX_RANK + 1], sa[EDGE_MAX_RANK + 1], sb[EDGE_MAX_RANK + 1], rank = 0;
  for (int32_t d = 0; d < y->rank; ++d) {
    const size_t dim = (size_t)y->dims[d];
    if (dim == 1) continue;
    if (rank > 0 && sa[rank - 1] == a[d] * dim && sb[rank - 1] == b[d] * dim) {
      dims[rank - 1] *= dim;
      sa[rank - 1] = a[d];
      sb[rank - 1] = b[d];
      continue;
    }
    dims[rank] = dim;
    sa[rank] = a[d];
    sb[rank++] = b[d];
  }
  if (rank == 0) {
    dims[0] = 1;
    sa[0] = sb[0] = 0;
    rank = 1;
  }
  g->n = dims[rank - 1];
  g->a_step = sa[rank - 1];
  g->b_step = sb[rank - 1];
  g->rank = rank - 1;
  g->outer = 1;
  for (size_t d = 0; d + 1 < rank; ++d) {
    g->dims[d] = dims[d];
    g->a_strides[d] = sa[d];
    g->b_strides[d] = sb[d];
    g->outer *= dims[d];
  }
}

static bool binary_op(const char *op, ek_binary_f32_op *out) {
  static const struct {
    const char *op;
    ek_binary_f32_op code;
  } names[] = {
    { "Add", EK_BINARY_ADD },     { "Sum", EK_BINARY_ADD },
    { "Sub", EK_BINARY_SUB },     { "Mul", EK_BINARY_MUL },
    { "Div", EK_BINARY_DIV },     { "Min", EK_BINARY_MIN },
    { "Max", EK_BINARY_MAX },     { "SquaredDifference", EK_BINARY_SQDIFF },
    { "PRelu", EK_BINARY_PRELU },
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    if (strcmp(op, names[i].op) == 0) {
      *out = names[i].code;
      return true;
    }
  }
  return false;
}

bool eb_cpu_binary_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_binary *out) {
  const edge_host_api *const host = eb_cpu_host(plan);
  const char *const op = host->node_op(eb_cpu_node(plan, node));
  const bool has_act =
      strcmp(op, "Add") == 0 || strcmp(op, "Sub") == 0 || strcmp(op, "Mul") == 0 || strcmp(op, "Div") == 0;
  ek_binary_f32_op code;
  if (host->node_num_inputs(eb_cpu_node(plan, node)) != 2 || !binary_op(op, &code)) return false;
  const ek_eltwise_f32_kernel *const kernel = kernel_of(plan);
  *out = (eb_cpu_binary) { kernel->name, kernel->binary[code], -INFINITY, INFINITY };
  return !has_act || eb_cpu_clamp(plan, node, &out->lo, &out->hi);
}

edge_status eb_cpu_lower_binary_f32(eb_cpu_plan *plan, uint32_t node) {
  const char *const op = eb_cpu_host(plan)->node_op(eb_cpu_node(plan, node));
  const uint32_t a = eb_cpu_input(plan, node, 0), b = eb_cpu_input(plan, node, 1), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const ta = eb_cpu_tensor(plan, a), *const tb = eb_cpu_tensor(plan, b);
  const edge_tensor *const ty = eb_cpu_tensor(plan, y);
  size_t sa[EDGE_MAX_RANK] = { 0 }, sb[EDGE_MAX_RANK] = { 0 };
  eb_cpu_binary binary;
  const uint64_t count = eb_cpu_elements(ty);
  if (!eb_cpu_binary_of(plan, node, &binary) || !is_plain_f32(ta) || !is_plain_f32(tb) || !is_plain_f32(ty) ||
      count == 0 || !strides_of(ta, ty, sa) || !strides_of(tb, ty, sb)) {
    return EB_CPU_PASS;
  }
  binary_arg g = { .fn = binary.fn, .lo = binary.lo, .hi = binary.hi };
  collapse(&g, ty, sa, sb);
  const double work_us = 0.05 + (double)count * 12.0 / 60e3 + (double)g.outer * 0.006;
  const size_t want = eb_cpu_tiles(plan, work_us, count / 1024 + 1);
  g.n_tile = g.n;
  g.outer_tile = (g.outer + want - 1) / want;
  if (g.outer < want) {
    g.outer_tile = 1;
    const size_t pieces = (want + g.outer - 1) / g.outer;
    g.n_tile = ((g.n + pieces - 1) / pieces + 63) / 64 * 64;
  }
  g.n_tiles = (g.n + g.n_tile - 1) / g.n_tile;
  const size_t outer_tiles = (g.outer + g.outer_tile - 1) / g.outer_tile;
  binary_arg *const arg =
      eb_cpu_step(plan, node, binary_tile, sizeof *arg, (uint32_t)(g.n_tiles * outer_tiles), work_us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = g;
  eb_cpu_slot(plan, &arg->a, eb_cpu_value(plan, a));
  eb_cpu_slot(plan, &arg->b, eb_cpu_value(plan, b));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, y));
  if (eb_cpu_elements(ta) == count) {
    eb_cpu_in_place(plan, y, a);
  } else if (eb_cpu_elements(tb) == count) {
    eb_cpu_in_place(plan, y, b);
  }
  eb_cpu_note(plan, node, binary.kernel, op);
  return EDGE_STATUS_OK;
}

/* ---- one operand */

typedef struct unary_arg {
  ek_unary_f32_fn fn;
  const float *x;
  float *y;
  size_t n, n_tile;
  float p0, p1;
} unary_arg;

static edge_status unary_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const unary_arg *const g = arg;
  const size_t n0 = tile * g->n_tile, n = g->n - n0 < g->n_tile ? g->n - n0 : g->n_tile;
  g->fn(n, g->x + n0, g->y + n0, g->p0, g->p1);
  return EDGE_STATUS_OK;
}

typedef struct unary_row {
  const char *op;
  ek_unary_f32_op code;
  const char *k0, *k1; /* attributes of the parameters, or NULL for the numbers */
  float p0, p1;
} unary_row;

static const unary_row unary_rows[] = {
  { "Relu", EK_UNARY_CLAMP, NULL, NULL, 0.0f, INFINITY },
  { "Relu6", EK_UNARY_CLAMP, NULL, NULL, 0.0f, 6.0f },
  { "LeakyRelu", EK_UNARY_LEAKY, "alpha", NULL, 0.0f, 0.0f },
  { "Elu", EK_UNARY_ELU, "alpha", NULL, 0.0f, 1.0f },
  { "HardSigmoid", EK_UNARY_HSIGMOID, "alpha", "beta", 0.0f, 0.0f },
  { "HardSwish", EK_UNARY_HSWISH, NULL, NULL, 0.0f, 0.0f },
  { "Sigmoid", EK_UNARY_SIGMOID, NULL, NULL, 0.0f, 0.0f },
  { "Tanh", EK_UNARY_TANH, NULL, NULL, 0.0f, 0.0f },
  { "Swish", EK_UNARY_SWISH, "alpha", NULL, 0.0f, 0.0f },
  { "Erf", EK_UNARY_ERF, NULL, NULL, 0.0f, 0.0f },
  { "Exp", EK_UNARY_EXP, NULL, NULL, 0.0f, 0.0f },
  { "Log", EK_UNARY_LOG, NULL, NULL, 0.0f, 0.0f },
  { "Sqrt", EK_UNARY_SQRT, NULL, NULL, 0.0f, 0.0f },
  { "Rsqrt", EK_UNARY_RSQRT, NULL, NULL, 0.0f, 0.0f },
  { "Reciprocal", EK_UNARY_RECIPROCAL, NULL, NULL, 0.0f, 0.0f },
  { "Neg", EK_UNARY_NEG, NULL, NULL, 0.0f, 0.0f },
  { "Abs", EK_UNARY_ABS, NULL, NULL, 0.0f, 0.0f },
  { "Square", EK_UNARY_SQUARE, NULL, NULL, 0.0f, 0.0f },
  { "Floor", EK_UNARY_FLOOR, NULL, NULL, 0.0f, 0.0f },
  { "Ceil", EK_UNARY_CEIL, NULL, NULL, 0.0f, 0.0f },
  { "Round", EK_UNARY_ROUND, NULL, NULL, 0.0f, 0.0f },
  { "Softplus", EK_UNARY_SOFTPLUS, NULL, NULL, 0.0f, 0.0f },
};

bool eb_cpu_unary_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_unary *out) {
  const ek_eltwise_f32_kernel *const kernel = kernel_of(plan);
  const char *const op = eb_cpu_host(plan)->node_op(eb_cpu_node(plan, node));
  *out = (eb_cpu_unary) { .kernel = kernel->name };
  if (strcmp(op, "Gelu") == 0) {
    out->fn = kernel->unary[eb_cpu_int(plan, node, "approximate") ? EK_UNARY_GELU_TANH : EK_UNARY_GELU];
    return true;
  }
  if (strcmp(op, "Pow") == 0) { /* squares only */
    const uint32_t v = eb_cpu_input(plan, node, 1);
    float exponent = 0.0f;
    if (!eb_cpu_is_const(plan, v) || !is_plain_f32(eb_cpu_tensor(plan, v)) ||
        eb_cpu_elements(eb_cpu_tensor(plan, v)) != 1) {
      return false;
    }
    memcpy(&exponent, eb_cpu_tensor(plan, v)->data, sizeof exponent);
    out->fn = kernel->unary[EK_UNARY_SQUARE];
    return exponent == 2.0f;
  }
  if (strcmp(op, "Clip") == 0) {
    float bounds[2] = { -INFINITY, INFINITY };
    for (uint32_t i = 0; i < 2; ++i) {
      const uint32_t v = eb_cpu_input(plan, node, i + 1);
      if (v == EDGE_NO_VALUE) continue;
      if (!eb_cpu_is_const(plan, v) || !is_plain_f32(eb_cpu_tensor(plan, v)) ||
          eb_cpu_elements(eb_cpu_tensor(plan, v)) != 1) {
        return false;
      }
      memcpy(&bounds[i], eb_cpu_tensor(plan, v)->data, sizeof(float));
    }
    if (bounds[0] != bounds[0] || bounds[1] != bounds[1]) return false;
    if (bounds[0] > bounds[1]) bounds[0] = bounds[1]; /* the upper one wins */
    out->fn = kernel->unary[EK_UNARY_CLAMP];
    out->p0 = bounds[0];
    out->p1 = bounds[1];
    return true;
  }
  for (size_t i = 0; i < sizeof unary_rows / sizeof *unary_rows; ++i) {
    const unary_row *const row = &unary_rows[i];
    if (strcmp(op, row->op) != 0) continue;
    out->fn = kernel->unary[row->code];
    out->p0 = row->k0 ? eb_cpu_float(plan, node, row->k0) : row->p0;
    out->p1 = row->k1 ? eb_cpu_float(plan, node, row->k1) : row->p1;
    return true;
  }
  return false;
}

bool eb_cpu_unary_of_act(const eb_cpu_plan *plan, uint32_t node, eb_cpu_unary *out) {
  const ek_eltwise_f32_kernel *const kernel = kernel_of(plan);
  *out = (eb_cpu_unary) { .kernel = kernel->name, .p0 = 1.0f };
  switch (eb_cpu_int(plan, node, "act")) {
  case 4: out->fn = kernel->unary[EK_UNARY_TANH]; return true;
  case 6: out->fn = kernel->unary[EK_UNARY_HSWISH]; return true;
  case 7: out->fn = kernel->unary[EK_UNARY_SIGMOID]; return true;
  case 8: out->fn = kernel->unary[EK_UNARY_SWISH]; return true;
  default: return false;
  }
}

edge_status eb_cpu_emit_unary(eb_cpu_plan *plan, uint32_t node, const eb_cpu_unary *unary, uint32_t x, uint32_t y) {
  const uint64_t count = eb_cpu_elements(eb_cpu_tensor(plan, y));
  if (count == 0) return EDGE_STATUS_OK;
  const double work_us = 0.05 + (double)count * 8.0 / 40e3;
  const size_t want = eb_cpu_tiles(plan, work_us, count / 1024 + 1);
  const size_t n_tile = ((size_t)count / want + 64) / 64 * 64;
  unary_arg *const arg =
      eb_cpu_step(plan, node, unary_tile, sizeof *arg, (uint32_t)(((size_t)count + n_tile - 1) / n_tile), work_us);
  if (arg == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *arg = (unary_arg) { .fn = unary->fn, .n = (size_t)count, .n_tile = n_tile, .p0 = unary->p0, .p1 = unary->p1 };
  eb_cpu_slot(plan, &arg->x, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &arg->y, eb_cpu_value(plan, y));
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_unary_f32(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  const uint64_t count = eb_cpu_elements(ty);
  eb_cpu_unary unary;
  if (!is_plain_f32(tx) || !is_plain_f32(ty) || count == 0 || eb_cpu_elements(tx) != count ||
      !eb_cpu_unary_of(plan, node, &unary)) {
    return EB_CPU_PASS;
  }
  const edge_status status = eb_cpu_emit_unary(plan, node, &unary, x, y);
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_in_place(plan, y, x);
  eb_cpu_note(plan, node, unary.kernel, "elementwise");
  return EDGE_STATUS_OK;
}
