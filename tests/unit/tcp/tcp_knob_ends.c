/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each knob at both ends of what it takes, and many at once: hosts still talk over a wire that does
 * harm, and nothing that TCP keeps becomes wrong.
 *
 *     unit-tcp_knob_ends        the usual number of mixtures
 *     unit-tcp_knob_ends COUNT  as many
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/talk.h"

enum { PORT = 7000, TALKS = 2, TEXT = 64, LENGTH = 40000, USUAL_MIXTURES = 300 };

static unsigned mixtures = USUAL_MIXTURES;

/* What is set, for whom a test failed. */
static char set_knobs[8192];

static int tell(void **state)
{
    (void)state;
    if (set_knobs[0] != '\0')
        fprintf(stderr, "with%s\n", set_knobs);
    return 0;
}

/* Those that say how soon somebody is given up: at their least a loss is enough. */
static bool is_patience(const char *name)
{
    return strcmp(name, "tcp_retries2") == 0 || strcmp(name, "tcp_orphan_retries") == 0 ||
           strcmp(name, "tcp_syn_retries") == 0 || strcmp(name, "tcp_synack_retries") == 0;
}

static bool is_number(const struct chaski_knob *knob)
{
    return knob->most != 0;
}

static void set_end(struct net *net, const struct chaski_knob *knob, bool most)
{
    char text[TEXT];
    long long end = most ? knob->most : knob->least;
    assert_int_equal(chaski_get_knob(NULL, knob->name, text, sizeof text), 0);
    bool three = strchr(text, ' ') != NULL; /* least, at first, most */
    snprintf(text, sizeof text, three ? "%lld %lld %lld" : "%lld", end, end, end);
    for (uint32_t i = 0; i < net->host_count; i++)
        assert_int_equal(chaski_set_knob(net->hosts[i].host, knob->name, text), 0);
    size_t used = strlen(set_knobs);
    snprintf(set_knobs + used, sizeof set_knobs - used, " %s=%s", knob->name, text);
}

static void make(struct net *net, uint64_t seed)
{
    static const uint16_t mtus[] = {1500, 9000, 576, 65535};
    static const unsigned features[] = {0, LINK_WHOLE, LINK_CHECKSUM, LINK_CHECKSUM | LINK_CUT};
    struct chaski_limits limits = net_few;
    struct net_options options = {
        .mtu = mtus[seed % 4], .features = features[seed / 4 % 4], .seed = seed, .limits = &limits};
    static const struct memory_wire_impairment harm = {
        .loss = 10000,
        .duplicate = 10000,
        .reorder = 50000,
        .reorder_ns = 5 * NET_MILLISECOND,
        .delay_ns = 10 * NET_MILLISECOND,
    };
    limits.packets = 512;
    limits.small_buffers = 256;
    limits.large_buffers = 32;
    net_make(net, &options);
    memory_wire_impair(net->wire, 0, 1, &harm);
    memory_wire_impair(net->wire, 1, 0, &harm);
}

static void talk_over(struct net *net, uint64_t seed)
{
    static struct talk talks[TALKS];
    for (uint32_t i = 0; i < TALKS; i++) {
        talks[i] = (struct talk){
            .net = net,
            .hosts = {i % 2, 1 - i % 2},
            .port = (uint16_t)(PORT + i),
            .polled = i % 2 == 1,
            .may_fail_to_open = true,
            .may_be_reset = true,
        };
        talks[i].ends[0].manners.length = LENGTH;
        talks[i].ends[1].manners.length = LENGTH / 2;
        talk_begin(&talks[i], seed + i);
    }
    assert_true(talks_run(net, talks, TALKS, 36000 * NET_SECOND));
    for (uint32_t i = 0; i < TALKS; i++)
        talk_assert(&talks[i]);
    net_run(net, 4000 * NET_SECOND);
    net_assert_idle(net);
    net_free(net);
    set_knobs[0] = '\0';
}

static void each_knob_at_both_ends(void **state)
{
    (void)state;
    struct chaski_knob knob;
    for (unsigned n = 0; chaski_describe_knob(n, &knob) == 0; n++) {
        for (unsigned most = 0; is_number(&knob) && !is_patience(knob.name) && most < 2; most++) {
            struct net net;
            make(&net, n);
            set_end(&net, &knob, most);
            talk_over(&net, n);
        }
    }
}

static void many_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < mixtures; i++) {
        struct net net;
        struct chaski_knob knob;
        uint64_t random = i;
        make(&net, i);
        for (unsigned n = 0; chaski_describe_knob(n, &knob) == 0; n++)
            if (is_number(&knob) && !is_patience(knob.name) && random_below(&random, 4) == 0)
                set_end(&net, &knob, random_below(&random, 2) != 0);
        talk_over(&net, i);
    }
}

int main(int count, char **words)
{
    if (count == 2)
        mixtures = (unsigned)strtoul(words[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_knob_at_both_ends, tell),
        cmocka_unit_test_teardown(many_at_once, tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
