/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/tcp.h>

#include "core/base/endian.h"
#include "core/tcp/opening/tcp_saved_syn.h"
#include "tests/unit/sockets/pair.h"

/* The headers of SYNs that a listener wants kept (tcp(7), TCP_SAVE_SYN). */

enum { ROOM = 200, HEADERS = 60, TOO_MANY = SAVED_SYNS + 6 };

static void listen_and_save(struct pair *p, int mode)
{
    pair_make(p);
    pair_listen(p, 2 * TOO_MANY);
    assert_int_equal(pair_set(p, 0, p->listener, IPPROTO_TCP, TCP_SAVE_SYN, mode), 0);
}

static int open_one(struct pair *p)
{
    pair_begin(p);
    world_settle(&p->world);
    int fd = sockets_accept(p->s[0], p->listener, NULL, NULL);
    assert_true(fd >= 3);
    return fd;
}

/* How many bytes are told, or an error. */
static int saved(struct pair *p, int fd, uint8_t *bytes, socklen_t *length)
{
    return sockets_getsockopt(p->s[0], fd, IPPROTO_TCP, TCP_SAVED_SYN, bytes, length);
}

static void assert_is_syn(const uint8_t *ip)
{
    assert_int_equal(ip[0], 0x45);
    assert_int_equal(ip[9], 6);
    assert_int_equal(load_be32(ip + 12), 0xc0000202);
    assert_int_equal(load_be32(ip + 16), 0xc0000201);
    assert_int_equal(load_be16(ip + 22), PAIR_PORT);
    assert_int_equal(ip[32] >> 4, (HEADERS - 20) / 4);
    assert_int_equal(ip[33] & 0x3f, 2);
}

static void the_headers_are_told_once(void **state)
{
    struct pair p;
    uint8_t bytes[ROOM];
    socklen_t length = HEADERS - 1;
    (void)state;
    listen_and_save(&p, 1);
    int fd = open_one(&p);
    assert_int_equal(saved(&p, fd, bytes, &length), -EINVAL);
    assert_int_equal(length, HEADERS);
    length = ROOM;
    assert_int_equal(saved(&p, fd, bytes, &length), 0);
    assert_int_equal(length, HEADERS);
    assert_is_syn(bytes);
    length = ROOM;
    assert_int_equal(saved(&p, fd, bytes, &length), 0);
    assert_int_equal(length, 0);
    pair_end(&p);
}

static void the_link_has_a_header_too(void **state)
{
    struct pair p;
    uint8_t bytes[ROOM];
    socklen_t length = ROOM;
    (void)state;
    listen_and_save(&p, 2);
    assert_int_equal(saved(&p, open_one(&p), bytes, &length), 0);
    assert_int_equal(length, 14 + HEADERS);
    assert_int_equal(load_be16(bytes + 12), 0x0800);
    assert_is_syn(bytes + 14);
    pair_end(&p);
}

static void nothing_is_kept_that_nobody_wanted(void **state)
{
    struct pair p;
    uint8_t bytes[ROOM];
    socklen_t length = ROOM;
    (void)state;
    listen_and_save(&p, 1);
    assert_int_equal(pair_set(&p, 0, p.listener, IPPROTO_TCP, TCP_SAVE_SYN, 0), 0);
    assert_int_equal(saved(&p, open_one(&p), bytes, &length), 0);
    assert_int_equal(length, 0);
    pair_end(&p);
}

/* pair_end() finds what is held on to. */
static void what_is_not_asked_for_goes_with_the_connection(void **state)
{
    struct pair p;
    (void)state;
    listen_and_save(&p, 1);
    assert_int_equal(sockets_close(p.s[0], open_one(&p)), 0);
    pair_begin(&p); /* waits at the listener to the end */
    world_settle(&p.world);
    pair_end(&p);
}

static void the_oldest_give_way(void **state)
{
    struct pair p;
    uint8_t bytes[ROOM];
    int fds[TOO_MANY];
    (void)state;
    listen_and_save(&p, 1);
    for (int i = 0; i < TOO_MANY; i++)
        fds[i] = open_one(&p);
    for (int i = 0; i < TOO_MANY; i++) {
        socklen_t length = ROOM;
        assert_int_equal(saved(&p, fds[i], bytes, &length), 0);
        assert_int_equal(length, i < TOO_MANY - SAVED_SYNS ? 0 : HEADERS);
    }
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_headers_are_told_once),
        cmocka_unit_test(the_link_has_a_header_too),
        cmocka_unit_test(nothing_is_kept_that_nobody_wanted),
        cmocka_unit_test(what_is_not_asked_for_goes_with_the_connection),
        cmocka_unit_test(the_oldest_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
