/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/sending/tcp_output_internal.h"

/* What is sent for the first time. */

/* What a connection sends of new data in one turn. The others' turn comes, acknowledgements are
 * heard in between, and what is on its way stays in the cache. */
enum { TCP_TURN_BYTES = 128 << 10 };

/* Nagle (RFC 9293, 3.7.4), as Minshall proposed: only a short segment in flight holds back the next
 * one, so that the end of a long write need not wait. What is urgent waits for nothing, not even
 * where the application has said that there will be more (as Linux). */
static bool may_be_short(const struct tcp_connection *c)
{
    if (has(c, TCPF_URGENT_OUT))
        return true;
    if (has(c, TCPF_CORK | TCPF_MORE))
        return false;
    return has(c, TCPF_NODELAY) || seq_le(c->flight->snd_small, c->snd_una);
}

static bool tail_may_go(const struct tcp_connection *c, uint32_t waiting)
{
    bool record_ends = c->snd_nxt + waiting != c->snd_end;
    if (record_ends || c->flight->released || has(c, TCPF_FIN_QUEUED | TCPF_PROBE_OWED))
        return true;
    return may_be_short(c);
}

/* Of less than a full segment, with the sender's side of silly-window avoidance (3.8.6.2.1). */
static bool short_segment_may_go(const struct tcp_connection *c, uint32_t n, uint32_t waiting)
{
    if (n == waiting)
        return tail_may_go(c, waiting);
    /* The override (RFC 9293, 3.8.6.2.1): the peer may never open its window so far again. */
    return n != 0 && (n >= c->max_snd_wnd / 2 || has(c, TCPF_PROBE_OWED));
}

/* How many of the waiting bytes the next segment takes; 0: none may go now. `pace`: two segments or
 * more. */
static uint32_t next_length(const struct tcp *tcp, struct tcp_connection *c, uint32_t waiting,
                            uint32_t pace, uint64_t now_ns)
{
    uint32_t window = usable_window(c), room = congestion_room(c), size = c->flight->segment_size;
    if (room < minimum(minimum(window, waiting), pace))
        note_limited(c);
    /* With an empty network one segment always goes, else nothing would ever call us again. */
    if (room < size && tcp_in_flight(c) == 0)
        room = size;
    /* A short one takes the place of a whole one, as in Linux; but what proportional rate reduction
     * allows is what has arrived, by the byte. */
    if (room < size && c->recovery != TCP_CA_RECOVERY) {
        note_limited(c);
        return 0;
    }
    if (waiting > size && tcp_defers(tcp, c, waiting, minimum(window, room), now_ns))
        return 0;
    uint32_t most = size; /* and more only if there is more: the limits cost divisions */
    if (waiting > size)
        most = minimum(tcp_largest_segment(tcp, c, size), pace / size * size);
    most = push_limit(c, most);
    uint32_t n = minimum(minimum(waiting, most), minimum(window, room));
    if (n >= size) {
        uint32_t whole = n / size * size;
        bool tail_too = n == waiting ? tail_may_go(c, waiting) : n == window && may_be_short(c);
        return n == whole || tail_too ? n : whole;
    }
    if (n == room && n < minimum(waiting, window))
        return 0;
    return short_segment_may_go(c, n, waiting) ? n : 0;
}

/* Data goes, which asks for an answer as well. */
static void forget_probes(struct tcp_connection *c)
{
    c->flags &= ~(uint32_t)TCPF_PROBE_OWED;
    c->probes = 0;
    c->backoff = 0;
}

/* The peer did not take this when it came with our SYN: it is sent again, and no new data. */
static void note_syn_again(struct tcp_connection *c, struct tcp_sent *sent, uint32_t n)
{
    scoreboard_went_before(&c->flight->scoreboard, sent);
    c->retransmitted += sent->segments;
    c->flight->syn_again -= (uint16_t)minimum(n, c->flight->syn_again);
}

static void note_peak(struct tcp_connection *c, uint32_t in_flight)
{
    struct tcp_flight *flight = c->flight;
    if (in_flight <= flight->peak && seq_lt(c->snd_una, flight->peak_end))
        return;
    flight->peak = in_flight;
    flight->peak_end = c->snd_nxt;
}

/* A FIN without text takes the place of a whole segment in the congestion window, as in Linux. */
static bool lone_fin_may_go(struct tcp_connection *c)
{
    if (!fin_fits(c, 0))
        return false;
    if (congestion_room(c) >= c->flight->segment_size || tcp_in_flight(c) == 0)
        return true;
    note_limited(c);
    return false;
}

/* A segment of new data has gone, with `done` bytes of text, `in_flight` before it. */
static void note_gone(struct tcp *tcp, struct tcp_connection *c, struct tcp_sent *sent,
                      uint32_t done, uint32_t in_flight, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    bool probes = has(c, TCPF_PROBE_OWED);
    if (probes)
        forget_probes(c);
    if (c->snd_nxt == c->snd_una) {
        c->progress_ms = clock_ms(now_ns);
        tcp_restart_rto(tcp, c, now_ns);
    }
    sent->mark = rate_sent(&flight->rate, in_flight, sent_length(sent), now_ns);
    pace_sent(tcp, c, done, now_ns);
    bool again = flight->syn_again != 0;
    if (again)
        note_syn_again(c, sent, done);
    account_sent(tcp, c, done, sent->segments, again);
    flight->prr.out += sent_length(sent);
    tail_probe_put_off(flight, false);
    if (probes) /* the time-out watches over what the persist timer sent (Linux) */
        tail_probe_none(flight);
    c->snd_nxt = sent->end;
    note_peak(c, in_flight + sent_length(sent));
    if (flight->tells_progress)
        connection_tell(tcp, c, CHASKI_PROGRESS);
    c->sent_ms = clock_ms(now_ns);
    if (done != sent->segments * flight->segment_size && !again && !probes)
        flight->snd_small = c->snd_nxt;
}

/* PSH is on what ends the data written, and on what the link cuts, so that receivers that join
 * segments do not wait. */
enum outcome send_new_segment(struct tcp *tcp, struct tcp_connection *c, uint32_t n,
                              uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    uint32_t in_flight = tcp_in_flight(c);
    bool last = c->snd_nxt + n == c->snd_end, fin = last && fin_fits(c, n);
    bool complete = last && !flight->unpushed;
    complete = complete || push_ends(c, n) ||
               (!last && send_queue_pushes(&flight->queue, c->snd_nxt, c->snd_nxt + n)) ||
               has(c, TCPF_PROBE_OWED);
    bool push = n != 0 && (complete || n > flight->segment_size);
    uint8_t flags = TCP_ACK | (push ? TCP_PSH : 0) | (fin ? TCP_FIN : 0);
    struct send_chunk *chunk = n == 0 ? NULL : send_queue_unsent(&flight->queue, c->snd_nxt);
    struct tcp_sent *sent =
        scoreboard_sent(&flight->scoreboard, &tcp->sent, c->snd_nxt, c->snd_nxt + n + fin,
                        sent_segments(n, flight->segment_size), chunk, now_ns);
    if (sent == NULL)
        return OUT_OF_MEMORY;
    sent->flags = complete && n != 0 ? SENT_PUSHED : 0;
    sent->flags |= SENT_ENDS;
    int32_t done = tcp_build_segment(tcp, c, chunk, c->snd_nxt, n, flags, now_ns);
    if (done < 0) {
        scoreboard_unsend(&flight->scoreboard, &tcp->sent, sent);
        return OUT_OF_MEMORY;
    }
    if ((uint32_t)done < n) {
        scoreboard_shorten(&flight->scoreboard, sent, c->snd_nxt + (uint32_t)done,
                           flight->segment_size);
        sent->flags = 0;
    }
    note_gone(tcp, c, sent, (uint32_t)done, in_flight, now_ns);
    return SENT;
}

/* It is no data, of which sent_ms tells. */
static enum outcome send_lone_fin(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint32_t sent_ms = c->sent_ms;
    enum outcome outcome = send_new_segment(tcp, c, 0, now_ns);
    c->sent_ms = sent_ms;
    return outcome;
}

/* RFC 4821: one segment longer than others, uncut. */
static enum outcome send_mtu_probe(struct tcp *tcp, struct tcp_connection *c, uint32_t size,
                                   uint64_t now_ns)
{
    uint32_t start = c->snd_nxt;
    c->flight->segment_size = (uint16_t)size;
    enum outcome outcome = send_new_segment(tcp, c, size, now_ns);
    c->flight->segment_size = effective_mss(c);
    if (c->snd_nxt - start == size)
        mtu_probe_sent(c, start);
    return outcome;
}

enum outcome send_new(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint32_t begun = c->snd_nxt;
    while (seq_lt(c->snd_nxt, tcp_send_end(c))) {
        if (c->snd_nxt - begun >= TCP_TURN_BYTES) {
            connection_wants_output(tcp, c);
            return SENT;
        }
        uint32_t waiting =
            send_queue_record_end(&c->flight->queue, c->snd_nxt, c->snd_end) - c->snd_nxt;
        uint32_t pace = waiting != 0 ? pace_room(tcp, c, now_ns) : UINT32_MAX;
        if (pace == 0)
            return SENT;
        uint32_t probe = mtu_probe_size(tcp, c, waiting, now_ns);
        if (probe != 0 &&
            minimum(usable_window(c), congestion_room(c)) < probe + c->flight->segment_size)
            return NOTHING_TO_SEND; /* it waits until more has arrived */
        if (probe != 0) {
            if (send_mtu_probe(tcp, c, probe, now_ns) == OUT_OF_MEMORY)
                return OUT_OF_MEMORY;
            continue;
        }
        uint32_t n = waiting == 0 ? 0 : next_length(tcp, c, waiting, pace, now_ns);
        if (n == 0 && (waiting != 0 || !lone_fin_may_go(c)))
            return NOTHING_TO_SEND;
        if ((n == 0 ? send_lone_fin(tcp, c, now_ns) : send_new_segment(tcp, c, n, now_ns)) ==
            OUT_OF_MEMORY)
            return OUT_OF_MEMORY;
    }
    return NOTHING_TO_SEND;
}
