/* SPDX-License-Identifier: Apache-2.0
 * Checked arithmetic, tensor sizes, element types and half-precision conversions. */
#include "base_test.h"
#include <math.h>

void test_checked_u64(void) {
  uint64_t r = 0;
  CHECK(ei_add_u64(UINT64_MAX - 1, 1, &r) && r == UINT64_MAX);
  CHECK(!ei_add_u64(UINT64_MAX, 1, &r));
  CHECK(ei_mul_u64(UINT32_MAX, UINT32_MAX, &r) && r == 18446744065119617025u);
  CHECK(!ei_mul_u64(1ull << 32, 1ull << 32, &r));
  CHECK(ei_mul_u64(0, UINT64_MAX, &r) && r == 0);
  CHECK(ei_mul_u64(UINT64_MAX, 0, &r) && r == 0);
  CHECK(ei_mul_u64(UINT64_MAX, 1, &r) && r == UINT64_MAX);
  CHECK(!ei_mul_u64(UINT64_MAX / 2 + 1, 2, &r));
  CHECK(ei_align_u64(65, 64, &r) && r == 128);
  CHECK(ei_align_u64(0, 64, &r) && r == 0);
  CHECK(!ei_align_u64(UINT64_MAX - 3, 64, &r));
  size_t size;
  CHECK(ei_to_size(SIZE_MAX / 2, &size) && size == SIZE_MAX / 2);
  CHECK(!ei_to_size((uint64_t)(SIZE_MAX / 2) + 1, &size));
}

/* The compiler's own overflow check is the oracle. */
void test_checked_s64(void) {
#if defined(__GNUC__)
  static const int64_t edges[] = {
    0,          1,          -1,          2,         -2,           INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1,
    3037000499, 3037000500, -3037000500, 1ll << 32, -(1ll << 32), 46341,     INT32_MIN
  };
  for (size_t i = 0; i < EI_COUNT(edges); ++i) {
    for (size_t j = 0; j < EI_COUNT(edges); ++j) {
      int64_t got = 0;
      long long want = 0;
      const bool add_ok = !__builtin_saddll_overflow(edges[i], edges[j], &want);
      CHECK(ei_add_s64(edges[i], edges[j], &got) == add_ok && (!add_ok || got == want));
      const bool mul_ok = !__builtin_smulll_overflow(edges[i], edges[j], &want);
      CHECK(ei_mul_s64(edges[i], edges[j], &got) == mul_ok && (!mul_ok || got == want));
    }
  }
#else
  SKIP("no overflow builtins");
#endif
}

void test_checked_elements(void) {
  uint64_t n = 99;
  CHECK(ei_elements((const int64_t[]) { 2, 3, 4 }, 3, &n) && n == 24);
  CHECK(ei_elements(NULL, 0, &n) && n == 1);
  CHECK(ei_elements((const int64_t[]) { 0, 5 }, 2, &n) && n == 0);
  CHECK(!ei_elements((const int64_t[]) { 0, -1 }, 2, &n));
  CHECK(!ei_elements((const int64_t[]) { -1 }, 1, &n));
  CHECK(!ei_elements((const int64_t[]) { INT64_MIN }, 1, &n));
  CHECK(!ei_elements((const int64_t[]) { 1ll << 32, 1ll << 32 }, 2, &n));
  CHECK(!ei_elements((const int64_t[]) { 0, 1ll << 32, 1ll << 32 }, 3, &n)); /* zero hides nothing */
  CHECK(!ei_elements((const int64_t[]) { 1ll << 32, 1ll << 32, 0 }, 3, &n));
  CHECK(!ei_elements((const int64_t[]) { 1ll << 32, 1ll << 31 }, 2, &n)); /* beyond INT64_MAX */
  CHECK(ei_elements((const int64_t[]) { INT64_MAX }, 1, &n) && n == INT64_MAX);
  static const int64_t ones[EDGE_MAX_RANK + 1] = { 1, 1, 1, 1, 1, 1, 1, 1, 1 };
  CHECK(ei_elements(ones, EDGE_MAX_RANK, &n) && n == 1);
  CHECK(!ei_elements(ones, EDGE_MAX_RANK + 1, &n));
  CHECK(!ei_elements(ones, -1, &n));
}

void test_checked_bytes(void) {
  uint64_t n = 0;
  const int64_t dims[] = { 3, 5 };
  static const struct {
    int32_t dtype;
    uint64_t bytes;
  } want[] = { { EDGE_DTYPE_F32, 60 }, { EDGE_DTYPE_F16, 30 }, { EDGE_DTYPE_BF16, 30 }, { EDGE_DTYPE_F64, 120 },
               { EDGE_DTYPE_S8, 15 },  { EDGE_DTYPE_U16, 30 }, { EDGE_DTYPE_S64, 120 }, { EDGE_DTYPE_BOOL, 15 },
               { EDGE_DTYPE_S4, 8 },   { EDGE_DTYPE_U4, 8 },   { EDGE_DTYPE_S2, 4 },    { EDGE_DTYPE_U2, 4 } };
  for (size_t i = 0; i < EI_COUNT(want); ++i)
    CHECK(ei_tensor_bytes(want[i].dtype, 0, dims, 2, &n) && n == want[i].bytes);
  CHECK(ei_tensor_bytes(EDGE_DTYPE_S4, 0, NULL, 0, &n) && n == 1);
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_NONE, 0, dims, 2, &n));
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_COUNT, 0, dims, 2, &n));
  CHECK(!ei_tensor_bytes(-7, 0, dims, 2, &n));
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_F32, 12345, dims, 2, &n));
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_F32, 5, dims, 2, &n)); /* a native id is no encoding */
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_F64, 0, (const int64_t[]) { 1ll << 61 }, 1, &n));
  CHECK(!ei_tensor_bytes(EDGE_DTYPE_F32, 0, (const int64_t[]) { 1ll << 62 }, 1, &n));
}

void test_tensor_views(void) {
  edge_tensor t = { .rank = 2, .dims = { 3, 5 }, .dtype = EDGE_DTYPE_F32 };
  uint64_t n = 0;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_OK && n == 15);
  CHECK(edge_tensor_bytes(&t, &n) == EDGE_STATUS_OK && n == 60);
  t.dims[1] = -1;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_INVALID_ARGUMENT && n == 0);
  CHECK(edge_tensor_bytes(&t, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  t.dims[1] = INT64_MAX;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_LIMIT_EXCEEDED);
  CHECK(edge_tensor_bytes(&t, &n) == EDGE_STATUS_LIMIT_EXCEEDED);
  t.rank = -1;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  t.rank = EDGE_MAX_RANK + 1;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  t.rank = 0;
  CHECK(edge_tensor_elements(&t, &n) == EDGE_STATUS_OK && n == 1);
  t.dtype = 77;
  CHECK(edge_tensor_bytes(&t, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_tensor_bytes(NULL, &n) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_tensor_bytes(&t, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
}

void test_dtypes(void) {
  CHECK_TEXT(edge_dtype_name(EDGE_DTYPE_F32), "f32");
  CHECK_TEXT(edge_dtype_name(EDGE_DTYPE_U2), "u2");
  CHECK_TEXT(edge_dtype_name(EDGE_DTYPE_BOOL), "bool");
  CHECK_TEXT(edge_dtype_name(EDGE_DTYPE_COUNT), "?");
  CHECK_TEXT(edge_dtype_name(-1), "?");
  CHECK(edge_dtype_bits(EDGE_DTYPE_F64) == 64 && edge_dtype_bits(EDGE_DTYPE_S4) == 4);
  CHECK(edge_dtype_bits(EDGE_DTYPE_U2) == 2 && edge_dtype_bits(EDGE_DTYPE_NONE) == 0 && edge_dtype_bits(99) == 0);
  for (int32_t d = EDGE_DTYPE_F32; d < EDGE_DTYPE_COUNT; ++d) {
    CHECK(ei_encoding_get(d, EDGE_ENCODING_NATIVE) != NULL && edge_dtype_bits(d) != 0);
  }
}

/* The value of a half by its definition. */
static double half_value(uint16_t h) {
  const int e = (h >> 10) & 31, m = h & 1023;
  const double sign = (h & 0x8000) != 0 ? -1.0 : 1.0;
  return e == 0 ? sign * ldexp(m, -24) : sign * ldexp(1024 + m, e - 25);
}

void test_half_all_patterns(void) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float f = ei_f16_to_f32((uint16_t)h);
    if ((h & 0x7c00) != 0x7c00) {
      CHECK((double)f == half_value((uint16_t)h) && (signbit(f) != 0) == ((h & 0x8000) != 0));
      CHECK(ei_f32_to_f16(f) == h);
    } else if ((h & 0x3ff) == 0) {
      CHECK(isinf(f) && ei_f32_to_f16(f) == h);
    } else {
      CHECK(isnan(f) && ei_f32_to_f16(f) == (h | 0x200));
    }
  }
}

void test_half_rounding(void) {
  for (uint32_t h = 0; h < 0x7bff; ++h) { /* the middle of neighbours goes to the even one */
    const double lo = half_value((uint16_t)h), hi = half_value((uint16_t)(h + 1));
    const float middle = (float)((lo + hi) / 2);
    CHECK(ei_f32_to_f16(middle) == ((h & 1) == 0 ? h : h + 1));
    CHECK(ei_f32_to_f16(nextafterf(middle, 0.0f)) == h);
    CHECK(ei_f32_to_f16(nextafterf(middle, 1e30f)) == h + 1);
    CHECK(ei_f32_to_f16(-middle) == (0x8000 | ((h & 1) == 0 ? h : h + 1)));
  }
  CHECK(ei_f32_to_f16(65519.996f) == 0x7bff);
  CHECK(ei_f32_to_f16(65520.0f) == 0x7c00);
  CHECK(ei_f32_to_f16(3e38f) == 0x7c00 && ei_f32_to_f16(-3e38f) == 0xfc00);
  CHECK(ei_f32_to_f16(1e-45f) == 0 && ei_f32_to_f16(-1e-45f) == 0x8000);
}

void test_bfloat_rounding(void) {
  for (uint32_t b = 0; b < 65536; ++b) {
    const float f = ei_bf16_to_f32((uint16_t)b);
    if (isnan(f)) {
      CHECK(isnan(ei_bf16_to_f32(ei_f32_to_bf16(f))));
      continue;
    }
    CHECK(ei_f32_to_bf16(f) == b);
    if ((b & 0x7fff) >= 0x7f7f) continue;
    uint32_t bits = b << 16 | 0x8000u;
    float middle;
    memcpy(&middle, &bits, sizeof(middle));
    CHECK(ei_f32_to_bf16(middle) == ((b & 1) == 0 ? b : b + 1));
    bits -= 1;
    memcpy(&middle, &bits, sizeof(middle));
    CHECK(ei_f32_to_bf16(middle) == b);
    bits += 2;
    memcpy(&middle, &bits, sizeof(middle));
    CHECK(ei_f32_to_bf16(middle) == b + 1);
  }
  CHECK(ei_f32_to_bf16(3.4e38f) == 0x7f80);
  CHECK(isnan(ei_bf16_to_f32(ei_f32_to_bf16(NAN))));
}
