/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_cwnd.h"

/*
 * Spurious recovery. What looked like a loss was reordering or delay when every retransmission is
 * reported as a duplicate (RFC 2883), or when the acknowledgement echoes a timestamp older than
 * the first of them (Eifel detection, RFC 3522). Then the reduction is taken back (RFC 4015; RFC
 * 9438, 4.9).
 */

void undo_begin(struct tcp_connection *c)
{
    struct tcp_flight *flight = c->flight;
    bool probed = flight->probe.outstanding && flight->probe.again;
    uint32_t resent = flight->scoreboard.retransmitted.segments + probed;
    flight->undo = (struct undo){
        .possible = true,
        .full = flight->full,
        .marker = c->snd_una,
        .retransmissions = resent != 0 ? (int32_t)resent : -1,
        .window = c->congestion.window,
        .threshold = c->congestion.threshold,
    };
}

void undo_note_resent(struct tcp_connection *c, uint32_t segments, uint64_t now_ns)
{
    struct undo *undo = &c->flight->undo;
    if (undo->retransmissions < 0)
        undo->retransmissions = 0;
    undo->retransmissions += (int32_t)segments;
    if (undo->first_timestamp == 0)
        undo->first_timestamp = maximum(clock_ms(now_ns) + c->ts_offset, 1);
}

void undo_note_duplicate(struct tcp_connection *c, const struct sent_news *news)
{
    struct undo *undo = &c->flight->undo;
    if (!undo->possible || undo->retransmissions <= 0 || seq_le(news->dsack_right, undo->marker))
        return;
    uint32_t segments = full_segments(c, news->dsack_right - news->dsack_left);
    undo->retransmissions -= (int32_t)minimum(segments, (uint32_t)undo->retransmissions);
}

bool undo_answers_original(const struct tcp_connection *c, const struct packet *packet)
{
    const struct undo *undo = &c->flight->undo;
    return has(c, TCPF_HAS_TIMESTAMPS) && packet->tcp.has_timestamp &&
           packet->tcp.timestamp_echo != 0 && undo->first_timestamp != 0 &&
           seq_lt(packet->tcp.timestamp_echo, undo->first_timestamp);
}

bool undo_justified(const struct tcp_connection *c, const struct sent_news *news)
{
    const struct undo *undo = &c->flight->undo;
    return undo->possible && (undo->retransmissions == 0 || news->original_answered);
}

void undo_apply(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_flight *flight = c->flight;
    window_undo(c);
    flight->full = flight->undo.full; /* to have filled the small one does not count */
    flight->undo.possible = false;
    flight->frto = FRTO_OFF;
    count(tcp->counters, CHASKI_TCP_UNDONE);
}
