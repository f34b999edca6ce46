/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_XDP_SOCKET_PRIVATE_H
#define CHASKI_DRIVERS_XDP_SOCKET_PRIVATE_H

#include <net/if.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

#include "drivers/xdp/xdp_socket.h"

/* What xdp_socket_open.c sets up and xdp_socket.c moves frames with. */

enum {
    XDP_RING = 2048, /* entries of each of the four rings */
    /* Frames of the shared memory: as many as the stack may keep, a ring of empty ones that the
     * kernel fills, and a ring of those that are being sent. */
    XDP_LENT_MAX = 2048,
    XDP_RECEIVE_FRAMES = XDP_LENT_MAX + XDP_RING,
    XDP_SEND_FRAMES = XDP_RING,
    XDP_FRAMES = XDP_RECEIVE_FRAMES + XDP_SEND_FRAMES,
};

/* Younger than Debian 12's headers: frames of several parts. */
enum {
    XDP_BIND_PARTS = 1 << 4,   /* XDP_USE_SG, in sxdp_flags */
    XDP_PART_FOLLOWS = 1 << 0, /* XDP_PKT_CONTD, in the options of a description */
};

struct xdp {
    struct link link;
    char name[IFNAMSIZ];
    struct xsk_ring_cons received, completed;
    struct xsk_ring_prod to_fill, to_send;
    uint8_t *area; /* shared with the kernel: frames of frame_size bytes */
    uint32_t frame_size;
    uint32_t spare_count, send_count;
    uint32_t lent; /* receive frames that the stack has */
    bool unsent;   /* the kernel would not take all that stands in to_send yet */
    bool parts;    /* frames may be longer than frame_size */
    /* Of a frame whose last part has not come yet. */
    struct packet *begun;
    bool skipping; /* the frame was dropped; what follows of it goes too */
    /* The interface was seen down: whether it is gone is looked up now and then, until something is
     * received again. */
    bool in_doubt;
    uint64_t looked_ns;
    struct xsk_socket *socket;
    struct xsk_umem *umem;
    struct xdp_program *program; /* NULL: another link's affair */
    int program_index;           /* of the interface */
    enum xdp_attach_mode program_mode;
    uint32_t spare[XDP_RECEIVE_FRAMES];       /* receive frames that nobody has; a stack */
    uint32_t send[XDP_SEND_FRAMES];           /* send frames that nobody has */
    struct buffer buffer[XDP_RECEIVE_FRAMES]; /* as the stack knows receive frames */
};

uint32_t xdp_receive(struct link *link, struct burst *burst, uint64_t now_ns);
void xdp_transmit(void *block, struct burst *burst, uint64_t now_ns);
uint64_t xdp_deadline(struct link *link);
void xdp_check(struct link *link);

/* Attach the program to the interface, give it to a link's socket, and take it away. 0 or a
 * negative errno. */
int xdp_load_program(struct xdp *xdp, int index, enum xdp_attach_mode mode);
int xdp_join_program(struct xdp *xdp, const struct xdp *owner);
void xdp_unload_program(struct xdp *xdp);

/* Puts empty frames into the fill ring. */
void xdp_fill(struct xdp *xdp);

#endif
