/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target without a fuzzer: fuzz_<target> COUNT [FOLDER OR FILE...]. The same files each time; a failure
 * leaves the file behind as fuzz-failure.bin. With COUNT 0 the given files are run as they are. EDGE_FUZZ_SEED=NUMBER
 * gives other files; EDGE_FUZZ_SECONDS=NUMBER ends after that time. */
#include "fuzz.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t *current;
static volatile size_t current_bytes;

static void save(void) {
  FILE *const out = current ? fopen("fuzz-failure.bin", "wb") : NULL;
  if (!out) return;
  (void)fwrite(current, 1, current_bytes, out);
  fclose(out);
  fprintf(stderr, "the file is in fuzz-failure.bin\n");
}

static void on_signal(int number) {
  signal(number, SIG_DFL);
  save(); /* the process is lost anyway */
  raise(number);
}

int main(int argc, char **argv) {
  unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
  et_corpus corpus = { NULL, 0, 0 };
  unsigned long long accepted = 0;
  const char *const other = getenv("EDGE_FUZZ_SEED"), *const seconds = getenv("EDGE_FUZZ_SECONDS");
  const time_t limit = seconds ? time(NULL) + (time_t)strtoull(seconds, NULL, 10) : 0;
  uint64_t state = UINT64_C(0x9e3779b97f4a7c15) + 2 * (other ? strtoull(other, NULL, 10) : 0);
  et_fuzz_seeds(&corpus);
  for (int i = 2; i < argc; ++i) et_corpus_add_folder(&corpus, argv[i], 1u << 20);
  if (corpus.n == 0) {
    printf("skipped: no seeds\n");
    return 77;
  }
  atexit(save);
  signal(SIGSEGV, on_signal);
  signal(SIGABRT, on_signal);
  signal(SIGFPE, on_signal);
  for (size_t i = 0; i < corpus.n; ++i) { /* the seeds themselves */
    current = corpus.seeds[i].p;
    current_bytes = corpus.seeds[i].n;
    accepted += et_fuzz_one(current, current_bytes);
  }
  printf("%zu seeds, %llu accepted\n", corpus.n, accepted);
  const size_t cap = corpus.longest + 256;
  uint8_t *const work = malloc(cap);
  if (!work) return 1;
  for (unsigned long long i = 0; i < count; ++i) {
    if (limit && time(NULL) >= limit) {
      count = i;
      break;
    }
    const size_t n = et_mutate(&corpus, &state, work, cap);
    uint8_t *const exact = malloc(n ? n : 1); /* so that the address sanitizer sees the end */
    if (!exact) return 1;
    if (n) memcpy(exact, work, n);
    current = exact;
    current_bytes = n;
    accepted += et_fuzz_one(exact, n);
    current = NULL;
    free(exact);
  }
  current = NULL;
  free(work);
  et_corpus_free(&corpus);
  printf("%llu executions, %llu accepted\n", count, accepted);
  return 0;
}
