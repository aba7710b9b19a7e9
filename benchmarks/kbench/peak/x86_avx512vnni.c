/* SPDX-License-Identifier: Apache-2.0
 * Limits of AVX-512 with VNNI. */
#include "peak.h"
#include "x86.inl"

void kb_peak_i8__avx512vnni(uint64_t n) {
  LOOP(TWELVE("vpdpbusd %%zmm14,%%zmm15,%%zmm"));
}
