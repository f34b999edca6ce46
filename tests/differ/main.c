/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where chaski's sockets differ from the kernel's: random calls, each done by both, in a network
 * namespace with nothing but a loopback interface and on a host that hears itself. Tells the first
 * call of a seed that comes to something else, and what was done before. Not every difference is a
 * mistake: docs/deviations.md has those that are meant.
 *
 *     differ-calls [FIRST [SEEDS [CALLS]]]   by default 1, 100 seeds of 200 calls each
 */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/differ/conversation.h"
#include "tests/random.h"
#include "tests/unit/drivers/namespace.h"

enum { CALLS_MOST = 1000, NO_NAMESPACE = 77 };

/* Until neither stack has more to do now: the kernel may be late on a busy machine. */
static void settle(struct conversation *c, long ns)
{
    const struct timespec moment = {.tv_nsec = ns};
    nanosleep(&moment, NULL);
    world_run(&c->world, WORLD_MILLISECOND / 10);
}

static void begin(struct conversation *c, uint64_t seed)
{
    struct world_options alone = {.hosts = 1, .prefix_length = 32, .seed = (uint8_t)seed};
    *c = (struct conversation){.random = seed};
    world_make(&c->world, &alone);
    c->stacks[KERNEL].calls = &kernel_calls;
    c->stacks[CHASKI].calls = &chaski_calls;
    c->stacks[CHASKI].sockets = sockets_create(c->world.hosts[0], NULL, 3);
    for (int i = 0; i < SLOTS; i++)
        c->stacks[KERNEL].fd[i] = c->stacks[CHASKI].fd[i] = -1;
    for (int i = 0; i < STACKS; i++)
        c->stacks[i].set = c->stacks[i].calls->epoll_create(c->stacks[i].sockets, 0);
    world_run(&c->world, WORLD_SECOND);
}

static void end(struct conversation *c)
{
    struct linger now = {1, 0};
    for (int i = 0; i < SLOTS; i++) {
        int fd = c->stacks[KERNEL].fd[i];
        if (fd >= 0) {
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            close(fd);
        }
    }
    close(c->stacks[KERNEL].set);
    sockets_free(c->stacks[CHASKI].sockets);
    world_free(&c->world);
}

/* A network of its own, in which 127.0.0.1 answers. */
static bool enter_namespace(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    if (!namespace_enter())
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int status = ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
    return status == 0;
}

/* What was done, and what the kernel said to it. */
struct history {
    unsigned count;
    char lines[CALLS_MOST][2 * TEXT];
};

static bool agree(struct conversation *c, struct history *history, unsigned calls, long settle_ns)
{
    bool same = true;
    history->count = 0;
    for (unsigned i = 0; i < calls && same; i++) {
        converse(c, (int)random_below(&c->random, SLOTS));
        settle(c, settle_ns);
        same = strcmp(c->stacks[KERNEL].said, c->stacks[CHASKI].said) == 0;
        if (c->what[0] != '\0')
            snprintf(history->lines[history->count++], sizeof history->lines[0], "%s:%s", c->what,
                     c->stacks[KERNEL].said);
    }
    return same;
}

static void tell(const struct conversation *c, const struct history *history, uint64_t seed)
{
    printf("seed %llu\n", (unsigned long long)seed);
    for (unsigned i = 0; i < history->count; i++)
        printf("    %s\n", history->lines[i]);
    printf("  chaski:%s\n", c->stacks[CHASKI].said);
}

/* A difference counts when it is there each time, however long the kernel had for each call.
 * Negative: there is no network to be had. */
static int differ(uint64_t seed, unsigned calls)
{
    static struct conversation c;
    static struct history history;
    static const long settle_ns[] = {20000, 200000, 2000000};
    bool same = false;
    for (unsigned i = 0; i < sizeof settle_ns / sizeof *settle_ns && !same; i++) {
        bool last = i + 1 == sizeof settle_ns / sizeof *settle_ns;
        if (!enter_namespace())
            return -1;
        begin(&c, seed);
        same = agree(&c, &history, calls, settle_ns[i]);
        if (!same && last)
            tell(&c, &history, seed);
        end(&c);
    }
    return !same;
}

static uint64_t number_of(int count, char **words, int at, uint64_t otherwise, uint64_t most)
{
    char *end;
    if (at >= count)
        return otherwise;
    uint64_t number = strtoull(words[at], &end, 10);
    if (*words[at] >= '0' && *words[at] <= '9' && *end == '\0' && number <= most)
        return number;
    fprintf(stderr,
            "usage: differ-calls [FIRST [SEEDS [CALLS]]], numbers, CALLS up to %d; not '%s'\n",
            CALLS_MOST, words[at]);
    exit(2);
}

int main(int count, char **words)
{
    uint64_t first = number_of(count, words, 1, 1, UINT64_MAX);
    uint64_t seeds = number_of(count, words, 2, 100, UINT64_MAX), differing = 0;
    unsigned calls = (unsigned)number_of(count, words, 3, 200, CALLS_MOST);
    for (uint64_t i = 0; i < seeds; i++) {
        int more = differ(first + i, calls);
        if (more < 0) {
            fprintf(stderr, "differ-calls: no network namespace can be made here\n");
            return NO_NAMESPACE;
        }
        differing += (unsigned)more;
    }
    printf("%llu conversations, %llu differ\n", (unsigned long long)seeds,
           (unsigned long long)differing);
    return differing != 0;
}
