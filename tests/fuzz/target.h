/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_FUZZ_TARGET_H
#define CHASKI_TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What each target defines: takes any bytes, aborts when one of its claims does not hold. libFuzzer
 * calls it with what it makes up, replay.c with what is kept in corpus/. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static inline _Noreturn void broken(const char *file, int line, const char *claim)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, claim);
    abort();
}

#define must(claim) ((claim) ? (void)0 : broken(__FILE__, __LINE__, #claim))

/* Reads every byte, so that AddressSanitizer sees those that are not there. */
static inline unsigned touch(const uint8_t *bytes, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += ((const volatile uint8_t *)bytes)[i];
    return sum;
}

#endif
