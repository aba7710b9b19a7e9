/* SPDX-License-Identifier: Apache-2.0
 * Classify pictures: prediction, confidence, latency, memory, and where each operator ran.
 *
 *   classify MODEL.edge LABELS.txt PICTURE.pgm... */
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CLASSES = 1000, RUNS = 100 };

static int read_pgm(const char *path, edge_image_u8 *image) {
  FILE *const in = fopen(path, "rb");
  unsigned width, height, most;
  if (!in) return 0;
  uint8_t *pixels = NULL;
  if (fscanf(in, "P5 %u %u %u%*c", &width, &height, &most) == 3 && most == 255 && width - 1 < 4096 &&
      height - 1 < 4096) {
    pixels = malloc((size_t)width * height);
    if (pixels && fread(pixels, 1, (size_t)width * height, in) != (size_t)width * height) {
      free(pixels);
      pixels = NULL;
    }
  }
  fclose(in);
  if (!pixels) return 0;
  *image = (edge_image_u8) { pixels, width, height, 1, 0 };
  return 1;
}

static unsigned read_labels(const char *path, char labels[][64]) {
  FILE *const in = fopen(path, "r");
  unsigned count = 0;
  while (in && count < MAX_CLASSES && fgets(labels[count], 64, in)) {
    labels[count][strcspn(labels[count], "\r\n")] = 0;
    count++;
  }
  if (in) fclose(in);
  return count;
}

static int by_value(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static edge_status classify(edge_session *session, const char *path, char labels[][64], unsigned n_labels) {
  edge_tensor in, out;
  edge_image_u8 image;
  uint64_t times[RUNS], count = 0;
  float scores[MAX_CLASSES];
  unsigned best = 0;
  edge_status status = edge_session_get_input(session, 0, &in);
  if (status != EDGE_STATUS_OK) return status;
  if (!read_pgm(path, &image)) {
    fprintf(stderr, "%s: no readable 8-bit .pgm picture\n", path);
    return EDGE_STATUS_IO;
  }
  status = edge_image_to_tensor(&image, NULL, &in);
  free((void *)(uintptr_t)image.pixels);
  for (int run = 0; status == EDGE_STATUS_OK && run < RUNS; ++run) {
    const uint64_t start = edge_session_clock_ns();
    status = edge_session_run(session);
    times[run] = edge_session_clock_ns() - start;
  }
  if (status == EDGE_STATUS_OK) status = edge_session_get_output(session, 0, &out);
  if (status == EDGE_STATUS_OK) status = edge_tensor_elements(&out, &count);
  if (status == EDGE_STATUS_OK && count > MAX_CLASSES) count = MAX_CLASSES;
  if (status == EDGE_STATUS_OK) status = edge_dequantize(&out, scores, count);
  if (status != EDGE_STATUS_OK) return status;
  for (unsigned i = 1; i < count; ++i)
    if (scores[i] > scores[best]) best = i;
  qsort(times, RUNS, sizeof times[0], by_value);
  printf("%s: %s, confidence %.1f %%, %.1f us\n", path, best < n_labels ? labels[best] : "?",
         100.0 * (double)scores[best], (double)times[RUNS / 2] / 1e3);
  return EDGE_STATUS_OK;
}

static edge_status print_placement(edge_session *session) {
  edge_session_memory memory = EDGE_SESSION_MEMORY_INIT;
  uint32_t count = 0;
  edge_status status = edge_session_get_memory(session, &memory);
  if (status == EDGE_STATUS_OK) status = edge_session_num_nodes(session, &count);
  if (status != EDGE_STATUS_OK) return status;
  printf("memory: %llu bytes of activations, %llu of prepared weights, %llu of session\n",
         (unsigned long long)memory.arena_bytes, (unsigned long long)memory.prepared_bytes,
         (unsigned long long)memory.persistent_bytes);
  printf("%-16s %-22s %-8s %s\n", "operator", "node", "runs on", "kernel");
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(session, i, &p) == EDGE_STATUS_OK)
      printf("%-16s %-22.22s %-8s %s\n", p.op, p.name, p.backend, p.kernel);
  }
  return EDGE_STATUS_OK;
}

int main(int argc, char **argv) {
  static char labels[MAX_CLASSES][64];
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  if (argc < 4) {
    fprintf(stderr, "usage: classify MODEL.edge LABELS.txt PICTURE.pgm...\n");
    return 1;
  }
  const unsigned n_labels = read_labels(argv[2], labels);
  edge_status status = edge_env_create(NULL, &env, &error);
  if (status == EDGE_STATUS_OK) status = edge_model_open_file(env, argv[1], NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &session, &error);
  if (status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", argv[1], error.text);
  for (int i = 3; status == EDGE_STATUS_OK && i < argc; ++i) status = classify(session, argv[i], labels, n_labels);
  if (status == EDGE_STATUS_OK) status = print_placement(session);
  if (session && status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", argv[1], edge_session_last_error(session)->text);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return status == EDGE_STATUS_OK ? 0 : 1;
}
