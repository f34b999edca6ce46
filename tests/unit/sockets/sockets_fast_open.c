/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP Fast Open through sockets: what Linux's options and MSG_FASTOPEN do. */
#include "tests/unit/sockets/pair.h"

#include <linux/tcp.h>

enum { TCPI_SYN_DATA = 32 };

static void make(struct pair *p, const char *server_knob, const char *client_knob, int queue)
{
    pair_make(p);
    assert_int_equal(chaski_set_knob(p->world.hosts[0], "tcp_fastopen", server_knob), 0);
    assert_int_equal(chaski_set_knob(p->world.hosts[1], "tcp_fastopen", client_knob), 0);
    pair_listen(p, 5);
    assert_int_equal(pair_set(p, 0, p->listener, IPPROTO_TCP, TCP_FASTOPEN, queue), 0);
}

static int stream(struct pair *p)
{
    int fd = sockets_socket(p->s[1], AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 3);
    return fd;
}

static ssize_t send_fast(struct pair *p, int fd, const char *text)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    return sockets_sendto(p->s[1], fd, text, strlen(text), MSG_FASTOPEN | MSG_DONTWAIT, (void *)&to,
                          sizeof to);
}

/* The first connection asks for the cookie. */
static void learn(struct pair *p)
{
    int fd = stream(p);
    assert_int_equal(send_fast(p, fd, "first"), -EINPROGRESS);
    world_settle(&p->world);
    assert_int_equal(pair_poll(p, 1, fd), POLLOUT);
    assert_int_equal(sockets_write(p->s[1], fd, "first", 5), 5);
    world_settle(&p->world);
    int server = sockets_accept(p->s[0], p->listener, NULL, NULL);
    assert_true(server >= 3);
    assert_int_equal(sockets_close(p->s[0], server), 0);
    assert_int_equal(sockets_close(p->s[1], fd), 0);
    world_settle(&p->world);
}

static unsigned options_of(struct pair *p, int host, int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    assert_int_equal(sockets_getsockopt(p->s[host], fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    return info.tcpi_options;
}

static void assert_greeted(struct pair *p, int client)
{
    char text[16];
    int server = sockets_accept(p->s[0], p->listener, NULL, NULL);
    assert_true(server >= 3);
    assert_int_equal(sockets_read(p->s[0], server, text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(options_of(p, 0, server) & TCPI_SYN_DATA, TCPI_SYN_DATA);
    assert_int_equal(options_of(p, 1, client) & TCPI_SYN_DATA, TCPI_SYN_DATA);
    assert_int_equal(sockets_write(p->s[0], server, "there", 5), 5);
    world_settle(&p->world);
    assert_int_equal(sockets_read(p->s[1], client, text, sizeof text), 5);
    assert_memory_equal(text, "there", 5);
}

static void msg_fastopen_sends_with_the_syn(void **state)
{
    (void)state;
    struct pair p;
    make(&p, "2", "1", 5);
    learn(&p);
    int fd = stream(&p);
    assert_int_equal(send_fast(&p, fd, "hello"), 5);
    world_settle(&p.world);
    assert_greeted(&p, fd);
    assert_int_equal(send_fast(&p, fd, "more"), 4); /* told once that it is there */
    assert_int_equal(send_fast(&p, fd, "more"), -EISCONN);
    pair_end(&p);
}

/* As send_fast(), of somebody who waits. */
static ssize_t send_and_wait(struct pair *p, int fd, const void *text, size_t length)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    ssize_t value;
    do {
        value = sockets_sendto(p->s[1], fd, text, length, MSG_FASTOPEN, (void *)&to, sizeof to);
        world_settle(&p->world);
    } while (value == -EAGAIN);
    return value;
}

/* What is left of a call goes with the same flags; a call of its own is one too many, be it that
 * nothing is left, or that the connection is another one. */
static void only_the_rest_of_a_call_has_its_flags(void **state)
{
    static const char text[3000];
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    struct pair p;
    (void)state;
    make(&p, "2", "1", 5);
    learn(&p);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(send_and_wait(&p, fd, text, 5), 5);
    assert_int_equal(send_and_wait(&p, fd, text, 5), -EISCONN);
    fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    ssize_t first = send_and_wait(&p, fd, text, sizeof text);
    assert_true(first > 0 && (size_t)first < sizeof text);
    ssize_t rest = (ssize_t)sizeof text - first;
    assert_int_equal(send_and_wait(&p, fd, text, (size_t)rest), rest);
    assert_int_equal(send_and_wait(&p, fd, text, 5), -EISCONN);
    fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(send_and_wait(&p, fd, text, sizeof text), first);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p.world);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), 0);
    assert_int_equal(send_and_wait(&p, fd, text, 5), -EISCONN);
    pair_end(&p);
}

static void fastopen_connect_puts_the_syn_off(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    make(&p, "2", "1", 5);
    learn(&p);
    int fd = stream(&p);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(pair_get(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT), 1);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), 0);
    world_settle(&p.world);
    assert_int_equal(sockets_accept(p.s[0], p.listener, NULL, NULL), -EAGAIN);
    assert_int_equal(pair_poll(&p, 1, fd), POLLOUT);
    assert_int_equal(sockets_write(p.s[1], fd, "hello", 5), 5);
    world_settle(&p.world);
    assert_greeted(&p, fd);
    pair_end(&p);
}

/* Without a cookie it is an ordinary connect() that asks for one. */
static void fastopen_connect_without_a_cookie_asks_for_one(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    make(&p, "2", "1", 5);
    int fd = stream(&p);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p.world);
    assert_int_equal(sockets_connect(p.s[1], fd, (void *)&to, sizeof to), 0);
    fd = stream(&p);
    assert_int_equal(send_fast(&p, fd, "hello"), 5);
    pair_end(&p);
}

static void no_cookie_is_needed_where_both_say_so(void **state)
{
    (void)state;
    struct pair p;
    make(&p, "515", "1", 5); /* 0x203 */
    int fd = stream(&p);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1), 0);
    assert_int_equal(send_fast(&p, fd, "hello"), 5);
    world_settle(&p.world);
    assert_greeted(&p, fd);
    pair_end(&p);
}

/* RFC 7413 SHLD-7 */
static void the_policy_may_forbid_it(void **state)
{
    (void)state;
    struct pair p;
    make(&p, "0", "0", 5);
    int fd = stream(&p);
    assert_int_equal(send_fast(&p, fd, "hello"), -EOPNOTSUPP);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), -EOPNOTSUPP);
    pair_end(&p);
}

static void values_are_checked(void **state)
{
    (void)state;
    struct pair p;
    uint8_t key[32] = {1};
    make(&p, "3", "3", 5);
    int fd = stream(&p);
    assert_int_equal(pair_set(&p, 0, p.listener, IPPROTO_TCP, TCP_FASTOPEN, -1), -EINVAL);
    assert_int_equal(pair_get(&p, 0, p.listener, IPPROTO_TCP, TCP_FASTOPEN), 5);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 2), -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[1], fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, 15),
                     -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[1], fd, IPPROTO_TCP, TCP_FASTOPEN_KEY, key, 32), 0);
    assert_int_equal(sockets_sendto(p.s[1], fd, "x", 1, MSG_FASTOPEN, NULL, 0), -EINVAL);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msg_fastopen_sends_with_the_syn),
        cmocka_unit_test(only_the_rest_of_a_call_has_its_flags),
        cmocka_unit_test(fastopen_connect_puts_the_syn_off),
        cmocka_unit_test(fastopen_connect_without_a_cookie_asks_for_one),
        cmocka_unit_test(no_cookie_is_needed_where_both_say_so),
        cmocka_unit_test(the_policy_may_forbid_it),
        cmocka_unit_test(values_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
