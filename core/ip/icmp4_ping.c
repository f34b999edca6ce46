/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/icmp4.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

/* Pinging: requests leave at once, replies and errors wait in a ring for their closures. Only what
 * answers one of the latest requests is told, be it for the second time. Requests are remembered by
 * runs: many may be on their way at a time, and their sequence numbers mostly follow each other. */

static struct icmp4_ping *find(struct icmp4 *icmp4, uint16_t identifier)
{
    for (unsigned i = 0; i < ICMP4_PINGS; i++) {
        struct icmp4_ping *ping = &icmp4->pings[i];
        if (ping->reply != NULL && ping->identifier == identifier)
            return ping;
    }
    return NULL;
}

static struct icmp4_ping *find_free(struct icmp4 *icmp4)
{
    for (unsigned i = 0; i < ICMP4_PINGS; i++)
        if (icmp4->pings[i].reply == NULL)
            return &icmp4->pings[i];
    return NULL;
}

int icmp4_ping_on(struct icmp4 *icmp4, uint16_t identifier, chaski_ping_closure *reply,
                  void *context)
{
    struct icmp4_ping *ping = find(icmp4, identifier);
    if (ping == NULL && reply == NULL)
        return 0;
    if (ping == NULL)
        ping = find_free(icmp4);
    if (ping == NULL)
        return CHASKI_NO_MEMORY;
    *ping = (struct icmp4_ping){reply, context, identifier};
    return 0;
}

/* ---- Requests ---- */

enum { RUN_MAX = 1 << 15 }; /* requests in a run; then it goes on without its first ones */

/* The run of requests to `who` with this sequence number in it, or, where there is none, before it;
 * NULL when there is neither. */
static struct icmp4_asked *find_run(struct icmp4 *icmp4, uint32_t who, uint16_t identifier,
                                    uint16_t sequence)
{
    struct icmp4_asked *before = NULL;
    uint32_t count = icmp4->asked_next < ICMP4_ASKED ? icmp4->asked_next : ICMP4_ASKED;
    for (uint32_t i = 0; i < count; i++) {
        struct icmp4_asked *run = &icmp4->asked[i];
        uint16_t offset = (uint16_t)(sequence - run->first);
        if (run->destination != who || run->identifier != identifier || offset > run->count)
            continue;
        if (offset < run->count)
            return run;
        before = run;
    }
    return before;
}

static void note_asked(struct icmp4 *icmp4, const struct ip4_target *target, uint16_t identifier,
                       uint16_t sequence)
{
    bool many = target->multicast || target->kind == IP4_ROUTE_BROADCAST;
    uint32_t who = many ? 0 : target->destination;
    struct icmp4_asked *run = find_run(icmp4, who, identifier, sequence);
    if (run == NULL)
        icmp4->asked[icmp4->asked_next++ % ICMP4_ASKED] =
            (struct icmp4_asked){who, identifier, sequence, 1};
    else if ((uint16_t)(sequence - run->first) < run->count)
        return;
    else if (run->count < RUN_MAX)
        run->count++;
    else
        run->first++;
}

/* Whether somebody listens to the identifier, and `who`, or many (0), were asked so. */
static bool was_asked(struct icmp4 *icmp4, uint32_t who, uint16_t identifier, uint16_t sequence)
{
    if (find(icmp4, identifier) == NULL)
        return false;
    const struct icmp4_asked *run = find_run(icmp4, who, identifier, sequence);
    return run != NULL && (uint16_t)(sequence - run->first) < run->count;
}

enum { DATA_MAX = WIRE_IP4_TOTAL_MAX - WIRE_IP4_HEADER - WIRE_ICMP4_HEADER };

static struct packet *build(struct icmp4 *icmp4, uint32_t rest, const void *bytes, size_t length)
{
    struct packet *packet = packet_take(&icmp4->memory->packets, FOR_SEND);
    if (packet == NULL)
        return NULL;
    if (!packet_append_copy(packet, bytes, length, icmp4->memory)) {
        packet_free(packet);
        return NULL;
    }
    uint8_t *header = packet_push(packet, WIRE_ICMP4_HEADER);
    packet_set_transport(packet);
    wire_icmp4_build(header, WIRE_ICMP4_ECHO, 0, rest);
    wire_icmp4_set_checksum(header, checksum_finish(packet_checksum_partial(packet, 0)));
    packet->checksum = CHECKSUM_COMPLETE;
    return packet;
}

int icmp4_ping(struct icmp4 *icmp4, const struct chaski_address *to, uint16_t identifier,
               uint16_t sequence, const void *bytes, size_t length, uint64_t now_ns)
{
    if (!address_is_ip4(to))
        return CHASKI_BAD_ADDRESS;
    if (length > DATA_MAX)
        return CHASKI_TOO_BIG;
    const struct ip4_target *target = ip4_target(icmp4->ip4, address_ip4(to), IP4_ANY_INTERFACE);
    if (target == NULL)
        return CHASKI_NO_ROUTE;
    struct packet *packet = build(icmp4, wire_icmp4_echo_rest(identifier, sequence), bytes, length);
    if (packet == NULL)
        return CHASKI_NO_MEMORY;
    packet->ip.destination = *to;
    packet->ip.protocol = WIRE_IP_ICMP4;
    note_asked(icmp4, target, identifier, sequence);
    struct burst burst = {.count = 1, .packets = {packet}};
    hook_call(&icmp4->request, &burst, now_ns);
    return 0;
}

/* ---- Replies and errors ---- */

static struct icmp4_reply *append(struct icmp4 *icmp4)
{
    if (icmp4->reply_count == ICMP4_REPLIES)
        return NULL;
    return &icmp4->replies[(icmp4->reply_first + icmp4->reply_count++) % ICMP4_REPLIES];
}

/* Whether all of it can be told at once. */
static bool can_be_told(const struct icmp4 *icmp4, const struct packet *packet)
{
    return packet->linear_length == packet->length ||
           packet->length <= WIRE_ICMP4_HEADER + icmp4->scratch_size;
}

void icmp4_ping_reply(struct icmp4 *icmp4, struct packet *packet)
{
    uint16_t identifier = wire_icmp4_identifier(packet->data);
    uint16_t sequence = wire_icmp4_sequence(packet->data);
    uint32_t from = address_ip4(&packet->ip.source);
    if (!was_asked(icmp4, from, identifier, sequence) &&
        !was_asked(icmp4, 0, identifier, sequence)) {
        packet_drop(packet, icmp4->counters, CHASKI_DROP_ICMP4_UNASKED);
        return;
    }
    if (!can_be_told(icmp4, packet)) {
        packet_drop(packet, icmp4->counters, CHASKI_DROP_NO_MEMORY);
        return;
    }
    struct icmp4_reply *reply = append(icmp4);
    if (reply == NULL) {
        packet_drop(packet, icmp4->counters, CHASKI_DROP_ICMP4_QUEUE);
        return;
    }
    *reply = (struct icmp4_reply){
        .packet = packet,
        .from = packet->ip.source,
        .identifier = identifier,
        .sequence = sequence,
        .ttl = packet->ip.ttl,
    };
    packet_pull(packet, WIRE_ICMP4_HEADER);
}

bool icmp4_ping_error(void *block, const struct ip_error *error, uint64_t now_ns)
{
    struct icmp4 *icmp4 = block;
    (void)now_ns;
    uint16_t identifier = wire_icmp4_identifier(error->quoted);
    uint16_t sequence = wire_icmp4_sequence(error->quoted);
    if (wire_icmp4_type(error->quoted) != WIRE_ICMP4_ECHO ||
        !was_asked(icmp4, address_ip4(&error->destination), identifier, sequence))
        return false;
    if (error->kind == IP_ERROR_TOO_BIG) /* requests may be cut: no router says so */
        return false;
    struct icmp4_reply *reply = append(icmp4);
    if (reply != NULL)
        *reply = (struct icmp4_reply){
            .from = error->destination,
            .identifier = identifier,
            .sequence = sequence,
            .error = error->told,
        };
    return true;
}

static struct icmp4_reply take_first(struct icmp4 *icmp4)
{
    struct icmp4_reply reply = icmp4->replies[icmp4->reply_first];
    icmp4->reply_first = (icmp4->reply_first + 1) % ICMP4_REPLIES;
    icmp4->reply_count--;
    return reply;
}

static void run_closure(struct icmp4 *icmp4, struct chaski *host, const struct icmp4_reply *reply)
{
    const struct packet *packet = reply->packet;
    const struct icmp4_ping *ping = find(icmp4, reply->identifier);
    if (ping == NULL)
        return;
    const void *bytes = packet == NULL ? NULL : packet_in_one_place(packet, icmp4->scratch);
    ping->reply(ping->context, host, &reply->from, reply->sequence, reply->ttl, bytes,
                packet == NULL ? 0 : packet->length, reply->error);
}

void icmp4_run_closures(struct icmp4 *icmp4, struct chaski *host)
{
    for (uint32_t left = icmp4->reply_count; left != 0; left--) {
        struct icmp4_reply reply = take_first(icmp4);
        struct packet *packet = reply.packet;
        run_closure(icmp4, host, &reply);
        if (packet != NULL)
            packet_free(packet);
    }
}
