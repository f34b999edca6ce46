/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/http/http_get.h"
#include "cli/output_file.h"
#include "cli/station.h"

#define SECOND UINT64_C(1000000000)
#define SILENCE_LIMIT (60 * SECOND)

enum {
    MEMORY_BYTES = 64 << 20,
    CONNECTIONS = 16,
    LINE_TICKS = 5, /* seconds between lines of progress when stderr is no terminal */
};

struct fetch {
    struct station station;
    struct link_options link;
    struct output_file output;
    struct http_get get;
    uint64_t began_ns, heard_ns;
    uint64_t heard; /* what get.heard was at heard_ns */
    unsigned ticks;
    bool on_terminal; /* a line of progress stands on stderr */
    char error[ARGUMENT_ERROR];
};

static void write_content(void *context, const char *bytes, size_t length)
{
    struct fetch *fetch = context;

    if (!output_file_write(&fetch->output, bytes, length))
        http_get_fail(&fetch->get, "cannot write %.120s: %s", fetch->output.path, strerror(errno));
}

static void on_end(void *context)
{
    struct fetch *fetch = context;
    loop_stop(&fetch->station.loop);
}

/* ---- Progress ------------------------------------------------------------------------------ */

static void show_progress(struct fetch *fetch)
{
    double seconds = (double)(system_now() - fetch->began_ns) / 1e9;
    double megabytes = (double)fetch->get.received / 1e6;
    char part[16] = "";

    if (fetch->get.has_head && fetch->get.response.framing == HTTP_BY_LENGTH)
        snprintf(part, sizeof part, "%3d %%, ",
                 (int)((double)fetch->get.received * 100 / (double)fetch->get.response.length));
    fprintf(stderr, "%s%s%.1f MB, %.1f MB/s%s", fetch->on_terminal ? "\r" : "", part, megabytes,
            megabytes / seconds, fetch->on_terminal ? "\033[K" : "\n");
}

static void tick(void *context)
{
    struct fetch *fetch = context;

    if (!fetch->get.has_head || fetch->get.response.status >= 300)
        fetch->ticks = 0;
    else
        fetch->ticks++;
    if (isatty(STDERR_FILENO) && fetch->ticks != 0) {
        fetch->on_terminal = true;
        show_progress(fetch);
    } else if (fetch->ticks != 0 && fetch->ticks % LINE_TICKS == 0) {
        show_progress(fetch);
    }
    if (fetch->get.heard != fetch->heard) {
        fetch->heard = fetch->get.heard;
        fetch->heard_ns = system_now();
    } else if (system_now() - fetch->heard_ns > SILENCE_LIMIT) {
        http_get_fail(&fetch->get, "%s has said nothing for a minute", fetch->get.url.authority);
    }
}

/* ---- The command --------------------------------------------------------------------------- */

static void say_result(const struct fetch *fetch)
{
    double seconds = (double)(system_now() - fetch->began_ns) / 1e9;

    fprintf(stderr, "%s: %" PRIu64 " bytes in %.2f s, %.1f MB/s\n", fetch->output.path,
            fetch->get.received, seconds, (double)fetch->get.received / 1e6 / seconds);
}

static int run(struct fetch *fetch)
{
    struct station *station = &fetch->station;
    struct http_get *get = &fetch->get;

    get->host = station->host;
    fetch->began_ns = fetch->heard_ns = system_now();
    if (http_get_begin(get)) {
        station_tick(station, SECOND, tick, fetch);
        int signal = get->over ? 0 : loop_run(&station->loop);
        http_get_fail(get, signal < 0 ? "the link is gone" : "interrupted");
        http_get_close(get);
        station_run_for(station, SECOND / 50); /* so that the server sees it end in order */
    }
    if (fetch->on_terminal)
        fputc('\n', stderr);
    memcpy(fetch->error, get->error, sizeof fetch->error);
    if (!get->good && !station_check_address(station, fetch->error))
        return EXIT_WRONG;
    return get->good && output_file_finish(&fetch->output, fetch->error) ? EXIT_FINE : EXIT_FAILED;
}

static int open_and_run(struct fetch *fetch, const char *output, const char *url)
{
    const char *problem = http_url_parse(url, &fetch->get.url);

    if (problem != NULL) {
        snprintf(fetch->error, sizeof fetch->error, "%.100s: %s", url, problem);
        return EXIT_WRONG;
    }
    if (output == NULL) {
        snprintf(fetch->error, sizeof fetch->error, "no file to write to is given; add -o FILE");
        return EXIT_WRONG;
    }
    if (!link_options_finish(&fetch->link, fetch->error) ||
        !output_file_open(&fetch->output, output, fetch->error))
        return EXIT_WRONG;
    int code = EXIT_WRONG;
    if (station_open(&fetch->station, &fetch->link, MEMORY_BYTES, CONNECTIONS, fetch->error)) {
        code = run(fetch);
        if (!station_close(&fetch->station, fetch->error) && code == EXIT_FINE)
            code = EXIT_FAILED;
    }
    output_file_discard(&fetch->output);
    return code;
}

int command_fetch(int count, char **words)
{
    static struct fetch fetch = {
        .get = {.content = write_content, .ended = on_end, .context = &fetch}};
    const char *output = NULL, *operand[1];
    const struct argument arguments[] = {
        {.name = "output",
         .letter = 'o',
         .value = "FILE",
         .help = "the file to write (- is stdout)",
         .read = argument_text,
         .target = &output},
        LINK_ARGUMENTS(&fetch.link),
    };
    const struct command_line line = {
        .command = "chaski fetch",
        .operands = "URL",
        .summary = "Fetches a file by HTTP, such as http://192.0.2.1:8080/file.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments,
        .operand = operand,
        .operand_count = 1};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    code = open_and_run(&fetch, output, operand[0]);
    if (code == EXIT_FINE)
        say_result(&fetch);
    return command_line_end(&line, code, fetch.error);
}
