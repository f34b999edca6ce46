/* SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <stdio.h>

#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* replay DIRECTORY...: gives every file of each directory to a fuzz target, once. Whoever has no
 * libFuzzer still runs what it found. Fails when a directory is missing or empty. */

enum { INPUT_MAX = 1 << 20 };

static bool replay_file(const char *directory, const char *name)
{
    static uint8_t bytes[INPUT_MAX];
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    bool whole = ferror(file) == 0 && fgetc(file) == EOF;
    fclose(file);
    if (!whole)
        return false;
    uint8_t *copy = exact_copy(bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    exact_free(copy, size);
    return true;
}

/* How many files were replayed; -1 after an error. */
static long replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -1;
    long count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        if (replay_file(path, entry->d_name)) {
            count++;
        } else {
            fprintf(stderr, "cannot read %s/%s\n", path, entry->d_name);
            count = -1;
        }
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        long count = replay_directory(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "nothing to replay in %s\n", argv[i]);
            return 1;
        }
        printf("%ld inputs of %s\n", count, argv[i]);
    }
    return argc > 1 ? 0 : 1;
}
