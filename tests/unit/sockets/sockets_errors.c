/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/ip_icmp.h>
#include <time.h> /* for the next one */
#include <linux/errqueue.h>

#include "tests/unit/sockets/pair.h"

/* The error queue of datagram sockets (ip(7), IP_RECVERR), and what a report says. */

enum { LENGTH = 20, NOBODYS_PORT = 99 };

static const uint8_t text[LENGTH] = "what was sent, once";

static int open_datagrams(struct pair *p, int received_errors)
{
    pair_make(p);
    int fd = sockets_socket(p->s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(pair_set(p, 1, fd, IPPROTO_IP, IP_RECVERR, received_errors), 0);
    return fd;
}

/* To a port that nobody listens on; the answer comes. */
static void send_in_vain(struct pair *p, int fd)
{
    struct sockaddr_in to = pair_address(0, NOBODYS_PORT);
    assert_int_equal(sockets_sendto(p->s[1], fd, text, LENGTH, 0, (void *)&to, sizeof to), LENGTH);
    world_settle(&p->world);
}

struct report {
    struct sockaddr_in name;
    struct sock_extended_err error;
    struct sockaddr_in offender;
    uint8_t bytes[LENGTH];
    int flags;
};

static ssize_t read_report(struct pair *p, int fd, size_t room, int flags, struct report *report)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    struct iovec piece = {report->bytes, room};
    struct msghdr message = {.msg_name = &report->name,
                             .msg_namelen = sizeof report->name,
                             .msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    memset(report, 0, sizeof *report);
    ssize_t length = sockets_recvmsg(p->s[1], fd, &message, MSG_ERRQUEUE | flags);
    if (length < 0)
        return length;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, SOL_IP);
    assert_int_equal(header->cmsg_type, IP_RECVERR);
    assert_int_equal(header->cmsg_len, CMSG_LEN(sizeof report->error + sizeof report->offender));
    memcpy(&report->error, CMSG_DATA(header), sizeof report->error);
    memcpy(&report->offender, CMSG_DATA(header) + sizeof report->error, sizeof report->offender);
    report->flags = message.msg_flags;
    return length;
}

static void a_report_says_who_whither_and_what(void **state)
{
    struct pair p;
    struct report report;
    struct sockaddr_in to = pair_address(0, NOBODYS_PORT), offender = pair_address(0, 0);
    (void)state;
    int fd = open_datagrams(&p, 1);
    for (int flags = MSG_PEEK; flags >= 0; flags -= MSG_PEEK) { /* which changes nothing */
        send_in_vain(&p, fd);
        assert_int_equal(pair_poll(&p, 1, fd), POLLOUT | POLLERR);
        assert_int_equal(read_report(&p, fd, LENGTH, flags, &report), LENGTH);
        assert_memory_equal(report.bytes, text, LENGTH);
        assert_memory_equal(&report.name, &to, sizeof to);
        assert_memory_equal(&report.offender, &offender, sizeof offender);
        assert_int_equal(report.error.ee_errno, ECONNREFUSED);
        assert_int_equal(report.error.ee_origin, SO_EE_ORIGIN_ICMP);
        assert_int_equal(report.error.ee_type, ICMP_DEST_UNREACH);
        assert_int_equal(report.error.ee_code, ICMP_PORT_UNREACH);
        assert_int_equal(report.flags, MSG_ERRQUEUE);
        assert_int_equal(read_report(&p, fd, LENGTH, 0, &report), -EAGAIN);
    }
    assert_int_equal(pair_error(&p, 1, fd), 0);
    pair_end(&p);
}

static void a_report_is_cut_to_its_room(void **state)
{
    struct pair p;
    struct report report;
    (void)state;
    int fd = open_datagrams(&p, 1);
    send_in_vain(&p, fd);
    assert_int_equal(read_report(&p, fd, 4, 0, &report), 4);
    assert_int_equal(report.flags, MSG_ERRQUEUE | MSG_TRUNC);
    pair_end(&p);
}

/* Nobody answers ARP: the host itself is who reports. */
static void a_missing_neighbour_is_reported_by_ourselves(void **state)
{
    struct pair p;
    struct report report;
    struct sockaddr_in to = pair_address(77, NOBODYS_PORT), offender = pair_address(1, 0);
    (void)state;
    int fd = open_datagrams(&p, 1);
    assert_int_equal(sockets_sendto(p.s[1], fd, text, LENGTH, 0, (void *)&to, sizeof to), LENGTH);
    world_run(&p.world, 20 * WORLD_SECOND);
    assert_true(read_report(&p, fd, LENGTH, 0, &report) >= 0);
    assert_memory_equal(&report.name, &to, sizeof to);
    assert_memory_equal(&report.offender, &offender, sizeof offender);
    assert_int_equal(report.error.ee_errno, EHOSTUNREACH);
    assert_int_equal(report.error.ee_code, ICMP_HOST_UNREACH);
    pair_end(&p);
}

struct header {
    struct in_pktinfo info;
    int ttl;
    uint8_t tos;
};

/* What is told of the header of an ICMP error, and that IP_RECVERR comes behind it. */
static void read_header(struct pair *p, int fd, struct header *header)
{
    _Alignas(struct cmsghdr) uint8_t control[256];
    uint8_t bytes[LENGTH];
    struct iovec piece = {bytes, LENGTH};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    assert_int_equal(sockets_recvmsg(p->s[1], fd, &message, MSG_ERRQUEUE), LENGTH);
    const int types[] = {IP_PKTINFO, IP_TTL, IP_TOS, IP_RECVERR};
    void *const into[] = {&header->info, &header->ttl, &header->tos, NULL};
    struct cmsghdr *at = CMSG_FIRSTHDR(&message);
    for (int i = 0; i < 4; i++, at = CMSG_NXTHDR(&message, at)) {
        assert_non_null(at);
        assert_int_equal(at->cmsg_level, SOL_IP);
        assert_int_equal(at->cmsg_type, types[i]);
        if (into[i] != NULL)
            memcpy(into[i], CMSG_DATA(at), at->cmsg_len - CMSG_LEN(0));
    }
    assert_null(at);
}

static void a_header_is_told_as_of_datagrams(void **state)
{
    static const int options[] = {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVORIGDSTADDR};
    struct pair p;
    struct header header;
    struct sockaddr_in own = pair_address(1, 0), nowhere = pair_address(77, NOBODYS_PORT);
    (void)state;
    int fd = open_datagrams(&p, 1);
    for (unsigned i = 0; i < sizeof options / sizeof *options; i++)
        assert_int_equal(pair_set(&p, 1, fd, IPPROTO_IP, options[i], 1), 0);
    for (int lost = 0; lost < 2; lost++) { /* the peer's, and our own that nobody answers ARP */
        if (lost)
            sockets_sendto(p.s[1], fd, text, LENGTH, 0, (void *)&nowhere, sizeof nowhere);
        else
            send_in_vain(&p, fd);
        world_run(&p.world, 20 * WORLD_SECOND);
        read_header(&p, fd, &header);
        assert_int_equal(header.info.ipi_addr.s_addr, own.sin_addr.s_addr);
        assert_int_equal(header.info.ipi_spec_dst.s_addr, 0);
        assert_int_equal(header.info.ipi_ifindex, 1);
        assert_int_equal(header.ttl, 64);
        assert_int_equal(header.tos, 0xc0);
        pair_error(&p, 1, fd);
    }
    pair_end(&p);
}

/* Reports can be forged: they have the room of SO_RCVBUF, and what does not fit is not queued. */
static void row_22_reports_are_bounded(void **state)
{
    struct pair p;
    struct report report;
    unsigned count = 0;
    (void)state;
    int fd = open_datagrams(&p, 1);
    assert_int_equal(pair_set(&p, 1, fd, SOL_SOCKET, SO_RCVBUF, 0), 0);
    int room = pair_get(&p, 1, fd, SOL_SOCKET, SO_RCVBUF);
    for (int i = 0; i < 40; i++) {
        send_in_vain(&p, fd);
        world_run(&p.world, WORLD_SECOND); /* answers are few in a second */
        pair_error(&p, 1, fd);
    }
    while (read_report(&p, fd, LENGTH, 0, &report) >= 0)
        count++;
    assert_true(count > 2 && count * (LENGTH + sizeof report.error) <= (unsigned)room);
    assert_true(count < 40);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_says_who_whither_and_what),
        cmocka_unit_test(a_report_is_cut_to_its_room),
        cmocka_unit_test(a_missing_neighbour_is_reported_by_ourselves),
        cmocka_unit_test(a_header_is_told_as_of_datagrams),
        cmocka_unit_test(row_22_reports_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
