/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long the host works on each segment of an attack, beside how long it works on a segment of an
 * honest peer that is measured in turns with it. The core is built as for release. Each time is
 * the median of many batches, so that what else runs on the machine hardly matters; what is
 * asserted are ratios, several times what was measured.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chaski/chaski.h"
#include "core/base/checksum.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"
#include "core/wire/tcp.h"

enum {
    BATCH = 64,
    ROUNDS = 60,
    EACH = BATCH * ROUNDS,
    IP = WIRE_IP4_HEADER,
    PACKET = 1500,
    HOST_PORT = 7,
    HALF_OPEN = 16,
    TIME_WAIT = 16,
    CONNECTIONS = 64,
    CLOSING_PORT = 9,
};

static const uint32_t host_ip = 0x0a000002, peer_ip = 0x0a000001;

/* ---- The host and what it says ---- */

struct conversation {
    uint16_t port;           /* the peer's */
    uint32_t next, expected; /* what the peer says next, and what it expects next */
    uint32_t una;            /* what it has acknowledged */
    uint32_t timestamp;      /* the host's last */
};

static struct {
    void *memory;
    struct chaski *host;
    uint64_t now_ns;
    struct conversation *listening; /* who hears what the host sends */
    uint32_t answers;
    chaski_tcp connection; /* the last one that opened */
    bool holds;            /* what comes is not read */
} world;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    printf("not ok 1 - %s\n", what);
    exit(1);
}

static void hear(void *context, const struct chaski_piece *pieces, unsigned count)
{
    const uint8_t *ip = pieces[0].bytes, *tcp = ip + wire_ip4_header_length(ip);
    struct conversation *peer = world.listening;
    struct wire_tcp_options options;
    size_t length = 0;
    (void)context;
    world.answers++;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    if (wire_ip4_protocol(ip) != WIRE_IP_TCP || peer == NULL ||
        wire_tcp_destination_port(tcp) != peer->port)
        return;
    length -= IP + (size_t)wire_tcp_header_length(tcp);
    peer->expected = wire_tcp_sequence(tcp) + (uint32_t)length +
                     ((wire_tcp_flags(tcp) & (TCP_SYN | TCP_FIN)) != 0);
    wire_tcp_parse_options(tcp, &options);
    peer->timestamp = options.timestamp;
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    static uint8_t bytes[65536];
    (void)context;
    if (events & CHASKI_CONNECTED)
        world.connection = connection;
    while (!world.holds && chaski_tcp_read(host, connection, bytes, sizeof bytes) > 0)
        ;
    if (events & CHASKI_ENDED)
        chaski_tcp_close(host, connection);
}

static void closes_at_once(void *context, struct chaski *host, chaski_tcp connection,
                           unsigned events)
{
    (void)context, (void)events;
    chaski_tcp_close(host, connection);
}

static void listen(uint16_t port, chaski_tcp_closure *closure)
{
    chaski_listener listener;
    struct chaski_tcp_bind bind = {.local.port = port, .receive = closure};
    must(chaski_tcp_bind(world.host, &bind, &listener) == 0, "listens");
}

static void make(void)
{
    static const struct chaski_limits limits = {.interfaces = 1,
                                                .addresses = 1,
                                                .routes = 2,
                                                .neighbours = 2,
                                                .groups = 1,
                                                .reassemblies = 1,
                                                .paths = 4,
                                                .listeners = 2,
                                                .connections = CONNECTIONS,
                                                .half_open = HALF_OPEN,
                                                .time_wait = TIME_WAIT,
                                                .udp_sockets = 1,
                                                .packets = 40000,
                                                .small_buffers = 20000,
                                                .large_buffers = 200,
                                                .receive_buffer_max = 4 << 20,
                                                .send_buffer_max = 4 << 20};
    static const uint8_t seed[32] = {7};
    struct chaski_interface interface = {.kind = CHASKI_BARE, .mtu = PACKET, .output = hear};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2), any = chaski_ip4(0, 0, 0, 0);
    size_t size = chaski_size(&limits);
    free(world.memory);
    memset(&world, 0, sizeof world);
    world.memory = malloc(size);
    world.now_ns = 1000000000;
    world.host = chaski_init(world.memory, size, &limits, seed, world.now_ns);
    must(world.host != NULL && chaski_interface_add(world.host, &interface) == 0, "begins");
    must(chaski_address_add(world.host, 0, &address, 32) == 0, "has an address");
    must(chaski_route_add(world.host, &any, 0, &any, 0) == 0, "has a route");
    must(chaski_set_knob(world.host, "tcp_rmem", "4096 8000000 8000000") == 0, "has large buffers");
    listen(HOST_PORT, on_event);
    listen(CLOSING_PORT, closes_at_once);
}

static void turn(void)
{
    do
        chaski_poll(world.host, world.now_ns);
    while (chaski_deadline(world.host) <= world.now_ns);
}

/* ---- What the peer says ---- */

struct packet_bytes {
    uint8_t bytes[PACKET];
    size_t length;
};

struct saying {
    uint8_t flags;
    uint16_t host_port, window, length; /* of the text; host_port 0: the usual one */
    uint32_t sequence, acknowledgment;
    const uint8_t *options;
    uint8_t options_length;
    uint8_t fill; /* what the text consists of */
};

static void put_ip(uint8_t *ip, uint32_t source, uint8_t protocol, size_t payload)
{
    struct wire_ip4_fields fields = {.source = source,
                                     .destination = host_ip,
                                     .payload_length = (uint16_t)payload,
                                     .fragment = 0x4000,
                                     .ttl = 64,
                                     .protocol = protocol};
    wire_ip4_build(ip, &fields);
}

static void sum(uint8_t *ip, size_t length)
{
    uint8_t *tcp = ip + IP, pseudo[4] = {0, WIRE_IP_TCP, (uint8_t)(length >> 8), (uint8_t)length};
    wire_tcp_set_checksum(tcp, 0);
    uint64_t all = checksum_partial(ip + WIRE_IP4_SOURCE, 8) + checksum_partial(pseudo, 4) +
                   checksum_partial(tcp, (uint32_t)length);
    wire_tcp_set_checksum(tcp, checksum_finish(all));
}

static void say(struct packet_bytes *packet, const struct conversation *peer,
                const struct saying *saying)
{
    uint8_t *ip = packet->bytes, *tcp = ip + IP;
    size_t header = WIRE_TCP_HEADER + (size_t)saying->options_length, all = header + saying->length;
    memset(tcp, 0, header);
    wire_tcp_set_ports(tcp, peer->port, saying->host_port != 0 ? saying->host_port : HOST_PORT);
    wire_tcp_set_sequence(tcp, saying->sequence);
    wire_tcp_set_acknowledgment(tcp, saying->acknowledgment);
    wire_tcp_set_length_flags(tcp, (uint8_t)header, saying->flags);
    wire_tcp_set_window(tcp, saying->window != 0 ? saying->window : 65535);
    if (saying->options_length != 0)
        memcpy(tcp + WIRE_TCP_HEADER, saying->options, saying->options_length);
    memset(tcp + header, saying->fill, saying->length);
    put_ip(ip, peer_ip, WIRE_IP_TCP, all);
    sum(ip, all);
    packet->length = IP + all;
}

static void give(const struct packet_bytes *packet)
{
    chaski_input(world.host, 0, packet->bytes, packet->length, world.now_ns);
    turn();
}

static void say_now(struct conversation *peer, struct saying saying)
{
    struct packet_bytes packet = {.length = 0};
    world.listening = peer;
    say(&packet, peer, &saying);
    give(&packet);
}

static void open_with(struct conversation *peer, uint16_t port, uint16_t host_port,
                      const uint8_t *options, uint8_t options_length)
{
    *peer = (struct conversation){.port = port, .next = 10000};
    say_now(peer, (struct saying){.flags = TCP_SYN,
                                  .host_port = host_port,
                                  .sequence = peer->next++,
                                  .options = options,
                                  .options_length = options_length});
    peer->una = peer->expected;
    uint8_t stamp[12];
    wire_tcp_build_timestamp(stamp, 1000, peer->timestamp);
    say_now(peer, (struct saying){.flags = TCP_ACK,
                                  .host_port = host_port,
                                  .sequence = peer->next,
                                  .acknowledgment = peer->una,
                                  .options = stamp,
                                  .options_length = peer->timestamp != 0 ? 12 : 0});
}

/* ---- Measuring ---- */

/* Makes the number'th packet of a batch. */
typedef void maker(struct packet_bytes *packet, struct conversation *peer, uint32_t number);

static uint64_t real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t time_batch(maker *make_packet, struct conversation *peer, uint32_t *number)
{
    static struct packet_bytes packets[BATCH];
    for (unsigned i = 0; i < BATCH; i++)
        make_packet(&packets[i], peer, (*number)++);
    world.listening = NULL;
    uint64_t begun = real_ns();
    for (unsigned i = 0; i < BATCH; i++)
        give(&packets[i]);
    return real_ns() - begun;
}

/* The honest peer's segment: 100 bytes in order, read at once. */
static void honest(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    (void)number;
    say(packet, peer,
        &(struct saying){
            .flags = TCP_ACK, .sequence = peer->next, .acknowledgment = peer->una, .length = 100});
    peer->next += 100;
}

static struct conversation victim;

/* ---- The attacks: what is prepared, and the packets ---- */

static const uint8_t sack_permitted[] = {2, 4, 5, 180, 4, 2, 1, 1};
static const uint8_t with_timestamps[] = {2, 4, 5, 180, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 1};
/* The smallest segments that there are, SACK, a shift of 10. */
static const uint8_t tiny[] = {2, 4, 0, 64, 4, 2, 1, 1, 3, 3, 10, 0};

static void prepare_connection(uint32_t size)
{
    (void)size;
    open_with(&victim, 6000, HOST_PORT, sack_permitted, sizeof sack_permitted);
}

static void short_header(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    honest(packet, &victim, number);
    wire_tcp_set_length_flags(packet->bytes + IP, (uint8_t)(number % 5 * 4), TCP_ACK);
    sum(packet->bytes, packet->length - IP);
    (void)peer;
}

/* The text is old, so that nothing of it is kept. */
static struct saying old_text(uint8_t flags)
{
    return (struct saying){
        .flags = flags, .sequence = victim.next - 1, .acknowledgment = victim.una, .length = 0};
}

static void many_options(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    uint8_t options[40];
    struct saying saying = old_text(TCP_ACK);
    for (unsigned i = 0; i < 40; i++)
        options[i] = i % 2 == 0 ? (uint8_t)(200 + number % 50) : 2;
    saying.options = options;
    saying.options_length = 40;
    say(packet, &victim, &saying);
    (void)peer;
}

static void wrong_sack(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    uint8_t options[40] = {0};
    struct saying saying = old_text(TCP_ACK);
    struct wire_tcp_sack blocks[4];
    for (unsigned i = 0; i < 4; i++)
        blocks[i] = (struct wire_tcp_sack){victim.una + number * 1000 + i, victim.una - i};
    saying.options = options;
    saying.options_length = (uint8_t)wire_tcp_build_sack(options, blocks, 4);
    say(packet, &victim, &saying);
    (void)peer;
}

static void urgent(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    struct saying saying = old_text(TCP_ACK | TCP_URG);
    say(packet, &victim, &saying);
    wire_tcp_set_urgent(packet->bytes + IP, (uint16_t)(number * 9973));
    sum(packet->bytes, packet->length - IP);
    (void)peer;
}

static void all_flags(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    struct saying saying = old_text((uint8_t)(number | TCP_SYN | TCP_FIN));
    saying.sequence += number * 7919;
    say(packet, &victim, &saying);
    (void)peer;
}

static void from_itself(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    struct saying saying = {.flags = TCP_SYN, .sequence = number};
    say(packet, &victim, &saying);
    put_ip(packet->bytes, host_ip, WIRE_IP_TCP, packet->length - IP);
    sum(packet->bytes, packet->length - IP);
    (void)peer;
}

static void resets(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_RST, .sequence = victim.next + 1 + number % 30000});
    (void)peer;
}

static void syns_inside(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim, &(struct saying){.flags = TCP_SYN, .sequence = victim.next + number});
    (void)peer;
}

static void never_sent(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    struct saying saying = old_text(TCP_ACK);
    saying.acknowledgment = victim.una + 1 + number;
    saying.length = 100;
    say(packet, &victim, &saying);
    (void)peer;
}

static void errors(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    uint8_t *icmp = packet->bytes + IP, *quote = icmp + WIRE_ICMP4_HEADER;
    size_t length = WIRE_ICMP4_ERROR_MIN;
    struct wire_ip4_fields fields = {.source = host_ip,
                                     .destination = peer_ip,
                                     .payload_length = 1460,
                                     .fragment = 0x4000,
                                     .ttl = 60,
                                     .protocol = WIRE_IP_TCP};
    memset(icmp, 0, length);
    icmp[WIRE_ICMP4_TYPE] = WIRE_ICMP4_UNREACHABLE;
    icmp[WIRE_ICMP4_CODE] = number % 2 ? WIRE_ICMP4_FRAGMENTATION_NEEDED : 3;
    store_be16(icmp + WIRE_ICMP4_MTU, (uint16_t)(600 + number % 800));
    wire_ip4_build(quote, &fields);
    wire_tcp_set_ports(quote + IP, HOST_PORT, victim.port);
    wire_tcp_set_sequence(quote + IP, victim.una + number);
    checksum_store(icmp + WIRE_ICMP4_CHECKSUM,
                   checksum_finish(checksum_partial(icmp, (uint32_t)length)));
    put_ip(packet->bytes, peer_ip, WIRE_IP_ICMP4, length);
    packet->length = IP + length;
    (void)peer;
}

static void prepare_time_wait(uint32_t size)
{
    (void)size;
    open_with(&victim, 6000, CLOSING_PORT, NULL, 0);
    say_now(&victim, (struct saying){.flags = TCP_ACK | TCP_FIN,
                                     .host_port = CLOSING_PORT,
                                     .sequence = victim.next++,
                                     .acknowledgment = victim.expected});
}

static void at_time_wait(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    static const uint8_t flags[] = {TCP_RST, TCP_ACK, TCP_ACK | TCP_FIN, TCP_RST | TCP_ACK};
    say(packet, &victim,
        &(struct saying){.flags = flags[number % 4],
                         .host_port = CLOSING_PORT,
                         .sequence = victim.next - number % 3,
                         .acknowledgment = victim.expected});
    (void)peer;
}

static void prepare_timestamps(uint32_t size)
{
    (void)size;
    open_with(&victim, 6000, HOST_PORT, with_timestamps, sizeof with_timestamps);
    must(victim.timestamp != 0, "timestamps are agreed on");
}

static void old_timestamps(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    uint8_t options[12];
    struct saying saying = old_text(TCP_ACK);
    wire_tcp_build_timestamp(options, 999 - number % 500, victim.timestamp);
    saying.sequence++;
    saying.length = 100;
    saying.options = options;
    saying.options_length = sizeof options;
    say(packet, &victim, &saying);
    (void)peer;
}

static void prepare_nothing(uint32_t size)
{
    (void)size;
    victim = (struct conversation){.port = 1};
}

static void syn_flood(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    victim.port = (uint16_t)(1 + number % 60000);
    say(packet, &victim, &(struct saying){.flags = TCP_SYN, .sequence = number * 7919});
    (void)peer;
}

static void prepare_cookies(uint32_t size)
{
    struct packet_bytes packet = {.length = 0};
    prepare_nothing(size);
    for (uint32_t i = 0; i < 4 * HALF_OPEN; i++) {
        syn_flood(&packet, NULL, i);
        give(&packet);
    }
}

static void forged_cookies(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    victim.port = (uint16_t)(1000 + number % 60000);
    say(packet, &victim,
        &(struct saying){
            .flags = TCP_ACK, .sequence = number * 7919, .acknowledgment = number * 104729});
    (void)peer;
}

/* While cookies are awaited, text of connections that are gone. */
static void stale_text(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    victim.port = (uint16_t)(1000 + number % 60000);
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = number * 7919,
                         .acknowledgment = number * 2654435761u,
                         .length = 100});
    (void)peer;
}

/* All connections are taken, but for the honest peer's. */
static void prepare_crowd(uint32_t size)
{
    struct conversation one;
    (void)size;
    for (unsigned i = 1; i < CONNECTIONS; i++)
        open_with(&one, (uint16_t)(7000 + i), HOST_PORT, NULL, 0);
    prepare_nothing(0);
}

/* `size` gaps, a byte between each two. */
static uint32_t gap_count;

static void prepare_gaps(uint32_t size)
{
    open_with(&victim, 6000, HOST_PORT, tiny, sizeof tiny);
    gap_count = size;
    for (uint32_t i = 0; i < size; i++)
        say_now(&victim, (struct saying){.flags = TCP_ACK,
                                         .sequence = victim.next + 20000 + 2 * (i * 7919 % size),
                                         .acknowledgment = victim.una,
                                         .length = 1});
    must(chaski_counter_value(world.host, CHASKI_TCP_OUT_OF_ORDER) == size, "there are gaps");
    must(chaski_counter_value(world.host, CHASKI_DROP_TCP_QUEUE_FULL) == 0, "all are kept");
}

/* Copies of what is there, in no order, with other bytes. */
static void copies(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = victim.next + 20000 + 2 * (number * 104729 % gap_count),
                         .acknowledgment = victim.una,
                         .length = 1,
                         .fill = (uint8_t)number});
    (void)peer;
}

/* All that received text may take is held behind gaps, by `size` connections. */
static void prepare_hoard(uint32_t size)
{
    for (uint32_t i = 0; chaski_counter_value(world.host, CHASKI_DROP_TCP_QUEUE_FULL) == 0; i++) {
        must(i < size, "the pools run low");
        open_with(&victim, (uint16_t)(7000 + i), HOST_PORT, tiny, sizeof tiny);
        for (uint32_t gap = 0; gap < 500; gap++)
            say_now(&victim, (struct saying){.flags = TCP_ACK,
                                             .sequence = victim.next + 20000 + 2 * gap,
                                             .acknowledgment = victim.una,
                                             .length = 1});
    }
    open_with(&victim, 6000, HOST_PORT, tiny, sizeof tiny);
}

/* Bytes behind gaps, which take the room of what others hold there. */
static void take_room(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = victim.next + 20000 + 2 * (number % 5000),
                         .acknowledgment = victim.una,
                         .length = 1});
    (void)peer;
}

/* About `size` segments of 64 bytes on their way, nothing acknowledged. */
static void prepare_flight(uint32_t size)
{
    static const uint8_t bytes[64 * 1024];
    open_with(&victim, 6000, HOST_PORT, tiny, sizeof tiny);
    must(chaski_tcp_set(world.host, world.connection, CHASKI_TCP_SNDBUF, 4 << 20) == 0, "sets");
    for (uint32_t flight = 0; flight < size * 64;) {
        chaski_tcp_write(world.host, world.connection, bytes, sizeof bytes);
        world.listening = &victim;
        turn();
        flight = victim.expected - victim.una;
        if (flight >= size * 64)
            break;
        world.now_ns += 1000000;
        victim.una += (flight / 2 / 64 + 1) * 64;
        say_now(&victim, (struct saying){.flags = TCP_ACK,
                                         .sequence = victim.next,
                                         .acknowledgment = victim.una});
    }
    must(victim.expected - victim.una >= size * 64, "the flight is there");
}

static void scattered_sack(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    uint8_t options[40];
    struct saying saying = {
        .flags = TCP_ACK, .sequence = victim.next, .acknowledgment = victim.una};
    struct wire_tcp_sack blocks[3];
    uint32_t segments = (victim.expected - victim.una) / 64;
    for (uint32_t i = 0; i < 3; i++) {
        blocks[i].left = victim.una + 64 * ((number * 3 + i) * 7919 % segments | 1);
        blocks[i].right = blocks[i].left + 64;
    }
    saying.options = options;
    saying.options_length = (uint8_t)wire_tcp_build_sack(options, blocks, 3);
    say(packet, &victim, &saying);
    (void)peer;
}

static void duplicates(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK, .sequence = victim.next, .acknowledgment = victim.una});
    (void)peer, (void)number;
}

static void beyond_what_was_sent(struct packet_bytes *packet, struct conversation *peer,
                                 uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = victim.next,
                         .acknowledgment = victim.expected + 1 + number});
    (void)peer;
}

/* Acknowledges nothing new, and reports a block. */
static void report(struct packet_bytes *packet, const struct wire_tcp_sack *block)
{
    uint8_t options[40];
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = victim.next,
                         .acknowledgment = victim.una,
                         .options = options,
                         .options_length = (uint8_t)wire_tcp_build_sack(options, block, 1)});
}

/* Duplicates of what was acknowledged, though nothing went again. */
static void made_up_duplicates(struct packet_bytes *packet, struct conversation *peer,
                               uint32_t number)
{
    uint32_t left = victim.una - 64 * (1 + number % 100);
    const struct wire_tcp_sack block = {left, left + 64};
    report(packet, &block);
    (void)peer;
}

/* The whole flight is reported, then all but its first segment is taken back, in turns. */
static void reneging(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    const struct wire_tcp_sack block = {victim.una + 64,
                                        number % 2 == 0 ? victim.expected : victim.una + 128};
    report(packet, &block);
    (void)peer;
}

static void byte_by_byte(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){
            .flags = TCP_ACK, .sequence = victim.next, .acknowledgment = ++victim.una});
    (void)peer, (void)number;
}

static void prepare_shut(uint32_t size)
{
    prepare_flight(size);
    for (unsigned i = 0; i < 3; i++)
        say_now(&victim, (struct saying){.flags = TCP_ACK,
                                         .sequence = victim.next,
                                         .acknowledgment = victim.una,
                                         .window = 1});
}

static void windows(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    say(packet, &victim,
        &(struct saying){.flags = TCP_ACK,
                         .sequence = victim.next,
                         .acknowledgment = victim.una,
                         .window = (uint16_t)(1 + number % 2)});
    (void)peer;
}

static void shutters(struct packet_bytes *packet, struct conversation *peer, uint32_t number)
{
    windows(packet, peer, 0);
    wire_tcp_set_window(packet->bytes + IP, number % 2 == 0 ? 0 : 65535);
    sum(packet->bytes, packet->length - IP);
}

/* ---- What each may cost ---- */

static const struct attack {
    const char *name;
    void (*prepare)(uint32_t size);
    maker *make;
    uint32_t size;
    uint32_t most_tenths;  /* the work, in tenths of an honest segment's */
    uint32_t most_answers; /* to all packets */
} attacks[] = {
    {"row 13: headers cut short", prepare_connection, short_header, 0, 20, 0},
    {"row 14: forty bytes of unknown options", prepare_connection, many_options, 0, 30, 1},
    {"row 14: SACK outside of the flight", prepare_connection, wrong_sack, 0, 30, 1},
    {"row 15: urgent pointers", prepare_connection, urgent, 0, 30, 1},
    {"row 16: all flags", prepare_connection, all_flags, 0, 30, 1},
    {"row 17: from itself", prepare_connection, from_itself, 0, 20, 0},
    {"row 18: resets in the window", prepare_connection, resets, 0, 30, 1},
    {"row 19: SYNs in a connection", prepare_connection, syns_inside, 0, 30, 1},
    {"row 20: acknowledgements of what was never sent", prepare_connection, never_sent, 0, 40, 1},
    {"row 22: forged ICMP errors", prepare_connection, errors, 0, 30, 0},
    {"row 26, 27: segments to TIME-WAIT", prepare_time_wait, at_time_wait, 0, 30, EACH / 4 + 1},
    {"row 28: old timestamps", prepare_timestamps, old_timestamps, 0, 40, EACH},
    {"row 29: SYN flood", prepare_cookies, syn_flood, 0, 60, EACH},
    {"row 29: forged cookies", prepare_cookies, forged_cookies, 0, 60, EACH},
    {"row 29: text for what is gone", prepare_cookies, stale_text, 0, 60, EACH},
    {"row 30: SYNs past the limit", prepare_crowd, syn_flood, 0, 30, 0},
    {"row 33, 38: copies among 20 gaps", prepare_gaps, copies, 20, 60, EACH},
    {"row 33, 38: copies among 2000 gaps", prepare_gaps, copies, 2000, 60, EACH},
    {"row 33: text for which others give way", prepare_hoard, take_room, 50, 60, EACH},
    {"row 34: scattered SACK over 200 segments", prepare_flight, scattered_sack, 200, 60, EACH},
    {"row 34: scattered SACK over 4000 segments", prepare_flight, scattered_sack, 4000, 80, EACH},
    {"row 35: acknowledgements past the end", prepare_flight, beyond_what_was_sent, 4000, 40, 64},
    {"row 36: duplicate acknowledgements", prepare_flight, duplicates, 4000, 40, 64},
    {"row 36: acknowledged byte by byte", prepare_flight, byte_by_byte, 4000, 50, 200},
    {"row 37: duplicates that never were", prepare_flight, made_up_duplicates, 4000, 40, 200},
    {"row 37: reports taken back", prepare_flight, reneging, 4000, 80, EACH},
    {"row 32, 39: windows that shut and open", prepare_shut, shutters, 1000, 40, 0},
    {"row 39: windows of a byte", prepare_shut, windows, 1000, 40, 0},
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *times)
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

static bool judge(unsigned number, const struct attack *attack)
{
    struct conversation peer;
    uint64_t times[ROUNDS], honest_times[ROUNDS];
    uint32_t made = 0, answers = 0, other = 0;
    make();
    open_with(&peer, 5000, HOST_PORT, sack_permitted, sizeof sack_permitted);
    attack->prepare(attack->size);
    for (unsigned round = 0; round < ROUNDS; round++) {
        honest_times[round] = time_batch(honest, &peer, &other);
        uint32_t before = world.answers;
        times[round] = time_batch(attack->make, &victim, &made);
        answers += world.answers - before;
    }
    uint64_t ns = median(times), tenths = ns * 10 / median(honest_times);
    bool holds = tenths <= attack->most_tenths && answers <= attack->most_answers;
    printf("%sok %u - %s: %u ns, %u.%u times an honest segment's, %u answers to %u\n",
           holds ? "" : "not ", number, attack->name, (unsigned)(ns / BATCH),
           (unsigned)(tenths / 10), (unsigned)(tenths % 10), answers, made);
    return holds;
}

int main(void)
{
    unsigned count = sizeof attacks / sizeof attacks[0], failed = 0;
    for (unsigned i = 0; i < count; i++)
        failed += !judge(i + 1, &attacks[i]);
    printf("1..%u\n", count);
    free(world.memory);
    return failed != 0;
}
