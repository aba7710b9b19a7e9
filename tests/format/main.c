/* SPDX-License-Identifier: Apache-2.0
 * Runs the named case of the tests of src/format, or all of them. */
#include "format_test.h"

static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
#define FORMAT_CASE(name) { #name, test_##name },
#include "cases.def"
#undef FORMAT_CASE
};

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "negative") == 0) return et_negative(argv[2]) ? 0 : 1;
  bool found = false;
  for (size_t i = 0; i < EI_COUNT(cases); ++i) {
    if (argc > 1 && strcmp(argv[1], cases[i].name) != 0) continue;
    found = true;
    cases[i].run();
  }
  if (!found) fprintf(stderr, "no case %s\n", argv[1]);
  return found ? 0 : 1;
}
