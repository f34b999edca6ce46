// SPDX-License-Identifier: BSD-2-Clause
/* Datagrams that are wrong in themselves: row 12 of docs/attacks.md. */
#include "tests/unit/attack/attack.h"

enum { IP = 20, UDP = 8, PORT = 9 };

static uint32_t heard;

static void hear(void *context, struct chaski *host, chaski_udp socket,
                 const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                 const void *bytes, size_t length)
{
    (void)context;
    (void)host;
    (void)socket;
    (void)local;
    (void)bytes;
    heard++;
    assert_true(length <= 4);
    assert_int_equal(remote->port == 0 || remote->port == 40000, true);
}

static void make(struct peer *peer)
{
    struct chaski_udp_bind bind = {.local.port = PORT, .receive = hear};
    chaski_udp socket;
    heard = 0;
    peer_make(peer, NULL);
    assert_int_equal(chaski_udp_bind(peer->host, &bind, &socket), 0);
}

/* A datagram of 8 + 4 bytes from port 40000 to port 9 in an IP payload of `carried` bytes; its own
 * length field says `claimed`. */
static void inject(struct peer *peer, uint16_t claimed, uint32_t carried)
{
    uint8_t packet[IP + 64] = {
        0x45, 0, 0, 0, 0,    0,    0, 0,    64, 17, 0, 0, 192, 0,   2,   2,
        192,  0, 2, 1, 0x9c, 0x40, 0, PORT, 0,  0,  0, 0, 't', 'e', 's', 't',
    };
    packet[3] = (uint8_t)(IP + carried);
    packet[IP + 4] = (uint8_t)(claimed >> 8);
    packet[IP + 5] = (uint8_t)claimed;
    world_inject_ip4(&peer->world, 0, packet, IP + carried);
}

/* RFC 768 MUST-1 */
static void row_12_length_under_8_or_over_the_payload(void **state)
{
    (void)state;
    struct peer peer;
    make(&peer);
    struct cost before = cost_now(&peer);
    uint32_t dropped = 0;
    for (uint16_t claimed = 0; claimed < 8; claimed++, dropped++)
        inject(&peer, claimed, 12);
    static const uint16_t over[] = {13, 14, 255, 256, 32768, 65535};
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++, dropped++)
        inject(&peer, over[i], 12);
    for (uint32_t carried = 0; carried < 8; carried++, dropped++)
        inject(&peer, (uint16_t)carried, carried); /* cut within the header */
    assert_int_equal(counted(&peer, CHASKI_DROP_UDP_LENGTH), dropped);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(heard, 0);
    peer_free(&peer);
}

/* An IP payload may be longer than the datagram: the rest is nobody's. The checksum is that of
 * the datagram alone, here none. */
static void row_12_what_lies_behind_the_datagram_is_not_delivered(void **state)
{
    (void)state;
    static const uint8_t packet[IP + 20] = {
        0x45, 0,    0, 40, 0, 0,  0, 0, 64,  17,  0,   0,   192, 0,   2,   2,   192, 0, 2, 1,
        0x9c, 0x40, 0, 9,  0, 12, 0, 0, 't', 'e', 's', 't', 'm', 'o', 'r', 'e', 0,   0, 0, 0,
    };
    struct peer peer;
    make(&peer);
    uint8_t frame[14 + sizeof packet] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00};
    memcpy(frame + 14, packet, sizeof packet);
    ip4_make_right(frame + 14, IP); /* the header's only */
    world_inject(&peer.world, 0, frame, sizeof frame);
    assert_int_equal(heard, 1);
    peer_free(&peer);
}

/* RFC 768 MUST-5 */
static void row_12_port_0(void **state)
{
    (void)state;
    static const uint8_t to_zero[IP + UDP + 4] = {
        0x45, 0, 0, 32, 0,    0,    0, 0, 64, 17, 0, 0, 192, 0,   2,   2,
        192,  0, 2, 1,  0x9c, 0x40, 0, 0, 0,  12, 0, 0, 't', 'e', 's', 't',
    };
    static const uint8_t from_zero[IP + UDP + 4] = {
        0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0,   2,   2,
        192,  0, 2, 1,  0, 0, 0, 9, 0,  12, 0, 0, 't', 'e', 's', 't',
    };
    struct peer peer;
    make(&peer);
    struct cost before = cost_now(&peer);
    world_inject_ip4(&peer.world, 0, to_zero, sizeof to_zero);
    assert_int_equal(counted(&peer, CHASKI_DROP_UDP_PORT), 1);
    assert_int_equal(heard, 0);
    /* From port 0 is lawful, and asks for no answer (RFC 768). */
    world_inject_ip4(&peer.world, 0, from_zero, sizeof from_zero);
    assert_int_equal(heard, 1);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* RFC 768 MUST-2; RFC 1122 MUST-43 */
static void row_12_wrong_checksum(void **state)
{
    (void)state;
    struct peer peer;
    make(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t bit = 0; bit < 8 * 12; bit++) {
        uint8_t frame[14 + IP + UDP + 4] = {
            2, 0,  0,    0,    0, 1, 2,  0,  0, 0, 0,   2,   0x08, 0x00, 0x45, 0,
            0, 32, 0,    0,    0, 0, 64, 17, 0, 0, 192, 0,   2,    2,    192,  0,
            2, 1,  0x9c, 0x40, 0, 9, 0,  12, 0, 0, 't', 'e', 's',  't',
        };
        ip4_make_right(frame + 14, sizeof frame - 14);
        frame[14 + IP + bit / 8] ^= (uint8_t)(1u << bit % 8);
        world_inject(&peer.world, 0, frame, sizeof frame);
    }
    assert_int_equal(heard, 0);
    assert_cost_nothing(&peer, &before);
    assert_true(counted(&peer, CHASKI_DROP_UDP_CHECKSUM) >= 8 * 8); /* or length, or port */
    peer_free(&peer);
}

/* RFC 8200, 8.1: over IPv6 a datagram without a checksum is dropped. There is no IPv6 block here,
 * so the datagram is handed to UDP as such a block would. */
static void row_12_no_checksum_over_ipv6(void **state)
{
    (void)state;
    static const uint8_t datagram[UDP + 4] = {0x9c, 0x40, 0, 9, 0, 12, 0, 0, 't', 'e', 's', 't'};
    struct peer peer;
    make(&peer);
    struct cost before = cost_now(&peer);
    struct packet *packet = packet_take(&peer.host->memory.packets, FOR_RECEIVE);
    memcpy(packet_put(packet, sizeof datagram), datagram, sizeof datagram);
    assert_true(chaski_address_parse("2001:db8::2", &packet->ip.source));
    assert_true(chaski_address_parse("2001:db8::1", &packet->ip.destination));
    packet->ip.protocol = 17;
    struct burst burst = {.count = 1, .packets = {packet}};
    udp_receive(&peer.host->udp, &burst, peer.world.now_ns);
    world_settle(&peer.world);
    assert_int_equal(heard, 0);
    assert_int_equal(counted(&peer, CHASKI_DROP_UDP_CHECKSUM), 1);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* Nobody reads: what waits is bounded, and the rest of the host has its memory. */
static void row_12_flood_of_an_unread_socket(void **state)
{
    (void)state;
    struct peer peer;
    chaski_udp socket;
    struct chaski_udp_bind bind = {.local.port = PORT, .queue = 1 << 20};
    peer_make(&peer, NULL);
    assert_int_equal(chaski_udp_bind(peer.host, &bind, &socket), 0);
    for (uint32_t i = 0; i < 10000; i++)
        inject(&peer, 12, 12);
    struct cost cost = cost_now(&peer);
    assert_true(cost.packets <= peer.host->memory.packets.total / 2 + 1);
    assert_int_equal(cost.frames, 0);
    peer_host_listens(&peer);
    peer_says(&peer, SEGMENT_SYN, 0);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(chaski_udp_close(peer.host, socket), 0);
    peer_free(&peer);
}

/* Errors about datagrams to a port where nobody listens are limited; none is sent for a
 * datagram from nobody or for many. */
static void row_12_flood_of_a_closed_port(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 10000; i++)
        inject(&peer, 12, 12);
    assert_in_range(cost_now(&peer).frames - before.frames, 1, 100);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_12_length_under_8_or_over_the_payload),
        cmocka_unit_test(row_12_what_lies_behind_the_datagram_is_not_delivered),
        cmocka_unit_test(row_12_port_0),
        cmocka_unit_test(row_12_wrong_checksum),
        cmocka_unit_test(row_12_no_checksum_over_ipv6),
        cmocka_unit_test(row_12_flood_of_an_unread_socket),
        cmocka_unit_test(row_12_flood_of_a_closed_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
