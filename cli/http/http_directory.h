/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_HTTP_DIRECTORY_H
#define CHASKI_CLI_HTTP_DIRECTORY_H

#include <stddef.h>
#include <stdio.h>

/* Writes the page that lists the directory `fd` (which stays the caller's), sorted by name. `path`
 * is what it is called in addresses, from the first slash. Returns 0 or an errno. */
int http_directory_page(FILE *to, int fd, const char *path);

/* Writes a path so that it is nothing but a path in an address (RFC 3986, 2.3). */
void http_escape_path(FILE *to, const char *path);

#endif
