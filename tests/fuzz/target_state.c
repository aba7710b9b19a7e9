/* SPDX-License-Identifier: Apache-2.0
 * fuzz_state: any bytes as saved state, as they are and with their size and checksum made right. What is refused
 * changes nothing; what is accepted is what is saved again, byte for byte, and the model runs on it. */
#include "fuzz.h"
#include "src/base/base.h"
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_STATE = 4096 };
static edge_env *env;
static edge_model *model;
static edge_session *session;

static void need(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

static uint64_t save(uint8_t *out) {
  uint64_t n = 0;
  need(edge_session_state_save(session, out, MAX_STATE, &n) == EDGE_STATUS_OK, "save");
  return n;
}

static void end(void) {
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
}

static void start(void) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  if (env) return;
  o.backends = "cpu";
  need(edge_env_create(NULL, &env, NULL) == EDGE_STATUS_OK, "environment");
  need(edge_model_open_file(env, EDGE_STATE_MODEL, NULL, &model, NULL) == EDGE_STATUS_OK, "model");
  need(edge_session_create(model, &o, &session, NULL) == EDGE_STATUS_OK, "session");
  atexit(end);
}

static bool restore(const uint8_t *p, size_t n) {
  static uint8_t before[MAX_STATE], after[MAX_STATE];
  const uint64_t had = save(before);
  const edge_status status = edge_session_state_restore(session, p, n);
  const uint64_t has = save(after);
  if (status != EDGE_STATUS_OK) {
    need(has == had && memcmp(before, after, (size_t)has) == 0, "refused bytes changed the state");
    need(edge_session_last_error(session)->status == EDGE_STATUS_OK, "saving forgets the error");
    return false;
  }
  need(has == n && memcmp(p, after, n) == 0, "what was accepted is not what is saved");
  need(edge_session_run(session) == EDGE_STATUS_OK, "run");
  return true;
}

bool et_fuzz_one(const uint8_t *p, size_t n) {
  start();
  bool accepted = restore(p, n);
  if (n < 56 || n > 1 << 20) return accepted;
  uint8_t *const right = malloc(n);
  need(right, "memory");
  memcpy(right, p, n);
  memcpy(right, "EDGS\1\0\0\0", 8);
  for (int i = 0; i < 8; ++i) right[8 + i] = (uint8_t)((uint64_t)n >> (8 * i));
  const ei_hash sum = ei_hash_bytes(right, n - 16, 0x53474445);
  memcpy(right + n - 16, &sum.lo, 8);
  memcpy(right + n - 8, &sum.hi, 8);
  accepted |= restore(right, n);
  free(right);
  return accepted;
}

void et_fuzz_seeds(et_corpus *c) {
  uint8_t bytes[MAX_STATE];
  start();
  et_corpus_add(c, bytes, (size_t)save(bytes));
  need(edge_session_run(session) == EDGE_STATUS_OK, "run");
  et_corpus_add(c, bytes, (size_t)save(bytes));
}
