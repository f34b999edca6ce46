/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_LINK_UNITS_H
#define CHASKI_CLI_LINK_UNITS_H

#include "cli/arguments.h"

/*
 * Readers of values with a unit, in any case of letters: a decimal number and the unit right behind
 * it. Without a unit only 0 is understood. The limits of the struct argument are those of what is
 * stored; `maximum` 0 stands for none.
 */

/* "25ms": ns, us, ms or s; into nanoseconds. uint64_t */
bool argument_time(const struct argument *argument, const char *text, char *error);
/* "1mb": b, kb, mb, gb (powers of 1000) or kib, mib, gib (of 1024); into bytes. uint32_t */
bool argument_size(const struct argument *argument, const char *text, char *error);
/* "1gbit": bit, kbit, mbit or gbit; into bits a second. uint64_t */
bool argument_rate(const struct argument *argument, const char *text, char *error);
/* "0.1%", from 0 to 100 in steps of a millionth; per million. uint32_t */
bool argument_chance(const struct argument *argument, const char *text, char *error);

#endif
