/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/packets/ip.h"

/* What a script's words for ICMP stand for in a version of IP. */

/* "type_11" and "code_0" as well; -1: the name is not of that form. */
static int number_behind(const char *word, const char *name)
{
    size_t length = strlen(word);
    char *end;
    long number = strncmp(name, word, length) == 0 ? strtol(name + length, &end, 10) : -1;
    return number >= 0 && number <= UINT8_MAX && *end == 0 ? (int)number : -1;
}

static int type_named(const struct icmp_name *row, const char *name)
{
    for (; row->name != NULL; row++)
        if (row->code < 0 && strcmp(row->name, name) == 0)
            return row->type;
    return number_behind("type_", name);
}

static int code_named(const struct icmp_name *row, int type, const char *name)
{
    if (isdigit((unsigned char)*name))
        return atoi(name);
    for (; row->name != NULL; row++)
        if (row->code >= 0 && row->type == type && strcmp(row->name, name) == 0)
            return row->code;
    return number_behind("code_", name);
}

const char *icmp_numbers(const struct ip_version *version, struct icmp_part *icmp)
{
    int type = type_named(version->icmp_names, icmp->type_name);
    if (type < 0)
        return icmp->type_name;
    int code = icmp->code_name != NULL ? code_named(version->icmp_names, type, icmp->code_name) : 0;
    icmp->type = (uint8_t)type;
    icmp->code = (uint8_t)code;
    return code < 0 ? icmp->code_name : NULL;
}
