/* SPDX-License-Identifier: Apache-2.0
 * What models of the ai.onnx.ml domain end with. */
#ifndef EI_ONNX_LEARNED_H
#define EI_ONNX_LEARNED_H

#include "map.h"

/** kind: 0 nothing, 1 softmax, 2 logistic; others are reported. */
uint32_t ei_ox_transformed(ei_ox_call *c, uint32_t x, int32_t kind, uint32_t out);
int32_t ei_ox_transform_of(const ei_ox_call *c);
/** Labels and scores of each class. A single score for two classes is that of the second; the first has what is left
 *  of 1 when all weights are positive, else its negative. */
void ei_ox_classify(ei_ox_call *c, uint32_t scores, bool one_score, bool positive);

#endif
