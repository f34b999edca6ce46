/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_AO_H
#define CHASKI_SOCKETS_AO_H

#include "sockets/options/option.h"
#include "sockets/socket.h"

/*
 * TCP-AO (RFC 5925) as Linux offers it from 6.7 on: keys belong to sockets. What this system's
 * <linux/tcp.h> may be too old for stands here, under names of our own.
 */
enum {
    AO_ADD_KEY = 38, /* TCP_AO_ADD_KEY and its like */
    AO_DEL_KEY = 39,
    AO_INFO = 40,
    AO_GET_KEYS = 41,
    AO_KEY_MAX = 80,
    AO_FLAG_INTERFACE = 1, /* TCP_AO_KEYF_IFINDEX */
    AO_FLAG_EXCLUDE_OPTIONS = 2,
};

struct ao_add { /* struct tcp_ao_add */
    struct sockaddr_storage address;
    char algorithm[64];
    int32_t interface;
    uint32_t set_current : 1, set_next : 1, reserved : 30;
    uint16_t reserved2;
    uint8_t prefix;
    uint8_t send_id, receive_id;
    uint8_t code_length; /* 0: 12 */
    uint8_t flags;
    uint8_t key_length;
    uint8_t key[AO_KEY_MAX];
};

struct ao_delete { /* struct tcp_ao_del */
    struct sockaddr_storage address;
    int32_t interface;
    uint32_t set_current : 1, set_next : 1, later : 1, reserved : 29;
    uint16_t reserved2;
    uint8_t prefix;
    uint8_t send_id, receive_id;
    uint8_t current_key, next_key;
    uint8_t flags;
};

struct ao_info { /* struct tcp_ao_info_opt */
    uint32_t set_current : 1, set_next : 1, required : 1, set_counters : 1, accept_icmp : 1,
        reserved : 27;
    uint16_t reserved2;
    uint8_t current_key, next_key;
    uint64_t good, bad, key_not_found, required_missing, dropped_icmp;
};

/* Asked for is the current key, the one that the peer is asked to use, all, or (none of the bits)
 * those with the address and the IDs; `count` entries have room, and become how many there are. */
struct ao_keys { /* struct tcp_ao_getsockopt */
    struct sockaddr_storage address;
    char algorithm[64];
    uint8_t key[AO_KEY_MAX];
    uint32_t count;
    uint16_t is_current : 1, is_next : 1, all : 1, reserved : 13;
    uint8_t send_id, receive_id;
    uint8_t prefix;
    uint8_t code_length;
    uint8_t flags;
    uint8_t key_length;
    int32_t interface;
    uint64_t good, bad; /* 0: they are counted for the connection */
};

_Static_assert(sizeof(struct ao_add) == 288 && sizeof(struct ao_delete) == 144 &&
                   sizeof(struct ao_info) == 48 && sizeof(struct ao_keys) == 304,
               "as the kernel has them");

/* -ENOPROTOOPT: none of these options. */
int ao_set(struct socket *socket, int name, const struct option_in *in);
/* TCP_AO_GET_KEYS: as Linux, behind each other in entries as long as the caller says that one is.
 */
int ao_get_keys(const struct socket *socket, const struct option_out *out);
/* TCP_AO_INFO. */
int ao_get(const struct socket *socket, const struct option_out *out);

/* The socket is about to listen at socket->local: 0 or -errno. */
int ao_listen(struct socket *socket);
/* The SYN of socket->tcp has yet to leave. */
int ao_connect(struct socket *socket, const struct chaski_endpoint *remote);
/* Takes the memory that a connection which `from` accepts has its keys in. False: there is none. */
bool ao_reserve(struct socket *socket, const struct socket *from);
/* `from` has accepted it. */
void ao_inherit(struct socket *socket, const struct socket *from);
/* The host's part of the keys goes; what has been derived from them stays with the connection. */
void ao_withdraw(struct socket *socket);
/* The socket goes. */
void ao_forget(struct socket *socket);

#endif
