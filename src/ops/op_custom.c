/* SPDX-License-Identifier: Apache-2.0
 * Custom: a node whose operator the application registers. Callbacks see copies of the tensors' views; what they say
 * about shapes is believed only after it was checked. */
#include "custom.h"

/* ---- a node that nobody has claimed: shapes stay as declared */

static edge_status infer_unbound(ei_op_ctx *c) {
  for (uint32_t i = 0; i < c->n_out; ++i)
    if (!ei_op_shape_known(&c->out[i])) c->needs_value = 1;
  return EDGE_STATUS_OK;
}

static edge_status eval_unbound(ei_op_ctx *c) {
  return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_OP, "the operator '%s' is not registered",
                    ei_node_string(c->node, EI_CUSTOM_KEY));
}

const ei_op_def ei_op_Custom = {
  .name = "Custom",
  .min_in = 0,
  .max_in = EI_ANY,
  .min_out = 1,
  .max_out = EI_ANY,
  .version = 1,
  .flags = EI_OP_NO_FOLD,
  .optional_in = UINT64_MAX,
  .infer = infer_unbound,
  .eval = eval_unbound,
};

/* ---- what callbacks may ask */

typedef struct context {
  const ei_op_ctx *c;
  char text[200]; /* of fail() */
  edge_tensor in[EDGE_CUSTOM_MAX_OPERANDS], out[EDGE_CUSTOM_MAX_OPERANDS];
} context;

static context *context_of(const edge_custom_call *call) {
  return (context *)(uintptr_t)call->reserved;
}

static const ei_attr *attr_of(const edge_custom_call *call, const char *key) {
  return key ? ei_node_attr(context_of(call)->c->node, key) : NULL;
}

static const char *node_name(const edge_custom_call *call) {
  return context_of(call)->c->node->name;
}

static uint32_t attr_ints(const edge_custom_call *call, const char *key, int64_t *out, uint32_t cap) {
  const ei_attr *const a = attr_of(call, key);
  if (!a || (a->kind != EI_ATTR_INT && a->kind != EI_ATTR_INTS)) return 0;
  const int64_t *const v = a->kind == EI_ATTR_INT ? &a->u.i : a->u.ints;
  const uint32_t count = a->kind == EI_ATTR_INT ? 1 : a->count;
  for (uint32_t i = 0; i < count && i < cap; ++i) out[i] = v[i];
  return count;
}

static uint32_t attr_floats(const edge_custom_call *call, const char *key, double *out, uint32_t cap) {
  const ei_attr *const a = attr_of(call, key);
  if (!a || (a->kind != EI_ATTR_FLOAT && a->kind != EI_ATTR_FLOATS)) return 0;
  const double *const v = a->kind == EI_ATTR_FLOAT ? &a->u.f : a->u.floats;
  const uint32_t count = a->kind == EI_ATTR_FLOAT ? 1 : a->count;
  for (uint32_t i = 0; i < count && i < cap; ++i) out[i] = v[i];
  return count;
}

static const char *attr_string(const edge_custom_call *call, const char *key) {
  const ei_attr *const a = attr_of(call, key);
  return a && a->kind == EI_ATTR_STRING ? a->u.s : NULL;
}

static uint32_t options(const edge_custom_call *call, void *out, uint32_t cap) {
  const ei_attr *const a = attr_of(call, EI_CUSTOM_OPTIONS);
  if (!a || a->kind != EI_ATTR_INTS) return 0;
  for (uint32_t i = 0; i < a->count && i < cap; ++i) ((uint8_t *)out)[i] = (uint8_t)a->u.ints[i];
  return a->count;
}

static edge_status fail(const edge_custom_call *call, edge_status status, const char *text) {
  context *const x = context_of(call);
  ei_format(x->text, sizeof x->text, "%s", text ? text : "");
  for (char *c = x->text; *c; ++c) /* one line */
    if ((unsigned char)*c < ' ') *c = ' ';
  return status;
}

static const edge_custom_host host = {
  .struct_size = sizeof(edge_custom_host),
  .node_name = node_name,
  .attr_ints = attr_ints,
  .attr_floats = attr_floats,
  .attr_string = attr_string,
  .options = options,
  .fail = fail,
};

/* ---- calling */

static const ei_custom_op *custom_of(const ei_op_ctx *c) {
  return (const ei_custom_op *)(const void *)c->node->op;
}

static bool open_call(const ei_op_ctx *c, context *x, edge_custom_call *call) {
  if (c->n_in > EDGE_CUSTOM_MAX_OPERANDS || c->n_out > EDGE_CUSTOM_MAX_OPERANDS) return false;
  x->c = c;
  x->text[0] = 0;
  if (c->n_in) memcpy(x->in, c->in, c->n_in * sizeof *c->in);
  if (c->n_out) memcpy(x->out, c->out, c->n_out * sizeof *c->out);
  *call = (edge_custom_call) { .struct_size = sizeof *call,
                               .num_inputs = c->n_in,
                               .num_outputs = c->n_out,
                               .inputs = x->in,
                               .outputs = x->out,
                               .scratch = c->scratch,
                               .scratch_bytes = c->scratch_bytes,
                               .user = custom_of(c)->op.user,
                               .host = &host,
                               .reserved = x };
  return true;
}

/* A callback answers with a status that means something here; anything else is its own failure. */
static edge_status failed(ei_op_ctx *c, const context *x, const char *what, edge_status status) {
  edge_status known = EDGE_STATUS_INVALID_VALUE;
  if (status == EDGE_STATUS_OUT_OF_MEMORY || status == EDGE_STATUS_LIMIT_EXCEEDED || status == EDGE_STATUS_IO ||
      status == EDGE_STATUS_TYPE_MISMATCH || status == EDGE_STATUS_SHAPE_MISMATCH ||
      status == EDGE_STATUS_UNSUPPORTED_TYPE || status == EDGE_STATUS_UNSUPPORTED_FEATURE)
    known = status;
  if (x->text[0]) return ei_op_fail(c, known, "%s", x->text);
  return ei_op_fail(c, known, "its %s callback returned %d (%s)", what, status, edge_status_name(status));
}

static edge_status too_many(ei_op_ctx *c) {
  return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "a custom operator has at most %u inputs and outputs",
                    EDGE_CUSTOM_MAX_OPERANDS);
}

/* Nothing of what the callback says about an output is taken over before all of it is right. */
static edge_status check_output(ei_op_ctx *c, uint32_t i, const edge_tensor *t) {
  uint64_t bytes = 0;
  int64_t dims[EDGE_MAX_RANK];
  if (t->dtype <= EDGE_DTYPE_NONE || t->dtype >= EDGE_DTYPE_COUNT)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "its infer callback gives output %u the type %d", i, t->dtype);
  if (c->out[i].dtype != EDGE_DTYPE_NONE && c->out[i].dtype != t->dtype)
    return ei_op_fail(c, EDGE_STATUS_TYPE_MISMATCH, "its infer callback makes output %u %s, the model says %s", i,
                      edge_dtype_name(t->dtype), edge_dtype_name(c->out[i].dtype));
  if (t->rank < EI_RANK_UNKNOWN || t->rank > EDGE_MAX_RANK)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "its infer callback gives output %u the rank %d", i, t->rank);
  for (int32_t d = 0; d < t->rank; ++d) {
    if (t->dims[d] < EI_DIM_UNKNOWN)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE,
                        "its infer callback gives dimension %d of output %u the size %lld", d, i,
                        (long long)t->dims[d]);
    dims[d] = t->dims[d] < 0 ? 1 : t->dims[d];
  }
  if (t->rank >= 0 &&
      (!ei_tensor_bytes(t->dtype, EDGE_ENCODING_NATIVE, dims, t->rank, &bytes) || bytes > INT64_MAX / 4))
    return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "its infer callback gives output %u more bytes than there can be",
                      i);
  return EDGE_STATUS_OK;
}

static edge_status infer_custom(ei_op_ctx *c) {
  context x;
  edge_custom_call call;
  if (!open_call(c, &x, &call)) return too_many(c);
  for (uint32_t i = 0; i < c->n_out; ++i) x.out[i].rank = EI_RANK_UNKNOWN;
  const edge_status status = custom_of(c)->op.infer(&call);
  if (status != EDGE_STATUS_OK) return failed(c, &x, "infer", status);
  for (uint32_t i = 0; i < c->n_out; ++i)
    if (c->node->out[i] != EI_NONE) EI_TRY(check_output(c, i, &x.out[i]));
  for (uint32_t i = 0; i < c->n_out; ++i)
    if (c->node->out[i] != EI_NONE) ei_op_set_shape(&c->out[i], x.out[i].dtype, x.out[i].rank, x.out[i].dims);
  c->needs_value = call.needs_value != 0;
  return EDGE_STATUS_OK;
}

static uint64_t scratch_custom(const ei_op_ctx *c) {
  const uint64_t most = UINT64_C(1) << 46; /* fails cleanly where memory is asked for */
  context x;
  edge_custom_call call;
  if (!custom_of(c)->op.scratch_bytes || !open_call(c, &x, &call)) return 0;
  const uint64_t bytes = custom_of(c)->op.scratch_bytes(&call);
  return bytes < most ? bytes : most;
}

static edge_status eval_custom(ei_op_ctx *c) {
  context x;
  edge_custom_call call;
  if (!open_call(c, &x, &call)) return too_many(c);
  const edge_status status = custom_of(c)->op.run(&call);
  if (status != EDGE_STATUS_OK) return failed(c, &x, "run", status);
  for (uint32_t i = 0; i < c->n_out; ++i) { /* what other operators rely on */
    const uint8_t *const v = c->out[i].dtype == EDGE_DTYPE_BOOL ? c->out[i].data : NULL;
    const uint64_t count = v ? ei_op_elements(&c->out[i]) : 0;
    for (uint64_t k = 0; k < count; ++k)
      if (v[k] > 1)
        return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "its run callback gives output %u a bool of %u", i, v[k]);
  }
  return EDGE_STATUS_OK;
}

/* ---- the list */

static edge_status check_op(const edge_custom_op *op, edge_error *err) {
  const char *wrong = NULL;
  const uint32_t most = EDGE_CUSTOM_MAX_OPERANDS;
  if (!op->domain || !*op->domain || !op->name || !*op->name)
    wrong = "domain and name must not be empty";
  else if (strlen(op->domain) + strlen(op->name) > 200 || strchr(op->domain, ':'))
    wrong = "domain and name are too long, or the domain has a colon";
  else if (op->flags)
    wrong = "unknown flags";
  else if (!op->infer || !op->run)
    wrong = "infer and run must be given";
  else if (op->min_inputs > op->max_inputs || op->max_inputs > most || op->min_outputs > op->max_outputs ||
           op->max_outputs > most || op->min_outputs == 0)
    wrong = "the numbers of inputs and outputs must be in order, at least one output, at most 32";
  if (!wrong) return EDGE_STATUS_OK;
  return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT, "edge_env_register_op: %s", wrong);
}

edge_status ei_custom_add(ei_alloc *alloc, ei_custom_op **list, const edge_custom_op *op, edge_error *err) {
  EI_TRY(check_op(op, err));
  if (ei_custom_find(*list, op->domain, op->name))
    return ei_fail(err, EDGE_STATUS_INVALID_STATE, "edge_env_register_op: '%s:%s' is registered already", op->domain,
                   op->name);
  const uint64_t n_domain = strlen(op->domain) + 1, n_name = strlen(op->name) + 1;
  const uint64_t bytes = sizeof(ei_custom_op) + 2 * (n_domain + n_name);
  ei_custom_op *const c = ei_alloc_get(alloc, bytes, _Alignof(ei_custom_op));
  if (!c) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to register '%s:%s'", op->domain, op->name);
  char *const domain = (char *)(c + 1), *const name = domain + n_domain, *const full = name + n_name;
  memcpy(domain, op->domain, (size_t)n_domain);
  memcpy(name, op->name, (size_t)n_name);
  ei_format(full, (size_t)(n_domain + n_name), "%s:%s", domain, name);
  c->bytes = bytes;
  c->op = *op;
  c->op.domain = domain;
  c->op.name = name;
  c->def = (ei_op_def) { .name = full,
                         .min_in = (uint8_t)op->min_inputs,
                         .max_in = (uint8_t)op->max_inputs,
                         .min_out = (uint8_t)op->min_outputs,
                         .max_out = (uint8_t)op->max_outputs,
                         .flags = EI_OP_NO_FOLD | EI_OP_REGISTERED,
                         .version = 1,
                         .optional_in = op->optional_inputs,
                         .infer = infer_custom,
                         .eval = eval_custom,
                         .scratch_bytes = scratch_custom };
  c->next = *list;
  *list = c;
  return EDGE_STATUS_OK;
}

void ei_custom_free(ei_alloc *alloc, ei_custom_op *list) {
  while (list) {
    ei_custom_op *const next = list->next;
    ei_alloc_put(alloc, list, list->bytes, _Alignof(ei_custom_op));
    list = next;
  }
}

const ei_custom_op *ei_custom_find(const ei_custom_op *list, const char *domain, const char *name) {
  for (const ei_custom_op *c = list; c; c = c->next)
    if (strcmp(c->op.domain, domain) == 0 && strcmp(c->op.name, name) == 0) return c;
  return NULL;
}

edge_status ei_custom_bind_node(const ei_custom_op *list, ei_node *n, edge_error *err) {
  const char *const full = ei_node_string(n, EI_CUSTOM_KEY);
  const ei_custom_op *found = NULL;
  for (const ei_custom_op *c = list; c && !found; c = c->next)
    if (strcmp(c->def.name, full) == 0) found = c;
  if (!found) return EDGE_STATUS_NOT_FOUND;
  const ei_op_def *const d = &found->def;
  bool fits = n->n_in <= d->max_in && n->n_out >= d->min_out && n->n_out <= d->max_out;
  for (uint32_t i = 0; fits && i < (n->n_in > d->min_in ? n->n_in : d->min_in); ++i)
    fits = (i < n->n_in && n->in[i] != EI_NONE) || (d->optional_in >> i & 1);
  for (uint32_t i = 0; fits && i < d->min_out; ++i) fits = n->out[i] != EI_NONE;
  if (!fits)
    return ei_fail(err, EDGE_STATUS_MALFORMED,
                   "node '%s' (%s) has %u inputs and %u outputs; the registered operator takes %u to %u and %u to %u, "
                   "or one that it needs is absent",
                   n->name, full, n->n_in, n->n_out, d->min_in, d->max_in, d->min_out, d->max_out);
  n->op = d;
  return EDGE_STATUS_OK;
}

/* Names each operator once, as long as there is room. */
static void list_missing(char *text, size_t cap, const ei_node *n, uint32_t count) {
  const char *const full = ei_node_string(n, EI_CUSTOM_KEY);
  const size_t used = strlen(text);
  if (strstr(text, full) && *full) return;
  if (used + strlen(full) + strlen(n->name) + 16 < cap)
    ei_format(text + used, cap - used, "%s'%s' (node '%s')", count ? ", " : "", *full ? full : "?", n->name);
}

edge_status ei_custom_bind(const ei_custom_op *list, ei_graph *g, bool required, edge_error *err) {
  const ei_op_def *const unbound = ei_op_find("Custom");
  char missing[320] = "";
  uint32_t n_missing = 0;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t i = 0; i < g->subgraphs[s].n_nodes; ++i) {
      ei_node *const n = &g->subgraphs[s].nodes[i];
      if (n->op != unbound) continue;
      const edge_status status = ei_custom_bind_node(list, n, err);
      if (status == EDGE_STATUS_NOT_FOUND)
        list_missing(missing, sizeof missing, n, n_missing++);
      else if (status != EDGE_STATUS_OK)
        return status;
    }
  if (n_missing == 0 || !required) return EDGE_STATUS_OK;
  return ei_fail(err, EDGE_STATUS_UNSUPPORTED_OP,
                 "the model needs custom operators that are not registered: %s, %u node%s in all; register them with "
                 "edge_env_register_op() before opening it",
                 missing, n_missing, n_missing == 1 ? "" : "s");
}
