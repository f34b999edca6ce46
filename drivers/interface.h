/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_DRIVERS_INTERFACE_H
#define CHASKI_DRIVERS_INTERFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What drivers ask the kernel about its network interfaces, and what they complain of. */

/* Where a driver's setup notes what went wrong: one line that names the device and the mend. */
struct interface_error {
    const char *kind; /* "tap" */
    const char *name; /* of the interface */
    char *text;
    size_t size;
};

/* Writes "KIND:NAME: " and what follows; returns false. */
__attribute__((format(printf, 2, 3))) bool interface_complain(const struct interface_error *error,
                                                              const char *format, ...);

/* Whether an interface can have this name: 1 to 15 characters, no space, slash, colon, per cent. */
bool interface_name_is_good(const char *name);

/* The ioctl `what` on the interface `name`, which it puts into `request`; 0 or an errno. */
int interface_ask(const char *name, unsigned long what, struct ifreq *request);

/* Checks what every driver on an interface is told: name, MAC, MTU (0: the interface's). False with
 * a complaint. */
bool interface_check(const struct interface_error *error, const uint8_t mac[6], uint16_t mtu);

/* The MTU of the interface, which is set to `wanted` first when that is not 0; 0 with a complaint.
 */
uint16_t interface_agree_on_mtu(const struct interface_error *error, uint16_t wanted);

/* Writes `wanted` to `mac`, or a random local address when it is all zero. False with a complaint.
 */
bool interface_choose_mac(const struct interface_error *error, const uint8_t wanted[6],
                          uint8_t mac[6]);

struct interface_ethernet {
    int index;
    uint8_t mac[6];
};

/* Looks up an Ethernet interface that exists; false with a complaint. */
bool interface_find_ethernet(const struct interface_error *error,
                             struct interface_ethernet *ethernet);

/* Writes `wanted` to `mac`, or the interface's own address when it is all zero. */
void interface_take_mac(const struct interface_ethernet *ethernet, const uint8_t wanted[6],
                        uint8_t mac[6]);

/* For as long as the packet socket `fd` is open, has the interface let through what is sent to
 * `mac` and to groups. False with errno. */
bool interface_hear(int fd, const struct interface_ethernet *ethernet, const uint8_t mac[6]);

/* Whether there is such an interface and it is down: then no frame passes. */
bool interface_is_down(const char *name);

/* `ip link set NAME up`: 0 or an errno. */
int interface_set_up(const char *name);

/* How many receive queues the interface has; 1 when it does not tell. */
uint32_t interface_receive_queues(const char *name);

#endif
