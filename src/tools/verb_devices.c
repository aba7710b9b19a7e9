/* SPDX-License-Identifier: Apache-2.0
 * edgert devices: backends found here, their score and reason, CPU features. */
#include "tool.h"

#include "../base/pool.h"
#include "../sched/backend.h"
#include "json.h"

static const struct {
  uint64_t bit;
  const char *name;
} features[] = {
  { EDGE_CPU_AVX2, "avx2" },
  { EDGE_CPU_AVXVNNI, "avxvnni" },
  { EDGE_CPU_AVX512, "avx512" },
  { EDGE_CPU_AVX512VNNI, "avx512vnni" },
  { EDGE_CPU_AVX512VBMI, "avx512vbmi" },
  { EDGE_CPU_AVX512BF16, "avx512bf16" },
  { EDGE_CPU_NEON, "neon" },
  { EDGE_CPU_DOTPROD, "dotprod" },
  { EDGE_CPU_I8MM, "i8mm" },
};

static void print_json(edge_env *env) {
  fputs("{\"backends\":[", stdout);
  for (uint32_t i = 0; i < env->n_backends; ++i) {
    const ei_backend *const b = &env->backends[i];
    printf("%s{\"name\":\"%s\",\"available\":%s,\"score\":%d,\"reason\":", i ? "," : "", b->info.name,
           b->info.available ? "true" : "false", b->info.score);
    json_write_string(stdout, b->info.reason);
    printf(",\"emulated\":%s,\"device\":", b->info.emulated ? "true" : "false");
    json_write_string(stdout, b->device_info.name);
    fputs(",\"gflops_f32\":", stdout);
    json_write_number(stdout, b->device_info.gflops_f32);
    fputs(",\"gops_s8\":", stdout);
    json_write_number(stdout, b->device_info.gops_s8);
    fputs(",\"gbytes_per_s\":", stdout);
    json_write_number(stdout, b->device_info.gbytes_per_s);
    fputs("}", stdout);
  }
  printf("],\"cpu\":{\"isa\":\"%s\",\"cores\":%u,\"features\":[", edge_env_isa_name(env), ei_cpu_cores());
  for (size_t i = 0, first = 1; i < sizeof features / sizeof features[0]; ++i)
    if (env->features & features[i].bit) {
      printf("%s\"%s\"", first ? "" : ",", features[i].name);
      first = 0;
    }
  fputs("]}}\n", stdout);
}

static void print_people(edge_env *env) {
  printf("cpu: %s, %u core%s, L1 %u KiB, L2 %u KiB, L3 %u KiB, features:", edge_env_isa_name(env), ei_cpu_cores(),
         ei_cpu_cores() == 1 ? "" : "s", ei_cpu_cache_bytes(1) >> 10, ei_cpu_cache_bytes(2) >> 10,
         ei_cpu_cache_bytes(3) >> 10);
  for (size_t i = 0; i < sizeof features / sizeof features[0]; ++i)
    if (env->features & features[i].bit) printf(" %s", features[i].name);
  fputs("\n", stdout);
  for (uint32_t i = 0; i < env->n_backends; ++i) {
    const ei_backend *const b = &env->backends[i];
    printf("%-10s %s  score %d  %s\n", b->info.name, b->info.available ? "available" : "missing  ", b->info.score,
           b->info.reason);
    if (b->info.available)
      printf("           %s: %.0f GFLOP/s f32, %.0f GOP/s s8, %.0f GB/s, %.0f us a submission%s\n", b->device_info.name,
             b->device_info.gflops_f32, b->device_info.gops_s8, b->device_info.gbytes_per_s, b->device_info.submit_us,
             b->info.emulated ? ", emulated" : "");
  }
}

static int verb_devices(const tool_options *o) {
  tool_error e = { 0, "" };
  edge_env *env = NULL;
  int code = o->n_positional == 0 ? EXIT_OK : tool_fail(&e, EXIT_USAGE, "edgert devices takes no file");
  if (!code) code = tool_env(o, &env, &e);
  if (code) return tool_report(o, &e);
  if (o->json)
    print_json(env);
  else
    print_people(env);
  edge_env_destroy(env);
  return EXIT_OK;
}

static const char *const options[] = { NULL };
const tool_verb tool_verb_devices = { "devices", "show backends, devices and CPU features",
                                      "usage: edgert devices [--json]", options, verb_devices };
