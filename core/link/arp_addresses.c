/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/arp.h"

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/wire/arp.h"

/*
 * Our own addresses (RFC 5227). An address is probed for three times, then announced twice. Who is
 * found to use it while we probe keeps it, and we fall silent about it; afterwards we defend
 * it for ever, but announce it for that reason at most once in ten seconds (2.4, case c).
 */
enum {
    PROBES = 3,
    PROBE_WAIT_S = 1,
    PROBE_MIN_S = 1,
    PROBE_MAX_S = 2,
    ANNOUNCEMENTS = 2,
    ANNOUNCE_WAIT_S = 2,
    ANNOUNCE_INTERVAL_S = 2,
    DEFEND_INTERVAL_S = 10,
};

struct arp_address *arp_address_find(const struct arp *arp, uint8_t interface, uint32_t address)
{
    for (uint32_t i = 0; i < arp->address_limit; i++) {
        struct arp_address *one = &arp->addresses[i];
        if (one->used && one->address == address && one->interface == interface)
            return one;
    }
    return NULL;
}

uint32_t arp_address_sender(const struct arp *arp, uint8_t interface, uint32_t target)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < arp->address_limit; i++) {
        const struct arp_address *one = &arp->addresses[i];
        if (!one->used || one->conflict || one->interface != interface)
            continue;
        if (((one->address ^ target) & ip4_mask(one->prefix_length)) == 0)
            return one->address;
        if (found == 0)
            found = one->address;
    }
    return found;
}

static struct arp_address *free_address(struct arp *arp)
{
    for (uint32_t i = 0; i < arp->address_limit; i++)
        if (!arp->addresses[i].used)
            return &arp->addresses[i];
    return NULL;
}

int arp_address_add(struct arp *arp, uint8_t interface, uint32_t address, unsigned prefix_length,
                    bool probe, uint64_t now_ns)
{
    struct arp_address *added = free_address(arp);
    if (added == NULL)
        return CHASKI_NO_MEMORY;
    *added = (struct arp_address){
        .address = address,
        .interface = interface,
        .prefix_length = (uint8_t)prefix_length,
        .used = true,
    };
    timer_init(&added->timer, arp->address_owner);
    if (probe) {
        added->probes_left = PROBES;
        added->announcements_left = ANNOUNCEMENTS;
        timer_arm(arp->wheel, &added->timer,
                  now_ns + random_draw_below(&arp->random, PROBE_WAIT_S * ARP_SECOND_NS));
    }
    return 0;
}

void arp_address_remove(struct arp *arp, uint8_t interface, uint32_t address)
{
    struct arp_address *removed = arp_address_find(arp, interface, address);
    if (removed == NULL)
        return;
    timer_cancel(arp->wheel, &removed->timer);
    removed->used = false;
}

bool arp_address_conflict(const struct arp *arp, uint8_t interface, uint32_t address)
{
    const struct arp_address *one = arp_address_find(arp, interface, address);
    return one != NULL && one->conflict;
}

/* ---- Probing and announcing ---- */

/* A request for the address itself: from nobody it is a probe, from the address an announcement. */
static void send_about(struct arp *arp, const struct arp_address *address, uint32_t sender,
                       uint64_t now_ns)
{
    struct wire_arp_fields fields = {
        .operation = WIRE_ARP_REQUEST,
        .sender_ip = sender,
        .target_ip = address->address,
    };
    memcpy(fields.sender_mac, arp->interfaces[address->interface].mac, sizeof fields.sender_mac);
    arp_send(arp, address->interface, arp_everybody, &fields, now_ns);
}

static void announce(struct arp *arp, struct arp_address *address, uint64_t now_ns)
{
    count(arp->counters, CHASKI_ARP_ANNOUNCEMENTS_SENT);
    send_about(arp, address, address->address, now_ns);
}

static void probe(struct arp *arp, struct arp_address *address, uint64_t now_ns)
{
    uint64_t wait = ANNOUNCE_WAIT_S * ARP_SECOND_NS;
    address->probes_left--;
    if (address->probes_left != 0)
        wait = PROBE_MIN_S * ARP_SECOND_NS +
               random_draw_below(&arp->random, (PROBE_MAX_S - PROBE_MIN_S) * ARP_SECOND_NS);
    timer_arm(arp->wheel, &address->timer, now_ns + wait);
    count(arp->counters, CHASKI_ARP_PROBES_SENT);
    send_about(arp, address, 0, now_ns);
}

void arp_address_fire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct arp *arp = block;
    struct arp_address *address = list_entry(timer, struct arp_address, timer);
    if (address->probes_left != 0) {
        probe(arp, address, now_ns);
        return;
    }
    address->announcements_left--;
    if (address->announcements_left != 0)
        timer_arm(arp->wheel, timer, now_ns + ANNOUNCE_INTERVAL_S * ARP_SECOND_NS);
    announce(arp, address, now_ns);
}

/* ---- Conflicts ---- */

static bool is_tentative(const struct arp_address *address)
{
    return address->announcements_left == ANNOUNCEMENTS;
}

static void defend(struct arp *arp, struct arp_address *address, uint64_t now_ns)
{
    uint64_t again_ns = address->defended_at_ns + DEFEND_INTERVAL_S * ARP_SECOND_NS;
    if (address->defended_at_ns != 0 && now_ns < again_ns)
        return;
    address->defended_at_ns = now_ns;
    announce(arp, address, now_ns);
}

void arp_address_contested(struct arp *arp, struct arp_address *address, bool probe_only,
                           uint64_t now_ns)
{
    if (address->conflict || (probe_only && !is_tentative(address)))
        return; /* an answer is all that a probe for an address in use wants */
    count(arp->counters, CHASKI_ARP_CONFLICTS);
    if (is_tentative(address)) {
        address->conflict = true;
        timer_cancel(arp->wheel, &address->timer);
        return;
    }
    defend(arp, address, now_ns);
}
