/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/code.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/code/code_grammar.h"
#define YYSTYPE CODE_STYPE /* flex wants them by these names */
#define YYLTYPE CODE_LTYPE
#include "tests/script/code/code_lexer.h"
#include "tests/script/code/cc_fields.h"
#include "tests/script/code/memory_fields.h"
#include "tests/script/code/tcp_fields.h"
#include "tests/script/names.h"

/* ---- Names ---- */

static void note_use(struct code *code, const char *name, uint64_t value)
{
    size_t used = strlen(code->used);
    if (strstr(code->used, name) == NULL)
        snprintf(code->used + used, sizeof code->used - used, "%s%s is %" PRIu64,
                 used != 0 ? ", " : "", name, value);
}

struct code_value code_name(struct code *code, const char *name)
{
    uint64_t field;
    int64_t number;
    for (const struct code_variable *at = code->variables; at != NULL; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at->value;
    if (strcmp(name, "None") == 0)
        return (struct code_value){0};
    if (strcmp(name, "tcp_info") == 0)
        return code_text(tcp_fields(code->arena, code->info, code->info_length));
    if (name_number(name, &number))
        return code_integer(number);
    if (tcp_field(code->info, code->info_length, name, &field) ||
        memory_field(code->memory, code->memory_count, name, &field) ||
        cc_field(code->cc, code->cc_length, name, &field)) {
        note_use(code, name, field);
        return code_integer(field);
    }
    code_fail(code, "there is no '%s'", name);
    return (struct code_value){0};
}

void code_assign(struct code *code, const char *name, struct code_value value)
{
    struct code_variable *variable = arena_take(code->arena, sizeof *variable);
    *variable = (struct code_variable){code->variables, name, value};
    code->variables = variable;
}

/* ---- Calls ---- */

static struct code_value extreme(struct code *code, struct code_value of, enum code_operator better)
{
    struct code_item *at = of.kind == CODE_TUPLE ? of.items : NULL;
    struct code_value best = at != NULL ? at->value : of;
    for (; at != NULL; at = at->next)
        if (code_compare(code, better, at->value, best))
            best = at->value;
    return best;
}

static struct code_value whole(struct code_value value)
{
    if (value.kind == CODE_STRING)
        return code_integer(strtoll(value.text, NULL, 10));
    return value.kind == CODE_REAL ? code_integer((code_number)value.real) : value;
}

struct code_value code_call(struct code *code, const char *name, struct code_value arguments)
{
    if (strcmp(name, "print") == 0) {
        if (code->prints)
            puts(code_string(code, arguments));
        return (struct code_value){0};
    }
    if (strcmp(name, "min") == 0)
        return extreme(code, arguments, OPERATOR_LESS);
    if (strcmp(name, "max") == 0)
        return extreme(code, arguments, OPERATOR_MORE);
    if (strcmp(name, "abs") == 0)
        return code_compare(code, OPERATOR_LESS, arguments, code_integer(0))
                   ? code_negate(code, arguments)
                   : arguments;
    if (strcmp(name, "int") == 0)
        return whole(arguments);
    if (strcmp(name, "float") == 0)
        return code_binary(code, OPERATOR_ADD, arguments,
                           (struct code_value){.kind = CODE_REAL, .real = 0});
    if (strcmp(name, "str") == 0)
        return code_text(code_string(code, arguments));
    code_fail(code, "there is no function '%s'", name);
    return (struct code_value){0};
}

/* ---- Statements ---- */

void code_assert(struct code *code, int line, bool holds, const struct code_value *told)
{
    if (!holds)
        code_fail(code, "the assertion in line %d of the block fails%s%s%s%s", line,
                  told != NULL ? ", " : "", told != NULL ? code_string(code, *told) : "",
                  code->used[0] != 0 ? "; " : "", code->used);
    code->used[0] = 0;
}

bool code_run(struct code *code, const char *text, int line)
{
    struct code_scan scan = {code, 0};
    yyscan_t scanner;
    code->failure[0] = 0;
    code->used[0] = 0;
    if (code_lex_init_extra(&scan, &scanner) != 0)
        return false;
    YY_BUFFER_STATE buffer = code__scan_string(text, scanner);
    code_set_lineno(1, scanner);
    if (code_parse(scanner, code) != 0)
        code_fail(code, "the assertion at line %d cannot be read", line);
    code__delete_buffer(buffer, scanner);
    code_lex_destroy(scanner);
    return code->failure[0] == 0;
}
