/* SPDX-License-Identifier: Apache-2.0
 * edgert convert: any known format to an .edge file. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "../import/import.h"
#include "json.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool pad_to(FILE *out, uint64_t *at, uint64_t offset) {
  static const char zeros[4096];
  while (*at < offset) {
    const size_t n = offset - *at < sizeof zeros ? (size_t)(offset - *at) : sizeof zeros;
    if (fwrite(zeros, 1, n, out) != n) return false;
    *at += n;
  }
  return true;
}

/* Metadata, then each segment at the offset that the metadata names. */
static bool write_image(FILE *out, const edge_image *image, uint64_t *bytes) {
  uint64_t at = image->metadata_bytes;
  if (fwrite(image->metadata, 1, (size_t)at, out) != at) return false;
  for (uint32_t i = 0; i < image->num_segments; ++i) {
    const edge_segment *const s = &image->segments[i];
    if (!pad_to(out, &at, s->offset) || fwrite(s->data, 1, (size_t)s->bytes, out) != s->bytes) return false;
    at += s->bytes;
  }
  *bytes = at;
  return true;
}

static bool same_file(const char *a, const char *b) {
  struct stat sa = { 0 }, sb = { 0 };
  return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int cannot_write(const char *in, const char *path, tool_error *e) {
  return tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", in, path, strerror(errno));
}

static int write_file(const char *in, tool_output *out, const edge_image *image, uint64_t *bytes, tool_error *e) {
  if (write_image(out->file, image, bytes) && tool_output_flush(out)) return EXIT_OK;
  return cannot_write(in, out->path, e);
}

static void log_warning(void *user, int32_t level, const char *text) {
  (void)user;
  fprintf(stderr, "%s: %s\n", level <= EDGE_LOG_ERROR ? "error" : "warning", text);
}

/* The file has to load before anybody is told that it exists. */
static int check_result(const tool_options *o, const char *path, uint32_t *nodes, tool_error *e) {
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_error error = EDGE_ERROR_INIT;
  edge_model_info info = EDGE_MODEL_INFO_INIT;
  int code = tool_env(o, &env, e);
  if (code) return code;
  edge_status status = edge_model_open_file(env, path, NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_model_get_info(model, &info);
  *nodes = info.num_nodes;
  edge_model_release(model);
  edge_env_destroy(env);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  if (o->keep_custom && status == EDGE_STATUS_UNSUPPORTED_OP) {
    fprintf(stderr, "warning: %s\n", error.text);
    return EXIT_OK;
  }
  return tool_fail(e, tool_exit_code(status), "%s: the converted file does not load: %s", o->positional[0], error.text);
}

/* What was written has to load and to agree before it gets the name that was asked for. Takes the image. */
static int write_and_check(const tool_options *o, edge_image *image, uint64_t *bytes, uint32_t *nodes,
                           convert_check *check, tool_error *e) {
  const char *const in = o->positional[0];
  tool_output out;
  struct stat st;
  int code = EXIT_OK;
  /* the input may be mapped while the output is written: never truncate it */
  if (same_file(in, o->output))
    code = tool_fail(e, EXIT_USAGE, "%s: input and output are the same file", in);
  else if (!tool_output_open(&out, o->output))
    code = cannot_write(in, o->output, e);
  if (code) {
    image->release(image->user);
    return code;
  }
  code = write_file(in, &out, image, bytes, e);
  image->release(image->user);
  const char *const name = tool_output_name(&out);
  const bool readable = stat(name, &st) == 0 && S_ISREG(st.st_mode); /* no device, no pipe */
  if (!code && readable) code = check_result(o, name, nodes, e);
  const bool known = !readable || *nodes != 0 || !o->keep_custom;
  if (!known) snprintf(check->text, sizeof check->text, "operators of yours are not registered here");
  if (!code && readable && known && !o->no_verify) code = convert_verify(o, name, check, e);
  if (!tool_output_close(&out, !code) && !code) code = cannot_write(in, o->output, e);
  return code;
}

static void print_result(const tool_options *o, uint64_t bytes, uint32_t nodes, const tool_prepared *prepared,
                         const convert_check *check) {
  const bool equal = check->verdict == CHECK_EQUAL;
  if (o->json) {
    fputs("{\"out\":", stdout);
    json_write_string(stdout, o->output);
    printf(",\"bytes\":%llu,\"nodes\":%u,\"unsupported\":[],\"prepared\":%u,\"prepared_bytes\":%llu,\"verified\":%s,"
           "\"check\":",
           (unsigned long long)bytes, nodes, prepared->blobs, (unsigned long long)prepared->bytes,
           equal ? "true" : "null");
    json_write_string(stdout, check->text);
    fputs("}\n", stdout);
    return;
  }
  printf("%s: %u nodes, %llu bytes", o->output, nodes, (unsigned long long)bytes);
  if (o->prepare) printf(", of them %llu in %u packed weights", (unsigned long long)prepared->bytes, prepared->blobs);
  printf("; %s: %s\n", equal ? "checked" : "not checked", check->text);
}

static int verb_convert(const tool_options *o) {
  tool_error e = { 0, "" };
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  ei_import_options import = EI_IMPORT_OPTIONS_INIT;
  uint64_t bytes = 0;
  uint32_t nodes = 0;
  tool_prepared prepared = { .n_envs = 0 };
  if (o->n_positional != 1 || !o->output)
    return tool_report(o, (tool_fail(&e, EXIT_USAGE, "edgert convert: usage: edgert convert IN -o OUT.edge"), &e));
  import.disabled_passes = o->no_pass.items;
  import.n_disabled = o->no_pass.count;
  import.log = log_warning;
  import.max_bytes = tool_memory_limit(o);
  if (o->timeout_s > 0) import.deadline_ns = edge_session_clock_ns() + (uint64_t)(o->timeout_s * 1e9);
  import.keep_custom = o->keep_custom;
  edge_env *env = NULL; /* with the operators of plug-ins */
  int code = tool_env(o, &env, &e);
  if (code) return tool_report(o, &e);
  import.operators = env;
  tool_unsupported_collect(o->positional[0], &import);
  const edge_status status = ei_import_image_file(o->positional[0], &import, &image, &error);
  if (status != EDGE_STATUS_OK) {
    edge_env_destroy(env);
    tool_fail_open(&e, o, o->positional[0], status, error.text);
    return tool_report(o, &e);
  }
  if (o->prepare) code = tool_prepare(o, &image, &prepared, &e);
  convert_check check = { .verdict = CHECK_SKIPPED, .text = "--no-verify" };
  if (!code) code = write_and_check(o, &image, &bytes, &nodes, &check, &e);
  tool_prepared_close(&prepared);
  edge_env_destroy(env);
  if (code) return tool_report(o, &e);
  print_result(o, bytes, nodes, &prepared, &check);
  return EXIT_OK;
}

static const char *const options[] = { "o", "keep-custom", "prepare", "no-verify", NULL };
const tool_verb tool_verb_convert = { "convert", "turn a model into an .edge file",
                                      "usage: edgert convert IN -o OUT.edge [options]", options, verb_convert };
