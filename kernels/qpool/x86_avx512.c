/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling for AVX512. */
#include "../qvec/avx512.h"
#define QP_SUFFIX avx512
#include "body.inl"
