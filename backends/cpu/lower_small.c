/* SPDX-License-Identifier: Apache-2.0
 * FullyConnected and MatMul whose constant weights have 2 to 8 bits: behind a Dequantize, also in blocks, or with
 * scales of their own. The weights stay small; the product decodes them. */
#include "plan.h"
#include "product.h"
#include "kernels/wgemm/wgemm.h"

/* The weights of a product, as far as their places go. */
typedef struct small {
  ek_wgemm_shape shape;
  ek_wgemm_source from;    /* addresses are set while packing */
  uint32_t q, scale, zero; /* values; scale EDGE_NO_VALUE: the tensor's own */
} small;

static uint32_t bits_of(int32_t dtype, bool *is_signed) {
  *is_signed = dtype == EDGE_DTYPE_S8 || dtype == EDGE_DTYPE_S4 || dtype == EDGE_DTYPE_S2;
  switch (dtype) {
  case EDGE_DTYPE_S8:
  case EDGE_DTYPE_U8: return 8;
  case EDGE_DTYPE_S4:
  case EDGE_DTYPE_U4: return 4;
  case EDGE_DTYPE_S2:
  case EDGE_DTYPE_U2: return 2;
  default: return 0;
  }
}

/* Parameters along `axis` of a matrix whose k-th dimension is k_axis; count values, or blocks of it. */
static bool place(small *s, int64_t axis, int64_t k_axis, uint64_t count, uint64_t block) {
  const uint64_t n = s->shape.n, k = s->shape.k;
  s->shape.block = (size_t)k;
  s->from.ck = s->from.cn = 0;
  if (axis < 0) axis += 2;
  if (count == 1) return true;
  if (block == 0) {
    s->from.cn = 1;
    return axis == 1 - k_axis && count == n;
  }
  if (axis != k_axis || block > k) return false;
  const uint64_t blocks = k / block + (k % block != 0);
  s->shape.block = (size_t)block;
  s->from.ck = k_axis == 1 ? 1 : (size_t)n;
  s->from.cn = k_axis == 1 ? (size_t)blocks : 1;
  return count == n * blocks;
}

static bool is_scale(const edge_tensor *t) {
  return t->encoding == EDGE_ENCODING_NATIVE &&
         (t->dtype == EDGE_DTYPE_F32 || t->dtype == EDGE_DTYPE_F16 || t->dtype == EDGE_DTYPE_BF16);
}

/* Weights behind a Dequantize of constants. */
static bool behind_node(const eb_cpu_plan *plan, uint32_t node, int64_t k_axis, small *s) {
  const edge_tensor *const q = eb_cpu_tensor(plan, s->q);
  s->scale = eb_cpu_input(plan, node, 1);
  s->zero = eb_cpu_input(plan, node, 2);
  if (s->scale == EDGE_NO_VALUE)
    return q->quant.count > 0 && place(s, q->quant.axis, k_axis, q->quant.count, q->quant.block);
  const edge_tensor *const scale = eb_cpu_tensor(plan, s->scale);
  if (!eb_cpu_is_const(plan, s->scale) || !is_scale(scale)) return false;
  if (s->zero != EDGE_NO_VALUE && (!eb_cpu_is_const(plan, s->zero) || eb_cpu_tensor(plan, s->zero)->dtype != q->dtype ||
                                   eb_cpu_elements(eb_cpu_tensor(plan, s->zero)) != eb_cpu_elements(scale)))
    return false;
  return place(s, eb_cpu_int(plan, node, "axis"), k_axis, eb_cpu_elements(scale),
               (uint64_t)eb_cpu_int(plan, node, "block"));
}

static bool zeros_fit(const edge_tensor *q, uint32_t bits, bool is_signed) {
  const int32_t lo = is_signed ? -(1 << (bits - 1)) : 0, hi = lo + (1 << bits) - 1;
  for (uint32_t i = 0; q->quant.zero_points != NULL && i < q->quant.count; ++i)
    if (q->quant.zero_points[i] < lo || q->quant.zero_points[i] > hi) return false;
  return true;
}

static const ek_gemm_f32_kernel *row_of(const eb_cpu_plan *plan) {
  const bool exact = (eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE) != 0;
  return ek_gemm_f32_select(eb_cpu_features(plan), exact ? EK_EXACT : 0);
}

/* The small weights of a product of f32 data; false: it has none. */
static bool small_weights(const eb_cpu_plan *plan, uint32_t node, small *s) {
  const bool matmul = eb_cpu_is_op(plan, node, "MatMul");
  if (!matmul && !eb_cpu_is_op(plan, node, "FullyConnected")) return false;
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tw = eb_cpu_tensor(plan, w);
  *s = (small) { .q = w, .scale = EDGE_NO_VALUE, .zero = EDGE_NO_VALUE };
  if (eb_cpu_is_dynamic(plan, node) || tx->dtype != EDGE_DTYPE_F32 || tw->rank != 2 || tx->rank < 1 ||
      eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0))->dtype != EDGE_DTYPE_F32 ||
      (matmul && eb_cpu_int(plan, node, "trans_a") != 0))
    return false;
  if (bias != EDGE_NO_VALUE && (!eb_cpu_is_const(plan, bias) || eb_cpu_tensor(plan, bias)->dtype != EDGE_DTYPE_F32))
    return false;
  const int64_t k_axis = matmul && eb_cpu_int(plan, node, "trans_b") == 0 ? 0 : 1;
  const uint32_t producer = eb_cpu_producer(plan, w);
  if (producer != EDGE_NO_VALUE) {
    if (!eb_cpu_is_op(plan, producer, "Dequantize") || eb_cpu_only_consumer(plan, w) != node ||
        tw->dtype != EDGE_DTYPE_F32)
      return false;
    s->q = eb_cpu_input(plan, producer, 0);
  }
  const edge_tensor *const q = eb_cpu_tensor(plan, s->q);
  if (!eb_cpu_is_const(plan, s->q) || q->encoding != EDGE_ENCODING_NATIVE || q->rank != 2) return false;
  s->shape.bits = bits_of(q->dtype, &s->from.is_signed);
  s->shape.n = (size_t)q->dims[1 - k_axis];
  s->shape.k = (size_t)q->dims[k_axis];
  s->shape.lanes = row_of(plan)->lanes;
  s->from.sk = k_axis == 1 ? 1 : s->shape.n;
  s->from.sn = k_axis == 1 ? s->shape.k : 1;
  if (s->shape.bits == 0 || s->shape.k == 0 || s->shape.n == 0 || !zeros_fit(q, s->shape.bits, s->from.is_signed) ||
      (bias != EDGE_NO_VALUE && eb_cpu_elements(eb_cpu_tensor(plan, bias)) != s->shape.n) ||
      eb_cpu_elements(tx) % s->shape.k != 0 || (matmul && (uint64_t)tx->dims[tx->rank - 1] != s->shape.k))
    return false;
  const bool placed = producer != EDGE_NO_VALUE
                          ? behind_node(plan, producer, k_axis, s)
                          : q->quant.count > 0 && place(s, q->quant.axis, k_axis, q->quant.count, q->quant.block);
  return placed && ek_wgemm_fits(&s->shape) && ek_wgemm_select(eb_cpu_features(plan), s->shape.lanes) != NULL;
}

/* ---- packing */

typedef struct pack_user {
  const eb_cpu_plan *plan;
  const small *s;
} pack_user;

/* Zero points of a tensor in the form of its values. */
static void write_zeros(const edge_quant *q, uint32_t bits, uint8_t *to) {
  for (uint32_t i = 0; i < q->count; ++i) {
    const uint32_t v = (uint32_t)q->zero_points[i] & ((1u << bits) - 1);
    to[i * bits / 8] |= (uint8_t)(v << (i * bits % 8));
  }
}

static edge_status fill(void *user, void *data, uint64_t bytes) {
  const pack_user *const u = user;
  const small *const s = u->s;
  const edge_host_api *const host = eb_cpu_host(u->plan);
  const edge_quant *const own = &eb_cpu_tensor(u->plan, s->q)->quant;
  ek_wgemm_source from = s->from;
  eb_cpu_const scale = { 0 };
  uint8_t *zeros = NULL;
  (void)bytes;
  from.q = eb_cpu_const_source(u->plan, s->q);
  if (s->scale != EDGE_NO_VALUE) {
    const edge_status status = eb_cpu_const_open(u->plan, s->scale, &scale);
    if (status != EDGE_STATUS_OK) return status;
    from.scale = scale.data;
    from.zero = eb_cpu_const_source(u->plan, s->zero);
  } else {
    from.scale = own->scales;
    if (own->zero_points != NULL) {
      zeros = host->alloc(u->plan->env, (uint64_t)own->count + 1, 64);
      if (zeros == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
      memset(zeros, 0, (size_t)own->count + 1);
      write_zeros(own, s->shape.bits, zeros);
      from.zero = zeros;
    }
  }
  ek_wgemm_pack(&s->shape, &from, data);
  if (zeros != NULL) host->free(u->plan->env, zeros, (uint64_t)own->count + 1, 64);
  eb_cpu_const_close(&scale);
  return EDGE_STATUS_OK;
}

static edge_status pack(eb_cpu_plan *plan, const small *s, const void **out) {
  static const char *const layouts[] = { "wgemm4", "wgemm8", "wgemm16" };
  pack_user user = { plan, s };
  const edge_prepared_key key = {
    .source = eb_cpu_const_source(plan, s->q),
    .layout = layouts[s->shape.lanes == 4   ? 0
                      : s->shape.lanes == 8 ? 1
                                            : 2],
    .params = { (uint64_t)s->shape.k << 32 | s->shape.n,
                (uint64_t)s->shape.block << 16 | s->shape.bits << 1 | (s->from.sk == 1) | (uint64_t)s->shape.lanes << 8,
                (uint64_t)(uintptr_t)eb_cpu_const_source(plan, s->scale),
                (uint64_t)(uintptr_t)eb_cpu_const_source(plan, s->zero) },
  };
  return eb_cpu_prepared(plan, &key, ek_wgemm_packed_bytes(&s->shape), fill, &user, out);
}

/* ---- the product */

typedef struct small_arg {
  ek_wgemm_args gemm;
  eb_cpu_grid grid;
  float *buffers; /* one per worker */
  size_t piece;
  eb_cpu_post post;
} small_arg;

static edge_status small_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const small_arg *const a = arg;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&a->grid, tile);
  const size_t width = (size_t)a->gemm.row->nv_max * a->gemm.row->lanes, n = a->gemm.shape.n;
  float *const buffer = a->buffers + (size_t)worker * EK_WGEMM_BUFFER;
  for (size_t p = t.panels.begin; p < t.panels.end; ++p) { /* decoded once for all rows */
    const size_t c0 = p * width, c1 = n - c0 < width ? n : c0 + width;
    ek_wgemm_block(&a->gemm, t.rows.begin, t.rows.end, p, p + 1, buffer);
    eb_cpu_post_run(&a->post, a->gemm.c, n, t.rows.begin, t.rows.end, c0, c1);
  }
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_small_product(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), bias = eb_cpu_input(plan, node, 2);
  eb_cpu_epilogue end;
  small s;
  if (!small_weights(plan, node, &s) || !eb_cpu_epilogue_of(plan, node, &end)) return EB_CPU_PASS;
  const ek_gemm_f32_kernel *const row = row_of(plan);
  const size_t m = (size_t)(eb_cpu_elements(eb_cpu_tensor(plan, x)) / s.shape.k);
  const double work_us =
      eb_cpu_cost_us(eb_cpu_host(plan), eb_cpu_partition(plan), eb_cpu_node(plan, node), eb_cpu_features(plan));
  const eb_cpu_product_shape shape = eb_cpu_gemm_shape(row, m, s.shape.k, s.shape.n);
  const eb_cpu_grid grid = eb_cpu_grid_of(plan, &shape, work_us);
  const void *packed = NULL;
  eb_cpu_epilogue_chain(plan, &end);
  const edge_status status = pack(plan, &s, &packed);
  if (status != EDGE_STATUS_OK) return status;
  small_arg *const a = eb_cpu_step(plan, node, small_tile, sizeof *a, (uint32_t)(grid.m_tiles * grid.p_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->grid = grid;
  a->gemm = (ek_wgemm_args) { .kernel = ek_wgemm_select(eb_cpu_features(plan), s.shape.lanes),
                              .row = row,
                              .shape = s.shape,
                              .packed = packed,
                              .lda = s.shape.k,
                              .ldc = s.shape.n,
                              .ldr = s.shape.n,
                              .lo = end.lo,
                              .hi = end.hi,
                              .lines = m <= 2 && (eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE) == 0 };
  eb_cpu_slot(plan, &a->gemm.a, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->gemm.c, eb_cpu_value(plan, end.y));
  if (bias != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->gemm.bias, eb_cpu_value(plan, bias));
  if (end.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->gemm.residual, eb_cpu_value(plan, end.residual));
  eb_cpu_slot(plan, &a->buffers,
              eb_cpu_scratch(plan, (uint64_t)eb_cpu_threads(plan) * EK_WGEMM_BUFFER * sizeof(float), 64));
  eb_cpu_chain_bind(plan, &end.chain, &a->post);
  eb_cpu_note(plan, node, a->gemm.kernel->name, "small weights, decoded in the product");
  return eb_cpu_epilogue_finish(plan, node, &end);
}

/* A Dequantize whose only reader decodes for itself. */
edge_status eb_cpu_lower_small_dequantize(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t reader = eb_cpu_only_consumer(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_epilogue end;
  small s;
  if (reader == EDGE_NO_VALUE || !small_weights(plan, reader, &s) || !eb_cpu_epilogue_of(plan, reader, &end))
    return EB_CPU_PASS;
  eb_cpu_note(plan, node, "fused", "the product behind it decodes");
  return EDGE_STATUS_OK;
}
