/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/base/address.h"
#include "core/link/arp.h"

/* We are 10.0.0.1/24, 02:00:00:00:00:01, on interface 1; the peer is 10.0.0.2, 02:...:02. */

#define OURS 0x0a000001u
#define PEER 0x0a000002u
#define PEER_MAC "020000000002"
#define ARP_HEADER "0001 0800 06 04 "
#define REPLY_FROM_PEER ARP_HEADER "0002 020000000002 0a000002 020000000001 0a000001"

static const uint8_t our_mac[6] = {0x02, 0, 0, 0, 0, 0x01};
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct bench {
    struct blocks *blocks;
    struct arp arp;
};

static void set_up(struct bench *bench, uint32_t neighbours)
{
    struct blocks *blocks = bench->blocks = blocks_make(256);
    const struct arp_limits limits = {.neighbours = neighbours, .addresses = 4};
    arp_setup(NULL, &blocks->tables, &limits, &blocks->memory, &blocks->counters, &blocks->wheel,
              &test_key);
    blocks_give_tables(blocks);
    arp_setup(&bench->arp, &blocks->tables, &limits, &blocks->memory, &blocks->counters,
              &blocks->wheel, &test_key);
    assert_true(blocks->tables.used <= blocks->tables.size);
    arp_interface_add(&bench->arp, 1, our_mac, hook_to(&blocks->down));
    bench->arp.unreachable = hook_to(&blocks->other);
    assert_int_equal(arp_address_add(&bench->arp, 1, OURS, 24, false, 0), 0);
}

static void hear(struct bench *bench, const char *text, uint64_t now_ns)
{
    struct packet *packet = packet_of_hex(bench->blocks, text);
    packet->interface = 1;
    packet->protocol = 0x0806;
    give(arp_receive, &bench->arp, packet, now_ns);
}

static struct packet *packet_to(struct bench *bench, uint32_t next_hop)
{
    struct packet *packet = packet_of_hex(bench->blocks, "45");
    packet->interface = 1;
    packet->protocol = 0x0800;
    packet->next_hop = address_from_ip4(next_hop);
    return packet;
}

static void send_to(struct bench *bench, uint32_t next_hop, uint64_t now_ns)
{
    give(arp_transmit, &bench->arp, packet_to(bench, next_hop), now_ns);
}

/* The last packet that left: its bytes, and where to. */
static void assert_last(struct bench *bench, const char *destination, const char *text)
{
    uint8_t mac[6];
    const struct catcher *down = &bench->blocks->down;
    assert_true(down->count != 0);
    hex_read(destination, mac, sizeof mac);
    assert_bytes(down->packets[down->count - 1], text);
    assert_memory_equal(down->packets[down->count - 1]->link_destination, mac, 6);
    assert_int_equal(down->packets[down->count - 1]->interface, 1);
}

static void learn_peer(struct bench *bench, uint64_t now_ns)
{
    send_to(bench, PEER, now_ns);
    hear(bench, REPLY_FROM_PEER, now_ns);
    catcher_empty(&bench->blocks->down);
}

static void run_until(struct bench *bench, uint64_t end_ns)
{
    struct timer_wheel *wheel = &bench->blocks->wheel;
    uint64_t next;
    while ((next = timer_wheel_deadline(wheel)) <= end_ns)
        timer_wheel_run(wheel, next);
}

/* Whatever still waits for a neighbour gives up; then nothing is held any more. */
static void tear_down(struct bench *bench)
{
    run_until(bench, 1000 * SECOND);
    blocks_end(bench->blocks);
}

/* ---- Answering ---- */

/* RFC 826 MUST-4 */
static void a_request_for_us_is_answered_in_its_own_packet(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct packet *request =
        packet_of_hex(bench.blocks, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001"
                                               "0000 0000 0000 0000 0000 0000 0000 0000 0000");
    request->interface = 1;
    give(arp_receive, &bench.arp, request, 0);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_ptr_equal(bench.blocks->down.packets[0], request);
    assert_int_equal(request->protocol, 0x0806);
    assert_last(&bench, PEER_MAC, ARP_HEADER "0002 020000000001 0a000001 020000000002 0a000002");
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_REPLIES_SENT), 1);
    tear_down(&bench);
}

/* RFC 826 MUST-3 */
static void who_asked_for_us_need_not_be_asked_for(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    hear(&bench, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001", 0);
    send_to(&bench, PEER, 1);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_last(&bench, PEER_MAC, "45");
    tear_down(&bench);
}

/* RFC 826 MUST-3 */
static void requests_for_others_and_stray_replies_are_not_answered_nor_learned(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    hear(&bench, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000009", 0);
    hear(&bench, REPLY_FROM_PEER, 0);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_null(arp_neighbour_find(&bench.arp, 1, PEER));
    tear_down(&bench);
}

static void a_shared_packet_is_not_written_to(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct packet *request =
        packet_of_hex(bench.blocks, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001");
    struct packet *witness =
        packet_slice(request, 0, request->length, &bench.blocks->memory.packets, FOR_CONTROL);
    request->interface = 1;
    give(arp_receive, &bench.arp, request, 0);
    assert_last(&bench, PEER_MAC, ARP_HEADER "0002 020000000001 0a000001 020000000002 0a000002");
    assert_bytes(witness, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001");
    packet_free(witness);
    tear_down(&bench);
}

/* ---- Resolving ---- */

/* RFC 1122 SHLD-1 */
static void a_packet_waits_until_its_neighbour_has_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    send_to(&bench, PEER, 0);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_last(&bench, "ffffffffffff",
                ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000002");
    hear(&bench, REPLY_FROM_PEER, 1000);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_last(&bench, PEER_MAC, "45");
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    send_to(&bench, PEER, 2000);
    assert_int_equal(bench.blocks->down.count, 3);
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_REQUESTS_SENT), 1);
    tear_down(&bench);
}

/* RFC 1122 SHLD-1 */
static void the_oldest_of_too_many_waiting_packets_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    struct packet *packets[ARP_QUEUE + 2];
    set_up(&bench, 16);
    for (unsigned i = 0; i < ARP_QUEUE + 2; i++) {
        packets[i] = packet_to(&bench, PEER);
        give(arp_transmit, &bench.arp, packets[i], 0);
    }
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_QUEUE), 2);
    hear(&bench, REPLY_FROM_PEER, 0);
    assert_int_equal(bench.blocks->down.count, 1 + ARP_QUEUE);
    for (unsigned i = 0; i < ARP_QUEUE; i++)
        assert_ptr_equal(bench.blocks->down.packets[1 + i], packets[2 + i]);
    tear_down(&bench);
}

/* RFC 1122 MUST-2 */
static void three_requests_then_the_packets_are_unreachable(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct timer_wheel *wheel = &bench.blocks->wheel;
    send_to(&bench, PEER, 0);
    send_to(&bench, PEER, 0);
    timer_wheel_run(wheel, SECOND - 1);
    assert_int_equal(bench.blocks->down.count, 1);
    timer_wheel_run(wheel, SECOND);
    assert_int_equal(bench.blocks->down.count, 2);
    timer_wheel_run(wheel, 2 * SECOND);
    assert_int_equal(bench.blocks->down.count, 3);
    assert_int_equal(bench.blocks->other.count, 0);
    timer_wheel_run(wheel, 3 * SECOND);
    assert_int_equal(bench.blocks->down.count, 3);
    assert_int_equal(bench.blocks->other.count, 2);
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_FAILURES), 1);
    assert_int_equal(timer_wheel_deadline(wheel), TIMER_NEVER);
    assert_null(arp_neighbour_find(&bench.arp, 1, PEER));
    tear_down(&bench);
}

static void groups_and_broadcasts_are_mapped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    send_to(&bench, 0xe0810203u, 0);
    assert_last(&bench, "01005e010203", "45");
    send_to(&bench, 0xffffffffu, 0);
    assert_last(&bench, "ffffffffffff", "45");
    assert_int_equal(bench.blocks->down.count, 2);
    tear_down(&bench);
}

static void a_burst_to_several_neighbours_and_interfaces_keeps_its_order(void **state)
{
    (void)state;
    struct bench bench;
    struct burst burst = {.count = 4};
    set_up(&bench, 16);
    arp_interface_add(&bench.arp, 2, our_mac, hook_to(&bench.blocks->up));
    learn_peer(&bench, 0);
    for (unsigned i = 0; i < 4; i++)
        burst.packets[i] = packet_to(&bench, i == 1 ? 0xffffffffu : PEER);
    burst.packets[2]->interface = 2;
    burst.packets[2]->next_hop = address_from_ip4(0xe0000001u);
    struct packet *first = burst.packets[0], *second = burst.packets[1];
    arp_transmit(&bench.arp, &burst, 0);
    assert_int_equal(bench.blocks->down.count, 3);
    assert_int_equal(bench.blocks->down.bursts, 2);
    assert_ptr_equal(bench.blocks->down.packets[0], first);
    assert_ptr_equal(bench.blocks->down.packets[1], second);
    assert_int_equal(bench.blocks->up.count, 1);
    tear_down(&bench);
}

static void without_an_address_nobody_is_asked(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    arp_address_remove(&bench.arp, 1, OURS);
    send_to(&bench, PEER, 0);
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_NO_ADDRESS), 1);
    tear_down(&bench);
}

static void the_request_comes_from_the_address_of_the_same_network(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    assert_int_equal(arp_address_add(&bench.arp, 1, 0xc0a80005u, 16, false, 0), 0);
    send_to(&bench, 0xc0a80107u, 0);
    assert_last(&bench, "ffffffffffff",
                ARP_HEADER "0001 020000000001 c0a80005 000000000000 c0a80107");
    tear_down(&bench);
}

static void an_answer_to_somebody_else_is_used_but_not_trusted(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    send_to(&bench, PEER, 0);
    hear(&bench, ARP_HEADER "0002 020000000002 0a000002 020000000009 0a000009", 0);
    assert_last(&bench, PEER_MAC, "45");
    assert_int_equal(arp_neighbour_find(&bench.arp, 1, PEER)->state, NEIGHBOUR_PROBE);
    hear(&bench, ARP_HEADER "0002 020000000002 0a000002 020000000009 0a000009", 1);
    assert_int_equal(arp_neighbour_find(&bench.arp, 1, PEER)->state, NEIGHBOUR_PROBE);
    hear(&bench, REPLY_FROM_PEER, 2);
    assert_int_equal(arp_neighbour_find(&bench.arp, 1, PEER)->state, NEIGHBOUR_REACHABLE);
    tear_down(&bench);
}

/* ---- Staying reachable ---- */

enum { LATER_S = 100 }; /* more than any reachable time */

static void a_stale_neighbour_is_used_at_once_and_asked_after(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct timer_wheel *wheel = &bench.blocks->wheel;
    learn_peer(&bench, 0);
    timer_wheel_run(wheel, LATER_S * SECOND);
    send_to(&bench, PEER, LATER_S * SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    timer_wheel_run(wheel, (LATER_S + 5) * SECOND);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_last(&bench, PEER_MAC, ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000002");
    hear(&bench, REPLY_FROM_PEER, (LATER_S + 5) * SECOND);
    assert_int_equal(timer_wheel_deadline(wheel), TIMER_NEVER);
    assert_int_equal(arp_neighbour_find(&bench.arp, 1, PEER)->state, NEIGHBOUR_REACHABLE);
    tear_down(&bench);
}

/* RFC 1122 MUST-32 */
static void progress_of_an_upper_layer_spares_the_question(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    learn_peer(&bench, 0);
    timer_wheel_run(&bench.blocks->wheel, LATER_S * SECOND);
    send_to(&bench, PEER, LATER_S * SECOND);
    arp_confirm(&bench.arp, 1, PEER, (LATER_S + 1) * SECOND);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    send_to(&bench, PEER, (LATER_S + 2) * SECOND);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    arp_confirm(&bench.arp, 1, PEER + 5, 0);
    assert_null(arp_neighbour_find(&bench.arp, 1, PEER + 5));
    tear_down(&bench);
}

/* RFC 1122 MUST-32 */
static void doubt_of_an_upper_layer_brings_the_question_on(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct timer_wheel *wheel = &bench.blocks->wheel;
    learn_peer(&bench, 0);
    send_to(&bench, PEER, 1 * SECOND);
    assert_int_equal(timer_wheel_deadline(wheel), TIMER_NEVER);
    arp_doubt(&bench.arp, 1, PEER, 1 * SECOND);
    arp_doubt(&bench.arp, 1, PEER + 5, 1 * SECOND);
    send_to(&bench, PEER, 2 * SECOND);
    timer_wheel_run(wheel, 7 * SECOND);
    assert_last(&bench, PEER_MAC, ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000002");
    tear_down(&bench);
}

/* RFC 1122 MUST-1, MUST-32 */
static void a_stale_neighbour_that_is_silent_is_forgotten_and_sought_anew(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    learn_peer(&bench, 0);
    timer_wheel_run(&bench.blocks->wheel, LATER_S * SECOND);
    send_to(&bench, PEER, LATER_S * SECOND);
    for (unsigned i = 0; i <= 8; i++)
        timer_wheel_run(&bench.blocks->wheel, (LATER_S + i) * SECOND);
    assert_null(arp_neighbour_find(&bench.arp, 1, PEER));
    assert_int_equal(bench.blocks->down.count, 1 + 3);
    assert_int_equal(bench.blocks->other.count, 0);
    send_to(&bench, PEER, (LATER_S + 9) * SECOND);
    assert_last(&bench, "ffffffffffff",
                ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000002");
    tear_down(&bench);
}

/* RFC 826 MUST-2 */
static void an_announcement_moves_a_neighbour_that_we_know(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    learn_peer(&bench, 0);
    hear(&bench, ARP_HEADER "0001 020000000022 0a000002 000000000000 0a000002", 1);
    send_to(&bench, PEER, 2);
    assert_last(&bench, "020000000022", "45");
    assert_int_equal(arp_neighbour_find(&bench.arp, 1, PEER)->state, NEIGHBOUR_PROBE);
    tear_down(&bench);
}

/* ---- Our own addresses (RFC 5227) ---- */

static void add_probed(struct bench *bench)
{
    set_up(bench, 16);
    arp_address_remove(&bench->arp, 1, OURS);
    assert_int_equal(arp_address_add(&bench->arp, 1, OURS, 24, true, 0), 0);
}

/* RFC 5227 MUST-1, MUST-2, MUST-3, MUST-6 */
static void an_address_is_probed_three_times_and_announced_twice(void **state)
{
    (void)state;
    struct bench bench;
    add_probed(&bench);
    const struct catcher *down = &bench.blocks->down;
    uint64_t at[5];
    for (unsigned i = 0; i < 5; i++) {
        at[i] = timer_wheel_deadline(&bench.blocks->wheel);
        timer_wheel_run(&bench.blocks->wheel, at[i]);
        assert_int_equal(down->count, i + 1);
        assert_bytes(down->packets[i],
                     i < 3 ? ARP_HEADER "0001 020000000001 00000000 000000000000 0a000001"
                           : ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000001");
        assert_memory_equal(down->packets[i]->link_destination, everybody, 6);
    }
    assert_in_range(at[0], 0, SECOND);
    assert_in_range(at[1] - at[0], SECOND, 2 * SECOND);
    assert_in_range(at[2] - at[1], SECOND, 2 * SECOND);
    assert_int_equal(at[3] - at[2], 2 * SECOND);
    assert_int_equal(at[4] - at[3], 2 * SECOND);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    tear_down(&bench);
}

/* RFC 5227 MUST-4 */
static void who_uses_the_address_while_we_probe_keeps_it(void **state)
{
    (void)state;
    struct bench bench;
    add_probed(&bench);
    assert_false(arp_address_conflict(&bench.arp, 1, OURS));
    hear(&bench, ARP_HEADER "0002 020000000007 0a000001 020000000001 0a000001", 1);
    assert_true(arp_address_conflict(&bench.arp, 1, OURS));
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_CONFLICTS), 1);
    assert_int_equal(timer_wheel_deadline(&bench.blocks->wheel), TIMER_NEVER);
    hear(&bench, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001", 2);
    hear(&bench, ARP_HEADER "0002 020000000007 0a000001 020000000001 0a000001", 3);
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_CONFLICTS), 1);
    send_to(&bench, PEER, 4);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_NO_ADDRESS), 1);
    assert_int_equal(bench.blocks->down.count, 0);
    tear_down(&bench);
}

/* RFC 5227 MUST-4 */
static void two_that_probe_for_the_same_address_are_in_conflict(void **state)
{
    (void)state;
    struct bench bench;
    add_probed(&bench);
    hear(&bench, ARP_HEADER "0001 020000000007 00000000 000000000000 0a000001", 1);
    assert_true(arp_address_conflict(&bench.arp, 1, OURS));
    tear_down(&bench);
}

/* RFC 5227 MUST-5 */
static void ordinary_requests_and_probes_for_others_are_no_conflict(void **state)
{
    (void)state;
    struct bench bench;
    add_probed(&bench);
    hear(&bench, ARP_HEADER "0001 020000000007 00000000 000000000000 0a000009", 1);
    hear(&bench, ARP_HEADER "0002 020000000007 00000000 020000000001 0a000001", 1);
    hear(&bench, ARP_HEADER "0001 020000000002 0a000002 000000000000 0a000001", 1);
    assert_false(arp_address_conflict(&bench.arp, 1, OURS));
    assert_int_equal(bench.blocks->down.count, 1);
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_REPLIES_SENT), 1);
    tear_down(&bench);
}

/* RFC 5227 MUST-9 */
static void a_probe_for_an_address_in_use_is_answered(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    hear(&bench, ARP_HEADER "0001 020000000007 00000000 000000000000 0a000001", 1);
    assert_false(arp_address_conflict(&bench.arp, 1, OURS));
    assert_last(&bench, "020000000007",
                ARP_HEADER "0002 020000000001 0a000001 020000000007 00000000");
    tear_down(&bench);
}

/* RFC 5227 MUST-7, MUST-8 */
static void an_address_in_use_is_defended_once_in_ten_seconds(void **state)
{
    (void)state;
    static const char claim[] = ARP_HEADER "0001 020000000007 0a000001 000000000000 0a000001";
    struct bench bench;
    set_up(&bench, 16);
    hear(&bench, claim, SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    assert_last(&bench, "ffffffffffff",
                ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000001");
    for (unsigned i = 0; i < 1000; i++)
        hear(&bench, claim, 2 * SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    hear(&bench, claim, 11 * SECOND);
    assert_int_equal(bench.blocks->down.count, 2);
    assert_int_equal(counted(bench.blocks, CHASKI_ARP_CONFLICTS), 1002);
    assert_null(arp_neighbour_find(&bench.arp, 1, OURS));
    tear_down(&bench);
}

/* RFC 5227 MUST-5 */
static void our_own_frames_reflected_are_no_conflict(void **state)
{
    (void)state;
    struct bench bench;
    add_probed(&bench);
    hear(&bench, ARP_HEADER "0001 020000000001 00000000 000000000000 0a000001", 1);
    hear(&bench, ARP_HEADER "0001 020000000001 0a000001 000000000000 0a000001", 1);
    assert_false(arp_address_conflict(&bench.arp, 1, OURS));
    run_until(&bench, 60 * SECOND);
    assert_int_equal(bench.blocks->down.count, 5);
    tear_down(&bench);
}

/* ---- Hostile input: row 11 ---- */

static void row_11_malformed_packets_are_dropped(void **state)
{
    (void)state;
    static const char *const packets[] = {
        "",
        "0001 0800 06 04 0001 020000000002 0a000002 000000000000 0a0000",
        "0006 0800 06 04 0001 020000000002 0a000002 000000000000 0a000001",
        "0001 86dd 06 04 0001 020000000002 0a000002 000000000000 0a000001",
        "0001 0800 08 04 0001 020000000002 0a000002 000000000000 0a000001",
        "0001 0800 06 10 0001 020000000002 0a000002 000000000000 0a000001",
        "0001 0800 06 04 0003 020000000002 0a000002 000000000000 0a000001",
        "0001 0800 06 04 0001 030000000002 0a000002 000000000000 0a000001",
        "0001 0800 06 04 0001 020000000002 e0000005 000000000000 0a000001",
        "0001 0800 06 04 0001 020000000002 ffffffff 000000000000 0a000001",
        "0001 0800 06 04 0001 020000000002 7f000001 000000000000 0a000001",
    };
    struct bench bench;
    set_up(&bench, 16);
    for (unsigned i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        hear(&bench, packets[i], 0);
        assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_MALFORMED), i + 1);
    }
    assert_int_equal(bench.blocks->down.count, 0);
    assert_int_equal(bench.arp.resolved_count, 0);
    tear_down(&bench);
}

static void row_11_65000_unresolved_neighbours_do_not_evict_a_resolved_one(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 64);
    learn_peer(&bench, 0);
    for (uint32_t i = 0; i < 65000; i++) {
        send_to(&bench, 0x0a010000u + i, 0);
        assert_true(bench.arp.unresolved_count <= 16);
        catcher_empty(&bench.blocks->down);
    }
    assert_int_equal(bench.arp.unresolved_count, 16);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_ARP_TABLE), 65000 - 16);
    assert_int_equal(bench.blocks->memory.packets.total - bench.blocks->memory.packets.free_count,
                     16);
    send_to(&bench, PEER, 0);
    assert_last(&bench, PEER_MAC, "45");
    run_until(&bench, 10 * SECOND);
    tear_down(&bench);
}

static void row_11_65000_strangers_who_ask_do_not_evict_a_resolved_one(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 64);
    learn_peer(&bench, 0);
    for (uint32_t i = 0; i < 65000; i++) {
        uint8_t request[28];
        hex_read(ARP_HEADER "0001 020000010000 0a010000 000000000000 0a000001", request, 28);
        store_be32(request + 14, 0x0a010000u + i);
        struct packet *packet = packet_with(bench.blocks, request, 28);
        packet->interface = 1;
        give(arp_receive, &bench.arp, packet, 0);
        assert_int_equal(bench.blocks->down.count, 1);
        catcher_empty(&bench.blocks->down);
    }
    assert_int_equal(bench.arp.resolved_count, 48);
    send_to(&bench, PEER, 0);
    assert_last(&bench, PEER_MAC, "45");
    tear_down(&bench);
}

static void newly_resolved_neighbours_replace_those_not_used_for_longest(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 8); /* six resolved at most */
    for (uint32_t i = 0; i < 7; i++) {
        uint8_t reply[28];
        hex_read(ARP_HEADER "0002 020000000100 0a000100 020000000001 0a000001", reply, 28);
        store_be32(reply + 14, 0x0a000100u + i);
        send_to(&bench, 0x0a000100u + i, i);
        struct packet *packet = packet_with(bench.blocks, reply, 28);
        packet->interface = 1;
        give(arp_receive, &bench.arp, packet, i);
    }
    assert_int_equal(bench.arp.resolved_count, 6);
    assert_null(arp_neighbour_find(&bench.arp, 1, 0x0a000100u));
    for (uint32_t i = 1; i < 7; i++)
        assert_non_null(arp_neighbour_find(&bench.arp, 1, 0x0a000100u + i));
    tear_down(&bench);
}

static void running_out_of_memory_only_delays(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench, 16);
    struct packet *packet = packet_to(&bench, PEER);
    bench.blocks->memory.packets.fail_at = bench.blocks->memory.packets.takes + 1;
    give(arp_transmit, &bench.arp, packet, 0);
    assert_int_equal(bench.blocks->down.count, 0);
    run_until(&bench, SECOND);
    assert_int_equal(bench.blocks->down.count, 1);
    hear(&bench, REPLY_FROM_PEER, SECOND);
    assert_last(&bench, PEER_MAC, "45");
    tear_down(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_for_us_is_answered_in_its_own_packet),
        cmocka_unit_test(who_asked_for_us_need_not_be_asked_for),
        cmocka_unit_test(requests_for_others_and_stray_replies_are_not_answered_nor_learned),
        cmocka_unit_test(a_shared_packet_is_not_written_to),
        cmocka_unit_test(a_packet_waits_until_its_neighbour_has_answered),
        cmocka_unit_test(the_oldest_of_too_many_waiting_packets_is_dropped),
        cmocka_unit_test(three_requests_then_the_packets_are_unreachable),
        cmocka_unit_test(groups_and_broadcasts_are_mapped),
        cmocka_unit_test(a_burst_to_several_neighbours_and_interfaces_keeps_its_order),
        cmocka_unit_test(without_an_address_nobody_is_asked),
        cmocka_unit_test(the_request_comes_from_the_address_of_the_same_network),
        cmocka_unit_test(an_answer_to_somebody_else_is_used_but_not_trusted),
        cmocka_unit_test(ordinary_requests_and_probes_for_others_are_no_conflict),
        cmocka_unit_test(a_stale_neighbour_is_used_at_once_and_asked_after),
        cmocka_unit_test(progress_of_an_upper_layer_spares_the_question),
        cmocka_unit_test(doubt_of_an_upper_layer_brings_the_question_on),
        cmocka_unit_test(a_stale_neighbour_that_is_silent_is_forgotten_and_sought_anew),
        cmocka_unit_test(an_announcement_moves_a_neighbour_that_we_know),
        cmocka_unit_test(an_address_is_probed_three_times_and_announced_twice),
        cmocka_unit_test(who_uses_the_address_while_we_probe_keeps_it),
        cmocka_unit_test(two_that_probe_for_the_same_address_are_in_conflict),
        cmocka_unit_test(a_probe_for_an_address_in_use_is_answered),
        cmocka_unit_test(an_address_in_use_is_defended_once_in_ten_seconds),
        cmocka_unit_test(our_own_frames_reflected_are_no_conflict),
        cmocka_unit_test(row_11_malformed_packets_are_dropped),
        cmocka_unit_test(row_11_65000_unresolved_neighbours_do_not_evict_a_resolved_one),
        cmocka_unit_test(row_11_65000_strangers_who_ask_do_not_evict_a_resolved_one),
        cmocka_unit_test(newly_resolved_neighbours_replace_those_not_used_for_longest),
        cmocka_unit_test(running_out_of_memory_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
