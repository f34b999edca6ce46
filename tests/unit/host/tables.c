/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/host/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/world.h"

/*
 * A follower beside the world's host 0, in the same thread: what it reads, what it hands to the
 * leader, and what it tells. Its frames are caught.
 */
struct follower {
    struct chaski *host;
    void *memory, *tables;
    chaski_udp socket;
    unsigned sent, resolved, told[3];
    uint8_t to[6]; /* of the frame sent last */
    struct world *world;
};

static void catch_frames(void *block, struct burst *burst, uint64_t now_ns)
{
    struct follower *follower = block;
    (void)now_ns;
    for (uint32_t i = 0; i < burst->count; i++) {
        follower->sent++;
        memcpy(follower->to, burst->packets[i]->data, sizeof follower->to);
        packet_free(burst->packets[i]);
    }
    burst->count = 0;
}

static void give_to_leader(void *block, struct burst *burst, uint64_t now_ns)
{
    struct follower *follower = block;
    follower->resolved += burst->count;
    host_resolve(follower->world->hosts[0], burst, now_ns);
}

static void tell_leader(void *block, enum neighbour_news news, uint8_t interface, uint32_t address,
                        uint64_t now_ns)
{
    struct follower *follower = block;
    follower->told[news]++;
    host_hear_news(follower->world->hosts[0], news, interface, address, now_ns);
}

static void make(struct world *world, struct follower *follower)
{
    static const uint8_t seed[32] = {7};
    struct chaski_limits limits;
    struct host_leader leader = {
        .resolve = {give_to_leader, follower}, .tell = tell_leader, .tell_block = follower};
    struct host_interface interface = {
        .mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .output = {catch_frames, follower}};
    world_make(world, &(struct world_options){.prefix_length = 24});
    world_run(world, 10 * WORLD_SECOND); /* until the probes for the addresses are over */
    world_forget(world);
    *follower = (struct follower){.world = world};
    chaski_limits_for(&limits, 1 << 20, 16);
    follower->memory = malloc(chaski_size(&limits));
    follower->host =
        chaski_init(follower->memory, chaski_size(&limits), &limits, seed, world->now_ns);
    assert_non_null(follower->host);
    host_become_follower(follower->host, &leader);
    assert_int_equal(host_interface_add(follower->host, &interface), 0);
    struct chaski_udp_bind bind = {.local.port = 5000};
    assert_int_equal(chaski_udp_bind(follower->host, &bind, &follower->socket), 0);
}

/* Reads what the leader has now. */
static void refresh(struct follower *follower)
{
    const struct chaski *leader = follower->world->hosts[0];
    size_t size = host_tables_size(leader);
    void *old = follower->tables;
    follower->tables = aligned_alloc(64, size);
    assert_null(host_tables_write(leader, follower->tables, size - 64));
    struct host_tables *tables = host_tables_write(leader, follower->tables, size);
    assert_non_null(tables);
    assert_int_equal(tables->version, host_tables_version(leader));
    host_follow(follower->host, tables);
    free(old);
}

static int say(struct follower *follower, const struct chaski_address *to)
{
    struct chaski_endpoint remote = {*to, 7, 0};
    chaski_poll(follower->host, follower->world->now_ns);
    int status = chaski_udp_send(follower->host, follower->socket, &remote, "hello", 5);
    chaski_poll(follower->host, follower->world->now_ns);
    world_settle(follower->world);
    return status;
}

static void unmake(struct world *world, struct follower *follower)
{
    world_free(world);
    free(follower->memory);
    free(follower->tables);
}

static void a_follower_knows_what_the_tables_say(void **state)
{
    struct world world;
    struct follower follower = {0};
    struct chaski_address own = world_address(0), peer = world_address(1);
    struct chaski_address second = chaski_ip4(192, 0, 2, 50);
    (void)state;
    make(&world, &follower);
    assert_false(host_is_local(follower.host, &own));
    assert_int_equal(say(&follower, &peer), CHASKI_NO_ROUTE);
    refresh(&follower);
    assert_true(host_is_local(follower.host, &own));
    assert_false(host_is_local(follower.host, &second));
    uint64_t version = host_tables_version(world.hosts[0]);
    assert_int_equal(chaski_address_add(world.hosts[0], 0, &second, 24), 0);
    assert_int_not_equal(host_tables_version(world.hosts[0]), version);
    assert_false(host_is_local(follower.host, &second)); /* not before it is told */
    refresh(&follower);
    assert_true(host_is_local(follower.host, &second));
    assert_int_equal(chaski_address_add(follower.host, 0, &second, 24), CHASKI_NOT_PERMITTED);
    assert_int_equal(chaski_udp_join(follower.host, follower.socket, &second, 0),
                     CHASKI_NOT_PERMITTED);
    unmake(&world, &follower);
}

static void the_leader_finds_neighbours_for_a_follower(void **state)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2};
    struct world world;
    struct follower follower = {0};
    struct chaski_address peer = world_address(1);
    struct chaski_udp_bind bind = {.local.port = 7};
    chaski_udp socket;
    char bytes[10];
    (void)state;
    make(&world, &follower);
    refresh(&follower);
    assert_int_equal(chaski_udp_bind(world.hosts[1], &bind, &socket), 0);
    uint64_t version = host_tables_version(world.hosts[0]);
    assert_int_equal(say(&follower, &peer), 0);
    assert_int_equal(follower.resolved, 1);
    assert_int_equal(follower.sent, 0); /* the leader has sent it, by its own link */
    assert_int_equal(chaski_udp_receive(world.hosts[1], socket, NULL, NULL, bytes, sizeof bytes),
                     5);
    assert_int_not_equal(host_tables_version(world.hosts[0]), version);
    assert_int_equal(say(&follower, &peer), 0); /* who has no newer tables asks again */
    assert_int_equal(follower.resolved, 2);
    refresh(&follower);
    assert_int_equal(say(&follower, &peer), 0);
    assert_int_equal(follower.resolved, 2);
    assert_int_equal(follower.sent, 1);
    assert_memory_equal(follower.to, mac, sizeof mac);
    unmake(&world, &follower);
}

static void groups_and_broadcasts_need_no_table(void **state)
{
    static const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x05};
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct world world;
    struct follower follower = {0};
    struct chaski_address to_group = chaski_ip4(224, 0, 0, 5);
    struct chaski_address to_all = chaski_ip4(192, 0, 2, 255);
    (void)state;
    make(&world, &follower);
    refresh(&follower);
    chaski_udp_set(follower.host, follower.socket, CHASKI_UDP_BROADCAST, 1);
    assert_int_equal(say(&follower, &to_group), 0);
    assert_memory_equal(follower.to, group, sizeof group);
    assert_int_equal(say(&follower, &to_all), 0);
    assert_memory_equal(follower.to, everybody, sizeof everybody);
    assert_int_equal(follower.resolved, 0);
    unmake(&world, &follower);
}

/* A neighbour that only a follower uses is kept, by what it tells: seldom, and in time. */
static void the_leader_keeps_what_a_follower_uses(void **state)
{
    struct world world;
    struct follower follower = {0};
    struct chaski_address peer = world_address(1);
    (void)state;
    make(&world, &follower);
    refresh(&follower);
    say(&follower, &peer);
    refresh(&follower);
    for (int tenths = 0; tenths < 3000; tenths++) {
        world_run(&world, WORLD_SECOND / 10);
        if (((struct host_tables *)follower.tables)->version != host_tables_version(world.hosts[0]))
            refresh(&follower);
        assert_int_equal(say(&follower, &peer), 0);
    }
    assert_int_equal(follower.resolved, 1);
    assert_int_equal(follower.sent, 3000);
    assert_in_range(follower.told[NEIGHBOUR_USED], 5, 150);
    unmake(&world, &follower);
}

static void doubt_and_progress_are_told(void **state)
{
    struct world world;
    struct follower follower = {0};
    struct chaski_address peer = world_address(1);
    struct neighbour_reader reader;
    const struct host_tables *tables;
    uint32_t address = 0xc0000202;
    (void)state;
    make(&world, &follower);
    refresh(&follower);
    say(&follower, &peer);
    refresh(&follower);
    tables = follower.tables;
    neighbour_reader_setup(&reader, host_counters(follower.host));
    reader.tell = tell_leader;
    reader.tell_block = &follower;
    neighbour_reader_confirm(&reader, 0, address, world.now_ns); /* no table yet */
    neighbour_reader_follow(&reader, &tables->neighbours);
    uint64_t until_ns = neighbour_table_find(&tables->neighbours, 0, address)->reachable_until_ns;
    assert_true(until_ns > world.now_ns);
    neighbour_reader_confirm(&reader, 0, address, world.now_ns);
    assert_int_equal(follower.told[NEIGHBOUR_CONFIRMED], 0); /* it holds for a while yet */
    uint64_t late_ns = until_ns - WORLD_SECOND;
    neighbour_reader_confirm(&reader, 0, address, late_ns);
    neighbour_reader_confirm(&reader, 0, address, late_ns + 1);
    assert_int_equal(follower.told[NEIGHBOUR_CONFIRMED], 1);
    refresh(&follower);
    tables = follower.tables;
    neighbour_reader_follow(&reader, &tables->neighbours);
    assert_true(neighbour_table_find(&tables->neighbours, 0, address)->reachable_until_ns >
                until_ns);
    neighbour_reader_doubt(&reader, 0, address, late_ns);
    assert_int_equal(follower.told[NEIGHBOUR_DOUBTED], 1);
    refresh(&follower);
    tables = follower.tables;
    assert_int_equal(neighbour_table_find(&tables->neighbours, 0, address)->reachable_until_ns, 0);
    neighbour_reader_follow(&reader, &tables->neighbours);
    neighbour_reader_confirm(&reader, 1, address, late_ns); /* on another interface: nobody */
    unmake(&world, &follower);
}

/* Numbers of one part only, each as seldom as can be, and runs that do not leave it. */
static void parts_number_datagrams_differently(void **state)
{
    enum { PARTS = 3, NUMBERS = 65536 / PARTS };
    static uint8_t owner[65536];
    const struct siphash_key key = {1, 2};
    struct ip4_identification identification;
    (void)state;
    for (uint32_t part = 0; part < PARTS; part++) {
        uint32_t last = 0, repeats = 0;
        ip4_identification_init(&identification, &key);
        ip4_identification_share(&identification, part, PARTS);
        for (int i = 0; i < 2 * NUMBERS; i++) {
            uint16_t taken = ip4_identification_take(&identification, 1, 2, 17, 1);
            assert_true(owner[taken] == 0 || owner[taken] == part + 1);
            repeats += owner[taken] != 0;
            owner[taken] = (uint8_t)(part + 1);
            assert_true(i == 0 || taken == last + 1 || taken == part * NUMBERS);
            last = taken;
        }
        assert_int_equal(repeats, NUMBERS);
        for (int i = 0; i < 2000; i++) {
            uint32_t first = ip4_identification_take(&identification, 3, 4, 6, 45);
            assert_in_range(first, part * NUMBERS, (part + 1) * NUMBERS - 45);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_knows_what_the_tables_say),
        cmocka_unit_test(the_leader_finds_neighbours_for_a_follower),
        cmocka_unit_test(groups_and_broadcasts_need_no_table),
        cmocka_unit_test(the_leader_keeps_what_a_follower_uses),
        cmocka_unit_test(doubt_and_progress_are_told),
        cmocka_unit_test(parts_number_datagrams_differently),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
