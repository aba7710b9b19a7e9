/* SPDX-License-Identifier: Apache-2.0
 * f32 Conv with constant weights as matrix products (any group count), residual Add fused. */
#include "product.h"

typedef struct conv_arg {
  ek_conv_f32_args conv;
  eb_cpu_grid grid;
  size_t piece; /* rows between runs of the chain */
  eb_cpu_post post;
} conv_arg;

static edge_status conv_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const conv_arg *const a = arg;
  const size_t per_group = a->grid.m_tiles * a->grid.p_tiles;
  const size_t g = tile / per_group;
  const eb_cpu_grid_tile t = eb_cpu_grid_at(&a->grid, tile % per_group);
  const size_t m1 = t.rows.end, p0 = t.panels.begin, p1 = t.panels.end;
  const size_t width = (size_t)a->conv.kernel->nv_max * a->conv.kernel->lanes, ld = a->conv.c_out * a->conv.groups;
  const size_t c0 = p0 * width, c1 = p1 * width < a->conv.c_out ? p1 * width : a->conv.c_out;
  for (size_t i = t.rows.begin; i < m1; i += a->piece) {
    const size_t end = m1 - i < a->piece ? m1 : i + a->piece;
    ek_conv_f32_block(&a->conv, g, i, end, p0, p1);
    eb_cpu_post_run(&a->post, a->conv.y, ld, i, end, g * a->conv.c_out + c0, g * a->conv.c_out + c1);
  }
  return EDGE_STATUS_OK;
}

bool eb_cpu_conv_f32_of(const eb_cpu_plan *plan, uint32_t node, ek_conv_f32_args *out) {
  const uint32_t x = eb_cpu_input(plan, node, 0), w = eb_cpu_input(plan, node, 1), bias = eb_cpu_input(plan, node, 2);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const tw = eb_cpu_tensor(plan, w);
  const edge_tensor *const ty = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  eb_cpu_window win;
  if (!eb_cpu_is_op(plan, node, "Conv") || tx->dtype != EDGE_DTYPE_F32 || ty->dtype != EDGE_DTYPE_F32 ||
      !eb_cpu_is_f32_weight(plan, w) || eb_cpu_is_dynamic(plan, node) ||
      (bias != EDGE_NO_VALUE && (!eb_cpu_is_const(plan, bias) || eb_cpu_tensor(plan, bias)->dtype != EDGE_DTYPE_F32)) ||
      !eb_cpu_window_of(plan, node, tx, tw, ty, &win)) {
    return false;
  }
  const int64_t groups = eb_cpu_int(plan, node, "group") > 0 ? eb_cpu_int(plan, node, "group") : 1;
  if (win.ic % groups != 0 || win.oc % groups != 0 || tw->dims[tw->rank - 1] != win.ic / groups || win.ic == 0) {
    return false;
  }
  *out = (ek_conv_f32_args) {
    .kernel = eb_cpu_gemm_row_of(plan, (size_t)(win.ic / groups), w),
    .batch = (size_t)win.n,
    .ih = (size_t)win.ih,
    .iw = (size_t)win.iw,
    .oh = (size_t)win.oh,
    .ow = (size_t)win.ow,
    .c_in = (size_t)(win.ic / groups),
    .c_out = (size_t)(win.oc / groups),
    .groups = (size_t)groups,
    .kh = (size_t)win.kh,
    .kw = (size_t)win.kw,
    .sh = (size_t)win.sh,
    .sw = (size_t)win.sw,
    .dh = (size_t)win.dh,
    .dw = (size_t)win.dw,
    .pad_top = (ptrdiff_t)win.pad_top,
    .pad_left = (ptrdiff_t)win.pad_left,
  };
  return true;
}

edge_status eb_cpu_conv_f32_bind(eb_cpu_plan *plan, uint32_t node, ek_conv_f32_args *conv) {
  const void *packed = NULL;
  const edge_status status =
      eb_cpu_pack_f32(plan, conv->kernel, eb_cpu_input(plan, node, 1), eb_cpu_input(plan, node, 2),
                      conv->kh * conv->kw * conv->c_in, conv->c_out, conv->groups, false, &packed);
  if (status != EDGE_STATUS_OK) return status;
  conv->packed = packed;
  conv->zeros = eb_cpu_keep(plan, conv->c_in * sizeof(float));
  return conv->zeros ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
}

edge_status eb_cpu_lower_conv_f32(eb_cpu_plan *plan, uint32_t node) {
  ek_conv_f32_args conv;
  eb_cpu_epilogue end;
  if (!eb_cpu_conv_f32_of(plan, node, &conv) || !eb_cpu_epilogue_of(plan, node, &end)) return EB_CPU_PASS;
  conv.lo = end.lo;
  conv.hi = end.hi;
  const double work_us =
      eb_cpu_cost_us(eb_cpu_host(plan), eb_cpu_partition(plan), eb_cpu_node(plan, node), eb_cpu_features(plan));
  const size_t unit = ek_conv_f32_by_line(&conv) ? conv.ow : 12;
  eb_cpu_product_shape shape =
      eb_cpu_gemm_shape(conv.kernel, conv.batch * conv.oh * conv.ow, conv.kh * conv.kw * conv.c_in, conv.c_out);
  shape.row_unit = unit ? unit : 1;
  shape.row_bytes = conv.sh * conv.sw * conv.c_in * sizeof(float); /* taps share lines */
  const eb_cpu_grid grid = eb_cpu_grid_of(plan, &shape, work_us / (double)conv.groups);
  const edge_status status = eb_cpu_conv_f32_bind(plan, node, &conv);
  if (status != EDGE_STATUS_OK) return status;
  eb_cpu_epilogue_chain(plan, &end);
  conv_arg *const a =
      eb_cpu_step(plan, node, conv_tile, sizeof *a, (uint32_t)(conv.groups * grid.m_tiles * grid.p_tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->conv = conv;
  a->grid = grid;
  a->piece = eb_cpu_post_rows(&end.chain, eb_cpu_grid_rows(&grid), unit ? unit : 1, conv.c_out * conv.groups);
  eb_cpu_slot(plan, &a->conv.x, eb_cpu_value(plan, eb_cpu_input(plan, node, 0)));
  eb_cpu_slot(plan, &a->conv.y, eb_cpu_value(plan, end.y));
  if (end.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->conv.residual, eb_cpu_value(plan, end.residual));
  eb_cpu_chain_bind(plan, &end.chain, &a->post);
  eb_cpu_note(plan, node, conv.kernel->name,
              eb_cpu_gemm_reason(conv.kernel, ek_conv_f32_by_line(&conv) ? "conv by kernel line" : "conv by tap"));
  return eb_cpu_epilogue_finish(plan, node, &end);
}
