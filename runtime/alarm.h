/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_ALARM_H
#define CHASKI_RUNTIME_ALARM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Makes a descriptor readable at a deadline, to the nanosecond. Deadlines mostly move on before
 * they are reached (a segment is acknowledged, its retransmission is not due), and to set a timer
 * of the kernel's and take it back costs several microseconds of a wake-up in a virtual machine. So
 * one that is set stays, and who is woken by it before anything is due sets it again.
 *
 * One thread. Wait for `fd` by epoll's edges (EPOLLET): nobody has to read it.
 */
struct alarm {
    int fd;
    uint64_t set_ns; /* when it rings; UINT64_MAX: never */
};

/* False with errno. */
bool alarm_init(struct alarm *alarm);
void alarm_close(struct alarm *alarm);

/* Makes it ring at `deadline_ns` (UINT64_MAX: no need) of CLOCK_MONOTONIC or before. `now_ns` may
 * lie somewhat behind. */
void alarm_by(struct alarm *alarm, uint64_t deadline_ns, uint64_t now_ns);

#endif
