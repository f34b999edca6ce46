/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/pair.h"

/* SO_REUSEPORT: listeners, and datagram sockets, of one end. */

enum { LISTENERS = 3, PEERS = 90 };

static int share(struct pair *p, int on)
{
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    int fd = sockets_socket(p->s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_setsockopt(p->s[0], fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    assert_int_equal(
        sockets_setsockopt(p->s[0], fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_int_equal(sockets_bind(p->s[0], fd, (void *)&at, sizeof at), 0);
    return fd;
}

/* Accepts all that wait and resets them; how many there were. */
static unsigned take_all(struct pair *p, int listener)
{
    struct linger none = {.l_onoff = 1};
    unsigned count = 0;
    int fd;
    while ((fd = sockets_accept4(p->s[0], listener, NULL, NULL, 0)) >= 0) {
        sockets_setsockopt(p->s[0], fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        assert_int_equal(sockets_close(p->s[0], fd), 0);
        count++;
    }
    assert_int_equal(fd, -EAGAIN);
    return count;
}

static void call_and_hang_up(struct pair *p)
{
    int fd = pair_begin(p);
    world_settle(&p->world);
    sockets_close(p->s[1], fd);
}

static void peers_are_spread_over_listeners(void **state)
{
    struct pair p;
    int listeners[LISTENERS];
    unsigned taken[LISTENERS] = {0}, all = 0;
    (void)state;
    pair_make(&p);
    for (int i = 0; i < LISTENERS; i++) {
        listeners[i] = share(&p, 1);
        assert_int_equal(sockets_listen(p.s[0], listeners[i], 5), 0);
    }
    for (int n = 0; n < PEERS; n++) {
        call_and_hang_up(&p);
        for (int i = 0; i < LISTENERS; i++)
            taken[i] += take_all(&p, listeners[i]);
        world_settle(&p.world);
    }
    for (int i = 0; i < LISTENERS; i++) {
        assert_true(taken[i] >= PEERS / LISTENERS / 2);
        all += taken[i];
    }
    assert_int_equal(all, PEERS);
    pair_end(&p);
}

static void who_goes_leaves_peers_to_the_others(void **state)
{
    struct pair p;
    int listeners[2];
    unsigned all = 0;
    (void)state;
    pair_make(&p);
    for (int i = 0; i < 2; i++) {
        listeners[i] = share(&p, 1);
        assert_int_equal(sockets_listen(p.s[0], listeners[i], 5), 0);
    }
    sockets_close(p.s[0], listeners[0]);
    for (int n = 0; n < 10; n++) {
        call_and_hang_up(&p);
        all += take_all(&p, listeners[1]);
    }
    assert_int_equal(all, 10);
    pair_end(&p);
}

static void all_have_to_say_so(void **state)
{
    struct pair p;
    (void)state;
    pair_make(&p);
    int without = share(&p, 0), other = share(&p, 0);
    assert_int_equal(sockets_listen(p.s[0], without, 5), 0);
    assert_int_equal(sockets_listen(p.s[0], other, 5), -EADDRINUSE);
    assert_int_equal(sockets_setsockopt(p.s[0], other, SOL_SOCKET, SO_REUSEPORT, &(int){1}, 4), 0);
    assert_int_equal(sockets_listen(p.s[0], other, 5), -EADDRINUSE);
    pair_end(&p);
}

/* Each peer's datagrams all come to the same one. */
static void datagrams_are_spread_by_peers(void **state)
{
    struct pair p;
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    int sharing[LISTENERS];
    unsigned taken[LISTENERS] = {0};
    char bytes[2];
    (void)state;
    pair_make(&p);
    for (int i = 0; i < LISTENERS; i++) {
        sharing[i] = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(pair_set(&p, 0, sharing[i], SOL_SOCKET, SO_REUSEPORT, 1), 0);
        assert_int_equal(sockets_bind(p.s[0], sharing[i], (void *)&at, sizeof at), 0);
    }
    int without = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_bind(p.s[0], without, (void *)&at, sizeof at), -EADDRINUSE);
    for (int n = 0; n < PEERS; n++) {
        int fd = sockets_socket(p.s[1], AF_INET, SOCK_DGRAM, 0), heard = 0;
        for (int twice = 0; twice < 2; twice++)
            assert_int_equal(sockets_sendto(p.s[1], fd, "x", 1, 0, (void *)&at, sizeof at), 1);
        world_settle(&p.world);
        for (int i = 0; i < LISTENERS; i++)
            if (sockets_recv(p.s[0], sharing[i], bytes, sizeof bytes, 0) == 1) {
                assert_int_equal(sockets_recv(p.s[0], sharing[i], bytes, sizeof bytes, 0), 1);
                taken[i]++;
                heard++;
            }
        assert_int_equal(heard, 1);
        sockets_close(p.s[1], fd);
    }
    for (int i = 0; i < LISTENERS; i++)
        assert_true(taken[i] >= PEERS / LISTENERS / 2);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_spread_over_listeners),
        cmocka_unit_test(who_goes_leaves_peers_to_the_others),
        cmocka_unit_test(all_have_to_say_so),
        cmocka_unit_test(datagrams_are_spread_by_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
