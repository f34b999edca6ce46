/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_STACK_H
#define CHASKI_TESTS_SCRIPT_STACK_H

#include "chaski/chaski.h"
#include "sockets/sockets.h"
#include "tests/script/arena.h"
#include "tests/script/stack/settings.h"

/*
 * The stack under test: one host behind one bare interface, its sockets, and its clock, which
 * stands still unless stack_run() lets it go on. Script time 0 is STACK_START on the host's clock.
 *
 * There are three: stack.c has the host in this process and sees everything that it does; shared.c
 * loads the shared object for packetdrill and drives it as that tool does; linux.c has the kernel
 * of the machine in place of it, and real time.
 */
enum { STACK_FIRST_FD = 3 };

#define STACK_START UINT64_C(1000000000)

/* A packet that it sent. */
struct sent {
    struct sent *next;
    uint64_t time_ns; /* of the script */
    size_t length;
    uint8_t bytes[];
};

struct stack {
    struct chaski *host;
    struct sockets *sockets;
    struct arena *arena;
    uint64_t now_ns;               /* of the host's clock */
    struct sent *sent, **sent_end; /* not yet looked at */
    void (*turned)(void *context); /* after every turn */
    void *context;
    bool in_turned;
    uint64_t wake_ns;           /* a turn is wanted then, of the host's clock; 0: none is */
    int timeout_ms;             /* of the call to poll() or epoll_wait() that comes */
    struct shared *shared;      /* of shared.c */
    struct linux_stack *kernel; /* of linux.c */
};

/* In memory that is used again by the next stack: one at a time. False without memory. */
bool stack_start(struct stack *stack, struct arena *arena, const struct settings *settings);
void stack_stop(struct stack *stack);

/* The time of the script. */
static inline uint64_t stack_time(const struct stack *stack)
{
    return stack->now_ns - STACK_START;
}

/* What is to happen now happens. */
void stack_turn(struct stack *stack);

/* Goes on to the script's `time_ns`, at the latest; ends early behind a turn when `stop` says so.
 */
void stack_run(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context);

/* Goes on until `stop` says so, because the stack has sent something, or to `time_ns`. */
void stack_await(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context);

/* Makes an attempt at a call. `beside`: the script says that it takes time, so other events may
 * happen meanwhile; then false when it is not over, to be asked for again after each turn. */
bool stack_attempt(struct stack *stack, void (*attempt)(void *context), void *context, bool beside);

/* Whether it speaks this version of IP. */
bool stack_has_version(const struct ip_version *version);

/* Whether there is such a call. */
bool stack_has_call(const char *name);

/* Sets what routes have, "initcwnd" and the like, of the one to the peer. False: it cannot be. */
bool stack_set_route(struct stack *stack, const char *attribute, const char *value);

/* A packet comes in. */
void stack_input(struct stack *stack, const void *bytes, size_t length);

/* Takes the first packet that was not looked at; NULL: there is none. */
struct sent *stack_take(struct stack *stack);

#endif
