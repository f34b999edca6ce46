/* SPDX-License-Identifier: BSD-2-Clause */
#include "chaski/loop.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/host.h"
#include "drivers/pcap/capture.h"
#include "drivers/vnet/tap.h"
#include "runtime/loop.h"
#include "runtime/system.h"

/*
 * The loop as others see it: one host, its memory, its links and their captures, all made, kept and
 * ended together.
 */

enum { ERROR_SIZE = 256 };

struct chaski_loop {
    struct loop loop;
    struct system_memory memory;
    struct chaski *host;
    struct pcap_writer captures[LOOP_LINKS]; /* of the link with the same number; file NULL: none */
    char error[ERROR_SIZE];
};

/* Writes the line and returns `status`. */
__attribute__((format(printf, 3, 4))) static int complain(struct chaski_loop *loop, int status,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(loop->error, sizeof loop->error, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct chaski_loop *chaski_loop_create(const struct chaski_limits *limits)
{
    struct chaski_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->host = system_host_create(&loop->memory, limits, false);
    if (loop->host == NULL) {
        free(loop);
        return NULL;
    }
    if (!loop_init(&loop->loop)) {
        system_memory_unmap(&loop->memory);
        free(loop);
        return NULL;
    }
    loop_add_host(&loop->loop, loop->host);
    return loop;
}

bool chaski_loop_free(struct chaski_loop *loop)
{
    int failed = 0;
    if (loop == NULL)
        return true;
    loop_close(&loop->loop);
    for (uint32_t i = 0; i < loop->loop.link_count; i++) {
        link_close(loop->loop.links[i].link);
        if (!pcap_close(&loop->captures[i], loop->error, sizeof loop->error))
            failed = loop->captures[i].failed;
    }
    system_memory_unmap(&loop->memory);
    free(loop);
    if (failed != 0)
        errno = failed;
    return failed == 0;
}

struct chaski *chaski_loop_host(struct chaski_loop *loop)
{
    return loop != NULL ? loop->host : NULL;
}

const char *chaski_loop_error(const struct chaski_loop *loop)
{
    return loop != NULL ? loop->error : "the system has not enough memory for the host";
}

/* ---- Links --------------------------------------------------------------------------------- */

static struct link *open_tap(struct chaski_loop *loop, const struct chaski_tap *tap)
{
    struct tap_options options = {.name = tap->name, .mtu = tap->mtu, .plain = tap->plain};
    memcpy(options.mac, tap->mac, sizeof options.mac);
    return tap_open(&options, host_memory(loop->host), host_counters(loop->host), loop->error,
                    sizeof loop->error);
}

/* Puts a recorder around *link. */
static bool add_capture(struct chaski_loop *loop, struct link **link, const char *path)
{
    struct pcap_writer *writer = &loop->captures[loop->loop.link_count];
    if (path == NULL)
        return true;
    if (!pcap_create(writer, path, PCAP_CLOCK_MONOTONIC, loop->error, sizeof loop->error))
        return false;
    struct link *captured = capture_link(*link, writer, NULL);
    if (captured == NULL)
        return complain(loop, false, "%s: no memory for the capture", path);
    *link = captured;
    return true;
}

/* Undoes what has been done for a link that does not come about. */
static void discard(struct chaski_loop *loop, struct link *link, const struct chaski_tap *tap)
{
    struct pcap_writer *writer = &loop->captures[loop->loop.link_count];
    char ignored[ERROR_SIZE];
    link_close(link);
    if (writer->file == NULL)
        return;
    pcap_close(writer, ignored, sizeof ignored);
    remove(tap->capture);
}

int chaski_loop_tap(struct chaski_loop *loop, const struct chaski_tap *tap)
{
    int number = CHASKI_INVALID;
    if (loop == NULL)
        return CHASKI_NO_MEMORY;
    if (loop->loop.link_count == LOOP_LINKS)
        return complain(loop, CHASKI_NO_MEMORY, "a loop has at most %d links", LOOP_LINKS);
    struct link *link = open_tap(loop, tap);
    if (link == NULL)
        return CHASKI_INVALID;
    if (add_capture(loop, &link, tap->capture)) {
        number = loop_add_link(&loop->loop, loop->host, link);
        if (number < 0)
            complain(loop, 0, "tap:%s: %s", tap->name, chaski_error_text(number));
    }
    if (number < 0)
        discard(loop, link, tap);
    return number;
}

/* ---- File descriptors and signals ---------------------------------------------------------- */

int chaski_loop_watch(struct chaski_loop *loop, int fd, short events, chaski_watch_closure *closure,
                      void *context)
{
    if (fd < 0 || closure == NULL)
        return complain(loop, CHASKI_INVALID, "a watch needs a descriptor and a closure");
    errno = 0;
    if (loop_watch(&loop->loop, fd, events, closure, context))
        return 0;
    if (errno == 0)
        return complain(loop, CHASKI_NO_MEMORY, "a loop watches at most %d descriptors",
                        LOOP_WATCHES);
    return complain(loop, errno == EEXIST ? CHASKI_IN_USE : CHASKI_INVALID,
                    "descriptor %d cannot be watched: %s", fd, strerror(errno));
}

void chaski_loop_unwatch(struct chaski_loop *loop, int fd)
{
    loop_unwatch(&loop->loop, fd);
}

int chaski_loop_signals(struct chaski_loop *loop)
{
    sigset_t report;
    if (loop->loop.signal_fd >= 0)
        return 0;
    if (!loop_signals(&loop->loop, NULL, NULL))
        return complain(loop, CHASKI_NO_MEMORY, "signals cannot be received: %s", strerror(errno));
    if (!sigismember(&loop->loop.signals_before, SIGUSR1)) {
        /* nobody is told of it here, so it remains the program's */
        sigemptyset(&report);
        sigaddset(&report, SIGUSR1);
        pthread_sigmask(SIG_UNBLOCK, &report, NULL);
    }
    return 0;
}

/* ---- Running ------------------------------------------------------------------------------- */

static int tell_loss(struct chaski_loop *loop)
{
    return complain(loop, CHASKI_STALE, "tap:%s: the device is gone", loop->loop.lost->name);
}

int chaski_loop_run(struct chaski_loop *loop)
{
    int stopped_by = loop_run(&loop->loop);
    return stopped_by < 0 ? tell_loss(loop) : stopped_by;
}

void chaski_loop_stop(struct chaski_loop *loop)
{
    loop_stop(&loop->loop);
}

int chaski_loop_turn(struct chaski_loop *loop, bool wait)
{
    bool received = loop_turn(&loop->loop, wait);
    return loop->loop.lost != NULL ? tell_loss(loop) : received;
}

void chaski_loop_busy_poll(struct chaski_loop *loop, uint64_t nanoseconds)
{
    loop->loop.busy_poll_ns = nanoseconds;
    loop->loop.adaptive = false;
}

uint64_t chaski_loop_now(const struct chaski_loop *loop)
{
    return loop->loop.now_ns;
}
