/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_FUZZ_INPUT_H
#define CHASKI_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A fuzzer's input, read from its beginning; behind its end there are zeros. */
struct input {
    const uint8_t *at, *end;
};

static inline uint8_t next(struct input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

static inline uint16_t next16(struct input *input)
{
    uint8_t high = next(input);
    return (uint16_t)(high << 8 | next(input));
}

static inline uint32_t next32(struct input *input)
{
    uint32_t high = next16(input);
    return high << 16 | next16(input);
}

/* Up to `length` bytes of the input; returns how many there were. */
static inline size_t take(struct input *input, void *to, size_t length)
{
    size_t left = (size_t)(input->end - input->at);
    size_t count = length < left ? length : left;
    memcpy(to, input->at, count);
    input->at += count;
    return count;
}

#endif
