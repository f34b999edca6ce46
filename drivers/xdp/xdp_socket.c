/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "drivers/frame.h"
#include "drivers/xdp/xdp_socket_private.h"

/*
 * Theory of operation
 *
 * The shared memory is cut into frames. A receive frame goes round: from the spare ones into the
 * fill ring, where the kernel takes it and puts it, with a frame in it, into the receive ring; from
 * there as a buffer up the stack; and when the last reference to that is dropped, back to the
 * spare ones. A short frame (an acknowledgement) is copied into the descriptor's own room, and
 * its place is spare at once. When the stack keeps XDP_LENT_MAX frames, those that follow are
 * copied into its own buffers, of which it never gives out the last: so the kernel always has
 * frames to fill, and connections that nobody reads cannot keep others' acknowledgements out.
 *
 * A frame that is longer than the memory's come in several parts, which become one packet with
 * fragments. The last part may be in a later burst than the first.
 *
 * To be sent, a packet is copied into send frames, which come back by the completion ring.
 *
 * The rings are read and written without the kernel. It is called to have frames sent, where it
 * asks for that; and it takes a few only a call.
 */

enum {
    WAKE_CALLS = 4, /* to have a burst sent */
};

static const uint64_t look_every_ns = 1000000000;

/* ---- Sending ------------------------------------------------------------------------------- */

/* Frames that are sent are free again. */
static void reap(struct xdp *xdp)
{
    uint32_t at, frames = xsk_ring_cons__peek(&xdp->completed, XDP_RING, &at);
    for (uint32_t i = 0; i < frames; i++) {
        uint64_t address = *xsk_ring_cons__comp_addr(&xdp->completed, at + i);
        xdp->send[xdp->send_count++] = (uint32_t)(address / xdp->frame_size);
    }
    if (frames != 0)
        xsk_ring_cons__release(&xdp->completed, frames);
}

/* A busy device is asked again by the next receive(). */
static void wake_sender(struct xdp *xdp)
{
    int calls = 0;
    ssize_t sent;
    do
        sent = sendto(xdp->link.fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
    while (sent < 0 && errno == EAGAIN && ++calls < WAKE_CALLS);
    xdp->unsent = sent < 0 && (errno == EAGAIN || errno == EBUSY || errno == ENOBUFS);
    if (sent < 0 && errno == ENXIO)
        xdp->link.gone = true;
}

static bool send_packet(struct xdp *xdp, const struct packet *packet)
{
    uint32_t at, parts = (packet->length + xdp->frame_size - 1) / xdp->frame_size;
    if (xdp->send_count < parts || xsk_ring_prod__reserve(&xdp->to_send, parts, &at) != parts)
        return false;
    for (uint32_t i = 0; i < parts; i++) {
        uint64_t address = (uint64_t)xdp->send[--xdp->send_count] * xdp->frame_size;
        uint32_t offset = i * xdp->frame_size, left = packet->length - offset;
        uint32_t length = left < xdp->frame_size ? left : xdp->frame_size;
        packet_copy_out(packet, offset, xdp->area + address, length);
        *xsk_ring_prod__tx_desc(&xdp->to_send, at + i) = (struct xdp_desc){
            .addr = address, .len = length, .options = i + 1 < parts ? XDP_PART_FOLLOWS : 0};
    }
    xsk_ring_prod__submit(&xdp->to_send, parts);
    xdp->link.statistics.sent++;
    xdp->link.statistics.sent_bytes += packet->length;
    return true;
}

static void dispose(struct xdp *xdp, struct packet *packet)
{
    bool oversized = link_oversized(&xdp->link, packet);
    if (!oversized && send_packet(xdp, packet)) {
        packet_free(packet);
        return;
    }
    if (oversized)
        xdp->link.statistics.oversized++;
    else
        xdp->link.statistics.refused++;
    packet_drop(packet, xdp->link.counters, CHASKI_DROP_LINK_REFUSED);
}

void xdp_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct xdp *xdp = block;
    (void)now_ns;
    reap(xdp);
    for (uint32_t i = 0; i < burst->count; i++)
        dispose(xdp, burst->packets[i]);
    burst->count = 0;
    if (xsk_ring_prod__needs_wakeup(&xdp->to_send))
        wake_sender(xdp);
}

/* ---- Receiving ----------------------------------------------------------------------------- */

static void release(struct buffer *buffer)
{
    struct xdp *xdp = buffer->owner;
    xdp->spare[xdp->spare_count++] = (uint32_t)(buffer - xdp->buffer);
    xdp->lent--;
}

void xdp_fill(struct xdp *xdp)
{
    uint32_t at, count = xsk_prod_nb_free(&xdp->to_fill, XDP_RING);
    count = count < xdp->spare_count ? count : xdp->spare_count;
    if (count == 0 || xsk_ring_prod__reserve(&xdp->to_fill, count, &at) != count)
        return;
    for (uint32_t i = 0; i < count; i++)
        *xsk_ring_prod__fill_addr(&xdp->to_fill, at + i) =
            (uint64_t)xdp->spare[--xdp->spare_count] * xdp->frame_size;
    xsk_ring_prod__submit(&xdp->to_fill, count);
}

static void recycle(struct xdp *xdp, uint32_t frame)
{
    xdp->spare[xdp->spare_count++] = frame;
}

/* The frame as a buffer, whose only reference is the caller's. */
static struct buffer *lend(struct xdp *xdp, uint32_t frame)
{
    struct buffer *buffer = &xdp->buffer[frame];
    *buffer = (struct buffer){
        .references = 1,
        .size = xdp->frame_size,
        .data = xdp->area + (size_t)frame * xdp->frame_size,
        .release = release,
        .owner = xdp,
    };
    xdp->lent++;
    return buffer;
}

/* The first part of a frame where it lies; NULL: no memory. */
static struct packet *packet_in_place(struct xdp *xdp, const struct xdp_desc *from)
{
    struct buffer *buffer = lend(xdp, (uint32_t)(from->addr / xdp->frame_size));
    struct packet *packet = packet_take_in(&xdp->link.memory->packets, buffer,
                                           (uint32_t)(from->addr % xdp->frame_size), FOR_RECEIVE);
    if (packet == NULL)
        buffer_drop(buffer);
    else
        packet_put(packet, from->len);
    return packet;
}

/* The first part of a frame, which mostly is all of it; NULL: no memory. */
static struct packet *begin(struct xdp *xdp, const struct xdp_desc *from)
{
    bool is_long = from->len > FRAME_INLINE;
    if (is_long && xdp->lent < XDP_LENT_MAX)
        return packet_in_place(xdp, from);
    struct packet *packet = frame_of_bytes(xdp->link.memory, xdp->area + from->addr, from->len);
    recycle(xdp, (uint32_t)(from->addr / xdp->frame_size));
    xdp->link.statistics.copied += is_long && packet != NULL;
    return packet;
}

/* Adds a further part to the packet; NULL, with nothing left of it, when there is no memory. */
static struct packet *append(struct xdp *xdp, struct packet *packet, const struct xdp_desc *from)
{
    uint32_t frame = (uint32_t)(from->addr / xdp->frame_size);
    uint32_t offset = (uint32_t)(from->addr % xdp->frame_size);
    if (packet->fragment_count < PACKET_FRAGMENTS && xdp->lent < XDP_LENT_MAX &&
        packet_add_fragment(packet, lend(xdp, frame), offset, from->len))
        return packet;
    recycle(xdp, frame);
    packet_free(packet);
    return NULL;
}

static void receive_part(struct xdp *xdp, const struct xdp_desc *from, struct burst *burst)
{
    bool last = (from->options & XDP_PART_FOLLOWS) == 0;
    if (xdp->skipping) {
        recycle(xdp, (uint32_t)(from->addr / xdp->frame_size));
        xdp->skipping = !last;
        return;
    }
    struct packet *packet = xdp->begun != NULL ? append(xdp, xdp->begun, from) : begin(xdp, from);
    xdp->begun = last ? NULL : packet;
    if (packet == NULL) {
        xdp->skipping = !last;
        xdp->link.statistics.no_memory++;
        count(xdp->link.counters, CHASKI_DROP_NO_MEMORY);
    } else if (last) {
        burst->packets[burst->count++] = packet;
        xdp->link.statistics.received++;
        xdp->link.statistics.received_bytes += packet->length;
    }
}

/* Has the kernel go on; an interface that is gone says so to who asks. */
static void ask(struct xdp *xdp)
{
    if (recvfrom(xdp->link.fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 && errno == ENXIO)
        xdp->link.gone = true;
}

/* An interface that is down already goes away without an event. */
static void look_again(struct xdp *xdp, bool received, uint64_t now_ns)
{
    if (received) {
        xdp->in_doubt = false;
    } else if (now_ns - xdp->looked_ns >= look_every_ns) {
        xdp->looked_ns = now_ns;
        ask(xdp);
    }
}

uint32_t xdp_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct xdp *xdp = (struct xdp *)link;
    uint32_t at, frames = xsk_ring_cons__peek(&xdp->received, BURST_MAX, &at);
    for (uint32_t i = 0; i < frames; i++)
        receive_part(xdp, xsk_ring_cons__rx_desc(&xdp->received, at + i), burst);
    if (frames != 0)
        xsk_ring_cons__release(&xdp->received, frames);
    xdp_fill(xdp);
    if (xdp->unsent)
        wake_sender(xdp);
    if (xsk_ring_prod__needs_wakeup(&xdp->to_fill))
        ask(xdp);
    if (xdp->in_doubt)
        look_again(xdp, frames != 0, now_ns);
    link->more = frames == BURST_MAX;
    return burst->count;
}

/* When to come again though nothing is received. */
uint64_t xdp_deadline(struct link *link)
{
    const struct xdp *xdp = (const struct xdp *)link;
    uint64_t again_ns = xdp->in_doubt ? xdp->looked_ns + look_every_ns : UINT64_MAX;
    return xdp->unsent ? 0 : again_ns;
}

/* The kernel reports once that an interface goes down, or away while it is up. */
void xdp_check(struct link *link)
{
    int error;
    socklen_t size = sizeof error;
    struct xdp *xdp = (struct xdp *)link;
    getsockopt(link->news_fd, SOL_SOCKET, SO_ERROR, &error, &size);
    xdp->in_doubt = true;
    ask(xdp);
}
