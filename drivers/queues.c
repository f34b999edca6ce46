/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/queues.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>

/* The descriptor is an epoll set of the queues' own: readable when one of them is, or has an error,
 * which its receive() finds too. */
struct queues {
    struct link link;
    struct link *queue[QUEUES_MAX];
    uint32_t count;
    uint32_t next; /* the queue to ask first */
};

/* Asks one queue after the other, beginning behind the one that was asked last, up to one that has
 * something. */
static uint32_t queues_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct queues *queues = (struct queues *)link;
    uint32_t asked = 0;
    link->more = false;
    for (; asked < queues->count && burst->count == 0; asked++) {
        struct link *queue = queues->queue[queues->next];
        queue->receive(queue, burst, now_ns);
        link->more = queue->more;
        link->gone |= queue->gone;
        queues->next = (queues->next + 1) % queues->count;
    }
    if (burst->count != 0 && asked < queues->count)
        link->more = true;
    return burst->count;
}

static void queues_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct link *first = ((struct queues *)block)->queue[0];
    first->transmit(first, burst, now_ns);
}

static uint64_t queues_deadline(struct link *link)
{
    const struct queues *queues = (const struct queues *)link;
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < queues->count; i++) {
        struct link *queue = queues->queue[i];
        uint64_t deadline = queue->deadline != NULL ? queue->deadline(queue) : UINT64_MAX;
        earliest = deadline < earliest ? deadline : earliest;
    }
    return earliest;
}

/* All have the same device. */
static void queues_check(struct link *link)
{
    struct queues *queues = (struct queues *)link;
    for (uint32_t i = 0; i < queues->count; i++) {
        queues->queue[i]->check(queues->queue[i]);
        link->gone |= queues->queue[i]->gone;
    }
}

static void queues_close(struct link *link)
{
    struct queues *queues = (struct queues *)link;
    for (uint32_t i = queues->count; i != 0; i--)
        link_close(queues->queue[i - 1]);
    close(link->fd);
    free(queues);
}

/* Links without a descriptor have deadlines. */
static bool watch_all(const struct queues *queues)
{
    for (uint32_t i = 0; i < queues->count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        if (queues->queue[i]->fd >= 0 &&
            epoll_ctl(queues->link.fd, EPOLL_CTL_ADD, queues->queue[i]->fd, &event) != 0)
            return false;
    }
    return true;
}

struct link *queues_join(struct link *const *links, uint32_t count)
{
    struct queues *queues = malloc(sizeof *queues);
    if (queues == NULL)
        return NULL;
    *queues = (struct queues){
        .link =
            {
                .name = links[0]->name,
                .manner = links[0]->manner,
                .memory = links[0]->memory,
                .counters = links[0]->counters,
                .fd = epoll_create1(EPOLL_CLOEXEC),
                .news_fd = links[0]->news_fd,
                .features = links[0]->features,
                .mtu = links[0]->mtu,
                .receive = queues_receive,
                .transmit = queues_transmit,
                .deadline = queues_deadline,
                .check = links[0]->check != NULL ? queues_check : NULL,
                .close = queues_close,
            },
        .count = count,
    };
    memcpy(queues->link.mac, links[0]->mac, sizeof queues->link.mac);
    memcpy(queues->queue, links, count * sizeof links[0]);
    if (queues->link.fd >= 0 && watch_all(queues))
        return &queues->link;
    if (queues->link.fd >= 0)
        close(queues->link.fd);
    free(queues);
    return NULL;
}
