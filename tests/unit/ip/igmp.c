/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "chaski/chaski.h"
#include "core/ip/igmp.h"

/* We are 10.0.0.1/24; the querier is 10.0.0.254; the groups are 239.1.2.3 and 239.1.2.4. */

#define OURS 0x0a000001u
#define GROUP 0xef010203u
#define GROUP_2 0xef010204u

#define TO_EXCLUDE                                                                                 \
    "46c00028 00004000 0102f9f8 0a000001 e0000016 94040000 2200e8f9 00000001 04000000 ef010203"
#define TO_INCLUDE                                                                                 \
    "46c00028 00004000 0102f9f8 0a000001 e0000016 94040000 2200e9f9 00000001 03000000 ef010203"
#define IS_EXCLUDE                                                                                 \
    "46c00028 00004000 0102f9f8 0a000001 e0000016 94040000 2200eaf9 00000001 02000000 ef010203"
#define REPORT_2 "46c00020 00004000 0102e912 0a000001 ef010203 94040000 1600f8fa ef010203"
#define REPORT_1 "46c00020 00004000 0102e912 0a000001 ef010203 94040000 1200fcfa ef010203"
#define LEAVE_2 "46c00020 00004000 0102fa14 0a000001 e0000002 94040000 1700f7fa ef010203"

/* Ten seconds to answer. */
#define QUERY_3 "46c00024 00000000 01023915 0a0000fe e0000001 94040000 1164ec1e 00000000 027d0000"
#define QUERY_2 "46000020 00000000 010239d9 0a0000fe e0000001 94040000 1164ee9b 00000000"
#define QUERY_1 "4500001c 00000000 0102cee1 0a0000fe e0000001 1100eeff 00000000"
/* One second; about 239.1.2.3; with sources 10.9.0.1 and 10.9.0.2; with 10.9.0.2 and 10.9.0.3. */
#define ABOUT_GROUP                                                                                \
    "46c00024 00000000 01022812 0a0000fe ef010203 94040000 110afb73 ef010203 027d0000"
#define ABOUT_SOURCES                                                                              \
    "46c0002c 00000000 0102280a 0a0000fe ef010203 94040000 110ae75c ef010203 027d0002 "            \
    "0a090001 0a090002"
#define ABOUT_MORE_SOURCES                                                                         \
    "46c0002c 00000000 0102280a 0a0000fe ef010203 94040000 110ae75a ef010203 027d0002 "            \
    "0a090002 0a090003"

enum { GROUPS = 100 };

struct bench {
    struct blocks *blocks;
    struct ip4 ip4;
    struct igmp igmp;
    int32_t link_joined; /* joins less leaves */
    uint8_t link_group[6];
};

static void note_link_join(void *link, const uint8_t group[6])
{
    struct bench *bench = link;
    bench->link_joined++;
    memcpy(bench->link_group, group, 6);
}

static void note_link_leave(void *link, const uint8_t group[6])
{
    struct bench *bench = link;
    bench->link_joined--;
    memcpy(bench->link_group, group, 6);
}

static void set_up(struct bench *bench)
{
    static const struct ip4_limits limits = {
        .addresses = 2,
        .routes = 2,
        .paths = 4,
        .reassembly = {.datagrams = 1, .fragments = 4, .bytes = 1 << 16},
    };
    memset(bench, 0, sizeof *bench);
    struct blocks *blocks = bench->blocks = blocks_make(128);
    for (unsigned pass = 0; pass < 2; pass++) {
        if (pass == 1)
            blocks_give_tables(blocks);
        ip4_setup(&bench->ip4, &blocks->tables, &limits, &blocks->memory, &blocks->counters,
                  &blocks->wheel, &test_key);
        igmp_setup(&bench->igmp, &blocks->tables, GROUPS, &bench->ip4, &blocks->memory,
                   &blocks->counters, &blocks->wheel, &test_key);
    }
    bench->igmp.request = (struct hook){ip4_transmit, &bench->ip4};
    bench->ip4.inform = (struct hook){igmp_receive, &bench->igmp};
    bench->ip4.loop = hook_to(&blocks->other);
    ip4_interface_add(&bench->ip4, 0, 1500, hook_to(&blocks->down));
    igmp_interface_add(&bench->igmp, 0, note_link_join, note_link_leave, bench);
    assert_int_equal(ip4_address_add(&bench->ip4, 0, OURS, 24), 0);
}

/* Runs every timer up to then. */
static void run_until(struct bench *bench, uint64_t end_ns)
{
    uint64_t next;
    while ((next = timer_wheel_deadline(&bench->blocks->wheel)) <= end_ns)
        timer_wheel_run(&bench->blocks->wheel, next);
    timer_wheel_run(&bench->blocks->wheel, end_ns);
}

static void tear_down(struct bench *bench)
{
    assert_int_equal(bench->blocks->other.count, 0); /* reports are not for ourselves */
    blocks_end(bench->blocks);
}

static void hear(struct bench *bench, const char *text, uint64_t now_ns)
{
    struct packet *packet = packet_of_hex(bench->blocks, text);
    packet->flags = PACKET_LINK_MULTICAST;
    give(ip4_receive, &bench->ip4, packet, now_ns);
}

static void assert_only(struct bench *bench, const char *text)
{
    assert_int_equal(bench->blocks->down.count, 1);
    assert_bytes(bench->blocks->down.packets[0], text);
    catcher_empty(&bench->blocks->down);
}

/* A member whose reports of joining have been sent. */
static void join_and_settle(struct bench *bench)
{
    assert_int_equal(igmp_join(&bench->igmp, 0, GROUP, 0), 0);
    run_until(bench, 20 * SECOND);
    catcher_empty(&bench->blocks->down);
    assert_int_equal(timer_wheel_deadline(&bench->blocks->wheel), TIMER_NEVER);
}

/* ---- Membership ---- */

/* RFC 3376 MUST-6 */
static void every_host_is_in_the_group_of_all_hosts_and_never_says_so(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_true(igmp_member(&bench.igmp, 0, IP4_ALL_HOSTS));
    assert_int_equal(bench.link_joined, 1);
    assert_memory_equal(bench.link_group, "\x01\x00\x5e\x00\x00\x01", 6);
    assert_int_equal(igmp_join(&bench.igmp, 0, IP4_ALL_HOSTS, 0), 0);
    assert_int_equal(igmp_leave(&bench.igmp, 0, IP4_ALL_HOSTS, 0), 0);
    hear(&bench, QUERY_3, 0);
    run_until(&bench, 100 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 1122 SHLD-6; RFC 3376 MUST-1, MUST-7 */
static void joining_is_said_twice_and_leaving_too(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(igmp_join(&bench.igmp, 0, GROUP, 0), 0);
    assert_true(igmp_member(&bench.igmp, 0, GROUP));
    assert_false(igmp_member(&bench.igmp, 1, GROUP));
    assert_int_equal(bench.link_joined, 2);
    assert_memory_equal(bench.link_group, "\x01\x00\x5e\x01\x02\x03", 6);
    assert_only(&bench, TO_EXCLUDE);
    assert_in_range(timer_wheel_deadline(&bench.blocks->wheel), 1, SECOND + 1);
    run_until(&bench, 2 * SECOND);
    assert_only(&bench, TO_EXCLUDE);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);

    assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP, 3 * SECOND), 0);
    assert_false(igmp_member(&bench.igmp, 0, GROUP));
    assert_int_equal(bench.link_joined, 1);
    assert_only(&bench, TO_INCLUDE);
    run_until(&bench, 5 * SECOND);
    assert_only(&bench, TO_INCLUDE);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    assert_null(igmp_find(&bench.igmp, 0, GROUP));
    tear_down(&bench);
}

static void a_group_is_joined_once_however_many_want_it(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    assert_int_equal(igmp_join(&bench.igmp, 0, GROUP, 0), 0);
    assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP, 0), 0);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(bench.link_joined, 2);
    assert_true(igmp_member(&bench.igmp, 0, GROUP));
    assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP, 0), 0);
    assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP, 0), CHASKI_BAD_ADDRESS);
    assert_int_equal(bench.blocks->down.count, 1);
    tear_down(&bench);
}

/* RFC 3376 MUST-8 */
static void joining_again_while_leaving_takes_it_back(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    igmp_leave(&bench.igmp, 0, GROUP, 20 * SECOND);
    assert_only(&bench, TO_INCLUDE);
    igmp_join(&bench.igmp, 0, GROUP, 20 * SECOND);
    assert_only(&bench, TO_EXCLUDE);
    run_until(&bench, 40 * SECOND);
    assert_only(&bench, TO_EXCLUDE);
    assert_true(igmp_member(&bench.igmp, 0, GROUP));
    tear_down(&bench);
}

static void what_is_no_group_or_too_many_is_refused(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_int_equal(igmp_join(&bench.igmp, 0, OURS, 0), CHASKI_INVALID);
    assert_int_equal(igmp_join(&bench.igmp, 3, GROUP, 0), CHASKI_INVALID);
    assert_int_equal(igmp_join(&bench.igmp, 99, GROUP, 0), CHASKI_INVALID);
    assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP, 0), CHASKI_BAD_ADDRESS);
    for (uint32_t i = 0; i < GROUPS; i++)
        assert_int_equal(igmp_join(&bench.igmp, 0, GROUP + i, 0), 0);
    assert_int_equal(igmp_join(&bench.igmp, 0, GROUP + GROUPS, 0), CHASKI_NO_MEMORY);
    for (uint32_t i = 0; i < GROUPS; i++)
        assert_true(igmp_member(&bench.igmp, 0, GROUP + i));
    tear_down(&bench);
}

static void many_groups_come_and_go_in_any_order(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned round = 0; round < 3; round++) {
        uint64_t now = round * 10 * SECOND;
        for (uint32_t i = 0; i < GROUPS; i++) {
            assert_int_equal(igmp_join(&bench.igmp, 0, GROUP + i, now), 0);
            catcher_empty(&bench.blocks->down);
        }
        for (uint32_t i = 0; i < GROUPS; i++) {
            assert_int_equal(igmp_leave(&bench.igmp, 0, GROUP + i * 37 % GROUPS, now), 0);
            catcher_empty(&bench.blocks->down);
        }
        while (timer_wheel_deadline(&bench.blocks->wheel) != TIMER_NEVER) {
            timer_wheel_run(&bench.blocks->wheel, timer_wheel_deadline(&bench.blocks->wheel));
            catcher_empty(&bench.blocks->down);
        }
        for (uint32_t i = 0; i < GROUPS; i++)
            assert_null(igmp_find(&bench.igmp, 0, GROUP + i));
        assert_int_equal(bench.link_joined, 1);
    }
    tear_down(&bench);
}

/* ---- Version 3 queries ---- */

/* RFC 3376 MUST-9 */
static void a_general_query_is_answered_for_all_groups_within_its_time(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    igmp_join(&bench.igmp, 0, GROUP_2, 20 * SECOND);
    run_until(&bench, 40 * SECOND);
    catcher_empty(&bench.blocks->down);
    hear(&bench, QUERY_3, 40 * SECOND);
    assert_in_range(timer_wheel_deadline(&bench.blocks->wheel), 40 * SECOND, 51 * SECOND);
    run_until(&bench, 51 * SECOND);
    assert_only(&bench, "46c00030 00004000 0102f9f0 0a000001 e0000016 94040000 2200f7f2 00000002 "
                        "02000000 ef010203 02000000 ef010204");
    assert_int_equal(counted(bench.blocks, CHASKI_IGMP_QUERIES_RECEIVED), 1);
    tear_down(&bench);
}

static void many_groups_take_several_reports(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (uint32_t i = 0; i < GROUPS; i++) {
        igmp_join(&bench.igmp, 0, GROUP + i, 0);
        run_until(&bench, 1 + i);
        catcher_empty(&bench.blocks->down);
    }
    run_until(&bench, 40 * SECOND);
    catcher_empty(&bench.blocks->down);
    hear(&bench, QUERY_3, 40 * SECOND);
    run_until(&bench, 51 * SECOND);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_int_equal(bench.blocks->down.packets[0]->linear->references, 1);
    assert_int_equal(bench.blocks->down.packets[0]->length, 24 + 8 + 64 * 8);
    assert_int_equal(bench.blocks->down.packets[1]->length, 24 + 8 + 36 * 8);
    tear_down(&bench);
}

/* RFC 3376 MUST-11 */
static void a_query_about_a_group_is_answered_for_that_group(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    hear(&bench, ABOUT_GROUP, 20 * SECOND);
    run_until(&bench, 22 * SECOND);
    assert_only(&bench, IS_EXCLUDE);
    igmp_leave(&bench.igmp, 0, GROUP, 22 * SECOND);
    run_until(&bench, 30 * SECOND);
    catcher_empty(&bench.blocks->down);
    hear(&bench, ABOUT_GROUP, 30 * SECOND); /* no longer ours */
    run_until(&bench, 40 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 3376 MUST-10 */
static void a_more_urgent_query_hastens_the_answer(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct timer_wheel *wheel = &bench.blocks->wheel;
    join_and_settle(&bench);
    hear(&bench, QUERY_3, 20 * SECOND);
    uint64_t first = timer_wheel_deadline(wheel);
    for (unsigned i = 0; i < 30; i++)
        hear(&bench, QUERY_3, 20 * SECOND);
    uint64_t second = timer_wheel_deadline(wheel);
    assert_true(second < first);
    timer_cancel(wheel, &bench.igmp.interfaces[0].timer);
    timer_arm(wheel, &bench.igmp.interfaces[0].timer, 29 * SECOND);
    hear(&bench, ABOUT_GROUP, 20 * SECOND);
    first = timer_wheel_deadline(wheel);
    assert_in_range(first, 20 * SECOND, 21 * SECOND + 1000000);
    for (unsigned i = 0; i < 30; i++)
        hear(&bench, ABOUT_GROUP, 20 * SECOND);
    assert_true(timer_wheel_deadline(wheel) < first);
    run_until(&bench, 40 * SECOND);
    assert_int_equal(bench.blocks->down.count, 2);
    tear_down(&bench);
}

static void a_query_about_a_group_that_is_not_ours_is_not_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "46c00024 00000000 01023915 0a0000fe e0000001 94040000 110afb73 ef010203 027d0000",
         0);
    assert_int_equal(counted(bench.blocks, CHASKI_IGMP_QUERIES_RECEIVED), 1);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    tear_down(&bench);
}

/* RFC 3376 MUST-11 */
static void a_query_about_sources_is_answered_for_those(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    hear(&bench, ABOUT_SOURCES, 20 * SECOND);
    run_until(&bench, 22 * SECOND);
    assert_only(&bench, "46c00030 00004000 0102f9f0 0a000001 e0000016 94040000 2200d7e2 00000001 "
                        "01000002 ef010203 0a090001 0a090002");
    hear(&bench, ABOUT_SOURCES, 22 * SECOND);
    hear(&bench, ABOUT_MORE_SOURCES, 22 * SECOND); /* merged */
    run_until(&bench, 24 * SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_int_equal(bench.blocks->down.packets[0]->length, 24 + 16 + 3 * 4);
    catcher_empty(&bench.blocks->down);
    hear(&bench, ABOUT_SOURCES, 24 * SECOND);
    hear(&bench, ABOUT_GROUP, 24 * SECOND); /* the group as such covers them */
    run_until(&bench, 26 * SECOND);
    assert_only(&bench, IS_EXCLUDE);
    tear_down(&bench);
}

/* RFC 3376 MUST-12 */
static void too_many_sources_are_answered_by_the_group_as_such(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    hear(&bench,
         "46c00048 00000000 010227ee 0a0000fe ef010203 94040000 110aa0ec ef010203 027d0009 "
         "0a090001 0a090002 0a090003 0a090004 0a090005 0a090006 0a090007 0a090008 0a090009",
         20 * SECOND);
    run_until(&bench, 22 * SECOND);
    assert_only(&bench, IS_EXCLUDE);
    tear_down(&bench);
}

static void a_flood_of_queries_is_answered_once(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    for (unsigned i = 0; i < 1000; i++) {
        hear(&bench, QUERY_3, 20 * SECOND);
        hear(&bench, ABOUT_GROUP, 20 * SECOND);
        hear(&bench, ABOUT_SOURCES, 20 * SECOND);
    }
    run_until(&bench, 40 * SECOND);
    assert_in_range(bench.blocks->down.count, 1, 2);
    tear_down(&bench);
}

/* RFC 3376 MUST-7 */
static void robustness_is_learned_from_the_querier(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, "46c00024 00000000 01023915 0a0000fe e0000001 94040000 1164eb1e 00000000 037d0000",
         0);
    igmp_join(&bench.igmp, 0, GROUP, 0);
    run_until(&bench, 5 * SECOND);
    uint32_t changes = 0;
    for (uint32_t i = 0; i < bench.blocks->down.count; i++)
        changes += bench.blocks->down.packets[i]->data[32] == 4;
    assert_int_equal(changes, 3);
    tear_down(&bench);
}

/* ---- Older routers ---- */

/* RFC 3376 MUST-13 */
static void beside_a_version_2_router_version_2_is_spoken(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, QUERY_2, 0);
    igmp_join(&bench.igmp, 0, GROUP, 0);
    assert_only(&bench, REPORT_2);
    run_until(&bench, 11 * SECOND);
    assert_only(&bench, REPORT_2);
    hear(&bench, QUERY_2, 11 * SECOND);
    run_until(&bench, 22 * SECOND);
    assert_only(&bench, REPORT_2);
    igmp_leave(&bench.igmp, 0, GROUP, 22 * SECOND);
    assert_only(&bench, LEAVE_2);
    assert_null(igmp_find(&bench.igmp, 0, GROUP));
    tear_down(&bench);
}

static void the_report_of_another_member_spares_ours_and_our_leave(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, QUERY_2, 0);
    join_and_settle(&bench);
    hear(&bench, QUERY_2, 20 * SECOND);
    hear(&bench, "46000020 00000000 010229cb 0a000009 ef010203 94040000 1600f8fa ef010203",
         20 * SECOND);
    run_until(&bench, 40 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    igmp_leave(&bench.igmp, 0, GROUP, 40 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 3376 MUST-13 */
static void beside_a_version_1_router_there_are_no_leaves(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, QUERY_1, 0);
    igmp_join(&bench.igmp, 0, GROUP, 0);
    assert_only(&bench, REPORT_1);
    run_until(&bench, 11 * SECOND);
    assert_only(&bench, REPORT_1);
    igmp_leave(&bench.igmp, 0, GROUP, 11 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 3376 MUST-13 */
static void when_the_older_router_is_gone_version_3_is_spoken_again(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    hear(&bench, QUERY_2, 0);
    assert_int_equal(igmp_version(&bench.igmp, 0, 260 * SECOND - 1), 2);
    assert_int_equal(igmp_version(&bench.igmp, 0, 260 * SECOND), 3);
    igmp_join(&bench.igmp, 0, GROUP, 260 * SECOND);
    assert_only(&bench, TO_EXCLUDE);
    tear_down(&bench);
}

/* RFC 3376 MUST-14 */
static void what_was_pending_for_another_version_is_forgotten(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    hear(&bench, QUERY_3, 20 * SECOND);
    hear(&bench, QUERY_1, 20 * SECOND);
    run_until(&bench, 40 * SECOND);
    assert_only(&bench, REPORT_1);
    igmp_join(&bench.igmp, 0, GROUP_2, 400 * SECOND);
    catcher_empty(&bench.blocks->down);
    hear(&bench, QUERY_1, 400 * SECOND); /* instead of the second change report */
    run_until(&bench, 420 * SECOND);
    assert_int_equal(bench.blocks->down.count, 2); /* one report a group */
    tear_down(&bench);
}

/* ---- Hostile input ---- */

static void assert_dropped(struct bench *bench, const char *text, enum chaski_counter why)
{
    uint64_t before = counted(bench->blocks, why);
    hear(bench, text, 20 * SECOND);
    assert_int_equal(counted(bench->blocks, why), before + 1);
    assert_int_equal(timer_wheel_deadline(&bench->blocks->wheel), TIMER_NEVER);
    blocks_assert_nothing_held(bench->blocks);
}

/* RFC 3376 MUST-3, MUST-4 */
static void malformed_and_forged_messages_are_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    join_and_settle(&bench);
    assert_dropped(&bench, /* cut short */
                   "4600001f 00000000 010239da 0a0000fe e0000001 94040000 1164ee9b 000000",
                   CHASKI_DROP_IGMP_MALFORMED);
    assert_dropped(&bench, /* three sources claimed, none there */
                   "46000024 00000000 010239d5 0a0000fe e0000001 94040000 1164ec1b 00000000 "
                   "027d0003",
                   CHASKI_DROP_IGMP_MALFORMED);
    assert_dropped(&bench,
                   "46000020 00000000 010239d9 0a0000fe e0000001 94040000 11640000 00000000",
                   CHASKI_DROP_IGMP_CHECKSUM);
    assert_dropped(&bench, /* came through a router */
                   "46c00024 00000000 02023815 0a0000fe e0000001 94040000 1164ec1e 00000000 "
                   "027d0000",
                   CHASKI_DROP_IGMP_SCOPE);
    assert_dropped(&bench, /* without router alert */
                   "45c00020 00000000 0102ce1d 0a0000fe e0000001 1164ec1e 00000000 027d0000",
                   CHASKI_DROP_IGMP_SCOPE);
    assert_dropped(&bench, /* an unknown type */
                   "46000020 00000000 010239d9 0a0000fe e0000001 94040000 1300ecff 00000000",
                   CHASKI_DROP_IGMP_IGNORED);
    assert_dropped(&bench, /* a report, in version 3 */
                   "46000020 00000000 010229cb 0a000009 ef010203 94040000 1600f8fa ef010203",
                   CHASKI_DROP_IGMP_IGNORED);
    tear_down(&bench);
}

static void without_memory_the_next_report_makes_up_for_it(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct pool *pool = &bench.blocks->memory.packets;
    pool->fail_at = pool->takes + 1;
    assert_int_equal(igmp_join(&bench.igmp, 0, GROUP, 0), 0);
    assert_int_equal(bench.blocks->down.count, 0);
    run_until(&bench, 2 * SECOND);
    assert_only(&bench, TO_EXCLUDE);
    hear(&bench, QUERY_3, 2 * SECOND);
    bench.blocks->memory.small.fail_at = bench.blocks->memory.small.takes + 1;
    run_until(&bench, 20 * SECOND);
    struct packet *query = packet_of_hex(bench.blocks, QUERY_3);
    give(ip4_receive, &bench.ip4, query, 20 * SECOND);
    pool->fail_at = pool->takes + 1;
    run_until(&bench, 40 * SECOND);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_host_is_in_the_group_of_all_hosts_and_never_says_so),
        cmocka_unit_test(joining_is_said_twice_and_leaving_too),
        cmocka_unit_test(a_group_is_joined_once_however_many_want_it),
        cmocka_unit_test(joining_again_while_leaving_takes_it_back),
        cmocka_unit_test(what_is_no_group_or_too_many_is_refused),
        cmocka_unit_test(many_groups_come_and_go_in_any_order),
        cmocka_unit_test(a_more_urgent_query_hastens_the_answer),
        cmocka_unit_test(a_query_about_a_group_that_is_not_ours_is_not_answered),
        cmocka_unit_test(a_general_query_is_answered_for_all_groups_within_its_time),
        cmocka_unit_test(many_groups_take_several_reports),
        cmocka_unit_test(a_query_about_a_group_is_answered_for_that_group),
        cmocka_unit_test(a_query_about_sources_is_answered_for_those),
        cmocka_unit_test(too_many_sources_are_answered_by_the_group_as_such),
        cmocka_unit_test(a_flood_of_queries_is_answered_once),
        cmocka_unit_test(robustness_is_learned_from_the_querier),
        cmocka_unit_test(beside_a_version_2_router_version_2_is_spoken),
        cmocka_unit_test(the_report_of_another_member_spares_ours_and_our_leave),
        cmocka_unit_test(beside_a_version_1_router_there_are_no_leaves),
        cmocka_unit_test(when_the_older_router_is_gone_version_3_is_spoken_again),
        cmocka_unit_test(what_was_pending_for_another_version_is_forgotten),
        cmocka_unit_test(malformed_and_forged_messages_are_dropped),
        cmocka_unit_test(without_memory_the_next_report_makes_up_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
