/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_ARGUMENTS_H
#define CHASKI_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Command lines. Each subcommand describes its options in a table that is both what is read and
 * what --help shows, and whatever is wrong becomes one line that names it and the mend.
 * (argp and getopt write lines of their own.)
 */

enum { ARGUMENT_ERROR = 256 };

struct argument {
    const char *name;  /* without the dashes */
    char letter;       /* the short form, 0: none */
    const char *value; /* what --help calls the value; NULL: there is none */
    const char *help;
    /* Reads `text` (NULL for a flag) into argument->target; false with a phrase such as
     * "must be a number" in `error`, of ARGUMENT_ERROR bytes. */
    bool (*read)(const struct argument *argument, const char *text, char *error);
    void *target;
    uint64_t minimum, maximum; /* of numbers, inclusive */
};

struct command_line {
    const char *command;  /* "chaski fetch" */
    const char *operands; /* what --help calls them: "URL" */
    const char *summary;
    const struct argument *arguments;
    size_t argument_count;
    const char **operand; /* filled in: exactly operand_count of them must be there */
    size_t operand_count;
};

enum command_line_result {
    COMMAND_LINE_GOOD,
    COMMAND_LINE_HELP,  /* --help was given */
    COMMAND_LINE_WRONG, /* `error` says why */
};

/* Reads what follows the subcommand's name. */
enum command_line_result command_line_read(const struct command_line *line, int count, char **words,
                                           char *error);

/* The same, and does what follows: prints the help, or "COMMAND: error" to stderr. Returns
 * -1 to go on, otherwise the exit code. */
int command_line_begin(const struct command_line *line, int count, char **words);

/* What a command ends with: "COMMAND: error" to stderr if that failed and says why. Returns `code`.
 */
int command_line_end(const struct command_line *line, int code, const char *error);

/* Readers of values; the target's type is named. */
bool argument_flag(const struct argument *argument, const char *text, char *error); /* bool */
bool argument_text(const struct argument *argument, const char *text,
                   char *error); /* const char * */
bool argument_number(const struct argument *argument, const char *text, char *error); /* uint32_t */
/* Seconds such as 0.2, into nanoseconds; the limits are in nanoseconds. uint64_t */
bool argument_seconds(const struct argument *argument, const char *text, char *error);

/* The exit codes of the program. */
enum {
    EXIT_FINE = 0,
    EXIT_FAILED = 1, /* the work failed */
    EXIT_WRONG = 2,  /* bad usage, or the environment does not allow it */
};

#endif
