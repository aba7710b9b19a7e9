/* SPDX-License-Identifier: Apache-2.0
 * Pictures (BMP, PNM; PNG and JPEG through libpng and libjpeg where they were found) and WAV sound. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include "../base/base.h"
#include <stdlib.h>
#include <string.h>
#ifdef EDGE_HAVE_PNG
#  include <png.h>
#endif
#ifdef EDGE_HAVE_JPEG
#  include <jpeglib.h>
#  include <setjmp.h>
#endif

enum { MAX_SIDE = 32768, MAX_PIXELS = 1 << 28 };

static uint32_t le16(const unsigned char *p) {
  return p[0] | (uint32_t)p[1] << 8;
}
static uint32_t le32(const unsigned char *p) {
  return le16(p) | le16(p + 2) << 16;
}

static int allocate(tool_picture *p, uint32_t w, uint32_t h, uint32_t channels, tool_error *e) {
  if (w == 0 || h == 0 || w > MAX_SIDE || h > MAX_SIDE || (uint64_t)w * h > MAX_PIXELS)
    return tool_fail(e, EXIT_BAD_FILE, "a picture of %u x %u pixels is empty or too large", w, h);
  p->pixels = calloc((size_t)w * h, channels);
  p->width = w;
  p->height = h;
  p->channels = channels;
  return p->pixels ? EXIT_OK : tool_fail(e, EXIT_LIMIT, "no memory for a picture of %u x %u pixels", w, h);
}

/* ---- BMP: uncompressed 8-bit palette, 24-bit and 32-bit */

static int load_bmp(const unsigned char *f, uint64_t n, tool_picture *p, tool_error *e) {
  if (n < 54) return tool_fail(e, EXIT_BAD_FILE, "the BMP header is cut off");
  const uint32_t start = le32(f + 10), header = le32(f + 14), bits = le16(f + 28), compression = le32(f + 30);
  const int32_t width = (int32_t)le32(f + 18), signed_height = (int32_t)le32(f + 22);
  if (header < 40 || width <= 0 || signed_height == 0 || signed_height == INT32_MIN)
    return tool_fail(e, EXIT_BAD_FILE, "the BMP header is malformed");
  if (compression != 0 || (bits != 8 && bits != 24 && bits != 32))
    return tool_fail(e, EXIT_UNSUPPORTED, "BMP with %u bits or compression %u", bits, compression);
  const uint32_t w = (uint32_t)width, h = (uint32_t)(signed_height < 0 ? -signed_height : signed_height);
  if (w > MAX_SIDE || h > MAX_SIDE)
    return tool_fail(e, EXIT_BAD_FILE, "a picture of %u x %u pixels is too large", w, h);
  const uint64_t stride = ((uint64_t)w * bits + 31) / 32 * 4;
  uint32_t colors = le32(f + 46);
  if (colors == 0 || colors > 256) colors = 256;
  const uint64_t palette = 14 + (uint64_t)header;
  if (start > n || stride * h > n - start || (bits == 8 && (palette > n || colors * 4u > n - palette)))
    return tool_fail(e, EXIT_BAD_FILE, "the BMP is cut off");
  bool grey = bits == 8;
  for (uint32_t i = 0; grey && i < colors; ++i) {
    const unsigned char *const c = f + palette + 4 * i;
    grey = c[0] == c[1] && c[1] == c[2];
  }
  const int code = allocate(p, w, h, grey ? 1 : 3, e);
  if (code) return code;
  for (uint32_t y = 0; y < h; ++y) {
    const unsigned char *const row = f + start + stride * (signed_height > 0 ? h - 1 - y : y);
    for (uint32_t x = 0; x < w; ++x) {
      uint8_t *const out = p->pixels + ((size_t)y * w + x) * p->channels;
      if (bits == 8 && row[x] >= colors) continue; /* outside the palette: black */
      const unsigned char *const c = bits == 8 ? f + palette + 4 * row[x] : row + (size_t)x * bits / 8;
      out[0] = c[2];
      if (!grey) {
        out[1] = c[1];
        out[2] = c[0];
      }
    }
  }
  return EXIT_OK;
}

/* ---- PNM: binary and plain, grey and colour, 8 bit */

static bool pnm_number(const unsigned char *f, uint64_t n, uint64_t *at, uint32_t *out) {
  while (*at < n && (f[*at] == ' ' || (f[*at] >= 9 && f[*at] <= 13) || f[*at] == '#')) {
    if (f[*at] == '#')
      while (*at < n && f[*at] != '\n') ++*at;
    else
      ++*at;
  }
  uint64_t v = 0;
  const uint64_t start = *at;
  for (; *at < n && f[*at] >= '0' && f[*at] <= '9' && v < 1000000; ++*at) v = v * 10 + (f[*at] - '0');
  *out = (uint32_t)v;
  return *at > start;
}

static int load_pnm(const unsigned char *f, uint64_t n, tool_picture *p, tool_error *e) {
  uint64_t at = 2;
  uint32_t w, h, most;
  const bool plain = f[1] < '5', colour = f[1] == '3' || f[1] == '6';
  if (f[1] == '1' || f[1] == '4' || f[1] == '7') return tool_fail(e, EXIT_UNSUPPORTED, "PNM of kind P%c", f[1]);
  if (!pnm_number(f, n, &at, &w) || !pnm_number(f, n, &at, &h) || !pnm_number(f, n, &at, &most) || at >= n)
    return tool_fail(e, EXIT_BAD_FILE, "the PNM header is cut off");
  if (most == 0 || most > 255)
    return tool_fail(e, most ? EXIT_UNSUPPORTED : EXIT_BAD_FILE, "PNM with values up to %u", most);
  at++; /* one white space */
  const int code = allocate(p, w, h, colour ? 3 : 1, e);
  if (code) return code;
  const size_t count = (size_t)w * h * p->channels;
  if (!plain && count > n - at) return tool_fail(e, EXIT_BAD_FILE, "the PNM is cut off");
  for (size_t i = 0; i < count; ++i) {
    uint32_t v = plain ? 0 : f[at + i];
    if (plain && !pnm_number(f, n, &at, &v)) return tool_fail(e, EXIT_BAD_FILE, "the PNM is cut off");
    p->pixels[i] = (uint8_t)((v < most ? v : most) * 255 / most);
  }
  return EXIT_OK;
}

/* ---- PNG and JPEG */

static int load_png(const unsigned char *f, uint64_t n, tool_picture *p, tool_error *e) {
#ifdef EDGE_HAVE_PNG
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, f, (size_t)n))
    return tool_fail(e, EXIT_BAD_FILE, "damaged PNG: %s", image.message);
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = colour ? PNG_FORMAT_RGBA : PNG_FORMAT_GA; /* alpha is dropped below, not blended */
  tool_picture raw = { NULL, 0, 0, 0 };
  int code = allocate(&raw, image.width, image.height, colour ? 4 : 2, e);
  if (!code && !png_image_finish_read(&image, NULL, raw.pixels, 0, NULL))
    code = tool_fail(e, EXIT_BAD_FILE, "damaged PNG: %s", image.message);
  png_image_free(&image);
  if (!code) code = allocate(p, raw.width, raw.height, colour ? 3 : 1, e);
  for (size_t i = 0; !code && i < (size_t)p->width * p->height; ++i)
    memcpy(p->pixels + i * p->channels, raw.pixels + i * raw.channels, p->channels);
  free(raw.pixels);
  return code;
#else
  (void)f, (void)n, (void)p;
  return tool_fail(e, EXIT_UNSUPPORTED, "PNG: this build has no libpng; convert the picture to .ppm or .bmp");
#endif
}

#ifdef EDGE_HAVE_JPEG
typedef struct jpeg_trap {
  struct jpeg_error_mgr manager;
  jmp_buf back;
  char text[JMSG_LENGTH_MAX];
} jpeg_trap;

static void jpeg_leave(j_common_ptr c) {
  jpeg_trap *const trap = (jpeg_trap *)(void *)c->err;
  trap->manager.format_message(c, trap->text);
  longjmp(trap->back, 1);
}

static void jpeg_quiet(j_common_ptr c) {
  (void)c;
}
#endif

static int load_jpeg(const unsigned char *f, uint64_t n, tool_picture *p, tool_error *e) {
#ifdef EDGE_HAVE_JPEG
  struct jpeg_decompress_struct d;
  jpeg_trap trap;
  memset(&d, 0, sizeof d);
  d.err = jpeg_std_error(&trap.manager);
  trap.manager.error_exit = jpeg_leave;
  trap.manager.output_message = jpeg_quiet;
  if (setjmp(trap.back)) {
    jpeg_destroy_decompress(&d);
    return tool_fail(e, EXIT_BAD_FILE, "damaged JPEG: %s", trap.text);
  }
  jpeg_create_decompress(&d);
  jpeg_mem_src(&d, f, (unsigned long)n);
  (void)jpeg_read_header(&d, TRUE);
  if (d.num_components != 1 && d.num_components != 3) {
    jpeg_destroy_decompress(&d);
    return tool_fail(e, EXIT_UNSUPPORTED, "JPEG with %d components", d.num_components);
  }
  d.out_color_space = d.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  (void)jpeg_start_decompress(&d);
  const int code = allocate(p, d.output_width, d.output_height, (uint32_t)d.output_components, e);
  while (!code && d.output_scanline < d.output_height) {
    JSAMPROW row = p->pixels + (size_t)d.output_scanline * p->width * p->channels;
    (void)jpeg_read_scanlines(&d, &row, 1);
  }
  jpeg_destroy_decompress(&d);
  return code;
#else
  (void)f, (void)n, (void)p;
  return tool_fail(e, EXIT_UNSUPPORTED, "JPEG: this build has no libjpeg; convert the picture to .ppm or .bmp");
#endif
}

int tool_load_picture(const unsigned char *f, uint64_t n, tool_picture *p, tool_error *e) {
  memset(p, 0, sizeof *p);
  if (n >= 2 && f[0] == 'B' && f[1] == 'M') return load_bmp(f, n, p, e);
  if (n >= 3 && f[0] == 'P' && f[1] >= '1' && f[1] <= '7' &&
      (f[2] == '\n' || f[2] == ' ' || f[2] == '\r' || f[2] == '\t' || f[2] == '#'))
    return load_pnm(f, n, p, e);
  if (n >= 8 && memcmp(f, "\x89PNG\r\n\x1a\n", 8) == 0) return load_png(f, n, p, e);
  if (n >= 3 && f[0] == 0xff && f[1] == 0xd8 && f[2] == 0xff) return load_jpeg(f, n, p, e);
  return MEDIA_NO;
}

/* ---- WAV: PCM 8, 16, 24, 32 bit and float */

typedef struct wav_format {
  uint32_t tag, channels, rate, bits;
} wav_format;

static float wav_sample(const unsigned char *p, const wav_format *w) {
  float f;
  switch (w->bits) {
  case 8: return ((float)p[0] - 128.0f) / 128.0f;
  case 16: return (float)(int16_t)le16(p) / 32768.0f;
  case 24: return (float)((int32_t)(le16(p) << 8 | (uint32_t)p[2] << 24) / 256) / 8388608.0f;
  default: break;
  }
  if (w->tag == 1) return (float)(int32_t)le32(p) / 2147483648.0f;
  const uint32_t bits = le32(p);
  memcpy(&f, &bits, sizeof f);
  return f;
}

int tool_load_wav(const unsigned char *f, uint64_t n, tool_sound *s, tool_error *e) {
  wav_format w = { 0, 0, 0, 0 };
  memset(s, 0, sizeof *s);
  if (n < 12 || memcmp(f, "RIFF", 4) != 0 || memcmp(f + 8, "WAVE", 4) != 0) return MEDIA_NO;
  for (uint64_t at = 12; at + 8 <= n;) {
    const uint64_t size = le32(f + at + 4), left = n - at - 8;
    const unsigned char *const body = f + at + 8;
    if (memcmp(f + at, "fmt ", 4) == 0) {
      if (size < 16 || size > left) return tool_fail(e, EXIT_BAD_FILE, "the WAV format chunk is cut off");
      w.tag = le16(body);
      w.channels = le16(body + 2);
      w.rate = le32(body + 4);
      w.bits = le16(body + 14);
      if (w.tag == 0xfffe && size >= 26) w.tag = le16(body + 24); /* extensible: the real tag follows */
    } else if (memcmp(f + at, "data", 4) == 0) {
      const bool pcm = w.tag == 1 && (w.bits == 8 || w.bits == 16 || w.bits == 24 || w.bits == 32);
      if (!w.tag) return tool_fail(e, EXIT_BAD_FILE, "the WAV has no format before its data");
      if (!pcm && !(w.tag == 3 && w.bits == 32))
        return tool_fail(e, EXIT_UNSUPPORTED, "WAV of kind %u with %u bits", w.tag, w.bits);
      if (w.channels == 0 || w.channels > 64) return tool_fail(e, EXIT_BAD_FILE, "WAV with %u channels", w.channels);
      if (size > left)
        return tool_fail(e, EXIT_BAD_FILE, "the WAV says %llu bytes of data, %llu are there", (unsigned long long)size,
                         (unsigned long long)left);
      const uint32_t step = w.bits / 8 * w.channels;
      s->count = size / step;
      s->rate = w.rate;
      s->samples = calloc((size_t)s->count + 1, sizeof *s->samples);
      if (!s->samples) return tool_fail(e, EXIT_LIMIT, "no memory for %llu samples", (unsigned long long)s->count);
      for (uint64_t i = 0; i < s->count; ++i) {
        float sum = 0.0f;
        for (uint32_t c = 0; c < w.channels; ++c) sum += wav_sample(body + i * step + c * (w.bits / 8), &w);
        s->samples[i] = sum / (float)w.channels;
      }
      return EXIT_OK;
    }
    if (size > left) break;
    at += 8 + size + (size & 1);
  }
  return tool_fail(e, EXIT_BAD_FILE, "the WAV has no data");
}
