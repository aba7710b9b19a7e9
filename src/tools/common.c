/* SPDX-License-Identifier: Apache-2.0
 * What verbs share: errors, files, environments, sessions. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include "../import/import.h"
#include "json.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#ifdef _WIN32
#  include <direct.h>
#  define make_dir(path) _mkdir(path)
#else
#  include <unistd.h>
#  define make_dir(path) mkdir(path, 0777)
#endif

int tool_fail(tool_error *e, int code, const char *format, ...) {
  va_list args;
  e->code = code;
  va_start(args, format);
  vsnprintf(e->text, sizeof e->text, format, args);
  va_end(args);
  return code;
}

int tool_exit_code(edge_status status) {
  switch (status) {
  case EDGE_STATUS_OK: return EXIT_OK;
  case EDGE_STATUS_INVALID_ARGUMENT:
  case EDGE_STATUS_NOT_FOUND:
  case EDGE_STATUS_SHAPE_MISMATCH: return EXIT_USAGE;
  case EDGE_STATUS_OUT_OF_MEMORY:
  case EDGE_STATUS_LIMIT_EXCEEDED:
  case EDGE_STATUS_CANCELLED:
  case EDGE_STATUS_DEADLINE_EXCEEDED: return EXIT_LIMIT;
  case EDGE_STATUS_UNSUPPORTED_OP:
  case EDGE_STATUS_UNSUPPORTED_TYPE:
  case EDGE_STATUS_UNSUPPORTED_FEATURE:
  case EDGE_STATUS_UNSUPPORTED_VERSION:
  case EDGE_STATUS_BACKEND_UNAVAILABLE:
  case EDGE_STATUS_BACKEND_REFUSED:
  case EDGE_STATUS_INTERNAL: return EXIT_UNSUPPORTED;
  case EDGE_STATUS_DEVICE_FAILED:
  case EDGE_STATUS_DEVICE_TIMEOUT:
  case EDGE_STATUS_DEVICE_LOST:
  case EDGE_STATUS_STATE_LOST: return EXIT_DEVICE;
  default: return EXIT_BAD_FILE;
  }
}

int tool_fail_status(tool_error *e, const tool_options *o, const char *path, edge_status status, const char *text,
                     int usage) {
  char limit[96] = "";
  const size_t n = strlen(path);
  const int code = tool_exit_code(status);
  if (strncmp(text, path, n) == 0 && text[n] == ':') text += n + 1 + strspn(text + n + 1, " ");
  if (status == EDGE_STATUS_DEADLINE_EXCEEDED && o->timeout_s > 0)
    snprintf(limit, sizeof limit, " (--timeout %g s)", o->timeout_s);
  else if (code == EXIT_LIMIT && o->max_memory)
    snprintf(limit, sizeof limit, " (--max-memory %llu bytes)", (unsigned long long)o->max_memory);
  return tool_fail(e, code == EXIT_USAGE ? usage : code, "%s: %s%s", path, *text ? text : edge_status_name(status),
                   limit);
}

/* Names come out of files: what a terminal would obey is shown as a question mark. */
void tool_print(FILE *out, const char *text) {
  for (; *text; ++text) {
    const unsigned char c = (unsigned char)*text;
    fputc((c < 0x20 && c != '\n') || c == 0x7f ? '?' : c, out);
  }
}

int tool_report(const tool_options *o, const tool_error *e) {
  if (o->json) {
    fputs("{\"error\":", stdout);
    json_write_string(stdout, e->text);
    printf(",\"exit\":%d", e->code);
    if (e->code == EXIT_UNSUPPORTED && tool_unsupported_any()) {
      fputs(",\"unsupported\":", stdout);
      tool_unsupported_json();
    }
    fputs("}\n", stdout);
    fflush(stdout);
  } else if (e->code == EXIT_UNSUPPORTED && tool_unsupported_any()) {
    tool_unsupported_text();
  } else {
    tool_print(stderr, e->text);
    fputc('\n', stderr);
  }
  return e->code;
}

static void log_line(void *user, int32_t level, const char *text) {
  (void)user;
  fprintf(stderr, "%s: %s\n", level == EDGE_LOG_ERROR ? "error" : level == EDGE_LOG_WARNING ? "warning" : "note", text);
}

/* A pass that does not exist is wrong use whatever the model is, also of one that no pass touches. */
static int check_passes(const tool_options *o, tool_error *e) {
  for (uint32_t i = 0; i < o->no_pass.count; ++i) {
    const char *name;
    char names[512] = "";
    size_t used = 0;
    uint32_t k = 0;
    while ((name = ei_import_pass_name(k++)) && strcmp(name, o->no_pass.items[i]) != 0)
      if (used + strlen(name) + 2 < sizeof names)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? " " : "", name);
    if (!name)
      return tool_fail(e, EXIT_USAGE, "edgert: there is no graph pass '%s'; --no-pass takes: %s", o->no_pass.items[i],
                       names);
  }
  return EXIT_OK;
}

/* A number alone in a file of the system; UINT64_MAX: none. */
static uint64_t system_number(const char *path) {
  unsigned long long v;
  FILE *const in = fopen(path, "r");
  const bool ok = in && fscanf(in, "%llu", &v) == 1;
  if (in) fclose(in);
  return ok ? v : UINT64_MAX;
}

uint64_t tool_memory_limit(const tool_options *o) {
  if (o->max_memory) return o->max_memory;
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  const uint64_t group = system_number("/sys/fs/cgroup/memory.max"); /* what a container may use */
  const uint64_t all = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
  const uint64_t least = all < group ? all : group;
  return least == UINT64_MAX ? 0 : least;
#else
  return 0;
#endif
}

int tool_env(const tool_options *o, edge_env **out, tool_error *e) {
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  options.log = log_line;
  options.isa_cap = o->isa;
  options.max_bytes = tool_memory_limit(o);
  options.cache_dir = o->cache_dir;
  const int code = check_passes(o, e);
  if (code) return code;
  const edge_status status = edge_env_create(&options, out, &error);
  if (status != EDGE_STATUS_OK)
    return tool_fail_status(e, o, o->n_positional ? o->positional[0] : "edgert", status, error.text, EXIT_USAGE);
  const char *plugins = getenv("EDGERT_PLUGINS"); /* shared libraries, separated by ':' */
  while (plugins && *plugins) {
    char path[1024];
    const size_t length = strcspn(plugins, ":");
    snprintf(path, sizeof path, "%.*s", (int)length, plugins);
    if (length && edge_env_load_plugin(*out, path, &error) != EDGE_STATUS_OK)
      fprintf(stderr, "warning: %s\n", error.text);
    plugins += length + (plugins[length] == ':');
  }
  return EXIT_OK;
}

void tool_session_options(const tool_options *o, uint64_t deadline_ns, edge_session_options *out) {
  *out = (edge_session_options)EDGE_SESSION_OPTIONS_INIT;
  out->flags = (o->strict ? EDGE_SESSION_STRICT : 0u) | (o->prefer ? EDGE_SESSION_PREFER : 0u) |
               (o->fast_math ? EDGE_SESSION_FAST_MATH : 0u) | (o->reproducible ? EDGE_SESSION_REPRODUCIBLE : 0u);
  out->entry = o->entry;
  out->backends = o->backend;
  out->num_threads = o->threads;
  out->deadline_ns = deadline_ns;
  if (o->max_memory) out->max_dynamic_bytes = o->max_memory;
}

/* The graph beside the model: of an image the one that it was written from, of an .edge file read once more. */
static edge_status open_with_graph(const ei_import_options *import, const char *path, tool_run *r, edge_error *error) {
  edge_image image = EDGE_IMAGE_INIT;
  const edge_status status = ei_import_image_file(path, import, &image, error);
  if (status != EDGE_STATUS_OK) return status;
  r->graph = ei_import_image_graph(&image);
  for (uint32_t i = 0; i < r->graph->n_entries; ++i)
    if (i == 0 || (r->options->entry && strcmp(r->graph->entries[i].name, r->options->entry) == 0))
      r->n_declared = ei_import_image_outputs(&image, i);
  if (tool_model_kind(path) == EI_IMPORT_EDGE && !import->all_outputs) {
    r->graph_image = image;
    return edge_model_open_file(r->env, path, NULL, &r->model, error);
  }
  return edge_model_open_image(r->env, &image, NULL, &r->model, error);
}

int tool_open_model(const tool_options *o, const tool_case *c, tool_run *r, tool_error *e) {
  const char *const path = c->model;
  ei_import_options import = EI_IMPORT_OPTIONS_INIT;
  edge_error error = EDGE_ERROR_INIT;
  import.disabled_passes = o->no_pass.items;
  import.n_disabled = o->no_pass.count;
  import.log = c->quiet ? NULL : log_line;
  import.max_bytes = tool_memory_limit(o);
  import.deadline_ns = r->deadline_ns;
  import.all_outputs = c->all_outputs;
  import.operators = r->env;
  const char *given[TOOL_MAX_LIST], *passes[64];
  if (c->no_passes) {
    uint32_t n = 0;
    while (n < 64 && (passes[n] = ei_import_pass_name(n)) != NULL) ++n;
    import.disabled_passes = passes;
    import.n_disabled = n;
  }
  for (uint32_t i = 0; i < c->n_inputs; ++i) {
    const bool split = c->input_names[i] != NULL;
    if (split || (!c->inputs_by_name && strchr(c->input_files[i], '=')))
      given[import.n_given++] = split ? c->input_names[i] : c->input_files[i];
  }
  import.given = given;
  tool_unsupported_collect(path, &import);
  const edge_status status = c->want_graph ? open_with_graph(&import, path, r, &error)
                                           : ei_import_open(r->env, path, &import, NULL, &r->model, &error);
  if (status == EDGE_STATUS_OK && r->deadline_ns && edge_session_clock_ns() > r->deadline_ns)
    return tool_fail(e, EXIT_LIMIT, "%s: loading took longer than --timeout %g", path, o->timeout_s);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  return tool_fail_open(e, o, path, status, error.text);
}

int tool_model_kind(const char *path) {
  unsigned char head[16] = { 0 };
  FILE *const in = fopen(path, "rb");
  const size_t n = in ? fread(head, 1, sizeof head, in) : 0;
  if (in) fclose(in);
  return ei_import_detect(head, n);
}

unsigned char *tool_read_file(const char *path, uint64_t *bytes) {
  FILE *const in = fopen(path, "rb");
  struct stat st = { 0 };
  *bytes = 0;
  if (!in) return NULL;
  if (fstat(fileno(in), &st) == 0 && S_ISDIR(st.st_mode)) {
    fclose(in);
    errno = EISDIR;
    return NULL;
  }
  size_t cap = 1 << 16, used = 0;
  if (st.st_size > 0 && (uint64_t)st.st_size < SIZE_MAX / 2) cap = (size_t)st.st_size + 1;
  unsigned char *data = malloc(cap);
  while (data) {
    const size_t got = fread(data + used, 1, cap - used, in);
    used += got;
    if (used < cap) break;
    unsigned char *const more = cap > SIZE_MAX / 4 ? NULL : realloc(data, cap * 2);
    if (!more) free(data);
    data = more;
    cap *= 2;
  }
  if (data && ferror(in)) {
    free(data);
    data = NULL;
    errno = EIO;
  }
  fclose(in);
  *bytes = used;
  return data;
}

double tool_now_ms(void) {
  return (double)edge_session_clock_ns() / 1e6;
}

/* High-water mark of resident memory; 0 where the system does not tell. */
uint64_t tool_peak_rss(void) {
  FILE *const in = fopen("/proc/self/status", "r");
  char line[256];
  unsigned long long kib = 0;
  while (in && fgets(line, sizeof line, in))
    if (sscanf(line, "VmHWM: %llu", &kib) == 1) break;
  if (in) fclose(in);
  return (uint64_t)kib * 1024;
}

bool tool_make_dirs(const char *path) {
  char copy[4096];
  struct stat st = { 0 };
  if (strlen(path) >= sizeof copy) return false;
  strcpy(copy, path);
  for (char *at = copy + 1; *at; ++at) {
    if (*at != '/') continue;
    *at = 0;
    (void)make_dir(copy);
    *at = '/';
  }
  (void)make_dir(copy);
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void tool_report_fast_math(const tool_options *o, edge_session *session) {
  uint32_t count = 0, fast = 0;
  if (!o->fast_math || edge_session_num_nodes(session, &count) != EDGE_STATUS_OK) return;
  for (uint32_t i = 0; i < count; ++i) {
    edge_placement p = EDGE_PLACEMENT_INIT;
    if (edge_session_explain(session, i, &p) == EDGE_STATUS_OK && strncmp(p.reason, "fast-math", 9) == 0) ++fast;
  }
  fprintf(stderr, "fast-math: %u of %u nodes compute with reduced precision\n", fast, count);
}
