/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <string.h>

#include "sockets/options/option.h"

/*
 * When the last byte of a message was sent, and when it was acknowledged (SO_TIMESTAMPING), and the
 * same for calls of MSG_ZEROCOPY whose bytes were copied. While messages wait for that, the
 * connection tells CHASKI_PROGRESS; how far it has come says chaski_tcp_info(). Bytes are counted
 * from the stream's first one.
 */
struct stamp {
    struct stamp *next;
    uint64_t end;      /* behind the message's last byte */
    uint64_t sent_ns;  /* 0: it has not been */
    uint32_t flags;    /* SOF_TIMESTAMPING_TX_* that are still to be told */
    uint32_t number;   /* of the call, */
    bool for_zerocopy; /* if it is for one of those */
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

static void append(struct socket *socket, const struct stamp *stamp)
{
    struct stamp *added = malloc(sizeof *added);
    if (added == NULL)
        return;
    *added = *stamp;
    added->next = NULL;
    added->end = progress_of(socket).written;
    *socket->stamps_end = added;
    socket->stamps_end = &added->next;
    chaski_tcp_set(socket->file.table->host, socket->tcp, CHASKI_TCP_PROGRESS, 1);
}

void stamp_message(struct socket *socket, uint32_t flags)
{
    append(socket, &(struct stamp){.flags = flags});
}

void stamp_zerocopy(struct socket *socket)
{
    append(socket, &(struct stamp){.for_zerocopy = true, .number = socket->zerocopy_next++});
}

/* ---- What is told ---- */

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
        .truncated = !(flags & SOF_TIMESTAMPING_OPT_TSONLY),
        .stats = (flags & SOF_TIMESTAMPING_OPT_STATS) != 0,
    };
    uint8_t stats[STAMP_STATS_MOST];
    if (note.stats) {
        note.length = stamp_stats(socket, stamp->sent_ns, stats);
        note.bytes = stats;
    }
    error_queue_add(socket, &note);
}

static void tell_if_wanted(struct socket *socket, struct stamp *stamp, uint32_t flag, uint32_t type)
{
    if (stamp->flags & flag)
        tell(socket, stamp, type);
    stamp->flags &= ~flag;
}

/* True when nothing more is to be told of it. */
static bool advance(struct socket *socket, struct stamp *stamp, const struct progress *progress)
{
    if (stamp->end <= progress->sent) {
        if (stamp->sent_ns == 0)
            stamp->sent_ns = host_now(socket->file.table->host);
        tell_if_wanted(socket, stamp, SOF_TIMESTAMPING_TX_SCHED, SCM_TSTAMP_SCHED);
        tell_if_wanted(socket, stamp, SOF_TIMESTAMPING_TX_SOFTWARE, SCM_TSTAMP_SND);
    }
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
        free(stamp);
    }
    socket->stamps_end = link;
}

static void drop(struct socket *socket)
{
    struct stamp *stamp = socket->stamps;
    socket->stamps = stamp->next;
    free(stamp);
}

void stamps_over(struct socket *socket)
{
    for (; socket->stamps != NULL; drop(socket))
        if (socket->stamps->for_zerocopy)
            error_queue_add_zerocopy(socket, socket->stamps->number, true);
    socket->stamps_end = &socket->stamps;
}

void stamps_forget(struct socket *socket)
{
    while (socket->stamps != NULL)
        drop(socket);
    socket->stamps_end = &socket->stamps;
}

/* ---- SO_TIMESTAMPING ---- */

enum { KNOWN_FLAGS = (SOF_TIMESTAMPING_LAST << 1) - 1, BIND_PHC = 1 << 15 };

int stamping_set(struct socket *socket, int name, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    uint32_t flags = (uint32_t)value;
    bool begins_ids =
        (flags & SOF_TIMESTAMPING_OPT_ID) && !(socket->timestamping & SOF_TIMESTAMPING_OPT_ID);
    if (flags & ~(uint32_t)(KNOWN_FLAGS | BIND_PHC))
        return -EINVAL;
    if ((flags & SOF_TIMESTAMPING_OPT_STATS) && !(flags & SOF_TIMESTAMPING_OPT_TSONLY))
        return -EINVAL;
    if (begins_ids && is_stream(socket) && (is_closed(socket) || socket->phase == SOCKET_LISTENING))
        return -EINVAL;
    if (flags & BIND_PHC) /* there is no clock in hardware */
        return -EOPNOTSUPP;
    if (begins_ids && is_stream(socket))
        socket->timestamping_origin = progress_of(socket).acknowledged;
    socket->timestamping = flags;
    socket->plain[PLAIN_STAMPS_NEW] = name == SO_TIMESTAMPING_NEW;
    return 0;
}

/* Who has room is told the clock too: there is none but the host's. The new name tells what was set
 * by it, or while the other two had theirs (Linux). */
int stamping_get(const struct socket *socket, int name, const struct option_out *out)
{
    bool told_by_it = name == SO_TIMESTAMPING || socket->plain[PLAIN_STAMPS_NEW] != 0;
    struct so_timestamping told = {.flags = told_by_it ? (int)socket->timestamping : 0};
    return option_write(out, &told,
                        *out->length == sizeof told.flags ? sizeof told.flags : sizeof told);
}

/* ---- When datagrams and segments came ---- */

int stamping_set_received(struct socket *socket, int name, const struct option_in *in)
{
    int value;
    int error = option_read_int(in, &value);
    if (error != 0)
        return error;
    bool nano = name == SO_TIMESTAMPNS || name == SO_TIMESTAMPNS_NEW;
    socket->plain[PLAIN_TIMESTAMP] = value != 0;
    socket->plain[PLAIN_TIMESTAMPNS] = value != 0 && nano;
    if (value != 0)
        socket->plain[PLAIN_STAMPS_NEW] = name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW;
    return 0;
}

/* SO_TIMESTAMP_NEW alone is on with the one for nanoseconds, too (Linux). */
static bool is_told(const struct socket *socket, int name)
{
    bool nano = socket->plain[PLAIN_TIMESTAMPNS] != 0, wide = socket->plain[PLAIN_STAMPS_NEW] != 0;
    switch (name) {
    case SO_TIMESTAMP:
        return !wide && !nano;
    case SO_TIMESTAMPNS:
        return !wide && nano;
    case SO_TIMESTAMP_NEW:
        return wide;
    default:
        return wide && nano;
    }
}

int stamping_get_received(const struct socket *socket, int name, const struct option_out *out)
{
    return option_write_int(out, socket->plain[PLAIN_TIMESTAMP] && is_told(socket, name));
}

static bool stamps_all_received(const struct socket *socket)
{
    const uint32_t wanted = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    return (socket->timestamping & wanted) == wanted;
}

bool stamps_received(const struct socket *socket)
{
    return socket->plain[PLAIN_TIMESTAMP] || stamps_all_received(socket);
}

static void put_times(const struct socket *socket, struct msghdr *message, size_t *room,
                      uint64_t time_ns, bool all)
{
    enum { NS_PER_SECOND = 1000000000, NS_PER_US = 1000 };
    uint64_t at = time_ns + (uint64_t)socket->file.table->clock_ahead_ns;
    uint64_t seconds = at / NS_PER_SECOND, ns = at % NS_PER_SECOND;
    bool wide = socket->plain[PLAIN_STAMPS_NEW] != 0;
    if (socket->plain[PLAIN_TIMESTAMPNS])
        control_put_time(message, room, wide ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS, wide, seconds,
                         ns, 1);
    else if (socket->plain[PLAIN_TIMESTAMP])
        control_put_time(message, room, wide ? SO_TIMESTAMP_NEW : SO_TIMESTAMP, wide, seconds,
                         ns / NS_PER_US, 1);
    if (all)
        control_put_time(message, room, wide ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING, wide, seconds,
                         ns, 3);
}

void stamp_received(const struct socket *socket, struct msghdr *message, size_t *room,
                    uint64_t received_ns)
{
    put_times(socket, message, room, received_ns, stamps_all_received(socket));
}

void stamp_note(const struct socket *socket, struct msghdr *message, size_t *room,
                const struct error_note *note)
{
    bool sent = note->error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING;
    bool all = sent ? (socket->timestamping & SOF_TIMESTAMPING_SOFTWARE) != 0
                    : stamps_all_received(socket);
    if (note->has_time)
        put_times(socket, message, room, note->time_ns, all);
}
