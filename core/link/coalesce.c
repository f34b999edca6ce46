/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/coalesce.h"

#include "core/wire/ethernet.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"

/*
 * Theory of operation
 *
 * A run begins with a plain segment: no options of IP, no fragment, nothing but ACK, PSH and ECN's
 * bits among its flags, and enough payload to be worth it (short segments are poured
 * together by the receive queue, which keeps less memory busy than referring to them would).
 * A segment continues the run when its sequence number is the next and its headers are equal to the
 * first's in all but lengths, identification, PSH and checksums. Its payload is then
 * referred to by the first packet, and its descriptor is free again. A shorter payload, or PSH,
 * ends the run, so that the parts can be told again from segment_size.
 *
 * Only sound segments are taken in: both checksums of each are verified here, from sums over the
 * headers that the run has made once, and not again above. Who does not fit goes up as it is, and
 * is judged there.
 */

enum {
    WORTHWHILE = 512, /* bytes of payload */
    IP6_HEADER = 40,
    IP6_NEXT_HEADER = 6,
    IP6_PAYLOAD_LENGTH = 4,
    IP6_SOURCE = 8,
    IP6_ADDRESSES = 32,
    LENGTH_MAX = 65535, /* of an IP packet */
};

struct run {
    struct packet *first;                 /* NULL: there is no run */
    uint32_t network, transport, headers; /* offsets; the last is that of the payload */
    uint32_t sequence;                    /* the next */
    uint32_t size;                        /* payload of every segment but the last */
    uint64_t network_sum;                 /* of the IPv4 header without what differs */
    uint64_t transport_sum;               /* of pseudo-header and TCP header without what differs */
    uint32_t segments;
    bool ip6;
    bool open; /* another one may follow */
};

void coalesce_setup(struct coalesce *coalesce, struct counters *counters, uint32_t link_header)
{
    *coalesce = (struct coalesce){
        .inform = {hook_not_wired, counters}, .counters = counters, .link_header = link_header};
}

/* ---- Beginning a run ------------------------------------------------------------------------ */

static inline uint64_t sum_of_be16(uint32_t value)
{
    uint8_t bytes[2];
    store_be16(bytes, (uint16_t)value);
    return checksum_load(bytes);
}

static bool is_plain_ip4(const struct packet *packet, uint32_t network)
{
    const uint8_t *ip = packet->data + network;
    return ip[0] == (4 << 4 | WIRE_IP4_HEADER / 4) && wire_ip4_protocol(ip) == WIRE_IP_TCP &&
           !wire_ip4_is_fragment(ip) && wire_ip4_total_length(ip) == packet->length - network;
}

static bool is_plain_ip6(const struct packet *packet, uint32_t network)
{
    const uint8_t *ip = packet->data + network;
    return ip[0] >> 4 == 6 && ip[IP6_NEXT_HEADER] == WIRE_IP_TCP &&
           load_be16(ip + IP6_PAYLOAD_LENGTH) == packet->length - network - IP6_HEADER;
}

static bool link_says(const struct packet *packet, uint32_t network, uint16_t type)
{
    return network == 0 || wire_ethernet_type(packet->data) == type;
}

/* Where the TCP header is; 0: not such a packet. */
static uint32_t find_transport(const struct packet *packet, uint32_t network)
{
    if (packet->linear_length < network + WIRE_IP4_HEADER + WIRE_TCP_HEADER)
        return 0;
    if (is_plain_ip4(packet, network) && link_says(packet, network, WIRE_ETHERNET_IP4))
        return network + WIRE_IP4_HEADER;
    if (packet->linear_length >= network + IP6_HEADER + WIRE_TCP_HEADER &&
        is_plain_ip6(packet, network) && link_says(packet, network, WIRE_ETHERNET_IP6))
        return network + IP6_HEADER;
    return 0;
}

/* Payload that can be referred to: none of it lies in the descriptor's own room. */
static inline bool can_be_referred_to(const struct packet *packet, uint32_t headers)
{
    return packet->linear != NULL || packet->linear_length == headers;
}

static void prepare_sums(struct run *run, const uint8_t *data)
{
    const uint8_t *ip = data + run->network, *tcp = data + run->transport;
    uint32_t tcp_header = run->headers - run->transport;
    uint64_t addresses = run->ip6 ? checksum_partial(ip + IP6_SOURCE, IP6_ADDRESSES)
                                  : checksum_partial(ip + WIRE_IP4_SOURCE, 8);
    if (!run->ip6)
        run->network_sum =
            checksum_partial(ip, 2) + checksum_partial(ip + WIRE_IP4_FRAGMENT, 4) + addresses;
    run->transport_sum = addresses + sum_of_be16(WIRE_IP_TCP) + checksum_partial(tcp, 4) +
                         checksum_partial(tcp + WIRE_TCP_ACKNOWLEDGMENT, 4) +
                         checksum_partial(tcp + WIRE_TCP_WINDOW, 2) +
                         checksum_partial(tcp + WIRE_TCP_HEADER, tcp_header - WIRE_TCP_HEADER);
}

static bool may_begin(const struct packet *packet, const uint8_t *tcp, uint32_t headers)
{
    enum { OTHERS = TCP_SYN | TCP_FIN | TCP_RST | TCP_URG | TCP_PSH };
    return headers <= packet->linear_length && packet->length >= headers + WORTHWHILE &&
           (wire_tcp_flags(tcp) & (OTHERS | TCP_ACK)) == TCP_ACK && !packet_is_shared(packet) &&
           packet->segment_size == 0 && can_be_referred_to(packet, headers);
}

static void begin(struct run *run, struct packet *packet, uint32_t network)
{
    uint32_t transport = find_transport(packet, network);
    run->first = NULL;
    if (transport == 0)
        return;
    const uint8_t *tcp = packet->data + transport;
    uint32_t headers = transport + wire_tcp_header_length(tcp);
    if (wire_tcp_header_length(tcp) < WIRE_TCP_HEADER || !may_begin(packet, tcp, headers))
        return;
    *run = (struct run){.first = packet,
                        .network = network,
                        .transport = transport,
                        .headers = headers,
                        .size = packet->length - headers,
                        .sequence = wire_tcp_sequence(tcp) + packet->length - headers,
                        .segments = 1,
                        .ip6 = transport - network == IP6_HEADER,
                        .open = true};
}

/* ---- Continuing it -------------------------------------------------------------------------- */

/* The differences of n bytes at `offset`, as bits. */
static inline uint64_t differ_2(const uint8_t *a, const uint8_t *b, uint32_t offset)
{
    return (uint64_t)(checksum_load(a + offset) ^ checksum_load(b + offset));
}

static inline uint64_t differ_4(const uint8_t *a, const uint8_t *b, uint32_t offset)
{
    uint32_t of_a, of_b;
    memcpy(&of_a, a + offset, sizeof of_a);
    memcpy(&of_b, b + offset, sizeof of_b);
    return of_a ^ of_b;
}

static inline uint64_t differ_8(const uint8_t *a, const uint8_t *b, uint32_t offset)
{
    return differ_4(a, b, offset) | differ_4(a, b, offset + 4);
}

static inline bool equal_link(const struct run *run, const uint8_t *a, const uint8_t *b)
{
    return run->network == 0 ||
           (differ_8(a, b, 0) | differ_4(a, b, 8) | differ_2(a, b, WIRE_ETHERNET_TYPE)) == 0;
}

static inline bool equal_ip(const struct run *run, const uint8_t *a, const uint8_t *b)
{
    if (run->ip6)
        return memcmp(a, b, IP6_PAYLOAD_LENGTH) == 0 &&
               memcmp(a + IP6_NEXT_HEADER, b + IP6_NEXT_HEADER, IP6_HEADER - IP6_NEXT_HEADER) == 0;
    return (differ_2(a, b, 0) | differ_4(a, b, WIRE_IP4_FRAGMENT) |
            differ_8(a, b, WIRE_IP4_SOURCE)) == 0;
}

static inline bool equal_tcp(const uint8_t *a, const uint8_t *b, uint32_t header_length)
{
    uint64_t differing = differ_4(a, b, WIRE_TCP_SOURCE_PORT) |
                         differ_4(a, b, WIRE_TCP_ACKNOWLEDGMENT) | differ_2(a, b, WIRE_TCP_WINDOW);
    uint8_t flags = a[WIRE_TCP_OFFSET_FLAGS + 1] ^ b[WIRE_TCP_OFFSET_FLAGS + 1];
    differing |= (flags & (uint8_t)~TCP_PSH) |
                 (uint64_t)(a[WIRE_TCP_OFFSET_FLAGS] ^ b[WIRE_TCP_OFFSET_FLAGS]);
    for (uint32_t at = WIRE_TCP_HEADER; at < header_length; at += 4)
        differing |= differ_4(a, b, at);
    return differing == 0;
}

static bool lengths_fit(const struct run *run, const struct packet *packet)
{
    const uint8_t *ip = packet->data + run->network;
    uint32_t length = packet->length - run->network;
    uint32_t said = run->ip6 ? load_be16(ip + IP6_PAYLOAD_LENGTH) + (uint32_t)IP6_HEADER
                             : wire_ip4_total_length(ip);
    return said == length && packet->length - run->headers <= run->size &&
           run->first->length - run->network + packet->length - run->headers <= LENGTH_MAX;
}

static bool continues(const struct run *run, const struct packet *packet)
{
    if (packet->linear_length < run->headers || packet->length <= run->headers ||
        packet->segment_size != 0 || !can_be_referred_to(packet, run->headers))
        return false;
    const uint8_t *a = run->first->data, *b = packet->data;
    return wire_tcp_sequence(b + run->transport) == run->sequence && lengths_fit(run, packet) &&
           equal_link(run, a, b) && equal_ip(run, a + run->network, b + run->network) &&
           equal_tcp(a + run->transport, b + run->transport, run->headers - run->transport);
}

/* ---- Checksums ------------------------------------------------------------------------------ */

static bool network_is_sound(const struct run *run, const uint8_t *ip)
{
    if (run->ip6)
        return true;
    uint64_t sum = run->network_sum + checksum_load(ip + WIRE_IP4_TOTAL_LENGTH) +
                   checksum_load(ip + WIRE_IP4_IDENTIFICATION) +
                   checksum_load(ip + WIRE_IP4_CHECKSUM);
    return checksum_finish(sum) == 0;
}

static bool transport_is_sound(const struct run *run, const struct packet *packet)
{
    const uint8_t *tcp = packet->data + run->transport;
    if (packet->checksum != CHECKSUM_UNKNOWN)
        return true;
    uint64_t sum = run->transport_sum + sum_of_be16(packet->length - run->transport) +
                   checksum_load(tcp + WIRE_TCP_SEQUENCE) +
                   checksum_load(tcp + WIRE_TCP_SEQUENCE + 2) +
                   checksum_load(tcp + WIRE_TCP_OFFSET_FLAGS) +
                   checksum_load(tcp + WIRE_TCP_CHECKSUM) + checksum_load(tcp + WIRE_TCP_URGENT);
    return checksum_finish(sum + packet_checksum_partial(packet, run->headers)) == 0;
}

static bool is_sound(const struct run *run, const struct packet *packet)
{
    return network_is_sound(run, packet->data + run->network) && transport_is_sound(run, packet);
}

/* The first is verified only once another one follows. */
static bool first_is_sound(struct run *run)
{
    if (run->segments > 1)
        return true;
    prepare_sums(run, run->first->data);
    if (!is_sound(run, run->first))
        return false;
    run->first->checksum = CHECKSUM_VERIFIED;
    return true;
}

/* ---- Taking in ------------------------------------------------------------------------------ */

/* Whether these bytes stand right behind the last ones of the packet. */
static inline bool is_next_to_the_last(const struct packet *packet, const struct buffer *buffer,
                                       uint32_t offset)
{
    if (packet->fragment_count == 0)
        return false;
    const struct fragment *last = &packet->fragments[packet->fragment_count - 1];
    return last->buffer == buffer && last->offset + last->length == offset;
}

/* Takes over the reference; there is room. */
static void append(struct packet *first, struct buffer *buffer, uint32_t offset, uint32_t length)
{
    if (!is_next_to_the_last(first, buffer, offset)) {
        packet_add_fragment(first, buffer, offset, length);
        return;
    }
    first->fragments[first->fragment_count - 1].length += length;
    first->length += length;
    buffer_drop(buffer);
}

/* Whether the payload of the packet can be referred to by the first one. */
static bool has_room_for(const struct run *run, const struct packet *packet)
{
    const struct packet *first = run->first;
    uint32_t parts = packet->fragment_count + (packet->linear_length > run->headers);
    if (packet->linear_length == run->headers && parts != 0 &&
        is_next_to_the_last(first, packet->fragments[0].buffer, packet->fragments[0].offset))
        parts--;
    return first->fragment_count + parts <= PACKET_FRAGMENTS;
}

/* The packet is gone afterwards. */
static void take_in(struct run *run, struct packet *packet)
{
    struct packet *first = run->first;
    uint32_t payload = packet->length - run->headers;
    uint32_t linear = packet->linear_length - run->headers;
    uint8_t *flags = first->data + run->transport + WIRE_TCP_OFFSET_FLAGS + 1;
    uint8_t push = wire_tcp_flags(packet->data + run->transport) & TCP_PSH;
    if (linear != 0) {
        struct buffer *buffer = packet->linear;
        append(first, buffer, (uint32_t)(packet->data + run->headers - buffer->data), linear);
        packet->linear = NULL;
    }
    for (uint32_t i = 0; i < packet->fragment_count; i++)
        append(first, packet->fragments[i].buffer, packet->fragments[i].offset,
               packet->fragments[i].length);
    packet->fragment_count = 0;
    packet_free(packet);
    *flags |= push;
    run->segments++;
    run->sequence += payload;
    run->open = push == 0 && payload == run->size;
}

static bool try_to_continue(struct run *run, struct packet *packet)
{
    if (run->first == NULL || !run->open || !continues(run, packet) || !has_room_for(run, packet) ||
        !first_is_sound(run) || !is_sound(run, packet))
        return false;
    take_in(run, packet);
    return true;
}

/* Makes one segment of the run. */
static void finish(struct coalesce *coalesce, struct run *run)
{
    struct packet *first = run->first;
    if (first == NULL || run->segments == 1)
        return;
    uint8_t *ip = first->data + run->network;
    uint32_t length = first->length - run->network;
    first->segment_size = (uint16_t)run->size;
    if (run->ip6) {
        store_be16(ip + IP6_PAYLOAD_LENGTH, (uint16_t)(length - IP6_HEADER));
    } else {
        wire_ip4_set_total_length(ip, (uint16_t)length);
        wire_ip4_finish_checksum(ip);
    }
    uint32_t more = run->segments - 1; /* which the blocks above do not see any more */
    count_many(coalesce->counters, CHASKI_LINK_FRAMES_COALESCED, more);
    count_many(coalesce->counters, CHASKI_LINK_FRAMES_RECEIVED, more);
    count_many(coalesce->counters, CHASKI_LINK_BYTES_RECEIVED, (uint64_t)more * run->headers);
}

void coalesce_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct coalesce *coalesce = block;
    struct run run = {.first = NULL};
    uint32_t kept = 0, count = burst->count;
    for (uint32_t i = 0; i < count && count > 1; i++) {
        struct packet *packet = burst->packets[i];
        if (try_to_continue(&run, packet))
            continue;
        finish(coalesce, &run);
        begin(&run, packet, coalesce->link_header);
        burst->packets[kept++] = packet;
    }
    finish(coalesce, &run);
    burst->count = count > 1 ? kept : count;
    hook_call(&coalesce->inform, burst, now_ns);
}
