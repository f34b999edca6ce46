/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sockets/socket.h"

/* Pipes, files of the operating system, and what moves bytes between them and sockets. */

enum { SIZE_DEFAULT = 65536, SIZE_LEAST = 4096, SIZE_MOST = 1 << 20, CHUNK = 65536 };

/* A ring of bytes. */
struct pipe {
    uint8_t *bytes;
    size_t size, start, length;
    bool has_reader, has_writer;
    struct file *reader, *writer;
};

struct pipe_end {
    struct file file; /* first */
    struct pipe *pipe;
};

static struct pipe *pipe_of(const struct file *file)
{
    return file->operations->is_pipe ? ((const struct pipe_end *)file)->pipe : NULL;
}

/* ---- The ring ---- */

/* The first bytes that lie together. */
static size_t first_piece(const struct pipe *pipe)
{
    size_t together = pipe->size - pipe->start;
    return pipe->length < together ? pipe->length : together;
}

static void consume(struct pipe *pipe, size_t length)
{
    pipe->start = (pipe->start + length) % pipe->size;
    pipe->length -= length;
    if (length != 0 && pipe->has_writer)
        file_happened(pipe->writer, EPOLLOUT | EPOLLWRNORM);
}

/* Where the next bytes go, as far as room lies together. */
static size_t first_room(const struct pipe *pipe, uint8_t **at)
{
    size_t end = (pipe->start + pipe->length) % pipe->size;
    size_t together = pipe->size - end, room = pipe->size - pipe->length;
    *at = pipe->bytes + end;
    return room < together ? room : together;
}

static void produce(struct pipe *pipe, size_t length)
{
    pipe->length += length;
    if (length != 0 && pipe->has_reader)
        file_happened(pipe->reader, EPOLLIN | EPOLLRDNORM);
}

static ssize_t pipe_receive(struct file *file, struct msghdr *message, int flags)
{
    struct pipe *pipe = pipe_of(file);
    size_t done = 0;
    (void)flags;
    if (pipe->length == 0)
        return pipe->has_writer ? -EAGAIN : 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        size_t at = 0;
        while (at < message->msg_iov[i].iov_len && pipe->length != 0) {
            size_t n = message->msg_iov[i].iov_len - at, piece = first_piece(pipe);
            n = n < piece ? n : piece;
            memcpy((uint8_t *)message->msg_iov[i].iov_base + at, pipe->bytes + pipe->start, n);
            consume(pipe, n);
            at += n;
        }
        done += at;
    }
    return (ssize_t)done;
}

static size_t put(struct pipe *pipe, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    while (done < length && pipe->length < pipe->size) {
        uint8_t *to;
        size_t n = first_room(pipe, &to);
        n = n < length - done ? n : length - done;
        memcpy(to, bytes + done, n);
        produce(pipe, n);
        done += n;
    }
    return done;
}

static ssize_t pipe_send(struct file *file, const struct msghdr *message, int flags)
{
    struct pipe *pipe = pipe_of(file);
    ssize_t wanted = pieces_length(message->msg_iov, message->msg_iovlen);
    size_t done = 0, room = pipe->size - pipe->length;
    (void)flags;
    if (wanted <= 0)
        return wanted;
    if (!pipe->has_reader)
        return -EPIPE;
    if (room == 0 || (wanted <= PIPE_BUF && (size_t)wanted > room)) /* whole or not at all */
        return -EAGAIN;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        size_t n = put(pipe, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        done += n;
        if (n < message->msg_iov[i].iov_len)
            break;
    }
    return (ssize_t)done;
}

static uint32_t reader_events(struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    return (pipe->length != 0 ? EPOLLIN | EPOLLRDNORM : 0) | (pipe->has_writer ? 0 : EPOLLHUP);
}

static uint32_t writer_events(struct file *file)
{
    const struct pipe *pipe = pipe_of(file);
    bool room = pipe->size - pipe->length >= PIPE_BUF;
    return (room ? EPOLLOUT | EPOLLWRNORM : 0) | (pipe->has_reader ? 0 : EPOLLERR);
}

static void pipe_free_unused(struct pipe *pipe)
{
    if (pipe->has_reader || pipe->has_writer)
        return;
    free(pipe->bytes);
    free(pipe);
}

static int reader_close(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    pipe->has_reader = false;
    if (pipe->has_writer)
        file_happened(pipe->writer, EPOLLERR | EPOLLOUT);
    pipe_free_unused(pipe);
    return 0;
}

static int writer_close(struct file *file)
{
    struct pipe *pipe = pipe_of(file);
    pipe->has_writer = false;
    if (pipe->has_reader)
        file_happened(pipe->reader, EPOLLHUP | EPOLLIN);
    pipe_free_unused(pipe);
    return 0;
}

static int pipe_ioctl(struct file *file, unsigned long request, int *value)
{
    if (request != SOCKETS_FIONREAD)
        return -ENOTTY;
    *value = (int)pipe_of(file)->length;
    return 0;
}

static const struct file_operations reader_operations = {
    .close = reader_close,
    .events = reader_events,
    .receive = pipe_receive,
    .ioctl = pipe_ioctl,
    .is_pipe = true,
};

static const struct file_operations writer_operations = {
    .close = writer_close,
    .events = writer_events,
    .send = pipe_send,
    .ioctl = pipe_ioctl,
    .is_pipe = true,
};

static struct pipe *pipe_new(struct sockets *s, int status)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    if (pipe == NULL)
        return NULL;
    *pipe = (struct pipe){
        .bytes = malloc(SIZE_DEFAULT),
        .size = SIZE_DEFAULT,
        .has_reader = true,
        .has_writer = true,
        .reader = file_new(s, &reader_operations, sizeof(struct pipe_end), O_RDONLY | status),
        .writer = file_new(s, &writer_operations, sizeof(struct pipe_end), O_WRONLY | status),
    };
    if (pipe->bytes != NULL && pipe->reader != NULL && pipe->writer != NULL) {
        ((struct pipe_end *)pipe->reader)->pipe = pipe;
        ((struct pipe_end *)pipe->writer)->pipe = pipe;
        return pipe;
    }
    free(pipe->bytes);
    free(pipe->reader);
    free(pipe->writer);
    free(pipe);
    return NULL;
}

/* Gives both ends descriptors, or neither and frees the pipe. */
static int add_ends(struct sockets *s, struct pipe *pipe, int fds[2])
{
    fds[0] = table_add(s, pipe->reader, s->first);
    if (fds[0] < 0) {
        free(pipe->bytes);
        free(pipe->reader);
        free(pipe->writer);
        free(pipe);
        return -EMFILE;
    }
    fds[1] = table_add(s, pipe->writer, s->first);
    if (fds[1] >= 0)
        return 0;
    free(pipe->writer);
    pipe->has_writer = false;
    sockets_close(s, fds[0]);
    return -EMFILE;
}

int sockets_pipe(struct sockets *s, int fds[2], int flags)
{
    if ((flags & ~(O_NONBLOCK | O_CLOEXEC)) != 0)
        return -EINVAL;
    struct pipe *pipe = pipe_new(s, flags & O_NONBLOCK);
    if (pipe == NULL)
        return -ENOMEM;
    int error = add_ends(s, pipe, fds);
    if (error == 0 && (flags & O_CLOEXEC)) {
        sockets_fcntl(s, fds[0], F_SETFD, FD_CLOEXEC);
        sockets_fcntl(s, fds[1], F_SETFD, FD_CLOEXEC);
    }
    return error;
}

int pipe_size(struct file *file, bool set, intptr_t asked)
{
    struct pipe *pipe = pipe_of(file);
    if (pipe == NULL)
        return -EBADF;
    if (!set)
        return (int)pipe->size;
    if (asked < 0)
        return -EINVAL;
    if (asked > SIZE_MOST)
        return -EPERM;
    size_t size = SIZE_LEAST;
    while (size < (size_t)asked)
        size *= 2;
    if (size < pipe->length)
        return -EBUSY;
    uint8_t *bytes = malloc(size);
    if (bytes == NULL)
        return -ENOMEM;
    size_t first = first_piece(pipe);
    memcpy(bytes, pipe->bytes + pipe->start, first);
    memcpy(bytes + first, pipe->bytes, pipe->length - first);
    free(pipe->bytes);
    pipe->bytes = bytes;
    pipe->size = size;
    pipe->start = 0;
    return (int)size;
}

/* ---- splice ---- */

static ssize_t send_piece(struct file *to, const void *bytes, size_t length, int flags)
{
    struct iovec piece = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return to->operations->send(to, &message, flags);
}

static ssize_t receive_piece(struct file *from, void *bytes, size_t length, int flags)
{
    struct iovec piece = {bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    return from->operations->receive(from, &message, flags);
}

static ssize_t splice_from_pipe(struct pipe *pipe, struct file *to, size_t length, int flags)
{
    size_t done = 0;
    if (pipe->length == 0)
        return pipe->has_writer ? -EAGAIN : 0;
    while (done < length && pipe->length != 0) {
        size_t n = first_piece(pipe);
        n = n < length - done ? n : length - done;
        ssize_t sent = send_piece(to, pipe->bytes + pipe->start, n, flags);
        if (sent <= 0)
            return done != 0 ? (ssize_t)done : sent;
        consume(pipe, (size_t)sent);
        done += (size_t)sent;
        if ((size_t)sent < n)
            break;
    }
    return (ssize_t)done;
}

static ssize_t splice_to_pipe(struct file *from, struct pipe *pipe, size_t length)
{
    size_t done = 0;
    if (!pipe->has_reader)
        return -EPIPE;
    while (done < length) {
        uint8_t *to;
        size_t n = first_room(pipe, &to);
        if (n == 0)
            return done != 0 ? (ssize_t)done : -EAGAIN;
        n = n < length - done ? n : length - done;
        ssize_t taken = receive_piece(from, to, n, RECEIVE_STOPS_AT_MARK);
        if (taken <= 0)
            return done != 0 ? (ssize_t)done : taken;
        produce(pipe, (size_t)taken);
        done += (size_t)taken;
        if ((size_t)taken < n)
            break;
    }
    return (ssize_t)done;
}

ssize_t sockets_splice(struct sockets *s, int from_fd, off_t *from_offset, int to_fd,
                       off_t *to_offset, size_t length, unsigned flags)
{
    struct file *from = file_of(s, from_fd), *to = file_of(s, to_fd);
    if (from == NULL || to == NULL || from->operations->receive == NULL ||
        to->operations->send == NULL)
        return -EBADF;
    if (from_offset != NULL || to_offset != NULL) /* no end here can be positioned but a file */
        return -ESPIPE;
    if (length == 0)
        return 0;
    struct pipe *out_of = pipe_of(from), *into = pipe_of(to);
    int more = (flags & SPLICE_F_MORE) && to->operations->is_socket ? MSG_MORE : 0;
    if (out_of != NULL)
        return out_of == into ? -EINVAL : splice_from_pipe(out_of, to, length, more);
    return into != NULL ? splice_to_pipe(from, into, length) : -EINVAL;
}

/* Whether a call waits for a pipe that is empty, or full. */
static bool waits_for_pipe(const struct file *file, unsigned flags)
{
    return file_blocks(file, 0) && (flags & SPLICE_F_NONBLOCK) == 0;
}

bool sockets_splice_waits(const struct sockets *s, int from_fd, int to_fd, unsigned flags)
{
    const struct file *from = file_of(s, from_fd), *to = file_of(s, to_fd);
    if (from == NULL || to == NULL)
        return false;
    const struct pipe *out_of = pipe_of(from), *into = pipe_of(to);
    if (out_of != NULL && out_of->length == 0)
        return waits_for_pipe(from, flags);
    if (into != NULL && into->length == into->size)
        return waits_for_pipe(to, flags);
    return file_blocks(out_of != NULL ? to : from, 0);
}

/* ---- Files of the operating system ---- */

struct system_file {
    struct file file; /* first */
    int number;
};

static int number_of(const struct file *file)
{
    return ((const struct system_file *)file)->number;
}

static ssize_t system_receive(struct file *file, struct msghdr *message, int flags)
{
    (void)flags;
    ssize_t n = readv(number_of(file), message->msg_iov, (int)message->msg_iovlen);
    return n < 0 ? -errno : n;
}

static ssize_t system_send(struct file *file, const struct msghdr *message, int flags)
{
    (void)flags;
    ssize_t n = writev(number_of(file), message->msg_iov, (int)message->msg_iovlen);
    return n < 0 ? -errno : n;
}

static int system_close(struct file *file)
{
    close(number_of(file));
    return 0;
}

/* Without `events`: always ready, and not to be watched (EPERM), as files are. */
static const struct file_operations system_operations = {
    .close = system_close,
    .receive = system_receive,
    .send = system_send,
};

struct file *system_file_new(struct sockets *s, int number)
{
    struct file *file = file_new(s, &system_operations, sizeof(struct system_file), O_RDWR);
    if (file != NULL)
        ((struct system_file *)file)->number = number;
    return file;
}

/* Sends from `position` on; moves it. */
static ssize_t send_from(struct file *to, int number, off_t *position, size_t length)
{
    uint8_t *bytes = malloc(CHUNK);
    size_t done = 0;
    ssize_t last = 0;
    if (bytes == NULL)
        return -ENOMEM;
    while (done < length) {
        size_t n = length - done < CHUNK ? length - done : CHUNK;
        ssize_t got = pread(number, bytes, n, *position);
        last = got > 0 ? send_piece(to, bytes, (size_t)got, 0) : got < 0 ? -errno : 0;
        if (last <= 0)
            break;
        done += (size_t)last;
        *position += last;
        if (last < got)
            break;
    }
    free(bytes);
    return done != 0 ? (ssize_t)done : last;
}

ssize_t sockets_sendfile(struct sockets *s, int to_fd, int from_fd, off_t *offset, size_t length)
{
    struct file *from = file_of(s, from_fd), *to = file_of(s, to_fd);
    if (from == NULL || to == NULL || to->operations->send == NULL)
        return -EBADF;
    if (from->operations != &system_operations)
        return -EINVAL;
    int number = number_of(from);
    off_t position = offset != NULL ? *offset : lseek(number, 0, SEEK_CUR);
    if (position < 0)
        return offset != NULL ? -EINVAL : -errno;
    ssize_t done = send_from(to, number, &position, length);
    if (offset != NULL)
        *offset = position;
    else
        lseek(number, position, SEEK_SET);
    return done;
}
