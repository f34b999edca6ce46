/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/host/host.h"
#include "drivers/pcap/capture.h"
#include "drivers/vnet/tap.h"
#include "runtime/shards/shards.h"

/* The links of a set, before the start: a queue a shard, for as many shards as there are queues;
 * the others send by those. */

/* The shard's host gets the interface on its own queue. */
static int add_queue(struct shard *shard, struct link *link)
{
    int number = loop_add_link(&shard->loop, shard->host, link);
    if (number >= 0)
        shard->links[number] = link;
    return number;
}

/* The shard's host gets the interface on the queue of another shard. */
static int add_outlet(struct shard *shard, const struct link *link, unsigned through)
{
    unsigned number = shard->set->interfaces;
    struct shard_outlet *outlet = &shard->outlets[number];
    struct host_interface interface = {
        .mtu = link->mtu,
        .features = link->features,
        .output = {shard_send, outlet},
    };
    *outlet = (struct shard_outlet){
        .shard = shard, .through = through, .interface = (uint8_t)number, .end = &outlet->first};
    memcpy(interface.mac, link->mac, sizeof interface.mac);
    return host_interface_add(shard->host, &interface);
}

static bool is_full(struct chaski_shards *shards)
{
    return shards->interfaces == LOOP_LINKS &&
           shards_complain(shards, true, "a set has at most %d links", LOOP_LINKS);
}

int shards_add_link(struct chaski_shards *shards, struct link *const queues[], unsigned count)
{
    int number = CHASKI_INVALID;
    if (is_full(shards))
        return CHASKI_NO_MEMORY;
    for (unsigned i = 0; i < shards->count; i++) {
        struct shard *shard = &shards->shards[i];
        number = i < count ? add_queue(shard, queues[i])
                           : add_outlet(shard, queues[i % count], i % count);
        if (number < 0)
            return shards_complain(shards, number, "%s: %s", queues[0]->name,
                                   chaski_error_text(number));
    }
    shards->interfaces++;
    return number;
}

/* ---- Captures ------------------------------------------------------------------------------ */

static bool begin_capture(struct chaski_shards *shards, const struct shards_link *link)
{
    struct shards_capture *capture = &shards->captures[shards->interfaces];
    if (!pcap_create(&capture->writer, link->capture, PCAP_CLOCK_MONOTONIC, shards->error,
                     sizeof shards->error))
        return false;
    pthread_mutex_init(&capture->lock, NULL);
    if (link->snap != 0)
        capture->writer.snap_length = link->snap;
    return true;
}

static int end_capture(struct chaski_shards *shards, unsigned interface)
{
    struct shards_capture *capture = &shards->captures[interface];
    if (capture->writer.file == NULL)
        return 0;
    pcap_close(&capture->writer, shards->error, sizeof shards->error);
    pthread_mutex_destroy(&capture->lock);
    return capture->writer.failed;
}

int shards_end_captures(struct chaski_shards *shards)
{
    int failed = 0;
    for (unsigned i = 0; i < LOOP_LINKS; i++) {
        int problem = end_capture(shards, i);
        failed = problem != 0 ? problem : failed;
    }
    return failed;
}

/* Puts a recorder around each queue, all of which write to one file. */
static bool record(struct chaski_shards *shards, const struct shards_link *link,
                   struct link *queues[])
{
    struct shards_capture *capture = &shards->captures[shards->interfaces];
    if (link->capture == NULL)
        return true;
    if (!begin_capture(shards, link))
        return false;
    for (unsigned i = 0; i < link->queues; i++) {
        struct link *recorded = capture_link(queues[i], &capture->writer, &capture->lock);
        if (recorded == NULL)
            return shards_complain(shards, false, "no memory for the capture");
        queues[i] = recorded;
    }
    return true;
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* Closes what was opened of a link that does not come about. */
static void discard(struct chaski_shards *shards, const struct shards_link *link,
                    struct link *queues[], unsigned opened)
{
    bool captured = shards->captures[shards->interfaces].writer.file != NULL;
    while (opened != 0)
        link_close(queues[--opened]);
    if (!captured)
        return;
    end_capture(shards, shards->interfaces);
    remove(link->capture);
}

int shards_open(struct chaski_shards *shards, const struct shards_link *link)
{
    struct link *queues[CHASKI_SHARDS_MAX];
    unsigned opened = 0;
    int number = CHASKI_INVALID;
    if (is_full(shards))
        return CHASKI_NO_MEMORY;
    while (opened < link->queues) {
        struct chaski *host = shards->shards[opened].host;
        queues[opened] =
            link->open(link->context, opened, opened != 0 ? queues[0] : NULL, host_memory(host),
                       host_counters(host), shards->error, sizeof shards->error);
        if (queues[opened] == NULL)
            break;
        opened++;
    }
    if (opened == link->queues && record(shards, link, queues))
        number = shards_add_link(shards, queues, opened);
    if (number < 0)
        discard(shards, link, queues, opened);
    return number;
}

/* shards_open_queue. The queues of one device have one address. */
static struct link *open_tap(void *context, unsigned queue, const struct link *first,
                             struct packet_memory *memory, struct counters *counters, char *error,
                             size_t error_size)
{
    static const uint8_t none[6];
    struct tap_options *options = context;
    uint8_t drawn[32];
    (void)queue;
    if (first != NULL) {
        memcpy(options->mac, first->mac, sizeof options->mac);
    } else if (options->multi_queue && memcmp(options->mac, none, sizeof none) == 0 &&
               system_seed(drawn)) {
        memcpy(options->mac, drawn, sizeof options->mac);
        options->mac[0] = (uint8_t)((options->mac[0] & 0xfc) | 2); /* local, and no group */
    }
    return tap_open(options, memory, counters, error, error_size);
}

int chaski_shards_tap(struct chaski_shards *shards, const struct chaski_tap *tap, unsigned queues)
{
    if (shards == NULL)
        return CHASKI_NO_MEMORY;
    if (queues > shards->count)
        return shards_complain(shards, CHASKI_INVALID, "tap:%s: more queues than shards",
                               tap->name);
    struct tap_options options = {
        .name = tap->name, .mtu = tap->mtu, .plain = tap->plain, .multi_queue = queues > 1};
    memcpy(options.mac, tap->mac, sizeof options.mac);
    const struct shards_link link = {.open = open_tap,
                                     .context = &options,
                                     .queues = queues != 0 ? queues : 1,
                                     .capture = tap->capture};
    return shards_open(shards, &link);
}

int shards_lost_fd(const struct chaski_shards *shards)
{
    return shards->lost_fd;
}
