/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP sockets: opening, what flows, closing. */
#include "tests/unit/sockets/pair.h"

#include <time.h> /* for the next one */
#include <linux/errqueue.h>
#include <netinet/tcp.h>

/* ---- Opening ---- */

static void connect_is_told_once(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_make(&p);
    pair_listen(&p, 5);
    int fd = pair_begin(&p);
    assert_true(sockets_blocks(p.s[1], fd));
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EALREADY);
    assert_int_equal(pair_poll(&p, 1, fd), 0);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, fd), POLLOUT);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), 0);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EISCONN);
    pair_end(&p);
}

static void nobody_listening_refuses(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_make(&p);
    int fd = pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, fd), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    assert_int_equal(pair_error(&p, 1, fd), ECONNREFUSED);
    assert_int_equal(pair_error(&p, 1, fd), 0); /* told once */
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -ECONNABORTED);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p.world);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -ECONNREFUSED);
    pair_listen(&p, 1); /* and the same socket can try again */
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p.world);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), 0);
    pair_end(&p);
}

static void accept_tells_the_peer(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in own, seen;
    socklen_t length = sizeof own;
    pair_make(&p);
    pair_listen(&p, 5);
    assert_int_equal(sockets_accept(p.s[0], p.listener, NULL, NULL), -EAGAIN);
    int fd = pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 0, p.listener), POLLIN);
    int got = sockets_accept4(p.s[0], p.listener, (void *)&seen, &length, SOCK_NONBLOCK);
    assert_true(got >= 3);
    assert_int_equal(pair_poll(&p, 0, p.listener), 0);
    assert_false(sockets_blocks(p.s[0], got));
    length = sizeof own;
    assert_int_equal(sockets_getsockname(p.s[1], fd, (void *)&own, &length), 0);
    assert_int_equal(length, sizeof own);
    assert_memory_equal(&own, &seen, sizeof own);
    assert_int_equal(sockets_getpeername(p.s[1], fd, (void *)&own, &length), 0);
    assert_int_equal(own.sin_port, htons(PAIR_PORT));
    length = 4; /* as much as has room; the whole length is told */
    memset(&own, 0xee, sizeof own);
    assert_int_equal(sockets_getpeername(p.s[1], fd, (void *)&own, &length), 0);
    assert_int_equal(length, sizeof own);
    assert_int_equal(own.sin_addr.s_addr, 0xeeeeeeee);
    pair_end(&p);
}

/* Linux's queue holds one more than the backlog says. */
static void the_backlog_is_kept(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    pair_listen(&p, 1);
    for (int i = 0; i < 4; i++)
        pair_begin(&p);
    world_settle(&p.world);
    assert_true(sockets_accept(p.s[0], p.listener, NULL, NULL) >= 0);
    assert_true(sockets_accept(p.s[0], p.listener, NULL, NULL) >= 0);
    assert_int_equal(sockets_accept(p.s[0], p.listener, NULL, NULL), -EAGAIN);
    pair_end(&p);
}

static void what_is_not_connected_says_so(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    char byte;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_recv(p.s[0], fd, &byte, 1, 0), -ENOTCONN);
    assert_int_equal(sockets_send(p.s[0], fd, "x", 1, 0), -EPIPE);
    assert_int_equal(sockets_shutdown(p.s[0], fd, SHUT_WR), -ENOTCONN);
    assert_int_equal(sockets_getpeername(p.s[0], fd, (void *)&name, &length), -ENOTCONN);
    assert_int_equal(sockets_accept(p.s[0], fd, NULL, NULL), -EINVAL);
    assert_int_equal(pair_poll(&p, 0, fd), POLLOUT | POLLHUP);
    pair_end(&p);
}

static void connecting_to_nowhere_is_refused_at_once(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0x0a000001)};
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_connect(p.s[0], fd, (void *)&to, sizeof to), -ENETUNREACH);
    to.sin_addr.s_addr = INADDR_BROADCAST;
    assert_int_equal(sockets_connect(p.s[0], fd, (void *)&to, sizeof to), -ENETUNREACH);
    assert_int_equal(sockets_connect(p.s[0], fd, (void *)&to, 4), -EINVAL);
    to.sin_family = AF_INET6;
    assert_int_equal(sockets_connect(p.s[0], fd, (void *)&to, sizeof to), -EAFNOSUPPORT);
    pair_end(&p);
}

/* ---- What flows ---- */

static void bytes_arrive_as_sent(void **state)
{
    (void)state;
    struct pair p;
    char got[16] = {0};
    pair_connect(&p);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), -EAGAIN);
    struct iovec pieces[] = {{(void *)"he", 2}, {NULL, 0}, {(void *)"llo", 3}};
    assert_int_equal(sockets_writev(p.s[1], p.client, pieces, 3), 5);
    world_settle(&p.world);
    struct iovec into[] = {{got, 1}, {got + 1, 3}, {got + 4, 8}};
    assert_int_equal(sockets_readv(p.s[0], p.server, into, 3), 5);
    assert_string_equal(got, "hello");
    pair_end(&p);
}

static void peeking_leaves_and_truncating_discards(void **state)
{
    (void)state;
    struct pair p;
    char got[16];
    pair_connect(&p);
    pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_NODELAY, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sockets_send(p.s[1], p.client, "abc", 3, 0), 3);
        world_settle(&p.world);
    }
    assert_int_equal(sockets_recv(p.s[0], p.server, got, 7, MSG_PEEK), 7);
    assert_memory_equal(got, "abcabca", 7);
    assert_int_equal(sockets_recv(p.s[0], p.server, NULL, 4, MSG_TRUNC), 4);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 5);
    assert_memory_equal(got, "bcabc", 5);
    pair_end(&p);
}

static void low_water_holds_back_readers_who_wait(void **state)
{
    (void)state;
    struct pair p;
    char got[16];
    pair_connect(&p);
    pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_NODELAY, 1);
    assert_int_equal(pair_set(&p, 0, p.server, SOL_SOCKET, SO_RCVLOWAT, 4), 0);
    sockets_send(p.s[1], p.client, "abc", 3, 0);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 0, p.server), POLLOUT);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), -EAGAIN);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, 1, 0), 1); /* it asks for no more */
    assert_int_equal(sockets_recv(p.s[0], p.server, got, 1, MSG_DONTWAIT), 1);
    sockets_send(p.s[1], p.client, "defg", 4, 0);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 0, p.server), POLLIN | POLLOUT);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 5);
    pair_end(&p);
}

static void writers_who_wait_go_on_with_the_rest(void **state)
{
    (void)state;
    struct pair p;
    static char bytes[1 << 20], got[1 << 16];
    pair_connect(&p);
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_SNDBUF, 8192), 0);
    struct iovec piece = {bytes, sizeof bytes}, *pieces = &piece;
    size_t count = 1, sent = 0, read = 0;
    while (count != 0) {
        ssize_t n = sockets_writev(p.s[1], p.client, pieces, (int)count);
        if (n < 0) {
            assert_int_equal(n, -EAGAIN);
            assert_int_equal(pair_poll(&p, 1, p.client), 0);
        } else {
            sent += (size_t)n;
            sockets_advance(&pieces, &count, (size_t)n);
            assert_int_equal(
                sockets_goes_on(p.s[1], p.client, SOCKETS_SENDING, 0, sent, sizeof bytes),
                sent < sizeof bytes);
        }
        world_settle(&p.world);
        for (ssize_t in; (in = sockets_read(p.s[0], p.server, got, sizeof got)) > 0;)
            read += (size_t)in;
        world_run(&p.world, 50 * WORLD_MILLISECOND);
    }
    assert_int_equal(sent, sizeof bytes);
    while (read < sent) {
        world_run(&p.world, 50 * WORLD_MILLISECOND);
        ssize_t in = sockets_read(p.s[0], p.server, got, sizeof got);
        assert_true(in > 0);
        read += (size_t)in;
    }
    assert_false(sockets_goes_on(p.s[1], p.client, SOCKETS_SENDING, MSG_DONTWAIT, 1, 2));
    assert_true(sockets_goes_on(p.s[1], p.client, SOCKETS_RECEIVING, MSG_WAITALL, 1, 2));
    assert_false(sockets_goes_on(p.s[1], p.client, SOCKETS_RECEIVING, 0, 1, 2));
    pair_end(&p);
}

/* Takes everything that waits in a socket, a datagram's or stream's bytes away. */
static void drop_all(struct pair *p, int host, int fd)
{
    char bytes[4096];
    while (sockets_recv(p->s[host], fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void memory_sent_without_a_copy_comes_back(void **state)
{
    (void)state;
    struct pair p;
    static const char bytes[3000] = "zero";
    char control[128];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_ZEROCOPY, 2), -EINVAL);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_ZEROCOPY, 1), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sockets_send(p.s[1], p.client, bytes, sizeof bytes, MSG_ZEROCOPY),
                         sizeof bytes);
    assert_int_equal(sockets_recvmsg(p.s[1], p.client, &message, MSG_ERRQUEUE), -EAGAIN);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(pair_poll(&p, 1, p.client), POLLOUT | POLLERR);
    message.msg_controllen = sizeof control;
    assert_int_equal(sockets_recvmsg(p.s[1], p.client, &message, MSG_ERRQUEUE), 0);
    assert_int_equal(message.msg_flags, MSG_ERRQUEUE);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, SOL_IP);
    assert_int_equal(header->cmsg_type, IP_RECVERR);
    struct sock_extended_err *error = (void *)CMSG_DATA(header);
    assert_int_equal(error->ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    assert_int_equal(error->ee_info, 0); /* both calls in one note */
    assert_int_equal(error->ee_data, 1);
    assert_int_equal(pair_poll(&p, 1, p.client), POLLOUT);
    drop_all(&p, 0, p.server);
    pair_end(&p);
}

static void memory_still_out_when_the_socket_goes_is_no_trouble(void **state)
{
    (void)state;
    struct pair p;
    static const char bytes[3000] = "zero";
    pair_connect(&p);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_ZEROCOPY, 1);
    assert_int_equal(sockets_send(p.s[1], p.client, bytes, sizeof bytes, MSG_ZEROCOPY),
                     sizeof bytes);
    assert_int_equal(sockets_close(p.s[1], p.client), 0);
    world_run(&p.world, WORLD_SECOND);
    char got[4000];
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), sizeof bytes);
    pair_end(&p);
}

/* ---- Closing ---- */

static void a_half_closed_stream_ends_and_still_answers(void **state)
{
    (void)state;
    struct pair p;
    char got[8];
    pair_connect(&p);
    sockets_send(p.s[1], p.client, "end", 3, 0);
    assert_int_equal(sockets_shutdown(p.s[1], p.client, SHUT_WR), 0);
    assert_int_equal(sockets_send(p.s[1], p.client, "x", 1, 0), -EPIPE);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 0, p.server), POLLIN | POLLOUT | POLLRDHUP);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 3);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 0);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 0);
    assert_int_equal(sockets_send(p.s[0], p.server, "ok", 2, 0), 2);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[1], p.client, got, sizeof got, 0), 2);
    assert_int_equal(sockets_shutdown(p.s[0], p.server, SHUT_WR), 0);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, p.client), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    assert_int_equal(sockets_recv(p.s[1], p.client, got, sizeof got, 0), 0);
    pair_end(&p);
}

static void reading_can_be_shut(void **state)
{
    (void)state;
    struct pair p;
    char got[8];
    pair_connect(&p);
    assert_int_equal(sockets_shutdown(p.s[0], p.server, SHUT_RD), 0);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 0);
    assert_int_equal(pair_poll(&p, 0, p.server), POLLIN | POLLOUT | POLLRDHUP);
    assert_int_equal(sockets_send(p.s[0], p.server, "still", 5, 0), 5);
    pair_end(&p);
}

static void a_reset_is_told_once(void **state)
{
    (void)state;
    struct pair p;
    char got[8];
    pair_connect(&p);
    pair_reset(&p, 1, p.client);
    assert_int_equal(pair_poll(&p, 0, p.server), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), -ECONNRESET);
    assert_int_equal(sockets_recv(p.s[0], p.server, got, sizeof got, 0), 0);
    assert_int_equal(sockets_send(p.s[0], p.server, "x", 1, 0), -EPIPE);
    pair_end(&p);
}

static void closing_with_unread_bytes_resets(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    sockets_send(p.s[1], p.client, "unread", 6, 0);
    world_settle(&p.world);
    assert_int_equal(sockets_close(p.s[0], p.server), 0);
    world_settle(&p.world);
    assert_int_equal(pair_error(&p, 1, p.client), ECONNRESET);
    pair_end(&p);
}

static bool lose_all(void *context, struct frame *frame)
{
    (void)context, (void)frame;
    return true;
}

static void closing_waits_while_it_lingers(void **state)
{
    (void)state;
    struct pair p;
    struct linger linger = {1, 2};
    pair_connect(&p);
    sockets_setsockopt(p.s[1], p.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    sockets_send(p.s[1], p.client, "bye", 3, 0);
    assert_int_equal(sockets_close(p.s[1], p.client), -EAGAIN);
    world_run(&p.world, 50 * WORLD_MILLISECOND);
    assert_int_equal(sockets_close(p.s[1], p.client), 0); /* all of it is acknowledged */
    assert_int_equal(sockets_close(p.s[1], p.client), -EBADF);
    pair_end(&p);

    pair_connect(&p);
    sockets_setsockopt(p.s[1], p.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    p.world.loses = lose_all;
    sockets_send(p.s[1], p.client, "bye", 3, 0);
    assert_int_equal(sockets_close(p.s[1], p.client), -EAGAIN);
    world_run(&p.world, 1900 * WORLD_MILLISECOND);
    assert_int_equal(sockets_close(p.s[1], p.client), -EAGAIN);
    world_run(&p.world, 200 * WORLD_MILLISECOND);
    assert_int_equal(sockets_close(p.s[1], p.client), 0); /* its time is over */
    p.world.loses = NULL;
    pair_end(&p);
}

static void a_socket_can_be_disconnected(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_connect(&p);
    assert_int_equal(pair_disconnect(&p, 1, p.client), 0);
    assert_int_equal(pair_error(&p, 0, p.server), ECONNRESET);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p.world);
    assert_int_equal(sockets_connect(p.s[1], p.client, (void *)&to, sizeof to), 0);
    pair_end(&p);
}

static void a_listener_that_is_closed_refuses(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    pair_listen(&p, 5);
    int waiting = pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(sockets_close(p.s[0], p.listener), 0);
    world_settle(&p.world);
    assert_int_equal(pair_error(&p, 1, waiting), ECONNRESET); /* nobody accepted it */
    int late = pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(pair_error(&p, 1, late), ECONNREFUSED);
    pair_end(&p);
}

static void connect_with_buffers(struct pair *p, int bytes)
{
    pair_make(p);
    pair_listen(p, 5);
    pair_set(p, 0, p->listener, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
    p->client = pair_begin(p);
    pair_set(p, 1, p->client, SOL_SOCKET, SO_SNDBUFFORCE, bytes);
    world_settle(&p->world);
    p->server = sockets_accept(p->s[0], p->listener, NULL, NULL);
}

/* Also of what came in many segments. */
static void looking_shows_all_that_there_is_room_for(void **state)
{
    (void)state;
    static uint8_t sent[200000], seen[sizeof sent];
    struct pair p;
    connect_with_buffers(&p, 4 * (int)sizeof sent);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i + i / 256);
    assert_int_equal(sockets_send(p.s[1], p.client, sent, sizeof sent, 0), sizeof sent);
    world_run(&p.world, 5 * WORLD_SECOND);
    struct iovec pieces[] = {{seen, 1}, {seen + 1, 70000}, {NULL, 0}, {seen + 70001, 129999}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 4};
    assert_int_equal(sockets_recvmsg(p.s[0], p.server, &message, MSG_PEEK), sizeof sent);
    assert_memory_equal(seen, sent, sizeof sent);
    memset(seen, 0, sizeof seen);
    assert_int_equal(sockets_recv(p.s[0], p.server, seen, sizeof seen, 0), sizeof sent);
    assert_memory_equal(seen, sent, sizeof sent);
    pair_end(&p);
}

/* However much lies before it. */
static void an_urgent_byte_overtakes_all(void **state)
{
    (void)state;
    static uint8_t sent[150000];
    struct pair p;
    char byte = 0;
    connect_with_buffers(&p, 4 * (int)sizeof sent);
    assert_int_equal(sockets_send(p.s[1], p.client, sent, sizeof sent, 0), sizeof sent);
    assert_int_equal(sockets_send(p.s[1], p.client, "!", 1, MSG_OOB), 1);
    world_run(&p.world, 5 * WORLD_SECOND);
    assert_int_equal(sockets_recv(p.s[0], p.server, NULL, 1, MSG_OOB), -EFAULT);
    assert_int_equal(sockets_recv(p.s[0], p.server, &byte, 1, MSG_OOB), 1);
    assert_int_equal(byte, '!');
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_is_told_once),
        cmocka_unit_test(nobody_listening_refuses),
        cmocka_unit_test(accept_tells_the_peer),
        cmocka_unit_test(the_backlog_is_kept),
        cmocka_unit_test(what_is_not_connected_says_so),
        cmocka_unit_test(connecting_to_nowhere_is_refused_at_once),
        cmocka_unit_test(bytes_arrive_as_sent),
        cmocka_unit_test(peeking_leaves_and_truncating_discards),
        cmocka_unit_test(low_water_holds_back_readers_who_wait),
        cmocka_unit_test(writers_who_wait_go_on_with_the_rest),
        cmocka_unit_test(memory_sent_without_a_copy_comes_back),
        cmocka_unit_test(memory_still_out_when_the_socket_goes_is_no_trouble),
        cmocka_unit_test(a_half_closed_stream_ends_and_still_answers),
        cmocka_unit_test(reading_can_be_shut),
        cmocka_unit_test(a_reset_is_told_once),
        cmocka_unit_test(closing_with_unread_bytes_resets),
        cmocka_unit_test(closing_waits_while_it_lingers),
        cmocka_unit_test(a_socket_can_be_disconnected),
        cmocka_unit_test(a_listener_that_is_closed_refuses),
        cmocka_unit_test(looking_shows_all_that_there_is_room_for),
        cmocka_unit_test(an_urgent_byte_overtakes_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
