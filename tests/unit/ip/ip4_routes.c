/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/blocks.h"

#include "core/base/address.h"
#include "core/ip/ip4_routes.h"
#include "tests/random.h"

enum { LIMIT = 512 };

static struct ip4_routes routes;
static struct memory memory;

static int make(void **state)
{
    (void)state;
    memory = (struct memory){0};
    ip4_routes_init(&routes, &memory, LIMIT);
    memory = (struct memory){.base = aligned_alloc(MEMORY_ALIGN, memory.used), .size = memory.used};
    ip4_routes_init(&routes, &memory, LIMIT);
    return routes.routes == NULL;
}

static int end(void **state)
{
    (void)state;
    free(memory.base);
    return 0;
}

static bool add(uint32_t prefix, unsigned length, uint8_t interface, uint32_t gateway)
{
    struct ip4_route route = {
        .prefix = prefix,
        .length = (uint8_t)length,
        .gateway = gateway,
        .interface = interface,
    };
    return ip4_routes_add(&routes, &route);
}

static bool drop(uint32_t prefix, unsigned length)
{
    return ip4_routes_remove(&routes, prefix, length, IP4_ROUTE_UNICAST, IP4_ANY_INTERFACE);
}

static uint32_t gateway_to(uint32_t address, uint8_t interface)
{
    const struct ip4_route *route = ip4_routes_find(&routes, address, interface);
    return route == NULL ? 0 : route->gateway;
}

static void an_empty_table_leads_nowhere(void **state)
{
    (void)state;
    assert_null(ip4_routes_find(&routes, 0x0a000001, IP4_ANY_INTERFACE));
    assert_null(ip4_routes_find(&routes, 0, IP4_ANY_INTERFACE));
    assert_null(ip4_routes_find(&routes, UINT32_MAX, IP4_ANY_INTERFACE));
    assert_false(drop(0, 0));
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    assert_true(add(0, 0, 0, 1));
    assert_true(add(0x0a000000, 8, 0, 2));
    assert_true(add(0x0a010000, 16, 0, 3));
    assert_true(add(0x0a010200, 24, 0, 4));
    assert_true(add(0x0a010203, 32, 0, 5));
    assert_int_equal(gateway_to(0x0b000000, IP4_ANY_INTERFACE), 1);
    assert_int_equal(gateway_to(0x0a020304, IP4_ANY_INTERFACE), 2);
    assert_int_equal(gateway_to(0x0a01ff00, IP4_ANY_INTERFACE), 3);
    assert_int_equal(gateway_to(0x0a010204, IP4_ANY_INTERFACE), 4);
    assert_int_equal(gateway_to(0x0a010203, IP4_ANY_INTERFACE), 5);
    assert_true(drop(0x0a010000, 16));
    assert_int_equal(gateway_to(0x0a01ff00, IP4_ANY_INTERFACE), 2);
    assert_int_equal(gateway_to(0x0a010204, IP4_ANY_INTERFACE), 4);
    assert_false(drop(0x0a010000, 16));
}

static void bits_beyond_the_prefix_do_not_matter(void **state)
{
    (void)state;
    assert_true(add(0x0a0102ff, 24, 0, 1));
    assert_int_equal(gateway_to(0x0a010200, IP4_ANY_INTERFACE), 1);
    assert_true(drop(0x0a010277, 24));
    assert_int_equal(routes.count, 0);
}

static void of_equal_prefixes_the_first_is_preferred_and_an_interface_can_be_asked_for(void **state)
{
    (void)state;
    assert_true(add(0x0a000000, 8, 1, 11));
    assert_true(add(0x0a000000, 8, 2, 22));
    assert_true(add(0x0a010000, 16, 3, 33));
    assert_int_equal(gateway_to(0x0a020000, IP4_ANY_INTERFACE), 11);
    assert_int_equal(gateway_to(0x0a020000, 2), 22);
    assert_int_equal(gateway_to(0x0a010000, IP4_ANY_INTERFACE), 33);
    assert_int_equal(gateway_to(0x0a010000, 2), 22);
    assert_int_equal(gateway_to(0x0a010000, 1), 11);
    assert_int_equal(gateway_to(0x0a010000, 4), 0);
    assert_true(add(0x0a000000, 8, 2, 23)); /* replaced, not doubled */
    assert_int_equal(routes.count, 3);
    assert_int_equal(gateway_to(0x0a020000, 2), 23);
    assert_true(drop(0x0a000000, 8));
    assert_int_equal(gateway_to(0x0a020000, IP4_ANY_INTERFACE), 23);
}

static void an_address_of_ours_is_preferred_to_a_route_of_32_bits(void **state)
{
    (void)state;
    struct ip4_route local = {.prefix = 0x0a000001, .length = 32, .kind = IP4_ROUTE_LOCAL};
    assert_true(add(0x0a000001, 32, 0, 9));
    assert_true(add(0x0a000005, 32, 0, 8));
    assert_true(ip4_routes_add(&routes, &local));
    assert_int_equal(gateway_to(0x0a000005, IP4_ANY_INTERFACE), 8);
    assert_int_equal(ip4_routes_find(&routes, 0x0a000001, IP4_ANY_INTERFACE)->kind,
                     IP4_ROUTE_LOCAL);
    assert_true(drop(0x0a000001, 32));
    assert_int_equal(ip4_routes_find(&routes, 0x0a000001, IP4_ANY_INTERFACE)->kind,
                     IP4_ROUTE_LOCAL);
    assert_false(drop(0x0a000001, 32));
}

static void a_route_of_one_interface_can_be_removed(void **state)
{
    (void)state;
    assert_true(add(0x0a000000, 8, 1, 11));
    assert_true(add(0x0a000000, 8, 2, 22));
    assert_true(add(0x0a000000, 8, 3, 33));
    assert_true(ip4_routes_remove(&routes, 0x0a000000, 8, IP4_ROUTE_UNICAST, 2));
    assert_false(ip4_routes_remove(&routes, 0x0a000000, 8, IP4_ROUTE_UNICAST, 2));
    assert_false(ip4_routes_remove(&routes, 0x0a000000, 8, IP4_ROUTE_LOCAL, IP4_ANY_INTERFACE));
    assert_int_equal(gateway_to(0x0a000001, 1), 11);
    assert_int_equal(gateway_to(0x0a000001, 2), 0);
    assert_int_equal(gateway_to(0x0a000001, 3), 33);
}

static void a_full_table_refuses(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LIMIT; i++)
        assert_true(add(i << 12, 20, 0, i + 1));
    assert_false(add(0xf0000000, 20, 0, 1));
    assert_true(add(0, 20, 0, 7));
    assert_int_equal(gateway_to(0, IP4_ANY_INTERFACE), 7);
}

/* ---- Against the obvious way ---- */

static const struct ip4_route *plain_find(uint32_t address)
{
    const struct ip4_route *best = NULL;
    for (uint32_t i = 0; i < routes.count; i++) {
        const struct ip4_route *route = &routes.routes[i];
        if (((route->prefix ^ address) & ip4_mask(route->length)) == 0 &&
            (best == NULL || route->length >= best->length))
            best = route;
    }
    return best;
}

/* Each route knows the narrowest one around it: what keeps a search short. */
static void check_nesting(void)
{
    for (uint32_t i = 0; i < routes.count; i++) {
        const struct ip4_route *inner = &routes.routes[i];
        uint32_t around = 0;
        for (uint32_t j = 0; j < i; j++) {
            const struct ip4_route *outer = &routes.routes[j];
            if (outer->length <= inner->length &&
                ((outer->prefix ^ inner->prefix) & ip4_mask(outer->length)) == 0)
                around = j + 1;
        }
        assert_int_equal(inner->around, around);
    }
}

static void random_tables_agree_with_a_scan(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (unsigned step = 0; step < 3000; step++) {
        /* few distinct bits, so that prefixes nest deeply */
        uint32_t prefix = (uint32_t)random_next(&seed) & 0x31100301u;
        unsigned length = (unsigned)random_next(&seed) % 33;
        if (random_next(&seed) % 3 != 0)
            add(prefix, length, 0, step + 1);
        else
            drop(prefix, length);
        if (step % 50 == 0)
            check_nesting();
        for (unsigned i = 0; i < 20; i++) {
            uint32_t address = (uint32_t)random_next(&seed) & 0x31100303u;
            assert_ptr_equal(ip4_routes_find(&routes, address, IP4_ANY_INTERFACE),
                             plain_find(address));
        }
    }
    assert_true(routes.count > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_table_leads_nowhere, make, end),
        cmocka_unit_test_setup_teardown(the_longest_prefix_wins, make, end),
        cmocka_unit_test_setup_teardown(bits_beyond_the_prefix_do_not_matter, make, end),
        cmocka_unit_test_setup_teardown(
            of_equal_prefixes_the_first_is_preferred_and_an_interface_can_be_asked_for, make, end),
        cmocka_unit_test_setup_teardown(an_address_of_ours_is_preferred_to_a_route_of_32_bits, make,
                                        end),
        cmocka_unit_test_setup_teardown(a_route_of_one_interface_can_be_removed, make, end),
        cmocka_unit_test_setup_teardown(a_full_table_refuses, make, end),
        cmocka_unit_test_setup_teardown(random_tables_agree_with_a_scan, make, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
