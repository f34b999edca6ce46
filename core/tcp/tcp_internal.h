/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_INTERNAL_H
#define CHASKI_TCP_TCP_INTERNAL_H

#include "core/tcp/tcp.h"
#include "core/wire/tcp.h"

/* What TCP's files say to one another. */

enum {
    TCP_DEFAULT_MSS = 536, /* RFC 9293, 3.7.1: when the peer announces none */
    TCP_LEAST_PAYLOAD = 4, /* of a full segment, whatever options leave */
    TCP_MIN_MSS = 64,      /* smaller announcements are raised: work per byte stays bounded */
    TCP_DUP_THRESHOLD = 3,
    TCP_LARGEST_SEGMENT = 65535 - 120, /* payload of an uncut segment: room for every header */
    /* What a connection sends of new data in one turn. The others' turn comes, acknowledgements are
     * heard in between, and what is on its way stays in the cache. */
    TCP_TURN_BYTES = 128 << 10,
    TCP_RETRY_NS = 5000000, /* when a pool had nothing left */
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

/* Bytes that we believe to be in the network (RFC 6675's pipe). */
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

/* Whether the application may write: also while a fast open's handshake is not over. */
static inline bool tcp_can_write(const struct tcp_connection *c)
{
    return !has(c, TCPF_FIN_QUEUED) &&
           (c->state == CHASKI_TCP_ESTABLISHED || c->state == CHASKI_TCP_CLOSE_WAIT ||
            (c->state == CHASKI_TCP_SYN_RECEIVED && (c->fast_open & FAST_OPEN_PASSIVE)));
}

/* True when an acknowledgement is to have SACK blocks. */
static inline bool tcp_has_gap_to_tell(const struct tcp_connection *c)
{
    return has(c, TCPF_HAS_SACK) && (!tree_empty(&c->receive.runs) || c->dsack_length != 0);
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

/* ---- tcp_connection.c: life and death ------------------------------------------------------ */

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
/* mss and the like, from the path, the peer's announcement and the options. */
void connection_set_mss(struct tcp_connection *c, uint16_t path_mtu);
int connection_path(const struct tcp *tcp, const struct tcp_connection *c, struct ip_path *path);

/* ---- tcp_options.c ------------------------------------------------------------------------- */

/* Whether a value is within an option's limits. */
bool tcp_option_takes(enum chaski_tcp_option option, int64_t value);

/* ---- tcp_listener.c ------------------------------------------------------------------------ */

/* Index plus one of the listener for what comes with `key`; 0: none. */
uint16_t listener_find(const struct tcp *tcp, const struct tcp_key *key);
struct tcp_listener *listener_of(struct tcp *tcp, chaski_listener handle);
/* The one that the connection came by; NULL when there is none, or it is gone. */
struct tcp_listener *listener_of_connection(struct tcp *tcp, const struct tcp_connection *c);
/* True when it takes no further connection now. */
bool listener_full(const struct tcp_listener *listener);
/* A connection that the listener's peers opened: its closure, its queue. */
void listener_adopt(struct tcp *tcp, uint16_t listener, struct tcp_connection *c);
/* One of its connections is gone, or has been taken from the queue. */
void listener_release(struct tcp *tcp, struct tcp_connection *c);

/* ---- tcp_secret.c: numbers that nobody can guess ------------------------------------------- */

void secrets_derive(struct tcp_secrets *secrets, const struct siphash_key *key);
/* RFC 6528: a clock of about 4 microseconds plus a keyed function of the connection. */
uint32_t secret_sequence(const struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns);
/* The same for a connection that begins: another one each time, also while the host's time stands.
 */
uint32_t secret_new_sequence(struct tcp *tcp, const struct tcp_key *key, uint64_t now_ns);
uint32_t secret_timestamp_offset(const struct tcp *tcp, const struct tcp_key *key);
/* Where in the port range the search for a free local port starts (RFC 6056, algorithm 4). */
uint32_t secret_port_offset(const struct tcp *tcp, const struct tcp_key *key);

/* ---- tcp_segment.c ------------------------------------------------------------------------- */

/* Applies a segment, parsed into packet->tcp, its data being the payload. Consumes it. */
void tcp_segment(struct tcp *tcp, struct tcp_connection *c, struct packet *packet, uint64_t now_ns);

/* ---- tcp_predicted.c ----------------------------------------------------------------------- */

/* Applies a segment, and consumes it, if it is what the connection expects next; false: nothing is
 * done. */
bool tcp_take_predicted(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                        uint64_t now_ns);

/* RFC 7323, 5.5: at this age a TS.Recent says nothing any more. */
enum { TCP_RECENT_MS = 24 * 24 * 3600 * 1000u };

/* TS.Recent begins with what came on a SYN. Some peers put 0 there, and their clock into what
 * follows (as Linux knows): that says nothing from the beginning. */
static inline void tcp_first_timestamp(struct tcp_connection *c, uint32_t timestamp,
                                       uint64_t now_ns)
{
    c->ts_recent = timestamp;
    c->ts_recent_at_ms = clock_ms(now_ns) - (timestamp == 0 ? TCP_RECENT_MS : 0);
}

/* RFC 7323, 5.3: PAWS. */
static inline bool tcp_is_before_recent(const struct tcp_connection *c, const struct packet *packet,
                                        uint64_t now_ns)
{
    return seq_lt(packet->tcp.timestamp, c->ts_recent) &&
           clock_ms(now_ns) - c->ts_recent_at_ms < TCP_RECENT_MS;
}

/* RFC 7323, 4.3, for a segment that is acceptable. */
static inline void tcp_note_timestamp(struct tcp_connection *c, struct packet *packet,
                                      uint64_t now_ns)
{
    if (packet->tcp.has_timestamp && has(c, TCPF_HAS_TIMESTAMPS) &&
        seq_le(packet->tcp.sequence, c->last_ack_sent) &&
        !tcp_is_before_recent(c, packet, now_ns)) {
        packet->tcp.newer = packet->tcp.timestamp != c->ts_recent;
        c->ts_recent = packet->tcp.timestamp;
        c->ts_recent_at_ms = clock_ms(now_ns);
    }
}

/* ---- tcp_text.c ---------------------------------------------------------------------------- */

/* Queues the text of a segment, which is new and within the window; the packet is consumed. */
void tcp_take_text(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                   uint64_t now_ns);
/* What came though it was there already is told with the next acknowledgement (RFC 2883, 4). */
void tcp_note_duplicate(const struct tcp *tcp, struct tcp_connection *c, uint32_t left,
                        uint32_t right);
/* `received` bytes are to be acknowledged: at least every second full segment, and within ack_delay
 * (RFC 9293, 3.8.6.3; RFC 5681, 4.2). */
void tcp_owe_acknowledgment(struct tcp *tcp, struct tcp_connection *c, uint32_t received,
                            uint64_t now_ns);

/* ---- tcp_prune.c --------------------------------------------------------------------------- */

/* Whether text may be queued, which is `next` in order or behind a gap: when the pools
 * have no room for it, what others hold behind gaps gives way, then what it holds itself. */
bool tcp_admit_text(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                    bool next);

/* ---- tcp_ack.c ----------------------------------------------------------------------------- */

/* Applies the acknowledgement and the window of an acceptable segment. */
void tcp_acknowledge(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                     uint64_t now_ns);

/* ---- tcp_recovery.c: losses, and where recovery stands -------------------------------------- */

/* What was known before an acknowledgement was applied. */
struct ack_before {
    uint32_t flight;     /* bytes not acknowledged */
    uint32_t duplicates; /* acknowledgements, without SACK: what they stood for is no news */
    bool recovering;
};

/* True between a loss or time-out and the acknowledgement of all that was in flight then. */
bool recovery_active(const struct tcp_connection *c);
/* Enters, goes on with, or leaves recovery after an acknowledgement that brought `news`. True when
 * it shows that something more is lost. */
bool recovery_process(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                      const struct ack_before *before);
/* The retransmission timer has expired. */
void recovery_time_out(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The reordering window has ended. */
void recovery_reordering_over(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* All that is in flight goes again, though nothing was lost: the path carries less. */
void recovery_resend_all(struct tcp *tcp, struct tcp_connection *c);

/* ---- tcp_rack.c: RFC 8985, 6 ---------------------------------------------------------------- */

/* Takes in what was delivered, and D-SACKs. */
void rack_update(struct tcp_connection *c, const struct sent_news *news);
/* Marks what is lost by now, and notes when the rest will be; true when something was marked. */
bool rack_detect(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* Recovery has ended: the window shrinks back in time. */
void rack_recovered(struct tcp_connection *c);

/* ---- tcp_tail_probe.c: RFC 8985, 7 ----------------------------------------------------------- */

/* When the probe is to go; TIMER_NEVER: none may. */
uint64_t tail_probe_at(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* A probe has gone: all up to SND.NXT is to be acknowledged; `again`: it was a retransmission. */
void tail_probe_sent(struct tcp_connection *c, bool again);
/* True when an acknowledgement shows that the probe has repaired a loss. */
bool tail_probe_acknowledged(struct tcp_connection *c, const struct sent_news *news);

/* ---- tcp_undo.c: RFC 3522, 4015, 2883 -------------------------------------------------------- */

/* Notes what to go back to; the window is about to be reduced. */
void undo_begin(struct tcp_connection *c);
/* So many segments are sent again. */
void undo_note_resent(struct tcp_connection *c, uint32_t segments, uint64_t now_ns);
/* Duplicates that the peer reports were needless retransmissions. */
void undo_note_duplicate(struct tcp_connection *c, const struct sent_news *news);
/* True when the acknowledgement is older than the first retransmission (RFC 3522). */
bool undo_answers_original(const struct tcp_connection *c, const struct packet *packet);
/* True when nothing was lost after all: every retransmission was a duplicate, or the original
 * was answered. */
bool undo_justified(const struct tcp_connection *c, const struct sent_news *news);
/* Goes back: window, threshold, what congestion control had learned. */
void undo_apply(struct tcp *tcp, struct tcp_connection *c);

/* ---- tcp_cwnd.c ---------------------------------------------------------------------------- */

/* The flight is new, or the algorithm: it begins with the window that there is. */
void window_begin(const struct tcp *tcp, struct tcp_connection *c);
/* Lets the algorithm set the threshold for what has happened to `flight` bytes. */
void window_threshold(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                      enum congestion_cause cause);
/* The same, and begins to reduce the window in proportion (RFC 6937). */
void window_reduce(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                   enum congestion_cause cause);
/* Reduces both at once: the rate was too high, nothing is to be repaired. */
void window_reduce_now(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight);
/* All is repaired: after a loss or a mark, the window is what the threshold is. */
void window_recovered(const struct tcp *tcp, struct tcp_connection *c);
/* Adapts the window to an acknowledgement; recovery has been moved. `lost`: something more is. */
void window_adapt(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  const struct ack_before *before, bool lost);

/* A pause of a time-out's length is over (RFC 5681, 4.1). */
void window_restart(const struct tcp *tcp, struct tcp_connection *c);
/* Something is about to be sent, perhaps for the first time after the application paused. */
void window_resume(struct tcp_connection *c, uint64_t now_ns);
/* The latest reduction had no reason: goes back to what c->flight->undo holds. */
void window_undo(struct tcp_connection *c);

/* ---- tcp_push.c: PSH within long writes; the connection has a flight ------------------------ */

/* What lies from `from` to SND.END has been written. */
void push_written(const struct tcp *tcp, struct tcp_connection *c, uint32_t from);
/* Of n bytes of new data, those up to where PSH is set. */
uint32_t push_limit(struct tcp_connection *c, uint32_t n);
/* Whether PSH is set behind the next n bytes, which go now. */
bool push_ends(struct tcp_connection *c, uint32_t n);

/* ---- tcp_receive_window.c ------------------------------------------------------------------- */

/* The window to advertise, in bytes; moves rcv_advertised. */
uint32_t tcp_window_to_send(struct tcp_connection *c);
/* The window of a SYN, which has no scale: whole segments of `mss`, as Linux. */
uint16_t tcp_first_window(uint32_t room, uint32_t mss);
/* True when an update of the window is worth a segment of its own (RFC 9293, 3.8.6.2.2). */
bool tcp_window_opened(const struct tcp_connection *c);

/* ---- tcp_output.c, tcp_build.c ------------------------------------------------------------- */

/* Sends what may be sent now. */
void tcp_output(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);

/* How much one segment takes before the link cuts it. */
uint32_t tcp_largest_segment(const struct tcp *tcp, const struct tcp_connection *c);
/* What both windows allow now. */
uint32_t tcp_may_send(const struct tcp_connection *c);

/* One segment with up to `length` bytes from `sequence` on, which `chunk` holds the first of; FIN
 * when `flags` say so and all of them found a place. Returns the payload bytes sent, or -1 when a
 * pool had nothing left. */
int32_t tcp_build_segment(struct tcp *tcp, struct tcp_connection *c, struct send_chunk *chunk,
                          uint32_t sequence, uint32_t length, uint8_t flags, uint64_t now_ns);
/* SYN, or SYN+ACK; false when a pool had nothing left. Likewise the others. */
bool tcp_build_syn(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
bool tcp_build_ack(struct tcp *tcp, struct tcp_connection *c, uint32_t sequence, uint64_t now_ns);
bool tcp_build_reset(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* A reset as if there were no connection any more (RFC 9293, 3.5.2, group 1): it begins where the
 * segment that it answers says that its sender is. */
bool tcp_build_reset_answer(struct tcp *tcp, struct tcp_connection *c, uint32_t acknowledged,
                            uint64_t now_ns);

/* A segment without payload, not of a connection; built in the packet that asked for it, which it
 * consumes, or in a new one when packet is NULL. */
struct tcp_reply {
    struct tcp_key key;
    uint32_t sequence, acknowledgment;
    uint16_t window;
    uint16_t flags;
    const struct wire_tcp_options *options; /* NULL: none; a SYN's when SYN is among the flags */
    const struct fast_open_cookie *cookie;  /* NULL: none */
    struct ao_state *ao;                    /* NULL: not authenticated */
    uint8_t traffic_class, ttl;             /* 0: the default */
};
void tcp_build_reply(struct tcp *tcp, struct packet *packet, const struct tcp_reply *reply,
                     uint64_t now_ns);
/* RFC 9293, 3.10.7.1: the reset that a segment without a connection gets. Consumes the packet;
 * silent when it is a reset itself. */
void tcp_build_refusal(struct tcp *tcp, struct packet *packet, uint64_t now_ns);

/* The key of the connection that a received segment belongs to. */
void tcp_key_of(const struct packet *packet, struct tcp_key *key);

/* ---- tcp_timer.c --------------------------------------------------------------------------- */

void tcp_timer_fire(void *tcp, struct timer *timer, uint64_t now_ns);
/* Brings the wheel in line with the connection's deadlines. */
void tcp_timer_set(struct tcp *tcp, struct tcp_connection *c);
/* Sets send_at to what is to be awaited of data in flight. */
void tcp_await(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
/* The next time-out, or when patience ends, which it has not yet, if that is sooner. */
uint64_t tcp_next_attempt(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns);
/* Starts the retransmission timer again (RFC 6298, 5.3), to be awaited. */
void tcp_restart_rto(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);
void tcp_rtt_sample(const struct tcp *tcp, struct tcp_connection *c, uint32_t rtt_us);
uint64_t tcp_rto_ns(const struct tcp *tcp, const struct tcp_connection *c);
/* The next keep-alive, if there are any, is due after a whole idle time. */
void tcp_put_off_keepalive(struct tcp_connection *c, uint64_t now_ns);
/* Something was heard from the peer. */
void tcp_heard(struct tcp_connection *c, uint64_t now_ns);
/* FIN-WAIT-2 of an orphan begins: it has an end. */
void tcp_fin_wait(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns);

/* ---- tcp_tune.c: buffers that grow with the path -------------------------------------------- */

void tune_receive(struct tcp *tcp, struct tcp_connection *c, uint32_t copied, uint64_t now_ns);
void tune_send(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight);

#endif
