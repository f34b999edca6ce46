/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"

/*
 * Tail loss probes (RFC 8985, 7). When the end of what was sent is lost, nothing arrives that would
 * tell. After two round trips of silence the next segment, or the last one again, asks; the answer
 * lets the rest be found lost long before the time-out. One probe is out at a time: where another
 * would be due, the time-out is, so long after the first segment in flight went (as Linux).
 */

enum { SLACK_US = 2000 }; /* as Linux */

/* 7.2: the peer may delay its acknowledgement of a lone segment. */
static uint64_t timeout_ns(const struct tcp *tcp, const struct tcp_connection *c)
{
    if (c->srtt_us8 == 0)
        return tcp->knobs.rto_initial_us * 1000ull;
    bool lone = c->flight->scoreboard.out.segments == 1;
    return (c->srtt_us8 / 4 + (uint64_t)(lone ? tcp_rto_min_us(tcp, c) : SLACK_US)) * 1000;
}

/* Nothing has arrived behind a gap, and nothing went again: what follows a retransmission is a
 * time-out (7.2 starts from new data). */
static bool tail_is_all_there_is(const struct tcp_scoreboard *board)
{
    return board->sacked.bytes == 0 && board->retransmitted.bytes == 0;
}

/* By then the first segment in flight may be lost. */
static uint64_t first_times_out_at(const struct tcp *tcp, const struct tcp_connection *c)
{
    return scoreboard_first(&c->flight->scoreboard)->sent_ns + tcp_rto_ns(tcp, c);
}

void recovery_await_first(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    uint64_t rto_at = first_times_out_at(tcp, c);
    c->flight->rto_at = rto_at > now_ns ? rto_at : now_ns + 1;
}

/* Not behind the time-out, but for one that is over: it waits for the answer to what goes now. */
static void set_deadline(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    struct tail_probe *probe = &flight->probe;
    uint64_t latest_ns = probe->advanced ? flight->rto_at : first_times_out_at(tcp, c);
    probe->at_ns = now_ns + timeout_ns(tcp, c);
    if (latest_ns > now_ns && latest_ns < probe->at_ns)
        probe->at_ns = latest_ns;
    probe->at_known = true;
    if (flight->rto_at < probe->at_ns)
        flight->rto_at = probe->at_ns;
}

/* Where nothing is amiss; and what is awaited stays so when an acknowledgement comes again that
 * tells nothing. */
static bool may_probe(const struct tcp_connection *c)
{
    return c->recovery == TCP_CA_OPEN || c->recovery == TCP_CA_CWR ||
           (c->recovery == TCP_CA_DISORDER && c->flight->probe.at_known);
}

static bool is_to_probe(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp->knobs.tail_probes && has(c, TCPF_HAS_SACK) && !c->flight->probe.owed &&
           may_probe(c) && tail_is_all_there_is(&c->flight->scoreboard);
}

void tail_probe_supersedes(const struct tcp *tcp, struct tcp_connection *c)
{
    if (is_to_probe(tcp, c))
        c->flight->rack.due_ns = 0;
}

uint64_t tail_probe_at(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    if (!is_to_probe(tcp, c)) {
        flight->probe.at_known = false;
        return TIMER_NEVER;
    }
    if (!flight->probe.at_known)
        set_deadline(tcp, c, now_ns);
    return flight->probe.at_ns;
}

void tail_probe_sent(struct tcp_connection *c, bool again)
{
    c->flight->probe = (struct tail_probe){
        .at_ns = TIMER_NEVER,
        .end_seq = c->snd_nxt,
        .at_known = true,
        .outstanding = true,
        .again = again,
    };
}

void tail_probe_given_up(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    tail_probe_none(c->flight);
    c->flight->probe.owed = false;
    recovery_await_first(tcp, c, now_ns);
}

/* 7.4.2 */
bool tail_probe_acknowledged(struct tcp_connection *c, const struct sent_news *news)
{
    struct tail_probe *probe = &c->flight->probe;
    if (!probe->outstanding || seq_lt(c->snd_una, probe->end_seq))
        return false;
    bool duplicate = news->dsack && news->dsack_right == probe->end_seq;
    bool beyond = seq_gt(c->snd_una, probe->end_seq);
    bool repaired = probe->again && !duplicate && beyond;
    /* When both the original and the probe have arrived, a second acknowledgement says so. */
    bool twice = news->acknowledged == 0 && news->sacked == 0 && news->duplicate;
    if (!probe->again || duplicate || beyond || twice)
        probe->outstanding = false;
    return repaired;
}

void tail_probe_answered_twice(struct tcp_connection *c)
{
    struct tail_probe *probe = &c->flight->probe;
    if (seq_ge(c->snd_una, probe->end_seq))
        probe->outstanding = false;
}
