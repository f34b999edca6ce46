/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/tcp/tcp_internal.h"

enum { SETTLE_ROUNDS = 1000000 };

static const struct chaski_limits ample = {
    .interfaces = 1,
    .addresses = 4,
    .routes = 4,
    .neighbours = 32,
    .groups = 4,
    .reassemblies = 8,
    .paths = 16,
    .listeners = 8,
    .connections = 64,
    .half_open = 16,
    .time_wait = 64,
    .udp_sockets = 8,
    .packets = 4096,
    .small_buffers = 1024,
    .large_buffers = 256,
    .receive_buffer_max = 4 << 20,
    .send_buffer_max = 4 << 20,
};

struct chaski_address net_address(uint32_t host)
{
    return chaski_ip4(198, 51, 100, (uint8_t)(host + 1));
}

struct chaski_endpoint net_endpoint(uint32_t host, uint16_t port)
{
    return (struct chaski_endpoint){.address = net_address(host), .port = port};
}

/* ---- Making -------------------------------------------------------------------------------- */

static void make_host(struct net *net, uint32_t number, const struct net_options *options)
{
    const struct chaski_limits *limits = options->limits != NULL ? options->limits : &ample;
    struct net_host *station = &net->hosts[number];
    uint8_t seed[32] = {(uint8_t)number};
    size_t size = chaski_size(limits);
    memcpy(seed + 8, &options->seed, sizeof options->seed);
    station->memory = malloc(size);
    assert_non_null(station->memory);
    station->host = chaski_init(station->memory, size, limits, seed, net->now_ns);
    assert_non_null(station->host);
    struct memory_wire_station join = {
        .name = "wire",
        .memory = host_memory(station->host),
        .counters = host_counters(station->host),
        .mac = {2, 0, 0, 0, 0, (uint8_t)(number + 1)},
        .mtu = options->mtu,
        .features = options->features,
    };
    station->link = memory_wire_join(net->wire, &join);
    assert_non_null(station->link);
    struct host_interface interface = {
        .mtu = station->link->mtu,
        .features = station->link->features,
        .output = {station->link->transmit, station->link},
    };
    memcpy(interface.mac, join.mac, sizeof interface.mac);
    station->interface = host_interface_add(station->host, &interface);
    assert_int_equal(station->interface, 0);
    struct chaski_address address = net_address(number);
    assert_int_equal(chaski_address_add(station->host, 0, &address, 24), 0);
}

void net_make(struct net *net, const struct net_options *options)
{
    static const struct net_options defaults;
    if (options == NULL)
        options = &defaults;
    *net = (struct net){
        .now_ns = options->start_ns != 0 ? options->start_ns : NET_SECOND,
        .host_count = options->hosts != 0 ? options->hosts : 2,
    };
    assert_in_range(net->host_count, 1, NET_HOSTS);
    struct memory_wire_options wire = {
        .seed = options->seed,
        .stations = net->host_count,
        .queue_packets = options->queue_packets,
        .copy = options->copy,
        .large = options->mtu > 1500 || (options->features & (LINK_CUT | LINK_WHOLE)) != 0,
    };
    net->wire = memory_wire_create(&wire);
    assert_non_null(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++)
        make_host(net, i, options);
}

void net_free(struct net *net)
{
    memory_wire_destroy(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++)
        free(net->hosts[i].memory);
    *net = (struct net){0};
}

/* ---- Time ---------------------------------------------------------------------------------- */

static void turn(struct net *net)
{
    if (net->before_turn != NULL)
        net->before_turn(net->context);
    for (uint32_t i = 0; i < net->host_count; i++) {
        struct net_host *station = &net->hosts[i];
        struct burst burst = {.count = 0};
        do {
            station->link->receive(station->link, &burst, net->now_ns);
            if (burst.count != 0)
                host_receive(station->host, station->interface, &burst, net->now_ns);
        } while (station->link->more);
        chaski_poll(station->host, net->now_ns);
    }
}

uint64_t net_next(struct net *net)
{
    uint64_t next = memory_wire_deadline(net->wire);
    for (uint32_t i = 0; i < net->host_count; i++) {
        uint64_t deadline = chaski_deadline(net->hosts[i].host);
        next = deadline < next ? deadline : next;
    }
    return next;
}

void net_settle(struct net *net)
{
    uint32_t rounds = 0;
    while (net_next(net) <= net->now_ns) {
        turn(net);
        assert_true(++rounds < SETTLE_ROUNDS); /* something asks to be run for ever */
    }
}

bool net_run_until(struct net *net, bool (*done)(void *context), void *context, uint64_t ns)
{
    uint64_t end = net->now_ns + ns;
    for (;;) {
        net_settle(net);
        if (done(context))
            return true;
        uint64_t next = net_next(net);
        if (next > end) {
            net->now_ns = end;
            return false;
        }
        net->now_ns = next;
    }
}

static bool never(void *context)
{
    (void)context;
    return false;
}

void net_run(struct net *net, uint64_t ns)
{
    net_run_until(net, never, NULL, ns);
}

/* ---- What must hold ------------------------------------------------------------------------ */

static struct tcp *tcp_of(const struct net *net, uint32_t host)
{
    return &net->hosts[host].host->tcp;
}

/* Records lie side by side from SND.UNA, SYN excepted, to SND.NXT, and the sums are theirs. */
static void check_scoreboard(const struct tcp_connection *c)
{
    const struct tcp_scoreboard *board = &c->flight->scoreboard;
    uint32_t sacked = 0, lost = 0, retransmitted = 0, at = c->flight->queue.start;
    for (struct tree_node *node = tree_first(&board->sent); node != NULL; node = tree_next(node)) {
        const struct tcp_sent *sent = tree_entry(node, struct tcp_sent, node);
        uint32_t n = sent_length(sent);
        assert_int_equal(sent->node.key, at);
        assert_true(n != 0 && n <= c->snd_nxt - at);
        at = sent->end;
        sacked += sent->flags & SENT_SACKED ? n : 0;
        lost += sent->flags & SENT_LOST ? n : 0;
        retransmitted += sent->flags & SENT_RETRANSMITTED ? n : 0;
        if (sent->flags & SENT_SACKED)
            assert_int_equal(sent->flags & (SENT_LOST | SENT_RETRANSMITTED), 0);
        if (sent->flags & SENT_RETRANSMITTED)
            assert_true(sent->flags & SENT_EVER_RETRANSMITTED);
        bool gone = (sent->flags & SENT_SACKED) ||
                    (sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST;
        assert_int_equal(list_empty(&sent->by_time), gone);
    }
    if (!tree_empty(&board->sent))
        assert_int_equal(at, c->snd_nxt);
    assert_int_equal(board->sacked.bytes, sacked);
    assert_int_equal(board->lost.bytes, lost);
    assert_int_equal(board->retransmitted.bytes, retransmitted);
}

static void check_send_queue(const struct tcp_connection *c)
{
    const struct tcp_send_queue *queue = &c->flight->queue;
    uint32_t at = queue->start;
    bool first = true;
    for (const struct send_chunk *chunk = queue->head; chunk != NULL; chunk = chunk->next) {
        assert_true(first
                        ? seq_le(chunk->sequence, at) && seq_gt(chunk->sequence + chunk->length, at)
                        : chunk->sequence == at);
        first = false;
        at = chunk->sequence + chunk->length;
        if (chunk->next == NULL)
            assert_ptr_equal(chunk, queue->tail);
    }
    assert_int_equal(at, c->snd_end);
}

static void check_receive_queue(const struct tcp_connection *c)
{
    const struct tcp_receive_queue *queue = &c->receive;
    uint32_t length = 0, charge = 0, at = c->rcv_nxt;
    for (const struct packet *packet = queue->head; packet != NULL; packet = packet->next) {
        length += packet->length;
        charge += packet->tcp.charge;
        if (packet->next == NULL)
            assert_ptr_equal(packet, queue->tail);
    }
    for (struct tree_node *node = tree_first(&queue->runs); node != NULL; node = tree_next(node)) {
        const struct packet *run = tree_entry(node, struct packet, tcp.node), *last = run;
        assert_true(seq_gt(run->tcp.node.key, at)); /* a gap before each */
        at = run->tcp.node.key;
        for (const struct packet *packet = run; packet != NULL; packet = packet->next) {
            at += packet->length;
            charge += packet->tcp.charge;
            last = packet;
        }
        assert_ptr_equal(last, run->tcp.run_tail);
        assert_int_equal(at, run->tcp.run_end);
    }
    assert_int_equal(queue->length, length);
    assert_int_equal(queue->charge, charge);
}

static void check_connection(const struct tcp_connection *c)
{
    assert_true(seq_le(c->snd_una, c->snd_nxt));
    check_receive_queue(c);
    if (c->flight != NULL)
        check_send_queue(c);
    if (c->state == CHASKI_TCP_CLOSED || c->state == CHASKI_TCP_SYN_SENT ||
        c->state == CHASKI_TCP_SYN_RECEIVED)
        return;
    assert_true(seq_le(c->rcv_nxt, c->rcv_advertised));
    assert_true(c->congestion.window >= c->mss);
    if (c->flight != NULL)
        check_scoreboard(c);
    if (c->snd_una != c->snd_nxt)
        assert_true(c->send_at != TIMER_NEVER); /* else a loss would be for ever */
}

void net_check_tcp(struct net *net)
{
    for (uint32_t i = 0; i < net->host_count; i++) {
        const struct tcp *tcp = tcp_of(net, i);
        uint32_t count = 0;
        for (uint32_t n = 0; n < tcp->connection_fresh; n++) {
            if (!(tcp->connections[n].generation & 1))
                continue;
            check_connection(&tcp->connections[n]);
            count++;
        }
        assert_int_equal(count, tcp->connection_count);
        assert_true(tcp->half_open.count <= tcp->half_open.limit);
        assert_true(tcp->time_wait.count <= tcp->time_wait.limit);
    }
}

static void assert_whole(const struct pool *pool)
{
    assert_int_equal(pool->free_count, pool->total);
}

void net_assert_idle(struct net *net)
{
    assert_int_equal(memory_wire_in_flight(net->wire, MEMORY_WIRE_EVERY), 0);
    for (uint32_t i = 0; i < net->host_count; i++) {
        struct chaski *host = net->hosts[i].host;
        const struct tcp *tcp = &host->tcp;
        assert_whole(&host->memory.packets);
        assert_whole(&host->memory.small);
        assert_whole(&host->memory.large);
        assert_whole(&tcp->sent);
        assert_int_equal(tcp->connection_count, 0);
        assert_int_equal(tcp->half_open.count, 0);
        assert_int_equal(tcp->time_wait.count, 0);
        assert_true(tcp->work.first == TCP_WORK_END);
        assert_true(chaski_deadline(host) == UINT64_MAX);
    }
}

uint64_t net_counter(const struct net *net, enum chaski_counter counter)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < net->host_count; i++)
        sum += chaski_counter_value(net->hosts[i].host, counter);
    return sum;
}
