/* SPDX-License-Identifier: Apache-2.0
 * A loop of twelve independent accumulators. */
#define CLOBBERS "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v14", "v15", "cc", "memory"
#define LINE(op, d, t, s) op " v" #d "." t ", v14." s ", v15." s "\n"
#define THREE(op, a, b, c, t, s) LINE(op, a, t, s) LINE(op, b, t, s) LINE(op, c, t, s)
#define TWELVE(op, t, s) \
  THREE(op, 0, 1, 2, t, s) THREE(op, 3, 4, 5, t, s) THREE(op, 6, 7, 8, t, s) THREE(op, 9, 10, 11, t, s)
#define LOOP(body) \
  __asm__ volatile("movi v14.4s, #0\nmovi v15.4s, #0\n1:\n" body "subs %0, %0, #1\nb.ne 1b\n" : "+r"(n) : : CLOBBERS)
