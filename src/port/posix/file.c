/* SPDX-License-Identifier: Apache-2.0
 * Files and mappings on POSIX systems. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "../port.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* strerror() is not safe for threads and strerror_r() has two signatures: the usual cases by name. */
static const char *reason(int code) {
  switch (code) {
  case ENOENT: return "no such file";
  case EACCES:
  case EPERM: return "permission denied";
  case EISDIR: return "it is a directory";
  case ENOTDIR: return "a part of the path is no directory";
  case EMFILE:
  case ENFILE: return "too many open files";
  case ENOMEM: return "out of memory";
  case ELOOP: return "too many symbolic links";
  case ENAMETOOLONG: return "the name is too long";
  case EBADF: return "the descriptor is not open for reading";
  case ENODEV: return "it cannot be mapped";
  case EIO: return "the device failed";
  case ESPIPE: return "it cannot be positioned";
  default: return NULL;
  }
}

static edge_status io_error(edge_error *err, const char *what, const char *path, int code) {
  const char *const text = reason(code);
  if (text != NULL) return ei_fail(err, EDGE_STATUS_IO, "%s: cannot %s: %s", path, what, text);
  return ei_fail(err, EDGE_STATUS_IO, "%s: cannot %s (errno %d)", path, what, code);
}

static edge_status open_file(const char *path, int *fd, uint64_t *bytes, edge_error *err) {
  /* O_NONBLOCK: opening a FIFO must not wait for a writer; regular files do not care. */
  do {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (*fd < 0 && errno == EINTR);
  if (*fd < 0) return io_error(err, "open it", path, errno);
  struct stat st = { 0 };
  edge_status status = EDGE_STATUS_OK;
  if (fstat(*fd, &st) != 0) {
    status = io_error(err, "ask for its size", path, errno);
  } else if (!S_ISREG(st.st_mode) || st.st_size < 0) {
    status = ei_fail(err, EDGE_STATUS_IO, "%s: not a regular file%s", path,
                     S_ISDIR(st.st_mode) ? " (it is a directory)" : "");
  }
  if (status != EDGE_STATUS_OK) {
    close(*fd);
    *fd = -1;
    return status;
  }
  *bytes = (uint64_t)st.st_size;
  return EDGE_STATUS_OK;
}

static edge_status map(int fd, const char *name, uint64_t offset, uint64_t length, ei_port_map *out, edge_error *err) {
  const long page = sysconf(_SC_PAGESIZE);
  const uint64_t mask = (uint64_t)(page > 0 ? page : 4096) - 1;
  const uint64_t skip = offset & mask;
  uint64_t total;
  size_t size;
  if (!ei_add_u64(length, skip, &total) || !ei_to_size(total, &size))
    return ei_fail(err, EDGE_STATUS_IO, "%s: too large to map into this address space", name);
  void *const base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, (off_t)(offset - skip));
  if (base == MAP_FAILED) {
    if (errno == ENOMEM) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "%s: no address space to map it", name);
    return io_error(err, "map it", name, errno);
  }
  *out = (ei_port_map) { (const unsigned char *)base + skip, length, base, total };
  return EDGE_STATUS_OK;
}

edge_status ei_port_map_file(const char *path, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  int fd;
  uint64_t bytes = 0;
  EI_TRY(open_file(path, &fd, &bytes, err));
  edge_status status;
  if (bytes == 0) {
    status = ei_fail(err, EDGE_STATUS_MALFORMED, "%s: the file is empty", path);
  } else {
    status = map(fd, path, 0, bytes, out, err);
  }
  close(fd);
  return status;
}

/* The bytes of a descriptor from offset on; length 0: to its end. */
static edge_status range_of(int fd, uint64_t offset, uint64_t *length, edge_error *err) {
  struct stat st = { 0 };
  if (fstat(fd, &st) != 0) return io_error(err, "ask for its size", "file descriptor", errno);
  if (!S_ISREG(st.st_mode) || st.st_size < 0)
    return ei_fail(err, EDGE_STATUS_IO, "file descriptor %d: not a regular file", fd);
  const uint64_t size = (uint64_t)st.st_size;
  if (offset > size || *length > size - offset)
    return ei_fail(err, EDGE_STATUS_IO, "file descriptor %d: %llu bytes at offset %llu do not lie in a file of %llu",
                   fd, (unsigned long long)*length, (unsigned long long)offset, (unsigned long long)size);
  if (*length == 0) *length = size - offset;
  if (*length == 0) return ei_fail(err, EDGE_STATUS_MALFORMED, "file descriptor %d: no bytes there", fd);
  return EDGE_STATUS_OK;
}

edge_status ei_port_map_fd(int32_t fd, uint64_t offset, uint64_t length, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  EI_TRY(range_of(fd, offset, &length, err));
  return map(fd, "file descriptor", offset, length, out, err);
}

void ei_port_unmap(ei_port_map *m) {
  if (m->base != NULL) munmap(m->base, (size_t)m->base_bytes);
  *m = (ei_port_map) { NULL, 0, NULL, 0 };
}

edge_status ei_port_file_size(const char *path, uint64_t *bytes, edge_error *err) {
  *bytes = 0;
  int fd;
  EI_TRY(open_file(path, &fd, bytes, err));
  close(fd);
  return EDGE_STATUS_OK;
}

static edge_status read_all(int fd, const char *name, uint64_t offset, void *buffer, uint64_t bytes, edge_error *err) {
  unsigned char *out = buffer;
  if (offset > (uint64_t)INT64_MAX || bytes > (uint64_t)INT64_MAX - offset)
    return ei_fail(err, EDGE_STATUS_IO, "%s: offset out of range", name);
  while (bytes > 0) {
    const size_t want = bytes < (1u << 30) ? (size_t)bytes : (size_t)1u << 30;
    const ssize_t got = pread(fd, out, want, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(err, "read it", name, errno);
    if (got == 0) return ei_fail(err, EDGE_STATUS_IO, "%s: it ends %llu bytes early", name, (unsigned long long)bytes);
    out += got;
    offset += (uint64_t)got;
    bytes -= (uint64_t)got;
  }
  return EDGE_STATUS_OK;
}

edge_status ei_port_read_file(const char *path, void *buffer, uint64_t bytes, edge_error *err) {
  int fd;
  uint64_t size = 0;
  EI_TRY(open_file(path, &fd, &size, err));
  const edge_status status = read_all(fd, path, 0, buffer, bytes, err);
  close(fd);
  return status;
}

edge_status ei_port_read_fd(int32_t fd, uint64_t offset, void *buffer, uint64_t bytes, edge_error *err) {
  return read_all(fd, "file descriptor", offset, buffer, bytes, err);
}

void ei_port_advise_away(const void *data, uint64_t bytes) {
  const long page = sysconf(_SC_PAGESIZE);
  const uintptr_t size = (uintptr_t)(page > 0 ? page : 4096);
  const uintptr_t first = ((uintptr_t)data + size - 1) & ~(size - 1); /* whole pages only: neighbours stay */
  const uintptr_t last = ((uintptr_t)data + (uintptr_t)bytes) & ~(size - 1);
  if (first < last) madvise((void *)first, last - first, MADV_DONTNEED);
}

void ei_port_advise_soon(const void *data, uint64_t bytes) {
  enum { WORTH_A_CALL = 1 << 16 };
  const long page = sysconf(_SC_PAGESIZE);
  const uintptr_t size = (uintptr_t)(page > 0 ? page : 4096);
  const uintptr_t first = (uintptr_t)data & ~(size - 1), last = (uintptr_t)data + (uintptr_t)bytes;
  if (bytes < WORTH_A_CALL) return;
#if defined(MADV_POPULATE_READ)
  if (madvise((void *)first, last - first, MADV_POPULATE_READ) == 0) return;
#endif
  (void)madvise((void *)first, last - first, MADV_WILLNEED);
}
