/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_TIMER_WHEEL_H
#define CHASKI_BASE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/list.h"

/*
 * Timers to the nanosecond: arm and cancel in O(1), fire in O(1) amortised, and the earliest
 * deadline known exactly, so that a host with nothing to do asks for no wake-up.
 */

#define TIMER_NEVER UINT64_MAX

struct timer {
    uint64_t deadline_ns; /* TIMER_NEVER when not armed; first: it is looked at most */
    struct list link;
    uint16_t slot;         /* belongs to the wheel */
    uint8_t owner;         /* whom it belongs to, from timer_wheel_own() */
    uint8_t attached_byte; /* the owner's own, as the next one: what would be padding otherwise */
    uint32_t attached;
};

enum { TIMER_LEVELS = 11, TIMER_SLOTS = 64, TIMER_OWNERS = 16 };

/* Called when a timer's time has come; the timer is disarmed and may be armed again. */
typedef void timer_function(void *block, struct timer *timer, uint64_t now_ns);

struct timer_owner {
    timer_function *fire;
    void *block;
};

struct timer_slot {
    struct list timers;
    uint64_t earliest_ns; /* never later than the earliest deadline in the slot */
    bool exact;           /* earliest_ns is that deadline, not only a bound */
    bool sorted;          /* the list is in the order of deadlines */
};

struct timer_wheel {
    uint64_t now_ns;                 /* earlier than every deadline of a timer in a slot */
    uint64_t bound_ns;               /* no timer is due before */
    uint64_t floor_ns;               /* earlier deadlines are put off to it: how a run ends */
    uint16_t levels;                 /* a bit a level in use */
    uint64_t occupied[TIMER_LEVELS]; /* a bit a slot */
    struct list due;                 /* armed for now_ns or earlier */
    struct timer_slot slots[TIMER_LEVELS][TIMER_SLOTS];
    struct timer_owner owners[TIMER_OWNERS];
    uint8_t owner_count;
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);

/* At setup: a kind of timer, all of which fire alike; at most TIMER_OWNERS. Returns its number. */
uint8_t timer_wheel_own(struct timer_wheel *wheel, timer_function *fire, void *block);

void timer_init(struct timer *timer, uint8_t owner);
static inline bool timer_armed(const struct timer *timer)
{
    return timer->deadline_ns != TIMER_NEVER;
}

/* Arms, or moves when armed. A deadline of TIMER_NEVER cancels. One in the past is due at once,
 * behind those that are due already. */
void timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ns);
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);

/* The exact earliest deadline, or TIMER_NEVER; the wheel's time when a timer was armed for the
 * past. */
uint64_t timer_wheel_deadline(struct timer_wheel *wheel);

/* Advances the wheel to `now_ns` and returns one timer whose deadline has come, disarmed, earliest
 * first, equal deadlines in the order in which they were armed; NULL when there is none left. The
 * caller loops, and may arm and cancel in between. Time never goes back. */
struct timer *timer_wheel_expire(struct timer_wheel *wheel, uint64_t now_ns);

/* Fires everything that is due. What is armed meanwhile fires in a later run, however early its
 * deadline (which becomes now_ns + 1 at least): no timer can keep a run from ending. */
void timer_wheel_run(struct timer_wheel *wheel, uint64_t now_ns);

#endif
