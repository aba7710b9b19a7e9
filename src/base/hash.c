/* SPDX-License-Identifier: Apache-2.0
 * A fast hash for keys and checksums: eight lanes of 64 bits, one multiplication per word. Not for secrets. */
#include "base.h"

enum { LANES = 8, STRIPE = LANES * 8 };

static uint64_t rotate(uint64_t v, unsigned by) {
  return v << by | v >> (64 - by);
}

/* Every step is a bijection of the lane, so one changed word always changes it; the rotation carries high bits down. */
static uint64_t absorb(uint64_t lane, uint64_t word) {
  return rotate(lane ^ word, 29) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t mix(uint64_t v) {
  v = (v ^ v >> 32) * UINT64_C(0xd6e8feb86659fd93);
  v = (v ^ v >> 29) * UINT64_C(0xff51afd7ed558ccd);
  return v ^ v >> 32;
}

ei_hash ei_hash_bytes(const void *data, uint64_t bytes, uint64_t seed) {
  const unsigned char *p = data;
  uint64_t a = seed ^ UINT64_C(0x243f6a8885a308d3), b = ~seed ^ UINT64_C(0x13198a2e03707344);
  uint64_t c = seed ^ UINT64_C(0xa4093822299f31d0), d = ~seed ^ UINT64_C(0x082efa98ec4e6c89);
  uint64_t e = seed ^ UINT64_C(0x452821e638d01377), f = ~seed ^ UINT64_C(0xbe5466cf34e90c6c);
  uint64_t g = seed ^ UINT64_C(0xc0ac29b7c97c50dd), h = ~seed ^ UINT64_C(0x3f84d5b5b5470917);
  uint64_t left = bytes, w[LANES];
  for (; left >= STRIPE; left -= STRIPE, p += STRIPE) {
    memcpy(w, p, STRIPE);
    a = absorb(a, w[0]), b = absorb(b, w[1]), c = absorb(c, w[2]), d = absorb(d, w[3]);
    e = absorb(e, w[4]), f = absorb(f, w[5]), g = absorb(g, w[6]), h = absorb(h, w[7]);
  }
  memset(w, 0, sizeof w);
  if (left) memcpy(w, p, (size_t)left);
  a = absorb(a, w[0]), b = absorb(b, w[1]), c = absorb(c, w[2]), d = absorb(d, w[3]);
  e = absorb(e, w[4]), f = absorb(f, w[5]), g = absorb(g, w[6]), h = absorb(h, w[7]);
  const uint64_t lanes[LANES] = { a, b, c, d, e, f, g, h };
  ei_hash out = { mix(bytes ^ seed), mix(~bytes ^ rotate(seed, 17)) };
  for (int i = 0; i < LANES; ++i) {
    out.lo = mix(out.lo ^ lanes[i]);
    out.hi = mix(rotate(out.hi, 23) + lanes[i]);
  }
  return out;
}
