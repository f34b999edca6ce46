/* SPDX-License-Identifier: BSD-2-Clause */
/* Peers that keep within the protocol's letter and want it to cost: rows 32 to 34 of
 * docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_costly.h"

/* Bytes of memory that were taken from the pools since. */
static uint64_t bytes_since(const struct peer *peer, const struct cost *before)
{
    struct cost now = cost_now(peer);
    return (now.packets - before->packets) * (uint64_t)sizeof(struct packet) +
           (now.small - before->small) * UINT64_C(2048) +
           (now.large - before->large) * (uint64_t)(LARGE_BUFFER + BUFFER_HEADER);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* ---- 32: a window that stays shut ---- */

/* The peer answers every probe, for fifty days, in which milliseconds come round once. */
static void row_32_window_of_zero_for_ever(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 0;
    peer_opens(&peer);
    write_all(&peer);
    struct cost before = cost_now(&peer);
    uint64_t end = peer.world.now_ns + UINT64_C(50) * 86400 * WORLD_SECOND;
    uint32_t probes = 0;
    while (peer.world.now_ns < end) {
        peer_waits(&peer, 200 * WORLD_SECOND);
        forget(&peer);
        peer_acknowledges(&peer);
        probes++;
    }
    assert_in_range(probes, 35900, 36100); /* every two minutes */
    assert_kept_nothing(&peer, &before);
    assert_int_equal(peer_info(&peer).tcpi_state, CHASKI_TCP_ESTABLISHED);
    peer.window = 65535;
    peer_acknowledges(&peer);
    assert_true(peer_hears_all(&peer) >= 10 * PEER_MSS);
    peer_free(&peer);
}

static void row_32_window_of_zero_until_the_user_timeout(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 0;
    peer_opens(&peer);
    peer_host_sets(&peer, CHASKI_TCP_USER_TIMEOUT, 60000);
    struct cost before = cost_now(&peer);
    write_all(&peer);
    for (int i = 0; i < 70; i++) {
        peer_runs(&peer, WORLD_SECOND);
        if (peer_hears_all(&peer) == 0 && !(peer.events & CHASKI_ENDED))
            peer_acknowledges(&peer);
    }
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

static void row_32_window_of_zero_and_silence(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer.window = 0;
    peer_opens(&peer);
    struct cost before = cost_now(&peer);
    write_all(&peer);
    peer_runs(&peer, 1200 * WORLD_SECOND);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_TIMED_OUT);
    assert_kept_nothing(&peer, &before);
    assert_true(cost_now(&peer).frames - before.frames < 30);
    peer_free(&peer);
}

/* ---- 33: segments of one byte ---- */

/* What a connection's queue may keep busy: twice the buffer and a largest segment. */
static uint64_t most_kept(struct peer *peer)
{
    return 2ull * connection_at(peer)->receive.limit + 65536 + 2 * sizeof(struct packet);
}

static void row_33_one_byte_segments_with_gaps(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    forget(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 20000; i++) {
        say_at(&peer, 1 + 2 * i, NULL, 1);
        if (i % 500 == 0)
            forget(&peer);
        if (i % 1000 == 0)
            assert_true(bytes_since(&peer, &before) <= most_kept(&peer));
    }
    assert_true(bytes_since(&peer, &before) <= most_kept(&peer));
    assert_int_equal(cost_now(&peer).small, before.small);
    /* The stream still comes through. */
    say_at(&peer, 0, NULL, 1);
    assert_int_equal(peer_host_reads(&peer, 65535), 2);
    peer_free(&peer);
}

/* Backwards: each comes before all that are there, and drives out the furthest. */
static void row_33_one_byte_segments_backwards(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    forget(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 20000; i > 0; i--) {
        say_at(&peer, 2 * i - 1, NULL, 1);
        if (i % 500 == 0)
            forget(&peer);
    }
    assert_true(bytes_since(&peer, &before) <= most_kept(&peer));
    assert_true(counted(&peer, CHASKI_DROP_TCP_PRUNED) > 10000);
    say_at(&peer, 0, NULL, 1);
    assert_int_equal(peer_host_reads(&peer, 65535), 2);
    peer_free(&peer);
}

/* Time for n segments of a byte each, behind `runs` gaps that are there. */
static double time_for_segments(uint32_t runs, uint32_t n)
{
    struct peer peer;
    uint64_t random = 1;
    open_with_sack(&peer);
    for (uint32_t i = 0; i < runs; i++)
        say_at(&peer, 1 + 2 * i, NULL, 1);
    double begin = seconds();
    for (uint32_t i = 0; i < n; i++) {
        say_at(&peer, 1 + 2 * random_below(&random, runs), NULL, 1); /* one that is there */
        if (i % 100 == 0)
            forget(&peer);
    }
    double end = seconds();
    peer_free(&peer);
    return end - begin;
}

/* With fifty times as many gaps a segment takes nowhere near fifty times as long. */
/* RFC 6675 MUST-7 */
static void row_33_work_does_not_grow_with_the_gaps(void **state)
{
    (void)state;
    double few = time_for_segments(10, 20000), many = time_for_segments(500, 20000);
    assert_true(many < 5 * few + 0.1);
}

/* In order, unread: memory is bounded, and what it holds is worth it. */
static void row_33_one_byte_segments_in_order(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    struct cost before = cost_now(&peer);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        say_at(&peer, 0, NULL, 1);
        if (peer_info(&peer).receive_queue == taken)
            break;
        peer.next++;
        taken++;
        if (i % 500 == 0)
            forget(&peer);
    }
    assert_true(bytes_since(&peer, &before) <= most_kept(&peer));
    assert_true(taken >= 20000);
    assert_int_equal(peer_host_reads(&peer, 100000), taken);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* The same in frames that came in buffers of their own, each filled by a tenth. */
static void row_33_short_segments_in_large_frames(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    struct cost before = cost_now(&peer);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        say_at(&peer, 0, NULL, 150);
        if (peer_info(&peer).receive_queue == taken)
            break;
        peer.next += 150;
        taken += 150;
    }
    assert_true(bytes_since(&peer, &before) <= most_kept(&peer));
    assert_true(taken >= 100000);
    peer_free(&peer);
}

/* Many connections whose applications do not read, or cannot, leave the host its packets. */
static void row_33_many_connections_do_not_take_the_pools(void **state)
{
    (void)state;
    struct peer peer;
    open_with_sack(&peer);
    for (uint16_t port = 6000; port < 6100; port++) {
        struct segment syn = stray(&peer, port, SEGMENT_SYN);
        peer_injects(&peer, &syn);
        struct segment text = stray(&peer, port, SEGMENT_ACK);
        text.acknowledgment = world_last_segment(&peer.world, 0, 0).sequence + 1;
        text.sequence = syn.sequence + 1;
        peer_injects(&peer, &text);
        text.payload_length = 1;
        for (uint32_t i = 0; i < 300; i++) {
            text.sequence += 1 + (port & 1); /* every other one leaves gaps */
            peer_injects(&peer, &text);
        }
        forget(&peer);
    }
    struct cost cost = cost_now(&peer);
    const struct packet_memory *memory = &peer.host->memory;
    assert_true(cost.packets <= memory->packets.total / 4 * 3);
    say_at(&peer, 0, NULL, 1400);
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    while (chaski_tcp_list(peer.host, &cursor, &info)) {
        if (info.remote.port == PEER_PORT && info.tcpi_state == CHASKI_TCP_ESTABLISHED)
            assert_int_equal(info.receive_queue, 1400);
    }
    world_free(&peer.world);
}

/* So many connections, from `port` on, whose peers leave a gap before each of `n` bytes. */
static void hoard(struct peer *peer, uint16_t port, unsigned connections, uint32_t n)
{
    for (unsigned i = 0; i < connections; i++) {
        struct segment segment = stray(peer, (uint16_t)(port + i), SEGMENT_SYN);
        peer_injects(peer, &segment);
        segment.acknowledgment = world_last_segment(&peer->world, 0, 0).sequence + 1;
        segment.flags = SEGMENT_ACK;
        segment.sequence++;
        peer_injects(peer, &segment);
        segment.payload_length = 1;
        for (uint32_t gap = 0; gap < n; gap++) {
            segment.sequence += 2;
            peer_injects(peer, &segment);
        }
        forget(peer);
    }
}

/* A few who leave gaps hold all that received text may take. It comes back for text that is next in
 * order, though the application reads nothing yet, and for who holds less behind gaps. */
static void row_33_those_who_hoard_give_way(void **state)
{
    (void)state;
    enum { SEGMENTS = 40, GAPS = 300 };
    struct peer peer;
    open_with_sack(&peer);
    uint32_t total = peer.host->memory.packets.total;
    hoard(&peer, 6000, total / 2 / GAPS + 1, GAPS);
    assert_in_range(cost_now(&peer).packets, total / 2, total / 2 + GAPS);
    uint64_t pruned = counted(&peer, CHASKI_DROP_TCP_PRUNED);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        say_at(&peer, 0, NULL, 1);
        peer.next++;
        say_at(&peer, 100 + 2 * i, NULL, 1);
    }
    assert_int_equal(peer_info(&peer).receive_queue, SEGMENTS);
    assert_in_range(counted(&peer, CHASKI_DROP_TCP_PRUNED) - pruned, SEGMENTS, 2 * SEGMENTS);
    assert_true(connection_at(&peer)->receive.charge >= SEGMENTS * sizeof(struct packet));
    world_free(&peer.world);
}

/* ---- 34: small segments and SACK ---- */

static void row_34_smallest_segment_size_is_raised(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {0, 1, 48, 63, 64, 65};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint8_t options[] = {2, 4, 0, (uint8_t)sizes[i]};
        for (unsigned host_connects = 0; host_connects < 2; host_connects++) {
            struct peer peer;
            peer_make(&peer, NULL);
            peer.syn_options = options;
            peer.syn_options_length = sizeof options;
            if (host_connects)
                peer_is_opened(&peer);
            else
                peer_opens(&peer);
            assert_int_equal(peer_info(&peer).tcpi_snd_mss, sizes[i] > 64 ? sizes[i] : 64);
            uint32_t before = world_segments(&peer.world, 0);
            peer_host_writes(&peer, 10000);
            assert_true(world_segments(&peer.world, 0) - before <= 10); /* the first window */
            peer_free(&peer);
        }
    }
}

/* A long flight in segments of 64 bytes. */
static uint32_t make_long_flight(struct peer *peer, uint32_t segments)
{
    static const uint8_t options[] = {2, 4, 0, 48, 4, 2, 1, 3, 3, 7, 0, 0};
    peer_make(peer, NULL);
    peer->syn_options = options;
    peer->syn_options_length = sizeof options;
    peer_opens(peer);
    uint32_t flight = 0;
    while (flight < segments * 64) {
        peer_host_writes(peer, 64 * 1024);
        flight = peer_hears_all(peer);
        world_forget(&peer->world);
        peer->heard = peer->answered = peer->world.frame_count;
        if (flight < segments * 64)
            peer_acknowledges(peer);
    }
    return peer->expected - flight;
}

/* RFC 6675 MUST-7 */
static void row_34_alternating_blocks_cost_little(void **state)
{
    (void)state;
    enum { SEGMENTS = 1000 };
    struct peer peer;
    uint32_t una = make_long_flight(&peer, SEGMENTS);
    struct tcp_connection *c = connection_at(&peer);
    double begin = seconds();
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t blocks[4][2];
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t at = (i * 8 + 2 * k) % SEGMENTS;
            blocks[k][0] = una + 64 * at + 64;
            blocks[k][1] = blocks[k][0] + 64;
        }
        say_sack(&peer, una, (const uint32_t(*)[2])blocks, 4);
        if (i % 100 == 0) {
            world_forget(&peer.world);
            peer.heard = peer.answered = peer.world.frame_count;
        }
        uint32_t flight = c->snd_nxt - c->snd_una;
        assert_true(c->flight->scoreboard.sacked.bytes <= flight &&
                    c->flight->scoreboard.lost.bytes <= flight);
        assert_true(c->flight->scoreboard.retransmitted.bytes <= c->flight->scoreboard.lost.bytes);
    }
    assert_true(seconds() - begin < 10);
    /* A record a segment at most, and enough left for everybody else. */
    assert_true(cost_now(&peer).records <= peer.host->tcp.sent.total / 2 + 2);
    peer_free(&peer);
}

/* Blocks that cover no whole segment tell nothing, and split nothing. */
static void row_34_blocks_of_one_byte_split_nothing(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t una = make_long_flight(&peer, 500);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 2000; i++) {
        const uint32_t blocks[1][2] = {{una + 65 + 16 * i, una + 66 + 16 * i}};
        say_sack(&peer, una, blocks, 1);
    }
    assert_int_equal(cost_now(&peer).records, before.records);
    assert_int_equal(peer_info(&peer).tcpi_sacked, 0);
    peer_free(&peer);
}

/* A block that grows by a segment with each acknowledgement, as after one loss: what is known
 * already is not looked at again. The work is counted in records. */
/* RFC 2018 SHLD-4 */
static void row_34_growing_block_stays_one_record(void **state)
{
    (void)state;
    struct peer peer;
    uint32_t una = make_long_flight(&peer, 500);
    struct tcp_scoreboard *board = &connection_at(&peer)->flight->scoreboard;
    for (uint32_t i = 3; i < 400; i++) {
        const uint32_t blocks[1][2] = {{una + 64, una + 64 * i}};
        say_sack(&peer, una, blocks, 1);
        assert_int_equal(board->sacked.bytes, 64 * (i - 1));
        struct tree_node *node = tree_floor(&board->sent, una + 64);
        assert_int_equal(node->key, una + 64);
        assert_int_equal(tree_entry(node, struct tcp_sent, node)->end, una + 64 * i);
    }
    peer_free(&peer);
}

/* Time for n acknowledgements that all report the last byte of a flight of so many writes. */
static double time_for_reports(uint32_t writes, uint32_t n)
{
    struct peer peer;
    open_with_sack(&peer);
    peer_host_sets(&peer, CHASKI_TCP_NODELAY, 1);
    struct tcp_connection *c = connection_at(&peer);
    c->congestion.window = 1 << 20;
    for (uint32_t i = 0; i < writes; i++)
        peer_host_writes(&peer, 1);
    forget(&peer);
    assert_true(cost_now(&peer).records >= writes / 2);
    const uint32_t blocks[1][2] = {{c->snd_nxt - 1, c->snd_nxt}};
    uint32_t una = c->snd_una;
    double begin = seconds();
    for (uint32_t i = 0; i < n; i++) {
        say_sack(&peer, una, blocks, 1);
        if (i % 100 == 0)
            forget(&peer);
    }
    double end = seconds();
    assert_int_equal(c->flight->scoreboard.sacked.bytes, 1);
    peer_free(&peer);
    return end - begin;
}

static void row_34_repeated_report_is_not_judged_again(void **state)
{
    (void)state;
    double few = time_for_reports(10, 60000), many = time_for_reports(1000, 60000);
    assert_true(many < 3 * few + 0.1);
}

/* One connection's scoreboard leaves records for the others. */
/* RFC 6675 MUST-7 */
static void row_34_splitting_starves_nobody(void **state)
{
    (void)state;
    struct chaski_limits limits = {
        .interfaces = 2,
        .addresses = 4,
        .routes = 4,
        .neighbours = 4,
        .groups = 4,
        .reassemblies = 4,
        .paths = 4,
        .listeners = 4,
        .connections = 8,
        .half_open = 4,
        .time_wait = 4,
        .udp_sockets = 4,
        .packets = 300,
        .small_buffers = 64,
        .large_buffers = 64,
        .receive_buffer_max = 1 << 20,
        .send_buffer_max = 1 << 20,
    };
    static const uint8_t options[] = {2, 4, 0, 48, 4, 2, 1, 3, 3, 7, 0, 0};
    struct world_options world_options = {.limits = &limits};
    struct peer peer;
    peer_make(&peer, &world_options);
    peer.syn_options = options;
    peer.syn_options_length = sizeof options;
    peer_opens(&peer);
    uint32_t flight = 0;
    while (flight < 1000 * 64) {
        peer_host_writes(&peer, 64 * 1024);
        flight = peer_hears_all(&peer);
        world_forget(&peer.world);
        peer.heard = peer.answered = peer.world.frame_count;
        if (flight < 1000 * 64)
            peer_acknowledges(&peer);
    }
    uint32_t una = peer.expected - flight;
    for (uint32_t i = 0; i < 500; i++) {
        const uint32_t blocks[1][2] = {{una + 128 * i + 64, una + 128 * i + 128}};
        say_sack(&peer, una, blocks, 1);
    }
    /* Another one, that wants to send. */
    chaski_tcp attacked = peer.connection;
    struct segment syn = stray(&peer, 6000, SEGMENT_SYN);
    peer_injects(&peer, &syn);
    struct segment ack = stray(&peer, 6000, SEGMENT_ACK);
    ack.acknowledgment = world_last_segment(&peer.world, 0, 0).sequence + 1;
    ack.sequence = syn.sequence + 1;
    peer_injects(&peer, &ack);
    assert_int_not_equal(peer.connection.index, attacked.index);
    uint32_t before = world_segments(&peer.world, 0);
    assert_int_equal(peer_host_writes(&peer, 500), 500);
    assert_int_equal(world_segments(&peer.world, 0), before + 1);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).payload_length, 500);
    world_free(&peer.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_32_window_of_zero_for_ever),
        cmocka_unit_test(row_32_window_of_zero_until_the_user_timeout),
        cmocka_unit_test(row_32_window_of_zero_and_silence),
        cmocka_unit_test(row_33_one_byte_segments_with_gaps),
        cmocka_unit_test(row_33_one_byte_segments_backwards),
        cmocka_unit_test(row_33_work_does_not_grow_with_the_gaps),
        cmocka_unit_test(row_33_one_byte_segments_in_order),
        cmocka_unit_test(row_33_short_segments_in_large_frames),
        cmocka_unit_test(row_33_many_connections_do_not_take_the_pools),
        cmocka_unit_test(row_33_those_who_hoard_give_way),
        cmocka_unit_test(row_34_smallest_segment_size_is_raised),
        cmocka_unit_test(row_34_alternating_blocks_cost_little),
        cmocka_unit_test(row_34_blocks_of_one_byte_split_nothing),
        cmocka_unit_test(row_34_growing_block_stays_one_record),
        cmocka_unit_test(row_34_repeated_report_is_not_judged_again),
        cmocka_unit_test(row_34_splitting_starves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
