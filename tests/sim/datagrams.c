/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "core/base/endian.h"
#include "tests/sim/sim.h"

/* UDP and ping beside TCP: what arrives was sent so, to this host and by that one. */

enum { PORT = 4000, LENGTH_MOST = 4000, NOTE = 8, IDENTIFIER = 77 };

/* A note of sender, receiver and size, then a pattern that follows from these. */
static uint32_t write_datagram(uint8_t *bytes, uint32_t from, uint32_t to, uint32_t length)
{
    store_be16(bytes, (uint16_t)from);
    store_be16(bytes + 2, (uint16_t)to);
    store_be32(bytes + 4, length);
    sim_fill(bytes + NOTE, length, (uint64_t)from * 257 + to * 31 + length);
    return NOTE + length;
}

static bool is_datagram(const uint8_t *bytes, size_t size, uint32_t from, uint32_t to)
{
    uint32_t length = (uint32_t)size - NOTE;
    return size >= NOTE && load_be16(bytes) == from && load_be16(bytes + 2) == to &&
           load_be32(bytes + 4) == length &&
           sim_matches(bytes + NOTE, length, (uint64_t)from * 257 + to * 31 + length);
}

static uint32_t host_of(const struct chaski_address *address)
{
    return address->bytes[15] - 1u;
}

static void on_datagram(void *context, struct chaski *host, chaski_udp socket,
                        const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                        const void *bytes, size_t length)
{
    struct sim_host *at = context;
    (void)socket;
    sim_must(at->sim, host == at->host && local->port == PORT && remote->port == PORT);
    sim_must(at->sim, is_datagram(bytes, length, host_of(&remote->address), at->number));
    at->sim->udp.received++;
}

static void on_reply(void *context, struct chaski *host, const struct chaski_address *from,
                     uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct sim_host *at = context;
    (void)sequence, (void)ttl;
    sim_must(at->sim, host == at->host);
    if (error == 0)
        sim_must(at->sim, is_datagram(bytes, length, at->number, host_of(from)));
    at->sim->ping.received++;
}

static void begin(struct sim *sim, struct sim_datagrams *kind, enum sim_subject subject, bool on)
{
    *kind = (struct sim_datagrams){.random = sim_stream(sim->job.seed, subject, 0)};
    kind->left = on ? sim_some(&kind->random, 40) : 0;
    kind->at_ns = on ? sim->now_ns : UINT64_MAX;
}

void sim_datagrams_begin(struct sim *sim)
{
    begin(sim, &sim->udp, SIM_OF_UDP, sim_has(sim, SIM_UDP));
    begin(sim, &sim->ping, SIM_OF_PING, sim_has(sim, SIM_PING));
    for (uint32_t i = 0; i < sim->plan.hosts; i++) {
        struct sim_host *at = &sim->hosts[i];
        struct chaski_udp_bind bind = {.local.port = PORT, .context = at};
        bind.receive = i % 2 == 0 ? on_datagram : NULL;
        if (sim_has(sim, SIM_UDP)) {
            sim_must(sim, chaski_udp_bind(at->host, &bind, &at->udp) == 0);
            at->udp_open = true;
        }
        if (sim_has(sim, SIM_PING))
            sim_must(sim, chaski_ping_on(at->host, IDENTIFIER, on_reply, at) == 0);
    }
}

static void receive_polled(struct sim_host *at)
{
    static uint8_t bytes[NOTE + LENGTH_MOST];
    struct chaski_endpoint local, remote;
    long n;
    while ((n = chaski_udp_receive(at->host, at->udp, &local, &remote, bytes, sizeof bytes)) >= 0) {
        sim_must(at->sim, is_datagram(bytes, (size_t)n, host_of(&remote.address), at->number));
        at->sim->udp.received++;
    }
}

static void schedule(struct sim *sim, struct sim_datagrams *kind)
{
    uint64_t pause = sim_some_time(&kind->random, SIM_MICROSECOND, SIM_SECOND);
    kind->at_ns = --kind->left != 0 ? sim->now_ns + pause : UINT64_MAX;
}

static void send_one(struct sim *sim, struct sim_datagrams *kind, bool ping)
{
    static uint8_t bytes[NOTE + LENGTH_MOST];
    struct sim_host *from = &sim->hosts[random_below(&kind->random, sim->plan.hosts)];
    uint32_t to = random_below(&kind->random, sim->plan.hosts);
    uint32_t most = sim->plan.mtu >= 576 ? LENGTH_MOST : 100;
    uint32_t n = write_datagram(bytes, from->number, to, sim_some(&kind->random, most));
    struct chaski_endpoint remote = {.address = sim_address(to), .port = PORT};
    int error =
        ping ? chaski_ping(from->host, &remote.address, IDENTIFIER, (uint16_t)kind->left, bytes, n)
             : chaski_udp_send(from->host, from->udp, &remote, bytes, n);
    sim_must(sim, error <= 0);
    kind->sent += error == 0;
    schedule(sim, kind);
}

void sim_datagrams_act(struct sim *sim)
{
    if (sim->udp.at_ns <= sim->now_ns) {
        send_one(sim, &sim->udp, false);
        for (uint32_t i = 1; i < sim->plan.hosts; i += 2)
            receive_polled(&sim->hosts[i]);
    }
    if (sim->ping.at_ns <= sim->now_ns)
        send_one(sim, &sim->ping, true);
}

uint64_t sim_datagrams_next(const struct sim *sim)
{
    return sim->udp.at_ns < sim->ping.at_ns ? sim->udp.at_ns : sim->ping.at_ns;
}

void sim_datagrams_end(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.hosts; i++) {
        struct sim_host *at = &sim->hosts[i];
        if (at->udp_open && i % 2 == 1)
            receive_polled(at);
        if (at->udp_open)
            sim_must(sim, chaski_udp_close(at->host, at->udp) == 0);
        at->udp_open = false;
        if (sim_has(sim, SIM_PING))
            sim_must(sim, chaski_ping_on(at->host, IDENTIFIER, NULL, NULL) == 0);
    }
    if (sim->plan.harmful || sim_has(sim, SIM_CROWD))
        return;
    uint32_t most = sim->udp.sent;
    sim_must(sim, sim->udp.received <= most);
}
