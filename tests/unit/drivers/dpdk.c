/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/dpdk/dpdk.h"

#include <pthread.h>
#include <signal.h>

#include "drivers/device.h"
#include "tests/unit/drivers/veth.h"

/*
 * DPDK's virtual devices: net_ring gives back what it is sent, net_null has frames without end,
 * net_tap and net_af_packet have the kernel at the other end.
 */

enum { PACKETS = 4096, LARGE = 12, SHORT = 60, LONG = 1000 };

static struct station_memory station;
static char error[256];

static struct link *open_device(const char *device, uint16_t mtu)
{
    struct queue_options options = {.name = device, .mtu = mtu, .queues = 1};
    memcpy(options.mac, our_mac, sizeof our_mac);
    error[0] = '\0';
    struct link *link =
        dpdk_open(&options, &station.memory, &station.counters, error, sizeof error);
    if (link == NULL)
        print_message("%s\n", error);
    assert_non_null(link);
    return link;
}

static int set_up(void **state)
{
    (void)state;
    station_make(&station, PACKETS, LARGE);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    station_end(&station);
    return 0;
}

/* The next frame within 200 ms. */
static struct packet *next(struct link *link)
{
    struct burst burst = {0};
    for (int i = 0; i < 200 && link->receive(link, &burst, 0) == 0; i++)
        usleep(1000);
    assert_in_range(burst.count, 0, 1);
    return burst.count != 0 ? burst.packets[0] : NULL;
}

static void opening_fails_with(const char *device, uint32_t queues, const char *expected)
{
    struct queue_options options = {.name = device, .queues = queues};
    assert_null(dpdk_open(&options, &station.memory, &station.counters, error, sizeof error));
    assert_string_equal(error, expected);
}

static void says_what_cannot_be_opened(void **state)
{
    (void)state;
    opening_fails_with("net_nothing0", 1,
                       "dpdk:net_nothing0: DPDK has no such device, or no driver for it");
    opening_fails_with("net_tap0,iface=dpdk0", 17,
                       "dpdk:net_tap0,iface=dpdk0: it has 16 queues: give no more");
    assert_int_equal(if_nametoindex("dpdk0"), 0);
    struct link *link = open_device("net_null0", 0);
    opening_fails_with("net_null0", 1, "dpdk:net_null0: in use already; give another device");
    link_close(link);
    link_close(open_device("net_null0", 0));
}

static void what_a_ring_is_sent_comes_back(void **state)
{
    (void)state;
    static const size_t lengths[] = {60, FRAME_INLINE, FRAME_INLINE + 1, 1000, 1514};
    static uint8_t frame[1514];
    struct link *link = open_device("net_ring0", 0);
    assert_int_equal(link->features, 0);
    assert_int_equal(link->mtu, 1500);
    assert_memory_equal(link->mac, our_mac, 6);
    for (uint32_t i = 0; i < 10000; i++) { /* each mbuf more than once */
        size_t length = lengths[i % 5];
        veth_frame(frame, length, (uint8_t)i, true);
        send_bytes(link, frame, length, 0);
        struct packet *packet = next(link);
        assert_non_null(packet);
        assert_int_equal(packet->checksum, CHECKSUM_UNKNOWN);
        veth_assert_frame(packet, length, (uint8_t)i);
    }
    assert_int_equal(link->statistics.sent, 10000);
    assert_int_equal(link->statistics.received, 10000);
    assert_int_equal(link->statistics.received_bytes, link->statistics.sent_bytes);
    link_close(link);
}

static void refuses_what_is_longer_than_the_mtu(void **state)
{
    (void)state;
    static uint8_t big[1519];
    struct link *link = open_device("net_ring0", 0);
    send_bytes(link, big, sizeof big, 0);
    assert_int_equal(link->statistics.oversized, 1);
    assert_int_equal(station.counters.value[CHASKI_DROP_LINK_REFUSED], 1);
    assert_null(next(link));
    link_close(link);
}

enum { KEPT = 3000 };

/* Sends frames, and keeps what comes back, all at once. */
static void send_and_keep(struct link *link)
{
    static struct packet *held[KEPT];
    static uint8_t frame[LONG];
    for (uint32_t i = 0; i < KEPT; i++) {
        veth_frame(frame, sizeof frame, (uint8_t)i, true);
        send_bytes(link, frame, sizeof frame, 0);
        held[i] = next(link);
        assert_non_null(held[i]);
    }
    for (uint32_t i = 0; i < KEPT; i++)
        veth_assert_frame(held[i], LONG, (uint8_t)i);
}

static void what_the_stack_keeps_stays_whole(void **state)
{
    (void)state;
    struct link *link = open_device("net_ring0", 0);
    send_and_keep(link);
    assert_int_equal(link->statistics.copied, KEPT - 2048);
    link_close(link);
}

static void what_the_port_cannot_take_is_counted(void **state)
{
    (void)state;
    static uint8_t frame[LONG];
    struct burst burst = {0};
    uint32_t received = 0;
    struct link *link = open_device("net_ring0", 0);
    veth_frame(frame, sizeof frame, 1, true);
    for (uint32_t i = 0; i < 12000; i++) /* more than there are mbufs */
        send_bytes(link, frame, sizeof frame, 0);
    const struct link_statistics *statistics = &link->statistics;
    assert_true(statistics->refused != 0);
    assert_int_equal(statistics->sent + statistics->refused, 12000);
    assert_int_equal(station.counters.value[CHASKI_DROP_LINK_REFUSED], statistics->refused);
    for (; link->receive(link, &burst, 0) != 0; burst.count = 0) {
        assert_int_equal(link->more, burst.count == BURST_MAX);
        for (uint32_t i = 0; i < burst.count; i++, received++)
            packet_free(burst.packets[i]);
    }
    assert_int_equal(received, statistics->sent);
    send_and_keep(link);
    link_close(link);
}

static void without_descriptors_frames_are_counted_and_their_memory_comes_back(void **state)
{
    (void)state;
    static void *packets[PACKETS + 1];
    uint32_t taken = 0;
    struct link *link = open_device("net_null0,size=1000", 0);
    while ((packets[taken] = pool_take(&station.memory.packets, FOR_RECEIVE)) != NULL)
        taken++;
    struct burst burst = {0};
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(link->receive(link, &burst, 0), 0);
    assert_int_equal(link->statistics.no_memory, 200 * BURST_MAX);
    assert_int_equal(station.counters.value[CHASKI_DROP_NO_MEMORY], 200 * BURST_MAX);
    while (taken != 0)
        pool_give(&station.memory.packets, packets[--taken]);
    assert_int_equal(link->receive(link, &burst, 0), BURST_MAX);
    assert_true(link->more);
    for (uint32_t i = 0; i < burst.count; i++) {
        assert_int_equal(burst.packets[i]->length, 1000);
        packet_free(burst.packets[i]);
    }
    link_close(link);
}

static void the_kernel_is_at_the_other_end_of_a_tap(void **state)
{
    (void)state;
    static uint8_t frame[LONG];
    struct link *link = open_device("net_tap0,iface=far", 1400);
    assert_int_equal(link->mtu, 1400);
    veth_up("far");
    int far = veth_far_socket();
    veth_send_frame(far, LONG, 3);
    struct packet *packet;
    do { /* the kernel may have something to say of its own */
        packet = next(link);
        assert_non_null(packet);
    } while (packet->length != LONG && (packet_free(packet), true));
    veth_assert_frame(packet, LONG, 3);
    veth_frame(frame, sizeof frame, 4, false);
    send_bytes(link, frame, sizeof frame, 0);
    static uint8_t received[FRAME_MAX];
    struct virtio_net_hdr header;
    assert_int_equal(veth_receive(far, &header, received), sizeof frame);
    assert_memory_equal(received, frame, sizeof frame);
    close(far);
    link_close(link);
    assert_int_equal(if_nametoindex("far"), 0);
}

static void several_queues_of_packet_sockets(void **state)
{
    (void)state;
    static uint8_t frame[LONG], received[FRAME_MAX];
    struct device device = {
        .kind = DEVICE_DPDK, .name = "net_af_packet0,iface=near,qpairs=2", .queues = 2};
    struct device_options options = {.mac = {2, 0, 0, 0, 0, 2}};
    struct link *links[2];
    struct virtio_net_hdr header;
    veth_make("");
    int far = veth_far_socket();
    for (uint32_t i = 0; i < 2; i++) {
        links[i] = device_open(&device, &options, i, i != 0 ? links[0] : NULL, &station.memory,
                               &station.counters, error, sizeof error);
        if (links[i] == NULL)
            print_message("%s\n", error);
        assert_non_null(links[i]);
    }
    veth_send_frame(far, LONG, 3);
    struct packet *packet = next(links[0]);
    packet = packet != NULL ? packet : next(links[1]);
    veth_assert_frame(packet, LONG, 3);
    for (uint32_t i = 0; i < 2; i++) {
        veth_frame(frame, sizeof frame, (uint8_t)i, false);
        send_bytes(links[i], frame, sizeof frame, 0);
        assert_int_equal(veth_receive(far, &header, received), sizeof frame);
        assert_memory_equal(received, frame, sizeof frame);
    }
    link_close(links[1]);
    link_close(links[0]);
    close(far);
    run("ip link del near");
}

static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
    (void)number;
    signalled = 1;
}

static void queues_make_one_link(void **state)
{
    (void)state;
    struct device device = {.kind = DEVICE_DPDK, .name = "net_null0", .queues = 2};
    struct device_options options = {.mac = {2, 0, 0, 0, 0, 2}};
    struct burst burst = {0};
    struct link *link = device_open_whole(&device, &options, &station.memory, &station.counters,
                                          error, sizeof error);
    assert_non_null(link);
    assert_int_equal(link->deadline(link), 0);
    assert_int_equal(link->receive(link, &burst, 0), BURST_MAX);
    for (uint32_t i = 0; i < burst.count; i++)
        packet_free(burst.packets[i]);
    link_close(link);
}

/* A signal to the process must wait for the thread that blocks it, and end nobody else. */
static void signals_are_not_for_dpdk(void **state)
{
    (void)state;
    sigset_t usr1;
    int number;
    struct link *link = open_device("net_null0", 0);
    signal(SIGUSR1, note_signal);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    kill(getpid(), SIGUSR1);
    usleep(50000);
    assert_false(signalled);
    assert_int_equal(sigwait(&usr1, &number), 0);
    assert_int_equal(number, SIGUSR1);
    link_close(link);
}

#define with_memory(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_memory(says_what_cannot_be_opened),
        with_memory(what_a_ring_is_sent_comes_back),
        with_memory(refuses_what_is_longer_than_the_mtu),
        with_memory(what_the_port_cannot_take_is_counted),
        with_memory(what_the_stack_keeps_stays_whole),
        with_memory(without_descriptors_frames_are_counted_and_their_memory_comes_back),
        with_memory(the_kernel_is_at_the_other_end_of_a_tap),
        with_memory(several_queues_of_packet_sockets),
        with_memory(queues_make_one_link),
        with_memory(signals_are_not_for_dpdk),
    };
    const char *obstacle = veth_enter();
    if (obstacle == NULL)
        return cmocka_run_group_tests(tests, NULL, NULL);
    print_message("skipped, as %s: the tests on DPDK\n", obstacle);
    return 0;
}
