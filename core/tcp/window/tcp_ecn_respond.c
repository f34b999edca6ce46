/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/recovery/tcp_recovery.h"
#include "core/tcp/tcp_internal.h"
#include "core/tcp/window/tcp_cwnd.h"

/*
 * What the peer tells about marks on what we sent, and how the window responds. ACE has three bits:
 * an acknowledgement that covers eight packets or more may hide a whole turn of it, and the option
 * that comes along, or caution, decides (RFC 9768, 3.2.2.5.2 and A.2).
 */

enum { ACE_COUNT = 8, OPTION_SIGN = 1 << 23, OPTION_MASK = (1 << 24) - 1, USUAL_MOST = 4 };

/* A flight that takes the place of another one does not know what the bytes were. */
static void begin(const struct tcp_connection *c, struct ecn_told *told, bool bytes_known)
{
    *told = (struct ecn_told){
        .begun = true,
        .bytes_known = bytes_known,
        .point = c->snd_una,
        .ce_packets = ECN_FIRST_ACE + ((c->ecn.ace - ECN_FIRST_ACE) & (ACE_COUNT - 1)),
        .ect0_bytes = ECN_FIRST_BYTES,
        .ect1_bytes = ECN_FIRST_BYTES,
        .option_ms = told->option_ms,
        .reduced = told->reduced,
    };
}

void ecn_syn_data_taken(struct tcp_connection *c)
{
    begin(c, &c->flight->told, true);
}

/* The 24 bits of the wire behind the counter that is kept; what seems to go backwards is old. */
static uint32_t advance(uint32_t *counter, uint32_t wire)
{
    uint32_t delta = (wire - *counter) & OPTION_MASK;
    if (delta >= OPTION_SIGN)
        return 0;
    *counter += delta;
    return delta;
}

/* True when the option is there with the bytes that came marked: then *bytes are new. */
static bool take_option(struct ecn_told *told, const struct packet *packet, uint32_t *bytes)
{
    struct wire_tcp_accecn counts;
    if (packet->tcp.accecn_offset == 0)
        return false;
    unsigned fields = wire_tcp_accecn(packet_transport(packet), packet->tcp.accecn_offset, &counts);
    if (!told->bytes_known && fields == 3) {
        told->ect0_bytes = counts.ect0_bytes;
        told->ect1_bytes = counts.ect1_bytes;
        told->ce_bytes = counts.ce_bytes;
        told->bytes_known = true;
        return false;
    }
    if (!told->bytes_known)
        return false;
    if (counts.has_ect0)
        advance(&told->ect0_bytes, counts.ect0_bytes);
    if (counts.has_ect1)
        advance(&told->ect1_bytes, counts.ect1_bytes);
    if (counts.has_ce)
        *bytes = advance(&told->ce_bytes, counts.ce_bytes);
    return counts.has_ce;
}

/* How many packets were marked, given that ACE has moved by `moved`, `packets` were delivered, and
 * perhaps (`known`) that `bytes` of them were marked. */
static uint32_t marked_packets(const struct ecn_told *told, uint32_t moved, uint32_t packets,
                               bool known, uint32_t bytes, uint32_t mss)
{
    if (packets < ACE_COUNT)
        return moved;
    if (!known && told->usual > USUAL_MOST)
        return moved; /* such acknowledgements are usual here: none was filtered (as Linux) */
    uint32_t most = packets - ((packets - moved) & (ACE_COUNT - 1));
    if (!known)
        return most;
    return bytes > moved * mss ? most : moved;
}

static void take_accurate(struct tcp_connection *c, const struct packet *packet,
                          struct sent_news *news)
{
    struct ecn_told *told = &c->flight->told;
    uint32_t bytes = 0, delivered = news->delivered + news->sacked;
    bool known = take_option(told, packet, &bytes);
    uint32_t ace = (uint32_t)(packet->tcp.ae << 2 | (packet->tcp.flags >> 6 & 3));
    uint32_t moved = (ace - told->ce_packets) & (ACE_COUNT - 1);
    uint32_t packets = full_segments(c, delivered);
    told->usual = told->usual == 0 ? packets : (told->usual * 7 + packets) / 8;
    uint32_t marked = marked_packets(told, moved, packets, known, bytes, effective_mss(c));
    told->ce_packets += marked;
    c->ecn.ace = told->ce_packets & (ACE_COUNT - 1);
    news->congestion = marked != 0;
    news->marked = known ? bytes : minimum(marked * effective_mss(c), delivered);
}

static void take_classic(struct tcp_connection *c, const struct packet *packet,
                         struct sent_news *news)
{
    if (!(packet->tcp.flags & TCP_ECE))
        return;
    news->congestion = true;
    news->marked = news->delivered + news->sacked;
    c->flight->told.ce_packets += full_segments(c, news->marked);
}

void ecn_take_feedback(struct tcp_connection *c, const struct packet *packet,
                       struct sent_news *news)
{
    bool progress =
        news->acknowledged != 0 || news->sacked != 0 || news->dsack || packet->tcp.newer;
    if (!c->flight->told.begun)
        begin(c, &c->flight->told, c->bytes_acked == news->acknowledged);
    if ((c->traffic_class & ECN_MODES) == ECN_CLASSIC) {
        take_classic(c, packet, news);
    } else if (progress) { /* one that tells nothing new may be older than what is known */
        take_accurate(c, packet, news);
    }
}

/* RFC 3168, 6.1.2: losses and marks of one window are one signal, and the peer is told of the
 * response whatever it was for. */
void ecn_reduced(struct tcp_connection *c)
{
    c->flight->told.reduced = true;
    c->flight->told.point = c->snd_nxt;
    c->ecn_flags |= ECN_CWR_OWED;
}

/* Not before something is acknowledged that was sent afterwards: it carried CWR. */
static void leave_reducing(const struct tcp *tcp, struct tcp_connection *c)
{
    if (c->recovery != TCP_CA_CWR || seq_le(c->snd_una, c->flight->recovery_point))
        return;
    window_recovered(tcp, c);
    c->recovery = c->flight->scoreboard.sacked.bytes != 0 ? TCP_CA_DISORDER : TCP_CA_OPEN;
}

void ecn_respond(const struct tcp *tcp, struct tcp_connection *c, const struct sent_news *news,
                 const struct ack_before *before)
{
    const struct ecn_told *told = &c->flight->told;
    leave_reducing(tcp, c);
    if (!news->congestion || recovery_active(c) || c->recovery == TCP_CA_CWR ||
        (told->reduced && seq_le(c->snd_una, told->point)))
        return;
    if (congestion_algorithm(c->algorithm)->rules_window) { /* it hears of each mark */
        ecn_reduced(c);
        return;
    }
    c->recovery = TCP_CA_CWR;
    c->flight->recovery_point = c->snd_nxt;
    c->flight->undo.possible = false; /* a mark is no mistake */
    window_reduce(tcp, c, before, CONGESTION_MARK);
}
