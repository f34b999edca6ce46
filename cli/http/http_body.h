/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_BODY_H
#define CHASKI_CLI_HTTP_BODY_H

#include "cli/http/http_response.h"

/* The body of a message, taken out of the stream piece by piece (RFC 9112, 6 and 7). */
struct http_body {
    enum http_framing framing;
    uint8_t state; /* enum chunk_state */
    bool done;
    uint64_t left;  /* bytes of the body or of the chunk that are still to come */
    uint32_t spare; /* bytes that chunk extensions and trailers may still take */
};

void http_body_init(struct http_body *body, const struct http_response *response);

/* Takes bytes from the front of the stream; *data and *data_length are the part of them that
 * belongs to the content (possibly none). Returns how many were taken: at least one while the
 * body is not done and there are some; -1 when they make no sense. */
long http_body_take(struct http_body *body, const char *bytes, size_t length, const char **data,
                    size_t *data_length);

/* Whether the content is complete when the stream ends here. */
bool http_body_complete(const struct http_body *body);

#endif
