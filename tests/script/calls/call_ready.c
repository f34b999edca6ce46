/* SPDX-License-Identifier: BSD-2-Clause */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/script/calls/call.h"

/* poll() and epoll. */

enum { ENTRIES_MAX = 32 };

static void set_timeout(struct call *call, int64_t timeout_ms)
{
    call->run->stack.timeout_ms = (int)timeout_ms;
    if (timeout_ms >= 0)
        call->until_ns = call->run->stack.now_ns + (uint64_t)timeout_ms * 1000000;
}

/* ---- poll ---- */

/* poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) */
static void prepare_poll(struct call *call)
{
    struct pollfd *entries = arena_take(call->run->arena, ENTRIES_MAX * sizeof *entries);
    const struct value *list = call->arguments[0];
    call->most = (int)call_number(call, 1);
    call->entries = entries;
    if (call->most < 0 || call->most > ENTRIES_MAX || list->kind != VALUE_LIST ||
        value_count(list) < (unsigned)call->most) {
        call_fail(call, "a list of as many entries as it says is wanted");
        return;
    }
    for (unsigned i = 0; i < (unsigned)call->most; i++) {
        const struct value *entry = value_at(list, i);
        entries[i].fd = run_descriptor(call->run, member_number(call, entry, "fd", NULL));
        entries[i].events = (short)member_number(call, entry, "events", NULL);
    }
    set_timeout(call, call_number(call, 2));
}

static ssize_t run_poll(struct call *call)
{
    ssize_t value = sockets_poll(call->sockets, call->entries, (nfds_t)call->most);
    call->pending = value == 0;
    if (value > 0 && call->most == 1)
        snprintf(call->beside, sizeof call->beside, ", events 0x%x",
                 (unsigned)(unsigned short)((struct pollfd *)call->entries)->revents);
    return value;
}

static void check_poll(struct call *call)
{
    const struct pollfd *entries = call->entries;
    for (unsigned i = 0; i < (unsigned)call->most; i++) {
        const struct value *wanted = value_member(value_at(call->arguments[0], i), "revents", NULL);
        if (wanted == NULL || wanted->kind == VALUE_OPEN)
            continue;
        int64_t number = value_number(call, wanted);
        if (number != entries[i].revents)
            call_fail(call, "entry %u has the events 0x%x, not 0x%llx", i,
                      (unsigned)(unsigned short)entries[i].revents, (long long)number);
    }
}

/* ---- epoll ---- */

static void prepare_create(struct call *call)
{
    call->most = (int)call_number(call, 0);
}

static ssize_t run_create(struct call *call)
{
    return sockets_epoll_create(call->sockets, 0);
}

static struct epoll_event event_of(struct call *call, const struct value *value)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    struct epoll_event event = {.events = (uint32_t)member_number(call, value, "events", NULL)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        event.data.u64 |= (uint64_t)member_number(call, value, names[i], NULL);
    return event;
}

static void prepare_control(struct call *call)
{
    struct epoll_event *event = arena_take(call->run->arena, sizeof *event);
    call->fd = call_descriptor(call, 0);
    call->most = (int)call_number(call, 1);
    call->other_fd = call_descriptor(call, 2);
    call->entries = event;
    if (call->arguments[3] != NULL && call->arguments[3]->kind == VALUE_STRUCT)
        *event = event_of(call, call->arguments[3]);
}

static ssize_t run_control(struct call *call)
{
    return sockets_epoll_ctl(call->sockets, call->fd, call->most, call->other_fd, call->entries);
}

/* epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0), or a list of such. */
static void prepare_wait(struct call *call)
{
    call->fd = call_descriptor(call, 0);
    call->most = (int)call_number(call, 2);
    call->entries = arena_take(call->run->arena, ENTRIES_MAX * sizeof(struct epoll_event));
    if (call->most > ENTRIES_MAX)
        call->most = ENTRIES_MAX;
    set_timeout(call, call_number(call, 3));
}

static ssize_t run_wait(struct call *call)
{
    ssize_t value = sockets_epoll_wait(call->sockets, call->fd, call->entries, call->most);
    call->pending = value == 0;
    if (value == 1)
        snprintf(call->beside, sizeof call->beside, ", events 0x%x",
                 (unsigned)((struct epoll_event *)call->entries)->events);
    return value;
}

static void check_wait(struct call *call)
{
    const struct epoll_event *events = call->entries;
    const struct value *list = call->arguments[1];
    if (list->kind == VALUE_OPEN || list->kind == VALUE_NULL)
        return;
    for (unsigned i = 0; i < value_count(list) && i < (unsigned)call->value; i++) {
        const struct value *wanted = value_at(list, i);
        if (wanted->kind != VALUE_STRUCT)
            continue;
        struct epoll_event event = event_of(call, wanted);
        uint64_t data = events[i].data.u64;
        if (event.events != events[i].events || event.data.u64 != data)
            call_fail(call, "event %u is 0x%x of %llu, not 0x%x of %llu", i, events[i].events,
                      (unsigned long long)data, event.events, (unsigned long long)event.data.u64);
    }
}

const struct call_kind call_ready_kinds[] = {
    {"poll", 3, 3, false, prepare_poll, run_poll, check_poll},
    {"epoll_create", 1, 1, true, prepare_create, run_create, NULL},
    {"epoll_create1", 1, 1, true, prepare_create, run_create, NULL},
    {"epoll_ctl", 4, 4, false, prepare_control, run_control, NULL},
    {"epoll_wait", 4, 4, false, prepare_wait, run_wait, check_wait},
    {NULL, 0, 0, false, NULL, NULL, NULL},
};
