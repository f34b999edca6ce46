/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_owe.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/window/tcp_ecn.h"

#include "core/tcp/tcp_internal.h"

/*
 * Explicit congestion notification: what is agreed on, and what either end tells the other. How
 * the window responds is in tcp_ecn_respond.c.
 */

enum {
    ACE_SHIFT = 6,             /* ECE is the lowest bit of ACE */
    ACE_CLASSIC = 1,           /* SYN+ACK: ECE alone (RFC 3168, 6.1.1) */
    ACE_NONCE = 5,             /* SYN+ACK of RFC 3540: classic as well */
    ACE_REFLECTED = 7,         /* SYN+ACK: a peer that repeats whatever the SYN had there */
    HALF_OPEN_FIELD_SHIFT = 2, /* tcp_half_open.ecn: mode, then how the SYN came */
    HALF_OPEN_NOT_ECT = 3,     /* tcp_half_open.ecn: ECN_ACCURATE, but nothing goes as ECT */
    BEACON_MS_LEAST = 1,
};

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

static uint8_t mode_of(const struct tcp_connection *c)
{
    return c->traffic_class & ECN_MODES;
}

static void set_mode(struct tcp_connection *c, uint8_t mode)
{
    c->traffic_class = (uint8_t)((c->traffic_class & ~ECN_MODES) | mode);
}

static uint8_t ace_of(const struct packet *packet)
{
    return (uint8_t)(packet->tcp.ae << 2 | (packet->tcp.flags >> ACE_SHIFT & 3));
}

static uint16_t flags_of_ace(uint32_t ace)
{
    return (uint16_t)((ace & 7) << ACE_SHIFT);
}

static uint8_t field_of(const struct packet *packet)
{
    return packet->ip.traffic_class & ECN_FIELD;
}

/* ---- Handshake ----------------------------------------------------------------------------- */

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

static bool needs_ecn(uint8_t algorithm)
{
    return congestion_algorithm(algorithm)->needs_ecn;
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
static uint16_t syn_flags(const struct tcp *tcp, const struct tcp_connection *c)
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

static bool option_arrives(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool unable = (c->ecn_flags & ECN_NO_OPTION) && tcp->knobs.ecn_option < OPTION_REGARDLESS;
    return mode_of(c) == ECN_ACCURATE && !unable && (c->ecn_flags & ECN_OPTION_SEEN);
}

/* From the first one on segments have room for ours, when they are to have it. */
static void note_option(const struct tcp *tcp, struct tcp_connection *c)
{
    c->ecn_flags |= ECN_OPTION_SEEN;
    if ((c->ecn_flags & ECN_ROOM) || tcp->knobs.ecn_option < OPTION_ALWAYS ||
        !option_arrives(tcp, c) || mtu_probe_is_out(c))
        return;
    c->ecn_flags |= ECN_ROOM;
    c->mss = (uint16_t)maximum(c->mss - minimum(c->mss, WIRE_TCP_ACCECN_PADDED), TCP_LEAST_PAYLOAD);
}

static void take_accurate_synack(const struct tcp *tcp, struct tcp_connection *c,
                                 const struct packet *packet)
{
    check_field(tcp, c, ace_of(packet));
    if (packet->tcp.accecn_offset != 0)
        note_option(tcp, c);
    c->ecn.ce_packets += field_of(packet) == ECN_CE;
    tell_how_synack_came(c, packet);
}

/* RFC 9768, 3.1.5: both have asked by their SYNs; what both know is agreed on. */
static void take_crossing_syn(const struct tcp *tcp, struct tcp_connection *c,
                              const struct packet *packet)
{
    uint8_t ace = ace_of(packet), asked = syn_flags(tcp, c) != 0 ? mode_of(c) : ECN_NONE;
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

/* ---- Beside cookies ------------------------------------------------------------------------ */

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

/* ---- Receiving ----------------------------------------------------------------------------- */

/* RFC 8257, 3.2: the peer is to know exactly which bytes came marked, so ECE says how those came
 * that the segment acknowledges. Where that changes, what came before is acknowledged first. */
static void count_exactly(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
                          uint64_t now_ns)
{
    bool marked = field_of(packet) == ECN_CE, echoing = (c->ecn_flags & ECN_ECHO) != 0;
    if (packet->length == 0 || marked == echoing)
        return;
    if (has(c, TCPF_ACK_NOW | TCPF_ACK_DELAYED))
        tcp_build_ack(tcp, c, tcp_next_sequence(c), now_ns);
    c->ecn_flags ^= ECN_ECHO;
    c->flags |= TCPF_ACK_NOW;
}

/* RFC 3168, 6.1.3: ECE stands from a mark on until CWR comes. Who met a mark may have a window of
 * one segment; and what is not ECT, though others were, went again (6.1.5). */
static void count_classic(struct tcp_connection *c, const struct packet *packet)
{
    bool marked = field_of(packet) == ECN_CE, echoing = (c->ecn_flags & ECN_ECHO) != 0;
    if (packet->length == 0)
        return;
    if (packet->tcp.flags & TCP_CWR) {
        c->ecn_flags &= (uint8_t)~ECN_ECHO;
        c->flags |= TCPF_ACK_NOW;
    }
    if (marked)
        c->ecn_flags |= ECN_ECHO;
    if (marked && !echoing)
        c->flags |= TCPF_ACK_NOW;
    if ((marked && !echoing) || (field_of(packet) == ECN_NOT_ECT && (c->ecn_flags & ECN_SEEN)))
        owe_urgently(c, QUICK_FOR_MARK);
}

static void count_bytes(struct tcp_connection *c, uint8_t field, uint32_t length)
{
    static const uint8_t fields_for[] = {[ECN_ECT1] = 1, [ECN_CE] = 2, [ECN_ECT0] = 3};
    if (field == ECN_ECT0)
        c->ecn.ect0_bytes += length;
    else if (field == ECN_ECT1)
        c->ecn.ect1_bytes = (c->ecn.ect1_bytes + length) & 0xffffff;
    else if (field == ECN_CE)
        c->ecn.ce_bytes += length;
    if (fields_for[field] > c->ecn.owed_fields)
        c->ecn.owed_fields = fields_for[field] & 3u;
}

/* What tcp_info tells, whatever was agreed on. */
static void count_marks(struct tcp_connection *c, const struct packet *packet)
{
    uint8_t field = field_of(packet);
    uint32_t size = packet->segment_size, length = packet->length;
    if (field == ECN_CE)
        c->ecn.ce_packets += size != 0 && length > size ? (length + size - 1) / size : 1;
    if (length != 0)
        count_bytes(c, field, length);
}

/* RFC 9768, 3.2.2.5.1: what changes is told at once. */
static void count_accurate(const struct tcp *tcp, struct tcp_connection *c,
                           const struct packet *packet)
{
    uint8_t field = field_of(packet);
    if (packet->tcp.accecn_offset != 0)
        note_option(tcp, c);
    if (packet->length == 0)
        return;
    if ((field == ECN_CE) != (c->ecn.field == ECN_CE))
        c->flags |= TCPF_ACK_NOW;
    c->ecn.field = field & 3u;
}

/* A range that was acknowledged comes again, and once more: with the option acknowledgements do
 * not arrive (RFC 9768, 3.2.3.2.3). */
void ecn_came_again(struct tcp_connection *c, bool once_more)
{
    if (once_more && mode_of(c) == ECN_ACCURATE && (c->ecn_flags & ECN_OPTION_SEEN))
        c->ecn_flags |= ECN_NO_OPTION;
}

void ecn_count_again(const struct tcp *tcp, struct tcp_connection *c, const struct packet *packet)
{
    if (mode_of(c) != ECN_ACCURATE)
        return;
    count_marks(c, packet);
    count_accurate(tcp, c, packet);
}

void ecn_count(struct tcp *tcp, struct tcp_connection *c, const struct packet *packet,
               uint64_t now_ns)
{
    if (packet->length != 0 && field_of(packet) != ECN_NOT_ECT)
        c->ecn_flags |= ECN_SEEN;
    count_marks(c, packet);
    if (mode_of(c) == ECN_ACCURATE)
        count_accurate(tcp, c, packet);
    else if (needs_ecn(c->algorithm))
        count_exactly(tcp, c, packet, now_ns);
    else
        count_classic(c, packet);
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* RFC 3168, 6.1.4 and 6.1.5: neither acknowledgements nor what goes again are ECT; but where DCTCP
 * is at home, what is not ECT is dropped when a queue is no more than marked (RFC 8257, 4.1). */
static uint16_t mark_classic(struct tcp_connection *c, struct packet *packet, bool fresh)
{
    uint16_t flags = (c->ecn_flags & ECN_ECHO) ? TCP_ECE : 0;
    if (fresh || needs_ecn(c->algorithm))
        packet->ip.traffic_class |= ECN_ECT0;
    if (!fresh)
        return flags;
    if (c->ecn_flags & ECN_CWR_OWED) {
        c->ecn_flags &= (uint8_t)~ECN_CWR_OWED;
        flags |= TCP_CWR;
    }
    return flags;
}

/* Everything is ECT (RFC 8311, 4.3): what is marked is counted, whatever it is. */
static uint16_t mark_accurate(struct tcp_connection *c, struct packet *packet, uint32_t payload)
{
    uint32_t ace = c->ecn.ce_packets;
    if (!(c->ecn_flags & ECN_NO_ECT))
        packet->ip.traffic_class |= ECN_ECT0;
    if ((c->ecn_flags & ECN_HANDSHAKE) && payload == 0 && tree_empty(&c->receive.runs))
        ace = ace_of_field[c->ecn.field];
    c->ecn_flags &= (uint8_t)~ECN_HANDSHAKE;
    if (packet->segment_size != 0 && (flags_of_ace(ace) & TCP_CWR))
        packet->flags |= PACKET_CWR_EVERYWHERE;
    return flags_of_ace(ace);
}

void ecn_mark(const struct tcp *tcp, struct tcp_connection *c, struct packet *packet, bool fresh)
{
    uint8_t *header = packet_transport(packet);
    uint32_t payload = packet->length - wire_tcp_header_length(header);
    uint16_t flags;
    if (wire_tcp_flags(header) & TCP_SYN)
        flags = syn_flags(tcp, c);
    else if (mode_of(c) == ECN_CLASSIC)
        flags = mark_classic(c, packet, fresh && payload != 0);
    else
        flags = mark_accurate(c, packet, payload);
    wire_tcp_set_length_flags(header, wire_tcp_header_length(header),
                              wire_tcp_flags_ae(header) | flags);
}

/* A few times a round trip (RFC 9768, 3.2.3.3). */
static bool beacon_due(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    if (c->flight == NULL || tcp->knobs.ecn_option < OPTION_NEWS ||
        tcp->knobs.ecn_option_beacon == 0)
        return false;
    const struct ecn_told *told = &c->flight->told;
    uint32_t ms = c->srtt_us8 / 8000 / tcp->knobs.ecn_option_beacon;
    return told->option_ms == 0 ||
           clock_ms(now_ns) - told->option_ms >= maximum(ms, BEACON_MS_LEAST);
}

static uint8_t padded_option(uint8_t fields)
{
    return (uint8_t)((2 + 3 * fields + 3) & ~3);
}

size_t ecn_option_least(const struct tcp *tcp, const struct tcp_connection *c)
{
    if (tcp->knobs.ecn_option == OPTION_NEVER || !option_arrives(tcp, c))
        return 0;
    if (c->ecn.owed_fields != 0)
        return padded_option(c->ecn.owed_fields);
    return tcp->knobs.ecn_option >= OPTION_ALWAYS ? padded_option(3) : 0;
}

uint32_t ecn_option_room(const struct tcp_connection *c)
{
    return (c->ecn_flags & ECN_ROOM) ? WIRE_TCP_ACCECN_PADDED : 0;
}

bool ecn_option_overdue(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    return c->ecn.owed_fields != 0 && c->last_ack_sent != c->rcv_nxt &&
           ecn_option_least(tcp, c) != 0 && beacon_due(tcp, c, now_ns);
}

size_t ecn_build_option(struct tcp_connection *c, uint8_t *at, size_t room, uint64_t now_ns)
{
    uint8_t fields = 3;
    while (padded_option(fields) > room)
        fields--;
    struct wire_tcp_accecn counts = {
        .ect0_bytes = c->ecn.ect0_bytes,
        .ce_bytes = c->ecn.ce_bytes,
        .ect1_bytes = c->ecn.ect1_bytes,
    };
    c->ecn.owed_fields = c->ecn.owed_again ? 3 : 0;
    c->ecn.owed_again = 0;
    if (c->flight != NULL)
        c->flight->told.option_ms = maximum(clock_ms(now_ns), 1);
    return wire_tcp_build_accecn(at, &counts, fields);
}
