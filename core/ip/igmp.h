/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_IP_IGMP_H
#define CHASKI_IP_IGMP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/memory.h"
#include "core/base/random.h"
#include "core/base/timer_wheel.h"
#include "core/ip/ip4.h"

/*
 * IGMP, host side: version 3 (RFC 3376), and 2 (RFC 2236) and 1 (RFC 1112) while a router of that
 * age is heard. Groups are joined for all sources; a membership is (interface, group) with a count
 * of those who want it.
 *
 * Each membership has one timer and each interface another. A membership's timer stands for its
 * next report: a state change that is repeated for robustness, or the answer to a query about the
 * group. An interface's timer stands for the answer to a general query. A membership that nobody
 * wants any more lives on without being a member until its leave has been said often enough.
 */
enum {
    IGMP_SOURCES = 8,    /* of a query that are remembered; with more, the group is answered for */
    IGMP_ROBUSTNESS = 2, /* RFC 3376, 8.1 */
};

struct igmp_membership {
    struct timer timer;
    uint32_t group;                 /* 0: free */
    uint32_t references;            /* 0: leaving */
    uint32_t next;                  /* in its hash chain: index plus one */
    uint64_t answer_at_ns;          /* to a query; TIMER_NEVER: none is due */
    uint64_t change_at_ns;          /* next state change report; TIMER_NEVER: none is due */
    uint32_t sources[IGMP_SOURCES]; /* asked after, when the query named sources */
    uint8_t source_count;           /* 0 with answer_at_ns set: the group as such */
    uint8_t changes_left;
    uint8_t interface;
    bool reported_last; /* versions 1 and 2: nobody else has reported since we did */
};

struct igmp_interface {
    struct timer timer;                            /* the answer to a general query */
    uint64_t version1_until_ns, version2_until_ns; /* older routers are about */
    uint8_t robustness;
    bool used;
    /* ethernet_join and ethernet_leave; NULL: the link filters nothing. */
    void (*link_join)(void *link, const uint8_t group[6]);
    void (*link_leave)(void *link, const uint8_t group[6]);
    void *link;
};

struct igmp {
    struct hook request; /* ip4_transmit */
    struct ip4 *ip4;
    struct counters *counters;
    struct packet_memory *memory;
    struct timer_wheel *wheel;
    struct random random;
    struct igmp_interface interfaces[IP4_INTERFACES];
    struct igmp_membership *memberships;
    uint32_t *chains; /* hash heads, by group: index plus one */
    uint32_t chain_bits;
    uint32_t limit;
    uint8_t membership_owner, interface_owner;
};

/* Takes room for `groups` memberships from `memory`; when that only counts, *igmp is left alone.
 * Wires itself to `ip4`, whose groups these are. Two timer owners. */
void igmp_setup(struct igmp *igmp, struct memory *memory, uint32_t groups, struct ip4 *ip4,
                struct packet_memory *packets, struct counters *counters, struct timer_wheel *wheel,
                const struct siphash_key *key);

/* At setup, for each interface that takes multicast; the functions are ethernet_join and
 * ethernet_leave, or NULL. Joins 224.0.0.1, which is never reported. */
void igmp_interface_add(struct igmp *igmp, uint8_t interface,
                        void (*link_join)(void *link, const uint8_t group[6]),
                        void (*link_leave)(void *link, const uint8_t group[6]), void *link);

/* hook_function: IGMP messages from the dispatch block of ip4. */
void igmp_receive(void *igmp, struct burst *burst, uint64_t now_ns);

/* As struct ip4_groups says. 0, or CHASKI_INVALID (not a group), CHASKI_NO_MEMORY; leaving a
 * group that was not joined is CHASKI_BAD_ADDRESS. */
bool igmp_member(void *igmp, uint8_t interface, uint32_t group);
int igmp_join(void *igmp, uint8_t interface, uint32_t group, uint64_t now_ns);
int igmp_leave(void *igmp, uint8_t interface, uint32_t group, uint64_t now_ns);

/* ---- Between the files of this block ---- */

#define IGMP_SECOND_NS UINT64_C(1000000000)

/* The membership, leaving ones included, or NULL. */
struct igmp_membership *igmp_find(const struct igmp *igmp, uint8_t interface, uint32_t group);

/* 1, 2 or 3: what the oldest router lately heard on an interface understands. */
unsigned igmp_version(const struct igmp *igmp, uint8_t interface, uint64_t now_ns);

/* A random time up to `max_ns`, which is less than two hours. */
static inline uint64_t igmp_random_ns(struct igmp *igmp, uint64_t max_ns)
{
    return random_draw_below(&igmp->random, UINT32_MAX) * (max_ns / 1000 + 1) / UINT32_MAX * 1000;
}

/* Sets a membership's timer to what it waits for, or frees it when it waits for nothing and nobody
 * wants it. */
void igmp_settle(struct igmp *igmp, struct igmp_membership *membership);

/* Sends what a membership owes: its change of state, or the answer to a query. */
void igmp_send_change(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns);
void igmp_send_answer(struct igmp *igmp, struct igmp_membership *membership, uint64_t now_ns);

/* Answers a general query in version 3: all groups of an interface. */
void igmp_send_all(struct igmp *igmp, uint8_t interface, uint64_t now_ns);

#endif
