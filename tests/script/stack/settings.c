/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MTU_LEAST = 68, MTU_MOST = 65535 };

void settings_defaults(struct settings *settings, bool exact)
{
    *settings = (struct settings){
        .ends = {{192, 168, 0, 1}, {192, 0, 2, 1}},
        .bind_port = 8080,
        .connect_port = 8080,
        .mtu = 1500,
        .tolerance_ns = exact ? 1000000 : 4000000,
        .tolerance_permil = exact ? 0 : 125,
        .complete = exact,
    };
    sockets_defaults(&settings->policy);
    settings->policy.copies = true; /* what is sent is noted */
}

static bool read_number(const char *value, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;
    unsigned long long read = strtoull(value, &end, 0);
    if (*value == 0 || *end != 0 || read < least || read > most)
        return false;
    *number = read;
    return true;
}

static bool set_port(uint16_t *port, const char *value)
{
    uint64_t number;
    if (!read_number(value, 1, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool is_switched_on(const char *value)
{
    return strcmp(value, "0") != 0 && strcmp(value, "false") != 0;
}

/* Options that change nothing here: the addresses of a link that there is not, and how the other
 * tool goes about it. */
static bool without_meaning(const char *name)
{
    static const char *const names[] = {
        "gateway_ip",
        "netmask_ip",
        "gateway_ip6",
        "debug",
        "dry_run",
        "so_filename",
        "so_flags",
        "speed",
        "init_scripts",
        "code_command",
        "mss",
        "code_sockopt",
        "code_format",
        "non_fatal",
        "send_omit_free",
        "persistent_tun_dev",
        "tcp_ts_ecr_scaled",
        "is_anyip",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool set_number(struct settings *settings, const char *name, const char *value)
{
    uint64_t number;
    if (strcmp(name, "mtu") == 0 && read_number(value, MTU_LEAST, MTU_MOST, &number))
        settings->mtu = (uint16_t)number;
    else if (strcmp(name, "tolerance_usecs") == 0 && read_number(value, 0, 1000000000, &number))
        settings->tolerance_ns = number * 1000;
    else if (strcmp(name, "tolerance_percent") == 0)
        settings->tolerance_permil = (uint32_t)(strtod(value, NULL) * 10);
    else if (strcmp(name, "tcp_ts_tick_usecs") == 0 && read_number(value, 0, 1000000, &number))
        settings->ts_tick_us = (uint32_t)number;
    else if (strcmp(name, "strict_segments") == 0)
        settings->strict_segments = is_switched_on(value);
    else if (strcmp(name, "verbose") == 0)
        settings->verbose = is_switched_on(value);
    else if (strcmp(name, "bind_port") == 0)
        return set_port(&settings->bind_port, value);
    else if (strcmp(name, "connect_port") == 0)
        return set_port(&settings->connect_port, value);
    else
        return false;
    return true;
}

bool settings_option(struct settings *settings, const char *name, const char *value,
                     char note[NOTE_MAX])
{
    if (without_meaning(name) || set_number(settings, name, value))
        return true;
    if (strcmp(name, "ip_version") == 0) {
        settings->ip6 = strcmp(value, "ipv6") == 0;
        return true;
    }
    if (strcmp(name, "local_ip") == 0 && (settings->ip6 || strchr(value, ':') != NULL))
        return true;
    if (strcmp(name, "remote_ip") == 0 && (settings->ip6 || strchr(value, ':') != NULL))
        return true;
    if (strcmp(name, "local_ip") == 0 && inet_pton(AF_INET, value, settings->ends.local) == 1)
        return true;
    if (strcmp(name, "remote_ip") == 0 && inet_pton(AF_INET, value, settings->ends.remote) == 1)
        return true;
    snprintf(note, NOTE_MAX, "--%.60s=%.60s is no option", name, value);
    return false;
}
