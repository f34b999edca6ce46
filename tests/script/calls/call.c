/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/calls/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/script/names.h"

#define ALONE_MOST_NS UINT64_C(3600000000000) /* that a call which nobody awaits may take */

void call_fail(struct call *call, const char *format, ...)
{
    char text[VERDICT_TEXT / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run_fail(call->run, call->event->line, "%s: %s", call->event->call->name, text);
}

/* NULL when there is no such call. */
static const struct call_kind *kind_named(const char *name)
{
    static const struct call_kind *const tables[] = {call_socket_kinds, call_transfer_kinds,
                                                     call_option_kinds, call_ready_kinds};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct call_kind *kind = tables[i]; kind->name != NULL; kind++)
            if (strcmp(kind->name, name) == 0)
                return kind;
    return NULL;
}

/* ---- Results ---- */

static const char *result_text(ssize_t value, char *text, size_t room)
{
    const char *name = value < 0 ? name_of_error(-value) : NULL;
    if (value >= 0)
        snprintf(text, room, "%zd", value);
    else if (name != NULL)
        snprintf(text, room, "-1 %s", name);
    else
        snprintf(text, room, "-1 (error %zd)", -value);
    return text;
}

static bool same_error(const struct call *call)
{
    const char *wanted = call->event->call->error;
    int64_t number;
    return wanted == NULL || !name_number(wanted, &number) || number == -call->value;
}

/* Compares the result with the script's; true when the call went well and there is more to check.
 */
static bool check_result(struct call *call)
{
    const struct value *wanted = call->event->call->result;
    const char *error = call->event->call->error;
    char text[64];
    ssize_t value = call->value;
    if (wanted == NULL || wanted->kind == VALUE_OPEN)
        return value >= 0;
    int64_t number = value_number(call, wanted);
    bool both_open = call->kind->opens && number >= 0 && value >= 0;
    if (both_open)
        run_map_descriptor(call->run, number, (int)value);
    else if (!call->run->settings.unchecked &&
             (number != (value < 0 ? -1 : value) || (value < 0 && !same_error(call))))
        call_fail(call, "returned %s, not %" PRId64 "%s%s", result_text(value, text, sizeof text),
                  number, error != NULL ? " " : "", error != NULL ? error : "");
    return value >= 0 && call->run->verdict == PASSED;
}

static void check_end(struct call *call)
{
    uint64_t now = stack_time(&call->run->stack);
    uint64_t tolerance = run_tolerance(call->run, call->ends_ns);
    if (!call->event->time.waits || call->run->settings.unchecked)
        return;
    if (now + tolerance < call->ends_ns || now > call->ends_ns + tolerance)
        call_fail(call, "was over at %.6f, not at %.6f", (double)now / 1e9,
                  (double)call->ends_ns / 1e9);
}

static void tell_result(const struct call *call)
{
    char text[64];
    if (call->run->settings.verbose)
        printf("%.6f %s = %s%s\n", (double)stack_time(&call->run->stack) / 1e9, call->kind->name,
               result_text(call->value, text, sizeof text), call->value < 0 ? "" : call->beside);
}

static void finish(struct call *call)
{
    tell_result(call);
    if (check_result(call) && call->kind->check != NULL && !call->run->settings.unchecked)
        call->kind->check(call);
    check_end(call);
}

/* ---- Attempts ---- */

bool call_waits(struct call *call, ssize_t value)
{
    call->pending = value == -EAGAIN && sockets_blocks(call->sockets, call->fd) &&
                    (call->flags & MSG_DONTWAIT) == 0;
    return call->pending;
}

void call_set_limit(struct call *call, bool sending)
{
    uint64_t timeout =
        sockets_timeout(call->sockets, call->fd, sending ? SOCKETS_SENDING : SOCKETS_RECEIVING);
    call->until_ns = timeout == UINT64_MAX ? UINT64_MAX : call->run->stack.now_ns + timeout;
}

static void attempt(void *context)
{
    struct call *call = context;
    call->value = call->kind->run(call);
}

/* False: it is still being made. */
static bool make_attempt(struct call *call)
{
    return stack_attempt(&call->run->stack, attempt, call, call->event->time.waits);
}

void call_try_again(struct call *call)
{
    if (!make_attempt(call))
        return;
    if (call->pending && call->run->stack.now_ns < call->until_ns)
        return;
    call->run->waiting = NULL;
    call->run->stack.wake_ns = 0;
    finish(call);
}

uint64_t call_latest_end(const struct call *call)
{
    uint64_t tolerance = run_tolerance(call->run, call->ends_ns);
    uint64_t latest =
        call->event->time.waits ? call->ends_ns + tolerance : call->from_ns + ALONE_MOST_NS;
    uint64_t gives_up = call->until_ns - STACK_START; /* of the script, as the others */
    return gives_up < latest ? gives_up + tolerance : latest;
}

static bool is_over(void *context)
{
    struct call *call = context;
    return call->run->waiting != call || call->run->verdict != PASSED;
}

/* The script does not say that the call waits, so nothing else happens until it is over. */
static void wait_alone(struct call *call)
{
    stack_run(&call->run->stack, call_latest_end(call), is_over, call);
    if (!is_over(call))
        call_fail(call, "waits for ever");
}

static void wait_for(struct call *call)
{
    call->run->waiting = call;
    call->run->stack.wake_ns = call->until_ns;
}

static void first_attempt(struct call *call)
{
    struct run *run = call->run;
    if (!make_attempt(call) || (call->pending && run->stack.now_ns < call->until_ns))
        wait_for(call);
    else
        finish(call);
    stack_turn(&run->stack);
    if (run->waiting == call && !call->event->time.waits)
        wait_alone(call);
}

static bool take_arguments(struct call *call, const struct field *field)
{
    unsigned count = 0;
    for (; field != NULL && count <= call->kind->most; field = field->next) {
        if (count < call->kind->most)
            call->arguments[count] = field->value;
        count++;
    }
    if (count >= call->kind->least && count <= call->kind->most)
        return true;
    call_fail(call, "wants %u to %u arguments", call->kind->least, call->kind->most);
    return false;
}

void call_begin(struct run *run, const struct event *event, uint64_t to_ns)
{
    struct call *call = arena_take(run->arena, sizeof *call);
    call->kind = kind_named(event->call->name);
    if (call->kind == NULL || !stack_has_call(call->kind->name)) {
        run_skip(run, event->line, "there is no call '%s'", event->call->name);
        return;
    }
    call->run = run;
    call->sockets = run->stack.sockets;
    call->event = event;
    call->until_ns = UINT64_MAX;
    call->from_ns = stack_time(&run->stack);
    call->ends_ns = to_ns;
    if (!take_arguments(call, event->call->arguments))
        return;
    call->kind->prepare(call);
    if (run->verdict == PASSED)
        first_attempt(call);
}
