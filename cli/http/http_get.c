/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_get.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum {
    PIECES = 16,
    SYN_TIMES = 4, /* about half a minute until a silent server is given up */
};

static void end(struct http_get *get, bool good)
{
    get->over = true;
    get->good = good;
    get->ended(get->context);
}

void http_get_fail(struct http_get *get, const char *format, ...)
{
    va_list arguments;

    if (get->over)
        return;
    va_start(arguments, format);
    vsnprintf(get->error, sizeof get->error, format, arguments);
    va_end(arguments);
    end(get, false);
}

/* ---- The answer ---------------------------------------------------------------------------- */

static void judge_head(struct http_get *get)
{
    const struct http_response *response = &get->response;

    if (response->status >= 200 && response->status < 300)
        http_body_init(&get->body, response);
    else if (response->location[0] != '\0')
        http_get_fail(get, "the server says %u %s: fetch %.150s instead", response->status,
                      response->reason, response->location);
    else
        http_get_fail(get, "the server says %u %s", response->status, response->reason);
}

/* Collects the head; returns how many of the bytes belong to it. */
static size_t take_head(struct http_get *get, const char *bytes, size_t length)
{
    size_t before = get->head_length;
    size_t room = sizeof get->head - before;
    size_t added = length < room ? length : room;

    memcpy(get->head + before, bytes, added);
    get->head_length += added;
    size_t head = http_head_length(get->head, get->head_length);
    if (head == 0) {
        if (get->head_length == sizeof get->head)
            http_get_fail(get, "the head of the server's answer is longer than %d bytes",
                          HTTP_HEAD_MAX);
        return added;
    }
    get->head_length = 0;
    if (!http_response_parse(get->head, head, &get->response)) {
        http_get_fail(get, "the server's answer is not HTTP/1.1");
    } else if (get->response.status >= 200) { /* what is below only announces the answer */
        get->has_head = true;
        judge_head(get);
    }
    return head - before;
}

static size_t take_body(struct http_get *get, const char *bytes, size_t length)
{
    const char *data;
    size_t data_length;
    long taken = http_body_take(&get->body, bytes, length, &data, &data_length);

    if (taken < 0) {
        http_get_fail(get, "the server's chunks make no sense");
        return length;
    }
    get->content(get->context, data, data_length);
    get->received += data_length;
    return (size_t)taken;
}

static void take_bytes(struct http_get *get, const char *bytes, size_t length)
{
    while (length != 0 && !get->over && !(get->has_head && get->body.done)) {
        size_t taken =
            get->has_head ? take_body(get, bytes, length) : take_head(get, bytes, length);
        bytes += taken;
        length -= taken;
    }
    if (!get->over && get->has_head && get->body.done)
        end(get, true);
}

static void end_of_stream(struct http_get *get)
{
    if (get->over)
        return;
    if (!get->has_head)
        http_get_fail(get, "the server ended the connection without an answer");
    else if (!http_body_complete(&get->body))
        http_get_fail(get, "the server ended the connection after %" PRIu64 " bytes, in the middle",
                      get->received);
    else
        end(get, true);
}

/* ---- The connection ------------------------------------------------------------------------ */

static void send_request(struct http_get *get)
{
    char request[HTTP_PATH_MAX + 128];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: chaski/" CHASKI_VERSION
                          "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
                          get->url.path, get->url.authority);

    get->requested = true;
    if (chaski_tcp_write(get->host, get->connection, request, (size_t)length) != length)
        http_get_fail(get, "the request cannot be sent");
}

static void receive(struct http_get *get)
{
    struct chaski_piece pieces[PIECES];
    int count;

    while (!get->over &&
           (count = chaski_tcp_look(get->host, get->connection, pieces, PIECES)) != CHASKI_AGAIN) {
        size_t length = 0;
        if (count < 0)
            http_get_fail(get, "%s: %s", get->url.authority, chaski_error_text(count));
        else if (count == 0)
            end_of_stream(get);
        for (int i = 0; i < count; i++) {
            take_bytes(get, pieces[i].bytes, pieces[i].length);
            length += pieces[i].length;
        }
        if (count > 0)
            chaski_tcp_consume(get->host, get->connection, length);
    }
}

static void on_events(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct http_get *get = context;

    (void)host;
    get->connection = connection;
    get->heard++;
    if ((events & CHASKI_CONNECTED) != 0 && !get->requested)
        send_request(get);
    receive(get);
}

bool http_get_begin(struct http_get *get)
{
    struct chaski_tcp_connect connect = {
        .remote = get->url.server, .receive = on_events, .context = get};
    int status = chaski_tcp_connect(get->host, &connect, &get->connection);

    if (status < 0) {
        http_get_fail(get, "%s: %s%s", get->url.authority, chaski_error_text(status),
                      status == CHASKI_NO_ROUTE ? "; give the router with --gateway" : "");
        return false;
    }
    chaski_tcp_set(get->host, get->connection, CHASKI_TCP_SYNCNT, SYN_TIMES);
    return true;
}

void http_get_close(struct http_get *get)
{
    chaski_tcp_close(get->host, get->connection);
}
