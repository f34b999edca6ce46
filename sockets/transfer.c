/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>

#include "sockets/socket.h"

/* Reading and writing, by all the names that POSIX has for it. */

static ssize_t receive(struct file *file, struct msghdr *message, int flags)
{
    struct socket *socket = socket_of(file);
    ssize_t wanted = pieces_length(message->msg_iov, message->msg_iovlen);
    if (file->operations->receive == NULL)
        return -EBADF;
    if (wanted < 0)
        return wanted;
    message->msg_flags = 0;
    return socket != NULL && (flags & MSG_ERRQUEUE) != 0
               ? error_queue_tell(socket, message)
               : file->operations->receive(file, message, flags);
}

static ssize_t transmit(struct file *file, const struct msghdr *message, int flags)
{
    if (file->operations->send == NULL)
        return -EBADF;
    return file->operations->send(file, message, flags);
}

static struct file *socket_file(const struct sockets *s, int fd, int *error)
{
    struct socket *socket = socket_at(s, fd, error);
    return socket != NULL ? &socket->file : NULL;
}

/* ---- In ---- */

size_t peek_offset(const struct socket *socket, int flags)
{
    int64_t offset = socket->plain[PLAIN_PEEK_OFF];
    return (flags & MSG_PEEK) && offset > 0 ? (size_t)offset : 0;
}

void peek_moves(struct socket *socket, int flags, size_t length)
{
    int64_t offset = socket->plain[PLAIN_PEEK_OFF];
    if (offset < 0)
        return;
    offset += (flags & MSG_PEEK) ? (int64_t)length : -(int64_t)length;
    socket->plain[PLAIN_PEEK_OFF] = offset > 0 ? offset : 0;
}

ssize_t sockets_readv(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    struct file *file = file_of(s, fd);
    if (file == NULL)
        return -EBADF;
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    ssize_t wanted = pieces_length(pieces, (size_t)count);
    if (file->operations->receive != NULL && wanted <= 0)
        return wanted; /* nothing is asked for */
    return receive(file, &message, 0);
}

ssize_t sockets_read(struct sockets *s, int fd, void *bytes, size_t length)
{
    struct iovec piece = {bytes, length};
    return sockets_readv(s, fd, &piece, 1);
}

ssize_t sockets_recvfrom(struct sockets *s, int fd, void *bytes, size_t length, int flags,
                         struct sockaddr *address, socklen_t *address_length)
{
    struct iovec piece = {bytes, length};
    struct msghdr message = {.msg_name = address, .msg_iov = &piece, .msg_iovlen = 1};
    int error;
    struct file *file = socket_file(s, fd, &error);
    if (file == NULL)
        return error;
    if (address != NULL && (error = address_room(address, address_length)) != 0)
        return error;
    message.msg_namelen = address != NULL ? *address_length : 0;
    ssize_t done = receive(file, &message, flags);
    if (done >= 0 && address != NULL)
        *address_length = message.msg_namelen;
    return done;
}

ssize_t sockets_recv(struct sockets *s, int fd, void *bytes, size_t length, int flags)
{
    return sockets_recvfrom(s, fd, bytes, length, flags, NULL, NULL);
}

ssize_t sockets_recvmsg(struct sockets *s, int fd, struct msghdr *message, int flags)
{
    int error;
    struct file *file = socket_file(s, fd, &error);
    if (file == NULL)
        return error;
    if (message->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    if (message->msg_namelen > INT_MAX)
        return -EINVAL;
    struct msghdr told = *message;
    if (told.msg_control == NULL)
        told.msg_controllen = 0;
    ssize_t done = receive(file, &told, flags);
    if (done >= 0) {
        message->msg_namelen = told.msg_namelen;
        message->msg_controllen = told.msg_controllen;
        message->msg_flags = told.msg_flags | (flags & MSG_CMSG_CLOEXEC);
    }
    return done;
}

/* ---- Out ---- */

ssize_t sockets_writev(struct sockets *s, int fd, const struct iovec *pieces, int count)
{
    struct file *file = file_of(s, fd);
    if (file == NULL)
        return -EBADF;
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    struct msghdr message = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count};
    ssize_t wanted = pieces_length(pieces, (size_t)count);
    if (file->operations->send != NULL && wanted <= 0)
        return wanted; /* other than with write(), nobody is asked */
    return transmit(file, &message, 0);
}

ssize_t sockets_write(struct sockets *s, int fd, const void *bytes, size_t length)
{
    struct iovec piece = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct file *file = file_of(s, fd);
    return file != NULL ? transmit(file, &message, 0) : -EBADF;
}

ssize_t sockets_sendto(struct sockets *s, int fd, const void *bytes, size_t length, int flags,
                       const struct sockaddr *address, socklen_t address_length)
{
    struct iovec piece = {(void *)bytes, length};
    struct msghdr message = {.msg_name = (void *)address,
                             .msg_namelen = address != NULL ? address_length : 0,
                             .msg_iov = &piece,
                             .msg_iovlen = 1};
    int error;
    struct file *file = socket_file(s, fd, &error);
    if (file == NULL)
        return error;
    error = address != NULL ? address_check(address, address_length) : 0;
    return error == 0 ? transmit(file, &message, flags) : error;
}

ssize_t sockets_send(struct sockets *s, int fd, const void *bytes, size_t length, int flags)
{
    return sockets_sendto(s, fd, bytes, length, flags, NULL, 0);
}

ssize_t sockets_sendmsg(struct sockets *s, int fd, const struct msghdr *message, int flags)
{
    int error;
    struct file *file = socket_file(s, fd, &error);
    if (file == NULL)
        return error;
    if (message->msg_iovlen > IOV_MAX)
        return -EMSGSIZE;
    if (message->msg_name != NULL && message->msg_namelen > INT_MAX)
        return -EINVAL;
    if (message->msg_control == NULL && message->msg_controllen != 0)
        return -EFAULT;
    struct msghdr sent = *message;
    if (sent.msg_name == NULL)
        sent.msg_namelen = 0;
    if (sent.msg_namelen > sizeof(struct sockaddr_storage))
        sent.msg_namelen = sizeof(struct sockaddr_storage);
    return transmit(file, &sent, flags);
}
