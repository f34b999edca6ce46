/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "cli/services/services.h"
#include "cli/status/status_report.h"
#include "runtime/system.h"

#define SECOND UINT64_C(1000000000)
#define MEGABYTE 1000000

void services_say_ready(const struct services_options *options, const struct link *link)
{
    const struct link_options *given = &options->link;
    char address[CHASKI_ADDRESS_TEXT];

    printf("ready: %s:%s, %s/%" PRIu32 ", MTU %u", device_kind_name(given->device.kind),
           given->device.name, chaski_address_text(&given->address, address), given->prefix_length,
           link->mtu);
    if (link->manner != NULL)
        printf(", %s", link->manner);
    if (options->shards != 0)
        printf(", %" PRIu32 " shards", options->shards);
    fputs(": echo 7, discard 9, chargen 19, ", stdout);
    if (options->root_path != NULL)
        printf("HTTP 80 (%s)\n", options->root_path);
    else
        puts("no HTTP (for want of --root DIR)");
    fflush(stdout);
}

unsigned services_close_connections(struct chaski *host)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    unsigned count = 0;

    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (info.connection.index == UINT32_MAX)
            continue;
        chaski_tcp_close(host, info.connection);
        count++;
    }
    return count;
}

void services_count(struct services_totals *totals, const struct chaski *host)
{
    totals->frames_received += chaski_counter_value(host, CHASKI_LINK_FRAMES_RECEIVED);
    totals->bytes_received += chaski_counter_value(host, CHASKI_LINK_BYTES_RECEIVED);
    totals->frames_sent += chaski_counter_value(host, CHASKI_LINK_FRAMES_SENT);
    totals->bytes_sent += chaski_counter_value(host, CHASKI_LINK_BYTES_SENT);
    totals->dropped += status_sum(host, "drop.");
}

void services_say_ended(const struct services_totals *totals, uint64_t ran_ns)
{
    printf("ended after %" PRIu64 " s: received %" PRIu64 " frames (%" PRIu64 " MB), sent %" PRIu64
           " (%" PRIu64 " MB), dropped %" PRIu64 " packets, answered %" PRIu64 " HTTP requests\n",
           ran_ns / SECOND, totals->frames_received, totals->bytes_received / MEGABYTE,
           totals->frames_sent, totals->bytes_sent / MEGABYTE, totals->dropped, totals->requests);
    fflush(stdout);
}
