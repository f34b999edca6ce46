/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/http_body.h"
#include "cli/output_file.h"
#include "cli/station.h"

#define SECOND UINT64_C(1000000000)
#define SILENCE_LIMIT (60 * SECOND)

enum {
    MEMORY_BYTES = 64 << 20,
    CONNECTIONS = 16,
    PIECES = 16,
    LINE_TICKS = 5, /* seconds between lines of progress when stderr is no terminal */
    SYN_TIMES = 4,  /* about half a minute until a silent server is given up */
};

/* One transfer, from the first SYN to the last byte. */
struct fetch {
    struct station station;
    struct link_options link;
    struct http_url url;
    struct output_file output;
    chaski_tcp connection;
    struct http_response response;
    struct http_body body;
    uint64_t received; /* bytes of content */
    uint64_t began_ns, heard_ns;
    unsigned ticks;
    bool requested, has_head, over, good;
    bool on_terminal; /* a line of progress stands on stderr */
    size_t head_length;
    char head[HTTP_HEAD_MAX];
    char error[ARGUMENT_ERROR];
};

__attribute__((format(printf, 2, 3))) static void fail(struct fetch *fetch, const char *format, ...)
{
    va_list arguments;

    if (fetch->over)
        return;
    va_start(arguments, format);
    vsnprintf(fetch->error, sizeof fetch->error, format, arguments);
    va_end(arguments);
    fetch->over = true;
    loop_stop(&fetch->station.loop);
}

static void succeed(struct fetch *fetch)
{
    fetch->over = fetch->good = true;
    loop_stop(&fetch->station.loop);
}

/* ---- The answer ---------------------------------------------------------------------------- */

static void judge_head(struct fetch *fetch)
{
    const struct http_response *response = &fetch->response;

    if (response->status >= 200 && response->status < 300)
        http_body_init(&fetch->body, response);
    else if (response->location[0] != '\0')
        fail(fetch, "the server says %u %s: fetch %.150s instead", response->status,
             response->reason, response->location);
    else
        fail(fetch, "the server says %u %s", response->status, response->reason);
}

/* Collects the head; returns how many of the bytes belong to it. */
static size_t take_head(struct fetch *fetch, const char *bytes, size_t length)
{
    size_t before = fetch->head_length;
    size_t room = sizeof fetch->head - before;
    size_t added = length < room ? length : room;

    memcpy(fetch->head + before, bytes, added);
    fetch->head_length += added;
    size_t head = http_head_length(fetch->head, fetch->head_length);
    if (head == 0) {
        if (fetch->head_length == sizeof fetch->head)
            fail(fetch, "the head of the server's answer is longer than %d bytes", HTTP_HEAD_MAX);
        return added;
    }
    fetch->head_length = 0;
    if (!http_response_parse(fetch->head, head, &fetch->response)) {
        fail(fetch, "the server's answer is not HTTP/1.1");
    } else if (fetch->response.status >= 200) { /* what is below only announces the answer */
        fetch->has_head = true;
        judge_head(fetch);
    }
    return head - before;
}

static size_t take_body(struct fetch *fetch, const char *bytes, size_t length)
{
    const char *data;
    size_t data_length;
    long taken = http_body_take(&fetch->body, bytes, length, &data, &data_length);

    if (taken < 0) {
        fail(fetch, "the server's chunks make no sense");
        return length;
    }
    if (!output_file_write(&fetch->output, data, data_length))
        fail(fetch, "cannot write %.120s: %s", fetch->output.path, strerror(errno));
    fetch->received += data_length;
    return (size_t)taken;
}

static void take_bytes(struct fetch *fetch, const char *bytes, size_t length)
{
    while (length != 0 && !fetch->over && !(fetch->has_head && fetch->body.done)) {
        size_t taken =
            fetch->has_head ? take_body(fetch, bytes, length) : take_head(fetch, bytes, length);
        bytes += taken;
        length -= taken;
    }
    if (!fetch->over && fetch->has_head && fetch->body.done)
        succeed(fetch);
}

static void end_of_stream(struct fetch *fetch)
{
    if (fetch->over)
        return;
    if (!fetch->has_head)
        fail(fetch, "the server ended the connection without an answer");
    else if (!http_body_complete(&fetch->body))
        fail(fetch, "the server ended the connection after %" PRIu64 " bytes, in the middle",
             fetch->received);
    else
        succeed(fetch);
}

/* ---- The connection ------------------------------------------------------------------------ */

static void send_request(struct fetch *fetch)
{
    char request[HTTP_PATH_MAX + 128];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: chaski/" CHASKI_VERSION
                          "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                          fetch->url.path, fetch->url.authority);

    fetch->requested = true;
    if (chaski_tcp_write(fetch->station.host, fetch->connection, request, (size_t)length) != length)
        fail(fetch, "the request cannot be sent");
}

static void receive(struct fetch *fetch)
{
    struct chaski_piece pieces[PIECES];
    struct chaski *host = fetch->station.host;
    int count;

    while (!fetch->over &&
           (count = chaski_tcp_look(host, fetch->connection, pieces, PIECES)) != CHASKI_AGAIN) {
        size_t length = 0;
        if (count < 0)
            fail(fetch, "%s: %s", fetch->url.authority, chaski_error_text(count));
        else if (count == 0)
            end_of_stream(fetch);
        for (int i = 0; i < count; i++) {
            take_bytes(fetch, pieces[i].bytes, pieces[i].length);
            length += pieces[i].length;
        }
        if (count > 0)
            chaski_tcp_consume(host, fetch->connection, length);
    }
}

static void on_events(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct fetch *fetch = context;

    (void)host;
    fetch->connection = connection;
    fetch->heard_ns = fetch->station.loop.now_ns;
    if ((events & CHASKI_CONNECTED) != 0 && !fetch->requested)
        send_request(fetch);
    receive(fetch);
}

static bool begin(struct fetch *fetch)
{
    struct chaski_tcp_connect connect = {
        .remote = fetch->url.server, .receive = on_events, .context = fetch};
    struct chaski *host = fetch->station.host;
    int status = chaski_tcp_connect(host, &connect, &fetch->connection);

    if (status < 0) {
        fail(fetch, "%s: %s%s", fetch->url.authority, chaski_error_text(status),
             status == CHASKI_NO_ROUTE ? "; give the router with --gateway" : "");
        return false;
    }
    chaski_tcp_set(host, fetch->connection, CHASKI_TCP_SYNCNT, SYN_TIMES);
    return true;
}

/* ---- Progress ------------------------------------------------------------------------------ */

static void show_progress(struct fetch *fetch)
{
    double seconds = (double)(system_now() - fetch->began_ns) / 1e9;
    double megabytes = (double)fetch->received / 1e6;
    char part[16] = "";

    if (fetch->has_head && fetch->response.framing == HTTP_BY_LENGTH)
        snprintf(part, sizeof part, "%3d %%, ",
                 (int)((double)fetch->received * 100 / (double)fetch->response.length));
    fprintf(stderr, "%s%s%.1f MB, %.1f MB/s%s", fetch->on_terminal ? "\r" : "", part, megabytes,
            megabytes / seconds, fetch->on_terminal ? "\033[K" : "\n");
}

static void tick(void *context)
{
    struct fetch *fetch = context;

    if (!fetch->has_head || fetch->response.status >= 300)
        fetch->ticks = 0;
    else
        fetch->ticks++;
    if (isatty(STDERR_FILENO) && fetch->ticks != 0) {
        fetch->on_terminal = true;
        show_progress(fetch);
    } else if (fetch->ticks != 0 && fetch->ticks % LINE_TICKS == 0) {
        show_progress(fetch);
    }
    if (system_now() - fetch->heard_ns > SILENCE_LIMIT)
        fail(fetch, "%s has said nothing for a minute", fetch->url.authority);
}

/* ---- The command --------------------------------------------------------------------------- */

static void say_result(const struct fetch *fetch)
{
    double seconds = (double)(system_now() - fetch->began_ns) / 1e9;

    fprintf(stderr, "%s: %" PRIu64 " bytes in %.2f s, %.1f MB/s\n", fetch->output.path,
            fetch->received, seconds, (double)fetch->received / 1e6 / seconds);
}

static int run(struct fetch *fetch)
{
    struct station *station = &fetch->station;

    fetch->began_ns = fetch->heard_ns = system_now();
    if (begin(fetch)) {
        station_tick(station, SECOND, tick, fetch);
        int signal = fetch->over ? 0 : loop_run(&station->loop);
        if (!fetch->over)
            fail(fetch, signal < 0 ? "the link is gone" : "interrupted");
        chaski_tcp_close(station->host, fetch->connection);
        station_run_for(station, SECOND / 50); /* so that the server sees it end in order */
    }
    if (fetch->on_terminal)
        fputc('\n', stderr);
    if (!fetch->good && !station_check_address(station, fetch->error))
        return EXIT_WRONG;
    return fetch->good && output_file_finish(&fetch->output, fetch->error) ? EXIT_FINE
                                                                           : EXIT_FAILED;
}

static int open_and_run(struct fetch *fetch, const char *output, const char *url)
{
    const char *problem = http_url_parse(url, &fetch->url);

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
    static struct fetch fetch;
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
    if (code != EXIT_FINE)
        fprintf(stderr, "chaski fetch: %s\n", fetch.error);
    else
        say_result(&fetch);
    return code;
}
