/* SPDX-License-Identifier: Apache-2.0
 * Operators that an application registered, and those that are kept for one that will. */
#include "../ops/custom.h"
#include "../sched/backend.h"
#include "import.h"

static const ei_custom_op *registered(const ei_import_options *o) {
  return o->operators ? o->operators->custom_ops : NULL;
}

bool ei_import_keeps(const ei_import_options *o, const char *domain, const char *name, bool foreign) {
  return ei_custom_find(registered(o), domain, name) || (o->keep_custom && foreign);
}

edge_status ei_import_name_custom(const ei_import_options *o, ei_graph *g, ei_node *n, const char *domain,
                                  const char *name, edge_error *err) {
  char full[256];
  if (ei_format(full, sizeof full, "%s:%s", domain, name) >= sizeof full || strchr(domain, ':'))
    return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE, "the name of the custom operator '%.40s' is too long", name);
  if (ei_node_set_string(g, n, EI_CUSTOM_KEY, full) != EDGE_STATUS_OK)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory for the custom operator '%s'", full);
  const edge_status status = ei_custom_bind_node(registered(o), n, err);
  return status == EDGE_STATUS_NOT_FOUND ? EDGE_STATUS_OK : status;
}
