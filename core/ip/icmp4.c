/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/icmp4.h"

#include "core/base/address.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/* Setup, what comes in, and errors about what we sent. Errors that we send are in icmp4_error.c,
 * pinging in icmp4_ping.c. */

void icmp4_setup(struct icmp4 *icmp4, struct ip4 *ip4, struct packet_memory *packets,
                 struct counters *counters, const struct siphash_key *key)
{
    memset(icmp4, 0, sizeof *icmp4);
    icmp4->request = (struct hook){hook_not_wired, counters};
    icmp4->ip4 = ip4;
    icmp4->counters = counters;
    icmp4->memory = packets;
    icmp4->random.key = *key;
    icmp4->bucket_key = random_key(&icmp4->random);
    ip4->errors = (struct ip4_error_sender){icmp4_error, icmp4};
    icmp4_wire_errors(icmp4, WIRE_IP_ICMP4, icmp4_ping_error, icmp4);
}

bool icmp4_wire_errors(struct icmp4 *icmp4, uint8_t protocol, ip_error_function *error, void *block)
{
    if (icmp4->owner_count == ICMP4_PROTOCOLS)
        return false;
    icmp4->owners[icmp4->owner_count++] = (struct icmp4_owner){error, block, protocol};
    return true;
}

/* ---- Errors about what we sent ---- */

static bool tell_owner(struct icmp4 *icmp4, uint8_t protocol, const struct ip_error *error,
                       uint64_t now_ns)
{
    for (uint32_t i = 0; i < icmp4->owner_count; i++) {
        const struct icmp4_owner *owner = &icmp4->owners[i];
        if (owner->protocol == protocol)
            return owner->error(owner->block, error, now_ns);
    }
    return false;
}

/* What a message means: to transports, and to applications (the same as to Linux's). */
struct meaning {
    uint8_t kind; /* enum ip_error_kind */
    int16_t told;
};

static const struct meaning *meaning_of_unreachable(uint8_t code)
{
    static const struct meaning meanings[] = {
        [WIRE_ICMP4_NETWORK_UNREACHABLE] = {IP_ERROR_NETWORK_UNREACHABLE,
                                            CHASKI_NETWORK_UNREACHABLE},
        [WIRE_ICMP4_HOST_UNREACHABLE] = {IP_ERROR_HOST_UNREACHABLE, CHASKI_UNREACHABLE},
        [WIRE_ICMP4_PROTOCOL_UNREACHABLE] = {IP_ERROR_PROTOCOL_UNREACHABLE, CHASKI_NO_PROTOCOL},
        [WIRE_ICMP4_PORT_UNREACHABLE] = {IP_ERROR_PORT_UNREACHABLE, CHASKI_REFUSED},
        [WIRE_ICMP4_FRAGMENTATION_NEEDED] = {IP_ERROR_TOO_BIG, CHASKI_TOO_BIG},
        [WIRE_ICMP4_SOURCE_ROUTE_FAILED] = {IP_ERROR_NO_SUCH_WAY, CHASKI_NO_SOURCE_ROUTE},
        [WIRE_ICMP4_NETWORK_UNKNOWN] = {IP_ERROR_NO_SUCH_WAY, CHASKI_NETWORK_UNREACHABLE},
        [WIRE_ICMP4_HOST_UNKNOWN] = {IP_ERROR_NO_SUCH_WAY, CHASKI_HOST_UNKNOWN},
        [WIRE_ICMP4_SOURCE_ISOLATED] = {IP_ERROR_NO_SUCH_WAY, CHASKI_HOST_ISOLATED},
        [WIRE_ICMP4_NETWORK_PROHIBITED] = {IP_ERROR_PROHIBITED, CHASKI_NETWORK_UNREACHABLE},
        [WIRE_ICMP4_HOST_PROHIBITED] = {IP_ERROR_PROHIBITED, CHASKI_UNREACHABLE},
        [WIRE_ICMP4_NETWORK_SERVICE] = {IP_ERROR_NO_SUCH_WAY, CHASKI_NETWORK_UNREACHABLE},
        [WIRE_ICMP4_HOST_SERVICE] = {IP_ERROR_NO_SUCH_WAY, CHASKI_UNREACHABLE},
        [WIRE_ICMP4_PROHIBITED] = {IP_ERROR_PROHIBITED, CHASKI_UNREACHABLE},
        [WIRE_ICMP4_PRECEDENCE_VIOLATION] = {IP_ERROR_PROHIBITED, CHASKI_UNREACHABLE},
        [WIRE_ICMP4_PRECEDENCE_CUTOFF] = {IP_ERROR_PROHIBITED, CHASKI_UNREACHABLE},
    };
    return code < sizeof meanings / sizeof *meanings ? &meanings[code] : NULL;
}

/* NULL: none. Source quench is obsolete (RFC 6633), redirects are for routers to be trusted, not
 * hosts. */
static const struct meaning *meaning_of(const uint8_t *message)
{
    static const struct meaning late = {IP_ERROR_TIME_EXCEEDED, CHASKI_UNREACHABLE};
    static const struct meaning malformed = {IP_ERROR_PARAMETER, CHASKI_MALFORMED};
    switch (wire_icmp4_type(message)) {
    case WIRE_ICMP4_UNREACHABLE:
        return meaning_of_unreachable(wire_icmp4_code(message));
    case WIRE_ICMP4_TIME_EXCEEDED:
        return &late;
    case WIRE_ICMP4_PARAMETER_PROBLEM:
        return &malformed;
    default:
        return NULL;
    }
}

static uint32_t detail_of(const uint8_t *message, const struct meaning *meaning)
{
    if (meaning->kind == IP_ERROR_TOO_BIG)
        return wire_icmp4_mtu(message);
    return meaning->kind == IP_ERROR_PARAMETER ? wire_icmp4_pointer(message) : 0;
}

/* A router's word on the path MTU (RFC 1191). */
struct path_news {
    uint16_t mtu, current;
    bool fragment; /* it wants less than we are willing to go down to */
};

/* False when it is none: the datagram would have fitted, or the path would widen (RFC 5927, 7). */
static bool read_path_news(struct icmp4 *icmp4, const uint8_t *message,
                           const struct wire_icmp4_quote *quote, struct path_news *news)
{
    const struct ip4_path *path;
    struct ip4 *ip4 = icmp4->ip4;
    uint16_t reported = wire_icmp4_mtu(message), length = wire_ip4_total_length(quote->header);
    const struct ip4_target *target =
        ip4_target(ip4, wire_ip4_destination(quote->header), IP4_ANY_INTERFACE);
    if (target == NULL || reported >= length)
        return false;
    news->current = ip4_path_mtu(ip4, target, wire_ip4_protocol(quote->header), &path);
    news->mtu = ip4_paths_clamp(&ip4->paths, reported, length);
    news->fragment = reported != 0 && reported < ip4->paths.minimum;
    return news->mtu <= news->current;
}

static void lower_path(struct icmp4 *icmp4, const uint8_t *quoted, const struct path_news *news,
                       uint64_t now_ns)
{
    if (ip4_paths_lower(&icmp4->ip4->paths, wire_ip4_destination(quoted), wire_ip4_protocol(quoted),
                        news->mtu, news->current, news->fragment, now_ns))
        count(icmp4->counters, CHASKI_IP4_PATH_LOWERED);
}

/* Passes an error on to who sent what it quotes; 0 when it was believed. */
static enum chaski_counter hear_error(struct icmp4 *icmp4, const struct packet *packet,
                                      uint32_t length, uint64_t now_ns)
{
    const uint8_t *message = packet->data;
    struct wire_icmp4_quote quote;
    struct path_news news = {0};
    const struct meaning *meaning = meaning_of(message);
    if (meaning == NULL)
        return CHASKI_DROP_ICMP4_IGNORED;
    enum chaski_counter why = wire_icmp4_quote(message, length, &quote);
    if (why != 0)
        return why;
    if (!ip4_is_local(icmp4->ip4, wire_ip4_source(quote.header)))
        return CHASKI_DROP_ICMP4_UNBELIEVED;
    if (meaning->kind == IP_ERROR_TOO_BIG && !read_path_news(icmp4, message, &quote, &news))
        return CHASKI_DROP_ICMP4_UNBELIEVED;
    struct ip_error error = {
        .kind = meaning->kind,
        .told = meaning->told,
        .type = wire_icmp4_type(message),
        .code = wire_icmp4_code(message),
        .detail = detail_of(message, meaning),
        .came = {.to = packet->ip.destination,
                 .interface = (uint16_t)(packet->interface + 1),
                 .ttl = packet->ip.ttl,
                 .traffic_class = packet->ip.traffic_class},
        .reporter = packet->ip.source,
        .mtu = news.mtu,
        .ttl = wire_ip4_ttl(quote.header),
        .source = address_from_ip4(wire_ip4_source(quote.header)),
        .destination = address_from_ip4(wire_ip4_destination(quote.header)),
        .quoted = quote.transport,
        .quoted_length = quote.transport_length,
    };
    if (!tell_owner(icmp4, wire_ip4_protocol(quote.header), &error, now_ns))
        return CHASKI_DROP_ICMP4_UNBELIEVED;
    if (meaning->kind == IP_ERROR_TOO_BIG)
        lower_path(icmp4, quote.header, &news, now_ns);
    return 0;
}

static void receive_error(struct icmp4 *icmp4, struct packet *packet, uint64_t now_ns)
{
    enum chaski_counter why = CHASKI_DROP_ICMP4_UNBELIEVED;
    uint32_t length = packet->length;
    count(icmp4->counters, CHASKI_ICMP4_ERRORS_RECEIVED);
    if (length > WIRE_ICMP4_HEADER + WIRE_ICMP4_QUOTE_MAX)
        length = WIRE_ICMP4_HEADER + WIRE_ICMP4_QUOTE_MAX;
    if (!packet_pull_up(packet, length, icmp4->memory))
        why = CHASKI_DROP_NO_MEMORY;
    else if (!packet->ip.destination_multicast)
        why = hear_error(icmp4, packet, length, now_ns);
    if (why != 0)
        packet_drop(packet, icmp4->counters, why);
    else
        packet_free(packet);
}

/* Tells the transport that sent it of a datagram that found no neighbour. */
static void tell_unreachable(struct icmp4 *icmp4, const struct packet *packet, uint64_t now_ns)
{
    const uint8_t *header = packet->data;
    uint32_t before = wire_ip4_header_length(header);
    if (wire_ip4_fragment_offset(header) != 0 ||
        packet->linear_length < before + WIRE_ICMP4_QUOTE_MIN ||
        !ip4_is_local(icmp4->ip4, wire_ip4_source(header)))
        return;
    struct ip_error error = {
        .kind = IP_ERROR_HOST_UNREACHABLE,
        .told = CHASKI_UNREACHABLE,
        .type = WIRE_ICMP4_UNREACHABLE,
        .code = WIRE_ICMP4_HOST_UNREACHABLE,
        .came = {.to = address_from_ip4(wire_ip4_source(header)), /* as it would come */
                 .interface = (uint16_t)(packet->interface + 1),
                 .ttl = IP4_TTL,
                 .traffic_class = ICMP4_ERROR_CLASS},
        .reporter = address_from_ip4(wire_ip4_source(header)),
        .ttl = wire_ip4_ttl(header),
        .source = address_from_ip4(wire_ip4_source(header)),
        .destination = address_from_ip4(wire_ip4_destination(header)),
        .quoted = header + before,
        .quoted_length = (uint16_t)(packet->linear_length - before),
    };
    tell_owner(icmp4, wire_ip4_protocol(header), &error, now_ns);
}

void icmp4_neighbour_unreachable(void *block, struct burst *burst, uint64_t now_ns)
{
    struct icmp4 *icmp4 = block;
    for (uint32_t i = 0; i < burst->count; i++) {
        tell_unreachable(icmp4, burst->packets[i], now_ns);
        packet_drop(burst->packets[i], icmp4->counters, CHASKI_DROP_ARP_UNREACHABLE);
    }
    burst->count = 0;
}

/* ---- Echo requests ---- */

/* The packet itself, or, when somebody else looks at it too, one that refers to the same data
 * behind an ICMP header of its own. Consumes `packet` even when there is none. */
static struct packet *own_header(struct icmp4 *icmp4, struct packet *packet)
{
    if (!packet_is_shared(packet))
        return packet;
    uint32_t data = packet->length - WIRE_ICMP4_HEADER;
    struct packet *copy =
        packet_slice(packet, WIRE_ICMP4_HEADER, data, &icmp4->memory->packets, FOR_CONTROL);
    if (copy == NULL) {
        packet_drop(packet, icmp4->counters, CHASKI_DROP_NO_MEMORY);
        return NULL;
    }
    memcpy(packet_push(copy, WIRE_ICMP4_HEADER), packet->data, WIRE_ICMP4_HEADER);
    copy->ip = packet->ip;
    packet_free(packet);
    return copy;
}

static void turn_to_reply(struct packet *packet)
{
    uint8_t *header = packet->data;
    uint16_t old = checksum_load(header);
    wire_icmp4_set_type_code(header, WIRE_ICMP4_ECHO_REPLY, 0);
    uint16_t sum = checksum_update(wire_icmp4_checksum(header), old, checksum_load(header));
    /* 0 and 0xffff are the same number, but a message of zeros adds up right with the latter only.
     */
    wire_icmp4_set_checksum(header, sum != 0 ? sum : UINT16_MAX);
    packet->ip = (struct packet_ip){
        .source = packet->ip.destination,
        .destination = packet->ip.source,
        .protocol = WIRE_IP_ICMP4,
        .traffic_class = packet->ip.traffic_class,
    };
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_COMPLETE;
    packet->flags = 0;
    packet->segment_size = 0;
}

/* Broadcast requests are not answered: that would multiply traffic (RFC 1122, 3.2.2.6 permits). */
static void receive_echo(struct icmp4 *icmp4, struct packet *packet, struct burst *replies,
                         uint64_t now_ns)
{
    count(icmp4->counters, CHASKI_ICMP4_ECHOES_RECEIVED);
    if (packet->ip.destination_multicast) {
        packet_drop(packet, icmp4->counters, CHASKI_DROP_ICMP4_BROADCAST);
        return;
    }
    packet = own_header(icmp4, packet);
    if (packet == NULL)
        return;
    turn_to_reply(packet);
    count(icmp4->counters, CHASKI_ICMP4_REPLIES_SENT);
    burst_add(replies, packet, &icmp4->request, now_ns);
}

/* ---- Messages ---- */

static enum chaski_counter check(struct icmp4 *icmp4, struct packet *packet)
{
    enum chaski_counter why = wire_icmp4_check(packet->data, packet->length);
    if (why != 0)
        return why;
    if (!packet_pull_up(packet, WIRE_ICMP4_HEADER, icmp4->memory))
        return CHASKI_DROP_NO_MEMORY;
    if (packet->checksum != CHECKSUM_VERIFIED &&
        checksum_finish(packet_checksum_partial(packet, 0)) != 0)
        return CHASKI_DROP_ICMP4_CHECKSUM;
    return 0;
}

static void receive_one(struct icmp4 *icmp4, struct packet *packet, struct burst *replies,
                        uint64_t now_ns)
{
    enum chaski_counter why = check(icmp4, packet);
    if (why != 0) {
        packet_drop(packet, icmp4->counters, why);
        return;
    }
    uint8_t type = wire_icmp4_type(packet->data);
    if (type == WIRE_ICMP4_ECHO)
        receive_echo(icmp4, packet, replies, now_ns);
    else if (type == WIRE_ICMP4_ECHO_REPLY)
        icmp4_ping_reply(icmp4, packet);
    else if (wire_icmp4_is_error(type))
        receive_error(icmp4, packet, now_ns);
    else
        packet_drop(packet, icmp4->counters, CHASKI_DROP_ICMP4_IGNORED);
}

void icmp4_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct icmp4 *icmp4 = block;
    struct burst replies;
    replies.count = 0;
    for (uint32_t i = 0; i < burst->count; i++)
        receive_one(icmp4, burst->packets[i], &replies, now_ns);
    burst->count = 0;
    hook_call(&icmp4->request, &replies, now_ns);
}
