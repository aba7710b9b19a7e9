/* SPDX-License-Identifier: Apache-2.0
 * Public calls on the state of a session: saving, restoring, copying, starting again. */
#include "../exec/exec.h"

edge_status edge_session_state_save(edge_session *s, void *data, uint64_t capacity, uint64_t *bytes) {
  if (!s || !bytes) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  edge_status status = EDGE_STATUS_OK;
  *bytes = ei_states_file_bytes(s);
  if (data && capacity < *bytes)
    status = ei_session_fail(s, EDGE_STATUS_LIMIT_EXCEEDED, "the state takes %llu bytes, %llu were given",
                             (unsigned long long)*bytes, (unsigned long long)capacity);
  else if (data)
    ei_states_write(s, data);
  return ei_session_give(s, status);
}

edge_status edge_session_state_restore(edge_session *s, const void *data, uint64_t bytes) {
  if (!s || !data) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  return ei_session_give(s, ei_states_read(s, data, bytes));
}

edge_status edge_session_state_clone(edge_session *to, edge_session *from) {
  if (!to || !from) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(to)) return EDGE_STATUS_BUSY;
  if (to == from) return ei_session_give(to, EDGE_STATUS_OK);
  if (!ei_session_take(from)) return ei_session_give(to, EDGE_STATUS_BUSY);
  const edge_status status = ei_states_clone(to, from);
  (void)ei_session_give(from, EDGE_STATUS_OK);
  return ei_session_give(to, status);
}

edge_status edge_session_reset_state(edge_session *s) {
  if (!s) return EDGE_STATUS_INVALID_ARGUMENT;
  if (!ei_session_take(s)) return EDGE_STATUS_BUSY;
  ei_states_reset(s);
  return ei_session_give(s, EDGE_STATUS_OK);
}
