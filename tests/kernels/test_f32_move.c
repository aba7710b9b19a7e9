/* SPDX-License-Identifier: Apache-2.0
 * Strided moves: random dims, orders, flips and windows of every element size against an index walk, behind guard
 * pages. */
#include "kf.h"
#include "kernels/move/move.h"
#include "kernels/move/transpose.h"

/* dst[...] = src[perm...] with the source dims listed in the order of the destination */
static int one(const ek_move_kernel *kernel, const size_t *dims, size_t rank, const size_t *perm, size_t element) {
  size_t src_dims[8], count = 1;
  ptrdiff_t src_step[8], step = (ptrdiff_t)element;
  ek_move_args m = { .element = element, .rank = rank };
  for (size_t d = 0; d < rank; ++d) src_dims[perm[d]] = dims[d];
  for (size_t d = rank; d-- > 0;) {
    src_step[d] = step;
    step *= (ptrdiff_t)src_dims[d];
    count *= dims[d];
  }
  const int widen = kt_rand() % 3 == 0; /* destination runs are part of a wider array */
  const size_t last = rank - 1, wide = dims[last] + (widen ? kt_range(1, 3) : 0);
  ptrdiff_t to = (ptrdiff_t)element;
  size_t offset = 0;
  for (size_t d = rank; d-- > 0;) {
    m.dims[d] = dims[d];
    m.dst_step[d] = to;
    to *= (ptrdiff_t)(d == last ? wide : dims[d]);
    m.src_step[d] = src_step[perm[d]];
    if (kt_rand() % 6 == 0) {
      offset += (size_t)m.src_step[d] * (dims[d] - 1);
      m.src_step[d] = -m.src_step[d];
    } else if (kt_rand() % 8 == 0) {
      m.src_step[d] = 0;
    }
  }
  const size_t dst_bytes = count / dims[last] * wide * element - (wide - dims[last]) * element;
  const kt_buffer src = kt_get(count * element), dst = kt_get(dst_bytes), want = kt_get(dst_bytes);
  kt_fill(src.data, count * element);
  memset(dst.data, 0x5a, dst_bytes);
  memset(want.data, 0x5a, dst_bytes);
  for (size_t i = 0; i < count; ++i) {
    const char *from = (const char *)src.data + offset;
    char *at = want.data;
    size_t rest = i;
    for (size_t d = rank; d-- > 0; rest /= dims[d]) {
      from += (ptrdiff_t)(rest % dims[d]) * m.src_step[d];
      at += (ptrdiff_t)(rest % dims[d]) * m.dst_step[d];
    }
    memcpy(at, from, element);
  }
  m.src = (const char *)src.data + offset;
  m.dst = dst.data;
  ek_move_prepare(&m);
  const size_t rows = m.dims[m.rank - 2], o = kt_range(0, (uint32_t)m.outer), r = kt_range(0, (uint32_t)rows);
  ek_move_run(kernel, &m, 0, o, 0, rows);
  ek_move_run(kernel, &m, o, m.outer, 0, r);
  ek_move_run(kernel, &m, o, m.outer, r, rows);
  const int ok = memcmp(dst.data, want.data, dst_bytes) == 0;
  if (!ok) {
    printf("%s element %zu dims", kernel->name, element);
    for (size_t d = 0; d < rank; ++d) printf(" %zu (from %zu, step %td)", dims[d], perm[d], m.src_step[d]);
    printf("\n");
  }
  kt_put(src), kt_put(dst), kt_put(want);
  return ok;
}

/* rows to columns against an index walk; what lies between the columns stays */
static int words(size_t k, size_t n) {
  const size_t from_step = 4 * k + kt_range(0, 9), to_step = 4 * n + kt_range(0, 9);
  const size_t from_bytes = (n - 1) * from_step + 4 * k, to_bytes = (k - 1) * to_step + 4 * n;
  const kt_buffer from = kt_get(from_bytes), to = kt_get(to_bytes), want = kt_get(to_bytes);
  kt_fill(from.data, from_bytes);
  memset(to.data, 0x5a, to_bytes);
  memset(want.data, 0x5a, to_bytes);
  for (size_t i = 0; i < k; ++i)
    for (size_t j = 0; j < n; ++j)
      memcpy((char *)want.data + i * to_step + 4 * j, (const char *)from.data + j * from_step + 4 * i, 4);
  ek_transpose_words(from.data, from_step, k, n, to.data, to_step);
  const int ok = memcmp(to.data, want.data, to_bytes) == 0;
  if (!ok) printf("transpose of words: %zu rows of %zu, %zu apart, to %zu apart\n", n, k, from_step, to_step);
  kt_put(from), kt_put(to), kt_put(want);
  return ok;
}

static int run(const ek_move_kernel *kernel) {
  static const size_t elements[] = { 1, 2, 4, 8 };
  for (int i = 0; i < 3000; ++i) {
    size_t dims[8], perm[8];
    const size_t rank = kt_range(1, 5);
    for (size_t d = 0; d < rank; ++d) {
      dims[d] = kt_rand() % 4 ? kt_range(1, 6) : kt_range(1, 33);
      perm[d] = d;
    }
    for (size_t d = rank; d-- > 1;) {
      const size_t k = kt_range(0, (uint32_t)d), swap = perm[d];
      perm[d] = perm[k];
      perm[k] = swap;
    }
    if (!one(kernel, dims, rank, perm, elements[kt_rand() % 4])) return 1;
  }
  for (size_t n = 1; n < 40; ++n) { /* planes of a picture to pixels and back */
    const size_t to[2] = { n, 3 }, back[2] = { 3, n }, perm[2] = { 1, 0 };
    if (!one(kernel, to, 2, perm, 4) || !one(kernel, back, 2, perm, 4)) return 1;
  }
  for (size_t i = 0; i < 300; ++i)
    if (!words(kt_range(1, 70), kt_range(1, 70))) return 1;
  return 0;
}

KT_MAIN("move", ek_move_kernel, ek_move_at, run)
