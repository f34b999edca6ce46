/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/packets/flow.h"

/* ---- Timestamps ---- */

static uint32_t wire_timestamp(const struct flow *flow, uint32_t script)
{
    const struct timestamp_pair *first = flow->first_timestamp;
    for (const struct timestamp_pair *pair = flow->timestamps; pair != NULL; pair = pair->next)
        if (pair->script == script)
            return pair->wire;
    return first != NULL && script != 0 ? first->wire + (script - first->script) : script;
}

static void remember(struct flow *flow, uint32_t script, uint32_t wire)
{
    struct timestamp_pair *pair = arena_take(flow->arena, sizeof *pair);
    *pair = (struct timestamp_pair){flow->timestamps, script, wire};
    flow->timestamps = pair;
    if (flow->first_timestamp == NULL)
        flow->first_timestamp = pair;
}

/* Where the script would stand by now. */
static uint32_t script_timestamp(const struct flow *flow, uint32_t wire)
{
    const struct timestamp_pair *first = flow->first_timestamp;
    return first != NULL ? first->script + (wire - first->wire) : wire;
}

/* ---- In ---- */

static struct tcp_option *options_to_wire(struct flow *flow, const struct tcp_option *options)
{
    struct tcp_option *first = NULL, **end = &first;
    for (; options != NULL; options = options->next) {
        struct tcp_option *option = arena_take(flow->arena, sizeof *option);
        *option = *options;
        if (option->kind == OPTION_TIMESTAMP)
            option->echo = wire_timestamp(flow, options->echo);
        for (unsigned i = 0; option->kind == OPTION_SACK && i < 2u * option->count; i++)
            option->numbers[i] += flow->local_isn;
        *end = option;
        end = &option->next;
    }
    *end = NULL;
    return first;
}

static void note_syn(struct flow *flow, const struct packet *script)
{
    if (!flow->has_remote) {
        flow->has_remote = true;
        flow->remote_isn = script->sequence;
    } else if (script->sequence != flow->remote_isn) {
        flow->has_offer = true;
        flow->offered_isn = script->sequence;
    }
}

static void icmp_to_wire(const struct flow *flow, struct packet *wire)
{
    wire->icmp.quoted_sequence =
        wire->icmp.has_quote ? flow->local_isn + wire->icmp.quoted_sequence : flow->last_sequence;
    wire->flags = flow->is_udp ? 0 : FLAG_ACK; /* which protocol is quoted */
}

struct packet flow_to_wire(struct flow *flow, const struct packet *script)
{
    struct packet wire = *script;
    wire.source_port = flow->remote_port;
    wire.destination_port = flow->local_port;
    if (script->kind == PACKET_ICMP)
        icmp_to_wire(flow, &wire);
    if (script->kind != PACKET_TCP)
        return wire;
    if (script->flags & FLAG_SYN)
        note_syn(flow, script);
    else
        wire.sequence += flow->remote_isn;
    if (script->flags & FLAG_ACK)
        wire.ack += flow->local_isn;
    wire.options = options_to_wire(flow, script->options);
    return wire;
}

/* ---- Out ---- */

void flow_learn(struct flow *flow, const struct packet *wire)
{
    if (wire->kind != PACKET_TCP)
        return;
    flow->last_sequence = wire->sequence;
    if (!(wire->flags & FLAG_SYN))
        return;
    flow->has_local = true;
    flow->local_isn = wire->sequence;
    if (!(wire->flags & FLAG_ACK) || !flow->has_offer)
        return;
    if (wire->ack - flow->offered_isn - 1 > PACKET_BYTES_MAX)
        return; /* an answer to the old one, again */
    flow->remote_isn = flow->offered_isn;
    flow->has_offer = false;
}

static const struct tcp_option *timestamp_of(const struct packet *packet)
{
    const struct tcp_option *option = packet != NULL ? packet->options : NULL;
    while (option != NULL && option->kind != OPTION_TIMESTAMP)
        option = option->next;
    return option;
}

static void timestamp_to_script(struct flow *flow, struct tcp_option *option,
                                const struct packet *wanted, bool check, uint32_t slack)
{
    const struct tcp_option *said = timestamp_of(wanted);
    uint32_t wire = option->value;
    option->value = script_timestamp(flow, wire);
    if (said == NULL)
        return;
    int32_t off = (int32_t)(option->value - said->value);
    if (check && flow->first_timestamp != NULL && (off < -(int32_t)slack || off > (int32_t)slack))
        return;
    option->value = said->value;
    remember(flow, said->value, wire);
}

static void options_to_script(struct flow *flow, struct packet *seen, const struct packet *wanted,
                              bool check, uint32_t slack)
{
    struct tcp_option **end = &seen->options;
    for (const struct tcp_option *from = seen->options; from != NULL; from = from->next) {
        struct tcp_option *option = arena_take(flow->arena, sizeof *option);
        *option = *from;
        if (option->kind == OPTION_TIMESTAMP)
            timestamp_to_script(flow, option, wanted, check, slack);
        for (unsigned i = 0; option->kind == OPTION_SACK && i < 2u * option->count; i++)
            option->numbers[i] -= flow->remote_isn;
        *end = option;
        end = &option->next;
    }
}

struct packet flow_to_script(struct flow *flow, const struct packet *wire,
                             const struct packet *wanted, bool check_timestamps, uint32_t slack)
{
    struct packet seen = *wire;
    seen.ip.has_port = false;
    seen.ip.port = flow->remote_port;
    if (wire->kind != PACKET_TCP)
        return seen;
    seen.sequence -= flow->local_isn;
    if (wire->flags & FLAG_ACK)
        seen.ack -= flow->remote_isn;
    if (wanted != NULL && (wanted->flags & FLAG_SYN) && wanted->ack == wire->ack)
        seen.ack = wire->ack;
    if (wanted != NULL && (wanted->flags & FLAG_SYN) && seen.sequence == 0)
        seen.sequence = wanted->sequence; /* whatever a script calls our first one */
    options_to_script(flow, &seen, wanted, check_timestamps, slack);
    return seen;
}
