/* SPDX-License-Identifier: Apache-2.0
 * The shapes of shapes.def as tables. */
#include "kbench.h"

#include <string.h>

#define KB_CONV(...)
#define KB_DW(...)
#define KB_MATMUL(...)
#define KB_POOL(...)
#define KB_MEAN(...)
#define KB_SOFTMAX(...)
#define KB_LAYERNORM(...)
#define KB_TRANSPOSE(...)
#define KB_ELEMENTS(...)

#undef KB_CONV
#define KB_CONV(...) { __VA_ARGS__ },
const kb_conv kb_convs[] = {
#include "shapes.def"
};
#undef KB_CONV
#define KB_CONV(...)
#undef KB_DW
#define KB_DW(...) { __VA_ARGS__ },
const kb_dw kb_dws[] = {
#include "shapes.def"
};
#undef KB_DW
#define KB_DW(...)
#undef KB_MATMUL
#define KB_MATMUL(...) { __VA_ARGS__ },
const kb_matmul kb_matmuls[] = {
#include "shapes.def"
};
#undef KB_MATMUL
#define KB_MATMUL(...)
#undef KB_POOL
#define KB_POOL(...) { __VA_ARGS__ },
const kb_pool kb_pools[] = {
#include "shapes.def"
};
#undef KB_POOL
#define KB_POOL(...)
#undef KB_MEAN
#define KB_MEAN(...) { __VA_ARGS__ },
const kb_grid kb_means[] = {
#include "shapes.def"
};
#undef KB_MEAN
#define KB_MEAN(...)
#undef KB_SOFTMAX
#define KB_SOFTMAX(...) { __VA_ARGS__ },
const kb_grid kb_softmaxes[] = {
#include "shapes.def"
};
#undef KB_SOFTMAX
#define KB_SOFTMAX(...)
#undef KB_LAYERNORM
#define KB_LAYERNORM(...) { __VA_ARGS__ },
const kb_grid kb_layernorms[] = {
#include "shapes.def"
};
#undef KB_LAYERNORM
#define KB_LAYERNORM(...)
#undef KB_TRANSPOSE
#define KB_TRANSPOSE(...) { __VA_ARGS__ },
const kb_grid kb_transposes[] = {
#include "shapes.def"
};
#undef KB_TRANSPOSE
#define KB_TRANSPOSE(...)
#undef KB_ELEMENTS
#define KB_ELEMENTS(...) { __VA_ARGS__ },
const kb_elements kb_element_counts[] = {
#include "shapes.def"
};

const size_t kb_num_convs = EK_COUNT(kb_convs), kb_num_dws = EK_COUNT(kb_dws), kb_num_matmuls = EK_COUNT(kb_matmuls),
             kb_num_pools = EK_COUNT(kb_pools), kb_num_means = EK_COUNT(kb_means),
             kb_num_softmaxes = EK_COUNT(kb_softmaxes), kb_num_layernorms = EK_COUNT(kb_layernorms),
             kb_num_transposes = EK_COUNT(kb_transposes), kb_num_element_counts = EK_COUNT(kb_element_counts);

size_t kb_num_products(void) {
  return kb_num_matmuls + kb_num_convs;
}

bool kb_product(size_t i, kb_matmul *out) {
  if (i < kb_num_matmuls) {
    *out = kb_matmuls[i];
    return true;
  }
  const kb_conv *const c = &kb_convs[i - kb_num_matmuls];
  const kb_matmul p = { c->nets, c->count, 1, c->oh * c->ow, c->oc, c->ic };
  *out = p;
  return c->kh * c->kw * c->sh * c->sw * c->groups == 1;
}
