/* SPDX-License-Identifier: Apache-2.0
 * Fused activations (ACT in ops.def). */
#ifndef EI_ACTIVATION_H
#define EI_ACTIVATION_H

#include "op.h"

enum {
  EI_ACT_NONE = 0,
  EI_ACT_RELU = 1,
  EI_ACT_RELU6 = 2,
  EI_ACT_CLIP1 = 3,
  EI_ACT_TANH = 4,
  EI_ACT_CLIP = 5,
  EI_ACT_HARD_SWISH = 6,
  EI_ACT_SIGMOID = 7,
  EI_ACT_SWISH = 8
};

typedef struct ei_act {
  int32_t kind;
  double lo, hi; /* of the clamping kinds; infinite where open */
} ei_act;

/** Rows of an attribute table. */
#define EI_ACT_ATTRS                                           \
  { "act", EI_ATTR_INT, 0 }, { "act_lo", EI_ATTR_FLOAT, 0 }, { \
    "act_hi", EI_ATTR_FLOAT, 0                                 \
  }

/** Read and check the attributes; a node without them has none. */
edge_status ei_act_read(ei_op_ctx *c, ei_act *act);
double ei_act_apply(const ei_act *act, double v);
/** The kinds that clamp the stored range of a quantized output. */
static inline bool ei_act_clamps(const ei_act *act) {
  return act->kind <= EI_ACT_CLIP1 || act->kind == EI_ACT_CLIP;
}
/** Stored range of y: its type's, narrowed by a clamping activation. */
void ei_act_range(const ei_act *act, const edge_tensor *y, int32_t *lo, int32_t *hi);

#endif
