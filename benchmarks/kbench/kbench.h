/* SPDX-License-Identifier: Apache-2.0
 * kbench measures every row of every kernel list on the layer shapes of real networks, beside limits that it measures
 * in the same process. A family of kernels is one file here, kb_<family>.c, that walks the family's own list. */
#ifndef KBENCH_H
#define KBENCH_H

#include "kernels/ek.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct kb_bench kb_bench;

typedef enum kb_arith { KB_BYTES, KB_F32, KB_I8, KB_BF16, KB_ARITH_COUNT } kb_arith;

#define KB_FAMILY(name) void kb_family_##name(kb_bench *b);
#include <families.def> /* made by the build from the files kb_*.c */
#undef KB_FAMILY

/** One row on one shape. The limit is the larger of ops / peak and the bytes over what the nearest cache that holds
 *  them delivers. */
typedef struct kb_case {
  kb_arith arith;
  const char *nets;
  uint32_t count; /* how often the networks have this layer */
  double ops;     /* 2 for each multiply-add; 0: only bytes move */
  double read, written;
  void (*run)(const void *arg);
  const void *arg;
  char shape[72];
} kb_case;

/** Is this row asked for (family, ISA mask, filter, best row only)? Call it once for each row, in the list's order. */
bool kb_row(kb_bench *b, const char *family, const char *row, uint64_t isa, bool heavy);
/** Is this shape of the row asked for? Call it before making the data. */
bool kb_wants(kb_bench *b, const kb_case *c);
void kb_measure(kb_bench *b, const kb_case *c);
/** ISA bits to select the row of a shape by, where the first that can do it is not the one; 0: every row is asked for.
 */
uint64_t kb_select_by(const kb_bench *b);

/** Buffers by number, reused from case to case: 64-byte aligned, filled with numbers that are harmless as f32. */
enum { KB_BUFFERS = 10 };
void *kb_buffer(kb_bench *b, uint32_t index, size_t bytes);

/* ---- layer shapes (shapes.def) */
typedef struct kb_conv {
  const char *nets;
  uint32_t count, ih, iw, ic, oh, ow, oc, kh, kw, sh, sw;
  int32_t pad_top, pad_left;
  uint32_t groups;
} kb_conv;
typedef struct kb_dw {
  const char *nets;
  uint32_t count, ih, iw, c, oh, ow, kh, kw, sh, sw;
  int32_t pad_top, pad_left;
} kb_dw;
typedef struct kb_matmul {
  const char *nets;
  uint32_t count, batch, m, n, k;
} kb_matmul;
typedef struct kb_pool {
  const char *nets;
  uint32_t count, ih, iw, c, oh, ow, kh, kw, sh, sw;
  int32_t pad_top, pad_left;
  uint32_t average;
} kb_pool;
typedef struct kb_grid { /* rows x columns of a mean, a softmax, a layer norm, a transpose */
  const char *nets;
  uint32_t count, rows, columns;
} kb_grid;
typedef struct kb_elements {
  uint32_t count, n;
} kb_elements;
extern const kb_conv kb_convs[];
extern const kb_dw kb_dws[];
extern const kb_matmul kb_matmuls[];
extern const kb_pool kb_pools[];
extern const kb_grid kb_means[], kb_softmaxes[], kb_layernorms[], kb_transposes[];
extern const kb_elements kb_element_counts[];
extern const size_t kb_num_convs, kb_num_dws, kb_num_matmuls, kb_num_pools, kb_num_means, kb_num_softmaxes,
    kb_num_layernorms, kb_num_transposes, kb_num_element_counts;

/** A product as the backend sees it: a pointwise convolution or a matrix product. False: not one. */
bool kb_product(size_t i, kb_matmul *out);
size_t kb_num_products(void);

/* ---- limits of this machine (peak.c) */
/** Fastest arithmetic of one kind among what the ISA bits give: operations a second, one short sample. 0: no probe. */
double kb_peak_sample(kb_arith arith, uint64_t isa);
typedef struct kb_bandwidth {
  double bytes[4]; /* L1, L2, L3, memory: working sets up to here */
  double read[4], write[4];
} kb_bandwidth;
void kb_bandwidth_measure(uint64_t isa, kb_bandwidth *out);
/** Wall and own CPU time in seconds. */
double kb_wall(void);
double kb_cpu(void);

#endif
