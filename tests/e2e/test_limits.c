/* SPDX-License-Identifier: Apache-2.0
 * Every limit that the caller sets has its status and its words; files that shrink, are replaced or lie about their
 * size. */
#define _POSIX_C_SOURCE 200809L
#include "e2e.h"
#include <unistd.h>

static edge_error error = EDGE_ERROR_INIT;

static bool says(edge_status got, edge_status want, const char *text, const char *words) {
  if (got == want && strstr(text, words)) return true;
  fprintf(stderr, "status %s, not %s: \"%s\" (wanted \"%s\")\n", edge_status_name(got), edge_status_name(want), text,
          words);
  return false;
}

/* ---- the environment: live bytes */

static void environment_bytes(void) {
  bool worked = false;
  for (uint64_t bytes = 1024; !worked && bytes < (uint64_t)1 << 26; bytes *= 2) {
    edge_env_options o = EDGE_ENV_OPTIONS_INIT;
    edge_env *env = NULL;
    edge_model *model = NULL;
    edge_session *session = NULL;
    o.max_bytes = bytes;
    edge_status status = edge_env_create(&o, &env, &error);
    if (status == EDGE_STATUS_OK)
      status = edge_model_open_file(env, EDGE_DIGITS "/digits_f32.edge", NULL, &model, &error);
    if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &session, &error);
    uint64_t peak = 0;
    if (env) edge_env_memory(env, NULL, &peak);
    CHECK(peak <= bytes);
    worked = status == EDGE_STATUS_OK;
    CHECK(worked || ((status == EDGE_STATUS_OUT_OF_MEMORY || status == EDGE_STATUS_LIMIT_EXCEEDED) && error.text[0]));
    edge_session_destroy(session);
    edge_model_release(model);
    edge_env_destroy(env);
  }
  CHECK(worked);
}

/* ---- the model: metadata and nodes */

static void model_size(edge_env *env) {
  edge_model_options o = EDGE_MODEL_OPTIONS_INIT;
  edge_model *model = NULL;
  o.max_nodes = 1;
  CHECK(says(edge_model_open_file(env, EDGE_DIGITS "/digits_f32.edge", &o, &model, &error), EDGE_STATUS_LIMIT_EXCEEDED,
             error.text, "max_nodes"));
  o.max_nodes = 0;
  o.max_metadata_bytes = 100;
  CHECK(says(edge_model_open_file(env, EDGE_DIGITS "/digits_f32.edge", &o, &model, &error), EDGE_STATUS_LIMIT_EXCEEDED,
             error.text, "max_metadata_bytes"));
  CHECK(!model);
}

/* ---- the importer: bytes and time */

static void importing(edge_env *env) {
  ei_import_options o = EI_IMPORT_OPTIONS_INIT;
  edge_model *model = NULL;
  o.max_bytes = 4096;
  CHECK(says(ei_import_open(env, EDGE_DIGITS "/digits_f32.onnx", &o, NULL, &model, &error), EDGE_STATUS_LIMIT_EXCEEDED,
             error.text, "limit of 4096 bytes"));
  o.max_bytes = 0;
  o.deadline_ns = 1;
  CHECK(says(ei_import_open(env, EDGE_DIGITS "/digits_f32.onnx", &o, NULL, &model, &error),
             EDGE_STATUS_DEADLINE_EXCEEDED, error.text, "deadline"));
  CHECK(!model);
}

/* ---- the session: trips, heap, time */

static void check_run(edge_env *env, const char *path, const edge_session_options *o, edge_status want,
                      const char *words) {
  edge_model *const model = open_model(env, path, NULL);
  edge_session *const s = open_session(model, o);
  for (int run = 0; run < 2; ++run) { /* the session is usable afterwards: it says the same again */
    fill_inputs(s);
    CHECK(says(edge_session_run(s), want, edge_session_last_error(s)->text, words));
  }
  edge_session_destroy(s);
  edge_model_release(model);
}

static void sessions(edge_env *env) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_model *const model = open_model(env, EDGE_DIGITS "/digits_f32.edge", NULL);
  edge_session *s = NULL;
  o.max_loop_trips = 10;
  check_run(env, EDGE_TESTS "/robust/endless.onnx", &o, EDGE_STATUS_LIMIT_EXCEEDED, "more than 10 iterations");
  o.max_loop_trips = 0;
  o.max_dynamic_bytes = 1 << 16;
  check_run(env, EDGE_TESTS "/robust/growing.onnx", &o, EDGE_STATUS_LIMIT_EXCEEDED, "limited to 65536");
  o.max_dynamic_bytes = 0;
  o.deadline_ns = edge_session_clock_ns() + 1000000000u;
  check_run(env, EDGE_TESTS "/robust/endless.onnx", &o, EDGE_STATUS_DEADLINE_EXCEEDED, "deadline");
  CHECK(says(edge_session_create(model, &o, &s, &error), EDGE_STATUS_DEADLINE_EXCEEDED, error.text, "deadline"));
  CHECK(!s);
  edge_model_release(model);
}

/* ---- files that change */

static const char *const file = "limits_test.edge", *const other = "limits_test_2.edge";

static unsigned char *bytes;
static uint64_t size;

static void write_model(const char *path, uint64_t n) {
  FILE *const out = fopen(path, "wb");
  CHECK(out && fwrite(bytes, 1, (size_t)n, out) == n && fclose(out) == 0);
}

static void output_of(edge_model *model, float *out) {
  edge_session *const s = open_session(model, NULL);
  fill_inputs(s);
  run_session(s);
  CHECK(edge_session_copy_output(s, 0, out, 40) == EDGE_STATUS_OK);
  edge_session_destroy(s);
}

static void changing_files(edge_env *env) {
  edge_model_options copy = EDGE_MODEL_OPTIONS_INIT;
  edge_model *model = NULL;
  float want[10], got[10];
  FILE *const in = fopen(EDGE_DIGITS "/digits_f32.edge", "rb");
  CHECK(in && fseek(in, 0, SEEK_END) == 0);
  size = (uint64_t)ftell(in);
  rewind(in);
  bytes = malloc((size_t)size);
  CHECK(bytes && fread(bytes, 1, (size_t)size, in) == size && fclose(in) == 0);
  copy.flags = EDGE_MODEL_COPY;
  write_model(file, size);
  CHECK(edge_model_open_file(env, file, NULL, &model, &error) == EDGE_STATUS_OK);
  output_of(model, want);
  edge_model_release(model);

  /* a copy does not care what becomes of the file */
  CHECK(edge_model_open_file(env, file, &copy, &model, &error) == EDGE_STATUS_OK);
  CHECK(truncate(file, 0) == 0);
  output_of(model, got);
  CHECK(memcmp(want, got, sizeof got) == 0);
  edge_model_release(model);

  /* a mapped one may be replaced and removed, the way an update does it */
  write_model(file, size);
  write_model(other, 100);
  CHECK(edge_model_open_file(env, file, NULL, &model, &error) == EDGE_STATUS_OK);
  CHECK(rename(other, file) == 0);
  output_of(model, got);
  CHECK(memcmp(want, got, sizeof got) == 0 && remove(file) == 0);
  output_of(model, got);
  CHECK(memcmp(want, got, sizeof got) == 0);
  edge_model_release(model);

  /* a file that was cut before it is opened is refused, mapped or copied */
  for (uint64_t n = 0; n < size; n += n < 64 ? 1 : 997)
    for (int k = 0; k < 2; ++k) {
      write_model(file, n);
      const edge_status status = edge_model_open_file(env, file, k ? &copy : NULL, &model, &error);
      CHECK((status == EDGE_STATUS_MALFORMED || status == EDGE_STATUS_IO) && error.text[0] && !model);
    }
  CHECK(remove(file) == 0);
}

/* ---- readers that lie about their size, or give less than they were asked for */

typedef struct lying {
  uint64_t have;
} lying;

static int32_t read_some(void *user, uint64_t offset, void *buffer, uint64_t n) {
  const lying *const l = user;
  if (offset > l->have || n > l->have - offset) return 5;
  memcpy(buffer, bytes + offset, (size_t)n);
  return 0;
}

static void readers(edge_env *env) {
  edge_model *model = NULL;
  for (uint64_t have = 0; have < size; have += 1013) {
    lying l = { have };
    const edge_reader less = { &l, size, read_some }, more = { &l, UINT64_MAX, read_some },
                      cut = { &l, have, read_some };
    CHECK(edge_model_open_reader(env, &less, NULL, &model, &error) == EDGE_STATUS_IO && !model && error.text[0]);
    edge_status status = edge_model_open_reader(env, &more, NULL, &model, &error);
    CHECK(status != EDGE_STATUS_OK && !model && error.text[0]);
    status = edge_model_open_reader(env, &cut, NULL, &model, &error);
    CHECK(status != EDGE_STATUS_OK && !model && error.text[0]);
  }
}

int main(void) {
  edge_env *const env = open_env();
  environment_bytes();
  model_size(env);
  importing(env);
  sessions(env);
  changing_files(env);
  readers(env);
  free(bytes);
  edge_env_destroy(env);
  return 0;
}
