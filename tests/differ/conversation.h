/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_DIFFER_CONVERSATION_H
#define CHASKI_TESTS_DIFFER_CONVERSATION_H

#include <stdint.h>

#include "tests/differ/stacks.h"
#include "tests/support/world.h"

enum { KERNEL, CHASKI, STACKS, SLOTS = 7, TEXT = 400 };

struct stack {
    const struct calls *calls;
    struct sockets *sockets;
    int fd[SLOTS];   /* -1: none */
    int set;         /* of epoll */
    char said[TEXT]; /* what the call came to; both must agree on it */
};

/* Sockets in slots, each opened by both; what is done next is drawn. */
struct conversation {
    struct stack stacks[STACKS];
    struct world world;
    uint64_t random;
    int type[SLOTS]; /* SOCK_STREAM or SOCK_DGRAM; 0: the slot is free */
    uint32_t written[SLOTS];
    char what[TEXT]; /* the call; empty: there was none that made sense */
};

/* Opens a socket in a free slot, or has both do a call that is drawn with that of the slot. */
void converse(struct conversation *c, int slot);

#endif
