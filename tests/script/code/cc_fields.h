/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CC_FIELDS_H
#define CHASKI_TESTS_SCRIPT_CC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any algorithm of Linux's tells. */
enum { CC_INFO_MAX = 64 };

/* Reads a field of what TCP_CC_INFO tells, of which there are `length` bytes, by its name in Linux:
 * bbr_*, dctcp_*, and packetdrill's bbr_bw. False when the algorithm does not tell so much. */
bool cc_field(const uint8_t *info, size_t length, const char *name, uint64_t *value);

#endif
