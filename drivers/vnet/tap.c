/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/vnet/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "drivers/interface.h"

/*
 * Opening a TAP device, a step a function. Each returns false with a line in the setup's error;
 * whatever the steps before did goes away when the descriptor is closed.
 */

static const char device[] = "/dev/net/tun";

struct setup {
    const struct tap_options *options;
    struct vnet *tap;
    struct interface_error error;
};

static bool open_device(struct setup *setup)
{
    int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    setup->tap->link.fd = fd;
    if (fd >= 0)
        return true;
    if (errno == EACCES || errno == EPERM)
        return interface_complain(&setup->error,
                                  "no access to %s: run as root, or in a user namespace", device);
    return interface_complain(&setup->error, "%s cannot be opened (%s): load the kernel module tun",
                              device, strerror(errno));
}

static bool set_interface(const struct setup *setup, bool multi_queue)
{
    struct ifreq request = {0};
    memcpy(request.ifr_name, setup->tap->name, IFNAMSIZ);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (multi_queue)
        request.ifr_flags = (short)(request.ifr_flags | IFF_MULTI_QUEUE);
    return ioctl(setup->tap->link.fd, TUNSETIFF, &request) == 0;
}

static bool complain_of_attaching(const struct setup *setup)
{
    const char *name = setup->tap->name;
    const char *many = setup->options->multi_queue ? " multi_queue" : "";
    switch (errno) {
    case EPERM:
        return interface_complain(&setup->error,
                                  "not permitted: run as root, or have it made for you with "
                                  "`ip tuntap add dev %s mode tap%s user $USER`",
                                  name, many);
    case EBUSY:
        return interface_complain(&setup->error,
                                  "in use by another program: end that, or choose another name");
    case EINVAL:
        if (setup->options->multi_queue)
            return interface_complain(&setup->error,
                                      "exists and is not a TAP device of several queues: make it "
                                      "with `ip tuntap add dev %s mode tap multi_queue`",
                                      name);
        return interface_complain(&setup->error,
                                  "exists and is not a TAP device: choose another name");
    default:
        return interface_complain(&setup->error, "the kernel refuses it: %s", strerror(errno));
    }
}

/* A device that was made for several queues may have one only. */
static bool attach(struct setup *setup)
{
    bool many = setup->options->multi_queue;
    if (set_interface(setup, many) || (errno == EINVAL && !many && set_interface(setup, true)))
        return true;
    return complain_of_attaching(setup);
}

static bool set_offloads(struct setup *setup)
{
    struct vnet *tap = setup->tap;
    int header = sizeof(struct virtio_net_hdr);
    unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (setup->options->plain)
        offloads = 0;
    if (ioctl(tap->link.fd, TUNSETVNETHDRSZ, &header) != 0)
        return interface_complain(&setup->error, "no virtio-net header: %s", strerror(errno));
    if (ioctl(tap->link.fd, TUNSETOFFLOAD, (unsigned long)offloads) != 0)
        return interface_complain(&setup->error, "no offloads (%s): turn them off",
                                  strerror(errno));
    tap->link.features = setup->options->plain ? 0 : LINK_CHECKSUM | LINK_CUT;
    return true;
}

static bool agree_on_mtu(struct setup *setup)
{
    setup->tap->link.mtu = interface_agree_on_mtu(&setup->error, setup->options->mtu);
    return setup->tap->link.mtu != 0;
}

static bool choose_mac(struct setup *setup)
{
    struct vnet *tap = setup->tap;
    struct ifreq request = {0};
    if (!interface_choose_mac(&setup->error, setup->options->mac, tap->link.mac))
        return false;
    int problem = interface_ask(tap->name, SIOCGIFHWADDR, &request);
    if (problem == 0 && memcmp(request.ifr_hwaddr.sa_data, tap->link.mac, 6) == 0)
        return interface_complain(&setup->error,
                                  "the MAC address is the one of the kernel's end: give another");
    return true;
}

static bool check(struct setup *setup)
{
    const struct tap_options *options = setup->options;
    if (!interface_check(&setup->error, options->mac, options->mtu))
        return false;
    return vnet_memory_suffices(setup->tap->link.memory) ||
           interface_complain(&setup->error,
                              "too little memory to receive: give the host %d large buffers",
                              VNET_LARGE);
}

struct link *tap_open(const struct tap_options *options, struct packet_memory *memory,
                      struct counters *counters, char *error, size_t error_size)
{
    const char *name = options->name != NULL ? options->name : "";
    struct setup setup = {.options = options, .error = {"tap", name, error, error_size}};
    setup.tap = vnet_create(name, memory, counters);
    if (setup.tap == NULL) {
        interface_complain(&setup.error, "out of memory");
        return NULL;
    }
    if (check(&setup) && open_device(&setup) && attach(&setup) && set_offloads(&setup) &&
        agree_on_mtu(&setup) && choose_mac(&setup))
        return &setup.tap->link;
    vnet_close(&setup.tap->link);
    return NULL;
}

static void put_address(struct sockaddr *to, uint32_t address)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(to, &in, sizeof in);
}

int tap_configure(struct link *link, const struct chaski_address *address, unsigned prefix_length,
                  char *error, size_t error_size)
{
    struct ifreq request = {0};
    uint32_t mask = prefix_length == 0 ? 0 : ~(uint32_t)0 << (32 - prefix_length);
    uint32_t host;
    memcpy(&host, address->bytes + 12, 4);
    put_address(&request.ifr_addr, ntohl(host));
    int failed = interface_ask(link->name, SIOCSIFADDR, &request);
    if (failed == 0) {
        put_address(&request.ifr_netmask, mask);
        failed = interface_ask(link->name, SIOCSIFNETMASK, &request);
    }
    if (failed == 0)
        failed = interface_set_up(link->name);
    if (failed == 0)
        return 0;
    snprintf(error, error_size,
             "tap:%s: the kernel's end cannot be configured (%s): run `ip` as root instead",
             link->name, strerror(failed));
    return -1;
}
