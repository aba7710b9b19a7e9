/* SPDX-License-Identifier: Apache-2.0
 * edgert diff --against: another runtime's Python package computes every tensor of the model on the same inputs. */
#define _POSIX_C_SOURCE 200809L
#include "compare.h"

#include "json.h"
#include "npy.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the script leaves in the folder: N.npy per value, values.json, and on failure error.txt. */
static const char script_start[] =
    "import json, os, sys\n"
    "folder, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"
    "os.environ['TMPDIR'] = folder\n"
    "def fail(code, text):\n"
    "    open(os.path.join(folder, 'error.txt'), 'w', encoding='utf-8').write(text)\n"
    "    os._exit(code)\n"
    "def ready(name):\n"
    "    try:\n"
    "        return __import__(name, fromlist=['x'])\n"
    "    except ImportError as e:\n"
    "        fail(40, str(e))\n"
    "np = ready('numpy')\n"
    "inputs = json.load(open(os.path.join(folder, 'inputs.json'), encoding='utf-8'))\n"
    "for i in inputs:\n"
    "    i['value'] = np.load(os.path.join(folder, i['file']))\n"
    "def done(label, values):\n"
    "    listing = []\n"
    "    for name, value, output in values:\n"
    "        if isinstance(value, np.ndarray) and value.dtype.kind in 'fiub' and value.ndim <= 8:\n"
    "            np.save(os.path.join(folder, 'v%d.npy' % len(listing)), np.asarray(value, order='C'))\n"
    "            listing.append({'name': name, 'output': output})\n"
    "    json.dump({'label': label, 'values': listing}, open(os.path.join(folder, 'values.json'), 'w'))\n"
    "    sys.stdout.flush()\n"
    "    os._exit(0)\n";

static const char script_onnxruntime[] =
    "onnx, ort = ready('onnx'), ready('onnxruntime')\n"
    "try:\n"
    "    m = onnx.load(model)\n"
    "    declared = [o.name for o in m.graph.output]\n"
    "    names, known = list(declared), set(declared)\n"
    "    for n in m.graph.node:\n"
    "        for o in n.output:\n"
    "            if o and o not in known:\n"
    "                known.add(o)\n"
    "                names.append(o)\n"
    "                m.graph.output.append(onnx.ValueInfoProto(name=o))\n"
    "    if m.ir_version > 10:\n"
    "        m.ir_version = 10\n"
    "    s = ort.SessionOptions()\n"
    "    s.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL\n"
    "    s.intra_op_num_threads = threads\n"
    "    s.log_severity_level = 3\n"
    "    s.add_session_config_entry('session.x64quantprecision', '1')\n"
    "    s = ort.InferenceSession(m.SerializeToString(), s, providers=['CPUExecutionProvider'])\n"
    "    wanted = {i.name: i for i in s.get_inputs()}\n"
    "    feed = {}\n"
    "    for k, i in enumerate(inputs):\n"
    "        name = i['name'] if i['name'] in wanted else s.get_inputs()[k].name\n"
    "        feed[name] = i['value']\n"
    "    values = s.run(names, feed)\n"
    "except Exception as e:\n"
    "    fail(41, '%s: %s' % (type(e).__name__, e))\n"
    "done('onnxruntime ' + ort.__version__ + ', no optimizations', [(n, v, n in declared) for n, v in zip(names, "
    "values)])\n";

static const char script_litert[] =
    "try:\n"
    "    from ai_edge_litert import interpreter as tfl\n"
    "    label = 'ai-edge-litert'\n"
    "except ImportError:\n"
    "    tfl = ready('tensorflow.lite.python.interpreter')\n"
    "    label = 'tensorflow.lite'\n"
    "try:\n"
    "    kernels = getattr(tfl, 'OpResolverType').BUILTIN_REF\n"
    "    s = tfl.Interpreter(model_path=model, num_threads=threads, experimental_op_resolver_type=kernels,\n"
    "                        experimental_preserve_all_tensors=True)\n"
    "    d = s.get_input_details()\n"
    "    for k, i in enumerate(inputs):\n"
    "        if list(d[k]['shape']) != list(i['value'].shape):\n"
    "            s.resize_tensor_input(d[k]['index'], i['value'].shape)\n"
    "    s.allocate_tensors()\n"
    "    for k, i in enumerate(inputs):\n"
    "        s.set_tensor(d[k]['index'], i['value'])\n"
    "    s.invoke()\n"
    "    declared = [o['index'] for o in s.get_output_details()]\n"
    "    values = [(o['name'], s.get_tensor(o['index']), True) for o in s.get_output_details()]\n"
    "    for t in s.get_tensor_details():\n"
    "        if t['index'] not in declared and t['name']:\n"
    "            try:\n"
    "                values.append((t['name'], s.get_tensor(t['index']), False))\n"
    "            except ValueError:\n"
    "                pass\n"
    "except Exception as e:\n"
    "    fail(41, '%s: %s' % (type(e).__name__, e))\n"
    "done(label + ', reference kernels', values)\n";

typedef struct peer_row {
  const char *name, *script, *packages, *formats;
  int kind;
} peer_row;

static const peer_row peers[] = {
  { "onnxruntime", script_onnxruntime, "onnxruntime onnx", "ONNX", EI_IMPORT_ONNX },
  { "litert", script_litert, "ai-edge-litert", "TFLite", EI_IMPORT_TFLITE },
};

static const peer_row *find_peer(const char *name) {
  for (size_t i = 0; i < sizeof peers / sizeof peers[0]; ++i)
    if (strcmp(peers[i].name, name) == 0) return &peers[i];
  return NULL;
}

bool tool_is_peer(const char *name) {
  return find_peer(name) != NULL;
}

#ifdef _WIN32
int tool_peer(const tool_options *o, const tool_case *c, tool_run *r, const char *peer, tool_values *out,
              tool_error *e) {
  (void)o, (void)r, (void)out;
  return tool_fail(e, EXIT_UNSUPPORTED, "%s: --against %s is not part of this build", c->model, peer);
}
#else
#  include <dirent.h>
#  include <fcntl.h>
#  include <signal.h>
#  include <spawn.h>
#  include <sys/wait.h>
#  include <time.h>
#  include <unistd.h>

extern char **environ;

static void path_in(char out[512], const char *folder, const char *name) {
  snprintf(out, 512, "%.255s/%.255s", folder, name);
}

static void remove_folder(const char *folder) {
  DIR *const dir = opendir(folder);
  const struct dirent *entry;
  while (dir && (entry = readdir(dir)) != NULL) {
    char path[512];
    path_in(path, folder, entry->d_name);
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove(path);
  }
  if (dir) closedir(dir);
  rmdir(folder);
}

static int write_inputs(const tool_case *c, tool_run *r, const char *folder, tool_error *e) {
  char path[512], name[32];
  path_in(path, folder, "inputs.json");
  FILE *const list = fopen(path, "wb");
  bool ok = list != NULL;
  if (ok) fputs("[", list);
  for (uint32_t i = 0; ok && i < r->n_inputs; ++i) {
    edge_tensor t;
    snprintf(name, sizeof name, "i%u.npy", i);
    path_in(path, folder, name);
    ok = edge_session_get_input(r->session, i, &t) == EDGE_STATUS_OK && npy_write(path, &t, t.data, 0);
    if (!ok) break;
    fprintf(list, "%s{\"file\":\"%s\",\"name\":", i ? "," : "", name);
    json_write_string(list, t.name);
    fputs("}", list);
  }
  if (list) fputs("]\n", list);
  if (list && fclose(list) != 0) ok = false;
  return ok ? EXIT_OK : tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, folder, strerror(errno));
}

static bool write_script(const char *path, const peer_row *p) {
  FILE *const out = fopen(path, "wb");
  if (!out) return false;
  fputs(script_start, out);
  fputs(p->script, out);
  return fclose(out) == 0;
}

/* The script's exit code; -1: it did not start, errno says why; -2: it ran past the deadline. */
static int run_script(const char *python, char *const arguments[], const char *log, uint64_t deadline_ns) {
  posix_spawn_file_actions_t actions;
  pid_t child;
  int status = 0;
  if (posix_spawn_file_actions_init(&actions) != 0) return -1;
  posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const int started = posix_spawnp(&child, python, &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (started != 0) {
    errno = started;
    return -1;
  }
  for (;;) {
    const pid_t done = waitpid(child, &status, deadline_ns ? WNOHANG : 0);
    if (done == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    if (done < 0 && errno != EINTR) return -1;
    if (deadline_ns && edge_session_clock_ns() > deadline_ns) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return -2;
    }
    const struct timespec pause = { 0, 20000000 };
    if (done == 0) nanosleep(&pause, NULL);
  }
}

static int32_t dtype_of(const npy_array *a) {
  static const int32_t floats[9] = { [2] = EDGE_DTYPE_F16, [4] = EDGE_DTYPE_F32, [8] = EDGE_DTYPE_F64 };
  static const int32_t ints[9] = {
    [1] = EDGE_DTYPE_S8, [2] = EDGE_DTYPE_S16, [4] = EDGE_DTYPE_S32, [8] = EDGE_DTYPE_S64
  };
  static const int32_t uints[9] = {
    [1] = EDGE_DTYPE_U8, [2] = EDGE_DTYPE_U16, [4] = EDGE_DTYPE_U32, [8] = EDGE_DTYPE_U64
  };
  if (a->item_bytes > 8) return EDGE_DTYPE_NONE;
  switch (a->kind) {
  case 'f': return floats[a->item_bytes];
  case 'i': return ints[a->item_bytes];
  case 'u': return uints[a->item_bytes];
  case 'b': return EDGE_DTYPE_BOOL;
  default: return EDGE_DTYPE_NONE;
  }
}

/* One value into memory of its own; false: not a type that can be compared. */
static bool load_value(const char *path, const char *name, tool_value *out) {
  uint64_t bytes = 0;
  char why[256];
  npy_array a;
  unsigned char *const file = tool_read_file(path, &bytes);
  if (!file || npy_parse(file, bytes, &a, why, sizeof why)) return false;
  memset(out, 0, sizeof *out);
  out->op = "";
  out->t.dtype = dtype_of(&a);
  out->t.rank = a.rank;
  memcpy(out->t.dims, a.dims, sizeof out->t.dims);
  bool ok = out->t.dtype != EDGE_DTYPE_NONE && edge_tensor_bytes(&out->t, &out->t.bytes) == EDGE_STATUS_OK;
  char *const copy = ok ? malloc(strlen(name) + 1) : NULL;
  out->t.data = ok ? calloc(1, (size_t)out->t.bytes + 1) : NULL;
  ok = copy && out->t.data && npy_to_tensor(&a, 0, &out->t, why, sizeof why) == 0;
  npy_free(&a);
  if (ok) {
    out->t.name = strcpy(copy, name);
    return true;
  }
  free(copy);
  free(out->t.data);
  return false;
}

static int read_values(const tool_case *c, const char *folder, tool_values *out, tool_error *e) {
  char path[512], name[32];
  uint64_t bytes = 0;
  path_in(path, folder, "values.json");
  unsigned char *const text = tool_read_file(path, &bytes);
  json_value *const root = text ? json_parse((const char *)text, (size_t)bytes) : NULL;
  const json_value *const values = json_get(root, "values"), *const label = json_get(root, "label");
  const bool ok = values && values->kind == JSON_ARRAY && label && label->kind == JSON_STRING;
  if (ok) {
    snprintf(out->label, sizeof out->label, "%s", label->string);
    out->items = calloc(values->count + 1u, sizeof *out->items);
    out->own = true;
  }
  for (uint32_t i = 0; ok && out->items && i < values->count; ++i) {
    const json_value *const n = json_get(values->items[i], "name"), *const declared =
                                                                        json_get(values->items[i], "output");
    snprintf(name, sizeof name, "v%u.npy", i);
    path_in(path, folder, name);
    if (!n || n->kind != JSON_STRING || !load_value(path, n->string, &out->items[out->n])) continue;
    out->items[out->n].output = declared && declared->boolean;
    out->items[out->n].order = out->n;
    out->n++;
  }
  json_free(root);
  free(text);
  return ok ? EXIT_OK : tool_fail(e, EXIT_UNSUPPORTED, "%s: the script left no values", c->model);
}

/* The end of a file that the script left, as one line. */
static void last_words(const char *folder, const char *file, char *out, size_t cap) {
  char path[512];
  uint64_t bytes = 0;
  path_in(path, folder, file);
  unsigned char *const text = tool_read_file(path, &bytes);
  const size_t n = text && bytes < cap - 1 ? (size_t)bytes : cap - 1;
  out[0] = 0;
  if (text) {
    memcpy(out, text + (bytes - n), n);
    out[n] = 0;
  }
  for (char *at = out; *at; ++at)
    if ((unsigned char)*at < 0x20) *at = ' ';
  free(text);
}

static int explain(const peer_row *p, const tool_options *o, const tool_case *c, const char *python, const char *folder,
                   int code, tool_error *e) {
  char words[400];
  last_words(folder, code == 40 || code == 41 ? "error.txt" : "log.txt", words, sizeof words);
  if (code == -1)
    return tool_fail(e, EXIT_UNSUPPORTED,
                     "%s: --against %s needs Python: '%s' does not start (%s); set EDGE_PYTHON to an interpreter that "
                     "has the packages: %s",
                     c->model, p->name, python, strerror(errno), p->packages);
  if (code == -2)
    return tool_fail(e, EXIT_LIMIT, "%s: %s took longer than --timeout %g", c->model, p->name, o->timeout_s);
  if (code == 40)
    return tool_fail(e, EXIT_UNSUPPORTED,
                     "%s: --against %s: %s. Install the packages with '%s -m pip install %s', or set EDGE_PYTHON to an "
                     "interpreter that has them",
                     c->model, p->name, words, python, p->packages);
  if (code == 41) return tool_fail(e, EXIT_UNSUPPORTED, "%s: %s does not run this model: %s", c->model, p->name, words);
  if (code == 128) return tool_fail(e, EXIT_UNSUPPORTED, "%s: %s crashed on this model: %s", c->model, p->name, words);
  return tool_fail(e, EXIT_UNSUPPORTED, "%s: %s ended with code %d: %s", c->model, p->name, code, words);
}

int tool_peer(const tool_options *o, const tool_case *c, tool_run *r, const char *peer, tool_values *out,
              tool_error *e) {
  const peer_row *const p = find_peer(peer);
  const char *const temp = getenv("TMPDIR"), *python = getenv("EDGE_PYTHON");
  char folder[256], script[512], log[512], threads[16];
  if (tool_model_kind(c->model) != p->kind)
    return tool_fail(e, EXIT_USAGE, "%s: --against %s takes the %s file that the model was made from", c->model, peer,
                     p->formats);
  if (!python || !*python) python = "python3";
  snprintf(folder, sizeof folder, "%.200s/edgert-XXXXXX", temp && *temp ? temp : "/tmp");
  if (!mkdtemp(folder))
    return tool_fail(e, EXIT_USAGE, "%s: no temporary folder: %s: %s", c->model, folder, strerror(errno));
  path_in(script, folder, "run.py");
  path_in(log, folder, "log.txt");
  snprintf(threads, sizeof threads, "%d", o->threads > 0 ? o->threads : 1);
  int code = write_inputs(c, r, folder, e);
  if (!code && !write_script(script, p))
    code = tool_fail(e, EXIT_USAGE, "%s: %s cannot be written: %s", c->model, script, strerror(errno));
  if (!code) {
    char *const arguments[] = { (char *)(uintptr_t)python, script, folder, (char *)(uintptr_t)c->model, threads, NULL };
    const int ended = run_script(python, arguments, log, r->deadline_ns);
    code = ended == 0 ? read_values(c, folder, out, e) : explain(p, o, c, python, folder, ended, e);
  }
  remove_folder(folder);
  return code;
}
#endif
