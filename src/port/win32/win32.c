/* SPDX-License-Identifier: Apache-2.0
 * Files, mappings, clock, memory, cores and shared libraries on Windows. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include "../port.h"
#include <windows.h>
#include <io.h>
#include <malloc.h>

static edge_status io_error(edge_error *err, const char *what, const char *path, DWORD code) {
  const char *const text = code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND ? "no such file"
                           : code == ERROR_ACCESS_DENIED                                ? "permission denied"
                           : code == ERROR_SHARING_VIOLATION                            ? "another program uses it"
                                                                                        : NULL;
  if (text != NULL) return ei_fail(err, EDGE_STATUS_IO, "%s: cannot %s: %s", path, what, text);
  return ei_fail(err, EDGE_STATUS_IO, "%s: cannot %s (error %lu)", path, what, (unsigned long)code);
}

/* Paths are UTF-8. */
static HANDLE open_file(const char *path, uint64_t *bytes, edge_error *err) {
  wchar_t wide[1024];
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, (int)EI_COUNT(wide)) == 0) {
    io_error(err, "open it", path, GetLastError());
    return INVALID_HANDLE_VALUE;
  }
  const HANDLE h = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
  if (h == INVALID_HANDLE_VALUE) {
    io_error(err, "open it", path, GetLastError());
    return h;
  }
  LARGE_INTEGER size;
  if (GetFileType(h) != FILE_TYPE_DISK || !GetFileSizeEx(h, &size) || size.QuadPart < 0) {
    ei_fail(err, EDGE_STATUS_IO, "%s: not a regular file", path);
    CloseHandle(h);
    return INVALID_HANDLE_VALUE;
  }
  *bytes = (uint64_t)size.QuadPart;
  return h;
}

static edge_status map(HANDLE h, const char *name, uint64_t offset, uint64_t length, ei_port_map *out,
                       edge_error *err) {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  const uint64_t skip = offset & (info.dwAllocationGranularity - 1);
  uint64_t total;
  size_t size;
  if (!ei_add_u64(length, skip, &total) || !ei_to_size(total, &size))
    return ei_fail(err, EDGE_STATUS_IO, "%s: too large to map into this address space", name);
  const HANDLE mapping = CreateFileMappingW(h, NULL, PAGE_READONLY, 0, 0, NULL);
  if (mapping == NULL) return io_error(err, "map it", name, GetLastError());
  const uint64_t begin = offset - skip;
  void *const base = MapViewOfFile(mapping, FILE_MAP_READ, (DWORD)(begin >> 32), (DWORD)(begin & 0xffffffffu), size);
  const DWORD code = GetLastError();
  CloseHandle(mapping); /* the view keeps it alive */
  if (base == NULL) return io_error(err, "map it", name, code);
  *out = (ei_port_map) { (const unsigned char *)base + skip, length, base, total };
  return EDGE_STATUS_OK;
}

edge_status ei_port_map_file(const char *path, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  uint64_t bytes = 0;
  const HANDLE h = open_file(path, &bytes, err);
  if (h == INVALID_HANDLE_VALUE) return EDGE_STATUS_IO;
  const edge_status status = bytes == 0 ? ei_fail(err, EDGE_STATUS_MALFORMED, "%s: the file is empty", path)
                                        : map(h, path, 0, bytes, out, err);
  CloseHandle(h);
  return status;
}

edge_status ei_port_map_fd(int32_t fd, uint64_t offset, uint64_t length, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  const HANDLE h = (HANDLE)_get_osfhandle(fd);
  LARGE_INTEGER size;
  if (h == INVALID_HANDLE_VALUE || !GetFileSizeEx(h, &size) || size.QuadPart < 0)
    return ei_fail(err, EDGE_STATUS_IO, "file descriptor %d: not a regular file", (int)fd);
  const uint64_t bytes = (uint64_t)size.QuadPart;
  if (offset > bytes || length > bytes - offset)
    return ei_fail(err, EDGE_STATUS_IO, "file descriptor %d: %llu bytes at offset %llu do not lie in a file of %llu",
                   (int)fd, (unsigned long long)length, (unsigned long long)offset, (unsigned long long)bytes);
  if (length == 0) length = bytes - offset;
  if (length == 0) return ei_fail(err, EDGE_STATUS_MALFORMED, "file descriptor %d: no bytes there", (int)fd);
  return map(h, "file descriptor", offset, length, out, err);
}

edge_status ei_port_map_inside(const char *dir, const char *path, ei_port_map *out, edge_error *err) {
  *out = (ei_port_map) { NULL, 0, NULL, 0 };
  return ei_fail(err, EDGE_STATUS_UNSUPPORTED_FEATURE,
                 "'%s' in %s: files beside a model are not supported on this system; put the data into the model", path,
                 dir);
}

void ei_port_unmap(ei_port_map *m) {
  if (m->base != NULL) UnmapViewOfFile(m->base);
  *m = (ei_port_map) { NULL, 0, NULL, 0 };
}

edge_status ei_port_file_size(const char *path, uint64_t *bytes, edge_error *err) {
  *bytes = 0;
  const HANDLE h = open_file(path, bytes, err);
  if (h == INVALID_HANDLE_VALUE) return EDGE_STATUS_IO;
  CloseHandle(h);
  return EDGE_STATUS_OK;
}

static edge_status read_all(HANDLE h, const char *name, uint64_t offset, void *buffer, uint64_t bytes,
                            edge_error *err) {
  unsigned char *out = buffer;
  while (bytes > 0) {
    OVERLAPPED at = { 0 };
    at.Offset = (DWORD)(offset & 0xffffffffu);
    at.OffsetHigh = (DWORD)(offset >> 32);
    DWORD got = 0;
    const DWORD want = bytes < (1u << 30) ? (DWORD)bytes : 1u << 30;
    if (!ReadFile(h, out, want, &got, &at) && GetLastError() != ERROR_HANDLE_EOF)
      return io_error(err, "read it", name, GetLastError());
    if (got == 0) return ei_fail(err, EDGE_STATUS_IO, "%s: it ends %llu bytes early", name, (unsigned long long)bytes);
    out += got;
    offset += got;
    bytes -= got;
  }
  return EDGE_STATUS_OK;
}

edge_status ei_port_read_file(const char *path, void *buffer, uint64_t bytes, edge_error *err) {
  uint64_t size = 0;
  const HANDLE h = open_file(path, &size, err);
  if (h == INVALID_HANDLE_VALUE) return EDGE_STATUS_IO;
  const edge_status status = read_all(h, path, 0, buffer, bytes, err);
  CloseHandle(h);
  return status;
}

edge_status ei_port_read_fd(int32_t fd, uint64_t offset, void *buffer, uint64_t bytes, edge_error *err) {
  const HANDLE h = (HANDLE)_get_osfhandle(fd);
  if (h == INVALID_HANDLE_VALUE) return ei_fail(err, EDGE_STATUS_IO, "file descriptor %d: not open", (int)fd);
  return read_all(h, "file descriptor", offset, buffer, bytes, err);
}

void ei_port_advise_away(const void *data, uint64_t bytes) {
  /* Unlocking pages that are not locked takes them out of the working set. */
  size_t size;
  if (ei_to_size(bytes, &size) && size > 0) VirtualUnlock((void *)(uintptr_t)data, size);
}

void ei_port_advise_soon(const void *data, uint64_t bytes) {
  (void)data, (void)bytes; /* pages come on demand */
}

uint64_t ei_port_clock_ns(void) {
  LARGE_INTEGER now, frequency;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&frequency);
  const uint64_t ticks = (uint64_t)now.QuadPart, hertz = (uint64_t)frequency.QuadPart;
  return ticks / hertz * 1000000000u + ticks % hertz * 1000000000u / hertz;
}

typedef SYSTEM_LOGICAL_PROCESSOR_INFORMATION processor_info;

/* The machine's description, for groups of up to 64 CPUs; returns the number of entries. */
static DWORD describe(processor_info *out, DWORD cap) {
  DWORD bytes = cap * (DWORD)sizeof(*out);
  return GetLogicalProcessorInformation(out, &bytes) ? bytes / (DWORD)sizeof(*out) : 0;
}

static DWORD_PTR affinity(void) {
  DWORD_PTR own = 0, all = 0;
  return GetProcessAffinityMask(GetCurrentProcess(), &own, &all) ? own : ~(DWORD_PTR)0;
}

static uint32_t processors(void) {
  SYSTEM_INFO system;
  GetSystemInfo(&system);
  return system.dwNumberOfProcessors > 0 ? system.dwNumberOfProcessors : 1;
}

uint32_t ei_port_cpus(void) {
  uint32_t allowed = 0;
  for (DWORD_PTR own = affinity(); own != 0; own &= own - 1) ++allowed;
  const uint32_t n = processors();
  return allowed != 0 && allowed < n ? allowed : n;
}

uint32_t ei_port_cores(void) {
  processor_info info[256];
  const DWORD_PTR own = affinity();
  const DWORD n = describe(info, (DWORD)EI_COUNT(info));
  uint32_t cores = 0;
  for (DWORD i = 0; i < n; ++i)
    cores += info[i].Relationship == RelationProcessorCore && (info[i].ProcessorMask & own) != 0;
  return cores > 0 ? cores : processors();
}

uint32_t ei_port_cache_bytes(uint32_t level) {
  processor_info info[256];
  const DWORD n = describe(info, (DWORD)EI_COUNT(info));
  for (DWORD i = 0; i < n; ++i) {
    if (info[i].Relationship == RelationCache && info[i].Cache.Level == level && info[i].Cache.Type != CacheInstruction)
      return info[i].Cache.Size;
  }
  return 0;
}

uint64_t ei_port_hwcap(uint32_t which) {
  (void)which;
  return 0;
}

bool ei_port_has_heap(void) {
  return true;
}

void *ei_port_malloc(uint64_t bytes, uint64_t align) {
  size_t size;
  return ei_to_size(bytes, &size) ? _aligned_malloc(size, (size_t)align) : NULL;
}

void ei_port_free(void *ptr) {
  _aligned_free(ptr);
}

edge_status ei_port_library_open(const char *path, void **out, edge_error *err) {
  wchar_t wide[1024];
  *out = NULL;
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, (int)EI_COUNT(wide)) != 0)
    *out = (void *)LoadLibraryW(wide);
  return *out != NULL ? EDGE_STATUS_OK : io_error(err, "load the library", path, GetLastError());
}

void *ei_port_library_symbol(void *library, const char *name) {
  const FARPROC symbol = GetProcAddress((HMODULE)library, name);
  void *out;
  memcpy(&out, &symbol, sizeof(out)); /* a function pointer as the interface wants it */
  return out;
}

void ei_port_library_close(void *library) {
  if (library != NULL) FreeLibrary((HMODULE)library);
}
