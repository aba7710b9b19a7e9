/* SPDX-License-Identifier: Apache-2.0
 * Each shared model against LiteRT's reference kernels, on every backend and thread count that is named.
 *   test_models MODEL_INDEX BACKENDS THREADS */
#include "e2e.h"
#include <math.h>

static unsigned char *read_golden(const char *name, size_t *bytes) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.bin", EDGE_GOLDENS, strrchr(name, '/') + 1);
  FILE *const in = fopen(path, "rb");
  CHECK(in);
  unsigned char *const data = malloc(1 << 16);
  *bytes = fread(data, 1, 1 << 16, in);
  fclose(in);
  return data;
}

static void compare(int index, const edge_tensor *t, const unsigned char *want, bool foreign) {
  uint64_t count = 0;
  int worst = 0, differ = 0;
  CHECK(edge_tensor_elements(t, &count) == EDGE_STATUS_OK);
  if (t->dtype == EDGE_DTYPE_F32) {
    double worst_gap = 0.0;
    for (uint64_t i = 0; i < count; ++i) {
      float w;
      memcpy(&w, want + 4 * i, 4);
      const double gap = fabs((double)((const float *)t->data)[i] - (double)w),
                   allowed = shared_models[index].tolerance * (1.0 + fabs((double)w));
      if (gap / allowed > worst_gap) worst_gap = gap / allowed;
    }
    printf("%s: largest difference %.3g of the tolerance\n", shared_models[index].file, worst_gap);
    CHECK(worst_gap <= 1.0);
    return;
  }
  uint64_t best = 0, best_want = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const int got = ((const int8_t *)t->data)[i], w = (int8_t)want[i], gap = abs(got - w);
    worst = gap > worst ? gap : worst;
    differ += gap != 0;
    if (got > ((const int8_t *)t->data)[best]) best = i;
    if (w > (int8_t)want[best_want]) best_want = i;
  }
  printf("%s: %d of %llu bytes differ, by at most %d steps\n", shared_models[index].file, differ,
         (unsigned long long)count, worst);
  CHECK(foreign || worst <= shared_models[index].steps);
  CHECK(foreign || differ <= shared_models[index].differ);
  CHECK(worst <= 12); /* another library's rounding adds up over many layers */
  CHECK(((const int8_t *)t->data)[best_want] == ((const int8_t *)t->data)[best]); /* same top-1 */
}

int main(int argc, char **argv) {
  char path[1024];
  size_t bytes = 0, used = 0;
  CHECK(argc == 4);
  need_shared_models();
  const int index = atoi(argv[1]);
  edge_env *const env = open_env();
  edge_session_options options = EDGE_SESSION_OPTIONS_INIT;
  options.backends = argv[2];
  options.flags = EDGE_SESSION_PREFER | EDGE_SESSION_OVERSUBSCRIBE;
  options.num_threads = atoi(argv[3]);
  const bool foreign = strstr(argv[2], "xnnpack") != NULL;
  bool there = !foreign;
  for (uint32_t i = 0; i < edge_env_num_backends(env); ++i) {
    edge_backend_info b = EDGE_BACKEND_INFO_INIT;
    CHECK(edge_env_get_backend(env, i, &b) == EDGE_STATUS_OK);
    there |= strcmp(b.name, "xnnpack") == 0 && b.available;
  }
  if (!there) {
    printf("skipped: this build has no XNNPACK\n");
    return SKIPPED;
  }
  edge_model *const model = open_model(env, shared_path(path, sizeof path, index), NULL);
  edge_session *const session = open_session(model, &options);
  unsigned char *const golden = read_golden(shared_models[index].file, &bytes);
  fill_inputs(session);
  for (int run = 0; run < 3; ++run) run_session(session); /* a second run finds its inputs untouched */
  for (uint32_t i = 0; i < edge_session_num_outputs(session); ++i) {
    edge_tensor t;
    CHECK(edge_session_get_output(session, i, &t) == EDGE_STATUS_OK);
    CHECK(used + t.bytes <= bytes);
    compare(index, &t, golden + used, foreign);
    used += (size_t)t.bytes;
  }
  CHECK(used == bytes);
  free(golden);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return 0;
}
