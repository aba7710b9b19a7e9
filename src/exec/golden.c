/* SPDX-License-Identifier: Apache-2.0
 * Golden vectors: a device earns its partitions by giving the answers that the model carries. They are run once, when a
 * session is planned for their shapes and anything but the CPU backend got a node; a backend that answers wrongly
 * is put into quarantine and the session planned again. */
#include "exec.h"

#include <math.h>

static bool same_shape(const edge_tensor *t, const ei_golden_value *v) {
  if (t->dtype != v->dtype || t->rank != v->rank) return false;
  for (int32_t d = 0; d < t->rank; ++d)
    if (t->dims[d] != v->dims[d]) return false;
  return true;
}

/* Vectors for the session's entry and its present input shapes. */
static bool applies(const edge_session *s, const ei_golden *g) {
  const ei_instance *const in = s->main;
  if (s->model->graph->entries[g->entry].subgraph != in->subgraph || g->n_inputs != in->sg->n_inputs) return false;
  for (uint32_t i = 0; i < g->n_inputs; ++i)
    if (!same_shape(&in->live[in->sg->inputs[i]], &g->inputs[i])) return false;
  return true;
}

static bool close_enough(const edge_tensor *got, const ei_golden_value *want, const ei_golden *g) {
  edge_tensor reference = *got;
  uint64_t count = 0;
  if (!same_shape(got, want) || edge_tensor_elements(got, &count) != EDGE_STATUS_OK) return false;
  if (got->bytes == want->data_bytes && (!got->bytes || memcmp(got->data, want->data, (size_t)got->bytes) == 0))
    return true;
  reference.data = (void *)(uintptr_t)want->data;
  for (uint64_t i = 0; i < count; ++i) {
    const double a = ei_load_f64(got, i), b = ei_load_f64(&reference, i);
    if (isnan(a) && isnan(b)) continue;
    if (!(fabs(a - b) <= (double)g->abs_tolerance + (double)g->rel_tolerance * fabs(b)) && a != b) return false;
  }
  return true;
}

/* The first backend besides the CPU's that has a node of any instance; NULL: nobody needs to prove anything. */
static ei_backend *device_of(const edge_session *s) {
  for (uint32_t i = 0; i < s->model->graph->n_subgraphs; ++i) {
    const ei_instance *const in = s->instances[i];
    for (uint32_t p = 0; in && in->planned && p < in->n_parts; ++p)
      if (in->parts[p].backend && strcmp(in->parts[p].backend->info.name, "cpu") != 0) return in->parts[p].backend;
  }
  return NULL;
}

/* One vector on the planned session; inputs and state are as before afterwards. */
static edge_status run_one(edge_session *s, const ei_golden *g, ei_arena *keep, bool *right) {
  ei_instance *const in = s->main;
  void **const saved = EI_NEW_ARRAY(keep, void *, (uint64_t)g->n_inputs + 1);
  if (!saved) return EDGE_STATUS_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < g->n_inputs; ++i) {
    const edge_tensor *const v = &in->live[in->sg->inputs[i]];
    saved[i] = ei_arena_get(keep, v->bytes + 1, 64);
    if (!saved[i]) return EDGE_STATUS_OUT_OF_MEMORY;
    if (!v->bytes) continue;
    memcpy(saved[i], v->data, (size_t)v->bytes);
    memcpy(v->data, g->inputs[i].data, (size_t)v->bytes);
  }
  edge_status status = ei_instance_run(in);
  *right = status == EDGE_STATUS_OK;
  for (uint32_t i = 0; *right && i < g->n_outputs && i < in->sg->n_outputs; ++i)
    *right = close_enough(&in->live[in->sg->outputs[i]], &g->outputs[i], g);
  ei_states_restore(s);
  for (uint32_t i = 0; i < g->n_inputs; ++i) {
    const edge_tensor *const v = &in->live[in->sg->inputs[i]];
    if (v->bytes) memcpy(v->data, saved[i], (size_t)v->bytes);
  }
  if (s->failed_backend) status = EDGE_STATUS_OK; /* a device that fails is as wrong as one that errs */
  return status;
}

static edge_status run_all(edge_session *s, bool *right, const char **name) {
  const ei_graph *const g = s->model->graph;
  ei_arena keep;
  edge_status status = EDGE_STATUS_OK;
  *right = true;
  ei_arena_init(&keep, s->env->alloc);
  for (uint32_t i = 0; status == EDGE_STATUS_OK && *right && i < g->n_golden; ++i) {
    if (!applies(s, &g->golden[i])) continue;
    *name = g->golden[i].name;
    status = run_one(s, &g->golden[i], &keep, right);
  }
  ei_arena_free(&keep);
  return status;
}

edge_status ei_session_check_golden(edge_session *s) {
  const ei_graph *const g = s->model->graph;
  if (s->golden_checked || !g->n_golden) return EDGE_STATUS_OK;
  s->golden_checked = true;
  for (ei_backend *device; (device = device_of(s)) != NULL;) {
    const char *name = "";
    bool right = true;
    s->failed_backend = NULL;
    EI_TRY(run_all(s, &right, &name));
    if (right) return EDGE_STATUS_OK;
    if (!s->failed_backend) s->failed_backend = device;
    (void)ei_session_fail(s, EDGE_STATUS_DEVICE_FAILED, "backend %s gives wrong answers to golden vector '%s'",
                          s->failed_backend->info.name, name);
    EI_TRY(ei_session_rescue(s, EDGE_STATUS_DEVICE_FAILED));
    s->error = (edge_error)EDGE_ERROR_INIT;
    atomic_flag_clear(&s->error_taken);
  }
  return EDGE_STATUS_OK;
}
