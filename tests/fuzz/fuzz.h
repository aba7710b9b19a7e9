/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target: one function that takes any bytes, and seeds to begin with. Each target is built twice: with libFuzzer
 * (EDGE_FUZZ), and with fuzz_main.c as a deterministic test. */
#ifndef ET_FUZZ_H
#define ET_FUZZ_H

#include "mutate.h"
#include <stdbool.h>

/** Must survive any bytes; true: accepted. */
bool et_fuzz_one(const uint8_t *p, size_t n);
/** Seeds that the target makes itself; files of folders given on the command line are added. */
void et_fuzz_seeds(et_corpus *c);

#endif
