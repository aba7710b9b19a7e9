/* SPDX-License-Identifier: Apache-2.0
 * Integer matrix kernel for AVX-512 VNNI: vpdpbusd, 6 x 64. */
#define QG_KR 4
#define QG_NAME ek_qgemm_x8s8_6x64c4__avx512vnni
#include "x86_avx512.inl"
