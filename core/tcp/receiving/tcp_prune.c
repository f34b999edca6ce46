/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/tcp_internal.h"

/*
 * Theory of operation. What lies behind gaps stays until its sender fills them, so that a few who
 * never do could hold the share of the pools that received text may have. Where that is used up, a
 * segment that comes takes its room from them: text that is next in order from who holds more, text
 * behind a gap from who holds more than twice as much. SACK allows it (RFC 2018, 8).
 *
 * Nobody keeps a list of who has gaps. A hand goes round all connections, a few for each
 * segment that finds no room, and stays where it has found something for as long as there is more.
 */

enum { LOOK = 16 };

static bool gives_way(const struct tcp_connection *other, const struct tcp_connection *c, bool next)
{
    return other != c && !tree_empty(&other->receive.runs) &&
           other->receive.charge / (next ? 1 : 2) > c->receive.charge;
}

static void prune_others(struct tcp *tcp, const struct tcp_connection *c, bool next)
{
    for (unsigned i = 0; i < LOOK; i++) {
        if (tcp->prune_hand >= tcp->connection_fresh)
            tcp->prune_hand = 0;
        struct tcp_connection *other = &tcp->connections[tcp->prune_hand];
        if (gives_way(other, c, next)) {
            receive_queue_prune(&other->receive, tcp->counters);
            return;
        }
        tcp->prune_hand++;
    }
}

bool tcp_admit_text(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                    bool next)
{
    if (receive_queue_fits(&c->receive, packet, next))
        return true;
    if (receive_queue_is_scarce(&c->receive, packet, next))
        prune_others(tcp, c, next);
    return receive_queue_admit(&c->receive, packet, next, tcp->counters);
}
