/* SPDX-License-Identifier: Apache-2.0
 * Whole models: with each pass off, the outputs are what they are with all of them on. */
#include "src/import/import.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const models[] = { "mlperf-tiny/ad_f32.tflite",         "mlperf-tiny/ic_resnet8_int8.tflite",
                                      "mlperf-tiny/kws_f32.tflite",        "mlperf-tiny/kws_int8.tflite",
                                      "mlperf-tiny/sww_int8.tflite",       "tflm/hello_world_float.tflite",
                                      "tflm/micro_speech_quantized.tflite" };

typedef struct result {
  float *v;
  uint64_t n;
  float step; /* of a quantized output */
} result;

static bool fill(edge_session *s) {
  uint32_t seed = 3;
  bool ok = true;
  for (uint32_t i = 0; i < edge_session_num_inputs(s) && ok; ++i) {
    edge_tensor t;
    uint64_t bytes = 0;
    if (edge_session_get_input(s, i, &t) != EDGE_STATUS_OK || edge_tensor_bytes(&t, &bytes) != EDGE_STATUS_OK)
      return false;
    uint8_t *const data = malloc((size_t)bytes + 1);
    for (uint64_t k = 0; data && k < bytes; ++k) {
      const bool real = t.dtype == EDGE_DTYPE_F32;
      seed = seed * 1664525u + 1013904223u;
      const float v = (float)(seed >> 16) / 32768.0f - 1.0f;
      if (!real)
        data[k] = (uint8_t)(seed >> 24);
      else if (k % 4 == 0)
        memcpy(data + k, &v, 4);
    }
    ok = data && edge_session_set_input(s, i, data, bytes) == EDGE_STATUS_OK;
    free(data);
  }
  return ok;
}

static result run(edge_env *env, const char *path, const char *off) {
  const char *const list[1] = { off };
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  edge_error err = EDGE_ERROR_INIT;
  edge_model *model = NULL;
  edge_session *session = NULL;
  edge_tensor t;
  result r = { NULL, 0, 0.0f };
  options.disabled_passes = list;
  options.n_disabled = off ? 1 : 0;
  if (ei_import_open(env, path, &options, NULL, &model, &err) != EDGE_STATUS_OK ||
      edge_session_create(model, NULL, &session, &err) != EDGE_STATUS_OK ||
      edge_session_prepare(session) != EDGE_STATUS_OK || !fill(session)) {
    fprintf(stderr, "%s without %s: %s\n", path, off ? off : "nothing", err.text);
    exit(1);
  }
  if (edge_session_run(session) != EDGE_STATUS_OK || edge_session_get_output(session, 0, &t) != EDGE_STATUS_OK) exit(1);
  if (edge_tensor_elements(&t, &r.n) != EDGE_STATUS_OK) exit(1);
  r.v = malloc((size_t)(r.n + 1) * sizeof *r.v);
  r.step = t.quant.count ? 1.001f : 0.0f;
  for (uint64_t k = 0; r.v && k < r.n; ++k)
    r.v[k] = t.dtype == EDGE_DTYPE_F32  ? ((const float *)t.data)[k]
             : t.dtype == EDGE_DTYPE_U8 ? (float)((const uint8_t *)t.data)[k]
                                        : (float)((const int8_t *)t.data)[k];
  edge_session_destroy(session);
  edge_model_release(model);
  return r;
}

int main(int argc, char **argv) {
  edge_env *env = NULL;
  char path[1024];
  int failures = 0;
  FILE *probe;
  snprintf(path, sizeof path, "%s/%s", argc > 1 ? argv[1] : ".", models[0]);
  if ((probe = fopen(path, "rb")) == NULL) {
    printf("skipped: there are no models at %s\n", argc > 1 ? argv[1] : ".");
    return 77;
  }
  fclose(probe);
  if (edge_env_create(NULL, &env, NULL) != EDGE_STATUS_OK) return 1;
  for (size_t m = 0; m < EI_COUNT(models); ++m) {
    snprintf(path, sizeof path, "%s/%s", argv[1], models[m]);
    const result all = run(env, path, NULL);
    for (uint32_t p = 0; ei_pass_name(p); ++p) {
      const result less = run(env, path, ei_pass_name(p));
      float worst = 0.0f;
      for (uint64_t k = 0; k < all.n && k < less.n; ++k)
        worst = fmaxf(worst, fabsf(all.v[k] - less.v[k]) / (1.0f + fabsf(all.v[k])));
      if (all.n != less.n || worst > (all.step > 0.0f ? all.step : 1e-4f)) {
        fprintf(stderr, "%s without %s: differs by %g\n", models[m], ei_pass_name(p), (double)worst);
        failures++;
      }
      free(less.v);
    }
    free(all.v);
  }
  edge_env_destroy(env);
  return failures ? 1 : 0;
}
