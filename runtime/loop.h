/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_LOOP_H
#define CHASKI_RUNTIME_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "drivers/link.h"
#include "runtime/alarm.h"

/*
 * The ready-made loop, for those who do not have one: takes frames from links, runs the hosts, and
 * sleeps until there is a frame, a file descriptor or a deadline. One thread. A turn is
 *
 *     read the clock; receive from every link and give it to its host; poll every host;
 *     and, when nothing was received, wait for the earliest deadline, to the nanosecond.
 */
enum { LOOP_HOSTS = 8, LOOP_LINKS = 16, LOOP_WATCHES = 64, LOOP_SPIN_NS = 50000 };

/* Runs when one of `events` (POLLIN, POLLOUT...) is there; may call anything, loop_unwatch too. */
typedef void loop_closure(void *context, int fd, short events);

struct loop_link {
    struct link *link;
    struct chaski *host;
    int interface;
};

struct loop_watch {
    int fd; /* -1: free */
    short events;
    loop_closure *closure;
    void *context;
};

/* Who takes part in a loop's turns. Any may be NULL. */
struct loop_partner {
    void *context;
    /* A turn begins. */
    void (*begin)(void *context);
    /* Whether a burst may be taken from a link now; false: frames stay in the device. */
    bool (*has_room)(void *context, uint64_t now_ns);
    /* Frames for `at`'s host, in place of host_receive(); consumes the burst. */
    void (*receive)(void *context, const struct loop_link *at, struct burst *burst,
                    uint64_t now_ns);
    /* Behind the links, before hosts are polled; returns whether there was anything to do. */
    bool (*work)(void *context, uint64_t now_ns);
    /* The hosts have been polled. */
    void (*end)(void *context);
    /* The loop is about to sleep; false: it is not to. */
    bool (*may_sleep)(void *context);
    /* It has slept; what it watches is served next. */
    void (*woken)(void *context);
};

struct loop {
    struct chaski *hosts[LOOP_HOSTS];
    struct loop_link links[LOOP_LINKS];
    struct loop_watch watches[LOOP_WATCHES];
    uint32_t host_count, link_count, watch_count;
    int epoll_fd;       /* all file descriptors that the loop waits for */
    struct alarm alarm; /* among them: for deadlines */
    uint64_t now_ns;    /* of this turn */
    uint64_t looked_ns; /* when file descriptors were last looked at */
    uint64_t active_ns; /* when something was last received */
    /* How long after that to spin instead of sleeping; UINT64_MAX: for ever. While `adaptive` the
     * loop sets it itself, up to LOOP_SPIN_NS. */
    uint64_t busy_poll_ns;
    bool adaptive;
    bool light;                         /* the last sleep was short, and the next one ends early */
    const struct loop_partner *partner; /* NULL: none */
    int signal_fd;
    sigset_t signals_before;
    bool stopped;
    int stopped_by;    /* the signal; 0: loop_stop() */
    bool heard;        /* a signal that ended loop_run() */
    struct link *lost; /* a link whose device is gone, which stops the loop too; else NULL */
    void (*on_signal)(void *context, int signal);
    void *signal_context;
};

/* Adaptive. False with errno when the system has no file descriptor left. */
bool loop_init(struct loop *loop);

/* Closes what the loop itself opened; links and hosts are the caller's. */
void loop_close(struct loop *loop);

/* A host that is to be polled. False when there are LOOP_HOSTS. */
bool loop_add_host(struct loop *loop, struct chaski *host);

/* Adds an interface on `link` to `host` (and the host, when it is new) and returns its number, or a
 * negative enum chaski_error. */
int loop_add_link(struct loop *loop, struct chaski *host, struct link *link);

/* Calls `closure` when `fd` is ready. False when there are LOOP_WATCHES. */
bool loop_watch(struct loop *loop, int fd, short events, loop_closure *closure, void *context);
void loop_unwatch(struct loop *loop, int fd);

/* From now on SIGINT and SIGTERM end loop_run(), and SIGUSR1 calls `on_signal` (which may be NULL)
 * between two turns. Blocks these signals in this thread until loop_close(), which forgets those
 * that came after one had ended it. False with errno. */
bool loop_signals(struct loop *loop, void (*on_signal)(void *context, int signal), void *context);

/* One turn; `wait`: may sleep. Returns whether anything was received. */
bool loop_turn(struct loop *loop, bool wait);

/* Turns until loop_stop(), a signal, or the loss of a link: 0, the signal's number, or -1. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
