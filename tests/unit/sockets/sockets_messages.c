/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/sockets/pair.h"

#include <limits.h>

/* Several messages in one call: recvmmsg() and sendmmsg(), as Linux has them. */

enum { MESSAGES = 4, ROOM = 8, UNTOUCHED = 77 };

/* Messages of one piece each. */
struct batch {
    struct mmsghdr of[MESSAGES];
    struct iovec pieces[MESSAGES];
    char bytes[MESSAGES][ROOM];
};

static struct batch *fresh(struct batch *batch, size_t length)
{
    memset(batch, 0, sizeof *batch);
    for (int i = 0; i < MESSAGES; i++) {
        batch->pieces[i] = (struct iovec){batch->bytes[i], length};
        batch->of[i].msg_hdr.msg_iov = &batch->pieces[i];
        batch->of[i].msg_hdr.msg_iovlen = 1;
        batch->of[i].msg_len = UNTOUCHED;
    }
    return batch;
}

/* Host 0 has a datagram socket, and host 1 one that is connected to it. */
static void make_datagrams(struct pair *p)
{
    struct sockaddr_in at = pair_address(0, PAIR_PORT);
    pair_make(p);
    p->server = sockets_socket(p->s[0], AF_INET, SOCK_DGRAM, 0);
    p->client = sockets_socket(p->s[1], AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(sockets_bind(p->s[0], p->server, (void *)&at, sizeof at), 0);
    assert_int_equal(sockets_connect(p->s[1], p->client, (void *)&at, sizeof at), 0);
}

static void each_message_has_its_length(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    make_datagrams(&p);
    fresh(&batch, 3);
    memcpy(batch.bytes[1], "two", 3);
    batch.pieces[2].iov_len = 2;
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, batch.of, 3, 0), 3);
    assert_int_equal(batch.of[0].msg_len, 3);
    assert_int_equal(batch.of[2].msg_len, 2);
    assert_int_equal(batch.of[3].msg_len, UNTOUCHED);
    world_settle(&p.world);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, ROOM)->of, 2, 0), 2);
    assert_int_equal(batch.of[1].msg_len, 3);
    assert_string_equal(batch.bytes[1], "two");
    assert_int_equal(batch.of[2].msg_len, UNTOUCHED);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 1)->of, MESSAGES, 0), 1);
    assert_int_equal(batch.of[0].msg_len, 1);
    assert_int_equal(batch.of[0].msg_hdr.msg_flags, MSG_TRUNC);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 1)->of, 1, 0), -EAGAIN);
    pair_end(&p);
}

static void none_is_nothing(void **state)
{
    struct pair p;
    struct batch batch;
    int fds[2];
    (void)state;
    make_datagrams(&p);
    sockets_pipe(p.s[0], fds, 0);
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, fresh(&batch, 1)->of, 0, 0), 0);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, batch.of, 0, 0), 0);
    assert_int_equal(sockets_sendmmsg(p.s[1], 99, batch.of, 0, 0), -EBADF);
    assert_int_equal(sockets_recvmmsg(p.s[0], 99, batch.of, 0, 0), -EBADF);
    assert_int_equal(sockets_sendmmsg(p.s[0], fds[1], batch.of, 1, 0), -ENOTSOCK);
    assert_int_equal(sockets_recvmmsg(p.s[0], fds[0], batch.of, 1, 0), -ENOTSOCK);
    pair_end(&p);
}

static void a_call_sends_so_many_at_most(void **state)
{
    static struct mmsghdr many[IOV_MAX + 1];
    struct pair p;
    (void)state;
    make_datagrams(&p);
    memset(many, 0, sizeof many);
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, many, IOV_MAX + 1, 0), IOV_MAX);
    pair_end(&p);
}

/* What goes wrong first is told; later, what went well. */
static void sending_ends_at_what_goes_wrong(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    make_datagrams(&p);
    fresh(&batch, 1)->of[1].msg_hdr.msg_iovlen = IOV_MAX + 1;
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, batch.of, 3, 0), 1);
    assert_int_equal(batch.of[1].msg_len, UNTOUCHED);
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, batch.of + 1, 2, 0), -EMSGSIZE);
    pair_end(&p);
}

static void what_goes_wrong_later_is_the_next_calls(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    make_datagrams(&p);
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, fresh(&batch, 1)->of, 3, 0), 3);
    world_settle(&p.world);
    fresh(&batch, 1)->of[1].msg_hdr.msg_iovlen = IOV_MAX + 1;
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, batch.of, 3, 0), 1);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 1)->of, 3, 0), -EMSGSIZE);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 1)->of, 3, 0), 2);
    pair_end(&p);
}

static void error_goes_before_what_waits(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    pair_connect(&p);
    sockets_send(p.s[1], p.client, "abcdef", 6, 0);
    world_settle(&p.world);
    pair_reset(&p, 1, p.client);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 4)->of, 3, MSG_ERRQUEUE),
                     -EAGAIN);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 4)->of, 3, 0), -ECONNRESET);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 4)->of, 3, 0), 3);
    assert_int_equal(batch.of[0].msg_len, 4);
    assert_int_equal(batch.of[1].msg_len, 2);
    assert_int_equal(batch.of[2].msg_len, 0); /* the end */
    pair_end(&p);
}

/* A stream takes what it has room for, and no further message, not even one of nothing. */
static void message_sent_in_part_is_the_last_one(void **state)
{
    static char much[1 << 18];
    struct pair p;
    struct batch batch;
    (void)state;
    pair_connect(&p);
    fresh(&batch, 1)->pieces[1] = (struct iovec){much, sizeof much};
    batch.pieces[2].iov_len = 0;
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, batch.of, 3, 0), 2);
    assert_in_range(batch.of[1].msg_len, 1, sizeof much - 1);
    assert_int_equal(batch.of[2].msg_len, UNTOUCHED);
    pair_end(&p);
}

static void first_one_alone_is_waited_for(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    pair_connect(&p);
    sockets_send(p.s[1], p.client, "abcdef", 6, 0);
    world_settle(&p.world);
    pair_set(&p, 0, p.server, SOL_SOCKET, SO_RCVLOWAT, 4);
    fresh(&batch, 4);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, batch.of, 3, 0), 1); /* waits for 4 */
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, batch.of, 3, MSG_DONTWAIT), 1);
    sockets_send(p.s[1], p.client, "abcdef", 6, 0);
    world_settle(&p.world);
    fresh(&batch, 4);
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, batch.of, 3, MSG_WAITFORONE), 2);
    pair_end(&p);
}

static void urgent_byte_is_the_last_one(void **state)
{
    struct pair p;
    struct batch batch;
    (void)state;
    pair_connect(&p);
    memcpy(fresh(&batch, 2)->bytes[0], "ab", 2);
    assert_int_equal(sockets_sendmmsg(p.s[1], p.client, batch.of, 1, MSG_OOB), 1);
    world_settle(&p.world);
    int peeks = MSG_OOB | MSG_PEEK;
    assert_int_equal(sockets_recvmmsg(p.s[0], p.server, fresh(&batch, 1)->of, 3, peeks), 1);
    assert_string_equal(batch.bytes[0], "b");
    pair_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_its_length),
        cmocka_unit_test(none_is_nothing),
        cmocka_unit_test(a_call_sends_so_many_at_most),
        cmocka_unit_test(sending_ends_at_what_goes_wrong),
        cmocka_unit_test(what_goes_wrong_later_is_the_next_calls),
        cmocka_unit_test(error_goes_before_what_waits),
        cmocka_unit_test(message_sent_in_part_is_the_last_one),
        cmocka_unit_test(first_one_alone_is_waited_for),
        cmocka_unit_test(urgent_byte_is_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
