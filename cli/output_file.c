/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/output_file.h"

#include <errno.h>
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

bool output_file_open(struct output_file *file, const char *path, char *error)
{
    struct stat status;

    *file = (struct output_file){.path = path, .fd = STDOUT_FILENO};
    if (strcmp(path, "-") == 0)
        return true;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return complain(file, "; name a file in it", error);
    }
    if (asprintf(&file->temporary, "%s.XXXXXX", path) < 0) {
        file->temporary = NULL;
        return complain(file, "", error);
    }
    file->fd = mkstemp(file->temporary);
    if (file->fd >= 0) {
        set_mode(file->fd);
        return true;
    }
    free(file->temporary);
    file->temporary = NULL;
    return complain(file, "; choose another place with -o", error);
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

bool output_file_finish(struct output_file *file, char *error)
{
    if (file->temporary == NULL)
        return true;
    bool good = close(file->fd) == 0 && rename(file->temporary, file->path) == 0;
    if (!good) {
        complain(file, "", error);
        unlink(file->temporary);
    }
    free(file->temporary);
    file->temporary = NULL;
    return good;
}

void output_file_discard(struct output_file *file)
{
    if (file->temporary == NULL)
        return;
    close(file->fd);
    unlink(file->temporary);
    free(file->temporary);
    file->temporary = NULL;
}
