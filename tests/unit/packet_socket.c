/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/packet_socket.h"

#include "core/base/endian.h"
#include "drivers/device.h"
#include "tests/unit/veth.h"

enum { PACKETS = 256, LARGE = 12, HEADERS = 54, TAGGED = 4 };

static struct station_memory station;
static struct link *link_;
static int far = -1;
static char error[256];

static struct link *open_near(uint32_t queues, const struct link *first)
{
    struct queue_options options = {.name = "near", .queues = queues, .first = first};
    error[0] = '\0';
    memcpy(options.mac, our_mac, sizeof our_mac);
    struct link *link =
        packet_socket_open(&options, &station.memory, &station.counters, error, sizeof error);
    if (link == NULL)
        print_message("%s\n", error);
    assert_non_null(link);
    return link;
}

static int set_up_without(void **state)
{
    (void)state;
    station_make(&station, PACKETS, LARGE);
    veth_make("");
    far = veth_far_socket();
    return 0;
}

static int set_up(void **state)
{
    set_up_without(state);
    link_ = open_near(1, NULL);
    return 0;
}

static int tear_down_without(void **state)
{
    (void)state;
    close(far);
    run("ip link del near 2>/dev/null");
    station_end(&station);
    return 0;
}

static int tear_down(void **state)
{
    link_close(link_);
    return tear_down_without(state);
}

/* ---- Opening ---- */

static void opening_fails_with(struct queue_options options, const char *expected)
{
    assert_null(
        packet_socket_open(&options, &station.memory, &station.counters, error, sizeof error));
    assert_string_equal(error, expected);
    station_assert_all_free(&station);
}

static void says_what_cannot_be_opened(void **state)
{
    (void)state;
    opening_fails_with((struct queue_options){.name = "a b"},
                       "packet:a b: not an interface name: give 1 to 15 characters without "
                       "spaces, '/', ':' or '%'");
    opening_fails_with((struct queue_options){.name = "nosuch0"},
                       "packet:nosuch0: there is no such interface; `ip link` lists them");
    opening_fails_with((struct queue_options){.name = "lo"},
                       "packet:lo: is not an Ethernet interface; choose another");
    opening_fails_with((struct queue_options){.name = "near", .mac = {1}},
                       "packet:near: the MAC address is a group's: its first byte must be even");
    opening_fails_with((struct queue_options){.name = "near", .mtu = 67},
                       "packet:near: MTU 67 is too small: give at least 68");
}

static void takes_address_and_mtu_from_the_interface(void **state)
{
    (void)state;
    static const uint8_t near_mac[6] = {2, 0, 0, 0, 0, 1};
    struct queue_options options = {.name = "near", .mtu = 1400};
    struct link *link =
        packet_socket_open(&options, &station.memory, &station.counters, error, sizeof error);
    assert_non_null(link);
    assert_memory_equal(link->mac, near_mac, 6);
    assert_int_equal(link->mtu, 1400);
    assert_int_equal(link->features, LINK_CHECKSUM | LINK_CUT);
    assert_true(run("ip link show near | grep -q 'mtu 1400'"));
    assert_false(run("ip -d link show near | grep -q 'promiscuity 1'"));
    link_close(link);
    link = open_near(1, NULL);
    assert_memory_equal(link->mac, our_mac, 6);
    assert_true(run("ip -d link show near | grep -q 'promiscuity 1'"));
    link_close(link);
    assert_false(run("ip -d link show near | grep -q 'promiscuity 1'"));
}

/* ---- Frames ---- */

static void receives_frames_of_every_size(void **state)
{
    (void)state;
    static const size_t lengths[] = {60, FRAME_INLINE, FRAME_INLINE + 1, 1000, 1514};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        veth_send_frame(far, lengths[i], (uint8_t)i);
        veth_assert_frame(veth_next(link_), lengths[i], (uint8_t)i);
    }
    assert_int_equal(link_->statistics.received, 5);
    assert_null(veth_next(link_));
}

/* What the kernel or anybody else sends by the interface. */
static void does_not_hear_what_others_send(void **state)
{
    (void)state;
    uint8_t frame[60];
    struct sockaddr_ll near = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("near")};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    veth_frame(frame, sizeof frame, 1, false);
    assert_int_equal(sendto(fd, frame, sizeof frame, 0, (struct sockaddr *)&near, sizeof near),
                     sizeof frame);
    close(fd);
    assert_null(veth_next(link_));
}

static void sends_frames_and_does_not_hear_them(void **state)
{
    (void)state;
    struct virtio_net_hdr header;
    static uint8_t frame[1514], received[FRAME_MAX];
    veth_frame(frame, sizeof frame, 9, false);
    send_bytes(link_, frame, sizeof frame, 0);
    assert_int_equal(veth_receive(far, &header, received), sizeof frame);
    assert_memory_equal(received, frame, sizeof frame);
    assert_int_equal(link_->statistics.sent, 1);
    assert_null(veth_next(link_));
}

static void leaves_frames_of_vlans_alone(void **state)
{
    (void)state;
    static uint8_t frame[64 + TAGGED];
    veth_frame(frame, 64, 1, true);
    memmove(frame + 12 + TAGGED, frame + 12, 64 - 12);
    memcpy(frame + 12, (uint8_t[TAGGED]){0x81, 0, 0, 5}, TAGGED);
    veth_send(far, (struct virtio_net_hdr){0}, frame, sizeof frame);
    veth_send_frame(far, 64, 2);
    veth_assert_frame(veth_next(link_), 64, 2);
}

/* A TCP segment with a checksum that is still to be completed. */
static void build_tcp(uint8_t *frame, size_t length, bool from_far)
{
    veth_frame(frame, length, 3, from_far);
    store_be16(frame + 12, 0x0800);
    memset(frame + 14, 0, HEADERS - 14);
    frame[14] = 0x45;
    store_be16(frame + 16, (uint16_t)(length - 14));
    frame[22] = 64;
    frame[23] = 6;
    store_be32(frame + 26, from_far ? 0x0a090001 : 0x0a090002);
    store_be32(frame + 30, from_far ? 0x0a090002 : 0x0a090001);
    checksum_store(frame + 24, checksum_finish(checksum_partial(frame + 14, 20)));
    frame[46] = 0x50;
    frame[47] = 0x10;
}

static void receives_a_segment_whole(void **state)
{
    (void)state;
    static uint8_t frame[60000];
    const struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                          .csum_start = 34,
                                          .csum_offset = 16,
                                          .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                          .gso_size = 1448,
                                          .hdr_len = HEADERS};
    build_tcp(frame, sizeof frame, true);
    veth_send(far, header, frame, sizeof frame);
    struct packet *packet = veth_next(link_);
    assert_non_null(packet);
    assert_bytes(packet, frame, sizeof frame);
    assert_int_equal(packet->checksum, CHECKSUM_VERIFIED);
    assert_int_equal(packet->segment_size, 1448);
    packet_free(packet);
}

static void sends_a_segment_whole(void **state)
{
    (void)state;
    static uint8_t frame[60000], received[FRAME_MAX];
    struct virtio_net_hdr header;
    build_tcp(frame, sizeof frame, false);
    struct packet *packet = frame_of_bytes(&station.memory, frame, sizeof frame);
    packet->network = (uint16_t)(packet_head_room(packet) + 14);
    packet->transport = (uint16_t)(packet_head_room(packet) + 34);
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = 16;
    packet->segment_size = 1000;
    send_packet(link_, packet, 0);
    assert_int_equal(veth_receive(far, &header, received), sizeof frame);
    assert_memory_equal(received, frame, sizeof frame);
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(header.gso_size, 1000);
    assert_int_equal(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, 1);
}

static void refuses_what_is_longer_than_the_mtu(void **state)
{
    (void)state;
    static uint8_t big[1519];
    send_bytes(link_, big, sizeof big, 0);
    assert_int_equal(link_->statistics.oversized, 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_LINK_REFUSED], 1);
}

/* ---- Queues ---- */

/* From the far end's port `port`: a flow. */
static void send_flow(uint16_t port)
{
    static uint8_t frame[100];
    build_tcp(frame, sizeof frame, true);
    store_be16(frame + 34, port);
    store_be16(frame + 36, 7);
    veth_send(far, (struct virtio_net_hdr){0}, frame, sizeof frame);
}

static uint16_t flow_of(struct packet *packet)
{
    uint16_t port = load_be16(packet->data + 34);
    packet_free(packet);
    return port;
}

static void a_flow_keeps_to_its_queue(void **state)
{
    (void)state;
    enum { FLOWS = 63 }; /* an odd number, lest taking turns looks the same */
    uint8_t queue_of[FLOWS] = {0};
    uint32_t shares[2] = {0};
    struct link *links[2];
    links[0] = open_near(2, NULL);
    links[1] = open_near(2, links[0]);
    for (uint16_t round = 0; round < 2; round++) {
        for (uint16_t flow = 0; flow < FLOWS; flow++)
            send_flow(flow);
        for (uint8_t queue = 0; queue < 2; queue++) {
            struct burst burst = {0};
            for (int i = 0; i < 8; i++, burst.count = 0) {
                links[queue]->receive(links[queue], &burst, 0);
                for (uint32_t n = 0; n < burst.count; n++) {
                    uint16_t flow = flow_of(burst.packets[n]);
                    assert_in_range(flow, 0, FLOWS - 1);
                    assert_true(round == 0 || queue_of[flow] == queue);
                    queue_of[flow] = queue;
                    shares[queue]++;
                }
            }
        }
        assert_int_equal(shares[0] + shares[1], (round + 1) * FLOWS);
    }
    assert_true(shares[0] != 0 && shares[1] != 0);
    link_close(links[0]);
    link_close(links[1]);
}

static void queues_make_one_link(void **state)
{
    (void)state;
    enum { FLOWS = 64 };
    struct device device = {.kind = DEVICE_PACKET, .name = "near", .queues = 3};
    struct device_options options = {.mac = {2, 0, 0, 0, 0, 2}};
    struct link *link = device_open_whole(&device, &options, &station.memory, &station.counters,
                                          error, sizeof error);
    uint64_t seen = 0;
    assert_non_null(link);
    for (uint16_t flow = 0; flow < FLOWS; flow++)
        send_flow(flow);
    struct pollfd polled = {.fd = link->fd, .events = POLLIN};
    assert_int_equal(poll(&polled, 1, 200), 1);
    do {
        struct burst burst = {0};
        link->receive(link, &burst, 0);
        assert_true(seen != 0 || link->more); /* other queues have not been asked */
        for (uint32_t n = 0; n < burst.count; n++)
            seen |= UINT64_C(1) << flow_of(burst.packets[n]);
    } while (link->more || poll(&polled, 1, 0) == 1);
    assert_true(seen == UINT64_MAX);
    assert_true(link->deadline(link) == UINT64_MAX);
    assert_memory_equal(link->mac, our_mac, 6);
    uint8_t frame[60], received[FRAME_MAX];
    struct virtio_net_hdr header;
    veth_frame(frame, sizeof frame, 1, false);
    send_bytes(link, frame, sizeof frame, 0);
    assert_int_equal(veth_receive(far, &header, received), sizeof frame);
    run("ip link del near");
    struct burst burst = {0};
    for (int i = 0; i < 3; i++)
        link->receive(link, &burst, 0);
    assert_int_equal(burst.count, 0);
    assert_true(link->gone);
    link_close(link);
}

/* ---- The interface comes and goes ---- */

static void survives_the_interface_being_down(void **state)
{
    (void)state;
    static uint8_t frame[60];
    struct pollfd polled = {.fd = link_->fd, .events = POLLIN};
    assert_true(run("ip link set near down"));
    assert_int_equal(poll(&polled, 1, 0), 1);
    assert_true((polled.revents & POLLERR) != 0);
    link_->check(link_);
    assert_false(link_->gone);
    assert_int_equal(poll(&polled, 1, 0), 0);
    veth_frame(frame, sizeof frame, 1, false);
    send_bytes(link_, frame, sizeof frame, 0);
    assert_int_equal(link_->statistics.refused, 1);
    veth_up("near");
    veth_send_frame(far, 60, 4);
    assert_true(link_->deadline(link_) != UINT64_MAX);
    veth_assert_frame(veth_next(link_), 60, 4);
    assert_true(link_->deadline(link_) == UINT64_MAX);
}

static void notices_that_the_interface_is_gone(void **state)
{
    (void)state;
    struct burst burst = {0};
    assert_true(run("ip link del near"));
    link_->receive(link_, &burst, 0); /* a busy loop may see the error first */
    assert_true(link_->gone);
}

/* Deleting an interface takes it down first; who reacts to that at once hears no more. */
static void notices_that_an_interface_that_is_down_is_gone(void **state)
{
    (void)state;
    struct burst burst = {0};
    const uint64_t second = 1000000000;
    assert_true(link_->deadline(link_) == UINT64_MAX);
    assert_true(run("ip link set near down"));
    link_->check(link_);
    link_->receive(link_, &burst, 10 * second);
    assert_false(link_->gone);
    assert_true(link_->deadline(link_) == 11 * second);
    assert_true(run("ip link del near"));
    link_->receive(link_, &burst, 11 * second - 1);
    assert_false(link_->gone);
    link_->receive(link_, &burst, 11 * second);
    assert_true(link_->gone);
}

static void is_told_that_the_interface_is_gone(void **state)
{
    (void)state;
    assert_true(run("ip link del near"));
    link_->check(link_);
    assert_true(link_->gone);
}

#define with_link(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define without_link(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, set_up_without, tear_down_without)

int main(void)
{
    const struct CMUnitTest tests[] = {
        without_link(says_what_cannot_be_opened),
        without_link(takes_address_and_mtu_from_the_interface),
        with_link(receives_frames_of_every_size),
        with_link(does_not_hear_what_others_send),
        with_link(sends_frames_and_does_not_hear_them),
        with_link(leaves_frames_of_vlans_alone),
        with_link(receives_a_segment_whole),
        with_link(sends_a_segment_whole),
        with_link(refuses_what_is_longer_than_the_mtu),
        without_link(a_flow_keeps_to_its_queue),
        without_link(queues_make_one_link),
        with_link(survives_the_interface_being_down),
        with_link(notices_that_the_interface_is_gone),
        with_link(notices_that_an_interface_that_is_down_is_gone),
        with_link(is_told_that_the_interface_is_gone),
    };
    const char *obstacle = veth_enter();
    if (obstacle == NULL)
        return cmocka_run_group_tests(tests, NULL, NULL);
    print_message("skipped, as %s: the tests on packet sockets\n", obstacle);
    return 0;
}
