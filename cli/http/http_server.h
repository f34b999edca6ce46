/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_SERVER_H
#define CHASKI_CLI_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/base/list.h"

/* An HTTP/1.1 server for the files under one directory. */
struct http_server {
    struct chaski *host;
    chaski_listener listener;
    int root;
    struct list connections;      /* struct http_connection */
    void (*begun)(void *context); /* the first connection after a time without: call tick now */
    void *context;
    uint64_t requests; /* answered since the start */
    char *piece;       /* what is on its way from a file to a connection */
};

/* Listens on `port`. `root` is a directory's descriptor and stays the caller's, as do `begun` and
 * `context`, to be set before. 0 or a negative enum chaski_error. */
int http_server_open(struct http_server *server, struct chaski *host, uint16_t port, int root);
/* Lets go of all connections. */
void http_server_close(struct http_server *server);

/* To be called about once a second as long as it returns true: ends connections whose peer takes
 * too long. */
bool http_server_tick(struct http_server *server);

#endif
