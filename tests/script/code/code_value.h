/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CODE_VALUE_H
#define CHASKI_TESTS_SCRIPT_CODE_VALUE_H

#include "tests/script/code/code.h"

/* The operations of code.h's language. What makes no sense sets code->failure and gives None. */

enum code_operator {
    OPERATOR_ADD,
    OPERATOR_SUBTRACT,
    OPERATOR_MULTIPLY,
    OPERATOR_DIVIDE,
    OPERATOR_FLOOR_DIVIDE,
    OPERATOR_REMAINDER,
    OPERATOR_POWER,
    OPERATOR_AND,
    OPERATOR_OR,
    OPERATOR_XOR,
    OPERATOR_LEFT,
    OPERATOR_RIGHT,
    OPERATOR_EQUAL,
    OPERATOR_DIFFERENT,
    OPERATOR_LESS,
    OPERATOR_AT_MOST,
    OPERATOR_MORE,
    OPERATOR_AT_LEAST,
    OPERATOR_IN,
    OPERATOR_NOT_IN,
};

void code_fail(struct code *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct code_value code_integer(code_number integer)
{
    return (struct code_value){.kind = CODE_INTEGER, .integer = integer};
}

/* Decimal digits, or with 0x before them those of base 16. */
struct code_value code_digits(struct code *code, const char *digits);
struct code_value code_text(const char *text);
struct code_value code_tuple(struct code *code, struct code_value left, struct code_value right);
bool code_true(struct code_value value);
struct code_value code_binary(struct code *code, enum code_operator operator,
                              struct code_value left, struct code_value right);
bool code_compare(struct code *code, enum code_operator operator, struct code_value left,
                  struct code_value right);
struct code_value code_negate(struct code *code, struct code_value value);
struct code_value code_call(struct code *code, const char *name, struct code_value arguments);
struct code_value code_name(struct code *code, const char *name);
void code_assign(struct code *code, const char *name, struct code_value value);
void code_assert(struct code *code, int line, bool holds, const struct code_value *told);

/* As str() does. */
const char *code_string(struct code *code, struct code_value value);

#endif
