/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling for AVX2. */
#include "../qvec/avx2.h"
#define QP_SUFFIX avx2
#include "body.inl"
