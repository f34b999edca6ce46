/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/http/http_answer.h"

/*
 * A directory with one of each kind:
 *   secret            outside of the root
 *   root/hello.txt    "hello, world\n", of 1994-11-06 08:49:37
 *   root/a&b/<x>.txt  empty
 *   root/indexed/index.html
 *   root/way-out -> ../secret, root/inside -> hello.txt, root/pipe
 */
static char base[] = "/tmp/chaski-answer-XXXXXX";
static int root;

enum { HELLO_LENGTH = 13, HELLO_TIME = 784111777 };

static void make_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(text, to);
    fclose(to);
}

static void make_directory(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", base, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static int make_tree(void **state)
{
    (void)state;
    const struct timespec times[2] = {{.tv_sec = HELLO_TIME}, {.tv_sec = HELLO_TIME}};
    assert_non_null(mkdtemp(base));
    make_directory("root");
    make_directory("root/a&b");
    make_directory("root/indexed");
    make_file("secret", "secret\n");
    make_file("root/hello.txt", "hello, world\n");
    make_file("root/a&b/<x>.txt", "");
    make_file("root/indexed/index.html", "<p>index\n");
    char path[128];
    snprintf(path, sizeof path, "%s/root", base);
    root = open(path, O_PATH | O_DIRECTORY);
    assert_true(root >= 0);
    assert_int_equal(symlinkat("../secret", root, "way-out"), 0);
    assert_int_equal(symlinkat("hello.txt", root, "inside"), 0);
    assert_int_equal(mkfifoat(root, "pipe", 0600), 0);
    assert_int_equal(utimensat(root, "hello.txt", times, 0), 0);
    return http_answer_check(root);
}

static int remove_tree(void **state)
{
    (void)state;
    char command[64];
    close(root);
    snprintf(command, sizeof command, "rm -r %s", base);
    return system(command);
}

/* Answers a request of these fields; the text is NUL-terminated by open_memstream(). */
static void ask(const char *method, const char *path, const char *fields,
                struct http_answer *answer)
{
    char text[1024];
    struct http_request request;
    int length =
        snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, fields);
    assert_int_equal(http_request_parse(text, (size_t)length, &request), 0);
    http_answer_request(root, &request, answer);
    assert_non_null(answer->text);
    assert_int_equal(strlen(answer->text), answer->text_length);
}

static unsigned status_of(const char *method, const char *path, const char *fields)
{
    struct http_answer answer;
    ask(method, path, fields, &answer);
    unsigned status = answer.status;
    http_answer_free(&answer);
    return status;
}

static void says(const struct http_answer *answer, const char *text)
{
    if (strstr(answer->text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, answer->text);
}

static const char *body_of(const struct http_answer *answer)
{
    const char *end = strstr(answer->text, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void a_file_is_described_and_handed_over(void **state)
{
    (void)state;
    struct http_answer answer;
    char bytes[64];
    ask("GET", "/hello.txt", "", &answer);
    assert_int_equal(strncmp(answer.text, "HTTP/1.1 200 OK\r\n", 17), 0);
    says(&answer, "\r\nContent-Length: 13\r\n");
    says(&answer, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
    says(&answer, "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
    assert_string_equal(body_of(&answer), "");
    assert_false(answer.close);
    assert_int_equal(answer.at, 0);
    assert_int_equal(answer.end, HELLO_LENGTH);
    assert_int_equal(pread(answer.file, bytes, sizeof bytes, 0), HELLO_LENGTH);
    assert_memory_equal(bytes, "hello, world\n", HELLO_LENGTH);
    http_answer_free(&answer);
    http_answer_free(&answer);
}

static void head_has_no_body(void **state)
{
    (void)state;
    static const char *const paths[] = {"/hello.txt", "/", "/nothing"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct http_answer answer;
        ask("HEAD", paths[i], "", &answer);
        says(&answer, "\r\nContent-Length: ");
        assert_string_equal(body_of(&answer), "");
        assert_true(answer.at == answer.end);
        http_answer_free(&answer);
    }
}

static void a_range_is_a_part_of_the_file(void **state)
{
    (void)state;
    struct http_answer answer;
    ask("GET", "/hello.txt", "Range: bytes=7-11\r\n", &answer);
    assert_int_equal(answer.status, 206);
    says(&answer, "\r\nContent-Range: bytes 7-11/13\r\n");
    says(&answer, "\r\nContent-Length: 5\r\n");
    assert_int_equal(answer.at, 7);
    assert_int_equal(answer.end, 12);
    http_answer_free(&answer);
    ask("GET", "/hello.txt", "Range: bytes=13-\r\n", &answer);
    assert_int_equal(answer.status, 416);
    says(&answer, "\r\nContent-Range: bytes */13\r\n");
    http_answer_free(&answer);
    assert_int_equal(status_of("HEAD", "/hello.txt", "Range: bytes=1-2\r\n"), 200);
}

static void conditions_are_checked(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *fields;
    } cases[] = {
        {304, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
        {304, "If-Modified-Since: Sun, 06 Nov 2022 08:49:37 GMT\r\n"},
        {200, "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"},
        {200, "If-Modified-Since: yesterday\r\n"},
        {200, "If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 2022 08:49:37 GMT\r\n"},
        {412, "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"},
        {200, "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
        {206, "Range: bytes=1-2\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"},
        {200, "Range: bytes=1-2\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n"},
        {200, "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned status = status_of("GET", "/hello.txt", cases[i].fields);
        if (status != cases[i].status)
            fail_msg("%u, not %u, for %s", status, cases[i].status, cases[i].fields);
    }
}

static void nothing_leads_out_of_the_root(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/../secret",   "/%2e%2e/secret",       "/..%2fsecret", "/a&b/../../secret",
        "/way-out",     "//../secret",          "/./../secret", "/%2fetc/passwd",
        "//etc/passwd", "/indexed/../../root/",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        unsigned status = status_of("GET", paths[i], "");
        if (status != 404)
            fail_msg("%u for %s", status, paths[i]);
    }
    assert_int_equal(status_of("GET", "/inside", ""), 200);
    assert_int_equal(status_of("GET", "/a&b/../hello.txt", ""), 200);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status_of("GET", "/nothing", ""), 404);
    assert_int_equal(status_of("GET", "/hello.txt/", ""), 404);
    assert_int_equal(status_of("GET", "/pipe", ""), 403);
}

static void a_directory_is_listed_escaped_and_sorted(void **state)
{
    (void)state;
    struct http_answer answer;
    ask("GET", "/", "", &answer);
    assert_int_equal(answer.status, 200);
    const char *first = strstr(answer.text, "<a href=\"a%26b/\">a&amp;b/</a>");
    const char *second = strstr(answer.text, "<a href=\"hello.txt\">hello.txt</a>");
    assert_true(first != NULL && second > first);
    assert_null(strstr(answer.text, "href=\"../\""));
    http_answer_free(&answer);
    ask("GET", "/a&b/", "", &answer);
    says(&answer, "<h1>/a&amp;b/</h1>");
    says(&answer, "<a href=\"%3Cx%3E.txt\">&lt;x&gt;.txt</a>");
    says(&answer, "href=\"../\"");
    http_answer_free(&answer);
}

static void an_index_stands_for_its_directory(void **state)
{
    (void)state;
    struct http_answer answer;
    ask("GET", "/indexed/", "", &answer);
    says(&answer, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_int_equal(answer.end, 9);
    http_answer_free(&answer);
}

static void a_directory_without_slash_has_moved(void **state)
{
    (void)state;
    struct http_answer answer;
    ask("GET", "//a&b", "", &answer);
    assert_int_equal(answer.status, 301);
    says(&answer, "\r\nLocation: /a%26b/\r\n");
    http_answer_free(&answer);
}

static void other_methods_end_the_connection(void **state)
{
    (void)state;
    struct http_answer answer;
    ask("POST", "/hello.txt", "Content-Length: 3\r\n", &answer);
    assert_int_equal(answer.status, 405);
    says(&answer, "\r\nAllow: GET, HEAD\r\n");
    says(&answer, "\r\nConnection: close\r\n");
    assert_true(answer.close);
    http_answer_free(&answer);
}

static void errors_say_what_they_mean(void **state)
{
    (void)state;
    struct http_answer answer;
    http_answer_error(431, &answer);
    says(&answer, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    says(&answer, "\r\nConnection: close\r\n");
    assert_true(answer.close);
    http_answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_described_and_handed_over),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(a_range_is_a_part_of_the_file),
        cmocka_unit_test(conditions_are_checked),
        cmocka_unit_test(nothing_leads_out_of_the_root),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(a_directory_is_listed_escaped_and_sorted),
        cmocka_unit_test(an_index_stands_for_its_directory),
        cmocka_unit_test(a_directory_without_slash_has_moved),
        cmocka_unit_test(other_methods_end_the_connection),
        cmocka_unit_test(errors_say_what_they_mean),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
