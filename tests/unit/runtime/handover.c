/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/handover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/packet/burst.h"

/* Both ends in one thread. */

enum { PACKETS = 600, SMALL = 600, LARGE = 16, MS = 1000000 };

struct end {
    struct packet_memory memory;
    void *bytes;
};

static void make_end(struct end *end)
{
    struct memory memory = {.size = (PACKETS + SMALL) * 3072 + LARGE * 40000};
    memory.base = end->bytes = aligned_alloc(64, memory.size / 64 * 64);
    assert_non_null(memory.base);
    pool_init(&end->memory.packets, &memory, sizeof(struct packet), PACKETS);
    pool_init(&end->memory.small, &memory, BUFFER_HEADER + SMALL_BUFFER, SMALL);
    pool_init(&end->memory.large, &memory, BUFFER_HEADER + LARGE_BUFFER, LARGE);
    assert_true(memory.used <= memory.size);
}

static void end_end(struct end *end)
{
    assert_int_equal(end->memory.packets.free_count, PACKETS);
    assert_int_equal(end->memory.small.free_count, SMALL);
    assert_int_equal(end->memory.large.free_count, LARGE);
    free(end->bytes);
}

/* A packet of two parts, all of whose bytes differ from their neighbours. */
static struct packet *make_packet(struct end *end, uint32_t length)
{
    struct packet *packet = packet_take(&end->memory.packets, FOR_RECEIVE);
    assert_non_null(packet);
    for (uint32_t i = 0; i < 60; i++)
        packet_put(packet, 1)[0] = (uint8_t)i;
    if (length > 60) {
        struct buffer *buffer = buffer_take(&end->memory.large, FOR_RECEIVE);
        assert_non_null(buffer);
        for (uint32_t i = 60; i < length; i++)
            buffer->data[i] = (uint8_t)i;
        assert_true(packet_add_fragment(packet, buffer, 60, length - 60));
    }
    return packet;
}

static struct packet *take_packet(struct handover *handover, struct end *end, enum handed kind)
{
    struct handed_item item;
    assert_true(handover_take(handover, &end->memory, &item));
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.interface, 3);
    assert_non_null(item.packet);
    return item.packet;
}

static void the_taker_gets_a_copy(void **state)
{
    struct end giver, taker;
    struct handover handover;
    uint8_t bytes[20000];
    (void)state;
    make_end(&giver);
    make_end(&taker);
    assert_true(handover_open(&handover));
    struct packet *packet = make_packet(&giver, sizeof bytes);
    packet_pull(packet, 20);
    packet_set_transport(packet);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = 16;
    packet->segment_size = 1448;
    packet->protocol = 0x800;
    packet->ip.ttl = 17;
    packet->next_hop.bytes[15] = 9;
    packet->interface = 5;
    packet->flags = 1;
    packet->link_destination[5] = 8;
    assert_true(handover_is_empty(&handover));
    assert_true(handover_lend(&handover, packet, HANDED_RESOLVE, 3));
    assert_false(handover_is_empty(&handover));
    struct packet *copy = take_packet(&handover, &taker, HANDED_RESOLVE);
    assert_ptr_not_equal(copy, packet);
    assert_int_equal(copy->length, packet->length);
    packet_copy_out(copy, 0, bytes, copy->length);
    for (uint32_t i = 0; i < copy->length; i++)
        assert_int_equal(bytes[i], (uint8_t)(i + 20));
    assert_ptr_equal(packet_transport(copy), copy->data);
    assert_int_equal(copy->checksum, CHECKSUM_PARTIAL);
    assert_int_equal(copy->checksum_field, 16);
    assert_int_equal(copy->segment_size, 1448);
    assert_int_equal(copy->protocol, 0x800);
    assert_int_equal(copy->ip.ttl, 17);
    assert_int_equal(copy->next_hop.bytes[15], 9);
    assert_int_equal(copy->interface, 5);
    assert_int_equal(copy->flags, 1);
    assert_int_equal(copy->link_destination[5], 8);
    packet_free(copy);
    assert_int_equal(giver.memory.packets.free_count, PACKETS - 1); /* it is the giver's to free */
    handover_free(&handover);
    handover_close(&handover);
    end_end(&giver);
    end_end(&taker);
}

static void what_is_lent_is_limited(void **state)
{
    struct end giver, taker;
    struct handover handover;
    (void)state;
    make_end(&giver);
    make_end(&taker);
    assert_true(handover_open(&handover));
    for (int i = 0; i < HANDOVER_LENT - BURST_MAX; i++) {
        assert_true(handover_has_room(&handover, BURST_MAX, 1 * MS));
        assert_true(handover_lend(&handover, make_packet(&giver, 60), HANDED_FRAME, 3));
    }
    assert_true(handover_has_room(&handover, BURST_MAX, 1 * MS));
    for (int i = 0; i < BURST_MAX; i++) {
        assert_true(handover_has_room(&handover, 1, 2 * MS));
        assert_true(handover_lend(&handover, make_packet(&giver, 60), HANDED_FRAME, 3));
    }
    assert_false(handover_has_room(&handover, 1, 2 * MS));
    assert_false(handover_has_room(&handover, BURST_MAX, 2 * MS));
    struct packet *more = make_packet(&giver, 60);
    assert_false(handover_lend(&handover, more, HANDED_FRAME, 3));
    assert_false(handover_has_room(&handover, BURST_MAX, 101 * MS));
    assert_true(handover_has_room(&handover, BURST_MAX, 103 * MS)); /* the taker is stuck */
    for (int i = 0; i < BURST_MAX; i++)
        packet_free(take_packet(&handover, &taker, HANDED_FRAME));
    assert_true(handover_has_room(&handover, BURST_MAX, 104 * MS));
    assert_true(handover_lend(&handover, more, HANDED_FRAME, 3));
    assert_false(handover_has_room(&handover, BURST_MAX, 105 * MS)); /* full anew */
    handover_close(&handover); /* gives back what was not taken */
    end_end(&giver);
    end_end(&taker);
}

/* A giver that fills each place as soon as it is free leaves no room for a burst, for ever. */
static void who_takes_slowly_is_not_stuck(void **state)
{
    struct end giver, taker;
    struct handover handover;
    (void)state;
    make_end(&giver);
    make_end(&taker);
    assert_true(handover_open(&handover));
    for (int i = 0; i < HANDOVER_LENT; i++)
        assert_true(handover_lend(&handover, make_packet(&giver, 60), HANDED_SEND, 3));
    for (unsigned i = 1; i < 50; i++) {
        assert_false(handover_has_room(&handover, 1, i * 10 * MS));
        packet_free(take_packet(&handover, &taker, HANDED_SEND));
        handover_free(&handover);
        assert_true(handover_has_room(&handover, 1, i * 10 * MS));
        assert_true(handover_lend(&handover, make_packet(&giver, 60), HANDED_SEND, 3));
    }
    assert_false(handover_has_room(&handover, 1, 580 * MS));
    assert_true(handover_has_room(&handover, 1, 600 * MS));
    handover_close(&handover);
    end_end(&giver);
    end_end(&taker);
}

static void without_memory_the_packet_goes_back_all_the_same(void **state)
{
    struct end giver, taker;
    struct handover handover;
    struct handed_item item;
    (void)state;
    make_end(&giver);
    make_end(&taker);
    assert_true(handover_open(&handover));
    taker.memory.packets.fail_at = taker.memory.packets.takes + 1;
    assert_true(handover_lend(&handover, make_packet(&giver, 60), HANDED_FRAME, 3));
    assert_true(handover_take(&handover, &taker.memory, &item));
    assert_null(item.packet);
    handover_free(&handover);
    assert_int_equal(handover.lent, 0);
    handover_close(&handover);
    end_end(&giver);
    end_end(&taker);
}

static void news_pass_without_a_packet(void **state)
{
    struct end taker;
    struct handover handover;
    struct handed_item item;
    (void)state;
    make_end(&taker);
    assert_true(handover_open(&handover));
    handover_tell(&handover, 2, 15, 0xc0000201);
    assert_true(handover_take(&handover, &taker.memory, &item));
    assert_int_equal(item.kind, HANDED_NEWS);
    assert_int_equal(item.news, 2);
    assert_int_equal(item.interface, 15);
    assert_int_equal(item.address, 0xc0000201);
    assert_null(item.packet);
    assert_false(handover_take(&handover, &taker.memory, &item));
    for (int i = 0; i < 2 * HANDOVER_LENT; i++)
        handover_tell(&handover, 2, 15, 1); /* what there is no room for is forgotten */
    handover_close(&handover);
    end_end(&taker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_taker_gets_a_copy),
        cmocka_unit_test(what_is_lent_is_limited),
        cmocka_unit_test(who_takes_slowly_is_not_stuck),
        cmocka_unit_test(without_memory_the_packet_goes_back_all_the_same),
        cmocka_unit_test(news_pass_without_a_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
