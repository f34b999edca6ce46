/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arguments.h"

static bool complain(const struct output_file *file, const char *mend, char *error)
{
    snprintf(error, ARGUMENT_ERROR, "cannot write %.120s: %s%s", file->path, strerror(errno), mend);
    return false;
}

/* mkstemp() makes files private; this one shall be as if open() had made it. */
static void set_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
}

/* A device or a pipe, such as /dev/null: a file in its place would be the end of it. */
static bool open_special(struct output_file *file, char *error)
{
    file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
    return file->fd >= 0 || complain(file, "; choose another place with -o", error);
}

/* The file beside which the new one grows up: where a link leads to, so that the link stays.
 * `problem`: why nothing can be seen there, 0 when something can. */
static bool find_target(struct output_file *file, int problem)
{
    struct stat status;

    if (problem != 0 && lstat(file->path, &status) == 0) {
        errno = problem; /* a link that leads nowhere */
        return false;
    }
    file->target = problem == 0 ? realpath(file->path, NULL) : strdup(file->path);
    return file->target != NULL;
}

static bool open_temporary(struct output_file *file, char *error)
{
    if (asprintf(&file->temporary, "%s.XXXXXX", file->target) < 0) {
        file->temporary = NULL;
        return complain(file, "", error);
    }
    file->fd = mkstemp(file->temporary);
    if (file->fd < 0)
        return complain(file, "; choose another place with -o", error);
    set_mode(file->fd);
    return true;
}

static void forget_names(struct output_file *file)
{
    free(file->target);
    free(file->temporary);
    file->target = file->temporary = NULL;
}

bool output_file_open(struct output_file *file, const char *path, char *error)
{
    struct stat status;

    *file = (struct output_file){.path = path, .fd = STDOUT_FILENO};
    if (strcmp(path, "-") == 0)
        return true;
    int problem = stat(path, &status) == 0 ? 0 : errno;
    if (problem == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return complain(file, "; name a file in it", error);
    }
    if (problem == 0 && !S_ISREG(status.st_mode))
        return open_special(file, error);
    if (!find_target(file, problem))
        return complain(file, "; choose another place with -o", error);
    if (open_temporary(file, error))
        return true;
    forget_names(file);
    return false;
}

bool output_file_write(struct output_file *file, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length != 0) {
        ssize_t written = write(file->fd, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        length -= (size_t)written;
    }
    return true;
}

static bool close_file(struct output_file *file)
{
    int fd = file->fd;

    file->fd = STDOUT_FILENO;
    return fd == STDOUT_FILENO || close(fd) == 0;
}

bool output_file_finish(struct output_file *file, char *error)
{
    bool good =
        close_file(file) && (file->temporary == NULL || rename(file->temporary, file->target) == 0);
    if (!good)
        complain(file, "", error);
    if (!good && file->temporary != NULL)
        unlink(file->temporary);
    forget_names(file);
    return good;
}

void output_file_discard(struct output_file *file)
{
    close_file(file);
    if (file->temporary != NULL)
        unlink(file->temporary);
    forget_names(file);
}
