/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"

/*
 * Where PSH is set within a long write (RFC 9293, 3.9.1.2 leaves it to us), so that receivers need
 * not wait for its end: as in Linux, behind each buffer that ends more than half of the peer's
 * largest window after the last PSH. A buffer there is what one segment takes before it is cut,
 * half of that window at most; what may go of the first one goes when it is full, and the rest of
 * it is filled up again. Only the first PSH is worked out like that, for the others nothing is
 * expected to go meanwhile.
 */

/* Where segments are of that size. */
static uint32_t buffer_size(const struct tcp_connection *c, uint32_t segment)
{
    uint32_t most = minimum(TCP_LARGEST_SEGMENT, maximum(half_window(c), segment));
    return most / segment * segment;
}

/* How far the next PSH is from one that `since` bytes follow: as many buffers as are enough. */
static uint32_t to_next(const struct tcp_connection *c, uint32_t since, uint32_t size)
{
    uint32_t half = c->max_snd_wnd / 2, lack = half > since ? half - since : 0;
    return (lack / size + 1) * size;
}

/* Where the buffer begins that the next byte would be added to. */
static uint32_t last_buffer(const struct tcp_connection *c, uint32_t from)
{
    return c->snd_nxt == from ? from : seq_max(c->flight->push.buffer, c->snd_nxt);
}

/* The buffer is full that ends at `end`, which is enough: all goes that may, and what of the buffer
 * stays is filled up again. */
static void set_first(struct push *push, uint32_t end, uint32_t sent, uint32_t size,
                      uint32_t written)
{
    push->from = end;
    push->next = end;
    if (seq_gt(sent, push->buffer) && seq_lt(sent, end))
        push->next = seq_min(sent + size, written);
    push->ahead = true;
}

static void find_first(const struct tcp *tcp, struct tcp_connection *c, uint32_t pushed)
{
    struct push *push = &c->flight->push;
    uint32_t mss = effective_mss(c), size = buffer_size(c, mss), sent = c->snd_nxt;
    uint32_t limit = sent + tcp_may_send(c), segment = tcp_largest_segment(tcp, c, mss);
    while (seq_le(push->buffer + size, c->snd_end)) {
        uint32_t end = push->buffer + size;
        if (end - pushed > c->max_snd_wnd / 2) {
            set_first(push, end, limit, size, c->snd_end);
            return;
        }
        uint32_t n = push->buffer == sent ? minimum(minimum(segment, limit - sent), size) : 0;
        n = n / mss * mss;
        sent += n;
        push->buffer = n != 0 ? sent : end;
    }
}

/* Where the last one is of those from `first` on. */
static uint32_t last_within(const struct tcp_connection *c, uint32_t first)
{
    uint32_t every = to_next(c, 0, buffer_size(c, effective_mss(c)));
    return first + (c->snd_end - first) / every * every;
}

/* What is to be continued has PSH at its end nevertheless: the buffer of the last one is filled up
 * to there, or it is far enough from that. */
static bool ends_nevertheless(struct tcp_connection *c)
{
    struct push *push = &c->flight->push;
    if (push->ahead)
        push->last = last_within(c, push->from);
    if (push->ahead && push->next == c->snd_end)
        return true;
    if (c->snd_end - push->last <= c->max_snd_wnd / 2)
        return false;
    push->last = c->snd_end;
    return true;
}

void push_written(const struct tcp *tcp, struct tcp_connection *c, uint32_t from)
{
    struct push *push = &c->flight->push;
    push->buffer = last_buffer(c, from);
    if (!push->ahead && c->snd_end - push->last > c->max_snd_wnd / 2)
        find_first(tcp, c, push->last);
    if (!has(c, TCPF_MORE))
        push->last = c->snd_end;
    c->flight->unpushed = has(c, TCPF_MORE) && !ends_nevertheless(c);
    push->ahead = push->ahead && push->next != c->snd_end;
}

uint32_t push_limit(struct tcp_connection *c, uint32_t n)
{
    struct push *push = &c->flight->push;
    uint32_t distance = push->next - c->snd_nxt;
    if (!push->ahead || distance >= n)
        return n;
    /* Else segments have another size now. */
    push->ahead = distance != 0 && distance % c->flight->segment_size == 0;
    return push->ahead ? distance : n;
}

bool push_ends(struct tcp_connection *c, uint32_t n)
{
    struct push *push = &c->flight->push;
    if (!push->ahead || c->snd_nxt + n != push->next)
        return false;
    uint32_t size = buffer_size(c, c->flight->segment_size);
    push->next += to_next(c, push->next - push->from, size);
    push->from = push->next;
    /* Where one segment takes all of the window, each buffer is filled up again before it goes. */
    push->ahead = seq_le(push->next, c->snd_end) && c->max_snd_wnd > TCP_DEFAULT_MSS;
    return true;
}
