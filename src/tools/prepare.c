/* SPDX-License-Identifier: Apache-2.0
 * edgert convert --prepare: from a list of targets to an image with packed weights. */
#include "tool.h"

#include "../import/import.h"
#include <string.h>

enum { MAX_TARGETS = 8 };

/* One target "cpu" or "cpu:ISA" to an environment capped there. */
static int open_target(const tool_options *o, const char *target, size_t length, edge_env **out, tool_error *e) {
  char text[64], *isa;
  tool_options capped = *o;
  snprintf(text, sizeof text, "%.*s", (int)(length < 63 ? length : 63), target);
  isa = strchr(text, ':');
  if (isa) *isa++ = 0;
  if (strcmp(text, "xnnpack") == 0)
    return tool_fail(e, EXIT_UNSUPPORTED, "%s: --prepare: XNNPACK packs its weights itself at load; prepare for cpu",
                     o->positional[0]);
  if (strcmp(text, "cpu") != 0)
    return tool_fail(e, EXIT_UNSUPPORTED,
                     "%s: --prepare: no backend of this build prepares for '%s'; it can be cpu or "
                     "cpu:ISA",
                     o->positional[0], text);
  if (isa) capped.isa = isa;
  capped.cache_dir = NULL;
  const int code = tool_env(&capped, out, e);
  if (code) return code;
  if (isa && strcmp(edge_env_isa_name(*out), isa) != 0)
    return tool_fail(e, EXIT_UNSUPPORTED,
                     "%s: --prepare: this CPU has %s at most, weights for %s are packed where it is", o->positional[0],
                     edge_env_isa_name(*out), isa);
  return EXIT_OK;
}

int tool_prepare(const tool_options *o, edge_image *image, tool_prepared *result, tool_error *e) {
  edge_session_options session;
  edge_error error = EDGE_ERROR_INIT;
  edge_image out = EDGE_IMAGE_INIT;
  tool_session_options(o, 0, &session);
  session.backends = "cpu";
  int code = EXIT_OK;
  for (const char *at = o->prepare; !code && *at;) {
    const size_t length = strcspn(at, ",");
    if (result->n_envs == MAX_TARGETS)
      code = tool_fail(e, EXIT_USAGE, "%s: --prepare: at most %d targets", o->positional[0], (int)MAX_TARGETS);
    else
      code = open_target(o, at, length, &result->envs[result->n_envs], e);
    result->n_envs += result->n_envs < MAX_TARGETS && result->envs[result->n_envs] != NULL;
    at += length + (at[length] == ',');
  }
  if (!code && !result->n_envs) code = tool_fail(e, EXIT_USAGE, "%s: --prepare: no target is named", o->positional[0]);
  if (code) {
    image->release(image->user);
    return code;
  }
  ei_import_prepare prepare = { .envs = result->envs, .n_envs = result->n_envs, .session = &session };
  const edge_status status = ei_import_prepare_image(image, &prepare, &out, &error);
  *image = out;
  result->blobs = prepare.n_blobs;
  result->bytes = prepare.blob_bytes;
  return status == EDGE_STATUS_OK ? EXIT_OK
                                  : tool_fail_status(e, o, o->positional[0], status, error.text, EXIT_BAD_FILE);
}

void tool_prepared_close(tool_prepared *result) {
  for (uint32_t i = 0; i < result->n_envs; ++i) edge_env_destroy(result->envs[i]);
  result->n_envs = 0;
}
