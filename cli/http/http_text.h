/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_TEXT_H
#define CHASKI_CLI_HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a text that is somebody else's, and does not end with a null. */
struct text {
    const char *at;
    size_t length;
};

bool text_is_digit(char c);

/* A character of a token (RFC 9110, 5.6.2). */
bool text_is_token(char c);

char text_lower(char c);

/* Case does not matter to these two. */
bool text_same(struct text text, const char *word);
bool text_starts(struct text text, const char *word);

/* Without its first n characters, of which there must be so many. */
struct text text_skip(struct text text, size_t n);

/* Without spaces and tabs at either end. */
struct text text_trim(struct text text);

/* Cuts off what stands before the first `separator`, which goes too; the whole rest when there is
 * none. */
struct text text_cut(struct text *rest, char separator);

/* Decimal digits only, 18 at most. */
bool text_number(struct text text, uint64_t *number);

/* Whether `word` is a member of a comma separated list. */
bool text_list_has(struct text list, const char *word);

/* With a null behind it; false, and nothing copied, when that takes more than `size`. */
bool text_copy(struct text from, char *to, size_t size);

#endif
