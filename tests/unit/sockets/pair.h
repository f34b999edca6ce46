/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_PAIR_H
#define CHASKI_TESTS_UNIT_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "sockets/sockets.h"
#include "tests/support/world.h"

/* Two hosts in a small world, each with a table of descriptors: `s[0]` listens, `s[1]` connects. */
struct pair {
    struct world world;
    struct sockets *s[2];
    int listener, server, client; /* open after pair_connect() */
};

enum { PAIR_PORT = 7 };

static inline struct sockaddr_in pair_address(uint32_t host, uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(0xc0000201 + host)};
}

static inline void pair_make(struct pair *p)
{
    *p = (struct pair){.listener = -1, .server = -1, .client = -1};
    world_make(&p->world, NULL);
    for (int i = 0; i < 2; i++) {
        p->s[i] = sockets_create(p->world.hosts[i], NULL, 3);
        assert_non_null(p->s[i]);
    }
    world_settle(&p->world);
}

/* Closes everything; no packet may be left anywhere. */
static inline void pair_end(struct pair *p)
{
    sockets_free(p->s[0]);
    sockets_free(p->s[1]);
    world_run(&p->world, 200 * WORLD_SECOND);
    world_assert_no_leaks(&p->world);
    world_free(&p->world);
}

static inline void pair_listen(struct pair *p, int backlog)
{
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    p->listener = sockets_socket(p->s[0], AF_INET, SOCK_STREAM, 0);
    assert_true(p->listener >= 3);
    assert_int_equal(sockets_bind(p->s[0], p->listener, (void *)&at, sizeof at), 0);
    assert_int_equal(sockets_listen(p->s[0], p->listener, backlog), 0);
}

static inline int pair_begin(struct pair *p)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    int fd = sockets_socket(p->s[1], AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 3);
    assert_int_equal(sockets_connect(p->s[1], fd, (void *)&to, sizeof to), -EINPROGRESS);
    return fd;
}

/* A world, and an established connection in it. */
static inline void pair_connect(struct pair *p)
{
    pair_make(p);
    pair_listen(p, 5);
    p->client = pair_begin(p);
    world_settle(&p->world);
    p->server = sockets_accept(p->s[0], p->listener, NULL, NULL);
    assert_true(p->server >= 3);
}

/* A descriptor of `host` has no peer any more. */
static inline int pair_disconnect(struct pair *p, int host, int fd)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int value = sockets_connect(p->s[host], fd, &nobody, sizeof nobody);
    world_settle(&p->world);
    return value;
}

/* `host` closes its end of a connection by a reset. */
static inline void pair_reset(struct pair *p, int host, int fd)
{
    struct linger now = {1, 0};
    assert_int_equal(sockets_setsockopt(p->s[host], fd, SOL_SOCKET, SO_LINGER, &now, sizeof now),
                     0);
    assert_int_equal(sockets_close(p->s[host], fd), 0);
    world_settle(&p->world);
}

/* What poll says about a descriptor of `host`, of all that there is. */
static inline short pair_poll(struct pair *p, int host, int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
    sockets_poll(p->s[host], &entry, 1);
    return entry.revents;
}

static inline int pair_error(struct pair *p, int host, int fd)
{
    int error = -1;
    socklen_t length = sizeof error;
    assert_int_equal(sockets_getsockopt(p->s[host], fd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
    return error;
}

static inline int pair_set(struct pair *p, int host, int fd, int level, int name, int value)
{
    return sockets_setsockopt(p->s[host], fd, level, name, &value, sizeof value);
}

/* The option's value, or -errno. */
static inline int pair_get(struct pair *p, int host, int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    int error = sockets_getsockopt(p->s[host], fd, level, name, &value, &length);
    return error != 0 ? error : value;
}

#endif
