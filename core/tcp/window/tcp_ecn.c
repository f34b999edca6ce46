/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/receiving/tcp_owe.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/window/tcp_ecn_internal.h"

/*
 * Explicit congestion notification: what either end tells the other. What is agreed on is in
 * tcp_ecn_open.c, how the window responds in tcp_ecn_respond.c.
 */

enum { BEACON_MS_LEAST = 1 };

/* ---- Receiving ---- */

static bool option_arrives(const struct tcp *tcp, const struct tcp_connection *c)
{
    bool unable = (c->ecn_flags & ECN_NO_OPTION) && tcp->knobs.ecn_option < OPTION_REGARDLESS;
    return mode_of(c) == ECN_ACCURATE && !unable && (c->ecn_flags & ECN_OPTION_SEEN);
}

void ecn_note_option(const struct tcp *tcp, struct tcp_connection *c)
{
    c->ecn_flags |= ECN_OPTION_SEEN;
    if ((c->ecn_flags & ECN_ROOM) || tcp->knobs.ecn_option < OPTION_ALWAYS ||
        !option_arrives(tcp, c) || mtu_probe_is_out(c))
        return;
    c->ecn_flags |= ECN_ROOM;
    c->mss = (uint16_t)maximum(c->mss - minimum(c->mss, WIRE_TCP_ACCECN_PADDED), TCP_LEAST_PAYLOAD);
}

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
        ecn_note_option(tcp, c);
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

/* ---- Sending ---- */

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
        flags = ecn_syn_flags(tcp, c);
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
