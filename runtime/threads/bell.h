/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_RUNTIME_BELL_H
#define CHASKI_RUNTIME_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Wakes a thread that sleeps on a descriptor, and costs no system call when it does not sleep.
 *
 *     the one who sleeps                    the one who gives
 *     bell_will_sleep(bell)                 push something
 *     if there is nothing to do             bell_ring(bell)
 *         sleep until bell->fd is readable, then bell_hush(bell)
 *     bell_awake(bell)
 *
 * Why no one is left asleep (Dekker's argument): S1 writes `sleeping`, then S2 reads the channels;
 * G1 writes a channel, then G2 reads `sleeping`. A full fence lies between S1 and S2, and between
 * G1 and G2. If S2 does not see what G1 wrote, then S2 comes before G1 in the order in which full
 * fences put all memory accesses, so S1, before S2, comes before G2, behind G1; G2 sees `sleeping`
 * and makes the descriptor readable, and a descriptor stays so until the sleeper reads it. A bell
 * that is rung while its owner only thinks of sleeping makes one sleep end at once, no more.
 *
 * The fences are Concurrency Kit's, instructions of the processor; C11's are not known to
 * ThreadSanitizer. `sleeping` itself needs no order: it guards no other memory, the channels do.
 */
struct bell {
    _Atomic uint32_t sleeping;
    int fd;                 /* an eventfd, readable when rung */
    _Atomic uint64_t rings; /* system calls made to wake: for tests and curiosity */
};

/* False with errno. */
bool bell_init(struct bell *bell);
void bell_close(struct bell *bell);

/* From any thread, behind having given something. */
void bell_ring(struct bell *bell);

/* From the owner's thread: says that it is going to sleep. What was given before is seen by whoever
 * looks after this. */
void bell_will_sleep(struct bell *bell);

/* From the owner's thread: it does not sleep any more. */
void bell_awake(struct bell *bell);

/* From the owner's thread, whenever the descriptor is readable: makes it unreadable. That may be a
 * while after bell_awake(), when a ringer was interrupted between the flag and the descriptor. */
void bell_hush(struct bell *bell);

#endif
