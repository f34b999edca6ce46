/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/pair.h"

/* What calls come to in each of a UDP socket's states, as Linux has it. */

enum { OTHER_PORT = 8, PAYLOAD_MAX = 65507 };

/* `to` of the first host, bound; `from` of the second, where `other` is bound too. */
struct datagrams {
    struct pair pair;
    int to, from, other;
};

static int bound(struct pair *p, int host, uint16_t port)
{
    struct sockaddr_in at = pair_address((uint32_t)host, port);
    int fd = sockets_socket(p->s[host], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_bind(p->s[host], fd, (void *)&at, sizeof at), 0);
    return fd;
}

static void open_all(struct datagrams *d)
{
    pair_make(&d->pair);
    d->to = bound(&d->pair, 0, PAIR_PORT);
    d->from = bound(&d->pair, 1, PAIR_PORT);
    d->other = bound(&d->pair, 1, OTHER_PORT);
}

static int connect_to(struct datagrams *d, int host, int fd, uint32_t peer, uint16_t port)
{
    struct sockaddr_in to = pair_address(peer, port);
    return sockets_connect(d->pair.s[host], fd, (void *)&to, sizeof to);
}

static ssize_t send_to(struct datagrams *d, int fd, const char *text)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    ssize_t sent = sockets_sendto(d->pair.s[1], fd, text, strlen(text), 0, (void *)&to, sizeof to);
    world_settle(&d->pair.world);
    return sent;
}

static void assert_received(struct datagrams *d, const char *text)
{
    char bytes[16] = {0};
    assert_int_equal(sockets_recv(d->pair.s[0], d->to, bytes, sizeof bytes - 1, 0), strlen(text));
    assert_string_equal(bytes, text);
}

/* ---- Connecting ---- */

static void what_waits_outlives_connecting(void **state)
{
    struct datagrams d;
    char byte;
    (void)state;
    open_all(&d);
    send_to(&d, d.other, "early");
    assert_int_equal(connect_to(&d, 0, d.to, 1, PAIR_PORT), 0);
    send_to(&d, d.other, "late");
    send_to(&d, d.from, "good");
    assert_int_equal(pair_disconnect(&d.pair, 0, d.to), 0);
    send_to(&d, d.other, "again");
    assert_received(&d, "early");
    assert_received(&d, "good");
    assert_received(&d, "again");
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, &byte, 1, 0), -EAGAIN);
    pair_end(&d.pair);
}

/* One that cannot be connected to leaves all as it was. */
static void connecting_in_vain_changes_nothing(void **state)
{
    struct datagrams d;
    struct sockaddr_in told;
    socklen_t length = sizeof told;
    (void)state;
    open_all(&d);
    assert_int_equal(connect_to(&d, 0, d.to, 1, PAIR_PORT), 0);
    assert_int_equal(connect_to(&d, 0, d.to, 0xffffffff - 0xc0000201, PAIR_PORT), -EACCES);
    assert_int_equal(sockets_getpeername(d.pair.s[0], d.to, (void *)&told, &length), 0);
    assert_int_equal(told.sin_addr.s_addr, pair_address(1, 0).sin_addr.s_addr);
    send_to(&d, d.other, "late");
    send_to(&d, d.from, "good");
    assert_received(&d, "good");
    pair_set(&d.pair, 0, d.to, SOL_SOCKET, SO_BROADCAST, 1);
    assert_int_equal(connect_to(&d, 0, d.to, 0xffffffff - 0xc0000201, PAIR_PORT), 0);
    pair_end(&d.pair);
}

static void nowhere_is_this_host(void **state)
{
    struct datagrams d;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PAIR_PORT)}, told;
    socklen_t length = sizeof told;
    (void)state;
    open_all(&d);
    assert_int_equal(sockets_sendto(d.pair.s[1], d.other, "x", 1, 0, (void *)&any, sizeof any), 1);
    world_settle(&d.pair.world);
    char byte;
    assert_int_equal(sockets_recv(d.pair.s[1], d.from, &byte, 1, 0), 1);
    assert_int_equal(sockets_connect(d.pair.s[1], d.other, (void *)&any, sizeof any), 0);
    assert_int_equal(sockets_getpeername(d.pair.s[1], d.other, (void *)&told, &length), 0);
    assert_int_equal(told.sin_addr.s_addr, pair_address(1, 0).sin_addr.s_addr);
    pair_end(&d.pair);
}

/* ---- Ports and groups ---- */

static int join(struct datagrams *d, int fd)
{
    struct ip_mreq group = {.imr_multiaddr.s_addr = htonl(0xefff0102)};
    return sockets_setsockopt(d->pair.s[0], fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group,
                              sizeof group);
}

/* Joined first and bound then, or the other way round: both hear the group, at one port. */
static void groups_outlive_binding(void **state)
{
    struct datagrams d;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(OTHER_PORT)};
    struct sockaddr_in group = {
        .sin_family = AF_INET, .sin_port = htons(OTHER_PORT), .sin_addr.s_addr = htonl(0xefff0102)};
    (void)state;
    open_all(&d);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = sockets_socket(d.pair.s[0], AF_INET, SOCK_DGRAM, 0);
        pair_set(&d.pair, 0, fds[i], SOL_SOCKET, SO_REUSEADDR, 1);
        if (i == 0)
            assert_int_equal(join(&d, fds[i]), 0);
        assert_int_equal(sockets_bind(d.pair.s[0], fds[i], (void *)&any, sizeof any), 0);
        if (i == 1)
            assert_int_equal(join(&d, fds[i]), 0);
    }
    assert_int_equal(sockets_sendto(d.pair.s[1], d.from, "x", 1, 0, (void *)&group, sizeof group),
                     1);
    world_settle(&d.pair.world);
    char byte;
    for (int i = 0; i < 2; i++)
        assert_int_equal(sockets_recv(d.pair.s[0], fds[i], &byte, 1, 0), 1);
    pair_end(&d.pair);
}

/* SO_REUSEADDR, which may be set later: the last one hears. */
static void the_last_one_bound_hears(void **state)
{
    struct datagrams d;
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    char byte;
    (void)state;
    open_all(&d);
    int last = sockets_socket(d.pair.s[0], AF_INET, SOCK_DGRAM, 0);
    pair_set(&d.pair, 0, last, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(sockets_bind(d.pair.s[0], last, (void *)&at, sizeof at), -EADDRINUSE);
    pair_set(&d.pair, 0, d.to, SOL_SOCKET, SO_REUSEADDR, 1);
    assert_int_equal(sockets_bind(d.pair.s[0], last, (void *)&at, sizeof at), 0);
    at.sin_addr.s_addr = INADDR_BROADCAST; /* what fails is no binding */
    assert_int_equal(sockets_connect(d.pair.s[0], d.to, (void *)&at, sizeof at), -EACCES);
    send_to(&d, d.from, "x");
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, &byte, 1, 0), -EAGAIN);
    assert_int_equal(sockets_recv(d.pair.s[0], last, &byte, 1, 0), 1);
    sockets_close(d.pair.s[0], last);
    send_to(&d, d.from, "y");
    assert_received(&d, "y");
    pair_end(&d.pair);
}

static void who_sends_has_a_port_within_the_range(void **state)
{
    struct datagrams d;
    struct sockaddr_in told;
    socklen_t length = sizeof told;
    (void)state;
    open_all(&d);
    int fd = sockets_socket(d.pair.s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_send(d.pair.s[1], fd, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(sockets_getsockname(d.pair.s[1], fd, (void *)&told, &length), 0);
    assert_in_range(ntohs(told.sin_port), 32768, 60999);
    pair_end(&d.pair);
}

/* ---- Receiving ---- */

static void memory_that_is_not_there_takes_nothing(void **state)
{
    struct datagrams d;
    (void)state;
    open_all(&d);
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, NULL, 3, 0), -EAGAIN);
    send_to(&d, d.from, "");
    send_to(&d, d.from, "abc");
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, NULL, 3, 0), 0);
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, NULL, 3, 0), -EFAULT);
    assert_received(&d, "abc");
    assert_int_equal(sockets_send(d.pair.s[1], d.from, NULL, 3, 0), -EDESTADDRREQ);
    connect_to(&d, 1, d.from, 0, PAIR_PORT);
    assert_int_equal(sockets_send(d.pair.s[1], d.from, NULL, 3, 0), -EFAULT);
    assert_int_equal(sockets_send(d.pair.s[1], d.from, NULL, 0, 0), 0);
    pair_end(&d.pair);
}

static void nothing_is_urgent(void **state)
{
    struct datagrams d;
    char byte;
    (void)state;
    open_all(&d);
    send_to(&d, d.from, "x");
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, &byte, 1, MSG_OOB), 1);
    assert_int_equal(sockets_send(d.pair.s[1], d.from, "x", 1, MSG_OOB), -EOPNOTSUPP);
    assert_int_equal(pair_poll(&d.pair, 0, d.to), POLLOUT);
    pair_end(&d.pair);
}

/* Only who would wait is told the end. */
static void what_is_shut_is_not_waited_for(void **state)
{
    struct datagrams d;
    char byte;
    (void)state;
    open_all(&d);
    assert_int_equal(sockets_shutdown(d.pair.s[0], d.to, SHUT_RD), -ENOTCONN);
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, &byte, 1, 0), 0);
    assert_int_equal(sockets_recv(d.pair.s[0], d.to, &byte, 1, MSG_DONTWAIT), -EAGAIN);
    send_to(&d, d.from, "x");
    assert_received(&d, "x");
    pair_end(&d.pair);
}

/* ---- Sending ---- */

static void reasons_not_to_send_have_an_order(void **state)
{
    static char bytes[PAYLOAD_MAX + 1];
    struct datagrams d;
    struct sockaddr_in to = pair_address(0, PAIR_PORT), nowhere = pair_address(0, 0);
    (void)state;
    open_all(&d);
    struct sockets *s = d.pair.s[1];
    assert_int_equal(sockets_shutdown(s, d.from, SHUT_WR), -ENOTCONN);
    assert_int_equal(sockets_send(s, d.from, "x", 1, 0), -EDESTADDRREQ);
    assert_int_equal(sockets_sendto(s, d.from, "x", 1, 0, (void *)&nowhere, sizeof to), -EINVAL);
    assert_int_equal(sockets_sendto(s, d.from, bytes, sizeof bytes, 0, (void *)&to, sizeof to),
                     -EMSGSIZE);
    assert_int_equal(sockets_sendto(s, d.from, "x", 1, 0, (void *)&to, sizeof to), -EPIPE);
    pair_end(&d.pair);
}

static ssize_t send_control(struct datagrams *d, int level, int type, size_t length, int value)
{
    _Alignas(struct cmsghdr) uint8_t control[32] = {0};
    struct iovec piece = {"x", 1};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof value)};
    struct cmsghdr header = {.cmsg_len = length, .cmsg_level = level, .cmsg_type = type};
    memcpy(control, &header, sizeof header);
    memcpy(control + CMSG_LEN(0), &value, sizeof value);
    return sockets_sendmsg(d->pair.s[1], d->from, &message, 0);
}

static void ancillary_data_is_looked_at(void **state)
{
    enum { WORD = CMSG_LEN(sizeof(int)), BYTE = CMSG_LEN(1), SENT = 1, BAD = -EINVAL };
    static const struct {
        int level, type;
        size_t length;
        int value, result;
    } rows[] = {
        {SOL_IP, IP_TTL, WORD, 1, SENT},
        {SOL_IP, IP_TTL, WORD, 0, BAD},
        {SOL_IP, IP_TTL, WORD, 256, BAD},
        {SOL_IP, IP_TTL, BYTE, 1, BAD},
        {SOL_IP, IP_TOS, WORD, 0, SENT},
        {SOL_IP, IP_TOS, WORD, 256, BAD},
        {SOL_IP, IP_TOS, BYTE, 8, SENT},
        {SOL_IP, 99, WORD, 1, BAD},
        {SOL_SOCKET, 99, WORD, 1, BAD},
        {SOL_SOCKET, SCM_RIGHTS, WORD, 1, SENT},
        {SOL_SOCKET, SO_MARK, WORD, 1, SENT},
        {SOL_SOCKET, SO_MARK, BYTE, 1, BAD},
        {77, 1, WORD, 1, SENT},
        {77, 1, 3, 1, BAD},
        {77, 1, 4096, 1, BAD},
    };
    struct datagrams d;
    struct msghdr nothing = {.msg_controllen = 16};
    (void)state;
    open_all(&d);
    connect_to(&d, 1, d.from, 0, PAIR_PORT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(
            send_control(&d, rows[i].level, rows[i].type, rows[i].length, rows[i].value),
            rows[i].result);
    assert_int_equal(sockets_sendmsg(d.pair.s[1], d.from, &nothing, 0), -EFAULT);
    pair_end(&d.pair);
}

/* ---- What is lost ---- */

/* The number that SO_RXQ_OVFL tells with the next datagram; 0: none. */
static uint32_t drops_told(struct datagrams *d)
{
    _Alignas(struct cmsghdr) uint8_t control[64];
    char bytes[16];
    uint32_t drops = 0;
    struct iovec piece = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    assert_true(sockets_recvmsg(d->pair.s[0], d->to, &message, 0) > 0);
    struct cmsghdr *header = message.msg_controllen != 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL)
        return 0;
    assert_int_equal(header->cmsg_level, SOL_SOCKET);
    assert_int_equal(header->cmsg_type, SO_RXQ_OVFL);
    assert_int_equal(header->cmsg_len, CMSG_LEN(sizeof drops));
    memcpy(&drops, CMSG_DATA(header), sizeof drops);
    return drops;
}

/* Each tells how many were lost before it. */
static void what_found_no_room_is_told(void **state)
{
    enum { MANY = 1000, DROPS = 8 /* SK_MEMINFO_DROPS */ };
    struct datagrams d;
    uint32_t memory[9];
    socklen_t room = sizeof memory;
    uint32_t waiting = 0;
    (void)state;
    open_all(&d);
    pair_set(&d.pair, 0, d.to, SOL_SOCKET, SO_RXQ_OVFL, 1);
    for (unsigned i = 0; i < MANY; i++)
        send_to(&d, d.from, "text");
    assert_int_equal(sockets_getsockopt(d.pair.s[0], d.to, SOL_SOCKET, SO_MEMINFO, memory, &room),
                     0);
    assert_in_range(memory[DROPS], 1, MANY - 1);
    for (; waiting < MANY - memory[DROPS]; waiting++)
        assert_int_equal(drops_told(&d), 0);
    send_to(&d, d.from, "text");
    assert_int_equal(drops_told(&d), memory[DROPS]);
    pair_set(&d.pair, 0, d.to, SOL_SOCKET, SO_RXQ_OVFL, 0);
    send_to(&d, d.from, "text");
    assert_int_equal(drops_told(&d), 0);
    pair_end(&d.pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_outlives_connecting),
        cmocka_unit_test(connecting_in_vain_changes_nothing),
        cmocka_unit_test(nowhere_is_this_host),
        cmocka_unit_test(groups_outlive_binding),
        cmocka_unit_test(the_last_one_bound_hears),
        cmocka_unit_test(who_sends_has_a_port_within_the_range),
        cmocka_unit_test(memory_that_is_not_there_takes_nothing),
        cmocka_unit_test(nothing_is_urgent),
        cmocka_unit_test(what_is_shut_is_not_waited_for),
        cmocka_unit_test(reasons_not_to_send_have_an_order),
        cmocka_unit_test(ancillary_data_is_looked_at),
        cmocka_unit_test(what_found_no_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
