/* SPDX-License-Identifier: Apache-2.0
 * Every allocation fails once, and from then on: loading, preparing, running, resizing end in OUT_OF_MEMORY, nothing
 * leaks, and the same call works when memory is back. Also read callbacks that fail at every call. */
#include "e2e.h"

typedef struct faulty {
  uint64_t countdown; /* allocations until the first failure; 0: none */
  bool for_ever;
  uint64_t live, calls;
} faulty;

static void *fault_alloc(void *user, uint64_t size, uint64_t align) {
  faulty *const f = user;
  f->calls++;
  if (f->countdown && --f->countdown == 0) {
    if (f->for_ever) f->countdown = 1;
    return NULL;
  }
  void *const p = aligned_alloc(
      (size_t)(align < sizeof(void *) ? sizeof(void *) : align),
      (size_t)((size + (align < 64 ? 64 : align) - 1) / (align < 64 ? 64 : align) * (align < 64 ? 64 : align)));
  if (p) f->live += size;
  return p;
}

static void fault_free(void *user, void *p, uint64_t size, uint64_t align) {
  (void)align;
  if (!p) return;
  ((faulty *)user)->live -= size;
  free(p);
}

typedef struct scenario {
  const char *name;
  edge_status (*run)(edge_env *env);
} scenario;

static unsigned char *model_bytes[2];
static uint64_t model_size[2];

static edge_status load(edge_env *env, int which, edge_model **model) {
  edge_error error = EDGE_ERROR_INIT;
  const edge_status status = edge_model_open_memory(env, model_bytes[which], model_size[which], NULL, model, &error);
  if (status != EDGE_STATUS_OK) CHECK(error.text[0] && error.status == status);
  return status;
}

static edge_status load_and_run(edge_env *env, int which, int threads, uint32_t sessions, bool resize) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model *model = NULL;
  edge_session *s[2] = { NULL, NULL };
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = "cpu";
  o.num_threads = threads;
  o.flags |= EDGE_SESSION_OVERSUBSCRIBE;
  edge_status status = load(env, which, &model);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < sessions; ++i) {
    status = edge_session_create(model, &o, &s[i], &error);
    if (status != EDGE_STATUS_OK) CHECK(!s[i] && error.text[0]);
    if (status == EDGE_STATUS_OK) status = edge_session_run(s[i]);
    if (status == EDGE_STATUS_OK && resize) {
      edge_tensor in;
      status = edge_session_get_input(s[i], 0, &in);
      if (status == EDGE_STATUS_OK) status = edge_session_resize_input(s[i], 0, in.dims, in.rank);
      if (status == EDGE_STATUS_OK) status = edge_session_prepare(s[i]);
    }
    uint32_t nodes = 0;
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (status == EDGE_STATUS_OK) status = edge_session_num_nodes(s[i], &nodes);
    if (status == EDGE_STATUS_OK) status = edge_session_explain(s[i], 0, &p);
  }
  edge_session_destroy(s[0]);
  edge_session_destroy(s[1]);
  edge_model_release(model);
  return status;
}

static edge_status load_f32(edge_env *env) {
  edge_model *m = NULL;
  const edge_status status = load(env, 0, &m);
  edge_model_release(m);
  return status;
}
static edge_status load_int8(edge_env *env) {
  edge_model *m = NULL;
  const edge_status status = load(env, 1, &m);
  edge_model_release(m);
  return status;
}
static edge_status run_f32(edge_env *env) {
  return load_and_run(env, 0, 1, 1, false);
}
static edge_status run_int8(edge_env *env) {
  return load_and_run(env, 1, 1, 1, false);
}
static edge_status run_two_threads(edge_env *env) {
  return load_and_run(env, 1, 2, 1, false);
}
static edge_status run_two_sessions(edge_env *env) {
  return load_and_run(env, 0, 1, 2, false);
}
static edge_status run_resized(edge_env *env) {
  return load_and_run(env, 1, 1, 2, true);
}

static edge_status open_copy(edge_env *env) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model_options o = EDGE_MODEL_OPTIONS_INIT;
  edge_model *m = NULL;
  o.flags = EDGE_MODEL_COPY;
  const edge_status status = edge_model_open_file(env, EDGE_DIGITS "/digits_int8.edge", &o, &m, &error);
  edge_model_release(m);
  return status;
}

static edge_status open_mapped(edge_env *env) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model *m = NULL;
  const edge_status status = edge_model_open_file(env, EDGE_DIGITS "/digits_f32.edge", NULL, &m, &error);
  edge_model_release(m);
  return status;
}

typedef struct failing_reader {
  uint64_t countdown;
} failing_reader;

static int32_t read_part(void *user, uint64_t offset, void *buffer, uint64_t bytes) {
  failing_reader *const r = user;
  if (r && r->countdown && --r->countdown == 0) return -1;
  memcpy(buffer, model_bytes[1] + offset, (size_t)bytes);
  return 0;
}

static edge_status open_reader(edge_env *env) {
  edge_error error = EDGE_ERROR_INIT;
  const edge_reader reader = { NULL, model_size[1], read_part };
  edge_model *m = NULL;
  const edge_status status = edge_model_open_reader(env, &reader, NULL, &m, &error);
  edge_model_release(m);
  return status;
}

static edge_status ask_memory(edge_env *env) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_model *m = NULL;
  o.backends = "cpu";
  edge_status status = load(env, 0, &m);
  if (status == EDGE_STATUS_OK) status = edge_session_query_memory(m, &o, NULL, 0, &memory, &error);
  edge_model_release(m);
  return status;
}

static edge_status keep_state(edge_env *env) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model *m = NULL;
  edge_session *a = NULL, *b = NULL;
  unsigned char bytes[1024];
  uint64_t n = 0;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = "cpu";
  edge_status status = edge_model_open_file(env, EDGE_TESTS "/format/v1/state.edge", NULL, &m, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(m, &o, &a, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(m, &o, &b, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_run(a);
  if (status == EDGE_STATUS_OK) { /* none of these allocates */
    CHECK(edge_session_state_save(a, bytes, sizeof bytes, &n) == EDGE_STATUS_OK);
    CHECK(edge_session_state_restore(b, bytes, n) == EDGE_STATUS_OK);
    CHECK(edge_session_state_clone(a, b) == EDGE_STATUS_OK);
  }
  edge_session_destroy(a);
  edge_session_destroy(b);
  edge_model_release(m);
  return status;
}

static edge_status refuse(edge_custom_call *call) {
  return call->host->fail(call, EDGE_STATUS_INVALID_VALUE, "never called");
}

/* Registering, a run on the session's thread, memory that an output shares with an input. */
static edge_status run_async(edge_env *env) {
  static _Alignas(64) unsigned char both[256];
  edge_error error = EDGE_ERROR_INIT;
  edge_custom_op op = EDGE_CUSTOM_OP_INIT;
  edge_model *m = NULL;
  edge_session *s = NULL;
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  o.backends = "cpu";
  op.domain = "test", op.name = "Nothing", op.infer = op.run = refuse;
  edge_status status = edge_env_register_op(env, &op, &error);
  if (status == EDGE_STATUS_INVALID_STATE) status = EDGE_STATUS_OK; /* by the first attempt */
  if (status == EDGE_STATUS_OK)
    status = edge_model_open_file(env, EDGE_TESTS "/format/v1/state.edge", NULL, &m, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(m, &o, &s, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_bind_input(s, 0, both, sizeof both);
  if (status == EDGE_STATUS_OK) status = edge_session_bind_output(s, 0, both, sizeof both);
  if (status == EDGE_STATUS_OK) status = edge_session_run_async(s, NULL, NULL);
  if (status == EDGE_STATUS_OK) status = edge_session_wait(s, UINT64_MAX);
  edge_session_destroy(s);
  edge_model_release(m);
  return status;
}

static const scenario scenarios[] = {
  { "keep state", keep_state },
  { "run async", run_async },
  { "load f32", load_f32 },
  { "load int8", load_int8 },
  { "run f32", run_f32 },
  { "run int8", run_int8 },
  { "two threads", run_two_threads },
  { "two sessions", run_two_sessions },
  { "resize", run_resized },
  { "copy", open_copy },
  { "map", open_mapped },
  { "reader", open_reader },
  { "ask memory", ask_memory },
};

/* Creates its environment too: its allocations fail as well. */
static edge_status attempt(const scenario *s, faulty *f) {
  edge_env_options o = EDGE_ENV_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  const edge_allocator allocator = { f, fault_alloc, fault_free };
  edge_env *env = NULL;
  o.allocator = &allocator;
  edge_status status = edge_env_create(&o, &env, &error);
  if (status == EDGE_STATUS_OK) {
    status = s->run(env);
    if (status != EDGE_STATUS_OK) { /* memory is back: the same environment still works */
      const uint64_t countdown = f->countdown;
      f->countdown = 0;
      CHECK(s->run(env) == EDGE_STATUS_OK);
      f->countdown = countdown;
    }
  }
  edge_env_destroy(env);
  CHECK(f->live == 0);
  return status;
}

static void load_model(int which, const char *path) {
  FILE *const in = fopen(path, "rb");
  CHECK(in && fseek(in, 0, SEEK_END) == 0);
  model_size[which] = (uint64_t)ftell(in);
  rewind(in);
  model_bytes[which] = aligned_alloc(64, (size_t)(model_size[which] + 63) / 64 * 64);
  CHECK(model_bytes[which] && fread(model_bytes[which], 1, (size_t)model_size[which], in) == model_size[which]);
  fclose(in);
}

int main(void) {
  uint64_t injected = 0;
  load_model(0, EDGE_DIGITS "/digits_f32.edge");
  load_model(1, EDGE_DIGITS "/digits_int8.edge");
  for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; ++i)
    for (int for_ever = 0; for_ever < 2; ++for_ever) {
      uint64_t at = 1;
      for (;; ++at) {
        faulty f = { at, for_ever != 0, 0, 0 };
        const edge_status status = attempt(&scenarios[i], &f);
        if (status == EDGE_STATUS_OK && f.calls < at) break;
        /* a backend that cannot open without memory is reported as missing; one optional piece may be done without */
        CHECK(status == EDGE_STATUS_OUT_OF_MEMORY || status == EDGE_STATUS_BACKEND_UNAVAILABLE ||
              status == EDGE_STATUS_OK);
        injected++;
      }
      printf("%s, %s: %llu failures\n", scenarios[i].name, for_ever ? "for ever" : "once",
             (unsigned long long)(at - 1));
    }
  edge_env *const env = open_env();
  for (uint64_t at = 1; at < 4; ++at) {
    failing_reader r = { at };
    edge_error error = EDGE_ERROR_INIT;
    const edge_reader reader = { &r, model_size[1], read_part };
    edge_model *m = NULL;
    const edge_status status = edge_model_open_reader(env, &reader, NULL, &m, &error);
    CHECK(r.countdown ? status == EDGE_STATUS_OK : status == EDGE_STATUS_IO && !m && strstr(error.text, "offset"));
    edge_model_release(m);
    injected++;
  }
  edge_env_destroy(env);
  free(model_bytes[0]);
  free(model_bytes[1]);
  printf("%llu failures injected, nothing leaked\n", (unsigned long long)injected);
  return 0;
}
