/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>

#include "drivers/frame.h"
#include "drivers/interface.h"
#include "drivers/xdp/xdp_socket_private.h"

/*
 * Opening, a step a function; whatever the steps before did is undone by xdp_close().
 */

enum {
    SMALL_FRAME = 2048,
    PAGE_FRAME = 4096,
    /* What of a page a driver leaves to a frame, the kernel's own notes being in it too. */
    WHOLE_FRAME = PAGE_FRAME - 512,
    FRAME_OVERHEAD = 18, /* Ethernet header and a tag */
    /* A packet has one linear part and so many fragments. */
    MTU_MAX = (1 + PACKET_FRAGMENTS) * (PAGE_FRAME - XDP_PACKET_HEADROOM) - FRAME_OVERHEAD,
    BUSY_TRIES = 50, /* 10 ms apart */
};

struct setup {
    const struct queue_options *options;
    struct xdp *xdp;
    struct interface_ethernet ethernet;
    struct interface_error error;
};

static bool fail(const struct setup *setup, const char *what, int error)
{
    return interface_complain(&setup->error, "%s: %s", what, strerror(error));
}

/* Frames that come by a queue that nobody has would go to the kernel. */
static bool check(struct setup *setup)
{
    const struct queue_options *options = setup->options;
    if (!interface_check(&setup->error, options->mac, options->mtu) ||
        !interface_find_ethernet(&setup->error, &setup->ethernet))
        return false;
    uint32_t queues = interface_receive_queues(setup->xdp->name);
    if (queues == options->queues)
        return true;
    return interface_complain(&setup->error,
                              "queues that it receives by: %u, asked for: %u; add ,queues=%u, or "
                              "have it use %u by `ethtool -L`",
                              queues, options->queues, queues, options->queues);
}

static bool fit(struct setup *setup)
{
    struct xdp *xdp = setup->xdp;
    interface_take_mac(&setup->ethernet, setup->options->mac, xdp->link.mac);
    xdp->link.mtu = interface_agree_on_mtu(&setup->error, setup->options->mtu);
    uint32_t needed = xdp->link.mtu + XDP_PACKET_HEADROOM + FRAME_OVERHEAD;
    xdp->frame_size = needed <= SMALL_FRAME ? SMALL_FRAME : PAGE_FRAME;
    xdp->parts = needed > WHOLE_FRAME;
    if (xdp->link.mtu <= MTU_MAX)
        return xdp->link.mtu != 0;
    return interface_complain(&setup->error, "MTU %u is too large: AF_XDP carries up to %d",
                              xdp->link.mtu, MTU_MAX);
}

/* Has the packet socket told when the interface goes down, which takes being bound to frames of
 * some kind; none are kept. */
static bool attend(int fd, const struct interface_ethernet *ethernet)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    const struct sock_fprog filter = {1, &nothing};
    const struct sockaddr_ll loopback_frames = {.sll_family = AF_PACKET,
                                                .sll_protocol = htons(ETH_P_LOOPBACK),
                                                .sll_ifindex = ethernet->index};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0 &&
           bind(fd, (const struct sockaddr *)&loopback_frames, sizeof loopback_frames) == 0;
}

/* The interface lets through what is sent to us for as long as this socket is open, and tells it
 * when it goes down; an AF_XDP socket itself shows no error to who waits for it. */
static bool hear(struct setup *setup)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    setup->xdp->link.news_fd = fd;
    if (fd < 0 || !interface_hear(fd, &setup->ethernet, setup->xdp->link.mac) ||
        !attend(fd, &setup->ethernet))
        return fail(setup, "frames to our MAC address cannot be had: run as root", errno);
    return true;
}

static bool map_memory(struct setup *setup)
{
    size_t size = (size_t)XDP_FRAMES * setup->xdp->frame_size;
    void *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return fail(setup, "no memory for frames", errno);
    setup->xdp->area = area;
    return true;
}

static void distribute_frames(struct xdp *xdp)
{
    for (uint32_t i = 0; i < XDP_RECEIVE_FRAMES; i++)
        xdp->spare[i] = XDP_RECEIVE_FRAMES - 1 - i;
    for (uint32_t i = 0; i < XDP_SEND_FRAMES; i++)
        xdp->send[i] = XDP_FRAMES - 1 - i;
    xdp->spare_count = XDP_RECEIVE_FRAMES;
    xdp->send_count = XDP_SEND_FRAMES;
    xdp_fill(xdp);
}

/* The queue is ours; now its frames. */
static int hand_over_frames(struct setup *setup, uint32_t mode)
{
    struct xdp *xdp = setup->xdp;
    const struct xdp *owner = (const struct xdp *)setup->options->first;
    int error = 0;
    if (owner == NULL) {
        owner = xdp;
        error = xdp_load_program(xdp, setup->ethernet.index,
                                 mode == XDP_FLAGS_DRV_MODE ? XDP_MODE_NATIVE : XDP_MODE_SKB);
    }
    return error != 0 ? error : xdp_join_program(xdp, owner);
}

/* Binds a socket to the queue; the kernel itself tries zero-copy first. */
static int bind_socket(struct setup *setup, uint32_t mode)
{
    struct xdp *xdp = setup->xdp;
    const struct xsk_socket_config config = {
        .rx_size = XDP_RING,
        .tx_size = XDP_RING,
        .xdp_flags = mode,
        .bind_flags = (uint16_t)(XDP_USE_NEED_WAKEUP | (xdp->parts ? XDP_BIND_PARTS : 0)),
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
    };
    return xsk_socket__create(&xdp->socket, xdp->name, setup->options->queue, xdp->umem,
                              &xdp->received, &xdp->to_send, &config);
}

static void undo_attempt(struct xdp *xdp)
{
    if (xdp->socket != NULL)
        xsk_socket__delete(xdp->socket);
    if (xdp->umem != NULL)
        xsk_umem__delete(xdp->umem);
    xdp->socket = NULL;
    xdp->umem = NULL;
    xdp_unload_program(xdp);
    /* libxdp counts on from what it finds in them. */
    xdp->received = xdp->completed = (struct xsk_ring_cons){0};
    xdp->to_fill = xdp->to_send = (struct xsk_ring_prod){0};
}

/* Shares the memory and takes the queue; 0, or a negative errno and nothing done. */
static int attempt(struct setup *setup, uint32_t mode)
{
    struct xdp *xdp = setup->xdp;
    const struct xsk_umem_config memory = {
        .fill_size = XDP_RING, .comp_size = XDP_RING, .frame_size = xdp->frame_size};
    int error = xsk_umem__create(&xdp->umem, xdp->area, (size_t)XDP_FRAMES * xdp->frame_size,
                                 &xdp->to_fill, &xdp->completed, &memory);
    if (error == 0) {
        distribute_frames(xdp);
        error = bind_socket(setup, mode);
    }
    if (error == 0)
        error = hand_over_frames(setup, mode);
    if (error != 0)
        undo_attempt(xdp);
    return error;
}

/* A socket that was closed a moment ago, be it by the attempt before, still has its queue. */
static int attempt_patiently(struct setup *setup, uint32_t mode)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    int error = attempt(setup, mode);
    for (int i = 0; i < BUSY_TRIES && error == -EBUSY; i++) {
        nanosleep(&pause, NULL);
        error = attempt(setup, mode);
    }
    return error;
}

/* In the interface's driver when that can do it (native), else behind it. */
static int attempt_either(struct setup *setup)
{
    int error = attempt_patiently(setup, XDP_FLAGS_DRV_MODE);
    if (error == 0 || error == -EBUSY || error == -EPERM)
        return error;
    return attempt_patiently(setup, XDP_FLAGS_SKB_MODE);
}

static bool is_zero_copy(int fd)
{
    uint32_t flags = 0;
    socklen_t size = sizeof flags;
    return getsockopt(fd, SOL_XDP, XDP_OPTIONS, &flags, &size) == 0 &&
           (flags & XDP_OPTIONS_ZEROCOPY) != 0;
}

/* The kernel's words. */
static const char *manner_of(const struct setup *setup)
{
    const struct link *first = setup->options->first;
    const struct xdp *owner = first != NULL ? (const struct xdp *)first : setup->xdp;
    if (is_zero_copy(setup->xdp->link.fd))
        return "native, zero-copy";
    return owner->program_mode == XDP_MODE_NATIVE ? "native, copied" : "generic, copied";
}

static bool open_socket(struct setup *setup)
{
    struct xdp *xdp = setup->xdp;
    int error = attempt_either(setup);
    switch (-error) {
    case 0:
        xdp->link.fd = xsk_socket__fd(xdp->socket);
        xdp->link.manner = manner_of(setup);
        return true;
    case EBUSY:
        return interface_complain(&setup->error, "another program has queue %u of it: end that",
                                  setup->options->queue);
    case EPERM:
        return interface_complain(&setup->error, "not permitted: run as root");
    case ENOBUFS:
        return interface_complain(&setup->error, "too little memory may be shared with the kernel: "
                                                 "run as root, or raise `ulimit -l`");
    case EINVAL:
        if (xdp->parts)
            return interface_complain(&setup->error,
                                      "MTU %u takes frames of several parts, which the kernel does "
                                      "not offer: set it to %d at most",
                                      xdp->link.mtu,
                                      WHOLE_FRAME - XDP_PACKET_HEADROOM - FRAME_OVERHEAD);
        return fail(setup, "no AF_XDP socket", EINVAL);
    default:
        return fail(setup, "no AF_XDP socket", -error);
    }
}

static void xdp_close(struct link *link)
{
    struct xdp *xdp = (struct xdp *)link;
    if (xdp->begun != NULL)
        packet_free(xdp->begun);
    undo_attempt(xdp);
    if (xdp->area != NULL)
        munmap(xdp->area, (size_t)XDP_FRAMES * xdp->frame_size);
    if (link->news_fd >= 0)
        close(link->news_fd);
    free(xdp);
}

static struct xdp *create(const char *name, struct packet_memory *memory, struct counters *counters)
{
    struct xdp *xdp = calloc(1, sizeof *xdp);
    if (xdp == NULL)
        return NULL;
    memcpy(xdp->name, name, strnlen(name, sizeof xdp->name - 1));
    xdp->link = (struct link){
        .name = xdp->name,
        .memory = memory,
        .counters = counters,
        .fd = -1,
        .news_fd = -1,
        .receive = xdp_receive,
        .transmit = xdp_transmit,
        .deadline = xdp_deadline,
        .check = xdp_check,
        .close = xdp_close,
    };
    return xdp;
}

/* The libraries write to stderr by themselves unless told not to. */
static void silence_libraries(void)
{
    libbpf_set_print(NULL);
    libxdp_set_print(NULL);
}

struct link *xdp_socket_open(const struct queue_options *options, struct packet_memory *memory,
                             struct counters *counters, char *error, size_t error_size)
{
    const char *name = options->name != NULL ? options->name : "";
    struct setup setup = {.options = options, .error = {"xdp", name, error, error_size}};
    setup.xdp = create(name, memory, counters);
    if (setup.xdp == NULL) {
        interface_complain(&setup.error, "out of memory");
        return NULL;
    }
    silence_libraries();
    if (check(&setup) && fit(&setup) && hear(&setup) && map_memory(&setup) && open_socket(&setup))
        return &setup.xdp->link;
    xdp_close(&setup.xdp->link);
    return NULL;
}
