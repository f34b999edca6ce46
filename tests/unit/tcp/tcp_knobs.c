/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "tests/support/peer.h"
#include "tests/support/world.h"

/* Knobs by name: the table, its limits, and that each value does something. */

enum { TEXT = 64 };

static struct world world;

static int set_up(void **state)
{
    (void)state;
    world_make(&world, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_free(&world);
    return 0;
}

static struct tcp_knobs *knobs(void)
{
    return &world.hosts[0]->tcp.knobs;
}

static int set(const char *name, const char *text)
{
    return chaski_set_knob(world.hosts[0], name, text);
}

static const char *get(const char *name)
{
    static char text[TEXT];
    assert_int_equal(chaski_get_knob(world.hosts[0], name, text, sizeof text), 0);
    return text;
}

static void assert_sets(const char *name, const char *text)
{
    assert_int_equal(set(name, text), 0);
    assert_string_equal(get(name), text);
}

static void every_knob_takes_its_default_and_its_limits(void **state)
{
    (void)state;
    struct chaski_knob knob, before = {.name = ""};
    unsigned n = 0;
    for (; chaski_describe_knob(n, &knob) == 0; n++) {
        char text[TEXT];
        assert_true(strcmp(before.name, knob.name) < 0); /* in order, none twice */
        assert_true(strlen(knob.help) > 0);
        assert_int_equal(chaski_get_knob(NULL, knob.name, text, sizeof text), 0);
        assert_int_equal(set(knob.name, text), 0);
        before = knob;
        if (strchr(text, ' ') != NULL || knob.most == 0)
            continue;
        snprintf(text, sizeof text, "%lld", (long long)knob.least);
        assert_int_equal(set(knob.name, text), 0);
        snprintf(text, sizeof text, "%lld", (long long)knob.most);
        assert_sets(knob.name, text);
        snprintf(text, sizeof text, "%lld", (long long)knob.most + 1);
        assert_int_equal(set(knob.name, text), CHASKI_INVALID);
        if (knob.least == 0)
            continue;
        snprintf(text, sizeof text, "%lld", (long long)knob.least - 1);
        assert_int_equal(set(knob.name, text), CHASKI_INVALID);
    }
    assert_true(n > 20);
    assert_int_equal(chaski_describe_knob(n + 1, &knob), CHASKI_UNKNOWN);
}

static void a_wrong_text_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", " ", "-1", "1.5", "5 6", "5x", "0x5", "99999999999999999999", "five", "\x80"};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(set("tcp_fin_timeout", wrong[i]), CHASKI_INVALID);
        assert_string_equal(get("tcp_fin_timeout"), "60");
        assert_int_equal(set("tcp_congestion_control", wrong[i]), CHASKI_INVALID);
    }
    static const char *const buffers[] = {"4096",       "4096 8192",       "4096 8192 16384 1",
                                          "1 2 3",      "8192 4096 16384", "4096 8192 4097",
                                          "4096,8192,9"};
    uint32_t first = knobs()->receive_buffer, most = knobs()->receive_buffer_max;
    for (unsigned i = 0; i < sizeof buffers / sizeof *buffers; i++)
        assert_int_equal(set("tcp_rmem", buffers[i]), CHASKI_INVALID);
    assert_int_equal(knobs()->receive_buffer, first);
    assert_int_equal(knobs()->receive_buffer_max, most);
    assert_int_equal(set("tcp_no_such_knob", "1"), CHASKI_UNKNOWN);
    assert_int_equal(set("", "1"), CHASKI_UNKNOWN);
    assert_int_equal(set("net.ipv4.", "1"), CHASKI_UNKNOWN);
}

static void names_may_be_written_as_linux_does(void **state)
{
    (void)state;
    assert_int_equal(set("net.ipv4.tcp_sack", "0"), 0);
    assert_false(knobs()->sack);
    assert_int_equal(set("net/ipv4/tcp_sack", "1\n"), 0);
    assert_true(knobs()->sack);
}

static void values_have_linux_units(void **state)
{
    (void)state;
    assert_sets("tcp_fin_timeout", "30");
    assert_int_equal(knobs()->fin_timeout_ms, 30000);
    assert_sets("tcp_rto_max_ms", "60000");
    assert_int_equal(knobs()->rto_max_us, 60000000);
    assert_sets("tcp_retries2", "8");
    assert_int_equal(knobs()->give_up_ms, 200 * 511);
    assert_sets("tcp_retries2", "15");
    assert_int_equal(knobs()->give_up_ms, 924600);
    assert_int_equal(set("tcp_orphan_retries", "0"), 0);
    assert_string_equal(get("tcp_orphan_retries"), "8");
    assert_sets("tcp_congestion_control", "reno");
    assert_int_equal(knobs()->congestion, CHASKI_NEWRENO);
}

static void buffers_stay_within_the_host(void **state)
{
    (void)state;
    uint32_t limit = knobs()->receive_buffer_limit;
    assert_int_equal(set("tcp_rmem", "4096 20000 30000"), 0);
    assert_int_equal(knobs()->receive_buffer, 10000);
    assert_int_equal(knobs()->receive_buffer_max, 30000);
    assert_string_equal(get("tcp_rmem"), "4096 20000 30000");
    assert_int_equal(set("tcp_rmem", "4096\t2000000000\t2000000000"), 0);
    assert_int_equal(knobs()->receive_buffer, limit);
    assert_int_equal(knobs()->receive_buffer_max, limit);
    assert_int_equal(set("tcp_wmem", "4096 20000 30000"), 0);
    assert_int_equal(knobs()->send_buffer, 20000);
    assert_int_equal(knobs()->send_buffer_max, 30000);
}

/* What the host's limit has cut is told as something that sets the same. */
static void what_is_told_can_be_set(void **state)
{
    (void)state;
    char told[TEXT];
    assert_int_equal(set("tcp_rmem", "4096 2000000000 2000000000"), 0);
    snprintf(told, sizeof told, "%s", get("tcp_rmem"));
    uint32_t first = knobs()->receive_buffer, most = knobs()->receive_buffer_max;
    assert_sets("tcp_rmem", told);
    assert_int_equal(knobs()->receive_buffer, first);
    assert_int_equal(knobs()->receive_buffer_max, most);
}

static void a_short_buffer_gets_what_fits(void **state)
{
    (void)state;
    assert_int_equal(chaski_get_knob(world.hosts[0], "tcp_sack", NULL, 0), CHASKI_INVALID);
    char text[4];
    assert_int_equal(chaski_get_knob(world.hosts[0], "tcp_keepalive_time", text, sizeof text), 0);
    assert_string_equal(text, "720");
}

/* ---- What they do, where no other test shows it ---- */

static void connections_begin_with_the_keep_alive_knobs(void **state)
{
    (void)state;
    chaski_tcp connection;
    int64_t value;
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 80)};
    assert_sets("tcp_keepalive_time", "10");
    assert_sets("tcp_keepalive_intvl", "3");
    assert_sets("tcp_keepalive_probes", "4");
    assert_sets("tcp_syn_retries", "2");
    assert_int_equal(chaski_tcp_connect(world.hosts[0], &connect, &connection), 0);
    assert_int_equal(chaski_tcp_get(world.hosts[0], connection, CHASKI_TCP_KEEPIDLE, &value), 0);
    assert_int_equal(value, 10000);
    assert_int_equal(chaski_tcp_get(world.hosts[0], connection, CHASKI_TCP_KEEPINTVL, &value), 0);
    assert_int_equal(value, 3000);
    assert_int_equal(chaski_tcp_get(world.hosts[0], connection, CHASKI_TCP_KEEPCNT, &value), 0);
    assert_int_equal(value, 4);
    assert_int_equal(chaski_tcp_get(world.hosts[0], connection, CHASKI_TCP_SYNCNT, &value), 0);
    assert_int_equal(value, 2);
    chaski_tcp_abort(world.hosts[0], connection);
}

static uint64_t counter(const struct peer *peer, enum chaski_counter which)
{
    return chaski_counter_value(peer->host, which);
}

static void syncookies_always_or_never(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_syncookies", "2"), 0);
    peer_opens(&peer);
    assert_int_equal(counter(&peer, CHASKI_TCP_COOKIES_SENT), 1);
    peer_free(&peer);
    peer_make(&peer, NULL);
    peer_opens(&peer);
    assert_int_equal(counter(&peer, CHASKI_TCP_COOKIES_SENT), 0);
    peer_free(&peer);
}

/* Of twelve strangers, how many are answered by SYN+ACK, and of them by a cookie. */
struct answered {
    unsigned answers, by_cookie;
};

static struct answered answers_to_strangers(struct peer *peer, const char *cookies)
{
    struct answered answered = {0};
    assert_int_equal(chaski_set_knob(peer->host, "tcp_syncookies", cookies), 0);
    for (unsigned i = 0; i < 12; i++) {
        struct segment answer;
        peer->port++;
        peer_says(peer, SEGMENT_SYN, 0);
        answered.answers += peer_hears(peer, &answer);
    }
    answered.by_cookie = (unsigned)counter(peer, CHASKI_TCP_COOKIES_SENT);
    peer_free(peer);
    return answered;
}

static struct answered answers_with_backlog(const char *cookies, uint32_t backlog)
{
    struct peer peer;
    struct chaski_tcp_bind bind = {.local.port = PEER_HOST_PORT, .backlog = backlog};
    peer_make(&peer, NULL);
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &peer.listener), 0);
    return answers_to_strangers(&peer, cookies);
}

static struct answered answers_with_knob(const char *cookies)
{
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_max_syn_backlog", "8"), 0);
    return answers_to_strangers(&peer, cookies);
}

static void half_open_entries_of_a_listener_are_bounded(void **state)
{
    (void)state;
    struct answered without = answers_with_knob("0"), with = answers_with_knob("1");
    assert_int_equal(without.answers, 7); /* as Linux: 8 - 8/4 + 1 */
    assert_int_equal(without.by_cookie, 0);
    assert_int_equal(with.answers, 12);
    assert_int_equal(with.by_cookie, 0);
}

static void half_open_entries_are_no_more_than_may_wait_to_be_accepted(void **state)
{
    (void)state;
    struct answered without = answers_with_backlog("0", 5), with = answers_with_backlog("1", 5);
    assert_int_equal(without.answers, 5);
    assert_int_equal(without.by_cookie, 0);
    assert_int_equal(with.answers, 12);
    assert_int_equal(with.by_cookie, 7);
}

/* The SYN is answered by a cookie, and when it comes again, by an entry. What overtakes the answer
 * to the first changes nothing, since a cookie is only good in the first segment. */
static void what_overtakes_an_earlier_cookie_waits(void **state)
{
    (void)state;
    struct peer peer;
    peer_make(&peer, NULL);
    peer_host_listens(&peer);
    assert_int_equal(chaski_set_knob(peer.host, "tcp_syncookies", "2"), 0);
    peer_says(&peer, SEGMENT_SYN, 0);
    uint32_t cookie = peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence;
    assert_int_equal(chaski_set_knob(peer.host, "tcp_syncookies", "1"), 0);
    peer.next--;
    peer_says(&peer, SEGMENT_SYN, 0);
    assert_int_not_equal(peer_expects(&peer, SEGMENT_SYN | SEGMENT_ACK).sequence, cookie);
    struct segment late = peer_segment(&peer, SEGMENT_ACK);
    late.acknowledgment = cookie + 1;
    late.sequence += 12;
    peer_injects(&peer, &late);
    peer_expects_nothing(&peer);
    late.sequence -= 12;
    peer_injects(&peer, &late);
    assert_true(peer.events & CHASKI_CONNECTED);
    peer_free(&peer);
}

int main(void)
{
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(every_knob_takes_its_default_and_its_limits),
        test(a_wrong_text_changes_nothing),
        test(names_may_be_written_as_linux_does),
        test(values_have_linux_units),
        test(buffers_stay_within_the_host),
        test(what_is_told_can_be_set),
        test(a_short_buffer_gets_what_fits),
        test(connections_begin_with_the_keep_alive_knobs),
        test(syncookies_always_or_never),
        test(half_open_entries_of_a_listener_are_bounded),
        test(half_open_entries_are_no_more_than_may_wait_to_be_accepted),
        test(what_overtakes_an_earlier_cookie_waits),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
