/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/endian.h"
#include "drivers/device.h"
#include "drivers/vnet/packet_socket.h"
#include "drivers/xdp/xdp_socket.h"
#include "tests/unit/drivers/veth_link.h"

/* What every link that shares an Ethernet interface with the kernel has to do, the same tests for
 * each kind of them. */

struct kind {
    const char *name;
    queue_opener *open;
    enum device_kind device;
    bool refuses; /* says at once that an interface that is down takes nothing */
};

static const struct kind kinds[] = {
    {"packet", packet_socket_open, DEVICE_PACKET, true},
    {"xdp", xdp_socket_open, DEVICE_XDP, false},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct kind *kind;

static int set_up_two_queues(void **state)
{
    kind = *state;
    make_pair("numrxqueues 2 numtxqueues 2");
    return 0;
}

static int set_up(void **state)
{
    kind = *state;
    make_pair("");
    link_ = open_near(kind->open, 1, 0, NULL);
    return 0;
}

/* ---- Opening ---- */

static void fails_with(struct queue_options options, const char *expected)
{
    char line[256];
    snprintf(line, sizeof line, "%s:%s: %s", kind->name, options.name, expected);
    opening_fails_with(kind->open, options, line);
}

static void says_what_cannot_be_opened(void **state)
{
    (void)state;
    fails_with((struct queue_options){.name = "a b", .queues = 1},
               "not an interface name: give 1 to 15 characters without spaces, '/', ':' or '%'");
    fails_with((struct queue_options){.name = "nosuch0", .queues = 1},
               "there is no such interface; `ip link` lists them");
    fails_with((struct queue_options){.name = "lo", .queues = 1},
               "is not an Ethernet interface; choose another");
    fails_with((struct queue_options){.name = "near", .queues = 2, .mac = {1}},
               "the MAC address is a group's: its first byte must be even");
    fails_with((struct queue_options){.name = "near", .queues = 2, .mtu = 67},
               "MTU 67 is too small: give at least 68");
}

static void takes_address_and_mtu_from_the_interface(void **state)
{
    (void)state;
    static const uint8_t near_mac[6] = {2, 0, 0, 0, 0, 1};
    struct queue_options options = {.name = "near", .queues = 2, .mtu = 1400};
    link_ = must_open(kind->open, &options);
    assert_memory_equal(link_->mac, near_mac, 6);
    assert_int_equal(link_->mtu, 1400);
    assert_true(run("ip link show near | grep -q 'mtu 1400'"));
    assert_false(run("ip -d link show near | grep -q 'promiscuity 1'"));
    link_close(link_);
    link_ = open_near(kind->open, 2, 0, NULL);
    assert_memory_equal(link_->mac, our_mac, 6);
    assert_true(run("ip -d link show near | grep -q 'promiscuity 1'"));
    link_close(link_);
    link_ = NULL;
    assert_false(run("ip -d link show near | grep -q 'promiscuity 1'"));
}

/* ---- Frames ---- */

static void receives_frames_of_every_size(void **state)
{
    (void)state;
    static const size_t lengths[] = {60, FRAME_INLINE, FRAME_INLINE + 1, 1000, 1514};
    uint64_t bytes = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            veth_send_frame(far, lengths[i], (uint8_t)i);
            struct packet *packet = veth_next(link_);
            assert_non_null(packet);
            assert_int_equal(packet->checksum, CHECKSUM_UNKNOWN);
            veth_assert_frame(packet, lengths[i], (uint8_t)i);
            bytes += lengths[i];
        }
    }
    assert_int_equal(link_->statistics.received, 15);
    assert_int_equal(link_->statistics.received_bytes, bytes);
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

static void assert_arrives(size_t length, uint8_t number)
{
    struct virtio_net_hdr header;
    static uint8_t frame[FRAME_MAX], received[FRAME_MAX];
    veth_frame(frame, length, number, false);
    assert_int_equal(veth_receive(far, &header, received), length);
    assert_memory_equal(received, frame, length);
}

static void send_frame(struct link *link, size_t length, uint8_t number)
{
    static uint8_t frame[FRAME_MAX];
    veth_frame(frame, length, number, false);
    send_bytes(link, frame, length, 0);
}

static void sends_frames_and_does_not_hear_them(void **state)
{
    (void)state;
    enum { FRAMES = 5000 }; /* more than an AF_XDP socket has send frames */
    for (uint32_t i = 0; i < FRAMES; i++) {
        send_frame(link_, 1514, (uint8_t)i);
        assert_arrives(1514, (uint8_t)i);
    }
    assert_int_equal(link_->statistics.sent, FRAMES);
    assert_int_equal(link_->statistics.sent_bytes, FRAMES * 1514);
    assert_null(veth_next(link_));
}

static void sends_a_burst_in_order(void **state)
{
    (void)state;
    struct burst burst = {0};
    static uint8_t frame[100];
    for (uint8_t i = 0; i < BURST_MAX; i++) {
        veth_frame(frame, sizeof frame, i, false);
        burst.packets[burst.count++] = frame_of_bytes(&station.memory, frame, sizeof frame);
    }
    link_->transmit(link_, &burst, 0);
    assert_int_equal(burst.count, 0);
    for (uint8_t i = 0; i < BURST_MAX; i++)
        assert_arrives(sizeof frame, i);
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

/* Of as many flows as there are bits: the datagram of flow `number`. */
static void send_flow(uint8_t number)
{
    static uint8_t frame[100];
    veth_frame(frame, sizeof frame, 0, true);
    store_be16(frame + 12, 0x0800);
    memcpy(frame + 14, (uint8_t[20]){0x45, 0, 0, 86, 0, 0, 0, 0, 64, 17}, 20);
    store_be16(frame + 34, number);
    veth_send(far, (struct virtio_net_hdr){0}, frame, sizeof frame);
}

/* As the loop does. */
static void heed_news(void)
{
    struct pollfd news = {.fd = link_->news_fd};
    if (poll(&news, 1, 0) == 1)
        link_->check(link_);
}

static void queues_make_one_link(void **state)
{
    (void)state;
    struct device device = {.kind = kind->device, .name = "near", .queues = 2};
    struct device_options options = {.mac = {2, 0, 0, 0, 0, 2}};
    const uint64_t later = UINT64_C(5000000000);
    uint64_t seen = 0;
    link_ = device_open_whole(&device, &options, &station.memory, &station.counters, error,
                              sizeof error);
    assert_non_null(link_);
    assert_memory_equal(link_->mac, our_mac, 6);
    for (uint8_t flow = 0; flow < 64; flow++)
        send_flow(flow);
    struct pollfd polled = {.fd = link_->fd, .events = POLLIN};
    for (int turn = 0; turn < 100 && (link_->more || poll(&polled, 1, 200) == 1); turn++) {
        struct burst burst = {0};
        link_->receive(link_, &burst, 0);
        for (uint32_t i = 0; i < burst.count; i++) {
            seen |= UINT64_C(1) << load_be16(burst.packets[i]->data + 34);
            packet_free(burst.packets[i]);
        }
    }
    assert_true(seen == UINT64_MAX);
    send_frame(link_, SHORT, 1);
    assert_arrives(SHORT, 1);
    run("ip link del near");
    heed_news();
    struct burst burst = {0};
    for (int i = 0; i < 3; i++)
        link_->receive(link_, &burst, later);
    assert_int_equal(burst.count, 0);
    assert_true(link_->gone);
}

/* ---- The interface comes and goes ---- */

static void survives_the_interface_being_down(void **state)
{
    (void)state;
    struct virtio_net_hdr header;
    static uint8_t received[FRAME_MAX];
    struct burst burst = {0};
    struct pollfd polled = {.fd = link_->fd, .events = POLLIN};
    assert_true(run("ip link set near down"));
    if (poll(&polled, 1, 0) == 1)
        link_->check(link_);
    assert_int_equal(poll(&polled, 1, 0), 0);
    send_frame(link_, SHORT, 1);
    assert_int_equal(link_->statistics.refused, kind->refuses);
    link_->receive(link_, &burst, UINT64_C(5000000000));
    assert_false(link_->gone);
    veth_up("near");
    while (veth_receive(far, &header, received) != 0)
        continue;
    send_frame(link_, SHORT, 1); /* the same: what was not refused may arrive late */
    assert_arrives(SHORT, 1);
    veth_send_frame(far, SHORT, 4);
    veth_assert_frame(veth_next(link_), SHORT, 4);
}

/* Which an event tells, or the next look at it. */
static void notices_that_the_interface_is_gone(void **state)
{
    (void)state;
    struct burst burst = {0};
    link_->receive(link_, &burst, 0);
    assert_true(link_->deadline(link_) == UINT64_MAX);
    assert_true(run("ip link del near"));
    heed_news();
    link_->receive(link_, &burst, 0);
    assert_true(link_->gone);
}

/* ---- All of it, for each kind ---- */

static const struct CMUnitTest tests[] = {
    {.name = "says_what_cannot_be_opened",
     .test_func = says_what_cannot_be_opened,
     .setup_func = set_up_two_queues},
    {.name = "takes_address_and_mtu_from_the_interface",
     .test_func = takes_address_and_mtu_from_the_interface,
     .setup_func = set_up_two_queues},
    {.name = "receives_frames_of_every_size", .test_func = receives_frames_of_every_size},
    {.name = "does_not_hear_what_others_send", .test_func = does_not_hear_what_others_send},
    {.name = "sends_frames_and_does_not_hear_them",
     .test_func = sends_frames_and_does_not_hear_them},
    {.name = "sends_a_burst_in_order", .test_func = sends_a_burst_in_order},
    {.name = "refuses_what_is_longer_than_the_mtu",
     .test_func = refuses_what_is_longer_than_the_mtu},
    {.name = "queues_make_one_link",
     .test_func = queues_make_one_link,
     .setup_func = set_up_two_queues},
    {.name = "survives_the_interface_being_down", .test_func = survives_the_interface_being_down},
    {.name = "notices_that_the_interface_is_gone", .test_func = notices_that_the_interface_is_gone},
};

enum { TESTS = sizeof tests / sizeof tests[0] };

/* Whether this build, this kernel and we ourselves can open such a link at all. */
static bool can(const struct kind *of)
{
    struct queue_options options = {.name = "near", .queues = 1};
    make_pair("");
    link_ = try_to_open(of->open, &options);
    if (link_ == NULL)
        print_message("skipped, as %s\n", error);
    bool good = link_ != NULL;
    tear_down(NULL);
    return good;
}

static int run_all(const struct kind *of)
{
    static char names[TESTS][80];
    struct CMUnitTest each[TESTS];
    for (int i = 0; i < TESTS; i++) {
        snprintf(names[i], sizeof names[i], "%s %s", of->name, tests[i].name);
        each[i] = tests[i];
        each[i].name = names[i];
        each[i].initial_state = (void *)(uintptr_t)of;
        each[i].setup_func = tests[i].setup_func != NULL ? tests[i].setup_func : set_up;
        each[i].teardown_func = tear_down;
    }
    return _cmocka_run_group_tests(of->name, each, TESTS, NULL, NULL);
}

int main(void)
{
    const char *obstacle = veth_enter();
    int failed = 0;
    if (obstacle != NULL)
        print_message("skipped, as %s: the tests on links\n", obstacle);
    for (int i = 0; i < KINDS && obstacle == NULL; i++)
        failed += can(&kinds[i]) ? run_all(&kinds[i]) : 0;
    return failed;
}
