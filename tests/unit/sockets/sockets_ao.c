/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP-AO through sockets: Linux's TCP_AO_ADD_KEY, TCP_AO_DEL_KEY and TCP_AO_INFO. */
#include "tests/unit/sockets/pair.h"

#include "core/host/layout.h"
#include "sockets/options/ao.h"

static struct pair pair;

static void make(void)
{
    struct chaski_limits limits;
    struct world_options options = {.limits = &limits};
    chaski_limits_for(&limits, 16 << 20, 64);
    limits.ao_keys = 8;
    pair = (struct pair){.listener = -1, .server = -1, .client = -1};
    world_make(&pair.world, &options);
    for (int i = 0; i < 2; i++)
        pair.s[i] = sockets_create(pair.world.hosts[i], NULL, 3);
    world_settle(&pair.world);
}

static int tear_down(void **state)
{
    (void)state;
    pair_end(&pair);
    return 0;
}

/* As a kernel's own structure would be filled in. */
static struct ao_add key_for(int host, const char *secret, uint8_t send_id, uint8_t receive_id)
{
    struct ao_add add = {
        .algorithm = "cmac(aes128)",
        .prefix = 32,
        .send_id = send_id,
        .receive_id = receive_id,
        .key_length = (uint8_t)strlen(secret),
    };
    struct sockaddr_in peer = pair_address((uint32_t)(1 - host), 0);
    memcpy(&add.address, &peer, sizeof peer);
    memcpy(add.key, secret, strlen(secret));
    return add;
}

static int add(int host, int fd, const struct ao_add *add)
{
    return sockets_setsockopt(pair.s[host], fd, IPPROTO_TCP, AO_ADD_KEY, add, sizeof *add);
}

static int delete (int host, int fd, struct ao_delete *delete)
{
    struct sockaddr_in peer = pair_address((uint32_t)(1 - host), 0);
    memcpy(&delete->address, &peer, sizeof peer);
    delete->prefix = 32;
    return sockets_setsockopt(pair.s[host], fd, IPPROTO_TCP, AO_DEL_KEY, delete, sizeof *delete);
}

static int set_info(int host, int fd, const struct ao_info *info)
{
    return sockets_setsockopt(pair.s[host], fd, IPPROTO_TCP, AO_INFO, info, sizeof *info);
}

static int get_info(int host, int fd, struct ao_info *info)
{
    socklen_t length = sizeof *info;
    int error = sockets_getsockopt(pair.s[host], fd, IPPROTO_TCP, AO_INFO, info, &length);
    if (error == 0)
        assert_int_equal(length, sizeof *info);
    return error;
}

static void listens(const char *secret)
{
    pair_listen(&pair, 5);
    struct ao_add key = key_for(0, secret, 84, 61);
    assert_int_equal(add(0, pair.listener, &key), 0);
}

static int stream(void)
{
    int fd = sockets_socket(pair.s[1], AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 3);
    return fd;
}

static int connects(int fd)
{
    struct sockaddr_in to = pair_address(0, PAIR_PORT);
    int error = sockets_connect(pair.s[1], fd, (void *)&to, sizeof to);
    world_settle(&pair.world);
    return error;
}

static void opens(void)
{
    make();
    listens("secret");
    pair.client = stream();
    struct ao_add key = key_for(1, "secret", 61, 84);
    assert_int_equal(add(1, pair.client, &key), 0);
    assert_int_equal(connects(pair.client), -EINPROGRESS);
    pair.server = sockets_accept(pair.s[0], pair.listener, NULL, NULL);
    assert_true(pair.server >= 3);
}

static void talk(void)
{
    static const int order[2] = {0, 1};
    for (int i = 0; i < 2; i++) {
        int from = order[i], to = 1 - from;
        int fds[2] = {pair.server, pair.client};
        char text[8];
        assert_int_equal(sockets_write(pair.s[from], fds[from], "hello", 5), 5);
        world_settle(&pair.world);
        assert_int_equal(sockets_read(pair.s[to], fds[to], text, sizeof text), 5);
    }
}

static void keys_open_and_are_counted(void **state)
{
    (void)state;
    struct ao_info info;
    opens();
    talk();
    for (int host = 0; host < 2; host++) {
        assert_int_equal(get_info(host, host == 0 ? pair.server : pair.client, &info), 0);
        assert_int_equal(info.current_key, host == 0 ? 84 : 61);
        assert_int_equal(info.next_key, host == 0 ? 61 : 84);
        assert_true(info.set_current && info.set_next && !info.required && !info.accept_icmp);
        assert_true(info.good >= 2);
        assert_int_equal(info.bad + info.key_not_found + info.required_missing, 0);
    }
    assert_int_equal(chaski_counter_value(pair.world.hosts[0], CHASKI_DROP_TCP_AO_BAD), 0);
    assert_true(chaski_counter_value(pair.world.hosts[0], CHASKI_TCP_AO_VERIFIED) >= 2);
}

/* What was on its way when a socket is closed, and the end itself, is signed still; then the core
 * has none of its keys any more. */
static void keys_go_with_their_sockets(void **state)
{
    (void)state;
    char text[8];
    opens();
    talk();
    assert_int_equal(sockets_write(pair.s[1], pair.client, "last", 4), 4);
    assert_int_equal(sockets_close(pair.s[1], pair.client), 0);
    assert_int_equal(sockets_close(pair.s[0], pair.listener), 0);
    world_settle(&pair.world);
    assert_int_equal(sockets_read(pair.s[0], pair.server, text, sizeof text), 4);
    assert_int_equal(sockets_read(pair.s[0], pair.server, text, sizeof text), 0);
    assert_int_equal(sockets_close(pair.s[0], pair.server), 0);
    world_settle(&pair.world);
    assert_int_equal(pair.world.hosts[1]->tcp.time_wait.count, 1);
    for (int host = 0; host < 2; host++)
        for (unsigned i = 0; i < 8; i++)
            assert_int_equal(pair.world.hosts[host]->tcp.ao.keys[i].secret_length, 0);
}

static void another_secret_does_not_connect(void **state)
{
    (void)state;
    struct ao_info info;
    make();
    listens("secret");
    int fd = stream();
    struct ao_add key = key_for(1, "another", 61, 84);
    assert_int_equal(add(1, fd, &key), 0);
    assert_int_equal(connects(fd), -EINPROGRESS);
    world_run(&pair.world, 3 * WORLD_SECOND);
    assert_int_equal(sockets_accept(pair.s[0], pair.listener, NULL, NULL), -EAGAIN);
    assert_int_equal(get_info(1, fd, &info), 0);
    assert_int_equal(info.good, 0);
}

/* Two sockets to the same server: each has its own. */
static void a_socket_without_keys_goes_without(void **state)
{
    (void)state;
    struct ao_info info;
    opens();
    int plain = stream();
    assert_int_equal(connects(plain), -EINPROGRESS);
    world_run(&pair.world, 2 * WORLD_SECOND);
    assert_true(chaski_counter_value(pair.world.hosts[0], CHASKI_DROP_TCP_AO_MISSING) >= 2);
    assert_int_equal(get_info(1, plain, &info), -ENOENT);
    struct ao_add key = key_for(1, "secret", 1, 1);
    assert_int_equal(add(1, plain, &key), -EINVAL);
    talk();
}

static void keys_change(void **state)
{
    (void)state;
    struct ao_info info;
    opens();
    struct ao_add server = key_for(0, "new secret", 2, 1), client = key_for(1, "new secret", 1, 2);
    server.set_next = 1; /* who is asked to use another key uses that one */
    assert_int_equal(add(0, pair.server, &server), 0);
    client.set_current = client.set_next = 1;
    assert_int_equal(add(1, pair.client, &client), 0);
    talk();
    talk();
    assert_int_equal(get_info(1, pair.client, &info), 0);
    assert_int_equal(info.current_key, 1);
    assert_int_equal(info.next_key, 2);
    assert_int_equal(get_info(0, pair.server, &info), 0);
    assert_int_equal(info.current_key, 2);
    struct ao_delete old = {.send_id = 61, .receive_id = 84};
    assert_int_equal(delete (1, pair.client, &old), 0);
    assert_int_equal(delete (1, pair.client, &old), -ENOENT);
    talk();
    info = (struct ao_info){.set_current = 1, .current_key = 99};
    assert_int_equal(set_info(0, pair.server, &info), -ENOENT);
}

static void a_key_in_use_is_kept_unless_another_one_replaces_it(void **state)
{
    (void)state;
    opens();
    struct ao_delete old = {.send_id = 61, .receive_id = 84};
    assert_int_equal(delete (1, pair.client, &old), -EBUSY);
    struct ao_add server = key_for(0, "new secret", 2, 1), client = key_for(1, "new secret", 1, 2);
    assert_int_equal(add(0, pair.server, &server), 0);
    assert_int_equal(add(1, pair.client, &client), 0);
    old.set_current = 1;
    old.current_key = 1;
    assert_int_equal(delete (1, pair.client, &old), -EBUSY);
    old.set_next = 1;
    old.next_key = 2;
    assert_int_equal(delete (1, pair.client, &old), 0);
    talk();
}

static void keys_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    make();
    int fd = stream();
    struct ao_add key = key_for(1, "secret", 1, 2), good = key;
    key.reserved = 1;
    assert_int_equal(add(1, fd, &key), -EINVAL);
    key = good;
    key.prefix = 24; /* bits behind it are set */
    assert_int_equal(add(1, fd, &key), -EINVAL);
    key = good;
    key.prefix = 0;
    assert_int_equal(add(1, fd, &key), -EINVAL);
    key = good;
    key.key_length = 81;
    assert_int_equal(add(1, fd, &key), -EINVAL);
    key = good;
    key.code_length = 16;
    assert_int_equal(add(1, fd, &key), -EINVAL);
    key = good;
    strcpy(key.algorithm, "hmac(md5)");
    assert_int_equal(add(1, fd, &key), -ENOENT);
    key = good;
    ((struct sockaddr_in *)&key.address)->sin_port = htons(1);
    assert_int_equal(add(1, fd, &key), -EINVAL);
    assert_int_equal(add(1, fd, &good), 0);
    assert_int_equal(add(1, fd, &good), -EEXIST);
    good.receive_id = 77;
    assert_int_equal(add(1, fd, &good), -EEXIST);
    uint8_t longer[sizeof good + 4] = {0};
    good.send_id = 78;
    memcpy(longer, &good, sizeof good);
    longer[sizeof good + 3] = 1;
    assert_int_equal(
        sockets_setsockopt(pair.s[1], fd, IPPROTO_TCP, AO_ADD_KEY, longer, sizeof longer), -E2BIG);
    longer[sizeof good + 3] = 0;
    assert_int_equal(
        sockets_setsockopt(pair.s[1], fd, IPPROTO_TCP, AO_ADD_KEY, longer, sizeof longer), 0);
}

/* A key for a network, and one for everybody. */
static void keys_are_for_networks_too(void **state)
{
    (void)state;
    make();
    pair_listen(&pair, 5);
    struct ao_add key = key_for(0, "secret", 84, 61);
    struct sockaddr_in network = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200)};
    memcpy(&key.address, &network, sizeof network);
    key.prefix = 24;
    assert_int_equal(add(0, pair.listener, &key), 0);
    pair.client = stream();
    key = key_for(1, "secret", 61, 84);
    network.sin_addr.s_addr = INADDR_ANY;
    memcpy(&key.address, &network, sizeof network);
    key.prefix = 0;
    assert_int_equal(add(1, pair.client, &key), 0);
    assert_int_equal(connects(pair.client), -EINPROGRESS);
    pair.server = sockets_accept(pair.s[0], pair.listener, NULL, NULL);
    assert_true(pair.server >= 3);
    talk();
}

static void required_means_that_nobody_gets_in_without(void **state)
{
    (void)state;
    struct ao_info info = {.required = 1};
    make();
    pair_listen(&pair, 5);
    struct ao_add other = key_for(1, "for somebody else", 1, 2); /* whose address is the server's */
    assert_int_equal(add(0, pair.listener, &other), 0);
    assert_int_equal(set_info(0, pair.listener, &info), 0);
    int fd = stream();
    assert_int_equal(connects(fd), -EINPROGRESS);
    assert_int_equal(sockets_accept(pair.s[0], pair.listener, NULL, NULL), -EAGAIN);
    info.required = 0;
    assert_int_equal(set_info(0, pair.listener, &info), 0);
    world_run(&pair.world, 3 * WORLD_SECOND);
    assert_true(sockets_accept(pair.s[0], pair.listener, NULL, NULL) >= 3);
    fd = stream();
    info.required = 1;
    assert_int_equal(add(1, fd, &(struct ao_add){0}), -EINVAL);
    other = key_for(0, "for another host", 1, 2);
    assert_int_equal(add(1, fd, &other), 0);
    assert_int_equal(set_info(1, fd, &info), 0);
    assert_int_equal(connects(fd), -EKEYREJECTED);
    info.required = 0;
    assert_int_equal(set_info(1, fd, &info), 0);
    assert_int_equal(connects(fd), -EINPROGRESS);
    assert_true(sockets_accept(pair.s[0], pair.listener, NULL, NULL) >= 3);
}

static void requirement_goes_with_its_listener(void **state)
{
    (void)state;
    struct ao_info info = {.required = 1};
    make();
    pair_listen(&pair, 5);
    assert_int_equal(set_info(0, pair.listener, &info), 0);
    assert_int_equal(sockets_close(pair.s[0], pair.listener), 0);
    pair_listen(&pair, 5);
    assert_int_equal(connects(stream()), -EINPROGRESS);
    assert_true(sockets_accept(pair.s[0], pair.listener, NULL, NULL) >= 3);
}

static void only_keys_that_are_there_can_be_chosen(void **state)
{
    (void)state;
    struct ao_info current = {.set_current = 1, .current_key = 99};
    struct ao_info next = {.set_next = 1, .next_key = 99};
    make();
    int fd = stream();
    assert_int_equal(set_info(1, fd, &current), -ENOENT);
    assert_int_equal(set_info(1, fd, &next), -ENOENT);
    struct ao_add key = key_for(0, "secret", 99, 84);
    assert_int_equal(add(1, fd, &key), 0);
    assert_int_equal(set_info(1, fd, &current), 0);
    assert_int_equal(set_info(1, fd, &next), -ENOENT);
}

static int get_keys(int host, int fd, struct ao_keys *keys)
{
    socklen_t length = sizeof *keys;
    return sockets_getsockopt(pair.s[host], fd, IPPROTO_TCP, AO_GET_KEYS, keys, &length);
}

/* TCP_AO_GET_KEYS (RFC 5925, 7.1, SHLD-1), and what the core tells (MUST-17). */
/* RFC 5925 SHLD-1, MUST-17 */
static void keys_can_be_read(void **state)
{
    (void)state;
    struct ao_keys keys[3] = {{.all = 1, .count = 3}};
    make();
    listens("secret");
    int fd = stream();
    assert_int_equal(get_keys(1, fd, keys), -ENOENT);
    struct ao_add key = key_for(1, "secret", 61, 84), second = key_for(1, "another", 3, 4);
    assert_int_equal(add(1, fd, &key), 0);
    assert_int_equal(add(1, fd, &second), 0);
    assert_int_equal(connects(fd), -EINPROGRESS);
    assert_int_equal(get_keys(1, fd, keys), 0);
    assert_int_equal(keys[0].count, 2);
    assert_int_equal(keys[1].count, 0);
    assert_int_equal(keys[2].key_length, 0);
    assert_string_equal(keys[0].algorithm, "cmac(aes128)");
    assert_int_equal(keys[0].key_length, 6);
    assert_memory_equal(keys[0].key, "secret", 6);
    assert_int_equal(keys[0].send_id, 61);
    assert_int_equal(keys[0].receive_id, 84);
    assert_int_equal(keys[0].prefix, 32);
    assert_int_equal(keys[0].code_length, 12);
    assert_true(keys[0].is_current && keys[0].is_next);
    struct sockaddr_in peer = pair_address(0, 0);
    assert_memory_equal(&keys[0].address, &peer, sizeof peer);
    assert_memory_equal(keys[1].key, "another", 7);
    assert_false(keys[1].is_current || keys[1].is_next);

    keys[0] = (struct ao_keys){.is_current = 1, .count = 1};
    assert_int_equal(get_keys(1, fd, keys), 0);
    assert_int_equal(keys[0].count, 1);
    assert_int_equal(keys[0].send_id, 61);
    keys[0] = (struct ao_keys){.prefix = 32, .send_id = 3, .receive_id = 4, .count = 0};
    memcpy(&keys[0].address, &peer, sizeof peer);
    assert_int_equal(get_keys(1, fd, keys), 0);
    assert_int_equal(keys[0].count, 1); /* there is one, for which there was no room */
    assert_int_equal(keys[0].key_length, 0);
    keys[0].send_id = 5;
    assert_int_equal(get_keys(1, fd, keys), 0);
    assert_int_equal(keys[0].count, 0);
    keys[0] = (struct ao_keys){.address.ss_family = AF_INET, .count = 9}; /* by so few bytes */
    socklen_t length = offsetof(struct ao_keys, count) + sizeof keys[0].count;
    assert_int_equal(sockets_getsockopt(pair.s[1], fd, IPPROTO_TCP, AO_GET_KEYS, keys, &length), 0);
    assert_int_equal(keys[0].count, 0);
    keys[0] = (struct ao_keys){.all = 1, .is_next = 1};
    assert_int_equal(get_keys(1, fd, keys), -EINVAL);
    keys[0] = (struct ao_keys){.count = 1};
    assert_int_equal(get_keys(1, fd, keys), -EAFNOSUPPORT);
}

static void the_core_may_have_no_room(void **state)
{
    (void)state;
    pair_make(&pair);
    pair_listen(&pair, 5);
    struct ao_add key = key_for(0, "secret", 84, 61);
    assert_int_equal(add(0, pair.listener, &key), -ENOBUFS);
    int fd = stream();
    key = key_for(1, "secret", 61, 84);
    assert_int_equal(add(1, fd, &key), 0);
    assert_int_equal(connects(fd), -ENOBUFS);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_open_and_are_counted),
        TEST(keys_go_with_their_sockets),
        TEST(another_secret_does_not_connect),
        TEST(a_socket_without_keys_goes_without),
        TEST(keys_change),
        TEST(a_key_in_use_is_kept_unless_another_one_replaces_it),
        TEST(keys_that_make_no_sense_are_refused),
        TEST(keys_are_for_networks_too),
        TEST(required_means_that_nobody_gets_in_without),
        TEST(requirement_goes_with_its_listener),
        TEST(only_keys_that_are_there_can_be_chosen),
        TEST(keys_can_be_read),
        TEST(the_core_may_have_no_room),
    };
    return cmocka_run_group_tests_name("sockets_ao", tests, NULL, NULL);
}
