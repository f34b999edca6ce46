/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_TCP_FIELDS_H
#define CHASKI_TESTS_SCRIPT_TCP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/script/arena.h"

/* Reads a field of Linux's struct tcp_info, of which there are `length` bytes, by its name. A field
 * that is not in them is 0, as for programs that are newer than their kernel. */
bool tcp_field(const uint8_t *info, size_t length, const char *name, uint64_t *value);

/* "tcp_info state=1 rto=204000": all that are not 0. */
const char *tcp_fields(struct arena *arena, const uint8_t *info, size_t length);

#endif
