/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_HYSTART_H
#define CHASKI_TCP_HYSTART_H

#include <stdbool.h>
#include <stdint.h>

/*
 * HyStart++ (RFC 9406): the first slow start ends when the round trip grows, before the queue on
 * the path overflows; first it slows down for some rounds (conservative slow start), in case that
 * what grew was not the queue. All nought is the beginning.
 */
struct congestion;
struct congestion_ack;

struct hystart {
    uint32_t window_end;  /* the round is over when this is acknowledged */
    uint32_t last_min_us; /* lastRoundMinRTT; 0: infinite, as for the next two */
    uint32_t min_us;      /* currentRoundMinRTT */
    uint32_t baseline_us; /* cssBaselineMinRtt */
    uint16_t samples;     /* rttSampleCount */
    uint8_t rounds;       /* of conservative slow start that have begun; 0: it is the usual one */
    bool begun;           /* window_end holds */
};

/* Grows the window in slow start by what was acknowledged; returns the bytes left over when the
 * threshold is reached. Only the first slow start, whose threshold says nothing yet, is watched. */
uint32_t hystart_grow(struct hystart *hystart, struct congestion *congestion,
                      const struct congestion_ack *ack);

#endif
