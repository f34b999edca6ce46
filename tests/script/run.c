/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/script/run.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/script/calls/call.h"
#include "tests/script/code/cc_fields.h"
#include "tests/script/code/memory_fields.h"
#include "tests/script/packets/ip.h"

enum { FIRST_REMOTE_PORT = 32768, INFO_MAX = 512, NOT_OPEN = 1 << 20 };

#define LONGEST_NS UINT64_C(86400000000000) /* that anything is waited for */

/* ---- Verdicts ---- */

static bool conclude(struct run *run, enum verdict verdict, int line, const char *format,
                     va_list arguments)
{
    if (run->verdict != PASSED)
        return false;
    run->verdict = verdict;
    int used = snprintf(run->text, sizeof run->text, "%s:%d: %s", run->file, line,
                        verdict == SKIPPED ? "skipped: " : "");
    if (used > 0 && (size_t)used < sizeof run->text)
        vsnprintf(run->text + used, sizeof run->text - (size_t)used, format, arguments);
    return false;
}

bool run_fail(struct run *run, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    conclude(run, FAILED, line, format, arguments);
    va_end(arguments);
    return false;
}

bool run_skip(struct run *run, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    conclude(run, SKIPPED, line, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Descriptors ---- */

int run_descriptor(const struct run *run, int64_t script)
{
    for (unsigned i = run->descriptor_count; i-- > 0;)
        if (run->descriptors[i].script == script)
            return run->descriptors[i].live;
    return script < 0 ? -1 : NOT_OPEN + (int)script;
}

void run_map_descriptor(struct run *run, int64_t script, int live)
{
    if (run->descriptor_count == DESCRIPTORS_MAX) {
        memmove(run->descriptors, run->descriptors + 1,
                (DESCRIPTORS_MAX - 1) * sizeof *run->descriptors);
        run->descriptor_count--;
    }
    run->descriptors[run->descriptor_count++] = (struct descriptor_pair){(int)script, live};
}

/* ---- Events ---- */

uint64_t run_tolerance(const struct run *run, uint64_t time_ns)
{
    uint64_t gap = time_ns > run->last_ns ? time_ns - run->last_ns : 0;
    uint64_t share = gap / 1000 * run->settings.tolerance_permil;
    return share > run->settings.tolerance_ns ? share : run->settings.tolerance_ns;
}

static void run_code(struct run *run, const struct event *event)
{
    uint8_t info[INFO_MAX];
    uint8_t cc[CC_INFO_MAX];
    uint32_t memory[MEMORY_FIELDS];
    socklen_t length = sizeof info, memory_length = sizeof memory, cc_length = sizeof cc;
    if (run->subject < 0 && run->settings.unchecked)
        return;
    if (run->subject < 0) {
        run_fail(run, event->line, "there is no socket whose state could be looked at");
        return;
    }
    int error =
        sockets_getsockopt(run->stack.sockets, run->subject, IPPROTO_TCP, TCP_INFO, info, &length);
    if (error != 0) {
        run_fail(run, event->line, "the state of the socket cannot be had (%d)", error);
        return;
    }
    if (sockets_getsockopt(run->stack.sockets, run->subject, SOL_SOCKET, SO_MEMINFO, memory,
                           &memory_length) != 0)
        memory_length = 0;
    if (sockets_getsockopt(run->stack.sockets, run->subject, IPPROTO_TCP, TCP_CC_INFO, cc,
                           &cc_length) != 0)
        cc_length = 0;
    run->code.cc = cc;
    run->code.cc_length = cc_length;
    run->code.memory = memory;
    run->code.memory_count = memory_length / sizeof *memory;
    run->code.info = info;
    run->code.prints = run->settings.verbose;
    run->code.info_length = length;
    if (!code_run(&run->code, event->text, event->line))
        run_fail(run, event->line, "%s", run->code.failure);
}

static bool call_is_over(void *context)
{
    struct run *run = context;
    return run->waiting == NULL || run->verdict != PASSED;
}

/* The one place for calls is needed, or the script ends. */
static bool await_call(struct run *run)
{
    struct call *call = run->waiting;
    if (call == NULL)
        return run->verdict == PASSED;
    stack_run(&run->stack, call_latest_end(call), call_is_over, run);
    if (run->waiting != NULL)
        run_fail(run, call->event->line, "the call waits still at %.6f",
                 (double)stack_time(&run->stack) / 1e9);
    return run->verdict == PASSED;
}

/* What the stack has sent before `time_ns` stands in the script, behind this event at the
 * latest. */
static bool nothing_left(struct run *run, uint64_t time_ns, int line)
{
    char text[PACKET_TEXT];
    const struct seen *seen = run->seen;
    uint64_t tolerance = run->settings.tolerance_ns;
    if (!run->settings.complete || seen == NULL || seen->time_ns + tolerance >= time_ns)
        return true;
    struct packet packet = flow_to_script(seen->flow, &seen->wire, NULL, false, 0);
    return run_fail(run, line, "the stack sent %s at %.6f, of which the script says nothing",
                    packet_text(&packet, text), (double)seen->time_ns / 1e9);
}

/* Goes on to the time of an event that does not wait for the stack. */
static bool come_to(struct run *run, uint64_t time_ns, int line)
{
    uint64_t now = stack_time(&run->stack);
    if (now > time_ns + run_tolerance(run, time_ns))
        return run_fail(run, line, "time is %.6f already, not %.6f", (double)now / 1e9,
                        (double)time_ns / 1e9);
    stack_run(&run->stack, time_ns, NULL, NULL);
    return run->verdict == PASSED && nothing_left(run, time_ns, line);
}

static void happen(struct run *run, const struct event *event, uint64_t from_ns, uint64_t to_ns)
{
    run->line = event->line;
    if (event->kind == EVENT_CALL && !await_call(run))
        return;
    if (event->kind == EVENT_PACKET && !event->packet->inbound) {
        run_packet(run, event, from_ns, to_ns);
        return;
    }
    if (!come_to(run, from_ns, event->line))
        return;
    switch (event->kind) {
    case EVENT_PACKET:
        run_packet(run, event, from_ns, to_ns);
        break;
    case EVENT_CALL:
        call_begin(run, event, to_ns);
        break;
    case EVENT_CODE:
        run_code(run, event);
        break;
    case EVENT_SHELL:
        run_shell(run, event->text, event->line);
        break;
    }
}

static void run_event(struct run *run, const struct event *event)
{
    const struct event_time *time = &event->time;
    uint64_t base = time->kind == TIME_RELATIVE ? run->last_ns : 0;
    uint64_t from = base + (uint64_t)time->from_ns, to = base + (uint64_t)time->to_ns;
    if (time->kind == TIME_ANY) {
        from = stack_time(&run->stack);
        to = from + LONGEST_NS;
    }
    happen(run, event, from, to);
    bool open = event->kind == EVENT_PACKET && from != to;
    run->last_ns = open ? stack_time(&run->stack) : from;
}

/* ---- Scripts ---- */

static void turned(void *context)
{
    struct run *run = context;
    run_look(run);
    if (run->waiting != NULL)
        call_try_again(run->waiting);
}

static bool take_options(struct run *run, const struct script_option *option)
{
    char note[NOTE_MAX];
    for (; option != NULL; option = option->next)
        if (!settings_option(&run->settings, option->name, option->value, note))
            return run_fail(run, option->line, "%s", note);
    return true;
}

/* What the words for ICMP stand for, which are others in each version of IP. */
static bool understand_icmp(struct run *run, const struct event *event)
{
    const struct ip_version *version = run->settings.ends.version;
    for (; event != NULL; event = event->next) {
        if (event->kind != EVENT_PACKET || event->packet->kind != PACKET_ICMP)
            continue;
        const char *unknown = icmp_numbers(version, &event->packet->icmp);
        if (unknown != NULL)
            return run_fail(run, event->line, "ICMP of %s has no '%s'", version->name, unknown);
    }
    return true;
}

/* Whether this version of IP can have such a script. */
static bool suits_version(struct run *run, const struct script *script)
{
    const struct ip_version *version = run->settings.ends.version;
    if (run->settings.mtu < version->mtu_least)
        return run_fail(run, 1, "%s has no MTU of %u", version->name, run->settings.mtu);
    return understand_icmp(run, script->events);
}

static void run_events(struct run *run, const struct event *events)
{
    int line = 0;
    for (const struct event *event = events; event != NULL && run->verdict == PASSED;
         event = event->next) {
        run_event(run, event);
        line = event->line;
    }
    if (run->verdict == PASSED && await_call(run) && run->settings.complete)
        nothing_left(run, UINT64_MAX, line);
}

static void start_and_run(struct run *run, const struct script *script)
{
    const struct ip_version *version = run->settings.ends.version;
    if (!suits_version(run, script))
        return;
    if (!stack_has_version(version)) {
        run_skip(run, 1, "the stack has no %s", version->name);
        return;
    }
    if (!stack_start(&run->stack, run->arena, &run->settings)) {
        run_fail(run, 1, "no stack with these options");
        return;
    }
    run->stack.turned = turned;
    run->stack.context = run;
    run_events(run, script->events);
    stack_stop(&run->stack);
}

enum verdict run_script(const char *file, const char *text, size_t length,
                        const struct run_options *options, char *told)
{
    struct script script;
    struct run run = {.file = file, .subject = -1, .next_port = FIRST_REMOTE_PORT};
    bool read = script_read(&script, file, text, length, options->definitions);
    run.arena = run.code.arena = &script.arena;
    run.seen_end = &run.seen;
    settings_defaults(&run.settings, options->exact);
    if (!read) {
        run.verdict = FAILED;
        snprintf(run.text, sizeof run.text, "%s:%s", file, script.error);
    } else if (take_options(&run, options->more) && take_options(&run, script.options)) {
        start_and_run(&run, &script);
    }
    script_forget(&script);
    memcpy(told, run.text, sizeof run.text);
    return run.verdict;
}
