/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/dpdk/dpdk_private.h"

#include "drivers/frame.h"

/*
 * Theory of operation
 *
 * DPDK's buffers (mbufs) have a private area in front of their data, which holds the struct buffer
 * that the stack knows them by. A received frame goes up where it lies; when the last reference to
 * it is dropped, the mbuf goes back to its pool. As with AF_XDP, short frames are copied into the
 * descriptor, and so are others while the stack keeps DPDK_LENT_MAX of them.
 */

enum { SEND_TRIES = 8 };

/* ---- Receiving ----------------------------------------------------------------------------- */

static void release(struct buffer *buffer)
{
    struct rte_mbuf *mbuf = (struct rte_mbuf *)((uint8_t *)buffer - sizeof *mbuf);
    struct dpdk *dpdk = buffer->owner;
    dpdk->lent--;
    rte_pktmbuf_free_seg(mbuf);
}

/* One segment as a buffer, whose only reference is the caller's. */
static struct buffer *lend(struct dpdk *dpdk, struct rte_mbuf *mbuf)
{
    struct buffer *buffer = rte_mbuf_to_priv(mbuf);
    *buffer = (struct buffer){
        .references = 1,
        .size = mbuf->buf_len,
        .data = mbuf->buf_addr,
        .release = release,
        .owner = dpdk,
    };
    dpdk->lent++;
    return buffer;
}

/* Takes over the first segment, and leaves the mbuf to the caller when there is no memory. */
static struct packet *packet_in_place(struct dpdk *dpdk, struct rte_mbuf *mbuf)
{
    struct packet *packet =
        packet_take_in(&dpdk->link.memory->packets, lend(dpdk, mbuf), mbuf->data_off, FOR_RECEIVE);
    if (packet == NULL)
        dpdk->lent--;
    else
        packet_put(packet, mbuf->data_len);
    return packet;
}

/* The frame without a copy; NULL, with the mbuf still the caller's, when that cannot be. */
static struct packet *packet_of_segments(struct dpdk *dpdk, struct rte_mbuf *mbuf)
{
    if (mbuf->nb_segs > 1 + PACKET_FRAGMENTS || dpdk->lent + mbuf->nb_segs > DPDK_LENT_MAX)
        return NULL;
    struct packet *packet = packet_in_place(dpdk, mbuf);
    if (packet == NULL)
        return NULL;
    for (struct rte_mbuf *next = mbuf->next; next != NULL;) {
        struct rte_mbuf *segment = next;
        next = segment->next;
        packet_add_fragment(packet, lend(dpdk, segment), segment->data_off, segment->data_len);
    }
    return packet;
}

static struct packet *packet_of(struct dpdk *dpdk, struct rte_mbuf *mbuf)
{
    bool is_long = mbuf->pkt_len > FRAME_INLINE;
    struct packet *packet = is_long ? packet_of_segments(dpdk, mbuf) : NULL;
    if (packet != NULL)
        return packet;
    if (mbuf->nb_segs == 1)
        packet = frame_of_bytes(dpdk->link.memory, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
    dpdk->link.statistics.copied += is_long && packet != NULL;
    rte_pktmbuf_free(mbuf);
    return packet;
}

static void receive_frame(struct dpdk *dpdk, struct rte_mbuf *mbuf, struct burst *burst)
{
    bool good = (mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD;
    struct packet *packet = packet_of(dpdk, mbuf);
    if (packet == NULL) {
        dpdk->link.statistics.no_memory++;
        count(dpdk->link.counters, CHASKI_DROP_NO_MEMORY);
        return;
    }
    packet->checksum = good ? CHECKSUM_VERIFIED : CHECKSUM_UNKNOWN;
    burst->packets[burst->count++] = packet;
    dpdk->link.statistics.received++;
    dpdk->link.statistics.received_bytes += packet->length;
}

uint32_t dpdk_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct dpdk *dpdk = (struct dpdk *)link;
    struct rte_mbuf *mbufs[BURST_MAX];
    uint16_t frames = rte_eth_rx_burst(dpdk->port, dpdk->queue, mbufs, BURST_MAX);
    (void)now_ns;
    for (uint16_t i = 0; i < frames; i++)
        receive_frame(dpdk, mbufs[i], burst);
    link->more = frames == BURST_MAX;
    return burst->count;
}

/* ---- Sending ------------------------------------------------------------------------------- */

/* The packet's bytes as an mbuf; NULL: no memory. */
static struct rte_mbuf *mbuf_of(struct dpdk *dpdk, const struct packet *packet)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(dpdk->pool);
    if (mbuf == NULL)
        return NULL;
    char *bytes = rte_pktmbuf_append(mbuf, (uint16_t)packet->length);
    if (bytes == NULL) {
        rte_pktmbuf_free(mbuf);
        return NULL;
    }
    packet_copy_out(packet, 0, bytes, packet->length);
    return mbuf;
}

static void refuse(struct dpdk *dpdk, uint64_t *why, uint32_t frames)
{
    *why += frames;
    count_many(dpdk->link.counters, CHASKI_DROP_LINK_REFUSED, frames);
}

static void send_all(struct dpdk *dpdk, struct rte_mbuf **mbufs, uint16_t frames)
{
    uint16_t sent = 0;
    for (int tries = 0; sent < frames && tries < SEND_TRIES; tries++)
        sent = (uint16_t)(sent + rte_eth_tx_burst(dpdk->port, dpdk->queue, mbufs + sent,
                                                  (uint16_t)(frames - sent)));
    dpdk->link.statistics.sent += sent;
    if (sent == frames)
        return;
    refuse(dpdk, &dpdk->link.statistics.refused, (uint32_t)(frames - sent));
    rte_pktmbuf_free_bulk(mbufs + sent, (unsigned)(frames - sent));
}

void dpdk_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct dpdk *dpdk = block;
    struct rte_mbuf *mbufs[BURST_MAX];
    uint16_t frames = 0;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        bool oversized = link_oversized(&dpdk->link, packet);
        struct rte_mbuf *mbuf = oversized ? NULL : mbuf_of(dpdk, packet);
        if (mbuf != NULL) {
            dpdk->link.statistics.sent_bytes += packet->length;
            mbufs[frames++] = mbuf;
        } else {
            refuse(dpdk,
                   oversized ? &dpdk->link.statistics.oversized : &dpdk->link.statistics.refused,
                   1);
        }
        packet_free(packet);
    }
    burst->count = 0;
    send_all(dpdk, mbufs, frames);
}
