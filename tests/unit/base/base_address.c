/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/base/address.h"
#include "core/base/checksum.h"

static struct chaski_address parsed(const char *text)
{
    struct chaski_address address;
    assert_true(chaski_address_parse(text, &address));
    return address;
}

static void check_bytes(const char *text, const uint8_t bytes[16])
{
    struct chaski_address address = parsed(text);
    assert_memory_equal(address.bytes, bytes, 16);
}

static void check_refused(const char *text)
{
    struct chaski_address address, before;
    memset(&address, 0x5a, sizeof address);
    before = address;
    assert_false(chaski_address_parse(text, &address));
    assert_memory_equal(&address, &before, sizeof address);
}

static void check_text(const char *text, const char *expected)
{
    struct chaski_address address = parsed(text);
    char written[CHASKI_ADDRESS_TEXT];
    assert_ptr_equal(chaski_address_text(&address, written), written);
    assert_string_equal(written, expected);
}

static void reads_ip4(void **state)
{
    (void)state;
    struct chaski_address address = parsed("192.0.2.1");
    struct chaski_address same = chaski_ip4(192, 0, 2, 1);
    assert_true(address_equal(&address, &same));
    assert_int_equal(address_ip4(&address), 0xc0000201);
    check_bytes("0.0.0.0", (uint8_t[16]){[10] = 0xff, 0xff});
    check_bytes("255.255.255.255", (uint8_t[16]){[10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    check_bytes("10.20.30.40", (uint8_t[16]){[10] = 0xff, 0xff, 10, 20, 30, 40});
}

static void refuses_what_is_not_quite_ip4(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",           "1",         "1.2.3",    "1.2.3.",    ".1.2.3",
        "1.2.3.4.",   "1.2.3.4.5", "1..2.3",   "256.1.1.1", "1.2.3.256",
        "1.2.3.1000", "01.2.3.4",  "1.2.3.04", "00.0.0.0",  "1.2.3.012",
        "1.2.3.4 ",   " 1.2.3.4",  "1.2.3.-4", "1.2.3.+4",  "0x1.2.3.4",
        "1.2.3.4/24", "1,2,3,4",   "a.b.c.d",  "1.2.3.4\n", "999999999999.1.1.1",
        "localhost",  "1.2.3.4a",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_refused(texts[i]);
}

static void reads_ip6(void **state)
{
    (void)state;
    check_bytes("::", (uint8_t[16]){0});
    check_bytes("::1", (uint8_t[16]){[15] = 1});
    check_bytes("1::", (uint8_t[16]){0, 1});
    check_bytes("2001:db8::8:800:200c:417a", (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,
                                                           0x08, 0x08, 0, 0x20, 0x0c, 0x41, 0x7a});
    check_bytes("FF01:0:0:0:0:0:0:101", (uint8_t[16]){0xff, 0x01, [14] = 0x01, 0x01});
    check_bytes("1:2:3:4:5:6:7:8", (uint8_t[16]){0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8});
    check_bytes("1:2:3:4:5:6:7::", (uint8_t[16]){0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0});
    check_bytes("::2:3:4:5:6:7:8", (uint8_t[16]){0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8});
    check_bytes("::ffff:192.0.2.1", (uint8_t[16]){[10] = 0xff, 0xff, 192, 0, 2, 1});
    check_bytes("64:ff9b::192.0.2.33", (uint8_t[16]){0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33});
    check_bytes("1:2:3:4:5:6:1.2.3.4",
                (uint8_t[16]){0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1, 2, 3, 4});
}

static void refuses_what_is_not_quite_ip6(void **state)
{
    (void)state;
    static const char *const texts[] = {
        ":",
        ":::",
        "1:",
        ":1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:",
        "1:2:3:4:5:6:7:8:",
        "1:2:3:4:5:6:7:8:9",
        ":1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1::2:3:4:5:6:7:8",
        "1::2::3",
        "1:::2",
        "::1:",
        "12345::",
        "g::",
        "::1%eth0",
        "::1 ",
        "[::1]",
        "::1.2.3",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "::1.2.3.4:5",
        "1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::01.2.3.4",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_refused(texts[i]);
}

static void writes_ip4(void **state)
{
    (void)state;
    check_text("0.0.0.0", "0.0.0.0");
    check_text("9.10.99.100", "9.10.99.100");
    check_text("255.255.255.255", "255.255.255.255");
    check_text("::ffff:1.2.3.4", "1.2.3.4");
}

/* RFC 5952, section 4. */
static void writes_ip6(void **state)
{
    (void)state;
    check_text("::", "::");
    check_text("::1", "::1");
    check_text("1::", "1::");
    check_text("2001:0db8::0001", "2001:db8::1");
    check_text("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");
    check_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    check_text("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    check_text("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    check_text("2001:DB8::ABCD", "2001:db8::abcd");
    check_text("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6");
    check_text("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
    check_text("1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0");
    check_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

/* The datagram has a checksum, bytes 6 and 7, that is right between 192.0.2.1 and 192.0.2.2. */
static void sums_the_pseudo_header_of_ip4(void **state)
{
    (void)state;
    static const uint8_t pseudo[] = {192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0x05, 0xdc};
    struct chaski_address from = chaski_ip4(192, 0, 2, 1), to = chaski_ip4(192, 0, 2, 2);
    assert_int_equal(checksum_fold(address_pseudo_checksum(&from, &to, 6, 1500)),
                     checksum_fold(checksum_partial(pseudo, sizeof pseudo)));
    static const uint8_t query[] = {0xc3, 0x50, 0x00, 0x35, 0x00, 0x0b, 0x2e, 0xe5, 'h', 'i', '!'};
    uint64_t sum = address_pseudo_checksum(&from, &to, 17, sizeof query);
    assert_int_equal(checksum_finish(sum + checksum_partial(query, sizeof query)), 0);
}

/* RFC 8200, 8.1: the length has 32 bits. */
static void sums_the_pseudo_header_of_ip6(void **state)
{
    (void)state;
    static const uint8_t pseudo[] = {0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,    0, 0,
                                     0,    0,    0,    0,    0,    1,    0xfe, 0x80, 0, 0,
                                     0,    0,    0,    0,    0,    0xff, 0xfe, 0,    0, 0,
                                     0,    9,    0x00, 0x01, 0x86, 0xa0, 0,    0,    0, 17};
    struct chaski_address from = parsed("2001:db8::1"), to = parsed("fe80::ff:fe00:0:9");
    assert_int_equal(checksum_fold(address_pseudo_checksum(&from, &to, 17, 100000)),
                     checksum_fold(checksum_partial(pseudo, sizeof pseudo)));
}

static void tells_the_kinds_apart(void **state)
{
    (void)state;
    struct chaski_address any = parsed("::"), any4 = parsed("0.0.0.0"), group = parsed("224.0.0.1");
    struct chaski_address group6 = parsed("ff02::1"), host = parsed("239.255.255.255");
    assert_true(address_unspecified(&any));
    assert_false(address_unspecified(&any4));
    assert_int_equal(address_family(&any4), FAMILY_IP4);
    assert_int_equal(address_family(&any), FAMILY_IP6);
    assert_true(address_is_multicast(&group));
    assert_true(address_is_multicast(&group6));
    assert_true(address_is_multicast(&host));
    host = parsed("240.0.0.0");
    assert_false(address_is_multicast(&host));
    assert_int_equal(ip4_mask(0), 0);
    assert_int_equal(ip4_mask(24), 0xffffff00);
    assert_int_equal(ip4_mask(32), 0xffffffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_ip4),
        cmocka_unit_test(refuses_what_is_not_quite_ip4),
        cmocka_unit_test(reads_ip6),
        cmocka_unit_test(refuses_what_is_not_quite_ip6),
        cmocka_unit_test(writes_ip4),
        cmocka_unit_test(writes_ip6),
        cmocka_unit_test(sums_the_pseudo_header_of_ip4),
        cmocka_unit_test(sums_the_pseudo_header_of_ip6),
        cmocka_unit_test(tells_the_kinds_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
