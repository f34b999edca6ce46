/* SPDX-License-Identifier: BSD-2-Clause */
#include "runtime/shards/toeplitz.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "chaski/address.h"

/* "Verifying the RSS Hash Calculation", Microsoft: destination and source, and what comes out
 * without and with the ports. */
static const struct vector {
    const char *destination;
    uint16_t destination_port;
    const char *source;
    uint16_t source_port;
    uint32_t addresses, whole;
} vectors[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985,
     0x02d1feef},
};

static size_t put_address(uint8_t *to, const char *text)
{
    struct chaski_address address;
    assert_true(chaski_address_parse(text, &address));
    bool ip4 = strchr(text, ':') == NULL;
    memcpy(to, address.bytes + (ip4 ? 12 : 0), ip4 ? 4 : 16);
    return ip4 ? 4 : 16;
}

static size_t put_port(uint8_t *to, uint16_t port)
{
    to[0] = (uint8_t)(port >> 8);
    to[1] = (uint8_t)port;
    return 2;
}

static void hashes_what_microsoft_says(void **state)
{
    static struct toeplitz toeplitz;
    (void)state;
    toeplitz_init(&toeplitz, toeplitz_microsoft_key);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t input[TOEPLITZ_INPUT];
        size_t length = put_address(input, vectors[i].source);
        length += put_address(input + length, vectors[i].destination);
        assert_int_equal(toeplitz_hash(&toeplitz, input, length), vectors[i].addresses);
        length += put_port(input + length, vectors[i].source_port);
        length += put_port(input + length, vectors[i].destination_port);
        assert_int_equal(toeplitz_hash(&toeplitz, input, length), vectors[i].whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_what_microsoft_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
