/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4_reassembly.h"

#include "core/packet/packet_join.h"
#include "core/wire/ip4.h"

/*
 * Theory of operation
 *
 * A datagram in the making is found by a keyed hash of (source, destination, protocol,
 * identification) and holds its fragments, whole packets, in a tree by offset, with data at the
 * payload. Since no two of them overlap, counting bytes tells when it is complete: the last
 * fragment has come, and as many bytes as it says there are.
 *
 * A new fragment is compared with its two neighbours in the tree only. If it lies within the one
 * before it is a copy. If it reaches into either otherwise, or past the end that the last fragment
 * has set, the datagram is given up: see the header for why.
 *
 * The complete datagram is the first fragment, headers included, with the other payloads
 * attached: by reference while a packet has room for that many fragments, else copied into large
 * buffers.
 */

#define LIFE_NS UINT64_C(60000000000) /* RFC 1122, 3.3.2: 60 to 120 seconds */
#define NOT_KNOWN UINT32_MAX

enum {
    PAYLOAD_MAX = WIRE_IP4_TOTAL_MAX - WIRE_IP4_HEADER,
    CONGESTION_EXPERIENCED = 3, /* both ECN bits of the traffic class */
};

static void expire(void *block, struct timer *timer, uint64_t now_ns);

/* ---- Setup ---- */

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = 1;
    while (power < n && power < UINT32_C(1) << 31)
        power *= 2;
    return power;
}

void ip4_reassembly_init(struct ip4_reassembly *reassembly, struct memory *memory,
                         const struct ip4_reassembly_limits *limits, struct packet_memory *packets,
                         struct counters *counters, struct timer_wheel *wheel,
                         const struct siphash_key *key)
{
    uint32_t count = limits->datagrams == 0 ? 1 : limits->datagrams;
    uint32_t chains = power_of_two_from(count);
    struct ip4_datagram *datagrams = memory_take(memory, count * sizeof *datagrams);
    uint32_t *heads = memory_take(memory, chains * sizeof *heads);
    if (datagrams == NULL || heads == NULL)
        return;
    *reassembly = (struct ip4_reassembly){
        .datagrams = datagrams,
        .chains = heads,
        .chain_mask = chains - 1,
        .bytes_max = limits->bytes,
        .fragments_max = limits->fragments,
        .key = *key,
        .memory = packets,
        .counters = counters,
        .wheel = wheel,
    };
    list_init(&reassembly->free);
    list_init(&reassembly->used);
    reassembly->owner = timer_wheel_own(wheel, expire, reassembly);
    for (uint32_t i = 0; i < count; i++) {
        timer_init(&datagrams[i].timer, reassembly->owner);
        list_append(&reassembly->free, &datagrams[i].link);
    }
}

/* ---- Fragments of one datagram ---- */

/* The part of a packet that says where its payload belongs. */
static inline uint32_t offset_of(const struct packet *packet)
{
    return packet->tcp.node.key;
}

static inline uint32_t end_of(const struct packet *packet)
{
    return offset_of(packet) + packet->length;
}

static inline struct packet *packet_of(struct tree_node *node)
{
    return node == NULL ? NULL : tree_entry(node, struct packet, tcp.node);
}

/* Memory that a packet keeps busy, however little of it is payload. */
static uint32_t charge_of(const struct packet *packet)
{
    uint32_t charge = (uint32_t)sizeof *packet;
    if (packet->linear != NULL)
        charge += packet->linear->size;
    for (uint32_t i = 0; i < packet->fragment_count; i++)
        charge += packet->fragments[i].buffer->size;
    return charge;
}

static void hold(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram,
                 struct packet *packet)
{
    packet->tcp.charge = charge_of(packet);
    tree_insert(&datagram->fragments, &packet->tcp.node);
    datagram->received += packet->length;
    reassembly->bytes += packet->tcp.charge;
    reassembly->fragments++;
}

static void let_go(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram,
                   struct packet *packet)
{
    tree_remove(&datagram->fragments, &packet->tcp.node);
    datagram->received -= packet->length;
    reassembly->bytes -= packet->tcp.charge;
    reassembly->fragments--;
}

static struct packet *take_first(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram)
{
    struct packet *packet = packet_of(tree_first(&datagram->fragments));
    if (packet != NULL)
        let_go(reassembly, datagram, packet);
    return packet;
}

/* ---- Datagrams ---- */

static uint32_t *chain_of(struct ip4_reassembly *reassembly, const struct ip4_datagram *datagram)
{
    uint64_t words[2] = {
        (uint64_t)datagram->source << 32 | datagram->destination,
        (uint64_t)datagram->protocol << 16 | datagram->identification,
    };
    return &reassembly->chains[siphash_words(&reassembly->key, words, 2) & reassembly->chain_mask];
}

static bool same_datagram(const struct ip4_datagram *a, const struct ip4_datagram *b)
{
    return a->source == b->source && a->destination == b->destination &&
           a->identification == b->identification && a->protocol == b->protocol;
}

static struct ip4_datagram *find(struct ip4_reassembly *reassembly,
                                 const struct ip4_datagram *wanted)
{
    for (uint32_t at = *chain_of(reassembly, wanted); at != 0;) {
        struct ip4_datagram *datagram = &reassembly->datagrams[at - 1];
        if (same_datagram(datagram, wanted))
            return datagram;
        at = datagram->next;
    }
    return NULL;
}

/* Gives the entry back; its fragments have gone. */
static void release(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram)
{
    uint32_t self = (uint32_t)(datagram - reassembly->datagrams) + 1;
    uint32_t *at = chain_of(reassembly, datagram);
    while (*at != self)
        at = &reassembly->datagrams[*at - 1].next;
    *at = datagram->next;
    timer_cancel(reassembly->wheel, &datagram->timer);
    list_remove(&datagram->link);
    list_append(&reassembly->free, &datagram->link);
}

static void give_up(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram,
                    enum chaski_counter why)
{
    struct packet *packet;
    while ((packet = take_first(reassembly, datagram)) != NULL)
        packet_drop(packet, reassembly->counters, why);
    release(reassembly, datagram);
}

static void evict_oldest(struct ip4_reassembly *reassembly)
{
    give_up(reassembly, list_entry(reassembly->used.next, struct ip4_datagram, link),
            CHASKI_DROP_IP4_FRAGMENT_EVICTED);
}

static struct ip4_datagram *make(struct ip4_reassembly *reassembly,
                                 const struct ip4_datagram *wanted, uint64_t now_ns)
{
    if (list_empty(&reassembly->free))
        evict_oldest(reassembly);
    struct ip4_datagram *datagram = list_entry(reassembly->free.next, struct ip4_datagram, link);
    uint32_t *head = chain_of(reassembly, wanted);
    datagram->source = wanted->source;
    datagram->destination = wanted->destination;
    datagram->protocol = wanted->protocol;
    datagram->identification = wanted->identification;
    datagram->fragments = (struct tree){0};
    datagram->total = NOT_KNOWN;
    datagram->received = 0;
    datagram->congested = false;
    datagram->next = *head;
    *head = (uint32_t)(datagram - reassembly->datagrams) + 1;
    list_remove(&datagram->link);
    list_append(&reassembly->used, &datagram->link);
    timer_arm(reassembly->wheel, &datagram->timer, now_ns + LIFE_NS);
    return datagram;
}

/* Puts data back at the IP header. */
static void restore_header(struct packet *packet)
{
    packet_push(packet, (uint32_t)(packet->data - packet_network(packet)));
}

static void expire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct ip4_reassembly *reassembly = block;
    struct ip4_datagram *datagram = list_entry(timer, struct ip4_datagram, timer);
    struct packet *first = packet_of(tree_first(&datagram->fragments));
    if (first != NULL && offset_of(first) == 0 && reassembly->expired != NULL) {
        let_go(reassembly, datagram, first);
        count(reassembly->counters, CHASKI_DROP_IP4_FRAGMENT_TIMEOUT);
        restore_header(first);
    } else {
        first = NULL;
    }
    give_up(reassembly, datagram, CHASKI_DROP_IP4_FRAGMENT_TIMEOUT);
    if (first != NULL)
        reassembly->expired(reassembly->expired_block, first, now_ns);
}

/* ---- Judging a fragment ---- */

/* What a fragment says by itself must be possible (RFC 791, 3.2). */
static bool is_sound(const struct packet *packet, bool more)
{
    if (packet->length == 0 || end_of(packet) > PAYLOAD_MAX)
        return false;
    return !more || packet->length % 8 == 0;
}

enum verdict {
    VERDICT_NEW,
    VERDICT_COPY,
    VERDICT_CONTRADICTION,
};

static enum verdict judge_end(const struct ip4_datagram *datagram, const struct packet *packet,
                              bool more)
{
    uint32_t end = end_of(packet);
    struct packet *last = packet_of(tree_last(&datagram->fragments));
    if (datagram->total != NOT_KNOWN)
        return end > datagram->total || (!more && end != datagram->total) ? VERDICT_CONTRADICTION
                                                                          : VERDICT_NEW;
    if (!more && last != NULL && end_of(last) > end)
        return VERDICT_CONTRADICTION;
    return VERDICT_NEW;
}

static enum verdict judge(const struct ip4_datagram *datagram, const struct packet *packet,
                          bool more)
{
    uint32_t offset = offset_of(packet), end = end_of(packet);
    struct packet *before = packet_of(tree_floor(&datagram->fragments, offset));
    struct packet *after = packet_of(tree_ceiling(&datagram->fragments, offset));
    if (judge_end(datagram, packet, more) == VERDICT_CONTRADICTION)
        return VERDICT_CONTRADICTION;
    if (before != NULL && end_of(before) > offset)
        return end <= end_of(before) ? VERDICT_COPY : VERDICT_CONTRADICTION;
    if (after != NULL && offset_of(after) < end)
        return VERDICT_CONTRADICTION;
    return VERDICT_NEW;
}

/* ---- Putting together ---- */

/* Whether the rest of the datagram can be attached to `first` without copying. */
static bool fits_by_reference(const struct ip4_datagram *datagram, const struct packet *first)
{
    uint32_t pieces = first->fragment_count;
    for (struct tree_node *node = tree_first(&datagram->fragments); node != NULL;
         node = tree_next(node))
        pieces += packet_join_pieces(packet_of(node));
    return pieces <= PACKET_FRAGMENTS;
}

/* Moves all other payloads behind that of `first`. */
static bool join(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram,
                 struct packet *first)
{
    struct packet *packet;
    bool refer = fits_by_reference(datagram, first);
    if (!refer && !packet_join_copy_begin(first, reassembly->memory))
        return false;
    while ((packet = take_first(reassembly, datagram)) != NULL) {
        if (refer) {
            packet_join(first, packet);
            continue;
        }
        bool copied = packet_join_copy(first, packet, reassembly->memory);
        packet_free(packet);
        if (!copied)
            return false;
    }
    return true;
}

/* Makes the header that of a datagram which never was in pieces. Congestion that any of these met
 * the whole has met (RFC 3168, 5.3). */
static void mend_header(struct packet *packet, bool congested)
{
    uint8_t *header = packet->data;
    if (congested) {
        packet->ip.traffic_class |= CONGESTION_EXPERIENCED;
        wire_ip4_set_traffic_class(header, wire_ip4_traffic_class(header) | CONGESTION_EXPERIENCED);
    }
    wire_ip4_set_total_length(header, (uint16_t)packet->length);
    wire_ip4_set_fragment(header, 0);
    wire_ip4_finish_checksum(header);
    packet->checksum = CHECKSUM_UNKNOWN;
    packet->segment_size = 0;
}

/* The header of the first fragment must be ours alone, because it is about to change. */
static bool own_header(struct packet_memory *memory, struct packet **first)
{
    struct packet *packet = *first;
    uint32_t header = wire_ip4_header_length(packet->data);
    if (!packet_is_shared(packet))
        return true;
    struct packet *copy =
        packet_slice(packet, header, packet->length - header, &memory->packets, FOR_RECEIVE);
    if (copy == NULL)
        return false;
    memcpy(packet_push(copy, header), packet->data, header);
    packet_set_network(copy);
    copy->interface = packet->interface;
    copy->flags = packet->flags;
    copy->flags |= PACKET_BARE;
    copy->ip = packet->ip;
    packet_free(packet);
    *first = copy;
    return true;
}

static struct packet *complete(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram)
{
    struct packet *first = take_first(reassembly, datagram);
    bool whole = join(reassembly, datagram, first);
    restore_header(first);
    if (!whole || !own_header(reassembly->memory, &first)) {
        packet_drop(first, reassembly->counters, CHASKI_DROP_NO_MEMORY);
        give_up(reassembly, datagram, CHASKI_DROP_NO_MEMORY);
        return NULL;
    }
    release(reassembly, datagram);
    if (first->length > WIRE_IP4_TOTAL_MAX) {
        packet_drop(first, reassembly->counters, CHASKI_DROP_IP4_FRAGMENT);
        return NULL;
    }
    mend_header(first, datagram->congested);
    count(reassembly->counters, CHASKI_IP4_REASSEMBLED);
    return first;
}

/* ---- Entry ---- */

/* Notes the offset and moves data to the payload. */
static void strip(struct packet *packet)
{
    const uint8_t *header = packet->data;
    packet_set_network(packet);
    packet->tcp.node.key = wire_ip4_fragment_offset(header);
    packet_pull(packet, wire_ip4_header_length(header));
}

/* Older datagrams give way until one more packet may be held; true when `datagram` itself did. */
static bool make_room(struct ip4_reassembly *reassembly, const struct ip4_datagram *datagram,
                      uint32_t charge)
{
    while (reassembly->fragments >= reassembly->fragments_max ||
           reassembly->bytes + charge > reassembly->bytes_max) {
        bool itself = reassembly->used.next == &datagram->link;
        evict_oldest(reassembly);
        if (itself)
            return true;
    }
    return false;
}

static struct packet *keep(struct ip4_reassembly *reassembly, struct ip4_datagram *datagram,
                           struct packet *packet, bool more)
{
    uint8_t ecn = wire_ip4_traffic_class(packet_network(packet)) & CONGESTION_EXPERIENCED;
    if (make_room(reassembly, datagram, charge_of(packet))) {
        packet_drop(packet, reassembly->counters, CHASKI_DROP_IP4_FRAGMENT_EVICTED);
        return NULL;
    }
    if (!more)
        datagram->total = end_of(packet);
    datagram->congested |= ecn == CONGESTION_EXPERIENCED;
    hold(reassembly, datagram, packet);
    if (datagram->received != datagram->total)
        return NULL;
    return complete(reassembly, datagram);
}

struct packet *ip4_reassembly_add(struct ip4_reassembly *reassembly, struct packet *packet,
                                  uint64_t now_ns)
{
    const uint8_t *header = packet->data;
    struct ip4_datagram wanted = {
        .source = wire_ip4_source(header),
        .destination = wire_ip4_destination(header),
        .identification = wire_ip4_identification(header),
        .protocol = wire_ip4_protocol(header),
    };
    bool more = wire_ip4_more_fragments(header);
    strip(packet);
    if (!is_sound(packet, more)) {
        packet_drop(packet, reassembly->counters, CHASKI_DROP_IP4_FRAGMENT);
        return NULL;
    }
    struct ip4_datagram *datagram = find(reassembly, &wanted);
    if (datagram == NULL)
        datagram = make(reassembly, &wanted, now_ns);
    enum verdict verdict = judge(datagram, packet, more);
    if (verdict == VERDICT_NEW)
        return keep(reassembly, datagram, packet, more);
    packet_drop(packet, reassembly->counters,
                verdict == VERDICT_COPY ? CHASKI_DROP_IP4_FRAGMENT_TWICE
                                        : CHASKI_DROP_IP4_FRAGMENT_OVERLAP);
    if (verdict == VERDICT_CONTRADICTION)
        give_up(reassembly, datagram, CHASKI_DROP_IP4_FRAGMENT_OVERLAP);
    return NULL;
}
