/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "cli/http/http_body.h"
#include "cli/http/http_request.h"
#include "cli/http/http_url.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

static void must_end(const char *text, size_t room)
{
    must(memchr(text, '\0', room) != NULL);
}

static void range(const struct http_range *asked, uint64_t size)
{
    uint64_t first = 0, length = 0;
    unsigned status = http_range_apply(asked, size, &first, &length);
    must(status == 200 || status == 206 || status == 416);
    if (status != 416)
        must(first <= size && length <= size - first);
}

static void request(const char *head, size_t length)
{
    struct http_request request;
    unsigned status = http_request_parse(head, length, &request);
    must(status == 0 || (status >= 400 && status < 600));
    if (status != 0)
        return;
    must_end(request.path, sizeof request.path);
    range(&request.range, 0);
    range(&request.range, 1000);
    range(&request.range, UINT64_MAX);
}

/* Content is a part of what was taken, and every call takes something. */
static void body(const struct http_response *response, const char *bytes, size_t length)
{
    struct http_body body;
    http_body_init(&body, response);
    while (!body.done && length > 0) {
        const char *data = NULL;
        size_t data_length = 0;
        long taken = http_body_take(&body, bytes, length, &data, &data_length);
        if (taken < 0)
            return;
        must(taken > 0 && (size_t)taken <= length);
        must(data_length == 0 || (data >= bytes && data + data_length <= bytes + taken));
        bytes += taken;
        length -= (size_t)taken;
    }
    http_body_complete(&body);
}

static void response(const char *head, size_t length, size_t whole)
{
    struct http_response response;
    if (!http_response_parse(head, length, &response))
        return;
    must_end(response.reason, sizeof response.reason);
    must_end(response.location, sizeof response.location);
    body(&response, head + length, whole - length);
}

static void url(const char *bytes, size_t length)
{
    struct http_url url;
    char *text = (char *)exact_copy((const uint8_t *)bytes, length + 1);
    text[length] = '\0';
    if (http_url_parse(text, &url) == NULL) {
        must_end(url.authority, sizeof url.authority);
        must_end(url.path, sizeof url.path);
        must(url.path[0] == '/');
    }
    exact_free((uint8_t *)text, length + 1);
}

/* The first byte chooses: a request, a response with its body, or the text of a URL. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    const char *text = (const char *)bytes + 1;
    size_t whole = size - 1, length = http_head_length(text, whole);
    must(length <= whole);
    if (bytes[0] % 3 == 2)
        url(text, whole - 1);
    else if (length > 0 && bytes[0] % 3 == 0)
        request(text, length);
    else if (length > 0)
        response(text, length, whole);
    return 0;
}
