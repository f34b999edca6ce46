/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/icmp4.h"

#include "core/wire/ip4.h"

/* RFC 4884, 4: what extensions stand behind is padded to at least so much. */
enum { TOLD_QUOTE_MIN = 128 };

/* How many of the `length` bytes behind the header are the quote: all, unless the error tells less.
 * A length that RFC 4884 rules out is what an older sender left in an unused field. */
static size_t quote_length(const uint8_t *icmp, size_t length)
{
    uint8_t type = wire_icmp4_type(icmp);
    size_t told = (size_t)icmp[WIRE_ICMP4_QUOTE_LENGTH] * 4;
    bool can_tell = type == WIRE_ICMP4_UNREACHABLE || type == WIRE_ICMP4_TIME_EXCEEDED ||
                    type == WIRE_ICMP4_PARAMETER_PROBLEM;
    return can_tell && told >= TOLD_QUOTE_MIN && told < length ? told : length;
}

enum chaski_counter wire_icmp4_quote(const uint8_t *icmp, size_t length,
                                     struct wire_icmp4_quote *quote)
{
    const uint8_t *header = icmp + WIRE_ICMP4_HEADER;
    size_t quoted = quote_length(icmp, length - WIRE_ICMP4_HEADER);
    if (!wire_icmp4_is_error(wire_icmp4_type(icmp)) || wire_ip4_version(header) != 4 ||
        wire_ip4_header_length(header) < WIRE_IP4_HEADER || wire_ip4_fragment_offset(header) != 0)
        return CHASKI_DROP_ICMP4_QUOTE;
    if (quoted > wire_ip4_total_length(header))
        quoted = wire_ip4_total_length(header);
    if (quoted < (size_t)wire_ip4_header_length(header) + WIRE_ICMP4_QUOTE_MIN)
        return CHASKI_DROP_ICMP4_QUOTE;
    quote->header = header;
    quote->transport = header + wire_ip4_header_length(header);
    quote->transport_length = (uint16_t)(quoted - wire_ip4_header_length(header));
    return 0;
}
