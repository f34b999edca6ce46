/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_INTERNAL_H
#define CHASKI_TCP_TCP_INTERNAL_H

#include "core/tcp/tcp.h"
#include "core/wire/tcp.h"

/* What all parts of TCP know: the life of connections, their clock, and small questions to them.
 * What a part tells others stands in headers of its own, in its folder. */

enum {
    TCP_DEFAULT_MSS = 536, /* RFC 9293, 3.7.1: when the peer announces none */
    TCP_LEAST_PAYLOAD = 4, /* of a full segment, whatever options leave */
    TCP_MIN_MSS = 64,      /* smaller announcements are raised: work per byte stays bounded */
    TCP_DUP_THRESHOLD = 3,
    RTO_AFTER_LOST_SYN_US = 3000000,   /* when no round trip is known: RFC 6298, 5.7 */
    TCP_REPEATS = (1 << 9) - 1,        /* the bits of a connection's `repeats` */
    TCP_LARGEST_SEGMENT = 65535 - 120, /* payload of an uncut segment: room for every header */
};

static inline uint32_t clock_ms(uint64_t now_ns)
{
    return (uint32_t)(now_ns / 1000000);
}

/* Milliseconds until `due_ms`, which was `most` ahead when it was set: what seems to be further off
 * has long passed, while the machine slept. */
static inline uint32_t ms_left(uint64_t now_ns, uint32_t due_ms, uint32_t most)
{
    uint32_t left = due_ms - clock_ms(now_ns);
    return left <= most ? left : 0;
}

static inline uint32_t clock_us(uint64_t now_ns)
{
    return (uint32_t)(now_ns / 1000);
}

/* The timestamp of a segment that leaves now (RFC 7323, 5.4). */
static inline uint32_t tcp_timestamp_now(const struct tcp_connection *c, uint64_t now_ns)
{
    return clock_ms(now_ns) + c->ts_offset;
}

static inline uint32_t minimum(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static inline uint32_t maximum(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* The window scale for a buffer of so many bytes (RFC 7323, 2.3). */
static inline uint8_t tcp_scale_for(uint32_t bytes)
{
    uint8_t scale = 0;
    while (scale < WIRE_TCP_WINDOW_SCALE_MAX && (uint32_t)UINT16_MAX << scale < bytes)
        scale++;
    return scale;
}

/* The same where a buffer tunes itself. */
static inline uint8_t tcp_scale_to_tune(const struct tcp_knobs *knobs)
{
    return tcp_scale_for(maximum(knobs->receive_buffer_max, knobs->scale_buffer));
}

static inline bool has(const struct tcp_connection *c, uint32_t flags)
{
    return (c->flags & flags) != 0;
}

/* The sequence number for a segment without text: SND.NXT, unless the peer has shrunk its window to
 * before that and would not listen (RFC 9293, 3.8.6); what it cannot tell to the byte is no
 * shrinking (RFC 7323, 2.4). */
static inline uint32_t tcp_next_sequence(const struct tcp_connection *c)
{
    uint32_t edge = c->snd_una + c->snd_wnd, text = seq_min(c->snd_nxt, c->snd_end);
    bool shrunk = seq_ge(text, edge + (1u << c->send_scale)); /* a FIN needs no room */
    return shrunk && c->state != CHASKI_TCP_SYN_RECEIVED ? edge : c->snd_nxt;
}

/* Bytes that we believe to be in the network (RFC 6675's pipe). What is SACKed, or told by
 * duplicates, is not, so that a new segment goes for each: that is limited transmit (RFC 3042). */
static inline uint32_t tcp_in_flight(const struct tcp_connection *c)
{
    if (c->flight == NULL)
        return c->snd_nxt - c->snd_una;
    const struct tcp_scoreboard *board = &c->flight->scoreboard;
    uint32_t out = c->snd_nxt - c->snd_una - board->sacked.bytes - board->lost.bytes +
                   board->retransmitted.bytes;
    uint32_t left = c->flight->duplicate_acks * c->mss;
    return out > left ? out - left : 0;
}

/* Without SACK, as Linux: each duplicate tells of a segment that has left the network, but the
 * first one in flight is missing. */
static inline uint32_t tcp_told_by_duplicates(const struct tcp_connection *c)
{
    const struct tcp_scoreboard *board = &c->flight->scoreboard;
    if (c->flight->duplicate_acks == 0)
        return 0;
    uint32_t missing = minimum(maximum(board->lost.segments, 1), board->out.segments);
    return minimum(c->flight->duplicate_acks, board->out.segments - missing);
}

/* DupThresh: by how many segments something may be overtaken before it is lost, if time does not
 * tell; for connections with a flight. */
static inline uint32_t tcp_reordering(const struct tcp *tcp, const struct tcp_connection *c)
{
    return maximum(c->flight->rack.reordering, tcp->knobs.reordering);
}

/* What TCP-AO takes of each segment's room for options. */
static inline uint8_t tcp_ao_length(const struct tcp_connection *c)
{
    return has(c, TCPF_AO) ? WIRE_TCP_AO_SIZE : 0;
}

/* What a full segment leaves for options. */
static inline uint32_t tcp_options_length(const struct tcp_connection *c)
{
    return (has(c, TCPF_HAS_TIMESTAMPS) ? WIRE_TCP_TIMESTAMP_PADDED : 0u) + tcp_ao_length(c) +
           ecn_option_room(c);
}

/* RFC 6928, 2; its limit in bytes, for long segments, grows with a knob that wants more than ten.
 */
static inline uint32_t tcp_initial_window(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t segments = tcp->knobs.initial_window;
    return minimum(segments * c->mss, maximum(2u * c->mss, 1460 * maximum(segments, 10)));
}

/* Segments that have arrived at the peer, about, without the SYN. */
static inline uint32_t tcp_delivered(const struct tcp_connection *c)
{
    if (c->flight != NULL)
        return c->flight->rate.segments;
    return (uint32_t)((c->bytes_acked + c->mss - 1) / c->mss);
}

/* Bytes a second that the application allows, CHASKI_TCP_MAX_PACING_RATE; 0: any. */
static inline uint32_t tcp_max_pacing_rate(const struct tcp_connection *c)
{
    return c->timer.attached;
}

/* The limits of the connection's time-outs. */
static inline uint32_t tcp_rto_max_us(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t own = c->own_times ? times_of(&tcp->times, c->times)->rto_max_us : 0;
    return own != 0 ? own : tcp->knobs.rto_max_us;
}

static inline uint32_t tcp_rto_min_us(const struct tcp *tcp, const struct tcp_connection *c)
{
    uint32_t own = c->own_times ? times_of(&tcp->times, c->times)->rto_min_us : 0;
    return own != 0 ? own : tcp->knobs.rto_min_us;
}

/* The sequence number behind all that is to be sent: data and FIN. */
static inline uint32_t tcp_send_end(const struct tcp_connection *c)
{
    return c->snd_end + has(c, TCPF_FIN_QUEUED);
}

/* Bytes written and not yet acknowledged. */
static inline uint32_t tcp_queued(const struct tcp_connection *c)
{
    return c->flight != NULL ? c->snd_end - c->flight->queue.start : 0;
}

static inline uint32_t tcp_send_room(const struct tcp_connection *c)
{
    uint32_t queued = tcp_queued(c);
    return c->send_limit > queued ? c->send_limit - queued : 0;
}

/* Half of the largest window that the peer has shown; all of it, where that is little. */
uint32_t half_window(const struct tcp_connection *c);
/* Of a peer whose half_window() is less than `mss`, as hardly any is. */
__attribute__((cold)) uint16_t mss_of_small_window(const struct tcp_connection *c);

/* Payload of a full segment (RFC 1122, 4.2.2.6: Eff.snd.MSS). `mss` is what the path and the peer
 * take; of a small window, as in Linux, two segments are made, so that a peer with little room
 * acknowledges the second at once. */
static inline uint16_t effective_mss(const struct tcp_connection *c)
{
    return c->max_snd_wnd / 2 >= c->mss ? c->mss : mss_of_small_window(c);
}

/* How many of them `bytes` are; what is left over counts as one. */
static inline uint32_t full_segments(const struct tcp_connection *c, uint32_t bytes)
{
    uint32_t size = effective_mss(c);
    return (bytes + size - 1) / size;
}

/* ---- tcp_connection.c: life and death ------------------------------------------------------ */

/* Requests are answered soon: acknowledgements can wait for the answer. */
static inline bool tcp_in_dialogue(const struct tcp *tcp, const struct tcp_connection *c)
{
    return c->pingpong >= tcp->knobs.pingpong_threshold;
}

static inline void tcp_note_answer(struct tcp_connection *c)
{
    if (c->pingpong != UINT8_MAX)
        c->pingpong++;
}

static inline void tcp_expect_dialogue(const struct tcp *tcp, struct tcp_connection *c)
{
    c->pingpong = tcp->knobs.pingpong_threshold;
}

static inline uint32_t connection_index(const struct tcp *tcp, const struct tcp_connection *c)
{
    return (uint32_t)(c - tcp->connections);
}

/* A connection in state CLOSED with defaults, in the table; NULL when the limit is reached. */
struct tcp_connection *connection_new(struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns);
/* Sets the sequence variables of our side. */
void connection_set_iss(struct tcp_connection *c, uint32_t iss);
/* Gives everything back; handles become stale. */
void connection_free(struct tcp *tcp, struct tcp_connection *c);
/* The connection is over for the reason `error` (0: in order). Tells the application, or frees the
 * connection at once when it has let go: the caller must not touch it any more. */
void connection_end(struct tcp *tcp, struct tcp_connection *c, int error);
/* Goes to TIME-WAIT: what follows needs an entry only. Like connection_end(). */
void connection_time_wait(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The handshake is complete. */
void connection_established(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
void connection_tell(struct tcp *tcp, struct tcp_connection *c, unsigned events);
/* Tells a writer that came up short when there is room again. */
void connection_tell_room(struct tcp *tcp, struct tcp_connection *c);
void connection_wants_output(struct tcp *tcp, struct tcp_connection *c);
/* The next one of a chain taken from tcp->work, which is at *next (see connection_take_work());
 * NULL at its end. */
struct tcp_connection *connection_next_work(struct tcp *tcp, uint32_t *next);
/* Puts a connection into tcp->work, unless it is there. */
void connection_add_work(struct tcp *tcp, struct tcp_connection *c);
/* Takes the chain of work, and begins a new one. */
uint32_t connection_take_work(struct tcp *tcp);
/* NULL when the handle is stale. */
struct tcp_connection *connection_of(struct tcp *tcp, chaski_tcp handle);
chaski_tcp connection_handle(const struct tcp *tcp, const struct tcp_connection *c);
/* The payload of a full segment where the path carries so much: by the peer's announcement and the
 * options, too. */
uint16_t connection_mss(const struct tcp_connection *c, uint16_t path_mtu);
int connection_path(const struct tcp *tcp, const struct tcp_connection *c, struct ip_path *path);

/* ---- tcp_secret.c: numbers that nobody can guess ------------------------------------------- */

void secrets_derive(struct tcp_secrets *secrets, const struct siphash_key *key);
/* RFC 6528: a clock of about 4 microseconds plus a keyed function of the connection. */
uint32_t secret_sequence(const struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns);
/* The same for a connection that begins: another one each time, also while the host's time stands.
 */
uint32_t secret_new_sequence(struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns);
uint32_t secret_timestamp_offset(const struct tcp *tcp, const struct tcp_key *key);
/* Where in the port range the search for a free local port starts, which is 0 in the key yet
 * (RFC 6056, algorithm 4). */
uint32_t secret_port_offset(const struct tcp *tcp, const struct tcp_key *key);

/* ---- tcp_timer.c --------------------------------------------------------------------------- */

void tcp_timer_fire(void *tcp, struct timer *timer, uint64_t now_ns);
/* Brings the wheel in line with the connection's deadlines. */
void tcp_timer_set(struct tcp *tcp, struct tcp_connection *c);
/* Sets send_at to what is to be awaited of data in flight. */
void tcp_await(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The next time-out, or when patience ends, if that is sooner: now, if it has. */
uint64_t tcp_next_attempt(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* The next probe of a shut window comes a time-out from now (RFC 9293, 3.8.6.1). */
void tcp_restart_persist(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Starts the retransmission timer again (RFC 6298, 5.3), to be awaited. */
void tcp_restart_rto(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* So long an acknowledgement took, and so long at most is the path; `delayed`: the peer may have
 * put it off. */
void tcp_rtt_sample(const struct tcp *tcp, struct tcp_connection *c, uint32_t rtt_us,
                    uint32_t path_us, bool delayed, uint64_t now_ns);
uint64_t tcp_rto_ns(const struct tcp *tcp, const struct tcp_connection *c);
/* The next keep-alive, if there are any, is due after a whole idle time. */
void tcp_put_off_keepalive(struct tcp_connection *c, uint64_t now_ns);
/* Something was heard from the peer. */
void tcp_heard(struct tcp_connection *c, uint64_t now_ns);
/* FIN-WAIT-2 of an orphan begins: it has an end. */
void tcp_fin_wait(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);

#endif
