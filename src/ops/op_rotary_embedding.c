/* SPDX-License-Identifier: Apache-2.0
 * RotaryEmbedding: rotates pairs of each head by position-dependent angles, given as cosines and sines. */
#include "rows.h"

static const ei_attr_def attrs[] = {
  { "interleaved", EI_ATTR_INT, 0 }, { "heads", EI_ATTR_INT, 0 }, { "rotary_dim", EI_ATTR_INT, 0 }, { NULL, 0, 0 }
};

enum { IN_X, IN_COS, IN_SIN, IN_IDS };

typedef struct shape {
  int64_t batch, heads, length, size, rotated; /* -1 unknown */
  bool flat;
} shape;

/* Caches are [positions, rotated / 2] with ids [B, S], or [B, S, rotated / 2] without. */
static edge_status check_caches(ei_op_ctx *c, const shape *s) {
  const int64_t half = s->rotated >= 0 ? s->rotated / 2 : -1;
  const bool ids = ei_op_has(c, IN_IDS);
  const int64_t table[2] = { -1, half }, direct[3] = { s->batch, s->length, half },
                id_dims[2] = { s->batch, s->length };
  for (uint32_t i = IN_COS; i <= IN_SIN; ++i) EI_TRY(ei_op_need_dims(c, i, ids ? 2 : 3, ids ? table : direct));
  EI_TRY(ei_op_need_dims(c, IN_IDS, 2, id_dims));
  if (ei_op_shape_known(&c->in[IN_COS]) && ei_op_shape_known(&c->in[IN_SIN]) &&
      !ei_op_same_shape(&c->in[IN_COS], &c->in[IN_SIN]))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "cosines and sines have different shapes");
  return EDGE_STATUS_OK;
}

static edge_status read_shape(ei_op_ctx *c, shape *s) {
  const edge_tensor *const x = &c->in[IN_X];
  const int64_t heads = ei_op_int(c, "heads"), rotated = ei_op_int(c, "rotary_dim");
  EI_TRY(ei_op_need_rank(c, IN_X, 3, 4));
  s->batch = s->heads = s->length = s->size = -1;
  s->flat = x->rank == 3;
  if (x->rank >= 0) {
    s->batch = x->dims[0];
    s->heads = s->flat ? heads : x->dims[1];
    s->length = x->dims[s->flat ? 1 : 2];
    s->size = x->dims[x->rank - 1];
  }
  if (s->flat && heads < 1) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "an input of rank 3 needs heads");
  if (s->flat && s->size >= 0) {
    if (s->size % heads != 0)
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input 0 does not divide into %lld heads", (long long)heads);
    s->size /= heads;
  }
  s->rotated = rotated == 0 ? s->size : rotated;
  if (rotated < 0 || (s->rotated >= 0 && s->rotated % 2 != 0) || (s->size >= 0 && s->rotated > s->size))
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld of %lld elements cannot be rotated in pairs",
                      (long long)s->rotated, (long long)s->size);
  return check_caches(c, s);
}

static edge_status infer(ei_op_ctx *c) {
  shape s;
  for (uint32_t i = IN_X; i <= IN_SIN; ++i) {
    if (!ei_dtype_is_float(c->in[i].dtype))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u must be a float, not %s", i,
                        edge_dtype_name(c->in[i].dtype));
  }
  if (ei_op_has(c, IN_IDS) && !ei_dtype_is_int(c->in[IN_IDS].dtype))
    return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "positions must be integers");
  EI_TRY(read_shape(c, &s));
  ei_op_set_shape(&c->out[0], c->in[IN_X].dtype, c->in[IN_X].rank, c->in[IN_X].dims);
  return EDGE_STATUS_OK;
}

static void rotate(ei_op_ctx *c, const shape *s, uint64_t at, uint64_t angle) {
  const edge_tensor *const x = &c->in[IN_X];
  const int64_t half = s->rotated / 2;
  const bool interleaved = ei_op_int(c, "interleaved") != 0;
  for (int64_t k = 0; k < half; ++k) {
    const uint64_t i0 = at + (uint64_t)(interleaved ? 2 * k : k),
                   i1 = at + (uint64_t)(interleaved ? 2 * k + 1 : half + k);
    const double cosine = ei_real(&c->in[IN_COS], angle + (uint64_t)k),
                 sine = ei_real(&c->in[IN_SIN], angle + (uint64_t)k);
    const double a = ei_real(x, i0), b = ei_real(x, i1);
    ei_set_real(&c->out[0], i0, cosine * a - sine * b);
    ei_set_real(&c->out[0], i1, sine * a + cosine * b);
  }
  for (int64_t k = s->rotated; k < s->size; ++k)
    ei_set_real(&c->out[0], at + (uint64_t)k, ei_real(x, at + (uint64_t)k));
}

static edge_status eval(ei_op_ctx *c) {
  shape s;
  EI_TRY(read_shape(c, &s));
  const int64_t half = s.rotated / 2;
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t i = 0; i < s.length; ++i) {
      int64_t row = b * s.length + i;
      if (ei_op_has(c, IN_IDS)) {
        row = ei_load_s64(&c->in[IN_IDS], (uint64_t)row);
        if (row < 0 || row >= c->in[IN_COS].dims[0])
          return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "position %lld is not in [0, %lld)", (long long)row,
                            (long long)c->in[IN_COS].dims[0]);
      }
      for (int64_t head = 0; head < s.heads; ++head) {
        const int64_t vector = s.flat ? (b * s.length + i) * s.heads + head : (b * s.heads + head) * s.length + i;
        rotate(c, &s, (uint64_t)(vector * s.size), (uint64_t)(row * half));
      }
    }
  }
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_RotaryEmbedding = {
  .name = "RotaryEmbedding",
  .min_in = 3,
  .max_in = 4,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .optional_in = 8,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
