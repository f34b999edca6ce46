/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vnet/vnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/virtio_net.h>

/*
 * Theory of operation
 *
 * Nobody knows how long the next frame is before it has been read, so every read is given room for
 * the longest: a small buffer for the headers, and up to three large ones. What the frame does
 * not need waits for the next read. A large buffer that a frame has filled only in part is filled
 * further by the next frame, and each refers to its own part; so memory is taken for what was
 * received and not for what might have been.
 *
 * A short frame (an acknowledgement) is copied into the descriptor's own room, and needs no buffer
 * at all. So that it also arrives when all buffers are taken, the frame is read nevertheless, with
 * a spare area in place of what is missing; only a frame that reaches into it is dropped.
 *
 * A read that finds nothing costs as much as one that finds an acknowledgement. After a pause the
 * first frame is therefore handed up alone, so that its answer leaves before anybody looks for a
 * second one; each call that finds all it looks for looks for more the next time.
 *
 * The virtio-net header in front of each frame says what is left to do: complete the checksum, cut
 * into segments. Its fields are in the machine's byte order. The kernel's word that a checksum need
 * not be checked is taken, as it comes from the same machine.
 */

enum {
    READ_MAX = 256 * 1024, /* bytes a burst, so that it is dealt with while still in the cache */
    WORTH_FILLING = 4096,  /* a rest of a large buffer shorter than this is let go */
    LINE = 64,
    READ_PIECES = 2 + VNET_LARGE,
    WRITE_PIECES = 1 + PACKET_FRAGMENTS,
    TCP_DATA_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_CWR = 0x80,
};

static const uint64_t look_every_ns = 1000000000;

/* ---- Receiving ----------------------------------------------------------------------------- */

static void refill(struct vnet *vnet)
{
    struct packet_memory *memory = vnet->link.memory;
    if (vnet->small == NULL)
        vnet->small = buffer_take(&memory->small, FOR_RECEIVE);
    for (uint32_t i = 0; i < VNET_LARGE; i++) {
        if (vnet->large[i] == NULL)
            vnet->large[i] = buffer_take(&memory->large, FOR_RECEIVE);
    }
}

/* Bytes behind the linear part that the large buffers at hand have room for. */
static uint32_t large_room(const struct vnet *vnet)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < VNET_LARGE && vnet->large[i] != NULL; i++)
        room += vnet->large[i]->size;
    return room - (vnet->large[0] != NULL ? vnet->used : 0);
}

/* Lists where the next frame's bytes go; returns how many pieces. */
static int read_pieces(struct vnet *vnet, struct virtio_net_hdr *header, struct iovec *pieces)
{
    uint8_t *linear =
        vnet->small != NULL ? vnet->small->data + FRAME_HEAD_ROOM : vnet->spare_linear;
    pieces[0] = (struct iovec){header, sizeof *header};
    pieces[1] = (struct iovec){linear, FRAME_LINEAR};
    int count = 2;
    uint32_t used = vnet->used;
    for (uint32_t i = 0; i < VNET_LARGE; i++) {
        struct buffer *buffer = vnet->large[i];
        if (buffer == NULL) {
            pieces[count++] = (struct iovec){vnet->spare_rest, sizeof vnet->spare_rest};
            break;
        }
        pieces[count++] = (struct iovec){buffer->data + used, buffer->size - used};
        used = 0;
    }
    return count;
}

/* Has the packet refer to its part of the large buffers, and lets go of those that are full. */
static void add_rest(struct vnet *vnet, struct packet *packet, uint32_t rest)
{
    while (rest != 0 && vnet->large[0] != NULL) {
        struct buffer *buffer = vnet->large[0];
        uint32_t room = buffer->size - vnet->used;
        uint32_t length = rest < room ? rest : room;
        packet_add_fragment(packet, buffer_hold(buffer), vnet->used, length);
        rest -= length;
        vnet->used += (length + LINE - 1) & ~(uint32_t)(LINE - 1);
        if (vnet->used + WORTH_FILLING <= buffer->size)
            continue;
        buffer_drop(buffer);
        vnet->large[0] = vnet->large[1];
        vnet->large[1] = vnet->large[2];
        vnet->large[2] = NULL;
        vnet->used = 0;
    }
}

static struct packet *inline_packet(struct vnet *vnet, uint32_t length)
{
    const uint8_t *from =
        vnet->small != NULL ? vnet->small->data + FRAME_HEAD_ROOM : vnet->spare_linear;
    struct packet *packet = packet_take(&vnet->link.memory->packets, FOR_RECEIVE);
    if (packet != NULL)
        memcpy(packet_put(packet, length), from, length);
    return packet;
}

/* The frame of `length` bytes that was just read, as a packet; NULL: no memory. */
static struct packet *packet_of_frame(struct vnet *vnet, uint32_t length)
{
    if (length <= FRAME_INLINE)
        return inline_packet(vnet, length);
    uint32_t linear = length < FRAME_LINEAR ? length : FRAME_LINEAR;
    if (vnet->small == NULL || length - linear > large_room(vnet))
        return NULL;
    struct packet *packet =
        packet_take_in(&vnet->link.memory->packets, vnet->small, FRAME_HEAD_ROOM, FOR_RECEIVE);
    if (packet == NULL)
        return NULL;
    vnet->small = NULL;
    packet_put(packet, linear);
    add_rest(vnet, packet, length - linear);
    return packet;
}

static void note_header(struct packet *packet, const struct virtio_net_hdr *header)
{
    uint8_t type = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
    if ((header->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) != 0)
        packet->checksum = CHECKSUM_VERIFIED;
    if (type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6)
        packet->segment_size = header->gso_size;
}

/* A TAP device that is gone says EBADFD, an interface that is down ENETDOWN. */
static void note_failure(struct vnet *vnet)
{
    if (errno == EBADFD)
        vnet->link.gone = true;
    else if (errno == ENETDOWN && vnet->link.check != NULL)
        vnet->link.check(&vnet->link);
}

/* Reads one frame into the burst, or drops it. Returns its length; 0 when there is none. */
static uint32_t receive_frame(struct vnet *vnet, struct burst *burst)
{
    struct virtio_net_hdr header;
    struct iovec pieces[READ_PIECES];
    refill(vnet);
    ssize_t n = readv(vnet->link.fd, pieces, read_pieces(vnet, &header, pieces));
    if (n < 0)
        note_failure(vnet);
    if (n <= (ssize_t)sizeof header)
        return 0;
    uint32_t length = (uint32_t)n - (uint32_t)sizeof header;
    struct packet *packet = packet_of_frame(vnet, length);
    if (packet == NULL) {
        vnet->link.statistics.no_memory++;
        count(vnet->link.counters, CHASKI_DROP_NO_MEMORY);
        return length;
    }
    note_header(packet, &header);
    burst->packets[burst->count++] = packet;
    vnet->link.statistics.received++;
    vnet->link.statistics.received_bytes += length;
    return length;
}

/* An interface that is down already goes away without an event. */
static void look_again(struct vnet *vnet, bool received, uint64_t now_ns)
{
    if (received) {
        vnet->in_doubt = false;
    } else if (now_ns - vnet->looked_ns >= look_every_ns) {
        vnet->looked_ns = now_ns;
        vnet->link.check(&vnet->link);
    }
}

static uint64_t vnet_deadline(struct link *link)
{
    const struct vnet *vnet = (const struct vnet *)link;
    return vnet->in_doubt ? vnet->looked_ns + look_every_ns : UINT64_MAX;
}

static uint32_t vnet_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct vnet *vnet = (struct vnet *)link;
    uint32_t frames = 0, bytes = 0, length = 1, most = vnet->eagerness;
    for (; length != 0 && frames < most && bytes < READ_MAX; frames++) {
        length = receive_frame(vnet, burst);
        bytes += length;
    }
    if (vnet->in_doubt)
        look_again(vnet, burst->count != 0, now_ns);
    bool all_found = length != 0;
    vnet->eagerness = !all_found ? 1 : most < BURST_MAX / 4 ? most * 4 : BURST_MAX;
    link->more = all_found && most > 1;
    return burst->count;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* Whether the kernel is to cut the packet: its payload is longer than one segment. */
static bool to_be_cut(const struct packet *packet, uint32_t header_length)
{
    return packet->segment_size != 0 && packet->length > header_length + packet->segment_size;
}

static void fill_header(struct virtio_net_hdr *header, const struct packet *packet)
{
    *header = (struct virtio_net_hdr){0};
    if (packet->checksum != CHECKSUM_PARTIAL)
        return;
    const uint8_t *transport = packet_transport(packet);
    uint32_t start = (uint32_t)(transport - packet->data);
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = (uint16_t)start;
    header->csum_offset = packet->checksum_field;
    if (packet->segment_size == 0)
        return;
    uint32_t header_length = start + (transport[TCP_DATA_OFFSET] >> 4) * 4u;
    if (!to_be_cut(packet, header_length))
        return;
    bool ip4 = packet_network(packet)[0] >> 4 == 4;
    header->gso_type = ip4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
    if ((transport[TCP_FLAGS] & TCP_CWR) != 0)
        header->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    header->hdr_len = (uint16_t)header_length;
    header->gso_size = packet->segment_size;
}

/* Every packet has head room for the header. One that is short is then in one place, and the kernel
 * takes that over by a shorter way: 36 ns of 290. */
static bool write_packet(struct vnet *vnet, struct packet *packet)
{
    struct virtio_net_hdr header;
    struct iovec pieces[WRITE_PIECES];
    fill_header(&header, packet);
    memcpy(packet_push(packet, sizeof header), &header, sizeof header);
    if (packet->fragment_count == 0)
        return write(vnet->link.fd, packet->data, packet->length) >= 0;
    pieces[0] = (struct iovec){packet->data, packet->linear_length};
    for (uint32_t i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        pieces[1 + i] = (struct iovec){fragment->buffer->data + fragment->offset, fragment->length};
    }
    return writev(vnet->link.fd, pieces, 1 + packet->fragment_count) >= 0;
}

static void send_packet(struct vnet *vnet, struct packet *packet)
{
    if (packet->length > FRAME_MAX || link_oversized(&vnet->link, packet)) {
        vnet->link.statistics.oversized++;
        packet_drop(packet, vnet->link.counters, CHASKI_DROP_LINK_REFUSED);
        return;
    }
    uint32_t length = packet->length;
    if (!write_packet(vnet, packet)) {
        vnet->link.statistics.refused++;
        packet_drop(packet, vnet->link.counters, CHASKI_DROP_LINK_REFUSED);
        return;
    }
    vnet->link.statistics.sent++;
    vnet->link.statistics.sent_bytes += length;
    packet_free(packet);
}

static void vnet_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct vnet *vnet = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++)
        send_packet(vnet, burst->packets[i]);
    burst->count = 0;
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct vnet *vnet_create(const char *name, struct packet_memory *memory, struct counters *counters)
{
    struct vnet *vnet = calloc(1, sizeof *vnet);
    if (vnet == NULL)
        return NULL;
    memcpy(vnet->name, name, strnlen(name, sizeof vnet->name - 1));
    vnet->eagerness = 1;
    vnet->link = (struct link){
        .name = vnet->name,
        .memory = memory,
        .counters = counters,
        .fd = -1,
        .news_fd = -1,
        .receive = vnet_receive,
        .transmit = vnet_transmit,
        .deadline = vnet_deadline,
        .close = vnet_close,
    };
    return vnet;
}

bool vnet_memory_suffices(const struct packet_memory *memory)
{
    return memory->packets.total >= 1 && memory->small.total >= 1 &&
           memory->large.total >= VNET_LARGE;
}

void vnet_close(struct link *link)
{
    struct vnet *vnet = (struct vnet *)link;
    if (link->fd >= 0)
        close(link->fd);
    if (vnet->small != NULL)
        buffer_drop(vnet->small);
    for (uint32_t i = 0; i < VNET_LARGE; i++) {
        if (vnet->large[i] != NULL)
            buffer_drop(vnet->large[i]);
    }
    free(vnet);
}
