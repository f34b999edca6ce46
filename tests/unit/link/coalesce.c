/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/link/coalesce.h"

enum {
    ETHERNET = 14,
    NETWORK4 = 20,
    NETWORK6 = 40,
    TCP = 32, /* with a timestamp */
    PAYLOAD = 600,
    FRAME_MAX = ETHERNET + NETWORK6 + TCP + 1448,
};

/* ---- Frames --------------------------------------------------------------------------------- */

struct frame {
    bool ip6, bare;
    uint32_t sequence;
    uint32_t payload;
    uint8_t flags;     /* 0: ACK */
    uint32_t patch_at; /* from the IP header on; 0: none */
    uint8_t patch;     /* is added there before checksums are computed */
    uint32_t spoil_at; /* from the IP header on; 0: none. Is changed afterwards */
};

static uint32_t network_length(const struct frame *frame)
{
    return frame->ip6 ? NETWORK6 : NETWORK4;
}

static uint32_t headers_length(const struct frame *frame)
{
    return (frame->bare ? 0 : ETHERNET) + network_length(frame) + TCP;
}

static uint8_t payload_byte(uint32_t sequence)
{
    return (uint8_t)(sequence * 7 + sequence / 251);
}

static void finish_checksums(const struct frame *frame, uint8_t *ip, uint32_t tcp_length)
{
    uint8_t *tcp = ip + network_length(frame);
    uint32_t addresses = frame->ip6 ? plain_sum(ip + 8, 32, 0) : plain_sum(ip + 12, 8, 0);
    if (!frame->ip6)
        store_be16(ip + 10, (uint16_t)~plain_sum(ip, NETWORK4, 0));
    store_be16(tcp + 16, (uint16_t)~plain_sum(tcp, tcp_length, addresses + 6 + tcp_length));
}

static uint32_t write_frame(const struct frame *frame, uint8_t *bytes)
{
    static const char ethernet4[] = "02000000 00020200 00000001 0800";
    static const char ethernet6[] = "02000000 00020200 00000001 86dd";
    static const char ip4[] = "45000000 00004000 40060000 0a000001 0a000002";
    static const char ip6[] = "60000000 00000640 20010db8 00000000 00000000 00000001 "
                              "20010db8 00000000 00000000 00000002";
    static const char tcp_header[] =
        "00500fa0 00000000 00002000 80000100 00000000 0101080a 00000001 00000002";
    size_t link = frame->bare ? 0 : hex_read(frame->ip6 ? ethernet6 : ethernet4, bytes, ETHERNET);
    uint8_t *ip = bytes + link, *tcp = ip + network_length(frame);
    uint32_t tcp_length = TCP + frame->payload;
    hex_read(frame->ip6 ? ip6 : ip4, ip, network_length(frame));
    hex_read(tcp_header, tcp, TCP);
    store_be16(ip + (frame->ip6 ? 4 : 2),
               (uint16_t)(frame->ip6 ? tcp_length : tcp_length + NETWORK4));
    store_be32(tcp + 4, frame->sequence);
    tcp[13] = frame->flags != 0 ? frame->flags : 0x10;
    for (uint32_t i = 0; i < frame->payload; i++)
        tcp[TCP + i] = payload_byte(frame->sequence + i);
    if (frame->patch_at != 0)
        ip[frame->patch_at] = (uint8_t)(ip[frame->patch_at] + frame->patch);
    finish_checksums(frame, ip, tcp_length);
    if (frame->spoil_at != 0)
        ip[frame->spoil_at] ^= 1;
    return (uint32_t)link + network_length(frame) + tcp_length;
}

/* As drivers give it: all of it in one buffer. */
static struct packet *packet_of(struct blocks *blocks, const struct frame *frame)
{
    struct buffer *buffer = buffer_take(&blocks->memory.large, FOR_CONTROL);
    assert_non_null(buffer);
    struct packet *packet = packet_take_in(&blocks->memory.packets, buffer, 0, FOR_CONTROL);
    assert_non_null(packet);
    static uint8_t bytes[FRAME_MAX];
    uint32_t length = write_frame(frame, bytes);
    memcpy(packet_put(packet, length), bytes, length);
    return packet;
}

static struct frame plain(uint32_t number)
{
    return (struct frame){.sequence = 0xfffffc00 + number * PAYLOAD, .payload = PAYLOAD};
}

/* ---- The block ------------------------------------------------------------------------------ */

static struct blocks *make(struct coalesce *coalesce, bool bare)
{
    struct blocks *blocks = blocks_make(128);
    coalesce_setup(coalesce, &blocks->counters, bare ? 0 : ETHERNET);
    coalesce->inform = hook_to(&blocks->up);
    return blocks;
}

static void give_all(struct coalesce *coalesce, struct blocks *blocks, const struct frame *frames,
                     unsigned count)
{
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < count; i++)
        burst.packets[burst.count++] = packet_of(blocks, &frames[i]);
    coalesce_receive(coalesce, &burst, 0);
    assert_int_equal(burst.count, 0);
}

/* The packet is `count` of such frames in one, with right lengths and an IP checksum. */
static void check_one(const struct packet *packet, const struct frame *first, uint32_t payload)
{
    static uint8_t bytes[65536];
    uint32_t headers = headers_length(first);
    assert_int_equal(packet->length, headers + payload);
    packet_copy_out(packet, 0, bytes, packet->length);
    const uint8_t *ip = bytes + headers - TCP - network_length(first);
    if (first->ip6) {
        assert_int_equal(load_be16(ip + 4), TCP + payload);
    } else {
        assert_int_equal(load_be16(ip + 2), NETWORK4 + TCP + payload);
        assert_int_equal(plain_sum(ip, NETWORK4, 0), 0xffff);
    }
    assert_int_equal(load_be32(bytes + headers - TCP + 4), first->sequence);
    for (uint32_t i = 0; i < payload; i++)
        assert_int_equal(bytes[headers + i], payload_byte(first->sequence + i));
}

static void segments_that_follow_each_other_become_one(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct coalesce coalesce;
        struct blocks *blocks = make(&coalesce, (kind & 2) != 0);
        struct frame frames[4];
        for (unsigned i = 0; i < 4; i++) {
            frames[i] = plain(i);
            frames[i].ip6 = (kind & 1) != 0;
            frames[i].bare = (kind & 2) != 0;
        }
        frames[3].payload = 11;
        give_all(&coalesce, blocks, frames, 4);
        assert_int_equal(blocks->up.count, 1);
        check_one(blocks->up.packets[0], &frames[0], 3 * PAYLOAD + 11);
        assert_int_equal(blocks->up.packets[0]->segment_size, PAYLOAD);
        assert_int_equal(blocks->up.packets[0]->checksum, CHECKSUM_VERIFIED);
        assert_int_equal(blocks->counters.value[CHASKI_LINK_FRAMES_COALESCED], 3);
        assert_int_equal(blocks->counters.value[CHASKI_LINK_FRAMES_RECEIVED], 3);
        assert_int_equal(blocks->counters.value[CHASKI_LINK_BYTES_RECEIVED],
                         3 * headers_length(&frames[0]));
        blocks_end(blocks);
    }
}

static void a_lone_frame_passes_untouched(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct frame frame = plain(0);
    give_all(&coalesce, blocks, &frame, 1);
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(blocks->up.packets[0]->segment_size, 0);
    blocks_end(blocks);
}

/* As many as a packet has fragments, besides its linear part; the next ones begin anew. */
static void a_packet_without_room_begins_a_new_run(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct frame frames[PACKET_FRAGMENTS + 3];
    for (unsigned i = 0; i < PACKET_FRAGMENTS + 3; i++)
        frames[i] = plain(i);
    give_all(&coalesce, blocks, frames, PACKET_FRAGMENTS + 3);
    assert_int_equal(blocks->up.count, 2);
    check_one(blocks->up.packets[0], &frames[0], (PACKET_FRAGMENTS + 1) * PAYLOAD);
    check_one(blocks->up.packets[1], &frames[PACKET_FRAGMENTS + 1], 2 * PAYLOAD);
    blocks_end(blocks);
}

/* Frames whose payload is one stretch of memory, as the cutting block makes them. */
/* As the cutting block makes them: the payload is at `offset` of a buffer that others share. */
static struct packet *packet_referring(struct blocks *blocks, const struct frame *frame,
                                       struct buffer *buffer, uint32_t offset)
{
    static uint8_t bytes[FRAME_MAX];
    struct packet *packet = packet_take(&blocks->memory.packets, FOR_CONTROL);
    uint32_t headers = headers_length(frame);
    assert_non_null(packet);
    write_frame(frame, bytes);
    memcpy(packet_put(packet, headers), bytes, headers);
    memcpy(buffer->data + offset, bytes + headers, frame->payload);
    packet_add_fragment(packet, buffer_hold(buffer), offset, frame->payload);
    return packet;
}

static void payload_that_lies_together_takes_one_fragment(void **state)
{
    (void)state;
    enum { FRAMES = 20 };
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct buffer *buffer = buffer_take(&blocks->memory.large, FOR_CONTROL);
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < FRAMES; i++) {
        struct frame frame = plain(i);
        burst.packets[burst.count++] = packet_referring(blocks, &frame, buffer, i * PAYLOAD);
    }
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 1);
    assert_int_equal(blocks->up.packets[0]->fragment_count, 1);
    assert_int_equal(buffer->references, 2);
    buffer_drop(buffer);
    struct frame first = plain(0);
    check_one(blocks->up.packets[0], &first, FRAMES * PAYLOAD);
    blocks_end(blocks);
}

/* Ten frames, the sixth of which is this one. What goes up: the first `joined`, perhaps the sixth
 * alone, and the rest. */
static void one_is_not_like_the_others(struct frame odd, unsigned joined)
{
    enum { FRAMES = 10, ODD = 5 };
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct buffer *buffer = buffer_take(&blocks->memory.large, FOR_CONTROL);
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < FRAMES; i++) {
        struct frame frame = i == ODD ? odd : plain(i);
        burst.packets[burst.count++] = packet_referring(blocks, &frame, buffer, i * PAYLOAD);
    }
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, joined == ODD ? 3 : 2);
    assert_int_equal(buffer->references, 1 + blocks->up.count);
    buffer_drop(buffer);
    struct frame first = plain(0), last = plain(ODD + 1);
    check_one(blocks->up.packets[0], &first, joined * PAYLOAD);
    check_one(blocks->up.packets[blocks->up.count - 1], &last, (FRAMES - ODD - 1) * PAYLOAD);
    blocks_end(blocks);
}

static void amid_frames_that_repeat_an_odd_one_is_seen(void **state)
{
    (void)state;
    enum {
        IP_LENGTH = 3,
        IP_IDENTIFICATION = 5,
        IP_TTL = 8,
        IP_CHECKSUM = 11,
        TCP_SEQUENCE = NETWORK4 + 7,
        TCP_ACKNOWLEDGMENT = NETWORK4 + 11,
        TCP_CHECKSUM = NETWORK4 + 17,
        TIMESTAMP = NETWORK4 + TCP - 5,
        LAST = NETWORK4 + TCP + PAYLOAD - 1,
    };
    static const uint32_t patched[] = {IP_LENGTH, IP_TTL, TCP_SEQUENCE, TCP_ACKNOWLEDGMENT,
                                       TIMESTAMP},
                          spoilt[] = {IP_IDENTIFICATION, IP_CHECKSUM, TCP_CHECKSUM, LAST};
    for (unsigned i = 0; i < sizeof patched / sizeof *patched; i++) {
        struct frame odd = plain(5);
        odd.patch_at = patched[i];
        odd.patch = 1;
        one_is_not_like_the_others(odd, 5);
    }
    for (unsigned i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        struct frame odd = plain(5);
        odd.spoil_at = spoilt[i];
        one_is_not_like_the_others(odd, 5);
    }
    struct frame pushed = plain(5);
    pushed.flags = 0x18;
    one_is_not_like_the_others(pushed, 6);
}

static void an_ip_packet_stays_below_64_kilobytes(void **state)
{
    (void)state;
    enum { FRAMES = 50, SIZE = 1448, MOST = (65535 - NETWORK4 - TCP) / SIZE };
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct buffer *buffers[3];
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < 3; i++)
        buffers[i] = buffer_take(&blocks->memory.large, FOR_CONTROL);
    for (unsigned i = 0; i < FRAMES; i++) {
        static uint8_t bytes[FRAME_MAX];
        struct frame frame = {.sequence = i * SIZE, .payload = SIZE};
        struct packet *packet = packet_take(&blocks->memory.packets, FOR_CONTROL);
        uint32_t headers = headers_length(&frame);
        write_frame(&frame, bytes);
        memcpy(packet_put(packet, headers), bytes, headers);
        memcpy(buffers[i / 20]->data + i % 20 * SIZE, bytes + headers, SIZE);
        packet_add_fragment(packet, buffer_hold(buffers[i / 20]), i % 20 * SIZE, SIZE);
        burst.packets[burst.count++] = packet;
    }
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 2);
    for (unsigned i = 0; i < 3; i++)
        buffer_drop(buffers[i]);
    check_one(blocks->up.packets[0], &(struct frame){.sequence = 0}, MOST * SIZE);
    check_one(blocks->up.packets[1], &(struct frame){.sequence = MOST * SIZE},
              (FRAMES - MOST) * SIZE);
    blocks_end(blocks);
}

/* ---- What does not belong together ---------------------------------------------------------- */

/* Both frames go up as they came. */
static void stay_apart(struct frame first, struct frame second)
{
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, first.bare);
    struct frame frames[] = {first, second};
    static uint8_t wanted[FRAME_MAX], got[FRAME_MAX];
    give_all(&coalesce, blocks, frames, 2);
    assert_int_equal(blocks->up.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t length = write_frame(&frames[i], wanted);
        assert_int_equal(blocks->up.packets[i]->length, length);
        assert_int_equal(blocks->up.packets[i]->segment_size, 0);
        packet_copy_out(blocks->up.packets[i], 0, got, length);
        assert_memory_equal(got, wanted, length);
    }
    assert_int_equal(blocks->counters.value[CHASKI_LINK_FRAMES_COALESCED], 0);
    blocks_end(blocks);
}

/* In every header byte that two segments of a run have in common. */
static void other_headers_end_a_run(void **state)
{
    (void)state;
    static const uint8_t ip4[] = {1, 6, 8, 12, 15, 16, 19};
    static const uint8_t ip6[] = {1, 2, 3, 7, 8, 23, 24, 39};
    static const uint8_t tcp[] = {0, 2, 8, 11, 14, 15, 20, 21, 24, 27, 28, 31};
    for (unsigned i = 0; i < sizeof ip4 + sizeof tcp; i++) {
        struct frame second = plain(1);
        second.patch_at = i < sizeof ip4 ? ip4[i] : NETWORK4 + tcp[i - sizeof ip4];
        second.patch = 1;
        stay_apart(plain(0), second);
    }
    for (unsigned i = 0; i < sizeof ip6 + sizeof tcp; i++) {
        struct frame first = plain(0), second = plain(1);
        first.ip6 = second.ip6 = true;
        second.patch_at = i < sizeof ip6 ? ip6[i] : NETWORK6 + tcp[i - sizeof ip6];
        second.patch = 1;
        stay_apart(first, second);
    }
}

/* Of one run, each in a frame. */
static struct burst two_plain(struct blocks *blocks)
{
    struct frame frames[] = {plain(0), plain(1)};
    return (struct burst){
        .count = 2, .packets = {packet_of(blocks, &frames[0]), packet_of(blocks, &frames[1])}};
}

static void other_stations_end_a_run(void **state)
{
    (void)state;
    static const unsigned places[] = {0, 5, 6, 11};
    for (unsigned i = 0; i < 4; i++) {
        struct coalesce coalesce;
        struct blocks *blocks = make(&coalesce, false);
        struct burst burst = two_plain(blocks);
        burst.packets[1]->data[places[i]] ^= 2;
        coalesce_receive(&coalesce, &burst, 0);
        assert_int_equal(blocks->up.count, 2);
        blocks_end(blocks);
    }
}

static void a_gap_a_repetition_and_a_longer_segment_end_a_run(void **state)
{
    (void)state;
    struct frame longer = plain(1);
    longer.payload = PAYLOAD + 1;
    stay_apart(plain(0), plain(2));
    stay_apart(plain(0), plain(0));
    stay_apart(plain(1), plain(0));
    stay_apart(plain(0), longer);
}

static void only_plain_segments_begin_or_continue(void **state)
{
    (void)state;
    static const uint8_t flags[] = {0x11, 0x12, 0x14, 0x30, 0x50, 0x90, 0x00, 0x02};
    for (unsigned i = 0; i < sizeof flags; i++) {
        struct frame odd = plain(1), odd_first = plain(0);
        odd.flags = odd_first.flags = flags[i] != 0 ? flags[i] : 0x01;
        stay_apart(plain(0), odd);
        if ((flags[i] & 0xc0) == 0) /* marks may be the same in both */
            stay_apart(odd_first, plain(1));
    }
    struct frame fragment = plain(0);
    fragment.patch_at = 7;
    fragment.patch = 1;
    stay_apart(fragment, plain(1));
    struct frame udp = plain(0);
    udp.patch_at = 9;
    udp.patch = 11;
    stay_apart(udp, plain(1));
}

static void short_segments_are_not_worth_it(void **state)
{
    (void)state;
    struct frame first = plain(0), second = plain(0);
    first.payload = second.payload = 511;
    second.sequence += 511;
    stay_apart(first, second);
}

static void push_ends_a_run_and_is_kept(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct frame frames[] = {plain(0), plain(1), plain(2), plain(3)};
    uint8_t flags;
    frames[1].flags = 0x18;
    give_all(&coalesce, blocks, frames, 4);
    assert_int_equal(blocks->up.count, 2);
    packet_copy_out(blocks->up.packets[0], ETHERNET + NETWORK4 + 13, &flags, 1);
    assert_int_equal(flags, 0x18);
    packet_copy_out(blocks->up.packets[1], ETHERNET + NETWORK4 + 13, &flags, 1);
    assert_int_equal(flags, 0x10);
    blocks_end(blocks);
}

/* A sum that is wrong anywhere keeps a frame out, and is for the blocks above to count. */
static void unsound_frames_are_left_to_those_above(void **state)
{
    (void)state;
    static const uint32_t places[] = {
        4, 10, NETWORK4 + 16, NETWORK4 + 18, NETWORK4 + TCP, NETWORK4 + TCP + PAYLOAD - 1};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        struct frame good = plain(1), bad = plain(0);
        bad.spoil_at = places[i];
        stay_apart(bad, good);
        good = plain(0);
        bad = plain(1);
        bad.spoil_at = places[i];
        stay_apart(good, bad);
    }
}

static void what_the_link_vouches_for_is_not_summed(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct frame frames[] = {plain(0), plain(1)};
    struct burst burst = {.count = 0};
    for (unsigned i = 0; i < 2; i++) {
        frames[i].spoil_at = NETWORK4 + 16;
        burst.packets[burst.count] = packet_of(blocks, &frames[i]);
        burst.packets[burst.count++]->checksum = CHECKSUM_VERIFIED;
    }
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 1);
    blocks_end(blocks);
}

/* Somebody else looks at the first one's headers, which would change. */
static void shared_memory_is_not_written_to(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct burst burst = two_plain(blocks);
    struct buffer *shared = buffer_hold(burst.packets[0]->linear);
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 2);
    buffer_drop(shared);
    blocks_end(blocks);
}

static void padding_ends_a_run(void **state)
{
    (void)state;
    struct coalesce coalesce;
    struct blocks *blocks = make(&coalesce, false);
    struct burst burst = two_plain(blocks);
    *packet_put(burst.packets[1], 1) = 0;
    coalesce_receive(&coalesce, &burst, 0);
    assert_int_equal(blocks->up.count, 2);
    blocks_end(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_that_follow_each_other_become_one),
        cmocka_unit_test(a_lone_frame_passes_untouched),
        cmocka_unit_test(a_packet_without_room_begins_a_new_run),
        cmocka_unit_test(payload_that_lies_together_takes_one_fragment),
        cmocka_unit_test(amid_frames_that_repeat_an_odd_one_is_seen),
        cmocka_unit_test(an_ip_packet_stays_below_64_kilobytes),
        cmocka_unit_test(other_headers_end_a_run),
        cmocka_unit_test(other_stations_end_a_run),
        cmocka_unit_test(a_gap_a_repetition_and_a_longer_segment_end_a_run),
        cmocka_unit_test(only_plain_segments_begin_or_continue),
        cmocka_unit_test(short_segments_are_not_worth_it),
        cmocka_unit_test(push_ends_a_run_and_is_kept),
        cmocka_unit_test(unsound_frames_are_left_to_those_above),
        cmocka_unit_test(what_the_link_vouches_for_is_not_summed),
        cmocka_unit_test(shared_memory_is_not_written_to),
        cmocka_unit_test(padding_ends_a_run),
    };
    return cmocka_run_group_tests_name("coalesce", tests, NULL, NULL);
}
