/* SPDX-License-Identifier: BSD-2-Clause */
/* What a script's packets are on the wire, in both versions of IP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/script/packets/ip.h"

static const struct ends ends4 = {&ip_version4, {192, 168, 0, 1}, {192, 0, 2, 1}};
static const struct ends ends6 = {&ip_version6,
                                  {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1},
                                  {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

static uint8_t bytes[PACKET_ROOM];
static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void is_built(const struct packet *packet, const struct ends *ends, const uint8_t *wanted,
                     size_t length)
{
    assert_int_equal(packet_build(packet, ends, bytes), length);
    assert_memory_equal(bytes, wanted, length);
}

static const char *read_back(const struct packet *packet, const struct ends *ends,
                             struct packet *seen)
{
    size_t length = packet_build(packet, ends, bytes);
    return packet_read(&arena, ends->version, bytes, length, seen);
}

/* ---- What scripts say ---- */

static const uint8_t syn4[] = {0x45, 0xb9, 0x00, 0x2c, 0x00, 0x00, 0x40, 0x00, 0xff, 0x06, 0xf8,
                               0x67, 0xc0, 0x00, 0x02, 0x01, 0xc0, 0xa8, 0x00, 0x01, 0x9c, 0x40,
                               0x1f, 0x90, 0x00, 0x00, 0x03, 0xe8, 0x00, 0x00, 0x00, 0x00, 0x60,
                               0x02, 0x4e, 0x20, 0x07, 0xa3, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4};
static const uint8_t syn6[] = {
    0x6b, 0x90, 0x00, 0x00, 0x00, 0x18, 0x06, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x9c, 0x40, 0x1f, 0x90, 0x00, 0x00, 0x03, 0xe8,
    0x00, 0x00, 0x00, 0x00, 0x60, 0x02, 0x4e, 0x20, 0x93, 0x5b, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4};
static const uint8_t needed4[] = {
    0x45, 0x00, 0x00, 0x38, 0x00, 0x00, 0x40, 0x00, 0xff, 0x01, 0xf9, 0x19, 0xc0, 0x00,
    0x02, 0x01, 0xc0, 0xa8, 0x00, 0x01, 0x03, 0x04, 0x28, 0x8f, 0x00, 0x00, 0x05, 0x14,
    0x45, 0x00, 0x05, 0xdc, 0x00, 0x00, 0x40, 0x00, 0xff, 0x06, 0xf3, 0x70, 0xc0, 0xa8,
    0x00, 0x01, 0xc0, 0x00, 0x02, 0x01, 0x1f, 0x90, 0x9c, 0x40, 0x00, 0x00, 0x13, 0x88};
static const uint8_t too_big6[] = {
    0x60, 0x00, 0x00, 0x00, 0x00, 0x38, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x00, 0xce, 0x73, 0x00, 0x00, 0x05, 0x14,
    0x60, 0x00, 0x00, 0x00, 0x05, 0xc8, 0x06, 0xff, 0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x1f, 0x90, 0x9c, 0x40, 0x00, 0x00, 0x13, 0x88};

static struct tcp_option mss = {.kind = OPTION_MSS, .value = 1460};
static const struct packet syn = {.ip = {.has_class = true, .traffic_class = 0xb9},
                                  .source_port = 40000,
                                  .destination_port = 8080,
                                  .flags = FLAG_SYN,
                                  .sequence = 1000,
                                  .window = 20000,
                                  .options = &mss};
static const struct packet datagram = {
    .kind = PACKET_UDP, .source_port = 40000, .destination_port = 8080, .length = 100};

/* An error for a segment of 1460 bytes that began at 5000. */
static struct packet error_named(const struct ip_version *version, const char *type,
                                 const char *code)
{
    struct packet error = {.kind = PACKET_ICMP,
                           .flags = FLAG_ACK,
                           .source_port = 40000,
                           .destination_port = 8080,
                           .icmp = {.type_name = type,
                                    .code_name = code,
                                    .has_mtu = true,
                                    .mtu = 1300,
                                    .has_quote = true,
                                    .quoted_sequence = 5000,
                                    .quoted_length = 1460}};
    assert_null(icmp_numbers(version, &error.icmp));
    return error;
}

static void syns(void **state)
{
    (void)state;
    is_built(&syn, &ends4, syn4, sizeof syn4);
    is_built(&syn, &ends6, syn6, sizeof syn6);
}

static void errors_of_icmp(void **state)
{
    (void)state;
    struct packet needed = error_named(&ip_version4, "unreachable", "frag_needed");
    struct packet too_big = error_named(&ip_version6, "packet_too_big", NULL);
    is_built(&needed, &ends4, needed4, sizeof needed4);
    is_built(&too_big, &ends6, too_big6, sizeof too_big6);
}

static void words_of_icmp(void **state)
{
    (void)state;
    struct icmp_part port = {.type_name = "unreachable", .code_name = "port_unreachable"};
    struct icmp_part by_number = {.type_name = "type_4", .code_name = "code_2"};
    struct icmp_part of_ip4 = {.type_name = "unreachable", .code_name = "frag_needed"};
    struct icmp_part of_ip6 = {.type_name = "packet_too_big"};
    assert_null(icmp_numbers(&ip_version4, &port));
    assert_int_equal(port.type << 8 | port.code, 0x303);
    assert_null(icmp_numbers(&ip_version6, &port));
    assert_int_equal(port.type << 8 | port.code, 0x104);
    assert_null(icmp_numbers(&ip_version6, &by_number));
    assert_int_equal(by_number.type << 8 | by_number.code, 0x402);
    assert_string_equal(icmp_numbers(&ip_version6, &of_ip4), "frag_needed");
    assert_string_equal(icmp_numbers(&ip_version4, &of_ip6), "packet_too_big");
}

/* ---- What was sent ---- */

static void headers_are_read(void **state)
{
    const struct ends *const both[] = {&ends4, &ends6};
    struct packet seen, echo = {.kind = PACKET_ICMP, .icmp = {.identifier = 7, .sequence = 9}};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct ip_version *version = both[i]->version;
        assert_null(read_back(&syn, both[i], &seen));
        assert_int_equal(seen.ip.traffic_class, 0xb9);
        assert_int_equal(seen.ip.ecn, 1);
        assert_int_equal(seen.ip.ttl, 255);
        assert_int_equal(seen.sequence, 1000);
        assert_int_equal(seen.options->value, 1460);
        assert_null(read_back(&datagram, both[i], &seen));
        assert_int_equal(seen.length, 100);
        echo.icmp.type = version->echo_reply;
        assert_null(read_back(&echo, both[i], &seen));
        assert_int_equal(seen.icmp.sequence, 9);
        assert_non_null(packet_read(&arena, version, bytes, version->header + 7u, &seen));
    }
    assert_non_null(packet_read(&arena, &ip_version4, syn6, sizeof syn6, &seen));
    assert_non_null(packet_read(&arena, &ip_version6, syn4, sizeof syn4, &seen));
}

static void wrong_sums_are_told(void **state)
{
    const struct ends *const both[] = {&ends4, &ends6};
    struct packet packets[] = {syn, datagram, {.kind = PACKET_ICMP}}, seen;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        packets[2].icmp.type = both[i]->version->echo_request;
        for (unsigned j = 0; j < 3; j++) {
            packets[j].ip.bad_checksum = true;
            const char *wrong = read_back(&packets[j], both[i], &seen);
            assert_non_null(wrong);
            assert_non_null(strstr(wrong, "checksum is wrong"));
        }
    }
}

/* IPv6 has no sum of its own, so that its datagrams must have one (RFC 8200, 8.1). */
static void datagrams_without_a_sum(void **state)
{
    const struct ends *const both[] = {&ends4, &ends6};
    struct packet seen;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct ip_version *version = both[i]->version;
        size_t length = packet_build(&datagram, both[i], bytes);
        put16(bytes + version->header + 6, 0);
        bool taken = packet_read(&arena, version, bytes, length, &seen) == NULL;
        assert_int_equal(taken, version == &ip_version4);
    }
}

/* ---- What the link is told ---- */

static void groups_and_neighbours(void **state)
{
    uint8_t report[76] = {0x60, [5] = 36, [7] = 1, [40] = 58}; /* of MLD, behind an option */
    uint8_t router[48] = {0x60, [5] = 8, [6] = 58, [40] = 133};
    uint8_t groups[24] = {0x45, [3] = 24, [9] = 2};
    (void)state;
    assert_true(ip_version6.is_of_the_link(report, sizeof report));
    assert_true(ip_version6.is_of_the_link(router, sizeof router));
    assert_false(ip_version6.is_of_the_link(syn6, sizeof syn6));
    assert_false(ip_version6.is_of_the_link(too_big6, sizeof too_big6));
    assert_false(ip_version6.is_of_the_link(router, ip_version6.header));
    assert_true(ip_version4.is_of_the_link(groups, sizeof groups));
    assert_false(ip_version4.is_of_the_link(syn4, sizeof syn4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(syns, forget),
        cmocka_unit_test_teardown(errors_of_icmp, forget),
        cmocka_unit_test_teardown(words_of_icmp, forget),
        cmocka_unit_test_teardown(headers_are_read, forget),
        cmocka_unit_test_teardown(wrong_sums_are_told, forget),
        cmocka_unit_test_teardown(datagrams_without_a_sum, forget),
        cmocka_unit_test_teardown(groups_and_neighbours, forget),
    };
    return cmocka_run_group_tests_name("script_packets", tests, NULL, NULL);
}
