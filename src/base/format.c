/* SPDX-License-Identifier: Apache-2.0
 * Bounded text formatting without stdio, locale or allocation. */
#include "base.h"

typedef struct sink {
  char *out;
  size_t cap;    /* including the terminator */
  size_t length; /* without truncation */
} sink;

static void put(sink *s, char c) {
  if (s->length + 1 < s->cap) s->out[s->length] = c;
  ++s->length;
}

static void put_padded(sink *s, const char *text, size_t n, size_t width, bool left, bool zeros) {
  size_t fill = width > n ? width - n : 0;
  if (!left && zeros && n > 0 && text[0] == '-') {
    put(s, *text++);
    --n;
  }
  for (; !left && fill > 0; --fill) put(s, zeros ? '0' : ' ');
  for (size_t i = 0; i < n; ++i) put(s, text[i]);
  for (; left && fill > 0; --fill) put(s, ' ');
}

/* Digits of v into out (at least 20 bytes); returns their number. */
static size_t digits(uint64_t v, unsigned base, bool upper, char *out) {
  char reversed[64];
  size_t n = 0;
  do {
    const unsigned d = (unsigned)(v % base);
    reversed[n++] = (char)(d < 10 ? '0' + d : (upper ? 'A' : 'a') + (d - 10));
    v /= base;
  } while (v != 0);
  for (size_t i = 0; i < n; ++i) out[i] = reversed[n - 1 - i];
  return n;
}

static size_t copy(char *out, const char *text) {
  const size_t n = strlen(text);
  memcpy(out, text, n);
  return n;
}

/* v * 10^e in steps that neither overflow nor lose more than a few units in the last place. */
static double scale10(double v, int e) {
  static const double powers[] = { 1e1, 1e2, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128, 1e256 };
  const bool negative = e < 0;
  unsigned n = (unsigned)(negative ? -e : e);
  for (size_t i = EI_COUNT(powers); i-- > 0;) {
    while (n >= (1u << i)) {
      v = negative ? v / powers[i] : v * powers[i];
      n -= 1u << i;
    }
  }
  return v;
}

/* v > 0 as `precision` decimal digits (an integer below 10^precision) and the exponent of the first one. */
static uint64_t decimal(double v, int precision, int *exponent) {
  int e = 0;
  double probe = v;
  for (; probe >= 1e16; probe /= 1e16) e += 16;
  for (; probe < 1e-16; probe *= 1e16) e -= 16;
  for (; probe >= 10.0; probe /= 10.0) ++e;
  for (; probe < 1.0; probe *= 10.0) --e;
  uint64_t limit = 1;
  for (int i = 0; i < precision; ++i) limit *= 10;
  double scaled = scale10(v, precision - 1 - e);
  if (scaled < (double)(limit / 10)) { /* the estimate of e was one too high by rounding */
    --e;
    scaled = scale10(v, precision - 1 - e);
  }
  uint64_t m = (uint64_t)scaled;
  const double rest = scaled - (double)m;
  if (rest > 0.5 || (rest == 0.5 && (m & 1) != 0)) ++m;
  if (m >= limit) {
    m /= 10;
    ++e;
  }
  *exponent = e;
  return m;
}

/* %g: shortest of fixed and exponent form, trailing zeros removed. out: at least 48 bytes. */
static size_t format_g(double v, int precision, char *out) {
  size_t n = 0;
  if (v != v) return copy(out, "nan");
  if (v < 0 || (v == 0 && 1 / v < 0)) {
    out[n++] = '-';
    v = -v;
  }
  if (v > 1.7976931348623157e308) return n + copy(out + n, "inf");
  if (v == 0) {
    out[n++] = '0';
    return n;
  }
  if (precision < 1) precision = 1;
  if (precision > 17) precision = 17;
  int e = 0;
  char d[64];
  size_t count = digits(decimal(v, precision, &e), 10, false, d);
  while (count > 1 && d[count - 1] == '0') --count;
  if (e < -4 || e >= precision) {
    out[n++] = d[0];
    if (count > 1) out[n++] = '.';
    for (size_t i = 1; i < count; ++i) out[n++] = d[i];
    out[n++] = 'e';
    out[n++] = e < 0 ? '-' : '+';
    const unsigned magnitude = (unsigned)(e < 0 ? -e : e);
    if (magnitude < 10) out[n++] = '0';
    return n + digits(magnitude, 10, false, out + n);
  }
  if (e < 0) {
    out[n++] = '0';
    out[n++] = '.';
    for (int i = -1; i > e; --i) out[n++] = '0';
    for (size_t i = 0; i < count; ++i) out[n++] = d[i];
    return n;
  }
  for (size_t i = 0; i < count || i <= (size_t)e; ++i) {
    if (i == (size_t)e + 1) out[n++] = '.';
    out[n++] = i < count ? d[i] : '0';
  }
  return n;
}

/* %f for magnitudes below 1e15; larger ones as %g. out: at least 48 bytes. */
static size_t format_f(double v, int precision, char *out) {
  if (!(v < 1e15 && v > -1e15)) return format_g(v, 17, out);
  size_t n = 0;
  if (v < 0) {
    out[n++] = '-';
    v = -v;
  }
  if (precision > 9) precision = 9;
  uint64_t unit = 1;
  for (int i = 0; i < precision; ++i) unit *= 10;
  uint64_t whole = (uint64_t)v;
  const double scaled = (v - (double)whole) * (double)unit;
  uint64_t part = (uint64_t)scaled;
  const double rest = scaled - (double)part;
  if (rest > 0.5 || (rest == 0.5 && (part & 1) != 0)) ++part;
  if (part >= unit) {
    part -= unit;
    ++whole;
  }
  n += digits(whole, 10, false, out + n);
  if (precision > 0) {
    out[n++] = '.';
    char d[64];
    const size_t count = digits(part, 10, false, d);
    for (size_t i = count; i < (size_t)precision; ++i) out[n++] = '0';
    memcpy(out + n, d, count);
    n += count;
  }
  return n;
}

typedef struct spec {
  bool left, zeros;
  size_t width;
  int precision; /* -1: not given */
  int length;    /* 0 int, 1 long, 2 long long, 3 size_t */
  char conversion;
} spec;

/* The caller's va_list travels as a pointer inside a struct: a va_list parameter may be an array type. */
typedef struct arguments {
  va_list list;
} arguments;

static const char *parse(const char *p, spec *s, arguments *args) {
  *s = (spec) { .precision = -1 };
  for (;; ++p) {
    if (*p == '-') {
      s->left = true;
    } else if (*p == '0') {
      s->zeros = true;
    } else if (*p != '+' && *p != ' ' && *p != '#') {
      break;
    }
  }
  for (; *p >= '0' && *p <= '9'; ++p) s->width = s->width < 1000 ? s->width * 10 + (size_t)(*p - '0') : s->width;
  if (*p == '.') {
    ++p;
    s->precision = 0;
    if (*p == '*') {
      s->precision = va_arg(args->list, int);
      ++p;
    }
    for (; *p >= '0' && *p <= '9'; ++p)
      s->precision = s->precision < 1000000 ? s->precision * 10 + (*p - '0') : 1000000;
  }
  for (; *p == 'l' || *p == 'z' || *p == 'h'; ++p) s->length = *p == 'z' ? 3 : *p == 'l' ? s->length + 1 : 0;
  s->conversion = *p;
  return *p != 0 ? p + 1 : p;
}

static void convert_integer(sink *out, const spec *s, arguments *args) {
  char text[72];
  size_t n = 0;
  uint64_t magnitude;
  if (s->conversion == 'd' || s->conversion == 'i') {
    const int64_t v = s->length == 0   ? va_arg(args->list, int)
                      : s->length == 1 ? va_arg(args->list, long)
                      : s->length == 2 ? va_arg(args->list, long long)
                                       : (int64_t)va_arg(args->list, size_t);
    if (v < 0) text[n++] = '-';
    magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
  } else {
    magnitude = s->length == 0   ? va_arg(args->list, unsigned)
                : s->length == 1 ? va_arg(args->list, unsigned long)
                : s->length == 2 ? va_arg(args->list, unsigned long long)
                                 : va_arg(args->list, size_t);
  }
  const bool hex = s->conversion == 'x' || s->conversion == 'X';
  n += digits(magnitude, hex ? 16 : 10, s->conversion == 'X', text + n);
  put_padded(out, text, n, s->width, s->left, s->zeros);
}

static void convert(sink *out, const spec *s, arguments *args) {
  char text[72];
  switch (s->conversion) {
  case 'd':
  case 'i':
  case 'u':
  case 'x':
  case 'X': convert_integer(out, s, args); break;
  case 'c':
    text[0] = (char)va_arg(args->list, int);
    put_padded(out, text, 1, s->width, s->left, false);
    break;
  case 's': {
    const char *v = va_arg(args->list, const char *);
    if (v == NULL) v = "(null)";
    size_t n = 0;
    while ((s->precision < 0 || n < (size_t)s->precision) && v[n] != 0) ++n;
    put_padded(out, v, n, s->width, s->left, false);
    break;
  }
  case 'g': {
    const int precision = s->precision < 0 ? 6 : s->precision;
    put_padded(out, text, format_g(va_arg(args->list, double), precision, text), s->width, s->left, s->zeros);
    break;
  }
  case 'f': {
    const int precision = s->precision < 0 ? 6 : s->precision;
    put_padded(out, text, format_f(va_arg(args->list, double), precision, text), s->width, s->left, s->zeros);
    break;
  }
  case '%': put(out, '%'); break;
  default: /* a mistake in the caller's format stays visible */
    put(out, '%');
    if (s->conversion != 0) put(out, s->conversion);
    break;
  }
}

size_t ei_vformat(char *out, size_t cap, const char *format, va_list args) {
  sink s = { out, cap, 0 };
  arguments a;
  va_copy(a.list, args);
  for (const char *p = format; *p != 0;) {
    if (*p != '%') {
      put(&s, *p++);
      continue;
    }
    spec sp;
    p = parse(p + 1, &sp, &a);
    convert(&s, &sp, &a);
  }
  va_end(a.list);
  if (cap > 0) {
    size_t end = s.length < cap ? s.length : cap - 1;
    if (s.length >= cap) { /* do not cut a UTF-8 sequence in two: drop what is left of the last one */
      size_t start = end;
      while (start > 0 && end - start < 3 && ((unsigned char)out[start - 1] & 0xc0) == 0x80) --start;
      if (start > 0 && (unsigned char)out[start - 1] >= 0xc0) {
        const unsigned char lead = (unsigned char)out[start - 1];
        const size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (end - (start - 1) < need) end = start - 1;
      }
    }
    out[end] = 0;
  }
  return s.length;
}

size_t ei_format(char *out, size_t cap, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const size_t length = ei_vformat(out, cap, format, args);
  va_end(args);
  return length;
}
