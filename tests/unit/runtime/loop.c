/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/host/host.h"
#include "runtime/system.h"

/*
 * The hosts and links here are puppets, so that a test says when there is a frame and when a
 * deadline, and sees what the loop makes of it.
 */

enum { MS = 1000000, HOSTS = LOOP_HOSTS + 1 };

struct chaski {
    uint64_t deadline_ns; /* 0: is never done */
    uint64_t polled_ns;   /* the last time */
    uint32_t polls, frames;
    int interfaces;
};

static struct chaski hosts[HOSTS];
static struct loop loop;
static bool stop_when_polled;

void chaski_poll(struct chaski *host, uint64_t now_ns)
{
    host->polls++;
    host->polled_ns = now_ns;
    if (host->deadline_ns != 0 && host->deadline_ns <= now_ns)
        host->deadline_ns = UINT64_MAX;
    if (stop_when_polled)
        loop_stop(&loop);
}

uint64_t chaski_deadline(struct chaski *host)
{
    return host->deadline_ns;
}

int host_interface_add(struct chaski *host, const struct host_interface *interface)
{
    assert_int_equal(interface->mtu, 1400);
    assert_int_equal(interface->mac[5], 9);
    assert_int_equal(interface->features, LINK_CHECKSUM);
    return host->interfaces++;
}

void host_receive(struct chaski *host, int interface, struct burst *burst, uint64_t now_ns)
{
    assert_int_equal(interface, 0);
    assert_int_equal(now_ns, loop.now_ns);
    host->frames += burst->count;
    burst->count = 0;
}

/* What makes a host out of memory: never more of it than there is. */
size_t chaski_size(const struct chaski_limits *limits)
{
    return limits->packets;
}

struct chaski *chaski_init(void *memory, size_t size, const struct chaski_limits *limits,
                           const uint8_t seed[32], uint64_t now_ns)
{
    static const uint8_t zeros[32];
    assert_memory_not_equal(seed, zeros, sizeof zeros);
    assert_true(now_ns != 0);
    return limits->connections != 0 && size == limits->packets ? memory : NULL;
}

struct puppet_link {
    struct link link;
    uint32_t bursts; /* that it has to give, of one frame each */
    uint32_t asked;
    uint64_t due_ns; /* when it has one more */
};

static uint32_t puppet_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct puppet_link *puppet = (struct puppet_link *)link;
    puppet->asked++;
    if (puppet->due_ns <= now_ns) {
        puppet->due_ns = UINT64_MAX;
        puppet->bursts++;
    }
    if (puppet->bursts != 0) {
        puppet->bursts--;
        burst->packets[burst->count++] = NULL;
    }
    link->more = puppet->bursts != 0;
    return burst->count;
}

static uint64_t puppet_deadline(struct link *link)
{
    return ((struct puppet_link *)link)->due_ns;
}

static struct puppet_link new_link(int fd)
{
    return (struct puppet_link){
        .due_ns = UINT64_MAX,
        .link = {.name = "puppet",
                 .fd = fd,
                 .news_fd = -1,
                 .features = LINK_CHECKSUM,
                 .mtu = 1400,
                 .mac = {2, 0, 0, 0, 0, 9},
                 .receive = puppet_receive},
    };
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < HOSTS; i++)
        hosts[i] = (struct chaski){.deadline_ns = UINT64_MAX};
    stop_when_polled = false;
    loop_init(&loop);
    assert_true(loop_add_host(&loop, &hosts[0]));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_close(&loop);
    return 0;
}

/* ---- Frames and deadlines ---- */

static void gives_frames_to_the_host(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    assert_int_equal(loop_add_link(&loop, &hosts[0], &puppet.link), 0);
    assert_int_equal(loop.host_count, 1); /* it was there already */
    puppet.bursts = 2;
    assert_true(loop_turn(&loop, true));
    assert_int_equal(hosts[0].frames, 2);
    assert_int_equal(puppet.asked, 2); /* it said that there was no more */
    assert_int_equal(hosts[0].polls, 1);
    assert_false(loop_turn(&loop, false));
    assert_int_equal(hosts[0].polls, 2);
}

static void polls_in_between_when_there_are_many_frames(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    puppet.bursts = 10;
    loop_turn(&loop, true);
    assert_in_range(hosts[0].frames, 1, 9);
    while (loop_turn(&loop, false))
        continue;
    assert_int_equal(hosts[0].frames, 10);
    assert_in_range(hosts[0].polls, 3, 11);
}

static void sleeps_until_the_earliest_deadline(void **state)
{
    (void)state;
    uint64_t deadline = system_now() + 20 * MS;
    assert_true(loop_add_host(&loop, &hosts[1]));
    hosts[0].deadline_ns = deadline + 5000ull * MS;
    hosts[1].deadline_ns = deadline;
    assert_false(loop_turn(&loop, true));
    uint64_t now_ns = system_now();
    assert_true(now_ns >= deadline);
    assert_true(now_ns < deadline + 2000ull * MS); /* however busy the machine is */
    assert_int_equal(hosts[1].polls, 1);
    loop_turn(&loop, false);
    assert_true(hosts[1].polled_ns >= deadline);
}

static void does_not_sleep_when_a_host_is_not_done(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    uint64_t before = system_now();
    hosts[0].deadline_ns = 0;
    alarm(10); /* ends a sleep that never ends */
    loop_turn(&loop, true);
    hosts[0].deadline_ns = UINT64_MAX;
    puppet.bursts = 1; /* nor does a turn that received something */
    loop_turn(&loop, true);
    alarm(0);
    assert_true(system_now() - before < 5000ull * MS);
}

static void wakes_for_a_link_in_virtual_time(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    puppet.link.deadline = puppet_deadline;
    loop_add_link(&loop, &hosts[0], &puppet.link);
    puppet.due_ns = system_now() + 10 * MS;
    assert_false(loop_turn(&loop, true));
    assert_true(loop_turn(&loop, true));
    assert_int_equal(hosts[0].frames, 1);
}

static void drain_timer(void *context, int fd, short events)
{
    uint64_t ignored;
    (void)context, (void)events;
    assert_int_equal(read(fd, &ignored, sizeof ignored), sizeof ignored);
}

/* Wakes the loop every millisecond, so that no sleep is for ever when a deadline was missed. */
static int wake_every_millisecond(void)
{
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    assert_int_equal(timerfd_settime(fd, 0, &often, NULL), 0);
    assert_true(loop_watch(&loop, fd, POLLIN, drain_timer, NULL));
    return fd;
}

/* A busy machine may turn a short sleep into a long one; not a thousand times in a row. */
static void learns_from_its_sleeps_when_to_spin(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    int timer = wake_every_millisecond();
    assert_int_equal(loop.busy_poll_ns, 0);
    for (int i = 0; i < 1000 && loop.busy_poll_ns == 0; i++) {
        hosts[0].deadline_ns = system_now() + 5000;
        loop_turn(&loop, true);
    }
    assert_true(loop.busy_poll_ns > 0);
    assert_true(loop.busy_poll_ns <= LOOP_SPIN_NS);
    hosts[0].deadline_ns = UINT64_MAX;
    for (int i = 0; i < 100000 && loop.busy_poll_ns != 0; i++)
        loop_turn(&loop, true);
    assert_int_equal(loop.busy_poll_ns, 0);
    close(timer);
}

/* Nothing else would end these sleeps. */
static void sleeps_lightly_after_a_short_sleep(void **state)
{
    (void)state;
    alarm(10);
    for (int i = 0; i < 1000 && !loop.light; i++) {
        hosts[0].deadline_ns = system_now() + 5000;
        loop_turn(&loop, true);
    }
    assert_true(loop.light);
    hosts[0].deadline_ns = UINT64_MAX;
    for (int i = 0; i < 10 && loop.light; i++)
        loop_turn(&loop, true);
    alarm(0);
    assert_false(loop.light);
}

static void never_spins_when_asked_not_to(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    int timer = wake_every_millisecond();
    loop.adaptive = false;
    for (int i = 0; i < 100; i++) {
        hosts[0].deadline_ns = system_now() + 5000;
        loop_turn(&loop, true);
        assert_int_equal(loop.busy_poll_ns, 0);
    }
    close(timer);
}

static void spins_for_a_while_when_asked_to(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    loop.adaptive = false;
    loop.busy_poll_ns = 30 * MS;
    puppet.bursts = 1;
    uint64_t before = system_now(), turns = 0;
    loop_turn(&loop, true);
    hosts[0].deadline_ns = before + 60 * MS;
    alarm(10);
    while (system_now() < before + 60 * MS) {
        loop_turn(&loop, true);
        turns++;
    }
    alarm(0);
    assert_true(hosts[0].polled_ns < before + 60 * MS);
    assert_true(turns > 20); /* sleeping at once would take two */
}

/* ---- File descriptors ---- */

static void read_byte(void *context, int fd, short events)
{
    char byte;
    uint32_t *calls = context;
    assert_int_equal(events, POLLIN);
    assert_int_equal(read(fd, &byte, 1), 1);
    (*calls)++;
}

static void runs_a_closure_when_a_descriptor_is_ready(void **state)
{
    (void)state;
    int ends[2];
    uint32_t calls = 0;
    assert_int_equal(pipe(ends), 0);
    assert_true(loop_watch(&loop, ends[0], POLLIN, read_byte, &calls));
    assert_int_equal(write(ends[1], "xy", 2), 2);
    alarm(10);
    loop_turn(&loop, true);
    assert_int_equal(calls, 1);
    loop_turn(&loop, true);
    alarm(0);
    assert_int_equal(calls, 2);
    loop_unwatch(&loop, ends[0]);
    assert_int_equal(write(ends[1], "z", 1), 1);
    hosts[0].deadline_ns = system_now() + 5 * MS;
    loop_turn(&loop, true);
    assert_int_equal(calls, 2);
    close(ends[0]);
    close(ends[1]);
}

static void unwatch_both(void *context, int fd, short events)
{
    const int *fds = context;
    (void)fd;
    (void)events;
    loop_unwatch(&loop, fds[0]);
    loop_unwatch(&loop, fds[1]);
    hosts[0].frames++;
}

static void a_closure_may_take_watches_away(void **state)
{
    (void)state;
    int a[2], b[2];
    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    int fds[2] = {a[0], b[0]};
    assert_true(loop_watch(&loop, a[0], POLLIN, unwatch_both, fds));
    assert_true(loop_watch(&loop, b[0], POLLIN, unwatch_both, fds));
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    loop_turn(&loop, true);
    assert_int_equal(hosts[0].frames, 1);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void looks_at_descriptors_under_lasting_load(void **state)
{
    (void)state;
    int ends[2];
    uint32_t calls = 0;
    struct puppet_link puppet = new_link(-1);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    assert_int_equal(pipe(ends), 0);
    assert_true(loop_watch(&loop, ends[0], POLLIN, read_byte, &calls));
    assert_int_equal(write(ends[1], "x", 1), 1);
    uint64_t before = system_now();
    while (calls == 0 && system_now() - before < 5000ull * MS) {
        puppet.bursts = 100;
        assert_true(loop_turn(&loop, true));
    }
    assert_int_equal(calls, 1);
    close(ends[0]);
    close(ends[1]);
}

static void wakes_for_a_link_and_notices_its_loss(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct puppet_link puppet = new_link(ends[0]);
    loop_add_link(&loop, &hosts[0], &puppet.link);
    assert_int_equal(write(ends[1], "x", 1), 1);
    alarm(10);
    loop_turn(&loop, true);
    assert_null(loop.lost);
    close(ends[1]);
    assert_int_equal(loop_run(&loop), -1);
    alarm(0);
    assert_ptr_equal(loop.lost, &puppet.link);
    close(ends[0]);
}

/* ---- Signals and the end ---- */

static void count_signal(void *context, int signal)
{
    uint32_t *calls = context;
    assert_int_equal(signal, SIGUSR1);
    (*calls)++;
}

static void signals_are_told_and_end_the_loop(void **state)
{
    (void)state;
    sigset_t before, after;
    uint32_t calls = 0;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_true(loop_signals(&loop, count_signal, &calls));
    raise(SIGUSR1);
    loop_turn(&loop, true);
    assert_int_equal(calls, 1);
    raise(SIGTERM);
    assert_int_equal(loop_run(&loop), SIGTERM);
    raise(SIGINT);
    assert_int_equal(loop_run(&loop), SIGINT);
    stop_when_polled = true;
    assert_int_equal(loop_run(&loop), 0);
    loop_close(&loop);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
    assert_int_equal(sigismember(&after, SIGUSR1), 0);
}

static void a_signal_after_the_one_that_ended_the_loop_ends_nothing(void **state)
{
    (void)state;
    assert_true(loop_signals(&loop, NULL, NULL));
    raise(SIGINT);
    assert_int_equal(loop_run(&loop), SIGINT);
    raise(SIGINT);
    raise(SIGTERM);
    loop_close(&loop);
}

static void stop_by_itself(int signal)
{
    assert_int_equal(signal, SIGTERM);
    hosts[0].polls = 77;
}

/* Nobody has heard of it yet. */
static void a_signal_that_did_not_end_the_loop_is_left_to_the_program(void **state)
{
    (void)state;
    struct sigaction own = {.sa_handler = stop_by_itself}, before;
    sigaction(SIGTERM, &own, &before);
    assert_true(loop_signals(&loop, NULL, NULL));
    stop_when_polled = true;
    assert_int_equal(loop_run(&loop), 0);
    raise(SIGTERM);
    loop_close(&loop);
    sigaction(SIGTERM, &before, NULL);
    assert_int_equal(hosts[0].polls, 77);
}

static void stops_when_told_to(void **state)
{
    (void)state;
    stop_when_polled = true;
    alarm(10);
    assert_int_equal(loop_run(&loop), 0);
    alarm(0);
    assert_int_equal(hosts[0].polls, 1);
}

static void its_tables_are_bounded(void **state)
{
    (void)state;
    struct puppet_link puppet = new_link(-1);
    for (int i = 1; i < LOOP_HOSTS; i++)
        assert_true(loop_add_host(&loop, &hosts[i]));
    assert_false(loop_add_host(&loop, &hosts[LOOP_HOSTS]));
    assert_int_equal(loop_add_link(&loop, &hosts[LOOP_HOSTS], &puppet.link), CHASKI_NO_MEMORY);
    for (int i = 0; i < LOOP_LINKS; i++)
        assert_int_equal(loop_add_link(&loop, &hosts[0], &puppet.link), i);
    assert_int_equal(loop_add_link(&loop, &hosts[0], &puppet.link), CHASKI_NO_MEMORY);
    int fds[LOOP_WATCHES + 1];
    for (int i = 0; i <= LOOP_WATCHES; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK);
        assert_int_equal(loop_watch(&loop, fds[i], POLLIN, read_byte, NULL), i < LOOP_WATCHES);
    }
    loop_unwatch(&loop, fds[7]);
    assert_true(loop_watch(&loop, fds[LOOP_WATCHES], POLLIN, read_byte, NULL));
    for (int i = 0; i <= LOOP_WATCHES; i++)
        close(fds[i]);
    assert_false(loop_watch(&loop, fds[0], POLLIN, read_byte, NULL));
}

/* ---- Who takes part in turns ---- */

static char steps[64];
static bool room, worked, sleepy;

static void step(char letter)
{
    size_t length = strlen(steps);
    if (length + 1 < sizeof steps)
        steps[length] = letter;
}

static void on_begin(void *context)
{
    assert_ptr_equal(context, steps);
    step('b');
}

static bool on_room(void *context, uint64_t now_ns)
{
    assert_ptr_equal(context, steps);
    assert_int_equal(now_ns, loop.now_ns);
    return room;
}

static void on_frames(void *context, const struct loop_link *at, struct burst *burst,
                      uint64_t now_ns)
{
    assert_ptr_equal(context, steps);
    assert_ptr_equal(at->host, &hosts[0]);
    assert_int_equal(hosts[0].polls, 0);
    step('f');
    host_receive(at->host, at->interface, burst, now_ns);
}

static bool on_work(void *context, uint64_t now_ns)
{
    assert_ptr_equal(context, steps);
    assert_int_equal(now_ns, loop.now_ns);
    assert_int_equal(hosts[0].polls, 0);
    step('w');
    return worked;
}

static void on_end(void *context)
{
    assert_ptr_equal(context, steps);
    assert_int_equal(hosts[0].polls, 1);
    step('e');
}

static bool on_sleep(void *context)
{
    assert_ptr_equal(context, steps);
    step('s');
    return sleepy;
}

static void on_waking(void *context)
{
    assert_ptr_equal(context, steps);
    step('k');
}

static void note_watch(void *context, int fd, short events)
{
    uint64_t ignored;
    (void)context, (void)events;
    assert_int_equal(read(fd, &ignored, sizeof ignored), sizeof ignored);
    step('c');
}

static void expect_turn(const char *expected)
{
    memset(steps, 0, sizeof steps);
    hosts[0].polls = 0;
    loop_turn(&loop, true);
    assert_string_equal(steps, expected);
}

static void a_partner_has_its_places_in_a_turn(void **state)
{
    const struct loop_partner partner = {
        .context = steps,
        .begin = on_begin,
        .has_room = on_room,
        .receive = on_frames,
        .work = on_work,
        .end = on_end,
        .may_sleep = on_sleep,
        .woken = on_waking,
    };
    struct puppet_link puppet = new_link(-1);
    (void)state;
    loop_add_link(&loop, &hosts[0], &puppet.link);
    loop.adaptive = false;
    loop.partner = &partner;
    room = true;
    puppet.bursts = 1;
    expect_turn("bfwe"); /* frames, what others want, then the host */
    assert_int_equal(hosts[0].frames, 1);
    worked = true;
    expect_turn("bwe"); /* who has worked does not sleep */
    worked = false;
    expect_turn("bwes"); /* who may not sleep neither */
    sleepy = true;
    hosts[0].deadline_ns = system_now() + 5 * MS;
    expect_turn("bwesk");
    int fd = eventfd(1, EFD_NONBLOCK);
    assert_true(loop_watch(&loop, fd, POLLIN, note_watch, NULL));
    hosts[0].deadline_ns = UINT64_MAX;
    expect_turn("bweskc"); /* awake before what woke it is served */
    loop_unwatch(&loop, fd);
    close(fd);
    room = false;
    puppet.bursts = 1;
    puppet.asked = 0;
    sleepy = false;
    expect_turn("bwes"); /* the frame stays where it is */
    assert_int_equal(puppet.asked, 0);
    room = true;
    expect_turn("bfwe");
}

/* ---- What the system gives ---- */

static void seeds_differ(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    assert_true(system_seed(a));
    assert_true(system_seed(b));
    assert_memory_not_equal(a, b, sizeof a);
}

static void makes_a_host_in_fresh_memory(void **state)
{
    (void)state;
    struct system_memory memory;
    struct chaski_limits limits = {.packets = 1 << 20, .connections = 1};
    assert_non_null(system_host_create(&memory, &limits, true));
    assert_int_equal(memory.size, 1 << 20);
    system_memory_unmap(&memory);
    assert_null(memory.bytes);
    system_memory_unmap(&memory); /* harmless */
    limits.connections = 0;
    assert_null(system_host_create(&memory, &limits, false));
    assert_null(memory.bytes);
    assert_false(system_memory_map(&memory, SIZE_MAX / 2, false));
}

#define test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(gives_frames_to_the_host),
        test(polls_in_between_when_there_are_many_frames),
        test(sleeps_until_the_earliest_deadline),
        test(does_not_sleep_when_a_host_is_not_done),
        test(wakes_for_a_link_in_virtual_time),
        test(learns_from_its_sleeps_when_to_spin),
        test(sleeps_lightly_after_a_short_sleep),
        test(never_spins_when_asked_not_to),
        test(spins_for_a_while_when_asked_to),
        test(runs_a_closure_when_a_descriptor_is_ready),
        test(a_closure_may_take_watches_away),
        test(looks_at_descriptors_under_lasting_load),
        test(wakes_for_a_link_and_notices_its_loss),
        test(signals_are_told_and_end_the_loop),
        test(a_signal_after_the_one_that_ended_the_loop_ends_nothing),
        test(a_signal_that_did_not_end_the_loop_is_left_to_the_program),
        test(stops_when_told_to),
        test(its_tables_are_bounded),
        test(a_partner_has_its_places_in_a_turn),
        test(seeds_differ),
        test(makes_a_host_in_fresh_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
