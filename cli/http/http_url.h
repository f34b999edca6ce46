/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_URL_H
#define CHASKI_CLI_HTTP_URL_H

#include "chaski/address.h"
#include "cli/http/http_head.h"

struct http_url {
    struct chaski_endpoint server;
    char authority[32];       /* for the field Host */
    char path[HTTP_PATH_MAX]; /* path and query as they go into the request line */
};

/* Reads "http://192.0.2.1:8080/a?b". Returns NULL, or what is wrong with it. */
const char *http_url_parse(const char *text, struct http_url *url);

#endif
