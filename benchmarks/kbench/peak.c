/* SPDX-License-Identifier: Apache-2.0
 * The limits of this machine, measured by the probes of peak/. */
#define _POSIX_C_SOURCE 200809L
#include "peak/peak.h"

#include "src/base/base.h"
#include "src/base/pool.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct peak {
  uint64_t isa;
  kb_arith arith;
  kb_peak_fn fn;
  double ops;
} peak;
static const peak peaks[] = {
#define KB_PEAK(isa, arith, fn, ops) { isa, arith, fn, ops },
#define KB_STREAM(isa, read, write)
#include "peak/peak.def"
#undef KB_PEAK
#undef KB_STREAM
  { 0, KB_BYTES, NULL, 0.0 },
};

typedef struct stream {
  uint64_t isa;
  kb_stream_fn read, write;
} stream;
static const stream streams[] = {
#define KB_PEAK(isa, arith, fn, ops)
#define KB_STREAM(isa, read, write) { isa, read, write },
#include "peak/peak.def"
#undef KB_PEAK
#undef KB_STREAM
};

static double seconds_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
double kb_wall(void) {
  return seconds_of(CLOCK_MONOTONIC);
}
double kb_cpu(void) {
  return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

/* what a row of this ISA may also use */
static uint64_t implied(uint64_t isa) {
  if (isa & (EK_AVX512VNNI | EK_AVX512VBMI | EK_AVX512BF16)) isa |= EK_AVX512;
  if (isa & (EK_AVX512 | EK_AVXVNNI)) isa |= EK_AVX2;
  if (isa & (EK_DOTPROD | EK_I8MM)) isa |= EK_NEON;
  return isa;
}

double kb_peak_sample(kb_arith arith, uint64_t isa) {
  enum { TURNS = 50000 }; /* 100 to 300 us */
  isa = implied(isa);
  for (size_t i = 0; i < EK_COUNT(peaks); ++i) { /* best first */
    const peak *const p = &peaks[i];
    if (p->fn == NULL || p->arith != arith || (p->isa & ~isa) != 0) continue;
    const double t0 = kb_wall();
    p->fn(TURNS);
    return p->ops * TURNS / (kb_wall() - t0);
  }
  return 0.0;
}

static double stream_rate(kb_stream_fn fn, char *p, size_t bytes) {
  const size_t repeat = ((size_t)8 << 20) / bytes + 1;
  double best = 0.0;
  for (int i = 0; i < 9; ++i) {
    const double t0 = kb_wall();
    for (size_t j = 0; j < repeat; ++j) fn(p, p + bytes);
    const double rate = (double)bytes * (double)repeat / (kb_wall() - t0);
    if (i > 0 && rate > best) best = rate;
  }
  return best;
}

void kb_bandwidth_measure(uint64_t isa, kb_bandwidth *out) {
  static const uint32_t usual[3] = { 32u << 10, 512u << 10, 8u << 20 };
  size_t caches[4];
  memset(out, 0, sizeof *out);
  isa = implied(isa);
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t bytes = ei_cpu_cache_bytes(i + 1);
    caches[i] = bytes ? bytes : usual[i];
    if (i > 0 && caches[i] < 2 * caches[i - 1]) caches[i] = 2 * caches[i - 1];
  }
  caches[3] = (size_t)256 << 20;
  void *p = NULL;
  const size_t most = (size_t)64 << 20;
  if (posix_memalign(&p, 4096, most) != 0) return;
  memset(p, 1, most);
  for (size_t s = 0; s < EK_COUNT(streams); ++s) {
    if ((streams[s].isa & ~isa) != 0) continue;
    for (uint32_t i = 0; i < 4; ++i) { /* half of each cache, so that it is this one that answers; little of the last */
      size_t bytes = (i == 2 && caches[2] > 8 * caches[1] ? 4 * caches[1] : caches[i] / 2) & ~(size_t)4095;
      if (bytes > most) bytes = most;
      out->bytes[i] = i < 3 ? (double)caches[i] * 0.8 : 1e30;
      out->read[i] = stream_rate(streams[s].read, p, bytes);
      out->write[i] = stream_rate(streams[s].write, p, bytes);
    }
    break;
  }
  free(p);
}
