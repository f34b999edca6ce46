/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/tcp_internal.h"

/*
 * A connection has three deadlines and one timer at the earliest of them.
 *   send_at   retransmission time-out (RFC 6298), or persist while TCPF_PERSISTING
 *   ack_at    delayed acknowledgement; also the retry when a pool had nothing left
 *   alive_at  what silence leads to: a keep-alive probe, the end of FIN-WAIT-2 or of lingering
 */

/* An acknowledgement that was put off says nothing about how long the path has become. */
static void note_min_rtt(const struct tcp *tcp, struct tcp_connection *c, uint32_t rtt_us,
                         bool delayed, uint64_t now_ns)
{
    if (delayed && c->min_rtt_us != 0 && rtt_us > c->min_rtt_us)
        return;
    if (c->flight != NULL)
        c->min_rtt_us = min_rtt_update(&c->flight->min_rtt, tcp->knobs.min_rtt_window_s * 1000,
                                       rtt_us, clock_ms(now_ns));
    else if (c->min_rtt_us == 0 || rtt_us < c->min_rtt_us)
        c->min_rtt_us = rtt_us;
}

void tcp_rtt_sample(const struct tcp *tcp, struct tcp_connection *c, uint32_t rtt_us,
                    uint32_t path_us, bool delayed, uint64_t now_ns)
{
    /* A longer one says nothing about the path: the machine slept, or the network did. */
    rtt_us = minimum(maximum(rtt_us, 1), tcp->knobs.rto_max_us);
    note_min_rtt(tcp, c, minimum(path_us, rtt_us), delayed, now_ns);
    if (c->srtt_us8 == 0) {
        c->srtt_us8 = rtt_us * 8;
        c->rttvar_us4 = rtt_us * 2;
    } else {
        int32_t error = (int32_t)(rtt_us - c->srtt_us8 / 8);
        c->srtt_us8 = (uint32_t)((int32_t)c->srtt_us8 + error);
        uint32_t deviation = (uint32_t)(error < 0 ? -error : error);
        c->rttvar_us4 += deviation - c->rttvar_us4 / 4;
    }
    uint32_t rto = c->srtt_us8 / 8 + maximum(c->rttvar_us4, tcp_rto_min_us(tcp, c));
    c->rto_us = minimum(rto, tcp_rto_max_us(tcp, c));
    c->backoff = 0;
}

uint64_t tcp_rto_ns(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint64_t rto_us = (uint64_t)c->rto_us << (c->backoff < 16 ? c->backoff : 16);
    uint32_t most = tcp_rto_max_us(tcp, c);
    return (rto_us < most ? rto_us : most) * 1000;
}

void tcp_restart_rto(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->flight->rto_at = now_ns + tcp_rto_ns(tcp, c);
}

/* What is paced goes before anything else is due. */
static void await_pace(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    const struct pace *pace = &c->flight->pace;
    if (!pace->waiting || pace->next_ns >= c->send_at)
        return;
    if (pace->next_ns <= now_ns) {
        connection_wants_output(tcp, c);
        return;
    }
    c->flight->awaited = AWAIT_PACE;
    c->send_at = pace->next_ns;
}

void tcp_await(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    if (c->snd_nxt == c->snd_una) {
        flight->rto_at = c->send_at = TIMER_NEVER;
        await_pace(tcp, c, now_ns);
        return;
    }
    uint64_t probe_at = tail_probe_at(tcp, c, now_ns);
    if (flight->rack.due_ns != 0 && flight->rack.due_ns < flight->rto_at) {
        flight->awaited = AWAIT_REORDER;
        c->send_at = flight->rack.due_ns;
    } else if (probe_at != TIMER_NEVER) {
        flight->awaited = AWAIT_PROBE;
        c->send_at = probe_at;
    } else {
        flight->awaited = AWAIT_RTO;
        c->send_at = flight->rto_at;
    }
    await_pace(tcp, c, now_ns);
}

void tcp_timer_set(struct tcp *tcp, struct tcp_connection *c)
{
    uint64_t at = c->send_at < c->ack_at ? c->send_at : c->ack_at;
    if (c->alive_at < at)
        at = c->alive_at;
    if (c->timer.deadline_ns != at)
        timer_arm(tcp->wheel, &c->timer, at);
}

static uint64_t ms(uint64_t n)
{
    return n * 1000000;
}

void tcp_put_off_keepalive(struct tcp_connection *c, uint64_t now_ns)
{
    if (has(c, TCPF_KEEPALIVE) && !has(c, TCPF_ORPHAN) && c->state != CHASKI_TCP_SYN_SENT &&
        c->state != CHASKI_TCP_SYN_RECEIVED && c->state != CHASKI_TCP_CLOSED)
        c->alive_at = now_ns + ms(c->keep_idle_ms);
}

void tcp_fin_wait(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint32_t wait_ms = c->fin_wait_s != 0 ? c->fin_wait_s * 1000u : tcp->knobs.fin_timeout_ms;
    /* Linux keeps such connections as it keeps those in TIME-WAIT. */
    c->alive_at = now_ns + (time_wait_is_full(tcp) ? 0 : ms(wait_ms));
}

void tcp_heard(struct tcp_connection *c, uint64_t now_ns)
{
    bool shut = has(c, TCPF_PERSISTING) || c->snd_wnd == 0;
    c->probes = 0;
    /* A peer that answers may keep its window shut (MUST-37). */
    if (shut && user_timeout_own(c) == 0 && !has(c, TCPF_ORPHAN))
        c->progress_ms = clock_ms(now_ns);
    tcp_put_off_keepalive(c, now_ns);
}

/* What a knob says in ms is how long its number of retransmissions takes, from a short round trip
 * on; where time-outs have a lower limit, these take less. */
static uint32_t as_limited(uint32_t ms, uint32_t rto_max_us)
{
    enum { LEAST_MS = 200, MOST_MS = 120000 };
    uint32_t most = rto_max_us / 1000, rto = LEAST_MS, passed = 0, total = 0;
    if (most >= MOST_MS)
        return ms;
    for (; passed < ms; rto = minimum(2 * rto, MOST_MS)) {
        passed += rto;
        total += minimum(rto, most);
    }
    return minimum(total, ms);
}

/* How long data may stay unacknowledged: R2 of RFC 9293, 3.8.3, as time. */
static uint32_t patience_ms(const struct tcp *tcp, const struct tcp_connection *c)
{
    if (c->user_timeout_ms != 0)
        return c->user_timeout_ms;
    return as_limited(has(c, TCPF_ORPHAN) ? tcp->knobs.orphan_timeout_ms : tcp->knobs.give_up_ms,
                      tcp_rto_max_us(tcp, c));
}

static uint32_t since_progress_ms(const struct tcp_connection *c, uint64_t now_ns)
{
    return clock_ms(now_ns) - c->progress_ms;
}

static void back_off(struct tcp_connection *c)
{
    if (c->backoff < UINT8_MAX)
        c->backoff++;
}

/* RFC 9293, 3.8.3 (b) and (e): at R1, IP is to look for another way, and the application hears of
 * it. */
static void count_timeout(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    const struct network *network = &tcp->network[address_family(&c->key.remote)];
    if (c->retries < UINT8_MAX)
        c->retries++;
    if (c->retries != tcp->knobs.doubt_after)
        return;
    if (network->doubt != NULL)
        network->doubt(network->block, &c->key.remote, now_ns);
    if (c->error == 0)
        c->error = CHASKI_TIMED_OUT;
    connection_tell(tcp, c, CHASKI_TROUBLED);
}

uint64_t tcp_next_attempt(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    uint64_t rto_ns = tcp_rto_ns(tcp, c);
    uint32_t patience = patience_ms(tcp, c);
    uint64_t left_ns = ms(patience - minimum(patience, since_progress_ms(c, now_ns)));
    return now_ns + (rto_ns < left_ns ? rto_ns : left_ns);
}

/* Linux's: some of a SYN's time-outs do not double, and do not count. */
static unsigned linear_timeouts(const struct tcp *tcp, const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_SYN_SENT ? tcp->knobs.syn_linear : 0;
}

/* For as many as the application asked for, who is gone when both have opened and it has closed. */
static unsigned syn_retries(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool too_many = has(c, TCPF_ORPHAN) && c->syn_count > tcp->knobs.syn_retries;
    return too_many ? tcp->knobs.syn_retries : c->syn_count;
}

static void handshake_timeout(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    unsigned linear = linear_timeouts(tcp, c);
    bool limited = c->user_timeout_ms != 0 && c->retries != 0;
    if (c->retries >= syn_retries(tcp, c) + linear ||
        (limited && since_progress_ms(c, now_ns) >= c->user_timeout_ms)) {
        fast_open_timed_out(tcp, c, true);
        connection_end(tcp, c, c->error != 0 ? c->error : CHASKI_TIMED_OUT);
        return;
    }
    account_time_out(tcp, c, now_ns);
    count_timeout(tcp, c, now_ns);
    fast_open_timed_out(tcp, c, false);
    if (c->retries > linear)
        back_off(c);
    c->retransmitted++;
    count(tcp->counters, CHASKI_TCP_RETRANSMITTED);
    c->flags |= TCPF_SYN_OWED;
    connection_wants_output(tcp, c);
}

/* Another connection may have learned that the path carries less. What is longer than that, IP
 * drops without a word, so that no error can tell this connection. */
static void follow_path(struct tcp *tcp, struct tcp_connection *c)
{
    struct ip_path path;
    if (connection_path(tcp, c, &path) != 0)
        return;
    uint16_t mss = connection_mss(c, path.mtu);
    if (mss >= c->mss)
        return;
    c->mss = mss;
    c->flight->proven_mss = 0;
    count(tcp->counters, CHASKI_TCP_PATH_MTU_LOWERED);
}

/* Linux's TCP_THIN_LINEAR_TIMEOUTS: so little is no load that doubling would take off the path, for
 * a while. */
static bool stays_linear(const struct tcp *tcp, const struct tcp_connection *c)
{
    enum { THIN = 4, TIMES = 6 };
    return (has(c, TCPF_THIN_LINEAR) || tcp->knobs.thin_linear) &&
           c->state == CHASKI_TCP_ESTABLISHED && c->retries < TIMES &&
           c->flight->scoreboard.out.segments < THIN &&
           c->congestion.threshold != CONGESTION_THRESHOLD_UNKNOWN;
}

/* RFC 6298, 5.4 to 5.6. */
static void retransmission_timeout(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (since_progress_ms(c, now_ns) >= patience_ms(tcp, c)) {
        fast_open_timed_out(tcp, c, true);
        connection_end(tcp, c, c->error != 0 ? c->error : CHASKI_TIMED_OUT);
        return;
    }
    count(tcp->counters, CHASKI_TCP_TIMEOUTS);
    follow_path(tcp, c);
    recovery_time_out(tcp, c, now_ns);
    account_time_out(tcp, c, now_ns);
    if (stays_linear(tcp, c))
        c->backoff = 0;
    else
        back_off(c);
    count_timeout(tcp, c, now_ns);
    fast_open_timed_out(tcp, c, false);
    if (c->retries >= tcp->knobs.doubt_after)
        mtu_suspect(tcp, c);
    c->flight->rto_at = tcp_next_attempt(tcp, c, now_ns);
    tcp_await(tcp, c, now_ns);
    connection_wants_output(tcp, c);
}

static void probe_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    if (!flight->probe.outstanding) {
        flight->probe.owed = true;
        connection_wants_output(tcp, c);
        return;
    }
    tail_probe_given_up(tcp, c, now_ns);
    if (flight->rto_at <= now_ns)
        retransmission_timeout(tcp, c, now_ns);
    else
        tcp_await(tcp, c, now_ns);
}

/* A turn that comes late may find that more is due than what was paced. */
static void pace_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint64_t reordered_at = c->flight->rack.due_ns;
    if (reordered_at != 0 && reordered_at <= now_ns)
        recovery_reordering_over(tcp, c, now_ns);
    connection_wants_output(tcp, c);
}

static void flight_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight->awaited == AWAIT_PACE && now_ns < c->flight->rto_at) {
        pace_deadline(tcp, c, now_ns);
    } else if (c->flight->awaited == AWAIT_PROBE) {
        probe_deadline(tcp, c, now_ns);
    } else if (c->flight->awaited == AWAIT_REORDER && now_ns < c->flight->rto_at) {
        recovery_reordering_over(tcp, c, now_ns);
        tcp_await(tcp, c, now_ns);
    } else {
        retransmission_timeout(tcp, c, now_ns);
    }
}

static bool persists_limited(const struct tcp_connection *c)
{
    return user_timeout_own(c) != 0 || has(c, TCPF_ORPHAN);
}

void tcp_restart_persist(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->send_at =
        persists_limited(c) ? tcp_next_attempt(tcp, c, now_ns) : now_ns + tcp_rto_ns(tcp, c);
}

/* The peer's window is shut: RFC 9293, 3.8.6.1. The connection stays as long as the peer answers,
 * unless the user has set a limit. */
static void persist_timeout(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (since_progress_ms(c, now_ns) >= patience_ms(tcp, c) &&
        (persists_limited(c) || c->probes != 0)) {
        connection_end(tcp, c, CHASKI_TIMED_OUT);
        return;
    }
    if (c->probes < UINT8_MAX)
        c->probes++;
    back_off(c);
    tcp_restart_persist(tcp, c, now_ns);
    c->flags |= TCPF_PROBE_OWED;
    count(tcp->counters, CHASKI_TCP_WINDOW_PROBES);
    connection_wants_output(tcp, c);
}

static void send_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->send_at = TIMER_NEVER;
    if (c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED)
        handshake_timeout(tcp, c, now_ns);
    else if (has(c, TCPF_PERSISTING))
        persist_timeout(tcp, c, now_ns);
    else
        flight_deadline(tcp, c, now_ns);
}

static uint64_t silence_ms(const struct tcp_connection *c)
{
    return c->keep_idle_ms + c->probes * (c->keep_interval_s * 1000ull);
}

/* As in Linux, a user time-out of one's own stands in place of the number of probes. */
static bool silence_is_over(const struct tcp_connection *c)
{
    uint32_t patience = user_timeout_own(c);
    if (patience == 0)
        return c->probes >= c->keep_count;
    return c->probes != 0 && (silence_ms(c) >= patience || c->probes == UINT8_MAX);
}

/* All probes are unanswered, or the application waits no longer. The peer may have been promised
 * more time; one count more says that it has had it. */
static void end_of_probes(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint64_t left_ms = user_timeout_left(tcp, c, silence_ms(c));
    if (user_timeout_own(c) != 0 || c->probes > c->keep_count || left_ms == 0) {
        tcp_build_reset(tcp, c, now_ns);
        connection_end(tcp, c, CHASKI_TIMED_OUT);
        return;
    }
    c->probes = (uint8_t)(c->keep_count + 1);
    c->alive_at = now_ns + ms(left_ms);
}

/* RFC 9293, 3.8.4. What waits to be sent or acknowledged tells by itself whether the peer lives. */
static void keep_alive_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->snd_una != tcp_send_end(c)) {
        c->alive_at = now_ns + ms(c->keep_idle_ms);
        return;
    }
    if (silence_is_over(c)) {
        end_of_probes(tcp, c, now_ns);
        return;
    }
    c->probes++;
    c->alive_at = now_ns + ms(c->keep_interval_s * 1000ull);
    c->flags |= TCPF_PROBE_OWED;
    count(tcp->counters, CHASKI_TCP_KEEPALIVE_PROBES);
    connection_wants_output(tcp, c);
}

static void alive_deadline(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->alive_at = TIMER_NEVER;
    if (!has(c, TCPF_ORPHAN)) {
        keep_alive_deadline(tcp, c, now_ns);
    } else if (c->state == CHASKI_TCP_FIN_WAIT_2) {
        connection_end(tcp, c, 0);
    } else { /* lingering has come to its end with data undelivered */
        tcp_build_reset(tcp, c, now_ns);
        connection_end(tcp, c, CHASKI_TIMED_OUT);
    }
}

void tcp_timer_fire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct tcp *tcp = block;
    struct tcp_connection *c = list_entry(timer, struct tcp_connection, timer);
    uint32_t generation = c->generation;
    tcp->now_ns = now_ns;
    if (c->ack_at <= now_ns) {
        c->ack_at = TIMER_NEVER;
        if (has(c, TCPF_ACK_DELAYED)) {
            c->flags |= TCPF_ACK_NOW;
            count(tcp->counters, CHASKI_TCP_DELAYED_ACKS);
            bool text = tree_empty(&c->receive.runs); /* in order, and nobody answers */
            if (text && tcp_in_dialogue(tcp, c))
                c->pingpong = 0;
        }
        connection_tell_room(tcp, c);
        connection_wants_output(tcp, c);
    }
    if (c->send_at <= now_ns)
        send_deadline(tcp, c, now_ns);
    if (c->generation == generation && c->alive_at <= now_ns)
        alive_deadline(tcp, c, now_ns);
    if (c->generation == generation)
        tcp_timer_set(tcp, c);
}
