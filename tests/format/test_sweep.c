/* SPDX-License-Identifier: Apache-2.0
 * Every truncation and every single-bit flip of the sample files: an error or a model, never anything else. */
#include "format_test.h"
#include "fuzz_load.h"

static uint64_t loads, accepted;

static void load(const uint8_t *p, uint64_t n) {
  accepted += et_fuzz_load(p, n) ? 1u : 0u;
  loads++;
}

/* A heap block of exactly the shortened size: one byte too far is seen by the address sanitizer. */
static void truncations(const et_file *f) {
  for (uint64_t n = 0; n < f->n; ++n) {
    uint8_t *const exact = malloc(n ? n : 1);
    CHECK(exact);
    if (n) memcpy(exact, f->p, n);
    load(exact, n);
    free(exact);
  }
}

static void bit_flips(const et_file *f) {
  for (uint64_t i = 0; i < f->n; ++i)
    for (uint32_t bit = 0; bit < 8; ++bit) {
      f->p[i] = (uint8_t)(f->p[i] ^ 1u << bit);
      load(f->p, f->n);
      f->p[i] = (uint8_t)(f->p[i] ^ 1u << bit);
    }
}

void test_sweep(void) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    et_file f = et_sample_file(s->name);
    loads = accepted = 0;
    truncations(&f);
    CHECK(accepted == 0 || strcmp(s->name, "extras") == 0); /* its last segment ends in bytes that nothing needs */
    bit_flips(&f);
    CHECK(et_fuzz_load(f.p, f.n));
    printf("%-10s %llu executions, %llu accepted\n", s->name, (unsigned long long)loads, (unsigned long long)accepted);
    et_file_free(&f);
  }
}
