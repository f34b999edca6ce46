/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cli/http/http_body.h"
#include "cli/http/http_names.h"
#include "cli/http/http_request.h"
#include "cli/http/http_url.h"

static unsigned parse(const char *text, struct http_request *request)
{
    size_t length = strlen(text);
    assert_int_equal(http_head_length(text, length), length);
    return http_request_parse(text, length, request);
}

static void a_head_ends_at_the_empty_line(void **state)
{
    (void)state;
    static const char head[] = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET ";
    assert_int_equal(http_head_length(head, strlen(head)), strlen(head) - 4);
    for (size_t cut = 0; cut < strlen(head) - 4; cut++)
        assert_int_equal(http_head_length(head, cut), 0);
    assert_int_equal(http_head_length("GET / HTTP/1.1\n\nx", 17), 16);
    assert_int_equal(http_head_length("\r\n\r\n", 4), 0);
}

static void a_plain_request_is_read(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(parse("GET /a%20b/c?x=%00 HTTP/1.1\r\nhOsT: 10.0.0.1\r\n\r\n", &request), 0);
    assert_int_equal(request.method, HTTP_GET);
    assert_string_equal(request.path, "/a b/c");
    assert_true(request.keep_alive);
    assert_false(request.range.given);
    assert_true(request.modified_since == HTTP_NO_DATE);
    assert_int_equal(parse("HEAD http://h:80/z HTTP/1.1\r\nHost: h\r\n\r\n", &request), 0);
    assert_int_equal(request.method, HTTP_HEAD);
    assert_string_equal(request.path, "/z");
    assert_int_equal(parse("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", &request), 0);
    assert_string_equal(request.path, "/");
}

static void connections_persist_as_the_version_says(void **state)
{
    (void)state;
    struct http_request request;
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n", &request), 0);
    assert_false(request.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", &request), 0);
    assert_true(request.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &request), 0);
    assert_false(request.keep_alive);
}

static void malformed_requests_get_their_status(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *text;
    } cases[] = {
        {400, "GET / HTTP/1.1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        {400, "GET /\r\n\r\n"},
        {400, "GET\r\n\r\n"},
        {400, " / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n"},
        {501, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {501, "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
        {0, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"},
        {0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request;
        unsigned status = parse(cases[i].text, &request);
        if (status != cases[i].status)
            fail_msg("%u, not %u, for %s", status, cases[i].status, cases[i].text);
    }
}

static void paths_are_bounded(void **state)
{
    (void)state;
    struct http_request request;
    char text[HTTP_PATH_MAX + 64];
    for (size_t path = HTTP_PATH_MAX - 2; path <= HTTP_PATH_MAX + 1; path++) {
        memcpy(text, "GET /", 5);
        memset(text + 5, 'a', path - 1);
        memcpy(text + 4 + path, " HTTP/1.0\r\n\r\n", 14);
        assert_int_equal(parse(text, &request), path < HTTP_PATH_MAX ? 0 : 414);
    }
}

static unsigned range(const char *value, uint64_t size, uint64_t *first, uint64_t *length)
{
    char text[128];
    struct http_request request;
    snprintf(text, sizeof text, "GET / HTTP/1.0\r\nRange: %s\r\n\r\n", value);
    assert_int_equal(parse(text, &request), 0);
    return http_range_apply(&request.range, size, first, length);
}

static void ranges_select_a_part(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t size;
        unsigned status;
        uint64_t first, length;
    } cases[] = {
        {"bytes=0-0", 10, 206, 0, 1},
        {"bytes=2-5", 10, 206, 2, 4},
        {"bytes=2-", 10, 206, 2, 8},
        {"bytes=9-99", 10, 206, 9, 1},
        {"bytes=-3", 10, 206, 7, 3},
        {"bytes=-30", 10, 206, 0, 10},
        {"bytes=0-999999999999999999", 10, 206, 0, 10},
        {"bytes=10-", 10, 416, 10, 10},
        {"bytes=-0", 10, 416, 10, 10},
        {"bytes=0-", 0, 416, 0, 0},
        {"bytes=-1", 0, 416, 0, 0},
        {"bytes=5-2", 10, 200, 0, 10},
        {"bytes=1-2,4-5", 10, 200, 0, 10},
        {"bytes=a-b", 10, 200, 0, 10},
        {"bytes=-", 10, 200, 0, 10},
        {"bytes=", 10, 200, 0, 10},
        {"lines=1-2", 10, 200, 0, 10},
        {"bytes=99999999999999999999-", 10, 200, 0, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t first, length;
        unsigned status = range(cases[i].value, cases[i].size, &first, &length);
        if (status != cases[i].status || first != cases[i].first || length != cases[i].length)
            fail_msg("%s of %d: %u, %d + %d", cases[i].value, (int)cases[i].size, status,
                     (int)first, (int)length);
    }
}

static void dates_in_three_forms_are_one(void **state)
{
    (void)state;
    static const char *const good[] = {
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    };
    static const char *const bad[] = {
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 46 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 28:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT and so on and so on",
    };
    char text[HTTP_DATE_TEXT];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(http_date_parse(good[i], strlen(good[i])) == 784111777);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(http_date_parse(bad[i], strlen(bad[i])) == HTTP_NO_DATE);
    assert_string_equal(http_date_text(784111777, text), good[0]);
    assert_string_equal(http_date_text(0, text), "Thu, 01 Jan 1970 00:00:00 GMT");
    for (int64_t when = 0; when < 4102444800; when += 86400 * 13 + 3607) {
        http_date_text(when, text);
        assert_true(http_date_parse(text, strlen(text)) == when);
    }
}

static bool respond(const char *text, struct http_response *response)
{
    return http_response_parse(text, strlen(text), response);
}

static void responses_say_how_long_they_are(void **state)
{
    (void)state;
    struct http_response response;
    assert_true(respond("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", &response));
    assert_int_equal(response.status, 200);
    assert_int_equal(response.framing, HTTP_BY_LENGTH);
    assert_int_equal(response.length, 7);
    assert_true(respond("HTTP/1.0 404 Not Found\r\n\r\n", &response));
    assert_string_equal(response.reason, "Not Found");
    assert_int_equal(response.framing, HTTP_UNTIL_CLOSE);
    assert_true(
        respond("HTTP/1.1 301\r\nlocation: /b\r\nTransfer-Encoding: chunked\r\n\r\n", &response));
    assert_int_equal(response.framing, HTTP_CHUNKED);
    assert_string_equal(response.location, "/b");
    assert_true(respond("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", &response));
    assert_int_equal(response.framing, HTTP_NO_BODY);
}

static void ambiguous_responses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    };
    struct http_response response;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(respond(bad[i], &response));
}

/* Takes a whole body out of `text`, `step` bytes at a time. Returns what is left of the text, or
 * -1 when it is malformed. */
static long take_all(struct http_body *body, const char *text, size_t step, char *content)
{
    size_t at = 0, length = strlen(text), n = 0;
    while (at < length && !body->done) {
        const char *data;
        size_t data_length;
        size_t offered = length - at < step ? length - at : step;
        long taken = http_body_take(body, text + at, offered, &data, &data_length);
        if (taken < 0)
            return -1;
        assert_in_range(taken, 1, offered);
        assert_in_range(data_length, 0, taken);
        memcpy(content + n, data, data_length);
        n += data_length;
        at += (size_t)taken;
    }
    content[n] = '\0';
    return (long)(length - at);
}

static void chunks_are_taken_apart_wherever_they_are_cut(void **state)
{
    (void)state;
    static const char text[] = "5\r\nhello\r\n1;ext=\"x\"\r\n,\r\n00A\n0123456789\n0\r\n"
                               "Trailer: x\r\n\r\nmore";
    for (size_t step = 1; step <= sizeof text; step++) {
        struct http_response response = {.framing = HTTP_CHUNKED};
        struct http_body body;
        char content[64];
        http_body_init(&body, &response);
        assert_int_equal(take_all(&body, text, step, content), 4);
        assert_string_equal(content, "hello,0123456789");
        assert_true(body.done);
    }
}

static void many_small_chunks_are_one_body(void **state)
{
    (void)state;
    struct http_response response = {.framing = HTTP_CHUNKED};
    struct http_body body;
    char content[8];
    http_body_init(&body, &response);
    for (int i = 0; i < 3 * HTTP_HEAD_MAX; i++)
        assert_int_equal(take_all(&body, "1;e\r\nx\r\n", 99, content), 0);
    assert_int_equal(take_all(&body, "0\r\n\r\n", 99, content), 0);
    assert_true(http_body_complete(&body));
}

static void malformed_chunks_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",   "g\r\n", "-1\r\nx\r\n", "1\r\nxy\r\n", "1\r\nx\r\r\n", "fffffffffffffffff\r\n",
        "1x\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_response response = {.framing = HTTP_CHUNKED};
        struct http_body body;
        char content[64];
        http_body_init(&body, &response);
        long left = take_all(&body, bad[i], 64, content);
        if (left >= 0)
            fail_msg("accepted %s", bad[i]);
        assert_false(body.done);
    }
}

static void endless_trailers_are_refused(void **state)
{
    (void)state;
    struct http_response response = {.framing = HTTP_CHUNKED};
    struct http_body body;
    char content[8];
    long left = 0;
    int lines = 0;
    http_body_init(&body, &response);
    assert_int_equal(take_all(&body, "0\r\n", 9, content), 0);
    for (; left == 0 && lines < HTTP_HEAD_MAX; lines++)
        left = take_all(&body, "a: b\r\n", 9, content);
    assert_int_equal(left, -1);
}

static void bodies_by_length_and_until_the_end(void **state)
{
    (void)state;
    struct http_response response = {.framing = HTTP_BY_LENGTH, .length = 5};
    struct http_body body;
    char content[64];
    http_body_init(&body, &response);
    assert_int_equal(take_all(&body, "hel", 64, content), 0);
    assert_false(http_body_complete(&body));
    assert_int_equal(take_all(&body, "lo more", 64, content), 5);
    assert_string_equal(content, "lo");
    assert_true(http_body_complete(&body));
    response.length = 0;
    http_body_init(&body, &response);
    assert_true(body.done);
    response.framing = HTTP_UNTIL_CLOSE;
    http_body_init(&body, &response);
    assert_int_equal(take_all(&body, "all of it", 2, content), 0);
    assert_string_equal(content, "all of it");
    assert_false(body.done);
    assert_true(http_body_complete(&body));
}

static void addresses_of_files_are_read(void **state)
{
    (void)state;
    struct http_url url;
    assert_null(http_url_parse("http://192.0.2.1", &url));
    assert_int_equal(url.server.port, 80);
    assert_string_equal(url.path, "/");
    assert_null(http_url_parse("HTTP://192.0.2.1:8080/a/b?c#d", &url));
    assert_int_equal(url.server.port, 8080);
    assert_string_equal(url.authority, "192.0.2.1:8080");
    assert_string_equal(url.path, "/a/b?c");
    assert_null(http_url_parse("http://192.0.2.1?c", &url));
    assert_string_equal(url.path, "/?c");
    struct chaski_address expected = chaski_ip4(192, 0, 2, 1);
    assert_memory_equal(&url.server.address, &expected, sizeof expected);
}

static void addresses_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "192.0.2.1/a",
        "https://192.0.2.1/",
        "http://example.com/",
        "http:///a",
        "http://192.0.2.1:/",
        "http://192.0.2.1:0/",
        "http://192.0.2.1:65536/",
        "http://192.0.2.1:8x/",
        "http://192.0.2.1/a b",
        "http://192.0.2.1/a\r\nX: y",
        "http://user@192.0.2.1/",
        "http://192.0.2.256/",
    };
    char long_path[2 * HTTP_PATH_MAX] = "http://192.0.2.1/";
    struct http_url url;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (http_url_parse(bad[i], &url) == NULL)
            fail_msg("accepted %s", bad[i]);
    memset(long_path + 17, 'a', sizeof long_path - 18);
    assert_non_null(http_url_parse(long_path, &url));
}

static void media_types_go_by_the_suffix(void **state)
{
    (void)state;
    assert_string_equal(http_media_type("a.HTML"), "text/html; charset=utf-8");
    assert_string_equal(http_media_type("a.tar.gz"), "application/gzip");
    assert_string_equal(http_media_type("Makefile"), "application/octet-stream");
    assert_string_equal(http_media_type("a."), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_at_the_empty_line),
        cmocka_unit_test(a_plain_request_is_read),
        cmocka_unit_test(connections_persist_as_the_version_says),
        cmocka_unit_test(malformed_requests_get_their_status),
        cmocka_unit_test(paths_are_bounded),
        cmocka_unit_test(ranges_select_a_part),
        cmocka_unit_test(dates_in_three_forms_are_one),
        cmocka_unit_test(responses_say_how_long_they_are),
        cmocka_unit_test(ambiguous_responses_are_refused),
        cmocka_unit_test(chunks_are_taken_apart_wherever_they_are_cut),
        cmocka_unit_test(many_small_chunks_are_one_body),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(endless_trailers_are_refused),
        cmocka_unit_test(bodies_by_length_and_until_the_end),
        cmocka_unit_test(addresses_of_files_are_read),
        cmocka_unit_test(addresses_that_make_no_sense_are_refused),
        cmocka_unit_test(media_types_go_by_the_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
