/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/link/dispatch.h"

void dispatch_setup(struct dispatch *dispatch, struct counters *counters)
{
    memset(dispatch, 0, sizeof *dispatch);
    dispatch->counters = counters;
    dispatch->other = (struct hook){hook_not_wired, counters};
}

static struct dispatch_entry *find(struct dispatch *dispatch, uint16_t protocol)
{
    for (uint32_t i = 0; i < dispatch->count; i++)
        if (dispatch->entries[i].protocol == protocol)
            return &dispatch->entries[i];
    return NULL;
}

bool dispatch_wire(struct dispatch *dispatch, uint16_t protocol, struct hook inform)
{
    struct dispatch_entry *entry = find(dispatch, protocol);
    if (entry == NULL) {
        if (dispatch->count == DISPATCH_ENTRIES)
            return false;
        entry = &dispatch->entries[dispatch->count++];
    }
    *entry = (struct dispatch_entry){protocol, inform};
    return true;
}

/* How many packets from `from` on have the same protocol. */
static uint32_t run_length(const struct burst *burst, uint32_t from)
{
    uint32_t at = from + 1;
    while (at < burst->count && burst->packets[at]->protocol == burst->packets[from]->protocol)
        at++;
    return at - from;
}

static const struct hook *hook_for(struct dispatch *dispatch, uint16_t protocol)
{
    struct dispatch_entry *entry = find(dispatch, protocol);
    return entry != NULL ? &entry->inform : &dispatch->other;
}

static void dispatch_runs(struct dispatch *dispatch, struct burst *burst, uint64_t now_ns)
{
    uint32_t length;
    for (uint32_t at = 0; at < burst->count; at += length) {
        struct burst run;
        length = run_length(burst, at);
        run.count = length;
        memcpy(run.packets, burst->packets + at, length * sizeof run.packets[0]);
        hook_call(hook_for(dispatch, run.packets[0]->protocol), &run, now_ns);
    }
    burst->count = 0;
}

void dispatch_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct dispatch *dispatch = block;
    if (burst->count != 0 && run_length(burst, 0) == burst->count)
        hook_call(hook_for(dispatch, burst->packets[0]->protocol), burst, now_ns);
    else
        dispatch_runs(dispatch, burst, now_ns);
}
