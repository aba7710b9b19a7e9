/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution -> depthwise -> 1x1 convolution in strips of lines, so that what lies between them stays in L2.
 *
 * One step computes the last result; a tile is a run of output lines of one image. Per strip of a few lines it makes
 * the new input lines of the depthwise convolution in a ring of lines, the strip's depthwise lines in a second buffer,
 * and from these the lines of the result. Both buffers belong to the worker. The first or the last of the three may be
 * missing. Elementwise nodes between them run on each strip (epilogue.h); only neighbouring tiles compute the lines
 * that both need twice.
 *
 * Small images go as a whole, a panel of channels after the other: the first convolution makes a panel, the depthwise
 * one reads it from the nearest cache, and the buffer is free for the next panel. Tiles are then runs of panels.
 * The buffer between them holds each block of channels by itself, one vector per pixel, where both kernels have
 * vectors of the same length: the depthwise convolution reads it in order. */
#include "product.h"

#include <math.h>

enum {
  STRIP_BYTES = 320 * 1024, /* both buffers of a worker */
  MIN_BETWEEN = 512 * 1024, /* smaller values between the convolutions stay in L2 anyway */
  MIN_PIXELS = 64,          /* output pixels of a strip that pay for reading the last weights again */
  MIN_PANELS = 64 * 1024,   /* smaller values between them stay in L1, near enough */
  PANEL_BYTES = 256 * 1024, /* of an image's panel of channels between two convolutions */
};

typedef struct strip_arg {
  ek_conv_f32_args first; /* kernel NULL: there is none */
  ek_dwconv_f32_args mid;
  ek_gemm_f32_args last; /* kernel NULL: there is none */
  eb_cpu_post first_post, mid_post, last_post;
  ek_dwconv_f32_fn mid_fn;
  size_t blocks, lanes; /* of channels; channels of a block */
  size_t panel, parts;  /* blocks made together; tiles side by side, each some panels */
  size_t lines, ring;   /* output lines of a strip; input lines held */
  size_t tiles;         /* of an image, by output lines */
  size_t block_floats;  /* of the ring's blocks; 0: channels last */
  float *buffers;       /* of all workers: ring, then depthwise lines */
  size_t worker_floats, ring_floats;
} strip_arg;

/* a pointer that is `floats` before p; what lies there is never touched */
static float *before(float *p, size_t floats) {
  return (float *)((uintptr_t)p - floats * sizeof(float));
}

/* lines [y0, y1) of image n, channel blocks [b0, b1), into the ring */
static void make_lines(const strip_arg *a, float *ring, size_t n, size_t y0, size_t y1, size_t b0, size_t b1) {
  const ek_conv_f32_args *const c = &a->first;
  const size_t wide = c->kernel->nv_max * (size_t)c->kernel->lanes, c0 = b0 * a->lanes;
  const size_t c1 = b1 * a->lanes < c->c_out ? b1 * a->lanes : c->c_out;
  const size_t pixel = a->block_floats ? a->lanes : c->c_out, line = c->ow * pixel;
  while (y0 < y1) {
    const size_t slot = y0 % a->ring, room = a->ring - slot, count = y1 - y0 < room ? y1 - y0 : room;
    const size_t m0 = (n * c->oh + y0) * c->ow, m1 = m0 + count * c->ow;
    float *const to = ring + slot * line;
    ek_conv_f32_args part = *c;
    part.y = before(to, m0 * pixel);
    ek_conv_f32_block(&part, 0, m0, m1, c0 / wide, (c1 + wide - 1) / wide);
    if (a->block_floats == 0) {
      eb_cpu_post_run(&a->first_post, to, pixel, 0, count * c->ow, c0, c1);
    } else if (a->first_post.num > 0) {
      for (size_t b = b0; b < b1; ++b) {
        const size_t first = b * a->lanes, end = first + a->lanes < c1 ? first + a->lanes : c1;
        eb_cpu_post_run(&a->first_post, before(to + b * a->block_floats, first), pixel, 0, count * c->ow, first, end);
      }
    }
    y0 += count;
  }
}

static void last_lines(const strip_arg *a, const float *lines, size_t m0, size_t m) {
  ek_gemm_f32_args part = a->last;
  part.a = lines;
  part.c += m0 * part.ldc;
  if (part.residual) part.residual += m0 * part.ldr;
  ek_gemm_f32_block(&part, 0, m, 0, ek_gemm_f32_num_panels(part.kernel, part.n));
  eb_cpu_post_run(&a->last_post, a->last.c, part.ldc, m0, m0 + m, 0, part.n);
}

static edge_status strip_tile(const void *arg, uint32_t tile, uint32_t worker) {
  const strip_arg *const a = arg;
  const size_t n = tile / (a->tiles * a->parts);
  const eb_cpu_range rows = eb_cpu_part(a->mid.oh, 1, a->tiles, tile / a->parts % a->tiles);
  const eb_cpu_range blocks = eb_cpu_part(a->blocks, a->panel, a->parts, tile % a->parts);
  const size_t r0 = rows.begin, r1 = rows.end, b0 = blocks.begin, b1 = blocks.end;
  float *const buffer = a->buffers + worker * a->worker_floats, *const lines = buffer + a->ring_floats;
  const size_t line = a->mid.ow * a->mid.c;
  const ptrdiff_t top = (ptrdiff_t)(r0 * a->mid.sh) - a->mid.pad_top;
  const int one = a->lines >= r1 - r0; /* strip: panels take turns in the buffer */
  size_t next = top > 0 ? (size_t)top : 0;
  ek_dwconv_f32_args mid = a->mid;
  mid.batch = 1;
  if (!a->first.kernel) mid.x += n * mid.ih * mid.iw * mid.c;
  float *const y = a->last.kernel ? lines : mid.y + n * mid.oh * line;
  for (size_t r = r0; r < r1; r += a->lines) {
    const size_t end = r1 - r < a->lines ? r1 : r + a->lines;
    const ptrdiff_t need = (ptrdiff_t)((end - 1) * mid.sh + ek_dwconv_f32_ring(&mid)) - mid.pad_top;
    const size_t until = need < (ptrdiff_t)mid.ih ? (need > 0 ? (size_t)need : 0) : mid.ih;
    mid.y = a->last.kernel ? before(lines, r * line) : y;
    for (size_t b = b0; b < b1; b += a->panel) {
      const size_t some = b1 - b < a->panel ? b1 : b + a->panel;
      if (a->first.kernel) {
        float *const ring = before(buffer, one ? b * a->block_floats : 0);
        if (r == r0) ek_dwconv_f32_fetch(&mid, a->lanes, b, some);
        make_lines(a, ring, n, next, until, b, some);
        mid.x = ring;
      }
      a->mid_fn(&mid, r, end, b, some);
    }
    if (until > next) next = until;
    if (a->last.kernel) {
      eb_cpu_post_run(&a->mid_post, lines, mid.c, 0, (end - r) * mid.ow, 0, mid.c);
      last_lines(a, lines, (n * mid.oh + r) * mid.ow, (end - r) * mid.ow);
    } else {
      const size_t c1 = b1 * a->lanes < mid.c ? b1 * a->lanes : mid.c;
      eb_cpu_post_run(&a->mid_post, y, mid.c, r * mid.ow, end * mid.ow, b0 * a->lanes, c1);
    }
  }
  return EDGE_STATUS_OK;
}

/* ---- planning */

typedef struct strip {
  uint32_t first, mid, last; /* nodes, or EDGE_NO_VALUE */
  ek_conv_f32_args conv, project;
  ek_dwconv_f32_args dw;
  const ek_dwconv_f32_kernel *dw_kernel;
  eb_cpu_chain first_chain, mid_chain;
  eb_cpu_epilogue end; /* of the last */
} strip;

static bool keeps_lines(const eb_cpu_chain *c) {
  for (uint32_t i = 0; i < c->post.num; ++i) {
    if (c->post.op[i].binary && c->post.op[i].kind == EB_CPU_OTHER_FULL) return false; /* not in a buffer of lines */
  }
  return true;
}

static bool starts(const eb_cpu_plan *plan, uint32_t node, strip *s) {
  eb_cpu_unary post;
  s->first = s->last = EDGE_NO_VALUE;
  s->mid = node;
  if (eb_cpu_dwconv_f32_of(plan, node, &s->dw, &s->dw_kernel, &post)) {
    eb_cpu_chain_of(plan, eb_cpu_output(plan, node, 0), &post, &s->mid_chain);
    return true;
  }
  if (!eb_cpu_conv_f32_of(plan, node, &s->conv) || s->conv.groups != 1) return false;
  post = (eb_cpu_unary) { 0 };
  if (!eb_cpu_clamp(plan, node, &s->conv.lo, &s->conv.hi) && !eb_cpu_unary_of_act(plan, node, &post)) return false;
  eb_cpu_chain_of(plan, eb_cpu_output(plan, node, 0), &post, &s->first_chain);
  s->first = node;
  s->mid = eb_cpu_only_consumer(plan, s->first_chain.y);
  if (s->mid == EDGE_NO_VALUE || eb_cpu_input(plan, s->mid, 0) != s->first_chain.y || !keeps_lines(&s->first_chain) ||
      !eb_cpu_dwconv_f32_of(plan, s->mid, &s->dw, &s->dw_kernel, &post)) {
    return false;
  }
  eb_cpu_chain_of(plan, eb_cpu_output(plan, s->mid, 0), &post, &s->mid_chain);
  return true;
}

/* the result goes to a depthwise convolution that it can share strips with */
static bool begins(const eb_cpu_plan *plan, const eb_cpu_epilogue *end) {
  const uint32_t next = eb_cpu_only_consumer(plan, end->y);
  ek_dwconv_f32_args dw;
  const ek_dwconv_f32_kernel *row = NULL;
  eb_cpu_unary post;
  return end->residual == EDGE_NO_VALUE && next != EDGE_NO_VALUE && eb_cpu_input(plan, next, 0) == end->y &&
         eb_cpu_dwconv_f32_of(plan, next, &dw, &row, &post) && ek_dwconv_f32_in_strips(&dw);
}

static void ends(const eb_cpu_plan *plan, strip *s) {
  const uint32_t last = eb_cpu_only_consumer(plan, s->mid_chain.y);
  const ek_conv_f32_args *const p = &s->project;
  if (last == EDGE_NO_VALUE || !keeps_lines(&s->mid_chain) || !eb_cpu_conv_f32_of(plan, last, &s->project) ||
      eb_cpu_input(plan, last, 0) != s->mid_chain.y || p->groups != 1 || p->kh != 1 || p->kw != 1 || p->sh != 1 ||
      p->sw != 1 || p->pad_top != 0 || p->pad_left != 0 || p->oh != p->ih || p->ow != p->iw ||
      !eb_cpu_epilogue_of(plan, last, &s->end)) {
    return;
  }
  eb_cpu_epilogue_chain(plan, &s->end);
  if (s->first != EDGE_NO_VALUE && begins(plan, &s->end)) return;
  s->last = last;
}

/* lines of a strip; false: strips do not pay */
static bool size_up(const strip *s, strip_arg *a) {
  const bool first = s->first != EDGE_NO_VALUE, last = s->last != EDGE_NO_VALUE;
  const size_t in_line = s->dw.iw * s->dw.c * sizeof(float), out_line = s->dw.ow * s->dw.c * sizeof(float);
  const size_t between = (first ? in_line * s->dw.ih : 0) + (last ? out_line * s->dw.oh : 0);
  const size_t window = ek_dwconv_f32_ring(&s->dw);
  if (!(first || last) || between < MIN_BETWEEN || !ek_dwconv_f32_in_strips(&s->dw) || s->dw.oh < 4) return false;
  a->lines = 1;
  while (a->lines < s->dw.oh &&
         (first ? (window + a->lines * s->dw.sh) * in_line : 0) + (last ? (a->lines + 1) * out_line : 0) <=
             STRIP_BYTES) {
    ++a->lines;
  }
  a->ring = window + (a->lines - 1) * s->dw.sh;
  a->ring_floats = !first ? 0 : a->ring * (a->block_floats ? a->blocks * a->lanes * s->dw.iw : in_line / sizeof(float));
  if (a->block_floats) a->block_floats = a->ring * s->dw.iw * a->lanes;
  a->worker_floats = a->ring_floats + (last ? a->lines * out_line / sizeof(float) : 0);
  return a->lines * s->dw.ow >= MIN_PIXELS;
}

/* the whole image, panel by panel; false: too large a panel, or too few for the threads */
static bool by_panel(const eb_cpu_plan *plan, strip *s, strip_arg *a) {
  const size_t pixels = s->dw.ih * s->dw.iw, panels = (a->blocks + a->panel - 1) / a->panel;
  if (a->block_floats == 0 || pixels * s->dw.c * sizeof(float) < MIN_PANELS ||
      pixels * a->panel * a->lanes * sizeof(float) > PANEL_BYTES || !ek_dwconv_f32_in_strips(&s->dw) ||
      panels * s->dw.batch < eb_cpu_threads(plan)) {
    return false;
  }
  s->last = EDGE_NO_VALUE;
  a->lines = s->dw.oh;
  a->ring = s->dw.ih;
  a->block_floats = pixels * a->lanes;
  a->ring_floats = a->worker_floats = a->block_floats * (a->panel < a->blocks ? a->panel : a->blocks);
  return true;
}

static double cost_of(const eb_cpu_plan *plan, uint32_t node) {
  return node == EDGE_NO_VALUE ? 0.0
                               : eb_cpu_cost_us(eb_cpu_host(plan), eb_cpu_partition(plan), eb_cpu_node(plan, node),
                                                eb_cpu_features(plan));
}

static void take_all(eb_cpu_plan *plan, uint32_t node, const strip *s) {
  static const char why[] = "lines made in a strip that stays in cache";
  const uint32_t parts[3] = { s->first, s->mid, s->last };
  for (uint32_t i = 0; i < 3; ++i) {
    if (parts[i] == EDGE_NO_VALUE) continue;
    const ek_gemm_f32_kernel *const row = parts[i] == s->first ? s->conv.kernel : s->project.kernel;
    if (parts[i] == s->mid)
      eb_cpu_note(plan, parts[i], s->dw_kernel->name, why);
    else
      eb_cpu_note(plan, parts[i], row->name, eb_cpu_gemm_reason(row, why));
    if (parts[i] != node) eb_cpu_take(plan, parts[i]);
  }
}

edge_status eb_cpu_lower_strip_f32(eb_cpu_plan *plan, uint32_t node) {
  strip s;
  strip_arg shape = { .mid_fn = NULL };
  if (!starts(plan, node, &s)) return EB_CPU_PASS;
  ends(plan, &s);
  const bool first = s.first != EDGE_NO_VALUE;
  shape.lanes = s.dw_kernel->lanes;
  shape.panel = shape.blocks = (s.dw.c + shape.lanes - 1) / shape.lanes;
  shape.parts = shape.tiles = 1;
  if (first && s.conv.kernel->lanes == shape.lanes && ek_conv_f32_may_part(&s.conv)) {
    shape.panel = s.conv.kernel->nv_max;
    shape.block_floats = 1;
  }
  const bool strips = size_up(&s, &shape);
  if (!strips && !by_panel(plan, &s, &shape)) return EB_CPU_PASS;
  const bool last = s.last != EDGE_NO_VALUE;
  edge_status status = eb_cpu_dwconv_f32_bind(plan, s.mid, s.dw_kernel, &s.dw);
  if (status == EDGE_STATUS_OK && first) status = eb_cpu_conv_f32_bind(plan, s.first, &s.conv);
  if (status == EDGE_STATUS_OK && last) status = eb_cpu_conv_f32_bind(plan, s.last, &s.project);
  if (status != EDGE_STATUS_OK) return status;

  const double work_us = cost_of(plan, s.first) + cost_of(plan, s.mid) + cost_of(plan, s.last);
  const uint32_t threads = eb_cpu_threads(plan);
  if (strips) {
    /* each tile makes the lines anew that its window shares with the tile before */
    const bool low = first && s.dw.oh < (size_t)threads * 32;
    size_t tiles = threads > 1 ? (size_t)threads * (low ? 1 : 2) : 1;
    if (tiles > s.dw.oh / 4) tiles = s.dw.oh / 4;
    shape.tiles = tiles;
  } else {
    const size_t panels = (shape.blocks + shape.panel - 1) / shape.panel;
    shape.parts = eb_cpu_tiles(plan, work_us, panels);
    if (shape.parts > panels) shape.parts = panels;
    if (shape.parts < 1) shape.parts = 1;
  }
  strip_arg *const a =
      eb_cpu_step(plan, node, strip_tile, sizeof *a, (uint32_t)(s.dw.batch * shape.tiles * shape.parts), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = shape;
  a->mid = s.dw;
  a->mid_fn = s.dw_kernel->fn;
  if (first) a->mid.x_rows = shape.ring;
  if (shape.block_floats) {
    a->mid.x_step = shape.lanes;
    a->mid.x_block = shape.block_floats;
  }
  eb_cpu_slot(plan, &a->buffers, eb_cpu_scratch(plan, shape.worker_floats * sizeof(float) * threads, 64));
  if (first) {
    a->first = s.conv;
    if (shape.block_floats) {
      a->first.ldy = shape.lanes;
      a->first.ldv = shape.block_floats;
    }
    eb_cpu_slot(plan, &a->first.x, eb_cpu_value(plan, eb_cpu_input(plan, s.first, 0)));
    eb_cpu_chain_bind(plan, &s.first_chain, &a->first_post);
  } else {
    eb_cpu_slot(plan, &a->mid.x, eb_cpu_value(plan, eb_cpu_input(plan, s.mid, 0)));
  }
  eb_cpu_chain_bind(plan, &s.mid_chain, &a->mid_post);
  if (last) {
    const size_t n = s.project.c_out;
    a->last = (ek_gemm_f32_args) { .kernel = s.project.kernel,
                                   .m = s.dw.batch * s.dw.oh * s.dw.ow,
                                   .n = n,
                                   .k = s.dw.c,
                                   .lda = s.dw.c,
                                   .packed = s.project.packed,
                                   .ldc = n,
                                   .ldr = n,
                                   .lo = s.end.lo,
                                   .hi = s.end.hi };
    eb_cpu_slot(plan, &a->last.c, eb_cpu_value(plan, s.end.y));
    if (s.end.residual != EDGE_NO_VALUE) eb_cpu_slot(plan, &a->last.residual, eb_cpu_value(plan, s.end.residual));
    eb_cpu_chain_bind(plan, &s.end.chain, &a->last_post);
  } else {
    eb_cpu_slot(plan, &a->mid.y, eb_cpu_value(plan, s.mid_chain.y));
  }
  take_all(plan, node, &s);
  return last ? eb_cpu_epilogue_finish(plan, s.last, &s.end) : EDGE_STATUS_OK;
}
