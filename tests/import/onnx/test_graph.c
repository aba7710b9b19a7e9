/* SPDX-License-Identifier: Apache-2.0
 * What graphs become: layout, old opsets, symbols, functions, captured values, reports. */
#include "onnx_test.h"

static const ei_attr *attr(const ei_node *n, const char *key) {
  const ei_attr *const a = ei_node_attr(n, key);
  if (!a) fprintf(stderr, "no attribute %s\n", key);
  CHECK(a);
  return a;
}

/* N C H W outside, N H W C inside; constant weights O I H W become O H W I. */
void test_graph_conv(void) {
  float w[2 * 3 * 1 * 2];
  et_message g = { .bytes = 0 }, attrs = { .bytes = 0 };
  et_import t;
  for (int i = 0; i < 12; ++i) w[i] = (float)i;
  static const int64_t strides[2] = { 2, 1 };
  et_attr_ints(&attrs, "strides", strides, 2);
  et_value(&g, 11, "x", 1, "1x3x5x7");
  et_raw(&g, "w", 1, "2x3x1x2", w, sizeof w);
  et_node(&g, 1, "Conv", "x,w", "y", &attrs);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 13, &g) == EDGE_STATUS_OK);
  const ei_subgraph *const sg = &t.graph->subgraphs[0];
  CHECK(sg->n_nodes == 3 && et_count(&t, 0, "Transpose") == 2);
  const ei_node *const conv = et_find(&t, 0, "Conv");
  CHECK(attr(conv, "strides")->u.ints[0] == 2 && attr(conv, "group")->u.i == 1);
  const ei_tensor *const weights = et_tensor(&t, 0, conv->in[1]), *const x = et_tensor(&t, 0, conv->in[0]);
  CHECK(weights->dims[0] == 2 && weights->dims[1] == 1 && weights->dims[2] == 2 && weights->dims[3] == 3);
  for (int o = 0; o < 2; ++o)
    for (int c = 0; c < 3; ++c)
      for (int k = 0; k < 2; ++k) CHECK(((const float *)weights->data)[(o * 2 + k) * 3 + c] == w[(o * 3 + c) * 2 + k]);
  CHECK(x->dims[1] == 5 && x->dims[2] == 7 && x->dims[3] == 3);
  const ei_tensor *const y = et_tensor(&t, 0, sg->outputs[0]);
  CHECK(strcmp(y->name, "y") == 0 && y->rank == 4 && y->dims[1] == 2 && y->dims[2] == 3 && y->dims[3] == 6);
  et_close(&t);
}

/* Attributes that later became inputs. */
void test_graph_old_opsets(void) {
  static const int64_t axes[2] = { 0, 2 }, ends[1] = { 2 }, starts[1] = { 1 };
  et_message g = { .bytes = 0 }, squeeze = { .bytes = 0 }, slice = { .bytes = 0 };
  et_import t;
  et_attr_ints(&squeeze, "axes", axes, 2);
  et_attr_ints(&slice, "starts", starts, 1);
  et_attr_ints(&slice, "ends", ends, 1);
  et_value(&g, 11, "x", 1, "1x4x1");
  et_node(&g, 1, "Squeeze", "x", "s", &squeeze);
  et_node(&g, 1, "Slice", "s", "c", &slice);
  et_node(&g, 1, "Softmax", "c", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 9, &g) != EDGE_STATUS_OK); /* Softmax over axis 1 of a vector: out of range */
  CHECK_PART(t.error.text, "Softmax");
  et_close(&t);
  g.bytes = 0;
  et_value(&g, 11, "x", 1, "3x4");
  et_node(&g, 1, "Slice", "x", "c", &slice);
  et_node(&g, 1, "Softmax", "c", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 9, &g) == EDGE_STATUS_OK);
  CHECK(attr(et_find(&t, 0, "Softmax"), "axis")->u.i == 1 && attr(et_find(&t, 0, "Softmax"), "flatten")->u.i == 1);
  const ei_tensor *const y = et_tensor(&t, 0, t.graph->subgraphs[0].outputs[0]);
  CHECK(y->rank == 2 && y->dims[0] == 1 && y->dims[1] == 4);
  et_close(&t);
}

void test_graph_symbols(void) {
  et_message g = { .bytes = 0 }, m = { .bytes = 0 }, entry = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "a", 1, "batchx3x?");
  et_value(&g, 11, "b", 1, "batchx3x1");
  et_node(&g, 1, "Add", "a,b", "y", NULL);
  et_value(&g, 12, "y", 1, "batchx3x?");
  et_text(&entry, 1, "author");
  et_text(&entry, 2, "someone");
  et_model(&m, 17, &g);
  et_put(&m, 14, &entry);
  CHECK(et_open(&t, m.data, m.bytes, NULL) == EDGE_STATUS_OK);
  const ei_subgraph *const sg = &t.graph->subgraphs[0];
  const ei_tensor *const a = et_tensor(&t, 0, sg->inputs[0]), *const b = et_tensor(&t, 0, sg->inputs[1]);
  CHECK(sg->n_inputs == 2 && t.graph->n_symbols == 1 && strcmp(t.graph->symbols[0].name, "batch") == 0);
  CHECK(a->dims[0] == EI_DIM_UNKNOWN && a->symbols[0] == 1 && b->symbols[0] == 1 && a->symbols[2] == 0);
  CHECK(a->dims[1] == 3 && a->dims[2] == EI_DIM_UNKNOWN && b->dims[2] == 1);
  CHECK(t.graph->n_metadata == 1 && strcmp(t.graph->metadata[0].key, "author") == 0);
  CHECK(t.graph->metadata[0].bytes == 7 && t.graph->n_entries == 1);
  et_close(&t);
}

/* Exporters that call every open dimension "?" do not mean that they are equal. */
void test_graph_nameless_symbols(void) {
  et_message g = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "x", 1, "\"?\"x3x\"?\"");
  et_node(&g, 1, "Neg", "x", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_OK);
  const ei_tensor *const x = et_tensor(&t, 0, t.graph->subgraphs[0].inputs[0]);
  CHECK(t.graph->n_symbols == 0 && x->rank == 3 && x->dims[0] == EI_DIM_UNKNOWN && x->dims[2] == EI_DIM_UNKNOWN);
  et_close(&t);
}

/* Nodes out of order are sorted, circles are refused. */
void test_graph_order(void) {
  et_message g = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "x", 1, "4");
  et_node(&g, 1, "Neg", "b", "y", NULL);
  et_node(&g, 1, "Abs", "a", "b", NULL);
  et_node(&g, 1, "Exp", "x", "a", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_OK);
  CHECK(strcmp(t.graph->subgraphs[0].nodes[0].op->name, "Exp") == 0);
  CHECK(strcmp(t.graph->subgraphs[0].nodes[2].op->name, "Neg") == 0);
  et_close(&t);
  g.bytes = 0;
  et_node(&g, 1, "Neg", "b", "a", NULL);
  et_node(&g, 1, "Abs", "a", "b", NULL);
  et_value(&g, 12, "a", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "cycle");
  et_close(&t);
}

/* Outputs that are inputs, constants or listed twice pass an Identity and keep their names. */
void test_graph_outputs(void) {
  static const float one = 1.0f;
  et_message g = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "x", 1, "2");
  et_value(&g, 11, "c", 1, "");
  et_raw(&g, "c", 1, "", &one, sizeof one);
  et_node(&g, 1, "Add", "x,c", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  et_value(&g, 12, "x", 1, NULL);
  et_value(&g, 12, "c", 1, NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_OK);
  const ei_subgraph *const sg = &t.graph->subgraphs[0];
  static const char *const names[] = { "y", "x", "c", "y" };
  CHECK(sg->n_inputs == 1 && sg->n_outputs == 4 && et_count(&t, 0, "Identity") == 3);
  for (uint32_t i = 0; i < 4; ++i) CHECK(strcmp(et_tensor(&t, 0, sg->outputs[i])->name, names[i]) == 0);
  et_close(&t);
}

/* A default value gives way to one that the caller names. */
void test_graph_given(void) {
  static const char *const named[] = { "other=file", "c=file.npy" };
  static const float one = 1.0f;
  for (uint32_t n = 0; n < 2; ++n) {
    et_message g = { .bytes = 0 }, m = { .bytes = 0 };
    et_import t;
    et_value(&g, 11, "x", 1, "2");
    et_value(&g, 11, "c", 1, "");
    et_raw(&g, "c", 1, "", &one, sizeof one);
    et_node(&g, 1, "Add", "x,c", "y", NULL);
    et_value(&g, 12, "y", 1, NULL);
    et_model(&m, 17, &g);
    et_given = named + n;
    CHECK(et_open(&t, m.data, m.bytes, NULL) == EDGE_STATUS_OK);
    et_given = NULL;
    CHECK(t.graph->subgraphs[0].n_inputs == 1 + n);
    et_close(&t);
  }
}

/* A local function with an attribute handed on, used twice. */
void test_graph_functions(void) {
  et_message g = { .bytes = 0 }, m = { .bytes = 0 }, fn = { .bytes = 0 }, set = { .bytes = 0 }, attrs = { .bytes = 0 },
             call = { .bytes = 0 };
  et_import t;
  et_text(&fn, 1, "Twist");
  et_text(&fn, 10, "mine");
  et_text(&fn, 4, "p");
  et_text(&fn, 5, "q");
  et_text(&fn, 6, "turn");
  et_attr_ref(&attrs, "axis", "turn", 2);
  et_node(&fn, 7, "Abs", "p", "inner", NULL);
  et_node(&fn, 7, "Flatten", "inner", "q", &attrs);
  et_int(&set, 2, 17);
  et_put(&fn, 9, &set);
  et_attr_int(&call, "turn", 2);
  et_value(&g, 11, "x", 1, "2x3x4");
  et_node(&g, 1, "mine.Twist", "x", "a", &call);
  et_node(&g, 1, "mine.Twist", "a", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  et_model(&m, 17, &g);
  et_put(&m, 25, &fn);
  CHECK(et_open(&t, m.data, m.bytes, NULL) == EDGE_STATUS_OK);
  CHECK(et_count(&t, 0, "Abs") == 2 && et_count(&t, 0, "Flatten") == 2);
  const ei_subgraph *const sg = &t.graph->subgraphs[0];
  CHECK(attr(&sg->nodes[1], "axis")->u.i == 2 && attr(&sg->nodes[3], "axis")->u.i == 1);
  CHECK(strcmp(et_tensor(&t, 0, sg->outputs[0])->name, "y") == 0);
  et_close(&t);
  et_message loop = { .bytes = 0 }; /* a function that calls itself */
  et_text(&loop, 1, "Again");
  et_text(&loop, 10, "mine");
  et_text(&loop, 4, "p");
  et_text(&loop, 5, "q");
  et_node(&loop, 7, "mine.Again", "p", "q", NULL);
  et_put(&loop, 9, &set);
  g.bytes = m.bytes = 0;
  et_value(&g, 11, "x", 1, "2");
  et_node(&g, 1, "mine.Again", "x", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  et_model(&m, 17, &g);
  et_put(&m, 25, &loop);
  CHECK(et_open(&t, m.data, m.bytes, NULL) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "recursive");
  et_close(&t);
}

/* Values of the enclosing graph become inputs of both branches, in one order; constants are simply shared. */
void test_graph_captures(void) {
  static const float two = 2.0f;
  et_message g = { .bytes = 0 }, a = { .bytes = 0 }, b = { .bytes = 0 }, attrs = { .bytes = 0 };
  et_import t;
  if (!ei_op_find("If")) {
    printf("skipped: this build has no If\n");
    exit(77);
  }
  et_node(&a, 1, "Add", "p,two", "ya", NULL);
  et_value(&a, 12, "ya", 1, NULL);
  et_node(&b, 1, "Mul", "q,p", "yb", NULL);
  et_value(&b, 12, "yb", 1, NULL);
  et_attr_graph(&attrs, "then_branch", &a);
  et_attr_graph(&attrs, "else_branch", &b);
  et_value(&g, 11, "c", 9, "");
  et_value(&g, 11, "p", 1, "3");
  et_value(&g, 11, "q", 1, "3");
  et_raw(&g, "two", 1, "", &two, sizeof two);
  et_node(&g, 1, "If", "c", "y", &attrs);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_OK);
  const ei_node *const node = et_find(&t, 0, "If");
  const ei_subgraph *const then_graph = &t.graph->subgraphs[attr(node, "then")->u.i];
  const ei_subgraph *const else_graph = &t.graph->subgraphs[attr(node, "else")->u.i];
  CHECK(t.graph->n_subgraphs == 3 && node->n_in == 3);
  CHECK(then_graph->n_inputs == 2 && else_graph->n_inputs == 2);
  CHECK(strcmp(et_tensor(&t, 0, node->in[1])->name, "p") == 0 && strcmp(et_tensor(&t, 0, node->in[2])->name, "q") == 0);
  CHECK(strcmp(then_graph->tensors[then_graph->inputs[0]].name, "p") == 0);
  CHECK(strcmp(else_graph->tensors[else_graph->inputs[1]].name, "q") == 0);
  CHECK(then_graph->tensors[then_graph->nodes[0].in[1]].data != NULL);
  et_close(&t);
}

/* Everything that is missing stands in one error, and each kind in the log. */
void test_graph_missing(void) {
  et_message g = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "x", 1, "4");
  et_node(&g, 1, "Frobnicate", "x", "a", NULL);
  et_node(&g, 1, "com.example.Twiddle", "a", "b", NULL);
  et_node(&g, 1, "Abs", "b", "c", NULL);
  et_node(&g, 1, "Frobnicate", "c", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_UNSUPPORTED_OP);
  CHECK_PART(t.error.text, "2 unsupported operators");
  CHECK_PART(t.error.text, "Frobnicate (domain 'ai.onnx', opset 17) at node 'Frobnicate' and 1 more");
  CHECK_PART(t.error.text, "Twiddle (domain 'com.example'");
  CHECK_PART(t.log, "Frobnicate");
  CHECK_PART(t.log, "Twiddle");
  et_close(&t);
}

void test_graph_errors(void) {
  static const float zero = 0.0f;
  et_message g = { .bytes = 0 };
  et_import t;
  et_value(&g, 11, "x", 1, "4");
  et_node(&g, 1, "Add", "x,nowhere", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "'nowhere'");
  et_close(&t);
  CHECK(et_open_graph(&t, 99, &g) == EDGE_STATUS_UNSUPPORTED_VERSION);
  CHECK_PART(t.error.text, "opset 99");
  et_close(&t);
  g.bytes = 0;
  et_value(&g, 11, "x", 1, "4");
  et_node(&g, 1, "Abs", "x", "y", NULL);
  et_node(&g, 1, "Exp", "x", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "twice");
  et_close(&t);
  g.bytes = 0;
  et_raw(&g, "c", 1, "", &zero, sizeof zero);
  et_raw(&g, "c", 1, "", &zero, sizeof zero);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_MALFORMED);
  CHECK_PART(t.error.text, "given twice");
  et_close(&t);
  g.bytes = 0;
  et_value(&g, 11, "x", 8, "4");
  et_node(&g, 1, "Identity", "x", "y", NULL);
  et_value(&g, 12, "y", 8, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_UNSUPPORTED_TYPE);
  CHECK_PART(t.error.text, "string");
  et_close(&t);
  g.bytes = 0;
  et_value(&g, 11, "x", 1, "2x3");
  et_value(&g, 11, "w", 1, "4x5");
  et_node(&g, 1, "MatMul", "x,w", "y", NULL);
  et_value(&g, 12, "y", 1, NULL);
  CHECK(et_open_graph(&t, 17, &g) == EDGE_STATUS_INVALID_VALUE);
  CHECK_PART(t.error.text, "MatMul");
  et_close(&t);
}
