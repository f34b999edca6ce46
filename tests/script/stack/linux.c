/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/linux.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/script/packets/ip.h"
#include "tests/script/stack/common.h"
#include "tests/script/stack/namespace.h"

/*
 * The machine's kernel as the stack under test, in real time: whether what a script expects is so
 * on Linux. The script's thread reads the TUN device while time passes, so that a packet's time is
 * when it came; a second thread runs the calls that the script says take time. Others are made by
 * the script's thread itself, which an alarm frees when one waits for ever.
 */

enum { CALL_MOST_S = 60, NS_PER_MS = 1000000 };

#define NS_PER_S UINT64_C(1000000000)

/* ---- Time ---- */

static uint64_t clock_ns(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static uint64_t clock_of_call(const void *kernel)
{
    const struct linux_stack *of = kernel;
    return STACK_START + clock_ns(CLOCK_MONOTONIC) - of->begun_ns;
}

static void look_at_clock(struct stack *stack)
{
    stack->now_ns = clock_of_call(stack->kernel);
}

/* ---- Beginning and end ---- */

/* A call that a signal ends gives EINTR. */
static void wake(int number)
{
    (void)number;
}

static void let_calls_be_ended(void)
{
    struct sigaction action = {.sa_handler = wake};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

bool stack_start(struct stack *stack, struct arena *arena, const struct settings *settings)
{
    stack_begin(stack, arena);
    let_calls_be_ended();
    namespace_spoil(); /* by the connections that the script before has left */
    namespace_enter(settings);
    stack->kernel = arena_take(arena, sizeof *stack->kernel);
    stack->sockets = arena_take(arena, sizeof *stack->sockets);
    *stack->sockets = (struct sockets){stack->kernel, stack};
    stack->kernel->version = settings->ends.version;
    stack->kernel->tun = linux_device_open(settings);
    if (stack->kernel->tun < 0) {
        puts("no TUN device can be had");
        exit(SKIPPED_TEST);
    }
    stack->kernel->beside = (struct beside){.clock = clock_of_call, .of = stack->kernel};
    stack->kernel->begun_ns = clock_ns(CLOCK_MONOTONIC);
    stack->kernel->begun_of_day_ns = (int64_t)clock_ns(CLOCK_REALTIME);
    return true;
}

/* All descriptors from the device's on are the script's. */
void stack_stop(struct stack *stack)
{
    struct linux_stack *kernel = stack->kernel;
    struct beside *beside = &kernel->beside;
    while (beside->running && !beside_is_over(beside)) {
        pthread_kill(beside->thread, SIGUSR1);
        beside_rest();
    }
    if (beside->running)
        pthread_join(beside->thread, NULL);
    close_range((unsigned)kernel->tun, ~0U, 0);
}

/* ---- Packets ---- */

static bool receive(struct stack *stack)
{
    static uint8_t bytes[SENT_MOST];
    ssize_t length = read(stack->kernel->tun, bytes, sizeof bytes);
    if (length <= 0)
        return false;
    look_at_clock(stack);
    if (bytes[0] >> 4 != stack->kernel->version->number) /* IPv6 looks for routers anyway */
        return true;
    struct sent *sent = stack_sent(stack, stack_time(stack), (size_t)length);
    memcpy(sent->bytes, bytes, (size_t)length);
    return true;
}

void stack_turn(struct stack *stack)
{
    while (receive(stack))
        continue;
    look_at_clock(stack);
    stack_tell(stack);
}

void stack_input(struct stack *stack, const void *bytes, size_t length)
{
    if (write(stack->kernel->tun, bytes, length) != (ssize_t)length)
        perror("tun");
    stack_turn(stack);
}

/* ---- Time that passes ---- */

/* Until a packet comes, or a call beside may be over. */
static void sleep_until(const struct stack *stack, uint64_t until_ns)
{
    const struct linux_stack *kernel = stack->kernel;
    struct pollfd tun = {.fd = kernel->tun, .events = POLLIN};
    uint64_t left = until_ns - stack->now_ns;
    if (kernel->beside.running && left > NS_PER_MS / 4)
        left = NS_PER_MS / 4;
    struct timespec timeout = {(time_t)(left / NS_PER_S), (long)(left % NS_PER_S)};
    ppoll(&tun, 1, &timeout, NULL);
}

void stack_run(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    uint64_t until = STACK_START + time_ns;
    stack_turn(stack);
    while (stack->now_ns < until && (stop == NULL || !stop(context))) {
        sleep_until(stack, until);
        stack_turn(stack);
    }
}

void stack_await(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    stack_run(stack, time_ns, stop, context);
}

/* ---- Calls ---- */

bool stack_attempt(struct stack *stack, void (*attempt)(void *context), void *context, bool beside)
{
    struct linux_stack *kernel = stack->kernel;
    if (!beside) {
        alarm(CALL_MOST_S);
        attempt(context);
        alarm(0);
        look_at_clock(stack);
        return true;
    }
    if (!beside_attempt(&kernel->beside, attempt, context))
        return false;
    stack->now_ns = kernel->beside.over_at;
    return true;
}

bool stack_has_version(const struct ip_version *version)
{
    return version == &ip_version4 || access("/proc/sys/net/ipv6", F_OK) == 0;
}

bool stack_has_call(const char *name)
{
    (void)name;
    return true;
}

bool stack_set_route(struct stack *stack, const char *attribute, const char *value)
{
    char *route = stack->kernel->route;
    size_t used = strlen(route);
    snprintf(route + used, LINUX_ROUTE_TEXT - used, " %s %s", attribute, value);
    return linux_device_route(stack->kernel->version, route);
}
