/* SPDX-License-Identifier: Apache-2.0
 * Firmware in one file: a model in memory, a static pool of bytes, one run. Linked, not run, by the test: it shows what
 * the library needs from a target without an operating system. */
#include <edge/edge.h>

static _Alignas(64) unsigned char memory[64 * 1024];
static size_t used;

static void *take(void *user, uint64_t size, uint64_t align) {
  (void)user;
  const size_t start = (used + (size_t)align - 1) & ~((size_t)align - 1);
  if (start > sizeof(memory) || size > sizeof(memory) - start) return NULL;
  used = start + (size_t)size;
  return memory + start;
}

static void give(void *user, void *ptr, uint64_t size, uint64_t align) {
  (void)user, (void)ptr, (void)size, (void)align;
}

extern const unsigned char model_bytes[];
extern const unsigned char model_end[];

int main(void) {
  static const edge_allocator allocator = { NULL, take, give };
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  options.allocator = &allocator;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  edge_status status = edge_env_create(&options, &env, NULL);
  const uint64_t bytes = (uint64_t)(model_end - model_bytes);
  if (status == EDGE_STATUS_OK) status = edge_model_open_memory(env, model_bytes, bytes, NULL, &model, NULL);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &session, NULL);
  if (status == EDGE_STATUS_OK) status = edge_session_run(session);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return status;
}
