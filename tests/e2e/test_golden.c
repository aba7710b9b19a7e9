/* SPDX-License-Identifier: Apache-2.0
 * A model with golden vectors: a device that answers them keeps its nodes, one that does not loses them, with one
 * event; a strict session refuses to start. XNNPACK is the device. */
#include "e2e.h"
#include "src/format/format.h"

typedef struct file {
  unsigned char *p;
  size_t n;
} file;

/* A model's image with one golden vector, in memory like a file. */
static file with_golden(const char *path, ei_golden *golden) {
  ei_import_options import = EI_IMPORT_OPTIONS_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_error error = EDGE_ERROR_INIT;
  ei_alloc *alloc = NULL;
  ei_arena arena;
  ei_graph *g = NULL;
  const void *metadata = NULL;
  uint64_t bytes = 0;
  edge_segment *segments = NULL;
  uint32_t n = 0;
  file f;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  CHECK(ei_import_image_file(path, &import, &image, &error) == EDGE_STATUS_OK);
  const ei_format_source src = { .metadata = image.metadata,
                                 .metadata_bytes = image.metadata_bytes,
                                 .segments = image.segments,
                                 .num_segments = image.num_segments };
  CHECK(ei_format_read(&src, NULL, &arena, &g, &error) == EDGE_STATUS_OK);
  g->golden = golden;
  g->n_golden = 1;
  CHECK(ei_format_write(g, &arena, &metadata, &bytes, &segments, &n, &error) == EDGE_STATUS_OK && n > 0);
  f.n = (size_t)(segments[n - 1].offset + segments[n - 1].bytes);
  f.p = calloc(1, f.n);
  CHECK(f.p);
  memcpy(f.p, metadata, (size_t)bytes);
  for (uint32_t i = 0; i < n; ++i) memcpy(f.p + segments[i].offset, segments[i].data, (size_t)segments[i].bytes);
  image.release(image.user);
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return f;
}

static edge_model *open_bytes(edge_env *env, const file *f) {
  edge_model *model = NULL;
  edge_error error = EDGE_ERROR_INIT;
  CHECK(edge_model_open_memory(env, f->p, f->n, NULL, &model, &error) == EDGE_STATUS_OK);
  return model;
}

static uint32_t nodes_on(edge_session *s, const char *backend) {
  uint32_t count = 0, found = 0;
  CHECK(edge_session_num_nodes(s, &count) == EDGE_STATUS_OK);
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    CHECK(edge_session_explain(s, i, &p) == EDGE_STATUS_OK);
    found += strcmp(p.backend, backend) == 0;
  }
  return found;
}

static ei_golden_value copy_of(const edge_tensor *t) {
  ei_golden_value v = { .dtype = t->dtype, .rank = t->rank, .data_bytes = t->bytes };
  memcpy(v.dims, t->dims, sizeof v.dims);
  void *const data = malloc((size_t)t->bytes);
  CHECK(data);
  memcpy(data, t->data, (size_t)t->bytes);
  v.data = data;
  return v;
}

int main(void) {
  static const char path[] = EDGE_DIGITS "/digits_f32.onnx";
  edge_session_options cpu = EDGE_SESSION_OPTIONS_INIT, both = EDGE_SESSION_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_event event = EDGE_EVENT_INIT;
  edge_env *const env = open_env();
  edge_tensor t;
  cpu.backends = "cpu";
  both.backends = "xnnpack,cpu";
  both.flags = EDGE_SESSION_PREFER;
  edge_model *model = open_model(env, path, NULL);
  edge_session *s = open_session(model, &cpu);
  fill_inputs(s);
  run_session(s);
  CHECK(edge_session_get_input(s, 0, &t) == EDGE_STATUS_OK);
  ei_golden_value in = copy_of(&t);
  CHECK(edge_session_get_output(s, 0, &t) == EDGE_STATUS_OK);
  ei_golden_value out = copy_of(&t);
  edge_session_destroy(s);
  edge_model_release(model);
  ei_golden golden = { .name = "first", .n_inputs = 1, .n_outputs = 1, .inputs = &in, .outputs = &out };
  golden.abs_tolerance = golden.rel_tolerance = 1e-3f;

  file f = with_golden(path, &golden);
  model = open_bytes(env, &f);
  s = open_session(model, &both);
  const uint32_t trusted = nodes_on(s, "xnnpack");
  CHECK(edge_session_next_event(s, &event) == EDGE_STATUS_NOT_FOUND);
  CHECK(edge_session_get_input(s, 0, &t) == EDGE_STATUS_OK);
  edge_session_destroy(s);
  edge_model_release(model);
  free(f.p);
  if (!trusted) {
    printf("skipped: no XNNPACK in this build\n");
    edge_env_destroy(env);
    return SKIPPED;
  }

  float *const values = (float *)(uintptr_t)out.data;
  values[0] += 0.25f; /* an answer that nobody gives */
  f = with_golden(path, &golden);
  model = open_bytes(env, &f);
  s = open_session(model, &both);
  CHECK(edge_session_next_event(s, &event) == EDGE_STATUS_OK && event.cause == EDGE_STATUS_DEVICE_FAILED);
  CHECK(strcmp(event.backend, "xnnpack") == 0 && strstr(event.text, "first"));
  CHECK(edge_session_next_event(s, &event) == EDGE_STATUS_NOT_FOUND && nodes_on(s, "xnnpack") == 0);
  fill_inputs(s);
  run_session(s);
  values[0] -= 0.25f;
  CHECK(edge_session_get_output(s, 0, &t) == EDGE_STATUS_OK && t.bytes == out.data_bytes);
  for (uint64_t i = 1; i < t.bytes / sizeof(float); ++i) CHECK(((float *)t.data)[i] == values[i]); /* the CPU's */
  edge_session_destroy(s);
  s = open_session(model, &cpu); /* nobody has to prove anything */
  CHECK(edge_session_next_event(s, &event) == EDGE_STATUS_NOT_FOUND);
  edge_session_destroy(s);
  both.flags |= EDGE_SESSION_STRICT;
  CHECK(edge_session_create(model, &both, &s, &error) == EDGE_STATUS_DEVICE_FAILED && strstr(error.text, "first"));
  edge_model_release(model);
  free(f.p);
  free((void *)(uintptr_t)in.data);
  free((void *)(uintptr_t)out.data);
  edge_env_destroy(env);
  return 0;
}
