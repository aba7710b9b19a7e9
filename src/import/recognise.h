/* SPDX-License-Identifier: Apache-2.0
 * Files that people take for models: told by their content. */
#ifndef EI_RECOGNISE_H
#define EI_RECOGNISE_H

#include <stdint.h>

/** "a gzip file: unpack it first …": what the bytes are and what to do; NULL when they look like nothing known. */
const char *ei_import_recognise(const void *data, uint64_t bytes);

#endif
