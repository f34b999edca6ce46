/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CONTROL_TIME_H
#define CHASKI_TESTS_SCRIPT_CONTROL_TIME_H

#include <stdint.h>
#include <sys/socket.h>

/* Makes times in a message's ancillary data, of the day, those of a script that began then. */
void control_times_since(struct msghdr *message, int64_t begun_ns);

#endif
