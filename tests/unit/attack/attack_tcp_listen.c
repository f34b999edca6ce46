/* SPDX-License-Identifier: BSD-2-Clause */
/* Floods of those who open: rows 29 and 30 of docs/attacks.md, and what listeners must stand. */
#include "tests/unit/attack/attack_tcp_callers.h"

/* ---- 29: SYN floods and cookies ---- */

/* RFC 4987 SHLD-1, SHLD-3 */
static void row_29_syn_flood_costs_constant_memory(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    struct cost before = cost_now(&peer);
    flood(&peer, 10000, 10 * small_limits.half_open);
    struct cost after = cost_now(&peer);
    assert_int_equal(after.half_open, small_limits.half_open);
    assert_int_equal(after.packets, before.packets);
    assert_int_equal(after.connections, 0);
    assert_int_equal(after.frames - before.frames, 10 * small_limits.half_open); /* one each */
    assert_int_equal(counted(&peer, CHASKI_TCP_COOKIES_SENT), 9 * small_limits.half_open);
    struct caller caller = call(&peer, 9999, everything, sizeof everything);
    assert_int_equal(cost_now(&peer).connections, 1);
    assert_int_equal(counted(&peer, CHASKI_TCP_COOKIES_ACCEPTED), 1);
    struct segment text = say_as(&peer, &caller, SEGMENT_ACK);
    text.payload_length = 100;
    inject_as(&peer, &caller, &text);
    assert_int_equal(peer_host_reads(&peer, 200), 100);
    /* Nobody else ever answers: all is given back. */
    peer_runs(&peer, 100 * WORLD_SECOND);
    assert_int_equal(cost_now(&peer).half_open, 0);
    peer_free(&peer);
}

/* While entries last: SYN+ACK after 1, 2, 4, 8 and 16 s again, and no more. */
/* RFC 4987 SHLD-2 */
static void row_29_half_open_entries_retransmit_a_bounded_number_of_times(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    struct cost before = cost_now(&peer);
    flood(&peer, 10000, 10);
    peer_runs(&peer, 32 * WORLD_SECOND);
    assert_int_equal(frames_since(&peer, &before), 10 * 6);
    assert_int_equal(cost_now(&peer).half_open, 10);
    peer_runs(&peer, 1000 * WORLD_SECOND);
    assert_int_equal(frames_since(&peer, &before), 10 * 6);
    assert_int_equal(cost_now(&peer).half_open, 0);
    assert_int_equal(counted(&peer, CHASKI_TCP_HALF_OPEN_EXPIRED), 10);
    peer_free(&peer);
}

static void fill_half_open(struct peer *peer)
{
    make_small(peer);
    peer_host_listens(peer);
    flood(peer, 10000, small_limits.half_open);
    assert_int_equal(cost_now(peer).half_open, small_limits.half_open);
}

/* The table is full, and one more is answered with a cookie. */
static struct caller hear_cookie(struct peer *peer)
{
    struct caller caller = {.port = 9999, .sequence = 1};
    fill_half_open(peer);
    say_syn(peer, &caller, everything, sizeof everything);
    hear_synack(peer, &caller);
    return caller;
}

static void assert_refused(struct peer *peer, const struct caller *caller)
{
    struct cost before = cost_now(peer);
    say_ack(peer, caller);
    struct cost after = cost_now(peer);
    assert_int_equal(after.connections, before.connections);
    assert_int_equal(after.packets, before.packets);
    assert_int_equal(after.frames, before.frames + 1);
    assert_int_equal(world_last_segment(&peer->world, 0, 0).flags, SEGMENT_RST);
}

/* RFC 4987 SHLD-3 */
static void row_29_forged_cookies_are_refused(void **state)
{
    (void)state;
    struct peer peer;
    struct caller genuine = hear_cookie(&peer);
    for (uint32_t bit = 0; bit < 32; bit++) {
        struct caller forged = genuine;
        forged.acknowledgment = (forged.acknowledgment - 1) ^ 1u << bit;
        forged.acknowledgment++;
        assert_refused(&peer, &forged);
    }
    struct caller other_port = genuine, other_sequence = genuine;
    other_port.port = 9990;
    other_sequence.sequence++;
    assert_refused(&peer, &other_port);
    assert_refused(&peer, &other_sequence);
    assert_int_equal(counted(&peer, CHASKI_TCP_COOKIES_REFUSED), 34);
    for (uint32_t i = 0; i < 10000; i++) {
        struct caller guess = {.port = 9998, .sequence = i, .acknowledgment = i * 2654435761u};
        say_ack(&peer, &guess);
    }
    assert_int_equal(cost_now(&peer).connections, 0);
    say_ack(&peer, &genuine);
    assert_int_equal(cost_now(&peer).connections, 1);
    peer_free(&peer);
}

static void row_29_cookies_are_not_looked_for_when_none_was_sent(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    struct caller caller = {.port = 9999, .sequence = 1, .acknowledgment = 2};
    assert_refused(&peer, &caller);
    assert_int_equal(counted(&peer, CHASKI_TCP_COOKIES_REFUSED), 0);
    peer_free(&peer);
}

/* Text, or a FIN, before the segment that brings the cookie: nothing, so that it is sent again. */
static void row_29_text_that_overtakes_its_cookie_is_awaited(void **state)
{
    (void)state;
    struct peer peer;
    struct caller caller = hear_cookie(&peer);
    struct segment text = say_as(&peer, &caller, SEGMENT_ACK);
    text.sequence += 1000;
    text.payload_length = 500;
    struct segment fin = say_as(&peer, &caller, SEGMENT_ACK | SEGMENT_FIN);
    fin.sequence += 1500;
    struct cost before = cost_now(&peer);
    inject_as(&peer, &caller, &text);
    inject_as(&peer, &caller, &fin);
    assert_int_equal(frames_since(&peer, &before), 0);
    assert_int_equal(cost_now(&peer).packets, before.packets);
    say_ack(&peer, &caller);
    assert_int_equal(cost_now(&peer).connections, 1);
    peer_free(&peer);
}

/* Text of eight callers from each place of their first window, with a timestamp of `later`, and
 * `ratio` times as much acknowledged. */
static void text_opens_none(struct peer *peer, uint32_t later, uint32_t ratio)
{
    for (uint16_t port = 9990; port < 9998; port++) {
        struct caller caller = {.port = port, .sequence = port * 2654435761u};
        say_syn(peer, &caller, everything, sizeof everything);
        hear_synack(peer, &caller);
        caller.echo += later;
        struct segment text = say_as(peer, &caller, SEGMENT_ACK);
        text.payload_length = 1;
        for (uint32_t offset = 1; offset <= UINT16_MAX; offset++) {
            text.sequence++;
            text.acknowledgment += ratio;
            inject_as(peer, &caller, &text);
        }
        assert_int_equal(cost_now(peer).connections, 0);
    }
}

/* The sequence number of text that overtook the first segment is never taken for that one's: the
 * stream would begin in its middle. Not even once in as many places as there are. */
static void row_29_no_later_text_passes_for_the_beginning(void **state)
{
    (void)state;
    struct peer peer;
    fill_half_open(&peer);
    text_opens_none(&peer, 0, 0);
    peer_free(&peer);
}

/* Nor does what follows on a connection that came by a cookie and is gone: by chance it does, and
 * not when so much has gone one way and so much the other. */
static void row_29_text_of_a_gone_connection_opens_none(void **state)
{
    (void)state;
    struct peer peer;
    struct caller caller = hear_cookie(&peer);
    for (uint32_t ratio = 1; ratio <= 64; ratio *= 2) {
        for (uint32_t offset = 1; offset <= 1000; offset++) {
            struct segment text = say_as(&peer, &caller, SEGMENT_ACK);
            text.payload_length = 1;
            text.sequence += offset;
            text.acknowledgment += offset * ratio;
            inject_as(&peer, &caller, &text);
        }
    }
    assert_int_equal(cost_now(&peer).connections, 0);
    peer_free(&peer);
}

/* Not even by chance, where timestamps tell that it is not the beginning. */
static void row_29_text_with_a_later_timestamp_opens_none(void **state)
{
    (void)state;
    struct peer peer;
    fill_half_open(&peer);
    text_opens_none(&peer, 100, 3);
    peer_free(&peer);
}

/* After a restart under a flood: who still sends to a connection that is gone hears so (RFC 9293,
 * 3.10.7.2), be it text or a FIN. One in two thousand is taken for text that overtook its cookie,
 * and not answered. */
static void row_29_text_for_a_connection_that_is_gone_is_reset(void **state)
{
    (void)state;
    struct peer peer;
    hear_cookie(&peer);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 1000; i++) {
        struct caller gone = {.port = (uint16_t)(20000 + i), .sequence = i * 2654435761u};
        gone.acknowledgment = i * 40503u << 16 | i;
        struct segment text = say_as(&peer, &gone, SEGMENT_ACK | (i % 2 ? SEGMENT_FIN : 0));
        text.payload_length = i % 2 ? 0 : 100;
        inject_as(&peer, &gone, &text);
    }
    assert_in_range(frames_since(&peer, &before), 990, 1000);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_RST);
    assert_int_equal(cost_now(&peer).packets, before.packets);
    peer_free(&peer);
}

/* RFC 4987 SHLD-5 */
static void row_29_cookies_age(void **state)
{
    (void)state;
    static const uint32_t ages[] = {1, 30, 68, 138, 1000};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        struct peer peer;
        struct caller caller = hear_cookie(&peer);
        world_run(&peer.world, ages[i] * WORLD_SECOND);
        world_introduce(&peer.world, 0);
        if (ages[i] < 69) {
            say_ack(&peer, &caller);
            assert_int_equal(cost_now(&peer).connections, 1);
        } else {
            assert_refused(&peer, &caller);
        }
        peer_free(&peer);
    }
}

/* A SYN that came twice was answered with a cookie, and, when there was an entry again, by that:
 * the peer took the first answer. */
static void row_29_cookie_and_entry_for_the_same_syn(void **state)
{
    (void)state;
    struct peer peer;
    struct caller first = hear_cookie(&peer), forged;
    struct caller second = {.port = 9999, .sequence = 1};
    struct segment reset = stray(&peer, 10000, SEGMENT_RST);
    reset.sequence = 1;
    peer_injects(&peer, &reset);
    assert_int_equal(cost_now(&peer).half_open, small_limits.half_open - 1);
    say_syn(&peer, &second, everything, sizeof everything);
    hear_synack(&peer, &second);
    assert_int_equal(cost_now(&peer).half_open, small_limits.half_open);
    assert_int_not_equal(first.acknowledgment, second.acknowledgment);
    forged = first;
    forged.acknowledgment ^= 1;
    assert_refused(&peer, &forged);
    say_ack(&peer, &first);
    assert_int_equal(cost_now(&peer).connections, 1);
    assert_int_equal(cost_now(&peer).half_open, small_limits.half_open - 1);
    peer_free(&peer);
}

/* With timestamps a cookie keeps SACK and the window shift; without, segments still are right. */
/* RFC 4987 SHLD-4 */
static void row_29_cookies_keep_what_timestamps_can_carry(void **state)
{
    (void)state;
    struct peer peer;
    fill_half_open(&peer);
    call(&peer, 9999, everything, sizeof everything);
    struct chaski_tcp_info info = peer_info(&peer);
    assert_int_equal(info.tcpi_options, 7);
    assert_int_equal(info.tcpi_snd_wscale, 7);
    assert_int_equal(info.tcpi_snd_wnd, 65535 << 7);
    assert_int_equal(info.tcpi_snd_mss, PEER_MSS - 12);
    peer_free(&peer);

    fill_half_open(&peer);
    call(&peer, 9999, plain, sizeof plain);
    info = peer_info(&peer);
    assert_int_equal(info.tcpi_options, 0);
    assert_int_equal(info.tcpi_snd_wscale, 0);
    assert_int_equal(info.tcpi_snd_wnd, 65535);
    assert_int_equal(info.tcpi_snd_mss, PEER_MSS);
    peer_free(&peer);
}

static void row_29_cookies_without_timestamps_offer_nothing_that_they_cannot_keep(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff, 4, 2, 1, 3, 3, 7, 0, 0};
    struct peer peer;
    uint8_t length;
    fill_half_open(&peer);
    struct caller caller = {.port = 9999, .sequence = 1};
    say_syn(&peer, &caller, options, sizeof options);
    struct segment synack = world_last_segment(&peer.world, 0, 0);
    assert_null(segment_option(&synack, 3, &length));
    assert_null(segment_option(&synack, 4, &length));
    assert_null(segment_option(&synack, 8, &length));
    peer_free(&peer);
}

/* Whatever the cookie rounds to, it is not more than the peer can take. */
/* RFC 4987 SHLD-4 */
static void row_29_cookies_round_the_segment_size_down(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {64, 100, 535, 536, 1000, 1219, 1300, 1459, 1460, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint8_t options[] = {2, 4, (uint8_t)(sizes[i] >> 8), (uint8_t)sizes[i]};
        struct peer peer;
        fill_half_open(&peer);
        call(&peer, 9999, options, sizeof options);
        assert_in_range(peer_info(&peer).tcpi_snd_mss, 64, sizes[i]);
        peer_free(&peer);
    }
}

/* Timestamps that carry a cookie are never ahead of the clock, whatever they carry. */
static void row_29_cookie_timestamps_do_not_run_ahead(void **state)
{
    (void)state;
    struct peer peer;
    fill_half_open(&peer);
    struct caller caller = call(&peer, 9999, everything, sizeof everything);
    peer_host_writes(&peer, 10);
    struct segment text = world_last_segment(&peer.world, 0, 0);
    uint8_t length;
    const uint8_t *option = segment_option(&text, 8, &length);
    uint32_t later = load_be32(option);
    assert_in_range(later - caller.echo, 0, 64);
    peer_free(&peer);
}

/* ---- Filters ---- */

struct doorman {
    uint32_t asked;
    uint16_t wanted; /* the remote port that may come in; 0: none */
    chaski_listener listener;
    struct chaski *host;
    bool unbinds; /* while it is asked */
    chaski_tcp connection;
    unsigned events;
};

static bool ask(void *context, const struct chaski_endpoint *local,
                const struct chaski_endpoint *remote)
{
    struct doorman *doorman = context;
    assert_int_equal(local->port, PEER_HOST_PORT);
    doorman->asked++;
    if (doorman->unbinds)
        assert_int_equal(chaski_tcp_unbind(doorman->host, doorman->listener), 0);
    return remote->port == doorman->wanted;
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct doorman *doorman = context;
    (void)host;
    doorman->connection = connection;
    doorman->events |= events;
}

static void listen_with(struct peer *peer, struct doorman *doorman, uint32_t backlog, uint32_t most,
                        bool polled)
{
    struct chaski_tcp_bind bind = {
        .local.port = PEER_HOST_PORT,
        .backlog = backlog,
        .max_connections = most,
        .filter = doorman->wanted == UINT16_MAX ? NULL : ask,
        .receive = polled ? NULL : on_event,
        .context = doorman,
    };
    doorman->host = peer->host;
    assert_int_equal(chaski_tcp_bind(peer->host, &bind, &doorman->listener), 0);
}

static void row_29_flood_against_a_filter(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = 9999};
    make_small(&peer);
    listen_with(&peer, &doorman, 0, 0, false);
    struct cost before = cost_now(&peer);
    flood(&peer, 10000, 1000);
    /* Each is asked about once and refused by a reset; nothing is kept. */
    assert_int_equal(doorman.asked, 1000);
    assert_int_equal(frames_since(&peer, &before), 1000);
    assert_kept_nothing(&peer, &before);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_RST | SEGMENT_ACK);
    call(&peer, 9999, everything, sizeof everything);
    assert_true(doorman.events & CHASKI_CONNECTED);
    peer_free(&peer);
}

/* All in one turn: more SYNs than entries. Those beyond get cookies; with the cookie they are asked
 * about when they come back. */
static void row_29_flood_against_a_filter_in_one_turn(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = 9999};
    make_small(&peer);
    listen_with(&peer, &doorman, 0, 0, false);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 100; i++) {
        struct caller caller = {.port = (uint16_t)(10000 + i), .sequence = i};
        struct segment syn = say_as(&peer, &caller, SEGMENT_SYN);
        peer_queues(&peer, &syn);
    }
    assert_int_equal(cost_now(&peer).half_open, small_limits.half_open);
    struct caller wanted = {.port = 9999, .sequence = 1};
    struct segment syn = say_as(&peer, &wanted, SEGMENT_SYN);
    peer_queues(&peer, &syn);
    wanted.sequence++;
    world_settle(&peer.world);
    assert_int_equal(doorman.asked, small_limits.half_open);
    assert_int_equal(frames_since(&peer, &before), 101);
    assert_kept_nothing(&peer, &before);
    struct caller unwanted = {.port = 10099, .sequence = 100};
    for (uint32_t i = 0; i < 101; i++) {
        struct segment synack = world_last_segment(&peer.world, 0, i);
        if (synack.destination_port == wanted.port)
            wanted.acknowledgment = synack.sequence + 1;
        if (synack.destination_port == unwanted.port)
            unwanted.acknowledgment = synack.sequence + 1;
    }
    say_ack(&peer, &unwanted);
    assert_int_equal(doorman.asked, small_limits.half_open + 1);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags & SEGMENT_RST, SEGMENT_RST);
    assert_kept_nothing(&peer, &before);
    assert_int_equal(doorman.events, 0);
    say_ack(&peer, &wanted);
    assert_true(doorman.events & CHASKI_CONNECTED);
    peer_free(&peer);
}

static void filter_that_unbinds(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = 9999, .unbinds = true};
    make_small(&peer);
    listen_with(&peer, &doorman, 0, 0, false);
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 5; i++) {
        struct caller caller = {.port = (uint16_t)(9998 + i), .sequence = i};
        struct segment syn = say_as(&peer, &caller, SEGMENT_SYN);
        peer_queues(&peer, &syn);
    }
    world_settle(&peer.world);
    assert_int_equal(doorman.asked, 1);
    assert_kept_nothing(&peer, &before);
    peer_free(&peer);
}

/* A cookie came back; before the filter is asked, the listener goes, and another one comes that has
 * none: the connection is nobody's. */
static void cookie_whose_listener_is_gone(void **state)
{
    (void)state;
    for (unsigned rebinds = 0; rebinds < 2; rebinds++) {
        struct peer peer;
        struct doorman doorman = {.wanted = 9999}, second = {.wanted = UINT16_MAX};
        make_small(&peer);
        listen_with(&peer, &doorman, 0, 0, false);
        struct caller caller = {.port = 9999, .sequence = 1};
        for (uint32_t i = 0; i < small_limits.half_open; i++) {
            struct caller other = {.port = (uint16_t)(10000 + i), .sequence = i};
            struct segment syn = say_as(&peer, &other, SEGMENT_SYN);
            peer_queues(&peer, &syn);
        }
        struct segment syn = say_as(&peer, &caller, SEGMENT_SYN);
        peer_queues(&peer, &syn);
        caller.sequence++;
        world_settle(&peer.world);
        for (uint32_t i = 0; i <= small_limits.half_open; i++) {
            struct segment synack = world_last_segment(&peer.world, 0, i);
            if (synack.destination_port == caller.port)
                caller.acknowledgment = synack.sequence + 1;
        }
        uint32_t asked = doorman.asked;
        struct segment ack = say_as(&peer, &caller, SEGMENT_ACK);
        peer_queues(&peer, &ack);
        assert_int_equal(cost_now(&peer).connections, 1);
        assert_int_equal(chaski_tcp_unbind(peer.host, doorman.listener), 0);
        if (rebinds)
            listen_with(&peer, &second, 0, 0, false);
        world_settle(&peer.world);
        assert_int_equal(doorman.asked, asked);
        assert_int_equal(doorman.events, 0);
        assert_int_equal(second.events, 0);
        assert_int_equal(cost_now(&peer).connections, 0);
        peer_free(&peer);
    }
}

/* A connection that came by a cookie is not handed out before the filter has been asked. */
static void cookie_is_not_accepted_before_the_filter(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = 0};
    chaski_tcp accepted;
    make_small(&peer);
    listen_with(&peer, &doorman, 0, 0, true);
    for (uint32_t i = 0; i <= small_limits.half_open; i++) {
        struct caller other = {.port = (uint16_t)(10000 + i), .sequence = i};
        struct segment syn = say_as(&peer, &other, SEGMENT_SYN);
        peer_queues(&peer, &syn);
    }
    world_settle(&peer.world);
    struct caller caller = {.port = (uint16_t)(10000 + small_limits.half_open),
                            .sequence = small_limits.half_open + 1};
    for (uint32_t i = 0; i <= small_limits.half_open; i++) {
        struct segment synack = world_last_segment(&peer.world, 0, i);
        if (synack.destination_port == caller.port)
            caller.acknowledgment = synack.sequence + 1;
    }
    struct segment ack = say_as(&peer, &caller, SEGMENT_ACK);
    peer_queues(&peer, &ack);
    assert_int_equal(cost_now(&peer).connections, 1);
    assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted), CHASKI_AGAIN);
    world_settle(&peer.world);
    assert_int_equal(cost_now(&peer).connections, 0);
    assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted), CHASKI_AGAIN);
    peer_free(&peer);
}

/* ---- Backlog, limits, unbinding ---- */

static void backlog_and_limit_are_kept(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = UINT16_MAX};
    chaski_tcp accepted[8];
    make_small(&peer);
    listen_with(&peer, &doorman, 3, 5, true);
    for (uint16_t i = 0; i < 3; i++)
        call(&peer, (uint16_t)(9000 + i), plain, sizeof plain);
    struct cost before = cost_now(&peer);
    flood(&peer, 9500, 10);
    assert_cost_nothing(&peer, &before); /* the SYNs wait for better times at their senders */
    for (int i = 0; i < 2; i++)
        assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted[i]), 0);
    for (uint16_t i = 0; i < 2; i++)
        call(&peer, (uint16_t)(9100 + i), plain, sizeof plain);
    assert_int_equal(cost_now(&peer).connections, 5);
    for (int i = 2; i < 5; i++)
        assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted[i]), 0);
    before = cost_now(&peer);
    flood(&peer, 9600, 10);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(chaski_tcp_abort(peer.host, accepted[0]), 0);
    world_settle(&peer.world);
    call(&peer, 9700, plain, sizeof plain);
    assert_int_equal(cost_now(&peer).connections, 5);
    for (int i = 1; i < 5; i++)
        assert_int_equal(chaski_tcp_abort(peer.host, accepted[i]), 0);
    assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted[0]), 0);
    peer.connection = accepted[0];
    peer_free(&peer);
}

/* More handshakes complete at once than there is room for: those beyond are as if their last
 * acknowledgement had been lost, and get in when there is room. */
static void handshakes_that_complete_beyond_the_limit(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = UINT16_MAX};
    struct caller callers[3];
    chaski_tcp accepted;
    make_small(&peer);
    listen_with(&peer, &doorman, 2, 0, true);
    for (uint16_t i = 0; i < 3; i++) {
        callers[i] = (struct caller){.port = (uint16_t)(9000 + i), .sequence = i};
        say_syn(&peer, &callers[i], plain, sizeof plain);
        hear_synack(&peer, &callers[i]);
        if (i == 0)
            say_ack(&peer, &callers[i]);
    }
    for (uint16_t i = 1; i < 3; i++)
        say_ack(&peer, &callers[i]);
    assert_int_equal(cost_now(&peer).connections, 2);
    assert_int_equal(cost_now(&peer).half_open, 1);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(chaski_tcp_accept(peer.host, doorman.listener, &accepted), 0);
        assert_int_equal(chaski_tcp_abort(peer.host, accepted), 0);
    }
    say_ack(&peer, &callers[2]);
    assert_int_equal(cost_now(&peer).connections, 1);
    assert_int_equal(cost_now(&peer).half_open, 0);
    assert_int_equal(chaski_tcp_unbind(peer.host, doorman.listener), 0);
    peer_free(&peer);
}

static void unbinding_forgets_half_open_entries(void **state)
{
    (void)state;
    struct peer peer;
    make_small(&peer);
    peer_host_listens(&peer);
    struct caller caller = {.port = 9000, .sequence = 1};
    say_syn(&peer, &caller, plain, sizeof plain);
    hear_synack(&peer, &caller);
    flood(&peer, 10000, 5);
    peer_runs(&peer, 4 * WORLD_SECOND); /* entries stand in several rounds */
    flood(&peer, 10100, 5);
    assert_int_equal(chaski_tcp_unbind(peer.host, peer.listener), 0);
    assert_int_equal(cost_now(&peer).half_open, 0);
    struct cost before = cost_now(&peer);
    peer_runs(&peer, 100 * WORLD_SECOND);
    assert_cost_nothing(&peer, &before);
    say_ack(&peer, &caller);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_RST);
    peer_free(&peer);
}

/* Two listeners on one port: what opens with the one stays when the other one goes. */
static void unbinding_leaves_the_entries_of_others(void **state)
{
    (void)state;
    for (unsigned any_goes = 0; any_goes < 2; any_goes++) {
        struct peer peer;
        struct doorman exact = {.wanted = UINT16_MAX};
        make_small(&peer);
        struct chaski_tcp_bind bind = {
            .local = world_endpoint(0, PEER_HOST_PORT), .receive = on_event, .context = &exact};
        assert_int_equal(chaski_tcp_bind(peer.host, &bind, &exact.listener), 0);
        peer_host_listens(&peer); /* any address */
        flood(&peer, 10000, 5);
        chaski_listener gone = any_goes ? peer.listener : exact.listener;
        assert_int_equal(chaski_tcp_unbind(peer.host, gone), 0);
        assert_int_equal(cost_now(&peer).half_open, any_goes ? 5 : 0);
        peer_free(&peer);
    }
}

/* A listener with a filter comes up beside one for any address without: who had begun to open
 * there does not slip in past the filter. */
static void binding_takes_over_nobody(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = 0};
    make_small(&peer);
    peer_host_listens(&peer);
    struct caller caller = {.port = 9000, .sequence = 1};
    say_syn(&peer, &caller, plain, sizeof plain);
    hear_synack(&peer, &caller);
    struct chaski_tcp_bind bind = {.local = world_endpoint(0, PEER_HOST_PORT),
                                   .filter = ask,
                                   .receive = on_event,
                                   .context = &doorman};
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &doorman.listener), 0);
    say_ack(&peer, &caller);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).flags, SEGMENT_RST);
    assert_int_equal(doorman.events, 0);
    assert_int_equal(cost_now(&peer).connections, 0);
    peer_free(&peer);
}

static void unbinding_resets_who_waits_and_lives(void **state)
{
    (void)state;
    struct peer peer;
    struct doorman doorman = {.wanted = UINT16_MAX};
    make_small(&peer);
    listen_with(&peer, &doorman, 0, 0, true);
    struct caller alive = call(&peer, 9000, plain, sizeof plain);
    struct caller dead = call(&peer, 9001, plain, sizeof plain);
    struct segment reset = say_as(&peer, &dead, SEGMENT_RST);
    peer_injects(&peer, &reset);
    assert_int_equal(cost_now(&peer).connections, 2);
    struct cost before = cost_now(&peer);
    assert_int_equal(chaski_tcp_unbind(peer.host, doorman.listener), 0);
    world_settle(&peer.world);
    assert_int_equal(cost_now(&peer).connections, 0);
    /* A reset is not answered, not even late. */
    assert_int_equal(frames_since(&peer, &before), 1);
    assert_int_equal(world_last_segment(&peer.world, 0, 0).destination_port, alive.port);
    peer_free(&peer);
}

/* ---- 30: more connections than there is room for ---- */

static void row_30_connections_past_the_limit(void **state)
{
    (void)state;
    enum { MOST = 20000, MORE = 2000 };
    struct chaski_limits limits = small_limits;
    limits.connections = MOST;
    struct world_options options = {.limits = &limits};
    struct peer peer;
    peer_make(&peer, &options);
    peer_host_listens(&peer);
    struct caller first = call(&peer, 1000, plain, sizeof plain);
    chaski_tcp connection = peer.connection;
    for (uint32_t i = 1; i < MOST; i++) {
        call(&peer, (uint16_t)(1000 + i), plain, sizeof plain);
        if (i % 1000 == 0)
            forget(&peer);
    }
    struct cost before = cost_now(&peer);
    assert_int_equal(before.connections, MOST);
    flood(&peer, 1000 + MOST, MORE);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(counted(&peer, CHASKI_DROP_TCP_LISTENER_FULL), MORE);
    /* The first one works on. */
    struct segment text = say_as(&peer, &first, SEGMENT_ACK);
    text.payload_length = 100;
    peer_injects(&peer, &text);
    peer.connection = connection;
    assert_int_equal(peer_host_reads(&peer, 200), 100);
    /* An end makes room for one. */
    struct caller second = {.port = 1001, .sequence = 6002};
    struct segment reset = say_as(&peer, &second, SEGMENT_RST);
    peer_injects(&peer, &reset);
    assert_int_equal(chaski_tcp_close(peer.host, peer.connection), 0);
    call(&peer, 60000, plain, sizeof plain);
    assert_int_equal(cost_now(&peer).connections, MOST);
    world_free(&peer.world);
}

static void row_30_connecting_past_the_limit(void **state)
{
    (void)state;
    struct peer peer;
    chaski_tcp connection;
    make_small(&peer);
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 80)};
    for (uint32_t i = 0; i < small_limits.connections; i++)
        assert_int_equal(chaski_tcp_connect(peer.host, &connect, &connection), 0);
    chaski_tcp another;
    struct cost before = cost_now(&peer);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(chaski_tcp_connect(peer.host, &connect, &another), CHASKI_NO_MEMORY);
    assert_cost_nothing(&peer, &before);
    assert_int_equal(chaski_tcp_abort(peer.host, connection), 0);
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &another), 0);
    world_free(&peer.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_29_syn_flood_costs_constant_memory),
        cmocka_unit_test(row_29_half_open_entries_retransmit_a_bounded_number_of_times),
        cmocka_unit_test(row_29_forged_cookies_are_refused),
        cmocka_unit_test(row_29_text_that_overtakes_its_cookie_is_awaited),
        cmocka_unit_test(row_29_no_later_text_passes_for_the_beginning),
        cmocka_unit_test(row_29_text_of_a_gone_connection_opens_none),
        cmocka_unit_test(row_29_text_with_a_later_timestamp_opens_none),
        cmocka_unit_test(row_29_text_for_a_connection_that_is_gone_is_reset),
        cmocka_unit_test(row_29_cookies_are_not_looked_for_when_none_was_sent),
        cmocka_unit_test(row_29_cookies_age),
        cmocka_unit_test(row_29_cookie_and_entry_for_the_same_syn),
        cmocka_unit_test(row_29_cookies_keep_what_timestamps_can_carry),
        cmocka_unit_test(row_29_cookies_without_timestamps_offer_nothing_that_they_cannot_keep),
        cmocka_unit_test(row_29_cookies_round_the_segment_size_down),
        cmocka_unit_test(row_29_cookie_timestamps_do_not_run_ahead),
        cmocka_unit_test(row_29_flood_against_a_filter),
        cmocka_unit_test(row_29_flood_against_a_filter_in_one_turn),
        cmocka_unit_test(filter_that_unbinds),
        cmocka_unit_test(cookie_whose_listener_is_gone),
        cmocka_unit_test(cookie_is_not_accepted_before_the_filter),
        cmocka_unit_test(backlog_and_limit_are_kept),
        cmocka_unit_test(handshakes_that_complete_beyond_the_limit),
        cmocka_unit_test(unbinding_forgets_half_open_entries),
        cmocka_unit_test(unbinding_leaves_the_entries_of_others),
        cmocka_unit_test(binding_takes_over_nobody),
        cmocka_unit_test(unbinding_resets_who_waits_and_lives),
        cmocka_unit_test(row_30_connections_past_the_limit),
        cmocka_unit_test(row_30_connecting_past_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
