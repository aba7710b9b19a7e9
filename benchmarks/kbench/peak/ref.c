/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing without any instruction set. */
#include "peak.h"

static volatile uint64_t sink;

void kb_read__ref(char *p, const char *end) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (const uint64_t *q = (const uint64_t *)(const void *)p; q < (const uint64_t *)(const void *)end; q += 4) {
    a += q[0], b += q[1], c += q[2], d += q[3];
  }
  sink = a + b + c + d;
}

void kb_write__ref(char *p, const char *end) {
  for (volatile uint64_t *q = (volatile uint64_t *)(void *)p; q < (const volatile uint64_t *)(const void *)end; ++q) {
    *q = 0;
  }
}
