/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/tcp/recovery/recovery.h"

/* D-SACK, the receiver's side (RFC 2883, 4). */

/* The host's last acknowledgement reports these ranges and no others. */
static void assert_reports(const uint32_t *ranges, unsigned count)
{
    struct segment ack = world_last_segment(&peer.world, 0, 0);
    uint8_t length = 0;
    const uint8_t *blocks = segment_option(&ack, 5, &length);
    if (count == 0) {
        assert_null(blocks);
        return;
    }
    assert_non_null(blocks);
    assert_int_equal(length, 8 * count);
    for (unsigned i = 0; i < 2 * count; i++)
        assert_int_equal(load_be32(blocks + 4 * i), ranges[i]);
}

/* RFC 2018 MUST-3; RFC 2883 MUST-1, MUST-2, MUST-3, MUST-4, MUST-5, MUST-6 */
static void what_came_twice_is_reported_first_and_once(void **state)
{
    (void)state;
    open_with_sack();
    uint32_t at = peer.next;
    text_at(at, 1000);
    text_at(at, 1000); /* 4.1: a whole duplicate */
    assert_reports((const uint32_t[]){at, at + 1000}, 1);
    text_at(at + 2000, 500);
    assert_reports((const uint32_t[]){at + 2000, at + 2500}, 1);
    text_at(at + 2000, 500); /* 4.2: out of order; the second block covers the first */
    assert_reports((const uint32_t[]){at + 2000, at + 2500, at + 2000, at + 2500}, 2);
    text_at(at + 500, 1000); /* 4.3: half of it is old */
    assert_reports((const uint32_t[]){at + 500, at + 1000, at + 2000, at + 2500}, 2);
    text_at(at + 3000, 100);
    assert_reports((const uint32_t[]){at + 3000, at + 3100, at + 2000, at + 2500}, 2);
}

/* What lies further back than a window can reach was never here: somebody made it up. */
static void made_up_duplicates_are_not_reported(void **state)
{
    (void)state;
    open_with_sack();
    uint32_t at = peer.next;
    text_at(at, 1000);
    text_at(at + 1000 - 0x7fffffffu, 500);
    assert_reports(NULL, 0);
    text_at(at + 1000 - (1 << 24), 500);
    assert_reports(NULL, 0);
}

static void duplicates_are_not_reported_when_that_is_off(void **state)
{
    (void)state;
    open_with_sack();
    assert_int_equal(chaski_set_knob(peer.host, "tcp_dsack", "0"), 0);
    text_at(peer.next, 1000);
    text_at(peer.next, 1000);
    assert_reports(NULL, 0);
}

int main(void)
{
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(what_came_twice_is_reported_first_and_once),
        test(made_up_duplicates_are_not_reported),
        test(duplicates_are_not_reported_when_that_is_off),
    };
#undef test
    return cmocka_run_group_tests(tests, NULL, NULL);
}
