/* SPDX-License-Identifier: Apache-2.0
 * What the core knows about an operator: attributes, shape and type rules, reference evaluation.
 *
 * An operator is src/ops/op_<name>.c + a row in ops.def + tests/ops/cases_<name>.c. */
#ifndef EI_OP_H
#define EI_OP_H

#include "../base/base.h"
#include "../graph/graph.h"

/** One call of an operator. The same context serves inference and evaluation.
 *  Absent optional inputs have dtype EDGE_DTYPE_NONE. */
typedef struct ei_op_ctx {
  const ei_node *node;
  const edge_tensor *in;
  edge_tensor *out;
  uint32_t n_in, n_out;
  void *scratch; /* eval only: at least scratch_bytes(c), 64-byte aligned */
  uint64_t scratch_bytes;
  uint32_t needs_value; /* infer sets it: output shape depends on an input value not known yet */
  edge_error *err;
} ei_op_ctx;

typedef struct ei_attr_def { /* table ends with key NULL */
  const char *key;
  uint32_t kind; /* EI_ATTR_* */
  double def;    /* default of INT and FLOAT */
} ei_attr_def;

enum {
  EI_OP_VIEW = 1u << 0,        /* output 0 is input 0's bytes with another shape */
  EI_OP_ELEMENTWISE = 1u << 1, /* output element i depends on element i of the (broadcast) inputs */
  EI_OP_STATEFUL = 1u << 2,    /* reads or writes state tensors (never folded, merged or reordered) */
  EI_OP_CONTROL = 1u << 3,     /* runs subgraphs; executed by src/exec */
  EI_OP_NO_FOLD = 1u << 4,     /* never constant-folded (large results, randomness) */
  EI_OP_REGISTERED = 1u << 6,  /* of the application; a Custom in files */
  EI_OP_SHAPE_ONLY = 1u << 5   /* eval reads only the shape of its inputs (Shape, Size, Rank), data may be NULL */
};

#define EI_ANY 255u

struct ei_op_def {
  const char *name;                         /* as in ops.def, CamelCase */
  uint8_t min_in, max_in, min_out, max_out; /* EI_ANY: no upper bound */
  uint32_t flags;
  uint32_t version;         /* highest version this build understands, from 1 */
  uint64_t optional_in;     /* bit i: input i may be absent although i < min_in or later ones are given */
  uint64_t mutates_in;      /* bit i: input i is a state tensor that the operator writes */
  const ei_attr_def *attrs; /* may be NULL */
  /** Check every rule that the known parts allow; fill dtype, rank, dims of all outputs. Unknown input
   *  rank or dims give unknown output dims. Output quantization is left alone. When a rule needs the
   *  value of an input (in[i].data == NULL), set needs_value and leave what depends on it unknown. */
  edge_status (*infer)(ei_op_ctx *c);
  /** Compute outputs; shapes, types and buffers are final. Checks values born at run time. */
  edge_status (*eval)(ei_op_ctx *c);
  /** NULL: none. */
  uint64_t (*scratch_bytes)(const ei_op_ctx *c);
};

#define EI_OP(id, name) extern const ei_op_def ei_op_##name;
#include "ops.def"
#undef EI_OP

const ei_op_def *ei_op_find(const char *name); /* NULL: unknown */
const ei_op_def *ei_op_by_id(uint32_t id);
uint32_t ei_op_id(const ei_op_def *op);
uint32_t ei_op_count(void);
const ei_op_def *ei_op_at(uint32_t index); /* rows in order of ops.def */

/* ---- helpers for operators (op_util.c) */

/** Fail with the node's name and operator in front of the text; INVALID_VALUE unless said otherwise. */
edge_status ei_op_fail(ei_op_ctx *c, edge_status status, const char *format, ...) EI_PRINTF(3, 4);
static inline bool ei_op_has(const ei_op_ctx *c, uint32_t i) {
  return i < c->n_in && c->in[i].dtype != EDGE_DTYPE_NONE;
}
int64_t ei_op_int(const ei_op_ctx *c, const char *key);
double ei_op_float(const ei_op_ctx *c, const char *key);
/** axis in [-rank, rank) to [0, rank); INVALID_VALUE otherwise (checked without overflow). */
edge_status ei_op_axis(ei_op_ctx *c, int64_t axis, int32_t rank, int32_t *out);
/** Integers of input i (s32, s64, and other integer types) as s64; needs data. count via *n. */
edge_status ei_op_ints(ei_op_ctx *c, uint32_t i, int64_t *out, uint32_t cap, uint32_t *n);
/** NumPy broadcasting of two shapes with unknowns; INVALID_VALUE when they do not fit. */
edge_status ei_op_broadcast(ei_op_ctx *c, const edge_tensor *a, const edge_tensor *b, edge_tensor *out);
void ei_op_set_shape(edge_tensor *t, int32_t dtype, int32_t rank, const int64_t *dims);
void ei_op_set_unknown(edge_tensor *t, int32_t dtype);
uint64_t ei_op_elements(const edge_tensor *t); /* all dims known */
bool ei_op_shape_known(const edge_tensor *t);
bool ei_op_same_shape(const edge_tensor *a,
                      const edge_tensor *b); /* known ranks, equal dims (unknown equals unknown) */

/* ---- rules that many operators share; unknown ranks and dims pass */
edge_status ei_op_need_float(ei_op_ctx *c, uint32_t i); /* a float type or quantized */
edge_status ei_op_need_same_dtype(ei_op_ctx *c, uint32_t i, uint32_t j);
edge_status ei_op_need_rank(ei_op_ctx *c, uint32_t i, int32_t lo, int32_t hi);
/** Input i, when present, has this rank and these dims (-1: any). */
edge_status ei_op_need_dims(ei_op_ctx *c, uint32_t i, int32_t rank, const int64_t *dims);
/** Optional input i, when present, is a vector of n values (n < 0: any count). */
edge_status ei_op_need_vector(ei_op_ctx *c, uint32_t i, int64_t n);

static inline bool ei_dtype_is_float(int32_t t) {
  return t >= EDGE_DTYPE_F32 && t <= EDGE_DTYPE_F64;
}
static inline bool ei_dtype_is_int(int32_t t) {
  return t >= EDGE_DTYPE_S8 && t < EDGE_DTYPE_COUNT && t != EDGE_DTYPE_BOOL;
}
/** Affine-quantized integers, see ops.def. */
static inline bool ei_is_quantized(const edge_tensor *t) {
  return t->quant.count > 0 && t->quant.scales != NULL && ei_dtype_is_int(t->dtype);
}
/** Quantized activations: the integer types that operators compute on through their real values. Wider integers
 *  keep integer arithmetic even when a file gives them parameters. */
static inline bool ei_is_quant_value(const edge_tensor *t) {
  return ei_is_quantized(t) && (t->dtype <= EDGE_DTYPE_U16 || t->dtype >= EDGE_DTYPE_S4);
}
/** Per-tensor parameters (those of index 0); 1 and 0 when there are none. */
static inline float ei_quant_scale(const edge_tensor *t) {
  return ei_is_quantized(t) ? t->quant.scales[0] : 1.0f;
}
static inline int32_t ei_quant_zero(const edge_tensor *t) {
  return ei_is_quantized(t) && t->quant.zero_points != NULL ? t->quant.zero_points[0] : 0;
}
/** Same type and per-tensor parameters: stored values can be compared and copied. */
bool ei_quant_equal(const edge_tensor *a, const edge_tensor *b);
/** Quantized inputs 0..n-1 have one scale for the tensor. */
edge_status ei_op_need_per_tensor(ei_op_ctx *c, uint32_t n);
/** Output i has a buffer: somebody wants it. */
static inline bool ei_op_wants(const ei_op_ctx *c, uint32_t i) {
  return i < c->n_out && c->out[i].data != NULL;
}
/** Which scale belongs to an element: 0 per tensor, else by axis or block. */
uint32_t ei_quant_index(const edge_tensor *t, uint64_t index);
/** Least and greatest value of an integer type (BOOL: 0, 1); the 64-bit maxima are rounded up. */
bool ei_dtype_range(int32_t dtype, double *lo, double *hi);

/** Element access by type, any numeric dtype, native encodings (sub-byte included). */
double ei_load_f64(const edge_tensor *t, uint64_t index);          /* no dequantization */
void ei_store_f64(const edge_tensor *t, uint64_t index, double v); /* rounds to even and saturates for integers */
int64_t ei_load_s64(const edge_tensor *t, uint64_t index);
void ei_store_s64(const edge_tensor *t, uint64_t index, int64_t v); /* wraps like C */
/** Real value through quantization parameters when the tensor has them. */
float ei_load_real(const edge_tensor *t, uint64_t index);
void ei_store_real(const edge_tensor *t, uint64_t index, float v);

/** Requantization, the same on every CPU: zero_point + rint(acc * multiplier), f32, ties to even, then clamped.
 *  Kernels implement exactly this arithmetic (no FMA contraction). */
static inline int32_t ei_requantize(int32_t acc, float multiplier, int32_t zero_point, int32_t lo, int32_t hi);
#include "requantize.inl"

#endif
