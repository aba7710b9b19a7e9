/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution: selection and packing. */
#include "dwconv.h"

enum { LINE_FLOATS = 16 }; /* floats of a cache line */

static const ek_dwconv_f32_kernel *const table[] = {
#define EK_DWCONV_F32(isa, kernel) &kernel,
#include "dwconv.def"
#undef EK_DWCONV_F32
};

const ek_dwconv_f32_kernel *ek_dwconv_f32_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_dwconv_f32_kernel *ek_dwconv_f32_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}

size_t ek_dwconv_f32_ring(const ek_dwconv_f32_args *a) {
  return (a->kh - 1) * a->dh + 1;
}

int ek_dwconv_f32_in_strips(const ek_dwconv_f32_args *a) {
  return a->dw == 1 && (a->kw == 3 || a->kw == 5) && (a->sw == 1 || a->sw == 2) && a->ow > 0 && a->pad_left >= 0 &&
         a->pad_left < (ptrdiff_t)a->kw && (ptrdiff_t)((a->ow - 1) * a->sw) - a->pad_left < (ptrdiff_t)a->iw &&
         ek_dwconv_f32_ring(a) <= EK_DWCONV_F32_LINES;
}

void ek_dwconv_f32_fetch(const ek_dwconv_f32_args *a, size_t lanes, size_t block0, size_t block1) {
  const size_t block = (a->kh * a->kw + 1) * lanes;
  for (size_t i = block0 * block; i < block1 * block; i += LINE_FLOATS) __builtin_prefetch(a->packed + i, 0, 2);
}

uint64_t ek_dwconv_f32_packed_bytes(const ek_dwconv_f32_kernel *kernel, size_t taps, size_t c) {
  const uint64_t blocks = ((uint64_t)c + kernel->lanes - 1) / kernel->lanes;
  return blocks * kernel->lanes * ((uint64_t)taps + 1) * sizeof(float);
}

void ek_dwconv_f32_pack(const ek_dwconv_f32_kernel *kernel, const float *w, const float *bias, size_t taps, size_t c,
                        float *packed) {
  for (size_t first = 0; first < c; first += kernel->lanes) {
    for (size_t t = 0; t <= taps; ++t) {
      for (size_t i = first; i < first + kernel->lanes; ++i) {
        *packed++ = i >= c ? 0.0f : t < taps ? w[i * taps + t] : bias ? bias[i] : 0.0f;
      }
    }
  }
}
