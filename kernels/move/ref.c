/* SPDX-License-Identifier: Apache-2.0
 * 2D transposes in plain C, in blocks of 16 x 16 so that both sides stay in cache. */
#include "move.h"

#include <string.h>

#define TRANSPOSE(bytes)                                                                                    \
  void ek_transpose_##bytes##__ref(size_t rows, size_t columns, const void *src, size_t src_row, void *dst, \
                                   size_t dst_row) {                                                        \
    for (size_t r0 = 0; r0 < rows; r0 += 16) {                                                              \
      const size_t r1 = r0 + 16 < rows ? r0 + 16 : rows;                                                    \
      for (size_t c0 = 0; c0 < columns; c0 += 16) {                                                         \
        const size_t c1 = c0 + 16 < columns ? c0 + 16 : columns;                                            \
        for (size_t c = c0; c < c1; ++c) {                                                                  \
          char *const to = (char *)dst + c * dst_row;                                                       \
          const char *const from = (const char *)src + c * bytes;                                           \
          for (size_t r = r0; r < r1; ++r) memcpy(to + r * bytes, from + r * src_row, bytes);               \
        }                                                                                                   \
      }                                                                                                     \
    }                                                                                                       \
  }
TRANSPOSE(1)
TRANSPOSE(2)
TRANSPOSE(4)
TRANSPOSE(8)

const ek_move_kernel ek_move__ref = {
  .name = "move__ref",
  .isa = 0,
  .flags = EK_EXACT,
  .transpose = { ek_transpose_1__ref, ek_transpose_2__ref, ek_transpose_4__ref, ek_transpose_8__ref },
};
