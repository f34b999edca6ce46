/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_ANSWER_H
#define CHASKI_CLI_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/http/http_request.h"

/* What to send for a request: some text, then perhaps a part of a file. */
struct http_answer {
    unsigned status;
    bool close; /* the connection ends with this answer */
    char *text; /* head, and a body that comes from no file; NULL when memory ran out */
    size_t text_length;
    int file;         /* -1: none */
    uint64_t at, end; /* of the file */
};

/* Finds what is asked for under the directory `root`, and nowhere else. */
void http_answer_request(int root, const struct http_request *request, struct http_answer *answer);

/* The answer to what is no request; the connection ends with it. */
void http_answer_error(unsigned status, struct http_answer *answer);

/* Gives back what an answer holds. Harmless to call twice, and on one that is all zero but for
 * file == -1. */
void http_answer_free(struct http_answer *answer);

/* Whether the system can keep paths inside a directory: 0 or an errno. */
int http_answer_check(int root);

#endif
