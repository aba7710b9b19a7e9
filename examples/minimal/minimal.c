/* SPDX-License-Identifier: Apache-2.0
 * The smallest program: a model file, zeros in, the first output's size out. */
#include <edge/edge.h>
#include <stdio.h>

int main(int argc, char **argv) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  edge_tensor out;
  if (argc < 2 || edge_env_create(NULL, &env, &error) || edge_model_open_file(env, argv[1], NULL, &model, &error) ||
      edge_session_create(model, NULL, &session, &error) || edge_session_run(session) ||
      edge_session_get_output(session, 0, &out)) {
    fprintf(stderr, "%s\n",
            error.text[0] ? error.text
            : session     ? edge_session_last_error(session)->text
                          : "usage: minimal MODEL.edge");
  } else {
    printf("%s: %llu bytes of %s\n", out.name, (unsigned long long)out.bytes, edge_dtype_name(out.dtype));
  }
  const int failed = !session || edge_session_last_error(session)->status != EDGE_STATUS_OK;
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return failed;
}
