/* SPDX-License-Identifier: Apache-2.0
 * Winograd's exact 8-bit form, for 8-bit convolutions and for f32 data that become bytes. */
#ifndef EB_CPU_QWINO_H
#define EB_CPU_QWINO_H

#include "qpost.h"
#include "kernels/qwino/qwino.h"

typedef struct eb_cpu_qwino {
  ek_qwino_args a; /* geometry and weights; bias, mult, zero and output are the caller's */
  const ek_qwino_desc *row;
  ek_qweights w;
  uint32_t images;
  const int32_t *sums; /* of each channel's weights; NULL while only sizes are planned */
} eb_cpu_qwino;

/** A 3x3 Conv with s8 weights where a row is faster than the direct form; its data may be of any type. */
bool eb_cpu_qwino_of(const eb_cpu_plan *plan, uint32_t node, eb_cpu_qwino *out);
edge_status eb_cpu_qwino_pack(eb_cpu_plan *plan, eb_cpu_qwino *q); /* [commits] */
/** post (for bytes, or NULL) runs in the step; the caller takes its nodes. [commits] */
edge_status eb_cpu_qwino_step(eb_cpu_plan *plan, uint32_t node, const eb_cpu_qwino *q, eb_cpu_ref x, eb_cpu_ref y,
                              const eb_cpu_q_post *post);

#endif
