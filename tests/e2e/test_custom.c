/* SPDX-License-Identifier: Apache-2.0
 * Operators of the application: registered, bound, run beside built-in ones, with shapes known early and late; and
 * callbacks that lie, each refused with a status that names the node. */
#include "e2e.h"
#include "src/format/format.h"

enum { N = 6 };

typedef struct behaviour {
  int infer, run; /* what to do wrong; 0: nothing */
  uint64_t scratch;
  int infers, runs;
} behaviour;

enum {
  RIGHT,
  BAD_RANK,
  NEGATIVE_RANK,
  NEGATIVE_DIM,
  TOO_LARGE,
  OVERFLOW_DIMS,
  BAD_TYPE,
  OTHER_TYPE,
  ERROR_TEXT,
  ODD_STATUS,
  BUSY_STATUS,
  SCRIBBLE,
  BAD_BOOL,
  UNKNOWN_SHAPE
};

static edge_status misbehave(edge_custom_call *call, int how) {
  edge_tensor *const y = &call->outputs[0];
  switch (how) {
  case BAD_RANK: y->rank = 9; break;
  case NEGATIVE_RANK: y->rank = -2; break;
  case NEGATIVE_DIM: y->rank = 1, y->dims[0] = -7; break;
  case TOO_LARGE: y->rank = 1, y->dims[0] = INT64_MAX / 2; break;
  case OVERFLOW_DIMS: y->rank = 3, y->dims[0] = y->dims[1] = y->dims[2] = INT64_MAX; break;
  case BAD_TYPE: y->dtype = 99; break;
  case OTHER_TYPE: y->dtype = EDGE_DTYPE_S32; break;
  case ERROR_TEXT: return call->host->fail(call, EDGE_STATUS_UNSUPPORTED_TYPE, "no \x80such\n thing");
  case ODD_STATUS: return -12345;
  case BUSY_STATUS: return EDGE_STATUS_BUSY;
  case SCRIBBLE: /* what does not belong to infer is not taken over */
    y->data = (void *)(uintptr_t)64;
    y->bytes = UINT64_MAX;
    y->name = NULL;
    y->quant.count = 1000;
    y->encoding = 77;
    y->flags = UINT32_MAX;
    memset((void *)(uintptr_t)call->inputs, 0xff, sizeof *call->inputs);
    break;
  case UNKNOWN_SHAPE: y->rank = -1; break;
  default: break;
  }
  return EDGE_STATUS_OK;
}

static edge_status infer(edge_custom_call *call) {
  behaviour *const b = call->user;
  edge_tensor *const y = &call->outputs[0];
  CHECK(call->struct_size == sizeof *call && call->num_inputs >= 1 && call->num_outputs == 1);
  b->infers++;
  y->dtype = b->run == BAD_BOOL ? EDGE_DTYPE_BOOL : EDGE_DTYPE_F32;
  y->rank = call->inputs[0].rank;
  memcpy(y->dims, call->inputs[0].dims, sizeof y->dims);
  return misbehave(call, b->infer);
}

static uint64_t scratch(const edge_custom_call *call) {
  return ((const behaviour *)call->user)->scratch;
}

/* y = gain * x + shift + (second input) */
static edge_status run(edge_custom_call *call) {
  behaviour *const b = call->user;
  const edge_tensor *const x = &call->inputs[0];
  double gain = 1.0;
  int64_t shift[4] = { 0 };
  uint64_t count = 1;
  b->runs++;
  CHECK(call->scratch_bytes >= b->scratch && (!b->scratch || (uintptr_t)call->scratch % 64 == 0));
  if (b->scratch) memset(call->scratch, 1, (size_t)b->scratch);
  CHECK(strcmp(call->host->node_name(call), "mine") == 0);
  CHECK(call->host->attr_floats(call, "gain", &gain, 1) <= 1);
  CHECK(call->host->attr_ints(call, "shift", shift, 4) == 6 && shift[3] == 4); /* more than there was room for */
  CHECK(call->host->attr_ints(call, "gain", shift, 1) == 0 && call->host->attr_floats(call, "none", &gain, 1) == 0);
  CHECK(strcmp(call->host->attr_string(call, "mode"), "fast") == 0 && !call->host->attr_string(call, "shift"));
  CHECK(call->host->options(call, NULL, 0) == 0 && !call->host->attr_string(call, NULL));
  for (int32_t d = 0; d < x->rank; ++d) count *= (uint64_t)x->dims[d];
  if (b->run == BAD_BOOL) {
    memset(call->outputs[0].data, 2, (size_t)count);
    return EDGE_STATUS_OK;
  }
  for (uint64_t i = 0; i < count; ++i)
    ((float *)call->outputs[0].data)[i] =
        (float)gain * ((const float *)x->data)[i] + (float)shift[0] +
        (call->num_inputs > 1 && call->inputs[1].dtype ? ((const float *)call->inputs[1].data)[0] : 0.0f);
  return b->run == ERROR_TEXT || b->run == ODD_STATUS ? misbehave(call, b->run) : EDGE_STATUS_OK;
}

static ei_arena arena;

/* x -> Abs -> mine -> Neg -> y; open: the dimension is dynamic. The image's bytes are good for many openings. */
static edge_image make_image(const char *name, bool open, uint32_t n_in) {
  static const char *const names[] = { "x", "a", "b", "y" };
  edge_error error = EDGE_ERROR_INIT;
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  ei_tensor t;
  uint32_t id[4];
  ei_graph *const g = ei_graph_new(&arena);
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  memset(&t, 0, sizeof t);
  t.dtype = EDGE_DTYPE_F32;
  t.rank = 1;
  t.dims[0] = open ? EI_DIM_UNKNOWN : N;
  for (int i = 0; i < 4; ++i) {
    t.name = names[i];
    id[i] = ei_graph_add_tensor(g, 0, &t);
  }
  const float two = 2.0f;
  const uint32_t in[] = { id[1], ei_graph_add_const(g, 0, "two", EDGE_DTYPE_F32, NULL, 0, &two) };
  CHECK(ei_graph_add_node(g, 0, "Abs", "abs", &id[0], 1, &id[1], 1));
  ei_node *const n = ei_graph_add_node(g, 0, "Custom", "mine", in, n_in, &id[2], 1);
  CHECK(n && ei_node_set_string(g, n, "@op", name) == EDGE_STATUS_OK &&
        ei_node_set_float(g, n, "gain", 3.0) == EDGE_STATUS_OK &&
        ei_node_set_string(g, n, "mode", "fast") == EDGE_STATUS_OK &&
        ei_node_set_ints(g, n, "shift", (const int64_t[]) { 1, 2, 3, 4, 5, 6 }, 6) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_node(g, 0, "Neg", "neg", &id[2], 1, &id[3], 1));
  CHECK(ei_subgraph_set_io(g, 0, &id[0], 1, &id[3], 1) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, &arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  return image;
}

static edge_custom_op describe(behaviour *b) {
  edge_custom_op op = EDGE_CUSTOM_OP_INIT;
  op.domain = "test";
  op.name = "Mine";
  op.max_inputs = 2;
  op.user = b;
  op.infer = infer;
  op.run = run;
  op.scratch_bytes = scratch;
  return op;
}

/* Open, create, run: the first status that is not OK, with its text. */
static edge_status go(const edge_image *image, behaviour *b, int64_t n, float *y, char *text) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env_options options = EDGE_ENV_OPTIONS_INIT;
  edge_env *env = NULL;
  edge_model *model = NULL;
  edge_session *s = NULL;
  const edge_custom_op op = describe(b);
  float x[64];
  for (int i = 0; i < 64; ++i) x[i] = i % 2 ? (float)i : (float)-i;
  options.max_bytes = (uint64_t)1 << 30;
  CHECK(edge_env_create(&options, &env, NULL) == EDGE_STATUS_OK);
  CHECK(edge_env_register_op(env, &op, NULL) == EDGE_STATUS_OK);
  edge_status status = edge_model_open_image(env, image, NULL, &model, &error);
  if (status == EDGE_STATUS_OK) status = edge_session_create(model, NULL, &s, &error);
  if (status == EDGE_STATUS_OK) {
    edge_tensor t;
    CHECK(edge_model_get_input(model, 0, 0, &t) == EDGE_STATUS_OK);
    if (t.dims[0] < 0) status = edge_session_resize_input(s, 0, &n, 1);
    if (status == EDGE_STATUS_OK) status = edge_session_set_input(s, 0, x, (uint64_t)n * sizeof *x);
    if (status == EDGE_STATUS_OK) status = edge_session_run(s);
    if (status == EDGE_STATUS_OK) status = edge_session_copy_output(s, 0, y, (uint64_t)n * sizeof *y);
    if (status != EDGE_STATUS_OK) error = *edge_session_last_error(s);
  }
  snprintf(text, sizeof error.text, "%s", error.text);
  edge_session_destroy(s);
  edge_model_release(model);
  edge_env_destroy(env);
  return status;
}

static void right_answers(void) {
  char text[512];
  float y[64];
  for (int open = 0; open < 2; ++open)
    for (uint32_t n_in = 1; n_in < 3; ++n_in)
      for (int late = 0; late < 2; ++late) {
        behaviour b = { late ? UNKNOWN_SHAPE : SCRIBBLE, RIGHT, late ? 0 : 1000, 0, 0 };
        const int64_t n = open ? 17 : N;
        const edge_image image = make_image("test:Mine", open != 0, n_in);
        if (late) b.infer = RIGHT;
        if (go(&image, &b, n, y, text) != EDGE_STATUS_OK) fprintf(stderr, "%s\n", text);
        for (int64_t i = 0; i < n; ++i) CHECK(y[i] == -(3.0f * (float)i + 1.0f + (n_in > 1 ? 2.0f : 0.0f)));
        CHECK(b.runs == 1 && b.infers >= 1);
      }
}

static void hostile_callbacks(void) {
  static const struct {
    int infer, run;
    uint64_t scratch;
    edge_status want;
    const char *text;
  } cases[] = {
    { BAD_RANK, 0, 0, EDGE_STATUS_INVALID_VALUE, "rank 9" },
    { NEGATIVE_RANK, 0, 0, EDGE_STATUS_INVALID_VALUE, "rank -2" },
    { NEGATIVE_DIM, 0, 0, EDGE_STATUS_INVALID_VALUE, "size -7" },
    { TOO_LARGE, 0, 0, EDGE_STATUS_LIMIT_EXCEEDED, "more bytes" },
    { OVERFLOW_DIMS, 0, 0, EDGE_STATUS_LIMIT_EXCEEDED, "more bytes" },
    { BAD_TYPE, 0, 0, EDGE_STATUS_INVALID_VALUE, "type 99" },
    { OTHER_TYPE, 0, 0, EDGE_STATUS_TYPE_MISMATCH, "s32" },
    { ERROR_TEXT, 0, 0, EDGE_STATUS_UNSUPPORTED_TYPE, "such" },
    { ODD_STATUS, 0, 0, EDGE_STATUS_INVALID_VALUE, "-12345" },
    { BUSY_STATUS, 0, 0, EDGE_STATUS_INVALID_VALUE, "BUSY" },
    { 0, ERROR_TEXT, 0, EDGE_STATUS_UNSUPPORTED_TYPE, "such" },
    { 0, ODD_STATUS, 0, EDGE_STATUS_INVALID_VALUE, "-12345" },
    { 0, 0, UINT64_MAX, EDGE_STATUS_OUT_OF_MEMORY, "" },
    { UNKNOWN_SHAPE, 0, 0, EDGE_STATUS_INVALID_VALUE, "shape" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
    for (int open = 0; open < 2; ++open) {
      char text[512];
      float y[64];
      behaviour b = { cases[i].infer, cases[i].run, cases[i].scratch, 0, 0 };
      const edge_image image = make_image("test:Mine", open != 0, 1);
      const edge_status status = go(&image, &b, N, y, text);
      if (status != cases[i].want || !strstr(text, cases[i].text))
        fprintf(stderr, "case %zu: %s: %s\n", i, edge_status_name(status), text);
      CHECK(status == cases[i].want && strstr(text, cases[i].text));
      if (*cases[i].text) CHECK(strstr(text, "mine"));
      for (const char *c = text; *c; ++c) CHECK((unsigned char)*c >= ' ');
    }
}

/* Custom bool outputs hold 0 and 1, because other operators rely on it. */
static void bad_bool(void) {
  edge_error error = EDGE_ERROR_INIT;
  ei_graph *const g = ei_graph_new(&arena);
  edge_image image = EDGE_IMAGE_INIT;
  edge_segment *segments = NULL;
  behaviour b = { 0, BAD_BOOL, 0, 0, 0 };
  ei_tensor t;
  char text[512];
  float y[N];
  CHECK(g && ei_graph_add_subgraph(g, "main") == 0);
  memset(&t, 0, sizeof t);
  t.rank = 1;
  t.dims[0] = N;
  t.dtype = EDGE_DTYPE_F32, t.name = "x";
  const uint32_t x = ei_graph_add_tensor(g, 0, &t);
  t.dtype = EDGE_DTYPE_BOOL, t.name = "y";
  const uint32_t out = ei_graph_add_tensor(g, 0, &t);
  ei_node *const n = ei_graph_add_node(g, 0, "Custom", "mine", &x, 1, &out, 1);
  CHECK(n && ei_node_set_string(g, n, "@op", "test:Mine") == EDGE_STATUS_OK &&
        ei_node_set_string(g, n, "mode", "fast") == EDGE_STATUS_OK &&
        ei_node_set_ints(g, n, "shift", (const int64_t[]) { 1, 2, 3, 4, 5, 6 }, 6) == EDGE_STATUS_OK);
  CHECK(ei_subgraph_set_io(g, 0, &x, 1, &out, 1) == EDGE_STATUS_OK);
  CHECK(ei_graph_add_entry(g, "main", 0) == EDGE_STATUS_OK);
  CHECK(ei_format_write(g, &arena, &image.metadata, &image.metadata_bytes, &segments, &image.num_segments, &error) ==
        EDGE_STATUS_OK);
  image.segments = segments;
  CHECK(go(&image, &b, N, y, text) == EDGE_STATUS_INVALID_VALUE && strstr(text, "bool of 2"));
}

static void registration(void) {
  edge_error error = EDGE_ERROR_INIT;
  edge_env *const env = open_env();
  edge_model *model = NULL;
  behaviour b = { 0, 0, 0, 0, 0 };
  const edge_custom_op good = describe(&b);
  edge_custom_op op = good;
  const edge_image one = make_image("test:Mine", false, 1), other = make_image("test:Other", false, 1);
  CHECK(edge_model_open_image(env, &one, NULL, &model, &error) == EDGE_STATUS_UNSUPPORTED_OP && !model);
  CHECK(strstr(error.text, "'test:Mine'") && strstr(error.text, "'mine'") &&
        strstr(error.text, "edge_env_register_op"));
#define REFUSED(change)                                                                             \
  do {                                                                                              \
    op = good;                                                                                      \
    change;                                                                                         \
    error = (edge_error)EDGE_ERROR_INIT;                                                            \
    CHECK(edge_env_register_op(env, &op, &error) == EDGE_STATUS_INVALID_ARGUMENT && error.text[0]); \
  } while (0)
  REFUSED(op.struct_size = 0);
  REFUSED(op.struct_size = 8);
  REFUSED(op.flags = 1);
  REFUSED(op.domain = NULL);
  REFUSED(op.domain = "");
  REFUSED(op.domain = "a:b");
  REFUSED(op.name = "");
  REFUSED(op.infer = NULL);
  REFUSED(op.run = NULL);
  REFUSED(op.min_inputs = 3);
  REFUSED(op.max_inputs = 33);
  REFUSED(op.min_outputs = 0);
  REFUSED(op.max_outputs = 0);
  CHECK(edge_env_register_op(NULL, &good, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_env_register_op(env, NULL, NULL) == EDGE_STATUS_INVALID_ARGUMENT);
  CHECK(edge_env_register_op(env, &good, NULL) == EDGE_STATUS_OK);
  CHECK(edge_env_register_op(env, &good, &error) == EDGE_STATUS_INVALID_STATE);
  CHECK(edge_model_open_image(env, &other, NULL, &model, &error) == EDGE_STATUS_UNSUPPORTED_OP);
  op = good;
  op.name = "Other", op.min_inputs = 2;
  CHECK(edge_env_register_op(env, &op, NULL) == EDGE_STATUS_OK);
  CHECK(edge_model_open_image(env, &other, NULL, &model, &error) == EDGE_STATUS_MALFORMED); /* one input, two needed */
  CHECK(strstr(error.text, "'mine'") && strstr(error.text, "2 to 2"));
  CHECK(edge_model_open_image(env, &one, NULL, &model, &error) == EDGE_STATUS_OK && b.runs == 0);
  edge_model_release(model);
  edge_env_destroy(env);
}

int main(void) {
  ei_alloc *alloc = NULL;
  CHECK(ei_alloc_create(NULL, 0, &alloc) == EDGE_STATUS_OK);
  ei_arena_init(&arena, alloc);
  right_answers();
  hostile_callbacks();
  bad_bool();
  registration();
  ei_arena_free(&arena);
  ei_alloc_destroy(alloc);
  return 0;
}
