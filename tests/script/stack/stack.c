/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/stack/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/script/packets/ip.h"

enum {
    MEMORY_MOST = 192 << 20, /* of addresses; only what is used becomes memory */
    CONNECTIONS = 64,
    BUFFER_MOST = 32 << 20, /* that scripts may set */
    AO_KEYS = 8,
    TURNS_MOST = 10000, /* at one time: more, and the host never comes to rest */
};

static void *memory; /* of the one host there is; kept, so that its pages are */

static void note(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct stack *stack = context;
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    uint8_t *at = stack_sent(stack, stack_time(stack), length)->bytes;
    for (unsigned i = 0; i < count; i++) {
        memcpy(at, pieces[i].bytes, pieces[i].length);
        at += pieces[i].length;
    }
}

/* Linux's defaults, not as much as the host could. */
static bool set_buffers(struct chaski *host, const char *knob, const uint32_t values[3])
{
    char text[40];
    snprintf(text, sizeof text, "%u %u %u", values[0], values[1], values[2]);
    return chaski_set_knob(host, knob, text) == 0;
}

static bool make_host(struct stack *stack, const struct settings *settings)
{
    static const uint8_t seed[32] = "a seed that everybody may guess";
    struct chaski_limits limits;
    if (memory == NULL) {
        memory = mmap(NULL, MEMORY_MOST, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            return false;
    }
    chaski_limits_for(&limits, MEMORY_MOST / 2, CONNECTIONS);
    limits.accounts = true;
    limits.ao_keys = AO_KEYS;
    limits.receive_buffer_max = limits.send_buffer_max = BUFFER_MOST;
    if (chaski_size(&limits) > MEMORY_MOST)
        return false;
    stack->host = chaski_init(memory, MEMORY_MOST, &limits, seed, STACK_START);
    if (stack->host != NULL && !settings->complete) { /* suites for Linux do so */
        chaski_set_knob(stack->host, "tcp_lax_timestamps", "1");
        chaski_set_knob(stack->host, "tcp_lax_window", "1");
    }
    return stack->host != NULL && set_buffers(stack->host, "tcp_rmem", settings->policy.tcp_rmem) &&
           set_buffers(stack->host, "tcp_wmem", settings->policy.tcp_wmem);
}

static bool make_interface(struct stack *stack, const struct settings *settings)
{
    const struct chaski_address any = {{0}};
    const uint8_t *local = settings->ends.local;
    struct chaski_address own = chaski_ip4(local[0], local[1], local[2], local[3]);
    struct chaski_interface interface = {
        .kind = CHASKI_BARE, .mtu = settings->mtu, .output = note, .context = stack};
    int number = chaski_interface_add(stack->host, &interface);
    return number >= 0 && chaski_address_add(stack->host, number, &own, 32) == 0 &&
           chaski_route_add(stack->host, &any, 0, &any, number) == 0;
}

bool stack_start(struct stack *stack, struct arena *arena, const struct settings *settings)
{
    stack_begin(stack, arena);
    if (!make_host(stack, settings) || !make_interface(stack, settings))
        return false;
    stack->sockets = sockets_create(stack->host, &settings->policy, STACK_FIRST_FD);
    if (stack->sockets == NULL)
        return false;
    sockets_set_clock(stack->sockets, -(int64_t)STACK_START);
    stack_turn(stack);
    while (stack_take(stack) != NULL) /* reports of groups and the like */
        continue;
    return true;
}

void stack_stop(struct stack *stack)
{
    if (stack->sockets != NULL)
        sockets_free(stack->sockets);
    stack->sockets = NULL;
}

static void one_turn(struct stack *stack)
{
    chaski_poll(stack->host, stack->now_ns);
    stack_tell(stack);
}

void stack_turn(struct stack *stack)
{
    int turns = 0;
    do {
        one_turn(stack);
        if (++turns == TURNS_MOST)
            abort();
    } while (chaski_deadline(stack->host) <= stack->now_ns);
}

/* When something is to happen next: of the host, or the end of somebody's patience. */
static uint64_t next_turn(const struct stack *stack)
{
    uint64_t next = chaski_deadline(stack->host);
    return stack->wake_ns > stack->now_ns && stack->wake_ns < next ? stack->wake_ns : next;
}

void stack_run(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    uint64_t until = STACK_START + time_ns;
    while (stop == NULL || !stop(context)) {
        uint64_t next = next_turn(stack);
        if (next > until) {
            if (stack->now_ns < until) {
                stack->now_ns = until;
                one_turn(stack); /* the host's calls know the time by its last turn */
            }
            return;
        }
        if (next > stack->now_ns)
            stack->now_ns = next;
        stack_turn(stack);
    }
}

void stack_await(struct stack *stack, uint64_t time_ns, bool (*stop)(void *context), void *context)
{
    stack_run(stack, time_ns, stop, context);
}

/* It never waits: whoever made it asks again. */
bool stack_attempt(struct stack *stack, void (*attempt)(void *context), void *context, bool beside)
{
    (void)stack, (void)beside;
    attempt(context);
    return true;
}

bool stack_has_version(const struct ip_version *version)
{
    return version == &ip_version4;
}

bool stack_has_call(const char *name)
{
    (void)name;
    return true;
}

bool stack_set_route(struct stack *stack, const char *attribute, const char *value)
{
    return strcmp(attribute, "initcwnd") == 0 &&
           chaski_set_knob(stack->host, "net.ipv4.tcp_init_cwnd", value) == 0;
}

void stack_input(struct stack *stack, const void *bytes, size_t length)
{
    chaski_input(stack->host, 0, bytes, length, stack->now_ns);
    stack_turn(stack);
}
