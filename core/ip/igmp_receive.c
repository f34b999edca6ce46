/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/address.h"
#include "core/ip/igmp.h"
#include "core/wire/igmp.h"
#include "core/wire/ip4.h"

/* Queries, which are answered after a random delay, and the reports of others, which in versions 1
 * and 2 spare us our own. */

/* RFC 3376, 8.12: robustness times query interval plus response interval, of the defaults. */
#define OLDER_ROUTER_NS ((2 * 125 + 10) * IGMP_SECOND_NS)

unsigned igmp_version(const struct igmp *igmp, uint8_t interface, uint64_t now_ns)
{
    const struct igmp_interface *one = &igmp->interfaces[interface];
    if (now_ns < one->version1_until_ns)
        return 1;
    return now_ns < one->version2_until_ns ? 2 : 3;
}

/* ---- Whether to believe ---- */

/* Queries of routers do not cross routers and, from version 2 on, say so in an option (RFC 3376,
 * 4 and 9.1). */
static bool is_from_the_link(const struct packet *packet, unsigned version)
{
    struct wire_ip4_options options;
    if (packet->ip.ttl != 1)
        return false;
    if (version == 1)
        return true;
    return wire_ip4_parse_options(packet_network(packet), &options) == 0 &&
           options.router_alert != 0;
}

static enum chaski_counter check(struct igmp *igmp, struct packet *packet)
{
    if (!packet_pull_up(packet, packet->length, igmp->memory))
        return CHASKI_DROP_NO_MEMORY;
    enum chaski_counter why = wire_igmp_check(packet->data, packet->length);
    if (why != 0)
        return why;
    if (!wire_igmp_checksum_ok(packet->data, packet->length))
        return CHASKI_DROP_IGMP_CHECKSUM;
    if (packet->interface >= IP4_INTERFACES || !igmp->interfaces[packet->interface].used)
        return CHASKI_DROP_IGMP_IGNORED;
    return 0;
}

/* ---- Queries ---- */

/* A query, taken apart. */
struct query {
    const uint8_t *message;
    uint32_t group;
    uint64_t answer_at_ns;
    uint16_t source_count;
};

/* Pending answers and reports belong to the version that they were meant for (RFC 3376, 7.2.1). */
static void forget_pending(struct igmp *igmp, uint8_t interface)
{
    timer_cancel(igmp->wheel, &igmp->interfaces[interface].timer);
    for (uint32_t i = 0; i < igmp->limit; i++) {
        struct igmp_membership *membership = &igmp->memberships[i];
        if (membership->group == 0 || membership->interface != interface)
            continue;
        membership->answer_at_ns = TIMER_NEVER;
        membership->change_at_ns = TIMER_NEVER;
        igmp_settle(igmp, membership);
    }
}

static void note_router(struct igmp *igmp, uint8_t interface, const uint8_t *message,
                        unsigned version, uint64_t now_ns)
{
    struct igmp_interface *one = &igmp->interfaces[interface];
    unsigned before = igmp_version(igmp, interface, now_ns);
    if (version == 1)
        one->version1_until_ns = now_ns + OLDER_ROUTER_NS;
    if (version == 2)
        one->version2_until_ns = now_ns + OLDER_ROUTER_NS;
    if (version == 3) {
        uint8_t robustness = wire_igmp_robustness(message);
        one->robustness = robustness != 0 ? robustness : IGMP_ROBUSTNESS;
    }
    if (igmp_version(igmp, interface, now_ns) != before)
        forget_pending(igmp, interface);
}

/* Adds sources to those asked after; more than fit means the group as such. */
static void add_sources(struct igmp_membership *membership, const struct query *query)
{
    for (unsigned i = 0; i < query->source_count; i++) {
        uint32_t source = wire_igmp_source(query->message, i);
        unsigned at = 0;
        while (at < membership->source_count && membership->sources[at] != source)
            at++;
        if (at == IGMP_SOURCES) {
            membership->source_count = 0;
            return;
        }
        membership->sources[at] = source;
        if (at == membership->source_count)
            membership->source_count++;
    }
}

/* Schedules the answer about one group (RFC 3376, 5.2, rules 1 and 4 to 6). */
static void ask_group(struct igmp *igmp, struct igmp_membership *membership,
                      const struct query *query)
{
    const struct timer *general = &igmp->interfaces[membership->interface].timer;
    if (timer_armed(general) && general->deadline_ns <= query->answer_at_ns)
        return;
    bool pending = membership->answer_at_ns != TIMER_NEVER;
    bool group_as_such = query->source_count == 0 || (pending && membership->source_count == 0);
    if (!pending || query->answer_at_ns < membership->answer_at_ns)
        membership->answer_at_ns = query->answer_at_ns;
    if (!pending || group_as_such)
        membership->source_count = 0;
    if (!group_as_such)
        add_sources(membership, query);
    igmp_settle(igmp, membership);
}

/* Versions 1 and 2 answer a general query group by group. */
static void ask_all_groups(struct igmp *igmp, uint8_t interface, uint64_t max_ns, uint64_t now_ns)
{
    for (uint32_t i = 0; i < igmp->limit; i++) {
        struct igmp_membership *membership = &igmp->memberships[i];
        struct query query = {
            .answer_at_ns = now_ns + igmp_random_ns(igmp, max_ns),
        };
        if (membership->references != 0 && membership->interface == interface)
            ask_group(igmp, membership, &query);
    }
}

static void ask_interface(struct igmp *igmp, uint8_t interface, uint64_t answer_at_ns)
{
    struct timer *timer = &igmp->interfaces[interface].timer;
    if (!timer_armed(timer) || answer_at_ns < timer->deadline_ns)
        timer_arm(igmp->wheel, timer, answer_at_ns);
}

static void answer_query(struct igmp *igmp, const struct packet *packet, unsigned version,
                         uint64_t now_ns)
{
    const uint8_t *message = packet->data;
    uint8_t interface = packet->interface;
    uint64_t max_ns = wire_igmp_max_response_ms(message, version) * (IGMP_SECOND_NS / 1000);
    struct query query = {
        .message = message,
        .group = version == 1 ? 0 : wire_igmp_group(message),
        .answer_at_ns = now_ns + igmp_random_ns(igmp, max_ns),
        .source_count = version == 3 ? wire_igmp_source_count(message) : 0,
    };
    if (query.group == 0) {
        if (igmp_version(igmp, interface, now_ns) == 3)
            ask_interface(igmp, interface, query.answer_at_ns);
        else
            ask_all_groups(igmp, interface, max_ns, now_ns);
        return;
    }
    struct igmp_membership *membership = igmp_find(igmp, interface, query.group);
    if (membership != NULL && membership->references != 0)
        ask_group(igmp, membership, &query);
}

static enum chaski_counter receive_query(struct igmp *igmp, const struct packet *packet,
                                         uint64_t now_ns)
{
    unsigned version = wire_igmp_query_version(packet->data, packet->length);
    if (!is_from_the_link(packet, version))
        return CHASKI_DROP_IGMP_SCOPE;
    count(igmp->counters, CHASKI_IGMP_QUERIES_RECEIVED);
    note_router(igmp, packet->interface, packet->data, version, now_ns);
    answer_query(igmp, packet, version, now_ns);
    return 0;
}

/* ---- Reports of others ---- */

static enum chaski_counter receive_report(struct igmp *igmp, const struct packet *packet,
                                          uint64_t now_ns)
{
    struct igmp_membership *membership =
        igmp_find(igmp, packet->interface, wire_igmp_group(packet->data));
    if (igmp_version(igmp, packet->interface, now_ns) == 3 || membership == NULL ||
        membership->references == 0)
        return CHASKI_DROP_IGMP_IGNORED;
    membership->answer_at_ns = TIMER_NEVER;
    membership->change_at_ns = TIMER_NEVER;
    membership->reported_last = false;
    igmp_settle(igmp, membership);
    return 0;
}

/* ---- Entry ---- */

static enum chaski_counter receive_one(struct igmp *igmp, struct packet *packet, uint64_t now_ns)
{
    enum chaski_counter why = check(igmp, packet);
    if (why != 0)
        return why;
    switch (wire_igmp_type(packet->data)) {
    case WIRE_IGMP_QUERY:
        return receive_query(igmp, packet, now_ns);
    case WIRE_IGMP_REPORT1:
    case WIRE_IGMP_REPORT2:
        return receive_report(igmp, packet, now_ns);
    default:
        return CHASKI_DROP_IGMP_IGNORED;
    }
}

void igmp_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct igmp *igmp = block;
    for (uint32_t i = 0; i < burst->count; i++) {
        enum chaski_counter why = receive_one(igmp, burst->packets[i], now_ns);
        if (why != 0)
            packet_drop(burst->packets[i], igmp->counters, why);
        else
            packet_free(burst->packets[i]);
    }
    burst->count = 0;
}
