/* SPDX-License-Identifier: Apache-2.0
 * Clock, memory, cores, caches and shared libraries on POSIX systems. */
#define _GNU_SOURCE
#include "../port.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#  include <sched.h>
#  include <sys/auxv.h>
#endif

uint64_t ei_port_clock_ns(void) {
  struct timespec t;
  if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) return 0;
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool ei_port_has_heap(void) {
  return true;
}

enum { HUGE_PAGE = 1 << 21 };

void *ei_port_malloc(uint64_t bytes, uint64_t align) {
  void *ptr = NULL;
  size_t size;
  if (!ei_to_size(bytes, &size)) return NULL;
  if (align <= _Alignof(max_align_t)) return malloc(size);
#if defined(MADV_HUGEPAGE)
  /* Large blocks are arenas and packed weights, touched in full: huge pages save hundreds of page faults. Only those
   * that lie inside the block become huge, so nothing more is resident. */
  if (bytes >= HUGE_PAGE && align <= HUGE_PAGE) {
    if (posix_memalign(&ptr, HUGE_PAGE, size) != 0) return NULL;
    (void)madvise(ptr, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return ptr;
  }
#endif
  return posix_memalign(&ptr, (size_t)align, size) == 0 ? ptr : NULL;
}

void ei_port_free(void *ptr) {
  free(ptr);
}

#if defined(__linux__)

/* A small text file of the system; false when it cannot be read. */
static bool read_text(const char *path, char *out, size_t cap) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t n = read(fd, out, cap - 1);
  close(fd);
  if (n < 0) return false;
  out[n] = 0;
  return true;
}

static bool parse_number(const char **text, uint64_t *out) {
  const char *p = *text;
  while (*p == ' ' || *p == '\t') ++p;
  if (*p < '0' || *p > '9') return false;
  uint64_t v = 0;
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (!ei_mul_u64(v, 10, &v) || !ei_add_u64(v, (uint64_t)(*p - '0'), &v)) return false;
  }
  *out = v;
  *text = p;
  return true;
}

static uint32_t online(void) {
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (uint32_t)n : 1;
}

static uint32_t cpus_by_affinity(void) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return online();
  const int n = CPU_COUNT(&allowed);
  return n > 0 ? (uint32_t)n : 1;
}

/* Distinct cores among the CPUs of the affinity mask: the first sibling that the system lists stands for a core. */
static uint32_t cores_by_affinity(void) {
  cpu_set_t allowed, cores;
  CPU_ZERO(&allowed);
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return online();
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    char path[96], text[256];
    ei_format(path, sizeof(path), "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", cpu);
    uint64_t first = cpu;
    const char *p = text;
    if (!read_text(path, text, sizeof(text)) || !parse_number(&p, &first) || first >= CPU_SETSIZE) first = cpu;
    CPU_SET((size_t)first, &cores);
  }
  const int n = CPU_COUNT(&cores);
  return n > 0 ? (uint32_t)n : 1;
}

/* Whole cores of a "quota period" pair, rounded up; 0 when there is no limit. */
static uint32_t quota_cores(uint64_t quota, uint64_t period) {
  if (quota == 0 || period == 0) return 0;
  const uint64_t cores = (quota - 1) / period + 1;
  return cores > UINT32_MAX ? UINT32_MAX : (uint32_t)cores;
}

/* The tightest CPU quota of this process's control group and its parents (version 2), or of version 1's root. */
static uint32_t cores_by_quota(void) {
  char groups[2048], path[1200], text[96];
  uint32_t best = 0;
  if (read_text("/proc/self/cgroup", groups, sizeof(groups))) {
    char *line = strstr(groups, "0::/");
    if (line != NULL) {
      line += 3;
      char *const end = strchr(line, '\n');
      size_t n = end != NULL ? (size_t)(end - line) : strlen(line);
      for (;;) {
        while (n > 0 && line[n - 1] == '/') --n;
        ei_format(path, sizeof(path), "/sys/fs/cgroup%.*s/cpu.max", (int)n, line);
        uint64_t quota = 0, period = 0;
        const char *p = text;
        if (read_text(path, text, sizeof(text)) && parse_number(&p, &quota) && parse_number(&p, &period)) {
          const uint32_t cores = quota_cores(quota, period);
          if (cores != 0 && (best == 0 || cores < best)) best = cores;
        }
        if (n == 0) break;
        while (n > 0 && line[n - 1] != '/') --n;
      }
    }
  }
  uint64_t quota = 0, period = 0;
  const char *p = text;
  if (read_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text, sizeof(text)) && parse_number(&p, &quota)) {
    p = text;
    if (read_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us", text, sizeof(text)) && parse_number(&p, &period)) {
      const uint32_t cores = quota_cores(quota, period);
      if (cores != 0 && (best == 0 || cores < best)) best = cores;
    }
  }
  return best;
}

static uint32_t within_quota(uint32_t cpus) {
  const uint32_t quota = cores_by_quota();
  return quota != 0 && quota < cpus ? quota : cpus;
}

uint32_t ei_port_cores(void) {
  return within_quota(cores_by_affinity());
}

uint32_t ei_port_cpus(void) {
  return within_quota(cpus_by_affinity());
}

uint32_t ei_port_cache_bytes(uint32_t level) {
  for (unsigned index = 0; index < 8; ++index) {
    char path[96], text[64];
    uint64_t value = 0;
    const char *p = text;
    ei_format(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/level", index);
    if (!read_text(path, text, sizeof(text))) break;
    if (!parse_number(&p, &value) || value != level) continue;
    ei_format(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/type", index);
    if (!read_text(path, text, sizeof(text)) || text[0] == 'I') continue;
    ei_format(path, sizeof(path), "/sys/devices/system/cpu/cpu0/cache/index%u/size", index);
    p = text;
    if (!read_text(path, text, sizeof(text)) || !parse_number(&p, &value)) continue;
    const unsigned shift = *p == 'K' ? 10 : *p == 'M' ? 20 : 0;
    return value <= (UINT32_MAX >> shift) ? (uint32_t)value << shift : UINT32_MAX;
  }
  return 0;
}

uint64_t ei_port_hwcap(uint32_t which) {
  return which == 0 ? getauxval(AT_HWCAP) : which == 1 ? getauxval(AT_HWCAP2) : 0;
}

#else

uint32_t ei_port_cores(void) {
  const long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 0 ? (uint32_t)n : 1;
}

uint32_t ei_port_cache_bytes(uint32_t level) {
  (void)level;
  return 0;
}

uint64_t ei_port_hwcap(uint32_t which) {
  (void)which;
  return 0;
}

#endif

edge_status ei_port_library_open(const char *path, void **out, edge_error *err) {
  *out = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (*out != NULL) return EDGE_STATUS_OK;
  const char *const text = dlerror();
  return ei_fail(err, EDGE_STATUS_IO, "%s: cannot load the library: %s", path, text != NULL ? text : "unknown reason");
}

void *ei_port_library_symbol(void *library, const char *name) {
  return dlsym(library, name);
}

void ei_port_library_close(void *library) {
  if (library != NULL) dlclose(library);
}
