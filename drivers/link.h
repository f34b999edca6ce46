/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_LINK_H
#define CHASKI_DRIVERS_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/link/feature.h"
#include "core/packet/burst.h"

/* What the driver of a device has counted. */
struct link_statistics {
    uint64_t received, received_bytes;
    uint64_t sent, sent_bytes;
    uint64_t copied;    /* received, and not left where they were because too many lay there */
    uint64_t no_memory; /* received, but there was nothing to pass them on in */
    uint64_t refused;   /* sent, but the device could not take them */
    uint64_t oversized; /* sent, longer than the MTU and not to be cut */
};

/*
 * What moves frames: the one interface of all drivers. A driver fills in a struct link that it
 * embeds, and takes the packets that it receives into from `memory`, the host's own.
 *
 * A received packet has its data at the Ethernet header, a checksum of UNKNOWN or VERIFIED, and a
 * segment_size other than 0 when it is several segments of that size in one. Its linear part
 * may end anywhere behind the first 14 bytes, so whoever wants a header linear pulls it up.
 */
struct link {
    const char *name;
    const char *manner; /* in which frames are moved, for people; NULL: there is only one */
    struct packet_memory *memory;
    struct counters *counters; /* of the host: what the driver has to drop is counted there */
    int fd;                    /* readable when there is something to receive; -1: must be polled */
    int news_fd;       /* has an error when check() is to be called; -1: fd has it, if any has */
    unsigned features; /* enum link_feature */
    uint16_t mtu;      /* IP packet size that it carries */
    uint8_t mac[6];
    bool more; /* set by receive(): call again before what was received is answered */
    bool gone; /* set by receive() and check(): the device is no longer there, and will not be */
    /* Puts up to BURST_MAX received frames into an empty burst; returns how many. Never blocks. */
    uint32_t (*receive)(struct link *link, struct burst *burst, uint64_t now_ns);
    /* Sends and frees; a hook_function whose block is the struct link. */
    hook_function *transmit;
    /* When to call receive() though fd is silent: 0 at once, UINT64_MAX for never. What lives in
     * virtual time has its next frame then. NULL: never. */
    uint64_t (*deadline)(struct link *link);
    /* Called when waiting for fd or news_fd has shown an error: finds out whether the device is
     * gone, and clears the error when it is not. NULL: then it is gone. */
    void (*check)(struct link *link);
    /* Gives everything back, the struct included when the driver allocated it. NULL: nothing to
     * do. */
    void (*close)(struct link *link);
    struct link_statistics statistics; /* of a device; nothing else counts here */
};

/* A queue of a device that exists, as its driver is to open it. */
struct queue_options {
    const char *name;         /* of the device */
    uint8_t mac[6];           /* all zero: the device's own */
    uint16_t mtu;             /* also set for the device when that differs; 0: what that has */
    uint32_t queues;          /* that share what it receives, a flow always by the same one */
    uint32_t queue;           /* which of them this is, from 0; they are opened in this order */
    const struct link *first; /* the link of queue 0, which is closed last; NULL: this is it */
};

static inline void link_close(struct link *link)
{
    if (link->close != NULL)
        link->close(link);
}

/* Whether a frame is longer than the link carries, and not a segment that it takes whole. */
static inline bool link_oversized(const struct link *link, const struct packet *packet)
{
    bool taken = packet->segment_size != 0 && (link->features & (LINK_CUT | LINK_WHOLE)) != 0;
    return packet->length > link->mtu + 18u && !taken;
}

#endif
