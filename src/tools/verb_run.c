/* SPDX-License-Identifier: Apache-2.0
 * edgert run: one model once, many steps, or a batch of cases. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include "../ops/op.h"
#include "json.h"
#include "npy.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- output files */

/* Outputs of all steps, in order: what is written and printed. */
typedef struct results {
  edge_tensor *views; /* of the last step; data points into `data` */
  unsigned char **data;
  uint32_t count;
} results;

static void free_results(results *r) {
  for (uint32_t i = 0; r->data && i < r->count; ++i) free(r->data[i]);
  free(r->data);
  free(r->views);
}

static int keep_outputs(tool_run *run, const tool_case *c, int step, results *out, tool_error *e) {
  const int steps = c->steps ? c->steps : 1;
  for (uint32_t i = 0; i < run->n_outputs; ++i) {
    edge_tensor t;
    if (edge_session_get_output(run->session, i, &t) != EDGE_STATUS_OK)
      return tool_fail(e, EXIT_BAD_FILE, "%s: output %u is not there", c->model, i);
    if (!npy_descr(t.dtype)[0])
      return tool_fail(e, EXIT_UNSUPPORTED, "%s: output '%s' has a type without a .npy form", c->model, t.name);
    if (step == 0) {
      out->data[i] = malloc((size_t)t.bytes * (size_t)steps + 1);
      if (!out->data[i]) return tool_fail(e, EXIT_LIMIT, "%s: no memory for the outputs", c->model);
      out->views[i] = t;
    } else if (t.bytes != out->views[i].bytes) {
      return tool_fail(e, EXIT_UNSUPPORTED, "%s: output '%s' changes its shape between steps and cannot be stacked",
                       c->model, t.name);
    }
    if (t.bytes) memcpy(out->data[i] + (uint64_t)step * t.bytes, t.data, (size_t)t.bytes);
    out->views[i].data = out->data[i] + (uint64_t)step * t.bytes;
  }
  return EXIT_OK;
}

static bool write_index(const char *path, const results *r, int steps) {
  tool_output output;
  if (!tool_output_open(&output, path)) return false;
  FILE *const out = output.file;
  fputs("{\"outputs\":[", out);
  for (uint32_t i = 0; i < r->count; ++i) {
    const edge_tensor *const t = &r->views[i];
    fprintf(out, "%s{\"file\":\"%u.npy\",\"name\":", i ? "," : "", i);
    json_write_string(out, t->name);
    fputs(",\"dtype\":", out);
    static const char *const names[EDGE_DTYPE_COUNT] = {
      [EDGE_DTYPE_F32] = "float32", [EDGE_DTYPE_F16] = "float16", [EDGE_DTYPE_BF16] = "bfloat16",
      [EDGE_DTYPE_F64] = "float64", [EDGE_DTYPE_S8] = "int8",     [EDGE_DTYPE_U8] = "uint8",
      [EDGE_DTYPE_S16] = "int16",   [EDGE_DTYPE_U16] = "uint16",  [EDGE_DTYPE_S32] = "int32",
      [EDGE_DTYPE_U32] = "uint32",  [EDGE_DTYPE_S64] = "int64",   [EDGE_DTYPE_U64] = "uint64",
      [EDGE_DTYPE_BOOL] = "bool",   [EDGE_DTYPE_S4] = "int4",     [EDGE_DTYPE_U4] = "uint4",
      [EDGE_DTYPE_S2] = "int2",     [EDGE_DTYPE_U2] = "uint2"
    };
    json_write_string(out, names[t->dtype]);
    fputs(",\"shape\":[", out);
    if (steps) fprintf(out, "%d%s", steps, t->rank ? "," : "");
    for (int32_t d = 0; d < t->rank; ++d) fprintf(out, "%s%lld", d ? "," : "", (long long)t->dims[d]);
    if (t->quant.count == 1)
      fprintf(out, "],\"scale\":%.9g,\"zero_point\":%d}", (double)t->quant.scales[0],
              t->quant.zero_points ? t->quant.zero_points[0] : 0);
    else
      fputs("],\"scale\":null,\"zero_point\":null}", out);
  }
  fputs("]}\n", out);
  return tool_output_close(&output, true);
}

/* All of them, or none. */
static int write_outputs(const tool_case *c, const results *r, tool_error *e) {
  char path[4096];
  if (!tool_make_dirs(c->output_dir))
    return tool_fail(e, EXIT_USAGE, "%s: the folder %s cannot be made: %s", c->model, c->output_dir, strerror(errno));
  bool ok = true;
  uint32_t done = 0;
  for (; ok && done < r->count; ++done) {
    snprintf(path, sizeof path, "%s/%u.npy", c->output_dir, done);
    ok = npy_write(path, &r->views[done], r->data[done], c->steps);
  }
  if (ok) {
    snprintf(path, sizeof path, "%s/index.json", c->output_dir);
    ok = write_index(path, r, c->steps);
  }
  if (ok) return EXIT_OK;
  tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, path, strerror(errno));
  for (uint32_t i = 0; i < done; ++i) {
    snprintf(path, sizeof path, "%s/%u.npy", c->output_dir, i);
    remove(path);
  }
  return e->code;
}

/* ---- one case */

static int run_case(const tool_options *o, edge_env *env, const tool_case *c, results *out, double *ms, tool_error *e) {
  tool_run run;
  const double start = tool_now_ms();
  memset(out, 0, sizeof *out);
  int code = tool_open(o, env, c, &run, e);
  if (code) return code;
  out->count = run.n_outputs;
  out->views = calloc(run.n_outputs + 1, sizeof *out->views);
  out->data = calloc(run.n_outputs + 1, sizeof *out->data);
  if (!out->views || !out->data) code = tool_fail(e, EXIT_LIMIT, "%s: no memory", c->model);
  if (!code && c->state_in) code = tool_state_in(&run, c, e);
  const int steps = c->steps ? c->steps : 1;
  for (int s = 0; !code && s < steps; ++s) {
    if (c->steps) code = tool_fill_step(&run, c, s, e);
    if (!code) code = tool_run_once(&run, c, e);
    if (!code) code = keep_outputs(&run, c, s, out, e);
  }
  if (ms) *ms = tool_now_ms() - start;
  if (!code) tool_report_fast_math(o, run.session);
  if (!code && c->output_dir) code = write_outputs(c, out, e);
  if (!code && c->state_out) code = tool_state_out(&run, c, e);
  for (uint32_t i = 0; i < out->count && !code; ++i) { /* names and scales end with the model */
    out->views[i].name = out->views[i].name ? strdup(out->views[i].name) : NULL;
  }
  if (!code) {
    for (uint32_t i = 0; i < out->count; ++i) {
      edge_quant *const q = &out->views[i].quant;
      float *const scale = q->count == 1 ? malloc(sizeof *scale) : NULL;
      int32_t *const zero = q->count == 1 ? malloc(sizeof *zero) : NULL;
      if (scale && zero) {
        *scale = q->scales[0];
        *zero = q->zero_points ? q->zero_points[0] : 0;
        q->scales = scale;
        q->zero_points = zero;
      } else {
        q->count = 0;
      }
    }
  }
  tool_close(&run);
  return code;
}

/* ---- what a person sees */

static void range_of(const edge_tensor *t, double *lo, double *hi) {
  uint64_t count = 0;
  *lo = *hi = NAN;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK) return;
  for (uint64_t i = 0; i < count; ++i) {
    const double v = ei_load_f64(t, i);
    if (!(v >= *lo)) *lo = isnan(*lo) || v < *lo ? v : *lo;
    if (!(v <= *hi)) *hi = isnan(*hi) || v > *hi ? v : *hi;
  }
}

typedef struct labels {
  unsigned char *text;
  char **lines;
  uint32_t count;
} labels;

static int read_labels(const char *path, labels *l, tool_error *e) {
  uint64_t bytes;
  memset(l, 0, sizeof *l);
  l->text = tool_read_file(path, &bytes);
  if (!l->text) return tool_fail(e, EXIT_BAD_FILE, "labels %s cannot be read: %s", path, strerror(errno));
  l->lines = calloc((size_t)bytes + 2, sizeof *l->lines);
  unsigned char *const text = realloc(l->text, (size_t)bytes + 1);
  if (text) l->text = text;
  if (!l->lines || !text) return tool_fail(e, EXIT_LIMIT, "no memory for the labels");
  text[bytes] = 0;
  for (char *line = (char *)text; line && *line;) {
    char *const end = strchr(line, '\n');
    l->lines[l->count++] = line;
    if (end) *end = 0;
    const size_t n = strlen(line);
    if (n && line[n - 1] == '\r') line[n - 1] = 0;
    line = end ? end + 1 : NULL;
  }
  return EXIT_OK;
}

/* The K largest real values of a tensor, in descending order; ties go to the lower index. */
static uint32_t top_classes(const edge_tensor *t, int k, uint64_t *index, float *score) {
  uint64_t count = 0;
  uint32_t found = 0;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK) return 0;
  for (uint64_t i = 0; i < count; ++i) {
    const float v = ei_load_real(t, i);
    uint32_t at = found;
    while (at > 0 && v > score[at - 1]) at--;
    if (at >= (uint32_t)k) continue;
    if (found < (uint32_t)k) found++;
    for (uint32_t m = found - 1; m > at; --m) {
      index[m] = index[m - 1];
      score[m] = score[m - 1];
    }
    index[at] = i;
    score[at] = v;
  }
  return found;
}

static uint64_t hash_outputs(const results *r, int steps) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
  for (uint32_t i = 0; i < r->count; ++i)
    for (uint64_t b = 0; b < r->views[i].bytes * (uint64_t)(steps ? steps : 1); ++b)
      h = (h ^ r->data[i][b]) * 0x100000001b3u;
  return h;
}

static void print_people(const tool_options *o, const results *r, const labels *l, double ms) {
  if (o->labels && r->count) {
    uint64_t index[100];
    float score[100];
    const uint32_t n = top_classes(&r->views[0], o->top < 100 ? o->top : 100, index, score);
    for (uint32_t i = 0; i < n; ++i)
      printf("%9.4f  %s\n", (double)score[i], index[i] < l->count ? l->lines[index[i]] : "?");
  } else if (!o->output_dir) {
    for (uint32_t i = 0; i < r->count; ++i) {
      double lo, hi;
      const edge_tensor *const t = &r->views[i];
      range_of(t, &lo, &hi);
      printf("%s: %s [", t->name && *t->name ? t->name : "(unnamed)", edge_dtype_name(t->dtype));
      for (int32_t d = 0; d < t->rank; ++d) printf("%s%lld", d ? "x" : "", (long long)t->dims[d]);
      printf("] min %g max %g\n", lo, hi);
    }
  }
  if (o->reproducible) printf("hash %016llx\n", (unsigned long long)hash_outputs(r, o->steps));
  fprintf(stderr, "%.2f ms for loading and running\n", ms);
}

static void print_json(const tool_options *o, const results *r, const labels *l, double ms) {
  fputs("{\"outputs\":[", stdout);
  for (uint32_t i = 0; i < r->count; ++i) {
    double lo, hi;
    const edge_tensor *const t = &r->views[i];
    range_of(t, &lo, &hi);
    printf("%s{\"name\":", i ? "," : "");
    json_write_string(stdout, t->name);
    printf(",\"dtype\":\"%s\",\"shape\":[", edge_dtype_name(t->dtype));
    for (int32_t d = 0; d < t->rank; ++d) printf("%s%lld", d ? "," : "", (long long)t->dims[d]);
    fputs("],\"min\":", stdout);
    json_write_number(stdout, lo);
    fputs(",\"max\":", stdout);
    json_write_number(stdout, hi);
    fputs("}", stdout);
  }
  fputs("],\"top\":[", stdout);
  uint64_t index[100];
  float score[100];
  const uint32_t n = r->count ? top_classes(&r->views[0], o->top < 100 ? o->top : 100, index, score) : 0;
  for (uint32_t i = 0; i < n; ++i) {
    printf("%s{\"index\":%llu,\"label\":", i ? "," : "", (unsigned long long)index[i]);
    json_write_string(stdout, o->labels && index[i] < l->count ? l->lines[index[i]] : NULL);
    fputs(",\"score\":", stdout);
    json_write_number(stdout, (double)score[i]);
    fputs("}", stdout);
  }
  fputs("],\"ms\":", stdout);
  json_write_number(stdout, ms);
  if (o->reproducible) printf(",\"hash\":\"%016llx\"", (unsigned long long)hash_outputs(r, o->steps));
  fputs("}\n", stdout);
}

static void free_names(results *r) {
  for (uint32_t i = 0; i < r->count; ++i) {
    free((void *)(uintptr_t)r->views[i].name);
    if (r->views[i].quant.count == 1) {
      free((void *)(uintptr_t)r->views[i].quant.scales);
      free((void *)(uintptr_t)r->views[i].quant.zero_points);
    }
  }
}

static int run_single(const tool_options *o, edge_env *env, tool_error *e) {
  tool_case c;
  labels l = { NULL, NULL, 0 };
  results r;
  double ms = 0;
  int code = tool_case_from_options(o, &c, e);
  if (!code && o->labels) code = read_labels(o->labels, &l, e);
  if (!code) {
    code = run_case(o, env, &c, &r, &ms, e);
    if (!code) {
      if (o->json)
        print_json(o, &r, &l, ms);
      else
        print_people(o, &r, &l, ms);
      free_names(&r);
    }
    free_results(&r);
  }
  free(l.text);
  free(l.lines);
  return code;
}

/* ---- batch */

static int field_error(tool_error *e, const char *what) {
  return tool_fail(e, EXIT_USAGE, "batch: %s", what);
}

static bool whole(const json_value *v) {
  return v && v->kind == JSON_NUMBER && v->number >= 0 && v->number <= 9007199254740991.0 &&
         floor(v->number) == v->number;
}

static int case_inputs(const json_value *inputs, tool_case *c, tool_error *e) {
  if (!inputs || inputs->kind == JSON_NULL) return EXIT_OK;
  if (inputs->kind != JSON_ARRAY && inputs->kind != JSON_OBJECT)
    return field_error(e, "inputs must be a list or an object");
  if (inputs->count > TOOL_MAX_LIST) return field_error(e, "too many inputs");
  c->inputs_by_name = true;
  for (uint32_t i = 0; i < inputs->count; ++i) {
    if (inputs->items[i]->kind != JSON_STRING) return field_error(e, "inputs must be file names");
    c->input_names[i] = inputs->kind == JSON_OBJECT ? inputs->keys[i] : NULL;
    c->input_files[i] = inputs->items[i]->string;
  }
  c->n_inputs = inputs->count;
  return EXIT_OK;
}

static int case_shapes(const json_value *shapes, tool_case *c, tool_error *e) {
  if (!shapes || shapes->kind == JSON_NULL) return EXIT_OK;
  if (shapes->kind != JSON_OBJECT || shapes->count > TOOL_MAX_LIST)
    return field_error(e, "shapes must be an object of lists");
  for (uint32_t i = 0; i < shapes->count; ++i) {
    const json_value *const dims = shapes->items[i];
    if (dims->kind != JSON_ARRAY || dims->count > EDGE_MAX_RANK)
      return field_error(e, "a shape must be a list of at most 8 numbers");
    c->shape_names[i] = shapes->keys[i];
    c->shape_rank[i] = (int32_t)dims->count;
    for (uint32_t d = 0; d < dims->count; ++d) {
      if (!whole(dims->items[d])) return field_error(e, "a dimension must be a whole number");
      c->shape_dims[i][d] = (int64_t)dims->items[d]->number;
    }
  }
  c->n_shapes = shapes->count;
  return EXIT_OK;
}

static int case_from_json(const tool_options *o, const json_value *line, tool_case *c, tool_error *e) {
  const json_value *const model = json_get(line, "model"), *const dir = json_get(line, "output_dir");
  const json_value *const steps = json_get(line, "steps"), *const seed = json_get(line, "seed"),
                          *const carry = json_get(line, "carry");
  memset(c, 0, sizeof *c);
  const json_value *const state_in = json_get(line, "state_in"), *const state_out = json_get(line, "state_out");
  c->seed = o->seed;
  c->steps = o->steps;
  if (!model || model->kind != JSON_STRING) return field_error(e, "a case needs \"model\"");
  c->model = model->string;
  if (dir && dir->kind != JSON_STRING && dir->kind != JSON_NULL) return field_error(e, "output_dir must be a text");
  if (dir && dir->kind == JSON_STRING) c->output_dir = dir->string;
  if ((state_in && state_in->kind != JSON_STRING && state_in->kind != JSON_NULL) ||
      (state_out && state_out->kind != JSON_STRING && state_out->kind != JSON_NULL))
    return field_error(e, "state_in and state_out must be file names");
  if (state_in && state_in->kind == JSON_STRING) c->state_in = state_in->string;
  if (state_out && state_out->kind == JSON_STRING) c->state_out = state_out->string;
  if (steps && steps->kind != JSON_NULL && (!whole(steps) || steps->number < 1 || steps->number > 1e9))
    return field_error(e, "steps must be a positive number");
  if (steps && steps->kind == JSON_NUMBER) c->steps = (int)steps->number;
  if (seed && seed->kind != JSON_NULL && !whole(seed)) return field_error(e, "seed must be a whole number");
  if (seed && seed->kind == JSON_NUMBER) c->seed = (unsigned long long)seed->number;
  if (carry && carry->kind == JSON_STRING)
    c->carry[c->n_carry++] = carry->string;
  else if (carry && carry->kind == JSON_ARRAY && carry->count <= TOOL_MAX_LIST) {
    for (uint32_t i = 0; i < carry->count; ++i) {
      if (carry->items[i]->kind != JSON_STRING) return field_error(e, "carry must be a list of OUT=IN");
      c->carry[c->n_carry++] = carry->items[i]->string;
    }
  } else if (carry && carry->kind != JSON_NULL)
    return field_error(e, "carry must be a list of OUT=IN");
  const int code = case_inputs(json_get(line, "inputs"), c, e);
  return code ? code : case_shapes(json_get(line, "shapes"), c, e);
}

static void answer(const json_value *line, int code, const tool_error *e, double ms) {
  const json_value *const id = json_get(line, "id");
  fputs("{\"id\":", stdout);
  if (id)
    fwrite(id->begin, 1, (size_t)(id->end - id->begin), stdout);
  else
    fputs("null", stdout);
  printf(",\"exit\":%d,\"error\":", code);
  json_write_string(stdout, code ? e->text : "");
  printf(",\"ms\":%.3f}\n", ms);
  fflush(stdout);
}

static char *read_line(FILE *in, size_t *length) {
  size_t cap = 4096, used = 0;
  char *line = malloc(cap);
  int ch = EOF;
  while (line && (ch = fgetc(in)) != EOF && ch != '\n') {
    if (used + 1 == cap) {
      char *const more = realloc(line, cap *= 2);
      if (!more) free(line);
      line = more;
      if (!line) return NULL;
    }
    line[used++] = (char)ch;
  }
  if (!line || (ch == EOF && used == 0)) {
    free(line);
    return NULL;
  }
  line[used] = 0;
  *length = used;
  return line;
}

static int run_batch(const tool_options *o, edge_env *env, tool_error *e) {
  FILE *const in = strcmp(o->batch, "-") == 0 ? stdin : fopen(o->batch, "rb");
  if (!in) return tool_fail(e, EXIT_USAGE, "edgert run: the list %s cannot be read: %s", o->batch, strerror(errno));
  int result = EXIT_OK;
  size_t length;
  uint64_t number = 0;
  for (char *line; result == EXIT_OK && (line = read_line(in, &length)) != NULL; free(line)) {
    number++;
    if (strspn(line, " \t\r") == length) continue;
    json_value *const v = json_parse(line, length);
    if (!v || v->kind != JSON_OBJECT) {
      result =
          tool_fail(e, EXIT_USAGE, "edgert run: %s, line %llu is no JSON object", o->batch, (unsigned long long)number);
    } else {
      tool_case c;
      tool_error failure = { 0, "" };
      results r = { NULL, NULL, 0 };
      double ms = 0;
      int code = case_from_json(o, v, &c, &failure);
      if (!code) code = run_case(o, env, &c, &r, &ms, &failure);
      if (!code) free_names(&r);
      free_results(&r);
      answer(v, code, &failure, ms);
    }
    json_free(v);
  }
  if (result == EXIT_OK && ferror(in))
    result = tool_fail(e, EXIT_USAGE, "edgert run: the list %s cannot be read", o->batch);
  if (in != stdin) fclose(in);
  return result;
}

static int verb_run(const tool_options *o) {
  tool_error e = { 0, "" };
  edge_env *env = NULL;
  int code = EXIT_OK;
  if (o->batch &&
      (o->n_positional || o->inputs.count || o->shapes.count || o->output_dir || o->state_in || o->state_out))
    code =
        tool_fail(&e, EXIT_USAGE,
                  "edgert run: --batch takes the model, inputs, shapes, state files and output folder from its list");
  else if (!o->batch && o->n_positional != 1)
    code = tool_fail(&e, EXIT_USAGE, "edgert run: %s. Usage: edgert run MODEL [options]",
                     o->n_positional ? "one model at a time" : "no model given");
  if (!code) code = tool_env(o, &env, &e);
  if (!code) code = o->batch ? run_batch(o, env, &e) : run_single(o, env, &e);
  edge_env_destroy(env);
  return code ? tool_report(o, &e) : EXIT_OK;
}

static const char *const options[] = { "output-dir", "labels",   "top",       "batch", "steps",
                                       "carry",      "state-in", "state-out", NULL };
const tool_verb tool_verb_run = { "run", "run a model and write or print its outputs",
                                  "usage: edgert run MODEL [options]", options, verb_run };
