/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_HANDOVER_H
#define CHASKI_RUNTIME_HANDOVER_H

#include "core/packet/packet.h"
#include "runtime/threads/channel.h"

/*
 * Packets from one shard to another. A packet stays in the memory that it was taken from, whose
 * pools and reference counts belong to one thread: the giver lends it, the taker copies it into its
 * own memory and sends the pointer back, and the giver frees it. What is lent is limited, and the
 * way back has room for all of it.
 */
enum {
    HANDOVER_LENT = 511, /* packets at most */
};

enum handed {
    HANDED_FRAME,       /* received, data at the Ethernet header */
    HANDED_DATAGRAM,    /* received in fragments, data at the IP header */
    HANDED_SEND,        /* a frame to be sent by the interface's link */
    HANDED_RESOLVE,     /* an IP packet to a neighbour that only the leader can find */
    HANDED_UNREACHABLE, /* an IP packet whose neighbour did not answer */
    HANDED_NEWS,        /* no packet: news about a neighbour, see handover_tell() */
};

struct handover {
    struct channel *forth, *back; /* one gives, one takes */
    /* The giver's: */
    uint32_t lent;
    uint64_t full_ns; /* since when there has been no room for a burst and nothing has come back;
                         0: there is, or something has */
};

/* False without memory; then it is closed all the same. */
bool handover_open(struct handover *handover);
/* When neither end uses it any more. What was not taken is given back here. */
void handover_close(struct handover *handover);

/* ---- The giver's ---- */

/* Lends a packet, which is the giver's again when handover_free() has found it. False: as much is
 * lent as may be, and the packet is the caller's still. */
bool handover_lend(struct handover *handover, struct packet *packet, enum handed kind,
                   uint8_t interface);

/* Forgotten when there is no room: it will be told again. */
void handover_tell(struct handover *handover, uint8_t news, uint8_t interface, uint32_t address);

/* Frees what has come back. */
void handover_free(struct handover *handover);

/* Whether so many packets, up to a burst, can be lent. True as well when there has been no room for
 * a burst, and nothing has come back, for a tenth of a second: then the taker is stuck, and is not
 * to hold up others. */
bool handover_has_room(struct handover *handover, uint32_t packets, uint64_t now_ns);

/* ---- The taker's ---- */

struct handed_item {
    enum handed kind;
    uint8_t interface;
    struct packet *packet; /* a copy, the taker's; NULL: of NEWS, or there was no memory for it */
    uint8_t news;          /* enum neighbour_news */
    uint32_t address;
};

bool handover_take(struct handover *handover, struct packet_memory *memory,
                   struct handed_item *item);

/* Whether there is something to take, or (the giver) to free. */
bool handover_is_empty(const struct handover *handover);

#endif
