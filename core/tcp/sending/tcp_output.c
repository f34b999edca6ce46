/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_output_internal.h"

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

enum { TCP_RETRY_NS = 5000000 /* when a pool had nothing left */ };

uint32_t tcp_may_send(const struct tcp_connection *c)
{
    return minimum(usable_window(c), congestion_room(c));
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

/* RFC 5681, 4.1: after a pause of a time-out's length the window is no longer known to fit. */
static void restart_after_idle(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->snd_nxt != c->snd_una || clock_ms(now_ns) - c->sent_ms <= tcp_rto_ns(tcp, c) / 1000000)
        return;
    c->recovery = TCP_CA_OPEN; /* what could still cause duplicates has left the network */
    c->flight->duplicate_acks = 0;
    window_restart(tcp, c);
}

/* RFC 8985, 7.3: the next segment, beyond the congestion window, or else the last one again. */
static enum outcome send_tail_probe(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint32_t n = 0;
    if (seq_lt(c->snd_nxt, c->snd_end))
        n = send_queue_record_end(&c->flight->queue, c->snd_nxt, c->snd_end) - c->snd_nxt;
    n = minimum(n, c->flight->segment_size);
    bool fresh = n != 0 ? n <= usable_window(c) : fin_fits(c, 0) && c->snd_nxt == c->snd_end;
    enum outcome outcome =
        fresh ? send_new_segment(tcp, c, n, now_ns) : send_again_last(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND) {
        tail_probe_given_up(tcp, c, now_ns);
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
    if (flight->frto != FRTO_NEW && flight->frto != FRTO_SENT)
        return NOTHING_TO_SEND;
    bool released = flight->released;
    flight->released |= flight->frto == FRTO_NEW; /* Nagle would leave the question open */
    enum outcome outcome = send_new(tcp, c, now_ns);
    flight->released = released;
    flight->frto = c->snd_nxt != flight->recovery_point ? FRTO_SENT : FRTO_OFF;
    return flight->frto == FRTO_SENT && outcome == NOTHING_TO_SEND ? SENT : outcome;
}

static enum outcome send_what_may_go(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight->probe.owed && c->snd_nxt != c->snd_una)
        return send_tail_probe(tcp, c, now_ns);
    enum outcome outcome = send_for_frto(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND)
        outcome = send_again_lost(tcp, c, now_ns);
    if (outcome == NOTHING_TO_SEND)
        outcome = send_new(tcp, c, now_ns);
    return outcome;
}

/* The path could take more than the application has written. */
static void note_out_of_data(struct tcp_connection *c, uint32_t room)
{
    if (c->snd_nxt == tcp_send_end(c) && c->flight->scoreboard.owed == 0 && room != 0)
        rate_out_of_data(&c->flight->rate, tcp_in_flight(c));
}

/* As Linux: a window that was full counts as used until what was in flight then has arrived, and
 * something was sent that did not fill it. */
static void note_usage(struct tcp_connection *c, uint32_t begun, uint32_t room)
{
    struct tcp_flight *flight = c->flight;
    bool sent = c->snd_nxt != begun;
    if (has(c, TCPF_CWND_LIMITED) || (sent && room < effective_mss(c))) {
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
    c->flight->segment_size = (uint16_t)(effective_mss(c) - length);
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
    c->flight->segment_size = effective_mss(c);
    uint32_t begun = c->snd_nxt;
    look_at_window(tcp, c, now_ns);
    enum outcome outcome = tcp_has_gap_to_tell(c) ? send_beside_report(tcp, c, now_ns)
                                                  : send_what_may_go(tcp, c, now_ns);
    uint32_t room = congestion_room(c);
    note_usage(c, begun, room);
    note_out_of_data(c, room);
    if (c->snd_nxt != begun && c->flight->rack.due_ns != 0)
        tail_probe_supersedes(tcp, c);
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
    } else if (c->send_at != TIMER_NEVER) {
        return SENT; /* it answers a SYN, and goes by its timer as well (as Linux) */
    }
    /* Without a user time-out it goes again so many times, and with one once at least (Linux). */
    bool limited = c->user_timeout_ms != 0 && c->retries != 0;
    c->send_at = limited ? tcp_next_attempt(tcp, c, now_ns) : now_ns + tcp_rto_ns(tcp, c);
    return SENT;
}

/* A probe is an acknowledgement outside of the peer's window, which it has to answer. */
static enum outcome send_probe(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    /* What is urgent stands on one that the peer takes (RFC 9293, 3.8.5), as Linux sends it. */
    bool urgent = has(c, TCPF_URGENT_OUT) && c->send_urgent - c->snd_una <= UINT16_MAX;
    if (urgent && !tcp_build_ack(tcp, c, c->snd_una, now_ns))
        return OUT_OF_MEMORY;
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
