/* SPDX-License-Identifier: Apache-2.0
 * Contents of initializers in every form. */
#include "onnx_test.h"

/* A graph that hands its only initializer out. */
static edge_status open_tensor(et_import *t, const et_message *tensor, int type) {
  et_message g = { .bytes = 0 };
  et_put(&g, 5, tensor);
  et_node(&g, 1, "Identity", "c", "y", NULL);
  et_value(&g, 12, "y", type, NULL);
  return et_open_graph(t, 21, &g);
}

static const ei_tensor *constant(const et_import *t) {
  return et_tensor(t, 0, et_find(t, 0, "Identity")->in[0]);
}

/* Typed fields: what is written comes back, with the size its type has. */
void test_tensor_types(void) {
  static const struct {
    int onnx;
    uint32_t field;
    int32_t dtype;
    int64_t values[2];
    uint8_t want[16];
    size_t bytes;
  } rows[] = {
    { 2, 5, EDGE_DTYPE_U8, { 1, 255 }, { 1, 255 }, 2 },
    { 3, 5, EDGE_DTYPE_S8, { -2, 3 }, { 0xfe, 3 }, 2 },
    { 5, 5, EDGE_DTYPE_S16, { -2, 258 }, { 0xfe, 0xff, 2, 1 }, 4 },
    { 6, 5, EDGE_DTYPE_S32, { -1, 1 }, { 0xff, 0xff, 0xff, 0xff, 1 }, 8 },
    { 7, 7, EDGE_DTYPE_S64, { -1, 256 }, { 255, 255, 255, 255, 255, 255, 255, 255, 0, 1 }, 16 },
    { 9, 5, EDGE_DTYPE_BOOL, { 0, 7 }, { 0, 1 }, 2 },
    { 10, 5, EDGE_DTYPE_F16, { 0x3c00, 0xc000 }, { 0, 0x3c, 0, 0xc0 }, 4 },
    { 12, 11, EDGE_DTYPE_U32, { 1, 0xffffffffLL }, { 1, 0, 0, 0, 255, 255, 255, 255 }, 8 },
    { 16, 5, EDGE_DTYPE_BF16, { 0x3f80, 1 }, { 0x80, 0x3f, 1, 0 }, 4 },
  };
  for (size_t i = 0; i < EI_COUNT(rows); ++i)
    for (int packed = 0; packed < 2; ++packed) {
      et_message tensor = { .bytes = 0 }, list = { .bytes = 0 };
      et_import t;
      et_tensor_head(&tensor, "c", rows[i].onnx, "2");
      for (int k = 0; k < 2; ++k) et_varint(&list, (uint64_t)rows[i].values[k]);
      if (packed) et_put(&tensor, rows[i].field, &list);
      for (int k = 0; !packed && k < 2; ++k) et_int(&tensor, rows[i].field, rows[i].values[k]);
      CHECK(open_tensor(&t, &tensor, rows[i].onnx) == EDGE_STATUS_OK);
      const ei_tensor *const c = constant(&t);
      CHECK(c->dtype == rows[i].dtype && c->rank == 1 && c->dims[0] == 2 && c->data_bytes == rows[i].bytes);
      CHECK(memcmp(c->data, rows[i].want, rows[i].bytes) == 0);
      et_close(&t);
    }
  et_message floats = { .bytes = 0 }, nibbles = { .bytes = 0 }, strings = { .bytes = 0 };
  static const float pair[2] = { 1.5f, -2.0f };
  et_import t;
  et_tensor_head(&floats, "c", 1, "2");
  et_float(&floats, 4, pair[0]);
  et_float(&floats, 4, pair[1]);
  CHECK(open_tensor(&t, &floats, 1) == EDGE_STATUS_OK);
  CHECK(memcmp(constant(&t)->data, pair, sizeof pair) == 0);
  et_close(&t);
  et_tensor_head(&nibbles, "c", 22, "3"); /* three 4-bit values in two bytes, low half first */
  et_int(&nibbles, 5, 0x8f);
  et_int(&nibbles, 5, 0x07);
  CHECK(open_tensor(&t, &nibbles, 22) == EDGE_STATUS_OK);
  edge_tensor v;
  ei_tensor_view(constant(&t), &v);
  CHECK(ei_load_s64(&v, 0) == -1 && ei_load_s64(&v, 1) == -8 && ei_load_s64(&v, 2) == 7);
  et_close(&t);
  et_tensor_head(&strings, "c", 8, "1");
  et_text(&strings, 6, "word");
  CHECK(open_tensor(&t, &strings, 8) == EDGE_STATUS_UNSUPPORTED_TYPE);
  CHECK_PART(t.error.text, "string");
  et_close(&t);
}

void test_tensor_sizes(void) {
  static const uint8_t zeros[16] = { 0 };
  static const struct {
    const char *dims;
    size_t bytes;
    const char *part;
  } rows[] = {
    { "2", 7, "bytes" },     { "2", 12, "bytes" },
    { "0", 4, "bytes" },     { "4611686018427387904x4x4", 16, "overflow" },
    { "-1", 4, "negative" }, { "1x1x1x1x1x1x1x1x1", 4, "dimensions" },
  };
  for (size_t i = 0; i < EI_COUNT(rows); ++i) {
    et_message tensor = { .bytes = 0 };
    et_import t;
    et_tensor_head(&tensor, "c", 1, rows[i].dims);
    et_bytes(&tensor, 9, zeros, rows[i].bytes);
    CHECK(open_tensor(&t, &tensor, 1) != EDGE_STATUS_OK);
    CHECK_PART(t.error.text, rows[i].part);
    CHECK_PART(t.error.text, "'c'");
    et_close(&t);
  }
  et_message few = { .bytes = 0 };
  et_import t;
  et_tensor_head(&few, "c", 6, "3");
  et_int(&few, 5, 1);
  CHECK(open_tensor(&t, &few, 6) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "1 values");
  et_close(&t);
}

/* Raw bytes are not copied when nothing forbids it. */
void test_tensor_in_place(void) {
  static const int8_t bytes[4] = { 1, -2, 3, -4 };
  et_message tensor = { .bytes = 0 }, g = { .bytes = 0 }, m = { .bytes = 0 };
  et_import t;
  et_tensor_head(&tensor, "c", 3, "4");
  et_bytes(&tensor, 9, bytes, sizeof bytes);
  et_put(&g, 5, &tensor);
  et_node(&g, 1, "Identity", "c", "y", NULL);
  et_value(&g, 12, "y", 3, NULL);
  et_model(&m, 17, &g);
  CHECK(et_open(&t, m.data, m.bytes, NULL) == EDGE_STATUS_OK);
  const uint8_t *const data = constant(&t)->data;
  CHECK(data > m.data && data < m.data + m.bytes && memcmp(data, bytes, 4) == 0);
  et_close(&t);
}

void test_tensor_sparse(void) {
  static const float values[2] = { 5, 7 };
  static const int64_t flat[2] = { 1, 5 };
  for (int good = 0; good < 2; ++good) {
    et_message v = { .bytes = 0 }, i = { .bytes = 0 }, sparse = { .bytes = 0 }, g = { .bytes = 0 };
    et_import t;
    et_tensor_head(&v, "c", 1, "2");
    et_bytes(&v, 9, values, sizeof values);
    et_tensor_head(&i, "", 7, "2");
    et_bytes(&i, 9, flat, sizeof flat);
    et_put(&sparse, 1, &v);
    et_put(&sparse, 2, &i);
    et_int(&sparse, 3, 2);
    et_int(&sparse, 3, good ? 3 : 2);
    et_put(&g, 15, &sparse);
    et_node(&g, 1, "Identity", "c", "y", NULL);
    et_value(&g, 12, "y", 1, NULL);
    const edge_status status = et_open_graph(&t, 13, &g);
    CHECK(status == (good ? EDGE_STATUS_OK : EDGE_STATUS_MALFORMED));
    static const float want[6] = { 0, 5, 0, 0, 0, 7 };
    if (good) CHECK(memcmp(constant(&t)->data, want, sizeof want) == 0);
    et_close(&t);
  }
}
