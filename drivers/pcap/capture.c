/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/pcap/capture.h"

#include <stdlib.h>
#include <time.h>

static void write_burst(struct pcap_writer *writer, const struct burst *burst, uint64_t now_ns)
{
    for (uint32_t i = 0; i < burst->count; i++)
        pcap_write(writer, burst->packets[i], now_ns);
}

void capture_receive(void *block, struct burst *burst, uint64_t now_ns)
{
    struct capture *capture = block;
    write_burst(capture->writer, burst, now_ns);
    hook_call(&capture->inform, burst, now_ns);
}

void capture_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct capture *capture = block;
    write_burst(capture->writer, burst, now_ns);
    hook_call(&capture->request, burst, now_ns);
}

/* ---- Around a link ------------------------------------------------------------------------- */

struct captured_link {
    struct link link;
    struct link *inner;
    struct pcap_writer *writer;
    pthread_mutex_t *lock; /* NULL: nobody else has the writer */
};

static uint64_t clock_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void write_down(const struct captured_link *captured, const struct burst *burst,
                       uint64_t now_ns)
{
    if (burst->count == 0)
        return;
    if (captured->lock != NULL) {
        pthread_mutex_lock(captured->lock);
        now_ns = clock_now(); /* turns of several threads overlap */
    }
    write_burst(captured->writer, burst, now_ns);
    if (captured->lock != NULL)
        pthread_mutex_unlock(captured->lock);
}

static uint32_t link_receive(struct link *link, struct burst *burst, uint64_t now_ns)
{
    struct captured_link *captured = (struct captured_link *)link;
    uint32_t received = captured->inner->receive(captured->inner, burst, now_ns);
    write_down(captured, burst, now_ns);
    link->more = captured->inner->more;
    link->gone = captured->inner->gone;
    return received;
}

static void link_transmit(void *block, struct burst *burst, uint64_t now_ns)
{
    struct captured_link *captured = block;
    write_down(captured, burst, now_ns);
    captured->inner->transmit(captured->inner, burst, now_ns);
}

static uint64_t link_deadline(struct link *link)
{
    struct link *inner = ((struct captured_link *)link)->inner;
    return inner->deadline(inner);
}

static void link_check(struct link *link)
{
    struct link *inner = ((struct captured_link *)link)->inner;
    inner->check(inner);
    link->gone = inner->gone;
}

static void link_end(struct link *link)
{
    link_close(((struct captured_link *)link)->inner);
    free(link);
}

struct link *capture_link(struct link *inner, struct pcap_writer *writer, pthread_mutex_t *lock)
{
    struct captured_link *captured = malloc(sizeof *captured);
    if (captured == NULL)
        return NULL;
    *captured =
        (struct captured_link){.link = *inner, .inner = inner, .writer = writer, .lock = lock};
    captured->link.receive = link_receive;
    captured->link.transmit = link_transmit;
    captured->link.deadline = inner->deadline != NULL ? link_deadline : NULL;
    captured->link.check = inner->check != NULL ? link_check : NULL;
    captured->link.close = link_end;
    return &captured->link;
}
