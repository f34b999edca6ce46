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

void push_written(const struct tcp *tcp, struct tcp_connection *c, uint32_t from)
{
    struct push *push = &c->flight->push;
    uint32_t pushed = c->flight->unpushed ? push->last : from;
    push->buffer = last_buffer(c, from);
    if (!push->ahead && c->snd_end - pushed > c->max_snd_wnd / 2)
        find_first(tcp, c, pushed);
    push->last = has(c, TCPF_MORE) ? pushed : c->snd_end;
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
    uint32_t half = c->max_snd_wnd / 2, size = buffer_size(c, c->flight->segment_size);
    uint32_t since = push->next - push->from;
    uint32_t lack = half > since ? half - since : 0;
    push->next += (lack / size + 1) * size;
    push->from = push->next;
    /* Where one segment takes all of the window, each buffer is filled up again before it goes. */
    push->ahead = seq_le(push->next, c->snd_end) && c->max_snd_wnd > TCP_DEFAULT_MSS;
    return true;
}
