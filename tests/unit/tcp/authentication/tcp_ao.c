/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP-AO (RFC 5925): what is sent, and what is believed. */
#include "tests/unit/tcp/authentication/ao.h"

/* ---- Opening, sending, closing ---- */

/* RFC 5925 7.1 MUST-14 */
static void every_segment_is_authenticated(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make();
        for (uint32_t host = 0; host < 2; host++) {
            struct chaski_tcp_ao_key key = key_of(host, CLIENT_ID, SERVER_ID);
            key.algorithm = i & 1 ? CHASKI_AES_128_CMAC_96 : CHASKI_HMAC_SHA1_96;
            key.without_options = (i & 2) != 0;
            assert_int_equal(chaski_tcp_ao_add_key(world.hosts[host], &key), 0);
        }
        listens();
        connects(false);
        world_settle(&world);
        assert_true(connected());
        talk(50000);
        chaski_tcp_close(world.hosts[CLIENT], client);
        world_settle(&world);
        assert_true(heard_by[SERVER] & CHASKI_READABLE);
        chaski_tcp_close(world.hosts[SERVER], server);
        world_settle(&world);
        assert_all_signed();
        assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_BAD), 0);
        assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
        if (i != 3)
            tear_down(NULL);
    }
}

/* The codes of the handshake and of data, computed from the numbers that travelled. */
/* RFC 5925 MUST-13, MUST-22 */
static void codes_are_of_both_first_numbers(void **state)
{
    (void)state;
    opens();
    talk(10);
    struct segment segment;
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    uint32_t isn[2] = {0, 0}, seen = 0;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        const struct frame *frame = &world.frames[i];
        if (!segment_of(frame, &segment))
            continue;
        if (segment.flags & SEGMENT_SYN)
            isn[frame->from] = segment.sequence;
        bool first = segment.flags == SEGMENT_SYN;
        assert_true(right_code(frame, &key, isn[frame->from], first ? 0 : isn[1 - frame->from], 0));
        seen++;
    }
    assert_true(seen >= 5);
}

/* The option takes its room from each segment, and none is cut after it was signed. */
static void segments_are_shorter_and_never_cut(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    opens();
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1500 - 40 - 12 - 16);
    uint64_t before = counted(CLIENT, CHASKI_TCP_SEGMENTS_SENT);
    uint32_t frames = world_segments(&world, CLIENT);
    talk(50000);
    assert_int_equal(counted(CLIENT, CHASKI_TCP_SEGMENTS_SENT) - before,
                     world_segments(&world, CLIENT) - frames);
}

static bool lose_some(void *context, struct frame *frame)
{
    uint32_t *n = context;
    return frame->length > 500 && ++*n % 7 == 3;
}

static void talk_with_losses(void)
{
    uint32_t n = 0;
    world.loses = lose_some;
    world.context = &n;
    talk(90000);
    world.loses = NULL;
}

/* Acknowledgements have room for a block of SACK beside both options. */
static void losses_are_repaired(void **state)
{
    (void)state;
    uint32_t most = 0;
    uint8_t length;
    struct segment segment;
    opens();
    talk_with_losses();
    for (uint32_t i = 0; i < world.frame_count; i++) {
        if (segment_of(&world.frames[i], &segment) && segment_option(&segment, 5, &length) != NULL)
            most = length > most ? length : most;
    }
    assert_int_equal(most, 8);
    assert_all_signed();
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
    assert_true(counted(CLIENT, CHASKI_TCP_RECOVERIES) != 0);
}

/* Data makes room for that block, and no more. */
static void data_makes_room_for_one_report(void **state)
{
    (void)state;
    enum { MSS = 1500 - 40 - 12 - 16, REPORT = 12 };
    uint32_t full = 0, nearly_full = 0;
    uint8_t length;
    struct segment segment;
    opens();
    talk_with_losses();
    for (uint32_t i = 0; i < world.frame_count; i++) {
        if (!segment_of(&world.frames[i], &segment) || segment_option(&segment, 5, &length) == NULL)
            continue;
        full += segment.payload_length == MSS - REPORT;
        nearly_full += segment.payload_length + 2 * 8 >= MSS - REPORT;
    }
    assert_true(full != 0);
    assert_int_equal(nearly_full, full);
}

/* A SYN with all its options takes 76 bytes, and a segment 68 without payload. */
static void narrow_links_are_borne(void **state)
{
    (void)state;
    struct world_options options = {.mtu = 76};
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    connects(false);
    world_settle(&world);
    assert_true(connected());
    talk(100);
    tear_down(NULL);
    options.mtu = 72; /* what is left without SACK and scaling */
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_sack", "0"), 0);
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_window_scaling", "0"), 0);
    connects(false);
    world_settle(&world);
    talk(100);
    tear_down(NULL);
    options.mtu = 71;
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    connects(false);
    world_run(&world, 5 * WORLD_SECOND);
    assert_false(connected());
}

/* RFC 5925 2.2 MUST-1, MUST-2, MUST-3, MUST-4 */
static void two_options_or_md5_beside_it_are_wrong(void **state)
{
    (void)state;
    static const uint8_t twice[40] = {29, 16, 1, 2, [16] = 29, [17] = 16, [18] = 1};
    static const uint8_t with_md5[40] = {19, 18, [18] = 29, [19] = 16, [20] = 1};
    static const uint8_t longer[40] = {29, 20, 1, 2}, shorter[40] = {29, 3, 1};
    static const uint8_t *const wrong[] = {twice, with_md5, longer, shorter};
    opens();
    for (unsigned i = 0; i < 4; i++) {
        struct segment segment = {.source_port = PORT,
                                  .destination_port = CLIENT_PORT,
                                  .flags = SEGMENT_ACK,
                                  .options = wrong[i],
                                  .options_length = 40};
        world_inject_segment(&world, CLIENT, &segment);
        assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_BAD), i + 1);
    }
    struct segment cut = forged(SEGMENT_ACK); /* the option goes on behind the header */
    cut.options = longer;
    cut.options_length = 4;
    world_inject_segment(&world, CLIENT, &cut);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 1);
}

static void the_extension_counts_what_wraps(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    struct tcp_key key = {world_address(0), world_address(1), CLIENT_PORT, PORT};
    uint32_t at_zero = secret_sequence(&world.hosts[CLIENT]->tcp, &key, 0);
    world.now_ns = (UINT64_C(1) << 44) + ((uint64_t)(uint32_t)(0u - 20000u - at_zero) << 12);
    chaski_poll(world.hosts[CLIENT], world.now_ns);
    connects(false);
    world_settle(&world);
    talk(50000);
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    assert_int_equal(c->snd_una, 30001);
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, client.index);
    const struct ao_state *ao = ao_state_of(&world.hosts[CLIENT]->tcp, reference);
    assert_int_equal(ao->send.isn, (uint32_t)-20000);
    struct chaski_tcp_ao_key master = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    uint32_t wrapped = 0, before = 0;
    struct segment segment;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        const struct frame *frame = &world.frames[i];
        if (frame->from != CLIENT || !segment_of(frame, &segment) || (segment.flags & SEGMENT_SYN))
            continue;
        bool is_wrapped = segment.sequence < 40000;
        assert_true(right_code(frame, &master, ao->send.isn, ao->receive.isn, is_wrapped));
        wrapped += is_wrapped;
        before += !is_wrapped;
    }
    assert_true(wrapped > 5 && before > 5);
}

/* Segments of long ago, said again one after the other, must not lead it astray. */
static void old_segments_do_not_turn_the_extension_back(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, SERVER_ID, CLIENT_ID};
    opens();
    talk(10);
    struct tcp *tcp = &world.hosts[CLIENT]->tcp, *other = &world.hosts[SERVER]->tcp;
    struct ao_state *ao = ao_state_of(tcp, tcp_refer(TCP_KIND_CONNECTION, client.index));
    struct ao_state *sender = ao_state_of(other, tcp_refer(TCP_KIND_CONNECTION, server.index));
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    ao->receive.sequence += UINT64_C(3) << 32; /* as if so much had come */
    sender->send.sequence += UINT64_C(3) << 32;
    uint64_t now = ao->receive.sequence;
    struct segment segment = forged(SEGMENT_ACK);
    segment.sequence -= 2000000000;
    segment.options = option;
    segment.options_length = sizeof option;
    uint32_t good = counts_of(CLIENT).good;
    inject_signed(CLIENT, &segment, &key, ao->receive.isn, ao->send.isn,
                  (uint32_t)((now - 2000000000) >> 32));
    assert_int_equal(counts_of(CLIENT).good, good + 1);
    assert_true(ao->receive.sequence == now);
    talk(10);
}

/* ---- What is believed ---- */

static bool flip(void *context, struct frame *frame)
{
    const uint32_t *from = context;
    if (frame->from == *from && frame->length > 500) {
        frame->bytes[frame->length - 1] ^= 1;
        ip4_make_right(frame->bytes + ETHERNET, frame->length - ETHERNET);
    }
    return false;
}

/* RFC 5925 MUST-6, MUST-19, MUST-21, SHLD-3 */
static void changed_segments_are_dropped_in_silence(void **state)
{
    (void)state;
    uint32_t from = CLIENT;
    opens();
    world.loses = flip;
    world.context = &from;
    uint32_t answers = world_segments(&world, SERVER);
    writes(CLIENT, 1000);
    world_settle(&world);
    assert_int_equal(received[SERVER], 0);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 1);
    assert_int_equal(counts_of(SERVER).bad, 1);
    assert_int_equal(world_segments(&world, SERVER), answers);
    world.loses = NULL;
    world_run(&world, 5 * WORLD_SECOND);
    assert_int_equal(received[SERVER], 1000);
}

/* RFC 5925 7.3 MUST-18, MUST-21, SHLD-3 */
static void nothing_is_believed_without_the_option(void **state)
{
    (void)state;
    static const uint8_t flags[] = {SEGMENT_ACK, SEGMENT_RST, SEGMENT_RST | SEGMENT_ACK,
                                    SEGMENT_SYN, SEGMENT_FIN | SEGMENT_ACK};
    opens();
    uint32_t sent = world_segments(&world, CLIENT);
    for (unsigned i = 0; i < sizeof flags; i++) {
        struct segment segment = forged(flags[i]);
        world_inject_segment(&world, CLIENT, &segment);
        assert_int_equal(counts_of(CLIENT).missing, i + 1);
    }
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 5);
    assert_int_equal(world_segments(&world, CLIENT), sent);
    assert_int_equal(received[CLIENT], 0);
    talk(100);
}

/* RFC 5925 MUST-10, MUST-21 */
static void a_key_that_nobody_knows_is_counted(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, 200, 201};
    opens();
    struct segment segment = forged(SEGMENT_RST);
    segment.options = option;
    segment.options_length = sizeof option;
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).unknown_key, 1);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_NO_KEY), 1);
    talk(100);
}

/* A SYN+ACK that somebody has made up must not spoil what the next SYN is signed with. */
/* RFC 5925 7.5 MUST-23 */
static void a_forged_answer_does_no_harm(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, SERVER_ID, CLIENT_ID, 1};
    uint32_t left = 1;
    make();
    give_keys();
    listens();
    world.loses = lose_synack;
    world.context = &left;
    connects(false);
    world_settle(&world);
    struct segment segment = forged(SEGMENT_SYN | SEGMENT_ACK);
    segment.sequence = 12345;
    segment.payload_length = 0;
    segment.options = option;
    segment.options_length = sizeof option;
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).bad, 1);
    world_run(&world, 900 * WORLD_MILLISECOND);
    left = 1; /* the server's own repetition too: the client's SYN goes again */
    world_run(&world, 10 * WORLD_SECOND);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
    talk(100);
}

/* Whoever has no key gets no answer, not even a reset. */
/* RFC 5925 MUST-18, MUST-24 */
static void without_a_key_nobody_gets_in(void **state)
{
    (void)state;
    make();
    give_key(SERVER, CLIENT_ID, SERVER_ID);
    listens();
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal((heard_by[SERVER] | heard_by[CLIENT]) & ~CHASKI_TROUBLED, 0);
    assert_int_equal(world_segments(&world, SERVER), 0);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_MISSING) >= 3);
}

static void another_secret_does_not_open(void **state)
{
    (void)state;
    make();
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    struct chaski_tcp_ao_key key = key_of(SERVER, CLIENT_ID, SERVER_ID);
    key.secret[3] ^= 1;
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[SERVER], &key), 0);
    listens();
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_false(connected());
    assert_int_equal(world_segments(&world, SERVER), 0);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_BAD) >= 3);
}

/* 7.3: who has no key for a connection takes its segments with the option as those without. The
 * client, which has one, does not believe what comes back. */
/* RFC 5925 7.3 MUST-20, MUST-21, SHLD-2 */
static void segments_that_no_key_is_for_are_taken(void **state)
{
    (void)state;
    make();
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    listens();
    connects(false);
    world_settle(&world);
    assert_int_equal(counted(SERVER, CHASKI_TCP_AO_UNEXPECTED), 1);
    assert_int_equal(key_id(&(struct segment){0}), -1);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    assert_int_equal(synack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(key_id(&synack), -1);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 1);
    assert_false(heard_by[CLIENT] & CHASKI_CONNECTED);
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_ao_required", "1"), 0);
    world_run(&world, 3 * WORLD_SECOND);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_UNEXPECTED) >= 1);
}

/* Keys are for those whom they name. */
static void other_connections_do_without(void **state)
{
    (void)state;
    make();
    give_keys();
    struct chaski_tcp_bind bind = {.local.port = PORT + 1, .receive = hear};
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
    struct chaski_tcp_connect connect = {.remote = world_endpoint(SERVER, PORT + 1),
                                         .receive = hear};
    assert_int_equal(chaski_tcp_connect(world.hosts[CLIENT], &connect, &client), 0);
    world_settle(&world);
    talk(1000);
    uint32_t with, without;
    count_signed(CLIENT, &with, &without);
    assert_int_equal(with, 0);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO), 0);
    struct chaski_tcp_ao_counts counts;
    assert_int_equal(chaski_tcp_ao_counts(world.hosts[CLIENT], client, &counts), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 1), CHASKI_INVALID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), CHASKI_INVALID); /* too late */
}

/* 7.5: a connection cannot begin with it later; the numbers that it began with are not kept. */
static void keys_that_come_late_change_nothing(void **state)
{
    (void)state;
    make();
    listens();
    connects(false);
    world_settle(&world);
    give_keys();
    talk(1000);
    uint32_t with, without;
    count_signed(CLIENT, &with, &without);
    assert_int_equal(with, 0);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_MISSING), 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_segment_is_authenticated),
        TEST(codes_are_of_both_first_numbers),
        TEST(segments_are_shorter_and_never_cut),
        TEST(losses_are_repaired),
        TEST(data_makes_room_for_one_report),
        TEST(narrow_links_are_borne),
        TEST(two_options_or_md5_beside_it_are_wrong),
        TEST(the_extension_counts_what_wraps),
        TEST(old_segments_do_not_turn_the_extension_back),
        TEST(changed_segments_are_dropped_in_silence),
        TEST(nothing_is_believed_without_the_option),
        TEST(a_key_that_nobody_knows_is_counted),
        TEST(a_forged_answer_does_no_harm),
        TEST(without_a_key_nobody_gets_in),
        TEST(another_secret_does_not_open),
        TEST(segments_that_no_key_is_for_are_taken),
        TEST(other_connections_do_without),
        TEST(keys_that_come_late_change_nothing),
    };
    return cmocka_run_group_tests_name("tcp_ao", tests, NULL, NULL);
}
