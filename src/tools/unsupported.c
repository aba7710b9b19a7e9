/* SPDX-License-Identifier: Apache-2.0
 * The list of everything in a model that is not supported: collected while it is opened, shown with the error. */
#include "tool.h"

#include "../import/import.h"
#include "json.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 10000, SHOWN_KINDS = 40, SHOWN_NODES = 12 };

typedef struct entry {
  char *node, *op, *domain, *type, *why, *hint;
  int64_t version;
  uint32_t kind; /* index of the first entry of the same operator, reason and advice */
} entry;

static struct {
  entry *items;
  uint32_t count, cap, kinds;
  const char *path;
} list;

static char *copy(const char *text) {
  char *const out = malloc(strlen(text) + 1);
  return out ? strcpy(out, text) : NULL;
}

static void clear(void) {
  for (uint32_t i = 0; i < list.count; ++i) {
    entry *const x = &list.items[i];
    free(x->node), free(x->op), free(x->domain), free(x->type), free(x->why), free(x->hint);
  }
  free(list.items);
  memset(&list, 0, sizeof list);
}

static bool same_kind(const entry *a, const entry *b) {
  return a->version == b->version && strcmp(a->op, b->op) == 0 && strcmp(a->domain, b->domain) == 0 &&
         strcmp(a->why, b->why) == 0 && strcmp(a->hint, b->hint) == 0;
}

static void add(void *user, const ei_unsupported *u) {
  (void)user;
  if (list.count == MAX_NODES) return;
  if (list.count == list.cap) {
    const uint32_t cap = list.cap ? list.cap * 2 : 16;
    entry *const more = realloc(list.items, cap * sizeof *more);
    if (!more) return;
    list.items = more;
    list.cap = cap;
  }
  entry *const x = &list.items[list.count];
  *x = (entry) { copy(u->node), copy(u->op),   copy(u->domain), copy(u->type),
                 copy(u->why),  copy(u->hint), u->version,      list.count };
  list.count++;
  if (!x->node || !x->op || !x->domain || !x->type || !x->why || !x->hint) {
    list.count--;
    free(x->node), free(x->op), free(x->domain), free(x->type), free(x->why), free(x->hint);
    return;
  }
  for (uint32_t i = 0, seen = 0; i + 1 < list.count && seen < 256; ++i) {
    if (list.items[i].kind != i) continue;
    ++seen;
    if (same_kind(&list.items[i], x)) {
      x->kind = i;
      return;
    }
  }
  list.kinds++;
}

void tool_unsupported_collect(const char *path, ei_import_options *import) {
  clear();
  list.path = path;
  import->unsupported = add;
}

void tool_unsupported_search(const char *path) {
  ei_import_options options = EI_IMPORT_OPTIONS_INIT;
  if (list.count) return;
  tool_unsupported_collect(path, &options);
  ei_import_list_unsupported(path, &options);
}

bool tool_unsupported_any(void) {
  return list.count > 0;
}

static void print_kind(uint32_t kind) {
  const entry *const k = &list.items[kind];
  uint32_t count = 0, shown = 0;
  for (uint32_t i = kind; i < list.count; ++i) count += list.items[i].kind == kind;
  fputs("  ", stderr);
  tool_print(stderr, k->op);
  if (*k->domain || k->version) fprintf(stderr, " (%s", *k->domain ? "domain " : "");
  tool_print(stderr, k->domain);
  if (*k->domain && k->version) fputs(", ", stderr);
  if (k->version)
    fprintf(stderr, "%s %lld", strncmp(k->domain, "ai.onnx", 7) ? "version" : "opset", (long long)k->version);
  fprintf(stderr, "%s, %u node%s: ", *k->domain || k->version ? ")" : "", count, count == 1 ? "" : "s");
  tool_print(stderr, k->why);
  fputs("\n", stderr);
  for (uint32_t i = kind; i < list.count && shown < SHOWN_NODES; ++i) {
    if (list.items[i].kind != kind) continue;
    fputs("    at '", stderr);
    tool_print(stderr, list.items[i].node);
    fprintf(stderr, "'%s%s\n", *list.items[i].type ? ", input " : "", list.items[i].type);
    shown++;
  }
  if (shown < count) fprintf(stderr, "    and %u more; --json lists them\n", count - shown);
  if (!*k->hint) return;
  fputs("    do: ", stderr);
  tool_print(stderr, k->hint);
  fputs("\n", stderr);
}

void tool_unsupported_text(void) {
  uint32_t shown = 0;
  fprintf(stderr, "%s: %u node%s not supported:\n", list.path, list.count, list.count == 1 ? " is" : "s are");
  for (uint32_t i = 0; i < list.count && shown < SHOWN_KINDS; ++i) {
    if (list.items[i].kind != i) continue;
    print_kind(i);
    shown++;
  }
  if (shown < list.kinds) fprintf(stderr, "  and %u more kinds; --json lists them\n", list.kinds - shown);
}

void tool_unsupported_json(void) {
  fputs("[", stdout);
  for (uint32_t i = 0; i < list.count; ++i) {
    const entry *const x = &list.items[i];
    const char *const keys[] = { "node", "op", "domain", "type", "why", "hint" };
    const char *const values[] = { x->node, x->op, x->domain, x->type, x->why, x->hint };
    fputs(i ? ",{" : "{", stdout);
    for (int k = 0; k < 6; ++k) {
      printf("\"%s\":", keys[k]);
      json_write_string(stdout, values[k]);
      fputs(",", stdout);
    }
    printf("\"version\":%lld}", (long long)x->version);
  }
  fputs("]", stdout);
}
