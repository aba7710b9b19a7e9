/* SPDX-License-Identifier: Apache-2.0
 * Winograd transforms in plain C, one channel at a time, with the lanes of the plain matrix product. */
#include "winograd.h"

#include "../convert/convert.h"

#define VF_LANES 1
#define VF_INLINE static inline
typedef float vf;
VF_INLINE vf vf_load(const float *p) {
  return *p;
}
VF_INLINE vf vf_load_n(const float *p, size_t n) {
  return n ? *p : 0.0f;
}
VF_INLINE vf vf_load_half(const uint16_t *p) {
  float x;
  ek_convert__ref.f16_to_f32(1, p, &x);
  return x;
}
VF_INLINE void vf_store(float *p, vf v) {
  *p = v;
}
VF_INLINE void vf_store_n(float *p, vf v, size_t n) {
  if (n) *p = v;
}
VF_INLINE vf vf_set1(float x) {
  return x;
}
VF_INLINE vf vf_add(vf a, vf b) {
  return a + b;
}
VF_INLINE vf vf_sub(vf a, vf b) {
  return a - b;
}
VF_INLINE vf vf_mul(vf a, vf b) {
  return a * b;
}
VF_INLINE vf vf_madd(vf a, vf b, vf c) {
  return a * b + c;
}
VF_INLINE vf vf_nmadd(vf a, vf b, vf c) {
  return c - a * b;
}
VF_INLINE vf vf_min(vf a, vf b) {
  return a < b ? a : b;
}
VF_INLINE vf vf_max(vf a, vf b) {
  return a > b ? a : b;
}

#include "body.inl"

const ek_winograd_f32_kernel ek_winograd4_f32__ref = {
  .name = "winograd4_f32__ref",
  .lanes = VF_LANES,
  .tile = 4,
  .input_cycles = 200,
  .output_cycles = 200,
  .weight_cycles = 200,
  .input = input4,
  .weights = weights4,
  .output = output4,
};

const ek_winograd_f32_kernel ek_winograd2_f32__ref = {
  .name = "winograd2_f32__ref",
  .lanes = VF_LANES,
  .tile = 2,
  .input_cycles = 80,
  .output_cycles = 80,
  .weight_cycles = 80,
  .input = input2,
  .weights = weights2,
  .output = output2,
};
