/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_STACK_COMMON_H
#define CHASKI_TESTS_SCRIPT_STACK_COMMON_H

#include "tests/script/stack/stack.h"

/* What every stack does alike, beside stack_take(). */

enum { SENT_MOST = 70000 }; /* bytes of a packet */

void stack_begin(struct stack *stack, struct arena *arena);

/* A packet was sent, at this time of the script; its bytes are the caller's to fill in. */
struct sent *stack_sent(struct stack *stack, uint64_t time_ns, size_t length);

/* A turn is over. */
void stack_tell(struct stack *stack);

#endif
