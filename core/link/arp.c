/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/arp.h"

#include "core/base/address.h"
#include "core/wire/arp.h"
#include "core/wire/ethernet.h"

const uint8_t arp_everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* ---- Setup ---- */

static uint32_t power_of_two_from(uint32_t n)
{
    uint32_t power = 1;
    while (power < n && power < UINT32_C(1) << 31)
        power *= 2;
    return power;
}

static void wire_nothing(struct arp *arp, struct counters *counters)
{
    struct hook nowhere = {hook_not_wired, counters};
    arp->unreachable = nowhere;
    for (unsigned i = 0; i < ARP_INTERFACES; i++)
        arp->interfaces[i].request = nowhere;
}

void arp_setup(struct arp *arp, struct memory *memory, const struct arp_limits *limits,
               struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
               const struct siphash_key *key)
{
    uint32_t count = limits->neighbours < 2 ? 2 : limits->neighbours;
    uint32_t chains = power_of_two_from(count);
    struct neighbour *neighbours = memory_take(memory, count * sizeof *neighbours);
    uint32_t *heads = memory_take(memory, chains * sizeof *heads);
    struct arp_address *addresses = memory_take(memory, limits->addresses * sizeof *addresses);
    if (neighbours == NULL || heads == NULL || addresses == NULL)
        return;
    memset(arp, 0, sizeof *arp);
    wire_nothing(arp, counters);
    arp->counters = counters;
    arp->memory = packets;
    arp->wheel = wheel;
    arp->random.key = *key;
    arp->table_key = random_key(&arp->random);
    arp->reachable_ns = 15 * ARP_SECOND_NS + random_draw_below(&arp->random, 30) * ARP_SECOND_NS;
    arp->chains = heads;
    arp->chain_mask = chains - 1;
    arp->addresses = addresses;
    arp->address_limit = limits->addresses;
    arp->address_owner = timer_wheel_own(wheel, arp_address_fire, arp);
    arp_neighbours_init(arp, neighbours, count);
}

void arp_interface_add(struct arp *arp, uint8_t interface, const uint8_t mac[6],
                       struct hook request)
{
    struct arp_interface *added = &arp->interfaces[interface];
    memcpy(added->mac, mac, sizeof added->mac);
    added->request = request;
    added->used = true;
}

/* ---- Down ---- */

void arp_send(struct arp *arp, uint8_t interface, const uint8_t destination[6],
              const struct wire_arp_fields *fields, uint64_t now_ns)
{
    struct packet *packet = packet_take(&arp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return;
    wire_arp_build(packet_put(packet, WIRE_ARP_SIZE), fields);
    memcpy(packet->link_destination, destination, sizeof packet->link_destination);
    packet->protocol = WIRE_ETHERNET_ARP;
    packet->interface = interface;
    packet->checksum = CHECKSUM_COMPLETE;
    struct burst burst = {.count = 1, .packets = {packet}};
    hook_call(&arp->interfaces[interface].request, &burst, now_ns);
}

/* Groups and broadcasts need no resolution (RFC 1112, 6.4). */
static bool is_mapped(uint32_t next_hop)
{
    return next_hop >> 28 >= 0xe;
}

bool arp_map(struct packet *packet, uint32_t next_hop)
{
    if (!is_mapped(next_hop))
        return false;
    if (ip4_is_multicast(next_hop))
        wire_ethernet_group_of_ip4(packet->link_destination, next_hop);
    else
        memcpy(packet->link_destination, arp_everybody, sizeof arp_everybody);
    return true;
}

/* Finds the link address. False when the packet was queued or dropped instead. */
static bool resolve(struct arp *arp, struct packet *packet, uint64_t now_ns)
{
    uint32_t next_hop = address_ip4(&packet->next_hop);
    if (arp_map(packet, next_hop))
        return true;
    struct neighbour *neighbour = arp_neighbour_find(arp, packet->interface, next_hop);
    if (neighbour == NULL) {
        if (arp_address_sender(arp, packet->interface, next_hop) == 0) {
            packet_drop(packet, arp->counters, CHASKI_DROP_ARP_NO_ADDRESS);
            return false;
        }
        neighbour = arp_neighbour_ask(arp, packet->interface, next_hop, now_ns);
    }
    if (neighbour->state == NEIGHBOUR_INCOMPLETE) {
        arp_neighbour_queue(arp, neighbour, packet);
        return false;
    }
    if (neighbour->state != NEIGHBOUR_REACHABLE || now_ns >= neighbour->reachable_until_ns)
        arp_neighbour_use(arp, neighbour, now_ns);
    memcpy(packet->link_destination, neighbour->mac, sizeof neighbour->mac);
    return true;
}

/* The first packets of the burst, which all go out by the same interface. */
static void send_first(const struct arp *arp, struct burst *burst, uint32_t count, uint64_t now_ns)
{
    burst->count = count;
    if (count != 0)
        hook_call(&arp->interfaces[burst->packets[0]->interface].request, burst, now_ns);
}

void arp_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct arp *arp = block;
    uint32_t kept = 0, count = burst->count;
    for (uint32_t i = 0; i < count; i++) {
        struct packet *packet = burst->packets[i];
        if (!resolve(arp, packet, now_ns))
            continue;
        if (kept != 0 && packet->interface != burst->packets[0]->interface) {
            send_first(arp, burst, kept, now_ns);
            kept = 0;
        }
        burst->packets[kept++] = packet;
    }
    send_first(arp, burst, kept, now_ns);
}

void arp_confirm(void *block, uint8_t interface, uint32_t address, uint64_t now_ns)
{
    struct arp *arp = block;
    struct neighbour *neighbour = arp_neighbour_find(arp, interface, address);
    if (neighbour == NULL || neighbour->state == NEIGHBOUR_INCOMPLETE)
        return;
    if (neighbour->state == NEIGHBOUR_PROBE)
        timer_cancel(arp->wheel, &neighbour->timer);
    if (neighbour->state != NEIGHBOUR_REACHABLE)
        arp->changes++;
    neighbour->state = NEIGHBOUR_REACHABLE;
    neighbour->reachable_until_ns = now_ns + arp->reachable_ns;
}

void arp_doubt(void *block, uint8_t interface, uint32_t address, uint64_t now_ns)
{
    struct arp *arp = block;
    struct neighbour *neighbour = arp_neighbour_find(arp, interface, address);
    (void)now_ns;
    if (neighbour == NULL || neighbour->state != NEIGHBOUR_REACHABLE)
        return;
    neighbour->state = NEIGHBOUR_STALE;
    arp->changes++;
}

/* ---- Up ---- */

/* The header is sound, and its sender one that can be. */
static enum chaski_counter check(struct arp *arp, struct packet *packet)
{
    if (packet->length >= WIRE_ARP_SIZE && !packet_pull_up(packet, WIRE_ARP_SIZE, arp->memory))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter why = wire_arp_check(packet->data, packet->length);
    if (why != 0)
        return why;
    uint32_t sender = wire_arp_sender_ip(packet->data);
    if (wire_ethernet_is_group(wire_arp_sender_mac(packet->data)) || is_mapped(sender) ||
        ip4_is_loopback(sender))
        return CHASKI_DROP_ARP_MALFORMED;
    return 0;
}

/* Answers in the packet that asked, unless somebody else looks at it too. */
static void answer(struct arp *arp, struct packet *packet, uint64_t now_ns)
{
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REPLY,
        .sender_ip = wire_arp_target_ip(packet->data),
        .target_ip = wire_arp_sender_ip(packet->data),
    };
    struct burst reply = {.count = 1, .packets = {packet}};
    uint8_t interface = packet->interface;
    memcpy(fields.sender_mac, arp->interfaces[interface].mac, sizeof fields.sender_mac);
    memcpy(fields.target_mac, wire_arp_sender_mac(packet->data), sizeof fields.target_mac);
    count(arp->counters, CHASKI_ARP_REPLIES_SENT);
    if (packet_is_shared(packet)) {
        packet_free(packet);
        arp_send(arp, interface, fields.target_mac, &fields, now_ns);
        return;
    }
    packet_trim(packet, WIRE_ARP_SIZE);
    wire_arp_build(packet->data, &fields);
    memcpy(packet->link_destination, fields.target_mac, sizeof fields.target_mac);
    packet->protocol = WIRE_ETHERNET_ARP;
    packet->flags = 0;
    packet->checksum = CHECKSUM_COMPLETE;
    hook_call(&arp->interfaces[interface].request, &reply, now_ns);
}

/* Notes what a sound packet says; true when it wants an answer. */
static bool hear(struct arp *arp, const struct packet *packet, uint64_t now_ns)
{
    const uint8_t *p = packet->data;
    uint8_t interface = packet->interface;
    uint32_t sender = wire_arp_sender_ip(p);
    bool request = wire_arp_operation(p) == WIRE_ARP_REQUEST;
    if (wire_ethernet_equal(wire_arp_sender_mac(p), arp->interfaces[interface].mac))
        return false; /* our own, reflected */
    struct arp_address *claimed = arp_address_find(arp, interface, sender);
    if (claimed != NULL) {
        arp_address_contested(arp, claimed, false, now_ns);
        return false;
    }
    struct arp_address *target = arp_address_find(arp, interface, wire_arp_target_ip(p));
    if (target != NULL && request && sender == 0)
        arp_address_contested(arp, target, true, now_ns);
    bool ours = target != NULL && !target->conflict;
    if (sender != 0)
        arp_neighbour_hear(arp, interface, sender, wire_arp_sender_mac(p), ours && !request,
                           ours && request, now_ns);
    return ours && request;
}

void arp_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct arp *arp = block;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        enum chaski_counter why = check(arp, packet);
        if (why != 0)
            packet_drop(packet, arp->counters, why);
        else if (hear(arp, packet, now_ns))
            answer(arp, packet, now_ns);
        else
            packet_free(packet);
    }
    burst->count = 0;
}
