/* SPDX-License-Identifier: BSD-2-Clause */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "packetdrill/call.h"

/* Packets and time. */

enum {
    IP4_HEADER = 20,
    IP4_DESTINATION = 16,
    IP4_MOST = 65535,
    CLOCK_STEP_NS = 1000,
};

static int pd_netdev_send(void *userdata, const void *bytes, size_t length)
{
    struct machine *m = userdata;
    uint8_t packet[IP4_MOST];
    if (length > sizeof packet)
        return -1;
    memcpy(packet, bytes, length);
    machine_lock(m);
    if (length >= IP4_HEADER && packet[0] >> 4 == 4) {
        uint32_t destination;
        memcpy(&destination, packet + IP4_DESTINATION, sizeof destination);
        machine_own(m, ntohl(destination));
        quote_lengthen(packet, length);
    }
    chaski_input(m->host, 0, packet, length, m->now_ns);
    machine_turn(m);
    machine_unlock(m);
    return 0;
}

static int pd_netdev_receive(void *userdata, void *bytes, size_t *length, long long *time_us)
{
    struct machine *m = userdata;
    size_t room = *length;
    *length = 0;
    machine_lock(m);
    if (machine_await_packet(m)) {
        struct outgoing *packet = m->first;
        m->first = packet->next;
        if (m->first == NULL)
            m->last = &m->first;
        *length = packet->length < room ? packet->length : room;
        memcpy(bytes, packet->bytes, *length);
        *time_us = (long long)m->epoch_us + (long long)(packet->sent_ns / 1000);
        free(packet);
    }
    machine_unlock(m);
    return 0;
}

static int pd_usleep(void *userdata, useconds_t us)
{
    struct machine *m = userdata;
    machine_lock(m);
    machine_advance(m, m->now_ns + (uint64_t)us * 1000);
    machine_unlock(m);
    return 0;
}

/* On the tool's own thread, looking at the clock takes a microsecond, so that a spin ends. */
static int pd_gettimeofday(void *userdata, struct timeval *time, struct timezone *zone)
{
    struct machine *m = userdata;
    (void)zone;
    machine_lock(m);
    if (pthread_equal(pthread_self(), m->owner)) {
        machine_advance(m, m->now_ns + CLOCK_STEP_NS);
    } else if (m->finishing && pthread_equal(pthread_self(), m->finisher)) {
        m->finishing = false;
        pthread_cond_broadcast(&m->quiet);
    }
    uint64_t us = m->epoch_us + m->now_ns / 1000;
    machine_unlock(m);
    time->tv_sec = (time_t)(us / 1000000);
    time->tv_usec = (suseconds_t)(us % 1000000);
    return 0;
}

void calls_world(struct packetdrill_interface *interface)
{
    interface->netdev_send = pd_netdev_send;
    interface->netdev_receive = pd_netdev_receive;
    interface->usleep = pd_usleep;
    interface->gettimeofday = pd_gettimeofday;
}
