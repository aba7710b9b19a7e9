/* SPDX-License-Identifier: Apache-2.0
 * The last bytes of a row, without a call that would empty the vector registers. */
#ifndef EK_QGEMM_ARM_REST_H
#define EK_QGEMM_ARM_REST_H

#include <stdint.h>
#include <string.h>

/** n < 8 bytes, then zeros. */
static inline __attribute__((always_inline)) uint64_t qg_rest(const uint8_t *p, size_t n) {
  uint64_t v = 0;
  size_t at = 0;
  if ((n & 4) != 0) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    v = four;
    at = 4;
  }
  if ((n & 2) != 0) {
    uint16_t two;
    memcpy(&two, p + at, sizeof two);
    v |= (uint64_t)two << 8 * at;
    at += 2;
  }
  if ((n & 1) != 0) v |= (uint64_t)p[at] << 8 * at;
  return v;
}

#endif
