/* SPDX-License-Identifier: Apache-2.0
 * Numbers in a FlexBuffers map: how custom operators keep their options. */
#include "tflite.h"

enum { FX_INT = 1, FX_UINT = 2, FX_FLOAT = 3, FX_INDIRECT_INT = 6, FX_INDIRECT_FLOAT = 8, FX_MAP = 9, FX_BOOL = 26 };

typedef struct flex {
  const uint8_t *data;
  uint64_t bytes;
} flex;

/* Little-endian number of 1, 2, 4 or 8 bytes; false: outside. */
static bool number(const flex *f, uint64_t at, uint32_t width, uint64_t *out) {
  if ((width != 1 && width != 2 && width != 4 && width != 8) || at > f->bytes || width > f->bytes - at) return false;
  *out = 0;
  for (uint32_t i = 0; i < width; ++i) *out |= (uint64_t)f->data[at + i] << (8 * i);
  return true;
}

/* Offsets point back from where they stand. */
static bool follow(const flex *f, uint64_t at, uint32_t width, uint64_t *out) {
  uint64_t back = 0;
  if (!number(f, at, width, &back) || back > at) return false;
  *out = at - back;
  return true;
}

static double real(uint64_t bits, uint32_t width) {
  if (width == 8) {
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
  }
  const uint32_t low = (uint32_t)bits;
  float v;
  memcpy(&v, &low, sizeof v);
  return width == 4 ? (double)v : 0.0;
}

static double whole(uint64_t bits, uint32_t width) {
  const uint64_t sign = (uint64_t)1 << (8 * width - 1);
  return (double)(int64_t)(width < 8 && (bits & sign) ? bits | ~(2 * sign - 1) : bits);
}

static bool value(const flex *f, uint64_t at, uint32_t width, uint32_t packed, double *out) {
  uint32_t type = packed >> 2;
  uint64_t bits = 0;
  if (type >= FX_INDIRECT_INT && type <= FX_INDIRECT_FLOAT) {
    if (!follow(f, at, width, &at)) return false;
    width = 1u << (packed & 3);
    type = type - FX_INDIRECT_INT + FX_INT;
  }
  if (!number(f, at, width, &bits)) return false;
  if (type == FX_INT)
    *out = whole(bits, width);
  else if (type == FX_FLOAT)
    *out = real(bits, width);
  else if (type == FX_UINT || type == FX_BOOL)
    *out = (double)bits;
  else
    return false;
  return true;
}

static bool key_is(const flex *f, uint64_t at, const char *key) {
  const size_t length = strlen(key) + 1; /* with its end */
  return at <= f->bytes && length <= f->bytes - at && memcmp(f->data + at, key, length) == 0;
}

bool tl_flex_number(fb_vector options, const char *key, double *out) {
  const flex f = { options.data, options.count };
  uint64_t map = 0, keys = 0, count = 0, key_width = 0, packed = 0;
  if (f.bytes < 3 || f.data[f.bytes - 2] >> 2 != FX_MAP) return false;
  const uint32_t root_width = f.data[f.bytes - 1], width = 1u << (f.data[f.bytes - 2] & 3);
  if (root_width > f.bytes - 2 || !follow(&f, f.bytes - 2 - root_width, root_width, &map) || map < 3u * width)
    return false;
  if (!number(&f, map - width, width, &count) || !number(&f, map - 2u * width, width, &key_width) ||
      !follow(&f, map - 3u * width, width, &keys) || count > f.bytes)
    return false;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t at = 0;
    if (!follow(&f, keys + i * key_width, (uint32_t)key_width, &at)) return false;
    if (!key_is(&f, at, key)) continue;
    return number(&f, map + count * width + i, 1, &packed) && value(&f, map + i * width, width, (uint32_t)packed, out);
  }
  return false;
}
