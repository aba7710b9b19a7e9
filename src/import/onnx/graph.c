/* SPDX-License-Identifier: Apache-2.0
 * Graphs: initializers, inputs, nodes one after the other, functions inlined, outputs. */
#include "onnx.h"
#include "../unsupported.h"

enum { ONNX_STRING = 8 };
enum { MAX_INLINED = 1000000, MAX_MISSING = 256, MAX_TOLD = 10000 };

void ei_ox_fail(ei_ox_call *c, edge_status status, const char *format, ...) {
  char text[320];
  va_list args;
  if (!ei_ox_ok(c->x)) return;
  va_start(args, format);
  ei_vformat(text, sizeof text, format, args);
  va_end(args);
  c->x->status = ei_fail_at(c->x->err, status, c->n->offset, "node '%s' (%s): %s", c->n->name, c->n->op, text);
}

/* A kind of failure once, in the text of the error; each node by itself to whoever wants a list. */
static void add_missing(ei_ox *x, const ei_ox_node *n, int64_t opset, const char *why) {
  for (ei_ox_missing *m = x->missing; m; m = m->next) {
    if (strcmp(m->op, n->op) != 0 || strcmp(m->domain, n->domain) != 0 || strcmp(m->why, why) != 0) continue;
    m->count++;
    return;
  }
  if (++x->n_missing > MAX_MISSING) return; /* enough to tell; files may hold millions */
  ei_ox_missing *const m = EI_NEW(x->arena, ei_ox_missing);
  if (!m) {
    ei_ox_out_of_memory(x);
    return;
  }
  m->op = n->op;
  m->domain = n->domain;
  m->node = *n->name ? n->name : n->n_out ? n->out[0] : "";
  m->why = ei_arena_strdup(x->arena, why, strlen(why));
  m->opset = opset;
  m->count = 1;
  if (!m->why)
    ei_ox_out_of_memory(x);
  else if (x->last_missing)
    x->last_missing->next = m;
  else
    x->missing = m;
  if (m->why) x->last_missing = m;
}

static const char *op_name(uint32_t index) {
  const ei_ox_row *const row = ei_ox_row_at(index);
  return row ? row->op : NULL;
}

/* The type in question: one that we lack, else that of the first input. */
static const char *type_of(const ei_ox_call *c, char *out, size_t cap) {
  for (uint32_t i = 0; i < c->n->n_in; ++i) {
    const uint32_t foreign = ei_ox_names_get(&c->x->foreign, c->n->in[i]);
    if (foreign != EI_NONE) return ei_ox_type_name((int32_t)foreign);
  }
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (c->in[i] != EI_NONE && c->b->views[c->in[i]].dtype != EDGE_DTYPE_NONE)
      return ei_unsupported_type(&c->b->views[c->in[i]], out, cap);
  return "";
}

/* Advice that the reason itself gives needs no second one. */
static const char *hint_for(const ei_ox_call *c, const char *why, char out[EI_HINT_BYTES]) {
  const ei_ox_row *elsewhere = NULL;
  if (strstr(why, "export")) return "";
  if (c->row) return "change or decompose this node in the export, or compute it outside the model";
  for (uint32_t i = 0; !elsewhere && ei_ox_row_at(i); ++i)
    if (strcmp(ei_ox_row_at(i)->op, c->n->op) == 0) elsewhere = ei_ox_row_at(i);
  const bool custom =
      *c->n->domain && strcmp(c->n->domain, "com.microsoft") != 0 && strncmp(c->n->domain, "ai.onnx", 7) != 0;
  if (!elsewhere) return ei_unsupported_hint(c->n->op, custom, op_name, out);
  ei_format(out, EI_HINT_BYTES, "%s is supported in domain '%s' from opset %d: export with that, or decompose it",
            c->n->op, *elsewhere->domain ? elsewhere->domain : "ai.onnx", (int)elsewhere->since);
  return out;
}

static void note(ei_ox_call *c, edge_status status, const char *why, const char *hint) {
  char type[160], advice[EI_HINT_BYTES];
  ei_ox *const x = c->x;
  add_missing(x, c->n, c->opset, why);
  if (status == EDGE_STATUS_UNSUPPORTED_OP || x->missing_status == EDGE_STATUS_OK) x->missing_status = status;
  if (!x->im->options->unsupported || !ei_ox_ok(x) || x->n_told++ >= MAX_TOLD) return;
  ei_import_unsupported(x->im, &(const ei_unsupported) {
                                   .node = *c->n->name   ? c->n->name
                                           : c->n->n_out ? c->n->out[0]
                                                         : "",
                                   .op = c->n->op,
                                   .domain = *c->n->domain ? c->n->domain : "ai.onnx",
                                   .version = c->opset,
                                   .type = type_of(c, type, sizeof type),
                                   .why = why,
                                   .hint = hint ? hint : hint_for(c, why, advice),
                               });
}

/* Does an input have no type because of what stands before this node? Then only that is worth telling. */
static bool follows_from_another(const ei_ox_call *c) {
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (c->in[i] != EI_NONE && c->b->views[c->in[i]].dtype == EDGE_DTYPE_NONE) return true;
  return false;
}

/* A type or construct that the operator does not take, found by inference or by its handler: one more of the list. */
static void note_failure(ei_ox_call *c) {
  static const char *const cast = "cast its inputs in the export, or export the model in another precision";
  ei_ox *const x = c->x;
  const edge_status status = x->status;
  char why[400];
  if (status != EDGE_STATUS_UNSUPPORTED_TYPE && status != EDGE_STATUS_UNSUPPORTED_FEATURE) return;
  x->status = EDGE_STATUS_OK;
  ei_format(why, sizeof why, "%s", ei_unsupported_why(x->err->text));
  if (!x->missing || !follows_from_another(c))
    note(c, status, why, status == EDGE_STATUS_UNSUPPORTED_TYPE ? cast : NULL);
  if (ei_ox_ok(x)) x->status = status;
}

/* An input or constant of a type that we lack: the nodes that read it are listed. */
edge_status ei_ox_foreign_type(ei_ox *x, const char *name, int32_t onnx_type) {
  if (!ei_ox_names_put(x->arena, &x->foreign, name, (uint32_t)onnx_type)) return ei_ox_out_of_memory(x);
  if (x->n_foreign++ == 0) x->first_foreign = name;
  return EDGE_STATUS_OK;
}

static bool reads_foreign(ei_ox_call *c) {
  char why[160];
  if (!c->x->n_foreign) return false;
  for (uint32_t i = 0; i < c->n->n_in; ++i) {
    const uint32_t type = ei_ox_names_get(&c->x->foreign, c->n->in[i]);
    if (type == EI_NONE || !*c->n->in[i]) continue;
    ei_format(why, sizeof why, "its input '%s' has element type %s, which is not supported", c->n->in[i],
              ei_ox_type_name((int32_t)type));
    note(c, EDGE_STATUS_UNSUPPORTED_TYPE, why,
         type == ONNX_STRING ? "text has no place in a device model: tokenize or map it to numbers before it"
                             : "convert it to a supported type before the export");
    return true;
  }
  return false;
}

void ei_ox_unsupported(ei_ox_call *c, const char *why) {
  if (!ei_ox_ok(c->x)) return;
  if (!c->row || !c->x->missing || !follows_from_another(c)) note(c, EDGE_STATUS_UNSUPPORTED_OP, why, NULL);
  if (ei_ox_ok(c->x)) c->x->status = EDGE_STATUS_UNSUPPORTED_OP;
}

/* A node that failed stays a hole, so that the ones after it are looked at too. */
static void forgive(ei_ox *x) {
  if (x->missing && x->status != EDGE_STATUS_OUT_OF_MEMORY && x->status != EDGE_STATUS_MALFORMED)
    x->status = EDGE_STATUS_OK;
}

static int64_t opset_of(const ei_ox_scope *s, const char *domain) {
  for (uint32_t i = 0; i < s->n_opsets; ++i)
    if (strcmp(s->opsets[i].domain, domain) == 0) return s->opsets[i].version;
  return 0;
}

/* Some exporters name every open dimension alike, "?": that says nothing about their being equal. */
static bool names_a_size(const char *param) {
  return *param && strcmp(param, "?") != 0;
}

/* Type and shape from a declaration; symbols only for graph inputs and outputs. */
static edge_status declare(ei_ox *x, const ei_ox_value *v, bool symbols, ei_tensor *t) {
  if (v->is_tensor) t->dtype = ei_ox_dtype(v->onnx_type);
  t->rank = v->rank;
  for (int32_t i = 0; i < v->rank; ++i) {
    t->dims[i] = v->dims[i];
    if (!symbols || v->dims[i] >= 0 || !names_a_size(v->params[i])) continue;
    const uint32_t symbol = ei_graph_add_symbol(x->g, v->params[i], 0, -1);
    if (symbol == EI_NONE) return ei_ox_out_of_memory(x);
    t->symbols[i] = symbol + 1;
  }
  return EDGE_STATUS_OK;
}

static uint32_t add_output(ei_ox_scope *s, const char *name) {
  ei_ox *const x = s->body->x;
  if (!*name) return EI_NONE;
  if (ei_ox_names_get(&s->names, name) != EI_NONE) {
    x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "'%s' is produced twice", name);
    return EI_NONE;
  }
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  t.rank = EI_RANK_UNKNOWN;
  const uint32_t info = ei_ox_names_get(&s->infos, name);
  if (info != EI_NONE && ei_ox_ok(x)) x->status = declare(x, &s->graph->infos[info], false, &t);
  const uint32_t i = ei_ox_add_tensor(s->body, &t);
  if (i != EI_NONE && !ei_ox_names_put(x->arena, &s->names, name, i)) ei_ox_out_of_memory(x);
  return i;
}

static bool open_call(ei_ox_call *c, ei_ox_scope *s, const ei_ox_node *n) {
  ei_ox *const x = s->body->x;
  memset(c, 0, sizeof *c);
  c->x = x;
  c->s = s;
  c->b = s->body;
  c->n = n;
  c->n_in = n->n_in;
  c->n_out = n->n_out;
  c->opset = opset_of(s, n->domain);
  c->in = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)n->n_in + 1);
  c->out = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)n->n_out + 1);
  if (!c->in || !c->out) {
    ei_ox_out_of_memory(x);
    return false;
  }
  for (uint32_t i = 0; i < n->n_in; ++i) c->in[i] = ei_ox_lookup(s, n->in[i]);
  for (uint32_t i = 0; i < n->n_out; ++i) c->out[i] = add_output(s, n->out[i]);
  return ei_ox_ok(x);
}

static bool reads_list(const ei_ox_call *c) {
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (ei_ox_list_of(c->b, c->in[i])) return true;
  return false;
}

void ei_ox_translate(ei_ox_scope *s, const ei_ox_node *n) {
  ei_ox *const x = s->body->x;
  x->status = ei_import_in_time(x->im, x->err);
  if (!ei_ox_ok(x)) return;
  const ei_ox_function *const f = ei_ox_find_function(x->model, n);
  if (s->fn && ++x->inlined > MAX_INLINED) {
    x->status = ei_fail_at(x->err, EDGE_STATUS_LIMIT_EXCEEDED, n->offset,
                           "functions of the model expand to more than %d nodes", MAX_INLINED);
    return;
  }
  if (f) {
    ei_ox_inline_function(s, n, f);
    return;
  }
  ei_ox_call c;
  if (!open_call(&c, s, n)) return;
  if (c.opset == 0 && !*n->domain) {
    ei_ox_fail(&c, EDGE_STATUS_MALFORMED, "the model imports no ONNX operator set");
    return;
  }
  c.row = ei_ox_find_row(n->op, n->domain, c.opset);
  if (!c.row && ei_ox_custom(&c))
    ; /* kept for whoever registers it */
  else if (!c.row)
    ei_ox_unsupported(&c, "no such operator here");
  else if (!c.row->lists && reads_list(&c))
    ei_ox_unsupported(&c, "it reads a sequence or an optional without a value");
  else if (!reads_foreign(&c))
    c.row->handler(&c);
  note_failure(&c);
  forgive(x);
  ei_ox_settle(s->body);
  note_failure(&c);
  forgive(x);
}

static void add_initializer(ei_ox_scope *s, const ei_tensor *t) {
  ei_ox *const x = s->body->x;
  const char *const name = t->name;
  if (!ei_ox_ok(x)) return;
  if (ei_ox_names_get(&s->names, name) != EI_NONE) {
    x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "initializer '%s' is given twice", name);
    return;
  }
  const uint32_t i = ei_ox_add_tensor(s->body, t);
  if (i != EI_NONE && !ei_ox_names_put(x->arena, &s->names, name, i)) ei_ox_out_of_memory(x);
}

/* Does the caller give this input of the main graph a value of its own? */
static bool is_given(const ei_ox_scope *s, const ei_ox_graph *g, const char *name) {
  const ei_import_options *const o = s->body->x->im->options;
  const size_t length = strlen(name);
  bool given = false, input = false;
  if (s->outer) return false;
  for (uint32_t i = 0; i < o->n_given && !given; ++i)
    given = strncmp(o->given[i], name, length) == 0 && (o->given[i][length] == '\0' || o->given[i][length] == '=');
  for (uint32_t i = 0; given && i < g->n_inputs && !input; ++i) input = strcmp(g->inputs[i].name, name) == 0;
  return input;
}

void ei_ox_add_initializers(ei_ox_scope *s, const ei_ox_graph *g) {
  ei_ox *const x = s->body->x;
  ei_tensor t;
  for (uint32_t i = 0; i < g->n_init && ei_ox_ok(x); ++i) {
    if (is_given(s, g, g->init[i].name)) continue;
    x->status = ei_ox_load_tensor(x, &g->init[i], &t);
    if (x->status == EDGE_STATUS_UNSUPPORTED_TYPE) {
      t.rank = EI_RANK_UNKNOWN;
      x->status = ei_ox_foreign_type(x, g->init[i].name, g->init[i].onnx_type);
    }
    add_initializer(s, &t);
  }
  for (uint32_t i = 0; i < g->n_sparse && ei_ox_ok(x); ++i) {
    x->status = ei_ox_load_sparse(x, &g->sparse[i], &t);
    add_initializer(s, &t);
  }
}

/* A sequence that a loop carries can only grow. */
static void add_grown(ei_ox_scope *s, const ei_tensor *placeholder) {
  const ei_ox_list grown = { .stacked = EI_NONE, .grows = true };
  const uint32_t i = ei_ox_add_tensor(s->body, placeholder);
  ei_ox_bind_list(s->body, i, &grown);
  if (i != EI_NONE && !ei_ox_names_put(s->body->x->arena, &s->names, placeholder->name, i))
    ei_ox_out_of_memory(s->body->x);
}

/* Formal inputs; those with an initializer are constants. */
static uint32_t add_inputs(ei_ox_scope *s, const ei_ox_graph *g, const uint32_t *like, uint32_t n_like,
                           uint32_t *inputs) {
  ei_ox *const x = s->body->x;
  uint32_t count = 0;
  for (uint32_t i = 0; i < g->n_inputs && ei_ox_ok(x); ++i) {
    const ei_ox_value *const v = &g->inputs[i];
    const uint32_t known = ei_ox_names_get(&s->names, v->name);
    if (known != EI_NONE && x->g->subgraphs[s->body->sg].tensors[known].data) continue;
    ei_tensor t;
    memset(&t, 0, sizeof t);
    t.name = v->name;
    t.rank = EI_RANK_UNKNOWN;
    if (s->outer && i < n_like && ei_ox_list_of(s->outer->body, like[i]) && *v->name && known == EI_NONE) {
      add_grown(s, &t);
      continue;
    }
    x->status = declare(x, v, s->outer == NULL, &t);
    if (t.dtype == EDGE_DTYPE_NONE && i < n_like && like[i] != EI_NONE) t.dtype = s->outer->body->views[like[i]].dtype;
    if (known != EI_NONE || !*v->name)
      x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "input '%s' is given twice or has no name", v->name);
    else if (v->has_type && !v->is_tensor)
      x->status = ei_fail(x->err, EDGE_STATUS_UNSUPPORTED_FEATURE,
                          "input '%s' is a sequence, map or optional; only tensors are supported", v->name);
    else if (t.dtype == EDGE_DTYPE_NONE && v->is_tensor)
      x->status = ei_ox_foreign_type(x, v->name, v->onnx_type);
    inputs[count] = ei_ox_add_tensor(s->body, &t);
    if (inputs[count] != EI_NONE && !ei_ox_names_put(x->arena, &s->names, v->name, inputs[count]))
      ei_ox_out_of_memory(x);
    count++;
  }
  return count;
}

/* An output is produced by a node of its own subgraph and listed once: everything else passes an Identity. */
static uint32_t output_of(ei_ox_scope *s, const ei_ox_value *v, const ei_ox_list **list) {
  ei_ox *const x = s->body->x;
  ei_ox_body *const b = s->body;
  uint32_t t = ei_ox_lookup(s, v->name);
  if (t == EI_NONE) {
    if (ei_ox_ok(x)) x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "output '%s' is never produced", v->name);
    return EI_NONE;
  }
  *list = ei_ox_list_of(b, t);
  if (*list && s->outer && (*list)->grows) {
    if ((*list)->n == 0) return t; /* handed through */
    t = (*list)->items[0];
  } else if (*list) {
    x->status = ei_fail(x->err, EDGE_STATUS_UNSUPPORTED_FEATURE,
                        "output '%s' is a sequence or an optional; only tensors are supported", v->name);
    return EI_NONE;
  }
  if (b->producer[t] == EI_NONE || b->producer[t] == EI_OX_ABSENT) {
    ei_tensor o;
    memset(&o, 0, sizeof o);
    o.name = v->name;
    o.dtype = b->views[t].dtype;
    o.rank = b->views[t].rank;
    memcpy(o.dims, b->views[t].dims, sizeof o.dims);
    const uint32_t from = t;
    t = ei_ox_add_tensor(b, &o);
    if (t == EI_NONE) return t;
    b->producer[t] = x->g->subgraphs[b->sg].n_nodes;
    if (!ei_graph_add_node(x->g, b->sg, "Identity", v->name, &from, 1, &t, 1)) {
      if (ei_op_find("Identity"))
        ei_ox_out_of_memory(x);
      else
        x->status = EDGE_STATUS_UNSUPPORTED_OP;
      return EI_NONE;
    }
    ei_ox_settle(b);
  }
  ei_tensor *const tensor = &x->g->subgraphs[b->sg].tensors[t];
  ei_tensor declared = *tensor;
  declared.rank = EI_RANK_UNKNOWN;
  if (v->rank == tensor->rank && ei_ox_ok(x)) {
    x->status = declare(x, v, s->outer == NULL, &declared);
    for (int32_t i = 0; i < v->rank; ++i) {
      if (tensor->dims[i] < 0) tensor->dims[i] = declared.dims[i];
      if (tensor->dims[i] < 0) tensor->symbols[i] = declared.symbols[i];
    }
  }
  b->producer[t] = EI_OX_ABSENT; /* listed */
  return t;
}

edge_status ei_ox_build_subgraph(ei_ox *x, ei_ox_scope *outer, const ei_ox_graph *g, const uint32_t *like,
                                 uint32_t n_like, ei_ox_body *body) {
  ei_ox_scope s;
  memset(&s, 0, sizeof s);
  memset(body, 0, sizeof *body);
  body->x = x;
  s.body = body;
  s.outer = outer;
  s.graph = g;
  s.opsets = outer ? outer->opsets : x->model->opsets;
  s.n_opsets = outer ? outer->n_opsets : x->model->n_opsets;
  if (outer) {
    s.fn = outer->fn;
    s.call = outer->call;
    s.caller = outer->caller;
  }
  if (x->depth >= EI_OX_MAX_NESTING) x->status = ei_fail(x->err, EDGE_STATUS_MALFORMED, "graphs are nested too deep");
  if (!ei_ox_ok(x)) return x->status;
  body->sg = ei_graph_add_subgraph(x->g, g->name);
  uint32_t *const inputs = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)g->n_inputs + 1);
  uint32_t *const outputs = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)g->n_outputs + 1);
  body->out_lists = EI_NEW_ARRAY(x->arena, const ei_ox_list *, (uint64_t)g->n_outputs + 1);
  if (body->sg == EI_NONE || !inputs || !outputs || !body->out_lists) return ei_ox_out_of_memory(x);
  for (uint32_t i = 0; i < g->n_infos; ++i)
    if (!ei_ox_names_put(x->arena, &s.infos, g->infos[i].name, i)) return ei_ox_out_of_memory(x);
  x->depth++;
  ei_ox_add_initializers(&s, g);
  const uint32_t n_in = add_inputs(&s, g, like, n_like, inputs);
  const uint32_t *const order = ei_ox_order(x, g->nodes, g->n_nodes);
  for (uint32_t i = 0; i < g->n_nodes && ei_ox_ok(x); ++i) ei_ox_translate(&s, &g->nodes[order[i]]);
  for (uint32_t i = 0; i < g->n_outputs && ei_ox_ok(x); ++i)
    outputs[i] = output_of(&s, &g->outputs[i], &body->out_lists[i]);
  x->depth--;
  if (!ei_ox_ok(x)) return x->status;
  uint32_t *const all = EI_NEW_ARRAY(x->arena, uint32_t, (uint64_t)n_in + body->n_captures + 1);
  if (!all) return ei_ox_out_of_memory(x);
  memcpy(all, inputs, n_in * sizeof *all);
  for (uint32_t i = 0; i < body->n_captures; ++i) all[n_in + i] = body->captures[i].inner;
  if (ei_subgraph_set_io(x->g, body->sg, all, n_in + body->n_captures, outputs, g->n_outputs) != EDGE_STATUS_OK)
    return ei_ox_out_of_memory(x);
  return EDGE_STATUS_OK;
}

edge_status ei_ox_build_main(ei_ox *x) {
  ei_ox_body body;
  EI_TRY(ei_ox_build_subgraph(x, NULL, x->model->graph, NULL, 0, &body));
  if (ei_graph_add_entry(x->g, "main", body.sg) != EDGE_STATUS_OK) return ei_ox_out_of_memory(x);
  return EDGE_STATUS_OK;
}
