/* SPDX-License-Identifier: Apache-2.0
 * Operators that the application registered. In files and while importing such a node is a `Custom` whose attribute
 * EI_CUSTOM_KEY says "domain:name"; binding replaces its operator by the registered one. */
#ifndef EI_CUSTOM_H
#define EI_CUSTOM_H

#include "op.h"
#include <edge/custom.h>

#define EI_CUSTOM_KEY "@op"
#define EI_CUSTOM_OPTIONS "@options" /* bytes of custom_options, one integer each */

typedef struct ei_custom_op {
  ei_op_def def; /* first: a node's operator is the address of it */
  edge_custom_op op;
  struct ei_custom_op *next;
  uint64_t bytes; /* of this allocation, names included */
} ei_custom_op;

/** Checks and copies; the list gets the new one in front. */
edge_status ei_custom_add(ei_alloc *alloc, ei_custom_op **list, const edge_custom_op *op, edge_error *err);
void ei_custom_free(ei_alloc *alloc, ei_custom_op *list);
/** By domain and name; NULL: not registered. */
const ei_custom_op *ei_custom_find(const ei_custom_op *list, const char *domain, const char *name);
/** Give a Custom node its operator, with the arity checked; NOT_FOUND when it is not registered. */
edge_status ei_custom_bind_node(const ei_custom_op *list, ei_node *n, edge_error *err);
/** Bind all nodes. `required`: those that are not registered are listed in one UNSUPPORTED_OP. */
edge_status ei_custom_bind(const ei_custom_op *list, ei_graph *g, bool required, edge_error *err);

#endif
