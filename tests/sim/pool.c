/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

/*
 * Seeds on several processors. Each process takes the next few seeds, and notes which one it is at
 * in memory that all share: when it crashes, its parent knows the seed, and starts another one.
 */

enum { PROCESSES_MOST = 256, FAILURES_MOST = 64, FAILURES_TOLD = 10, TICK_US = 50000 };

struct failure {
    uint64_t seed;
    char why[SIM_WHY];
    _Atomic bool noted;
};

struct shared {
    _Atomic uint64_t next, done, failures, virtual_ms, frames;
    _Atomic bool stop;
    _Atomic uint64_t at[PROCESSES_MOST]; /* the seed that each is at; 0: none */
    struct failure failed[FAILURES_MOST];
};

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct shared *share(void)
{
    void *memory = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("sim: mmap");
        exit(2);
    }
    return memory;
}

static void note_failure(struct shared *shared, uint64_t seed, const char *why)
{
    uint64_t n = atomic_fetch_add(&shared->failures, 1);
    if (n >= FAILURES_MOST)
        return;
    shared->failed[n].seed = seed;
    snprintf(shared->failed[n].why, SIM_WHY, "%s", why);
    atomic_store(&shared->failed[n].noted, true);
}

static _Noreturn void work(struct shared *shared, const struct sim_job *job, uint32_t number)
{
    struct sim_case one = job->base;
    while (!atomic_load(&shared->stop)) {
        uint64_t n = atomic_fetch_add(&shared->next, 1);
        if (n >= job->seeds)
            break;
        one.seed = job->base.seed + n;
        atomic_store(&shared->at[number], one.seed);
        struct sim_verdict verdict = sim_run(&one, NULL);
        if (verdict.failed)
            note_failure(shared, one.seed, verdict.why);
        atomic_fetch_add(&shared->virtual_ms, verdict.virtual_ns / SIM_MILLISECOND);
        atomic_fetch_add(&shared->frames, verdict.frames);
        atomic_fetch_add(&shared->done, 1);
    }
    atomic_store(&shared->at[number], 0);
    exit(0);
}

static pid_t start(struct shared *shared, const struct sim_job *job, uint32_t number)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        work(shared, job, number);
    if (child < 0) {
        perror("sim: fork");
        exit(2);
    }
    return child;
}

static void tell_progress(const struct shared *shared, double since)
{
    uint64_t done = atomic_load(&shared->done);
    fprintf(stderr,
            "%" PRIu64 " seeds, %.0f a second, %.1f simulated days, %" PRIu64 " frames, %" PRIu64
            " failed\n",
            done, (double)done / (seconds() - since),
            (double)atomic_load(&shared->virtual_ms) / 86400e3, atomic_load(&shared->frames),
            atomic_load(&shared->failures));
}

/* Sees to processes that have ended; returns how many still run. */
static uint32_t see_to(struct shared *shared, const struct sim_job *job, pid_t *children)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < job->processes; i++) {
        int status = 0;
        if (children[i] != 0 && waitpid(children[i], &status, WNOHANG) == children[i]) {
            uint64_t seed = atomic_exchange(&shared->at[i], 0);
            children[i] = 0;
            if (seed != 0) {
                atomic_fetch_add(&shared->done, 1);
                note_failure(shared, seed, "crashed");
                children[i] = start(shared, job, i);
            } else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                note_failure(shared, job->base.seed, "ended badly");
            }
        }
        running += children[i] != 0;
    }
    return running;
}

/* Tells of the failures behind the first `told` ones; returns how many have been told then. */
static uint64_t tell_failures(const struct shared *shared, const struct sim_job *job, uint64_t told)
{
    struct sim_case one = job->base;
    char words[SIM_WORDS];
    for (; told < FAILURES_TOLD && atomic_load(&shared->failed[told].noted); told++) {
        one.seed = shared->failed[told].seed;
        printf("failed: %s\n  replay with: ./dev sim %s\n", shared->failed[told].why,
               sim_case_words(&one, words));
        fflush(stdout);
    }
    return told;
}

uint64_t sim_many(const struct sim_job *job, struct sim_case *failed)
{
    struct shared *shared = share();
    pid_t children[PROCESSES_MOST] = {0};
    double since = seconds(), told = since;
    uint64_t failures_told = 0;
    for (uint32_t i = 0; i < job->processes; i++)
        children[i] = start(shared, job, i);
    while (see_to(shared, job, children) != 0) {
        usleep(TICK_US);
        failures_told = tell_failures(shared, job, failures_told);
        bool late = job->seconds != 0 && seconds() - since >= job->seconds;
        if (late || atomic_load(&shared->failures) >= FAILURES_TOLD)
            atomic_store(&shared->stop, true);
        if (seconds() - told >= 1) {
            told = seconds();
            tell_progress(shared, since);
        }
    }
    tell_progress(shared, since);
    tell_failures(shared, job, failures_told);
    uint64_t failures = atomic_load(&shared->failures), done = atomic_load(&shared->done);
    *failed = job->base;
    failed->seed = shared->failed[0].seed;
    if (failures >= FAILURES_TOLD)
        printf("stopped after %" PRIu64 " seeds, since so many failed\n", done);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", done - failures, failures);
    munmap(shared, sizeof *shared);
    return failures;
}

struct sim_verdict sim_run_apart(const struct sim_case *job)
{
    struct sim_verdict *shared = (struct sim_verdict *)(void *)share(), verdict;
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            exit(2);
        *shared = sim_run(job, NULL);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("sim: fork");
        exit(2);
    }
    verdict = *shared;
    munmap(shared, sizeof(struct shared));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        verdict.failed = true;
        snprintf(verdict.why, sizeof verdict.why, "crashed");
    }
    return verdict;
}
