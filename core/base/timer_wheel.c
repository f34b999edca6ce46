/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/timer_wheel.h"

/*
 * Theory of operation
 *
 * Time is a number of eleven digits of six bits. A timer lies on the level of the highest digit in
 * which its deadline differs from the wheel's time, in the slot that this digit of the deadline
 * names. All higher digits agree, and the deadline is later, so on every level only slots above the
 * wheel's own digit are occupied, and whatever lies on a lower level comes before whatever lies on
 * a higher one. The earliest timer therefore is in the lowest slot of the lowest level in use:
 * two bit scans away.
 *
 * When the wheel's time moves, to the earliest deadline or to any time before it, at most one slot
 * loses its place: that on the highest digit that changes. Its timers now agree with the wheel in
 * this digit too and go down to lower levels, or are due. A timer goes down ten times at most,
 * and mostly is cancelled long before. Ticks that nobody waits for are never visited, so a jump far
 * ahead costs no more than a step.
 *
 * A slot remembers a lower bound of its deadlines. Arming keeps it exact, cancelling the earliest
 * leaves a mere bound, and only when the exact one is asked for are the timers looked at: the first
 * one alone as long as they were armed in the order of their deadlines, which timers of one
 * kind are. The wheel remembers a lower bound too, so that a turn with nothing due ends there.
 */

enum {
    DIGIT_BITS = 6,
    DIGIT_MASK = TIMER_SLOTS - 1,
    SLOT_DUE = TIMER_LEVELS * TIMER_SLOTS,
};

static inline unsigned lowest_bit(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

/* The highest digit in which two different times differ. */
static inline unsigned differing_level(uint64_t a, uint64_t b)
{
    return (63 - (unsigned)__builtin_clzll(a ^ b)) / DIGIT_BITS;
}

static inline unsigned digit(uint64_t time, unsigned level)
{
    return time >> (level * DIGIT_BITS) & DIGIT_MASK;
}

static inline struct timer *timer_of(struct list *link)
{
    return list_entry(link, struct timer, link);
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns)
{
    wheel->now_ns = now_ns;
    wheel->bound_ns = TIMER_NEVER;
    wheel->floor_ns = 0;
    wheel->levels = 0;
    wheel->owner_count = 0;
    list_init(&wheel->due);
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++)
            list_init(&wheel->slots[level][slot].timers);
    }
}

uint8_t timer_wheel_own(struct timer_wheel *wheel, timer_function *fire, void *block)
{
    wheel->owners[wheel->owner_count] = (struct timer_owner){fire, block};
    return wheel->owner_count++;
}

void timer_init(struct timer *timer, uint8_t owner)
{
    list_init(&timer->link);
    timer->deadline_ns = TIMER_NEVER;
    timer->slot = SLOT_DUE;
    timer->owner = owner;
}

/* ---- One slot ---- */

/* What it knows of its only timer. */
static void slot_set(struct timer_slot *slot, uint64_t deadline)
{
    slot->earliest_ns = deadline;
    slot->exact = true;
    slot->sorted = true;
}

static void slot_add(struct timer_slot *slot, struct timer *timer)
{
    uint64_t deadline = timer->deadline_ns;
    if (list_empty(&slot->timers)) {
        slot_set(slot, deadline);
        list_append(&slot->timers, &timer->link);
    } else if (deadline < slot->earliest_ns) {
        slot->earliest_ns = deadline;
        slot->exact = true;
        list_prepend(&slot->timers, &timer->link);
    } else {
        slot->sorted = slot->sorted && deadline >= timer_of(slot->timers.prev)->deadline_ns;
        list_append(&slot->timers, &timer->link);
    }
}

static void slot_scan(struct timer_slot *slot)
{
    uint64_t earliest = timer_of(slot->timers.next)->deadline_ns;
    if (!slot->sorted) {
        for (struct list *link = slot->timers.next; link != &slot->timers; link = link->next) {
            uint64_t deadline = timer_of(link)->deadline_ns;
            earliest = deadline < earliest ? deadline : earliest;
        }
    }
    slot->earliest_ns = earliest;
    slot->exact = true;
}

static inline uint64_t slot_earliest(struct timer_slot *slot)
{
    if (!slot->exact)
        slot_scan(slot);
    return slot->earliest_ns;
}

/* ---- Placing timers ---- */

static inline struct timer_slot *slot_at(struct timer_wheel *wheel, unsigned at)
{
    return &wheel->slots[at / TIMER_SLOTS][at % TIMER_SLOTS];
}

static void mark_empty(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
    wheel->occupied[level] &= ~((uint64_t)1 << slot);
    if (wheel->occupied[level] == 0)
        wheel->levels &= (uint16_t) ~(1u << level);
}

/* Where a timer with that deadline belongs. */
static unsigned place_of(const struct timer_wheel *wheel, uint64_t deadline_ns)
{
    if (deadline_ns <= wheel->now_ns)
        return SLOT_DUE;
    unsigned level = differing_level(deadline_ns, wheel->now_ns);
    return level * TIMER_SLOTS + digit(deadline_ns, level);
}

static inline void place(struct timer_wheel *wheel, struct timer *timer, unsigned at)
{
    timer->slot = (uint16_t)at;
    if (at == SLOT_DUE) {
        list_append(&wheel->due, &timer->link);
        return;
    }
    unsigned level = at / TIMER_SLOTS;
    wheel->occupied[level] |= (uint64_t)1 << (at % TIMER_SLOTS);
    wheel->levels |= (uint16_t)(1u << level);
    slot_add(slot_at(wheel, at), timer);
}

static void displace(struct timer_wheel *wheel, struct timer *timer)
{
    list_remove(&timer->link);
    if (timer->slot == SLOT_DUE)
        return;
    struct timer_slot *slot = slot_at(wheel, timer->slot);
    if (list_empty(&slot->timers))
        mark_empty(wheel, timer->slot / TIMER_SLOTS, timer->slot % TIMER_SLOTS);
    else if (timer->deadline_ns == slot->earliest_ns)
        slot->exact = false;
}

/* Deadlines are put off by little, mostly. A timer that has its slot to itself then stays there. */
static bool stays(const struct timer *timer, unsigned at)
{
    return timer->slot == at && at != SLOT_DUE && timer->link.next == timer->link.prev;
}

static void arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ns)
{
    unsigned at = place_of(wheel, deadline_ns);
    if (deadline_ns < wheel->bound_ns)
        wheel->bound_ns = deadline_ns;
    if (timer_armed(timer) && stays(timer, at)) {
        timer->deadline_ns = deadline_ns;
        slot_set(slot_at(wheel, at), deadline_ns);
        return;
    }
    timer_cancel(wheel, timer);
    timer->deadline_ns = deadline_ns;
    place(wheel, timer, at);
}

void timer_arm(struct timer_wheel *wheel, struct timer *timer, uint64_t deadline_ns)
{
    if (deadline_ns == TIMER_NEVER)
        timer_cancel(wheel, timer);
    else
        arm(wheel, timer, deadline_ns < wheel->floor_ns ? wheel->floor_ns : deadline_ns);
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    if (timer_armed(timer))
        displace(wheel, timer);
    timer->deadline_ns = TIMER_NEVER;
}

/* ---- Time ---- */

/* The timers of a slot go to the places that they have by the wheel's new time, in their order. */
static void cascade(struct timer_wheel *wheel, unsigned level, unsigned number)
{
    struct list *timers = &wheel->slots[level][number].timers;
    mark_empty(wheel, level, number);
    while (!list_empty(timers)) {
        struct timer *timer = timer_of(timers->next);
        list_remove(&timer->link);
        place(wheel, timer, place_of(wheel, timer->deadline_ns));
    }
}

/* Moves the wheel's time to `now_ns`, no later than the earliest deadline. */
static void advance(struct timer_wheel *wheel, uint64_t now_ns)
{
    if (now_ns <= wheel->now_ns)
        return;
    unsigned level = differing_level(now_ns, wheel->now_ns);
    unsigned slot = digit(now_ns, level);
    wheel->now_ns = now_ns;
    if (wheel->occupied[level] >> slot & 1)
        cascade(wheel, level, slot);
}

uint64_t timer_wheel_deadline(struct timer_wheel *wheel)
{
    uint64_t earliest = TIMER_NEVER;
    if (!list_empty(&wheel->due)) {
        earliest = wheel->now_ns;
    } else if (wheel->levels != 0) {
        unsigned level = lowest_bit(wheel->levels);
        earliest = slot_earliest(&wheel->slots[level][lowest_bit(wheel->occupied[level])]);
    }
    wheel->bound_ns = earliest;
    return earliest;
}

struct timer *timer_wheel_expire(struct timer_wheel *wheel, uint64_t now_ns)
{
    if (now_ns < wheel->bound_ns || now_ns < timer_wheel_deadline(wheel)) {
        advance(wheel, now_ns);
        return NULL;
    }
    advance(wheel, wheel->bound_ns);
    struct timer *timer = timer_of(wheel->due.next);
    timer_cancel(wheel, timer);
    return timer;
}

void timer_wheel_run(struct timer_wheel *wheel, uint64_t now_ns)
{
    struct timer *timer;
    wheel->floor_ns = now_ns + 1;
    while ((timer = timer_wheel_expire(wheel, now_ns)) != NULL) {
        const struct timer_owner *owner = &wheel->owners[timer->owner];
        owner->fire(owner->block, timer, now_ns);
    }
    wheel->floor_ns = 0;
}
