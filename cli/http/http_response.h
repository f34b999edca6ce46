/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_RESPONSE_H
#define CHASKI_CLI_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/http/http_head.h"

enum http_framing {
    HTTP_NO_BODY,
    HTTP_BY_LENGTH,
    HTTP_CHUNKED,
    HTTP_UNTIL_CLOSE,
};

struct http_response {
    unsigned status;
    enum http_framing framing;
    uint64_t length; /* HTTP_BY_LENGTH only */
    char reason[64];
    char location[HTTP_PATH_MAX]; /* empty when there is none */
};

/* Reads the head of an answer to GET. False when it is not HTTP/1.x, or ambiguous. */
bool http_response_parse(const char *head, size_t length, struct http_response *response);

#endif
