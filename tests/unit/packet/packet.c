/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/packet/burst.h"
#include "core/packet/packet.h"
#include "tests/random.h"

enum { PACKETS = 16, SMALLS = 32, LARGES = 4, SIZE = 1 << 20 };

static uint8_t *base;
static struct packet_memory pools;
static struct counters counters;

/* ---- Setting up, and nothing left over at the end ---- */

static int lay_out(void **state)
{
    (void)state;
    base = aligned_alloc(MEMORY_ALIGN, SIZE);
    if (base == NULL)
        return 1;
    struct memory memory = {.base = base, .size = SIZE};
    pool_init(&pools.packets, &memory, sizeof(struct packet), PACKETS);
    pool_init(&pools.small, &memory, BUFFER_HEADER + SMALL_BUFFER, SMALLS);
    pool_init(&pools.large, &memory, BUFFER_HEADER + LARGE_BUFFER, LARGES);
    memset(&counters, 0, sizeof counters);
    return memory.used > memory.size;
}

static int leaks_nothing(void **state)
{
    (void)state;
    bool whole = pools.packets.free_count == PACKETS && pools.small.free_count == SMALLS &&
                 pools.large.free_count == LARGES;
    free(base);
    return whole ? 0 : 1;
}

/* ---- Helpers: packets whose bytes count up from 0 ---- */

static void count_up(uint8_t *bytes, uint32_t first, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)((first + i) * 37 >> 3);
}

static void check_bytes(const struct packet *packet, uint32_t first, uint32_t length)
{
    uint8_t expected[4096], found[4096];
    assert_true(length <= sizeof expected);
    assert_int_equal(packet->length, length);
    count_up(expected, first, length);
    packet_copy_out(packet, 0, found, length);
    assert_memory_equal(found, expected, length);
}

static void add_counting(struct packet *packet, uint32_t length)
{
    struct buffer *buffer = buffer_take(&pools.small, FOR_SEND);
    assert_non_null(buffer);
    count_up(buffer->data + 3, packet->length, length);
    assert_true(packet_add_fragment(packet, buffer, 3, length));
}

/* A linear part of `linear` bytes in the descriptor, then fragments. */
static struct packet *counting(uint32_t linear, const uint32_t *lengths, unsigned count)
{
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    assert_non_null(packet);
    count_up(packet_put(packet, linear), 0, linear);
    for (unsigned i = 0; i < count; i++)
        add_counting(packet, lengths[i]);
    return packet;
}

/* A frame as a driver receives it: `linear` bytes in a buffer, behind 10 bytes of head room. */
static struct packet *received(uint32_t linear)
{
    struct buffer *buffer = buffer_take(&pools.small, FOR_RECEIVE);
    assert_non_null(buffer);
    struct packet *packet = packet_take_in(&pools.packets, buffer, 10, FOR_RECEIVE);
    assert_non_null(packet);
    count_up(packet_put(packet, linear), 0, linear);
    return packet;
}

static const uint32_t three[] = {100, 1, 59};

/* ---- Tests ---- */

/* What the order of the fields is for; where pointers have 64 bits. */
static void each_part_has_its_cache_line(void **state)
{
    (void)state;
    if (sizeof(void *) != 8)
        skip();
    assert_int_equal(offsetof(struct packet, next_hop), 64);
    assert_true(offsetof(struct packet, tcp) <= 128);
    assert_true(offsetof(struct packet_tcp, run_end) <= 64);
}

static void a_new_packet_is_empty(void **state)
{
    (void)state;
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    memset(packet, 0xa5, sizeof *packet);
    pool_give(&pools.packets, packet);
    packet = packet_take(&pools.packets, FOR_SEND);
    assert_int_equal(packet->length, 0);
    assert_int_equal(packet->linear_length, 0);
    assert_int_equal(packet->fragment_count, 0);
    assert_int_equal(packet->segment_size, 0);
    assert_int_equal(packet->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(packet->flags, 0);
    assert_int_equal(packet->ip.ttl, 0);
    assert_false(packet->ip.router_alert);
    assert_true(address_unspecified(&packet->ip.source));
    assert_true(address_unspecified(&packet->next_hop));
    assert_null(packet->next);
    assert_null(packet->linear);
    assert_int_equal(packet_head_room(packet), PACKET_HEAD_ROOM);
    assert_int_equal(packet_tail_room(packet), PACKET_ROOM - PACKET_HEAD_ROOM);
    packet_free(packet);
}

static void headers_are_pushed_and_pulled(void **state)
{
    (void)state;
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    memcpy(packet_put(packet, 4), "data", 4);
    memcpy(packet_push(packet, 3), "tcp", 3);
    packet_set_transport(packet);
    memcpy(packet_push(packet, 2), "ip", 2);
    packet_set_network(packet);
    assert_int_equal(packet->length, 9);
    assert_int_equal(packet->linear_length, 9);
    assert_memory_equal(packet->data, "iptcpdata", 9);
    assert_int_equal(packet_head_room(packet), PACKET_HEAD_ROOM - 5);
    assert_memory_equal(packet_pull(packet, 5), "data", 4);
    assert_int_equal(packet->length, 4);
    assert_memory_equal(packet_network(packet), "ip", 2); /* pulled, yet still there */
    assert_memory_equal(packet_transport(packet), "tcp", 3);
    packet_free(packet);
}

static void a_received_frame_lies_in_its_buffer(void **state)
{
    (void)state;
    struct packet *packet = received(100);
    assert_int_equal(packet_head_room(packet), 10);
    assert_int_equal(packet_tail_room(packet), SMALL_BUFFER - 110);
    check_bytes(packet, 0, 100);
    packet_free(packet);
}

static void without_a_descriptor_the_buffer_stays_with_the_caller(void **state)
{
    (void)state;
    struct buffer *buffer = buffer_take(&pools.small, FOR_RECEIVE);
    pools.packets.fail_at = pools.packets.takes + 1;
    assert_null(packet_take_in(&pools.packets, buffer, 0, FOR_RECEIVE));
    assert_int_equal(buffer->references, 1);
    buffer_drop(buffer);
    pools.packets.fail_at = pools.packets.takes + 1;
    assert_null(packet_take(&pools.packets, FOR_RECEIVE));
}

static void there_are_no_more_fragments_than_declared(void **state)
{
    (void)state;
    static const uint32_t lengths[PACKET_FRAGMENTS] = {1, 2, 3, 4, 5};
    struct packet *packet = counting(10, lengths, PACKET_FRAGMENTS);
    struct buffer *buffer = buffer_take(&pools.small, FOR_SEND);
    assert_false(packet_add_fragment(packet, buffer, 0, 1));
    assert_int_equal(packet->length, 25);
    assert_int_equal(packet_tail_room(packet), 0);
    buffer_drop(buffer);
    packet_free(packet);
}

static void trims_to_any_length(void **state)
{
    (void)state;
    for (uint32_t length = 0; length <= 200; length++) {
        struct packet *packet = counting(40, three, 3);
        packet_trim(packet, length);
        check_bytes(packet, 0, length);
        unsigned fragments = (length > 40) + (length > 140) + (length > 141);
        assert_int_equal(packet->fragment_count, fragments);
        assert_int_equal(pools.small.free_count, SMALLS - fragments);
        packet_free(packet);
    }
}

static void consumes_from_the_front(void **state)
{
    (void)state;
    for (uint32_t first = 0; first <= 200; first++) {
        struct packet *packet = counting(40, three, 3);
        packet_consume(packet, first / 3); /* in two steps */
        packet_consume(packet, first - first / 3);
        check_bytes(packet, first, 200 - first);
        unsigned fragments = 3 - (unsigned)((first >= 140) + (first >= 141) + (first >= 200));
        assert_int_equal(packet->fragment_count, fragments);
        assert_int_equal(pools.small.free_count, SMALLS - fragments);
        packet_free(packet);
    }
}

static void copies_out_from_anywhere(void **state)
{
    (void)state;
    struct packet *packet = counting(40, three, 3);
    for (uint32_t offset = 0; offset <= 200; offset++) {
        for (uint32_t length = 0; length <= 200 - offset; length += 7) {
            uint8_t found[201], expected[200];
            found[length] = 0xa5;
            packet_copy_out(packet, offset, found, length);
            count_up(expected, offset, length);
            assert_memory_equal(found, expected, length);
            assert_int_equal(found[length], 0xa5);
        }
    }
    packet_free(packet);
}

/* ---- Pulling up ---- */

static void pulls_up_into_the_room_behind(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= 128; n++) {
        struct packet *packet = counting(40, three, 3);
        assert_true(packet_pull_up(packet, n, &pools));
        assert_true(packet->linear_length >= n);
        assert_null(packet->linear);
        check_bytes(packet, 0, 200);
        packet_free(packet);
    }
}

static void pulls_up_into_a_buffer_with_the_headers_before(void **state)
{
    (void)state;
    struct packet *packet = counting(40, three, 3);
    memcpy(packet_push(packet, 2), "ip", 2);
    packet_set_network(packet);
    packet_pull(packet, 2);
    assert_true(packet_pull_up(packet, 180, &pools));
    assert_int_equal(packet->linear_length, 180);
    assert_int_equal(packet->fragment_count, 1);
    assert_int_equal(packet_head_room(packet), PACKET_HEAD_ROOM);
    assert_memory_equal(packet_network(packet), "ip", 2);
    check_bytes(packet, 0, 200);
    packet_free(packet);
}

static void pulls_up_into_a_large_buffer(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1900, 1900};
    struct packet *packet = counting(10, lengths, 2);
    assert_true(packet_pull_up(packet, 3000, &pools));
    assert_int_equal(pools.large.free_count, LARGES - 1);
    check_bytes(packet, 0, 3810);
    packet_free(packet);
}

/* Bytes that somebody else may see never change, nor do those behind, which may be somebody's. */
static void pulls_up_without_touching_shared_memory(void **state)
{
    (void)state;
    struct packet *packet = received(30);
    add_counting(packet, 50);
    struct buffer *shared = buffer_hold(packet->linear);
    memset(shared->data + 40, 0xa5, 100);
    assert_true(packet_pull_up(packet, 60, &pools));
    check_bytes(packet, 0, 80);
    assert_ptr_not_equal(packet->linear, shared);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(shared->data[40 + i], 0xa5);
    assert_int_equal(shared->references, 1);
    buffer_drop(shared);
    packet_free(packet);
}

static void keep(struct buffer *buffer)
{
    (void)buffer;
}

static void pulls_up_without_touching_foreign_memory(void **state)
{
    (void)state;
    uint8_t bytes[100];
    struct buffer foreign = {1, sizeof bytes, bytes, keep, NULL, NULL};
    memset(bytes, 0xa5, sizeof bytes);
    struct packet *packet = packet_take_in(&pools.packets, &foreign, 0, FOR_SEND);
    count_up(packet_put(packet, 20), 0, 20);
    add_counting(packet, 50);
    assert_true(packet_pull_up(packet, 60, &pools));
    check_bytes(packet, 0, 70);
    assert_int_equal(foreign.references, 0);
    assert_int_equal(bytes[20], 0xa5);
    packet_free(packet);
}

static void pulls_up_all_or_nothing(void **state)
{
    (void)state;
    struct packet *packet = counting(40, three, 3);
    assert_false(packet_pull_up(packet, 201, &pools));
    pools.small.fail_at = pools.small.takes + 1;
    assert_false(packet_pull_up(packet, 150, &pools));
    check_bytes(packet, 0, 200);
    assert_int_equal(packet->linear_length, 40);
    assert_int_equal(packet->fragment_count, 3);
    packet_free(packet);
}

/* ---- Slices ---- */

static void slices_refer_to_the_same_bytes(void **state)
{
    (void)state;
    struct packet *packet = received(60);
    add_counting(packet, 100);
    add_counting(packet, 40);
    for (uint32_t offset = 0; offset <= 200; offset += 3) {
        for (uint32_t length = 0; length <= 200 - offset; length += 5) {
            struct packet *slice = packet_slice(packet, offset, length, &pools.packets, FOR_SEND);
            assert_non_null(slice);
            assert_int_equal(slice->linear_length, 0);
            assert_int_equal(packet_head_room(slice), PACKET_HEAD_ROOM);
            check_bytes(slice, offset, length);
            packet_free(slice);
        }
    }
    assert_int_equal(packet->linear->references, 1);
    check_bytes(packet, 0, 200);
    packet_free(packet);
}

static void a_slice_outlives_its_packet(void **state)
{
    (void)state;
    struct packet *packet = received(60);
    add_counting(packet, 100);
    struct packet *slice = packet_slice(packet, 50, 20, &pools.packets, FOR_SEND);
    packet_free(packet);
    assert_int_equal(pools.small.free_count, SMALLS - 2);
    check_bytes(slice, 50, 20);
    packet_free(slice);
}

static void a_slice_copies_what_has_no_buffer(void **state)
{
    (void)state;
    struct packet *packet = counting(40, three, 3);
    struct packet *slice = packet_slice(packet, 30, 20, &pools.packets, FOR_SEND);
    assert_int_equal(slice->linear_length, 10);
    memset(packet->data, 0xff, 40);
    check_bytes(slice, 30, 20);
    packet_free(packet);
    packet_free(slice);
}

static void a_slice_that_cannot_be_leaves_nothing(void **state)
{
    (void)state;
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    count_up(packet_put(packet, 128), 1, 128);
    count_up(packet_push(packet, 1), 0, 1);
    assert_null(packet_slice(packet, 0, 129, &pools.packets, FOR_SEND));
    pools.packets.fail_at = pools.packets.takes + 1;
    assert_null(packet_slice(packet, 0, 10, &pools.packets, FOR_SEND));
    check_bytes(packet, 0, 129);
    packet_free(packet);

    packet = received(10);
    for (unsigned i = 0; i < PACKET_FRAGMENTS; i++)
        add_counting(packet, 10);
    assert_null(packet_slice(packet, 5, 55, &pools.packets, FOR_SEND)); /* six pieces */
    struct packet *slice = packet_slice(packet, 10, 50, &pools.packets, FOR_SEND);
    check_bytes(slice, 10, 50);
    packet_free(slice);
    packet_free(packet);
}

/* ---- Checksums ---- */

static void sums_across_odd_pieces(void **state)
{
    (void)state;
    static const uint32_t odd[] = {33, 1, 7, 100, 19};
    struct packet *packet = counting(41, odd, 5);
    uint8_t bytes[201];
    packet_copy_out(packet, 0, bytes, sizeof bytes);
    for (uint32_t offset = 0; offset <= sizeof bytes; offset++) {
        uint64_t whole = checksum_partial(bytes + offset, sizeof bytes - offset);
        assert_int_equal(checksum_fold(packet_checksum_partial(packet, offset)),
                         checksum_fold(whole));
    }
    packet_free(packet);
}

/* From port 50000 to port 53, "hi!", between 192.0.2.1 and 192.0.2.2: the checksum is 2ee5. */
static void completes_a_checksum(void **state)
{
    (void)state;
    static const uint8_t header[] = {0xc3, 0x50, 0x00, 0x35, 0x00, 0x0b, 0x84, 0x20};
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    struct buffer *buffer = buffer_take(&pools.small, FOR_SEND);
    memcpy(packet_put(packet, 8), header, 8);
    packet_set_transport(packet);
    memset(packet_push(packet, 20), 0xee, 20); /* another header in front does not count */
    memcpy(buffer->data, "hi!", 3);
    packet_add_fragment(packet, buffer, 0, 3);
    packet->checksum_field = 6;
    packet_checksum_complete(packet); /* nothing: not PARTIAL */
    assert_memory_equal(packet->data + 26, header + 6, 2);
    packet->checksum = CHECKSUM_PARTIAL;
    packet_checksum_complete(packet);
    assert_int_equal(packet->data[26], 0x2e);
    assert_int_equal(packet->data[27], 0xe5);
    assert_int_equal(packet->checksum, CHECKSUM_COMPLETE);
    packet_free(packet);
}

/* RFC 768: a checksum that comes out as 0 is sent as its equal, since 0 says that there is none. */
static void never_completes_to_zero(void **state)
{
    (void)state;
    struct packet *packet = packet_take(&pools.packets, FOR_SEND);
    memcpy(packet_put(packet, 4), (const uint8_t[]){0xff, 0xf0, 0x00, 0x0f}, 4);
    packet_set_transport(packet);
    packet->checksum_field = 2;
    packet->checksum = CHECKSUM_PARTIAL;
    packet_checksum_complete(packet);
    assert_memory_equal(packet->data + 2, ((const uint8_t[]){0xff, 0xff}), 2);
    packet_free(packet);
}

/* ---- Everything at random against a plain array ---- */

static void act(struct packet **packet, uint64_t *seed, uint32_t *first, uint32_t *length)
{
    uint32_t n = random_below(seed, *length + 1);
    struct packet *slice;
    switch (random_below(seed, 6)) {
    case 0:
        if (n < 40) {
            packet_consume(*packet, n);
            *first += n;
            *length -= n;
        }
        break;
    case 1:
        packet_trim(*packet, *length - n % 30);
        *length -= n % 30;
        break;
    case 2:
        assert_true(packet_pull_up(*packet, n, &pools));
        break;
    case 3:
        slice = packet_slice(*packet, n / 8, *length - n / 8, &pools.packets, FOR_SEND);
        if (slice != NULL) {
            packet_free(*packet);
            *packet = slice;
            *first += n / 8;
            *length -= n / 8;
        }
        break;
    default:
        if ((*packet)->fragment_count < PACKET_FRAGMENTS && *length < 1500) {
            struct buffer *buffer = buffer_take(&pools.small, FOR_SEND);
            count_up(buffer->data, *first + *length, 1 + n / 4);
            packet_add_fragment(*packet, buffer, 0, 1 + n / 4);
            *length += 1 + n / 4;
        }
    }
}

static void keeps_its_bytes_whatever_is_done(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        uint32_t first = 0, length = 30;
        struct packet *packet = seed % 2 == 0 ? received(length) : counting(length, NULL, 0);
        for (unsigned step = 0; step < 60; step++) {
            act(&packet, &random, &first, &length);
            check_bytes(packet, first, length);
        }
        packet_free(packet);
    }
}

/* ---- Dropping and hooks ---- */

static void a_drop_is_counted(void **state)
{
    (void)state;
    packet_drop(received(10), &counters, CHASKI_DROP_NO_MEMORY);
    assert_int_equal(counters.value[CHASKI_DROP_NO_MEMORY], 1);
    assert_int_equal(counters.value[CHASKI_DROP_NOT_WIRED], 0);
}

static void an_unwired_hook_drops_and_counts(void **state)
{
    (void)state;
    struct hook hook = {hook_not_wired, &counters};
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < 3; i++)
        burst_add(&burst, counting(5, three, 1), &hook, 0);
    assert_int_equal(burst.count, 3);
    hook_call(&hook, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(counters.value[CHASKI_DROP_NOT_WIRED], 3);
    hook_call(&hook, &burst, 0);
    assert_int_equal(counters.value[CHASKI_DROP_NOT_WIRED], 3);
}

static void note_burst(void *block, struct burst *burst, uint64_t now_ns)
{
    assert_int_equal(now_ns, 77);
    *(uint32_t *)block += burst->count;
    burst->count = 0;
}

static void a_full_burst_is_passed_on(void **state)
{
    (void)state;
    uint32_t seen = 0;
    struct hook hook = {note_burst, &seen};
    struct burst burst = {.count = 0};
    struct packet packet;
    for (unsigned i = 0; i < BURST_MAX; i++) {
        assert_int_equal(seen, 0);
        burst_add(&burst, &packet, &hook, 77);
    }
    assert_int_equal(seen, BURST_MAX);
    assert_int_equal(burst.count, 0);
}

static void every_counter_has_a_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHASKI_COUNTER_COUNT; i++) {
        const char *label = chaski_counter_label(i);
        assert_non_null(strchr(label, '.'));
        assert_true(strlen(chaski_counter_meaning(i)) > 5);
        for (unsigned other = 0; other < i; other++)
            assert_string_not_equal(label, chaski_counter_label(other));
    }
    assert_string_equal(chaski_counter_label(CHASKI_DROP_NO_MEMORY), "drop.no_memory");
    assert_null(chaski_counter_label(CHASKI_COUNTER_COUNT));
    assert_null(chaski_counter_meaning((enum chaski_counter) - 1));
}

#define WITH_POOLS(test) cmocka_unit_test_setup_teardown(test, lay_out, leaks_nothing)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOLS(each_part_has_its_cache_line),
        WITH_POOLS(a_new_packet_is_empty),
        WITH_POOLS(headers_are_pushed_and_pulled),
        WITH_POOLS(a_received_frame_lies_in_its_buffer),
        WITH_POOLS(without_a_descriptor_the_buffer_stays_with_the_caller),
        WITH_POOLS(there_are_no_more_fragments_than_declared),
        WITH_POOLS(trims_to_any_length),
        WITH_POOLS(consumes_from_the_front),
        WITH_POOLS(copies_out_from_anywhere),
        WITH_POOLS(pulls_up_into_the_room_behind),
        WITH_POOLS(pulls_up_into_a_buffer_with_the_headers_before),
        WITH_POOLS(pulls_up_into_a_large_buffer),
        WITH_POOLS(pulls_up_without_touching_shared_memory),
        WITH_POOLS(pulls_up_without_touching_foreign_memory),
        WITH_POOLS(pulls_up_all_or_nothing),
        WITH_POOLS(slices_refer_to_the_same_bytes),
        WITH_POOLS(a_slice_outlives_its_packet),
        WITH_POOLS(a_slice_copies_what_has_no_buffer),
        WITH_POOLS(a_slice_that_cannot_be_leaves_nothing),
        WITH_POOLS(sums_across_odd_pieces),
        WITH_POOLS(completes_a_checksum),
        WITH_POOLS(never_completes_to_zero),
        WITH_POOLS(keeps_its_bytes_whatever_is_done),
        WITH_POOLS(a_drop_is_counted),
        WITH_POOLS(an_unwired_hook_drops_and_counts),
        WITH_POOLS(a_full_burst_is_passed_on),
        WITH_POOLS(every_counter_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
