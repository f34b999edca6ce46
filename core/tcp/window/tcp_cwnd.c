/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/window/tcp_cwnd.h"

#include "core/tcp/recovery/tcp_recovery.h"

/* The congestion window: what an acknowledgement does to it, in recovery and outside. */

static const struct congestion_operations *algorithm_of(const struct tcp_connection *c)
{
    return congestion_algorithm(c->algorithm);
}

/* What a scoreboard tells. A probe of the path's MTU is expected to be lost (RFC 4821, 7.6.2). */
static void note_loss(void *context, const struct tcp_sent *sent)
{
    struct tcp_connection *c = context;
    struct tcp_flight *flight = c->flight;
    const struct congestion_operations *algorithm = algorithm_of(c);
    if (flight->mtu.start != flight->mtu.end && sent->node.key == flight->mtu.start)
        return;
    flight->rate.lost += sent_length(sent);
    if (algorithm->lost == NULL)
        return;
    struct congestion_lost lost = {
        .now_ns = flight->rate.now_ns,
        .mark = &sent->mark,
        .begin = sent->node.key,
        .end = sent->end,
        .all_lost = flight->rate.lost,
        .all_delivered = flight->rate.delivered,
        .mss = effective_mss(c),
        .selective = has(c, TCPF_HAS_SACK),
    };
    algorithm->lost(&c->congestion, &flight->congestion, &lost);
}

static struct congestion_start start_of(const struct tcp *tcp, const struct tcp_connection *c)
{
    return (struct congestion_start){
        .now_ns = tcp->now_ns,
        .mss = effective_mss(c),
        .srtt_us = c->srtt_us8 / 8,
        .all_delivered = c->flight != NULL ? c->flight->rate.delivered : 0,
        .random = c->ts_offset,
    };
}

void window_begin(const struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_flight *flight = c->flight;
    struct congestion_start start = start_of(tcp, c);
    flight->scoreboard.on_lost = note_loss;
    flight->scoreboard.on_lost_context = c;
    algorithm_of(c)->init(&c->congestion, &flight->congestion, &start);
}

void window_report(const struct tcp *tcp, const struct tcp_connection *c,
                   struct congestion_report *report)
{
    const struct congestion_operations *algorithm = algorithm_of(c);
    struct congestion congestion = c->congestion;
    struct congestion_start start = start_of(tcp, c);
    union congestion_state begin;
    *report = (struct congestion_report){0};
    if (algorithm->report == NULL)
        return;
    if (c->flight == NULL)
        algorithm->init(&congestion, &begin, &start);
    algorithm->report(c->flight != NULL ? &c->flight->congestion : &begin, report);
}

void window_threshold(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                      enum congestion_cause cause)
{
    bool doubted = validation_holds_back(tcp, c) && cause != CONGESTION_TIME_OUT;
    if (cause == CONGESTION_TIME_OUT)
        validation_timed_out(c);
    else
        flight = validation_flight(tcp, c, flight, c->flight->rate.now_ns);
    struct congestion_event event = {
        .cause = cause,
        .flight = flight,
        .window = doubted ? minimum(flight, c->congestion.window) : c->congestion.window,
        .mss = effective_mss(c),
        .all_delivered = c->flight->rate.delivered,
    };
    ecn_reduced(c);
    algorithm_of(c)->reduce(&c->congestion, &c->flight->congestion, &event);
}

/* RFC 9937; RFC 6582 where something is lost and there is no SACK, so that duplicates alone tell
 * what has arrived. */
static bool reduces_in_proportion(const struct tcp_connection *c)
{
    bool known = has(c, TCPF_HAS_SACK) || c->recovery == TCP_CA_CWR;
    return known && !algorithm_of(c)->rules_window;
}

void window_reduce(const struct tcp *tcp, struct tcp_connection *c, const struct ack_before *before,
                   enum congestion_cause cause)
{
    window_threshold(tcp, c, before->flight, cause);
    c->flight->prr =
        (struct prr){.flight = maximum(before->flight - before->sacked, effective_mss(c))};
    window_reduction_meets_loss(c);
}

void window_reduction_meets_loss(struct tcp_connection *c)
{
    if (!reduces_in_proportion(c) && !algorithm_of(c)->rules_window)
        c->congestion.window = c->congestion.threshold;
}

void window_reduce_now(const struct tcp *tcp, struct tcp_connection *c, uint32_t flight)
{
    window_threshold(tcp, c, flight, CONGESTION_LOSS);
    if (algorithm_of(c)->rules_window)
        algorithm_of(c)->recovered(&c->congestion, &c->flight->congestion);
    else
        c->congestion.window = c->congestion.threshold;
}

void window_recovered(const struct tcp *tcp, struct tcp_connection *c)
{
    if (algorithm_of(c)->rules_window) {
        algorithm_of(c)->recovered(&c->congestion, &c->flight->congestion);
        return;
    }
    if (c->recovery == TCP_CA_LOSS) /* it has grown again by itself */
        return;
    validation_recovered(c);
    uint32_t threshold = c->congestion.threshold, most = threshold;
    if (reduces_in_proportion(c)) /* RFC 9937, 6.4 */
        pace_ease(tcp, c);
    else /* RFC 6582, 3.2 step 3: what has left the network is known less well */
        most = maximum(tcp_in_flight(c), effective_mss(c)) + effective_mss(c);
    /* Segments may have become longer than the threshold since. */
    c->congestion.window = maximum(minimum(threshold, most), effective_mss(c));
}

/* Of `bytes` the last part stands for a segment, as Linux counts them. */
static uint32_t in_segments(const struct tcp_connection *c, uint32_t bytes)
{
    return full_segments(c, bytes) * effective_mss(c);
}

/* RFC 9937 (PRR-SSRB where nothing more is lost, else PRR-CRB): what goes follows from what has
 * arrived, and the first segment at once. */
static void reduce_in_proportion(struct tcp_connection *c, const struct sent_news *news, bool lost)
{
    struct prr *prr = &c->flight->prr;
    uint32_t threshold = c->congestion.threshold, pipe = tcp_in_flight(c);
    uint32_t arrived = news->delivered + news->sacked, may_go;
    if (!has(c, TCPF_HAS_SACK) && news->duplicate)
        arrived += effective_mss(c);
    if (arrived == 0 && (prr->out != 0 || c->recovery == TCP_CA_CWR))
        return; /* no news of the path */
    prr->delivered += arrived;
    if (pipe > threshold) {
        uint64_t share = (uint64_t)prr->delivered * threshold + prr->flight - 1;
        uint32_t allowed = (uint32_t)(share / prr->flight);
        may_go = allowed > prr->out ? in_segments(c, allowed - prr->out) : 0;
    } else {
        bool safe = news->acknowledged != 0 && !lost;
        may_go = prr->delivered > prr->out ? prr->delivered - prr->out : 0;
        may_go = maximum(may_go, arrived) + (safe ? effective_mss(c) : 0);
        may_go = minimum(may_go, threshold - pipe);
    }
    if (prr->out == 0)
        may_go = maximum(may_go, effective_mss(c));
    c->congestion.window = maximum(pipe + may_go, effective_mss(c));
}

/* After a time-out without SACK, one acknowledgement may cover a window that arrived long ago: it
 * makes the window grow by a segment (RFC 3465, 2.3), and lets no more go than a new connection. */
static void hold_back(const struct tcp *tcp, struct tcp_connection *c)
{
    uint32_t most = tcp_in_flight(c) + tcp_initial_window(tcp, c);
    c->congestion.window = minimum(c->congestion.window, most);
}

/* RFC 9438, 5.8 and RFC 7661: a window that was not used proves nothing about the path. In slow
 * start it may grow to twice what was in flight in a round trip, as that grows too. */
static bool was_used(const struct tcp *tcp, const struct tcp_connection *c)
{
    if (validation_holds_back(tcp, c))
        return false;
    return c->flight->full || (c->congestion.window < c->congestion.threshold &&
                               c->congestion.window / 2 < c->flight->peak);
}

/* `growth` bytes have arrived in order, by which the window may grow. */
static void tell(const struct tcp *tcp, struct tcp_connection *c, uint32_t growth,
                 const struct sent_news *news)
{
    struct tcp_flight *flight = c->flight;
    struct congestion_ack ack = {
        .now_ns = news->now_ns,
        .acknowledged = growth != 0 && was_used(tcp, c) ? growth : 0,
        .delivered = news->delivered + news->sacked,
        .marked = news->marked,
        .in_flight = tcp_in_flight(c),
        .mss = effective_mss(c),
        .srtt_us = c->srtt_us8 / 8,
        .min_rtt_us = c->min_rtt_us,
        .rtt_us = news->rtt_us,
        .una = c->snd_una,
        .nxt = c->snd_nxt,
        .recovering = recovery_active(c),
        .selective = has(c, TCPF_HAS_SACK),
        .limited = flight->limited,
        .sample = rate_acknowledged(&flight->rate, news, c->min_rtt_us),
    };
    ack.all_delivered = flight->rate.delivered;
    flight->limited = has(c, TCPF_CWND_LIMITED);
    algorithm_of(c)->acknowledged(&c->congestion, &flight->congestion, &ack);
}

/* Without SACK: duplicates have told already of what lay behind a gap, but not of its first
 * segment. */
static uint32_t not_told_by_duplicates(const struct tcp_connection *c, uint32_t delivered,
                                       uint32_t duplicates)
{
    uint32_t told = minimum(duplicates, delivered / effective_mss(c)) * effective_mss(c);
    return maximum(delivered - told, minimum(delivered, effective_mss(c)));
}

/* What of the news may make a window grow. */
static uint32_t growth_of(const struct tcp *tcp, const struct tcp_connection *c,
                          const struct sent_news *news, const struct ack_before *before)
{
    if (c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_CWR)
        return 0;
    if (c->recovery == TCP_CA_LOSS && !has(c, TCPF_HAS_SACK))
        return minimum(news->delivered, effective_mss(c));
    if (before->recovering && c->recovery != TCP_CA_LOSS)
        return news->delivered; /* the last one covers a window that arrived long ago */
    if (!has(c, TCPF_HAS_SACK))
        return not_told_by_duplicates(c, news->delivered, before->duplicates);
    /* What is SACKed counts with the acknowledgement that moves SND.UNA (as Linux), unless SACKs
     * are known to tell of much reordering. */
    bool moved = news->acknowledged != 0 || tcp_reordering(tcp, c) > tcp->knobs.reordering;
    return moved ? news->delivered + news->sacked : 0;
}

void window_adapt(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                  const struct ack_before *before, bool lost)
{
    bool reducing = c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_CWR;
    tell(tcp, c, growth_of(tcp, c, news, before), news);
    if (news->acknowledged != 0)
        validation_acknowledged(tcp, c, news->now_ns);
    if (reducing && reduces_in_proportion(c))
        reduce_in_proportion(c, news, lost);
    else if (c->recovery == TCP_CA_LOSS && !has(c, TCPF_HAS_SACK))
        hold_back(tcp, c);
}

void window_restart(const struct tcp *tcp, struct tcp_connection *c)
{
    uint32_t window = tcp_initial_window(tcp, c);
    if (algorithm_of(c)->rules_window || window >= c->congestion.window ||
        !tcp->knobs.slow_start_after_idle || tcp->knobs.cwnd_validation)
        return;
    c->congestion.threshold = maximum(c->congestion.threshold, c->congestion.window / 4 * 3);
    c->congestion.window = window;
    algorithm_of(c)->restart(&c->congestion, &c->flight->congestion);
}

void window_resume(struct tcp_connection *c, uint64_t now_ns)
{
    if (algorithm_of(c)->resume != NULL && c->flight->rate.app_limited && tcp_in_flight(c) == 0)
        algorithm_of(c)->resume(&c->congestion, &c->flight->congestion, now_ns);
}

void window_undo(struct tcp_connection *c)
{
    const struct undo *undo = &c->flight->undo;
    c->congestion.window = maximum(c->congestion.window, undo->window);
    c->congestion.threshold = maximum(c->congestion.threshold, undo->threshold);
    if (algorithm_of(c)->undo != NULL)
        algorithm_of(c)->undo(&c->congestion, &c->flight->congestion, c->flight->rate.delivered);
}
