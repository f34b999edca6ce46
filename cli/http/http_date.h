/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_DATE_H
#define CHASKI_CLI_HTTP_DATE_H

#include <stddef.h>
#include <stdint.h>

/* Dates as HTTP writes them (RFC 9110, 5.6.7), in seconds since 1970. */

#define HTTP_NO_DATE INT64_MIN

enum { HTTP_DATE_TEXT = 32 };

/* Reads any of the three forms; HTTP_NO_DATE when it is none of them. */
int64_t http_date_parse(const char *text, size_t length);

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" and returns `text`, which holds HTTP_DATE_TEXT bytes. */
char *http_date_text(int64_t seconds, char *text);

#endif
