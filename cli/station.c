/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/station.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/host/host.h"
#include "drivers/pcap/capture.h"

static bool open_link(struct station *station, const struct link_options *options, char *error)
{
    struct device_options device = {.mtu = (uint16_t)options->mtu};

    memcpy(device.mac, options->mac, sizeof device.mac);
    station->link = device_open_whole(&options->device, &device, host_memory(station->host),
                                      host_counters(station->host), error, ARGUMENT_ERROR);
    return station->link != NULL;
}

static bool open_capture(struct station *station, const struct link_options *options, char *error)
{
    const char *path = options->capture;
    if (path == NULL)
        return true;
    if (!pcap_create(&station->capture, path, PCAP_CLOCK_MONOTONIC, error, ARGUMENT_ERROR))
        return false;
    if (options->snap != 0)
        station->capture.snap_length = options->snap;
    struct link *link = capture_link(station->link, &station->capture, NULL);
    if (link == NULL) {
        snprintf(error, ARGUMENT_ERROR, "no memory for --capture");
        return false;
    }
    station->link = link;
    return true;
}

static bool complain(char *error, const char *what, int number)
{
    snprintf(error, ARGUMENT_ERROR, "%s: %s", what,
             number < 0 ? chaski_error_text(number) : strerror(number));
    return false;
}

static bool open_interface(struct station *station, const struct link_options *options, char *error)
{
    static const struct chaski_address nowhere = {{0}};
    struct chaski_address any = chaski_ip4(0, 0, 0, 0);
    int status;

    station->interface = loop_add_link(&station->loop, station->host, station->link);
    if (station->interface < 0)
        return complain(error, options->device.name, station->interface);
    station->address = options->address;
    status = chaski_address_add(station->host, station->interface, &options->address,
                                options->prefix_length);
    if (status < 0)
        return complain(error, "--addr", status);
    if (memcmp(&options->gateway, &nowhere, sizeof nowhere) == 0)
        return true;
    status = chaski_route_add(station->host, &any, 0, &options->gateway, station->interface);
    return status < 0 ? complain(error, "--gateway", status) : true;
}

static bool open_timer(struct station *station, char *error)
{
    station->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (station->timer_fd < 0)
        return complain(error, "cannot make a timer", errno);
    return true;
}

static bool open_host(struct station *station, size_t memory_bytes, uint32_t connections,
                      char *error)
{
    struct chaski_limits limits;

    chaski_limits_for(&limits, memory_bytes, connections);
    station->host = system_host_create(&station->memory, &limits, false);
    if (station->host == NULL)
        return complain(error, "cannot make a host", errno);
    return true;
}

bool station_signals(struct loop *loop)
{
    sigset_t endings;

    sigemptyset(&endings);
    sigaddset(&endings, SIGINT);
    sigaddset(&endings, SIGTERM);
    /* Before the loop blocks them too: it restores what was so when it began. */
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    return loop_signals(loop, NULL, NULL);
}

bool station_open(struct station *station, const struct link_options *options, size_t memory_bytes,
                  uint32_t connections, char *error)
{
    char ignored[ARGUMENT_ERROR];

    *station = (struct station){.timer_fd = -1};
    if (!loop_init(&station->loop)) {
        complain(error, "cannot wait for events", errno);
        return false;
    }
    station->loop.adaptive = !options->sleep && !options->busy_poll;
    station->loop.busy_poll_ns = options->busy_poll ? UINT64_MAX : 0;
    if (open_host(station, memory_bytes, connections, error) &&
        knobs_apply(station->host, options, error) && open_link(station, options, error) &&
        open_capture(station, options, error) && open_interface(station, options, error) &&
        open_timer(station, error)) {
        if (station_signals(&station->loop)) {
            link_options_warn(options);
            return true;
        }
        complain(error, "cannot receive signals", errno);
    }
    station_close(station, ignored);
    return false;
}

bool station_close(struct station *station, char *error)
{
    bool written = true;

    if (station->timer_fd >= 0) {
        loop_unwatch(&station->loop, station->timer_fd);
        close(station->timer_fd);
    }
    loop_close(&station->loop);
    if (station->link != NULL)
        link_close(station->link);
    if (station->capture.file != NULL)
        written = pcap_close(&station->capture, error, ARGUMENT_ERROR);
    if (station->host != NULL)
        system_memory_unmap(&station->memory);
    return written;
}

static void run_tick(void *context, int fd, short events)
{
    struct station *station = context;
    uint64_t expirations;

    (void)events;
    if (read(fd, &expirations, sizeof expirations) == sizeof expirations)
        station->tick(station->tick_context);
}

void station_tick(struct station *station, uint64_t interval_ns, void (*tick)(void *context),
                  void *context)
{
    struct timespec interval = {.tv_sec = (time_t)(interval_ns / 1000000000),
                                .tv_nsec = (long)(interval_ns % 1000000000)};
    struct itimerspec every = {.it_interval = interval, .it_value = interval};

    loop_unwatch(&station->loop, station->timer_fd);
    timerfd_settime(station->timer_fd, 0, &every, NULL);
    station->tick = tick;
    station->tick_context = context;
    if (interval_ns != 0)
        loop_watch(&station->loop, station->timer_fd, POLLIN, run_tick, station);
}

static void stop(void *loop)
{
    loop_stop(loop);
}

void station_run_for(struct station *station, uint64_t duration_ns)
{
    station_tick(station, duration_ns, stop, &station->loop);
    loop_run(&station->loop);
    station_tick(station, 0, NULL, NULL);
}

bool station_check_address(const struct station *station, char *error)
{
    char text[CHASKI_ADDRESS_TEXT];

    if (chaski_counter_value(station->host, CHASKI_ARP_CONFLICTS) == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR,
             "another machine on the link uses %s; take a free address with --addr",
             chaski_address_text(&station->address, text));
    return false;
}
