/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vnet/packet_socket.h"

#include "core/base/endian.h"
#include "tests/unit/drivers/veth_link.h"

enum { HEADERS = 54, TAGGED = 4 };

static struct link *open_queue(uint32_t queues, const struct link *first)
{
    return open_near(packet_socket_open, queues, 0, first);
}

static int set_up(void **state)
{
    set_up_without(state);
    link_ = open_queue(1, NULL);
    return 0;
}

/* ---- Frames ---- */

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
    links[0] = open_queue(2, NULL);
    links[1] = open_queue(2, links[0]);
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

/* ---- The interface comes and goes ---- */

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
#define without_link(function) cmocka_unit_test_setup_teardown(function, set_up_without, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_link(leaves_frames_of_vlans_alone),
        with_link(receives_a_segment_whole),
        with_link(sends_a_segment_whole),
        without_link(a_flow_keeps_to_its_queue),
        with_link(notices_that_an_interface_that_is_down_is_gone),
        with_link(is_told_that_the_interface_is_gone),
    };
    const char *obstacle = veth_enter();
    if (obstacle == NULL)
        return cmocka_run_group_tests(tests, NULL, NULL);
    print_message("skipped, as %s: the tests on packet sockets\n", obstacle);
    return 0;
}
