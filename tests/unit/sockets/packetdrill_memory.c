/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "packetdrill/machine.h"
#include "tests/unit/sockets/allocations.h"

/* The machine below packetdrill's calls, which has no memory for something, or is freed while
 * packets wait for the tool. */

static void a_machine_is_made_whole_or_not_at_all(void **state)
{
    long before = allocations.alive;
    unsigned nth = 0;
    (void)state;
    do {
        allocations.refuse = ++nth;
        allocations.refused = false;
        struct machine *m = machine_create("local=10.1.2.3");
        allocations.refuse = 0;
        assert_int_equal(m == NULL, allocations.refused);
        if (m != NULL)
            machine_free(m);
        assert_int_equal(allocations.alive, before);
    } while (allocations.refused);
    assert_int_equal(nth,
                     4); /* itself, the host's memory, the table, and then nothing is refused */
}

static void what_nobody_has_fetched_is_freed(void **state)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(7), .sin_addr.s_addr = htonl(0xc0000201)};
    long before = allocations.alive;
    (void)state;
    struct machine *m = machine_create("local=10.1.2.3");
    assert_non_null(m);
    for (int i = 0; i < 2; i++) {
        int fd = sockets_socket(m->sockets, AF_INET, SOCK_STREAM, 0);
        sockets_connect(m->sockets, fd, (void *)&to, sizeof to);
    }
    machine_turn(m);
    assert_true(machine_await_packet(m));
    assert_non_null(m->first->next);
    machine_free(m);
    assert_int_equal(allocations.alive, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_is_made_whole_or_not_at_all),
        cmocka_unit_test(what_nobody_has_fetched_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
