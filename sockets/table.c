/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sockets/pipe.h"
#include "sockets/socket.h"

/* The table of descriptors, and the calls that are alike for every kind of file. */

enum { ROOM_FIRST = 16, ROOM_MOST = 1 << 20, STATUS_CAN_CHANGE = O_NONBLOCK | O_APPEND };

void sockets_defaults(struct sockets_policy *policy)
{
    *policy = (struct sockets_policy){
        .rmem_max = 4194304,
        .wmem_max = 4194304,
        .rmem_default = 212992,
        .wmem_default = 212992,
        .tcp_rmem = {4096, 131072, 6291456},
        .tcp_wmem = {4096, 16384, 4194304},
        .somaxconn = 4096,
        .keepalive_time_s = 7200,
        .keepalive_interval_s = 75,
        .keepalive_probes = 9,
        .fin_timeout_s = 60,
        .notsent_lowat = UINT32_MAX,
        .port_first = 32768,
        .port_last = 60999,
        .syn_retries = 6,
        .default_ttl = 64,
    };
}

struct sockets *sockets_create(struct chaski *host, const struct sockets_policy *policy, int first)
{
    struct sockets *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->host = host;
    s->first = first;
    sockets_defaults(&s->policy);
    if (policy != NULL)
        s->policy = *policy;
    return s;
}

void sockets_set_policy(struct sockets *s, const struct sockets_policy *policy)
{
    s->policy = *policy;
}

void sockets_set_clock(struct sockets *s, int64_t ahead_ns)
{
    s->clock_ahead_ns = ahead_ns;
}

/* ---- Files and descriptors ---- */

static struct descriptor *descriptor_of(const struct sockets *s, int fd)
{
    if (fd < s->first || fd - s->first >= s->room)
        return NULL;
    struct descriptor *descriptor = &s->descriptors[fd - s->first];
    return descriptor->file != NULL ? descriptor : NULL;
}

struct file *file_of(const struct sockets *s, int fd)
{
    const struct descriptor *descriptor = descriptor_of(s, fd);
    return descriptor != NULL ? descriptor->file : NULL;
}

struct file *file_new(struct sockets *s, const struct file_operations *operations, size_t size,
                      int status)
{
    struct file *file = calloc(1, size);
    if (file == NULL)
        return NULL;
    file->operations = operations;
    file->table = s;
    file->references = 1;
    file->status = status;
    return file;
}

static bool grow(struct sockets *s, int wanted)
{
    int room = s->room != 0 ? s->room : ROOM_FIRST;
    while (room <= wanted && room < ROOM_MOST)
        room *= 2;
    if (room <= wanted)
        return false;
    struct descriptor *grown = realloc(s->descriptors, (size_t)room * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + s->room, 0, (size_t)(room - s->room) * sizeof *grown);
    s->descriptors = grown;
    s->room = room;
    return true;
}

int table_room(struct sockets *s, int least)
{
    int i = least > s->first ? least - s->first : 0;
    while (i < s->room && s->descriptors[i].file != NULL)
        i++;
    return i < s->room || grow(s, i) ? s->first + i : -EMFILE;
}

int table_add(struct sockets *s, struct file *file, int least)
{
    int fd = table_room(s, least);
    if (fd >= 0)
        s->descriptors[fd - s->first] = (struct descriptor){.file = file};
    return fd;
}

/* Lets go of one reference; 0, or -EAGAIN while the file lingers. */
static int release(struct file *file)
{
    if (file->references > 1) {
        file->references--;
        return 0;
    }
    int error = file->operations->close != NULL ? file->operations->close(file) : 0;
    if (error != 0)
        return error;
    watches_drop(file);
    free(file);
    return 0;
}

int sockets_close(struct sockets *s, int fd)
{
    struct descriptor *descriptor = descriptor_of(s, fd);
    if (descriptor == NULL)
        return -EBADF;
    int error = release(descriptor->file);
    if (error == 0)
        *descriptor = (struct descriptor){0};
    return error;
}

void sockets_free(struct sockets *s)
{
    for (int i = 0; i < s->room; i++) {
        struct file *file = s->descriptors[i].file;
        if (file == NULL)
            continue;
        if (file->references == 1 && socket_of(file) != NULL)
            socket_do_not_linger(socket_of(file));
        release(file);
    }
    free(s->descriptors);
    free(s);
}

int sockets_dup(struct sockets *s, int fd)
{
    return sockets_fcntl(s, fd, F_DUPFD, s->first);
}

int sockets_file(struct sockets *s, int number)
{
    struct file *file = system_file_new(s, number);
    if (file == NULL)
        return -ENOMEM;
    int fd = table_add(s, file, s->first);
    if (fd < 0)
        free(file);
    return fd;
}

/* ---- fcntl, ioctl ---- */

static int duplicate(struct sockets *s, struct file *file, int least, bool closes_on_exec)
{
    if (least < 0)
        return -EINVAL;
    int fd = table_add(s, file, least);
    if (fd < 0)
        return fd;
    file->references++;
    descriptor_of(s, fd)->closes_on_exec = closes_on_exec;
    return fd;
}

int sockets_fcntl(struct sockets *s, int fd, int command, intptr_t argument)
{
    struct descriptor *descriptor = descriptor_of(s, fd);
    if (descriptor == NULL)
        return -EBADF;
    struct file *file = descriptor->file;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate(s, file, (int)argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return descriptor->closes_on_exec ? FD_CLOEXEC : 0;
    case F_SETFD:
        descriptor->closes_on_exec = (argument & FD_CLOEXEC) != 0;
        return 0;
    case F_GETFL:
        return file->status;
    case F_SETFL:
        file->status = (file->status & ~STATUS_CAN_CHANGE) | ((int)argument & STATUS_CAN_CHANGE);
        return 0;
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
        return pipe_size(file, command == F_SETPIPE_SZ, argument);
    default:
        return -EINVAL;
    }
}

int sockets_ioctl(struct sockets *s, int fd, unsigned long request, intptr_t argument)
{
    struct file *file = file_of(s, fd);
    if (file == NULL)
        return -EBADF;
    int *value = (int *)argument, told = 0;
    if (request == SOCKETS_FIONBIO && value != NULL) {
        file->status = *value != 0 ? file->status | O_NONBLOCK : file->status & ~O_NONBLOCK;
        return 0;
    }
    if (request == SOCKETS_FIONBIO)
        return -EFAULT;
    int error =
        file->operations->ioctl != NULL ? file->operations->ioctl(file, request, &told) : -ENOTTY;
    if (error == 0 && value == NULL)
        return -EFAULT;
    if (error == 0)
        *value = told;
    return error;
}

/* ---- Waiting ---- */

bool sockets_blocks(const struct sockets *s, int fd)
{
    const struct file *file = file_of(s, fd);
    return file != NULL && file_blocks(file, 0);
}

uint64_t sockets_timeout(const struct sockets *s, int fd, enum sockets_direction direction)
{
    struct file *file = file_of(s, fd);
    const struct socket *socket = file != NULL ? socket_of(file) : NULL;
    return socket != NULL ? socket->timeout_ns[direction] : UINT64_MAX;
}

bool sockets_goes_on(const struct sockets *s, int fd, enum sockets_direction direction, int flags,
                     size_t done, size_t wanted)
{
    struct file *file = file_of(s, fd);
    if (file == NULL || !file_blocks(file, flags) || done >= wanted)
        return false;
    struct socket *socket = socket_of(file);
    if (socket != NULL && is_stream(socket) && tcp_socket_is_over(socket, direction))
        return false;
    return direction == SOCKETS_SENDING || ((flags & MSG_WAITALL) && !(flags & MSG_PEEK));
}

void sockets_advance(struct iovec **pieces, size_t *count, size_t length)
{
    while (*count != 0 && length >= (*pieces)->iov_len) {
        length -= (*pieces)->iov_len;
        ++*pieces;
        --*count;
    }
    if (*count != 0) {
        (*pieces)->iov_base = (char *)(*pieces)->iov_base + length;
        (*pieces)->iov_len -= length;
    }
}

ssize_t pieces_length(const struct iovec *pieces, size_t count)
{
    size_t length = 0;
    if (count > IOV_MAX)
        return -EMSGSIZE;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].iov_len > (size_t)SSIZE_MAX - length)
            return -EINVAL;
        length += pieces[i].iov_len;
    }
    return (ssize_t)length;
}

size_t pieces_fill(const struct iovec *pieces, size_t count, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    for (size_t i = 0; i < count && done < length; i++) {
        size_t n = pieces[i].iov_len < length - done ? pieces[i].iov_len : length - done;
        if (n != 0)
            memcpy(pieces[i].iov_base, bytes + done, n);
        done += n;
    }
    return done;
}

bool pieces_are_there(const struct iovec *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pieces[i].iov_base == NULL && pieces[i].iov_len != 0)
            return false;
    return true;
}
