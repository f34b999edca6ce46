/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/receiving/tcp_receive_window.h"
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"

/* What applications do with a connection. Nothing here sends: it notes what is to be sent. */

enum { LARGEST_HAND_OVER = (1 << 30) - 1 };

int tcp_on(struct tcp *tcp, chaski_tcp handle, chaski_tcp_closure *receive, void *context)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    c->closure = receive;
    c->context = context;
    unsigned events = (unsigned)tcp_events(tcp, handle);
    if (events != 0)
        connection_tell(tcp, c, events);
    return 0;
}

int tcp_watch(struct tcp *tcp, chaski_tcp handle, sent_watcher *watcher)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (watcher == NULL) {
        c->flags &= ~(uint32_t)TCPF_WATCHED;
        return 0;
    }
    tcp->watcher = watcher;
    c->flags |= (uint32_t)TCPF_WATCHED;
    return 0;
}

void tcp_show(struct tcp *tcp, const struct packet *packet)
{
    const struct packet_watch *watch = &packet->watch;
    const struct tcp_connection *c =
        connection_of(tcp, (chaski_tcp){watch->index, watch->generation});
    if (c != NULL && has(c, TCPF_WATCHED))
        tcp->watcher(c->context, watch->position, packet);
}

/* Whether the application may write: also while a fast open's handshake is not over. */
static bool tcp_can_write(const struct tcp_connection *c)
{
    return !has(c, TCPF_FIN_QUEUED) &&
           (c->state == CHASKI_TCP_ESTABLISHED || c->state == CHASKI_TCP_CLOSE_WAIT ||
            (c->state == CHASKI_TCP_SYN_RECEIVED && (c->fast_open & FAST_OPEN_PASSIVE)));
}

int tcp_events(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    unsigned events = 0;
    bool opening = c->state == CHASKI_TCP_SYN_SENT ||
                   (c->state == CHASKI_TCP_SYN_RECEIVED && !(c->fast_open & FAST_OPEN_PASSIVE));
    if (c->state == CHASKI_TCP_CLOSED)
        events |= CHASKI_ENDED | CHASKI_READABLE;
    else if (!opening)
        events |= CHASKI_CONNECTED;
    if (c->receive.length != 0 || has(c, TCPF_FIN_RECEIVED))
        events |= CHASKI_READABLE;
    if (tcp_can_write(c) && tcp_send_room(c) != 0)
        events |= CHASKI_WRITABLE;
    if (has(c, TCPF_URGENT_IN))
        events |= CHASKI_URGENT;
    if (c->state != CHASKI_TCP_CLOSED && c->error != 0)
        events |= CHASKI_TROUBLED;
    return (int)events;
}

/* Why there is nothing to read: 0 is the end of the stream. */
static int nothing_to_read(const struct tcp_connection *c)
{
    if (has(c, TCPF_FIN_RECEIVED))
        return 0;
    return c->state == CHASKI_TCP_CLOSED ? c->error : CHASKI_AGAIN;
}

static void taken(struct tcp *tcp, struct tcp_connection *c, uint32_t n)
{
    uint32_t unread = c->receive.length + has(c, TCPF_FIN_RECEIVED);
    if (has(c, TCPF_URGENT_IN) && seq_ge(c->rcv_nxt - unread, c->receive_urgent))
        c->flags &= ~(uint32_t)TCPF_URGENT_IN;
    tune_receive(tcp, c, n, tcp->now_ns);
    /* All is read, and the peer wrote no more than that: it may wait for us (Linux). */
    if (has(c, TCPF_ACK_DELAYED) && unread == 0 && !tcp_in_dialogue(tcp, c) &&
        c->unacknowledged_in != c->receive_mss) {
        c->flags |= TCPF_ACK_NOW;
        connection_wants_output(tcp, c);
    }
    if (c->state != CHASKI_TCP_CLOSED && tcp_window_opened(tcp, c))
        connection_wants_output(tcp, c);
}

long tcp_read(struct tcp *tcp, chaski_tcp handle, void *bytes, size_t length)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (c->receive.length == 0)
        return nothing_to_read(c);
    uint32_t n =
        receive_queue_read(&c->receive, bytes, length < UINT32_MAX ? (uint32_t)length : UINT32_MAX);
    taken(tcp, c, n);
    return (long)n;
}

int tcp_look(struct tcp *tcp, chaski_tcp handle, struct chaski_piece *pieces, unsigned most)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (c->receive.length == 0)
        return nothing_to_read(c);
    return (int)receive_queue_look(&c->receive, pieces, most);
}

long tcp_saved_syn(struct tcp *tcp, chaski_tcp handle, void *bytes, size_t length)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    uint32_t room = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
    return c != NULL ? (long)saved_syn_take(tcp, &c->key, bytes, room) : CHASKI_STALE;
}

uint32_t tcp_copy(struct tcp *tcp, chaski_tcp handle, uint32_t over, void *bytes, uint32_t n)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL ? receive_queue_copy(&c->receive, over, bytes, n) : 0;
}

bool tcp_fin_received(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL && has(c, TCPF_FIN_RECEIVED);
}

uint32_t tcp_unacknowledged(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL ? tcp_send_end(c) - c->snd_una : 0;
}

bool tcp_answers_soon(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL && tcp_in_dialogue(tcp, c);
}

uint64_t tcp_arrival(struct tcp *tcp, chaski_tcp handle, uint32_t n)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    return c != NULL ? receive_queue_arrival(&c->receive, n) : 0;
}

int tcp_consume(struct tcp *tcp, chaski_tcp handle, size_t length)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (length > c->receive.length)
        return CHASKI_INVALID;
    receive_queue_consume(&c->receive, (uint32_t)length);
    taken(tcp, c, (uint32_t)length);
    return 0;
}

/* Why nothing can be written now; 0: it can. */
static int write_error(const struct tcp_connection *c)
{
    if (c->state == CHASKI_TCP_CLOSED)
        return c->error != 0 ? c->error : CHASKI_NOT_CONNECTED;
    return has(c, TCPF_FIN_QUEUED) ? CHASKI_CLOSED : 0;
}

/* The connection, if it can be written to; NULL: *error says why not. */
static struct tcp_connection *writable(struct tcp *tcp, chaski_tcp handle, int *error)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    *error = c != NULL ? write_error(c) : CHASKI_STALE;
    return *error == 0 ? c : NULL;
}

/* The application has written something: it ends what it had begun, or it will go on. */
static void written(struct tcp *tcp, struct tcp_connection *c, uint32_t length)
{
    c->snd_end += length;
    push_written(tcp, c, c->snd_end - length);
    c->flight->released = false;
    connection_wants_output(tcp, c);
}

/* A write came up short. When nothing is in flight, no acknowledgement will make room in the
 * pools: then output sets the retry deadline. */
static void want_room(struct tcp *tcp, struct tcp_connection *c)
{
    c->flags |= TCPF_WANTS_ROOM;
    if (tcp_queued(c) == 0)
        connection_wants_output(tcp, c);
}

long tcp_write(struct tcp *tcp, chaski_tcp handle, const void *bytes, size_t length)
{
    int error;
    struct tcp_connection *c = writable(tcp, handle, &error);
    if (c == NULL || length == 0)
        return error;
    struct tcp_flight *flight = flight_take(tcp, c);
    uint32_t room = tcp_send_room(c), n = 0;
    const struct send_cuts cuts = {c->snd_nxt, effective_mss(c)};
    if (flight != NULL)
        n = send_queue_write(&flight->queue, tcp->memory, c->snd_end, bytes,
                             length < room ? (uint32_t)length : room, &cuts);
    if (n < length)
        want_room(tcp, c);
    if (n == 0)
        return CHASKI_AGAIN;
    written(tcp, c, n);
    return (long)n;
}

int tcp_hand_over(struct tcp *tcp, chaski_tcp handle, struct chaski_memory *memory)
{
    int error;
    struct tcp_connection *c = writable(tcp, handle, &error);
    if (c == NULL)
        return error;
    if (memory->length == 0 || memory->length > LARGEST_HAND_OVER)
        return CHASKI_INVALID;
    struct tcp_flight *flight = flight_take(tcp, c);
    if (flight == NULL || tcp_send_room(c) == 0) {
        want_room(tcp, c);
        return CHASKI_AGAIN;
    }
    send_queue_hand_over(&flight->queue, c->snd_end, memory, &tcp->returns);
    written(tcp, c, (uint32_t)memory->length);
    return 0;
}

int tcp_end_record(struct tcp *tcp, chaski_tcp handle, bool pushes)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (c->flight != NULL && c->snd_nxt != c->snd_end)
        send_queue_end_record(&c->flight->queue, pushes);
    return 0;
}

int tcp_urgent(struct tcp *tcp, chaski_tcp handle)
{
    int error;
    struct tcp_connection *c = writable(tcp, handle, &error);
    if (c == NULL)
        return error;
    if (c->snd_end == c->snd_una)
        return CHASKI_INVALID; /* no byte to mark */
    c->send_urgent = c->snd_end;
    c->flags |= TCPF_URGENT_OUT;
    connection_wants_output(tcp, c);
    return 0;
}

int tcp_until_mark(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (!has(c, TCPF_URGENT_IN))
        return 0;
    uint32_t unread = c->receive.length + has(c, TCPF_FIN_RECEIVED);
    return seq_distance(c->rcv_nxt - unread, c->receive_urgent);
}

static void queue_fin(struct tcp *tcp, struct tcp_connection *c)
{
    c->flags |= TCPF_FIN_QUEUED;
    if (c->state == CHASKI_TCP_ESTABLISHED)
        c->state = CHASKI_TCP_FIN_WAIT_1;
    else if (c->state == CHASKI_TCP_CLOSE_WAIT)
        c->state = CHASKI_TCP_LAST_ACK;
    connection_wants_output(tcp, c);
}

int tcp_shutdown(struct tcp *tcp, chaski_tcp handle)
{
    int error;
    struct tcp_connection *c = writable(tcp, handle, &error);
    if (c == NULL)
        return error;
    queue_fin(tcp, c);
    return 0;
}

int tcp_refuse_text(struct tcp *tcp, chaski_tcp handle)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    c->refuses_text = 1;
    return 0;
}

static void let_go(struct tcp *tcp, struct tcp_connection *c)
{
    listener_release(tcp, c);
    c->flags |= TCPF_ORPHAN;
    c->closure = NULL;
    c->events = 0;
    c->alive_at = TIMER_NEVER;
    if (c->state == CHASKI_TCP_FIN_WAIT_2)
        tcp_fin_wait(tcp, c, tcp->now_ns);
    else if (c->linger_ms != LINGER_ALWAYS)
        c->alive_at = tcp->now_ns + c->linger_ms * 1000000ull;
    tcp_timer_set(tcp, c);
}

static void reset(struct tcp *tcp, struct tcp_connection *c)
{
    let_go(tcp, c);
    c->flags |= TCPF_RST_OWED;
    connection_wants_output(tcp, c);
}

/* RFC 9293, 3.10.5: who has begun to talk to us is told, unless both have said all. */
static void abort_connection(struct tcp *tcp, struct tcp_connection *c)
{
    bool ending = c->state == CHASKI_TCP_CLOSING || c->state == CHASKI_TCP_LAST_ACK;
    bool said_all = ending && c->snd_nxt == tcp_send_end(c);
    if (said_all || c->state == CHASKI_TCP_CLOSED || c->state == CHASKI_TCP_SYN_SENT)
        connection_free(tcp, c);
    else
        reset(tcp, c);
}

int tcp_abort(struct tcp *tcp, chaski_tcp handle)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    abort_connection(tcp, c);
    return 0;
}

/* The peer's FIN is all that is still to come. */
static bool is_not_awaited(const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_FIN_WAIT_2 && c->fin_wait_s == FIN_WAIT_NEVER;
}

int tcp_close(struct tcp *tcp, chaski_tcp handle)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (c->state == CHASKI_TCP_CLOSED || c->state == CHASKI_TCP_SYN_SENT)
        connection_free(tcp, c);
    else if (c->receive.length != 0)
        reset(tcp, c); /* the peer is not to believe that all was read (RFC 9293, 3.6.1) */
    else if (c->linger_ms == 0 || is_not_awaited(c))
        abort_connection(tcp, c);
    else {
        queue_fin(tcp, c);
        let_go(tcp, c);
    }
    return 0;
}

int tcp_error(struct tcp *tcp, chaski_tcp handle)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    return c->error;
}
