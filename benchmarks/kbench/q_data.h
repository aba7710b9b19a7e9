/* SPDX-License-Identifier: Apache-2.0
 * What the 8-bit products and convolutions share. */
#ifndef KB_Q_DATA_H
#define KB_Q_DATA_H

#include "kbench.h"
#include "kernels/qconv/qconv.h"

/** Weights, biases and multipliers for the shape in a; time does not depend on their values. */
void kb_q_prepare(kb_bench *b, ek_qconv_args *a);
void kb_q_run(const void *arg);

#endif
