/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/allocations.h"
#include "tests/unit/sockets/pair.h"

#include "core/host/layout.h"
#include "sockets/options/ao.h"

#include <fcntl.h>
#include <linux/errqueue.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Calls that find no memory, or no descriptor: they say so, nothing is lost or left behind, and who
 * makes one again succeeds. */

enum { FIRST_ROOM = 16 }; /* descriptors before the table grows */

/* One scenario, in which one allocation is refused. */
struct shortage {
    struct pair pair;
    unsigned left; /* allocations until then; 0: it has been */
    bool happened;
};

static void begin_call(struct shortage *shortage)
{
    allocations.refuse = shortage->left;
    allocations.refused = false;
}

/* Whether the call that came to `value` is to be made again. */
static bool again(struct shortage *shortage, long value)
{
    shortage->left = allocations.refuse;
    allocations.refuse = 0;
    if (!allocations.refused)
        return false;
    assert_true(value == -ENOMEM || value == -ENOBUFS || value == -EMFILE);
    shortage->happened = true;
    return true;
}

/* `value` becomes what the call comes to in the end. */
#define CALL(shortage, value, call)                                                                \
    do {                                                                                           \
        begin_call(shortage);                                                                      \
        (value) = (call);                                                                          \
    } while (again(shortage, (long)(value)))

static void make(struct pair *p)
{
    struct chaski_limits limits;
    struct world_options options = {.limits = &limits};
    chaski_limits_for(&limits, 16 << 20, 64);
    limits.ao_keys = 8;
    *p = (struct pair){.listener = -1, .server = -1, .client = -1};
    world_make(&p->world, &options);
    for (int i = 0; i < 2; i++)
        p->s[i] = sockets_create(p->world.hosts[i], NULL, 3);
    world_settle(&p->world);
}

/* Runs a scenario once for each allocation that its calls make. */
static void refuse_each(void (*scenario)(struct shortage *shortage))
{
    long before = allocations.alive;
    struct shortage shortage;
    unsigned nth = 0;
    do {
        shortage.left = ++nth;
        shortage.happened = false;
        make(&shortage.pair);
        scenario(&shortage);
        pair_end(&shortage.pair);
        assert_int_equal(allocations.alive, before);
    } while (shortage.happened);
    assert_true(nth > 1);
}

/* ---- Scenarios ----------------------------------------------------------------------------- */

static int new_socket(struct shortage *shortage, int type)
{
    int fd;
    CALL(shortage, fd, sockets_socket(shortage->pair.s[1], AF_INET, type, 0));
    assert_true(fd >= 3);
    return fd;
}

static void streams(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    int fd, value;
    pair_listen(p, 5);
    for (int i = 0; i < FIRST_ROOM - 1; i++)
        assert_true(sockets_socket(p->s[0], AF_INET, SOCK_STREAM, 0) >= 3);
    p->client = new_socket(shortage, SOCK_STREAM);
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    CALL(shortage, value, sockets_connect(p->s[1], p->client, (void *)&to, sizeof to));
    assert_int_equal(value, -EINPROGRESS);
    world_settle(&p->world);
    CALL(shortage, fd, sockets_accept(p->s[0], p->listener, NULL, NULL));
    assert_int_equal(fd, 3 + FIRST_ROOM);
    assert_int_equal(sockets_accept(p->s[0], p->listener, NULL, NULL), -EAGAIN);
    assert_int_equal(sockets_send(p->s[0], fd, "abc", 3, 0), 3);
    world_settle(&p->world);
    char bytes[4];
    assert_int_equal(sockets_recv(p->s[1], p->client, bytes, sizeof bytes, 0), 3);
}

static void datagrams(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    struct sockaddr_in at = pair_address(1, 9), to = at;
    char bytes[8];
    long value;
    int waiting = 0, fd = new_socket(shortage, SOCK_DGRAM);
    assert_int_equal(sockets_bind(p->s[1], fd, (void *)&at, sizeof at), 0);
    int from = new_socket(shortage, SOCK_DGRAM);
    for (int i = 0; i < 3; i++) {
        CALL(shortage, value,
             sockets_sendto(p->s[1], from, "datagram", (size_t)i + 4, 0, (void *)&to, sizeof to));
        assert_int_equal(value, i + 4);
    }
    world_settle(&p->world);
    pair_set(p, 1, fd, SOL_SOCKET, SO_PEEK_OFF, 0);
    for (int i = 0; i < 2; i++) {
        CALL(shortage, value, sockets_recv(p->s[1], fd, bytes, sizeof bytes, MSG_PEEK));
        assert_int_equal(value, i + 4);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sockets_ioctl(p->s[1], fd, FIONREAD, (intptr_t)&waiting), 0);
        assert_int_equal(waiting, i + 4);
        CALL(shortage, value, sockets_recv(p->s[1], fd, bytes, sizeof bytes, 0));
        assert_int_equal(value, i + 4);
    }
}

static void sets_and_pipes(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    struct epoll_event event = {.events = EPOLLIN};
    int set, value, fds[2], file, null = open("/dev/null", O_RDWR);
    assert_true(null >= 0);
    int fd = new_socket(shortage, SOCK_STREAM);
    CALL(shortage, set, sockets_epoll_create(p->s[1], 0));
    CALL(shortage, value, sockets_epoll_ctl(p->s[1], set, EPOLL_CTL_ADD, fd, &event));
    assert_int_equal(value, 0);
    CALL(shortage, value, sockets_pipe(p->s[1], fds, 0));
    assert_int_equal(value, 0);
    CALL(shortage, value, sockets_fcntl(p->s[1], fds[0], F_SETPIPE_SZ, 1 << 20));
    assert_int_equal(value, 1 << 20);
    CALL(shortage, file, sockets_file(p->s[1], null));
    assert_true(file >= 3);
    for (int i = file; i < 3 + FIRST_ROOM; i++)
        CALL(shortage, fd, sockets_dup(p->s[1], fds[0]));
    assert_int_equal(fd, 3 + FIRST_ROOM);
}

/* A pipe whose second end finds no descriptor has none. */
static void a_pipe_has_both_ends_or_none(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    int value, fds[2];
    for (int i = 0; i < FIRST_ROOM - 1; i++)
        new_socket(shortage, SOCK_STREAM);
    CALL(shortage, value, sockets_pipe(p->s[1], fds, 0));
    assert_int_equal(value, 0);
    assert_int_equal(fds[0], 2 + FIRST_ROOM);
    assert_int_equal(fds[1], 3 + FIRST_ROOM);
}

static void memory_that_is_lent(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    static const char text[] = "text that is lent";
    char bytes[sizeof text];
    long value;
    pair_listen(p, 5);
    p->client = pair_begin(p);
    world_settle(&p->world);
    p->server = sockets_accept(p->s[0], p->listener, NULL, NULL);
    pair_set(p, 1, p->client, SOL_SOCKET, SO_ZEROCOPY, 1);
    CALL(shortage, value, sockets_send(p->s[1], p->client, text, sizeof text, MSG_ZEROCOPY));
    assert_int_equal(value, sizeof text);
    world_settle(&p->world);
    assert_int_equal(sockets_recv(p->s[0], p->server, bytes, sizeof bytes, 0), sizeof text);
    assert_string_equal(bytes, text);
}

static struct ao_add key_for(int host)
{
    struct ao_add add = {.algorithm = "cmac(aes128)", .prefix = 32, .key_length = 4};
    struct sockaddr_in peer = pair_address((uint32_t)(1 - host), 0);
    memcpy(&add.address, &peer, sizeof peer);
    memcpy(add.key, "key", 4);
    return add;
}

/* Whoever accepts knows the keys of the connection. */
static void signed_streams(struct shortage *shortage)
{
    struct pair *p = &shortage->pair;
    struct ao_add own = key_for(0), other = key_for(1);
    struct ao_keys keys = {.all = 1, .count = 1};
    socklen_t length = sizeof keys;
    int value;
    pair_listen(p, 5);
    CALL(shortage, value,
         sockets_setsockopt(p->s[0], p->listener, IPPROTO_TCP, AO_ADD_KEY, &own, sizeof own));
    assert_int_equal(value, 0);
    p->client = new_socket(shortage, SOCK_STREAM);
    CALL(shortage, value,
         sockets_setsockopt(p->s[1], p->client, IPPROTO_TCP, AO_ADD_KEY, &other, sizeof other));
    assert_int_equal(value, 0);
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    assert_int_equal(sockets_connect(p->s[1], p->client, (void *)&to, sizeof to), -EINPROGRESS);
    world_settle(&p->world);
    CALL(shortage, p->server, sockets_accept(p->s[0], p->listener, NULL, NULL));
    assert_true(p->server >= 3);
    assert_int_equal(
        sockets_getsockopt(p->s[0], p->server, IPPROTO_TCP, AO_GET_KEYS, &keys, &length), 0);
    assert_int_equal(keys.count, 1);
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void streams_survive_want_of_memory(void **state)
{
    (void)state;
    refuse_each(streams);
    refuse_each(signed_streams);
}

static void datagrams_survive_want_of_memory(void **state)
{
    (void)state;
    refuse_each(datagrams);
}

static void sets_and_pipes_survive_want_of_memory(void **state)
{
    (void)state;
    refuse_each(sets_and_pipes);
    refuse_each(a_pipe_has_both_ends_or_none);
}

static void lending_survives_want_of_memory(void **state)
{
    (void)state;
    refuse_each(memory_that_is_lent);
}

/* The number of the one call that the error queue tells to be over. */
static uint32_t call_that_is_over(struct pair *p, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in))];
    } control;
    struct msghdr message = {.msg_control = &control, .msg_controllen = sizeof control};
    struct sock_extended_err told;
    assert_int_equal(sockets_recvmsg(p->s[1], fd, &message, MSG_ERRQUEUE), 0);
    memcpy(&told, CMSG_DATA(&control.header), sizeof told);
    assert_int_equal(told.ee_info, told.ee_data);
    return told.ee_info;
}

/* The stack has no state for one more who sends: nothing was lent, and that call has no number. */
static void a_call_that_lends_nothing_counts_for_nothing(void **state)
{
    struct pair p;
    (void)state;
    pair_connect(&p);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_ZEROCOPY, 1);
    uint32_t *flights = &p.world.hosts[1]->tcp.flights.limit, limit = *flights;
    *flights = 0;
    long before = allocations.alive;
    assert_int_equal(sockets_send(p.s[1], p.client, "text", 4, MSG_ZEROCOPY), -EAGAIN);
    assert_int_equal(allocations.alive, before);
    *flights = limit;
    assert_int_equal(sockets_send(p.s[1], p.client, "text", 4, MSG_ZEROCOPY), 4);
    world_settle(&p.world);
    assert_int_equal(call_that_is_over(&p, p.client), 0);
    pair_end(&p);
}

static void a_very_long_piece_goes_in_parts(void **state)
{
    enum { MOST = 1 << 29, MORE = 4096 };
    struct pair p;
    (void)state;
    void *zeros = mmap(NULL, (size_t)MOST + MORE, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(zeros, MAP_FAILED);
    pair_connect(&p);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_ZEROCOPY, 1);
    struct iovec pieces[] = {{zeros, (size_t)MOST + MORE}, {zeros, MORE}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    assert_int_equal(sockets_sendmsg(p.s[1], p.client, &message, MSG_ZEROCOPY), MOST);
    pair_end(&p);
    munmap(zeros, (size_t)MOST + MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_survive_want_of_memory),
        cmocka_unit_test(datagrams_survive_want_of_memory),
        cmocka_unit_test(sets_and_pipes_survive_want_of_memory),
        cmocka_unit_test(lending_survives_want_of_memory),
        cmocka_unit_test(a_call_that_lends_nothing_counts_for_nothing),
        cmocka_unit_test(a_very_long_piece_goes_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
