/* SPDX-License-Identifier: Apache-2.0
 * What makes two models the same one: entry points, state, operators, attributes, shapes and weights. Metadata, golden
 * vectors and prepared weights do not count. Large constants are sampled, so that nothing is read from a disk for
 * long. */
#include "../ops/op.h"

enum { SAMPLES = 16, SAMPLE_BYTES = 256 };

static void put(ei_hash *h, const void *data, uint64_t bytes) {
  const ei_hash next = ei_hash_bytes(data, bytes, h->lo);
  h->lo = next.lo ^ (h->hi << 27 | h->hi >> 37);
  h->hi = next.hi + h->hi * UINT64_C(0x9e3779b97f4a7c15);
}

static void put_u64(ei_hash *h, uint64_t v) {
  put(h, &v, sizeof v);
}

static void put_text(ei_hash *h, const char *text) {
  put(h, text ? text : "", text ? strlen(text) : 0);
}

static void put_shape(ei_hash *h, int32_t dtype, int32_t rank, const int64_t *dims) {
  put_u64(h, (uint64_t)(int64_t)dtype);
  put_u64(h, (uint64_t)(int64_t)rank);
  if (rank > 0) put(h, dims, (uint64_t)rank * sizeof *dims);
}

static void put_bytes(ei_hash *h, const void *data, uint64_t bytes) {
  const unsigned char *const p = data;
  put_u64(h, bytes);
  if (!p) return;
  if (bytes <= SAMPLES * SAMPLE_BYTES) {
    put(h, p, bytes);
    return;
  }
  const uint64_t stride = (bytes - SAMPLE_BYTES) / (SAMPLES - 1);
  for (uint64_t i = 0; i + 1 < SAMPLES; ++i) put(h, p + i * stride, SAMPLE_BYTES);
  put(h, p + bytes - SAMPLE_BYTES, SAMPLE_BYTES);
}

static void put_tensor(ei_hash *h, const ei_tensor *t) {
  const edge_quant *const q = &t->quant;
  put_text(h, t->name);
  put_shape(h, t->dtype, t->rank, t->dims);
  put_u64(h, (uint64_t)t->encoding << 32 | t->state);
  put_u64(h, (uint64_t)q->count << 32 | q->block);
  put_u64(h, (uint64_t)(int64_t)q->axis);
  if (q->count) put_bytes(h, q->scales, (uint64_t)q->count * sizeof *q->scales);
  if (q->count && q->zero_points) put_bytes(h, q->zero_points, (uint64_t)q->count * sizeof *q->zero_points);
  put_bytes(h, t->data, t->data_bytes);
}

static void put_attr(ei_hash *h, const ei_attr *a) {
  put_text(h, a->key);
  put_u64(h, a->kind);
  switch (a->kind) {
  case EI_ATTR_INT: put_u64(h, (uint64_t)a->u.i); break;
  case EI_ATTR_FLOAT: put(h, &a->u.f, sizeof a->u.f); break;
  case EI_ATTR_STRING: put(h, a->u.s, a->count); break;
  case EI_ATTR_INTS: put(h, a->u.ints, (uint64_t)a->count * sizeof *a->u.ints); break;
  default: put(h, a->u.floats, (uint64_t)a->count * sizeof *a->u.floats); break;
  }
}

static void put_subgraph(ei_hash *h, const ei_subgraph *sg) {
  put_u64(h, (uint64_t)sg->n_tensors << 32 | sg->n_nodes);
  put_u64(h, (uint64_t)sg->n_inputs << 32 | sg->n_outputs);
  put(h, sg->inputs, (uint64_t)sg->n_inputs * sizeof *sg->inputs);
  put(h, sg->outputs, (uint64_t)sg->n_outputs * sizeof *sg->outputs);
  for (uint32_t i = 0; i < sg->n_tensors; ++i) put_tensor(h, &sg->tensors[i]);
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    put_text(h, n->op->name);
    put_u64(h, (uint64_t)n->version << 32 | n->n_attr);
    put_u64(h, (uint64_t)n->n_in << 32 | n->n_out);
    put(h, n->in, (uint64_t)n->n_in * sizeof *n->in);
    put(h, n->out, (uint64_t)n->n_out * sizeof *n->out);
    for (uint32_t a = 0; a < n->n_attr; ++a) put_attr(h, &n->attr[a]);
  }
}

ei_hash ei_graph_identity(const ei_graph *g) {
  ei_hash h = { UINT64_C(0x45444745), g->required_features };
  put_u64(&h, (uint64_t)g->n_entries << 32 | g->n_states);
  for (uint32_t i = 0; i < g->n_entries; ++i) {
    put_text(&h, g->entries[i].name);
    put_u64(&h, g->entries[i].subgraph);
  }
  for (uint32_t i = 0; i < g->n_states; ++i) {
    const ei_state *const s = &g->states[i];
    put_text(&h, s->name);
    put_shape(&h, s->dtype, s->rank, s->dims);
    put_bytes(&h, s->init, s->init ? s->init_bytes : 0);
  }
  for (uint32_t i = 0; i < g->n_subgraphs; ++i) put_subgraph(&h, &g->subgraphs[i]);
  return h;
}
