/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/tcp.h>

#include "tests/unit/sockets/pair.h"

#include <sys/ioctl.h>

enum { OPT_ID = 1 << 7 }; /* SOF_TIMESTAMPING_OPT_ID */

/* What calls come to in each of a TCP socket's states, as Linux has it. */

static ssize_t receive(struct pair *p, int host, int fd)
{
    char bytes[8];
    return sockets_recv(p->s[host], fd, bytes, sizeof bytes, MSG_DONTWAIT);
}

static int connect_to(struct pair *p, int fd, uint16_t port)
{
    struct sockaddr_in to = pair_address(0, port);
    int error = sockets_connect(p->s[1], fd, (void *)&to, sizeof to);
    world_settle(&p->world);
    return error;
}

/* ---- Giving up ---- */

static void what_is_given_up_is_reset(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(pair_disconnect(&p, 1, p.client), 0);
    assert_int_equal(pair_poll(&p, 1, p.client), POLLOUT | POLLERR | POLLHUP);
    assert_int_equal(receive(&p, 1, p.client), -ECONNRESET);
    assert_int_equal(receive(&p, 1, p.client), -ENOTCONN);
    assert_int_equal(pair_disconnect(&p, 1, p.client), 0);
    assert_int_equal(pair_error(&p, 1, p.client), 0); /* there was nothing any more */
    assert_int_equal(connect_to(&p, p.client, PAIR_PORT), -EINPROGRESS);
    assert_int_equal(connect_to(&p, p.client, PAIR_PORT), 0);
    pair_disconnect(&p, 1, p.client);
    assert_int_equal(connect_to(&p, p.client, PAIR_PORT), -EINPROGRESS); /* whatever was before */
    assert_int_equal(pair_error(&p, 1, p.client), 0);
    pair_end(&p);
}

/* In CLOSE-WAIT it is as writing to who does not read, whether or not all was read before. */
static void reset_behind_a_fin_is_a_broken_pipe(void **state)
{
    struct pair p;
    (void)state;
    for (int unread = 0; unread < 2; unread++) {
        pair_connect(&p);
        sockets_send(p.s[0], p.server, "x", (size_t)unread, 0);
        sockets_shutdown(p.s[0], p.server, SHUT_WR);
        world_settle(&p.world);
        pair_reset(&p, 0, p.server);
        assert_int_equal(sockets_send(p.s[1], p.client, "x", 1, MSG_NOSIGNAL), -EPIPE);
        pair_end(&p);
    }
}

static void giving_up_forgets_where_peeking_was(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_PEEK_OFF, 5), 0);
    assert_int_equal(pair_disconnect(&p, 1, p.client), 0);
    assert_int_equal(pair_get(&p, 1, p.client, SOL_SOCKET, SO_PEEK_OFF), -1);
    pair_end(&p);
}

/* Beyond what there is to peek at is no end of what has ended otherwise. */
static void an_error_comes_before_peeking_further(void **state)
{
    struct pair p;
    char byte;
    (void)state;
    pair_make(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(pair_set(&p, 1, fd, SOL_SOCKET, SO_PEEK_OFF, 5), 0);
    assert_int_equal(connect_to(&p, fd, 99), -EINPROGRESS);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 1, MSG_PEEK), -ECONNREFUSED);
    pair_end(&p);
}

/* An error that waits is not forgotten by giving up, but by a new attempt. */
static void an_error_outlives_giving_up(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect_to(&p, fd, 99), -EINPROGRESS);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(pair_error(&p, 1, fd), ECONNREFUSED);
    pair_end(&p);
}

static void shutting_down_gives_up_a_handshake(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 5);
    int fd = pair_begin(&p);
    assert_int_equal(sockets_shutdown(p.s[1], fd, SHUT_WR), 0);
    assert_int_equal(pair_poll(&p, 1, fd), POLLOUT | POLLERR | POLLHUP);
    assert_int_equal(pair_error(&p, 1, fd), ECONNRESET);
    assert_int_equal(receive(&p, 1, fd), -ENOTCONN);
    assert_int_equal(connect_to(&p, fd, PAIR_PORT), -EINPROGRESS);
    assert_int_equal(connect_to(&p, fd, PAIR_PORT), 0);
    pair_end(&p);
}

/* ---- Shutting down ---- */

static void shutting_down_nothing_is_noted(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_shutdown(p.s[1], fd, SHUT_RD), -ENOTCONN);
    assert_int_equal(pair_poll(&p, 1, fd), POLLIN | POLLRDHUP | POLLOUT | POLLHUP);
    assert_int_equal(receive(&p, 1, fd), 0);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(receive(&p, 1, fd), -ENOTCONN);
    pair_end(&p);
}

/* It holds for the connection that comes after it. */
static void what_was_shut_before_stays_so(void **state)
{
    struct pair p;
    (void)state;
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
        pair_make(&p);
        pair_listen(&p, 5);
        int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
        assert_int_equal(sockets_shutdown(p.s[1], fd, how), -ENOTCONN);
        assert_int_equal(connect_to(&p, fd, PAIR_PORT), -EINPROGRESS);
        assert_int_equal(connect_to(&p, fd, PAIR_PORT), 0);
        assert_int_equal(receive(&p, 1, fd), how == SHUT_WR ? -EAGAIN : 0);
        assert_int_equal(sockets_send(p.s[1], fd, "x", 1, 0), how == SHUT_RD ? 1 : -EPIPE);
        int server = sockets_accept(p.s[0], p.listener, NULL, NULL);
        world_settle(&p.world);
        assert_int_equal(receive(&p, 0, server), how == SHUT_RD ? 1 : -EAGAIN);
        assert_int_equal(sockets_shutdown(p.s[1], fd, SHUT_WR), 0); /* only now is it said */
        world_settle(&p.world);
        assert_int_equal(receive(&p, 0, server), 0);
        pair_end(&p);
    }
}

/* listen() again says how many may wait; those that do stay. */
static void a_backlog_can_be_changed(void **state)
{
    static const int backlogs[] = {0, 2, 1}, waiting[] = {1, 3, 2};
    struct pair p;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 5);
    for (int i = 0; i < 3; i++) {
        int accepted = 0;
        assert_int_equal(sockets_listen(p.s[0], p.listener, backlogs[i]), 0);
        for (int n = 0; n < 5; n++)
            pair_begin(&p);
        world_settle(&p.world);
        int fd = sockets_accept(p.s[0], p.listener, NULL, NULL);
        for (; fd >= 0; fd = sockets_accept(p.s[0], p.listener, NULL, NULL))
            accepted++;
        assert_int_equal(accepted, waiting[i]);
        for (fd = 3; fd < 40; fd++)
            sockets_close(p.s[1], fd);
        world_run(&p.world, 200 * WORLD_SECOND);
        while ((fd = sockets_accept(p.s[0], p.listener, NULL, NULL)) >= 0)
            sockets_close(p.s[0], fd);
    }
    pair_end(&p);
}

static void shutting_down_wakes_whoever_watches(void **state)
{
    struct pair p;
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
    (void)state;
    pair_make(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    int set = sockets_epoll_create(p.s[1], 0);
    assert_int_equal(sockets_epoll_ctl(p.s[1], set, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(sockets_epoll_wait(p.s[1], set, &event, 1), 1);
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
        assert_int_equal(sockets_epoll_wait(p.s[1], set, &event, 1), 0);
        assert_int_equal(sockets_shutdown(p.s[1], fd, how), -ENOTCONN);
        assert_int_equal(sockets_epoll_wait(p.s[1], set, &event, 1), 1);
    }
    assert_int_equal(sockets_shutdown(p.s[1], fd, 3), -EINVAL);
    assert_int_equal(sockets_epoll_wait(p.s[1], set, &event, 1), 0);
    pair_end(&p);
}

/* Who has shut both directions reads nothing that comes, and the peer is to know (RFC 1122,
 * 4.2.2.13); what had come before can be read. */
static void text_behind_both_shutdowns_is_reset(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_send(p.s[0], p.server, "abc", 3, 0), 3);
    world_settle(&p.world);
    assert_int_equal(sockets_shutdown(p.s[1], p.client, SHUT_RD), 0);
    assert_int_equal(sockets_send(p.s[0], p.server, "d", 1, 0), 1); /* one alone says nothing */
    world_settle(&p.world);
    assert_int_equal(sockets_shutdown(p.s[1], p.client, SHUT_WR), 0);
    world_settle(&p.world);
    assert_int_equal(receive(&p, 1, p.client), 4);
    assert_int_equal(pair_error(&p, 1, p.client), 0);
    assert_int_equal(sockets_send(p.s[0], p.server, "e", 1, 0), 1);
    world_settle(&p.world);
    assert_int_equal(pair_error(&p, 0, p.server), EPIPE);
    assert_int_equal(receive(&p, 1, p.client), -ECONNRESET);
    assert_int_equal(receive(&p, 1, p.client), 0);
    pair_end(&p);
}

/* ---- Behind the end ---- */

static void a_stream_that_is_over_stays_so(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_shutdown(p.s[0], p.server, SHUT_WR), 0);
    world_settle(&p.world);
    pair_reset(&p, 0, p.server);
    assert_int_equal(receive(&p, 1, p.client), 0);
    assert_int_equal(pair_error(&p, 1, p.client), EPIPE); /* nobody has taken it */
    pair_end(&p);
}

static void options_of_what_has_ended(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_FASTOPEN, 5), -EINVAL);
    assert_int_equal(pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0), -EINVAL);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, OPT_ID), 0);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, 0), 0);
    pair_reset(&p, 0, p.server);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, OPT_ID), -EINVAL);
    assert_int_equal(pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_FASTOPEN, 5), 0);
    assert_int_equal(pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0), 0);
    pair_end(&p);
}

static void a_handshake_has_a_path(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 5);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(pair_get(&p, 1, fd, IPPROTO_IP, IP_MTU), -ENOTCONN);
    assert_int_equal(pair_get(&p, 1, pair_begin(&p), IPPROTO_IP, IP_MTU), 1500);
    pair_end(&p);
}

/* ---- Asking for more than there is ---- */

/* What became of an attempt is told before the address is looked at. */
static void connecting_again_asks_first(void **state)
{
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, 2), 0);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, 2), -EISCONN);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, 1), -EINVAL);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, 129), -EINVAL);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, (socklen_t)-1), -EINVAL);
    assert_int_equal(sockets_connect(p.s[1], p.client, NULL, sizeof to), -EFAULT);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect_to(&p, fd, 99), -EINPROGRESS);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, 2), -ECONNREFUSED);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, 2), -EINVAL);
    pair_end(&p);
}

static void nothing_asked_is_nothing_done(void **state)
{
    struct pair p;
    char byte = 0;
    struct iovec none[2] = {{&byte, 0}, {NULL, 0}};
    (void)state;
    pair_make(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    for (int count = 0; count <= 2; count++) {
        assert_int_equal(sockets_readv(p.s[1], fd, none, count), 0);
        assert_int_equal(sockets_writev(p.s[1], fd, none, count), 0);
    }
    assert_int_equal(sockets_read(p.s[1], fd, &byte, 0), 0);
    assert_int_equal(sockets_write(p.s[1], fd, &byte, 0), -EPIPE);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 0, 0), -ENOTCONN);
    assert_int_equal(sockets_readv(p.s[1], fd, none, -1), -EINVAL);
    assert_int_equal(sockets_readv(p.s[1], 77, none, 0), -EBADF);
    pair_end(&p);
}

static void a_peek_for_the_length_copies_nothing(void **state)
{
    struct pair p;
    char bytes[3] = "..";
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_send(p.s[0], p.server, "abcde", 5, 0), 5);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 2, MSG_PEEK | MSG_TRUNC), 2);
    assert_int_equal(sockets_recv(p.s[1], p.client, NULL, 9, MSG_PEEK | MSG_TRUNC), 5);
    assert_string_equal(bytes, "..");
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 2, 0), 2);
    assert_string_equal(bytes, "ab");
    pair_end(&p);
}

static void flags_are_told_back(void **state)
{
    struct pair p;
    char byte;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    (void)state;
    pair_connect(&p);
    sockets_send(p.s[0], p.server, "a", 1, 0);
    world_settle(&p.world);
    assert_int_equal(sockets_recvmsg(p.s[1], p.client, &message, MSG_CMSG_CLOEXEC), 1);
    assert_int_equal(message.msg_flags, MSG_CMSG_CLOEXEC);
    pair_end(&p);
}

static void listeners_know_of_no_bytes(void **state)
{
    enum { FIONREAD_ = 0x541b, SIOCATMARK_ = 0x8905, UNKNOWN = 0x9999 };
    struct pair p;
    int value = 7;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 5);
    char byte;
    assert_int_equal(sockets_recv(p.s[0], p.listener, &byte, 1, MSG_OOB), -ENOTCONN);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, FIONREAD_, (intptr_t)&value), -EINVAL);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, UNKNOWN, (intptr_t)&value), -ENOTTY);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, UNKNOWN, 0), -ENOTTY);
    assert_int_equal(value, 7);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, SIOCATMARK_, 0), -EFAULT);
    assert_int_equal(sockets_ioctl(p.s[0], p.listener, SIOCATMARK_, (intptr_t)&value), 0);
    assert_int_equal(value, 0);
    pair_end(&p);
}

/* A socket may go before what it wants to know is known. */
static void stamps_that_wait_are_given_up(void **state)
{
    enum { TX_ACK = 1 << 9 }; /* SOF_TIMESTAMPING_TX_ACK */
    (void)state;
    struct pair p;
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, TX_ACK), 0);
    assert_int_equal(sockets_send(p.s[1], p.client, "x", 1, 0), 1);
    assert_int_equal(sockets_send(p.s[1], p.client, "y", 1, 0), 1);
    assert_int_equal(sockets_close(p.s[1], p.client), 0);
    pair_end(&p);
}

/* Who waited for room has found it before all has been acknowledged. */
static void stamps_outlast_a_full_buffer(void **state)
{
    enum { TX_ACK = 1 << 9, SOFTWARE = 1 << 4, WITHOUT_DATA = 1 << 11 };
    (void)state;
    struct pair p;
    static char bytes[4000];
    char control[256];
    int sent = 0, told = 0;
    pair_connect(&p);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_SNDBUF, 20000);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, TX_ACK | SOFTWARE | WITHOUT_DATA);
    while (sockets_send(p.s[1], p.client, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        sent++;
    world_run(&p.world, WORLD_SECOND);
    while (sockets_recv(p.s[0], p.server, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        world_run(&p.world, WORLD_SECOND);
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    while (sockets_recvmsg(p.s[1], p.client, &message, MSG_ERRQUEUE) >= 0) {
        message.msg_controllen = sizeof control;
        told++;
    }
    assert_true(sent > 2);
    assert_int_equal(told, sent);
    pair_end(&p);
}

/* What has been looked at and what is to be read end at the mark; looking goes on behind it. */
static void looking_passes_the_urgent_byte_over(void **state)
{
    (void)state;
    struct pair p;
    char bytes[8] = "";
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_PEEK_OFF, 0), 0);
    assert_int_equal(sockets_send(p.s[0], p.server, "ur!", 3, MSG_OOB), 3);
    assert_int_equal(sockets_send(p.s[0], p.server, "gent", 4, 0), 4);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 1, MSG_PEEK), 1);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 8, MSG_PEEK), 1);
    assert_int_equal(bytes[0], 'r');
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 8, MSG_PEEK), 4);
    assert_memory_equal(bytes, "gent", 4);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 8, MSG_PEEK), -EAGAIN);
    int left = -1;
    sockets_ioctl(p.s[1], p.client, FIONREAD, (intptr_t)&left);
    assert_int_equal(left, 2);
    struct iovec pieces[] = {{bytes, 1}, {bytes + 1, 7}};
    assert_int_equal(sockets_readv(p.s[1], p.client, pieces, 2), 2);
    assert_memory_equal(bytes, "ur", 2);
    sockets_ioctl(p.s[1], p.client, FIONREAD, (intptr_t)&left);
    assert_int_equal(left, 0);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, 8, 0), 4);
    pair_end(&p);
}

static void an_urgent_byte_goes_with_a_reset(void **state)
{
    struct pair p;
    char byte;
    (void)state;
    for (int fin = 0; fin < 2; fin++) {
        pair_connect(&p);
        assert_int_equal(sockets_send(p.s[0], p.server, "!", 1, MSG_OOB), 1);
        if (fin)
            sockets_shutdown(p.s[0], p.server, SHUT_WR);
        world_settle(&p.world);
        pair_reset(&p, 0, p.server);
        assert_int_equal(sockets_recv(p.s[1], p.client, &byte, 1, MSG_OOB), fin ? 1 : -ENOTCONN);
        pair_end(&p);
    }
}

/* Reading passes the urgent byte over, also when nothing stands behind it. */
static void an_urgent_byte_is_passed_over(void **state)
{
    struct pair p;
    char byte;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_send(p.s[0], p.server, "!", 1, MSG_OOB), 1);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[1], p.client, &byte, 1, MSG_PEEK), -EAGAIN);
    assert_int_equal(sockets_recv(p.s[1], p.client, &byte, 1, MSG_OOB | MSG_PEEK), 1);
    assert_int_equal(sockets_recv(p.s[1], p.client, &byte, 1, 0), -EAGAIN);
    assert_int_equal(sockets_recv(p.s[1], p.client, &byte, 1, MSG_OOB), -EINVAL);
    pair_end(&p);
}

static void memory_that_is_not_there_is_refused(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int set = sockets_epoll_create(p.s[1], 0);
    struct epoll_event event;
    assert_int_equal(sockets_epoll_wait(p.s[1], set, NULL, 1), -EFAULT);
    assert_int_equal(sockets_epoll_wait(p.s[1], set, &event, 1 << 28), -EINVAL);
    assert_int_equal(sockets_poll(p.s[1], NULL, 1), -EFAULT);
    assert_int_equal(sockets_poll(p.s[1], NULL, 0), 0);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_up_is_reset),
        cmocka_unit_test(reset_behind_a_fin_is_a_broken_pipe),
        cmocka_unit_test(giving_up_forgets_where_peeking_was),
        cmocka_unit_test(an_error_comes_before_peeking_further),
        cmocka_unit_test(an_error_outlives_giving_up),
        cmocka_unit_test(shutting_down_gives_up_a_handshake),
        cmocka_unit_test(shutting_down_nothing_is_noted),
        cmocka_unit_test(what_was_shut_before_stays_so),
        cmocka_unit_test(a_backlog_can_be_changed),
        cmocka_unit_test(shutting_down_wakes_whoever_watches),
        cmocka_unit_test(text_behind_both_shutdowns_is_reset),
        cmocka_unit_test(a_stream_that_is_over_stays_so),
        cmocka_unit_test(options_of_what_has_ended),
        cmocka_unit_test(a_handshake_has_a_path),
        cmocka_unit_test(connecting_again_asks_first),
        cmocka_unit_test(nothing_asked_is_nothing_done),
        cmocka_unit_test(a_peek_for_the_length_copies_nothing),
        cmocka_unit_test(flags_are_told_back),
        cmocka_unit_test(looking_passes_the_urgent_byte_over),
        cmocka_unit_test(stamps_outlast_a_full_buffer),
        cmocka_unit_test(stamps_that_wait_are_given_up),
        cmocka_unit_test(an_urgent_byte_goes_with_a_reset),
        cmocka_unit_test(an_urgent_byte_is_passed_over),
        cmocka_unit_test(memory_that_is_not_there_is_refused),
        cmocka_unit_test(listeners_know_of_no_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
