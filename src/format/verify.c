/* SPDX-License-Identifier: Apache-2.0
 * The structural pass over a file or an image: header, versions, must-understand bits, then every table. */
#include "schema.h"

static edge_status check_segments(const ei_format_source *src, edge_error *err) {
  uint64_t end = 0;
  for (uint32_t i = 0; i < src->num_segments; ++i) {
    const edge_segment *const s = &src->segments[i];
    if ((s->data == NULL && s->bytes != 0) || s->offset < end || !ei_add_u64(s->offset, s->bytes, &end))
      return ei_fail(err, EDGE_STATUS_INVALID_ARGUMENT,
                     "segment %u of the image has no data, or is not in ascending order", i);
  }
  return EDGE_STATUS_OK;
}

/* What the file seems to be instead, to save a newcomer the guess. */
static const char *other_format(const uint8_t *p, uint64_t n) {
  if (n >= 8 && memcmp(p + 4, "TFL3", 4) == 0)
    return "; it looks like a TFLite model: convert it with 'edgert convert'";
  if (n >= 4 && memcmp(p, "GGUF", 4) == 0) return "; it looks like a GGUF file";
  if (n >= 2 && p[0] == 0x08 && p[1] < 0x40) return "; it may be an ONNX model: convert it with 'edgert convert'";
  return "";
}

static edge_status check_header(const ei_format_source *src, const ei_format_limits *limits, ei_flat *out,
                                edge_error *err) {
  const uint8_t *const p = src->metadata;
  const uint64_t n = src->metadata_bytes;
  const uint64_t limit = limits && limits->max_metadata_bytes ? limits->max_metadata_bytes : (uint64_t)INT32_MAX;
  if (p == NULL || n < 16)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0, "not an .edge file: only %llu bytes", (unsigned long long)n);
  if (memcmp(p + 8, "EDG1", 4) != 0)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 8, "not an .edge file: the identifier EDG1 is missing%s",
                      other_format(p, n));
  const uint64_t total = (uint64_t)ei_get_u32(p) + 4;
  if (total > n)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0,
                      "the file is cut short: its metadata is %llu bytes, %llu are there", (unsigned long long)total,
                      (unsigned long long)n);
  if (total < 16 || total > (uint64_t)INT32_MAX)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0, "impossible size of the metadata: %llu bytes",
                      (unsigned long long)total);
  if (total > limit)
    return ei_fail_at(err, EDGE_STATUS_LIMIT_EXCEEDED, 0,
                      "metadata of %llu bytes is larger than the limit of %llu (max_metadata_bytes)",
                      (unsigned long long)total, (unsigned long long)limit);
  out->p = p;
  out->size = (uint32_t)total;
  return EDGE_STATUS_OK;
}

/* Before anything else is judged: a newer file may use rules that this reader does not know. */
static edge_status check_versions(const ei_flat_check *c, uint32_t root) {
  const uint32_t need = ei_flat_u32(&c->flat, root, EI_MODEL_MIN_READER, 1);
  if (need > EI_FORMAT_VERSION)
    return ei_fail_at(c->err, EDGE_STATUS_UNSUPPORTED_VERSION, root,
                      "the file needs reader version %u, this one is version %u: update EdgeRT", need,
                      (unsigned)EI_FORMAT_VERSION);
  const uint64_t features = ei_flat_u64(&c->flat, root, EI_MODEL_FEATURES, 0) & ~EI_FORMAT_FEATURES;
  for (uint32_t bit = 0; features != 0 && bit < 64; ++bit)
    if (features >> bit & 1)
      return ei_fail_at(c->err, EDGE_STATUS_UNSUPPORTED_FEATURE, root,
                        "the file requires feature bit %u, which this version does not know: update EdgeRT", bit);
  return EDGE_STATUS_OK;
}

edge_status ei_format_check(const ei_format_source *src, const ei_format_limits *limits, ei_flat_check *c,
                            uint32_t *root, edge_error *err) {
  memset(c, 0, sizeof *c);
  c->src = src;
  c->err = err;
  EI_TRY(check_segments(src, err));
  EI_TRY(check_header(src, limits, &c->flat, err));
  c->max_work = 65536 + 64 * (uint64_t)c->flat.size;
  c->max_memory = EI_FORMAT_MEMORY_BASE + 16 * (uint64_t)c->flat.size;
  c->max_nodes = limits && limits->max_nodes ? limits->max_nodes : 4000000u;
  const ei_flat_path path = { NULL, "Model", EI_NONE };
  const uint64_t at = 4 + (uint64_t)ei_get_u32(c->flat.p + 4);
  EI_TRY(ei_flat_verify_shell(c, &ei_schema_model, at, &path));
  *root = (uint32_t)at;
  EI_TRY(check_versions(c, *root));
  c->memory = 0;
  return ei_flat_verify(c, &ei_schema_model, *root, &path);
}

edge_status ei_format_verify_structure(const ei_format_source *src, const ei_format_limits *limits, edge_error *err) {
  ei_flat_check c;
  uint32_t root;
  return ei_format_check(src, limits, &c, &root, err);
}
