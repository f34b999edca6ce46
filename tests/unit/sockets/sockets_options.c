/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of sockets: what can be said, what is told, and what it changes. */
#include "tests/unit/sockets/pair.h"

#include <limits.h>
#include <linux/tcp.h>
#include <sys/time.h>

#include "tests/support/segment.h"

enum { STREAM = 1, DATAGRAM = 2, BOTH = STREAM | DATAGRAM, IP = 14 };

struct row {
    int level, name, of, first, set, then, bad;
};

/* Each number: its default, a value that is taken, what is told then, and one that is refused. */
static const struct row rows[] = {
    {SOL_SOCKET, SO_REUSEADDR, BOTH, 0, 5, 1, 0},
    {SOL_SOCKET, SO_REUSEPORT, BOTH, 0, 1, 1, 0},
    {SOL_SOCKET, SO_KEEPALIVE, BOTH, 0, 1, 1, 0},
    {SOL_SOCKET, SO_BROADCAST, BOTH, 0, 1, 1, 0},
    {SOL_SOCKET, SO_PRIORITY, BOTH, 0, 7, 7, 0},
    {SOL_SOCKET, SO_MARK, BOTH, 0, 9, 9, 0},
    {SOL_SOCKET, SO_DEBUG, BOTH, 0, 2, 1, 0},
    {SOL_SOCKET, SO_TIMESTAMPING, DATAGRAM, 0, 0x12, 0x12, 1 << 30},
    {SOL_SOCKET, SO_RCVLOWAT, BOTH, 1, 0, 1, 0},
    {SOL_SOCKET, SO_RCVLOWAT, DATAGRAM, 1, -1, INT_MAX, 0},
    {SOL_SOCKET, SO_RCVLOWAT, STREAM, 1, -1, 3145728, 0}, /* half of tcp_rmem's last */
    {SOL_SOCKET, SO_SNDBUF, STREAM, 16384, 10000, 20000, 0},
    {SOL_SOCKET, SO_SNDBUF, STREAM, 16384, 1, 4608, 0},
    {SOL_SOCKET, SO_SNDBUF, DATAGRAM, 212992, -1, 2 * 4194304, 0},
    {SOL_SOCKET, SO_RCVBUF, STREAM, 131072, 10000, 20000, 0},
    {SOL_SOCKET, SO_RCVBUF, DATAGRAM, 212992, 10000, 20000, 0},
    {SOL_SOCKET, SO_RCVBUF, STREAM, 131072, 1, 2304, 0},
    {SOL_SOCKET, SO_RCVBUF, STREAM, 131072, 1 << 30, 2 * 4194304, 0},
    {IPPROTO_TCP, TCP_NODELAY, STREAM, 0, 2, 1, 0},
    {IPPROTO_TCP, TCP_CORK, STREAM, 0, 7, 1, 0},
    {IPPROTO_TCP, TCP_THIN_DUPACK, STREAM, 0, 1, 0, 2},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, STREAM, 0, 5, 7, 0}, /* three SYN+ACKs take so long */
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, STREAM, 0, 1, 1, 0},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, STREAM, 0, -1, 0, 0},
    {IPPROTO_TCP, TCP_MAXSEG, STREAM, 536, 1000, 1000, 87},
    {IPPROTO_TCP, TCP_MAXSEG, STREAM, 536, 88, 88, 32768},
    {IPPROTO_TCP, TCP_KEEPIDLE, STREAM, 7200, 32767, 32767, 32768},
    {IPPROTO_TCP, TCP_KEEPINTVL, STREAM, 75, 1, 1, -1},
    {IPPROTO_TCP, TCP_KEEPCNT, STREAM, 9, 127, 127, 128},
    {IPPROTO_TCP, TCP_SYNCNT, STREAM, 6, 3, 3, 128},
    {IPPROTO_TCP, TCP_LINGER2, STREAM, 60, 30, 30, 0},
    {IPPROTO_TCP, TCP_LINGER2, STREAM, 60, 121, 120, 0},
    {IPPROTO_TCP, TCP_LINGER2, STREAM, 60, -5, -1, 0},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, STREAM, 0, 9000, 9000, -1},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, STREAM, 0, 100, 100, 0},
    {IPPROTO_TCP, TCP_INQ, STREAM, 0, 1, 1, 2},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, STREAM, 0, 1, 1152, 0},
    {IPPROTO_IP, IP_TOS, STREAM, 0, 0x13, 0x10, 0},
    {IPPROTO_IP, IP_TOS, DATAGRAM, 0, 0x13, 0x13, 0},
    {IPPROTO_IP, IP_TTL, BOTH, 64, 255, 255, 256},
    {IPPROTO_IP, IP_TTL, BOTH, 64, -1, 64, -2},
    {IPPROTO_IP, IP_MTU_DISCOVER, BOTH, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_DO, 6},
    {IPPROTO_IP, IP_RECVERR, BOTH, 0, 1, 1, 0},
    {IPPROTO_IP, IP_TRANSPARENT, BOTH, 0, 1, 1, 0},
    {IPPROTO_IP, IP_MULTICAST_TTL, DATAGRAM, 1, 7, 7, 256},
    {IPPROTO_IP, IP_MULTICAST_TTL, DATAGRAM, 1, -1, 1, -2},
    {SOL_SOCKET, SO_TXREHASH, STREAM, 1, 0, 0, 2},
    {SOL_SOCKET, SO_PEEK_OFF, BOTH, -1, -7, -7, 0},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, BOTH, 0, 2, 1, 0},
    {IPPROTO_TCP, TCP_FASTOPEN, STREAM, 0, 5000, 4096, -1},
    {IPPROTO_IP, IP_MULTICAST_LOOP, DATAGRAM, 1, 0, 0, 0},
};

static void check_row(struct pair *p, const struct row *row, int type)
{
    int fd = sockets_socket(p->s[0], AF_INET, type, 0);
    assert_int_equal(pair_get(p, 0, fd, row->level, row->name), row->first);
    assert_int_equal(pair_set(p, 0, fd, row->level, row->name, row->set), 0);
    assert_int_equal(pair_get(p, 0, fd, row->level, row->name), row->then);
    if (row->bad != 0) {
        assert_int_equal(pair_set(p, 0, fd, row->level, row->name, row->bad), -EINVAL);
        assert_int_equal(pair_get(p, 0, fd, row->level, row->name), row->then);
    }
    int value = 1;
    if (row->level != IPPROTO_IP) /* where a byte will do */
        assert_int_equal(sockets_setsockopt(p->s[0], fd, row->level, row->name, &value, 3),
                         -EINVAL);
    assert_int_equal(sockets_close(p->s[0], fd), 0);
}

static void numbers_are_kept_within_limits(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].of & STREAM)
            check_row(&p, &rows[i], SOCK_STREAM);
        if (rows[i].of & DATAGRAM)
            check_row(&p, &rows[i], SOCK_DGRAM);
    }
    pair_end(&p);
}

static void what_does_not_exist_is_refused(void **state)
{
    (void)state;
    struct pair p;
    int value = 1;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    int datagrams = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(pair_set(&p, 0, fd, SOL_SOCKET, 999, 1), -ENOPROTOOPT);
    assert_int_equal(pair_set(&p, 0, fd, IPPROTO_TCP, 999, 1), -ENOPROTOOPT);
    assert_int_equal(pair_set(&p, 0, fd, 999, 1, 1), -ENOPROTOOPT);
    assert_int_equal(pair_set(&p, 0, datagrams, IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
    assert_int_equal(pair_get(&p, 0, fd, SOL_SOCKET, 999), -ENOPROTOOPT);
    assert_int_equal(pair_set(&p, 0, fd, IPPROTO_TCP, TCP_REPAIR, 1), -EPERM);
    assert_int_equal(pair_set(&p, 0, 99, SOL_SOCKET, SO_REUSEADDR, 1), -EBADF);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_TYPE, &value, NULL), -EFAULT);
    assert_int_equal(sockets_socket(p.s[0], AF_INET6, SOCK_STREAM, 0), -EAFNOSUPPORT);
    assert_int_equal(sockets_socket(p.s[0], AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
    assert_int_equal(sockets_socket(p.s[0], AF_INET, SOCK_SEQPACKET, 0), -ESOCKTNOSUPPORT);
    pair_end(&p);
}

static void what_a_socket_is_can_be_asked(void **state)
{
    (void)state;
    struct pair p;
    char byte = 99;
    socklen_t length = 1;
    pair_connect(&p);
    assert_int_equal(pair_get(&p, 0, p.listener, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    assert_int_equal(pair_get(&p, 0, p.listener, SOL_SOCKET, SO_DOMAIN), AF_INET);
    assert_int_equal(pair_get(&p, 0, p.listener, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
    assert_int_equal(pair_get(&p, 0, p.listener, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(pair_get(&p, 0, p.server, SOL_SOCKET, SO_ACCEPTCONN), 0);
    assert_int_equal(pair_get(&p, 1, p.client, IPPROTO_IP, IP_MTU), 1500);
    assert_int_equal(pair_get(&p, 0, p.listener, IPPROTO_IP, IP_MTU), -ENOTCONN);
    assert_int_equal(sockets_getsockopt(p.s[0], p.server, IPPROTO_IP, IP_TTL, &byte, &length), 0);
    assert_int_equal(length, 1);
    assert_int_equal(byte, 64);
    pair_end(&p);
}

static void times_and_lingering_are_told_as_set(void **state)
{
    (void)state;
    struct pair p;
    struct timeval time = {3, 250000}, told, bad = {0, 1000000}, none = {0, 0};
    struct linger linger = {1, 9}, lingers;
    socklen_t length = sizeof told;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_timeout(p.s[0], fd, SOCKETS_RECEIVING), UINT64_MAX);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time),
                     0);
    assert_int_equal(sockets_timeout(p.s[0], fd, SOCKETS_RECEIVING), 3250000000);
    assert_int_equal(sockets_timeout(p.s[0], fd, SOCKETS_SENDING), UINT64_MAX);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_RCVTIMEO, &told, &length), 0);
    assert_memory_equal(&told, &time, sizeof time);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, SOL_SOCKET, SO_RCVTIMEO, &bad, sizeof bad),
                     -EDOM);
    sockets_setsockopt(p.s[0], fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    assert_int_equal(sockets_timeout(p.s[0], fd, SOCKETS_RECEIVING), UINT64_MAX);
    length = sizeof lingers;
    sockets_setsockopt(p.s[0], fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_LINGER, &lingers, &length), 0);
    assert_memory_equal(&lingers, &linger, sizeof linger);
    pair_end(&p);
}

static void congestion_control_has_a_name(void **state)
{
    (void)state;
    struct pair p;
    char name[16] = "";
    socklen_t length = sizeof name;
    pair_connect(&p);
    for (int connected = 0; connected < 2; connected++) {
        int fd = connected ? p.client : sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
        length = sizeof name;
        assert_int_equal(sockets_getsockopt(p.s[1], fd, IPPROTO_TCP, TCP_CONGESTION, name, &length),
                         0);
        assert_string_equal(name, "cubic");
        static const char *const names[] = {"reno", "bbr", "dctcp", "cubic"};
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(sockets_setsockopt(p.s[1], fd, IPPROTO_TCP, TCP_CONGESTION, names[i],
                                                (socklen_t)strlen(names[i])),
                             0);
            length = sizeof name;
            sockets_getsockopt(p.s[1], fd, IPPROTO_TCP, TCP_CONGESTION, name, &length);
            assert_string_equal(name, names[i]);
        }
        assert_int_equal(sockets_setsockopt(p.s[1], fd, IPPROTO_TCP, TCP_CONGESTION, "no", 2),
                         -ENOENT);
    }
    pair_end(&p);
}

/* Whoever has no room is told so much. */
static void nothing_fits_anywhere(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    int datagrams = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    socklen_t none = 0, some = 4, negative = (socklen_t)-1;
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_TYPE, NULL, &none), 0);
    assert_int_equal(none, 0);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_TYPE, NULL, &some), -EFAULT);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_TYPE, &fd, &negative), -EINVAL);
    assert_int_equal(
        sockets_getsockopt(p.s[0], datagrams, IPPROTO_TCP, TCP_NODELAY, NULL, &negative),
        -EOPNOTSUPP);
    assert_int_equal(sockets_setsockopt(p.s[0], datagrams, IPPROTO_TCP, TCP_NODELAY, &fd, negative),
                     -EINVAL);
    pair_end(&p);
}

static void datagram_sockets_lack_some(void **state)
{
    (void)state;
    struct pair p;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(pair_set(&p, 0, fd, SOL_SOCKET, SO_TXREHASH, 1), -EOPNOTSUPP);
    assert_int_equal(pair_get(&p, 0, fd, SOL_SOCKET, SO_TXREHASH), -EOPNOTSUPP);
    assert_int_equal(pair_set(&p, 0, fd, SOL_SOCKET, SO_TIMESTAMPING, 1 << 15), -EOPNOTSUPP);
    uint8_t none;
    for (int name = IP_MULTICAST_TTL; name <= IP_MULTICAST_LOOP; name++)
        assert_int_equal(sockets_setsockopt(p.s[0], fd, IPPROTO_IP, name, &none, 0), -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, IPPROTO_IP, IP_TRANSPARENT, &none, 0), -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, IPPROTO_IP, IP_FREEBIND, &none, 0), -EINVAL);
    pair_end(&p);
}

static uint64_t cookie_of(struct pair *p, int fd)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    assert_int_equal(sockets_getsockopt(p->s[0], fd, SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
    return cookie;
}

static uint64_t namespace_of(struct pair *p, int host, int fd)
{
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    assert_int_equal(
        sockets_getsockopt(p->s[host], fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length), 0);
    assert_true(cookie != 0);
    return cookie;
}

static void a_namespace_has_one_cookie(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    assert_true(namespace_of(&p, 0, p.listener) == namespace_of(&p, 0, p.server));
    assert_true(namespace_of(&p, 0, p.listener) != namespace_of(&p, 1, p.client));
    pair_end(&p);
}

static void cookies_differ(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    uint64_t first = cookie_of(&p, p.listener), second = cookie_of(&p, p.server);
    assert_true(first != 0 && second != 0 && first != second);
    sockets_close(p.s[0], p.server);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(fd, p.server);
    assert_true(cookie_of(&p, fd) != first && cookie_of(&p, fd) != second);
    pair_end(&p);
}

/* ---- What they change ---- */

static void options_before_connecting_are_on_the_first_segment(void **state)
{
    (void)state;
    struct pair p;
    struct segment syn;
    uint8_t length;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_make(&p);
    pair_listen(&p, 1);
    world_introduce(&p.world, 1);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    pair_set(&p, 1, fd, IPPROTO_IP, IP_TTL, 17);
    pair_set(&p, 1, fd, IPPROTO_IP, IP_TOS, 0x28);
    pair_set(&p, 1, fd, IPPROTO_TCP, TCP_MAXSEG, 700);
    sockets_connect(p.s[1], fd, (void *)&to, sizeof to);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    const struct frame *frame = world_last(&p.world, 1, 0);
    assert_true(segment_of(frame, &syn));
    assert_int_equal(syn.flags, SEGMENT_SYN);
    assert_int_equal(frame->bytes[IP + 8], 17);
    assert_int_equal(frame->bytes[IP + 1], 0x28);
    const uint8_t *mss = segment_option(&syn, 2, &length);
    assert_non_null(mss);
    assert_int_equal(mss[0] << 8 | mss[1], 700);
    pair_end(&p);
}

static void accepted_sockets_inherit(void **state)
{
    (void)state;
    struct pair p;
    struct linger linger = {1, 9}, lingers;
    socklen_t length = sizeof lingers;
    pair_make(&p);
    pair_listen(&p, 1);
    pair_set(&p, 0, p.listener, IPPROTO_TCP, TCP_NODELAY, 1);
    pair_set(&p, 0, p.listener, IPPROTO_TCP, TCP_KEEPIDLE, 11);
    pair_set(&p, 0, p.listener, IPPROTO_IP, IP_TTL, 9);
    pair_set(&p, 0, p.listener, SOL_SOCKET, SO_PRIORITY, 3);
    pair_set(&p, 0, p.listener, SOL_SOCKET, SO_TIMESTAMPING, 16);
    pair_set(&p, 0, p.listener, IPPROTO_TCP, TCP_FASTOPEN, 4);
    sockets_setsockopt(p.s[0], p.listener, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    pair_begin(&p);
    world_settle(&p.world);
    int fd = sockets_accept(p.s[0], p.listener, NULL, NULL);
    assert_int_equal(pair_get(&p, 0, fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(pair_get(&p, 0, fd, IPPROTO_TCP, TCP_KEEPIDLE), 11);
    assert_int_equal(pair_get(&p, 0, fd, SOL_SOCKET, SO_PRIORITY), 0);
    assert_int_equal(pair_get(&p, 0, fd, SOL_SOCKET, SO_TIMESTAMPING), 16);
    assert_int_equal(pair_get(&p, 0, fd, IPPROTO_TCP, TCP_FASTOPEN), 0);
    sockets_getsockopt(p.s[0], fd, SOL_SOCKET, SO_LINGER, &lingers, &length);
    assert_memory_equal(&lingers, &linger, sizeof linger);
    sockets_send(p.s[0], fd, "x", 1, 0);
    world_settle(&p.world);
    assert_int_equal(world_last(&p.world, 0, 0)->bytes[IP + 8], 9);
    assert_int_equal(pair_get(&p, 0, fd, SOL_SOCKET, SO_RCVBUF), 131072); /* nobody set it */
    pair_end(&p);
}

static void a_probe_leaves_when_a_connection_is_kept_alive(void **state)
{
    (void)state;
    struct pair p;
    pair_connect(&p);
    world_run(&p.world, 20 * WORLD_SECOND); /* until the addresses are announced */
    world_settle(&p.world);                 /* calls have the time of the last turn */
    pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_KEEPALIVE, 1);
    uint32_t before = world_sent(&p.world, 1);
    world_run(&p.world, 4900 * WORLD_MILLISECOND);
    assert_int_equal(world_sent(&p.world, 1), before);
    world_run(&p.world, 200 * WORLD_MILLISECOND);
    assert_int_equal(world_sent(&p.world, 1), before + 1);
    pair_end(&p);
}

static void little_unsent_means_writable(void **state)
{
    (void)state;
    struct pair p;
    static char bytes[60000];
    pair_connect(&p);
    pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 10000);
    sockets_send(p.s[1], p.client, bytes, 5000, 0); /* half */
    assert_int_equal(pair_poll(&p, 1, p.client), POLLOUT);
    sockets_send(p.s[1], p.client, bytes, 1, 0);
    assert_int_equal(pair_poll(&p, 1, p.client), 0);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(pair_poll(&p, 1, p.client), POLLOUT);
    while (sockets_recv(p.s[0], p.server, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
    pair_end(&p);
}

static void what_is_left_is_told_beside_the_bytes(void **state)
{
    (void)state;
    struct pair p;
    char got[2], control[64];
    struct iovec piece = {got, sizeof got};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 64};
    pair_connect(&p);
    pair_set(&p, 0, p.server, IPPROTO_TCP, TCP_INQ, 1);
    sockets_send(p.s[1], p.client, "abcde", 5, 0);
    world_settle(&p.world);
    assert_int_equal(sockets_recvmsg(p.s[0], p.server, &message, 0), 2);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, IPPROTO_TCP);
    assert_int_equal(header->cmsg_type, TCP_CM_INQ);
    assert_int_equal(*(int *)(void *)CMSG_DATA(header), 3);
    message.msg_controllen = 4; /* no room */
    assert_int_equal(sockets_recvmsg(p.s[0], p.server, &message, 0), 2);
    assert_int_equal(message.msg_flags, MSG_CTRUNC);
    assert_int_equal(message.msg_controllen, 0);
    sockets_recv(p.s[0], p.server, got, 2, 0);
    sockets_close(p.s[1], p.client);
    world_settle(&p.world);
    message.msg_controllen = sizeof control;
    assert_int_equal(sockets_recvmsg(p.s[0], p.server, &message, 0), 0);
    header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(*(int *)(void *)CMSG_DATA(header), 1); /* the end */
    pair_end(&p);
}

/* ---- TCP_INFO ---- */

static struct tcp_info info_of(struct pair *p, int host, int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    assert_int_equal(sockets_getsockopt(p->s[host], fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(length, sizeof info);
    return info;
}

static void info_follows_the_states(void **state)
{
    (void)state;
    struct pair p;
    struct tcp_info info;
    socklen_t length = 1;
    pair_connect(&p);
    int fresh = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(info_of(&p, 1, fresh).tcpi_state, 7);
    assert_int_equal(info_of(&p, 0, p.listener).tcpi_state, 10);
    int waiting = pair_begin(&p);
    assert_int_equal(info_of(&p, 1, waiting).tcpi_state, 2);
    world_settle(&p.world);
    assert_int_equal(info_of(&p, 0, p.listener).tcpi_unacked, 1);
    assert_int_equal(info_of(&p, 0, p.listener).tcpi_sacked, 5); /* the backlog */
    info = info_of(&p, 1, p.client);
    assert_int_equal(info.tcpi_state, 1);
    assert_int_equal(info.tcpi_snd_mss, 1448);
    assert_int_equal(info.tcpi_advmss, 1448);
    assert_int_equal(info.tcpi_options, 1 | 2 | 4);
    assert_int_equal(info.tcpi_snd_ssthresh, 0x7fffffff);
    assert_int_equal(info.tcpi_snd_cwnd, 10);
    sockets_send(p.s[1], p.client, "abc", 3, 0);
    assert_int_equal(info_of(&p, 1, p.client).tcpi_notsent_bytes, 3);
    uint32_t memory[9];
    socklen_t room = sizeof memory;
    assert_int_equal(sockets_getsockopt(p.s[1], p.client, SOL_SOCKET, SO_MEMINFO, memory, &room),
                     0);
    assert_int_equal(room, sizeof memory);
    assert_int_equal(memory[1], pair_get(&p, 1, p.client, SOL_SOCKET, SO_RCVBUF));
    assert_int_equal(memory[5], 3); /* queued to be sent */
    room = sizeof memory;
    assert_int_equal(sockets_getsockopt(p.s[1], p.client, IPPROTO_TCP, TCP_CC_INFO, memory, &room),
                     0);
    assert_int_equal(room, 0);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    assert_int_equal(info_of(&p, 1, p.client).tcpi_unacked, 1);
    sockets_shutdown(p.s[0], p.server, SHUT_WR);
    world_settle(&p.world);
    assert_int_equal(info_of(&p, 1, p.client).tcpi_state, 8);
    assert_int_equal(info_of(&p, 0, p.server).tcpi_state, 5);
    assert_int_equal(info_of(&p, 0, p.server).tcpi_bytes_received, 3);
    assert_int_equal(sockets_getsockopt(p.s[1], p.client, IPPROTO_TCP, TCP_INFO, &info, &length),
                     0);
    assert_int_equal(length, 1); /* as much as has room */
    sockets_recv(p.s[0], p.server, &info, 3, 0);
    pair_end(&p);
}

/* Linux's figure: all ones is no limit. */
static void a_rate_may_be_limited(void **state)
{
    (void)state;
    struct pair p;
    static const uint8_t bytes[20000];
    pair_connect(&p);
    assert_true(info_of(&p, 1, p.client).tcpi_max_pacing_rate == UINT64_MAX);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_MAX_PACING_RATE, 100000);
    sockets_send(p.s[1], p.client, bytes, sizeof bytes, 0);
    world_run(&p.world, 100 * WORLD_MILLISECOND);
    struct tcp_info info = info_of(&p, 1, p.client);
    assert_in_range(info.tcpi_bytes_acked, 8000, 13000);
    assert_true(info.tcpi_pacing_rate == 100000 && info.tcpi_max_pacing_rate == 100000);
    assert_in_range(info.tcpi_delivered, 1 + 8000 / 1448, 1 + 13000 / 1448);
    uint64_t none = UINT64_MAX, wide = UINT64_C(10000000000);
    assert_int_equal(
        sockets_setsockopt(p.s[1], p.client, SOL_SOCKET, SO_MAX_PACING_RATE, &wide, sizeof wide),
        0);
    assert_true(info_of(&p, 1, p.client).tcpi_max_pacing_rate == wide);
    assert_int_equal(
        sockets_setsockopt(p.s[1], p.client, SOL_SOCKET, SO_MAX_PACING_RATE, &none, sizeof none),
        0);
    assert_true(info_of(&p, 1, p.client).tcpi_pacing_rate > 100000);
    world_run(&p.world, 100 * WORLD_MILLISECOND);
    assert_int_equal(info_of(&p, 1, p.client).tcpi_bytes_acked, sizeof bytes + 1);
    while (sockets_recv(p.s[0], p.server, (uint8_t[4096]){0}, 4096, MSG_DONTWAIT) > 0)
        continue;
    pair_end(&p);
}

static uint16_t port_chosen(struct pair *p, uint32_t range)
{
    struct sockaddr_in at = pair_address(1, 0);
    socklen_t length = sizeof at;
    int fd = sockets_socket(p->s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_setsockopt(p->s[1], fd, IPPROTO_IP, 51, &range, sizeof range), 0);
    assert_int_equal(sockets_bind(p->s[1], fd, (void *)&at, sizeof at), 0);
    assert_int_equal(sockets_getsockname(p->s[1], fd, (void *)&at, &length), 0);
    assert_int_equal(sockets_close(p->s[1], fd), 0);
    return ntohs(at.sin_port);
}

/* IP_LOCAL_PORT_RANGE narrows the range of the table; ports below 1024 have to be asked for, also
 * where the host chooses. */
static void a_range_of_its_own_lies_within_that_of_all(void **state)
{
    (void)state;
    struct pair p;
    struct sockets_policy policy;
    sockets_defaults(&policy);
    pair_make(&p);
    assert_int_equal(port_chosen(&p, 40000u << 16 | 40000), 40000);
    assert_in_range(port_chosen(&p, 100u << 16 | 100), 32768, 60999);
    policy.port_first = policy.port_last = 0;
    sockets_set_policy(p.s[1], &policy);
    assert_int_equal(port_chosen(&p, 1024u << 16 | 1024), 1024);
    for (unsigned i = 0; i < 50; i++)
        assert_in_range(port_chosen(&p, 100u << 16 | 100), 1024, 65535);
    assert_in_range(port_chosen(&p, 1030u << 16 | 100), 1024, 1030);
    pair_end(&p);
}

static void dctcp_asks_for_ecn(void **state)
{
    (void)state;
    struct pair p;
    struct segment syn;
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_make(&p);
    pair_listen(&p, 1);
    world_introduce(&p.world, 1);
    int fd = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_setsockopt(p.s[1], fd, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5), 0);
    sockets_connect(p.s[1], fd, (void *)&to, sizeof to);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    assert_true(segment_of(world_last(&p.world, 1, 0), &syn));
    assert_int_equal(syn.flags, SEGMENT_SYN | SEGMENT_ECE | SEGMENT_CWR);
    pair_end(&p);
}

/* Memory that is not there, lengths that are none, levels that nobody knows. */
static void values_that_are_none_are_refused(void **state)
{
    (void)state;
    static const int levels[] = {SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP};
    static const int names[] = {SO_RCVTIMEO, TCP_CONGESTION, IP_ADD_MEMBERSHIP};
    struct pair p;
    char bytes[64] = {0};
    socklen_t length = sizeof bytes;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sockets_setsockopt(p.s[0], fd, levels[i], names[i], NULL, 16), -EFAULT);
        assert_int_equal(sockets_setsockopt(p.s[0], fd, levels[i], names[i], bytes, (socklen_t)-1),
                         -EINVAL);
    }
    assert_int_equal(sockets_setsockopt(p.s[0], fd, SOL_SOCKET, SO_LINGER, NULL, 8), -EFAULT);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, SOL_SOCKET, 9999, bytes, 3), -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, IPPROTO_TCP, 9999, bytes, 3), -EINVAL);
    assert_int_equal(sockets_setsockopt(p.s[0], fd, 9999, 1, bytes, 4), -ENOPROTOOPT);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, 9999, 1, bytes, &length), -EOPNOTSUPP);
    assert_int_equal(pair_set(&p, 0, fd, IPPROTO_IP, IP_MULTICAST_TTL, 3), -EINVAL);
    pair_end(&p);
}

static void short_room_is_told_a_byte_by_ip_only(void **state)
{
    (void)state;
    struct pair p;
    unsigned char bytes[4] = {9, 9, 9, 9};
    socklen_t length = 3;
    pair_make(&p);
    int fd = sockets_socket(p.s[0], AF_INET, SOCK_STREAM, 0);
    assert_int_equal(sockets_getsockopt(p.s[0], fd, IPPROTO_IP, IP_TTL, bytes, &length), 0);
    assert_int_equal(length, 1);
    assert_int_equal(bytes[0], 64);
    assert_int_equal(bytes[1], 9);
    length = 3;
    assert_int_equal(sockets_getsockopt(p.s[0], fd, IPPROTO_TCP, TCP_NODELAY, bytes, &length), 0);
    assert_int_equal(length, 3);
    assert_int_equal(bytes[2], 0);
    pair_end(&p);
}

/* Half of what is set is for bookkeeping; a low-water mark beyond would never be reached. */
static void a_mark_lies_within_the_buffer(void **state)
{
    (void)state;
    struct pair p;
    static char bytes[65536];
    pair_connect(&p);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_RCVBUF, 8192), 0);
    assert_int_equal(pair_set(&p, 1, p.client, SOL_SOCKET, SO_RCVLOWAT, 100000), 0);
    assert_int_equal(pair_get(&p, 1, p.client, SOL_SOCKET, SO_RCVLOWAT), 8192);
    assert_int_equal(sockets_send(p.s[0], p.server, bytes, 100, 0), 100);
    world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, p.client) & POLLIN, 0);
    assert_int_equal(sockets_recv(p.s[1], p.client, bytes, sizeof bytes, 0), -EAGAIN);
    while (sockets_send(p.s[0], p.server, bytes, sizeof bytes, 0) > 0)
        world_settle(&p.world);
    assert_int_equal(pair_poll(&p, 1, p.client) & POLLIN, POLLIN); /* no more will come */
    assert_true(sockets_recv(p.s[1], p.client, bytes, sizeof bytes, 0) > 0);
    pair_end(&p);
}

/* TCP_TIMESTAMP: that of a segment which leaves now, and a clock for who has no connection. */
static void the_timestamp_is_that_of_segments(void **state)
{
    (void)state;
    struct pair p;
    uint8_t length;
    pair_connect(&p);
    int fresh = sockets_socket(p.s[1], AF_INET, SOCK_STREAM, 0);
    uint32_t clock = (uint32_t)pair_get(&p, 1, fresh, IPPROTO_TCP, TCP_TIMESTAMP);
    uint32_t begin = (uint32_t)pair_get(&p, 1, p.client, IPPROTO_TCP, TCP_TIMESTAMP);
    assert_int_equal(clock, (uint32_t)(p.world.now_ns / 1000000));
    world_run(&p.world, 50 * 1000000ull);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    assert_int_equal((uint32_t)pair_get(&p, 1, fresh, IPPROTO_TCP, TCP_TIMESTAMP) - clock, 50);
    assert_int_equal((uint32_t)pair_get(&p, 1, p.client, IPPROTO_TCP, TCP_TIMESTAMP) - begin, 50);
    sockets_send(p.s[1], p.client, "abc", 3, 0);
    chaski_poll(p.world.hosts[1], p.world.now_ns);
    struct segment segment = world_last_segment(&p.world, 1, 0);
    const uint8_t *value = segment_option(&segment, 8, &length);
    assert_non_null(value);
    assert_int_equal((uint32_t)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3],
                     begin + 50);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_kept_within_limits),
        cmocka_unit_test(what_does_not_exist_is_refused),
        cmocka_unit_test(what_a_socket_is_can_be_asked),
        cmocka_unit_test(times_and_lingering_are_told_as_set),
        cmocka_unit_test(congestion_control_has_a_name),
        cmocka_unit_test(nothing_fits_anywhere),
        cmocka_unit_test(datagram_sockets_lack_some),
        cmocka_unit_test(a_namespace_has_one_cookie),
        cmocka_unit_test(cookies_differ),
        cmocka_unit_test(options_before_connecting_are_on_the_first_segment),
        cmocka_unit_test(accepted_sockets_inherit),
        cmocka_unit_test(a_probe_leaves_when_a_connection_is_kept_alive),
        cmocka_unit_test(little_unsent_means_writable),
        cmocka_unit_test(what_is_left_is_told_beside_the_bytes),
        cmocka_unit_test(info_follows_the_states),
        cmocka_unit_test(a_rate_may_be_limited),
        cmocka_unit_test(a_range_of_its_own_lies_within_that_of_all),
        cmocka_unit_test(dctcp_asks_for_ecn),
        cmocka_unit_test(values_that_are_none_are_refused),
        cmocka_unit_test(short_room_is_told_a_byte_by_ip_only),
        cmocka_unit_test(a_mark_lies_within_the_buffer),
        cmocka_unit_test(the_timestamp_is_that_of_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
