/* SPDX-License-Identifier: Apache-2.0
 * Limits of AVX-512 with bf16 products. */
#include "peak.h"
#include "x86.inl"

void kb_peak_bf16__avx512bf16(uint64_t n) {
  LOOP(TWELVE("vdpbf16ps %%zmm14,%%zmm15,%%zmm"));
}
