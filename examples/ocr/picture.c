/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing pictures through libpng and libjpeg where they were found, PPM always. */
#include "picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef OCR_HAVE_PNG
#  include <png.h>
#endif
#ifdef OCR_HAVE_JPEG
#  include <setjmp.h>
#  include <jpeglib.h>
#endif

static uint8_t *rgb_memory(picture *p, long width, long height) {
  if (width < 1 || height < 1 || width > PICTURE_MOST || height > PICTURE_MOST) return NULL;
  p->width = (int)width;
  p->height = (int)height;
  p->rgb = malloc((size_t)width * (size_t)height * 3);
  return p->rgb;
}

static const char *read_ppm(FILE *in, picture *p) {
  unsigned width, height, most;
  if (fscanf(in, "P6 %u %u %u", &width, &height, &most) != 3 || most != 255 || fgetc(in) == EOF)
    return "only PPM of 8 bits (P6) is read";
  if (width > PICTURE_MOST || height > PICTURE_MOST || !rgb_memory(p, (long)width, (long)height))
    return "it has no or too many pixels";
  return fread(p->rgb, 3 * (size_t)width, height, in) == height ? NULL : "it ends too early";
}

#ifdef OCR_HAVE_PNG
static const char *read_png(FILE *in, picture *p) {
  const char *why = NULL;
  png_color const white = { 255, 255, 255 };
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_stdio(&image, in)) return "it is no readable PNG";
  image.format = PNG_FORMAT_RGB;
  if (!rgb_memory(p, (long)image.width, (long)image.height))
    why = "it has no or too many pixels";
  else if (!png_image_finish_read(&image, &white, p->rgb, 0, NULL))
    why = "it is a damaged PNG";
  png_image_free(&image);
  return why;
}
#else
static const char *read_png(FILE *in, picture *p) {
  (void)in, (void)p;
  return "this build has no libpng: convert the picture to .ppm";
}
#endif

#ifdef OCR_HAVE_JPEG
typedef struct trap {
  struct jpeg_error_mgr manager;
  jmp_buf back;
} trap;

static void leave(j_common_ptr c) {
  longjmp(((trap *)(void *)c->err)->back, 1);
}
static void quiet(j_common_ptr c) {
  (void)c;
}

static const char *read_jpeg(FILE *in, picture *p) {
  struct jpeg_decompress_struct d;
  trap t;
  d.err = jpeg_std_error(&t.manager);
  t.manager.error_exit = leave;
  t.manager.output_message = quiet;
  if (setjmp(t.back)) {
    jpeg_destroy_decompress(&d);
    return "it is a damaged JPEG";
  }
  jpeg_create_decompress(&d);
  jpeg_stdio_src(&d, in);
  jpeg_read_header(&d, TRUE);
  d.out_color_space = JCS_RGB;
  jpeg_start_decompress(&d);
  const char *why = NULL;
  if (!rgb_memory(p, (long)d.output_width, (long)d.output_height)) why = "it has no or too many pixels";
  while (!why && d.output_scanline < d.output_height) {
    JSAMPROW row = p->rgb + (size_t)d.output_scanline * d.output_width * 3;
    jpeg_read_scanlines(&d, &row, 1);
  }
  jpeg_destroy_decompress(&d);
  return why;
}
#else
static const char *read_jpeg(FILE *in, picture *p) {
  (void)in, (void)p;
  return "this build has no libjpeg: convert the picture to .ppm";
}
#endif

const char *picture_read(const char *path, picture *p) {
  memset(p, 0, sizeof *p);
  FILE *const in = fopen(path, "rb");
  if (!in) return "it cannot be opened";
  const int first = fgetc(in);
  rewind(in);
  const char *const why = first == 0x89   ? read_png(in, p)
                          : first == 0xff ? read_jpeg(in, p)
                          : first == 'P'  ? read_ppm(in, p)
                                          : "it is no PNG, JPEG or PPM";
  fclose(in);
  if (why) {
    free(p->rgb);
    p->rgb = NULL;
  }
  return why;
}

const char *picture_write(const char *path, const picture *p) {
  const char *const dot = strrchr(path, '.');
  if (dot && strcmp(dot, ".png") == 0) {
#ifdef OCR_HAVE_PNG
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)p->width;
    image.height = (png_uint_32)p->height;
    image.format = PNG_FORMAT_RGB;
    return png_image_write_to_file(&image, path, 0, p->rgb, 0, NULL) ? NULL : "it cannot be written";
#else
    return "this build has no libpng: choose a name that ends with .ppm";
#endif
  }
  FILE *const out = fopen(path, "wb");
  if (!out) return "it cannot be written";
  fprintf(out, "P6 %d %d 255\n", p->width, p->height);
  const size_t wrote = fwrite(p->rgb, 3 * (size_t)p->width, (size_t)p->height, out);
  return fclose(out) == 0 && wrote == (size_t)p->height ? NULL : "it cannot be written";
}

/* ---- drawing */

static void dot(picture *p, int x, int y, const uint8_t colour[3]) {
  if (x >= 0 && y >= 0 && x < p->width && y < p->height)
    memcpy(p->rgb + 3 * ((size_t)y * (size_t)p->width + (size_t)x), colour, 3);
}

void picture_line(picture *p, const float from[2], const float to[2], const uint8_t colour[3]) {
  const float dx = to[0] - from[0], dy = to[1] - from[1];
  const int steps = (int)fmaxf(fabsf(dx), fabsf(dy)) + 1;
  for (int i = 0; i <= steps; ++i) {
    const int x = (int)(from[0] + dx * (float)i / (float)steps), y = (int)(from[1] + dy * (float)i / (float)steps);
    for (int k = 0; k < 4; ++k) dot(p, x + (k & 1), y + (k >> 1), colour);
  }
}

void picture_number(picture *p, int x, int y, int number, const uint8_t colour[3]) {
  /* 3 x 5 pixels a digit, a row in three bits from the top, drawn twice as large */
  static const uint16_t digits[10] = { 075557, 026227, 071747, 071717, 055711, 074717, 074757, 071111, 075757, 075717 };
  static const uint8_t white[3] = { 255, 255, 255 };
  char text[12];
  const int count = snprintf(text, sizeof text, "%d", number);
  for (int i = 0; i < count * 8 + 2; ++i)
    for (int k = 0; k < 14; ++k) dot(p, x + i, y + k, colour);
  for (int c = 0; c < count; ++c)
    for (int i = 0; i < 60; ++i) {
      const int column = i % 6 / 2, row = i / 6 / 2;
      if (text[c] >= '0' && digits[text[c] - '0'] >> ((4 - row) * 3 + 2 - column) & 1)
        dot(p, x + 2 + c * 8 + i % 6, y + 2 + i / 6, white);
    }
}

void picture_sample(const picture *p, float x, float y, uint8_t rgb[3]) {
  x = fminf(fmaxf(x, 0.0f), (float)(p->width - 1));
  y = fminf(fmaxf(y, 0.0f), (float)(p->height - 1));
  const int left = (int)x, top = (int)y, right = left + (left + 1 < p->width), bottom = top + (top + 1 < p->height);
  const float fx = x - (float)left, fy = y - (float)top;
  const uint8_t *const a = p->rgb + 3 * (size_t)top * (size_t)p->width;
  const uint8_t *const b = p->rgb + 3 * (size_t)bottom * (size_t)p->width;
  for (int c = 0; c < 3; ++c) {
    const float up = (float)a[3 * left + c] * (1 - fx) + (float)a[3 * right + c] * fx;
    const float down = (float)b[3 * left + c] * (1 - fx) + (float)b[3 * right + c] * fx;
    rgb[c] = (uint8_t)(up * (1 - fy) + down * fy + 0.5f);
  }
}
