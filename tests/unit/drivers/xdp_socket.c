/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/xdp/xdp_socket.h"

#include <poll.h>

#include "core/base/endian.h"
#include "drivers/device.h"
#include "tests/unit/drivers/veth_link.h"

static struct link *open_queue(uint32_t queues, uint32_t queue, const struct link *first)
{
    return open_near(xdp_socket_open, queues, queue, first);
}

static int set_up(void **state)
{
    set_up_without(state);
    link_ = open_queue(1, 0, NULL);
    return 0;
}

/* ---- Opening ---- */

static void says_what_cannot_be_opened(void **state)
{
    (void)state;
    opening_fails_with(xdp_socket_open, (struct queue_options){.name = "a b", .queues = 1},
                       "xdp:a b: not an interface name: give 1 to 15 characters without "
                       "spaces, '/', ':' or '%'");
    opening_fails_with(xdp_socket_open, (struct queue_options){.name = "nosuch0", .queues = 1},
                       "xdp:nosuch0: there is no such interface; `ip link` lists them");
    opening_fails_with(xdp_socket_open, (struct queue_options){.name = "near", .queues = 2},
                       "xdp:near: queues that it receives by: 1, asked for: 2; add ,queues=1, or "
                       "have it use 2 by `ethtool -L`");
    opening_fails_with(xdp_socket_open,
                       (struct queue_options){.name = "near", .queues = 1, .mtu = 30000},
                       "xdp:near: MTU 30000 is too large: AF_XDP carries up to 23022");
}

static void says_that_another_has_the_queue(void **state)
{
    (void)state;
    struct link *link = open_queue(1, 0, NULL);
    opening_fails_with(xdp_socket_open, (struct queue_options){.name = "near", .queues = 1},
                       "xdp:near: another program has queue 0 of it: end that");
    link_close(link);
    link = open_queue(1, 0, NULL);
    assert_int_equal(link->features, 0);
    assert_int_equal(link->mtu, 1500);
    assert_string_equal(link->manner, "native, copied");
    assert_true(run("ip -d link show near | grep -q 'promiscuity 1'"));
    link_close(link);
}

/* What was open a moment ago has its queue still, so this takes several attempts. */
static void receives_when_opened_again_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct link *link = open_queue(1, 0, NULL);
        veth_send_frame(far, LONG, (uint8_t)i);
        veth_assert_frame(veth_next(link), LONG, (uint8_t)i);
        link_close(link);
    }
}

/* A peer that could send more than the driver takes in one part; the kernel does it for the driver
 * then. */
static void receives_behind_a_driver_that_will_not(void **state)
{
    (void)state;
    static uint8_t frame[LONG], received[FRAME_MAX];
    struct virtio_net_hdr header;
    assert_true(run("ip link set far mtu 9000"));
    struct link *link = open_queue(1, 0, NULL);
    assert_true(run("ip link show near | grep -q xdpgeneric"));
    assert_string_equal(link->manner, "generic, copied");
    veth_send_frame(far, LONG, 1);
    veth_assert_frame(veth_next(link), LONG, 1);
    veth_frame(frame, sizeof frame, 2, false);
    send_bytes(link, frame, sizeof frame, 0);
    assert_int_equal(veth_receive(far, &header, received), sizeof frame);
    link_close(link);
    assert_false(run("ip link show near | grep -q xdp"));
}

static void an_interface_without_a_driver_for_it_will_do(void **state)
{
    (void)state;
    struct queue_options options = {.name = "bridge0", .queues = 1};
    assert_true(run("ip link add bridge0 type bridge && ip link set bridge0 up"));
    struct link *link =
        xdp_socket_open(&options, &station.memory, &station.counters, error, sizeof error);
    if (link == NULL)
        print_message("%s\n", error);
    assert_non_null(link);
    assert_true(run("ip link show bridge0 | grep -q xdpgeneric"));
    link_close(link);
    assert_true(run("ip link del bridge0"));
}

static void closing_gives_the_interface_back(void **state)
{
    (void)state;
    assert_true(run("ip link show near | grep -q xdp")); /* in the driver, not xdpgeneric */
    assert_false(run("ip link show near | grep -q xdpgeneric"));
    link_close(link_);
    assert_false(run("ip link show near | grep -q xdp"));
    link_ = open_queue(1, 0, NULL);
}

/* ---- Frames ---- */

static void takes_a_full_burst_at_a_time(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < BURST_MAX + 3; i++)
        veth_send_frame(far, 60, (uint8_t)i);
    struct burst burst = {0};
    uint32_t expected = BURST_MAX;
    for (int call = 0; call < 2; call++, burst.count = 0) {
        assert_int_equal(link_->receive(link_, &burst, 0), expected);
        assert_int_equal(link_->more, expected == BURST_MAX);
        for (uint32_t i = 0; i < burst.count; i++)
            veth_assert_frame(burst.packets[i], 60, (uint8_t)(call * BURST_MAX + (int)i));
        expected = 3;
    }
}

/* ---- Memory ---- */

static struct packet *held[PACKETS];

/* Receives and keeps frames of LONG bytes until one does not arrive. */
static uint32_t receive_and_keep(void)
{
    uint32_t count = 0;
    do
        veth_send_frame(far, LONG, (uint8_t)count);
    while (count < PACKETS && (held[count] = veth_next(link_)) != NULL && ++count < PACKETS);
    return count;
}

static void what_the_stack_keeps_stays_whole(void **state)
{
    (void)state;
    uint32_t count = receive_and_keep();
    const struct link_statistics *statistics = &link_->statistics;
    assert_true(count > 2048); /* more than it may keep where they lie */
    assert_int_equal(statistics->copied, count - 2048);
    for (uint32_t i = 0; i < count; i++)
        veth_assert_frame(held[i], LONG, (uint8_t)i);
    veth_send_frame(far, LONG, 77);
    veth_assert_frame(veth_next(link_), LONG, 77);
    assert_int_equal(statistics->copied, count - 2048); /* where it lies again */
}

static void a_frame_is_where_the_kernel_put_it(void **state)
{
    (void)state;
    uint32_t free_before = station.memory.small.free_count;
    veth_send_frame(far, LONG, 5);
    struct packet *packet = veth_next(link_);
    assert_int_equal(station.memory.small.free_count, free_before);
    assert_int_equal(packet->linear_length, LONG);
    assert_true(packet_head_room(packet) >= 64);
    veth_assert_frame(packet, LONG, 5);
}

/* Frames of this length, of which none can be passed on. */
static void receive_without_descriptors(size_t length)
{
    static void *packets[PACKETS + 1];
    uint32_t taken = 0;
    while ((packets[taken] = pool_take(&station.memory.packets, FOR_RECEIVE)) != NULL)
        taken++;
    for (uint32_t i = 0; i < 5000; i++) { /* more than there are frames */
        struct burst burst = {0};
        veth_send_frame(far, length, 1);
        assert_int_equal(link_->receive(link_, &burst, 0), 0);
    }
    assert_int_equal(link_->statistics.no_memory, 5000);
    assert_int_equal(station.counters.value[CHASKI_DROP_NO_MEMORY], 5000);
    while (taken != 0)
        pool_give(&station.memory.packets, packets[--taken]);
    veth_send_frame(far, LONG, 5);
    veth_assert_frame(veth_next(link_), LONG, 5);
}

static void without_descriptors_long_frames_come_back(void **state)
{
    (void)state;
    receive_without_descriptors(LONG);
}

static void without_descriptors_short_frames_come_back(void **state)
{
    (void)state;
    receive_without_descriptors(SHORT);
}

/* ---- Frames of several parts ---- */

enum { JUMBO = 9014 };

static int set_up_jumbo(void **state)
{
    (void)state;
    make_pair("mtu 23022");
    link_ = open_queue(1, 0, NULL);
    return 0;
}

static void receives_frames_in_parts(void **state)
{
    (void)state;
    static const size_t lengths[] = {60, 3839, 3840, 3841, 7681, JUMBO, 23022 + 14};
    assert_int_equal(link_->mtu, 23022);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            veth_send_frame(far, lengths[i], (uint8_t)i);
            veth_assert_frame(veth_next(link_), lengths[i], (uint8_t)i);
        }
    }
    assert_int_equal(link_->statistics.received, 21);
    assert_int_equal(link_->statistics.received_bytes,
                     3 * (60 + 3839 + 3840 + 3841 + 7681 + JUMBO + 23022 + 14));
}

/* 63 of one part each, then one of three, of which the first still belongs to the first burst. */
static void a_frame_may_be_in_two_bursts(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < BURST_MAX - 1; i++)
        veth_send_frame(far, 60, 1);
    veth_send_frame(far, JUMBO, 2);
    struct burst burst = {0};
    assert_int_equal(link_->receive(link_, &burst, 0), BURST_MAX - 1);
    for (uint32_t i = 0; i < burst.count; i++)
        packet_free(burst.packets[i]);
    burst.count = 0;
    assert_int_equal(link_->receive(link_, &burst, 0), 1);
    veth_assert_frame(burst.packets[0], JUMBO, 2);
}

static void sends_frames_in_parts(void **state)
{
    (void)state;
    static const size_t lengths[] = {4096, 4097, 8192, JUMBO, 23022 + 14};
    struct virtio_net_hdr header;
    static uint8_t frame[23022 + 14], received[FRAME_MAX];
    for (uint32_t i = 0; i < 2000; i++) { /* each send frame more than once */
        size_t length = lengths[i % 5];
        veth_frame(frame, length, (uint8_t)i, false);
        send_bytes(link_, frame, length, 0);
        assert_int_equal(veth_receive(far, &header, received), length);
        assert_memory_equal(received, frame, length);
    }
}

/* Whichever part there is no memory for, the frame is dropped as a whole, and the next is not. */
static void a_frame_without_memory_for_all_parts_is_dropped(void **state)
{
    (void)state;
    uint32_t count = 0;
    do
        veth_send_frame(far, JUMBO, (uint8_t)count);
    while (count < PACKETS && (held[count] = veth_next(link_)) != NULL && ++count < PACKETS);
    assert_in_range(count, 2048 / 3, 2048 / 3 + 2);
    for (uint32_t i = 1; i <= 4200; i++) { /* more often than there are frames */
        struct burst burst = {0};
        assert_int_equal(link_->statistics.no_memory, i);
        veth_send_frame(far, JUMBO, 1);
        assert_int_equal(link_->receive(link_, &burst, 0), 0);
    }
    veth_send_frame(far, SHORT, 9);
    veth_assert_frame(veth_next(link_), SHORT, 9);
    for (uint32_t i = 0; i < count; i++)
        veth_assert_frame(held[i], JUMBO, (uint8_t)i);
    for (uint32_t i = 0; i < 2000; i++) { /* nothing was lost of the memory */
        veth_send_frame(far, JUMBO, (uint8_t)i);
        veth_assert_frame(veth_next(link_), JUMBO, (uint8_t)i);
    }
}

static void without_descriptors_all_parts_come_back(void **state)
{
    (void)state;
    receive_without_descriptors(JUMBO);
}

static void several_queues_share_the_program(void **state)
{
    (void)state;
    struct device device = {.kind = DEVICE_XDP, .name = "near", .queues = 2};
    struct device_options options = {.mac = {2, 0, 0, 0, 0, 2}, .mtu = 9000};
    run("ip link set far mtu 9000");
    struct link *link = device_open_whole(&device, &options, &station.memory, &station.counters,
                                          error, sizeof error);
    assert_non_null(link);
    veth_send_frame(far, JUMBO, 3);
    veth_assert_frame(veth_next(link), JUMBO, 3);
    link_close(link);
    assert_false(run("ip link show near | grep -q xdp"));
}

/* ---- Queues ---- */

static int set_up_queues(void **state)
{
    (void)state;
    make_pair("numrxqueues 2 numtxqueues 2");
    return 0;
}

static void every_queue_has_its_frames(void **state)
{
    (void)state;
    struct link *links[2];
    links[0] = open_queue(2, 0, NULL);
    links[1] = open_queue(2, 1, links[0]);
    int on = 1;
    uint32_t shares[2] = {0};
    /* past the queueing, the processor chooses the queue */
    assert_int_equal(setsockopt(far, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on), 0);
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    for (int i = 0; i < 64; i++) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)(i % 2), &one);
        sched_setaffinity(0, sizeof one, &one);
        veth_send_frame(far, LONG, (uint8_t)i);
    }
    sched_setaffinity(0, sizeof before, &before);
    for (int queue = 0; queue < 2; queue++) {
        struct burst burst = {0};
        shares[queue] = links[queue]->receive(links[queue], &burst, 0);
        for (uint32_t i = 0; i < burst.count; i++)
            packet_free(burst.packets[i]);
    }
    assert_int_equal(shares[0] + shares[1], 64);
    if (CPU_COUNT(&before) > 1)
        assert_true(shares[0] != 0 && shares[1] != 0);
    link_close(links[1]);
    link_close(links[0]);
    assert_false(run("ip link show near | grep -q xdp"));
}

/* ---- The interface comes and goes ---- */

static bool has_news(const struct link *link)
{
    struct pollfd news = {.fd = link->news_fd};
    return poll(&news, 1, 0) == 1 && (news.revents & POLLERR) != 0;
}

static void assert_sleeps_for_ever(struct link *link)
{
    assert_false(has_news(link));
    assert_true(link->deadline(link) == UINT64_MAX);
}

static void an_interface_that_goes_down_is_news_once(void **state)
{
    (void)state;
    assert_sleeps_for_ever(link_);
    assert_true(run("ip link set near down"));
    assert_true(has_news(link_));
    link_->check(link_);
    assert_false(has_news(link_));
    assert_false(link_->gone);
    assert_true(link_->deadline(link_) <= 1000000000);
}

static void what_comes_again_ends_the_doubt(void **state)
{
    (void)state;
    assert_true(run("ip link set near down"));
    link_->check(link_);
    veth_up("near");
    veth_send_frame(far, LONG, 1);
    veth_assert_frame(veth_next(link_), LONG, 1);
    assert_sleeps_for_ever(link_);
}

static void an_interface_that_goes_away_while_down_is_missed_in_a_second(void **state)
{
    (void)state;
    struct burst burst = {0};
    assert_true(run("ip link set near down"));
    link_->check(link_);
    assert_true(run("ip link del near"));
    link_->receive(link_, &burst, 1000000000);
    assert_true(link_->gone);
}

#define with_link(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define without_link(function) cmocka_unit_test_setup_teardown(function, set_up_without, tear_down)
#define with_jumbo(function) cmocka_unit_test_setup_teardown(function, set_up_jumbo, tear_down)
#define with_queues(function) cmocka_unit_test_setup_teardown(function, set_up_queues, tear_down)

/* Whether this build, this kernel and we ourselves can do it at all. */
static const char *try_it(void)
{
    struct queue_options options = {.name = "near", .queues = 1};
    const char *obstacle = veth_enter();
    if (obstacle != NULL)
        return obstacle;
    set_up_without(NULL);
    struct link *link =
        xdp_socket_open(&options, &station.memory, &station.counters, error, sizeof error);
    if (link != NULL)
        link_close(link);
    tear_down(NULL);
    return link == NULL ? error : NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        without_link(says_what_cannot_be_opened),
        without_link(says_that_another_has_the_queue),
        without_link(receives_when_opened_again_at_once),
        without_link(receives_behind_a_driver_that_will_not),
        without_link(an_interface_without_a_driver_for_it_will_do),
        with_link(closing_gives_the_interface_back),
        with_link(takes_a_full_burst_at_a_time),
        with_link(what_the_stack_keeps_stays_whole),
        with_link(a_frame_is_where_the_kernel_put_it),
        with_link(without_descriptors_long_frames_come_back),
        with_link(without_descriptors_short_frames_come_back),
        with_jumbo(receives_frames_in_parts),
        with_jumbo(a_frame_may_be_in_two_bursts),
        with_jumbo(sends_frames_in_parts),
        with_jumbo(a_frame_without_memory_for_all_parts_is_dropped),
        with_jumbo(without_descriptors_all_parts_come_back),
        with_link(an_interface_that_goes_down_is_news_once),
        with_link(what_comes_again_ends_the_doubt),
        with_link(an_interface_that_goes_away_while_down_is_missed_in_a_second),
        with_queues(several_queues_share_the_program),
        with_queues(every_queue_has_its_frames),
    };
    const char *obstacle = try_it();
    if (obstacle == NULL)
        return cmocka_run_group_tests(tests, NULL, NULL);
    print_message("skipped, as %s: the tests on AF_XDP sockets\n", obstacle);
    return 0;
}
