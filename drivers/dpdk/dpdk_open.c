/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "drivers/dpdk/dpdk_private.h"
#include "drivers/interface.h"

/* Opening, a step a function; whatever the steps before did is undone by dpdk_close(). */

enum {
    SMALL_FRAME = 2048,
    FRAME_OVERHEAD = 18, /* Ethernet header and a tag */
    NO_HUGE_MB = 128,    /* of ordinary memory */
    PRIVATE = (sizeof(struct buffer) + RTE_MBUF_PRIV_ALIGN - 1) & ~(RTE_MBUF_PRIV_ALIGN - 1u),
};

struct setup {
    const struct queue_options *options;
    struct dpdk *dpdk;
    struct interface_error error;
};

static bool fail(const struct setup *setup, const char *what, int error)
{
    return interface_complain(&setup->error, "%s: %s", what, rte_strerror(error));
}

/* ---- DPDK as a whole ----------------------------------------------------------------------- */

static bool has_huge_pages(void)
{
    char line[128];
    unsigned long pages = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    if (file == NULL)
        return false;
    while (fgets(line, sizeof line, file) != NULL &&
           sscanf(line, "HugePages_Free: %lu", &pages) != 1)
        continue;
    fclose(file);
    return pages != 0;
}

/* Its threads and files, once a process. It pins the thread that calls it, which is undone. */
static bool start_dpdk(const struct setup *setup)
{
    static bool started;
    char memory[16];
    char *words[] = {"chaski",
                     "--no-shconf",
                     "--no-telemetry",
                     "--log-level=*:emergency",
                     "--lcores=0@0",
                     "--no-huge",
                     "-m",
                     memory};
    int count = sizeof words / sizeof words[0] - (has_huge_pages() ? 3 : 0);
    cpu_set_t before;
    if (started)
        return true;
    snprintf(memory, sizeof memory, "%d", NO_HUGE_MB);
    sched_getaffinity(0, sizeof before, &before);
    int result = rte_eal_init(count, words);
    sched_setaffinity(0, sizeof before, &before);
    started = result >= 0;
    return started || fail(setup, "DPDK cannot be set up (run as root?)", rte_errno);
}

/* ---- The port ------------------------------------------------------------------------------ */

static bool find_port(struct setup *setup)
{
    struct dpdk *dpdk = setup->dpdk;
    char name[DPDK_NAME];
    size_t length = strcspn(setup->options->name, ",");
    if (setup->options->first != NULL) {
        dpdk->port = ((const struct dpdk *)setup->options->first)->port;
        return true;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, setup->options->name);
    if (rte_eth_dev_get_port_by_name(name, &dpdk->port) == 0)
        return interface_complain(&setup->error, "in use already; give another device");
    if (rte_dev_probe(setup->options->name) != 0)
        return interface_complain(&setup->error, "DPDK has no such device, or no driver for it");
    dpdk->is_first = rte_eth_dev_get_port_by_name(name, &dpdk->port) == 0;
    return dpdk->is_first || interface_complain(&setup->error, "is no network device");
}

static void take_mtu(struct setup *setup)
{
    struct dpdk *dpdk = setup->dpdk;
    if (setup->options->first != NULL)
        dpdk->link.mtu = setup->options->first->mtu;
    else if (setup->options->mtu != 0)
        dpdk->link.mtu = setup->options->mtu;
    else
        rte_eth_dev_get_mtu(dpdk->port, &dpdk->link.mtu);
}

static bool make_pool(struct setup *setup)
{
    static unsigned made; /* names must differ */
    struct dpdk *dpdk = setup->dpdk;
    char name[32];
    uint32_t needed = dpdk->link.mtu + FRAME_OVERHEAD;
    uint16_t room =
        (uint16_t)((needed < SMALL_FRAME ? SMALL_FRAME : needed) + RTE_PKTMBUF_HEADROOM);
    snprintf(name, sizeof name, "chaski-%u", made++);
    dpdk->pool = rte_pktmbuf_pool_create(name, DPDK_FRAMES, 0, PRIVATE, room, SOCKET_ID_ANY);
    return dpdk->pool != NULL || fail(setup, "no memory for frames", rte_errno);
}

static bool configure_port(struct setup *setup)
{
    struct dpdk *dpdk = setup->dpdk;
    uint16_t queues = (uint16_t)setup->options->queues;
    struct rte_eth_dev_info info;
    int error = rte_eth_dev_info_get(dpdk->port, &info);
    if (error == 0 && (queues > info.max_rx_queues || queues > info.max_tx_queues))
        return interface_complain(&setup->error, "it has %u queues: give no more",
                                  info.max_rx_queues);
    struct rte_eth_conf conf = {0};
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
    conf.rxmode.mtu = dpdk->link.mtu;
    if (queues > 1 && (info.flow_type_rss_offloads & RTE_ETH_RSS_TCP) != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf =
            info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
    }
    if (error == 0)
        error = rte_eth_dev_configure(dpdk->port, queues, queues, &conf);
    return error == 0 || fail(setup, "it cannot be configured", -error);
}

/* Some virtual devices do not mind. */
static bool set_mtu(struct setup *setup)
{
    uint16_t wanted = setup->options->mtu;
    int error = wanted != 0 ? rte_eth_dev_set_mtu(setup->dpdk->port, wanted) : 0;
    if (error == 0 || error == -ENOTSUP)
        return true;
    return interface_complain(&setup->error, "MTU %u cannot be set: %s", wanted,
                              rte_strerror(-error));
}

static bool set_up_queue(struct setup *setup)
{
    struct dpdk *dpdk = setup->dpdk;
    uint16_t receive = DPDK_RING, send = DPDK_RING;
    int error = rte_eth_dev_adjust_nb_rx_tx_desc(dpdk->port, &receive, &send);
    if (error == 0)
        error = rte_eth_rx_queue_setup(dpdk->port, dpdk->queue, receive, SOCKET_ID_ANY, NULL,
                                       dpdk->pool);
    if (error == 0)
        error = rte_eth_tx_queue_setup(dpdk->port, dpdk->queue, send, SOCKET_ID_ANY, NULL);
    return error == 0 || fail(setup, "its queue cannot be set up", -error);
}

/* With the last queue. Virtual devices hear everything in any case, and some refuse to be told. */
static bool start_port(struct setup *setup)
{
    struct dpdk *dpdk = setup->dpdk;
    if (setup->options->queue + 1 < setup->options->queues)
        return true;
    int error = rte_eth_dev_start(dpdk->port);
    if (error != 0)
        return fail(setup, "it cannot be started", -error);
    rte_eth_promiscuous_enable(dpdk->port);
    return true;
}

static void choose_mac(struct setup *setup)
{
    static const uint8_t none[6];
    struct rte_ether_addr own = {{0}};
    rte_eth_macaddr_get(setup->dpdk->port, &own);
    const uint8_t *wanted = setup->options->mac;
    memcpy(setup->dpdk->link.mac, memcmp(wanted, none, sizeof none) == 0 ? own.addr_bytes : wanted,
           6);
}

static bool prepare_port(struct setup *setup)
{
    take_mtu(setup);
    choose_mac(setup);
    return make_pool(setup) &&
           (!setup->dpdk->is_first || (configure_port(setup) && set_mtu(setup))) &&
           set_up_queue(setup) && start_port(setup);
}

/* DPDK's threads inherit what is blocked; the process's signals are not for them. */
static bool open_port(struct setup *setup)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = start_dpdk(setup) && find_port(setup) && prepare_port(setup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return good;
}

/* ---- The link ------------------------------------------------------------------------------ */

static void dpdk_close(struct link *link)
{
    struct dpdk *dpdk = (struct dpdk *)link;
    struct rte_eth_dev_info info;
    if (dpdk->is_first && rte_eth_dev_info_get(dpdk->port, &info) == 0) {
        rte_eth_dev_stop(dpdk->port);
        rte_eth_dev_close(dpdk->port);
        rte_dev_remove(info.device);
    }
    if (dpdk->pool != NULL)
        rte_mempool_free(dpdk->pool);
    free(dpdk);
}

/* There is nothing to wait for. */
static uint64_t at_once(struct link *link)
{
    (void)link;
    return 0;
}

struct link *dpdk_open(const struct queue_options *options, struct packet_memory *memory,
                       struct counters *counters, char *error, size_t error_size)
{
    struct setup setup = {.options = options, .error = {"dpdk", options->name, error, error_size}};
    struct dpdk *dpdk = calloc(1, sizeof *dpdk);
    if (dpdk == NULL) {
        interface_complain(&setup.error, "out of memory");
        return NULL;
    }
    snprintf(dpdk->name, sizeof dpdk->name, "%s", options->name);
    dpdk->queue = (uint16_t)options->queue;
    dpdk->link = (struct link){
        .name = dpdk->name,
        .memory = memory,
        .counters = counters,
        .fd = -1,
        .news_fd = -1,
        .receive = dpdk_receive,
        .transmit = dpdk_transmit,
        .deadline = at_once,
        .close = dpdk_close,
    };
    setup.dpdk = dpdk;
    if (open_port(&setup))
        return &dpdk->link;
    dpdk_close(&dpdk->link);
    return NULL;
}
