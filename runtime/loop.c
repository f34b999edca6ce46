/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/host/host.h"
#include "runtime/system.h"

/*
 * Theory of operation
 *
 * Links come first: a turn asks them for frames without asking the kernel whether there are any,
 * because the read says that as well. Only a turn in which no link had any goes to sleep, and only
 * that looks at the other file descriptors and at signals; under lasting load they are looked at
 * once a millisecond. Deadlines are kept by an alarm (runtime/alarm.h) among the descriptors.
 *
 * A turn takes at most BURSTS_MAX bursts from a link before hosts are polled, so that what they
 * have to say in answer (acknowledgements, above all) is not kept waiting.
 */

/* Where the next frame is near, going to sleep and waking up again costs more than the wait: in a
 * virtual machine several times as much. So sleeps that turn out to have been short make the loop
 * spin for a while before it sleeps again, and a long one makes it stop that at once. A loop that
 * has nothing to do, or something now and then, never spins.
 *
 * The kernel lets an idle processor keep its tick while a timer is due before the next one, within
 * 1 to 10 ms; else it stops the tick, and starts it again when there is a frame, which takes 4 us
 * of a wake-up in a virtual machine. So after a short sleep the next one is light: it ends in a
 * millisecond at the latest. */
enum {
    SPIN_FIRST_NS = 10000,
    LIGHT_NS = 1000000,
    BURSTS_MAX = 4,
    READY_MAX = 16, /* descriptors served at a time */
};

/* What a descriptor is to the loop: these, or the index of a watch. */
enum { SIGNALS = UINT16_MAX, ALARM = UINT16_MAX - 1, FIRST_LINK = 1 << 12 };

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
                   EPOLLHUP == POLLHUP,
               "epoll has the event bits of poll");

static const uint64_t look_every_ns = 1000000;
static const uint64_t never = UINT64_MAX;

/* ---- Setup --------------------------------------------------------------------------------- */

/* Waits for `fd` from now on; what it is comes back in the event. */
static bool wait_for(const struct loop *loop, int fd, uint32_t events, uint32_t what)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)fd << 32 | what};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool loop_init(struct loop *loop)
{
    *loop = (struct loop){.signal_fd = -1, .alarm.fd = -1, .adaptive = true};
    loop->now_ns = system_now();
    loop->looked_ns = loop->now_ns;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd >= 0 && alarm_init(&loop->alarm) &&
        wait_for(loop, loop->alarm.fd, EPOLLIN | EPOLLET, ALARM))
        return true;
    int problem = errno;
    loop_close(loop);
    errno = problem;
    return false;
}

/* What came after the signal that ended the loop wants no more than that one: timeout(1) sends each
 * twice, people press Ctrl-C again. Unblocked it would end the process before its last word. */
static void forget_signals(const struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        ;
}

void loop_close(struct loop *loop)
{
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    loop->epoll_fd = -1;
    alarm_close(&loop->alarm);
    if (loop->signal_fd < 0)
        return;
    if (loop->heard)
        forget_signals(loop);
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
        .mtu = link->mtu,
        .features = link->features,
        .output = {link->transmit, link},
    };
    if (loop->link_count == LOOP_LINKS || !loop_add_host(loop, host))
        return CHASKI_NO_MEMORY;
    memcpy(interface.mac, link->mac, sizeof interface.mac);
    int number = host_interface_add(host, &interface);
    if (number < 0)
        return number;
    if (link->fd >= 0)
        wait_for(loop, link->fd, POLLIN, FIRST_LINK + loop->link_count);
    if (link->news_fd >= 0)
        wait_for(loop, link->news_fd, 0, FIRST_LINK + loop->link_count);
    loop->links[loop->link_count++] = (struct loop_link){link, host, number};
    return number;
}

bool loop_watch(struct loop *loop, int fd, short events, loop_closure *closure, void *context)
{
    uint32_t at = 0;
    while (at < loop->watch_count && loop->watches[at].fd >= 0)
        at++;
    if (at == LOOP_WATCHES || !wait_for(loop, fd, (unsigned short)events, at))
        return false;
    if (at == loop->watch_count)
        loop->watch_count++;
    loop->watches[at] = (struct loop_watch){fd, events, closure, context};
    return true;
}

void loop_unwatch(struct loop *loop, int fd)
{
    for (uint32_t i = 0; i < loop->watch_count; i++) {
        if (loop->watches[i].fd != fd)
            continue;
        loop->watches[i].fd = -1;
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
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
    if (!wait_for(loop, fd, POLLIN, SIGNALS)) {
        close(fd);
        return false;
    }
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
            loop->heard = true;
        } else if (loop->on_signal != NULL) {
            loop->on_signal(loop->signal_context, signal);
        }
    }
}

static void serve_watch(struct loop *loop, uint32_t at, int fd, short events)
{
    /* A closure that ran before may have taken this watch away, or put another in its place. */
    struct loop_watch watch = loop->watches[at];
    if (watch.fd == fd)
        watch.closure(watch.context, fd, events);
}

/* A link may recover from an error, such as its interface being down for a while. */
static void serve_error(struct loop *loop, struct link *link)
{
    if (link->check != NULL)
        link->check(link);
    else
        link->gone = true;
    if (link->gone)
        loop->lost = link;
}

static void serve(struct loop *loop, const struct epoll_event *event)
{
    uint32_t what = (uint32_t)event->data.u64;
    if (what == SIGNALS)
        take_signals(loop);
    else if (what < FIRST_LINK)
        serve_watch(loop, what, (int)(event->data.u64 >> 32), (short)event->events);
    else if (what != ALARM && (event->events & (EPOLLERR | EPOLLHUP)) != 0)
        serve_error(loop, loop->links[what - FIRST_LINK].link);
}

/* Serves the file descriptors that are ready; `sleep`: waits until one is. */
static void look(struct loop *loop, bool sleep)
{
    const struct loop_partner *partner = loop->partner;
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(loop->epoll_fd, ready, READY_MAX, sleep ? -1 : 0);
    if (sleep && partner != NULL && partner->woken != NULL)
        partner->woken(partner->context);
    for (int i = 0; i < count; i++)
        serve(loop, &ready[i]);
}

/* Learns from a sleep of `slept_ns` how lightly to sleep next, and how long to spin before. */
static void adapt(struct loop *loop, uint64_t slept_ns)
{
    loop->light = slept_ns < LIGHT_NS;
    if (!loop->adaptive)
        return;
    uint64_t longer = loop->busy_poll_ns == 0 ? SPIN_FIRST_NS : 2 * loop->busy_poll_ns;
    if (slept_ns > LOOP_SPIN_NS)
        loop->busy_poll_ns = 0;
    else
        loop->busy_poll_ns = longer < LOOP_SPIN_NS ? longer : LOOP_SPIN_NS;
}

/* ---- Turning ------------------------------------------------------------------------------- */

static void hand_up(struct loop *loop, const struct loop_link *at, struct burst *burst)
{
    const struct loop_partner *partner = loop->partner;
    if (partner != NULL && partner->receive != NULL)
        partner->receive(partner->context, at, burst, loop->now_ns);
    else
        host_receive(at->host, at->interface, burst, loop->now_ns);
}

static bool has_room(const struct loop *loop)
{
    const struct loop_partner *partner = loop->partner;
    return partner == NULL || partner->has_room == NULL ||
           partner->has_room(partner->context, loop->now_ns);
}

static bool take_in(struct loop *loop, struct loop_link *at)
{
    struct burst burst;
    burst.count = 0;
    bool received = false;
    at->link->more = true;
    for (int i = 0; i < BURSTS_MAX && at->link->more && has_room(loop); i++) {
        at->link->receive(at->link, &burst, loop->now_ns);
        received |= burst.count != 0;
        if (burst.count != 0)
            hand_up(loop, at, &burst);
    }
    if (at->link->gone)
        loop->lost = at->link;
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

/* Whether the loop may sleep until `deadline_ns`, and whoever takes part in the turns agrees. */
static bool may_sleep(const struct loop *loop, uint64_t deadline_ns)
{
    const struct loop_partner *partner = loop->partner;
    if (loop->stopped || deadline_ns <= loop->now_ns ||
        loop->now_ns - loop->active_ns < loop->busy_poll_ns)
        return false;
    return partner == NULL || partner->may_sleep == NULL || partner->may_sleep(partner->context);
}

/* All of a turn but its sleep; returns whether there was anything to do. */
static bool run_turn(struct loop *loop)
{
    static const struct loop_partner nobody;
    const struct loop_partner *partner = loop->partner != NULL ? loop->partner : &nobody;
    bool received = false;
    if (partner->begin != NULL)
        partner->begin(partner->context);
    for (uint32_t i = 0; i < loop->link_count; i++)
        received |= take_in(loop, &loop->links[i]);
    if (partner->work != NULL)
        received |= partner->work(partner->context, loop->now_ns);
    for (uint32_t i = 0; i < loop->host_count; i++)
        chaski_poll(loop->hosts[i], loop->now_ns);
    if (partner->end != NULL)
        partner->end(partner->context);
    return received;
}

/* Looks at file descriptors until there is one or something is due. */
static void sleep_until(struct loop *loop, uint64_t deadline_ns)
{
    uint64_t asleep_ns = system_now();
    uint64_t light_ns = loop->light ? asleep_ns + LIGHT_NS : never;
    alarm_by(&loop->alarm, deadline_ns < light_ns ? deadline_ns : light_ns, asleep_ns);
    look(loop, true);
    adapt(loop, system_now() - asleep_ns);
}

bool loop_turn(struct loop *loop, bool wait)
{
    loop->now_ns = system_now();
    bool received = run_turn(loop);
    if (received)
        loop->active_ns = loop->now_ns;
    uint64_t deadline_ns = received || !wait ? 0 : earliest_deadline(loop);
    bool sleep = may_sleep(loop, deadline_ns);
    if (!sleep && loop->now_ns - loop->looked_ns < look_every_ns)
        return received;
    loop->looked_ns = loop->now_ns;
    if (sleep)
        sleep_until(loop, deadline_ns);
    else
        look(loop, false);
    return received;
}

int loop_run(struct loop *loop)
{
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
