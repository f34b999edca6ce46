/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/interface.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>

enum { MTU_MIN = 68 };

bool interface_complain(const struct interface_error *error, const char *format, ...)
{
    va_list arguments;
    int length = snprintf(error->text, error->size, "%s:%s: ", error->kind, error->name);
    if (length < 0 || (size_t)length >= error->size)
        return false;
    va_start(arguments, format);
    vsnprintf(error->text + length, error->size - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

bool interface_name_is_good(const char *name)
{
    size_t length = strlen(name);
    return length != 0 && length < IFNAMSIZ && strpbrk(name, "/ \t\n%:") == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int interface_ask(const char *name, unsigned long what, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(request->ifr_name, name, strnlen(name, IFNAMSIZ - 1) + 1);
    int error = ioctl(fd, what, request) == 0 ? 0 : errno;
    close(fd);
    return error;
}

bool interface_check(const struct interface_error *error, const uint8_t mac[6], uint16_t mtu)
{
    if (!interface_name_is_good(error->name))
        return interface_complain(error, "not an interface name: give 1 to 15 characters without "
                                         "spaces, '/', ':' or '%%'");
    if ((mac[0] & 1) != 0)
        return interface_complain(error,
                                  "the MAC address is a group's: its first byte must be even");
    if (mtu != 0 && mtu < MTU_MIN)
        return interface_complain(error, "MTU %u is too small: give at least %d", mtu, MTU_MIN);
    return true;
}

uint16_t interface_agree_on_mtu(const struct interface_error *error, uint16_t wanted)
{
    struct ifreq request = {0};
    int problem = interface_ask(error->name, SIOCGIFMTU, &request);
    if (problem != 0) {
        interface_complain(error, "its MTU cannot be read: %s", strerror(problem));
        return 0;
    }
    uint16_t mtu = (uint16_t)(request.ifr_mtu > UINT16_MAX ? UINT16_MAX : request.ifr_mtu);
    if (wanted == 0 || wanted == mtu)
        return mtu;
    request.ifr_mtu = wanted;
    problem = interface_ask(error->name, SIOCSIFMTU, &request);
    if (problem == 0)
        return wanted;
    interface_complain(error,
                       "MTU %u cannot be set (%s): run `ip link set %s mtu %u` as root, "
                       "or leave it at %u",
                       wanted, strerror(problem), error->name, wanted, mtu);
    return 0;
}

bool interface_choose_mac(const struct interface_error *error, const uint8_t wanted[6],
                          uint8_t mac[6])
{
    static const uint8_t none[6];
    memcpy(mac, wanted, 6);
    if (memcmp(mac, none, sizeof none) != 0)
        return true;
    if (getrandom(mac, 6, 0) != 6)
        return interface_complain(error, "no random MAC address (%s): give one", strerror(errno));
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 2); /* local, one station's */
    return true;
}

bool interface_find_ethernet(const struct interface_error *error,
                             struct interface_ethernet *ethernet)
{
    struct ifreq request = {0};
    ethernet->index = (int)if_nametoindex(error->name);
    if (ethernet->index == 0)
        return interface_complain(error, "there is no such interface; `ip link` lists them");
    int problem = interface_ask(error->name, SIOCGIFHWADDR, &request);
    if (problem != 0)
        return interface_complain(error, "its MAC address cannot be read: %s", strerror(problem));
    if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return interface_complain(error, "is not an Ethernet interface; choose another");
    memcpy(ethernet->mac, request.ifr_hwaddr.sa_data, sizeof ethernet->mac);
    return true;
}

void interface_take_mac(const struct interface_ethernet *ethernet, const uint8_t wanted[6],
                        uint8_t mac[6])
{
    static const uint8_t none[6];
    memcpy(mac, memcmp(wanted, none, sizeof none) == 0 ? ethernet->mac : wanted, 6);
}

bool interface_hear(int fd, const struct interface_ethernet *ethernet, const uint8_t mac[6])
{
    bool own = memcmp(mac, ethernet->mac, 6) == 0;
    const struct packet_mreq hear = {
        .mr_ifindex = ethernet->index,
        .mr_type = own ? PACKET_MR_ALLMULTI : PACKET_MR_PROMISC,
    };
    return setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &hear, sizeof hear) == 0;
}

bool interface_is_down(const char *name)
{
    struct ifreq request = {0};
    return interface_ask(name, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) == 0;
}

int interface_set_up(const char *name)
{
    struct ifreq request = {0};
    int failed = interface_ask(name, SIOCGIFFLAGS, &request);
    if (failed != 0)
        return failed;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return interface_ask(name, SIOCSIFFLAGS, &request);
}

uint32_t interface_receive_queues(const char *name)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {.ifr_data = (void *)&channels};
    if (interface_ask(name, SIOCETHTOOL, &request) != 0)
        return 1;
    uint32_t queues = channels.rx_count + channels.combined_count;
    return queues != 0 ? queues : 1;
}
