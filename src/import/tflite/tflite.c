/* SPDX-License-Identifier: Apache-2.0
 * Importer for TFLite files: a FlatBuffer with the identifier TFL3. */
#include "tflite.h"
#include "../unsupported.h"

edge_status tl_broken(tl_model *m) {
  if (m->fb.bad)
    return ei_fail_at(m->err, EDGE_STATUS_MALFORMED, m->fb.bad_at, "%s (near byte %llu)", m->fb.bad_why,
                      (unsigned long long)m->fb.bad_at);
  return ei_fail(m->err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to import the model");
}

static edge_status start(tl_model *m) {
  m->root = fb_root(&m->fb, "TFL3");
  const uint32_t version = fb_u32(m->root, 0, 0);
  m->codes = fb_vec(m->root, 1, 4);
  m->subgraphs = fb_vec(m->root, 2, 4);
  m->buffers = fb_vec(m->root, 4, 4);
  if (m->fb.bad) return tl_broken(m);
  if (version != 3)
    return ei_fail(m->err, EDGE_STATUS_UNSUPPORTED_VERSION,
                   "TFLite schema version %u is not supported (only 3); convert the model again", version);
  m->n_sub = m->subgraphs.count;
  if (m->n_sub == 0) return ei_fail(m->err, EDGE_STATUS_MALFORMED, "the model has no subgraph");
  m->sub = EI_NEW_ARRAY(m->im->arena, tl_subgraph, m->n_sub);
  if (!m->sub) return tl_broken(m);
  for (uint32_t i = 0; i < m->n_sub; ++i) {
    m->sub[i].table = fb_vec_table(&m->fb, m->subgraphs, i);
    m->sub[i].operators = fb_vec(m->sub[i].table, 3, 4);
    m->sub[i].graph = EI_NONE;
  }
  return m->fb.bad ? tl_broken(m) : EDGE_STATUS_OK;
}

/* Inputs and outputs of a subgraph; handles of resources are left out, they are states here. */
static edge_status set_io(tl_model *m, const tl_subgraph *sub) {
  const fb_vector lists[2] = { sub->inputs, sub->outputs };
  uint32_t *ids[2], n[2] = { 0, 0 };
  for (int side = 0; side < 2; ++side) {
    ids[side] = EI_NEW_ARRAY(m->im->arena, uint32_t, (uint64_t)lists[side].count + 1);
    if (!ids[side]) return tl_broken(m);
    for (uint32_t i = 0; i < lists[side].count; ++i) {
      const int32_t t = fb_vec_s32(lists[side], i);
      if (t < 0 || (uint32_t)t >= sub->n_tensors)
        return ei_fail(m->err, EDGE_STATUS_MALFORMED, "%s %u of a subgraph is tensor %d of %u",
                       side ? "output" : "input", i, t, sub->n_tensors);
      const tl_tensor *const d = &sub->tensors[t];
      if (d->type == TL_TYPE_RESOURCE) continue;
      if (tl_dtype(d->type) == EDGE_DTYPE_NONE && m->n_problems) continue; /* the list names what touches it */
      if (tl_dtype(d->type) == EDGE_DTYPE_NONE)
        return ei_fail_node(m->err, EDGE_STATUS_UNSUPPORTED_TYPE, EI_NONE, (uint32_t)t,
                            "%s %u ('%s') has type %s, which is not supported", side ? "output" : "input", i,
                            m->g->subgraphs[sub->graph].tensors[t].name, tl_type_name(d->type));
      ids[side][n[side]++] = (uint32_t)t;
    }
  }
  return ei_subgraph_set_io(m->g, sub->graph, ids[0], n[0], ids[1], n[1]);
}

/* ---- entry points and names */

/* Names that a signature gives to the inputs (or outputs) of its subgraph, kept as metadata in the entry's order. */
static edge_status add_names(tl_model *m, const char *entry, const tl_subgraph *sub, fb_vector maps, bool output) {
  const fb_vector list = output ? sub->outputs : sub->inputs;
  uint32_t position = 0;
  for (uint32_t i = 0; i < list.count; ++i) {
    const int32_t t = fb_vec_s32(list, i);
    if (sub->tensors[t].type == TL_TYPE_RESOURCE) continue;
    for (uint32_t k = 0; k < maps.count; ++k) {
      const fb_table map = fb_vec_table(&m->fb, maps, k);
      if (m->fb.bad) return tl_broken(m);
      if (fb_u32(map, 1, 0) != (uint32_t)t) continue;
      const char *const name = tl_text(m, fb_str(map, 0));
      char key[320];
      ei_format(key, sizeof key, "edge.signature.%s.%s.%u", entry, output ? "out" : "in", position);
      if (!name || m->fb.bad) return tl_broken(m);
      EI_TRY(ei_graph_add_metadata(m->g, key, name, strlen(name)));
      break;
    }
    position++;
  }
  return EDGE_STATUS_OK;
}

static edge_status add_entry(tl_model *m, fb_table signature, const char *name, uint32_t sub) {
  for (uint32_t i = 0; i < m->g->n_entries; ++i)
    if (strcmp(m->g->entries[i].name, name) == 0) {
      ei_import_log(m->im, EDGE_LOG_WARNING, "the model has two signatures '%s'; the second one is left out", name);
      return EDGE_STATUS_OK;
    }
  EI_TRY(ei_graph_add_entry(m->g, name, m->sub[sub].graph));
  EI_TRY(add_names(m, name, &m->sub[sub], fb_vec(signature, 0, 4), false));
  return add_names(m, name, &m->sub[sub], fb_vec(signature, 1, 4), true);
}

/* The first entry is the default: the one of subgraph 0. */
static edge_status add_entries(tl_model *m) {
  const fb_vector signatures = fb_vec(m->root, 7, 4);
  for (int pass = 0; pass < 2; ++pass) {
    for (uint32_t i = 0; i < signatures.count; ++i) {
      const fb_table s = fb_vec_table(&m->fb, signatures, i);
      const uint32_t sub = fb_u32(s, 4, 0);
      const fb_vector key = fb_str(s, 2);
      const char *const name = key.count ? tl_text(m, key) : "main";
      if (!name || m->fb.bad) return tl_broken(m);
      if ((sub == 0) == (pass == 0)) EI_TRY(add_entry(m, s, name, sub));
    }
    if (pass == 0 && m->g->n_entries == 0) EI_TRY(ei_graph_add_entry(m->g, "main", m->sub[0].graph));
  }
  return EDGE_STATUS_OK;
}

static edge_status add_metadata(tl_model *m) {
  const fb_vector list = fb_vec(m->root, 6, 4);
  const char *const description = tl_text(m, fb_str(m->root, 3));
  if (!description || m->fb.bad) return tl_broken(m);
  if (*description) EI_TRY(ei_graph_add_metadata(m->g, "tflite.description", description, strlen(description)));
  for (uint32_t i = 0; i < list.count; ++i) {
    const fb_table t = fb_vec_table(&m->fb, list, i);
    const char *const name = tl_text(m, fb_str(t, 0));
    const void *data = NULL;
    uint64_t bytes = 0;
    char key[320];
    if (!name || m->fb.bad) return tl_broken(m);
    EI_TRY(tl_buffer(m, fb_u32(t, 1, 0), &data, &bytes));
    if (bytes > m->fb.budget) return ei_fail(m->err, EDGE_STATUS_MALFORMED, "metadata is repeated too often");
    m->fb.budget -= bytes;
    ei_format(key, sizeof key, "tflite.%s", name);
    bool known = false;
    for (uint32_t k = 0; k < m->g->n_metadata; ++k) known = known || strcmp(m->g->metadata[k].key, key) == 0;
    if (!known) EI_TRY(ei_graph_add_metadata(m->g, key, data, bytes));
  }
  return EDGE_STATUS_OK;
}

/* ---- the whole file */

static edge_status problems(tl_model *m) {
  if (m->n_problems == 0) return EDGE_STATUS_OK;
  return ei_fail(m->err, m->problem_status, "%u operator%s cannot be imported: %s", m->n_problems,
                 m->n_problems == 1 ? "" : "s", m->problems);
}

static edge_status read_subgraphs(tl_model *m) {
  uint32_t n = 0;
  uint32_t *const order = EI_NEW_ARRAY(m->im->arena, uint32_t, m->n_sub);
  if (!order) return tl_broken(m);
  EI_TRY(tl_order_subgraphs(m, order, &n));
  for (uint32_t i = 0; i < n; ++i) {
    tl_subgraph *const sub = &m->sub[order[i]];
    const char *const name = tl_text(m, fb_str(sub->table, 4));
    if (!name || m->fb.bad) return tl_broken(m);
    sub->graph = ei_graph_add_subgraph(m->g, name);
    if (sub->graph == EI_NONE) return tl_broken(m);
    EI_TRY(tl_read_tensors(m, order[i]));
  }
  EI_TRY(tl_find_resources(m, order, n));
  for (uint32_t i = 0; i < n; ++i) {
    EI_TRY(tl_read_nodes(m, order[i]));
    EI_TRY(set_io(m, &m->sub[order[i]]));
  }
  return EDGE_STATUS_OK;
}

/* Types and shapes that do not go together are the file's fault, not the caller's. */
static edge_status infer(tl_model *m) {
  edge_status status = EDGE_STATUS_OK;
  for (uint32_t i = 0; i < m->g->n_subgraphs && status == EDGE_STATUS_OK; ++i) status = ei_graph_infer(m->g, i, m->err);
  if (status == EDGE_STATUS_UNSUPPORTED_TYPE) ei_import_unsupported_types(m->im, m->g);
  if (status != EDGE_STATUS_TYPE_MISMATCH && status != EDGE_STATUS_SHAPE_MISMATCH) return status;
  if (m->err) m->err->status = EDGE_STATUS_INVALID_VALUE;
  return EDGE_STATUS_INVALID_VALUE;
}

edge_status ei_import_tflite(ei_import *im, const void *data, uint64_t bytes, ei_graph **out, edge_error *err) {
  tl_model *const m = EI_NEW(im->arena, tl_model);
  *out = NULL;
  if (!m) return ei_fail(err, EDGE_STATUS_OUT_OF_MEMORY, "no memory to import the model");
  m->im = im;
  m->err = err;
  m->file = data;
  m->file_bytes = bytes;
  m->problem_status = EDGE_STATUS_UNSUPPORTED_OP;
  fb_init(&m->fb, data, bytes);
  m->g = ei_graph_new(im->arena);
  if (!m->g) return tl_broken(m);
  EI_TRY(start(m));
  EI_TRY(read_subgraphs(m));
  EI_TRY(add_entries(m));
  EI_TRY(add_metadata(m));
  EI_TRY(problems(m));
  EI_TRY(ei_graph_compact(m->g));
  EI_TRY(infer(m));
  *out = m->g;
  return EDGE_STATUS_OK;
}
