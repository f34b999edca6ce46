/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/time.h>
#include <time.h>

#include "tests/unit/sockets/pair.h"

/* When datagrams and segments came (socket(7), SO_TIMESTAMP and SO_TIMESTAMPNS). */

enum { AHEAD_NS = 1234567 };

struct stamped {
    struct pair pair;
    int from, to;
    uint64_t sent_ns;
};

static void open_datagrams(struct stamped *s)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    struct pair *p = &s->pair;
    pair_make(p);
    s->from = sockets_socket(p->s[1], AF_INET, SOCK_DGRAM, 0);
    s->to = sockets_socket(p->s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_bind(p->s[0], s->to, (void *)&to, sizeof to), 0);
    assert_int_equal(sockets_connect(p->s[1], s->from, (void *)&to, sizeof to), 0);
}

static void open_stream(struct stamped *s)
{
    pair_connect(&s->pair);
    s->from = s->pair.client;
    s->to = s->pair.server;
}

/* A byte waits, and has done so for some time. */
static void set_up(struct stamped *s, int type)
{
    struct pair *p = &s->pair;
    if (type == SOCK_STREAM)
        open_stream(s);
    else
        open_datagrams(s);
    sockets_set_clock(p->s[0], AHEAD_NS);
    s->sent_ns = p->world.now_ns;
    assert_int_equal(sockets_send(p->s[1], s->from, "x", 1, 0), 1);
    world_run(&p->world, 5 * WORLD_SECOND);
}

/* What recvmsg() tells of type `type`, and nothing else. */
static void read_stamp(struct stamped *s, int type, void *stamp, size_t length)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    char byte;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    assert_int_equal(sockets_recvmsg(s->pair.s[0], s->to, &message, 0), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, SOL_SOCKET);
    assert_int_equal(header->cmsg_type, type);
    assert_int_equal(header->cmsg_len, CMSG_LEN(length));
    assert_null(CMSG_NXTHDR(&message, header));
    memcpy(stamp, CMSG_DATA(header), length);
}

static void assert_soon_after_sending(const struct stamped *s, uint64_t ns)
{
    uint64_t sent = s->sent_ns + AHEAD_NS;
    assert_in_range(ns, sent - 1000, sent + 100 * WORLD_MILLISECOND);
}

static const int types[] = {SOCK_DGRAM, SOCK_STREAM};

static void a_time_in_microseconds(void **state)
{
    struct stamped s;
    struct timeval time;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        set_up(&s, types[i]);
        assert_int_equal(pair_set(&s.pair, 0, s.to, SOL_SOCKET, SO_TIMESTAMP, 1), 0);
        read_stamp(&s, SCM_TIMESTAMP, &time, sizeof time);
        assert_soon_after_sending(&s, (uint64_t)time.tv_sec * WORLD_SECOND + time.tv_usec * 1000u);
        pair_end(&s.pair);
    }
}

static void a_time_in_nanoseconds(void **state)
{
    struct stamped s;
    struct timespec time;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        set_up(&s, types[i]);
        assert_int_equal(pair_set(&s.pair, 0, s.to, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0);
        read_stamp(&s, SCM_TIMESTAMPNS, &time, sizeof time);
        assert_soon_after_sending(&s, (uint64_t)time.tv_sec * WORLD_SECOND + time.tv_nsec);
        pair_end(&s.pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_in_microseconds),
        cmocka_unit_test(a_time_in_nanoseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
