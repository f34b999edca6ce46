/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/neighbour_reader.h"

#include "core/base/address.h"

#define TELL_AGAIN_NS ARP_SECOND_NS
#define CONFIRM_EARLY_NS (5 * ARP_SECOND_NS) /* before a confirmation ends, progress is news */

void neighbour_reader_setup(struct neighbour_reader *reader, struct counters *counters)
{
    struct hook nowhere = {hook_not_wired, counters};
    memset(reader, 0, sizeof *reader);
    reader->counters = counters;
    reader->resolve = nowhere;
    for (unsigned i = 0; i < ARP_INTERFACES; i++)
        reader->request[i] = nowhere;
}

void neighbour_reader_follow(struct neighbour_reader *reader, const struct neighbour_table *table)
{
    reader->table = table;
    reader->last = NULL;
}

static const struct neighbour_entry *find(struct neighbour_reader *reader, uint8_t interface,
                                          uint32_t address)
{
    const struct neighbour_entry *last = reader->last;
    if (last != NULL && last->address == address && last->interface == interface)
        return last;
    if (reader->table == NULL)
        return NULL;
    const struct neighbour_entry *found = neighbour_table_find(reader->table, interface, address);
    if (found != NULL)
        reader->last = found;
    return found;
}

/* At most once a second, for all that share a place: the leader needs to hear it in time, not each
 * time. */
static void tell(struct neighbour_reader *reader, enum neighbour_news news, uint8_t interface,
                 uint32_t address, uint64_t now_ns)
{
    uint32_t place = neighbour_table_hash(reader->table, interface, address) >> 8;
    uint64_t *told_ns = &reader->told_ns[(place * 3 + news) % NEIGHBOUR_TOLD];
    if (*told_ns != 0 && now_ns - *told_ns < TELL_AGAIN_NS)
        return;
    *told_ns = now_ns;
    if (reader->tell != NULL)
        reader->tell(reader->tell_block, news, interface, address, now_ns);
}

/* False: the leader has to see to this packet. */
static bool resolve(struct neighbour_reader *reader, struct packet *packet, uint64_t now_ns)
{
    uint32_t next_hop = address_ip4(&packet->next_hop);
    if (arp_map(packet, next_hop))
        return true;
    const struct neighbour_entry *entry = find(reader, packet->interface, next_hop);
    if (entry == NULL)
        return false;
    if (now_ns >= entry->reachable_until_ns)
        tell(reader, NEIGHBOUR_USED, packet->interface, next_hop, now_ns);
    memcpy(packet->link_destination, entry->mac, sizeof entry->mac);
    return true;
}

void neighbour_reader_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct neighbour_reader *reader = block;
    const struct hook *hook = NULL;
    struct burst out;
    out.count = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        const struct hook *next = resolve(reader, packet, now_ns)
                                      ? &reader->request[packet->interface]
                                      : &reader->resolve;
        if (next != hook && hook != NULL)
            hook_call(hook, &out, now_ns);
        hook = next;
        burst_add(&out, packet, hook, now_ns);
    }
    burst->count = 0;
    if (hook != NULL)
        hook_call(hook, &out, now_ns);
}

void neighbour_reader_confirm(void *block, uint8_t interface, uint32_t address, uint64_t now_ns)
{
    struct neighbour_reader *reader = block;
    const struct neighbour_entry *entry = find(reader, interface, address);
    if (entry != NULL && now_ns + CONFIRM_EARLY_NS >= entry->reachable_until_ns)
        tell(reader, NEIGHBOUR_CONFIRMED, interface, address, now_ns);
}

void neighbour_reader_doubt(void *block, uint8_t interface, uint32_t address, uint64_t now_ns)
{
    struct neighbour_reader *reader = block;
    const struct neighbour_entry *entry = find(reader, interface, address);
    if (entry != NULL && now_ns < entry->reachable_until_ns)
        tell(reader, NEIGHBOUR_DOUBTED, interface, address, now_ns);
}
