/* SPDX-License-Identifier: Apache-2.0
 * Which sentences mean the same?
 *
 *   similarity [--threads N] MODEL.edge VOCAB.txt FILE|- [QUESTION]
 *   similarity --ids VOCAB.txt < TEXT
 *
 * Each line of the file becomes a vector; nearness is the cosine between two. With a question, the lines nearest to it;
 * without one, the table of all pairs and each line's nearest. --ids prints the numbers of the tokens of each line. */
#include "wordpiece.h"
#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 4096, MOST_TOKENS = 256, MOST_BYTES = 1 << 16, TABLE = 26, ANSWERS = 8 };

typedef struct sentence {
  char *text;
  float *vector;
} sentence;

typedef struct corpus {
  sentence lines[MOST_LINES + 1]; /* one more for the question */
  int count;
  int64_t width;
} corpus;

static char *read_line(FILE *in) {
  char *const text = malloc(MOST_BYTES);
  if (!text) return NULL;
  if (!fgets(text, MOST_BYTES, in)) {
    free(text);
    return NULL;
  }
  text[strcspn(text, "\r\n")] = 0;
  return text;
}

/* The vector of a text: its tokens, filled up to a multiple of 8 so that few lengths are planned; the mask hides the
 * rest. */
static edge_status embed(edge_session *s, const wordpiece *w, const char *text, int64_t *width, float **vector) {
  int64_t ids[MOST_TOKENS], mask[MOST_TOKENS] = { 0 };
  const size_t count = wordpiece_encode(w, text, strlen(text), ids, MOST_TOKENS);
  const int64_t dims[2] = { 1, (int64_t)((count + 7) / 8 * 8) };
  uint64_t elements = 0;
  edge_tensor out;
  for (size_t i = 0; i < count; ++i) mask[i] = 1;
  for (int64_t i = (int64_t)count; i < dims[1]; ++i) ids[i] = 0;
  edge_status status = EDGE_STATUS_OK;
  for (uint32_t i = 0; status == EDGE_STATUS_OK && i < 2; ++i) status = edge_session_resize_input(s, i, dims, 2);
  if (status == EDGE_STATUS_OK) status = edge_session_set_input(s, 0, ids, (uint64_t)dims[1] * sizeof *ids);
  if (status == EDGE_STATUS_OK) status = edge_session_set_input(s, 1, mask, (uint64_t)dims[1] * sizeof *mask);
  if (status == EDGE_STATUS_OK) status = edge_session_run(s);
  if (status == EDGE_STATUS_OK) status = edge_session_get_output(s, 0, &out);
  if (status == EDGE_STATUS_OK) status = edge_tensor_elements(&out, &elements);
  if (status == EDGE_STATUS_OK && !(*vector = malloc((size_t)elements * sizeof **vector)))
    status = EDGE_STATUS_OUT_OF_MEMORY;
  if (status == EDGE_STATUS_OK) status = edge_dequantize(&out, *vector, elements);
  *width = (int64_t)elements;
  return status;
}

static float nearness(const corpus *c, int a, int b) {
  float dot = 0.0f;
  for (int64_t i = 0; i < c->width; ++i) dot += c->lines[a].vector[i] * c->lines[b].vector[i];
  return dot;
}

static void bar(float value) {
  static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
  const int eighths = value > 0.0f ? (int)(value * 160.0f) : 0;
  for (int i = 0; i < eighths / 8; ++i) fputs("█", stdout);
  printf("%s%*s", parts[eighths % 8], 21 - eighths / 8 - (eighths % 8 > 0), "");
}

static void answer(const corpus *c) {
  static int shown[MOST_LINES];
  printf("%s\n", c->lines[c->count].text);
  for (int k = 0; k < ANSWERS && k < c->count; ++k) {
    int best = -1;
    for (int i = 0; i < c->count; ++i)
      if (!shown[i] && (best < 0 || nearness(c, i, c->count) > nearness(c, best, c->count))) best = i;
    shown[best] = 1;
    const float value = nearness(c, best, c->count);
    printf("%6.3f ", (double)value);
    bar(value);
    printf(" %s\n", c->lines[best].text);
  }
}

static void table(const corpus *c) {
  static const char *const shades[] = { "··", "░░", "▒▒", "▓▓", "██" };
  if (c->count <= TABLE) {
    printf("   ");
    for (int k = 0; k < c->count; ++k) printf(" %c", 'a' + k);
    printf("\n");
    for (int i = 0; i < c->count; ++i) {
      printf(" %c ", 'a' + i);
      for (int k = 0; k < c->count; ++k) {
        const float value = nearness(c, i, k);
        fputs(shades[value > 0.8f ? 4 : value > 0.6f ? 3 : value > 0.4f ? 2 : value > 0.2f ? 1 : 0], stdout);
      }
      printf("  %s\n", c->lines[i].text);
    }
  }
  for (int i = 0; i < c->count && c->count > 1; ++i) {
    int best = i == 0;
    for (int k = 0; k < c->count; ++k)
      if (k != i && nearness(c, i, k) > nearness(c, i, best)) best = k;
    if (c->count <= TABLE)
      printf("%6.3f  %c ~ %c\n", (double)nearness(c, i, best), 'a' + i, 'a' + best);
    else
      printf("%6.3f  %s ~ %s\n", (double)nearness(c, i, best), c->lines[i].text, c->lines[best].text);
  }
}

static int print_ids(const wordpiece *w) {
  int64_t ids[MOST_TOKENS];
  for (char *text; (text = read_line(stdin)); free(text)) {
    const size_t count = wordpiece_encode(w, text, strlen(text), ids, MOST_TOKENS);
    for (size_t i = 0; i < count; ++i) printf("%s%lld", i ? " " : "", (long long)ids[i]);
    printf("\n");
  }
  return 1;
}

static int compare(const char *path, int threads, const wordpiece *w, const char *file, const char *question) {
  static corpus c;
  edge_error error = EDGE_ERROR_INIT;
  edge_session_options options = EDGE_SESSION_OPTIONS_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  options.num_threads = threads;
  edge_status status = edge_env_create(NULL, &env, &error);
  if (status == EDGE_STATUS_OK) status = edge_model_open_file(env, path, NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, &options, &session, &error);
  if (status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", path, error.text);
  FILE *const in = strcmp(file, "-") == 0 ? stdin : fopen(file, "r");
  if (!in) fprintf(stderr, "%s: it cannot be opened\n", file);
  const uint64_t start = edge_session_clock_ns();
  int ok = status == EDGE_STATUS_OK && in;
  for (char *text; ok && c.count < MOST_LINES && (text = read_line(in));) {
    sentence *const l = &c.lines[c.count];
    l->text = text;
    if (*text) status = embed(session, w, text, &c.width, &l->vector);
    if (*text && status == EDGE_STATUS_OK)
      c.count++;
    else
      free(text);
    ok = status == EDGE_STATUS_OK;
  }
  if (ok && question) {
    c.lines[c.count].text = (char *)(uintptr_t)question;
    ok = (status = embed(session, w, question, &c.width, &c.lines[c.count].vector)) == EDGE_STATUS_OK;
  }
  const double ms = (double)(edge_session_clock_ns() - start) / 1e6;
  if (session && status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", path, edge_session_last_error(session)->text);
  if (ok && question) answer(&c);
  if (ok && !question) table(&c);
  if (ok) printf("%d sentences in %.0f ms\n", c.count, ms);
  for (int i = 0; i <= c.count; ++i) {
    free(c.lines[i].vector);
    if (i < c.count) free(c.lines[i].text);
  }
  if (in && in != stdin) fclose(in);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return ok;
}

int main(int argc, char **argv) {
  const int ids = argc == 3 && strcmp(argv[1], "--ids") == 0;
  const int first = argc > 2 && strcmp(argv[1], "--threads") == 0 ? 3 : 1, count = argc - first;
  if (!ids && (count < 3 || count > 4)) {
    fprintf(stderr, "usage: similarity [--threads N] MODEL.edge VOCAB.txt FILE|- [QUESTION]\n"
                    "       similarity --ids VOCAB.txt < TEXT\n");
    return 1;
  }
  const char *why = NULL, *const vocabulary = ids ? argv[2] : argv[first + 1];
  wordpiece *const w = wordpiece_open(vocabulary, &why);
  if (!w) fprintf(stderr, "%s: %s\n", vocabulary, why);
  const int ok = w && (ids ? print_ids(w)
                           : compare(argv[first], first == 3 ? atoi(argv[2]) : 1, w, argv[first + 2],
                                     count == 4 ? argv[first + 3] : NULL));
  wordpiece_free(w);
  return ok ? 0 : 1;
}
