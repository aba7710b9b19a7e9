/* SPDX-License-Identifier: Apache-2.0
 * Memory promises on every shared model and the bundled ones: the plan is near its lower bound, a session runs inside a
 * caller's arena of exactly that size with a guard page behind it, memory can be asked first, runs allocate nothing.
 * Run with the counting library preloaded (alloc_count.c) it also counts the C library's allocations. */
#define _DEFAULT_SOURCE
#define _GNU_SOURCE
#include "e2e.h"
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RUNS = 1000 };

/* `bytes` of memory that end right before a page that must not be touched; 64-byte aligned sizes only. */
static void *guarded(size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (bytes + page - 1) / page * page;
  char *const base = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(base != MAP_FAILED && mprotect(base + body, page, PROT_NONE) == 0);
  memset(base, 0xa5, body);
  return base + body - bytes;
}

static unsigned long (*calls)(void);

static void check_model(edge_env *env, const char *path, int runs) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session_memory asked = EDGE_SESSION_MEMORY_INIT, got = EDGE_SESSION_MEMORY_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session *small = NULL;
  edge_model *const model = open_model(env, path, NULL);
  o.backends = "cpu";
  CHECK(edge_session_query_memory(model, &o, NULL, 0, &asked, &error) == EDGE_STATUS_OK);
  CHECK(asked.prepared_bytes == 0); /* asking packs nothing */
  const double ratio =
      asked.arena_lower_bound_bytes ? (double)asked.arena_bytes / (double)asked.arena_lower_bound_bytes : 1.0;
  const size_t need = (size_t)asked.arena_bytes;
  CHECK(need % 64 == 0 && ratio <= 1.10);
  o.arena = guarded(need);
  o.arena_bytes = asked.arena_bytes;
  edge_session *const session = open_session(model, &o);
  CHECK(edge_session_get_memory(session, &got) == EDGE_STATUS_OK && got.arena_bytes == asked.arena_bytes);
  fill_inputs(session);
  run_session(session);
  uint64_t live_before, live_after;
  edge_env_memory(env, &live_before, NULL);
  const unsigned long before = calls ? calls() : 0;
  for (int i = 0; i < runs; ++i) run_session(session);
  const unsigned long after = calls ? calls() : 0;
  edge_env_memory(env, &live_after, NULL);
  CHECK(live_before == live_after && before == after);
  printf("%s: plan %zu bytes, %.3f of the lower bound, %lu allocations in %d runs%s\n", path, need, ratio,
         after - before, runs, calls ? "" : " (environment's allocator only)");
  edge_session_destroy(session);
  o.arena_bytes -= 64; /* too small is refused with the size that is needed */
  const edge_status status = edge_session_create(model, &o, &small, &error);
  if (status == EDGE_STATUS_OK) { /* dynamic inputs are planned later */
    CHECK(edge_session_prepare(small) == EDGE_STATUS_LIMIT_EXCEEDED);
    edge_session_destroy(small);
  } else {
    CHECK(status == EDGE_STATUS_LIMIT_EXCEEDED && strstr(error.text, "needs"));
  }
  edge_model_release(model);
}

static bool have_backend(const edge_env *env, const char *name) {
  for (uint32_t i = 0; i < edge_env_num_backends(env); ++i) {
    edge_backend_info info = EDGE_BACKEND_INFO_INIT;
    if (edge_env_get_backend(env, i, &info) == EDGE_STATUS_OK && strcmp(info.name, name) == 0 && info.available)
      return true;
  }
  return false;
}

/* Runs with a library's own backend allocate nothing either: what it needs it takes while the session is planned. */
static void check_runs(edge_env *env, const char *path, const char *backends, int32_t threads, int runs) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_model *const model = open_model(env, path, NULL);
  o.backends = backends;
  o.flags = EDGE_SESSION_PREFER /* whatever it accepts */ | EDGE_SESSION_OVERSUBSCRIBE;
  o.num_threads = threads;
  edge_session *const session = open_session(model, &o);
  fill_inputs(session);
  const unsigned long planned = calls ? calls() : 0;
  run_session(session);
  const unsigned long before = calls ? calls() : 0;
  for (int i = 0; i < runs; ++i) run_session(session);
  const unsigned long after = calls ? calls() : 0;
  printf("%s on %s, %d threads: %lu allocations in the first run, %lu in %d more\n", path, backends, (int)threads,
         before - planned, after - before, runs);
  CHECK(before == planned && before == after);
  edge_session_destroy(session);
  edge_model_release(model);
}

int main(int argc, char **argv) {
  char path[1024];
  edge_env *const env = open_env();
  void *const symbol = dlsym(RTLD_DEFAULT, "et_allocation_calls");
  memcpy(&calls, &symbol, sizeof calls);
  if (argc > 1) CHECK(calls); /* told that the counter is there */
  static const char *const bundled[] = { "digits_f32.edge", "digits_int8.edge", "digits_f32.onnx", "digits_int8.onnx" };
  for (size_t i = 0; i < sizeof bundled / sizeof bundled[0]; ++i) {
    snprintf(path, sizeof path, "%s/%s", EDGE_DIGITS, bundled[i]);
    check_model(env, path, RUNS);
  }
  FILE *const there = fopen(EDGE_SHARED_MODELS "/README.md", "rb");
  for (int i = 0; there && i < N_SHARED; ++i)
    check_model(env, shared_path(path, sizeof path, i), strstr(shared_models[i].file, "mobilenet") ? 20 : RUNS);
  const bool xnnpack = have_backend(env, "xnnpack");
  for (int i = 0; there && calls && xnnpack && i < N_SHARED; ++i)
    for (int32_t threads = 1; threads <= 2; ++threads)
      check_runs(env, shared_path(path, sizeof path, i), "xnnpack,cpu", threads, 20);
  if (calls && !xnnpack) printf("without XNNPACK: it is not part of this build\n");
  if (there)
    fclose(there);
  else
    printf("without the shared models: none at %s\n", EDGE_SHARED_MODELS);
  edge_env_destroy(env);
  return 0;
}
