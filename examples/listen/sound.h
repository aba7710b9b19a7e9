/* SPDX-License-Identifier: Apache-2.0
 * Mono sound at 16 kHz out of a .wav file or a pipe of raw samples, as it comes. */
#ifndef LISTEN_SOUND_H
#define LISTEN_SOUND_H

#include <stdint.h>
#include <stdio.h>

enum { SOUND_RATE = 16000 };

typedef struct sound {
  FILE *in;
  uint64_t bytes_left;
  uint32_t rate, channels, bits;
  int is_float;
  double place;       /* between the last two samples of the file, in its samples */
  float before, next; /* those two */
} sound;

/* "-" is standard input; without a .wav header: 16-bit little-endian samples, mono, 16 kHz (`arecord -t raw -f S16_LE
 * -r 16000`). NULL, or what is wrong. */
const char *sound_open(sound *s, const char *path);
void sound_close(sound *s);
/* Samples in [-1, 1); fewer than `count` at the end. */
unsigned sound_read(sound *s, float *out, unsigned count);

#endif
