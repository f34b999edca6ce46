/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/http/http_text.h"

#include <string.h>

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_is_token(char c)
{
    return text_is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool text_same(struct text text, const char *word)
{
    if (text.length != strlen(word))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text_lower(text.at[i]) != text_lower(word[i]))
            return false;
    return true;
}

bool text_starts(struct text text, const char *word)
{
    size_t length = strlen(word);
    return text.length >= length && text_same((struct text){text.at, length}, word);
}

struct text text_skip(struct text text, size_t n)
{
    return (struct text){text.at + n, text.length - n};
}

struct text text_trim(struct text text)
{
    while (text.length != 0 && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = text_skip(text, 1);
    while (text.length != 0 &&
           (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
        text.length--;
    return text;
}

struct text text_cut(struct text *rest, char separator)
{
    struct text first = *rest;
    const char *at = memchr(rest->at, separator, rest->length);

    if (at == NULL) {
        *rest = text_skip(*rest, rest->length);
        return first;
    }
    first.length = (size_t)(at - rest->at);
    *rest = text_skip(*rest, first.length + 1);
    return first;
}

bool text_number(struct text text, uint64_t *number)
{
    if (text.length == 0 || text.length > 18)
        return false;
    *number = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (!text_is_digit(text.at[i]))
            return false;
        *number = *number * 10 + (uint64_t)(text.at[i] - '0');
    }
    return true;
}

bool text_list_has(struct text list, const char *word)
{
    while (list.length != 0)
        if (text_same(text_trim(text_cut(&list, ',')), word))
            return true;
    return false;
}

bool text_copy(struct text from, char *to, size_t size)
{
    if (from.length >= size)
        return false;
    memcpy(to, from.at, from.length);
    to[from.length] = '\0';
    return true;
}
