/* SPDX-License-Identifier: Apache-2.0
 * Reading a verified file into a graph. One block of memory, whose size the structural pass has computed,
 * holds everything; names and large data stay where they are in the file. */
#include "schema.h"
#include "../ops/op.h"

enum { MAX_UNKNOWN = 24, MAX_TOLD = 10000 };

typedef struct reader {
  ei_flat f;
  const ei_format_source *src;
  uint8_t *memory;
  uint64_t memory_left;
  ei_graph *g;
  uint32_t root;
  edge_error *err;
  const ei_format_limits *limits;
  uint32_t told;      /* of the nodes that limits->unknown hears of */
  uint32_t n_unknown; /* operators that this build does not have */
  struct {
    uint32_t id, version, known, count;
    const char *node;
  } unknown[MAX_UNKNOWN];
} reader;

static const uint64_t empty_data[1] = { 0 }; /* a constant without bytes still has an address */

/* Zero-filled memory for n elements out of the block. */
static void *take(reader *r, uint64_t n, uint64_t size) {
  uint64_t bytes;
  if (!ei_mul_u64(n, size, &bytes) || !ei_align_u64(bytes, 16, &bytes) || bytes > r->memory_left) return NULL;
  void *const p = r->memory;
  r->memory += bytes;
  r->memory_left -= bytes;
  return p;
}

static edge_status no_room(const reader *r) {
  return ei_fail(r->err, EDGE_STATUS_INTERNAL,
                 "the loader's estimate of its memory is too small: please report this file");
}

static edge_status read_data(reader *r, uint32_t table, uint32_t align, const char *owner, const void **out,
                             uint64_t *bytes) {
  uint32_t first;
  const uint32_t in_place = ei_flat_vector(&r->f, table, EI_DATA_BYTES, &first);
  const uint64_t offset = ei_flat_u64(&r->f, table, EI_DATA_OFFSET, 0);
  const uint64_t size = ei_flat_u64(&r->f, table, EI_DATA_SIZE, 0);
  *bytes = in_place ? in_place : size;
  *out = empty_data;
  if (in_place) {
    const uint8_t *p = r->f.p + first;
    if ((uintptr_t)p % align != 0) {
      uint8_t *const copy = take(r, in_place, 1);
      if (!copy) return no_room(r);
      memcpy(copy, p, in_place);
      p = copy;
    }
    *out = p;
  } else if (size) {
    *out = ei_source_find(r->src, offset, size);
    if (*out == NULL || (uintptr_t)*out % align != 0)
      return ei_fail_at(
          r->err, EDGE_STATUS_INVALID_ARGUMENT, offset,
          "data of '%s' is not aligned in memory to %u bytes: align the file and each segment to 64 bytes", owner,
          align);
  }
  return EDGE_STATUS_OK;
}

/* Alignment that an element of a dtype needs; block encodings hold 16-bit scales at most. */
static uint32_t data_align(int32_t dtype) {
  const ei_encoding *const e = ei_encoding_get(dtype, EDGE_ENCODING_NATIVE);
  return e && e->block_bytes <= 8 ? e->block_bytes : 1;
}

static edge_status read_dims(reader *r, uint32_t table, uint32_t slot, ei_tensor *t, const char *what) {
  uint32_t first;
  const uint32_t rank = ei_flat_vector(&r->f, table, slot, &first);
  if (rank > EDGE_MAX_RANK)
    return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, first, "%s '%s' has %u dimensions, more than %u", what, t->name,
                      rank, (unsigned)EDGE_MAX_RANK);
  t->rank = (int32_t)rank;
  for (uint32_t i = 0; i < rank; ++i) {
    const int64_t d = ei_s64_of(ei_get_u64(r->f.p + first + 8 * i));
    t->dims[i] = d;
    if (d > EI_DIM_SYMBOL_BASE) continue;
    if (d < EI_DIM_SYMBOL_BASE - (int64_t)UINT32_MAX + 2)
      return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, first + 8 * i, "dimension %u of %s '%s' is out of range", i,
                        what, t->name);
    t->dims[i] = EI_DIM_UNKNOWN;
    t->symbols[i] = (uint32_t)(EI_DIM_SYMBOL_BASE - d) + 1; /* range checked by the semantic pass */
  }
  return EDGE_STATUS_OK;
}

/* A vector of 32-bit values in place, or a segment of them. */
static edge_status read_quant_array(reader *r, uint32_t table, uint32_t slot, uint32_t data_slot, const char *owner,
                                    const void **out, uint64_t *count) {
  uint32_t first;
  const uint32_t n = ei_flat_vector(&r->f, table, slot, &first), data = ei_flat_ref(&r->f, table, data_slot);
  *out = NULL;
  *count = n;
  if (n && data)
    return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, table,
                      "quantization of tensor '%s' is given twice, as a vector and as data", owner);
  if (n) {
    uint32_t *const copy = take(r, n, sizeof *copy);
    if (!copy) return no_room(r);
    for (uint32_t i = 0; i < n; ++i) copy[i] = ei_get_u32(r->f.p + first + 4 * i);
    *out = copy;
  } else if (data) {
    uint64_t bytes;
    EI_TRY(read_data(r, data, 4, owner, out, &bytes));
    *count = bytes / 4;
    if (bytes % 4 != 0 || *count > UINT32_MAX)
      return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, table,
                        "quantization data of tensor '%s' has %llu bytes, not a number of 32-bit values", owner,
                        (unsigned long long)bytes);
  }
  return EDGE_STATUS_OK;
}

static edge_status read_quant(reader *r, uint32_t table, ei_tensor *t) {
  uint64_t n_scales, n_zeros;
  const void *scales, *zeros;
  EI_TRY(read_quant_array(r, table, EI_QUANT_SCALES, EI_QUANT_SCALES_DATA, t->name, &scales, &n_scales));
  EI_TRY(read_quant_array(r, table, EI_QUANT_ZERO_POINTS, EI_QUANT_ZERO_POINTS_DATA, t->name, &zeros, &n_zeros));
  if (n_zeros && n_zeros != n_scales)
    return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, table, "tensor '%s' has %llu scales and %llu zero points", t->name,
                      (unsigned long long)n_scales, (unsigned long long)n_zeros);
  if (n_scales == 0) return EDGE_STATUS_OK; /* not quantized, whatever axis and block say */
  t->quant.scales = scales;
  t->quant.zero_points = n_zeros ? zeros : NULL;
  t->quant.count = (uint32_t)n_scales;
  t->quant.axis = ei_s32_of(ei_flat_u32(&r->f, table, EI_QUANT_AXIS, 0));
  t->quant.block = ei_flat_u32(&r->f, table, EI_QUANT_BLOCK, 0);
  return EDGE_STATUS_OK;
}

static edge_status read_tensor(reader *r, uint32_t table, ei_tensor *t) {
  t->name = ei_flat_string(&r->f, table, EI_TENSOR_NAME);
  t->dtype = (int32_t)ei_flat_u8(&r->f, table, EI_TENSOR_DTYPE, 0);
  t->encoding = (int32_t)ei_flat_u16(&r->f, table, EI_TENSOR_ENCODING, 0);
  t->state = ei_flat_u32(&r->f, table, EI_TENSOR_STATE, 0);
  EI_TRY(read_dims(r, table, EI_TENSOR_DIMS, t, "tensor"));
  if (ei_flat_u8(&r->f, table, EI_TENSOR_UNKNOWN_RANK, 0)) {
    if (t->rank != 0)
      return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, table, "tensor '%s' has dimensions and an unknown rank",
                        t->name);
    t->rank = EI_RANK_UNKNOWN;
  }
  const uint32_t quant = ei_flat_ref(&r->f, table, EI_TENSOR_QUANT), data = ei_flat_ref(&r->f, table, EI_TENSOR_DATA);
  if (quant) EI_TRY(read_quant(r, quant, t));
  if (data) EI_TRY(read_data(r, data, data_align(t->dtype), t->name, &t->data, &t->data_bytes));
  return EDGE_STATUS_OK;
}

/* A vector of tensor indices; -1 becomes EI_NONE, other negative ones stay out of every range. */
static edge_status read_indices(reader *r, uint32_t table, uint32_t slot, uint32_t **out, uint32_t *count) {
  uint32_t first;
  *count = ei_flat_vector(&r->f, table, slot, &first);
  *out = take(r, *count, sizeof **out);
  if (!*out) return no_room(r);
  for (uint32_t i = 0; i < *count; ++i) (*out)[i] = ei_get_u32(r->f.p + first + 4 * i);
  return EDGE_STATUS_OK;
}

static edge_status read_attribute(reader *r, uint32_t table, ei_attr *a) {
  uint32_t first;
  a->key = ei_flat_string(&r->f, table, EI_ATTR_F_KEY);
  a->kind = ei_flat_u8(&r->f, table, EI_ATTR_F_KIND, EI_ATTR_INT);
  a->count = 1;
  if (a->kind == EI_ATTR_INT) {
    a->u.i = ei_s64_of(ei_flat_u64(&r->f, table, EI_ATTR_F_I, 0));
  } else if (a->kind == EI_ATTR_FLOAT) {
    a->u.f = ei_f64_of(ei_flat_u64(&r->f, table, EI_ATTR_F_F, 0));
  } else if (a->kind == EI_ATTR_STRING) {
    a->u.s = ei_flat_string(&r->f, table, EI_ATTR_F_S);
    a->count = ei_flat_vector(&r->f, table, EI_ATTR_F_S, &first);
  } else {
    const bool ints = a->kind == EI_ATTR_INTS;
    a->count = ei_flat_vector(&r->f, table, ints ? EI_ATTR_F_INTS : EI_ATTR_F_FLOATS, &first);
    uint64_t *const copy = take(r, a->count, sizeof *copy);
    if (!copy) return no_room(r);
    for (uint32_t i = 0; i < a->count; ++i) copy[i] = ei_get_u64(r->f.p + first + 8 * i);
    if (ints)
      a->u.ints = (const int64_t *)(const void *)copy;
    else
      a->u.floats = (const double *)(const void *)copy;
  }
  return EDGE_STATUS_OK;
}

/* Remember an operator that this build cannot run: all of them go into one error. */
static void note_unknown(reader *r, uint32_t id, uint32_t version, uint32_t known, const char *node) {
  for (uint32_t i = 0; i < r->n_unknown && i < MAX_UNKNOWN; ++i)
    if (r->unknown[i].id == id && r->unknown[i].version == version) {
      r->unknown[i].count++;
      return;
    }
  if (r->n_unknown < MAX_UNKNOWN) {
    r->unknown[r->n_unknown].id = id;
    r->unknown[r->n_unknown].version = version;
    r->unknown[r->n_unknown].known = known;
    r->unknown[r->n_unknown].count = 1;
    r->unknown[r->n_unknown].node = node;
  }
  r->n_unknown++;
}

static const char *operator_name(const reader *r, uint32_t id);

static void tell_unknown(const reader *r, const ei_subgraph *sg, const ei_node *n, uint32_t id, uint32_t known) {
  edge_tensor view;
  char number[32];
  const char *name = operator_name(r, id);
  const bool typed = n->n_in && n->in[0] < sg->n_tensors;
  if (typed) ei_tensor_view(&sg->tensors[n->in[0]], &view);
  if (!*name) {
    ei_format(number, sizeof number, "operator %u", id);
    name = number;
  }
  r->limits->unknown(r->limits->unknown_user, n->name, name, n->version, known, typed ? &view : NULL);
}

static edge_status read_node(reader *r, const ei_subgraph *sg, uint32_t table, ei_node *n) {
  const uint32_t id = ei_flat_u16(&r->f, table, EI_NODE_OP, 0);
  uint32_t first;
  n->name = ei_flat_string(&r->f, table, EI_NODE_NAME);
  n->version = ei_flat_u16(&r->f, table, EI_NODE_VERSION, 1);
  n->op = ei_op_by_id(id);
  const uint32_t known = n->op == NULL ? 0 : n->op->version ? n->op->version : 1;
  if (n->version > known) note_unknown(r, id, n->version, known, n->name);
  EI_TRY(read_indices(r, table, EI_NODE_INPUTS, &n->in, &n->n_in));
  if (n->version > known && r->limits && r->limits->unknown && r->told++ < MAX_TOLD) tell_unknown(r, sg, n, id, known);
  EI_TRY(read_indices(r, table, EI_NODE_OUTPUTS, &n->out, &n->n_out));
  n->n_attr = ei_flat_vector(&r->f, table, EI_NODE_ATTRIBUTES, &first);
  n->attr = take(r, n->n_attr, sizeof *n->attr);
  if (!n->attr) return no_room(r);
  for (uint32_t i = 0; i < n->n_attr; ++i) EI_TRY(read_attribute(r, ei_flat_item(&r->f, first, i), &n->attr[i]));
  return EDGE_STATUS_OK;
}

static edge_status read_subgraph(reader *r, uint32_t table, ei_subgraph *sg) {
  uint32_t first;
  sg->name = ei_flat_string(&r->f, table, EI_SUBGRAPH_NAME);
  sg->n_tensors = sg->cap_tensors = ei_flat_vector(&r->f, table, EI_SUBGRAPH_TENSORS, &first);
  sg->tensors = take(r, sg->n_tensors, sizeof *sg->tensors);
  if (!sg->tensors) return no_room(r);
  for (uint32_t i = 0; i < sg->n_tensors; ++i) EI_TRY(read_tensor(r, ei_flat_item(&r->f, first, i), &sg->tensors[i]));
  sg->n_nodes = sg->cap_nodes = ei_flat_vector(&r->f, table, EI_SUBGRAPH_NODES, &first);
  sg->nodes = take(r, sg->n_nodes, sizeof *sg->nodes);
  if (!sg->nodes) return no_room(r);
  for (uint32_t i = 0; i < sg->n_nodes; ++i) EI_TRY(read_node(r, sg, ei_flat_item(&r->f, first, i), &sg->nodes[i]));
  EI_TRY(read_indices(r, table, EI_SUBGRAPH_INPUTS, &sg->inputs, &sg->n_inputs));
  return read_indices(r, table, EI_SUBGRAPH_OUTPUTS, &sg->outputs, &sg->n_outputs);
}

/* Fixed dimensions of a state or a golden value, read through the code for tensors. */
static edge_status read_fixed_dims(reader *r, uint32_t table, uint32_t slot, const char *what, const char *name,
                                   int64_t *dims, int32_t *rank) {
  ei_tensor t;
  memset(&t, 0, sizeof t);
  t.name = name;
  EI_TRY(read_dims(r, table, slot, &t, what));
  *rank = t.rank;
  for (int32_t i = 0; i < t.rank; ++i) {
    if (t.dims[i] < 0)
      return ei_fail_at(r->err, EDGE_STATUS_MALFORMED, table, "dimension %d of %s '%s' is not fixed", (int)i, what,
                        name);
    dims[i] = t.dims[i];
  }
  return EDGE_STATUS_OK;
}

static edge_status read_state(reader *r, uint32_t table, ei_state *s) {
  s->name = ei_flat_string(&r->f, table, EI_STATE_NAME);
  s->dtype = (int32_t)ei_flat_u8(&r->f, table, EI_STATE_DTYPE, 0);
  EI_TRY(read_fixed_dims(r, table, EI_STATE_DIMS, "state", s->name, s->dims, &s->rank));
  const uint32_t init = ei_flat_ref(&r->f, table, EI_STATE_INIT);
  return init ? read_data(r, init, data_align(s->dtype), s->name, &s->init, &s->init_bytes) : EDGE_STATUS_OK;
}

static edge_status read_values(reader *r, uint32_t table, uint32_t slot, const char *name, ei_golden_value **out,
                               uint32_t *count) {
  uint32_t first;
  *count = ei_flat_vector(&r->f, table, slot, &first);
  *out = take(r, *count, sizeof **out);
  if (!*out) return no_room(r);
  for (uint32_t i = 0; i < *count; ++i) {
    const uint32_t item = ei_flat_item(&r->f, first, i), data = ei_flat_ref(&r->f, item, EI_VALUE_DATA);
    ei_golden_value *const v = &(*out)[i];
    v->dtype = (int32_t)ei_flat_u8(&r->f, item, EI_VALUE_DTYPE, 0);
    EI_TRY(read_fixed_dims(r, item, EI_VALUE_DIMS, "golden vector", name, v->dims, &v->rank));
    v->data = empty_data;
    if (data) EI_TRY(read_data(r, data, data_align(v->dtype), name, &v->data, &v->data_bytes));
  }
  return EDGE_STATUS_OK;
}

static edge_status read_golden(reader *r, uint32_t table, ei_golden *v) {
  v->name = ei_flat_string(&r->f, table, EI_GOLDEN_NAME);
  v->entry = ei_flat_u32(&r->f, table, EI_GOLDEN_ENTRY, 0);
  v->abs_tolerance = ei_f32_of(ei_flat_u32(&r->f, table, EI_GOLDEN_ABS, 0));
  v->rel_tolerance = ei_f32_of(ei_flat_u32(&r->f, table, EI_GOLDEN_REL, 0));
  EI_TRY(read_values(r, table, EI_GOLDEN_INPUTS, v->name, &v->inputs, &v->n_inputs));
  return read_values(r, table, EI_GOLDEN_OUTPUTS, v->name, &v->outputs, &v->n_outputs);
}

/* Names, small tables and blobs around the subgraphs. */
static edge_status read_symbol(reader *r, uint32_t table, ei_symbol *s) {
  s->name = ei_flat_string(&r->f, table, EI_SYMBOL_NAME);
  s->lo = ei_s64_of(ei_flat_u64(&r->f, table, EI_SYMBOL_LO, 0));
  s->hi = ei_s64_of(ei_flat_u64(&r->f, table, EI_SYMBOL_HI, UINT64_MAX));
  return EDGE_STATUS_OK;
}

static edge_status read_entry(reader *r, uint32_t table, ei_entry *e) {
  e->name = ei_flat_string(&r->f, table, EI_ENTRY_NAME);
  e->subgraph = ei_flat_u32(&r->f, table, EI_ENTRY_SUBGRAPH, 0);
  return EDGE_STATUS_OK;
}

static edge_status read_metadata(reader *r, uint32_t table, ei_metadata *m) {
  m->key = ei_flat_string(&r->f, table, EI_METADATA_KEY);
  m->value = empty_data;
  const uint32_t value = ei_flat_ref(&r->f, table, EI_METADATA_VALUE);
  return value ? read_data(r, value, 1, m->key, &m->value, &m->bytes) : EDGE_STATUS_OK;
}

static edge_status read_prepared(reader *r, uint32_t table, ei_prepared *p) {
  uint32_t first;
  p->target = ei_flat_string(&r->f, table, EI_PREPARED_TARGET);
  p->key_bytes = ei_flat_vector(&r->f, table, EI_PREPARED_KEY, &first);
  p->key = r->f.p + first;
  p->data = empty_data;
  const uint32_t data = ei_flat_ref(&r->f, table, EI_PREPARED_DATA);
  return data ? read_data(r, data, 1, p->target, &p->data, &p->bytes) : EDGE_STATUS_OK;
}

/* Each list of the model: memory for all elements, then one by one. */
#define READ_LIST(slot, field, count, read_one)                                                               \
  do {                                                                                                        \
    uint32_t first;                                                                                           \
    g->count = ei_flat_vector(&r->f, r->root, slot, &first);                                                  \
    g->field = take(r, g->count, sizeof *g->field);                                                           \
    if (!g->field) return no_room(r);                                                                         \
    for (uint32_t i = 0; i < g->count; ++i) EI_TRY(read_one(r, ei_flat_item(&r->f, first, i), &g->field[i])); \
  } while (0)

static edge_status read_model(reader *r) {
  ei_graph *const g = r->g;
  g->producer = ei_flat_string(&r->f, r->root, EI_MODEL_PRODUCER);
  g->required_features = ei_flat_u64(&r->f, r->root, EI_MODEL_FEATURES, 0);
  READ_LIST(EI_MODEL_SYMBOLS, symbols, n_symbols, read_symbol);
  READ_LIST(EI_MODEL_STATES, states, n_states, read_state);
  READ_LIST(EI_MODEL_SUBGRAPHS, subgraphs, n_subgraphs, read_subgraph);
  READ_LIST(EI_MODEL_ENTRIES, entries, n_entries, read_entry);
  READ_LIST(EI_MODEL_METADATA, metadata, n_metadata, read_metadata);
  READ_LIST(EI_MODEL_GOLDEN, golden, n_golden, read_golden);
  READ_LIST(EI_MODEL_PREPARED, prepared, n_prepared, read_prepared);
  g->cap_symbols = g->n_symbols;
  g->cap_states = g->n_states;
  g->cap_subgraphs = g->n_subgraphs;
  g->cap_entries = g->n_entries;
  g->cap_metadata = g->n_metadata;
  return EDGE_STATUS_OK;
}

/* The file's own name for an operator id. */
static const char *operator_name(const reader *r, uint32_t id) {
  uint32_t first;
  const uint32_t n = ei_flat_vector(&r->f, r->root, EI_MODEL_OPERATORS, &first);
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t item = ei_flat_item(&r->f, first, i);
    if (ei_flat_u16(&r->f, item, EI_OPERATOR_OP, 0) == id) return ei_flat_string(&r->f, item, EI_OPERATOR_NAME);
  }
  return "";
}

static edge_status fail_unknown(const reader *r) {
  char text[400];
  size_t n = 0;
  uint32_t listed = 0;
  for (; listed < r->n_unknown && listed < MAX_UNKNOWN && n + 110 < sizeof text; ++listed) {
    const char *const name = operator_name(r, r->unknown[listed].id);
    n += ei_format(text + n, sizeof text - n, "%s%.*s (operator %u version %u, %u node%s, first '%.*s')",
                   listed ? ", " : "", 32, *name ? name : "?", r->unknown[listed].id, r->unknown[listed].version,
                   r->unknown[listed].count, r->unknown[listed].count == 1 ? "" : "s", 24, r->unknown[listed].node);
    if (n >= sizeof text) n = sizeof text - 1;
  }
  if (listed < r->n_unknown) (void)ei_format(text + n, sizeof text - n, " and more");
  return ei_fail(r->err, EDGE_STATUS_UNSUPPORTED_OP,
                 "this build does not have: %s; update EdgeRT or build it with them", text);
}

edge_status ei_format_read(const ei_format_source *src, const ei_format_limits *limits, ei_arena *arena, ei_graph **out,
                           edge_error *err) {
  ei_flat_check c;
  uint32_t root;
  *out = NULL;
  EI_TRY(ei_format_check(src, limits, &c, &root, err));
  reader r;
  memset(&r, 0, sizeof r);
  r.f = c.flat;
  r.src = src;
  r.limits = limits;
  r.err = err;
  r.root = root;
  if (!ei_align_u64(c.memory, 64, &r.memory_left)) return no_room(&r);
  r.memory_left += 64; /* the graph itself is rounded up to 16 like every part */
  r.memory = ei_arena_get(arena, r.memory_left, 64);
  if (r.memory == NULL)
    return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to load the model: %llu bytes are needed",
                   (unsigned long long)r.memory_left);
  r.g = take(&r, 1, sizeof *r.g);
  if (r.g == NULL) return no_room(&r);
  r.g->arena = arena;
  EI_TRY(read_model(&r));
  if (r.n_unknown) return fail_unknown(&r);
  EI_TRY(ei_graph_verify(r.g, err));
  *out = r.g;
  return EDGE_STATUS_OK;
}
