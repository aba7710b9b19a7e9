/* SPDX-License-Identifier: Apache-2.0
 * edgert: the command. Finds the verb, reads the options, calls the verb. */
#include "tool.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const tool_verb *const verbs[] = {
#define TOOL_VERB(name) &tool_verb_##name,
#include "verbs.def"
#undef TOOL_VERB
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

/* Verbs of the contract that other components of EdgeRT will bring. */
static const char *const later_verbs[] = { "tokenize", "generate", "perplexity", "embed",  "chat-template",
                                           "quantize", "prune",    "pack",       "verify", "update" };

typedef enum option_kind { FLAG, TEXT, TARGETS, LIST, INT, DOUBLE, SEED, BYTES } option_kind;

typedef struct option_row {
  const char *name;
  option_kind kind;
  size_t offset;
  bool common; /* taken by every verb that loads a model */
  const char *help;
} option_row;

#define AT(field) offsetof(tool_options, field)
static const option_row rows[] = {
  { "threads", INT, AT(threads), true, "N threads; 0 = one per physical core; default 1" },
  { "backend", TEXT, AT(backend), true, "A,B allowed backends" },
  { "prefer", FLAG, AT(prefer), true, "the first listed backend that accepts a node gets it" },
  { "strict", FLAG, AT(strict), true, "no fallback to another backend" },
  { "isa", TEXT, AT(isa), true, "highest CPU kernel tier to use" },
  { "input", LIST, AT(inputs), true, "[NAME=]FILE  .npy, picture, .wav or .bin; repeatable" },
  { "shape", LIST, AT(shapes), true, "NAME=1x3x224x224; repeatable" },
  { "seed", SEED, AT(seed), true, "S fills inputs that are not given; default 1" },
  { "entry", TEXT, AT(entry), true, "NAME of the entry point" },
  { "timeout", DOUBLE, AT(timeout_s), true, "S seconds for loading and running" },
  { "max-memory", BYTES, AT(max_memory), true, "BYTES[K|M|G]" },
  { "fast-math", FLAG, AT(fast_math), true, "reduced-precision products allowed" },
  { "reproducible", FLAG, AT(reproducible), true, "same bits on every CPU; prints a hash of the outputs" },
  { "no-pass", LIST, AT(no_pass), true, "NAME of a graph pass to switch off; repeatable" },
  { "cache-dir", TEXT, AT(cache_dir), true, "DIR where packed weights may be kept" },
  { "json", FLAG, AT(json), true, "one JSON object on stdout" },
  { "mean", TEXT, AT(mean), true, "R,G,B subtracted from pictures, in 0..255" },
  { "std", TEXT, AT(std), true, "R,G,B divided by" },
  { "layout", TEXT, AT(layout), true, "nchw or nhwc" },
  { "channels", TEXT, AT(channels), true, "rgb or bgr" },
  { "output-dir", TEXT, AT(output_dir), false, "DIR for outputs as .npy files and index.json" },
  { "labels", TEXT, AT(labels), false, "FILE with one class a line" },
  { "top", INT, AT(top), false, "K classes to print; default 5" },
  { "batch", TEXT, AT(batch), false, "LIST of cases, one JSON object a line; - = stdin" },
  { "steps", INT, AT(steps), false, "N runs in one session" },
  { "carry", LIST, AT(carry), false, "OUT=IN feeds an output of a step into an input of the next; repeatable" },
  { "state-in", TEXT, AT(state_in), false, "FILE with the state to begin with" },
  { "state-out", TEXT, AT(state_out), false, "FILE for the state after the last step" },
  { "min-seconds", DOUBLE, AT(min_seconds), false, "S seconds of steady runs at least; default 1" },
  { "warmup", INT, AT(warmup), false, "N runs before measuring; default 2" },
  { "runs", INT, AT(runs), false, "N steady runs at least; default 5" },
  { "o", TEXT, AT(output), false, "OUT file" },
  { "prepare", TARGETS, AT(prepare), false, "[cpu[:ISA],...] pack weights for these CPU tiers; default this CPU's" },
  { "no-verify", FLAG, AT(no_verify), false, "do not run the result against its source" },
  { "keep-custom", FLAG, AT(keep_custom), false, "keep operators of foreign domains for whoever registers them" },
  { "op-list", FLAG, AT(op_list), false, "print the operators, one a line" },
  { "all", FLAG, AT(all), false, "the whole list; default the start and the end" },
  { "html", TEXT, AT(html), false, "FILE for a report that opens in a browser, offline" },
  { "measure", FLAG, AT(measure), false, "run it and take the time (explain: of the alternatives)" },
  { "trace", TEXT, AT(trace), false, "FILE for a Chrome or Perfetto trace" },
  { "against", TEXT, AT(against), false, "backend to compare with, or reference, onnxruntime, litert" },
  { "rtol", DOUBLE, AT(rtol), false, "relative tolerance; default 1e-3" },
  { "atol", DOUBLE, AT(atol), false, "absolute tolerance; default 1e-5, with --against 1e-4" },
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static unsigned distance(const char *a, const char *b) {
  unsigned row[64];
  const size_t n = strlen(b) < 63 ? strlen(b) : 63;
  for (size_t j = 0; j <= n; ++j) row[j] = (unsigned)j;
  for (size_t i = 0; a[i] && i < 63; ++i) {
    unsigned corner = row[0];
    row[0] = (unsigned)i + 1;
    for (size_t j = 0; j < n; ++j) {
      const unsigned up = row[j + 1], best = (corner + (a[i] != b[j])) < up + 1 ? corner + (a[i] != b[j]) : up + 1;
      row[j + 1] = best < row[j] + 1 ? best : row[j] + 1;
      corner = up;
    }
  }
  return row[n];
}

static int usage_error(const tool_options *o, const char *format, ...) {
  tool_error e = { EXIT_USAGE, "" };
  va_list args;
  va_start(args, format);
  vsnprintf(e.text, sizeof e.text, format, args);
  va_end(args);
  return tool_report(o, &e);
}

static bool takes(const tool_verb *v, const option_row *r) {
  if (r->common) return true;
  for (const char *const *name = v->options; *name; ++name)
    if (strcmp(*name, r->name) == 0) return true;
  return false;
}

static bool parse_bytes(const char *text, uint64_t *out) {
  char *end;
  errno = 0;
  const unsigned long long v = strtoull(text, &end, 10);
  unsigned shift = 0;
  if (*end == 'K' || *end == 'k') shift = 10;
  if (*end == 'M' || *end == 'm') shift = 20;
  if (*end == 'G' || *end == 'g') shift = 30;
  if (shift) end++;
  if (errno || end == text || *end || *text == '-' || v > UINT64_MAX >> shift) return false;
  *out = (uint64_t)v << shift;
  return true;
}

/* Store one option's text; false when it is no valid value. */
static bool store(tool_options *o, const option_row *r, const char *text) {
  char *const field = (char *)o + r->offset;
  char *end;
  switch (r->kind) {
  case FLAG: *(bool *)(void *)field = true; return true;
  case TEXT:
  case TARGETS: *(const char **)(void *)field = text; return true;
  case LIST: {
    tool_list *const list = (tool_list *)(void *)field;
    if (list->count == TOOL_MAX_LIST) return false;
    list->items[list->count++] = text;
    return true;
  }
  case INT: {
    errno = 0;
    const long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < 0 || v > 1000000000) return false;
    *(int *)(void *)field = (int)v;
    return true;
  }
  case DOUBLE: {
    const double v = strtod(text, &end);
    if (end == text || *end || !isfinite(v) || v < 0) return false;
    *(double *)(void *)field = v;
    return true;
  }
  case SEED: {
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-') return false;
    *(unsigned long long *)(void *)field = v;
    return true;
  }
  case BYTES: return parse_bytes(text, (uint64_t *)(void *)field) && *(uint64_t *)(void *)field > 0;
  }
  return false;
}

/* The value of an option whose value may be missing: no option, and nothing that looks like a file. */
static bool is_target(const char *text) {
  return *text && *text != '-' && !strpbrk(text, "./\\");
}

static int unknown_option(const tool_options *o, const tool_verb *v, const char *name, size_t length) {
  char given[64];
  const option_row *best = NULL;
  const char *const dashes = name[-1] == '-' && name[-2] == '-' ? "--" : "-";
  snprintf(given, sizeof given, "%.*s", (int)(length < 60 ? length : 60), name);
  for (size_t i = 0; i < N_ROWS; ++i) { /* another verb's option, or one dash too few */
    if (strcmp(rows[i].name, given) != 0) continue;
    if (takes(v, &rows[i]))
      return usage_error(o, "edgert %s: unknown option '%s%s'; did you mean '--%s'?", v->name, dashes, given, given);
    for (size_t k = 0; k < N_VERBS; ++k)
      if (takes(verbs[k], &rows[i]))
        return usage_error(o, "edgert %s: does not take --%s, which belongs to edgert %s. See edgert %s --help",
                           v->name, given, verbs[k]->name, v->name);
  }
  for (size_t i = 0; i < N_ROWS; ++i)
    if (takes(v, &rows[i]) && (!best || distance(given, rows[i].name) < distance(given, best->name))) best = &rows[i];
  return usage_error(o, "edgert %s: unknown option '%s%s'; did you mean '--%s'? See edgert %s --help", v->name, dashes,
                     given, best ? best->name : "help", v->name);
}

/* -1: go on; otherwise the exit code. */
static int parse(const tool_verb *v, int argc, char **argv, tool_options *o) {
  bool only_names = false;
  for (int i = 2; i < argc; ++i)
    if (strcmp(argv[i], "--") == 0)
      break;
    else if (strcmp(argv[i], "--json") == 0)
      o->json = true; /* also errors in other options are then JSON */
  for (int i = 2; i < argc; ++i) {
    const char *const arg = argv[i];
    if (!only_names && strcmp(arg, "--") == 0) {
      only_names = true;
      continue;
    }
    if (only_names || arg[0] != '-' || arg[1] == 0) {
      if (o->n_positional == 4) return usage_error(o, "edgert %s: too many files. %s", v->name, v->usage);
      o->positional[o->n_positional++] = arg;
      continue;
    }
    if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
      o->help = true;
      return -1;
    }
    const char *const name = arg[1] == '-' ? arg + 2 : arg + 1;
    const char *const equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const option_row *r = NULL;
    for (size_t k = 0; k < N_ROWS && !r; ++k)
      if (strlen(rows[k].name) == length && memcmp(rows[k].name, name, length) == 0 && takes(v, &rows[k])) r = &rows[k];
    if (!r || (arg[1] != '-' && length != 1)) return unknown_option(o, v, name, length);
    const char *value = equals ? equals + 1 : NULL;
    if (r->kind == FLAG && value) return usage_error(o, "edgert %s: --%s takes no value", v->name, r->name);
    if (r->kind == TARGETS && !value) value = i + 1 < argc && is_target(argv[i + 1]) ? argv[++i] : "cpu";
    if (r->kind != FLAG && !value) {
      if (i + 1 >= argc) return usage_error(o, "edgert %s: --%s needs a value: %s", v->name, r->name, r->help);
      value = argv[++i];
    }
    if (!store(o, r, value))
      return usage_error(o, "edgert %s: --%s %s: bad value; expected %s", v->name, r->name, value, r->help);
    if (r->offset == AT(seed)) o->seed_given = true;
    if (r->offset == AT(threads)) o->threads_given = true;
  }
  return -1;
}

static int help(void) {
  printf("edgert: run neural networks on this device\n\nusage: edgert VERB MODEL [options]\n\n");
  for (size_t i = 0; i < N_VERBS; ++i) printf("  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
  printf("\nedgert VERB --help lists the options of a verb; edgert --version the version.\n");
  return EXIT_OK;
}

static int verb_help(const tool_verb *v) {
  printf("%s\n\n%s\n\noptions:\n", v->usage, v->summary);
  for (size_t i = 0; i < N_ROWS; ++i)
    if (takes(v, &rows[i])) printf("  %s%-14s %s\n", rows[i].name[1] ? "--" : "-", rows[i].name, rows[i].help);
  return EXIT_OK;
}

static int unknown_verb(const char *name) {
  const tool_options none = { .n_positional = 0 };
  const char *best = verbs[0]->name;
  for (size_t i = 0; i < sizeof later_verbs / sizeof later_verbs[0]; ++i)
    if (strcmp(name, later_verbs[i]) == 0) {
      tool_error e = { 0, "" };
      return tool_fail(&e, EXIT_UNSUPPORTED, "edgert: the verb '%s' is not part of this build", name),
             tool_report(&none, &e);
    }
  FILE *const file = fopen(name, "rb");
  if (file) {
    fclose(file);
    return usage_error(
        &none, "edgert: what to do with %s? For example: edgert run %s, or edgert inspect %s. See edgert --help", name,
        name, name);
  }
  for (size_t i = 1; i < N_VERBS; ++i)
    if (distance(name, verbs[i]->name) < distance(name, best)) best = verbs[i]->name;
  return usage_error(&none, "edgert: unknown verb '%s'; did you mean '%s'? See edgert --help", name, best);
}

static int run_verb(int argc, char **argv) {
#ifdef SIGPIPE
  signal(SIGPIPE, SIG_IGN); /* a reader that closed stdout is no error */
#endif
#ifdef SIGXFSZ
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
#endif
  if (argc < 2) {
    help();
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) return help();
  if (strcmp(argv[1], "--version") == 0) {
    const uint32_t v = edge_version();
    printf("edgert %u.%u.%u\n", v / 10000, v / 100 % 100, v % 100);
    return EXIT_OK;
  }
  const tool_verb *verb = NULL;
  for (size_t i = 0; i < N_VERBS; ++i)
    if (strcmp(argv[1], verbs[i]->name) == 0) verb = verbs[i];
  if (!verb) return unknown_verb(argv[1]);
  tool_options o = {
    .threads = 1, .seed = 1, .top = 5, .rtol = 1e-3, .atol = -1.0, .min_seconds = 1.0, .warmup = 2, .runs = 5
  };
  const int code = parse(verb, argc, argv, &o);
  if (code >= 0) return code;
  return o.help ? verb_help(verb) : verb->run(&o);
}

/* Was all that was printed taken? A reader that left is no error. */
static bool stdout_taken(void) {
  errno = 0;
  const bool taken = fflush(stdout) == 0 && !ferror(stdout);
  if (!taken && errno == 0) { /* it failed before: once more, for the reason */
    clearerr(stdout);
    if (fputc('\n', stdout) != EOF) (void)fflush(stdout);
  }
  return taken || errno == EPIPE;
}

int main(int argc, char **argv) {
  const int code = run_verb(argc, argv);
  if (stdout_taken()) return code;
  fprintf(stderr, "edgert: stdout cannot be written: %s\n", errno ? strerror(errno) : "an earlier write failed");
  return code ? code : EXIT_USAGE;
}
