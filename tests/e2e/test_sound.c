/* SPDX-License-Identifier: Apache-2.0
 * Real inputs: the wake word in a recording through the log-mel helper, and a person in a picture. */
#include "e2e.h"
#include <math.h>

enum { FRAME = 1024, STEP = 512, BANDS = 40, WINDOW = 30 };

/* 16-bit stereo PCM with the usual 44-byte header. */
static float *read_wav(const char *path, uint64_t *count) {
  FILE *const in = fopen(path, "rb");
  CHECK(in && fseek(in, 0, SEEK_END) == 0);
  const long bytes = ftell(in);
  unsigned char *const data = malloc((size_t)bytes);
  rewind(in);
  CHECK(data && fread(data, 1, (size_t)bytes, in) == (size_t)bytes);
  fclose(in);
  *count = (uint64_t)(bytes - 44) / 4;
  float *const samples = malloc((size_t)*count * sizeof *samples);
  float largest = 0.0f;
  CHECK(samples);
  for (uint64_t i = 0; i < *count; ++i) {
    const unsigned char *const p = data + 44 + 4 * i;
    samples[i] = (float)(int16_t)(p[0] | p[1] << 8) / 32768.0f;
    if (fabsf(samples[i]) > largest) largest = fabsf(samples[i]);
  }
  for (uint64_t i = 0; i < *count; ++i) samples[i] /= largest;
  free(data);
  return samples;
}

static void hear_wake_word(edge_env *env) {
  static const double starts[] = { 1.00, 4.00, 7.00 };
  static const double reached[] = { 0.99, 0.94, 0.90 };
  double best[3] = { 0 }, elsewhere = 0.0;
  edge_logmel_options o = EDGE_LOGMEL_OPTIONS_INIT;
  edge_session_options session_options = EDGE_SESSION_OPTIONS_INIT;
  uint64_t samples = 0;
  edge_tensor in, out;
  o.frame_length = FRAME;
  o.frame_step = STEP;
  o.num_bands = BANDS;
  o.high_hz = 8000.0f;
  o.preemphasis = 31.0f / 32.0f;
  o.scale = 1.0f / 64.0f;
  o.offset = 52.0f / 64.0f;
  o.clip_high = 1.0f;
  float *const signal = read_wav(EDGE_SHARED_MODELS "/mlperf-tiny/sww_easy10s.wav", &samples);
  const uint64_t frames = edge_logmel_frames(&o, samples);
  float *const rows = malloc((size_t)frames * BANDS * sizeof *rows);
  float *const scratch = malloc((size_t)edge_logmel_scratch_floats(&o) * sizeof *scratch);
  CHECK(rows && scratch && edge_logmel(&o, signal, samples, rows, frames, scratch) == EDGE_STATUS_OK);
  edge_model *const model = open_model(env, EDGE_SHARED_MODELS "/mlperf-tiny/sww_int8.tflite", NULL);
  session_options.backends = "cpu";
  edge_session *const s = open_session(model, &session_options);
  CHECK(edge_session_get_input(s, 0, &in) == EDGE_STATUS_OK && in.bytes == WINDOW * BANDS && in.quant.count == 1);
  for (uint64_t w = 0; w + WINDOW <= frames; ++w) {
    float scores[3];
    for (int i = 0; i < WINDOW * BANDS; ++i) { /* its training quantizes by floor */
      const float q = floorf(rows[w * BANDS + (uint64_t)i] / in.quant.scales[0]) + (float)in.quant.zero_points[0];
      ((int8_t *)in.data)[i] = (int8_t)(q < -128.0f ? -128.0f : q > 127.0f ? 127.0f : q);
    }
    run_session(s);
    CHECK(edge_session_get_output(s, 0, &out) == EDGE_STATUS_OK && edge_dequantize(&out, scores, 3) == EDGE_STATUS_OK);
    const double end = ((double)w * STEP + (WINDOW - 1) * STEP + FRAME) / 16000.0;
    bool near = false;
    for (int k = 0; k < 3; ++k)
      if (end >= starts[k] && end <= starts[k] + 1.6) {
        near = true;
        best[k] = fmax(best[k], (double)scores[0]);
      }
    if (!near) elsewhere = fmax(elsewhere, (double)scores[0]);
  }
  printf("wake word: %.2f %.2f %.2f after its three starts, at most %.2f elsewhere\n", best[0], best[1], best[2],
         elsewhere);
  for (int k = 0; k < 3; ++k) CHECK(best[k] >= reached[k]);
  CHECK(elsewhere < 0.1);
  edge_session_destroy(s);
  edge_model_release(model);
  free(signal);
  free(rows);
  free(scratch);
}

/* An 8-bit grey .bmp with an identity palette, as the shared pictures are. */
static float person_score(edge_env *env, const char *picture) {
  static unsigned char file[16384], pixels[96 * 96];
  char path[1024];
  float scores[2];
  edge_tensor in, out;
  snprintf(path, sizeof path, "%s/tflm/%s.bmp", EDGE_SHARED_MODELS, picture);
  FILE *const f = fopen(path, "rb");
  CHECK(f);
  const size_t bytes = fread(file, 1, sizeof file, f);
  fclose(f);
  const size_t start = file[10] | (size_t)file[11] << 8;
  CHECK(bytes >= start + 96 * 96);
  for (int y = 0; y < 96; ++y) memcpy(pixels + 96 * y, file + start + 96 * (size_t)(95 - y), 96);
  const edge_image_u8 image = { pixels, 96, 96, 1, 0 };
  edge_model *const model = open_model(env, EDGE_SHARED_MODELS "/tflm/person_detect.tflite", NULL);
  edge_session *const s = open_session(model, NULL);
  CHECK(edge_session_get_input(s, 0, &in) == EDGE_STATUS_OK);
  CHECK(edge_image_to_tensor(&image, NULL, &in) == EDGE_STATUS_OK);
  run_session(s);
  CHECK(edge_session_get_output(s, 0, &out) == EDGE_STATUS_OK && edge_dequantize(&out, scores, 2) == EDGE_STATUS_OK);
  edge_session_destroy(s);
  edge_model_release(model);
  printf("%s: person %.2f\n", picture, (double)scores[1]);
  return scores[1];
}

int main(void) {
  need_shared_models();
  edge_env *const env = open_env();
  hear_wake_word(env);
  CHECK(person_score(env, "person_fixed") > 0.9f);
  CHECK(person_score(env, "no_person") < 0.3f);
  edge_env_destroy(env);
  return 0;
}
