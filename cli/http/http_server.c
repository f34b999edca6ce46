/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/http/http_answer.h"
#include "runtime/system.h"

/*
 * A connection reads requests and answers them one by one; requests that come meanwhile wait in
 * its input buffer and then in TCP's window, so a peer that sends faster than it reads only holds
 * up itself. What a connection may take is bounded: its struct, one answer, TCP's queues.
 *
 * Files are read into a buffer and written from there, not handed over from a mapping: a file that
 * somebody shortens meanwhile would otherwise end the program, and the extra copy, within the
 * second-level cache, is a small part of the cost.
 */
enum http_state {
    HTTP_READING,   /* waits for a request */
    HTTP_ANSWERING, /* has an answer that is not completely written */
    HTTP_ENDING,    /* has said everything; discards input until the peer is done too, because a
                     * close with unread input would reset what is still on its way */
};

enum {
    MAX_CONNECTIONS = 4096,
    RECEIVE_BYTES = 64 << 10,
    PIECE_BYTES = 64 << 10,
};

#define SECOND UINT64_C(1000000000)
#define REQUEST_LIMIT (20 * SECOND) /* for a whole request, from its first byte */
#define IDLE_LIMIT (60 * SECOND)    /* between requests, and while the peer takes nothing */
#define ENDING_LIMIT (5 * SECOND)

struct http_connection {
    struct list link;
    struct http_server *server;
    chaski_tcp tcp;
    enum http_state state;
    uint64_t deadline_ns;
    struct http_answer answer;
    size_t text_sent;
    size_t length; /* of input */
    char input[HTTP_HEAD_MAX];
};

static void set_deadline(struct http_connection *connection, uint64_t limit_ns)
{
    connection->deadline_ns = system_now() + limit_ns;
}

static void free_connection(struct http_connection *connection)
{
    http_answer_free(&connection->answer);
    list_remove(&connection->link);
    free(connection);
}

static void close_connection(struct http_connection *connection)
{
    chaski_tcp_close(connection->server->host, connection->tcp);
    free_connection(connection);
}

static void abort_connection(struct http_connection *connection)
{
    chaski_tcp_abort(connection->server->host, connection->tcp);
    free_connection(connection);
}

/* ---- Answering ----------------------------------------------------------------------------- */

static void begin_answer(struct http_connection *connection)
{
    connection->server->requests++;
    connection->state = HTTP_ANSWERING;
    connection->text_sent = 0;
    set_deadline(connection, IDLE_LIMIT);
}

static void refuse(struct http_connection *connection, unsigned status)
{
    http_answer_error(status, &connection->answer);
    begin_answer(connection);
}

/* Takes `n` bytes from the front of the input. */
static void drop_input(struct http_connection *connection, size_t n)
{
    connection->length -= n;
    memmove(connection->input, connection->input + n, connection->length);
}

static void answer_request(struct http_connection *connection, size_t head)
{
    struct http_request request;
    unsigned status = http_request_parse(connection->input, head, &request);

    drop_input(connection, head);
    if (status != 0) {
        refuse(connection, status);
        return;
    }
    if (request.body_length != 0)
        request.keep_alive = false; /* its body is not for us: the connection ends instead */
    http_answer_request(connection->server->root, &request, &connection->answer);
    begin_answer(connection);
}

/* Each of these writes what there is room for and returns 1 when all is written, 0 when it has to
 * wait, -1 when it cannot go on. */
static int write_text(struct http_connection *connection)
{
    struct http_answer *answer = &connection->answer;
    size_t left = answer->text_length - connection->text_sent;

    if (answer->text == NULL)
        return -1;
    if (left == 0)
        return 1;
    long written = chaski_tcp_write(connection->server->host, connection->tcp,
                                    answer->text + connection->text_sent, left);
    if (written < 0)
        return written == CHASKI_AGAIN ? 0 : -1;
    connection->text_sent += (size_t)written;
    set_deadline(connection, IDLE_LIMIT);
    return (size_t)written == left;
}

static int write_file(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_answer *answer = &connection->answer;

    while (answer->at < answer->end) {
        uint64_t left = answer->end - answer->at;
        ssize_t length = pread(answer->file, server->piece,
                               left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, (off_t)answer->at);
        if (length <= 0)
            return -1; /* shorter than it was when its length was announced */
        long written =
            chaski_tcp_write(server->host, connection->tcp, server->piece, (size_t)length);
        if (written < 0)
            return written == CHASKI_AGAIN ? 0 : -1;
        answer->at += (uint64_t)written;
        set_deadline(connection, IDLE_LIMIT);
        if (written < length)
            return 0;
    }
    return 1;
}

static void end_answer(struct http_connection *connection)
{
    bool last = connection->answer.close;

    http_answer_free(&connection->answer);
    connection->state = last ? HTTP_ENDING : HTTP_READING;
    set_deadline(connection, last ? ENDING_LIMIT : IDLE_LIMIT);
    if (last)
        chaski_tcp_shutdown(connection->server->host, connection->tcp);
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Looks for a request in what has been read. False when there is none yet. */
static bool take_request(struct http_connection *connection)
{
    size_t head = http_head_length(connection->input, connection->length);
    if (head != 0)
        answer_request(connection, head);
    else if (connection->length == HTTP_HEAD_MAX)
        refuse(connection, 431);
    else
        return false;
    return true;
}

/* Reads more. 1 when there was something, 0 when it has to wait, -1 at the end. */
static int read_input(struct http_connection *connection)
{
    bool first = connection->length == 0;
    long got =
        chaski_tcp_read(connection->server->host, connection->tcp,
                        connection->input + connection->length, HTTP_HEAD_MAX - connection->length);
    if (got <= 0)
        return got == CHASKI_AGAIN ? 0 : -1;
    connection->length += (size_t)got;
    if (first)
        set_deadline(connection, REQUEST_LIMIT);
    return 1;
}

/* Reads and forgets. */
static int read_nothing(struct http_connection *connection)
{
    long got;

    do {
        got = chaski_tcp_read(connection->server->host, connection->tcp, connection->input,
                              sizeof connection->input);
    } while (got > 0);
    return got == CHASKI_AGAIN ? 0 : -1;
}

/* ---- Going on ------------------------------------------------------------------------------ */

/* One step of whatever the connection is at: 1 to go on, 0 to wait, -1 to end. */
static int step(struct http_connection *connection)
{
    int result;

    switch (connection->state) {
    case HTTP_READING:
        return take_request(connection) ? 1 : read_input(connection);
    case HTTP_ANSWERING:
        result = write_text(connection);
        if (result > 0)
            result = write_file(connection);
        if (result > 0)
            end_answer(connection);
        return result;
    default:
        return read_nothing(connection);
    }
}

static void go_on(void *context, struct chaski *host, chaski_tcp tcp, unsigned events)
{
    struct http_connection *connection = context;
    int result;

    (void)host;
    (void)tcp;
    (void)events;
    do {
        result = step(connection);
    } while (result > 0);
    if (result == 0)
        return;
    if (connection->state == HTTP_ANSWERING)
        abort_connection(connection); /* so that the peer does not take a part for the whole */
    else
        close_connection(connection);
}

static void begin_connection(void *context, struct chaski *host, chaski_tcp tcp, unsigned events)
{
    struct http_server *server = context;
    struct http_connection *connection = malloc(sizeof *connection);

    if (connection == NULL) {
        chaski_tcp_abort(host, tcp);
        return;
    }
    connection->server = server;
    connection->tcp = tcp;
    connection->state = HTTP_READING;
    connection->answer = (struct http_answer){.file = -1};
    connection->length = 0;
    set_deadline(connection, IDLE_LIMIT);
    if (list_empty(&server->connections) && server->begun != NULL)
        server->begun(server->context);
    list_append(&server->connections, &connection->link);
    chaski_tcp_set(host, tcp, CHASKI_TCP_NODELAY, 1);
    chaski_tcp_set(host, tcp, CHASKI_TCP_RCVBUF, RECEIVE_BYTES);
    chaski_tcp_on(host, tcp, go_on, connection);
    go_on(connection, host, tcp, events);
}

/* ---- The server ---------------------------------------------------------------------------- */

int http_server_open(struct http_server *server, struct chaski *host, uint16_t port, int root)
{
    struct chaski_tcp_bind bind = {.local.port = port,
                                   .max_connections = MAX_CONNECTIONS,
                                   .backlog = 1024,
                                   .receive = begin_connection,
                                   .context = server};
    server->host = host;
    server->root = root;
    list_init(&server->connections);
    server->piece = malloc(PIECE_BYTES);
    if (server->piece == NULL)
        return CHASKI_NO_MEMORY;
    return chaski_tcp_bind(host, &bind, &server->listener);
}

void http_server_close(struct http_server *server)
{
    chaski_tcp_unbind(server->host, server->listener);
    while (!list_empty(&server->connections))
        close_connection(list_entry(server->connections.next, struct http_connection, link));
    free(server->piece);
    server->piece = NULL;
}

/* The peer took too long. */
static void expire(struct http_connection *connection)
{
    if (connection->state == HTTP_ANSWERING) {
        abort_connection(connection);
    } else if (connection->state == HTTP_READING && connection->length != 0) {
        refuse(connection, 408);
        go_on(connection, connection->server->host, connection->tcp, 0);
    } else {
        close_connection(connection);
    }
}

bool http_server_tick(struct http_server *server)
{
    uint64_t now = system_now();
    struct list *node = server->connections.next;

    while (node != &server->connections) {
        struct http_connection *connection = list_entry(node, struct http_connection, link);
        node = node->next;
        if (connection->deadline_ns <= now)
            expire(connection);
    }
    return !list_empty(&server->connections);
}
