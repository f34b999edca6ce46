/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_RUN_H
#define CHASKI_TESTS_SCRIPT_RUN_H

#include "tests/script/code/code.h"
#include "tests/script/language/script.h"
#include "tests/script/packets/flow.h"
#include "tests/script/stack/settings.h"
#include "tests/script/stack/stack.h"

/*
 * A script that runs.
 *
 * Theory of operation. Events happen one after another, each at its time, on the stack's own clock
 * (tests/script/stack/stack.h). What the stack sends is read as it is sent, and waits in `seen`
 * until an event asks for it. Calls make one attempt (tests/script/calls/call.h); one that would
 * have to wait is tried again behind every turn of the host, while the script goes on, until it is
 * done or the next call needs its place. The first thing that is not as the script has it ends the
 * run.
 */
enum verdict { PASSED, FAILED, SKIPPED };

enum { VERDICT_TEXT = 1600, DESCRIPTORS_MAX = 64 };

/* A packet that the stack sent and no event has asked for yet. */
struct seen {
    struct seen *next;
    uint64_t time_ns;
    struct packet wire;
    struct flow *flow;
};

struct descriptor_pair {
    int script, live;
};

struct call;

struct run {
    const char *file;
    struct arena *arena; /* of the script */
    struct settings settings;
    struct stack stack;
    struct code code;
    struct flow *flows;
    struct flow *flow;  /* that packets without a [port] are of; NULL: none yet */
    bool begins_anew;   /* the next SYN that comes in is of another flow */
    uint16_t next_port; /* of the remote end */
    struct seen *seen, **seen_end;
    struct descriptor_pair descriptors[DESCRIPTORS_MAX];
    unsigned descriptor_count;
    int subject; /* the socket whose tcp_info is looked at; -1: none */
    struct call *waiting;
    uint64_t last_ns; /* when the event before was, for relative times */
    int line;         /* of the event that happens */
    enum verdict verdict;
    char text[VERDICT_TEXT]; /* "FILE:LINE: what is wrong", or why it was skipped */
};

struct run_options {
    bool exact; /* scripts of the stack's own, see settings.h */
    const struct script_option *more;
    const struct definition *definitions;
};

/* Reads and runs one script. `text`, of VERDICT_TEXT characters, tells why it did not pass. */
enum verdict run_script(const char *file, const char *script, size_t length,
                        const struct run_options *options, char *text);

/* ---- What the files of the interpreter say to one another ---- */

/* Ends the run; only the first one counts. Returns false. */
bool run_fail(struct run *run, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool run_skip(struct run *run, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How far off an event at `time_ns` may be. */
uint64_t run_tolerance(const struct run *run, uint64_t time_ns);

/* A packet event, out or in. */
void run_packet(struct run *run, const struct event *event, uint64_t from_ns, uint64_t to_ns);

/* Reads what the stack has sent meanwhile. */
void run_look(struct run *run);

/* shell.c: the commands of a shell event, as far as they are understood. */
void run_shell(struct run *run, const char *text, int line);

/* A number of the script's for a descriptor; -1 or a number that is not open when there is none. */
int run_descriptor(const struct run *run, int64_t script);
void run_map_descriptor(struct run *run, int64_t script, int live);

#endif
