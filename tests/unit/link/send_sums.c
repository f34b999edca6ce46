/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/coalesce.h"
#include "core/link/cut.h"
#include "core/tcp/sending/tcp_send_queue.h"
#include "tests/random.h"

/*
 * Sums that are made while bytes are written, from the write to the frame: whatever was written,
 * and however it is cut then, each frame's checksum is right.
 */
enum { ETHERNET = 14, HEADERS = ETHERNET + 20 + 20, STREAM = 100000 };

#define FIRST 0xfffffe00u /* sequence numbers wrap around */

static struct {
    struct blocks *blocks;
    struct cut cut;
    struct tcp_send_queue queue;
    uint8_t stream[STREAM];
    uint32_t written;
} sender;

static void begin(void)
{
    uint64_t random = 1;
    sender.blocks = blocks_make(256);
    sender.blocks->memory.sums = true;
    sender.written = 0;
    cut_setup(&sender.cut, &sender.blocks->memory, &sender.blocks->counters, 0);
    sender.cut.request = hook_to(&sender.blocks->down);
    send_queue_init(&sender.queue, FIRST);
    for (uint32_t i = 0; i < STREAM; i++)
        sender.stream[i] = (uint8_t)random_next(&random);
}

static void end(void)
{
    send_queue_clear(&sender.queue);
    blocks_end(sender.blocks);
}

static int set_up(void **state)
{
    (void)state;
    begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end();
    return 0;
}

/* As a program writes that has sent all before `sent`, in segments of `size`. */
static void write_more(uint32_t length, uint32_t sent, uint32_t size)
{
    const struct send_cuts cuts = {FIRST + sent, size};
    assert_int_equal(send_queue_write(&sender.queue, &sender.blocks->memory, FIRST + sender.written,
                                      sender.stream + sender.written, length, &cuts),
                     length);
    sender.written += length;
}

/* `length` bytes from `from` on leave, in frames of `size`; returns how many bytes it was. */
static uint32_t emit(uint32_t from, uint32_t length, uint16_t size)
{
    static const char headers[] = "02000000 00020200 00000001 0800"
                                  "45000000 00004000 40060000 0a000001 0a000002"
                                  "00500fa0 00000000 00002000 50100100 00000000";
    struct packet *packet = packet_take(&sender.blocks->memory.packets, FOR_CONTROL);
    uint8_t bytes[HEADERS];
    assert_non_null(packet);
    assert_int_equal(hex_read(headers, bytes, sizeof bytes), HEADERS);
    uint32_t n = send_queue_slice(send_chunk_at(sender.queue.head, FIRST + from), FIRST + from,
                                  length, packet);
    memcpy(packet_push(packet, HEADERS), bytes, HEADERS);
    uint8_t *ip = packet->data + ETHERNET, *tcp = ip + 20;
    store_be16(ip + 2, (uint16_t)(40 + n));
    store_be16(ip + 10, (uint16_t)~plain_sum(ip, 20, 0));
    store_be32(tcp + 4, FIRST + from);
    store_be16(tcp + 16, (uint16_t)plain_sum(ip + 12, 8, 6 + 20 + n));
    packet->network = (uint16_t)(packet_head_room(packet) + ETHERNET);
    packet->transport = (uint16_t)(packet->network + 20);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = 16;
    packet->segment_size = n > size ? size : 0;
    give(cut_transmit, &sender.cut, packet, 0);
    return n;
}

static bool is_right(const struct packet *packet)
{
    static uint8_t frame[65536];
    packet_copy_out(packet, 0, frame, packet->length);
    const uint8_t *ip = frame + ETHERNET;
    uint32_t length = packet->length - ETHERNET - 20;
    return plain_sum(ip, 20, 0) == 0xffff &&
           plain_sum(ip + 20, length, plain_sum(ip + 12, 8, 6 + length)) == 0xffff;
}

/* All frames are right, carry `from` to `to`, and are forgotten. */
static void check_frames(uint32_t from, uint32_t to)
{
    struct catcher *down = &sender.blocks->down;
    for (uint32_t i = 0; i < down->count; i++) {
        static uint8_t payload[65536];
        uint32_t n = down->packets[i]->length - HEADERS;
        packet_copy_out(down->packets[i], HEADERS, payload, n);
        assert_memory_equal(payload, sender.stream + from, n);
        assert_true(is_right(down->packets[i]));
        from += n;
    }
    assert_int_equal(from, to);
    catcher_empty(down);
}

static void send_and_check(uint32_t from, uint32_t length, uint16_t size)
{
    uint32_t n = emit(from, length, size);
    check_frames(from, from + n);
}

static void spoil(void)
{
    for (struct send_chunk *chunk = sender.queue.head; chunk != NULL; chunk = chunk->next)
        for (uint32_t i = 0; i < chunk->length; i++)
            chunk->buffer.data[i] ^= 0x55;
}

/* How many of the frames are as if the bytes were still those that were written. */
static uint32_t frames_from_notes(uint32_t from, uint32_t length, uint16_t size)
{
    struct catcher *down = &sender.blocks->down;
    uint32_t noted = 0;
    spoil();
    assert_int_equal(emit(from, length, size), length);
    for (uint32_t i = 0; i < down->count; i++)
        noted += !is_right(down->packets[i]);
    catcher_empty(down);
    spoil();
    return noted;
}

static void segments_as_expected_need_no_summing(void **state)
{
    (void)state;
    write_more(65160, 0, 1448);
    send_and_check(0, 65160, 1448);
    assert_int_equal(frames_from_notes(0, 65160, 1448), 45);
    /* Again, in part, and one alone, which is not cut. */
    assert_int_equal(frames_from_notes(5 * 1448, 10 * 1448, 1448), 10);
    assert_int_equal(frames_from_notes(7 * 1448, 1448, 1448), 1);
}

static void writes_of_any_size_make_the_same_pieces(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1, 2, 3, 4000, 1447, 1449, 31, 20001, 8000};
    write_more(2000, 0, 1448);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++)
        write_more(lengths[i], 0, 1448);
    uint32_t whole = sender.written / 1448 * 1448;
    send_and_check(0, whole, 1448);
    assert_int_equal(frames_from_notes(0, whole, 1448), whole / 1448);
}

static void a_short_segment_begins_a_new_grid(void **state)
{
    (void)state;
    write_more(10 * 1448 + 77, 0, 1448);
    send_and_check(0, sender.written, 1448);
    write_more(5 * 1448, sender.written, 1448);
    assert_int_equal(frames_from_notes(10 * 1448 + 77, 5 * 1448, 1448), 5);
    assert_int_equal(frames_from_notes(0, 10 * 1448 + 77, 1448), 11);
}

static void segments_of_another_size_are_summed(void **state)
{
    (void)state;
    write_more(60000, 0, 1448);
    for (uint16_t size = 500; size < 3000; size = (uint16_t)(size + 37))
        for (uint32_t from = 0; from < 3000; from += 371)
            send_and_check(from, 50000, size);
    send_and_check(1448, 4 * 1448, 2 * 1448);
    assert_int_equal(frames_from_notes(1448, 4 * 1448, 2 * 1448), 2); /* of two pieces */
    send_and_check(0, 60000, 65000);
}

static void segments_longer_than_a_chunk_are_made_of_pieces(void **state)
{
    (void)state;
    write_more(90001, 0, 45001);
    send_and_check(0, 45001, 45001);
    send_and_check(45001, 45000, 45001);
    assert_int_equal(frames_from_notes(0, 45001, 45001), 1);
}

static void tiny_segments_are_noted_as_far_as_there_is_room(void **state)
{
    (void)state;
    write_more(6400, 0, 64);
    send_and_check(0, 6400, 64);
    uint32_t noted = frames_from_notes(0, 6400, 64);
    assert_in_range(noted, 60, 90);
    send_and_check(3, 6001, 63);
}

static void what_is_not_wanted_is_not_noted(void **state)
{
    (void)state;
    sender.blocks->memory.sums = false;
    write_more(60000, 0, 1448);
    send_and_check(0, 60000, 1448);
    assert_int_equal(frames_from_notes(0, 14480, 1448), 0);
    assert_int_equal(sender.queue.head->buffer.size, LARGE_BUFFER);
}

/* Notes are the sender's: who receives sums up what is there. */
static void a_receiver_believes_no_notes(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = sender.blocks;
    coalesce_setup(&coalesce, &blocks->counters, ETHERNET);
    coalesce.inform = hook_to(&blocks->up);
    write_more(20 * 1448, 0, 1448);
    assert_int_equal(emit(0, 20 * 1448, 1448), 20 * 1448);
    struct burst burst = {.count = 20};
    memcpy(burst.packets, blocks->down.packets, 20 * sizeof burst.packets[0]);
    blocks->down.count = 0;
    for (uint32_t i = 0; i < 20; i++)
        burst.packets[i]->checksum = CHECKSUM_UNKNOWN;
    sender.queue.head->buffer.data[12 * 1448 + 700] ^= 4;
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 3);
    assert_int_equal(blocks->up.packets[0]->length, HEADERS + 12 * 1448);
    assert_int_equal(blocks->up.packets[1]->length, HEADERS + 1448); /* the spoilt one, alone */
    assert_int_equal(blocks->up.packets[1]->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(blocks->up.packets[2]->length, HEADERS + 7 * 1448);
}

/* Random writes, acknowledgements, changes of the segment size and retransmissions. */
static void whatever_happens_frames_are_right(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t random = seed;
        uint32_t size = 100 + random_below(&random, 3000), sent = 0, acknowledged = 0;
        begin();
        write_more(2000, 0, size);
        while (sender.written < STREAM - 9000) {
            write_more(1 + random_below(&random, 9000), sent, size);
            if (random_below(&random, 8) == 0)
                size = 100 + random_below(&random, 3000);
            uint32_t waiting = sender.written - sent;
            if (random_below(&random, 4) != 0)
                waiting = waiting / size * size;
            if (waiting != 0) {
                uint32_t n = emit(sent, waiting < 60000 ? waiting : 60000, (uint16_t)size);
                check_frames(sent, sent + n);
                sent += n;
            }
            if (sent != acknowledged && random_below(&random, 3) == 0)
                send_and_check(acknowledged, 1 + random_below(&random, sent - acknowledged),
                               (uint16_t)size);
            if (sender.written - acknowledged > 40000 || random_below(&random, 5) == 0) {
                acknowledged += random_below(&random, sent - acknowledged + 1);
                send_queue_acknowledge(&sender.queue, FIRST + acknowledged);
            }
        }
        end();
    }
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(segments_as_expected_need_no_summing),
        test(writes_of_any_size_make_the_same_pieces),
        test(a_short_segment_begins_a_new_grid),
        test(segments_of_another_size_are_summed),
        test(segments_longer_than_a_chunk_are_made_of_pieces),
        test(tiny_segments_are_noted_as_far_as_there_is_room),
        test(what_is_not_wanted_is_not_noted),
        test(a_receiver_believes_no_notes),
        cmocka_unit_test(whatever_happens_frames_are_right),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
