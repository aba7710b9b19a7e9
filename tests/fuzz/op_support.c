/* SPDX-License-Identifier: Apache-2.0
 * Where the cases of tests/ops run: one line a case with its operator, the type of its data, and the kernel of each
 * backend that takes it. docs/operators.py makes a table of them.
 *     op_support      as on a CPU with AVX2, so that the answer is the same on newer ones; 77 where there is less */
#include "graph_gen.h"
#include <edge/edge.h>

/* The first input that is a tensor says the type; operators without inputs have their output's. */
static void print_type(const et_made *m) {
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  const ei_node *const n = &sg->nodes[0];
  uint32_t id = EI_NONE;
  for (uint32_t i = 0; i < n->n_in && id == EI_NONE; ++i) id = n->in[i];
  for (uint32_t i = 0; i < n->n_out && id == EI_NONE; ++i) id = n->out[i];
  const ei_tensor *const t = &sg->tensors[id];
  printf("%s\t%s%s", m->op[0]->name, edge_dtype_name(t->dtype), t->quant.count > 0 ? "q" : "");
}

/* One backend's answer: the kernel, or why there is none. */
static void print_placement(edge_env *env, const et_file *file, const et_made *m, const char *backends) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_model *model = NULL;
  edge_session *s = NULL;
  edge_placement p = EDGE_PLACEMENT_INIT;
  const ei_subgraph *const sg = &m->g->subgraphs[0];
  o.backends = backends;
  o.flags = EDGE_SESSION_PREFER;
  edge_status status = edge_model_open_memory(env, file->p, file->n, NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, &o, &s, &error);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < sg->n_inputs; ++i) {
    const edge_tensor *const v = &m->value[sg->inputs[i]];
    status = edge_session_resize_input(s, i, v->dims, v->rank);
  }
  if (status == EDGE_STATUS_OK) status = edge_session_explain(s, 0, &p);
  if (status == EDGE_STATUS_OK)
    printf("\t%s\t%s", p.backend, p.kernel);
  else
    printf("\t-\t%s", edge_status_name(status));
  edge_session_destroy(s);
  edge_model_release(model);
}

int main(void) {
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_env *env = NULL;
  options.isa_cap = "avx2";
  if (edge_env_create(&options, &env, NULL) != EDGE_STATUS_OK || strcmp(edge_env_isa_name(env), "avx2") != 0) {
    printf("skipped: this CPU has no AVX2\n");
    edge_env_destroy(env);
    return 77;
  }
  for (uint32_t index = 0; index < et_graph_cases(); ++index) {
    et_memory *const mem = et_memory_new(64 << 20);
    const et_made *const m = et_graph_case(&mem->arena, index, ET_CASE_PLAIN, 0, ET_CONST_WEIGHTS);
    et_file file;
    if (m && m->legal && m->n_ops == 1) {
      file = et_file_write(m->g, mem);
      print_type(m);
      print_placement(env, &file, m, "cpu");
      print_placement(env, &file, m, "xnnpack,cpu");
      printf("\n");
      et_file_free(&file);
    }
    et_memory_free(mem);
  }
  edge_env_destroy(env);
  return 0;
}
