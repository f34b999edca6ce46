/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_OPTION_H
#define CHASKI_SOCKETS_OPTION_H

#include "sockets/socket.h"

/* What the files that serve setsockopt() and getsockopt() say to one another. */

/* A value as the caller has it. */
struct option_in {
    const void *bytes;
    socklen_t length;
};

struct option_out {
    void *bytes;
    socklen_t *length;
};

/* Reads a number; -EINVAL when there is none. */
int option_read_int(const struct option_in *in, int *value);

/* The same at level IP, where a byte will do. */
int option_read_ip(const struct option_in *in, int *value);

/* Writes as many bytes of `value` as have room, and how many these are. */
int option_write(const struct option_out *out, const void *value, size_t length);
int option_write_int(const struct option_out *out, int value);
/* At level IP, who has room for less than a number is told a byte. */
int option_write_ip(const struct option_out *out, int value);

/* Options that are more than a number. -ENOPROTOOPT: none of these. */
int socket_level_set(struct socket *socket, int name, const struct option_in *in);
int socket_level_get(struct socket *socket, int name, const struct option_out *out);
int tcp_level_set(struct socket *socket, int name, const struct option_in *in);
int tcp_level_get(struct socket *socket, int name, const struct option_out *out);
int ip_level_set(struct socket *socket, int name, const struct option_in *in);
int ip_level_get(struct socket *socket, int name, const struct option_out *out);

/* What SO_RCVBUF tells: as it was set, or has grown; half of it is window. */
uint32_t receive_buffer_size(const struct socket *socket);

/* TCP_CC_INFO. */
int cc_info_get(const struct socket *socket, const struct option_out *out);

/* TCP_INFO, in Linux's layout. */
int tcp_info_get(struct socket *socket, const struct option_out *out);
struct linux_tcp_info;
void tcp_info_fill(const struct socket *socket, struct linux_tcp_info *info);

#endif
