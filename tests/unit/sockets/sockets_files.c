/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors, ports, datagrams, pipes, and what moves bytes between them. */
#include "tests/unit/sockets/pair.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- Descriptors ---- */

static void the_lowest_free_number_is_taken(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    for (int i = 3; i < 40; i++)
        assert_int_equal(sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0), i);
    assert_int_equal(sockets_close(p.s[0], 5), 0);
    assert_int_equal(sockets_close(p.s[0], 5), -EBADF);
    assert_int_equal(sockets_close(p.s[0], 2), -EBADF);
    assert_int_equal(sockets_dup(p.s[0], 9), 5);
    assert_int_equal(sockets_fcntl(p.s[0], 9, F_DUPFD, 50), 50);
    assert_int_equal(sockets_fcntl(p.s[0], 9, F_DUPFD, -1), -EINVAL);
    pair_end(&p);
}

static void duplicates_share_what_is_open(void **state)
{
    (void)state;
    struct pair p;
    char byte;
    int on = 1;
    pair_connect(&p);
    int other = sockets_dup(p.s[0], p.server);
    assert_int_equal(sockets_fcntl(p.s[0], other, F_GETFL, 0), O_RDWR);
    assert_int_equal(sockets_ioctl(p.s[0], p.server, FIONBIO, (intptr_t)&on), 0);
    assert_int_equal(sockets_fcntl(p.s[0], other, F_GETFL, 0), O_RDWR | O_NONBLOCK);
    assert_false(sockets_blocks(p.s[0], other));
    assert_int_equal(sockets_close(p.s[0], p.server), 0);
    sockets_send(p.s[1], p.client, "x", 1, 0); /* the other one keeps it open */
    world_settle(&p.world);
    assert_int_equal(sockets_read(p.s[0], other, &byte, 1), 1);
    assert_int_equal(sockets_fcntl(p.s[0], other, F_SETFD, FD_CLOEXEC), 0);
    assert_int_equal(sockets_fcntl(p.s[0], other, F_GETFD, 0), FD_CLOEXEC);
    pair_end(&p);
}

static void bytes_can_be_counted(void **state)
{
    (void)state;
    struct pair p;
    int count = -1;
    pair_connect(&p);
    sockets_send(p.s[1], p.client, "abc", 3, 0);
    assert_int_equal(sockets_ioctl(p.s[1], p.client, TIOCOUTQ, (intptr_t)&count), 0);
    assert_int_equal(count, 3);
    world_settle(&p.world);
    assert_int_equal(sockets_ioctl(p.s[0], p.server, FIONREAD, (intptr_t)&count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, FIONREAD, (intptr_t)&count), -EINVAL);
    assert_int_equal(sockets_ioctl(p.s[0], p.server, 0x1234, (intptr_t)&count), -ENOTTY);
    char got[3];
    sockets_read(p.s[0], p.server, got, 3);
    pair_end(&p);
}

/* ---- Ports ---- */

static int bind_new(struct pair *p, int type, uint16_t port, int option)
{
    struct sockaddr_in at = pair_address(0, port);
    int fd = sockets_socket(p->s[0], AF_INET, type, 0);
    if (option != 0)
        pair_set(p, 0, fd, SOL_SOCKET, option, 1);
    int error = sockets_bind(p->s[0], fd, (void *)&at, sizeof at);
    return error != 0 ? error : fd;
}

static void a_port_is_taken_once(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in foreign = pair_address(1, 5), any = {.sin_family = AF_INET};
    socklen_t length = sizeof any;
    pair_make(&p);
    int fd = bind_new(&p, SOCK_STREAM, 80, 0);
    assert_true(fd >= 0);
    assert_int_equal(sockets_bind(p.s[0], fd, (void *)&any, sizeof any), -EINVAL);
    assert_int_equal(bind_new(&p, SOCK_STREAM, 80, 0), -EADDRINUSE);
    assert_int_equal(bind_new(&p, SOCK_STREAM, 80, SO_REUSEADDR), -EADDRINUSE);
    assert_true(bind_new(&p, SOCK_DGRAM, 80, 0) >= 0); /* of another protocol */
    assert_true(bind_new(&p, SOCK_STREAM, 81, SO_REUSEADDR) >= 0);
    assert_true(bind_new(&p, SOCK_STREAM, 81, SO_REUSEADDR) >= 0);
    int other = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_bind(p.s[0], other, (void *)&foreign, sizeof foreign), -EADDRNOTAVAIL);
    assert_int_equal(sockets_bind(p.s[0], other, (void *)&any, sizeof any), 0);
    assert_int_equal(sockets_getsockname(p.s[0], other, (void *)&any, &length), 0);
    assert_in_range(ntohs(any.sin_port), 32768, 60999);
    pair_end(&p);
}

/* What is left of a connection keeps its port, unless SO_REUSEADDR says that it may not. */
static void a_connection_keeps_its_port(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    sockets_close(p.s[0], p.listener);
    sockets_close(p.s[0], p.server);
    world_settle(&p.world);
    sockets_close(p.s[1], p.client);
    world_settle(&p.world); /* now in TIME-WAIT */
    assert_int_equal(bind_new(&p, SOCK_STREAM, PAIR_PORT, 0), -EADDRINUSE);
    assert_true(bind_new(&p, SOCK_STREAM, PAIR_PORT, SO_REUSEADDR) >= 0);
    pair_end(&p);
}

/* ---- Datagrams ---- */

static void datagrams_go_both_ways(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in at = pair_address(0, 53), from;
    socklen_t length = sizeof from;
    char got[8];
    pair_make(&p);
    int server = bind_new(&p, SOCK_DGRAM, 53, 0);
    int client = sockets_socket(p.s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_send(p.s[1], client, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(sockets_sendto(p.s[1], client, "query", 5, 0, (void *)&at, sizeof at), 5);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 0, server), POLLIN | POLLOUT);
    assert_int_equal(sockets_recvfrom(p.s[0], server, got, 2, MSG_PEEK, (void *)&from, &length), 2);
    assert_int_equal(sockets_recv(p.s[0], server, got, 2, MSG_PEEK | MSG_TRUNC), 5);
    struct iovec piece = {got, 2};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    assert_int_equal(sockets_recvmsg(p.s[0], server, &message, 0), 2);
    assert_int_equal(message.msg_flags, MSG_TRUNC);
    assert_int_equal(sockets_recv(p.s[0], server, got, sizeof got, 0), -EAGAIN);
    assert_int_equal(sockets_connect(p.s[0], server, (void *)&from, length), 0);
    assert_int_equal(sockets_send(p.s[0], server, "answer", 6, 0), 6);
    world_settle(&p.world);
    assert_int_equal(sockets_read(p.s[1], client, got, sizeof got), 6);
    assert_memory_equal(got, "answer", 6);
    pair_end(&p);
}

static void a_refused_datagram_is_told_once(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in at = pair_address(0, 53);
    char got[8];
    pair_make(&p);
    int client = sockets_socket(p.s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_connect(p.s[1], client, (void *)&at, sizeof at), 0);
    assert_int_equal(sockets_send(p.s[1], client, "x", 1, 0), 1);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, client), POLLOUT | POLLERR);
    assert_int_equal(sockets_recv(p.s[1], client, got, sizeof got, 0), -ECONNREFUSED);
    assert_int_equal(sockets_recv(p.s[1], client, got, sizeof got, 0), -EAGAIN);
    pair_end(&p);
}

/* RFC 1122 MUST-46 */
static void ancillary_data_changes_one_datagram(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in at = pair_address(0, 53);
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control;
    struct iovec piece = {(void *)"x", 1};
    struct msghdr message = {.msg_name = &at,
                             .msg_namelen = sizeof at,
                             .msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    int tos = 0x20;
    pair_make(&p);
    bind_new(&p, SOCK_DGRAM, 53, 0);
    world_introduce(&p.world, 1);
    int client = sockets_socket(p.s[1], AF_INET, SOCK_DGRAM, 0);
    memset(&control, 0, sizeof control);
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof tos), .cmsg_level = SOL_IP, .cmsg_type = IP_TOS};
    memcpy(CMSG_DATA(&control.header), &tos, sizeof tos);
    assert_int_equal(sockets_sendmsg(p.s[1], client, &message, 0), 1);
    world_settle(&p.world);
    assert_int_equal(world_last(&p.world, 1, 0)->bytes[14 + 1], 0x20);
    assert_int_equal(sockets_sendto(p.s[1], client, "x", 1, 0, (void *)&at, sizeof at), 1);
    world_settle(&p.world);
    assert_int_equal(world_last(&p.world, 1, 0)->bytes[14 + 1], 0);
    pair_end(&p);
}

/* ---- Pipes ---- */

static void a_pipe_holds_what_it_says(void **state)
{
    (void)state;
    struct pair p;
    static char bytes[70000], got[70000];
    int fds[2];
    pair_make(&p);
    assert_int_equal(sockets_pipe(p.s[0], fds, 0), 0);
    assert_int_equal(sockets_read(p.s[0], fds[0], got, 1), -EAGAIN);
    assert_int_equal(sockets_read(p.s[0], fds[1], got, 1), -EBADF);
    assert_int_equal(sockets_write(p.s[0], fds[0], got, 1), -EBADF);
    assert_int_equal(sockets_recv(p.s[0], fds[0], got, 1, 0), -ENOTSOCK);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    assert_int_equal(sockets_write(p.s[0], fds[1], bytes, sizeof bytes), 65536);
    assert_int_equal(sockets_write(p.s[0], fds[1], bytes, 1), -EAGAIN);
    assert_int_equal(pair_poll(&p, 0, fds[1]), 0);
    assert_int_equal(sockets_read(p.s[0], fds[0], got, 1000), 1000);
    assert_int_equal(sockets_write(p.s[0], fds[1], bytes, 1001), -EAGAIN); /* all or nothing */
    assert_int_equal(sockets_write(p.s[0], fds[1], bytes, 1000), 1000);
    assert_int_equal(sockets_read(p.s[0], fds[0], got + 1000, sizeof got), 65536);
    assert_memory_equal(got, bytes, 65536);
    assert_memory_equal(got + 65536, bytes, 1000);
    assert_int_equal(sockets_fcntl(p.s[0], fds[0], F_SETPIPE_SZ, 5000), 8192);
    assert_int_equal(sockets_fcntl(p.s[0], fds[1], F_GETPIPE_SZ, 0), 8192);
    assert_int_equal(sockets_fcntl(p.s[0], fds[1], F_SETPIPE_SZ, (1 << 20) + 1), -EPERM);
    assert_int_equal(sockets_fcntl(p.s[0], fds[1], F_SETPIPE_SZ, -1), -EINVAL);
    assert_int_equal(sockets_fcntl(p.s[0], fds[1], F_SETPIPE_SZ, 0), 4096);
    assert_int_equal(sockets_pipe(p.s[0], fds, O_CLOEXEC), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sockets_fcntl(p.s[0], fds[i], F_GETFD, 0), FD_CLOEXEC);
    pair_end(&p);
}

static void a_pipe_tells_when_its_other_end_goes(void **state)
{
    (void)state;
    struct pair p;
    int fds[2];
    char byte;
    pair_make(&p);
    sockets_pipe(p.s[0], fds, O_NONBLOCK);
    sockets_write(p.s[0], fds[1], "x", 1);
    sockets_close(p.s[0], fds[1]);
    assert_int_equal(pair_poll(&p, 0, fds[0]), POLLIN | POLLHUP);
    assert_int_equal(sockets_read(p.s[0], fds[0], &byte, 1), 1);
    assert_int_equal(sockets_read(p.s[0], fds[0], &byte, 1), 0);
    sockets_close(p.s[0], fds[0]);
    sockets_pipe(p.s[0], fds, 0);
    sockets_close(p.s[0], fds[0]);
    assert_int_equal(sockets_write(p.s[0], fds[1], "x", 1), -EPIPE);
    assert_int_equal(pair_poll(&p, 0, fds[1]), POLLOUT | POLLERR);
    pair_end(&p);
}

static void splice_goes_by_a_pipe(void **state)
{
    (void)state;
    struct pair p;
    int fds[2];
    char got[8];
    off_t offset = 0;
    pair_connect(&p);
    sockets_pipe(p.s[0], fds, 0);
    sockets_send(p.s[1], p.client, "splice", 6, 0);
    world_settle(&p.world);
    assert_int_equal(sockets_splice(p.s[0], p.server, NULL, p.server, NULL, 10, 0), -EINVAL);
    assert_int_equal(sockets_splice(p.s[0], p.server, &offset, fds[1], NULL, 10, 0), -ESPIPE);
    assert_int_equal(sockets_splice(p.s[0], p.server, NULL, fds[1], NULL, 10, 0), 6);
    assert_int_equal(sockets_splice(p.s[0], p.server, NULL, fds[1], NULL, 10, 0), -EAGAIN);
    assert_int_equal(sockets_splice(p.s[0], fds[0], NULL, p.server, NULL, 4, 0), 4);
    assert_int_equal(sockets_splice(p.s[0], fds[0], NULL, p.server, NULL, 4, 0), 2);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(sockets_recv(p.s[1], p.client, got, sizeof got, 0), 6);
    assert_memory_equal(got, "splice", 6);
    pair_end(&p);
}

/* In pieces, and no more than was asked for. */
static void much_of_a_file_can_be_sent(void **state)
{
    enum { ALL = 200000, ASKED = 70000 };
    (void)state;
    struct pair p;
    static char bytes[ALL];
    char name[] = "/tmp/chaski-sockets-XXXXXX";
    off_t offset = 0;
    pair_connect(&p);
    int number = mkstemp(name);
    assert_true(number >= 0);
    unlink(name);
    assert_int_equal(write(number, bytes, sizeof bytes), sizeof bytes);
    int fd = sockets_file(p.s[0], number);
    pair_set(&p, 0, p.server, SOL_SOCKET, SO_SNDBUF, ALL);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, fd, &offset, ASKED), ASKED);
    assert_int_equal(offset, ASKED);
    pair_end(&p);
}

static void a_file_can_be_sent(void **state)
{
    (void)state;
    struct pair p;
    char name[] = "/tmp/chaski-sockets-XXXXXX", got[16];
    off_t offset = 2;
    pair_connect(&p);
    int number = mkstemp(name);
    assert_true(number >= 0);
    unlink(name);
    assert_int_equal(write(number, "0123456789", 10), 10);
    assert_int_equal(lseek(number, 0, SEEK_SET), 0);
    int fd = sockets_file(p.s[0], number);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, fd, &offset, 3), 3);
    assert_int_equal(offset, 5);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, fd, NULL, 4), 4);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, fd, NULL, 100), 6);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, fd, NULL, 100), 0);
    assert_int_equal(sockets_sendfile(p.s[0], p.server, p.server, NULL, 1), -EINVAL);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(sockets_recv(p.s[1], p.client, got, sizeof got, 0), 13);
    assert_memory_equal(got, "2340123456789", 13);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_free_number_is_taken),
        cmocka_unit_test(duplicates_share_what_is_open),
        cmocka_unit_test(bytes_can_be_counted),
        cmocka_unit_test(a_port_is_taken_once),
        cmocka_unit_test(a_connection_keeps_its_port),
        cmocka_unit_test(datagrams_go_both_ways),
        cmocka_unit_test(a_refused_datagram_is_told_once),
        cmocka_unit_test(ancillary_data_changes_one_datagram),
        cmocka_unit_test(a_pipe_holds_what_it_says),
        cmocka_unit_test(a_pipe_tells_when_its_other_end_goes),
        cmocka_unit_test(splice_goes_by_a_pipe),
        cmocka_unit_test(a_file_can_be_sent),
        cmocka_unit_test(much_of_a_file_can_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
