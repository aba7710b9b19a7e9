/* SPDX-License-Identifier: Apache-2.0
 * What an application does: open a model, run it, read the first output. Compiles as C99, C11 and C++17. */
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(const char *what, edge_status status, const edge_error *error) {
  fprintf(stderr, "%s: %s: %s\n", what, edge_status_name(status), error->text);
  return 1;
}

/* A fixed, smooth signal, in the type of the input. */
static int fill(edge_session *session, uint32_t index) {
  edge_tensor t;
  uint64_t n = 0, i;
  float *values;
  edge_status status = edge_session_get_input(session, index, &t);
  if (status == EDGE_STATUS_OK) status = edge_tensor_elements(&t, &n);
  if (status != EDGE_STATUS_OK || t.data == NULL) return 1;
  values = (float *)malloc((size_t)(n + 1) * sizeof(float));
  if (values == NULL) return 1;
  for (i = 0; i < n; ++i) values[i] = (float)(0.5 + 0.5 * sin((double)i * 0.37));
  status = edge_quantize(values, n, &t);
  free(values);
  return status != EDGE_STATUS_OK;
}

static int run(edge_session *session) {
  edge_error error = EDGE_ERROR_INIT;
  edge_tensor out;
  uint64_t n = 0, i;
  uint32_t input;
  double sum = 0;
  float *values;
  edge_status status;
  for (input = 0; input < edge_session_num_inputs(session); ++input) {
    if (fill(session, input) != 0) return failed("input", EDGE_STATUS_TYPE_MISMATCH, &error);
  }
  status = edge_session_run(session);
  if (status != EDGE_STATUS_OK) return failed("run", status, edge_session_last_error(session));
  status = edge_session_get_output(session, 0, &out);
  if (status == EDGE_STATUS_OK) status = edge_tensor_elements(&out, &n);
  if (status != EDGE_STATUS_OK || n == 0) return failed("output", status, &error);
  values = (float *)malloc((size_t)n * sizeof(float));
  if (values == NULL) return 1;
  status = edge_dequantize(&out, values, n);
  for (i = 0; status == EDGE_STATUS_OK && i < n; ++i) sum += values[i] * (double)(i + 1);
  free(values);
  if (status != EDGE_STATUS_OK) return failed("output", status, &error);
  printf("%u outputs, first: %lu values, checksum %.6g\n", (unsigned)edge_session_num_outputs(session),
         (unsigned long)n, sum);
  return 0;
}

int main(int argc, char **argv) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  edge_status status;
  int result;
  if (argc != 2) {
    fprintf(stderr, "usage: app MODEL.edge\n");
    return 1;
  }
  if (edge_version() != EDGE_VERSION_NUMBER) {
    fprintf(stderr, "library %u, headers %u\n", (unsigned)edge_version(), (unsigned)EDGE_VERSION_NUMBER);
    return 1;
  }
  status = edge_env_create(NULL, &env, &error);
  if (status == EDGE_STATUS_OK) status = edge_model_open_file(env, argv[1], NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &session, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_prepare(session);
  result = status == EDGE_STATUS_OK ? run(session) : failed(argv[1], status, &error);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return result;
}
