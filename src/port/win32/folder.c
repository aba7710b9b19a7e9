/* SPDX-License-Identifier: Apache-2.0
 * A folder of files that may be lost: replaced in one step, bounded by removing the oldest. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include "../port.h"
#include <windows.h>

enum { MAX_TEXT = 1400 };

static bool widen(const char *dir, const char *name, wchar_t *out) {
  char path[MAX_TEXT];
  if (ei_format(path, sizeof path, "%s\\%s", dir, name) >= sizeof path) return false;
  return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, MAX_TEXT) != 0;
}

static bool write_all(HANDLE h, const void *data, uint64_t bytes, uint64_t offset) {
  const unsigned char *p = data;
  while (bytes > 0) {
    OVERLAPPED at = { 0 };
    DWORD put = 0;
    at.Offset = (DWORD)(offset & 0xffffffffu);
    at.OffsetHigh = (DWORD)(offset >> 32);
    if (!WriteFile(h, p, bytes < (1u << 30) ? (DWORD)bytes : 1u << 30, &put, &at) || put == 0) return false;
    p += put;
    offset += put;
    bytes -= put;
  }
  return true;
}

edge_status ei_port_replace_file(const char *dir, const char *name, const ei_port_piece *pieces, uint32_t count,
                                 edge_error *err) {
  wchar_t folder[MAX_TEXT], temporary[MAX_TEXT], final[MAX_TEXT];
  char text[300];
  ei_format(text, sizeof text, "%lx-%llx-%s", (unsigned long)GetCurrentProcessId(),
            (unsigned long long)ei_port_clock_ns(), name);
  if (!widen(dir, "", folder) || !widen(dir, text, temporary) || !widen(dir, name, final))
    return ei_fail(err, EDGE_STATUS_IO, "%s: the path is too long", dir);
  (void)CreateDirectoryW(folder, NULL);
  const HANDLE h = CreateFileW(temporary, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
  if (h == INVALID_HANDLE_VALUE) return ei_fail(err, EDGE_STATUS_IO, "%s: %s cannot be written", dir, name);
  bool ok = true;
  for (uint32_t i = 0; ok && i < count; ++i) ok = write_all(h, pieces[i].data, pieces[i].bytes, pieces[i].offset);
  CloseHandle(h);
  if (ok) ok = MoveFileExW(temporary, final, MOVEFILE_REPLACE_EXISTING) != 0;
  if (!ok) (void)DeleteFileW(temporary);
  return ok ? EDGE_STATUS_OK : ei_fail(err, EDGE_STATUS_IO, "%s: %s cannot be written", dir, name);
}

/* One walk: sum of the sizes, and the oldest file. */
static uint64_t survey(const wchar_t *pattern, const wchar_t *except, wchar_t *oldest) {
  WIN32_FIND_DATAW f;
  FILETIME when = { 0, 0 };
  uint64_t total = 0;
  oldest[0] = 0;
  const HANDLE h = FindFirstFileW(pattern, &f);
  if (h == INVALID_HANDLE_VALUE) return 0;
  do {
    if (f.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY || lstrcmpW(f.cFileName, except) == 0) continue;
    total += (uint64_t)f.nFileSizeHigh << 32 | f.nFileSizeLow;
    if (!oldest[0] || CompareFileTime(&f.ftLastWriteTime, &when) < 0) {
      when = f.ftLastWriteTime;
      lstrcpyW(oldest, f.cFileName);
    }
  } while (FindNextFileW(h, &f));
  FindClose(h);
  return total;
}

void ei_port_trim_folder(const char *dir, const char *suffix, uint64_t max_bytes, const char *except) {
  enum { MOST_REMOVED = 10000 };
  wchar_t pattern[MAX_TEXT], keep[MAX_TEXT], oldest[MAX_PATH], path[MAX_TEXT + MAX_PATH];
  char text[300];
  ei_format(text, sizeof text, "*%s", suffix);
  if (!widen(dir, text, pattern) || MultiByteToWideChar(CP_UTF8, 0, except, -1, keep, MAX_TEXT) == 0) return;
  for (int i = 0; i < MOST_REMOVED && survey(pattern, keep, oldest) > max_bytes && oldest[0]; ++i) {
    lstrcpyW(path, pattern);
    wchar_t *end = path + lstrlenW(path);
    while (end > path && end[-1] != L'\\') --end;
    lstrcpyW(end, oldest);
    if (!DeleteFileW(path)) break;
  }
}
