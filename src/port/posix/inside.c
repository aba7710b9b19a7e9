/* SPDX-License-Identifier: Apache-2.0
 * Files that a model names: opened below a folder, part by part, never through a link. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "../port.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PART = 255 };

static int open_part(int dir, const char *name, int flags) {
  int fd;
  do {
    fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

/* Walks `path` from the folder `dir`; consumes the descriptor. */
static int open_below(int dir, const char *path) {
  char part[MAX_PART + 1];
  for (;;) {
    size_t n = 0;
    while (path[n] != '\0' && path[n] != '/') ++n;
    const bool up = n == 2 && path[0] == '.' && path[1] == '.';
    int fd = -1;
    errno = ENOENT;
    if (n > 0 && n <= MAX_PART && !up) {
      memcpy(part, path, n);
      part[n] = '\0';
      fd = open_part(dir, part, path[n] == '/' ? O_RDONLY | O_DIRECTORY : O_RDONLY);
    }
    const int code = errno;
    close(dir);
    errno = code;
    if (fd < 0 || path[n] == '\0') return fd;
    dir = fd;
    path += n + 1;
  }
}

edge_status ei_port_map_inside(const char *dir, const char *path, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  int folder;
  do {
    folder = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  } while (folder < 0 && errno == EINTR);
  if (folder < 0) return ei_fail(err, EDGE_STATUS_IO, "%s: the folder cannot be opened (errno %d)", dir, errno);
  const int fd = open_below(folder, path);
  if (fd < 0 && (errno == ELOOP || errno == ENOTDIR || errno == EMLINK))
    return ei_fail(err, EDGE_STATUS_IO, "'%s' in %s is or passes a symbolic link, which is not followed", path, dir);
  if (fd < 0) return ei_fail(err, EDGE_STATUS_IO, "'%s' in %s cannot be opened (errno %d)", path, dir, errno);
  struct stat st = { 0 };
  edge_status status;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
    status = ei_fail(err, EDGE_STATUS_IO, "'%s' in %s is not a regular file", path, dir);
  } else if (st.st_nlink != 1) {
    status = ei_fail(err, EDGE_STATUS_IO, "'%s' in %s has other hard links; copy the file beside the model", path, dir);
  } else {
    status = ei_port_map_fd(fd, 0, 0, out, err);
  }
  close(fd);
  return status;
}
