/* SPDX-License-Identifier: Apache-2.0
 * 2D transposes with NEON: 4 x 4 for 4-byte elements. */
#include "move.h"

#include <arm_neon.h>

static inline uint32x4_t load(const char *p) {
  return vreinterpretq_u32_u8(vld1q_u8((const uint8_t *)p));
}
static inline void store(char *p, uint64x2_t v) {
  vst1q_u8((uint8_t *)p, vreinterpretq_u8_u64(v));
}

static inline void block_4(const char *s, size_t sr, char *d, size_t dr) {
  const uint32x4_t a0 = load(s), a1 = load(s + sr), a2 = load(s + 2 * sr), a3 = load(s + 3 * sr);
  const uint64x2_t b0 = vreinterpretq_u64_u32(vtrn1q_u32(a0, a1)), b1 = vreinterpretq_u64_u32(vtrn2q_u32(a0, a1));
  const uint64x2_t b2 = vreinterpretq_u64_u32(vtrn1q_u32(a2, a3)), b3 = vreinterpretq_u64_u32(vtrn2q_u32(a2, a3));
  store(d, vtrn1q_u64(b0, b2));
  store(d + dr, vtrn1q_u64(b1, b3));
  store(d + 2 * dr, vtrn2q_u64(b0, b2));
  store(d + 3 * dr, vtrn2q_u64(b1, b3));
}

static void transpose_4(size_t rows, size_t columns, const void *src, size_t sr, void *dst, size_t dr) {
  const size_t r4 = rows / 4 * 4, c4 = columns / 4 * 4;
  const char *const s = src;
  char *const d = dst;
  for (size_t c = 0; c < c4; c += 4) {
    for (size_t r = 0; r < r4; r += 4) block_4(s + r * sr + c * 4, sr, d + c * dr + r * 4, dr);
  }
  if (c4 < columns) ek_transpose_4__ref(r4, columns - c4, s + c4 * 4, sr, d + c4 * dr, dr);
  if (r4 < rows) ek_transpose_4__ref(rows - r4, columns, s + r4 * sr, sr, d + r4 * 4, dr);
}

const ek_move_kernel ek_move_4x4__neon = {
  .name = "move_4x4__neon",
  .isa = EK_NEON,
  .transpose = { ek_transpose_1__ref, ek_transpose_2__ref, transpose_4, ek_transpose_8__ref },
};
