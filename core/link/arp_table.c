/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/arp.h"
#include "core/link/neighbour_table.h"

/* The resolved neighbours as those read them who follow this host, and what they tell. */

static uint32_t slots_for(uint32_t count)
{
    uint32_t slots = 2;
    while (slots < 2 * count && slots < UINT32_C(1) << 30)
        slots *= 2;
    return slots;
}

static void write_one(const struct neighbour_table *table, struct neighbour_entry *entries,
                      const struct neighbour *neighbour)
{
    uint32_t at = neighbour_table_hash(table, neighbour->interface, neighbour->address);
    while (entries[at & table->mask].used)
        at++;
    struct neighbour_entry *entry = &entries[at & table->mask];
    *entry = (struct neighbour_entry){
        .reachable_until_ns =
            neighbour->state == NEIGHBOUR_REACHABLE ? neighbour->reachable_until_ns : 0,
        .address = neighbour->address,
        .interface = neighbour->interface,
        .used = true,
    };
    memcpy(entry->mac, neighbour->mac, sizeof entry->mac);
}

void arp_write_table(const struct arp *arp, struct memory *memory, struct neighbour_table *table)
{
    uint32_t slots = slots_for(arp->resolved_count);
    struct neighbour_entry *entries = memory_take(memory, slots * sizeof *entries);
    if (entries == NULL)
        return;
    *table = (struct neighbour_table){entries, slots - 1, arp->table_key};
    for (const struct list *at = arp->resolved.next; at != &arp->resolved; at = at->next)
        write_one(table, entries, list_entry(at, const struct neighbour, link));
}

void arp_hear_news(struct arp *arp, enum neighbour_news news, uint8_t interface, uint32_t address,
                   uint64_t now_ns)
{
    struct neighbour *neighbour = arp_neighbour_find(arp, interface, address);
    if (neighbour == NULL || neighbour->state == NEIGHBOUR_INCOMPLETE)
        return;
    bool confirmed =
        neighbour->state == NEIGHBOUR_REACHABLE && now_ns < neighbour->reachable_until_ns;
    arp->changes++; /* in any case: the table that was read is older than what is known here */
    if (news == NEIGHBOUR_CONFIRMED)
        arp_confirm(arp, interface, address, now_ns);
    else if (news == NEIGHBOUR_DOUBTED)
        arp_doubt(arp, interface, address, now_ns);
    else if (!confirmed)
        arp_neighbour_use(arp, neighbour, now_ns);
}
