/* SPDX-License-Identifier: Apache-2.0
 * f32 convolution -> depthwise -> 1x1 convolution in strips of lines, so that what lies between them stays in L2.
 *
 * One step computes the last result; a tile is a run of output lines of one image. Per strip of a few lines it makes
 * the new input lines of the depthwise convolution in a ring of lines, the strip's depthwise lines in a second buffer,
 * and from these the lines of the result. Both buffers belong to the worker. The first or the last of the three may be
 * missing. Elementwise nodes between them run on each strip (epilogue.h); only neighbouring tiles compute the lines
 * that both need twice. */
#include "product.h"

#include <math.h>

enum {
  STRIP_BYTES = 320 * 1024, /* both buffers of a worker */
  MIN_BETWEEN = 512 * 1024, /* smaller values between the convolutions stay in L2 anyway */
  MIN_PIXELS = 96,          /* output pixels of a strip that pay for reading the last weights again */
};

typedef struct strip_arg {
  ek_conv_f32_args first; /* kernel NULL: there is none */
  ek_dwconv_f32_args mid;
  ek_gemm_f32_args last; /* kernel NULL: there is none */
  eb_cpu_post first_post, mid_post, last_post;
  ek_dwconv_f32_fn mid_fn;
  size_t blocks;      /* of channels */
  size_t lines, ring; /* output lines of a strip; input lines held */
  size_t tiles;       /* of an image, by output lines */
  float *buffers;     /* of all workers: ring, then depthwise lines */
  size_t worker_floats, ring_floats;
} strip_arg;

/* a pointer that is `floats` before p; what lies there is never touched */
static float *before(float *p, size_t floats) {
  return (float *)((uintptr_t)p - floats * sizeof(float));
}

/* lines [y0, y1) of image n into the ring */
static void make_lines(const strip_arg *a, float *ring, size_t n, size_t y0, size_t y1) {
  const ek_conv_f32_args *const c = &a->first;
  const size_t panels = ek_gemm_f32_num_panels(c->kernel, c->c_out), line = c->ow * c->c_out;
  while (y0 < y1) {
    const size_t slot = y0 % a->ring, room = a->ring - slot, count = y1 - y0 < room ? y1 - y0 : room;
    const size_t m0 = (n * c->oh + y0) * c->ow, m1 = m0 + count * c->ow;
    float *const to = ring + slot * line;
    ek_conv_f32_args part = *c;
    part.y = before(to, m0 * c->c_out);
    ek_conv_f32_block(&part, 0, m0, m1, 0, panels);
    eb_cpu_post_run(&a->first_post, to, c->c_out, 0, count * c->ow, 0, c->c_out);
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
  const size_t n = tile / a->tiles;
  const eb_cpu_range rows = eb_cpu_part(a->mid.oh, 1, a->tiles, tile % a->tiles);
  const size_t r0 = rows.begin, r1 = rows.end;
  float *const ring = a->buffers + worker * a->worker_floats, *const lines = ring + a->ring_floats;
  const size_t line = a->mid.ow * a->mid.c;
  const ptrdiff_t top = (ptrdiff_t)(r0 * a->mid.sh) - a->mid.pad_top;
  size_t next = top > 0 ? (size_t)top : 0;
  ek_dwconv_f32_args mid = a->mid;
  mid.batch = 1;
  if (a->first.kernel) {
    mid.x = ring;
    mid.x_rows = a->ring;
  } else {
    mid.x += n * mid.ih * mid.iw * mid.c;
  }
  float *const y = a->last.kernel ? lines : mid.y + n * mid.oh * line;
  for (size_t r = r0; r < r1; r += a->lines) {
    const size_t end = r1 - r < a->lines ? r1 : r + a->lines;
    if (a->first.kernel) {
      const ptrdiff_t need = (ptrdiff_t)((end - 1) * mid.sh + ek_dwconv_f32_ring(&mid)) - mid.pad_top;
      const size_t until = need < (ptrdiff_t)mid.ih ? (need > 0 ? (size_t)need : 0) : mid.ih;
      make_lines(a, ring, n, next, until);
      if (until > next) next = until;
    }
    mid.y = a->last.kernel ? before(lines, r * line) : y;
    a->mid_fn(&mid, r, end, 0, a->blocks);
    if (a->last.kernel) {
      eb_cpu_post_run(&a->mid_post, lines, mid.c, 0, (end - r) * mid.ow, 0, mid.c);
      last_lines(a, lines, (n * mid.oh + r) * mid.ow, (end - r) * mid.ow);
    } else {
      eb_cpu_post_run(&a->mid_post, y, mid.c, r * mid.ow, end * mid.ow, 0, mid.c);
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
  a->ring_floats = first ? a->ring * in_line / sizeof(float) : 0;
  a->worker_floats = a->ring_floats + (last ? a->lines * out_line / sizeof(float) : 0);
  return a->lines * s->dw.ow >= MIN_PIXELS;
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
  if (!size_up(&s, &shape)) return EB_CPU_PASS;
  const bool first = s.first != EDGE_NO_VALUE, last = s.last != EDGE_NO_VALUE;
  edge_status status = eb_cpu_dwconv_f32_bind(plan, s.mid, s.dw_kernel, &s.dw);
  if (status == EDGE_STATUS_OK && first) status = eb_cpu_conv_f32_bind(plan, s.first, &s.conv);
  if (status == EDGE_STATUS_OK && last) status = eb_cpu_conv_f32_bind(plan, s.last, &s.project);
  if (status != EDGE_STATUS_OK) return status;

  const double work_us = cost_of(plan, s.first) + cost_of(plan, s.mid) + cost_of(plan, s.last);
  const uint32_t threads = eb_cpu_threads(plan);
  /* each tile makes the lines anew that its window shares with the tile before */
  const bool low = first && s.dw.oh < (size_t)threads * 32;
  size_t tiles = threads > 1 ? (size_t)threads * (low ? 1 : 2) : 1;
  if (tiles > s.dw.oh / 4) tiles = s.dw.oh / 4;
  shape.tiles = tiles;
  strip_arg *const a = eb_cpu_step(plan, node, strip_tile, sizeof *a, (uint32_t)(s.dw.batch * shape.tiles), work_us);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  *a = shape;
  a->mid = s.dw;
  a->mid_fn = s.dw_kernel->fn;
  a->blocks = (s.dw.c + s.dw_kernel->lanes - 1) / s.dw_kernel->lanes;
  eb_cpu_slot(plan, &a->buffers, eb_cpu_scratch(plan, shape.worker_floats * sizeof(float) * threads, 64));
  if (first) {
    a->first = s.conv;
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
