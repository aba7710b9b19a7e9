/* SPDX-License-Identifier: Apache-2.0
 * Files, mappings and shared libraries through the port. */
#define _POSIX_C_SOURCE 200809L
#include "base_test.h"
#include "src/port/port.h"
#include <fcntl.h>
#include <unistd.h>

enum { BYTES = 10000 };

static void make_file(char *path, size_t cap) {
  snprintf(path, cap, "base_test_%ld.bin", (long)getpid());
  FILE *const f = fopen(path, "wb");
  CHECK(f != NULL);
  for (int i = 0; i < BYTES; ++i) fputc(i * 7 & 255, f);
  fclose(f);
}

void test_port_files(void) {
  char path[64];
  make_file(path, sizeof(path));
  edge_error e = EDGE_ERROR_INIT;
  ei_port_map m;
  CHECK(ei_port_map_file(path, &m, &e) == EDGE_STATUS_OK && m.bytes == BYTES);
  const unsigned char *p = m.data;
  for (int i = 0; i < BYTES; ++i) CHECK(p[i] == (i * 7 & 255));
  ei_port_advise_away(p + 1, BYTES - 1); /* file-backed pages come back when touched */
  CHECK(p[9999] == (9999 * 7 & 255));
  ei_port_unmap(&m);
  CHECK(m.data == NULL);
  ei_port_unmap(&m);
  uint64_t size = 0;
  CHECK(ei_port_file_size(path, &size, &e) == EDGE_STATUS_OK && size == BYTES);
  unsigned char *const copy = malloc(BYTES);
  CHECK(ei_port_read_file(path, copy, BYTES, &e) == EDGE_STATUS_OK && copy[5] == 35);
  CHECK(ei_port_read_file(path, copy, BYTES + 1, &e) == EDGE_STATUS_IO);
  const int fd = open(path, O_RDONLY);
  CHECK(fd >= 0);
  CHECK(ei_port_map_fd(fd, 4097, 100, &m, &e) == EDGE_STATUS_OK && m.bytes == 100);
  p = m.data;
  CHECK(p[0] == (4097 * 7 & 255));
  ei_port_unmap(&m);
  CHECK(ei_port_map_fd(fd, 9000, 0, &m, &e) == EDGE_STATUS_OK && m.bytes == 1000);
  ei_port_unmap(&m);
  CHECK(ei_port_read_fd(fd, 9990, copy, 10, &e) == EDGE_STATUS_OK && copy[0] == (9990 * 7 & 255));
  CHECK(ei_port_map_fd(fd, 9990, 11, &m, &e) == EDGE_STATUS_IO);
  CHECK(ei_port_map_fd(fd, UINT64_MAX, 2, &m, &e) == EDGE_STATUS_IO);
  CHECK(ei_port_map_fd(fd, 1, UINT64_MAX, &m, &e) == EDGE_STATUS_IO);
  CHECK(ei_port_read_fd(fd, UINT64_MAX - 1, copy, 10, &e) == EDGE_STATUS_IO);
  close(fd);
  free(copy);
  remove(path);
}

void test_port_errors(void) {
  edge_error e = EDGE_ERROR_INIT;
  ei_port_map m;
  uint64_t size;
  CHECK(ei_port_map_file("no/such/file", &m, &e) == EDGE_STATUS_IO);
  CHECK(strstr(e.text, "no/such/file: ") == e.text && strstr(e.text, "no such file") != NULL);
  CHECK(ei_port_map_file(".", &m, &e) == EDGE_STATUS_IO && strstr(e.text, "directory") != NULL);
  CHECK(ei_port_map_file("/dev/null", &m, &e) == EDGE_STATUS_IO);
  CHECK(ei_port_file_size("", &size, &e) == EDGE_STATUS_IO);
  CHECK(ei_port_map_fd(-1, 0, 0, &m, &e) == EDGE_STATUS_IO);
  char path[64];
  snprintf(path, sizeof(path), "base_test_empty_%ld.bin", (long)getpid());
  fclose(fopen(path, "wb"));
  CHECK(ei_port_map_file(path, &m, &e) == EDGE_STATUS_MALFORMED && m.data == NULL);
  remove(path);
}

void test_port_libraries(void) {
  edge_error e = EDGE_ERROR_INIT;
  void *library = &e;
  CHECK(ei_port_library_open("./no_such_library.so", &library, &e) == EDGE_STATUS_IO && library == NULL);
  CHECK(strstr(e.text, "no_such_library") != NULL);
  ei_port_library_close(NULL);
}
