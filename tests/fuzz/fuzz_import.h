/* SPDX-License-Identifier: Apache-2.0
 * One import of a fuzzed file with all its consequences. */
#ifndef ET_FUZZ_IMPORT_H
#define ET_FUZZ_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Imports with a quota, runs all passes, loads the image and reads every constant. Ends the program when an image does
 *  not load, or an error has no text. @return accepted? */
bool et_fuzz_import(const uint8_t *p, size_t n);

#endif
