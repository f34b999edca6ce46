/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run-scripts [--exact] [--quiet] [-D NAME=VALUE] [--OPTION=VALUE] PATH...
 *
 * Runs packet scripts: files, folders of *.pkt (and of those below them), and bundles, *.pkts:
 * files of many scripts, each behind a line "#### NAME". Each is a case in TAP; the last line
 * counts them. Ends with 1 when one failed.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/script/run.h"

enum { PATH_ROOM = 1024, MARK_LENGTH = 5 };

struct session {
    struct arena arena; /* of the options */
    struct run_options options;
    struct script_option *more;
    struct definition *definitions;
    bool quiet; /* nothing about scripts that pass */
    unsigned passed, failed, skipped;
};

/* ---- Scripts ---- */

static void run_one(struct session *session, const char *name, const char *text, size_t length)
{
    char told[VERDICT_TEXT];
    unsigned number = session->passed + session->failed + session->skipped + 1;
    switch (run_script(name, text, length, &session->options, told)) {
    case PASSED:
        session->passed++;
        if (!session->quiet)
            printf("ok %u - %s\n", number, name);
        break;
    case SKIPPED:
        session->skipped++;
        printf("ok %u - %s # SKIP %s\n", number, name, told);
        break;
    case FAILED:
        session->failed++;
        printf("not ok %u - %s\n%s\n", number, name, told);
        break;
    }
}

/* The scripts of a bundle are named FILE/NAME. */
static void run_bundle(struct session *session, const char *path, const char *text, size_t length)
{
    static const char mark[] = "#### ";
    const char *end = text + length;
    const char *at = strncmp(text, mark, MARK_LENGTH) == 0 ? text : NULL;
    char name[PATH_ROOM];
    while (at != NULL) {
        const char *first = memchr(at, '\n', (size_t)(end - at));
        if (first == NULL)
            return;
        snprintf(name, sizeof name, "%s/%.*s", path, (int)(first - at - MARK_LENGTH),
                 at + MARK_LENGTH);
        at = strstr(first, "\n#### ");
        size_t part = (size_t)((at != NULL ? at : end) - first);
        run_one(session, name, first, part);
        at = at != NULL ? at + 1 : NULL;
    }
}

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text), n = strlen(with);
    return length >= n && strcmp(text + length - n, with) == 0;
}

static bool run_file(struct session *session, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    char *text = calloc(1, (size_t)(length < 0 ? 0 : length) + 1);
    rewind(file);
    bool read =
        text != NULL && length >= 0 && fread(text, 1, (size_t)length, file) == (size_t)length;
    fclose(file);
    if (read && ends(path, ".pkts"))
        run_bundle(session, path, text, (size_t)length);
    else if (read)
        run_one(session, path, text, (size_t)length);
    free(text);
    return read;
}

/* ---- Folders ---- */

static bool run_path(struct session *session, const char *path, unsigned depth);

static int no_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run_folder(struct session *session, const char *path, unsigned depth)
{
    struct dirent **entries;
    char below[PATH_ROOM];
    bool good = true;
    int count = scandir(path, &entries, no_hidden, alphasort);
    if (count < 0)
        return false;
    for (int i = 0; i < count; i++) {
        snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
        good = run_path(session, below, depth + 1) && good;
        free(entries[i]);
    }
    free(entries);
    return good;
}

static bool run_path(struct session *session, const char *path, unsigned depth)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return false;
    if (S_ISDIR(about.st_mode))
        return depth < 8 && run_folder(session, path, depth);
    if (depth > 0 && !ends(path, ".pkt") && !ends(path, ".pkts"))
        return true;
    return run_file(session, path);
}

/* ---- Options ---- */

static void split(struct session *session, const char *text, const char **name, const char **value)
{
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    *name = arena_copy(&session->arena, text, length);
    *value = equals != NULL ? equals + 1 : "";
}

static void define(struct session *session, const char *text)
{
    struct definition *definition = arena_take(&session->arena, sizeof *definition);
    split(session, text, &definition->name, &definition->value);
    definition->next = session->definitions;
    session->options.definitions = session->definitions = definition;
}

static void add_option(struct session *session, const char *text)
{
    struct script_option *option = arena_take(&session->arena, sizeof *option);
    split(session, text, &option->name, &option->value);
    option->next = session->more;
    session->options.more = session->more = option;
}

/* Returns how many words the option takes; 0: it is none. */
static int take_option(struct session *session, char **words)
{
    if (strcmp(words[0], "--exact") == 0)
        session->options.exact = true;
    else if (strcmp(words[0], "--quiet") == 0)
        session->quiet = true;
    else if (strcmp(words[0], "-D") == 0 && words[1] != NULL)
        define(session, words[1]);
    else if (strncmp(words[0], "--", 2) == 0)
        add_option(session, words[0] + 2);
    else
        return 0;
    return words[0][1] == 'D' ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct session session = {0};
    int at = 1, taken;
    while (at < argc && (taken = take_option(&session, argv + at)) != 0)
        at += taken;
    if (at == argc) {
        fputs("usage: run-scripts [--exact] [--quiet] [-D NAME=VALUE] [--OPTION=VALUE] PATH...\n"
              "(tests/scripts/README.md says more)\n",
              stderr);
        arena_free(&session.arena);
        return 2;
    }
    for (; at < argc; at++)
        if (!run_path(&session, argv[at], 0)) {
            printf("not ok %u - %s\ncannot be read\n",
                   session.passed + session.failed + session.skipped + 1, argv[at]);
            session.failed++;
        }
    arena_free(&session.arena);
    if (session.skipped != 0)
        printf("%u passed, %u failed, %u skipped\n", session.passed, session.failed,
               session.skipped);
    else
        printf("%u passed, %u failed\n", session.passed, session.failed);
    return session.failed != 0 ? 1 : 0;
}
