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

enum { VALUES = 3, TEXT = 128, RTO_MIN_MS = 200, RTO_MAX_MS = 120000 };

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

static void timestamps(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->timestamps = values[0] != 0;
}

static void sack(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->sack = values[0] != 0;
}

static void window_scaling(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->window_scaling = values[0] != 0;
}

/* Half of a receive buffer is window (tcp_adv_win_scale 1). The scale comes from the maximum. */
static void tcp_rmem(struct machine *m, const uint64_t values[VALUES])
{
    for (unsigned i = 0; i < VALUES; i++)
        m->policy.tcp_rmem[i] = clamp(values[i], INT32_MAX);
    uint64_t most = values[2] < m->limits_receive_max ? values[2] : m->limits_receive_max;
    knobs_of(m)->receive_buffer_max = (uint32_t)most;
    knobs_of(m)->receive_buffer = clamp(values[1] / 2, most);
}

static void tcp_wmem(struct machine *m, const uint64_t values[VALUES])
{
    for (unsigned i = 0; i < VALUES; i++)
        m->policy.tcp_wmem[i] = clamp(values[i], INT32_MAX);
    uint64_t most = values[2] < m->limits_send_max ? values[2] : m->limits_send_max;
    knobs_of(m)->send_buffer_max = (uint32_t)most;
    knobs_of(m)->send_buffer = clamp(knobs_of(m)->send_buffer, most);
}

static void fin_timeout(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.fin_timeout_s = clamp(values[0], UINT32_MAX / 1000);
    knobs_of(m)->fin_timeout_ms = m->policy.fin_timeout_s * 1000;
}

static void synack_retries(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->synack_retries = byte(values[0]);
}

static void syn_retries(struct machine *m, const uint64_t values[VALUES])
{
    m->policy.syn_retries = byte(values[0]);
}

/* How long so many retransmissions take when the round trip is short, as Linux counts. */
static uint32_t time_of_retries(uint64_t retries)
{
    uint64_t total = 0, rto = RTO_MIN_MS;
    for (uint64_t i = 0; i <= retries && i <= UINT8_MAX; i++) {
        total += rto;
        rto = rto * 2 < RTO_MAX_MS ? rto * 2 : RTO_MAX_MS;
    }
    return clamp(total, UINT32_MAX);
}

static void retries2(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->give_up_ms = time_of_retries(values[0]);
}

static void orphan_retries(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->orphan_timeout_ms = time_of_retries(values[0] != 0 ? values[0] : 8);
}

static void rto_min(struct machine *m, const uint64_t values[VALUES])
{
    knobs_of(m)->rto_min_us = clamp(values[0], UINT32_MAX);
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
    {"ipv4/tcp_orphan_retries", orphan_retries},
    {"ipv4/tcp_retries2", retries2},
    {"ipv4/tcp_rmem", tcp_rmem},
    {"ipv4/tcp_rto_min_us", rto_min},
    {"ipv4/tcp_sack", sack},
    {"ipv4/tcp_syn_retries", syn_retries},
    {"ipv4/tcp_synack_retries", synack_retries},
    {"ipv4/tcp_timestamps", timestamps},
    {"ipv4/tcp_window_scaling", window_scaling},
    {"ipv4/tcp_wmem", tcp_wmem},
};

/* Taken over as they stand (struct tcp_knobs). */
static const char *const plain[] = {
    "ipv4/tcp_base_mss",          "ipv4/tcp_ecn",
    "ipv4/tcp_ecn_fallback",      "ipv4/tcp_ecn_option",
    "ipv4/tcp_ecn_option_beacon", "ipv4/tcp_min_snd_mss",
    "ipv4/tcp_mtu_probe_floor",   "ipv4/tcp_mtu_probing",
    "ipv4/tcp_probe_interval",    "ipv4/tcp_probe_threshold",
};

/* ---- Reading ---- */

static bool read_text(const char *name, char text[TEXT])
{
    char path[TEXT];
    snprintf(path, sizeof path, "/proc/sys/net/%s", name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool there = fgets(text, TEXT, file) != NULL;
    fclose(file);
    return there;
}

static void follow_plain(struct machine *m)
{
    char text[TEXT];
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (read_text(plain[i], text))
            tcp_knob_set(knobs_of(m), strchr(plain[i], '/') + 1, text);
}

static void follow_congestion(struct machine *m)
{
    char text[TEXT];
    if (!read_text("ipv4/tcp_congestion_control", text))
        return;
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "cubic") != 0 && strcmp(text, "reno") != 0)
        return;
    m->policy.congestion = text[0] == 'c' ? CHASKI_CUBIC : CHASKI_NEWRENO;
    knobs_of(m)->congestion = m->policy.congestion;
}

void policy_follow(struct machine *m)
{
    if (m->policy.somaxconn == 0)
        sockets_defaults(&m->policy);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[TEXT];
        unsigned long long read[VALUES] = {0};
        if (!read_text(table[i].name, text) ||
            sscanf(text, "%llu %llu %llu", &read[0], &read[1], &read[2]) < 1)
            continue;
        uint64_t values[VALUES] = {read[0], read[1], read[2]};
        table[i].apply(m, values);
    }
    follow_plain(m);
    follow_congestion(m);
    sockets_set_policy(m->sockets, &m->policy);
}
