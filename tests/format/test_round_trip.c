/* SPDX-License-Identifier: Apache-2.0
 * What is written reads back equal, and writes again to the same bytes. */
#include "format_test.h"

static void check_sample(const et_sample *s) {
  et_memory *const m = et_memory_new(0), *const m2 = et_memory_new(0);
  const ei_graph *const g = s->build(&m->arena);
  et_file f = et_file_write(g, m);
  ei_graph *back = NULL;
  CHECK_OK(et_file_read(&f, &m2->arena, &back, err));
  CHECK(et_graph_equal(g, back));
  et_file again = et_file_write(back, m2);
  CHECK(again.n == f.n && memcmp(again.p, f.p, f.n) == 0);
  printf("%-10s %6llu bytes, metadata %u\n", s->name, (unsigned long long)f.n, ei_get_u32(f.p) + 4);
  et_file_free(&f);
  et_file_free(&again);
  et_memory_free(m);
  et_memory_free(m2);
}

void test_round_trip(void) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (et_sample_here(s))
      check_sample(s);
    else
      printf("%-10s left out: this build has no %s\n", s->name, s->needs);
  }
}

/* The image that an importer hands over: segments lie anywhere, not behind the metadata. */
void test_image(void) {
  et_memory *const m = et_memory_new(0), *const m2 = et_memory_new(0);
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    const ei_graph *const g = s->build(&m->arena);
    const void *metadata;
    uint64_t bytes;
    edge_segment *segments;
    uint32_t count;
    CHECK_OK(ei_format_write(g, &m->arena, &metadata, &bytes, &segments, &count, err));
    for (uint32_t i = 0; i < count; ++i) CHECK(segments[i].bytes > 0 && segments[i].data != NULL);
    const ei_format_source src = { metadata, bytes, segments, count };
    CHECK_OK(ei_format_verify_structure(&src, NULL, err));
    ei_graph *back = NULL;
    CHECK_OK(ei_format_read(&src, NULL, &m2->arena, &back, err));
    CHECK(et_graph_equal(g, back));
    if (count) { /* one byte short: the constant behind it is named as damage */
      edge_error error = EDGE_ERROR_INIT;
      segments[count - 1].bytes--;
      CHECK(ei_format_read(&src, NULL, &m2->arena, &back, &error) == EDGE_STATUS_MALFORMED);
      CHECK(strstr(error.text, "runs past the end"));
      segments[count - 1].bytes++;
      segments[0].offset = UINT64_MAX - 8; /* out of order, and the sum wraps */
      CHECK(ei_format_read(&src, NULL, &m2->arena, &back, &error) == EDGE_STATUS_INVALID_ARGUMENT);
    }
  }
  et_memory_free(m);
  et_memory_free(m2);
}

/* Constants stay where they are: no copy of what is large. */
void test_in_place(void) {
  et_memory *const m = et_memory_new(0);
  et_file f = et_sample_file("dense");
  ei_graph *g = NULL;
  CHECK_OK(et_file_read(&f, &m->arena, &g, err));
  const ei_tensor *const w = &g->subgraphs[0].tensors[1];
  CHECK(strcmp(w->name, "w") == 0 && w->data_bytes == 640);
  CHECK((const uint8_t *)w->data >= f.p && (const uint8_t *)w->data + 640 <= f.p + f.n);
  CHECK((uintptr_t)w->data % 64 == 0);
  et_file_free(&f);
  et_memory_free(m);
}

/* Files of the first version of the format load for ever, to the same graphs. */
void test_v1_files(void) {
  uint32_t count = 0;
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.edge", EDGE_TEST_V1, s->name);
    FILE *const in = fopen(path, "rb");
    if (!in) {
      fprintf(stderr, "cannot open %s\n", path);
      exit(1);
    }
    et_file f = { aligned_alloc(64, 65536), 0 };
    CHECK(f.p);
    f.n = fread(f.p, 1, 65536, in);
    fclose(in);
    CHECK(f.n > 0 && f.n < 65536);
    et_memory *const m = et_memory_new(0), *const m2 = et_memory_new(0);
    ei_graph *g = NULL;
    CHECK_OK(et_file_read(&f, &m->arena, &g, err));
    CHECK(et_graph_equal(s->build(&m2->arena), g));
    et_memory_free(m);
    et_memory_free(m2);
    et_file_free(&f);
    count++;
  }
  printf("%u files of version 1\n", count);
}
