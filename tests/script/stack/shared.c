/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/shared.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/script/packets/ip.h"
#include "tests/script/stack/common.h"
#include "tests/script/stack/namespace.h"

/*
 * The stack under test as a shared object, driven as packetdrill drives it: the script's thread
 * lets time pass, injects packets and asks for those that came out; a second one runs calls that
 * the script says take time. So what the stack sends is seen only when the script awaits it.
 */

enum { PATIENCE = 10000 };

static const char *library = CHASKI_PACKETDRILL;

/* ---- Time ---- */

/* The object's clock, which looking at takes on. */
static int64_t clock_us(const struct shared *shared)
{
    struct timeval time;
    shared->interface.gettimeofday(shared->interface.userdata, &time, NULL);
    return time.tv_sec * INT64_C(1000000) + time.tv_usec;
}

static uint64_t to_stack(const struct shared *shared, int64_t us)
{
    return STACK_START + (uint64_t)(us - shared->begun_us) * 1000;
}

static uint64_t clock_of_call(const void *shared)
{
    return (uint64_t)clock_us(shared);
}

static void look_at_clock(struct stack *stack)
{
    stack->now_ns = to_stack(stack->shared, clock_us(stack->shared));
}

/* ---- Beginning and end ---- */

static bool load(struct shared *shared, const struct settings *settings)
{
    void (*init)(const char *flags, struct packetdrill_interface *interface);
    const uint8_t *local = settings->ends.local;
    char flags[64];
#ifdef __SANITIZE_ADDRESS__ /* which forbids RTLD_DEEPBIND */
    shared->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
#else
    shared->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
#endif
    if (shared->handle == NULL)
        return false;
    *(void **)&init = dlsym(shared->handle, "packetdrill_interface_init");
    if (*(void **)&init == NULL)
        return false;
    snprintf(flags, sizeof flags, "mtu=%u,local=%u.%u.%u.%u", settings->mtu, local[0], local[1],
             local[2], local[3]);
    init(flags, &shared->interface);
    return true;
}

bool stack_start(struct stack *stack, struct arena *arena, const struct settings *settings)
{
    stack_begin(stack, arena);
    namespace_enter(settings);
    stack->shared = arena_take(arena, sizeof *stack->shared);
    stack->sockets = arena_take(arena, sizeof *stack->sockets);
    stack->sockets->stack = stack;
    if (!load(stack->shared, settings)) {
        stack->shared = NULL;
        return false;
    }
    stack->shared->beside = (struct beside){.clock = clock_of_call, .of = stack->shared};
    stack->shared->begun_us = clock_us(stack->shared);
    return true;
}

/* A call that never ends, of a script that has failed, keeps all that it may still use. */
void stack_stop(struct stack *stack)
{
    struct shared *shared = stack->shared;
    if (shared == NULL)
        return;
    if (shared->beside.running && !beside_is_over(&shared->beside)) {
        pthread_detach(shared->beside.thread);
        puts("a call has been left behind");
        exit(1);
    }
    if (shared->beside.running)
        pthread_join(shared->beside.thread, NULL);
    shared->interface.free(shared->interface.userdata);
    dlclose(shared->handle);
}

/* ---- Calls ---- */

bool stack_has_version(const struct ip_version *version)
{
    return version == &ip_version4;
}

bool stack_has_call(const char *name)
{
    static const char *const none[] = {"accept4", "getsockname", "getpeername",
                                       "dup",     "open",        "sendfile"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcmp(none[i], name) == 0)
            return false;
    return true;
}

/* The object asks no routes. */
bool stack_set_route(struct stack *stack, const char *attribute, const char *value)
{
    (void)stack, (void)attribute, (void)value;
    return false;
}

bool stack_attempt(struct stack *stack, void (*attempt)(void *context), void *context, bool beside)
{
    struct shared *shared = stack->shared;
    if (!beside) {
        attempt(context);
        look_at_clock(stack);
        return true;
    }
    if (!beside_attempt(&shared->beside, attempt, context))
        return false;
    stack->now_ns = to_stack(shared, (int64_t)shared->beside.over_at);
    return true;
}

/* ---- Turns ---- */

void stack_turn(struct stack *stack)
{
    look_at_clock(stack);
    stack_tell(stack);
}

/* A call that has what it waited for may not have had the processor yet: no time passes before it
 * is over, or waits on. */
static void let_call_go_on(struct stack *stack)
{
    const struct shared *shared = stack->shared;
    for (int i = 0; i < PATIENCE && beside_works(&shared->beside); i++)
        beside_rest();
    if (shared->beside.running && beside_is_over(&shared->beside))
        stack_tell(stack);
}

void stack_run(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    const struct shared *shared = stack->shared;
    uint64_t until = STACK_START + time_ns;
    let_call_go_on(stack);
    look_at_clock(stack);
    if (stack->now_ns < until && (stop == NULL || !stop(context)))
        shared->interface.usleep(shared->interface.userdata,
                                 (useconds_t)((until - stack->now_ns) / 1000));
    stack_turn(stack);
    for (int i = 0; stop != NULL && !stop(context) && i < PATIENCE; i++) {
        beside_rest();
        stack_tell(stack);
    }
    look_at_clock(stack);
}

/* The next packet, whenever it comes. */
static bool receive(struct stack *stack)
{
    static uint8_t bytes[SENT_MOST];
    const struct shared *shared = stack->shared;
    size_t length = sizeof bytes;
    long long time_us = 0;
    shared->interface.netdev_receive(shared->interface.userdata, bytes, &length, &time_us);
    look_at_clock(stack);
    if (length == 0)
        return false;
    struct sent *sent = stack_sent(stack, to_stack(shared, time_us) - STACK_START, length);
    memcpy(sent->bytes, bytes, length);
    return true;
}

void stack_await(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    (void)time_ns;
    while (!stop(context) && receive(stack))
        stack_tell(stack);
}

void stack_input(struct stack *stack, const void *bytes, size_t length)
{
    stack->shared->interface.netdev_send(stack->shared->interface.userdata, bytes, length);
    stack_turn(stack);
}
