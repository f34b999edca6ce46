/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_MEMORY_FIELDS_H
#define CHASKI_TESTS_SCRIPT_MEMORY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_FIELDS = 9 };

/* Reads one of the numbers that SO_MEMINFO tells, of which there are `count`, by Linux's name
 * SK_MEMINFO_*. One that is not among them is 0. */
bool memory_field(const uint32_t *memory, size_t count, const char *name, uint64_t *value);

#endif
