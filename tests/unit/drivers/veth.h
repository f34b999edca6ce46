/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_VETH_H
#define CHASKI_TESTS_UNIT_VETH_H

#include "tests/unit/drivers/namespace.h"
#include "tests/unit/drivers/station.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * A pair of Ethernet interfaces in a network namespace of the test's own: the driver has `near`,
 * and a packet socket on `far` stands in for the rest of the world.
 */

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 2}, far_mac[6] = {2, 0, 0, 0, 0, 3};

/* Runs a command; whether it succeeded. */
static inline bool run(const char *command)
{
    return system(command) == 0;
}

/* A namespace in which we are root and may make interfaces; what stands in the way, or NULL. */
static inline const char *veth_enter(void)
{
    if (!namespace_enter())
        return "no network namespace can be made";
    if (!run("ip link add near type veth peer name far 2>/dev/null") || !run("ip link del near"))
        return "no pair of interfaces can be made";
    return NULL;
}

/* Sets the interface up; frames pass a little later than that. */
static inline void veth_up(const char *name)
{
    struct ifreq request = {0};
    char command[64];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    snprintf(command, sizeof command, "ip link set %s up", name);
    assert_true(run(command));
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
        if ((request.ifr_flags & IFF_RUNNING) != 0)
            break;
        usleep(1000);
    }
    close(fd);
}

/* `options` as `ip link add` takes them: "mtu 9000 numrxqueues 2"... */
static inline void veth_make(const char *options)
{
    char command[256];
    snprintf(command, sizeof command,
             "ip link add near %s address 02:00:00:00:00:01 type veth peer name far %s address "
             "02:00:00:00:00:03 && ip link set near up",
             options, options);
    assert_true(run(command));
    veth_up("far");
    veth_up("near");
}

static inline int veth_far_socket(void)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex("far")};
    int on = 1, huge = 1 << 22;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on), 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &huge, sizeof huge);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The frame of the experimental EtherType with this number; `length` counts from Ethernet on. */
static inline void veth_frame(uint8_t *frame, size_t length, uint8_t number, bool from_far)
{
    memcpy(frame, from_far ? our_mac : far_mac, 6);
    memcpy(frame + 6, from_far ? far_mac : our_mac, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    for (size_t i = 14; i < length; i++)
        frame[i] = (uint8_t)(number + i * 7 + i / 251);
}

/* Sends bytes from the far end, behind a virtio-net header. */
static inline void veth_send(int fd, struct virtio_net_hdr header, void *frame, size_t length)
{
    struct iovec pieces[2] = {{&header, sizeof header}, {frame, length}};
    assert_int_equal(writev(fd, pieces, 2), length + sizeof header);
}

static inline void veth_send_frame(int fd, size_t length, uint8_t number)
{
    static uint8_t frame[FRAME_MAX];
    veth_frame(frame, length, number, true);
    veth_send(fd, (struct virtio_net_hdr){0}, frame, length);
}

/* The length of the next frame that arrives at the far end within 200 ms; 0: none. */
static inline size_t veth_receive(int fd, struct virtio_net_hdr *header, uint8_t *frame)
{
    struct iovec pieces[2] = {{header, sizeof *header}, {frame, FRAME_MAX}};
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    poll(&polled, 1, 200);
    ssize_t length = readv(fd, pieces, 2);
    return length < (ssize_t)sizeof *header ? 0 : (size_t)length - sizeof *header;
}

/* The next frame that the driver has; NULL: none within 200 ms. */
static inline struct packet *veth_next(struct link *link)
{
    struct burst burst = {0};
    struct pollfd polled = {.fd = link->fd, .events = POLLIN};
    poll(&polled, 1, 200);
    link->receive(link, &burst, 0);
    for (uint32_t i = 1; i < burst.count; i++)
        packet_free(burst.packets[i]);
    return burst.count != 0 ? burst.packets[0] : NULL;
}

static inline void veth_assert_frame(struct packet *packet, size_t length, uint8_t number)
{
    static uint8_t frame[FRAME_MAX];
    assert_non_null(packet);
    veth_frame(frame, length, number, true);
    assert_bytes(packet, frame, length);
    packet_free(packet);
}

#endif
