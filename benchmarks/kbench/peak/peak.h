/* SPDX-License-Identifier: Apache-2.0
 * Probes of what an instruction set can do: arithmetic without memory, memory without arithmetic. */
#ifndef KB_PEAK_H
#define KB_PEAK_H

#include "../kbench.h"

typedef void (*kb_peak_fn)(uint64_t turns);
/** Whole multiples of 256 bytes; p is 64-byte aligned. */
typedef void (*kb_stream_fn)(char *p, const char *end);

#define KB_PEAK(isa, arith, fn, ops) void fn(uint64_t turns);
#define KB_STREAM(isa, read, write)    \
  void read(char *p, const char *end); \
  void write(char *p, const char *end);
#include "peak.def"
#undef KB_PEAK
#undef KB_STREAM

#endif
