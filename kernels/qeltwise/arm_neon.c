/* SPDX-License-Identifier: Apache-2.0
 * 8-bit elementwise arithmetic for NEON. */
#include "../qvec/neon.h"
#define QE_SUFFIX neon
#include "body.inl"
