/* SPDX-License-Identifier: Apache-2.0
 * Data for 8-bit products and convolutions. */
#include "q_data.h"

#include <string.h>

void kb_q_prepare(kb_bench *b, ek_qconv_args *a) {
  const ek_qgemm_desc *const d = a->row;
  uint32_t taps, depth;
  ek_qconv_shape(a, &taps, &depth);
  const size_t oc = a->oc / a->group, k = (size_t)taps * depth;
  const ek_qweights w = { kb_buffer(b, 0, oc * k), NULL, 0, 8, 1, k, 1 };
  a->w_group_bytes = (size_t)ek_qgemm_packed_bytes(d, oc, taps, depth);
  int8_t *const packed = kb_buffer(b, 1, a->w_group_bytes * a->group);
  for (uint32_t g = 0; g < a->group; ++g) ek_qgemm_pack(d, &w, oc, taps, depth, packed + g * a->w_group_bytes, NULL);
  float *const mult = kb_buffer(b, 4, (a->oc + 64) * sizeof *mult);
  for (size_t i = 0; i < a->oc + 64; ++i) mult[i] = 1e-4f;
  a->mult = mult;
  a->w = packed;
  a->bias = memset(kb_buffer(b, 5, (a->oc + 64) * 4), 0, (a->oc + 64) * 4);
  a->zero = memset(kb_buffer(b, 6, a->ic), 0, a->ic);
  a->x = kb_buffer(b, 2, (size_t)a->ih * a->iw * a->ic);
  a->y = kb_buffer(b, 3, (size_t)a->oh * a->ow * a->oc);
  a->hi = 255;
  a->out = EK_Q_U8;
}

void kb_q_run(const void *arg) {
  const ek_qconv_args *const a = arg;
  ek_qconv_run(a, 0, a->oh * a->ow, 0, a->oc / a->group);
}
