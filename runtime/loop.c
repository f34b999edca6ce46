/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "core/host/host.h"
#include "runtime/system.h"

/*
 * Theory of operation
 *
 * Links come first: a turn asks them for frames without asking the kernel whether there are any,
 * because the read says that as well. Only a turn in which no link had any goes to sleep, and only
 * that looks at the other file descriptors and at signals; under lasting load they are looked at
 * once a millisecond. Deadlines are kept to the nanosecond by ppoll() and a timer slack of the
 * least that Linux grants.
 *
 * A turn takes at most BURSTS_MAX bursts from a link before hosts are polled, so that what they
 * have to say in answer (acknowledgements, above all) is not kept waiting.
 */

enum {
    BURSTS_MAX = 4,
    POLL_MAX = 1 + LOOP_LINKS + LOOP_WATCHES, /* the signals, links, watches */
};

static const uint64_t look_every_ns = 1000000;
static const uint64_t never = UINT64_MAX;

/* ---- Setup --------------------------------------------------------------------------------- */

void loop_init(struct loop *loop)
{
    *loop = (struct loop){.signal_fd = -1};
    loop->now_ns = system_now();
    loop->looked_ns = loop->now_ns;
}

void loop_close(struct loop *loop)
{
    if (loop->signal_fd < 0)
        return;
    close(loop->signal_fd);
    loop->signal_fd = -1;
    pthread_sigmask(SIG_SETMASK, &loop->signals_before, NULL);
}

bool loop_add_host(struct loop *loop, struct chaski *host)
{
    for (uint32_t i = 0; i < loop->host_count; i++) {
        if (loop->hosts[i] == host)
            return true;
    }
    if (loop->host_count == LOOP_HOSTS)
        return false;
    loop->hosts[loop->host_count++] = host;
    return true;
}

int loop_add_link(struct loop *loop, struct chaski *host, struct link *link)
{
    struct host_interface interface = {
        .name = link->name,
        .mtu = link->mtu,
        .features = link->features,
        .output = {link->transmit, link},
    };
    if (loop->link_count == LOOP_LINKS || !loop_add_host(loop, host))
        return CHASKI_NO_MEMORY;
    memcpy(interface.mac, link->mac, sizeof interface.mac);
    int number = host_interface_add(host, &interface);
    if (number >= 0)
        loop->links[loop->link_count++] = (struct loop_link){link, host, number};
    return number;
}

bool loop_watch(struct loop *loop, int fd, short events, loop_closure *closure, void *context)
{
    uint32_t at = 0;
    while (at < loop->watch_count && loop->watches[at].fd >= 0)
        at++;
    if (at == LOOP_WATCHES)
        return false;
    if (at == loop->watch_count)
        loop->watch_count++;
    loop->watches[at] = (struct loop_watch){fd, events, closure, context};
    return true;
}

void loop_unwatch(struct loop *loop, int fd)
{
    for (uint32_t i = 0; i < loop->watch_count; i++) {
        if (loop->watches[i].fd == fd)
            loop->watches[i].fd = -1;
    }
}

bool loop_signals(struct loop *loop, void (*on_signal)(void *context, int signal), void *context)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGUSR1);
    int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return false;
    pthread_sigmask(SIG_BLOCK, &signals, &loop->signals_before);
    loop->signal_fd = fd;
    loop->on_signal = on_signal;
    loop->signal_context = context;
    return true;
}

/* ---- File descriptors ---------------------------------------------------------------------- */

static void take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal != SIGUSR1) {
            loop->stopped = true;
            loop->stopped_by = signal;
        } else if (loop->on_signal != NULL) {
            loop->on_signal(loop->signal_context, signal);
        }
    }
}

/* Signals first, then links, then watches, each in its own order; poll() passes over -1. */
static nfds_t list_descriptors(const struct loop *loop, struct pollfd *polled)
{
    nfds_t count = 0;
    polled[count++] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
    for (uint32_t i = 0; i < loop->link_count; i++)
        polled[count++] = (struct pollfd){.fd = loop->links[i].link->fd, .events = POLLIN};
    for (uint32_t i = 0; i < loop->watch_count; i++)
        polled[count++] =
            (struct pollfd){.fd = loop->watches[i].fd, .events = loop->watches[i].events};
    return count;
}

static void run_watch(struct loop_watch *watch, const struct pollfd *polled)
{
    /* A closure that ran before may have taken this watch away, or put another in its place. */
    if (polled->revents != 0 && watch->fd == polled->fd && polled->fd >= 0)
        watch->closure(watch->context, watch->fd, polled->revents);
}

static void serve_descriptors(struct loop *loop, const struct pollfd *polled, nfds_t count)
{
    uint32_t links = loop->link_count;
    if (polled[0].revents != 0)
        take_signals(loop);
    for (uint32_t i = 0; i < links; i++) {
        if ((polled[1 + i].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
            loop->lost = loop->links[i].link;
    }
    for (uint32_t i = 0; 1 + links + i < count; i++)
        run_watch(&loop->watches[i], &polled[1 + links + i]);
}

/* Waits for a file descriptor, up to `timeout_ns` (never: for ever), and does what is to be done.
 */
static void look(struct loop *loop, uint64_t timeout_ns)
{
    struct pollfd polled[POLL_MAX];
    nfds_t count = list_descriptors(loop, polled);
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    int ready = ppoll(polled, count, timeout_ns == never ? NULL : &timeout, NULL);
    if (ready > 0)
        serve_descriptors(loop, polled, count);
}

/* ---- Turning ------------------------------------------------------------------------------- */

static bool take_in(struct loop *loop, struct loop_link *at)
{
    struct burst burst = {0};
    bool received = false;
    at->link->more = true;
    for (int i = 0; i < BURSTS_MAX && at->link->more; i++) {
        at->link->receive(at->link, &burst, loop->now_ns);
        received |= burst.count != 0;
        if (burst.count != 0)
            host_receive(at->host, at->interface, &burst, loop->now_ns);
    }
    return received;
}

static uint64_t earliest_deadline(struct loop *loop)
{
    uint64_t earliest = never;
    for (uint32_t i = 0; i < loop->host_count; i++) {
        uint64_t deadline = chaski_deadline(loop->hosts[i]);
        earliest = deadline < earliest ? deadline : earliest;
    }
    for (uint32_t i = 0; i < loop->link_count; i++) {
        struct link *link = loop->links[i].link;
        uint64_t deadline = link->deadline != NULL ? link->deadline(link) : never;
        earliest = deadline < earliest ? deadline : earliest;
    }
    return earliest;
}

/* How long the loop may sleep; the clock is read again, because the turn took its time. */
static uint64_t time_to_sleep(struct loop *loop)
{
    uint64_t deadline = earliest_deadline(loop);
    if (loop->stopped || deadline <= loop->now_ns ||
        loop->now_ns - loop->active_ns < loop->busy_poll_ns)
        return 0;
    if (deadline == never)
        return never;
    uint64_t now_ns = system_now();
    return deadline > now_ns ? deadline - now_ns : 0;
}

bool loop_turn(struct loop *loop, bool wait)
{
    bool received = false;
    loop->now_ns = system_now();
    for (uint32_t i = 0; i < loop->link_count; i++)
        received |= take_in(loop, &loop->links[i]);
    for (uint32_t i = 0; i < loop->host_count; i++)
        chaski_poll(loop->hosts[i], loop->now_ns);
    if (received)
        loop->active_ns = loop->now_ns;
    uint64_t timeout_ns = received || !wait ? 0 : time_to_sleep(loop);
    if (timeout_ns == 0 && loop->now_ns - loop->looked_ns < look_every_ns)
        return received;
    loop->looked_ns = loop->now_ns;
    look(loop, timeout_ns);
    return received;
}

int loop_run(struct loop *loop)
{
    prctl(PR_SET_TIMERSLACK, 1ul);
    while (!loop->stopped && loop->lost == NULL)
        loop_turn(loop, true);
    int stopped_by = loop->stopped_by;
    loop->stopped = false;
    loop->stopped_by = 0;
    return loop->lost != NULL ? -1 : stopped_by;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
