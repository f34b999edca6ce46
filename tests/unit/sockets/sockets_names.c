/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/pair.h"

/* Addresses that calls are given, and the room for those that they tell. */

enum { TOO_LONG = sizeof(struct sockaddr_storage) + 1 };

static int new_socket(struct pair *p, int type)
{
    return sockets_socket(p->s[1], AF_INET, type, 0);
}

static void addresses_are_of_the_sockets_family(void **state)
{
    struct pair p;
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    (void)state;
    pair_make(&p);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        int fd = new_socket(&p, type);
        assert_int_equal(sockets_bind(p.s[1], fd, (void *)&six, sizeof six), -EAFNOSUPPORT);
        assert_int_equal(sockets_connect(p.s[1], fd, (void *)&six, sizeof six), -EAFNOSUPPORT);
        assert_int_equal(sockets_connect(p.s[1], fd, (void *)&six, 15), -EINVAL);
        assert_int_equal(sockets_connect(p.s[1], fd, (void *)&six, TOO_LONG), -EINVAL);
        assert_int_equal(sockets_bind(p.s[1], fd, (void *)&six, (socklen_t)-1), -EINVAL);
        assert_int_equal(sockets_bind(p.s[1], fd, NULL, 16), -EFAULT);
        assert_int_equal(sockets_bind(p.s[1], fd, NULL, 0), -EINVAL);
    }
    pair_end(&p);
}

/* Old programs leave the family out. */
static void any_address_needs_no_family(void **state)
{
    struct pair p;
    struct sockaddr_in at = {.sin_family = AF_UNSPEC, .sin_port = htons(88)}, told;
    socklen_t length = sizeof told;
    (void)state;
    pair_make(&p);
    int fd = new_socket(&p, SOCK_STREAM);
    assert_int_equal(sockets_bind(p.s[1], fd, (void *)&at, sizeof at), 0);
    assert_int_equal(sockets_getsockname(p.s[1], fd, (void *)&told, &length), 0);
    assert_int_equal(told.sin_port, htons(88));
    at.sin_addr.s_addr = pair_address(1, 0).sin_addr.s_addr;
    assert_int_equal(sockets_bind(p.s[1], fd, (void *)&at, sizeof at), -EAFNOSUPPORT);
    pair_end(&p);
}

static void datagrams_go_to_addresses_without_a_family(void **state)
{
    struct pair p;
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    char byte = 0;
    (void)state;
    pair_make(&p);
    int to = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0), from = new_socket(&p, SOCK_DGRAM);
    assert_int_equal(sockets_bind(p.s[0], to, (void *)&at, sizeof at), 0);
    at.sin_family = AF_UNSPEC;
    assert_int_equal(sockets_sendto(p.s[1], from, "x", 1, 0, (void *)&at, sizeof at), 1);
    assert_int_equal(sockets_sendto(p.s[1], from, "x", 1, 0, (void *)&at, 15), -EINVAL);
    assert_int_equal(sockets_sendto(p.s[1], from, "x", 1, 0, (void *)&at, TOO_LONG), -EINVAL);
    at.sin_family = AF_UNIX;
    assert_int_equal(sockets_sendto(p.s[1], from, "x", 1, 0, (void *)&at, sizeof at),
                     -EAFNOSUPPORT);
    world_settle(&p.world);
    assert_int_equal(sockets_recv(p.s[0], to, &byte, 1, 0), 1);
    assert_int_equal(sockets_recv(p.s[0], to, &byte, 1, 0), -EAGAIN);
    pair_end(&p);
}

static void names_need_room(void **state)
{
    struct pair p;
    struct sockaddr_in name = {0};
    (void)state;
    pair_connect(&p);
    int (*const calls[])(struct sockets *, int, struct sockaddr *,
                         socklen_t *) = {sockets_getsockname, sockets_getpeername};
    for (int i = 0; i < 2; i++) {
        socklen_t length = (socklen_t)-1;
        assert_int_equal(calls[i](p.s[0], p.server, (void *)&name, &length), -EINVAL);
        assert_int_equal(calls[i](p.s[0], p.server, (void *)&name, NULL), -EFAULT);
        length = sizeof name;
        assert_int_equal(calls[i](p.s[0], p.server, NULL, &length), -EFAULT);
        length = 0;
        assert_int_equal(calls[i](p.s[0], p.server, NULL, &length), 0);
        assert_int_equal(length, sizeof name);
        length = 2;
        assert_int_equal(calls[i](p.s[0], p.server, (void *)&name, &length), 0);
        assert_int_equal(name.sin_family, AF_INET);
        assert_int_equal(name.sin_port, 0);
    }
    pair_end(&p);
}

/* Nothing is lost by a call that was given too little. */
static void without_room_nothing_is_taken(void **state)
{
    struct pair p;
    struct sockaddr_in name;
    socklen_t length = (socklen_t)-1;
    char byte;
    (void)state;
    pair_connect(&p);
    assert_int_equal(sockets_accept(p.s[0], p.listener, (void *)&name, NULL), -EAGAIN);
    pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(sockets_accept(p.s[0], p.listener, (void *)&name, NULL), -EFAULT);
    assert_int_equal(sockets_accept(p.s[0], p.listener, (void *)&name, &length), -EINVAL);
    assert_true(sockets_accept(p.s[0], p.listener, NULL, NULL) >= 3);
    sockets_send(p.s[1], p.client, "x", 1, 0);
    world_settle(&p.world);
    struct msghdr message = {.msg_name = &name, .msg_namelen = (socklen_t)-1};
    assert_int_equal(sockets_recvfrom(p.s[0], p.server, &byte, 1, 0, (void *)&name, &length),
                     -EINVAL);
    assert_int_equal(sockets_recvmsg(p.s[0], p.server, &message, 0), -EINVAL);
    assert_int_equal(sockets_sendmsg(p.s[0], p.server, &message, 0), -EINVAL);
    assert_int_equal(sockets_recv(p.s[0], p.server, &byte, 1, 0), 1);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_of_the_sockets_family),
        cmocka_unit_test(any_address_needs_no_family),
        cmocka_unit_test(datagrams_go_to_addresses_without_a_family),
        cmocka_unit_test(names_need_room),
        cmocka_unit_test(without_room_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
