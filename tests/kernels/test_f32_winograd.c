/* SPDX-License-Identifier: Apache-2.0
 * f32 Winograd convolution: every row against sums in double, behind guard pages, in blocks as the backend cuts them.
 */
#include "kf.h"
#include "kernels/convert/convert.h"
#include "kernels/winograd/winograd.h"

static double worst[2]; /* error over 2^-24 * magnitude, for m = 2 and m = 4 */

typedef struct problem {
  ek_winograd_f32_args a;
  kt_buffer x, w, bias, y, residual, packed, zeros;
} problem;

static int compare(const problem *p) {
  const ek_winograd_f32_args *const a = &p->a;
  const size_t pixels = a->batch * a->oh * a->ow;
  double magnitude = 0.0, error = 0.0;
  for (size_t i = 0; i < pixels * a->c_out; ++i) {
    const size_t o = i % a->c_out, ox = i / a->c_out % a->ow, oy = i / a->c_out / a->ow % a->oh;
    const size_t n = i / a->c_out / a->ow / a->oh;
    double sum = (double)kf_data(p->bias)[o], size = fabs(sum);
    for (size_t t = 0; t < 9; ++t) {
      const ptrdiff_t iy = (ptrdiff_t)(oy + t / 3) - a->pad_top, ix = (ptrdiff_t)(ox + t % 3) - a->pad_left;
      if (iy < 0 || iy >= (ptrdiff_t)a->ih || ix < 0 || ix >= (ptrdiff_t)a->iw) continue;
      const float *const x = a->x + ((n * a->ih + (size_t)iy) * a->iw + (size_t)ix) * a->c_in;
      const float *const w = kf_data(p->w) + (o * 9 + t) * a->c_in;
      for (size_t c = 0; c < a->c_in; ++c) {
        sum += (double)x[c] * (double)w[c];
        size += fabs((double)x[c] * (double)w[c]);
      }
    }
    if (a->residual) sum += (double)a->residual[i], size += fabs((double)a->residual[i]);
    sum = sum < (double)a->lo ? (double)a->lo : sum > (double)a->hi ? (double)a->hi : sum;
    const double e = fabs(sum - (double)a->y[i]);
    if (size > magnitude) magnitude = size;
    if (!(e <= error)) error = e;
  }
  const double ratio = error / (magnitude * 0x1p-24),
               bound = a->kernel->tile == 4 ? EK_WINOGRAD_F32_ERROR : EK_WINOGRAD_F32_ERROR / 4;
  double *const seen = &worst[a->kernel->tile == 4];
  if (ratio > *seen) *seen = ratio;
  if (ratio <= bound) return 1;
  printf("%s: error %g of the bound %g, %zux%zux%zu -> %zux%zux%zu batch %zu pad %td,%td\n", a->kernel->name, ratio,
         bound, a->ih, a->iw, a->c_in, a->oh, a->ow, a->c_out, a->batch, a->pad_top, a->pad_left);
  return 0;
}

/* blocks of tiles with their own inputs, or all inputs first and then pieces of columns */
static void convolve(const ek_winograd_f32_args *a) {
  const size_t tiles = ek_winograd_f32_tiles(a), groups = ek_winograd_f32_groups(a);
  const size_t positions = ek_winograd_f32_positions(a);
  const size_t block = kt_range(1, (uint32_t)tiles);
  const int whole = kt_rand() & 1;
  const size_t v_step = ek_winograd_f32_v_step(a, whole ? tiles : block);
  const kt_buffer v = kt_get(v_step * positions * sizeof(float));
  const kt_buffer u = kt_get(ek_winograd_f32_u_step(a) * positions * sizeof(float));
  const kt_buffer m = kt_get(ek_winograd_f32_m_step(a, block) * positions * sizeof(float));
  if (whole) ek_winograd_f32_input(a, 0, tiles, v.data, v_step);
  for (size_t t = 0; t < tiles; t += block) {
    const size_t t1 = t + block < tiles ? t + block : tiles, mid = kt_range(0, (uint32_t)groups);
    if (!whole) ek_winograd_f32_input(a, t, t1, v.data, v_step);
    const float *const from = kf_data(v) + (whole ? t * a->c_in : 0);
    ek_winograd_f32_output(a, t, t1, mid, groups, from, v_step, m.data, u.data);
    ek_winograd_f32_output(a, t, t1, 0, mid, from, v_step, m.data, u.data);
  }
  kt_put(v), kt_put(m), kt_put(u);
}

static int check(const ek_winograd_f32_kernel *kernel, size_t c_in, size_t c_out, size_t ih, size_t iw) {
  problem p = { .a = { .kernel = kernel, .c_in = c_in, .c_out = c_out, .ih = ih, .iw = iw } };
  ek_winograd_f32_args *const a = &p.a;
  a->gemm = ek_gemm_f32_select(kernel->isa, 0);
  a->batch = kt_range(1, 2);
  a->pad_top = (ptrdiff_t)kt_range(ih < 3, 2), a->pad_left = (ptrdiff_t)kt_range(iw < 3, 2);
  a->oh = ih + (size_t)a->pad_top + kt_range(ih < 2, 2) - 2, a->ow = iw + (size_t)a->pad_left + kt_range(iw < 2, 2) - 2;
  const size_t y_floats = a->batch * a->oh * a->ow * c_out, x_floats = a->batch * ih * iw * c_in;
  p.x = kt_get(x_floats * 4), p.w = kt_get(c_out * 9 * c_in * 4), p.bias = kt_get(c_out * 4);
  p.y = kt_get(y_floats * 4), p.residual = kt_get(y_floats * 4), p.zeros = kt_get(c_in * 4);
  a->depth = kt_range(1, (uint32_t)c_in + 3);
  a->stored = kt_rand() % 3 == 0;
  a->half = !a->stored && kt_rand() % 2 != 0;
  p.packed = kt_get((size_t)ek_winograd_f32_packed_bytes(a));
  kf_fill(p.x.data, x_floats, -1.0f, 1.0f);
  kf_fill(p.w.data, c_out * 9 * c_in, -1.0f, 1.0f);
  kf_fill(p.bias.data, c_out, -1.0f, 1.0f);
  kf_fill(p.residual.data, y_floats, -1.0f, 1.0f);
  kf_fill(p.y.data, y_floats, -1.0f, 1.0f);
  const kt_buffer half = kt_get(c_out * 9 * c_in * 2);
  if (a->half) { /* filters that are f16 numbers */
    ek_convert_select(0, 0)->f32_to_f16(c_out * 9 * c_in, p.w.data, half.data);
    ek_convert_select(0, 0)->f16_to_f32(c_out * 9 * c_in, half.data, p.w.data);
  }
  ek_winograd_f32_pack(a, a->half ? half.data : p.w.data, p.bias.data, p.packed.data);
  kt_put(half);
  a->x = p.x.data, a->packed = p.packed.data, a->zeros = p.zeros.data, a->y = p.y.data;
  a->residual = kt_rand() & 1 ? p.residual.data : NULL;
  a->lo = kt_rand() & 1 ? -INFINITY : 0.0f, a->hi = kt_rand() & 1 ? INFINITY : 6.0f;
  convolve(a);
  const int ok = compare(&p);
  kt_put(p.x), kt_put(p.w), kt_put(p.bias), kt_put(p.y), kt_put(p.residual), kt_put(p.packed), kt_put(p.zeros);
  return ok;
}

static int run(const ek_winograd_f32_kernel *kernel) {
  for (size_t i = 0; i < 150; ++i) {
    const size_t c_in = kt_rand() & 1 ? kt_range(1, 20) : kt_range(16, 70), c_out = kt_range(1, 80);
    if (!check(kernel, c_in, c_out, kt_range(1, 14), kt_range(1, 14))) return 1;
  }
  if (!check(kernel, 256, 130, 7, 8)) return 1;
  printf("largest error of %s: %.2f * 2^-24 of the largest sum of |x * w|\n", kernel->name, worst[kernel->tile == 4]);
  return 0;
}

KT_MAIN("f32 winograd", ek_winograd_f32_kernel, ek_winograd_f32_at, run)
