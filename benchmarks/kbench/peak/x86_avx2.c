/* SPDX-License-Identifier: Apache-2.0
 * Limits of AVX2. */
#include "peak.h"
#include "x86.inl"

void kb_peak_f32__avx2(uint64_t n) {
  LOOP(TWELVE("vfmadd231ps %%ymm14,%%ymm15,%%ymm"));
}
void kb_peak_i8__avx2(uint64_t n) {
  LOOP(PAIRS("ymm"));
}
void kb_read__avx2(char *p, const char *end) {
  READ("vmovdqa", "ymm", 32);
}
void kb_write__avx2(char *p, const char *end) {
  WRITE("vmovdqa", "ymm", 32);
}
