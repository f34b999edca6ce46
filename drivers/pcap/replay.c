/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pcap/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/frame.h"
#include "drivers/pcap/pcap.h"

/* One frame is always read ahead, so that its time is known. */
struct replay {
    struct link link;
    struct pcap_reader reader;
    bool at_once;
    bool started;
    uint64_t due_ns; /* when the frame that was read ahead is */
    enum replay_state state;
    uint64_t skipped;
    char error[160];
    struct pcap_record next;
};

/* Frames that the file puts before the one in front of them are due with that. */
static void read_ahead(struct replay *replay)
{
    uint64_t before_ns = replay->next.time_ns;
    int result = pcap_read(&replay->reader, &replay->next, replay->error, sizeof replay->error);
    if (result == 0)
        replay->state = REPLAY_ENDED;
    else if (result < 0)
        replay->state = REPLAY_DAMAGED;
    else if (!replay->at_once && replay->next.time_ns > before_ns)
        replay->due_ns += replay->next.time_ns - before_ns;
}

static void deliver(struct replay *replay, struct burst *burst)
{
    struct packet *packet =
        frame_of_bytes(replay->link.memory, replay->next.bytes, replay->next.length);
    if (packet != NULL) {
        burst->packets[burst->count++] = packet;
        return;
    }
    replay->skipped++;
    if (replay->next.length <= FRAME_MAX)
        count(replay->link.counters, CHASKI_DROP_NO_MEMORY);
}

static uint32_t replay_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct replay *replay = (struct replay *)link;
    if (!replay->started) {
        replay->started = true;
        replay->due_ns = now_ns;
    }
    while (replay->state == REPLAY_RUNNING && burst->count < BURST_MAX &&
           replay->due_ns <= now_ns) {
        deliver(replay, burst);
        read_ahead(replay);
    }
    link->more = replay->state == REPLAY_RUNNING && replay->due_ns <= now_ns;
    return burst->count;
}

static void replay_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    (void)block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++)
        packet_free(burst->packets[i]);
    burst->count = 0;
}

static uint64_t replay_deadline(struct link *link)
{
    const struct replay *replay = (const struct replay *)link;
    if (replay->state != REPLAY_RUNNING)
        return UINT64_MAX;
    return replay->started ? replay->due_ns : 0;
}

static void replay_close(struct link *link)
{
    struct replay *replay = (struct replay *)link;
    if (replay->reader.file != NULL)
        fclose(replay->reader.file);
    free(replay);
}

static bool open_file(struct replay *replay, const char *path, char *error, size_t error_size)
{
    char reason[120];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        snprintf(error, error_size, "%s: cannot be opened: %s", path, strerror(errno));
        return false;
    }
    bool good = pcap_reader_init(&replay->reader, file, reason, sizeof reason);
    if (!good)
        snprintf(error, error_size, "%s: %s", path, reason);
    return good;
}

struct link *replay_open(const struct replay_options *options, struct packet_memory *memory,
                         struct counters *counters, char *error, size_t error_size)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL) {
        snprintf(error, error_size, "%s: out of memory", options->path);
        return NULL;
    }
    replay->at_once = options->at_once;
    replay->link = (struct link){
        .name = "replay",
        .memory = memory,
        .counters = counters,
        .fd = -1,
        .news_fd = -1,
        .mtu = options->mtu != 0 ? options->mtu : 1500,
        .receive = replay_receive,
        .transmit = replay_transmit,
        .deadline = replay_deadline,
        .close = replay_close,
    };
    memcpy(replay->link.mac, options->mac, sizeof options->mac);
    if (!open_file(replay, options->path, error, error_size)) {
        replay_close(&replay->link);
        return NULL;
    }
    read_ahead(replay);
    return &replay->link;
}

enum replay_state replay_state(const struct link *link)
{
    return ((const struct replay *)link)->state;
}

const char *replay_error(const struct link *link)
{
    return ((const struct replay *)link)->error;
}

uint64_t replay_skipped(const struct link *link)
{
    return ((const struct replay *)link)->skipped;
}
