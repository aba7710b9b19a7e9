/* SPDX-License-Identifier: Apache-2.0
 * The textual form of tensors and attributes in operator cases. */
#ifndef ET_OPS_TEXT_H
#define ET_OPS_TEXT_H

#include "src/ops/op.h"

enum { ET_MAX_TENSORS = 40, ET_MAX_ATTRS = 24 };

typedef struct et_tensors {
  edge_tensor t[ET_MAX_TENSORS];
  uint32_t n;
} et_tensors;

/** Parse a list; data is malloc'ed to the exact size. false prints what is wrong. */
bool et_parse_tensors(const char *text, et_tensors *out);
void et_free_tensors(et_tensors *list);
/** Attributes into node->attr (malloc'ed, exactly as many as given). */
bool et_parse_attrs(const char *text, ei_node *node);
void et_free_attrs(ei_node *node);
uint32_t et_random(uint32_t *state);

#endif
