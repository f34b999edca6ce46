/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/time.h>
#include <time.h>

#include <linux/net_tstamp.h>
#include <linux/tcp.h>

#include "tests/unit/sockets/pair.h"

/* When datagrams and segments came (socket(7), SO_TIMESTAMP and SO_TIMESTAMPNS), and what is told
 * beside times of what was sent. */

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

static void times_of_64_bits(void **state)
{
    static const struct {
        int name;
        uint64_t unit_ns;
        size_t numbers;
        int value;
    } options[] = {
        {SO_TIMESTAMP_NEW, 1000, 2, 1},
        {SO_TIMESTAMPNS_NEW, 1, 2, 1},
        {SO_TIMESTAMPING_NEW, 1, 6, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE},
    };
    struct stamped s;
    (void)state;
    for (unsigned i = 0; i < 2 * sizeof options / sizeof *options; i++) {
        int64_t told[6] = {0};
        int name = options[i / 2].name;
        set_up(&s, types[i % 2]);
        assert_int_equal(pair_set(&s.pair, 0, s.to, SOL_SOCKET, name, options[i / 2].value), 0);
        read_stamp(&s, name, told, options[i / 2].numbers * sizeof *told);
        assert_soon_after_sending(&s, (uint64_t)told[0] * WORLD_SECOND +
                                          (uint64_t)told[1] * options[i / 2].unit_ns);
        assert_int_equal(told[2] | told[3] | told[4] | told[5], 0);
        pair_end(&s.pair);
    }
}

enum { OPT_STATS = 54, REHASH = 27, TEXT = 1000 };

/* The value of one attribute; they come in Linux's order. */
static uint64_t attribute(const uint8_t *bytes, size_t length, uint16_t wanted)
{
    static const uint16_t order[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 15,
                                     16, 17, 13, 14, 18, 19, 20, 21, 22, 23, 24, 25, REHASH};
    uint64_t found = UINT64_MAX, value;
    unsigned n = 0;
    for (size_t at = 0; at < length; n++) {
        uint16_t head[2];
        memcpy(head, bytes + at, sizeof head);
        assert_true(n < sizeof order / sizeof *order);
        assert_int_equal(head[1], order[n]);
        assert_in_range(head[0], sizeof head + 1, length - at);
        value = 0;
        memcpy(&value, bytes + at + sizeof head, head[0] - sizeof head);
        found = head[1] == wanted ? value : found;
        at += (head[0] + 3u) & ~3u;
    }
    assert_int_equal(n, sizeof order / sizeof *order);
    return found;
}

/* SOF_TIMESTAMPING_OPT_STATS, when all has arrived. */
static void what_the_connection_was_like(void **state)
{
    _Alignas(struct cmsghdr) uint8_t control[1024], quoted[1024];
    static const uint8_t text[TEXT];
    (void)state;
    struct pair p;
    struct tcp_info info;
    socklen_t length = sizeof info;
    pair_connect(&p);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING,
             SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY |
                 SOF_TIMESTAMPING_OPT_STATS);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    uint64_t sent_ns = p.world.now_ns;
    assert_int_equal(sockets_send(p.s[1], p.client, text, TEXT, 0), TEXT);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(sockets_getsockopt(p.s[1], p.client, IPPROTO_TCP, TCP_INFO, &info, &length),
                     0);
    struct iovec piece = {quoted, sizeof quoted};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t told = sockets_recvmsg(p.s[1], p.client, &message, MSG_ERRQUEUE);
    struct cmsghdr *stats = CMSG_NXTHDR(&message, CMSG_FIRSTHDR(&message));
    assert_int_equal(stats->cmsg_type, OPT_STATS);
    assert_int_equal(stats->cmsg_len, CMSG_LEN((size_t)told));
    assert_memory_equal(CMSG_DATA(stats), quoted, (size_t)told);
    size_t n = (size_t)told;
    assert_int_equal(attribute(quoted, n, TCP_NLA_DELIVERED), 2);
    assert_int_equal(attribute(quoted, n, TCP_NLA_SNDQ_SIZE), 0);
    assert_int_equal(attribute(quoted, n, TCP_NLA_BYTES_NOTSENT), 0);
    assert_int_equal(attribute(quoted, n, TCP_NLA_SRTT), info.tcpi_rtt);
    assert_int_equal(attribute(quoted, n, TCP_NLA_MIN_RTT), info.tcpi_min_rtt);
    assert_int_equal(attribute(quoted, n, TCP_NLA_SND_CWND), info.tcpi_snd_cwnd);
    assert_int_equal(attribute(quoted, n, TCP_NLA_SND_SSTHRESH), 0x7fffffff);
    assert_int_equal(attribute(quoted, n, TCP_NLA_PACING_RATE), info.tcpi_pacing_rate);
    assert_int_equal(attribute(quoted, n, TCP_NLA_CA_STATE), 0);
    assert_int_equal(attribute(quoted, n, TCP_NLA_EDT), sent_ns);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_in_microseconds),
        cmocka_unit_test(a_time_in_nanoseconds),
        cmocka_unit_test(times_of_64_bits),
        cmocka_unit_test(what_the_connection_was_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
