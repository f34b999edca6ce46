/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lwIP's side of the comparison: echo, discard, chargen and the smallest of HTTP servers over TCP,
 * and echo over UDP, with its raw interface, in one thread over a TAP link with a network interface
 * of its own.
 *
 * Debian builds lwIP with an operating system beneath, but as long as tcpip_init() is not called no
 * thread is started and the raw interface may be used from this one. Frames are read straight
 * into lwIP's buffers, each of one piece.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include "sockets.h"

enum { MTU = 1500, FRAME_MAX = MTU + 14, BURST = 64, BULK_ROOM = 65535 };

static char bulk[BULK_ROOM];
static int tap_fd;

/* ---- The network interface ---- */

static void tap_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap_fd < 0 || ioctl(tap_fd, TUNSETIFF, &request) < 0)
        fail("cannot open the TAP link", strerror(errno));
}

static err_t tap_transmit(struct netif *netif, struct pbuf *packet)
{
    char frame[FRAME_MAX];
    const void *bytes = packet->payload;
    (void)netif;
    if (packet->tot_len > FRAME_MAX)
        return ERR_BUF;
    if (packet->next != NULL) {
        pbuf_copy_partial(packet, frame, packet->tot_len, 0);
        bytes = frame;
    }
    return write(tap_fd, bytes, packet->tot_len) == packet->tot_len ? ERR_OK : ERR_IF;
}

static void tap_receive(struct netif *netif)
{
    for (int i = 0; i < BURST; i++) {
        struct pbuf *packet = pbuf_alloc(PBUF_RAW, FRAME_MAX, PBUF_RAM);
        if (packet == NULL)
            return;
        ssize_t length = read(tap_fd, packet->payload, FRAME_MAX);
        if (length <= 0) {
            pbuf_free(packet);
            return;
        }
        pbuf_realloc(packet, (u16_t)length);
        if (netif->input(packet, netif) != ERR_OK)
            pbuf_free(packet);
    }
}

static err_t tap_setup(struct netif *netif)
{
    static const u8_t mac[6] = {0x02, 0x6c, 0x77, 0x49, 0x50, 0x02};
    memcpy(netif->hwaddr, mac, sizeof mac);
    netif->hwaddr_len = sizeof mac;
    netif->name[0] = 't';
    netif->name[1] = 'p';
    netif->mtu = MTU;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    netif->output = etharp_output;
    netif->linkoutput = tap_transmit;
    return ERR_OK;
}

/* ---- The services ---- */

static err_t end(struct tcp_pcb *pcb)
{
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_sent(pcb, NULL);
    if (tcp_close(pcb) == ERR_OK)
        return ERR_OK;
    tcp_abort(pcb);
    return ERR_ABRT;
}

static err_t discard_receive(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)context, (void)error;
    if (data == NULL)
        return end(pcb);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    return ERR_OK;
}

/* What does not fit is refused; lwIP keeps it and offers it again. */
static err_t echo_receive(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)context, (void)error;
    if (data == NULL)
        return end(pcb);
    if (tcp_sndbuf(pcb) < data->tot_len)
        return ERR_MEM;
    for (struct pbuf *piece = data; piece != NULL; piece = piece->next) {
        if (tcp_write(pcb, piece->payload, piece->len, TCP_WRITE_FLAG_COPY) != ERR_OK) {
            tcp_abort(pcb);
            return ERR_ABRT;
        }
    }
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    return ERR_OK;
}

static err_t chargen_fill_up(void *context, struct tcp_pcb *pcb, u16_t acknowledged)
{
    (void)context, (void)acknowledged;
    u16_t room = (u16_t)LWIP_MIN(tcp_sndbuf(pcb), BULK_ROOM);
    if (room >= TCP_MSS) /* whole segments; ERR_MEM: tried again when more is acknowledged */
        tcp_write(pcb, bulk, (u16_t)(room - room % TCP_MSS), 0);
    return ERR_OK;
}

/* wrk sends a request in one segment, which comes in one piece. */
static err_t http_receive(void *context, struct tcp_pcb *pcb, struct pbuf *data, err_t error)
{
    (void)context, (void)error;
    if (data == NULL)
        return end(pcb);
    bool whole = data->next == NULL && http_request_ends(data->payload, data->len);
    tcp_recved(pcb, data->tot_len);
    pbuf_free(data);
    if (!whole || tcp_write(pcb, http_answer, (u16_t)http_answer_length, 0) != ERR_OK) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    return ERR_OK;
}

static void echo_datagram(void *context, struct udp_pcb *pcb, struct pbuf *data,
                          const ip_addr_t *address, u16_t port)
{
    (void)context;
    udp_sendto(pcb, data, address, port);
    pbuf_free(data);
}

static void datagrams_listen(void)
{
    struct udp_pcb *pcb = udp_new();
    if (pcb == NULL || udp_bind(pcb, IP_ADDR_ANY, SERVICE_ECHO) != ERR_OK)
        fail("lwIP does not echo datagrams", NULL);
    udp_recv(pcb, echo_datagram, NULL);
}

static tcp_recv_fn receiver_of(enum service service)
{
    if (service == SERVICE_HTTP)
        return http_receive;
    return service == SERVICE_ECHO ? echo_receive : discard_receive;
}

static err_t service_accept(void *context, struct tcp_pcb *pcb, err_t error)
{
    if (error != ERR_OK || pcb == NULL)
        return ERR_VAL;
    tcp_nagle_disable(pcb);
    enum service service = (enum service)(uintptr_t)context;
    tcp_recv(pcb, receiver_of(service));
    if (service == SERVICE_CHARGEN) {
        tcp_sent(pcb, chargen_fill_up);
        return chargen_fill_up(NULL, pcb, 0);
    }
    return ERR_OK;
}

static void service_listen(enum service service)
{
    struct tcp_pcb *pcb = tcp_new();
    if (pcb == NULL || tcp_bind(pcb, IP_ADDR_ANY, (u16_t)service) != ERR_OK ||
        (pcb = tcp_listen(pcb)) == NULL)
        fail("lwIP does not listen", NULL);
    tcp_arg(pcb, (void *)(uintptr_t)service);
    tcp_accept(pcb, service_accept);
}

/* ---- The loop ---- */

static void run(struct netif *netif)
{
    for (;;) {
        u32_t wait = sys_timeouts_sleeptime();
        struct pollfd readable = {.fd = tap_fd, .events = POLLIN};
        if (poll(&readable, 1, wait > 1000 ? 1000 : (int)wait) > 0)
            tap_receive(netif);
        sys_check_timeouts();
    }
}

int main(int argc, char **argv)
{
    static struct netif netif;
    ip4_addr_t address, mask, gateway = {0};
    if (argc != 3 || ip4addr_aton(argv[2], &address) == 0)
        fail("usage: peer-lwip TAP ADDRESS (a /24)", NULL);
    IP4_ADDR(&mask, 255, 255, 255, 0);
    tap_open(argv[1]);
    lwip_init();
    chargen_fill(bulk, sizeof bulk);
    if (netif_add(&netif, &address, &mask, &gateway, NULL, tap_setup, ethernet_input) == NULL)
        fail("lwIP takes no interface", NULL);
    netif_set_default(&netif);
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    service_listen(SERVICE_ECHO);
    service_listen(SERVICE_DISCARD);
    service_listen(SERVICE_CHARGEN);
    service_listen(SERVICE_HTTP);
    datagrams_listen();
    run(&netif);
}
