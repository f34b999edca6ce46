/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What one page lists at most, so that no directory holds up everything else. */
enum { ENTRIES_MAX = 10000 };

struct names {
    char **name;
    size_t count;
};

/* Writes text so that it is nothing but text in HTML. */
static void escape_html(FILE *to, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc(*text, to);
        }
    }
}

void http_escape_path(FILE *to, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

    for (; *path != '\0'; path++) {
        if (strchr(plain, *path) != NULL)
            fputc(*path, to);
        else
            fprintf(to, "%%%02X", (unsigned char)*path);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
}

static int read_names(DIR *directory, struct names *names)
{
    struct dirent *entry;

    names->count = 0;
    names->name = calloc(ENTRIES_MAX, sizeof *names->name);
    if (names->name == NULL)
        return ENOMEM;
    while (names->count < ENTRIES_MAX && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        names->name[names->count] = strdup(entry->d_name);
        if (names->name[names->count] == NULL)
            return ENOMEM;
        names->count++;
    }
    qsort(names->name, names->count, sizeof *names->name, compare_names);
    return 0;
}

static void write_entry(FILE *to, int fd, const char *name)
{
    struct stat status;
    struct tm parts;
    char when[32] = "";

    if (fstatat(fd, name, &status, 0) != 0)
        return;
    if (gmtime_r(&status.st_mtime, &parts) != NULL)
        strftime(when, sizeof when, "%Y-%m-%d %H:%M", &parts);
    const char *slash = S_ISDIR(status.st_mode) ? "/" : "";
    fputs("<tr><td><a href=\"", to);
    http_escape_path(to, name);
    fprintf(to, "%s\">", slash);
    escape_html(to, name);
    fprintf(to, "%s</a><td>%s", slash, when);
    if (S_ISREG(status.st_mode))
        fprintf(to, "<td align=right>%lld\n", (long long)status.st_size);
    else
        fputs("<td>\n", to);
}

static void write_page(FILE *to, int fd, const char *path, const struct names *names)
{
    fputs("<!DOCTYPE html>\n<meta charset=utf-8>\n<title>", to);
    escape_html(to, path);
    fputs("</title>\n<h1>", to);
    escape_html(to, path);
    fputs("</h1>\n<table cellpadding=4>\n", to);
    if (path[strspn(path, "/")] != '\0')
        fputs("<tr><td><a href=\"../\">../</a><td><td>\n", to);
    for (size_t i = 0; i < names->count; i++)
        write_entry(to, fd, names->name[i]);
    fputs("</table>\n", to);
    if (names->count == ENTRIES_MAX)
        fprintf(to, "<p>Only the first %d are shown.\n", ENTRIES_MAX);
}

int http_directory_page(FILE *to, int fd, const char *path)
{
    struct names names;
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);

    if (directory == NULL) {
        int error = errno;
        if (copy >= 0)
            close(copy);
        return error;
    }
    int error = read_names(directory, &names);
    if (error == 0)
        write_page(to, fd, path, &names);
    free_names(&names);
    closedir(directory);
    return error;
}
