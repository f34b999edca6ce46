/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/pair.h"

#include <linux/tcp.h>

/* A socket's own end: who names it, what is left of it when a connection is over, and who may have
 * it then. All of it as Linux has it. */

enum { ANY = 9, LOOPBACK = 10, GROUP = 11, ALL = 12, NOBODY = 9 };

static struct sockaddr_in end_of(int host, uint16_t port)
{
    struct sockaddr_in end = pair_address((uint32_t)host, port);
    if (host == ANY)
        end.sin_addr.s_addr = INADDR_ANY;
    if (host == LOOPBACK)
        end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (host == GROUP)
        end.sin_addr.s_addr = htonl(0xe0010203);
    if (host == ALL)
        end.sin_addr.s_addr = INADDR_BROADCAST;
    return end;
}

/* The calls of host 1, which is the one looked at. */
static int new_socket(struct pair *p, int type)
{
    return sockets_socket(p->s[1], AF_INET, type, 0);
}

static int bind_to(struct pair *p, int fd, int host, uint16_t port)
{
    struct sockaddr_in end = end_of(host, port);
    return sockets_bind(p->s[1], fd, (void *)&end, sizeof end);
}

static int connect_to(struct pair *p, int fd, int host, uint16_t port)
{
    struct sockaddr_in end = end_of(host, port);
    int value = sockets_connect(p->s[1], fd, (void *)&end, sizeof end);
    world_settle(&p->world);
    return value;
}

/* The port that getsockname() tells, with the address of `host`. */
static uint16_t port_at(struct pair *p, int fd, int host)
{
    struct sockaddr_in end, wanted = end_of(host, 0);
    socklen_t length = sizeof end;
    assert_int_equal(sockets_getsockname(p->s[1], fd, (void *)&end, &length), 0);
    assert_int_equal(end.sin_addr.s_addr, wanted.sin_addr.s_addr);
    return ntohs(end.sin_port);
}

static void port_of_a_failed_attempt_is_told_still(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM), other = new_socket(&p, SOCK_STREAM);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    uint16_t port = port_at(&p, fd, 1);
    assert_true(port != 0);
    assert_int_equal(bind_to(&p, other, ANY, port), 0); /* it is nobody's any more */
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -ECONNREFUSED);
    assert_int_equal(port_at(&p, fd, ANY), port);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    assert_true(port_at(&p, fd, 1) != port);
    pair_end(&p);
}

static void what_bind_has_named_stays(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM), other = new_socket(&p, SOCK_STREAM);
    assert_int_equal(bind_to(&p, fd, ANY, 88), 0);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    assert_int_equal(port_at(&p, fd, 1), 88);
    assert_int_equal(bind_to(&p, fd, ANY, 89), -EINVAL);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, ANY), 88);
    assert_int_equal(bind_to(&p, fd, ANY, 89), -EINVAL);
    assert_int_equal(bind_to(&p, other, ANY, 88), -EADDRINUSE);
    pair_end(&p);
}

static void port_that_was_drawn_is_given_back(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 1);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(bind_to(&p, fd, 1, 0), 0);
    uint16_t port = port_at(&p, fd, 1);
    assert_int_equal(bind_to(&p, fd, 1, 90), -EINVAL);
    connect_to(&p, fd, 0, PAIR_PORT);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, 1), port); /* the address was named */
    assert_int_equal(bind_to(&p, fd, ANY, 90), 0);
    assert_int_equal(port_at(&p, fd, ANY), 90);
    pair_end(&p);
}

static void listener_that_ends_gives_its_port_back(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(sockets_listen(p.s[1], fd, 1), 0);
    uint16_t port = port_at(&p, fd, ANY);
    assert_true(port != 0);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, ANY), port);
    assert_int_equal(bind_to(&p, fd, ANY, 91), 0);
    assert_int_equal(sockets_listen(p.s[1], fd, 1), 0);
    assert_int_equal(port_at(&p, fd, ANY), 91);
    pair_end(&p);
}

static void accepted_socket_has_its_listeners_address(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    for (int named = 0; named < 2; named++) {
        int listener = new_socket(&p, SOCK_STREAM), client = new_socket(&p, SOCK_STREAM);
        assert_int_equal(bind_to(&p, listener, named ? LOOPBACK : ANY, (uint16_t)(92 + named)), 0);
        assert_int_equal(sockets_listen(p.s[1], listener, 1), 0);
        connect_to(&p, client, LOOPBACK, (uint16_t)(92 + named));
        int fd = sockets_accept(p.s[1], listener, NULL, NULL);
        assert_int_equal(pair_disconnect(&p, 1, fd), 0);
        assert_int_equal(port_at(&p, fd, named ? LOOPBACK : ANY), 92 + named);
        assert_int_equal(bind_to(&p, fd, 1, (uint16_t)(95 + named)), 0);
    }
    pair_end(&p);
}

static void ended_connection_can_be_bound_anew(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    uint16_t port = port_at(&p, p.client, 1);
    pair_reset(&p, 0, p.server);
    assert_int_equal(port_at(&p, p.client, 1), port);
    assert_int_equal(bind_to(&p, p.client, LOOPBACK, port), 0);
    assert_int_equal(port_at(&p, p.client, LOOPBACK), port);
    assert_int_equal(bind_to(&p, p.client, LOOPBACK, 97), -EINVAL);
    assert_int_equal(pair_disconnect(&p, 1, p.client), 0);
    assert_int_equal(port_at(&p, p.client, LOOPBACK), port);
    pair_end(&p);
}

/* Who shuts a connection knows that there is one. */
static void shutdown_stands_for_the_second_connect(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_shutdown(p.s[1], p.client, SHUT_WR), 0);
    world_settle(&p.world);
    pair_reset(&p, 0, p.server);
    assert_int_equal(connect_to(&p, p.client, 0, PAIR_PORT), -EISCONN);
    assert_int_equal(sockets_listen(p.s[1], p.client, 1), -EINVAL);
    pair_end(&p);
}

static void shutdown_of_a_failed_attempt_is_the_end(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    assert_int_equal(sockets_shutdown(p.s[1], fd, SHUT_RD), -ENOTCONN);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINVAL);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    pair_end(&p);
}

/* The SYN waits for the first data, the end does not. */
static void put_off_connection_has_its_end(void **state)
{
    struct pair p;
    uint8_t key[16] = {1};
    (void)state;
    pair_make(&p);
    pair_listen(&p, 1);
    chaski_tcp_fast_open_keys(p.world.hosts[0], key, sizeof key);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(pair_set(&p, 1, fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1), 0);
    assert_int_equal(connect_to(&p, fd, 0, PAIR_PORT), 0);
    assert_int_equal(bind_to(&p, fd, ANY, 98), -EINVAL);
    pair_end(&p);
}

/* ---- Groups, and all ---- */

static void streams_can_be_bound_to_many(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    pair_listen(&p, 1);
    for (int many = GROUP; many <= ALL; many++) {
        int fd = new_socket(&p, SOCK_STREAM);
        assert_int_equal(bind_to(&p, fd, many, (uint16_t)(100 + many)), 0);
        assert_int_equal(port_at(&p, fd, many), 100 + many);
        assert_int_equal(sockets_listen(p.s[1], fd, 1), 0);
        assert_int_equal(pair_disconnect(&p, 1, fd), 0);
        assert_int_equal(connect_to(&p, fd, 0, PAIR_PORT), -EINPROGRESS);
        assert_int_equal(connect_to(&p, fd, 0, PAIR_PORT), 0);
        assert_int_equal(port_at(&p, fd, 1), 100 + many); /* it speaks for itself */
    }
    pair_end(&p);
}

static void datagrams_for_all_find_who_is_bound_so(void **state)
{
    struct pair p;
    struct sockaddr_in to = end_of(ALL, 120), other = end_of(0, PAIR_PORT);
    char byte;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM), peer = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind_to(&p, fd, ALL, 120), 0);
    assert_int_equal(sockets_bind(p.s[0], peer, (void *)&other, sizeof other), 0);
    assert_int_equal(pair_set(&p, 0, peer, SOL_SOCKET, SO_BROADCAST, 1), 0);
    assert_int_equal(sockets_sendto(p.s[0], peer, "x", 1, 0, (void *)&to, sizeof to), 1);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 1, 0), 1);
    assert_int_equal(sockets_sendto(p.s[1], fd, "y", 1, 0, (void *)&other, sizeof other), 1);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[0], peer, &byte, 1, 0), 1);
    to = end_of(1, 120); /* for one is not for all */
    assert_int_equal(sockets_sendto(p.s[0], peer, "z", 1, 0, (void *)&to, sizeof to), 1);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 1, 0), -EAGAIN);
    pair_end(&p);
}

/* ---- Datagrams ---- */

static void disconnected_datagram_socket_has_no_port(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM), other = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), 0);
    uint16_t port = port_at(&p, fd, 1);
    assert_int_equal(bind_to(&p, fd, ANY, 130), -EINVAL);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, ANY), 0);
    assert_int_equal(bind_to(&p, other, ANY, port), 0);
    assert_int_equal(bind_to(&p, fd, 1, 130), 0);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), 0);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, 1), 130);
    pair_end(&p);
}

/* A datagram from host 0 to a port of host 1. */
static void send_to(struct pair *p, uint16_t port)
{
    struct sockaddr_in to = end_of(1, port), from = end_of(0, PAIR_PORT);
    int fd = sockets_socket(p->s[0], AF_INET, SOCK_DGRAM, 0);
    sockets_bind(p->s[0], fd, (void *)&from, sizeof from);
    assert_int_equal(sockets_sendto(p->s[0], fd, "x", 1, 0, (void *)&to, sizeof to), 1);
    world_settle(&p->world);
    sockets_close(p->s[0], fd);
}

static void what_waits_outlasts_the_port(void **state)
{
    struct pair p;
    char byte;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(connect_to(&p, fd, 0, PAIR_PORT), 0);
    uint16_t port = port_at(&p, fd, 1);
    send_to(&p, port);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    send_to(&p, port);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 1, 0), 1);
    assert_int_equal(sockets_recv(p.s[1], fd, &byte, 1, 0), -EAGAIN);
    pair_end(&p);
}

static void address_of_the_first_peer_stays(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(connect_to(&p, fd, LOOPBACK, NOBODY), 0);
    port_at(&p, fd, LOOPBACK);
    assert_int_equal(connect_to(&p, fd, 1, NOBODY), 0);
    port_at(&p, fd, LOOPBACK);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(connect_to(&p, fd, 1, NOBODY), 0);
    port_at(&p, fd, 1);
    pair_end(&p);
}

/* That there was one named is not forgotten, though the next bind() names none. */
static void who_has_once_named_an_address_keeps_one(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(bind_to(&p, fd, LOOPBACK, 0), 0);
    assert_int_equal(connect_to(&p, fd, LOOPBACK, NOBODY), -EINPROGRESS);
    assert_int_equal(bind_to(&p, fd, ANY, 88), 0);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -ECONNREFUSED);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(port_at(&p, fd, 1), 88);
    pair_end(&p);
}

static void address_is_lost_with_a_bind_that_fails(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM), other = new_socket(&p, SOCK_STREAM);
    assert_int_equal(bind_to(&p, other, ANY, 88), 0);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), -EINPROGRESS);
    uint16_t port = port_at(&p, fd, 1);
    assert_int_equal(bind_to(&p, fd, ANY, 88), -EADDRINUSE);
    assert_int_equal(port_at(&p, fd, ANY), port);
    pair_end(&p);
}

/* There was no connection whose end would give it back. */
static void port_that_bind_drew_outlasts_giving_up_nothing(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(bind_to(&p, fd, ANY, 0), 0);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(bind_to(&p, fd, ANY, 0), -EINVAL);
    int failed = new_socket(&p, SOCK_STREAM);
    assert_int_equal(connect_to(&p, failed, 0, NOBODY), -EINPROGRESS);
    assert_int_equal(bind_to(&p, failed, ANY, 0), 0);
    assert_int_equal(connect_to(&p, failed, 0, NOBODY), -ECONNREFUSED);
    assert_int_equal(bind_to(&p, failed, ANY, 0), -EINVAL);
    pair_end(&p);
}

/* Its connections have the port still, and would have to allow that (SO_REUSEADDR). */
static void listener_that_was_shut_cannot_listen_beside_its_connections(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_shutdown(p.s[0], p.listener, SHUT_RD), 0);
    assert_int_equal(sockets_listen(p.s[0], p.listener, 5), -EADDRINUSE);
    assert_int_equal(pair_set(&p, 0, p.listener, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(pair_set(&p, 0, p.server, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(sockets_listen(p.s[0], p.listener, 5), 0);
    pair_end(&p);
}

/* Only what is sent needs a port. */
static void group_needs_no_port(void **state)
{
    struct pair p;
    struct ip_mreq group = {.imr_multiaddr.s_addr = htonl(0xe0010203)};
    (void)state;
    pair_make(&p);
    for (int address = 0; address < 2; address++) {
        int fd = new_socket(&p, SOCK_DGRAM);
        pair_set(&p, 1, fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        assert_int_equal(
            sockets_setsockopt(p.s[1], fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), 0);
        assert_int_equal(bind_to(&p, fd, address ? 1 : ANY, 0), 0);
        assert_int_equal(port_at(&p, fd, address ? 1 : ANY), 0);
        assert_int_equal(bind_to(&p, fd, ANY, 0), 0);
        assert_int_equal(connect_to(&p, fd, 0, NOBODY), 0);
        assert_true(port_at(&p, fd, 1) != 0);
    }
    pair_end(&p);
}

static void too_long_is_told_before_what_was(void **state)
{
    struct pair p;
    static uint8_t bytes[65508];
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), 0);
    assert_int_equal(sockets_send(p.s[1], fd, bytes, 100, 0), 100);
    world_settle(&p.world);
    assert_int_equal(sockets_send(p.s[1], fd, bytes, sizeof bytes, 0), -EMSGSIZE);
    assert_int_equal(sockets_send(p.s[1], fd, bytes, 1, 0), -ECONNREFUSED);
    pair_end(&p);
}

static void connected_datagram_socket_knows_the_mtu(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(pair_get(&p, 1, fd, IPPROTO_IP, IP_MTU), -ENOTCONN);
    assert_int_equal(connect_to(&p, fd, 0, NOBODY), 0);
    assert_int_equal(pair_get(&p, 1, fd, IPPROTO_IP, IP_MTU), 1500);
    assert_int_equal(pair_disconnect(&p, 1, fd), 0);
    assert_int_equal(pair_get(&p, 1, fd, IPPROTO_IP, IP_MTU), -ENOTCONN);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_of_a_failed_attempt_is_told_still),
        cmocka_unit_test(what_bind_has_named_stays),
        cmocka_unit_test(port_that_was_drawn_is_given_back),
        cmocka_unit_test(listener_that_ends_gives_its_port_back),
        cmocka_unit_test(accepted_socket_has_its_listeners_address),
        cmocka_unit_test(ended_connection_can_be_bound_anew),
        cmocka_unit_test(shutdown_stands_for_the_second_connect),
        cmocka_unit_test(shutdown_of_a_failed_attempt_is_the_end),
        cmocka_unit_test(put_off_connection_has_its_end),
        cmocka_unit_test(streams_can_be_bound_to_many),
        cmocka_unit_test(datagrams_for_all_find_who_is_bound_so),
        cmocka_unit_test(disconnected_datagram_socket_has_no_port),
        cmocka_unit_test(what_waits_outlasts_the_port),
        cmocka_unit_test(address_of_the_first_peer_stays),
        cmocka_unit_test(who_has_once_named_an_address_keeps_one),
        cmocka_unit_test(address_is_lost_with_a_bind_that_fails),
        cmocka_unit_test(port_that_bind_drew_outlasts_giving_up_nothing),
        cmocka_unit_test(listener_that_was_shut_cannot_listen_beside_its_connections),
        cmocka_unit_test(group_needs_no_port),
        cmocka_unit_test(too_long_is_told_before_what_was),
        cmocka_unit_test(connected_datagram_socket_knows_the_mtu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
