/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TCP_TCP_ECN_INTERNAL_H
#define CHASKI_TCP_TCP_ECN_INTERNAL_H

#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_ecn.h"

/* What tcp_ecn.c and tcp_ecn_open.c share. */

enum { ACE_SHIFT = 6 }; /* ECE is the lowest bit of ACE */

/* The knob tcp_ecn_option. */
enum {
    OPTION_NEVER,
    OPTION_NEWS,   /* with what changes a counter */
    OPTION_ALWAYS, /* with every segment, unless those with it do not arrive, */
    OPTION_REGARDLESS,
};

/* RFC 9768, tables 2 and 3: how ACE tells which ECN field a SYN or SYN+ACK came with. */
static const uint8_t ace_of_field[4] = {
    [ECN_NOT_ECT] = 2,
    [ECN_ECT1] = 3,
    [ECN_ECT0] = 4,
    [ECN_CE] = 6,
};

static inline uint8_t mode_of(const struct tcp_connection *c)
{
    return c->traffic_class & ECN_MODES;
}

static inline uint16_t flags_of_ace(uint32_t ace)
{
    return (uint16_t)((ace & 7) << ACE_SHIFT);
}

static inline uint8_t field_of(const struct packet *packet)
{
    return packet->ip.traffic_class & ECN_FIELD;
}

static inline bool needs_ecn(uint8_t algorithm)
{
    return congestion_algorithm(algorithm)->needs_ecn;
}

/* The flags of a SYN or SYN+ACK that tell of it. */
uint16_t ecn_syn_flags(const struct tcp *tcp, const struct tcp_connection *c);

/* A segment came with the option. From the first one on segments have room for ours, when they are
 * to have it. */
void ecn_note_option(const struct tcp *tcp, struct tcp_connection *c);

#endif
