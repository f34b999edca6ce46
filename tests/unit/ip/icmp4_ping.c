/* SPDX-License-Identifier: BSD-2-Clause */
/* Pings of ours and what becomes of them. */
#include "tests/unit/ip/icmp4_bench.h"

/* ---- Ping ---- */

enum { PING = 0xabcd };

static void note_reply(void *context, struct chaski *host, const struct chaski_address *from,
                       uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct bench *bench = context;
    assert_null(host);
    bench->replies++;
    bench->from = *from;
    bench->sequence = sequence;
    bench->ttl = ttl;
    bench->length = length;
    bench->ping_error = error;
    assert_true(length <= sizeof bench->data);
    if (length != 0)
        memcpy(bench->data, bytes, length);
}

static const char pong[] = "45000020 00000000 37016fdb 0a000002 0a000001 00007b68 abcd0007 "
                           "64617461";

/* RFC 1122 MUST-28, SHLD-4 */
static void a_ping_leaves_and_its_reply_is_told_by_the_closure(void **state)
{
    (void)state;
    struct bench bench;
    struct chaski_address peer = address_from_ip4(PEER);
    set_up(&bench);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    assert_int_equal(icmp4_ping(&bench.icmp4, &peer, PING, 7, "data", 4, 0), 0);
    assert_sent(&bench, 0,
                "45000020 00000000 400166db 0a000001 0a000002 08007368 abcd0007 64617461");
    hear(&bench, pong, 0, 0);
    assert_int_equal(bench.replies, 0); /* not inside protocol processing */
    assert_true(icmp4_pending(&bench.icmp4));
    icmp4_run_closures(&bench.icmp4, NULL);
    assert_false(icmp4_pending(&bench.icmp4));
    assert_int_equal(bench.replies, 1);
    assert_int_equal(address_ip4(&bench.from), PEER);
    assert_int_equal(bench.sequence, 7);
    assert_int_equal(bench.ttl, 55);
    assert_int_equal(bench.ping_error, 0);
    assert_int_equal(bench.length, 4);
    assert_memory_equal(bench.data, "data", 4);
    tear_down(&bench);
}

static void ask(struct bench *bench, uint32_t whom, uint16_t identifier, uint16_t sequence)
{
    struct chaski_address to = address_from_ip4(whom);
    assert_int_equal(icmp4_ping(&bench->icmp4, &to, identifier, sequence, "data", 4, 0), 0);
    catcher_empty(&bench->blocks->down);
    catcher_empty(&bench->blocks->other);
}

/* RFC 1122 MUST-28 */
static void a_reply_that_nobody_waits_for_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    ask(&bench, PEER, PING, 7);
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, NULL, NULL), 0);
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    tear_down(&bench);
}

/* RFC 1122 MUST-28: only who was asked answers, and what it was asked. */
static void a_reply_to_what_was_not_asked_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING + 1, note_reply, &bench), 0);
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    ask(&bench, FAR, PING, 7); /* another host */
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    ask(&bench, PEER, PING, 8); /* another request */
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    ask(&bench, PEER, PING + 1, 7); /* somebody else's */
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    ask(&bench, PEER, PING, 7);
    hear(&bench, pong, 0, 0);
    hear(&bench, pong, 0, 0); /* what comes twice is told twice */
    icmp4_run_closures(&bench.icmp4, NULL);
    assert_int_equal(bench.replies, 2);
    for (unsigned i = 0; i < ICMP4_ASKED; i++)
        ask(&bench, PEER, PING, (uint16_t)(100 + 2 * i));
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    tear_down(&bench);
}

/* A thousand a second, over a path of seconds. */
static void replies_come_when_many_more_have_been_asked_for(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    for (unsigned i = 0; i < 3000; i++) {
        ask(&bench, PEER, PING, (uint16_t)(7 + i));
        ask(&bench, FAR, PING, (uint16_t)(65000 + i)); /* another run, which comes round */
    }
    hear(&bench, pong, 0, 0);
    icmp4_run_closures(&bench.icmp4, NULL);
    assert_int_equal(bench.replies, 1);
    for (unsigned i = 3000; i < 40000; i++) /* the oldest ones are forgotten some time */
        ask(&bench, PEER, PING, (uint16_t)(7 + i));
    assert_dropped(&bench, pong, CHASKI_DROP_ICMP4_UNASKED);
    assert_int_equal(bench.icmp4.asked_next, 2);
    tear_down(&bench);
}

static void everybody_answers_who_was_asked_among_many(void **state)
{
    (void)state;
    static const uint32_t many[] = {0xe0000001, 0x0a0000ff, 0xffffffff};
    for (unsigned i = 0; i < 3; i++) {
        struct bench bench;
        set_up(&bench);
        assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
        ask(&bench, many[i], PING, 7);
        hear(&bench, pong, 0, 0);
        icmp4_run_closures(&bench.icmp4, NULL);
        assert_int_equal(bench.replies, 1);
        tear_down(&bench);
    }
}

static void replies_that_wait_are_bounded_and_may_lose_their_listener(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    ask(&bench, PEER, PING, 7);
    for (unsigned i = 0; i < ICMP4_REPLIES + 5; i++)
        hear(&bench, pong, 0, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ICMP4_QUEUE), 5);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, NULL, NULL), 0);
    icmp4_run_closures(&bench.icmp4, NULL);
    assert_int_equal(bench.replies, 0);
    tear_down(&bench);
}

static void an_error_about_a_ping_is_told_by_the_closure(void **state)
{
    (void)state;
    static const char error[] =
        "4500003c 00000000 400165c3 0a0000fe 0a000001 0301fcfe 00000000 "
        "45000020 00000000 400160cd 0a000001 08080808 08007368 abcd0007 64617461";
    struct bench bench;
    set_up(&bench);
    assert_dropped(&bench, error, CHASKI_DROP_ICMP4_UNBELIEVED);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, PING, note_reply, &bench), 0);
    ask(&bench, FAR, PING, 6);
    ask(&bench, PEER, PING, 7);
    ask(&bench, 0x0a0000ff, PING, 7); /* about which nobody may send errors */
    assert_dropped(&bench, error, CHASKI_DROP_ICMP4_UNBELIEVED);
    ask(&bench, FAR, PING, 7);
    hear(&bench, error, 0, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ICMP4_UNBELIEVED), 2);
    icmp4_run_closures(&bench.icmp4, NULL);
    assert_int_equal(bench.replies, 1);
    assert_int_equal(bench.ping_error, CHASKI_UNREACHABLE);
    assert_int_equal(bench.sequence, 7);
    assert_int_equal(address_ip4(&bench.from), FAR);
    tear_down(&bench);
}

enum { IN_TWO = 2000 }; /* bytes of a ping that leaves as two fragments */

/* Pings so, and hears what the peer would make of it. */
static void talk_in_two(struct bench *bench, const uint8_t data[IN_TWO])
{
    static uint8_t bytes[2048];
    struct chaski_address peer = address_from_ip4(PEER);
    assert_int_equal(icmp4_ping_on(&bench->icmp4, PING, note_reply, bench), 0);
    assert_int_equal(icmp4_ping(&bench->icmp4, &peer, PING, 1, data, IN_TWO, 0), 0);
    assert_int_equal(bench->blocks->down.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct packet *packet = bench->blocks->down.packets[i];
        uint32_t length = packet->length;
        packet_copy_out(packet, 0, bytes, length);
        store_be32(bytes + 12, PEER);
        store_be32(bytes + 16, OURS);
        if (i == 0) {
            bytes[20] = 0;
            checksum_store(bytes + 22, checksum_update(checksum_load(bytes + 22), 8, 0));
        }
        struct packet *reply = packet_with(bench->blocks, bytes, length);
        give(ip4_receive, &bench->ip4, reply, 0);
    }
    icmp4_run_closures(&bench->icmp4, NULL);
}

static void long_pings_are_fragmented_and_their_replies_put_together(void **state)
{
    (void)state;
    struct bench bench;
    static uint8_t data[IN_TWO];
    set_up(&bench);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    talk_in_two(&bench, data);
    assert_int_equal(bench.replies, 1);
    assert_int_equal(bench.length, sizeof data);
    assert_memory_equal(bench.data, data, sizeof data);
    tear_down(&bench);
}

static void a_reply_that_there_is_no_place_for_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    static uint8_t data[IN_TWO];
    for (uint32_t missing = 0; missing < 2; missing++) {
        set_up(&bench);
        bench.icmp4.scratch_size = IN_TWO - missing;
        talk_in_two(&bench, data);
        assert_int_equal(bench.replies, 1 - missing);
        assert_int_equal(counted(bench.blocks, CHASKI_DROP_NO_MEMORY), missing);
        tear_down(&bench);
    }
}

static void the_longest_ping_carries_its_data_in_order(void **state)
{
    (void)state;
    struct bench bench;
    static uint8_t data[65507], bytes[1500];
    struct chaski_address peer = address_from_ip4(PEER);
    set_up(&bench);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i + i / 256);
    assert_int_equal(icmp4_ping(&bench.icmp4, &peer, PING, 1, data, sizeof data, 0), 0);
    assert_int_equal(bench.blocks->down.count, 45);
    for (unsigned i = 0; i < 45; i++) {
        const struct packet *packet = bench.blocks->down.packets[i];
        uint32_t headers = i == 0 ? 28 : 20;
        packet_copy_out(packet, 0, bytes, packet->length);
        assert_memory_equal(bytes + headers, data + (i == 0 ? 0 : i * 1480 - 8),
                            packet->length - headers);
    }
    tear_down(&bench);
}

static void pings_that_cannot_be_sent_are_refused(void **state)
{
    (void)state;
    struct bench bench;
    struct chaski_address peer = address_from_ip4(PEER), far = address_from_ip4(FAR);
    struct chaski_address ip6 = {{0x20, 1}};
    static uint8_t data[65508];
    set_up(&bench);
    assert_int_equal(icmp4_ping(&bench.icmp4, &ip6, PING, 1, NULL, 0, 0), CHASKI_BAD_ADDRESS);
    assert_int_equal(icmp4_ping(&bench.icmp4, &peer, PING, 1, data, 65508, 0), CHASKI_TOO_BIG);
    assert_int_equal(ip4_route_remove(&bench.ip4, 0, 0), 0);
    assert_int_equal(icmp4_ping(&bench.icmp4, &far, PING, 1, NULL, 0, 0), CHASKI_NO_ROUTE);
    for (unsigned i = 0; i < 2; i++) {
        struct pool *pool = i == 0 ? &bench.blocks->memory.packets : &bench.blocks->memory.large;
        pool->fail_at = pool->takes + 1;
        assert_int_equal(icmp4_ping(&bench.icmp4, &peer, PING, 1, data, 65507, 0),
                         CHASKI_NO_MEMORY);
    }
    for (unsigned i = 0; i < ICMP4_PINGS; i++)
        assert_int_equal(icmp4_ping_on(&bench.icmp4, (uint16_t)i, note_reply, &bench), 0);
    assert_int_equal(icmp4_ping_on(&bench.icmp4, 99, note_reply, &bench), CHASKI_NO_MEMORY);
    while (bench.icmp4.owner_count < ICMP4_PROTOCOLS)
        assert_true(icmp4_wire_errors(&bench.icmp4, 99, note_error, &bench));
    assert_false(icmp4_wire_errors(&bench.icmp4, 99, note_error, &bench));
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ping_leaves_and_its_reply_is_told_by_the_closure),
        cmocka_unit_test(a_reply_that_nobody_waits_for_is_dropped),
        cmocka_unit_test(a_reply_to_what_was_not_asked_is_dropped),
        cmocka_unit_test(replies_come_when_many_more_have_been_asked_for),
        cmocka_unit_test(everybody_answers_who_was_asked_among_many),
        cmocka_unit_test(replies_that_wait_are_bounded_and_may_lose_their_listener),
        cmocka_unit_test(an_error_about_a_ping_is_told_by_the_closure),
        cmocka_unit_test(long_pings_are_fragmented_and_their_replies_put_together),
        cmocka_unit_test(a_reply_that_there_is_no_place_for_is_dropped),
        cmocka_unit_test(the_longest_ping_carries_its_data_in_order),
        cmocka_unit_test(pings_that_cannot_be_sent_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
