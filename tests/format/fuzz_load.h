/* SPDX-License-Identifier: Apache-2.0
 * One load of a fuzzed file with all its consequences, for the sweeps and the fuzz targets. */
#ifndef ET_FUZZ_LOAD_H
#define ET_FUZZ_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/** Loads, reads every byte that the graph points at, writes an accepted graph again and loads that.
 *  Ends the program when a promise is broken: a leak, more memory than promised, an error without a text,
 *  an accepted graph that does not survive. @return accepted? */
bool et_fuzz_load(const uint8_t *p, uint64_t n);

#endif
