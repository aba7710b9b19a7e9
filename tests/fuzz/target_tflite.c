/* SPDX-License-Identifier: Apache-2.0
 * fuzz_tflite: any bytes as a model in the TFLite format. */
#include "fuzz.h"
#include "fuzz_import.h"

bool et_fuzz_one(const uint8_t *p, size_t n) {
  return et_fuzz_import(p, n);
}

/* All seeds are files. */
void et_fuzz_seeds(et_corpus *c) {
  (void)c;
}
