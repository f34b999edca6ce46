/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/wire/icmp4.h"
#include "core/wire/ip4.h"
#include "tests/exact.h"
#include "tests/fuzz/target.h"

/* A quote lies within the message, and is found again in a message that ends with it. */
static void claim_quote(const uint8_t *icmp, size_t size)
{
    struct wire_icmp4_quote quote, again;
    if (wire_icmp4_quote(icmp, size, &quote) != 0)
        return;
    must(wire_icmp4_is_error(wire_icmp4_type(icmp)));
    must(quote.transport_length >= WIRE_ICMP4_QUOTE_MIN);
    must(quote.header == icmp + WIRE_ICMP4_HEADER);
    must(quote.transport == quote.header + wire_ip4_header_length(quote.header));
    touch(quote.header, (size_t)(quote.transport - quote.header) + quote.transport_length);

    size_t end = (size_t)(quote.transport - icmp) + quote.transport_length;
    must(end <= size);
    uint8_t *cut = exact_copy(icmp, end);
    must(wire_icmp4_check(cut, end) == 0 && wire_icmp4_quote(cut, end, &again) == 0);
    must(again.transport - cut == quote.transport - icmp);
    must(again.transport_length == quote.transport_length);
    exact_free(cut, end);
}

static void claim_built(const uint8_t *icmp)
{
    uint8_t built[WIRE_ICMP4_HEADER];
    wire_icmp4_build(built, wire_icmp4_type(icmp), wire_icmp4_code(icmp),
                     wire_icmp4_echo_rest(wire_icmp4_identifier(icmp), wire_icmp4_sequence(icmp)));
    wire_icmp4_set_checksum(built, wire_icmp4_checksum(icmp));
    must(memcmp(built, icmp, sizeof built) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t *icmp = exact_copy(bytes, size);
    if (wire_icmp4_check(icmp, size) == 0) {
        claim_built(icmp);
        claim_quote(icmp, size);
    }
    exact_free(icmp, size);
    return 0;
}
