/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/base/endian.h"
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"
#include "tests/fuzz/host.h"

/*
 * Segments whose fields are told as distances from what the flow is about, so that a few bytes of
 * input acknowledge, leave gaps, or miss the window by one.
 */

enum { MSS = PEER_TEXT_MAX };

/* Which options a segment has. */
enum {
    WITH_TIMESTAMP = 1,
    WITH_SACK = 2,
    WITH_FAST_OPEN = 4,
    WITH_ACCECN = 8,
    WITH_MSS = 16,
    WITH_WINDOW_SCALE = 32,
    WITH_SACK_PERMITTED = 64,
    WITH_ANYTHING = 128,
};

struct options {
    uint8_t bytes[WIRE_TCP_OPTIONS_MAX + 40]; /* the last one may not fit */
    size_t length;
};

/* A small distance in bytes or in segments. */
static uint32_t distance(struct input *input, bool segments)
{
    int16_t number = (int16_t)next16(input);
    return (uint32_t)(segments ? number % 64 * MSS : number);
}

static uint8_t *room(struct options *options)
{
    return options->bytes + options->length;
}

static void add_right_timestamp(struct options *options, const struct world *world,
                                const struct peer_flow *flow)
{
    uint32_t now = (uint32_t)(world->now / HOST_MILLISECOND);
    options->length += wire_tcp_build_timestamp(room(options), now, flow->timestamp);
}

/* What SYNs agree on; a plain segment may say it as well. */
static void add_syn_options(struct options *options, uint8_t with, struct input *input)
{
    struct wire_tcp_options syn = {.has_mss = with & WITH_MSS,
                                   .has_window_scale = with & WITH_WINDOW_SCALE,
                                   .sack_permitted = with & WITH_SACK_PERMITTED};
    if (syn.has_mss)
        syn.mss = next16(input);
    if (syn.has_window_scale)
        syn.window_scale = next(input) % 16;
    options->length += wire_tcp_build_syn_options(room(options), &syn);
}

static void add_timestamp(struct options *options, const struct world *world,
                          const struct peer_flow *flow, struct input *input)
{
    uint8_t off = next(input), echo_off = next(input);
    uint32_t far = off & 0x80 ? UINT32_C(1) << (off & 31) : off;
    uint32_t now = (uint32_t)(world->now / HOST_MILLISECOND);
    options->length +=
        wire_tcp_build_timestamp(room(options), now + far, flow->timestamp + (int8_t)echo_off);
}

static void add_sack(struct options *options, const struct peer_flow *flow, struct input *input)
{
    struct wire_tcp_sack blocks[WIRE_TCP_SACK_MAX];
    uint8_t choice = next(input);
    unsigned count = 1 + choice % (WIRE_TCP_SACK_MAX - 1);
    for (unsigned i = 0; i < count; i++) {
        blocks[i].left = flow->una + distance(input, choice & 0x80);
        blocks[i].right = blocks[i].left + distance(input, choice & 0x80);
    }
    options->length += wire_tcp_build_sack(room(options), blocks, count);
}

/* The cookie that the host has given, or another. */
static void add_fast_open(struct options *options, const struct peer_flow *flow,
                          struct input *input)
{
    uint8_t choice = next(input), cookie[WIRE_TCP_COOKIE_MAX] = {0};
    uint8_t length = choice % (WIRE_TCP_COOKIE_MAX + 1);
    if (choice & 0x80) {
        length = flow->cookie_length;
        memcpy(cookie, flow->cookie, length);
    } else {
        take(input, cookie, length);
    }
    options->length += wire_tcp_build_fast_open(room(options), cookie, length, choice & 0x40);
}

static void add_accecn(struct options *options, struct input *input)
{
    struct wire_tcp_accecn counts = {.has_ce = true};
    counts.ect1_bytes = next16(input);
    counts.ce_bytes = next16(input);
    counts.ect0_bytes = next16(input);
    options->length += wire_tcp_build_accecn(room(options), &counts, next(input) % 4);
}

/* Options until one does not fit any more. */
static void add_options(struct options *options, const struct world *world,
                        const struct peer_flow *flow, struct input *input)
{
    uint8_t with = next(input);
    if (with & WITH_ANYTHING)
        options->length += take(input, options->bytes, next(input) % 41) & ~(size_t)3;
    if (with & (WITH_MSS | WITH_WINDOW_SCALE | WITH_SACK_PERMITTED))
        add_syn_options(options, with, input);
    if (with & WITH_TIMESTAMP && options->length <= WIRE_TCP_OPTIONS_MAX)
        add_timestamp(options, world, flow, input);
    if (with & WITH_FAST_OPEN && options->length <= WIRE_TCP_OPTIONS_MAX)
        add_fast_open(options, flow, input);
    if (with & WITH_ACCECN && options->length <= WIRE_TCP_OPTIONS_MAX)
        add_accecn(options, input);
    if (with & WITH_SACK && options->length <= WIRE_TCP_OPTIONS_MAX)
        add_sack(options, flow, input);
    if (options->length > WIRE_TCP_OPTIONS_MAX)
        options->length = WIRE_TCP_OPTIONS_MAX;
}

static uint32_t acknowledged(const struct peer_flow *flow, uint8_t choice)
{
    switch (choice % 4) {
    case 0:
        return flow->most;
    case 1:
        return flow->una;
    case 2:
        return flow->next;
    default:
        return flow->start;
    }
}

static struct peer_flow *flow_of(struct world *world, unsigned number)
{
    static const uint16_t ports[PEER_FLOWS] = {HOST_ECHO_PORT, HOST_CHARGEN_PORT, HOST_POLLED_PORT,
                                               4711};
    struct peer_flow *flow = &world->peer.flows[number];
    if (flow->host_port == 0)
        flow->host_port = ports[number];
    return flow;
}

static void send(struct world *world, struct peer_segment *segment, const struct options *options)
{
    uint8_t frame[PEER_FRAME_MAX];
    size_t room_for_data = PEER_TEXT_MAX - options->length;
    segment->options = options->bytes;
    segment->options_length = (uint8_t)options->length;
    if (segment->data_length > room_for_data)
        segment->data_length = room_for_data;
    host_give(world, HOST_ETHERNET, frame, peer_segment(&world->peer, frame, segment));
}

/* Mostly those of a conversation. */
static uint16_t some_flags(struct input *input)
{
    static const uint8_t usual[] = {
        TCP_ACK,           TCP_ACK, TCP_ACK | TCP_FIN, TCP_ACK | TCP_PSH, TCP_SYN,
        TCP_SYN | TCP_ACK, TCP_RST, TCP_ACK | TCP_URG, TCP_ACK | TCP_ECE, TCP_ACK | TCP_CWR};
    uint8_t choice = next(input);
    if (choice >= 0xc0)
        return (uint16_t)(next(input) | (choice & 1) << 8);
    return usual[choice % sizeof usual];
}

void host_segment(struct world *world, struct input *input)
{
    uint8_t data[32] = {0}, choice = next(input), more = next(input);
    struct peer_flow *flow = flow_of(world, choice % PEER_FLOWS);
    bool segments = choice & 0x10;
    struct options options = {.length = 0};
    struct peer_segment segment = {
        .flow = choice % PEER_FLOWS, .ecn = choice >> 6, .flags = some_flags(input)};
    segment.window = more & 1 ? next16(input) : 0xffff;
    segment.sequence = flow->sequence + (more & 2 ? distance(input, segments) : 0);
    segment.acknowledgment =
        acknowledged(flow, choice >> 2) + (more & 4 ? distance(input, segments) : 0);
    if (more & 8)
        add_options(&options, world, flow, input);
    else if (flow->timestamps)
        add_right_timestamp(&options, world, flow);
    if (more & 16)
        segment.data_length = next16(input) % (PEER_TEXT_MAX + 1);
    if (segment.data_length <= sizeof data) {
        take(input, data, segment.data_length);
        segment.data = data;
    }
    send(world, &segment, &options);
}

void host_train(struct world *world, struct input *input)
{
    uint8_t choice = next(input), odd = next(input);
    struct peer_flow *flow = flow_of(world, choice % PEER_FLOWS);
    unsigned count = 2 + (choice >> 2 & 31);
    uint16_t length = next16(input) % (PEER_TEXT_MAX + 1);
    uint32_t sequence = flow->sequence;
    host_gather(world);
    for (unsigned i = 0; i < count; i++) {
        struct options options = {.length = 0};
        struct peer_segment segment = {.flow = choice % PEER_FLOWS,
                                       .flags = TCP_ACK,
                                       .window = 0xffff,
                                       .sequence = sequence,
                                       .acknowledgment = flow->most,
                                       .data_length = length};
        if (flow->timestamps)
            add_right_timestamp(&options, world, flow);
        if (i == odd % 64u) {
            segment.flags = some_flags(input);
            segment.ecn = odd >> 6;
            segment.data_length = next16(input) % (PEER_TEXT_MAX + 1);
            segment.sequence += choice & 0x80 ? distance(input, false) : 0;
        }
        send(world, &segment, &options);
        sequence = segment.sequence + (uint32_t)segment.data_length;
    }
    host_let_in(world);
}

/* Options as most peers have them. */
static void usual_options(struct options *options, const struct world *world, uint8_t with)
{
    struct wire_tcp_options usual = {
        .has_mss = true,
        .mss = MSS,
        .has_timestamp = with & WITH_TIMESTAMP,
        .timestamp = (uint32_t)(world->now / HOST_MILLISECOND),
        .has_window_scale = with & WITH_WINDOW_SCALE,
        .window_scale = 7,
        .sack_permitted = with & WITH_SACK_PERMITTED,
    };
    options->length += wire_tcp_build_syn_options(options->bytes, &usual);
}

void host_handshake(struct world *world, struct input *input)
{
    uint8_t choice = next(input), with = next(input);
    struct peer_flow *flow = flow_of(world, choice % PEER_FLOWS);
    struct options options = {.length = 0}, second = {.length = 0};
    bool accurate = choice & 0x40, ecn = choice & 0x80;
    struct peer_segment segment = {.flow = choice % PEER_FLOWS, .window = 0xffff};
    segment.sequence = flow->sequence + 100000;
    segment.flags = (uint16_t)(TCP_SYN | (ecn ? TCP_ECE | TCP_CWR : 0) | (accurate ? TCP_AE : 0));
    usual_options(&options, world, with);
    if (with & WITH_FAST_OPEN) {
        add_fast_open(&options, flow, input);
        segment.data_length = next16(input) % (PEER_TEXT_MAX + 1);
    }
    send(world, &segment, &options);
    host_settle(world);
    segment.flags = TCP_ACK;
    segment.sequence = flow->sequence;
    segment.acknowledgment = flow->most;
    segment.data_length = 0;
    if (flow->timestamps)
        add_right_timestamp(&second, world, flow);
    send(world, &segment, &second);
}

/* What an honest peer says now, from the flow's ranges. */
static void acknowledge(struct world *world, struct peer_segment *segment, uint8_t choice,
                        uint8_t marks)
{
    struct peer_flow *flow = &world->peer.flows[segment->flow];
    struct wire_tcp_sack blocks[3];
    struct options options = {.length = 0};
    unsigned count = flow->range_count < 3 ? flow->range_count : 3;
    struct wire_tcp_accecn counts = {
        .ect1_bytes = 1, .ce_bytes = marks * 1000u, .ect0_bytes = flow->received};
    if (flow->timestamps)
        add_right_timestamp(&options, world, flow);
    for (unsigned i = 0; i < count; i++)
        blocks[i] = (struct wire_tcp_sack){flow->ranges[i].left, flow->ranges[i].right};
    if (flow->sack)
        options.length += wire_tcp_build_sack(room(&options), blocks, count);
    if (choice & 0x80 && options.length <= WIRE_TCP_OPTIONS_MAX - WIRE_TCP_ACCECN_PADDED)
        options.length += wire_tcp_build_accecn(room(&options), &counts, 3);
    segment->sequence = flow->sequence;
    segment->acknowledgment = flow->received;
    send(world, segment, &options);
}

/* The counter of RFC 9768, 3.2.2.2, as flags. */
static uint16_t flags_of_marks(uint8_t marks)
{
    unsigned ace = (5u + marks) & 7;
    return (uint16_t)((ace & 4 ? TCP_AE : 0) | (ace & 2 ? TCP_CWR : 0) | (ace & 1 ? TCP_ECE : 0));
}

void host_converse(struct world *world, struct input *input)
{
    uint8_t choice = next(input), manner = next(input), marks = next(input);
    struct peer_flow *flow = flow_of(world, choice % PEER_FLOWS);
    unsigned rounds = 1 + (choice >> 2 & 15);
    struct peer_segment segment = {.flow = choice % PEER_FLOWS, .window = 0xffff};
    flow->losses = manner & 1 ? next32(input) : 0;
    flow->longest = manner & 2 ? next16(input) : 0;
    if (manner & 4)
        segment.window = next16(input);
    for (unsigned i = 0; i < rounds; i++) {
        segment.flags = TCP_ACK;
        if (choice & 0x80)
            segment.flags |= flags_of_marks(marks);
        else if (i < marks)
            segment.flags |= TCP_ECE;
        acknowledge(world, &segment, choice, marks);
        host_pass(world, HOST_MILLISECOND << (manner >> 4 & 7));
        marks = (uint8_t)(marks + (manner >> 3 & 1));
    }
}

void host_error(struct world *world, struct input *input)
{
    uint8_t frame[PEER_FRAME_MAX], icmp[WIRE_ICMP4_HEADER + PEER_QUOTE] = {0};
    uint8_t choice = next(input);
    const struct peer_datagram datagram = {
        .protocol = WIRE_IP_ICMP4, .payload = icmp, .length = sizeof icmp};
    const struct peer_flow *flow = flow_of(world, choice % PEER_FLOWS);
    uint8_t *quoted_tcp = icmp + WIRE_ICMP4_HEADER + 20;
    uint8_t types[] = {WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_UNREACHABLE, WIRE_ICMP4_TIME_EXCEEDED,
                       WIRE_ICMP4_PARAMETER_PROBLEM};
    icmp[WIRE_ICMP4_TYPE] = types[choice >> 2 & 3];
    icmp[WIRE_ICMP4_CODE] = choice >> 4;
    store_be16(icmp + WIRE_ICMP4_MTU, next16(input));
    memcpy(icmp + WIRE_ICMP4_HEADER, flow->quote, PEER_QUOTE);
    if (next(input) & 1) /* about another segment */
        wire_tcp_set_sequence(quoted_tcp, flow->una + distance(input, false));
    host_give(world, HOST_ETHERNET, frame, peer_datagram(frame, &datagram));
}
