/* SPDX-License-Identifier: Apache-2.0
 * Limits of AVX-512. */
#include "peak.h"
#include "x86.inl"

void kb_peak_f32__avx512(uint64_t n) {
  LOOP(TWELVE("vfmadd231ps %%zmm14,%%zmm15,%%zmm"));
}
void kb_peak_i8__avx512(uint64_t n) {
  LOOP(PAIRS("zmm"));
}
void kb_read__avx512(char *p, const char *end) {
  READ("vmovdqa64", "zmm", 64);
}
void kb_write__avx512(char *p, const char *end) {
  WRITE("vmovdqa64", "zmm", 64);
}
