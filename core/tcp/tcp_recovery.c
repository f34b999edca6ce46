/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/*
 * Loss: from what an acknowledgement told, whether something is lost (RFC 6675; RFC 6582 without
 * SACK), and where recovery stands.
 */

static void enter_recovery(struct tcp *tcp, struct tcp_connection *c, uint32_t flight,
                           uint32_t in_flight)
{
    c->recovery = TCP_CA_RECOVERY;
    c->flight->recovery_point = c->snd_nxt;
    c->flags &= ~(uint32_t)TCPF_RESCUED;
    congestion_algorithm(c->algorithm)
        ->reduce(&c->congestion, &c->flight->congestion, flight, c->mss, false);
    /* With SACK it goes down step by step; the first segment goes at once. */
    c->congestion.window = c->congestion.threshold;
    if (has(c, TCPF_HAS_SACK))
        c->congestion.window = maximum(c->congestion.threshold, in_flight + c->mss);
    count(tcp->counters, CHASKI_TCP_RECOVERIES);
}

static void leave_recovery(struct tcp_connection *c)
{
    /* RFC 6582, 3.2 step 3: no burst of what a full window would allow. */
    if (c->recovery == TCP_CA_RECOVERY)
        c->congestion.window =
            minimum(c->congestion.threshold, maximum(tcp_in_flight(c), c->mss) + c->mss);
    c->recovery = TCP_CA_OPEN;
    c->flight->duplicate_acks = 0;
}

/* Forged duplicates must not make room for more than was in flight when the loss was found (RFC
 * 5681, 3.2, step 4). */
static uint32_t most_duplicates(const struct tcp_connection *c)
{
    uint32_t end = c->recovery == TCP_CA_RECOVERY ? c->flight->recovery_point : c->snd_nxt;
    uint32_t segments = (end - c->snd_una) / c->mss;
    return maximum(segments, TCP_DUP_THRESHOLD);
}

/* Without SACK (RFC 6582): the third duplicate, or a partial acknowledgement, says that the first
 * segment is lost. Each duplicate says that another one has left the network. */
static bool judge_without_sack(struct tcp *tcp, struct tcp_connection *c,
                               const struct sent_news *news, bool duplicate)
{
    /* After a time-out everything goes again, and what had arrived causes duplicates: they tell
     * nothing, least of all that there is room for more. */
    if (c->recovery == TCP_CA_LOSS) {
        c->flight->duplicate_acks = 0;
        return false;
    }
    if (duplicate && c->flight->duplicate_acks < most_duplicates(c))
        c->flight->duplicate_acks++;
    if (news->acknowledged != 0) {
        uint32_t segments = (news->acknowledged + c->mss - 1) / c->mss - 1;
        c->flight->duplicate_acks -= minimum(c->flight->duplicate_acks, segments);
        if (c->recovery != TCP_CA_RECOVERY || seq_ge(c->snd_una, c->flight->recovery_point)) {
            c->flight->duplicate_acks = 0;
            return false;
        }
    } else if (c->flight->duplicate_acks != TCP_DUP_THRESHOLD || c->recovery == TCP_CA_RECOVERY) {
        return false;
    }
    scoreboard_lose_first(&c->flight->scoreboard, &tcp->sent, c->mss);
    return c->flight->scoreboard.lost != 0;
}

bool recovery_judge(struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                    bool duplicate)
{
    if (!has(c, TCPF_HAS_SACK))
        return judge_without_sack(tcp, c, news, duplicate);
    if (news->sacked == 0) /* nothing is told that was not judged already */
        return false;
    return scoreboard_judge(&c->flight->scoreboard, TCP_DUP_THRESHOLD * (uint32_t)c->mss);
}

/* Without SACK, what is sent again needlessly causes duplicates that look like a new loss, until
 * something later is acknowledged (RFC 6582, 4.1). */
static bool has_recovered(const struct tcp_connection *c)
{
    return has(c, TCPF_HAS_SACK) ? seq_ge(c->snd_una, c->flight->recovery_point)
                                 : seq_gt(c->snd_una, c->flight->recovery_point);
}

bool recovery_active(const struct tcp_connection *c)
{
    return c->recovery == TCP_CA_RECOVERY || c->recovery == TCP_CA_LOSS;
}

void recovery_move(struct tcp *tcp, struct tcp_connection *c, bool lost, uint32_t flight,
                   uint32_t in_flight)
{
    bool recovering = recovery_active(c);
    if (recovering && has_recovered(c)) {
        leave_recovery(c);
        recovering = false;
    }
    if (recovering)
        return;
    if (lost)
        enter_recovery(tcp, c, flight, in_flight);
    else
        c->recovery = c->flight->scoreboard.sacked != 0 || c->flight->duplicate_acks != 0
                          ? TCP_CA_DISORDER
                          : TCP_CA_OPEN;
}
