/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/igmp.h"

#include "chaski/chaski.h"
#include "core/base/address.h"
#include "core/wire/ethernet.h"
#include "core/wire/igmp.h"

/* Memberships and their timers. What comes in is in igmp_receive.c, what goes out in
 * igmp_report.c. */

static void membership_fire(void *block, struct timer *timer, uint64_t now_ns);
static void interface_fire(void *block, struct timer *timer, uint64_t now_ns);

/* ---- Setup ---- */

static void claim_groups(struct igmp *igmp, struct ip4 *ip4)
{
    igmp->ip4 = ip4;
    ip4->groups = (struct ip4_groups){
        .member = igmp_member,
        .join = igmp_join,
        .leave = igmp_leave,
        .block = igmp,
    };
}

void igmp_setup(struct igmp *igmp, struct memory *memory, uint32_t groups, struct ip4 *ip4,
                struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
                const struct siphash_key *key)
{
    uint32_t bits = 1;
    while (bits < 20 && UINT32_C(1) << bits < groups)
        bits++;
    struct igmp_membership *memberships = memory_take(memory, groups * sizeof *memberships);
    uint32_t *chains = memory_take(memory, (sizeof *chains) << bits);
    if (memberships == NULL || chains == NULL)
        return;
    memset(igmp, 0, sizeof *igmp);
    igmp->request = (struct hook){hook_not_wired, counters};
    igmp->counters = counters;
    igmp->memory = packets;
    igmp->wheel = wheel;
    igmp->random.key = *key;
    igmp->memberships = memberships;
    igmp->chains = chains;
    igmp->chain_bits = bits;
    igmp->limit = groups;
    igmp->membership_owner = timer_wheel_own(wheel, membership_fire, igmp);
    igmp->interface_owner = timer_wheel_own(wheel, interface_fire, igmp);
    claim_groups(igmp, ip4);
}

static void link_join(const struct igmp *igmp, uint8_t interface, uint32_t group)
{
    const struct igmp_interface *joined = &igmp->interfaces[interface];
    uint8_t address[6];
    wire_ethernet_group_of_ip4(address, group);
    if (joined->link_join != NULL)
        joined->link_join(joined->link, address);
}

static void link_leave(const struct igmp *igmp, uint8_t interface, uint32_t group)
{
    const struct igmp_interface *left = &igmp->interfaces[interface];
    uint8_t address[6];
    wire_ethernet_group_of_ip4(address, group);
    if (left->link_leave != NULL)
        left->link_leave(left->link, address);
}

void igmp_interface_add(struct igmp *igmp, uint8_t interface,
                        void (*join)(void *link, const uint8_t group[6]),
                        void (*leave)(void *link, const uint8_t group[6]), void *link)
{
    struct igmp_interface *added = &igmp->interfaces[interface];
    *added = (struct igmp_interface){
        .robustness = IGMP_ROBUSTNESS,
        .used = true,
        .link_join = join,
        .link_leave = leave,
        .link = link,
    };
    timer_init(&added->timer, igmp->interface_owner);
    link_join(igmp, interface, IP4_ALL_HOSTS);
}

/* ---- The table ---- */

static uint32_t *chain_of(const struct igmp *igmp, uint32_t group)
{
    return &igmp->chains[(uint32_t)(group * 0x9e3779b1u) >> (32 - igmp->chain_bits)];
}

struct igmp_membership *igmp_find(const struct igmp *igmp, uint8_t interface, uint32_t group)
{
    for (uint32_t at = *chain_of(igmp, group); at != 0;) {
        struct igmp_membership *membership = &igmp->memberships[at - 1];
        if (membership->group == group && membership->interface == interface)
            return membership;
        at = membership->next;
    }
    return NULL;
}

static struct igmp_membership *make(struct igmp *igmp, uint8_t interface, uint32_t group)
{
    uint32_t i = 0;
    while (i < igmp->limit && igmp->memberships[i].group != 0)
        i++;
    if (i == igmp->limit)
        return NULL;
    struct igmp_membership *made = &igmp->memberships[i];
    uint32_t *head = chain_of(igmp, group);
    *made = (struct igmp_membership){
        .group = group,
        .interface = interface,
        .next = *head,
        .answer_at_ns = TIMER_NEVER,
        .change_at_ns = TIMER_NEVER,
    };
    timer_init(&made->timer, igmp->membership_owner);
    *head = i + 1;
    return made;
}

static void release(struct igmp *igmp, struct igmp_membership *membership)
{
    uint32_t self = (uint32_t)(membership - igmp->memberships) + 1;
    uint32_t *at = chain_of(igmp, membership->group);
    while (*at != self)
        at = &igmp->memberships[*at - 1].next;
    *at = membership->next;
    timer_cancel(igmp->wheel, &membership->timer);
    membership->group = 0;
}

/* ---- Timers ---- */

void igmp_settle(struct igmp *igmp, struct igmp_membership *membership)
{
    uint64_t next = membership->answer_at_ns < membership->change_at_ns ? membership->answer_at_ns
                                                                        : membership->change_at_ns;
    if (next == TIMER_NEVER && membership->references == 0)
        release(igmp, membership);
    else
        timer_arm(igmp->wheel, &membership->timer, next);
}

/* A change of state is said at once and then repeated at random intervals (RFC 3376, 5.1;
 * RFC 2236, 3), during which nothing else need be armed. */
static void say_change(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns)
{
    bool version3 = igmp_version(igmp, membership->interface, now_ns) == 3;
    uint64_t interval_ns = (version3 ? 1 : 10) * IGMP_SECOND_NS;
    bool leaves_once = membership->references == 0 && !version3;
    membership->changes_left--;
    if (leaves_once)
        membership->changes_left = 0;
    membership->change_at_ns = membership->changes_left == 0
                                   ? TIMER_NEVER
                                   : now_ns + 1 + igmp_random_ns(igmp, interval_ns);
    igmp_send_change(igmp, membership, now_ns);
}

static void begin_change(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns)
{
    membership->changes_left = igmp->interfaces[membership->interface].robustness;
    say_change(igmp, membership, now_ns);
    igmp_settle(igmp, membership);
}

static void membership_fire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct igmp *igmp = block;
    struct igmp_membership *membership = list_entry(timer, struct igmp_membership, timer);
    if (membership->change_at_ns <= now_ns)
        say_change(igmp, membership, now_ns);
    if (membership->answer_at_ns <= now_ns) {
        membership->answer_at_ns = TIMER_NEVER;
        igmp_send_answer(igmp, membership, now_ns);
    }
    igmp_settle(igmp, membership);
}

static void interface_fire(void *block, struct timer *timer, uint64_t now_ns)
{
    struct igmp *igmp = block;
    struct igmp_interface *interface = list_entry(timer, struct igmp_interface, timer);
    igmp_send_all(igmp, (uint8_t)(interface - igmp->interfaces), now_ns);
}

/* ---- Joining and leaving ---- */

static bool is_interface(const struct igmp *igmp, uint8_t interface)
{
    return interface < IP4_INTERFACES && igmp->interfaces[interface].used;
}

bool igmp_member(void *block, uint8_t interface, uint32_t group)
{
    const struct igmp *igmp = block;
    if (group == IP4_ALL_HOSTS)
        return is_interface(igmp, interface);
    const struct igmp_membership *membership = igmp_find(igmp, interface, group);
    return membership != NULL && membership->references != 0;
}

int igmp_join(void *block, uint8_t interface, uint32_t group, uint64_t now_ns)
{
    struct igmp *igmp = block;
    if (!ip4_is_multicast(group) || !is_interface(igmp, interface))
        return CHASKI_INVALID;
    if (group == IP4_ALL_HOSTS)
        return 0;
    struct igmp_membership *membership = igmp_find(igmp, interface, group);
    if (membership == NULL)
        membership = make(igmp, interface, group);
    if (membership == NULL)
        return CHASKI_NO_MEMORY;
    if (membership->references++ != 0)
        return 0;
    link_join(igmp, interface, group);
    begin_change(igmp, membership, now_ns);
    return 0;
}

int igmp_leave(void *block, uint8_t interface, uint32_t group, uint64_t now_ns)
{
    struct igmp *igmp = block;
    if (!ip4_is_multicast(group) || !is_interface(igmp, interface))
        return CHASKI_INVALID;
    if (group == IP4_ALL_HOSTS)
        return 0;
    struct igmp_membership *membership = igmp_find(igmp, interface, group);
    if (membership == NULL || membership->references == 0)
        return CHASKI_BAD_ADDRESS;
    if (--membership->references != 0)
        return 0;
    link_leave(igmp, interface, group);
    membership->answer_at_ns = TIMER_NEVER;
    begin_change(igmp, membership, now_ns);
    return 0;
}
