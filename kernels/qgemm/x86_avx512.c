/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for AVX-512 without VNNI: bytes widened to 16 bits (exact), vpmaddwd, 6 x 64. */
#define QG_KR 2
#define QG_NAME ek_qgemm_x8s8_6x64c2__avx512
#include "x86_avx512.inl"
