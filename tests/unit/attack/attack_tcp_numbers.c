/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that nobody can guess: rows 23 to 25 of docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_blind.h"

/* ---- 23 to 25: numbers that nobody can guess ---- */

/* What the host answers to a SYN from `port`; the half-open entry is gone afterwards. */
static struct segment answer_to_syn(struct peer *peer, uint16_t port)
{
    struct segment syn = stray(peer, port, SEGMENT_SYN);
    syn.options = with_timestamp;
    syn.options_length = sizeof with_timestamp;
    peer_injects(peer, &syn);
    struct segment answer = world_last_segment(&peer->world, 0, 0);
    assert_int_equal(answer.destination_port, port);
    struct segment reset = stray(peer, port, SEGMENT_RST);
    reset.sequence++;
    peer_injects(peer, &reset);
    return answer;
}

static void forget_frames(struct peer *peer)
{
    world_forget(&peer->world);
    peer->heard = peer->answered = peer->world.frame_count;
}

/* How often each bit of a number is set. */
struct bits {
    uint32_t set[32], numbers;
};

static void add_bits(struct bits *bits, uint32_t number)
{
    bits->numbers++;
    for (unsigned i = 0; i < 32; i++)
        bits->set[i] += number >> i & 1;
}

/* Each of the upper bits is set in half of the numbers, but for five standard deviations. */
static void assert_balanced(const struct bits *bits, unsigned lowest, unsigned highest)
{
    uint32_t n = bits->numbers, slack = 1;
    while (slack * slack < 25 * n / 4)
        slack++;
    for (unsigned i = lowest; i <= highest; i++)
        assert_in_range(bits->set[i], n / 2 - slack, n / 2 + slack);
}

/* Numbers one after the other, and by how much each differs from the one before. */
struct series {
    struct bits values, differences;
    uint32_t last;
};

static void add_number(struct series *series, uint32_t number)
{
    add_bits(&series->values, number);
    add_bits(&series->differences, number - series->last);
    series->last = number;
}

static void assert_unrelated(const struct series *series)
{
    assert_balanced(&series->values, 0, 31);
    assert_balanced(&series->differences, 0, 31);
}

/* RFC 6528 SHLD-2 */
static void row_23_initial_numbers_are_not_correlated_between_peers(void **state)
{
    (void)state;
    struct peer peer;
    struct series series = {.last = 0};
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    for (uint32_t i = 0; i < 100000; i++) {
        add_number(&series, answer_to_syn(&peer, (uint16_t)(1024 + i % 60000)).sequence);
        forget_frames(&peer);
        if (i % 1000 == 0)
            world_run(&peer.world, WORLD_MILLISECOND);
    }
    assert_unrelated(&series);
    assert_int_equal(cost_now(&peer).half_open, 0);
    peer_free(&peer);
}

/* RFC 6528: for one pair of ends the number moves with the clock, 4 microseconds a step, so that a
 * new connection begins behind the old one's numbers. */
/* RFC 6528 SHLD-3 */
static void row_23_initial_numbers_of_one_peer_are_monotone(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    uint32_t last = answer_to_syn(&peer, 6000).sequence;
    uint64_t step = 5000;
    for (int i = 0; i < 30; i++, step += step / 2) {
        world_run(&peer.world, step);
        uint32_t iss = answer_to_syn(&peer, 6000).sequence;
        assert_in_range(iss - last, step / 4200, step / 4000 + 1);
        last = iss;
    }
    peer_free(&peer);
}

/* RFC 6528 MUST-1 */
static void row_23_initial_numbers_depend_on_the_seed(void **state)
{
    (void)state;
    uint32_t numbers[8];
    for (uint8_t seed = 0; seed < 8; seed++) {
        struct world_options options = {.seed = seed};
        struct peer peer;
        peer_make(&peer, &options);
        peer_host_listens(&peer);
        numbers[seed] = answer_to_syn(&peer, 6000).sequence;
        for (uint8_t i = 0; i < seed; i++)
            assert_true(numbers[i] - numbers[seed] > 100000 && numbers[seed] - numbers[i] > 100000);
        peer_free(&peer);
    }
}

/* The port that is chosen for a connection to `port` of the peer's. */
static uint16_t port_chosen(struct peer *peer, uint16_t port)
{
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, port)};
    chaski_tcp connection;
    assert_int_equal(chaski_tcp_connect(peer->host, &connect, &connection), 0);
    world_settle(&peer->world);
    uint16_t chosen = world_last_segment(&peer->world, 0, 0).source_port;
    assert_int_equal(chaski_tcp_abort(peer->host, connection), 0);
    forget_frames(peer);
    return chosen;
}

/* RFC 6056 SHLD-1, SHLD-2 */
static void row_24_local_ports_are_random(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t bins[16] = {0}, near = 0;
    uint16_t last = 0;
    peer_make(&peer, NULL);
    for (uint32_t i = 0; i < 16000; i++) {
        uint16_t port = port_chosen(&peer, (uint16_t)(1 + i));
        assert_true(port >= 1024);
        bins[(port - 1024u) / 4032]++;
        near += (uint16_t)(port - last + 100) < 200;
        last = port;
    }
    for (unsigned i = 0; i < 16; i++)
        assert_in_range(bins[i], 1000 - 160, 1000 + 160);
    assert_true(near < 100); /* one peer's port says nothing about the next one's */
    peer_free(&peer);
}

/* RFC 6056 SHLD-3 */
static void row_24_local_ports_to_one_peer_do_not_repeat_soon(void **state)
{
    (void)state;
    static uint8_t seen[65536];
    struct peer peer;
    memset(seen, 0, sizeof seen);
    peer_make(&peer, NULL);
    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(seen[port_chosen(&peer, 80)]++, 0);
    peer_free(&peer);
}

static uint16_t identification_of(const struct frame *frame)
{
    return (uint16_t)(frame->bytes[18] << 8 | frame->bytes[19]);
}

/* Segments are never fragmented, so their identification may say nothing at all (RFC 6864). */
static void row_24_identification_is_no_global_counter(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    for (int i = 0; i < 10; i++) {
        peer_host_writes(&peer, 10);
        peer_hears_all(&peer);
        peer_acknowledges(&peer);
        assert_int_equal(identification_of(world_last(&peer.world, 0, 0)), 0);
    }
    peer_free(&peer);
}

/* RFC 7323 SHLD-3 */
static void row_25_timestamps_do_not_tell_how_long_the_host_has_been_up(void **state)
{
    (void)state;
    struct peer peer;
    struct series series = {.last = 0};
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t length;
        struct segment answer = answer_to_syn(&peer, (uint16_t)(1024 + i));
        const uint8_t *option = segment_option(&answer, 8, &length);
        assert_non_null(option);
        add_number(&series, load_be32(option));
        forget_frames(&peer);
    }
    assert_unrelated(&series);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_23_initial_numbers_are_not_correlated_between_peers),
        cmocka_unit_test(row_23_initial_numbers_of_one_peer_are_monotone),
        cmocka_unit_test(row_23_initial_numbers_depend_on_the_seed),
        cmocka_unit_test(row_24_local_ports_are_random),
        cmocka_unit_test(row_24_local_ports_to_one_peer_do_not_repeat_soon),
        cmocka_unit_test(row_24_identification_is_no_global_counter),
        cmocka_unit_test(row_25_timestamps_do_not_tell_how_long_the_host_has_been_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
