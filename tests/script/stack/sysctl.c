/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/stack/settings.h"

/*
 * Sysctls by Linux's names: to the host's knobs, to the policy of its sockets, or to nothing, where
 * a value is the way in which the stack goes about things anyway.
 */
static bool number_of(const char *value, uint64_t most, uint64_t *number)
{
    char *end;
    *number = strtoull(value, &end, 0);
    return *value != 0 && *end == 0 && *number <= most;
}

/* ---- What sockets begin with ---- */

enum { TO_U8, TO_U32, TO_BOOL, TO_THREE, TO_PORTS };

struct policy_row {
    const char *name;
    size_t offset;
    int kind;
};

#define ROW(name, field, kind)                                                                     \
    {                                                                                              \
        name, offsetof(struct sockets_policy, field), kind                                         \
    }

static const struct policy_row policy_rows[] = {
    ROW("net.core.rmem_default", rmem_default, TO_U32),
    ROW("net.core.rmem_max", rmem_max, TO_U32),
    ROW("net.core.somaxconn", somaxconn, TO_U32),
    ROW("net.core.wmem_default", wmem_default, TO_U32),
    ROW("net.core.wmem_max", wmem_max, TO_U32),
    ROW("net.ipv4.ip_default_ttl", default_ttl, TO_U8),
    ROW("net.ipv4.ip_local_port_range", port_first, TO_PORTS),
    ROW("net.ipv4.ip_no_pmtu_disc", no_pmtu_discovery, TO_BOOL),
    ROW("net.ipv4.tcp_fin_timeout", fin_timeout_s, TO_U32),
    ROW("net.ipv4.tcp_keepalive_intvl", keepalive_interval_s, TO_U32),
    ROW("net.ipv4.tcp_keepalive_probes", keepalive_probes, TO_U8),
    ROW("net.ipv4.tcp_keepalive_time", keepalive_time_s, TO_U32),
    ROW("net.ipv4.tcp_notsent_lowat", notsent_lowat, TO_U32),
    ROW("net.ipv4.tcp_rmem", tcp_rmem, TO_THREE),
    ROW("net.ipv4.tcp_syn_retries", syn_retries, TO_U8),
    ROW("net.ipv4.tcp_wmem", tcp_wmem, TO_THREE),
};

static bool set_numbers(uint8_t *field, int kind, const char *value)
{
    unsigned long read[3] = {0};
    int count = sscanf(value, "%lu %lu %lu", &read[0], &read[1], &read[2]);
    for (int i = 0; i < count; i++) {
        uint32_t word = (uint32_t)read[i];
        uint16_t half = (uint16_t)read[i];
        if (kind == TO_THREE)
            memcpy(field + 4 * i, &word, sizeof word);
        else if (i < 2)
            memcpy(field + 2 * i, &half, sizeof half);
    }
    return count == (kind == TO_THREE ? 3 : 2);
}

static bool set_policy_field(struct sockets_policy *policy, const struct policy_row *row,
                             const char *value)
{
    uint8_t *field = (uint8_t *)policy + row->offset;
    uint64_t number;
    if (row->kind == TO_THREE || row->kind == TO_PORTS)
        return set_numbers(field, row->kind, value);
    if (!number_of(value, row->kind == TO_U32 ? UINT32_MAX : UINT8_MAX, &number))
        return false;
    uint32_t word = (uint32_t)number;
    if (row->kind == TO_U32)
        memcpy(field, &word, sizeof word);
    else
        *field = (uint8_t)(row->kind == TO_BOOL ? number != 0 : number);
    return true;
}

static bool set_policy(struct sockets_policy *policy, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof policy_rows / sizeof *policy_rows; i++)
        if (strcmp(policy_rows[i].name, name) == 0)
            return set_policy_field(policy, &policy_rows[i], value);
    return false;
}

/* ---- What is so anyway ---- */

/* A name, and the one value that the stack behaves by; NULL: any makes no difference to it. */
static const struct {
    const char *name, *value;
} fixed[] = {
    {"net.ipv4.tcp_abc", NULL},
    {"net.ipv4.tcp_adv_win_scale", "1"},
    {"net.ipv4.tcp_allowed_congestion_control", NULL},
    {"net.ipv4.tcp_autocorking", "0"},
    {"net.ipv4.tcp_fack", NULL},
    {"net.ipv4.tcp_fastopen_blackhole_timeout_sec", NULL},
    {"net.ipv4.tcp_limit_output_bytes", NULL},
    {"net.ipv4.tcp_comp_sack_delay_ns", NULL},
    {"net.ipv4.tcp_comp_sack_nr", NULL},
    {"net.ipv4.tcp_comp_sack_slack_ns", NULL},
    {"net.ipv4.tcp_low_latency", NULL},
    {"net.ipv4.tcp_max_syn_backlog", NULL},
    {"net.ipv4.tcp_shrink_window", "0"},
    {"net.ipv4.tcp_tw_reuse", NULL},
    {"net.ipv4.tcp_tw_reuse_delay", "1000"},
    {"net.ipv4.tcp_tso_rtt_log", NULL},
    {"net.ipv4.tcp_tso_win_divisor", NULL},
};

static bool is_so_anyway(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return fixed[i].value == NULL || strcmp(fixed[i].value, value) == 0;
    return false;
}

/* ---- Keys of Fast Open ---- */

enum { WORDS_A_KEY = 4, KEYS = 2 };

static bool set_fast_open_key(struct chaski *host, const char *value)
{
    unsigned words[KEYS * WORDS_A_KEY];
    uint8_t bytes[4 * KEYS * WORDS_A_KEY];
    int n = sscanf(value, "%x-%x-%x-%x,%x-%x-%x-%x", &words[0], &words[1], &words[2], &words[3],
                   &words[4], &words[5], &words[6], &words[7]);
    if (n != WORDS_A_KEY && n != KEYS * WORDS_A_KEY)
        return false;
    for (int i = 0; i < 4 * n; i++)
        bytes[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    return chaski_tcp_fast_open_keys(host, bytes, 4 * (size_t)n) == 0;
}

bool settings_sysctl(struct settings *settings, struct chaski *host, const char *name,
                     const char *value, char note[NOTE_MAX])
{
    char decimal[24];
    if (strncmp(value, "0x", 2) == 0) {
        snprintf(decimal, sizeof decimal, "%llu", strtoull(value, NULL, 16));
        value = decimal;
    }
    bool known = chaski_set_knob(host, name, value) == 0;
    known = set_policy(&settings->policy, name, value) || known;
    known = known || is_so_anyway(name, value);
    if (strcmp(name, "net.ipv4.tcp_fastopen_key") == 0)
        known = set_fast_open_key(host, value);
    if (!known)
        snprintf(note, NOTE_MAX, "the stack has no %.80s=%.60s", name, value);
    return known;
}
