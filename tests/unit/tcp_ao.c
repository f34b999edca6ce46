/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/host/layout.h"
#include "core/tcp/tcp_internal.h"
#include "tests/support/segment.h"

/* TCP-AO (RFC 5925) between two hosts; what travels is looked at, changed, lost and forged. What is
 * computed stands in tcp_ao_code.c. */

enum { CLIENT = 0, SERVER = 1, PORT = 179, CLIENT_PORT = 40000, CLIENT_ID = 61, SERVER_ID = 84 };
enum { NEW_CLIENT_ID = 7, NEW_SERVER_ID = 9, ETHERNET = 14, IP = 20, AO_ROOM = 8 };

static struct world world;
static chaski_tcp client, server;
static chaski_listener listener;
static unsigned heard_by[2];
static uint32_t received[2];
static uint8_t bytes[100000];

static void hear(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    unsigned end = host == world.hosts[SERVER];
    static uint8_t buffer[4096];
    long n;
    (void)context;
    if (end == SERVER)
        server = connection;
    heard_by[end] |= events;
    while ((n = chaski_tcp_read(host, connection, buffer, sizeof buffer)) > 0)
        received[end] += (uint32_t)n;
}

static void make_with(uint32_t ao_keys, const struct world_options *options)
{
    struct chaski_limits limits;
    struct world_options chosen = {0};
    if (options != NULL)
        chosen = *options;
    chaski_limits_for(&limits, 16 << 20, 64);
    limits.ao_keys = ao_keys;
    chosen.limits = &limits;
    chosen.prefix_length = 32;
    world_make(&world, &chosen);
    heard_by[0] = heard_by[1] = received[0] = received[1] = 0;
}

static void make(void)
{
    make_with(AO_ROOM, NULL);
}

static void listens(void)
{
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = hear};
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
}

static int tear_down(void **state)
{
    (void)state;
    world.loses = NULL;
    chaski_tcp_abort(world.hosts[CLIENT], client);
    chaski_tcp_abort(world.hosts[SERVER], server);
    world_run(&world, 300 * WORLD_SECOND);
    world_assert_no_leaks(&world);
    world_free(&world);
    return 0;
}

/* Of connections between the client, any port, and the server's PORT. */
static struct chaski_tcp_ao_key key_of(uint32_t host, uint8_t client_id, uint8_t server_id)
{
    struct chaski_tcp_ao_key key = {
        .remote = world_endpoint(1 - host, host == CLIENT ? PORT : 0),
        .local.port = host == CLIENT ? 0 : PORT,
        .send_id = host == CLIENT ? client_id : server_id,
        .receive_id = host == CLIENT ? server_id : client_id,
        .secret_length = 10,
    };
    memcpy(key.secret, "testvector", 10);
    key.secret[0] ^= client_id; /* each another one */
    return key;
}

static void give_key(uint32_t host, uint8_t client_id, uint8_t server_id)
{
    struct chaski_tcp_ao_key key = key_of(host, client_id, server_id);
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[host], &key), 0);
}

static void give_keys(void)
{
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    give_key(SERVER, CLIENT_ID, SERVER_ID);
}

static void connects(bool fast)
{
    struct chaski_tcp_connect connect = {.remote = world_endpoint(SERVER, PORT),
                                         .local.port = CLIENT_PORT,
                                         .receive = hear,
                                         .fast_open = fast,
                                         .fast_open_without_cookie = fast};
    assert_int_equal(chaski_tcp_connect(world.hosts[CLIENT], &connect, &client), 0);
}

static bool connected(void)
{
    return heard_by[CLIENT] & CHASKI_CONNECTED && heard_by[SERVER] & CHASKI_CONNECTED;
}

static void opens(void)
{
    make();
    give_keys();
    listens();
    connects(false);
    world_settle(&world);
    assert_true(connected());
}

static void writes(uint32_t host, uint32_t n)
{
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_write(world.hosts[host], connection, bytes, n), n);
}

/* Both send so much, and all of it arrives. */
static void talk(uint32_t n)
{
    uint32_t before[2] = {received[0], received[1]};
    writes(CLIENT, n);
    writes(SERVER, n);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal(received[CLIENT] - before[CLIENT], n);
    assert_int_equal(received[SERVER] - before[SERVER], n);
}

static uint64_t counted(uint32_t host, enum chaski_counter counter)
{
    return chaski_counter_value(world.hosts[host], counter);
}

static struct chaski_tcp_ao_counts counts_of(uint32_t host)
{
    struct chaski_tcp_ao_counts counts;
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_ao_counts(world.hosts[host], connection, &counts), 0);
    return counts;
}

static int64_t option_of(uint32_t host, enum chaski_tcp_option option)
{
    int64_t value;
    chaski_tcp connection = host == CLIENT ? client : server;
    assert_int_equal(chaski_tcp_get(world.hosts[host], connection, option, &value), 0);
    return value;
}

static int set_option(uint32_t host, enum chaski_tcp_option option, int64_t value)
{
    chaski_tcp connection = host == CLIENT ? client : server;
    return chaski_tcp_set(world.hosts[host], connection, option, value);
}

/* ---- What travels ---- */

/* The KeyID of a segment, or -1. */
static int key_id(const struct segment *segment)
{
    uint8_t length;
    const uint8_t *option = segment_option(segment, 29, &length);
    if (option == NULL)
        return -1;
    assert_int_equal(length, 14);
    return option[0];
}

/* Segments that a host has sent: with the option, and without. */
static void count_signed(uint32_t host, uint32_t *with, uint32_t *without)
{
    struct segment segment;
    *with = *without = 0;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        if (world.frames[i].from != host || !segment_of(&world.frames[i], &segment))
            continue;
        *with += key_id(&segment) >= 0;
        *without += key_id(&segment) < 0;
    }
}

static void assert_all_signed(void)
{
    for (uint32_t host = 0; host < 2; host++) {
        uint32_t with, without;
        count_signed(host, &with, &without);
        assert_int_equal(without, 0);
        assert_true(with != 0);
    }
}

/* Computes the code anew, from the outside. */
static bool right_code(const struct frame *frame, const struct chaski_tcp_ao_key *key,
                       uint32_t from_isn, uint32_t to_isn, uint32_t extension)
{
    const uint8_t *header = frame->bytes + ETHERNET + IP;
    struct chaski_address from = world_address(frame->from), to = world_address(1 - frame->from);
    struct ao_ends ends = {
        &from,    &to,   wire_tcp_source_port(header), wire_tcp_destination_port(header),
        from_isn, to_isn};
    uint8_t option, traffic_key[AO_TRAFFIC_KEY], code[AO_CODE_LENGTH];
    uint32_t length = load_be16(frame->bytes + ETHERNET + 2) - IP;
    struct ao_code computing;
    assert_int_equal(wire_tcp_find_ao(header, &option), WIRE_TCP_AO_ONE);
    ao_derive(key->algorithm, key->secret, key->secret_length, &ends, traffic_key);
    ao_code_begin(&computing, key->algorithm, traffic_key);
    ao_code_add_header(&computing, extension, &ends, length, header, option, key->without_options);
    ao_code_add(&computing, header + wire_tcp_header_length(header),
                length - wire_tcp_header_length(header));
    ao_code_end(&computing, code);
    return memcmp(code, header + option + WIRE_TCP_AO_CODE, sizeof code) == 0;
}

/* Injects a segment at `host`, signed as the other end would with that key; the last 16 bytes of
 * its options are the option, of which KeyID and RNextKeyID are filled in. */
static void inject_signed(uint32_t host, const struct segment *segment,
                          const struct chaski_tcp_ao_key *key, uint32_t from_isn, uint32_t to_isn,
                          uint32_t extension)
{
    uint8_t packet[200], traffic_key[AO_TRAFFIC_KEY], *header = packet + IP;
    struct chaski_address from = world_address(1 - host), to = world_address(host);
    struct ao_ends ends = {&from,    &to,   segment->source_port, segment->destination_port,
                           from_isn, to_isn};
    uint32_t length = segment_packet(segment, &from, &to, packet) - IP;
    uint8_t header_length = wire_tcp_header_length(header);
    uint8_t option = (uint8_t)(header_length - WIRE_TCP_AO_SIZE);
    struct ao_code computing;
    ao_derive(key->algorithm, key->secret, key->secret_length, &ends, traffic_key);
    ao_code_begin(&computing, key->algorithm, traffic_key);
    ao_code_add_header(&computing, extension, &ends, length, header, option, key->without_options);
    ao_code_add(&computing, header + header_length, length - header_length);
    ao_code_end(&computing, header + option + WIRE_TCP_AO_CODE);
    world_inject_ip4(&world, host, packet, IP + length);
}

/* What the server might say next. */
static struct segment forged(uint8_t flags)
{
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    return (struct segment){.source_port = PORT,
                            .destination_port = CLIENT_PORT,
                            .sequence = c->rcv_nxt,
                            .acknowledgment = c->snd_nxt,
                            .flags = flags,
                            .window = 1000,
                            .payload = bytes,
                            .payload_length = flags & SEGMENT_RST ? 0 : 10};
}

/* ---- Opening, sending, closing ---- */

/* RFC 5925 7.1 MUST-14 */
static void every_segment_is_authenticated(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make();
        for (uint32_t host = 0; host < 2; host++) {
            struct chaski_tcp_ao_key key = key_of(host, CLIENT_ID, SERVER_ID);
            key.algorithm = i & 1 ? CHASKI_AES_128_CMAC_96 : CHASKI_HMAC_SHA1_96;
            key.without_options = (i & 2) != 0;
            assert_int_equal(chaski_tcp_ao_add_key(world.hosts[host], &key), 0);
        }
        listens();
        connects(false);
        world_settle(&world);
        assert_true(connected());
        talk(50000);
        chaski_tcp_close(world.hosts[CLIENT], client);
        world_settle(&world);
        assert_true(heard_by[SERVER] & CHASKI_READABLE);
        chaski_tcp_close(world.hosts[SERVER], server);
        world_settle(&world);
        assert_all_signed();
        assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_BAD), 0);
        assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
        if (i != 3)
            tear_down(NULL);
    }
}

/* The codes of the handshake and of data, computed from the numbers that travelled. */
/* RFC 5925 MUST-13, MUST-22 */
static void codes_are_of_both_first_numbers(void **state)
{
    (void)state;
    opens();
    talk(10);
    struct segment segment;
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    uint32_t isn[2] = {0, 0}, seen = 0;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        const struct frame *frame = &world.frames[i];
        if (!segment_of(frame, &segment))
            continue;
        if (segment.flags & SEGMENT_SYN)
            isn[frame->from] = segment.sequence;
        bool first = segment.flags == SEGMENT_SYN;
        assert_true(right_code(frame, &key, isn[frame->from], first ? 0 : isn[1 - frame->from], 0));
        seen++;
    }
    assert_true(seen >= 5);
}

/* The option takes its room from each segment, and none is cut after it was signed. */
static void segments_are_shorter_and_never_cut(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    opens();
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1500 - 40 - 12 - 16);
    uint64_t before = counted(CLIENT, CHASKI_TCP_SEGMENTS_SENT);
    uint32_t frames = world_segments(&world, CLIENT);
    talk(50000);
    assert_int_equal(counted(CLIENT, CHASKI_TCP_SEGMENTS_SENT) - before,
                     world_segments(&world, CLIENT) - frames);
}

static bool lose_some(void *context, struct frame *frame)
{
    uint32_t *n = context;
    return frame->length > 500 && ++*n % 7 == 3;
}

/* Acknowledgements have room for a block of SACK beside both options. */
static void losses_are_repaired(void **state)
{
    (void)state;
    uint32_t n = 0, most = 0;
    uint8_t length;
    struct segment segment;
    opens();
    world.loses = lose_some;
    world.context = &n;
    talk(90000);
    world.loses = NULL;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        if (segment_of(&world.frames[i], &segment) && segment_option(&segment, 5, &length) != NULL)
            most = length > most ? length : most;
    }
    assert_int_equal(most, 8);
    assert_all_signed();
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
    assert_true(counted(CLIENT, CHASKI_TCP_RECOVERIES) != 0);
}

/* A SYN with all its options takes 76 bytes, and a segment 68 without payload. */
static void narrow_links_are_borne(void **state)
{
    (void)state;
    struct world_options options = {.mtu = 76};
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    connects(false);
    world_settle(&world);
    assert_true(connected());
    talk(100);
    tear_down(NULL);
    options.mtu = 72; /* what is left without SACK and scaling */
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_sack", "0"), 0);
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_window_scaling", "0"), 0);
    connects(false);
    world_settle(&world);
    talk(100);
    tear_down(NULL);
    options.mtu = 71;
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    connects(false);
    world_run(&world, 5 * WORLD_SECOND);
    assert_false(connected());
}

/* RFC 5925 2.2 MUST-1, MUST-2, MUST-3, MUST-4 */
static void two_options_or_md5_beside_it_are_wrong(void **state)
{
    (void)state;
    static const uint8_t twice[40] = {29, 16, 1, 2, [16] = 29, [17] = 16, [18] = 1};
    static const uint8_t with_md5[40] = {19, 18, [18] = 29, [19] = 16, [20] = 1};
    static const uint8_t longer[40] = {29, 20, 1, 2}, shorter[40] = {29, 3, 1};
    static const uint8_t *const wrong[] = {twice, with_md5, longer, shorter};
    opens();
    for (unsigned i = 0; i < 4; i++) {
        struct segment segment = {.source_port = PORT,
                                  .destination_port = CLIENT_PORT,
                                  .flags = SEGMENT_ACK,
                                  .options = wrong[i],
                                  .options_length = 40};
        world_inject_segment(&world, CLIENT, &segment);
        assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_BAD), i + 1);
    }
    struct segment cut = forged(SEGMENT_ACK); /* the option goes on behind the header */
    cut.options = longer;
    cut.options_length = 4;
    world_inject_segment(&world, CLIENT, &cut);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 1);
}

static void the_extension_counts_what_wraps(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    struct tcp_key key = {world_address(0), world_address(1), CLIENT_PORT, PORT};
    uint32_t at_zero = secret_sequence(&world.hosts[CLIENT]->tcp, &key, 0);
    world.now_ns = (UINT64_C(1) << 44) + ((uint64_t)(uint32_t)(0u - 20000u - at_zero) << 12);
    chaski_poll(world.hosts[CLIENT], world.now_ns);
    connects(false);
    world_settle(&world);
    talk(50000);
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    assert_int_equal(c->snd_una, 30001);
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, client.index);
    const struct ao_state *ao = ao_state_of(&world.hosts[CLIENT]->tcp, reference);
    assert_int_equal(ao->send.isn, (uint32_t)-20000);
    struct chaski_tcp_ao_key master = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    uint32_t wrapped = 0, before = 0;
    struct segment segment;
    for (uint32_t i = 0; i < world.frame_count; i++) {
        const struct frame *frame = &world.frames[i];
        if (frame->from != CLIENT || !segment_of(frame, &segment) || (segment.flags & SEGMENT_SYN))
            continue;
        bool is_wrapped = segment.sequence < 40000;
        assert_true(right_code(frame, &master, ao->send.isn, ao->receive.isn, is_wrapped));
        wrapped += is_wrapped;
        before += !is_wrapped;
    }
    assert_true(wrapped > 5 && before > 5);
}

static bool lose_synack(void *context, struct frame *frame)
{
    struct segment segment;
    uint32_t *left = context;
    return *left != 0 && segment_of(frame, &segment) &&
           segment.flags == (SEGMENT_SYN | SEGMENT_ACK) && (*left)-- != 0;
}

/* Segments of long ago, said again one after the other, must not lead it astray. */
static void old_segments_do_not_turn_the_extension_back(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, SERVER_ID, CLIENT_ID};
    opens();
    talk(10);
    struct tcp *tcp = &world.hosts[CLIENT]->tcp, *other = &world.hosts[SERVER]->tcp;
    struct ao_state *ao = ao_state_of(tcp, tcp_refer(TCP_KIND_CONNECTION, client.index));
    struct ao_state *sender = ao_state_of(other, tcp_refer(TCP_KIND_CONNECTION, server.index));
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    ao->receive.sequence += UINT64_C(3) << 32; /* as if so much had come */
    sender->send.sequence += UINT64_C(3) << 32;
    uint64_t now = ao->receive.sequence;
    struct segment segment = forged(SEGMENT_ACK);
    segment.sequence -= 2000000000;
    segment.options = option;
    segment.options_length = sizeof option;
    uint32_t good = counts_of(CLIENT).good;
    inject_signed(CLIENT, &segment, &key, ao->receive.isn, ao->send.isn,
                  (uint32_t)((now - 2000000000) >> 32));
    assert_int_equal(counts_of(CLIENT).good, good + 1);
    assert_true(ao->receive.sequence == now);
    talk(10);
}

/* ---- What is believed ---- */

static bool flip(void *context, struct frame *frame)
{
    const uint32_t *from = context;
    if (frame->from == *from && frame->length > 500) {
        frame->bytes[frame->length - 1] ^= 1;
        ip4_make_right(frame->bytes + ETHERNET, frame->length - ETHERNET);
    }
    return false;
}

/* RFC 5925 MUST-6, MUST-19, MUST-21, SHLD-3 */
static void changed_segments_are_dropped_in_silence(void **state)
{
    (void)state;
    uint32_t from = CLIENT;
    opens();
    world.loses = flip;
    world.context = &from;
    uint32_t answers = world_segments(&world, SERVER);
    writes(CLIENT, 1000);
    world_settle(&world);
    assert_int_equal(received[SERVER], 0);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 1);
    assert_int_equal(counts_of(SERVER).bad, 1);
    assert_int_equal(world_segments(&world, SERVER), answers);
    world.loses = NULL;
    world_run(&world, 5 * WORLD_SECOND);
    assert_int_equal(received[SERVER], 1000);
}

/* RFC 5925 7.3 MUST-18, MUST-21, SHLD-3 */
static void nothing_is_believed_without_the_option(void **state)
{
    (void)state;
    static const uint8_t flags[] = {SEGMENT_ACK, SEGMENT_RST, SEGMENT_RST | SEGMENT_ACK,
                                    SEGMENT_SYN, SEGMENT_FIN | SEGMENT_ACK};
    opens();
    uint32_t sent = world_segments(&world, CLIENT);
    for (unsigned i = 0; i < sizeof flags; i++) {
        struct segment segment = forged(flags[i]);
        world_inject_segment(&world, CLIENT, &segment);
        assert_int_equal(counts_of(CLIENT).missing, i + 1);
    }
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 5);
    assert_int_equal(world_segments(&world, CLIENT), sent);
    assert_int_equal(received[CLIENT], 0);
    talk(100);
}

/* RFC 5925 MUST-10, MUST-21 */
static void a_key_that_nobody_knows_is_counted(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, 200, 201};
    opens();
    struct segment segment = forged(SEGMENT_RST);
    segment.options = option;
    segment.options_length = sizeof option;
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).unknown_key, 1);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_NO_KEY), 1);
    talk(100);
}

/* A SYN+ACK that somebody has made up must not spoil what the next SYN is signed with. */
/* RFC 5925 7.5 MUST-23 */
static void a_forged_answer_does_no_harm(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, SERVER_ID, CLIENT_ID, 1};
    uint32_t left = 1;
    make();
    give_keys();
    listens();
    world.loses = lose_synack;
    world.context = &left;
    connects(false);
    world_settle(&world);
    struct segment segment = forged(SEGMENT_SYN | SEGMENT_ACK);
    segment.sequence = 12345;
    segment.payload_length = 0;
    segment.options = option;
    segment.options_length = sizeof option;
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).bad, 1);
    world_run(&world, 900 * WORLD_MILLISECOND);
    left = 1; /* the server's own repetition too: the client's SYN goes again */
    world_run(&world, 10 * WORLD_SECOND);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
    talk(100);
}

/* Whoever has no key gets no answer, not even a reset. */
/* RFC 5925 MUST-18, MUST-24 */
static void without_a_key_nobody_gets_in(void **state)
{
    (void)state;
    make();
    give_key(SERVER, CLIENT_ID, SERVER_ID);
    listens();
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal((heard_by[SERVER] | heard_by[CLIENT]) & ~CHASKI_TROUBLED, 0);
    assert_int_equal(world_segments(&world, SERVER), 0);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_MISSING) >= 3);
}

static void another_secret_does_not_open(void **state)
{
    (void)state;
    make();
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    struct chaski_tcp_ao_key key = key_of(SERVER, CLIENT_ID, SERVER_ID);
    key.secret[3] ^= 1;
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[SERVER], &key), 0);
    listens();
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_false(connected());
    assert_int_equal(world_segments(&world, SERVER), 0);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_BAD) >= 3);
}

/* 7.3: who has no key for a connection takes its segments with the option as those without. The
 * client, which has one, does not believe what comes back. */
/* RFC 5925 7.3 MUST-20, MUST-21, SHLD-2 */
static void segments_that_no_key_is_for_are_taken(void **state)
{
    (void)state;
    make();
    give_key(CLIENT, CLIENT_ID, SERVER_ID);
    listens();
    connects(false);
    world_settle(&world);
    assert_int_equal(counted(SERVER, CHASKI_TCP_AO_UNEXPECTED), 1);
    assert_int_equal(key_id(&(struct segment){0}), -1);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    assert_int_equal(synack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(key_id(&synack), -1);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), 1);
    assert_false(heard_by[CLIENT] & CHASKI_CONNECTED);
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_ao_required", "1"), 0);
    world_run(&world, 3 * WORLD_SECOND);
    assert_true(counted(SERVER, CHASKI_DROP_TCP_AO_UNEXPECTED) >= 1);
}

/* Keys are for those whom they name. */
static void other_connections_do_without(void **state)
{
    (void)state;
    make();
    give_keys();
    struct chaski_tcp_bind bind = {.local.port = PORT + 1, .receive = hear};
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
    struct chaski_tcp_connect connect = {.remote = world_endpoint(SERVER, PORT + 1),
                                         .receive = hear};
    assert_int_equal(chaski_tcp_connect(world.hosts[CLIENT], &connect, &client), 0);
    world_settle(&world);
    talk(1000);
    uint32_t with, without;
    count_signed(CLIENT, &with, &without);
    assert_int_equal(with, 0);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO), 0);
    struct chaski_tcp_ao_counts counts;
    assert_int_equal(chaski_tcp_ao_counts(world.hosts[CLIENT], client, &counts), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 1), CHASKI_INVALID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), CHASKI_INVALID); /* too late */
}

/* 7.5: a connection cannot begin with it later; the numbers that it began with are not kept. */
static void keys_that_come_late_change_nothing(void **state)
{
    (void)state;
    make();
    listens();
    connects(false);
    world_settle(&world);
    give_keys();
    talk(1000);
    uint32_t with, without;
    count_signed(CLIENT, &with, &without);
    assert_int_equal(with, 0);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_MISSING), 0);
}

/* ---- Keys ---- */

/* RFC 5925 3.1 MUST-7, MUST-8 */
static void keys_that_could_be_confused_are_refused(void **state)
{
    (void)state;
    make();
    struct chaski *host = world.hosts[CLIENT];
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2), other = key_of(CLIENT, 1, 3);
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), 0);
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_IN_USE);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other = key_of(CLIENT, 3, 2);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote_prefix = 24;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote.address = (struct chaski_address){{0}};
    other.remote_prefix = 0;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), CHASKI_IN_USE);
    other.remote.port = PORT + 1;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    other = key;
    other.remote.address = chaski_ip4(192, 0, 2, 3);
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    other.remote.address = chaski_ip4(192, 0, 2, 128);
    other.remote_prefix = 25;
    assert_int_equal(chaski_tcp_ao_add_key(host, &other), 0);
    key.remote_prefix = 32; /* the same as none */
    assert_int_equal(chaski_tcp_ao_remove_key(host, &key), 0);
    assert_int_equal(chaski_tcp_ao_remove_key(host, &key), CHASKI_UNKNOWN);
    key.remote_prefix = 24;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_IN_USE);
}

/* RFC 5925 3.1 MUST-5 */
static void keys_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    make();
    struct chaski *host = world.hosts[CLIENT];
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2);
    key.secret_length = 0;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.secret_length = CHASKI_TCP_AO_SECRET_MAX + 1;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.secret_length = CHASKI_TCP_AO_SECRET_MAX;
    key.remote_prefix = 33;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    key.remote_prefix = 32;
    key.algorithm = 2;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_INVALID);
    for (uint8_t i = 0; i < AO_ROOM; i++)
        give_key(CLIENT, i, i);
    key.algorithm = 0;
    key.send_id = key.receive_id = 100;
    assert_int_equal(chaski_tcp_ao_add_key(host, &key), CHASKI_NO_MEMORY);
}

static void a_host_without_room_for_keys_has_none(void **state)
{
    (void)state;
    make_with(0, NULL);
    struct chaski_tcp_ao_key key = key_of(CLIENT, 1, 2);
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[CLIENT], &key), CHASKI_NO_MEMORY);
    assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[CLIENT], &key), CHASKI_UNKNOWN);
    listens();
    connects(false);
    world_settle(&world);
    talk(1000);
}

/* Both ends get a second key; the client asks for it, then the server. */
/* RFC 5925 MUST-11, MUST-12, MUST-15, MUST-16 */
static void keys_change_without_loss(void **state)
{
    (void)state;
    opens();
    give_key(SERVER, NEW_CLIENT_ID, NEW_SERVER_ID);
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    talk(5000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, NEW_SERVER_ID), 0);
    talk(5000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), NEW_SERVER_ID);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_CURRENT_KEY), CLIENT_ID);
    assert_int_equal(set_option(SERVER, CHASKI_TCP_AO_NEXT_KEY, NEW_CLIENT_ID), 0);
    talk(5000);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_CURRENT_KEY), NEW_CLIENT_ID);
    struct segment last = world_last_segment(&world, CLIENT, 0);
    assert_int_equal(key_id(&last), NEW_CLIENT_ID);
    for (uint32_t host = 0; host < 2; host++) {
        struct chaski_tcp_ao_key old = key_of(host, CLIENT_ID, SERVER_ID);
        assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[host], &old), 0);
    }
    talk(5000);
    assert_int_equal(counted(CLIENT, CHASKI_TCP_RETRANSMITTED), 0);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RETRANSMITTED), 0);
    assert_int_equal(counts_of(SERVER).bad + counts_of(SERVER).unknown_key, 0);
}

/* What was sent under the old key may arrive after the new one was used; the old one is gone: then
 * it is sent again under the new one. */
/* RFC 5925 MUST-5, MUST-9, MUST-16 */
static void one_end_may_change_by_itself(void **state)
{
    (void)state;
    opens();
    give_key(SERVER, NEW_CLIENT_ID, NEW_SERVER_ID);
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_CURRENT_KEY, NEW_CLIENT_ID), 0);
    writes(CLIENT, 100);
    world_settle(&world);
    assert_int_equal(received[SERVER], 100);
    struct segment last = world_last_segment(&world, CLIENT, 0);
    assert_int_equal(key_id(&last), NEW_CLIENT_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_CURRENT_KEY, 33), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 33), CHASKI_UNKNOWN);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, 256), CHASKI_INVALID);
}

/* A key that the other end does not have is not heeded (7.5.2, e, ii, 1). */
static void an_unknown_wish_is_not_heeded(void **state)
{
    (void)state;
    opens();
    give_key(CLIENT, NEW_CLIENT_ID, NEW_SERVER_ID);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_NEXT_KEY, NEW_SERVER_ID), 0);
    talk(1000);
    assert_int_equal(option_of(SERVER, CHASKI_TCP_AO_CURRENT_KEY), SERVER_ID);
}

static void a_connection_outlives_the_removal_of_its_key(void **state)
{
    (void)state;
    opens();
    talk(100);
    for (uint32_t host = 0; host < 2; host++) {
        struct chaski_tcp_ao_key key = key_of(host, CLIENT_ID, SERVER_ID);
        assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[host], &key), 0);
    }
    talk(1000);
    assert_all_signed();
    struct segment segment = forged(SEGMENT_RST);
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counts_of(CLIENT).missing, 1);
}

/* Sockets know their port only once they connect. */
/* RFC 5925 7.1 MUST-14 */
static void a_key_may_come_before_the_syn_leaves(void **state)
{
    (void)state;
    make();
    give_key(SERVER, CLIENT_ID, SERVER_ID);
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_fastopen", "5"), 0);
    connects(true);
    writes(CLIENT, 10);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), CHASKI_UNKNOWN);
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    key.local.port = CLIENT_PORT;
    assert_int_equal(chaski_tcp_ao_add_key(world.hosts[CLIENT], &key), 0);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), 0);
    world_settle(&world);
    assert_true(connected());
    struct segment syn = world_last_segment(&world, CLIENT, world_segments(&world, CLIENT) - 1);
    assert_int_equal(syn.payload_length, 0);
    assert_int_equal(received[SERVER], 10);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO), 1);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 1), 0);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO, 0), CHASKI_INVALID);
    talk(100);
}

/* A key that goes while it is needed: such segments are not sent. */
static void nothing_leaves_unsigned(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    connects(false);
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    assert_int_equal(chaski_tcp_ao_remove_key(world.hosts[CLIENT], &key), 0);
    world_run(&world, 2 * WORLD_SECOND);
    assert_int_equal(world_segments(&world, CLIENT), 0);
    assert_true(counted(CLIENT, CHASKI_DROP_TCP_AO_NO_KEY) >= 2);
}

/* ---- Its place among the rest ---- */

static void cookies_are_signed_as_well(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "2"), 0);
    connects(false);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_TCP_COOKIES_ACCEPTED), 1);
    talk(5000);
    assert_all_signed();
    struct segment segment = {.source_port = CLIENT_PORT + 1,
                              .destination_port = PORT,
                              .sequence = 1,
                              .acknowledgment = 1,
                              .flags = SEGMENT_ACK};
    uint32_t sent = world_segments(&world, SERVER);
    world_inject_segment(&world, SERVER, &segment);
    assert_int_equal(world_segments(&world, SERVER), sent);
}

/* The answer with a cookie is late; meanwhile the SYN came again, and there was room for it. */
static void the_answer_to_an_earlier_cookie_is_taken(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = 700 * WORLD_MILLISECOND};
    make_with(AO_ROOM, &options);
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "2"), 0);
    struct chaski_address to = world_address(SERVER);
    assert_int_equal(chaski_ping(world.hosts[CLIENT], &to, 1, 1, NULL, 0), 0);
    world_run(&world, 5 * WORLD_SECOND); /* each knows where the other is */
    connects(false);
    while (counted(SERVER, CHASKI_TCP_COOKIES_SENT) == 0)
        world_run(&world, 100 * WORLD_MILLISECOND);
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_syncookies", "1"), 0);
    while (world.hosts[SERVER]->tcp.half_open.count == 0)
        world_run(&world, 100 * WORLD_MILLISECOND);
    world_run(&world, 5 * WORLD_SECOND);
    assert_true(connected());
    assert_int_equal(counted(SERVER, CHASKI_TCP_COOKIES_ACCEPTED), 1);
    talk(100);
}

static void a_lost_synack_goes_again_signed(void **state)
{
    (void)state;
    uint32_t left = 2;
    make();
    give_keys();
    listens();
    world.loses = lose_synack;
    world.context = &left;
    connects(false);
    world_run(&world, 10 * WORLD_SECOND);
    assert_int_equal(left, 0);
    assert_true(connected());
    talk(100);
    assert_all_signed();
}

static bool lose_acknowledgement(void *context, struct frame *frame)
{
    struct segment segment;
    (void)context;
    return segment_of(frame, &segment) && segment.flags == SEGMENT_ACK;
}

/* Afterwards nobody could sign a refusal: the peer would send into silence. */
static void who_opens_to_a_listener_that_goes_is_told(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    world.loses = lose_acknowledgement;
    connects(false);
    world_run(&world, WORLD_SECOND / 2);
    assert_int_equal(world.hosts[SERVER]->tcp.half_open.count, 1);
    assert_true(heard_by[CLIENT] & CHASKI_CONNECTED);
    world.loses = NULL;
    assert_int_equal(chaski_tcp_unbind(world.hosts[SERVER], listener), 0);
    world_run(&world, WORLD_SECOND);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), 1);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_all_signed();
}

static void who_opens_for_too_long_is_told(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_synack_retries", "2"), 0);
    world.loses = lose_acknowledgement;
    connects(false);
    world_run(&world, 20 * WORLD_SECOND);
    assert_int_equal(counted(SERVER, CHASKI_TCP_HALF_OPEN_EXPIRED), 1);
    assert_int_equal(counted(SERVER, CHASKI_TCP_RESETS_SENT), 1);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_all_signed();
}

/* A client that asks for a cookie, or brings one, gets neither that nor what it is for. */
static void a_fast_open_is_an_ordinary_one(void **state)
{
    (void)state;
    static const uint8_t asks[24] = {34, 2, 1, 1, 1, 1, 1, 1, 29, 16, CLIENT_ID, SERVER_ID};
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_fastopen", "1539"), 0);
    struct segment syn = {.source_port = CLIENT_PORT,
                          .destination_port = PORT,
                          .sequence = 1000,
                          .flags = SEGMENT_SYN,
                          .options = asks,
                          .options_length = sizeof asks,
                          .payload = bytes,
                          .payload_length = 10};
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    world_introduce(&world, SERVER);
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    uint8_t length;
    assert_int_equal(synack.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(synack.acknowledgment, 1001);
    assert_int_equal(key_id(&synack), SERVER_ID);
    assert_null(segment_option(&synack, 34, &length));
    assert_int_equal(counted(SERVER, CHASKI_TCP_FAST_OPENED), 0);
}

/* Of the key that the peer wishes for there is none: ours that belongs to the one it used. */
static void an_unknown_wish_of_a_syn_is_not_heeded(void **state)
{
    (void)state;
    static const uint8_t option[16] = {29, 16, CLIENT_ID, 99};
    make();
    give_keys();
    listens();
    struct segment syn = {.source_port = CLIENT_PORT,
                          .destination_port = PORT,
                          .sequence = 1000,
                          .flags = SEGMENT_SYN,
                          .options = option,
                          .options_length = sizeof option};
    struct chaski_tcp_ao_key key = key_of(CLIENT, CLIENT_ID, SERVER_ID);
    world_introduce(&world, SERVER);
    inject_signed(SERVER, &syn, &key, 1000, 0, 0);
    struct segment synack = world_last_segment(&world, SERVER, 0);
    assert_int_equal(key_id(&synack), SERVER_ID);
}

/* Neither end opens fast: its option and this one have no room in a SYN+ACK. */
static void it_opens_no_faster(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[SERVER], "tcp_fastopen", "1539"), 0);
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_fastopen", "5"), 0);
    connects(true);
    writes(CLIENT, 100);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(received[SERVER], 100);
    assert_int_equal(counted(SERVER, CHASKI_TCP_FAST_OPENED), 0);
    struct segment syn = world_last_segment(&world, CLIENT, world_segments(&world, CLIENT) - 1);
    assert_int_equal(syn.flags, SEGMENT_SYN);
    assert_int_equal(syn.payload_length, 0);
    talk(100);
}

/* The search for the path's MTU counts it among the options. */
static void it_goes_with_the_search_for_the_mtu(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    make();
    give_keys();
    listens();
    assert_int_equal(chaski_set_knob(world.hosts[CLIENT], "tcp_mtu_probing", "2"), 0);
    connects(false);
    world_settle(&world);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1024 - 12 - 16);
    for (unsigned i = 0; i < 10; i++)
        talk(90000);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_true(info.tcpi_snd_mss > 1400);
    assert_int_equal(counted(SERVER, CHASKI_DROP_TCP_AO_BAD), 0);
}

static void it_goes_with_accurate_ecn(void **state)
{
    (void)state;
    struct chaski_tcp_info info;
    make();
    give_keys();
    listens();
    for (uint32_t host = 0; host < 2; host++)
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn", "3"), 0);
    connects(false);
    world_settle(&world);
    talk(50000);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_true(info.accurate_ecn);
    assert_all_signed();
}

/* The longest options that there are, at once: time stamps, a user time-out, marks, and the code.
 */
static void all_options_at_once_find_room(void **state)
{
    (void)state;
    make();
    give_keys();
    listens();
    for (uint32_t host = 0; host < 2; host++) {
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn", "3"), 0);
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_ecn_option", "3"), 0);
        assert_int_equal(chaski_set_knob(world.hosts[host], "tcp_user_timeout_option", "1"), 0);
    }
    connects(false);
    world_settle(&world);
    for (uint32_t host = 0; host < 2; host++) { /* as if the other end were one that sends it */
        chaski_tcp connection = host == CLIENT ? client : server;
        struct tcp_connection *c = connection_of(&world.hosts[host]->tcp, connection);
        c->ecn_flags |= ECN_OPTION_SEEN | ECN_ROOM;
        connection_set_mss(c, 1500);
    }
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_USER_TIMEOUT, 60000), 0);
    talk(50000);
    assert_all_signed();
}

/* Both ends open at once. */
static void both_may_open_at_once(void **state)
{
    (void)state;
    struct world_options options = {.delay_ns = 10 * WORLD_MILLISECOND};
    make_with(AO_ROOM, &options);
    give_keys();
    connects(false);
    struct chaski_tcp_connect connect = {
        .remote = world_endpoint(CLIENT, CLIENT_PORT), .local.port = PORT, .receive = hear};
    assert_int_equal(chaski_tcp_connect(world.hosts[SERVER], &connect, &server), 0);
    world_run(&world, 3 * WORLD_SECOND);
    assert_true(connected());
    talk(1000);
    assert_all_signed();
}

/* ---- The end ---- */

static void a_signed_reset_is_believed(void **state)
{
    (void)state;
    opens();
    chaski_tcp_abort(world.hosts[CLIENT], client);
    world_settle(&world);
    assert_true(heard_by[SERVER] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[SERVER], server), CHASKI_RESET);
    assert_all_signed();
}

static void nobody_listens(void **state)
{
    (void)state;
    make();
    give_keys();
    connects(false);
    world_settle(&world);
    assert_true(heard_by[CLIENT] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
    assert_all_signed();
}

static bool refuse(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    (void)context, (void)local, (void)remote;
    return false;
}

static void a_filter_refuses(void **state)
{
    (void)state;
    struct chaski_tcp_bind bind = {.local.port = PORT, .receive = hear, .filter = refuse};
    make();
    give_keys();
    assert_int_equal(chaski_tcp_bind(world.hosts[SERVER], &bind, &listener), 0);
    connects(false);
    world_settle(&world);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
    assert_all_signed();
}

/* 7.7: after a restart nothing can be said that the peer would believe. */
static void a_lost_connection_is_met_with_silence(void **state)
{
    (void)state;
    opens();
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, server.index);
    struct tcp *tcp = &world.hosts[SERVER]->tcp;
    struct tcp_connection *c = connection_of(tcp, server);
    uint32_t sent = world_segments(&world, SERVER);
    ao_set_state(tcp, reference, NULL);
    connection_free(tcp, c);
    writes(CLIENT, 100);
    world_run(&world, 2 * WORLD_SECOND);
    assert_int_equal(world_segments(&world, SERVER), sent);
    assert_false(heard_by[CLIENT] & CHASKI_ENDED);
}

static bool lose_last_ack(void *context, struct frame *frame)
{
    struct segment segment;
    uint32_t *left = context;
    bool fin_seen = received[CLIENT] != 0;
    return *left != 0 && fin_seen && frame->from == CLIENT && segment_of(frame, &segment) &&
           segment.payload_length == 0 && (segment.flags & SEGMENT_FIN) == 0 && (*left)-- != 0;
}

/* RFC 5925 7.5 MUST-24 */
static void time_wait_answers_signed(void **state)
{
    (void)state;
    uint32_t left = 1;
    opens();
    talk(10);
    chaski_tcp_shutdown(world.hosts[CLIENT], client);
    world_settle(&world);
    world.loses = lose_last_ack;
    world.context = &left;
    chaski_tcp_shutdown(world.hosts[SERVER], server);
    world_run(&world, 5 * WORLD_SECOND);
    assert_int_equal(left, 0);
    assert_true(heard_by[SERVER] & CHASKI_ENDED);
    assert_int_equal(chaski_tcp_error(world.hosts[SERVER], server), 0);
    assert_all_signed();
    /* The same ports again, from TIME-WAIT: it is the client that waits. */
    struct segment segment = {
        .source_port = PORT, .destination_port = CLIENT_PORT, .flags = SEGMENT_SYN};
    uint64_t missing = counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING);
    world_inject_segment(&world, CLIENT, &segment);
    assert_int_equal(counted(CLIENT, CHASKI_DROP_TCP_AO_MISSING), missing + 1);
}

/* The server closes first, and the client opens anew with the same ports. */
static void time_wait_is_opened_anew(void **state)
{
    (void)state;
    opens();
    chaski_tcp_close(world.hosts[SERVER], server);
    world_settle(&world);
    chaski_tcp_close(world.hosts[CLIENT], client);
    world_settle(&world);
    assert_int_equal(world.hosts[SERVER]->tcp.time_wait.count, 1);
    heard_by[CLIENT] = heard_by[SERVER] = 0;
    world_run(&world, WORLD_SECOND);
    connects(false);
    world_settle(&world);
    assert_true(connected());
    assert_int_equal(world.hosts[SERVER]->tcp.time_wait.count, 0);
    talk(100);
    assert_all_signed();
}

/* ---- ICMP (7.8) ---- */

enum { UNREACHABLE = 3, TIME_EXCEEDED = 11 };

static void inject_error(uint8_t type, uint8_t code, uint16_t mtu)
{
    const struct tcp_connection *c = connection_of(&world.hosts[CLIENT]->tcp, client);
    uint8_t packet[56] = {0x45, 0,   0, 56, 0, 0,   0, 0, 64, 1,    0,
                          0,    192, 0, 2,  2, 192, 0, 2, 1,  type, code};
    static const uint8_t quoted[20] = {0x45, 0, 5,   220, 0, 0, 0x40, 0, 64, 6,
                                       0,    0, 192, 0,   2, 1, 192,  0, 2,  2};
    store_be16(packet + 26, mtu);
    memcpy(packet + 28, quoted, sizeof quoted);
    store_be16(packet + 48, CLIENT_PORT);
    store_be16(packet + 50, PORT);
    store_be32(packet + 52, c->snd_una);
    world_inject_ip4(&world, CLIENT, packet, sizeof packet);
}

static bool lose_all(void *context, struct frame *frame)
{
    (void)context, (void)frame;
    return true;
}

/* RFC 5925 7.8 MUST-25, SHLD-6, SHLD-7 */
static void hard_errors_are_ignored(void **state)
{
    (void)state;
    static const uint8_t hard[] = {2, 3, 4};
    struct chaski_tcp_info info;
    opens();
    world.loses = lose_all;
    writes(CLIENT, 5000);
    world_settle(&world);
    for (unsigned i = 0; i < sizeof hard; i++) {
        inject_error(UNREACHABLE, hard[i], 600);
        assert_int_equal(counts_of(CLIENT).icmp_ignored, i + 1);
        assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), 0);
    }
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 1432);
    inject_error(UNREACHABLE, 1, 0); /* host unreachable is soft: it is told */
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_UNREACHABLE);
    assert_int_equal(set_option(CLIENT, CHASKI_TCP_AO_ACCEPT_ICMP, 1), 0);
    assert_int_equal(option_of(CLIENT, CHASKI_TCP_AO_ACCEPT_ICMP), 1);
    inject_error(UNREACHABLE, 4, 600);
    assert_int_equal(counts_of(CLIENT).icmp_ignored, 3);
    chaski_tcp_info(world.hosts[CLIENT], client, &info);
    assert_int_equal(info.tcpi_snd_mss, 600 - 40 - 28);
}

/* Only synchronised connections are beyond them. */
static void an_attempt_to_open_may_fail(void **state)
{
    (void)state;
    make();
    give_keys();
    world.loses = lose_synack;
    world.context = &(uint32_t){100};
    listens();
    connects(false);
    world_settle(&world);
    inject_error(UNREACHABLE, 3, 0);
    assert_int_equal(chaski_tcp_error(world.hosts[CLIENT], client), CHASKI_REFUSED);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_segment_is_authenticated),
        TEST(codes_are_of_both_first_numbers),
        TEST(segments_are_shorter_and_never_cut),
        TEST(losses_are_repaired),
        TEST(narrow_links_are_borne),
        TEST(two_options_or_md5_beside_it_are_wrong),
        TEST(the_extension_counts_what_wraps),
        TEST(old_segments_do_not_turn_the_extension_back),
        TEST(changed_segments_are_dropped_in_silence),
        TEST(nothing_is_believed_without_the_option),
        TEST(a_key_that_nobody_knows_is_counted),
        TEST(a_forged_answer_does_no_harm),
        TEST(without_a_key_nobody_gets_in),
        TEST(another_secret_does_not_open),
        TEST(segments_that_no_key_is_for_are_taken),
        TEST(other_connections_do_without),
        TEST(keys_that_come_late_change_nothing),
        TEST(keys_that_could_be_confused_are_refused),
        TEST(keys_that_make_no_sense_are_refused),
        TEST(a_host_without_room_for_keys_has_none),
        TEST(keys_change_without_loss),
        TEST(one_end_may_change_by_itself),
        TEST(an_unknown_wish_is_not_heeded),
        TEST(a_connection_outlives_the_removal_of_its_key),
        TEST(a_key_may_come_before_the_syn_leaves),
        TEST(nothing_leaves_unsigned),
        TEST(cookies_are_signed_as_well),
        TEST(the_answer_to_an_earlier_cookie_is_taken),
        TEST(a_lost_synack_goes_again_signed),
        TEST(who_opens_to_a_listener_that_goes_is_told),
        TEST(who_opens_for_too_long_is_told),
        TEST(a_fast_open_is_an_ordinary_one),
        TEST(an_unknown_wish_of_a_syn_is_not_heeded),
        TEST(it_opens_no_faster),
        TEST(it_goes_with_the_search_for_the_mtu),
        TEST(it_goes_with_accurate_ecn),
        TEST(all_options_at_once_find_room),
        TEST(both_may_open_at_once),
        TEST(a_signed_reset_is_believed),
        TEST(nobody_listens),
        TEST(a_filter_refuses),
        TEST(a_lost_connection_is_met_with_silence),
        TEST(time_wait_answers_signed),
        TEST(time_wait_is_opened_anew),
        TEST(hard_errors_are_ignored),
        TEST(an_attempt_to_open_may_fail),
    };
    return cmocka_run_group_tests_name("tcp_ao", tests, NULL, NULL);
}
