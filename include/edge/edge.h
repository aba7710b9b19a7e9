/* SPDX-License-Identifier: Apache-2.0
 * EdgeRT: everything an application needs. Back-ends include <edge/backend.h> instead. */
#ifndef EDGE_EDGE_H
#define EDGE_EDGE_H

#include <edge/custom.h>
#include <edge/env.h>
#include <edge/import.h>
#include <edge/log.h>
#include <edge/model.h>
#include <edge/preprocess.h>
#include <edge/session.h>
#include <edge/status.h>
#include <edge/tensor.h>
#include <edge/types.h>

#endif
