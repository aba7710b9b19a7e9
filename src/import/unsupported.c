/* SPDX-License-Identifier: Apache-2.0
 * What a model holds that cannot be run here, in words: which node, why, and what to do. */
#include "unsupported.h"
#include "../ops/op.h"

enum { LONGEST = 48 };

/* Operators that no exporter option brings back: what people do instead. */
static const struct {
  const char *prefix, *advice;
} families[] = {
  { "String", "text has no place in a device model: tokenize or map it to numbers before the model" },
  { "Regex", "text has no place in a device model: tokenize or map it to numbers before the model" },
  { "Tokenizer", "tokenize before the model and feed the ids" },
  { "TfIdf", "compute the features before the model" },
  { "LabelEncoder", "map labels to numbers outside the model" },
  { "SVM",
    "classical machine learning: convert it to tensor operators (Hummingbird does) or run it outside the model" },
  { "Random", "feed the random values as an input of the model" },
  { "Multinomial", "feed the random values as an input of the model" },
  { "Bernoulli", "feed the random values as an input of the model" },
  { "Sequence", "export with tensors instead of sequences (stack or concatenate them)" },
  { "Optional", "export without optional values" },
  { "ImageDecoder", "decode pictures before the model" },
  { "Adam", "export the model for inference: this operator trains" },
  { "Adagrad", "export the model for inference: this operator trains" },
  { "Momentum", "export the model for inference: this operator trains" },
  { "Gradient", "export the model for inference: this operator trains" },
  { "HASHTABLE", "look the words up outside the model and feed the indices" },
  { "STABLEHLO", "convert the model again to TFLite's builtin operators" },
  { "Flex", "a TensorFlow operator: convert the model with builtin operators only (without SELECT_TF_OPS), or register "
            "it, see docs/custom-operators.md" },
};

/* Letters that must change between two names; at most LONGEST letters are looked at. */
static uint32_t distance(const char *a, const char *b) {
  uint32_t row[LONGEST + 1];
  uint32_t n = 0;
  for (; n < LONGEST && b[n]; ++n) row[n] = n;
  row[n] = n;
  for (uint32_t i = 0; i < LONGEST && a[i]; ++i) {
    uint32_t corner = row[0];
    row[0] = i + 1;
    for (uint32_t k = 0; k < n; ++k) {
      const uint32_t x = (uint8_t)a[i] | 32u, y = (uint8_t)b[k] | 32u; /* case costs nothing */
      uint32_t best = corner + (x != y);
      corner = row[k + 1];
      if (corner + 1 < best) best = corner + 1;
      if (row[k] + 1 < best) best = row[k] + 1;
      row[k + 1] = best;
    }
  }
  return row[n];
}

/* A near name is a slip of the pen or a sibling; a far one would only mislead. */
static const char *nearest(const char *op, ei_op_names known) {
  const char *best = NULL, *name;
  uint32_t least = UINT32_MAX;
  for (uint32_t i = 0; known && (name = known(i)) != NULL; ++i) {
    const uint32_t d = distance(op, name);
    if (d < least) {
      least = d;
      best = name;
    }
  }
  const size_t length = strlen(op);
  return best && least <= (length < 6 ? 1 : length / 3) ? best : NULL;
}

const char *ei_unsupported_hint(const char *op, bool custom, ei_op_names known, char out[EI_HINT_BYTES]) {
  const char *const near = nearest(op, known);
  for (size_t i = 0; i < EI_COUNT(families); ++i)
    if (strncmp(op, families[i].prefix, strlen(families[i].prefix)) == 0) {
      ei_format(out, EI_HINT_BYTES, "%s", families[i].advice);
      return out;
    }
  if (custom && near)
    ei_format(out, EI_HINT_BYTES,
              "custom operator: register it, see docs/custom-operators.md, or export without it; the nearest name that "
              "is supported is '%s'",
              near);
  else if (custom)
    ei_format(out, EI_HINT_BYTES,
              "custom operator: register it, see docs/custom-operators.md, or export the model without it");
  else if (near)
    ei_format(out, EI_HINT_BYTES, "the nearest operator that is supported is '%s'; else decompose it in the export",
              near);
  else
    ei_format(out, EI_HINT_BYTES, "replace or decompose it in the export, or compute it outside the model");
  return out;
}

const char *ei_unsupported_type(const edge_tensor *t, char *out, size_t cap) {
  size_t n = 0;
  out[0] = 0;
  if (t->dtype == EDGE_DTYPE_NONE) return out;
  n += ei_format(out, cap, "%s", edge_dtype_name(t->dtype));
  if (t->rank >= 0 && n + 3 < cap) n += ei_format(out + n, cap - n, " [");
  for (int32_t i = 0; i < t->rank && n + 24 < cap; ++i)
    n += t->dims[i] < 0 ? ei_format(out + n, cap - n, "%s?", i ? ", " : "")
                        : ei_format(out + n, cap - n, "%s%lld", i ? ", " : "", (long long)t->dims[i]);
  if (t->rank >= 0 && n + 2 < cap) ei_format(out + n, cap - n, "]");
  return out;
}

void ei_import_unsupported(const ei_import *im, const ei_unsupported *u) {
  if (im->options->unsupported) {
    im->options->unsupported(im->options->unsupported_user, u);
    return;
  }
  ei_import_log(im, EDGE_LOG_ERROR, "unsupported operator %s (%s, version %lld) at node '%s': %s", u->op, u->domain,
                (long long)u->version, u->node, u->why);
}

const char *ei_unsupported_why(const char *text) {
  const char *const end = strncmp(text, "node '", 6) == 0 ? strstr(text, "): ") : NULL;
  return end ? end + 3 : text;
}

/* Are all types that a node reads known? Otherwise its complaint follows from another node's. */
static bool inputs_typed(const ei_node *n, const edge_tensor *views) {
  for (uint32_t i = 0; i < n->n_in; ++i)
    if (n->in[i] != EI_NONE && views[n->in[i]].dtype == EDGE_DTYPE_NONE) return false;
  return true;
}

static void types_of_subgraph(const ei_import *im, const ei_subgraph *sg) {
  edge_tensor *const views = EI_NEW_ARRAY(im->arena, edge_tensor, (uint64_t)sg->n_tensors + 1);
  if (!views) return;
  for (uint32_t i = 0; i < sg->n_tensors; ++i) ei_tensor_view(&sg->tensors[i], &views[i]);
  for (uint32_t i = 0; i < sg->n_nodes; ++i) {
    const ei_node *const n = &sg->nodes[i];
    edge_error error = EDGE_ERROR_INIT;
    bool pending = false;
    char type[160];
    if (!n->op || (n->op->flags & EI_OP_CONTROL) || !inputs_typed(n, views)) continue;
    if (ei_infer_node(n, i, views, im->arena, &pending, &error) != EDGE_STATUS_UNSUPPORTED_TYPE) continue;
    const ei_unsupported u = {
      .node = n->name,
      .op = n->op->name,
      .domain = "",
      .version = n->version,
      .type = n->n_in && n->in[0] != EI_NONE ? ei_unsupported_type(&views[n->in[0]], type, sizeof type) : "",
      .why = ei_unsupported_why(error.text),
      .hint = "cast its inputs in the export, or export the model in another precision",
    };
    ei_import_unsupported(im, &u);
  }
}

void ei_import_unsupported_types(const ei_import *im, ei_graph *g) {
  for (uint32_t i = 0; im->options->unsupported && i < g->n_subgraphs; ++i) types_of_subgraph(im, &g->subgraphs[i]);
}
