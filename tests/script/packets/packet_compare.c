/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "tests/script/packets/packet.h"

/* What a script left open does not differ. */

static bool same_numbers(const struct tcp_option *wanted, const struct tcp_option *seen)
{
    unsigned each = wanted->kind == OPTION_SACK ? 2 : 1;
    return wanted->count == seen->count &&
           memcmp(wanted->numbers, seen->numbers, each * wanted->count * sizeof(uint32_t)) == 0;
}

static bool same_bytes(const struct tcp_option *wanted, const struct tcp_option *seen)
{
    return wanted->any_data || (wanted->data_length == seen->data_length &&
                                memcmp(wanted->data, seen->data, wanted->data_length) == 0);
}

static bool same_option(const struct tcp_option *wanted, const struct tcp_option *seen)
{
    if (wanted->kind != seen->kind)
        return false;
    if (wanted->is_bytes)
        return same_bytes(wanted, seen);
    switch (wanted->kind) {
    case OPTION_SACK:
    case OPTION_ACCECN0:
    case OPTION_ACCECN1:
        return same_numbers(wanted, seen);
    case OPTION_TIMESTAMP:
    case OPTION_MSS:
    case OPTION_WSCALE:
    case OPTION_USER_TIMEOUT:
    case OPTION_EOL:
    case OPTION_NOP:
    case OPTION_SACK_OK:
        return wanted->value == seen->value && wanted->echo == seen->echo;
    default:
        return same_bytes(wanted, seen);
    }
}

static const char *options_difference(const struct packet *wanted, const struct packet *seen)
{
    const struct tcp_option *a = wanted->options, *b = seen->options;
    if (wanted->any_options)
        return NULL;
    for (; a != NULL && b != NULL; a = a->next, b = b->next)
        if (!same_option(a, b))
            return "options";
    return a != NULL || b != NULL ? "options" : NULL;
}

static const char *ip_difference(const struct ip_part *wanted, const struct ip_part *seen)
{
    if (wanted->has_ecn && wanted->ecn != seen->ecn)
        return "ECN field";
    if (wanted->has_class && wanted->traffic_class != seen->traffic_class)
        return "tos";
    if (wanted->has_ttl && wanted->ttl != seen->ttl)
        return "ttl";
    return wanted->has_port && wanted->port != seen->port ? "port" : NULL;
}

static const char *tcp_difference(const struct packet *wanted, const struct packet *seen)
{
    if (wanted->flags != seen->flags)
        return "flags";
    if (wanted->sequence != seen->sequence)
        return "sequence number";
    if (wanted->length != seen->length)
        return "length";
    if ((wanted->flags & FLAG_ACK) && wanted->ack != seen->ack)
        return "acknowledgement";
    if (wanted->has_window && wanted->window != seen->window)
        return "window";
    if (wanted->has_urgent && wanted->urgent != seen->urgent)
        return "urgent pointer";
    return options_difference(wanted, seen);
}

static const char *icmp_difference(const struct packet *wanted, const struct packet *seen)
{
    if (wanted->icmp.type != seen->icmp.type || wanted->icmp.code != seen->icmp.code)
        return "type or code";
    if (wanted->icmp.identifier != 0 && (wanted->icmp.identifier != seen->icmp.identifier ||
                                         wanted->icmp.sequence != seen->icmp.sequence))
        return "identifier or sequence";
    return NULL;
}

const char *packet_difference(const struct packet *wanted, const struct packet *seen)
{
    const char *difference = ip_difference(&wanted->ip, &seen->ip);
    if (wanted->kind != seen->kind)
        return "protocol";
    if (difference != NULL)
        return difference;
    switch (wanted->kind) {
    case PACKET_TCP:
        return tcp_difference(wanted, seen);
    case PACKET_UDP:
        return wanted->length != seen->length ? "length" : NULL;
    case PACKET_ICMP:
        return icmp_difference(wanted, seen);
    }
    return NULL;
}
