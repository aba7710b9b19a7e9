/* SPDX-License-Identifier: Apache-2.0
 * CPU features by the cpuinfo library, when it is built in. */
#include "cpu.h"

#if defined(EDGE_HAVE_CPUINFO)

#  include <cpuinfo.h>

/* Old releases of cpuinfo do not know AVX-VNNI and I8MM; the built-in probe answers for what is not in *known. */
bool ei_cpu_probe_cpuinfo(uint64_t *features, uint64_t *known) {
  *features = 0;
  *known = 0;
  if (!cpuinfo_initialize()) return false;
#  if CPUINFO_ARCH_X86 || CPUINFO_ARCH_X86_64
  *known = EDGE_CPU_AVX2 | EDGE_CPU_AVX512 | EDGE_CPU_AVX512VNNI | EDGE_CPU_AVX512VBMI | EDGE_CPU_AVX512BF16;
  if (cpuinfo_has_x86_avx2() && cpuinfo_has_x86_fma3() && cpuinfo_has_x86_f16c() && cpuinfo_has_x86_bmi() &&
      cpuinfo_has_x86_bmi2())
    *features |= EDGE_CPU_AVX2;
  if ((*features & EDGE_CPU_AVX2) != 0 && cpuinfo_has_x86_avx512f() && cpuinfo_has_x86_avx512bw() &&
      cpuinfo_has_x86_avx512dq() && cpuinfo_has_x86_avx512vl()) {
    *features |= EDGE_CPU_AVX512;
    if (cpuinfo_has_x86_avx512vnni()) *features |= EDGE_CPU_AVX512VNNI;
    if (cpuinfo_has_x86_avx512vbmi()) *features |= EDGE_CPU_AVX512VBMI;
    if (cpuinfo_has_x86_avx512bf16()) *features |= EDGE_CPU_AVX512BF16;
  }
#  elif CPUINFO_ARCH_ARM64
  *known = EDGE_CPU_NEON | EDGE_CPU_DOTPROD;
  *features = EDGE_CPU_NEON;
  if (cpuinfo_has_arm_neon_dot()) *features |= EDGE_CPU_DOTPROD;
#  endif
  return true;
}

#else

bool ei_cpu_probe_cpuinfo(uint64_t *features, uint64_t *known) {
  *features = 0;
  *known = 0;
  return false;
}

#endif
