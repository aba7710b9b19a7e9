/* SPDX-License-Identifier: Apache-2.0
 * 8-bit matrix product with int32 accumulation, rows gathered through pointers: pointwise, KxK and fully connected
 * layers.
 *
 *   y[m][n] = epilogue(bias[n] + sum over t, k of x[t][m][k] * w[n][t][k])
 *
 * x[t][m] is the row that pointer a[t * a_ld + m] names. Activations are XORed with `flip` when loaded, so that
 * one kernel serves s8 and u8: a row works in the unsigned domain (s8 becomes q + 128) or the signed one
 * (desc.signed_x); bias must have the zero point of that domain folded in: bias[n] - zero_point * sum(w[n]). Weights
 * are s8.
 *
 * Packed weights: panels of `nr` columns (the last one rounded up to 16), panel of column n0 at n0 * taps * kp:
 *   [taps][kp / kr][columns of the panel][kr]        kp = k rounded up to kr, padded with zeros
 * Rows with EK_QGEMM_FLAT see all taps as one of depth taps * k, and pack it their own way (flat.h). */
#ifndef EK_QGEMM_H
#define EK_QGEMM_H

#include "../qeltwise/qeltwise.h"
#include "qweights.h"

#define EK_QGEMM_FLAT (1u << 8) /* in desc.flags */
#define EK_QGEMM_ADDS (1u << 9) /* the row takes a residual */

enum { EK_Q_S32 = 0, EK_Q_S8 = 1, EK_Q_U8 = 2 }; /* output type */

typedef struct ek_qgemm_call {
  const uint8_t *const *a; /* [taps][a_ld] */
  size_t a_ld;
  uint32_t m, n, taps, k;
  uint32_t flip;              /* 0 or 0x80808080 */
  const int8_t *w;            /* packed; column 0 of this call */
  const int32_t *bias;        /* n rounded up to 64 values readable */
  const float *mult;          /* the same; NULL for EK_Q_S32 */
  int32_t zero_point, lo, hi; /* of the stored output */
  uint32_t out;               /* EK_Q_* */
  void *y;
  size_t y_stride; /* bytes between rows */
  /* not NULL (EK_QGEMM_ADDS, 8-bit output): the rounded and clamped product is operand a of an ek_qadd, these bytes,
     laid out like y, are operand b */
  const uint8_t *residual;
  const ek_qelt_args *add;
  /* not 0: k is three pixels of x_step bytes, and so far apart are rows whose output pixels are neighbours in a line */
  uint32_t x_step;
} ek_qgemm_call;

typedef void (*ek_qgemm_fn)(const ek_qgemm_call *c);

typedef struct ek_qgemm_desc {
  ek_qgemm_fn fn;
  const char *name;
  uint64_t isa;
  uint32_t mr, nr, kr; /* rows that share a pass, panel width, depth group */
  uint32_t signed_x;   /* 1: activations are used as s8, 0: as u8 */
  uint32_t flags;
} ek_qgemm_desc;

/** Best row for the ISA bits in `have`; never NULL. The multiplier must satisfy |acc| * mult < 2^31. */
const ek_qgemm_desc *ek_qgemm_select(uint64_t have);
/** Rows in order, NULL past the end (tests and benchmarks). */
const ek_qgemm_desc *ek_qgemm_at(uint32_t index);
/** Bytes of a column of packed weights: where in them column n starts, for n a multiple of nr. */
uint64_t ek_qgemm_column_bytes(const ek_qgemm_desc *d, uint64_t taps, uint64_t k);
/** Bytes of packed weights. */
uint64_t ek_qgemm_packed_bytes(const ek_qgemm_desc *d, uint64_t n, uint64_t taps, uint64_t k);
/** Pack w (n channels of taps * k values); writes all of packed_bytes. sums, if not NULL: n sums of a channel's values.
 */
void ek_qgemm_pack(const ek_qgemm_desc *d, const ek_qweights *w, size_t n, size_t taps, size_t k, int8_t *out,
                   int32_t *sums);

/** What ek_qgemm_pack() does for EK_QGEMM_FLAT, but for the sums. */
void ek_qgemm_pack_flat(const ek_qweights *w, size_t n, size_t depth, int8_t *out);

#define EK_QGEMM(isa, name, mr, nr, kr, sx, flags) void name(const ek_qgemm_call *c);
#include "qgemm.def"
#undef EK_QGEMM

#endif
