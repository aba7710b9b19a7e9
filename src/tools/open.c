/* SPDX-License-Identifier: Apache-2.0
 * From a case to a session with its inputs: names, shapes, files, seeds. */
#include "tool.h"

#include "../ops/op.h"
#include "npy.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- names: the tensor's, then the signature's, then without decoration */

static bool plain_name(const char *name, const char *wanted) {
  static const char prefix[] = "serving_default_";
  if (strncmp(name, prefix, sizeof prefix - 1) == 0) name += sizeof prefix - 1;
  const char *const colon = strrchr(name, ':');
  const size_t length =
      colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? (size_t)(colon - name) : strlen(name);
  return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static bool signature_name(const edge_model *m, uint32_t entry, const char *kind, uint32_t i, const char *wanted) {
  char key[256];
  const void *value;
  uint64_t bytes;
  snprintf(key, sizeof key, "edge.signature.%s.%s.%u", edge_model_entry_name(m, entry), kind, i);
  return edge_model_metadata(m, key, &value, &bytes) == EDGE_STATUS_OK && bytes == strlen(wanted) &&
         memcmp(value, wanted, (size_t)bytes) == 0;
}

/* Index of an input (or output) by name; -1 when there is none. */
static int find_name(const edge_model *m, uint32_t entry, bool output, const char *wanted) {
  const uint32_t count = output ? edge_model_num_outputs(m, entry) : edge_model_num_inputs(m, entry);
  for (int round = 0; round < 3; ++round)
    for (uint32_t i = 0; i < count; ++i) {
      edge_tensor t;
      const edge_status status =
          output ? edge_model_get_output(m, entry, i, &t) : edge_model_get_input(m, entry, i, &t);
      if (status != EDGE_STATUS_OK) continue;
      if (round == 0 && strcmp(t.name, wanted) == 0) return (int)i;
      if (round == 1 && signature_name(m, entry, output ? "out" : "in", i, wanted)) return (int)i;
      if (round == 2 && plain_name(t.name, wanted)) return (int)i;
    }
  return -1;
}

static void list_names(const edge_model *m, uint32_t entry, bool output, char *out, size_t cap) {
  const uint32_t count = output ? edge_model_num_outputs(m, entry) : edge_model_num_inputs(m, entry);
  out[0] = 0;
  for (uint32_t i = 0; i < count; ++i) {
    edge_tensor t;
    const edge_status status = output ? edge_model_get_output(m, entry, i, &t) : edge_model_get_input(m, entry, i, &t);
    const size_t used = strlen(out);
    if (status == EDGE_STATUS_OK && used + 4 < cap) snprintf(out + used, cap - used, "%s%s", i ? ", " : "", t.name);
  }
}

/* ---- files of inputs */

typedef enum file_kind { FILE_NONE, FILE_NPY, FILE_PICTURE, FILE_WAV, FILE_RAW } file_kind;

typedef struct input_file {
  file_kind kind;
  const char *path;
  unsigned char *bytes;
  uint64_t n_bytes;
  npy_array npy;
  tool_picture picture;
  tool_sound sound;
  bool stacked; /* a leading dimension of steps */
} input_file;

static void free_input_file(input_file *f) {
  if (f->kind == FILE_NPY)
    npy_free(&f->npy);
  else
    free(f->bytes);
  free(f->picture.pixels);
  free(f->sound.samples);
}

static bool has_suffix(const char *path, const char *suffix) {
  const size_t n = strlen(path), k = strlen(suffix);
  return n >= k && strcmp(path + n - k, suffix) == 0;
}

static int read_input_file(const char *model, const char *path, const char *names, input_file *f, tool_error *e) {
  char why[512];
  f->path = path;
  f->bytes = tool_read_file(path, &f->n_bytes);
  if (!f->bytes && errno == ENOENT && strchr(path, '='))
    return tool_fail(e, EXIT_BAD_FILE, "%s: no input has the name '%.*s' (there are: %s), and there is no file '%s'",
                     model, (int)(strchr(path, '=') - path), path, names, path);
  if (!f->bytes)
    return tool_fail(e, errno == ENOMEM ? EXIT_LIMIT : EXIT_BAD_FILE, "%s: input %s cannot be read: %s", model, path,
                     strerror(errno));
  if (f->n_bytes >= 6 && memcmp(f->bytes, "\x93NUMPY", 6) == 0) {
    unsigned char *const bytes = f->bytes;
    f->bytes = NULL;
    const int code = npy_parse(bytes, f->n_bytes, &f->npy, why, sizeof why);
    if (code) return tool_fail(e, code, "%s: input %s: %s", model, path, why);
    f->kind = FILE_NPY;
    return EXIT_OK;
  }
  int code = tool_load_picture(f->bytes, f->n_bytes, &f->picture, e);
  if (code == EXIT_OK) f->kind = FILE_PICTURE;
  if (code == MEDIA_NO) {
    code = tool_load_wav(f->bytes, f->n_bytes, &f->sound, e);
    if (code == EXIT_OK) f->kind = FILE_WAV;
  }
  if (code != EXIT_OK && code != MEDIA_NO) {
    snprintf(why, sizeof why, "%.500s", e->text);
    return tool_fail(e, code, "%s: input %s: %s", model, path, why);
  }
  if (code == EXIT_OK) return EXIT_OK;
  if (has_suffix(path, ".txt"))
    return tool_fail(e, EXIT_UNSUPPORTED, "%s: input %s: text needs a tokenizer in the model", model, path);
  if (has_suffix(path, ".npy")) return tool_fail(e, EXIT_BAD_FILE, "%s: input %s: it is no .npy file", model, path);
  f->kind = FILE_RAW;
  return EXIT_OK;
}

/* ---- shapes */

typedef struct plan_input {
  edge_tensor declared;
  input_file file;
  const int64_t *asked; /* --shape */
  int32_t asked_rank;
  int64_t dims[EDGE_MAX_RANK];
  int32_t rank;
} plan_input;

static uint64_t product(const int64_t *dims, int32_t from, int32_t rank) {
  uint64_t p = 1;
  for (int32_t i = from; i < rank; ++i) p *= (uint64_t)dims[i];
  return p;
}

/* Do two shapes agree when dimensions of 1 are ignored? `open` dims (-1) of a match anything. */
static bool same_but_ones(const int64_t *a, int32_t na, const int64_t *b, int32_t nb) {
  int32_t i = 0, k = 0;
  for (;;) {
    while (i < na && a[i] == 1) i++;
    while (k < nb && b[k] == 1) k++;
    if (i == na || k == nb) return i == na && k == nb;
    if (a[i] >= 0 && a[i] != b[k]) return false;
    i++;
    k++;
  }
}

static bool dims_equal(const plan_input *p, const int64_t *file, int32_t rank) {
  bool fits = p->declared.rank == rank;
  for (int32_t d = 0; fits && d < rank; ++d) fits = p->dims[d] < 0 || p->dims[d] == file[d];
  return fits;
}

static bool dims_fit(const plan_input *p, const int64_t *file, int32_t rank) {
  return p->declared.rank < 0 || dims_equal(p, file, rank) || same_but_ones(p->dims, p->rank, file, rank);
}

static const char *shape_text(const int64_t *dims, int32_t rank, char *out, size_t cap) {
  size_t n = (size_t)snprintf(out, cap, "[");
  for (int32_t d = 0; d < rank && n + 24 < cap; ++d)
    n += dims[d] < 0 ? (size_t)snprintf(out + n, cap - n, "%s?", d ? ", " : "")
                     : (size_t)snprintf(out + n, cap - n, "%s%lld", d ? ", " : "", (long long)dims[d]);
  snprintf(out + n, cap - n, "]");
  return out;
}

/* What to type after --shape: fixed dimensions as they are, N for what the caller chooses. */
static const char *shape_hint(const plan_input *p, char *out, size_t cap) {
  size_t n = (size_t)snprintf(out, cap, "--shape %s=%s", p->declared.name, p->declared.rank == 0 ? " (a scalar)" : "");
  for (int32_t d = 0; d < p->declared.rank && n + 24 < cap; ++d)
    n += p->declared.dims[d] < 0
             ? (size_t)snprintf(out + n, cap - n, "%sN", d ? "x" : "")
             : (size_t)snprintf(out + n, cap - n, "%s%lld", d ? "x" : "", (long long)p->declared.dims[d]);
  return out;
}

/* Shape from --shape, then from the file, then open dimensions stay -1 for the library (it takes 1). */
static int settle_shape(const char *model, plan_input *p, int steps, tool_error *e) {
  p->rank = p->declared.rank;
  memcpy(p->dims, p->declared.dims, sizeof p->dims);
  if (p->asked) {
    char hint[200];
    if (p->declared.rank >= 0 && p->asked_rank != p->declared.rank)
      return tool_fail(e, EXIT_USAGE, "%s: --shape gives input '%s' %d dimensions, the model has %d: %s", model,
                       p->declared.name, p->asked_rank, p->declared.rank, shape_hint(p, hint, sizeof hint));
    for (int32_t d = 0; d < p->asked_rank; ++d) {
      if (p->declared.rank >= 0 && p->declared.dims[d] >= 0 && p->declared.dims[d] != p->asked[d])
        return tool_fail(e, EXIT_USAGE,
                         "%s: --shape: dimension %d of input '%s' is fixed to %lld by the model, not %lld: %s", model,
                         d, p->declared.name, (long long)p->declared.dims[d], (long long)p->asked[d],
                         shape_hint(p, hint, sizeof hint));
      p->dims[d] = p->asked[d];
    }
    p->rank = p->asked_rank;
  }
  if (p->file.kind != FILE_NPY) return EXIT_OK;
  const npy_array *const a = &p->file.npy;
  const int64_t *dims = a->dims;
  int32_t rank = a->rank;
  /* open dimensions would take the number of steps and drop a 1 behind it: one dimension more means one slice a step */
  const bool slices = steps > 0 && rank > 0 && dims[0] == steps && dims_equal(p, dims + 1, rank - 1);
  const bool whole = !slices && (p->asked || p->declared.rank >= 0 ? dims_fit(p, dims, rank) : steps == 0 || rank == 0);
  if (!whole && steps > 0 && rank > 0 && dims[0] == steps && dims_fit(p, dims + 1, rank - 1)) {
    p->file.stacked = true;
    dims++;
    rank--;
  } else if (!whole) {
    char file[200], wanted[200];
    return tool_fail(e, EXIT_BAD_FILE, "%s: input %s: its shape %s does not fit input '%s', which takes %s %s", model,
                     p->file.path, shape_text(dims, rank, file, sizeof file), p->declared.name,
                     edge_dtype_name(p->declared.dtype), shape_text(p->dims, p->rank, wanted, sizeof wanted));
  }
  if (p->rank < 0) {
    p->rank = rank;
    memcpy(p->dims, dims, sizeof p->dims[0] * (size_t)rank);
  } else if (p->rank == rank) {
    for (int32_t d = 0; d < rank; ++d)
      if (p->dims[d] < 0) p->dims[d] = dims[d];
  } else { /* ranks differ by ones: hand the other sizes to the open dimensions in order */
    int32_t k = 0;
    for (int32_t d = 0; d < p->rank; ++d) {
      if (p->dims[d] == 1) continue;
      while (k < rank && dims[k] == 1) k++;
      if (p->dims[d] < 0) p->dims[d] = k < rank ? dims[k] : 1;
      k++;
    }
  }
  return EXIT_OK;
}

/* ---- filling */

static uint64_t splitmix(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* Floats are multiples of the type's resolution in [-1, 1), so that every machine stores the same value. */
static void fill_seeded(const edge_tensor *t, uint64_t seed) {
  uint64_t count = 0;
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK) return;
  const unsigned bits = t->dtype == EDGE_DTYPE_F64    ? 53
                        : t->dtype == EDGE_DTYPE_F16  ? 11
                        : t->dtype == EDGE_DTYPE_BF16 ? 8
                                                      : 24;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t z = splitmix(&seed);
    switch (t->dtype) {
    case EDGE_DTYPE_F32:
    case EDGE_DTYPE_F64:
    case EDGE_DTYPE_F16:
    case EDGE_DTYPE_BF16:
      ei_store_f64(t, i, (double)(z >> (64 - bits)) / (double)((uint64_t)1 << (bits - 1)) - 1.0);
      break;
    case EDGE_DTYPE_S8:
    case EDGE_DTYPE_U8: ei_store_s64(t, i, (int64_t)(z >> 56)); break;
    default: ei_store_s64(t, i, (int64_t)(z >> 63)); break;
    }
  }
}

static bool read_triple(const char *text, float *out) {
  return sscanf(text, "%f,%f,%f", &out[0], &out[1], &out[2]) == 3;
}

static int fill_picture(const tool_options *o, const char *model, const plan_input *p, const edge_tensor *t,
                        tool_error *e) {
  edge_image_options options = EDGE_IMAGE_OPTIONS_INIT;
  char shape[200];
  const edge_image_u8 image = { p->file.picture.pixels, p->file.picture.width, p->file.picture.height,
                                p->file.picture.channels, 0 };
  if ((o->mean && !read_triple(o->mean, options.mean)) || (o->std && !read_triple(o->std, options.std)))
    return tool_fail(e, EXIT_USAGE, "edgert: --mean and --std take three numbers: R,G,B");
  if (o->layout && strcmp(o->layout, "nchw") != 0 && strcmp(o->layout, "nhwc") != 0)
    return tool_fail(e, EXIT_USAGE, "edgert: --layout is nchw or nhwc");
  if (o->channels && strcmp(o->channels, "rgb") != 0 && strcmp(o->channels, "bgr") != 0)
    return tool_fail(e, EXIT_USAGE, "edgert: --channels is rgb or bgr");
  for (int i = 0; i < 3; ++i)
    if (options.std[i] == 0.0f) return tool_fail(e, EXIT_USAGE, "edgert: --std must not be 0");
  options.normalize = o->mean || o->std;
  options.nchw = !o->layout ? 2 : o->layout[1] == 'c';
  options.bgr = o->channels && o->channels[0] == 'b';
  const edge_status status = edge_image_to_tensor(&image, &options, t);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  return tool_fail(e, EXIT_BAD_FILE,
                   "%s: picture %s does not fit input '%s', which takes %s %s: a picture needs [N, H, W, C] or "
                   "[N, C, H, W] with 1, 3 or 4 channels",
                   model, p->file.path, t->name, edge_dtype_name(t->dtype),
                   shape_text(t->dims, t->rank, shape, sizeof shape));
}

/* Samples [first, first + n) of a recording, padded with silence, into a vector input. */
static int fill_sound(const char *model, const plan_input *p, const edge_tensor *t, int step, tool_error *e) {
  int64_t length = 1;
  int wide = 0;
  for (int32_t d = 0; d < t->rank; ++d) {
    wide += t->dims[d] > 1;
    length *= t->dims[d];
  }
  if (wide > 1) {
    char shape[160] = "";
    for (int32_t d = 0; d < t->rank; ++d)
      snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%lld", d ? "x" : "", (long long)t->dims[d]);
    return tool_fail(e, EXIT_UNSUPPORTED,
                     "%s: input '%s' (%s) needs features, not samples: compute them and give a .npy file", model,
                     t->name, shape);
  }
  float *const values = calloc((size_t)length + 1, sizeof *values);
  if (!values) return tool_fail(e, EXIT_LIMIT, "%s: no memory", model);
  const uint64_t first = (uint64_t)step * (uint64_t)length;
  for (int64_t i = 0; i < length && first + (uint64_t)i < p->file.sound.count; ++i)
    values[i] = p->file.sound.samples[first + (uint64_t)i];
  const edge_status status = edge_quantize(values, (uint64_t)length, t);
  free(values);
  return status == EDGE_STATUS_OK
             ? EXIT_OK
             : tool_fail(e, EXIT_BAD_FILE, "%s: sound %s does not fit input '%s'", model, p->file.path, t->name);
}

static int fill_input(const tool_options *o, const tool_case *c, const plan_input *p, uint32_t index,
                      const edge_tensor *t, int step, tool_error *e) {
  char why[400], shape[200], file[200];
  uint64_t count = 0;
  switch (p->file.kind) {
  case FILE_NONE: fill_seeded(t, c->seed + index); return EXIT_OK;
  case FILE_PICTURE: return fill_picture(o, c->model, p, t, e);
  case FILE_WAV: return fill_sound(c->model, p, t, step, e);
  case FILE_RAW:
    if (p->file.n_bytes != t->bytes)
      return tool_fail(e, EXIT_BAD_FILE,
                       "%s: input %s is read as raw values: it has %llu bytes, input '%s' (%s %s) takes %llu", c->model,
                       p->file.path, (unsigned long long)p->file.n_bytes, t->name, edge_dtype_name(t->dtype),
                       shape_text(t->dims, t->rank, shape, sizeof shape), (unsigned long long)t->bytes);
    if (t->bytes) memcpy(t->data, p->file.bytes, (size_t)t->bytes);
    return EXIT_OK;
  case FILE_NPY: break;
  }
  if (edge_tensor_elements(t, &count) != EDGE_STATUS_OK ||
      count != (p->file.stacked ? product(p->file.npy.dims, 1, p->file.npy.rank) : p->file.npy.count))
    return tool_fail(e, EXIT_BAD_FILE, "%s: input %s: its shape %s does not fit input '%s', which takes %s %s",
                     c->model, p->file.path, shape_text(p->file.npy.dims, p->file.npy.rank, file, sizeof file), t->name,
                     edge_dtype_name(t->dtype), shape_text(t->dims, t->rank, shape, sizeof shape));
  if (npy_to_tensor(&p->file.npy, p->file.stacked ? (uint64_t)step * count : 0, t, why, sizeof why))
    return tool_fail(e, EXIT_BAD_FILE, "%s: input %s for '%s': %s", c->model, p->file.path, t->name, why);
  return EXIT_OK;
}

/* ---- assembling */

typedef struct opener {
  const tool_options *o;
  const tool_case *c;
  tool_run *r;
  plan_input *inputs;
  tool_error *e;
} opener;

/* Give each file its input: by name, the rest in order. */
static int assign_files(opener *a) {
  const tool_case *const c = a->c;
  tool_run *const r = a->r;
  const char *files[TOOL_MAX_LIST] = { NULL };
  int target[TOOL_MAX_LIST];
  char names[600], name[256];
  list_names(r->model, r->entry, false, names, sizeof names);
  for (uint32_t i = 0; i < c->n_inputs; ++i) {
    files[i] = c->input_files[i];
    target[i] = -1;
    if (c->input_names[i]) {
      target[i] = find_name(r->model, r->entry, false, c->input_names[i]);
      if (target[i] < 0)
        return tool_fail(a->e, EXIT_USAGE, "%s: the model has no input '%s'; it has: %s", c->model, c->input_names[i],
                         names);
    } else if (!c->inputs_by_name && strchr(files[i], '=')) {
      snprintf(name, sizeof name, "%.*s", (int)(strchr(files[i], '=') - files[i]), files[i]);
      target[i] = find_name(r->model, r->entry, false, name);
      if (target[i] >= 0) files[i] = strchr(files[i], '=') + 1;
    }
  }
  for (uint32_t i = 0; i < c->n_inputs; ++i) {
    if (target[i] >= 0) {
      if (a->inputs[target[i]].file.path)
        return tool_fail(a->e, EXIT_USAGE, "%s: input '%s' is given twice", c->model,
                         a->inputs[target[i]].declared.name);
      a->inputs[target[i]].file.path = files[i];
    }
  }
  uint32_t next = 0;
  for (uint32_t i = 0; i < c->n_inputs; ++i) {
    if (target[i] >= 0) continue;
    while (next < r->n_inputs && a->inputs[next].file.path) next++;
    if (next == r->n_inputs)
      return tool_fail(a->e, EXIT_USAGE, "%s: more files than inputs; the model has: %s", c->model, names);
    a->inputs[next].file.path = files[i];
  }
  for (uint32_t i = 0; i < r->n_inputs; ++i)
    if (a->inputs[i].file.path) {
      const int code = read_input_file(c->model, a->inputs[i].file.path, names, &a->inputs[i].file, a->e);
      if (code) return code;
    }
  return EXIT_OK;
}

static int assign_shapes(opener *a) {
  const tool_case *const c = a->c;
  char names[600];
  list_names(a->r->model, a->r->entry, false, names, sizeof names);
  for (uint32_t i = 0; i < c->n_shapes; ++i) {
    const int target = find_name(a->r->model, a->r->entry, false, c->shape_names[i]);
    if (target < 0)
      return tool_fail(a->e, EXIT_USAGE, "%s: --shape: the model has no input '%s'; it has: %s", c->model,
                       c->shape_names[i], names);
    if (a->inputs[target].asked)
      return tool_fail(a->e, EXIT_USAGE, "%s: --shape is given twice for input '%s'", c->model, c->shape_names[i]);
    a->inputs[target].asked = c->shape_dims[i];
    a->inputs[target].asked_rank = c->shape_rank[i];
  }
  for (uint32_t i = 0; i < a->r->n_inputs; ++i) {
    const int code = settle_shape(c->model, &a->inputs[i], c->steps, a->e);
    if (code) return code;
  }
  /* one symbol, one size: what one input settles holds for the others */
  for (uint32_t i = 0; i < a->r->n_inputs; ++i)
    for (int32_t d = 0; d < a->inputs[i].rank; ++d) {
      const char *const symbol = edge_model_input_dim_name(a->r->model, a->r->entry, i, (uint32_t)d);
      if (!symbol || a->inputs[i].dims[d] >= 0) continue;
      for (uint32_t k = 0; k < a->r->n_inputs; ++k)
        for (int32_t f = 0; f < a->inputs[k].rank; ++f) {
          const char *const other = edge_model_input_dim_name(a->r->model, a->r->entry, k, (uint32_t)f);
          if (other && strcmp(symbol, other) == 0 && a->inputs[k].dims[f] >= 0)
            a->inputs[i].dims[d] = a->inputs[k].dims[f];
        }
    }
  return EXIT_OK;
}

/* Position from 0 or name; a name that exists wins over a number. */
static int find_port(const opener *a, bool output, const char *text) {
  const int named = find_name(a->r->model, a->r->entry, output, text);
  if (named >= 0) return named;
  char *end;
  const unsigned long v = strtoul(text, &end, 10);
  return end != text && *end == 0 && v < (output ? a->r->n_outputs : a->r->n_inputs) ? (int)v : -1;
}

static int assign_carry(opener *a) {
  for (uint32_t i = 0; i < a->c->n_carry; ++i) {
    char from[256];
    const char *const equals = strrchr(a->c->carry[i], '=');
    snprintf(from, sizeof from, "%.*s", equals ? (int)(equals - a->c->carry[i]) : 0, a->c->carry[i]);
    const int out = equals ? find_port(a, true, from) : -1, in = equals ? find_port(a, false, equals + 1) : -1;
    if (out < 0 || in < 0)
      return tool_fail(a->e, EXIT_USAGE,
                       "%s: --carry %s: expected OUT=IN with an output and an input by name or position from 0",
                       a->c->model, a->c->carry[i]);
    a->r->carry_from[in] = (uint32_t)out + 1;
  }
  return EXIT_OK;
}

/* Memory that the output and the input share: the library keeps the two apart during a run. Where it cannot be known
 * yet whether they fit, the value is copied between steps, and complained about there. */
static void bind_carry(opener *a) {
  tool_run *const r = a->r;
  for (uint32_t i = 0; i < r->n_inputs && a->c->steps; ++i) {
    edge_tensor in, out;
    if (!r->carry_from[i] || edge_session_get_input(r->session, i, &in) != EDGE_STATUS_OK ||
        edge_session_get_output(r->session, r->carry_from[i] - 1, &out) != EDGE_STATUS_OK || in.dtype != out.dtype ||
        in.bytes != out.bytes || in.bytes == 0 || !out.data)
      continue;
    bool taken = false; /* an output is bound once */
    for (uint32_t k = 0; k < i; ++k) taken |= r->carry_from[k] == r->carry_from[i];
    unsigned char *const raw = taken ? NULL : malloc((size_t)in.bytes + 64);
    if (!raw) continue;
    unsigned char *const data = raw + (64 - (uintptr_t)raw % 64);
    if (edge_session_bind_input(r->session, i, data, in.bytes) == EDGE_STATUS_OK &&
        edge_session_bind_output(r->session, r->carry_from[i] - 1, data, in.bytes) == EDGE_STATUS_OK)
      r->carried[i] = raw;
    else if (edge_session_bind_input(r->session, i, NULL, 0) == EDGE_STATUS_OK)
      free(raw);
    else
      r->carried[i] = raw; /* still in use */
  }
}

static bool has_npy_form(const edge_tensor *t) {
  return t->dtype != EDGE_DTYPE_NONE && npy_descr(t->dtype)[0];
}

static int check_types(opener *a) {
  for (uint32_t i = 0; i < a->r->n_inputs; ++i)
    if (!has_npy_form(&a->inputs[i].declared))
      return tool_fail(a->e, EXIT_UNSUPPORTED, "%s: input '%s' has a type without a .npy form", a->c->model,
                       a->inputs[i].declared.name);
  return EXIT_OK;
}

static int session_error(const opener *a, edge_status status, int usage_code) {
  return tool_fail_status(a->e, a->o, a->c->model, status, edge_session_last_error(a->r->session)->text, usage_code);
}

/* Plan with this size in open dimensions, in those of space and in the last one. */
static edge_status plan_with(opener *a, int64_t size) {
  for (uint32_t i = 0; i < a->r->n_inputs; ++i) {
    const plan_input *const p = &a->inputs[i];
    int64_t dims[EDGE_MAX_RANK];
    if (p->rank < 0 || !(p->declared.flags & EDGE_TENSOR_DYNAMIC)) continue;
    for (int32_t d = 0; d < p->rank; ++d)
      dims[d] = p->dims[d] >= 0 ? p->dims[d] : d == p->rank - 1 || (p->rank > 3 && d > 0) ? size : 1;
    EI_TRY(edge_session_resize_input(a->r->session, i, dims, p->rank));
  }
  return edge_session_prepare(a->r->session);
}

static int make_session(opener *a) {
  tool_run *const r = a->r;
  edge_session_options options;
  edge_error error = EDGE_ERROR_INIT;
  tool_session_options(a->o, r->deadline_ns, &options);
  if (a->c->profile) options.flags |= EDGE_SESSION_PROFILE;
  if (a->c->backends) options.backends = a->c->backends;
  if (a->c->prefer) options.flags |= EDGE_SESSION_PREFER;
  const edge_status made = edge_session_create(r->model, &options, &r->session, &error);
  if (made == EDGE_STATUS_UNSUPPORTED_TYPE || made == EDGE_STATUS_UNSUPPORTED_OP) tool_unsupported_search(a->c->model);
  if (made != EDGE_STATUS_OK) /* shapes that disagree before anybody asked for one are the file's fault */
    return tool_fail_status(a->e, a->o, a->c->model, made, error.text,
                            made == EDGE_STATUS_SHAPE_MISMATCH ? EXIT_BAD_FILE : EXIT_USAGE);
  const bool asked = a->c->n_shapes || a->c->n_inputs;
  const edge_status status = plan_with(a, 1);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  const int code = session_error(a, status, status == EDGE_STATUS_SHAPE_MISMATCH && asked ? EXIT_USAGE : EXIT_BAD_FILE);
  static const int64_t sizes[] = { 64, 224, 640, 1792 };
  for (uint32_t k = 0; a->c->any_shape && !asked && k < sizeof sizes / sizeof sizes[0]; ++k) {
    if (plan_with(a, sizes[k]) != EDGE_STATUS_OK) continue;
    fprintf(stderr, "%s: open dimensions of 1 do not fit it, %lld is shown: give yours with --shape\n", a->c->model,
            (long long)sizes[k]);
    return EXIT_OK;
  }
  return code;
}

/* Data of every step goes into one block per input, so that the files can be closed. */
static int load_data(opener *a) {
  tool_run *const r = a->r;
  for (uint32_t i = 0; i < r->n_inputs; ++i) {
    edge_tensor t;
    if (edge_session_get_input(r->session, i, &t) != EDGE_STATUS_OK)
      return tool_fail(a->e, EXIT_BAD_FILE, "%s: input %u is not there", a->c->model, i);
    const int steps =
        a->c->steps && (a->inputs[i].file.stacked || a->inputs[i].file.kind == FILE_WAV) ? a->c->steps : 1;
    if (a->c->steps) {
      r->step_data[i] = calloc((size_t)steps, t.bytes ? (size_t)t.bytes : 1);
      if (!r->step_data[i])
        return tool_fail(a->e, EXIT_LIMIT, "%s: no memory for the steps of input '%s'", a->c->model, t.name);
    }
    for (int s = 0; s < steps; ++s) {
      edge_tensor into = t;
      if (a->c->steps) into.data = (unsigned char *)r->step_data[i] + (uint64_t)s * t.bytes;
      const int code = fill_input(a->o, a->c, &a->inputs[i], i, &into, s, a->e);
      if (code) return code;
    }
    r->step_count[i] = (uint32_t)steps;
  }
  return EXIT_OK;
}

int tool_open(const tool_options *o, edge_env *env, const tool_case *c, tool_run *r, tool_error *e) {
  opener a = { o, c, r, NULL, e };
  const uint64_t start = edge_session_clock_ns();
  memset(r, 0, sizeof *r);
  r->options = o;
  r->env = env;
  if (o->timeout_s > 0) r->deadline_ns = start + (uint64_t)(o->timeout_s * 1e9);
  int code = tool_open_model(o, c, r, e);
  if (code) {
    tool_close(r);
    return code;
  }
  if (o->entry) {
    r->entry = UINT32_MAX;
    for (uint32_t i = 0; i < edge_model_num_entries(r->model); ++i)
      if (strcmp(edge_model_entry_name(r->model, i), o->entry) == 0) r->entry = i;
    if (r->entry == UINT32_MAX)
      code = tool_fail(e, EXIT_USAGE, "%s: no entry point is named '%s'; the first is '%s'", c->model, o->entry,
                       edge_model_entry_name(r->model, 0));
  }
  if (!code) {
    r->n_inputs = edge_model_num_inputs(r->model, r->entry);
    r->n_outputs = edge_model_num_outputs(r->model, r->entry);
    a.inputs = calloc(r->n_inputs + 1, sizeof *a.inputs);
    r->step_data = calloc(r->n_inputs + 1, sizeof *r->step_data);
    r->step_count = calloc(r->n_inputs + 1, sizeof *r->step_count);
    r->carry_from = calloc(r->n_inputs + 1, sizeof *r->carry_from);
    r->carried = calloc(r->n_inputs + 1, sizeof *r->carried);
    if (!a.inputs || !r->carried || !r->step_data || !r->step_count || !r->carry_from)
      code = tool_fail(e, EXIT_LIMIT, "%s: no memory", c->model);
  }
  for (uint32_t i = 0; !code && i < r->n_inputs; ++i)
    if (edge_model_get_input(r->model, r->entry, i, &a.inputs[i].declared) != EDGE_STATUS_OK)
      code = tool_fail(e, EXIT_BAD_FILE, "%s: input %u", c->model, i);
  if (!code) code = check_types(&a);
  if (!code) code = assign_files(&a);
  if (!code) code = assign_shapes(&a);
  if (!code) code = assign_carry(&a);
  if (!code) code = make_session(&a);
  if (!code) bind_carry(&a);
  r->load_ns = edge_session_clock_ns() - start;
  if (!code) code = load_data(&a);
  for (uint32_t i = 0; a.inputs && i < r->n_inputs; ++i) free_input_file(&a.inputs[i].file);
  free(a.inputs);
  if (code) tool_close(r);
  return code;
}

void tool_close(tool_run *r) {
  edge_session_destroy(r->session);
  edge_model_release(r->model);
  if (r->graph_image.release) r->graph_image.release(r->graph_image.user);
  for (uint32_t i = 0; r->step_data && i < r->n_inputs; ++i) free(r->step_data[i]);
  for (uint32_t i = 0; r->carried && i < r->n_inputs; ++i) free(r->carried[i]);
  free(r->carried);
  free(r->step_data);
  free(r->step_count);
  free(r->carry_from);
  memset(r, 0, sizeof *r);
}

int tool_run_once(tool_run *r, const tool_case *c, tool_error *e) {
  const edge_status status = edge_session_run(r->session);
  if (status == EDGE_STATUS_OK) return EXIT_OK;
  return tool_fail_status(e, r->options, c->model, status, edge_session_last_error(r->session)->text, EXIT_BAD_FILE);
}

/* Inputs of a step: its slice of a stacked file, or what the step before carried over. */
int tool_fill_step(tool_run *r, const tool_case *c, int step, tool_error *e) {
  for (uint32_t i = 0; i < r->n_inputs; ++i) {
    edge_tensor t, from;
    if (edge_session_get_input(r->session, i, &t) != EDGE_STATUS_OK)
      return tool_fail(e, EXIT_BAD_FILE, "%s: input %u is not there", c->model, i);
    if (step > 0 && r->carried[i]) continue; /* it is there */
    if (step > 0 && r->carry_from[i]) {
      if (edge_session_get_output(r->session, r->carry_from[i] - 1, &from) != EDGE_STATUS_OK || from.bytes != t.bytes ||
          from.dtype != t.dtype)
        return tool_fail(e, EXIT_BAD_FILE, "%s: --carry: output '%s' does not fit input '%s'", c->model, from.name,
                         t.name);
      if (t.bytes) memmove(t.data, from.data, (size_t)t.bytes);
      continue;
    }
    const uint64_t slice = r->step_count[i] > 1 ? (uint64_t)step : 0;
    if (t.bytes) memcpy(t.data, (unsigned char *)r->step_data[i] + slice * t.bytes, (size_t)t.bytes);
  }
  return EXIT_OK;
}
