/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP in memory, both ends in one thread, as `chaski bench memory` measures chaski: two interfaces
 * of one stack, each of which hands what is sent by it to the other, by copy. Every segment is
 * summed and verified. Bulk is written and read with a copy each; requests and connections go one
 * after the other. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>

#include "sockets.h"

enum { CLIENT, SERVER, SIDES };
enum { MTU = 1500, ROOM = 65536, WIRE = 1024, REQUEST = 64, PORT = 7, TIMEOUTS_EVERY = 256 };

struct frame {
    struct pbuf *packet;
    struct netif *to;
};

static struct netif sides[SIDES];
static struct frame wire[WIRE];
static unsigned first, count;

static char bytes[ROOM], sink[ROOM];
static bool bulk, anew, connected;
static uint64_t read_bytes, answers;
static struct tcp_pcb *client;

/* ---- The wire ------------------------------------------------------------------------------ */

static err_t transmit(struct netif *from, struct pbuf *packet, const ip4_addr_t *to)
{
    (void)to;
    struct pbuf *copy = pbuf_clone(PBUF_LINK, PBUF_RAM, packet);
    if (copy == NULL || count == WIRE) {
        if (copy != NULL)
            pbuf_free(copy);
        return ERR_MEM;
    }
    wire[(first + count++) % WIRE] = (struct frame){copy, &sides[from == &sides[CLIENT]]};
    return ERR_OK;
}

/* What is on its way now; what is sent in answer comes the next time. */
static void deliver(void)
{
    for (unsigned left = count; left != 0; left--) {
        struct frame frame = wire[first];
        first = (first + 1) % WIRE;
        count--;
        if (frame.to->input(frame.packet, frame.to) != ERR_OK)
            pbuf_free(frame.packet);
    }
}

static err_t set_up(struct netif *netif)
{
    netif->name[0] = 'm';
    netif->name[1] = 'w';
    netif->mtu = MTU;
    netif->output = transmit;
    return ERR_OK;
}

static void add_sides(void)
{
    ip4_addr_t mask, none = {0};
    IP4_ADDR(&mask, 255, 255, 255, 255);
    for (int i = 0; i < SIDES; i++) {
        ip4_addr_t address;
        IP4_ADDR(&address, 10, 0, 0, i + 1);
        if (netif_add(&sides[i], &address, &mask, &none, NULL, set_up, ip4_input) == NULL)
            fail("lwIP takes no interface", NULL);
        netif_set_link_up(&sides[i]);
        netif_set_up(&sides[i]);
    }
}

/* ---- The server ---------------------------------------------------------------------------- */

static err_t on_server(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)context, (void)error;
    if (data == NULL)
        return tcp_close(pcb);
    u16_t length = pbuf_copy_partial(data, sink, data->tot_len, 0);
    read_bytes += length;
    if (!bulk && tcp_write(pcb, sink, length, TCP_WRITE_FLAG_COPY) != ERR_OK)
        fail("the server cannot answer", NULL);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    return ERR_OK;
}

static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t error)
{
    (void)context;
    if (error != ERR_OK || pcb == NULL)
        return ERR_VAL;
    tcp_nagle_disable(pcb);
    tcp_recv(pcb, on_server);
    return ERR_OK;
}

static void listen_on_server(void)
{
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL || tcp_bind(pcb, netif_ip_addr4(&sides[SERVER]), PORT) != ERR_OK)
        fail("lwIP does not bind", NULL);
    tcp_bind_netif(pcb, &sides[SERVER]);
    pcb = tcp_listen(pcb);
    if (pcb == NULL)
        fail("lwIP does not listen", NULL);
    tcp_accept(pcb, on_accept);
}

/* ---- The client ---------------------------------------------------------------------------- */

static void connect_client(void);

static void ask(void)
{
    if (tcp_write(client, bytes, REQUEST, TCP_WRITE_FLAG_COPY) != ERR_OK)
        fail("the client cannot ask", NULL);
    tcp_output(client);
}

static err_t write_more(void *context, struct tcp_pcb *pcb, u16_t acknowledged)
{
    (void)context, (void)acknowledged;
    u16_t room = tcp_sndbuf(pcb) < ROOM - 1 ? (u16_t)tcp_sndbuf(pcb) : ROOM - 1;
    if (bulk && room >= TCP_MSS) /* ERR_MEM: tried again when more is acknowledged */
        tcp_write(pcb, bytes, (u16_t)(room - room % TCP_MSS), TCP_WRITE_FLAG_COPY);
    return ERR_OK;
}

static err_t on_client(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    static uint32_t got;
    (void)context, (void)error;
    if (data == NULL)
        fail("the server ended the connection", NULL);
    got += pbuf_copy_partial(data, sink, data->tot_len, 0);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    if (got < REQUEST)
        return ERR_OK;
    got = 0;
    answers++;
    if (!anew) {
        ask();
        return ERR_OK;
    }
    connected = false;
    tcp_abort(pcb);
    return ERR_ABRT;
}

static err_t on_connected(void *context, struct tcp_pcb *pcb, err_t error)
{
    (void)context, (void)error;
    connected = true;
    if (bulk)
        return write_more(NULL, pcb, 0);
    ask();
    return ERR_OK;
}

static void connect_client(void)
{
    client = tcp_new();
    if (client == NULL || tcp_bind(client, netif_ip_addr4(&sides[CLIENT]), 0) != ERR_OK)
        fail("lwIP does not bind", NULL);
    tcp_bind_netif(client, &sides[CLIENT]);
    tcp_nagle_disable(client);
    tcp_recv(client, on_client);
    tcp_sent(client, write_more);
    if (tcp_connect(client, netif_ip_addr4(&sides[SERVER]), PORT, on_connected) != ERR_OK)
        fail("lwIP does not connect", NULL);
}

/* ---- Measuring ----------------------------------------------------------------------------- */

static void run_for(double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    for (unsigned turn = 0; now_ns() < end; turn++) {
        if (anew && !connected && count == 0)
            connect_client();
        deliver();
        if (turn % TIMEOUTS_EVERY == 0)
            sys_check_timeouts();
    }
}

int main(int argc, char **argv)
{
    double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;
    if (!(seconds > 0))
        fail("usage: lwip-memory bulk|requests|connections SECONDS", NULL);
    bulk = strcmp(argv[1], "bulk") == 0;
    anew = strcmp(argv[1], "connections") == 0;
    lwip_init();
    add_sides();
    listen_on_server();
    if (!anew)
        connect_client();
    run_for(0.1); /* until windows have grown and memory has been touched */
    uint64_t read_before = read_bytes, answers_before = answers, start = now_ns();
    run_for(seconds);
    double taken = (double)(now_ns() - start) / 1e9;
    if (bulk)
        printf("{\"gbit_per_second\": %.3f}\n", (double)(read_bytes - read_before) * 8e-9 / taken);
    else
        printf("{\"%s_per_second\": %.0f}\n", anew ? "connections" : "requests",
               (double)(answers - answers_before) / taken);
    return 0;
}
