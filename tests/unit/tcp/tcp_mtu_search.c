/* SPDX-License-Identifier: BSD-2-Clause */
/* Packetization layer path MTU discovery (RFC 4821) on paths that drop what is long and say
 * nothing, and ECN on paths that mark. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/tcp/tcp_internal.h"
#include "tests/support/talk.h"

enum { PORT = 7000, ETHERNET = 14, HEADERS = 40 + WIRE_TCP_TIMESTAMP_PADDED };

/* Drops packets that are longer than `mtu`, without a word. */
struct hole {
    struct hook onward;
    uint32_t mtu, dropped;
};

static void swallow(void *block, struct burst *burst, uint64_t now_ns)
{
    struct hole *hole = block;
    struct burst fitting = {.count = 0};
    for (uint32_t i = 0; i < burst->count; i++) {
        if (burst->packets[i]->length > ETHERNET + hole->mtu) {
            hole->dropped++;
            packet_free(burst->packets[i]);
        } else {
            fitting.packets[fitting.count++] = burst->packets[i];
        }
    }
    burst->count = 0;
    hook_call(&hole->onward, &fitting, now_ns);
}

struct path {
    struct net net;
    struct hole hole; /* on the way from host 0 */
    struct talk talk;
};

static void prepare(struct path *path, const char *probing, uint32_t mtu, uint32_t length)
{
    struct memory_wire_impairment wire = {
        .delay_ns = 5 * NET_MILLISECOND, .rate_bits = 20000000, .queue_bytes = 8000000};
    static const struct net_options roomy = {.queue_packets = 16384};
    net_make(&path->net, &roomy);
    memory_wire_impair(path->net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &wire);
    struct cut *cut = &path->net.hosts[0].host->ports[0].cut;
    path->hole = (struct hole){.onward = cut->request, .mtu = mtu};
    cut->request = (struct hook){swallow, &path->hole};
    assert_int_equal(chaski_set_knob(path->net.hosts[0].host, "tcp_mtu_probing", probing), 0);
    path->talk = (struct talk){
        .net = &path->net,
        .hosts = {0, 1},
        .port = PORT,
        .ends[0].manners = {.length = length},
        .ends[1].manners = {.length = 1},
    };
}

static void begin(struct path *path, const char *probing, uint32_t mtu, uint32_t length)
{
    prepare(path, probing, mtu, length);
    talk_begin(&path->talk, 1);
}

static void end(struct path *path)
{
    assert_true(talks_run(&path->net, &path->talk, 1, 300 * NET_SECOND));
    talk_assert(&path->talk);
    net_run(&path->net, 300 * NET_SECOND);
    net_assert_idle(&path->net);
    net_free(&path->net);
}

static uint32_t segment_size(struct path *path)
{
    struct chaski_tcp_info info;
    const struct talk_end *sender = &path->talk.ends[0];
    assert_int_equal(chaski_tcp_info(sender->host, sender->connection, &info), 0);
    return info.tcpi_snd_mss;
}

/* 7.3, 7.5: the search begins at tcp_base_mss and ends next to what the path carries; 4 and 7.6:
 * what it costs is one segment a failure, and no congestion. */
/* RFC 4821 MUST-1, MUST-2, MUST-3, MUST-4, SHLD-1, SHLD-2; RFC 8899 MUST-1, MUST-2, SHLD-1 */
static void search_finds_what_the_path_carries(void **state)
{
    (void)state;
    static const uint32_t mtus[] = {1500, 1400, 1280, 1107};
    for (unsigned i = 0; i < 4; i++) {
        struct path path;
        begin(&path, "2", mtus[i], 8000000);
        talks_run(&path.net, &path.talk, 1, 25 * NET_MILLISECOND);
        assert_int_equal(segment_size(&path), 1024 - WIRE_TCP_TIMESTAMP_PADDED);
        talks_run(&path.net, &path.talk, 1, 2 * NET_SECOND);
        assert_in_range(segment_size(&path), mtus[i] - HEADERS - 8, mtus[i] - HEADERS);
        assert_in_range(path.hole.dropped, i == 0 ? 0 : 1, 8);
        assert_int_equal(net_counter(&path.net, CHASKI_TCP_RECOVERIES), 0);
        assert_int_equal(net_counter(&path.net, CHASKI_TCP_TIMEOUTS), 0);
        assert_int_equal(net_counter(&path.net, CHASKI_TCP_RETRANSMITTED), path.hole.dropped);
        const struct talk_end *sender = &path.talk.ends[0];
        const struct tcp *tcp = &sender->host->tcp;
        assert_int_equal(tcp->connections[sender->connection.index].flight->rate.lost, 0);
        end(&path);
    }
}

/* Every segment carries the option of accurate ECN, which takes its room from probes too. */
static void search_leaves_room_for_options(void **state)
{
    (void)state;
    enum { OPTIONS = WIRE_TCP_TIMESTAMP_PADDED + WIRE_TCP_ACCECN_PADDED };
    struct path path;
    prepare(&path, "2", 1400, 8000000);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(chaski_set_knob(path.net.hosts[i].host, "tcp_ecn", "3"), 0);
    talk_begin(&path.talk, 1);
    talks_run(&path.net, &path.talk, 1, 25 * NET_MILLISECOND);
    assert_int_equal(segment_size(&path), 1024 - OPTIONS);
    talks_run(&path.net, &path.talk, 1, 2 * NET_SECOND);
    assert_in_range(segment_size(&path), 1400 - 40 - OPTIONS - 8, 1400 - 40 - OPTIONS);
    end(&path);
}

/* Where every segment is to carry it from some time on, that waits for the probe in flight:
 * nothing but probes is ever too long. */
static void search_survives_options_that_grow(void **state)
{
    (void)state;
    enum { PROBES = 6, OPTIONS = WIRE_TCP_TIMESTAMP_PADDED + WIRE_TCP_ACCECN_PADDED };
    for (unsigned number = 1; number <= PROBES; number++) {
        struct path path;
        prepare(&path, "2", 1400, 8000000);
        for (unsigned i = 0; i < 2; i++) {
            assert_int_equal(chaski_set_knob(path.net.hosts[i].host, "tcp_ecn", "3"), 0);
            assert_int_equal(chaski_set_knob(path.net.hosts[i].host, "tcp_ecn_option", "1"), 0);
        }
        talk_begin(&path.talk, 1);
        talks_run(&path.net, &path.talk, 1, 25 * NET_MILLISECOND);
        const struct talk_end *sender = &path.talk.ends[0];
        const struct tcp *tcp = &sender->host->tcp;
        const struct tcp_connection *c = &tcp->connections[sender->connection.index];
        for (unsigned seen = 0; seen < number;) {
            uint32_t before = c->flight->mtu.start;
            talks_run(&path.net, &path.talk, 1, 6 * NET_MILLISECOND);
            seen += c->flight->mtu.start != before && c->flight->mtu.start != c->flight->mtu.end;
        }
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(chaski_set_knob(path.net.hosts[i].host, "tcp_ecn_option", "2"), 0);
        talks_run(&path.net, &path.talk, 1, 2 * NET_SECOND);
        assert_in_range(segment_size(&path), 1400 - 40 - OPTIONS - 20, 1400 - 40 - OPTIONS);
        assert_int_equal(net_counter(&path.net, CHASKI_TCP_TIMEOUTS), 0);
        assert_int_equal(net_counter(&path.net, CHASKI_TCP_RETRANSMITTED), path.hole.dropped);
        end(&path);
    }
}

static struct tcp_connection *sender_of(struct path *path)
{
    const struct talk_end *sender = &path->talk.ends[0];
    return &sender->host->tcp.connections[sender->connection.index];
}

/* The application may ask for longer segments than a search has got to: a probe that arrives then
 * makes none shorter, */
static void search_does_not_shorten_what_has_grown(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "2", 1500, 8000000);
    while (!mtu_probe_is_out(sender_of(&path)))
        talks_run(&path.net, &path.talk, 1, 6 * NET_MILLISECOND);
    const struct talk_end *sender = &path.talk.ends[0];
    assert_int_equal(chaski_tcp_set(sender->host, sender->connection, CHASKI_TCP_MAXSEG, 1460), 0);
    assert_int_equal(segment_size(&path), 1460 - WIRE_TCP_TIMESTAMP_PADDED);
    while (mtu_probe_is_out(sender_of(&path)))
        talks_run(&path.net, &path.talk, 1, 6 * NET_MILLISECOND);
    assert_int_equal(segment_size(&path), 1460 - WIRE_TCP_TIMESTAMP_PADDED);
    end(&path);
}

/* and where they are longer than what was too long once, the search is over. */
static void search_ends_where_all_has_grown(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "2", 1107, 8000000);
    while (path.hole.dropped == 0 || mtu_probe_is_out(sender_of(&path)))
        talks_run(&path.net, &path.talk, 1, 6 * NET_MILLISECOND);
    const struct mtu_search *search = &sender_of(&path)->flight->mtu;
    assert_in_range(search->most, 1107 - HEADERS, 1460 - WIRE_TCP_TIMESTAMP_PADDED - 1);
    path.hole.mtu = 1500;
    const struct talk_end *sender = &path.talk.ends[0];
    assert_int_equal(chaski_tcp_set(sender->host, sender->connection, CHASKI_TCP_MAXSEG, 1460), 0);
    uint32_t start = search->start;
    talks_run(&path.net, &path.talk, 1, NET_SECOND);
    assert_int_equal(search->start, start);
    assert_true(search->again_ns > NET_SECOND);
    end(&path);
}

/* 7.3: what the path could not carry it may carry later. */
/* RFC 4821 SHLD-4 */
static void search_is_repeated(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "2", 1280, 20000000);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(chaski_set_knob(path.net.hosts[i].host, "tcp_probe_interval", "1"), 0);
    talks_run(&path.net, &path.talk, 1, NET_SECOND);
    assert_in_range(segment_size(&path), 1280 - HEADERS - 8, 1280 - HEADERS);
    path.hole.mtu = 1500;
    talks_run(&path.net, &path.talk, 1, 2 * NET_SECOND);
    assert_in_range(segment_size(&path), 1500 - HEADERS - 8, 1500 - HEADERS);
    end(&path);
}

/* 7.7: full stop time-outs lead back to the base; then the search goes on from there. */
/* RFC 4821 SHLD-3; RFC 8899 MUST-4 */
static void black_hole_is_survived(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "1", 1500, 20000000);
    talks_run(&path.net, &path.talk, 1, 500 * NET_MILLISECOND);
    assert_int_equal(segment_size(&path), 1500 - HEADERS);
    path.hole.mtu = 1200;
    talks_run(&path.net, &path.talk, 1, 4 * NET_SECOND);
    assert_in_range(segment_size(&path), 1024 - WIRE_TCP_TIMESTAMP_PADDED, 1200 - HEADERS);
    talks_run(&path.net, &path.talk, 1, 2 * NET_SECOND);
    assert_in_range(segment_size(&path), 1200 - HEADERS - 8, 1200 - HEADERS);
    end(&path);
}

/* Where not even the base gets through, halves do. */
/* RFC 4821 MUST-5, SHLD-3; RFC 8899 MUST-4 */
static void narrow_black_hole_is_survived(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "1", 1500, 20000000);
    talks_run(&path.net, &path.talk, 1, 200 * NET_MILLISECOND);
    path.hole.mtu = 400;
    talks_run(&path.net, &path.talk, 1, 8 * NET_SECOND);
    assert_in_range(segment_size(&path), TCP_MIN_MSS, 400 - HEADERS);
    end(&path);
}

/* tcp_mtu_probing 0: nothing of the kind. */
static void search_can_be_off(void **state)
{
    (void)state;
    struct path path;
    begin(&path, "0", 1500, 8000000);
    talks_run(&path.net, &path.talk, 1, 500 * NET_MILLISECOND);
    path.hole.mtu = 1200;
    assert_false(talks_run(&path.net, &path.talk, 1, 20 * NET_SECOND));
    assert_int_equal(segment_size(&path), 1500 - HEADERS);
    path.hole.mtu = 1500;
    end(&path);
}

/* ---- Paths that mark ---- */

static uint32_t retransmitted_where_marked(const char *ecn, uint64_t *marked)
{
    struct net net;
    struct memory_wire_impairment wire = {.delay_ns = 10 * NET_MILLISECOND,
                                          .rate_bits = 20000000,
                                          .mark_bytes = 15000,
                                          .queue_bytes = 60000};
    net_make(&net, NULL);
    memory_wire_impair(net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &wire);
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(chaski_set_knob(net.hosts[i].host, "tcp_ecn", ecn), 0);
    struct talk talk = {
        .net = &net,
        .hosts = {0, 1},
        .port = PORT,
        .ends[0].manners = {.length = 10000000},
        .ends[1].manners = {.length = 10000},
    };
    talk_begin(&talk, 1);
    assert_true(talks_run(&net, &talk, 1, 8 * NET_SECOND)); /* 4 s at the full rate */
    talk_assert(&talk);
    *marked = memory_wire_statistics(net.wire, 0, 1).marked;
    uint32_t again = (uint32_t)net_counter(&net, CHASKI_TCP_RETRANSMITTED);
    net_run(&net, 300 * NET_SECOND);
    net_assert_idle(&net);
    net_free(&net);
    return again;
}

/* RFC 3168 MUST-7 */
static void marks_take_the_place_of_losses(void **state)
{
    (void)state;
    static const char *const with[] = {"1", "3"};
    uint64_t marked;
    assert_true(retransmitted_where_marked("0", &marked) != 0);
    assert_int_equal(marked, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(retransmitted_where_marked(with[i], &marked), 0);
        assert_true(marked != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search_finds_what_the_path_carries),
        cmocka_unit_test(search_leaves_room_for_options),
        cmocka_unit_test(search_survives_options_that_grow),
        cmocka_unit_test(search_does_not_shorten_what_has_grown),
        cmocka_unit_test(search_ends_where_all_has_grown),
        cmocka_unit_test(search_is_repeated),
        cmocka_unit_test(black_hole_is_survived),
        cmocka_unit_test(narrow_black_hole_is_survived),
        cmocka_unit_test(search_can_be_off),
        cmocka_unit_test(marks_take_the_place_of_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
