/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts talk TCP over wires that lose, double, reorder, corrupt, delay and throttle. What they do,
 * and what happens to them, follows from a seed:
 *
 *     unit-tcp_impaired              the usual number of seeds
 *     unit-tcp_impaired COUNT        as many
 *     unit-tcp_impaired --seed SEED  one, for instance one that failed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tcp/tcp_internal.h"
#include "tests/support/talk.h"

enum { TALKS = 6, USUAL_COUNT = 3000, PORT = 7000 };

struct play;
static void tell_play(const struct play *play);

static const char *program;
static uint64_t first_seed = 1, seed_count = USUAL_COUNT;

/* The seed that is being played, 0 for none. */
static uint64_t running;
static struct play *playing;

static void tell_seed(void)
{
    if (running == 0)
        return;
    tell_play(playing);
    fprintf(stderr, "replay with: %s --seed %" PRIu64 "\n", program, running);
}

/* ---- What happens under a seed --------------------------------------------------------------- */

struct play {
    uint64_t random;
    struct net net;
    struct talk talks[TALKS];
    uint32_t talk_count;
    uint32_t longest; /* stream */
    bool very_lossy, cookies;
    uint32_t mtu;
    struct memory_wire_impairment harm[2]; /* from lower to higher hosts, and back */
};

static void tell_play(const struct play *play)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct memory_wire_impairment *harm = &play->harm[i];
        fprintf(stderr,
                "  mtu %u, loss %u duplicate %u corrupt %u reorder %u per million by %" PRIu64
                " us, delay %" PRIu64 " us jitter %" PRIu64 " us, %" PRIu64 " bit/s queue %u\n",
                play->mtu, harm->loss, harm->duplicate, harm->corrupt, harm->reorder,
                harm->reorder_ns / 1000, harm->delay_ns / 1000, harm->jitter_ns / 1000,
                harm->rate_bits, harm->queue_bytes);
    }
    for (uint32_t i = 0; i < play->talk_count; i++)
        talk_tell(&play->talks[i]);
}

static uint32_t below(struct play *play, uint32_t limit)
{
    return random_below(&play->random, limit);
}

static bool one_in(struct play *play, uint32_t n)
{
    return below(play, n) == 0;
}

static uint32_t pick(struct play *play, const uint32_t *values, uint32_t count)
{
    return values[below(play, count)];
}

#define PICK(play, values) pick(play, values, sizeof(values) / sizeof(values)[0])

static const uint32_t mtus[] = {68, 100, 296, 576, 1280, 1500, 1500, 1500, 4000, 9000, 65535};

/* Per million. */
static const uint32_t losses[] = {0, 0, 1000, 5000, 10000, 50000, 100000, 200000};
static const uint32_t chances[] = {0, 0, 0, 1000, 10000, 100000};
static const uint32_t delays_us[] = {0, 0, 10, 1000, 10000, 60000, 300000};
static const uint32_t rates_kbit[] = {0, 0, 64, 1000, 10000, 100000};

static struct memory_wire_impairment choose_impairment(struct play *play, uint32_t mtu)
{
    struct memory_wire_impairment harm = {
        .loss = PICK(play, losses),
        .duplicate = PICK(play, chances),
        .corrupt = PICK(play, chances) / 2,
        .reorder = PICK(play, chances),
        .delay_ns = PICK(play, delays_us) * UINT64_C(1000),
        .rate_bits = PICK(play, rates_kbit) * UINT64_C(1000),
    };
    harm.reorder_ns = 1 + below(play, 30 * NET_MILLISECOND);
    harm.jitter_ns = one_in(play, 3) ? below(play, 20 * NET_MILLISECOND) : 0;
    if (harm.rate_bits != 0)
        harm.queue_bytes = (mtu + 18) * (2 + below(play, 60));
    return harm;
}

static void impair(struct play *play, uint32_t mtu)
{
    struct memory_wire_impairment *harm = play->harm;
    play->mtu = mtu;
    harm[0] = choose_impairment(play, mtu);
    harm[1] = one_in(play, 2) ? harm[0] : choose_impairment(play, mtu);
    for (uint32_t i = 0; i < play->net.host_count; i++)
        for (uint32_t j = 0; j < play->net.host_count; j++)
            memory_wire_impair(play->net.wire, (int)i, (int)j, &harm[i > j]);
    uint64_t slowest = 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t rate = harm[i].rate_bits;
        play->very_lossy |= harm[i].loss + harm[i].corrupt >= 50000;
        if (rate != 0 && (slowest == 0 || rate < slowest))
            slowest = rate;
    }
    play->longest = play->very_lossy || mtu < 576 ? 60000 : 400000;
    if (play->very_lossy && mtu < 576)
        play->longest = 6000;
    if (slowest != 0 && slowest <= 64000)
        play->longest = play->longest < 30000 ? play->longest : 30000;
}

/* Moments at which clocks of 32 bits are about to begin anew. */
static uint64_t choose_start(struct play *play)
{
    uint64_t before = below(play, 20000) * NET_MILLISECOND;
    switch (below(play, 6)) {
    case 0:
        return (UINT64_C(1) << 32) * 1000 - before / 1000; /* of microseconds */
    case 1:
        return (UINT64_C(1) << 32) * 1000000 - before; /* of milliseconds */
    case 2:
        return (UINT64_C(1) << 44) - before; /* of initial sequence numbers */
    case 3:
        return UINT64_C(1) << 62;
    default:
        return NET_SECOND;
    }
}

static void make_net(struct play *play, uint64_t seed)
{
    struct chaski_limits few = net_few;
    play->cookies = one_in(play, 4);
    if (play->cookies)
        few.half_open = below(play, 2);
    if (one_in(play, 6)) {
        few.packets = 64;
        few.small_buffers = 64;
        few.large_buffers = 8;
        few.receive_buffer_max = few.send_buffer_max = 32768;
    }
    uint32_t mtu = PICK(play, mtus);
    struct net_options options = {
        .hosts = one_in(play, 3) ? 3 + below(play, 2) : 2,
        .mtu = (uint16_t)mtu,
        .features = pick(
            play, (const uint32_t[]){0, LINK_WHOLE, LINK_CHECKSUM, LINK_CHECKSUM | LINK_CUT}, 4),
        .copy = one_in(play, 2),
        .queue_packets = 128,
        .seed = seed,
        .start_ns = choose_start(play),
        .limits = &few,
    };
    net_make(&play->net, &options);
    impair(play, mtu);
}

static void set_knobs(struct play *play)
{
    for (uint32_t i = 0; i < play->net.host_count; i++) {
        struct tcp_knobs *knobs = &play->net.hosts[i].host->tcp.knobs;
        knobs->sack = !one_in(play, 4);
        knobs->timestamps = !one_in(play, 4);
        knobs->window_scaling = !one_in(play, 6);
        /* On the worst links time-outs grow, and a hundred seconds are nothing. */
        knobs->orphan_timeout_ms = 2000 * 1000;
        knobs->give_up_ms = 20000 * 1000;
    }
}

static void choose_manners(struct play *play, struct talk_manners *manners)
{
    uint32_t length = one_in(play, 8) ? 0 : below(play, play->longest >> below(play, 8));
    *manners = (struct talk_manners){
        .length = length,
        .hands_over = one_in(play, 2),
        .looks = one_in(play, 2),
        .nibbles = length < 5000 && one_in(play, 3),
        .stalls = one_in(play, 3),
        .nodelay = one_in(play, 2),
        .quickack = one_in(play, 4),
        .congestion = (enum chaski_congestion)below(play, CHASKI_CONGESTION_COUNT),
        .send_buffer = one_in(play, 5) ? 2048 + below(play, 20000) : 0,
        .receive_buffer = one_in(play, 5) ? 2048 + below(play, 20000) : 0,
    };
    if (length > 10 && one_in(play, 12)) {
        manners->abort_after = 1 + below(play, length);
        manners->rudely = one_in(play, 2);
    }
}

/* Whether frames may be missing, or come again or out of order. */
static bool does_harm(const struct play *play)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < 2; i++) {
        const struct memory_wire_impairment *harm = &play->harm[i];
        sum |= harm->loss | harm->duplicate | harm->corrupt | harm->reorder | harm->queue_bytes;
    }
    return sum != 0;
}

static void begin_talk(struct play *play, uint32_t number)
{
    struct talk *talk = &play->talks[number];
    uint32_t hosts = play->net.host_count, from = below(play, hosts);
    *talk = (struct talk){
        .net = &play->net,
        .hosts = {from, (from + 1 + below(play, hosts - 1)) % hosts},
        .port = (uint16_t)(PORT + number),
        .polled = one_in(play, 3),
        .may_fail_to_open = play->very_lossy,
        .may_be_reset = play->cookies && does_harm(play),
    };
    choose_manners(play, &talk->ends[0].manners);
    choose_manners(play, &talk->ends[1].manners);
    struct talk_manners *one = &talk->ends[below(play, 2)].manners;
    one->answers = one_in(play, 2);
    one->closes = one_in(play, 3);
    /* Who opens by a cookie has to speak first: the listener keeps nothing to ask again; and where
     * much is lost it may have given up asking. */
    if ((play->cookies || play->very_lossy) && talk->ends[0].manners.length == 0)
        talk->ends[0].manners.length = 1;
    talk_begin(talk, random_next(&play->random));
}

static void play_seed(uint64_t seed)
{
    struct play *play = calloc(1, sizeof *play);
    assert_non_null(play);
    running = seed;
    playing = play;
    play->random = seed;
    make_net(play, seed);
    set_knobs(play);
    play->talk_count = 1 + below(play, TALKS);
    for (uint32_t i = 0; i < play->talk_count; i++)
        begin_talk(play, i);
    assert_true(talks_run(&play->net, play->talks, play->talk_count, 36000 * NET_SECOND));
    for (uint32_t i = 0; i < play->talk_count; i++)
        talk_assert(&play->talks[i]);
    net_run(&play->net, 4000 * NET_SECOND);
    net_assert_idle(&play->net);
    for (uint32_t i = 0; i < play->talk_count; i++)
        assert_int_equal(play->talks[i].ends[0].lent + play->talks[i].ends[1].lent, 0);
    net_free(&play->net);
    free(play);
    running = 0;
}

static void streams_arrive_under_every_seed(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < seed_count; i++)
        play_seed(first_seed + i);
}

static int after(void **state)
{
    (void)state;
    tell_seed();
    running = 0;
    return 0;
}

/* ---- Main ------------------------------------------------------------------------------------ */

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

int main(int count, char **words)
{
    program = words[0];
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(tell_seed);
    if (count == 3 && strcmp(words[1], "--seed") == 0) {
        first_seed = strtoull(words[2], NULL, 10);
        seed_count = 1;
    } else if (count == 2) {
        seed_count = strtoull(words[1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(streams_arrive_under_every_seed, after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
