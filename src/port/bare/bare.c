/* SPDX-License-Identifier: Apache-2.0
 * A target without an operating system: no files, no threads, no clock, no heap. */
#include "../port.h"

static edge_status missing(edge_error *err, const char *what) {
  return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE, "this target has no %s: open models from memory", what);
}

edge_status ei_port_map_file(const char *path, ei_port_map *out, edge_error *err) {
  (void)path;
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  return missing(err, "files");
}

edge_status ei_port_map_fd(int32_t fd, uint64_t offset, uint64_t length, ei_port_map *out, edge_error *err) {
  (void)fd, (void)offset, (void)length;
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  return missing(err, "files");
}

edge_status ei_port_map_inside(const char *dir, const char *path, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE,
                 "'%s' in %s: files beside a model are not supported on this system; put the data into the model", path,
                 dir);
}

void ei_port_unmap(ei_port_map *map) {
  *map = (ei_port_map) { NULL, 0, NULL, 0 };
}

edge_status ei_port_file_size(const char *path, uint64_t *bytes, edge_error *err) {
  (void)path;
  *bytes = 0;
  return missing(err, "files");
}

edge_status ei_port_read_file(const char *path, void *buffer, uint64_t bytes, edge_error *err) {
  (void)path, (void)buffer, (void)bytes;
  return missing(err, "files");
}

edge_status ei_port_read_fd(int32_t fd, uint64_t offset, void *buffer, uint64_t bytes, edge_error *err) {
  (void)fd, (void)offset, (void)buffer, (void)bytes;
  return missing(err, "files");
}

void ei_port_advise_away(const void *data, uint64_t bytes) {
  (void)data, (void)bytes;
}

void ei_port_advise_soon(const void *data, uint64_t bytes) {
  (void)data, (void)bytes;
}

edge_status ei_port_replace_file(const char *dir, const char *name, const ei_port_piece *pieces, uint32_t count,
                                 edge_error *err) {
  (void)dir, (void)name, (void)pieces, (void)count;
  return missing(err, "files");
}

void ei_port_trim_folder(const char *dir, const char *suffix, uint64_t max_bytes, const char *except) {
  (void)dir, (void)suffix, (void)max_bytes, (void)except;
}

uint64_t ei_port_clock_ns(void) {
  return 0;
}

uint32_t ei_port_cores(void) {
  return 1;
}

uint32_t ei_port_cpus(void) {
  return 1;
}

uint32_t ei_port_cache_bytes(uint32_t level) {
  (void)level;
  return 0;
}

uint64_t ei_port_hwcap(uint32_t which) {
  (void)which;
  return 0;
}

bool ei_port_has_heap(void) {
  return false;
}

void *ei_port_malloc(uint64_t bytes, uint64_t align) {
  (void)bytes, (void)align;
  return NULL;
}

void ei_port_free(void *ptr) {
  (void)ptr;
}

/* One thread: nothing to exclude. */
void ei_port_mutex_init(ei_port_mutex *m) {
  (void)m;
}

void ei_port_mutex_destroy(ei_port_mutex *m) {
  (void)m;
}

void ei_port_mutex_lock(ei_port_mutex *m) {
  (void)m;
}

void ei_port_mutex_unlock(ei_port_mutex *m) {
  (void)m;
}

edge_status ei_port_thread_start(ei_port_thread *t, void (*main)(void *), void *arg) {
  (void)t, (void)main, (void)arg;
  return EDGE_STATUS_UNSUPPORTED_FEATURE;
}

void ei_port_thread_join(ei_port_thread *t) {
  (void)t;
}

void ei_port_wait(volatile uint32_t *word, uint32_t expected) {
  (void)word, (void)expected;
}

void ei_port_wait_for(volatile uint32_t *word, uint32_t expected, uint64_t timeout_ns) {
  (void)word, (void)expected, (void)timeout_ns;
}

void ei_port_wake(volatile uint32_t *word, uint32_t n) {
  (void)word, (void)n;
}

void ei_port_yield(void) {}

edge_status ei_port_library_open(const char *path, void **out, edge_error *err) {
  *out = NULL;
  return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE, "%s: this target cannot load libraries", path);
}

void *ei_port_library_symbol(void *library, const char *name) {
  (void)library, (void)name;
  return NULL;
}

void ei_port_library_close(void *library) {
  (void)library;
}
