/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/window/tcp_ecn_internal.h"

/* Explicit congestion notification: what is agreed on when a connection begins. */

enum {
    ACE_CLASSIC = 1,           /* SYN+ACK: ECE alone (RFC 3168, 6.1.1) */
    ACE_NONCE = 5,             /* SYN+ACK of RFC 3540: classic as well */
    ACE_REFLECTED = 7,         /* SYN+ACK: a peer that repeats whatever the SYN had there */
    HALF_OPEN_FIELD_SHIFT = 2, /* tcp_half_open.ecn: mode, then how the SYN came */
    HALF_OPEN_NOT_ECT = 3,     /* tcp_half_open.ecn: ECN_ACCURATE, but nothing goes as ECT */
};

static void set_mode(struct tcp_connection *c, uint8_t mode)
{
    c->traffic_class = (uint8_t)((c->traffic_class & ~ECN_MODES) | mode);
}

static uint8_t ace_of(const struct packet *packet)
{
    return (uint8_t)(packet->tcp.ae << 2 | (packet->tcp.flags >> ACE_SHIFT & 3));
}

static void begin_counting(struct tcp_connection *c)
{
    c->ecn = (struct ecn_received){
        .ce_packets = ECN_FIRST_ACE,
        .ect0_bytes = ECN_FIRST_BYTES,
        .ect1_bytes = ECN_FIRST_BYTES,
        .ace = ECN_FIRST_ACE,
        .owed_fields = 3,
    };
}

void ecn_open(const struct tcp *tcp, struct tcp_connection *c)
{
    /* tcp_ecn 4 asks for classic ECN, 3 for accurate; 2 and 5 for none, but accept. */
    static const uint8_t mode[] = {ECN_NONE,     ECN_CLASSIC, ECN_NONE,
                                   ECN_ACCURATE, ECN_CLASSIC, ECN_NONE};
    begin_counting(c);
    set_mode(c, mode[tcp->knobs.ecn]);
    if (mode_of(c) == ECN_NONE && needs_ecn(c->algorithm))
        set_mode(c, ECN_CLASSIC);
}

/* Of a SYN+ACK that goes after so many in vain. RFC 9768, 3.1.4.2: the third one asks for nothing.
 */
static uint16_t answer_flags(const struct tcp *tcp, uint8_t mode, uint8_t field, unsigned repeats)
{
    if (mode == ECN_CLASSIC)
        return TCP_ECE;
    if (mode == ECN_NONE || (tcp->knobs.ecn_fallback && repeats > 1))
        return 0;
    return flags_of_ace(ace_of_field[field]);
}

/* RFC 3168, 6.1.1.1; RFC 9768, 3.1.4.1: somebody on the way may drop what asks for ECN. */
uint16_t ecn_syn_flags(const struct tcp *tcp, const struct tcp_connection *c)
{
    unsigned tries = mode_of(c) == ECN_ACCURATE ? 2 : 1;
    if (c->state != CHASKI_TCP_SYN_SENT)
        return answer_flags(tcp, mode_of(c), c->ecn.field, c->retries);
    if (tcp->knobs.ecn_fallback && c->retries >= tries)
        return 0;
    return mode_of(c) == ECN_ACCURATE ? TCP_AE | TCP_CWR | TCP_ECE : TCP_CWR | TCP_ECE;
}

/* RFC 9768, 3.2.2.3: SYN and SYN+ACK go without ECT. Who reports anything else shows that the
 * field is changed on the way. */
static void check_field(const struct tcp *tcp, struct tcp_connection *c, uint8_t ace)
{
    bool changed = ace == ace_of_field[ECN_ECT1] || ace == ace_of_field[ECN_ECT0] ||
                   ace == ace_of_field[ECN_CE];
    if (changed && tcp->knobs.ecn_fallback)
        c->ecn_flags |= ECN_NO_ECT;
}

static void tell_how_synack_came(struct tcp_connection *c, const struct packet *packet)
{
    c->ecn.field = field_of(packet) & 3u;
    c->ecn.owed_fields = 3;
    c->ecn.owed_again = 1;
    c->ecn_flags |= ECN_HANDSHAKE;
}

static void take_accurate_synack(const struct tcp *tcp, struct tcp_connection *c,
                                 const struct packet *packet)
{
    check_field(tcp, c, ace_of(packet));
    if (packet->tcp.accecn_offset != 0)
        ecn_note_option(tcp, c);
    c->ecn.ce_packets += field_of(packet) == ECN_CE;
    tell_how_synack_came(c, packet);
}

/* RFC 9768, 3.1.5: both have asked by their SYNs; what both know is agreed on. */
static void take_crossing_syn(const struct tcp *tcp, struct tcp_connection *c,
                              const struct packet *packet)
{
    uint8_t ace = ace_of(packet), asked = ecn_syn_flags(tcp, c) != 0 ? mode_of(c) : ECN_NONE;
    if (asked == ECN_ACCURATE && ace == 7) {
        c->ecn.field = field_of(packet) & 3u;
        c->ecn.ce_packets += field_of(packet) == ECN_CE;
    } else {
        set_mode(c, asked != ECN_NONE && (ace & 3) == 3 ? ECN_CLASSIC : ECN_NONE);
    }
}

void ecn_take_synack(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet)
{
    uint8_t ace = ace_of(packet), asked = mode_of(c);
    if (asked == ECN_NONE)
        return;
    if (!(packet->tcp.flags & TCP_ACK))
        take_crossing_syn(tcp, c, packet);
    else if (ace == 0 || ace == ACE_REFLECTED)
        set_mode(c, ECN_NONE);
    else if (ace == ACE_CLASSIC || ace == ACE_NONCE)
        set_mode(c, ECN_CLASSIC);
    else if (asked == ECN_ACCURATE)
        take_accurate_synack(tcp, c, packet);
    else
        set_mode(c, ECN_NONE);
}

void ecn_synack_again(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet)
{
    bool synack = (packet->tcp.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    if (!synack || c->listener != 0)
        return;
    if (c->state == CHASKI_TCP_SYN_RECEIVED)
        ecn_take_synack(tcp, c, packet);
    else if (mode_of(c) == ECN_ACCURATE)
        tell_how_synack_came(c, packet);
}

uint8_t ecn_of_syn(const struct tcp *tcp, uint8_t algorithm, const struct packet *packet)
{
    uint8_t knob = tcp->knobs.ecn, ace = ace_of(packet), field = field_of(packet);
    if (knob >= 3 && ace == 7)
        return (uint8_t)(ECN_ACCURATE | field << HALF_OPEN_FIELD_SHIFT);
    /* RFC 3168, 6.1.1: a SYN is not ECT; one that is has met somebody who sets what he should not.
     * The SYN of accurate ECN is classic to who does not know it. */
    bool asks = (ace & 3) == 3 && (field == ECN_NOT_ECT || packet->tcp.ae);
    bool wanted = knob != 0 || needs_ecn(algorithm);
    return wanted && asks ? ECN_CLASSIC : ECN_NONE;
}

/* What is agreed on stays, but who asks no more has given up on ECN in the network. */
uint8_t ecn_of_syn_again(uint8_t ecn, const struct packet *packet)
{
    uint8_t mode = ecn & ECN_MODES;
    if (mode != ECN_ACCURATE && mode != HALF_OPEN_NOT_ECT)
        return ecn;
    if (ace_of(packet) == 0)
        mode = HALF_OPEN_NOT_ECT;
    return (uint8_t)(mode | field_of(packet) << HALF_OPEN_FIELD_SHIFT);
}

uint16_t ecn_synack_flags(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    return answer_flags(tcp, entry->ecn & ECN_MODES,
                        entry->ecn >> HALF_OPEN_FIELD_SHIFT & ECN_FIELD, entry->round);
}

/* 3.2.3.2.1: it may be what was in the way of the first one. */
bool ecn_synack_option(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    return (entry->ecn & ECN_MODES) == ECN_ACCURATE && tcp->knobs.ecn_option != 0 &&
           entry->round == 0;
}

/* RFC 9768, 3.2.2.1, table 4: only an acknowledgement that is nothing else tells how the SYN+ACK
 * came; zero says that somebody clears the flags. From here on the packet has a count there, which
 * may acknowledge data already. */
static void take_third(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    uint8_t ace = ace_of(packet);
    if (packet->length != 0 || packet->tcp.sack_count != 0 || (packet->tcp.flags & TCP_FIN))
        return;
    check_field(tcp, c, ace);
    if (ace == 0)
        c->ecn_flags |= ECN_NO_ECT;
    if (ace == ace_of_field[ECN_CE])
        c->ecn.ace = ECN_FIRST_ACE + 1;
    packet->tcp.flags =
        (uint8_t)((packet->tcp.flags & ~(TCP_CWR | TCP_ECE)) | (c->ecn.ace & 3) << ACE_SHIFT);
    packet->tcp.ae = (c->ecn.ace & 4) != 0;
}

void ecn_begin(struct tcp_connection *c, uint8_t ecn)
{
    begin_counting(c);
    set_mode(c, ecn & ECN_MODES);
    if (mode_of(c) == HALF_OPEN_NOT_ECT) {
        set_mode(c, ECN_ACCURATE);
        c->ecn_flags |= ECN_NO_ECT;
    }
    if (mode_of(c) != ECN_ACCURATE)
        return;
    c->ecn.field = ecn >> HALF_OPEN_FIELD_SHIFT & 3u;
    c->ecn.ce_packets += c->ecn.field == ECN_CE;
}

void ecn_syn_again(struct tcp_connection *c, const struct packet *packet)
{
    if (mode_of(c) != ECN_ACCURATE)
        return;
    c->ecn.field = field_of(packet) & 3u;
    if (ace_of(packet) == 0)
        c->ecn_flags |= ECN_NO_ECT;
}

bool ecn_answer_option(const struct tcp *tcp, const struct tcp_connection *c)
{
    return mode_of(c) == ECN_ACCURATE && tcp->knobs.ecn_option != 0 && c->backoff == 0;
}

void ecn_third(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet)
{
    if (mode_of(c) != ECN_ACCURATE)
        return;
    if (!(c->ecn_flags & ECN_HANDSHAKE)) /* else it is how the SYN+ACK came, yet to be told */
        c->ecn.field = ECN_NOT_ECT;
    take_third(tcp, c, packet);
}

void ecn_complete(const struct tcp *tcp, struct tcp_connection *c, uint8_t ecn,
                  struct packet *packet)
{
    ecn_begin(c, ecn);
    ecn_third(tcp, c, packet);
}

/* ---- Beside cookies ---- */

/* A timestamp keeps classic ECN. The acknowledgement shows accurate ECN, but not how the SYN came:
 * a mark there would be missing from what is counted. */
uint8_t ecn_beside_cookie(const struct tcp_half_open *syn)
{
    uint8_t mode = syn->ecn & ECN_MODES, field = syn->ecn >> HALF_OPEN_FIELD_SHIFT & ECN_FIELD;
    if (mode == ECN_ACCURATE && field != ECN_CE)
        return syn->ecn;
    return mode == ECN_CLASSIC && (syn->flags & HALF_OPEN_TIMESTAMPS) ? ECN_CLASSIC : ECN_NONE;
}

/* RFC 9768, 5.1: nobody else has these bits on an acknowledgement of the SYN+ACK. */
uint8_t ecn_of_acknowledgment(const struct tcp *tcp, const struct packet *packet)
{
    bool shows = packet->length == 0 && ace_of(packet) >= 2;
    return shows && tcp->knobs.ecn >= 3 ? ECN_ACCURATE : ECN_NONE;
}
