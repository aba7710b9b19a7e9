/* SPDX-License-Identifier: Apache-2.0
 * Real TFLite files: each imports, opens and runs once. */
#include "src/import/import.h"
#include <edge/edge.h>
#include <stdio.h>

static const struct {
  const char *path;
  uint32_t nodes_at_most; /* after the passes */
} files[] = {
  { "mlperf-tiny/ad_f32.tflite", 10 },         { "mlperf-tiny/ad_int8.tflite", 10 },
  { "mlperf-tiny/ic_resnet8_f32.tflite", 16 }, { "mlperf-tiny/ic_resnet8_int8.tflite", 16 },
  { "mlperf-tiny/kws_f32.tflite", 13 },        { "mlperf-tiny/kws_int8.tflite", 13 },
  { "mlperf-tiny/sww_int8.tflite", 11 },       { "mlperf-tiny/vww_f32.tflite", 31 },
  { "mlperf-tiny/vww_int8.tflite", 31 },       { "tflm/hello_world_float.tflite", 3 },
  { "tflm/hello_world_int8.tflite", 3 },       { "tflm/micro_speech_quantized.tflite", 4 },
  { "tflm/person_detect.tflite", 31 },         { "tflm/mobilenet_v2_quantized_1x3x224x224.tflite", 66 },
};

static int warnings;

static void count_warnings(void *user, int32_t level, const char *text) {
  (void)user;
  (void)text;
  warnings += level == EDGE_LOG_WARNING;
}

static int check(edge_env *env, const char *path, uint32_t most) {
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  edge_error err = EDGE_ERROR_INIT;
  edge_model_info info = EDGE_MODEL_INFO_INIT;
  edge_model *model = NULL;
  edge_session *session = NULL;
  options.log = count_warnings;
  edge_status status = ei_import_open(env, path, &options, NULL, &model, &err);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &session, &err);
  if (status == EDGE_STATUS_OK) status = edge_session_run(session);
  if (status == EDGE_STATUS_OK) status = edge_model_get_info(model, &info);
  if (status != EDGE_STATUS_OK)
    fprintf(stderr, "%s: %s\n", path, err.text[0] ? err.text : edge_status_name(status));
  else if (info.num_nodes > most)
    fprintf(stderr, "%s: %u nodes, at most %u wanted\n", path, info.num_nodes, most);
  edge_session_destroy(session);
  edge_model_release(model);
  return status != EDGE_STATUS_OK || info.num_nodes > most;
}

int main(int argc, char **argv) {
  const char *const folder = argc > 1 ? argv[1] : ".";
  edge_env *env = NULL;
  char path[1024];
  int failures = 0;
  snprintf(path, sizeof path, "%s/%s", folder, files[0].path);
  FILE *const probe = fopen(path, "rb");
  if (!probe) {
    printf("skipped: there are no models at %s\n", folder);
    return 77;
  }
  fclose(probe);
  if (edge_env_create(NULL, &env, NULL) != EDGE_STATUS_OK) return 1;
  for (size_t i = 0; i < EI_COUNT(files); ++i) {
    snprintf(path, sizeof path, "%s/%s", folder, files[i].path);
    warnings = 0;
    failures += check(env, path, files[i].nodes_at_most);
    const bool bent = strstr(path, "person_detect") != NULL; /* 14 biases with an axis that they do not have */
    if (warnings != (bent ? 14 : 0)) {
      fprintf(stderr, "%s: %d warnings\n", path, warnings);
      failures++;
    }
  }
  uint64_t live = 0;
  edge_env_memory(env, &live, NULL);
  edge_env_destroy(env);
  return failures ? 1 : 0;
}
