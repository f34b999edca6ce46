/* SPDX-License-Identifier: BSD-2-Clause */
/* Paths that become narrower under a transfer, and ends that are abrupt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/tcp/tcp_internal.h"
#include "tests/support/talk.h"
#include "tests/support/world.h"

enum { PORT = 7000 };

/* ---- A router on the way whose next link is narrower ------------------------------------------
 */

enum { ETHERNET = 14, IP = 20, ICMP = 8, QUOTE = IP + 8 };

struct router {
    struct net *net;
    struct hook onward;
    uint32_t host;
    uint16_t mtu;
    uint32_t told; /* errors sent */
};

/* "Fragmentation needed" (RFC 1191) about the packet of an IPv4 frame, to who sent it. */
static void tell_too_big(struct router *router, const uint8_t *frame)
{
    uint8_t error[ETHERNET + IP + ICMP + QUOTE] = {0};
    memcpy(error, frame + 6, 6);
    memcpy(error + 6, frame, 6);
    uint8_t *ip = error + ETHERNET, *icmp = ip + IP;
    static const uint8_t header[IP] = {0x45, 0, 0, IP + ICMP + QUOTE, 0, 0, 0, 0, 64, 1};
    static const uint8_t far[4] = {203, 0, 113, 1};
    error[12] = 0x08;
    memcpy(ip, header, sizeof header);
    memcpy(ip + 12, far, 4);
    memcpy(ip + 16, frame + ETHERNET + 12, 4);
    icmp[0] = 3;
    icmp[1] = 4;
    icmp[6] = (uint8_t)(router->mtu >> 8);
    icmp[7] = (uint8_t)router->mtu;
    memcpy(icmp + ICMP, frame + ETHERNET, QUOTE);
    ip4_make_right(ip, IP + ICMP + QUOTE);
    router->told++;
    chaski_input(router->net->hosts[router->host].host, 0, error, sizeof error,
                 router->net->now_ns);
}

/* hook_function in front of a host's link. */
static void route(void *block, struct burst *burst, uint64_t now_ns)
{
    struct router *router = block;
    struct burst fitting = {.count = 0};
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        uint8_t frame[ETHERNET + QUOTE] = {0};
        packet_copy_out(packet, 0, frame,
                        packet->length < sizeof frame ? packet->length : sizeof frame);
        bool ip = frame[12] == 0x08 && frame[13] == 0;
        if (ip && packet->length > ETHERNET + (uint32_t)router->mtu) {
            assert_true((frame[ETHERNET + 6] & 0x40) != 0); /* don't fragment */
            tell_too_big(router, frame);
            packet_free(packet);
        } else {
            fitting.packets[fitting.count++] = packet;
        }
    }
    burst->count = 0;
    hook_call(&router->onward, &fitting, now_ns);
}

static void put_router(struct router *router, struct net *net, uint32_t host)
{
    struct cut *cut = &net->hosts[host].host->ports[0].cut;
    *router = (struct router){.net = net, .onward = cut->request, .host = host, .mtu = 1500};
    cut->request = (struct hook){route, router};
}

static void transfer_while_path_shrinks(bool sack, bool timestamps, uint32_t loss)
{
    static const uint16_t mtus[] = {1400, 1006, 576};
    struct net net;
    struct router routers[2];
    struct memory_wire_impairment harm = {
        .loss = loss, .delay_ns = 5 * NET_MILLISECOND, .rate_bits = 8000000, .queue_bytes = 200000};
    net_make(&net, NULL);
    memory_wire_impair(net.wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY, &harm);
    for (uint32_t i = 0; i < 2; i++) {
        put_router(&routers[i], &net, i);
        net.hosts[i].host->tcp.knobs.sack = sack;
        net.hosts[i].host->tcp.knobs.timestamps = timestamps;
    }
    struct talk talk = {
        .net = &net,
        .hosts = {0, 1},
        .port = PORT,
        .ends[0].manners = {.length = 6000000},
        .ends[1].manners = {.length = 6000000, .hands_over = true},
    };
    talk_begin(&talk, 1);
    for (size_t i = 0; i < sizeof mtus / sizeof *mtus; i++) {
        talks_run(&net, &talk, 1, 1800 * NET_MILLISECOND);
        routers[0].mtu = routers[1].mtu = mtus[i];
    }
    assert_true(talks_run(&net, &talk, 1, 100 * NET_SECOND));
    talk_assert(&talk);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(routers[i].told >= 3);
        assert_int_equal(chaski_counter_value(net.hosts[i].host, CHASKI_TCP_PATH_MTU_LOWERED), 3);
    }
    /* An error is not believed while segments get through (RFC 5927, 7.2): then a time-out is the
     * sign, and the next error counts. */
    if (loss == 0)
        assert_in_range(net_counter(&net, CHASKI_TCP_TIMEOUTS), 1, 2 * 3 * 2);
    net_run(&net, 300 * NET_SECOND);
    net_assert_idle(&net);
    net_free(&net);
}

/* RFC 1191 MUST-1, MUST-6, MUST-7 */
static void a_path_that_shrinks_is_survived(void **state)
{
    (void)state;
    transfer_while_path_shrinks(true, true, 0);
    transfer_while_path_shrinks(false, true, 0);
    transfer_while_path_shrinks(true, false, 0);
    transfer_while_path_shrinks(false, false, 0);
}

static void a_path_that_shrinks_and_loses_is_survived(void **state)
{
    (void)state;
    transfer_while_path_shrinks(true, true, 20000);
    transfer_while_path_shrinks(false, false, 20000);
}

/* ---- The end ------------------------------------------------------------------------------------
 */

static void ignore(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    chaski_tcp *last = context;
    (void)host, (void)events;
    *last = connection;
}

/* RFC 9293 lets an abort in LAST-ACK be silent because there is nothing left to send but the FIN.
 */
static void an_abort_with_text_unsent_is_heard(void **state)
{
    (void)state;
    static const uint8_t bytes[200000];
    struct net net;
    chaski_tcp client, server = {0};
    chaski_listener listener;
    net_make(&net, NULL);
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = ignore, .context = &server};
    struct chaski_tcp_connect connect = {.remote = net_endpoint(1, PORT)};
    assert_int_equal(chaski_tcp_bind(net.hosts[1].host, &bind, &listener), 0);
    assert_int_equal(chaski_tcp_connect(net.hosts[0].host, &connect, &client), 0);
    net_run(&net, NET_SECOND);
    assert_int_equal(chaski_tcp_shutdown(net.hosts[0].host, client), 0);
    net_run(&net, NET_SECOND);
    /* The client does not read: much of this stays unsent. */
    for (unsigned i = 0; i < 4; i++) {
        chaski_tcp_write(net.hosts[1].host, server, bytes, sizeof bytes);
        net_run(&net, NET_SECOND);
    }
    struct chaski_tcp_info info;
    assert_int_equal(chaski_tcp_shutdown(net.hosts[1].host, server), 0);
    assert_int_equal(chaski_tcp_info(net.hosts[1].host, server, &info), 0);
    assert_int_equal(info.tcpi_state, CHASKI_TCP_LAST_ACK);
    assert_true(info.tcpi_notsent_bytes != 0);
    assert_int_equal(chaski_tcp_abort(net.hosts[1].host, server), 0);
    net_run(&net, NET_SECOND);
    assert_int_equal(chaski_tcp_error(net.hosts[0].host, client), CHASKI_RESET);
    assert_int_equal(chaski_tcp_close(net.hosts[0].host, client), 0);
    net_run(&net, 300 * NET_SECOND);
    net_assert_idle(&net);
    net_free(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_that_shrinks_is_survived),
        cmocka_unit_test(a_path_that_shrinks_and_loses_is_survived),
        cmocka_unit_test(an_abort_with_text_unsent_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
