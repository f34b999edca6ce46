/* SPDX-License-Identifier: BSD-2-Clause */
#include <time.h> /* for the next one */
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/tcp.h>

#include "core/base/address.h"
#include "tests/unit/sockets/pair.h"

/* The packets that come with times of what was sent: they are what stood on the wire. How they are
 * told is in tests/scripts. */

enum { ETHERNET = 14, IP = 20, UDP = 8, ROOM = 70000, PROTOCOL = 9, CHECKSUM_OF_TCP = IP + 16 };

enum {
    SENT = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID,
    ALL = SENT | SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_ACK,
};

struct told {
    struct sock_extended_err error;
    ssize_t length; /* or -EAGAIN */
    uint8_t bytes[ROOM];
};

static uint8_t text[ROOM];
static struct told told;

/* The next note of the sender's error queue. */
static ssize_t read_note(struct pair *p, int fd)
{
    _Alignas(struct cmsghdr) uint8_t control[512];
    struct iovec piece = {told.bytes, ROOM};
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    told.length = sockets_recvmsg(p->s[1], fd, &message, MSG_ERRQUEUE);
    if (told.length < 0)
        return told.length;
    assert_int_equal(message.msg_flags, MSG_ERRQUEUE);
    struct cmsghdr *at = CMSG_FIRSTHDR(&message);
    while (at->cmsg_level != SOL_IP)
        at = CMSG_NXTHDR(&message, at);
    memcpy(&told.error, CMSG_DATA(at), sizeof told.error);
    return told.length;
}

/* The packet that the sender sent `back` packets of `protocol` before its last one. */
static const uint8_t *sent_packet(const struct pair *p, uint8_t protocol, uint32_t back,
                                  uint32_t *length)
{
    for (uint32_t i = 0;; i++) {
        const struct frame *frame = world_last(&p->world, 1, i);
        const uint8_t *ip = frame->bytes + ETHERNET;
        if (frame->bytes[12] != 8 || frame->bytes[13] != 0 || ip[PROTOCOL] != protocol)
            continue;
        if (back-- != 0)
            continue;
        *length = frame->length - ETHERNET;
        return ip;
    }
}

static int open_datagrams(struct pair *p, int flags)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    pair_make(p);
    int fd = sockets_socket(p->s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_connect(p->s[1], fd, (void *)&to, sizeof to), 0);
    assert_int_equal(pair_set(p, 1, fd, SOL_SOCKET, SO_TIMESTAMPING, flags), 0);
    return fd;
}

static void open_stream(struct pair *p, int flags)
{
    for (uint32_t i = 0; i < ROOM; i++)
        text[i] = (uint8_t)(i * 7);
    pair_connect(p);
    assert_int_equal(pair_set(p, 1, p->client, SOL_SOCKET, SO_TIMESTAMPING, flags), 0);
}

static void a_datagram_as_it_went(void **state)
{
    struct pair p;
    uint32_t length;
    (void)state;
    int fd = open_datagrams(&p, ALL);
    assert_int_equal(sockets_send(p.s[1], fd, "text", 4, 0), 4);
    world_settle(&p.world);
    const uint8_t *packet = sent_packet(&p, 17, 0, &length);
    assert_int_equal(read_note(&p, fd), IP + UDP + 4);
    assert_int_equal(told.error.ee_info, SCM_TSTAMP_SCHED);
    assert_memory_equal(told.bytes, packet, IP + 6); /* the link summed it */
    assert_memory_equal(told.bytes + IP + UDP, "text", 4);
    assert_int_equal(read_note(&p, fd), length);
    assert_int_equal(told.error.ee_info, SCM_TSTAMP_SND);
    assert_memory_equal(told.bytes, packet, length);
    assert_int_equal(read_note(&p, fd), -EAGAIN);
    pair_end(&p);
}

static void the_first_fragment_of_a_datagram(void **state)
{
    struct pair p;
    uint32_t length;
    (void)state;
    int fd = open_datagrams(&p, ALL);
    assert_int_equal(sockets_send(p.s[1], fd, text, 4000, 0), 4000);
    world_settle(&p.world);
    const uint8_t *packet = sent_packet(&p, 17, 2, &length);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_note(&p, fd), 1500);
        assert_memory_equal(told.bytes, packet, length);
    }
    assert_int_equal(read_note(&p, fd), -EAGAIN);
    pair_end(&p);
}

static void a_segment_as_it_went(void **state)
{
    struct pair p;
    uint32_t length;
    (void)state;
    open_stream(&p, ALL);
    assert_int_equal(sockets_send(p.s[1], p.client, text, 1000, 0), 1000);
    world_run(&p.world, WORLD_SECOND);
    const uint8_t *packet = sent_packet(&p, 6, 0, &length);
    assert_int_equal(read_note(&p, p.client), length);
    assert_int_equal(told.error.ee_info, SCM_TSTAMP_SCHED);
    assert_memory_equal(told.bytes, packet, CHECKSUM_OF_TCP);
    assert_int_equal(read_note(&p, p.client), length);
    assert_int_equal(told.error.ee_info, SCM_TSTAMP_SND);
    assert_memory_equal(told.bytes, packet, length);
    assert_int_equal(read_note(&p, p.client), 1000);
    assert_int_equal(told.error.ee_info, SCM_TSTAMP_ACK);
    assert_memory_equal(told.bytes, text, 1000);
    assert_int_equal(read_note(&p, p.client), -EAGAIN);
    pair_end(&p);
}

/* Of each the segment that carried its last byte, which may be that of others too. */
static void messages_that_share_a_segment(void **state)
{
    struct pair p;
    (void)state;
    open_stream(&p, SENT | SOF_TIMESTAMPING_TX_ACK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sockets_send(p.s[1], p.client, text + i * 100, 100, 0), 100);
    world_run(&p.world, WORLD_SECOND);
    for (uint32_t i = 0; i < 6; i++) {
        ssize_t length = read_note(&p, p.client);
        assert_true(length >= 300);
        assert_memory_equal(told.bytes + length - 300, text, 300);
        assert_int_equal(told.error.ee_data, i % 3 * 100 + 99);
    }
    assert_int_equal(read_note(&p, p.client), -EAGAIN);
    pair_end(&p);
}

/* Bytes that went before have no packet any more, nor is one kept of those that nobody asked of. */
static void what_went_before_is_not_shown(void **state)
{
    struct pair p;
    (void)state;
    open_stream(&p, SOF_TIMESTAMPING_SOFTWARE);
    assert_int_equal(sockets_send(p.s[1], p.client, text, 1000, 0), 1000);
    world_run(&p.world, WORLD_SECOND);
    assert_int_equal(read_note(&p, p.client), -EAGAIN);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_TIMESTAMPING, SENT);
    assert_int_equal(sockets_send(p.s[1], p.client, text, 100, 0), 100);
    world_run(&p.world, WORLD_SECOND);
    assert_in_range(read_note(&p, p.client), 140, 200);
    assert_int_equal(told.error.ee_data, 99);
    assert_int_equal(read_note(&p, p.client), -EAGAIN);
    pair_end(&p);
}

/* SO_RCVBUF bounds the error queue, whether packets come with the times or not. */
static void what_there_is_no_room_for_is_not_told(void **state)
{
    enum { SENDS = 20, ROOM_OF_QUEUE = 5000, NOTES = 3 };
    struct pair p;
    (void)state;
    for (int only = 0; only < 2; only++) {
        size_t bytes = 0;
        int notes = 0;
        open_stream(&p, only ? ALL | SOF_TIMESTAMPING_OPT_TSONLY : ALL);
        pair_set(&p, 1, p.client, SOL_SOCKET, SO_RCVBUF, ROOM_OF_QUEUE / 2);
        for (int i = 0; i < SENDS; i++) {
            assert_int_equal(sockets_send(p.s[1], p.client, text, 1000, 0), 1000);
            world_run(&p.world, WORLD_SECOND);
        }
        for (; read_note(&p, p.client) >= 0; notes++)
            bytes += (size_t)told.length;
        assert_in_range(notes, 2, SENDS * NOTES * 2 / 3);
        assert_in_range(bytes, only ? 0 : 2000, ROOM_OF_QUEUE);
        pair_end(&p);
    }
}

static bool lose(void *context, struct frame *frame)
{
    (void)context;
    return frame->from == 1;
}

/* Of so many messages that are all lost, of how many is told that they went, packets included, when
 * the queue has room for five. Each note is read as it comes. */
static int told_of_lost(int flags, int sends)
{
    enum { ROOM_OF_QUEUE = 5000 };
    struct pair p;
    int notes = 0;
    open_stream(&p, flags);
    pair_set(&p, 1, p.client, SOL_SOCKET, SO_RCVBUF, ROOM_OF_QUEUE / 2);
    pair_set(&p, 1, p.client, IPPROTO_TCP, TCP_NODELAY, 1);
    p.world.loses = lose;
    for (int i = 0; i < sends; i++) {
        assert_int_equal(sockets_send(p.s[1], p.client, text, 1000, 0), 1000);
        world_run(&p.world, WORLD_MILLISECOND);
        notes += read_note(&p, p.client) > 1000;
    }
    p.world.loses = NULL;
    pair_end(&p);
    return notes;
}

/* Though it is not acknowledged; what is kept until then takes room as well. */
static void what_has_been_told_takes_no_room(void **state)
{
    (void)state;
    assert_int_equal(told_of_lost(SENT, 8), 8);
    assert_int_equal(told_of_lost(SENT | SOF_TIMESTAMPING_TX_ACK, 8), 4);
}

/* The datagram still goes; nobody is told. */
static void a_socket_that_is_closed_before_it_goes(void **state)
{
    struct pair p;
    (void)state;
    int fd = open_datagrams(&p, ALL);
    world_settle(&p.world);
    assert_int_equal(sockets_send(p.s[1], fd, "text", 4, 0), 4);
    assert_int_equal(sockets_close(p.s[1], fd), 0);
    world_settle(&p.world);
    pair_end(&p);

    open_stream(&p, ALL);
    assert_int_equal(sockets_send(p.s[1], p.client, text, 1000, 0), 1000);
    assert_int_equal(sockets_close(p.s[1], p.client), 0);
    world_settle(&p.world);
    pair_end(&p);
}

/* Without a route the call fails, and has had no key; when there is none any more, the key is gone.
 */
static void datagrams_that_do_not_go(void **state)
{
    static const uint32_t keys[] = {0, 2};
    struct pair p;
    struct sockaddr_in nowhere = pair_address(0, PAIR_PORT);
    struct chaski_address network = address_from_ip4(0xc0000200), direct = {0};
    (void)state;
    int fd = open_datagrams(&p, SENT);
    nowhere.sin_addr.s_addr = htonl(0x0a000001);
    assert_true(sockets_sendto(p.s[1], fd, "text", 4, 0, (void *)&nowhere, sizeof nowhere) < 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sockets_send(p.s[1], fd, "text", 4, 0), 4);
        if (i == 1)
            assert_int_equal(chaski_route_remove(p.world.hosts[1], &network, 24), 0);
        world_settle(&p.world);
        pair_error(&p, 1, fd); /* nobody listens */
        if (i == 1)
            assert_int_equal(chaski_route_add(p.world.hosts[1], &network, 24, &direct, 0), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_note(&p, fd), IP + UDP + 4);
        assert_int_equal(told.error.ee_data, keys[i]);
    }
    assert_int_equal(read_note(&p, fd), -EAGAIN);
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_datagram_as_it_went),
        cmocka_unit_test(the_first_fragment_of_a_datagram),
        cmocka_unit_test(a_segment_as_it_went),
        cmocka_unit_test(messages_that_share_a_segment),
        cmocka_unit_test(what_went_before_is_not_shown),
        cmocka_unit_test(what_there_is_no_room_for_is_not_told),
        cmocka_unit_test(what_has_been_told_takes_no_room),
        cmocka_unit_test(a_socket_that_is_closed_before_it_goes),
        cmocka_unit_test(datagrams_that_do_not_go),
    };
    return cmocka_run_group_tests_name("sockets_stamps", tests, NULL, NULL);
}
