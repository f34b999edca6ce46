/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_SHARED_H
#define CHASKI_TESTS_SCRIPT_SHARED_H

#include "packetdrill/interface.h"
#include "tests/script/stack/beside.h"
#include "tests/script/stack/stack.h"

/* The shared object for packetdrill, and a call on the second thread that the tool has for those
 * that take time. */
struct shared {
    struct packetdrill_interface interface;
    void *handle;
    int64_t begun_us; /* of its clock, at the script's beginning */
    struct beside beside;
};

/* What stands for the other stack's descriptors. */
struct sockets {
    struct stack *stack;
};

#endif
