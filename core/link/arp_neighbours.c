/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/arp.h"

#include "core/base/address.h"
#include "core/wire/arp.h"

/* The table of neighbours: a keyed hash, lists in the order of use, and a timer each. */

enum {
    TRIES = 3,
    RETRY_S = 1,
    PROBE_DELAY_S = 5, /* RFC 4861, 10: time for an upper layer to confirm */
};

static void fire(void *block, struct timer *timer, uint64_t now_ns);

void arp_neighbours_init(struct arp *arp, struct neighbour *neighbours, uint32_t count)
{
    list_init(&arp->free);
    list_init(&arp->resolved);
    list_init(&arp->unresolved);
    arp->unresolved_limit = count < 8 ? 1 : count / 4;
    arp->resolved_limit = count - arp->unresolved_limit;
    arp->neighbours = neighbours;
    arp->neighbour_owner = timer_wheel_own(arp->wheel, fire, arp);
    for (uint32_t i = 0; i < count; i++) {
        timer_init(&neighbours[i].timer, arp->neighbour_owner);
        list_append(&arp->free, &neighbours[i].link);
    }
}

/* ---- Finding, making, removing ---- */

static uint32_t *chain_of(struct arp *arp, uint8_t interface, uint32_t address)
{
    uint64_t word = (uint64_t)interface << 32 | address;
    return &arp->chains[siphash_words(&arp->table_key, &word, 1) & arp->chain_mask];
}

static inline bool is_for(const struct neighbour *neighbour, uint8_t interface, uint32_t address)
{
    return neighbour->address == address && neighbour->interface == interface;
}

struct neighbour *arp_neighbour_find(struct arp *arp, uint8_t interface, uint32_t address)
{
    if (arp->last != NULL && is_for(arp->last, interface, address))
        return arp->last;
    for (uint32_t at = *chain_of(arp, interface, address); at != 0;) {
        struct neighbour *neighbour = &arp->neighbours[at - 1];
        if (is_for(neighbour, interface, address)) {
            arp->last = neighbour;
            return neighbour;
        }
        at = neighbour->next;
    }
    return NULL;
}

static void unchain(struct arp *arp, struct neighbour *neighbour)
{
    uint32_t self = (uint32_t)(neighbour - arp->neighbours) + 1;
    uint32_t *at = chain_of(arp, neighbour->interface, neighbour->address);
    while (*at != self)
        at = &arp->neighbours[*at - 1].next;
    *at = neighbour->next;
}

static struct packet *take_queue(struct neighbour *neighbour)
{
    struct packet *first = neighbour->queue;
    neighbour->queue = NULL;
    neighbour->queued = 0;
    return first;
}

/* Frees an entry; returns the packets that waited for it. */
static struct packet *forget(struct arp *arp, struct neighbour *neighbour)
{
    if (neighbour->state == NEIGHBOUR_INCOMPLETE)
        arp->unresolved_count--;
    else
        arp->resolved_count--;
    arp->changes++;
    timer_cancel(arp->wheel, &neighbour->timer);
    unchain(arp, neighbour);
    list_remove(&neighbour->link);
    list_append(&arp->free, &neighbour->link);
    neighbour->state = NEIGHBOUR_FREE;
    if (arp->last == neighbour)
        arp->last = NULL;
    return take_queue(neighbour);
}

static void drop_queue(struct arp *arp, struct packet *first)
{
    while (first != NULL) {
        struct packet *packet = first;
        first = packet->next;
        packet_drop(packet, arp->counters, CHASKI_DROP_ARP_TABLE);
    }
}

static void evict_first(struct arp *arp, struct list *list)
{
    drop_queue(arp, forget(arp, list_entry(list->next, struct neighbour, link)));
}

/* Takes a free entry, of which there is one as long as neither kind exceeds its limit. */
static struct neighbour *make(struct arp *arp, uint8_t interface, uint32_t address)
{
    struct neighbour *neighbour = list_entry(arp->free.next, struct neighbour, link);
    uint32_t *head = chain_of(arp, interface, address);
    list_remove(&neighbour->link);
    neighbour->address = address;
    neighbour->interface = interface;
    neighbour->tries = 0;
    neighbour->next = *head;
    *head = (uint32_t)(neighbour - arp->neighbours) + 1;
    return neighbour;
}

/* ---- Asking ---- */

static void send_request(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns)
{
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REQUEST,
        .sender_ip = arp_address_sender(arp, neighbour->interface, neighbour->address),
        .target_ip = neighbour->address,
    };
    bool unicast = neighbour->state == NEIGHBOUR_PROBE;
    const uint8_t *to = unicast ? neighbour->mac : arp_everybody;
    memcpy(fields.sender_mac, arp->interfaces[neighbour->interface].mac, sizeof fields.sender_mac);
    neighbour->tries++;
    timer_arm(arp->wheel, &neighbour->timer, now_ns + RETRY_S * ARP_SECOND_NS);
    count(arp->counters, CHASKI_ARP_REQUESTS_SENT);
    arp_send(arp, neighbour->interface, to, &fields, now_ns);
}

struct neighbour *arp_neighbour_ask(struct arp *arp, uint8_t interface, uint32_t address,
                                    uint64_t now_ns)
{
    if (arp->unresolved_count == arp->unresolved_limit)
        evict_first(arp, &arp->unresolved);
    struct neighbour *neighbour = make(arp, interface, address);
    neighbour->state = NEIGHBOUR_INCOMPLETE;
    list_append(&arp->unresolved, &neighbour->link);
    arp->unresolved_count++;
    send_request(arp, neighbour, now_ns);
    return neighbour;
}

void arp_neighbour_queue(struct arp *arp, struct neighbour *neighbour, struct packet *packet)
{
    struct packet **last = &neighbour->queue;
    packet->next = NULL;
    if (neighbour->queued == ARP_QUEUE) {
        struct packet *oldest = neighbour->queue;
        neighbour->queue = oldest->next;
        neighbour->queued--;
        packet_drop(oldest, arp->counters, CHASKI_DROP_ARP_QUEUE);
    }
    while (*last != NULL)
        last = &(*last)->next;
    *last = packet;
    neighbour->queued++;
}

static void fail(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns)
{
    struct burst burst = {0};
    struct packet *packet = forget(arp, neighbour);
    count(arp->counters, CHASKI_ARP_FAILURES);
    while (packet != NULL) {
        struct packet *next = packet->next;
        burst.packets[burst.count++] = packet;
        packet = next;
    }
    hook_call(&arp->unreachable, &burst, now_ns);
}

static void fire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct arp *arp = block;
    struct neighbour *neighbour = list_entry(timer, struct neighbour, timer);
    if (neighbour->tries >= TRIES)
        fail(arp, neighbour, now_ns);
    else
        send_request(arp, neighbour, now_ns);
}

/* ---- Using and hearing ---- */

void arp_neighbour_use(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns)
{
    if (neighbour->state == NEIGHBOUR_PROBE)
        return;
    neighbour->state = NEIGHBOUR_PROBE;
    neighbour->tries = 0;
    timer_arm(arp->wheel, &neighbour->timer, now_ns + PROBE_DELAY_S * ARP_SECOND_NS);
    list_remove(&neighbour->link);
    list_append(&arp->resolved, &neighbour->link);
}

/* Sends what waited. The entry has just got its link address. */
static void flush(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns)
{
    struct burst burst = {0};
    const struct hook *request = &arp->interfaces[neighbour->interface].request;
    struct packet *packet = take_queue(neighbour);
    if (packet != NULL && neighbour->state == NEIGHBOUR_STALE)
        arp_neighbour_use(arp, neighbour, now_ns);
    while (packet != NULL) {
        struct packet *next = packet->next;
        memcpy(packet->link_destination, neighbour->mac, sizeof neighbour->mac);
        burst.packets[burst.count++] = packet;
        packet = next;
    }
    hook_call(request, &burst, now_ns);
}

/* An unresolved entry moves among the resolved ones, of which the least recently used may have to
 * go. */
static void become_resolved(struct arp *arp, struct neighbour *neighbour)
{
    if (arp->resolved_count == arp->resolved_limit)
        evict_first(arp, &arp->resolved);
    arp->unresolved_count--;
    arp->resolved_count++;
    list_remove(&neighbour->link);
    list_append(&arp->resolved, &neighbour->link);
}

static void become_reachable(struct arp *arp, struct neighbour *neighbour, uint64_t now_ns)
{
    timer_cancel(arp->wheel, &neighbour->timer);
    neighbour->state = NEIGHBOUR_REACHABLE;
    neighbour->reachable_until_ns = now_ns + arp->reachable_ns;
    arp->changes++;
}

static void become_stale(struct arp *arp, struct neighbour *neighbour)
{
    timer_cancel(arp->wheel, &neighbour->timer);
    neighbour->state = NEIGHBOUR_STALE;
    arp->changes++;
}

/* An entry for somebody who asked for us, at the end where it is the first to go; only while there
 * is room, because anybody can ask under any name. */
static void learn(struct arp *arp, uint8_t interface, uint32_t address, const uint8_t mac[6])
{
    if (arp->resolved_count == arp->resolved_limit)
        return;
    struct neighbour *neighbour = make(arp, interface, address);
    memcpy(neighbour->mac, mac, sizeof neighbour->mac);
    neighbour->state = NEIGHBOUR_STALE;
    list_prepend(&arp->resolved, &neighbour->link);
    arp->resolved_count++;
    arp->changes++;
}

void arp_neighbour_hear(struct arp *arp, uint8_t interface, uint32_t address, const uint8_t mac[6],
                        bool answer, bool asked, uint64_t now_ns)
{
    struct neighbour *neighbour = arp_neighbour_find(arp, interface, address);
    if (neighbour == NULL) {
        if (asked)
            learn(arp, interface, address, mac);
        return;
    }
    bool incomplete = neighbour->state == NEIGHBOUR_INCOMPLETE;
    bool waited_for = incomplete || neighbour->state == NEIGHBOUR_PROBE;
    bool moved = !incomplete && memcmp(neighbour->mac, mac, sizeof neighbour->mac) != 0;
    if (incomplete)
        become_resolved(arp, neighbour);
    memcpy(neighbour->mac, mac, sizeof neighbour->mac);
    if (answer && waited_for)
        become_reachable(arp, neighbour, now_ns);
    else if (incomplete || moved)
        become_stale(arp, neighbour);
    flush(arp, neighbour, now_ns);
}
