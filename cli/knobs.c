/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "chaski/chaski.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/options.h"

/* --knob NAME=VALUE of every command on a link, and the command that lists them. */

enum { VALUE = 64 };

bool argument_knob(const struct argument *argument, const char *text, char *error)
{
    struct link_options *link = argument->target;
    if (strchr(text, '=') == NULL || text[0] == '=') {
        snprintf(error, ARGUMENT_ERROR, "must be NAME=VALUE; chaski knobs lists the names");
        return false;
    }
    if (link->knob_count == KNOBS_MAX) {
        snprintf(error, ARGUMENT_ERROR, "can be given %d times at most", KNOBS_MAX);
        return false;
    }
    link->knobs[link->knob_count++] = text;
    return true;
}

static bool set_knob(struct chaski *host, const char *text, char *error)
{
    char name[VALUE];
    const char *value = strchr(text, '=') + 1;
    snprintf(name, sizeof name, "%.*s", (int)(value - text - 1), text);
    int status = chaski_set_knob(host, name, value);
    if (status == CHASKI_UNKNOWN)
        snprintf(error, ARGUMENT_ERROR, "--knob %.60s: no such knob; chaski knobs lists them",
                 name);
    else if (status < 0)
        snprintf(error, ARGUMENT_ERROR,
                 "--knob %.60s: does not take %.60s; chaski knobs says what it takes", name, value);
    return status == 0;
}

bool knobs_apply(struct chaski *host, const struct link_options *link, char *error)
{
    for (unsigned i = 0; i < link->knob_count; i++) {
        if (!set_knob(host, link->knobs[i], error))
            return false;
    }
    return true;
}

static void print_row(const struct chaski_knob *knob)
{
    char value[VALUE], range[VALUE] = "";
    chaski_get_knob(NULL, knob->name, value, sizeof value);
    if (knob->most != 0)
        snprintf(range, sizeof range, "%lld to %lld", (long long)knob->least,
                 (long long)knob->most);
    printf("%-26s %-20s %-20s %s\n", knob->name, value, range, knob->help);
}

int command_knobs(int count, char **words)
{
    const struct command_line line = {
        .command = "chaski knobs",
        .summary = "Lists what --knob NAME=VALUE can set: name (Linux's, of net.ipv4), default, "
                   "limits, meaning.",
    };
    struct chaski_knob knob;
    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    for (unsigned i = 0; chaski_describe_knob(i, &knob) == 0; i++)
        print_row(&knob);
    return EXIT_FINE;
}
