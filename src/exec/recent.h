/* SPDX-License-Identifier: Apache-2.0
 * Plans put aside: a session that changes between a few shapes plans each of them once. */
#ifndef EI_RECENT_H
#define EI_RECENT_H

#include "exec.h"

/** Room for recent plans, from the session's arena. */
edge_status ei_recent_create(ei_instance *in);
/** The instance has no plan any more; what it owned is somewhere else or released. */
void ei_plan_forget(ei_instance *in);
/** Put the current plan aside for the shapes it was made for, in place of the oldest one; false: it cannot be kept. */
bool ei_recent_keep(ei_instance *in);
/** Take back the plan for the shapes that are asked for, if there is one; its addresses are to be bound again. */
void ei_recent_take(ei_instance *in);

#endif
