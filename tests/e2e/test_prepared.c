/* SPDX-License-Identifier: Apache-2.0
 * Packed weights from files: a prepared file is used in place and changes no bit of the answer; damaged, stale and
 * foreign blobs are told once and packed again; the cache folder survives whatever is in it and stays within its bound.
 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "e2e.h"
#include "src/exec/prepared.h"
#include "src/format/format.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static edge_env *make_env(const char *isa, const char *cache, uint64_t max_cache) {
  edge_env_options o = EDGE_ENV_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  o.isa_cap = isa;
  o.cache_dir = cache;
  o.max_cache_bytes = max_cache;
  CHECK(edge_env_create(&o, &env, &error) == EDGE_STATUS_OK);
  return env;
}

typedef struct result {
  unsigned char output[4096];
  uint64_t bytes, packed; /* packed: bytes allocated for packed weights */
  int events;
  edge_status cause;
} result;

/* One run of an open model; releases it. */
static result run_model(edge_model *model) {
  edge_session_options o = EDGE_SESSION_OPTIONS_INIT;
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  edge_event event = EDGE_EVENT_INIT;
  edge_tensor t;
  result r = { .events = 0 };
  o.backends = "cpu";
  edge_session *const s = open_session(model, &o);
  fill_inputs(s);
  run_session(s);
  CHECK(edge_session_get_output(s, 0, &t) == EDGE_STATUS_OK && t.bytes <= sizeof r.output);
  memcpy(r.output, t.data, (size_t)t.bytes);
  r.bytes = t.bytes;
  while (edge_session_next_event(s, &event) == EDGE_STATUS_OK) {
    r.events++;
    r.cause = event.cause;
  }
  CHECK(edge_session_get_memory(s, &memory) == EDGE_STATUS_OK);
  r.packed = memory.prepared_bytes;
  edge_session_destroy(s);
  edge_model_release(model);
  return r;
}

static result run_file(edge_env *env, const char *path) {
  return run_model(open_model(env, path, NULL));
}

static void check_same(const result *a, const result *b) {
  CHECK(a->bytes == b->bytes && memcmp(a->output, b->output, (size_t)a->bytes) == 0);
}

/* ---- files */

typedef struct file {
  unsigned char *p;
  size_t n;
} file;

/* The image of a file with packed weights for these tiers, in memory like a file. */
static file prepare(const char *path, const char *const *tiers, uint32_t n) {
  ei_import_options import = EI_IMPORT_OPTIONS_INIT;
  edge_session_options session = EDGE_SESSION_OPTIONS_INIT;
  edge_image image = EDGE_IMAGE_INIT, out = EDGE_IMAGE_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_env *envs[4];
  file f;
  for (uint32_t i = 0; i < n; ++i) envs[i] = make_env(tiers[i], NULL, 0);
  session.backends = "cpu";
  ei_import_prepare how = { .envs = envs, .n_envs = n, .session = &session };
  CHECK(ei_import_image_file(path, &import, &image, &error) == EDGE_STATUS_OK);
  CHECK(ei_import_prepare_image(&image, &how, &out, &error) == EDGE_STATUS_OK);
  CHECK(how.n_blobs > 0 && how.blob_bytes > 0);
  const edge_segment *const last = &out.segments[out.num_segments - 1];
  f.n = (size_t)(last->offset + last->bytes);
  CHECK(posix_memalign((void **)&f.p, 64, f.n) == 0);
  memset(f.p, 0, f.n);
  memcpy(f.p, out.metadata, (size_t)out.metadata_bytes);
  for (uint32_t i = 0; i < out.num_segments; ++i)
    memcpy(f.p + out.segments[i].offset, out.segments[i].data, (size_t)out.segments[i].bytes);
  out.release(out.user);
  for (uint32_t i = 0; i < n; ++i) edge_env_destroy(envs[i]);
  return f;
}

/* The blobs of a file, as its own reader sees them. */
static const ei_graph *graph_of(const file *f, ei_arena *arena) {
  const edge_segment all = { f->p, f->n, 0 };
  const ei_format_source src = { .metadata = f->p, .metadata_bytes = f->n, .segments = &all, .num_segments = 1 };
  ei_graph *g = NULL;
  CHECK(ei_format_read(&src, NULL, arena, &g, NULL) == EDGE_STATUS_OK);
  return g;
}

static result run_bytes(edge_env *env, const file *f) {
  edge_model *model = NULL;
  edge_error error = EDGE_ERROR_INIT;
  CHECK(edge_model_open_memory(env, f->p, f->n, NULL, &model, &error) == EDGE_STATUS_OK);
  return run_model(model);
}

static void check_prepared(const char *path) {
  edge_env *const env = make_env(NULL, NULL, 0), *const scalar = make_env("scalar", NULL, 0);
  const char *const tiers[] = { NULL, "scalar" };
  const result plain = run_file(env, path), plain_scalar = run_file(scalar, path);
  CHECK(plain.events == 0 && plain.packed > 0);
  file f = prepare(path, tiers, strcmp(edge_env_isa_name(env), "scalar") != 0 ? 2 : 1);
  ei_alloc *alloc = NULL;
  ei_arena arena;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  const ei_graph *const g = graph_of(&f, &arena);

  /* both tiers find everything, nothing is packed, no bit changes */
  result r = run_bytes(env, &f);
  check_same(&r, &plain);
  CHECK(r.events == 0 && r.packed == 0);
  r = run_bytes(scalar, &f);
  check_same(&r, &plain_scalar);
  CHECK(r.events == 0 && r.packed == 0);

  /* every blob in turn: one bit of it, or of its checksum; told once, packed again */
  for (uint32_t i = 0; i < g->n_prepared; ++i) {
    const ei_prepared *const b = &g->prepared[i];
    CHECK((uintptr_t)b->data % EI_BLOB_ALIGN == 0 && b->key_bytes == EI_BLOB_KEY_BYTES);
    unsigned char *const at[] = { (unsigned char *)(uintptr_t)b->data + (b->bytes - 1) * i / g->n_prepared,
                                  (unsigned char *)(uintptr_t)b->key + 30 };
    for (int k = 0; k < 2; ++k) {
      *at[k] ^= 4;
      const result x = run_bytes(env, &f), y = run_bytes(scalar, &f);
      check_same(&x, &plain);
      check_same(&y, &plain_scalar);
      CHECK(x.events + y.events >= 1 && x.events <= 1 && y.events <= 1 && x.packed + y.packed > 0);
      CHECK((!x.events || x.cause == EDGE_STATUS_MALFORMED) && (!y.events || y.cause == EDGE_STATUS_MALFORMED));
      *at[k] ^= 4;
    }
  }
  for (uint32_t i = 0; i < g->n_prepared; ++i) ((unsigned char *)(uintptr_t)g->prepared[i].key)[4] ^= 1;
  r = run_bytes(env, &f); /* another version of the library: all of them, one event */
  check_same(&r, &plain);
  CHECK(r.events == 1 && r.cause == EDGE_STATUS_UNSUPPORTED_VERSION && r.packed == plain.packed);
  for (uint32_t i = 0; i < g->n_prepared; ++i) ((unsigned char *)(uintptr_t)g->prepared[i].key)[4] ^= 1;
  for (uint32_t i = 0; i < g->n_prepared; ++i) ((unsigned char *)(uintptr_t)g->prepared[i].key)[8] ^= 1;
  r = run_bytes(env, &f); /* weights of another network: nothing has the right name */
  check_same(&r, &plain);
  CHECK(r.packed == plain.packed);
  ei_arena_free(&arena);
  free(f.p);

  if (strcmp(edge_env_isa_name(env), "scalar") != 0) { /* prepared for another tier only */
    f = prepare(path, tiers + 1, 1);
    r = run_bytes(env, &f);
    check_same(&r, &plain);
    CHECK(r.events == 1 && r.cause == EDGE_STATUS_UNSUPPORTED_FEATURE && r.packed > 0);
    free(f.p);
  }
  ei_alloc_destroy(alloc);
  edge_env_destroy(scalar);
  edge_env_destroy(env);
}

/* ---- the cache folder */

static int list_folder(const char *dir, char *one, size_t cap) {
  int count = 0;
  DIR *const d = opendir(dir);
  for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
    if (e->d_name[0] == '.') continue;
    if (one) snprintf(one, cap, "%s/%.200s", dir, e->d_name);
    count++;
  }
  if (d) closedir(d);
  return count;
}

static void empty_folder(const char *dir) {
  char path[512];
  while (list_folder(dir, path, sizeof path)) CHECK(remove(path) == 0);
}

static long size_of(const char *path) {
  struct stat st = { 0 };
  return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

static void write_bytes(const char *path, const void *p, size_t n) {
  FILE *const out = fopen(path, "wb");
  CHECK(out && fwrite(p, 1, n, out) == n && fclose(out) == 0);
}

static void damage(const char *path, long at, const char *mode) {
  FILE *const f = fopen(path, mode);
  CHECK(f && fseek(f, at, SEEK_SET) == 0);
  const int c = fgetc(f);
  CHECK(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 0x10, f) != EOF && fclose(f) == 0);
}

static void check_cache(const char *path, const char *other) {
  char dir[300], entry[600];
  snprintf(dir, sizeof dir, "%s/cache", folder);
  edge_env *const plain_env = make_env(NULL, NULL, 0), *const env = make_env(NULL, dir, 0);
  const result plain = run_file(plain_env, path);
  result r = run_file(env, path);
  check_same(&r, &plain);
  CHECK(r.packed > 0 && r.events == 0 && list_folder(dir, entry, sizeof entry) == 1); /* made, and written */
  const long bytes = size_of(entry);
  r = run_file(env, path);
  check_same(&r, &plain);
  CHECK(r.packed == 0 && r.events == 0 && list_folder(dir, NULL, 0) == 1); /* found */
  edge_env *const scalar = make_env("scalar", dir, 0);
  if (strcmp(edge_env_isa_name(env), "scalar") != 0) {
    (void)run_file(scalar, path);
    CHECK(list_folder(dir, NULL, 0) == 2); /* a tier has a file of its own */
  }
  (void)run_file(env, other);
  CHECK(list_folder(dir, NULL, 0) >= 2);
  empty_folder(dir);

  /* damaged anywhere: the answer stays, the file is replaced by a good one */
  for (int i = 0; i < 40; ++i) {
    (void)run_file(env, path);
    CHECK(list_folder(dir, entry, sizeof entry) == 1 && size_of(entry) == bytes);
    damage(entry, (bytes - 1) * i / 39, "rb+");
    r = run_file(env, path);
    check_same(&r, &plain);
    CHECK(r.events <= 1);
    r = run_file(env, path);
    check_same(&r, &plain);
    CHECK(r.events == 0);
  }
  for (long cut = 0; cut < bytes; cut += bytes / 20 + 1) {
    (void)run_file(env, path);
    CHECK(list_folder(dir, entry, sizeof entry) == 1 && truncate(entry, cut) == 0);
    r = run_file(env, path);
    check_same(&r, &plain);
    r = run_file(env, path);
    check_same(&r, &plain);
    CHECK(r.packed == 0 && r.events == 0);
  }
  write_bytes(entry, "no model", 8);
  r = run_file(env, path);
  check_same(&r, &plain);
  CHECK(r.events == 1 && r.cause == EDGE_STATUS_MALFORMED);
  empty_folder(dir);

  /* one model's weights under another model's name */
  (void)run_file(env, other);
  char stolen[600];
  CHECK(list_folder(dir, stolen, sizeof stolen) == 1);
  (void)run_file(env, path);
  CHECK(list_folder(dir, NULL, 0) == 2 && rename(stolen, entry) == 0);
  r = run_file(env, path);
  check_same(&r, &plain);
  CHECK(r.packed > 0);
  empty_folder(dir);

  /* a disk that is full: no error, nothing left behind */
  struct rlimit old, small;
  CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
  small = old;
  small.rlim_cur = 1000;
  signal(SIGXFSZ, SIG_IGN);
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  r = run_file(env, path);
  CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
  check_same(&r, &plain);
  CHECK(r.events == 0 && list_folder(dir, NULL, 0) == 0);

  /* bounded: the older of two goes; a file beyond the bound is not written */
  edge_env *const bounded = make_env(NULL, dir, (uint64_t)bytes + 100), *const tiny = make_env(NULL, dir, 1000);
  (void)run_file(bounded, other);
  (void)run_file(bounded, path);
  CHECK(list_folder(dir, entry, sizeof entry) == 1 && size_of(entry) == bytes);
  empty_folder(dir);
  r = run_file(tiny, path);
  check_same(&r, &plain);
  CHECK(list_folder(dir, NULL, 0) == 0);

  /* a folder that cannot be written, that cannot be made, that is a file */
  CHECK(chmod(dir, 0500) == 0);
  r = run_file(env, path);
  check_same(&r, &plain);
  CHECK(r.events == 0 && chmod(dir, 0700) == 0);
  empty_folder(dir);
  snprintf(entry, sizeof entry, "%s/file", folder);
  write_bytes(entry, "x", 1);
  edge_env *const at_file = make_env(NULL, entry, 0), *const nowhere = make_env(NULL, "/proc/none/there", 0);
  r = run_file(at_file, path);
  check_same(&r, &plain);
  r = run_file(nowhere, path);
  check_same(&r, &plain);
  CHECK(r.events == 0);
  CHECK(remove(entry) == 0 && rmdir(dir) == 0);
  edge_env *const envs[] = { plain_env, env, scalar, bounded, tiny, at_file, nowhere };
  for (size_t i = 0; i < EI_COUNT(envs); ++i) edge_env_destroy(envs[i]);
}

int main(void) {
  snprintf(folder, sizeof folder, "prepared-%ld", (long)getpid());
  CHECK(mkdir(folder, 0700) == 0);
  static const char *const models[] = { "digits_f32.onnx", "digits_int8.onnx", "digits_f32.edge", "digits_int8.edge" };
  for (int i = 0; i < 4; ++i) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", EDGE_DIGITS, models[i]);
    check_prepared(path);
    printf("%s: prepared\n", models[i]);
  }
  check_cache(EDGE_DIGITS "/digits_f32.edge", EDGE_DIGITS "/digits_int8.edge");
  check_cache(EDGE_DIGITS "/digits_int8.onnx", EDGE_DIGITS "/digits_f32.onnx");
  CHECK(rmdir(folder) == 0);
  return 0;
}
