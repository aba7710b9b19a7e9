/* SPDX-License-Identifier: Apache-2.0
 * Shared by all kernel families: architecture switches and ISA bits (the same values as EDGE_CPU_* of the plug-in ABI).
 */
#ifndef EK_H
#define EK_H

#include <edge/types.h>

#if defined(__x86_64__) || defined(_M_X64)
#  define EK_ARCH_X86 1
#else
#  define EK_ARCH_X86 0
#endif
#if defined(__aarch64__)
#  define EK_ARCH_ARM 1
#else
#  define EK_ARCH_ARM 0
#endif

#define EK_AVX2 (1ull << 0)
#define EK_AVXVNNI (1ull << 1)
#define EK_AVX512 (1ull << 2)
#define EK_AVX512VNNI (1ull << 3)
#define EK_AVX512BF16 (1ull << 4)
#define EK_AVX512VBMI (1ull << 5)
#define EK_NEON (1ull << 16)
#define EK_DOTPROD (1ull << 17)
#define EK_I8MM (1ull << 18)

/* flags of rows */
#define EK_EXACT (1u << 0) /* the same bits as the reference row */
#define EK_FAST (1u << 1)  /* computes with less precision than its types have: only for who asks for it */

#define EK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
