/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/language/script.h"

#include <stdio.h>

#include "tests/script/language/grammar.h"
#define YYSTYPE SCRIPT_STYPE /* flex wants them by these names */
#define YYLTYPE SCRIPT_LTYPE
#include "tests/script/language/lexer.h"

bool script_read(struct script *script, const char *file, const char *text, size_t length,
                 const struct definition *definitions)
{
    yyscan_t scanner;
    *script = (struct script){.file = file, .definitions = definitions};
    script->options_end = &script->options;
    script->events_end = &script->events;
    if (script_lex_init_extra(script, &scanner) != 0)
        return false;
    YY_BUFFER_STATE buffer = script__scan_bytes(text, (int)length, scanner);
    script_set_lineno(1, scanner);
    int failed = script_parse(scanner, script);
    script__delete_buffer(buffer, scanner);
    script_lex_destroy(scanner);
    if (failed != 0 && script->error[0] == 0)
        snprintf(script->error, sizeof script->error, "1: no packet script");
    return failed == 0;
}

void script_forget(struct script *script)
{
    arena_free(&script->arena);
}
