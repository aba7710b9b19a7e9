/* SPDX-License-Identifier: Apache-2.0
 * Moving elements: selection, canonical form, loops. */
#include "move.h"

#include <string.h>

static const ek_move_kernel *const table[] = {
#define EK_MOVE(isa, kernel) &kernel,
#include "move.def"
#undef EK_MOVE
};

const ek_move_kernel *ek_move_at(uint32_t i) {
  return i < EK_COUNT(table) ? table[i] : NULL;
}

const ek_move_kernel *ek_move_select(uint64_t have, uint32_t need) {
  for (size_t i = 0; i < EK_COUNT(table); ++i) {
    if ((table[i]->isa & ~have) == 0 && (table[i]->flags & need) == need) return table[i];
  }
  return NULL;
}

enum { ROWS, GRID, SINGLE };

static void drop(ek_move_args *m, size_t d) {
  for (; d + 1 < m->rank; ++d) {
    m->dims[d] = m->dims[d + 1];
    m->src_step[d] = m->src_step[d + 1];
    m->dst_step[d] = m->dst_step[d + 1];
  }
  --m->rank;
}

/* dim d goes to place `to`, the ones between move up or down */
static void shift(ek_move_args *m, size_t d, size_t to) {
  const size_t dim = m->dims[d];
  const ptrdiff_t src = m->src_step[d], dst = m->dst_step[d];
  for (; d < to; ++d) {
    m->dims[d] = m->dims[d + 1];
    m->src_step[d] = m->src_step[d + 1];
    m->dst_step[d] = m->dst_step[d + 1];
  }
  m->dims[to] = dim;
  m->src_step[to] = src;
  m->dst_step[to] = dst;
}

void ek_move_prepare(ek_move_args *m) {
  for (size_t d = m->rank; d-- > 0;) {
    if (m->dims[d] == 1) drop(m, d);
  }
  for (size_t d = m->rank; d-- > 1;) { /* join with the dim outside when both sides continue */
    const ptrdiff_t n = (ptrdiff_t)m->dims[d];
    if (m->src_step[d - 1] == m->src_step[d] * n && m->dst_step[d - 1] == m->dst_step[d] * n) {
      m->dims[d - 1] *= m->dims[d];
      m->src_step[d - 1] = m->src_step[d];
      m->dst_step[d - 1] = m->dst_step[d];
      drop(m, d);
    }
  }
  const ptrdiff_t e = (ptrdiff_t)m->element;
  while (m->rank < 2) { /* dims of 1 outside keep the loops regular */
    for (size_t d = m->rank; d > 0; --d) {
      m->dims[d] = m->dims[d - 1];
      m->src_step[d] = m->src_step[d - 1];
      m->dst_step[d] = m->dst_step[d - 1];
    }
    m->dims[0] = 1;
    m->src_step[0] = m->dst_step[0] = e;
    ++m->rank;
  }
  const size_t last = m->rank - 1;
  m->kind = SINGLE;
  if (m->src_step[last] == e && m->dst_step[last] == e) {
    m->kind = ROWS;
  } else if (m->dst_step[last] == e) {
    for (size_t d = 0; d < last; ++d) {
      if (m->src_step[d] == e && m->src_step[last] > 0 && m->dims[d] > 1) {
        shift(m, d, last - 1);
        m->kind = GRID;
        break;
      }
    }
  }
  m->outer = 1;
  for (size_t d = 0; d + 2 < m->rank; ++d) m->outer *= m->dims[d];
}

static void copy_one(void *dst, const void *src, size_t element) {
  switch (element) {
  case 1: memcpy(dst, src, 1); break;
  case 2: memcpy(dst, src, 2); break;
  case 4: memcpy(dst, src, 4); break;
  default: memcpy(dst, src, 8); break;
  }
}

void ek_move_run(const ek_move_kernel *kernel, const ek_move_args *m, size_t o0, size_t o1, size_t r0, size_t r1) {
  const size_t row = m->rank - 2, run = m->rank - 1;
  const ek_transpose_fn transpose = kernel->transpose[m->element == 1   ? 0
                                                      : m->element == 2 ? 1
                                                      : m->element == 4 ? 2
                                                                        : 3];
  for (size_t o = o0; o < o1; ++o) {
    const char *src = (const char *)m->src + (ptrdiff_t)r0 * m->src_step[row];
    char *dst = (char *)m->dst + (ptrdiff_t)r0 * m->dst_step[row];
    size_t rest = o;
    for (size_t d = row; d-- > 0; rest /= m->dims[d]) {
      const ptrdiff_t i = (ptrdiff_t)(rest % m->dims[d]);
      src += i * m->src_step[d];
      dst += i * m->dst_step[d];
    }
    if (m->kind == GRID) {
      /* source rows are the destination's runs: [run][row] -> [row][run] */
      transpose(m->dims[run], r1 - r0, src, (size_t)m->src_step[run], dst, (size_t)m->dst_step[row]);
      continue;
    }
    for (size_t r = r0; r < r1; ++r, src += m->src_step[row], dst += m->dst_step[row]) {
      if (m->kind == ROWS) {
        memcpy(dst, src, m->dims[run] * m->element);
        continue;
      }
      const char *from = src;
      char *to = dst;
      for (size_t i = 0; i < m->dims[run]; ++i, from += m->src_step[run], to += m->dst_step[run]) {
        copy_one(to, from, m->element);
      }
    }
  }
}
