/* SPDX-License-Identifier: Apache-2.0
 * A folder of files that may be lost: replaced in one step, bounded by removing the oldest. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "../port.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const void *data, uint64_t bytes, uint64_t offset) {
  const unsigned char *p = data;
  while (bytes > 0) {
    const size_t want = bytes < (1u << 30) ? (size_t)bytes : (size_t)1u << 30;
    const ssize_t put = pwrite(fd, p, want, (off_t)offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    p += put;
    offset += (uint64_t)put;
    bytes -= (uint64_t)put;
  }
  return true;
}

edge_status ei_port_replace_file(const char *dir, const char *name, const ei_port_piece *pieces, uint32_t count,
                                 edge_error *err) {
  char temporary[256];
  if (mkdir(dir, 0700) != 0 && errno != EEXIST)
    return ei_fail(err, EDGE_STATUS_IO, "%s: the folder cannot be made (errno %d)", dir, errno);
  const int folder = open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (folder < 0) return ei_fail(err, EDGE_STATUS_IO, "%s: the folder cannot be opened (errno %d)", dir, errno);
  ei_format(temporary, sizeof temporary, "%llx-%llx-%.128s", (unsigned long long)getpid(),
            (unsigned long long)ei_port_clock_ns(), name);
  const int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  bool ok = fd >= 0;
  for (uint32_t i = 0; ok && i < count; ++i)
    ok = pieces[i].offset <= (uint64_t)INT64_MAX && pieces[i].bytes <= (uint64_t)INT64_MAX - pieces[i].offset &&
         write_all(fd, pieces[i].data, pieces[i].bytes, pieces[i].offset);
  if (fd >= 0 && close(fd) != 0) ok = false;
  if (ok) ok = renameat(folder, temporary, folder, name) == 0;
  const int code = errno;
  if (fd >= 0 && !ok) (void)unlinkat(folder, temporary, 0);
  close(folder);
  return ok ? EDGE_STATUS_OK : ei_fail(err, EDGE_STATUS_IO, "%s: %s cannot be written (errno %d)", dir, name, code);
}

static bool has_suffix(const char *name, const char *suffix) {
  const size_t n = strlen(name), k = strlen(suffix);
  return n > k && memcmp(name + n - k, suffix, k) == 0;
}

/* One walk: sum of the sizes, and the oldest file. */
static uint64_t survey(DIR *list, const char *suffix, const char *except, char oldest[256]) {
  struct timespec when = { 0, 0 };
  uint64_t total = 0;
  oldest[0] = 0;
  rewinddir(list);
  for (const struct dirent *e = readdir(list); e; e = readdir(list)) {
    struct stat st = { 0 };
    if (!has_suffix(e->d_name, suffix) || strcmp(e->d_name, except) == 0 || strlen(e->d_name) > 255) continue;
    if (fstatat(dirfd(list), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode)) continue;
    total += (uint64_t)st.st_size;
    if (!oldest[0] || st.st_mtim.tv_sec < when.tv_sec ||
        (st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec)) {
      when = st.st_mtim;
      strcpy(oldest, e->d_name);
    }
  }
  return total;
}

void ei_port_trim_folder(const char *dir, const char *suffix, uint64_t max_bytes, const char *except) {
  enum { MOST_REMOVED = 10000 };
  char oldest[256];
  DIR *const list = opendir(dir);
  if (!list) return;
  for (int i = 0; i < MOST_REMOVED && survey(list, suffix, except, oldest) > max_bytes && oldest[0]; ++i)
    if (unlinkat(dirfd(list), oldest, 0) != 0) break;
  closedir(list);
}
