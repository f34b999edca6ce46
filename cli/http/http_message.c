/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_message.h"

#include <stdio.h>
#include <string.h>

struct text {
    const char *at;
    size_t length;
};

struct field {
    struct text name, value;
};

/* ---- Characters and words ------------------------------------------------------------------ */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_token(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool same(struct text text, const char *word)
{
    if (text.length != strlen(word))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (lower(text.at[i]) != lower(word[i]))
            return false;
    return true;
}

static bool starts(struct text text, const char *word)
{
    size_t length = strlen(word);
    return text.length >= length && same((struct text){text.at, length}, word);
}

static struct text skip(struct text text, size_t n)
{
    return (struct text){text.at + n, text.length - n};
}

static struct text trim(struct text text)
{
    while (text.length != 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = skip(text, 1);
    while (text.length != 0 &&
           (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Cuts off what stands before the first `separator`, which goes too; the whole rest when there is
 * none. */
static struct text cut(struct text *rest, char separator)
{
    struct text first = *rest;
    const char *at = memchr(rest->at, separator, rest->length);

    if (at == NULL) {
        *rest = skip(*rest, rest->length);
        return first;
    }
    first.length = (size_t)(at - rest->at);
    *rest = skip(*rest, first.length + 1);
    return first;
}

static bool read_number(struct text text, uint64_t *number)
{
    if (text.length == 0 || text.length > 18)
        return false;
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!is_digit(text.at[i]))
            return false;
        *number = *number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return true;
}

/* Whether `word` is a member of a comma separated list. */
static bool list_has(struct text list, const char *word)
{
    while (list.length != 0)
        if (same(trim(cut(&list, ',')), word))
            return true;
    return false;
}

/* ---- Lines and fields ---------------------------------------------------------------------- */

/* Takes one line; false when it holds a control character, a bare CR included. */
static bool take_line(struct text *rest, struct text *line)
{
    *line = cut(rest, '\n');
    if (line->length != 0 && line->at[line->length - 1] == '\r')
        line->length--;
    for (size_t i = 0; i < line->length; i++)
        if (((unsigned char)line->at[i] < 0x20 && line->at[i] != '\t') || line->at[i] == 0x7f)
            return false;
    return true;
}

/* Where the first line that is not empty begins (RFC 9112, 2.2). */
static size_t empty_lines(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length &&
           (bytes[at] == '\n' || (bytes[at] == '\r' && at + 1 < length && bytes[at + 1] == '\n')))
        at++;
    return at;
}

size_t http_head_length(const char *bytes, size_t length)
{
    size_t at = empty_lines(bytes, length);

    while (at < length) {
        const char *end = memchr(bytes + at, '\n', length - at);
        if (end == NULL)
            return 0;
        size_t line = (size_t)(end - bytes) - at;
        bool empty = line == 0 || (line == 1 && bytes[at] == '\r');
        at += line + 1;
        if (empty)
            return at;
    }
    return 0;
}

/* Takes one field: 1, 0 at the empty line, -1 when it is malformed. */
static int take_field(struct text *rest, struct field *field)
{
    struct text line;

    if (!take_line(rest, &line))
        return -1;
    if (line.length == 0)
        return 0;
    if (memchr(line.at, ':', line.length) == NULL)
        return -1;
    field->name = cut(&line, ':');
    field->value = trim(line);
    for (size_t i = 0; i < field->name.length; i++)
        if (!is_token(field->name.at[i]))
            return -1; /* also a folded line and a space before the colon (RFC 9112, 5) */
    return field->name.length == 0 ? -1 : 1;
}

/* "HTTP/1.x": the x, or -1. */
static int version_of(struct text text)
{
    if (text.length != 8 || memcmp(text.at, "HTTP/1.", 7) != 0 || !is_digit(text.at[7]))
        return -1;
    return text.at[7] - '0';
}

static bool copy_text(struct text from, char *to, size_t size)
{
    if (from.length >= size)
        return false;
    memcpy(to, from.at, from.length);
    to[from.length] = '\0';
    return true;
}

/* ---- Requests ------------------------------------------------------------------------------ */

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
    if (is_digit(c))
        return c - '0';
    return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
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
    if (starts(target, "http://")) {
        target = skip(target, 7);
        while (target.length != 0 && target.at[0] != '/' && target.at[0] != '?')
            target = skip(target, 1);
        if (target.length == 0 || target.at[0] == '?')
            target = (struct text){"/", 1};
    }
    if (target.length == 0 || target.at[0] != '/')
        return 400;
    return decode_path(cut(&target, '?'), path);
}

static unsigned read_request_line(struct text line, struct http_request *request)
{
    struct text method = cut(&line, ' ');
    struct text target = cut(&line, ' ');

    for (size_t i = 0; i < method.length; i++)
        if (!is_token(method.at[i]))
            return 400;
    if (method.length == 0 || target.length == 0)
        return 400;
    if (version_of(line) < 0)
        return starts(line, "HTTP/") && memchr(line.at, ' ', line.length) == NULL ? 505 : 400;
    request->minor_version = (unsigned)version_of(line);
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
    if (!starts(value, "bytes="))
        return;
    value = trim(skip(value, 6));
    if (memchr(value.at, '-', value.length) == NULL)
        return;
    struct text first = cut(&value, '-');
    range->suffix = first.length == 0;
    range->last = UINT64_MAX;
    if (!range->suffix && !read_number(first, &range->first))
        return;
    if ((range->suffix || value.length != 0) && !read_number(value, &range->last))
        return;
    range->given = range->suffix || range->first <= range->last;
}

/* A length that is given twice must be the same twice (RFC 9112, 6.3). */
static unsigned read_body_length(struct text value, bool *seen, uint64_t *length)
{
    uint64_t number;
    if (!read_number(value, &number) || (*seen && number != *length))
        return 400;
    *seen = true;
    *length = number;
    return 0;
}

static unsigned read_host(struct http_request *request)
{
    if (request->has_host)
        return 400;
    request->has_host = true;
    return 0;
}

static unsigned read_request_field(const struct field *field, struct http_request *request,
                                   bool *seen_length)
{
    struct text name = field->name, value = field->value;

    if (same(name, "Host"))
        return read_host(request);
    if (same(name, "Content-Length"))
        return read_body_length(value, seen_length, &request->body_length);
    if (same(name, "Transfer-Encoding"))
        return 501;
    if (same(name, "Connection") && list_has(value, "close"))
        request->keep_alive = false;
    else if (same(name, "Connection") && list_has(value, "keep-alive"))
        request->keep_alive = true;
    else if (same(name, "Range"))
        read_range(value, &request->range);
    else if (same(name, "If-Modified-Since"))
        request->modified_since = http_date_parse(value.at, value.length);
    else if (same(name, "If-Unmodified-Since"))
        request->unmodified_since = http_date_parse(value.at, value.length);
    else if (same(name, "If-None-Match"))
        request->ignore_modified_since = true;
    else if (same(name, "If-Range")) {
        request->has_if_range = true;
        request->if_range = http_date_parse(value.at, value.length);
    }
    return 0;
}

unsigned http_request_parse(const char *head, size_t length, struct http_request *request)
{
    struct text rest = skip((struct text){head, length}, empty_lines(head, length));
    struct text line;
    struct field field;
    bool seen_length = false;
    int more;

    *request = (struct http_request){
        .modified_since = HTTP_NO_DATE, .unmodified_since = HTTP_NO_DATE, .if_range = HTTP_NO_DATE};
    if (!take_line(&rest, &line))
        return 400;
    unsigned status = read_request_line(line, request);
    request->keep_alive = request->minor_version >= 1;
    while (status == 0 && (more = take_field(&rest, &field)) != 0)
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

/* ---- Responses ----------------------------------------------------------------------------- */

static bool read_status_line(struct text line, struct http_response *response)
{
    uint64_t status;

    if (version_of(cut(&line, ' ')) < 0)
        return false;
    struct text code = cut(&line, ' ');
    if (code.length != 3 || !read_number(code, &status) || status < 100)
        return false;
    response->status = (unsigned)status;
    if (line.length >= sizeof response->reason)
        line.length = sizeof response->reason - 1;
    return copy_text(line, response->reason, sizeof response->reason);
}

static bool read_response_field(const struct field *field, struct http_response *response,
                                bool *seen_length)
{
    if (same(field->name, "Content-Length"))
        return read_body_length(field->value, seen_length, &response->length) == 0;
    if (same(field->name, "Transfer-Encoding")) {
        response->framing = HTTP_CHUNKED;
        return same(field->value, "chunked");
    }
    if (same(field->name, "Location") &&
        !copy_text(field->value, response->location, sizeof response->location))
        response->location[0] = '\0';
    return true;
}

bool http_response_parse(const char *head, size_t length, struct http_response *response)
{
    struct text rest = skip((struct text){head, length}, empty_lines(head, length));
    struct text line;
    struct field field;
    bool seen_length = false, good;
    int more = 0;

    *response = (struct http_response){.framing = HTTP_UNTIL_CLOSE};
    good = take_line(&rest, &line) && read_status_line(line, response);
    while (good && (more = take_field(&rest, &field)) > 0)
        good = read_response_field(&field, response, &seen_length);
    if (!good || more < 0 || (seen_length && response->framing == HTTP_CHUNKED))
        return false;
    if (response->status < 200 || response->status == 204 || response->status == 304)
        response->framing = HTTP_NO_BODY; /* RFC 9112, 6.3 */
    else if (seen_length)
        response->framing = HTTP_BY_LENGTH;
    return true;
}

/* ---- Addresses, reasons, types ------------------------------------------------------------- */

const char *http_url_parse(const char *text, struct http_url *url)
{
    struct text rest = {text, strlen(text)};
    uint64_t port = 80;
    char host[CHASKI_ADDRESS_TEXT];

    if (!starts(rest, "http://"))
        return "only http:// is spoken here";
    rest = skip(rest, 7);
    struct text authority = {rest.at, strcspn(rest.at, "/?#")};
    rest = skip(rest, authority.length);
    if (!copy_text(authority, url->authority, sizeof url->authority))
        return "the host must be an IPv4 address such as 192.0.2.1";
    bool has_port = memchr(authority.at, ':', authority.length) != NULL;
    struct text name = cut(&authority, ':');
    if (!copy_text(name, host, sizeof host) || !chaski_address_parse(host, &url->server.address))
        return "the host must be an IPv4 address such as 192.0.2.1; names are not looked up";
    if (has_port && (!read_number(authority, &port) || port == 0 || port > 65535))
        return "the port must be a number from 1 to 65535";
    url->server.port = (uint16_t)port;
    url->server.interface = 0;
    rest.length = strcspn(rest.at, "#");
    for (size_t i = 0; i < rest.length; i++)
        if ((unsigned char)rest.at[i] <= 0x20 || rest.at[i] == 0x7f)
            return "spaces and control characters must be percent-encoded";
    bool slash = rest.length != 0 && rest.at[0] == '/';
    if (rest.length + 2 > sizeof url->path)
        return "the path is too long";
    url->path[0] = '/';
    copy_text(rest, slash ? url->path : url->path + 1, sizeof url->path - 1);
    return NULL;
}

const char *http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {412, "Precondition Failed"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

const char *http_media_type(const char *name)
{
    static const char *const types[][2] = {
        {"html", "text/html; charset=utf-8"},
        {"htm", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"txt", "text/plain; charset=utf-8"},
        {"md", "text/plain; charset=utf-8"},
        {"c", "text/plain; charset=utf-8"},
        {"h", "text/plain; charset=utf-8"},
        {"log", "text/plain; charset=utf-8"},
        {"xml", "application/xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"gif", "image/gif"},
        {"webp", "image/webp"},
        {"ico", "image/x-icon"},
        {"pdf", "application/pdf"},
        {"zip", "application/zip"},
        {"gz", "application/gzip"},
        {"wasm", "application/wasm"},
        {"mp4", "video/mp4"},
        {"mp3", "audio/mpeg"},
    };
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (same((struct text){dot + 1, strlen(dot + 1)}, types[i][0]))
            return types[i][1];
    return "application/octet-stream";
}
