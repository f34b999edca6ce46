/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_output.h"
#include "core/tcp/tcp_internal.h"

/*
 * Segments that go together cost less than one by one, on the link and at its other end. So, as in
 * Linux, less than the windows will soon allow waits for the next acknowledgement, when that is due
 * and something has gone just now: acknowledgements come one upon the other, and each would let a
 * short burst go. A share of the window does not wait (tcp_tso_win_divisor), so that the network
 * never drains; and neither does a recovery.
 */

enum {
    SOON_NS = 1000000,
    UNDIVIDED_SEGMENTS = 3, /* receivers acknowledge every other one; where there is no share */
};

/* As much as pays. */
static bool is_enough(const struct tcp *tcp, const struct tcp_connection *c, uint32_t most)
{
    uint32_t divisor = tcp->knobs.tso_divisor, size = c->flight->segment_size;
    bool enough = divisor != 0 ? most >= minimum(c->snd_wnd, c->congestion.window) / divisor
                               : most > UNDIVIDED_SEGMENTS * size;
    return enough || most >= tcp_largest_burst(tcp, c, size) * size;
}

/* That of the first segment in flight, in less than half a round trip. */
static bool acknowledgement_is_due(const struct tcp_connection *c, uint64_t now_ns)
{
    const struct tcp_sent *first = scoreboard_first(&c->flight->scoreboard);
    uint64_t round_trip_ns = c->srtt_us8 * 125ull;
    uint64_t soon_ns = round_trip_ns / 2 < SOON_NS ? round_trip_ns / 2 : SOON_NS;
    return first->sent_ns + round_trip_ns <= now_ns + soon_ns;
}

/* Nothing will be written that could go with it. */
static bool is_complete(const struct tcp_connection *c, uint32_t waiting)
{
    return c->snd_nxt + waiting != c->snd_end || c->flight->queue.tail->ends_record ||
           has(c, TCPF_FIN_QUEUED);
}

bool tcp_defers(const struct tcp *tcp, const struct tcp_connection *c, uint32_t waiting,
                uint32_t most, uint64_t now_ns)
{
    const struct tcp_sent *latest = scoreboard_latest(&c->flight->scoreboard);
    if (latest == NULL || most < c->flight->segment_size || c->recovery >= TCP_CA_RECOVERY ||
        is_enough(tcp, c, most))
        return false;
    return now_ns <= latest->sent_ns + SOON_NS && acknowledgement_is_due(c, now_ns) &&
           (most <= waiting || !is_complete(c, waiting));
}
