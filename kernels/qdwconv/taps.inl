/* SPDX-License-Identifier: Apache-2.0
 * Pointers to the input pixels of all taps of one output pixel; padding points to the zero pixel. */
static inline void qdw_taps(const ek_qdw_args *a, uint32_t image, uint32_t oy, uint32_t ox, const uint8_t **p) {
  const int64_t iy = (int64_t)oy * a->sh - a->pad_top, ix = (int64_t)ox * a->sw - a->pad_left;
  const int64_t pixel = a->c, line = a->iw * pixel;
  const uint8_t *const x = a->x + (size_t)image * a->ih * (size_t)line;
  for (uint32_t ky = 0; ky < a->kh; ++ky) {
    const int64_t yy = iy + (int64_t)ky * a->dh;
    const int row = yy >= 0 && yy < a->ih;
    for (uint32_t kx = 0; kx < a->kw; ++kx) {
      const int64_t xx = ix + (int64_t)kx * a->dw;
      *p++ = row && xx >= 0 && xx < a->iw ? x + yy * line + xx * pixel : a->zero;
    }
  }
}
static inline uint8_t *qdw_pixel(const ek_qdw_args *a, uint32_t image, uint32_t oy, uint32_t ox) {
  return a->y + (((size_t)image * a->oh + oy) * a->ow + ox) * a->c;
}
