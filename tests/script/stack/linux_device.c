/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/script/packets/ip.h"
#include "tests/script/stack/linux.h"

enum { LINE_ROOM = 256, PATIENCE = 10000 };

static const char *const name = "tun0";

static struct ifreq request_for(const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return request;
}

static bool bring_up(int control, const char *interface)
{
    struct ifreq request = request_for(interface);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

/* ---- IPv4 ---- */

static struct sockaddr address_of(const uint8_t *bytes)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr address;
    memcpy(&in.sin_addr, bytes, sizeof in.sin_addr);
    memcpy(&address, &in, sizeof address);
    return address;
}

static bool set_address4(int control, const uint8_t *local)
{
    static const uint8_t all[4] = {255, 255, 255, 255};
    struct ifreq address = request_for(name), mask = request_for(name);
    address.ifr_addr = address_of(local);
    mask.ifr_netmask = address_of(all);
    return ioctl(control, SIOCSIFADDR, &address) == 0 && ioctl(control, SIOCSIFNETMASK, &mask) == 0;
}

static bool add_route4(int control)
{
    static const uint8_t any[4] = {0};
    char device[IFNAMSIZ];
    struct rtentry route = {.rt_dst = address_of(any),
                            .rt_genmask = address_of(any),
                            .rt_flags = RTF_UP,
                            .rt_dev = device};
    snprintf(device, sizeof device, "%s", name);
    return ioctl(control, SIOCADDRT, &route) == 0;
}

/* ---- IPv6 ---- */

static bool is_route_to(const char *line, const char *address)
{
    unsigned flags = 0;
    return strncmp(line, address, strlen(address)) == 0 &&
           sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %x", &flags) == 1 &&
           (flags & RTF_LOCAL) != 0;
}

static bool is_its_own(const uint8_t *local)
{
    char line[LINE_ROOM], address[2 * sizeof(struct in6_addr) + 1];
    bool found = false;
    for (unsigned i = 0; i < sizeof(struct in6_addr); i++)
        snprintf(address + 2 * i, 3, "%02x", local[i]);
    FILE *file = fopen("/proc/net/ipv6_route", "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL)
        found = is_route_to(line, address);
    if (file != NULL)
        fclose(file);
    return found;
}

/* The kernel takes an address in by and by, even where no neighbour is asked whether he has it; a
 * packet that comes earlier is lost. */
static bool set_address6(int control, const uint8_t *local)
{
    struct in6_ifreq address = {.ifr6_prefixlen = 128, .ifr6_ifindex = (int)if_nametoindex(name)};
    memcpy(&address.ifr6_addr, local, sizeof address.ifr6_addr);
    if (ioctl(control, SIOCSIFADDR, &address) != 0)
        return false;
    for (int i = 0; i < PATIENCE && !is_its_own(local); i++)
        beside_rest();
    return is_its_own(local);
}

static bool add_route6(int control)
{
    struct in6_rtmsg route = {.rtmsg_flags = RTF_UP, .rtmsg_ifindex = (int)if_nametoindex(name)};
    return ioctl(control, SIOCADDRT, &route) == 0;
}

/* ---- Either ---- */

static bool set_up(int control, const struct settings *settings)
{
    bool is6 = settings->ends.version == &ip_version6;
    const uint8_t *local = settings->ends.local;
    struct ifreq mtu = request_for(name);
    mtu.ifr_mtu = settings->mtu;
    return ioctl(control, SIOCSIFMTU, &mtu) == 0 && bring_up(control, name) &&
           bring_up(control, "lo") &&
           (is6 ? set_address6(control, local) && add_route6(control)
                : set_address4(control, local) && add_route4(control));
}

int linux_device_open(const struct settings *settings)
{
    struct ifreq request = request_for(name);
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int control = socket(settings->ends.version->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    bool done = tun >= 0 && control >= 0 && ioctl(tun, TUNSETIFF, &request) == 0 &&
                set_up(control, settings);
    if (control >= 0)
        close(control);
    if (!done && tun >= 0)
        close(tun);
    return done ? tun : -1;
}

bool linux_device_route(const struct ip_version *version, const char *attributes)
{
    char command[LINUX_ROUTE_TEXT + 64];
    snprintf(command, sizeof command, "ip -%d route change default dev %s %s", version->number,
             name, attributes);
    return system(command) == 0; /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}
