/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/layout.h"
#include "core/wire/tcp.h"
#include "drivers/frame.h"
#include "tests/sim/sim.h"

/*
 * Shows each host's model what the host receives, is told and sends, and fails when it sends what
 * the model forbids. What the model is shown, the host may lose: then it counts that, and is held
 * to less from there on.
 */

enum { HEADER = 14, LONGEST = 65535 + HEADER, PROTOCOL_TCP = 6 };

/* Counted when a segment is lost that the model saw come in or expects to go out, or when a SYN is
 * answered and forgotten. */
static const enum chaski_counter losses[] = {
    CHASKI_DROP_NO_MEMORY,           CHASKI_DROP_LINK_REFUSED,    CHASKI_DROP_ETHERNET_HEADER,
    CHASKI_DROP_ETHERNET_NOT_OURS,   CHASKI_DROP_ETHERNET_TAGGED, CHASKI_DROP_ARP_QUEUE,
    CHASKI_DROP_ARP_TABLE,           CHASKI_DROP_ARP_UNREACHABLE, CHASKI_DROP_ARP_NO_ADDRESS,
    CHASKI_DROP_LOOPBACK_FULL,       CHASKI_DROP_IP4_HEADER,      CHASKI_DROP_IP4_OPTION,
    CHASKI_DROP_IP4_SOURCE_ROUTE,    CHASKI_DROP_IP4_SOURCE,      CHASKI_DROP_IP4_NOT_OURS,
    CHASKI_DROP_IP4_LINK_BROADCAST,  CHASKI_DROP_IP4_NO_ROUTE,    CHASKI_DROP_IP4_TOO_BIG,
    CHASKI_DROP_TCP_PRUNED,          CHASKI_DROP_TCP_QUEUE_FULL,  CHASKI_DROP_TCP_LISTENER_FULL,
    CHASKI_TCP_REPLY_NO_MEMORY,      CHASKI_TCP_OUTPUT_NO_MEMORY, CHASKI_TCP_COOKIES_SENT,
    CHASKI_TCP_TIME_WAIT_OVERFLOWED, CHASKI_TCP_FLIGHT_LIMIT,
};

void sim_model_make(struct sim_host *at)
{
    const struct tcp_knobs *knobs = &at->host->tcp.knobs;
    struct model_options options = {
        .calls = true,
        .exact = true,
        .fast_open = (knobs->fast_open & FAST_OPEN_CLIENT_NO_COOKIE) != 0,
        .shrinks = knobs->shrink_window,
    };
    if (at->sim->job.no_model)
        return;
    at->model = model_make(&options);
    sim_must(at->sim, at->model != NULL);
    at->lossless = true;
}

/* Whether a pool has refused something that was more than data to be sent. */
static bool ran_out(const struct sim_host *at)
{
    const struct pool *pools[] = {&at->host->memory.packets, &at->host->memory.small,
                                  &at->host->memory.large, &at->host->tcp.sent};
    bool out = false;
    for (unsigned i = 0; i < 4; i++)
        out |= pools[i]->lowest_free <= pools[i]->keep[FOR_RECEIVE] ||
               (pools[i]->fail_at != 0 && pools[i]->takes >= pools[i]->fail_at);
    return out;
}

/* Whether something else than a SYN waits for the address of a neighbour: what it says may be long
 * past when it leaves. */
static bool withholds(struct sim_host *at)
{
    const struct list *all = &at->host->arp.unresolved;
    for (const struct list *link = all->next; link != all; link = link->next) {
        const struct neighbour *neighbour = list_entry(link, struct neighbour, link);
        for (const struct packet *p = neighbour->queue; p != NULL; p = p->next)
            if (p->ip.protocol == PROTOCOL_TCP &&
                wire_tcp_flags(packet_transport(p)) & (TCP_ACK | TCP_RST))
                return true;
    }
    return false;
}

static void note_losses(struct sim_host *at)
{
    at->lossless = at->lossless && !ran_out(at) && !withholds(at);
    for (unsigned i = 0; i < sizeof losses / sizeof losses[0] && at->lossless; i++)
        at->lossless = chaski_counter_value(at->host, losses[i]) == 0;
    if (!at->lossless)
        model_may_lose(at->model);
}

/* False when it is nothing for the model. */
static bool packet_for_model(const struct packet *packet, uint8_t *bytes, struct model_packet *seen)
{
    if (packet->length < HEADER + 20 || packet->length > LONGEST)
        return false;
    packet_copy_out(packet, 0, bytes, packet->length);
    *seen = (struct model_packet){
        .bytes = bytes + HEADER,
        .length = packet->length - HEADER,
        .unit = packet->segment_size,
        .trusted = packet->checksum == CHECKSUM_PARTIAL || packet->checksum == CHECKSUM_VERIFIED,
    };
    return load_be16(bytes + 12) == 0x0800;
}

void sim_model_in(struct sim_host *at, const struct packet *packet)
{
    static uint8_t bytes[LONGEST];
    struct model_packet seen;
    if (at->model != NULL && packet_for_model(packet, bytes, &seen))
        model_in(at->model, &seen, at->sim->now_ns);
}

void sim_model_out(struct sim_host *at, const struct packet *packet)
{
    static uint8_t bytes[LONGEST];
    struct model_packet seen;
    if (at->model == NULL || !packet_for_model(packet, bytes, &seen))
        return;
    note_losses(at);
    const char *broken = model_out(at->model, &seen, at->sim->now_ns);
    if (broken != NULL)
        sim_fail(at->sim, "host %u: %s", at->number, broken);
}

void sim_model_turn(struct sim_host *at)
{
    if (at->model == NULL)
        return;
    note_losses(at);
    const char *broken = model_turn(at->model, at->sim->now_ns);
    if (broken != NULL)
        sim_fail(at->sim, "host %u: %s", at->number, broken);
}

static uint32_t number_of(const struct chaski_address *address)
{
    return load_be32(address->bytes + 12);
}

void sim_model_opened(struct sim_end *end)
{
    struct chaski_tcp_info info;
    sim_must(end->flow->sim, chaski_tcp_info(end->at->host, end->connection, &info) == 0);
    end->tuple =
        (struct model_tuple){number_of(&info.local.address), number_of(&info.remote.address),
                             info.local.port, info.remote.port};
    const struct tcp_connection *c = &end->at->host->tcp.connections[end->connection.index];
    bool opening = c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
    end->iss = c->snd_una - !opening; /* nothing has been sent but perhaps the SYN */
}

void sim_model_call(struct sim_end *end, enum model_call call, uint32_t amount)
{
    if (end->at->model != NULL)
        model_call(end->at->model, &end->tuple, end->iss, call, amount);
}
