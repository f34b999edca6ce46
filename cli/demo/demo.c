/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/demo/demo.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/services/small_services.h"

#define SECOND UINT64_C(1000000000)
#define SHOW_LIMIT (10 * SECOND)
#define REPEAT_NS (SECOND / 50)

enum { MEMORY_BYTES = 64 << 20, CONNECTIONS = 1024, MTU = 1500, HEADERS = 128 };

/* ---- The two parts ------------------------------------------------------------------------- */

static void close_hosts(struct demo *demo)
{
    http_server_close(&demo->http);
    memory_pair_abort_all(&demo->pair);
    memory_pair_close(&demo->pair);
}

static struct small_services small_services;

static bool open_hosts(struct demo *demo, const struct demo_files *files,
                       struct pcap_writer *capture, char *error)
{
    struct chaski_limits limits;

    *demo = (struct demo){.bad = 0};
    chaski_limits_for(&limits, MEMORY_BYTES, CONNECTIONS);
    if (!memory_pair_open(&demo->pair, &limits, MTU, false, capture, true, error))
        return false;
    struct chaski *server = demo->pair.side[SERVER].host;
    int status = http_server_open(&demo->http, server, DEMO_HTTP_PORT, files->root);
    if (status == 0)
        status = small_services_bind(&small_services, server);
    if (status == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR, "cannot listen: %s", chaski_error_text(status));
    close_hosts(demo);
    return false;
}

static int result(const struct demo *demo, char *error)
{
    if (demo->bad == 0 && !demo_interrupted())
        return EXIT_FINE;
    snprintf(error, ARGUMENT_ERROR, "%s",
             demo_interrupted() ? "interrupted" : "not everything worked");
    return EXIT_FAILED;
}

static int show(const struct demo_files *files, struct pcap_writer *capture, char *error)
{
    struct demo demo;

    if (!open_hosts(&demo, files, capture, error))
        return EXIT_WRONG;
    demo.limit_ns = demo.pair.now_ns + SHOW_LIMIT;
    demo_show(&demo, files);
    if (capture != NULL) {
        capture->snap_length = HEADERS;
        demo_repeat(&demo, REPEAT_NS);
    }
    close_hosts(&demo);
    return result(&demo, error);
}

/* The same with `path` as the capture, NULL for none. */
static int show_recorded(const struct demo_files *files, const char *path, char *error)
{
    struct pcap_writer capture;

    if (path == NULL)
        return show(files, NULL, error);
    if (!pcap_create(&capture, path, PCAP_CLOCK_MONOTONIC, error, ARGUMENT_ERROR))
        return EXIT_WRONG;
    int code = show(files, &capture, error);
    uint64_t frames = capture.frames;
    if (!pcap_close(&capture, error, ARGUMENT_ERROR))
        return EXIT_FAILED;
    printf("\n%" PRIu64 " frames are recorded in %s\n", frames, path);
    return code;
}

/* On hosts of its own that nothing records. */
static int measure(const struct demo_files *files, uint64_t duration_ns, char *error)
{
    struct demo demo;

    if (!open_hosts(&demo, files, NULL, error))
        return EXIT_WRONG;
    demo_measure(&demo, duration_ns);
    close_hosts(&demo);
    return result(&demo, error);
}

/* ---- The command --------------------------------------------------------------------------- */

static int run(const char *capture, uint64_t duration_ns, char *error)
{
    struct demo_files files = {.root = -1};

    demo_catch_signals();
    if (!demo_files_make(&files, error))
        return EXIT_WRONG;
    puts("Two chaski hosts on a memory wire: 10.0.0.1 asks, 10.0.0.2 serves.");
    int code = show_recorded(&files, capture, error);
    if (code == EXIT_FINE)
        code = measure(&files, duration_ns, error);
    demo_files_remove(&files);
    return code;
}

int command_demo(int count, char **words)
{
    const char *capture = NULL;
    uint64_t duration_ns = SECOND;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "capture",
         .value = "FILE",
         .help = "record the frames to a pcap file, those of the measurements for a moment only",
         .read = argument_text,
         .target = &capture},
        {.name = "seconds",
         .value = "S",
         .help = "how long to measure each speed (1)",
         .read = argument_seconds,
         .target = &duration_ns,
         .minimum = SECOND / 10,
         .maximum = 60 * SECOND},
    };
    const struct command_line line = {
        .command = "chaski demo",
        .summary = "Shows two hosts on a memory wire at work: ping, HTTP, echo, and how fast it "
                   "goes.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    return command_line_end(&line, run(capture, duration_ns, error), error);
}
