/* SPDX-License-Identifier: Apache-2.0
 * If, Loop, While, Call, CallOnce, Scan: arity and attributes. src/exec runs their subgraphs; what they give is
 * known only then, so inference leaves the outputs as declared and asks for values. */
#include "op_walk.h"

/* Outputs keep the declared type; their shape comes from the subgraph at run time. */
static void unknown_outputs(ei_op_ctx *c) {
  for (uint32_t i = 0; i < c->n_out; ++i) ei_op_set_unknown(&c->out[i], c->out[i].dtype);
  c->needs_value = 1;
}

static edge_status need_subgraph(ei_op_ctx *c, const char *key) {
  const ei_attr *const a = ei_node_attr(c->node, key);
  if (a == NULL || a->kind != EI_ATTR_INT || a->u.i < 0 || a->u.i >= UINT32_MAX)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "attribute '%s' must be the index of a subgraph", key);
  return EDGE_STATUS_OK;
}

static edge_status need_flag(ei_op_ctx *c, uint32_t i) {
  const edge_tensor *const t = &c->in[i];
  if (t->dtype != EDGE_DTYPE_BOOL)
    return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "input %u must be bool, but is %s", i, edge_dtype_name(t->dtype));
  if (ei_op_shape_known(t) && ei_op_elements(t) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be one value", i);
  return EDGE_STATUS_OK;
}

static edge_status infer_if(ei_op_ctx *c) {
  EI_TRY(need_subgraph(c, "then"));
  EI_TRY(need_subgraph(c, "else"));
  EI_TRY(need_flag(c, 0));
  unknown_outputs(c);
  return EDGE_STATUS_OK;
}

static edge_status need_carried(ei_op_ctx *c, uint32_t fixed, int64_t *carried) {
  *carried = ei_op_int(c, "num_carried");
  if (*carried < 0 || *carried > c->n_out || *carried + fixed > c->n_in)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "num_carried %lld does not fit %u inputs and %u outputs",
                      (long long)*carried, c->n_in, c->n_out);
  return EDGE_STATUS_OK;
}

static edge_status infer_loop(ei_op_ctx *c) {
  int64_t carried = 0;
  EI_TRY(need_subgraph(c, "body"));
  EI_TRY(need_carried(c, 2, &carried));
  if (ei_op_has(c, 0)) {
    EI_TRY(ei_op_need_int(c, 0));
    if (ei_op_shape_known(&c->in[0]) && ei_op_elements(&c->in[0]) != 1)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the trip count must be one value");
  }
  if (ei_op_has(c, 1)) EI_TRY(need_flag(c, 1));
  unknown_outputs(c);
  for (int64_t i = 0; i < carried; ++i)
    if (c->out[i].dtype == EDGE_DTYPE_NONE) c->out[i].dtype = c->in[2 + i].dtype;
  return EDGE_STATUS_OK;
}

static edge_status infer_while(ei_op_ctx *c) {
  EI_TRY(need_subgraph(c, "cond"));
  EI_TRY(need_subgraph(c, "body"));
  if (c->n_out > c->n_in)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u values are carried in, %u out", c->n_in, c->n_out);
  unknown_outputs(c);
  for (uint32_t i = 0; i < c->n_out; ++i)
    if (c->out[i].dtype == EDGE_DTYPE_NONE) c->out[i].dtype = c->in[i].dtype;
  return EDGE_STATUS_OK;
}

static edge_status infer_scan(ei_op_ctx *c) {
  int64_t carried = 0;
  EI_TRY(need_subgraph(c, "body"));
  EI_TRY(need_carried(c, 0, &carried));
  const int64_t scans = ei_op_int(c, "num_scan");
  if (scans < 1 || scans > c->n_in - carried)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "num_scan %lld does not fit %u inputs", (long long)scans, c->n_in);
  const char *const in_lists[] = { "in_axes", "in_reverse" }, *const out_lists[] = { "out_axes", "out_reverse" };
  for (uint32_t k = 0; k < 2; ++k) {
    const ei_attr *const in = ei_node_attr(c->node, in_lists[k]), *const out = ei_node_attr(c->node, out_lists[k]);
    if ((in != NULL && in->count != scans) || (out != NULL && out->count != c->n_out - carried))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "'%s' or '%s' has a wrong length", in_lists[k], out_lists[k]);
  }
  unknown_outputs(c);
  for (int64_t i = 0; i < carried; ++i)
    if (c->out[i].dtype == EDGE_DTYPE_NONE) c->out[i].dtype = c->in[i].dtype;
  return EDGE_STATUS_OK;
}

static edge_status infer_call(ei_op_ctx *c) {
  EI_TRY(need_subgraph(c, "body"));
  unknown_outputs(c);
  return EDGE_STATUS_OK;
}

static edge_status infer_call_once(ei_op_ctx *c) {
  return need_subgraph(c, "body");
}

static edge_status eval(ei_op_ctx *c) {
  return ei_op_fail(c, EDGE_STATUS_INTERNAL, "control flow is run by the executor, not evaluated");
}

static const ei_attr_def if_attrs[] = { { "then", EI_ATTR_INT, -1 }, { "else", EI_ATTR_INT, -1 }, { NULL, 0, 0 } };
static const ei_attr_def loop_attrs[] = { { "body", EI_ATTR_INT, -1 },
                                          { "num_carried", EI_ATTR_INT, 0 },
                                          { NULL, 0, 0 } };
static const ei_attr_def while_attrs[] = { { "cond", EI_ATTR_INT, -1 }, { "body", EI_ATTR_INT, -1 }, { NULL, 0, 0 } };
static const ei_attr_def scan_attrs[] = { { "body", EI_ATTR_INT, -1 },        { "num_carried", EI_ATTR_INT, 0 },
                                          { "num_scan", EI_ATTR_INT, 0 },     { "in_axes", EI_ATTR_INTS, 0 },
                                          { "out_axes", EI_ATTR_INTS, 0 },    { "in_reverse", EI_ATTR_INTS, 0 },
                                          { "out_reverse", EI_ATTR_INTS, 0 }, { NULL, 0, 0 } };
static const ei_attr_def call_attrs[] = { { "body", EI_ATTR_INT, -1 }, { NULL, 0, 0 } };

const ei_op_def ei_op_If = { .name = "If",
                             .min_in = 1,
                             .max_in = EI_ANY,
                             .min_out = 0,
                             .max_out = EI_ANY,
                             .flags = EI_OP_CONTROL,
                             .version = 1,
                             .attrs = if_attrs,
                             .infer = infer_if,
                             .eval = eval };
const ei_op_def ei_op_Loop = { .name = "Loop",
                               .min_in = 2,
                               .max_in = EI_ANY,
                               .min_out = 0,
                               .max_out = EI_ANY,
                               .flags = EI_OP_CONTROL,
                               .version = 1,
                               .optional_in = 3,
                               .attrs = loop_attrs,
                               .infer = infer_loop,
                               .eval = eval };
const ei_op_def ei_op_While = { .name = "While",
                                .min_in = 0,
                                .max_in = EI_ANY,
                                .min_out = 0,
                                .max_out = EI_ANY,
                                .flags = EI_OP_CONTROL,
                                .version = 1,
                                .attrs = while_attrs,
                                .infer = infer_while,
                                .eval = eval };
const ei_op_def ei_op_Scan = { .name = "Scan",
                               .min_in = 1,
                               .max_in = EI_ANY,
                               .min_out = 1,
                               .max_out = EI_ANY,
                               .flags = EI_OP_CONTROL,
                               .version = 1,
                               .attrs = scan_attrs,
                               .infer = infer_scan,
                               .eval = eval };
const ei_op_def ei_op_Call = { .name = "Call",
                               .min_in = 0,
                               .max_in = EI_ANY,
                               .min_out = 0,
                               .max_out = EI_ANY,
                               .flags = EI_OP_CONTROL,
                               .version = 1,
                               .attrs = call_attrs,
                               .infer = infer_call,
                               .eval = eval };
const ei_op_def ei_op_CallOnce = { .name = "CallOnce",
                                   .min_in = 0,
                                   .max_in = 0,
                                   .min_out = 0,
                                   .max_out = 0,
                                   .flags = EI_OP_CONTROL | EI_OP_STATEFUL,
                                   .version = 1,
                                   .attrs = call_attrs,
                                   .infer = infer_call_once,
                                   .eval = eval };
