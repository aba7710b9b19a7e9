/* SPDX-License-Identifier: Apache-2.0
 * The .wav format, PCM of 8 to 32 bits and floats; channels are averaged, other rates interpolated. */
#include "sound.h"
#include <string.h>

static uint32_t u32(const unsigned char *b) {
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static int skip(FILE *in, uint32_t bytes) {
  while (bytes-- > 0)
    if (fgetc(in) == EOF) return 0;
  return 1;
}

/* Chunks up to the samples. A pipe may not know its length: then all that comes are samples. */
static const char *read_header(sound *s) {
  unsigned char chunk[8], format[16];
  int known = 0;
  while (fread(chunk, 1, 8, s->in) == 8) {
    const uint32_t bytes = u32(chunk + 4);
    if (memcmp(chunk, "data", 4) == 0) {
      s->bytes_left = bytes && bytes < UINT32_MAX - 64 ? bytes : UINT64_MAX;
      return known ? NULL : "its samples come before their format";
    }
    if (memcmp(chunk, "fmt ", 4) == 0) {
      if (bytes < 16 || fread(format, 1, 16, s->in) != 16) return "its format is too short";
      const uint32_t kind = u32(format) & 0xffff;
      s->channels = u32(format) >> 16;
      s->rate = u32(format + 4);
      s->bits = u32(format + 12) >> 16;
      s->is_float = s->bits == 32 && kind == 3;
      if ((kind != 1 && kind != 3 && kind != 0xfffe) || (kind == 3 && s->bits != 32) || s->channels < 1 ||
          s->channels > 64 || s->bits % 8 || s->bits < 8 || s->bits > 32 || s->rate < 1000 || s->rate > 768000)
        return "it has samples of another kind than PCM or 32-bit floats";
      known = 1;
      if (!skip(s->in, bytes - 16 + (bytes & 1))) break;
    } else if (!skip(s->in, bytes < UINT32_MAX ? bytes + (bytes & 1) : bytes)) {
      break;
    }
  }
  return "it ends before its samples";
}

static float decode(const sound *s, const unsigned char *b) {
  if (s->is_float) {
    const uint32_t bits = u32(b);
    float v;
    memcpy(&v, &bits, sizeof v);
    return v > -8.0f && v < 8.0f ? v : 0.0f;
  }
  if (s->bits == 8) return (float)(b[0] - 128) / 128.0f;
  int64_t v = 0;
  for (uint32_t k = 0; k < s->bits / 8; ++k) v |= (int64_t)b[k] << (8 * k);
  const int64_t half = (int64_t)1 << (s->bits - 1);
  return (float)(v >= half ? v - 2 * half : v) / (float)half;
}

/* The next sample of the file, channels averaged. */
static int advance(sound *s) {
  unsigned char raw[64 * 4];
  const uint32_t bytes = s->channels * s->bits / 8;
  if (s->bytes_left < bytes || fread(raw, 1, bytes, s->in) != bytes) return 0;
  if (s->bytes_left != UINT64_MAX) s->bytes_left -= bytes;
  float sum = 0.0f;
  for (uint32_t c = 0; c < s->channels; ++c) sum += decode(s, raw + c * s->bits / 8);
  s->before = s->next;
  s->next = sum / (float)s->channels;
  return 1;
}

const char *sound_open(sound *s, const char *path) {
  unsigned char head[12] = { 0 };
  memset(s, 0, sizeof *s);
  s->in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
  if (!s->in) return "it cannot be opened";
  s->rate = SOUND_RATE;
  s->channels = 1;
  s->bits = 16;
  s->bytes_left = UINT64_MAX;
  s->place = 1.0;
  if (fread(head, 1, sizeof head, s->in) != sizeof head) return "it has no sound";
  if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WAVE", 4) == 0) return read_header(s);
  return s->in == stdin ? NULL : "it is no .wav file"; /* six raw samples are lost: nobody hears them */
}

void sound_close(sound *s) {
  if (s->in && s->in != stdin) fclose(s->in);
}

unsigned sound_read(sound *s, float *out, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    for (; s->place >= 1.0; s->place -= 1.0)
      if (!advance(s)) return i;
    out[i] = s->before + (s->next - s->before) * (float)s->place;
    s->place += (double)s->rate / SOUND_RATE;
  }
  return count;
}
