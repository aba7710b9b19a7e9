/* SPDX-License-Identifier: Apache-2.0
 * The edgert command: verbs, options, and the path from a model file to a session that all verbs share. */
#ifndef TOOL_H
#define TOOL_H

#include <edge/edge.h>
#include <edge/import.h>
#include <stdbool.h>
#include <stdio.h>

#include "../import/import.h"

/* Exit codes of the contract (docs/cli.md). */
enum {
  EXIT_OK = 0,
  EXIT_USAGE = 1,
  EXIT_UNSUPPORTED = 2,
  EXIT_BAD_FILE = 3,
  EXIT_LIMIT = 4,
  EXIT_DEVICE = 5,
  EXIT_DIFFERENT = 6
};

enum { TOOL_MAX_LIST = 64 };

/** A repeatable option: pointers into argv. */
typedef struct tool_list {
  const char *items[TOOL_MAX_LIST];
  uint32_t count;
} tool_list;

/** Options of every verb. Verbs use what they need; main refuses what a verb does not list. */
typedef struct tool_options {
  const char *positional[4];
  uint32_t n_positional;
  tool_list inputs, shapes, no_pass, carry;
  const char *backend, *isa, *entry, *cache_dir, *output, *output_dir, *labels, *batch, *prepare, *trace, *html,
      *against, *state_in, *state_out;
  const char *layout, *channels, *mean, *std;
  int threads;
  bool threads_given, prefer, strict, json, keep_custom, fast_math, reproducible, op_list, all, no_verify, measure,
      seed_given, help;
  unsigned long long seed;
  double timeout_s;
  uint64_t max_memory;
  int top, steps;
  double rtol, atol, min_seconds;
  int warmup, runs;
} tool_options;

/** A verb: one file and one row of verbs.def. */
typedef struct tool_verb {
  const char *name, *summary, *usage;
  const char *const *options; /* names it takes beside the common ones; ends with NULL */
  int (*run)(const tool_options *o);
} tool_verb;

typedef struct tool_error {
  int code;
  char text[1024];
} tool_error;

/** Record an error and return its exit code. */
int tool_fail(tool_error *e, int code, const char *format, ...);
/** Record a failed library call on a model: path, text and, where a limit was hit, the limit. `usage` is the exit code
 * for statuses of the first range (what a file contains is never wrong use). */
int tool_fail_status(tool_error *e, const tool_options *o, const char *path, edge_status status, const char *text,
                     int usage);
/** The same for a model that could not be opened, with what the path is and which file was meant. */
int tool_fail_open(tool_error *e, const tool_options *o, const char *path, edge_status status, const char *text);
/** Exit code for a library status. */
int tool_exit_code(edge_status status);
/** Text that may hold names out of files, without control characters. */
void tool_print(FILE *out, const char *text);
/** Print an error as the contract says (JSON object on stdout with --json, text on stderr). */
int tool_report(const tool_options *o, const tool_error *e);

/* Nodes that the last model opened holds and that are not supported (unsupported.c). */
/** Collect them while importing: sets the callback. Forgets those of an earlier model. */
void tool_unsupported_collect(const char *path, ei_import_options *import);
/** For an `.edge` file that was refused as not supported: read it again for the list. */
void tool_unsupported_search(const char *path);
bool tool_unsupported_any(void);
/** For people, on stderr; for programs, a JSON array on stdout. */
void tool_unsupported_text(void);
void tool_unsupported_json(void);

/** One model to run: from the command line or a line of a batch. */
typedef struct tool_case {
  const char *model;
  const char *input_names[TOOL_MAX_LIST]; /* NULL: positional */
  const char *input_files[TOOL_MAX_LIST];
  uint32_t n_inputs;
  const char *shape_names[TOOL_MAX_LIST];
  int64_t shape_dims[TOOL_MAX_LIST][EDGE_MAX_RANK];
  int32_t shape_rank[TOOL_MAX_LIST];
  uint32_t n_shapes;
  const char *carry[TOOL_MAX_LIST];
  uint32_t n_carry;
  const char *output_dir;
  const char *state_in, *state_out; /* files of edge_session_state_save() */
  int steps;                        /* 0: one run */
  unsigned long long seed;
  bool inputs_by_name;  /* NAME=FILE was already split */
  bool profile;         /* record per-node times */
  bool all_outputs;     /* every tensor is an output */
  bool want_graph;      /* tool_run.graph is set */
  bool any_shape;       /* open dimensions that nobody gave may take any size that fits */
  bool quiet;           /* warnings of the import were shown before */
  bool no_passes;       /* of an importer; an .edge file has them behind it */
  const char *backends; /* instead of --backend */
  bool prefer;
} tool_case;

/** A model opened and a session with its inputs filled. */
typedef struct tool_run {
  const tool_options *options;
  edge_env *env;
  edge_model *model;
  edge_session *session;
  const ei_graph *graph;  /* with tool_case.want_graph: what the model was opened from */
  edge_image graph_image; /* keeps it alive when the model does not */
  uint32_t n_declared;    /* with want_graph: outputs that the model itself declares */
  uint32_t entry;
  uint32_t n_inputs, n_outputs;
  void **step_data;     /* per input: its data for all steps, with --steps */
  uint32_t *step_count; /* per input: slices in step_data */
  uint32_t *carry_from; /* per input: output + 1, or 0 */
  void **carried;       /* per input: memory that it shares with its output, or NULL: copied between steps */
  uint64_t deadline_ns;
  uint64_t load_ns;
} tool_run;

/** --max-memory, else the memory of the machine or of the container: what is larger would only be swapped. 0: not
 * known. */
uint64_t tool_memory_limit(const tool_options *o);
/** Create the environment that the options ask for. */
int tool_env(const tool_options *o, edge_env **out, tool_error *e);
/** Case from the command line. */
int tool_case_from_options(const tool_options *o, tool_case *c, tool_error *e);
/** Open, make a session, settle shapes, fill inputs. On failure everything is released. */
int tool_open(const tool_options *o, edge_env *env, const tool_case *c, tool_run *r, tool_error *e);
/** A model without a session. */
int tool_open_model(const tool_options *o, const tool_case *c, tool_run *r, tool_error *e);
int tool_model_kind(const char *path); /* EI_IMPORT_*, by content */
void tool_session_options(const tool_options *o, uint64_t deadline_ns, edge_session_options *out);
void tool_close(tool_run *r);
/** Data of step `step` into the inputs. */
int tool_fill_step(tool_run *r, const tool_case *c, int step, tool_error *e);
/** Restore the session's state from a file; write it to one (removed again when it cannot be written whole). */
int tool_state_in(tool_run *r, const tool_case *c, tool_error *e);
int tool_state_out(tool_run *r, const tool_case *c, tool_error *e);
/** Run, with the failure in words that begin with the model's path. */
int tool_run_once(tool_run *r, const tool_case *c, tool_error *e);

/** A file being written. It gets its name when it is complete; until then, and after a failure, what had the name
 * stays. */
typedef struct tool_output {
  FILE *file;
  const char *path;
  char temporary[4096]; /* "": the path is written directly */
} tool_output;
bool tool_output_open(tool_output *t, const char *path); /* false: errno says why */
const char *tool_output_name(const tool_output *t);      /* what it is called for now */
bool tool_output_flush(tool_output *t);
/** ok: all was well so far, keep it. False: nothing was kept; errno says why, if it was the writing. */
bool tool_output_close(tool_output *t, bool ok);

unsigned char *tool_read_file(const char *path, uint64_t *bytes); /* NULL: errno says why */
double tool_now_ms(void);
uint64_t tool_peak_rss(void);
/** With --fast-math: say on stderr how many nodes make use of it. Plans when needed. */
void tool_report_fast_math(const tool_options *o, edge_session *session);
bool tool_make_dirs(const char *path);

/** Weights packed for the targets of --prepare: the image is replaced, or released on failure. */
typedef struct tool_prepared {
  edge_env *envs[8]; /* live as long as the image */
  uint32_t n_envs, blobs;
  uint64_t bytes;
} tool_prepared;
int tool_prepare(const tool_options *o, edge_image *image, tool_prepared *result, tool_error *e);
void tool_prepared_close(tool_prepared *result);

/* pictures and sound (media.c): recognised by content; 0 = not this kind, 1 = done, else an exit code + 100 */
typedef struct tool_picture {
  uint8_t *pixels;
  uint32_t width, height, channels;
} tool_picture;
int tool_load_picture(const unsigned char *file, uint64_t bytes, tool_picture *out, tool_error *e);
typedef struct tool_sound {
  float *samples; /* mono, [-1, 1) */
  uint64_t count;
  uint32_t rate;
} tool_sound;
int tool_load_wav(const unsigned char *file, uint64_t bytes, tool_sound *out, tool_error *e);
enum { MEDIA_NO = -1 };

#define TOOL_VERB(name) extern const tool_verb tool_verb_##name;
#include "verbs.def"
#undef TOOL_VERB

#endif
