/* SPDX-License-Identifier: Apache-2.0
 * Descriptions of the tables of edge.fbs for the verifier, with the rules that one table has by itself. */
#include "schema.h"

#define SCALAR(name, type) \
  { name, type, 0, 0, NULL }
#define STRING(name) \
  { name, EI_FLAT_STRING, 0, 0, NULL }
#define NEED_STRING(name) \
  { name, EI_FLAT_STRING, 1, 0, NULL }
#define BYTES(name) \
  { name, EI_FLAT_VEC_U8, 0, 0, NULL }
#define VEC32(name, memory) \
  { name, EI_FLAT_VEC_U32, 0, memory, NULL }
#define VEC64(name, memory) \
  { name, EI_FLAT_VEC_U64, 0, memory, NULL }
#define TABLE(name, desc) \
  { name, EI_FLAT_TABLE, 0, 0, &(desc) }
#define TABLES(name, desc) \
  { name, EI_FLAT_VEC_TABLE, 0, 0, &(desc) }
#define DESC(name, members, memory, check) \
  { name, members, (uint32_t)EI_COUNT(members), (uint32_t)(memory), check }

const void *ei_source_find(const ei_format_source *src, uint64_t offset, uint64_t size) {
  uint32_t lo = 0, hi = src->num_segments;
  while (lo < hi) { /* the last segment that starts at or before offset */
    const uint32_t mid = lo + (hi - lo) / 2;
    if (src->segments[mid].offset <= offset)
      lo = mid + 1;
    else
      hi = mid;
  }
  if (lo == 0) return NULL;
  const edge_segment *const s = &src->segments[lo - 1];
  const uint64_t skip = offset - s->offset;
  if (skip > s->bytes || size > s->bytes - skip) return NULL;
  return (const uint8_t *)s->data + skip;
}

/* Either bytes in place or a segment behind the metadata. */
static edge_status check_data(ei_flat_check *c, uint32_t table, const ei_flat_path *path) {
  const uint64_t offset = ei_flat_u64(&c->flat, table, EI_DATA_OFFSET, 0);
  const uint64_t size = ei_flat_u64(&c->flat, table, EI_DATA_SIZE, 0);
  uint32_t first;
  const uint32_t in_place = ei_flat_vector(&c->flat, table, EI_DATA_BYTES, &first);
  c->memory += 16 + (uint64_t)in_place; /* copied when their place does not suit their type */
  if (c->memory > c->max_memory)
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED,
                        "bytes are shared so often that loading would need 16 times the file's size");
  if (in_place && (offset || size))
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED, "data is both in place and in a segment");
  if (offset == 0 && size == 0) return EDGE_STATUS_OK;
  if (offset % EI_FORMAT_SEGMENT_ALIGN != 0)
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED, "segment offset is not a multiple of 64");
  if (offset < c->flat.size)
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED, "segment lies inside the metadata");
  if (!ei_source_find(c->src, offset, size))
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED,
                        "segment runs past the end of the file; the file is cut short or damaged");
  return EDGE_STATUS_OK;
}

static edge_status check_attribute(ei_flat_check *c, uint32_t table, const ei_flat_path *path) {
  const uint32_t kind = ei_flat_u8(&c->flat, table, EI_ATTR_F_KIND, EI_ATTR_INT);
  if (kind < EI_ATTR_INT || kind > EI_ATTR_FLOATS)
    return ei_flat_fail(c, table, path, EDGE_STATUS_MALFORMED, "unknown kind of attribute");
  return EDGE_STATUS_OK;
}

static edge_status check_node(ei_flat_check *c, uint32_t table, const ei_flat_path *path) {
  if (++c->n_nodes > c->max_nodes)
    return ei_flat_fail(c, table, path, EDGE_STATUS_LIMIT_EXCEEDED,
                        "the model has more nodes than the caller allows (max_nodes)");
  return EDGE_STATUS_OK;
}

static const ei_flat_member data_members[] = { BYTES("bytes"), SCALAR("offset", EI_FLAT_U64),
                                               SCALAR("size", EI_FLAT_U64) };
static const ei_flat_desc data = DESC("Data", data_members, 0, check_data);

static const ei_flat_member symbol_members[] = { NEED_STRING("name"), SCALAR("lo", EI_FLAT_U64),
                                                 SCALAR("hi", EI_FLAT_U64) };
static const ei_flat_desc symbol = DESC("Symbol", symbol_members, sizeof(ei_symbol) + 16, NULL);

static const ei_flat_member quant_members[] = {
  VEC32("scales", 4),          VEC32("zero_points", 4),
  TABLE("scales_data", data),  TABLE("zero_points_data", data),
  SCALAR("axis", EI_FLAT_U32), SCALAR("block", EI_FLAT_U32),
};
static const ei_flat_desc quant = DESC("Quantization", quant_members, 0, NULL);

static const ei_flat_member tensor_members[] = {
  STRING("name"),
  SCALAR("dtype", EI_FLAT_U8),
  SCALAR("encoding", EI_FLAT_U16),
  SCALAR("unknown_rank", EI_FLAT_BOOL),
  VEC64("dims", 0),
  TABLE("quantization", quant),
  TABLE("data", data),
  SCALAR("state", EI_FLAT_U32),
};
static const ei_flat_desc tensor = DESC("Tensor", tensor_members, sizeof(ei_tensor) + 1, NULL);

static const ei_flat_member attribute_members[] = {
  NEED_STRING("key"), SCALAR("kind", EI_FLAT_U8), SCALAR("i", EI_FLAT_U64), SCALAR("f", EI_FLAT_U64),
  STRING("s"),        VEC64("ints", 8),           VEC64("floats", 8),
};
static const ei_flat_desc attribute = DESC("Attribute", attribute_members, sizeof(ei_attr), check_attribute);

static const ei_flat_member node_members[] = {
  SCALAR("op", EI_FLAT_U16), SCALAR("version", EI_FLAT_U16),  STRING("name"), VEC32("inputs", 4),
  VEC32("outputs", 4),       TABLES("attributes", attribute),
};
static const ei_flat_desc node = DESC("Node", node_members, sizeof(ei_node), check_node);

static const ei_flat_member subgraph_members[] = {
  STRING("name"), TABLES("tensors", tensor), TABLES("nodes", node), VEC32("inputs", 4), VEC32("outputs", 4),
};
static const ei_flat_desc subgraph = DESC("Subgraph", subgraph_members, sizeof(ei_subgraph), NULL);

static const ei_flat_member state_members[] = {
  STRING("name"),
  SCALAR("dtype", EI_FLAT_U8),
  VEC64("dims", 0),
  TABLE("init", data),
};
static const ei_flat_desc state = DESC("State", state_members, sizeof(ei_state), NULL);

static const ei_flat_member entry_members[] = { NEED_STRING("name"), SCALAR("subgraph", EI_FLAT_U32) };
static const ei_flat_desc entry = DESC("Entry", entry_members, sizeof(ei_entry) + 16, NULL);

static const ei_flat_member metadata_members[] = { NEED_STRING("key"), TABLE("value", data) };
static const ei_flat_desc metadata = DESC("Metadata", metadata_members, sizeof(ei_metadata) + 16, NULL);

static const ei_flat_member value_members[] = { SCALAR("dtype", EI_FLAT_U8), VEC64("dims", 0), TABLE("data", data) };
static const ei_flat_desc value = DESC("GoldenValue", value_members, sizeof(ei_golden_value), NULL);

static const ei_flat_member golden_members[] = {
  STRING("name"),           SCALAR("entry", EI_FLAT_U32),         TABLES("inputs", value),
  TABLES("outputs", value), SCALAR("abs_tolerance", EI_FLAT_U32), SCALAR("rel_tolerance", EI_FLAT_U32),
};
static const ei_flat_desc golden = DESC("Golden", golden_members, sizeof(ei_golden), NULL);

static const ei_flat_member prepared_members[] = { NEED_STRING("target"), BYTES("key"), TABLE("data", data) };
static const ei_flat_desc prepared = DESC("Prepared", prepared_members, sizeof(ei_prepared), NULL);

static const ei_flat_member operator_members[] = { SCALAR("op", EI_FLAT_U16), STRING("name") };
static const ei_flat_desc op_name = DESC("Operator", operator_members, 0, NULL);

static const ei_flat_member model_members[] = {
  SCALAR("min_reader", EI_FLAT_U32),
  SCALAR("required_features", EI_FLAT_U64),
  STRING("producer"),
  TABLES("symbols", symbol),
  TABLES("states", state),
  TABLES("subgraphs", subgraph),
  TABLES("entries", entry),
  TABLES("metadata", metadata),
  TABLES("golden", golden),
  TABLES("prepared", prepared),
  TABLES("operators", op_name),
};
const ei_flat_desc ei_schema_model = DESC("Model", model_members, sizeof(ei_graph), NULL);
