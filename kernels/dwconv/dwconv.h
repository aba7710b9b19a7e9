/* SPDX-License-Identifier: Apache-2.0
 * f32 depthwise convolution (one input channel per output channel), channels last.
 *
 * Packed weights, one block per `lanes` channels: [kh * kw][lanes] taps, then [lanes] biases; channels beyond C are 0.
 * Strips of up to eight output pixels keep a line's sums and taps in registers and share the loads of their windows;
 * with 3 or 5 columns and stride 1 or 2 strips cover whole lines, columns of padding included.
 * Arithmetic: f32 fused multiply-add from the bias, ky outer, kx inner; within 2 * sqrt(taps) ULP of sum |x * w|. */
#ifndef EK_DWCONV_H
#define EK_DWCONV_H

#include "../ek.h"

typedef struct ek_dwconv_f32_args {
  size_t batch, ih, iw, oh, ow, c;
  size_t kh, kw, sh, sw, dh, dw;
  ptrdiff_t pad_top, pad_left;
  const float *x, *packed;
  float *y;
  float lo, hi;
  size_t x_rows;          /* input line i of an image is held in slot i % x_rows of that many; 0: ih. Only in strips */
  size_t x_step, x_block; /* elements of x between columns and between channel blocks, 0: channels last. Only in strips
                           * of vector rows */
} ek_dwconv_f32_args;
/** Output lines [row0, row1) of batch * oh and channel blocks [block0, block1). */
typedef void (*ek_dwconv_f32_fn)(const ek_dwconv_f32_args *args, size_t row0, size_t row1, size_t block0,
                                 size_t block1);

typedef struct ek_dwconv_f32_kernel {
  const char *name;
  uint64_t isa;
  uint32_t lanes;
  uint32_t flags;
  ek_dwconv_f32_fn fn;
} ek_dwconv_f32_kernel;

#define EK_DWCONV_F32(isa, kernel) extern const ek_dwconv_f32_kernel kernel;
#include "dwconv.def"
#undef EK_DWCONV_F32

#define EK_DWCONV_F32_LINES 8
/** Lines from the first to the last that one output line reads. */
size_t ek_dwconv_f32_ring(const ek_dwconv_f32_args *args);
/** Vector rows cover whole lines in strips: kernels of 3 or 5 columns, stride 1 or 2, padding below the kernel's width,
 *  the last window starting inside. */
int ek_dwconv_f32_in_strips(const ek_dwconv_f32_args *args);

/** Asks for the packed weights of blocks [block0, block1), so that they are near when the kernel comes to them. */
void ek_dwconv_f32_fetch(const ek_dwconv_f32_args *args, size_t lanes, size_t block0, size_t block1);

const ek_dwconv_f32_kernel *ek_dwconv_f32_select(uint64_t have, uint32_t need);
const ek_dwconv_f32_kernel *ek_dwconv_f32_at(uint32_t i); /* NULL beyond the last row */
uint64_t ek_dwconv_f32_packed_bytes(const ek_dwconv_f32_kernel *kernel, size_t taps, size_t c);
/** w [C][taps]; bias may be NULL. */
void ek_dwconv_f32_pack(const ek_dwconv_f32_kernel *kernel, const float *w, const float *bias, size_t taps, size_t c,
                        float *packed);

#endif
