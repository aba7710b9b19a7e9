/* SPDX-License-Identifier: Apache-2.0
 * A plain view of a tensor: it owns nothing. */
#ifndef EDGE_TENSOR_H
#define EDGE_TENSOR_H

#include <edge/status.h>
#include <edge/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  EDGE_TENSOR_CONST = 1u << 0,  /* data belongs to the model and never changes */
  EDGE_TENSOR_STATE = 1u << 1,  /* session-owned, lives on between runs */
  EDGE_TENSOR_DYNAMIC = 1u << 2 /* at least one dimension is not fixed by the model */
};

/** View of a tensor: dense, C order, little endian. The layout of this struct is frozen.
 *  rank -1: unknown; a dimension -1: not known yet. data NULL: no storage (yet). */
typedef struct edge_tensor {
  const char *name;
  void *data;
  uint64_t bytes; /* size of the storage behind data */
  int64_t dims[EDGE_MAX_RANK];
  edge_quant quant;
  int32_t dtype;
  int32_t encoding;
  int32_t rank;
  uint32_t flags;
} edge_tensor;

/** Name of an element type, for example "f32", "s8"; "?" when unknown. [any-thread] @since 0.1 */
EDGE_API const char *edge_dtype_name(int32_t dtype);

/** Bits of one element of a dtype in native encoding; 0 when unknown. [any-thread] @since 0.1 */
EDGE_API uint32_t edge_dtype_bits(int32_t dtype);

/** Number of elements of a view.
 *  @param count [out] product of the dimensions.
 *  @return OK; INVALID_ARGUMENT when rank or a dimension is unknown; LIMIT_EXCEEDED on overflow.
 *  [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_tensor_elements(const edge_tensor *tensor, uint64_t *count);

/** Bytes that the view's dims, dtype and encoding need. Errors as edge_tensor_elements().
 *  [any-thread] @since 0.1 */
EDGE_NODISCARD EDGE_API edge_status edge_tensor_bytes(const edge_tensor *tensor, uint64_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
