/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SOCKETS_H
#define BENCH_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the programs share, and the services that every server offers. */
enum service { SERVICE_ECHO = 7, SERVICE_DISCARD = 9, SERVICE_CHARGEN = 19, SERVICE_HTTP = 80 };

/* What the smallest of HTTP servers answers to whatever ends in an empty line: 100 bytes of text.
 */
extern const char http_answer[];
extern const size_t http_answer_length;
bool http_request_ends(const char *bytes, size_t length);

/* Prints "program: message[: reason]" and exits with 1; `reason` may be NULL. */
__attribute__((noreturn)) void fail(const char *message, const char *reason);

/* A clock that never goes back. */
uint64_t now_ns(void);

/* A TCP socket whose congestion control is CUBIC, whatever the machine's default: a default of
 * BBR would pace a local link to a fraction of its speed. Exits when there is none. */
int socket_cubic(void);

/* As many files as this process may ever have open. */
void raise_file_limit(void);

/* Turns Nagle's algorithm off. */
void socket_no_delay(int fd);

/* Fills `bytes` with the lines of RFC 864: 72 printable characters, each line one further. */
void chargen_fill(char *bytes, size_t length);

#endif
