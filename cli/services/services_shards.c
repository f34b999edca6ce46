/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/http/http_server.h"
#include "cli/services/services.h"
#include "cli/services/small_services.h"
#include "cli/station.h"
#include "cli/status/status_report.h"
#include "cli/status/status_socket.h"
#include "runtime/shards/shards.h"

/*
 * The services on several shards. Each shard has its own listeners and its own state for them, and
 * runs them in its thread; this thread makes and ends them, and has a loop without hosts, in which
 * it waits for signals and for questions about the status.
 */
#define SECOND UINT64_C(1000000000)

enum {
    MEMORY_BYTES = 256 << 20, /* of all shards together */
    MEMORY_LEAST = 32 << 20,  /* of each */
    PROBE_TICKS = 26,         /* of 50 ms: longer than until the first ARP probe (RFC 5227) */
    CONFLICT_LOOKS = 10,      /* a second apart */
    END_TICKS = 25,           /* of 20 ms: for connections to end in order */
};

struct station_shard {
    struct small_services small;
    struct http_server http;
    struct loop *loop;
    int timer_fd;
    bool ticking;
};

struct stations {
    const struct services_options *options;
    struct chaski_shards *shards;
    struct station_shard *each;
    struct loop loop; /* of this thread */
    struct status_socket status;
    int timer_fd;
    int looks;   /* after others who claim our address, that are left */
    char *error; /* what ended it, or "" */
    uint64_t began_ns;
};

static void pause_ms(long milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000};
    nanosleep(&time, NULL);
}

/* A timer that a loop watches, or -1. */
static int watch_timer(struct loop *loop, loop_closure *closure, void *context)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 && loop_watch(loop, fd, EPOLLIN, closure, context))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void start_timer(int fd)
{
    const struct itimerspec second = {.it_interval.tv_sec = 1, .it_value.tv_sec = 1};
    timerfd_settime(fd, 0, &second, NULL);
}

static void end_timer(struct loop *loop, int *fd)
{
    if (*fd < 0)
        return;
    loop_unwatch(loop, *fd);
    close(*fd);
    *fd = -1;
}

/* ---- One shard ----------------------------------------------------------------------------- */

/* loop_closure: once a second for as long as there are HTTP connections. */
static void tick(void *context, int fd, short events)
{
    struct station_shard *own = context;
    uint64_t expirations;
    (void)events;
    if (read(fd, &expirations, sizeof expirations) != sizeof expirations ||
        http_server_tick(&own->http))
        return;
    own->ticking = false;
    timerfd_settime(fd, 0, &(struct itimerspec){0}, NULL);
}

static void begin_ticking(void *context)
{
    struct station_shard *own = context;
    if (own->ticking)
        return;
    own->ticking = true;
    start_timer(own->timer_fd);
}

static int bind_http(struct station_shard *own, struct chaski *host, int root)
{
    own->timer_fd = watch_timer(own->loop, tick, own);
    if (own->timer_fd < 0)
        return CHASKI_NO_MEMORY;
    own->http.begun = begin_ticking;
    own->http.context = own;
    return http_server_open(&own->http, host, SERVICES_HTTP_PORT, root);
}

/* For chaski_shards_each(). */
static int bind_all(void *context, struct chaski *host, unsigned shard)
{
    struct stations *stations = context;
    struct station_shard *own = &stations->each[shard];
    int root = stations->options->root;
    own->loop = &stations->shards->shards[shard].loop;
    int status = small_services_bind(&own->small, host);
    return status == 0 && root >= 0 ? bind_http(own, host, root) : status;
}

/* For chaski_shards_each(). */
static int close_http(void *context, struct chaski *host, unsigned shard)
{
    struct stations *stations = context;
    struct station_shard *own = &stations->each[shard];
    (void)host;
    if (own->timer_fd < 0)
        return 0;
    http_server_close(&own->http);
    end_timer(own->loop, &own->timer_fd);
    return 0;
}

/* ---- Beginning ----------------------------------------------------------------------------- */

/* shards_open_queue */
static struct link *open_queue(void *context, unsigned queue, const struct link *first,
                               struct packet_memory *memory, struct counters *counters, char *error,
                               size_t error_size)
{
    const struct link_options *link = context;
    struct device_options device = {.mtu = (uint16_t)link->mtu};
    memcpy(device.mac, link->mac, sizeof device.mac);
    return device_open(&link->device, &device, queue, first, memory, counters, error, error_size);
}

static bool complain(char *error, const char *what, const char *why)
{
    snprintf(error, ARGUMENT_ERROR, "%s%s", what, why);
    return false;
}

static bool set_up_addresses(struct stations *stations, int interface, char *error)
{
    static const struct chaski_address nowhere = {{0}};
    const struct link_options *link = &stations->options->link;
    struct chaski *leader = chaski_shards_host(stations->shards, 0);
    struct chaski_address any = chaski_ip4(0, 0, 0, 0);
    int status = chaski_address_add(leader, interface, &link->address, link->prefix_length);
    if (status < 0)
        return complain(error, "--addr: ", chaski_error_text(status));
    if (memcmp(&link->gateway, &nowhere, sizeof nowhere) == 0)
        return true;
    status = chaski_route_add(leader, &any, 0, &link->gateway, interface);
    return status == 0 || complain(error, "--gateway: ", chaski_error_text(status));
}

static bool open_link(struct stations *stations, char *error)
{
    const struct link_options *link = &stations->options->link;
    struct link_options copy = *link;
    if (link->device.queues > stations->options->shards)
        return complain(error, "--link has more queues than there are --shards", "");
    const struct shards_link queues = {.open = open_queue,
                                       .context = &copy,
                                       .queues = link->device.queues,
                                       .capture = link->capture,
                                       .snap = link->snap};
    int interface = shards_open(stations->shards, &queues);
    if (interface < 0)
        return complain(error, "", chaski_shards_error(stations->shards));
    link_options_warn(link);
    return set_up_addresses(stations, interface, error);
}

static bool make_shards(struct stations *stations, char *error)
{
    const struct services_options *options = stations->options;
    struct chaski_shards_options shards = {
        .count = options->shards,
        .busy_poll = options->link.busy_poll,
        .sleep = options->link.sleep,
    };
    size_t bytes = MEMORY_BYTES / options->shards;
    chaski_limits_for(&shards.limits, bytes > MEMORY_LEAST ? bytes : MEMORY_LEAST,
                      SERVICES_CONNECTIONS);
    stations->shards = chaski_shards_create(&shards);
    stations->each = calloc(options->shards, sizeof *stations->each);
    if (stations->shards == NULL || stations->each == NULL)
        return complain(error, "no memory for the shards", "");
    for (unsigned i = 0; i < options->shards; i++) {
        stations->each[i].timer_fd = -1;
        if (!knobs_apply(chaski_shards_host(stations->shards, i), &options->link, error))
            return false;
    }
    return open_link(stations, error);
}

/* ---- Running ------------------------------------------------------------------------------- */

/* What the leader has counted of address conflicts and probes. */
struct probing {
    struct chaski_closure closure;
    uint64_t conflicts, probes;
};

static void look_at_probing(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct probing *probing = closure->context;
    (void)shard;
    probing->conflicts = chaski_counter_value(host, CHASKI_ARP_CONFLICTS);
    probing->probes = chaski_counter_value(host, CHASKI_ARP_PROBES_SENT);
}

static bool is_free(struct stations *stations, struct probing *probing, char *error)
{
    char text[CHASKI_ADDRESS_TEXT];
    *probing = (struct probing){.closure.run = look_at_probing};
    probing->closure.context = probing;
    chaski_call(stations->shards, 0, &probing->closure);
    if (probing->conflicts == 0)
        return true;
    snprintf(error, ARGUMENT_ERROR,
             "another machine on the link uses %s; take a free address with --addr",
             chaski_address_text(&stations->options->link.address, text));
    return false;
}

/* Ready is who has asked whether the address is taken, and has not been told so. */
static bool probe(struct stations *stations, char *error)
{
    struct probing probing;
    bool asked = stations->options->link.prefix_length == 32;
    for (int i = 0; i < PROBE_TICKS && !asked; i++) {
        pause_ms(50);
        if (!is_free(stations, &probing, error))
            return false;
        asked = probing.probes > 1;
    }
    pause_ms(50); /* for the answer */
    return is_free(stations, &probing, error);
}

/* ---- Status -------------------------------------------------------------------------------- */

/* For chaski_shards_each(). */
static int report_shard(void *context, struct chaski *host, unsigned shard)
{
    (void)shard;
    status_report_host(context, host);
    return 0;
}

/* status_writer */
static bool write_status(void *context, FILE *to, bool json)
{
    struct stations *stations = context;
    struct status_report report;
    if (!status_report_begin(&report, to, json, stations->options->shards))
        return false;
    chaski_shards_each(stations->shards, report_shard, &report);
    status_report_end(&report);
    return true;
}

/* ---- Serving ------------------------------------------------------------------------------- */

static bool start(struct stations *stations, char *error)
{
    const char *name = stations->options->link.device.name;
    if (!status_socket_open(&stations->status, &stations->loop, write_status, stations, name,
                            error))
        return false;
    int status = chaski_shards_each(stations->shards, bind_all, stations);
    if (status < 0)
        return complain(error, "cannot listen: ", chaski_error_text(status));
    if (chaski_shards_start(stations->shards) < 0)
        return complain(error, "", chaski_shards_error(stations->shards));
    return true;
}

/* loop_closure */
static void say_lost(void *context, int fd, short events)
{
    struct stations *stations = context;
    const struct device *device = &stations->options->link.device;
    (void)fd;
    (void)events;
    snprintf(stations->error, ARGUMENT_ERROR, "the link %s:%s is gone",
             device_kind_name(device->kind), device->name);
    loop_stop(&stations->loop);
}

/* loop_closure: looks, once a second in the beginning, after others who claim our address; later on
 * nothing wakes anybody. */
static void look(void *context, int fd, short events)
{
    struct stations *stations = context;
    struct probing probing;
    uint64_t expirations;
    (void)events;
    if (read(fd, &expirations, sizeof expirations) != sizeof expirations)
        return;
    if (!is_free(stations, &probing, stations->error))
        loop_stop(&stations->loop);
    else if (--stations->looks == 0)
        timerfd_settime(fd, 0, &(struct itimerspec){0}, NULL);
}

/* Waits for a signal that ends it; false, with the line in stations->error, when it is not that
 * which did. */
static bool serve(struct stations *stations)
{
    if (!loop_watch(&stations->loop, shards_lost_fd(stations->shards), EPOLLIN, say_lost, stations))
        return complain(stations->error, "cannot wait for events: ", strerror(errno));
    stations->looks = CONFLICT_LOOKS;
    start_timer(stations->timer_fd);
    return loop_run(&stations->loop) != 0;
}

/* ---- Ending -------------------------------------------------------------------------------- */

/* For chaski_shards_each(). */
static int close_connections(void *context, struct chaski *host, unsigned shard)
{
    unsigned *left = context;
    (void)shard;
    *left += services_close_connections(host);
    return 0;
}

static void end(struct stations *stations)
{
    unsigned left = 1;
    chaski_shards_each(stations->shards, close_http, stations);
    for (int i = 0; i < END_TICKS && left != 0; i++) {
        left = 0;
        chaski_shards_each(stations->shards, close_connections, &left);
        if (left != 0)
            pause_ms(20);
    }
    chaski_shards_stop(stations->shards);
}

static void say_summary(const struct stations *stations)
{
    struct services_totals totals = {.requests = 0};
    for (unsigned i = 0; i < stations->options->shards; i++) {
        services_count(&totals, chaski_shards_host(stations->shards, i));
        totals.requests += stations->each[i].http.requests;
    }
    services_say_ended(&totals, system_now() - stations->began_ns);
}

/* ---- The whole ----------------------------------------------------------------------------- */

static int run(struct stations *stations, char *error)
{
    int code = EXIT_FAILED;
    if (!start(stations, error))
        return EXIT_WRONG;
    if (!probe(stations, error)) {
        code = EXIT_WRONG;
    } else {
        services_say_ready(stations->options, stations->shards->shards[0].links[0]);
        if (serve(stations))
            code = EXIT_FINE;
    }
    end(stations);
    if (code != EXIT_FINE)
        return code;
    say_summary(stations);
    if (shards_end_captures(stations->shards) == 0)
        return EXIT_FINE;
    complain(error, chaski_shards_error(stations->shards), "");
    return EXIT_FAILED;
}

/* Signals are for this thread alone: the others inherit that they are blocked. */
static bool open_loop(struct stations *stations)
{
    if (!loop_init(&stations->loop))
        return complain(stations->error, "cannot wait for events: ", strerror(errno));
    stations->loop.adaptive = false;
    stations->timer_fd = watch_timer(&stations->loop, look, stations);
    if (stations->timer_fd < 0 || !station_signals(&stations->loop))
        return complain(stations->error, "cannot receive signals: ", strerror(errno));
    return true;
}

static void close_all(struct stations *stations)
{
    status_socket_close(&stations->status);
    chaski_shards_free(stations->shards);
    free(stations->each);
    end_timer(&stations->loop, &stations->timer_fd);
    loop_close(&stations->loop);
}

int services_by_shards(const struct services_options *options, char *error)
{
    struct stations stations = {.options = options,
                                .status.fd = -1,
                                .timer_fd = -1,
                                .error = error,
                                .began_ns = system_now()};
    int code = EXIT_WRONG;
    error[0] = '\0';
    if (open_loop(&stations) && make_shards(&stations, error))
        code = run(&stations, error);
    close_all(&stations);
    return code;
}
