/* SPDX-License-Identifier: Apache-2.0
 * Hear speech and wake words in a recording or a microphone, as the sound comes.
 *
 *   listen [--threads N] VOICE.edge MEL.edge EMBED.edge WORD.edge... SOUND.wav|-
 *
 * run.sh fetches the networks. Every 32 ms the first one says how likely someone speaks; it remembers by a state that
 * is bound as its input and its output, so nothing is copied. Every 80 ms the second turns new sound into mel bands,
 * the third the last 0.8 s of bands into a vector, and one small network a word judges the last vectors. */
#include "sound.h"
#include <edge/edge.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME = 512, CONTEXT = 64, STATE = 2 * 128, HOP = 1280, OVERLAP = 480 };
enum { BANDS = 32, NEW_ROWS = 8, ROWS = 76, VECTOR = 96, MOST_VECTORS = 64, MOST_WORDS = 16, COLUMNS = 72 };
enum { VOICE, MEL, EMBED, WORDS, NETWORKS = WORDS + MOST_WORDS };

typedef struct network {
  const char *path;
  char name[32];
  edge_model *model;
  edge_session *session;
  edge_tensor in;
  float threshold;
  double quiet_until; /* seconds: a word that was heard is not heard again at once */
} network;

typedef struct listener {
  network networks[NETWORKS];
  int n_words;
  _Alignas(64) float state[STATE];
  float voice[CONTEXT + FRAME], wave[OVERLAP + HOP], rows[ROWS][BANDS], vectors[MOST_VECTORS][VECTOR];
  unsigned in_voice, in_wave, n_vectors;
  int speaking;
  double seconds, last_voice, busy[3];
  struct tick {
    float loud, chance;
    char word;
  } * ticks; /* one every FRAME samples */
  unsigned n_ticks;
} listener;

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
  const char *const slash = strrchr(n->path, '/');
  snprintf(n->name, sizeof n->name, "%s", slash ? slash + 1 : n->path);
  n->name[strcspn(n->name, ".")] = 0;
  for (char *c = n->name; *c; ++c)
    if (*c == '_') *c = ' ';
  edge_status status = edge_model_open_file(env, n->path, NULL, &n->model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(n->model, &options, &n->session, &error);
  if (status != EDGE_STATUS_OK) fprintf(stderr, "%s: %s\n", n->path, error.text);
  n->threshold = 0.5f;
  return status == EDGE_STATUS_OK;
}

/* Fix the shape of the sound or feature input and plan; later runs then allocate nothing. */
static int shape(network *n, const int64_t *dims, int32_t rank) {
  edge_status status = dims ? edge_session_resize_input(n->session, 0, dims, rank) : EDGE_STATUS_OK;
  if (status == EDGE_STATUS_OK) status = edge_session_prepare(n->session);
  if (status == EDGE_STATUS_OK) status = edge_session_get_input(n->session, 0, &n->in);
  return !failed(n, status);
}

static const float *run(network *n, const void *values, uint64_t floats, uint64_t wanted, double *busy) {
  const uint64_t start = edge_session_clock_ns();
  uint64_t count = 0;
  edge_tensor out;
  edge_status status = edge_session_set_input(n->session, 0, values, floats * sizeof(float));
  if (status == EDGE_STATUS_OK) status = edge_session_run(n->session);
  if (status == EDGE_STATUS_OK) status = edge_session_get_output(n->session, 0, &out);
  if (status == EDGE_STATUS_OK) status = edge_tensor_elements(&out, &count);
  if (status == EDGE_STATUS_OK && (out.dtype != EDGE_DTYPE_F32 || count != wanted)) status = EDGE_STATUS_SHAPE_MISMATCH;
  *busy += (double)(edge_session_clock_ns() - start) / 1e9;
  return failed(n, status) ? NULL : out.data;
}

static uint32_t input_named(const network *n, const char *name) {
  edge_tensor t;
  uint32_t i = edge_session_num_inputs(n->session);
  while (i-- > 0)
    if (edge_session_get_input(n->session, i, &t) == EDGE_STATUS_OK && strcmp(t.name, name) == 0) return i;
  return UINT32_MAX;
}

static int open_all(edge_env *env, listener *l, char **paths, int count, int threads) {
  static const int64_t voice[] = { 1, CONTEXT + FRAME }, state[] = { 2, 1, 128 }, wave[] = { 1, OVERLAP + HOP },
                       rows[] = { 1, ROWS, BANDS, 1 };
  const int64_t rate = SOUND_RATE;
  network *const n = l->networks;
  l->n_words = count - WORDS;
  for (int i = 0; i < count; ++i) {
    n[i].path = paths[i];
    if (!open_network(env, &n[i], threads)) return 0;
  }
  edge_status status = edge_session_resize_input(n[VOICE].session, input_named(&n[VOICE], "state"), state, 3);
  if (failed(&n[VOICE], status) || !shape(&n[VOICE], voice, 2) || !shape(&n[MEL], wave, 2) ||
      !shape(&n[EMBED], rows, 4))
    return 0;
  status = edge_session_bind_input(n[VOICE].session, input_named(&n[VOICE], "state"), l->state, sizeof l->state);
  if (status == EDGE_STATUS_OK) status = edge_session_bind_output(n[VOICE].session, 1, l->state, sizeof l->state);
  if (status == EDGE_STATUS_OK && edge_session_num_inputs(n[VOICE].session) > 2)
    status = edge_session_set_input(n[VOICE].session, input_named(&n[VOICE], "sr"), &rate, sizeof rate);
  if (failed(&n[VOICE], status)) return 0;
  for (int i = WORDS; i < count; ++i) {
    if (!shape(&n[i], NULL, 0)) return 0;
    if (n[i].in.rank != 3 || n[i].in.dims[2] != VECTOR || n[i].in.dims[1] > MOST_VECTORS) {
      fprintf(stderr, "%s: it does not judge vectors of %d\n", n[i].path, VECTOR);
      return 0;
    }
  }
  for (int i = 0; i < ROWS * BANDS; ++i) l->rows[i / BANDS][i % BANDS] = 1.0f;
  return 1;
}

static void say(const listener *l, const char *what, const char *name, float chance) {
  printf("%7.2f s  %s%s", l->seconds, what, name);
  if (chance > 0.0f) printf("  (%.0f %%)", 100.0 * (double)chance);
  printf("\n");
  fflush(stdout);
}

static int hear_voice(listener *l) {
  const float *const chance = run(&l->networks[VOICE], l->voice, CONTEXT + FRAME, 1, &l->busy[0]);
  if (!chance) return 0;
  float loud = 0.0f;
  for (int i = CONTEXT; i < CONTEXT + FRAME; ++i) loud += l->voice[i] * l->voice[i] / FRAME;
  memmove(l->voice, l->voice + FRAME, CONTEXT * sizeof(float));
  if ((l->n_ticks & (l->n_ticks - 1)) == 0) { /* doubles */
    struct tick *const more = realloc(l->ticks, (2 * (size_t)l->n_ticks + 1) * sizeof *more);
    if (!more) return 0;
    l->ticks = more;
  }
  l->ticks[l->n_ticks++] = (struct tick) { sqrtf(loud), *chance, 0 };
  if (*chance > 0.5f) l->last_voice = l->seconds;
  if (*chance > 0.5f && !l->speaking) say(l, "speech begins", "", 0.0f);
  if (l->speaking && l->seconds - l->last_voice > 0.4) say(l, "speech ends", "", 0.0f);
  l->speaking = *chance > 0.5f || (l->speaking && l->seconds - l->last_voice <= 0.4);
  return 1;
}

static int hear_words(listener *l) {
  const float *const mel = run(&l->networks[MEL], l->wave, OVERLAP + HOP, NEW_ROWS * BANDS, &l->busy[1]);
  if (!mel) return 0;
  memmove(l->wave, l->wave + HOP, OVERLAP * sizeof(float));
  memmove(l->rows, l->rows + NEW_ROWS, (ROWS - NEW_ROWS) * sizeof l->rows[0]);
  for (int i = 0; i < NEW_ROWS * BANDS; ++i) l->rows[ROWS - NEW_ROWS + i / BANDS][i % BANDS] = mel[i] / 10.0f + 2.0f;
  const float *const vector = run(&l->networks[EMBED], l->rows, ROWS * BANDS, VECTOR, &l->busy[1]);
  if (!vector) return 0;
  memmove(l->vectors, l->vectors + 1, (MOST_VECTORS - 1) * sizeof l->vectors[0]);
  memcpy(l->vectors[MOST_VECTORS - 1], vector, sizeof l->vectors[0]);
  l->n_vectors++;
  for (int i = WORDS; i < WORDS + l->n_words; ++i) {
    network *const n = &l->networks[i];
    const unsigned needed = (unsigned)n->in.dims[1];
    if (l->n_vectors < needed) continue;
    const float *const chance = run(n, l->vectors[MOST_VECTORS - needed], needed * VECTOR, 1, &l->busy[2]);
    if (!chance) return 0;
    if (*chance < n->threshold || l->seconds < n->quiet_until) continue;
    n->quiet_until = l->seconds + 1.5;
    if (l->n_ticks) l->ticks[l->n_ticks - 1].word = (char)('1' + i - WORDS);
    say(l, "heard: ", n->name, *chance);
  }
  return 1;
}

/* The whole recording in three rows: loudness, speech, words. */
static void draw(const listener *l) {
  static const char *const bars[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
  static const char *const titles[] = { "sound ", "speech", "words " };
  const unsigned columns = l->n_ticks < COLUMNS ? l->n_ticks : COLUMNS;
  for (int row = 0; row < 3 && columns; ++row) {
    printf("%s |", titles[row]);
    for (unsigned c = 0; c < columns; ++c) {
      float loud = 0.0f, chance = 0.0f;
      char word = 0;
      for (unsigned i = c * l->n_ticks / columns; i < (c + 1) * l->n_ticks / columns; ++i) {
        loud = fmaxf(loud, l->ticks[i].loud);
        chance = fmaxf(chance, l->ticks[i].chance);
        if (l->ticks[i].word) word = l->ticks[i].word;
      }
      const float level = loud > 0.0f ? 8.0f + log2f(loud) * 1.2f + 2.0f : 0.0f; /* 5 dB a step */
      if (row == 0) fputs(bars[level < 0.0f ? 0 : level > 8.0f ? 8 : (int)level], stdout);
      if (row == 1) fputs(chance > 0.5f ? "█" : "·", stdout);
      if (row == 2) putchar(word ? word : ' ');
    }
    printf("|\n");
  }
  for (int i = 0; i < l->n_words; ++i) printf("%s%d %s", i ? ", " : "", i + 1, l->networks[WORDS + i].name);
  const double total = l->busy[0] + l->busy[1] + l->busy[2];
  printf("\n%.1f s of sound in %.0f ms: %.5f of real time (voice %.0f ms, features %.0f ms, words %.1f ms)\n",
         l->seconds, total * 1e3, l->seconds > 0.0 ? total / l->seconds : 0.0, l->busy[0] * 1e3, l->busy[1] * 1e3,
         l->busy[2] * 1e3);
}

static int listen(listener *l, sound *s) {
  float block[32];
  for (unsigned count; (count = sound_read(s, block, 32)) > 0;) {
    l->seconds += (double)count / SOUND_RATE;
    for (unsigned i = 0; i < count; ++i) {
      l->voice[CONTEXT + l->in_voice++] = block[i];
      l->wave[OVERLAP + l->in_wave++] = block[i] * 32767.0f;
      if (l->in_voice == FRAME && !hear_voice(l)) return 0;
      if (l->in_wave == HOP && !hear_words(l)) return 0;
      l->in_voice %= FRAME;
      l->in_wave %= HOP;
    }
  }
  draw(l);
  return 1;
}

int main(int argc, char **argv) {
  static listener l;
  sound s = { 0 };
  edge_env *env = NULL;
  const int first = argc > 2 && strcmp(argv[1], "--threads") == 0 ? 3 : 1, count = argc - first - 1;
  if (count < WORDS || count > NETWORKS) {
    fprintf(stderr, "usage: listen [--threads N] VOICE.edge MEL.edge EMBED.edge WORD.edge... SOUND.wav|-\n");
    return 1;
  }
  const char *const why = sound_open(&s, argv[argc - 1]);
  if (why) fprintf(stderr, "%s: %s\n", argv[argc - 1], why);
  int ok = !why && edge_env_create(NULL, &env, NULL) == EDGE_STATUS_OK;
  ok = ok && open_all(env, &l, argv + first, count, first == 3 ? atoi(argv[2]) : 1) && listen(&l, &s);
  for (int i = 0; i < NETWORKS; ++i) {
    edge_session_destroy(l.networks[i].session);
    edge_model_release(l.networks[i].model);
  }
  edge_env_destroy(env);
  sound_close(&s);
  free(l.ticks);
  return ok ? 0 : 1;
}
