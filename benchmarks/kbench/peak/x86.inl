/* SPDX-License-Identifier: Apache-2.0
 * Loops of twelve independent accumulators, and reads and writes of four registers a turn; REG is ymm or zmm. */
#define CLOBBERS                                                                                                      \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
      "xmm14", "xmm15", "cc", "memory"
#define ZERO(n) "vpxor %%xmm" #n ",%%xmm" #n ",%%xmm" #n "\n"
#define ZEROS \
  ZERO(0) ZERO(1) ZERO(2) ZERO(3) ZERO(4) ZERO(5) ZERO(6) ZERO(7) ZERO(8) ZERO(9) ZERO(10) ZERO(11) ZERO(14) ZERO(15)
#define TWELVE(ins)                                                                                                  \
  ins "0\n" ins "1\n" ins "2\n" ins "3\n" ins "4\n" ins "5\n" ins "6\n" ins "7\n" ins "8\n" ins "9\n" ins "10\n" ins \
      "11\n"
#define LOOP(body) __asm__ volatile(ZEROS "1:\n" body "dec %0\njnz 1b\nvzeroupper\n" : "+r"(n) : : CLOBBERS)
/* a product of pairs and its sum: the exact 8-bit product without a dot-product instruction */
#define PAIR(reg, a, b) "vpmaddwd %%" reg "14,%%" reg "15,%%" reg #a "\nvpaddd %%" reg #a ",%%" reg #b ",%%" reg #b "\n"
#define PAIRS(reg) PAIR(reg, 0, 6) PAIR(reg, 1, 7) PAIR(reg, 2, 8) PAIR(reg, 3, 9) PAIR(reg, 4, 10) PAIR(reg, 5, 11)

#define READ(mov, reg, size)                                                                                       \
  __asm__ volatile("1:\n" mov " (%0),%%" reg "0\n" mov " " #size "(%0),%%" reg "1\n" mov " 2*" #size "(%0),%%" reg \
                   "2\n" mov " 3*" #size "(%0),%%" reg "3\nadd $4*" #size ",%0\ncmp %1,%0\njb 1b\nvzeroupper\n"    \
                   : "+r"(p)                                                                                       \
                   : "r"(end)                                                                                      \
                   : CLOBBERS)
#define WRITE(mov, reg, size)                                                                              \
  __asm__ volatile(ZERO(0) "1:\n" mov " %%" reg "0,(%0)\n" mov " %%" reg "0," #size "(%0)\n" mov " %%" reg \
                           "0,2*" #size "(%0)\n" mov " %%" reg "0,3*" #size "(%0)\nadd $4*" #size          \
                           ",%0\ncmp %1,%0\njb 1b\n"                                                       \
                           "vzeroupper\n"                                                                  \
                   : "+r"(p)                                                                               \
                   : "r"(end)                                                                              \
                   : CLOBBERS)
