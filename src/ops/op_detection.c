/* SPDX-License-Identifier: Apache-2.0
 * DetectionPostProcess: decode SSD boxes against anchors and suppress overlaps, per box or per class (TFLite). */
#include "op_walk.h"
#include <math.h>

typedef struct ssd {
  int64_t n, columns, classes, offset; /* columns of the score matrix; the first `offset` ones are background */
  int64_t max_out, per_box, per_class;
  float iou, score;
} ssd;

typedef struct hit {
  float score;
  uint32_t box, cls;
} hit;

typedef struct work { /* in scratch */
  float *boxes;       /* [n, 4] ymin, xmin, ymax, xmax */
  float *scores;      /* [n] */
  uint32_t *order, *picked;
  uint8_t *dropped;
  hit *hits, *merged;
} work;

static edge_status read_ssd(ei_op_ctx *c, ssd *s) {
  const edge_tensor *const boxes = &c->in[0], *const scores = &c->in[1];
  s->n = boxes->rank == 3 ? boxes->dims[1] : EI_DIM_UNKNOWN;
  s->columns = scores->rank == 3 ? scores->dims[2] : EI_DIM_UNKNOWN;
  s->classes = ei_op_int(c, "num_classes");
  s->max_out = ei_op_int(c, "max_detections");
  s->per_box = ei_op_int(c, "max_classes");
  s->per_class = ei_op_int(c, "detections_per_class");
  s->iou = (float)ei_op_float(c, "iou");
  s->score = (float)ei_op_float(c, "score");
  if (s->max_out < 0 || s->max_out > 1 << 24 || s->per_box < 1 || s->per_box > 1 << 16 || s->per_class < 0 ||
      s->per_class > 1 << 24 || s->classes < 1 || s->classes > 1 << 20 || !(s->iou > 0 && s->iou <= 1) ||
      s->score != s->score)
    return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%lld classes, %lld detections, %lld per box, overlap limit %g",
                      (long long)s->classes, (long long)s->max_out, (long long)s->per_box, (double)s->iou);
  s->offset = s->columns - s->classes;
  if (s->columns >= 0 && (s->offset < 0 || s->offset > 1))
    return ei_op_fail(c, EDGE_STATUS_SHAPE_MISMATCH, "%lld score columns for %lld classes", (long long)s->columns,
                      (long long)s->classes);
  if (s->n > 1 << 24) return ei_op_fail(c, EDGE_STATUS_LIMIT_EXCEEDED, "%lld boxes", (long long)s->n);
  return EDGE_STATUS_OK;
}

static edge_status infer(ei_op_ctx *c) {
  int64_t one = 1, n = EI_DIM_UNKNOWN, four = 4;
  ssd s;
  for (uint32_t i = 0; i < 3; ++i) {
    EI_TRY(ei_op_need_float(c, i));
    EI_TRY(ei_op_need_rank(c, i, i == 2 ? 2 : 3, i == 2 ? 2 : 3));
    if (c->in[i].rank < 0) continue;
    EI_TRY(ei_op_same_dim(c, &n, c->in[i].dims[i == 2 ? 0 : 1], "boxes, scores and anchors"));
    if (i < 2) EI_TRY(ei_op_same_dim(c, &one, c->in[i].dims[0], "only one image at a time"));
    if (i != 1) EI_TRY(ei_op_same_dim(c, &four, c->in[i].dims[i == 2 ? 1 : 2], "values of a box"));
  }
  if (c->n_out != 4) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "%u outputs, expected 4", c->n_out);
  EI_TRY(read_ssd(c, &s));
  const double scales[4] = { ei_op_float(c, "y_scale"), ei_op_float(c, "x_scale"), ei_op_float(c, "h_scale"),
                             ei_op_float(c, "w_scale") };
  for (uint32_t i = 0; i < 4; ++i)
    if (!(scales[i] > 0)) return ei_op_fail(c, EDGE_STATUS_INVALID_VALUE, "box scale %g", scales[i]);
  const int64_t dims[3] = { 1, s.max_out * s.per_box, 4 };
  ei_op_set_shape(&c->out[0], EDGE_DTYPE_F32, 3, dims);
  ei_op_set_shape(&c->out[1], EDGE_DTYPE_F32, 2, dims);
  ei_op_set_shape(&c->out[2], EDGE_DTYPE_F32, 2, dims);
  ei_op_set_shape(&c->out[3], EDGE_DTYPE_F32, 1, dims);
  return EDGE_STATUS_OK;
}

/* Scratch is laid out by one function, for its size (base NULL) and for its use. */
static uint64_t layout(const ei_op_ctx *c, char *base, work *w) {
  const uint64_t n = (uint64_t)c->in[0].dims[1], limit = (uint64_t)ei_op_int(c, "max_detections");
  const uint64_t per_class = (uint64_t)ei_op_int(c, "detections_per_class");
  const uint64_t most = limit + (per_class < n ? per_class : n) + 1;
  const uint64_t sizes[7] = { 16 * n, 4 * n, 4 * n, 4 * n, n, most * sizeof(hit), most * sizeof(hit) };
  void *parts[7];
  uint64_t at = 0;
  for (uint32_t i = 0; i < 7; ++i) {
    parts[i] = base != NULL ? base + at : NULL;
    at += (sizes[i] + 15) & ~UINT64_C(15);
  }
  *w = (work) { parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6] };
  return at;
}

static uint64_t scratch_bytes(const ei_op_ctx *c) {
  work w;
  return layout(c, NULL, &w);
}

static void decode_boxes(const ei_op_ctx *c, const ssd *s, float *boxes) {
  const float ys = (float)ei_op_float(c, "y_scale"), xs = (float)ei_op_float(c, "x_scale");
  const float hs = (float)ei_op_float(c, "h_scale"), ws = (float)ei_op_float(c, "w_scale");
  for (int64_t i = 0; i < s->n; ++i) {
    float e[4], a[4];
    for (uint32_t k = 0; k < 4; ++k) {
      e[k] = ei_load_real(&c->in[0], 4 * (uint64_t)i + k);
      a[k] = ei_load_real(&c->in[2], 4 * (uint64_t)i + k);
    }
    const float y = e[0] / ys * a[2] + a[0], x = e[1] / xs * a[3] + a[1];
    const float h = 0.5f * expf(e[2] / hs) * a[2], w = 0.5f * expf(e[3] / ws) * a[3];
    float *const b = boxes + 4 * i;
    b[0] = y - h;
    b[1] = x - w;
    b[2] = y + h;
    b[3] = x + w;
  }
}

static float overlap(const float *a, const float *b) {
  const float area_a = (a[2] - a[0]) * (a[3] - a[1]), area_b = (b[2] - b[0]) * (b[3] - b[1]);
  if (!(area_a > 0) || !(area_b > 0)) return 0;
  const float h = fmaxf(fminf(a[2], b[2]) - fmaxf(a[0], b[0]), 0), w = fmaxf(fminf(a[3], b[3]) - fmaxf(a[1], b[1]), 0);
  return h * w / (area_a + area_b - h * w);
}

/* a comes after b: a lower score, or the same and a higher index */
static bool after(const work *w, uint32_t a, uint32_t b) {
  return w->scores[a] < w->scores[b] || (w->scores[a] == w->scores[b] && a > b);
}

static void sift(const work *w, uint32_t root, uint32_t count) {
  for (uint32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && after(w, w->order[child + 1], w->order[child])) ++child;
    if (!after(w, w->order[child], w->order[root])) return;
    const uint32_t swap = w->order[root];
    w->order[root] = w->order[child];
    w->order[child] = swap;
    root = child;
  }
}

/* Single class: w->scores in, indices of the kept boxes in w->picked, best first. */
static uint32_t suppress(const ssd *s, work *w, int64_t max) {
  uint32_t count = 0, kept = 0;
  for (uint32_t i = 0; i < (uint32_t)s->n; ++i)
    if (w->scores[i] >= s->score) w->order[count++] = i;
  for (uint32_t i = count / 2; i-- > 0;) sift(w, i, count);
  for (uint32_t end = count; end > 1;) { /* heap sort: the last of the order is on top */
    const uint32_t top = w->order[0];
    w->order[0] = w->order[--end];
    w->order[end] = top;
    sift(w, 0, end);
  }
  memset(w->dropped, 0, (size_t)s->n);
  for (uint32_t i = 0; i < count && kept < max; ++i) {
    if (w->dropped[w->order[i]]) continue;
    w->picked[kept++] = w->order[i];
    for (uint32_t j = i + 1; j < count; ++j)
      if (overlap(w->boxes + 4 * (size_t)w->order[i], w->boxes + 4 * (size_t)w->order[j]) > s->iou)
        w->dropped[w->order[j]] = 1;
  }
  return kept;
}

static void emit(ei_op_ctx *c, const work *w, uint64_t at, hit h) {
  for (uint32_t k = 0; k < 4 && c->out[0].data != NULL; ++k)
    ei_store_f64(&c->out[0], 4 * at + k, (double)w->boxes[4 * (size_t)h.box + k]);
  if (c->out[1].data != NULL) ei_store_f64(&c->out[1], at, h.cls);
  if (c->out[2].data != NULL) ei_store_f64(&c->out[2], at, (double)h.score);
}

static float score_of(const ei_op_ctx *c, const ssd *s, int64_t box, int64_t cls) {
  return ei_load_real(&c->in[1], (uint64_t)(box * s->columns + s->offset + cls));
}

/* Suppress by the best class of each box, then report its best classes. */
static uint64_t run_fast(ei_op_ctx *c, const ssd *s, work *w) {
  const int64_t columns = s->per_box < s->classes ? s->per_box : s->classes;
  for (int64_t i = 0; i < s->n; ++i) {
    w->scores[i] = score_of(c, s, i, 0);
    for (int64_t k = 1; k < s->classes; ++k) w->scores[i] = fmaxf(w->scores[i], score_of(c, s, i, k));
  }
  const uint32_t kept = suppress(s, w, s->max_out);
  for (uint32_t i = 0; i < kept; ++i) {
    hit last = { INFINITY, w->picked[i], 0 };
    for (int64_t k = 0; k < columns; ++k) { /* the next class by score, then by number */
      hit best = { -INFINITY, w->picked[i], UINT32_MAX };
      for (int64_t q = 0; q < s->classes; ++q) {
        const float v = score_of(c, s, w->picked[i], q);
        const bool left = k == 0 || v < last.score || (v == last.score && q > (int64_t)last.cls);
        if (left && (best.cls == UINT32_MAX || v > best.score)) best = (hit) { v, w->picked[i], (uint32_t)q };
      }
      if (best.cls == UINT32_MAX) break; /* only with NaN */
      emit(c, w, (uint64_t)(i * columns + k), best);
      last = best;
    }
  }
  return kept;
}

/* Suppress within each class and keep the best hits of all. */
static uint64_t run_regular(ei_op_ctx *c, const ssd *s, work *w) {
  uint32_t total = 0;
  for (int64_t k = 0; k < s->classes; ++k) {
    for (int64_t i = 0; i < s->n; ++i) w->scores[i] = score_of(c, s, i, k);
    const uint32_t kept = suppress(s, w, s->per_class);
    uint32_t a = 0, b = 0, count = 0;
    while (count < s->max_out && (a < total || b < kept)) { /* both lists fall; earlier classes go first */
      const float v = b < kept ? w->scores[w->picked[b]] : 0;
      if (b == kept || (a < total && w->hits[a].score >= v))
        w->merged[count++] = w->hits[a++];
      else
        w->merged[count++] = (hit) { v, w->picked[b++], (uint32_t)k };
    }
    hit *const swap = w->hits;
    w->hits = w->merged;
    w->merged = swap;
    total = count;
  }
  for (uint32_t i = 0; i < total; ++i) emit(c, w, i, w->hits[i]);
  return total;
}

static edge_status eval(ei_op_ctx *c) {
  ssd s;
  work w;
  EI_TRY(read_ssd(c, &s));
  if (c->scratch_bytes < scratch_bytes(c)) return ei_op_fail(c, EDGE_STATUS_INTERNAL, "too little scratch memory");
  (void)layout(c, (char *)c->scratch, &w);
  for (uint32_t i = 0; i < 4; ++i)
    if (c->out[i].data != NULL) ei_fill_zero(&c->out[i]);
  decode_boxes(c, &s, w.boxes);
  const uint64_t count = ei_op_int(c, "regular_nms") != 0 ? run_regular(c, &s, &w) : run_fast(c, &s, &w);
  if (c->out[3].data != NULL) ei_store_f64(&c->out[3], 0, (double)count);
  return EDGE_STATUS_OK;
}

static const ei_attr_def attrs[] = { { "max_detections", EI_ATTR_INT, 10 },
                                     { "max_classes", EI_ATTR_INT, 1 },
                                     { "detections_per_class", EI_ATTR_INT, 100 },
                                     { "regular_nms", EI_ATTR_INT, 0 },
                                     { "num_classes", EI_ATTR_INT, 0 },
                                     { "score", EI_ATTR_FLOAT, 0 },
                                     { "iou", EI_ATTR_FLOAT, 0.5 },
                                     { "y_scale", EI_ATTR_FLOAT, 10 },
                                     { "x_scale", EI_ATTR_FLOAT, 10 },
                                     { "h_scale", EI_ATTR_FLOAT, 5 },
                                     { "w_scale", EI_ATTR_FLOAT, 5 },
                                     { NULL, 0, 0 } };

const ei_op_def ei_op_DetectionPostProcess = { .name = "DetectionPostProcess",
                                               .min_in = 3,
                                               .max_in = 3,
                                               .min_out = 4,
                                               .max_out = 4,
                                               .version = 1,
                                               .attrs = attrs,
                                               .infer = infer,
                                               .eval = eval,
                                               .scratch_bytes = scratch_bytes };
