/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link/link_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "cli/arguments.h"
#include "cli/link/link_frame.h"
#include "drivers/interface.h"
#include "drivers/vnet/tap.h"

enum {
    QUEUE_BYTES = 64 << 20, /* that a packet socket holds while we are busy */
    TAP_LARGE_BUFFERS = 3,
};

static bool complain(const struct link_end *end, char *error, const char *what)
{
    snprintf(error, ARGUMENT_ERROR, "%s: %s: %s", end->name, what, strerror(errno));
    return false;
}

/* ---- TAP ----------------------------------------------------------------------------------- */

static void lay_out(struct link_end *end, struct memory *memory)
{
    pool_init(&end->packets.packets, memory, sizeof(struct packet), 1);
    pool_init(&end->packets.small, memory, BUFFER_HEADER + SMALL_BUFFER, 1);
    pool_init(&end->packets.large, memory, BUFFER_HEADER + LARGE_BUFFER, TAP_LARGE_BUFFERS);
}

static bool open_tap(struct link_end *end, const char *name, char *error)
{
    struct memory memory = {0};
    lay_out(end, &memory);
    memory.size = memory.used;
    memory.used = 0;
    bool exists = if_nametoindex(name) != 0;
    end->memory = aligned_alloc(MEMORY_ALIGN, memory.size);
    if (end->memory == NULL)
        return complain(end, error, "no memory");
    memory.base = end->memory;
    lay_out(end, &memory);
    end->tap = tap_open(&(struct tap_options){.name = name}, &end->packets, &end->counters, error,
                        ARGUMENT_ERROR);
    if (end->tap == NULL)
        return false;
    end->fd = end->tap->fd;
    if (!exists)
        interface_set_up(name);
    return true;
}

/* ---- Packet sockets ------------------------------------------------------------------------ */

static bool set(const struct link_end *end, int option, int value)
{
    return setsockopt(end->fd, SOL_PACKET, option, &value, sizeof value) == 0;
}

/* Everything that arrives at the interface, and nothing of what leaves by it. */
static bool join(const struct link_end *end, int index)
{
    const struct sockaddr_ll everything = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = index};
    const struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    const int room = QUEUE_BYTES;
    if (setsockopt(end->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
        setsockopt(end->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(end->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return set(end, PACKET_VNET_HDR, 1) && set(end, PACKET_IGNORE_OUTGOING, 1) &&
           set(end, PACKET_QDISC_BYPASS, 1) &&
           setsockopt(end->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous,
                      sizeof promiscuous) == 0 &&
           bind(end->fd, (const struct sockaddr *)&everything, sizeof everything) == 0;
}

static bool open_packet(struct link_end *end, const char *name, char *error)
{
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return complain(end, error, "there is no such interface (chaski link makes only TAPs)");
    end->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (end->fd < 0)
        return complain(end, error, "no packet socket (root, or a user namespace, may have one)");
    return join(end, (int)index) || complain(end, error, "cannot read its frames");
}

/* ---- Both ---------------------------------------------------------------------------------- */

bool link_end_open(struct link_end *end, const char *text, char *error)
{
    const char *colon = strchr(text, ':');
    const char *name = colon != NULL ? colon + 1 : text;
    size_t kind = colon != NULL ? (size_t)(colon - text) : 0;
    bool tap = kind == 0 || (kind == 3 && memcmp(text, "tap", 3) == 0);
    *end = (struct link_end){.fd = -1};
    if ((!tap && (kind != 6 || memcmp(text, "packet", 6) != 0)) || text[0] == ':') {
        snprintf(error, ARGUMENT_ERROR,
                 "%.60s: no such kind of end; known are: tap:NAME, packet:NAME, and NAME for a TAP",
                 text);
        return false;
    }
    if (name[0] == '\0' || strlen(name) >= IFNAMSIZ) {
        snprintf(error, ARGUMENT_ERROR, "%.60s: an interface's name has 1 to 15 characters", text);
        return false;
    }
    snprintf(end->name, sizeof end->name, "%s:%s", tap ? "tap" : "packet", name);
    return tap ? open_tap(end, name, error) : open_packet(end, name, error);
}

bool link_end_is_down(const struct link_end *end)
{
    return interface_is_down(strchr(end->name, ':') + 1);
}

/* A packet socket whose interface is gone has no index any more. */
bool link_end_is_gone(const struct link_end *end)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof bound;
    return end->in_doubt &&
           (getsockname(end->fd, (struct sockaddr *)&bound, &size) != 0 || bound.sll_ifindex <= 0);
}

void link_end_close(struct link_end *end)
{
    if (end->tap != NULL)
        link_close(end->tap);
    else if (end->fd >= 0)
        close(end->fd);
    free(end->memory);
    end->fd = -1;
}

/* An interface that is down gives and takes nothing for the time being. */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR || error == ENETDOWN || error == EIO;
}

long link_end_read(struct link_end *end, uint8_t *room)
{
    ssize_t length = read(end->fd, room, LINK_FRAME_ROOM);
    if (length > (ssize_t)sizeof(struct virtio_net_hdr)) {
        end->in_doubt = false;
        return length;
    }
    end->in_doubt |= length < 0 && errno == ENETDOWN && end->tap == NULL;
    return length >= 0 || is_passing(errno) ? 0 : -1;
}

bool link_end_write(struct link_end *end, const uint8_t *room, uint32_t length)
{
    return write(end->fd, room, length) >= 0;
}

uint32_t link_end_missed(const struct link_end *end)
{
    struct tpacket_stats statistics = {0};
    socklen_t size = sizeof statistics;
    if (end->tap != NULL ||
        getsockopt(end->fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) != 0)
        return 0;
    return statistics.tp_drops;
}
