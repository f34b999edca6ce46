/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_BASE_BYTES_H
#define CHASKI_BASE_BYTES_H

#include <stddef.h>

/* The four functions that the core takes from outside, and nothing else of <string.h>: a
 * freestanding compiler asks for them anyway. */
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *bytes, int value, size_t length);
int memcmp(const void *a, const void *b, size_t length);

#endif
