/* SPDX-License-Identifier: BSD-2-Clause */
/* Several shards, each with a peer on a memory wire of its own. */
#include "cli/bench/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/packet/burst.h"
#include "runtime/shards/handover.h"

static void ignore(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    (void)context, (void)host, (void)connection, (void)events;
}

/* As it is when shards stop with frames between them: a request for an echo, announcements. */
static void lend_frames(struct lanes *lanes)
{
    struct link *link = lanes->shards->shards[0].links[0];
    struct handover *handover = shards_handover(lanes->shards, 0, 1);
    struct chaski_address shard = lanes_shard_address();
    struct burst burst = {0};
    assert_int_equal(chaski_ping(lanes->lanes[0].peer, &shard, 1, 1, "bytes", 5), 0);
    link->receive(link, &burst, 0);
    assert_int_not_equal(burst.count, 0);
    for (uint32_t i = 0; i < burst.count; i++)
        assert_true(handover_lend(handover, burst.packets[i], HANDED_FRAME, 0));
}

static void frames_between_shards_go_before_their_wire(void **state)
{
    struct lanes_options options = {.count = 2, .mtu = 1500, .on_peer = ignore, .ports = 1};
    struct lanes lanes;
    (void)state;
    chaski_limits_for(&options.limits, 4 << 20, 4);
    assert_true(lanes_open(&lanes, &options));
    chaski_shards_stop(lanes.shards);
    lend_frames(&lanes);
    lanes_close(&lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_between_shards_go_before_their_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
