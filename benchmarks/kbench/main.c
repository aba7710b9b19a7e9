/* SPDX-License-Identifier: Apache-2.0
 * The command: options, measuring one case, lines of text and JSON, comparison with a stored run. */
#define _POSIX_C_SOURCE 200809L
#include "kbench.h"

#include "src/base/base.h"
#include "src/base/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if EK_ARCH_X86
#  include <cpuid.h>
#endif

static const struct {
  const char *name;
  void (*walk)(kb_bench *b);
} families[] = {
#define KB_FAMILY(name) { #name, kb_family_##name },
#include <families.def>
#undef KB_FAMILY
};

enum { EXIT_SKIPPED = 77, MAX_STORED = 8192, MAX_SHAPES = 512, ROUNDS = 5 };

typedef struct stored {
  char key[160]; /* family|row|shape; for the guard tier|family */
  char isa[16];  /* of the stored row */
  double percent;
} stored;

struct kb_bench {
  const char *filter, *family;
  uint64_t have;
  double seconds; /* for each case */
  bool best, guard;
  FILE *json;
  kb_bandwidth bandwidth;
  /* the row at hand */
  const char *row_family, *row;
  uint64_t row_isa;
  double limit_sum, time_sum;
  uint32_t cases;
  uint64_t seen[MAX_SHAPES]; /* best row only: shapes that an earlier row took */
  size_t num_seen;
  /* all of a guarded family */
  double guard_limit, guard_time;
  uint32_t guard_contended;
  char guard_row[64];
  /* comparison */
  stored *known;
  size_t num_known;
  double least;
  uint32_t compared, below;
  struct {
    void *data;
    size_t bytes;
  } buffers[KB_BUFFERS];
};

void *kb_buffer(kb_bench *b, uint32_t index, size_t bytes) {
  if (b->buffers[index].bytes < bytes) {
    free(b->buffers[index].data);
    const size_t size = (bytes + bytes / 2 + 4095) / 4096 * 4096;
    if (posix_memalign(&b->buffers[index].data, 4096, size) != 0) {
      fprintf(stderr, "kbench: out of memory\n");
      exit(1);
    }
    b->buffers[index].bytes = size;
    for (size_t i = 0; i < size / 4; ++i) {
      ((float *)b->buffers[index].data)[i] = 0.25f + (float)(i * 2654435761u >> 8 & 0xffff) / 131072.0f;
    }
  }
  return b->buffers[index].data;
}

static void close_row(kb_bench *b) {
  if (b->row && b->cases && !b->guard) {
    const double percent = b->time_sum > 0 ? 100.0 * b->limit_sum / b->time_sum : 0.0;
    printf("%-9s %-36s %-46s %*s %6.1f %%\n", b->row_family, b->row, "all, weighted by count", 29, "", percent);
    if (b->json) {
      fprintf(b->json, "{\"family\":\"%s\",\"row\":\"%s\",\"shape\":\"all\",\"percent\":%.1f}\n", b->row_family, b->row,
              percent);
    }
  }
  b->row = NULL;
  b->limit_sum = b->time_sum = 0.0;
  b->cases = 0;
}

bool kb_row(kb_bench *b, const char *family, const char *row, uint64_t isa, bool heavy) {
  close_row(b);
  if (b->row_family == NULL || strcmp(b->row_family, family) != 0) b->num_seen = 0;
  b->row_family = family;
  if ((isa & ~b->have) != 0) {
    if (!b->guard && !b->best && (b->family == NULL || strcmp(b->family, family) == 0)) {
      printf("%-9s %-36s not on this CPU, or masked\n", family, row);
    }
    return false;
  }
  if (b->guard && (!heavy || isa == 0)) return false;
  if (b->family && strcmp(b->family, family) != 0) return false;
  b->row = row;
  b->row_isa = isa;
  return true;
}

/* with the best row only: the first row in the list's order that takes a shape */
static bool taken(kb_bench *b, const char *shape) {
  uint64_t hash = 14695981039346656037u;
  for (const char *p = shape; *p; ++p) hash = (hash ^ (uint8_t)*p) * 1099511628211u;
  for (size_t i = 0; i < b->num_seen; ++i) {
    if (b->seen[i] == hash) return true;
  }
  if (b->num_seen < MAX_SHAPES) b->seen[b->num_seen++] = hash;
  return false;
}

bool kb_wants(kb_bench *b, const kb_case *c) {
  if ((b->best || b->guard) && taken(b, c->shape)) return false;
  if (b->guard) return strstr(c->nets, "mobilenet_v2") || strstr(c->nets, "minilm") || strstr(c->nets, "yolo");
  if (b->row_isa == 0 && c->ops > 4e7) return false; /* the reference is for reading */
  if (b->filter == NULL) return true;
  return strstr(b->row, b->filter) || strstr(c->shape, b->filter) || strstr(c->nets, b->filter) ||
         strstr(b->row_family, b->filter);
}

uint64_t kb_select_by(const kb_bench *b) {
  return b->best || b->guard ? b->have : 0;
}

static double limit_of(const kb_bench *b, const kb_case *c, double peak) {
  double t = peak > 0 ? c->ops / peak : 0.0;
  uint32_t level = 0;
  while (level < 3 && c->read + c->written > b->bandwidth.bytes[level]) ++level;
  if (b->bandwidth.read[level] > 0) {
    const double r = c->read / b->bandwidth.read[level], w = c->written / b->bandwidth.write[level];
    if (r > t) t = r;
    if (w > t) t = w;
  }
  return t;
}

static const stored *find(const kb_bench *b, const char *key) {
  for (size_t i = 0; i < b->num_known; ++i) {
    if (strcmp(b->known[i].key, key) == 0) return &b->known[i];
  }
  return NULL;
}

static void compare(kb_bench *b, const kb_case *c, double percent) {
  char key[160];
  snprintf(key, sizeof key, "%s|%s|%s", b->row_family, b->row, c->shape);
  const stored *const s = find(b, key);
  if (s == NULL || s->percent <= 0.0) return;
  ++b->compared;
  if (percent >= b->least * s->percent) return;
  ++b->below;
  printf("SLOWER %s %s: %.1f %% of the limit, stored %.1f %%\n", b->row, c->shape, percent, s->percent);
}

/* Samples of the kernel and of the peak take turns; one that lost the CPU does not count. The best of each counts, so
 * that a slow second of the machine slows both. */
void kb_measure(kb_bench *b, const kb_case *c) {
  double best = 0.0, peak = 0.0, elapsed = 0.0;
  uint64_t reps = 1;
  uint32_t clean = 0;
  c->run(c->arg);
  for (;;) { /* a sample is long beside the clock, short beside a time slice */
    const double t0 = kb_wall();
    for (uint64_t i = 0; i < reps; ++i) c->run(c->arg);
    const double t = kb_wall() - t0;
    if (t > 3e-4 || reps > (1u << 24)) break;
    reps = t > 3e-6 ? (uint64_t)((double)reps * 4e-4 / t) + 1 : reps * 16;
  }
  const double begin = kb_wall();
  while ((elapsed < b->seconds || clean < ROUNDS) && elapsed < 6 * b->seconds) {
    if (c->arith != KB_BYTES) {
      const double p = kb_peak_sample(c->arith, b->row_isa);
      if (p > peak) peak = p;
    }
    const double t0 = kb_wall(), c0 = kb_cpu();
    for (uint64_t i = 0; i < reps; ++i) c->run(c->arg);
    const double t = kb_wall() - t0, used = kb_cpu() - c0;
    if (used > 0.97 * t) {
      ++clean;
      if (best == 0.0 || t < best) best = t;
    }
    elapsed = kb_wall() - begin;
  }
  ++b->cases;
  if (b->guard_row[0] == 0) snprintf(b->guard_row, sizeof b->guard_row, "%s", b->row);
  if (clean == 0) {
    ++b->guard_contended;
    if (!b->guard) printf("%-9s %-36s %-46s contended: no clean sample\n", b->row_family, b->row, c->shape);
    return;
  }
  const double s = best / (double)reps, limit = limit_of(b, c, peak), percent = 100.0 * limit / s;
  b->limit_sum += c->count * limit;
  b->time_sum += limit > 0 ? c->count * s : 0.0;
  if (b->guard) {
    b->guard_limit += c->count * limit;
    b->guard_time += c->count * s;
    return;
  }
  const double rate = c->ops > 0 ? c->ops / s * 1e-9 : (c->read + c->written) / s * 1e-9;
  printf("%-9s %-36s %-46s %10.2f us %8.1f %s %6.1f %%\n", b->row_family, b->row, c->shape, s * 1e6, rate,
         c->ops > 0 ? "GOP/s" : "GB/s ", percent);
  if (b->json) {
    fprintf(b->json,
            "{\"family\":\"%s\",\"row\":\"%s\",\"shape\":\"%s\",\"nets\":\"%s\",\"count\":%u,\"us\":%.3f,\"%s\":%.1f,"
            "\"percent\":%.1f}\n",
            b->row_family, b->row, c->shape, c->nets, c->count, s * 1e6, c->ops > 0 ? "gops" : "gbs", rate, percent);
  }
  compare(b, c, percent);
}

/* ---- stored runs: one JSON object a line */
static const char *field(const char *line, const char *name, char *out, size_t size) {
  char key[40];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *p = strstr(line, key);
  out[0] = 0;
  if (p == NULL) return out;
  p += strlen(key);
  const bool quoted = *p == '"';
  p += quoted;
  size_t n = 0;
  while (p[n] && n + 1 < size && (quoted ? p[n] != '"' : p[n] != ',' && p[n] != '}')) out[n] = p[n], ++n;
  out[n] = 0;
  return out;
}

static bool load(kb_bench *b, const char *path) {
  FILE *const f = fopen(path, "r");
  if (f == NULL) return false;
  b->known = calloc(MAX_STORED, sizeof *b->known);
  char line[1024], a[64], r[64], s[80], p[32];
  while (b->known && b->num_known < MAX_STORED && fgets(line, sizeof line, f)) {
    stored *const k = &b->known[b->num_known];
    k->percent = strtod(field(line, "percent", p, sizeof p), NULL);
    const char *const suffix = strstr(field(line, "row", r, sizeof r), "__");
    snprintf(k->isa, sizeof k->isa, "%.15s", suffix ? suffix + 2 : "");
    if (field(line, "tier", a, sizeof a)[0]) {
      if (field(line, "family", r, sizeof r)[0] == 0) continue;
      snprintf(k->key, sizeof k->key, "%s|%s|%s", a, r, field(line, "cpu", s, sizeof s));
    } else {
      snprintf(k->key, sizeof k->key, "%s|%s|%s", field(line, "family", a, sizeof a), field(line, "row", r, sizeof r),
               field(line, "shape", s, sizeof s));
    }
    ++b->num_known;
  }
  fclose(f);
  return b->known != NULL;
}

/* maker and family of the CPU: what decides how near to its peak a loop can come */
static const char *cpu_name(void) {
  static char name[48] = "unknown";
#if EK_ARCH_X86
  unsigned a = 0, v[3] = { 0 }, d = 0;
  if (__get_cpuid(0, &a, &v[0], &v[2], &v[1])) {
    char maker[13] = { 0 };
    memcpy(maker, v, 12);
    __get_cpuid(1, &a, &v[0], &v[1], &d);
    const unsigned base = a >> 8 & 15, family = base == 15 ? base + (a >> 20 & 255) : base;
    snprintf(name, sizeof name, "%s %u", maker, family);
  }
#endif
  return name;
}

/* One heavy family: the best row, all guarded shapes, again while it looks slow. 0 fine, 1 slow, 77 not judged. */
static int guard_family(kb_bench *b, size_t f, const char *tier, bool print) {
  enum { ATTEMPTS = 5 };
  char key[160];
  double best = 0.0;
  b->family = families[f].name;
  snprintf(key, sizeof key, "%s|%s|%s", tier, b->family, cpu_name());
  const stored *s = find(b, key);
  for (int attempt = 0; attempt < ATTEMPTS; ++attempt) {
    b->row_family = NULL, b->row = NULL;
    b->guard_limit = b->guard_time = 0.0, b->guard_contended = 0, b->guard_row[0] = 0;
    families[f].walk(b);
    close_row(b);
    if (b->guard_row[0] == 0) return EXIT_SKIPPED; /* not a heavy family */
    if (b->guard_contended == 0 && b->guard_time > 0.0) {
      const double percent = 100.0 * b->guard_limit / b->guard_time;
      if (percent > best) best = percent;
      if (!print && (s == NULL || best >= b->least * s->percent)) break;
    }
  }
  if (print) {
    printf("{\"tier\":\"%s\",\"family\":\"%s\",\"cpu\":\"%s\",\"row\":\"%s\",\"percent\":%.1f}\n", tier, b->family,
           cpu_name(), b->guard_row, best);
    return 0;
  }
  if (best == 0.0) {
    printf("SKIPPED %s: other work took the CPU in every round\n", b->family);
    return EXIT_SKIPPED;
  }
  const char *const isa = strstr(b->guard_row, "__");
  if (s == NULL || isa == NULL ||
      strcmp(isa + 2, s->isa) != 0) { /* another make of CPU, or one that lacks a part of the tier */
    printf("SKIPPED %s (%s): %.1f %% of the peak; no stored figure for such rows and this CPU in the tier %s\n",
           b->family, b->guard_row, best, tier);
    return EXIT_SKIPPED;
  }
  const bool slow = best < b->least * s->percent;
  printf("%s %s (%s, %s): %.1f %% of the peak; stored %.1f %% (%s), at least %.1f %% wanted\n", slow ? "SLOW" : "ok",
         b->family, b->guard_row, tier, best, s->percent, s->key, b->least * s->percent);
  return slow;
}

static int usage(void) {
  fprintf(stderr, "usage: kbench [options]\n"
                  "  --filter TEXT    rows, shapes, networks or families that contain it\n"
                  "  --family NAME    one family; --list names them\n"
                  "  --isa TIER       highest kernel tier to use (scalar, avx2, avxvnni, avx512, ...)\n"
                  "  --best           only the row that this CPU would use\n"
                  "  --seconds S      for each row and shape (default 0.05)\n"
                  "  --json FILE      one object a line\n"
                  "  --regress FILE   compare percentages with a run written by --json; exit status 1 if one is below\n"
                  "  --least R        ... R times the stored one (default 0.7)\n"
                  "  --guard FILE     the best rows of the heavy families against stored figures (for the test run)\n"
                  "  --guard-print    print such figures for this CPU and --isa\n"
                  "  --peaks          the limits alone, as JSON\n");
  return 2;
}

static int run_guard(kb_bench *b, bool print) {
  int failed = 0, judged = 0;
  const char *tier = ei_cpu_tier(b->have & ~(EK_AVX512BF16 | EK_I8MM)); /* no row of a heavy family needs these */
  for (size_t f = 0; f < EK_COUNT(families); ++f) {
    const int r = guard_family(b, f, tier, print);
    judged += r != EXIT_SKIPPED;
    failed |= r == 1;
  }
  return failed ? 1 : judged ? 0 : EXIT_SKIPPED;
}

typedef struct rates {
  double f32, i8;
} rates;
static rates best_rates(uint64_t have) {
  rates r = { 0.0, 0.0 };
  for (int i = 0; i < 200; ++i) {
    const double f = kb_peak_sample(KB_F32, have), q = kb_peak_sample(KB_I8, have);
    r.f32 = f > r.f32 ? f : r.f32;
    r.i8 = q > r.i8 ? q : r.i8;
  }
  return r;
}

static int print_peaks(const kb_bench *b) {
  const rates r = best_rates(b->have);
  printf("{\"cpu\":\"%s\",\"isa\":\"%s\",\"f32_gflops\":%.1f,\"i8_gops\":%.1f,\"read_gbs\":%.1f}\n", cpu_name(),
         ei_cpu_tier(b->have), r.f32 * 1e-9, r.i8 * 1e-9, b->bandwidth.read[3] * 1e-9);
  return 0;
}

static void header(const kb_bench *b) {
  const rates r = best_rates(b->have);
  const kb_bandwidth *const w = &b->bandwidth;
  printf("%s, kernels up to %s: f32 %.0f GFLOP/s, 8-bit %.0f GOP/s; read / write L1 %.0f / %.0f, L2 %.0f / %.0f, "
         "L3 %.0f / %.0f, memory %.0f / %.0f GB/s\n",
         cpu_name(), ei_cpu_tier(b->have), r.f32 * 1e-9, r.i8 * 1e-9, w->read[0] * 1e-9, w->write[0] * 1e-9,
         w->read[1] * 1e-9, w->write[1] * 1e-9, w->read[2] * 1e-9, w->write[2] * 1e-9, w->read[3] * 1e-9,
         w->write[3] * 1e-9);
  if (b->json) {
    fprintf(b->json, "{\"cpu\":\"%s\",\"isa\":\"%s\",\"f32_gflops\":%.1f,\"i8_gops\":%.1f}\n", cpu_name(),
            ei_cpu_tier(b->have), r.f32 * 1e-9, r.i8 * 1e-9);
  }
}

int main(int argc, char **argv) {
  static kb_bench bench = { .seconds = 0.05, .least = 0.7 };
  kb_bench *const b = &bench;
  const char *isa = NULL, *regress = NULL, *json = NULL;
  bool print = false, peaks = false;
  for (int i = 1; i < argc; ++i) {
    const char *const o = argv[i], *const v = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(o, "--best") == 0) {
      b->best = true;
    } else if (strcmp(o, "--guard-print") == 0) {
      b->guard = print = true;
    } else if (strcmp(o, "--peaks") == 0) {
      peaks = true;
    } else if (strcmp(o, "--list") == 0) {
      for (size_t f = 0; f < EK_COUNT(families); ++f) puts(families[f].name);
      return 0;
    } else if (v == NULL) {
      return usage();
    } else if (++i, strcmp(o, "--filter") == 0) {
      b->filter = v;
    } else if (strcmp(o, "--family") == 0) {
      b->family = v;
    } else if (strcmp(o, "--isa") == 0) {
      isa = v;
    } else if (strcmp(o, "--seconds") == 0) {
      b->seconds = strtod(v, NULL);
    } else if (strcmp(o, "--json") == 0) {
      json = v;
    } else if (strcmp(o, "--least") == 0) {
      b->least = strtod(v, NULL);
    } else if (strcmp(o, "--regress") == 0) {
      regress = v;
    } else if (strcmp(o, "--guard") == 0) {
      b->guard = true;
      regress = v;
    } else {
      return usage();
    }
  }
  uint64_t mask;
  if (!ei_cpu_cap(isa, &mask)) {
    fprintf(stderr, "kbench: no tier %s here\n", isa);
    return 2;
  }
  b->have = ei_cpu_features() & mask;
  if (isa && mask != 0 && strcmp(ei_cpu_tier(b->have), isa) != 0) {
    printf("SKIPPED: this CPU has no %s\n", isa);
    return EXIT_SKIPPED;
  }
  if (regress && !load(b, regress)) {
    fprintf(stderr, "kbench: cannot read %s\n", regress);
    return 2;
  }
  if (b->guard) {
    b->seconds = print ? 0.05 : 0.01;
    return run_guard(b, print);
  }
  if (json && (b->json = fopen(json, "w")) == NULL) {
    fprintf(stderr, "kbench: cannot write %s\n", json);
    return 2;
  }
  kb_bandwidth_measure(b->have, &b->bandwidth);
  if (peaks) return print_peaks(b);
  header(b);
  for (size_t f = 0; f < EK_COUNT(families); ++f) {
    if (b->family && strcmp(b->family, families[f].name) != 0) continue;
    families[f].walk(b);
    close_row(b);
    b->row_family = NULL;
  }
  if (regress) printf("%u compared, %u below %.2f of their stored share\n", b->compared, b->below, b->least);
  if (b->json) fclose(b->json);
  for (size_t i = 0; i < KB_BUFFERS; ++i) free(b->buffers[i].data);
  free(b->known);
  return b->below ? 1 : 0;
}
