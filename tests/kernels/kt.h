/* SPDX-License-Identifier: Apache-2.0
 * Helpers of the integer kernel tests: ISA probe, random data, buffers that end at an inaccessible page. */
#ifndef KT_H
#define KT_H

#include "../../kernels/ek.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if EK_ARCH_X86
#  include <cpuid.h>
#endif
#if EK_ARCH_ARM
#  include <sys/auxv.h>
#endif

/* what this CPU has, found without the library's own probe */
static inline uint64_t kt_have(void) {
  uint64_t have = 0;
#if EK_ARCH_X86
  unsigned a, b, c, d;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) have |= EK_AVX2;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 16u) && (have & EK_AVX2)) have |= EK_AVXVNNI;
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    have |= EK_AVX512;
  if ((have & EK_AVX512) && __builtin_cpu_supports("avx512vnni")) have |= EK_AVX512VNNI;
  if ((have & EK_AVX512) && __builtin_cpu_supports("avx512bf16")) have |= EK_AVX512BF16;
  if ((have & EK_AVX512) && __builtin_cpu_supports("avx512vbmi")) have |= EK_AVX512VBMI;
#elif EK_ARCH_ARM
  have |= EK_NEON;
  if (getauxval(AT_HWCAP) & (1ul << 20)) have |= EK_DOTPROD;
  if (getauxval(AT_HWCAP2) & (1ul << 13)) have |= EK_I8MM;
#endif
  return have;
}

static uint64_t kt_state = 88172645463325252ull;
static inline uint32_t kt_rand(void) {
  kt_state ^= kt_state << 13;
  kt_state ^= kt_state >> 7;
  kt_state ^= kt_state << 17;
  return (uint32_t)(kt_state >> 32);
}
static inline uint32_t kt_range(uint32_t lo, uint32_t hi) {
  return lo + kt_rand() % (hi - lo + 1);
}
static inline void kt_fill(void *p, size_t n) {
  for (size_t i = 0; i < n; ++i) ((uint8_t *)p)[i] = (uint8_t)(kt_rand() % 8 ? kt_rand() : (kt_rand() & 1) * 255u);
}

/* n bytes whose end is the end of the accessible memory */
typedef struct kt_buffer {
  void *map, *data;
  size_t map_bytes;
} kt_buffer;
static inline kt_buffer kt_get(size_t n) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (n + page - 1) / page * page;
  kt_buffer b = { NULL, NULL, body + page };
  b.map = mmap(NULL, b.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (b.map == MAP_FAILED || mprotect((char *)b.map + body, page, PROT_NONE) != 0) {
    fprintf(stderr, "mmap failed\n");
    exit(1);
  }
  b.data = (char *)b.map + body - n;
  return b;
}
static inline void kt_put(kt_buffer b) {
  munmap(b.map, b.map_bytes);
}

/* does a row's function name belong to the ISA named on the command line? */
static inline int kt_is(const char *name, const char *isa) {
  const char *const p = strstr(name, "__");
  return p != NULL && strcmp(p + 2, isa) == 0;
}
static inline int kt_usage(const char *program) {
  fprintf(stderr, "usage: %s ISA   (ref, avx2, avxvnni, avx512, avx512vnni, avx512bf16, avx512vbmi, neon, neondot)\n",
          program);
  return 2;
}

/* walks a family's rows: run(desc) for each that belongs to the ISA; 77 when there is none or the CPU lacks it */
#define KT_MAIN(family, desc_type, at, run)                                                     \
  int main(int argc, char **argv) {                                                             \
    if (argc != 2) return kt_usage(argv[0]);                                                    \
    const uint64_t have = kt_have();                                                            \
    int rows = 0, skipped = 0, failed = 0;                                                      \
    for (uint32_t i = 0;; ++i) {                                                                \
      const desc_type *const d = at(i);                                                         \
      if (d == NULL) break;                                                                     \
      if (!kt_is(d->name, argv[1])) continue;                                                   \
      if ((d->isa & ~have) != 0) {                                                              \
        printf("SKIPPED %s: this CPU lacks %s\n", d->name, argv[1]);                            \
        ++skipped;                                                                              \
        continue;                                                                               \
      }                                                                                         \
      const int bad = run(d);                                                                   \
      printf("%s %s\n", bad ? "FAILED" : "ok", d->name);                                        \
      failed |= bad;                                                                            \
      ++rows;                                                                                   \
    }                                                                                           \
    if (rows == 0 && skipped == 0) printf("SKIPPED: no %s row for %s here\n", family, argv[1]); \
    return failed ? 1 : rows == 0 ? 77 : 0;                                                     \
  }

#endif
