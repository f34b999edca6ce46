/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/packets/ip.h"

enum { MTU_MOST = 65535 };

static const struct ends ends4 = {&ip_version4, {192, 168, 0, 1}, {192, 0, 2, 1}};
/* fd3d:fa7b:d17d::1 and 2001:db8::1 */
static const struct ends ends6 = {&ip_version6,
                                  {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1},
                                  {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

void settings_defaults(struct settings *settings, bool exact)
{
    *settings = (struct settings){
        .ends = ends4,
        .other = ends6,
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
    if (strcmp(name, "mtu") == 0 && read_number(value, 1, MTU_MOST, &number))
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
    else if (strcmp(name, "unchecked") == 0)
        settings->unchecked = is_switched_on(value);
    else if (strcmp(name, "bind_port") == 0)
        return set_port(&settings->bind_port, value);
    else if (strcmp(name, "connect_port") == 0)
        return set_port(&settings->connect_port, value);
    else
        return false;
    return true;
}

static bool set_version(struct settings *settings, const char *value, char note[NOTE_MAX])
{
    const struct ends now = settings->ends;
    bool is6 = strcmp(value, "ipv6") == 0;
    if (!is6 && strcmp(value, "ipv4") != 0) {
        snprintf(note, NOTE_MAX, "--ip_version is ipv4 or ipv6 here, not '%.60s'", value);
        return false;
    }
    if (is6 != (now.version == &ip_version6)) {
        settings->ends = settings->other;
        settings->other = now;
    }
    return true;
}

/* Of either version: which one the script runs over may be said later. */
static bool set_address(struct settings *settings, bool local, const char *value)
{
    int family = strchr(value, ':') != NULL ? AF_INET6 : AF_INET;
    bool own = family == settings->ends.version->family;
    struct ends *ends = own ? &settings->ends : &settings->other;
    return inet_pton(family, value, local ? ends->local : ends->remote) == 1;
}

bool settings_option(struct settings *settings, const char *name, const char *value,
                     char note[NOTE_MAX])
{
    if (without_meaning(name) || set_number(settings, name, value))
        return true;
    if (strcmp(name, "ip_version") == 0)
        return set_version(settings, value, note);
    if (strcmp(name, "local_ip") == 0 && set_address(settings, true, value))
        return true;
    if (strcmp(name, "remote_ip") == 0 && set_address(settings, false, value))
        return true;
    snprintf(note, NOTE_MAX, "--%.60s=%.60s is no option", name, value);
    return false;
}
