/* SPDX-License-Identifier: Apache-2.0
 * The state of a session from a file and into a file: run --state-in, --state-out. */
#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tool_state_in(tool_run *r, const tool_case *c, tool_error *e) {
  uint64_t bytes = 0;
  unsigned char *const data = tool_read_file(c->state_in, &bytes);
  if (!data)
    return tool_fail(e, errno == ENOMEM ? EXIT_LIMIT : EXIT_BAD_FILE, "%s: state %s cannot be read: %s", c->model,
                     c->state_in, strerror(errno));
  const edge_status status = edge_session_state_restore(r->session, data, bytes);
  free(data);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  return tool_fail(e, status == EDGE_STATUS_UNSUPPORTED_VERSION ? EXIT_UNSUPPORTED : EXIT_BAD_FILE, "%s: state %s: %s",
                   c->model, c->state_in, edge_session_last_error(r->session)->text);
}

static bool write_whole(const char *path, const void *data, uint64_t bytes) {
  tool_output out;
  return tool_output_open(&out, path) && tool_output_close(&out, fwrite(data, 1, (size_t)bytes, out.file) == bytes);
}

int tool_state_out(tool_run *r, const tool_case *c, tool_error *e) {
  uint64_t bytes = 0;
  edge_status status = edge_session_state_save(r->session, NULL, 0, &bytes);
  unsigned char *const data = status == EDGE_STATUS_OK ? malloc((size_t)bytes) : NULL;
  int code = EXIT_OK;
  if (!data)
    code = tool_fail(e, EXIT_LIMIT, "%s: no memory for the state", c->model);
  else if ((status = edge_session_state_save(r->session, data, bytes, &bytes)) != EDGE_STATUS_OK)
    code = tool_fail_status(e, r->options, c->model, status, edge_session_last_error(r->session)->text, EXIT_BAD_FILE);
  else if (!write_whole(c->state_out, data, bytes))
    code = tool_fail(e, EXIT_USAGE, "%s: state %s cannot be written: %s", c->model, c->state_out, strerror(errno));
  free(data);
  return code;
}
