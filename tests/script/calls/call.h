/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_CALL_H
#define CHASKI_TESTS_SCRIPT_CALL_H

#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/script/run.h"

/*
 * System calls of scripts, by sockets/sockets.h. A kind of call prepares its arguments once, makes
 * attempts until it need not wait any more, and checks what came back beside the result.
 */
enum { ARGUMENTS_MAX = 6, PIECES_MAX = 64, OPTION_BYTES_MAX = 512 };

struct call_kind {
    const char *name;
    uint8_t least, most; /* number of arguments */
    bool opens;          /* the result is a descriptor */
    void (*prepare)(struct call *call);
    ssize_t (*run)(struct call *call); /* sets call->pending when it has to wait */
    void (*check)(struct call *call);  /* of calls that did not fail; NULL: nothing */
};

struct call {
    const struct call_kind *kind;
    struct run *run;
    struct sockets *sockets;
    const struct event *event;
    const struct value *arguments[ARGUMENTS_MAX]; /* NULL: not given */
    bool pending;
    uint64_t until_ns;         /* when it gives up waiting, of the stack's clock */
    uint64_t from_ns, ends_ns; /* of the script: when it began, and has to be over if it `waits` */
    ssize_t value;             /* or -errno */
    char beside[256];          /* what else came back, to be told behind it */
    int fd, flags;
    struct msghdr message;
    struct iovec pieces[PIECES_MAX];
    size_t wanted, done;
    struct sockaddr_storage address;
    socklen_t length;
    uint8_t bytes[OPTION_BYTES_MAX]; /* of an option */
    void *entries;                   /* of poll and epoll */
    int other_fd, most;
    uint8_t *received;
};

/* Makes the first attempt at an event's call. `to_ns`: when it has to be over, if it may wait. */
void call_begin(struct run *run, const struct event *event, uint64_t to_ns);
void call_try_again(struct call *call);

/* The script's time when a call that waits has to be over. */
uint64_t call_latest_end(const struct call *call);

/* ---- What the files of calls say to one another ---- */

extern const struct call_kind call_socket_kinds[], call_transfer_kinds[], call_option_kinds[],
    call_ready_kinds[]; /* each ends with a name of NULL */

/* Ends the run. */
void call_fail(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Arguments as numbers; what is none ends the run and gives 0. An argument that is not given is 0,
 * `...` is `open`. */
int64_t call_number_or(struct call *call, unsigned argument, int64_t open);
int64_t call_number(struct call *call, unsigned argument);
int call_descriptor(struct call *call, unsigned argument);
int64_t value_number(struct call *call, const struct value *value);

/* The value itself, or the only one of a list. */
const struct value *value_single(const struct value *value);
/* A member of a struct, by one of two names; NULL when it is not there. */
const struct value *value_member(const struct value *of, const char *name, const char *other);
/* The member of a struct, or 0. */
int64_t member_number(struct call *call, const struct value *of, const char *name,
                      const char *other);
/* Goes through a list: its first element, or the value itself when it is no list. */
unsigned value_count(const struct value *list);
const struct value *value_at(const struct value *list, unsigned index);

/* The ends of the script, as sockets have them. */
struct sockaddr_storage call_local_end(const struct call *call);
struct sockaddr_storage call_remote_end(const struct call *call);

/* Reads an address into `address`; `...` is the `open` one, NULL is none (length 0). */
void value_address(struct call *call, const struct value *value,
                   const struct sockaddr_storage *open, struct sockaddr_storage *address,
                   socklen_t *length);
/* Compares an address, unless it is left open. */
void value_check_address(struct call *call, const struct value *value,
                         const struct sockaddr_storage *address);

/* Whether an attempt that came to `value` waits; also sets call->pending. */
bool call_waits(struct call *call, ssize_t value);
/* call->until_ns by the socket's own time-out. */
void call_set_limit(struct call *call, bool sending);

#endif
