/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_BESIDE_H
#define CHASKI_TESTS_SCRIPT_BESIDE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A call that waits itself, on a second thread, as packetdrill has one. */
struct beside {
    uint64_t (*clock)(const void *of); /* asked when the call is over */
    const void *of;
    pthread_t thread;
    bool running; /* there is such a call, */
    bool over;    /* and it has ended, */
    uint64_t over_at;
    int thread_id;
    void (*attempt)(void *context);
    void *context;
};

/* Begins the call unless one runs; until it waits, or is over. True when it is over: then there is
 * none any more. */
bool beside_attempt(struct beside *beside, void (*attempt)(void *context), void *context);

bool beside_is_over(const struct beside *beside);

/* Whether there is a call, which has something to do: it is neither over nor asleep. */
bool beside_works(const struct beside *beside);

/* How long to rest before a second look. */
void beside_rest(void);

#endif
