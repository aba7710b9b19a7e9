/* SPDX-License-Identifier: Apache-2.0
 * Are two tensors equal? Shared by diff and by convert's check. */
#ifndef TOOL_COMPARE_H
#define TOOL_COMPARE_H

#include "tool.h"

/** How far b's values are from a's. */
typedef struct departure {
  double max_abs, max_rel, cosine;
  double excess;          /* largest gap as a multiple of what is tolerated; above 1: they depart */
  uint64_t beyond, count; /* elements outside the tolerance, of all */
  uint64_t where;         /* element of a with the largest excess */
  double a, b;            /* its values */
  double most;            /* largest magnitude of the expectation, at least 1 */
  bool shapes_differ;
  bool steps; /* max_abs and a, b are in steps of the quantization */
} departure;

typedef struct tolerance {
  double rtol;  /* times the expected value */
  double atol;  /* times the largest magnitude of the tensor, at least 1: sums round relative to their terms */
  double steps; /* of quantized values */
} tolerance;

/** b is the expectation. Shapes may differ by dimensions of 1, or by the order of up to five dimensions: passes move
 *  transposes, and the best fit counts.
 *  Quantized values of one type are compared in steps, mixed with others as real numbers to within one step. */
bool tool_compare(const edge_tensor *a, const edge_tensor *b, const tolerance *t, departure *d);

/** If `to` is `from` with channels moved first or last, or has its shape: copy the values over. Types must agree. */
bool tool_copy_values(const edge_tensor *from, const edge_tensor *to);

/** A tensor that somebody computed. */
typedef struct tool_value {
  edge_tensor t;
  uint32_t order; /* of execution */
  bool output;    /* declared by the model */
  const char *op;
} tool_value;

typedef struct tool_values {
  tool_value *items;
  uint32_t n;
  bool own;        /* names and data were allocated */
  char label[160]; /* who computed them */
} tool_values;

void tool_values_free(tool_values *v);

/** Everything that another runtime's Python package computes for this model on the session's inputs. */
int tool_peer(const tool_options *o, const tool_case *c, tool_run *r, const char *peer, tool_values *out,
              tool_error *e);
bool tool_is_peer(const char *name);

#endif
