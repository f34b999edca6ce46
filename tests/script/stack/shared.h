/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_SHARED_H
#define CHASKI_TESTS_SCRIPT_SHARED_H

#include <pthread.h>

#include "packetdrill/interface.h"
#include "tests/script/stack/stack.h"

/* The shared object for packetdrill, and a call on the second thread that the tool has for those
 * that take time. */
struct shared {
    struct packetdrill_interface interface;
    void *handle;
    int64_t begun_us; /* of its clock, at the script's beginning */
    pthread_t thread;
    bool running; /* there is such a call, */
    bool over;    /* and it has ended, */
    int64_t over_us;
    int thread_id;
    void (*attempt)(void *context);
    void *context;
};

/* What stands for the other stack's descriptors. */
struct sockets {
    struct stack *stack;
};

/* A network namespace of its own for the script, which begins as the other stack does. Ends the
 * program when there is none to be had. */
void shared_enter_namespace(const struct settings *settings);

#endif
