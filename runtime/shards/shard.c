/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/shards.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "core/host/tables.h"

/* One shard's turn. The loop runs it; what belongs to the set is done in the functions that the
 * loop calls as its partner. */

enum { TAKEN_MAX = 256 /* from one shard in a turn */ };

static _Thread_local struct shard *here;

struct shard *shard_here(void)
{
    return here;
}

/* ---- Giving -------------------------------------------------------------------------------- */

static void lend(struct shard *shard, unsigned to, struct packet *packet, enum handed kind,
                 uint8_t interface)
{
    struct counters *counters = host_counters(shard->host);
    struct handover *handover = shards_handover(shard->set, shard->number, to);
    shard->given |= UINT64_C(1) << to;
    if (handover_lend(handover, packet, kind, interface))
        count(counters, CHASKI_SHARD_HANDED);
    else
        packet_drop(packet, counters, CHASKI_DROP_SHARD_FULL);
}

/* Lends what waits, in its order, as far as there is room. There is too, in order to drop it, when
 * the other shard has taken nothing for long. */
static void send_waiting(struct shard_outlet *outlet, uint64_t now_ns)
{
    struct shard *shard = outlet->shard;
    struct handover *handover = shards_handover(shard->set, shard->number, outlet->through);
    while (outlet->first != NULL && handover_has_room(handover, 1, now_ns)) {
        struct packet *packet = outlet->first;
        outlet->first = packet->next;
        lend(shard, outlet->through, packet, HANDED_SEND, outlet->interface);
    }
    if (outlet->first == NULL)
        outlet->end = &outlet->first;
}

void shard_send(void *block, struct burst *burst, uint64_t now_ns)
{
    struct shard_outlet *outlet = block;
    for (uint32_t i = 0; i < burst->count; i++) {
        burst->packets[i]->next = NULL;
        *outlet->end = burst->packets[i];
        outlet->end = &burst->packets[i]->next;
    }
    burst->count = 0;
    send_waiting(outlet, now_ns);
}

static bool is_waiting(const struct shard *shard)
{
    for (unsigned i = 0; i < shard->set->interfaces; i++) {
        if (shard->outlets[i].first != NULL)
            return true;
    }
    return false;
}

static void send_all_waiting(struct shard *shard, uint64_t now_ns)
{
    for (unsigned i = 0; i < shard->set->interfaces; i++) {
        if (shard->outlets[i].first != NULL)
            send_waiting(&shard->outlets[i], now_ns);
    }
}

void shard_forget_waiting(struct shard *shard)
{
    for (unsigned i = 0; i < shard->set->interfaces; i++) {
        struct shard_outlet *outlet = &shard->outlets[i];
        while (outlet->first != NULL) {
            struct packet *packet = outlet->first;
            outlet->first = packet->next;
            packet_free(packet);
        }
        outlet->end = &outlet->first;
    }
}

/* hook_function: IP packets to neighbours that only the leader can find. */
static void resolve(void *block, struct burst *burst, uint64_t now_ns)
{
    struct shard *shard = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        lend(shard, SHARDS_LEADER, packet, HANDED_RESOLVE, packet->interface);
    }
    burst->count = 0;
}

/* neighbour_tell */
static void tell(void *block, enum neighbour_news news, uint8_t interface, uint32_t address,
                 uint64_t now_ns)
{
    struct shard *shard = block;
    (void)now_ns;
    handover_tell(shards_handover(shard->set, shard->number, SHARDS_LEADER), (uint8_t)news,
                  interface, address);
    shard->given |= UINT64_C(1) << SHARDS_LEADER;
}

/* hook_function: IP packets of ours whose neighbour did not answer. */
static void unreachable(void *block, struct burst *burst, uint64_t now_ns)
{
    struct shard *shard = block;
    struct burst own = {.count = 0};
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        unsigned home = spread_sent(&shard->set->spread, packet);
        if (home == shard->number)
            own.packets[own.count++] = packet;
        else
            lend(shard, home, packet, HANDED_UNREACHABLE, packet->interface);
    }
    burst->count = 0;
    if (own.count != 0)
        host_neighbour_unreachable(shard->host, &own, now_ns);
}

/* hook_function: datagrams that fragments have completed. */
static void reassembled(void *block, struct burst *burst, uint64_t now_ns)
{
    struct shard *shard = block;
    struct burst own = {.count = 0};
    for (uint32_t i = 0; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        unsigned home = spread_datagram(&shard->set->spread, packet, shard->number);
        if (home == shard->number)
            own.packets[own.count++] = packet;
        else
            lend(shard, home, packet, HANDED_DATAGRAM, packet->interface);
    }
    burst->count = 0;
    if (own.count != 0)
        host_deliver(shard->host, &own, now_ns);
}

/* What another shard has no room for stays in the device, whose queue is there for that. The other
 * one may be waiting for this processor. */
static bool has_room(void *context, uint64_t now_ns)
{
    struct shard *shard = context;
    for (unsigned other = 0; other < shard->set->count; other++) {
        if (other != shard->number &&
            !handover_has_room(shards_handover(shard->set, shard->number, other), BURST_MAX,
                               now_ns)) {
            sched_yield();
            return false;
        }
    }
    return true;
}

/* Frames from a queue of this shard's, or for a host that the loop runs beside it. */
static void receive(void *context, const struct loop_link *at, struct burst *burst, uint64_t now_ns)
{
    struct shard *shard = context;
    bool sole = shard->set->count == 1 || at->host != shard->host;
    uint32_t kept = sole ? burst->count : 0;
    for (uint32_t i = kept; i < burst->count; i++) {
        struct packet *packet = burst->packets[i];
        unsigned home = spread_frame(&shard->set->spread, packet, shard->number);
        if (home == shard->number)
            burst->packets[kept++] = packet;
        else
            lend(shard, home, packet, HANDED_FRAME, (uint8_t)at->interface);
    }
    burst->count = kept;
    if (kept != 0)
        host_receive(at->host, at->interface, burst, now_ns);
}

/* ---- Taking -------------------------------------------------------------------------------- */

/* Packets of one kind that were taken together. */
struct taken {
    enum handed kind;
    uint8_t interface;
    struct burst burst;
};

static void send_by(const struct shard *shard, uint8_t interface, struct burst *burst,
                    uint64_t now_ns)
{
    struct link *link = shard->links[interface];
    link->transmit(link, burst, now_ns);
}

static void pass_on(struct shard *shard, struct taken *taken, uint64_t now_ns)
{
    struct burst *burst = &taken->burst;
    if (burst->count == 0)
        return;
    count_many(host_counters(shard->host), CHASKI_SHARD_TAKEN, burst->count);
    switch (taken->kind) {
    case HANDED_FRAME:
        host_receive(shard->host, taken->interface, burst, now_ns);
        break;
    case HANDED_DATAGRAM:
        host_deliver(shard->host, burst, now_ns);
        break;
    case HANDED_SEND:
        send_by(shard, taken->interface, burst, now_ns);
        break;
    case HANDED_RESOLVE:
        host_resolve(shard->host, burst, now_ns);
        break;
    case HANDED_UNREACHABLE:
        host_neighbour_unreachable(shard->host, burst, now_ns);
        break;
    case HANDED_NEWS: /* has no packets */
        break;
    }
}

static void take_one(struct shard *shard, const struct handed_item *item, struct taken *taken,
                     uint64_t now_ns)
{
    if (item->kind == HANDED_NEWS) {
        host_hear_news(shard->host, (enum neighbour_news)item->news, item->interface, item->address,
                       now_ns);
        return;
    }
    if (item->packet == NULL) {
        count(host_counters(shard->host), CHASKI_DROP_NO_MEMORY);
        return;
    }
    if (item->kind != taken->kind || item->interface != taken->interface ||
        taken->burst.count == BURST_MAX) {
        pass_on(shard, taken, now_ns);
        taken->kind = item->kind;
        taken->interface = item->interface;
    }
    taken->burst.packets[taken->burst.count++] = item->packet;
}

static bool take_from(struct shard *shard, unsigned from, uint64_t now_ns)
{
    struct handover *handover = shards_handover(shard->set, from, shard->number);
    struct handed_item item;
    struct taken taken;
    unsigned n = 0;
    taken.kind = HANDED_FRAME;
    taken.interface = 0;
    taken.burst.count = 0;
    while (n < TAKEN_MAX && handover_take(handover, host_memory(shard->host), &item)) {
        take_one(shard, &item, &taken, now_ns);
        n++;
    }
    pass_on(shard, &taken, now_ns);
    return n != 0;
}

/* ---- The turn ------------------------------------------------------------------------------ */

static void begin(void *context)
{
    struct shard *shard = context;
    if (shard->number != SHARDS_LEADER)
        board_read(&shard->set->board, &shard->reader, shard->host);
}

/* While what it sends waits, a shard takes nothing that would be answered by more. Who waits, waits
 * for a shard of a lower number, so one of them goes on always. */
static bool work(void *context, uint64_t now_ns)
{
    struct shard *shard = context;
    bool worked = false;
    for (unsigned other = 0; other < shard->set->count; other++) {
        if (other != shard->number)
            handover_free(shards_handover(shard->set, shard->number, other));
    }
    send_all_waiting(shard, now_ns);
    for (unsigned other = 0; other < shard->set->count && !is_waiting(shard); other++) {
        if (other != shard->number)
            worked |= take_from(shard, other, now_ns);
    }
    host_set_now(shard->host, now_ns); /* they may be the first to do anything after a long sleep */
    worked |= shard_run_closures(shard);
    return worked;
}

static void ring(struct shard *shard)
{
    uint64_t given = shard->given;
    shard->given = 0;
    for (unsigned to = 0; given != 0; to++, given >>= 1) {
        if ((given & 1) != 0)
            bell_ring(&shard->set->shards[to].bell);
    }
}

static void end(void *context)
{
    struct shard *shard = context;
    if (shard->number == SHARDS_LEADER) {
        board_publish(&shard->set->board, shard->host);
        board_reclaim(&shard->set->board);
    }
    ring(shard);
}

static bool is_idle(struct shard *shard)
{
    if (!inbox_is_empty(&shard->closures) || is_waiting(shard) ||
        atomic_load_explicit(&shard->set->stopping, memory_order_relaxed))
        return false;
    for (unsigned other = 0; other < shard->set->count; other++) {
        if (other != shard->number &&
            !handover_is_empty(shards_handover(shard->set, other, shard->number)))
            return false;
    }
    return true;
}

static bool may_sleep(void *context)
{
    struct shard *shard = context;
    bell_will_sleep(&shard->bell);
    if (!is_idle(shard)) {
        bell_awake(&shard->bell);
        if (is_waiting(shard))
            sched_yield(); /* the one that it waits for may want this processor */
        return false;
    }
    if (shard->number != SHARDS_LEADER)
        board_leave(&shard->set->board, &shard->reader);
    return true;
}

static void woken(void *context)
{
    struct shard *shard = context;
    bell_awake(&shard->bell);
    begin(shard);
}

/* loop_closure */
static void hush(void *context, int fd, short events)
{
    struct shard *shard = context;
    (void)fd;
    (void)events;
    bell_hush(&shard->bell);
}

/* ---- The thread ---------------------------------------------------------------------------- */

/* Without its device a queue is not looked at any more; the others go on. */
static void note_loss(struct shard *shard)
{
    struct chaski_shards *set = shard->set;
    struct link *lost = shard->loop.lost;
    if (!atomic_exchange_explicit(&set->lost, true, memory_order_relaxed))
        eventfd_write(set->lost_fd, 1);
    epoll_ctl(shard->loop.epoll_fd, EPOLL_CTL_DEL, lost->fd, NULL);
    if (lost->news_fd >= 0)
        epoll_ctl(shard->loop.epoll_fd, EPOLL_CTL_DEL, lost->news_fd, NULL);
    shard->loop.lost = NULL;
}

void *shard_run(void *context)
{
    struct shard *shard = context;
    here = shard;
    while (!atomic_load_explicit(&shard->set->stopping, memory_order_relaxed)) {
        loop_turn(&shard->loop, true);
        if (shard->loop.lost != NULL)
            note_loss(shard);
    }
    board_leave(&shard->set->board, &shard->reader);
    here = NULL;
    return NULL;
}

bool shard_run_rest(struct shard *shard)
{
    here = shard;
    bool ran = shard_run_closures(shard);
    here = NULL;
    return ran;
}

/* Whether what `remote` sends arrives here: to ourselves, nothing leaves the shard. home_function
 */
static bool is_home(void *context, const struct chaski_endpoint *local,
                    const struct chaski_endpoint *remote)
{
    const struct shard *shard = context;
    return host_is_local(shard->host, &remote->address) ||
           spread_flow(&shard->set->spread, local, remote) == shard->number;
}

void shard_wire(struct shard *shard)
{
    struct home home = {is_home, shard};
    struct host_leader leader = {.resolve = {resolve, shard}, .tell = tell, .tell_block = shard};
    shard->partner = (struct loop_partner){
        .context = shard,
        .begin = begin,
        .has_room = has_room,
        .receive = receive,
        .work = work,
        .end = end,
        .may_sleep = may_sleep,
        .woken = woken,
    };
    host_set_part(shard->host, shard->number, shard->set->count);
    host_set_home(shard->host, &home);
    host_on_reassembled(shard->host, (struct hook){reassembled, shard});
    if (shard->number == SHARDS_LEADER)
        host_on_unreachable(shard->host, (struct hook){unreachable, shard});
    else
        host_become_follower(shard->host, &leader);
    loop_add_host(&shard->loop, shard->host);
    loop_watch(&shard->loop, shard->bell.fd, EPOLLIN, hush, shard);
    shard->loop.partner = &shard->partner;
}
