// SPDX-License-Identifier: BSD-2-Clause
/* A peer that sees everything and says anything: every field of its segments lies at, just before,
 * just behind, or half the sequence space away from where it matters; meanwhile the application
 * does whatever it likes, and memory is scarce. After every segment all sums must be true. */
#include <stdlib.h>

#include "tests/random.h"
#include "tests/support/net.h"
#include "tests/unit/attack/attack.h"

enum { PORTS = 6, TEXT = 60000 };

static const struct chaski_limits scarce = {
    .interfaces = 1,
    .addresses = 2,
    .routes = 4,
    .neighbours = 4,
    .groups = 2,
    .reassemblies = 2,
    .paths = 4,
    .listeners = 2,
    .connections = 8,
    .half_open = 2,
    .time_wait = 2,
    .udp_sockets = 1,
    .packets = 200,
    .small_buffers = 60,
    .large_buffers = 12,
    .receive_buffer_max = 1 << 17,
    .send_buffer_max = 1 << 17,
};

struct storm {
    struct peer peer;
    uint64_t random;
    uint32_t segments, closures;
};

static uint32_t pick(struct storm *storm, uint32_t below)
{
    return random_below(&storm->random, below);
}

/* A distance from something that matters. */
static uint32_t distance(struct storm *storm)
{
    static const uint32_t far[] = {0x80000000u, 0x7fffffff, 0x80000001u, 0x40000000, 0xc0000000u};
    switch (pick(storm, 16)) {
    case 0:
        return 1;
    case 1:
        return UINT32_MAX;
    case 2:
        return pick(storm, 5000);
    case 3:
        return 0u - pick(storm, 5000);
    case 4:
        return far[pick(storm, 5)] + pick(storm, 2000) - 1000;
    case 5:
        return pick(storm, 200000);
    case 6:
        return (uint32_t)random_next(&storm->random);
    default:
        return 0;
    }
}

static uint16_t some_window(struct storm *storm)
{
    static const uint16_t windows[] = {0, 1, 100, 1000, 1460, 5000, 65535, 65535};
    return windows[pick(storm, 8)];
}

static uint32_t some_length(struct storm *storm)
{
    static const uint32_t lengths[] = {0, 0, 0, 1, 2, 50, 100, 500, 1400, 1460, 3000};
    return pick(storm, 50) == 0 ? pick(storm, TEXT) : lengths[pick(storm, 11)];
}

static uint8_t some_flags(struct storm *storm)
{
    switch (pick(storm, 24)) {
    case 0:
        return (uint8_t)pick(storm, 256);
    case 1:
        return SEGMENT_ACK | SEGMENT_FIN;
    case 2:
        return SEGMENT_ACK | SEGMENT_URG;
    case 3:
        return SEGMENT_SYN;
    default:
        return SEGMENT_ACK;
    }
}

/* Timestamp and SACK as the connection has them, nearly; or rubbish. Returns the length. */
static uint8_t some_options(struct storm *storm, const struct tcp_connection *c, uint8_t *options)
{
    uint8_t n = 0;
    if (pick(storm, 40) == 0) {
        for (n = 0; n < 40; n++)
            options[n] = (uint8_t)pick(storm, pick(storm, 2) ? 256 : 12);
        return n;
    }
    if ((c->flags & TCPF_HAS_TIMESTAMPS) && pick(storm, 30) != 0) {
        options[0] = options[1] = 1;
        options[2] = 8;
        options[3] = 10;
        store_be32(options + 4,
                   c->ts_recent + (pick(storm, 10) ? pick(storm, 2) : distance(storm)));
        store_be32(options + 8, c->ts_offset + (uint32_t)(storm->peer.world.now_ns / 1000000) -
                                    (pick(storm, 4) ? 0 : distance(storm)));
        n = 12;
    }
    if ((c->flags & TCPF_HAS_SACK) && pick(storm, 2)) {
        uint8_t blocks = (uint8_t)(1 + pick(storm, n == 0 ? 4 : 3));
        options[n] = options[n + 1] = 1;
        options[n + 2] = 5;
        options[n + 3] = (uint8_t)(2 + 8 * blocks);
        n = (uint8_t)(n + 4);
        for (uint8_t i = 0; i < blocks; i++, n = (uint8_t)(n + 8)) {
            uint32_t flight = c->snd_nxt - c->snd_una;
            uint32_t left = c->snd_una + (flight != 0 ? pick(storm, flight) : 0);
            store_be32(options + n, pick(storm, 10) ? left : left + distance(storm));
            store_be32(options + n + 4, pick(storm, 4) ? left + pick(storm, 4 * PEER_MSS)
                                                       : c->snd_nxt + distance(storm));
        }
    }
    return n;
}

/* A handshake's answer is most of what a connection that opens cares for. */
static uint8_t flags_for(struct storm *storm, const struct tcp_connection *c)
{
    bool opening = c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
    if (opening && pick(storm, 2))
        return SEGMENT_SYN | (pick(storm, 3) ? SEGMENT_ACK : 0);
    return some_flags(storm);
}

/* Something for a connection, nearly right. */
static void say_to(struct storm *storm, const struct tcp_connection *c)
{
    static const uint8_t text[TEXT];
    uint8_t options[40];
    const uint32_t sequences[] = {c->rcv_nxt,        c->rcv_nxt,       c->rcv_nxt,
                                  c->rcv_advertised, c->last_ack_sent, c->fin_at};
    const uint32_t numbers[] = {c->snd_una,
                                c->snd_nxt,
                                c->snd_nxt,
                                c->snd_end,
                                c->snd_una - c->max_snd_wnd,
                                c->flight != NULL ? c->flight->recovery_point : c->snd_una};
    struct segment segment = {
        .source_port = c->key.remote_port,
        .destination_port = c->key.local_port,
        .sequence = sequences[pick(storm, 6)] + distance(storm),
        .acknowledgment = numbers[pick(storm, 6)] + (pick(storm, 2) ? 0 : distance(storm)),
        .flags = flags_for(storm, c),
        .window = some_window(storm),
        .urgent = (uint16_t)pick(storm, 65536),
        .options = options,
        .options_length = some_options(storm, c, options),
        .payload = text,
        .payload_length = some_length(storm),
    };
    /* Some part of the flight, so that it moves. */
    if (pick(storm, 4) == 0 && c->snd_nxt != c->snd_una) {
        segment.sequence = c->rcv_nxt;
        segment.acknowledgment = c->snd_una + pick(storm, c->snd_nxt - c->snd_una + 1);
    }
    if (pick(storm, 3) == 0)
        peer_queues(&storm->peer, &segment);
    else
        peer_injects(&storm->peer, &segment);
    storm->segments++;
}

static void say_syn(struct storm *storm)
{
    static const uint8_t lists[][20] = {
        {2, 4, 5, 180},
        {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 7},
        {2, 4, 0, 48, 4, 2, 1, 1},
        {3, 3, 14, 0, 4, 2, 0, 0},
    };
    struct segment syn = {
        .source_port = (uint16_t)(5000 + pick(storm, PORTS)),
        .destination_port = PEER_HOST_PORT,
        .sequence = pick(storm, 3) ? pick(storm, 5) - 3 : (uint32_t)random_next(&storm->random),
        .flags = SEGMENT_SYN,
        .window = some_window(storm),
        .options = lists[pick(storm, 4)],
        .options_length = 20,
    };
    peer_injects(&storm->peer, &syn);
    struct segment answer = {0};
    if (storm->peer.world.frame_count == 0 ||
        !segment_of(&storm->peer.world.frames[storm->peer.world.frame_count - 1], &answer) ||
        answer.flags != (SEGMENT_SYN | SEGMENT_ACK) || pick(storm, 8) == 0)
        return;
    uint8_t length, options[12] = {1, 1, 8, 10, 0, 0, 3, 233};
    const uint8_t *timestamp = segment_option(&answer, 8, &length);
    struct segment ack = syn;
    ack.flags = SEGMENT_ACK;
    ack.sequence++;
    ack.acknowledgment = answer.sequence + 1;
    ack.options = options;
    ack.options_length = timestamp != NULL ? 12 : 0;
    if (timestamp != NULL)
        memcpy(options + 8, timestamp, 4);
    peer_injects(&storm->peer, &ack);
}

static void say_error(struct storm *storm, const struct tcp_connection *c)
{
    static const uint16_t sizes[] = {0, 68, 296, 552, 1000, 1400, 1500, 65535};
    uint32_t sequence = c->snd_una + distance(storm);
    uint16_t mtu = sizes[pick(storm, 8)], local = c->key.local_port, remote = c->key.remote_port;
    uint8_t packet[56] = {
        0x45,
        0,
        0,
        56,
        0,
        0,
        0,
        0,
        64,
        1,
        0,
        0,
        192,
        0,
        2,
        2,
        192,
        0,
        2,
        1,
        pick(storm, 4) ? 3 : 11,
        (uint8_t)(pick(storm, 3) ? 4 : pick(storm, 16)),
        0,
        0,
        0,
        0,
        (uint8_t)(mtu >> 8),
        (uint8_t)mtu,
        0x45,
        0,
        5,
        220,
        0,
        0,
        0x40,
        0,
        60,
        6,
        0,
        0,
        192,
        0,
        2,
        1,
        192,
        0,
        2,
        2,
        (uint8_t)(local >> 8),
        (uint8_t)local,
        (uint8_t)(remote >> 8),
        (uint8_t)remote,
    };
    store_be32(packet + 52, sequence);
    ip4_make_right(packet + 28, 20);
    world_inject_ip4(&storm->peer.world, 0, packet, sizeof packet);
}

/* ---- The application ---- */

static void do_something(struct storm *storm, chaski_tcp connection)
{
    static uint8_t bytes[20000];
    struct chaski *host = storm->peer.host;
    struct chaski_piece piece;
    switch (pick(storm, 12)) {
    case 0:
        if (pick(storm, 6) == 0)
            chaski_tcp_close(host, connection);
        break;
    case 1:
        if (pick(storm, 12) == 0)
            chaski_tcp_abort(host, connection);
        break;
    case 2:
        if (pick(storm, 4) == 0)
            chaski_tcp_shutdown(host, connection);
        break;
    case 3:
        chaski_tcp_urgent(host, connection);
        break;
    case 4:
        chaski_tcp_set(host, connection, (enum chaski_tcp_option)pick(storm, 15),
                       (int64_t)pick(storm, 3000));
        break;
    case 5:
    case 6:
        if (chaski_tcp_look(host, connection, &piece, 1) > 0)
            chaski_tcp_consume(host, connection, 1 + pick(storm, (uint32_t)piece.length));
        break;
    case 7:
    case 8:
        chaski_tcp_read(host, connection, bytes, 1 + pick(storm, sizeof bytes));
        break;
    default:
        chaski_tcp_write(host, connection, bytes, 1 + pick(storm, sizeof bytes));
        break;
    }
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct storm *storm = context;
    (void)host;
    (void)events;
    storm->closures++;
    do_something(storm, connection);
}

static struct tcp_connection *some_connection(struct storm *storm)
{
    struct tcp *tcp = &storm->peer.host->tcp;
    for (uint32_t tries = 0; tries < 20 && tcp->connection_fresh != 0; tries++) {
        struct tcp_connection *c = &tcp->connections[pick(storm, tcp->connection_fresh)];
        if (c->generation & 1)
            return c;
    }
    return NULL;
}

static void connect_somewhere(struct storm *storm)
{
    struct chaski_tcp_connect connect = {
        .local.port = pick(storm, 2) ? PEER_HOST_PORT : 0,
        .remote = world_endpoint(1, (uint16_t)(5000 + pick(storm, PORTS))),
        .receive = on_event,
        .context = storm,
    };
    chaski_tcp connection;
    chaski_tcp_connect(storm->peer.host, &connect, &connection);
}

static void step(struct storm *storm)
{
    static const uint64_t pauses[] = {0, 0, 0, 0, 0, 1, 10, 50, 300, 2000, 70000};
    struct tcp_connection *c = some_connection(storm);
    uint32_t what = pick(storm, 20);
    if (c == NULL || what == 0)
        say_syn(storm);
    else if (what == 19)
        connect_somewhere(storm);
    else if (what == 1)
        say_error(storm, c);
    else if (what < 5)
        do_something(
            storm, (chaski_tcp){(uint32_t)(c - storm->peer.host->tcp.connections), c->generation});
    else
        say_to(storm, c);
    uint64_t pause = pauses[pick(storm, 11)];
    if (pause != 0 && (pause < 1000 || pick(storm, 10) == 0))
        peer_runs(&storm->peer, pause * WORLD_MILLISECOND);
}

static void let_go(struct storm *storm)
{
    struct chaski *host = storm->peer.host;
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    chaski_tcp_unbind(host, storm->peer.listener);
    while (chaski_tcp_list(host, &cursor, &info))
        chaski_tcp_abort(host, info.connection);
    peer_runs(&storm->peer, 400 * WORLD_SECOND);
    assert_int_equal(cost_now(&storm->peer).connections, 0);
    assert_int_equal(cost_now(&storm->peer).records, 0);
    assert_int_equal(cost_now(&storm->peer).time_wait, 0);
}

static void blow(uint64_t seed, uint32_t steps)
{
    /* Half of the storms begin shortly before milliseconds come round. */
    struct world_options options = {
        .limits = seed % 3 == 0 ? NULL : &scarce,
        .start_ns = seed % 2 ? ((UINT64_C(1) << 32) - 30000) * WORLD_MILLISECOND : 0,
        .seed = (uint8_t)seed,
    };
    struct storm storm = {.random = seed};
    struct net view = {.host_count = 1};
    peer_make(&storm.peer, &options);
    view.hosts[0].host = storm.peer.host;
    struct chaski_tcp_bind bind = {
        .local.port = PEER_HOST_PORT, .receive = on_event, .context = &storm};
    assert_int_equal(chaski_tcp_bind(storm.peer.host, &bind, &storm.peer.listener), 0);
    for (uint32_t i = 0; i < steps; i++) {
        step(&storm);
        view.now_ns = storm.peer.world.now_ns;
        net_check_tcp(&view);
        world_forget(&storm.peer.world);
        storm.peer.heard = storm.peer.answered = storm.peer.world.frame_count;
    }
    assert_true(storm.segments > steps / 4);
    let_go(&storm);
    peer_free(&storm.peer);
}

/* Those that a program's arguments name: the first and the last. */
static uint64_t first = 0, last = 2999;

static void nothing_breaks(void **state)
{
    (void)state;
    for (uint64_t seed = first; seed <= last; seed++)
        blow(seed, 500);
}

/* Storms in which ends come and go whose SYN was lost in the host, come to life again by a cookie
 * or close while they open, and such that bring the peer's clock halfway round between two echoes.
 */
static void what_few_storms_do_breaks_nothing(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {
        1527,  4249,  4474,  4654,   7700,   10619,  12022,  16567,  25729,  51835,  52204,  52222,
        52352, 59702, 69556, 107802, 114156, 132433, 139502, 146801, 150804, 157723, 168984, 187032,
    };
    for (unsigned i = 0; i < sizeof seeds / sizeof *seeds; i++)
        blow(seeds[i], 500);
}

/* A seed that fails is told, and can be looked at alone. */
int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_breaks),
        cmocka_unit_test(what_few_storms_do_breaks_nothing),
    };
    first = count > 1 ? strtoull(words[1], NULL, 10) : first;
    last = count > 2 ? strtoull(words[2], NULL, 10) : count > 1 ? first : last;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
