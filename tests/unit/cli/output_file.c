/* SPDX-License-Identifier: BSD-2-Clause */
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

#include "cli/arguments.h"
#include "cli/output_file.h"

static char folder[] = "/tmp/chaski-output-XXXXXX", path[64], error[ARGUMENT_ERROR];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* nothing else was left in it */
}

static void assert_content(const char *wanted)
{
    char content[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(content, 1, sizeof content - 1, file);
    fclose(file);
    assert_int_equal(length, strlen(wanted));
    assert_string_equal(content, wanted);
}

static void a_file_appears_when_it_is_complete(void **state)
{
    (void)state;
    struct output_file file;
    assert_true(output_file_open(&file, path, error));
    assert_true(output_file_write(&file, "old", 3));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(output_file_finish(&file, error));
    assert_content("old");
    assert_true(output_file_open(&file, path, error));
    assert_true(output_file_write(&file, "new", 3));
    output_file_discard(&file);
    output_file_discard(&file);
    assert_content("old");
}

/* Whoever is root would else take the machine's /dev/null away. */
static void what_is_no_file_is_written_to_and_stays(void **state)
{
    (void)state;
    struct output_file file;
    struct stat status;
    char got[4] = "";
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    FILE *reader = fopen(path, "r+");
    assert_non_null(reader);
    assert_true(output_file_open(&file, path, error));
    assert_true(output_file_write(&file, "abc", 3));
    assert_true(output_file_finish(&file, error));
    output_file_discard(&file);
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(fread(got, 1, 3, reader), 3);
    assert_string_equal(got, "abc");
    fclose(reader);
}

static void a_folder_is_refused(void **state)
{
    (void)state;
    struct output_file file;
    assert_false(output_file_open(&file, folder, error));
    assert_non_null(strstr(error, "name a file in it"));
}

static void a_link_stays_and_leads_to_the_new_file(void **state)
{
    (void)state;
    struct output_file file;
    struct stat status;
    char link[80];
    snprintf(link, sizeof link, "%s/link", folder);
    unlink(path);
    assert_int_equal(symlink("file", link), 0);
    assert_true(output_file_open(&file, path, error));
    assert_true(output_file_write(&file, "old", 3));
    assert_true(output_file_finish(&file, error));
    assert_true(output_file_open(&file, link, error));
    assert_true(output_file_write(&file, "new", 3));
    assert_true(output_file_finish(&file, error));
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_content("new");
    unlink(path);
    assert_false(output_file_open(&file, link, error)); /* which leads to nothing now */
    assert_non_null(strstr(error, "No such file"));
    assert_int_equal(lstat(link, &status), 0);
    unlink(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_appears_when_it_is_complete),
        cmocka_unit_test(what_is_no_file_is_written_to_and_stays),
        cmocka_unit_test(a_link_stays_and_leads_to_the_new_file),
        cmocka_unit_test(a_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
