/* SPDX-License-Identifier: Apache-2.0
 * The environment: allocator, log, threads and the set of backends. Nothing is global. */
#ifndef EDGE_ENV_H
#define EDGE_ENV_H

#include <edge/log.h>
#include <edge/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edge_env edge_env;

/** The host's memory. alloc returns NULL on failure; align is a power of two; free gets the size
 *  and alignment of the allocation. Both may be called from any thread that calls the library. */
typedef struct edge_allocator {
  void *user;
  void *(*alloc)(void *user, uint64_t size, uint64_t align);
  void (*free)(void *user, void *ptr, uint64_t size, uint64_t align);
} edge_allocator;

/** The host's threads. `run` calls task(arg, worker) once for each worker in [0, num_workers), on
 *  any threads, worker 0 possibly on the caller, and returns when all of them returned. */
typedef struct edge_executor {
  void *user;
  uint32_t num_workers;
  uint32_t reserved;
  void (*run)(void *user, void (*task)(void *arg, uint32_t worker), void *arg, uint32_t num_workers);
} edge_executor;

/** Which threads a session uses. */
enum {
  EDGE_THREADS_BUILTIN = 0,     /* tile-claiming pool of EdgeRT */
  EDGE_THREADS_PTHREADPOOL = 1, /* the pthreadpool library, when built in */
  EDGE_THREADS_HOST = 2         /* edge_env_options.executor */
};

typedef struct edge_env_options {
  uint32_t struct_size;
  uint32_t flags;                  /* must be 0 */
  const edge_allocator *allocator; /* [borrow: env] NULL: the C library's */
  uint64_t max_bytes;              /* quota of live bytes; 0: none */
  edge_log_fn log;                 /* NULL: silent */
  void *log_user;
  int32_t log_level;             /* highest level delivered; 0: EDGE_LOG_WARNING */
  int32_t threads;               /* EDGE_THREADS_* */
  const edge_executor *executor; /* [borrow: env] with EDGE_THREADS_HOST */
  const char *isa_cap;           /* NULL: none; a name of edge_env_isa_name(), caps CPU kernels */
  const char *cache_dir;    /* folder where packed weights may be kept; NULL: nowhere. What is there is checked, and a
                               folder that cannot be written is no error */
  uint64_t max_cache_bytes; /* bound of that folder; 0: 1 GiB. The oldest files go first */
} edge_env_options;

#define EDGE_ENV_OPTIONS_INIT \
  { (uint32_t)sizeof(edge_env_options), 0u, NULL, 0u, NULL, NULL, 0, 0, NULL, NULL, NULL, 0u }

/** Create an environment.
 *  @param options NULL: defaults.  @param out [own] NULL on failure; free with edge_env_destroy().
 *  @param error [out] optional.
 *  @return OK, INVALID_ARGUMENT (bad options, ISA name of another architecture), OUT_OF_MEMORY.
 *  [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_env_create(const edge_env_options *options, edge_env **out, edge_error *error);

/** Destroy an environment; models and sessions made from it must be gone. NULL is a no-op.
 *  [setup-only] @since 0.1 */
EDGE_API void edge_env_destroy(edge_env *env);

/** Live and peak bytes allocated through the environment. Either pointer may be NULL.
 *  [any-thread] @since 0.1 */
EDGE_API void edge_env_memory(const edge_env *env, uint64_t *live_bytes, uint64_t *peak_bytes);

/** Load a plug-in from a shared library: a backend (considered by sessions created afterwards), operators
 *  (<edge/custom.h>, for models opened afterwards), or both. It stays loaded as long as the environment.
 *  @return OK; IO (cannot be opened); BACKEND_UNAVAILABLE (wrong version or no entry point; the text
 *  says which); those of edge_env_register_op(); UNSUPPORTED_FEATURE on targets without dynamic loading. [setup-only]
 * @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_env_load_plugin(edge_env *env, const char *path, edge_error *error);

/** A backend as probing found it. */
typedef struct edge_backend_info {
  uint32_t struct_size;
  uint32_t available; /* 1: usable */
  int32_t score;      /* larger is better; 0: not usable */
  uint32_t emulated;  /* 1: a software implementation of a device */
  char name[32];
  char reason[224]; /* why available or not */
} edge_backend_info;

#define EDGE_BACKEND_INFO_INIT                               \
  {                                                          \
    (uint32_t)sizeof(edge_backend_info), 0u, 0, 0u, { 0 }, { \
      0                                                      \
    }                                                        \
  }

/** Number of backends known, available or not. [any-thread] @since 0.1 */
EDGE_API uint32_t edge_env_num_backends(const edge_env *env);

/** Describe backend `index`. @return OK, INVALID_ARGUMENT. [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_env_get_backend(const edge_env *env, uint32_t index, edge_backend_info *out);

/** Name of the highest CPU kernel tier in use (the CPU's own or the cap): scalar, avx2, avxvnni,
 *  avx512, avx512vnni, avx512bf16, neon, dotprod, i8mm. [any-thread] @since 0.1 */
EDGE_API const char *edge_env_isa_name(const edge_env *env);

#ifdef __cplusplus
}
#endif
#endif
