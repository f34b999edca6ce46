/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_SOCKETS_INTERNAL_H
#define CHASKI_SOCKETS_INTERNAL_H

#include "core/host/host.h"
#include "sockets/sockets.h"

/*
 * What the files of sockets/ say to one another.
 *
 * A descriptor is an index into the table; what it refers to is a `struct file`, which several may
 * share (dup). Kinds of files differ by their operations. Who waits for a file in an epoll set
 * hangs on it as a `struct watch`; file_happened() marks those, so that edges are seen (EPOLLET).
 * What holds now is asked of the file itself, by events().
 */
struct file;
struct watch;

struct file_operations {
    /* The last descriptor is gone: frees what the kind holds, not the file. 0, or -EAGAIN: ask
     * again later (a socket that lingers). NULL: nothing to free. */
    int (*close)(struct file *file);
    /* What holds now: a set of EPOLLIN and its like. */
    uint32_t (*events)(struct file *file);
    /* NULL: -EBADF, as for a pipe's other end. */
    ssize_t (*receive)(struct file *file, struct msghdr *message, int flags);
    ssize_t (*send)(struct file *file, const struct msghdr *message, int flags);
    int (*ioctl)(struct file *file, unsigned long request, int *value);
    bool is_socket, is_pipe;
};

struct file {
    const struct file_operations *operations;
    struct sockets *table;
    struct watch *watches;
    unsigned references;
    int status; /* O_NONBLOCK, O_RDWR and their like */
};

struct descriptor {
    struct file *file; /* NULL: free */
    bool closes_on_exec;
};

struct sockets {
    struct chaski *host;
    struct sockets_policy policy;
    struct descriptor *descriptors;
    int first, room; /* number of descriptors[0]; how many */
    int64_t clock_ahead_ns;
    uint64_t cookies;    /* that have been given to sockets */
    uint64_t own_cookie; /* SO_NETNS_COOKIE; 0: nobody has asked yet */
};

/* ---- table.c ---- */

/* NULL when `fd` is not open. */
struct file *file_of(const struct sockets *s, int fd);

/* The lowest free number that is `least` or more, with room for its descriptor; -EMFILE. */
int table_room(struct sockets *s, int least);

/* Gives a new file, whose operations are set, the lowest free number that is `least` or more. Its
 * first reference is the descriptor's. -EMFILE: the file is the caller's still. */
int table_add(struct sockets *s, struct file *file, int least);

/* A file of `size` bytes, zeroed but for its first fields; NULL without memory. */
struct file *file_new(struct sockets *s, const struct file_operations *operations, size_t size,
                      int status);

/* Something happened to the file: a set of EPOLLIN and its like. */
void file_happened(struct file *file, uint32_t events);

static inline bool file_blocks(const struct file *file, int flags)
{
    return (file->status & 04000 /* O_NONBLOCK */) == 0 && (flags & MSG_DONTWAIT) == 0;
}

/* ---- epoll.c ---- */

/* The last descriptor of a watched file is gone. */
void watches_drop(struct file *file);

/* ---- address.c ---- */

/* Whether an address that is given can be one at all: 0, -EINVAL or -EFAULT. */
int address_check(const struct sockaddr *address, socklen_t length);

/* Reads an address of a socket's family: 0, -EINVAL, -EFAULT or -EAFNOSUPPORT. */
int address_read(int family, const struct sockaddr *address, socklen_t length,
                 struct chaski_endpoint *endpoint);

/* Whether there is room to tell one: 0, -EINVAL or -EFAULT. */
int address_room(const struct sockaddr *address, const socklen_t *length);

/* Writes as much as has room, and the whole length, as POSIX has it; address_room() allows it. */
void address_write(int family, const struct chaski_endpoint *endpoint, struct sockaddr *address,
                   socklen_t *length);

/* -errno for an enum chaski_error; 0 and counts stay. */
int error_number(int error);

/* ---- What iovecs hold ---- */

/* -EINVAL when it is more than a call can return. */
ssize_t pieces_length(const struct iovec *pieces, size_t count);

/* Copies into them what has room; how much that was. */
size_t pieces_fill(const struct iovec *pieces, size_t count, const uint8_t *bytes, size_t length);

/* Whether there is memory for all; only NULL is known to be none. */
bool pieces_are_there(const struct iovec *pieces, size_t count);

#endif
