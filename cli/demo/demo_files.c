/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/demo/demo.h"

enum { LARGE_BYTES = 32 << 20, PIECE_BYTES = 64 << 10 };

uint64_t demo_checksum(uint64_t sum, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Bytes without a pattern, the same in every run (xorshift). */
static void fill(char *bytes, size_t length, uint64_t *state)
{
    for (size_t i = 0; i < length; i++) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        bytes[i] = (char)(*state >> 56);
    }
}

static bool write_large(struct demo_files *files, int fd)
{
    static char piece[PIECE_BYTES];
    uint64_t state = 1;

    files->large_length = LARGE_BYTES;
    files->large_checksum = DEMO_CHECKSUM_START;
    for (size_t at = 0; at < LARGE_BYTES; at += PIECE_BYTES) {
        fill(piece, PIECE_BYTES, &state);
        files->large_checksum = demo_checksum(files->large_checksum, piece, PIECE_BYTES);
        if (write(fd, piece, PIECE_BYTES) != PIECE_BYTES)
            return false;
    }
    return true;
}

static bool write_small(struct demo_files *files, int fd)
{
    static const char text[] = "Run, chaski!\n";

    (void)files;
    return write(fd, text, sizeof text - 1) == sizeof text - 1;
}

static bool make(struct demo_files *files, const char *name,
                 bool (*contents)(struct demo_files *files, int fd))
{
    int fd = openat(files->root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool good = contents(files, fd);
    return close(fd) == 0 && good;
}

bool demo_files_make(struct demo_files *files, char *error)
{
    const char *place = getenv("TMPDIR");

    if (place == NULL || place[0] != '/' || strlen(place) > 200)
        place = "/tmp";
    snprintf(files->folder, sizeof files->folder, "%s/chaski-demo-XXXXXX", place);
    errno = 0;
    if (mkdtemp(files->folder) == NULL) {
        files->folder[0] = '\0';
    } else {
        files->root = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (files->root >= 0 && make(files, DEMO_LARGE, write_large) &&
            make(files, DEMO_SMALL, write_small))
            return true;
    }
    snprintf(error, ARGUMENT_ERROR, "cannot write %d MB in a new directory in %.100s: %s",
             LARGE_BYTES >> 20, place, strerror(errno != 0 ? errno : ENOSPC));
    demo_files_remove(files);
    return false;
}

void demo_files_remove(struct demo_files *files)
{
    if (files->root >= 0) {
        unlinkat(files->root, DEMO_LARGE, 0);
        unlinkat(files->root, DEMO_SMALL, 0);
        close(files->root);
    }
    if (files->folder[0] != '\0')
        rmdir(files->folder);
    files->root = -1;
    files->folder[0] = '\0';
}
