/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/station.h"
#include "core/base/address.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

enum {
    MEMORY_BYTES = 16 << 20,
    CONNECTIONS = 4,
    HEADERS = 28, /* of IPv4 and ICMP */
    SIZE_MAX_DATA = 65535 - HEADERS,
};

/* What is going on, and what has come of it. */
struct ping {
    struct station station;
    struct link_options link;
    struct chaski_address target;
    char target_text[CHASKI_ADDRESS_TEXT];
    uint32_t count, size;
    uint64_t interval_ns, wait_ns;
    uint16_t identifier;
    uint32_t sent, received, duplicates, errors;
    uint64_t began_ns, ended_ns;
    uint64_t sent_at[65536]; /* by sequence number */
    bool answered[65536];
    double least_ms, most_ms, sum_ms, square_sum_ms;
    char error[ARGUMENT_ERROR];
    uint8_t data[SIZE_MAX_DATA];
};

/* ---- Answers ------------------------------------------------------------------------------- */

static void note_time(struct ping *ping, double ms)
{
    if (ping->received == 1 || ms < ping->least_ms)
        ping->least_ms = ms;
    if (ms > ping->most_ms)
        ping->most_ms = ms;
    ping->sum_ms += ms;
    ping->square_sum_ms += ms * ms;
}

static void stop_when_done(struct ping *ping)
{
    if (ping->count != 0 && ping->received + ping->errors >= ping->count)
        loop_stop(&ping->station.loop);
}

static void on_reply(void *context, struct chaski *host, const struct chaski_address *from,
                     uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    struct ping *ping = context;
    char text[CHASKI_ADDRESS_TEXT];
    double ms = (double)(system_now() - ping->sent_at[sequence]) / 1e6;

    (void)host;
    if (ping->sent_at[sequence] == 0)
        return;
    if (error < 0) {
        ping->errors++;
        printf("icmp_seq=%u %s\n", sequence, chaski_error_text(error));
        stop_when_done(ping);
        return;
    }
    bool damaged = length != ping->size || memcmp(bytes, ping->data, length) != 0;
    bool again = ping->answered[sequence];
    ping->answered[sequence] = true;
    printf("%zu bytes from %s: icmp_seq=%u ttl=%u time=%.3f ms%s%s\n", length + 8,
           chaski_address_text(from, text), sequence, ttl, ms, again ? " (DUP!)" : "",
           damaged ? " (damaged!)" : "");
    if (again) {
        ping->duplicates++;
        return;
    }
    ping->received++;
    note_time(ping, ms);
    stop_when_done(ping);
}

/* ---- Questions ----------------------------------------------------------------------------- */

static void stop_waiting(void *context)
{
    struct ping *ping = context;
    loop_stop(&ping->station.loop);
}

static void send_next(void *context)
{
    struct ping *ping = context;
    uint16_t sequence = (uint16_t)(ping->sent + 1);

    if (ping->count != 0 && ping->sent == ping->count) {
        station_tick(&ping->station, ping->wait_ns, stop_waiting, ping);
        return;
    }
    ping->sent++;
    ping->answered[sequence] = false;
    ping->sent_at[sequence] = system_now();
    ping->ended_ns = ping->sent_at[sequence];
    int status = chaski_ping(ping->station.host, &ping->target, ping->identifier, sequence,
                             ping->data, ping->size);
    if (status < 0) {
        ping->errors++;
        printf("icmp_seq=%u %s\n", sequence, chaski_error_text(status));
        stop_when_done(ping);
    }
}

/* ---- The result ---------------------------------------------------------------------------- */

static void say_result(const struct ping *ping)
{
    uint32_t lost = ping->sent - ping->received;

    printf("\n--- %s ping statistics ---\n%" PRIu32 " packets transmitted, %" PRIu32 " received, ",
           ping->target_text, ping->sent, ping->received);
    if (ping->duplicates != 0)
        printf("+%" PRIu32 " duplicates, ", ping->duplicates);
    if (ping->errors != 0)
        printf("+%" PRIu32 " errors, ", ping->errors);
    printf("%g%% packet loss, time %" PRIu64 "ms\n",
           ping->sent == 0 ? 0 : (double)lost * 100 / (double)ping->sent,
           (ping->ended_ns - ping->began_ns) / MILLISECOND);
    if (ping->received == 0)
        return;
    double mean = ping->sum_ms / ping->received;
    double variance = ping->square_sum_ms / ping->received - mean * mean;
    printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ping->least_ms, mean, ping->most_ms,
           sqrt(variance > 0 ? variance : 0));
}

static int run(struct ping *ping)
{
    struct station *station = &ping->station;
    int status = chaski_ping_on(station->host, ping->identifier, on_reply, ping);

    if (status < 0) {
        snprintf(ping->error, sizeof ping->error, "%s", chaski_error_text(status));
        return EXIT_WRONG;
    }
    printf("PING %s (%s) %" PRIu32 "(%" PRIu32 ") bytes of data.\n", ping->target_text,
           ping->target_text, ping->size, ping->size + HEADERS);
    ping->began_ns = system_now();
    station_tick(station, ping->interval_ns, send_next, ping);
    send_next(ping);
    int signal = loop_run(&station->loop);
    if (!station_check_address(station, ping->error))
        return EXIT_WRONG;
    say_result(ping);
    if (signal < 0)
        snprintf(ping->error, sizeof ping->error, "the link is gone");
    else
        ping->error[0] = '\0';
    return ping->received != 0 ? EXIT_FINE : EXIT_FAILED;
}

static bool read_target(struct ping *ping, const char *text)
{
    if (!chaski_address_parse(text, &ping->target) || !address_is_ip4(&ping->target)) {
        snprintf(ping->error, sizeof ping->error,
                 "%.60s: must be an IPv4 address such as 192.0.2.1; names are not looked up", text);
        return false;
    }
    chaski_address_text(&ping->target, ping->target_text);
    return true;
}

static int open_and_run(struct ping *ping, const char *target)
{
    if (!read_target(ping, target) || !link_options_finish(&ping->link, ping->error) ||
        !station_open(&ping->station, &ping->link, MEMORY_BYTES, CONNECTIONS, ping->error))
        return EXIT_WRONG;
    for (size_t i = 0; i < sizeof ping->data; i++)
        ping->data[i] = (uint8_t)i;
    ping->identifier = (uint16_t)getpid();
    setvbuf(stdout, NULL, _IOLBF, 0);
    int code = run(ping);
    if (!station_close(&ping->station, ping->error) && code == EXIT_FINE)
        code = EXIT_FAILED;
    return code;
}

int command_ping(int count, char **words)
{
    static struct ping ping = {.size = 56, .interval_ns = SECOND, .wait_ns = 2 * SECOND};
    const char *operand[1];
    const struct argument arguments[] = {
        {.name = "count",
         .letter = 'c',
         .value = "N",
         .help = "stop after N questions (else with SIGINT)",
         .read = argument_number,
         .target = &ping.count,
         .minimum = 1,
         .maximum = 1000000000},
        {.name = "interval",
         .letter = 'i',
         .value = "SECONDS",
         .help = "between questions (1)",
         .read = argument_seconds,
         .target = &ping.interval_ns,
         .minimum = MILLISECOND,
         .maximum = 3600 * SECOND},
        {.name = "size",
         .letter = 's',
         .value = "N",
         .help = "bytes of data in each (56)",
         .read = argument_number,
         .target = &ping.size,
         .maximum = SIZE_MAX_DATA},
        {.name = "wait",
         .letter = 'W',
         .value = "SECONDS",
         .help = "for the last answer (2)",
         .read = argument_seconds,
         .target = &ping.wait_ns,
         .minimum = MILLISECOND,
         .maximum = 3600 * SECOND},
        LINK_ARGUMENTS(&ping.link),
    };
    const struct command_line line = {.command = "chaski ping",
                                      .operands = "ADDR",
                                      .summary =
                                          "Asks ADDR for echo replies and shows when they come.",
                                      .arguments = arguments,
                                      .argument_count = sizeof arguments / sizeof *arguments,
                                      .operand = operand,
                                      .operand_count = 1};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    return command_line_end(&line, open_and_run(&ping, operand[0]), ping.error);
}
