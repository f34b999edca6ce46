/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/arguments.h"
#include "cli/commands.h"

static char output[8192];
static size_t length;

/* Runs the command in a process of its own, which `pipe` is to. */
static pid_t start_demo(int pipe[2])
{
    assert_int_equal(pipe2(pipe, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) {
        close(pipe[1]);
        return child;
    }
    char seconds[] = "--seconds", sixty[] = "60";
    char *words[] = {seconds, sixty, NULL};
    dup2(pipe[1], STDOUT_FILENO);
    dup2(pipe[1], STDERR_FILENO);
    alarm(50); /* should nobody listen to the other signal */
    int code = command_demo(2, words);
    fflush(NULL);
    _exit(code);
}

/* Reads up to the end, or until it has said this. */
static void read_until(int fd, const char *text)
{
    ssize_t got = 1;
    while (got > 0 && (text == NULL || strstr(output, text) == NULL)) {
        got = read(fd, output + length, sizeof output - 1 - length);
        assert_true(got >= 0);
        length += (size_t)got;
        output[length] = '\0';
    }
}

/* A measurement that was cut short has no result, not a bad one. */
static void who_interrupts_it_is_told_that_and_no_more(void **state)
{
    (void)state;
    int pipe[2], status;
    pid_t child = start_demo(pipe);
    read_until(pipe[0], "\nspeed");
    assert_non_null(strstr(output, "good: UDP echo"));
    kill(child, SIGINT);
    read_until(pipe[0], NULL);
    close(pipe[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
    assert_null(strstr(output, "BAD"));
    assert_null(strstr(output, "failed"));
    const char *last = "\nchaski demo: interrupted\n";
    assert_true(length > strlen(last));
    assert_string_equal(output + length - strlen(last), last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_interrupts_it_is_told_that_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
