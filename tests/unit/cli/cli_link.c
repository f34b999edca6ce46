/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/link/link_lane.h"
#include "cli/link/link_settings.h"
#include "cli/link/link_units.h"
#include "core/base/checksum.h"
#include "core/base/endian.h"

#define MS UINT64_C(1000000)

enum { HEADER = sizeof(struct virtio_net_hdr), HEADERS = 14 + 20 + 20, SEGMENT = 100 };

/* ---- Units --------------------------------------------------------------------------------- */

static void units_are_understood(void **state)
{
    (void)state;
    static const struct {
        bool (*read)(const struct argument *, const char *, char *);
        const char *text;
        uint64_t value;
    } cases[] = {
        {argument_time, "25ms", 25 * MS},
        {argument_time, "0", 0},
        {argument_time, "1.5s", 1500 * MS},
        {argument_time, "7NS", 7},
        {argument_time, "0.25us", 250},
        {argument_rate, "1gbit", 1000000000},
        {argument_rate, "100Mbit", 100000000},
        {argument_rate, "0.5kbit", 500},
        {argument_rate, "9bit", 9},
        {argument_size, "1mb", 1000000},
        {argument_size, "1MiB", 1048576},
        {argument_size, "1.5kb", 1500},
        {argument_size, "64kib", 65536},
        {argument_size, "4294967295b", 0},
        {argument_chance, "0.1%", 1000},
        {argument_chance, "100%", 1000000},
        {argument_chance, "0.0001%", 1},
    };
    char error[ARGUMENT_ERROR];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool small = cases[i].read == argument_size || cases[i].read == argument_chance;
        uint64_t wide = UINT64_MAX;
        uint32_t narrow = UINT32_MAX;
        struct argument argument = {.target = small ? (void *)&narrow : (void *)&wide};
        bool good = cases[i].read(&argument, cases[i].text, error);
        if (strlen(cases[i].text) > 10) {
            assert_false(good);
            continue;
        }
        assert_true(good);
        assert_int_equal(small ? narrow : wide, cases[i].value);
    }
}

static void wrong_units_are_named(void **state)
{
    (void)state;
    static const struct {
        bool (*read)(const struct argument *, const char *, char *);
        const char *text, *says;
    } cases[] = {
        {argument_time, "25", "25ms"},          {argument_time, "ms", "25ms"},
        {argument_time, "-1ms", "25ms"},        {argument_time, "", "25ms"},
        {argument_time, ".", "25ms"},           {argument_time, ".5ms", "25ms"},
        {argument_time, "1.ms", "25ms"},        {argument_time, "1 ms", "25ms"},
        {argument_time, "1msx", "25ms"},        {argument_time, "0.5ns", "finer"},
        {argument_time, "9999999999s", "25ms"}, {argument_time, "2s", "too large"},
        {argument_time, "0ms", "too small"},    {argument_rate, "1gb", "1gbit"},
        {argument_rate, "1%", "1gbit"},         {argument_size, "1mbit", "1mb"},
        {argument_size, "5gb", "too large"},    {argument_chance, "0.1", "0.1%"},
        {argument_chance, "101%", "too large"}, {argument_chance, "0.00001%", "finer"},
        {argument_chance, "1%%", "0.1%"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char error[ARGUMENT_ERROR] = "";
        uint64_t target;
        struct argument argument = {.target = &target, .minimum = 1, .maximum = 1000 * MS};
        assert_false(cases[i].read(&argument, cases[i].text, error));
        assert_non_null(strstr(error, cases[i].says));
    }
}

#define READ(settings, ...) read_words(settings, (const char *const[]){__VA_ARGS__, NULL})

static int read_words(struct link_settings *settings, const char *const *words)
{
    int count = 0;
    while (words[count] != NULL)
        count++;
    return link_settings_read(settings, count, (char **)words);
}

static void directions_are_told_apart(void **state)
{
    (void)state;
    struct link_settings s;
    assert_int_equal(READ(&s, "a", "packet:b", "--delay", "25ms", "--rate=1gbit", "--there",
                          "--loss", "0.1%", "--delay", "1ms", "--back", "--queue", "1mb", "--seed",
                          "7"),
                     -1);
    assert_string_equal(s.ends[0], "a");
    assert_string_equal(s.ends[1], "packet:b");
    assert_int_equal(s.seed, 7);
    assert_int_equal(s.ways[LINK_THERE].delay_ns, MS);
    assert_int_equal(s.ways[LINK_BACK].delay_ns, 25 * MS);
    assert_int_equal(s.ways[LINK_THERE].loss, 1000);
    assert_int_equal(s.ways[LINK_BACK].loss, 0);
    assert_int_equal(s.ways[LINK_THERE].queue_bytes, 0);
    assert_int_equal(s.ways[LINK_BACK].queue_bytes, 1000000);
    assert_int_equal(s.ways[LINK_THERE].rate_bits, 1000000000);
    assert_int_equal(s.ways[LINK_BACK].rate_bits, 1000000000);
}

static void an_interface_is_one_end_only(void **state)
{
    (void)state;
    struct link_settings s;
    assert_int_equal(READ(&s, "a", "a"), 2);
    assert_int_equal(READ(&s, "tap:a", "a"), 2);
    assert_int_equal(READ(&s, "packet:a", "tap:a"), 2);
    assert_int_equal(READ(&s, "packet:a", "packet:b"), -1);
}

/* ---- Frames -------------------------------------------------------------------------------- */

static uint8_t original[LINK_FRAME_BYTES];

/* A frame from 192.0.2.1 to 192.0.2.2 of `payload` bytes to be cut, FIN PSH ACK CWR, ECT(0). */
static struct virtio_net_hdr make(uint32_t payload)
{
    static const uint8_t headers[HEADERS] = {
        2,    0,    0, 0, 0,    2,    2,    0,    0,  0, 0, 1, 8, 0, /* Ethernet */
        0x45, 2,    0, 0, 0x12, 0x34, 0x40, 0,    64, 6, 0, 0,       /* IPv4 */
        192,  0,    2, 1, 192,  0,    2,    2,                       /* addresses */
        0x10, 0,    0, 7, 0xff, 0xff, 0xff, 0xff, 0,  0, 0, 1,       /* TCP: wraps soon */
        0x50, 0x99, 1, 0, 0,    0,    0,    0,                       /* flags, window */
    };
    uint32_t tcp_length = 20 + payload;
    memcpy(original, headers, sizeof headers);
    for (uint32_t i = 0; i < payload; i++)
        original[HEADERS + i] = (uint8_t)(i * 7 + i / 251);
    store_be16(original + 16, (uint16_t)(20 + tcp_length));
    checksum_store(original + 24, checksum_finish(checksum_partial(original + 14, 20)));
    uint8_t pseudo[4] = {0, 6, (uint8_t)(tcp_length >> 8), (uint8_t)tcp_length};
    uint64_t sum = checksum_partial(original + 26, 8) + checksum_partial(pseudo, 4);
    checksum_store(original + 50, checksum_fold(sum));
    return (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                   .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
                                   .hdr_len = HEADERS,
                                   .gso_size = SEGMENT,
                                   .csum_start = 34,
                                   .csum_offset = 16};
}

/* Both checksums come out right once whoever gets the frame has completed TCP's. */
static void assert_sums(uint8_t *bytes, uint32_t length)
{
    uint8_t pseudo[4] = {0, 6, (uint8_t)((length - 34) >> 8), (uint8_t)(length - 34)};
    assert_int_equal(checksum_finish(checksum_partial(bytes + 14, 20)), 0);
    checksum_store(bytes + 50, checksum_finish(checksum_partial(bytes + 34, length - 34)));
    uint64_t sum = checksum_partial(bytes + 26, 8) + checksum_partial(pseudo, 4);
    assert_int_equal(checksum_finish(sum + checksum_partial(bytes + 34, length - 34)), 0);
}

static void every_run_is_what_a_card_would_make(void **state)
{
    (void)state;
    static uint8_t room[LINK_FRAME_ROOM];
    struct virtio_net_hdr header = make(450), piece;
    struct link_frame frame;
    assert_true(link_frame_read(&frame, &header, original, HEADERS + 450));
    assert_int_equal(frame.segments, 5);
    for (uint32_t first = 0; first < 5; first++) {
        for (uint32_t end = first + 1; end <= 5; end++) {
            uint32_t payload = (end == 5 ? 450 : end * 100) - first * 100;
            uint8_t *bytes = room + HEADER;
            assert_int_equal(link_frame_cut(&frame, first, end, room), HEADER + HEADERS + payload);
            memcpy(&piece, room, HEADER);
            bool whole = first == 0 && end == 5, alone = end - first == 1;
            assert_int_equal(piece.gso_size, alone ? 0 : SEGMENT);
            assert_int_equal(piece.gso_type, alone ? 0 : first == 0 ? 0x81 : 1);
            assert_int_equal(piece.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
            assert_int_equal(load_be16(bytes + 16), 40 + payload);
            assert_int_equal(load_be16(bytes + 18), 0x1234 + (whole ? 0 : first));
            assert_int_equal(load_be32(bytes + 38), 0xffffffff + first * 100);
            assert_int_equal(bytes[47], 0x10 | (end == 5 ? 0x09 : 0) | (first == 0 ? 0x80 : 0));
            assert_memory_equal(bytes + HEADERS, original + HEADERS + first * 100, payload);
            assert_sums(bytes, HEADERS + payload);
        }
    }
}

/* RFC 9768, 3.2.2: where CWR is a bit of a counter it belongs to every segment, and the frame says
 * so by leaving ECN out of its type. */
static void cwr_stays_on_all_where_it_counts(void **state)
{
    (void)state;
    static uint8_t room[LINK_FRAME_ROOM];
    struct virtio_net_hdr header = make(300);
    struct link_frame frame;
    header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    assert_true(link_frame_read(&frame, &header, original, HEADERS + 300));
    link_frame_cut(&frame, 1, 3, room);
    assert_int_equal(room[HEADER + 47], 0x99);
}

static void untrue_headers_are_refused(void **state)
{
    (void)state;
    const struct virtio_net_hdr good = make(300);
    struct virtio_net_hdr bad[7] = {good, good, good, good, good, good, good};
    struct link_frame frame;
    bad[0].gso_size = 0;
    bad[1].gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    bad[2].gso_type = VIRTIO_NET_HDR_GSO_UDP;
    bad[3].csum_start = 30;
    bad[4].csum_start = HEADERS + 290;
    bad[5].csum_offset = 6;
    bad[6].flags = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(link_frame_read(&frame, &bad[i], original, HEADERS + 300));
    assert_true(link_frame_read(&frame, &good, original, HEADERS + 300));
    for (uint32_t length = 0; length <= HEADERS; length++)
        assert_false(link_frame_read(&frame, &good, original, length));
    original[46] = 0xf0; /* options beyond the end */
    assert_false(link_frame_read(&frame, &good, original, HEADERS + 39));
    original[46] = 0x40;
    assert_false(link_frame_read(&frame, &good, original, HEADERS + 300));
}

static void corruption_is_seen_by_the_checksum(void **state)
{
    (void)state;
    static uint8_t room[LINK_FRAME_ROOM];
    struct virtio_net_hdr header = make(100);
    struct link_frame frame;
    header.gso_type = 0;
    assert_true(link_frame_read(&frame, &header, original, HEADERS + 100));
    for (uint32_t at = 20; at < 140; at++) {
        uint8_t pseudo[4] = {0, 6, 0, 120};
        uint32_t length = link_frame_cut(&frame, 0, 1, room);
        link_frame_corrupt(room, length, at, 0x40);
        uint8_t *bytes = room + HEADER;
        uint64_t sum = checksum_partial(bytes + 26, 8) + checksum_partial(pseudo, 4);
        assert_int_equal(room[0], 0);
        assert_int_not_equal(checksum_finish(sum + checksum_partial(bytes + 34, 120)), 0);
        bytes[14 + at] ^= 0x40;
        assert_int_equal(checksum_finish(sum + checksum_partial(bytes + 34, 120)), 0);
    }
}

static void marks_what_is_capable(void **state)
{
    (void)state;
    static uint8_t room[LINK_FRAME_ROOM];
    static const uint8_t before[] = {0, 1, 2, 3, 0xb9}, after[] = {0, 3, 3, 3, 0xbb};
    struct virtio_net_hdr header = make(100);
    struct link_frame frame;
    for (size_t i = 0; i < sizeof before; i++) {
        original[15] = before[i];
        store_be16(original + 24, 0);
        checksum_store(original + 24, checksum_finish(checksum_partial(original + 14, 20)));
        assert_true(link_frame_read(&frame, &header, original, HEADERS + 100));
        link_frame_cut(&frame, 0, 1, room);
        assert_int_equal(link_frame_mark(&frame, room), before[i] != after[i]);
        assert_int_equal(room[HEADER + 15], after[i]);
        assert_int_equal(checksum_finish(checksum_partial(room + HEADER + 14, 20)), 0);
    }
}

/* An IP header that says it is shorter or longer than it can be is none. */
static void marks_no_header_that_is_not_whole(void **state)
{
    (void)state;
    static uint8_t room[LINK_FRAME_ROOM];
    static const uint8_t lengths[] = {0x40, 0x44, 0x46, 0x4f};
    struct virtio_net_hdr header = {.flags = 0};
    struct link_frame frame;
    for (size_t i = 0; i < sizeof lengths; i++) {
        make(100);
        original[14] = lengths[i];
        original[15] = 2;
        assert_true(link_frame_read(&frame, &header, original, 14 + 20));
        uint32_t length = link_frame_cut(&frame, 0, 1, room);
        assert_false(link_frame_mark(&frame, room));
        assert_memory_equal(room + HEADER, original, length - HEADER);
    }
}

/* ---- Lanes --------------------------------------------------------------------------------- */

static struct link_lane lane;

static void begin(struct impairment impairment)
{
    link_lane_begin(&lane, &impairment, 250000, 3, 0);
}

static void send_segments(uint32_t segments, uint64_t now_ns)
{
    struct virtio_net_hdr header = make(segments * SEGMENT);
    link_lane_send(&lane, &header, original, HEADERS + segments * SEGMENT, now_ns);
}

static void what_is_unharmed_stays_whole(void **state)
{
    (void)state;
    const struct impairment impairments[] = {{0}, {.delay_ns = 25 * MS}};
    for (size_t i = 0; i < 2; i++) {
        begin(impairments[i]);
        send_segments(40, 0);
        assert_int_equal(link_lane_deadline(&lane), i * 25 * MS);
        assert_int_equal(lane.heap_count, 1);
        struct link_carried *carried = link_lane_receive(&lane, 25 * MS);
        assert_memory_equal(carried->room + HEADER, original, HEADERS + 40 * SEGMENT);
        link_lane_written(&lane, carried, true, 25 * MS);
        assert_int_equal(lane.counts.delivered, 40);
        assert_int_equal(lane.counts.delivered_bytes, 40 * (HEADERS + SEGMENT));
        assert_int_equal(lane.counts.bytes, lane.counts.delivered_bytes);
        assert_int_equal(lane.held_bytes, 0);
        free(carried);
        link_lane_end(&lane);
    }
}

/* Each lost segment is missing, every other one is there, once, in order. */
static void losses_leave_runs(void **state)
{
    (void)state;
    uint64_t delivered = 0, frames = 0;
    begin((struct impairment){.loss = 50000});
    for (int i = 0; i < 500; i++) {
        struct link_carried *carried;
        uint32_t next = 0, got = 0;
        send_segments(40, 0);
        while ((carried = link_lane_receive(&lane, 0)) != NULL) {
            uint32_t at = load_be32(carried->room + HEADER + 38) + 1;
            assert_int_equal(at % SEGMENT, 0);
            assert_true(at >= next);
            next = at + carried->length - HEADER - HEADERS;
            got += carried->packets;
            frames++;
            link_lane_written(&lane, carried, true, 0);
            free(carried);
        }
        assert_true(next <= 40 * SEGMENT);
        delivered += got;
    }
    assert_int_equal(lane.counts.packets, 500 * 40);
    assert_int_equal(lane.counts.delivered, delivered);
    assert_int_equal(delivered + lane.counts.lost, 500 * 40);
    assert_in_range(lane.counts.lost, 1000 - 124, 1000 + 124);
    assert_in_range(frames, 500 + lane.counts.lost / 2, 500 + lane.counts.lost);
    link_lane_end(&lane);
}

/* 154 bytes each at 12.32 Mbit/s are 100 us: three fit into 250 us, since the first one's arrival
 * begins the lump. Four at a time would not be what a line does. */
static void a_slow_line_ends_runs(void **state)
{
    (void)state;
    begin((struct impairment){.rate_bits = 12320000});
    send_segments(10, 0);
    for (uint64_t segments = 3; segments <= 12; segments += 3) {
        uint64_t due_ns = (segments < 10 ? segments : 10) * MS / 10;
        assert_int_equal(link_lane_deadline(&lane), due_ns);
        struct link_carried *carried = link_lane_receive(&lane, due_ns);
        assert_int_equal(carried->packets, segments < 10 ? 3 : 1);
        assert_null(link_lane_receive(&lane, due_ns));
        free(carried);
    }
    link_lane_end(&lane);
}

static void a_full_queue_takes_the_front_of_a_frame(void **state)
{
    (void)state;
    begin((struct impairment){.rate_bits = 1232000000, .queue_bytes = 154 * 4});
    send_segments(10, 0);
    struct link_carried *carried = link_lane_receive(&lane, MS);
    assert_int_equal(carried->packets, 4);
    assert_int_equal(load_be32(carried->room + HEADER + 38), 0xffffffff);
    assert_int_equal(lane.counts.overflowed, 6);
    free(carried);
    link_lane_end(&lane);
}

static void oddities_travel_alone(void **state)
{
    (void)state;
    begin((struct impairment){.reorder = 1000000, .duplicate = 1000000, .delay_ns = MS});
    send_segments(5, 0);
    assert_int_equal(lane.heap_count, 10);
    assert_int_equal(lane.counts.reordered, 5);
    assert_int_equal(lane.counts.duplicated, 5);
    assert_int_equal(link_lane_deadline(&lane), 2 * MS);
    for (uint32_t i = 0; i < 10; i++) {
        struct link_carried *carried = link_lane_receive(&lane, 2 * MS);
        assert_int_equal(carried->packets, 1);
        assert_int_equal(load_be32(carried->room + HEADER + 38), 0xffffffff + i / 2 * SEGMENT);
        free(carried);
    }
    send_segments(3, 0);
    link_lane_end(&lane); /* also frees what is on its way */
}

static void marks_behind_the_threshold(void **state)
{
    (void)state;
    begin((struct impairment){.rate_bits = 1232000000, .mark_bytes = 154 * 6});
    send_segments(10, 0);
    struct link_carried *first = link_lane_receive(&lane, MS);
    struct link_carried *second = link_lane_receive(&lane, MS);
    assert_int_equal(first->packets, 6);
    assert_int_equal(first->room[HEADER + 15], 2);
    assert_int_equal(second->packets, 4);
    assert_int_equal(second->room[HEADER + 15], 3);
    assert_int_equal(lane.counts.marked, 4);
    free(first);
    free(second);
    link_lane_end(&lane);
}

static void malformed_frames_are_counted(void **state)
{
    (void)state;
    struct virtio_net_hdr header = make(100);
    begin((struct impairment){0});
    header.csum_start = 60000;
    link_lane_send(&lane, &header, original, HEADERS + 100, 0);
    assert_int_equal(lane.counts.malformed, 1);
    assert_int_equal(link_lane_deadline(&lane), UINT64_MAX);
    link_lane_end(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_understood),
        cmocka_unit_test(wrong_units_are_named),
        cmocka_unit_test(directions_are_told_apart),
        cmocka_unit_test(an_interface_is_one_end_only),
        cmocka_unit_test(every_run_is_what_a_card_would_make),
        cmocka_unit_test(cwr_stays_on_all_where_it_counts),
        cmocka_unit_test(untrue_headers_are_refused),
        cmocka_unit_test(corruption_is_seen_by_the_checksum),
        cmocka_unit_test(marks_what_is_capable),
        cmocka_unit_test(marks_no_header_that_is_not_whole),
        cmocka_unit_test(what_is_unharmed_stays_whole),
        cmocka_unit_test(losses_leave_runs),
        cmocka_unit_test(a_slow_line_ends_runs),
        cmocka_unit_test(a_full_queue_takes_the_front_of_a_frame),
        cmocka_unit_test(oddities_travel_alone),
        cmocka_unit_test(marks_behind_the_threshold),
        cmocka_unit_test(malformed_frames_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
