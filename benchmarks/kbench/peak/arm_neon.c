/* SPDX-License-Identifier: Apache-2.0
 * Limits of NEON. */
#include "peak.h"
#include "arm.inl"

void kb_peak_f32__neon(uint64_t n) {
  LOOP(TWELVE("fmla", "4s", "4s"));
}
void kb_peak_i8__neon(uint64_t n) {
  LOOP(TWELVE("smlal", "4s", "4h"));
}
void kb_read__neon(char *p, const char *end) {
  __asm__ volatile("1:\nldp q0, q1, [%0], #32\nldp q2, q3, [%0], #32\ncmp %0, %1\nb.lo 1b\n"
                   : "+r"(p)
                   : "r"(end)
                   : CLOBBERS);
}
void kb_write__neon(char *p, const char *end) {
  __asm__ volatile("movi v0.4s, #0\n1:\nstp q0, q0, [%0], #32\nstp q0, q0, [%0], #32\ncmp %0, %1\nb.lo 1b\n"
                   : "+r"(p)
                   : "r"(end)
                   : CLOBBERS);
}
