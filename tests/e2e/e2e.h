/* SPDX-License-Identifier: Apache-2.0
 * What the end-to-end tests share: checks, the list of models, seeded inputs. */
#ifndef ET_E2E_H
#define ET_E2E_H

#include "src/import/import.h"
#include "src/ops/op.h"
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

enum { SKIPPED = 77, N_SHARED = 14 };

/* The shared real models, and how far LiteRT's own default kernels are from its reference on this input: the largest
 * number of steps and the number of output bytes that differ (goldens/counts.txt). We must not be further. For floats:
 * the tolerance; kws_f32 is a hybrid model: its depthwise layers stay float here, and in LiteRT's default kernels. */
static const struct {
  const char *file;
  int steps, differ;
  double tolerance;
} shared_models[N_SHARED] = {
  { "mlperf-tiny/ad_f32", 0, 0, 1e-4 },
  { "mlperf-tiny/ad_int8", 0, 0, 0 },
  { "mlperf-tiny/ic_resnet8_f32", 0, 0, 1e-4 },
  { "mlperf-tiny/ic_resnet8_int8", 0, 0, 0 },
  { "mlperf-tiny/kws_f32", 0, 0, 4e-3 },
  { "mlperf-tiny/kws_int8", 4, 2, 0 },
  { "mlperf-tiny/sww_int8", 0, 0, 0 },
  { "mlperf-tiny/vww_f32", 0, 0, 1e-4 },
  { "mlperf-tiny/vww_int8", 0, 0, 0 },
  { "tflm/hello_world_float", 0, 0, 1e-4 },
  { "tflm/hello_world_int8", 0, 0, 0 },
  { "tflm/micro_speech_quantized", 0, 0, 0 },
  { "tflm/mobilenet_v2_quantized_1x3x224x224", 9, 851, 0 },
  { "tflm/person_detect", 0, 0, 0 },
};

static inline const char *shared_path(char *out, size_t cap, int model) {
  snprintf(out, cap, "%s/%s.tflite", EDGE_SHARED_MODELS, shared_models[model].file);
  return out;
}

/* Ends the test as skipped when the shared models are not beside the source tree. */
static inline void need_shared_models(void) {
  FILE *const in = fopen(EDGE_SHARED_MODELS "/README.md", "rb");
  if (!in) {
    printf("skipped: no models at %s\n", EDGE_SHARED_MODELS);
    exit(SKIPPED);
  }
  fclose(in);
}

static inline uint64_t splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* The command's `--seed 1`. */
static inline void fill_inputs(edge_session *s) {
  for (uint32_t i = 0; i < edge_session_num_inputs(s); ++i) {
    edge_tensor t;
    uint64_t count, seed = 1 + (uint64_t)i;
    CHECK(edge_session_get_input(s, i, &t) == EDGE_STATUS_OK && edge_tensor_elements(&t, &count) == EDGE_STATUS_OK);
    for (uint64_t k = 0; k < count; ++k) {
      const uint64_t z = splitmix(&seed);
      if (t.dtype == EDGE_DTYPE_F32)
        ((float *)t.data)[k] = (float)((double)(z >> 40) / 8388608.0 - 1.0);
      else if (t.dtype == EDGE_DTYPE_S8 || t.dtype == EDGE_DTYPE_U8)
        ((uint8_t *)t.data)[k] = (uint8_t)(z >> 56);
      else
        ei_store_s64(&t, k, (int64_t)(z >> 63));
    }
  }
}

static inline edge_model *open_model(edge_env *env, const char *path, const ei_import_options *options) {
  edge_error error = EDGE_ERROR_INIT;
  edge_model *model = NULL;
  if (ei_import_open(env, path, options, NULL, &model, &error) != EDGE_STATUS_OK)
    fprintf(stderr, "%s: %s\n", path, error.text);
  CHECK(model);
  return model;
}

static inline edge_session *open_session(edge_model *model, const edge_session_options *options) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session *session = NULL;
  if (edge_session_create(model, options, &session, &error) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", error.text);
  CHECK(session);
  if (edge_session_prepare(session) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", edge_session_last_error(session)->text);
  CHECK(edge_session_last_error(session)->status == EDGE_STATUS_OK);
  return session;
}

static inline edge_env *open_env(void) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  CHECK(edge_env_create(NULL, &env, &error) == EDGE_STATUS_OK);
  return env;
}

static inline void run_session(edge_session *s) {
  if (edge_session_run(s) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", edge_session_last_error(s)->text);
  CHECK(edge_session_last_error(s)->status == EDGE_STATUS_OK);
}

#endif
