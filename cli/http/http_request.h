/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_REQUEST_H
#define CHASKI_CLI_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/http/http_date.h"
#include "cli/http/http_head.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_OTHER, /* a method of RFC 9110 or 5789 that a file server has no use for */
    HTTP_UNKNOWN,
};

/* The one range that was asked for (RFC 9110, 14.1.2). */
struct http_range {
    bool given;
    bool suffix; /* the last `last` bytes */
    uint64_t first;
    uint64_t last; /* inclusive; UINT64_MAX: to the end */
};

struct http_request {
    enum http_method method;
    bool keep_alive;
    bool has_host;
    bool ignore_modified_since; /* If-None-Match is there (RFC 9110, 13.1.3) */
    bool has_if_range;
    unsigned minor_version;
    int64_t modified_since; /* seconds since 1970, or HTTP_NO_DATE */
    int64_t unmodified_since;
    int64_t if_range; /* HTTP_NO_DATE: a tag, which matches nothing here */
    uint64_t body_length;
    struct http_range range;
    char path[HTTP_PATH_MAX]; /* percent-decoded, from the first slash, without the query */
};

/* Reads a head of http_head_length() bytes. Returns 0, or the status to answer with (after which
 * the connection must be closed, as nobody knows where the next request begins). */
unsigned http_request_parse(const char *head, size_t length, struct http_request *request);

/* What of a file of `size` bytes to send: 200 for all of it, 206 for a part, 416 for nothing. */
unsigned http_range_apply(const struct http_range *range, uint64_t size, uint64_t *first,
                          uint64_t *length);

#endif
