/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_segment.h"

/*
 * How many challenges the host sends in a second (RFC 5961, 7), all connections together. The
 * number varies about the limit as in Linux: who forges segments and counts what is still answered
 * on a connection of his own would otherwise learn which of them were challenged (CVE-2016-5696).
 * That is also why there is no limit unless somebody sets one.
 */

enum { UNLIMITED = INT32_MAX };

/* From half of the limit to one and a half. */
static uint32_t draw(const struct tcp *tcp, uint32_t limit, uint64_t second)
{
    uint64_t drawn = siphash_words(&tcp->secrets.challenge, &second, 1) & UINT32_MAX;
    return (limit + 1) / 2 + (uint32_t)(drawn * limit >> 32);
}

bool tcp_may_challenge(struct tcp *tcp, uint64_t now_ns)
{
    uint64_t second = now_ns / 1000000000 + 1; /* 0: none yet */
    if (tcp->knobs.challenge_limit == UNLIMITED)
        return true;
    if (tcp->challenge_second != (uint32_t)second) {
        tcp->challenge_second = (uint32_t)second;
        tcp->challenges_left = draw(tcp, tcp->knobs.challenge_limit, second);
    }
    if (tcp->challenges_left == 0)
        return false;
    tcp->challenges_left--;
    return true;
}
