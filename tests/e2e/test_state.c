/* SPDX-License-Identifier: Apache-2.0
 * State as bytes: a stream goes on where it was saved; whatever is done to the bytes, they are refused with their own
 * status and nothing changes; clones; the committed sample of version 1. */
#include "e2e.h"

#define STATE_MODEL EDGE_TESTS "/format/v1/state.edge"
enum { FLOATS = 24, RECORD = 40 };

typedef struct bytes {
  unsigned char *p;
  uint64_t n;
} bytes;

static bytes save(edge_session *s) {
  bytes b = { NULL, 0 };
  CHECK(edge_session_state_save(s, NULL, 0, &b.n) == EDGE_STATUS_OK && b.n > 0);
  b.p = malloc((size_t)b.n);
  CHECK(b.p);
  memset(b.p, 0xee, (size_t)b.n);
  CHECK(edge_session_state_save(s, b.p, b.n, &b.n) == EDGE_STATUS_OK);
  return b;
}

static bool same_state(edge_session *s, const bytes *want) {
  const bytes now = save(s);
  const bool same = now.n == want->n && memcmp(now.p, want->p, (size_t)now.n) == 0;
  free(now.p);
  return same;
}

static edge_model *open_edge(edge_env *env, const char *path) {
  edge_model *m = NULL;
  CHECK(edge_model_open_file(env, path, NULL, &m, NULL) == EDGE_STATUS_OK);
  return m;
}

/* y = x + memory; memory = y */
static void step(edge_session *s, float x, float *y) {
  float in[FLOATS];
  for (int i = 0; i < FLOATS; ++i) in[i] = x + (float)i * 0.25f;
  CHECK(edge_session_set_input(s, 0, in, sizeof in) == EDGE_STATUS_OK);
  run_session(s);
  CHECK(edge_session_copy_output(s, 0, y, FLOATS * sizeof *y) == EDGE_STATUS_OK);
}

static void a_stream_goes_on(edge_model *m) {
  edge_session *const a = open_session(m, NULL), *const b = open_session(m, NULL);
  float whole[FLOATS], rest[FLOATS], expected[FLOATS] = { 1.0f, -2.0f, 0.5f };
  for (int i = 0; i < FLOATS; ++i)
    for (int k = 0; k < 5; ++k) expected[i] += (float)k + (float)i * 0.25f;
  step(a, 0, whole);
  step(a, 1, whole);
  const bytes half = save(a);
  for (int k = 2; k < 5; ++k) step(a, (float)k, whole);
  CHECK(memcmp(whole, expected, sizeof whole) == 0);
  step(b, 77, rest);
  CHECK(edge_session_state_restore(b, half.p, half.n) == EDGE_STATUS_OK && same_state(b, &half));
  for (int k = 2; k < 5; ++k) step(b, (float)k, rest);
  CHECK(memcmp(whole, rest, sizeof whole) == 0);
  CHECK(edge_session_state_restore(a, half.p, half.n) == EDGE_STATUS_OK); /* back in time */
  for (int k = 2; k < 5; ++k) step(a, (float)k, rest);
  CHECK(memcmp(whole, rest, sizeof whole) == 0);
  CHECK(edge_session_reset_state(a) == EDGE_STATUS_OK);
  for (int k = 0; k < 5; ++k) step(a, (float)k, rest);
  CHECK(memcmp(whole, rest, sizeof whole) == 0);
  free(half.p);
  edge_session_destroy(a);
  edge_session_destroy(b);
}

static void sizes(edge_model *m) {
  edge_session *const s = open_session(m, NULL);
  const bytes b = save(s);
  unsigned char small[64] = { 0 };
  uint64_t n = 0;
  CHECK(edge_session_state_save(s, small, sizeof small, &n) == EDGE_STATUS_LIMIT_EXCEEDED && n == b.n);
  CHECK(strstr(edge_session_last_error(s)->text, "bytes"));
  for (size_t i = 0; i < sizeof small; ++i) CHECK(small[i] == 0);
  CHECK(edge_session_state_save(s, b.p, b.n, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_state_save(NULL, b.p, b.n, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_state_restore(s, NULL, 5) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_state_clone(s, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_session_state_clone(NULL, s) == EDGE_STATUS_INVALID_ARGUMENT);
  free(b.p);
  edge_session_destroy(s);
}

/* Bytes that are refused, in memory of exactly their size. */
static void refused(edge_session *s, const bytes *before, const unsigned char *p, uint64_t n, edge_status want) {
  unsigned char *const exact = malloc(n ? (size_t)n : 1);
  CHECK(exact);
  if (n) memcpy(exact, p, (size_t)n);
  const edge_status status = edge_session_state_restore(s, exact, n);
  if (status != want) fprintf(stderr, "%s instead of %s\n", edge_status_name(status), edge_status_name(want));
  CHECK(status == want && edge_session_last_error(s)->text[0]);
  CHECK(same_state(s, before));
  free(exact);
}

static void damage(edge_model *m) {
  edge_session *const s = open_session(m, NULL);
  float y[FLOATS];
  step(s, 3, y);
  const bytes good = save(s);
  step(s, 4, y);
  const bytes before = save(s);
  for (uint64_t n = 0; n < good.n; ++n) refused(s, &before, good.p, n, EDGE_STATUS_MALFORMED);
  for (uint64_t bit = 0; bit < 8 * good.n; ++bit) {
    good.p[bit / 8] ^= (unsigned char)(1u << bit % 8);
    refused(s, &before, good.p, good.n, bit / 32 == 1 ? EDGE_STATUS_UNSUPPORTED_VERSION : EDGE_STATUS_MALFORMED);
    good.p[bit / 8] ^= (unsigned char)(1u << bit % 8);
  }
  CHECK(edge_session_state_restore(s, good.p, good.n) == EDGE_STATUS_OK && same_state(s, &good));
  free(good.p);
  free(before.p);
  edge_session_destroy(s);
}

/* Right checksums over wrong meaning: each rule has its status. */
static void lies(edge_model *m) {
  static const struct {
    uint64_t at;
    unsigned char value;
    edge_status want;
  } cases[] = {
    { 16, 1, EDGE_STATUS_WRONG_MODEL },
    { 31, 1, EDGE_STATUS_WRONG_MODEL },
    { 32, 1, EDGE_STATUS_WRONG_MODEL },
    { 36, 2, EDGE_STATUS_MALFORMED },
    { RECORD, 1, EDGE_STATUS_MALFORMED },
    { RECORD + 3, 0x80, EDGE_STATUS_MALFORMED },
    { RECORD + 4, 8, EDGE_STATUS_TYPE_MISMATCH },
    { RECORD + 8, 1, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 11, 0x80, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 12, 1, EDGE_STATUS_MALFORMED },
    { RECORD + 16, 1, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 23, 0xff, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 24, 7, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 32, 1, EDGE_STATUS_SHAPE_MISMATCH },
    { RECORD + 40, 1, EDGE_STATUS_MALFORMED },
    { RECORD + 46, 1, EDGE_STATUS_MALFORMED }, /* "memory", padding */
  };
  edge_session *const s = open_session(m, NULL);
  const bytes good = save(s);
  float y[FLOATS];
  step(s, 5, y);
  const bytes before = save(s);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    bytes b = { malloc((size_t)good.n), good.n };
    CHECK(b.p);
    memcpy(b.p, good.p, (size_t)good.n);
    b.p[cases[i].at] ^= cases[i].value;
    const ei_hash sum = ei_hash_bytes(b.p, b.n - 16, 0x53474445);
    memcpy(b.p + b.n - 16, &sum.lo, 8);
    memcpy(b.p + b.n - 8, &sum.hi, 8);
    refused(s, &before, b.p, b.n, cases[i].want);
    free(b.p);
  }
  free(good.p);
  free(before.p);
  edge_session_destroy(s);
}

static void clones(edge_env *env, edge_model *m) {
  edge_model *const again = open_edge(env, STATE_MODEL), *const other = open_edge(env, EDGE_DIGITS "/digits_f32.edge");
  edge_session_options peek = EDGE_SESSION_OPTIONS_INIT;
  peek.entry = "peek";
  edge_session *const a = open_session(m, NULL), *const b = open_session(again, NULL),
                      *const c = open_session(m, &peek), *const d = open_session(other, NULL);
  float y[FLOATS], z[FLOATS];
  step(a, 9, y);
  const bytes state = save(a), none = save(d);
  CHECK(edge_session_state_clone(b, a) == EDGE_STATUS_OK && same_state(b, &state));
  CHECK(edge_session_state_clone(c, a) == EDGE_STATUS_OK && same_state(c, &state)); /* another entry */
  CHECK(edge_session_state_clone(a, a) == EDGE_STATUS_OK && same_state(a, &state));
  CHECK(edge_session_state_clone(d, a) == EDGE_STATUS_WRONG_MODEL && edge_session_last_error(d)->text[0]);
  CHECK(edge_session_state_clone(a, d) == EDGE_STATUS_WRONG_MODEL && same_state(a, &state));
  refused(d, &none, state.p, state.n, EDGE_STATUS_WRONG_MODEL);
  refused(a, &state, none.p, none.n, EDGE_STATUS_WRONG_MODEL);
  step(a, 1, y);
  step(b, 1, z);
  CHECK(memcmp(y, z, sizeof y) == 0);
  free(state.p);
  free(none.p);
  edge_session_destroy(a);
  edge_session_destroy(b);
  edge_session_destroy(c);
  edge_session_destroy(d);
  edge_model_release(again);
  edge_model_release(other);
}

/* What CallOnce did is part of the state: a restored session does not initialise its variables again. */
static void call_once(edge_env *env) {
  edge_model *const m = open_model(env, EDGE_TESTS "/fuzz/seeds/tflite/variables.tflite", NULL);
  edge_session *const a = open_session(m, NULL), *const b = open_session(m, NULL);
  float x[2] = { 5, 6 }, y[2], z[2];
  for (int k = 0; k < 3; ++k) {
    x[0] += 1;
    if (k == 1) {
      const bytes state = save(a);
      CHECK(edge_session_state_restore(b, state.p, state.n) == EDGE_STATUS_OK);
      free(state.p);
    }
    CHECK(edge_session_set_input(a, 0, x, sizeof x) == EDGE_STATUS_OK);
    run_session(a);
    CHECK(edge_session_copy_output(a, 0, y, sizeof y) == EDGE_STATUS_OK);
    if (k == 0) continue;
    CHECK(edge_session_set_input(b, 0, x, sizeof x) == EDGE_STATUS_OK);
    run_session(b);
    CHECK(edge_session_copy_output(b, 0, z, sizeof z) == EDGE_STATUS_OK && memcmp(y, z, sizeof y) == 0);
  }
  edge_session_destroy(a);
  edge_session_destroy(b);
  edge_model_release(m);
}

/* Version 1 is read for ever. The sample is the state after one step with x = 2. `write` makes it. */
static void sample(edge_model *m, bool make) {
  static const char path[] = EDGE_GOLDENS "/state_v1.bin";
  edge_session *const s = open_session(m, NULL);
  unsigned char file[1024];
  float y[FLOATS], z[FLOATS];
  if (make) {
    step(s, 2, y);
    const bytes b = save(s);
    FILE *const out = fopen(path, "wb");
    CHECK(out && fwrite(b.p, 1, (size_t)b.n, out) == b.n && fclose(out) == 0);
    free(b.p);
  }
  FILE *const in = fopen(path, "rb");
  CHECK(in);
  const bytes b = { file, fread(file, 1, sizeof file, in) };
  fclose(in);
  CHECK(edge_session_state_restore(s, b.p, b.n) == EDGE_STATUS_OK && same_state(s, &b));
  step(s, 0, z);
  for (int i = 0; i < FLOATS; ++i)
    CHECK(z[i] == (i == 0 ? 1.0f : i == 1 ? -2.0f : i == 2 ? 0.5f : 0.0f) + 2.0f + 0.5f * (float)i);
  edge_session_destroy(s);
}

int main(int argc, char **argv) {
  edge_env *const env = open_env();
  edge_model *const m = open_edge(env, STATE_MODEL);
  a_stream_goes_on(m);
  sizes(m);
  damage(m);
  lies(m);
  clones(env, m);
  call_once(env);
  sample(m, argc > 1 && strcmp(argv[1], "write") == 0);
  edge_model_release(m);
  edge_env_destroy(env);
  return 0;
}
