/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/script/calls/call.h"
#include "tests/script/packets/ip.h"

/* What stands as arguments, as C has it. */

/* ---- Numbers ---- */

static int64_t value_of_function(struct call *call, const struct value *value)
{
    const struct value *first = value->items != NULL ? value->items->value : NULL;
    struct in_addr address;
    if (first != NULL && first->kind == VALUE_NUMBER) {
        if (strcmp(value->text, "htons") == 0 || strcmp(value->text, "ntohs") == 0)
            return htons((uint16_t)first->number);
        if (strcmp(value->text, "htonl") == 0 || strcmp(value->text, "ntohl") == 0)
            return htonl((uint32_t)first->number);
    }
    if (first != NULL && first->kind == VALUE_STRING && strcmp(value->text, "inet_addr") == 0 &&
        inet_pton(AF_INET, first->text, &address) == 1)
        return address.s_addr;
    call_fail(call, "%s() cannot be understood", value->text);
    return 0;
}

int64_t value_number(struct call *call, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NUMBER:
        return value->number;
    case VALUE_NULL:
        return 0;
    case VALUE_CALL:
        return value_of_function(call, value);
    case VALUE_NAME:
        call_fail(call, "'%s' stands for no number", value->text);
        return 0;
    default:
        call_fail(call, "a number is wanted");
        return 0;
    }
}

int64_t call_number_or(struct call *call, unsigned argument, int64_t open)
{
    const struct value *value = call->arguments[argument];
    if (value == NULL)
        return 0;
    return value->kind == VALUE_OPEN ? open : value_number(call, value);
}

int64_t call_number(struct call *call, unsigned argument)
{
    return call_number_or(call, argument, 0);
}

int call_descriptor(struct call *call, unsigned argument)
{
    return run_descriptor(call->run, call_number(call, argument));
}

/* ---- Lists and structs ---- */

const struct value *value_single(const struct value *value)
{
    if (value != NULL && value->kind == VALUE_LIST && value->items != NULL &&
        value->items->next == NULL)
        return value->items->value;
    return value;
}

unsigned value_count(const struct value *list)
{
    unsigned count = 0;
    if (list->kind != VALUE_LIST)
        return 1;
    for (const struct field *field = list->items; field != NULL; field = field->next)
        count++;
    return count;
}

const struct value *value_at(const struct value *list, unsigned index)
{
    if (list->kind != VALUE_LIST)
        return list;
    const struct field *field = list->items;
    while (index-- > 0)
        field = field->next;
    return field->value;
}

const struct value *value_member(const struct value *of, const char *name, const char *other)
{
    const struct field *field = of->kind == VALUE_STRUCT ? of->items : NULL;
    while (field != NULL &&
           (field->name == NULL ||
            (strcmp(field->name, name) != 0 && (other == NULL || strcmp(field->name, other) != 0))))
        field = field->next;
    return field != NULL ? field->value : NULL;
}

int64_t member_number(struct call *call, const struct value *of, const char *name,
                      const char *other)
{
    const struct value *value = value_member(of, name, other);
    return value != NULL && value->kind != VALUE_OPEN ? value_number(call, value) : 0;
}

/* ---- Addresses ---- */

static struct sockaddr_storage end_of(const struct ends *ends, const uint8_t *address,
                                      uint16_t port)
{
    struct sockaddr_storage end = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (ends->version->family == AF_INET6) {
        memcpy(&in6.sin6_addr, address, sizeof in6.sin6_addr);
        memcpy(&end, &in6, sizeof in6);
    } else {
        memcpy(&in.sin_addr, address, sizeof in.sin_addr);
        memcpy(&end, &in, sizeof in);
    }
    return end;
}

struct sockaddr_storage call_local_end(const struct call *call)
{
    const struct settings *settings = &call->run->settings;
    return end_of(&settings->ends, settings->ends.local, settings->bind_port);
}

struct sockaddr_storage call_remote_end(const struct call *call)
{
    const struct settings *settings = &call->run->settings;
    return end_of(&settings->ends, settings->ends.remote, settings->connect_port);
}

void value_address(struct call *call, const struct value *value,
                   const struct sockaddr_storage *open, struct sockaddr_storage *address,
                   socklen_t *length)
{
    *length = 0;
    if (value == NULL || value->kind == VALUE_NULL)
        return;
    if (value->kind == VALUE_OPEN) {
        *address = *open;
        *length =
            open->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
        return;
    }
    struct sockaddr_in in = {
        .sin_family = (sa_family_t)member_number(call, value, "sa_family", "sin_family"),
        .sin_port = (in_port_t)member_number(call, value, "sin_port", NULL),
        .sin_addr.s_addr = (in_addr_t)member_number(call, value, "sin_addr", NULL)};
    memcpy(address, &in, sizeof in);
    *length = sizeof in;
}

void value_check_address(struct call *call, const struct value *value,
                         const struct sockaddr_storage *address)
{
    struct sockaddr_in wanted, got;
    struct sockaddr_storage room = {0};
    socklen_t length;
    char text[INET_ADDRSTRLEN];
    if (value == NULL || value->kind != VALUE_STRUCT)
        return;
    value_address(call, value, &room, &room, &length);
    memcpy(&wanted, &room, sizeof wanted);
    memcpy(&got, address, sizeof got);
    if (wanted.sin_family != got.sin_family || wanted.sin_port != got.sin_port ||
        wanted.sin_addr.s_addr != got.sin_addr.s_addr)
        call_fail(call, "told the address %s:%u of family %d",
                  inet_ntop(AF_INET, &got.sin_addr, text, sizeof text), ntohs(got.sin_port),
                  got.sin_family);
}
