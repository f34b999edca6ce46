/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "tests/script/calls/call.h"

/* setsockopt() and getsockopt(): numbers, strings, struct linger and struct timeval. */

static void prepare(struct call *call)
{
    call->fd = call_descriptor(call, 0);
    call->most = (int)call_number(call, 1);
    call->flags = (int)call_number(call, 2);
}

/* A number in as many bytes as the length says. */
static size_t put_number(uint8_t *bytes, int64_t number, size_t length)
{
    int32_t word = (int32_t)number;
    if (length >= sizeof number) {
        memcpy(bytes, &number, sizeof number);
        return sizeof number;
    }
    memcpy(bytes, &word, sizeof word);
    return sizeof word;
}

static size_t put_struct(struct call *call, const struct value *value)
{
    if (value_member(value, "onoff", "l_onoff") != NULL) {
        struct linger linger = {(int)member_number(call, value, "onoff", "l_onoff"),
                                (int)member_number(call, value, "linger", "l_linger")};
        memcpy(call->bytes, &linger, sizeof linger);
        return sizeof linger;
    }
    if (value_member(value, "tv_sec", NULL) != NULL) {
        struct timeval time = {.tv_sec = member_number(call, value, "tv_sec", NULL),
                               .tv_usec = member_number(call, value, "tv_usec", NULL)};
        memcpy(call->bytes, &time, sizeof time);
        return sizeof time;
    }
    run_skip(call->run, call->event->line, "options of this struct are not understood");
    return 0;
}

/* Writes a value as C has it; returns its length. */
static size_t put_value(struct call *call, const struct value *value, size_t length)
{
    size_t used = 0;
    switch (value->kind) {
    case VALUE_STRING:
        used =
            (size_t)value->number < sizeof call->bytes ? (size_t)value->number : sizeof call->bytes;
        memcpy(call->bytes, value->text, used);
        return used;
    case VALUE_STRUCT:
        return put_struct(call, value);
    case VALUE_LIST:
        if (value_count(value) == 1)
            return put_value(call, value_at(value, 0), length);
        for (unsigned i = 0; i < value_count(value) && used + 8 < sizeof call->bytes; i++)
            used += put_number(call->bytes + used, value_number(call, value_at(value, i)), 4);
        return used;
    case VALUE_OPEN:
    case VALUE_NULL:
        return 0;
    default:
        return put_number(call->bytes, value_number(call, value), length);
    }
}

static void prepare_set(struct call *call)
{
    const struct value *length = value_single(call->arguments[4]);
    prepare(call);
    call->length = (socklen_t)value_number(call, length);
    put_value(call, call->arguments[3], call->length);
}

static ssize_t run_set(struct call *call)
{
    if (call->length > sizeof call->bytes)
        call->length = sizeof call->bytes;
    return sockets_setsockopt(call->sockets, call->fd, call->most, call->flags,
                              call->arguments[3]->kind == VALUE_NULL ? NULL : call->bytes,
                              call->length);
}

static ssize_t run_get(struct call *call)
{
    const struct value *length = value_single(call->arguments[4]);
    call->length = length->kind == VALUE_NUMBER ? (socklen_t)length->number : OPTION_BYTES_MAX;
    if (call->length > OPTION_BYTES_MAX)
        call->length = OPTION_BYTES_MAX;
    memset(call->bytes, 0, sizeof call->bytes);
    int error = sockets_getsockopt(call->sockets, call->fd, call->most, call->flags, call->bytes,
                                   &call->length);
    int32_t word;
    memcpy(&word, call->bytes, sizeof word);
    if (call->length == sizeof word)
        snprintf(call->beside, sizeof call->beside, ", tells %d", word);
    return error;
}

static void tell_difference(struct call *call, const uint8_t *got, const uint8_t *wanted,
                            size_t length)
{
    int64_t numbers[2] = {0};
    int32_t words[2];
    memcpy(words, got, sizeof *words);
    memcpy(words + 1, wanted, sizeof *words);
    numbers[0] = words[0];
    numbers[1] = words[1];
    if (length == sizeof *numbers) {
        memcpy(numbers, got, sizeof *numbers);
        memcpy(numbers + 1, wanted, sizeof *numbers);
    }
    if (length == sizeof *words || length == sizeof *numbers)
        call_fail(call, "told %lld, not %lld", (long long)numbers[0], (long long)numbers[1]);
    else
        call_fail(call, "told \"%.*s\", not \"%.*s\"", (int)length, (const char *)got, (int)length,
                  (const char *)wanted);
}

static void check_get(struct call *call)
{
    const struct value *wanted = value_single(call->arguments[3]);
    const struct value *length = value_single(call->arguments[4]);
    uint8_t got[OPTION_BYTES_MAX];
    if (wanted->kind == VALUE_OPEN || wanted->kind == VALUE_NULL)
        return;
    if (length->kind == VALUE_NUMBER && wanted->kind != VALUE_STRING &&
        length->number != call->length)
        call_fail(call, "told %u bytes, not %lld", call->length, (long long)length->number);
    memcpy(got, call->bytes, sizeof got);
    memset(call->bytes, 0, sizeof call->bytes);
    size_t used = put_value(call, wanted, call->length);
    size_t count = used < call->length || wanted->kind == VALUE_STRING ? used : call->length;
    if (memcmp(got, call->bytes, count) != 0)
        tell_difference(call, got, call->bytes, count);
}

const struct call_kind call_option_kinds[] = {
    {"setsockopt", 5, 5, false, prepare_set, run_set, NULL},
    {"getsockopt", 5, 5, false, prepare, run_get, check_get},
    {NULL, 0, 0, false, NULL, NULL, NULL},
};
