/* SPDX-License-Identifier: Apache-2.0
 * The ONNX importer's workbench: scopes of names, graphs under construction, and what operator handlers call.
 *
 * Errors are sticky: the first one stays in ei_ox.status and everything after it is harmless, so that handlers
 * read as plain recipes. Shapes are inferred while the graph grows, because many recipes need a rank or a value. */
#ifndef EI_ONNX_H
#define EI_ONNX_H

#include "../import.h"
#include "../../ops/op.h"
#include "proto.h"

typedef struct ei_ox_missing { /* an operator that cannot be translated */
  const char *op, *domain, *node, *why;
  int64_t opset;
  uint32_t count;
  struct ei_ox_missing *next;
} ei_ox_missing;

typedef struct ei_ox_names { /* open addressing; capacity a power of two */
  const char **keys;
  uint32_t *values;
  uint32_t count, cap;
} ei_ox_names;

typedef struct ei_ox { /* one import */
  ei_import *im;
  ei_arena *arena;
  ei_graph *g;
  const ei_ox_model *model;
  edge_error *err;
  edge_status status; /* sticky */
  ei_ox_missing *missing, *last_missing;
  uint32_t depth;   /* of functions and subgraphs being built */
  uint64_t inlined; /* nodes that came out of functions */
  uint32_t n_missing, n_told, n_foreign;
  edge_status missing_status; /* UNSUPPORTED_OP, or what the first one failed with */
  ei_ox_names foreign;        /* inputs and constants of types that we lack: ONNX type by name */
  const char *first_foreign;
} ei_ox;

typedef struct ei_ox_capture {
  uint32_t inner, outer; /* tensors here and in the enclosing body */
} ei_ox_capture;

/** A sequence or an optional without a value. They exist during the import only, as a list of tensors behind a
 *  placeholder that no node produces. */
typedef struct ei_ox_list {
  const uint32_t *items;
  uint32_t n;
  uint32_t stacked; /* the tensors as one, [count, ...], when only the run knows the count; else EI_NONE */
  bool nothing;     /* an optional without a value */
  bool grows;       /* in the body of a loop: what earlier rounds appended comes before the items */
} ei_ox_list;

typedef struct ei_ox_body { /* a subgraph under construction */
  ei_ox *x;
  uint32_t sg;
  uint32_t settled; /* nodes whose outputs are inferred */
  uint32_t cap;
  edge_tensor *views;       /* one per tensor */
  uint32_t *producer;       /* node per tensor */
  const ei_ox_list **lists; /* per tensor; NULL: it is a tensor */
  ei_ox_capture *captures;
  uint32_t n_captures, cap_captures;
  const ei_ox_list **out_lists; /* per output; NULL: a tensor */
} ei_ox_body;

typedef struct ei_ox_scope { /* where names mean something: a graph or a function call */
  ei_ox_body *body;
  struct ei_ox_scope *outer; /* enclosing graph; NULL for the main graph and functions */
  ei_ox_names names, infos;
  const ei_ox_graph *graph; /* NULL in functions */
  const ei_ox_opset *opsets;
  uint32_t n_opsets;
  const ei_ox_function *fn; /* of the function around, with its call and where that stands */
  const ei_ox_node *call;
  const struct ei_ox_scope *caller;
} ei_ox_scope;

struct ei_ox_call;
typedef void (*ei_ox_handler)(struct ei_ox_call *c);

typedef struct ei_ox_attr_map { /* table ends with from NULL */
  const char *from, *to;
  uint8_t kind;      /* EI_ATTR_*: INT, FLOAT, INTS, FLOATS; STRING becomes the index in `words` */
  double def;        /* set even where the file says nothing */
  const char *words; /* "A|B|C" */
} ei_ox_attr_map;

typedef struct ei_ox_row {
  const char *op, *domain;
  int16_t since, until; /* opset versions; until 0: still */
  ei_ox_handler handler;
  const char *target; /* operator, for the generic handlers */
  const ei_ox_attr_map *attrs;
  bool lists; /* takes sequences and optionals */
} ei_ox_row;

typedef struct ei_ox_call { /* one node being translated */
  ei_ox *x;
  ei_ox_scope *s;
  ei_ox_body *b;
  const ei_ox_node *n;
  const ei_ox_row *row;
  int64_t opset;
  uint32_t *in, *out;
  uint32_t n_in, n_out;
  uint32_t last; /* node emitted last */
  uint32_t temps;
} ei_ox_call;

/* ---- table.c, table_domains.c */
/** Rows of all domains but ONNX's own. */
const ei_ox_row *ei_ox_domain_rows(size_t *count);
const ei_ox_row *ei_ox_find_row(const char *op, const char *domain, int64_t opset);
const ei_ox_row *ei_ox_row_at(uint32_t index); /* NULL past the last */

/* ---- tensor.c, external.c */
int32_t ei_ox_dtype(int32_t onnx_type); /* EDGE_DTYPE_NONE: not supported */
const char *ei_ox_type_name(int32_t onnx_type);
/** Type, shape and contents of an initializer. */
edge_status ei_ox_load_tensor(ei_ox *x, const ei_ox_tensor *t, ei_tensor *out);
/** Large constants may be unaligned until the graph is complete; their values are not looked at. */
enum { EI_OX_SMALL = 65536 };
bool ei_ox_aligned(const ei_tensor *t);
/** Copy a constant into the arena. */
edge_status ei_ox_own(ei_ox *x, ei_tensor *t);
edge_status ei_ox_load_sparse(ei_ox *x, const ei_ox_sparse *t, ei_tensor *out);
/** Bytes of a tensor in a file beside the model. */
edge_status ei_ox_load_external(ei_ox *x, const ei_ox_tensor *t, uint64_t bytes, const uint8_t **data);

/* ---- names.c */
bool ei_ox_names_put(ei_arena *arena, ei_ox_names *m, const char *key, uint32_t value); /* false: no memory */
uint32_t ei_ox_names_get(const ei_ox_names *m, const char *key);                        /* EI_NONE: absent */

/* ---- order.c */
/** Indices of nodes so that each comes after what it reads; NULL: failed. */
const uint32_t *ei_ox_order(ei_ox *x, const ei_ox_node *nodes, uint32_t n);

/* ---- graph.c */
/** Build a subgraph (its own body) for `graph`; `like` gives types of formal inputs that declare none (tensors
 *  of outer's body, EI_NONE: unknown). Captured values are inputs after the formal ones. */
edge_status ei_ox_build_subgraph(ei_ox *x, ei_ox_scope *outer, const ei_ox_graph *graph, const uint32_t *like,
                                 uint32_t n_like, ei_ox_body *body);
edge_status ei_ox_build_main(ei_ox *x);
void ei_ox_translate(ei_ox_scope *s, const ei_ox_node *n);
void ei_ox_add_initializers(ei_ox_scope *s, const ei_ox_graph *g);
/** Fail the call's node: INVALID_VALUE and so on, with its name in front. */
void ei_ox_fail(ei_ox_call *c, edge_status status, const char *format, ...) EI_PRINTF(3, 4);
/** A tensor of this name has a type that we lack: importing goes on to find what reads it, then fails. */
edge_status ei_ox_foreign_type(ei_ox *x, const char *name, int32_t onnx_type);
/** The node cannot be translated; collected, all are reported together. */
void ei_ox_unsupported(ei_ox_call *c, const char *why);

/* ---- inline.c */
enum { EI_OX_MAX_NESTING = 48 };
const ei_ox_function *ei_ox_find_function(const ei_ox_model *m, const ei_ox_node *n); /* NULL: none */
void ei_ox_inline_function(ei_ox_scope *s, const ei_ox_node *n, const ei_ox_function *f);
/** The nodes of a graph with one output, in the graph of the call; returns that output. */
uint32_t ei_ox_inline_graph(ei_ox_call *c, const ei_ox_graph *g, const uint32_t *in, uint32_t n_in);

/* ---- scope.c */
/** An optional argument of a function that its call leaves out. */
#define EI_OX_ABSENT (EI_NONE - 1)
/** Tensor behind a name, capturing it from an enclosing graph when needed; EI_NONE and MALFORMED when unknown. */
uint32_t ei_ox_lookup(ei_ox_scope *s, const char *name);
uint32_t ei_ox_add_tensor(ei_ox_body *b, const ei_tensor *t);
/** The list behind a placeholder, or NULL. */
static inline const ei_ox_list *ei_ox_list_of(const ei_ox_body *b, uint32_t t) {
  return t < b->cap ? b->lists[t] : NULL;
}
/** Make tensor t a placeholder; the items are copied. */
void ei_ox_bind_list(ei_ox_body *b, uint32_t t, const ei_ox_list *list);
void ei_ox_settle(ei_ox_body *b);
static inline bool ei_ox_ok(const ei_ox *x) {
  return x->status == EDGE_STATUS_OK;
}
edge_status ei_ox_out_of_memory(ei_ox *x);

/* ---- attr.c: attributes of the call's node, through the calls of functions around it */
const ei_ox_attr *ei_ox_attr_find(const ei_ox_call *c, const char *name);
int64_t ei_ox_int(const ei_ox_call *c, const char *name, int64_t def);
double ei_ox_float(const ei_ox_call *c, const char *name, double def);
const char *ei_ox_text_attr(const ei_ox_call *c, const char *name, const char *def);
/** NULL: absent. */
const int64_t *ei_ox_ints(const ei_ox_call *c, const char *name, uint32_t *count);
/** Position of text in "A|B|C", or -1. */
int32_t ei_ox_word(const char *words, const char *text);
/** Set what the row's table says on the node emitted last. */
void ei_ox_map_attrs(ei_ox_call *c, const ei_ox_attr_map *map);

/* ---- custom.c */
/** An operator that the application registered, or that is to be kept: emitted. */
bool ei_ox_custom(ei_ox_call *c);

/* ---- emit.c: building blocks of recipes; tensor arguments may be EI_NONE where an input is optional */
uint32_t ei_ox_in(const ei_ox_call *c, uint32_t i); /* EI_NONE: absent */
uint32_t ei_ox_out(const ei_ox_call *c, uint32_t i);
/** What is known about a tensor now; never NULL. data is set for known values. */
const edge_tensor *ei_ox_view(ei_ox_call *c, uint32_t t);
/** Rank, or a failure that says what to do when it is unknown (then -1). */
int32_t ei_ox_rank(ei_ox_call *c, uint32_t t);
bool ei_ox_is_const(const ei_ox_call *c, uint32_t t);
/** Integers of a tensor with a known value; false when it has none. */
bool ei_ox_values(ei_ox_call *c, uint32_t t, int64_t *out, uint32_t cap, uint32_t *n);
bool ei_ox_scalar_value(ei_ox_call *c, uint32_t t, double *out);
uint32_t ei_ox_temp(ei_ox_call *c);
void ei_ox_emit(ei_ox_call *c, const char *op, const uint32_t *in, uint32_t n_in, const uint32_t *out, uint32_t n_out);
/** One output: `out`, or a new tensor when it is EI_NONE; returns it. */
uint32_t ei_ox_emit1(ei_ox_call *c, const char *op, uint32_t out, const uint32_t *in, uint32_t n_in);
#define EI_OX(c, op, out, ...)                                      \
  ei_ox_emit1((c), (op), (out), (const uint32_t[]) { __VA_ARGS__ }, \
              (uint32_t)(sizeof((const uint32_t[]) { __VA_ARGS__ }) / sizeof(uint32_t)))
void ei_ox_set_int(ei_ox_call *c, const char *key, int64_t v);
void ei_ox_set_float(ei_ox_call *c, const char *key, double v);
void ei_ox_set_ints(ei_ox_call *c, const char *key, const int64_t *v, uint32_t n);
void ei_ox_set_floats(ei_ox_call *c, const char *key, const double *v, uint32_t n);
uint32_t ei_ox_const(ei_ox_call *c, int32_t dtype, const int64_t *dims, int32_t rank, const void *data);
uint32_t ei_ox_const_ints(ei_ox_call *c, const int64_t *v, uint32_t n); /* s64 [n] */
uint32_t ei_ox_const_int(ei_ox_call *c, int64_t v);                     /* s64 scalar */
/** Scalar of a type. */
uint32_t ei_ox_const_of(ei_ox_call *c, int32_t dtype, double v);
/** Scalar of the type of tensor t, which must be known. */
uint32_t ei_ox_const_like(ei_ox_call *c, uint32_t t, double v);
uint32_t ei_ox_cast(ei_ox_call *c, uint32_t t, int32_t dtype, uint32_t out); /* t itself when it has the type */
uint32_t ei_ox_reshape(ei_ox_call *c, uint32_t t, const int64_t *dims, uint32_t n, uint32_t out);
uint32_t ei_ox_unsqueeze(ei_ox_call *c, uint32_t t, const int64_t *axes, uint32_t n);

/* ---- layout.c */
/** Transposed tensor: a constant (also behind a constant Dequantize) is rearranged at once. */
uint32_t ei_ox_transpose(ei_ox_call *c, uint32_t t, const int64_t *perm, uint32_t n, uint32_t out);
uint32_t ei_ox_channels_last(ei_ox_call *c, uint32_t t, int32_t rank); /* N C sp -> N sp C */
uint32_t ei_ox_channels_first(ei_ox_call *c, uint32_t t, int32_t rank, uint32_t out);
/** Run-time or constant ConvTranspose weights [I, O/g, k...] -> [O, k..., I/g]. */
uint32_t ei_ox_deconv_weights(ei_ox_call *c, uint32_t w, int32_t rank, int64_t group);

#endif
