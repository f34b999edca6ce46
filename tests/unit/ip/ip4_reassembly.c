/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/base/address.h"
#include "core/ip/ip4_reassembly.h"
#include "tests/random.h"

enum { DATAGRAMS = 8, FRAGMENTS = 256, BYTES = 1 << 20, UDP = 17 };

struct bench {
    struct blocks *blocks;
    struct ip4_reassembly reassembly;
    struct packet *expired;
    uint32_t expired_count;
};

static void note_expired(void *block, struct packet *first, uint64_t now_ns)
{
    struct bench *bench = block;
    (void)now_ns;
    if (bench->expired != NULL)
        packet_free(bench->expired);
    bench->expired = first;
    bench->expired_count++;
}

static void set_up(struct bench *bench)
{
    static const struct ip4_reassembly_limits limits = {DATAGRAMS, FRAGMENTS, BYTES};
    memset(bench, 0, sizeof *bench);
    struct blocks *blocks = bench->blocks = blocks_make(512);
    for (unsigned pass = 0; pass < 2; pass++) {
        if (pass == 1)
            blocks_give_tables(blocks);
        ip4_reassembly_init(&bench->reassembly, &blocks->tables, &limits, &blocks->memory,
                            &blocks->counters, &blocks->wheel, &test_key);
    }
    bench->reassembly.expired = note_expired;
    bench->reassembly.expired_block = bench;
}

static void assert_holds_nothing(const struct bench *bench)
{
    assert_int_equal(bench->reassembly.fragments, 0);
    assert_int_equal(bench->reassembly.bytes, 0);
    assert_true(list_empty(&bench->reassembly.used));
    blocks_assert_nothing_held(bench->blocks);
}

static void tear_down(struct bench *bench)
{
    timer_wheel_run(&bench->blocks->wheel, 100000 * SECOND);
    assert_int_equal(timer_wheel_deadline(&bench->blocks->wheel), TIMER_NEVER);
    if (bench->expired != NULL)
        packet_free(bench->expired);
    assert_holds_nothing(bench);
    blocks_end(bench->blocks);
}

static struct packet *add(struct bench *bench, struct packet *packet)
{
    return ip4_reassembly_add(&bench->reassembly, packet, bench->blocks->wheel.now_ns);
}

static struct packet *add_hex(struct bench *bench, const char *text)
{
    return add(bench, packet_of_hex(bench->blocks, text));
}

static uint8_t pattern(uint32_t at)
{
    return (uint8_t)(at * 13 + at / 256);
}

/* A fragment of a datagram whose bytes follow the pattern. */
static struct packet *fragment(struct bench *bench, uint32_t source, uint16_t identification,
                               uint32_t offset, uint32_t length, bool more)
{
    static uint8_t bytes[32768];
    hex_read("45000000 00000000 40110000 0a000002 0a000001", bytes, 20);
    store_be16(bytes + 2, (uint16_t)(20 + length));
    store_be16(bytes + 4, identification);
    store_be16(bytes + 6, (uint16_t)(offset / 8 | (more ? 0x2000u : 0u)));
    store_be32(bytes + 12, source);
    for (uint32_t i = 0; i < length; i++)
        bytes[20 + i] = pattern(offset + i);
    return packet_with(bench->blocks, bytes, 20 + length);
}

static struct packet *add_part(struct bench *bench, uint16_t identification, uint32_t offset,
                               uint32_t length, bool more)
{
    return add(bench, fragment(bench, 0x0a000002, identification, offset, length, more));
}

/* The whole datagram: a sound header of its own, then `length` bytes of the pattern. */
static void assert_whole(struct packet *packet, uint32_t length)
{
    static uint8_t bytes[65536];
    assert_non_null(packet);
    assert_int_equal(packet->length, 20 + length);
    packet_copy_out(packet, 0, bytes, packet->length);
    assert_int_equal(load_be16(bytes + 2), 20 + length);
    assert_int_equal(load_be16(bytes + 6), 0);
    assert_int_equal(plain_sum(bytes, 20, 0), 0xffff);
    for (uint32_t i = 0; i < length; i++)
        assert_int_equal(bytes[20 + i], pattern(i));
    packet_free(packet);
}

/* ---- Putting together ---- */

/* RFC 791 MUST-9; RFC 1122 MUST-10 */
static void three_fragments_in_any_order_make_a_datagram(void **state)
{
    (void)state;
    static const char *const parts[3] = {
        "4500001c 00772000 40114658 0a000002 0a000001 10111213 14151617",
        "4500001c 00772001 40114657 0a000002 0a000001 18191a1b 1c1d1e1f",
        "45000018 00770002 4011665a 0a000002 0a000001 20212223",
    };
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 6; i++) {
        assert_null(add_hex(&bench, parts[orders[i][0]]));
        assert_null(add_hex(&bench, parts[orders[i][1]]));
        struct packet *packet = add_hex(&bench, parts[orders[i][2]]);
        assert_non_null(packet);
        assert_bytes(packet, "45000028 00770000 4011664c 0a000002 0a000001 "
                             "10111213 14151617 18191a1b 1c1d1e1f 20212223");
        assert_ptr_equal(packet_network(packet), packet->data);
        packet_free(packet);
        assert_holds_nothing(&bench);
    }
    assert_int_equal(counted(bench.blocks, CHASKI_IP4_REASSEMBLED), 6);
    tear_down(&bench);
}

/* RFC 3168 MUST-1 */
static void congestion_met_by_one_fragment_was_met_by_the_whole(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    add_hex(&bench, "4502001c 00772000 40114656 0a000002 0a000001 10111213 14151617");
    struct packet *packet =
        add_hex(&bench, "4503001c 00770001 40116654 0a000002 0a000001 18191a1b 1c1d1e1f");
    assert_bytes(packet, "45030024 00770000 4011664d 0a000002 0a000001 "
                         "10111213 14151617 18191a1b 1c1d1e1f");
    packet_free(packet);
    tear_down(&bench);
}

static void few_fragments_are_referred_to_and_many_are_copied(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    for (unsigned i = 0; i < 5; i++)
        assert_null(add_part(&bench, 1, i * 1480, 1480, true));
    struct packet *packet = add_part(&bench, 1, 5 * 1480, 7, false);
    assert_int_equal(packet->fragment_count, 5);
    assert_int_equal(bench.blocks->memory.large.free_count, bench.blocks->memory.large.total);
    assert_whole(packet, 5 * 1480 + 7);
    for (unsigned i = 0; i < 6; i++)
        assert_null(add_part(&bench, 2, i * 1480, 1480, true));
    packet = add_part(&bench, 2, 6 * 1480, 7, false);
    assert_int_equal(packet->fragment_count, 1);
    assert_whole(packet, 6 * 1480 + 7);
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

/* RFC 791 MUST-4; RFC 1122 MUST-33 */
static void the_largest_datagram_can_be_put_together(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t offset = 0;
    set_up(&bench);
    for (; offset + 1480 < 65515; offset += 1480)
        assert_null(add_part(&bench, 1, offset, 1480, true));
    assert_whole(add_part(&bench, 1, offset, 65515 - offset, false), 65515);
    tear_down(&bench);
}

static void fragments_in_the_packets_own_room_are_copied(void **state)
{
    (void)state;
    struct bench bench;
    struct packet *whole = NULL;
    set_up(&bench);
    for (unsigned i = 0; i < 3; i++) {
        struct packet *source = fragment(&bench, 0x0a000002, 5, i * 64, 64, i < 2);
        struct packet *packet = packet_take(&bench.blocks->memory.packets, FOR_CONTROL);
        packet_copy_out(source, 0, packet_put(packet, source->length), source->length);
        packet_free(source);
        whole = add(&bench, packet);
    }
    assert_whole(whole, 192);
    tear_down(&bench);
}

static void a_first_fragment_that_is_itself_in_pieces_is_kept_whole(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet_memory *memory = &bench.blocks->memory;
    for (unsigned parts = 3; parts < 9; parts += 5) { /* attached, and copied */
        struct packet *whole = fragment(&bench, 0x0a000002, 5, 0, 1480, true);
        struct packet *first = packet_slice(whole, 120, 1380, &memory->packets, FOR_CONTROL);
        memcpy(packet_push(first, 120), whole->data, 120);
        packet_free(whole);
        assert_int_equal(first->linear_length, 120);
        assert_null(add(&bench, first));
        assert_int_equal(bench.reassembly.bytes, sizeof(struct packet) + SMALL_BUFFER);
        for (unsigned i = 1; i + 1 < parts; i++)
            assert_null(add_part(&bench, 5, i * 1480, 1480, true));
        assert_whole(add_part(&bench, 5, (parts - 1) * 1480, 100, false), (parts - 1) * 1480 + 100);
    }
    tear_down(&bench);
}

static void fragments_that_others_look_at_too_are_left_as_they_are(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    struct packet *first = fragment(&bench, 0x0a000002, 9, 0, 64, true);
    struct packet *witness =
        packet_slice(first, 0, first->length, &bench.blocks->memory.packets, FOR_CONTROL);
    uint8_t before[84], after[84];
    packet_copy_out(witness, 0, before, 84);
    assert_null(add(&bench, first));
    assert_whole(add_part(&bench, 9, 64, 8, false), 72);
    packet_copy_out(witness, 0, after, 84);
    assert_memory_equal(before, after, 84);
    packet_free(witness);
    tear_down(&bench);
}

/* RFC 791 MUST-6; RFC 6864 MUST-3 */
static void datagrams_are_told_apart(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add(&bench, fragment(&bench, 0x0a000002, 1, 0, 8, true)));
    assert_null(add(&bench, fragment(&bench, 0x0a000003, 1, 8, 8, false))); /* another source */
    assert_null(add(&bench, fragment(&bench, 0x0a000002, 2, 8, 8, false))); /* identification */
    struct packet *other = fragment(&bench, 0x0a000002, 1, 8, 8, false);
    other->data[9] = 6; /* protocol */
    assert_null(add(&bench, other));
    other = fragment(&bench, 0x0a000002, 1, 8, 8, false);
    other->data[19] = 9; /* destination */
    assert_null(add(&bench, other));
    assert_whole(add(&bench, fragment(&bench, 0x0a000002, 1, 8, 8, false)), 16);
    tear_down(&bench);
}

/* RFC 791 MUST-9 */
static void random_orders_with_copies_give_the_same_datagram(void **state)
{
    (void)state;
    struct bench bench;
    uint64_t seed = 7;
    set_up(&bench);
    for (unsigned round = 0; round < 200; round++) {
        uint8_t order[40] = {0};
        uint32_t parts = 2 + random_below(&seed, 39);
        struct packet *whole = NULL;
        for (uint32_t i = 0; i < parts; i++) {
            uint32_t j = random_below(&seed, i + 1);
            order[i] = order[j];
            order[j] = (uint8_t)i;
        }
        for (uint32_t i = 0; i < parts; i++) {
            uint32_t again = order[random_below(&seed, i + 1)];
            assert_null(whole);
            whole = add_part(&bench, (uint16_t)round, order[i] * 24u, 24, order[i] + 1u < parts);
            if (whole == NULL && random_below(&seed, 3) == 0)
                assert_null(add_part(&bench, (uint16_t)round, again * 24, 24, again + 1 < parts));
        }
        assert_whole(whole, parts * 24);
    }
    assert_holds_nothing(&bench);
    assert_true(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_TWICE) > 100);
    tear_down(&bench);
}

/* ---- Hostile input ---- */

static void row_1_fragments_that_overlap_end_the_datagram(void **state)
{
    (void)state;
    static const struct {
        uint16_t offset, length;
        bool more;
    } second[] = {
        {24, 24, true}, /* reaches into the first from behind */
        {16, 24, true}, /* likewise, deeper */
        {0, 40, true},  /* encloses it */
        {24, 4, false}, /* says that the datagram ends within it */
        {0, 16, false},
    };
    struct bench bench;
    set_up(&bench);
    for (uint16_t i = 0; i < 5; i++) {
        assert_null(add_part(&bench, i, 0, 32, true));
        assert_null(add_part(&bench, i, second[i].offset, second[i].length, second[i].more));
        assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_OVERLAP), 2 * (i + 1));
        assert_holds_nothing(&bench);
    }
    assert_null(add_part(&bench, 9, 32, 32, true)); /* from before */
    assert_null(add_part(&bench, 9, 24, 16, true));
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

static void row_1_the_published_example_is_refused_for_its_length_first(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_hex(&bench,
                        "45000038 00012000 401146b2 0a000002 0a000001 00000000 00000000 00000000 "
                        "00000000 00000000 00000000 00000000 00000000 00000000"));
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT), 1);
    assert_null(add_hex(&bench, "45000018 00010003 401166cf 0a000002 0a000001 00000000"));
    assert_int_equal(bench.reassembly.fragments, 1);
    tear_down(&bench);
}

static void row_1_copies_are_ignored(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_part(&bench, 1, 0, 32, true));
    assert_null(add_part(&bench, 1, 0, 32, true));
    assert_null(add_part(&bench, 1, 8, 16, true)); /* within */
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_TWICE), 2);
    assert_whole(add_part(&bench, 1, 32, 8, false), 40);
    assert_null(add_part(&bench, 2, 8, 8, true));
    assert_null(add_part(&bench, 2, 8, 8, false)); /* the first one stands */
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_TWICE), 3);
    assert_int_equal(bench.reassembly.fragments, 1);
    tear_down(&bench);
}

static void row_2_a_fragment_past_65535_is_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_part(&bench, 1, 65528, 8, false));
    assert_null(add_part(&bench, 1, 65512, 4, false));
    assert_null(add_part(&bench, 1, 64000, 1520, true));
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT), 3);
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

static void row_2_options_do_not_make_room_for_more(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t offset = 1480;
    set_up(&bench);
    /* a first fragment with a header of 60 bytes; the payload then is up to 65 475 */
    struct packet *first = fragment(&bench, 0x0a000002, 1, 0, 1480, true);
    uint8_t *header = packet_push(first, 40);
    memmove(header, header + 40, 20);
    memset(header + 20, 1, 40);
    header[0] = 0x4f;
    store_be16(header + 2, 1540);
    assert_null(add(&bench, first));
    for (; offset + 1480 < 65515; offset += 1480)
        assert_null(add_part(&bench, 1, offset, 1480, true));
    assert_null(add_part(&bench, 1, offset, 65515 - offset, false));
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT), 1);
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

static void row_3_a_million_fragments_that_never_complete_keep_memory_flat(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t most_fragments = 0, most_bytes = 0;
    set_up(&bench);
    for (uint32_t i = 0; i < 1000000; i++) {
        assert_null(
            add(&bench, fragment(&bench, 0x0b000000u + i, (uint16_t)i, 8 * (i % 100), 8, true)));
        if (bench.reassembly.fragments > most_fragments)
            most_fragments = bench.reassembly.fragments;
        if (bench.reassembly.bytes > most_bytes)
            most_bytes = bench.reassembly.bytes;
    }
    assert_int_equal(most_fragments, DATAGRAMS);
    assert_in_range(most_bytes, 1, BYTES);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_EVICTED), 1000000 - DATAGRAMS);
    assert_null(add_part(&bench, 1, 0, 8, true));
    assert_whole(add_part(&bench, 1, 8, 8, false), 16); /* and the next one is put together */
    tear_down(&bench);
}

static void row_3_tiny_fragments_of_one_datagram_are_charged_what_they_cost(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_part(&bench, 77, 0, 8, true));
    for (uint32_t i = 0; i < 8000; i++) {
        assert_null(add_part(&bench, 1, 8 * ((i * 3067) % 8000), 8, true));
        assert_true(bench.reassembly.bytes <= BYTES);
        assert_true(bench.reassembly.fragments <= FRAGMENTS);
    }
    /* one packet and one small buffer each, not the eight bytes in them */
    assert_true(bench.reassembly.bytes >=
                bench.reassembly.fragments * (SMALL_BUFFER + (uint32_t)sizeof(struct packet)));
    tear_down(&bench);
}

static void row_4_impossible_lengths_are_dropped(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_part(&bench, 1, 0, 12, true)); /* more to come, not a multiple of 8 */
    assert_null(add_part(&bench, 1, 8, 0, true));  /* empty */
    assert_null(add_part(&bench, 1, 8, 0, false));
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT), 3);
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

static void row_4_two_different_last_fragments_end_the_datagram(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    assert_null(add_part(&bench, 1, 16, 8, false));
    assert_null(add_part(&bench, 1, 32, 8, false)); /* a later end */
    assert_holds_nothing(&bench);
    assert_null(add_part(&bench, 2, 32, 8, false));
    assert_null(add_part(&bench, 2, 16, 8, false)); /* an earlier one */
    assert_holds_nothing(&bench);
    assert_null(add_part(&bench, 3, 32, 8, true));
    assert_null(add_part(&bench, 3, 16, 8, false)); /* before what is here already */
    assert_holds_nothing(&bench);
    assert_null(add_part(&bench, 4, 16, 8, false));
    assert_null(add_part(&bench, 4, 24, 8, true)); /* more behind the end */
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

/* ---- Time and memory ---- */

/* RFC 791 MUST-10; RFC 1122 MUST-34, SHLD-7 */
static void after_a_minute_the_first_fragment_is_reported(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    add_hex(&bench, "4500001c 00772001 40114657 0a000002 0a000001 18191a1b 1c1d1e1f");
    add_hex(&bench, "4500001c 00772000 40114658 0a000002 0a000001 10111213 14151617");
    timer_wheel_run(&bench.blocks->wheel, 60 * SECOND - 1);
    assert_int_equal(bench.expired_count, 0);
    timer_wheel_run(&bench.blocks->wheel, 60 * SECOND);
    assert_int_equal(bench.expired_count, 1);
    assert_bytes(bench.expired, "4500001c 00772000 40114658 0a000002 0a000001 10111213 14151617");
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_TIMEOUT), 2);
    assert_int_equal(bench.reassembly.fragments, 0);
    tear_down(&bench);
}

/* RFC 792 MUST-5; RFC 1122 MUST-34 */
static void without_the_first_fragment_nobody_is_told(void **state)
{
    (void)state;
    struct bench bench;
    set_up(&bench);
    add_hex(&bench, "4500001c 00772001 40114657 0a000002 0a000001 18191a1b 1c1d1e1f");
    timer_wheel_run(&bench.blocks->wheel, 60 * SECOND);
    assert_int_equal(bench.expired_count, 0);
    assert_int_equal(counted(bench.blocks, CHASKI_DROP_IP4_FRAGMENT_TIMEOUT), 1);
    assert_holds_nothing(&bench);
    tear_down(&bench);
}

static void every_failure_of_memory_drops_the_datagram_whole(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        for (uint64_t nth = 1; nth <= 3; nth++) {
            struct bench bench;
            set_up(&bench);
            for (unsigned i = 0; i < 40; i++)
                assert_null(add_part(&bench, 1, i * 1480, 1480, true));
            struct packet *last = fragment(&bench, 0x0a000002, 1, 40 * 1480, 8, false);
            struct pool *pool =
                which == 0 ? &bench.blocks->memory.large : &bench.blocks->memory.packets;
            pool->fail_at = pool->takes + nth;
            struct packet *whole = add(&bench, last);
            if (whole != NULL)
                assert_whole(whole, 40 * 1480 + 8);
            else
                assert_true(counted(bench.blocks, CHASKI_DROP_NO_MEMORY) > 0);
            assert_true((whole == NULL) == (which == 0 && nth <= 2));
            assert_holds_nothing(&bench);
            tear_down(&bench);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_fragments_in_any_order_make_a_datagram),
        cmocka_unit_test(congestion_met_by_one_fragment_was_met_by_the_whole),
        cmocka_unit_test(few_fragments_are_referred_to_and_many_are_copied),
        cmocka_unit_test(the_largest_datagram_can_be_put_together),
        cmocka_unit_test(fragments_in_the_packets_own_room_are_copied),
        cmocka_unit_test(a_first_fragment_that_is_itself_in_pieces_is_kept_whole),
        cmocka_unit_test(fragments_that_others_look_at_too_are_left_as_they_are),
        cmocka_unit_test(datagrams_are_told_apart),
        cmocka_unit_test(random_orders_with_copies_give_the_same_datagram),
        cmocka_unit_test(row_1_fragments_that_overlap_end_the_datagram),
        cmocka_unit_test(row_1_the_published_example_is_refused_for_its_length_first),
        cmocka_unit_test(row_1_copies_are_ignored),
        cmocka_unit_test(row_2_a_fragment_past_65535_is_dropped),
        cmocka_unit_test(row_2_options_do_not_make_room_for_more),
        cmocka_unit_test(row_3_a_million_fragments_that_never_complete_keep_memory_flat),
        cmocka_unit_test(row_3_tiny_fragments_of_one_datagram_are_charged_what_they_cost),
        cmocka_unit_test(row_4_impossible_lengths_are_dropped),
        cmocka_unit_test(row_4_two_different_last_fragments_end_the_datagram),
        cmocka_unit_test(after_a_minute_the_first_fragment_is_reported),
        cmocka_unit_test(without_the_first_fragment_nobody_is_told),
        cmocka_unit_test(every_failure_of_memory_drops_the_datagram_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
