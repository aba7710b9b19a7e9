/* SPDX-License-Identifier: Apache-2.0
 * fuzz_run: any bytes as a model of any known format, which is then planned and run on bytes that depend on the file.
 * A model that is accepted must run or fail with a text, within its memory and its time, on every backend. */
#include "fuzz.h"
#include "../format/format_test.h"
#include "src/import/import.h"
#include <edge/edge.h>

enum { QUOTA = 64 << 20, DEADLINE_MS = 50, MAX_INPUT = 1 << 20 };

static void check_error(edge_status status, const edge_error *error) {
  CHECK(status == EDGE_STATUS_OK || (error->status == status && error->text[0] != '\0'));
  if (status != EDGE_STATUS_OK && getenv("EDGE_FUZZ_VERBOSE"))
    printf("%s: %s\n", edge_status_name(status), error->text);
  if (status == EDGE_STATUS_INTERNAL) fprintf(stderr, "%s\n", error->text);
  CHECK(status != EDGE_STATUS_INTERNAL);
}

static bool fill_inputs(edge_session *s, uint64_t seed) {
  for (uint32_t i = 0; i < edge_session_num_inputs(s); ++i) {
    edge_tensor t;
    uint64_t bytes = 0;
    if (edge_session_get_input(s, i, &t) != EDGE_STATUS_OK || edge_tensor_bytes(&t, &bytes) != EDGE_STATUS_OK)
      return false;
    if (bytes > MAX_INPUT) return false;
    uint8_t *const data = malloc(bytes ? bytes : 1);
    CHECK(data);
    for (uint64_t k = 0; k < bytes; ++k)
      data[k] = t.dtype == EDGE_DTYPE_BOOL ? et_next(&seed) >> 63 : (uint8_t)(et_next(&seed) >> 56);
    const edge_status status = edge_session_set_input(s, i, data, bytes);
    free(data);
    if (status != EDGE_STATUS_OK) return false;
  }
  return true;
}

static bool run(edge_env *env, edge_model *model, uint64_t seed) {
  edge_session_options options = EDGE_SESSION_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_session *s = NULL;
  bool done = false;
  (void)env;
  options.num_threads = 1;
  edge_status status = edge_session_create(model, &options, &s, &error);
  check_error(status, &error);
  if (status != EDGE_STATUS_OK) return false;
  if (fill_inputs(s, seed)) {
    status = edge_session_set_deadline(s, edge_session_clock_ns() + DEADLINE_MS * UINT64_C(1000000));
    CHECK(status == EDGE_STATUS_OK);
    status = edge_session_run(s);
    check_error(status, edge_session_last_error(s));
    done = status == EDGE_STATUS_OK;
  }
  edge_session_destroy(s);
  return done;
}

static edge_status open_model(edge_env *env, const uint8_t *p, size_t n, edge_model **model, edge_error *error) {
  if (ei_import_detect(p, n) == EI_IMPORT_EDGE) return edge_model_open_memory(env, p, n, NULL, model, error);
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  options.max_bytes = QUOTA;
  EI_TRY(ei_import_image_memory(p, n, &options, &image, error));
  return edge_model_open_image(env, &image, NULL, model, error);
}

bool et_fuzz_one(const uint8_t *p, size_t n) {
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  uint64_t seed = 1 + n;
  bool done = false;
  for (size_t i = 0; i < n; ++i) seed = seed * 31 + p[i];
  options.max_bytes = QUOTA;
  CHECK_OK(edge_env_create(&options, &env, err));
  const edge_status status = open_model(env, p, n, &model, &error);
  check_error(status, &error);
  if (status == EDGE_STATUS_OK) {
    done = run(env, model, seed | 1);
    edge_model_release(model);
  }
  edge_env_destroy(env);
  return done;
}

void et_fuzz_seeds(et_corpus *c) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    et_file f = et_sample_file(s->name);
    et_corpus_add(c, f.p, f.n);
    et_file_free(&f);
  }
}
