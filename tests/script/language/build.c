/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/language/build.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/names.h"

/* ---- Scripts and events ---- */

void build_error(struct script *script, const char *format, ...)
{
    va_list arguments;
    if (script->error[0] != 0)
        return;
    va_start(arguments, format);
    vsnprintf(script->error, sizeof script->error, format, arguments);
    va_end(arguments);
}

void build_error_line(struct script *script, int line)
{
    char told[sizeof script->error];
    memcpy(told, script->error, sizeof told);
    snprintf(script->error, sizeof script->error, "%d: %.230s", line, told);
}

/* --define=NAME=VALUE; the caller's come first. */
static void define(struct script *script, const char *text)
{
    struct definition *definition = arena_take(&script->arena, sizeof *definition), **end;
    const char *equals = strchr(text, '=');
    definition->name =
        arena_copy(&script->arena, text, equals != NULL ? (size_t)(equals - text) : strlen(text));
    definition->value = equals != NULL ? equals + 1 : "";
    for (end = &script->own_definitions; *end != NULL; end = &(*end)->next)
        ;
    *end = definition;
}

void build_option(struct script *script, const char *text, int line)
{
    static const char defines[] = "define=";
    if (strncmp(text, defines, sizeof defines - 1) == 0) {
        define(script, text + sizeof defines - 1);
        return;
    }
    struct script_option *option = arena_take(&script->arena, sizeof *option);
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    option->name = arena_copy(&script->arena, text, length);
    option->value = equals != NULL ? equals + 1 : "";
    option->line = line;
    *script->options_end = option;
    script->options_end = &option->next;
}

struct event *build_event(struct script *script, enum event_kind kind, struct event_time time,
                          int line)
{
    struct event *event = arena_take(&script->arena, sizeof *event);
    event->kind = kind;
    event->time = time;
    event->line = line;
    return event;
}

void build_add(struct script *script, struct event *event)
{
    *script->events_end = event;
    script->events_end = &event->next;
}

struct event_time build_time(enum time_kind kind, int64_t from_ns, int64_t to_ns)
{
    return (struct event_time){.kind = kind, .from_ns = from_ns, .to_ns = to_ns};
}

struct event_time build_waits(struct event_time time)
{
    time.waits = true;
    return time;
}

static const char *value_in(const struct definition *of, const char *name)
{
    while (of != NULL && strcmp(of->name, name) != 0)
        of = of->next;
    return of != NULL ? of->value : NULL;
}

static const char *defined(const struct script *script, const char *name)
{
    const char *value = value_in(script->definitions, name);
    return value != NULL ? value : value_in(script->own_definitions, name);
}

/* ---- Packets ---- */

struct packet *build_whole(struct packet *packet, int64_t inbound, struct ip_part ip)
{
    packet->inbound = inbound != 0;
    packet->ip = ip;
    return packet;
}

bool build_ip_word(struct script *script, struct ip_part *ip, const char *word)
{
    static const char *const marks[] = {"noecn", "ect1", "ect0", "ce"};
    if (strcmp(word, "bad_checksum") == 0) {
        ip->bad_checksum = true;
        return true;
    }
    for (uint8_t i = 0; i < 4; i++)
        if (strcmp(word, marks[i]) == 0) {
            ip->has_ecn = true;
            ip->ecn = i;
            return true;
        }
    build_error(script, "there is no IP property '%s'", word);
    return false;
}

bool build_ip_number(struct script *script, struct ip_part *ip, const char *word, int64_t number)
{
    if (strcmp(word, "tos") == 0) {
        ip->has_class = true;
        ip->traffic_class = (uint8_t)number;
    } else if (strcmp(word, "ttl") == 0) {
        ip->has_ttl = true;
        ip->ttl = (uint8_t)number;
    } else if (strcmp(word, "port") == 0) {
        ip->has_port = true;
        ip->port = (uint16_t)number;
    } else if (strcmp(word, "flowlabel") != 0) {
        build_error(script, "there is no IP property '%s'", word);
        return false;
    }
    return true;
}

/* A digit is the field that accurate ECN makes of the three flags AE, CWR and ECE. */
static uint16_t ace_of(char digit)
{
    unsigned ace = (unsigned)(digit - '0');
    return (uint16_t)((ace & 4 ? FLAG_AE : 0) | (ace & 2 ? FLAG_CWR : 0) |
                      (ace & 1 ? FLAG_ECE : 0));
}

struct packet *build_tcp(struct script *script, const char *flags, struct range range,
                         struct packet *packet)
{
    static const char letters[] = "FSRP.UEWA";
    if (strcmp(flags, "-") == 0)
        flags++;
    for (; *flags != 0; flags++) {
        const char *letter = strchr(letters, *flags);
        if (isdigit((unsigned char)*flags) && *flags < '8')
            packet->flags |= ace_of(*flags);
        else if (letter != NULL)
            packet->flags |= (uint16_t)(1u << (letter - letters));
        else
            build_error(script, "there is no flag '%c'", *flags);
    }
    if (range.last - range.first != range.length)
        build_error(script, "%u:%u is not %u bytes", range.first, range.last, range.length);
    if (packet->inbound && !packet->has_window)
        build_error(script, "a segment that comes in needs a window");
    packet->sequence = range.first;
    packet->length = range.length;
    return script->error[0] == 0 ? packet : NULL;
}

void build_fields(struct packet *packet, int64_t ack, int64_t window, int64_t urgent)
{
    packet->ack = (uint32_t)(ack < 0 ? 0 : ack);
    packet->has_window = window >= 0;
    packet->window = (uint16_t)(window < 0 ? 0 : window);
    packet->has_urgent = urgent >= 0;
    packet->urgent = (uint16_t)(urgent < 0 ? 0 : urgent);
}

const char *build_digits(struct script *script, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long)number);
    return arena_copy(&script->arena, text, (size_t)length);
}

void build_quote(struct packet *packet, uint32_t sequence, uint32_t length)
{
    packet->icmp.has_quote = true;
    packet->icmp.quoted_sequence = sequence;
    packet->icmp.quoted_length = length;
}

void build_icmp(const struct script *script, struct packet *packet, const char *type,
                const char *code)
{
    const char *definition = code != NULL ? defined(script, code) : NULL;
    packet->kind = PACKET_ICMP;
    packet->icmp.type_name = type;
    packet->icmp.code_name = definition != NULL ? definition : code;
}

/* ---- Options ---- */

struct tcp_option *build_tcp_option(struct script *script, enum option_kind kind, uint32_t value)
{
    struct tcp_option *option = arena_take(&script->arena, sizeof *option);
    option->kind = (uint8_t)kind;
    option->value = value;
    return option;
}

struct option_list build_pair(struct script *script, struct option_list list, int64_t first,
                              int64_t second)
{
    struct tcp_option *pair = build_tcp_option(script, OPTION_NOP, (uint32_t)first);
    pair->echo = (uint32_t)second;
    if (list.last != NULL)
        list.last->next = pair;
    else
        list.first = pair;
    list.last = pair;
    return list;
}

struct tcp_option *build_sack(struct script *script, const struct tcp_option *pairs)
{
    struct tcp_option *option = build_tcp_option(script, OPTION_SACK, 0);
    for (; pairs != NULL; pairs = pairs->next) {
        if (option->count == SACK_MAX) {
            build_error(script, "more than %d blocks in a sack", SACK_MAX);
            return NULL;
        }
        option->numbers[2 * option->count] = pairs->value;
        option->numbers[2 * option->count + 1] = pairs->echo;
        option->count++;
    }
    return option;
}

/* The first counter tells the order. */
struct tcp_option *build_accecn(struct script *script, const struct tcp_option *pairs)
{
    bool ect1_first = pairs != NULL && pairs->value == 2;
    struct tcp_option *option =
        build_tcp_option(script, ect1_first ? OPTION_ACCECN1 : OPTION_ACCECN0, 0);
    for (; pairs != NULL; pairs = pairs->next) {
        uint32_t wanted = ect1_first ? 2u - option->count : option->count;
        if (option->count == ACCECN_MAX || pairs->value != wanted) {
            build_error(script, "the counters of ECN are e0b, ceb, e1b or e1b, ceb, e0b");
            return NULL;
        }
        option->numbers[option->count++] = pairs->echo;
    }
    return option;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(const char *text)
{
    while (hex_digit(*text) >= 0)
        text++;
    return *text == 0;
}

static bool append_bytes(struct script *script, struct tcp_option *option, const char *text)
{
    const char *definition = is_hex(text) ? NULL : defined(script, text);
    if (definition != NULL)
        text = definition;
    if (!is_hex(text) || strlen(text) % 2 != 0 ||
        option->data_length + strlen(text) / 2 > OPTION_DATA_MAX) {
        build_error(script, "'%s' is not the bytes of an option", text);
        return false;
    }
    for (; *text != 0; text += 2)
        option->data[option->data_length++] =
            (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    return true;
}

struct tcp_option *build_bytes(struct script *script, uint8_t kind, const char *text)
{
    struct tcp_option *option = build_tcp_option(script, OPTION_NOP, 0);
    option->kind = kind;
    option->is_bytes = true;
    option->any_data = strcmp(text, "...") == 0;
    return option->any_data || append_bytes(script, option, text) ? option : NULL;
}

struct tcp_option *build_fast_open_experiment(struct script *script, const char *text)
{
    struct tcp_option *option = build_tcp_option(script, OPTION_EXPERIMENT, 0);
    option->is_bytes = true;
    append_bytes(script, option, "f989"); /* RFC 7413, 4.1.1, and IANA's list */
    option->any_data = strcmp(text, "...") == 0;
    return option->any_data || append_bytes(script, option, text) ? option : NULL;
}

/* ---- Arguments ---- */

struct value *build_value(struct script *script, enum value_kind kind)
{
    struct value *value = arena_take(&script->arena, sizeof *value);
    value->kind = kind;
    return value;
}

struct value *build_number(struct script *script, int64_t number)
{
    struct value *value = build_value(script, VALUE_NUMBER);
    value->number = number;
    return value;
}

struct value *build_name(struct script *script, const char *name)
{
    const char *definition = defined(script, name);
    if (definition != NULL)
        name = definition;
    struct value *value = build_value(script, VALUE_NAME);
    char *end;
    long long number = strtoll(name, &end, 0);
    value->text = name;
    if (*name != 0 && *end == 0) {
        value->kind = VALUE_NUMBER;
        value->number = number;
    } else if (name_number(name, &value->number)) {
        value->kind = VALUE_NUMBER;
    }
    return value;
}

struct value *build_or(struct script *script, const struct value *left, const struct value *right)
{
    const struct value *both[] = {left, right != NULL ? right : left};
    for (int i = 0; i < 2; i++)
        if (both[i]->kind != VALUE_NUMBER) {
            build_error(script, "'%s' stands for no number", both[i]->text);
            return NULL;
        }
    return build_number(script, both[0]->number | both[1]->number);
}

struct field *build_field(struct script *script, const char *name, struct value *count,
                          struct value *value)
{
    struct field *field = arena_take(&script->arena, sizeof *field);
    field->name = name;
    field->count = count;
    field->value = value;
    return field;
}

struct field *build_counted(struct script *script, const char *name, const struct field *count,
                            struct value *value)
{
    return build_field(script, name, count != NULL ? count->value : NULL, value);
}
