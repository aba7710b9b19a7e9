/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic for AVX2. */
#include "../qvec/avx2.h"
#define QE_SUFFIX avx2
#include "body.inl"
