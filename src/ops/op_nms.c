/* SPDX-License-Identifier: Apache-2.0
 * NonMaxSuppression: pick boxes by score and drop those that overlap a picked one too much.
 *
 * Inference has to know how many boxes are picked and owns no memory, so the selection works in place: boxes are
 * visited by falling score, a handful at a time, and the picked ones are bits of a fixed set. */
#include "op_walk.h"
#include <math.h>

enum { MAX_BOXES = 1 << 17, BATCH = 512 };

typedef struct box {
  float y0, x0, y1, x1;
} box;

typedef struct problem {
  const edge_tensor *boxes, *scores;
  uint64_t box_at, score_at; /* first box and score of this class */
  uint32_t n;
  bool centered, reach; /* reach: an overlap equal to the limit already drops */
  float iou, score;
  bool has_score;
  int64_t max;
} problem;

typedef struct candidate {
  float score;
  uint32_t index;
} candidate;

static box load_box(const problem *p, uint32_t i) {
  float v[4];
  const uint64_t at = p->box_at + 4 * (uint64_t)i;
  if (p->boxes->dtype == EDGE_DTYPE_F32)
    memcpy(v, (const unsigned char *)p->boxes->data + at * 4, sizeof v);
  else
    for (uint32_t k = 0; k < 4; ++k) v[k] = ei_load_real(p->boxes, at + k);
  if (p->centered) { /* x, y, width, height */
    return (box) { v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2 };
  }
  return (box) { fminf(v[0], v[2]), fminf(v[1], v[3]), fmaxf(v[0], v[2]), fmaxf(v[1], v[3]) };
}

static float overlap(const box *a, const box *b) {
  const float area_a = (a->y1 - a->y0) * (a->x1 - a->x0), area_b = (b->y1 - b->y0) * (b->x1 - b->x0);
  if (!(area_a > 0) || !(area_b > 0)) return 0;
  const float h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0), w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0);
  if (!(h > 0) || !(w > 0)) return 0;
  return h * w / (area_a + area_b - h * w);
}

static float load_score(const problem *p, uint32_t i) {
  if (p->scores->dtype != EDGE_DTYPE_F32) return ei_load_real(p->scores, p->score_at + i);
  float v;
  memcpy(&v, (const unsigned char *)p->scores->data + (p->score_at + i) * sizeof v, sizeof v);
  return v;
}

/* a is visited before b */
static bool before(candidate a, candidate b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

/* The best BATCH candidates after `last`, sorted; insertion keeps them in order. */
static uint32_t next_batch(const problem *p, const candidate *last, candidate *batch) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < p->n; ++i) {
    const candidate k = { load_score(p, i), i };
    if (k.score != k.score || (p->has_score && !(k.score > p->score))) continue;
    if (last != NULL && !before(*last, k)) continue;
    if (count == BATCH && !before(k, batch[count - 1])) continue;
    uint32_t lo = 0, hi = count;
    while (lo < hi) {
      const uint32_t mid = (lo + hi) / 2;
      if (before(batch[mid], k))
        lo = mid + 1;
      else
        hi = mid;
    }
    const uint32_t keep = count < BATCH ? count : BATCH - 1;
    memmove(&batch[lo + 1], &batch[lo], (keep - lo) * sizeof *batch);
    batch[lo] = k;
    count = keep + 1;
  }
  return count;
}

static bool is_dropped(const problem *p, const uint64_t *picked, const box *b) {
  for (uint32_t word = 0; word * 64 < p->n; ++word) {
    uint64_t bits = picked[word];
    for (uint32_t k = 0; bits != 0; ++k, bits >>= 1) {
      if (!(bits & 1)) continue;
      const box other = load_box(p, word * 64 + k);
      const float v = overlap(b, &other);
      if (v > p->iou || (p->reach && v == p->iou)) return true;
    }
  }
  return false;
}

typedef void (*emit_fn)(void *user, int64_t rank, uint32_t index, float score);

/* Number of picked boxes; emit (may be NULL) sees them in order. */
static int64_t pick(const problem *p, emit_fn emit, void *user) {
  uint64_t picked[MAX_BOXES / 64];
  candidate batch[BATCH], last = { 0, 0 };
  int64_t count = 0;
  memset(picked, 0, ((size_t)p->n + 63) / 64 * sizeof *picked);
  for (bool first = true; count < p->max; first = false) {
    const uint32_t n = next_batch(p, first ? NULL : &last, batch);
    for (uint32_t i = 0; i < n && count < p->max; ++i) {
      const box b = load_box(p, batch[i].index);
      if (is_dropped(p, picked, &b)) continue;
      picked[batch[i].index / 64] |= UINT64_C(1) << batch[i].index % 64;
      if (emit != NULL) emit(user, count, batch[i].index, batch[i].score);
      ++count;
    }
    if (n < BATCH) break;
    last = batch[n - 1];
  }
  return count;
}

static edge_status scalar_real(ei_op_ctx *c, uint32_t i, float *v) {
  if (!ei_op_shape_known(&c->in[i]) || ei_op_elements(&c->in[i]) != 1)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "input %u must be one value", i);
  *v = ei_load_real(&c->in[i], 0);
  return EDGE_STATUS_OK;
}

static edge_status check_iou(ei_op_ctx *c, float iou) {
  if (iou >= 0 && iou <= 1) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "the overlap limit %g is not in [0, 1]", (double)iou);
}

static edge_status check_count(ei_op_ctx *c, int64_t n) {
  if (n <= MAX_BOXES) return EDGE_STATUS_OK;
  return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "%lld boxes, at most %d are possible", (long long)n, MAX_BOXES);
}

/* ---- NonMaxSuppression (ONNX): all batches and classes, rows of batch, class, box */

static edge_status read_onnx(ei_op_ctx *c, problem *p) {
  *p = (problem) { .boxes = &c->in[0], .scores = &c->in[1], .centered = ei_op_int(c, "center_point_box") != 0 };
  p->n = (uint32_t)c->in[0].dims[1];
  if (ei_op_has(c, 2)) EI_TRY(ei_op_scalar(c, 2, &p->max));
  if (ei_op_has(c, 3)) EI_TRY(scalar_real(c, 3, &p->iou));
  p->has_score = ei_op_has(c, 4);
  if (p->has_score) EI_TRY(scalar_real(c, 4, &p->score));
  return check_iou(c, p->iou);
}

typedef struct rows {
  const edge_tensor *y;
  int64_t batch, cls, done, room;
} rows;

static void emit_row(void *user, int64_t rank, uint32_t index, float score) {
  rows *const r = (rows *)user;
  (void)score;
  const uint64_t at = 3 * (uint64_t)(r->done + rank);
  if (r->done + rank >= r->room) return;
  ei_store_s64(r->y, at, r->batch);
  ei_store_s64(r->y, at + 1, r->cls);
  ei_store_s64(r->y, at + 2, index);
}

static edge_status pick_all(ei_op_ctx *c, rows *r, int64_t *total) {
  problem p;
  EI_TRY(read_onnx(c, &p));
  const int64_t batches = c->in[1].dims[0], classes = c->in[1].dims[1];
  *total = 0;
  for (int64_t b = 0; b < batches && p.n > 0; ++b)
    for (int64_t k = 0; k < classes; ++k) {
      p.box_at = 4 * (uint64_t)b * p.n;
      p.score_at = (uint64_t)(b * classes + k) * p.n;
      if (r != NULL) {
        r->batch = b;
        r->cls = k;
        r->done = *total;
      }
      *total += pick(&p, r != NULL ? emit_row : NULL, r);
    }
  return EDGE_STATUS_OK;
}

static edge_status infer_onnx(ei_op_ctx *c) {
  const edge_tensor *const boxes = &c->in[0], *const scores = &c->in[1];
  int64_t dims[2] = { EI_DIM_UNKNOWN, 3 }, same = 0, four = 4;
  bool ready = true;
  EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_float(c, 1));
  EI_TRY(ei_op_need_rank(c, 0, 3, 3));
  EI_TRY(ei_op_need_rank(c, 1, 3, 3));
  if (ei_op_has(c, 2)) EI_TRY(ei_op_need_int(c, 2));
  for (uint32_t i = 3; i < 5; ++i)
    if (ei_op_has(c, i)) EI_TRY(ei_op_need_float(c, i));
  if (boxes->rank == 3) {
    EI_TRY(ei_op_same_dim(c, &four, boxes->dims[2], "coordinates of a box"));
    EI_TRY(check_count(c, boxes->dims[1]));
  }
  if (boxes->rank == 3 && scores->rank == 3) {
    same = boxes->dims[0];
    EI_TRY(ei_op_same_dim(c, &same, scores->dims[0], "batches of boxes and scores"));
    same = boxes->dims[1];
    EI_TRY(ei_op_same_dim(c, &same, scores->dims[2], "boxes and scores"));
  }
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (ei_op_has(c, i)) ready = ei_op_ready(c, i) && ready;
  if (ready) EI_TRY(pick_all(c, NULL, &dims[0]));
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S64, 2, dims);
  return EDGE_STATUS_OK;
}

static edge_status eval_onnx(ei_op_ctx *c) {
  rows r = { .y = &c->out[0], .room = c->out[0].dims[0] };
  int64_t total = 0;
  EI_TRY(pick_all(c, &r, &total));
  if (total != c->out[0].dims[0])
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld boxes are picked, the output holds %lld", (long long)total,
                      (long long)c->out[0].dims[0]);
  return EDGE_STATUS_OK;
}

/* ---- NonMaxSuppressionTflite: one class, outputs of fixed size, optionally falling scores instead of drops */

static edge_status infer_tflite(ei_op_ctx *c) {
  const edge_tensor *const boxes = &c->in[0], *const scores = &c->in[1];
  int64_t n = EI_DIM_UNKNOWN, four = 4, same = EI_DIM_UNKNOWN;
  EI_TRY(ei_op_need_float(c, 0));
  EI_TRY(ei_op_need_float(c, 1));
  EI_TRY(ei_op_need_rank(c, 0, 2, 2));
  EI_TRY(ei_op_need_rank(c, 1, 1, 1));
  EI_TRY(ei_op_need_int(c, 2));
  for (uint32_t i = 3; i < 6; ++i)
    if (ei_op_has(c, i)) EI_TRY(ei_op_need_float(c, i));
  if (c->n_out != 3) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u outputs, expected 3", c->n_out);
  if (boxes->rank == 2) {
    same = boxes->dims[0];
    EI_TRY(ei_op_same_dim(c, &four, boxes->dims[1], "coordinates of a box"));
    EI_TRY(check_count(c, same));
  }
  if (scores->rank == 1) EI_TRY(ei_op_same_dim(c, &same, scores->dims[0], "boxes and scores"));
  if (ei_op_ready(c, 2)) {
    EI_TRY(ei_op_scalar(c, 2, &n));
    if (n < 0 || n > INT32_MAX) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld boxes wanted", (long long)n);
  }
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_S32, 1, &n);
  ei_op_set_shape(&c->out[1], EDGE_DTYPE_F32, 1, &n);
  ei_op_set_shape(&c->out[2], EDGE_DTYPE_S32, 0, NULL);
  return EDGE_STATUS_OK;
}

static void emit_fixed(void *user, int64_t rank, uint32_t index, float score) {
  ei_op_ctx *const c = (ei_op_ctx *)user;
  if (c->out[0].data != NULL) ei_store_s64(&c->out[0], (uint64_t)rank, index);
  if (c->out[1].data != NULL) ei_store_f64(&c->out[1], (uint64_t)rank, (double)score);
}

typedef struct soft {
  float score;
  uint32_t seen; /* picked boxes that already lowered the score */
  uint32_t picked;
} soft;

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  return ((uint64_t)c->in[1].dims[0] + 1) * sizeof(soft);
}

/* Scores fall with the overlap; the best is taken when its score is up to date. */
static int64_t pick_soft(ei_op_ctx *c, const problem *p, float sigma) {
  soft *const s = (soft *)c->scratch;
  int64_t count = 0;
  for (uint32_t i = 0; i < p->n; ++i) {
    const float v = ei_load_real(p->scores, i);
    s[i] = (soft) { v > p->score ? v : -INFINITY, 0, 0 };
  }
  while (count < p->max) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < p->n; ++i)
      if (s[i].score > s[best].score) best = i;
    if (p->n == 0 || s[best].score == -INFINITY) break;
    const box b = load_box(p, best);
    const float was = s[best].score;
    bool drop = false;
    for (int64_t k = count - 1; k >= (int64_t)s[best].seen && !drop; --k) {
      const box other = load_box(p, s[k].picked);
      const float v = overlap(&b, &other);
      drop = v >= p->iou;
      if (!drop) s[best].score *= expf(-0.5f / sigma * v * v);
      if (s[best].score <= p->score) break;
    }
    s[best].seen = (uint32_t)count;
    if (drop || !(s[best].score > p->score))
      s[best].score = -INFINITY;
    else if (s[best].score == was) {
      emit_fixed(c, count, best, was);
      s[best].score = -INFINITY;
      s[count++].picked = best;
    }
  }
  return count;
}

static edge_status eval_tflite(ei_op_ctx *c) {
  problem p = { .boxes = &c->in[0], .scores = &c->in[1], .reach = true, .has_score = true };
  float sigma = 0;
  p.n = (uint32_t)c->in[0].dims[0];
  EI_TRY(ei_op_scalar(c, 2, &p.max));
  EI_TRY(scalar_real(c, 3, &p.iou));
  EI_TRY(scalar_real(c, 4, &p.score));
  if (ei_op_has(c, 5)) EI_TRY(scalar_real(c, 5, &sigma));
  EI_TRY(check_iou(c, p.iou));
  if (!(sigma >= 0)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "sigma is %g", (double)sigma);
  for (uint32_t i = 0; i < 2; ++i)
    if (c->out[i].data != NULL && c->out[i].dims[0] != p.max)
      return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "output %u does not hold %lld boxes", i, (long long)p.max);
  for (uint32_t i = 0; i < 2; ++i)
    if (c->out[i].data != NULL) ei_fill_zero(&c->out[i]);
  const int64_t count = sigma > 0 ? pick_soft(c, &p, sigma) : pick(&p, emit_fixed, c);
  if (c->out[2].data != NULL) ei_store_s64(&c->out[2], 0, count);
  return EDGE_STATUS_OK;
}

static const ei_attr_def onnx_attrs[] = { { "center_point_box", EI_ATTR_INT, 0 }, { NULL, 0, 0 } };

const ei_op_def ei_op_NonMaxSuppression = { .name = "NonMaxSuppression",
                                            .min_in = 2,
                                            .max_in = 5,
                                            .min_out = 1,
                                            .max_out = 1,
                                            .version = 1,
                                            .optional_in = 28,
                                            .attrs = onnx_attrs,
                                            .infer = infer_onnx,
                                            .eval = eval_onnx };
const ei_op_def ei_op_NonMaxSuppressionTflite = { .name = "NonMaxSuppressionTflite",
                                                  .min_in = 5,
                                                  .max_in = 6,
                                                  .min_out = 3,
                                                  .max_out = 3,
                                                  .version = 1,
                                                  .optional_in = 32,
                                                  .infer = infer_tflite,
                                                  .eval = eval_tflite,
                                                  .scratch_bytes = scratch_bytes };
