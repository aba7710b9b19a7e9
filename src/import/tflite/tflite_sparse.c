/* SPDX-License-Identifier: Apache-2.0
 * Constants stored sparse: spread out when the file is read, so that nothing else knows of them.
 *
 * The stored dimensions are those of the tensor, some divided into blocks, in some order; each is dense, or a list of
 * indices for every place of the dimensions before it (compressed rows). */
#include "tflite.h"

enum { MAX_LEVELS = 2 * EDGE_MAX_RANK, MAX_GROWTH = 256 };

typedef struct level {
  uint32_t dim; /* stored dimension: below the rank one of the tensor (its blocks), else inside a block */
  int64_t size;
  bool sparse;
  fb_vector segments, indices;
  uint32_t segment_bytes, index_bytes;
  int64_t next; /* index that the next segment must begin with: each is visited once */
} level;

typedef struct sparse {
  level levels[MAX_LEVELS];
  uint32_t n_levels, rank;
  uint32_t block_of[EDGE_MAX_RANK]; /* tensor dimension of block dimension i */
  int64_t block[EDGE_MAX_RANK];     /* size of a block by tensor dimension */
  int64_t stride[MAX_LEVELS];       /* elements of the result, by stored dimension */
  const uint8_t *from;
  uint8_t *to;
  uint64_t values, used;
  uint32_t width; /* bytes of an element */
} sparse;

/* Field `type`: 1 32-bit, 2 16-bit, 3 8-bit; the vector is field 0 of the table after it. */
static fb_vector index_vector(fb_table t, uint32_t type, uint32_t *bytes) {
  static const uint32_t widths[4] = { 0, 4, 2, 1 };
  const uint32_t kind = fb_u8(t, type, 0);
  *bytes = kind < 4 ? widths[kind] : 0;
  const fb_vector none = { NULL, 0, 0, false };
  return *bytes ? fb_vec(fb_sub(t, type + 1), 0, *bytes) : none;
}

static int64_t index_at(fb_vector v, uint32_t bytes, uint64_t i) {
  const uint8_t *const p = v.data + i * bytes;
  if (bytes == 1) return p[0];
  if (bytes == 2) return p[0] | p[1] << 8;
  return (int32_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static bool read_levels(fb_buffer *fb, fb_table t, const ei_tensor *like, sparse *s) {
  const fb_vector order = fb_vec(t, 0, 4), map = fb_vec(t, 1, 4), dims = fb_vec(t, 2, 4);
  uint32_t seen = 0, blocked = 0;
  s->rank = (uint32_t)like->rank;
  s->n_levels = s->rank + map.count;
  if (map.count > s->rank || order.count != s->n_levels || dims.count != s->n_levels || s->rank == 0) return false;
  for (uint32_t i = 0; i < s->rank; ++i) s->block[i] = 1;
  for (uint32_t i = 0; i < s->n_levels; ++i) {
    const int32_t dim = fb_vec_s32(order, i);
    if (dim < 0 || (uint32_t)dim >= s->n_levels || (seen >> dim & 1)) return false;
    seen |= 1u << dim;
    level *const l = &s->levels[i];
    const fb_table d = fb_vec_table(fb, dims, i);
    l->dim = (uint32_t)dim;
    l->sparse = fb_s8(d, 0, 0) == 1;
    l->size = fb_s32(d, 1, 0);
    if (l->sparse) l->segments = index_vector(d, 2, &l->segment_bytes);
    if (l->sparse) l->indices = index_vector(d, 4, &l->index_bytes);
    if (l->sparse && (!l->segment_bytes || !l->index_bytes)) return false;
    if (l->dim < s->rank) continue;
    const int32_t of = fb_vec_s32(map, l->dim - s->rank);
    if (l->sparse || l->size < 1 || of < 0 || (uint32_t)of >= s->rank || (blocked >> of & 1)) return false;
    blocked |= 1u << of;
    s->block_of[l->dim - s->rank] = (uint32_t)of;
    s->block[of] = l->size;
  }
  return !fb->bad;
}

/* Sizes of the stored dimensions follow from the tensor's; what the file says must agree. */
static bool check_sizes(const ei_tensor *like, sparse *s) {
  int64_t stride = 1, plain[EDGE_MAX_RANK];
  for (uint32_t i = s->rank; i-- > 0;) {
    if (like->dims[i] % s->block[i] != 0) return false;
    plain[i] = stride;
    s->stride[i] = stride * s->block[i];
    stride *= like->dims[i];
  }
  for (uint32_t i = 0; i < s->n_levels - s->rank; ++i) s->stride[s->rank + i] = plain[s->block_of[i]];
  for (uint32_t i = 0; i < s->n_levels; ++i) {
    level *const l = &s->levels[i];
    if (l->dim >= s->rank) continue;
    const int64_t size = like->dims[l->dim] / s->block[l->dim];
    if (!l->sparse && l->size != size) return false;
    l->size = size;
  }
  return true;
}

/* Place `before` counts the places of the levels so far, `at` is the element where they stand. */
static bool spread(sparse *s, uint32_t depth, uint64_t before, int64_t at) {
  if (depth == s->n_levels) {
    if (s->used >= s->values) return false;
    memcpy(s->to + (uint64_t)at * s->width, s->from + s->used++ * s->width, s->width);
    return true;
  }
  level *const l = &s->levels[depth];
  if (!l->sparse) {
    for (int64_t i = 0; i < l->size; ++i)
      if (!spread(s, depth + 1, before * (uint64_t)l->size + (uint64_t)i, at + i * s->stride[l->dim])) return false;
    return true;
  }
  if (before >= l->segments.count || before + 1 >= l->segments.count) return false;
  const int64_t first = index_at(l->segments, l->segment_bytes, before);
  const int64_t end = index_at(l->segments, l->segment_bytes, before + 1);
  if (first != l->next || end < first || end > (int64_t)l->indices.count) return false;
  l->next = end;
  for (int64_t i = first, last = -1; i < end; ++i) {
    const int64_t k = index_at(l->indices, l->index_bytes, (uint64_t)i);
    if (k <= last || k >= l->size) return false;
    last = k;
    if (!spread(s, depth + 1, (uint64_t)i, at + k * s->stride[l->dim])) return false;
  }
  return true;
}

edge_status tl_densify(tl_model *m, fb_table parameters, uint32_t index, const ei_tensor *like, const void **data,
                       uint64_t *bytes) {
  sparse s;
  uint64_t want = 0;
  memset(&s, 0, sizeof s);
  s.width = edge_dtype_bits(like->dtype) / 8;
  s.from = (const uint8_t *)*data;
  if (s.width == 0 || !ei_tensor_bytes(like->dtype, EDGE_ENCODING_NATIVE, like->dims, like->rank, &want) ||
      !read_levels(&m->fb, parameters, like, &s) || !check_sizes(like, &s))
    return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index, "tensor %u '%s' is stored sparse, wrongly",
                        index, like->name);
  uint64_t stored = *bytes; /* with the indices: what is spread out must be in some proportion to it */
  for (uint32_t i = 0; i < s.n_levels; ++i) stored += s.levels[i].segments.count + (uint64_t)s.levels[i].indices.count;
  if (want / MAX_GROWTH > stored)
    return ei_fail_node(m->err, EDGE_STATUS_LIMIT_EXCEEDED, EI_NONE, index,
                        "tensor %u '%s' is stored sparse: %llu bytes would become %llu", index, like->name,
                        (unsigned long long)*bytes, (unsigned long long)want);
  s.values = *bytes / s.width;
  s.to = ei_arena_get(m->im->arena, want + 1, 64);
  if (!s.to) return tl_broken(m);
  if (!spread(&s, 0, 0, 0) || s.used != s.values || *bytes % s.width != 0)
    return ei_fail_node(m->err, EDGE_STATUS_MALFORMED, EI_NONE, index,
                        "tensor %u '%s' is stored sparse: its indices do not fit its shape and values", index,
                        like->name);
  ei_import_release(m->im, *data, *bytes);
  *data = s.to;
  *bytes = want;
  return EDGE_STATUS_OK;
}
