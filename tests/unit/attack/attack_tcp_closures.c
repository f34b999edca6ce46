// SPDX-License-Identifier: BSD-2-Clause
/* Closures that do everything: whatever one of them is told, it may make any call about any
 * connection, its own and others that wait to be told in the same turn. */
#include "tests/random.h"
#include "tests/unit/attack/attack.h"

enum { ENDS = 6, LENT = 64 };

static const struct chaski_limits limits = {
    .interfaces = 2,
    .addresses = 4,
    .routes = 8,
    .neighbours = 8,
    .groups = 4,
    .reassemblies = 4,
    .paths = 4,
    .listeners = 4,
    .connections = 16,
    .half_open = 4,
    .time_wait = 4,
    .udp_sockets = 4,
    .packets = 1024,
    .small_buffers = 512,
    .large_buffers = 64,
    .receive_buffer_max = 1 << 17,
    .send_buffer_max = 1 << 17,
};

/* Two hosts, and on each of them applications that know all handles of both. */
struct mess {
    struct world world;
    chaski_listener listeners[2];
    chaski_tcp handles[2][ENDS]; /* the latest ones; many are stale */
    uint32_t next[2];
    uint64_t random;
    uint32_t closures, releases, lent;
    struct chaski_memory memory[LENT];
    bool is_lent[LENT];
    bool quiet; /* closures only let go */
};

static struct mess *the_mess; /* closures have one context, which says which host they are of */
static const unsigned sides[2] = {0, 1};

static uint32_t pick(uint32_t below)
{
    return random_below(&the_mess->random, below);
}

static void note(unsigned side, chaski_tcp handle)
{
    the_mess->handles[side][the_mess->next[side]++ % ENDS] = handle;
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events);

static bool filter(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    (void)context;
    (void)local;
    (void)remote;
    return pick(4) != 0;
}

static void listen(unsigned side)
{
    struct chaski_tcp_bind bind = {
        .local.port = 7,
        .max_connections = 1 + pick(8),
        .backlog = 1 + pick(4),
        .filter = pick(2) ? filter : NULL,
        .receive = pick(3) ? on_event : NULL,
        .context = (void *)(uintptr_t)&sides[side],
    };
    chaski_listener listener;
    if (chaski_tcp_bind(the_mess->world.hosts[side], &bind, &listener) == 0)
        the_mess->listeners[side] = listener;
}

static void connect_to(unsigned side, unsigned other)
{
    struct chaski_tcp_connect connect = {
        .local.port = pick(8) == 0 ? 7 : 0, /* so that both may open at once */
        .remote = world_endpoint(other, 7),
        .receive = on_event,
        .context = (void *)(uintptr_t)&sides[side],
    };
    chaski_tcp handle;
    if (chaski_tcp_connect(the_mess->world.hosts[side], &connect, &handle) == 0)
        note(side, handle);
}

static void something(unsigned side);

/* Runs inside a turn as well, and acts as wildly as closures do. */
static void release(struct chaski_memory *memory)
{
    struct mess *mess = the_mess;
    uint32_t i = (uint32_t)(memory - mess->memory);
    assert_true(mess->is_lent[i]);
    mess->is_lent[i] = false;
    mess->lent--;
    mess->releases++;
    if (!mess->quiet && pick(2))
        something((unsigned)(uintptr_t)memory->context);
}

static void lend(unsigned side, chaski_tcp handle)
{
    static const uint8_t bytes[3000];
    struct mess *mess = the_mess;
    uint32_t i = pick(LENT);
    if (mess->is_lent[i])
        return;
    mess->memory[i] = (struct chaski_memory){.bytes = bytes,
                                             .length = 1 + pick(sizeof bytes),
                                             .release = release,
                                             .context = (void *)(uintptr_t)side};
    mess->is_lent[i] = true;
    mess->lent++;
    if (chaski_tcp_hand_over(mess->world.hosts[side], handle, &mess->memory[i]) != 0) {
        mess->is_lent[i] = false;
        mess->lent--;
    }
}

static void read_some(struct chaski *host, chaski_tcp handle)
{
    static uint8_t bytes[4096];
    struct chaski_piece pieces[4];
    if (pick(2)) {
        chaski_tcp_read(host, handle, bytes, 1 + pick(sizeof bytes));
    } else if (chaski_tcp_look(host, handle, pieces, 4) > 0) {
        memcpy(bytes, pieces[0].bytes, pieces[0].length < 4096 ? pieces[0].length : 4096);
        chaski_tcp_consume(host, handle, 1 + pick((uint32_t)pieces[0].length));
    }
}

static void set_something(struct chaski *host, chaski_tcp handle)
{
    static const int64_t values[] = {-1, 0, 1, 64, 1000, 5000, 100000};
    int64_t value;
    enum chaski_tcp_option option = (enum chaski_tcp_option)pick(CHASKI_TCP_OPTION_COUNT + 1);
    chaski_tcp_set(host, handle, option, values[pick(7)]);
    chaski_tcp_get(host, handle, option, &value);
}

static void ask_all(struct chaski *host)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    while (chaski_tcp_list(host, &cursor, &info))
        chaski_tcp_events(host, info.connection);
}

/* A call about the side's listener, or one that needs neither. */
static void something_else(unsigned side)
{
    struct mess *mess = the_mess;
    struct chaski *host = mess->world.hosts[side];
    chaski_tcp handle;
    switch (pick(6)) {
    case 0:
        if (pick(4) == 0)
            chaski_tcp_unbind(host, mess->listeners[side]);
        break;
    case 1:
        listen(side);
        break;
    case 2:
        if (chaski_tcp_accept(host, mess->listeners[side], &handle) == 0)
            note(side, handle);
        break;
    case 3:
        ask_all(host);
        break;
    case 4:
        chaski_poll(host, mess->world.now_ns); /* does nothing inside a turn */
        break;
    default:
        connect_to(side, pick(8) ? 1 - side : side);
        break;
    }
}

/* One call, of any kind, about any connection of the host's. */
static void something(unsigned side)
{
    static const uint8_t bytes[5000];
    struct chaski *host = the_mess->world.hosts[side];
    chaski_tcp handle = the_mess->handles[side][pick(ENDS)];
    struct chaski_tcp_info info;
    switch (pick(20)) {
    case 0:
        chaski_tcp_close(host, handle);
        break;
    case 1:
        chaski_tcp_abort(host, handle);
        break;
    case 2:
        chaski_tcp_shutdown(host, handle);
        break;
    case 3:
        chaski_tcp_urgent(host, handle);
        break;
    case 4:
        chaski_tcp_on(host, handle, pick(4) ? on_event : NULL, (void *)(uintptr_t)&sides[side]);
        break;
    case 5:
        set_something(host, handle);
        break;
    case 6:
        chaski_tcp_info(host, handle, &info);
        chaski_tcp_error(host, handle);
        break;
    case 7:
        lend(side, handle);
        break;
    case 8:
    case 9:
    case 10:
        chaski_tcp_write(host, handle, bytes, 1 + pick(sizeof bytes));
        break;
    case 11:
    case 12:
    case 13:
        read_some(host, handle);
        break;
    default:
        something_else(side);
        break;
    }
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct mess *mess = the_mess;
    unsigned side = *(const unsigned *)context;
    assert_ptr_equal(host, mess->world.hosts[side]);
    assert_int_not_equal(events, 0);
    assert_int_not_equal(chaski_tcp_events(host, connection), CHASKI_STALE);
    mess->closures++;
    if (mess->quiet) {
        chaski_tcp_abort(host, connection);
        return;
    }
    note(side, connection);
    for (uint32_t n = pick(6); n > 0; n--)
        something(side);
}

static bool loses(void *context, struct frame *frame)
{
    (void)context;
    (void)frame;
    return pick(20) == 0;
}

static void let_all_go(struct mess *mess)
{
    mess->quiet = true;
    for (unsigned side = 0; side < 2; side++) {
        struct chaski *host = mess->world.hosts[side];
        struct chaski_tcp_info info;
        uint32_t cursor = 0;
        chaski_tcp_unbind(host, mess->listeners[side]);
        while (chaski_tcp_list(host, &cursor, &info))
            chaski_tcp_abort(host, info.connection);
    }
}

static void assert_all_is_given_back(struct mess *mess)
{
    assert_int_equal(mess->lent, 0);
    world_assert_no_leaks(&mess->world);
    for (unsigned side = 0; side < 2; side++) {
        struct cost cost = cost_of(&mess->world, side);
        assert_int_equal(cost.connections, 0);
        assert_int_equal(cost.half_open, 0);
        assert_int_equal(cost.time_wait, 0);
        assert_int_equal(cost.records, 0);
        assert_true(mess->world.hosts[side]->tcp.work.first == TCP_WORK_END);
        assert_int_equal(chaski_deadline(mess->world.hosts[side]), UINT64_MAX);
    }
}

/* Returns how many closures and releases ran. */
static uint32_t make_a_mess(uint64_t seed)
{
    struct world_options options = {
        .limits = &limits, .seed = (uint8_t)seed, .delay_ns = WORLD_MILLISECOND};
    struct mess mess = {.random = seed};
    the_mess = &mess;
    world_make(&mess.world, &options);
    world_run(&mess.world, 10 * WORLD_SECOND);
    mess.world.loses = seed % 2 ? loses : NULL;
    for (uint32_t i = 0; i < 300; i++) {
        for (unsigned side = 0; side < 2; side++) {
            if (i % 10 == 0)
                listen(side);
            if (i % 4 == 0)
                connect_to(side, 1 - side);
            something(side);
        }
        world_run(&mess.world,
                  pick(3) ? pick(3) * WORLD_MILLISECOND : pick(2000) * WORLD_MILLISECOND);
        world_forget(&mess.world);
    }
    mess.world.loses = NULL;
    let_all_go(&mess);
    world_run(&mess.world, 1000 * WORLD_SECOND);
    world_run(&mess.world, 100000 * WORLD_SECOND); /* neighbours are forgotten */
    assert_all_is_given_back(&mess);
    world_free(&mess.world);
    return mess.closures + mess.releases;
}

static void any_call_in_any_closure(void **state)
{
    (void)state;
    uint32_t ran = 0;
    for (uint64_t seed = 1; seed <= 300; seed++)
        ran += make_a_mess(seed);
    assert_true(ran > 300 * 100);
}

/* ---- Every event with every call, the connection's own and one that waits behind it ---- */

enum call {
    CLOSE,
    ABORT,
    SHUTDOWN,
    UNBIND,
    READ,
    WRITE,
    HAND_OVER,
    FORGET_CLOSURE,
    CONNECT,
    CALLS,
};

struct actor {
    struct peer *peer;
    unsigned on; /* the event that it waits for */
    enum call call;
    bool acts_on_others;
    chaski_tcp own[2]; /* two connections that are told in one turn */
    uint32_t known, acted, released;
    struct chaski_memory memory;
};

static void count_release(struct chaski_memory *memory)
{
    struct actor *actor = memory->context;
    actor->released++;
}

static void act(struct actor *actor, chaski_tcp connection)
{
    struct chaski *host = actor->peer->host;
    uint8_t bytes[100];
    struct chaski_tcp_connect connect = {.remote = world_endpoint(1, 99)};
    chaski_tcp handle;
    switch (actor->call) {
    case CLOSE:
        chaski_tcp_close(host, connection);
        break;
    case ABORT:
        chaski_tcp_abort(host, connection);
        break;
    case SHUTDOWN:
        chaski_tcp_shutdown(host, connection);
        break;
    case UNBIND:
        chaski_tcp_unbind(host, actor->peer->listener);
        break;
    case READ:
        chaski_tcp_read(host, connection, bytes, sizeof bytes);
        break;
    case WRITE:
        chaski_tcp_write(host, connection, "abc", 3);
        break;
    case HAND_OVER:
        actor->memory = (struct chaski_memory){
            .bytes = "abc", .length = 3, .release = count_release, .context = actor};
        if (chaski_tcp_hand_over(host, connection, &actor->memory) != 0)
            actor->released++;
        break;
    case FORGET_CLOSURE:
        chaski_tcp_on(host, connection, NULL, NULL);
        break;
    case CONNECT:
        if (chaski_tcp_connect(host, &connect, &handle) == 0)
            chaski_tcp_abort(host, handle);
        break;
    case CALLS:
        break;
    }
}

static void on_stage(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct actor *actor = context;
    (void)host;
    if ((events & CHASKI_CONNECTED) && actor->known < 2)
        actor->own[actor->known++] = connection;
    if (!(events & actor->on) || actor->acted != 0)
        return;
    actor->acted++;
    act(actor, connection);
    if (actor->acts_on_others && actor->call != HAND_OVER) {
        for (uint32_t i = 0; i < actor->known; i++)
            act(actor, actor->own[i]);
    }
}

/* Two connections of the peer's; the same segment for each of them arrives in the same turn. */
static void play(struct actor *actor, struct segment (*scene)(struct peer *, uint16_t port))
{
    static const uint16_t ports[2] = {5000, 5001};
    struct peer peer;
    uint32_t acknowledgments[2];
    peer_make(&peer, NULL);
    /* cppcheck-suppress autoVariables */
    actor->peer = &peer; /* until this function ends, as the closures do */
    struct chaski_tcp_bind bind = {
        .local.port = PEER_HOST_PORT, .receive = on_stage, .context = actor};
    assert_int_equal(chaski_tcp_bind(peer.host, &bind, &peer.listener), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct segment syn = stray(&peer, ports[i], SEGMENT_SYN);
        peer_injects(&peer, &syn);
        acknowledgments[i] = world_last_segment(&peer.world, 0, 0).sequence + 1;
    }
    peer.next++;
    for (unsigned i = 0; i < 2; i++) {
        struct segment ack = stray(&peer, ports[i], SEGMENT_ACK);
        ack.acknowledgment = acknowledgments[i];
        peer_queues(&peer, &ack);
    }
    world_settle(&peer.world);
    for (unsigned i = 0; i < 2; i++) {
        struct segment segment = scene(&peer, ports[i]);
        segment.acknowledgment = acknowledgments[i];
        peer_queues(&peer, &segment);
    }
    world_settle(&peer.world);
    assert_int_equal(actor->acted, 1);
    peer_runs(&peer, 10 * WORLD_SECOND);
    for (unsigned i = 0; i < actor->known; i++)
        chaski_tcp_abort(peer.host, actor->own[i]);
    peer_runs(&peer, 300 * WORLD_SECOND);
    if (actor->call == HAND_OVER)
        assert_int_equal(actor->released, 1);
    assert_int_equal(cost_now(&peer).connections, 0);
    peer_free(&peer);
}

static struct segment silence(struct peer *peer, uint16_t port)
{
    return stray(peer, port, SEGMENT_ACK);
}

static struct segment text(struct peer *peer, uint16_t port)
{
    struct segment segment = stray(peer, port, SEGMENT_ACK);
    segment.payload_length = 200;
    return segment;
}

static struct segment urgent_text(struct peer *peer, uint16_t port)
{
    struct segment segment = text(peer, port);
    segment.flags |= SEGMENT_URG;
    segment.urgent = 100;
    return segment;
}

static struct segment last_text(struct peer *peer, uint16_t port)
{
    struct segment segment = text(peer, port);
    segment.flags |= SEGMENT_FIN;
    return segment;
}

static struct segment reset(struct peer *peer, uint16_t port)
{
    return stray(peer, port, SEGMENT_RST);
}

static void every_event_with_every_call(void **state)
{
    (void)state;
    static const struct {
        unsigned event;
        struct segment (*scene)(struct peer *, uint16_t);
    } scenes[] = {
        {CHASKI_CONNECTED, silence},  {CHASKI_CONNECTED, reset},    {CHASKI_READABLE, text},
        {CHASKI_READABLE, last_text}, {CHASKI_URGENT, urgent_text}, {CHASKI_ENDED, reset},
    };
    for (size_t scene = 0; scene < sizeof scenes / sizeof scenes[0]; scene++) {
        for (enum call call = CLOSE; call < CALLS; call++) {
            for (unsigned others = 0; others < 2; others++) {
                struct actor actor = {
                    .on = scenes[scene].event, .call = call, .acts_on_others = others != 0};
                play(&actor, scenes[scene].scene);
            }
        }
    }
}

/* ---- Memory that was handed over ---- */

struct lender {
    struct peer *peer;
    struct chaski_memory memory;
    uint32_t released;
    bool in_poll;
};

static void abort_on_release(struct chaski_memory *memory)
{
    struct lender *lender = memory->context;
    lender->released++;
    assert_true(lender->peer->host->in_turn);
    chaski_tcp_abort(lender->peer->host, lender->peer->connection);
}

/* The last acknowledgement releases what was lent; the release ends the connection, in a state in
 * which that frees it at once; and no code of the application's runs while the segment is still
 * being processed. */
static void release_that_ends_the_connection(void **state)
{
    (void)state;
    for (unsigned last_ack = 0; last_ack < 2; last_ack++) {
        struct peer peer;
        struct lender lender = {.peer = &peer};
        peer_make(&peer, NULL);
        peer_opens(&peer);
        if (last_ack)
            peer_says(&peer, SEGMENT_ACK | SEGMENT_FIN, 0);
        lender.memory = (struct chaski_memory){
            .bytes = "abc", .length = 3, .release = abort_on_release, .context = &lender};
        assert_int_equal(chaski_tcp_hand_over(peer.host, peer.connection, &lender.memory), 0);
        peer_host_shuts_down(&peer);
        peer.expected += 3; /* the text is acknowledged, the FIN is not */
        struct segment ack = peer_segment(&peer, SEGMENT_ACK);
        peer_queues(&peer, &ack);
        assert_int_equal(lender.released, 0);
        world_settle(&peer.world);
        assert_int_equal(lender.released, 1);
        world_settle(&peer.world);
        assert_int_equal(cost_now(&peer).connections, 0);
        peer_free(&peer);
    }
}

static void lend_again_on_release(struct chaski_memory *memory)
{
    struct lender *lender = memory->context;
    if (++lender->released < 100)
        chaski_tcp_hand_over(lender->peer->host, lender->peer->connection, memory);
}

static void release_that_lends_again(void **state)
{
    (void)state;
    struct peer peer;
    struct lender lender = {.peer = &peer};
    peer_make(&peer, NULL);
    peer_opens(&peer);
    lender.memory = (struct chaski_memory){
        .bytes = "abc", .length = 3, .release = lend_again_on_release, .context = &lender};
    assert_int_equal(chaski_tcp_hand_over(peer.host, peer.connection, &lender.memory), 0);
    world_settle(&peer.world);
    for (uint32_t i = 1; i <= 100; i++) {
        assert_int_equal(peer_hears_all(&peer), 3);
        peer_acknowledges(&peer);
        assert_int_equal(lender.released, i);
    }
    peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_in_any_closure),
        cmocka_unit_test(every_event_with_every_call),
        cmocka_unit_test(release_that_ends_the_connection),
        cmocka_unit_test(release_that_lends_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
