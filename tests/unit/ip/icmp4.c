/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to echoes, and errors both ways. */
#include "tests/unit/ip/icmp4_bench.h"

/* ---- Echo ---- */

/* RFC 792 MUST-1; RFC 1122 MUST-25, MUST-26, MUST-27 */
static void an_echo_is_answered_in_the_packet_that_asked(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet =
        packet_of_hex(bench.blocks, "45200024 00050000 400166b2 0a000002 0a000001 "
                                    "08005435 12340001 61626364 65666768");
    give(ip4_receive, &bench.ip4, packet, 0);
    assert_ptr_equal(bench.blocks->down.packets[0], packet);
    assert_sent(&bench, 0,
                "45200024 00000000 400166b7 0a000001 0a000002 "
                "00005c35 12340001 61626364 65666768");
    assert_int_equal(address_ip4(&packet->next_hop), PEER);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_REPLIES_SENT), 1);
    tear_down(&bench);
}

/* RFC 792 MUST-1 */
static void an_echo_of_zeros_has_a_checksum(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "4500001c 00000000 400166df 0a000002 0a000001 0800f7ff 00000000", 0, 0);
    assert_sent(&bench, 0, "4500001c 00000000 400166df 0a000001 0a000002 0000ffff 00000000");
    tear_down(&bench);
}

/* RFC 1122 MUST-27 */
static void payload_in_fragments_stays_where_it_is(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *whole =
        packet_of_hex(bench.blocks, "45200024 00050000 400166b2 0a000002 0a000001 "
                                    "08005435 12340001 61626364 65666768");
    struct packet *packet = packet_slice(whole, 28, 8, &bench.blocks->memory.packets, FOR_CONTROL);
    memcpy(packet_push(packet, 28), whole->data, 28);
    const struct buffer *buffer = packet->fragments[0].buffer;
    packet_free(whole);
    give(ip4_receive, &bench.ip4, packet, 0);
    assert_sent(&bench, 0,
                "45200024 00000000 400166b7 0a000001 0a000002 "
                "00005c35 12340001 61626364 65666768");
    assert_ptr_equal(bench.blocks->down.packets[0]->fragments[0].buffer, buffer);
    tear_down(&bench);
}

static void a_packet_that_others_look_at_is_not_written_to(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *packet =
        packet_of_hex(bench.blocks, "45200024 00050000 400166b2 0a000002 0a000001 "
                                    "08005435 12340001 61626364 65666768");
    struct packet *witness =
        packet_slice(packet, 0, packet->length, &bench.blocks->memory.packets, FOR_CONTROL);
    give(ip4_receive, &bench.ip4, packet, 0);
    assert_sent(&bench, 0,
                "45200024 00000000 400166b7 0a000001 0a000002 "
                "00005c35 12340001 61626364 65666768");
    assert_bytes(witness, "45200024 00050000 400166b2 0a000002 0a000001 "
                          "08005435 12340001 61626364 65666768");
    packet_free(witness);
    tear_down(&bench);
}

static void row_10_options_of_an_echo_are_not_echoed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench,
         "48000030 00000000 400158c0 0a000002 0a000001 070b0400 00000000 00000000 "
         "08005435 12340001 61626364 65666768",
         0, 0);
    assert_sent(&bench, 0,
                "45000024 00000000 400166d7 0a000001 0a000002 "
                "00005c35 12340001 61626364 65666768");
    tear_down(&bench);
}

static void echoes_to_many_are_not_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench,
                   "45000024 00000000 400165d9 0a000002 0a0000ff 08005435 12340001 "
                   "61626364 65666768",
                   CHASKI_DROP_ICMP4_BROADCAST);
    assert_dropped(&bench,
                   "45000024 00000000 400190d6 0a000002 e0000001 08005435 12340001 "
                   "61626364 65666768",
                   CHASKI_DROP_ICMP4_BROADCAST);
    tear_down(&bench);
}

/* RFC 792 MUST-4 */
static void row_10_cut_and_damaged_messages_are_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, "45000014 00000000 400166e7 0a000002 0a000001", CHASKI_DROP_ICMP4_SHORT);
    assert_dropped(&bench, "4500001b 00000000 400166e0 0a000002 0a000001 08005435 123400",
                   CHASKI_DROP_ICMP4_SHORT);
    assert_dropped(&bench,
                   "45000024 00000000 400166d7 0a000002 0a000001 08001111 12340001 "
                   "61626364 65666768",
                   CHASKI_DROP_ICMP4_CHECKSUM);
    tear_down(&bench);
}

/* RFC 1122 MUST-16, MUST-29 */
static void row_10_messages_for_others_than_hosts_are_ignored(void **state)
{
    (void)state;
    static const char *const messages[] = {
        /* redirect, source quench */
        "4500003a 00000000 400165c5 0a0000fe 0a000001 05010b22 0a000009 "
        "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
        "4500003a 00000000 400165c5 0a0000fe 0a000001 0400162c 00000000 "
        "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
        /* address mask, timestamp, an unknown type, an unknown code */
        "45000020 00000000 400166db 0a000002 0a000001 1100eeff 00000000 00000000",
        "45000028 00000000 400166d3 0a000002 0a000001 0d00f2ff 00000000 00000000 00000000 "
        "00000000",
        "4500001c 00000000 400166df 0a000002 0a000001 63009cff 00000000",
        "4500003a 00000000 400165c5 0a0000fe 0a000001 036316c9 00000000 "
        "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
    };
    assert_all_dropped(messages, 6, CHASKI_DROP_ICMP4_IGNORED);
}

/* ---- Errors that we send ---- */

#define UDP_DATAGRAM "45000020 00000000 401166cb 0a000002 0a000001 0fa00035 000cfd2d 70696e67"
#define PORT_UNREACHABLE                                                                           \
    "45c0003c 00000000 400165ff 0a000001 0a000002 0303111d 00000000 " UDP_DATAGRAM

/* A host without UDP's socket, or without UDP. */
static void refuse_port(void *block, struct burst *burst, uint64_t now_ns)
{
    struct bench *bench = block;
    struct network network;
    ip4_network(&bench->ip4, &network);
    for (uint32_t i = 0; i < burst->count; i++)
        network.port_unreachable(network.block, burst->packets[i], now_ns);
    burst->count = 0;
}

/* RFC 792 MUST-2; RFC 1122 MUST-17, SHLD-2 */
static void an_unwanted_datagram_is_answered_with_port_unreachable(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){refuse_port, &bench};
    hear(&bench, UDP_DATAGRAM, 0, 0);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_sent(&bench, 0, PORT_UNREACHABLE);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_PORT_UNREACHABLE), 1);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_SENT), 1);
    tear_down(&bench);
}

/* RFC 1122 SHLD-2 */
static void an_unknown_protocol_is_answered_with_protocol_unreachable(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){icmp4_protocol_unreachable, &bench.icmp4};
    hear(&bench, "4500001c 00000000 4063667d 0a000002 0a000001 31323334 35363738", 0, 0);
    assert_sent(&bench, 0,
                "45c00038 00000000 40016603 0a000001 0a000002 03022c29 00000000 "
                "4500001c 00000000 4063667d 0a000002 0a000001 31323334 35363738");
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_PROTOCOL_UNREACHABLE), 1);
    tear_down(&bench);
}

static void row_6_a_parameter_problem_has_no_options_itself(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "46000024 00000000 40115ac7 0a000002 0a000001 07000400 0fa00035 000cfd2d 70696e67",
         0, 0);
    assert_sent(&bench, 0,
                "45c00040 00000000 400165fb 0a000001 0a000002 0c00f41f 14000000 "
                "46000024 00000000 40115ac7 0a000002 0a000001 07000400 "
                "0fa00035 000cfd2d 70696e67");
    tear_down(&bench);
}

/* RFC 792 MUST-5 */
static void a_datagram_never_completed_is_time_exceeded(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "4500001c 00772000 40114658 0a000002 0a000001 0fa00035 000cfd2d", 0, 0);
    timer_wheel_run(&bench.blocks->wheel, 60 * SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_sent(&bench, 0,
                "45c00038 00000000 40016603 0a000001 0a000002 0b01e7ef 00000000 "
                "4500001c 00772000 40114658 0a000002 0a000001 0fa00035 000cfd2d");
    tear_down(&bench);
}

/* RFC 1122 MUST-17 */
static void errors_stay_within_576_bytes(void **state)
{
    (void)state;
    struct bench bench;
    uint8_t bytes[1500] = {0};
    set_up(&bench);
    bench.ip4.inform = (struct hook){refuse_port, &bench};
    hex_read("450005dc 00000000 4011610f 0a000002 0a000001 0fa00035 05c80000", bytes, 28);
    give(ip4_receive, &bench.ip4, packet_with(bench.blocks, bytes, sizeof bytes), 0);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_int_equal(bench.blocks->down.packets[0]->length, 576);
    tear_down(&bench);
}

static void a_quoted_packet_that_others_look_at_is_not_written_to(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){refuse_port, &bench};
    struct packet *packet = packet_of_hex(bench.blocks, UDP_DATAGRAM);
    struct packet *witness =
        packet_slice(packet, 0, packet->length, &bench.blocks->memory.packets, FOR_CONTROL);
    give(ip4_receive, &bench.ip4, packet, 0);
    assert_sent(&bench, 0, PORT_UNREACHABLE);
    assert_bytes(witness, UDP_DATAGRAM);
    packet_free(witness);
    tear_down(&bench);
}

/* RFC 1122, 3.2.2: no error about these. */
/* RFC 792 MUST-3; RFC 1122 MUST-19 */
static void silence_is_kept_where_rfc_1122_wants_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t flags;
    } packets[] = {
        {UDP_DATAGRAM, PACKET_LINK_BROADCAST},
        {UDP_DATAGRAM, PACKET_LINK_MULTICAST},
        {"45000020 00000000 401165cd 0a000002 0a0000ff 0fa00035 000cfd2d 70696e67", 0},
        {"45000020 00000000 401170cc 0a000002 ffffffff 0fa00035 000cfd2d 70696e67", 0},
        {"45000020 00000000 401190ca 0a000002 e0000001 0fa00035 000cfd2d 70696e67", 0},
        /* an ICMP error, to a host whose dispatch knows no ICMP */
        {"4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
         "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
         0},
    };
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){icmp4_protocol_unreachable, &bench.icmp4};
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++)
        hear(&bench, packets[i].text, packets[i].flags, 0);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_SILENT), 4);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_LINK_BROADCAST), 2);
    struct packet *later = /* not the first fragment */
        packet_of_hex(bench.blocks, "4500001c 00000001 4063667c 0a000002 0a000001 31323334 "
                                    "35363738");
    packet_set_network(later);
    later->ip.source = address_from_ip4(PEER);
    later->ip.destination = address_from_ip4(OURS);
    icmp4_error(&bench.icmp4, later, 3, 2, 0, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_SILENT), 5);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 1122 MUST-19 */
static void sources_that_are_no_host_are_not_answered(void **state)
{
    (void)state;
    static const uint32_t sources[] = {0, 0x00010203u, 0xe0000005u, 0xf0000001u, 0xffffffffu};
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 5; i++) {
        struct packet *packet = packet_of_hex(bench.blocks, UDP_DATAGRAM);
        packet_set_network(packet);
        packet->ip.source = address_from_ip4(sources[i]);
        packet->ip.destination = address_from_ip4(OURS);
        packet->ip.protocol = 17;
        icmp4_error(&bench.icmp4, packet, 3, 3, 0, 0);
        assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_SILENT), i + 1);
    }
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

static void an_echo_request_may_be_the_subject_of_an_error(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){icmp4_protocol_unreachable, &bench.icmp4};
    hear(&bench, "45200024 00050000 400166b2 0a000002 0a000001 08005435 12340001 61626364 65666768",
         0, 0);
    assert_int_equal(bench.blocks->down.count, 1);
    tear_down(&bench);
}

static uint32_t errors_provoked(struct bench *bench, uint32_t source, uint32_t attempts,
                                uint64_t now_ns)
{
    uint8_t bytes[32];
    uint32_t before = bench->blocks->down.count;
    hex_read(UDP_DATAGRAM, bytes, sizeof bytes);
    store_be32(bytes + 12, source);
    store_be16(bytes + 10, 0);
    store_be16(bytes + 10, (uint16_t)~plain_sum(bytes, 20, 0));
    for (uint32_t i = 0; i < attempts; i++)
        give(ip4_receive, &bench->ip4, packet_with(bench->blocks, bytes, 32), now_ns);
    return bench->blocks->down.count - before;
}

static void row_10_errors_are_rate_limited_by_destination_and_in_total(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t total = 0, before;
    set_up(&bench);
    bench.ip4.inform = (struct hook){refuse_port, &bench};
    assert_in_range(errors_provoked(&bench, PEER, 10000, 0), 1, 6);
    assert_in_range(errors_provoked(&bench, PEER + 1, 1, 0), 1, 1); /* another is not silenced */
    assert_in_range(errors_provoked(&bench, PEER, 10000, SECOND), 1, 10);
    for (uint32_t i = 0; i < 10000; i++)
        total += errors_provoked(&bench, 0x0b000000u + i, 1, 10 * SECOND);
    assert_in_range(total, 30, 100);
    before = (uint32_t)counted(bench.blocks, CHASKI_ICMP4_ERRORS_LIMITED);
    assert_true(before > 20000);
    assert_in_range(errors_provoked(&bench, PEER, 1, 11 * SECOND), 1, 1);
    tear_down(&bench);
}

static void an_error_that_finds_no_memory_is_not_sent(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.ip4.inform = (struct hook){refuse_port, &bench};
    struct packet *packet = packet_of_hex(bench.blocks, UDP_DATAGRAM);
    struct buffer *buffer = buffer_hold(packet->linear); /* so that a second packet is wanted */
    bench.blocks->memory.packets.fail_at = bench.blocks->memory.packets.takes + 1;
    give(ip4_receive, &bench.ip4, packet, 0);
    buffer_drop(buffer);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_SENT), 0);
    tear_down(&bench);
}

/* ---- Errors about what we sent ---- */

/* RFC 1122 MUST-18, MUST-20, MUST-38 */
static void an_error_is_told_to_the_owner_of_the_quoted_datagram(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ip_error_kind kind;
        int told;
    } errors[] = {
        {"4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
         "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
         IP_ERROR_PORT_UNREACHABLE, CHASKI_REFUSED},
        {"4500003a 00000000 400165c5 0a0000fe 0a000001 0b000f2c 00000000 "
         "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
         IP_ERROR_TIME_EXCEEDED, CHASKI_UNREACHABLE},
        {"4500003a 00000000 400165c5 0a0000fe 0a000001 0c000e2c 00000000 "
         "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
         IP_ERROR_PARAMETER, CHASKI_MALFORMED},
    };
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++) {
        hear(&bench, errors[i].text, 0, 0);
        assert_int_equal(bench.told, i + 1);
        assert_int_equal(bench.error.kind, errors[i].kind);
        assert_int_equal(bench.error.told, errors[i].told);
        assert_int_equal(address_ip4(&bench.error.source), OURS);
        assert_int_equal(address_ip4(&bench.error.destination), FAR);
        assert_memory_equal(bench.quoted, "\x13\x88\x00\x35\x00\x0a\x69\xa3", 8);
        assert_int_equal(bench.error.quoted_length, 10);
    }
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_ICMP4_ERRORS_RECEIVED), 3);
    tear_down(&bench);
}

static void row_10_errors_that_quote_too_little_are_dropped(void **state)
{
    (void)state;
    static const char *const errors[] = {
        /* seven bytes of UDP; not all of IP; a header length past the quote; a later fragment */
        "45000037 00000000 400165c8 0a0000fe 0a000001 03038035 00000000 "
        "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69",
        "4500002f 00000000 400165d0 0a0000fe 0a000001 0303fd04 00000000 "
        "4500001e 00004000 401120bf 0a000001 080808",
        "4500003a 00000000 400165c5 0a0000fe 0a000001 03030d29 00000000 "
        "4f00001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
        "4500003c 00000000 400165c3 0a0000fe 0a000001 0303111d 00000000 "
        "45000020 00000005 401160b8 0a000001 08080808 0fa00035 000cfd2d 70696e67",
    };
    assert_all_dropped(errors, 4, CHASKI_DROP_ICMP4_QUOTE);
}

/* The quoted header says that the datagram ends before the bytes that follow it. */
static void row_7_a_quote_ends_where_its_own_header_says(void **state)
{
    (void)state;
    static const char *const errors[] = {
        "4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
        "45000014 00000000 401160c9 0a000001 08080808 13880035 000a69a3 6869",
        "4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
        "4500001b 00000000 401160c2 0a000001 08080808 13880035 000a69a3 6869",
        "4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
        "45000013 00000000 401160ca 0a000001 08080808 13880035 000a69a3 6869",
    };
    assert_all_dropped(errors, 3, CHASKI_DROP_ICMP4_QUOTE);
}

static void errors_that_cannot_be_about_us_are_not_believed(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, /* quotes somebody else's datagram */
                   "4500003c 00000000 400165c3 0a0000fe 0a000001 0303111d 00000000 "
                   "45000020 00000000 401160b5 0a000009 08080808 0fa00035 000cfd2d 70696e67",
                   CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_dropped(&bench, /* sent to a group */
                   "4500003a 00000000 40018fc4 0a0000fe e0000001 03031729 00000000 "
                   "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
                   CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_dropped(&bench, /* quotes TCP, of which there is none */
                   "45000038 00000000 400165c7 0a0000fe 0a000001 0303e923 00000000 "
                   "45000028 00000000 400660c0 0a000001 08080808 13880050 00000001",
                   CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_int_equal(bench.told, 0);
    bench.believes = false;
    assert_dropped(&bench,
                   "4500003a 00000000 400165c5 0a0000fe 0a000001 03031729 00000000 "
                   "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869",
                   CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_int_equal(bench.told, 1);
    tear_down(&bench);
}

/* ---- Path MTU ---- */

#define QUOTED_1500 "450005dc 00004000 40111b01 0a000001 08080808 13880035 000a69a3 6869"
#define TOO_BIG "4500003a 00000000 400165c5 0a0000fe 0a000001 "
#define TOO_BIG_1450 TOO_BIG "0304117e 000005aa " QUOTED_1500
#define TOO_BIG_1400 TOO_BIG "030411b0 00000578 " QUOTED_1500
#define TOO_BIG_1300 TOO_BIG "03041214 00000514 " QUOTED_1500
#define TOO_BIG_68 TOO_BIG "030416e4 00000044 " QUOTED_1500
#define TOO_BIG_UNSAID TOO_BIG "03041728 00000000 " QUOTED_1500
#define TOO_BIG_1500 TOO_BIG "0304114c 000005dc " QUOTED_1500

static uint16_t mtu_to_far(struct bench *bench)
{
    const struct ip4_path *path;
    return ip4_path_mtu(&bench->ip4, ip4_target(&bench->ip4, FAR, IP4_ANY_INTERFACE), WIRE_IP_UDP,
                        &path);
}

static void row_22_a_path_narrows_only_when_its_owner_confirms(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    bench.believes = false;
    assert_dropped(&bench, TOO_BIG_1400, CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_int_equal(mtu_to_far(&bench), 1500);
    bench.believes = true;
    hear(&bench, TOO_BIG_1400, 0, 0);
    assert_int_equal(bench.error.kind, IP_ERROR_TOO_BIG);
    assert_int_equal(bench.error.mtu, 1400);
    assert_int_equal(mtu_to_far(&bench), 1400);
    assert_false(ip4_paths_find(&bench.ip4.paths, FAR, WIRE_IP_UDP, 0)->fragment);
    uint32_t told = bench.told;
    hear(&bench, TOO_BIG_1400, 0, 0); /* about the next packet of the same flight */
    assert_int_equal(bench.told, told + 1);
    hear(&bench, TOO_BIG_1300, 0, 0);
    assert_int_equal(mtu_to_far(&bench), 1300);
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_PATH_LOWERED), 2);
    tear_down(&bench);
}

/* RFC 1191 MUST-3 */
static void row_22_a_path_never_widens_by_an_error(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, TOO_BIG_1500, CHASKI_DROP_ICMP4_UNBELIEVED); /* it had fitted */
    hear(&bench, TOO_BIG_1400, 0, 0);
    uint32_t told = bench.told;
    assert_dropped(&bench, TOO_BIG_1450, CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_int_equal(bench.told, told);
    assert_int_equal(mtu_to_far(&bench), 1400);
    tear_down(&bench);
}

/* RFC 1191 MUST-2 */
static void row_22_absurd_values_are_clamped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, TOO_BIG_68, 0, 0);
    assert_int_equal(bench.error.mtu, IP4_PATH_MTU_MIN);
    assert_int_equal(mtu_to_far(&bench), IP4_PATH_MTU_MIN);
    assert_true(ip4_paths_find(&bench.ip4.paths, FAR, WIRE_IP_UDP, 0)->fragment);
    tear_down(&bench);
}

/* RFC 1191 SHLD-1, SHLD-2 */
static void old_routers_mean_the_next_plateau(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, TOO_BIG_UNSAID, 0, 0);
    assert_int_equal(mtu_to_far(&bench), 1492);
    assert_false(ip4_paths_find(&bench.ip4.paths, FAR, WIRE_IP_UDP, 0)->fragment);
    tear_down(&bench);
}

/* ---- Neighbours that do not answer ---- */

static void a_datagram_without_neighbour_is_told_to_its_owner(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    give(icmp4_neighbour_unreachable, &bench.icmp4,
         packet_of_hex(bench.blocks,
                       "4500001e 00004000 401120bf 0a000001 08080808 13880035 000a69a3 6869"),
         0);
    assert_int_equal(bench.told, 1);
    assert_int_equal(bench.error.kind, IP_ERROR_HOST_UNREACHABLE);
    assert_int_equal(address_ip4(&bench.error.destination), FAR);
    assert_memory_equal(bench.quoted, "\x13\x88\x00\x35\x00\x0a\x69\xa3", 8);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_UNREACHABLE), 1);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_is_answered_in_the_packet_that_asked),
        cmocka_unit_test(an_echo_of_zeros_has_a_checksum),
        cmocka_unit_test(payload_in_fragments_stays_where_it_is),
        cmocka_unit_test(a_packet_that_others_look_at_is_not_written_to),
        cmocka_unit_test(row_10_options_of_an_echo_are_not_echoed),
        cmocka_unit_test(echoes_to_many_are_not_answered),
        cmocka_unit_test(row_10_cut_and_damaged_messages_are_dropped),
        cmocka_unit_test(row_10_messages_for_others_than_hosts_are_ignored),
        cmocka_unit_test(an_unwanted_datagram_is_answered_with_port_unreachable),
        cmocka_unit_test(an_unknown_protocol_is_answered_with_protocol_unreachable),
        cmocka_unit_test(row_6_a_parameter_problem_has_no_options_itself),
        cmocka_unit_test(a_datagram_never_completed_is_time_exceeded),
        cmocka_unit_test(errors_stay_within_576_bytes),
        cmocka_unit_test(a_quoted_packet_that_others_look_at_is_not_written_to),
        cmocka_unit_test(silence_is_kept_where_rfc_1122_wants_it),
        cmocka_unit_test(sources_that_are_no_host_are_not_answered),
        cmocka_unit_test(an_echo_request_may_be_the_subject_of_an_error),
        cmocka_unit_test(row_10_errors_are_rate_limited_by_destination_and_in_total),
        cmocka_unit_test(an_error_that_finds_no_memory_is_not_sent),
        cmocka_unit_test(an_error_is_told_to_the_owner_of_the_quoted_datagram),
        cmocka_unit_test(row_10_errors_that_quote_too_little_are_dropped),
        cmocka_unit_test(row_7_a_quote_ends_where_its_own_header_says),
        cmocka_unit_test(errors_that_cannot_be_about_us_are_not_believed),
        cmocka_unit_test(row_22_a_path_narrows_only_when_its_owner_confirms),
        cmocka_unit_test(row_22_a_path_never_widens_by_an_error),
        cmocka_unit_test(row_22_absurd_values_are_clamped),
        cmocka_unit_test(old_routers_mean_the_next_plateau),
        cmocka_unit_test(a_datagram_without_neighbour_is_told_to_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
