/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_ADDRESS_H
#define CHASKI_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * An address of either family, in network byte order. IPv4 addresses are IPv4-mapped
 * (RFC 4291, 2.5.5.2: ::ffff:a.b.c.d), so that every key, hash and comparison is the same code
 * for both; the all-zero value is "unspecified" and stands for "any" in calls. Hosts have no block
 * for IPv6: calls refuse its addresses, with CHASKI_INVALID, CHASKI_BAD_ADDRESS or CHASKI_NO_ROUTE.
 */
struct chaski_address {
    uint8_t bytes[16];
};

/* An address and a port (host byte order). `interface` narrows to one interface: its number
 * plus one; 0 is any. */
struct chaski_endpoint {
    struct chaski_address address;
    uint16_t port;
    uint16_t interface;
};

/* a.b.c.d as chaski_ip4(a, b, c, d). */
static inline struct chaski_address chaski_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct chaski_address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
    return address;
}

/* Reads "192.0.2.1" (no leading zeros, no abbreviations) or "2001:db8::1" (RFC 4291, 2.2; no zone).
 * Returns false, leaving *address alone, when text is not exactly an address. */
bool chaski_address_parse(const char *text, struct chaski_address *address);

enum { CHASKI_ADDRESS_TEXT = 46 };

/* Writes the usual text form (RFC 5952; IPv4-mapped as "192.0.2.1") and returns `text`, which holds
 * CHASKI_ADDRESS_TEXT bytes. */
char *chaski_address_text(const struct chaski_address *address, char *text);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
