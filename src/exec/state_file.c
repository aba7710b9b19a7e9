/* SPDX-License-Identifier: Apache-2.0
 * State of a session as bytes: written whole, and read only after everything in it was looked at.
 *
 *   header  "EDGS" | version u32 | all bytes u64 | identity of the model 2 x u64 | number of states u32 | flags u32
 *   state   name bytes u32 | dtype i32 | rank i32 | 0 u32 | data bytes u64 | dims i64[rank] | name, padded to 8 |
 *           data, padded to 8
 *   end     checksum over everything before it, 2 x u64
 *
 * Little endian; padding is zero. docs/model-format.md describes it for readers. */
#include "exec.h"

enum {
  VERSION = 1,
  HEADER_BYTES = 40,
  RECORD_BYTES = 24,
  CHECKSUM_BYTES = 16,
  FLAG_ONCE_DONE = 1u << 0 /* CallOnce has run */
};
static const char magic[4] = { 'E', 'D', 'G', 'S' };

static uint64_t padded(uint64_t bytes) {
  return (bytes + 7) & ~UINT64_C(7);
}

static ei_hash checksum(const unsigned char *data, uint64_t bytes) {
  return ei_hash_bytes(data, bytes, UINT64_C(0x53474445));
}

ei_hash ei_session_identity(edge_session *s) {
  if (!s->has_identity) s->identity = ei_graph_identity(s->model->graph);
  s->has_identity = true;
  return s->identity;
}

/* ---- writing */

uint64_t ei_states_file_bytes(const edge_session *s) {
  const ei_graph *const g = s->model->graph;
  uint64_t bytes = HEADER_BYTES + CHECKSUM_BYTES;
  for (uint32_t i = 0; i < g->n_states; ++i)
    bytes +=
        RECORD_BYTES + 8 * (uint64_t)g->states[i].rank + padded(strlen(g->states[i].name)) + padded(s->states[i].bytes);
  return bytes;
}

static unsigned char *write_u64(unsigned char *at, uint64_t v) {
  for (int i = 0; i < 8; ++i) at[i] = (unsigned char)(v >> (8 * i));
  return at + 8;
}

static unsigned char *write_pair(unsigned char *at, uint32_t lo, uint32_t hi) {
  return write_u64(at, (uint64_t)hi << 32 | lo);
}

static unsigned char *write_padded(unsigned char *at, const void *data, uint64_t bytes) {
  const uint64_t end = padded(bytes);
  if (bytes) memcpy(at, data, (size_t)bytes);
  if (end != bytes) memset(at + bytes, 0, (size_t)(end - bytes));
  return at + end;
}

void ei_states_write(edge_session *s, void *out) {
  const ei_graph *const g = s->model->graph;
  const ei_hash id = ei_session_identity(s);
  unsigned char *const begin = out, *at = begin;
  memcpy(at, magic, sizeof magic);
  for (int i = 0; i < 4; ++i) at[4 + i] = (unsigned char)((uint32_t)VERSION >> (8 * i));
  at = write_u64(at + 8, ei_states_file_bytes(s));
  at = write_u64(write_u64(at, id.lo), id.hi);
  at = write_pair(at, g->n_states, s->once_done ? FLAG_ONCE_DONE : 0u);
  for (uint32_t i = 0; i < g->n_states; ++i) {
    const ei_state *const st = &g->states[i];
    at = write_pair(at, (uint32_t)strlen(st->name), (uint32_t)st->dtype);
    at = write_pair(at, (uint32_t)st->rank, 0);
    at = write_u64(at, s->states[i].bytes);
    for (int32_t d = 0; d < st->rank; ++d) at = write_u64(at, (uint64_t)st->dims[d]);
    at = write_padded(at, st->name, strlen(st->name));
    at = write_padded(at, s->states[i].committed, s->states[i].bytes);
  }
  const ei_hash sum = checksum(begin, (uint64_t)(at - begin));
  write_u64(write_u64(at, sum.lo), sum.hi);
}

/* ---- reading */

static uint64_t read_u64(const unsigned char *p) {
  uint64_t v = 0;
  for (int i = 0; i < 8; ++i) v |= (uint64_t)p[i] << (8 * i);
  return v;
}

static uint32_t read_u32(const unsigned char *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool zero_tail(const unsigned char *p, uint64_t bytes) {
  for (uint64_t i = bytes; i < padded(bytes); ++i)
    if (p[i]) return false;
  return true;
}

static edge_status check_header(edge_session *s, const unsigned char *p, uint64_t bytes) {
  edge_error *const err = &s->error;
  if (bytes < HEADER_BYTES + CHECKSUM_BYTES || memcmp(p, magic, sizeof magic) != 0)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 0, "these %llu bytes are no saved state", (unsigned long long)bytes);
  if (read_u32(p + 4) != VERSION)
    return ei_fail_at(err, EDGE_STATUS_UNSUPPORTED_VERSION, 4,
                      "the saved state has version %u, this library reads version %d: save it again", read_u32(p + 4),
                      VERSION);
  if (read_u64(p + 8) != bytes)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 8, "the saved state should have %llu bytes, %llu are there",
                      (unsigned long long)read_u64(p + 8), (unsigned long long)bytes);
  const uint64_t end = bytes - CHECKSUM_BYTES;
  const ei_hash sum = checksum(p, end), id = ei_session_identity(s);
  if (read_u64(p + end) != sum.lo || read_u64(p + end + 8) != sum.hi)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, end, "the saved state is damaged: its checksum does not fit");
  if (read_u64(p + 16) != id.lo || read_u64(p + 24) != id.hi || read_u32(p + 32) != s->model->graph->n_states)
    return ei_fail_at(err, EDGE_STATUS_WRONG_MODEL, 16,
                      "the saved state belongs to another model: restore it into the one that it was saved from");
  if (read_u32(p + 36) & ~(uint32_t)FLAG_ONCE_DONE)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, 36, "the saved state has unknown flags 0x%x", read_u32(p + 36));
  return EDGE_STATUS_OK;
}

/* Bounds, agreement with the model and values of the record at *at, which moves behind it; its data is at *data. */
static edge_status check_record(edge_session *s, uint32_t i, const unsigned char *p, uint64_t end, uint64_t *at,
                                const unsigned char **data) {
  const ei_state *const st = &s->model->graph->states[i];
  edge_error *const err = &s->error;
  const uint64_t first = *at, left = end - first, name_bytes = strlen(st->name), data_bytes = s->states[i].bytes;
  const uint64_t head = RECORD_BYTES + 8 * (uint64_t)st->rank;
  if (left < RECORD_BYTES)
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, first, "the saved state ends before state '%s'", st->name);
  const unsigned char *const r = p + first;
  if ((int32_t)read_u32(r + 4) != st->dtype)
    return ei_fail_at(err, EDGE_STATUS_TYPE_MISMATCH, first + 4, "state '%s' is %s, the saved one has type %d",
                      st->name, edge_dtype_name(st->dtype), (int32_t)read_u32(r + 4));
  bool same = (int32_t)read_u32(r + 8) == st->rank && read_u64(r + 16) == data_bytes;
  for (int32_t d = 0; same && left >= head && d < st->rank; ++d)
    same = read_u64(r + RECORD_BYTES + 8 * (uint64_t)d) == (uint64_t)st->dims[d];
  if (!same)
    return ei_fail_at(err, EDGE_STATUS_SHAPE_MISMATCH, first + 8, "state '%s' has another shape in the saved state",
                      st->name);
  if (read_u32(r) != name_bytes || read_u32(r + 12) || left < head + padded(name_bytes) + padded(data_bytes) ||
      memcmp(r + head, st->name, (size_t)name_bytes) != 0 || !zero_tail(r + head, name_bytes))
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, first, "the saved state has no record of state '%s' here", st->name);
  *data = r + head + padded(name_bytes);
  *at = first + head + padded(name_bytes) + padded(data_bytes);
  if (!zero_tail(*data, data_bytes))
    return ei_fail_at(err, EDGE_STATUS_MALFORMED, *at - 8, "state '%s' is followed by bytes that are not zero",
                      st->name);
  for (uint64_t k = 0; st->dtype == EDGE_DTYPE_BOOL && k < data_bytes; ++k)
    if ((*data)[k] > 1)
      return ei_fail_at(err, EDGE_STATUS_MALFORMED, (uint64_t)(*data - p) + k, "state '%s' has a bool of %u", st->name,
                        (*data)[k]);
  return EDGE_STATUS_OK;
}

edge_status ei_states_read(edge_session *s, const void *bytes, uint64_t n_bytes) {
  const unsigned char *const p = bytes, *data = NULL;
  const uint32_t n_states = s->model->graph->n_states;
  EI_TRY(check_header(s, p, n_bytes));
  uint64_t at = HEADER_BYTES;
  const uint64_t end = n_bytes - CHECKSUM_BYTES;
  for (uint32_t i = 0; i < n_states; ++i) EI_TRY(check_record(s, i, p, end, &at, &data));
  if (at != end)
    return ei_fail_at(&s->error, EDGE_STATUS_MALFORMED, at, "the saved state has bytes after its last state");
  at = HEADER_BYTES;
  for (uint32_t i = 0; i < n_states; ++i) {
    EI_TRY(check_record(s, i, p, end, &at, &data));
    if (s->states[i].bytes) memcpy(s->states[i].committed, data, (size_t)s->states[i].bytes);
  }
  ei_states_restore(s);
  s->once_done = (read_u32(p + 36) & FLAG_ONCE_DONE) != 0;
  return EDGE_STATUS_OK;
}

edge_status ei_states_clone(edge_session *to, edge_session *from) {
  if (to->model != from->model) {
    const ei_hash a = ei_session_identity(to), b = ei_session_identity(from);
    if (a.lo != b.lo || a.hi != b.hi)
      return ei_session_fail(to, EDGE_STATUS_WRONG_MODEL, "the two sessions run different models");
  }
  for (uint32_t i = 0; i < to->model->graph->n_states; ++i)
    if (to->states[i].bytes) memcpy(to->states[i].committed, from->states[i].committed, (size_t)to->states[i].bytes);
  ei_states_restore(to);
  to->once_done = from->once_done;
  return EDGE_STATUS_OK;
}
