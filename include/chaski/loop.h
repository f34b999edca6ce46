/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_LOOP_H
#define CHASKI_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chaski/chaski.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A ready-made loop around one host, for programs on Linux that have none of their own: it brings
 * the memory, the seed, the clock and TAP links, and sleeps exactly until there is a frame, a file
 * descriptor or a deadline.
 *
 *     chaski_limits_for(&limits, bytes, connections);
 *     loop = chaski_loop_create(&limits);
 *     interface = chaski_loop_tap(loop, &tap);
 *     ...                                        addresses, routes, bind, connect: chaski/chaski.h
 *     chaski_loop_run(loop);
 *     chaski_loop_free(loop);
 *
 * A loop and its host belong to one thread at a time; there may be many loops. Its closures and
 * its host's run inside chaski_loop_run() or _turn(), on that thread, and may call anything of
 * either but chaski_loop_run(), _turn() and _free(). Another thread gets a word in by writing to a
 * descriptor that the loop watches, a pipe or an eventfd; a timerfd makes a timer.
 *
 * Calls return 0 or a number on success and a negative enum chaski_error otherwise;
 * chaski_loop_error() then says in words what went wrong.
 */
struct chaski_loop;

/* Makes a host with these limits in memory of its own, taken from the system as it is touched, and
 * a loop around it, which is the caller's to free. NULL when the system has not enough memory; that
 * may be found out later, because chaski_loop_tap(), _host() and _error() put up with NULL. */
struct chaski_loop *chaski_loop_create(const struct chaski_limits *limits);

/* Closes the links, ends the captures and frees the host: connections are forgotten without a
 * word, application memory without its release() being called. Does nothing with NULL. False when a
 * capture could not be written to its end; errno says why. */
bool chaski_loop_free(struct chaski_loop *loop);

/* The host, which is the loop's; NULL when `loop` is. Interfaces may be added to it that are no TAP
 * links: chaski_interface_add(), and chaski_loop_watch() for what is to be given to
 * chaski_input(). */
struct chaski *chaski_loop_host(struct chaski_loop *loop);

/* One line for people about the last call that failed; "" when none has. It is the loop's, and
 * stays as it is until another call fails. */
const char *chaski_loop_error(const struct chaski_loop *loop);

/* ---- Links --------------------------------------------------------------------------------- */

/* Linux's TAP device: an Ethernet cable whose other end is a network interface of the kernel. What
 * is left zero takes care of itself, the name excepted. */
struct chaski_tap {
    const char *name; /* of the kernel's interface, 1 to 15 characters; made when it is missing */
    uint8_t mac[6];   /* of our end; all zero: a random one */
    uint16_t mtu; /* of IP packets, 68 to 65535, set for the kernel's end too; 0: what that has */
    bool plain;   /* no offloads: frames of at most the MTU, with their checksums */
    const char *capture; /* pcap file that all frames are recorded in; NULL: none */
};

/* Adds an interface on a TAP device and returns its number. Nothing of *tap is kept. An interface
 * of the kernel's that was there stays when the loop is freed, one that was made here goes. To make
 * one takes CAP_NET_ADMIN; `ip tuntap add dev NAME mode tap user USER` makes one that USER's
 * programs may open. On failure nothing is left behind. */
int chaski_loop_tap(struct chaski_loop *loop, const struct chaski_tap *tap);

/* ---- File descriptors and signals ---------------------------------------------------------- */

/* Some of `events` (poll()'s POLLIN, POLLOUT...), or POLLERR, POLLHUP or POLLNVAL, hold of `fd`. */
typedef void chaski_watch_closure(void *context, int fd, short events);

/* Calls `closure` whenever some of `events` hold of `fd`, once a turn: at once when the host has
 * nothing to do, and within a millisecond or so under load. The descriptor stays the caller's, who
 * takes the watch away before closing it. CHASKI_IN_USE when it is watched already, CHASKI_INVALID
 * when it cannot be waited for (a file), CHASKI_NO_MEMORY beyond 64 watches. */
int chaski_loop_watch(struct chaski_loop *loop, int fd, short events, chaski_watch_closure *closure,
                      void *context);

/* Takes the watch on `fd` away, if there is one; its closure is not called any more. */
void chaski_loop_unwatch(struct chaski_loop *loop, int fd);

/* From now on SIGINT and SIGTERM end chaski_loop_run() instead of the process. Both are blocked
 * in the calling thread until the loop is freed; threads that are to leave them to the loop are
 * started after this. */
int chaski_loop_signals(struct chaski_loop *loop);

/* ---- Running ------------------------------------------------------------------------------- */

/* Turns until chaski_loop_stop() was called (0), a signal came (its number, see
 * chaski_loop_signals()), or the device of a link is gone (CHASKI_STALE). It can be called again,
 * unless a link is gone. Sets the thread's timer slack to the least there is (prctl(2)). */
int chaski_loop_run(struct chaski_loop *loop);

/* Ends chaski_loop_run() after the current turn. From the loop's own thread: from closures. */
void chaski_loop_stop(struct chaski_loop *loop);

/* One turn: takes in frames, polls the host and, when there was no frame and `wait` says so, waits
 * for a frame or a descriptor until the host's deadline. Returns 1 when it has received something,
 * 0 when not, and CHASKI_STALE when the device of a link is gone. */
int chaski_loop_turn(struct chaski_loop *loop, bool wait);

/* For this many nanoseconds after the last frame the loop asks again and again instead of sleeping,
 * which saves the time to wake up and costs a processor. 0: not at all; UINT64_MAX: for ever.
 * Before this is called the loop finds the time by itself: up to 50 microseconds while frames
 * follow each other that closely, none otherwise. */
void chaski_loop_busy_poll(struct chaski_loop *loop, uint64_t nanoseconds);

/* The time of the current or last turn, CLOCK_MONOTONIC in nanoseconds: what chaski_input() is to
 * be given from closures. */
uint64_t chaski_loop_now(const struct chaski_loop *loop);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
