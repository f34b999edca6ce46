/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/cut.h"
#include "core/link/feature.h"

enum { ETHERNET = 14, TCP_CHECKSUM = 16 };

static struct blocks *make(struct cut *cut, unsigned features)
{
    struct blocks *blocks = blocks_make(128);
    cut_setup(cut, &blocks->memory, &blocks->counters, features);
    cut->request = hook_to(&blocks->down);
    return blocks;
}

static void note_headers(struct packet *packet, uint32_t network, uint32_t transport)
{
    uint32_t data = packet_head_room(packet);
    packet->network = (uint16_t)(data + network);
    packet->transport = (uint16_t)(data + transport);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = TCP_CHECKSUM;
}

/* Ten bytes of payload after CWR, URG (pointer 6), ACK, PSH and FIN. */
#define ETHERNET_HEADER "02000000 00020200 00000001 0800 "
#define SEGMENT                                                                                    \
    ETHERNET_HEADER "45000032 12340000 40065490 0a000001 0a000002 "                                \
                    "00500fa0 00001000 00002000 50b90100 00000006 61626364 65666768 696a"

static struct packet *literal_segment(struct blocks *blocks)
{
    struct packet *segment = packet_of_hex(blocks, SEGMENT);
    note_headers(segment, ETHERNET, ETHERNET + 20);
    segment->segment_size = 4;
    return segment;
}

static void a_segment_becomes_frames_that_each_stand_alone(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    give(cut_transmit, &cut, literal_segment(blocks), 0);
    assert_int_equal(blocks->down.count, 3);
    assert_int_equal(blocks->down.bursts, 1);
    assert_bytes(blocks->down.packets[0],
                 ETHERNET_HEADER "4500002c 12340000 40065496 0a000001 0a000002 "
                                 "00500fa0 00001000 00002000 50b00100 95710006 61626364");
    assert_bytes(blocks->down.packets[1],
                 ETHERNET_HEADER "4500002c 12350000 40065495 0a000001 0a000002 "
                                 "00500fa0 00001004 00002000 50300100 8de90002 65666768");
    assert_bytes(blocks->down.packets[2],
                 ETHERNET_HEADER "4500002a 12360000 40065496 0a000001 0a000002 "
                                 "00500fa0 00001008 00002000 50190100 f1640000 696a");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(blocks->down.packets[i]->checksum, CHECKSUM_COMPLETE);
        assert_int_equal(blocks->down.packets[i]->segment_size, 0);
    }
    blocks_end(blocks);
}

/* RFC 6864 MUST-1 */
static void atomic_datagrams_keep_their_identification(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = literal_segment(blocks);
    segment->data[ETHERNET + 6] = 0x40; /* don't fragment */
    give(cut_transmit, &cut, segment, 0);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t frame[64];
        packet_copy_out(blocks->down.packets[i], 0, frame, blocks->down.packets[i]->length);
        assert_memory_equal(frame + ETHERNET + 4, "\x12\x34\x40\x00", 4);
        assert_int_equal(plain_sum(frame + ETHERNET, 20, 0), 0xffff);
    }
    blocks_end(blocks);
}

static void a_last_frame_that_is_full_has_the_flags_of_the_end(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = literal_segment(blocks);
    segment->segment_size = 5;
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 2);
    uint8_t frame[64];
    packet_copy_out(blocks->down.packets[0], 0, frame, 59);
    assert_int_equal(frame[ETHERNET + 20 + 13], 0xb0); /* CWR, URG, ACK */
    packet_copy_out(blocks->down.packets[1], 0, frame, 59);
    assert_int_equal(frame[ETHERNET + 20 + 13], 0x39); /* URG, ACK, PSH, FIN */
    assert_int_equal(load_be16(frame + ETHERNET + 20 + 18), 1);
    blocks_end(blocks);
}

/* ---- Against the definition ---- */

/* The fields that a frame must have, and both checksums by the book. */
static void check_frame(const struct packet *packet, uint32_t sequence, const uint8_t *payload,
                        uint32_t length, bool ip6)
{
    static uint8_t frame[65536];
    uint32_t network = ip6 ? 40 : 20, headers = ETHERNET + network + 32;
    packet_copy_out(packet, 0, frame, packet->length);
    assert_int_equal(packet->length, headers + length);
    const uint8_t *ip = frame + ETHERNET, *tcp = ip + network;
    uint32_t tcp_length = 32 + length;
    if (ip6) {
        assert_int_equal(load_be16(ip + 4), tcp_length);
        assert_int_equal(plain_sum(tcp, tcp_length, plain_sum(ip + 8, 32, 0) + 6 + tcp_length),
                         0xffff);
    } else {
        assert_int_equal(load_be16(ip + 2), 20 + tcp_length);
        assert_int_equal(plain_sum(ip, 20, 0), 0xffff);
        assert_int_equal(plain_sum(tcp, tcp_length, plain_sum(ip + 12, 8, 0) + 6 + tcp_length),
                         0xffff);
    }
    assert_int_equal(load_be32(tcp + 4), sequence);
    assert_memory_equal(tcp + 32, payload, length);
}

/* Headers with a timestamp option, in the packet's own room as TCP builds them. */
static struct packet *headers_alone(struct blocks *blocks, bool ip6)
{
    static const char ip4_text[] = ETHERNET_HEADER "45000000 00004000 40060000 0a000001 0a000002";
    static const char ip6_text[] = "02000000 00020200 00000001 86dd 60000000 00000640 "
                                   "20010db8 00000000 00000000 00000001 "
                                   "20010db8 00000000 00000000 00000002";
    static const char tcp_text[] = "00500fa0 fffff000 00002000 80180100 00000000 "
                                   "0101080a 00000001 00000002";
    uint8_t bytes[128];
    size_t length = hex_read(ip6 ? ip6_text : ip4_text, bytes, sizeof bytes);
    size_t tcp = hex_read(tcp_text, bytes + length, sizeof bytes - length);
    struct packet *packet = packet_take(&blocks->memory.packets, FOR_CONTROL);
    assert_non_null(packet);
    memcpy(packet_push(packet, (uint32_t)(length + tcp)), bytes, length + tcp);
    note_headers(packet, ETHERNET, (uint32_t)length);
    return packet;
}

/* Appends fragments of the given lengths, their bytes noted in `payload` too. */
static uint32_t add_fragments(struct blocks *blocks, struct packet *packet, const uint32_t *lengths,
                              unsigned count, uint8_t *payload)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < count; i++) {
        struct buffer *buffer = buffer_take(&blocks->memory.large, FOR_CONTROL);
        assert_non_null(buffer);
        for (uint32_t j = 0; j < lengths[i]; j++)
            buffer->data[3 + j] = payload[done + j] = (uint8_t)((done + j) * 7 + (done + j) / 251);
        assert_true(packet_add_fragment(packet, buffer, 3, lengths[i]));
        done += lengths[i];
    }
    return done;
}

static void cut_and_check(const uint32_t *lengths, unsigned count, uint16_t segment_size, bool ip6)
{
    static uint8_t payload[65536];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = headers_alone(blocks, ip6);
    uint32_t length = add_fragments(blocks, segment, lengths, count, payload);
    segment->segment_size = segment_size;
    give(cut_transmit, &cut, segment, 0);
    uint32_t frames = (length + segment_size - 1) / segment_size;
    assert_int_equal(blocks->down.count, frames);
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t at = i * segment_size;
        uint32_t n = length - at < segment_size ? length - at : segment_size;
        check_frame(blocks->down.packets[i], 0xfffff000 + at, payload + at, n, ip6);
    }
    blocks_end(blocks);
}

static void sixty_four_kilobytes_become_45_frames(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {32700, 32460};
    cut_and_check(lengths, 2, 1448, false);
}

static void pieces_may_end_anywhere(void **state)
{
    (void)state;
    static const uint32_t odd[] = {1, 1447, 3, 2001, 4999};
    static const uint32_t tiny[] = {1, 1, 1, 1, 1};
    static const uint32_t exact[] = {1448, 1448, 1448};
    cut_and_check(odd, 5, 1448, false);
    cut_and_check(odd, 5, 999, false);
    cut_and_check(tiny, 5, 2, false);
    cut_and_check(tiny, 5, 1, false);
    cut_and_check(exact, 3, 1448, false);
}

static void ip6_segments_are_cut_as_well(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {5000, 5001};
    cut_and_check(lengths, 2, 1428, true);
}

static void payload_is_referred_to_and_not_copied(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {4096};
    static uint8_t payload[4096];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = headers_alone(blocks, false);
    add_fragments(blocks, segment, lengths, 1, payload);
    struct buffer *buffer = segment->fragments[0].buffer;
    segment->segment_size = 1448;
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct packet *frame = blocks->down.packets[i];
        assert_int_equal(frame->fragment_count, 1);
        assert_ptr_equal(frame->fragments[0].buffer, buffer);
        assert_int_equal(frame->fragments[0].offset, 3 + i * 1448);
    }
    assert_int_equal(buffer->references, 3);
    blocks_end(blocks);
}

static void payload_in_the_segments_own_room_is_copied(void **state)
{
    (void)state;
    for (uint16_t segment_size = 2; segment_size < 128; segment_size++) {
        struct cut cut;
        struct blocks *blocks = make(&cut, 0);
        struct packet *segment = headers_alone(blocks, false);
        uint8_t payload[128];
        for (unsigned i = 0; i < sizeof payload; i++)
            payload[i] = (uint8_t)(i * 3);
        memcpy(packet_put(segment, sizeof payload), payload, sizeof payload);
        segment->segment_size = segment_size;
        give(cut_transmit, &cut, segment, 0);
        for (uint32_t i = 0; i < blocks->down.count; i++) {
            uint32_t at = i * segment_size, left = (uint32_t)sizeof payload - at;
            check_frame(blocks->down.packets[i], 0xfffff000 + at, payload + at,
                        left < segment_size ? left : segment_size, false);
        }
        assert_int_equal(blocks->down.count, (127 + segment_size) / segment_size);
        blocks_end(blocks);
    }
}

static void a_frame_may_have_as_many_pieces_as_a_packet(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1, 1, 1, 1, 1};
    static uint8_t payload[8];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *headers = headers_alone(blocks, false);
    uint8_t bytes[ETHERNET + 52 + 1];
    packet_copy_out(headers, 0, bytes, ETHERNET + 52);
    packet_free(headers);
    bytes[ETHERNET + 52] = 1;
    struct packet *segment = packet_with(blocks, bytes, sizeof bytes);
    note_headers(segment, ETHERNET, ETHERNET + 20);
    add_fragments(blocks, segment, lengths, 5, payload);
    segment->segment_size = 5; /* one byte behind the headers, then five pieces */
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 2);
    assert_int_equal(counted(blocks, CHASKI_DROP_NO_MEMORY), 0);
    blocks_end(blocks);
}

/* ---- What links can do ---- */

static void links_that_cut_get_the_burst_untouched(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, LINK_CUT);
    struct packet *segment = literal_segment(blocks);
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 1);
    assert_ptr_equal(blocks->down.packets[0], segment);
    assert_int_equal(segment->checksum, CHECKSUM_PARTIAL);
    assert_int_equal(segment->segment_size, 4);
    assert_bytes(segment, SEGMENT);
    blocks_end(blocks);
}

static void links_that_carry_segments_whole_get_one_sum_of_the_whole(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, LINK_WHOLE);
    struct packet *segment = literal_segment(blocks);
    uint8_t bytes[64];
    store_be16(packet_transport(segment) + TCP_CHECKSUM,
               plain_sum(segment->data + ETHERNET + 12, 8, 6u + 30));
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 1);
    assert_ptr_equal(blocks->down.packets[0], segment);
    assert_int_equal(segment->checksum, CHECKSUM_COMPLETE);
    assert_int_equal(segment->segment_size, 4);
    packet_copy_out(segment, 0, bytes, segment->length);
    assert_int_equal(plain_sum(bytes + ETHERNET + 20, 30, plain_sum(bytes + ETHERNET + 12, 8, 36)),
                     0xffff);
    blocks_end(blocks);
}

static void links_that_complete_get_the_sum_of_the_pseudo_header(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, LINK_CHECKSUM);
    give(cut_transmit, &cut, literal_segment(blocks), 0);
    assert_int_equal(blocks->down.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        struct packet *frame = blocks->down.packets[i];
        uint8_t bytes[64];
        uint16_t tcp_length = (uint16_t)(frame->length - ETHERNET - 20);
        packet_copy_out(frame, 0, bytes, frame->length);
        assert_int_equal(frame->checksum, CHECKSUM_PARTIAL);
        assert_int_equal(frame->checksum_field, TCP_CHECKSUM);
        assert_int_equal(load_be16(bytes + ETHERNET + 20 + TCP_CHECKSUM),
                         plain_sum(bytes + ETHERNET + 12, 8, 6u + tcp_length));
        packet_checksum_complete(frame);
        packet_copy_out(frame, 0, bytes, frame->length);
        assert_int_equal(plain_sum(bytes + ETHERNET + 20, tcp_length,
                                   plain_sum(bytes + ETHERNET + 12, 8, 6u + tcp_length)),
                         0xffff);
    }
    blocks_end(blocks);
}

static void other_links_get_partial_checksums_completed(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    /* UDP, 10.0.0.1 to 10.0.0.2, "hi": the field holds the pseudo-header's sum */
    struct packet *packet =
        packet_of_hex(blocks, ETHERNET_HEADER "4500001e 00000000 401166cd 0a000001 0a000002 "
                                              "13881389 000a141e 6869");
    note_headers(packet, ETHERNET, ETHERNET + 20);
    packet->checksum_field = 6;
    give(cut_transmit, &cut, packet, 0);
    assert_int_equal(packet->checksum, CHECKSUM_COMPLETE);
    assert_bytes(packet, ETHERNET_HEADER "4500001e 00000000 401166cd 0a000001 0a000002 "
                                         "13881389 000a5c5d 6869");
    blocks_end(blocks);
}

static void a_segment_that_fits_one_frame_is_only_completed(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1448};
    static uint8_t payload[1448];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = headers_alone(blocks, false);
    add_fragments(blocks, segment, lengths, 1, payload);
    segment->segment_size = 1448;
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 1);
    assert_ptr_equal(blocks->down.packets[0], segment);
    assert_int_equal(segment->segment_size, 0);
    assert_int_equal(segment->checksum, CHECKSUM_COMPLETE);
    blocks_end(blocks);
}

static void order_is_kept_between_what_is_cut_and_what_is_not(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct burst burst = {.count = 3};
    burst.packets[0] = packet_of_hex(blocks, "01");
    burst.packets[1] = literal_segment(blocks);
    burst.packets[2] = packet_of_hex(blocks, "02");
    cut_transmit(&cut, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_int_equal(blocks->down.count, 5);
    assert_int_equal(blocks->down.bursts, 1);
    assert_bytes(blocks->down.packets[0], "01");
    assert_bytes(blocks->down.packets[4], "02");
    blocks_end(blocks);
}

/* ---- What goes wrong ---- */

static void segments_without_sound_headers_are_dropped(void **state)
{
    (void)state;
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *no_tcp = literal_segment(blocks);
    no_tcp->data[ETHERNET + 9] = 17;
    give(cut_transmit, &cut, no_tcp, 0);
    struct packet *short_header = literal_segment(blocks);
    short_header->transport = (uint16_t)(short_header->transport + 20);
    give(cut_transmit, &cut, short_header, 0);
    struct packet *long_offset = literal_segment(blocks);
    long_offset->data[ETHERNET + 20 + 12] = 0xf0;
    give(cut_transmit, &cut, long_offset, 0);
    struct packet *no_ip = literal_segment(blocks);
    no_ip->network = no_ip->transport;
    give(cut_transmit, &cut, no_ip, 0);
    struct packet *options_not_told = literal_segment(blocks);
    options_not_told->data[ETHERNET] = 0x46;
    give(cut_transmit, &cut, options_not_told, 0);
    assert_int_equal(counted(blocks, CHASKI_DROP_CUT_MALFORMED), 4);
    assert_int_equal(blocks->down.count, 1); /* a header that takes all leaves nothing to cut */
    blocks_end(blocks);
}

static void running_out_of_packets_drops_the_rest_of_the_segment(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {10000};
    static uint8_t payload[10000];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = headers_alone(blocks, false);
    add_fragments(blocks, segment, lengths, 1, payload);
    segment->segment_size = 1448;
    blocks->memory.packets.fail_at = blocks->memory.packets.takes + 4;
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 3);
    assert_int_equal(counted(blocks, CHASKI_DROP_NO_MEMORY), 1);
    blocks_end(blocks);
}

/* What each of many frames says, with these flags and urgent pointer; 0: with "don't fragment". */
static void cut_with_flags(uint8_t flags, uint16_t urgent, uint16_t identification)
{
    static const uint32_t lengths[] = {9001};
    static uint8_t payload[9001];
    struct cut cut;
    struct blocks *blocks = make(&cut, 0);
    struct packet *segment = headers_alone(blocks, false);
    uint8_t *ip = segment->data + ETHERNET, *tcp = ip + 20;
    uint32_t length = add_fragments(blocks, segment, lengths, 1, payload);
    store_be16(ip + 4, identification);
    ip[6] = identification == 0 ? 0x40 : 0;
    tcp[13] = flags;
    store_be16(tcp + 18, urgent);
    segment->segment_size = 1000;
    give(cut_transmit, &cut, segment, 0);
    assert_int_equal(blocks->down.count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t at = i * 1000, n = length - at < 1000 ? length - at : 1000;
        uint8_t frame[ETHERNET + 40], expected = flags;
        check_frame(blocks->down.packets[i], 0xfffff000 + at, payload + at, n, false);
        packet_copy_out(blocks->down.packets[i], 0, frame, sizeof frame);
        expected &= i == 0 ? 0xff : 0x7f;      /* CWR */
        expected &= i == 9 ? 0xff : 0xf6;      /* PSH, FIN */
        expected &= at < urgent ? 0xff : 0xdf; /* URG */
        assert_int_equal(frame[ETHERNET + 20 + 13], expected);
        assert_int_equal(load_be16(frame + ETHERNET + 20 + 18), at < urgent ? urgent - at : 0);
        assert_int_equal(load_be16(frame + ETHERNET + 4),
                         identification == 0 ? 0 : identification + i);
    }
    blocks_end(blocks);
}

static void each_of_many_frames_says_what_it_must(void **state)
{
    (void)state;
    cut_with_flags(0x10, 0, 0);
    cut_with_flags(0xd9, 0, 0);      /* CWR, ECE, ACK, PSH, FIN */
    cut_with_flags(0x39, 4500, 0);   /* URG for the first five */
    cut_with_flags(0x10, 0, 0x1234); /* may be fragmented */
    cut_with_flags(0xb9, 8999, 0x1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_becomes_frames_that_each_stand_alone),
        cmocka_unit_test(a_last_frame_that_is_full_has_the_flags_of_the_end),
        cmocka_unit_test(payload_in_the_segments_own_room_is_copied),
        cmocka_unit_test(a_frame_may_have_as_many_pieces_as_a_packet),
        cmocka_unit_test(atomic_datagrams_keep_their_identification),
        cmocka_unit_test(sixty_four_kilobytes_become_45_frames),
        cmocka_unit_test(each_of_many_frames_says_what_it_must),
        cmocka_unit_test(pieces_may_end_anywhere),
        cmocka_unit_test(ip6_segments_are_cut_as_well),
        cmocka_unit_test(payload_is_referred_to_and_not_copied),
        cmocka_unit_test(links_that_cut_get_the_burst_untouched),
        cmocka_unit_test(links_that_carry_segments_whole_get_one_sum_of_the_whole),
        cmocka_unit_test(links_that_complete_get_the_sum_of_the_pseudo_header),
        cmocka_unit_test(other_links_get_partial_checksums_completed),
        cmocka_unit_test(a_segment_that_fits_one_frame_is_only_completed),
        cmocka_unit_test(order_is_kept_between_what_is_cut_and_what_is_not),
        cmocka_unit_test(segments_without_sound_headers_are_dropped),
        cmocka_unit_test(running_out_of_packets_drops_the_rest_of_the_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
