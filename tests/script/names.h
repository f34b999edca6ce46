/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_NAMES_H
#define CHASKI_TESTS_SCRIPT_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* The names that scripts use for numbers: Linux's, of sockets, options, flags and errors. */
bool name_number(const char *name, int64_t *number);

/* "EAGAIN"; NULL when the number is no error's. */
const char *name_of_error(int64_t number);

#endif
