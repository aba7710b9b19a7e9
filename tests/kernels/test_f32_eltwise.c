/* SPDX-License-Identifier: Apache-2.0
 * f32 elementwise kernels: every function at every tail length, in place, with edges and ULP bounds. */
#include "kf.h"
#include "kernels/eltwise/eltwise.h"

static const float edges[] = {
  0.0f,  -0.0f,   1.0f,   -1.0f,   0.5f,    -0.5f,    1e-8f, -1e-8f, 1e-30f, 87.0f, -87.0f,
  88.7f, -103.0f, 100.0f, -100.0f, 3.4e38f, -3.4e38f, 0.05f, -0.05f, 0.625f, 4.0f,  -4.0f
};

static void data(float *p, size_t n, int special) {
  for (size_t i = 0; i < n; ++i) {
    const uint32_t kind = kt_rand() % 8;
    p[i] = kind == 0 ? edges[kt_rand() % EK_COUNT(edges)] : kind < 4 ? kf_rand(-3.0f, 3.0f) : kf_rand(-20.0f, 20.0f);
    if (special && kt_rand() % 16 == 0) p[i] = kt_rand() % 3 == 0 ? NAN : kt_rand() % 2 ? INFINITY : -INFINITY;
  }
}

static int binary(const ek_eltwise_f32_kernel *kernel, int op, size_t n, size_t sa, size_t sb, int in_place) {
  const ek_eltwise_f32_kernel *const ref = ek_eltwise_f32_select(0, 0);
  const kt_buffer a = kt_get((sa ? n : 1) * 4), b = kt_get((sb ? n : 1) * 4), y = kt_get(n * 4), want = kt_get(n * 4);
  data(a.data, sa ? n : 1, 1);
  data(b.data, sb ? n : 1, 1);
  const float lo = kt_rand() & 1 ? -INFINITY : -1.5f, hi = kt_rand() & 1 ? INFINITY : 6.0f;
  ref->binary[op](n, a.data, sa, b.data, sb, want.data, lo, hi);
  float *const to = in_place && sa ? a.data : y.data;
  kernel->binary[op](n, a.data, sa, b.data, sb, to, lo, hi);
  int ok = 1;
  for (size_t i = 0; i < n && ok; ++i) {
    ok = kf_ulp(to[i], (double)kf_data(want)[i]) == 0.0;
    if (!ok)
      printf("%s binary %d n=%zu: [%zu] is %g, expected %g\n", kernel->name, op, n, i, (double)to[i],
             (double)kf_data(want)[i]);
  }
  kt_put(a), kt_put(b), kt_put(y), kt_put(want);
  return ok;
}

/* what is promised: ULP for single functions, an absolute share for compositions */
static int close_enough(int op, float x, float got, double want) {
  if (op == EK_UNARY_LOG) return kf_ulp(got, want) <= 3.0;
  if (op == EK_UNARY_EXP || op == EK_UNARY_SIGMOID || op == EK_UNARY_TANH || op == EK_UNARY_ERF) {
    return kf_ulp(got, want) <= 4.0 || (fabs(want) < 1.2e-38 && fabs((double)got) < 1.2e-38);
  }
  if (op == EK_UNARY_SWISH || op == EK_UNARY_GELU || op == EK_UNARY_GELU_TANH || op == EK_UNARY_SOFTPLUS ||
      op == EK_UNARY_ELU) {
    if (isinf((double)x) || fabs((double)x) > 1e18) return 1; /* inf * 0 and overflow of x^3 differ */
    return kf_ulp(got, want) == 0.0 || fabs((double)got - want) <= 1e-6 * fmax(1.0, fabs(want));
  }
  return kf_ulp(got, want) <= 1.0;
}

static int unary(const ek_eltwise_f32_kernel *kernel, int op, size_t n, int in_place) {
  const ek_eltwise_f32_kernel *const ref = ek_eltwise_f32_select(0, 0);
  const kt_buffer x = kt_get(n * 4), y = kt_get(n * 4), want = kt_get(n * 4), copy = kt_get(n * 4);
  data(x.data, n, op != EK_UNARY_LOG || (kt_rand() & 1));
  memcpy(copy.data, x.data, n * 4);
  const float p0 = op == EK_UNARY_CLAMP ? -1.0f : kf_rand(0.1f, 1.5f),
              p1 = op == EK_UNARY_CLAMP ? 5.0f : kf_rand(0.1f, 1.5f);
  ref->unary[op](n, x.data, want.data, p0, p1);
  float *const to = in_place ? x.data : y.data;
  kernel->unary[op](n, x.data, to, p0, p1);
  int ok = 1;
  for (size_t i = 0; i < n && ok; ++i) {
    ok = close_enough(op, kf_data(copy)[i], to[i], (double)kf_data(want)[i]);
    if (!ok) {
      printf("%s unary %d(%.9g; %g, %g) is %.9g, expected %.9g\n", kernel->name, op, (double)kf_data(copy)[i],
             (double)p0, (double)p1, (double)to[i], (double)kf_data(want)[i]);
    }
  }
  kt_put(x), kt_put(y), kt_put(want), kt_put(copy);
  return ok;
}

static int run(const ek_eltwise_f32_kernel *kernel) {
  for (size_t n = 1; n <= 3u * kernel->lanes + 1; ++n) {
    for (int op = 0; op < EK_BINARY_COUNT; ++op) {
      for (int k = 0; k < 8; ++k) {
        if (!binary(kernel, op, n, k & 1, k >> 1 & 1, k >> 2)) return 1;
      }
    }
    for (int op = 0; op < EK_UNARY_COUNT; ++op) {
      for (int k = 0; k < 4; ++k) {
        if (!unary(kernel, op, n, k & 1)) return 1;
      }
    }
  }
  for (int op = 0; op < EK_UNARY_COUNT; ++op) {
    if (!unary(kernel, op, 20000, 0)) return 1;
  }
  return 0;
}

KT_MAIN("f32 eltwise", ek_eltwise_f32_kernel, ek_eltwise_f32_at, run)
