/* SPDX-License-Identifier: Apache-2.0
 * Einsum: products of operands summed over the labels that the output does not have. Floats sum in f64, integers
 * wrap. */
#include "rows.h"

enum { MAX_OPERANDS = 8, LETTERS = 52, MAX_LABELS = LETTERS + EDGE_MAX_RANK };

static const ei_attr_def attrs[] = { { "equation", EI_ATTR_STRING, 0 }, { NULL, 0, 0 } };

/* Dimensions under an ellipsis have the labels LETTERS, LETTERS + 1, ... counted from the last one. */
typedef struct term {
  uint8_t label[EDGE_MAX_RANK];
  int32_t rank; /* letters and ellipsis dimensions; -1: the operand's rank is not known */
} term;

typedef struct plan {
  term in[MAX_OPERANDS], out;
  int64_t size[MAX_LABELS]; /* -1 unknown */
  bool used[MAX_LABELS];
  uint32_t n;
  int32_t ellipsis; /* widest ellipsis */
  bool open;        /* the output's rank depends on an unknown rank */
} plan;

static int letter(char c) {
  return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

static edge_status bad(ei_op_ctx *c, const char *why) {
  return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "equation '%s': %s", ei_node_string(c->node, "equation"), why);
}

/* Read letters and an ellipsis up to ',', '-' or the end. dots: letters before the ellipsis, -1 without one. */
static edge_status read_letters(ei_op_ctx *c, const char **p, term *t, int32_t *dots) {
  t->rank = 0;
  *dots = -1;
  for (;; ++*p) {
    if (**p == ' ') continue;
    if (**p == '.') {
      if ((*p)[1] != '.' || (*p)[2] != '.' || *dots >= 0) return bad(c, "an ellipsis is three dots, once a term");
      *dots = t->rank;
      *p += 2;
      continue;
    }
    const int l = letter(**p);
    if (l < 0) return EDGE_STATUS_OK;
    if (t->rank == EDGE_MAX_RANK) return bad(c, "a term has more than 8 letters");
    t->label[t->rank++] = (uint8_t)l;
  }
}

/* Put the labels of n ellipsis dimensions in their place. */
static edge_status expand(ei_op_ctx *c, term *t, int32_t dots, int32_t n) {
  if (t->rank + n > EDGE_MAX_RANK) return bad(c, "a term has more than 8 dimensions");
  memmove(&t->label[dots + n], &t->label[dots], (size_t)(t->rank - dots));
  for (int32_t i = 0; i < n; ++i) t->label[dots + i] = (uint8_t)(LETTERS + n - 1 - i);
  t->rank += n;
  return EDGE_STATUS_OK;
}

static edge_status merge(ei_op_ctx *c, plan *p, uint8_t label, int64_t size) {
  int64_t *const have = &p->size[label];
  if (!p->used[label] || *have == 1)
    *have = size;
  else if (*have == EI_DIM_UNKNOWN && size != 1)
    *have = size;
  else if (*have != size && size != 1 && size != EI_DIM_UNKNOWN)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "one label has the sizes %lld and %lld", (long long)*have,
                      (long long)size);
  p->used[label] = true;
  return EDGE_STATUS_OK;
}

static edge_status read_operand(ei_op_ctx *c, plan *p, const char **at) {
  const edge_tensor *const x = &c->in[p->n];
  term *const t = &p->in[p->n++];
  int32_t dots;
  EI_TRY(read_letters(c, at, t, &dots));
  if (x->rank < 0) {
    for (int32_t i = 0; i < t->rank; ++i) EI_TRY(merge(c, p, t->label[i], EI_DIM_UNKNOWN));
    p->open = p->open || dots >= 0;
    t->rank = -1;
    return EDGE_STATUS_OK;
  }
  if (dots < 0 ? x->rank != t->rank : x->rank < t->rank)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u has rank %d, its term %d letters", p->n - 1, x->rank,
                      t->rank);
  if (dots >= 0) {
    const int32_t n = x->rank - t->rank;
    if (n > p->ellipsis) p->ellipsis = n;
    EI_TRY(expand(c, t, dots, n));
  }
  for (int32_t i = 0; i < t->rank; ++i) EI_TRY(merge(c, p, t->label[i], x->dims[i]));
  return EDGE_STATUS_OK;
}

/* Without an arrow: the ellipsis, then the letters that occur once, in order. */
static edge_status implicit_output(ei_op_ctx *c, plan *p) {
  int count[LETTERS] = { 0 };
  bool dots = false;
  for (const char *s = ei_node_string(c->node, "equation"); *s != 0; ++s) {
    if (letter(*s) >= 0) ++count[letter(*s)];
    dots = dots || *s == '.';
  }
  p->out.rank = 0;
  for (int l = 0; l < LETTERS; ++l) {
    if (count[l] != 1) continue;
    if (p->out.rank == EDGE_MAX_RANK) return bad(c, "the output has more than 8 dimensions");
    p->out.label[p->out.rank++] = (uint8_t)l;
  }
  return dots ? expand(c, &p->out, 0, p->ellipsis) : EDGE_STATUS_OK;
}

static edge_status read_plan(ei_op_ctx *c, plan *p) {
  const char *at = ei_node_string(c->node, "equation");
  memset(p, 0, sizeof *p);
  if (c->n_in > MAX_OPERANDS) return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "more than 8 operands");
  for (;;) {
    if (p->n == c->n_in) return bad(c, "there are fewer inputs than terms");
    EI_TRY(read_operand(c, p, &at));
    if (*at != ',') break;
    ++at;
  }
  if (p->n != c->n_in) return bad(c, "there are more inputs than terms");
  if (*at == 0) return implicit_output(c, p);
  int32_t dots;
  if (at[0] != '-' || at[1] != '>') return bad(c, "a character is not understood");
  at += 2;
  EI_TRY(read_letters(c, &at, &p->out, &dots));
  if (*at != 0) return bad(c, "a character is not understood");
  if (dots >= 0) EI_TRY(expand(c, &p->out, dots, p->ellipsis));
  for (int32_t i = 0; i < p->out.rank; ++i) {
    if (!p->used[p->out.label[i]]) return bad(c, "an output label is in no input");
    for (int32_t k = 0; k < i; ++k)
      if (p->out.label[k] == p->out.label[i]) return bad(c, "an output label occurs twice");
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  plan p;
  int64_t dims[EDGE_MAX_RANK];
  for (uint32_t i = 0; i < c->n_in; ++i) {
    const int32_t t = c->in[i].dtype;
    if (!ei_dtype_is_float(t) && !ei_dtype_is_int(t))
      return ei_op_fail(c, EDGE_STATUS_UNSUPPORTED_TYPE, "input %u cannot be %s", i, edge_dtype_name(t));
    if (i > 0) EI_TRY(ei_op_need_same_dtype(c, 0, i));
  }
  EI_TRY(read_plan(c, &p));
  if (p.open) {
    ei_op_set_unknown(&c->out[0], c->in[0].dtype);
    return EDGE_STATUS_OK;
  }
  for (int32_t i = 0; i < p.out.rank; ++i) dims[i] = p.size[p.out.label[i]];
  ei_op_set_shape(&c->out[0], c->in[0].dtype, p.out.rank, dims);
  return EDGE_STATUS_OK;
}

/* Loops over labels: the output's first, then the summed ones. */
typedef struct loops {
  int32_t n_out, n;
  uint64_t size[MAX_LABELS], index[MAX_LABELS];
  int64_t stride[MAX_OPERANDS][MAX_LABELS];
} loops;

static void add_loop(ei_op_ctx *c, const plan *p, loops *l, uint8_t label) {
  l->size[l->n] = (uint64_t)p->size[label];
  for (uint32_t k = 0; k < p->n; ++k) {
    int64_t stride = 1, sum = 0; /* a label that an operand has twice walks its diagonal */
    for (int32_t d = p->in[k].rank - 1; d >= 0; --d) {
      if (p->in[k].label[d] == label && c->in[k].dims[d] != 1) sum += stride;
      stride *= c->in[k].dims[d];
    }
    l->stride[k][l->n] = sum;
  }
  ++l->n;
}

/* Step the loops first..last-1 and the operands' positions; false after the last combination. */
static bool next(loops *l, uint32_t operands, int32_t first, int32_t last, int64_t *at) {
  for (int32_t d = last - 1; d >= first; --d) {
    for (uint32_t k = 0; k < operands; ++k) at[k] += l->stride[k][d];
    if (++l->index[d] < l->size[d]) return true;
    for (uint32_t k = 0; k < operands; ++k) at[k] -= l->stride[k][d] * (int64_t)l->size[d];
    l->index[d] = 0;
  }
  return false;
}

static edge_status eval(ei_op_ctx *c) {
  plan p;
  loops l;
  int64_t at[MAX_OPERANDS] = { 0 };
  EI_TRY(read_plan(c, &p));
  if (ei_op_elements(&c->out[0]) == 0) return EDGE_STATUS_OK;
  memset(&l, 0, sizeof l);
  for (int32_t i = 0; i < p.out.rank; ++i) add_loop(c, &p, &l, p.out.label[i]);
  l.n_out = l.n;
  bool empty = false;
  for (int label = 0; label < MAX_LABELS; ++label) {
    bool summed = p.used[label];
    for (int32_t i = 0; i < p.out.rank; ++i) summed = summed && p.out.label[i] != label;
    if (!summed) continue;
    add_loop(c, &p, &l, (uint8_t)label);
    empty = empty || p.size[label] == 0;
  }
  const bool real = ei_dtype_is_float(c->in[0].dtype);
  uint64_t index = 0;
  do {
    double sum = 0.0;
    uint64_t whole = 0;
    do {
      double v = 1.0;
      uint64_t w = 1;
      if (empty) break;
      for (uint32_t k = 0; k < p.n; ++k) {
        if (real)
          v *= ei_real(&c->in[k], (uint64_t)at[k]);
        else
          w *= (uint64_t)ei_load_s64(&c->in[k], (uint64_t)at[k]);
      }
      sum += v;
      whole += w;
    } while (next(&l, p.n, l.n_out, l.n, at));
    if (real)
      ei_set_real(&c->out[0], index++, sum);
    else
      ei_store_s64(&c->out[0], index++, (int64_t)whole);
  } while (next(&l, p.n, 0, l.n_out, at));
  return EDGE_STATUS_OK;
}

const ei_op_def ei_op_Einsum = {
  .name = "Einsum",
  .min_in = 1,
  .max_in = MAX_OPERANDS,
  .min_out = 1,
  .max_out = 1,
  .version = 1,
  .attrs = attrs,
  .infer = infer,
  .eval = eval,
};
