/* SPDX-License-Identifier: Apache-2.0
 * Where the pixels of a tile are. */
typedef struct qw_tile {
  uint32_t image, oy, ox; /* first output pixel */
} qw_tile;

static inline qw_tile qw_tile_of(const ek_qwino_args *a, uint32_t t) {
  const uint32_t tw = (a->ow + 1) / 2, th = (a->oh + 1) / 2;
  const qw_tile r = { t / (tw * th), t / tw % th * 2, t % tw * 2 };
  return r;
}

/* pointers to the 4 x 4 input pixels of a tile; padding points to the zero pixel */
static inline void qw_pixels(const ek_qwino_args *a, qw_tile t, const uint8_t **p) {
  const int64_t iy = (int64_t)t.oy - a->pad_top, ix = (int64_t)t.ox - a->pad_left, pixel = a->ic;
  const uint8_t *const x = a->x + (size_t)t.image * a->ih * a->iw * a->ic;
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t y = iy + i, xx = ix + j;
      *p++ = y >= 0 && y < a->ih && xx >= 0 && xx < a->iw ? x + (y * a->iw + xx) * pixel : a->zero;
    }
  }
}
