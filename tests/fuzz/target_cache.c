/* SPDX-License-Identifier: Apache-2.0
 * fuzz_cache: any bytes as the cache folder's file for a model. The model must load and give the same answer, bit for
 * bit, whatever is there. */
#include "fuzz.h"
#include <dirent.h>
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], entry[512];
static edge_env *env;
static float want[64];

static void need(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "%s\n", what);
  abort();
}

/* Output of a run on fixed input; returns the bytes that were packed, 0: all came from the cache. */
static uint64_t run(float *out) {
  edge_model *model = NULL;
  edge_session *session = NULL;
  edge_tensor t;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  o.backends = "cpu";
  need(edge_model_open_file(env, EDGE_DIGITS "/digits_f32.edge", NULL, &model, NULL) == EDGE_STATUS_OK, "open");
  need(edge_session_create(model, &o, &session, NULL) == EDGE_STATUS_OK, "create");
  need(edge_session_get_input(session, 0, &t) == EDGE_STATUS_OK, "input");
  for (uint64_t i = 0; i < t.bytes / sizeof(float); ++i) ((float *)t.data)[i] = (float)(i % 17) / 16.0f;
  need(edge_session_run(session) == EDGE_STATUS_OK, "run");
  need(edge_session_get_output(session, 0, &t) == EDGE_STATUS_OK && t.bytes <= sizeof want, "output");
  memcpy(out, t.data, (size_t)t.bytes);
  need(edge_session_get_memory(session, &memory) == EDGE_STATUS_OK, "memory");
  edge_session_destroy(session);
  edge_model_release(model);
  return memory.prepared_bytes;
}

static void clean(void) {
  if (*entry) (void)unlink(entry);
  (void)rmdir(folder);
  edge_env_destroy(env);
}

static void find_entry(void) {
  DIR *const d = opendir(folder);
  for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
    if (e->d_name[0] != '.') snprintf(entry, sizeof entry, "%s/%.255s", folder, e->d_name);
  if (d) closedir(d);
  need(*entry, "nothing was cached");
}

/* Once: the folder, the answer, the name of the file. */
static void start(void) {
  edge_env_options o = EDGE_ENV_OPTIONS_INIT;
  if (env) return;
  snprintf(folder, sizeof folder, "fuzz-cache-%ld", (long)getpid());
  o.cache_dir = folder;
  o.log_level = EDGE_LOG_ERROR;
  need(edge_env_create(&o, &env, NULL) == EDGE_STATUS_OK, "environment");
  atexit(clean);
  (void)run(want);
  find_entry();
}

bool et_fuzz_one(const uint8_t *p, size_t n) {
  float got[64];
  start();
  FILE *const out = fopen(entry, "wb");
  need(out && fwrite(p, 1, n, out) == n && fclose(out) == 0, "the file cannot be written");
  memcpy(got, want, sizeof got);
  const uint64_t packed = run(got);
  need(memcmp(got, want, sizeof got) == 0, "the answer changed");
  return packed == 0;
}

void et_fuzz_seeds(et_corpus *c) {
  static uint8_t bytes[1 << 20];
  start();
  FILE *const in = fopen(entry, "rb");
  need(in, "the file cannot be read");
  const size_t n = fread(bytes, 1, sizeof bytes, in);
  fclose(in);
  et_corpus_add(c, bytes, n);
}
