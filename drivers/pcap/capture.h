/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_CAPTURE_H
#define CHASKI_DRIVERS_CAPTURE_H

#include <pthread.h>

#include "core/packet/burst.h"
#include "drivers/link.h"
#include "drivers/pcap/pcap.h"

/*
 * A block that writes down what passes, either way, wherever two blocks meet whose packets have
 * their data at the Ethernet header.
 */
struct capture {
    struct hook inform;  /* where capture_receive() passes packets on to */
    struct hook request; /* where capture_transmit() does */
    struct pcap_writer *writer;
};

hook_function capture_receive, capture_transmit; /* block: struct capture */

/* The same around a link: what it receives and is given to send is written down. The returned link
 * takes the place of `inner`, and its close() closes that too; the writer stays the caller's.
 * NULL when there is no memory.
 *
 * Links of several threads may share a writer whose times are CLOCK_MONOTONIC, when they share a
 * lock too: frames are then written one burst after the other, at the time when that is done, so
 * that times never go back. With `lock` NULL the writer is one thread's and times are the turn's.
 */
struct link *capture_link(struct link *inner, struct pcap_writer *writer, pthread_mutex_t *lock);

#endif
