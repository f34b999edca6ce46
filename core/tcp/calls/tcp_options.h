/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_OPTIONS_H
#define CHASKI_TCP_TCP_OPTIONS_H

#include "core/tcp/tcp_internal.h"

/* Whether a value is within an option's limits. */
bool tcp_option_takes(enum chaski_tcp_option option, int64_t value);

#endif
