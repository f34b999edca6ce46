/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/http/http_answer.h"
#include "cli/http/http_server.h"
#include "cli/services/services.h"
#include "cli/services/small_services.h"
#include "cli/station.h"
#include "cli/status/status_report.h"
#include "cli/status/status_socket.h"
#include "chaski/shards.h"

#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

enum {
    MEMORY_BYTES = 256 << 20,
    PROBE_TICKS = 25, /* of 50 ms: longer than until the first ARP probe (RFC 5227) */
    END_TICKS = 25,   /* of 20 ms: for connections to end in order */
};

struct services {
    struct station station;
    struct services_options options;
    struct http_server http;
    struct status_socket status;
    unsigned ticks;
    uint64_t began_ns;
    bool ready;
    bool conflict; /* another machine uses our address */
};

static struct small_services small_services;

static void tick(void *context);

/* ---- Beginning ----------------------------------------------------------------------------- */

static bool open_root(struct services *services, char *error)
{
    int problem;

    services->options.root = -1;
    if (services->options.root_path == NULL)
        return true;
    services->options.root = open(services->options.root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    problem = services->options.root < 0 ? errno : http_answer_check(services->options.root);
    if (problem == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR, "--root %.100s: %s; give a directory that can be read",
             services->options.root_path, strerror(problem));
    if (services->options.root >= 0)
        close(services->options.root);
    return false;
}

static void http_begun(void *context)
{
    struct services *services = context;

    if (services->ready)
        station_tick(&services->station, SECOND, tick, services);
}

static bool bind_all(struct services *services, char *error)
{
    struct chaski *host = services->station.host;
    int status = small_services_bind(&small_services, host);

    services->http.begun = http_begun;
    services->http.context = services;
    if (status == 0 && services->options.root >= 0)
        status =
            http_server_open(&services->http, host, SERVICES_HTTP_PORT, services->options.root);
    if (status < 0)
        snprintf(error, ARGUMENT_ERROR, "cannot listen: %s", chaski_error_text(status));
    return status == 0;
}

/* status_writer */
static bool write_status(void *context, FILE *to, bool json)
{
    struct services *services = context;
    struct status_report report;

    if (!status_report_begin(&report, to, json, 1))
        return false;
    status_report_host(&report, services->station.host);
    status_report_end(&report);
    return true;
}

/* ---- Running ------------------------------------------------------------------------------- */

static void look_for_conflict(struct services *services)
{
    char ignored[ARGUMENT_ERROR];

    services->conflict = !station_check_address(&services->station, ignored);
    if (services->conflict)
        loop_stop(&services->station.loop);
}

/* Ready is who has asked whether the address is taken, and has not been told so. */
static void probing_tick(void *context)
{
    struct services *services = context;
    uint64_t probes = chaski_counter_value(services->station.host, CHASKI_ARP_PROBES_SENT);

    look_for_conflict(services);
    if (services->conflict)
        return;
    services->ticks++;
    if (probes == 0 && services->ticks < PROBE_TICKS && services->options.link.prefix_length < 32)
        return;
    if (probes == 1 && services->ticks < PROBE_TICKS) {
        services->ticks = PROBE_TICKS; /* one tick more, for the answer */
        return;
    }
    services_say_ready(&services->options, services->station.link);
    services->ready = true;
    services->ticks = 0;
    station_tick(&services->station, SECOND, tick, services);
}

/* Once a second for as long as there is something to watch: HTTP connections, and, in the
 * beginning, others who may claim our address. */
static void tick(void *context)
{
    struct services *services = context;
    bool serving = services->options.root >= 0 && http_server_tick(&services->http);

    if (services->ticks < 10) {
        services->ticks++;
        look_for_conflict(services);
    } else if (!serving) {
        station_tick(&services->station, 0, NULL, NULL);
    }
}

/* ---- Ending -------------------------------------------------------------------------------- */

static void end(struct services *services)
{
    if (services->options.root >= 0)
        http_server_close(&services->http);
    for (int i = 0; i < END_TICKS && services_close_connections(services->station.host) != 0; i++)
        station_run_for(&services->station, 20 * MILLISECOND);
}

static void say_summary(const struct services *services)
{
    struct services_totals totals = {.requests = services->http.requests};

    services_count(&totals, services->station.host);
    services_say_ended(&totals, system_now() - services->began_ns);
}

/* ---- The command --------------------------------------------------------------------------- */

/* Runs until a signal; the exit code, with a line in `error` when it is not EXIT_FINE. */
static int run(struct services *services, char *error)
{
    struct station *station = &services->station;

    station_tick(station, 50 * MILLISECOND, probing_tick, services);
    int signal = loop_run(&station->loop);
    end(services);
    if (services->conflict) {
        station_check_address(station, error);
        return EXIT_WRONG;
    }
    if (signal < 0) {
        snprintf(error, ARGUMENT_ERROR, "the link %s:%s is gone",
                 device_kind_name(services->options.link.device.kind),
                 services->options.link.device.name);
        return EXIT_FAILED;
    }
    say_summary(services);
    return EXIT_FINE;
}

/* Opens everything on top of the station, runs, and closes it again. */
static int serve(struct services *services, char *error)
{
    struct station *station = &services->station;
    int code = EXIT_WRONG;

    if (bind_all(services, error) &&
        status_socket_open(&services->status, &station->loop, write_status, services,
                           services->options.link.device.name, error)) {
        code = run(services, error);
        status_socket_close(&services->status);
    } else if (services->options.root >= 0) {
        http_server_close(&services->http);
    }
    return code;
}

static int open_and_serve(struct services *services, char *error)
{
    if (!link_options_finish(&services->options.link, error) || !open_root(services, error))
        return EXIT_WRONG;
    int code = EXIT_WRONG;
    if (services->options.shards != 0) {
        code = services_by_shards(&services->options, error);
    } else if (station_open(&services->station, &services->options.link, MEMORY_BYTES,
                            SERVICES_CONNECTIONS, error)) {
        services->began_ns = system_now();
        code = serve(services, error);
        if (!station_close(&services->station, error) && code == EXIT_FINE)
            code = EXIT_FAILED;
    }
    if (services->options.root >= 0)
        close(services->options.root);
    return code;
}

int command_services(int count, char **words)
{
    struct services services = {.options.root = -1};
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        LINK_ARGUMENTS(&services.options.link),
        {.name = "root",
         .value = "DIR",
         .help = "serve the files in DIR by HTTP (port 80)",
         .read = argument_text,
         .target = &services.options.root_path},
        {.name = "shards",
         .value = "N",
         .help = "serve by N threads, each with a processor and a queue of the link for itself",
         .read = argument_number,
         .target = &services.options.shards,
         .minimum = 1,
         .maximum = CHASKI_SHARDS_MAX},
    };
    const struct command_line line = {
        .command = "chaski services",
        .summary =
            "Serves echo (port 7), discard (9) and chargen (19) over TCP and UDP, and files\n"
            "by HTTP, until SIGINT or SIGTERM. SIGUSR1 shows what chaski status shows.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    return command_line_end(&line, open_and_serve(&services, error), error);
}
