/* SPDX-License-Identifier: Apache-2.0
 * NumPy's .npy files (format versions 1 to 3) and their conversion to and from tensors. */
#ifndef TOOL_NPY_H
#define TOOL_NPY_H

#include <edge/tensor.h>
#include <stdbool.h>

typedef struct npy_array {
  char kind; /* b i u f c */
  uint32_t item_bytes;
  bool big_endian, fortran;
  int32_t rank;
  int64_t dims[EDGE_MAX_RANK];
  uint64_t count;      /* elements */
  unsigned char *file; /* owns everything */
  uint64_t file_bytes;
  const unsigned char *data;
} npy_array;

/** Takes ownership of the file's bytes in any case. Exit code 0, 2 or 3; text says why. */
int npy_parse(unsigned char *file, uint64_t bytes, npy_array *out, char *why, size_t cap);
void npy_free(npy_array *a);
/** Convert elements [first, first + tensor elements) in C order into the tensor's data. Each value must survive the way
 *  there and back. Exit code 0 or 3. */
int npy_to_tensor(const npy_array *a, uint64_t first, const edge_tensor *t, char *why, size_t cap);
/** Write a tensor; `leading` > 0 adds a first dimension of that size (data holds that many tensors). */
bool npy_write(const char *path, const edge_tensor *t, const void *data, int64_t leading);
/** Name of the type that travels in the file, "" when there is no .npy form. */
const char *npy_descr(int32_t dtype);
/** Bytes of one element in a file. */
uint32_t npy_item_bytes(int32_t dtype);

#endif
