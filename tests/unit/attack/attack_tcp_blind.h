/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_ATTACK_TCP_BLIND_H
#define CHASKI_TESTS_UNIT_ATTACK_TCP_BLIND_H

#include "tests/unit/attack/attack.h"

/* What those who cannot see a connection leave of it. */

static const uint8_t with_timestamp[] = {2,
                                         4,
                                         PEER_MSS >> 8,
                                         PEER_MSS & 0xff,
                                         1,
                                         1,
                                         8,
                                         10,
                                         0,
                                         0,
                                         3,
                                         232, /* 1000 */
                                         0,
                                         0,
                                         0,
                                         0};

static inline uint8_t state_of(const struct peer *peer)
{
    return peer_info(peer).tcpi_state;
}

#endif
