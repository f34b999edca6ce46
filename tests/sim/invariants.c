/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/tcp_internal.h"
#include "tests/sim/sim.h"

/*
 * What must hold of a host between its turns. Sums and counters that TCP keeps beside its
 * structures are computed again from the structures themselves.
 */

/* Received text may stay charged beyond the limit by what one segment of the largest size, and the
 * memory of packets that carry little, come to. */
enum { CHARGE_SLACK = 65536 + 2 * LARGE_BUFFER };

/* What all connections of a host hold together. */
struct held {
    uint32_t connections, records;
    uint32_t small_sending, large_sending;
};

/* Records lie side by side from SND.UNA, SYN excepted, to SND.NXT, and the sums are theirs. */
static void check_scoreboard(struct sim *sim, const struct tcp_connection *c, struct held *held)
{
    const struct tcp_scoreboard *board = &c->flight->scoreboard;
    uint32_t sacked = 0, lost = 0, retransmitted = 0, at = c->flight->queue.start;
    for (struct tree_node *node = tree_first(&board->sent); node != NULL; node = tree_next(node)) {
        const struct tcp_sent *sent = tree_entry(node, struct tcp_sent, node);
        uint32_t n = sent_length(sent);
        sim_must(sim, sent->node.key == at);
        sim_must(sim, n != 0 && n <= c->snd_nxt - at);
        at = sent->end;
        held->records++;
        sacked += sent->flags & SENT_SACKED ? n : 0;
        lost += sent->flags & SENT_LOST ? n : 0;
        retransmitted += sent->flags & SENT_RETRANSMITTED ? n : 0;
        if (sent->flags & SENT_SACKED)
            sim_must(sim, !(sent->flags & (SENT_LOST | SENT_RETRANSMITTED)));
        if (sent->flags & SENT_RETRANSMITTED)
            sim_must(sim, sent->flags & SENT_EVER_RETRANSMITTED);
        bool gone = (sent->flags & SENT_SACKED) ||
                    (sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST;
        sim_must(sim, list_empty(&sent->by_time) == gone);
        if (sent->chunk != NULL)
            sim_must(sim, sent->node.key - sent->chunk->sequence < sent->chunk->length);
        sim_must(sim, sent->sent_ns <= sim->now_ns);
    }
    if (!tree_empty(&board->sent))
        sim_must(sim, at == c->snd_nxt);
    sim_must(sim, board->sacked.bytes == sacked);
    sim_must(sim, board->lost.bytes == lost);
    sim_must(sim, board->retransmitted.bytes == retransmitted);
}

/* What has been overtaken, as far as that was looked at, lies before what has not. */
static void check_passed(struct sim *sim, const struct tcp_connection *c)
{
    const struct tcp_scoreboard *board = &c->flight->scoreboard;
    const struct rack *rack = &c->flight->rack;
    const struct list *at = &board->by_time;
    while (at != board->passed) {
        at = at->next;
        sim_must(sim, at != &board->by_time);
        const struct tcp_sent *sent = list_entry(at, struct tcp_sent, by_time);
        sim_must(sim, sent->sent_ns <= rack->xmit_ns);
    }
}

/* What is noted of sums of one piece, another one each time that data has been written or sent. */
static void check_sums(struct sim *sim, const struct send_chunk *chunk, uint32_t which)
{
    const struct buffer_sums *sums = chunk->buffer.sums;
    if (sums == NULL || sums->count == 0)
        return;
    uint32_t piece = which % sums->count, start = sums->pieces[piece].start;
    uint32_t end = piece + 1u < sums->count ? sums->pieces[piece + 1].start : sums->end;
    sim_must(sim, sums->pieces[0].start == 0 && start < end && sums->end <= chunk->length);
    sim_must(sim, sums->pieces[piece].sum ==
                      checksum_fold(checksum_partial(chunk->buffer.data + start, end - start)));
}

static void check_send_queue(struct sim *sim, const struct tcp *tcp, const struct tcp_connection *c,
                             struct held *held)
{
    const struct tcp_send_queue *queue = &c->flight->queue;
    uint32_t at = queue->start;
    bool first = true;
    for (const struct send_chunk *chunk = queue->head; chunk != NULL; chunk = chunk->next) {
        if (first)
            sim_must(sim,
                     seq_le(chunk->sequence, at) && seq_gt(chunk->sequence + chunk->length, at));
        else
            sim_must(sim, chunk->sequence == at);
        sim_must(sim, chunk->length != 0 && chunk->length <= chunk->buffer.size);
        sim_must(sim, chunk->buffer.references != 0);
        if (chunk == queue->tail)
            check_sums(sim, chunk, c->snd_nxt + c->snd_end);
        first = false;
        at = chunk->sequence + chunk->length;
        held->small_sending += chunk->buffer.owner == &tcp->memory->small;
        held->large_sending += chunk->buffer.owner == &tcp->memory->large;
        if (chunk->next == NULL)
            sim_must(sim, chunk == queue->tail);
    }
    sim_must(sim, at == c->snd_end);
}

static void check_receive_queue(struct sim *sim, const struct tcp_connection *c)
{
    const struct tcp_receive_queue *queue = &c->receive;
    uint32_t length = 0, charge = 0, at = c->rcv_nxt;
    for (const struct packet *packet = queue->head; packet != NULL; packet = packet->next) {
        length += packet->length;
        charge += packet->tcp.charge;
        if (packet->next == NULL)
            sim_must(sim, packet == queue->tail);
    }
    for (struct tree_node *node = tree_first(&queue->runs); node != NULL; node = tree_next(node)) {
        const struct packet *run = tree_entry(node, struct packet, tcp.node), *last = run;
        sim_must(sim, seq_gt(run->tcp.node.key, at)); /* a gap before each */
        at = run->tcp.node.key;
        for (const struct packet *packet = run; packet != NULL; packet = packet->next) {
            at += packet->length;
            charge += packet->tcp.charge;
            last = packet;
        }
        sim_must(sim, last == run->tcp.run_tail);
        sim_must(sim, at == run->tcp.run_end);
    }
    sim_must(sim, queue->length == length);
    sim_must(sim, queue->charge == charge);
    sim_must(sim, (queue->head == NULL) == (queue->tail == NULL));
}

static bool is_opening(const struct tcp_connection *c)
{
    return c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
}

/* What is owed has its time: data that is not acknowledged, data that waits with nothing on the
 * way, an acknowledgement. What leaves in this turn's end or the next stands on the work list. */
static void check_deadlines(struct sim *sim, const struct tcp *tcp, const struct tcp_connection *c)
{
    bool at_work = c->work_next != 0;
    uint64_t first = c->send_at < c->ack_at ? c->send_at : c->ack_at;
    first = c->alive_at < first ? c->alive_at : first;
    if (has(c, TCPF_WANTS_OUTPUT) || (c->events != 0 && !has(c, TCPF_POLLED)))
        sim_must(sim, at_work);
    if (at_work)
        return;
    sim_must(sim, c->timer.deadline_ns <= first);
    /* After a clock that jumped what is set may be past already; the wheel says: now. */
    uint64_t next = timer_wheel_deadline(tcp->wheel);
    sim_must(sim, next <= first || next <= sim->now_ns);
    sim_must(sim, !has(c, TCPF_RST_OWED));
    if (c->state == CHASKI_TCP_CLOSED)
        return;
    if (has(c, TCPF_SYN_OWED | TCPF_ACK_NOW | TCPF_PROBE_OWED))
        sim_must(sim, c->ack_at != TIMER_NEVER || c->send_at != TIMER_NEVER);
    if (c->snd_una != c->snd_nxt || is_opening(c) || tcp_send_end(c) != c->snd_una)
        sim_must(sim, c->send_at != TIMER_NEVER || c->ack_at != TIMER_NEVER);
    if (has(c, TCPF_ACK_DELAYED))
        sim_must(sim, c->ack_at != TIMER_NEVER);
    if (has(c, TCPF_ORPHAN) && c->state == CHASKI_TCP_FIN_WAIT_2)
        sim_must(sim, c->alive_at != TIMER_NEVER);
}

static void check_connection(struct sim *sim, struct tcp *tcp, const struct tcp_connection *c,
                             struct held *held)
{
    uint32_t index = connection_index(tcp, c);
    sim_must(sim, seq_le(c->snd_una, c->snd_nxt));
    check_receive_queue(sim, c);
    if (c->flight != NULL) {
        check_send_queue(sim, tcp, c, held);
        sim_must(sim, c->flight->connection == index + 1);
        check_scoreboard(sim, c, held); /* of connections that open fast too */
        check_passed(sim, c);
    }
    check_deadlines(sim, tcp, c);
    if (has(c, TCPF_IN_TABLE))
        sim_must(sim,
                 tcp_table_find(&tcp->table, &c->key) == tcp_refer(TCP_KIND_CONNECTION, index));
    if (c->state == CHASKI_TCP_CLOSED) {
        sim_must(sim, !has(c, TCPF_IN_TABLE | TCPF_ORPHAN));
        sim_must(sim, c->flight == NULL);
    }
    bool sends = c->state == CHASKI_TCP_SYN_RECEIVED && (c->fast_open & FAST_OPEN_PASSIVE);
    if (c->state == CHASKI_TCP_CLOSED || (is_opening(c) && !sends))
        return;
    sim_must(sim, seq_le(c->snd_nxt, tcp_send_end(c)));
    sim_must(sim, seq_le(c->rcv_nxt, c->rcv_advertised));
    sim_must(sim, c->mss != 0 && c->congestion.window >= effective_mss(c));
    if (!has(c, TCPF_FIXED_RECEIVE_BUFFER) && !tree_empty(&c->receive.runs)) /* may have shrunk */
        sim_must(sim, c->receive.charge <= 2 * c->receive.limit + CHARGE_SLACK);
    if (c->flight == NULL)
        sim_must(sim, c->snd_una == c->snd_nxt || sends);
}

static void check_waiting(struct sim *sim, const struct tcp *tcp)
{
    const struct tcp_time_waits *waits = &tcp->time_wait;
    const struct tcp_half_opens *opens = &tcp->half_open;
    uint32_t n = 0;
    for (uint32_t i = waits->first; i != 0; i = waits->entries[i - 1].next)
        sim_must(sim, ++n <= waits->count);
    sim_must(sim, n == waits->count && n <= waits->limit);
    uint32_t owned = 0;
    n = 0;
    for (unsigned round = 0; round <= HALF_OPEN_ROUNDS; round++) {
        for (uint32_t i = opens->queues[round].first; i != 0; i = opens->entries[i - 1].next) {
            sim_must(sim, ++n <= opens->count);
            owned += listener_find(tcp, &opens->entries[i - 1].key) != 0;
        }
    }
    sim_must(sim, n == opens->count && n <= opens->limit);
    if (waits->count != 0)
        sim_must(sim, timer_armed(&waits->timer));
    if (opens->count > opens->unfiltered)
        sim_must(sim, timer_armed(&opens->timer));
    for (uint32_t i = 0; i < tcp->listener_limit; i++) {
        const struct tcp_listener *listener = &tcp->listeners[i];
        n = 0;
        if (!(listener->generation & 1))
            continue;
        owned -= listener->half_open;
        for (const struct list *at = listener->accept.next; at != &listener->accept; at = at->next)
            n++;
        sim_must(sim, n == listener->waiting && n <= listener->connections);
    }
    sim_must(sim, owned == 0);
}

static void check_pool(struct sim *sim, const struct pool *pool, uint32_t sending)
{
    sim_must(sim, pool->free_count <= pool->total);
    sim_must(sim, pool->sending == sending);
    sim_must(sim, sending <= pool->total - pool->free_count);
}

void sim_check_host(struct sim *sim, struct sim_host *at)
{
    struct tcp *tcp = &at->host->tcp;
    struct held held = {0};
    for (uint32_t n = 0; n < tcp->connection_fresh; n++) {
        if (!(tcp->connections[n].generation & 1))
            continue;
        check_connection(sim, tcp, &tcp->connections[n], &held);
        held.connections++;
    }
    sim_must(sim, held.connections == tcp->connection_count);
    sim_must(sim, held.connections <= tcp->connection_limit);
    sim_must(sim, held.records + at->records_aside == tcp->sent.total - tcp->sent.free_count);
    check_waiting(sim, tcp);
    check_pool(sim, &tcp->memory->packets, 0);
    check_pool(sim, &tcp->memory->small, held.small_sending);
    check_pool(sim, &tcp->memory->large, held.large_sending);
}

static void check_whole(struct sim *sim, const struct pool *pool)
{
    uint32_t n = 0;
    sim_must(sim, pool->free_count == pool->total);
    for (const struct pool_item *item = pool->free; item != NULL; item = item->next)
        sim_must(sim, ++n <= pool->total);
}

void sim_check_rest(struct sim *sim, struct sim_host *at)
{
    struct chaski *host = at->host;
    sim_must(sim, host->tcp.connection_count == 0);
    sim_must(sim, host->tcp.half_open.count == 0);
    sim_must(sim, host->tcp.time_wait.count == 0);
    sim_must(sim, host->tcp.work.first == TCP_WORK_END);
    check_whole(sim, &host->memory.packets);
    check_whole(sim, &host->memory.small);
    check_whole(sim, &host->memory.large);
    check_whole(sim, &host->tcp.sent);
    sim_must(sim, chaski_deadline(host) == UINT64_MAX);
}

void sim_check_idle(struct sim *sim)
{
    sim_must(sim, memory_wire_in_flight(sim->wire, MEMORY_WIRE_EVERY) == 0);
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        sim_check_rest(sim, &sim->hosts[i]);
    for (uint32_t i = 0; i < sim->plan.flows; i++)
        sim_must(sim, sim->flows[i].ends[0].lent + sim->flows[i].ends[1].lent == 0);
}
