/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LINK_END_H
#define CHASKI_CLI_LINK_END_H

#include <stdbool.h>
#include <stdint.h>

#include "core/packet/packet.h"
#include "drivers/link.h"

/*
 * An end of `chaski link`: a descriptor that gives and takes frames behind a virtio-net header, be
 * it a TAP link's or a packet socket's.
 */
struct link_end {
    char name[24]; /* as complaints and reports call it: "tap:left" */
    int fd;
    struct link *tap; /* NULL: a packet socket */
    void *memory;     /* that the TAP driver wants, though no packet of its goes by here */
    struct packet_memory packets;
    struct counters counters;
    /* The interface of a packet socket was seen down, and has given nothing since: whether it is
     * gone the kernel does not tell unless it is asked. */
    bool in_doubt;
};

/* "tap:NAME" or "NAME" (a TAP link, made and set up when missing, and then gone with the program),
 * or "packet:NAME" (an interface that exists). False with a line of ARGUMENT_ERROR bytes in
 * `error`. */
bool link_end_open(struct link_end *end, const char *text, char *error);

/* Whether the interface is down: then no frame passes. */
bool link_end_is_down(const struct link_end *end);

/* Whether the interface of an end in doubt is there no more. */
bool link_end_is_gone(const struct link_end *end);

void link_end_close(struct link_end *end);

/* Reads a frame with its virtio-net header into LINK_FRAME_ROOM bytes. Its length; 0: none is
 * there; -1: the end is gone. Never blocks. */
long link_end_read(struct link_end *end, uint8_t *room);

/* False when the frame was not taken. Never blocks. */
bool link_end_write(struct link_end *end, const uint8_t *room, uint32_t length);

/* Frames that came while nobody had read those before, since the last call; packet sockets only. */
uint32_t link_end_missed(const struct link_end *end);

#endif
