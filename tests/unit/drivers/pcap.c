/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pcap/pcap.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/endian.h"
#include "drivers/memory_wire.h"
#include "drivers/pcap/capture.h"
#include "drivers/pcap/replay.h"
#include "tests/unit/drivers/station.h"

/* IPv4, UDP, 4 bytes, checksums correct. */
static const uint8_t udp[46] = {
    0x02, 0, 0,    0,    0, 1,  0x02, 0,    0,   0,   0,    0,    0x08, 0x00, /* Ethernet */
    0x45, 0, 0,    32,   0, 0,  0x40, 0,    64,  17,  0x26, 0xcb, 10,   0,
    0,    1, 10,   0,    0, 2,                                   /* IPv4 */
    0x10, 0, 0x10, 0x01, 0, 12, 0xea, 0xe9, 'r', 'u', 'n',  's', /* UDP */
};
enum { UDP_CHECKSUM = 40, PSEUDO_SUM = 0x1420 };

/* Two frames of 3 and 2 bytes, at 1.5 s and 2.000001 s, in the four forms. */
#define BODY_BIG(half, micro)                                                                      \
    0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, half, 0, 0, 0, 3, 0,   \
        0, 0, 60, 'a', 'b', 'c', 0, 0, 0, 2, micro, 0, 0, 0, 2, 0, 0, 0, 2, 'd', 'e'
#define BODY_LITTLE(half, micro)                                                                   \
    2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, half, 3, 0, 0, 0, 60,  \
        0, 0, 0, 'a', 'b', 'c', 2, 0, 0, 0, micro, 2, 0, 0, 0, 2, 0, 0, 0, 'd', 'e'
#define COMMA ,
static const uint8_t big_us[] = {
    0xa1, 0xb2, 0xc3, 0xd4, BODY_BIG(0 COMMA 7 COMMA 0xa1 COMMA 0x20, 0 COMMA 0 COMMA 0 COMMA 1)};
static const uint8_t big_ns[] = {
    0xa1, 0xb2, 0x3c, 0x4d,
    BODY_BIG(0x1d COMMA 0xcd COMMA 0x65 COMMA 0, 0 COMMA 0 COMMA 3 COMMA 0xe8)};
static const uint8_t little_us[] = {
    0xd4, 0xc3, 0xb2, 0xa1,
    BODY_LITTLE(0x20 COMMA 0xa1 COMMA 7 COMMA 0, 1 COMMA 0 COMMA 0 COMMA 0)};
static const uint8_t little_ns[] = {
    0x4d, 0x3c, 0xb2, 0xa1,
    BODY_LITTLE(0 COMMA 0x65 COMMA 0xcd COMMA 0x1d, 0xe8 COMMA 3 COMMA 0 COMMA 0)};

enum { FILE_HEADER = 24, RECORD_HEADER = 16 };

static const uint64_t first_ns = 1500000000, second_ns = 2000001000;
static struct station_memory station;
static struct pcap_record record;
static char path[64];
static char error[256];

static int set_up(void **state)
{
    (void)state;
    station_make(&station, 64, 8);
    snprintf(path, sizeof path, "%s/chaski-pcap-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    error[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    station_end(&station);
    return 0;
}

static void write_file(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static size_t read_file(uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, size, file);
    fclose(file);
    return length;
}

/* ---- Writing ---- */

static void create(struct pcap_writer *writer, enum pcap_clock clock)
{
    assert_true(pcap_create(writer, path, clock, error, sizeof error));
}

/* The one frame of a capture of `packet` at 3.000000007 s. */
static const uint8_t *written(const struct packet *packet)
{
    static uint8_t bytes[FRAME_MAX + 64];
    struct pcap_writer writer;
    create(&writer, PCAP_CLOCK_VIRTUAL);
    pcap_write(&writer, packet, 3000000007);
    assert_true(pcap_close(&writer, error, sizeof error));
    assert_int_equal(read_file(bytes, sizeof bytes), FILE_HEADER + RECORD_HEADER + packet->length);
    return bytes + FILE_HEADER + RECORD_HEADER;
}

static void writes_the_format(void **state)
{
    (void)state;
    struct packet *packet = frame_of_bytes(&station.memory, udp, sizeof udp);
    const uint8_t *bytes = written(packet);
    const uint32_t head[6] = {0xa1b23c4d, 0, 0, 0, 262144, 1};
    const uint16_t version[2] = {2, 4};
    const uint32_t expected[4] = {3, 7, sizeof udp, sizeof udp};
    assert_memory_equal(bytes - 40, head, 4);
    assert_memory_equal(bytes - 36, version, 4);
    assert_memory_equal(bytes - 32, head + 2, 16);
    assert_memory_equal(bytes - 16, expected, sizeof expected);
    assert_memory_equal(bytes, udp, sizeof udp);
    packet_free(packet);
}

/* The first bytes only, wherever the frame's pieces begin and end; the record tells how many there
 * were. */
static void keeps_no_more_than_it_is_told(void **state)
{
    (void)state;
    static uint8_t bytes[FRAME_MAX + 64], large[3000];
    for (unsigned i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7);
    static const uint32_t lengths[] = {1, 60, 133, 134, 135, 1000, 2999, 3000, 3001};
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct packet *packet = frame_of_bytes(&station.memory, large, sizeof large);
        struct pcap_writer writer;
        create(&writer, PCAP_CLOCK_VIRTUAL);
        writer.snap_length = lengths[i];
        pcap_write(&writer, packet, 0);
        assert_true(pcap_close(&writer, error, sizeof error));
        uint32_t kept = lengths[i] < sizeof large ? lengths[i] : (uint32_t)sizeof large;
        const uint32_t expected[2] = {kept, sizeof large};
        assert_int_equal(read_file(bytes, sizeof bytes), FILE_HEADER + RECORD_HEADER + kept);
        assert_memory_equal(bytes + FILE_HEADER + 8, expected, sizeof expected);
        assert_memory_equal(bytes + FILE_HEADER + RECORD_HEADER, large, kept);
        packet_free(packet);
    }
}

static struct packet *udp_with_partial_checksum(void)
{
    struct packet *packet = frame_of_bytes(&station.memory, udp, sizeof udp);
    store_be16(packet->data + UDP_CHECKSUM, PSEUDO_SUM);
    return packet;
}

static void completes_a_checksum_in_the_copy_only(void **state)
{
    (void)state;
    struct packet *packet = udp_with_partial_checksum();
    packet->transport = (uint16_t)(packet_head_room(packet) + 34);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = 6;
    assert_memory_equal(written(packet), udp, sizeof udp);
    assert_int_equal(load_be16(packet->data + UDP_CHECKSUM), PSEUDO_SUM);
    assert_int_equal(packet->checksum, CHECKSUM_PARTIAL);
    packet_free(packet);
}

static void completes_what_a_trusted_sender_left_out(void **state)
{
    (void)state;
    struct packet *packet = udp_with_partial_checksum();
    packet->checksum = CHECKSUM_VERIFIED;
    assert_memory_equal(written(packet), udp, sizeof udp);
    packet->checksum = CHECKSUM_UNKNOWN; /* off a wire: written as it came */
    assert_int_equal(load_be16(written(packet) + UDP_CHECKSUM), PSEUDO_SUM);
    packet_free(packet);
}

static void leaves_alone_what_has_no_checksum(void **state)
{
    (void)state;
    uint8_t bytes[sizeof udp];
    memcpy(bytes, udp, sizeof udp);
    store_be16(bytes + UDP_CHECKSUM, 0); /* UDP without one */
    struct packet *packet = frame_of_bytes(&station.memory, bytes, sizeof bytes);
    packet->checksum = CHECKSUM_VERIFIED;
    assert_memory_equal(written(packet), bytes, sizeof bytes);
    store_be16(packet->data + UDP_CHECKSUM, PSEUDO_SUM);
    store_be16(packet->data + 20, 0x2000); /* a fragment */
    assert_int_equal(load_be16(written(packet) + UDP_CHECKSUM), PSEUDO_SUM);
    store_be16(packet->data + 20, 0);
    packet->data[14] = 0x4f; /* options past the end */
    assert_int_equal(load_be16(written(packet) + UDP_CHECKSUM), PSEUDO_SUM);
    packet_free(packet);
}

static void writes_large_segments_whole(void **state)
{
    (void)state;
    static uint8_t large[65535 + 14];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 13 + i / 256);
    struct packet *packet = frame_of_bytes(&station.memory, large, sizeof large);
    assert_true(packet->fragment_count >= 2);
    assert_memory_equal(written(packet), large, sizeof large);
    packet_free(packet);
}

static void writes_the_time_of_day(void **state)
{
    (void)state;
    struct pcap_writer writer;
    struct timespec monotonic, before;
    struct pcap_reader reader;
    clock_gettime(CLOCK_REALTIME, &before);
    create(&writer, PCAP_CLOCK_MONOTONIC);
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    struct packet *packet = frame_of_bytes(&station.memory, udp, sizeof udp);
    pcap_write(&writer, packet,
               (uint64_t)monotonic.tv_sec * 1000000000 + (uint64_t)monotonic.tv_nsec);
    packet_free(packet);
    assert_true(pcap_close(&writer, error, sizeof error));
    FILE *file = fopen(path, "rb");
    assert_true(pcap_reader_init(&reader, file, error, sizeof error));
    assert_int_equal(pcap_read(&reader, &record, error, sizeof error), 1);
    fclose(file);
    assert_in_range(record.time_ns / 1000000000, before.tv_sec, before.tv_sec + 5);
}

static void says_why_it_cannot_create(void **state)
{
    (void)state;
    struct pcap_writer writer;
    assert_false(
        pcap_create(&writer, "/no-such-folder/x.pcap", PCAP_CLOCK_VIRTUAL, error, sizeof error));
    assert_string_equal(error, "/no-such-folder/x.pcap: cannot be created (No such file or "
                               "directory): name a file that can be written");
}

static void says_that_the_disk_was_full(void **state)
{
    (void)state;
    struct pcap_writer writer;
    if (!pcap_create(&writer, "/dev/full", PCAP_CLOCK_VIRTUAL, error, sizeof error))
        skip();
    struct packet *packet = frame_of_bytes(&station.memory, udp, sizeof udp);
    pcap_write(&writer, packet, 0);
    packet_free(packet);
    assert_false(pcap_close(&writer, error, sizeof error));
    assert_string_equal(error, "the capture is incomplete after 1 frames: No space left on device");
    assert_true(pcap_close(&writer, error, sizeof error));
}

/* ---- Reading ---- */

static void reads_either_byte_order_and_unit(void **state)
{
    (void)state;
    const struct {
        const uint8_t *bytes;
        size_t length;
    } forms[] = {{big_us, sizeof big_us},
                 {big_ns, sizeof big_ns},
                 {little_us, sizeof little_us},
                 {little_ns, sizeof little_ns}};
    for (size_t i = 0; i < 4; i++) {
        struct pcap_reader reader;
        FILE *file = fmemopen((void *)(uintptr_t)forms[i].bytes, forms[i].length, "rb");
        assert_true(pcap_reader_init(&reader, file, error, sizeof error));
        assert_int_equal(pcap_read(&reader, &record, error, sizeof error), 1);
        assert_int_equal(record.time_ns, first_ns);
        assert_int_equal(record.length, 3);
        assert_int_equal(record.original_length, 60);
        assert_memory_equal(record.bytes, "abc", 3);
        assert_int_equal(pcap_read(&reader, &record, error, sizeof error), 1);
        assert_int_equal(record.time_ns, second_ns);
        assert_memory_equal(record.bytes, "de", 2);
        assert_int_equal(pcap_read(&reader, &record, error, sizeof error), 0);
        fclose(file);
    }
}

/* What is said of little_ns with 32 bits at `at` changed, or cut to `length`. */
static const char *complaint(size_t at, uint32_t value, size_t length)
{
    uint8_t bytes[sizeof little_ns];
    struct pcap_reader reader;
    memcpy(bytes, little_ns, sizeof bytes);
    store_be32(bytes + at, value);
    strcpy(error, "nothing");
    FILE *file = fmemopen(bytes, length, "rb");
    if (pcap_reader_init(&reader, file, error, sizeof error)) {
        while (pcap_read(&reader, &record, error, sizeof error) > 0)
            continue;
    }
    fclose(file);
    return error;
}

static void says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    const uint32_t magic = 0x4d3cb2a1;
    const size_t whole = sizeof little_ns;
    assert_string_equal(complaint(0, magic, whole), "nothing");
    assert_string_equal(complaint(0, magic, 23), "is no pcap file: it has only 23 bytes");
    assert_string_equal(complaint(0, magic, 1), "is no pcap file: it has only 1 bytes");
    assert_string_equal(complaint(0, 0x7f454c46, whole),
                        "is no pcap file: it begins with 7f454c46");
    assert_string_equal(complaint(0, 0x0a0d0d0a, whole),
                        "is a pcapng file: convert it with `editcap -F pcap`");
    assert_string_equal(complaint(4, 0x01000400, whole),
                        "is of version 1.4: only 2.4 is understood");
    assert_string_equal(complaint(20, 0x65000000, whole),
                        "holds frames of link type 101: only Ethernet (1) can be used");
    assert_string_equal(complaint(0, magic, FILE_HEADER + 15),
                        "frame 1: the file ends within its header");
    assert_string_equal(complaint(0, magic, FILE_HEADER + RECORD_HEADER + 2),
                        "frame 1: the file ends before its 3 bytes do");
    assert_string_equal(complaint(0, magic, whole - 1),
                        "frame 2: the file ends before its 2 bytes do");
    assert_string_equal(complaint(FILE_HEADER + 8, 0x01000400, whole),
                        "frame 1: a length of 262145 bytes is impossible");
    assert_string_equal(complaint(FILE_HEADER + 8, 0xffffffff, whole),
                        "frame 1: a length of 4294967295 bytes is impossible");
}

static void an_empty_file_is_no_capture(void **state)
{
    (void)state;
    assert_null(replay_open(&(struct replay_options){.path = path}, &station.memory,
                            &station.counters, error, sizeof error));
    assert_non_null(strstr(error, path));
    assert_non_null(strstr(error, "is no pcap file: it has only 0 bytes"));
    assert_null(replay_open(&(struct replay_options){.path = "/no/such.pcap"}, &station.memory,
                            &station.counters, error, sizeof error));
    assert_string_equal(error, "/no/such.pcap: cannot be opened: No such file or directory");
}

/* ---- Replaying ---- */

static struct link *replay_of(const void *bytes, size_t length, bool at_once)
{
    write_file(bytes, length);
    struct link *link = replay_open(&(struct replay_options){.path = path, .at_once = at_once},
                                    &station.memory, &station.counters, error, sizeof error);
    assert_non_null(link);
    return link;
}

static void replays_at_the_intervals_of_the_file(void **state)
{
    (void)state;
    const uint64_t start = 77000, second = start + second_ns - first_ns;
    struct link *link = replay_of(big_us, sizeof big_us, false);
    assert_int_equal(link->deadline(link), 0);
    struct packet *packet = receive_one(link, start);
    assert_bytes(packet, "abc", 3);
    packet_free(packet);
    assert_int_equal(link->deadline(link), second);
    assert_nothing_to_receive(link, second - 1);
    packet = receive_one(link, second);
    assert_bytes(packet, "de", 2);
    send_packet(link, packet, second); /* is forgotten */
    assert_int_equal(replay_state(link), REPLAY_ENDED);
    assert_true(link->deadline(link) == UINT64_MAX);
    link_close(link);
}

static void replays_at_once(void **state)
{
    (void)state;
    struct burst burst = {0};
    struct link *link = replay_of(little_ns, sizeof little_ns, true);
    assert_int_equal(link->receive(link, &burst, 5), 2);
    packet_free(burst.packets[0]);
    packet_free(burst.packets[1]);
    link_close(link);
}

static void times_that_go_back_do_not_stall_a_replay(void **state)
{
    (void)state;
    uint8_t bytes[sizeof big_us];
    struct burst burst = {0};
    memcpy(bytes, big_us, sizeof bytes);
    store_be32(bytes + FILE_HEADER + RECORD_HEADER + 3, 0); /* the second frame: at 0.000001 s */
    struct link *link = replay_of(bytes, sizeof bytes, false);
    assert_int_equal(link->receive(link, &burst, 1), 2);
    packet_free(burst.packets[0]);
    packet_free(burst.packets[1]);
    link_close(link);
}

static void a_damaged_file_is_replayed_up_to_the_damage(void **state)
{
    (void)state;
    struct link *link = replay_of(big_us, sizeof big_us - 1, true);
    packet_free(receive_one(link, 0));
    assert_int_equal(replay_state(link), REPLAY_DAMAGED);
    assert_string_equal(replay_error(link), "frame 2: the file ends before its 2 bytes do");
    link_close(link);
}

static void skips_what_it_has_no_memory_for(void **state)
{
    (void)state;
    struct link *link = replay_of(big_us, sizeof big_us, true);
    station.memory.packets.fail_at = station.memory.packets.takes + 1;
    struct packet *packet = receive_one(link, 0);
    assert_bytes(packet, "de", 2);
    packet_free(packet);
    assert_int_equal(replay_skipped(link), 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_NO_MEMORY], 1);
    link_close(link);
}

static void skips_a_frame_longer_than_any(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_HEADER + RECORD_HEADER + FRAME_MAX + 1];
    memcpy(bytes, big_us, FILE_HEADER + RECORD_HEADER);
    store_be32(bytes + FILE_HEADER + 8, FRAME_MAX + 1);
    struct link *link = replay_of(bytes, sizeof bytes, true);
    assert_nothing_to_receive(link, 0);
    assert_int_equal(replay_skipped(link), 1);
    link_close(link);
}

/* ---- Capturing ---- */

static void count_and_free(void *block, struct burst *burst, uint64_t now_ns)
{
    uint32_t *passed = block;
    assert_int_equal(now_ns, 9);
    *passed += burst->count;
    for (uint32_t i = 0; i < burst->count; i++)
        packet_free(burst->packets[i]);
    burst->count = 0;
}

static void captures_between_two_blocks(void **state)
{
    (void)state;
    struct pcap_writer writer;
    uint32_t up = 0, down = 0;
    struct capture capture = {{count_and_free, &up}, {count_and_free, &down}, &writer};
    struct burst burst = {0};
    create(&writer, PCAP_CLOCK_VIRTUAL);
    for (burst.count = 0; burst.count < 3; burst.count++)
        burst.packets[burst.count] = frame_of_bytes(&station.memory, udp, sizeof udp);
    capture_receive(&capture, &burst, 9);
    assert_int_equal(burst.count, 0);
    burst.packets[burst.count++] = frame_of_bytes(&station.memory, udp, sizeof udp);
    capture_transmit(&capture, &burst, 9);
    assert_int_equal(up, 3);
    assert_int_equal(down, 1);
    assert_int_equal(writer.frames, 4);
    assert_true(pcap_close(&writer, error, sizeof error));
}

static void captures_around_a_link(void **state)
{
    (void)state;
    struct pcap_writer writer;
    struct memory_wire *wire = memory_wire_create(&(struct memory_wire_options){0});
    struct memory_wire_station options = {.memory = &station.memory, .hear_all = true};
    struct link *a = memory_wire_join(wire, &options);
    struct link *b = memory_wire_join(wire, &options);
    create(&writer, PCAP_CLOCK_VIRTUAL);
    struct link *captured = capture_link(a, &writer, NULL);
    assert_int_equal(captured->mtu, 1500);
    send_bytes(captured, udp, sizeof udp, 1);
    packet_free(receive_one(b, 1));
    send_bytes(b, udp, sizeof udp, 2);
    assert_int_equal(captured->deadline(captured), 0);
    packet_free(receive_one(captured, 2));
    assert_int_equal(writer.frames, 2);
    assert_true(pcap_close(&writer, error, sizeof error));
    link_close(captured);
    memory_wire_destroy(wire);
    struct link *link = replay_of(big_us, sizeof big_us, true); /* one that has a close() */
    captured = capture_link(link, &writer, NULL);
    link_close(captured);
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(writes_the_format),
        test(keeps_no_more_than_it_is_told),
        test(completes_a_checksum_in_the_copy_only),
        test(completes_what_a_trusted_sender_left_out),
        test(leaves_alone_what_has_no_checksum),
        test(writes_large_segments_whole),
        test(writes_the_time_of_day),
        test(says_why_it_cannot_create),
        test(says_that_the_disk_was_full),
        test(reads_either_byte_order_and_unit),
        test(says_what_is_wrong_with_a_file),
        test(an_empty_file_is_no_capture),
        test(replays_at_the_intervals_of_the_file),
        test(replays_at_once),
        test(times_that_go_back_do_not_stall_a_replay),
        test(a_damaged_file_is_replayed_up_to_the_damage),
        test(skips_what_it_has_no_memory_for),
        test(skips_a_frame_longer_than_any),
        test(captures_between_two_blocks),
        test(captures_around_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
