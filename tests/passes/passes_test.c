/* SPDX-License-Identifier: Apache-2.0
 * Graph passes on small graphs, one case after another. */
#include "passes_graph.h"
#include <stdio.h>

void et_cases_shape(void);
void et_cases_attention(void);
void et_cases_arith(void);
void et_cases_quant(void);

/* The runner: unknown names are refused, known ones are left out. */
static void runner(void) {
  const int64_t dims[2] = { 2, 3 };
  const char *const off[] = { "simplify", "dead_code" }, *const wrong[] = { "no_such_pass" };
  ei_pass_options options = { .disabled = wrong, .n_disabled = 1 };
  edge_error err = EDGE_ERROR_INIT;
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 2, dims);
  const uint32_t y = et_op(&t, "Identity", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t z = et_op(&t, "Relu", y, EI_NONE, EI_NONE, EI_NONE);
  et_finish(&t, &z, 1);
  ET_CHECK(ei_passes_run(t.g, &options, &err) == EDGE_STATUS_INVALID_ARGUMENT);
  options = (ei_pass_options) { .disabled = off, .n_disabled = 2 };
  ET_CHECK(ei_passes_run(t.g, &options, &err) == EDGE_STATUS_OK && et_count(&t, "Identity") == 1);
  ET_CHECK(ei_passes_run(t.g, NULL, &err) == EDGE_STATUS_OK && et_count(&t, NULL) == 1);
  uint32_t n = 0;
  while (ei_pass_name(n)) n++;
  ET_CHECK(n > 10);
  et_end(&t);
}

/* A user without outputs takes no activation. */
static void without_output(void) {
  const int64_t dims[1] = { 3 };
  const ei_state memory = { "memory", EDGE_DTYPE_F32, 1, { 3 }, NULL, 0 };
  edge_error err = EDGE_ERROR_INIT;
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_F32, 1, dims), state = et_input(&t, EDGE_DTYPE_F32, 1, dims);
  const uint32_t y = et_op(&t, "Add", x, x, EI_NONE, EI_NONE), in[2] = { y, state };
  ET_CHECK(ei_graph_add_state(t.g, &memory) == 0 && ei_graph_add_node(t.g, 0, "AssignState", "w", in, 2, NULL, 0));
  ET_CHECK(ei_pass_activation(t.g, &err) == EDGE_STATUS_OK && et_count(&t, NULL) == 2);
  et_end(&t);
}

/* Transposes that declare other parameters for the same bytes do not cancel. */
static void other_quantization(void) {
  const int64_t dims[2] = { 2, 3 };
  const float scales[2] = { 0.5f, 0.25f };
  edge_error err = EDGE_ERROR_INIT;
  et_graph t;
  et_begin(&t);
  const uint32_t x = et_input(&t, EDGE_DTYPE_U8, 2, dims);
  const uint32_t y = et_op(&t, "Transpose", x, EI_NONE, EI_NONE, EI_NONE);
  const uint32_t z = et_op(&t, "Transpose", y, EI_NONE, EI_NONE, EI_NONE);
  for (uint32_t i = 0; i < 3; ++i)
    t.g->subgraphs[0].tensors[i == 0 ? x : i == 1 ? y : z].quant = (edge_quant) { &scales[i != 0], NULL, 1, 0, 0, 0 };
  et_finish(&t, &z, 1);
  ET_CHECK(ei_pass_transposes(t.g, &err) == EDGE_STATUS_OK && et_count(&t, "Transpose") == 2);
  et_end(&t);
}

int main(void) {
  runner();
  without_output();
  other_quantization();
  et_cases_shape();
  et_cases_attention();
  et_cases_arith();
  et_cases_quant();
  if (et_failures) fprintf(stderr, "%d checks failed\n", et_failures);
  return et_failures ? 1 : 0;
}
