/* SPDX-License-Identifier: Apache-2.0
 * A model's graph as people look at it: shapes settled, work and weights counted per node and per operator. */
#ifndef GRAPH_VIEW_H
#define GRAPH_VIEW_H

#include "tool.h"

#include "../ops/op.h"

typedef struct view_node {
  uint32_t subgraph, node;
  uint32_t op;      /* index into graph_view.ops */
  uint64_t macs;    /* of one execution */
  uint64_t weights; /* bytes of the constants that it reads; a constant counts at its first reader */
  double us;        /* measured time; 0: none */
  const char *kernel, *backend;
} view_node;

typedef struct view_op {
  const char *name;
  uint32_t count;
  uint64_t macs, weights;
  double us;
} view_op;

typedef struct view_type {
  uint64_t bytes;
  uint32_t count;
} view_type;

typedef struct graph_view {
  const ei_graph *graph;
  ei_alloc *alloc;
  ei_arena arena;
  edge_tensor **tensors; /* per subgraph, per tensor: as the session runs it */
  uint32_t **producer;   /* per subgraph, per tensor: node + 1, or 0 */
  uint32_t *first;       /* per subgraph: its first node in `nodes` */
  view_node *nodes;
  view_op *ops; /* by name */
  view_type types[EDGE_DTYPE_COUNT];
  uint32_t n_nodes, n_ops, entry_subgraph;
  uint64_t macs, weights;
  double us;
  bool timed;
} graph_view;

/** `r` was opened with want_graph. Close it also after a failure. */
int graph_view_open(graph_view *v, const tool_case *c, tool_run *r, tool_error *e);
/** Run a few times and note the least time of each node; the session was made with tool_case.profile. */
int graph_view_measure(graph_view *v, const tool_case *c, tool_run *r, tool_error *e);
void graph_view_close(graph_view *v);

static inline const ei_node *view_ei_node(const graph_view *v, const view_node *n) {
  return &v->graph->subgraphs[n->subgraph].nodes[n->node];
}
/** "[1, 3, ?]", or "[?]" for an unknown rank. */
const char *view_shape(const edge_tensor *t, char *out, size_t cap);
/** A name as one line of a terminal: no control characters, its middle left out when it is longer than `limit`. */
const char *view_name(const char *name, size_t limit, char *out, size_t cap);
/** "13.4 MiB", "512 B". */
const char *view_bytes(uint64_t bytes, char out[24]);
/** "10.8 M", "0". */
const char *view_count(uint64_t count, char out[24]);
/** Value of metadata as text; false when it is not text. */
bool view_metadata_text(const ei_metadata *m, char *out, size_t cap);

/** The report; false: writing failed, errno says why. */
bool html_report(FILE *out, const tool_case *c, const tool_run *r, const graph_view *v,
                 const edge_session_memory *memory, const char *format);
/** One subgraph as SVG in layers (html_graph.c). */
void html_graph(FILE *out, const graph_view *v, uint32_t subgraph);
/** Text with everything escaped that HTML gives a meaning to; at most `limit` bytes, then an ellipsis. */
void html_text(FILE *out, const char *text, size_t limit);

#endif
