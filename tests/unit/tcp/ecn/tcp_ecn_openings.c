/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/ecn/ecn.h"

/* ECN (RFC 3168, RFC 9768) where connections begin in other ways than usual: by a SYN cookie, by a
 * fast open, or from both ends at once. */

enum { CLIENT = 0, SERVER = 1, PORT = 7, CLIENT_PORT = 5000 };

static const uint8_t bytes[50000];

/* ---- Two hosts ---- */

static struct world world;
static chaski_tcp ends[2];
static uint32_t received[2];

static void hear(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    unsigned end = host == world.hosts[SERVER];
    static uint8_t buffer[4096];
    long n;
    (void)context, (void)events;
    ends[end] = connection;
    while ((n = chaski_tcp_read(host, connection, buffer, sizeof buffer)) > 0)
        received[end] += (uint32_t)n;
}

static void make_world(const char *client_ecn, const char *server_ecn, uint64_t delay_ns)
{
    struct world_options options = {.prefix_length = 32, .delay_ns = delay_ns};
    world_make(&world, &options);
    set_knob(world.hosts[CLIENT], "tcp_ecn", client_ecn);
    set_knob(world.hosts[SERVER], "tcp_ecn", server_ecn);
    received[0] = received[1] = 0;
    memset(ends, 0, sizeof ends);
}

static void free_world(void)
{
    for (unsigned end = 0; end < 2; end++)
        chaski_tcp_abort(world.hosts[end], ends[end]);
    world_run(&world, 300 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
}

static void listens(void)
{
    chaski_listener listener;
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = hear};
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
    assert_int_equal(chaski_tcp_listener_fast_open(world.hosts[SERVER], listener, 5), 0);
}

static void connects(unsigned end, bool fast)
{
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(1 - end, end == CLIENT ? PORT : CLIENT_PORT),
        .local.port = end == CLIENT ? CLIENT_PORT : PORT,
        .receive = hear,
        .fast_open = fast,
        .fast_open_without_cookie = fast,
    };
    assert_int_equal(chaski_tcp_connect(world.hosts[end], &connect, &ends[end]), 0);
}

/* 0: none, 1: classic, 2: accurate. */
static unsigned agreed(unsigned end)
{
    struct chaski_tcp_info info;
    assert_int_equal(chaski_tcp_info(world.hosts[end], ends[end], &info), 0);
    if (info.accurate_ecn)
        return 2;
    return (info.tcpi_options & 8) != 0;
}

/* What is not lost comes marked. */
static bool mark_data(void *context, struct frame *frame)
{
    struct segment segment;
    uint32_t *marked = context;
    if (segment_of(frame, &segment) && segment.payload_length > 500 &&
        (frame->bytes[15] & 3) != 0 && ++*marked % 4 == 0) {
        frame->bytes[15] |= CE;
        ip4_make_right(frame->bytes + 14, frame->length - 14);
    }
    return false;
}

/* Both ends take the same view of it, and both hear of marks. */
static void assert_works(unsigned expected)
{
    uint32_t marked = 0;
    assert_int_equal(agreed(CLIENT), expected);
    assert_int_equal(agreed(SERVER), expected);
    world.loses = mark_data;
    world.context = &marked;
    for (unsigned end = 0; end < 2; end++) {
        struct chaski_tcp_info info, other;
        uint32_t before = received[1 - end];
        assert_int_equal(chaski_tcp_write(world.hosts[end], ends[end], bytes, sizeof bytes),
                         sizeof bytes);
        world_run(&world, 20 * WORLD_SECOND);
        assert_int_equal(received[1 - end] - before, sizeof bytes);
        chaski_tcp_info(world.hosts[end], ends[end], &info);
        chaski_tcp_info(world.hosts[1 - end], ends[1 - end], &other);
        assert_int_equal(info.tcpi_delivered_ce != 0, expected != 0);
        if (expected == 2)
            assert_int_equal(info.tcpi_delivered_ce, other.tcpi_received_ce);
    }
    assert_int_equal(marked != 0, expected != 0);
    world.loses = NULL;
}

/* ---- SYN cookies ---- */

/* RFC 9768, 5.1 */
static void cookies_keep_what_was_agreed(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server, *timestamps;
        unsigned agreed;
    } cases[] = {
        {"1", "1", "1", 1}, {"1", "1", "0", 0}, {"3", "3", "1", 2}, {"3", "3", "0", 2},
        {"3", "1", "1", 1}, {"1", "3", "1", 1}, {"0", "3", "1", 0}, {"0", "3", "0", 0},
        {"1", "0", "1", 0}, {"3", "0", "0", 0}, {"3", "5", "0", 2},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_world(cases[i].client, cases[i].server, 0);
        set_knob(world.hosts[SERVER], "tcp_syncookies", "2");
        set_knob(world.hosts[SERVER], "tcp_timestamps", cases[i].timestamps);
        listens();
        connects(CLIENT, false);
        world_settle(&world);
        assert_int_equal(chaski_counter_value(world.hosts[SERVER], CHASKI_TCP_COOKIES_ACCEPTED), 1);
        assert_works(cases[i].agreed);
        free_world();
    }
}

static void make_cookie_server(struct peer *peer, const char *ecn)
{
    make_peer(peer, ecn);
    set_knob(peer->host, "tcp_syncookies", "2");
}

/* How it came would have to be kept, since it counts. */
static void a_marked_syn_agrees_on_nothing_beside_a_cookie(void **state)
{
    (void)state;
    static const struct {
        uint8_t field, ace;
    } cases[] = {{0, 2}, {ECT1, 3}, {ECT0, 4}, {CE, 0}};
    for (unsigned i = 0; i < 4; i++) {
        struct peer peer;
        make_cookie_server(&peer, "3");
        peer.syn_options_length = 0;
        struct segment answer = answer_to(&peer, 7, cases[i].field);
        assert_int_equal(ace_of(&answer), cases[i].ace);
        peer_free(&peer);
    }
}

/* Only an acknowledgement that is nothing else tells; and never of what the
 * host would not agree to. */
static void the_acknowledgement_tells_of_accurate_ecn(void **state)
{
    (void)state;
    static const struct {
        const char *ecn; /* when it comes */
        unsigned ace;
        uint32_t length;
        bool accurate;
    } cases[] = {
        {"3", 2, 0, true},  {"3", 3, 0, true},   {"3", 7, 0, true},  {"3", 1, 0, false},
        {"3", 0, 0, false}, {"3", 5, 10, false}, {"1", 2, 0, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer peer;
        make_cookie_server(&peer, "3");
        answer_to(&peer, 7, 0);
        set_knob(peer.host, "tcp_ecn", cases[i].ecn);
        struct segment third = with_ace(&peer, ACK, cases[i].ace, 0);
        third.payload = bytes;
        third.payload_length = cases[i].length;
        peer_injects(&peer, &third);
        assert_true(peer.events & CHASKI_CONNECTED);
        assert_int_equal(peer_info(&peer).accurate_ecn, cases[i].accurate);
        peer_free(&peer);
    }
}

/* A timestamp brings classic ECN back, if it is still wanted. */
static void a_timestamp_tells_of_classic_ecn(void **state)
{
    (void)state;
    static const uint8_t asks[16] = {2, 4, 5, 180, 1, 1, 8, 10, 0, 0, 0, 1};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        uint8_t stamped[12] = {1, 1, 8, 10, 0, 0, 0, 2}, length;
        make_cookie_server(&peer, "2");
        peer.syn_options = asks;
        peer.syn_options_length = sizeof asks;
        struct segment answer = answer_to(&peer, 3, 0);
        assert_int_equal(ace_of(&answer), 1);
        memcpy(stamped + 8, segment_option(&answer, 8, &length), 4);
        if (i == 1)
            set_knob(peer.host, "tcp_ecn", "0");
        struct segment third = with_ace(&peer, ACK, 0, 0);
        third.options = stamped;
        third.options_length = sizeof stamped;
        peer_injects(&peer, &third);
        assert_int_equal((peer_info(&peer).tcpi_options & 8) != 0, i == 0);
        peer_free(&peer);
    }
}

/* ---- Fast Open ---- */

static void fast_opens_agree(void **state)
{
    (void)state;
    static const struct {
        const char *client, *server;
        unsigned agreed;
    } cases[] = {{"3", "3", 2}, {"1", "1", 1}, {"3", "2", 1}, {"1", "5", 1}, {"0", "3", 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_world(cases[i].client, cases[i].server, 0);
        set_knob(world.hosts[CLIENT], "tcp_fastopen", "5");
        set_knob(world.hosts[SERVER], "tcp_fastopen", "514"); /* 2 and 0x200 */
        listens();
        connects(CLIENT, true);
        assert_int_equal(chaski_tcp_write(world.hosts[CLIENT], ends[CLIENT], bytes, 100), 100);
        world_settle(&world);
        assert_int_equal(received[SERVER], 100);
        assert_int_equal(chaski_counter_value(world.hosts[SERVER], CHASKI_TCP_FAST_OPENED), 1);
        assert_works(cases[i].agreed);
        free_world();
    }
}

/* A listener that takes data without a cookie, and its answer to a SYN with 100 bytes. */
static struct segment fast_open(struct peer *peer, const char *ecn, unsigned ace, uint8_t field)
{
    struct segment answer = {0};
    make_peer(peer, ecn);
    set_knob(peer->host, "tcp_fastopen", "514");
    peer_host_listens(peer);
    assert_int_equal(chaski_tcp_listener_fast_open(peer->host, peer->listener, 5), 0);
    struct segment syn = with_syn_options(peer, SYN, ace, field);
    syn.payload = bytes;
    syn.payload_length = 100;
    peer_injects(peer, &syn);
    assert_true(peer_hears(peer, &answer));
    assert_int_equal(answer.flags & 0x3f, SYN | ACK);
    peer->expected = answer.sequence + 1;
    return answer;
}

static void a_fast_open_is_told_how_its_syn_came(void **state)
{
    (void)state;
    for (uint8_t field = 0; field < 4; field++) {
        struct peer peer;
        uint8_t length;
        struct segment answer = fast_open(&peer, "3", 7, field);
        assert_int_equal(ace_of(&answer), ace_for(field));
        assert_int_equal(answer.traffic_class, 0);
        assert_non_null(segment_option(&answer, 174, &length));
        /* What follows before the handshake is over counts already. */
        assert_int_equal(peer_host_writes(&peer, 10), 10);
        assert_true(peer_hears(&peer, &answer));
        assert_int_equal(ace_of(&answer), field == CE ? 6 : 5);
        assert_int_equal(answer.traffic_class, ECT0);
        peer.next += 101;
        /* It acknowledges what we sent since; ours came marked, or not. */
        struct segment third = with_ace(&peer, ACK, field == ECT0 ? 2 : 6, 0);
        peer_injects(&peer, &third);
        assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
        assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
        assert_int_equal(peer_info(&peer).tcpi_delivered_ce, field != ECT0);
        peer_free(&peer);
    }
}

/* As with half-open entries: RFC 9768, 3.1.4.2. */
static void a_fast_open_that_goes_again_asks_for_less(void **state)
{
    (void)state;
    struct peer peer;
    fast_open(&peer, "3", 7, 0);
    asks_for_less(&peer);
    peer_free(&peer);
}

static void a_fast_open_whose_syn_asks_no_more_sends_not_ect(void **state)
{
    (void)state;
    struct peer peer;
    struct segment answer = {0};
    fast_open(&peer, "3", 7, 0);
    struct segment again = with_ace(&peer, SYN, 0, ECT1);
    peer_injects(&peer, &again);
    assert_true(peer_hears(&peer, &answer));
    assert_int_equal(ace_of(&answer), 3);
    peer.next += 101;
    struct segment third = with_ace(&peer, ACK, 2, 0);
    peer_injects(&peer, &third);
    assert_int_equal(peer_host_writes(&peer, 10), 10);
    assert_true(peer_hears(&peer, &answer));
    assert_int_equal(answer.traffic_class, 0);
    assert_int_equal(ace_of(&answer), 5);
    peer_free(&peer);
}

static void a_classic_fast_open_answers_with_ece(void **state)
{
    (void)state;
    struct peer peer;
    struct segment answer = fast_open(&peer, "2", 3, 0);
    assert_int_equal(ace_of(&answer), 1);
    assert_int_equal(peer_host_writes(&peer, 10), 10);
    assert_true(peer_hears(&peer, &answer));
    assert_int_equal(answer.traffic_class, ECT0);
    assert_int_equal(ace_of(&answer), 0);
    peer_free(&peer);
}

/* ---- Both at once ---- */

/* RFC 9768 MUST-8 */
static void ends_that_open_at_once_agree(void **state)
{
    (void)state;
    static const struct {
        const char *one, *other;
        unsigned agreed;
    } cases[] = {{"3", "3", 2}, {"1", "1", 1}, {"3", "1", 1}, {"1", "3", 1},
                 {"3", "0", 0}, {"2", "3", 0}, {"2", "2", 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_world(cases[i].one, cases[i].other, 10 * WORLD_MILLISECOND);
        connects(CLIENT, false);
        connects(SERVER, false);
        world_run(&world, 5 * WORLD_SECOND);
        assert_works(cases[i].agreed);
        free_world();
    }
}

/* The host connects, and the peer's SYN crosses its own; returns the answer. */
static struct segment crosses(struct peer *peer, const char *ecn, unsigned ace, uint8_t field)
{
    struct segment answer = {0};
    host_connects(peer, ecn);
    struct segment syn = with_syn_options(peer, SYN, ace, field);
    peer_injects(peer, &syn);
    assert_true(peer_hears(peer, &answer));
    assert_int_equal(answer.flags & 0x3f, SYN | ACK);
    return answer;
}

static void says_synack(struct peer *peer, unsigned ace, uint8_t field)
{
    struct segment synack = with_ace(peer, SYN | ACK, ace, field);
    synack.acknowledgment = peer->expected;
    peer_injects(peer, &synack);
    peer->next++;
}

static void crossing_syns_are_told_how_they_came(void **state)
{
    (void)state;
    for (uint8_t field = 0; field < 4; field++) {
        struct peer peer;
        struct segment segment = crosses(&peer, "3", 7, field);
        assert_int_equal(ace_of(&segment), ace_for(field));
        says_synack(&peer, 2, field);
        assert_true(peer_hears(&peer, &segment)); /* and how the SYN+ACK came */
        assert_int_equal(segment.flags & 0x3f, ACK);
        assert_int_equal(ace_of(&segment), ace_for(field));
        segment = with_ace(&peer, ACK, 2, 0);
        peer_injects(&peer, &segment);
        assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
        assert_int_equal(peer_host_writes(&peer, 10), 10);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.traffic_class, ECT0);
        assert_int_equal(ace_of(&segment), field == CE ? 7 : 5);
        peer_free(&peer);
    }
}

/* The peer says its SYN+ACK and the acknowledgement of ours in one turn: what is owed stays. */
static void how_the_synack_came_is_told_still(void **state)
{
    (void)state;
    struct peer peer;
    crosses(&peer, "3", 7, 0);
    struct segment segment = with_ace(&peer, SYN | ACK, 2, ECT1);
    peer_queues(&peer, &segment);
    peer.next++;
    segment = with_ace(&peer, ACK, 2, 0);
    peer_injects(&peer, &segment);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(segment.flags & 0x3f, ACK);
    assert_int_equal(ace_of(&segment), 3);
    peer_free(&peer);
}

/* A SYN that asked for nothing any more is the one that counts. */
static void a_syn_that_crosses_late_agrees_on_nothing(void **state)
{
    (void)state;
    static const unsigned aces[] = {7, 3};
    for (unsigned i = 0; i < 2; i++) {
        struct peer peer;
        struct segment segment = {0};
        host_connects(&peer, "3");
        for (unsigned tries = 0; tries < 2; tries++) {
            peer_waits(&peer, 10 * WORLD_SECOND);
            assert_true(peer_hears(&peer, &segment));
        }
        assert_int_equal(ace_of(&segment), 0);
        segment = with_ace(&peer, SYN, aces[i], 0);
        peer_injects(&peer, &segment);
        assert_true(peer_hears(&peer, &segment));
        assert_int_equal(segment.flags & 0x3f, SYN | ACK);
        assert_int_equal(ace_of(&segment), 0);
        says_synack(&peer, 2, 0);
        segment = with_ace(&peer, ACK, 2, 0);
        peer_injects(&peer, &segment);
        assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
        assert_int_equal(peer_info(&peer).tcpi_options & 8, 0);
        peer_free(&peer);
    }
}

/* What the peer's SYN asks for is not yet what it agrees to. */
static void the_second_answer_decides(void **state)
{
    (void)state;
    static const struct {
        const char *ecn;
        unsigned syn, synack;
        bool accurate, classic;
    } cases[] = {
        {"3", 7, 2, true, false},  {"3", 7, 0, false, false}, {"3", 7, 1, false, true},
        {"3", 7, 7, false, false}, {"1", 3, 1, false, true},  {"1", 3, 0, false, false},
        {"1", 0, 1, false, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer peer;
        struct segment segment = crosses(&peer, cases[i].ecn, cases[i].syn, 0);
        says_synack(&peer, cases[i].synack, 0);
        assert_int_equal(peer_hears(&peer, &segment), cases[i].syn != 0); /* else that is all */
        segment = with_ace(&peer, ACK, 0, 0);
        if (cases[i].accurate)
            segment = with_ace(&peer, ACK, 2, 0);
        peer_injects(&peer, &segment);
        assert_int_equal(peer_info(&peer).accurate_ecn, cases[i].accurate);
        assert_int_equal((peer_info(&peer).tcpi_options & 8) != 0,
                         cases[i].accurate || cases[i].classic);
        peer_free(&peer);
    }
}

/* What may be forged does not change what acknowledgements tell. */
static void a_reset_in_the_window_is_no_synack(void **state)
{
    (void)state;
    struct peer peer;
    struct segment segment = is_opened_with(&peer, "3", 2, 0);
    assert_int_equal(ace_of(&segment), 2);
    peer_runs(&peer, WORLD_SECOND);
    segment = with_ace(&peer, SEGMENT_RST, 0, CE);
    segment.sequence += 10;
    peer_injects(&peer, &segment);
    assert_true(peer_hears(&peer, &segment));
    assert_int_equal(segment.flags & 0x3f, ACK);
    assert_int_equal(ace_of(&segment), 5);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_keep_what_was_agreed),
        cmocka_unit_test(a_marked_syn_agrees_on_nothing_beside_a_cookie),
        cmocka_unit_test(the_acknowledgement_tells_of_accurate_ecn),
        cmocka_unit_test(a_timestamp_tells_of_classic_ecn),
        cmocka_unit_test(fast_opens_agree),
        cmocka_unit_test(a_fast_open_is_told_how_its_syn_came),
        cmocka_unit_test(a_fast_open_that_goes_again_asks_for_less),
        cmocka_unit_test(a_fast_open_whose_syn_asks_no_more_sends_not_ect),
        cmocka_unit_test(a_classic_fast_open_answers_with_ece),
        cmocka_unit_test(ends_that_open_at_once_agree),
        cmocka_unit_test(crossing_syns_are_told_how_they_came),
        cmocka_unit_test(how_the_synack_came_is_told_still),
        cmocka_unit_test(a_syn_that_crosses_late_agrees_on_nothing),
        cmocka_unit_test(the_second_answer_decides),
        cmocka_unit_test(a_reset_in_the_window_is_no_synack),
    };
    return cmocka_run_group_tests_name("tcp_ecn_openings", tests, NULL, NULL);
}
