/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/script/stack/linux.h"

static const char *const name = "tun0";

static struct ifreq request_for(const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return request;
}

static struct sockaddr address_of(const uint8_t bytes[4])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr address;
    memcpy(&in.sin_addr, bytes, 4);
    memcpy(&address, &in, sizeof address);
    return address;
}

static bool bring_up(int control, const char *interface)
{
    struct ifreq request = request_for(interface);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ioctl(control, SIOCSIFFLAGS, &request) == 0;
}

static bool set_up(int control, const struct settings *settings)
{
    static const uint8_t any[4] = {0}, all[4] = {255, 255, 255, 255};
    struct ifreq mtu = request_for(name), address = request_for(name), mask = request_for(name);
    char device[IFNAMSIZ];
    struct rtentry route = {.rt_dst = address_of(any),
                            .rt_genmask = address_of(any),
                            .rt_flags = RTF_UP,
                            .rt_dev = device};
    snprintf(device, sizeof device, "%s", name);
    mtu.ifr_mtu = settings->mtu;
    address.ifr_addr = address_of(settings->ends.local);
    mask.ifr_netmask = address_of(all);
    return ioctl(control, SIOCSIFMTU, &mtu) == 0 && ioctl(control, SIOCSIFADDR, &address) == 0 &&
           ioctl(control, SIOCSIFNETMASK, &mask) == 0 && bring_up(control, name) &&
           bring_up(control, "lo") && ioctl(control, SIOCADDRT, &route) == 0;
}

int linux_device_open(const struct settings *settings)
{
    struct ifreq request = request_for(name);
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    bool done = tun >= 0 && control >= 0 && ioctl(tun, TUNSETIFF, &request) == 0 &&
                set_up(control, settings);
    if (control >= 0)
        close(control);
    if (!done && tun >= 0)
        close(tun);
    return done ? tun : -1;
}

bool linux_device_route(const char *attributes)
{
    char command[LINUX_ROUTE_TEXT + 64];
    snprintf(command, sizeof command, "ip route change default dev %s %s", name, attributes);
    return system(command) == 0; /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}
