/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/memory_wire.h"

#include <string.h>

#include "core/base/endian.h"
#include "tests/unit/drivers/station.h"

enum { STATIONS = 4, MS = 1000000 };

static struct station_memory memories[STATIONS];
static struct link *links[STATIONS];
static struct memory_wire *wire;

/* A frame from station 0 to station 1: IPv4, UDP, 4 bytes. */
static const uint8_t frame[46] = {
    0x02, 0, 0,    0,    0, 1,  0x02, 0,    0,   0,   0,    0,    0x08, 0x00, /* Ethernet */
    0x45, 0, 0,    32,   0, 0,  0x40, 0,    64,  17,  0x26, 0xcb, 10,   0,
    0,    1, 10,   0,    0, 2,                                   /* IPv4 */
    0x10, 0, 0x10, 0x01, 0, 12, 0xea, 0xe9, 'r', 'u', 'n',  's', /* UDP */
};

static void set_up_with(struct memory_wire_options options, unsigned features)
{
    static const char *const names[STATIONS] = {"a", "b", "c", "d"};
    wire = memory_wire_create(&options);
    assert_non_null(wire);
    for (uint32_t i = 0; i < options.stations; i++) {
        struct memory_wire_station station = {
            .name = names[i],
            .memory = &memories[i].memory,
            .counters = &memories[i].counters,
            .mac = {2, 0, 0, 0, 0, (uint8_t)i},
            .features = features,
        };
        station_make(&memories[i], 256, 8);
        links[i] = memory_wire_join(wire, &station);
        assert_non_null(links[i]);
    }
    assert_null(memory_wire_join(wire, &(struct memory_wire_station){.name = "one too many"}));
}

static void set_up(uint32_t stations)
{
    set_up_with((struct memory_wire_options){.stations = stations, .queue_packets = 128}, 0);
}

static void tear_down(void)
{
    memory_wire_destroy(wire);
    for (uint32_t i = 0; i < STATIONS; i++) {
        if (memories[i].bytes != NULL)
            station_end(&memories[i]);
        memories[i].bytes = NULL;
    }
}

static void impair(struct memory_wire_impairment impairment)
{
    memory_wire_impair(wire, 0, 1, &impairment);
}

static void hands_over_by_pointer(void **state)
{
    (void)state;
    set_up(2);
    struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
    packet->flags = PACKET_LOOPED;
    packet->checksum = CHECKSUM_COMPLETE;
    packet->network = 99;
    packet->ip.ttl = 3;
    packet->interface = 7;
    packet->protocol = 17;
    send_packet(links[0], packet, 5);
    assert_int_equal(links[1]->deadline(links[1]), 0);
    struct packet *received = receive_one(links[1], 5);
    assert_ptr_equal(received, packet);
    assert_bytes(received, frame, sizeof frame);
    assert_int_equal(received->flags, 0);
    assert_int_equal(received->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(received->network, 0);
    assert_int_equal(received->ip.ttl, 0);
    assert_int_equal(received->interface, 0);
    assert_int_equal(received->protocol, 0);
    packet_free(received);
    assert_true(links[1]->deadline(links[1]) == UINT64_MAX);
    assert_nothing_to_receive(links[0], 6);
    tear_down();
}

static void keeps_order_over_more_than_a_burst(void **state)
{
    (void)state;
    set_up(2);
    struct burst burst = {0};
    for (uint32_t i = 0; i < 100; i++) {
        struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
        packet->data[45] = (uint8_t)i;
        send_packet(links[0], packet, 0);
    }
    assert_int_equal(memory_wire_in_flight(wire, 1), 100);
    assert_int_equal(links[1]->receive(links[1], &burst, 0), BURST_MAX);
    assert_true(links[1]->more);
    for (uint32_t i = 0; i < BURST_MAX; i++) {
        assert_int_equal(burst.packets[i]->data[45], i);
        packet_free(burst.packets[i]);
    }
    burst.count = 0;
    assert_int_equal(links[1]->receive(links[1], &burst, 0), 36);
    assert_false(links[1]->more);
    assert_int_equal(burst.packets[0]->data[45], 64);
    for (uint32_t i = 0; i < burst.count; i++)
        packet_free(burst.packets[i]);
    tear_down();
}

static void delays(void **state)
{
    (void)state;
    set_up(2);
    impair((struct memory_wire_impairment){.delay_ns = 10 * MS});
    send_bytes(links[0], frame, sizeof frame, 1000);
    send_bytes(links[0], frame, sizeof frame, 3000);
    assert_int_equal(memory_wire_deadline(wire), 10 * MS + 1000);
    assert_int_equal(links[1]->deadline(links[1]), 10 * MS + 1000);
    assert_nothing_to_receive(links[1], 10 * MS + 999);
    packet_free(receive_one(links[1], 10 * MS + 1000));
    assert_int_equal(memory_wire_deadline(wire), 10 * MS + 3000);
    packet_free(receive_one(links[1], 20 * MS));
    send_bytes(links[1], frame, sizeof frame, 1000); /* the way back is not impaired */
    assert_int_equal(memory_wire_statistics(wire, 1, 0).unwanted, 1);
    tear_down();
}

static void limits_the_rate_and_the_queue(void **state)
{
    (void)state;
    static uint8_t big[1000];
    set_up(2);
    memcpy(big, frame, sizeof frame);
    /* 8 Mbit/s: 1000 bytes take a millisecond. */
    impair((struct memory_wire_impairment){.rate_bits = 8000000, .queue_bytes = 3000});
    for (int i = 0; i < 4; i++)
        send_bytes(links[0], big, sizeof big, 0);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).overflowed, 1);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(memory_wire_deadline(wire), i * MS);
        packet_free(receive_one(links[1], i * MS));
    }
    send_bytes(links[0], big, sizeof big, 5 * MS); /* the line was idle meanwhile */
    assert_int_equal(memory_wire_deadline(wire), 6 * MS);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).delivered, 4);
    tear_down();
}

static uint32_t lost_pattern(uint64_t seed, uint64_t *lost)
{
    uint32_t pattern = 0;
    *lost = 0;
    set_up_with((struct memory_wire_options){.stations = 2, .seed = seed}, 0);
    impair((struct memory_wire_impairment){.loss = 100000});
    for (uint32_t i = 0; i < 20000; i++) {
        struct burst burst = {0};
        send_bytes(links[0], frame, sizeof frame, i);
        uint32_t received = links[1]->receive(links[1], &burst, i);
        if (received == 0)
            pattern = pattern * 31 + i;
        else
            packet_free(burst.packets[0]);
        *lost += 1 - received;
    }
    assert_int_equal(memory_wire_statistics(wire, 0, 1).lost, *lost);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).frames, 20000);
    tear_down();
    return pattern;
}

static void loses_by_the_seed(void **state)
{
    (void)state;
    uint64_t lost;
    uint32_t first = lost_pattern(1, &lost);
    assert_in_range(lost, 1800, 2200);
    assert_int_equal(lost_pattern(1, &lost), first);
    assert_int_not_equal(lost_pattern(2, &lost), first);
    assert_in_range(lost, 1800, 2200);
}

static void duplicates(void **state)
{
    (void)state;
    struct burst burst = {0};
    set_up(2);
    impair((struct memory_wire_impairment){.duplicate = 1000000});
    send_bytes(links[0], frame, sizeof frame, 0);
    assert_int_equal(links[1]->receive(links[1], &burst, 0), 2);
    assert_bytes(burst.packets[0], frame, sizeof frame);
    assert_bytes(burst.packets[1], frame, sizeof frame);
    assert_ptr_not_equal(burst.packets[0]->data, burst.packets[1]->data);
    packet_free(burst.packets[0]);
    packet_free(burst.packets[1]);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).duplicated, 1);
    tear_down();
}

static void corrupts_one_byte_of_a_copy(void **state)
{
    (void)state;
    uint8_t bytes[sizeof frame];
    bool hit[sizeof frame] = {false};
    set_up(2);
    impair((struct memory_wire_impairment){.corrupt = 1000000});
    for (int i = 0; i < 1000; i++) {
        send_bytes(links[0], frame, sizeof frame, 0);
        struct packet *received = receive_one(links[1], 0);
        packet_copy_out(received, 0, bytes, sizeof bytes);
        uint32_t changed = 0;
        for (uint32_t k = 0; k < sizeof bytes; k++) {
            hit[k] |= bytes[k] != frame[k];
            changed += bytes[k] != frame[k];
        }
        assert_int_equal(changed, 1);
        packet_free(received);
    }
    for (uint32_t k = 0; k < sizeof frame; k++)
        assert_int_equal(hit[k], k >= 14);
    tear_down();
}

static void corruption_spares_what_the_sender_still_holds(void **state)
{
    (void)state;
    uint8_t zeros[256] = {0};
    set_up(2);
    impair((struct memory_wire_impairment){.corrupt = 1000000});
    struct buffer *kept = buffer_take(&memories[0].memory.small, FOR_SEND);
    memset(kept->data, 0, sizeof zeros);
    for (int i = 0; i < 200; i++) {
        struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
        assert_true(packet_add_fragment(packet, buffer_hold(kept), 0, sizeof zeros));
        send_packet(links[0], packet, 0);
        packet_free(receive_one(links[1], 0));
        assert_memory_equal(kept->data, zeros, sizeof zeros);
    }
    buffer_drop(kept);
    tear_down();
}

/* The sum over pseudo-header and UDP must be what corruption of a completed packet leaves: wrong.
 */
static void completes_a_checksum_before_corrupting(void **state)
{
    (void)state;
    set_up_with((struct memory_wire_options){.stations = 2}, LINK_CHECKSUM);
    impair((struct memory_wire_impairment){.corrupt = 1000000});
    for (int i = 0; i < 200; i++) {
        struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
        store_be16(packet->data + 40, 0x1420); /* the pseudo-header's sum, not inverted */
        packet->transport = (uint16_t)(packet->data + 34 - packet->start);
        packet->checksum = CHECKSUM_PARTIAL;
        packet->checksum_field = 6;
        send_packet(links[0], packet, 0);
        struct packet *received = receive_one(links[1], 0);
        uint8_t pseudo[4] = {0, 17, 0, 12};
        uint64_t sum = checksum_partial(received->data + 26, 20) + checksum_partial(pseudo, 4);
        uint64_t header = checksum_partial(received->data + 14, 20);
        assert_int_equal(received->checksum, CHECKSUM_UNKNOWN);
        assert_true(checksum_finish(sum) != 0 || checksum_finish(header) != 0);
        uint16_t off = 0;
        for (uint32_t k = 0; k < sizeof frame; k++)
            off = (uint16_t)(off + (received->data[k] != frame[k]));
        assert_int_equal(off, 1);
        packet_free(received);
    }
    tear_down();
}

static void loses_what_corruption_would_go_unseen_in(void **state)
{
    (void)state;
    uint8_t arp[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0x08, 0x06};
    set_up(2);
    impair((struct memory_wire_impairment){.corrupt = 1000000});
    send_bytes(links[0], arp, sizeof arp, 0);
    assert_nothing_to_receive(links[1], 0);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).lost, 1);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).corrupted, 0);
    tear_down();
}

static void reorders(void **state)
{
    (void)state;
    set_up(2);
    impair(
        (struct memory_wire_impairment){.reorder = 1000000, .reorder_ns = 5 * MS, .delay_ns = MS});
    send_bytes(links[0], frame, sizeof frame, 0);
    impair((struct memory_wire_impairment){.delay_ns = MS});
    send_bytes(links[0], frame, sizeof frame - 1, 10);
    struct packet *overtakes = receive_one(links[1], MS + 10);
    assert_int_equal(overtakes->length, sizeof frame - 1);
    packet_free(overtakes);
    assert_int_equal(memory_wire_deadline(wire), 6 * MS);
    struct packet *late = receive_one(links[1], 6 * MS);
    assert_int_equal(late->length, sizeof frame);
    packet_free(late);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).reordered, 1);
    tear_down();
}

static void jitter_stays_within_and_keeps_order(void **state)
{
    (void)state;
    uint64_t latest = 0, earliest = UINT64_MAX;
    set_up(2);
    impair((struct memory_wire_impairment){.delay_ns = MS, .jitter_ns = MS});
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t sent_ns = i * 10 * MS;
        send_bytes(links[0], frame, sizeof frame, sent_ns);
        uint64_t took = memory_wire_deadline(wire) - sent_ns;
        latest = took > latest ? took : latest;
        earliest = took < earliest ? took : earliest;
        packet_free(receive_one(links[1], sent_ns + took));
    }
    assert_in_range(earliest, MS, MS + MS / 50);
    assert_in_range(latest, 2 * MS - MS / 50, 2 * MS);
    for (uint32_t i = 0; i < 100; i++) {
        struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
        packet->data[45] = (uint8_t)i;
        send_packet(links[0], packet, i);
    }
    for (uint32_t i = 0; i < 100;) {
        struct burst burst = {0};
        links[1]->receive(links[1], &burst, memory_wire_deadline(wire));
        for (uint32_t k = 0; k < burst.count; k++) {
            assert_int_equal(burst.packets[k]->data[45], i++);
            packet_free(burst.packets[k]);
        }
    }
    tear_down();
}

static void reaches_whom_it_is_for(void **state)
{
    (void)state;
    uint8_t bytes[sizeof frame];
    set_up(4);
    memcpy(bytes, frame, sizeof bytes);
    send_bytes(links[0], bytes, sizeof bytes, 0);
    packet_free(receive_one(links[1], 0));
    assert_nothing_to_receive(links[2], 0);
    assert_nothing_to_receive(links[3], 0);
    memset(bytes, 0xff, 6);
    send_bytes(links[0], bytes, sizeof bytes, 0);
    for (int i = 1; i < 4; i++) {
        struct packet *received = receive_one(links[i], 0);
        assert_bytes(received, bytes, sizeof bytes);
        packet_free(received);
    }
    assert_nothing_to_receive(links[0], 0);
    assert_int_equal(memory_wire_statistics(wire, 0, MEMORY_WIRE_EVERY).delivered, 4);
    assert_int_equal(memory_wire_statistics(wire, 0, 2).unwanted, 1);
    tear_down();
}

static void hears_all_when_asked_to(void **state)
{
    (void)state;
    uint8_t bytes[sizeof frame];
    wire = memory_wire_create(&(struct memory_wire_options){.stations = 2});
    for (uint32_t i = 0; i < 2; i++) {
        station_make(&memories[i], 16, 0);
        links[i] = memory_wire_join(
            wire, &(struct memory_wire_station){.memory = &memories[i].memory, .hear_all = i == 1});
    }
    memcpy(bytes, frame, sizeof bytes);
    bytes[5] = 77;
    send_bytes(links[0], bytes, sizeof bytes, 0);
    packet_free(receive_one(links[1], 0));
    send_bytes(links[1], bytes, sizeof bytes, 0);
    assert_nothing_to_receive(links[0], 0);
    tear_down();
}

static void queue_is_bounded(void **state)
{
    (void)state;
    set_up(2);
    for (int delayed = 0; delayed < 2; delayed++) {
        impair((struct memory_wire_impairment){.delay_ns = delayed != 0 ? MS : 0});
        for (int i = 0; i < 100; i++)
            send_bytes(links[0], frame, sizeof frame, 0);
    }
    assert_int_equal(memory_wire_in_flight(wire, MEMORY_WIRE_EVERY), 128);
    assert_int_equal(memory_wire_statistics(wire, 0, 1).overflowed, 72);
    tear_down(); /* also frees what is on its way */
}

static void copies_as_between_machines(void **state)
{
    (void)state;
    set_up_with((struct memory_wire_options){.stations = 2, .copy = true}, 0);
    impair((struct memory_wire_impairment){.delay_ns = MS});
    send_bytes(links[0], frame, sizeof frame, 0);
    station_assert_all_free(&memories[0]);
    station_assert_all_free(&memories[1]);
    struct packet *received = receive_one(links[1], MS);
    assert_ptr_equal(received->pool, &memories[1].memory.packets);
    assert_bytes(received, frame, sizeof frame);
    packet_free(received);
    send_bytes(links[0], frame, sizeof frame, 0);
    memories[1].memory.packets.fail_at = memories[1].memory.packets.takes + 1;
    assert_nothing_to_receive(links[1], 2 * MS);
    assert_int_equal(memories[1].counters.value[CHASKI_DROP_NO_MEMORY], 1);
    tear_down();
}

static void carries_large_segments(void **state)
{
    (void)state;
    static uint8_t large[65535 + 14];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(large, frame, 14);
    for (int copy = 0; copy < 2; copy++) {
        set_up_with(
            (struct memory_wire_options){
                .stations = 2, .queue_packets = 2, .copy = copy != 0, .large = true},
            LINK_CHECKSUM | LINK_CUT);
        struct packet *packet = frame_of_bytes(&memories[0].memory, large, sizeof large);
        packet->segment_size = 1448;
        packet->checksum = CHECKSUM_PARTIAL;
        send_packet(links[0], packet, 0);
        struct packet *received = receive_one(links[1], 0);
        assert_bytes(received, large, sizeof large);
        assert_int_equal(received->segment_size, 1448);
        assert_int_equal(received->checksum, CHECKSUM_VERIFIED);
        packet_free(received);
        tear_down();
    }
}

static void carries_segments_whole_whose_sums_are_to_be_verified(void **state)
{
    (void)state;
    static uint8_t large[9000];
    memcpy(large, frame, sizeof frame);
    set_up_with((struct memory_wire_options){.stations = 2, .large = true}, LINK_WHOLE);
    struct packet *packet = frame_of_bytes(&memories[0].memory, large, sizeof large);
    packet->segment_size = 1448;
    packet->checksum = CHECKSUM_COMPLETE;
    send_packet(links[0], packet, 0);
    struct packet *received = receive_one(links[1], 0);
    assert_int_equal(received->segment_size, 1448);
    assert_int_equal(received->checksum, CHECKSUM_UNKNOWN);
    packet_free(received);
    tear_down();
}

static void distrusts_a_partial_checksum_that_it_did_not_offer_to_complete(void **state)
{
    (void)state;
    set_up(2);
    struct packet *packet = frame_of_bytes(&memories[0].memory, frame, sizeof frame);
    packet->checksum = CHECKSUM_PARTIAL;
    send_packet(links[0], packet, 0);
    struct packet *received = receive_one(links[1], 0);
    assert_int_equal(received->checksum, CHECKSUM_UNKNOWN);
    packet_free(received);
    tear_down();
}

static void refuses_frames_over_the_mtu(void **state)
{
    (void)state;
    static uint8_t big[1519];
    set_up(2);
    memcpy(big, frame, sizeof frame);
    send_bytes(links[0], big, sizeof big, 0);
    assert_nothing_to_receive(links[1], 0);
    send_bytes(links[0], big, sizeof big - 1, 0);
    packet_free(receive_one(links[1], 0));
    assert_int_equal(memory_wire_statistics(wire, 0, 1).oversized, 1);
    tear_down();
}

/* Each of the allocations that a frame of 64 kB needs fails in turn, and nothing leaks. */
static void a_copy_that_finds_no_memory_leaves_nothing(void **state)
{
    (void)state;
    static uint8_t large[FRAME_MAX + 1];
    station_make(&memories[0], 2, 4);
    struct packet_memory *memory = &memories[0].memory;
    struct pool *pools[] = {&memory->packets, &memory->small, &memory->large, &memory->large};
    for (uint32_t i = 0; i < 4; i++) {
        pools[i]->fail_at = pools[i]->takes + (i == 3 ? 2 : 1);
        assert_null(frame_of_bytes(memory, large, FRAME_MAX));
        station_assert_all_free(&memories[0]);
    }
    assert_null(frame_of_bytes(memory, large, FRAME_MAX + 1));
    struct packet *packet = frame_of_bytes(memory, large, FRAME_MAX);
    assert_int_equal(packet->length, FRAME_MAX);
    memory->small.fail_at = memory->small.takes + 1;
    assert_null(frame_copy(memory, packet));
    packet_free(packet);
    station_end(&memories[0]);
    memories[0].bytes = NULL;
}

static void refuses_options_out_of_range(void **state)
{
    (void)state;
    assert_null(
        memory_wire_create(&(struct memory_wire_options){.stations = MEMORY_WIRE_STATIONS + 1}));
    assert_null(memory_wire_create(
        &(struct memory_wire_options){.queue_packets = MEMORY_WIRE_QUEUE_MAX + 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_by_pointer),
        cmocka_unit_test(keeps_order_over_more_than_a_burst),
        cmocka_unit_test(delays),
        cmocka_unit_test(limits_the_rate_and_the_queue),
        cmocka_unit_test(loses_by_the_seed),
        cmocka_unit_test(duplicates),
        cmocka_unit_test(corrupts_one_byte_of_a_copy),
        cmocka_unit_test(corruption_spares_what_the_sender_still_holds),
        cmocka_unit_test(completes_a_checksum_before_corrupting),
        cmocka_unit_test(loses_what_corruption_would_go_unseen_in),
        cmocka_unit_test(reorders),
        cmocka_unit_test(jitter_stays_within_and_keeps_order),
        cmocka_unit_test(reaches_whom_it_is_for),
        cmocka_unit_test(hears_all_when_asked_to),
        cmocka_unit_test(queue_is_bounded),
        cmocka_unit_test(copies_as_between_machines),
        cmocka_unit_test(carries_large_segments),
        cmocka_unit_test(carries_segments_whole_whose_sums_are_to_be_verified),
        cmocka_unit_test(distrusts_a_partial_checksum_that_it_did_not_offer_to_complete),
        cmocka_unit_test(refuses_frames_over_the_mtu),
        cmocka_unit_test(a_copy_that_finds_no_memory_leaves_nothing),
        cmocka_unit_test(refuses_options_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
