/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/bytes.h"
#include "core/base/prefetch.h"
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_cwnd.h"

/*
 * Connections stand in one array. A free one is a link in a chain; its generation is even. A handle
 * names index and generation, so a handle of an earlier life never matches.
 *
 *   opened           by connect or by a listener; generation odd from here on
 *   over             state CLOSED; the application is told, and may still read what is queued
 *   let go           TCPF_ORPHAN: the application closed it; protocol goes on until it is over
 *   freed            over and let go, in either order
 */

static struct tcp_connection *take(struct tcp *tcp)
{
    struct tcp_connection *c = NULL;
    if (tcp->connection_free != 0) {
        c = &tcp->connections[tcp->connection_free - 1];
        tcp->connection_free = c->next_free;
    } else if (tcp->connection_fresh < tcp->connection_limit) {
        c = &tcp->connections[tcp->connection_fresh++];
        c->generation = 0;
        c->work_next = 0;
    } else {
        return NULL;
    }
    tcp->connection_count++;
    return c;
}

static void reset_fields(struct tcp_connection *c)
{
    uint32_t generation = c->generation, work_next = c->work_next;
    memset(c, 0, sizeof *c);
    c->generation = generation + 1;
    c->work_next = work_next;
    c->send_at = TIMER_NEVER;
    c->ack_at = TIMER_NEVER;
    c->alive_at = TIMER_NEVER;
}

static void set_defaults(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    const struct tcp_knobs *knobs = &tcp->knobs;
    if (knobs->timestamps != 0)
        c->flags |= TCPF_HAS_TIMESTAMPS;
    if (knobs->sack)
        c->flags |= TCPF_HAS_SACK;
    if (knobs->window_scaling) {
        c->flags |= TCPF_HAS_SCALING;
        c->receive_scale = tcp_scale_to_tune(knobs) & 15u;
    }
    c->ts_offset = secret_timestamp_offset(tcp, &c->key);
    c->rto_us = knobs->rto_initial_us;
    c->mss = c->peer_mss = c->receive_mss = TCP_DEFAULT_MSS;
    c->announced_mss = UINT16_MAX;
    receive_queue_init(&c->receive, knobs->receive_buffer);
    c->send_limit = knobs->send_buffer;
    c->linger_ms = LINGER_ALWAYS;
    c->keep_idle_ms = knobs->keep_idle_ms & KEEP_IDLE_MOST;
    c->keep_interval_s = knobs->keep_interval_s;
    c->keep_count = knobs->keep_count;
    c->syn_count = knobs->syn_retries;
    c->progress_ms = c->sent_ms = c->text_ms = clock_ms(now_ns);
    c->algorithm = knobs->congestion & 15u;
    c->tune_at_us = clock_us(now_ns);
    c->tune_space = knobs->receive_buffer / 2;
}

struct tcp_connection *connection_new(struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns)
{
    struct tcp_connection *c = take(tcp);
    if (c == NULL) {
        count(tcp->counters, CHASKI_TCP_CONNECTION_LIMIT);
        return NULL;
    }
    reset_fields(c);
    c->key = *key;
    c->state = CHASKI_TCP_CLOSED;
    timer_init(&c->timer, tcp->timer_owner);
    set_defaults(tcp, c, now_ns);
    account_open(tcp, c, now_ns);
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c));
    tcp_table_insert(&tcp->table, key, reference);
    ao_set_state(tcp, reference, NULL);
    c->flags |= TCPF_IN_TABLE;
    return c;
}

void connection_set_iss(struct tcp_connection *c, uint32_t iss)
{
    c->snd_una = c->snd_nxt = iss;
    c->snd_end = iss + 1;
}

static void leave_table(struct tcp *tcp, struct tcp_connection *c)
{
    if (!has(c, TCPF_IN_TABLE))
        return;
    c->flags &= ~(uint32_t)TCPF_IN_TABLE;
    tcp_table_remove(&tcp->table, &c->key,
                     tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c)));
    if (tcp->last_lookup == connection_index(tcp, c) + 1)
        tcp->last_lookup = 0;
}

static void stop(struct tcp *tcp, struct tcp_connection *c)
{
    leave_table(tcp, c);
    timer_cancel(tcp->wheel, &c->timer);
    c->send_at = c->ack_at = c->alive_at = TIMER_NEVER;
    c->flags &= ~(uint32_t)TCPF_WANTS_OUTPUT;
    flight_give(tcp, c);
    c->state = CHASKI_TCP_CLOSED;
}

void connection_free(struct tcp *tcp, struct tcp_connection *c)
{
    stop(tcp, c);
    listener_release(tcp, c);
    saved_syn_forget(tcp, &c->key);
    times_release(&tcp->times, c->times);
    receive_queue_clear(&c->receive, tcp->counters);
    c->generation++;
    c->next_free = tcp->connection_free;
    tcp->connection_free = connection_index(tcp, c) + 1;
    tcp->connection_count--;
}

void connection_end(struct tcp *tcp, struct tcp_connection *c, int error)
{
    if (error == 0)
        peers_learn(tcp, c);
    if (has(c, TCPF_ORPHAN)) {
        connection_free(tcp, c);
        return;
    }
    stop(tcp, c);
    c->error = (int8_t)error;
    receive_queue_drop_runs(&c->receive, tcp->counters, CHASKI_DROP_TCP_CLOSED);
    connection_tell(tcp, c, CHASKI_ENDED | CHASKI_READABLE);
}

void connection_time_wait(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    time_wait_enter(tcp, c, now_ns);
    c->flags &= ~(uint32_t)TCPF_IN_TABLE;
    if (tcp->last_lookup == connection_index(tcp, c) + 1)
        tcp->last_lookup = 0;
    connection_end(tcp, c, 0);
}

/* What followed the SYN+ACK of a fast open was lost, too, where that had to go again; once, a long
 * path may be the reason (as Linux). */
static void go_on_behind_synack(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->snd_nxt == c->snd_una)
        return;
    if (c->retransmitted > 1)
        recovery_resend_all(tcp, c);
    tcp_restart_rto(tcp, c, now_ns);
    tcp_await(tcp, c, now_ns);
}

void connection_established(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->state = CHASKI_TCP_ESTABLISHED;
    if (c->bytes_received == 0)
        c->text_ms = clock_ms(now_ns);
    c->sent_ms = clock_ms(now_ns);
    c->send_at = TIMER_NEVER;
    if (c->retries != 0)
        account_opened(tcp, c, now_ns);
    c->backoff = c->retries = 0;
    c->error = 0;
    c->rcv_told = c->rcv_advertised;
    c->flags &= ~(uint32_t)TCPF_SYN_OWED;
    fast_open_settled(tcp, c);
    mtu_established(tcp, c);
    /* RFC 6928; one segment when the SYN had to go again (RFC 5681, 3.1): more than once, as in
     * Linux, since a path may be longer than the first time-out. */
    c->congestion.window = c->retransmitted > 1 ? effective_mss(c) : tcp_initial_window(tcp, c);
    c->congestion.threshold = CONGESTION_THRESHOLD_UNKNOWN;
    peers_recall(tcp, c);
    if (c->retransmitted != 0 && c->srtt_us8 == 0)
        c->rto_us = maximum(c->rto_us, RTO_AFTER_LOST_SYN_US);
    if (c->flight != NULL)
        window_begin(tcp, c);
    go_on_behind_synack(tcp, c, now_ns);
    tune_send(tcp, c, c->congestion.window);
    tcp_heard(c, now_ns);
    if (has(c, TCPF_FIN_QUEUED))
        c->state = CHASKI_TCP_FIN_WAIT_1;
    if (!(c->fast_open & FAST_OPEN_PASSIVE))
        connection_tell(tcp, c, CHASKI_CONNECTED | CHASKI_WRITABLE);
    connection_wants_output(tcp, c);
}

void connection_add_work(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_work *work = &tcp->work;
    if (c->work_next != 0)
        return;
    uint32_t number = connection_index(tcp, c) + 1;
    c->work_next = TCP_WORK_END;
    if (work->first == TCP_WORK_END)
        work->first = number;
    else
        tcp->connections[work->last - 1].work_next = number;
    work->last = number;
}

uint32_t connection_take_work(struct tcp *tcp)
{
    uint32_t first = tcp->work.first;
    tcp->work.first = TCP_WORK_END;
    return first;
}

struct tcp_connection *connection_next_work(struct tcp *tcp, uint32_t *next)
{
    while (*next != TCP_WORK_END) {
        struct tcp_connection *c = &tcp->connections[*next - 1];
        *next = c->work_next;
        c->work_next = 0;
        if (c->generation & 1)
            return c;
    }
    return NULL;
}

void connection_tell(struct tcp *tcp, struct tcp_connection *c, unsigned events)
{
    if (has(c, TCPF_ORPHAN))
        return;
    c->events |= (uint8_t)events;
    connection_add_work(tcp, c);
}

void connection_tell_room(struct tcp *tcp, struct tcp_connection *c)
{
    if (!has(c, TCPF_WANTS_ROOM) || tcp_send_room(c) < c->send_limit / 3)
        return;
    c->flags &= ~(uint32_t)TCPF_WANTS_ROOM;
    connection_tell(tcp, c, CHASKI_WRITABLE);
}

void connection_wants_output(struct tcp *tcp, struct tcp_connection *c)
{
    c->flags |= TCPF_WANTS_OUTPUT;
    connection_add_work(tcp, c);
}

void tcp_prefetch(const struct tcp *tcp, chaski_tcp handle)
{
    if (handle.index < tcp->connection_fresh)
        prefetch(&tcp->connections[handle.index], sizeof tcp->connections[0]);
}

struct tcp_connection *connection_of(struct tcp *tcp, chaski_tcp handle)
{
    if (handle.index >= tcp->connection_fresh)
        return NULL;
    struct tcp_connection *c = &tcp->connections[handle.index];
    if (handle.index != tcp->last_lookup - 1) /* the latest segment's is at hand */
        prefetch(c, sizeof *c); /* whoever asks will want most of it, in one order or another */
    bool lives = c->generation == handle.generation && (c->generation & 1);
    return lives && !has(c, TCPF_ORPHAN) ? c : NULL;
}

chaski_tcp connection_handle(const struct tcp *tcp, const struct tcp_connection *c)
{
    return (chaski_tcp){connection_index(tcp, c), c->generation};
}

int connection_path(const struct tcp *tcp, const struct tcp_connection *c, struct ip_path *path)
{
    const struct network *network = &tcp->network[address_family(&c->key.remote)];
    if (network->path == NULL)
        return CHASKI_NO_ROUTE;
    return network->path(network->block, WIRE_TCP_PROTOCOL, &c->key.local, &c->key.remote, 0, path);
}

uint16_t connection_mss(const struct tcp_connection *c, uint16_t path_mtu)
{
    uint32_t headers = address_is_ip4(&c->key.remote) ? 40 : 60;
    uint32_t mss = minimum(path_mtu - headers, maximum(c->peer_mss, TCP_MIN_MSS));
    mss = minimum(minimum(mss, c->announced_mss), TCP_LARGEST_SEGMENT);
    return (uint16_t)maximum(mss - minimum(mss, tcp_options_length(c)), TCP_LEAST_PAYLOAD);
}

uint32_t half_window(const struct tcp_connection *c)
{
    return c->max_snd_wnd > TCP_DEFAULT_MSS ? c->max_snd_wnd / 2 : c->max_snd_wnd;
}

uint16_t mss_of_small_window(const struct tcp_connection *c)
{
    if (c->max_snd_wnd == 0) /* it has shown none yet */
        return c->mss;
    return (uint16_t)minimum(c->mss, maximum(half_window(c), TCP_MIN_MSS));
}

/* Asks the filter about a connection that came by a cookie. When it is not wanted, or its listener
 * is gone, it ends with a reset. False when it is over. */
static bool passes_filter(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    const struct tcp_listener *listener = listener_of_connection(tcp, c);
    struct chaski_endpoint local = {c->key.local, c->key.local_port, 0};
    struct chaski_endpoint remote = {c->key.remote, c->key.remote_port, 0};
    uint32_t generation = c->generation;
    c->flags &= ~(uint32_t)TCPF_UNFILTERED;
    bool wanted = listener != NULL && listener->filter(listener->context, &local, &remote);
    if (c->generation != generation) /* the filter may have called anything */
        return false;
    if (wanted)
        return true;
    count(tcp->counters, CHASKI_TCP_FILTERED);
    tcp_build_reset(tcp, c, now_ns);
    connection_free(tcp, c);
    return false;
}

/* Tells one connection's closure what has happened. */
static void tell_closure(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    unsigned events = c->events;
    if (has(c, TCPF_UNFILTERED) && !passes_filter(tcp, c, now_ns))
        return;
    c->events = 0; /* who polls asks for the state, not for what happened */
    if (has(c, TCPF_POLLED) || c->closure == NULL)
        return;
    c->closure(c->context, tcp->host, connection_handle(tcp, c), events);
}

void tcp_run_closures(struct tcp *tcp, uint64_t now_ns)
{
    tcp->now_ns = now_ns;
    send_returns_release(&tcp->returns);
    half_open_run_filters(tcp, now_ns);
    /* What closures cause is told in the next turn: one turn always ends. */
    uint32_t next = connection_take_work(tcp);
    struct tcp_connection *c;
    while ((c = connection_next_work(tcp, &next)) != NULL) {
        if (has(c, TCPF_WANTS_OUTPUT))
            connection_add_work(tcp, c);
        if (c->events != 0)
            tell_closure(tcp, c, now_ns);
    }
}
