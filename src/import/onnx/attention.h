/* SPDX-License-Identifier: Apache-2.0
 * What the attention operators of all domains share. */
#ifndef EI_ONNX_ATTENTION_H
#define EI_ONNX_ATTENTION_H

#include "map.h"

typedef struct ei_ox_attention {
  uint32_t q, k, v;       /* [B, heads, length, size] */
  uint32_t rows, columns; /* lengths of queries and keys, s64 [1] */
  int64_t q_heads, kv_heads, size;
  int32_t dtype;
  bool flat; /* the result is [B, length, heads * size] */
} ei_ox_attention;

/** Part i of a shape, as s64 [1]. */
uint32_t ei_ox_length_of(ei_ox_call *c, uint32_t t, int64_t i);
/** [B, length, heads * size] -> [B, heads, length, size] */
uint32_t ei_ox_split_heads(ei_ox_call *c, uint32_t t, int64_t heads);
/** Size of a head of [B, length, heads * size], -1 when it is not known. */
int64_t ei_ox_head_size(ei_ox_call *c, uint32_t t, int64_t heads);
/** Type, heads and size from q and k; false: failed. */
bool ei_ox_attention_open(ei_ox_call *c, ei_ox_attention *a);
/** rows and columns; when keys and values are complete. */
void ei_ox_attention_lengths(ei_ox_call *c, ei_ox_attention *a);
/** Past and new keys or values, handed out as `present`. */
uint32_t ei_ox_with_past(ei_ox_call *c, uint32_t t, uint32_t past, uint32_t present);
/** q k' with the node's scale and softcap, [B, heads, rows, columns]. Heads that share keys are stacked for it. */
uint32_t ei_ox_attention_scores(ei_ox_call *c, const ei_ox_attention *a);
/** Probabilities times v. */
uint32_t ei_ox_attention_result(ei_ox_call *c, const ei_ox_attention *a, uint32_t p, uint32_t out);
/** map_sequence.c: pairs of the first `size` values (0: all) of each head turned by the caches' rows at `ids` (EI_NONE:
 *  they have the rows of x). `heads` 0: x is [B, heads, length, size]. */
uint32_t ei_ox_rotate(ei_ox_call *c, uint32_t x, const uint32_t caches[2], uint32_t ids, int64_t heads, int64_t size,
                      bool interleaved, uint32_t out);

#endif
