/* SPDX-License-Identifier: Apache-2.0
 * Limits of the Arm dot product. */
#include "peak.h"
#include "arm.inl"

void kb_peak_i8__dotprod(uint64_t n) {
  LOOP(TWELVE("sdot", "4s", "16b"));
}
