/* SPDX-License-Identifier: Apache-2.0
 * Sizes of tensors from untrusted dimensions: every product is checked. */
#include "base.h"

bool ei_elements(const int64_t *dims, int32_t rank, uint64_t *count) {
  if (rank < 0 || rank > EDGE_MAX_RANK) return false;
  uint64_t product = 1;
  bool empty = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] < 0) return false;
    if (dims[i] == 0) {
      empty = true; /* the other factors must still be sane: an empty tensor is no way round the check */
    } else if (!ei_mul_u64(product, (uint64_t)dims[i], &product) || product > (uint64_t)INT64_MAX) {
      return false;
    }
  }
  *count = empty ? 0 : product;
  return true;
}

bool ei_tensor_bytes(int32_t dtype, int32_t encoding, const int64_t *dims, int32_t rank, uint64_t *bytes) {
  const ei_encoding *const e = ei_encoding_get(dtype, encoding);
  uint64_t n;
  if (e == NULL || !ei_elements(dims, rank, &n)) return false;
  if (e->id >= 64 && (rank < 1 || (uint64_t)dims[rank - 1] % e->block_elements != 0)) return false;
  /* Sub-byte types are packed over the whole tensor; the last byte may be partly used. */
  const uint64_t blocks = n / e->block_elements + (n % e->block_elements != 0 ? 1u : 0u);
  return ei_mul_u64(blocks, e->block_bytes, bytes) && *bytes <= (uint64_t)INT64_MAX;
}

static edge_status check_shape(const edge_tensor *tensor) {
  if (tensor == NULL || tensor->rank < 0 || tensor->rank > EDGE_MAX_RANK) return EDGE_STATUS_INVALID_ARGUMENT;
  for (int32_t i = 0; i < tensor->rank; ++i) {
    if (tensor->dims[i] < 0) return EDGE_STATUS_INVALID_ARGUMENT;
  }
  return EDGE_STATUS_OK;
}

edge_status edge_tensor_elements(const edge_tensor *tensor, uint64_t *count) {
  if (count == NULL) return EDGE_STATUS_INVALID_ARGUMENT;
  *count = 0;
  EI_TRY(check_shape(tensor));
  return ei_elements(tensor->dims, tensor->rank, count) ? EDGE_STATUS_OK : EDGE_STATUS_LIMIT_EXCEEDED;
}

edge_status edge_tensor_bytes(const edge_tensor *tensor, uint64_t *bytes) {
  if (bytes == NULL) return EDGE_STATUS_INVALID_ARGUMENT;
  *bytes = 0;
  EI_TRY(check_shape(tensor));
  const ei_encoding *const e = ei_encoding_get(tensor->dtype, tensor->encoding);
  if (e == NULL) return EDGE_STATUS_INVALID_ARGUMENT;
  if (e->id >= 64 && (tensor->rank < 1 || (uint64_t)tensor->dims[tensor->rank - 1] % e->block_elements != 0))
    return EDGE_STATUS_INVALID_ARGUMENT;
  uint64_t n = 0;
  if (!ei_tensor_bytes(tensor->dtype, tensor->encoding, tensor->dims, tensor->rank, &n))
    return EDGE_STATUS_LIMIT_EXCEEDED;
  *bytes = n;
  return EDGE_STATUS_OK;
}
