/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_GET_H
#define CHASKI_CLI_HTTP_GET_H

#include "chaski/chaski.h"
#include "cli/arguments.h"
#include "cli/http/http_body.h"
#include "cli/http/http_url.h"

/* One question by HTTP and its answer, on a connection of its own, from the first SYN to the last
 * byte of content. */
struct http_get {
    /* To be set before it begins. */
    struct chaski *host;
    struct http_url url;
    /* Takes a piece of the content; may call http_get_fail(). */
    void (*content)(void *context, const char *bytes, size_t length);
    void (*ended)(void *context); /* over, well or not; called once */
    void *context;

    /* To be read. */
    bool over, good;
    char error[ARGUMENT_ERROR]; /* one line, when it is over and not good */
    bool has_head;              /* and then `response` is filled in */
    struct http_response response;
    uint64_t received; /* bytes of content */
    uint64_t heard;    /* how often there was word from the server */

    chaski_tcp connection;
    bool requested;
    struct http_body body;
    size_t head_length;
    char head[HTTP_HEAD_MAX];
};

/* Connects, and goes on inside chaski_poll(). False when it is over already. */
bool http_get_begin(struct http_get *get);

/* Ends it for a reason that lies elsewhere; of several reasons the first one counts. */
__attribute__((format(printf, 2, 3))) void http_get_fail(struct http_get *get, const char *format,
                                                         ...);

/* Lets go of the connection; to be called once, when the rest is over. */
void http_get_close(struct http_get *get);

#endif
