/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/tables.h"

#include "core/host/layout.h"

/* ---- Writing ---- */

uint64_t host_tables_version(const struct chaski *leader)
{
    return leader->ip4.changes + leader->arp.changes;
}

static void lay_out(const struct chaski *leader, struct memory *memory, struct host_tables *tables)
{
    ip4_write_tables(&leader->ip4, memory, &tables->ip4);
    arp_write_table(&leader->arp, memory, &tables->neighbours);
}

size_t host_tables_size(const struct chaski *leader)
{
    struct host_tables scratch;
    struct memory memory = {0};
    memory_take(&memory, sizeof scratch);
    lay_out(leader, &memory, &scratch);
    return memory.used;
}

struct host_tables *host_tables_write(const struct chaski *leader, void *memory, size_t size)
{
    struct memory rest = {.base = memory, .size = size};
    struct host_tables *tables = memory_take(&rest, sizeof *tables);
    if (tables == NULL)
        return NULL;
    tables->version = host_tables_version(leader);
    lay_out(leader, &rest, tables);
    return rest.used <= rest.size ? tables : NULL;
}

/* ---- Following ---- */

void host_become_follower(struct chaski *host, const struct host_leader *leader)
{
    static const struct ip4_tables nothing;
    host->follows = true;
    host->reader.resolve = leader->resolve;
    host->reader.tell = leader->tell;
    host->reader.tell_block = leader->tell_block;
    ip4_follow(&host->ip4, &nothing);
}

void host_follow(struct chaski *follower, const struct host_tables *tables)
{
    ip4_follow(&follower->ip4, &tables->ip4);
    neighbour_reader_follow(&follower->reader, &tables->neighbours);
}

void host_resolve(struct chaski *leader, struct burst *burst, uint64_t now_ns)
{
    arp_transmit(&leader->arp, burst, now_ns);
}

void host_hear_news(struct chaski *leader, enum neighbour_news news, uint8_t interface,
                    uint32_t address, uint64_t now_ns)
{
    arp_hear_news(&leader->arp, news, interface, address, now_ns);
}

/* ---- Who a packet concerns ---- */

void host_on_unreachable(struct chaski *host, struct hook hook)
{
    host->arp.unreachable = hook;
}

void host_neighbour_unreachable(struct chaski *host, struct burst *burst, uint64_t now_ns)
{
    icmp4_neighbour_unreachable(&host->icmp4, burst, now_ns);
}

void host_on_reassembled(struct chaski *host, struct hook hook)
{
    host->ip4.reassembled = hook;
}

void host_deliver(struct chaski *host, struct burst *burst, uint64_t now_ns)
{
    ip4_deliver(&host->ip4, burst, now_ns);
}

void host_set_part(struct chaski *host, unsigned part, unsigned parts)
{
    ip4_identification_share(&host->ip4.identification, part, parts);
}

void host_set_home(struct chaski *host, const struct home *home)
{
    host->tcp.home = *home;
    host->udp.home = *home;
}
