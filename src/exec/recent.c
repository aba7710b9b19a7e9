/* SPDX-License-Identifier: Apache-2.0
 * Plans put aside. A plan is what ei_instance holds below `mem`; everything in it that points to the instance points to
 * an address that stays, so a plan is moved by copying the structure. The arena, bindings and requested shapes are the
 * instance's own and do not move. */
#include "recent.h"

struct ei_recent_plan {
  ei_instance plan;
  bool used;
  uint64_t age; /* the oldest one makes room */
  int64_t (*dims)[EDGE_MAX_RANK];
  int32_t *rank;
};

edge_status ei_recent_create(ei_instance *in) {
  ei_arena *const mem = &in->session->mem;
  const uint64_t n = (uint64_t)in->sg->n_inputs + 1;
  in->recent = EI_NEW_ARRAY(mem, ei_recent_plan, EI_RECENT_PLANS);
  for (uint32_t i = 0; in->recent && i < EI_RECENT_PLANS; ++i) {
    in->recent[i].dims = ei_arena_array(mem, n, sizeof in->recent[i].dims[0], _Alignof(int64_t));
    in->recent[i].rank = EI_NEW_ARRAY(mem, int32_t, n);
    if (!in->recent[i].dims || !in->recent[i].rank) return EDGE_STATUS_OUT_OF_MEMORY;
  }
  return in->recent ? EDGE_STATUS_OK : EDGE_STATUS_OUT_OF_MEMORY;
}

void ei_plan_forget(ei_instance *in) {
  ei_alloc *const alloc = in->session->env->alloc;
  ei_arena_init(&in->mem, alloc);
  ei_arena_init(&in->fold, alloc);
  in->planned = in->bound = false;
  in->parts = NULL;
  in->segments = NULL;
  in->n_parts = in->n_segments = 0;
}

/* Values known while planning may be other values the next time, at the same address. Devices may hold a copy of the
 * weights for each plan. */
static bool can_be_kept(const ei_instance *in) {
  bool can = in->recent && !in->sizes_only;
  for (uint32_t i = 0; can && i < in->sg->n_inputs; ++i) can = in->input_value[i] == NULL;
  for (uint32_t i = 0; can && i < in->n_parts; ++i)
    can = !in->parts[i].backend || EDGE_BACKEND_HAS(in->parts[i].backend->api, steps);
  return can;
}

static void drop(ei_recent_plan *r) {
  if (!r->used) return;
  for (uint32_t i = 0; i < r->plan.n_parts; ++i) ei_part_release(&r->plan.parts[i]);
  ei_arena_free(&r->plan.mem);
  ei_arena_free(&r->plan.fold);
  r->used = false;
}

bool ei_recent_keep(ei_instance *in) {
  if (!can_be_kept(in)) return false;
  ei_recent_plan *oldest = &in->recent[0];
  for (uint32_t i = 0; i < EI_RECENT_PLANS; ++i) {
    ei_recent_plan *const r = &in->recent[i];
    r->age++;
    if (oldest->used && (!r->used || r->age > oldest->age)) oldest = r;
  }
  drop(oldest);
  oldest->plan = *in;
  oldest->used = true;
  oldest->age = 0;
  memcpy(oldest->dims, in->input_dims, in->sg->n_inputs * sizeof in->input_dims[0]);
  memcpy(oldest->rank, in->input_rank, in->sg->n_inputs * sizeof in->input_rank[0]);
  ei_plan_forget(in);
  return true;
}

static bool is_for(const ei_recent_plan *r, const ei_instance *in) {
  bool same = r->used;
  for (uint32_t i = 0; same && i < in->sg->n_inputs; ++i) {
    same = in->input_value[i] == NULL && r->rank[i] == in->input_rank[i];
    for (int32_t d = 0; same && d < r->rank[i]; ++d) same = r->dims[i][d] == in->input_dims[i][d];
  }
  return same;
}

void ei_recent_take(ei_instance *in) {
  for (uint32_t i = 0; in->recent && i < EI_RECENT_PLANS; ++i) {
    ei_recent_plan *const r = &in->recent[i];
    if (!is_for(r, in)) continue;
    const ei_instance own = *in;
    *in = r->plan;
    in->external = own.external;
    in->run = own.run;
    in->arena = own.arena;
    in->arena_bytes = own.arena_bytes;
    in->arena_owned = own.arena_owned;
    in->bound = false;
    r->used = false;
    return;
  }
}

void ei_instance_drop_recent(ei_instance *in) {
  for (uint32_t i = 0; in->recent && i < EI_RECENT_PLANS; ++i) drop(&in->recent[i]);
}

uint64_t ei_instance_recent_bytes(const ei_instance *in) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; in->recent && i < EI_RECENT_PLANS; ++i)
    if (in->recent[i].used) bytes += in->recent[i].plan.mem.total_bytes + in->recent[i].plan.fold.total_bytes;
  return bytes;
}
