/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP-AO (RFC 5925) beside cookies, filters, Fast Open, ECN and the like. */
#include "tests/unit/tcp/authentication/ao.h"

static void cookies_are_signed_as_well(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "2"), 0);
    connects(false);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_TCP_COOKIES_ACCEPTED), 1);
    talk(5000);
    assert_all_signed();
    struct segment segment = {.source_port = CLIENT_PORT + 1,
                              .destination_port = PORT,
                              .sequence = 1,
                              .acknowledgment = 1,
                              .flags = SEGMENT_ACK};
    uint32_t sent = world_segments(&world, SERVER);
    world_inject_segment(&world, SERVER, &segment);
    assert_int_equal(world_segments(&world, SERVER), sent);
}

/* The answer with a cookie is late; meanwhile the SYN came again, and there was room for it. */
static void the_answer_to_an_earlier_cookie_is_taken(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = 700 * WORLD_MILLISECOND};
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "2"), 0);
    struct chaski_address to = world_address(SERVER);
    assert_int_equal(chaski_ping(world.hosts[CLIENT], &to, 1, 1, NULL, 0), 0);
    world_run(&world, 5 * WORLD_SECOND); /* each knows where the other is */
    connects(false);
    while (counted(SERVER, CHASKI_TCP_COOKIES_SENT) == 0)
        world_run(&world, 100 * WORLD_MILLISECOND);
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "1"), 0);
    while (world.hosts[SERVER]->tcp.half_open.count == 0)
        world_run(&world, 100 * WORLD_MILLISECOND);
    world_run(&world, 5 * WORLD_SECOND);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_TCP_COOKIES_ACCEPTED), 1);
    talk(100);
}

static void a_lost_synack_goes_again_signed(void **state)
{
    (void)state;
    uint32_t left = 2;
    make();
    give_keys();
    listens();
    world.loses = lose_synack;
    world.context = &left;
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal(left, 0);
    assert_true(connected());
    talk(100);
    assert_all_signed();
}

static bool lose_acknowledgement(void *context, struct frame *frame)
{
    struct segment segment;
    (void)context;
    return segment_of(frame, &segment) && segment.flags == SEGMENT_ACK;
}

/* Afterwards nobody could sign a refusal: the peer would send into silence. */
static void who_opens_to_a_listener_that_goes_is_told(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    world.loses = lose_acknowledgement;
    connects(false);
    world_run(&world, WORLD_SECOND / 2);
    assert_int_equal(world.hosts[SERVER]->tcp.half_open.count, 1);
    assert_true(heard_by[CLIENT] & CHASKI_CONNECTED);
    world.loses = NULL;
    assert_int_equal(chaski_tcp_unbind(world.hosts[SERVER], listener), 0);
    world_run(&world, WORLD_SECOND);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), 1);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_all_signed();
}

static void who_opens_for_too_long_is_told(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_synack_retries", "2"), 0);
    world.loses = lose_acknowledgement;
    connects(false);
    world_run(&world, 20 * WORLD_SECOND);
    assert_int_equal(counted(SERVER, CHASKI_TCP_HALF_OPEN_EXPIRED), 1);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), 1);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_all_signed();
}

/* Each entry ends in the very turn that its own time is over: after one, two and four seconds. */
static void entries_expire_each_in_time(void **state)
{
    (void)state;
    enum { APART_MS = 500, WAIT_MS = 7000 };
    static const uint8_t signs[16] = {29, 16, CLIENT_ID, SERVER_ID};
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    const struct tcp_half_opens *all;
    struct segment syn = {.source_port = CLIENT_PORT,
                          .destination_port = PORT,
                          .sequence = 1000,
                          .flags = SEGMENT_SYN,
                          .options = signs,
                          .options_length = sizeof signs};
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_synack_retries", "2"), 0);
    world_introduce(&world, SERVER);
    all = &world.hosts[SERVER]->tcp.half_open;
    world.loses = lose_all;
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    world_run(&world, APART_MS * WORLD_MILLISECOND);
    syn.source_port++;
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    world_run(&world, (WAIT_MS - APART_MS - 5) * WORLD_MILLISECOND);
    for (uint32_t gone = 0; gone < 2; gone++) {
        assert_int_equal(all->count, 2 - gone);
        assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), gone);
        world_run(&world, 10 * WORLD_MILLISECOND);
        assert_int_equal(all->count, 1 - gone);
        assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), gone + 1);
        world_run(&world, (APART_MS - 10) * WORLD_MILLISECOND);
    }
    world.loses = NULL;
}

/* A client that asks for a cookie, or brings one, gets neither that nor what it is for. */
static void a_fast_open_is_an_ordinary_one(void **state)
{
    (void)state;
    static const uint8_t asks[24] = {34, 2, 1, 1, 1, 1, 1, 1, 29, 16, CLIENT_ID, SERVER_ID};
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_fastopen", "1539"), 0);
    struct segment syn = {.source_port = CLIENT_PORT,
                          .destination_port = PORT,
                          .sequence = 1000,
                          .flags = SEGMENT_SYN,
                          .options = asks,
                          .options_length = sizeof asks,
                          .payload = bytes,
                          .payload_length = 10};
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    world_introduce(&world, SERVER);
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    uint8_t length;
    assert_int_equal(synack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(synack.acknowledgment, 1001);
    assert_int_equal(key_id(&synack), SERVER_ID);
    assert_null(segment_option(&synack, 34, &length));
    assert_int_equal(counted(SERVER, CHASKI_TCP_FAST_OPENED), 0);
}

/* Of the key that the peer wishes for there is none: ours that belongs to the one it used. */
static void an_unknown_wish_of_a_syn_is_not_heeded(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, CLIENT_ID, 99};
    make();
    give_keys();
    listens();
    struct segment syn = {.source_port = CLIENT_PORT,
                          .destination_port = PORT,
                          .sequence = 1000,
                          .flags = SEGMENT_SYN,
                          .options = option,
                          .options_length = sizeof option};
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    world_introduce(&world, SERVER);
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    assert_int_equal(key_id(&synack), SERVER_ID);
}

/* Neither end opens fast: its option and this one have no room in a SYN+ACK. */
static void it_opens_no_faster(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_fastopen", "1539"), 0);
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_fastopen", "5"), 0);
    connects(true);
    writes(CLIENT, 100);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(received[SERVER], 100);
    assert_int_equal(counted(SERVER, CHASKI_TCP_FAST_OPENED), 0);
    struct segment syn = world_last_segment(&world, CLIENT, world_segments(&world, CLIENT) - 1);
    assert_int_equal(syn.flags, SEGMENT_SYN);
    assert_int_equal(syn.payload_length, 0);
    talk(100);
}

/* The search for the path's MTU counts it among the options. */
static void it_goes_with_the_search_for_the_mtu(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_mtu_probing", "2"), 0);
    connects(false);
    world_settle(&world);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1024 - 12 - 16);
    for (unsigned i = 0; i < 10; i++)
        talk(90000);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_true(info.tcpi_snd_mss > 1400);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
}

static void it_goes_with_accurate_ecn(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    make();
    give_keys();
    listens();
    for (uint32_t host = 0; host < 2; host++)
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn", "3"), 0);
    connects(false);
    world_settle(&world);
    talk(50000);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_true(info.accurate_ecn);
    assert_all_signed();
}

/* The longest options that there are, at once: time stamps, a user time-out, marks, and the code.
 */
static void all_options_at_once_find_room(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    for (uint32_t host = 0; host < 2; host++) {
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn", "3"), 0);
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn_option", "3"), 0);
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_user_timeout_option", "1"), 0);
    }
    connects(false);
    world_settle(&world);
    for (uint32_t host = 0; host < 2; host++) { /* as if the other end were one that sends it */
        chaski_tcp connection = host == CLIENT ? client : server;
        struct tcp_connection *c = connection_of(&world.hosts[host]->tcp, connection);
        c->ecn_flags |= ECN_OPTION_SEEN | ECN_ROOM;
        c->mss = connection_mss(c, 1500);
    }
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_USER_TIMEOUT, 60000), 0);
    talk(50000);
    assert_all_signed();
}

/* Both ends open at once. */
static void both_may_open_at_once(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = 10 * WORLD_MILLISECOND};
    make_with(AO_ROOM, &options);
    give_keys();
    connects(false);
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(CLIENT, CLIENT_PORT), .local.port = PORT, .receive = hear};
    assert_int_equal(chaski_tcp_connect(world.hosts[SERVER], &connect, &server), 0);
    world_run(&world, 3 * WORLD_SECOND);
    assert_true(connected());
    talk(1000);
    assert_all_signed();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cookies_are_signed_as_well),
        TEST(the_answer_to_an_earlier_cookie_is_taken),
        TEST(a_lost_synack_goes_again_signed),
        TEST(who_opens_to_a_listener_that_goes_is_told),
        TEST(who_opens_for_too_long_is_told),
        TEST(entries_expire_each_in_time),
        TEST(a_fast_open_is_an_ordinary_one),
        TEST(an_unknown_wish_of_a_syn_is_not_heeded),
        TEST(it_opens_no_faster),
        TEST(it_goes_with_the_search_for_the_mtu),
        TEST(it_goes_with_accurate_ecn),
        TEST(all_options_at_once_find_room),
        TEST(both_may_open_at_once),
    };
    return cmocka_run_group_tests_name("tcp_ao_beside", tests, NULL, NULL);
}
