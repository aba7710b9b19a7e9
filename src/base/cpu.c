/* SPDX-License-Identifier: Apache-2.0
 * CPU features, tiers and caps. Compiled without ISA flags, like both probes. */
#include "cpu.h"
#include "../port/port.h"

#define EI_MEMORY_SANITIZER 0
#if defined(__has_feature)
#  if __has_feature(memory_sanitizer) /* does not see what the assembler statements of vector kernels write */
#    undef EI_MEMORY_SANITIZER
#    define EI_MEMORY_SANITIZER 1
#  endif
#endif

typedef struct tier {
  const char *name;
  uint64_t lead; /* the feature that makes the tier */
  uint64_t mask; /* everything the tier adds */
} tier;

/* A total order for each architecture: a cap keeps what the tiers up to it add. */
static const tier x86_tiers[] = {
  { "avx2", EDGE_CPU_AVX2, EDGE_CPU_AVX2 },
  { "avxvnni", EDGE_CPU_AVXVNNI, EDGE_CPU_AVXVNNI },
  { "avx512", EDGE_CPU_AVX512, EDGE_CPU_AVX512 },
  { "avx512vnni", EDGE_CPU_AVX512VNNI, EDGE_CPU_AVX512VNNI | EDGE_CPU_AVX512VBMI },
  { "avx512bf16", EDGE_CPU_AVX512BF16, EDGE_CPU_AVX512BF16 },
};
static const tier arm_tiers[] = {
  { "neon", EDGE_CPU_NEON, EDGE_CPU_NEON },
  { "dotprod", EDGE_CPU_DOTPROD, EDGE_CPU_DOTPROD },
  { "i8mm", EDGE_CPU_I8MM, EDGE_CPU_I8MM },
};

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__) || defined(_M_IX86)
static const tier *const own_tiers = x86_tiers;
static const size_t num_own_tiers = EI_COUNT(x86_tiers);
#elif defined(__aarch64__) || defined(_M_ARM64) || defined(__arm__)
static const tier *const own_tiers = arm_tiers;
static const size_t num_own_tiers = EI_COUNT(arm_tiers);
#else
static const tier *const own_tiers = x86_tiers;
static const size_t num_own_tiers = 0;
#endif

uint64_t ei_cpu_features(void) {
  enum { PROBED = 31 }; /* set in the cache once it is filled; two threads that probe store the same value */
  static _Atomic uint32_t cache;
  uint32_t cached = atomic_load_explicit(&cache, memory_order_relaxed);
  if ((cached & 1u << PROBED) == 0) {
    uint64_t features = 0, known = 0;
    const uint64_t builtin = ei_cpu_probe_builtin();
    if (ei_cpu_probe_cpuinfo(&features, &known)) {
      features = (features & known) | (builtin & ~known);
    } else {
      features = builtin;
    }
    if (sizeof(void *) < 8 || EI_MEMORY_SANITIZER) features = 0; /* vector kernels are built for 64-bit processors */
    cached = (uint32_t)features | 1u << PROBED;
    atomic_store_explicit(&cache, cached, memory_order_relaxed);
  }
  return cached & ~(1u << PROBED);
}

bool ei_cpu_cap(const char *name, uint64_t *mask) {
  *mask = 0;
  if (name == NULL) {
    *mask = UINT64_MAX;
    return true;
  }
  if (strcmp(name, "scalar") == 0) return true;
  for (size_t i = 0; i < num_own_tiers; ++i) {
    *mask |= own_tiers[i].mask;
    if (strcmp(name, own_tiers[i].name) == 0) return true;
  }
  *mask = 0;
  return false;
}

static const char *highest(const tier *tiers, size_t n, uint64_t features) {
  while (n-- > 0) {
    if ((features & tiers[n].lead) != 0) return tiers[n].name;
  }
  return NULL;
}

const char *ei_cpu_tier(uint64_t features) {
  const char *name = highest(x86_tiers, EI_COUNT(x86_tiers), features);
  if (name == NULL) name = highest(arm_tiers, EI_COUNT(arm_tiers), features);
  return name != NULL ? name : "scalar";
}

uint32_t ei_cpu_cores(void) {
  const uint32_t n = ei_port_cores();
  return n > 0 ? n : 1;
}

uint32_t ei_cpu_threads(void) {
  const uint32_t n = ei_port_cpus(), cores = ei_cpu_cores();
  return n > cores ? n : cores;
}

uint32_t ei_cpu_cache_bytes(uint32_t level) {
  const uint32_t bytes = ei_port_cache_bytes(level);
  return bytes != 0 ? bytes : ei_cpu_cache_builtin(level);
}

uint64_t ei_clock_ns(void) {
  return ei_port_clock_ns();
}
