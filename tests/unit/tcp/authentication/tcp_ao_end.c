/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP-AO (RFC 5925) where connections end: resets, TIME-WAIT, ICMP. */
#include "tests/unit/tcp/authentication/ao.h"

/* ---- The end ---- */

static void a_signed_reset_is_believed(void **state)
{
    (void)state;
    opens();
    chaski_tcp_abort(world.hosts[CLIENT], client);
    world_settle(&world);
    assert_true(heard_by[SERVER] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[SERVER], server), CHASKI_RESET);
    assert_all_signed();
}

static void nobody_listens(void **state)
{
    (void)state;
    make();
    give_keys();
    connects(false);
    world_settle(&world);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
    assert_all_signed();
}

static bool refuse(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    (void)context, (void)local, (void)remote;
    return false;
}

static void a_filter_refuses(void **state)
{
    (void)state;
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = hear, .filter = refuse};
    make();
    give_keys();
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
    connects(false);
    world_settle(&world);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
    assert_all_signed();
}

/* 7.7: after a restart nothing can be said that the peer would believe. */
static void a_lost_connection_is_met_with_silence(void **state)
{
    (void)state;
    opens();
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, server.index);
    struct tcp *tcp = &world.hosts[SERVER]->tcp;
    struct tcp_connection *c = connection_of(tcp, server);
    uint32_t sent = world_segments(&world, SERVER);
    ao_set_state(tcp, reference, NULL);
    connection_free(tcp, c);
    writes(CLIENT, 100);
    world_run(&world, 2 * WORLD_SECOND);
    assert_int_equal(world_segments(&world, SERVER), sent);
    assert_false(heard_by[CLIENT] & CHASKI_ENDED);
}

static bool lose_last_ack(void *context, struct frame *frame)
{
    struct segment segment;
    uint32_t *left = context;
    bool fin_seen = received[CLIENT] != 0;
    return *left != 0 && fin_seen && frame->from == CLIENT && segment_of(frame, &segment) &&
           segment.payload_length == 0 && (segment.flags & SEGMENT_FIN) == 0 && (*left)-- != 0;
}

/* RFC 5925 7.5 MUST-24 */
static void time_wait_answers_signed(void **state)
{
    (void)state;
    uint32_t left = 1;
    opens();
    talk(10);
    chaski_tcp_shutdown(world.hosts[CLIENT], client);
    world_settle(&world);
    world.loses = lose_last_ack;
    world.context = &left;
    chaski_tcp_shutdown(world.hosts[SERVER], server);
    world_run(&world, 5 * WORLD_SECOND);
    assert_int_equal(left, 0);
    assert_true(heard_by[SERVER] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[SERVER], server), 0);
    assert_all_signed();
    /* The same ports again, from TIME-WAIT: it is the client that waits. */
    struct segment segment = {
        .source_port = PORT, .destination_port = CLIENT_PORT, .flags = SEGMENT_SYN};
    uint64_t missing = counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING);
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), missing + 1);
}

/* The server closes first, and the client opens anew with the same ports. */
static void time_wait_is_opened_anew(void **state)
{
    (void)state;
    opens();
    chaski_tcp_close(world.hosts[SERVER], server);
    world_settle(&world);
    chaski_tcp_close(world.hosts[CLIENT], client);
    world_settle(&world);
    assert_int_equal(world.hosts[SERVER]->tcp.time_wait.count, 1);
    heard_by[CLIENT] = heard_by[SERVER] = 0;
    world_run(&world, WORLD_SECOND);
    connects(false);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(world.hosts[SERVER]->tcp.time_wait.count, 0);
    talk(100);
    assert_all_signed();
}

/* ---- ICMP (7.8) ---- */

enum { UNREACHABLE = 3, TIME_EXCEEDED = 11 };

static void inject_error(uint8_t type, uint8_t code, uint16_t mtu)
{
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    uint8_t packet[56] = {0x45, 0,   0, 56, 0, 0,   0, 0, 64, 1,    0,
                          0,    192, 0, 2,  2, 192, 0, 2, 1,  type, code};
    static const uint8_t quoted[20] = {0x45, 0, 5,   220, 0, 0, 0x40, 0, 64, 6,
                                       0,    0, 192, 0,   2, 1, 192,  0, 2,  2};
    store_be16(packet + 26, mtu);
    memcpy(packet + 28, quoted, sizeof quoted);
    store_be16(packet + 48, CLIENT_PORT);
    store_be16(packet + 50, PORT);
    store_be32(packet + 52, c->snd_una);
    world_inject_ip4(&world, CLIENT, packet, sizeof packet);
}

/* RFC 5925 7.8 MUST-25, SHLD-6, SHLD-7 */
static void hard_errors_are_ignored(void **state)
{
    (void)state;
    static const uint8_t hard[] = {2, 3, 4};
    struct chaski_tcp_info info;
    opens();
    world.loses = lose_all;
    writes(CLIENT, 5000);
    world_settle(&world);
    for (unsigned i = 0; i < sizeof hard; i++) {
        inject_error(UNREACHABLE, hard[i], 600);
        assert_int_equal(counts_of(CLIENT).icmp_ignored, i + 1);
        assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), 0);
    }
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1432);
    inject_error(UNREACHABLE, 1, 0); /* host unreachable is soft: it is told */
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_UNREACHABLE);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_ACCEPT_ICMP, 1), 0);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_ACCEPT_ICMP), 1);
    inject_error(UNREACHABLE, 4, 600);
    assert_int_equal(counts_of(CLIENT).icmp_ignored, 3);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 600 - 40 - 28);
}

/* Only synchronised connections are beyond them. */
static void an_attempt_to_open_may_fail(void **state)
{
    (void)state;
    make();
    give_keys();
    world.loses = lose_synack;
    world.context = &(uint32_t){100};
    listens();
    connects(false);
    world_settle(&world);
    inject_error(UNREACHABLE, 3, 0);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signed_reset_is_believed), TEST(nobody_listens),
        TEST(a_filter_refuses),           TEST(a_lost_connection_is_met_with_silence),
        TEST(time_wait_answers_signed),   TEST(time_wait_is_opened_anew),
        TEST(hard_errors_are_ignored),    TEST(an_attempt_to_open_may_fail),
    };
    return cmocka_run_group_tests_name("tcp_ao_end", tests, NULL, NULL);
}
