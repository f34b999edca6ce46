/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/cut.h"

#include "core/link/feature.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"

/*
 * Theory of operation
 *
 * A segment of up to 64 kB is one linear part, which holds the Ethernet, IP and TCP headers, and
 * fragments that refer to the payload. It becomes some 45 frames, so what is paid per frame is what
 * bulk speed is made of:
 *
 * - the headers are prepared once, with zeros in the few fields that differ (IP length and
 *   identification, TCP sequence number, flags and urgent pointer, both checksums), and
 *   summed up once; each frame copies them, stores those fields and adds them to the sum;
 * - the payload is not touched except to be summed: a frame's fragments refer to the same buffers;
 * - a cursor walks through the pieces of the segment, so no frame searches for its place.
 *
 * FIN and PSH belong to the last byte, hence to the last frame; CWR to the first (RFC 3168, 6.1.2),
 * unless it is one of the bits of a counter: links that cut know of the first case only.
 * The urgent pointer is relative to the sequence number, so it shrinks from frame to frame.
 * Datagrams with "don't fragment" keep their identification (RFC 6864, 4.1), others count up.
 */

enum {
    IP6_HEADER = 40,
    IP6_PAYLOAD_LENGTH = 4,
    IP6_SOURCE = 8,
    IP6_ADDRESSES = 32,
    HEADERS_MAX = PACKET_HEAD_ROOM,
};

/* Payload in one place. */
struct span {
    const uint8_t *bytes;
    uint32_t length;
    struct buffer *buffer; /* NULL: the segment's own room */
};

/* A segment on its way into frames. */
struct cutting {
    struct packet *segment;
    uint8_t *headers; /* as every frame has them, zeros where frames differ; the end of `room` */
    uint8_t room[HEADERS_MAX];
    uint32_t header_length;      /* of all of them */
    uint32_t network, transport; /* offsets of the IP and TCP headers */
    uint64_t network_sum;        /* of the IPv4 header */
    uint64_t transport_sum;      /* of the pseudo-header without its length, and the TCP header */
    uint32_t sequence;
    uint32_t urgent;
    uint16_t identification, identification_step;
    uint8_t flags;
    bool cwr_everywhere;
    uint64_t frame_sum; /* transport_sum, with the length, the flags and the urgent pointer */
    bool settled;       /* the headers are those of the next frame too, if it is not the last */
    bool ip6;
    bool leave_checksum; /* the link completes it */
    /* The cursor. */
    struct span here; /* what is left of the piece */
    uint32_t piece;   /* 0: the linear part; i: fragment i - 1 */
    uint32_t left;    /* payload bytes still to be cut */
    uint32_t hint;    /* for the next sum that the piece knows */
};

void cut_setup(struct cut *cut, struct packet_memory *memory, struct counters *counters,
               unsigned features)
{
    *cut = (struct cut){
        .request = {hook_not_wired, counters},
        .memory = memory,
        .counters = counters,
        .link_completes = (features & (LINK_CHECKSUM | LINK_CUT)) != 0,
        .link_cuts = (features & (LINK_CUT | LINK_WHOLE)) != 0,
    };
}

/* ---- What is to be done --------------------------------------------------------------------- */

static inline bool is_to_be_cut(const struct cut *cut, const struct packet *packet)
{
    return packet->segment_size != 0 &&
           (!cut->link_cuts || (packet->flags & PACKET_CWR_EVERYWHERE));
}

static inline bool is_to_be_completed(const struct cut *cut, const struct packet *packet)
{
    return packet->checksum == CHECKSUM_PARTIAL && !cut->link_completes;
}

/* ---- Preparing ------------------------------------------------------------------------------ */

/* The 16 bits that `value` adds to a partial sum when it stands in network byte order. */
static inline uint64_t sum_of_be16(uint16_t value)
{
    uint8_t bytes[2];
    store_be16(bytes, value);
    return checksum_load(bytes);
}

static inline uint64_t sum_of_be32(uint32_t value)
{
    uint8_t bytes[4];
    uint32_t word;
    store_be32(bytes, value);
    memcpy(&word, bytes, sizeof word);
    return word;
}

static uint64_t prepare_ip4(struct cutting *cutting, uint8_t *ip)
{
    cutting->identification = wire_ip4_identification(ip);
    cutting->identification_step = wire_ip4_dont_fragment(ip) ? 0 : 1;
    wire_ip4_set_total_length(ip, 0);
    wire_ip4_set_identification(ip, 0);
    wire_ip4_set_checksum(ip, 0);
    cutting->network_sum = wire_ip4_header_sum(ip);
    return checksum_partial(ip + WIRE_IP4_SOURCE, 8) + sum_of_be16(WIRE_IP_TCP);
}

static uint64_t prepare_ip6(struct cutting *cutting, uint8_t *ip)
{
    cutting->ip6 = true;
    store_be16(ip + IP6_PAYLOAD_LENGTH, 0);
    return checksum_partial(ip + IP6_SOURCE, IP6_ADDRESSES) + sum_of_be16(WIRE_IP_TCP);
}

static void prepare_tcp(struct cutting *cutting, uint8_t *tcp)
{
    cutting->sequence = wire_tcp_sequence(tcp);
    cutting->flags = wire_tcp_flags(tcp);
    cutting->urgent = load_be16(tcp + WIRE_TCP_URGENT);
    store_be32(tcp + WIRE_TCP_SEQUENCE, 0);
    tcp[WIRE_TCP_OFFSET_FLAGS + 1] = 0;
    store_be16(tcp + WIRE_TCP_CHECKSUM, 0);
    store_be16(tcp + WIRE_TCP_URGENT, 0);
}

/* Whether the headers are where they are said to be, so that preparing may write to them. */
static bool headers_are_there(const struct cutting *cutting)
{
    const struct packet *segment = cutting->segment;
    const uint8_t *ip = segment->data + cutting->network;
    bool ip6 = segment->linear_length > cutting->network && ip[0] >> 4 == 6;
    uint32_t ip_length = ip6 ? IP6_HEADER : WIRE_IP4_HEADER;
    if (cutting->network + ip_length > cutting->transport ||
        cutting->transport + WIRE_TCP_HEADER > segment->linear_length)
        return false;
    if (!ip6 && (wire_ip4_version(ip) != 4 || wire_ip4_protocol(ip) != WIRE_IP_TCP ||
                 cutting->network + wire_ip4_header_length(ip) != cutting->transport))
        return false;
    return cutting->header_length <= segment->linear_length &&
           cutting->header_length <= HEADERS_MAX;
}

/* Moves the cursor to the begin of the next fragment that is not empty. */
static void next_piece(struct cutting *cutting)
{
    const struct packet *segment = cutting->segment;
    while (cutting->here.length == 0 && cutting->piece < segment->fragment_count) {
        const struct fragment *fragment = &segment->fragments[cutting->piece++];
        cutting->here = (struct span){fragment->buffer->data + fragment->offset, fragment->length,
                                      fragment->buffer};
        cutting->hint = 0;
    }
}

static bool prepare(struct cutting *cutting, const struct cut *cut, struct packet *segment)
{
    *cutting = (struct cutting){
        .segment = segment,
        .network = (uint32_t)(packet_network(segment) - segment->data),
        .transport = (uint32_t)(packet_transport(segment) - segment->data),
        .leave_checksum = cut->link_completes,
        .cwr_everywhere = (segment->flags & PACKET_CWR_EVERYWHERE) != 0,
    };
    if (cutting->transport + WIRE_TCP_HEADER > segment->linear_length)
        return false;
    cutting->header_length = cutting->transport + wire_tcp_header_length(packet_transport(segment));
    if (!headers_are_there(cutting))
        return false;
    cutting->headers = cutting->room + HEADERS_MAX - cutting->header_length;
    memcpy(cutting->headers, segment->data, cutting->header_length);
    uint8_t *ip = cutting->headers + cutting->network, *tcp = cutting->headers + cutting->transport;
    uint64_t pseudo = ip[0] >> 4 == 6 ? prepare_ip6(cutting, ip) : prepare_ip4(cutting, ip);
    prepare_tcp(cutting, tcp);
    uint32_t tcp_length = cutting->header_length - cutting->transport;
    cutting->transport_sum = pseudo;
    if (!cutting->leave_checksum)
        cutting->transport_sum += checksum_partial(tcp, tcp_length);
    cutting->left = segment->length - cutting->header_length;
    cutting->here = (struct span){segment->data + cutting->header_length,
                                  segment->linear_length - cutting->header_length, segment->linear};
    if (cutting->here.length == 0)
        next_piece(cutting);
    return true;
}

/* ---- One frame ------------------------------------------------------------------------------ */

/* Refers to the first n bytes of a span, or copies them when they lie in no buffer. */
static inline bool add_span(struct packet *frame, const struct span *span, uint32_t n)
{
    if (span->buffer == NULL) {
        if (n > packet_tail_room(frame))
            return false;
        memcpy(packet_put(frame, n), span->bytes, n);
        return true;
    }
    if (frame->fragment_count == PACKET_FRAGMENTS)
        return false;
    frame->fragments[frame->fragment_count++] = (struct fragment){
        buffer_hold(span->buffer), (uint32_t)(span->bytes - span->buffer->data), n};
    frame->length += n;
    return true;
}

/* Of the first n bytes of a span: known to who wrote them, perhaps. */
static inline uint64_t sum_of(struct cutting *cutting, const struct span *span, uint32_t n)
{
    uint64_t sum;
    if (span->buffer != NULL &&
        buffer_find_sum(span->buffer, (uint32_t)(span->bytes - span->buffer->data), n,
                        &cutting->hint, &sum))
        return sum;
    return checksum_partial(span->bytes, n);
}

/* Moves the payload of one frame, `n` bytes, over to it, adding it to *sum. */
static bool add_payload(struct cutting *cutting, struct packet *frame, uint32_t n, uint64_t *sum)
{
    struct span *here = &cutting->here;
    for (uint32_t done = 0; done < n;) {
        uint32_t take = here->length < n - done ? here->length : n - done;
        if (take == 0 || !add_span(frame, here, take))
            return false;
        if (!cutting->leave_checksum) {
            uint64_t partial = sum_of(cutting, here, take);
            *sum += done % 2 == 0 ? partial : checksum_shift_odd(partial);
        }
        done += take;
        here->bytes += take;
        here->length -= take;
        if (here->length == 0)
            next_piece(cutting);
    }
    cutting->left -= n;
    return true;
}

/* The flags of the next frame. */
static uint8_t frame_flags(const struct cutting *cutting, bool first, bool last)
{
    uint8_t flags = cutting->flags;
    if (!first && !cutting->cwr_everywhere)
        flags &= (uint8_t)~TCP_CWR;
    if (!last)
        flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (cutting->urgent == 0)
        flags &= (uint8_t)~TCP_URG;
    return flags;
}

static void write_network(struct cutting *cutting, uint16_t tcp_length)
{
    uint8_t *ip = cutting->headers + cutting->network;
    if (cutting->ip6) {
        store_be16(ip + IP6_PAYLOAD_LENGTH,
                   (uint16_t)(cutting->transport - cutting->network - IP6_HEADER + tcp_length));
        return;
    }
    uint16_t total = (uint16_t)(cutting->transport - cutting->network + tcp_length);
    wire_ip4_set_total_length(ip, total);
    wire_ip4_set_identification(ip, cutting->identification);
    wire_ip4_set_checksum(ip, checksum_finish(cutting->network_sum + sum_of_be16(total) +
                                              sum_of_be16(cutting->identification)));
    cutting->identification = (uint16_t)(cutting->identification + cutting->identification_step);
}

static void write_transport(struct cutting *cutting, uint8_t flags, uint16_t tcp_length)
{
    uint8_t *tcp = cutting->headers + cutting->transport;
    uint16_t urgent = (uint16_t)cutting->urgent;
    tcp[WIRE_TCP_OFFSET_FLAGS + 1] = flags;
    store_be16(tcp + WIRE_TCP_URGENT, urgent);
    cutting->frame_sum = cutting->transport_sum + sum_of_be16(tcp_length);
    if (!cutting->leave_checksum)
        cutting->frame_sum += sum_of_be16(flags) + sum_of_be16(urgent);
}

/* What is not the same in every frame, but for sequence number and checksum. */
static void write_headers(struct cutting *cutting, bool first, bool last, uint32_t n)
{
    uint16_t tcp_length = (uint16_t)(cutting->header_length - cutting->transport + n);
    write_network(cutting, tcp_length);
    write_transport(cutting, frame_flags(cutting, first, last), tcp_length);
    cutting->settled = !first && cutting->urgent == 0 && cutting->identification_step == 0;
}

/* `sum` is the payload's. */
static inline void write_rest(const struct cutting *cutting, uint8_t *tcp, uint64_t sum)
{
    store_be32(tcp + WIRE_TCP_SEQUENCE, cutting->sequence);
    if (cutting->leave_checksum) {
        checksum_store(tcp + WIRE_TCP_CHECKSUM, checksum_fold(cutting->frame_sum));
        return;
    }
    sum += cutting->frame_sum + sum_of_be32(cutting->sequence);
    checksum_store(tcp + WIRE_TCP_CHECKSUM, checksum_finish(sum));
}

/* An empty frame with its headers. */
static inline struct packet *take_frame(const struct cutting *cutting, const struct cut *cut)
{
    const struct packet *segment = cutting->segment;
    struct packet *frame = packet_take(&cut->memory->packets, FOR_SEND);
    if (frame == NULL)
        return NULL;
    memcpy(frame->room, cutting->room, HEADERS_MAX); /* a length that is known is quick */
    packet_push(frame, cutting->header_length);
    frame->network = (uint16_t)(packet_head_room(frame) + cutting->network);
    frame->transport = (uint16_t)(packet_head_room(frame) + cutting->transport);
    frame->protocol = segment->protocol;
    frame->interface = segment->interface;
    frame->checksum = cutting->leave_checksum ? CHECKSUM_PARTIAL : CHECKSUM_COMPLETE;
    frame->checksum_field = WIRE_TCP_CHECKSUM;
    return frame;
}

/* Makes the next frame; NULL when memory has run out. */
static struct packet *next_frame(struct cutting *cutting, const struct cut *cut)
{
    const struct packet *segment = cutting->segment;
    bool first = cutting->left == segment->length - cutting->header_length;
    bool last = cutting->left <= segment->segment_size;
    uint32_t n = last ? cutting->left : segment->segment_size;
    uint64_t sum = 0;
    if (last || !cutting->settled)
        write_headers(cutting, first, last, n);
    struct packet *frame = take_frame(cutting, cut);
    if (frame == NULL)
        return NULL;
    if (!add_payload(cutting, frame, n, &sum)) {
        packet_free(frame);
        return NULL;
    }
    write_rest(cutting, packet_transport(frame), sum);
    cutting->sequence += n;
    cutting->urgent -= cutting->urgent < n ? cutting->urgent : n;
    return frame;
}

/* ---- Bursts --------------------------------------------------------------------------------- */

static void cut_one(struct cut *cut, struct packet *segment, struct burst *out, uint64_t now_ns)
{
    struct cutting cutting;
    if (!prepare(&cutting, cut, segment)) {
        packet_drop(segment, cut->counters, CHASKI_DROP_CUT_MALFORMED);
        return;
    }
    while (cutting.left != 0) {
        struct packet *frame = next_frame(&cutting, cut);
        if (frame == NULL) {
            packet_drop(segment, cut->counters, CHASKI_DROP_NO_MEMORY);
            return;
        }
        burst_add(out, frame, &cut->request, now_ns);
    }
    packet_free(segment);
}

/* Whether a segment has more payload than fits one frame; malformed ones count as such. */
static bool is_longer_than_a_frame(const struct packet *packet)
{
    uint32_t before = (uint32_t)(packet_transport(packet) - packet->data);
    if (before + WIRE_TCP_HEADER > packet->linear_length)
        return true;
    uint32_t headers = before + wire_tcp_header_length(packet_transport(packet));
    return packet->length > headers + packet->segment_size;
}

/* Makes a packet a frame; false when it is to be cut into several. */
static inline bool make_frame(const struct cut *cut, struct packet *packet)
{
    if (is_to_be_cut(cut, packet)) {
        if (is_longer_than_a_frame(packet))
            return false;
        packet->segment_size = 0;
    }
    if (is_to_be_completed(cut, packet))
        packet_checksum_complete(packet);
    return true;
}

/* The burst from `from` on, where the first one is that is to be cut. */
static void cut_burst(struct cut *cut, struct burst *burst, uint32_t from, uint64_t now_ns)
{
    struct burst out;
    out.count = from;
    memcpy(out.packets, burst->packets, from * sizeof *out.packets);
    for (uint32_t i = from; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        if (make_frame(cut, packet))
            burst_add(&out, packet, &cut->request, now_ns);
        else
            cut_one(cut, packet, &out, now_ns);
    }
    burst->count = 0;
    hook_call(&cut->request, &out, now_ns);
}

void cut_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct cut *cut = block;
    for (uint32_t i = 0; i < burst->count; i++) {
        if (make_frame(cut, burst->packets[i]))
            continue;
        cut_burst(cut, burst, i, now_ns);
        return;
    }
    hook_call(&cut->request, burst, now_ns);
}
