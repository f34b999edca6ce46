/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of TCP-AO (RFC 5925): which there may be, and how they change. */
#include "tests/unit/tcp/authentication/ao.h"

/* RFC 5925 3.1 MUST-7, MUST-8 */
static void keys_that_could_be_confused_are_refused(void **state)
{
    (void)state;
    make();
    struct chaski *host = world.hosts[CLIENT];
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2), other = key_of(CLIENT, 1, 3);
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), 0);
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_IN_USE);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other = key_of(CLIENT, 3, 2);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote_prefix = 24;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote.address = (struct chaski_address){{0}};
    other.remote_prefix = 0;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote.port = PORT + 1;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    other = key;
    other.remote.address = chaski_ip4(192, 0, 2, 3);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    other.remote.address = chaski_ip4(192, 0, 2, 128);
    other.remote_prefix = 25;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    key.remote_prefix = 32; /* the same as none */
    assert_int_equal(chaski_tcp_ao_remove_key(host, &key), 0);
    assert_int_equal(chaski_tcp_ao_remove_key(host, &key), CHASKI_UNKNOWN);
    key.remote_prefix = 24;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_IN_USE);
}

/* RFC 5925 3.1 MUST-5 */
static void keys_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    make();
    struct chaski *host = world.hosts[CLIENT];
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2);
    key.secret_length = 0;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.secret_length = CHASKI_TCP_AO_SECRET_MAX + 1;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.secret_length = CHASKI_TCP_AO_SECRET_MAX;
    key.remote_prefix = 33;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.remote_prefix = 32;
    key.algorithm = 2;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    for (uint8_t i = 0; i < AO_ROOM; i++)
        give_key(CLIENT, i, i);
    key.algorithm = 0;
    key.send_id = key.receive_id = 100;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_NO_MEMORY);
}

static void a_host_without_room_for_keys_has_none(void **state)
{
    (void)state;
    make_with(0, NULL);
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2);
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[CLIENT], &key), CHASKI_NO_MEMORY);
    assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[CLIENT], &key), CHASKI_UNKNOWN);
    listens();
    connects(false);
    world_settle(&world);
    talk(1000);
}

/* Both ends get a second key; the client asks for it, then the server. */
/* RFC 5925 MUST-11, MUST-12, MUST-15, MUST-16 */
static void keys_change_without_loss(void **state)
{
    (void)state;
    opens();
    give_key(SERVER, NEW_CLIENT_ID, NEW_SERVER_ID);
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    talk(5000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, NEW_SERVER_ID), 0);
    talk(5000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), NEW_SERVER_ID);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_CURRENT_KEY), CLIENT_ID);
    assert_int_equal(set_option(SERVER, CHASKI_TCP_AO_NEXT_KEY, NEW_CLIENT_ID), 0);
    talk(5000);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_CURRENT_KEY), NEW_CLIENT_ID);
    struct segment last = world_last_segment(&world, CLIENT, 0);
    assert_int_equal(key_id(&last), NEW_CLIENT_ID);
    for (uint32_t host = 0; host < 2; host++) {
        struct chaski_tcp_ao_key old = key_of(host, CLIENT_ID, SERVER_ID);
        assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[host], &old), 0);
    }
    talk(5000);
    assert_int_equal(counted(CLIENT, CHASKI_TCP_RETRANSMITTED), 0);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RETRANSMITTED), 0);
    assert_int_equal(counts_of(SERVER).bad + counts_of(SERVER).unknown_key, 0);
}

/* 7.1: what the peer uses, and asks for, though that key be unknown here; and what keys there are.
 */
/* RFC 5925 MUST-17, SHLD-1 */
static void ids_and_keys_can_be_read(void **state)
{
    (void)state;
    struct chaski_tcp_ao_key keys[2];
    opens();
    struct chaski *host = world.hosts[SERVER];
    talk(1000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_RECEIVED_KEY), CLIENT_ID);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_RECEIVED_NEXT_KEY), SERVER_ID);
    assert_int_equal(set_option(SERVER, CHASKI_TCP_AO_RECEIVED_KEY, CLIENT_ID), CHASKI_INVALID);
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, NEW_SERVER_ID), 0);
    talk(1000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_RECEIVED_NEXT_KEY), NEW_SERVER_ID);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), SERVER_ID);
    assert_int_equal(chaski_tcp_ao_keys(host, server, keys, 2), 1);
    assert_int_equal(keys[0].receive_id, CLIENT_ID);
    assert_int_equal(keys[0].send_id, SERVER_ID);
    give_key(SERVER, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(SERVER, CHASKI_TCP_AO_NEXT_KEY, NEW_CLIENT_ID), 0);
    talk(1000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_RECEIVED_KEY), NEW_CLIENT_ID);
    assert_int_equal(chaski_tcp_ao_keys(host, server, keys, 1), 2);
    assert_int_equal(chaski_tcp_ao_keys(host, server, NULL, 0), 2);
}

/* What was sent under the old key may arrive after the new one was used; the old one is gone: then
 * it is sent again under the new one. */
/* RFC 5925 MUST-5, MUST-9, MUST-10, MUST-16 */
static void one_end_may_change_by_itself(void **state)
{
    (void)state;
    opens();
    give_key(SERVER, NEW_CLIENT_ID, NEW_SERVER_ID);
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_CURRENT_KEY, NEW_CLIENT_ID), 0);
    writes(CLIENT, 100);
    world_settle(&world);
    assert_int_equal(received[SERVER], 100);
    struct segment last = world_last_segment(&world, CLIENT, 0);
    assert_int_equal(key_id(&last), NEW_CLIENT_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_CURRENT_KEY, 33), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 33), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 256), CHASKI_INVALID);
}

/* A key that the other end does not have is not heeded (7.5.2, e, ii, 1). */
static void an_unknown_wish_is_not_heeded(void **state)
{
    (void)state;
    opens();
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, NEW_SERVER_ID), 0);
    talk(1000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), SERVER_ID);
}

static void a_connection_outlives_the_removal_of_its_key(void **state)
{
    (void)state;
    opens();
    talk(100);
    for (uint32_t host = 0; host < 2; host++) {
        struct chaski_tcp_ao_key key = key_of(host, CLIENT_ID, SERVER_ID);
        assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[host], &key), 0);
    }
    talk(1000);
    assert_all_signed();
    struct segment segment = forged(SEGMENT_RST);
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).missing, 1);
}

/* Sockets know their port only once they connect. */
/* RFC 5925 7.1 MUST-14 */
static void a_key_may_come_before_the_syn_leaves(void **state)
{
    (void)state;
    make();
    give_key(SERVER, CLIENT_ID, SERVER_ID);
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_fastopen", "5"), 0);
    connects(true);
    writes(CLIENT, 10);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), CHASKI_UNKNOWN);
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    key.local.port = CLIENT_PORT;
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[CLIENT], &key), 0);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), 0);
    world_settle(&world);
    assert_true(connected());
    struct segment syn = world_last_segment(&world, CLIENT, world_segments(&world, CLIENT) - 1);
    assert_int_equal(syn.payload_length, 0);
    assert_int_equal(received[SERVER], 10);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO), 1);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), 0);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 0), CHASKI_INVALID);
    talk(100);
}

/* A key that goes while it is needed: such segments are not sent. */
static void nothing_leaves_unsigned(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    connects(false);
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[CLIENT], &key), 0);
    world_run(&world, 2 * WORLD_SECOND);
    assert_int_equal(world_segments(&world, CLIENT), 0);
    assert_true(counted(CLIENT, CHASKI_DROP_TCP_AO_NO_KEY) >= 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_that_could_be_confused_are_refused),
        TEST(keys_that_make_no_sense_are_refused),
        TEST(a_host_without_room_for_keys_has_none),
        TEST(keys_change_without_loss),
        TEST(ids_and_keys_can_be_read),
        TEST(one_end_may_change_by_itself),
        TEST(an_unknown_wish_is_not_heeded),
        TEST(a_connection_outlives_the_removal_of_its_key),
        TEST(a_key_may_come_before_the_syn_leaves),
        TEST(nothing_leaves_unsigned),
    };
    return cmocka_run_group_tests_name("tcp_ao_keys", tests, NULL, NULL);
}
