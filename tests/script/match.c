/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "tests/script/packets/ip.h"
#include "tests/script/run.h"

/*
 * Packet events: which flow they are of, what goes in, and whether what came out is what the
 * script says.
 */

static double seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

/* ---- Flows ---- */

static struct flow *flow_new(struct run *run, uint16_t local_port, uint16_t remote_port, bool udp)
{
    struct flow *flow = arena_take(run->arena, sizeof *flow);
    flow->arena = run->arena;
    flow->local_port = local_port;
    flow->remote_port = remote_port;
    flow->is_udp = udp;
    flow->next = run->flows;
    run->flows = flow;
    return flow;
}

static struct flow *flow_of_ports(struct run *run, uint16_t local_port, uint16_t remote_port,
                                  bool udp)
{
    struct flow *flow = run->flows;
    while (flow != NULL && (flow->local_port != local_port || flow->remote_port != remote_port ||
                            flow->is_udp != udp))
        flow = flow->next;
    return flow;
}

/* The flow that a packet of the script is of. */
static struct flow *flow_of_script(struct run *run, const struct packet *packet)
{
    bool udp = packet->kind == PACKET_UDP;
    uint16_t bind_port = run->settings.bind_port;
    if (packet->ip.has_port) {
        uint16_t local = run->flow != NULL ? run->flow->local_port : bind_port;
        struct flow *flow = flow_of_ports(run, local, packet->ip.port, udp);
        return flow != NULL ? flow : flow_new(run, local, packet->ip.port, udp);
    }
    bool opens = packet->kind == PACKET_TCP && packet->inbound &&
                 (packet->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
    bool fits = run->flow != NULL && (packet->kind == PACKET_ICMP || run->flow->is_udp == udp);
    if (!fits || (opens && run->begins_anew)) {
        run->flow = flow_new(run, bind_port, run->next_port++, udp);
        run->begins_anew = false;
    }
    return run->flow;
}

/* The flow that a packet of the stack's is of: a new one when it opens one. */
static struct flow *flow_of_wire(struct run *run, const struct packet *wire)
{
    bool udp = wire->kind == PACKET_UDP;
    if (wire->kind == PACKET_ICMP && run->flow != NULL)
        return run->flow;
    struct flow *flow = flow_of_ports(run, wire->source_port, wire->destination_port, udp);
    if (flow == NULL) {
        flow = flow_new(run, wire->source_port, wire->destination_port, udp);
        run->flow = flow;
        run->begins_anew = false;
    }
    return flow;
}

/* ---- What the stack sends ---- */

static bool is_between_the_ends(const struct run *run, const struct sent *sent)
{
    const struct ends *ends = &run->settings.ends;
    size_t length = ends->version->address_length;
    const uint8_t *source = sent->bytes + ends->version->addresses_at;
    return !run->settings.complete || (memcmp(source, ends->local, length) == 0 &&
                                       memcmp(source + length, ends->remote, length) == 0);
}

static void tell_of(const struct run *run, const struct seen *seen)
{
    char text[PACKET_TEXT];
    struct packet packet = flow_to_script(seen->flow, &seen->wire, NULL, false, 0);
    if (run->settings.verbose)
        printf("%.6f %s\n", seconds(seen->time_ns), packet_text(&packet, text));
}

void run_look(struct run *run)
{
    const struct ip_version *version = run->settings.ends.version;
    struct sent *sent;
    while ((sent = stack_take(&run->stack)) != NULL) {
        if (version->is_of_the_link(sent->bytes, sent->length))
            continue;
        struct seen *seen = arena_take(run->arena, sizeof *seen);
        const char *wrong =
            packet_read(run->arena, version, sent->bytes, sent->length, &seen->wire);
        if (wrong == NULL && !is_between_the_ends(run, sent))
            wrong = "its addresses are not those of the ends";
        if (wrong != NULL) {
            run_fail(run, run->line, "the stack sent %zu bytes at %.6f: %s", sent->length,
                     seconds(sent->time_ns), wrong);
            return;
        }
        seen->time_ns = sent->time_ns;
        seen->flow = flow_of_wire(run, &seen->wire);
        flow_learn(seen->flow, &seen->wire);
        tell_of(run, seen);
        *run->seen_end = seen;
        run->seen_end = &seen->next;
    }
}

static struct seen *take_seen(struct run *run)
{
    struct seen *seen = run->seen;
    run->seen = seen->next;
    if (run->seen == NULL)
        run->seen_end = &run->seen;
    return seen;
}

static bool something_seen(void *context)
{
    const struct run *run = context;
    return run->seen != NULL || run->verdict != PASSED;
}

static bool await_seen(struct run *run, uint64_t until_ns)
{
    stack_await(&run->stack, until_ns, something_seen, run);
    return run->seen != NULL && run->verdict == PASSED;
}

/* ---- Out ---- */

/* Whether `next` goes on where `whole` ends, as segments that were cut from one do. */
static bool goes_on(const struct packet *whole, const struct packet *next)
{
    const uint16_t bounds = FLAG_SYN | FLAG_RST | FLAG_URG;
    return next->kind == PACKET_TCP && next->sequence == whole->sequence + whole->length &&
           next->length > 0 && ((whole->flags | next->flags) & bounds) == 0 &&
           !(whole->flags & FLAG_FIN);
}

/* Joins segments until the script's length is reached. */
static void join(struct run *run, struct seen *seen, uint32_t length, uint64_t until_ns)
{
    while (seen->wire.length > 0 && seen->wire.length < length && await_seen(run, until_ns)) {
        const struct packet *next = &run->seen->wire;
        if (run->seen->flow != seen->flow || !goes_on(&seen->wire, next) ||
            seen->wire.length + next->length > length)
            return;
        seen->wire.length += next->length;
        /* What matters of a push is whether it is at the end. */
        seen->wire.flags &= (uint16_t)~FLAG_PSH;
        seen->wire.flags |= next->flags & (FLAG_PSH | FLAG_FIN);
        take_seen(run);
    }
}

static bool check_time(struct run *run, const struct event *event, const struct packet *seen,
                       uint64_t time_ns, uint64_t from_ns, uint64_t to_ns)
{
    char text[PACKET_TEXT];
    uint64_t tolerance = run_tolerance(run, from_ns);
    if (time_ns + tolerance >= from_ns && time_ns <= to_ns + tolerance)
        return true;
    return run_fail(run, event->line, "%s was sent at %.6f, not %s %.6f", packet_text(seen, text),
                    seconds(time_ns), time_ns < from_ns ? "at" : "until",
                    seconds(time_ns < from_ns ? from_ns : to_ns));
}

static void check_packet(struct run *run, const struct event *event, struct seen *seen,
                         uint64_t from_ns, uint64_t to_ns)
{
    struct packet wanted = *event->packet;
    char text[PACKET_TEXT], other[PACKET_TEXT];
    uint32_t tick = run->settings.ts_tick_us;
    /* Timestamps may be off by a share of the whole time, not only of the step (packetdrill). */
    uint64_t share = seen->time_ns / 1000 * run->settings.tolerance_permil;
    uint64_t off = share > run->settings.tolerance_ns ? share : run->settings.tolerance_ns;
    uint32_t slack = tick != 0 ? (uint32_t)(off / 1000 / tick) + 1 : 0;
    struct packet got = flow_to_script(seen->flow, &seen->wire, &wanted, tick != 0, slack);
    const char *difference = packet_difference(&wanted, &got);
    got.ip.has_ecn = wanted.ip.has_ecn;
    got.ip.has_class = wanted.ip.has_class;
    got.ip.has_ttl = wanted.ip.has_ttl;
    if (run->settings.unchecked)
        return;
    if (difference != NULL)
        run_fail(run, event->line, "the %s differs\n    expected: %s\n    sent:     %s   at %.6f",
                 difference, packet_text(&wanted, text), packet_text(&got, other),
                 seconds(seen->time_ns));
    else
        check_time(run, event, &got, seen->time_ns, from_ns, to_ns);
}

static bool begins(const struct packet *packet)
{
    return packet->kind == PACKET_TCP && (packet->flags & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
}

/* Suites do not say what connections that they are done with still send, nor how echoes are
 * answered. */
static bool is_of_another(const struct run *run, const struct packet *wanted)
{
    const struct seen *seen = run->seen;
    bool left = run->begins_anew && begins(wanted) && !begins(&seen->wire);
    bool beside = seen->wire.kind == PACKET_ICMP && wanted->kind == PACKET_TCP;
    return !run->settings.complete && run->flow != NULL &&
           (seen->flow != run->flow || left || beside);
}

static void packet_out(struct run *run, const struct event *event, uint64_t from_ns, uint64_t to_ns)
{
    char text[PACKET_TEXT];
    uint64_t until = to_ns + run_tolerance(run, to_ns);
    const struct packet *wanted = event->packet;
    while (await_seen(run, until) && is_of_another(run, wanted))
        take_seen(run);
    if (run->seen == NULL && run->settings.unchecked)
        return;
    if (run->seen == NULL || run->verdict != PASSED) {
        run_fail(run, event->line, "%s was not sent until %.6f", packet_text(wanted, text),
                 seconds(stack_time(&run->stack)));
        return;
    }
    struct seen *seen = take_seen(run);
    if (wanted->kind == PACKET_TCP && !run->settings.strict_segments)
        join(run, seen, wanted->length, until);
    check_packet(run, event, seen, from_ns, to_ns);
}

/* ---- In ---- */

static void packet_in(struct run *run, const struct event *event)
{
    uint8_t bytes[PACKET_ROOM];
    struct flow *flow = flow_of_script(run, event->packet);
    struct packet wire = flow_to_wire(flow, event->packet);
    size_t length = packet_build(&wire, &run->settings.ends, bytes);
    if (length == 0)
        run_fail(run, event->line, "this packet cannot be built");
    else
        stack_input(&run->stack, bytes, length);
}

void run_packet(struct run *run, const struct event *event, uint64_t from_ns, uint64_t to_ns)
{
    if (event->packet->inbound)
        packet_in(run, event);
    else
        packet_out(run, event, from_ns, to_ns);
}
