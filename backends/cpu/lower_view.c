/* SPDX-License-Identifier: Apache-2.0
 * Operators that only change the shape: the output is a window on the input's memory, or a copy at the border. */
#include "cpu.h"

typedef struct copy_arg {
  const unsigned char *from;
  unsigned char *to;
  uint64_t bytes, tile_bytes;
} copy_arg;

static edge_status copy_tile(const void *arg, uint32_t tile, uint32_t worker) {
  (void)worker;
  const copy_arg *const a = arg;
  const uint64_t begin = (uint64_t)tile * a->tile_bytes;
  if (begin >= a->bytes) return EDGE_STATUS_OK;
  const uint64_t left = a->bytes - begin;
  memmove(a->to + begin, a->from + begin, (size_t)(left < a->tile_bytes ? left : a->tile_bytes));
  return EDGE_STATUS_OK;
}

edge_status eb_cpu_lower_view(eb_cpu_plan *plan, uint32_t node) {
  const uint32_t x = eb_cpu_input(plan, node, 0), y = eb_cpu_output(plan, node, 0);
  const edge_tensor *const tx = eb_cpu_tensor(plan, x), *const ty = eb_cpu_tensor(plan, y);
  uint64_t bytes = 0, out_bytes = 0;
  if (edge_tensor_bytes(tx, &bytes) != EDGE_STATUS_OK || edge_tensor_bytes(ty, &out_bytes) != EDGE_STATUS_OK ||
      bytes != out_bytes || tx->dtype != ty->dtype) {
    return EB_CPU_PASS;
  }
  if (!eb_cpu_is_const(plan, x) && eb_cpu_alias(plan, y, x, 0)) {
    eb_cpu_note(plan, node, "view", "shares the memory of its input");
    return EDGE_STATUS_OK;
  }
  enum { TILE = 256 * 1024 };
  const uint64_t tiles = bytes / TILE + 1;
  copy_arg *const a = eb_cpu_step(plan, node, copy_tile, sizeof *a, (uint32_t)tiles, (double)bytes / 20e3);
  if (a == NULL) return EDGE_STATUS_OUT_OF_MEMORY;
  a->bytes = bytes;
  a->tile_bytes = TILE;
  eb_cpu_slot(plan, &a->from, eb_cpu_value(plan, x));
  eb_cpu_slot(plan, &a->to, eb_cpu_value(plan, y));
  eb_cpu_note(plan, node, "copy", "input and output both belong to the caller or the model");
  return EDGE_STATUS_OK;
}
