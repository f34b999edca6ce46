/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cli/commands.h"
#include "cli/link/link_end.h"
#include "cli/link/link_lane.h"
#include "cli/link/link_settings.h"
#include "runtime/system.h"

/*
 * Two ends, two lanes, one thread. Each turn reads what has come at both ends into the lanes, then
 * writes what is due. In between it sleeps until the next frame is due or comes; the last
 * microseconds of a wait are spent looking, since a sleeper wakes too late to be punctual.
 */

enum { FRAMES_A_TURN = 64 };

static const uint64_t look_every_ns = 250000000;

struct joint {
    struct link_end ends[LINK_WAYS];
    struct link_lane lanes[LINK_WAYS]; /* lane i leads from ends[i] to the other one */
    uint64_t missed[LINK_WAYS];
    uint64_t spin_ns;
    bool json;
    bool gone; /* an end is */
};

static volatile sig_atomic_t asked_to_end, asked_to_report;

/* ---- Signals ------------------------------------------------------------------------------- */

static void on_signal(int number)
{
    if (number == SIGUSR1)
        asked_to_report = 1;
    else
        asked_to_end = 1;
}

/* Signals arrive only while we wait; `waiting` is the mask for then. */
static void take_signals(sigset_t *waiting)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], &action, NULL);
        sigaddset(&blocked, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &blocked, waiting);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigdelset(waiting, numbers[i]);
}

/* ---- The report ---------------------------------------------------------------------------- */

static void report_way(struct joint *joint, unsigned way)
{
    const struct link_counts *counts = &joint->lanes[way].counts;
    const char *format = joint->json ? "%s\"%s\": %" PRIu64 : "%s%s %" PRIu64;
    uint64_t mean_ns = counts->arrivals != 0 ? counts->late_ns / counts->arrivals : 0;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"frames", counts->frames},
        {"packets", counts->packets},
        {"bytes", counts->bytes},
        {"delivered", counts->delivered},
        {"delivered_bytes", counts->delivered_bytes},
        {"lost", counts->lost},
        {"overflowed", counts->overflowed},
        {"duplicated", counts->duplicated},
        {"corrupted", counts->corrupted},
        {"reordered", counts->reordered},
        {"marked", counts->marked},
        {"missed", joint->missed[way]},
        {"no_memory", counts->no_memory},
        {"malformed", counts->malformed},
        {"refused", counts->refused},
        {"late_mean_ns", mean_ns},
        {"late_most_ns", counts->latest_ns},
    };
    printf(joint->json ? "{\"from\": \"%s\", \"to\": \"%s\"" : "%s -> %s:", joint->ends[way].name,
           joint->ends[1 - way].name);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (joint->json || rows[i].value != 0)
            printf(format, joint->json || i != 0 ? ", " : " ", rows[i].name, rows[i].value);
    }
    puts(joint->json ? "}" : "");
}

static void report(struct joint *joint)
{
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        joint->missed[way] += link_end_missed(&joint->ends[way]);
        report_way(joint, way);
    }
    fflush(stdout);
}

/* ---- Running ------------------------------------------------------------------------------- */

static void take_in(struct joint *joint, unsigned way)
{
    static uint8_t room[LINK_FRAME_ROOM];
    struct link_lane *lane = &joint->lanes[way];
    for (int i = 0; i < FRAMES_A_TURN; i++) {
        struct virtio_net_hdr header;
        long length = link_end_read(&joint->ends[way], room);
        if (length <= 0) {
            joint->gone |= length < 0;
            return;
        }
        memcpy(&header, room, sizeof header);
        link_lane_send(lane, &header, room + sizeof header,
                       (uint32_t)length - (uint32_t)sizeof header, system_now());
    }
}

static void give_out(struct joint *joint, unsigned way)
{
    struct link_lane *lane = &joint->lanes[way];
    for (int i = 0; i < FRAMES_A_TURN; i++) {
        uint64_t now_ns = system_now();
        struct link_carried *carried = link_lane_receive(lane, now_ns);
        if (carried == NULL)
            return;
        bool taken = link_end_write(&joint->ends[1 - way], carried->room, carried->length);
        link_lane_written(lane, carried, taken, now_ns);
        free(carried);
    }
}

/* An interface that is down goes away without an event: ends in doubt are looked at now and then.
 */
static uint64_t next_deadline(const struct joint *joint, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        uint64_t due = link_lane_deadline(&joint->lanes[way]);
        uint64_t look = joint->ends[way].in_doubt ? now_ns + look_every_ns : UINT64_MAX;
        due = due < look ? due : look;
        next = due < next ? due : next;
    }
    return next;
}

/* Returns early when a frame comes or a signal. */
static void sleep_until(struct joint *joint, const sigset_t *waiting)
{
    struct pollfd fds[LINK_WAYS];
    struct timespec timeout = {0};
    uint64_t now_ns = system_now(), deadline = next_deadline(joint, now_ns);
    if (deadline > now_ns + joint->spin_ns) {
        uint64_t wait_ns = deadline - now_ns - joint->spin_ns;
        timeout.tv_sec = (time_t)(wait_ns / 1000000000);
        timeout.tv_nsec = (long)(wait_ns % 1000000000);
    }
    for (unsigned way = 0; way < LINK_WAYS; way++)
        fds[way] = (struct pollfd){.fd = joint->ends[way].fd, .events = POLLIN};
    if (ppoll(fds, LINK_WAYS, deadline == UINT64_MAX ? NULL : &timeout, waiting) < 0)
        return;
    for (unsigned way = 0; way < LINK_WAYS; way++)
        joint->gone |=
            (fds[way].revents & (POLLHUP | POLLNVAL)) != 0 || link_end_is_gone(&joint->ends[way]);
}

static void run(struct joint *joint, const sigset_t *waiting)
{
    prctl(PR_SET_TIMERSLACK, 1UL);
    while (!asked_to_end && !joint->gone) {
        for (unsigned way = 0; way < LINK_WAYS; way++)
            take_in(joint, way);
        for (unsigned way = 0; way < LINK_WAYS; way++)
            give_out(joint, way);
        sleep_until(joint, waiting);
        if (asked_to_report) {
            asked_to_report = 0;
            report(joint);
        }
    }
}

/* ---- The command --------------------------------------------------------------------------- */

static bool open_ends(struct joint *joint, const struct link_settings *settings)
{
    char error[ARGUMENT_ERROR];
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        if (!link_end_open(&joint->ends[way], settings->ends[way], error)) {
            fprintf(stderr, "chaski link: %s\n", error);
            return false;
        }
    }
    return true;
}

static void warn_of_what_is_down(const struct joint *joint)
{
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        const struct link_end *end = &joint->ends[way];
        if (link_end_is_down(end))
            fprintf(stderr, "%s is down: no frame passes until `ip link set %s up`\n", end->name,
                    strchr(end->name, ':') + 1);
    }
}

static void close_all(struct joint *joint)
{
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        link_end_close(&joint->ends[way]);
        link_lane_end(&joint->lanes[way]);
    }
}

int command_link(int count, char **words)
{
    struct link_settings settings;
    sigset_t waiting;
    int code = link_settings_read(&settings, count, words);
    if (code >= 0)
        return code;
    struct joint joint = {
        .ends = {{.fd = -1}, {.fd = -1}}, .spin_ns = settings.spin_ns, .json = settings.json};
    for (unsigned way = 0; way < LINK_WAYS; way++)
        link_lane_begin(&joint.lanes[way], &settings.ways[way], settings.lump_ns, settings.seed,
                        way);
    if (!open_ends(&joint, &settings)) {
        close_all(&joint);
        return EXIT_WRONG;
    }
    warn_of_what_is_down(&joint);
    take_signals(&waiting); /* who hears that we are ready may send one */
    fprintf(settings.json ? stderr : stdout, "ready: %s and %s are joined\n",
            joint.ends[LINK_THERE].name, joint.ends[LINK_BACK].name);
    fflush(stdout);
    run(&joint, &waiting);
    report(&joint);
    if (joint.gone)
        fputs("chaski link: an end is gone\n", stderr);
    close_all(&joint);
    return joint.gone ? EXIT_FAILED : EXIT_FINE;
}
