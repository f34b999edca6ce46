/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_response.h"

static bool read_status_line(struct text line, struct http_response *response)
{
    uint64_t status;

    if (http_version(text_cut(&line, ' ')) < 0)
        return false;
    struct text code = text_cut(&line, ' ');
    if (code.length != 3 || !text_number(code, &status) || status < 100)
        return false;
    response->status = (unsigned)status;
    if (line.length >= sizeof response->reason)
        line.length = sizeof response->reason - 1;
    return text_copy(line, response->reason, sizeof response->reason);
}

static bool read_response_field(const struct http_field *field, struct http_response *response,
                                bool *seen_length)
{
    if (text_same(field->name, "Content-Length"))
        return http_body_length(field->value, seen_length, &response->length) == 0;
    if (text_same(field->name, "Transfer-Encoding")) {
        response->framing = HTTP_CHUNKED;
        return text_same(field->value, "chunked");
    }
    if (text_same(field->name, "Location") &&
        !text_copy(field->value, response->location, sizeof response->location))
        response->location[0] = '\0';
    return true;
}

bool http_response_parse(const char *head, size_t length, struct http_response *response)
{
    struct text rest = text_skip((struct text){head, length}, http_empty_lines(head, length));
    struct text line;
    struct http_field field;
    bool seen_length = false, good;
    int more = 0;

    *response = (struct http_response){.framing = HTTP_UNTIL_CLOSE};
    good = http_take_line(&rest, &line) && read_status_line(line, response);
    while (good && (more = http_take_field(&rest, &field)) > 0)
        good = read_response_field(&field, response, &seen_length);
    if (!good || more < 0 || (seen_length && response->framing == HTTP_CHUNKED))
        return false;
    if (response->status < 200 || response->status == 204 || response->status == 304)
        response->framing = HTTP_NO_BODY; /* RFC 9112, 6.3 */
    else if (seen_length)
        response->framing = HTTP_BY_LENGTH;
    return true;
}
