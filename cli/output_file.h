/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_OUTPUT_FILE_H
#define CHASKI_CLI_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* A file that appears under its name only when it is complete: until then it stands beside it
 * under another one. A link stays, and what it leads to is replaced. "-" is stdout; what is there
 * and no file, such as a device, is written to. */
struct output_file {
    const char *path;
    char *target, *temporary; /* NULL: no regular file, or closed */
    int fd;
};

/* False with one line in `error` (ARGUMENT_ERROR bytes). */
bool output_file_open(struct output_file *file, const char *path, char *error);
/* False with errno. */
bool output_file_write(struct output_file *file, const void *bytes, size_t length);
/* Gives the file its name. False with one line in `error`, and nothing left behind. */
bool output_file_finish(struct output_file *file, char *error);
/* Leaves nothing behind. Harmless after output_file_finish(). */
void output_file_discard(struct output_file *file);

#endif
