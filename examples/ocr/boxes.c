/* SPDX-License-Identifier: Apache-2.0
 * Spots are found by flooding; the axes of a spot are those of its second moments. A network draws lines of text
 * thinner than they are, so each rectangle grows by a share of its area over its circumference. */
#include "boxes.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const float INK = 0.3f, TEXT = 0.5f, GROW = 1.6f;
enum { FEWEST = 12 }; /* map pixels of a spot */

typedef struct flood {
  const float *chance;
  int columns, rows;
  uint8_t *seen;
  int *spot; /* its pixels; the end is where the flood goes on */
} flood;

static int fill(flood *f, int start) {
  int count = 0;
  f->spot[count++] = start;
  f->seen[start] = 1;
  for (int i = 0; i < count; ++i) {
    const int x = f->spot[i] % f->columns, y = f->spot[i] / f->columns;
    for (int k = 0; k < 9; ++k) {
      const int nx = x + k % 3 - 1, ny = y + k / 3 - 1;
      if (nx < 0 || ny < 0 || nx >= f->columns || ny >= f->rows) continue;
      const int at = ny * f->columns + nx;
      if (f->seen[at] || !(f->chance[at] > INK)) continue;
      f->seen[at] = 1;
      f->spot[count++] = at;
    }
  }
  return count;
}

/* The rectangle of a spot; 0 when it is too small or too unsure to be text. */
static int measure(const flood *f, int count, const float scale[2], box *b) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0, sure = 0;
  for (int i = 0; i < count; ++i) {
    const double x = (f->spot[i] % f->columns + 0.5) * (double)scale[0];
    const double y = (f->spot[i] / f->columns + 0.5) * (double)scale[1];
    sx += x, sy += y, sxx += x * x, sxy += x * y, syy += y * y;
    sure += (double)f->chance[f->spot[i]];
  }
  if (count < FEWEST || sure / count < (double)TEXT) return 0;
  const double mx = sx / count, my = sy / count;
  const double angle = 0.5 * atan2(2 * (sxy / count - mx * my), sxx / count - mx * mx - (syy / count - my * my));
  const float along[2] = { (float)cos(angle), (float)sin(angle) };
  float low[2] = { INFINITY, INFINITY }, high[2] = { -INFINITY, -INFINITY };
  for (int i = 0; i < count; ++i) {
    const float x = ((float)(f->spot[i] % f->columns) + 0.5f) * scale[0] - (float)mx;
    const float y = ((float)(f->spot[i] / f->columns) + 0.5f) * scale[1] - (float)my;
    const float at[2] = { x * along[0] + y * along[1], y * along[0] - x * along[1] };
    for (int k = 0; k < 2; ++k) {
      low[k] = fminf(low[k], at[k]);
      high[k] = fmaxf(high[k], at[k]);
    }
  }
  const float w = high[0] - low[0] + scale[0], h = high[1] - low[1] + scale[1], grow = w * h * GROW / (2 * (w + h));
  const float u = (low[0] + high[0]) / 2, v = (low[1] + high[1]) / 2;
  b->centre[0] = (float)mx + u * along[0] - v * along[1];
  b->centre[1] = (float)my + u * along[1] + v * along[0];
  b->along[0] = along[0];
  b->along[1] = along[1];
  b->length = w + 2 * grow;
  b->height = h + 2 * grow;
  return 1;
}

/* By lines from the top, from the left within a line. */
static int in_order(const void *a, const void *b) {
  const box *const x = a, *const y = b;
  const float top = x->centre[1] - y->centre[1];
  if (fabsf(top) > 0.5f * fminf(x->height, y->height)) return top < 0 ? -1 : 1;
  return (x->centre[0] > y->centre[0]) - (x->centre[0] < y->centre[0]);
}

int boxes_find(const float *chance, int columns, int rows, const float scale[2], box *out, int most) {
  const size_t pixels = (size_t)columns * (size_t)rows;
  flood f = { chance, columns, rows, calloc(pixels, 1), malloc(pixels * sizeof(int)) };
  int count = 0;
  for (size_t i = 0; f.seen && f.spot && i < pixels && count < most; ++i)
    if (!f.seen[i] && chance[i] > INK) count += measure(&f, fill(&f, (int)i), scale, &out[count]);
  if (!f.seen || !f.spot) count = -1;
  free(f.seen);
  free(f.spot);
  if (count > 0) qsort(out, (size_t)count, sizeof *out, in_order);
  return count;
}

void box_corners(const box *b, float corners[4][2]) {
  for (int k = 0; k < 4; ++k) {
    const float u = (k == 1 || k == 2 ? 0.5f : -0.5f) * b->length, v = (k > 1 ? 0.5f : -0.5f) * b->height;
    corners[k][0] = b->centre[0] + u * b->along[0] - v * b->along[1];
    corners[k][1] = b->centre[1] + u * b->along[1] + v * b->along[0];
  }
}
