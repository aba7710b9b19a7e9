/* SPDX-License-Identifier: Apache-2.0
 * Semantic rules of tensors, symbols, states and golden vectors. */
#include "graph_verify.h"
#include "../ops/op.h"

/* A type with an encoding that this build knows. */
static edge_status check_type(const char *what, const char *name, uint32_t index, int32_t dtype, int32_t encoding,
                              edge_error *err) {
  if (dtype <= EDGE_DTYPE_NONE || dtype >= EDGE_DTYPE_COUNT)
    return ei_fail_node(err, EDGE_STATUS_UNSUPPORTED_TYPE, EI_NONE, index, "%s '%s' has an unknown element type %d",
                        what, name, (int)dtype);
  if (ei_encoding_get(dtype, encoding) == NULL)
    return ei_fail_node(err, EDGE_STATUS_UNSUPPORTED_TYPE, EI_NONE, index,
                        "%s '%s' has encoding %d, which this build does not know for type %s", what, name,
                        (int)encoding, edge_dtype_name(dtype));
  return EDGE_STATUS_OK;
}

/* Bytes of a shape whose unknown dims count as 1; false when it cannot exist. *known: all dims are fixed. */
static bool shape_bytes(int32_t dtype, int32_t encoding, int32_t rank, const int64_t *dims, bool *known,
                        uint64_t *bytes) {
  int64_t fixed[EDGE_MAX_RANK];
  const ei_encoding *const e = ei_encoding_get(dtype, encoding);
  size_t size;
  *known = true;
  for (int32_t i = 0; i < rank; ++i) {
    fixed[i] = dims[i];
    if (dims[i] == EI_DIM_UNKNOWN) {
      fixed[i] = i == rank - 1 ? (int64_t)e->block_elements : 1; /* the least that a row may hold */
      *known = false;
    }
  }
  return ei_tensor_bytes(dtype, encoding, fixed, rank, bytes) && ei_to_size(*bytes, &size);
}

static edge_status check_shape(const ei_graph *g, uint32_t index, const ei_tensor *t, bool *known, uint64_t *bytes,
                               edge_error *err) {
  if (t->rank < EI_RANK_UNKNOWN || t->rank > EDGE_MAX_RANK)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor '%s' has an impossible rank %d", t->name,
                        (int)t->rank);
  *known = false;
  *bytes = 0;
  if (t->rank == EI_RANK_UNKNOWN) return EDGE_STATUS_OK;
  for (int32_t i = 0; i < t->rank; ++i) {
    if (t->dims[i] < EI_DIM_UNKNOWN)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "dimension %d of tensor '%s' is negative", (int)i,
                          t->name);
    if (t->symbols[i] > g->n_symbols)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "dimension %d of tensor '%s' names symbol %u of %u", (int)i, t->name, t->symbols[i] - 1,
                          g->n_symbols);
  }
  if (!shape_bytes(t->dtype, t->encoding, t->rank, t->dims, known, bytes))
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "the size of tensor '%s' is out of range, or its rows are not whole blocks", t->name);
  return EDGE_STATUS_OK;
}

/* How many scales per-axis or block quantization of this shape has; 0: impossible. */
static uint64_t expected_scales(const ei_tensor *t) {
  const edge_quant *const q = &t->quant;
  if (q->axis < 0 || q->axis >= t->rank) return 0;
  uint64_t count = 1;
  for (int32_t i = 0; i < t->rank; ++i) {
    if (i != q->axis && q->block == 0) continue;
    if (t->dims[i] < 0) return 0;
    uint64_t n = (uint64_t)t->dims[i];
    if (i == q->axis && q->block) n = n / q->block + (n % q->block != 0 ? 1u : 0u);
    if (!ei_mul_u64(count, n, &count)) return 0;
  }
  return count;
}

static edge_status check_quant(uint32_t index, const ei_tensor *t, edge_error *err) {
  const edge_quant *const q = &t->quant;
  double lo, hi;
  if (q->count == 0) return EDGE_STATUS_OK;
  if (q->scales == NULL)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor '%s' has quantization without scales",
                        t->name);
  if (!ei_dtype_is_int(t->dtype) || !ei_dtype_range(t->dtype, &lo, &hi))
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "tensor '%s' of type %s has quantization; only integers can", t->name,
                        edge_dtype_name(t->dtype));
  if (q->count > 1 || q->block > 0) {
    const uint64_t expected = expected_scales(t);
    if (expected == 0 && (q->axis < 0 || q->axis >= t->rank))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "tensor '%s' is quantized along axis %d but has rank %d", t->name, (int)q->axis,
                          (int)t->rank);
    if (expected != q->count)
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "tensor '%s' has %u scales; its shape needs %llu along axis %d", t->name, q->count,
                          (unsigned long long)expected, (int)q->axis);
  }
  for (uint32_t i = 0; i < q->count; ++i) {
    if (!(q->scales[i] > 0.0f && q->scales[i] <= 3.402823466e+38f))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "scale %u of tensor '%s' is %g; it must be finite and above 0", i, t->name,
                          (double)q->scales[i]);
    if (q->zero_points && ((double)q->zero_points[i] < lo || (double)q->zero_points[i] > hi))
      return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                          "zero point %u of tensor '%s' is %d, outside type %s", i, t->name, (int)q->zero_points[i],
                          edge_dtype_name(t->dtype));
  }
  return EDGE_STATUS_OK;
}

static edge_status check_state_tensor(const ei_graph *g, uint32_t index, const ei_tensor *t, edge_error *err) {
  if (t->state > g->n_states)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor '%s' names state %u of %u", t->name,
                        t->state - 1, g->n_states);
  if (t->data)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor '%s' is a constant and a state at once",
                        t->name);
  const ei_state *const s = &g->states[t->state - 1];
  if (t->dtype != s->dtype || t->encoding != EDGE_ENCODING_NATIVE || t->rank != s->rank ||
      memcmp(t->dims, s->dims, (size_t)s->rank * sizeof *t->dims) != 0)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "tensor '%s' differs in type or shape from its state '%s'", t->name, s->name);
  return EDGE_STATUS_OK;
}

static edge_status check_constant(uint32_t index, const ei_tensor *t, bool known, uint64_t bytes, edge_error *err) {
  if (!known)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index, "constant '%s' has no fixed shape", t->name);
  if (t->data_bytes != bytes)
    return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "constant '%s' has %llu bytes; its shape and type need %llu", t->name,
                        (unsigned long long)t->data_bytes, (unsigned long long)bytes);
  if (t->dtype == EDGE_DTYPE_BOOL)
    for (uint64_t i = 0; i < bytes; ++i)
      if (((const uint8_t *)t->data)[i] > 1)
        return ei_fail_node(err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                            "constant '%s' is bool but holds another value than 0 and 1", t->name);
  return EDGE_STATUS_OK;
}

edge_status ei_verify_tensor(const ei_graph *g, uint32_t index, const ei_tensor *t, edge_error *err) {
  bool known = false;
  uint64_t bytes = 0;
  EI_TRY(check_type("tensor", t->name, index, t->dtype, t->encoding, err));
  EI_TRY(check_shape(g, index, t, &known, &bytes, err));
  EI_TRY(check_quant(index, t, err));
  if (t->state) EI_TRY(check_state_tensor(g, index, t, err));
  return t->data ? check_constant(index, t, known, bytes, err) : EDGE_STATUS_OK;
}

edge_status ei_verify_symbol(const ei_symbol *s, edge_error *err) {
  if (s->name[0] == '\0') return ei_fail(err, EDGE_STATUS_MALFORMED, "a symbol has no name");
  if (s->lo < 0 || s->hi < -1 || (s->hi >= 0 && s->hi < s->lo))
    return ei_fail(err, EDGE_STATUS_MALFORMED, "symbol '%s' has impossible bounds %lld..%lld", s->name,
                   (long long)s->lo, (long long)s->hi);
  return EDGE_STATUS_OK;
}

edge_status ei_verify_state(const ei_state *s, edge_error *err) {
  bool known = false;
  uint64_t bytes = 0;
  EI_TRY(check_type("state", s->name, EI_NONE, s->dtype, EDGE_ENCODING_NATIVE, err));
  if (s->rank < 0 || s->rank > EDGE_MAX_RANK ||
      !shape_bytes(s->dtype, EDGE_ENCODING_NATIVE, s->rank, s->dims, &known, &bytes) || !known)
    return ei_fail(err, EDGE_STATUS_MALFORMED, "the size of state '%s' is out of range or not fixed", s->name);
  if (s->init && s->init_bytes != bytes)
    return ei_fail(err, EDGE_STATUS_MALFORMED, "the initial value of state '%s' has %llu bytes; its shape needs %llu",
                   s->name, (unsigned long long)s->init_bytes, (unsigned long long)bytes);
  return EDGE_STATUS_OK;
}

static edge_status check_value(const ei_golden *v, const char *kind, uint32_t i, const ei_golden_value *got,
                               const ei_tensor *want, edge_error *err) {
  bool known = false;
  uint64_t bytes = 0;
  EI_TRY(check_type("golden vector", v->name, EI_NONE, got->dtype, EDGE_ENCODING_NATIVE, err));
  bool fits = got->dtype == want->dtype && got->rank >= 0 && got->rank <= EDGE_MAX_RANK &&
              (want->rank == EI_RANK_UNKNOWN || want->rank == got->rank);
  for (int32_t d = 0; fits && d < got->rank && want->rank >= 0; ++d)
    fits = want->dims[d] < 0 || want->dims[d] == got->dims[d];
  if (!fits)
    return ei_fail(err, EDGE_STATUS_MALFORMED, "%s %u of golden vector '%s' does not fit tensor '%s'", kind, i, v->name,
                   want->name);
  if (!shape_bytes(got->dtype, EDGE_ENCODING_NATIVE, got->rank, got->dims, &known, &bytes) || !known ||
      bytes != got->data_bytes)
    return ei_fail(err, EDGE_STATUS_MALFORMED, "%s %u of golden vector '%s' has %llu bytes; its shape needs %llu", kind,
                   i, v->name, (unsigned long long)got->data_bytes, (unsigned long long)bytes);
  return EDGE_STATUS_OK;
}

edge_status ei_verify_golden(const ei_graph *g, const ei_golden *v, edge_error *err) {
  if (v->entry >= g->n_entries)
    return ei_fail(err, EDGE_STATUS_MALFORMED, "golden vector '%s' names entry %u of %u", v->name, v->entry,
                   g->n_entries);
  const ei_subgraph *const sg = &g->subgraphs[g->entries[v->entry].subgraph];
  if (v->n_inputs != sg->n_inputs || v->n_outputs != sg->n_outputs)
    return ei_fail(err, EDGE_STATUS_MALFORMED,
                   "golden vector '%s' has %u inputs and %u outputs; its entry has %u and %u", v->name, v->n_inputs,
                   v->n_outputs, sg->n_inputs, sg->n_outputs);
  if (!(v->abs_tolerance >= 0.0f && v->abs_tolerance <= 3.402823466e+38f && v->rel_tolerance >= 0.0f &&
        v->rel_tolerance <= 3.402823466e+38f))
    return ei_fail(err, EDGE_STATUS_MALFORMED, "golden vector '%s' has an impossible tolerance", v->name);
  for (uint32_t i = 0; i < v->n_inputs; ++i)
    EI_TRY(check_value(v, "input", i, &v->inputs[i], &sg->tensors[sg->inputs[i]], err));
  for (uint32_t i = 0; i < v->n_outputs; ++i)
    EI_TRY(check_value(v, "output", i, &v->outputs[i], &sg->tensors[sg->outputs[i]], err));
  return EDGE_STATUS_OK;
}
