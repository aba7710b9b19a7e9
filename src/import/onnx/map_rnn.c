/* SPDX-License-Identifier: Apache-2.0
 * Recurrent operators: same layouts as ours, only attributes differ. */
#include "map.h"

static const char activation_names[] =
    "Sigmoid|Tanh|Relu|HardSigmoid|LeakyRelu|Affine|ScaledTanh|ThresholdedRelu|Elu|Softsign|Softplus";

void ei_ox_map_rnn(ei_ox_call *c) {
  ei_ox_emit(c, c->row->target, c->in, c->n_in, c->out, c->n_out);
  ei_ox_rnn_attrs(c);
}

void ei_ox_rnn_attrs(ei_ox_call *c) {
  static const ei_ox_attr_map attrs[] = {
    { "hidden_size", "hidden", EI_ATTR_INT, 0, NULL },
    { "direction", "direction", EI_ATTR_STRING, 0, "forward|reverse|bidirectional" },
    { "clip", "clip", EI_ATTR_FLOAT, 0, NULL },
    { "layout", "layout", EI_ATTR_INT, 0, NULL },
    { "activation_alpha", "act_alpha", EI_ATTR_FLOATS, 0, NULL },
    { "activation_beta", "act_beta", EI_ATTR_FLOATS, 0, NULL },
    { NULL, NULL, 0, 0, NULL },
  };
  ei_ox_map_attrs(c, attrs);
  ei_ox_map_attrs(c, c->row->attrs);
  const ei_ox_attr *const names = ei_ox_attr_find(c, "activations");
  if (!names || !names->n_strings) return;
  int64_t ids[6];
  for (uint32_t i = 0; i < names->n_strings && i < 6; ++i) {
    ids[i] = ei_ox_word(activation_names, names->strings[i]);
    if (ids[i] < 0) {
      ei_ox_fail(c, EDGE_STATUS_UNSUPPORTED_FEATURE, "activation '%s' is not one of %s", names->strings[i],
                 activation_names);
      return;
    }
  }
  ei_ox_set_ints(c, "activations", ids, names->n_strings < 6 ? names->n_strings : 6);
}
