/* SPDX-License-Identifier: Apache-2.0
 * The built-in CPU probe. Compiled without ISA flags: it must run on every CPU of its architecture. */
#include "cpu.h"
#include "../port/port.h"

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)

#  if defined(_MSC_VER)
#    include <intrin.h>
#  else
#    include <cpuid.h>
#  endif

typedef struct regs {
  uint32_t a, b, c, d;
} regs;

/* All zero for a leaf that the CPU does not have. */
static regs leaf(uint32_t function, uint32_t sub) {
  regs r = { 0, 0, 0, 0 };
#  if defined(_MSC_VER)
  int v[4];
  __cpuid(v, (int)(function & 0x80000000u));
  if ((uint32_t)v[0] < function) return r;
  __cpuidex(v, (int)function, (int)sub);
  r = (regs) { (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2], (uint32_t)v[3] };
#  else
  unsigned a, b, c, d;
  if (__get_cpuid_count(function, sub, &a, &b, &c, &d)) r = (regs) { a, b, c, d };
#  endif
  return r;
}

/* Which register files the system saves. */
static uint32_t xcr0(void) {
#  if defined(_MSC_VER)
  return (uint32_t)_xgetbv(0);
#  else
  uint32_t lo, hi;
  __asm__ volatile(".byte 0x0f, 0x01, 0xd0" /* xgetbv */ : "=a"(lo), "=d"(hi) : "c"(0));
  return lo;
#  endif
}

static bool has(uint32_t reg, unsigned bit) {
  return (reg >> bit & 1u) != 0;
}

uint64_t ei_cpu_probe_builtin(void) {
  const regs l1 = leaf(1, 0);
  const bool osxsave = has(l1.c, 27), avx = has(l1.c, 28), fma = has(l1.c, 12), f16c = has(l1.c, 29);
  if (!osxsave || !avx || (xcr0() & 0x6u) != 0x6u) return 0;
  const bool zmm = (xcr0() & 0xe6u) == 0xe6u;
  const regs l7 = leaf(7, 0);
  const regs l71 = l7.a >= 1 ? leaf(7, 1) : (regs) { 0, 0, 0, 0 };
  const bool avx2 = has(l7.b, 5), bmi1 = has(l7.b, 3), bmi2 = has(l7.b, 8);
  if (!(avx2 && fma && f16c && bmi1 && bmi2)) return 0;
  uint64_t features = EDGE_CPU_AVX2;
  if (has(l71.a, 4)) features |= EDGE_CPU_AVXVNNI;
  const bool f = has(l7.b, 16), dq = has(l7.b, 17), bw = has(l7.b, 30), vl = has(l7.b, 31);
  if (zmm && f && dq && bw && vl) {
    features |= EDGE_CPU_AVX512;
    if (has(l7.c, 11)) features |= EDGE_CPU_AVX512VNNI;
    if (has(l7.c, 1)) features |= EDGE_CPU_AVX512VBMI;
    if (has(l71.a, 5)) features |= EDGE_CPU_AVX512BF16;
  }
  return features;
}

uint32_t ei_cpu_cache_builtin(uint32_t level) {
  /* Intel lists caches in leaf 4, AMD the same way in 0x8000001D. */
  static const uint32_t functions[] = { 4, 0x8000001du };
  for (size_t f = 0; f < EI_COUNT(functions); ++f) {
    for (uint32_t i = 0; i < 16; ++i) {
      const regs r = leaf(functions[f], i);
      const uint32_t type = r.a & 31u;
      if (type == 0) break;
      if (type == 2 || (r.a >> 5 & 7u) != level) continue; /* instructions */
      const uint64_t ways = (r.b >> 22) + 1ull, parts = (r.b >> 12 & 0x3ffu) + 1ull, line = (r.b & 0xfffu) + 1ull;
      const uint64_t bytes = ways * parts * line * (r.c + 1ull);
      return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
    }
  }
  return 0;
}

#elif defined(__aarch64__) || defined(_M_ARM64)

uint64_t ei_cpu_probe_builtin(void) {
  uint64_t features = EDGE_CPU_NEON;                     /* part of the architecture */
#  if defined(__linux__)
  enum { HWCAP_ASIMDDP_BIT = 20, HWCAP2_I8MM_BIT = 13 }; /* the kernel's stable ABI */
  if ((ei_port_hwcap(0) >> HWCAP_ASIMDDP_BIT & 1u) != 0) features |= EDGE_CPU_DOTPROD;
  if ((ei_port_hwcap(1) >> HWCAP2_I8MM_BIT & 1u) != 0) features |= EDGE_CPU_I8MM;
#  else
#    if defined(__ARM_FEATURE_DOTPROD)
  features |= EDGE_CPU_DOTPROD;
#    endif
#    if defined(__ARM_FEATURE_MATMUL_INT8)
  features |= EDGE_CPU_I8MM;
#    endif
#  endif
  return features;
}

uint32_t ei_cpu_cache_builtin(uint32_t level) {
  (void)level;
  return 0;
}

#else

/* 32-bit Arm and everything else run the portable kernels. */
uint64_t ei_cpu_probe_builtin(void) {
  return 0;
}

uint32_t ei_cpu_cache_builtin(uint32_t level) {
  (void)level;
  return 0;
}

#endif
