/* SPDX-License-Identifier: Apache-2.0
 * fuzz_load: any bytes as an .edge file. */
#include "fuzz.h"
#include "../format/format_test.h"
#include "../format/fuzz_load.h"

bool et_fuzz_one(const uint8_t *p, size_t n) {
  return et_fuzz_load(p, n);
}

void et_fuzz_seeds(et_corpus *c) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    et_file f = et_sample_file(s->name);
    et_corpus_add(c, f.p, f.n);
    et_file_free(&f);
  }
}
