/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_AO_H
#define CHASKI_TESTS_UNIT_AO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/tcp_internal.h"
#include "tests/support/segment.h"

/* TCP-AO (RFC 5925) between two hosts; what travels is looked at, changed, lost and forged. What is
 * computed stands in tcp_ao_code.c. */

enum { CLIENT = 0, SERVER = 1, PORT = 179, CLIENT_PORT = 40000, CLIENT_ID = 61, SERVER_ID = 84 };
enum { NEW_CLIENT_ID = 7, NEW_SERVER_ID = 9, ETHERNET = 14, IP = 20, AO_ROOM = 8 };

static struct world world;
static chaski_tcp client, server;
static chaski_listener listener;
static unsigned heard_by[2];
static uint32_t received[2];
static uint8_t bytes[100000];

static inline void hear(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    unsigned end = host == world.hosts[SERVER];
    static uint8_t buffer[4096];
    long n;
    (void)context;
    if (end == SERVER)
        server = connection;
    heard_by[end] |= events;
    while ((n = chaski_tcp_read(host, connection, buffer, sizeof buffer)) > 0)
        received[end] += (uint32_t)n;
}

static inline void make_with(uint32_t ao_keys, const struct world_options *options)
{
    struct chaski_limits limits;
    struct world_options chosen = {0};
    if (options != NULL)
        chosen = *options;
    chaski_limits_for(&limits, 16 << 20, 64);
    limits.ao_keys = ao_keys;
    chosen.limits = &limits;
    chosen.prefix_length = 32;
    world_make(&world, &chosen);
    heard_by[0] = heard_by[1] = received[0] = received[1] = 0;
}

static inline void make(void)
{
    make_with(AO_ROOM, NULL);
}

static inline void listens(void)
{
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = hear};
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
}

static inline int tear_down(void **state)
{
    (void)state;
    world.loses = NULL;
    chaski_tcp_abort(world.hosts[CLIENT], client);
    chaski_tcp_abort(world.hosts[SERVER], server);
    world_run(&world, 300 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
    return 0;
}

/* Of connections between the client, any port, and the server's PORT. */
static inline struct chaski_tcp_ao_key key_of(uint32_t host, uint8_t client_id, uint8_t server_id)
{
    struct chaski_tcp_ao_key key = {
        .remote = world_endpoint(1 - host, host == CLIENT ? PORT : 0),
        .local.port = host == CLIENT ? 0 : PORT,
        .send_id = host == CLIENT ? client_id : server_id,
        .receive_id = host == CLIENT ? server_id : client_id,
        .secret_length = 10,
    };
    memcpy(key.secret, "testvector", 10);
    key.secret[0] ^= client_id; /* each another one */
    return key;
}

static inline void give_key(uint32_t host, uint8_t client_id, uint8_t server_id)
{
    struct chaski_tcp_ao_key key = key_of(host, client_id, server_id);
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[host], &key), 0);
}

static inline void give_keys(void)
{
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    give_key(SERVER, CLIENT_ID, SERVER_ID);
}

static inline void connects(bool fast)
{
    struct chaski_tcp_connect connect = {.remote = world_endpoint(SERVER, PORT),
                                         .local.port = CLIENT_PORT,
                                         .receive = hear,
                                         .fast_open = fast,
                                         .fast_open_without_cookie = fast};
    assert_int_equal(chaski_tcp_connect(world.hosts[CLIENT], &connect, &client), 0);
}

static inline bool connected(void)
{
    return heard_by[CLIENT] & CHASKI_CONNECTED && heard_by[SERVER] & CHASKI_CONNECTED;
}

static inline void opens(void)
{
    make();
    give_keys();
    listens();
    connects(false);
    world_settle(&world);
    assert_true(connected());
}

static inline void writes(uint32_t host, uint32_t n)
{
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_write(world.hosts[host], connection, bytes, n), n);
}

/* Both send so much, and all of it arrives. */
static inline void talk(uint32_t n)
{
    uint32_t before[2] = {received[0], received[1]};
    writes(CLIENT, n);
    writes(SERVER, n);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal(received[CLIENT] - before[CLIENT], n);
    assert_int_equal(received[SERVER] - before[SERVER], n);
}

static inline uint64_t counted(uint32_t host, enum chaski_counter counter)
{
    return chaski_counter_value(world.hosts[host], counter);
}

static inline struct chaski_tcp_ao_counts counts_of(uint32_t host)
{
    struct chaski_tcp_ao_counts counts;
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_ao_counts(world.hosts[host], connection, &counts), 0);
    return counts;
}

static inline int64_t option_of(uint32_t host, enum chaski_tcp_option option)
{
    int64_t value;
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_get(world.hosts[host], connection, option, &value), 0);
    return value;
}

static inline int set_option(uint32_t host, enum chaski_tcp_option option, int64_t value)
{
    chaski_tcp connection = host == CLIENT ? client : server;
    return chaski_tcp_set(world.hosts[host], connection, option, value);
}

/* ---- What travels ---- */

/* The KeyID of a segment, or -1. */
static inline int key_id(const struct segment *segment)
{
    uint8_t length;
    const uint8_t *option = segment_option(segment, 29, &length);
    if (option == NULL)
        return -1;
    assert_int_equal(length, 14);
    return option[0];
}

/* Segments that a host has sent: with the option, and without. */
static inline void count_signed(uint32_t host, uint32_t *with, uint32_t *without)
{
    struct segment segment;
    *with = *without = 0;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        if (world.frames[i].from != host || !segment_of(&world.frames[i], &segment))
            continue;
        *with += key_id(&segment) >= 0;
        *without += key_id(&segment) < 0;
    }
}

static inline void assert_all_signed(void)
{
    for (uint32_t host = 0; host < 2; host++) {
        uint32_t with, without;
        count_signed(host, &with, &without);
        assert_int_equal(without, 0);
        assert_true(with != 0);
    }
}

/* Computes the code anew, from the outside. */
static inline bool right_code(const struct frame *frame, const struct chaski_tcp_ao_key *key,
                              uint32_t from_isn, uint32_t to_isn, uint32_t extension)
{
    const uint8_t *header = frame->bytes + ETHERNET + IP;
    struct chaski_address from = world_address(frame->from), to = world_address(1 - frame->from);
    struct ao_ends ends = {
        &from,    &to,   wire_tcp_source_port(header), wire_tcp_destination_port(header),
        from_isn, to_isn};
    uint8_t option, traffic_key[AO_TRAFFIC_KEY], code[AO_CODE_LENGTH];
    uint32_t length = load_be16(frame->bytes + ETHERNET + 2) - IP;
    struct ao_code computing;
    assert_int_equal(wire_tcp_find_ao(header, &option), WIRE_TCP_AO_ONE);
    ao_derive(key->algorithm, key->secret, key->secret_length, &ends, traffic_key);
    ao_code_begin(&computing, key->algorithm, traffic_key);
    ao_code_add_header(&computing, extension, &ends, length, header, option, key->without_options);
    ao_code_add(&computing, header + wire_tcp_header_length(header),
                length - wire_tcp_header_length(header));
    ao_code_end(&computing, code);
    return memcmp(code, header + option + WIRE_TCP_AO_CODE, sizeof code) == 0;
}

/* Injects a segment at `host`, signed as the other end would with that key; the last 16 bytes of
 * its options are the option, of which KeyID and RNextKeyID are filled in. */
static inline void inject_signed(uint32_t host, const struct segment *segment,
                                 const struct chaski_tcp_ao_key *key, uint32_t from_isn,
                                 uint32_t to_isn, uint32_t extension)
{
    uint8_t packet[200], traffic_key[AO_TRAFFIC_KEY], *header = packet + IP;
    struct chaski_address from = world_address(1 - host), to = world_address(host);
    struct ao_ends ends = {&from,    &to,   segment->source_port, segment->destination_port,
                           from_isn, to_isn};
    uint32_t length = segment_packet(segment, &from, &to, packet) - IP;
    uint8_t header_length = wire_tcp_header_length(header);
    uint8_t option = (uint8_t)(header_length - WIRE_TCP_AO_SIZE);
    struct ao_code computing;
    ao_derive(key->algorithm, key->secret, key->secret_length, &ends, traffic_key);
    ao_code_begin(&computing, key->algorithm, traffic_key);
    ao_code_add_header(&computing, extension, &ends, length, header, option, key->without_options);
    ao_code_add(&computing, header + header_length, length - header_length);
    ao_code_end(&computing, header + option + WIRE_TCP_AO_CODE);
    world_inject_ip4(&world, host, packet, IP + length);
}

/* What the server might say next. */
static inline struct segment forged(uint8_t flags)
{
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    return (struct segment){.source_port = PORT,
                            .destination_port = CLIENT_PORT,
                            .sequence = c->rcv_nxt,
                            .acknowledgment = c->snd_nxt,
                            .flags = flags,
                            .window = 1000,
                            .payload = bytes,
                            .payload_length = flags & SEGMENT_RST ? 0 : 10};
}

static inline bool lose_synack(void *context, struct frame *frame)
{
    struct segment segment;
    uint32_t *left = context;
    return *left != 0 && segment_of(frame, &segment) &&
           segment.flags == (SEGMENT_SYN | SEGMENT_ACK) && (*left)-- != 0;
}

static inline bool lose_all(void *context, struct frame *frame)
{
    (void)context, (void)frame;
    return true;
}

#endif
