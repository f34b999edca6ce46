/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SIM_SIM_H
#define CHASKI_TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "chaski/chaski.h"
#include "core/host/layout.h"
#include "drivers/memory_wire.h"
#include "drivers/pcap/pcap.h"
#include "tests/model/model.h"
#include "tests/random.h"

/*
 * The simulator: 2 to 64 hosts on a memory wire in virtual time, all that they do and all that
 * befalls them chosen from one seed. How it is cut:
 *
 *   plan        seed -> what this world is like
 *   world       hosts, wire, time; what hosts send passes through here
 *   weather     what changes on the way: black holes, path MTUs, frozen hosts, clocks that jump
 *   flow        a TCP conversation; application: what its two ends do
 *   datagrams   UDP and ping beside it
 *   modelled    what hosts send is what a model of TCP allows (tests/model)
 *   invariants  what must hold after every turn of a host, and at the end
 *   sabotage    mistakes on purpose, which the others have to find
 *   run         one case from beginning to end
 *   pool        many seeds on several processors; shrink: a smaller case that fails likewise
 *
 * Every subject draws from a stream of its own, so that a case made smaller stays alike otherwise.
 */

enum {
    SIM_HOSTS = 64,
    SIM_FLOWS = 96,
    SIM_ICMP_WAITING = 16,
    SIM_WHY = 512,
};

#define SIM_MICROSECOND UINT64_C(1000)
#define SIM_MILLISECOND UINT64_C(1000000)
#define SIM_SECOND UINT64_C(1000000000)

/* What a world may have, each of which can be turned off: X(name, word, one time in so many). New
 * ones stand at the end, so that seeds keep their meaning. */
#define SIM_FEATURES(X)                                                                            \
    X(LOSS, "loss", 2)                                                                             \
    X(DUPLICATE, "duplicate", 3)                                                                   \
    X(REORDER, "reorder", 3)                                                                       \
    X(CORRUPT, "corrupt", 4)                                                                       \
    X(DELAY, "delay", 2)                                                                           \
    X(JITTER, "jitter", 3)                                                                         \
    X(RATE, "rate", 3)                                                                             \
    X(MTU, "mtu", 3)                                                                               \
    X(NARROW, "narrow", 6)                                                                         \
    X(HOLES, "holes", 6)                                                                           \
    X(FREEZE, "freeze", 10)                                                                        \
    X(JUMP, "jump", 10)                                                                            \
    X(FAIL, "fail", 5)                                                                             \
    X(SCARCE, "scarce", 6)                                                                         \
    X(CROWD, "crowd", 20)                                                                          \
    X(COOKIES, "cookies", 6)                                                                       \
    X(KNOBS, "knobs", 2)                                                                           \
    X(IMPATIENT, "impatient", 6)                                                                   \
    X(WRAP, "wrap", 3)                                                                             \
    X(OFFLOAD, "offload", 2)                                                                       \
    X(SHARE, "share", 2)                                                                           \
    X(HAND_OVER, "hand-over", 2)                                                                   \
    X(LOOK, "look", 2)                                                                             \
    X(NIBBLE, "nibble", 4)                                                                         \
    X(STALL, "stall", 3)                                                                           \
    X(ABORT, "abort", 4)                                                                           \
    X(OPTIONS, "options", 3)                                                                       \
    X(STRANGE, "strange", 5)                                                                       \
    X(UDP, "udp", 4)                                                                               \
    X(PING, "ping", 4)                                                                             \
    X(AGAIN, "again", 4)

enum sim_feature_number {
#define SIM_NUMBER(name, word, odds) SIM_##name##_NUMBER,
    SIM_FEATURES(SIM_NUMBER)
#undef SIM_NUMBER
        SIM_FEATURE_COUNT,
};

enum sim_feature {
#define SIM_BIT(name, word, odds) SIM_##name = 1 << SIM_##name##_NUMBER,
    SIM_FEATURES(SIM_BIT)
#undef SIM_BIT
};

/* What to run: all of it stands in the command that replays it. */
struct sim_case {
    uint64_t seed;
    uint32_t hosts_most, flows_most; /* 0: as the seed says */
    uint32_t off;                    /* enum sim_feature: not to be had */
    uint32_t shorter;                /* streams are shorter by this power of two */
    uint64_t stop_ns;                /* virtual time to stop at, 0: when all is over */
    uint32_t sabotage;               /* a mistake to be made, 0: none */
    bool no_model;                   /* nothing is asked of the model: for comparing speeds */
};

struct sim_verdict {
    bool failed, sabotaged;
    uint64_t virtual_ns;
    uint64_t frames;
    char why[SIM_WHY];
};

struct sim_plan {
    uint32_t on; /* enum sim_feature */
    uint32_t hosts, flows;
    uint16_t mtu;
    unsigned link_features;
    bool copy;
    uint32_t longest;                      /* stream, bytes */
    uint32_t fail_every;                   /* takings from a pool, about */
    bool lossy;                            /* so much is lost that even a handshake may fail */
    bool harmful;                          /* frames may be missing, double, late or out of order */
    struct memory_wire_impairment harm[2]; /* from lower to higher hosts, and back */
    struct chaski_limits limits;
};

struct sim;
struct sim_flow;

struct sim_host {
    struct sim *sim;
    uint32_t number;
    struct chaski *host;
    void *memory;
    uint32_t records_aside; /* taken by a test: on no scoreboard */
    struct model *model;    /* NULL: none */
    bool lossless;          /* it has lost nothing that the model knows of */
    struct link *link;
    uint64_t frozen_until_ns; /* 0: it runs */
    uint32_t path_mtu;        /* of what it sends; beyond it, a router complains */
    uint32_t icmp_count;
    uint32_t icmp_mtu[SIM_ICMP_WAITING];
    uint8_t icmp_quote[SIM_ICMP_WAITING][28];
    bool opens_fast; /* RFC 7413, both ways */
    chaski_listener told, polled;
    uint64_t accept_at_ns;
    uint32_t polled_flows; /* that have yet to be accepted */
    chaski_udp udp;
    bool udp_open;
};

struct sim_manners {
    uint32_t length; /* bytes that this end sends */
    uint32_t abort_after;
    bool hands_over, looks, nibbles, stalls, polls, urgent, toggles;
    bool answers; /* ends its stream only when the peer has ended its own */
    bool closes;  /* and does so by closing */
    bool rudely;  /* gives up by closing with input unread, when there is such */
};

struct sim_end {
    struct sim_flow *flow;
    struct sim_host *at;
    chaski_tcp connection;
    struct model_tuple tuple; /* of the connection */
    uint32_t iss;             /* its initial sequence number */
    struct sim_manners manners;
    uint64_t random;
    uint32_t pattern;     /* where in the pattern its own stream begins */
    uint32_t sent, read;  /* bytes */
    uint32_t lent;        /* pieces handed over and not released */
    uint64_t act_at_ns;   /* UINT64_MAX: on events only */
    uint64_t patience_ns; /* the other end is gone: until when to wait for the news of it */
    bool open, connected, finished, end_read, ended, gave_up, done;
    int error;
};

enum sim_flow_kind {
    SIM_ORDINARY,
    SIM_SIMULTANEOUS, /* both connect */
    SIM_REFUSED,      /* to a port where nobody listens */
    SIM_NOBODY,       /* to an address that nobody has */
};

struct sim_flow {
    struct sim *sim;
    struct sim_end ends[2]; /* the one that connects, the one that listens */
    enum sim_flow_kind kind;
    uint32_t number;
    uint16_t client_port;
    bool polled, begun, taken;
    bool impatient; /* an option limits the time that it may take */
    uint64_t begin_at_ns;
    struct sim_flow *after; /* the one whose port this one takes again; NULL: none */
};

struct sim_datagrams {
    uint64_t random;
    uint64_t at_ns; /* of the next one */
    uint32_t left;
    uint32_t sent, received;
};

struct sim {
    struct sim_case job;
    struct sim_plan plan;
    uint64_t now_ns, start_ns;
    struct memory_wire *wire;
    struct sim_host hosts[SIM_HOSTS];
    struct sim_flow flows[SIM_FLOWS];
    struct sim_datagrams udp, ping;
    uint64_t weather_random;
    uint64_t weather_at_ns;
    uint32_t weather_left;
    uint64_t hole_until_ns;
    bool jumped_far; /* the clock went on so far that patience may have ended */
    bool disturbed;  /* holes or frozen hosts: handshakes may have failed */
    uint64_t fail_random;
    bool sabotaged;
    uint64_t frames;
    struct pcap_writer *trace;
    jmp_buf failed;
    char why[SIM_WHY];
};

/* ---- Chance ---- */

enum sim_subject {
    SIM_OF_PLAN,
    SIM_OF_FEATURES,
    SIM_OF_HARM,
    SIM_OF_KNOBS,
    SIM_OF_WEATHER,
    SIM_OF_FAILURES,
    SIM_OF_FLOW,
    SIM_OF_END,
    SIM_OF_UDP,
    SIM_OF_PING,
};

/* The stream of numbers of one subject, and of the `number`th of its kind. */
static inline uint64_t sim_stream(uint64_t seed, enum sim_subject subject, uint32_t number)
{
    uint64_t state = seed;
    state = random_next(&state) ^ ((uint64_t)subject << 32 | number);
    return random_next(&state);
}

static inline bool sim_one_in(uint64_t *state, uint32_t n)
{
    return random_below(state, n) == 0;
}

/* 1 to `most`, small ones as often as large ones. */
uint32_t sim_some(uint64_t *state, uint32_t most);
/* A time from `least` to `most` nanoseconds, likewise. */
uint64_t sim_some_time(uint64_t *state, uint64_t least, uint64_t most);

static inline bool sim_has(const struct sim *sim, enum sim_feature feature)
{
    return (sim->plan.on & feature) != 0;
}

/* ---- Failing: ends the run, from wherever it stands ---- */

_Noreturn void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define SIM_TEXT_(x) #x
#define SIM_TEXT(x) SIM_TEXT_(x)
#define sim_must(sim, condition)                                                                   \
    ((condition) ? (void)0 : sim_fail(sim, __FILE__ ":" SIM_TEXT(__LINE__) ": not: " #condition))

/* ---- The parts ---- */

void sim_plan_make(struct sim *sim);
void sim_plan_tell(const struct sim *sim);

void sim_world_make(struct sim *sim);
void sim_world_free(struct sim *sim);
struct chaski_address sim_address(uint32_t host);
/* Lets everything happen that is due now. */
void sim_settle(struct sim *sim);
/* When something is due next, in hosts and on the wire. */
uint64_t sim_world_next(struct sim *sim);

void sim_weather_begin(struct sim *sim);
void sim_weather_act(struct sim *sim);
uint64_t sim_weather_next(const struct sim *sim);
/* No more harm from now on but what the wire always does. */
void sim_weather_end(struct sim *sim);

void sim_flows_begin(struct sim *sim);
void sim_flows_act(struct sim *sim);
/* Lets ends whose other end is gone lose their patience in time. */
void sim_flows_notice(struct sim *sim);
uint64_t sim_flows_next(const struct sim *sim);
bool sim_flows_over(const struct sim *sim);
/* Each stream arrived, or there is a reason why not. */
void sim_flows_judge(struct sim *sim);
void sim_flows_tell(struct sim *sim);

/* application.c: what an end does. */
void sim_end_act(struct sim_end *end);
void sim_end_options(struct sim_end *end);
void sim_end_give_up(struct sim_end *end);
struct sim_end *sim_other(const struct sim_end *end);

void sim_datagrams_begin(struct sim *sim);
void sim_datagrams_act(struct sim *sim);
uint64_t sim_datagrams_next(const struct sim *sim);
void sim_datagrams_end(struct sim *sim);

/* sabotage.c: shows that mistakes are found. The first makes one, when it can, of the kind that the
 * case says; the second tells in TAP of how many worlds with one of each kind failed. */
void sim_sabotage(struct sim *sim, struct sim_host *at);
bool sim_finds_mistakes(void);

/* modelled.c: the model of a host is shown what goes in and out, and what is called. */
void sim_model_make(struct sim_host *at);
void sim_model_in(struct sim_host *at, const struct packet *packet);
void sim_model_out(struct sim_host *at, const struct packet *packet);
void sim_model_turn(struct sim_host *at);
/* The end's connection is there: notes which one it is. */
void sim_model_opened(struct sim_end *end);
void sim_model_call(struct sim_end *end, enum model_call call, uint32_t amount);

void sim_check_host(struct sim *sim, struct sim_host *at);
/* Nothing is held and nothing is waited for, by a host; by all and the wire. */
void sim_check_rest(struct sim *sim, struct sim_host *at);
void sim_check_idle(struct sim *sim);

/* The bytes of all streams. */
enum { SIM_PATTERN = 65521 };
void sim_fill(uint8_t *bytes, uint32_t length, uint64_t position);
bool sim_matches(const uint8_t *bytes, uint32_t length, uint64_t position);

/* What to tell of a run, on stderr. */
struct sim_telling {
    const char *trace; /* a pcap file to be written; NULL: none */
    bool plan;         /* what the world is like and how the flows ended, else only for a failure */
};

/* Runs one case in this process; `telling` NULL: nothing is told. */
struct sim_verdict sim_run(const struct sim_case *job, const struct sim_telling *telling);

/* ---- Cases as words, as the command line and tests/sim/seeds.txt have them ---- */

enum { SIM_WORDS = 512 };
char *sim_case_words(const struct sim_case *job, char *words);
/* Takes the option words[*at] and its value; false when it is none of a case's. */
bool sim_case_option(struct sim_case *job, int count, char **words, int *at);

/* ---- Processes ---- */

struct sim_job {
    struct sim_case base; /* seed: the first one */
    uint64_t seeds;       /* how many */
    uint32_t processes;
    uint32_t seconds; /* of real time; 0: until all seeds are done */
};

/* Runs seeds on several processors, tells how it goes, and returns how many failed; the first that
 * did is *failed. */
uint64_t sim_many(const struct sim_job *job, struct sim_case *failed);

/* Runs one case in a process of its own, so that a crash is a verdict as well. */
struct sim_verdict sim_run_apart(const struct sim_case *job);

/* The smallest case that was found to fail as well. */
struct sim_case sim_shrink(const struct sim_case *job);

#endif
