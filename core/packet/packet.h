/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_PACKET_PACKET_H
#define CHASKI_PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/base/bytes.h"

#include "chaski/address.h"
#include "core/base/checksum.h"
#include "core/base/counters.h"
#include "core/base/tree.h"
#include "core/packet/buffer.h"

/*
 * A packet is a descriptor: a linear part, where the headers are, followed by fragments that
 * refer to buffers. The linear part lies either in the descriptor's own room (packets that we
 * build: headers and short payloads) or in a buffer (frames that a driver received).
 *
 *   start        data                 data + linear_length      end
 *   |<-head room->|<-- linear part --->|<----- tail room ------->|   then fragment[0], [1], ...
 *
 * Exactly one owner at a time: whoever is given a packet passes it on or drops it.
 */

enum {
    PACKET_FRAGMENTS = 5,
    PACKET_HEAD_ROOM = 128, /* virtio-net + Ethernet + tag + IPv6 + TCP with all options: 122 */
    PACKET_ROOM = 256,      /* the descriptor's own room, head room included */
};

/* What is known of the transport checksum. */
enum packet_checksum {
    CHECKSUM_UNKNOWN,  /* received: must be verified */
    CHECKSUM_VERIFIED, /* received: somebody whom we trust verified it, or made it just now */
    CHECKSUM_PARTIAL,  /* its field holds the pseudo-header's sum; the edge completes it */
    CHECKSUM_COMPLETE, /* to be sent: the field is right */
};

enum packet_flag {
    PACKET_LINK_BROADCAST = 1, /* came to the link's broadcast address */
    PACKET_LINK_MULTICAST = 2, /* came to a link multicast address */
    PACKET_LOOPED = 4,         /* came from this host itself */
    PACKET_CWR_EVERYWHERE = 8, /* TCP, to be cut: CWR belongs to every frame (RFC 9768, 3.2.2) */
    PACKET_BARE = 16,          /* received: no link's header stands before the network's */
};

struct fragment {
    struct buffer *buffer;
    uint32_t offset;
    uint32_t length;
};

/* What a transport block says about a datagram that it sends, and what an IP block says about one
 * that it delivers. */
struct packet_ip {
    struct chaski_address source; /* sending: unspecified lets the IP block choose */
    struct chaski_address destination;
    uint8_t protocol;
    uint8_t ttl;           /* or hop limit; sending: 0 is the default */
    uint8_t traffic_class; /* DSCP and ECN */
    bool dont_fragment;
    bool destination_multicast : 1; /* delivering: it came to a group or a broadcast address */
    bool router_alert : 1;          /* sending: carries the option of RFC 2113 */
    bool no_loop : 1;               /* sending to a group: members on this host do not hear it */
    bool watched : 1;               /* sending: packet->watch says who wants to see it go */
    uint8_t interface;              /* sending: number plus one; 0: the one that the route says */
};

/* What TCP notes down about a received segment; host byte order. */
struct packet_tcp {
    uint32_t sequence; /* of the first payload byte, SYN counted */
    union {
        uint32_t acknowledgment;
        uint32_t run_before; /* heading a run: where the one begins that was the latest before */
    };
    union {
        struct {
            uint32_t timestamp, timestamp_echo;
        };
        uint64_t received_ns; /* once queued: when its last byte came */
    };
    uint16_t window, urgent;
    uint8_t flags;
    bool has_timestamp;
    uint8_t header_length;
    uint8_t sack_offset; /* of the first SACK edge within the header; 0: no SACK option */
    uint8_t sack_count;
    uint8_t accecn_offset;   /* of the option within the header; 0: none */
    bool ae;                 /* TCP_AE, which has no room in `flags` */
    uint32_t charge;         /* bytes of memory that the segment keeps busy while queued */
    uint32_t run_end;        /* sequence number behind the run */
    uint16_t user_timeout;   /* the option's value (RFC 5482); 0: none */
    bool newer;              /* its timestamp is later than any before */
    struct packet *run_tail; /* last packet of the run */
    struct tree_node node;   /* heads a run behind a gap; node.key is its first sequence number */
};

/* What UDP notes down about a received datagram; host byte order. */
struct packet_udp {
    uint16_t source_port, destination_port;
    uint32_t charge; /* bytes of memory that the datagram keeps busy while queued */
    uint32_t drops;  /* those for the same socket that had found no room before it */
    uint64_t received_ns;
};

/* Whose a packet is that is sent and watched, and what it is among those. */
struct packet_watch {
    uint32_t index, generation; /* a handle of the transport's */
    uint64_t position;
};

/* Whose a kept SYN is, with the addresses; host byte order. */
struct packet_ports {
    uint16_t local, remote;
};

/* In the order of use: where pointers have 64 bits, one cache line says what every block asks, the
 * next where to, the third is the transport's. */
struct packet {
    struct packet *next; /* for whoever queues it */
    struct pool *pool;   /* where the descriptor goes back to */
    uint8_t *data;
    uint8_t *start, *end;
    struct buffer *linear; /* whose memory start..end is; NULL: the descriptor's own room */
    uint32_t length;       /* linear part and fragments together */
    uint16_t linear_length;
    uint16_t protocol;     /* what the next dispatch block looks at: EtherType, then IP protocol */
    uint16_t network;      /* offset of the network header from start */
    uint16_t transport;    /* offset of the transport header from start */
    uint16_t segment_size; /* TCP payload bytes a segment once cut; 0: not to be cut */
    uint8_t fragment_count;
    uint8_t checksum; /* enum packet_checksum */

    struct chaski_address next_hop; /* IP block to link block: the neighbour to send it to */
    struct packet_ip ip;
    uint8_t checksum_field; /* PARTIAL: offset of the field from the transport header */
    uint8_t flags;          /* enum packet_flag */
    uint8_t interface;      /* it came in by, or goes out by */
    uint8_t link_destination[6];

    union {
        struct packet_tcp tcp;
        struct packet_udp udp;
        struct packet_ports kept;
        struct packet_watch watch;
    };
    struct fragment fragments[PACKET_FRAGMENTS];
    uint8_t room[PACKET_ROOM];
};

/* The memory that a host builds packets from. */
struct packet_memory {
    struct pool packets;
    struct pool
        small; /* buffers of SMALL_BUFFER bytes: a frame of an ordinary link, short writes */
    struct pool large; /* buffers of LARGE_BUFFER bytes: bulk data, either way */
    bool sums; /* checksums are computed in here: who writes bytes to be sent may note theirs */
};

enum {
    SMALL_BUFFER = 2048 - BUFFER_HEADER,
    LARGE_BUFFER = 32768,
};

/* An empty packet with PACKET_HEAD_ROOM bytes of head room in its own room; NULL when there is
 * none left for the purpose. Everything from `length` up to `tcp` is zero; `tcp` and what lies
 * behind it is not initialised. */
struct packet *packet_take(struct pool *pool, enum purpose purpose);

/* An empty packet whose linear part will lie in `buffer`, after `head_room` bytes. Takes over the
 * caller's reference to the buffer; when it returns NULL the caller still has it. */
struct packet *packet_take_in(struct pool *pool, struct buffer *buffer, uint32_t head_room,
                              enum purpose purpose);

/* Gives the packet and its references back. */
void packet_free(struct packet *packet);

/* Gives it back and counts why. */
static inline void packet_drop(struct packet *packet, struct counters *counters,
                               enum chaski_counter why)
{
    count(counters, why);
    packet_free(packet);
}

static inline uint32_t packet_head_room(const struct packet *packet)
{
    return (uint32_t)(packet->data - packet->start);
}

/* Bytes that packet_put() can still append: none once there are fragments. Whether anybody else
 * looks at the memory behind (a buffer with several references) is the caller's to know. */
static inline uint32_t packet_tail_room(const struct packet *packet)
{
    if (packet->fragment_count != 0)
        return 0;
    return (uint32_t)(packet->end - packet->data) - packet->linear_length;
}

/* Lengthens the linear part at the front by n <= packet_head_room() bytes, for a header. */
static inline uint8_t *packet_push(struct packet *packet, uint32_t n)
{
    packet->data -= n;
    packet->linear_length = (uint16_t)(packet->linear_length + n);
    packet->length += n;
    return packet->data;
}

/* Takes n <= linear_length bytes from the front, a header that has been dealt with. */
static inline uint8_t *packet_pull(struct packet *packet, uint32_t n)
{
    packet->data += n;
    packet->linear_length = (uint16_t)(packet->linear_length - n);
    packet->length -= n;
    return packet->data;
}

/* Appends n <= packet_tail_room() bytes and returns where they are. */
static inline uint8_t *packet_put(struct packet *packet, uint32_t n)
{
    uint8_t *at = packet->data + packet->linear_length;
    packet->linear_length = (uint16_t)(packet->linear_length + n);
    packet->length += n;
    return at;
}

/* Shortens to `length` <= packet->length bytes, dropping what lies behind. */
void packet_trim(struct packet *packet, uint32_t length);

/* Takes n <= length bytes from the front, from the fragments too when it must. */
void packet_consume(struct packet *packet, uint32_t n);

/* Appends a fragment; takes over the caller's reference. False, with nothing done, when
 * there are PACKET_FRAGMENTS already. */
bool packet_add_fragment(struct packet *packet, struct buffer *buffer, uint32_t offset,
                         uint32_t length);

/* Appends a copy of bytes that are to be sent: to the linear part when it has room, else as
 * fragments in buffers of `memory`. False when there are not as many; the packet then has a part of
 * them. */
bool packet_append_copy(struct packet *packet, const void *bytes, size_t length,
                        struct packet_memory *memory);

/* All bytes one after the other: where they lie, if they lie so, else copied to `scratch`. */
const uint8_t *packet_in_one_place(const struct packet *packet, uint8_t *scratch);

/* Makes the first n bytes linear, moving the linear part to a buffer of `memory` when there is no
 * room behind it or somebody else looks at it; head room, and the headers in it, are kept. False
 * when n exceeds the packet's length or what can be had; the packet is unharmed. */
bool packet_pull_up(struct packet *packet, uint32_t n, struct packet_memory *memory);

/* Copies `length` bytes from `offset` on; they must be there. */
void packet_copy_out(const struct packet *packet, uint32_t offset, void *to, uint32_t length);

/* A second packet that refers to the same bytes from `offset` on, `length` of them (they must be
 * there), as fragments. Bytes in the descriptor's own room are copied into the second one's, and
 * are its linear part, which else is empty. Nothing but the bytes is taken over. NULL when no
 * descriptor is left, when more than PACKET_ROOM - PACKET_HEAD_ROOM bytes would have to be copied,
 * or when it would take more than PACKET_FRAGMENTS (a linear part in a buffer takes one). */
struct packet *packet_slice(const struct packet *packet, uint32_t offset, uint32_t length,
                            struct pool *pool, enum purpose purpose);

/* The partial checksum of the bytes from `offset` to the end. */
uint64_t packet_checksum_partial(const struct packet *packet, uint32_t offset);

/* Completes a PARTIAL checksum in place (transport header linear); a result of 0 is stored as its
 * equal 0xffff, as UDP demands (RFC 768) and TCP allows. Otherwise does nothing. */
void packet_checksum_complete(struct packet *packet);

/* Somebody else looks at the memory of the linear part too, so its bytes must not change. */
static inline bool packet_is_shared(const struct packet *packet)
{
    return packet->linear != NULL && packet->linear->references > 1;
}

static inline void packet_set_network(struct packet *packet)
{
    packet->network = (uint16_t)(packet->data - packet->start);
}

static inline void packet_set_transport(struct packet *packet)
{
    packet->transport = (uint16_t)(packet->data - packet->start);
}

static inline uint8_t *packet_network(const struct packet *packet)
{
    return packet->start + packet->network;
}

static inline uint8_t *packet_transport(const struct packet *packet)
{
    return packet->start + packet->transport;
}

#endif
