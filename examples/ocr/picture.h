/* SPDX-License-Identifier: Apache-2.0
 * Pictures of 8-bit RGB: read from PNG, JPEG or PPM, drawn upon, written as PNG or PPM. */
#ifndef OCR_PICTURE_H
#define OCR_PICTURE_H

#include <stdint.h>

typedef struct picture {
  uint8_t *rgb; /* rows from the top, 3 bytes a pixel */
  int width, height;
} picture;

enum { PICTURE_MOST = 16384 }; /* pixels a side */

/* NULL, or what is wrong. Free p->rgb. */
const char *picture_read(const char *path, picture *p);
/* By the ending of the name; a build without libpng writes PPM only. */
const char *picture_write(const char *path, const picture *p);
void picture_line(picture *p, const float from[2], const float to[2], const uint8_t colour[3]);
/* Digits of a number at a place, white on a colour. */
void picture_number(picture *p, int x, int y, int number, const uint8_t colour[3]);
/* Bilinear; a place outside takes the border's colour. */
void picture_sample(const picture *p, float x, float y, uint8_t rgb[3]);

#endif
