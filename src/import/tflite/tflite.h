/* SPDX-License-Identifier: Apache-2.0
 * Inside the TFLite importer: what its files share. Field numbers are those of the public TFLite schema, version 3. */
#ifndef EI_TFLITE_H
#define EI_TFLITE_H

#include "fb.h"
#include "../import.h"
#include "../../ops/op.h"

enum { TL_TYPE_STRING = 5, TL_TYPE_COMPLEX64 = 8, TL_TYPE_RESOURCE = 13 };

typedef struct tl_tensor {
  int32_t type;                /* TensorType of the schema */
  int32_t rank;                /* as declared, -1: not declared; the graph tensor of a result starts unknown */
  int64_t dims[EDGE_MAX_RANK]; /* -1: dynamic */
  uint32_t resource;           /* handle of resource n - 1; 0: none */
  uint32_t permuted;           /* weights in our layout, made once; EI_NONE: not yet */
  bool produced, is_input, is_variable, has_rank;
} tl_tensor;

typedef struct tl_subgraph {
  fb_table table;
  fb_vector operators, inputs, outputs;
  tl_tensor *tensors; /* index = tensor index in the file and in the graph's subgraph */
  uint32_t n_tensors;
  uint32_t graph; /* subgraph in the graph; EI_NONE: not reachable, not imported */
} tl_subgraph;

typedef struct tl_resource { /* a resource variable: becomes a state */
  fb_vector container, name;
  uint32_t state;
  int32_t dtype, rank;
  bool known, from_assign;
  int64_t dims[EDGE_MAX_RANK];
} tl_resource;

typedef struct tl_model {
  ei_import *im;
  ei_graph *g;
  edge_error *err;
  fb_buffer fb;
  const uint8_t *file; /* the whole file: external buffers may lie beyond the FlatBuffer's 2 GiB */
  uint64_t file_bytes;
  fb_table root;
  fb_vector codes, subgraphs, buffers;
  tl_subgraph *sub;
  uint32_t n_sub;
  tl_resource *resources;
  uint32_t n_resources;
  uint32_t n_problems; /* what cannot be translated, all of it, for one message */
  edge_status problem_status;
  char problems[360];
  size_t problems_length;
} tl_model;

typedef struct tl_op tl_op;
typedef edge_status (*tl_translate)(tl_op *op);

typedef struct tl_row {
  uint32_t code;
  const char *name;
  uint32_t options; /* expected BuiltinOptions type, +256 for BuiltinOptions2; 0: none */
  uint32_t min_in, min_out;
  tl_translate translate;
  const char *edge; /* our operator, or "" */
  uint32_t arg;     /* for the translator */
} tl_row;

struct tl_op { /* one operator being translated */
  tl_model *m;
  tl_subgraph *sub;
  uint32_t sg;    /* == sub->graph */
  uint32_t index; /* in the file's subgraph */
  const tl_row *row;
  fb_table opt, table;
  const char *name; /* of the node: that of its first output */
  uint32_t *in, *out;
  uint32_t n_in, n_out;
  uint32_t extra; /* nodes emitted so far, for names */
};

/* ---- tensors (tflite_tensor.c) */
int32_t tl_dtype(int32_t type); /* EDGE_DTYPE_NONE: a type we lack */
const char *tl_type_name(int32_t type);
edge_status tl_read_tensors(tl_model *m, uint32_t file_subgraph);
edge_status tl_buffer(tl_model *m, uint32_t index, const void **data, uint64_t *bytes);
/** Text of the file as a terminated, printable name. */
const char *tl_text(tl_model *m, fb_vector v);

/** Spread out a constant that is stored sparse: *data and *bytes become those of the whole tensor (tflite_sparse.c). */
edge_status tl_densify(tl_model *m, fb_table parameters, uint32_t index, const ei_tensor *like, const void **data,
                       uint64_t *bytes);

/* ---- custom operators (tflite_custom.c, flex.c) */
const tl_row *tl_custom_row(fb_vector name); /* NULL: unknown */
/** A number in a FlexBuffers map; false: absent, no number, or damaged. */
bool tl_flex_number(fb_vector options, const char *key, double *out);

/* ---- subgraphs and states (tflite_calls.c) */
/** Which subgraphs an operator calls: file indices, up to 2; returns the count. */
uint32_t tl_callees(const tl_model *m, fb_table operator_table, int32_t out[2]);
edge_status tl_order_subgraphs(tl_model *m, uint32_t *order, uint32_t *count);
edge_status tl_find_resources(tl_model *m, const uint32_t *order, uint32_t count);

/* ---- operators (tflite_node.c) */
uint32_t tl_code(const tl_model *m, fb_table operator_table);
edge_status tl_read_nodes(tl_model *m, uint32_t file_subgraph);
/** Remember that this operator cannot be translated; import goes on to find the others. */
edge_status tl_unsupported(tl_op *op, edge_status status, const char *format, ...) EI_PRINTF(3, 4);
edge_status tl_malformed(tl_op *op, const char *format, ...) EI_PRINTF(2, 3);
/** OUT_OF_MEMORY, or MALFORMED if the FlatBuffer is bad. */
edge_status tl_broken(tl_model *m);

static inline uint32_t tl_in(const tl_op *op, uint32_t i) {
  return i < op->n_in ? op->in[i] : EI_NONE;
}
static inline uint32_t tl_out(const tl_op *op, uint32_t i) {
  return i < op->n_out ? op->out[i] : EI_NONE;
}
static inline ei_tensor *tl_graph_tensor(const tl_op *op, uint32_t t) {
  return &op->m->g->subgraphs[op->sg].tensors[t];
}
/** What the file declares about a tensor, NULL for tensors that the importer made. */
static inline const tl_tensor *tl_declared(const tl_op *op, uint32_t t) {
  return t < op->sub->n_tensors ? &op->sub->tensors[t] : NULL;
}
int32_t tl_out_dtype(const tl_op *op, uint32_t i);
/** Declared size of a dimension (negative axes count from the end); -1: unknown. */
int64_t tl_dim(const tl_op *op, uint32_t t, int32_t axis);
int32_t tl_rank(const tl_op *op, uint32_t t);

/** Append a node; NULL when out of memory or when this build lacks the operator (then tl_emit_failed() says so). */
ei_node *tl_emit(tl_op *op, const char *edge, const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out);
edge_status tl_emit_failed(tl_op *op, const char *edge);
/** A tensor between two nodes of one operator. */
uint32_t tl_temp(tl_op *op, int32_t dtype);
uint32_t tl_const(tl_op *op, int32_t dtype, const int64_t *dims, int32_t rank, const void *data);
uint32_t tl_const_s64(tl_op *op, const int64_t *values, uint32_t n);
/** Scalar constant of a type (integers and floats) with the given value. */
uint32_t tl_scalar(tl_op *op, int32_t dtype, double value);
/** Values of a constant integer tensor; false when it is no such constant. */
bool tl_ints(const tl_op *op, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n);
/** Operand i is a state from now on (tflite_nn.c). */
edge_status tl_need_state(tl_op *op, uint32_t i);
/** Set ACT from a fused activation code. */
edge_status tl_set_act(tl_op *op, ei_node *n, int32_t code);

#define TL_EMIT(node, op, edge, in, n_in, out, n_out)                        \
  ei_node *const node = tl_emit((op), (edge), (in), (n_in), (out), (n_out)); \
  if (!(node)) return tl_emit_failed((op), (edge))
#define TL_NEW(t, call)      \
  const uint32_t t = (call); \
  if ((t) == EI_NONE) return tl_broken(op->m)

/* translators, named in tflite_ops.def */
edge_status tl_act(tl_op *op);
edge_status tl_arg(tl_op *op);
edge_status tl_assign_variable(tl_op *op);
edge_status tl_batch_matmul(tl_op *op);
edge_status tl_bidirectional_lstm(tl_op *op);
edge_status tl_bidirectional_rnn(tl_op *op);
edge_status tl_block(tl_op *op);
edge_status tl_bucketize(tl_op *op);
edge_status tl_call(tl_op *op);
edge_status tl_clip(tl_op *op);
edge_status tl_concat(tl_op *op);
edge_status tl_conv(tl_op *op);
edge_status tl_conv_3d(tl_op *op);
edge_status tl_cumsum(tl_op *op);
edge_status tl_depthwise(tl_op *op);
edge_status tl_dilate(tl_op *op);
edge_status tl_expand_dims(tl_op *op);
edge_status tl_fake_quant(tl_op *op);
edge_status tl_fully_connected(tl_op *op);
edge_status tl_gather(tl_op *op);
edge_status tl_gelu(tl_op *op);
edge_status tl_l2_norm(tl_op *op);
edge_status tl_leaky_relu(tl_op *op);
edge_status tl_lrn(tl_op *op);
edge_status tl_lstm(tl_op *op);
edge_status tl_neg(tl_op *op);
edge_status tl_rfft2d(tl_op *op);
edge_status tl_complex_part(tl_op *op);
edge_status tl_complex_abs(tl_op *op);
edge_status tl_never(tl_op *op);
edge_status tl_nms(tl_op *op);
edge_status tl_one_hot(tl_op *op);
edge_status tl_pack(tl_op *op);
edge_status tl_pad(tl_op *op);
edge_status tl_pool(tl_op *op);
edge_status tl_read_variable(tl_op *op);
edge_status tl_reduce(tl_op *op);
edge_status tl_reshape(tl_op *op);
edge_status tl_resize(tl_op *op);
edge_status tl_reverse_sequence(tl_op *op);
edge_status tl_rnn(tl_op *op);
edge_status tl_same(tl_op *op);
edge_status tl_segment(tl_op *op);
edge_status tl_select(tl_op *op);
edge_status tl_select_v2(tl_op *op);
edge_status tl_slice(tl_op *op);
edge_status tl_softmax(tl_op *op);
edge_status tl_split(tl_op *op);
edge_status tl_split_v(tl_op *op);
edge_status tl_squeeze(tl_op *op);
edge_status tl_strided_slice(tl_op *op);
edge_status tl_svdf(tl_op *op);
edge_status tl_topk(tl_op *op);
edge_status tl_transpose(tl_op *op);
edge_status tl_transpose_conv(tl_op *op);
edge_status tl_typed(tl_op *op);
edge_status tl_unique(tl_op *op);
edge_status tl_unpack(tl_op *op);
edge_status tl_var_handle(tl_op *op);
edge_status tl_where(tl_op *op);
edge_status tl_zeros_like(tl_op *op);

#endif
