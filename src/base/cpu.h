/* SPDX-License-Identifier: Apache-2.0
 * The two CPU probes behind ei_cpu_features(), apart so that a test can compare them. */
#ifndef EI_CPU_H
#define EI_CPU_H

#include "pool.h"

/** CPUID and XGETBV on x86, the system's word on Arm. */
uint64_t ei_cpu_probe_builtin(void);
/** Features by the cpuinfo library; *known gets the bits it can answer for. False when it is not built in
 *  or cannot start. */
bool ei_cpu_probe_cpuinfo(uint64_t *features, uint64_t *known);
/** Cache size by CPUID; 0 when unknown. */
uint32_t ei_cpu_cache_builtin(uint32_t level);

#endif
