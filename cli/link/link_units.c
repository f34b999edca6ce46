/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link/link_units.h"

#include <string.h>
#include <strings.h>

struct unit {
    const char *name;
    uint64_t worth;
};

enum { UNITS = 8, DIGITS_BEFORE = 9, DIGITS_BEHIND = 9 };

/* A kind of value: its units, and what to say when they are missing or wrong. */
struct kind {
    struct unit units[UNITS];
    const char *advice;
};

static const struct kind times = {
    {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}},
    "must be a time such as 25ms (ns, us, ms, s)",
};

static const struct kind sizes = {
    {{"b", 1},
     {"kb", 1000},
     {"mb", 1000000},
     {"gb", 1000000000},
     {"kib", 1024},
     {"mib", 1 << 20},
     {"gib", 1 << 30}},
    "must be a number of bytes such as 1mb (b, kb, mb, gb, kib, mib, gib)",
};

static const struct kind rates = {
    {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}},
    "must be bits a second such as 1gbit (bit, kbit, mbit, gbit)",
};

static const struct kind chances = {
    {{"%", 10000}},
    "must be a chance such as 0.1%",
};

static bool complain(char *error, const char *phrase)
{
    snprintf(error, ARGUMENT_ERROR, "%s", phrase);
    return false;
}

/* 0: no such unit */
static uint64_t worth_of(const struct kind *kind, const char *name)
{
    for (size_t i = 0; i < UNITS && kind->units[i].name != NULL; i++) {
        if (strcasecmp(kind->units[i].name, name) == 0)
            return kind->units[i].worth;
    }
    return 0;
}

static uint64_t digits(const char *text, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    return number;
}

/* The part behind the point: false when it is finer than one of what is stored. */
static bool add_fraction(const char *text, size_t count, uint64_t worth, uint64_t *value)
{
    uint64_t scale = 1, whole = digits(text, count);
    for (size_t i = 0; i < count; i++)
        scale *= 10;
    *value += whole * worth / scale;
    return whole * worth % scale == 0;
}

static bool read_value(const struct kind *kind, const struct argument *argument, const char *text,
                       uint64_t *value, char *error)
{
    size_t before = strspn(text, "0123456789"), behind = 0;
    const char *unit = text + before;
    if (*unit == '.') {
        behind = strspn(unit + 1, "0123456789");
        unit += 1 + behind;
    }
    bool is_zero = *unit == '\0' && strspn(text, "0") == strlen(text);
    uint64_t worth = is_zero ? 1 : worth_of(kind, unit);
    bool is_number = before != 0 && (text[before] != '.' || behind != 0);
    if (!is_number || worth == 0 || before > DIGITS_BEFORE || behind > DIGITS_BEHIND)
        return complain(error, kind->advice);
    *value = digits(text, before) * worth;
    if (behind != 0 && !add_fraction(text + before + 1, behind, worth, value))
        return complain(error, "is finer than can be told apart");
    if (*value < argument->minimum)
        return complain(error, "is too small");
    if (argument->maximum != 0 && *value > argument->maximum)
        return complain(error, "is too large");
    return true;
}

bool argument_time(const struct argument *argument, const char *text, char *error)
{
    return read_value(&times, argument, text, argument->target, error);
}

bool argument_rate(const struct argument *argument, const char *text, char *error)
{
    return read_value(&rates, argument, text, argument->target, error);
}

static bool read_small(const struct kind *kind, const struct argument *argument, const char *text,
                       uint64_t most, char *error)
{
    struct argument limited = *argument;
    uint64_t value;
    if (limited.maximum == 0 || limited.maximum > most)
        limited.maximum = most;
    if (!read_value(kind, &limited, text, &value, error))
        return false;
    *(uint32_t *)argument->target = (uint32_t)value;
    return true;
}

bool argument_size(const struct argument *argument, const char *text, char *error)
{
    return read_small(&sizes, argument, text, UINT32_MAX, error);
}

bool argument_chance(const struct argument *argument, const char *text, char *error)
{
    return read_small(&chances, argument, text, 1000000, error);
}
