/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/ecn/ecn.h"

#include "core/tcp/congestion/congestion.h"

/* DCTCP (RFC 8257): the algorithm alone, and what goes over the wire. */

enum { ONE = 1 << 20 };

/* ---- The algorithm ---- */

static const struct congestion_operations *const dctcp = &congestion_dctcp;

struct flow {
    struct congestion congestion;
    union congestion_state state;
    uint32_t una;
};

static void begin(struct flow *flow, uint32_t window)
{
    *flow = (struct flow){.congestion = {window * MSS, window * MSS}};
    dctcp->init(&flow->congestion, &flow->state, &(struct congestion_start){.mss = MSS});
}

/* A window of a hundred segments is acknowledged, `marked` of them marked; nothing grows. */
static void pass_window(struct flow *flow, uint32_t marked)
{
    uint32_t end = flow->una + 100 * MSS;
    for (uint32_t i = 0; i < 100; i++) {
        flow->una += MSS;
        struct congestion_ack ack = {.delivered = MSS,
                                     .marked = i < marked ? MSS : 0,
                                     .mss = MSS,
                                     .una = flow->una,
                                     .nxt = end + (i + 1) * MSS};
        dctcp->acknowledged(&flow->congestion, &flow->state, &ack);
    }
}

static uint32_t threshold_after(struct flow *flow, enum congestion_cause cause)
{
    struct congestion_event event = {.cause = cause, .flight = flow->congestion.window, .mss = MSS};
    dctcp->reduce(&flow->congestion, &flow->state, &event);
    return flow->congestion.threshold / MSS;
}

/* RFC 8257 MUST-3, MUST-7, SHLD-2, SHLD-5 */
static void the_marked_share_is_averaged_over_windows(void **state)
{
    (void)state;
    static const uint32_t marked[] = {0, 10, 50, 100};
    for (unsigned i = 0; i < 4; i++) {
        struct flow flow;
        double alpha = 1;
        begin(&flow, 100);
        pass_window(&flow,
                    marked[i]); /* until the first window ends, what is counted is the rest */
        for (unsigned window = 0; window < 200; window++) {
            pass_window(&flow, marked[i]);
            alpha = flow.state.dctcp.alpha / (double)ONE;
        }
        assert_in_range((uint32_t)(alpha * 1000 + 0.5), marked[i] * 10 - (marked[i] > 1),
                        marked[i] * 10 + 1);
    }
    struct flow flow; /* a sixteenth of the way each window */
    begin(&flow, 100);
    pass_window(&flow, 0);
    uint32_t before = flow.state.dctcp.alpha;
    pass_window(&flow, 0);
    assert_int_equal(flow.state.dctcp.alpha, before - before / 16);
    for (unsigned i = 0; i < 300; i++)
        pass_window(&flow, 0);
    assert_int_equal(flow.state.dctcp.alpha, 0);
    pass_window(&flow, 100);
    pass_window(&flow, 0);
    assert_in_range(flow.state.dctcp.alpha, ONE / 16 - ONE / 100, ONE / 16);
}

/* What is in flight when DCTCP begins is a window like any other. */
/* RFC 8257 MUST-3 */
static void the_first_window_is_a_whole_one(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, 10);
    for (flow.una = MSS; flow.una <= 10 * MSS; flow.una += MSS) {
        assert_int_equal(flow.state.dctcp.alpha, ONE);
        struct congestion_ack ack = {
            .delivered = MSS, .mss = MSS, .una = flow.una, .nxt = 10 * MSS};
        dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
    }
    assert_int_equal(flow.state.dctcp.alpha, ONE - ONE / 16);
}

/* RFC 8257 SHLD-3 */
static void the_window_shrinks_by_half_of_that_share(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, 100);
    assert_int_equal(threshold_after(&flow, CONGESTION_MARK), 50); /* nothing is known */
    static const uint32_t marked[] = {0, 10, 50, 100}, expected[] = {100, 95, 75, 50};
    for (unsigned i = 0; i < 4; i++) {
        begin(&flow, 100);
        for (unsigned window = 0; window < 300; window++)
            pass_window(&flow, marked[i]);
        assert_in_range(threshold_after(&flow, CONGESTION_MARK), expected[i] - 1, expected[i]);
    }
    begin(&flow, 6);
    assert_int_equal(threshold_after(&flow, CONGESTION_MARK), 3);
    begin(&flow, 2);
    assert_int_equal(threshold_after(&flow, CONGESTION_MARK), 2);
}

/* RFC 8257 MUST-4 */
static void a_loss_halves_it(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, 100);
    for (unsigned window = 0; window < 300; window++)
        pass_window(&flow, 0);
    assert_int_equal(threshold_after(&flow, CONGESTION_LOSS), 50);
    assert_int_equal(threshold_after(&flow, CONGESTION_TIME_OUT), 50);
}

static void it_grows_as_reno_does(void **state)
{
    (void)state;
    struct flow flow;
    begin(&flow, 10);
    flow.congestion.threshold = 20 * MSS;
    struct congestion_ack ack = {.acknowledged = 10 * MSS, .delivered = 10 * MSS, .mss = MSS};
    dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
    assert_int_equal(flow.congestion.window, 20 * MSS);
    for (unsigned i = 0; i < 4; i++) {
        ack.acknowledged = 10 * MSS;
        dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
    }
    assert_int_equal(flow.congestion.window, 21 * MSS);
}

/* What was acknowledged before a mark, a loss or a pause has been counted for another window: the
 * new one grows when so much of its own has arrived. */
static void growth_begins_anew_with_each_window(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct flow flow;
        begin(&flow, 20);
        struct congestion_ack ack = {.acknowledged = 19 * MSS, .delivered = 19 * MSS, .mss = MSS};
        dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
        assert_int_equal(flow.congestion.window, 20 * MSS);
        if (i == 2)
            dctcp->restart(&flow.congestion, &flow.state);
        else
            threshold_after(&flow, i == 0 ? CONGESTION_MARK : CONGESTION_LOSS);
        flow.congestion.window = flow.congestion.threshold = 10 * MSS;
        ack.acknowledged = ack.delivered = 9 * MSS;
        dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
        assert_int_equal(flow.congestion.window, 10 * MSS);
        ack.acknowledged = ack.delivered = MSS;
        dctcp->acknowledged(&flow.congestion, &flow.state, &ack);
        assert_int_equal(flow.congestion.window, 11 * MSS);
    }
}

/* RFC 8257 MUST-6 */
static void nobody_uses_it_unasked(void **state)
{
    (void)state;
    assert_int_equal(tcp_default_knobs.congestion, CHASKI_CUBIC);
}

/* ---- On the wire ---- */

static struct peer peer;

static void make(const char *ecn)
{
    make_peer(&peer, ecn);
    set_knob(peer.host, "tcp_congestion_control", "dctcp");
}

static void is_opened(void)
{
    make("2");
    struct segment segment = begins(&peer);
    assert_int_equal(segment.flags, SYN | ECE | CWR);
    segment = is_answered_with(&peer, 1, 0);
    assert_int_equal(segment.flags, ACK);
    /* As if it had answered: acknowledgements wait. */
    chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_QUICKACK, 0);
}

static void ecn_is_asked_for_and_granted(void **state)
{
    (void)state;
    is_opened();
    peer_free(&peer);
    static const char *const knobs[] = {"0", "2"};
    for (unsigned i = 0; i < 2; i++) { /* even where tcp_ecn says no */
        make(knobs[i]);
        struct segment answer = answer_to(&peer, 3, 0);
        assert_int_equal(answer.flags, SYN | ACK | ECE);
        peer_free(&peer);
    }
}

/* As a socket does that chooses the algorithm after connect(), before the SYN has gone. */
static void ecn_is_asked_for_when_dctcp_is_chosen(void **state)
{
    (void)state;
    struct segment syn = {0};
    peer_make(&peer, NULL);
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, PEER_PORT)};
    assert_int_equal(chaski_tcp_connect(peer.host, &connect, &peer.connection), 0);
    peer_host_sets(&peer, CHASKI_TCP_CONGESTION, CHASKI_DCTCP);
    peer_settles(&peer);
    assert_true(peer_hears(&peer, &syn));
    assert_int_equal(syn.flags, SYN | ECE | CWR);
    peer_free(&peer);
}

/* Text of so many bytes comes with that ECN field; the host is not polled yet. */
static void queues(uint32_t length, uint8_t field, uint8_t flags)
{
    struct segment segment = peer_segment(&peer, (uint8_t)(ACK | flags));
    segment.payload_length = length;
    segment.traffic_class = field;
    peer.next += length;
    peer_queues(&peer, &segment);
}

/* RFC 8257 MUST-1, MUST-2 */
static void the_peer_is_told_exactly_what_was_marked(void **state)
{
    (void)state;
    struct segment ack;
    is_opened();
    uint32_t first = peer.next;
    chaski_tcp_set(peer.host, peer.connection, CHASKI_TCP_QUICKACK, 0); /* as if it answered */
    queues(100, ECT0, 0);
    peer_settles(&peer);
    peer_expects_nothing(&peer); /* delayed, as ever */
    queues(100, CE, 0);
    peer_settles(&peer);
    ack = peer_expects(&peer, ACK); /* first what was not marked, */
    assert_int_equal(ack.acknowledgment, first + 100);
    ack = peer_expects(&peer, ACK | ECE); /* then what was */
    assert_int_equal(ack.acknowledgment, first + 200);
    queues(100, CE, CWR); /* CWR changes nothing: the next one is marked as well */
    peer_settles(&peer);
    peer_waits(&peer, WORLD_SECOND); /* delayed */
    ack = peer_expects(&peer, ACK | ECE);
    assert_int_equal(ack.acknowledgment, first + 300);
    queues(100, ECT0, 0);
    peer_settles(&peer);
    ack = peer_expects(&peer, ACK);
    assert_int_equal(ack.acknowledgment, first + 400);
    peer_free(&peer);
}

/* The same when all of it comes in one turn. */
/* RFC 8257 MUST-1 */
static void a_turn_full_of_marks_is_told_exactly(void **state)
{
    (void)state;
    struct segment ack;
    uint32_t marked = 0, plain = 0, last;
    is_opened();
    last = peer.next;
    for (unsigned i = 0; i < 12; i++)
        queues(100, i % 4 == 1 || i % 4 == 2 ? CE : ECT0, 0);
    peer_settles(&peer);
    peer_runs(&peer, WORLD_SECOND); /* the last of them may be delayed */
    while (peer_hears(&peer, &ack)) {
        *(ack.flags & ECE ? &marked : &plain) += ack.acknowledgment - last;
        last = ack.acknowledgment;
    }
    assert_int_equal(marked, 600);
    assert_int_equal(plain, 600);
    peer_free(&peer);
}

/* RFC 8257 SHLD-1, SHLD-4 */
static void everything_but_the_syn_is_ect(void **state)
{
    (void)state;
    struct segment segment;
    is_opened();
    queues(2 * MSS, ECT0, 0);
    peer_settles(&peer);
    segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.traffic_class, ECT0);
    peer_host_writes(&peer, 100);
    segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.traffic_class, ECT0);
    peer_waits(&peer, 10 * WORLD_SECOND); /* again */
    segment = peer_expects(&peer, ACK);
    assert_int_equal(segment.payload_length, 100);
    assert_int_equal(segment.traffic_class, ECT0);
    peer_free(&peer);
}

/* A tenth of each window is marked: the window settles at little less, and CWR is said once. */
/* RFC 8257 SHLD-3 */
static void the_sender_reduces_once_a_window(void **state)
{
    (void)state;
    is_opened();
    peer_host_writes(&peer, 20 * MSS);
    assert_int_equal(peer_hears_all(&peer), 10 * MSS);
    uint32_t begun = peer.expected - 10 * MSS;
    struct segment ack = peer_segment(&peer, ACK | ECE), segment;
    for (uint32_t i = 1; i <= 10; i++) {
        ack.acknowledgment = begun + i * MSS;
        ack.flags = i <= 5 ? ACK | ECE : ACK;
        peer_injects(&peer, &ack);
    }
    struct chaski_tcp_info info = peer_info(&peer);
    assert_int_equal(info.tcpi_snd_ssthresh, 5); /* alpha is 1 at first; once only */
    assert_int_equal(info.tcpi_delivered_ce, 5);
    assert_int_equal(info.tcpi_total_retrans, 0);
    unsigned told = 0;
    while (peer_hears(&peer, &segment))
        told += (segment.flags & CWR) != 0;
    assert_int_equal(told, 1);
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_marked_share_is_averaged_over_windows),
        cmocka_unit_test(the_first_window_is_a_whole_one),
        cmocka_unit_test(the_window_shrinks_by_half_of_that_share),
        cmocka_unit_test(a_loss_halves_it),
        cmocka_unit_test(it_grows_as_reno_does),
        cmocka_unit_test(growth_begins_anew_with_each_window),
        cmocka_unit_test(nobody_uses_it_unasked),
        cmocka_unit_test(ecn_is_asked_for_and_granted),
        cmocka_unit_test(ecn_is_asked_for_when_dctcp_is_chosen),
        cmocka_unit_test(the_peer_is_told_exactly_what_was_marked),
        cmocka_unit_test(a_turn_full_of_marks_is_told_exactly),
        cmocka_unit_test(everything_but_the_syn_is_ect),
        cmocka_unit_test(the_sender_reduces_once_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
