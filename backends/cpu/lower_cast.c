/* SPDX-License-Identifier: Apache-2.0
 * Cast between types that are the same here (16-bit floats in their wide form). */
#include "cpu.h"

edge_status eb_cpu_lower_cast(eb_cpu_plan *plan, uint32_t node) {
  const edge_tensor *const x = eb_cpu_tensor(plan, eb_cpu_input(plan, node, 0));
  const edge_tensor *const y = eb_cpu_tensor(plan, eb_cpu_output(plan, node, 0));
  return x->dtype == y->dtype && x->quant.count == 0 && y->quant.count == 0 ? eb_cpu_lower_view(plan, node)
                                                                            : EB_CPU_PASS;
}
