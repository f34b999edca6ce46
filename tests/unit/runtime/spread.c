/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/spread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/address.h"
#include "core/wire/ethernet.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"

enum { SHARDS = 5, HERE = 3, PEER_PORT = 40001, OUR_PORT = 80, ROOM = 1024 };

static const uint32_t peer = 0xc6336401, ours = 0xc0000201, elsewhere = 0x0a000001;

static struct spread spread;
static uint8_t frame[ROOM];

static int set_up(void **state)
{
    (void)state;
    spread_init(&spread, SHARDS);
    return 0;
}

/* What the descriptor of a frame of `length` bytes looks like when the first `linear` are linear.
 */
static struct packet *packet_of(const uint8_t *bytes, size_t length, size_t linear)
{
    static struct packet packet;
    static struct buffer buffer;
    static uint8_t rest[ROOM];
    memcpy(rest, bytes, length);
    buffer.data = rest;
    packet = (struct packet){.data = (uint8_t *)(uintptr_t)bytes,
                             .linear_length = (uint16_t)linear,
                             .length = (uint32_t)length};
    packet.fragment_count = linear < length;
    packet.fragments[0].buffer = &buffer;
    packet.fragments[0].offset = (uint32_t)linear;
    packet.fragments[0].length = (uint32_t)(length - linear);
    return &packet;
}

static unsigned home_of_frame(size_t length)
{
    unsigned whole = spread_frame(&spread, packet_of(frame, length, length), HERE);
    if (length > WIRE_ETHERNET_HEADER) /* it does not matter where the bytes lie */
        assert_int_equal(
            spread_frame(&spread, packet_of(frame, length, WIRE_ETHERNET_HEADER), HERE), whole);
    return whole;
}

static unsigned home_of_flow(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port)
{
    struct chaski_endpoint local = {address_from_ip4(to), to_port, 0};
    struct chaski_endpoint remote = {address_from_ip4(from), from_port, 0};
    return spread_flow(&spread, &local, &remote);
}

static void put_ethernet(uint16_t type)
{
    const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
    memset(frame, 0, sizeof frame);
    wire_ethernet_build(frame, to, from, type);
}

/* An IP header at `p`, followed by ports. */
static size_t put_ip(uint8_t *p, uint8_t protocol, uint32_t from, uint32_t to, uint16_t fragment)
{
    struct wire_ip4_fields fields = {.source = from,
                                     .destination = to,
                                     .payload_length = 8,
                                     .fragment = fragment,
                                     .ttl = 64,
                                     .protocol = protocol};
    wire_ip4_build(p, &fields);
    return WIRE_IP4_HEADER;
}

static void put_ports(uint8_t *p, uint16_t from, uint16_t to)
{
    store_be16(p, from);
    store_be16(p + 2, to);
}

static size_t put_flow(uint8_t protocol, uint16_t fragment)
{
    put_ethernet(WIRE_ETHERNET_IP4);
    uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    size_t header = put_ip(ip, protocol, peer, ours, fragment);
    put_ports(ip + header, PEER_PORT, OUR_PORT);
    return WIRE_ETHERNET_HEADER + header + 8;
}

static void flows_go_home(void **state)
{
    unsigned home = home_of_flow(peer, PEER_PORT, ours, OUR_PORT);
    (void)state;
    assert_int_equal(home_of_frame(put_flow(WIRE_IP_TCP, 0)), home);
    assert_int_equal(home_of_frame(put_flow(WIRE_IP_UDP, 0)), home);
}

static void options_do_not_hide_the_ports(void **state)
{
    uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    (void)state;
    size_t length = put_flow(WIRE_IP_TCP, 0);
    memmove(ip + 40, ip + 20, 8);
    memset(ip + 20, 1, 20);
    wire_ip4_set_header_length(ip, 40);
    assert_int_equal(home_of_frame(length + 20), home_of_flow(peer, PEER_PORT, ours, OUR_PORT));
}

/* Of many flows each shard gets its part. */
static void flows_are_many_and_spread_evenly(void **state)
{
    unsigned count[SHARDS] = {0};
    (void)state;
    for (unsigned port = 1024; port < 11024; port++)
        count[home_of_flow(peer, (uint16_t)port, ours, OUR_PORT)]++;
    for (unsigned i = 0; i < SHARDS; i++)
        assert_in_range(count[i], 10000 / SHARDS * 8 / 10, 10000 / SHARDS * 12 / 10);
}

/* ---- IPv6 ---- */

enum { IP6 = 40, NO_NEXT_HEADER = 59, ICMP6 = 58 };

/* "Verifying the RSS Hash Calculation", Microsoft: what comes out with and without the ports. */
static const struct vector {
    const char *source, *destination;
    uint16_t source_port, destination_port;
    uint32_t whole, addresses;
} vectors[] = {
    {"3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766, 0x40207d3d, 0x2cc18cd5},
    {"3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739, 0xdde51bbf, 0x0f0c461c},
    {"3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024, 0x02d1feef,
     0x4b61e985},
};

static unsigned home_of_hash(uint32_t hash)
{
    return hash % SPREAD_TABLE % SHARDS;
}

/* An IPv6 header at `p`; returns where what it carries begins. */
static uint8_t *put_ip6(uint8_t *p, uint8_t next, const char *from, const char *to)
{
    struct chaski_address source, destination;
    assert_true(chaski_address_parse(from, &source));
    assert_true(chaski_address_parse(to, &destination));
    memset(p, 0, IP6);
    p[0] = 0x60;
    p[6] = next;
    memcpy(p + 8, source.bytes, 16);
    memcpy(p + 24, destination.bytes, 16);
    return p + IP6;
}

/* An extension header of `words` times 8 bytes. */
static uint8_t *put_extension(uint8_t *p, uint8_t next, uint8_t words)
{
    memset(p, 0xff, words * 8u);
    p[0] = next;
    p[1] = (uint8_t)(words - 1);
    return p + words * 8u;
}

/* A TCP segment's frame with these extension headers, none of them longer than 16 bytes. */
static size_t put_flow6(const struct vector *vector, const uint8_t *extensions, size_t count)
{
    put_ethernet(WIRE_ETHERNET_IP6);
    uint8_t *p = put_ip6(frame + WIRE_ETHERNET_HEADER, count != 0 ? extensions[0] : WIRE_IP_TCP,
                         vector->source, vector->destination);
    for (size_t i = 0; i < count; i++)
        p = put_extension(p, i + 1 < count ? extensions[i + 1] : WIRE_IP_TCP, i == 0 ? 2 : 1);
    put_ports(p, vector->source_port, vector->destination_port);
    return (size_t)(p + 8 - frame);
}

static void flows_of_ip6_go_where_the_published_hash_says(void **state)
{
    static const uint8_t extensions[] = {0, 60, 43};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *vector = &vectors[i];
        struct chaski_endpoint local = {.port = vector->destination_port};
        struct chaski_endpoint remote = {.port = vector->source_port};
        unsigned home = home_of_hash(vector->whole);
        assert_true(chaski_address_parse(vector->destination, &local.address));
        assert_true(chaski_address_parse(vector->source, &remote.address));
        assert_int_equal(spread_flow(&spread, &local, &remote), home);
        for (size_t count = 0; count <= sizeof extensions; count++) {
            size_t length = put_flow6(vector, extensions, count);
            assert_int_equal(home_of_frame(length), home);
            length -= WIRE_ETHERNET_HEADER;
            const uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
            assert_int_equal(spread_datagram(&spread, packet_of(ip, length, length), HERE), home);
        }
    }
}

static void fragments_of_ip6_go_where_the_hash_of_their_addresses_says(void **state)
{
    static const uint8_t first[] = {44}, behind[] = {60, 44}, many[] = {60, 60, 60, 60, 60};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        unsigned home = home_of_hash(vectors[i].addresses);
        assert_int_equal(home_of_frame(put_flow6(&vectors[i], first, 1)), home);
        assert_int_equal(home_of_frame(put_flow6(&vectors[i], behind, 2)), home);
        assert_int_equal(home_of_frame(put_flow6(&vectors[i], many, 5)), home); /* not looked for */
    }
}

static size_t put_icmp6(uint8_t type, const struct vector *quoted)
{
    put_ethernet(WIRE_ETHERNET_IP6);
    uint8_t *p = put_ip6(frame + WIRE_ETHERNET_HEADER, ICMP6, "2001:db8::99", quoted->destination);
    memset(p, 0, 8);
    p[0] = type;
    p = put_ip6(p + 8, WIRE_IP_TCP, quoted->destination, quoted->source);
    put_ports(p, quoted->destination_port, quoted->source_port);
    return (size_t)(p + 8 - frame);
}

static void messages_of_icmp6_go_where_those_of_icmp4_do(void **state)
{
    enum { TOO_BIG = 2, ECHO_REQUEST = 128, ECHO_REPLY = 129, NEIGHBOUR_SOLICITATION = 135 };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        unsigned home = home_of_hash(vectors[i].whole);
        size_t length = put_icmp6(TOO_BIG, &vectors[i]);
        assert_int_equal(home_of_frame(length), home);
        const uint8_t *quoted = frame + WIRE_ETHERNET_HEADER + IP6 + 8;
        assert_int_equal(spread_sent(&spread, packet_of(quoted, IP6 + 8, IP6 + 8)), home);
        assert_int_equal(home_of_frame(put_icmp6(ECHO_REQUEST, &vectors[i])), HERE);
        assert_int_equal(home_of_frame(put_icmp6(ECHO_REPLY, &vectors[i])), 0);
        assert_int_equal(home_of_frame(put_icmp6(NEIGHBOUR_SOLICITATION, &vectors[i])), 0);
    }
}

/* ---- Either ---- */

static void what_is_no_flow_goes_to_the_leader(void **state)
{
    (void)state;
    put_ethernet(WIRE_ETHERNET_ARP);
    assert_int_equal(home_of_frame(60), 0);
    size_t length = put_flow6(&vectors[0], NULL, 0);
    frame[WIRE_ETHERNET_HEADER + 6] = NO_NEXT_HEADER;
    assert_int_equal(home_of_frame(length), 0);
    put_flow6(&vectors[0], NULL, 0);
    frame[0] |= 1; /* to a group */
    assert_int_equal(home_of_frame(length), 0);
    assert_int_equal(home_of_frame(put_flow(WIRE_IP_IGMP, 0)), 0);
    length = put_flow(WIRE_IP_UDP, 0);
    frame[0] |= 1; /* to a group */
    assert_int_equal(home_of_frame(length), 0);
}

static void fragments_meet_and_their_datagram_goes_home(void **state)
{
    uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    (void)state;
    size_t length = put_flow(WIRE_IP_UDP, WIRE_IP4_MORE_FRAGMENTS);
    unsigned first = home_of_frame(length);
    unsigned home = spread_datagram(&spread, packet_of(ip, length - 14, length - 14), HERE);
    assert_int_equal(home, home_of_flow(peer, PEER_PORT, ours, OUR_PORT));
    put_flow(WIRE_IP_UDP, 185);
    put_ports(ip + WIRE_IP4_HEADER, 1, 2); /* what stands there is data */
    assert_int_equal(home_of_frame(length), first);
}

static size_t put_icmp(uint8_t type)
{
    put_ethernet(WIRE_ETHERNET_IP4);
    uint8_t *ip = frame + WIRE_ETHERNET_HEADER;
    uint8_t *icmp = ip + put_ip(ip, WIRE_IP_ICMP4, elsewhere, ours, 0);
    wire_icmp4_build(icmp, type, 0, 0);
    uint8_t *quoted = icmp + WIRE_ICMP4_HEADER;
    size_t header = put_ip(quoted, WIRE_IP_TCP, ours, peer, 0);
    put_ports(quoted + header, OUR_PORT, PEER_PORT);
    return (size_t)(quoted + header + 8 - frame);
}

static void errors_go_where_what_they_quote_came_from(void **state)
{
    unsigned home = home_of_flow(peer, PEER_PORT, ours, OUR_PORT);
    (void)state;
    assert_int_equal(home_of_frame(put_icmp(WIRE_ICMP4_UNREACHABLE)), home);
    assert_int_equal(home_of_frame(put_icmp(WIRE_ICMP4_TIME_EXCEEDED)), home);
    put_icmp(WIRE_ICMP4_UNREACHABLE);
    const uint8_t *quoted = frame + 14 + 20 + 8;
    assert_int_equal(spread_sent(&spread, packet_of(quoted, 28, 28)), home);
}

static void echoes_are_answered_where_they_arrive(void **state)
{
    (void)state;
    assert_int_equal(home_of_frame(put_icmp(WIRE_ICMP4_ECHO)), HERE);
    assert_int_equal(home_of_frame(put_icmp(WIRE_ICMP4_ECHO_REPLY)), 0);
}

/* Cut off anywhere, and with lengths that lie: some shard gets it, and nothing is read behind it
 * (AddressSanitizer looks). */
static void nothing_is_read_behind_a_frame(void **state)
{
    uint8_t whole[ROOM];
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        size_t length = kind == 0   ? put_flow(WIRE_IP_TCP, 0)
                        : kind == 1 ? put_icmp(WIRE_ICMP4_UNREACHABLE)
                                    : put_icmp(WIRE_ICMP4_ECHO);
        memcpy(whole, frame, sizeof whole);
        for (unsigned words = 0; words < 32; words++) {
            memcpy(frame, whole, sizeof frame);
            frame[14] = (uint8_t)(0x40 | (words & 15));
            if (words > 15)
                frame[14 + 28] = (uint8_t)(0x40 | (words & 15));
            for (size_t n = 0; n <= length; n++) {
                uint8_t *tight = test_malloc(n + 1);
                memcpy(tight, frame, n);
                assert_in_range(spread_frame(&spread, packet_of(tight, n, n), HERE), 0, SHARDS - 1);
                if (n > 14)
                    assert_in_range(
                        spread_datagram(&spread, packet_of(tight + 14, n - 14, n - 14), HERE), 0,
                        SHARDS - 1);
                test_free(tight);
            }
        }
    }
}

static void no_ip6_header_is_believed(void **state)
{
    static const uint8_t extensions[] = {0, 60, 43};
    uint8_t whole[ROOM];
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        size_t length = kind == 0 ? put_flow6(&vectors[0], extensions, sizeof extensions)
                                  : put_icmp6(1, &vectors[0]);
        memcpy(whole, frame, sizeof whole);
        for (unsigned words = 0; words < 256; words++) {
            memcpy(frame, whole, sizeof frame);
            frame[WIRE_ETHERNET_HEADER + IP6 + 1] = (uint8_t)words;     /* an extension's length */
            frame[WIRE_ETHERNET_HEADER + IP6 + 8 + 6] = (uint8_t)words; /* what is quoted */
            for (size_t n = WIRE_ETHERNET_HEADER; n <= length; n++) {
                uint8_t *tight = test_malloc(n);
                memcpy(tight, frame, n);
                assert_in_range(spread_frame(&spread, packet_of(tight, n, n), HERE), 0, SHARDS - 1);
                test_free(tight);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_go_home),
        cmocka_unit_test(options_do_not_hide_the_ports),
        cmocka_unit_test(flows_are_many_and_spread_evenly),
        cmocka_unit_test(flows_of_ip6_go_where_the_published_hash_says),
        cmocka_unit_test(fragments_of_ip6_go_where_the_hash_of_their_addresses_says),
        cmocka_unit_test(messages_of_icmp6_go_where_those_of_icmp4_do),
        cmocka_unit_test(no_ip6_header_is_believed),
        cmocka_unit_test(what_is_no_flow_goes_to_the_leader),
        cmocka_unit_test(fragments_meet_and_their_datagram_goes_home),
        cmocka_unit_test(errors_go_where_what_they_quote_came_from),
        cmocka_unit_test(echoes_are_answered_where_they_arrive),
        cmocka_unit_test(nothing_is_read_behind_a_frame),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
