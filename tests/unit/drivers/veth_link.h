/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_UNIT_VETH_LINK_H
#define CHASKI_TESTS_UNIT_VETH_LINK_H

#include "tests/unit/drivers/veth.h"

/* A link on the near interface, what it wants of a host, and a socket at the far end: made anew for
 * each test. */
enum { PACKETS = 4096, LARGE = 12, SHORT = 60, LONG = 1000 };

static struct station_memory station;
static struct link *link_;
static int far = -1;
static char error[256];

/* packet_socket_open, xdp_socket_open. */
typedef struct link *queue_opener(const struct queue_options *options, struct packet_memory *memory,
                                  struct counters *counters, char *text, size_t size);

static inline struct link *try_to_open(queue_opener *open_it, const struct queue_options *options)
{
    error[0] = '\0';
    return open_it(options, &station.memory, &station.counters, error, sizeof error);
}

static inline struct link *must_open(queue_opener *open_it, const struct queue_options *options)
{
    struct link *link = try_to_open(open_it, options);
    if (link == NULL)
        print_message("%s\n", error);
    assert_non_null(link);
    return link;
}

/* A queue of near, with an address of our own. */
static inline struct link *open_near(queue_opener *open_it, uint32_t queues, uint32_t queue,
                                     const struct link *first)
{
    struct queue_options options = {
        .name = "near", .queues = queues, .queue = queue, .first = first};
    memcpy(options.mac, our_mac, sizeof our_mac);
    return must_open(open_it, &options);
}

static inline void opening_fails_with(queue_opener *open_it, struct queue_options options,
                                      const char *expected)
{
    assert_null(try_to_open(open_it, &options));
    assert_string_equal(error, expected);
    station_assert_all_free(&station);
}

/* `options` as for veth_make(). */
static inline void make_pair(const char *options)
{
    station_make(&station, PACKETS, LARGE);
    veth_make(options);
    far = veth_far_socket();
    link_ = NULL;
}

/* For cmocka: a pair, and no link on it. */
static inline int set_up_without(void **state)
{
    (void)state;
    make_pair("");
    return 0;
}

/* For cmocka: closes the link that is open. */
static inline int tear_down(void **state)
{
    (void)state;
    if (link_ != NULL)
        link_close(link_);
    close(far);
    run("ip link del near 2>/dev/null");
    station_end(&station);
    return 0;
}

#endif
