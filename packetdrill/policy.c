/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "core/host/layout.h"
#include "packetdrill/machine.h"

/*
 * Suites set policy with sysctl, for the kernel's network namespace that they run in. Here it is
 * read off /proc/sys and followed: by the host (struct tcp_knobs) and by sockets made from then on
 * (struct sockets_policy). A name that the kernel does not have stays as it was.
 */

enum { VALUES = 3, TEXT = 128, KEY_WORDS = 4, KEYS = 2 };

typedef void apply_function(struct machine *m, const uint64_t values[VALUES]);

static struct tcp_knobs *knobs_of(struct machine *m)
{
    return &m->host->tcp.knobs;
}

static uint32_t clamp(uint64_t value, uint64_t most)
{
    return (uint32_t)(value < most ? value : most);
}

static uint8_t byte(uint64_t value)
{
    return (uint8_t)clamp(value, UINT8_MAX);
}

/* For what sockets tell; the host follows its own knob of that name. */
static void tcp_rmem(struct machine *m, const uint64_t values[VALUES])
{
    for (unsigned i = 0; i < VALUES; i++)
        m->policy.tcp_rmem[i] = clamp(values[i], INT32_MAX);
}

static void tcp_wmem(struct machine *m, const uint64_t values[VALUES])
{
    for (unsigned i = 0; i < VALUES; i++)
        m->policy.tcp_wmem[i] = clamp(values[i], INT32_MAX);
}

static void fin_timeout(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.fin_timeout_s = clamp(values[0], UINT32_MAX / 1000);
}

static void syn_retries(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.syn_retries = byte(values[0]);
}

static void keepalive_time(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.keepalive_time_s = clamp(values[0], INT16_MAX);
}

static void keepalive_interval(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.keepalive_interval_s = clamp(values[0], INT16_MAX);
}

static void keepalive_probes(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.keepalive_probes = (uint8_t)clamp(values[0], INT8_MAX);
}

static void notsent_lowat(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.notsent_lowat = clamp(values[0], UINT32_MAX);
}

static void default_ttl(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.default_ttl = byte(values[0]);
}

static void no_pmtu_discovery(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.no_pmtu_discovery = values[0] != 0;
}

static void port_range(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.port_first = (uint16_t)clamp(values[0], UINT16_MAX);
    m->policy.port_last = (uint16_t)clamp(values[1], UINT16_MAX);
}

static void rmem_max(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.rmem_max = clamp(values[0], INT32_MAX);
}

static void wmem_max(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.wmem_max = clamp(values[0], INT32_MAX);
}

static void rmem_default(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.rmem_default = clamp(values[0], INT32_MAX);
}

static void wmem_default(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.wmem_default = clamp(values[0], INT32_MAX);
}

static void somaxconn(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.somaxconn = clamp(values[0], INT32_MAX);
}

static const struct {
    const char *name; /* below /proc/sys/net/ */
    apply_function *apply;
} table[] = {
    {"core/rmem_default", rmem_default},
    {"core/rmem_max", rmem_max},
    {"core/somaxconn", somaxconn},
    {"core/wmem_default", wmem_default},
    {"core/wmem_max", wmem_max},
    {"ipv4/ip_default_ttl", default_ttl},
    {"ipv4/ip_local_port_range", port_range},
    {"ipv4/ip_no_pmtu_disc", no_pmtu_discovery},
    {"ipv4/tcp_fin_timeout", fin_timeout},
    {"ipv4/tcp_keepalive_intvl", keepalive_interval},
    {"ipv4/tcp_keepalive_probes", keepalive_probes},
    {"ipv4/tcp_keepalive_time", keepalive_time},
    {"ipv4/tcp_notsent_lowat", notsent_lowat},
    {"ipv4/tcp_rmem", tcp_rmem},
    {"ipv4/tcp_syn_retries", syn_retries},
    {"ipv4/tcp_wmem", tcp_wmem},
};

/* ---- Reading ---- */

static bool read_text(const char *name, char text[TEXT])
{
    static const char place[] = "/proc/sys/net/";
    char path[TEXT + sizeof place];
    snprintf(path, sizeof path, "%s%s", place, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool there = fgets(text, TEXT, file) != NULL;
    fclose(file);
    return there;
}

/*
 * Machines with "bbr" as their default give it to new namespaces too, where some kernels then
 * refuse "cubic". Nobody has asked for it there: it is followed when it comes after something else,
 * or by the socket's option.
 */
static bool is_inherited(struct machine *m, const char *name, const char *value)
{
    if (strcmp(name, "tcp_congestion_control") != 0)
        return false;
    m->has_other_than_bbr |= strcmp(value, "bbr") != 0;
    return !m->has_other_than_bbr;
}

/* All that the stack itself has under Linux's name; what it does not take stays as it was. */
static void follow_knobs(struct machine *m)
{
    struct chaski_knob knob;
    for (unsigned i = 0; chaski_describe_knob(i, &knob) == 0; i++) {
        char name[TEXT], text[TEXT];
        snprintf(name, sizeof name, "ipv4/%s", knob.name);
        if (!read_text(name, text))
            continue;
        text[strcspn(text, "\n")] = '\0';
        if (!is_inherited(m, knob.name, text))
            chaski_set_knob(m->host, knob.name, text);
    }
    m->policy.congestion = knobs_of(m)->congestion;
    knobs_of(m)->lax_timestamps = true; /* Linux is, and has no name for it, */
    knobs_of(m)->lax_window = true;     /* nor for this */
}

/* One key, or two behind a comma, each as four words in hexadecimal. */
static void follow_fast_open_key(struct machine *m)
{
    char text[TEXT];
    unsigned words[KEYS * KEY_WORDS];
    uint8_t bytes[sizeof words];
    if (!read_text("ipv4/tcp_fastopen_key", text))
        return;
    int n = sscanf(text, "%x-%x-%x-%x,%x-%x-%x-%x", &words[0], &words[1], &words[2], &words[3],
                   &words[4], &words[5], &words[6], &words[7]);
    if (n != KEY_WORDS && n != KEYS * KEY_WORDS)
        return;
    for (int i = 0; i < 4 * n; i++)
        bytes[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    chaski_tcp_fast_open_keys(m->host, bytes, 4 * (size_t)n);
}

void policy_follow(struct machine *m)
{
    if (!m->has_policy)
        sockets_defaults(&m->policy);
    m->policy.copies = true; /* to hand packets to the tool */
    m->policy.ip6 = true;    /* --ip_version=ipv4-mapped-ipv6 */
    follow_knobs(m);
    follow_fast_open_key(m);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[TEXT];
        unsigned long long read[VALUES] = {0};
        if (!read_text(table[i].name, text) ||
            sscanf(text, "%llu %llu %llu", &read[0], &read[1], &read[2]) < 1)
            continue;
        uint64_t values[VALUES] = {read[0], read[1], read[2]};
        table[i].apply(m, values);
    }
    m->has_policy = true;
    sockets_set_policy(m->sockets, &m->policy);
}
