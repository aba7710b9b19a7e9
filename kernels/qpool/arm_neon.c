/* SPDX-License-Identifier: Apache-2.0
 * 8-bit pooling for NEON. */
#include "../qvec/neon.h"
#define QP_SUFFIX neon
#include "body.inl"
