/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/script/packets/packet.h"

/* From fields to what a script would say. */

struct text {
    char *at;
    size_t room;
};

static void say(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text->at, text->room, format, arguments);
    va_end(arguments);
    size_t used = n < 0 ? 0 : (size_t)n < text->room ? (size_t)n : text->room - 1;
    text->at += used;
    text->room -= used;
}

/* ---- Options ---- */

static void say_bytes(struct text *text, const char *name, const struct tcp_option *option,
                      unsigned from)
{
    say(text, "%s%s", name, option->any_data ? " ..." : option->data_length > from ? " " : "");
    for (unsigned i = from; i < option->data_length; i++)
        say(text, "%02x", option->data[i]);
}

static void say_numbers(struct text *text, const struct tcp_option *option)
{
    static const char *const names[] = {"e0b", "ceb", "e1b"};
    if (option->kind == OPTION_SACK) {
        say(text, "sack");
        for (unsigned i = 0; i < option->count; i++)
            say(text, " %u:%u", option->numbers[2 * i], option->numbers[2 * i + 1]);
        return;
    }
    say(text, "ECN");
    for (unsigned i = 0; i < option->count; i++)
        say(text, " %s %u", names[option->kind == OPTION_ACCECN0 ? i : 2 - i], option->numbers[i]);
}

static bool is_fast_open_experiment(const struct tcp_option *option)
{
    return option->data_length >= 2 && option->data[0] == 0xf9 && option->data[1] == 0x89;
}

static void say_data_option(struct text *text, const struct tcp_option *option)
{
    char kind[16];
    switch (option->kind) {
    case OPTION_FAST_OPEN:
        say_bytes(text, "FO", option, 0);
        break;
    case OPTION_MD5:
        say_bytes(text, "md5", option, 0);
        break;
    case OPTION_AO:
        say_bytes(text, "ao", option, 0);
        break;
    case OPTION_EXPERIMENT:
        if (is_fast_open_experiment(option))
            say_bytes(text, "FOEXP", option, 2);
        else
            say_bytes(text, "exp", option, 0);
        break;
    default:
        snprintf(kind, sizeof kind, "kind %u", option->kind);
        say_bytes(text, kind, option, 0);
        break;
    }
}

static void say_option(struct text *text, const struct tcp_option *option)
{
    if (option->is_bytes) {
        say_data_option(text, option);
        return;
    }
    switch (option->kind) {
    case OPTION_EOL:
        say(text, "eol");
        break;
    case OPTION_NOP:
        say(text, "nop");
        break;
    case OPTION_MSS:
        say(text, "mss %u", option->value);
        break;
    case OPTION_WSCALE:
        say(text, "wscale %u", option->value);
        break;
    case OPTION_SACK_OK:
        say(text, "sackOK");
        break;
    case OPTION_TIMESTAMP:
        say(text, "TS val %u ecr %u", option->value, option->echo);
        break;
    case OPTION_USER_TIMEOUT:
        say(text, "uto %u", option->value);
        break;
    case OPTION_SACK:
    case OPTION_ACCECN0:
    case OPTION_ACCECN1:
        say_numbers(text, option);
        break;
    default:
        say_data_option(text, option);
        break;
    }
}

static void say_options(struct text *text, const struct packet *packet)
{
    if (packet->any_options) {
        say(text, " <...>");
        return;
    }
    for (const struct tcp_option *option = packet->options; option != NULL; option = option->next) {
        say(text, option == packet->options ? " <" : ",");
        say_option(text, option);
        if (option->next == NULL)
            say(text, ">");
    }
}

/* ---- Packets ---- */

/* Only what the script has said too: `wanted` NULL shows all. */
static void say_ip(struct text *text, const struct ip_part *ip)
{
    static const char *const marks[] = {"noecn", "ect1", "ect0", "ce"};
    if (ip->has_port)
        say(text, "[port %u] ", ip->port);
    if (ip->has_ecn)
        say(text, "[%s] ", marks[ip->ecn & 3]);
    if (ip->has_class)
        say(text, "[tos 0x%02x] ", ip->traffic_class);
    if (ip->has_ttl)
        say(text, "[ttl %u] ", ip->ttl);
}

static void say_tcp(struct text *text, const struct packet *packet)
{
    static const char letters[] = "FSRP.UEWA";
    static const uint8_t order[] = {1, 0, 2, 5, 6, 7, 8, 3, 4}; /* S F R U E W A P . */
    for (unsigned i = 0; i < sizeof order; i++)
        if (packet->flags & 1u << order[i])
            say(text, "%c", letters[order[i]]);
    say(text, " %u:%u(%u)", packet->sequence, packet->sequence + packet->length, packet->length);
    if (packet->flags & FLAG_ACK)
        say(text, " ack %u", packet->ack);
    if (packet->has_window)
        say(text, " win %u", packet->window);
    if (packet->has_urgent)
        say(text, " urg %u", packet->urgent);
    say_options(text, packet);
}

char *packet_text(const struct packet *packet, char *buffer)
{
    struct text text = {buffer, PACKET_TEXT};
    say(&text, "%c ", packet->inbound ? '<' : '>');
    say_ip(&text, &packet->ip);
    switch (packet->kind) {
    case PACKET_TCP:
        say_tcp(&text, packet);
        break;
    case PACKET_UDP:
        say(&text, "udp (%u)", packet->length);
        break;
    case PACKET_ICMP:
        say(&text, "icmp type %u code %u", packet->icmp.type, packet->icmp.code);
        break;
    }
    return buffer;
}
