/* SPDX-License-Identifier: Apache-2.0
 * Read the text of a picture: find lines, turn them upright, recognise their letters.
 *
 *   ocr [--threads N] [--text] DETECT.edge CLASSIFY.edge RECOGNISE.edge PICTURE [OUT.png]
 *
 * Three networks on the public interface; run.sh fetches them. The first maps the picture to chances of text, the
 * second tells upright from upside down, the third gives chances of letters from left to right. */
#include "boxes.h"
#include "picture.h"
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 512, TALL = 48, MOST_WIDTH = 3200, CLASSIFIED_WIDTH = 192, MOST_SIDE = 960, MOST_TEXT = 1024 };
enum { DETECT, CLASSIFY, RECOGNISE, NETWORKS };

typedef struct network {
  const char *path;
  edge_model *model;
  edge_session *session;
  double ms;
} network;

typedef struct line {
  char text[MOST_TEXT];
  double chance;
} line;

/* The letters of the recogniser lie in its metadata, one a line; 0 stands for none, the last for a space. */
typedef struct alphabet {
  const char *bytes;
  uint64_t size;
  const char **letter;
  uint16_t *length;
  uint32_t count;
} alphabet;

static int failed(const network *n, edge_status status) {
  if (status == EDGE_STATUS_OK) return 0;
  const char *const text = n->session ? edge_session_last_error(n->session)->text : "";
  fprintf(stderr, "%s: %s\n", n->path, *text ? text : edge_status_name(status));
  return 1;
}

static int open_network(edge_env *env, network *n, int threads) {
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options options = EDGE_SESSION_OPTIONS_INIT;
  options.num_threads = threads;
  edge_status status = edge_model_open_file(env, n->path, NULL, &n->model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(n->model, &options, &n->session, &error);
  if (status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", n->path, error.text);
  return status == EDGE_STATUS_OK;
}

/* Give the network a picture, stretched to width x height, and run it; *out is its first output in f32. */
static int run(network *n, const picture *p, int width, int height, edge_tensor *out) {
  const edge_image_u8 image = { p->rgb, (uint32_t)p->width, (uint32_t)p->height, 3, 0 };
  edge_image_options options = EDGE_IMAGE_OPTIONS_INIT;
  const int64_t dims[4] = { 1, 3, height, width };
  const uint64_t start = edge_session_clock_ns();
  edge_tensor in;
  options.normalize = options.nchw = options.bgr = 1;
  for (int c = 0; c < 3; ++c) options.mean[c] = options.std[c] = 127.5f;
  edge_status status = edge_session_resize_input(n->session, 0, dims, 4);
  if (status == EDGE_STATUS_OK) status = edge_session_prepare(n->session);
  if (status == EDGE_STATUS_OK) status = edge_session_get_input(n->session, 0, &in);
  if (status == EDGE_STATUS_OK) status = edge_image_to_tensor(&image, &options, &in);
  if (status == EDGE_STATUS_OK) status = edge_session_run(n->session);
  if (status == EDGE_STATUS_OK) status = edge_session_get_output(n->session, 0, out);
  if (status == EDGE_STATUS_OK && out->dtype != EDGE_DTYPE_F32) status = EDGE_STATUS_TYPE_MISMATCH;
  n->ms += (double)(edge_session_clock_ns() - start) / 1e6;
  return !failed(n, status);
}

static int detect(network *n, const picture *p, box *boxes) {
  const int longer = p->width > p->height ? p->width : p->height;
  const double shrink = longer > MOST_SIDE ? (double)MOST_SIDE / longer : 1.0;
  const int width = ((int)(p->width * shrink) + 31) / 32 * 32, height = ((int)(p->height * shrink) + 31) / 32 * 32;
  const float scale[2] = { (float)p->width / (float)width, (float)p->height / (float)height };
  edge_tensor map;
  if (!run(n, p, width, height, &map)) return -1;
  if (map.rank != 4 || map.dims[2] != height || map.dims[3] != width) {
    fprintf(stderr, "%s: it gives no map of the picture\n", n->path);
    return -1;
  }
  return boxes_find(map.data, width, height, scale, boxes, MOST_LINES);
}

/* The pixels of a box as a picture of TALL rows. Its width grows in steps of 32, so that few shapes are planned; what
 * the text does not fill is grey, which the normalisation makes 0. */
static picture crop(const picture *p, const box *b) {
  const float step = b->height / TALL;
  const int text = (int)(b->length / step) + 1, used = text < MOST_WIDTH ? text : MOST_WIDTH;
  picture out = { NULL, (used + 31) / 32 * 32, TALL };
  out.rgb = malloc((size_t)out.width * TALL * 3);
  if (!out.rgb) return out;
  memset(out.rgb, 128, (size_t)out.width * TALL * 3);
  for (int y = 0; y < TALL; ++y)
    for (int x = 0; x < used; ++x) {
      const float u = ((float)x + 0.5f) / (float)used * b->length - b->length / 2,
                  v = ((float)y + 0.5f) * step - b->height / 2;
      picture_sample(p, b->centre[0] + u * b->along[0] - v * b->along[1] - 0.5f,
                     b->centre[1] + u * b->along[1] + v * b->along[0] - 0.5f, out.rgb + 3 * (y * out.width + x));
    }
  return out;
}

static int read_alphabet(const network *n, uint32_t classes, alphabet *a) {
  const void *value = NULL;
  if (edge_model_metadata(n->model, "character", &value, &a->size) != EDGE_STATUS_OK || classes < 3) {
    fprintf(stderr, "%s: its metadata has no letters\n", n->path);
    return 0;
  }
  a->bytes = value;
  a->letter = calloc(classes, sizeof *a->letter);
  a->length = calloc(classes, sizeof *a->length);
  if (!a->letter || !a->length) return 0;
  a->count = 1;
  for (uint64_t i = 0, begin = 0; i <= a->size && a->count < classes; ++i)
    if (i == a->size || a->bytes[i] == '\n') {
      a->letter[a->count] = a->bytes + begin;
      a->length[a->count++] = (uint16_t)(i - begin);
      begin = i + 1;
    }
  if (a->count < classes) { /* the space has no line of its own */
    a->letter[a->count] = " ";
    a->length[a->count++] = 1;
  }
  return 1;
}

/* At each place the likeliest letter; the same one at the next place is the same letter, unless none lies between. */
static void spell(const edge_tensor *chances, const alphabet *a, line *out) {
  const int64_t places = chances->dims[1], classes = chances->dims[2];
  const float *row = chances->data;
  size_t length = 0, letters = 0;
  double sum = 0.0;
  for (int64_t i = 0, before = 0; i < places; ++i, row += classes) {
    int64_t best = 0;
    for (int64_t k = 1; k < classes; ++k)
      if (row[k] > row[best]) best = k;
    if (best != 0 && best != before && best < a->count && length + a->length[best] < MOST_TEXT) {
      memcpy(out->text + length, a->letter[best], a->length[best]);
      length += a->length[best];
      sum += (double)row[best];
      letters++;
    }
    before = best;
  }
  out->text[length] = 0;
  out->chance = letters ? sum / (double)letters : 0.0;
}

static int read_line(network *networks, const picture *p, const box *b, alphabet *a, line *out) {
  picture strip = crop(p, b);
  edge_tensor result;
  int ok = strip.rgb != NULL && run(&networks[CLASSIFY], &strip, CLASSIFIED_WIDTH, TALL, &result);
  if (ok && ((const float *)result.data)[1] > 0.9f) { /* upside down: read from the other end */
    const box turned = { { b->centre[0], b->centre[1] }, { -b->along[0], -b->along[1] }, b->length, b->height };
    free(strip.rgb);
    strip = crop(p, &turned);
    ok = strip.rgb != NULL;
  }
  ok = ok && run(&networks[RECOGNISE], &strip, strip.width, TALL, &result);
  if (ok && (result.rank != 3 || result.dims[2] > 65535)) ok = 0;
  if (ok && !a->letter) ok = read_alphabet(&networks[RECOGNISE], (uint32_t)result.dims[2], a);
  if (ok) spell(&result, a, out);
  free(strip.rgb);
  return ok;
}

static void draw(picture *p, const box *b, int number, double chance) {
  static const uint8_t colours[3][3] = { { 200, 30, 30 }, { 200, 120, 0 }, { 0, 130, 60 } };
  const uint8_t *const colour = colours[chance > 0.9 ? 2 : chance > 0.6 ? 1 : 0];
  float corners[4][2];
  box_corners(b, corners);
  for (int k = 0; k < 4; ++k) picture_line(p, corners[k], corners[(k + 1) % 4], colour);
  picture_number(p, (int)corners[0][0], (int)corners[0][1] - 14, number, colour);
}

static int read_picture(network *networks, picture *p, const char *name, int text_only) {
  static box boxes[MOST_LINES];
  static line lines[MOST_LINES];
  alphabet a = { 0 };
  const int count = detect(&networks[DETECT], p, boxes);
  int ok = count >= 0;
  for (int i = 0; ok && i < count; ++i) ok = read_line(networks, p, &boxes[i], &a, &lines[i]);
  for (int i = 0, number = 0; ok && i < count; ++i) {
    if (lines[i].chance < 0.5 || !lines[i].text[0]) continue;
    if (text_only)
      printf("%s\n", lines[i].text);
    else
      printf("%3d  %3.0f %%  %5.0f,%-5.0f %s\n", ++number, 100.0 * lines[i].chance, (double)boxes[i].centre[0],
             (double)boxes[i].centre[1], lines[i].text);
    draw(p, &boxes[i], number, lines[i].chance);
  }
  if (ok && !text_only)
    printf("%s, %d x %d: %d lines in %.0f ms (find %.0f, turn %.0f, read %.0f)\n", name, p->width, p->height, count,
           networks[DETECT].ms + networks[CLASSIFY].ms + networks[RECOGNISE].ms, networks[DETECT].ms,
           networks[CLASSIFY].ms, networks[RECOGNISE].ms);
  free(a.letter);
  free(a.length);
  return ok;
}

int main(int argc, char **argv) {
  network networks[NETWORKS] = { 0 };
  picture p = { 0 };
  edge_env *env = NULL;
  int first = 1, threads = 1, text_only = 0;
  for (; first < argc && strncmp(argv[first], "--", 2) == 0; ++first) {
    if (strcmp(argv[first], "--threads") == 0 && first + 1 < argc)
      threads = atoi(argv[++first]);
    else if (strcmp(argv[first], "--text") == 0)
      text_only = 1;
  }
  if (argc - first < 4 || argc - first > 5) {
    fprintf(stderr, "usage: ocr [--threads N] [--text] DETECT.edge CLASSIFY.edge RECOGNISE.edge PICTURE [OUT.png]\n");
    return 1;
  }
  int ok = edge_env_create(NULL, &env, NULL) == EDGE_STATUS_OK;
  for (int i = 0; ok && i < NETWORKS; ++i) {
    networks[i].path = argv[first + i];
    ok = open_network(env, &networks[i], threads);
  }
  const char *why = ok ? picture_read(argv[first + 3], &p) : NULL;
  if (why) fprintf(stderr, "%s: %s\n", argv[first + 3], why);
  ok = ok && !why && read_picture(networks, &p, argv[first + 3], text_only);
  why = ok && first + 4 < argc ? picture_write(argv[first + 4], &p) : NULL;
  if (why) fprintf(stderr, "%s: %s\n", argv[first + 4], why);
  for (int i = 0; i < NETWORKS; ++i) {
    edge_session_destroy(networks[i].session);
    edge_model_release(networks[i].model);
  }
  edge_env_destroy(env);
  free(p.rgb);
  return ok && !why ? 0 : 1;
}
