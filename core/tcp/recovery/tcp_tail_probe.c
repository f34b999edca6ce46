/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"

/*
 * Tail loss probes (RFC 8985, 7). When the end of what was sent is lost, nothing arrives that would
 * tell. After two round trips of silence the next segment, or the last one again, asks; the answer
 * lets the rest be found lost long before the time-out.
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

uint64_t tail_probe_at(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_flight *flight = c->flight;
    if (!tcp->knobs.tail_probes || !has(c, TCPF_HAS_SACK) || c->recovery != TCP_CA_OPEN ||
        flight->probe.outstanding || flight->probe.owed ||
        !tail_is_all_there_is(&flight->scoreboard)) {
        tail_probe_put_off(flight);
        return TIMER_NEVER;
    }
    if (!flight->probe.at_known) {
        flight->probe.at_ns = now_ns + timeout_ns(tcp, c);
        flight->probe.at_known = true;
    }
    if (flight->probe.at_ns == TIMER_NEVER)
        return TIMER_NEVER;
    return flight->probe.at_ns < flight->rto_at ? flight->probe.at_ns : flight->rto_at;
}

void tail_probe_sent(struct tcp_connection *c, bool again)
{
    c->flight->probe =
        (struct tail_probe){.end_seq = c->snd_nxt, .outstanding = true, .again = again};
}

void tail_probe_given_up(struct tcp_connection *c)
{
    c->flight->probe = (struct tail_probe){.at_ns = TIMER_NEVER, .at_known = true};
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
