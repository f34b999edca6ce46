/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/options.h"

#include <string.h>

#include "core/base/address.h"
#include "drivers/interface.h"

static bool complain(char *error, const char *phrase)
{
    snprintf(error, ARGUMENT_ERROR, "%s", phrase);
    return false;
}

bool argument_link(const struct argument *argument, const char *text, char *error)
{
    struct link_options *link = argument->target;
    return device_parse(&link->device, text, error, ARGUMENT_ERROR);
}

/* Whether one host could have this address at all. */
static bool is_host(const struct chaski_address *address)
{
    uint32_t ip4 = address_ip4(address);
    return ip4 >> 24 != 0 && !ip4_is_loopback(ip4) && ip4 >> 29 != 7 && !ip4_is_multicast(ip4);
}

bool argument_address(const struct argument *argument, const char *text, char *error)
{
    struct chaski_address address;

    if (!chaski_address_parse(text, &address) || !address_is_ip4(&address))
        return complain(error, "must be an IPv4 address such as 192.0.2.1");
    if (!is_host(&address))
        return complain(error, "must be the address of one host");
    *(struct chaski_address *)argument->target = address;
    return true;
}

/* The host part may be neither all zeros nor all ones (RFC 1122, 3.2.1.3), unless it has less than
 * two bits (RFC 3021). */
static bool check_host_part(const struct chaski_address *address, uint32_t length, char *error)
{
    uint32_t host_mask = ~ip4_mask(length);
    uint32_t host = address_ip4(address) & host_mask;
    char text[CHASKI_ADDRESS_TEXT];

    if (length >= 31 || (host != 0 && host != host_mask))
        return true;
    struct chaski_address mend = address_from_ip4((address_ip4(address) & ~host_mask) + 1);
    snprintf(error, ARGUMENT_ERROR, "is the %s address of that prefix; take a host's, such as %s",
             host == 0 ? "network's own" : "broadcast", chaski_address_text(&mend, text));
    return false;
}

bool argument_prefix(const struct argument *argument, const char *text, char *error)
{
    struct link_options *link = argument->target;
    struct argument part = {.target = &link->address, .minimum = 1, .maximum = 32};
    char copy[CHASKI_ADDRESS_TEXT];
    size_t length = strcspn(text, "/");

    if (text[length] == '\0' || length >= sizeof copy)
        return complain(error, "must be an address and a prefix length, such as 192.0.2.1/24");
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!argument_address(&part, copy, error))
        return false;
    part.target = &link->prefix_length;
    if (!argument_number(&part, text + length + 1, error))
        return complain(error, "the prefix length must be a number from 1 to 32");
    return check_host_part(&link->address, link->prefix_length, error);
}

bool argument_mac(const struct argument *argument, const char *text, char *error)
{
    uint8_t mac[6];
    int end = 0;

    if (strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 ||
        sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
               &mac[4], &mac[5], &end) != 6 ||
        end != 17)
        return complain(error, "must be a link address such as 02:00:00:00:00:01");
    if ((mac[0] & 1) != 0 || memcmp(mac, (uint8_t[6]){0}, 6) == 0)
        return complain(error,
                        "is no address of one host: the first byte must be even, and not all "
                        "may be 0");
    memcpy(argument->target, mac, sizeof mac);
    return true;
}

static void make_mac(const struct chaski_address *address, uint8_t mac[6])
{
    mac[0] = 0x02; /* unicast, locally administered */
    mac[1] = 0xc5;
    memcpy(mac + 2, address->bytes + 12, 4);
}

bool link_options_finish(struct link_options *link, char *error)
{
    char text[CHASKI_ADDRESS_TEXT];

    if (link->device.kind == DEVICE_NONE)
        return complain(error, "no link is given; add --link KIND:NAME, such as tap:NAME");
    if (link->sleep && link->busy_poll)
        return complain(error, "--sleep and --busy-poll exclude each other; give one");
    if (address_unspecified(&link->address))
        return complain(error, "no address is given; add --addr A.B.C.D/N");
    if (!address_unspecified(&link->gateway)) {
        uint32_t differ = address_ip4(&link->gateway) ^ address_ip4(&link->address);
        chaski_address_text(&link->gateway, text);
        if (differ == 0)
            return complain(error, "--gateway is our own address; give the router's");
        if ((differ & ip4_mask(link->prefix_length)) != 0) {
            snprintf(error, ARGUMENT_ERROR,
                     "--gateway %s is not in the prefix of --addr; give a router on the link",
                     text);
            return false;
        }
    }
    if (memcmp(link->mac, (uint8_t[6]){0}, 6) == 0)
        make_mac(&link->address, link->mac);
    return true;
}

void link_options_warn(const struct link_options *link)
{
    const struct device *device = &link->device;

    if (device->kind != DEVICE_DPDK && interface_is_down(device->name))
        fprintf(stderr, "%s:%s is down: no frame passes until `ip link set %s up`\n",
                device_kind_name(device->kind), device->name, device->name);
}
