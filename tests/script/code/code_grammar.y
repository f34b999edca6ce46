/* SPDX-License-Identifier: BSD-2-Clause */
/* Assertions; evaluated while they are read. */

%define api.pure full
%define api.prefix {code_}
%define parse.error detailed
%locations
%lex-param {void *scanner}
%parse-param {void *scanner} {struct code *code}

%code requires {
#include "tests/script/code/code_value.h"

struct code_scan {
    struct code *code;
    int depth; /* of parentheses */
};

/* a < b < c: whether all held so far, and the last operand. */
struct code_chain {
    bool holds;
    struct code_value first, last;
    bool compared;
};
}

%code {
int code_lex(CODE_STYPE *value, CODE_LTYPE *location, void *scanner);
static void code_error(const CODE_LTYPE *location, void *scanner, struct code *code,
                       const char *message);

static struct code_chain compare(struct code *code, struct code_chain chain,
                                 enum code_operator operator, struct code_value right)
{
    bool holds = code_compare(code, operator, chain.last, right);
    return (struct code_chain){chain.holds && holds, right, right, true};
}
}

%union {
    struct code_value value;
    struct code_chain chain;
    enum code_operator operator;
    const char *name;
}

%token ASSERT "assert" SEPARATOR "end of line" AND "and" OR "or" NOT "not" STRAY "stray character"
%token <value> LITERAL "value"
%token <name> NAME "name"
%token <operator> COMPARE "comparison" SHIFT "shift" TIMES "operator" POWER "power" IN "in"

%type <value> expression tested sum tuple arguments
%type <chain> chain

%left OR
%left AND
%precedence NOT
%left '|'
%left '^'
%left '&'
%left SHIFT
%left '+' '-'
%left TIMES
%precedence SIGN
%right POWER

%%

block: statement | block SEPARATOR statement;

statement: %empty
    | ASSERT expression {
        code_assert(code, @1.first_line, code_true($2), NULL); if (code->failure[0]) YYABORT; }
    | ASSERT expression ',' tuple {
        code_assert(code, @1.first_line, code_true($2), &$4); if (code->failure[0]) YYABORT; }
    | NAME '=' tuple { code_assign(code, $1, $3); }
    | expression { (void)$1; };

tuple: expression | tuple ',' expression { $$ = code_tuple(code, $1, $3); };

expression: tested
    | expression OR expression { $$ = code_true($1) ? $1 : $3; }
    | expression AND expression { $$ = code_true($1) ? $3 : $1; }
    | NOT expression { $$ = code_integer(!code_true($2)); };

tested: chain { $$ = $1.compared ? code_integer($1.holds) : $1.first; };

chain: sum { $$ = (struct code_chain){true, $1, $1, false}; }
    | chain COMPARE sum { $$ = compare(code, $1, $2, $3); }
    | chain IN sum { $$ = compare(code, $1, $2, $3); }
    | chain NOT IN sum { $$ = compare(code, $1, OPERATOR_NOT_IN, $4); };

sum: LITERAL
    | NAME { $$ = code_name(code, $1); if (code->failure[0]) YYABORT; }
    | NAME '(' arguments ')' { $$ = code_call(code, $1, $3); if (code->failure[0]) YYABORT; }
    | '(' tuple ')' { $$ = $2; }
    | '-' sum %prec SIGN { $$ = code_negate(code, $2); }
    | '+' sum %prec SIGN { $$ = $2; }
    | '~' sum %prec SIGN { $$ = code_integer(~$2.integer); }
    | sum '|' sum { $$ = code_binary(code, OPERATOR_OR, $1, $3); }
    | sum '^' sum { $$ = code_binary(code, OPERATOR_XOR, $1, $3); }
    | sum '&' sum { $$ = code_binary(code, OPERATOR_AND, $1, $3); }
    | sum SHIFT sum { $$ = code_binary(code, $2, $1, $3); }
    | sum '+' sum { $$ = code_binary(code, OPERATOR_ADD, $1, $3); }
    | sum '-' sum { $$ = code_binary(code, OPERATOR_SUBTRACT, $1, $3); }
    | sum TIMES sum { $$ = code_binary(code, $2, $1, $3); }
    | sum POWER sum { $$ = code_binary(code, $2, $1, $3); };

arguments: %empty { $$ = (struct code_value){0}; } | tuple;

%%

static void code_error(const CODE_LTYPE *location, void *scanner, struct code *code,
                       const char *message)
{
    (void)scanner;
    code_fail(code, "line %d of the assertion: %s", location->first_line, message);
}
