/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/spread.h"

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

static void what_is_no_flow_goes_to_the_leader(void **state)
{
    (void)state;
    put_ethernet(WIRE_ETHERNET_ARP);
    assert_int_equal(home_of_frame(60), 0);
    put_ethernet(WIRE_ETHERNET_IP6);
    assert_int_equal(home_of_frame(60), 0);
    assert_int_equal(home_of_frame(put_flow(WIRE_IP_IGMP, 0)), 0);
    size_t length = put_flow(WIRE_IP_UDP, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_go_home),
        cmocka_unit_test(options_do_not_hide_the_ports),
        cmocka_unit_test(flows_are_many_and_spread_evenly),
        cmocka_unit_test(what_is_no_flow_goes_to_the_leader),
        cmocka_unit_test(fragments_meet_and_their_datagram_goes_home),
        cmocka_unit_test(errors_go_where_what_they_quote_came_from),
        cmocka_unit_test(echoes_are_answered_where_they_arrive),
        cmocka_unit_test(nothing_is_read_behind_a_frame),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
