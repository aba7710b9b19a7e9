/* SPDX-License-Identifier: Apache-2.0
 * A loop of twelve independent accumulators. */
#define CLOBBERS "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v14", "v15", "cc", "memory"
#define LINE(op, d, t, s) op " v" #d "." t ", v14." s ", v15." s "\n"
#define TWELVE(op, t, s)                                                                                      \
  LINE(op, 0, t, s)                                                                                           \
  LINE(op, 1, t, s)                                                                                           \
  LINE(op, 2, t, s)                                                                                           \
  LINE(op, 3, t, s) LINE(op, 4, t, s) LINE(op, 5, t, s) LINE(op, 6, t, s) LINE(op, 7, t, s) LINE(op, 8, t, s) \
      LINE(op, 9, t, s) LINE(op, 10, t, s) LINE(op, 11, t, s)
#define LOOP(body) \
  __asm__ volatile("movi v14.4s, #0\nmovi v15.4s, #0\n1:\n" body "subs %0, %0, #1\nb.ne 1b\n" : "+r"(n) : : CLOBBERS)
