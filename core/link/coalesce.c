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
 * Only sound segments are taken in: both checksums of each are verified here, and not again above.
 * Who does not fit goes up as it is, and is judged there.
 *
 * In bulk nearly every frame repeats the one before in all but what counts up, and its payload
 * stands right behind: what is paid per frame is paid for those. They are dealt with a few at a
 * time, in three steps: which of them repeat, which are sound, taking them in. A sum takes the
 * processor longer than it keeps it busy, so one sum right behind another is twice as fast as one
 * among other things.
 */

enum {
    WORTHWHILE = 512, /* bytes of payload */
    IP6_HEADER = 40,
    IP6_NEXT_HEADER = 6,
    IP6_PAYLOAD_LENGTH = 4,
    IP6_SOURCE = 8,
    IP6_ADDRESSES = 32,
    LENGTH_MAX = 65535, /* of an IP packet */
    HEADER_BYTES = 96,  /* that are compared: Ethernet, IPv4 and TCP with all options have 94 */
    AT_A_TIME = 16,     /* segments: their headers and payloads shall stay in the nearest cache */
};

/* 16 bytes at a time, whatever the processor makes of that. */
typedef uint64_t words __attribute__((vector_size(16)));

enum { HEADER_WORDS = HEADER_BYTES / sizeof(words) };

/* What a descriptor says of a frame apart from where its bytes are: lengths, fragments, what is
 * known of the checksum. */
struct shape {
    uint8_t bytes[16];
};

_Static_assert(offsetof(struct packet, checksum) + 1 - offsetof(struct packet, length) ==
                   sizeof(struct shape),
               "these fields follow each other");

struct run {
    struct packet *first;                 /* NULL: there is no run */
    uint32_t network, transport, headers; /* offsets; the last is that of the payload */
    uint32_t sequence;                    /* the next */
    uint32_t size;                        /* payload of every segment but the last */
    uint64_t network_sum;                 /* of the IPv4 header without what differs */
    uint64_t transport_sum;               /* of pseudo-header and TCP header without what differs */
    uint32_t segments;
    bool ip6;
    bool open;          /* another one may follow */
    bool plain;         /* the last one was headers and one fragment */
    struct shape shape; /* of the last one */
    /* The headers of the first, and which bits of them all have. */
    words header[HEADER_WORDS], same[HEADER_WORDS];
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

/* Sets which bits all headers share: all but those of the length, the identification, the sequence
 * number, PSH, the urgent pointer, which without URG says nothing, and both checksums. */
static void prepare_headers(struct run *run, const uint8_t *data)
{
    uint8_t same[HEADER_BYTES];
    uint8_t *ip = same + run->network, *tcp = same + run->transport;
    memset(same, 0xff, run->headers);
    memset(same + run->headers, 0, sizeof same - run->headers);
    if (run->ip6) {
        store_be16(ip + IP6_PAYLOAD_LENGTH, 0);
    } else {
        memset(ip + WIRE_IP4_TOTAL_LENGTH, 0, 4);
        store_be16(ip + WIRE_IP4_CHECKSUM, 0);
    }
    store_be32(tcp + WIRE_TCP_SEQUENCE, 0);
    tcp[WIRE_TCP_OFFSET_FLAGS + 1] = (uint8_t)~TCP_PSH;
    memset(tcp + WIRE_TCP_CHECKSUM, 0, 4);
    memcpy(run->same, same, sizeof same);
    memcpy(run->header, data, sizeof run->header);
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
    return headers <= packet->linear_length && headers <= HEADER_BYTES &&
           packet->end - packet->data >= HEADER_BYTES && packet->length >= headers + WORTHWHILE &&
           (wire_tcp_flags(tcp) & (OTHERS | TCP_ACK)) == TCP_ACK && !packet_is_shared(packet) &&
           packet->segment_size == 0 && can_be_referred_to(packet, headers);
}

static inline void note_shape(struct run *run, const struct packet *packet)
{
    memcpy(&run->shape, &packet->length, sizeof run->shape);
    run->plain = packet->fragment_count == 1 && packet->linear_length == run->headers;
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
    run->first = packet;
    run->network = network;
    run->transport = transport;
    run->headers = headers;
    run->size = packet->length - headers;
    run->sequence = wire_tcp_sequence(tcp) + run->size;
    run->segments = 1;
    run->ip6 = transport - network == IP6_HEADER;
    run->open = true;
    note_shape(run, packet);
    prepare_headers(run, packet->data);
}

/* ---- Continuing it -------------------------------------------------------------------------- */

/* Whether the headers are those of the run. What lies behind them is there, and is not looked at.
 */
static inline bool headers_equal(const struct run *run, const uint8_t *headers)
{
    words differ = {0};
    for (size_t i = 0; i < HEADER_WORDS; i++) {
        words these;
        memcpy(&these, headers + i * sizeof these, sizeof these);
        differ |= (these ^ run->header[i]) & run->same[i];
    }
    return (differ[0] | differ[1]) == 0;
}

static inline bool lengths_fit(const struct run *run, const struct packet *packet)
{
    const uint8_t *ip = packet->data + run->network;
    uint32_t length = packet->length - run->network;
    uint32_t said = run->ip6 ? load_be16(ip + IP6_PAYLOAD_LENGTH) + (uint32_t)IP6_HEADER
                             : wire_ip4_total_length(ip);
    return said == length && packet->length - run->headers <= run->size &&
           run->first->length - run->network + packet->length - run->headers <= LENGTH_MAX;
}

static inline bool has_headers(const struct run *run, const struct packet *packet,
                               uint32_t sequence)
{
    return packet->end - packet->data >= HEADER_BYTES &&
           wire_tcp_sequence(packet->data + run->transport) == sequence &&
           headers_equal(run, packet->data);
}

static bool continues(const struct run *run, const struct packet *packet)
{
    if (packet->linear_length < run->headers || packet->length <= run->headers ||
        packet->segment_size != 0 || !can_be_referred_to(packet, run->headers))
        return false;
    return has_headers(run, packet, run->sequence) && lengths_fit(run, packet);
}

/* The first piece of the payload. */
static inline struct fragment payload_of(const struct run *run, const struct packet *packet)
{
    if (packet->linear_length == run->headers)
        return packet->fragments[0];
    return (struct fragment){packet->linear,
                             (uint32_t)(packet->data + run->headers - packet->linear->data),
                             packet->linear_length - run->headers};
}

static inline bool stands_behind(const struct fragment *last, const struct fragment *piece)
{
    return last->buffer == piece->buffer && last->offset + last->length == piece->offset;
}

/* Whether there is room for the fragments of the payload, whose first may stand right behind the
 * last one. */
static bool fragments_fit(const struct run *run, const struct packet *packet)
{
    const struct packet *first = run->first;
    struct fragment piece = payload_of(run, packet);
    uint32_t parts = packet->fragment_count + (packet->linear_length > run->headers);
    bool joins = first->fragment_count != 0 &&
                 stands_behind(&first->fragments[first->fragment_count - 1], &piece);
    return first->fragment_count + parts - joins <= PACKET_FRAGMENTS;
}

/* ---- Checksums ------------------------------------------------------------------------------ */

static inline uint64_t load_4(const uint8_t *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* What differs: the length and the identification, and the checksum. */
static inline bool network_is_sound(const struct run *run, const uint8_t *ip)
{
    uint64_t sum = run->network_sum + load_4(ip + WIRE_IP4_TOTAL_LENGTH) +
                   checksum_load(ip + WIRE_IP4_CHECKSUM);
    return run->ip6 || checksum_finish(sum) == 0;
}

static inline uint64_t sum_of_payload(const struct run *run, const struct packet *packet)
{
    const struct fragment *only = &packet->fragments[0];
    if (packet->linear_length == run->headers && packet->fragment_count == 1)
        return checksum_partial(only->buffer->data + only->offset, only->length);
    return packet_checksum_partial(packet, run->headers);
}

static inline bool transport_is_sound(const struct run *run, const struct packet *packet)
{
    if (packet->checksum != CHECKSUM_UNKNOWN)
        return true;
    const uint8_t *tcp = packet->data + run->transport;
    uint64_t sum = run->transport_sum + sum_of_be16(packet->length - run->transport) +
                   load_4(tcp + WIRE_TCP_SEQUENCE) + checksum_load(tcp + WIRE_TCP_OFFSET_FLAGS) +
                   load_4(tcp + WIRE_TCP_CHECKSUM); /* and the urgent pointer behind it */
    return checksum_finish(sum + sum_of_payload(run, packet)) == 0;
}

static inline bool is_sound(const struct run *run, const struct packet *packet)
{
    return network_is_sound(run, packet->data + run->network) && transport_is_sound(run, packet);
}

/* The first is verified only once another one follows. */
static bool first_is_sound(struct run *run)
{
    if (run->segments > 1)
        return true;
    prepare_sums(run, run->first->data);
    if (!is_sound(run, run->first)) {
        run->open = false;
        return false;
    }
    run->first->checksum = CHECKSUM_VERIFIED;
    return true;
}

/* ---- Taking in ------------------------------------------------------------------------------ */

/* Takes over the reference; there is room. */
static void append(struct packet *first, const struct fragment *piece)
{
    uint32_t count = first->fragment_count;
    if (count == 0 || !stands_behind(&first->fragments[count - 1], piece)) {
        packet_add_fragment(first, piece->buffer, piece->offset, piece->length);
        return;
    }
    first->fragments[count - 1].length += piece->length;
    first->length += piece->length;
    buffer_drop(piece->buffer);
}

/* The packet is gone afterwards. */
static void take_in(struct run *run, struct packet *packet)
{
    uint32_t payload = packet->length - run->headers;
    uint8_t push = wire_tcp_flags(packet->data + run->transport) & TCP_PSH;
    run->first->data[run->transport + WIRE_TCP_OFFSET_FLAGS + 1] |= push;
    run->sequence += payload;
    run->segments++;
    run->open = payload == run->size && !push;
    note_shape(run, packet);
    if (packet->linear_length != run->headers) {
        struct fragment piece = payload_of(run, packet);
        append(run->first, &piece);
    } else if (packet->linear != NULL) {
        buffer_drop(packet->linear);
    }
    for (uint32_t i = 0; i < packet->fragment_count; i++)
        append(run->first, &packet->fragments[i]);
    pool_give(packet->pool, packet); /* all that it had is the run's now */
}

static bool take_one(struct run *run, struct packet *packet)
{
    if (run->first == NULL || !run->open || !continues(run, packet) ||
        !fragments_fit(run, packet) || !first_is_sound(run) || !is_sound(run, packet))
        return false;
    take_in(run, packet);
    return true;
}

/* ---- Those that repeat the one before ---------------------------------------------------------
 */

static inline bool repeats(const struct run *run, const struct packet *packet, uint32_t sequence,
                           const struct fragment *before)
{
    const uint8_t *ip = packet->data + run->network, *same = (const uint8_t *)run->header;
    uint32_t length_at = run->ip6 ? (uint32_t)IP6_PAYLOAD_LENGTH : (uint32_t)WIRE_IP4_TOTAL_LENGTH;
    return memcmp(&packet->length, &run->shape, sizeof run->shape) == 0 &&
           stands_behind(before, &packet->fragments[0]) && has_headers(run, packet, sequence) &&
           memcmp(ip + length_at, same + run->network + length_at, 2) == 0 &&
           (wire_tcp_flags(packet->data + run->transport) & TCP_PSH) == 0;
}

static uint32_t count_repeats(const struct run *run, struct packet *const *packets, uint32_t count)
{
    uint32_t length = run->first->length - run->network, n = 0;
    struct fragment last = run->first->fragments[run->first->fragment_count - 1];
    while (n < count && length + (n + 1) * run->size <= LENGTH_MAX &&
           repeats(run, packets[n], run->sequence + n * run->size, &last)) {
        last.length += run->size;
        n++;
    }
    return n;
}

/* Their payload stands right behind that of the run, so nothing but its length changes. */
static void take_in_repeats(struct run *run, struct packet *const *packets, uint32_t n)
{
    struct packet *first = run->first;
    struct fragment *last = &first->fragments[first->fragment_count - 1];
    for (uint32_t i = 0; i < n; i++) {
        if (packets[i]->linear != NULL)
            buffer_drop(packets[i]->linear);
        pool_give(packets[i]->pool, packets[i]);
    }
    last->buffer->references -= n;
    last->length += n * run->size;
    first->length += n * run->size;
    run->sequence += n * run->size;
    run->segments += n;
}

/* How many of these go into the run. */
static uint32_t take_repeats(struct run *run, struct packet *const *packets, uint32_t count)
{
    uint32_t n = 0, sound = 0;
    if (run->first != NULL && run->open && run->plain)
        n = count_repeats(run, packets, count < AT_A_TIME ? count : AT_A_TIME);
    if (n == 0 || !first_is_sound(run))
        return 0;
    while (sound < n && is_sound(run, packets[sound]))
        sound++;
    run->open = sound == n;
    take_in_repeats(run, packets, sound);
    return sound;
}

/* ---- Bursts -----------------------------------------------------------------------------------
 */

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

/* Packets that are kept move to the front. */
static uint32_t join_runs(struct coalesce *coalesce, struct packet **packets, uint32_t count)
{
    struct run run = {.first = NULL};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count;) {
        uint32_t taken = take_repeats(&run, packets + i, count - i);
        if (taken == 0)
            taken = take_one(&run, packets[i]);
        i += taken;
        if (taken != 0)
            continue;
        finish(coalesce, &run);
        begin(&run, packets[i], coalesce->link_header);
        packets[kept++] = packets[i++];
    }
    finish(coalesce, &run);
    return kept;
}

void coalesce_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct coalesce *coalesce = block;
    if (burst->count > 1)
        burst->count = join_runs(coalesce, burst->packets, burst->count);
    hook_call(&coalesce->inform, burst, now_ns);
}
