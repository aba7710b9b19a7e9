/* SPDX-License-Identifier: Apache-2.0
 * Operators of a TFLite model: reading one, finding its translator, and what translators share. */
#include "tflite.h"
#include "../../ops/custom.h"
#include "../unsupported.h"

static const tl_row rows[] = {
#define TL_OP(code, name, options, min_in, min_out, translate, edge, arg) \
  { code, #name, options, min_in, min_out, translate, edge, arg },
#include "tflite_ops.def"
#undef TL_OP
};

enum { MAX_TOLD = 10000 };

enum { CODE_CUSTOM = 32 };

static const tl_row *find_row(uint32_t code) {
  for (size_t i = 0; i < EI_COUNT(rows); ++i)
    if (rows[i].code == code) return &rows[i];
  return NULL;
}

uint32_t tl_code(const tl_model *m, fb_table t) {
  const fb_table code = fb_vec_table((fb_buffer *)(uintptr_t)&m->fb, m->codes, fb_u32(t, 0, 0));
  const int32_t old = fb_s8(code, 0, 0), now = fb_s32(code, 3, 0);
  return (uint32_t)(now > old ? now : old < 0 ? 0x7fffffff : old); /* codes up to 127 were one byte once */
}

/* ---- failures */

/* One entry of the list that the final message shows; what does not fit there is in the log. */
static void note_problem(tl_model *m, const char *text) {
  if (!m->im->options->unsupported) ei_import_log(m->im, EDGE_LOG_ERROR, "%s", text);
  const size_t length = strlen(text), left = sizeof m->problems - m->problems_length;
  if (length + 8 < left)
    m->problems_length += ei_format(m->problems + m->problems_length, left, "%s%s", m->n_problems ? "; " : "", text);
  else if (left > 4)
    m->problems_length += ei_format(m->problems + m->problems_length, left, " ...");
  m->n_problems++;
}

static const char *builtin_name(uint32_t index) {
  return index < EI_COUNT(rows) ? rows[index].name : NULL;
}

/* The first input's type as declared, also one that we lack. */
static const char *type_of(const tl_op *op, char *out, size_t cap) {
  edge_tensor t;
  const tl_tensor *const d = op->n_in && op->in[0] != EI_NONE ? tl_declared(op, op->in[0]) : NULL;
  if (!d) return "";
  memset(&t, 0, sizeof t);
  t.dtype = tl_dtype(d->type);
  if (t.dtype == EDGE_DTYPE_NONE) return tl_type_name(d->type);
  t.rank = d->rank;
  memcpy(t.dims, d->dims, sizeof t.dims);
  return ei_unsupported_type(&t, out, cap);
}

static void tell(const tl_op *op, const char *name, const char *domain, const char *why, const char *hint) {
  const fb_table code = fb_vec_table((fb_buffer *)(uintptr_t)&op->m->fb, op->m->codes, fb_u32(op->table, 0, 0));
  char type[160];
  if (!op->m->im->options->unsupported || op->m->n_problems > MAX_TOLD) return;
  ei_import_unsupported(op->m->im, &(const ei_unsupported) {
                                       .node = op->name,
                                       .op = name,
                                       .domain = domain,
                                       .version = fb_s32(code, 2, 1),
                                       .type = type_of(op, type, sizeof type),
                                       .why = why,
                                       .hint = hint,
                                   });
}

/* Advice that the reason itself gives needs no second one. */
static const char *hint_for(const tl_op *op, edge_status status, const char *why, char hint[EI_HINT_BYTES]) {
  if (strstr(why, "convert")) return "";
  if (status == EDGE_STATUS_UNSUPPORTED_TYPE)
    return strstr(why, "STRING") ? "text has no place in a device model: tokenize or map it to numbers before it"
                                 : "convert the model with this value in a supported type";
  if (op->row && op->row->translate == tl_never) return ei_unsupported_hint(op->row->name, false, NULL, hint);
  return "change or decompose this operator and convert the model again";
}

edge_status tl_unsupported(tl_op *op, edge_status status, const char *format, ...) {
  char why[160], text[320], hint[EI_HINT_BYTES];
  va_list args;
  va_start(args, format);
  ei_vformat(why, sizeof why, format, args);
  va_end(args);
  ei_format(text, sizeof text, "%s at node %u '%s': %s", op->row ? op->row->name : "operator", op->index, op->name,
            why);
  note_problem(op->m, text);
  tell(op, op->row ? op->row->name : "operator", "", why, hint_for(op, status, why, hint));
  if (status == EDGE_STATUS_UNSUPPORTED_OP || op->m->n_problems == 1) op->m->problem_status = status;
  return EDGE_STATUS_OK;
}

edge_status tl_malformed(tl_op *op, const char *format, ...) {
  char why[240];
  va_list args;
  va_start(args, format);
  ei_vformat(why, sizeof why, format, args);
  va_end(args);
  return ei_fail_node(op->m->err, EDGE_STATUS_MALFORMED, op->index, EI_NONE, "node %u '%s' (%s): %s", op->index,
                      op->name, op->row->name, why);
}

edge_status tl_emit_failed(tl_op *op, const char *edge) {
  if (!ei_op_find(edge))
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_OP, "this build lacks the operator %s", edge);
  return tl_broken(op->m);
}

edge_status tl_never(tl_op *op) {
  return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_OP, "this operator is not supported");
}

/* ---- building */

ei_node *tl_emit(tl_op *op, const char *edge, const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out) {
  char name[300];
  if (op->extra == 0)
    ei_format(name, sizeof name, "%s", op->name);
  else
    ei_format(name, sizeof name, "%s/%u", op->name, op->extra);
  op->extra++;
  return ei_graph_add_node(op->m->g, op->sg, edge, name, in, n_in, out, n_out);
}

uint32_t tl_temp(tl_op *op, int32_t dtype) {
  ei_tensor t;
  char name[300];
  memset(&t, 0, sizeof t);
  ei_format(name, sizeof name, "%s/t%u", op->name, op->m->g->subgraphs[op->sg].n_tensors);
  t.name = name;
  t.dtype = dtype;
  t.rank = EI_RANK_UNKNOWN;
  return ei_graph_add_tensor(op->m->g, op->sg, &t);
}

uint32_t tl_const(tl_op *op, int32_t dtype, const int64_t *dims, int32_t rank, const void *data) {
  char name[300];
  ei_format(name, sizeof name, "%s/c%u", op->name, op->m->g->subgraphs[op->sg].n_tensors);
  return ei_graph_add_const(op->m->g, op->sg, name, dtype, dims, rank, data);
}

uint32_t tl_const_s64(tl_op *op, const int64_t *values, uint32_t n) {
  const int64_t dims[1] = { n };
  return tl_const(op, EDGE_DTYPE_S64, dims, 1, n ? (const void *)values : "");
}

uint32_t tl_scalar(tl_op *op, int32_t dtype, double value) {
  uint64_t storage = 0;
  edge_tensor view;
  memset(&view, 0, sizeof view);
  view.dtype = dtype;
  view.data = &storage;
  view.bytes = sizeof storage;
  ei_store_f64(&view, 0, value);
  return tl_const(op, dtype, NULL, 0, &storage);
}

bool tl_ints(const tl_op *op, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n) {
  edge_tensor view;
  uint64_t elements = 0;
  if (t == EI_NONE) return false;
  ei_tensor_view(tl_graph_tensor(op, t), &view);
  if (!view.data || !ei_dtype_is_int(view.dtype) || !ei_elements(view.dims, view.rank, &elements) || elements > cap)
    return false;
  for (uint32_t i = 0; i < (uint32_t)elements; ++i) out[i] = ei_load_s64(&view, i);
  *n = (uint32_t)elements;
  return true;
}

int32_t tl_out_dtype(const tl_op *op, uint32_t i) {
  return i < op->n_out && op->out[i] != EI_NONE ? tl_graph_tensor(op, op->out[i])->dtype : EDGE_DTYPE_NONE;
}

int32_t tl_rank(const tl_op *op, uint32_t t) {
  const tl_tensor *const d = t == EI_NONE ? NULL : tl_declared(op, t);
  return d ? d->rank : -1;
}

int64_t tl_dim(const tl_op *op, uint32_t t, int32_t axis) {
  const tl_tensor *const d = t == EI_NONE ? NULL : tl_declared(op, t);
  if (!d || axis < -d->rank || axis >= d->rank) return EI_DIM_UNKNOWN;
  return d->dims[axis < 0 ? axis + d->rank : axis];
}

edge_status tl_set_act(tl_op *op, ei_node *n, int32_t code) {
  static const int64_t act[] = { 0, 1, 3, 2, 4 }; /* NONE RELU RELU_N1_TO_1 RELU6 TANH */
  if (code < 0 || (size_t)code >= EI_COUNT(act))
    return tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_FEATURE, "fused activation %d is not supported", code);
  return code == 0 ? EDGE_STATUS_OK : ei_node_set_int(op->m->g, n, "act", act[code]);
}

edge_status tl_same(tl_op *op) {
  TL_EMIT(n, op, op->row->edge, op->in, op->n_in, op->out, op->n_out);
  return EDGE_STATUS_OK;
}

/* ---- reading one operator */

static edge_status read_operands(tl_op *op, fb_vector list, const char *what, uint32_t **ids, uint32_t *n) {
  tl_model *const m = op->m;
  if ((uint64_t)list.count * 4 > m->fb.budget) { /* operators may share one vector */
    fb_fail(&m->fb, list.pos, "the file repeats its operand lists too often");
    return tl_broken(m);
  }
  m->fb.budget -= (uint64_t)list.count * 4;
  *ids = EI_NEW_ARRAY(m->im->arena, uint32_t, (uint64_t)list.count + 1);
  if (!*ids) return tl_broken(m);
  *n = list.count;
  for (uint32_t i = 0; i < list.count; ++i) {
    const int32_t t = fb_vec_s32(list, i);
    if (t < -1 || (t >= 0 && (uint32_t)t >= op->sub->n_tensors))
      return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, op->index, EI_NONE, "operator %u: %s %u is tensor %d of %u",
                          op->index, what, i, t, op->sub->n_tensors);
    (*ids)[i] = t < 0 ? EI_NONE : (uint32_t)t;
  }
  return EDGE_STATUS_OK;
}

static void set_name(tl_op *op) {
  op->name = "";
  for (uint32_t i = 0; i < op->n_out && !*op->name; ++i)
    if (op->out[i] != EI_NONE) op->name = tl_graph_tensor(op, op->out[i])->name;
}

/* RFFT2D, IMAG, REAL, COMPLEX_ABS */
static bool knows_complex(uint32_t code) {
  return code == 131 || (code >= 133 && code <= 135);
}

/* A type that we lack may only appear where an importer step takes it away again (resource handles). */
static bool types_known(tl_op *op) {
  const uint32_t *const lists[2] = { op->in, op->out };
  const uint32_t counts[2] = { op->n_in, op->n_out };
  for (int side = 0; side < 2; ++side)
    for (uint32_t i = 0; i < counts[side]; ++i) {
      const tl_tensor *const d = lists[side][i] == EI_NONE ? NULL : tl_declared(op, lists[side][i]);
      if (!d || tl_dtype(d->type) != EDGE_DTYPE_NONE || d->type == TL_TYPE_RESOURCE) continue;
      if (d->type == TL_TYPE_COMPLEX64 && d->produced && op->row && knows_complex(op->row->code)) continue;
      tl_unsupported(op, EDGE_STATUS_UNSUPPORTED_TYPE, "element type %s is not supported", tl_type_name(d->type));
      return false;
    }
  return true;
}

/* A custom operator that the application registered, or that is kept for one that will. */
static edge_status keep_custom(tl_op *op, const char *name) {
  const fb_vector options = fb_vec(op->table, 5, 1);
  if ((uint64_t)options.count * 16 > op->m->fb.budget) { /* operators may share one vector */
    fb_fail(&op->m->fb, options.pos, "the file repeats its custom options too often");
    return tl_broken(op->m);
  }
  op->m->fb.budget -= (uint64_t)options.count * 16;
  int64_t *const bytes = EI_NEW_ARRAY(op->m->im->arena, int64_t, (uint64_t)options.count + 1);
  if (!bytes || op->m->fb.bad) return tl_broken(op->m);
  for (uint32_t i = 0; i < options.count; ++i) bytes[i] = options.data[i];
  if (!types_known(op)) return EDGE_STATUS_OK;
  TL_EMIT(n, op, "Custom", op->in, op->n_in, op->out, op->n_out);
  if (options.count) EI_TRY(ei_node_set_ints(op->m->g, n, EI_CUSTOM_OPTIONS, bytes, options.count));
  return ei_import_name_custom(op->m->im->options, op->m->g, n, "tflite", name, op->m->err);
}

static edge_status unknown_operator(tl_op *op, uint32_t code) {
  char text[320], number[32], hint[EI_HINT_BYTES];
  const fb_table entry = fb_vec_table(&op->m->fb, op->m->codes, fb_u32(op->table, 0, 0));
  const char *const custom = tl_text(op->m, fb_str(entry, 1));
  if (!custom || op->m->fb.bad) return tl_broken(op->m);
  if (code == CODE_CUSTOM && ei_import_keeps(op->m->im->options, "tflite", custom, true))
    return keep_custom(op, custom);
  if (code == CODE_CUSTOM)
    ei_format(text, sizeof text, "custom operator '%s' at node %u '%s' is not known; convert the model without it",
              custom, op->index, op->name);
  else
    ei_format(text, sizeof text, "builtin operator %u at node %u '%s' is not known to this version", code, op->index,
              op->name);
  note_problem(op->m, text);
  ei_format(number, sizeof number, "builtin operator %u", code);
  if (code == CODE_CUSTOM)
    tell(op, custom, "custom", "no such custom operator here", ei_unsupported_hint(custom, true, builtin_name, hint));
  else
    tell(op, number, "", "this version does not know it", "update EdgeRT, or convert the model for an older runtime");
  op->m->problem_status = EDGE_STATUS_UNSUPPORTED_OP;
  return EDGE_STATUS_OK;
}

static edge_status read_node(tl_model *m, tl_subgraph *sub, uint32_t index) {
  tl_op op;
  memset(&op, 0, sizeof op);
  op.m = m;
  op.sub = sub;
  op.sg = sub->graph;
  op.index = index;
  op.name = "";
  op.table = fb_vec_table(&m->fb, sub->operators, index);
  if (fb_u32(op.table, 0, 0) >= m->codes.count)
    return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, index, EI_NONE, "operator %u has code %u of %u", index,
                        fb_u32(op.table, 0, 0), m->codes.count);
  EI_TRY(read_operands(&op, fb_vec(op.table, 1, 4), "input", &op.in, &op.n_in));
  EI_TRY(read_operands(&op, fb_vec(op.table, 2, 4), "output", &op.out, &op.n_out));
  set_name(&op);
  const uint32_t code = tl_code(m, op.table);
  op.row = code == CODE_CUSTOM ? tl_custom_row(fb_str(fb_vec_table(&m->fb, m->codes, fb_u32(op.table, 0, 0)), 1))
                               : find_row(code);
  if (!op.row) return unknown_operator(&op, code);
  if (op.n_in < op.row->min_in || op.n_out < op.row->min_out)
    return tl_malformed(&op, "has %u inputs and %u outputs, needs at least %u and %u", op.n_in, op.n_out,
                        op.row->min_in, op.row->min_out);
  for (uint32_t i = 0; i < op.n_out; ++i)
    if (op.out[i] == EI_NONE && i < op.row->min_out) return tl_malformed(&op, "output %u is missing", i);
  const bool second = op.row->options >= 256;
  if (op.row->options && fb_u8(op.table, second ? 11 : 3, 0) == (op.row->options & 255u))
    op.opt = fb_sub(op.table, second ? 12 : 4);
  if (m->fb.bad) return tl_broken(m);
  if (!types_known(&op)) return EDGE_STATUS_OK;
  const edge_status status = op.row->translate(&op);
  return status == EDGE_STATUS_OK && m->fb.bad ? tl_broken(m) : status;
}

edge_status tl_read_nodes(tl_model *m, uint32_t file_subgraph) {
  tl_subgraph *const sub = &m->sub[file_subgraph];
  for (uint32_t i = 0; i < sub->operators.count; ++i) {
    EI_TRY(ei_import_in_time(m->im, m->err));
    EI_TRY(read_node(m, sub, i));
  }
  return EDGE_STATUS_OK;
}
