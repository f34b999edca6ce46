/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_request.h"

#include <string.h>

static enum http_method method_of(struct text text)
{
    static const char *const others[] = {"POST",    "PUT",   "DELETE", "CONNECT",
                                         "OPTIONS", "TRACE", "PATCH"};
    if (text.length == 3 && memcmp(text.at, "GET", 3) == 0)
        return HTTP_GET;
    if (text.length == 4 && memcmp(text.at, "HEAD", 4) == 0)
        return HTTP_HEAD;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (text.length == strlen(others[i]) && memcmp(text.at, others[i], text.length) == 0)
            return HTTP_OTHER;
    return HTTP_UNKNOWN;
}

static int hex_digit(char c)
{
    if (text_is_digit(c))
        return c - '0';
    return text_lower(c) >= 'a' && text_lower(c) <= 'f' ? text_lower(c) - 'a' + 10 : -1;
}

/* Percent-decodes a path. Returns 0 or a status. */
static unsigned decode_path(struct text from, char *to)
{
    size_t n = 0;

    for (size_t i = 0; i < from.length; i++) {
        int c = (unsigned char)from.at[i];
        if (c == '%') {
            if (i + 2 >= from.length || hex_digit(from.at[i + 1]) < 0 ||
                hex_digit(from.at[i + 2]) < 0)
                return 400;
            c = hex_digit(from.at[i + 1]) << 4 | hex_digit(from.at[i + 2]);
            i += 2;
        }
        if (c == '\0')
            return 400;
        if (n + 1 == HTTP_PATH_MAX)
            return 414;
        to[n++] = (char)c;
    }
    to[n] = '\0';
    return 0;
}

/* The path of a target in origin or absolute form (RFC 9112, 3.2). */
static unsigned read_target(struct text target, char *path)
{
    if (text_starts(target, "http://")) {
        target = text_skip(target, 7);
        while (target.length != 0 && target.at[0] != '/' && target.at[0] != '?')
            target = text_skip(target, 1);
        if (target.length == 0 || target.at[0] == '?')
            target = (struct text){"/", 1};
    }
    if (target.length == 0 || target.at[0] != '/')
        return 400;
    return decode_path(text_cut(&target, '?'), path);
}

static unsigned read_request_line(struct text line, struct http_request *request)
{
    struct text method = text_cut(&line, ' ');
    struct text target = text_cut(&line, ' ');

    for (size_t i = 0; i < method.length; i++)
        if (!text_is_token(method.at[i]))
            return 400;
    if (method.length == 0 || target.length == 0)
        return 400;
    if (http_version(line) < 0)
        return text_starts(line, "HTTP/") && memchr(line.at, ' ', line.length) == NULL ? 505 : 400;
    request->minor_version = (unsigned)http_version(line);
    request->method = method_of(method);
    if (request->method == HTTP_UNKNOWN)
        return 501;
    if (request->method == HTTP_OTHER)
        return 0; /* whatever its target means, the answer is the same */
    return read_target(target, request->path);
}

/* A range that is malformed, or one of several, is as if there were none (RFC 9110, 14.2). */
static void read_range(struct text value, struct http_range *range)
{
    range->given = false;
    if (!text_starts(value, "bytes="))
        return;
    value = text_trim(text_skip(value, 6));
    if (memchr(value.at, '-', value.length) == NULL)
        return;
    struct text first = text_cut(&value, '-');
    range->suffix = first.length == 0;
    range->last = UINT64_MAX;
    if (!range->suffix && !text_number(first, &range->first))
        return;
    if ((range->suffix || value.length != 0) && !text_number(value, &range->last))
        return;
    range->given = range->suffix || range->first <= range->last;
}

static unsigned read_host(struct http_request *request)
{
    if (request->has_host)
        return 400;
    request->has_host = true;
    return 0;
}

static unsigned read_request_field(const struct http_field *field, struct http_request *request,
                                   bool *seen_length)
{
    struct text name = field->name, value = field->value;

    if (text_same(name, "Host"))
        return read_host(request);
    if (text_same(name, "Content-Length"))
        return http_body_length(value, seen_length, &request->body_length);
    if (text_same(name, "Transfer-Encoding"))
        return 501;
    if (text_same(name, "Connection") && text_list_has(value, "close"))
        request->keep_alive = false;
    else if (text_same(name, "Connection") && text_list_has(value, "keep-alive"))
        request->keep_alive = true;
    else if (text_same(name, "Range"))
        read_range(value, &request->range);
    else if (text_same(name, "If-Modified-Since"))
        request->modified_since = http_date_parse(value.at, value.length);
    else if (text_same(name, "If-Unmodified-Since"))
        request->unmodified_since = http_date_parse(value.at, value.length);
    else if (text_same(name, "If-None-Match"))
        request->ignore_modified_since = true;
    else if (text_same(name, "If-Range")) {
        request->has_if_range = true;
        request->if_range = http_date_parse(value.at, value.length);
    }
    return 0;
}

unsigned http_request_parse(const char *head, size_t length, struct http_request *request)
{
    struct text rest = text_skip((struct text){head, length}, http_empty_lines(head, length));
    struct text line;
    struct http_field field;
    bool seen_length = false;
    int more;

    *request = (struct http_request){
        .modified_since = HTTP_NO_DATE, .unmodified_since = HTTP_NO_DATE, .if_range = HTTP_NO_DATE};
    if (!http_take_line(&rest, &line))
        return 400;
    unsigned status = read_request_line(line, request);
    request->keep_alive = request->minor_version >= 1;
    while (status == 0 && (more = http_take_field(&rest, &field)) != 0)
        status = more < 0 ? 400 : read_request_field(&field, request, &seen_length);
    if (status == 0 && request->minor_version >= 1 && !request->has_host)
        status = 400;
    return status;
}

unsigned http_range_apply(const struct http_range *range, uint64_t size, uint64_t *first,
                          uint64_t *length)
{
    *first = 0;
    *length = size;
    if (!range->given)
        return 200;
    if (range->suffix)
        *first = range->last < size ? size - range->last : 0;
    else
        *first = range->first;
    if (*first >= size || (range->suffix && range->last == 0))
        return 416;
    *length = size - *first;
    if (!range->suffix && range->last - range->first < *length)
        *length = range->last - range->first + 1;
    return 206;
}
