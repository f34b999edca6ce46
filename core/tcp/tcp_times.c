/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_times.h"

#include <stdbool.h>

#include "core/tcp/tcp_internal.h"

enum { MS = 1000, RTO_MAX_LEAST_MS = 1000, LEAST_US = 1000 };

void times_setup(struct tcp_times_sets *sets, struct memory *memory, uint32_t users)
{
    enum { LEAST = 12, SHARE = 512 };
    uint32_t count = minimum(LEAST + users / SHARE, TCP_TIMES_MOST);
    struct tcp_times *array = memory_take(memory, (size_t)count * sizeof *array);
    if (array != NULL)
        *sets = (struct tcp_times_sets){.array = array, .count = count};
}

bool times_keep(enum chaski_tcp_option option)
{
    return option == CHASKI_TCP_RTO_MAX_MS || option == CHASKI_TCP_RTO_MIN_US ||
           option == CHASKI_TCP_DELACK_MAX_US;
}

static bool takes(enum chaski_tcp_option option, uint32_t value)
{
    uint32_t least = option == CHASKI_TCP_RTO_MAX_MS ? RTO_MAX_LEAST_MS : LEAST_US;
    return value == 0 || value >= least;
}

static void change(struct tcp_times *times, enum chaski_tcp_option option, uint32_t value)
{
    if (option == CHASKI_TCP_RTO_MAX_MS)
        times->rto_max_us = value * MS;
    else if (option == CHASKI_TCP_RTO_MIN_US)
        times->rto_min_us = value;
    else
        times->ack_delay_us = value;
}

static bool equal(const struct tcp_times *a, const struct tcp_times *b)
{
    return a->rto_min_us == b->rto_min_us && a->rto_max_us == b->rto_max_us &&
           a->ack_delay_us == b->ack_delay_us;
}

/* The number of those limits, be it a new one; 0 when there is no room. */
static unsigned number_of(struct tcp_times_sets *sets, const struct tcp_times *wanted)
{
    unsigned room = 0;
    for (unsigned number = sets->count; number != 0; number--) {
        const struct tcp_times *times = &sets->array[number - 1];
        if (times->users == 0)
            room = number;
        else if (equal(times, wanted))
            return number;
    }
    if (room != 0) {
        sets->array[room - 1] = *wanted;
        sets->array[room - 1].users = 0;
    }
    return room;
}

int times_set(struct tcp_times_sets *sets, unsigned *number, enum chaski_tcp_option option,
              uint32_t value)
{
    struct tcp_times wanted = *times_of(sets, *number);
    if (!takes(option, value))
        return CHASKI_INVALID;
    change(&wanted, option, value);
    times_release(sets, *number); /* what nobody else has makes room */
    bool none = equal(&wanted, times_of(sets, 0));
    unsigned found = none ? 0 : number_of(sets, &wanted);
    if (found == 0 && !none) {
        times_share(sets, *number);
        return CHASKI_NO_MEMORY;
    }
    times_share(sets, found);
    *number = found;
    return 0;
}

uint32_t times_value(const struct tcp_times_sets *sets, unsigned number,
                     enum chaski_tcp_option option)
{
    const struct tcp_times *times = times_of(sets, number);
    if (option == CHASKI_TCP_RTO_MAX_MS)
        return times->rto_max_us / MS;
    return option == CHASKI_TCP_RTO_MIN_US ? times->rto_min_us : times->ack_delay_us;
}

void times_share(struct tcp_times_sets *sets, unsigned number)
{
    if (number != 0)
        sets->array[number - 1].users++;
}

void times_release(struct tcp_times_sets *sets, unsigned number)
{
    if (number != 0)
        sets->array[number - 1].users--;
}
