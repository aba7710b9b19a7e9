/* SPDX-License-Identifier: Apache-2.0
 * The operating system: the only interface to files, mappings, threads, clocks and shared libraries.
 * One folder per system implements it (posix, win32, bare); bare answers UNSUPPORTED_FEATURE. */
#ifndef EI_PORT_H
#define EI_PORT_H

#include "../base/base.h"

typedef struct ei_port_map {
  const void *data; /* the requested range */
  uint64_t bytes;
  void *base; /* what was mapped, page aligned */
  uint64_t base_bytes;
} ei_port_map;

/** Map a file (path) or a part of an open descriptor privately and read-only. */
edge_status ei_port_map_file(const char *path, ei_port_map *out, edge_error *err);
edge_status ei_port_map_fd(int32_t fd, uint64_t offset, uint64_t length, ei_port_map *out, edge_error *err);
/** Map a file that a model names: `path` is relative to `dir` and without `..`; symbolic links below dir, hard links
 *  to elsewhere and everything but regular files are refused (IO). */
edge_status ei_port_map_inside(const char *dir, const char *path, ei_port_map *out, edge_error *err);
void ei_port_unmap(ei_port_map *map);
/** Size of a file, and reads from a path or descriptor (for EDGE_MODEL_COPY). */
edge_status ei_port_file_size(const char *path, uint64_t *bytes, edge_error *err);
edge_status ei_port_read_file(const char *path, void *buffer, uint64_t bytes, edge_error *err);
edge_status ei_port_read_fd(int32_t fd, uint64_t offset, void *buffer, uint64_t bytes, edge_error *err);
/** Tell the system that a mapped range is not needed soon (after weights were packed). */
void ei_port_advise_away(const void *data, uint64_t bytes);
/** Tell the system that a whole mapped range will be read now. */
void ei_port_advise_soon(const void *data, uint64_t bytes);

/** A part of a file that is written. */
typedef struct ei_port_piece {
  const void *data;
  uint64_t bytes;
  uint64_t offset; /* ascending */
} ei_port_piece;
/** Write a file into a folder (made when missing, one level) under a temporary name and rename it: readers see the old
 *  file or the new one. Nothing is left behind on failure. */
edge_status ei_port_replace_file(const char *dir, const char *name, const ei_port_piece *pieces, uint32_t count,
                                 edge_error *err);
/** Remove the oldest regular files with this suffix until the others have at most max_bytes; `except` is not counted
 *  and stays. */
void ei_port_trim_folder(const char *dir, const char *suffix, uint64_t max_bytes, const char *except);

uint64_t ei_port_clock_ns(void);
/** Physical cores that this process may use (affinity, container quota); at least 1. */
uint32_t ei_port_cores(void);
/** The same with each hardware thread of a core counted. */
uint32_t ei_port_cpus(void);
/** Size of the data or unified cache of a level, 0 when the system does not tell. */
uint32_t ei_port_cache_bytes(uint32_t level);
/** The system's word on CPU features (Linux: AT_HWCAP for 0, AT_HWCAP2 for 1); 0 elsewhere. */
uint64_t ei_port_hwcap(uint32_t which);
/** Does the C library lend memory here? If not, applications pass an allocator. */
bool ei_port_has_heap(void);
void *ei_port_malloc(uint64_t bytes, uint64_t align);
void ei_port_free(void *ptr);

typedef struct ei_port_mutex {
  union {
    void *align;
    unsigned char bytes[64];
  } u;
} ei_port_mutex;
void ei_port_mutex_init(ei_port_mutex *m);
void ei_port_mutex_destroy(ei_port_mutex *m);
void ei_port_mutex_lock(ei_port_mutex *m);
void ei_port_mutex_unlock(ei_port_mutex *m);

typedef struct ei_port_thread {
  union {
    void *align;
    unsigned char bytes[32];
  } u;
} ei_port_thread;
edge_status ei_port_thread_start(ei_port_thread *t, void (*main)(void *), void *arg);
void ei_port_thread_join(ei_port_thread *t);
/** Futex-like: sleep while *word == expected; wake n sleepers. Spurious wake-ups are allowed. */
void ei_port_wait(volatile uint32_t *word, uint32_t expected);
void ei_port_wake(volatile uint32_t *word, uint32_t n);
/** The same, for about timeout_ns at most. */
void ei_port_wait_for(volatile uint32_t *word, uint32_t expected, uint64_t timeout_ns);
void ei_port_yield(void);

edge_status ei_port_library_open(const char *path, void **out, edge_error *err);
void *ei_port_library_symbol(void *library, const char *name);
void ei_port_library_close(void *library);

#endif
