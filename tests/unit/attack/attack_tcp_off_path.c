/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments from somebody who cannot see the connection: rows 18 to 21 and 26 to 28 of
 * docs/attacks.md. */
#include "tests/unit/attack/attack_tcp_blind.h"

static uint32_t window_of(const struct peer *peer)
{
    return peer_info(peer).tcpi_rcv_wnd;
}

static void advance(struct peer *peer, uint64_t ms)
{
    peer_runs(peer, ms * WORLD_MILLISECOND);
    peer_hears_all(peer);
}

/* ---- 18: resets ---- */

static void inject_reset(struct peer *peer, uint32_t offset)
{
    struct segment reset = peer_segment(peer, SEGMENT_RST);
    reset.sequence += offset;
    peer_injects(peer, &reset);
}

/* RFC 5961 MUST-1 */
static void row_18_reset_that_is_next_resets(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    inject_reset(&peer, 0);
    peer_expects_nothing(&peer);
    assert_true(peer.events & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

/* RFC 5961 MUST-2 */
static void row_18_reset_elsewhere_in_the_window_is_challenged(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    const uint32_t offsets[] = {1, 1000, window_of(&peer) - 1};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        inject_reset(&peer, offsets[i]);
        struct segment ack = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(ack.acknowledgment, peer.next);
        assert_int_equal(ack.sequence, peer.expected);
        advance(&peer, 501);
    }
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_int_equal(counted(&peer, CHASKI_TCP_CHALLENGE_ACKS), 3);
    /* Whoever really sent the reset repeats it at the number that the challenge says. */
    inject_reset(&peer, 0);
    assert_true(peer.events & CHASKI_ENDED);
    peer_free(&peer);
}

/* RFC 5961 MUST-3 */
static void row_18_reset_outside_of_the_window_is_dropped(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    const uint32_t offsets[] = {UINT32_MAX, 0x80000000u, window_of(&peer), 0x7fffffff, 0xffff0000};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        inject_reset(&peer, offsets[i]);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    peer_free(&peer);
}

/* A burst of guesses over the whole sequence space costs two answers a second at most. */
/* RFC 5961 SHLD-1 */
static void row_18_guessing_resets_costs_little(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 1; i < 10000; i++)
        inject_reset(&peer, i * 6);
    assert_int_equal(cost_now(&peer).frames - before.frames, 1);
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

static void row_18_reset_of_a_half_open_connection(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    peer_says(&peer, SEGMENT_SYN, 0);
    peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK);
    inject_reset(&peer, 1000);
    assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
    inject_reset(&peer, 0x80000000u);
    peer_expects_nothing(&peer);
    assert_int_equal(cost_now(&peer).half_open, 1);
    inject_reset(&peer, 0);
    peer_expects_nothing(&peer);
    assert_int_equal(cost_now(&peer).half_open, 0);
    peer_free(&peer);
}

/* ---- 19: SYNs ---- */

/* RFC 5961 MUST-4 */
static void row_19_syn_in_a_connection_is_challenged(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    static const uint32_t offsets[] = {0, 1, 1000, 0x80000000u, UINT32_MAX};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct segment syn = peer_segment(&peer, i % 2 ? SEGMENT_SYN | SEGMENT_ACK : SEGMENT_SYN);
        syn.sequence += offsets[i];
        peer_injects(&peer, &syn);
        peer_injects(&peer, &syn); /* at most one answer in half a second */
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        peer_expects_nothing(&peer);
        advance(&peer, 501);
    }
    assert_int_equal(state_of(&peer), CHASKI_TCP_ESTABLISHED);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- 20: acknowledgements ---- */

/* RFC 5961 MUST-5 */
static void row_20_acknowledgement_far_from_the_flight(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_host_writes(&peer, 1000);
    peer_hears_all(&peer);
    peer_acknowledges(&peer);
    peer_host_writes(&peer, 1000);
    uint32_t una = peer.expected, nxt = una + 1000;
    peer_hears_all(&peer);
    const uint32_t numbers[] = {nxt + 1, nxt + 0x7fffffff, una - 65536, una - 0x7fffffff};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.acknowledgment = numbers[i];
        segment.window = 1; /* must not be believed either */
        peer_injects(&peer, &segment);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        assert_int_equal(peer_info(&peer).tcpi_snd_wnd, 65535);
        advance(&peer, 501);
    }
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* Text in such a segment is forged as well (RFC 5961, 5.2). */
/* RFC 5961 MUST-5 */
static void row_20_text_with_such_an_acknowledgement_is_dropped(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    static const uint32_t offsets[] = {1, 0x7fffffff, (uint32_t)-65537, 0x80000000u};
    struct cost before = cost_now(&peer);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct segment segment = peer_segment(&peer, SEGMENT_ACK);
        segment.acknowledgment += offsets[i];
        segment.payload_length = 100;
        peer_injects(&peer, &segment);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).acknowledgment, peer.next);
        assert_int_equal(peer_host_reads(&peer, 100), CHASKI_AGAIN);
        advance(&peer, 501);
    }
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* ---- 21: no shared limit ---- */

/* One connection is provoked a thousand times; another one answers as if nothing had been. */
/* RFC 5961 SHLD-2 */
static void row_21_challenges_on_one_connection_say_nothing_about_another(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_opens(&peer);
    peer_hears_all(&peer);
    struct segment syn = stray(&peer, 6000, SEGMENT_SYN);
    peer_injects(&peer, &syn);
    struct segment ack = stray(&peer, 6000, SEGMENT_ACK);
    ack.sequence++;
    ack.acknowledgment = world_last_segment(&peer.world, 0, 0).sequence + 1;
    peer_injects(&peer, &ack);
    struct cost before = cost_now(&peer);
    assert_int_equal(before.connections, 2);
    for (uint32_t i = 1; i <= 1000; i++) {
        struct segment reset = ack;
        reset.flags = SEGMENT_RST;
        reset.sequence += i;
        peer_injects(&peer, &reset);
    }
    assert_int_equal(cost_now(&peer).frames - before.frames, 1);
    assert_kept_nothing(&peer, &before);
    peer_hears_all(&peer);
    for (int i = 0; i < 3; i++) {
        inject_reset(&peer, 1);
        assert_int_equal(peer_expects(&peer, SEGMENT_ACK).destination_port, PEER_PORT);
        advance(&peer, 501);
    }
    peer_free(&peer);
}

/* ---- 26, 27: after the end, and out of step ---- */

static void enter_time_wait(struct peer *peer)
{
    peer_opens(peer);
    peer_host_closes(peer);
    peer_hears_all(peer);
    peer_says(peer, SEGMENT_ACK | SEGMENT_FIN, 0);
    peer_hears_all(peer);
    assert_int_equal(cost_now(peer).time_wait, 1);
    assert_int_equal(cost_now(peer).connections, 0);
}

static void row_26_reset_in_time_wait_changes_nothing(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    enter_time_wait(&peer);
    struct cost before = cost_now(&peer);
    static const uint32_t offsets[] = {0, 1, 1000, UINT32_MAX};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        inject_reset(&peer, offsets[i]);
    assert_cost_nothing(&peer, &before);
    peer_runs(&peer, 59 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    peer_runs(&peer, 2 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).time_wait, 0);
    peer_free(&peer);
}

/* A forged FIN is answered, and does not keep the entry; the peer's own does. */
static void row_26_only_the_peers_fin_is_waited_for_anew(void **state)
{
    (void)state;
    for (uint32_t own = 0; own < 2; own++) {
        struct peer peer;
        peer_make(&peer, NULL);
        enter_time_wait(&peer);
        peer_runs(&peer, 50 * WORLD_SECOND);
        struct segment fin = peer_segment(&peer, SEGMENT_ACK | SEGMENT_FIN);
        fin.sequence += own ? UINT32_MAX : 12345;
        peer_injects(&peer, &fin);
        peer_expects(&peer, SEGMENT_ACK);
        peer_runs(&peer, 20 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, own);
        peer_runs(&peer, 50 * WORLD_SECOND);
        assert_int_equal(cost_now(&peer).time_wait, 0);
        peer_free(&peer);
    }
}

/* A new SYN ends TIME-WAIT only where somebody listens: else a guess would do what a reset may
 * not. */
static void row_26_syn_ends_time_wait_for_a_listener_only(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    enter_time_wait(&peer);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    struct segment syn = peer_segment(&peer, SEGMENT_SYN);
    syn.sequence += 100000;
    peer_injects(&peer, &syn);
    assert_int_equal(cost_now(&peer).time_wait, 1);
    peer_expects(&peer, SEGMENT_ACK);
    peer_expects_nothing(&peer);
    peer_free(&peer);
}

static void ignore_events(void *context, struct chaski *host, chaski_tcp connection,
                          unsigned events)
{
    (void)events;
    (void)host;
    *(chaski_tcp *)context = connection;
}

/* Two hosts with a connection between them, 10 ms apart. */
struct couple {
    struct world world;
    chaski_tcp ends[2];
    chaski_listener listener;
};

static void make_couple(struct couple *couple)
{
    struct world_options options = {.delay_ns = 10 * WORLD_MILLISECOND};
    world_make(&couple->world, &options);
    world_run(&couple->world, 20 * WORLD_SECOND); /* addresses are announced */
    struct chaski_tcp_bind bind = {
        .local.port = 7, .receive = ignore_events, .context = &couple->ends[1]};
    assert_int_equal(chaski_tcp_bind(couple->world.hosts[1], &bind, &couple->listener), 0);
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(1, 7), .receive = ignore_events, .context = &couple->ends[0]};
    assert_int_equal(chaski_tcp_connect(couple->world.hosts[0], &connect, &couple->ends[0]), 0);
    world_run(&couple->world, WORLD_SECOND);
}

static struct tcp_connection *end_of(struct couple *couple, unsigned i)
{
    return &couple->world.hosts[i]->tcp.connections[couple->ends[i].index];
}

/* Each end takes the other's numbers for old, and says so. */
static void row_27_desynchronised_ends_fall_silent(void **state)
{
    (void)state;
    struct couple couple;
    make_couple(&couple);
    couple.world.unmodelled = true;
    for (unsigned i = 0; i < 2; i++) {
        struct tcp_connection *c = end_of(&couple, i);
        c->rcv_nxt += 0x20000000;
        c->rcv_advertised += 0x20000000;
    }
    uint32_t before = world_sent(&couple.world, 0) + world_sent(&couple.world, 1);
    assert_int_equal(chaski_tcp_write(couple.world.hosts[0], couple.ends[0], "x", 1), 1);
    world_run(&couple.world, 10 * WORLD_SECOND);
    uint32_t sent = world_sent(&couple.world, 0) + world_sent(&couple.world, 1) - before;
    assert_in_range(sent, 2, 40); /* retransmissions and their answers, and one answer to those */
    world_free(&couple.world);
}

/* The same between two TIME-WAIT entries: a forged segment starts it. */
static void row_27_desynchronised_time_waits_fall_silent(void **state)
{
    (void)state;
    struct couple couple;
    make_couple(&couple);
    couple.world.unmodelled = true;
    /* Both close at once: both are in TIME-WAIT. */
    struct tcp_key key = end_of(&couple, 0)->key;
    assert_int_equal(chaski_tcp_close(couple.world.hosts[0], couple.ends[0]), 0);
    assert_int_equal(chaski_tcp_close(couple.world.hosts[1], couple.ends[1]), 0);
    world_run(&couple.world, WORLD_SECOND);
    for (unsigned i = 0; i < 2; i++) {
        struct tcp *tcp = &couple.world.hosts[i]->tcp;
        assert_int_equal(tcp->time_wait.count, 1);
        tcp->time_wait.entries[tcp->time_wait.first - 1].rcv_nxt += 0x20000000;
    }
    uint32_t before = world_sent(&couple.world, 0) + world_sent(&couple.world, 1);
    struct segment segment = {
        .source_port = 7, .destination_port = key.local_port, .flags = SEGMENT_ACK};
    world_inject_segment(&couple.world, 0, &segment);
    world_run(&couple.world, 10 * WORLD_SECOND);
    assert_in_range(world_sent(&couple.world, 0) + world_sent(&couple.world, 1) - before, 1, 50);
    world_run(&couple.world, 70 * WORLD_SECOND);
    assert_int_equal(couple.world.hosts[0]->tcp.time_wait.count, 0);
    world_free(&couple.world);
}

/* Two listeners that were each told that the other one opens. */
static void row_27_two_forged_syns_do_not_set_listeners_on_each_other(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = WORLD_MILLISECOND};
    struct world world;
    chaski_tcp ends[2];
    world_make(&world, &options);
    world_run(&world, 20 * WORLD_SECOND);
    for (uint32_t i = 0; i < 2; i++) {
        chaski_listener listener;
        struct chaski_tcp_bind bind = {
            .local.port = 7, .receive = ignore_events, .context = &ends[i]};
        assert_int_equal(chaski_tcp_bind(world.hosts[i], &bind, &listener), 0);
    }
    uint32_t before = world_sent(&world, 0) + world_sent(&world, 1);
    struct segment syn = {.source_port = 7, .destination_port = 7, .flags = SEGMENT_SYN};
    world_inject_segment(&world, 0, &syn);
    world_inject_segment(&world, 1, &syn);
    world_run(&world, 100 * WORLD_SECOND);
    /* Six SYN+ACKs from each, and one answer to each of those. */
    assert_in_range(world_sent(&world, 0) + world_sent(&world, 1) - before, 4, 40);
    assert_int_equal(world.hosts[0]->tcp.half_open.count, 0);
    assert_int_equal(world.hosts[1]->tcp.half_open.count, 0);
    world_free(&world);
}

/* ---- 28: PAWS ---- */

static void set_timestamp(uint8_t *options, uint32_t value)
{
    options[0] = options[1] = 1;
    options[2] = 8;
    options[3] = 10;
    store_be32(options + 4, value);
}

/* A segment of the connection's with a timestamp. */
static void say_at(struct peer *peer, uint32_t timestamp, uint8_t flags, uint32_t offset,
                   uint32_t length)
{
    uint8_t options[12] = {0};
    set_timestamp(options, timestamp);
    struct segment segment = peer_segment(peer, flags);
    segment.sequence += offset;
    segment.options = options;
    segment.options_length = sizeof options;
    segment.payload_length = length;
    peer_injects(peer, &segment);
}

/* Open with timestamps, the latest one 1000. */
static void open_with_timestamps(struct peer *peer)
{
    peer_make(peer, NULL);
    peer->syn_options = with_timestamp;
    peer->syn_options_length = sizeof with_timestamp;
    peer_host_listens(peer);
    struct segment syn = peer_segment(peer, SEGMENT_SYN);
    syn.options = with_timestamp;
    syn.options_length = sizeof with_timestamp;
    peer_injects(peer, &syn);
    peer->next++;
    peer->expected = peer_expects(peer, SEGMENT_SYN | SEGMENT_ACK).sequence + 1;
    say_at(peer, 1000, SEGMENT_ACK, 0, 0);
    assert_true(peer->events & CHASKI_CONNECTED);
    assert_int_equal(peer_info(peer).tcpi_options & 1, 1);
}

static uint32_t echo_of(const struct segment *segment)
{
    uint8_t length;
    const uint8_t *option = segment_option(segment, 8, &length);
    assert_non_null(option);
    return load_be32(option + 4);
}

/* RFC 7323 MUST-13 */
static void row_28_old_timestamp_is_dropped_and_answered(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    static const uint32_t old[] = {999, 0, 1000u - 0x7fffffff};
    for (size_t i = 0; i < 3; i++) {
        say_at(&peer, old[i], SEGMENT_ACK, 0, 10);
        struct segment ack = peer_expects(&peer, SEGMENT_ACK);
        assert_int_equal(ack.acknowledgment, peer.next);
        assert_int_equal(echo_of(&ack), 1000);
        assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    }
    say_at(&peer, 1000, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), 10);
    peer_free(&peer);
}

/* RFC 7323 MUST-10, MUST-14 */
static void row_28_resets_are_exempt(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    say_at(&peer, 1, SEGMENT_RST, 0, 0);
    assert_int_equal(chaski_tcp_error(peer.host, peer.connection), CHASKI_RESET);
    peer_free(&peer);
}

/* RFC 7323 MUST-9 */
static void row_28_segment_without_timestamp_is_dropped_silently(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    struct cost before = cost_now(&peer);
    struct segment segment = peer_segment(&peer, SEGMENT_ACK);
    segment.payload_length = 10;
    peer_injects(&peer, &segment);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_free(&peer);
}

/* RFC 7323, 4.3: what is beyond the last acknowledgement sent, as forged text in the window would
 * be, does not move TS.Recent; else one such segment would shut out all that follow. */
/* RFC 7323 MUST-12 */
static void row_28_recent_timestamp_moves_only_up_to_the_last_acknowledgement(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    say_at(&peer, 0x70000000, SEGMENT_ACK, 5000, 10); /* behind a gap */
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(echo_of(&ack), 1000);
    say_at(&peer, 1001, SEGMENT_ACK, 0, 10);
    ack = peer_expects(&peer, SEGMENT_ACK);
    assert_int_equal(echo_of(&ack), 1001);
    assert_int_equal(peer_host_reads(&peer, 100), 10);
    peer_free(&peer);
}

/* A timestamp that is not outdated by more than its clock can say stays one for 24 days. */
/* RFC 7323 MUST-17 */
static void row_28_recent_timestamp_expires_after_24_days(void **state)
{
    (void)state;
    struct peer peer;
    open_with_timestamps(&peer);
    peer_runs(&peer, UINT64_C(23) * 86400 * WORLD_SECOND);
    say_at(&peer, 999, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_runs(&peer, UINT64_C(2) * 86400 * WORLD_SECOND);
    peer_hears_all(&peer);
    say_at(&peer, 999, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), 10);
    peer.next += 10;
    say_at(&peer, 999, SEGMENT_ACK, 1000,
           10); /* another takes its place: it is echoed, and holds */
    struct segment ack = peer_expects(&peer, SEGMENT_ACK);
    while (peer_hears(&peer, &ack))
        ;
    assert_int_equal(echo_of(&ack), 999);
    say_at(&peer, 998, SEGMENT_ACK, 0, 10);
    assert_int_equal(peer_host_reads(&peer, 10), CHASKI_AGAIN);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_18_reset_that_is_next_resets),
        cmocka_unit_test(row_18_reset_elsewhere_in_the_window_is_challenged),
        cmocka_unit_test(row_18_reset_outside_of_the_window_is_dropped),
        cmocka_unit_test(row_18_guessing_resets_costs_little),
        cmocka_unit_test(row_18_reset_of_a_half_open_connection),
        cmocka_unit_test(row_19_syn_in_a_connection_is_challenged),
        cmocka_unit_test(row_20_acknowledgement_far_from_the_flight),
        cmocka_unit_test(row_20_text_with_such_an_acknowledgement_is_dropped),
        cmocka_unit_test(row_21_challenges_on_one_connection_say_nothing_about_another),
        cmocka_unit_test(row_26_reset_in_time_wait_changes_nothing),
        cmocka_unit_test(row_26_only_the_peers_fin_is_waited_for_anew),
        cmocka_unit_test(row_26_syn_ends_time_wait_for_a_listener_only),
        cmocka_unit_test(row_27_desynchronised_ends_fall_silent),
        cmocka_unit_test(row_27_desynchronised_time_waits_fall_silent),
        cmocka_unit_test(row_27_two_forged_syns_do_not_set_listeners_on_each_other),
        cmocka_unit_test(row_28_old_timestamp_is_dropped_and_answered),
        cmocka_unit_test(row_28_resets_are_exempt),
        cmocka_unit_test(row_28_segment_without_timestamp_is_dropped_silently),
        cmocka_unit_test(row_28_recent_timestamp_moves_only_up_to_the_last_acknowledgement),
        cmocka_unit_test(row_28_recent_timestamp_expires_after_24_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
