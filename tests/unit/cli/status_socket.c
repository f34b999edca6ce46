/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/status/status_socket.h"

static char folder[] = "/tmp/chaski-status-XXXXXX", path[64], error[ARGUMENT_ERROR];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/chaski-gone.socket", folder);
    return setenv("XDG_RUNTIME_DIR", folder, 1);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* What a program leaves that was killed `age` seconds ago. */
static void leave_name(time_t age)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    unlink(path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void who_asks_removes_the_name_of_a_program_that_was_killed(void **state)
{
    (void)state;
    leave_name(10);
    assert_int_equal(status_socket_connect("gone", error), -1);
    assert_int_not_equal(access(path, F_OK), 0);
    leave_name(10);
    assert_int_equal(status_socket_connect(NULL, error), -1);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_name_that_was_just_bound_stays(void **state)
{
    (void)state;
    leave_name(0);
    assert_int_equal(status_socket_connect(NULL, error), -1);
    assert_int_equal(access(path, F_OK), 0);
}

static void the_next_program_takes_the_name_at_once(void **state)
{
    (void)state;
    struct loop loop;
    struct status_socket status;
    leave_name(0);
    assert_true(loop_init(&loop));
    assert_true(status_socket_open(&status, &loop, NULL, NULL, "gone", error));
    int fd = status_socket_connect(NULL, error);
    assert_true(fd >= 0);
    close(fd);
    status_socket_close(&status);
    assert_int_not_equal(access(path, F_OK), 0);
    loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_removes_the_name_of_a_program_that_was_killed),
        cmocka_unit_test(a_name_that_was_just_bound_stays),
        cmocka_unit_test(the_next_program_takes_the_name_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
