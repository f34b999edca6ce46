/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/arguments.h"

#include <stdarg.h>
#include <string.h>

/* The words that are still to be read. */
struct reader {
    const struct command_line *line;
    int count;
    char **words;
    int next;
    size_t operands;
    char *error;
};

__attribute__((format(printf, 2, 3))) static enum command_line_result wrong(struct reader *reader,
                                                                            const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error, ARGUMENT_ERROR, format, arguments);
    va_end(arguments);
    return COMMAND_LINE_WRONG;
}

static const struct argument *find_long(const struct command_line *line, const char *name,
                                        size_t length)
{
    for (size_t i = 0; i < line->argument_count; i++)
        if (strlen(line->arguments[i].name) == length &&
            memcmp(line->arguments[i].name, name, length) == 0)
            return &line->arguments[i];
    return NULL;
}

static const struct argument *find_short(const struct command_line *line, char letter)
{
    for (size_t i = 0; i < line->argument_count; i++)
        if (line->arguments[i].letter == letter && letter != 0)
            return &line->arguments[i];
    return NULL;
}

/* `given` is how the option was written; complaints repeat that. */
static enum command_line_result read_value(struct reader *reader, const struct argument *argument,
                                           const char *given, const char *text)
{
    char phrase[ARGUMENT_ERROR];

    if (argument->value != NULL && text == NULL) {
        if (reader->next == reader->count)
            return wrong(reader, "%s wants a value: %s %s", given, given, argument->value);
        text = reader->words[reader->next++];
    }
    if (argument->read(argument, text, phrase))
        return COMMAND_LINE_GOOD;
    return wrong(reader, "%s %.60s: %.150s", given, text != NULL ? text : "", phrase);
}

static enum command_line_result unknown(struct reader *reader, const char *word)
{
    return wrong(reader, "there is no option %.60s; see %s --help", word, reader->line->command);
}

/* --name, --name=value or --name value */
static enum command_line_result read_long(struct reader *reader, const char *word)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] == '=' ? word + 3 + length : NULL;
    const struct argument *argument = find_long(reader->line, word + 2, length);

    if (argument == NULL)
        return unknown(reader, word);
    if (argument->value == NULL && value != NULL)
        return wrong(reader, "--%s takes no value", argument->name);
    char given[32];
    snprintf(given, sizeof given, "--%s", argument->name);
    return read_value(reader, argument, given, value);
}

/* -n value or -nvalue, and several letters that take none in one word */
static enum command_line_result read_short(struct reader *reader, const char *word)
{
    enum command_line_result result = COMMAND_LINE_GOOD;

    for (const char *letter = word + 1; *letter != '\0' && result == COMMAND_LINE_GOOD; letter++) {
        const struct argument *argument = find_short(reader->line, *letter);
        if (argument == NULL)
            return *letter == 'h' ? COMMAND_LINE_HELP : unknown(reader, word);
        const char given[3] = {'-', *letter, '\0'};
        if (argument->value != NULL)
            return read_value(reader, argument, given, letter[1] != '\0' ? letter + 1 : NULL);
        result = read_value(reader, argument, given, NULL);
    }
    return result;
}

static enum command_line_result read_operand(struct reader *reader, const char *word)
{
    if (reader->operands == reader->line->operand_count)
        return wrong(reader, "there is one argument too many: %.60s; see %s --help", word,
                     reader->line->command);
    reader->line->operand[reader->operands++] = word;
    return COMMAND_LINE_GOOD;
}

static enum command_line_result read_word(struct reader *reader, bool *only_operands)
{
    const char *word = reader->words[reader->next++];

    if (*only_operands || word[0] != '-' || word[1] == '\0')
        return read_operand(reader, word);
    if (strcmp(word, "--help") == 0)
        return COMMAND_LINE_HELP;
    if (strcmp(word, "--") == 0) {
        *only_operands = true;
        return COMMAND_LINE_GOOD;
    }
    return word[1] == '-' ? read_long(reader, word) : read_short(reader, word);
}

enum command_line_result command_line_read(const struct command_line *line, int count, char **words,
                                           char *error)
{
    struct reader reader = {.line = line, .count = count, .words = words, .error = error};
    bool only_operands = false;

    while (reader.next < count) {
        enum command_line_result result = read_word(&reader, &only_operands);
        if (result != COMMAND_LINE_GOOD)
            return result;
    }
    if (reader.operands < line->operand_count)
        return wrong(&reader, "%s is missing; see %s --help", line->operands, line->command);
    return COMMAND_LINE_GOOD;
}

static void help_on(const struct argument *argument, FILE *to)
{
    char left[48];

    snprintf(left, sizeof left, "--%s%s%s", argument->name, argument->value != NULL ? " " : "",
             argument->value != NULL ? argument->value : "");
    if (argument->letter != 0)
        fprintf(to, "  -%c, %-22s %s\n", argument->letter, left, argument->help);
    else
        fprintf(to, "      %-22s %s\n", left, argument->help);
}

static void help(const struct command_line *line, FILE *to)
{
    static const struct argument asked = {.name = "help", .letter = 'h', .help = "show this"};

    fprintf(to, "Usage: %s [OPTION...]%s%s\n\n%s\n\n", line->command,
            line->operand_count != 0 ? " " : "", line->operand_count != 0 ? line->operands : "",
            line->summary);
    for (size_t i = 0; i < line->argument_count; i++)
        help_on(&line->arguments[i], to);
    help_on(&asked, to);
}

int command_line_begin(const struct command_line *line, int count, char **words)
{
    char error[ARGUMENT_ERROR];

    switch (command_line_read(line, count, words, error)) {
    case COMMAND_LINE_HELP:
        help(line, stdout);
        return EXIT_FINE;
    case COMMAND_LINE_WRONG:
        fprintf(stderr, "%s: %s\n", line->command, error);
        return EXIT_WRONG;
    default:
        return -1;
    }
}

int command_line_end(const struct command_line *line, int code, const char *error)
{
    if (code != EXIT_FINE && error[0] != '\0')
        fprintf(stderr, "%s: %s\n", line->command, error);
    return code;
}

/* ---- Values -------------------------------------------------------------------------------- */

bool argument_flag(const struct argument *argument, const char *text, char *error)
{
    (void)text;
    (void)error;
    *(bool *)argument->target = true;
    return true;
}

bool argument_text(const struct argument *argument, const char *text, char *error)
{
    if (text[0] == '\0') {
        snprintf(error, ARGUMENT_ERROR, "must not be empty");
        return false;
    }
    *(const char **)argument->target = text;
    return true;
}

/* Reads digits with up to `places` behind a point, all of them as one number: "1.5" with three
 * places is 1500. */
static bool read_decimal(const char *text, unsigned places, uint64_t *number)
{
    const char *point = strchr(text, '.');
    size_t digits = strlen(text) - (point != NULL);
    size_t behind = point != NULL ? strlen(point + 1) : 0;

    if (digits == 0 || behind > places || digits - behind > 9 || (point != NULL && behind == 0) ||
        strspn(text, "0123456789.") != strlen(text))
        return false;
    *number = 0;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '.' && c != point)
            return false;
        if (*c != '.')
            *number = *number * 10 + (uint64_t)(*c - '0');
    }
    for (; behind < places; behind++)
        *number *= 10;
    return true;
}

bool argument_number(const struct argument *argument, const char *text, char *error)
{
    uint64_t number;

    if (!read_decimal(text, 0, &number) || number < argument->minimum ||
        number > argument->maximum) {
        snprintf(error, ARGUMENT_ERROR, "must be a number from %llu to %llu",
                 (unsigned long long)argument->minimum, (unsigned long long)argument->maximum);
        return false;
    }
    *(uint32_t *)argument->target = (uint32_t)number;
    return true;
}

bool argument_seconds(const struct argument *argument, const char *text, char *error)
{
    uint64_t number;

    if (!read_decimal(text, 9, &number) || number < argument->minimum ||
        number > argument->maximum) {
        snprintf(error, ARGUMENT_ERROR, "must be a number of seconds from %g to %g",
                 (double)argument->minimum / 1e9, (double)argument->maximum / 1e9);
        return false;
    }
    *(uint64_t *)argument->target = number;
    return true;
}
