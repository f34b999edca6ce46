/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_STATION_H
#define CHASKI_CLI_STATION_H

#include "cli/options.h"
#include "drivers/pcap/pcap.h"
#include "runtime/loop.h"
#include "runtime/system.h"

/* A host on a link, with the loop that runs it: what every subcommand that talks to others needs.
 */
struct station {
    struct loop loop;
    struct system_memory memory;
    struct chaski *host;
    struct link *link;
    struct chaski_address address;
    struct pcap_writer capture;
    int interface;
    int timer_fd;
    void (*tick)(void *context);
    void *tick_context;
};

/* SIGINT and SIGTERM end `loop` from now on. They stay blocked in this thread when it is closed:
 * one that comes while the program ends (timeout(1) sends each twice) does not cut its last words
 * off. False with errno. */
bool station_signals(struct loop *loop);

/* Opens everything, signals included. On failure false with one line in `error` (ARGUMENT_ERROR
 * bytes) and nothing left behind. */
bool station_open(struct station *station, const struct link_options *options, size_t memory_bytes,
                  uint32_t connections, char *error);

/* False, with one line in `error`, when the capture is incomplete. */
bool station_close(struct station *station, char *error);

/* Calls `tick` every `interval_ns` from now on; 0 stops that. One at a time. */
void station_tick(struct station *station, uint64_t interval_ns, void (*tick)(void *context),
                  void *context);

/* Runs for `duration_ns`, or until a signal. */
void station_run_for(struct station *station, uint64_t duration_ns);

/* Another machine uses our address (RFC 5227): false with one line in `error`. */
bool station_check_address(const struct station *station, char *error);

#endif
