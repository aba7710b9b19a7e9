/* SPDX-License-Identifier: Apache-2.0
 * Status codes and the caller-owned error record. */
#ifndef EDGE_STATUS_H
#define EDGE_STATUS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(EDGE_SHARED)
#  ifdef EDGE_BUILDING
#    define EDGE_API __declspec(dllexport)
#  else
#    define EDGE_API __declspec(dllimport)
#  endif
#elif defined(__GNUC__)
#  define EDGE_API __attribute__((visibility("default")))
#else
#  define EDGE_API
#endif

#if defined(__GNUC__)
#  define EDGE_NODISCARD __attribute__((warn_unused_result))
#else
#  define EDGE_NODISCARD
#endif

#define EDGE_VERSION_MAJOR 0
#define EDGE_VERSION_MINOR 1
#define EDGE_VERSION_PATCH 0
#define EDGE_VERSION_NUMBER (EDGE_VERSION_MAJOR * 10000 + EDGE_VERSION_MINOR * 100 + EDGE_VERSION_PATCH)

/** Result of a call. Ranges: 1 argument, 20 resource, 40 model, 60 backend, 90 internal.
 *  Values are frozen; unknown future values belong to the range they fall in. */
typedef int32_t edge_status;

enum {
  EDGE_STATUS_OK = 0,
  /* the caller */
  EDGE_STATUS_INVALID_ARGUMENT = 1, /* a NULL, a bad option, a bad index */
  EDGE_STATUS_BUSY = 2,             /* the session is in use by another thread */
  EDGE_STATUS_INVALID_STATE = 3,    /* right call at the wrong time */
  EDGE_STATUS_NOT_FOUND = 4,        /* no such input, entry point, backend, metadata key */
  EDGE_STATUS_SHAPE_MISMATCH = 5,
  EDGE_STATUS_TYPE_MISMATCH = 6,
  /* resources */
  EDGE_STATUS_OUT_OF_MEMORY = 20,
  EDGE_STATUS_LIMIT_EXCEEDED = 21, /* a quota or bound that the caller set */
  EDGE_STATUS_IO = 22,             /* the file or callback could not be read */
  EDGE_STATUS_DEADLINE_EXCEEDED = 23,
  EDGE_STATUS_CANCELLED = 24,
  /* the model */
  EDGE_STATUS_MALFORMED = 40, /* the file breaks a rule of its format */
  EDGE_STATUS_UNSUPPORTED_OP = 41,
  EDGE_STATUS_UNSUPPORTED_TYPE = 42,
  EDGE_STATUS_UNSUPPORTED_FEATURE = 43, /* a must-understand bit or construct unknown here */
  EDGE_STATUS_UNSUPPORTED_VERSION = 44,
  EDGE_STATUS_INVALID_VALUE = 45, /* a value breaks an operator's rule during prepare or run */
  EDGE_STATUS_WRONG_MODEL = 46,   /* saved state of another model */
  /* backends */
  EDGE_STATUS_BACKEND_UNAVAILABLE = 60,
  EDGE_STATUS_BACKEND_REFUSED = 61, /* compile or plan refused: the next backend is tried */
  EDGE_STATUS_DEVICE_FAILED = 62,
  EDGE_STATUS_DEVICE_TIMEOUT = 63,
  EDGE_STATUS_DEVICE_LOST = 64,
  EDGE_STATUS_STATE_LOST = 65,
  EDGE_STATUS_INTERNAL = 90 /* a bug in EdgeRT: please report */
};

/** What went wrong, owned by the caller and filled on failure only.
 *  `node` and `tensor` are indices into the entry graph or -1; `file_offset` is UINT64_MAX when no
 *  place in the file is meant. `text` is UTF-8, always terminated, and names node, tensor and remedy. */
typedef struct edge_error {
  uint32_t struct_size;
  edge_status status;
  int32_t node;
  int32_t tensor;
  uint64_t file_offset;
  char text[512];
} edge_error;

#define EDGE_ERROR_INIT                                    \
  {                                                        \
    (uint32_t)sizeof(edge_error), 0, -1, -1, UINT64_MAX, { \
      0                                                    \
    }                                                      \
  }

/** Name of a status, for example "OUT_OF_MEMORY"; "UNKNOWN" for values it does not know.
 *  @return static text. [any-thread] @since 0.1 */
EDGE_API const char *edge_status_name(edge_status status);

/** Version of the library that is linked, as EDGE_VERSION_NUMBER. [any-thread] @since 0.1 */
EDGE_API uint32_t edge_version(void);

#ifdef __cplusplus
}
#endif
#endif
