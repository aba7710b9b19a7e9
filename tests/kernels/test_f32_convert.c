/* SPDX-License-Identifier: Apache-2.0
 * Float formats: all f16 and bf16 values there and back, random and halfway f32 values, every tail. */
#include "kf.h"
#include "kernels/convert/convert.h"

/* nearest f16 of a finite value, from the definition */
static double nearest_f16(double v) {
  int exponent = 0;
  frexp(v, &exponent);
  if (exponent < -13) exponent = -13;
  const double unit = ldexp(1.0, exponent - 11), r = nearbyint(v / unit) * unit;
  return fabs(r) >= 65520.0 || fabs(r) > 65504.0 ? copysign((double)INFINITY, v) : r;
}

static int round_trip(const ek_convert_kernel *k, ek_convert_fn up, ek_convert_fn down, uint32_t inf) {
  for (uint32_t i = 0; i < 65536; i += 16) {
    uint16_t in[16], out[16];
    float wide[16];
    for (uint32_t j = 0; j < 16; ++j) in[j] = (uint16_t)(i + j);
    up(16, in, wide);
    down(16, wide, out);
    for (uint32_t j = 0; j < 16; ++j) {
      const int nan = (in[j] & 0x7fffu) > inf;
      if (nan ? !isnan(wide[j]) || (out[j] & 0x7fffu) <= inf : out[j] != in[j]) {
        printf("%s: %04x became %a and %04x\n", k->name, in[j], (double)wide[j], out[j]);
        return 0;
      }
    }
  }
  return 1;
}

static int run(const ek_convert_kernel *k) {
  if (!round_trip(k, k->f16_to_f32, k->f32_to_f16, 0x7c00u) || !round_trip(k, k->bf16_to_f32, k->f32_to_bf16, 0x7f80u))
    return 1;
  for (size_t n = 1; n < 40; ++n) {
    for (int round = 0; round < 200; ++round) {
      const kt_buffer x = kt_get(n * 4), h = kt_get(n * 2), back = kt_get(n * 4), want = kt_get(n * 2);
      for (size_t i = 0; i < n; ++i) {
        float v = ldexpf(kf_rand(-1.0f, 1.0f), (int)kt_range(0, 44) - 27);
        if (kt_rand() % 3 == 0) v = (float)(int)kt_range(0, 4200) * 0x1p-25f; /* ties among the subnormals */
        if (kt_rand() % 3 == 0) v = 1.0f + (float)(int)kt_range(0, 4096) * 0x1p-11f;
        kf_data(x)[i] = v;
      }
      k->f32_to_f16(n, x.data, h.data);
      k->f16_to_f32(n, h.data, back.data);
      int bad = 0;
      for (size_t i = 0; i < n && !bad; ++i) {
        bad = (double)kf_data(back)[i] != nearest_f16((double)kf_data(x)[i]);
        if (bad) printf("%s: %a became %a\n", k->name, (double)kf_data(x)[i], (double)kf_data(back)[i]);
      }
      k->f32_to_bf16(n, x.data, h.data);
      ek_convert__ref.f32_to_bf16(n, x.data, want.data);
      if (!bad && memcmp(h.data, want.data, n * 2) != 0) {
        printf("%s: bf16 differs\n", k->name);
        bad = 1;
      }
      kt_put(x), kt_put(h), kt_put(back), kt_put(want);
      if (bad) return 1;
    }
  }
  return 0;
}

KT_MAIN("convert", ek_convert_kernel, ek_convert_at, run)
