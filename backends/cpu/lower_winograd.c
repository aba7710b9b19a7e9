/* SPDX-License-Identifier: Apache-2.0
 * f32 Conv 3x3 with stride 1 by Winograd's method where that is estimated faster than the plain sums; a residual Add
 * and elementwise operators behind it come along. */
#include "product.h"
#include "kernels/winograd/winograd.h"

typedef struct winograd_arg {
  ek_winograd_f32_args conv;
  size_t tiles, block, blocks;  /* a step's tile is a block of the image's tiles */
  size_t groups, column_groups; /* ... times `groups` of its column groups */
  size_t v_step, m_floats, worker_floats;
  float *v;      /* of the whole image, or NULL: a block's is in the worker's memory */
  float *memory; /* worker_floats for each worker: V of a block, if it is not whole, then M and U */
  eb_cpu_post post;
} winograd_arg;

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

static size_t block_start(const winograd_arg *a, size_t block) {
  return (size_t)((uint64_t)block * a->tiles / a->blocks);
}

/* V of the whole image */
static edge_status input_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const winograd_arg *const a = arg;
  const size_t t0 = block_start(a, tile), t1 = block_start(a, tile + 1);
  ek_winograd_f32_input(&a->conv, t0, t1, a->v + t0 * a->conv.c_in, a->v_step);
  return EDGE_STATUS_OK;
}

/* the chain over the columns of groups [g0, g1) of what tiles [t0, t1) have written */
static void after(const winograd_arg *a, size_t t0, size_t t1, size_t g0, size_t g1) {
  const size_t c0 = ek_winograd_f32_column(&a->conv, g0), c1 = ek_winograd_f32_column(&a->conv, g1);
  ek_winograd_f32_strip s;
  for (size_t t = t0; t < t1 && a->post.num > 0;) {
    t = ek_winograd_f32_strip_at(&a->conv, t, t1, &s);
    for (size_t i = 0; i < s.lines; ++i, s.pixel += a->conv.ow) {
      eb_cpu_post_run(&a->post, a->conv.y, a->conv.c_out, s.pixel, s.pixel + s.pixels, c0, c1);
    }
  }
}

static edge_status output_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const winograd_arg *const a = arg;
  const size_t t0 = block_start(a, tile % a->blocks), t1 = block_start(a, tile % a->blocks + 1);
  const size_t g0 = tile / a->blocks * a->groups, g1 = least(g0 + a->groups, a->column_groups);
  float *own = a->memory + worker * a->worker_floats;
  const float *v = own;
  if (a->v != NULL) {
    v = a->v + t0 * a->conv.c_in;
  } else {
    ek_winograd_f32_input(&a->conv, t0, t1, own, a->v_step);
    own += a->v_step * ek_winograd_f32_positions(&a->conv);
  }
  ek_winograd_f32_output(&a->conv, t0, t1, g0, g1, v, a->v_step, own, own + a->m_floats);
  after(a, t0, t1, g0, g1);
  return EDGE_STATUS_OK;
}

typedef struct pack_user {
  const eb_cpu_plan *plan;
  const ek_winograd_f32_args *conv;
  uint32_t w, bias;
} pack_user;

static edge_status fill(void *user, void *data, uint64_t bytes) {
  (void)bytes;
  const pack_user *const u = user;
  eb_cpu_const w = { 0 }, bias = { 0 };
  edge_status status = u->conv->half ? EDGE_STATUS_OK : eb_cpu_const_open(u->plan, u->w, &w);
  if (status == EDGE_STATUS_OK) status = eb_cpu_const_open(u->plan, u->bias, &bias);
  if (status == EDGE_STATUS_OK)
    ek_winograd_f32_pack(u->conv, u->conv->half ? eb_cpu_const_source(u->plan, u->w) : w.data, bias.data, data);
  eb_cpu_const_close(&w);
  eb_cpu_const_close(&bias);
  return status;
}

/* With threads and few blocks all of V is made first, and the second step
 * shares out column groups too, so that the weights pass through one core each. */
static void cut(const eb_cpu_plan *plan, double work_us, winograd_arg *a) {
  enum { LEAST_TILES = 6, A_THREAD = 2 };
  const size_t threads = work_us < 20.0 ? 1 : eb_cpu_threads(plan), positions = ek_winograd_f32_positions(&a->conv);
  size_t blocks = ek_winograd_f32_blocks(&a->conv, eb_cpu_l2_bytes(plan));
  const size_t most = (a->tiles + LEAST_TILES - 1) / LEAST_TILES;
  a->column_groups = a->groups = ek_winograd_f32_groups(&a->conv);
  bool whole = false;
  if (threads > 1) {
    whole = a->column_groups > 1 && blocks < A_THREAD * threads;
    const size_t columns = whole ? a->column_groups : 1;
    if (blocks * columns < A_THREAD * threads) blocks = (A_THREAD * threads + columns - 1) / columns;
    if (whole) a->groups = 1;
  }
  blocks = least(blocks, most);
  if (threads > 1 && a->column_groups / a->groups % threads != 0) { /* so that all end together */
    blocks = blocks > threads ? (blocks + threads - 1) / threads * threads : least(threads, most);
  }
  a->blocks = blocks;
  a->block = (a->tiles + blocks - 1) / blocks;
  a->v_step = ek_winograd_f32_v_step(&a->conv, whole ? a->tiles : a->block);
  a->m_floats = ek_winograd_f32_m_step(&a->conv, a->block) * positions;
  a->worker_floats = a->m_floats + (ek_winograd_f32_u_step(&a->conv) + (whole ? 0 : a->v_step)) * positions;
}

static bool sizes_of(const eb_cpu_plan *plan, uint32_t node, ek_winograd_f32_args *conv) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tw = eb_cpu_tensor(plan, w),
                           *const ty = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window win;
  if ((eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE) || tx->dtype != EDGE_DTYPE_F32 ||
      ty->dtype != EDGE_DTYPE_F32 || !eb_cpu_is_f32_weight(plan, w) || eb_cpu_is_dynamic(plan, node) ||
      (bias != EDGE_NO_VALUE && (!eb_cpu_is_const(plan, bias) || eb_cpu_tensor(plan, bias)->dtype != EDGE_DTYPE_F32)) ||
      !eb_cpu_window_of(plan, node, tx, tw, ty, &win) || eb_cpu_int(plan, node, "group") > 1 || win.kh != 3 ||
      win.kw != 3 || win.sh != 1 || win.sw != 1 || win.dh != 1 || win.dw != 1 || win.n < 1 || win.oh < 1 ||
      win.ow < 1 || tw->dims[tw->rank - 1] != win.ic) {
    return false;
  }
  *conv = (ek_winograd_f32_args) { .gemm = ek_gemm_f32_select(eb_cpu_features(plan), 0),
                                   .batch = (size_t)win.n,
                                   .ih = (size_t)win.ih,
                                   .iw = (size_t)win.iw,
                                   .oh = (size_t)win.oh,
                                   .ow = (size_t)win.ow,
                                   .c_in = (size_t)win.ic,
                                   .c_out = (size_t)win.oc,
                                   .pad_top = (ptrdiff_t)win.pad_top,
                                   .pad_left = (ptrdiff_t)win.pad_left };
  conv->kernel = ek_winograd_f32_choose(conv, eb_cpu_features(plan), eb_cpu_l2_bytes(plan));
  if (conv->kernel == NULL) return false;
  conv->depth = ek_winograd_f32_depth(conv, eb_cpu_l2_bytes(plan));
  conv->half = eb_cpu_const_is_f16(plan, w) && !ek_winograd_f32_stores(conv);
  conv->stored = !conv->half && ek_winograd_f32_stores(conv);
  return true;
}

edge_status eb_cpu_lower_winograd_f32(eb_cpu_plan *plan, uint32_t node) {
  winograd_arg made = { .v = NULL };
  eb_cpu_epilogue end;
  if (!sizes_of(plan, node, &made.conv) || !eb_cpu_epilogue_of(plan, node, &end)) return EB_CPU_PASS;
  const uint32_t w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  eb_cpu_epilogue_chain(plan, &end);
  made.conv.lo = end.lo;
  made.conv.hi = end.hi;
  made.tiles = ek_winograd_f32_tiles(&made.conv);
  const double work_us =
      0.4 * eb_cpu_cost_us(eb_cpu_host(plan), eb_cpu_partition(plan), eb_cpu_node(plan, node), eb_cpu_features(plan));
  cut(plan, work_us, &made);
  const bool whole = made.groups < made.column_groups;
  const size_t positions = ek_winograd_f32_positions(&made.conv);
  pack_user user = { plan, &made.conv, w, bias };
  const edge_prepared_key key = {
    .source = eb_cpu_const_source(plan, w),
    .layout = made.conv.kernel->name,
    .params = { made.conv.c_in, made.conv.c_out, made.conv.stored ? made.conv.depth << 1 : made.conv.half,
                (uint64_t)(uintptr_t)eb_cpu_const_source(plan, bias) },
  };
  const void *packed = NULL;
  const edge_status status =
      eb_cpu_prepared(plan, &key, ek_winograd_f32_packed_bytes(&made.conv), fill, &user, &packed);
  if (status != EDGE_STATUS_OK) return status;
  float *const zeros = eb_cpu_keep(plan, made.conv.c_in * sizeof(float));
  if (zeros == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  made.conv.packed = packed;
  made.conv.zeros = zeros;
  eb_cpu_ref v = { 0 };
  if (whole) {
    winograd_arg *const in = eb_cpu_step(plan, node, input_tile, sizeof *in, (uint32_t)made.blocks, 0.1 * work_us);
    if (in == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
    *in = made;
    v = eb_cpu_scratch(plan, made.v_step * positions * sizeof(float), 64);
    eb_cpu_slot(plan, &in->conv.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
    eb_cpu_slot(plan, &in->v, v);
  }
  const size_t pieces = (made.column_groups + made.groups - 1) / made.groups;
  winograd_arg *const a = eb_cpu_step(plan, node, output_tile, sizeof *a, (uint32_t)(made.blocks * pieces), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = made;
  if (whole) {
    eb_cpu_slot(plan, &a->v, v);
  } else {
    eb_cpu_slot(plan, &a->conv.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  }
  const eb_cpu_ref memory =
      eb_cpu_scratch(plan, (uint64_t)eb_cpu_threads(plan) * made.worker_floats * sizeof(float), 64);
  eb_cpu_slot(plan, &a->memory, memory);
  eb_cpu_slot(plan, &a->conv.y, eb_cpu_value(plan, end.y));
  if (end.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->conv.residual, eb_cpu_value(plan, end.residual));
  eb_cpu_chain_bind(plan, &end.chain, &a->post);
  eb_cpu_note(plan, node, made.conv.kernel->name, whole ? "all inputs first, then columns" : "block by block");
  return eb_cpu_epilogue_finish(plan, node, &end);
}
