/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends that do not come, and what comes after them: row 31 of docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_callers.h"

/* ---- 31: those who do not end ---- */

static uint8_t state_at(struct peer *peer)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    while (chaski_tcp_list(peer->host, &cursor, &info)) {
        if (info.tcpi_state != CHASKI_TCP_LISTEN)
            return info.tcpi_state;
    }
    return 0;
}

static void assert_orphan_ends(struct peer *peer, uint8_t state, uint64_t seconds)
{
    assert_int_equal(state_at(peer), state);
    assert_int_equal(cost_now(peer).connections, 1);
    uint32_t before = world_sent(&peer->world, 0);
    peer_runs(peer, seconds * WORLD_SECOND);
    assert_int_equal(cost_now(peer).connections, 0);
    assert_true(world_sent(&peer->world, 0) - before < 30);
    peer_free(peer);
}

/* Opened, and let go at once. */
static void make_orphan(struct peer *peer)
{
    peer_make(peer, NULL);
    peer_opens(peer);
    peer_host_closes(peer);
}

static void row_31_orphans_in_fin_wait_1(void **state)
{
    (void)state;
    struct peer peer;
    make_orphan(&peer);
    assert_orphan_ends(&peer, CHASKI_TCP_FIN_WAIT_1, 240);
}

static void row_31_orphans_in_fin_wait_2(void **state)
{
    (void)state;
    struct peer peer;
    make_orphan(&peer);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    assert_orphan_ends(&peer, CHASKI_TCP_FIN_WAIT_2, 61);
}

/* Half closed first, let go later: the time begins with the letting go. */
static void row_31_orphans_that_were_half_closed(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_shuts_down(&peer);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_runs(&peer, 10000 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).connections, 1); /* somebody still reads */
    assert_int_equal(chaski_tcp_close(peer.host, peer.connection), 0);
    assert_orphan_ends(&peer, CHASKI_TCP_FIN_WAIT_2, 61);
}

static void row_31_orphans_in_closing(void **state)
{
    (void)state;
    struct peer peer;
    make_orphan(&peer);
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    assert_orphan_ends(&peer, CHASKI_TCP_CLOSING, 240);
}

static void row_31_orphans_in_last_ack(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_host_closes(&peer);
    assert_orphan_ends(&peer, CHASKI_TCP_LAST_ACK, 240);
}

/* An orphan's peer that acknowledges, but shuts its window, is not waited for for ever. */
static void row_31_orphans_with_a_shut_window(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 1000;
    peer_opens(&peer);
    peer_host_writes(&peer, 5000);
    peer_hears_all(&peer);
    peer.window = 0;
    peer_acknowledges(&peer);
    assert_int_equal(chaski_tcp_close(peer.host, peer.connection), 0);
    for (int i = 0; i < 300; i++) {
        peer_runs(&peer, WORLD_SECOND);
        peer_hears_all(&peer);
        if (cost_now(&peer).connections != 0)
            peer_acknowledges(&peer);
    }
    assert_int_equal(cost_now(&peer).connections, 0);
    peer_free(&peer);
}

static void close_one(struct peer *peer, uint16_t port)
{
    struct caller caller = call(peer, port, everything, sizeof everything);
    peer_host_closes(peer);
    caller.acknowledgment++;
    struct segment fin = say_as(peer, &caller, SEGMENT_ACK | SEGMENT_FIN);
    inject_as(peer, &caller, &fin);
}

static void row_31_time_wait_is_capped(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    for (uint16_t i = 0; i < 100; i++) {
        close_one(&peer, (uint16_t)(9000 + i));
        assert_int_equal(cost_now(&peer).time_wait,
                         i < small_limits.time_wait ? i + 1u : small_limits.time_wait);
    }
    assert_int_equal(counted(&peer, CHASKI_TCP_TIME_WAIT_OVERFLOWED), 100 - small_limits.time_wait);
    assert_int_equal(cost_now(&peer).connections, 0);
    /* The youngest wait. */
    struct caller youngest = {.port = 9099, .sequence = 5000 + 9099, .acknowledgment = 1};
    struct cost before = cost_now(&peer);
    struct segment fin = say_as(&peer, &youngest, SEGMENT_ACK | SEGMENT_FIN);
    inject_as(&peer, &youngest, &fin);
    assert_int_equal(frames_since(&peer, &before), 1);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_ACK);
    peer_runs(&peer, 61 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    peer_free(&peer);
}

static void row_31_no_room_for_time_wait_at_all(void **state)
{
    (void)state;
    struct chaski_limits limits = small_limits;
    limits.time_wait = 0;
    struct world_options options = {.limits = &limits};
    struct peer peer;
    peer_make(&peer, &options);
    peer_host_listens(&peer);
    for (uint16_t i = 0; i < 30; i++)
        close_one(&peer, (uint16_t)(9000 + i));
    assert_int_equal(cost_now(&peer).connections, 0);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    peer_free(&peer);
}

/* A SYN for an entry in TIME-WAIT; true when it opens a new incarnation. */
static bool reopens(struct peer *peer, uint16_t port, uint32_t sequence, uint32_t timestamp)
{
    uint8_t options[12] = {1, 1, 8, 10};
    store_be32(options + 4, timestamp);
    struct caller caller = {.port = port, .sequence = sequence};
    struct segment syn = say_as(peer, &caller, SEGMENT_SYN);
    if (timestamp != 0) {
        syn.options = options;
        syn.options_length = sizeof options;
    }
    peer_injects(peer, &syn);
    return world_last_segment(&peer->world, 0, 0).flags == (SEGMENT_SYN | SEGMENT_ACK);
}

/* RFC 6191: a later timestamp, or else a later sequence number, cannot be old. The connection had
 * timestamps, the last one 1001, and ended at 5000 + port + 2. */
/* RFC 6191 SHLD-1, SHLD-2, SHLD-3 */
static void row_31_time_wait_is_reused_for_a_new_connection_only(void **state)
{
    (void)state;
    static const struct {
        uint32_t ahead, timestamp;
        bool opens;
    } cases[] = {
        {1000, 1002, true},  {(uint32_t)-1000, 1002, true}, /* later by the clock */
        {1000, 1001, true},  {(uint32_t)-1000, 1001, false}, {0, 1001, false},
        {1000, 1000, false}, {(uint32_t)-1000, 1000, false}, /* earlier by the clock */
        {1000, 0, true},     {(uint32_t)-1000, 0, false},    {0, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer peer;
        make_small(&peer);
        peer_host_listens(&peer);
        close_one(&peer, 9000);
        uint32_t last = world_last_segment(&peer.world, 0, 0).sequence;
        assert_int_equal(cost_now(&peer).time_wait, 1);
        bool opens = reopens(&peer, 9000, 5000 + 9000 + 2 + cases[i].ahead, cases[i].timestamp);
        assert_int_equal(opens, cases[i].opens);
        assert_int_equal(cost_now(&peer).time_wait, !opens);
        assert_int_equal(cost_now(&peer).half_open, opens);
        /* RFC 9293, 3.6.1: numbers begin behind those of the old incarnation. */
        if (opens)
            assert_in_range(world_last_segment(&peer.world, 0, 0).sequence - last, 1, 1u << 30);
        peer_free(&peer);
    }
}

/* The old incarnation sent faster than the clock of initial numbers runs. */
static void row_31_new_incarnation_begins_behind_a_fast_one(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_opens(&peer);
    for (int i = 0; i < 40; i++) {
        while (peer_host_writes(&peer, 100000) != 0)
            ;
        while (peer_hears_all(&peer) != 0)
            peer_acknowledges(&peer);
        world_forget(&peer.world);
        peer.heard = peer.answered = peer.world.frame_count;
    }
    peer_host_closes(&peer);
    peer_hears_all(&peer);
    peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    assert_true(reopens(&peer, PEER_PORT, peer.next + 1000, 0));
    assert_in_range(world_last_segment(&peer.world, 0, 0).sequence - peer.expected, 1, 1u << 30);
    peer_free(&peer);
}

/* An end that waits is given up for a connection of ours, not for one for which there is no room.
 */
static void row_31_time_wait_outlasts_what_cannot_be_opened(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    close_one(&peer, 9000);
    struct chaski_tcp_connect again = {
        .local.port = PEER_HOST_PORT,
        .remote = world_endpoint(1, 9000),
    };
    chaski_tcp connection;
    uint32_t free = peer.host->tcp.connection_free, fresh = peer.host->tcp.connection_fresh;
    peer.host->tcp.connection_free = 0; /* all are taken */
    peer.host->tcp.connection_fresh = peer.host->tcp.connection_limit;
    assert_int_equal(chaski_tcp_connect(peer.host, &again, &connection), CHASKI_NO_MEMORY);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    peer.host->tcp.connection_free = free;
    peer.host->tcp.connection_fresh = fresh;
    assert_int_equal(chaski_tcp_connect(peer.host, &again, &connection), 0);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    assert_int_equal(chaski_tcp_abort(peer.host, connection), 0);
    peer_free(&peer);
}

/* ---- The clock comes round ---- */

/* All deadlines are kept across the moment at which milliseconds no longer fit 32 bits. */
/* RFC 7323 MUST-16 */
static void milliseconds_come_round(void **state)
{
    (void)state;
    for (uint64_t before_s = 0; before_s < 70; before_s += 3) {
        struct world_options options = {.limits = &small_limits,
                                        .start_ns = (UINT64_C(1) << 32) * WORLD_MILLISECOND -
                                                    before_s * WORLD_SECOND};
        struct peer peer;
        peer_make(&peer, &options);
        peer_host_listens(&peer);
        struct cost before = cost_now(&peer);
        flood(&peer, 10000, 3);
        peer_runs(&peer, 62 * WORLD_SECOND);
        assert_int_equal(frames_since(&peer, &before), 3 * 6);
        assert_int_equal(cost_now(&peer).half_open, 3);
        peer_runs(&peer, 2 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).half_open, 0);
        peer_free(&peer);

        peer_make(&peer, &options);
        peer_host_listens(&peer);
        close_one(&peer, 9000);
        peer_runs(&peer, 59 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, 1);
        peer_runs(&peer, 2 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, 0);
        peer_free(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_31_orphans_in_fin_wait_1),
        cmocka_unit_test(row_31_orphans_in_fin_wait_2),
        cmocka_unit_test(row_31_orphans_that_were_half_closed),
        cmocka_unit_test(row_31_orphans_in_closing),
        cmocka_unit_test(row_31_orphans_in_last_ack),
        cmocka_unit_test(row_31_orphans_with_a_shut_window),
        cmocka_unit_test(row_31_time_wait_is_capped),
        cmocka_unit_test(row_31_no_room_for_time_wait_at_all),
        cmocka_unit_test(row_31_time_wait_is_reused_for_a_new_connection_only),
        cmocka_unit_test(row_31_new_incarnation_begins_behind_a_fast_one),
        cmocka_unit_test(row_31_time_wait_outlasts_what_cannot_be_opened),
        cmocka_unit_test(milliseconds_come_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
