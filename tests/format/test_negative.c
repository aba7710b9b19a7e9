/* SPDX-License-Identifier: Apache-2.0
 * One named file for each way in which a file may be wrong: status and text of the refusal. */
#include "format_test.h"
#include "src/format/flat_write.h"

/* ---- places in the samples */

static uint32_t subgraph(const et_file *f, uint32_t i) {
  return et_item(f, et_root(f), EI_MODEL_SUBGRAPHS, i);
}
static uint32_t tensor(const et_file *f, uint32_t i) {
  return et_item(f, subgraph(f, 0), EI_SUBGRAPH_TENSORS, i);
}
static uint32_t node(const et_file *f, uint32_t i) {
  return et_item(f, subgraph(f, 0), EI_SUBGRAPH_NODES, i);
}
static uint32_t attribute(const et_file *f, uint32_t n, uint32_t i) {
  return et_item(f, node(f, n), EI_NODE_ATTRIBUTES, i);
}
static uint32_t quant(const et_file *f, uint32_t t) {
  return et_ref(f, tensor(f, t), EI_TENSOR_QUANT);
}
static uint32_t data(const et_file *f, uint32_t t) {
  return et_ref(f, tensor(f, t), EI_TENSOR_DATA);
}
static uint32_t golden(const et_file *f) {
  return et_item(f, et_root(f), EI_MODEL_GOLDEN, 0);
}

static void set(const et_file *f, uint32_t table, uint32_t slot, uint32_t bytes, uint64_t v) {
  et_put(f, et_field(f, table, slot), bytes, v);
}
static void set_count(const et_file *f, uint32_t table, uint32_t slot, uint32_t count) {
  et_put(f, et_ref(f, table, slot), 4, count);
}
static void set_index(const et_file *f, uint32_t table, uint32_t slot, uint32_t i, uint32_t v) {
  et_put(f, et_ref(f, table, slot) + 4 + 4 * i, 4, v);
}
static void set_dim(const et_file *f, uint32_t table, uint32_t slot, uint32_t i, int64_t v) {
  et_put(f, et_ref(f, table, slot) + 4 + 8 * i, 8, (uint64_t)v);
}
static void set_text(const et_file *f, uint32_t table, uint32_t slot, uint32_t from, const char *bytes, uint32_t n) {
  memcpy(f->p + et_ref(f, table, slot) + 4 + from, bytes, n);
}
static uint32_t vtable_slot(const et_file *f, uint32_t table, uint32_t slot) {
  return table - ei_get_u32(f->p + table) + 4 + 2 * slot;
}
/* A field that was left out is found where another one is. */
static void alias(const et_file *f, uint32_t table, uint32_t slot, uint32_t other) {
  et_put(f, vtable_slot(f, table, slot), 2, et_field(f, table, other) - table);
}

/* ---- 1, 2: sizes */

static void make_shape_product_overflow(et_file *f) {
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 0, INT64_C(1) << 40);
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 1, INT64_C(1) << 40);
}
static void make_byte_size_overflow(et_file *f) {
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 0, INT64_C(1) << 31);
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 1, INT64_C(1) << 31);
}
static void make_constant_shape_overflow(et_file *f) {
  set_dim(f, tensor(f, 1), EI_TENSOR_DIMS, 0, (INT64_C(1) << 62) + 4); /* 4 x 40 modulo 2^64 */
}
static void make_vector_bytes_overflow(et_file *f) {
  set_count(f, tensor(f, 0), EI_TENSOR_DIMS, 0x20000001u);
}
static void make_string_length_overflow(et_file *f) {
  set_count(f, tensor(f, 1), EI_TENSOR_NAME, 0xffffffffu);
}
static void make_reference_overflow(et_file *f) {
  set(f, subgraph(f, 0), EI_SUBGRAPH_TENSORS, 4, 0xfffffff0u);
}
static void make_item_reference_overflow(et_file *f) {
  set_index(f, subgraph(f, 0), EI_SUBGRAPH_NODES, 1, 0xfffffff0u);
}
static void make_state_shape_overflow(et_file *f) {
  const uint32_t state = et_item(f, et_root(f), EI_MODEL_STATES, 0);
  set_dim(f, state, EI_STATE_DIMS, 0, INT64_C(1) << 60);
}
static void make_golden_shape_overflow(et_file *f) {
  set_dim(f, et_item(f, golden(f), EI_GOLDEN_INPUTS, 0), EI_VALUE_DIMS, 0, (INT64_C(1) << 62) + 1);
}

/* ---- 3: places */

static void make_segment_offset_wraps(et_file *f) {
  set(f, data(f, 1), EI_DATA_OFFSET, 8, UINT64_MAX - 63);
}
static void make_segment_size_wraps(et_file *f) {
  set(f, data(f, 1), EI_DATA_SIZE, 8, UINT64_MAX - 100);
}
static void make_segment_past_end(et_file *f) {
  f->n -= 1;
}
static void make_segment_unaligned(et_file *f) {
  const uint32_t at = et_field(f, data(f, 1), EI_DATA_OFFSET);
  et_put(f, at, 8, ei_get_u64(f->p + at) + 4);
}
static void make_segment_in_metadata(et_file *f) {
  set(f, data(f, 1), EI_DATA_OFFSET, 8, 64);
}
static void make_root_outside(et_file *f) {
  et_put(f, 4, 4, 0x7ffffff0u);
}
static void make_vtable_outside(et_file *f) {
  et_put(f, et_root(f), 4, 0x7ffffff0u);
}
static void make_vtable_size_odd(et_file *f) {
  et_put(f, vtable_slot(f, et_root(f), 0) - 4, 2, 5);
}
static void make_table_size_past_end(et_file *f) {
  et_put(f, vtable_slot(f, et_root(f), 0) - 2, 2, 0xffff);
}
static void make_field_outside_table(et_file *f) {
  et_put(f, vtable_slot(f, et_root(f), EI_MODEL_PRODUCER), 2, 0xfff0);
}
static void make_field_unaligned(et_file *f) {
  et_put(f, vtable_slot(f, et_root(f), EI_MODEL_PRODUCER), 2, 5);
}
static void make_vector_unaligned(et_file *f) {
  const uint32_t at = et_field(f, tensor(f, 0), EI_TENSOR_DIMS);
  et_put(f, at, 4, ei_get_u32(f->p + at) + 4);
}
static void make_size_prefix_past_end(et_file *f) {
  et_put(f, 0, 4, 0x7fffffff);
}
static void make_size_prefix_tiny(et_file *f) {
  et_put(f, 0, 4, 4);
}

/* ---- 4: zeros */

static void make_zero_hides_overflow(et_file *f) {
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 0, 0);
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 1, INT64_C(1) << 40);
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 2, INT64_C(1) << 40);
}
static void make_zero_hides_constant(et_file *f) {
  set_dim(f, tensor(f, 1), EI_TENSOR_DIMS, 0, 0);
}
static void make_zero_sized_segment(et_file *f) {
  set(f, data(f, 1), EI_DATA_SIZE, 8, 0);
}

/* ---- 5: tags */

static void make_unknown_attribute_kind(et_file *f) {
  set(f, attribute(f, 1, 1), EI_ATTR_F_KIND, 1, 9);
}
static void make_unknown_type(et_file *f) {
  set(f, tensor(f, 0), EI_TENSOR_DTYPE, 1, 200);
}
static void make_no_type(et_file *f) {
  set(f, tensor(f, 0), EI_TENSOR_DTYPE, 1, 0);
}
static void make_unknown_operator(et_file *f) {
  set(f, node(f, 0), EI_NODE_OP, 2, 65000);
  set(f, et_item(f, et_root(f), EI_MODEL_OPERATORS, 0), EI_OPERATOR_OP, 2, 65000);
}
static void make_unknown_operators(et_file *f) {
  set(f, node(f, 0), EI_NODE_OP, 2, 65000);
  set(f, node(f, 1), EI_NODE_OP, 2, 65001);
}
static void make_operator_version(et_file *f) {
  alias(f, node(f, 0), EI_NODE_VERSION, EI_NODE_NAME);
}
static void make_bool_not_a_bool(et_file *f) {
  set(f, tensor(f, 2), EI_TENSOR_UNKNOWN_RANK, 1, 2);
}
static void make_bool_constant(et_file *f) {
  et_put(f, et_ref(f, data(f, 2 + EDGE_DTYPE_BOOL - 1), EI_DATA_BYTES) + 4 + 3, 1, 2);
}
static void make_attribute_kind_differs(et_file *f) {
  set(f, attribute(f, 0, 0), EI_ATTR_F_KIND, 1, EI_ATTR_FLOATS);
}

/* ---- 6: parallel lists */

static void make_scales_and_zero_points(et_file *f) {
  set_count(f, quant(f, 5), EI_QUANT_ZERO_POINTS, 11);
}
static void make_scales_and_axis(et_file *f) {
  set_count(f, quant(f, 1), EI_QUANT_SCALES, 7);
}
static void make_scales_and_blocks(et_file *f) {
  set(f, quant(f, 5), EI_QUANT_BLOCK, 4, 8);
}
static void make_large_scales_and_axis(et_file *f) {
  set_dim(f, tensor(f, 23), EI_TENSOR_DIMS, 0, 1099);
}
static void make_constant_too_short(et_file *f) {
  set(f, data(f, 1), EI_DATA_SIZE, 8, 576);
}
static void make_inline_constant_too_short(et_file *f) {
  set_count(f, data(f, 2), EI_DATA_BYTES, 15);
}
static void make_open_constant(et_file *f) {
  set_dim(f, tensor(f, 1), EI_TENSOR_DIMS, 0, -1);
}
static void make_golden_inputs(et_file *f) {
  set_count(f, golden(f), EI_GOLDEN_INPUTS, 0);
}
static void make_golden_bytes(et_file *f) {
  set_count(f, et_ref(f, et_item(f, golden(f), EI_GOLDEN_OUTPUTS, 0), EI_VALUE_DATA), EI_DATA_BYTES, 15);
}
static void make_state_and_tensor(et_file *f) {
  set_dim(f, tensor(f, 1), EI_TENSOR_DIMS, 0, 4);
}
static void make_state_init_bytes(et_file *f) {
  set(f, et_ref(f, et_item(f, et_root(f), EI_MODEL_STATES, 0), EI_STATE_INIT), EI_DATA_SIZE, 8, 64);
}
static void make_branch_border(et_file *f) {
  set_count(f, subgraph(f, 2), EI_SUBGRAPH_INPUTS, 0);
}
static void make_branch_type(et_file *f) {
  set(f, et_item(f, subgraph(f, 1), EI_SUBGRAPH_TENSORS, 0), EI_TENSOR_DTYPE, 1, EDGE_DTYPE_S32);
}

/* ---- 7: indices */

static void make_node_input_index(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_INPUTS, 1, 5);
}
static void make_node_input_negative(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_INPUTS, 0, 0xfffffffeu);
}
static void make_node_output_index(et_file *f) {
  set_index(f, node(f, 1), EI_NODE_OUTPUTS, 0, 0x7fffffff);
}
static void make_subgraph_input_index(et_file *f) {
  set_index(f, subgraph(f, 0), EI_SUBGRAPH_INPUTS, 0, 5);
}
static void make_subgraph_output_index(et_file *f) {
  set_index(f, subgraph(f, 0), EI_SUBGRAPH_OUTPUTS, 0, EI_NONE);
}
static void make_entry_index(et_file *f) {
  set(f, et_item(f, et_root(f), EI_MODEL_ENTRIES, 1), EI_ENTRY_SUBGRAPH, 4, 2);
}
static void make_symbol_index(et_file *f) {
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 0, -4);
}
static void make_state_index(et_file *f) {
  set(f, tensor(f, 1), EI_TENSOR_STATE, 4, 3);
}
static void make_golden_entry_index(et_file *f) {
  alias(f, golden(f), EI_GOLDEN_ENTRY, EI_GOLDEN_ABS);
}

/* ---- 8, 9: axes and values that would divide or index */

static void make_axis_negative(et_file *f) {
  set(f, quant(f, 5), EI_QUANT_AXIS, 4, 0x80000000u);
}
static void make_axis_too_large(et_file *f) {
  set(f, quant(f, 5), EI_QUANT_AXIS, 4, 2);
}
static void make_too_many_dimensions(et_file *f) {
  set_count(f, tensor(f, 0), EI_TENSOR_DIMS, 9);
}
static void make_dimension_negative(et_file *f) {
  set_dim(f, tensor(f, 0), EI_TENSOR_DIMS, 0, INT64_MIN);
}
static void set_scale(const et_file *f, uint32_t bits) {
  set_index(f, quant(f, 1), EI_QUANT_SCALES, 3, bits);
}
static void make_scale_zero(et_file *f) {
  set_scale(f, 0);
}
static void make_scale_negative(et_file *f) {
  set_scale(f, 0xbf800000u);
}
static void make_scale_nan(et_file *f) {
  set_scale(f, 0x7fc00000u);
}
static void make_scale_infinite(et_file *f) {
  set_scale(f, 0x7f800000u);
}
static void make_zero_point_out_of_range(et_file *f) {
  set_index(f, quant(f, 5), EI_QUANT_ZERO_POINTS, 5, 8);
}

/* ---- 10, 11: aliasing, absence */

static void make_output_is_input(et_file *f) {
  set_index(f, node(f, 1), EI_NODE_OUTPUTS, 0, 3);
}
static void make_output_is_own_input(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_INPUTS, 0, 3);
}
static void make_output_is_constant(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_OUTPUTS, 0, 1);
}
static void make_output_is_model_input(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_OUTPUTS, 0, 0);
}
static void make_output_is_state(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_OUTPUTS, 0, 1);
}
static void make_model_input_is_constant(et_file *f) {
  set_index(f, subgraph(f, 0), EI_SUBGRAPH_INPUTS, 0, 1);
}
static void make_writes_no_state(et_file *f) {
  set_index(f, node(f, 2), EI_NODE_INPUTS, 0, 0);
}
static void make_required_input_absent(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_INPUTS, 0, EI_NONE);
}
static void make_required_output_absent(et_file *f) {
  set_index(f, node(f, 1), EI_NODE_OUTPUTS, 0, EI_NONE);
}
static void make_model_input_absent(et_file *f) {
  set_index(f, subgraph(f, 0), EI_SUBGRAPH_INPUTS, 0, EI_NONE);
}
static void make_too_few_inputs(et_file *f) {
  set_count(f, node(f, 0), EI_NODE_INPUTS, 0);
}
static void make_subgraph_attribute_missing(et_file *f) {
  set_text(f, attribute(f, 0, 0), EI_ATTR_F_KEY, 0, "thin", 4);
}

/* ---- 12: cycles */

static void make_nodes_in_wrong_order(et_file *f) {
  const uint32_t first = et_ref(f, subgraph(f, 0), EI_SUBGRAPH_NODES) + 4, a = node(f, 0), b = node(f, 1);
  et_put(f, first, 4, b - first);
  et_put(f, first + 4, 4, a - (first + 4));
}
static void make_nodes_form_a_cycle(et_file *f) {
  set_index(f, node(f, 0), EI_NODE_INPUTS, 0, 2);
}
static void make_nothing_produces_output(et_file *f) {
  set_count(f, subgraph(f, 0), EI_SUBGRAPH_NODES, 0);
}
static void make_subgraph_calls_itself(et_file *f) {
  const uint32_t call = et_item(f, subgraph(f, 2), EI_SUBGRAPH_NODES, 0);
  set(f, et_item(f, call, EI_NODE_ATTRIBUTES, 0), EI_ATTR_F_I, 8, 2);
}
static void make_subgraph_calls_back(et_file *f) {
  set(f, attribute(f, 0, 0), EI_ATTR_F_I, 8, 0);
}
static void make_subgraph_not_there(et_file *f) {
  set(f, attribute(f, 0, 1), EI_ATTR_F_I, 8, 4);
}
static void make_reference_to_itself(et_file *f) {
  set(f, subgraph(f, 0), EI_SUBGRAPH_TENSORS, 4, 0);
}

/* ---- 13, 14: files that the builder makes, with one part shared by many */

static void replace(et_file *f, ei_flat_writer *w, et_memory *m) {
  ei_flat_write_finish(w);
  CHECK(w->status == EDGE_STATUS_OK);
  et_file_free(f);
  f->p = aligned_alloc(64, (w->size + 63) / 64 * 64);
  CHECK(f->p);
  f->n = w->size;
  memcpy(f->p, w->p, w->size);
  ei_flat_write_free(w);
  et_memory_free(m);
}

/* A list of the model with `count` references to one table. */
static uint32_t shared_list(ei_flat_writer *w, uint32_t slot, uint32_t count, ei_flat_table *item) {
  ei_flat_table root = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&root, slot);
  ei_flat_link(w, 4, ei_flat_end(w, &root));
  const uint32_t first = ei_flat_vector_at(w, root.at[slot], count, 4, 4);
  const uint32_t table = ei_flat_end(w, item);
  for (uint32_t i = 0; i < count; ++i) ei_flat_link(w, first + 4 * i, table);
  return table;
}

static void make_shared_tables(et_file *f) {
  et_memory *const m = et_memory_new(0);
  char text[1001];
  memset(text, 'x', 1000);
  text[1000] = '\0';
  ei_flat_writer w;
  ei_flat_write_begin(&w, m->alloc);
  ei_flat_table item = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&item, EI_OPERATOR_NAME);
  shared_list(&w, EI_MODEL_OPERATORS, 100000, &item);
  ei_flat_string_at(&w, item.at[EI_OPERATOR_NAME], text);
  replace(f, &w, m);
}

static void make_shared_vectors(et_file *f) {
  et_memory *const m = et_memory_new(0);
  ei_flat_writer w;
  ei_flat_write_begin(&w, m->alloc);
  ei_flat_table item = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&item, EI_SUBGRAPH_INPUTS);
  shared_list(&w, EI_MODEL_SUBGRAPHS, 1000, &item);
  ei_flat_vector_at(&w, item.at[EI_SUBGRAPH_INPUTS], 1000, 4, 4);
  replace(f, &w, m);
}

static void make_vector_count_bomb(et_file *f) {
  set_count(f, subgraph(f, 0), EI_SUBGRAPH_TENSORS, 0x0fffffff);
}
static void make_inline_data_bomb(et_file *f) {
  set_count(f, data(f, 2), EI_DATA_BYTES, 0x7fffffff);
}

/* ---- 16, 18 */

static void make_zero_points_without_scales(et_file *f) {
  set_count(f, quant(f, 5), EI_QUANT_SCALES, 0);
}
static void make_required_field_missing(et_file *f) {
  et_put(f, vtable_slot(f, et_item(f, et_root(f), EI_MODEL_ENTRIES, 0), EI_ENTRY_NAME), 2, 0);
}
static void make_string_not_terminated(et_file *f) {
  set_count(f, tensor(f, 4), EI_TENSOR_NAME, 10);
}
static void make_unknown_encoding(et_file *f) {
  alias(f, tensor(f, 0), EI_TENSOR_ENCODING, EI_TENSOR_NAME);
}
static void make_quantized_float(et_file *f) {
  set(f, tensor(f, 0), EI_TENSOR_DTYPE, 1, EDGE_DTYPE_F32);
}

/* ---- 0: rules of this format */

static void make_identifier(et_file *f) {
  f->p[8] = 'X';
}
static void make_empty_file(et_file *f) {
  f->n = 0;
}
static void make_tflite_file(et_file *f) {
  memcpy(f->p + 4, "TFL3\0\0\0\0", 8);
}
static void make_newer_reader(et_file *f) {
  const uint32_t root = et_root(f), at = et_field(f, root, EI_MODEL_PRODUCER);
  alias(f, root, EI_MODEL_MIN_READER, EI_MODEL_PRODUCER);
  et_put(f, vtable_slot(f, root, EI_MODEL_PRODUCER), 2, 0);
  et_put(f, at, 4, 7);
}
static void make_unknown_feature(et_file *f) {
  const uint32_t root = et_root(f), offset = (root + 4) % 8 == 0 ? 4 : 8;
  et_put(f, vtable_slot(f, root, EI_MODEL_FEATURES), 2, offset);
  et_put(f, root + offset, 8, UINT64_C(1) << 40);
}
static void make_invalid_utf8(et_file *f) {
  set_text(f, tensor(f, 4), EI_TENSOR_NAME, 2, "\xff", 1);
}
static void make_surrogate_utf8(et_file *f) {
  set_text(f, tensor(f, 4), EI_TENSOR_NAME, 2, "\xed\xa0\x80", 3);
}
static void make_string_with_nul(et_file *f) {
  set_text(f, tensor(f, 4), EI_TENSOR_NAME, 2, "", 1);
}
static void make_two_entries_one_name(et_file *f) {
  set_text(f, et_item(f, et_root(f), EI_MODEL_ENTRIES, 1), EI_ENTRY_NAME, 0, "main", 4);
}
static void make_two_symbols_one_name(et_file *f) {
  const uint32_t s = et_item(f, et_root(f), EI_MODEL_SYMBOLS, 1);
  set_text(f, s, EI_SYMBOL_NAME, 0, "batch", 6);
  set_count(f, s, EI_SYMBOL_NAME, 5);
}
static void make_two_keys_one_name(et_file *f) {
  const uint32_t k = et_item(f, et_root(f), EI_MODEL_METADATA, 1);
  set_text(f, k, EI_METADATA_KEY, 0, "labels", 7);
  set_count(f, k, EI_METADATA_KEY, 6);
}
static void make_attribute_twice(et_file *f) {
  set_text(f, attribute(f, 1, 1), EI_ATTR_F_KEY, 0, "axis", 4);
}
static void make_symbol_bounds(et_file *f) {
  set(f, et_item(f, et_root(f), EI_MODEL_SYMBOLS, 0), EI_SYMBOL_LO, 8, 17);
}
static void make_data_in_place_and_segment(et_file *f) {
  et_memory *const m = et_memory_new(0);
  ei_flat_writer w;
  ei_flat_write_begin(&w, m->alloc);
  ei_flat_table item = { { 0 }, { 0 }, { 0 } }, both = { { 0 }, { 0 }, { 0 } };
  ei_flat_set_ref(&item, EI_METADATA_KEY);
  ei_flat_set_ref(&item, EI_METADATA_VALUE);
  shared_list(&w, EI_MODEL_METADATA, 1, &item);
  ei_flat_string_at(&w, item.at[EI_METADATA_KEY], "key");
  ei_flat_set_ref(&both, EI_DATA_BYTES);
  ei_flat_set(&both, EI_DATA_OFFSET, 8, 640, 0);
  ei_flat_set(&both, EI_DATA_SIZE, 8, 1, 0);
  ei_flat_link(&w, item.at[EI_METADATA_VALUE], ei_flat_end(&w, &both));
  ei_flat_vector_at(&w, both.at[EI_DATA_BYTES], 3, 1, 4);
  replace(f, &w, m);
}
static void make_unknown_rank_with_dims(et_file *f) {
  alias(f, tensor(f, 0), EI_TENSOR_UNKNOWN_RANK, EI_TENSOR_DTYPE);
}
static void make_no_entry(et_file *f) {
  set_count(f, et_root(f), EI_MODEL_ENTRIES, 0);
}
static void make_prepared_key(et_file *f) {
  set_count(f, et_item(f, et_root(f), EI_MODEL_PREPARED, 0), EI_PREPARED_KEY, 65);
}
static void make_golden_tolerance(et_file *f) {
  set(f, golden(f), EI_GOLDEN_ABS, 4, 0x7fc00000u);
}

static const struct {
  const char *name, *sample, *text;
  void (*make)(et_file *f);
  edge_status status;
  int bug_class;
} negatives[] = {
#define NEGATIVE(name, bug_class, sample, status, text) \
  { #name, #sample, text, make_##name, EDGE_STATUS_##status, bug_class },
#include "negative.def"
#undef NEGATIVE
};

static bool sample_here(const char *name) {
  for (const et_sample *s = et_samples; s->name; ++s)
    if (strcmp(s->name, name) == 0) return et_sample_here(s);
  return false;
}

/* The file is refused with this status, and the text names the thing. The exact end is watched by a heap block of
 * exactly the file's size. */
static void check_negative(uint32_t i) {
  et_memory *const m = et_memory_new(0);
  et_file f = et_sample_file(negatives[i].sample);
  CHECK(et_file_load(f.p, f.n, m, NULL) == EDGE_STATUS_OK);
  negatives[i].make(&f);
  uint8_t *const exact = malloc(f.n ? f.n : 1);
  CHECK(exact);
  if (f.n) memcpy(exact, f.p, f.n);
  edge_error error = EDGE_ERROR_INIT;
  const edge_status status = et_file_load(f.n ? exact : NULL, f.n, m, &error);
  if (status != negatives[i].status || error.status != status || !strstr(error.text, negatives[i].text)) {
    fprintf(stderr, "%s: got %s: %s\n  want a text with: %s\n", negatives[i].name, edge_status_name(status), error.text,
            negatives[i].text);
    exit(1);
  }
  printf("%2d %s: %s\n", negatives[i].bug_class, negatives[i].name, error.text);
  free(exact);
  et_file_free(&f);
  et_memory_free(m);
}

bool et_negative(const char *name) {
  bool found = false;
  for (uint32_t i = 0; i < EI_COUNT(negatives); ++i) {
    if (name && strcmp(name, negatives[i].name) != 0) continue;
    found = true;
    if (sample_here(negatives[i].sample))
      check_negative(i);
    else if (name)
      SKIP("this build lacks an operator of its sample");
  }
  return found;
}

void test_negative(void) {
  CHECK(et_negative(NULL));
}
