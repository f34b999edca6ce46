/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll: levels, edges, once; sets within sets; descriptors that go. */
#include "tests/unit/sockets/pair.h"

#include <fcntl.h>
#include <netinet/tcp.h>

static int watch(struct pair *p, int set, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return sockets_epoll_ctl(p->s[0], set, operation, fd, &event);
}

/* The events of the only watch that is ready; 0 for none. */
static uint32_t wait_one(struct pair *p, int set)
{
    struct epoll_event events[4];
    int count = sockets_epoll_wait(p->s[0], set, events, 4);
    assert_in_range(count, 0, 1);
    return count == 1 ? events[0].events : 0;
}

static void send_to_server(struct pair *p, const char *text)
{
    pair_set(p, 1, p->client, IPPROTO_TCP, TCP_NODELAY, 1);
    assert_int_equal(sockets_send(p->s[1], p->client, text, strlen(text), 0), strlen(text));
    world_settle(&p->world);
}

static void drain(struct pair *p)
{
    char bytes[64];
    while (sockets_recv(p->s[0], p->server, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
}

static void a_level_is_told_as_long_as_it_holds(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLIN), 0);
    assert_int_equal(wait_one(&p, set), 0);
    send_to_server(&p, "ab");
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    drain(&p);
    assert_int_equal(wait_one(&p, set), 0);
    pair_end(&p);
}

static void an_edge_is_told_once(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLIN | EPOLLET);
    assert_int_equal(wait_one(&p, set), 0);
    send_to_server(&p, "ab");
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    assert_int_equal(wait_one(&p, set), 0);
    send_to_server(&p, "c"); /* more of it is a new edge, though nothing was read */
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    assert_int_equal(wait_one(&p, set), 0);
    watch(&p, set, EPOLL_CTL_MOD, p.server, EPOLLIN | EPOLLET); /* asking anew tells anew */
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    drain(&p);
    sockets_shutdown(p.s[1], p.client, SHUT_WR);
    world_settle(&p.world);
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    assert_int_equal(wait_one(&p, set), 0);
    pair_end(&p);
}

static void a_listener_has_edges_too(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    pair_listen(&p, 5);
    int set = sockets_epoll_create(p.s[0], 0);
    watch(&p, set, EPOLL_CTL_ADD, p.listener, EPOLLIN | EPOLLET);
    assert_int_equal(wait_one(&p, set), 0);
    for (int i = 0; i < 2; i++) {
        pair_begin(&p);
        world_settle(&p.world);
        assert_int_equal(wait_one(&p, set), EPOLLIN);
        assert_int_equal(wait_one(&p, set), 0);
    }
    assert_true(sockets_accept(p.s[0], p.listener, NULL, NULL) >= 0);
    assert_int_equal(wait_one(&p, set), 0);
    pair_begin(&p);
    world_settle(&p.world);
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    pair_end(&p);
}

static void once_is_once_until_asked_again(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLIN | EPOLLONESHOT);
    send_to_server(&p, "a");
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    send_to_server(&p, "b");
    assert_int_equal(wait_one(&p, set), 0);
    watch(&p, set, EPOLL_CTL_MOD, p.server, EPOLLIN | EPOLLONESHOT);
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    drain(&p);
    pair_end(&p);
}

static void errors_and_hang_ups_need_not_be_asked_for(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLRDHUP);
    pair_reset(&p, 1, p.client);
    assert_int_equal(wait_one(&p, set), EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    pair_end(&p);
}

/* epoll_ctl(2): EPOLLERR and EPOLLHUP are told to who asked for nothing at all, */
static void hang_ups_are_told_to_who_asks_for_nothing(void **state)
{
    (void)state;
    static const uint32_t modes[] = {0, EPOLLET};
    for (unsigned i = 0; i < 2; i++) {
        struct pair p;
        pair_connect(&p);
        int set = sockets_epoll_create(p.s[0], 0);
        assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, modes[i]), 0);
        send_to_server(&p, "ab");
        assert_int_equal(wait_one(&p, set), 0);
        assert_int_equal(sockets_close(p.s[1], p.client), 0);
        assert_int_equal(sockets_shutdown(p.s[0], p.server, SHUT_WR), 0);
        world_settle(&p.world);
        assert_int_equal(wait_one(&p, set), EPOLLHUP);
        assert_int_equal(wait_one(&p, set), modes[i] ? 0 : EPOLLHUP);
        pair_end(&p);
    }
}

/* but not to who asked once, and was told. */
static void hang_ups_are_not_told_after_the_only_time(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLIN | EPOLLONESHOT), 0);
    send_to_server(&p, "ab");
    assert_int_equal(wait_one(&p, set), EPOLLIN);
    assert_int_equal(sockets_close(p.s[1], p.client), 0);
    assert_int_equal(sockets_shutdown(p.s[0], p.server, SHUT_WR), 0);
    world_settle(&p.world);
    assert_int_equal(wait_one(&p, set), 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_MOD, p.server, EPOLLONESHOT), 0);
    assert_int_equal(wait_one(&p, set), EPOLLHUP);
    assert_int_equal(wait_one(&p, set), 0);
    pair_end(&p);
}

/* epoll_ctl(2), under EINVAL */
static void exclusive_watches_have_rules(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0), inner = sockets_epoll_create(p.s[0], 0);
    const uint32_t exclusive = EPOLLIN | EPOLLEXCLUSIVE;
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, exclusive | EPOLLONESHOT), -EINVAL);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, exclusive | EPOLLRDHUP), -EINVAL);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, inner, exclusive), -EINVAL);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, exclusive | EPOLLET), 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_MOD, p.server, EPOLLIN), -EINVAL);
    assert_int_equal(watch(&p, set, EPOLL_CTL_DEL, p.server, 0), 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLIN), 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_MOD, p.server, exclusive), -EINVAL);
    pair_end(&p);
}

static void all_have_their_turn(void **state)
{
    (void)state;
    struct pair p;
    struct epoll_event event;
    int fds[2], seen[2] = {0, 0};
    pair_make(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    for (int i = 0; i < 2; i++) {
        fds[i] = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
        watch(&p, set, EPOLL_CTL_ADD, fds[i], EPOLLOUT);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sockets_epoll_wait(p.s[0], set, &event, 1), 1);
        seen[event.data.fd == fds[1]]++;
    }
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 2);
    struct epoll_event both[4];
    assert_int_equal(sockets_epoll_wait(p.s[0], set, both, 4), 2); /* each once a call */
    pair_end(&p);
}

static void sets_are_changed_by_the_rules(void **state)
{
    (void)state;
    struct pair p;
    struct epoll_event event;
    pair_make(&p);
    int set = sockets_epoll_create(p.s[0], 0), fd = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_MOD, fd, EPOLLIN), -ENOENT);
    assert_int_equal(watch(&p, set, EPOLL_CTL_DEL, fd, EPOLLIN), -ENOENT);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, fd, EPOLLOUT), 0);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, fd, EPOLLOUT), -EEXIST);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, 99, EPOLLIN), -EBADF);
    assert_int_equal(watch(&p, fd, EPOLL_CTL_ADD, set, EPOLLIN), -EINVAL);
    assert_int_equal(watch(&p, set, EPOLL_CTL_ADD, set, EPOLLIN), -EINVAL);
    assert_int_equal(sockets_epoll_wait(p.s[0], set, &event, 0), -EINVAL);
    assert_int_equal(sockets_epoll_wait(p.s[0], fd, &event, 1), -EINVAL);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    assert_int_equal(watch(&p, set, EPOLL_CTL_DEL, fd, 0), 0);
    assert_int_equal(wait_one(&p, set), 0);
    pair_end(&p);
}

/* What is watched is the open file: it goes with its last descriptor. */
static void a_closed_file_leaves_its_sets(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    int set = sockets_epoll_create(p.s[0], 0), fd = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    watch(&p, set, EPOLL_CTL_ADD, fd, EPOLLOUT);
    int other = sockets_dup(p.s[0], fd);
    sockets_close(p.s[0], fd);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    sockets_close(p.s[0], other);
    assert_int_equal(wait_one(&p, set), 0);
    pair_end(&p);
}

static void sets_within_sets(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    int inner = sockets_epoll_create(p.s[0], 0), outer = sockets_epoll_create(p.s[0], 0);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(watch(&p, outer, EPOLL_CTL_ADD, inner, EPOLLIN), 0);
    assert_int_equal(watch(&p, inner, EPOLL_CTL_ADD, outer, EPOLLIN), -ELOOP);
    assert_int_equal(wait_one(&p, outer), 0);
    watch(&p, inner, EPOLL_CTL_ADD, fd, EPOLLOUT);
    assert_int_equal(wait_one(&p, outer), EPOLLIN);
    int last = inner;
    int depth = 0, error = 0;
    for (; depth < 10 && error == 0; depth++) {
        int next = sockets_epoll_create(p.s[0], 0);
        error = watch(&p, next, EPOLL_CTL_ADD, last, EPOLLIN);
        last = next;
    }
    assert_int_equal(error, -ELOOP);
    assert_in_range(depth, 3, 6);
    pair_end(&p);
}

static void poll_knows_what_is_not_open(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    struct pollfd entries[] = {{.fd = 99, .events = POLLIN}, {.fd = -1, .revents = 7}};
    assert_int_equal(sockets_poll(p.s[0], entries, 2), 1);
    assert_int_equal(entries[0].revents, POLLNVAL);
    assert_int_equal(entries[1].revents, 0);
    pair_end(&p);
}

/* As Linux does, whose sockets then have room anew, or nothing of what they were. */
static void edges_that_calls_of_ones_own_make(void **state)
{
    (void)state;
    struct pair p;
    struct sockaddr_in to = pair_address(1, 99);
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    pair_connect(&p);
    int set = sockets_epoll_create(p.s[0], 0);
    watch(&p, set, EPOLL_CTL_ADD, p.server, EPOLLOUT | EPOLLET);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    assert_int_equal(wait_one(&p, set), 0);
    pair_set(&p, 0, p.server, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000000);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    sockets_connect(p.s[0], p.server, &nobody, sizeof nobody);
    assert_int_equal(wait_one(&p, set), EPOLLOUT | EPOLLERR | EPOLLHUP);
    sockets_getsockopt(p.s[0], p.server, SOL_SOCKET, SO_ERROR, &(int){0}, &(socklen_t){4});
    sockets_connect(p.s[0], p.server, &nobody, sizeof nobody);
    assert_int_equal(wait_one(&p, set), EPOLLOUT | EPOLLHUP);
    watch(&p, set, EPOLL_CTL_DEL, p.server, 0);
    int datagrams = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    watch(&p, set, EPOLL_CTL_ADD, datagrams, EPOLLOUT | EPOLLET);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    assert_int_equal(wait_one(&p, set), 0);
    sockets_sendto(p.s[0], datagrams, "x", 1, 0, (void *)&to, sizeof to);
    assert_int_equal(wait_one(&p, set), EPOLLOUT);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_is_told_as_long_as_it_holds),
        cmocka_unit_test(an_edge_is_told_once),
        cmocka_unit_test(a_listener_has_edges_too),
        cmocka_unit_test(once_is_once_until_asked_again),
        cmocka_unit_test(errors_and_hang_ups_need_not_be_asked_for),
        cmocka_unit_test(hang_ups_are_told_to_who_asks_for_nothing),
        cmocka_unit_test(hang_ups_are_not_told_after_the_only_time),
        cmocka_unit_test(exclusive_watches_have_rules),
        cmocka_unit_test(all_have_their_turn),
        cmocka_unit_test(sets_are_changed_by_the_rules),
        cmocka_unit_test(a_closed_file_leaves_its_sets),
        cmocka_unit_test(sets_within_sets),
        cmocka_unit_test(poll_knows_what_is_not_open),
        cmocka_unit_test(edges_that_calls_of_ones_own_make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
