/* SPDX-License-Identifier: Apache-2.0
 * Binary elementwise operators: one row each. Floats are computed in f64 and rounded once, integers in 64 bits
 * and wrap, quantized values as quant_math.inl says (Add, Sub, Mul) or through the real value. */
#include "binary.h"
#include "quant_math.inl"
#include "broadcast.h"

/* ---- floats */
static double f_add(double a, double b) {
  return a + b;
}
static double f_sub(double a, double b) {
  return a - b;
}
static double f_mul(double a, double b) {
  return a * b;
}
static double f_div(double a, double b) {
  return a / b;
}
static double f_pow(double a, double b) {
  return pow(a, b);
}
static double f_squared_difference(double a, double b) {
  return (a - b) * (a - b);
}
static double f_floor_div(double a, double b) {
  return floor(a / b);
}
static double f_fmod(double a, double b) {
  return fmod(a, b);
}
static double f_floor_mod(double a, double b) {
  const double r = fmod(a, b);
  return r != 0.0 && (r < 0.0) != (b < 0.0) ? r + b : r;
}
static double f_atan2(double a, double b) {
  return atan2(a, b);
}
static double f_prelu(double a, double b) {
  return a < 0.0 ? a * b : a;
}
static double f_equal(double a, double b) {
  return a == b;
}
static double f_not_equal(double a, double b) {
  return a != b;
}
static double f_less(double a, double b) {
  return a < b;
}
static double f_less_equal(double a, double b) {
  return a <= b;
}
static double f_greater(double a, double b) {
  return a > b;
}
static double f_greater_equal(double a, double b) {
  return a >= b;
}

/* ---- integers; is_unsigned: the bits are a u64 */
static bool lower(int64_t a, int64_t b, bool u) {
  return u ? (uint64_t)a < (uint64_t)b : a < b;
}
static bool set(int64_t *out, uint64_t v) {
  *out = (int64_t)v;
  return true;
}
static bool i_add(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a + (uint64_t)b);
}
static bool i_sub(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a - (uint64_t)b);
}
static bool i_mul(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a * (uint64_t)b);
}
static bool i_div(int64_t a, int64_t b, bool u, int64_t *out) {
  if (b == 0) return false;
  if (u) return set(out, (uint64_t)a / (uint64_t)b);
  return set(out, b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b));
}
static bool i_mod(int64_t a, int64_t b, bool u, int64_t *out) {
  if (b == 0) return false;
  if (u) return set(out, (uint64_t)a % (uint64_t)b);
  return set(out, b == -1 ? 0 : (uint64_t)(a % b));
}
static bool i_floor_mod(int64_t a, int64_t b, bool u, int64_t *out) {
  if (!i_mod(a, b, u, out)) return false;
  if (!u && *out != 0 && (*out < 0) != (b < 0)) *out += b;
  return true;
}
static bool i_floor_div(int64_t a, int64_t b, bool u, int64_t *out) {
  int64_t rest;
  if (!i_div(a, b, u, out) || !i_mod(a, b, u, &rest)) return false;
  if (!u && rest != 0 && (rest < 0) != (b < 0)) *out -= 1;
  return true;
}
static bool i_pow(int64_t a, int64_t b, bool u, int64_t *out) {
  uint64_t r = 1, base = (uint64_t)a;
  if (!u && b < 0) { /* the reciprocal, truncated */
    if (a == 0) return false;
    return set(out, a == 1 ? 1 : a == -1 ? (b % 2 != 0 ? UINT64_MAX : 1) : 0);
  }
  for (uint64_t e = (uint64_t)b; e != 0; e >>= 1, base *= base) r *= e & 1 ? base : 1;
  return set(out, r);
}
static bool i_squared_difference(int64_t a, int64_t b, bool u, int64_t *out) {
  const uint64_t d = (uint64_t)a - (uint64_t)b;
  return set(out, d * d);
}
static bool i_prelu(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, !u && a < 0 ? (uint64_t)a * (uint64_t)b : (uint64_t)a);
}
static bool i_and(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a & (uint64_t)b);
}
static bool i_or(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a | (uint64_t)b);
}
static bool i_xor(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, (uint64_t)a ^ (uint64_t)b);
}
static bool i_shift_left(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, b < 0 || b > 63 ? (b < 0 && !u ? (uint64_t)a : 0) : (uint64_t)a << b);
}
/* Signed: a shift beyond the width leaves the sign, a negative one shifts by 0. */
static bool i_shift_right(int64_t a, int64_t b, bool u, int64_t *out) {
  if (u) return set(out, (uint64_t)b > 63 ? 0 : (uint64_t)a >> b);
  const int64_t n = b < 0 ? 0 : b > 63 ? 63 : b;
  return set(out, a < 0 ? ~(~(uint64_t)a >> n) : (uint64_t)a >> n);
}
static bool i_equal(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, a == b);
}
static bool i_not_equal(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, a != b);
}
static bool i_less(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, lower(a, b, u));
}
static bool i_less_equal(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, !lower(b, a, u));
}
static bool i_greater(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, lower(b, a, u));
}
static bool i_greater_equal(int64_t a, int64_t b, bool u, int64_t *out) {
  return set(out, !lower(a, b, u));
}

/* ---- inference */

static bool type_allowed(const edge_tensor *t, uint32_t types) {
  if (ei_dtype_is_float(t->dtype)) return (types & EI_FLOATS) != 0;
  if (t->dtype == EDGE_DTYPE_BOOL) return (types & EI_BOOLS) != 0;
  if (ei_is_quant_value(t)) return (types & (EI_QUANT | EI_INTS)) != 0;
  return ei_dtype_is_int(t->dtype) && (types & EI_INTS) != 0;
}

edge_status ei_binary_types(ei_op_ctx *c, uint32_t types, bool b_any) {
  for (uint32_t i = 0; i < c->n_in; ++i) {
    if (!type_allowed(&c->in[i], types))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u cannot be %s", i, edge_dtype_name(c->in[i].dtype));
    if (i > 0 && !b_any) EI_TRY(ei_op_need_same_dtype(c, 0, i));
  }
  return types & EI_QUANT ? ei_op_need_per_tensor(c, c->n_in) : EDGE_STATUS_OK;
}

edge_status ei_binary_shape(ei_op_ctx *c, int32_t dtype) {
  edge_tensor shape = c->in[0];
  for (uint32_t i = 1; i < c->n_in; ++i) {
    const edge_tensor left = shape;
    EI_TRY(ei_op_broadcast(c, &left, &c->in[i], &shape));
  }
  ei_op_set_shape(&c->out[0], dtype, shape.rank, shape.dims);
  return EDGE_STATUS_OK;
}

static edge_status infer_row(ei_op_ctx *c, const ei_binary *r) {
  ei_act act;
  EI_TRY(ei_act_read(c, &act));
  EI_TRY(ei_binary_types(c, r->types, r->b_any));
  return ei_binary_shape(c, r->compares ? EDGE_DTYPE_BOOL : c->in[0].dtype);
}

/* ---- evaluation */

typedef struct job {
  const ei_binary *r;
  const edge_tensor *a, *b;
  edge_tensor *y;
  ei_act act;
} job;

#define FAST_ROW(expr)                                      \
  for (uint64_t i = 0; i < w->row; ++i, a += sa, b += sb) { \
    float v = (expr);                                       \
    v = v < lo ? lo : v > hi ? hi : v;                      \
    y[i] = v;                                               \
  }                                                         \
  return

static void fast_f32_row(const job *j, const ei_bcast *w) {
  const float *a = (const float *)j->a->data + w->at[0], *b = (const float *)j->b->data + w->at[1];
  float *const y = (float *)j->y->data + w->out;
  const uint64_t sa = w->step[0], sb = w->step[1];
  const float lo = (float)j->act.lo, hi = (float)j->act.hi;
  switch (j->r->fast) {
  case EI_ADD: FAST_ROW(*a + *b);
  case EI_SUB: FAST_ROW(*a - *b);
  case EI_MUL: FAST_ROW(*a * *b);
  case EI_DIV: FAST_ROW(*a / *b);
  case EI_MIN: FAST_ROW(*a != *a ? *a : *b != *b ? *b : *a < *b ? *a : *b);
  default: FAST_ROW(*a != *a ? *a : *b != *b ? *b : *a > *b ? *a : *b);
  }
}

static void eval_floats(const job *j, const ei_bcast *w) {
  for (uint64_t i = 0; i < w->row; ++i) {
    const double v =
        j->r->real(ei_load_f64(j->a, w->at[0] + i * w->step[0]), ei_load_f64(j->b, w->at[1] + i * w->step[1]));
    if (j->r->compares)
      ei_store_s64(j->y, w->out + i, v != 0.0);
    else
      ei_store_f64(j->y, w->out + i, ei_act_apply(&j->act, v));
  }
}

static bool eval_ints(const job *j, const ei_bcast *w) {
  const bool u = j->a->dtype == EDGE_DTYPE_U64;
  const bool b_float = ei_dtype_is_float(j->b->dtype);
  for (uint64_t i = 0; i < w->row; ++i) {
    const uint64_t ia = w->at[0] + i * w->step[0], ib = w->at[1] + i * w->step[1];
    int64_t v;
    if (b_float) { /* an integer raised to a float: truncated */
      ei_store_f64(j->y, w->out + i, trunc(j->r->real(ei_load_f64(j->a, ia), ei_load_f64(j->b, ib))));
      continue;
    }
    if (!j->r->whole(ei_load_s64(j->a, ia), ei_load_s64(j->b, ib), u, &v)) return false;
    if (!u && j->act.kind != EI_ACT_NONE) {
      if (!ei_act_clamps(&j->act)) {
        ei_store_f64(j->y, w->out + i, ei_act_apply(&j->act, (double)v));
        continue;
      }
      if ((double)v < j->act.lo)
        v = (int64_t)j->act.lo;
      else if ((double)v > j->act.hi)
        v = (int64_t)j->act.hi;
    }
    ei_store_s64(j->y, w->out + i, v);
  }
  return true;
}

static void eval_quantized(const job *j, const ei_bcast *w) {
  const float sa = ei_quant_scale(j->a), sb = ei_quant_scale(j->b), sy = ei_quant_scale(j->y);
  const int32_t za = ei_quant_zero(j->a), zb = ei_quant_zero(j->b), zy = ei_quant_zero(j->y);
  const bool exact = ei_act_clamps(&j->act);
  const float ra = sa / sy, rb = (j->r->fast == EI_SUB ? -sb : sb) / sy, rm = sa * sb / sy;
  int32_t lo, hi;
  ei_act_range(&j->act, j->y, &lo, &hi);
  for (uint64_t i = 0; i < w->row; ++i) {
    const int64_t qa = ei_load_s64(j->a, w->at[0] + i * w->step[0]) - za;
    const int64_t qb = ei_load_s64(j->b, w->at[1] + i * w->step[1]) - zb;
    if (exact && (j->r->fast == EI_ADD || j->r->fast == EI_SUB) && !j->r->compares) {
      ei_store_s64(j->y, w->out + i, ei_quant_add((int32_t)qa, ra, (int32_t)qb, rb, zy, lo, hi));
    } else if (exact && j->r->fast == EI_MUL) {
      ei_store_s64(j->y, w->out + i, ei_quant_mul((int32_t)qa, (int32_t)qb, rm, zy, lo, hi));
    } else {
      const double v = j->r->real((double)qa * (double)sa, (double)qb * (double)sb);
      if (j->r->compares)
        ei_store_s64(j->y, w->out + i, v != 0.0);
      else
        ei_store_s64(j->y, w->out + i, ei_quant_clamp((float)(ei_act_apply(&j->act, v) / (double)sy), zy, lo, hi));
    }
  }
}

edge_status ei_binary_eval(ei_op_ctx *c, const ei_binary *r) {
  job j = { .r = r, .a = &c->in[0], .b = &c->in[1], .y = &c->out[0] };
  const edge_tensor *const operands[2] = { j.a, j.b };
  EI_TRY(ei_act_read(c, &j.act));
  const bool f32 =
      j.a->dtype == EDGE_DTYPE_F32 && j.b->dtype == EDGE_DTYPE_F32 && r->fast != EI_PLAIN && ei_act_clamps(&j.act);
  const bool quantized =
      r->types & EI_QUANT && ei_is_quant_value(j.a) && ei_is_quant_value(j.b) && !ei_quant_equal(j.a, j.b);
  const bool through_real = quantized || (r->types & EI_QUANT && ei_is_quant_value(j.a) && !r->compares);
  ei_bcast w;
  for (ei_bcast_start(&w, j.y, operands, 2); w.more; ei_bcast_next(&w)) {
    if (f32)
      fast_f32_row(&j, &w);
    else if (ei_dtype_is_float(j.a->dtype))
      eval_floats(&j, &w);
    else if (through_real)
      eval_quantized(&j, &w);
    else if (!eval_ints(&j, &w))
      return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "integer division by zero");
  }
  return EDGE_STATUS_OK;
}

static const ei_attr_def act_attrs[] = { EI_ACT_ATTRS, { NULL, 0, 0 } };
static const ei_attr_def mod_attrs[] = { { "fmod", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

#define BINARY(Name, attributes, ...)                  \
  static const ei_binary row_##Name = { __VA_ARGS__ }; \
  static edge_status infer_##Name(ei_op_ctx *c) {      \
    return infer_row(c, &row_##Name);                  \
  }                                                    \
  static edge_status eval_##Name(ei_op_ctx *c) {       \
    return ei_binary_eval(c, &row_##Name);             \
  }                                                    \
  const ei_op_def ei_op_##Name = {                     \
    .name = #Name,                                     \
    .min_in = 2,                                       \
    .max_in = 2,                                       \
    .min_out = 1,                                      \
    .max_out = 1,                                      \
    .version = 1,                                      \
    .flags = EI_OP_ELEMENTWISE,                        \
    .attrs = attributes,                               \
    .infer = infer_##Name,                             \
    .eval = eval_##Name,                               \
  };

BINARY(Add, act_attrs, EI_FLOATS | EI_INTS | EI_QUANT, EI_ADD, false, false, f_add, i_add)
BINARY(Sub, act_attrs, EI_FLOATS | EI_INTS | EI_QUANT, EI_SUB, false, false, f_sub, i_sub)
BINARY(Mul, act_attrs, EI_FLOATS | EI_INTS | EI_QUANT, EI_MUL, false, false, f_mul, i_mul)
BINARY(Div, act_attrs, EI_FLOATS | EI_INTS | EI_QUANT, EI_DIV, false, false, f_div, i_div)
BINARY(Pow, NULL, EI_FLOATS | EI_INTS, EI_PLAIN, false, true, f_pow, i_pow)
BINARY(SquaredDifference, NULL, EI_FLOATS | EI_INTS | EI_QUANT, EI_PLAIN, false, false, f_squared_difference,
       i_squared_difference)
BINARY(FloorDiv, NULL, EI_FLOATS | EI_INTS | EI_QUANT, EI_PLAIN, false, false, f_floor_div, i_floor_div)
BINARY(FloorMod, NULL, EI_FLOATS | EI_INTS | EI_QUANT, EI_PLAIN, false, false, f_floor_mod, i_floor_mod)
BINARY(Atan2, NULL, EI_FLOATS | EI_QUANT, EI_PLAIN, false, false, f_atan2, NULL)
BINARY(PRelu, NULL, EI_FLOATS | EI_INTS | EI_QUANT, EI_PLAIN, false, false, f_prelu, i_prelu)
BINARY(BitwiseAnd, NULL, EI_INTS | EI_BOOLS, EI_PLAIN, false, false, NULL, i_and)
BINARY(BitwiseOr, NULL, EI_INTS | EI_BOOLS, EI_PLAIN, false, false, NULL, i_or)
BINARY(BitwiseXor, NULL, EI_INTS | EI_BOOLS, EI_PLAIN, false, false, NULL, i_xor)
BINARY(ShiftLeft, NULL, EI_INTS, EI_PLAIN, false, false, NULL, i_shift_left)
BINARY(ShiftRight, NULL, EI_INTS, EI_PLAIN, false, false, NULL, i_shift_right)
BINARY(And, NULL, EI_BOOLS, EI_PLAIN, false, false, NULL, i_and)
BINARY(Or, NULL, EI_BOOLS, EI_PLAIN, false, false, NULL, i_or)
BINARY(Xor, NULL, EI_BOOLS, EI_PLAIN, false, false, NULL, i_xor)
BINARY(Equal, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_equal, i_equal)
BINARY(NotEqual, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_not_equal, i_not_equal)
BINARY(Less, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_less, i_less)
BINARY(LessOrEqual, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_less_equal, i_less_equal)
BINARY(Greater, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_greater, i_greater)
BINARY(GreaterOrEqual, NULL, EI_ALL_TYPES, EI_PLAIN, true, false, f_greater_equal, i_greater_equal)

/* ---- Mod: the attribute chooses the function */
static const ei_binary row_mod_floor = { EI_FLOATS | EI_INTS, EI_PLAIN, false, false, f_floor_mod, i_floor_mod };
static const ei_binary row_mod_c = { EI_FLOATS | EI_INTS, EI_PLAIN, false, false, f_fmod, i_mod };

static edge_status infer_mod(ei_op_ctx *c) {
  return infer_row(c, &row_mod_floor);
}
static edge_status eval_mod(ei_op_ctx *c) {
  return ei_binary_eval(c, ei_op_int(c, "fmod") != 0 ? &row_mod_c : &row_mod_floor);
}
const ei_op_def ei_op_Mod = {
  .name = "Mod",
  .min_in = 2,
  .max_in = 2,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .flags = EI_OP_ELEMENTWISE,
  .attrs = mod_attrs,
  .infer = infer_mod,
  .eval = eval_mod,
};
