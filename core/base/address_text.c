/* SPDX-License-Identifier: BSD-2-Clause */
#include "chaski/address.h"

#include "core/base/address.h"

/* The text forms of addresses: IPv4 dotted decimal, IPv6 as RFC 4291, 2.2 reads and RFC 5952
 * writes it. */

enum { GROUPS = 8 };

/* ---- Reading: each function returns where it stopped, or NULL ---- */

/* A decimal number of 0 to 255 without leading zeros. */
static const char *read_octet(const char *text, uint8_t *octet)
{
    unsigned value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
        value = value * 10 + (unsigned)(*text - '0');
    if (digits == 0 || value > 255 || (digits > 1 && value < 10) || (digits > 2 && value < 100))
        return NULL;
    *octet = (uint8_t)value;
    return text;
}

/* Exactly the rest of the text. */
static bool read_ip4(const char *text, uint8_t octets[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i != 0 && *text++ != '.')
            return false;
        text = read_octet(text, &octets[i]);
        if (text == NULL)
            return false;
    }
    return *text == '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* One to four hexadecimal digits. */
static const char *read_group(const char *text, uint8_t *at)
{
    unsigned value = 0, digits = 0;
    for (; hex_value(*text) >= 0 && digits < 4; text++, digits++)
        value = value << 4 | (unsigned)hex_value(*text);
    store_be16(at, (uint16_t)value);
    return digits != 0 ? text : NULL;
}

/* Groups up to the end of the text. `used` counts bytes written to `bytes`; `gap` is where
 * "::" stood, or -1. */
static bool read_groups(const char *text, uint8_t bytes[16], unsigned *used, int *gap)
{
    bool begin = true; /* a group may stand here */
    while (*text != '\0') {
        if (text[0] == ':' && text[1] == ':' && *gap < 0) {
            *gap = (int)*used;
            text += 2;
            begin = true;
            continue;
        }
        if (!begin && *text++ != ':')
            return false;
        if (*used <= 12 && read_ip4(text, bytes + *used)) {
            *used += 4;
            return true;
        }
        if (*used > 14 || (text = read_group(text, bytes + *used)) == NULL)
            return false;
        *used += 2;
        begin = false;
    }
    return true;
}

static bool read_ip6(const char *text, uint8_t bytes[16])
{
    unsigned used = 0;
    int gap = -1;
    if (!read_groups(text, bytes, &used, &gap))
        return false;
    if (gap < 0)
        return used == 16;
    if (used > 14)
        return false;
    unsigned behind = used - (unsigned)gap;
    memmove(bytes + 16 - behind, bytes + gap, behind);
    memset(bytes + gap, 0, 16 - used);
    return true;
}

bool chaski_address_parse(const char *text, struct chaski_address *address)
{
    uint8_t octets[4];
    struct chaski_address read;
    if (read_ip4(text, octets)) {
        *address = address_from_ip4(load_be32(octets));
        return true;
    }
    if (!read_ip6(text, read.bytes))
        return false;
    *address = read;
    return true;
}

/* ---- Writing: each function returns the end of what it wrote ---- */

static char *write_octet(char *to, unsigned octet)
{
    if (octet >= 100)
        *to++ = (char)('0' + octet / 100);
    if (octet >= 10)
        *to++ = (char)('0' + octet / 10 % 10);
    *to++ = (char)('0' + octet % 10);
    return to;
}

static char *write_ip4(char *to, const uint8_t octets[4])
{
    for (unsigned i = 0; i < 4; i++) {
        if (i != 0)
            *to++ = '.';
        to = write_octet(to, octets[i]);
    }
    return to;
}

static char *write_group(char *to, unsigned group)
{
    unsigned shift = 12;
    while (shift > 0 && group >> shift == 0)
        shift -= 4;
    for (int at = (int)shift; at >= 0; at -= 4)
        *to++ = "0123456789abcdef"[group >> at & 15];
    return to;
}

struct run {
    unsigned start, length;
};

/* The first of the longest runs of zero groups. */
static struct run longest_zero_run(const uint8_t bytes[16])
{
    struct run best = {0, 0}, run = {0, 0};
    for (unsigned i = 0; i < GROUPS; i++) {
        run.length = load_be16(bytes + 2 * i) == 0 ? run.length + 1 : 0;
        if (run.length == 1)
            run.start = i;
        if (run.length > best.length)
            best = run;
    }
    return best;
}

static char *write_ip6(char *to, const uint8_t bytes[16])
{
    struct run gap = longest_zero_run(bytes);
    if (gap.length < 2) /* RFC 5952, 4.2.2: "::" does not stand for a single group */
        gap = (struct run){GROUPS, 0};
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == gap.start) {
            *to++ = ':';
            i += gap.length - 1;
            if (i == GROUPS - 1)
                *to++ = ':';
            continue;
        }
        if (i != 0)
            *to++ = ':';
        to = write_group(to, load_be16(bytes + 2 * i));
    }
    return to;
}

char *chaski_address_text(const struct chaski_address *address, char *text)
{
    char *end = address_is_ip4(address) ? write_ip4(text, address->bytes + 12)
                                        : write_ip6(text, address->bytes);
    *end = '\0';
    return text;
}
