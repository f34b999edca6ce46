/* SPDX-License-Identifier: BSD-2-Clause */
#include <linux/tcp.h>
#include <string.h>

#include "sockets/options/linux_tcp_info.h"
#include "sockets/options/option.h"

/* SOF_TIMESTAMPING_OPT_STATS: what the connection is like when a time is told, as attributes that
 * each begin with length and type (netlink(7)), in Linux's order. */

enum { ATTRIBUTE_HEADER = 4, REHASH = 27 /* TCP_NLA_REHASH of later headers */ };

_Static_assert(STAMP_STATS_MOST % ATTRIBUTE_HEADER == 0, "attributes stand on whole words");

/* Numbers of up to eight bytes, the low ones first; what is left of a word is 0. */
struct attributes {
    uint8_t *bytes;
    size_t length;
};

static void put(struct attributes *to, uint16_t type, uint16_t size, uint64_t value)
{
    uint16_t length = (uint16_t)(ATTRIBUTE_HEADER + size);
    uint32_t word = (uint32_t)value;
    uint16_t half = (uint16_t)value;
    uint8_t byte = (uint8_t)value;
    const void *from = size == sizeof value  ? (const void *)&value
                       : size == sizeof word ? (const void *)&word
                       : size == sizeof half ? (const void *)&half
                                             : (const void *)&byte;
    uint8_t *at = to->bytes + to->length;
    memset(at, 0, ATTRIBUTE_HEADER + sizeof word);
    memcpy(at, &length, sizeof length);
    memcpy(at + sizeof length, &type, sizeof type);
    memcpy(at + ATTRIBUTE_HEADER, from, size);
    to->length += (length + ATTRIBUTE_HEADER - 1u) & ~(ATTRIBUTE_HEADER - 1u);
}

static void put_rates(struct attributes *to, const struct linux_tcp_info *info)
{
    put(to, TCP_NLA_BUSY, 8, info->busy_time);
    put(to, TCP_NLA_RWND_LIMITED, 8, info->rwnd_limited);
    put(to, TCP_NLA_SNDBUF_LIMITED, 8, info->sndbuf_limited);
    put(to, TCP_NLA_DATA_SEGS_OUT, 8, info->data_segs_out);
    put(to, TCP_NLA_TOTAL_RETRANS, 8, info->total_retrans);
    put(to, TCP_NLA_PACING_RATE, 8, info->pacing_rate);
    put(to, TCP_NLA_DELIVERY_RATE, 8, info->delivery_rate);
    put(to, TCP_NLA_SND_CWND, 4, info->snd_cwnd);
    put(to, TCP_NLA_REORDERING, 4, info->reordering);
    put(to, TCP_NLA_MIN_RTT, 4, info->min_rtt);
    put(to, TCP_NLA_RECUR_RETRANS, 1, info->retransmits);
    put(to, TCP_NLA_DELIVERY_RATE_APP_LMT, 1, info->delivery_rate_app_limited);
}

static void put_counts(struct attributes *to, const struct linux_tcp_info *info, uint32_t queued)
{
    put(to, TCP_NLA_SND_SSTHRESH, 4, info->snd_ssthresh);
    put(to, TCP_NLA_DELIVERED, 4, info->delivered);
    put(to, TCP_NLA_DELIVERED_CE, 4, info->delivered_ce);
    put(to, TCP_NLA_SNDQ_SIZE, 4, queued);
    put(to, TCP_NLA_CA_STATE, 1, info->ca_state);
    put(to, TCP_NLA_BYTES_SENT, 8, info->bytes_sent);
    put(to, TCP_NLA_BYTES_RETRANS, 8, info->bytes_retrans);
    put(to, TCP_NLA_DSACK_DUPS, 4, info->dsack_dups);
    put(to, TCP_NLA_REORD_SEEN, 4, info->reord_seen);
    put(to, TCP_NLA_SRTT, 4, info->rtt);
    put(to, TCP_NLA_TIMEOUT_REHASH, 2, 0);
    put(to, TCP_NLA_BYTES_NOTSENT, 4, info->notsent_bytes);
}

size_t stamp_stats(const struct socket *socket, uint64_t sent_ns, uint8_t bytes[STAMP_STATS_MOST])
{
    struct attributes to = {.bytes = bytes};
    struct chaski_tcp_info from;
    struct linux_tcp_info info;
    if (!tcp_socket_info(socket, &from))
        return 0;
    tcp_info_fill(socket, &info);
    put_rates(&to, &info);
    put_counts(&to, &info, (uint32_t)from.send_queue);
    put(&to, TCP_NLA_EDT, 8, sent_ns);
    put(&to, REHASH, 4, info.rehash);
    return to.length;
}
