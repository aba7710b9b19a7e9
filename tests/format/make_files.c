/* SPDX-License-Identifier: Apache-2.0
 * make_files write FOLDER: one .edge file per sample.
 * make_files check FILE SAMPLE: does the file load to the sample's graph?
 * make_files metadata FILE OUT: the metadata alone, as flatc reads it.
 * make_files join METADATA FILE OUT: other metadata in front of the segments of FILE. */
#include "format_test.h"

static et_file read_file(const char *path) {
  FILE *const in = fopen(path, "rb");
  if (!in) {
    fprintf(stderr, "cannot open %s\n", path);
    exit(1);
  }
  CHECK(fseek(in, 0, SEEK_END) == 0);
  const long n = ftell(in);
  CHECK(n > 0 && fseek(in, 0, SEEK_SET) == 0);
  et_file f = { aligned_alloc(64, ((size_t)n + 63) / 64 * 64), (uint64_t)n };
  CHECK(f.p && fread(f.p, 1, (size_t)n, in) == (size_t)n);
  fclose(in);
  return f;
}

static void write_file(const char *path, const void *p, uint64_t n) {
  FILE *const out = fopen(path, "wb");
  CHECK(out && fwrite(p, 1, (size_t)n, out) == n && fclose(out) == 0);
}

static int write_samples(const char *folder) {
  for (const et_sample *s = et_samples; s->name; ++s) {
    if (!et_sample_here(s)) continue;
    char path[1024];
    et_file f = et_sample_file(s->name);
    snprintf(path, sizeof path, "%s/%s.edge", folder, s->name);
    write_file(path, f.p, f.n);
    et_file_free(&f);
    printf("%s\n", s->name);
  }
  return 0;
}

static int check(const char *path, const char *sample) {
  et_memory *const m = et_memory_new(0), *const m2 = et_memory_new(0);
  et_file f = read_file(path);
  ei_graph *g = NULL;
  CHECK_OK(et_file_read(&f, &m->arena, &g, err));
  for (const et_sample *s = et_samples; s->name; ++s)
    if (strcmp(s->name, sample) == 0) {
      CHECK(et_graph_equal(s->build(&m2->arena), g));
      et_file_free(&f);
      et_memory_free(m);
      et_memory_free(m2);
      return 0;
    }
  fprintf(stderr, "no sample %s\n", sample);
  return 1;
}

/* The new metadata may have another size; segments keep their absolute places as long as it is not larger than the gap.
 */
static int join(const char *metadata, const char *path, const char *out) {
  et_file m = read_file(metadata), f = read_file(path);
  const uint64_t old = (uint64_t)ei_get_u32(f.p) + 4, first = (old + 63) / 64 * 64;
  et_file whole = { calloc(1, (size_t)(f.n + m.n)), f.n > m.n ? f.n : m.n };
  CHECK(whole.p && (m.n <= first || f.n == old));
  if (f.n > first) memcpy(whole.p + first, f.p + first, (size_t)(f.n - first));
  memcpy(whole.p, m.p, (size_t)m.n);
  write_file(out, whole.p, whole.n);
  et_file_free(&m);
  et_file_free(&f);
  et_file_free(&whole);
  return 0;
}

static int metadata(const char *path, const char *out) {
  et_file f = read_file(path);
  write_file(out, f.p, (uint64_t)ei_get_u32(f.p) + 4);
  et_file_free(&f);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "write") == 0) return write_samples(argv[2]);
  if (argc == 4 && strcmp(argv[1], "check") == 0) return check(argv[2], argv[3]);
  if (argc == 4 && strcmp(argv[1], "metadata") == 0) return metadata(argv[2], argv[3]);
  if (argc == 5 && strcmp(argv[1], "join") == 0) return join(argv[2], argv[3], argv[4]);
  fprintf(stderr, "usage: make_files write FOLDER | check FILE SAMPLE | metadata FILE OUT | join METADATA FILE OUT\n");
  return 2;
}
