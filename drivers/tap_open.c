/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "drivers/tap_private.h"

/*
 * Opening a TAP device, a step a function. Each returns false with a line in the setup's error;
 * whatever the steps before did goes away when the descriptor is closed.
 */

static const char device[] = "/dev/net/tun";

enum { MTU_MIN = 68 };

struct setup {
    const struct tap_options *options;
    struct tap *tap;
    char *error;
    size_t error_size;
};

/* Writes the line and returns false. */
__attribute__((format(printf, 2, 3))) static bool complain(struct setup *setup, const char *format,
                                                           ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(setup->error, setup->error_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool check_options(struct setup *setup)
{
    const struct tap_options *options = setup->options;
    const char *name = options->name != NULL ? options->name : "";
    size_t length = strlen(name);
    if (length == 0 || length >= IFNAMSIZ || strpbrk(name, "/ \t\n%:") != NULL ||
        strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return complain(setup,
                        "tap:%s: not an interface name: give 1 to 15 characters without "
                        "spaces, '/', ':' or '%%'",
                        name);
    if ((options->mac[0] & 1) != 0)
        return complain(setup, "tap:%s: the MAC address is a group's: its first byte must be even",
                        name);
    if (options->mtu != 0 && options->mtu < MTU_MIN)
        return complain(setup, "tap:%s: MTU %u is too small: give at least %d", name, options->mtu,
                        MTU_MIN);
    memcpy(setup->tap->name, name, length);
    return true;
}

static bool open_device(struct setup *setup)
{
    int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    setup->tap->link.fd = fd;
    if (fd >= 0)
        return true;
    if (errno == EACCES || errno == EPERM)
        return complain(setup, "tap:%s: no access to %s: run as root, or in a user namespace",
                        setup->tap->name, device);
    return complain(setup, "tap:%s: %s cannot be opened (%s): load the kernel module tun",
                    setup->tap->name, device, strerror(errno));
}

static bool attach(struct setup *setup)
{
    const char *name = setup->tap->name;
    struct ifreq request = {0};
    memcpy(request.ifr_name, name, IFNAMSIZ);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(setup->tap->link.fd, TUNSETIFF, &request) == 0)
        return true;
    switch (errno) {
    case EPERM:
        return complain(setup,
                        "tap:%s: not permitted: run as root, or have it made for you with "
                        "`ip tuntap add dev %s mode tap user $USER`",
                        name, name);
    case EBUSY:
        return complain(
            setup, "tap:%s: in use by another program: end that, or choose another name", name);
    case EINVAL:
        return complain(setup, "tap:%s: exists and is not a TAP device: choose another name", name);
    default:
        return complain(setup, "tap:%s: the kernel refuses it: %s", name, strerror(errno));
    }
}

static bool set_offloads(struct setup *setup)
{
    struct tap *tap = setup->tap;
    int header = sizeof(struct virtio_net_hdr);
    unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (setup->options->plain)
        offloads = 0;
    if (ioctl(tap->link.fd, TUNSETVNETHDRSZ, &header) != 0)
        return complain(setup, "tap:%s: no virtio-net header: %s", tap->name, strerror(errno));
    if (ioctl(tap->link.fd, TUNSETOFFLOAD, (unsigned long)offloads) != 0)
        return complain(setup, "tap:%s: no offloads (%s): turn them off", tap->name,
                        strerror(errno));
    tap->link.features = setup->options->plain ? 0 : LINK_CHECKSUM | LINK_CUT;
    return true;
}

/* Asks or tells the kernel something about the interface; 0 or an errno. */
static int ask(const struct tap *tap, unsigned long what, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(request->ifr_name, tap->name, IFNAMSIZ);
    int error = ioctl(fd, what, request) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static bool agree_on_mtu(struct setup *setup)
{
    struct tap *tap = setup->tap;
    struct ifreq request = {0};
    int error = ask(tap, SIOCGIFMTU, &request);
    if (error != 0)
        return complain(setup, "tap:%s: its MTU cannot be read: %s", tap->name, strerror(error));
    tap->link.mtu = (uint16_t)(request.ifr_mtu > UINT16_MAX ? UINT16_MAX : request.ifr_mtu);
    uint16_t wanted = setup->options->mtu;
    if (wanted == 0 || wanted == tap->link.mtu)
        return true;
    request.ifr_mtu = wanted;
    error = ask(tap, SIOCSIFMTU, &request);
    if (error != 0)
        return complain(setup,
                        "tap:%s: MTU %u cannot be set (%s): run `ip link set %s mtu %u` as root, "
                        "or leave it at %u",
                        tap->name, wanted, strerror(error), tap->name, wanted, tap->link.mtu);
    tap->link.mtu = wanted;
    return true;
}

static bool choose_mac(struct setup *setup)
{
    static const uint8_t none[6];
    struct tap *tap = setup->tap;
    struct ifreq request = {0};
    memcpy(tap->link.mac, setup->options->mac, sizeof tap->link.mac);
    if (memcmp(tap->link.mac, none, sizeof none) == 0) {
        if (getrandom(tap->link.mac, sizeof tap->link.mac, 0) != sizeof tap->link.mac)
            return complain(setup, "tap:%s: no random MAC address (%s): give one", tap->name,
                            strerror(errno));
        tap->link.mac[0] = (uint8_t)((tap->link.mac[0] & 0xfc) | 2); /* local, one station's */
    }
    int error = ask(tap, SIOCGIFHWADDR, &request);
    if (error == 0 && memcmp(request.ifr_hwaddr.sa_data, tap->link.mac, 6) == 0)
        return complain(setup,
                        "tap:%s: the MAC address is the one of the kernel's end: give another",
                        tap->name);
    return true;
}

static bool check_memory(struct setup *setup)
{
    const struct packet_memory *memory = setup->tap->link.memory;
    if (memory->packets.total >= 1 && memory->small.total >= 1 && memory->large.total >= TAP_LARGE)
        return true;
    return complain(setup, "tap:%s: too little memory to receive: give the host %d large buffers",
                    setup->tap->name, TAP_LARGE);
}

static void tap_close(struct link *link)
{
    struct tap *tap = (struct tap *)link;
    if (link->fd >= 0)
        close(link->fd);
    if (tap->small != NULL)
        buffer_drop(tap->small);
    for (uint32_t i = 0; i < TAP_LARGE; i++) {
        if (tap->large[i] != NULL)
            buffer_drop(tap->large[i]);
    }
    free(tap);
}

struct link *tap_open(const struct tap_options *options, struct packet_memory *memory,
                      struct counters *counters, char *error, size_t error_size)
{
    struct tap *tap = calloc(1, sizeof *tap);
    if (tap == NULL) {
        snprintf(error, error_size, "tap:%s: out of memory", options->name);
        return NULL;
    }
    tap->eagerness = 1;
    tap->link = (struct link){
        .name = tap->name,
        .memory = memory,
        .counters = counters,
        .fd = -1,
        .receive = tap_receive,
        .transmit = tap_transmit,
        .close = tap_close,
    };
    struct setup setup = {options, tap, error, error_size};
    if (check_options(&setup) && check_memory(&setup) && open_device(&setup) && attach(&setup) &&
        set_offloads(&setup) && agree_on_mtu(&setup) && choose_mac(&setup))
        return &tap->link;
    tap_close(&tap->link);
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
    const struct tap *tap = (const struct tap *)link;
    struct ifreq request = {0};
    uint32_t mask = prefix_length == 0 ? 0 : ~(uint32_t)0 << (32 - prefix_length);
    uint32_t host;
    memcpy(&host, address->bytes + 12, 4);
    put_address(&request.ifr_addr, ntohl(host));
    int failed = ask(tap, SIOCSIFADDR, &request);
    if (failed == 0) {
        put_address(&request.ifr_netmask, mask);
        failed = ask(tap, SIOCSIFNETMASK, &request);
    }
    if (failed == 0)
        failed = ask(tap, SIOCGIFFLAGS, &request);
    if (failed == 0) {
        request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
        failed = ask(tap, SIOCSIFFLAGS, &request);
    }
    if (failed == 0)
        return 0;
    snprintf(error, error_size,
             "tap:%s: the kernel's end cannot be configured (%s): run `ip` as root instead",
             tap->name, strerror(failed));
    return -1;
}
