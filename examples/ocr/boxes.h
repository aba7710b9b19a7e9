/* SPDX-License-Identifier: Apache-2.0
 * Turned rectangles around the spots of a map of text chances. */
#ifndef OCR_BOXES_H
#define OCR_BOXES_H

typedef struct box {
  float centre[2], along[2]; /* in pixels of the picture; `along` is a unit vector in the direction of reading */
  float length, height;
} box;

/* Spots of chance[rows][columns] above 0.3 that are text on the whole, in the order of reading. `scale` is picture
 * pixels per map pixel in x and y. Returns how many were written, at most `most`; -1: no memory. */
int boxes_find(const float *chance, int columns, int rows, const float scale[2], box *out, int most);
void box_corners(const box *b, float corners[4][2]);

#endif
