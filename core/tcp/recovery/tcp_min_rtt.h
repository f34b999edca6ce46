/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_MIN_RTT_H
#define CHASKI_TCP_TCP_MIN_RTT_H

#include <stdint.h>

/*
 * The shortest round trip of recent times (RFC 8985, 6.2), since paths change. Kathleen Nichols's
 * windowed minimum: when the best is too old, the best of what came a quarter of the window after
 * it takes its place, and behind that one stands the best of what came after half of it.
 */
struct min_rtt {
    struct min_rtt_sample {
        uint32_t us, at_ms;
    } best[3];
};

/* All that is known is one round trip, of that time; 0: none. */
void min_rtt_begin(struct min_rtt *min, uint32_t rtt_us, uint32_t now_ms);

/* Takes in another one. Returns the shortest of the last `window_ms`. */
uint32_t min_rtt_update(struct min_rtt *min, uint32_t window_ms, uint32_t rtt_us, uint32_t now_ms);

#endif
