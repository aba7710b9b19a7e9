/* SPDX-License-Identifier: Apache-2.0
 * Status texts and the formatter; the C library's printf is the oracle. */
#include "base_test.h"
#include <math.h>

void test_status_names(void) {
  CHECK_TEXT(edge_status_name(EDGE_STATUS_OK), "OK");
  CHECK_TEXT(edge_status_name(EDGE_STATUS_OUT_OF_MEMORY), "OUT_OF_MEMORY");
  CHECK_TEXT(edge_status_name(EDGE_STATUS_INTERNAL), "INTERNAL");
  CHECK_TEXT(edge_status_name(-1), "UNKNOWN");
  CHECK_TEXT(edge_status_name(12345), "UNKNOWN");
  int named = 0;
  for (int s = 0; s < 100; ++s) named += strcmp(edge_status_name(s), "UNKNOWN") != 0;
  CHECK(named == 26);
  CHECK(edge_version() == EDGE_VERSION_NUMBER);
}

void test_fail_fields(void) {
  edge_error e = EDGE_ERROR_INIT;
  CHECK(ei_fail(&e, EDGE_STATUS_IO, "%s: %d", "x", -3) == EDGE_STATUS_IO);
  CHECK(e.status == EDGE_STATUS_IO && e.node == -1 && e.tensor == -1 && e.file_offset == UINT64_MAX);
  CHECK_TEXT(e.text, "x: -3");
  CHECK(ei_fail_at(&e, EDGE_STATUS_MALFORMED, 17, "bad") == EDGE_STATUS_MALFORMED);
  CHECK(e.file_offset == 17 && e.node == -1);
  CHECK(ei_fail_node(&e, EDGE_STATUS_INVALID_VALUE, 4, EI_NONE, "axis") == EDGE_STATUS_INVALID_VALUE);
  CHECK(e.node == 4 && e.tensor == -1 && e.file_offset == UINT64_MAX);
  CHECK(ei_fail(NULL, EDGE_STATUS_BUSY, "nobody listens") == EDGE_STATUS_BUSY);
}

void test_fail_small_record(void) {
  struct {
    edge_error e;
    char guard[8];
  } box = { EDGE_ERROR_INIT, "guard" };
  box.e.struct_size = offsetof(edge_error, text) + 6; /* a caller with a shorter text */
  memset(box.e.text, 'z', sizeof(box.e.text));
  ei_fail(&box.e, EDGE_STATUS_IO, "0123456789");
  CHECK(memcmp(box.e.text, "01234\0zz", 8) == 0);
  box.e.struct_size = 0; /* forgot the _INIT macro: untouched */
  box.e.status = 5;
  ei_fail(&box.e, EDGE_STATUS_IO, "x");
  CHECK(box.e.status == 5);
  box.e.struct_size = sizeof(box.e) + 100; /* a newer caller */
  char text[1000];
  memset(text, 'a', sizeof(text) - 1);
  text[sizeof(text) - 1] = 0;
  ei_fail(&box.e, EDGE_STATUS_IO, "%s", text);
  CHECK(strlen(box.e.text) == sizeof(box.e.text) - 1);
  CHECK_TEXT(box.guard, "guard");
}

void test_fail_unprintable(void) {
  edge_error e = EDGE_ERROR_INIT;
  static const char *const texts[][2] = {
    { "caf\xc3\xa9", "caf\xc3\xa9" },
    { "a\x01"
      "b\x7f"
      "c\n",
      "a?b?c\n" },
    { "\xff\xfe", "??" },
    { "\xc0\x80", "??" },      /* overlong */
    { "\xed\xa0\x80", "???" }, /* surrogate */
    { "\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!" },
    { "\xf4\x90\x80\x80", "????" }, /* beyond U+10FFFF */
    { "x\xe2\x82", "x??" },         /* cut short */
  };
  for (size_t i = 0; i < EI_COUNT(texts); ++i) {
    ei_fail(&e, EDGE_STATUS_IO, "%s", texts[i][0]);
    CHECK_TEXT(e.text, texts[i][1]);
  }
}

#define SAME(...)                                                 \
  do {                                                            \
    char got_[256], want_[256];                                   \
    const size_t n_ = ei_format(got_, sizeof(got_), __VA_ARGS__); \
    snprintf(want_, sizeof(want_), __VA_ARGS__);                  \
    CHECK_TEXT(got_, want_);                                      \
    CHECK(n_ == strlen(want_));                                   \
  } while (0)

void test_format_integers(void) {
  SAME("%d %d %d %i", 0, INT32_MAX, INT32_MIN, 7);
  SAME("%lld %lld %lld", 0ll, (long long)INT64_MAX, (long long)INT64_MIN);
  SAME("%llu %llu", 0ull, (unsigned long long)UINT64_MAX);
  SAME("%u %x %X %zu %zx", UINT32_MAX, 0xabcdef01u, 0xabcdef01u, SIZE_MAX, SIZE_MAX);
  SAME("%ld %lu %lx", -5l, 5ul, 0xfful);
  SAME("[%5d][%-5d][%05d][%5u][%08x]", -42, -42, -42, 42u, 0xbeefu);
  SAME("%c%c%% 100%%", 'a', 'b');
  char got[32];
  ei_format(got, sizeof(got), "plain");
  CHECK_TEXT(got, "plain");
}

void test_format_floats(void) {
  static const double values[] = { 0.0,
                                   1.0,
                                   -1.0,
                                   0.5,
                                   0.1,
                                   123456.0,
                                   1234567.0,
                                   1e-4,
                                   1e-5,
                                   9.99999e9,
                                   1e100,
                                   1e-100,
                                   3.14159265358979,
                                   100.0,
                                   1e15,
                                   999999.5,
                                   0.0001234,
                                   2.5e-310,
                                   1.7976931348623157e308,
                                   255.0,
                                   1e6,
                                   1e5,
                                   -0.0,
                                   65504.0,
                                   0.3333333333,
                                   12.5 };
  for (size_t i = 0; i < EI_COUNT(values); ++i) {
    SAME("%g", values[i]);
    SAME("%.9g", values[i]);
    SAME("%.3g", values[i]);
  }
  SAME("%g %g", (double)INFINITY, -(double)INFINITY);
  char got[32];
  ei_format(got, sizeof(got), "%g", (double)NAN);
  CHECK_TEXT(got, "nan");
  SAME("%.1f %.2f %.3f %f %.0f", 0.25, 3.14159, -2.0005, 1234.5, 2.5);
  SAME("[%8.2f][%-8.2f][%8g]", 1.5, 1.5, 1.5);
}

void test_format_floats_random(void) {
  uint64_t seed = 7;
  for (int i = 0; i < 20000; ++i) { /* 9 digits identify every float */
    const uint32_t bits = (uint32_t)et_random(&seed);
    float f;
    memcpy(&f, &bits, sizeof(f));
    if (f != f || f > 3.4e38f || f < -3.4e38f) continue;
    char got[64];
    ei_format(got, sizeof(got), "%.9g", (double)f);
    CHECK(strtof(got, NULL) == f);
  }
}

void test_format_strings(void) {
  SAME("%s|%.3s|%.*s|%10s|%-10s|", "abc", "abcdef", 2, "xyz", "right", "left");
  SAME("%.*s", 0, "never");
  char unterminated[3] = { 'a', 'b', 'c' };
  SAME("%.*s", 3, unterminated);
  char got[32];
  const char *volatile nothing = NULL;
  ei_format(got, sizeof(got), "%s", nothing);
  CHECK_TEXT(got, "(null)");
}

void test_format_truncation(void) {
  char out[8] = "zzzzzzz";
  CHECK(ei_format(out, 4, "%s", "abcdef") == 6);
  CHECK_TEXT(out, "abc");
  CHECK(out[4] == 'z');
  CHECK(ei_format(out, 1, "abc") == 3 && out[0] == 0);
  out[0] = 'q';
  CHECK(ei_format(out, 0, "abc") == 3 && out[0] == 'q');
  CHECK(ei_format(NULL, 0, "%d", 12345) == 5);
  ei_format(out, 4, "ab\xc3\xa9"); /* no half characters */
  CHECK_TEXT(out, "ab");
  ei_format(out, 5, "ab\xc3\xa9");
  CHECK_TEXT(out, "ab\xc3\xa9");
  ei_format(out, 5, "a\xf0\x9f\x98\x80");
  CHECK_TEXT(out, "a");
  ei_format(out, 6, "a\xf0\x9f\x98\x80!");
  CHECK_TEXT(out, "a\xf0\x9f\x98\x80");
}
