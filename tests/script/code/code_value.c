/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/code_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void code_fail(struct code *code, const char *format, ...)
{
    va_list arguments;
    if (code->failure[0] != 0)
        return;
    va_start(arguments, format);
    vsnprintf(code->failure, sizeof code->failure, format, arguments);
    va_end(arguments);
}

/* ---- Values ---- */

struct code_value code_text(const char *text)
{
    return (struct code_value){.kind = CODE_STRING, .text = text};
}

static struct code_value code_real(double real)
{
    return (struct code_value){.kind = CODE_REAL, .real = real};
}

static struct code_item *item(struct code *code, struct code_value value)
{
    struct code_item *made = arena_take(code->arena, sizeof *made);
    made->value = value;
    return made;
}

/* Tuples in tuples run together: only what is printed would show. */
struct code_value code_tuple(struct code *code, struct code_value left, struct code_value right)
{
    if (left.kind != CODE_TUPLE)
        left = (struct code_value){.kind = CODE_TUPLE, .items = item(code, left)};
    struct code_item *last = left.items;
    while (last->next != NULL)
        last = last->next;
    last->next = item(code, right);
    return left;
}

bool code_true(struct code_value value)
{
    switch (value.kind) {
    case CODE_NONE:
        return false;
    case CODE_INTEGER:
        return value.integer != 0;
    case CODE_REAL:
        return value.real != 0;
    case CODE_STRING:
        return value.text[0] != 0;
    case CODE_TUPLE:
        return true;
    }
    return false;
}

static bool is_number(struct code_value value)
{
    return value.kind == CODE_INTEGER || value.kind == CODE_REAL;
}

static double real_of(struct code_value value)
{
    return value.kind == CODE_REAL ? value.real : (double)value.integer;
}

const char *code_string(struct code *code, struct code_value value)
{
    char text[256] = "None";
    size_t used = 0;
    switch (value.kind) {
    case CODE_STRING:
        return value.text;
    case CODE_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, value.integer);
        break;
    case CODE_REAL:
        snprintf(text, sizeof text, "%g", value.real);
        break;
    case CODE_TUPLE:
        for (const struct code_item *at = value.items; at != NULL && used < sizeof text - 64;
             at = at->next)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.40s",
                                     used != 0 ? ", " : "", code_string(code, at->value));
        break;
    case CODE_NONE:
        break;
    }
    return arena_copy(code->arena, text, strlen(text));
}

/* ---- Operators ---- */

static struct code_value no_sense(struct code *code)
{
    code_fail(code, "an operator for other kinds of values");
    return (struct code_value){0};
}

static int64_t floor_divide(int64_t left, int64_t right)
{
    int64_t quotient = left / right;
    return left % right != 0 && (left < 0) != (right < 0) ? quotient - 1 : quotient;
}

static struct code_value with_reals(struct code *code, enum code_operator operator, double left,
                                    double right)
{
    switch (operator) {
    case OPERATOR_ADD:
        return code_real(left + right);
    case OPERATOR_SUBTRACT:
        return code_real(left - right);
    case OPERATOR_MULTIPLY:
        return code_real(left * right);
    case OPERATOR_DIVIDE:
        return code_real(left / right);
    case OPERATOR_FLOOR_DIVIDE:
        return code_real(floor(left / right));
    case OPERATOR_REMAINDER:
        return code_real(left - right * floor(left / right));
    default:
        return no_sense(code);
    }
}

static struct code_value with_integers(struct code *code, enum code_operator operator, int64_t left,
                                       int64_t right)
{
    if (right == 0 && operator>= OPERATOR_DIVIDE && operator<= OPERATOR_REMAINDER) {
        code_fail(code, "division by 0");
        return (struct code_value){0};
    }
    switch (operator) {
    case OPERATOR_ADD:
        return code_integer(left + right);
    case OPERATOR_SUBTRACT:
        return code_integer(left - right);
    case OPERATOR_MULTIPLY:
        return code_integer(left * right);
    case OPERATOR_DIVIDE:
        return code_real((double)left / (double)right);
    case OPERATOR_FLOOR_DIVIDE:
        return code_integer(floor_divide(left, right));
    case OPERATOR_REMAINDER:
        return code_integer(left - right * floor_divide(left, right));
    case OPERATOR_AND:
        return code_integer(left & right);
    case OPERATOR_OR:
        return code_integer(left | right);
    case OPERATOR_XOR:
        return code_integer(left ^ right);
    case OPERATOR_LEFT:
        return code_integer((int64_t)((uint64_t)left << (right & 63)));
    case OPERATOR_RIGHT:
        return code_integer(left >> (right & 63));
    default:
        return no_sense(code);
    }
}

/* One conversion of Python's %, e.g. "%d" or "%.2f"; returns how much of `format` it took. */
static size_t convert(struct code *code, const char *format, struct code_value value, char *text,
                      size_t room)
{
    char one[16];
    size_t length = 1 + strspn(format + 1, "0123456789.-+ #");
    char kind = format[length];
    if (length > sizeof one - 5 || kind == 0)
        return strlen(format);
    memcpy(one, format, length);
    if (strchr("diuxX", kind) != NULL) {
        int64_t number = value.kind == CODE_REAL ? (int64_t)value.real : value.integer;
        snprintf(one + length, sizeof one - length, "ll%c",
                 kind == 'u' || kind == 'i' ? 'd' : kind);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, room, one, (long long)number);
    } else if (strchr("feg", kind) != NULL) {
        snprintf(one + length, sizeof one - length, "%c", kind);
        snprintf(text, room, one, real_of(value));
#pragma GCC diagnostic pop
    } else {
        snprintf(text, room, "%s", code_string(code, value));
    }
    return length + 1;
}

static struct code_value formatted(struct code *code, const char *format, struct code_value value)
{
    struct code_item single = {NULL, value};
    const struct code_item *next = value.kind == CODE_TUPLE ? value.items : &single;
    char text[256] = "", part[128];
    size_t used = 0;
    while (*format != 0 && used < sizeof text - sizeof part) {
        if (format[0] != '%' || format[1] == '%' || next == NULL) {
            text[used++] = *format;
            format += format[0] == '%' && format[1] == '%' ? 2 : 1;
            continue;
        }
        format += convert(code, format, next->value, part, sizeof part);
        next = next->next;
        memcpy(text + used, part, strlen(part));
        used += strlen(part);
    }
    return code_text(arena_copy(code->arena, text, used));
}

struct code_value code_binary(struct code *code, enum code_operator operator,
                              struct code_value left, struct code_value right)
{
    if (left.kind == CODE_STRING && operator== OPERATOR_REMAINDER)
        return formatted(code, left.text, right);
    if (left.kind == CODE_STRING && right.kind == CODE_STRING && operator== OPERATOR_ADD) {
        struct code_item second = {NULL, right}, both = {&second, left};
        return formatted(code, "%s%s", (struct code_value){.kind = CODE_TUPLE, .items = &both});
    }
    if (!is_number(left) || !is_number(right))
        return no_sense(code);
    if (left.kind == CODE_INTEGER && right.kind == CODE_INTEGER)
        return with_integers(code, operator, left.integer, right.integer);
    return with_reals(code, operator, real_of(left), real_of(right));
}

struct code_value code_negate(struct code *code, struct code_value value)
{
    return code_binary(code, OPERATOR_SUBTRACT, code_integer(0), value);
}

/* ---- Comparisons ---- */

/* -1, 0, 1; 2: they cannot be ordered. */
static int order(struct code_value left, struct code_value right)
{
    if (left.kind == CODE_STRING && right.kind == CODE_STRING) {
        int by = strcmp(left.text, right.text);
        return (by > 0) - (by < 0);
    }
    if (left.kind == CODE_INTEGER && right.kind == CODE_INTEGER)
        return (left.integer > right.integer) - (left.integer < right.integer);
    if (is_number(left) && is_number(right))
        return (real_of(left) > real_of(right)) - (real_of(left) < real_of(right));
    return left.kind == CODE_NONE && right.kind == CODE_NONE ? 0 : 2;
}

static bool is_in(struct code_value value, struct code_value of)
{
    if (of.kind == CODE_STRING && value.kind == CODE_STRING)
        return strstr(of.text, value.text) != NULL;
    const struct code_item *at = of.kind == CODE_TUPLE ? of.items : NULL;
    while (at != NULL && order(value, at->value) != 0)
        at = at->next;
    return at != NULL;
}

bool code_compare(struct code *code, enum code_operator operator, struct code_value left,
                  struct code_value right)
{
    int by = order(left, right);
    switch (operator) {
    case OPERATOR_EQUAL:
        return by == 0;
    case OPERATOR_DIFFERENT:
        return by != 0;
    case OPERATOR_IN:
        return is_in(left, right);
    case OPERATOR_NOT_IN:
        return !is_in(left, right);
    default:
        break;
    }
    if (by == 2) {
        no_sense(code);
        return false;
    }
    switch (operator) {
    case OPERATOR_LESS:
        return by < 0;
    case OPERATOR_AT_MOST:
        return by <= 0;
    case OPERATOR_MORE:
        return by > 0;
    default:
        return by >= 0;
    }
}
