/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/socket.h"

#include <errno.h>
#include <linux/net_tstamp.h>

#include "sockets/options/option.h"

/* SO_TIMESTAMPING, SO_TIMESTAMP and SO_TIMESTAMPNS: set, asked for, and times as they are told. */

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
    if (begins_ids)
        stamps_begin_keys(socket);
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
