/* SPDX-License-Identifier: Apache-2.0
 * Tests of the CPU backend that run once for each kernel tier: checks, and the environment capped at the tier. */
#ifndef ET_CPU_ENV_H
#define ET_CPU_ENV_H

#include <edge/edge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

/** Capped at the tier that argv[1] names; ends the test as skipped where the CPU has less. */
static inline edge_env *et_cpu_env(int argc, char **argv) {
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_env *env = NULL;
  options.isa_cap = argc > 1 ? argv[1] : NULL;
  CHECK(edge_env_create(&options, &env, &error) == EDGE_STATUS_OK);
  if (argc > 1 && strcmp(edge_env_isa_name(env), argv[1]) != 0) {
    printf("skipped: this CPU has no %s\n", argv[1]);
    edge_env_destroy(env);
    exit(77);
  }
  return env;
}

#endif
