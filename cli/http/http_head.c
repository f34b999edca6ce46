/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_head.h"

#include <string.h>

bool http_take_line(struct text *rest, struct text *line)
{
    *line = text_cut(rest, '\n');
    if (line->length != 0 && line->at[line->length - 1] == '\r')
        line->length--;
    for (size_t i = 0; i < line->length; i++)
        if (((unsigned char)line->at[i] < 0x20 && line->at[i] != '\t') || line->at[i] == 0x7f)
            return false;
    return true;
}

size_t http_empty_lines(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length &&
           (bytes[at] == '\n' || (bytes[at] == '\r' && at + 1 < length && bytes[at + 1] == '\n')))
        at++;
    return at;
}

size_t http_head_length(const char *bytes, size_t length)
{
    size_t at = http_empty_lines(bytes, length);

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

int http_take_field(struct text *rest, struct http_field *field)
{
    struct text line;

    if (!http_take_line(rest, &line))
        return -1;
    if (line.length == 0)
        return 0;
    if (memchr(line.at, ':', line.length) == NULL)
        return -1;
    field->name = text_cut(&line, ':');
    field->value = text_trim(line);
    for (size_t i = 0; i < field->name.length; i++)
        if (!text_is_token(field->name.at[i]))
            return -1; /* also a folded line and a space before the colon (RFC 9112, 5) */
    return field->name.length == 0 ? -1 : 1;
}

int http_version(struct text text)
{
    if (text.length != 8 || memcmp(text.at, "HTTP/1.", 7) != 0 || !text_is_digit(text.at[7]))
        return -1;
    return text.at[7] - '0';
}

unsigned http_body_length(struct text value, bool *seen, uint64_t *length)
{
    uint64_t number;
    if (!text_number(value, &number) || (*seen && number != *length))
        return 400;
    *seen = true;
    *length = number;
    return 0;
}
