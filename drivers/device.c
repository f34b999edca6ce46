/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/device.h"

#include <stdio.h>
#include <string.h>

#include "drivers/dpdk/dpdk.h"
#include "drivers/interface.h"
#include "drivers/queues.h"
#include "drivers/vnet/packet_socket.h"
#include "drivers/vnet/tap.h"
#include "drivers/xdp/xdp_socket.h"

/* ---- Reading ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum device_kind kind;
} kinds[] = {
    {"tap", DEVICE_TAP},
    {"packet", DEVICE_PACKET},
    {"xdp", DEVICE_XDP},
    {"dpdk", DEVICE_DPDK},
};

const char *device_kind_name(enum device_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "";
}

static bool complain(char *error, size_t error_size, const char *phrase)
{
    snprintf(error, error_size, "%s", phrase);
    return false;
}

/* The kind that `text` begins with; *name is what follows the colon. */
static enum device_kind read_kind(const char *text, const char **name)
{
    size_t length = strcspn(text, ":");
    if (text[length] == '\0')
        return DEVICE_NONE;
    *name = text + length + 1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, text, length) == 0)
            return kinds[i].kind;
    }
    return DEVICE_NONE;
}

/* What stands behind the name: nothing, or ",queues=N". */
static bool read_queues(const char *text, uint32_t *queues)
{
    static const char key[] = ",queues=";
    uint32_t value = 0;
    *queues = 1;
    if (text[0] == '\0')
        return true;
    if (strncmp(text, key, sizeof key - 1) != 0)
        return false;
    text += sizeof key - 1;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 2 || text[digits] != '\0')
        return false;
    for (; *text != '\0'; text++)
        value = value * 10 + (uint32_t)(*text - '0');
    *queues = value;
    return value >= 1 && value <= DEVICE_QUEUES;
}

/* Where the queues begin. DPDK's devices have commas in their names. */
static size_t name_length(enum device_kind kind, const char *name)
{
    const char *queues = strstr(name, ",queues=");
    if (kind != DEVICE_DPDK)
        return strcspn(name, ",");
    return queues != NULL ? (size_t)(queues - name) : strlen(name);
}

static bool name_is_good(const struct device *device, char *error, size_t error_size)
{
    if (device->kind != DEVICE_DPDK)
        return interface_name_is_good(device->name) ||
               complain(error, error_size,
                        "the name of an interface has 1 to 15 characters, none of them "
                        "a space, slash, comma, colon or per cent sign");
    return (device->name[0] != '\0' && strpbrk(device->name, "/ \t\n%") == NULL) ||
           complain(error, error_size,
                    "a device of DPDK's is such as 0000:03:00.0 or net_tap0,iface=NAME, up to 63 "
                    "characters without spaces, slashes and per cent signs");
}

bool device_parse(struct device *device, const char *text, char *error, size_t error_size)
{
    const char *name = NULL;
    enum device_kind kind = read_kind(text, &name);
    if (kind == DEVICE_NONE)
        return complain(error, error_size,
                        "no such kind of link; give " DEVICE_SYNTAX
                        " with a KIND of " DEVICE_KINDS_TEXT);
    size_t length = name_length(kind, name);
    struct device read = {.kind = kind};
    if (length < sizeof read.name)
        memcpy(read.name, name, length);
    if (!name_is_good(&read, error, error_size))
        return false;
    if (!read_queues(name + length, &read.queues)) {
        snprintf(error, error_size,
                 "what follows the name can only be ,queues=N with N from 1 to %d", DEVICE_QUEUES);
        return false;
    }
    *device = read;
    return true;
}

/* ---- Opening ------------------------------------------------------------------------------- */

static struct link *open_tap(const struct device *device, const struct device_options *options,
                             struct packet_memory *memory, struct counters *counters,
                             const struct interface_error *error)
{
    struct tap_options tap = {
        .name = device->name, .mtu = options->mtu, .multi_queue = device->queues > 1};
    if (if_nametoindex(device->name) == 0) {
        interface_complain(
            error, "there is no such interface; make it with `ip tuntap add dev %s mode tap%s`",
            device->name, device->queues > 1 ? " multi_queue" : "");
        return NULL;
    }
    memcpy(tap.mac, options->mac, sizeof tap.mac);
    return tap_open(&tap, memory, counters, error->text, error->size);
}

struct link *device_open(const struct device *device, const struct device_options *options,
                         uint32_t queue, const struct link *first, struct packet_memory *memory,
                         struct counters *counters, char *error, size_t error_size)
{
    const struct interface_error errors = {device_kind_name(device->kind), device->name, error,
                                           error_size};
    struct queue_options wanted = {.name = device->name,
                                   .mtu = options->mtu,
                                   .queues = device->queues,
                                   .queue = queue,
                                   .first = first};
    memcpy(wanted.mac, options->mac, sizeof wanted.mac);
    switch (device->kind) {
    case DEVICE_TAP:
        return open_tap(device, options, memory, counters, &errors);
    case DEVICE_PACKET:
        return packet_socket_open(&wanted, memory, counters, error, error_size);
    case DEVICE_XDP:
        return xdp_socket_open(&wanted, memory, counters, error, error_size);
    case DEVICE_DPDK:
        return dpdk_open(&wanted, memory, counters, error, error_size);
    default:
        return NULL;
    }
}

struct link *device_open_whole(const struct device *device, const struct device_options *options,
                               struct packet_memory *memory, struct counters *counters, char *error,
                               size_t error_size)
{
    struct link *links[DEVICE_QUEUES] = {NULL};
    uint32_t count = 0;
    while (count < device->queues) {
        links[count] =
            device_open(device, options, count, links[0], memory, counters, error, error_size);
        if (links[count] == NULL)
            break;
        count++;
    }
    if (count == device->queues) {
        struct link *whole = count == 1 ? links[0] : queues_join(links, count);
        if (whole != NULL)
            return whole;
        snprintf(error, error_size, "%s:%s: out of memory or file descriptors",
                 device_kind_name(device->kind), device->name);
    }
    while (count != 0)
        link_close(links[--count]);
    return NULL;
}
