/* SPDX-License-Identifier: Apache-2.0
 * Parts of the semantic pass. */
#ifndef EI_GRAPH_VERIFY_H
#define EI_GRAPH_VERIFY_H

#include "format.h"

/** Type, shape, size, quantization and state of one tensor. */
edge_status ei_verify_tensor(const ei_graph *g, uint32_t index, const ei_tensor *t, edge_error *err);
/** Symbols, states, golden vectors and prepared blobs. */
edge_status ei_verify_symbol(const ei_symbol *s, edge_error *err);
edge_status ei_verify_state(const ei_state *s, edge_error *err);
edge_status ei_verify_golden(const ei_graph *g, const ei_golden *v, edge_error *err);
/** What a control-flow operator passes to its subgraphs and gets back. */
edge_status ei_verify_control(const ei_graph *g, uint32_t subgraph, uint32_t index, edge_error *err);
/** Calls are nested no deeper than planning and running may recurse. depth: zeros, one for each subgraph. */
edge_status ei_verify_depth(const ei_graph *g, uint8_t *depth, edge_error *err);

#endif
