/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_WAITS_ITSELF_H
#define CHASKI_TESTS_SCRIPT_WAITS_ITSELF_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* What a call has returned, in the way of sockets/sockets.h: -errno when it failed. */
ssize_t told(ssize_t value);

/* Makes times in a message's ancillary data, of the day, those of a script that began then. */
void control_times_since(struct msghdr *message, int64_t begun_ns);

struct sockets;

/* Gives a new socket of TCP the congestion control that the namespace would not have as its own. */
void choose_congestion(struct sockets *s, int fd, int protocol);

#endif
