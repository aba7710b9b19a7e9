/* SPDX-License-Identifier: Apache-2.0
 * How long a session takes to stop: stopbench MODEL [--threads N] [--prefer A,B] [--isa NAME] [--tries N]
 * [--limit US]: fails when `work` takes longer. A missing MODEL is skipped (77).
 *
 * Cancels runs at moments spread evenly over their length, and prints one JSON object: `stop` is from the cancelling
 * call to the end of the run on its thread, `work` the time that this thread was on a CPU meanwhile (on a machine with
 * other work `stop` is mostly waiting for a CPU), `wait` to the return of edge_session_wait() on the thread that
 * cancelled. */
#define _POSIX_C_SOURCE 200809L
#include "src/import/import.h"
#include <edge/edge.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TRIES = 100000 };
static uint64_t ended, ended_cpu;
static clockid_t cpu_clock; /* of the session's thread */

static uint64_t cpu_ns(void) {
  struct timespec t = { 0, 0 };
  clock_gettime(cpu_clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_end(void *user, edge_session *session, edge_status status) {
  (void)user, (void)session, (void)status;
  ended = edge_session_clock_ns();
  (void)pthread_getcpuclockid(pthread_self(), &cpu_clock);
  ended_cpu = cpu_ns();
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print(const char *name, double *us, int n) {
  qsort(us, (size_t)n, sizeof *us, compare);
  printf(",\"%s_us\":{\"median\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, n ? us[n / 2] : 0.0,
         n ? us[n * 99 / 100] : 0.0, n ? us[n - 1] : 0.0);
}

static int fail(const char *model, const char *text) {
  fprintf(stderr, "%s: %s\n", model, text);
  return 1;
}

static edge_status run(edge_session *s) {
  const edge_status status = edge_session_run_async(s, on_end, NULL);
  return status == EDGE_STATUS_OK ? edge_session_wait(s, UINT64_MAX) : status;
}

static int measure(const char *name, edge_session *s, int tries, double limit) {
  static double stop[MAX_TRIES], work[MAX_TRIES], wait[MAX_TRIES], length[5];
  int stopped = 0;
  if (run(s) != EDGE_STATUS_OK) return fail(name, edge_session_last_error(s)->text);
  for (int i = 0; i < 5; ++i) {
    const uint64_t begin = edge_session_clock_ns();
    if (run(s) != EDGE_STATUS_OK) return fail(name, edge_session_last_error(s)->text);
    length[i] = (double)(ended - begin);
  }
  qsort(length, 5, sizeof *length, compare);
  for (int i = 0; i < tries; ++i) {
    const uint64_t begin = edge_session_clock_ns();
    const uint64_t at = begin + (uint64_t)(length[2] * 0.98 * ((double)(i * 7919L % tries) + 0.5) / (double)tries);
    if (edge_session_run_async(s, on_end, NULL) != EDGE_STATUS_OK) return fail(name, edge_session_last_error(s)->text);
    for (uint64_t now; (now = edge_session_clock_ns()) < at;) {
      const uint64_t left = at - now > 60000 ? at - now - 60000 : 0; /* asleep, and the last bit awake */
      const struct timespec t = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
      if (left) nanosleep(&t, NULL);
    }
    const uint64_t asked_cpu = cpu_ns(), asked = edge_session_clock_ns();
    edge_session_cancel(s);
    const edge_status status = edge_session_wait(s, UINT64_MAX);
    const uint64_t back = edge_session_clock_ns();
    if (status == EDGE_STATUS_OK) continue; /* it was over before */
    if (status != EDGE_STATUS_CANCELLED) return fail(name, edge_session_last_error(s)->text);
    stop[stopped] = ended > asked ? (double)(ended - asked) / 1e3 : 0.0;
    work[stopped] = ended_cpu > asked_cpu ? (double)(ended_cpu - asked_cpu) / 1e3 : 0.0;
    wait[stopped++] = (double)(back - asked) / 1e3;
  }
  if (run(s) != EDGE_STATUS_OK) return fail(name, "not usable afterwards");
  printf("{\"model\":\"%s\",\"threads\":%u,\"run_ms\":%.3f,\"tries\":%d,\"stopped\":%d", name,
         edge_session_num_threads(s), length[2] / 1e6, tries, stopped);
  print("stop", stop, stopped);
  print("work", work, stopped);
  print("wait", wait, stopped);
  printf("}\n");
  if (limit > 0.0 && stopped * 4 < tries) return fail(name, "hardly a run was stopped");
  return limit > 0.0 && work[stopped * 99 / 100] > limit ? fail(name, "stopping takes too long") : 0;
}

int main(int argc, char **argv) {
  edge_env_options eo = EDGE_ENV_OPTIONS_INIT;
  edge_session_options so = EDGE_SESSION_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *session = NULL;
  const char *name = NULL;
  int tries = 400;
  double limit = 0.0;
  for (int i = 1; i < argc; ++i) {
    const char *const value = i + 1 < argc ? argv[i + 1] : "";
    if (strcmp(argv[i], "--threads") == 0)
      so.num_threads = atoi(value), ++i;
    else if (strcmp(argv[i], "--prefer") == 0)
      so.backends = value, so.flags |= EDGE_SESSION_PREFER, ++i;
    else if (strcmp(argv[i], "--isa") == 0)
      eo.isa_cap = value, ++i;
    else if (strcmp(argv[i], "--tries") == 0)
      tries = atoi(value), ++i;
    else if (strcmp(argv[i], "--limit") == 0)
      limit = atof(value), ++i;
    else
      name = argv[i];
  }
  if (!name || tries < 1 || tries > MAX_TRIES) return fail("stopbench", "MODEL [--threads N] [--prefer A,B] ...");
  FILE *const there = fopen(name, "rb");
  if (!there) {
    printf("skipped: no model %s\n", name);
    return 77;
  }
  fclose(there);
  int code = 1;
  if (edge_env_create(&eo, &env, &error) != EDGE_STATUS_OK ||
      ei_import_open(env, name, NULL, NULL, &model, &error) != EDGE_STATUS_OK ||
      edge_session_create(model, &so, &session, &error) != EDGE_STATUS_OK)
    (void)fail(name, error.text);
  else
    code = measure(name, session, tries, limit);
  edge_session_destroy(session);
  edge_model_release(model);
  edge_env_destroy(env);
  return code;
}
