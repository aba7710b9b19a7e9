/* SPDX-License-Identifier: Apache-2.0
 * The ONNX importer: parse, build, and report everything that cannot be translated in one error. */
#include "onnx.h"

/* All of them to the log, as many as fit into the error's text. */
static edge_status report_missing(ei_ox *x) {
  char text[440];
  size_t length = 0;
  const uint32_t kinds = x->n_missing;
  uint32_t shown = 0;
  for (const ei_ox_missing *m = x->missing; m; m = m->next) {
    char line[300], more[32] = "";
    if (m->count > 1) ei_format(more, sizeof more, " and %u more", m->count - 1);
    const size_t n = ei_format(line, sizeof line, "%s (domain '%s', opset %lld) at node '%s'%s: %s", m->op,
                               *m->domain ? m->domain : "ai.onnx", (long long)m->opset, m->node, more, m->why);
    if (!x->im->options->unsupported) ei_import_log(x->im, EDGE_LOG_ERROR, "unsupported operator %s", line);
    if (length + n + 3 >= sizeof text) continue;
    length += ei_format(text + length, sizeof text - length, "%s%s", shown ? "; " : "", line);
    shown++;
  }
  text[length] = '\0';
  if (shown < kinds)
    return ei_fail(x->err, x->missing_status, "%u unsupported operators: %s; and %u more", kinds, text, kinds - shown);
  return ei_fail(x->err, x->missing_status,
                 "%u unsupported operator%s: %s. Replace or decompose in the export, or compute it outside the model",
                 kinds, kinds == 1 ? "" : "s", text);
}

/* Types that no node reads stand for themselves. */
static edge_status report_foreign(ei_ox *x) {
  const int32_t type = (int32_t)ei_ox_names_get(&x->foreign, x->first_foreign);
  return ei_fail(x->err, EDGE_STATUS_UNSUPPORTED_TYPE,
                 "'%s' has element type %s, which is not supported; convert it to a supported type", x->first_foreign,
                 ei_ox_type_name(type));
}

static edge_status check_versions(ei_ox *x) {
  for (uint32_t i = 0; i < x->model->n_opsets; ++i) {
    const ei_ox_opset *const o = &x->model->opsets[i];
    if (*o->domain || o->version <= EI_OX_NEWEST_OPSET) continue;
    return ei_fail(x->err, EDGE_STATUS_UNSUPPORTED_VERSION,
                   "the model uses ONNX opset %lld, the newest one known here is %d; export it with an older opset",
                   (long long)o->version, EI_OX_NEWEST_OPSET);
  }
  return EDGE_STATUS_OK;
}

static edge_status add_metadata(ei_ox *x) {
  const ei_ox_model *const m = x->model;
  for (uint32_t i = 0; i < m->n_metadata; ++i) {
    const ei_ox_text *const t = &m->metadata[i];
    if (ei_graph_add_metadata(x->g, t->key, t->value, strlen(t->value)) != EDGE_STATUS_OK)
      return ei_ox_out_of_memory(x);
  }
  return EDGE_STATUS_OK;
}

static edge_status align_constants(ei_ox *x) {
  for (uint32_t s = 0; s < x->g->n_subgraphs; ++s)
    for (uint32_t i = 0; i < x->g->subgraphs[s].n_tensors; ++i) {
      ei_tensor *const t = &x->g->subgraphs[s].tensors[i];
      if (t->data && !ei_ox_aligned(t)) EI_TRY(ei_ox_own(x, t));
    }
  return EDGE_STATUS_OK;
}

static edge_status build(ei_ox *x) {
  EI_TRY(check_versions(x));
  const edge_status built = ei_ox_build_main(x);
  if (x->missing && built != EDGE_STATUS_OUT_OF_MEMORY && built != EDGE_STATUS_MALFORMED) return report_missing(x);
  if (x->n_foreign && built != EDGE_STATUS_OUT_OF_MEMORY && built != EDGE_STATUS_MALFORMED) return report_foreign(x);
  EI_TRY(built);
  EI_TRY(add_metadata(x));
  if (ei_graph_compact(x->g) != EDGE_STATUS_OK) return ei_ox_out_of_memory(x);
  return align_constants(x);
}

edge_status ei_import_onnx(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err) {
  ei_ox_model model;
  ei_ox x;
  edge_error local = EDGE_ERROR_INIT;
  memset(&x, 0, sizeof x);
  x.im = im;
  x.arena = im->arena;
  x.model = &model;
  x.err = err ? err : &local;
  *out = NULL;
  EI_TRY(ei_ox_parse_model(x.arena, data, bytes, &model, x.err));
  x.g = ei_graph_new(x.arena);
  if (!x.g) return ei_ox_out_of_memory(&x);
  EI_TRY(build(&x));
  *out = x.g;
  return EDGE_STATUS_OK;
}
