/* SPDX-License-Identifier: Apache-2.0
 * Runs the named case of the tests of the ONNX importer, or all of them. */
#include "onnx_test.h"

static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
#define ONNX_CASE(name) { #name, test_##name },
#include "cases.def"
#undef ONNX_CASE
};

int main(int argc, char **argv) {
  bool found = false;
  for (size_t i = 0; i < EI_COUNT(cases); ++i) {
    if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) continue;
    found = true;
    cases[i].run();
  }
  if (!found) fprintf(stderr, "no case %s\n", argv[1]);
  return found ? 0 : 1;
}
