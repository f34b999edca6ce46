/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_flight.h"
#include "core/tcp/window/tcp_cwnd.h"

#include "core/base/bytes.h"
#include "core/base/prefetch.h"
#include "core/tcp/tcp_internal.h"

enum { SEARCH = 64 }; /* flights that are looked at to find an idle one */

void flights_setup(struct tcp_flights *flights, struct memory *memory, uint32_t limit)
{
    struct tcp_flight *array = memory_reserve(memory, (size_t)limit * sizeof(struct tcp_flight));
    if (array == NULL)
        return;
    flights->array = array;
    flights->limit = limit;
}

/* Nothing is queued, nothing in flight. */
static bool idle(const struct tcp_connection *c)
{
    return c->snd_una == tcp_send_end(c);
}

static void reclaim_one(struct tcp *tcp)
{
    struct tcp_flights *flights = &tcp->flights;
    uint32_t most = minimum(SEARCH, flights->fresh);
    for (uint32_t i = 0; i < most && flights->free == 0; i++) {
        flights->hand = (flights->hand + 1) % flights->fresh;
        struct tcp_connection *c = &tcp->connections[flights->array[flights->hand].connection - 1];
        if (!idle(c))
            continue;
        flight_give(tcp, c);
        c->recovery = TCP_CA_OPEN;
        count(tcp->counters, CHASKI_TCP_FLIGHTS_RECLAIMED);
    }
}

static struct tcp_flight *take_free(struct tcp *tcp)
{
    struct tcp_flights *flights = &tcp->flights;
    if (flights->free == 0 && flights->fresh < flights->limit)
        return &flights->array[flights->fresh++];
    if (flights->free == 0)
        reclaim_one(tcp);
    if (flights->free == 0)
        return NULL;
    struct tcp_flight *flight = &flights->array[flights->free - 1];
    flights->free = flight->next_free;
    return flight;
}

struct tcp_flight *flight_take(struct tcp *tcp, struct tcp_connection *c)
{
    if (c->flight != NULL) {
        prefetch(c->flight, sizeof *c->flight); /* the output will want all of it */
        return c->flight;
    }
    struct tcp_flight *flight = take_free(tcp);
    if (flight == NULL) {
        count(tcp->counters, CHASKI_TCP_FLIGHT_LIMIT);
        return NULL;
    }
    memset(flight, 0, sizeof *flight);
    flight->connection = connection_index(tcp, c) + 1;
    flight->snd_small = c->snd_una;
    flight->push.last = c->snd_end;
    flight->recovery_point = c->snd_una;
    send_queue_init(&flight->queue, c->snd_end);
    scoreboard_init(&flight->scoreboard, c->snd_end);
    flight->rto_at = TIMER_NEVER;
    flight->rack.reordering = peers_reordering(tcp, &c->key.remote);
    min_rtt_begin(&flight->min_rtt, c->min_rtt_us, c->progress_ms);
    rate_init(&flight->rate, tcp->now_ns);
    rate_out_of_data(&flight->rate, 0); /* before the first write */
    flight->rate.segments = tcp_delivered(c);
    c->flight = flight;
    window_begin(tcp, c);
    return flight;
}

void flight_give(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_flight *flight = c->flight;
    if (flight == NULL)
        return;
    scoreboard_clear(&flight->scoreboard, &tcp->sent);
    send_queue_clear(&flight->queue);
    flight->connection = 0;
    flight->next_free = tcp->flights.free;
    tcp->flights.free = (uint32_t)(flight - tcp->flights.array) + 1;
    c->flight = NULL;
}
