/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_NAMESPACE_H
#define CHASKI_TESTS_SCRIPT_NAMESPACE_H

#include "tests/script/stack/settings.h"

enum { SKIPPED_TEST = 77 }; /* as meson has it */

/* A network namespace of its own for the script, which begins as the stack in this process does;
 * the one there is when it has no device and still is so. Ends the program when there is none to be
 * had. settings_sysctl() sets what there is in it. */
void namespace_enter(const struct settings *settings);

/* The next script wants another one. */
void namespace_spoil(void);

/* The congestion control that TCP sockets are to be given, because the namespace would not have it
 * as its own; NULL: none. */
const char *namespace_congestion(void);

#endif
