/* SPDX-License-Identifier: Apache-2.0
 * Element access for the reference operators: every numeric dtype, sub-byte types, quantized values. */
#include "op.h"

#define LOAD(type)                                                  \
  do {                                                              \
    type v;                                                         \
    memcpy(&v, (const char *)t->data + index * sizeof v, sizeof v); \
    return v;                                                       \
  } while (0)

static unsigned sub_byte(const edge_tensor *t, uint64_t index, unsigned bits) {
  const unsigned per_byte = 8u / bits;
  const unsigned byte = ((const uint8_t *)t->data)[index / per_byte];
  return byte >> (unsigned)(index % per_byte) * bits & ((1u << bits) - 1u);
}

static void set_sub_byte(const edge_tensor *t, uint64_t index, unsigned bits, unsigned value) {
  const unsigned per_byte = 8u / bits, shift = (unsigned)(index % per_byte) * bits;
  const unsigned mask = (1u << bits) - 1u;
  uint8_t *const p = (uint8_t *)t->data + index / per_byte;
  *p = (uint8_t)((*p & ~(mask << shift)) | (value & mask) << shift);
}

static int sign_extend(unsigned v, unsigned bits) {
  return (int)(v ^ 1u << (bits - 1u)) - (int)(1u << (bits - 1u));
}

static uint16_t load_u16(const edge_tensor *t, uint64_t index) {
  LOAD(uint16_t);
}
static float load_f32(const edge_tensor *t, uint64_t index) {
  LOAD(float);
}
static double load_native_f64(const edge_tensor *t, uint64_t index) {
  LOAD(double);
}
static uint64_t load_u64(const edge_tensor *t, uint64_t index) {
  LOAD(uint64_t);
}

static int64_t load_int(const edge_tensor *t, uint64_t index) {
  switch (t->dtype) {
  case EDGE_DTYPE_S8: return ((const int8_t *)t->data)[index];
  case EDGE_DTYPE_U8:
  case EDGE_DTYPE_BOOL: return ((const uint8_t *)t->data)[index];
  case EDGE_DTYPE_S16: LOAD(int16_t);
  case EDGE_DTYPE_U16: LOAD(uint16_t);
  case EDGE_DTYPE_S32: LOAD(int32_t);
  case EDGE_DTYPE_U32: LOAD(uint32_t);
  case EDGE_DTYPE_S64: LOAD(int64_t);
  case EDGE_DTYPE_U64: return (int64_t)load_u64(t, index);
  case EDGE_DTYPE_S4: return sign_extend(sub_byte(t, index, 4), 4);
  case EDGE_DTYPE_U4: return (int64_t)sub_byte(t, index, 4);
  case EDGE_DTYPE_S2: return sign_extend(sub_byte(t, index, 2), 2);
  case EDGE_DTYPE_U2: return (int64_t)sub_byte(t, index, 2);
  default: return 0;
  }
}

double ei_load_f64(const edge_tensor *t, uint64_t index) {
  switch (t->dtype) {
  case EDGE_DTYPE_F32: return load_f32(t, index);
  case EDGE_DTYPE_F16: return ei_f16_to_f32(load_u16(t, index));
  case EDGE_DTYPE_BF16: return ei_bf16_to_f32(load_u16(t, index));
  case EDGE_DTYPE_F64: return load_native_f64(t, index);
  case EDGE_DTYPE_U64: return (double)load_u64(t, index);
  default: return (double)load_int(t, index);
  }
}

/* Truncates; NaN is 0, out of range saturates. */
static int64_t f64_to_s64(double v) {
  if (v != v) return 0;
  if (v >= 9223372036854775808.0) return INT64_MAX;
  if (v < -9223372036854775808.0) return INT64_MIN;
  return (int64_t)v;
}

int64_t ei_load_s64(const edge_tensor *t, uint64_t index) {
  return ei_dtype_is_float(t->dtype) ? f64_to_s64(ei_load_f64(t, index)) : load_int(t, index);
}

#define STORE(type, value)                                    \
  do {                                                        \
    const type v = (type)(value);                             \
    memcpy((char *)t->data + index * sizeof v, &v, sizeof v); \
    return;                                                   \
  } while (0)

static void store_f32(const edge_tensor *t, uint64_t index, float x) {
  STORE(float, x);
}
static void store_f64(const edge_tensor *t, uint64_t index, double x) {
  STORE(double, x);
}
static void store_u16(const edge_tensor *t, uint64_t index, uint16_t x) {
  STORE(uint16_t, x);
}

void ei_store_s64(const edge_tensor *t, uint64_t index, int64_t x) {
  const uint64_t u = (uint64_t)x; /* narrowing an unsigned value wraps without undefined behaviour */
  switch (t->dtype) {
  case EDGE_DTYPE_F32: store_f32(t, index, (float)x); return;
  case EDGE_DTYPE_F16: store_u16(t, index, ei_f32_to_f16((float)x)); return;
  case EDGE_DTYPE_BF16: store_u16(t, index, ei_f32_to_bf16((float)x)); return;
  case EDGE_DTYPE_F64: store_f64(t, index, (double)x); return;
  case EDGE_DTYPE_BOOL: ((uint8_t *)t->data)[index] = x != 0; return;
  case EDGE_DTYPE_S8:
  case EDGE_DTYPE_U8: ((uint8_t *)t->data)[index] = (uint8_t)u; return;
  case EDGE_DTYPE_S16:
  case EDGE_DTYPE_U16: STORE(uint16_t, u);
  case EDGE_DTYPE_S32:
  case EDGE_DTYPE_U32: STORE(uint32_t, u);
  case EDGE_DTYPE_S64:
  case EDGE_DTYPE_U64: STORE(uint64_t, u);
  case EDGE_DTYPE_S4:
  case EDGE_DTYPE_U4: set_sub_byte(t, index, 4, (unsigned)(u & 15u)); return;
  case EDGE_DTYPE_S2:
  case EDGE_DTYPE_U2: set_sub_byte(t, index, 2, (unsigned)(u & 3u)); return;
  default: return;
  }
}

bool ei_dtype_range(int32_t dtype, double *lo, double *hi) {
  switch (dtype) {
  case EDGE_DTYPE_S8:
    *lo = -128;
    *hi = 127;
    return true;
  case EDGE_DTYPE_U8:
    *lo = 0;
    *hi = 255;
    return true;
  case EDGE_DTYPE_BOOL:
    *lo = 0;
    *hi = 1;
    return true;
  case EDGE_DTYPE_S16:
    *lo = -32768;
    *hi = 32767;
    return true;
  case EDGE_DTYPE_U16:
    *lo = 0;
    *hi = 65535;
    return true;
  case EDGE_DTYPE_S32:
    *lo = -2147483648.0;
    *hi = 2147483647.0;
    return true;
  case EDGE_DTYPE_U32:
    *lo = 0;
    *hi = 4294967295.0;
    return true;
  case EDGE_DTYPE_S64:
    *lo = -9223372036854775808.0;
    *hi = 9223372036854775808.0;
    return true;
  case EDGE_DTYPE_U64:
    *lo = 0;
    *hi = 18446744073709551616.0;
    return true;
  case EDGE_DTYPE_S4:
    *lo = -8;
    *hi = 7;
    return true;
  case EDGE_DTYPE_U4:
    *lo = 0;
    *hi = 15;
    return true;
  case EDGE_DTYPE_S2:
    *lo = -2;
    *hi = 1;
    return true;
  case EDGE_DTYPE_U2:
    *lo = 0;
    *hi = 3;
    return true;
  default: *lo = *hi = 0; return false;
  }
}

void ei_store_f64(const edge_tensor *t, uint64_t index, double v) {
  switch (t->dtype) {
  case EDGE_DTYPE_F32: store_f32(t, index, (float)v); return;
  case EDGE_DTYPE_F16: store_u16(t, index, ei_f32_to_f16((float)v)); return;
  case EDGE_DTYPE_BF16: store_u16(t, index, ei_f32_to_bf16((float)v)); return;
  case EDGE_DTYPE_F64: store_f64(t, index, v); return;
  case EDGE_DTYPE_BOOL: ei_store_s64(t, index, v != 0.0); return; /* NaN is true */
  default: break;
  }
  double lo, hi;
  if (!ei_dtype_range(t->dtype, &lo, &hi)) return;
  v = rint(v);
  if (t->dtype == EDGE_DTYPE_U64) {
    const uint64_t u = !(v > 0) ? 0 : v >= hi ? UINT64_MAX : (uint64_t)v;
    ei_store_s64(t, index, (int64_t)u);
    return;
  }
  ei_store_s64(t, index, f64_to_s64(v < lo ? lo : v > hi ? hi : v));
}

uint32_t ei_quant_index(const edge_tensor *t, uint64_t index) {
  const edge_quant *const q = &t->quant;
  if (q->count <= 1 || q->axis < 0 || q->axis >= t->rank) return 0;
  uint64_t inner = 1;
  for (int32_t i = q->axis + 1; i < t->rank; ++i) inner *= (uint64_t)t->dims[i];
  const uint64_t size = (uint64_t)t->dims[q->axis];
  if (inner == 0 || size == 0) return 0;
  const uint64_t at = index / inner % size;
  uint64_t k = at;
  if (q->block != 0) {
    const uint64_t blocks = (size + q->block - 1) / q->block;
    k = (index / inner / size * blocks + at / q->block) * inner + index % inner;
  }
  return k < q->count ? (uint32_t)k : 0;
}

float ei_load_real(const edge_tensor *t, uint64_t index) {
  if (!ei_is_quantized(t)) return (float)ei_load_f64(t, index);
  const uint32_t k = ei_quant_index(t, index);
  const double z = t->quant.zero_points != NULL ? (double)t->quant.zero_points[k] : 0.0;
  return (float)(((double)load_int(t, index) - z) * (double)t->quant.scales[k]);
}

void ei_store_real(const edge_tensor *t, uint64_t index, float v) {
  if (!ei_is_quantized(t)) {
    ei_store_f64(t, index, (double)v);
    return;
  }
  const uint32_t k = ei_quant_index(t, index);
  const double z = t->quant.zero_points != NULL ? (double)t->quant.zero_points[k] : 0.0;
  ei_store_f64(t, index, rint((double)(v / t->quant.scales[k])) + z);
}
