/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vnet/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/endian.h"
#include "tests/unit/drivers/namespace.h"
#include "tests/unit/drivers/station.h"

/*
 * Everything happens in a network namespace of the test's own. We are 10.9.0.2 on
 * 02:00:00:00:00:02, the kernel is 10.9.0.1. A packet socket on the kernel's end stands in for its
 * TCP: with PACKET_VNET_HDR it sends and receives whole large segments with their header.
 */

enum { HEADERS = 54, PACKETS = 256, LARGE = 12 };

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 2};
static struct station_memory station;
static struct link *link_;
static int packet_socket = -1;
static char error[256];
static uint8_t kernel_mac[6];

static struct link *open_tap(struct tap_options options)
{
    error[0] = '\0';
    memcpy(options.mac, our_mac, sizeof our_mac);
    return tap_open(&options, &station.memory, &station.counters, error, sizeof error);
}

/* The next frame; NULL: none within 100 ms. */
static struct packet *next_frame(void)
{
    struct burst burst = {0};
    struct pollfd polled = {.fd = link_->fd, .events = POLLIN};
    poll(&polled, 1, 100);
    link_->receive(link_, &burst, 0);
    assert_in_range(burst.count, 0, 1);
    return burst.count != 0 ? burst.packets[0] : NULL;
}

static struct packet *must_receive(void)
{
    struct packet *packet = next_frame();
    assert_non_null(packet);
    return packet;
}

static int open_packet_socket(void)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(ETH_P_ALL),
                                  .sll_ifindex = (int)if_nametoindex("chaski0")};
    int on = 1, huge = 1 << 22;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on), 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &huge, sizeof huge);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Makes the kernel and us known to each other: it answers our ARP request, and notes who asked. */
static const uint8_t arp_request[42] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,  0, 0, 0, 0, 2, 0x08, 0x06, /* Ethernet */
    0,    1,    8,    0,    6,    4,    0,  1,                         /* request */
    2,    0,    0,    0,    0,    2,    10, 9, 0, 2, 0, 0, 0,    0,    0, 0, 10, 9, 0, 1,
};

static void meet_the_kernel(void)
{
    send_bytes(link_, arp_request, sizeof arp_request, 0);
    struct packet *reply = must_receive();
    assert_int_equal(load_be16(reply->data + 12), 0x0806);
    assert_memory_equal(reply->data, our_mac, 6);
    assert_int_equal(load_be16(reply->data + 20), 2);
    assert_int_equal(load_be32(reply->data + 28), 0x0a090001);
    assert_memory_equal(reply->data + 32, our_mac, 6);
    memcpy(kernel_mac, reply->data + 22, 6);
    packet_free(reply);
}

static int set_up_with(struct tap_options options)
{
    struct chaski_address address = chaski_ip4(10, 9, 0, 1);
    station_make(&station, PACKETS, LARGE);
    link_ = open_tap(options);
    if (link_ == NULL)
        print_message("%s\n", error);
    assert_non_null(link_);
    assert_int_equal(tap_configure(link_, &address, 24, error, sizeof error), 0);
    meet_the_kernel();
    packet_socket = open_packet_socket();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with((struct tap_options){.name = "chaski0"});
}

static int set_up_plain(void **state)
{
    (void)state;
    return set_up_with((struct tap_options){.name = "chaski0", .plain = true});
}

static int tear_down(void **state)
{
    (void)state;
    close(packet_socket);
    link_close(link_);
    assert_int_equal(if_nametoindex("chaski0"), 0);
    station_end(&station);
    return 0;
}

static int set_up_memory(void **state)
{
    (void)state;
    station_make(&station, PACKETS, LARGE);
    return 0;
}

static int tear_down_memory(void **state)
{
    (void)state;
    station_end(&station);
    return 0;
}

/* ---- Opening ---- */

static void opening_fails_with(struct tap_options options, const char *expected)
{
    assert_null(open_tap(options));
    assert_string_equal(error, expected);
    station_assert_all_free(&station);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a/b", "sixteen-letters-", "a b", "tap%d", ".."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char expected[128];
        snprintf(expected, sizeof expected,
                 "tap:%s: not an interface name: give 1 to 15 characters without spaces, '/', ':' "
                 "or '%%'",
                 names[i]);
        opening_fails_with((struct tap_options){.name = names[i]}, expected);
    }
    opening_fails_with((struct tap_options){.name = "chaski0", .mtu = 67},
                       "tap:chaski0: MTU 67 is too small: give at least 68");
    struct tap_options group = {.name = "chaski0", .mac = {1}};
    assert_null(tap_open(&group, &station.memory, &station.counters, error, sizeof error));
    assert_string_equal(error, "tap:chaski0: the MAC address is a group's: its first byte must be "
                               "even");
}

static void refuses_memory_that_cannot_receive(void **state)
{
    (void)state;
    struct station_memory poor;
    station_make(&poor, 4, 2);
    struct tap_options options = {.name = "chaski0"};
    assert_null(tap_open(&options, &poor.memory, &poor.counters, error, sizeof error));
    assert_string_equal(error, "tap:chaski0: too little memory to receive: give the host 3 large "
                               "buffers");
    station_end(&poor);
}

static void creates_and_takes_away_the_interface(void **state)
{
    (void)state;
    struct link *link = open_tap((struct tap_options){.name = "chaski0", .mtu = 9000});
    assert_non_null(link);
    assert_int_not_equal(if_nametoindex("chaski0"), 0);
    assert_string_equal(link->name, "chaski0");
    assert_int_equal(link->mtu, 9000);
    assert_int_equal(link->features, LINK_CHECKSUM | LINK_CUT);
    assert_memory_equal(link->mac, our_mac, 6);
    link_close(link);
    assert_int_equal(if_nametoindex("chaski0"), 0);
}

static void chooses_a_random_address(void **state)
{
    (void)state;
    static const uint8_t none[6];
    uint8_t before[6] = {0};
    for (int i = 0; i < 2; i++) {
        struct tap_options options = {.name = "chaski0"};
        struct link *link =
            tap_open(&options, &station.memory, &station.counters, error, sizeof error);
        assert_non_null(link);
        assert_int_equal(link->mac[0] & 3, 2); /* locally administered, not a group's */
        assert_memory_not_equal(link->mac, none, 6);
        assert_memory_not_equal(link->mac, before, 6);
        memcpy(before, link->mac, 6);
        link_close(link);
    }
}

static void says_that_a_name_is_taken(void **state)
{
    (void)state;
    struct link *link = open_tap((struct tap_options){.name = "chaski0"});
    assert_non_null(link);
    opening_fails_with((struct tap_options){.name = "chaski0"},
                       "tap:chaski0: in use by another program: end that, or choose another name");
    assert_int_not_equal(if_nametoindex("chaski0"), 0);
    opening_fails_with((struct tap_options){.name = "lo"},
                       "tap:lo: exists and is not a TAP device: choose another name");
    link_close(link);
}

static void leaves_nothing_when_the_mtu_cannot_be_had(void **state)
{
    (void)state;
    assert_null(open_tap((struct tap_options){.name = "chaski0", .mtu = 65535}));
    assert_non_null(strstr(error, "tap:chaski0: MTU 65535 cannot be set (Invalid argument): run "
                                  "`ip link set chaski0 mtu 65535` as root, or leave it at 1500"));
    assert_int_equal(if_nametoindex("chaski0"), 0);
}

/* ---- Small frames and checksums ---- */

static int udp_socket(uint16_t port)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&local, sizeof local), 0);
    return fd;
}

static void kernel_sends_udp(const void *bytes, size_t length)
{
    struct sockaddr_in remote = {
        .sin_family = AF_INET, .sin_port = htons(4001), .sin_addr.s_addr = htonl(0x0a090002)};
    int fd = udp_socket(4000);
    assert_int_equal(sendto(fd, bytes, length, 0, (struct sockaddr *)&remote, sizeof remote),
                     length);
    close(fd);
}

static void receives_udp(void **state)
{
    (void)state;
    kernel_sends_udp("relay", 5);
    struct packet *packet = must_receive();
    assert_int_equal(packet->length, 14 + 20 + 8 + 5);
    assert_memory_equal(packet->data, our_mac, 6);
    assert_memory_equal(packet->data + 42, "relay", 5);
    assert_int_equal(packet->checksum, CHECKSUM_VERIFIED);
    assert_int_equal(packet->segment_size, 0);
    packet_free(packet);
    assert_int_equal(link_->statistics.no_memory, 0);
}

static void a_plain_link_gets_complete_checksums(void **state)
{
    (void)state;
    static const uint8_t pseudo[4] = {0, 17, 0, 13};
    assert_int_equal(link_->features, 0);
    kernel_sends_udp("relay", 5);
    struct packet *packet = must_receive();
    assert_int_equal(packet->checksum, CHECKSUM_UNKNOWN);
    assert_int_equal(checksum_finish(packet_checksum_partial(packet, 26) +
                                     checksum_partial(pseudo, sizeof pseudo)),
                     0);
    packet_free(packet);
}

/* From us, port 4001, to the kernel, port 4000; `sum` in the checksum field. */
static struct packet *udp_to_kernel(uint16_t sum)
{
    uint8_t bytes[46] = {
        0,    0,    0,    0,    0,  0,  2,    0, 0,   0,   0,    2,    0x08, 0x00, /* Ethernet */
        0x45, 0,    0,    32,   0,  0,  0x40, 0, 64,  17,  0x26, 0xb9,             /* IPv4 */
        10,   9,    0,    2,    10, 9,  0,    1,                                   /* addresses */
        0x0f, 0xa1, 0x0f, 0xa0, 0,  12, 0,    0, 'r', 'u', 'n',  's',              /* UDP */
    };
    memcpy(bytes, kernel_mac, 6);
    store_be16(bytes + 40, sum);
    return frame_of_bytes(&station.memory, bytes, sizeof bytes);
}

static void sends_udp_with_a_checksum_to_be_completed(void **state)
{
    (void)state;
    char bytes[16];
    int fd = udp_socket(4000);
    struct packet *packet = udp_to_kernel(0x1432); /* the pseudo-header's sum */
    packet->transport = (uint16_t)(packet_head_room(packet) + 34);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = 6;
    send_packet(link_, packet, 0);
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), 4);
    assert_memory_equal(bytes, "runs", 4);
    packet = udp_to_kernel(0x1432); /* the same, claimed to be complete, is wrong */
    packet->checksum = CHECKSUM_COMPLETE;
    send_packet(link_, packet, 0);
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), -1);
    close(fd);
}

static void counts_what_the_kernel_does_not_take(void **state)
{
    (void)state;
    struct link *link = open_tap((struct tap_options){.name = "chaski1"}); /* which is down */
    send_packet(link, udp_to_kernel(0), 0);
    assert_int_equal(link->statistics.refused, 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_LINK_REFUSED], 1);
    static uint8_t big[1519];
    send_bytes(link, big, sizeof big, 0);
    assert_int_equal(link->statistics.oversized, 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_LINK_REFUSED], 2);
    assert_int_equal(link->statistics.sent, 0);
    link_close(link);
}

/* ---- Queues ---- */

static uint32_t receive_on(struct link *link)
{
    struct burst burst = {0};
    link->receive(link, &burst, 0);
    for (uint32_t i = 0; i < burst.count; i++)
        packet_free(burst.packets[i]);
    return burst.count;
}

/* Frames of a flow come by the queue that its last frame left by. */
static void a_flow_follows_us_from_queue_to_queue(void **state)
{
    (void)state;
    struct chaski_address address = chaski_ip4(10, 9, 0, 1);
    struct tap_options options = {.name = "chaski0", .multi_queue = true};
    struct link *links[2] = {open_tap(options), open_tap(options)};
    assert_non_null(links[0]);
    assert_non_null(links[1]);
    link_ = links[0];
    assert_int_equal(tap_configure(link_, &address, 24, error, sizeof error), 0);
    for (int queue = 0; queue < 2; queue++)
        send_bytes(links[queue], arp_request, sizeof arp_request, 0);
    while (receive_on(links[0]) + receive_on(links[1]) == 0)
        continue;
    receive_on(links[0]);
    receive_on(links[1]);
    for (int round = 0; round < 4; round++) {
        struct packet *packet = udp_to_kernel(0);
        send_packet(links[round % 2], packet, 0);
        kernel_sends_udp("relay", 5);
        assert_int_equal(receive_on(links[1 - round % 2]), 0);
        assert_int_equal(receive_on(links[round % 2]), 1);
    }
    link_close(links[0]);
    link_close(links[1]);
    assert_int_equal(if_nametoindex("chaski0"), 0);
}

static void says_that_a_device_has_one_queue_only(void **state)
{
    (void)state;
    struct link *link = open_tap((struct tap_options){.name = "chaski0"});
    assert_non_null(link);
    opening_fails_with((struct tap_options){.name = "chaski0", .multi_queue = true},
                       "tap:chaski0: exists and is not a TAP device of several queues: make it "
                       "with `ip tuntap add dev chaski0 mode tap multi_queue`");
    link_close(link);
}

static void one_queue_of_a_device_for_several_will_do(void **state)
{
    (void)state;
    assert_int_equal(system("ip tuntap add dev chaski0 mode tap multi_queue"), 0);
    struct link *link = open_tap((struct tap_options){.name = "chaski0"});
    assert_non_null(link);
    link_close(link);
    assert_int_equal(system("ip link del chaski0"), 0);
}

/* The device may go while the program runs. */
static void says_that_the_device_is_gone(void **state)
{
    (void)state;
    struct burst burst = {0};
    struct link *link = open_tap((struct tap_options){.name = "chaski0"});
    assert_non_null(link);
    assert_int_equal(link->receive(link, &burst, 0), 0);
    assert_false(link->gone);
    assert_int_equal(system("ip link del chaski0"), 0);
    assert_int_equal(link->receive(link, &burst, 0), 0);
    assert_true(link->gone);
    link_close(link);
}

/* ---- Large segments ---- */

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/* A TCP segment of `length` bytes from Ethernet to the end, checksum partial; flags ACK. */
static void build_tcp(uint8_t *frame, size_t length, bool from_kernel)
{
    const uint32_t kernel = 0x0a090001, us = 0x0a090002;
    uint8_t pseudo[12] = {0};
    memset(frame, 0, HEADERS);
    memcpy(frame, from_kernel ? our_mac : kernel_mac, 6);
    memcpy(frame + 6, from_kernel ? kernel_mac : our_mac, 6);
    store_be16(frame + 12, 0x0800);
    frame[14] = 0x45;
    store_be16(frame + 16, (uint16_t)(length - 14));
    frame[20] = 0x40;
    frame[22] = 64;
    frame[23] = 6;
    store_be32(frame + 26, from_kernel ? kernel : us);
    store_be32(frame + 30, from_kernel ? us : kernel);
    checksum_store(frame + 24, checksum_finish(checksum_partial(frame + 14, 20)));
    store_be16(frame + 34, 9);
    store_be16(frame + 36, 9);
    frame[46] = 0x50;
    frame[47] = 0x10;
    memcpy(pseudo, frame + 26, 8);
    pseudo[9] = 6;
    store_be16(pseudo + 10, (uint16_t)(length - 34));
    checksum_store(frame + 50, checksum_fold(checksum_partial(pseudo, sizeof pseudo)));
    for (size_t i = HEADERS; i < length; i++)
        frame[i] = pattern(i);
}

/* Sends a segment out of the kernel's end as its TCP does. */
static void kernel_sends_tcp(size_t length, uint16_t segment_size)
{
    static uint8_t frame[FRAME_MAX];
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
    if (segment_size != 0) {
        header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
        header.gso_size = segment_size;
        header.hdr_len = HEADERS;
    }
    build_tcp(frame, length, true);
    struct iovec pieces[2] = {{&header, sizeof header}, {frame, length}};
    assert_int_equal(writev(packet_socket, pieces, 2), length + sizeof header);
}

static void assert_is_pattern(const struct packet *packet, size_t length)
{
    static uint8_t bytes[FRAME_MAX];
    assert_int_equal(packet->length, length);
    packet_copy_out(packet, 0, bytes, packet->length);
    for (size_t i = HEADERS; i < length; i++) {
        if (bytes[i] != pattern(i))
            fail_msg("byte %zu of %zu is wrong", i, length);
    }
}

static void receives_segments_of_every_size(void **state)
{
    (void)state;
    static const size_t lengths[] = {
        HEADERS + 1,
        FRAME_INLINE,
        FRAME_INLINE + 1,
        1514,
        FRAME_LINEAR,
        FRAME_LINEAR + 1,
        FRAME_LINEAR + LARGE_BUFFER - 1,
        FRAME_LINEAR + LARGE_BUFFER,
        FRAME_LINEAR + LARGE_BUFFER + 1,
        65000,
        65535, /* the most that the kernel leaves whole */
    };
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            kernel_sends_tcp(lengths[i], lengths[i] > 1514 ? 1448 : 0);
            struct packet *packet = must_receive();
            assert_is_pattern(packet, lengths[i]);
            assert_int_equal(packet->segment_size, lengths[i] > 1514 ? 1448 : 0);
            assert_int_equal(packet->checksum, CHECKSUM_VERIFIED);
            assert_true(packet->linear_length >= (lengths[i] < 134 ? lengths[i] : 134));
            packet_free(packet);
        }
    }
}

static void frames_share_large_buffers(void **state)
{
    (void)state;
    struct packet *packets[8];
    uint32_t free_before = station.memory.large.free_count;
    for (int i = 0; i < 8; i++) {
        kernel_sends_tcp(4000, 1448);
        packets[i] = must_receive();
        assert_int_equal(packets[i]->fragment_count, 1);
        assert_ptr_equal(packets[i]->fragments[0].buffer, packets[0]->fragments[0].buffer);
        assert_is_pattern(packets[i], 4000);
    }
    assert_int_equal(station.memory.large.free_count, free_before);
    for (int i = 0; i < 8; i++) {
        assert_is_pattern(packets[i], 4000);
        packet_free(packets[i]);
    }
}

static void acknowledgements_arrive_when_buffers_are_gone(void **state)
{
    (void)state;
    struct packet *held[PACKETS];
    uint32_t count = 0;
    do
        kernel_sends_tcp(65000, 1448);
    while ((held[count] = next_frame()) != NULL && ++count < PACKETS);
    assert_int_equal(link_->statistics.no_memory, 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_NO_MEMORY], 1);
    while (pool_take(&station.memory.small, FOR_RECEIVE) != NULL)
        station.memory.small.total--; /* for good */
    for (int i = 0; i < 3; i++) {
        kernel_sends_tcp(HEADERS + 1, 0);
        struct packet *packet = must_receive();
        assert_is_pattern(packet, HEADERS + 1);
        packet_free(packet);
    }
    while (count != 0)
        packet_free(held[--count]);
    kernel_sends_tcp(65000, 1448);
    struct packet *packet = must_receive();
    assert_is_pattern(packet, 65000);
    packet_free(packet);
}

/* One frame after a pause, so that its answer leaves; then more the more there are. */
static void looks_for_more_the_more_it_finds(void **state)
{
    (void)state;
    static const struct {
        uint32_t count;
        bool more;
    } expected[] = {{1, false}, {4, true}, {16, true}, {BURST_MAX, true}, {6, false}, {0, false}};
    struct burst none = {0};
    assert_int_equal(link_->receive(link_, &none, 0), 0);
    for (int i = 0; i < 1 + 4 + 16 + BURST_MAX + 6; i++)
        kernel_sends_tcp(HEADERS + 1, 0);
    for (uint32_t call = 0; call < sizeof expected / sizeof expected[0]; call++) {
        struct burst burst = {0};
        assert_int_equal(link_->receive(link_, &burst, 0), expected[call].count);
        assert_int_equal(link_->more, expected[call].more);
        for (uint32_t i = 0; i < burst.count; i++)
            packet_free(burst.packets[i]);
    }
    struct burst burst = {0};
    kernel_sends_tcp(HEADERS + 1, 0);
    kernel_sends_tcp(HEADERS + 1, 0);
    assert_int_equal(link_->receive(link_, &burst, 0), 1);
    packet_free(burst.packets[0]);
    burst.count = 0;
    assert_int_equal(link_->receive(link_, &burst, 0), 1);
    packet_free(burst.packets[0]);
}

static void a_plain_link_gets_segments_cut(void **state)
{
    (void)state;
    kernel_sends_tcp(HEADERS + 3 * 1448, 1448);
    struct burst burst = {0};
    assert_int_equal(link_->receive(link_, &burst, 0), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(burst.packets[i]->length, HEADERS + 1448);
        assert_int_equal(burst.packets[i]->segment_size, 0);
        packet_free(burst.packets[i]);
    }
}

static void sends_a_segment_whole(void **state)
{
    (void)state;
    static uint8_t frame[60000], received[FRAME_MAX];
    struct virtio_net_hdr header;
    struct iovec pieces[2] = {{&header, sizeof header}, {received, sizeof received}};
    for (int cut = 0; cut < 2; cut++) {
        size_t length = cut != 0 ? sizeof frame : HEADERS + 1000;
        build_tcp(frame, length, false);
        struct packet *packet = frame_of_bytes(&station.memory, frame, length);
        packet->network = (uint16_t)(packet_head_room(packet) + 14);
        packet->transport = (uint16_t)(packet_head_room(packet) + 34);
        packet->checksum = CHECKSUM_PARTIAL;
        packet->checksum_field = 16;
        packet->segment_size = 1000;
        while (readv(packet_socket, pieces, 2) > 0)
            continue;
        send_packet(link_, packet, 0);
        assert_int_equal(readv(packet_socket, pieces, 2), length + sizeof header);
        assert_memory_equal(received, frame, length);
        assert_int_equal(header.gso_type, cut != 0 ? VIRTIO_NET_HDR_GSO_TCPV4 : 0);
        assert_int_equal(header.gso_size, cut != 0 ? 1000 : 0);
        assert_int_equal(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 1);
        assert_int_equal(header.csum_start, 34);
        assert_int_equal(header.csum_offset, 16);
    }
    assert_int_equal(link_->statistics.refused, 0);
}

#define with_tap(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define with_plain(function) cmocka_unit_test_setup_teardown(function, set_up_plain, tear_down)
#define with_memory(function)                                                                      \
    cmocka_unit_test_setup_teardown(function, set_up_memory, tear_down_memory)

/* A namespace in which we are root and may make interfaces; what stands in the way, or NULL. */
static const char *enter_namespace(void)
{
    if (!namespace_enter())
        return "no network namespace can be made";
    int fd = open("/dev/net/tun", O_RDWR);
    if (fd < 0)
        return "/dev/net/tun cannot be opened";
    close(fd);
    return NULL;
}

int main(void)
{
    const struct CMUnitTest anywhere[] = {
        with_memory(refuses_what_makes_no_sense),
        with_memory(refuses_memory_that_cannot_receive),
    };
    const struct CMUnitTest in_namespace[] = {
        with_memory(creates_and_takes_away_the_interface),
        with_memory(chooses_a_random_address),
        with_memory(says_that_a_name_is_taken),
        with_memory(leaves_nothing_when_the_mtu_cannot_be_had),
        with_tap(receives_udp),
        with_plain(a_plain_link_gets_complete_checksums),
        with_tap(sends_udp_with_a_checksum_to_be_completed),
        with_tap(counts_what_the_kernel_does_not_take),
        with_memory(a_flow_follows_us_from_queue_to_queue),
        with_memory(says_that_a_device_has_one_queue_only),
        with_memory(one_queue_of_a_device_for_several_will_do),
        with_memory(says_that_the_device_is_gone),
        with_tap(receives_segments_of_every_size),
        with_tap(frames_share_large_buffers),
        with_tap(acknowledgements_arrive_when_buffers_are_gone),
        with_tap(looks_for_more_the_more_it_finds),
        with_plain(a_plain_link_gets_segments_cut),
        with_tap(sends_a_segment_whole),
    };
    int failed = cmocka_run_group_tests(anywhere, NULL, NULL);
    const char *obstacle = enter_namespace();
    if (obstacle == NULL)
        return failed + cmocka_run_group_tests(in_namespace, NULL, NULL);
    print_message("skipped, as %s: the tests on a TAP device\n", obstacle);
    return failed;
}
