/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_HEAD_H
#define CHASKI_CLI_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/http/http_text.h"

/*
 * The heads of HTTP/1.1 messages (RFC 9112), line by line, read from bytes that anybody may have
 * sent. Nothing here allocates or keeps state.
 */

enum {
    HTTP_HEAD_MAX = 8192, /* bytes of a head, request line included */
    HTTP_PATH_MAX = 1024,
};

/* How long the head at the front of `bytes` is, empty line and any empty lines before it included;
 * 0 while it is not complete. */
size_t http_head_length(const char *bytes, size_t length);

/* Where the first line that is not empty begins (RFC 9112, 2.2). */
size_t http_empty_lines(const char *bytes, size_t length);

/* Takes one line; false when it holds a control character, a bare CR included. */
bool http_take_line(struct text *rest, struct text *line);

struct http_field {
    struct text name, value;
};

/* Takes one field: 1, 0 at the empty line, -1 when it is malformed. */
int http_take_field(struct text *rest, struct http_field *field);

/* "HTTP/1.x": the x, or -1. */
int http_version(struct text text);

/* The value of Content-Length: 0, or 400. One that is given twice must be the same twice (RFC
 * 9112, 6.3); `seen` says whether it is the second. */
unsigned http_body_length(struct text value, bool *seen, uint64_t *length);

#endif
