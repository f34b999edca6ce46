/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/sent_packet.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <string.h>

/*
 * When the last byte of a message was sent, and when it was acknowledged (SO_TIMESTAMPING), and the
 * same for calls of MSG_ZEROCOPY whose bytes were copied. While messages wait for that, the
 * connection tells CHASKI_PROGRESS; how far it has come says chaski_tcp_info(). Bytes are counted
 * from the stream's first one, and datagrams from the socket's first one of which this is told.
 *
 * The packet comes with the time, unless SOF_TIMESTAMPING_OPT_TSONLY is set: while stamps wait, the
 * host shows what goes, and what carries the last byte is kept. What there is no room for, as for
 * all of the error queue, is not told (Linux).
 */
struct stamp {
    struct stamp *next;
    uint64_t end;               /* behind the message's last byte, or datagram */
    uint64_t sent_ns;           /* 0: it has not been */
    uint32_t flags;             /* SOF_TIMESTAMPING_TX_* that are still to be told */
    uint32_t number;            /* of the call, */
    bool for_zerocopy;          /* if it is for one of those */
    struct sent_packet *packet; /* NULL: none has gone, or it was not kept */
};

struct progress {
    uint64_t written, sent, acknowledged;
};

static struct progress progress_of(const struct socket *socket)
{
    struct chaski_tcp_info info;
    if (!tcp_socket_info(socket, &info))
        return (struct progress){0};
    uint64_t written = info.tcpi_bytes_acked + info.send_queue;
    uint64_t fin = info.tcpi_notsent_bytes != 0 && tcp_is_ending(&info); /* it is counted, too */
    return (struct progress){
        .written = written,
        .sent = written - (info.tcpi_notsent_bytes - fin),
        .acknowledged = info.tcpi_bytes_acked,
    };
}

static struct stamp *append(struct socket *socket, const struct stamp *stamp)
{
    struct stamp *added = malloc(sizeof *added);
    if (added == NULL)
        return NULL;
    *added = *stamp;
    added->next = NULL;
    *socket->stamps_end = added;
    socket->stamps_end = &added->next;
    return added;
}

static void append_of_stream(struct socket *socket, struct stamp stamp)
{
    stamp.end = progress_of(socket).written;
    if (append(socket, &stamp) != NULL)
        chaski_tcp_set(socket->file.table->host, socket->tcp, CHASKI_TCP_PROGRESS, 1);
}

static void drop(struct socket *socket)
{
    struct stamp *stamp = socket->stamps;
    socket->stamps = stamp->next;
    if (socket->stamps == NULL)
        socket->stamps_end = &socket->stamps;
    sent_packet_drop(stamp->packet);
    free(stamp);
}

void stamp_zerocopy(struct socket *socket)
{
    append_of_stream(socket,
                     (struct stamp){.for_zerocopy = true, .number = socket->zerocopy_next++});
}

void stamps_begin_keys(struct socket *socket)
{
    socket->timestamping_origin =
        is_stream(socket) ? progress_of(socket).acknowledged : socket->stamped;
}

/* ---- What is told ---- */

/* Of an acknowledgement the text alone, as it was sent; and SOF_TIMESTAMPING_OPT_CMSG asks for the
 * header of what has one (Linux). */
static void quote(struct error_note *note, const struct sent_packet *packet, uint32_t flags)
{
    bool whole = note->error.ee_info != SCM_TSTAMP_ACK;
    size_t from = whole ? 0 : packet->text;
    note->bytes = packet->bytes + from;
    note->length = packet->length - from;
    if (!whole || !(flags & SOF_TIMESTAMPING_OPT_CMSG))
        return;
    note->has_header = true;
    note->header = packet->header;
    note->offender.address = packet->header.own;
}

static void tell(struct socket *socket, const struct stamp *stamp, uint32_t type)
{
    uint32_t flags = socket->timestamping;
    uint64_t key = stamp->end - socket->timestamping_origin - 1;
    struct error_note note = {
        .error = {.ee_errno = ENOMSG,
                  .ee_origin = SO_EE_ORIGIN_TIMESTAMPING,
                  .ee_info = type,
                  .ee_data = (flags & SOF_TIMESTAMPING_OPT_ID) ? (uint32_t)key : 0},
        .time_ns = host_now(socket->file.table->host),
        .has_time = true,
        .stats = is_stream(socket) && (flags & SOF_TIMESTAMPING_OPT_STATS),
    };
    uint8_t stats[STAMP_STATS_MOST];
    if (note.stats) {
        note.length = stamp_stats(socket, stamp->sent_ns, stats);
        note.bytes = stats;
    }
    if (!(flags & SOF_TIMESTAMPING_OPT_TSONLY))
        quote(&note, stamp->packet, flags);
    error_queue_add_bounded(socket, &note);
}

static void tell_if_wanted(struct socket *socket, struct stamp *stamp, uint32_t flag, uint32_t type)
{
    bool has_all = (socket->timestamping & SOF_TIMESTAMPING_OPT_TSONLY) || stamp->packet != NULL;
    if ((stamp->flags & flag) && has_all)
        tell(socket, stamp, type);
    stamp->flags &= ~flag;
}

static void tell_sent(struct socket *socket, struct stamp *stamp)
{
    if (stamp->sent_ns == 0)
        stamp->sent_ns = host_now(socket->file.table->host);
    tell_if_wanted(socket, stamp, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED);
    if ((stamp->flags & SOF_TIMESTAMPING_TX_SOFTWARE) && stamp->packet != NULL)
        sent_packet_finish_checksum(stamp->packet);
    tell_if_wanted(socket, stamp, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND);
    if (stamp->flags == 0) {
        sent_packet_drop(stamp->packet);
        stamp->packet = NULL;
    }
}

/* True when nothing more is to be told of it. */
static bool advance(struct socket *socket, struct stamp *stamp, const struct progress *progress)
{
    if (stamp->end <= progress->sent)
        tell_sent(socket, stamp);
    if (stamp->end > progress->acknowledged)
        return false;
    tell_if_wanted(socket, stamp, SOF_TIMESTAMPING_TX_ACK, SCM_TSTAMP_ACK);
    if (stamp->for_zerocopy)
        error_queue_add_zerocopy(socket, stamp->number, true);
    return true;
}

void stamps_progress(struct socket *socket)
{
    struct progress progress = progress_of(socket);
    struct stamp **link = &socket->stamps;
    while (*link != NULL) {
        struct stamp *stamp = *link;
        if (!advance(socket, stamp, &progress)) {
            link = &stamp->next;
            continue;
        }
        *link = stamp->next;
        sent_packet_drop(stamp->packet);
        free(stamp);
    }
    socket->stamps_end = link;
    if (socket->stamps == NULL)
        host_tcp_watch(socket->file.table->host, socket->tcp, NULL);
}

void stamps_over(struct socket *socket)
{
    for (; socket->stamps != NULL; drop(socket))
        if (socket->stamps->for_zerocopy)
            error_queue_add_zerocopy(socket, socket->stamps->number, true);
}

void stamps_forget(struct socket *socket)
{
    while (socket->stamps != NULL)
        drop(socket);
}

/* ---- What goes ---- */

/* Bytes of packets that wait to be told; those that share one follow each other. */
static size_t kept(const struct socket *socket)
{
    const struct sent_packet *last = NULL;
    size_t bytes = 0;
    for (const struct stamp *stamp = socket->stamps; stamp != NULL; stamp = stamp->next) {
        if (stamp->packet != NULL && stamp->packet != last)
            bytes += stamp->packet->length;
        last = stamp->packet;
    }
    return bytes;
}

static struct sent_packet *keep(const struct socket *socket, const struct packet *packet)
{
    if ((socket->timestamping & SOF_TIMESTAMPING_OPT_TSONLY) ||
        !error_queue_has_room(socket, kept(socket) + packet->length))
        return NULL;
    return sent_packet_keep(packet);
}

/* sent_watcher: a segment, behind `position` bytes of the stream. */
static void segment_goes(void *context, uint64_t position, const struct packet *packet)
{
    struct socket *socket = context;
    uint64_t end = position + sent_packet_text(packet);
    struct sent_packet *copy = NULL;
    for (struct stamp *stamp = socket->stamps; stamp != NULL && stamp->end <= end;
         stamp = stamp->next) {
        if (stamp->end <= position || stamp->flags == 0 || stamp->packet != NULL)
            continue;
        if (copy == NULL)
            copy = keep(socket, packet);
        if (copy == NULL)
            return;
        copy->users++;
        stamp->packet = copy;
    }
    sent_packet_drop(copy);
}

void stamp_message(struct socket *socket, uint32_t flags)
{
    append_of_stream(socket, (struct stamp){.flags = flags});
    host_tcp_watch(socket->file.table->host, socket->tcp, segment_goes);
}

/* sent_watcher: a datagram. Those before it have never gone. */
static void datagram_goes(void *context, uint64_t position, const struct packet *packet)
{
    struct socket *socket = context;
    while (socket->stamps != NULL && socket->stamps->end < position)
        drop(socket);
    if (socket->stamps == NULL || socket->stamps->end != position)
        return;
    socket->stamps->packet = keep(socket, packet);
    tell_sent(socket, socket->stamps);
    drop(socket);
}

/* It is the last one, and of what was not sent. */
static void forget_last(struct socket *socket, struct stamp *stamp)
{
    struct stamp **link = &socket->stamps;
    while (*link != stamp)
        link = &(*link)->next;
    *link = NULL;
    socket->stamps_end = link;
    free(stamp);
}

int stamp_datagram(struct socket *socket, uint32_t flags, const struct chaski_endpoint *remote,
                   const void *bytes, size_t length)
{
    struct stamp *stamp =
        append(socket, &(struct stamp){.flags = flags, .end = socket->stamped + 1});
    if (stamp == NULL)
        return CHASKI_NO_MEMORY;
    int error = host_udp_send_watched(socket->file.table->host, socket->udp, remote, bytes, length,
                                      stamp->end, datagram_goes);
    if (error == 0)
        socket->stamped++;
    else
        forget_last(socket, stamp);
    return error;
}
