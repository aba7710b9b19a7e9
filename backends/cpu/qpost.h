/* SPDX-License-Identifier: Apache-2.0
 * What may follow an 8-bit product inside its step: a byte table, then a residual Add. */
#ifndef EB_CPU_QPOST_H
#define EB_CPU_QPOST_H

#include "quant.h"
#include "kernels/qeltwise/qeltwise.h"
#include "kernels/qlut/qlut.h"

typedef struct eb_cpu_q_post {
  uint32_t y;        /* value that the step writes */
  uint32_t residual; /* value, or EDGE_NO_VALUE */
  ek_qelt_args args; /* of the Add: a is the product */
  ek_qlut_fn map;    /* NULL: none */
  uint8_t table[256];
  uint32_t taken[3], num_taken;
  const char *reason; /* for notes */
} eb_cpu_q_post;

/** What of the readers of `value`, just computed by a node, can be computed with it. */
void eb_cpu_q_post_of(eb_cpu_plan *plan, uint32_t value, eb_cpu_q_post *out);
/** The same without the Add. */
void eb_cpu_q_map_of(eb_cpu_plan *plan, uint32_t value, eb_cpu_q_post *out);
/** Tells the plan about the nodes taken. [commits] */
void eb_cpu_q_post_finish(eb_cpu_plan *plan, const eb_cpu_q_post *post);
/** The table of an operator from 8 bits to 8 bits, by its reference evaluation; false: not such an operator. */
bool eb_cpu_q_table(eb_cpu_plan *plan, uint32_t node, uint8_t *table);
/** Parameters of an 8-bit Add of tensors a and b; false: not for the kernels. */
bool eb_cpu_q_add_args(const eb_cpu_plan *plan, uint32_t node, const edge_tensor *a, const edge_tensor *b,
                       ek_qelt_args *out);

#endif
