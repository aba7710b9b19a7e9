/* SPDX-License-Identifier: Apache-2.0
 * What the binary elementwise operators share with the variadic ones. */
#ifndef EI_OPS_BINARY_H
#define EI_OPS_BINARY_H

#include "activation.h"

enum { EI_FLOATS = 1, EI_INTS = 2, EI_BOOLS = 4, EI_QUANT = 8, EI_ALL_TYPES = 15 };
enum { EI_PLAIN, EI_ADD, EI_SUB, EI_MUL, EI_DIV, EI_MIN, EI_MAX }; /* which have a direct f32 loop */

/** false: the operation is not defined for these integers (division by zero). is_unsigned: the bits are a u64. */
typedef bool (*ei_int_fn)(int64_t a, int64_t b, bool is_unsigned, int64_t *out);

typedef struct ei_binary {
  uint32_t types;
  int fast;
  bool compares; /* result is bool */
  bool b_any;    /* b may have another numeric type */
  double (*real)(double a, double b);
  ei_int_fn whole;
} ei_binary;

/** All inputs have allowed types, one type unless b_any. */
edge_status ei_binary_types(ei_op_ctx *c, uint32_t types, bool b_any);
/** The output broadcasts all inputs. */
edge_status ei_binary_shape(ei_op_ctx *c, int32_t dtype);
edge_status ei_binary_eval(ei_op_ctx *c, const ei_binary *r);

#endif
