/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise Conv with constant weights, one filter per channel. */
#include "product.h"

typedef struct dwconv_arg {
  ek_dwconv_f32_args conv;
  ek_dwconv_f32_fn fn;
  eb_cpu_post post;
  size_t piece; /* lines between runs of the chain */
  size_t rows, row_tiles, blocks, block_tiles, lanes;
} dwconv_arg;

static edge_status dwconv_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const dwconv_arg *const a = arg;
  const eb_cpu_range rows = eb_cpu_part(a->rows, 1, a->row_tiles, tile % a->row_tiles);
  const eb_cpu_range blocks = eb_cpu_part(a->blocks, 1, a->block_tiles, tile / a->row_tiles);
  const size_t ow = a->conv.ow, c = a->conv.c, c0 = blocks.begin * a->lanes;
  const size_t c1 = blocks.end * a->lanes < c ? blocks.end * a->lanes : c;
  for (size_t row = rows.begin; row < rows.end; row += a->piece) {
    const size_t end = rows.end - row < a->piece ? rows.end : row + a->piece;
    a->fn(&a->conv, row, end, blocks.begin, blocks.end);
    eb_cpu_post_run(&a->post, a->conv.y, c, row * ow, end * ow, c0, c1);
  }
  return EDGE_STATUS_OK;
}

typedef struct pack_user {
  const eb_cpu_plan *plan;
  const ek_dwconv_f32_kernel *kernel;
  uint32_t w, bias;
  size_t taps, c;
} pack_user;

static edge_status fill(void *user, void *data, uint64_t bytes) {
  (void)bytes;
  const pack_user *const u = user;
  eb_cpu_const w, bias = { 0 };
  edge_status status = eb_cpu_const_open(u->plan, u->w, &w);
  if (status == EDGE_STATUS_OK) status = eb_cpu_const_open(u->plan, u->bias, &bias);
  if (status == EDGE_STATUS_OK) ek_dwconv_f32_pack(u->kernel, w.data, bias.data, u->taps, u->c, data);
  eb_cpu_const_close(&w);
  eb_cpu_const_close(&bias);
  return status;
}

bool eb_cpu_dwconv_f32_of(const eb_cpu_plan *plan, uint32_t node, ek_dwconv_f32_args *out,
                          const ek_dwconv_f32_kernel **kernel, eb_cpu_unary *post) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tw = eb_cpu_tensor(plan, w);
  const edge_tensor *const ty = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window win;
  float lo, hi;
  *post = (eb_cpu_unary) { 0 };
  if (!eb_cpu_is_op(plan, node, "Conv") || tx->dtype != EDGE_DTYPE_F32 || ty->dtype != EDGE_DTYPE_F32 ||
      !eb_cpu_is_f32_weight(plan, w) || eb_cpu_is_dynamic(plan, node) ||
      (bias != EDGE_NO_VALUE && (!eb_cpu_is_const(plan, bias) || eb_cpu_tensor(plan, bias)->dtype != EDGE_DTYPE_F32)) ||
      !eb_cpu_window_of(plan, node, tx, tw, ty, &win) || win.ic == 0 || win.ic != win.oc ||
      eb_cpu_int(plan, node, "group") != win.ic || tw->dims[tw->rank - 1] != 1 || win.ic == 1 ||
      (!eb_cpu_clamp(plan, node, &lo, &hi) && !eb_cpu_unary_of_act(plan, node, post))) {
    return false;
  }
  *kernel = ek_dwconv_f32_select(eb_cpu_features(plan),
                                 eb_cpu_session_flags(plan) & EDGE_SESSION_REPRODUCIBLE ? EK_EXACT : 0);
  *out = (ek_dwconv_f32_args) {
    .batch = (size_t)win.n,
    .ih = (size_t)win.ih,
    .iw = (size_t)win.iw,
    .oh = (size_t)win.oh,
    .ow = (size_t)win.ow,
    .c = (size_t)win.ic,
    .kh = (size_t)win.kh,
    .kw = (size_t)win.kw,
    .sh = (size_t)win.sh,
    .sw = (size_t)win.sw,
    .dh = (size_t)win.dh,
    .dw = (size_t)win.dw,
    .pad_top = (ptrdiff_t)win.pad_top,
    .pad_left = (ptrdiff_t)win.pad_left,
    .lo = lo,
    .hi = hi,
  };
  return true;
}

edge_status eb_cpu_dwconv_f32_bind(eb_cpu_plan *plan, uint32_t node, const ek_dwconv_f32_kernel *kernel,
                                   ek_dwconv_f32_args *conv) {
  const uint32_t w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  pack_user user = { plan, kernel, w, bias, conv->kh * conv->kw, conv->c };
  const edge_prepared_key key = { .source = eb_cpu_const_source(plan, w),
                                  .layout = kernel->name,
                                  .params = { user.taps, user.c, (uint64_t)(uintptr_t)eb_cpu_const_source(plan, bias),
                                              0 } };
  const void *packed = NULL;
  const edge_status status =
      eb_cpu_prepared(plan, &key, ek_dwconv_f32_packed_bytes(kernel, user.taps, user.c), fill, &user, &packed);
  conv->packed = packed;
  return status;
}

edge_status eb_cpu_lower_dwconv_f32(eb_cpu_plan *plan, uint32_t node) {
  ek_dwconv_f32_args conv;
  const ek_dwconv_f32_kernel *kernel = NULL;
  eb_cpu_unary post;
  if (!eb_cpu_dwconv_f32_of(plan, node, &conv, &kernel, &post)) return EB_CPU_PASS;
  const edge_status status = eb_cpu_dwconv_f32_bind(plan, node, kernel, &conv);
  if (status != EDGE_STATUS_OK) return status;

  /* strips of lines whose input stays in L2; several for threads */
  enum { STRIP_BYTES = 400 * 1024 };
  const size_t rows = conv.batch * conv.oh, blocks = (conv.c + kernel->lanes - 1) / kernel->lanes;
  const size_t row_bytes = conv.iw * conv.c * conv.sh * sizeof(float);
  const double work_us = (double)rows * (double)(conv.ow * conv.c * conv.kh * conv.kw) * 2.0 / 80e3;
  const size_t most = row_bytes < STRIP_BYTES / 2 ? STRIP_BYTES / (row_bytes ? row_bytes : 1) : 2;
  const size_t want = eb_cpu_tiles(plan, work_us, (uint64_t)rows * blocks);
  size_t row_tiles = rows ? (rows + most - 1) / most : 0;
  if (row_tiles < want && rows >= 2 * want) row_tiles = want;
  size_t block_tiles = row_tiles > 0 ? (want + row_tiles - 1) / row_tiles : 1;
  if (block_tiles > blocks) block_tiles = blocks;

  eb_cpu_chain chain;
  eb_cpu_chain_of(plan, eb_cpu_output(plan, node, 0), &post, &chain);
  dwconv_arg *const a = eb_cpu_step(plan, node, dwconv_tile, sizeof *a, (uint32_t)(row_tiles * block_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = (dwconv_arg) { .fn = kernel->fn,
                      .rows = rows,
                      .row_tiles = row_tiles,
                      .blocks = blocks,
                      .block_tiles = block_tiles,
                      .lanes = kernel->lanes };
  a->piece = eb_cpu_post_rows(&chain, row_tiles ? (rows + row_tiles - 1) / row_tiles : 1, 1, conv.ow * conv.c);
  a->conv = conv;
  eb_cpu_slot(plan, &a->conv.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  eb_cpu_slot(plan, &a->conv.y, eb_cpu_value(plan, chain.y));
  eb_cpu_chain_bind(plan, &chain, &a->post);
  eb_cpu_note(plan, node, kernel->name, "depthwise, columns kept in registers");
  return EDGE_STATUS_OK;
}
