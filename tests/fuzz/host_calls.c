/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include "tests/fuzz/host.h"

/* The application: services that answer by themselves, and every public call at the input's will.
 */

enum { TEXT = 30000 };

static const uint8_t text[TEXT];

static void remember(struct world *world, chaski_tcp connection)
{
    world->handles[world->handle_count++ % HOST_HANDLES] = connection;
}

/* ---- Closures ---- */

static void echo(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    uint8_t bytes[512];
    long got;
    if (events & CHASKI_CONNECTED)
        remember(context, connection);
    while ((got = chaski_tcp_read(host, connection, bytes, sizeof bytes)) > 0) {
        if (chaski_tcp_write(host, connection, bytes, (size_t)got) < got)
            break;
    }
    if (got == 0)
        chaski_tcp_shutdown(host, connection);
    if (events & CHASKI_ENDED)
        chaski_tcp_close(host, connection);
}

static void chargen(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    if (events & CHASKI_CONNECTED)
        remember(context, connection);
    if (events & CHASKI_ENDED)
        chaski_tcp_close(host, connection);
    else
        chaski_tcp_write(host, connection, text, sizeof text);
}

static bool not_from_5001(void *context, const struct chaski_endpoint *local,
                          const struct chaski_endpoint *remote)
{
    (void)context, (void)local;
    return remote->port != PEER_PORT + 1;
}

static void udp_echo(void *context, struct chaski *host, chaski_udp socket,
                     const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                     const void *bytes, size_t length)
{
    (void)context, (void)local;
    chaski_udp_send(host, socket, remote, bytes, length);
}

static void pong(void *context, struct chaski *host, const struct chaski_address *from,
                 uint16_t sequence, uint8_t ttl, const void *bytes, size_t length, int error)
{
    (void)context, (void)host, (void)from, (void)sequence, (void)ttl;
    must(error <= 0);
    touch(bytes, length);
}

static void given_back(struct chaski_memory *memory)
{
    struct host_loan *loan = memory->context;
    must(loan->lent);
    loan->lent = false;
}

/* ---- What the input chooses from ---- */

static struct chaski_endpoint endpoint(struct input *input)
{
    uint8_t choice = next(input);
    const struct chaski_address addresses[] = {
        chaski_ip4(10, 0, 0, 1),      chaski_ip4(10, 0, 0, 1),  chaski_ip4(10, 0, 0, 2),
        chaski_ip4(10, 0, 0, 255),    chaski_ip4(239, 1, 2, 3), chaski_ip4(0, 0, 0, 0),
        chaski_ip4(10, 0, 0, choice), chaski_ip4(10, 1, 0, 2),
    };
    return (struct chaski_endpoint){.address = addresses[choice >> 2 & 7],
                                    .port = (uint16_t)(PEER_PORT + choice % PEER_FLOWS)};
}

static chaski_tcp_closure *closure(uint8_t choice)
{
    chaski_tcp_closure *const closures[] = {echo, chargen, NULL};
    return closures[choice % 3];
}

/* ---- Calls about connections ---- */

static void connect_somewhere(struct world *world, struct input *input)
{
    chaski_tcp connection;
    uint8_t choice = next(input);
    struct chaski_tcp_connect to = {.remote = endpoint(input),
                                    .receive = closure(choice),
                                    .context = world,
                                    .fast_open = choice & 0x10,
                                    .fast_open_without_cookie = choice & 0x20};
    if (choice & 0x40)
        to.local = (struct chaski_endpoint){.port = 7777};
    if (choice & 0x80)
        to.local.address = chaski_ip4(10, 0, 0, 2);
    if (chaski_tcp_connect(world->host, &to, &connection) != 0)
        return;
    remember(world, connection);
    if (to.fast_open)
        chaski_tcp_write(world->host, connection, text, next16(input) % TEXT);
}

static void take_in(struct world *world, chaski_tcp connection, struct input *input)
{
    struct chaski_piece pieces[4];
    uint8_t bytes[700];
    uint16_t length = next16(input);
    int count = chaski_tcp_look(world->host, connection, pieces, 1 + length % 4);
    size_t seen = 0;
    for (int i = 0; i < count; i++) {
        touch(pieces[i].bytes, pieces[i].length);
        seen += pieces[i].length;
    }
    if (length & 0x8000)
        chaski_tcp_read(world->host, connection, bytes, length % sizeof bytes);
    else
        must(count <= 0 || chaski_tcp_consume(world->host, connection, length % (seen + 1)) == 0);
}

static void hand_over(struct world *world, chaski_tcp connection, struct input *input)
{
    uint16_t choice = next16(input);
    struct host_loan *loan = &world->loans[choice % HOST_LOANS];
    if (loan->lent)
        return;
    loan->memory = (struct chaski_memory){
        .bytes = text, .length = choice >> 2, .release = given_back, .context = loan};
    loan->lent = true;
    if (chaski_tcp_hand_over(world->host, connection, &loan->memory) != 0)
        loan->lent = false;
}

static void set_option(struct world *world, chaski_tcp connection, struct input *input)
{
    enum chaski_tcp_option option = next(input) % (CHASKI_TCP_OPTION_COUNT + 1);
    int64_t value = (int16_t)next16(input), now;
    bool set = chaski_tcp_set(world->host, connection, option, value) == 0;
    must(!set || chaski_tcp_get(world->host, connection, option, &now) == 0);
}

static void ask(struct world *world, chaski_tcp connection)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0, count = 0;
    int events = chaski_tcp_events(world->host, connection);
    must((events == CHASKI_STALE) == (chaski_tcp_info(world->host, connection, &info) != 0));
    chaski_tcp_error(world->host, connection);
    chaski_tcp_prefetch(world->host, connection);
    while (chaski_tcp_list(world->host, &cursor, &info) != 0)
        must(count++ < 100);
}

static void call_tcp(struct world *world, struct input *input)
{
    uint8_t what = next(input), choice = next(input);
    chaski_tcp connection = world->handles[choice % HOST_HANDLES];
    switch (what % 12) {
    case 0:
        chaski_tcp_close(world->host, connection);
        break;
    case 1:
        chaski_tcp_abort(world->host, connection);
        break;
    case 2:
        chaski_tcp_shutdown(world->host, connection);
        break;
    case 3:
        chaski_tcp_urgent(world->host, connection);
        break;
    case 4:
        set_option(world, connection, input);
        break;
    case 5:
        take_in(world, connection, input);
        break;
    case 6:
        hand_over(world, connection, input);
        break;
    case 7:
        chaski_tcp_on(world->host, connection, closure(choice >> 3), world);
        break;
    case 8:
        ask(world, connection);
        break;
    case 9:
        connect_somewhere(world, input);
        break;
    default:
        chaski_tcp_write(world->host, connection, text, next16(input) % TEXT);
        break;
    }
}

/* ---- Calls about listeners ---- */

static void listen(struct world *world, unsigned which, uint8_t choice)
{
    static const uint16_t ports[HOST_LISTENERS] = {HOST_ECHO_PORT, HOST_CHARGEN_PORT,
                                                   HOST_POLLED_PORT, 4711};
    chaski_tcp_closure *const closures[HOST_LISTENERS] = {echo, chargen, NULL, echo};
    struct chaski_tcp_bind bind = {.local.port = ports[which],
                                   .receive = closures[which],
                                   .context = world,
                                   .max_connections = choice >> 2 & 3,
                                   .backlog = choice >> 4 & 3,
                                   .filter = choice & 0x80 ? not_from_5001 : NULL};
    if (chaski_tcp_bind(world->host, &bind, &world->listeners[which]) == 0)
        chaski_tcp_listener_fast_open(world->host, world->listeners[which], choice >> 6);
}

static void call_listener(struct world *world, struct input *input)
{
    uint8_t what = next(input), choice = next(input), keys[33] = {1};
    chaski_tcp connection;
    struct chaski_endpoint server;
    switch (what % 6) {
    case 0:
        chaski_tcp_unbind(world->host, world->listeners[choice % HOST_LISTENERS]);
        break;
    case 1:
        listen(world, choice % HOST_LISTENERS, choice);
        break;
    case 2:
        chaski_tcp_listener_fast_open(world->host, world->listeners[choice % HOST_LISTENERS],
                                      choice >> 2);
        break;
    case 3:
        keys[0] = choice;
        chaski_tcp_fast_open_keys(world->host, keys, choice & 1 ? 16 : 32u + (choice >> 7));
        break;
    case 4:
        server = endpoint(input);
        chaski_tcp_fast_open_room(world->host, &server.address, choice & 1);
        break;
    case 5:
        while (chaski_tcp_accept(world->host, world->listeners[choice % HOST_LISTENERS],
                                 &connection) == 0)
            remember(world, connection);
        break;
    }
}

/* ---- Datagrams ---- */

static void bind_socket(struct world *world, unsigned which, struct input *input)
{
    uint8_t choice = next(input);
    struct chaski_udp_bind bind = {.local.port = (uint16_t)(choice & 3 ? HOST_ECHO_PORT : 0),
                                   .receive = choice & 4 ? udp_echo : NULL,
                                   .filter = choice & 8 ? not_from_5001 : NULL,
                                   .queue = choice >> 6};
    if (choice & 16)
        bind.remote = endpoint(input);
    chaski_udp_close(world->host, world->sockets[which]);
    chaski_udp_bind(world->host, &bind, &world->sockets[which]);
}

static void receive(struct world *world, chaski_udp socket)
{
    uint8_t bytes[100];
    struct chaski_endpoint local, remote;
    while (chaski_udp_receive(world->host, socket, &local, &remote, bytes, sizeof bytes) >= 0)
        must(remote.port != 0);
}

static void call_udp(struct world *world, struct input *input)
{
    uint8_t what = next(input), choice = next(input);
    unsigned which = choice % HOST_SOCKETS;
    chaski_udp socket = world->sockets[which];
    struct chaski_endpoint to = endpoint(input), local;
    switch (what % 8) {
    case 0:
        bind_socket(world, which, input);
        break;
    case 1:
        chaski_udp_close(world->host, socket);
        break;
    case 2:
        chaski_udp_local(world->host, socket, &local);
        break;
    case 3:
        receive(world, socket);
        break;
    case 4:
        chaski_udp_set(world->host, socket, choice >> 2 & 7, next(input));
        break;
    case 5:
        chaski_udp_join(world->host, socket, &to.address, choice >> 4 & 3);
        break;
    case 6:
        chaski_udp_leave(world->host, socket, &to.address, choice >> 4 & 3);
        break;
    default:
        chaski_udp_send(world->host, socket, choice & 0x80 ? NULL : &to, text,
                        next16(input) % 5000);
        break;
    }
}

/* ---- Calls about the host ---- */

static void turn_knob(struct world *world, struct input *input)
{
    static const char *const words[] = {"cubic", "reno", "bbr", "", "-1", "x", "4096 8192 16384"};
    struct chaski_knob knob;
    char value[64], shown[64];
    uint8_t number = next(input) % 64, choice = next(input);
    if (chaski_describe_knob(number, &knob) != 0)
        return;
    if (choice & 0x80)
        snprintf(value, sizeof value, "%s", words[choice % 7]);
    else if (choice & 0x40)
        snprintf(value, sizeof value, "%ld", (long)(knob.least + next16(input)));
    else
        snprintf(value, sizeof value, "%ld", (long)(knob.least + choice));
    chaski_set_knob(world->host, knob.name, value);
    must(chaski_get_knob(world->host, knob.name, shown, sizeof shown) >= 0);
    must(chaski_set_knob(world->host, knob.name, shown) == 0);
}

static void readdress(struct world *world, uint8_t choice)
{
    const struct chaski_address address = chaski_ip4(10, 0, 0, choice & 1 ? 2 : 3),
                                prefix = chaski_ip4(10, 1, 0, 0),
                                gateway = chaski_ip4(10, 0, 0, choice & 1 ? 1 : 9),
                                none = chaski_ip4(0, 0, 0, 0);
    switch (choice >> 1 & 3) {
    case 0:
        chaski_address_add(world->host, HOST_ETHERNET, &address, choice & 8 ? 24 : 32);
        break;
    case 1:
        chaski_address_remove(world->host, HOST_ETHERNET, &address);
        break;
    case 2:
        chaski_route_add(world->host, &prefix, 16, choice & 8 ? &none : &gateway,
                         choice & 8 ? HOST_BARE : HOST_ETHERNET);
        break;
    case 3:
        chaski_route_remove(world->host, &prefix, 16);
        break;
    }
}

static void call_host(struct world *world, struct input *input)
{
    uint8_t what = next(input), choice = next(input);
    struct chaski_endpoint to;
    switch (what % 6) {
    case 0:
        readdress(world, choice);
        break;
    case 1:
        to = endpoint(input);
        chaski_ping(world->host, &to.address, choice & 1, choice, text, next16(input) % 3000);
        break;
    case 2:
        chaski_ping_on(world->host, choice & 1, choice & 2 ? pong : NULL, NULL);
        break;
    default:
        turn_knob(world, input);
        break;
    }
}

void host_call(struct world *world, struct input *input)
{
    switch (next(input) % 6) {
    case 0:
        call_listener(world, input);
        break;
    case 1:
        call_udp(world, input);
        break;
    case 2:
        call_host(world, input);
        break;
    default:
        call_tcp(world, input);
        break;
    }
}

/* ---- Before and after ---- */

void host_turn_knobs(struct world *world, uint16_t choice)
{
    static const char *const knobs[16][2] = {
        {"tcp_ecn", "1"},         {"tcp_ecn", "3"},
        {"tcp_ecn_option", "3"},  {"tcp_fastopen", "3"},
        {"tcp_fastopen", "519"},  {"tcp_mtu_probing", "1"},
        {"tcp_mtu_probing", "2"}, {"tcp_congestion_control", "reno"},
        {"tcp_syncookies", "2"},  {"tcp_timestamps", "0"},
        {"tcp_sack", "0"},        {"tcp_window_scaling", "0"},
        {"tcp_init_cwnd", "1"},   {"tcp_frto", "0"},
        {"tcp_fin_timeout", "1"}, {"tcp_probe_interval", "1"},
    };
    for (unsigned i = 0; i < 16; i++) {
        if (choice >> i & 1)
            must(chaski_set_knob(world->host, knobs[i][0], knobs[i][1]) == 0);
    }
}

void host_start_services(struct world *world)
{
    for (unsigned i = 0; i < HOST_HANDLES; i++)
        world->handles[i] = (chaski_tcp){UINT32_MAX, UINT32_MAX};
    for (unsigned i = 0; i < HOST_SOCKETS; i++)
        world->sockets[i] = (chaski_udp){UINT32_MAX, UINT32_MAX};
    for (unsigned i = 0; i < HOST_LISTENERS; i++)
        world->listeners[i] = (chaski_listener){UINT32_MAX, UINT32_MAX};
    for (unsigned i = 0; i < HOST_LISTENERS - 1; i++)
        listen(world, i, 0x40);
    const struct chaski_udp_bind udp = {.local.port = HOST_ECHO_PORT, .receive = udp_echo};
    must(chaski_udp_bind(world->host, &udp, &world->sockets[0]) == 0);
    const struct chaski_address group = chaski_ip4(239, 1, 2, 3);
    must(chaski_udp_join(world->host, world->sockets[0], &group, 0) == 0);
}

void host_let_go(struct world *world)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    for (unsigned i = 0; i < HOST_LISTENERS; i++)
        chaski_tcp_unbind(world->host, world->listeners[i]);
    for (unsigned i = 0; i < HOST_SOCKETS; i++)
        chaski_udp_close(world->host, world->sockets[i]);
    while (chaski_tcp_list(world->host, &cursor, &info) != 0)
        chaski_tcp_abort(world->host, info.connection);
}
