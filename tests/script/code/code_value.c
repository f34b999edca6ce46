/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/code/code_value.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DIGITS_MAX = 44, /* of 128 bits, a sign and a null */
};

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

struct code_value code_digits(struct code *code, const char *digits)
{
    bool hexadecimal = digits[0] == '0' && (digits[1] | 0x20) == 'x';
    unsigned base = hexadecimal ? 16 : 10;
    code_number number = 0;
    for (const char *at = hexadecimal ? digits + 2 : digits; *at != 0; at++) {
        unsigned digit = (unsigned)(*at <= '9' ? *at - '0' : (*at | 0x20) - 'a' + 10);
        if (__builtin_mul_overflow(number, base, &number) ||
            __builtin_add_overflow(number, digit, &number))
            code_fail(code, "%s is too large", digits);
    }
    return code_integer(number);
}

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

/* Returns where it begins in the text. */
static const char *digits_of(code_number number, char text[DIGITS_MAX])
{
    char *at = text + DIGITS_MAX - 1;
    bool negative = number < 0;
    *at = 0;
    do {
        int digit = (int)(number % 10);
        *--at = (char)('0' + (digit < 0 ? -digit : digit));
        number /= 10;
    } while (number != 0);
    if (negative)
        *--at = '-';
    return at;
}

const char *code_string(struct code *code, struct code_value value)
{
    char text[256] = "None";
    size_t used = 0;
    switch (value.kind) {
    case CODE_STRING:
        return value.text;
    case CODE_INTEGER:
        snprintf(text, sizeof text, "%s", digits_of(value.integer, (char[DIGITS_MAX]){0}));
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

static code_number floor_divide(code_number left, code_number right)
{
    code_number quotient = left / right;
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
    case OPERATOR_POWER:
        return code_real(pow(left, right));
    default:
        return no_sense(code);
    }
}

/* Whether the result is none, because it has more bits than there are here. */
static bool calculate(enum code_operator operator, code_number left, code_number right,
                      code_number *result)
{
    switch (operator) {
    case OPERATOR_ADD:
        return __builtin_add_overflow(left, right, result);
    case OPERATOR_SUBTRACT:
        return __builtin_sub_overflow(left, right, result);
    case OPERATOR_MULTIPLY:
        return __builtin_mul_overflow(left, right, result);
    case OPERATOR_POWER:
        *result = 1;
        for (code_number i = 0; i < right; i++)
            if (__builtin_mul_overflow(*result, left, result) || i > 128)
                return left != 1;
        return false;
    case OPERATOR_LEFT:
        return right < 0 || right > 126 ||
               __builtin_mul_overflow(left, (code_number)1 << right, result);
    default:
        return true;
    }
}

static struct code_value with_integers(struct code *code, enum code_operator operator,
                                       code_number left, code_number right)
{
    code_number result;
    if (right == 0 && operator>= OPERATOR_DIVIDE && operator<= OPERATOR_REMAINDER) {
        code_fail(code, "division by 0");
        return (struct code_value){0};
    }
    switch (operator) {
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
    case OPERATOR_RIGHT:
        return code_integer(left >> (right & 127));
    default:
        break;
    }
    if (operator== OPERATOR_POWER && right<0)
        return with_reals(code, operator,(double) left, (double)right);
    if (!calculate(operator, left, right, &result))
        return code_integer(result);
    code_fail(code, "a number is too large");
    return (struct code_value){0};
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
        code_number number = value.kind == CODE_REAL ? (code_number)value.real : value.integer;
        bool wide = number > INT64_MAX && (kind == 'd' || kind == 'i');
        snprintf(one + length, sizeof one - length, "ll%c",
                 wide                         ? 'u'
                 : kind == 'u' || kind == 'i' ? 'd'
                                              : kind);
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
