/* SPDX-License-Identifier: Apache-2.0
 * CPU probes, caps and what the system tells about the machine. */
#include "base_test.h"
#include "src/port/port.h"

void test_cpu_probes_agree(void) {
  uint64_t features = 0, known = 0;
  const uint64_t builtin = ei_cpu_probe_builtin();
  if (!ei_cpu_probe_cpuinfo(&features, &known)) SKIP("built without cpuinfo");
  printf("cpuinfo %llx of %llx, built-in %llx\n", (unsigned long long)features, (unsigned long long)known,
         (unsigned long long)builtin);
  CHECK((features & known) == (builtin & known));
  CHECK(ei_cpu_features() == builtin);
}

void test_cpu_caps(void) {
  uint64_t mask = 1;
  CHECK(ei_cpu_cap(NULL, &mask) && mask == UINT64_MAX);
  CHECK(ei_cpu_cap("scalar", &mask) && mask == 0);
  CHECK(!ei_cpu_cap("sse9", &mask) && mask == 0);
  CHECK(!ei_cpu_cap("", &mask) && !ei_cpu_cap("AVX2", &mask));
#if defined(__x86_64__)
  static const char *const names[] = { "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16" };
  static const uint64_t added[] = { EDGE_CPU_AVX2, EDGE_CPU_AVXVNNI, EDGE_CPU_AVX512,
                                    EDGE_CPU_AVX512VNNI | EDGE_CPU_AVX512VBMI, EDGE_CPU_AVX512BF16 };
  CHECK(!ei_cpu_cap("neon", &mask) && !ei_cpu_cap("i8mm", &mask));
#elif defined(__aarch64__)
  static const char *const names[] = { "neon", "dotprod", "i8mm" };
  static const uint64_t added[] = { EDGE_CPU_NEON, EDGE_CPU_DOTPROD, EDGE_CPU_I8MM };
  CHECK(!ei_cpu_cap("avx2", &mask));
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  uint64_t want = 0;
  for (size_t i = 0; i < EI_COUNT(names); ++i) {
    want |= added[i];
    CHECK(ei_cpu_cap(names[i], &mask) && mask == want);
    CHECK_TEXT(ei_cpu_tier(mask), names[i]);
  }
#endif
}

void test_cpu_tiers(void) {
  CHECK_TEXT(ei_cpu_tier(0), "scalar");
  CHECK_TEXT(ei_cpu_tier(EDGE_CPU_AVX2), "avx2");
  CHECK_TEXT(ei_cpu_tier(EDGE_CPU_AVX2 | EDGE_CPU_AVX512), "avx512");
  CHECK_TEXT(ei_cpu_tier(EDGE_CPU_AVX2 | EDGE_CPU_AVX512 | EDGE_CPU_AVX512VBMI), "avx512"); /* VBMI alone is no tier */
  CHECK_TEXT(ei_cpu_tier(EDGE_CPU_NEON | EDGE_CPU_DOTPROD), "dotprod");
  printf("this CPU: %s (%llx)\n", ei_cpu_tier(ei_cpu_features()), (unsigned long long)ei_cpu_features());
}

void test_cpu_machine(void) {
  CHECK(ei_cpu_cores() >= 1 && ei_cpu_cores() <= 4096);
  for (uint32_t level = 1; level <= 3; ++level) {
    const uint32_t bytes = ei_cpu_cache_bytes(level), cpuid = ei_cpu_cache_builtin(level);
    printf("L%u: %u bytes (CPUID %u)\n", (unsigned)level, (unsigned)bytes, (unsigned)cpuid);
    CHECK(bytes == 0 || bytes >= 4096);
  }
  CHECK(ei_cpu_cache_bytes(9) == 0);
  const uint64_t before = ei_clock_ns();
  ei_port_yield();
  CHECK(before != 0 && ei_clock_ns() >= before);
}
