/* SPDX-License-Identifier: Apache-2.0
 * The operator table: ops.def as data, looked up by name, id and position. */
#include "op.h"

typedef struct op_row {
  uint32_t id;
  const ei_op_def *op;
} op_row;

static const op_row rows[] = {
#define EI_OP(id, name) { id, &ei_op_##name },
#include "ops.def"
#undef EI_OP
  { EI_NONE, NULL }, /* keeps the array non-empty; ids stay ascending */
};

uint32_t ei_op_count(void) {
  return (uint32_t)EI_COUNT(rows) - 1;
}

const ei_op_def *ei_op_at(uint32_t index) {
  return index < ei_op_count() ? rows[index].op : NULL;
}

/* A few hundred short names, looked up once per node while a model loads: a scan is fast enough. */
const ei_op_def *ei_op_find(const char *name) {
  if (name == NULL) return NULL;
  for (uint32_t i = 0; i < ei_op_count(); ++i) {
    if (rows[i].op->name[0] == name[0] && strcmp(rows[i].op->name, name) == 0) return rows[i].op;
  }
  return NULL;
}

const ei_op_def *ei_op_by_id(uint32_t id) {
  uint32_t lo = 0, hi = ei_op_count();
  while (lo < hi) {
    const uint32_t mid = lo + (hi - lo) / 2;
    if (rows[mid].id == id) return rows[mid].op;
    if (rows[mid].id < id)
      lo = mid + 1;
    else
      hi = mid;
  }
  return NULL;
}

uint32_t ei_op_id(const ei_op_def *op) {
  if (op && op->flags & EI_OP_REGISTERED) op = ei_op_find("Custom");
  for (uint32_t i = 0; i < ei_op_count(); ++i) {
    if (rows[i].op == op) return rows[i].id;
  }
  return EI_NONE;
}
