/* SPDX-License-Identifier: Apache-2.0
 * The case that the command line describes. */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NAME=1x3x224x224; NAME= is a scalar. The name's copy lives as long as the process: it is one per option. */
static int parse_shape(const char *text, tool_case *c, tool_error *e) {
  const char *const equals = strrchr(text, '=');
  const uint32_t k = c->n_shapes;
  if (!equals || equals == text) return tool_fail(e, EXIT_USAGE, "edgert: --shape %s: expected NAME=1x3x224x224", text);
  static char names[TOOL_MAX_LIST][256];
  snprintf(names[k], sizeof names[k], "%.*s", (int)(equals - text), text);
  c->shape_names[k] = names[k];
  const char *at = equals + 1;
  while (*at) {
    char *end;
    errno = 0;
    const long long v = strtoll(at, &end, 10);
    if (errno || end == at || v < 0 || c->shape_rank[k] == EDGE_MAX_RANK || (*end && (*end != 'x' || !end[1])) ||
        *at == '-' || *at == '+' || *at == ' ')
      return tool_fail(e, EXIT_USAGE, "edgert: --shape %s: expected NAME=1x3x224x224 with at most 8 dimensions", text);
    c->shape_dims[k][c->shape_rank[k]++] = v;
    at = *end ? end + 1 : end;
  }
  c->n_shapes++;
  return EXIT_OK;
}

int tool_case_from_options(const tool_options *o, tool_case *c, tool_error *e) {
  memset(c, 0, sizeof *c);
  c->model = o->positional[0];
  c->seed = o->seed;
  c->steps = o->steps;
  c->output_dir = o->output_dir;
  c->state_in = o->state_in;
  c->state_out = o->state_out;
  c->n_inputs = o->inputs.count;
  for (uint32_t i = 0; i < o->inputs.count; ++i) c->input_files[i] = o->inputs.items[i];
  c->n_carry = o->carry.count;
  for (uint32_t i = 0; i < o->carry.count; ++i) c->carry[i] = o->carry.items[i];
  for (uint32_t i = 0; i < o->shapes.count; ++i) {
    const int code = parse_shape(o->shapes.items[i], c, e);
    if (code) return code;
  }
  return EXIT_OK;
}
