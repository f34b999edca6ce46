/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/alarm.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const uint64_t never = UINT64_MAX;

bool alarm_init(struct alarm *alarm)
{
    *alarm = (struct alarm){timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), never};
    return alarm->fd >= 0;
}

void alarm_close(struct alarm *alarm)
{
    if (alarm->fd >= 0)
        close(alarm->fd);
    alarm->fd = -1;
}

/* What has rung, by a clock that may be behind, is set again even if the kernel has it still. */
static bool is_set_by(const struct alarm *alarm, uint64_t deadline_ns, uint64_t now_ns)
{
    return alarm->set_ns > now_ns && alarm->set_ns <= deadline_ns;
}

void alarm_by(struct alarm *alarm, uint64_t deadline_ns, uint64_t now_ns)
{
    if (deadline_ns == never || is_set_by(alarm, deadline_ns, now_ns))
        return;
    struct itimerspec at = {
        .it_value = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)}};
    timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &at, NULL);
    alarm->set_ns = deadline_ns;
}
