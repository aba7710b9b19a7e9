/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic for AVX512. */
#include "../qvec/avx512.h"
#define QE_SUFFIX avx512
#include "body.inl"
