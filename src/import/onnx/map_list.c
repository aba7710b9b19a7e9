/* SPDX-License-Identifier: Apache-2.0
 * Sequences and optionals: lists of tensors that the import resolves, so that only tensors are left in the graph.
 * Where the run alone knows how many there are, they are one tensor, stacked along a new first dimension. */
#include "map.h"

static const ei_ox_list *need_list(ei_ox_call *c, uint32_t i) {
  const ei_ox_list *const list = ei_ox_list_of(c->b, ei_ox_in(c, i));
  if (list && !list->nothing) return list;
  if (c->x->missing) /* what would have made it is not supported */
    ei_ox_unsupported(c, "its input is not there");
  else
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "input %u is not a sequence", i);
  return NULL;
}

static const ei_ox_list *need_whole(ei_ox_call *c, uint32_t i) {
  const ei_ox_list *const list = need_list(c, i);
  if (!list || !list->grows) return list;
  ei_ox_unsupported(c, "a sequence that a loop is building can only be appended to");
  return NULL;
}

static uint32_t unsqueezed(ei_ox_call *c, uint32_t t, int64_t axis) {
  return ei_ox_unsqueeze(c, t, &axis, 1);
}

static uint32_t joined(ei_ox_call *c, const uint32_t *parts, uint32_t n, int64_t axis, uint32_t out) {
  out = ei_ox_emit1(c, n == 1 ? "Identity" : "Concat", out, parts, n);
  if (n != 1) ei_ox_set_int(c, "axis", axis);
  return out;
}

/* The items side by side along a new dimension, whose place counts from the end when negative. */
static uint32_t stack(ei_ox_call *c, const ei_ox_list *list, int64_t axis, uint32_t out) {
  uint32_t *const parts = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)list->n + 1);
  if (!parts) {
    ei_ox_out_of_memory(c->x);
    return EI_NONE;
  }
  for (uint32_t i = 0; i < list->n; ++i) parts[i] = unsqueezed(c, list->items[i], axis);
  return joined(c, parts, list->n, axis, out);
}

uint32_t ei_ox_list_append(ei_ox_call *c, const ei_ox_list *list, uint32_t stacked) {
  if (list->n == 0 && list->stacked == EI_NONE) return stacked;
  const uint32_t both[2] = { list->stacked == EI_NONE ? stack(c, list, 0, EI_NONE) : list->stacked, stacked };
  return joined(c, both, 2, 0, EI_NONE);
}

void ei_ox_map_sequence_construct(ei_ox_call *c) {
  const ei_ox_list list = { .items = c->in, .n = c->n_in, .stacked = EI_NONE };
  for (uint32_t i = 0; i < c->n_in; ++i)
    if (c->in[i] == EI_NONE) ei_ox_fail(c, EDGE_STATUS_MALFORMED, "input %u is absent", i);
  ei_ox_bind_list(c->b, ei_ox_out(c, 0), &list);
}

/* A constant position, counted from the end when negative, in [0, limit). */
static bool position(ei_ox_call *c, uint32_t t, int64_t n, int64_t limit, int64_t *at) {
  uint32_t count = 0;
  if (!ei_ox_values(c, t, at, 1, &count) || count != 1) {
    ei_ox_unsupported(c, "the position in a sequence must be a constant");
    return false;
  }
  if (*at < 0 && *at >= -n) *at += n;
  if (*at < 0 || *at >= limit) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "position %lld is outside a sequence of %lld", (long long)*at,
               (long long)n);
    return false;
  }
  return true;
}

void ei_ox_map_sequence_insert(ei_ox_call *c) {
  const ei_ox_list *const list = need_list(c, 0);
  const uint32_t x = ei_ox_in(c, 1);
  int64_t at = 0;
  if (!list || !ei_ox_ok(c->x)) return;
  if (x == EI_NONE || ei_ox_list_of(c->b, x)) {
    ei_ox_fail(c, EDGE_STATUS_MALFORMED, "input 1 is not a tensor");
    return;
  }
  if ((list->stacked != EI_NONE || list->grows) && (ei_ox_in(c, 2) != EI_NONE || list->n > 0)) {
    ei_ox_unsupported(c, "a sequence whose length only the run knows can be appended to once");
    return;
  }
  ei_ox_list more = *list;
  if (list->stacked != EI_NONE) {
    more.stacked = ei_ox_list_append(c, list, unsqueezed(c, x, 0));
    ei_ox_bind_list(c->b, ei_ox_out(c, 0), &more);
    return;
  }
  at = list->n;
  if (ei_ox_in(c, 2) != EI_NONE && !position(c, ei_ox_in(c, 2), list->n, (int64_t)list->n + 1, &at)) return;
  uint32_t *const items = EI_NEW_ARRAY(c->x->arena, uint32_t, (uint64_t)list->n + 1);
  if (!items) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  for (uint32_t i = 0; i <= list->n; ++i) items[i] = i < at ? list->items[i] : i == at ? x : list->items[i - 1];
  more.items = items;
  more.n++;
  ei_ox_bind_list(c->b, ei_ox_out(c, 0), &more);
}

void ei_ox_map_sequence_erase(ei_ox_call *c) {
  const ei_ox_list *const list = need_whole(c, 0);
  if (!list) return;
  int64_t at = (int64_t)list->n - 1;
  if (list->stacked != EI_NONE) {
    ei_ox_unsupported(c, "only the run knows the length of the sequence");
    return;
  }
  if (ei_ox_in(c, 1) != EI_NONE && !position(c, ei_ox_in(c, 1), list->n, list->n, &at)) return;
  if (at < 0) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the sequence is empty");
    return;
  }
  ei_ox_list less = *list;
  uint32_t *const items = EI_NEW_ARRAY(c->x->arena, uint32_t, list->n);
  if (!items) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  less.n--;
  for (uint32_t i = 0; i < less.n; ++i) items[i] = list->items[i < at ? i : i + 1];
  less.items = items;
  ei_ox_bind_list(c->b, ei_ox_out(c, 0), &less);
}

/* A position born in the run picks from the stacked items, which then have one shape; Gather checks it. */
void ei_ox_map_sequence_at(ei_ox_call *c) {
  const ei_ox_list *const list = need_whole(c, 0);
  int64_t at = 0;
  uint32_t n = 0;
  if (!list) return;
  if (list->stacked == EI_NONE && ei_ox_values(c, ei_ox_in(c, 1), &at, 1, &n)) {
    if (position(c, ei_ox_in(c, 1), list->n, list->n, &at)) EI_OX(c, "Identity", ei_ox_out(c, 0), list->items[at]);
    return;
  }
  if (list->stacked == EI_NONE && list->n == 0) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the sequence is empty");
    return;
  }
  const uint32_t all = list->stacked == EI_NONE ? stack(c, list, 0, EI_NONE) : list->stacked;
  EI_OX(c, "Gather", ei_ox_out(c, 0), all, ei_ox_reshape(c, ei_ox_in(c, 1), NULL, 0, EI_NONE));
  ei_ox_set_int(c, "axis", 0);
}

void ei_ox_map_sequence_length(ei_ox_call *c) {
  const ei_ox_list *const list = need_whole(c, 0);
  if (!list) return;
  if (list->stacked == EI_NONE)
    EI_OX(c, "Identity", ei_ox_out(c, 0), ei_ox_const_int(c, list->n));
  else
    EI_OX(c, "Gather", ei_ox_out(c, 0), EI_OX(c, "Shape", EI_NONE, list->stacked), ei_ox_const_int(c, 0));
}

/* The first dimension of a stacked list goes before `axis` of its items and, unless it is new, is merged with it. */
static void unstack(ei_ox_call *c, uint32_t stacked, int64_t axis, bool fresh) {
  const int32_t rank = ei_ox_rank(c, stacked) - 1;
  if (!ei_ox_ok(c->x)) return;
  if (axis < 0) axis += fresh ? rank + 1 : rank;
  if (axis < 0 || axis > rank || (!fresh && axis == rank)) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "axis is out of range");
    return;
  }
  int64_t perm[EDGE_MAX_RANK], zero = 0, rest = -1, end = rank + 1, after = axis + 2;
  for (int32_t i = 0; i <= rank; ++i) perm[i] = i < axis ? i + 1 : i == axis ? 0 : i;
  if (fresh) {
    ei_ox_transpose(c, stacked, perm, (uint32_t)rank + 1, ei_ox_out(c, 0));
    return;
  }
  const uint32_t t = ei_ox_transpose(c, stacked, perm, (uint32_t)rank + 1, EI_NONE),
                 sizes = EI_OX(c, "Shape", EI_NONE, t);
  const uint32_t parts[3] = {
    EI_OX(c, "Slice", EI_NONE, sizes, ei_ox_const_ints(c, &zero, 1), ei_ox_const_ints(c, &axis, 1)),
    ei_ox_const_ints(c, &rest, 1),
    EI_OX(c, "Slice", EI_NONE, sizes, ei_ox_const_ints(c, &after, 1), ei_ox_const_ints(c, &end, 1)),
  };
  EI_OX(c, "Reshape", ei_ox_out(c, 0), t, joined(c, parts, 3, 0, EI_NONE));
}

void ei_ox_map_concat_from_sequence(ei_ox_call *c) {
  const ei_ox_list *const list = need_whole(c, 0);
  const int64_t axis = ei_ox_int(c, "axis", 0);
  const bool fresh = ei_ox_int(c, "new_axis", 0) != 0;
  if (!list) return;
  if (list->stacked != EI_NONE)
    unstack(c, list->stacked, axis, fresh);
  else if (list->n == 0)
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the sequence is empty");
  else if (fresh)
    stack(c, list, axis, ei_ox_out(c, 0));
  else
    joined(c, list->items, list->n, axis, ei_ox_out(c, 0));
}

enum { MAX_PARTS = 4096 };

/* Sizes of the parts along a dimension of `whole`; 0: not to be had. A scalar `split` is the size of all but the
 * last. */
static uint32_t part_sizes(ei_ox_call *c, uint32_t split, int64_t whole, int64_t *sizes) {
  uint32_t n = 0;
  int64_t sum = 0, size = 1;
  if (split != EI_NONE && ei_ox_view(c, split)->rank == 1) {
    if (!ei_ox_values(c, split, sizes, MAX_PARTS, &n) && ei_ox_view(c, split)->dims[0] > 0 &&
        ei_ox_view(c, split)->dims[0] <= MAX_PARTS) {
      n = (uint32_t)ei_ox_view(c, split)->dims[0]; /* born in the run: their number is all that is known */
      for (uint32_t i = 0; i < n; ++i) sizes[i] = -1;
    }
    return n;
  }
  if (split != EI_NONE && !ei_ox_values(c, split, &size, 1, &n)) return 0;
  if (whole < 0 || size < 1 || (whole + size - 1) / size > MAX_PARTS) return 0;
  for (n = 0; sum < whole; sum += size) sizes[n++] = whole - sum < size ? whole - sum : size;
  return n;
}

void ei_ox_map_split_to_sequence(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0), split = ei_ox_in(c, 1);
  int64_t axis = ei_ox_int(c, "axis", 0), perm[EDGE_MAX_RANK];
  const bool drop = split == EI_NONE && ei_ox_int(c, "keepdims", 1) == 0;
  const int32_t rank = ei_ox_rank(c, x);
  ei_ox_list list = { .stacked = EI_NONE };
  if (!ei_ox_ok(c->x)) return;
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) {
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "axis is out of range");
    return;
  }
  int64_t *const sizes = EI_NEW_ARRAY(c->x->arena, int64_t, MAX_PARTS);
  uint32_t *const parts = EI_NEW_ARRAY(c->x->arena, uint32_t, MAX_PARTS);
  if (!sizes || !parts) {
    ei_ox_out_of_memory(c->x);
    return;
  }
  const int64_t whole = ei_ox_view(c, x)->dims[axis];
  list.n = part_sizes(c, split, whole, sizes);
  if (list.n == 0 && split == EI_NONE && whole != 0) { /* one by one, however many there are */
    for (int32_t i = 0; i < rank; ++i) perm[i] = i == 0 ? axis : i <= axis ? i - 1 : i;
    list.stacked = ei_ox_transpose(c, x, perm, (uint32_t)rank, EI_NONE);
    if (!drop) list.stacked = unsqueezed(c, list.stacked, axis + 1);
  } else if (list.n == 0 && whole != 0) {
    ei_ox_unsupported(c, "the number of parts must be known");
    return;
  }
  for (uint32_t i = 0; i < list.n; ++i) parts[i] = ei_ox_temp(c);
  if (list.n) {
    const uint32_t in[2] = { x, sizes[0] < 0 ? split : ei_ox_const_ints(c, sizes, list.n) };
    ei_ox_emit(c, "Split", in, 2, parts, list.n);
    ei_ox_set_int(c, "axis", axis);
  }
  for (uint32_t i = 0; i < list.n && drop; ++i)
    parts[i] = EI_OX(c, "Squeeze", EI_NONE, parts[i], ei_ox_const_ints(c, &axis, 1));
  list.items = parts;
  ei_ox_bind_list(c->b, ei_ox_out(c, 0), &list);
}

/* Identity, Optional, OptionalGetElement: a value stays what it is; nothing is nothing. */
void ei_ox_map_same_value(ei_ox_call *c) {
  static const ei_ox_list nothing = { .stacked = EI_NONE, .nothing = true };
  const uint32_t x = ei_ox_in(c, 0);
  const ei_ox_list *const list = x == EI_NONE ? &nothing : ei_ox_list_of(c->b, x);
  if (list && list->nothing && strcmp(c->n->op, "Optional") != 0)
    ei_ox_fail(c, EDGE_STATUS_INVALID_VALUE, "the optional has no value");
  else if (list)
    ei_ox_bind_list(c->b, ei_ox_out(c, 0), list);
  else
    EI_OX(c, "Identity", ei_ox_out(c, 0), x);
}

void ei_ox_map_has_element(ei_ox_call *c) {
  const uint32_t x = ei_ox_in(c, 0);
  const ei_ox_list *const list = ei_ox_list_of(c->b, x);
  const bool has = x != EI_NONE && !(list && list->nothing);
  EI_OX(c, "Identity", ei_ox_out(c, 0), ei_ox_const_of(c, EDGE_DTYPE_BOOL, has));
}
