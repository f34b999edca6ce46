/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CODE_H
#define CHASKI_TESTS_SCRIPT_CODE_H

#include "tests/script/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What stands in %{ }%: Python's assert, print and assignment, over integers, reals, strings and
 * tuples. Names are the fields of struct tcp_info (and tcp_info: the text of all that are not 0),
 * what SO_MEMINFO tells (SK_MEMINFO_*) and TCP_CC_INFO (bbr_*, dctcp_*), the constants of
 * tests/script/names.h and what was assigned before.
 */
enum code_kind { CODE_NONE, CODE_INTEGER, CODE_REAL, CODE_STRING, CODE_TUPLE };

/* Holds what 64 bits do, with a sign or without; Python's have no bounds. */
__extension__ typedef __int128 code_number;

struct code_value {
    enum code_kind kind;
    union {
        code_number integer;
        double real;
        const char *text;
        struct code_item *items;
    };
};

struct code_item {
    struct code_item *next;
    struct code_value value;
};

struct code_variable {
    struct code_variable *next;
    const char *name;
    struct code_value value;
};

struct code {
    struct arena *arena;
    const uint8_t *info; /* Linux's struct tcp_info */
    size_t info_length;
    const uint32_t *memory; /* what SO_MEMINFO tells: */
    size_t memory_count;    /* so many numbers */
    const uint8_t *cc;      /* what TCP_CC_INFO tells */
    size_t cc_length;
    struct code_variable *variables; /* stay from block to block */
    bool prints;
    char used[160];    /* fields that the statement has asked for, and their values */
    char failure[512]; /* "" while all is well */
};

/* Runs one block; false with code->failure when an assertion fails or it is no such code. */
bool code_run(struct code *code, const char *text, int line);

#endif
