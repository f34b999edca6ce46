/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CALL_CONTROL_H
#define CHASKI_TESTS_SCRIPT_CALL_CONTROL_H

#include "tests/script/calls/call.h"

/* Ancillary data: [{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1000}]. */

/* Compares what came with the script's list. */
void control_check(struct call *call, const struct value *list, struct msghdr *message);

/* Tells what came, as far as it is not of time. */
void control_tell(struct call *call, const struct msghdr *message);

/* Gives `message` the script's list. */
void control_write(struct call *call, const struct value *list, struct msghdr *message);

#endif
