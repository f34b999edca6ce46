/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_output.h"

#include "core/tcp/receiving/tcp_receive_window.h"
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/window/tcp_cwnd.h"

/*
 * Theory of operation. Once a turn, each connection with a reason to send comes here, and
 * everything it may send leaves: a reset or SYN that is owed; then lost ranges again, as far as the
 * congestion window allows; then new data, as far as both windows allow, in segments
 * of up to 64 kB (RFC 9293, 3.8.6.2.1 and Nagle decide about a last, short one); and when no
 * segment has carried the acknowledgement that is owed, that. A pool that has nothing left ends
 * the visit; the retry stands in ack_at.
 */

enum {
    /* What a connection sends of new data in one turn. The others' turn comes, acknowledgements are
     * heard in between, and what is on its way stays in the cache. */
    TCP_TURN_BYTES = 128 << 10,
    TCP_RETRY_NS = 5000000, /* when a pool had nothing left */
};

enum outcome {
    SENT,
    NOTHING_TO_SEND,
    OUT_OF_MEMORY,
};

static uint32_t usable_window(const struct tcp_connection *c)
{
    int32_t usable = seq_distance(c->snd_nxt, c->snd_una + c->snd_wnd);
    return usable > 0 ? (uint32_t)usable : 0;
}

static uint32_t congestion_room(const struct tcp_connection *c)
{
    uint32_t in_flight = tcp_in_flight(c);
    if (c->state == CHASKI_TCP_SYN_RECEIVED) /* our SYN+ACK is no data (RFC 7413) */
        in_flight -= minimum(in_flight, 1);
    return c->congestion.window > in_flight ? c->congestion.window - in_flight : 0;
}

uint32_t tcp_may_send(const struct tcp_connection *c)
{
    return minimum(usable_window(c), congestion_room(c));
}

static void note_limited(struct tcp_connection *c)
{
    c->flags |= TCPF_CWND_LIMITED;
    c->flight->limited = true;
}

uint32_t tcp_largest_burst(const struct tcp *tcp, const struct tcp_connection *c, uint32_t size)
{
    uint32_t most = TCP_LARGEST_SEGMENT / size, segments = most;
    /* Each segment has a code of its own, or (as in Linux) its own way to the mark: none is cut. */
    if (has(c, TCPF_AO | TCPF_URGENT_OUT))
        return 1;
    if (c->srtt_us8 != 0) {
        uint64_t window = maximum(c->congestion.window, c->snd_nxt - c->snd_una);
        bool slow_start = c->congestion.window < c->congestion.threshold / 2;
        window *=
            slow_start ? tcp->knobs.pacing_slow_start_percent : tcp->knobs.pacing_avoidance_percent;
        uint64_t bytes = window * (1000000 * 8 / 100) / c->srtt_us8 / 1024;
        uint32_t nearness = c->min_rtt_us >> tcp->knobs.near_shift;
        bytes += nearness < 32 ? TCP_LARGEST_SEGMENT >> nearness : 0;
        segments = bytes / size < most ? (uint32_t)(bytes / size) : most;
    }
    return minimum(maximum(segments, tcp->knobs.min_tso_segs), most);
}

uint32_t tcp_largest_segment(const struct tcp *tcp, const struct tcp_connection *c, uint32_t size)
{
    uint32_t half = c->congestion.window / size / 2;
    return minimum(tcp_largest_burst(tcp, c, size), maximum(half, 1)) * size;
}

/* Small ranges that follow each other go again in one segment; but those of several records do not
 * share any. */
static void collapse(struct tcp *tcp, struct tcp_connection *c, struct tcp_sent *sent)
{
    uint32_t end = seq_min(sent->node.key + c->flight->segment_size, c->snd_una + c->snd_wnd);
    if (tcp->knobs.retrans_collapse && c->flight->queue.records == 0)
        scoreboard_collapse(&c->flight->scoreboard, &tcp->sent, sent, end);
}

/* How much may go again from `sequence` on. The window may have shrunk (RFC 9293, 3.8.6): what lies
 * beyond waits, but the first segment goes again as a probe of a shut one. */
static uint32_t window_again(const struct tcp_connection *c, uint32_t sequence)
{
    int32_t open = seq_distance(sequence, c->snd_una + c->snd_wnd);
    if (open > 0)
        return (uint32_t)open;
    return sequence == c->snd_una ? c->flight->segment_size : 0;
}

/* What of it the windows and pacing allow; a segment in any case. */
static uint32_t most_again(const struct tcp *tcp, const struct tcp_connection *c, uint32_t sequence,
                           uint32_t pace)
{
    uint32_t open = window_again(c, sequence), size = c->flight->segment_size;
    uint32_t room = minimum(maximum(congestion_room(c), size), pace);
    uint32_t segments = minimum(minimum(room, open) / size, tcp_largest_burst(tcp, c, size));
    return maximum(segments * size, minimum(open, size));
}

/* Sends one lost range, or as much of it as may go, again. */
static enum outcome resend(struct tcp *tcp, struct tcp_connection *c, struct tcp_sent *sent,
                           uint32_t pace, uint64_t now_ns)
{
    collapse(tcp, c, sent);
    uint32_t in_flight = tcp_in_flight(c), size = c->flight->segment_size;
    uint32_t most = most_again(tcp, c, sent->node.key, pace);
    uint32_t data = seq_min(sent->end, c->snd_end) - sent->node.key;
    bool fin = data != sent_length(sent);
    if (data > most) {
        data = most;
        fin = false;
    }
    bool pushed = (sent->flags & SENT_PUSHED) && data + fin == sent_length(sent);
    bool ends = sent->node.key + data == c->snd_end && !c->flight->unpushed;
    bool last = data != 0 && (pushed || ends);
    uint8_t flags = TCP_ACK | (last || data > size ? TCP_PSH : 0) | (fin ? TCP_FIN : 0);
    if (!scoreboard_split(&c->flight->scoreboard, &tcp->sent, sent, data + fin))
        return OUT_OF_MEMORY;
    int32_t done = tcp_build_segment(tcp, c, sent->chunk, sent->node.key, data, flags, now_ns);
    if (done < 0)
        return OUT_OF_MEMORY;
    if ((uint32_t)done < data &&
        !scoreboard_split(&c->flight->scoreboard, &tcp->sent, sent, (uint32_t)done))
        return OUT_OF_MEMORY;
    uint16_t segments = sent_segments((uint32_t)done, size);
    scoreboard_resent(&c->flight->scoreboard, sent, segments, now_ns);
    sent->mark = rate_sent(&c->flight->rate, in_flight, sent_length(sent), now_ns);
    pace_sent(tcp, c, sent_length(sent), now_ns);
    undo_note_resent(c, sent->segments, now_ns);
    mtu_note_resent(c, sent->node.key);
    account_sent(tcp, c, (uint32_t)done, sent->segments, true);
    c->retransmitted += sent->segments;
    c->flight->prr.out += sent_length(sent);
    c->sent_ms = clock_ms(now_ns);
    count(tcp->counters, CHASKI_TCP_RETRANSMITTED);
    /* As Linux; but without SACK each round trip mends one loss, and the time-out shall come (RFC
     * 6582, 4): only the first of a recovery puts it off. */
    bool fast = c->recovery != TCP_CA_LOSS && (has(c, TCPF_HAS_SACK) || !has(c, TCPF_PARTIAL));
    if (sent->node.key == c->snd_una && fast)
        tcp_restart_rto(tcp, c, now_ns);
    return SENT;
}

static enum outcome resend_lost(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_sent *sent;
    while ((sent = scoreboard_next_lost(&c->flight->scoreboard)) != NULL) {
        if (window_again(c, sent->node.key) == 0)
            return SENT;
        /* Without SACK one segment a round trip is known to be lost; it goes at once (RFC 6582,
         * 3.2). */
        bool at_once = c->recovery == TCP_CA_RECOVERY && !has(c, TCPF_HAS_SACK);
        if (!at_once && congestion_room(c) < minimum(c->flight->segment_size, sent_length(sent)) &&
            tcp_in_flight(c) != 0) {
            note_limited(c);
            return SENT;
        }
        uint32_t pace = pace_room(tcp, c, now_ns);
        if (pace == 0)
            return SENT;
        if (resend(tcp, c, sent, pace, now_ns) == OUT_OF_MEMORY)
            return OUT_OF_MEMORY;
    }
    return NOTHING_TO_SEND;
}

/* Nagle (RFC 9293, 3.7.4) and the sender's side of silly-window avoidance (3.8.6.2.1): whether a
 * segment of n bytes, shorter than a full one, may go. As Minshall proposed, only a short segment
 * in flight holds back the next one: the end of a long write need not wait. */
static bool tail_may_go(const struct tcp_connection *c, uint32_t waiting)
{
    bool record_ends = c->snd_nxt + waiting != c->snd_end;
    if (record_ends || c->flight->released || has(c, TCPF_FIN_QUEUED | TCPF_PROBE_OWED))
        return true;
    if (has(c, TCPF_CORK | TCPF_MORE))
        return false;
    return has(c, TCPF_NODELAY | TCPF_URGENT_OUT) || seq_le(c->flight->snd_small, c->snd_una);
}

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
    if (waiting > size && tcp_defers(tcp, c, waiting, minimum(window, room), now_ns))
        return 0;
    uint32_t most = size; /* and more only if there is more: the limits cost divisions */
    if (waiting > size)
        most = minimum(tcp_largest_segment(tcp, c, size), pace / size * size);
    most = push_limit(c, most);
    uint32_t n = minimum(minimum(waiting, most), minimum(window, room));
    if (n >= size) {
        uint32_t whole = n / size * size;
        bool tail_too = n == waiting && tail_may_go(c, waiting);
        return n == whole || tail_too ? n : whole;
    }
    if (n == room && n < minimum(waiting, window))
        return 0;
    return short_segment_may_go(c, n, waiting) ? n : 0;
}

/* RFC 5681, 4.1: after a pause of a time-out's length the window is no longer known to fit. */
static void restart_after_idle(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->snd_nxt != c->snd_una || clock_ms(now_ns) - c->sent_ms <= tcp_rto_ns(tcp, c) / 1000000)
        return;
    c->recovery = TCP_CA_OPEN; /* what could still cause duplicates has left the network */
    c->flight->duplicate_acks = 0;
    window_restart(tcp, c);
}

/* Data goes, which asks for an answer as well. */
static void forget_probes(struct tcp_connection *c)
{
    c->flags &= ~(uint32_t)TCPF_PROBE_OWED;
    c->probes = 0;
    c->backoff = 0;
}

static bool ends_record(const struct tcp_connection *c, uint32_t n)
{
    return send_queue_record_end(&c->flight->queue, c->snd_nxt, c->snd_end) == c->snd_nxt + n;
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

/* FIN takes a place in the peer's window (RFC 9293, 3.4 and 3.8.6), behind n bytes of text. */
static bool fin_fits(const struct tcp_connection *c, uint32_t n)
{
    return has(c, TCPF_FIN_QUEUED) && n < usable_window(c);
}

/* Without text it takes one in the congestion window as well. */
static bool lone_fin_may_go(struct tcp_connection *c)
{
    if (!fin_fits(c, 0))
        return false;
    if (congestion_room(c) != 0 || tcp_in_flight(c) == 0)
        return true;
    note_limited(c);
    return false;
}

/* Sends the next n bytes of new data, and FIN when it follows them. PSH is on what ends the data
 * written, and on what the link cuts, so that receivers that join segments do not wait. */
static enum outcome send_segment(struct tcp *tcp, struct tcp_connection *c, uint32_t n,
                                 uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    uint32_t in_flight = tcp_in_flight(c);
    bool last = c->snd_nxt + n == c->snd_end, fin = last && fin_fits(c, n);
    bool complete = last && !flight->unpushed;
    complete =
        complete || push_ends(c, n) || (!last && ends_record(c, n)) || has(c, TCPF_PROBE_OWED);
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
    if (has(c, TCPF_PROBE_OWED))
        forget_probes(c);
    if (c->snd_nxt == c->snd_una) {
        c->progress_ms = clock_ms(now_ns);
        tcp_restart_rto(tcp, c, now_ns);
    }
    sent->mark = rate_sent(&flight->rate, in_flight, sent_length(sent), now_ns);
    pace_sent(tcp, c, (uint32_t)done, now_ns);
    bool again = flight->syn_again != 0;
    if (again)
        note_syn_again(c, sent, (uint32_t)done);
    account_sent(tcp, c, (uint32_t)done, sent->segments, again);
    flight->prr.out += sent_length(sent);
    tail_probe_put_off(flight);
    c->snd_nxt = sent->end;
    note_peak(c, in_flight + sent_length(sent));
    if (flight->tells_progress)
        connection_tell(tcp, c, CHASKI_PROGRESS);
    c->sent_ms = clock_ms(now_ns);
    if ((uint32_t)done != sent->segments * flight->segment_size && !again)
        flight->snd_small = c->snd_nxt;
    return SENT;
}

/* RFC 4821: one segment longer than others, uncut. */
static enum outcome send_mtu_probe(struct tcp *tcp, struct tcp_connection *c, uint32_t size,
                                   uint64_t now_ns)
{
    uint32_t start = c->snd_nxt;
    c->flight->segment_size = (uint16_t)size;
    enum outcome outcome = send_segment(tcp, c, size, now_ns);
    c->flight->segment_size = c->mss;
    if (c->snd_nxt - start == size)
        mtu_probe_sent(c, start);
    return outcome;
}

static enum outcome send_new(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
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
        if (send_segment(tcp, c, n, now_ns) == OUT_OF_MEMORY)
            return OUT_OF_MEMORY;
    }
    return NOTHING_TO_SEND;
}

/* The last segment in flight once more. */
static enum outcome probe_again(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_scoreboard *board = &c->flight->scoreboard;
    struct tcp_sent *last = scoreboard_last(board);
    uint32_t size = c->flight->segment_size, before = (last->segments - 1u) * size;
    if (before >= sent_length(last)) /* they were short */
        before = 0;
    if (window_again(c, last->node.key + before) == 0)
        return NOTHING_TO_SEND;
    if (before != 0 && !scoreboard_split(board, &tcp->sent, last, before))
        return OUT_OF_MEMORY;
    last = scoreboard_last(board);
    enum outcome outcome = resend(tcp, c, last, size, now_ns);
    if (outcome == SENT)
        scoreboard_probed(board, last);
    return outcome;
}

/* RFC 8985, 7.3: the next segment, beyond the congestion window, or else the last one again. */
static enum outcome send_tail_probe(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint32_t n = 0;
    if (seq_lt(c->snd_nxt, c->snd_end))
        n = send_queue_record_end(&c->flight->queue, c->snd_nxt, c->snd_end) - c->snd_nxt;
    n = minimum(n, c->flight->segment_size);
    bool fresh = n != 0 ? n <= usable_window(c) : fin_fits(c, 0) && c->snd_nxt == c->snd_end;
    enum outcome outcome = fresh ? send_segment(tcp, c, n, now_ns) : probe_again(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND) {
        tail_probe_given_up(c);
        return outcome;
    }
    /* Without memory there is none: the time-out comes, and needs less. */
    tail_probe_sent(c, !fresh && outcome == SENT);
    tcp_restart_rto(tcp, c, now_ns);
    count_many(tcp->counters, CHASKI_TCP_TAIL_PROBES, outcome == SENT);
    return outcome;
}

/* RFC 9293, 3.8.6.1: data waits, nothing is in flight that could bring an acknowledgement. */
static void consider_persisting(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->state == CHASKI_TCP_SYN_RECEIVED)
        return; /* the timer is the handshake's, whatever follows our SYN+ACK (RFC 7413) */
    if (c->snd_nxt != c->snd_una || c->flight->pace.waiting) {
        c->flags &= ~(uint32_t)TCPF_PERSISTING;
        tcp_await(tcp, c, now_ns);
    } else if (seq_lt(c->snd_nxt, tcp_send_end(c))) {
        if (c->send_at == TIMER_NEVER || !has(c, TCPF_PERSISTING)) {
            c->flags |= TCPF_PERSISTING;
            c->progress_ms = clock_ms(now_ns);
            c->send_at = now_ns + tcp_rto_ns(tcp, c);
        }
    } else {
        c->flags &= ~(uint32_t)TCPF_PERSISTING;
        c->send_at = TIMER_NEVER;
    }
}

/* RFC 5682: after a time-out that may have been spurious, new data goes first, if there is any. */
static enum outcome send_for_frto(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    if (c->recovery != TCP_CA_LOSS)
        flight->frto = FRTO_OFF; /* the question is settled */
    if (flight->frto == FRTO_SENT)
        return SENT;
    if (flight->frto != FRTO_NEW)
        return NOTHING_TO_SEND;
    enum outcome outcome = send_new(tcp, c, now_ns);
    flight->frto = c->snd_nxt != flight->recovery_point ? FRTO_SENT : FRTO_OFF;
    return flight->frto == FRTO_SENT && outcome == NOTHING_TO_SEND ? SENT : outcome;
}

static enum outcome send_what_may_go(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight->probe.owed && c->snd_nxt != c->snd_una)
        return send_tail_probe(tcp, c, now_ns);
    enum outcome outcome = send_for_frto(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND)
        outcome = resend_lost(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND)
        outcome = send_new(tcp, c, now_ns);
    return outcome;
}

/* The path could take more than the application has written. */
static void note_out_of_data(struct tcp_connection *c)
{
    if (c->snd_nxt == tcp_send_end(c) && c->flight->scoreboard.owed == 0 && congestion_room(c) != 0)
        rate_out_of_data(&c->flight->rate, tcp_in_flight(c));
}

/* As Linux: a window that was full counts as used until what was in flight then has arrived, and
 * something was sent that did not fill it. */
static void note_usage(struct tcp_connection *c, uint32_t begun)
{
    struct tcp_flight *flight = c->flight;
    bool sent = c->snd_nxt != begun;
    if (has(c, TCPF_CWND_LIMITED) || (sent && congestion_room(c) < c->mss)) {
        flight->full = true;
        flight->full_end = c->snd_nxt;
    } else if (sent && seq_ge(c->snd_una, flight->full_end)) {
        flight->full = false;
    }
}

/* After a pause the window is no longer what was measured. */
static void look_at_window(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (seq_ge(c->snd_nxt, c->snd_end))
        return;
    restart_after_idle(tcp, c, now_ns);
    validation_before_sending(tcp, c, now_ns);
    window_resume(c, now_ns);
}

/* What segments leave of their room for data, from here on. */
static void reserve_for_report(struct tcp_connection *c, uint8_t length)
{
    c->flight->report_length = length;
    c->flight->segment_size = (uint16_t)(c->mss - length);
}

/* Where a gap is to be told, segments have less room for data. To cut anew what goes again takes
 * records; where none is left, it goes as it went, and tells nothing. */
static enum outcome send_beside_report(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    reserve_for_report(c, tcp_report_length(tcp, c));
    enum outcome outcome = send_what_may_go(tcp, c, now_ns);
    reserve_for_report(c, 0);
    return outcome == OUT_OF_MEMORY ? send_what_may_go(tcp, c, now_ns) : outcome;
}

static enum outcome send_data(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    c->flags &= ~(uint32_t)TCPF_CWND_LIMITED;
    if (c->flight == NULL && c->snd_nxt == tcp_send_end(c))
        return NOTHING_TO_SEND;
    if (flight_take(tcp, c) == NULL)
        return OUT_OF_MEMORY;
    c->flight->pace.waiting = false;
    c->flight->segment_size = c->mss;
    uint32_t begun = c->snd_nxt;
    look_at_window(tcp, c, now_ns);
    enum outcome outcome = tcp_has_gap_to_tell(c) ? send_beside_report(tcp, c, now_ns)
                                                  : send_what_may_go(tcp, c, now_ns);
    note_usage(c, begun);
    note_out_of_data(c);
    consider_persisting(tcp, c, now_ns);
    return outcome;
}

static bool may_send_data(const struct tcp_connection *c)
{
    switch (c->state) {
    case CHASKI_TCP_SYN_RECEIVED:
        return (c->fast_open & FAST_OPEN_PASSIVE) != 0;
    case CHASKI_TCP_ESTABLISHED:
    case CHASKI_TCP_CLOSE_WAIT:
    case CHASKI_TCP_FIN_WAIT_1:
    case CHASKI_TCP_CLOSING:
    case CHASKI_TCP_LAST_ACK:
        return true;
    default:
        return false;
    }
}

static enum outcome send_handshake(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!tcp_build_syn(tcp, c, now_ns))
        return OUT_OF_MEMORY;
    c->flags &= ~(uint32_t)TCPF_SYN_OWED;
    if (c->snd_nxt == c->snd_una) {
        c->progress_ms = clock_ms(now_ns);
        c->snd_nxt = c->snd_una + 1;
    }
    bool limited = c->user_timeout_ms != 0; /* else it goes again so many times */
    c->send_at = limited ? tcp_next_attempt(tcp, c, now_ns) : now_ns + tcp_rto_ns(tcp, c);
    return SENT;
}

/* A probe is an acknowledgement outside of the peer's window, which it has to answer. */
static enum outcome send_probe(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (!tcp_build_ack(tcp, c, c->snd_una - 1, now_ns))
        return OUT_OF_MEMORY;
    c->flags &= ~(uint32_t)TCPF_PROBE_OWED;
    return SENT;
}

/* With a gap before what has come, and no SACK, the peer counts acknowledgements (RFC 5681, 3.2):
 * each segment that came is one, as far as it matters. */
static bool tell_gap(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    unsigned times = maximum(c->repeats, 1);
    c->repeats = 0;
    while (times-- != 0)
        if (!tcp_build_ack(tcp, c, tcp_next_sequence(c), now_ns))
            return false;
    return true;
}

static enum outcome send_all(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    enum outcome outcome = NOTHING_TO_SEND;
    if (has(c, TCPF_SYN_OWED)) {
        outcome = send_handshake(tcp, c, now_ns);
        if (outcome == OUT_OF_MEMORY || !may_send_data(c))
            return outcome;
    }
    bool counted = !tree_empty(&c->receive.runs) && !has(c, TCPF_HAS_SACK);
    if (has(c, TCPF_ACK_NOW) && counted && !tell_gap(tcp, c, now_ns))
        return OUT_OF_MEMORY;
    if (may_send_data(c))
        outcome = send_data(tcp, c, now_ns);
    if (outcome != OUT_OF_MEMORY && has(c, TCPF_PROBE_OWED))
        outcome = send_probe(tcp, c, now_ns);
    if (has(c, TCPF_ACK_NOW) && !tcp_build_ack(tcp, c, tcp_next_sequence(c), now_ns))
        return OUT_OF_MEMORY;
    return outcome;
}

/* Sends what may be sent now. */
static void tcp_output(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (has(c, TCPF_RST_OWED)) {
        tcp_build_reset(tcp, c, now_ns);
        connection_free(tcp, c);
        return;
    }
    if (c->state == CHASKI_TCP_CLOSED)
        return;
    if (!has(c, TCPF_ACK_NOW) && tcp_window_opened(tcp, c))
        c->flags |= TCPF_ACK_NOW;
    bool starved = send_all(tcp, c, now_ns) == OUT_OF_MEMORY;
    count_many(tcp->counters, CHASKI_TCP_OUTPUT_NO_MEMORY, starved);
    if ((starved || (has(c, TCPF_WANTS_ROOM) && tcp_queued(c) == 0)) &&
        c->ack_at > now_ns + TCP_RETRY_NS)
        c->ack_at = now_ns + TCP_RETRY_NS;
    account_occupation(tcp, c, now_ns);
    tcp_timer_set(tcp, c);
}

void tcp_output_all(struct tcp *tcp, uint64_t now_ns)
{
    tcp->now_ns = now_ns;
    uint32_t next = connection_take_work(tcp);
    struct tcp_connection *c;
    while ((c = connection_next_work(tcp, &next)) != NULL) {
        if (c->events != 0 && !has(c, TCPF_POLLED))
            connection_add_work(tcp, c);
        if (has(c, TCPF_WANTS_OUTPUT)) {
            c->flags &= ~(uint32_t)TCPF_WANTS_OUTPUT;
            tcp_output(tcp, c, now_ns);
        }
    }
    for (unsigned family = 0; family < FAMILY_COUNT; family++)
        hook_call(&tcp->network[family].transmit, &tcp->out[family], now_ns);
}
