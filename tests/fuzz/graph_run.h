/* SPDX-License-Identifier: Apache-2.0
 * A made graph on three ways: by the operators' references one by one, by the scalar kernels without passes, and by all
 * passes, the kernels of the CPU and two threads. They must agree on success and on values: integers exactly, floats
 * within 2e-5 (f16 4e-3, bf16 3e-2) of max(1, |value|) or what roundings inside the graph explain. */
#ifndef ET_GRAPH_RUN_H
#define ET_GRAPH_RUN_H

#include "graph_gen.h"

enum { ET_GRAPH_QUOTA = 64 << 20 };

typedef enum et_graph_answer { ET_GRAPH_REFUSED, ET_GRAPH_ACCEPTED, ET_GRAPH_RUN } et_graph_answer;
/** Ends the program at a difference; EDGE_FUZZ_KEEP_GOING=1 counts it instead. choice: which kernels. */
et_graph_answer et_graph_check(const et_made *m, et_memory *mem, uint32_t choice);
extern uint64_t et_graph_differences;

#endif
