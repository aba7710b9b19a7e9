/* SPDX-License-Identifier: Apache-2.0
 * Limits of AVX-VNNI. */
#include "peak.h"
#include "x86.inl"

void kb_peak_i8__avxvnni(uint64_t n) {
  LOOP(TWELVE("%{vex%} vpdpbusd %%ymm14,%%ymm15,%%ymm"));
}
