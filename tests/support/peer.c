/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES = 1 << 20, ETHERNET = 14, HOST = 0 };

static uint8_t bytes[BYTES]; /* contents do not matter */
static const uint8_t usual_options[] = {2, 4, PEER_MSS >> 8, PEER_MSS & 0xff};

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct peer *peer = context;
    (void)host;
    peer->connection = connection;
    peer->events |= events;
}

/* The host asks for addresses of a link on which the peer has them all. */
static void answer(struct peer *peer, const uint8_t *request)
{
    uint8_t reply[42] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2};
    memcpy(reply + 22, reply + 6, 6);
    memcpy(reply + 28, request + 38, 4);
    memcpy(reply + 32, reply, 6);
    memcpy(reply + 38, request + 28, 4);
    world_inject(&peer->world, HOST, reply, sizeof reply);
}

static void answer_requests(struct peer *peer)
{
    while (peer->answered < peer->world.frame_count) {
        const struct frame *frame = &peer->world.frames[peer->answered++];
        static const uint8_t asks[10] = {8, 6, 0, 1, 8, 0, 6, 4, 0, 1}, nobody[4];
        const uint8_t *at = frame->bytes;
        bool request = memcmp(at + 12, asks, sizeof asks) == 0;
        if (request && memcmp(at + 28, nobody, 4) != 0 && memcmp(at + 28, at + 38, 4) != 0)
            answer(peer, at);
    }
}

void peer_settles(struct peer *peer)
{
    world_settle(&peer->world);
    answer_requests(peer);
}

void peer_make(struct peer *peer, const struct world_options *options)
{
    struct world_options chosen = {0};
    if (options != NULL)
        chosen = *options;
    chosen.hosts = 1;
    if (chosen.prefix_length == 0)
        chosen.prefix_length = 32;
    *peer = (struct peer){
        .connection = {UINT32_MAX, 0},
        .port = PEER_PORT,
        .host_port = PEER_HOST_PORT,
        .next = PEER_ISS,
        .window = UINT16_MAX,
        .syn_options = usual_options,
        .syn_options_length = sizeof usual_options,
    };
    world_make(&peer->world, &chosen);
    peer->host = peer->world.hosts[HOST];
    world_introduce(&peer->world, HOST);
}

void peer_free(struct peer *peer)
{
    chaski_tcp_abort(peer->host, peer->connection);
    world_settle(&peer->world);
    world_assert_no_leaks(&peer->world);
    world_free(&peer->world);
}

/* ---- Opening ---- */

void peer_host_listens(struct peer *peer)
{
    struct chaski_tcp_bind bind = {
        .local.port = PEER_HOST_PORT,
        .receive = on_event,
        .context = peer,
    };
    assert_int_equal(chaski_tcp_bind(peer->host, &bind, &peer->listener), 0);
}

struct segment peer_host_connects(struct peer *peer)
{
    struct chaski_tcp_connect connect = {
        .local.port = peer->host_port,
        .remote = world_endpoint(1, peer->port),
        .receive = on_event,
        .context = peer,
    };
    assert_int_equal(chaski_tcp_connect(peer->host, &connect, &peer->connection), 0);
    peer_settles(peer);
    struct segment syn = {0};
    assert_true(peer_hears(peer, &syn));
    assert_int_equal(syn.flags, SEGMENT_SYN);
    peer->expected = syn.sequence + 1;
    return syn;
}

static void say_syn(struct peer *peer, uint8_t flags)
{
    struct segment syn = peer_segment(peer, flags);
    syn.options = peer->syn_options;
    syn.options_length = peer->syn_options_length;
    peer->next++;
    peer_injects(peer, &syn);
}

void peer_answers(struct peer *peer)
{
    say_syn(peer, SEGMENT_SYN | SEGMENT_ACK);
    struct segment ack = peer_expects(peer, SEGMENT_ACK);
    assert_int_equal(ack.acknowledgment, peer->next);
    assert_true(peer->events & CHASKI_CONNECTED);
}

void peer_opens(struct peer *peer)
{
    peer_host_listens(peer);
    say_syn(peer, SEGMENT_SYN);
    struct segment syn = {0};
    assert_true(peer_hears(peer, &syn));
    assert_int_equal(syn.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(syn.acknowledgment, peer->next);
    peer->expected = syn.sequence + 1;
    peer_acknowledges(peer);
    assert_true(peer->events & CHASKI_CONNECTED);
}

void peer_is_opened(struct peer *peer)
{
    peer_host_connects(peer);
    peer_answers(peer);
}

/* ---- Saying ---- */

struct segment peer_segment(const struct peer *peer, uint8_t flags)
{
    return (struct segment){
        .source_port = peer->port,
        .destination_port = peer->host_port,
        .sequence = peer->next,
        .acknowledgment = (flags & SEGMENT_ACK) ? peer->expected : 0,
        .flags = flags,
        .window = peer->window,
        .payload = bytes,
    };
}

void peer_injects(struct peer *peer, const struct segment *segment)
{
    world_inject_segment(&peer->world, HOST, segment);
    peer_settles(peer);
}

void peer_queues(struct peer *peer, const struct segment *segment)
{
    static uint8_t frame[ETHERNET + SEGMENT_PACKET_MAX] = {2, 0, 0, 0, 0, 1,    2,
                                                           0, 0, 0, 0, 2, 0x08, 0x00};
    struct chaski_address from = world_address(1), to = world_address(HOST);
    uint32_t length = segment_packet(segment, &from, &to, frame + ETHERNET);
    ip4_make_right(frame + ETHERNET, length);
    world_input(&peer->world, 0, frame, ETHERNET + length);
}

void peer_says(struct peer *peer, uint8_t flags, uint32_t length)
{
    struct segment segment = peer_segment(peer, flags);
    segment.payload_length = length;
    peer->next += length + ((flags & SEGMENT_SYN) != 0) + ((flags & SEGMENT_FIN) != 0);
    peer_injects(peer, &segment);
}

void peer_acknowledges(struct peer *peer)
{
    peer_says(peer, SEGMENT_ACK, 0);
}

/* ---- Hearing ---- */

bool peer_hears(struct peer *peer, struct segment *segment)
{
    while (peer->heard < peer->world.frame_count) {
        if (!segment_of(&peer->world.frames[peer->heard++], segment))
            continue;
        if (segment->sequence == peer->expected)
            peer->expected += segment->payload_length + ((segment->flags & SEGMENT_SYN) != 0) +
                              ((segment->flags & SEGMENT_FIN) != 0);
        return true;
    }
    return false;
}

struct segment peer_expects(struct peer *peer, uint8_t flags)
{
    struct segment segment = {0};
    assert_true(peer_hears(peer, &segment));
    assert_int_equal(segment.flags & ~SEGMENT_PSH, flags);
    return segment;
}

void peer_expects_nothing(struct peer *peer)
{
    struct segment segment;
    assert_false(peer_hears(peer, &segment));
}

uint32_t peer_hears_all(struct peer *peer)
{
    uint32_t before = peer->expected;
    struct segment segment;
    while (peer_hears(peer, &segment))
        ;
    return peer->expected - before;
}

/* ---- Time ---- */

static bool never(void *context)
{
    answer_requests(context);
    return false;
}

void peer_runs(struct peer *peer, uint64_t ns)
{
    world_run_until(&peer->world, never, peer, ns);
    peer_settles(peer);
}

static bool something_to_hear(void *context)
{
    struct peer *peer = context;
    struct segment segment;
    answer_requests(peer);
    while (peer->heard < peer->world.frame_count) {
        if (segment_of(&peer->world.frames[peer->heard], &segment))
            return true;
        peer->heard++;
    }
    return false;
}

uint64_t peer_waits(struct peer *peer, uint64_t ns)
{
    uint64_t since = peer->world.now_ns;
    assert_true(world_run_until(&peer->world, something_to_hear, peer, ns));
    return peer->world.now_ns - since;
}

/* ---- The host's application ---- */

uint32_t peer_host_writes(struct peer *peer, uint32_t n)
{
    assert_true(n <= BYTES);
    long written = chaski_tcp_write(peer->host, peer->connection, bytes, n);
    assert_true(written >= 0 || written == CHASKI_AGAIN);
    peer_settles(peer);
    return written < 0 ? 0 : (uint32_t)written;
}

long peer_host_reads(struct peer *peer, uint32_t n)
{
    uint8_t *into = malloc(n);
    long got = chaski_tcp_read(peer->host, peer->connection, into, n);
    free(into);
    peer_settles(peer);
    return got;
}

struct chaski_tcp_info peer_info(const struct peer *peer)
{
    struct chaski_tcp_info info;
    assert_int_equal(chaski_tcp_info(peer->host, peer->connection, &info), 0);
    return info;
}

void peer_host_closes(struct peer *peer)
{
    assert_int_equal(chaski_tcp_close(peer->host, peer->connection), 0);
    peer_settles(peer);
}

void peer_host_shuts_down(struct peer *peer)
{
    assert_int_equal(chaski_tcp_shutdown(peer->host, peer->connection), 0);
    peer_settles(peer);
}

void peer_host_sets(struct peer *peer, enum chaski_tcp_option option, int64_t value)
{
    assert_int_equal(chaski_tcp_set(peer->host, peer->connection, option, value), 0);
    peer_settles(peer);
}
