/* SPDX-License-Identifier: Apache-2.0
 * The log sink: the library never prints. */
#ifndef EDGE_LOG_H
#define EDGE_LOG_H

#include <stdint.h>

enum { EDGE_LOG_ERROR = 1, EDGE_LOG_WARNING = 2, EDGE_LOG_INFO = 3, EDGE_LOG_DEBUG = 4 };

/** Receives one line without a newline. May be called from any thread that calls the library. */
typedef void (*edge_log_fn)(void *user, int32_t level, const char *text);

#endif
