/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/status/status_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ENDPOINT_TEXT = CHASKI_ADDRESS_TEXT + 8 };

/* "10.0.0.1:80", with a star for what is not determined, as ss writes it. */
static const char *endpoint_text(const struct chaski_endpoint *endpoint, char *text)
{
    static const struct chaski_address unspecified = {{0}};
    char address[CHASKI_ADDRESS_TEXT] = "*", port[8] = "*";

    if (memcmp(&endpoint->address, &unspecified, sizeof unspecified) != 0)
        chaski_address_text(&endpoint->address, address);
    if (endpoint->port != 0)
        snprintf(port, sizeof port, "%u", endpoint->port);
    snprintf(text, ENDPOINT_TEXT, "%s:%s", address, port);
    return text;
}

static void connection_text(const struct status_report *report, unsigned number,
                            const struct chaski_tcp_info *info)
{
    char local[ENDPOINT_TEXT], remote[ENDPOINT_TEXT];
    FILE *to = report->to;

    if (report->hosts > 1)
        fprintf(to, "%5u ", number);
    fprintf(to, "%-12s %10" PRIu32 " %10" PRIu32 "  %-22s %-22s",
            chaski_tcp_state_name(info->tcpi_state), info->receive_queue, info->send_queue,
            endpoint_text(&info->local, local), endpoint_text(&info->remote, remote));
    if (info->connection.index != UINT32_MAX)
        fprintf(to,
                " %s cwnd:%" PRIu32 " rtt:%" PRIu32 ".%03" PRIu32 "ms rto:%" PRIu32
                "ms mss:%" PRIu32 " acked:%" PRIu64 " received:%" PRIu64 " retrans:%" PRIu32,
                info->congestion, info->tcpi_snd_cwnd, info->tcpi_rtt / 1000, info->tcpi_rtt % 1000,
                info->tcpi_rto / 1000, info->tcpi_snd_mss, info->tcpi_bytes_acked,
                info->tcpi_bytes_received, info->tcpi_total_retrans);
    fputc('\n', to);
}

/* Writes text as a JSON string, quotes included. */
static void json_string(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(to, "\\u%04x", *text);
        else if (*text == '"' || *text == '\\')
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
    fputc('"', to);
}

static void json_endpoint(FILE *to, const char *name, const struct chaski_endpoint *endpoint)
{
    char text[ENDPOINT_TEXT];

    fprintf(to, ", \"%s\": ", name);
    json_string(to, endpoint_text(endpoint, text));
}

static void connection_json(const struct status_report *report, unsigned number,
                            const struct chaski_tcp_info *info)
{
    FILE *to = report->to;

    fputs(report->connections ? ",\n  {" : "\n  {", to);
    if (report->hosts > 1)
        fprintf(to, "\"shard\": %u, ", number);
    fputs("\"state\": ", to);
    json_string(to, chaski_tcp_state_name(info->tcpi_state));
    json_endpoint(to, "local", &info->local);
    json_endpoint(to, "remote", &info->remote);
    fprintf(to, ", \"receive_queue\": %" PRIu32 ", \"send_queue\": %" PRIu32, info->receive_queue,
            info->send_queue);
    if (info->connection.index != UINT32_MAX) {
        fputs(", \"congestion\": ", to);
        json_string(to, info->congestion);
        fprintf(to,
                ", \"cwnd\": %" PRIu32 ", \"ssthresh\": %" PRIu32 ", \"mss\": %" PRIu32
                ", \"rtt_us\": %" PRIu32 ", \"rttvar_us\": %" PRIu32 ", \"min_rtt_us\": %" PRIu32
                ", \"rto_us\": %" PRIu32 ", \"bytes_acked\": %" PRIu64
                ", \"bytes_received\": %" PRIu64 ", \"retransmitted\": %" PRIu32,
                info->tcpi_snd_cwnd, info->tcpi_snd_ssthresh, info->tcpi_snd_mss, info->tcpi_rtt,
                info->tcpi_rttvar, info->tcpi_min_rtt, info->tcpi_rto, info->tcpi_bytes_acked,
                info->tcpi_bytes_received, info->tcpi_total_retrans);
    }
    fputc('}', to);
}

/* ---- Counters ------------------------------------------------------------------------------ */

static uint64_t sum_of(const struct status_report *report, int counter)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < report->hosts; i++)
        sum += report->counts[i][counter];
    return sum;
}

static void counters_text(const struct status_report *report)
{
    fprintf(report->to, "\n%-28s %20s", "Counter", "Value");
    for (unsigned i = 0; i < report->hosts && report->hosts > 1; i++)
        fprintf(report->to, " %10s %2u", "Shard", i);
    fputs("  Meaning\n", report->to);
    for (int counter = 0; counter < CHASKI_COUNTER_COUNT; counter++) {
        uint64_t sum = sum_of(report, counter);
        if (sum == 0)
            continue;
        fprintf(report->to, "%-28s %20" PRIu64, chaski_counter_label(counter), sum);
        for (unsigned i = 0; i < report->hosts && report->hosts > 1; i++)
            fprintf(report->to, " %13" PRIu64, report->counts[i][counter]);
        fprintf(report->to, "  %s\n", chaski_counter_meaning(counter));
    }
}

/* One object: of a host's counters, or, with `host` = the number of hosts, of the sums. */
static void counters_json(const struct status_report *report, unsigned host)
{
    const char *separator = "";
    fputc('{', report->to);
    for (int counter = 0; counter < CHASKI_COUNTER_COUNT; counter++) {
        uint64_t value =
            host < report->hosts ? report->counts[host][counter] : sum_of(report, counter);
        if (value == 0)
            continue;
        fprintf(report->to, "%s\n  ", separator);
        json_string(report->to, chaski_counter_label(counter));
        fprintf(report->to, ": %" PRIu64, value);
        separator = ",";
    }
    fputc('}', report->to);
}

static void all_counters_json(const struct status_report *report)
{
    fputs("],\n \"counters\": ", report->to);
    counters_json(report, report->hosts);
    if (report->hosts > 1)
        fputs(",\n \"shards\": [", report->to);
    for (unsigned i = 0; i < report->hosts && report->hosts > 1; i++) {
        fputs(i != 0 ? ",\n " : "", report->to);
        counters_json(report, i);
    }
    fputs(report->hosts > 1 ? "]}\n" : "}\n", report->to);
}

/* ---- The whole ----------------------------------------------------------------------------- */

bool status_report_begin(struct status_report *report, FILE *to, bool json, unsigned hosts)
{
    *report = (struct status_report){.to = to, .json = json, .hosts = hosts};
    report->counts = calloc(hosts, sizeof *report->counts);
    if (report->counts == NULL)
        return false;
    if (json)
        fputs("{\"connections\": [", to);
    else
        fprintf(to, "%s%-12s %10s %10s  %-22s %s\n", hosts > 1 ? "Shard " : "", "State", "Recv-Q",
                "Send-Q", "Local Address:Port", "Peer Address:Port");
    return true;
}

void status_report_host(struct status_report *report, struct chaski *host)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    unsigned number = report->given++;

    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (report->json)
            connection_json(report, number, &info);
        else
            connection_text(report, number, &info);
        report->connections = true;
    }
    for (int counter = 0; counter < CHASKI_COUNTER_COUNT; counter++)
        report->counts[number][counter] = chaski_counter_value(host, counter);
}

void status_report_end(struct status_report *report)
{
    if (report->json)
        all_counters_json(report);
    else
        counters_text(report);
    free(report->counts);
}

uint64_t status_sum(const struct chaski *host, const char *prefix)
{
    uint64_t sum = 0;

    for (int counter = 0; counter < CHASKI_COUNTER_COUNT; counter++)
        if (strncmp(chaski_counter_label(counter), prefix, strlen(prefix)) == 0)
            sum += chaski_counter_value(host, counter);
    return sum;
}
