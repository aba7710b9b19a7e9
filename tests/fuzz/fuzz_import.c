/* SPDX-License-Identifier: Apache-2.0
 * One import of a fuzzed file with all its consequences. */
#include "fuzz_import.h"
#include "../format/format_test.h"
#include "src/import/import.h"

enum { QUOTA = 64 << 20 };

static uint64_t touch(const ei_graph *g) {
  uint64_t sum = 0;
  for (uint32_t s = 0; s < g->n_subgraphs; ++s)
    for (uint32_t i = 0; i < g->subgraphs[s].n_tensors; ++i) {
      const ei_tensor *const t = &g->subgraphs[s].tensors[i];
      for (uint64_t k = 0; t->data && k < t->data_bytes; ++k) sum += ((const uint8_t *)t->data)[k];
    }
  return sum;
}

static void load(const edge_image *image) {
  et_memory *const m = et_memory_new(0);
  const ei_format_source src = { image->metadata, image->metadata_bytes, image->segments, image->num_segments };
  ei_graph *g = NULL;
  CHECK_OK(ei_format_read(&src, NULL, &m->arena, &g, err));
  if (touch(g) == UINT64_MAX) printf("all ones\n"); /* the sum is used: reading is not optimised away */
  et_memory_free(m);
}

bool et_fuzz_import(const uint8_t *p, size_t n) {
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  options.max_bytes = QUOTA;
  options.keep_custom = true;
  const edge_status status = ei_import_image_memory(p, n, &options, &image, &error);
  if (status == EDGE_STATUS_OK) {
    load(&image);
    image.release(image.user);
  } else {
    if (getenv("EDGE_FUZZ_VERBOSE")) printf("%s: %s\n", edge_status_name(status), error.text);
    CHECK(error.status == status && error.text[0] != '\0' && memchr(error.text, 0, sizeof error.text) != NULL);
    if (status == EDGE_STATUS_INTERNAL) fprintf(stderr, "%s\n", error.text);
    CHECK(status != EDGE_STATUS_INTERNAL);
  }
  return status == EDGE_STATUS_OK;
}
