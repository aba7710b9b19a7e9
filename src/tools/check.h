/* SPDX-License-Identifier: Apache-2.0
 * Does a converted file compute what its source does? */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include "tool.h"

typedef enum check_verdict { CHECK_EQUAL, CHECK_SKIPPED, CHECK_DIFFERENT } check_verdict;

typedef struct convert_check {
  check_verdict verdict;
  uint32_t outputs, flips; /* compared; of them equal but for roundings */
  double largest, cosine;
  bool portable; /* the source ran on portable kernels */
  char text[700];
} convert_check;

/** Run both on the same inputs; EXIT_DIFFERENT with the reason when they differ, in k->text what was compared or why
 *  nothing was. The file is left to the caller. */
int convert_verify(const tool_options *o, const char *converted, convert_check *k, tool_error *e);

#endif
