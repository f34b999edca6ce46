/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_SCRIPT_H
#define CHASKI_TESTS_SCRIPT_SCRIPT_H

#include "tests/script/packets/packet.h"

/*
 * A packet script as it was read: options, then events in order. Everything lies in the script's
 * arena. grammar.y builds it; what numbers and names mean is decided when it runs
 * (tests/script/run.h).
 */
enum value_kind {
    VALUE_NUMBER,
    VALUE_NAME,   /* a name that stands for no number */
    VALUE_STRING, /* "..." */
    VALUE_OPEN,   /* ... */
    VALUE_NULL,
    VALUE_LIST,   /* [a, b] */
    VALUE_STRUCT, /* {a=b, c} */
    VALUE_CALL,   /* htons(8080) */
};

/* Anything that stands as an argument of a system call. */
struct value {
    enum value_kind kind;
    int64_t number;      /* of a string: how many bytes it has */
    const char *text;    /* of names and strings; the function of a call */
    struct field *items; /* of lists, structs and calls */
};

/* A member; in msg_iov(2)=[...], `count` is 2. */
struct field {
    struct field *next;
    const char *name; /* NULL: by position */
    struct value *count;
    struct value *value;
};

enum time_kind { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY };

struct event_time {
    enum time_kind kind;
    int64_t from_ns, to_ns; /* equal unless a range */
    bool waits;             /* from...to: a call that blocks */
};

struct system_call {
    const char *name;
    struct field *arguments;
    struct value *result; /* NULL: nothing was said about it */
    const char *error;    /* "EAGAIN"; NULL: none */
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_CODE, EVENT_SHELL };

struct event {
    struct event *next;
    enum event_kind kind;
    struct event_time time;
    int line;
    union {
        struct packet *packet;
        struct system_call *call;
        const char *text; /* of code and shell */
    };
};

struct script_option {
    struct script_option *next;
    const char *name, *value; /* "mtu", "1500"; value "" when there is none */
    int line;
};

struct definition {
    struct definition *next;
    const char *name, *value;
};

struct script {
    struct arena arena;
    const char *file;
    const struct definition *definitions; /* -D NAME=VALUE, the caller's */
    struct definition *own_definitions;   /* --define=NAME=VALUE */
    struct script_option *options, **options_end;
    struct event *events, **events_end;
    char error[256]; /* "line: what is wrong" of a script that cannot be read; "" otherwise */
};

/* Reads `text`; false with script->error when it is no script. `file` is kept by reference. The
 * script is to be freed either way. */
bool script_read(struct script *script, const char *file, const char *text, size_t length,
                 const struct definition *definitions);
void script_forget(struct script *script);

#endif
