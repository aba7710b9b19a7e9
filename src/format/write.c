/* SPDX-License-Identifier: Apache-2.0
 * Serialising a graph: metadata through the FlatBuffer builder, large data as segments behind it. */
#include "flat_write.h"
#include "schema.h"
#include "../ops/op.h"

/* Bytes up to which things other than constants stay in the metadata. */
enum { INLINE_QUANT = 4096, INLINE_METADATA = 1024 };

typedef struct blob { /* data that becomes a segment */
  const void *data;
  uint64_t bytes;
  uint64_t offset;
} blob;

typedef struct blob_use {
  uint64_t blob;
  uint32_t at; /* the offset field to fill */
} blob_use;

typedef struct writer {
  ei_flat_writer w;
  const ei_graph *g;
  ei_arena *arena;
  blob *blobs;
  blob_use *uses;
  uint32_t *slots; /* hash of blobs, index + 1 */
  uint64_t n_blobs, n_uses, n_slots;
  const ei_op_def *last_op;
  uint32_t last_id;
} writer;

/* How many pieces of data the graph can have at most. */
static uint64_t count_data(const ei_graph *g) {
  uint64_t n = (uint64_t)g->n_states + g->n_metadata + g->n_prepared;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s) n += 3 * (uint64_t)g->subgraphs[s].n_tensors;
  for (uint32_t i = 0; i < g->n_golden; ++i) n += (uint64_t)g->golden[i].n_inputs + g->golden[i].n_outputs;
  return n;
}

/* Index of a segment; tensors that share data share it in the file too. */
static uint64_t find_blob(writer *w, const void *data, uint64_t bytes) {
  uint64_t h = (uint64_t)(uintptr_t)data * UINT64_C(0x9e3779b97f4a7c15) ^ bytes;
  h ^= h >> 29;
  uint64_t at = h & (w->n_slots - 1);
  for (; w->slots[at] != 0; at = (at + 1) & (w->n_slots - 1)) {
    const blob *const b = &w->blobs[w->slots[at] - 1];
    if (b->data == data && b->bytes == bytes) return w->slots[at] - 1;
  }
  w->blobs[w->n_blobs].data = data;
  w->blobs[w->n_blobs].bytes = bytes;
  w->slots[at] = (uint32_t)++w->n_blobs;
  return w->n_blobs - 1;
}

static void write_data(writer *w, uint32_t at, const void *data, uint64_t bytes, uint64_t inline_bytes) {
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  if (w->w.status != EDGE_STATUS_OK) return;
  if (bytes > inline_bytes) {
    ei_flat_set(&t, EI_DATA_OFFSET, 8, 0, 1);
    ei_flat_set(&t, EI_DATA_SIZE, 8, bytes, 0);
  } else if (bytes) {
    ei_flat_set_ref(&t, EI_DATA_BYTES);
  }
  ei_flat_link(&w->w, at, ei_flat_end(&w->w, &t));
  if (w->w.status != EDGE_STATUS_OK || bytes == 0) return;
  if (bytes > inline_bytes) {
    w->uses[w->n_uses].blob = find_blob(w, data, bytes);
    w->uses[w->n_uses++].at = t.at[EI_DATA_OFFSET];
    return;
  }
  const uint32_t first = ei_flat_vector_at(&w->w, t.at[EI_DATA_BYTES], bytes, 1, 8);
  if (w->w.status == EDGE_STATUS_OK) memcpy(w->w.p + first, data, (size_t)bytes);
}

static uint64_t bits_of_f32(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static uint64_t bits_of_f64(double v) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static void write_u32s(writer *w, uint32_t at, const void *values, uint32_t count) {
  const uint32_t first = ei_flat_vector_at(&w->w, at, count, 4, 4);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t v;
    memcpy(&v, (const uint8_t *)values + 4 * (size_t)i, 4);
    ei_flat_put(&w->w, first + 4 * i, 4, v);
  }
}

static void write_u64s(writer *w, uint32_t at, const void *values, uint32_t count) {
  const uint32_t first = ei_flat_vector_at(&w->w, at, count, 8, 8);
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t v;
    memcpy(&v, (const uint8_t *)values + 8 * (size_t)i, 8);
    ei_flat_put(&w->w, first + 8 * i, 8, v);
  }
}

/* An optional string is left out when it is empty. */
static void set_text(ei_flat_table *t, uint32_t slot, const char *text) {
  if (text && *text) ei_flat_set_ref(t, slot);
}
static void fill_text(writer *w, const ei_flat_table *t, uint32_t slot, const char *text) {
  if (t->bytes[slot]) ei_flat_string_at(&w->w, t->at[slot], text);
}

static void write_quant(writer *w, uint32_t at, const edge_quant *q) {
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  const uint64_t bytes = 4 * (uint64_t)q->count;
  const bool large = bytes > INLINE_QUANT;
  const uint32_t scales = large ? EI_QUANT_SCALES_DATA : EI_QUANT_SCALES;
  const uint32_t zeros = large ? EI_QUANT_ZERO_POINTS_DATA : EI_QUANT_ZERO_POINTS;
  ei_flat_set_ref(&t, scales);
  if (q->zero_points) ei_flat_set_ref(&t, zeros);
  ei_flat_set(&t, EI_QUANT_AXIS, 4, (uint32_t)q->axis, 0);
  ei_flat_set(&t, EI_QUANT_BLOCK, 4, q->block, 0);
  ei_flat_link(&w->w, at, ei_flat_end(&w->w, &t));
  if (large) {
    write_data(w, t.at[scales], q->scales, bytes, 0);
    if (q->zero_points) write_data(w, t.at[zeros], q->zero_points, bytes, 0);
  } else {
    write_u32s(w, t.at[scales], q->scales, q->count);
    if (q->zero_points) write_u32s(w, t.at[zeros], q->zero_points, q->count);
  }
}

static uint32_t write_tensor(writer *w, uint32_t i, const void *list) {
  const ei_tensor *const x = (const ei_tensor *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  int64_t dims[EDGE_MAX_RANK];
  for (int32_t d = 0; d < x->rank; ++d)
    dims[d] = x->dims[d] < 0 && x->symbols[d] ? EI_DIM_SYMBOL_BASE - (int64_t)(x->symbols[d] - 1) : x->dims[d];
  set_text(&t, EI_TENSOR_NAME, x->name);
  ei_flat_set(&t, EI_TENSOR_DTYPE, 1, (uint32_t)x->dtype, 0);
  ei_flat_set(&t, EI_TENSOR_ENCODING, 2, (uint32_t)x->encoding, 0);
  ei_flat_set(&t, EI_TENSOR_UNKNOWN_RANK, 1, x->rank == EI_RANK_UNKNOWN, 0);
  if (x->rank > 0) ei_flat_set_ref(&t, EI_TENSOR_DIMS);
  if (x->quant.count) ei_flat_set_ref(&t, EI_TENSOR_QUANT);
  if (x->data) ei_flat_set_ref(&t, EI_TENSOR_DATA);
  ei_flat_set(&t, EI_TENSOR_STATE, 4, x->state, 0);
  const uint32_t at = ei_flat_end(&w->w, &t);
  fill_text(w, &t, EI_TENSOR_NAME, x->name);
  if (x->rank > 0) write_u64s(w, t.at[EI_TENSOR_DIMS], dims, (uint32_t)x->rank);
  if (x->quant.count) write_quant(w, t.at[EI_TENSOR_QUANT], &x->quant);
  if (x->data) write_data(w, t.at[EI_TENSOR_DATA], x->data, x->data_bytes, EI_FORMAT_INLINE_BYTES);
  return at;
}

/* Writes element i of a list; returns its table. */
typedef uint32_t (*write_one)(writer *w, uint32_t i, const void *list);

static void write_list(writer *w, uint32_t at, uint32_t count, write_one one, const void *list) {
  const uint32_t first = ei_flat_vector_at(&w->w, at, count, 4, 4);
  for (uint32_t i = 0; i < count && w->w.status == EDGE_STATUS_OK; ++i)
    ei_flat_link(&w->w, first + 4 * i, one(w, i, list));
}

static uint32_t write_attribute(writer *w, uint32_t i, const void *list) {
  static const uint8_t slot_of[] = { 0, EI_ATTR_F_I, EI_ATTR_F_F, EI_ATTR_F_S, EI_ATTR_F_INTS, EI_ATTR_F_FLOATS };
  const ei_attr *const a = (const ei_attr *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  const uint32_t slot = slot_of[a->kind];
  ei_flat_set_ref(&t, EI_ATTR_F_KEY);
  ei_flat_set(&t, EI_ATTR_F_KIND, 1, a->kind, EI_ATTR_INT);
  if (a->kind == EI_ATTR_INT)
    ei_flat_set(&t, slot, 8, (uint64_t)a->u.i, 0);
  else if (a->kind == EI_ATTR_FLOAT)
    ei_flat_set(&t, slot, 8, bits_of_f64(a->u.f), 0);
  else
    ei_flat_set_ref(&t, slot);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_ATTR_F_KEY], a->key);
  if (a->kind == EI_ATTR_STRING) ei_flat_string_at(&w->w, t.at[slot], a->u.s);
  if (a->kind == EI_ATTR_INTS) write_u64s(w, t.at[slot], a->u.ints, a->count);
  if (a->kind == EI_ATTR_FLOATS) write_u64s(w, t.at[slot], a->u.floats, a->count);
  return at;
}

static uint32_t op_id(writer *w, const ei_op_def *op) {
  if (w->last_op != op) {
    w->last_op = op;
    w->last_id = ei_op_id(op);
  }
  return w->last_id;
}

static uint32_t write_node(writer *w, uint32_t i, const void *list) {
  const ei_node *const n = (const ei_node *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set(&t, EI_NODE_OP, 2, op_id(w, n->op), 0);
  ei_flat_set(&t, EI_NODE_VERSION, 2, n->version, 1);
  set_text(&t, EI_NODE_NAME, n->name);
  if (n->n_in) ei_flat_set_ref(&t, EI_NODE_INPUTS);
  if (n->n_out) ei_flat_set_ref(&t, EI_NODE_OUTPUTS);
  if (n->n_attr) ei_flat_set_ref(&t, EI_NODE_ATTRIBUTES);
  const uint32_t at = ei_flat_end(&w->w, &t);
  fill_text(w, &t, EI_NODE_NAME, n->name);
  if (n->n_in) write_u32s(w, t.at[EI_NODE_INPUTS], n->in, n->n_in);
  if (n->n_out) write_u32s(w, t.at[EI_NODE_OUTPUTS], n->out, n->n_out);
  if (n->n_attr) write_list(w, t.at[EI_NODE_ATTRIBUTES], n->n_attr, write_attribute, n->attr);
  return at;
}

static uint32_t write_subgraph(writer *w, uint32_t i, const void *list) {
  const ei_subgraph *const sg = (const ei_subgraph *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  set_text(&t, EI_SUBGRAPH_NAME, sg->name);
  for (uint32_t s = EI_SUBGRAPH_TENSORS; s <= EI_SUBGRAPH_OUTPUTS; ++s) ei_flat_set_ref(&t, s);
  const uint32_t at = ei_flat_end(&w->w, &t);
  fill_text(w, &t, EI_SUBGRAPH_NAME, sg->name);
  write_list(w, t.at[EI_SUBGRAPH_TENSORS], sg->n_tensors, write_tensor, sg->tensors);
  write_list(w, t.at[EI_SUBGRAPH_NODES], sg->n_nodes, write_node, sg->nodes);
  write_u32s(w, t.at[EI_SUBGRAPH_INPUTS], sg->inputs, sg->n_inputs);
  write_u32s(w, t.at[EI_SUBGRAPH_OUTPUTS], sg->outputs, sg->n_outputs);
  return at;
}

static uint32_t write_symbol(writer *w, uint32_t i, const void *list) {
  const ei_symbol *const s = (const ei_symbol *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&t, EI_SYMBOL_NAME);
  ei_flat_set(&t, EI_SYMBOL_LO, 8, (uint64_t)s->lo, 0);
  ei_flat_set(&t, EI_SYMBOL_HI, 8, (uint64_t)s->hi, UINT64_MAX);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_SYMBOL_NAME], s->name);
  return at;
}

static uint32_t write_state(writer *w, uint32_t i, const void *list) {
  const ei_state *const s = (const ei_state *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  set_text(&t, EI_STATE_NAME, s->name);
  ei_flat_set(&t, EI_STATE_DTYPE, 1, (uint32_t)s->dtype, 0);
  if (s->rank > 0) ei_flat_set_ref(&t, EI_STATE_DIMS);
  if (s->init) ei_flat_set_ref(&t, EI_STATE_INIT);
  const uint32_t at = ei_flat_end(&w->w, &t);
  fill_text(w, &t, EI_STATE_NAME, s->name);
  if (s->rank > 0) write_u64s(w, t.at[EI_STATE_DIMS], s->dims, (uint32_t)s->rank);
  if (s->init) write_data(w, t.at[EI_STATE_INIT], s->init, s->init_bytes, EI_FORMAT_INLINE_BYTES);
  return at;
}

static uint32_t write_entry(writer *w, uint32_t i, const void *list) {
  const ei_entry *const e = (const ei_entry *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&t, EI_ENTRY_NAME);
  ei_flat_set(&t, EI_ENTRY_SUBGRAPH, 4, e->subgraph, 0);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_ENTRY_NAME], e->name);
  return at;
}

static uint32_t write_metadata(writer *w, uint32_t i, const void *list) {
  const ei_metadata *const m = (const ei_metadata *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&t, EI_METADATA_KEY);
  ei_flat_set_ref(&t, EI_METADATA_VALUE);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_METADATA_KEY], m->key);
  write_data(w, t.at[EI_METADATA_VALUE], m->value, m->bytes, INLINE_METADATA);
  return at;
}

static uint32_t write_value(writer *w, uint32_t i, const void *list) {
  const ei_golden_value *const v = (const ei_golden_value *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set(&t, EI_VALUE_DTYPE, 1, (uint32_t)v->dtype, 0);
  if (v->rank > 0) ei_flat_set_ref(&t, EI_VALUE_DIMS);
  ei_flat_set_ref(&t, EI_VALUE_DATA);
  const uint32_t at = ei_flat_end(&w->w, &t);
  if (v->rank > 0) write_u64s(w, t.at[EI_VALUE_DIMS], v->dims, (uint32_t)v->rank);
  write_data(w, t.at[EI_VALUE_DATA], v->data, v->data_bytes, EI_FORMAT_INLINE_BYTES);
  return at;
}

static uint32_t write_golden(writer *w, uint32_t i, const void *list) {
  const ei_golden *const v = (const ei_golden *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  set_text(&t, EI_GOLDEN_NAME, v->name);
  ei_flat_set(&t, EI_GOLDEN_ENTRY, 4, v->entry, 0);
  ei_flat_set_ref(&t, EI_GOLDEN_INPUTS);
  ei_flat_set_ref(&t, EI_GOLDEN_OUTPUTS);
  ei_flat_set(&t, EI_GOLDEN_ABS, 4, bits_of_f32(v->abs_tolerance), 0);
  ei_flat_set(&t, EI_GOLDEN_REL, 4, bits_of_f32(v->rel_tolerance), 0);
  const uint32_t at = ei_flat_end(&w->w, &t);
  fill_text(w, &t, EI_GOLDEN_NAME, v->name);
  write_list(w, t.at[EI_GOLDEN_INPUTS], v->n_inputs, write_value, v->inputs);
  write_list(w, t.at[EI_GOLDEN_OUTPUTS], v->n_outputs, write_value, v->outputs);
  return at;
}

static uint32_t write_prepared(writer *w, uint32_t i, const void *list) {
  const ei_prepared *const p = (const ei_prepared *)list + i;
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&t, EI_PREPARED_TARGET);
  if (p->key_bytes) ei_flat_set_ref(&t, EI_PREPARED_KEY);
  ei_flat_set_ref(&t, EI_PREPARED_DATA);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_PREPARED_TARGET], p->target);
  if (p->key_bytes) {
    const uint32_t first = ei_flat_vector_at(&w->w, t.at[EI_PREPARED_KEY], p->key_bytes, 1, 4);
    if (w->w.status == EDGE_STATUS_OK) memcpy(w->w.p + first, p->key, p->key_bytes);
  }
  write_data(w, t.at[EI_PREPARED_DATA], p->data, p->bytes, 0); /* used in place: aligned like every segment */
  return at;
}

static uint32_t write_operator(writer *w, uint32_t i, const void *list) {
  const ei_op_def *const op = ei_op_at(((const uint32_t *)list)[i]);
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set(&t, EI_OPERATOR_OP, 2, ei_op_id(op), 0);
  ei_flat_set_ref(&t, EI_OPERATOR_NAME);
  const uint32_t at = ei_flat_end(&w->w, &t);
  ei_flat_string_at(&w->w, t.at[EI_OPERATOR_NAME], op->name);
  return at;
}

/* Rows of the operator table that the graph uses, in order. */
static edge_status used_operators(writer *w, uint32_t **out, uint32_t *count) {
  const uint32_t total = ei_op_count();
  uint8_t *const used = ei_arena_get(w->arena, (uint64_t)total + 1, 1);
  *out = EI_NEW_ARRAY(w->arena, uint32_t, (uint64_t)total + 1);
  if (!used || !*out) return EDGE_STATUS_OUT_OF_MEMORY;
  const ei_op_def *last = NULL;
  for (uint32_t s = 0; s < w->g->n_subgraphs; ++s)
    for (uint32_t i = 0; i < w->g->subgraphs[s].n_nodes; ++i) {
      const ei_op_def *const op = w->g->subgraphs[s].nodes[i].op;
      for (uint32_t row = 0; op != last && row < total; ++row)
        if (ei_op_at(row) == op) used[row] = 1;
      last = op;
    }
  *count = 0;
  for (uint32_t row = 0; row < total; ++row)
    if (used[row]) (*out)[(*count)++] = row;
  return EDGE_STATUS_OK;
}

static void write_model(writer *w, const uint32_t *ops, uint32_t n_ops) {
  static const char producer[] = "EdgeRT";
  const ei_graph *const g = w->g;
  const struct {
    uint32_t slot, count;
    write_one one;
    const void *list;
  } lists[] = {
    { EI_MODEL_SYMBOLS, g->n_symbols, write_symbol, g->symbols },
    { EI_MODEL_STATES, g->n_states, write_state, g->states },
    { EI_MODEL_SUBGRAPHS, g->n_subgraphs, write_subgraph, g->subgraphs },
    { EI_MODEL_ENTRIES, g->n_entries, write_entry, g->entries },
    { EI_MODEL_METADATA, g->n_metadata, write_metadata, g->metadata },
    { EI_MODEL_GOLDEN, g->n_golden, write_golden, g->golden },
    { EI_MODEL_PREPARED, g->n_prepared, write_prepared, g->prepared },
    { EI_MODEL_OPERATORS, n_ops, write_operator, ops },
  };
  ei_flat_table t = { { 0 }, { 0 }, { 0 } };
  ei_flat_set(&t, EI_MODEL_FEATURES, 8, g->required_features, 0);
  ei_flat_set_ref(&t, EI_MODEL_PRODUCER);
  for (uint32_t i = 0; i < EI_COUNT(lists); ++i)
    if (lists[i].count) ei_flat_set_ref(&t, lists[i].slot);
  ei_flat_link(&w->w, 4, ei_flat_end(&w->w, &t));
  ei_flat_string_at(&w->w, t.at[EI_MODEL_PRODUCER], g->producer && *g->producer ? g->producer : producer);
  for (uint32_t i = 0; i < EI_COUNT(lists); ++i)
    if (lists[i].count) write_list(w, t.at[lists[i].slot], lists[i].count, lists[i].one, lists[i].list);
}

/* Places of the segments, now that the size of the metadata is known. */
static edge_status place_segments(writer *w, edge_segment **segments, uint32_t *count) {
  uint64_t end = w->w.size;
  edge_segment *const list = EI_NEW_ARRAY(w->arena, edge_segment, w->n_blobs + 1);
  if (!list) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint64_t i = 0; i < w->n_blobs; ++i) {
    if (!ei_align_u64(end, EI_FORMAT_SEGMENT_ALIGN, &w->blobs[i].offset) ||
        !ei_add_u64(w->blobs[i].offset, w->blobs[i].bytes, &end) || end > (uint64_t)INT64_MAX)
      return EDGE_STATUS_LIMIT_EXCEEDED;
    list[i].data = w->blobs[i].data;
    list[i].bytes = w->blobs[i].bytes;
    list[i].offset = w->blobs[i].offset;
  }
  for (uint64_t i = 0; i < w->n_uses; ++i) ei_flat_put(&w->w, w->uses[i].at, 8, w->blobs[w->uses[i].blob].offset);
  *segments = list;
  *count = (uint32_t)w->n_blobs;
  return EDGE_STATUS_OK;
}

static edge_status write_all(writer *w, const void **metadata, uint64_t *bytes, edge_segment **segments,
                             uint32_t *count) {
  uint32_t *ops, n_ops;
  EI_TRY(used_operators(w, &ops, &n_ops));
  ei_flat_write_begin(&w->w, w->arena->alloc);
  write_model(w, ops, n_ops);
  ei_flat_write_finish(&w->w);
  EI_TRY(w->w.status);
  EI_TRY(place_segments(w, segments, count));
  void *const copy = ei_arena_get(w->arena, w->w.size, 64);
  if (!copy) return EDGE_STATUS_OUT_OF_MEMORY;
  memcpy(copy, w->w.p, (size_t)w->w.size);
  *metadata = copy;
  *bytes = w->w.size;
  return EDGE_STATUS_OK;
}

edge_status ei_format_write(const ei_graph *g, ei_arena *arena, const void **metadata, uint64_t *metadata_bytes,
                            edge_segment **segments, uint32_t *num_segments, edge_error *err) {
  writer w;
  memset(&w, 0, sizeof w);
  w.g = g;
  w.arena = arena;
  w.last_id = EI_NONE;
  *metadata = NULL;
  *metadata_bytes = 0;
  *segments = NULL;
  *num_segments = 0;
  EI_TRY(ei_graph_verify(g, err));
  const uint64_t most = count_data(g);
  if (most >= UINT32_MAX / 4)
    return ei_fail(err, EDGE_STATUS_LIMIT_EXCEEDED, "the graph has too many tensors for a file");
  w.n_slots = 16;
  while (w.n_slots < 2 * most) w.n_slots *= 2;
  ei_alloc *const alloc = arena->alloc;
  w.blobs = ei_alloc_get(alloc, most * sizeof *w.blobs, 16);
  w.uses = ei_alloc_get(alloc, most * sizeof *w.uses, 16);
  w.slots = ei_alloc_get(alloc, w.n_slots * sizeof *w.slots, 16);
  edge_status status = EDGE_STATUS_OUT_OF_MEMORY;
  w.w.alloc = alloc;
  if (w.blobs && w.uses && w.slots) status = write_all(&w, metadata, metadata_bytes, segments, num_segments);
  ei_flat_write_free(&w.w);
  ei_alloc_put(alloc, w.blobs, most * sizeof *w.blobs, 16);
  ei_alloc_put(alloc, w.uses, most * sizeof *w.uses, 16);
  ei_alloc_put(alloc, w.slots, w.n_slots * sizeof *w.slots, 16);
  if (status == EDGE_STATUS_OUT_OF_MEMORY) return ei_fail(err, status, "no memory to write the model");
  if (status == EDGE_STATUS_LIMIT_EXCEEDED)
    return ei_fail(err, status, "the model's metadata is larger than 2 GiB; move data into segments");
  return status;
}
