/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/script/run.h"

/*
 * The commands between backticks, as far as they set policy: sysctl, files of such lines, the
 * initial window of a route; and files that a script is to send. What sets up the machine that the
 * other tool runs on is passed over; a command of another kind cannot be done here, and its script
 * is skipped.
 */
enum { WORDS_MAX = 32, WORD_MAX = 256, FILE_MAX = 16384, DEPTH_MAX = 3 };

struct command {
    char words[WORDS_MAX][WORD_MAX];
    unsigned count;
};

struct shell {
    struct run *run;
    int line;
    unsigned depth; /* of files in files */
};

static void run_text(struct shell *shell, const char *text);

/* ---- Words ---- */

/* $((15*1024*1024)): products are all that there is. Returns what is behind it. */
static const char *expand(const char *text, char *word, size_t room)
{
    unsigned long long product = 1;
    for (text += 3; *text != 0 && *text != ')';) {
        char *end;
        product *= strtoull(text, &end, 0);
        text = end == text ? text + 1 : end;
        text += strspn(text, " *");
    }
    snprintf(word, room, "%llu", product);
    return text + strspn(text, ")");
}

static bool ends_command(char c)
{
    return c == 0 || c == '\n' || c == ';' || c == '&' || c == '|' || c == '#';
}

/* One word from `text`, which is not at a blank; returns what is behind it. */
static const char *take_word(const char *text, char word[WORD_MAX])
{
    size_t used = 0;
    char quote = 0;
    for (; *text != 0 && used < WORD_MAX - 24; text++) {
        if (*text == quote && quote != 0) {
            quote = 0;
        } else if (quote == 0 && (*text == '"' || *text == '\'')) {
            quote = *text;
        } else if (strncmp(text, "$((", 3) == 0) {
            text = expand(text, word + used, WORD_MAX - used) - 1;
            used += strlen(word + used);
        } else if (quote == 0 && (isspace((unsigned char)*text) || ends_command(*text))) {
            break;
        } else {
            word[used++] = *text;
        }
    }
    word[used] = 0;
    return text;
}

/* Redirections are no words: "> /dev/null 2>&1". */
static bool is_redirection(const char *text)
{
    return text[0] == '>' || (isdigit((unsigned char)text[0]) && text[1] == '>');
}

static const char *pass_redirection(const char *text)
{
    char word[WORD_MAX];
    text += strspn(text, "0123456789>");
    text += strspn(text, " \t&");
    return take_word(text, word);
}

static const char *take_command(const char *text, struct command *command)
{
    command->count = 0;
    while (!ends_command(*text)) {
        if (*text == ' ' || *text == '\t' || *text == '\r')
            text++;
        else if (text[0] == '\\' && text[1] == '\n')
            text += 2;
        else if (is_redirection(text))
            text = pass_redirection(text);
        else if (command->count < WORDS_MAX)
            text = take_word(text, command->words[command->count++]);
        else
            break;
    }
    if (*text == '#')
        text += strcspn(text, "\n");
    return *text == 0 ? text : text + 1;
}

/* ---- Commands ---- */

static void set(struct shell *shell, const char *name, const char *value)
{
    struct run *run = shell->run;
    char note[NOTE_MAX];
    if (settings_sysctl(&run->settings, run->stack.host, name, value, note))
        sockets_set_policy(run->stack.sockets, &run->settings.policy);
    else
        run_skip(run, shell->line, "%s", note);
}

/* "net.ipv4.tcp_sack=0" or "/proc/sys/net/ipv4/tcp_sack=0" */
static void assign(struct shell *shell, const char *text)
{
    static const char proc[] = "/proc/sys/";
    char name[WORD_MAX];
    if (strncmp(text, proc, sizeof proc - 1) == 0)
        text += sizeof proc - 1;
    size_t length = strcspn(text, "=");
    memcpy(name, text, length);
    name[length] = 0;
    for (char *at = name; *at != 0; at++)
        *at = *at == '/' ? '.' : *at;
    set(shell, name, text[length] == '=' ? text + length + 1 : "");
}

static void assign_all(struct shell *shell, const struct command *command)
{
    for (unsigned i = 1; i < command->count; i++)
        if (strchr(command->words[i], '=') != NULL)
            assign(shell, command->words[i]);
}

static bool is_attribute(const char *word)
{
    static const char *const names[] = {"initcwnd", "initrwnd", "mtu", "rto_min", "features"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], word) == 0)
            return true;
    return false;
}

/* ip route change ... initcwnd 4 */
static bool run_ip(struct shell *shell, const struct command *command)
{
    if (command->count > 1 && strcmp(command->words[1], "tcp_metrics") == 0)
        return true;
    if (command->count < 2 || command->words[1][0] != 'r')
        return false;
    for (unsigned i = 2; i + 1 < command->count; i++)
        if (is_attribute(command->words[i]) &&
            !stack_set_route(&shell->run->stack, command->words[i], command->words[i + 1]))
            return false;
    return true;
}

/* A file of commands beside the script. */
static bool run_file(struct shell *shell, const char *name)
{
    char path[2 * WORD_MAX], text[FILE_MAX];
    const char *slash = strrchr(shell->run->file, '/');
    int folder = slash != NULL ? (int)(slash + 1 - shell->run->file) : 0;
    snprintf(path, sizeof path, "%.*s%s", folder < WORD_MAX ? folder : 0, shell->run->file, name);
    FILE *file = shell->depth < DEPTH_MAX ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    shell->depth++;
    run_text(shell, text);
    shell->depth--;
    return true;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text), n = strlen(with);
    return length >= n && strcmp(text + length - n, with) == 0;
}

/* dd bs=1 count=5 if=/dev/zero of=/tmp/testfile: nothing but files below /tmp is touched. */
static bool touches_others(const struct command *command)
{
    for (unsigned i = 1; i < command->count; i++) {
        const char *path = strchr(command->words[i], '/');
        if (path != NULL && (strstr(path, "..") != NULL ||
                             (!begins(path, "/tmp/") && strcmp(path, "/dev/zero") != 0)))
            return true;
    }
    return false;
}

static bool is_about_files(const char *name)
{
    const char *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    return strcmp(name, "dd") == 0 || strcmp(name, "rm") == 0 || strcmp(name, "touch") == 0 ||
           strcmp(name, "truncate") == 0;
}

static bool run_on_files(struct command *command)
{
    char *words[WORDS_MAX + 1] = {NULL};
    pid_t child;
    int status = -1;
    if (touches_others(command))
        return false;
    for (unsigned i = 0; i < command->count; i++)
        words[i] = command->words[i];
    return posix_spawnp(&child, words[0], NULL, NULL, words, environ) == 0 &&
           waitpid(child, &status, 0) == child && status == 0;
}

/* What concerns the machine, not the stack. */
static bool without_meaning(const char *name)
{
    static const char *const names[] = {"tc",  "true", "nstat", "echo", "ethtool", "set",
                                        "cat", "grep", "ss",    "test", "["};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return begins(name, "/tmp/sysctl_restore") || ends(name, "sysctl_restore.sh");
}

static void run_command(struct shell *shell, struct command *command)
{
    struct run *run = shell->run;
    const char *name = command->words[0];
    bool done = true;
    if (strcmp(name, "sysctl") == 0 || ends(name, "set_sysctls.py"))
        assign_all(shell, command);
    else if (strcmp(name, "ip") == 0)
        done = run_ip(shell, command);
    else if (strcmp(name, "sleep") == 0 && command->count > 1)
        stack_run(&run->stack, stack_time(&run->stack) + (uint64_t)(atof(command->words[1]) * 1e9),
                  NULL, NULL);
    else if (is_about_files(name))
        done = run_on_files(command);
    else if (ends(name, ".sh") && !without_meaning(name))
        done = run_file(shell, name);
    else
        done = without_meaning(name);
    if (!done)
        run_skip(run, shell->line, "cannot do `%s%s%s`", name, command->count > 1 ? " " : "",
                 command->count > 1 ? command->words[1] : "");
}

static void run_text(struct shell *shell, const char *text)
{
    struct command command;
    while (*text != 0 && shell->run->verdict == PASSED) {
        text = take_command(text, &command);
        if (command.count != 0)
            run_command(shell, &command);
    }
}

void run_shell(struct run *run, const char *text, int line)
{
    struct shell shell = {run, line, 0};
    run_text(&shell, text);
}
