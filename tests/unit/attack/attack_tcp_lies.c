/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that acknowledge, repeat and promise what is not so: rows 35 to 39 of docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_costly.h"

/* With this window, and more to send than it can take. */
static void open_and_write(struct peer *peer, uint16_t window)
{
    peer_make(peer, NULL);
    peer->window = window;
    peer_opens(peer);
    write_all(peer);
}

/* ---- 35, 36: acknowledgements that lie ---- */

static void row_35_acknowledgement_of_what_was_not_sent(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, UINT16_MAX);
    uint32_t una = peer.expected;
    uint32_t sent = peer_hears_all(&peer);
    uint32_t window = connection_at(&peer)->congestion.window;
    struct cost before = cost_now(&peer);
    for (uint32_t i = 1; i < 100; i++) {
        say_sack(&peer, una + sent + i * 1000, NULL, 0);
        assert_int_equal(connection_at(&peer)->congestion.window, window);
    }
    assert_int_equal(peer_hears_all(&peer), 0);
    assert_kept_nothing(&peer, &before);
    assert_in_range(cost_now(&peer).frames - before.frames, 1, 2);
    peer_free(&peer);
}

/* RFC 5681 MUST-6 */
static void row_36_one_segment_acknowledged_byte_by_byte(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, UINT16_MAX);
    uint32_t una = peer.expected;
    uint32_t window = connection_at(&peer)->congestion.window;
    struct cost before = cost_now(&peer);
    for (uint32_t i = 1; i <= PEER_MSS; i++)
        say_sack(&peer, una + i, NULL, 0);
    assert_in_range(connection_at(&peer)->congestion.window, window, window + PEER_MSS);
    struct cost after = cost_now(&peer);
    assert_in_range(after.frames - before.frames, 1, 2);
    assert_in_range(after.records, before.records, before.records + 2);
    assert_in_range(after.large, 0, before.large);
    peer_free(&peer);
}

/* Each duplicate stands for one segment that has left the network; more than were in it have not,
 * however many duplicates there are. */
/* RFC 5681 MUST-14 */
static void row_36_forged_duplicates_are_bounded(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, UINT16_MAX);
    uint32_t una = peer.expected;
    uint32_t flight = peer_hears_all(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 5000; i++)
        say_sack(&peer, una, NULL, 0);
    uint32_t more = peer_hears_all(&peer);
    assert_in_range(more, 0, flight);
    assert_in_range(cost_now(&peer).frames - before.frames, 1, 2 * flight / PEER_MSS);
    peer_free(&peer);
}

/* With SACK, duplicates that report nothing tell nothing. */
/* RFC 3042 MUST-4 */
static void row_36_duplicates_without_blocks_tell_nothing(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    write_all(&peer);
    uint32_t una = peer.expected;
    peer_hears_all(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 1000; i++)
        say_sack(&peer, una, NULL, 0);
    assert_cost_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- 37: SACK that is taken back, or lies ---- */

/* RFC 2018 MUST-7 */
static void row_37_receiver_that_takes_its_word_back(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    struct cost before = cost_now(&peer);
    assert_int_equal(peer_host_writes(&peer, 10 * PEER_MSS), 10 * PEER_MSS);
    uint32_t una = peer.expected;
    assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
    const uint32_t blocks[1][2] = {{una + PEER_MSS, una + 10 * PEER_MSS}};
    say_sack(&peer, una, blocks, 1);
    say_sack(&peer, una + PEER_MSS, NULL, 0); /* the rest it has dropped meanwhile */
    peer.expected = una + PEER_MSS;
    for (int i = 0; i < 30 && peer.expected != una + 10 * PEER_MSS; i++) {
        peer_runs(&peer, WORLD_SECOND);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
    }
    assert_int_equal(peer.expected, una + 10 * PEER_MSS);
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    assert_kept_nothing(&peer, &before);
    assert_in_range(cost_now(&peer).frames - before.frames, 19, 30); /* each about twice */
    peer_free(&peer);
}

/* Only what lies in the middle is taken back. */
/* RFC 2018 MUST-7 */
static void row_37_receiver_that_takes_a_part_back(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    struct cost before = cost_now(&peer);
    peer_host_writes(&peer, 10 * PEER_MSS);
    uint32_t una = peer.expected;
    peer_hears_all(&peer);
    const uint32_t blocks[1][2] = {{una + PEER_MSS, una + 10 * PEER_MSS}};
    say_sack(&peer, una, blocks, 1);
    peer_hears_all(&peer);
    say_sack(&peer, una + 5 * PEER_MSS, NULL, 0);
    peer.expected = una + 5 * PEER_MSS;
    for (int i = 0; i < 30 && peer.expected != una + 10 * PEER_MSS; i++) {
        peer_runs(&peer, WORLD_SECOND);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
    }
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    assert_kept_nothing(&peer, &before);
    assert_in_range(cost_now(&peer).frames - before.frames, 15, 30);
    peer_free(&peer);
}

/* RFC 2883 MUST-8 */
static void row_37_duplicates_reported_that_never_were(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    peer_host_writes(&peer, 10 * PEER_MSS);
    uint32_t una = peer.expected;
    peer_hears_all(&peer);
    say_sack(&peer, una + 5 * PEER_MSS, NULL, 0);
    peer_hears_all(&peer);
    uint32_t window = connection_at(&peer)->congestion.window;
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t blocks[1][2] = {{una + i * PEER_MSS, una + (i + 1) * PEER_MSS}};
        say_sack(&peer, una + 5 * PEER_MSS, blocks, 1);
    }
    assert_cost_nothing(&peer, &before);
    assert_int_equal(connection_at(&peer)->congestion.window, window);
    assert_int_equal(peer_info(&peer).tcpi_ca_state, 0);
    say_sack(&peer, una + 10 * PEER_MSS, NULL, 0);
    assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
    peer_free(&peer);
}

/* ---- 38: overlap ---- */

enum { STREAM = 3000 };

/* Segments with any beginning and length, each byte of which says when it came; what came first is
 * what is read. */
static void overlap(uint64_t seed)
{
    struct peer peer;
    uint8_t first[STREAM], seen[STREAM] = {0}, bytes[STREAM], read[STREAM];
    uint32_t missing = STREAM, got = 0;
    open_with_sack(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 1; missing != 0; i++) {
        uint32_t at = random_below(&seed, STREAM), most = i % 7 == 0 ? 700 : 40;
        uint32_t length = 1 + random_below(&seed, most);
        if (i > 1500) /* enough: the rest in order */
            at = (i - 1501) * 40 % STREAM;
        if (length > STREAM - at)
            length = STREAM - at;
        memset(bytes, (int)(i % 251), length);
        for (uint32_t k = at; k < at + length; k++) {
            if (!seen[k]) {
                seen[k] = 1;
                first[k] = (uint8_t)(i % 251);
                missing--;
            }
        }
        say_at(&peer, at, bytes, length);
        forget(&peer);
    }
    long n;
    while ((n = chaski_tcp_read(peer.host, peer.connection, read + got, STREAM - got)) > 0)
        got += (uint32_t)n;
    assert_int_equal(got, STREAM);
    assert_memory_equal(read, first, STREAM);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

static void row_38_what_came_first_stays(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++)
        overlap(seed);
}

static void row_38_overlap_at_every_edge(void **state)
{
    (void)state;
    /* Segment A at 10 to 20; then B over it; then the gap closes. */
    for (uint32_t left = 0; left < 30; left++) {
        for (uint32_t right = left + 1; right <= 30; right++) {
            struct peer peer;
            uint8_t a[30], b[30], rest[30], read[31];
            memset(a, 'a', sizeof a);
            memset(b, 'b', sizeof b);
            memset(rest, 'c', sizeof rest);
            open_with_sack(&peer);
            say_at(&peer, 10, a, 10);
            say_at(&peer, left, b, right - left);
            say_at(&peer, 0, rest, 30);
            long n = chaski_tcp_read(peer.host, peer.connection, read, sizeof read);
            assert_int_equal(n, 30);
            for (uint32_t i = 0; i < 30; i++) {
                char due = i >= 10 && i < 20 ? 'a' : i >= left && i < right ? 'b' : 'c';
                assert_int_equal(read[i], due);
            }
            peer_free(&peer);
        }
    }
}

/* ---- 39: windows ---- */

static void row_39_window_that_shrinks(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, 14600);
    assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
    /* Half is acknowledged, and the right edge moves back over what is in flight. */
    uint32_t una = peer.expected - 5 * PEER_MSS;
    peer.window = 1000;
    say_sack(&peer, una, NULL, 0);
    assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 1000);
    peer_expects_nothing(&peer);
    /* To nothing, for longer than unacknowledged data would be waited for: RFC 9293, 3.8.6. */
    peer.window = 0;
    say_sack(&peer, una, NULL, 0);
    peer.expected = una;
    struct cost before = cost_now(&peer);
    for (int i = 0; i < 3000; i++) {
        peer_runs(&peer, WORLD_SECOND);
        if (peer.heard != peer.world.frame_count) {
            struct segment segment;
            while (peer_hears(&peer, &segment))
                peer.expected = una;
            peer_acknowledges(&peer);
        }
    }
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    struct cost after = cost_now(&peer);
    assert_in_range(after.records, before.records, before.records + 9);
    assert_int_equal(after.packets + after.small + after.large,
                     before.packets + before.small + before.large);
    assert_in_range(cost_now(&peer).frames - before.frames, 20, 50); /* two minutes apart */
    peer.window = 65535;
    for (int i = 0; i < 200 && peer.expected - una < 5 * PEER_MSS; i++) {
        peer_acknowledges(&peer);
        peer_runs(&peer, WORLD_SECOND);
        peer_hears_all(&peer);
    }
    assert_true(peer.expected - una >= 5 * PEER_MSS);
    peer_free(&peer);
}

/* A thousand such pauses, in each of which comes a piece of that size, or nothing; how much it was
 * in all. */
static uint32_t crawls(struct peer *peer, uint64_t pause_ns, uint32_t piece)
{
    uint32_t bytes = 0;
    for (int i = 0; i < 1000; i++) {
        peer_runs(peer, pause_ns);
        uint32_t n = peer_hears_all(peer);
        assert_true(n == 0 || n == piece);
        bytes += n;
        if (n != 0)
            peer_acknowledges(peer);
    }
    return bytes;
}

/* A window that never was more than a byte: the stream crawls, a byte for each acknowledgement. */
static void row_39_window_of_one_byte_for_ever(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, 1);
    uint32_t bytes = peer_hears_all(&peer), segments = world_segments(&peer.world, 0);
    peer_acknowledges(&peer);
    bytes += crawls(&peer, 100 * WORLD_MILLISECOND, 1);
    assert_in_range(bytes, 50, 1001);
    assert_true(world_segments(&peer.world, 0) - segments < 1100);
    peer_free(&peer);
}

/* A window that was large once, and never again: by the override's timer, and no faster. */
static void row_39_window_that_stays_small(void **state)
{
    (void)state;
    struct peer peer;
    open_and_write(&peer, UINT16_MAX);
    peer.window = 100;
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    uint32_t bytes = peer_hears_all(&peer), segments = world_segments(&peer.world, 0);
    assert_int_equal(bytes, 0);
    bytes += crawls(&peer, 10 * WORLD_MILLISECOND, 100);
    assert_in_range(bytes, 1000, 5100); /* each 200 ms */
    assert_true(world_segments(&peer.world, 0) - segments <= 52);
    peer_free(&peer);
}

/* The other side of it: an application that reads a byte at a time does not open the window by a
 * byte at a time (RFC 9293, 3.8.6.2.2). */
static void row_39_reader_of_single_bytes(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (uint32_t taken = 0; taken == peer_info(&peer).receive_queue; taken += 1000) {
        say_at(&peer, 0, NULL, 1000);
        peer.next += 1000;
        peer_hears_all(&peer);
    }
    peer_runs(&peer, WORLD_SECOND);
    peer_hears_all(&peer);
    uint32_t before = world_segments(&peer.world, 0);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(peer_host_reads(&peer, 1), 1);
    assert_true(world_segments(&peer.world, 0) - before <= 20000 / 1000);
    peer_free(&peer);
}

/* ---- Numbers come round ---- */

/* Opens with SACK at a time at which the host's first number is `before` short of 2^32, the peer's
 * as well. */
static void open_before_the_end(struct peer *peer, uint32_t before)
{
    struct world_options options = {.start_ns = WORLD_SECOND};
    for (int twice = 0; twice < 2; twice++) {
        if (twice)
            peer_free(peer);
        peer_make(peer, &options);
        peer->next = 0u - before;
        peer->syn_options = with_sack;
        peer->syn_options_length = sizeof with_sack;
        peer_opens(peer);
        options.start_ns += (uint64_t)(0u - before - (peer->expected - 1)) << 12;
    }
    assert_in_range(0u - peer->expected, before - 2, before + 2);
}

static void sequence_numbers_come_round(void **state)
{
    (void)state;
    static const uint32_t befores[] = {3, 100, 1460, 2920, 10000, 40000};
    for (size_t i = 0; i < sizeof befores / sizeof befores[0]; i++) {
        struct peer peer;
        open_before_the_end(&peer, befores[i]);
        struct cost before = cost_now(&peer);
        /* To the host: behind gaps, backwards, then in order. */
        for (uint32_t k = 15; k > 0; k--)
            say_at(&peer, 2000 * k, NULL, 1000);
        for (uint32_t k = 0; k < 31; k++)
            say_at(&peer, 1000 * k, NULL, 1400);
        peer.next += 31400;
        assert_int_equal(peer_host_reads(&peer, 100000), 31400);
        /* From the host: every other segment is lost at first. */
        peer_hears_all(&peer);
        uint32_t una = peer.expected, end = una + 80000;
        assert_int_equal(peer_host_writes(&peer, 80000), 80000);
        assert_int_equal(peer_hears_all(&peer), 10 * PEER_MSS);
        peer_runs(&peer, WORLD_MILLISECOND);
        for (uint32_t k = 1; k < 10; k += 2) {
            const uint32_t blocks[1][2] = {{una + k * PEER_MSS, una + (k + 1) * PEER_MSS}};
            say_sack(&peer, una, blocks, 1);
        }
        assert_int_equal(peer_info(&peer).tcpi_sacked, 5);
        assert_true(peer_info(&peer).tcpi_lost >= 3);
        say_sack(&peer, una + 10 * PEER_MSS, NULL, 0);
        for (uint32_t k = 0; k < 100 && peer.expected != end; k++) {
            peer_hears_all(&peer);
            peer_acknowledges(&peer);
        }
        assert_int_equal(peer.expected, end);
        assert_int_equal(peer_info(&peer).tcpi_unacked, 0);
        assert_kept_nothing(&peer, &before);
        peer_free(&peer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_35_acknowledgement_of_what_was_not_sent),
        cmocka_unit_test(row_36_one_segment_acknowledged_byte_by_byte),
        cmocka_unit_test(row_36_forged_duplicates_are_bounded),
        cmocka_unit_test(row_36_duplicates_without_blocks_tell_nothing),
        cmocka_unit_test(row_37_receiver_that_takes_its_word_back),
        cmocka_unit_test(row_37_receiver_that_takes_a_part_back),
        cmocka_unit_test(row_37_duplicates_reported_that_never_were),
        cmocka_unit_test(row_38_what_came_first_stays),
        cmocka_unit_test(row_38_overlap_at_every_edge),
        cmocka_unit_test(row_39_window_that_shrinks),
        cmocka_unit_test(row_39_window_of_one_byte_for_ever),
        cmocka_unit_test(row_39_window_that_stays_small),
        cmocka_unit_test(row_39_reader_of_single_bytes),
        cmocka_unit_test(sequence_numbers_come_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
