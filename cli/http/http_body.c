/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_body.h"

enum chunk_state {
    CHUNK_SIZE_FIRST, /* the first digit of a chunk's size */
    CHUNK_SIZE,
    CHUNK_EXTENSION, /* the rest of the size's line */
    CHUNK_DATA,
    CHUNK_DATA_CR, /* the line end after the data */
    CHUNK_DATA_LF,
    TRAILER_START, /* at the start of a line; an empty one ends the body */
    TRAILER,
};

void http_body_init(struct http_body *body, const struct http_response *response)
{
    *body = (struct http_body){
        .framing = response->framing, .left = response->length, .spare = HTTP_HEAD_MAX};
    body->done =
        body->framing == HTTP_NO_BODY || (body->framing == HTTP_BY_LENGTH && body->left == 0);
}

bool http_body_complete(const struct http_body *body)
{
    return body->done || body->framing == HTTP_UNTIL_CLOSE;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool end_size_line(struct http_body *body)
{
    body->state = body->left == 0 ? TRAILER_START : CHUNK_DATA;
    body->spare = HTTP_HEAD_MAX;
    return true;
}

static bool take_size(struct http_body *body, char c)
{
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (body->left >> 56 != 0)
            return false;
        body->left = body->left << 4 | (unsigned)digit;
        body->state = CHUNK_SIZE;
        return true;
    }
    if (body->state == CHUNK_SIZE_FIRST)
        return false;
    if (c == '\n')
        return end_size_line(body);
    body->state = CHUNK_EXTENSION;
    return c == '\r' || c == ';' || c == ' ' || c == '\t';
}

/* Takes a byte that belongs to the framing; false when it cannot stand there. */
static bool take_framing(struct http_body *body, char c)
{
    if (body->spare == 0)
        return false;
    switch (body->state) {
    case CHUNK_SIZE_FIRST:
    case CHUNK_SIZE:
        return take_size(body, c);
    case CHUNK_EXTENSION:
        body->spare--;
        return c == '\n' ? end_size_line(body) : true;
    case CHUNK_DATA_CR: /* a line may also end with LF alone */
    case CHUNK_DATA_LF:
        if (c == '\r' && body->state == CHUNK_DATA_CR) {
            body->state = CHUNK_DATA_LF;
            return true;
        }
        body->state = CHUNK_SIZE_FIRST;
        return c == '\n';
    default:
        body->spare--;
        if (c == '\n') {
            body->done = body->state == TRAILER_START;
            body->state = TRAILER_START;
        } else if (c != '\r') {
            body->state = TRAILER;
        }
        return true;
    }
}

static long take_content(struct http_body *body, size_t length, size_t *data_length)
{
    *data_length = body->left < length ? (size_t)body->left : length;
    body->left -= *data_length;
    if (body->left == 0) {
        body->done = body->framing == HTTP_BY_LENGTH;
        body->state = CHUNK_DATA_CR;
    }
    return (long)*data_length;
}

long http_body_take(struct http_body *body, const char *bytes, size_t length, const char **data,
                    size_t *data_length)
{
    size_t taken = 0;

    *data = bytes;
    *data_length = 0;
    if (body->done)
        return 0;
    if (body->framing == HTTP_UNTIL_CLOSE) {
        *data_length = length;
        return (long)length;
    }
    if (body->framing == HTTP_BY_LENGTH)
        return take_content(body, length, data_length);
    while (taken < length && !body->done && body->state != CHUNK_DATA)
        if (!take_framing(body, bytes[taken++]))
            return -1;
    if (taken == length || body->done)
        return (long)taken;
    *data = bytes + taken;
    return (long)taken + take_content(body, length - taken, data_length);
}
