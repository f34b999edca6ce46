/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/waits_itself.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <time.h> /* for the next one */
#include <linux/errqueue.h>

#include "sockets/sockets.h"
#include "tests/script/stack/namespace.h"

/* What stacks have in common whose calls wait themselves, and whose policy is a namespace's. */

void sockets_defaults(struct sockets_policy *policy)
{
    *policy = (struct sockets_policy){
        .tcp_rmem = {4096, 131072, 6291456},
        .tcp_wmem = {4096, 16384, 4194304},
    };
}

void sockets_set_policy(struct sockets *s, const struct sockets_policy *policy)
{
    (void)s, (void)policy;
}

/* ---- Calls ---- */

ssize_t told(ssize_t value)
{
    return value < 0 ? -errno : value;
}

void choose_congestion(struct sockets *s, int fd, int protocol)
{
    const char *name = namespace_congestion();
    if (fd < 0 || protocol != IPPROTO_TCP || name == NULL)
        return;
    int error =
        sockets_setsockopt(s, fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
    if (error != 0)
        fprintf(stderr, "%s: %s\n", name, strerror(-error));
}

/* ---- Waiting ---- */

bool sockets_blocks(const struct sockets *s, int fd)
{
    (void)s, (void)fd;
    return false;
}

bool sockets_splice_waits(const struct sockets *s, int from, int to, unsigned flags)
{
    (void)s, (void)from, (void)to, (void)flags;
    return false;
}

uint64_t sockets_timeout(const struct sockets *s, int fd, enum sockets_direction direction)
{
    (void)s, (void)fd, (void)direction;
    return UINT64_MAX;
}

bool sockets_goes_on(const struct sockets *s, int fd, enum sockets_direction direction, int flags,
                     size_t done, size_t wanted)
{
    (void)s, (void)fd, (void)direction, (void)flags, (void)done, (void)wanted;
    return false;
}

void sockets_advance(struct iovec **pieces, size_t *count, size_t length)
{
    (void)pieces, (void)count, (void)length;
}

/* ---- Times ---- */

void control_times_since(struct msghdr *message, int64_t begun_ns)
{
    enum { NS_PER_SECOND = 1000000000 };
    struct cmsghdr *at = message->msg_controllen != 0 ? CMSG_FIRSTHDR(message) : NULL;
    for (; at != NULL; at = CMSG_NXTHDR(message, at)) {
        struct scm_timestamping times;
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_len != CMSG_LEN(sizeof times))
            continue;
        memcpy(&times, CMSG_DATA(at), sizeof times);
        int64_t ns = times.ts[0].tv_sec * INT64_C(1000000000) + times.ts[0].tv_nsec - begun_ns;
        times.ts[0].tv_sec = ns / NS_PER_SECOND;
        times.ts[0].tv_nsec = ns % NS_PER_SECOND;
        memcpy(CMSG_DATA(at), &times, sizeof times);
    }
}
