/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_SENT_PACKET_H
#define CHASKI_SOCKETS_SENT_PACKET_H

#include "sockets/socket.h"

struct packet;

/* What was sent, from its IP header on, as it is told with a time (SO_TIMESTAMPING). */
struct sent_packet {
    unsigned users;      /* whoever keeps it */
    size_t length, text; /* of its bytes those from `text` on are what the application wrote */
    size_t checksum;     /* where its field is, */
    bool partial;        /* which the link was to complete */
    struct header_told header;
    uint8_t bytes[];
};

/* A copy, with one user; NULL without memory. */
struct sent_packet *sent_packet_keep(const struct packet *packet);
/* One user less; the last one frees it. NULL is fine. */
void sent_packet_drop(struct sent_packet *kept);
/* Does what was left to the link. */
void sent_packet_finish_checksum(struct sent_packet *kept);
/* How many bytes of a segment the application wrote. */
size_t sent_packet_text(const struct packet *packet);

#endif
