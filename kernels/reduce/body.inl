/* SPDX-License-Identifier: Apache-2.0
 * f32 reductions for any vector word: four vectors of inner positions at a time, or lanes along n. */
VF_INLINE vf get(const float *p, size_t left) {
  return left >= VF_LANES ? vf_load(p) : vf_load_n(p, left);
}
VF_INLINE vf keep_nan(vf a, vf b, vf v) {
  return vf_select(vf_nan(a, b), vf_add(a, b), v);
}
VF_INLINE vf step_sum(vf acc, vf v) {
  return vf_add(acc, v);
}
VF_INLINE vf step_max(vf acc, vf v) {
  return keep_nan(acc, v, vf_max(acc, v));
}
VF_INLINE vf step_min(vf acc, vf v) {
  return keep_nan(acc, v, vf_min(acc, v));
}

#define REDUCE(name, final_scale)                                                                            \
  static void columns_##name(const ek_reduce_f32_args *a, size_t o, size_t i, size_t vectors, size_t left) { \
    const float *x = a->x + o * a->n * a->inner + i;                                                         \
    float *const y = a->y + o * a->inner + i;                                                                \
    vf acc[4];                                                                                               \
    for (size_t v = 0; v < vectors; ++v) acc[v] = get(x + v * VF_LANES, left);                               \
    for (size_t k = 1; k < a->n; ++k) {                                                                      \
      x += a->inner;                                                                                         \
      if (vectors == 4) {                                                                                    \
        for (size_t v = 0; v < 4; ++v) acc[v] = step_##name(acc[v], vf_load(x + v * VF_LANES));              \
      } else {                                                                                               \
        acc[0] = step_##name(acc[0], get(x, left));                                                          \
      }                                                                                                      \
    }                                                                                                        \
    for (size_t v = 0; v < vectors; ++v) {                                                                   \
      const vf r = final_scale ? vf_mul(acc[v], vf_set1(a->scale)) : acc[v];                                 \
      if (left >= VF_LANES) {                                                                                \
        vf_store(y + v * VF_LANES, r);                                                                       \
      } else {                                                                                               \
        vf_store_n(y + v * VF_LANES, r, left);                                                               \
      }                                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  static void line_##name(const ek_reduce_f32_args *a, size_t o) {                                           \
    const float *const x = a->x + o * a->n;                                                                  \
    float lane[VF_LANES];                                                                                    \
    size_t k = 0, lanes = 0;                                                                                 \
    vf acc = vf_zero();                                                                                      \
    if (a->n >= VF_LANES) {                                                                                  \
      acc = vf_load(x);                                                                                      \
      for (k = VF_LANES; k + VF_LANES <= a->n; k += VF_LANES) acc = step_##name(acc, vf_load(x + k));        \
      lanes = VF_LANES;                                                                                      \
    }                                                                                                        \
    vf_store(lane, acc);                                                                                     \
    vf r = vf_set1(lanes ? lane[0] : x[k++]);                                                                \
    for (size_t i = 1; i < lanes; ++i) r = step_##name(r, vf_set1(lane[i]));                                 \
    for (; k < a->n; ++k) r = step_##name(r, vf_set1(x[k]));                                                 \
    vf_store_n(a->y + o, final_scale ? vf_mul(r, vf_set1(a->scale)) : r, 1);                                 \
  }                                                                                                          \
  static void reduce_##name(const ek_reduce_f32_args *a, size_t o0, size_t o1, size_t i0, size_t i1) {       \
    for (size_t o = o0; o < o1; ++o) {                                                                       \
      if (a->inner == 1) {                                                                                   \
        line_##name(a, o);                                                                                   \
        continue;                                                                                            \
      }                                                                                                      \
      size_t i = i0;                                                                                         \
      for (; i + 4 * VF_LANES <= i1; i += 4 * VF_LANES) columns_##name(a, o, i, 4, VF_LANES);                \
      for (; i < i1; i += VF_LANES) columns_##name(a, o, i, 1, i1 - i);                                      \
    }                                                                                                        \
  }
REDUCE(sum, 1)
REDUCE(max, 0)
REDUCE(min, 0)
