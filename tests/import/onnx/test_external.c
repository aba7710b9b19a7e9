/* SPDX-License-Identifier: Apache-2.0
 * Tensors in files beside the model, and the ways out of the folder that must stay shut. */
#ifndef _WIN32
#  define _DEFAULT_SOURCE
#  include <sys/stat.h>
#  include <unistd.h>
#endif
#include "onnx_test.h"

#ifdef _WIN32
void test_external_data(void) {
  exit(77);
}
void test_external_escapes(void) {
  exit(77);
}
#else

static char dir[64];

static void path_of(char *out, size_t cap, const char *name) {
  snprintf(out, cap, "%s/%s", dir, name);
}

static void write_file(const char *name, const void *data, size_t bytes) {
  char path[256];
  path_of(path, sizeof path, name);
  FILE *const f = fopen(path, "wb");
  CHECK(f && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0);
}

static void entry(et_message *tensor, const char *key, const char *value) {
  et_message e = { .bytes = 0 };
  et_text(&e, 1, key);
  et_text(&e, 2, value);
  et_put(tensor, 13, &e);
}

static edge_status open_external(et_import *t, const char *location, const char *offset, const char *length) {
  static et_message m;
  et_message tensor = { .bytes = 0 }, g = { .bytes = 0 };
  et_tensor_head(&tensor, "weights", 3, "4");
  entry(&tensor, "location", location);
  if (offset) entry(&tensor, "offset", offset);
  if (length) entry(&tensor, "length", length);
  et_int(&tensor, 14, 1);
  et_put(&g, 5, &tensor);
  et_node(&g, 1, "Identity", "weights", "y", NULL);
  et_value(&g, 12, "y", 3, NULL);
  m.bytes = 0;
  et_model(&m, 17, &g);
  return et_open(t, m.data, m.bytes, dir);
}

static void make_folder(void) {
  static const char data[] = "0123456789abcdef";
  char path[256];
  snprintf(dir, sizeof dir, "/tmp/onnx_test_XXXXXX");
  CHECK(mkdtemp(dir) != NULL);
  write_file("w.bin", data, 16);
  path_of(path, sizeof path, "sub");
  CHECK(mkdir(path, 0700) == 0);
  write_file("sub/w.bin", data, 16);
}

static void remove_folder(void) {
  static const char *const names[] = { "w.bin", "sub/w.bin", "link", "hard", "hard2", "sublink", "pipe", "sub", "" };
  for (size_t i = 0; i < EI_COUNT(names); ++i) {
    char path[256];
    path_of(path, sizeof path, names[i]);
    if (unlink(path) != 0) (void)rmdir(path);
  }
}

void test_external_data(void) {
  et_import t;
  make_folder();
  static const char *const places[] = { "w.bin", "sub/w.bin" };
  for (int i = 0; i < 2; ++i) {
    CHECK(open_external(&t, places[i], "4", "4") == EDGE_STATUS_OK);
    CHECK(memcmp(et_tensor(&t, 0, et_find(&t, 0, "Identity")->in[0])->data, "4567", 4) == 0);
    et_close(&t);
  }
  CHECK(open_external(&t, "w.bin", NULL, NULL) == EDGE_STATUS_OK);
  CHECK(memcmp(et_tensor(&t, 0, et_find(&t, 0, "Identity")->in[0])->data, "0123", 4) == 0);
  et_close(&t);
  remove_folder();
}

void test_external_escapes(void) {
  static const char *const bad_paths[] = { "../w.bin", "/etc/hostname", "sub/../w.bin", "",        "sub/",
                                           "./w.bin",  "sub//w.bin",    "..",           "C:w.bin", "sub\\w.bin" };
  char a[256], b[256];
  et_import t;
  make_folder();
  for (size_t i = 0; i < EI_COUNT(bad_paths); ++i) {
    CHECK(open_external(&t, bad_paths[i], NULL, NULL) == EDGE_STATUS_MALFORMED);
    CHECK_PART(t.error.text, "'weights'");
    et_close(&t);
  }
  path_of(a, sizeof a, "w.bin");
  path_of(b, sizeof b, "link");
  CHECK(symlink(a, b) == 0);
  CHECK(open_external(&t, "link", NULL, NULL) == EDGE_STATUS_IO);
  CHECK_PART(t.error.text, "link");
  et_close(&t);
  path_of(a, sizeof a, "sub");
  path_of(b, sizeof b, "sublink");
  CHECK(symlink(a, b) == 0);
  CHECK(open_external(&t, "sublink/w.bin", NULL, NULL) == EDGE_STATUS_IO);
  et_close(&t);
  write_file("hard", "0123", 4);
  path_of(a, sizeof a, "hard");
  path_of(b, sizeof b, "hard2");
  CHECK(link(a, b) == 0);
  CHECK(open_external(&t, "hard", NULL, NULL) == EDGE_STATUS_IO);
  CHECK_PART(t.error.text, "hard link");
  et_close(&t);
  path_of(a, sizeof a, "pipe");
  CHECK(mkfifo(a, 0600) == 0);
  static const char *const no_files[] = { "pipe", "sub", "absent.bin", "w.bin/x" };
  for (size_t i = 0; i < EI_COUNT(no_files); ++i) {
    CHECK(open_external(&t, no_files[i], NULL, NULL) == EDGE_STATUS_IO);
    et_close(&t);
  }
  static const char *const ranges[][2] = { { "13", "4" }, { "0", "5" },   { "18446744073709551615", "4" },
                                           { "-1", "4" }, { "0", "0x4" }, { "99999999999999999999", "4" } };
  for (size_t i = 0; i < EI_COUNT(ranges); ++i) {
    CHECK(open_external(&t, "w.bin", ranges[i][0], ranges[i][1]) == EDGE_STATUS_MALFORMED);
    et_close(&t);
  }
  remove_folder();
}
#endif
