/* SPDX-License-Identifier: Apache-2.0
 * What a model holds that cannot be run here: collected node by node, each with the nearest thing to do. */
#ifndef EI_UNSUPPORTED_H
#define EI_UNSUPPORTED_H

#include "import.h"

enum { EI_HINT_BYTES = 240 };

/** Name of a supported operator by index, NULL past the last. */
typedef const char *(*ei_op_names)(uint32_t index);

/** What to do about an operator that is not known: `known` lists those that are, in the same spelling.
 *  `custom`: it is not of the format's own set. Writes text, returns it. */
const char *ei_unsupported_hint(const char *op, bool custom, ei_op_names known, char out[EI_HINT_BYTES]);

/** "f32 [1, 3, ?]"; the type alone when the rank is unknown, "" when the type is. */
const char *ei_unsupported_type(const edge_tensor *t, char *out, size_t cap);

/** To the callback of the options, or as a line to the log. */
void ei_import_unsupported(const ei_import *im, const ei_unsupported *u);

/** Name every node whose operator does not take the types that it is given. */
void ei_import_unsupported_types(const ei_import *im, ei_graph *g);

/** `text` without "node 'NAME' (OP): " in front of it. */
const char *ei_unsupported_why(const char *text);

#endif
