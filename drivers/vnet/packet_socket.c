/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vnet/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "drivers/interface.h"

/*
 * Opening, a step a function; frames are moved by vnet.c, one system call each. A ring that is
 * shared with the kernel (TPACKET_V3) hands out blocks only when they are full or a millisecond
 * old, and its frames would have to be copied out of it.
 */

enum { QUEUE_BYTES = 16 << 20 }; /* that the kernel keeps for us while we are busy */

struct setup {
    const struct queue_options *options;
    struct vnet *packet;
    struct interface_ethernet ethernet;
    struct interface_error error;
};

static bool fail(const struct setup *setup, const char *what)
{
    return interface_complain(&setup->error, "%s: %s", what, strerror(errno));
}

static bool check(struct setup *setup)
{
    const struct queue_options *options = setup->options;
    if (!interface_check(&setup->error, options->mac, options->mtu))
        return false;
    return vnet_memory_suffices(setup->packet->link.memory) ||
           interface_complain(&setup->error,
                              "too little memory to receive: give the host %d large buffers",
                              VNET_LARGE);
}

static bool find(struct setup *setup)
{
    struct vnet *packet = setup->packet;
    if (!interface_find_ethernet(&setup->error, &setup->ethernet))
        return false;
    interface_take_mac(&setup->ethernet, setup->options->mac, packet->link.mac);
    packet->link.mtu = interface_agree_on_mtu(&setup->error, setup->options->mtu);
    return packet->link.mtu != 0;
}

static bool open_socket(struct setup *setup)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setup->packet->link.fd = fd;
    return fd >= 0 || fail(setup, "no packet socket: run as root, or in a user namespace");
}

static bool set(const struct setup *setup, int option, int value)
{
    return setsockopt(setup->packet->link.fd, SOL_PACKET, option, &value, sizeof value) == 0;
}

/* The kernel takes VLAN tags out of the frames, which then look as if they were meant for us. */
static bool leave_vlans(const struct setup *setup)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
    return setsockopt(setup->packet->link.fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
                      sizeof filter) == 0;
}

/* More than the system grants by default where we may; what it grants otherwise. */
static void make_room(int fd)
{
    const int room = QUEUE_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

static bool set_options(struct setup *setup)
{
    int fd = setup->packet->link.fd;
    make_room(fd);
    if (!set(setup, PACKET_VNET_HDR, 1))
        return fail(setup, "no virtio-net header");
    if (!set(setup, PACKET_IGNORE_OUTGOING, 1) || !leave_vlans(setup))
        return fail(setup, "our own frames cannot be told apart");
    if (!interface_hear(fd, &setup->ethernet, setup->packet->link.mac))
        return fail(setup, "frames to our MAC address cannot be had");
    setup->packet->link.features = LINK_CHECKSUM | LINK_CUT;
    return true;
}

/* Nothing arrives before this. */
static bool bind_socket(struct setup *setup)
{
    const struct sockaddr_ll everything = {.sll_family = AF_PACKET,
                                           .sll_protocol = htons(ETH_P_ALL),
                                           .sll_ifindex = setup->ethernet.index};
    return bind(setup->packet->link.fd, (const struct sockaddr *)&everything, sizeof everything) ==
               0 ||
           fail(setup, "its frames cannot be read");
}

/* The number of the group that `first` has begun is the kernel's choice, so that nobody else's can
 * be meant. */
static bool join_group(struct setup *setup)
{
    const struct link *first = setup->options->first;
    int group = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    socklen_t size = sizeof group;
    if (setup->options->queues <= 1)
        return true;
    if (first != NULL && getsockopt(first->fd, SOL_PACKET, PACKET_FANOUT, &group, &size) != 0)
        return fail(setup, "the first queue has no group");
    return set(setup, PACKET_FANOUT, group) ||
           fail(setup, "what comes in cannot be shared out among queues (is it up?)");
}

/* The kernel reports once that an interface goes down, or away while it is up; a socket whose
 * interface is gone has no index any more. */
static void check_interface(struct link *link)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof bound;
    int error;
    socklen_t error_size = sizeof error;
    getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
    ((struct vnet *)link)->in_doubt = true;
    link->gone |=
        getsockname(link->fd, (struct sockaddr *)&bound, &size) != 0 || bound.sll_ifindex <= 0;
}

struct link *packet_socket_open(const struct queue_options *options, struct packet_memory *memory,
                                struct counters *counters, char *error, size_t error_size)
{
    const char *name = options->name != NULL ? options->name : "";
    struct setup setup = {.options = options, .error = {"packet", name, error, error_size}};
    setup.packet = vnet_create(name, memory, counters);
    if (setup.packet == NULL) {
        interface_complain(&setup.error, "out of memory");
        return NULL;
    }
    setup.packet->link.check = check_interface;
    if (check(&setup) && find(&setup) && open_socket(&setup) && set_options(&setup) &&
        bind_socket(&setup) && join_group(&setup))
        return &setup.packet->link;
    vnet_close(&setup.packet->link);
    return NULL;
}
