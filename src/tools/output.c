/* SPDX-License-Identifier: Apache-2.0
 * Files that the command writes: under another name first, so that nothing partial ever has the name that was asked
 * for. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#ifdef _WIN32
#  include <process.h>
#  define process_id() ((long)_getpid())
#  define look(path, st) stat(path, st)
#else
#  include <unistd.h>
#  define process_id() ((long)getpid())
#  define look(path, st) lstat(path, st)
#endif

bool tool_output_open(tool_output *t, const char *path) {
  struct stat st;
  const bool there = look(path, &st) == 0;
  t->path = path;
  t->temporary[0] = 0;
  t->file = NULL;
  /* devices, pipes and what a link leads to are written as they are, and never removed */
  if (!there || S_ISREG(st.st_mode)) {
    const int n = snprintf(t->temporary, sizeof t->temporary, "%s.%ld.part", path, process_id());
    if (n > 0 && (size_t)n < sizeof t->temporary) t->file = fopen(t->temporary, "wbx");
    if (!t->file) t->temporary[0] = 0;
    if (!t->file && !there) return false;
  }
  if (!t->file) t->file = fopen(path, "wb"); /* for example a writable file in a folder that is not */
  return t->file != NULL;
}

const char *tool_output_name(const tool_output *t) {
  return t->temporary[0] ? t->temporary : t->path;
}

bool tool_output_flush(tool_output *t) {
  return fflush(t->file) == 0 && !ferror(t->file);
}

bool tool_output_close(tool_output *t, bool ok) {
  int reason = errno;
  if (ferror(t->file)) ok = false;
  if (fclose(t->file) != 0 && ok) {
    reason = errno;
    ok = false;
  }
  if (!t->temporary[0]) {
    errno = reason;
    return ok;
  }
#ifdef _WIN32
  if (ok) remove(t->path); /* rename() does not replace there */
#endif
  if (ok && rename(t->temporary, t->path) != 0) {
    reason = errno;
    ok = false;
  }
  if (!ok) remove(t->temporary);
  errno = reason;
  return ok;
}
