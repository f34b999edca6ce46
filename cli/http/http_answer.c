/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_answer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cli/http/http_directory.h"
#include "cli/http/http_names.h"

/* ---- Files under the root ------------------------------------------------------------------ */

/* The kernel itself refuses every way out of the root: "..", absolute and symbolic links. */
static int open_beneath(int root, const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;

    path += strspn(path, "/");
    for (int attempt = 0; attempt < 4 && fd < 0; attempt++) {
        fd = syscall(SYS_openat2, root, path[0] == '\0' ? "." : path, &how, sizeof how);
        if (fd < 0 && errno != EAGAIN) /* something was renamed meanwhile */
            break;
    }
    return (int)fd;
}

int http_answer_check(int root)
{
    int fd = open_beneath(root, "/");
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static unsigned status_of_errno(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default:
        return 404;
    }
}

/* ---- The head ------------------------------------------------------------------------------ */

/* What an answer is made from. */
struct draft {
    const struct http_request *request;
    struct http_answer *answer;
    int64_t modified; /* HTTP_NO_DATE: unknown */
};

static void write_common(FILE *to, const struct http_answer *answer, unsigned minor_version)
{
    char date[HTTP_DATE_TEXT];

    fprintf(to, "HTTP/1.1 %u %s\r\nServer: chaski\r\nDate: %s\r\n", answer->status,
            http_reason(answer->status), http_date_text(time(NULL), date));
    if (answer->close)
        fputs("Connection: close\r\n", to);
    else if (minor_version == 0)
        fputs("Connection: keep-alive\r\n", to);
}

static void write_body(FILE *to, const char *type, const char *body, size_t length, bool head_only)
{
    fprintf(to, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, length);
    if (!head_only)
        fwrite(body, 1, length, to);
}

/* Ends the text: what memory there was not enough for is not sent in part. */
static void finish(FILE *to, struct http_answer *answer)
{
    bool failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed) {
        free(answer->text);
        answer->text = NULL;
    }
}

static FILE *begin(struct http_answer *answer)
{
    return open_memstream(&answer->text, &answer->text_length);
}

/* An answer without content of its own: one line that says what it means. */
static void answer_status(struct draft *draft, unsigned status, const char *field,
                          const char *value)
{
    const struct http_request *request = draft->request;
    char line[64];

    draft->answer->status = status;
    FILE *to = begin(draft->answer);
    if (to == NULL)
        return;
    write_common(to, draft->answer, request->minor_version);
    if (field != NULL)
        fprintf(to, "%s: %s\r\n", field, value);
    if (status == 304) {
        fputs("\r\n", to);
    } else {
        int length = snprintf(line, sizeof line, "%u %s\n", status, http_reason(status));
        write_body(to, "text/plain; charset=utf-8", line, (size_t)length,
                   request->method == HTTP_HEAD);
    }
    finish(to, draft->answer);
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* RFC 9110, 13.2.2. Returns 0 or the status that takes the place of the file. */
static unsigned check_conditions(const struct draft *draft)
{
    const struct http_request *request = draft->request;

    if (request->unmodified_since != HTTP_NO_DATE && draft->modified > request->unmodified_since)
        return 412;
    if (request->modified_since != HTTP_NO_DATE && !request->ignore_modified_since &&
        draft->modified <= request->modified_since)
        return 304;
    return 0;
}

static unsigned choose_range(const struct draft *draft, uint64_t size, uint64_t *first,
                             uint64_t *length)
{
    const struct http_request *request = draft->request;
    static const struct http_range everything = {.given = false};
    bool apply = request->method == HTTP_GET &&
                 (!request->has_if_range || request->if_range == draft->modified);

    return http_range_apply(apply ? &request->range : &everything, size, first, length);
}

static void answer_file(struct draft *draft, const struct stat *status, const char *name)
{
    struct http_answer *answer = draft->answer;
    uint64_t size = (uint64_t)status->st_size, first, length;
    char text[64];

    draft->modified = status->st_mtime;
    unsigned instead = check_conditions(draft);
    if (instead != 0) {
        answer_status(draft, instead, "Last-Modified", http_date_text(draft->modified, text));
        return;
    }
    answer->status = choose_range(draft, size, &first, &length);
    if (answer->status == 416) {
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
        answer_status(draft, 416, "Content-Range", text);
        return;
    }
    FILE *to = begin(answer);
    if (to == NULL)
        return;
    write_common(to, answer, draft->request->minor_version);
    fprintf(to, "Last-Modified: %s\r\nAccept-Ranges: bytes\r\n",
            http_date_text(draft->modified, text));
    if (answer->status == 206)
        fprintf(to, "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)first,
                (unsigned long long)(first + length - 1), (unsigned long long)size);
    fprintf(to, "Content-Type: %s\r\nContent-Length: %llu\r\n\r\n", http_media_type(name),
            (unsigned long long)length);
    finish(to, answer);
    if (draft->request->method == HTTP_GET) {
        answer->at = first;
        answer->end = first + length;
    }
}

static void answer_listing(struct draft *draft, int directory)
{
    char *page = NULL;
    size_t length = 0;
    FILE *body = open_memstream(&page, &length);

    if (body == NULL)
        return;
    int error = http_directory_page(body, directory, draft->request->path);
    if (fclose(body) != 0 && error == 0)
        error = ENOMEM;
    if (error != 0) {
        answer_status(draft, status_of_errno(error), NULL, NULL);
        free(page);
        return;
    }
    draft->answer->status = 200;
    FILE *to = begin(draft->answer);
    if (to != NULL) {
        write_common(to, draft->answer, draft->request->minor_version);
        write_body(to, "text/html; charset=utf-8", page, length,
                   draft->request->method == HTTP_HEAD);
        finish(to, draft->answer);
    }
    free(page);
}

/* Links in a directory's page are relative to an address that ends with a slash. */
static void answer_moved(struct draft *draft)
{
    char *location = NULL;
    size_t length;
    FILE *to = open_memstream(&location, &length);

    if (to == NULL)
        return;
    fputc('/', to); /* a single one: two would begin the name of a server */
    http_escape_path(to, draft->request->path + strspn(draft->request->path, "/"));
    fputc('/', to);
    if (fclose(to) == 0)
        answer_status(draft, 301, "Location", location);
    free(location);
}

static bool ends_with_slash(const char *path)
{
    return path[strlen(path) - 1] == '/';
}

/* index.html when it is there, or else the listing. */
static void answer_directory(struct draft *draft, int root, int directory)
{
    struct stat status;
    char path[HTTP_PATH_MAX + 16];

    if (!ends_with_slash(draft->request->path)) {
        answer_moved(draft);
        return;
    }
    snprintf(path, sizeof path, "%sindex.html", draft->request->path);
    int index = open_beneath(root, path);
    if (index >= 0 && fstat(index, &status) == 0 && S_ISREG(status.st_mode)) {
        draft->answer->file = index;
        answer_file(draft, &status, path);
        return;
    }
    if (index >= 0)
        close(index);
    answer_listing(draft, directory);
}

static void answer_path(struct draft *draft, int root)
{
    const char *path = draft->request->path;
    struct stat status;
    int fd = open_beneath(root, path);

    if (fd < 0 || fstat(fd, &status) != 0) {
        answer_status(draft, status_of_errno(errno), NULL, NULL);
    } else if (S_ISREG(status.st_mode)) {
        draft->answer->file = fd;
        answer_file(draft, &status, path);
        return;
    } else if (S_ISDIR(status.st_mode)) {
        answer_directory(draft, root, fd);
    } else {
        answer_status(draft, 403, NULL, NULL);
    }
    if (fd >= 0)
        close(fd);
}

void http_answer_request(int root, const struct http_request *request, struct http_answer *answer)
{
    struct draft draft = {.request = request, .answer = answer, .modified = HTTP_NO_DATE};

    *answer = (struct http_answer){.file = -1, .close = !request->keep_alive};
    if (request->method == HTTP_OTHER) {
        answer->close = true; /* its body is not read */
        answer_status(&draft, 405, "Allow", "GET, HEAD");
        return;
    }
    answer_path(&draft, root);
}

void http_answer_error(unsigned status, struct http_answer *answer)
{
    static const struct http_request nothing = {.method = HTTP_GET, .minor_version = 1};
    struct draft draft = {.request = &nothing, .answer = answer, .modified = HTTP_NO_DATE};

    *answer = (struct http_answer){.file = -1, .close = true};
    answer_status(&draft, status, NULL, NULL);
}

void http_answer_free(struct http_answer *answer)
{
    free(answer->text);
    answer->text = NULL;
    if (answer->file >= 0)
        close(answer->file);
    answer->file = -1;
}
