/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "core/base/random.h"
#include "tests/support/shard_pair.h"

/*
 * A soak: four threads that are no shards open, accept, read, write and close connections between
 * two machines of two shards each, all by posted closures, on a cable that loses, doubles, corrupts
 * and reorders frames, while addresses and routes come and go. Each thread has places for
 * connections; what a place's closure found when it comes back by the thread's mailbox decides what
 * it does next. Every byte is checked, and in the end no pool lacks anything.
 *
 * usage: soak [SECONDS [SEED]], by default ten minutes
 */
enum { THREADS = 4, PLACES = 24, PORT = 7, CHUNK = 3000, SECONDS = 600, SHARDS = 2 };

enum task { OPEN, ACCEPT, WORK, SHUT, CLOSE, ABORT };

struct soaker;

struct place {
    struct chaski_closure closure;
    struct soaker *soaker;
    enum task task;
    unsigned shard;
    bool server; /* accepts and echoes; else opens and talks */
    bool shut;
    chaski_tcp connection;
    long status; /* of the task: what it did, or an enum chaski_error */
    size_t goal; /* bytes that a client wants to send */
    size_t sent, received;
    size_t held; /* bytes that a server still has to send back */
    bool corrupt;
    uint8_t bytes[CHUNK];
};

struct soaker {
    struct shard_pair *pair;
    struct chaski_mailbox *mailbox;
    struct random random;
    struct place places[PLACES];
    uint64_t end_ns;
    unsigned out; /* places whose closure is under way */
    uint64_t opened, accepted, finished, aborted, bytes;
    bool corrupt, lost;
};

/* Which shards the listeners are on. */
static chaski_listener listeners[SHARDS];

/* ---- In the shards ------------------------------------------------------------------------- */

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 13 + i / 253);
}

/* A reset that the cable loses comes no second time; who hears nothing more asks. */
static void keep_alive(struct chaski *host, chaski_tcp connection)
{
    chaski_tcp_set(host, connection, CHASKI_TCP_KEEPIDLE, 1000);
    chaski_tcp_set(host, connection, CHASKI_TCP_KEEPINTVL, 500);
    chaski_tcp_set(host, connection, CHASKI_TCP_KEEPALIVE, 1);
}

static long open_connection(struct place *place, struct chaski *host)
{
    struct chaski_tcp_connect connect = {.remote = {shard_pair_address(RIGHT), PORT, 0}};
    return chaski_tcp_connect(host, &connect, &place->connection);
}

/* Writes more of the pattern; -1 when all has been written. */
static long talk(struct place *place, struct chaski *host)
{
    uint8_t bytes[CHUNK];
    size_t n = place->goal - place->sent < CHUNK ? place->goal - place->sent : CHUNK;
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(place->sent + i);
    long written = n != 0 ? chaski_tcp_write(host, place->connection, bytes, n) : 0;
    if (written > 0)
        place->sent += (size_t)written;
    return written;
}

/* Enough of what was read to tell which bytes of the pattern it is instead. */
static void tell_difference(const struct place *place, struct chaski *host, size_t at, size_t read)
{
    size_t offset = place->received + at, end = read - at < 512 ? read : at + 512;
    struct chaski_tcp_info info = {0};
    chaski_tcp_info(host, place->connection, &info);
    unsigned port = place->server ? info.remote.port : info.local.port;
    printf("the %s of port %u on shard %u, connection %u of turn %u, %s: byte %zu of the stream, "
           "%zu of %zu read at once, %zu sent of %zu; from there on it read",
           place->server ? "server" : "client", port, place->shard, place->connection.index,
           place->connection.generation,
           chaski_tcp_state_name((enum chaski_tcp_state)info.tcpi_state), offset, at, read,
           place->sent, place->goal);
    for (size_t i = at; i < end; i++)
        printf("%s%02x", (i - at) % 32 == 0 ? "\n" : " ", place->bytes[i]);
    printf("\ninstead of\n%02x %02x %02x %02x\n", byte_at(offset), byte_at(offset + 1),
           byte_at(offset + 2), byte_at(offset + 3));
    fflush(stdout);
}

/* Reads on in the pattern, which is the same both ways; the number of bytes, 0 at the end, or an
 * error. */
static long listen_to(struct place *place, struct chaski *host)
{
    long got = chaski_tcp_read(host, place->connection, place->bytes, CHUNK);
    for (size_t i = 0; (long)i < got && !place->corrupt; i++)
        if (place->bytes[i] != byte_at(place->received + i)) {
            place->corrupt = true;
            tell_difference(place, host, i, (size_t)got);
        }
    place->received += got > 0 ? (size_t)got : 0;
    return got;
}

static long work_as_client(struct place *place, struct chaski *host)
{
    long written = place->sent < place->goal ? talk(place, host) : 0;
    long got = listen_to(place, host);
    if (got == CHASKI_NOT_CONNECTED ||
        (written < 0 && written != CHASKI_AGAIN && written != CHASKI_NOT_CONNECTED && got >= 0))
        return written < 0 ? CHASKI_AGAIN : got;
    return got;
}

static long work_as_server(struct place *place, struct chaski *host)
{
    if (place->held == 0) {
        long got = listen_to(place, host);
        if (got <= 0)
            return got;
        place->held = (size_t)got;
    }
    long written = chaski_tcp_write(host, place->connection, place->bytes, place->held);
    if (written <= 0)
        return written;
    place->held -= (size_t)written;
    memmove(place->bytes, place->bytes + written, place->held);
    return written;
}

static void run(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct place *place = closure->context;
    switch (place->task) {
    case OPEN:
        place->status = open_connection(place, host);
        if (place->status == 0)
            keep_alive(host, place->connection);
        break;
    case ACCEPT:
        place->status = chaski_tcp_accept(host, listeners[shard], &place->connection);
        if (place->status == 0)
            keep_alive(host, place->connection);
        break;
    case WORK:
        place->status = place->server ? work_as_server(place, host) : work_as_client(place, host);
        break;
    case SHUT:
        place->status = chaski_tcp_shutdown(host, place->connection);
        break;
    case CLOSE:
        place->status = chaski_tcp_close(host, place->connection);
        break;
    case ABORT:
        place->status = chaski_tcp_abort(host, place->connection);
        break;
    }
}

/* ---- In the threads ------------------------------------------------------------------------ */

static bool one_in(struct soaker *soaker, unsigned n)
{
    return random_draw_below(&soaker->random, n) == 0;
}

static void post(struct place *place, enum task task)
{
    struct soaker *soaker = place->soaker;
    struct chaski_shards *shards = soaker->pair->side[place->server ? RIGHT : LEFT];
    place->task = task;
    while (chaski_post(shards, place->shard, &place->closure) == CHASKI_AGAIN)
        sched_yield();
    soaker->out++;
}

static void begin(struct place *place)
{
    struct soaker *soaker = place->soaker;
    place->shard = (unsigned)random_draw_below(&soaker->random, SHARDS);
    place->shut = place->corrupt = false;
    place->sent = place->received = place->held = 0;
    place->goal = random_draw_below(&soaker->random, one_in(soaker, 10) ? 500000 : 8000);
    post(place, place->server ? ACCEPT : OPEN);
}

/* It has a connection: what to do with it. */
static void go_on(struct place *place)
{
    struct soaker *soaker = place->soaker;
    if (one_in(soaker, 300)) {
        soaker->aborted++;
        post(place, ABORT);
    } else if (!place->server && one_in(soaker, 300)) {
        post(place, CLOSE); /* in the middle of it; a server's would be an end in order */
    } else if (!place->server && !place->shut && place->sent == place->goal) {
        place->shut = true;
        post(place, SHUT);
    } else {
        post(place, WORK);
    }
}

static void after_work(struct place *place)
{
    struct soaker *soaker = place->soaker;
    bool at_end = place->status == 0 && !(place->server && place->held != 0);
    if (at_end && !place->server) {
        soaker->lost |= place->shut && place->received != place->sent;
        soaker->bytes += place->received;
        soaker->finished++;
    }
    if (at_end || (place->status < 0 && place->status != CHASKI_AGAIN &&
                   place->status != CHASKI_NOT_CONNECTED))
        post(place, CLOSE);
    else
        go_on(place);
}

/* A closure has come back; the next one goes out, unless the time is over and nothing is held. */
static void decide(struct place *place)
{
    struct soaker *soaker = place->soaker;
    bool over = system_now() >= soaker->end_ns;
    bool holds = place->task == WORK || place->task == SHUT ||
                 ((place->task == OPEN || place->task == ACCEPT) && place->status == 0);
    soaker->corrupt |= place->corrupt;
    soaker->opened += place->task == OPEN && place->status == 0;
    soaker->accepted += place->task == ACCEPT && place->status == 0;
    if (holds && over)
        post(place, place->server || one_in(soaker, 2) ? ABORT : CLOSE);
    else if (holds && place->task == WORK)
        after_work(place);
    else if (holds)
        go_on(place);
    else if (!over)
        begin(place);
}

static void *soak(void *context)
{
    struct soaker *soaker = context;
    const struct timespec a_moment = {.tv_nsec = 100000};
    unsigned idle = 0; /* closures in a row that found nothing to do */
    for (unsigned i = 0; i < PLACES; i++)
        begin(&soaker->places[i]);
    while (soaker->out != 0) {
        struct chaski_closure *closure = chaski_mailbox_wait(soaker->mailbox, UINT64_MAX);
        struct place *place = closure->context;
        soaker->out--;
        idle = place->status == CHASKI_AGAIN ? idle + 1 : 0;
        if (idle >= PLACES) {
            nanosleep(&a_moment, NULL); /* leaves the processor to the shards */
            idle = 0;
        }
        decide(place);
    }
    return NULL;
}

/* ---- Around it ----------------------------------------------------------------------------- */

static int listen_for_all(void *context, struct chaski *host, unsigned shard)
{
    /* Where few may wait, many open by a cookie. */
    struct chaski_tcp_bind bind = {.local.port = PORT, .backlog = shard == 0 ? 64 : 2};
    (void)context;
    return chaski_tcp_bind(host, &bind, &listeners[shard]);
}

static int unbind(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    return chaski_tcp_unbind(host, listeners[shard]);
}

/* Something of the tables that all shards read, and not what the connections need. */
static int change_routes(void *context, struct chaski *host, unsigned shard)
{
    unsigned *count = context;
    struct chaski_address address = chaski_ip4(198, 51, 100, (uint8_t)(1 + *count % 100));
    struct chaski_address gateway = chaski_ip4(192, 0, 2, 2);
    (void)shard;
    (*count)++;
    if (*count % 2 == 1)
        return chaski_route_add(host, &address, 32, &gateway, 0);
    address.bytes[15]--;
    return chaski_route_remove(host, &address, 32);
}

/* Ends what is held; whether nothing is any more. */
static int let_go(void *context, struct chaski *host, unsigned shard)
{
    struct chaski_tcp_info info;
    uint32_t cursor = 0;
    bool none = true;
    (void)context;
    (void)shard;
    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (info.tcpi_state != CHASKI_TCP_LISTEN && info.tcpi_state != CHASKI_TCP_TIME_WAIT)
            none = false;
        if (info.connection.index != UINT32_MAX)
            chaski_tcp_abort(host, info.connection);
    }
    return none;
}

/* Who is left, for whoever has to find out why. */
static int tell_who_is_left(void *context, struct chaski *host, unsigned shard)
{
    const char *side = context;
    struct chaski_tcp_info info;
    char local[CHASKI_ADDRESS_TEXT], remote[CHASKI_ADDRESS_TEXT];
    uint32_t cursor = 0;
    while (chaski_tcp_list(host, &cursor, &info) == 1) {
        if (info.tcpi_state != CHASKI_TCP_LISTEN && info.tcpi_state != CHASKI_TCP_TIME_WAIT)
            print_message(
                "%s shard %u: %s %s:%u %s:%u, retransmits %u, unacked %u, queues %u %u, RTO %u ms "
                "times 2^%u, sent %u ms and heard %u ms ago\n",
                side, shard, chaski_tcp_state_name((enum chaski_tcp_state)info.tcpi_state),
                chaski_address_text(&info.local.address, local), info.local.port,
                chaski_address_text(&info.remote.address, remote), info.remote.port,
                info.tcpi_retransmits, info.tcpi_unacked, info.receive_queue, info.send_queue,
                info.tcpi_rto / 1000, info.tcpi_backoff, info.tcpi_last_data_sent,
                info.tcpi_last_ack_recv);
    }
    return 0;
}

static void end_all(struct shard_pair *pair)
{
    bool none = true;
    thread_wire_calm(pair->wire); /* so that who is left hears of it */
    for (unsigned side = 0; side < 2; side++)
        for (unsigned i = 0; i < SHARDS; i++)
            none &= shard_until(pair->side[side], i, let_go, NULL);
    if (!none) {
        chaski_shards_each(pair->side[LEFT], tell_who_is_left, "left");
        chaski_shards_each(pair->side[RIGHT], tell_who_is_left, "right");
    }
    assert_true(none);
}

/* Who has closed does not wait a minute for a peer that is gone, and nobody much longer than some
 * seconds between two attempts, though round trips are long on a machine with too much work: so
 * that the end comes before patience is over. */
static int hurry(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    (void)shard;
    int status = chaski_set_knob(host, "tcp_fin_timeout", "2");
    return status != 0 ? status : chaski_set_knob(host, "tcp_rto_max_ms", "4000");
}

static void set_up_soaker(struct soaker *soaker, struct shard_pair *pair, unsigned number,
                          uint64_t seed, uint64_t end_ns)
{
    *soaker = (struct soaker){.pair = pair, .random.key = {seed, number}, .end_ns = end_ns};
    soaker->mailbox = chaski_mailbox_create(PLACES);
    assert_non_null(soaker->mailbox);
    for (unsigned i = 0; i < PLACES; i++) {
        struct place *place = &soaker->places[i];
        place->soaker = soaker;
        place->server = i % 2 == 1;
        place->closure =
            (struct chaski_closure){.run = run, .context = place, .mailbox = soaker->mailbox};
    }
}

static unsigned seconds = SECONDS;
static uint64_t seed = 1;

static void disturb(struct shard_pair *pair, uint64_t end_ns)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    unsigned changes = 0;
    while (system_now() < end_ns) {
        nanosleep(&moment, NULL);
        assert_int_equal(shard_do(pair->side[LEFT], 0, change_routes, &changes), 0);
    }
}

static void nothing_is_lost_in_a_soak(void **state)
{
    static struct soaker soakers[THREADS];
    struct soaker sum = {0};
    pthread_t threads[THREADS];
    struct shard_pair pair;
    struct chaski_limits limits;
    struct shard_pair_options options = {
        .shards = {SHARDS, SHARDS},
        .wire = {.shuffled = true, .seed = seed},
        .limits = &limits,
    };
    (void)state;
    options.wire.impairment = (struct impairment){.loss = 10000,
                                                  .duplicate = 5000,
                                                  .corrupt = 5000,
                                                  .reorder = 10000,
                                                  .delay_ns = 100000,
                                                  .jitter_ns = 100000};
    chaski_limits_for(&limits, 32 << 20, 1024);
    shard_pair_make(&pair, &options);
    assert_int_equal(chaski_shards_each(pair.side[LEFT], hurry, NULL), 0);
    assert_int_equal(chaski_shards_each(pair.side[RIGHT], hurry, NULL), 0);
    assert_int_equal(chaski_shards_each(pair.side[RIGHT], listen_for_all, NULL), 0);
    shard_pair_start(&pair);
    uint64_t end_ns = system_now() + seconds * UINT64_C(1000000000);
    for (unsigned i = 0; i < THREADS; i++)
        set_up_soaker(&soakers[i], &pair, i, seed, end_ns);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, soak, &soakers[i]), 0);
    disturb(&pair, end_ns);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.opened += soakers[i].opened;
        sum.accepted += soakers[i].accepted;
        sum.finished += soakers[i].finished;
        sum.aborted += soakers[i].aborted;
        sum.bytes += soakers[i].bytes;
        sum.corrupt |= soakers[i].corrupt;
        sum.lost |= soakers[i].lost;
        chaski_mailbox_free(soakers[i].mailbox);
    }
    uint64_t moved = shard_sum(pair.side[LEFT], CHASKI_SHARD_TAKEN) +
                     shard_sum(pair.side[RIGHT], CHASKI_SHARD_TAKEN);
    print_message("%" PRIu64 " opened, %" PRIu64 " accepted (%" PRIu64 " by cookies), %" PRIu64
                  " to their end with %" PRIu64 " bytes, %" PRIu64 " aborted; %" PRIu64
                  " packets changed shards\n",
                  sum.opened, sum.accepted,
                  shard_sum(pair.side[RIGHT], CHASKI_TCP_COOKIES_ACCEPTED), sum.finished, sum.bytes,
                  sum.aborted, moved);
    assert_int_equal(chaski_shards_each(pair.side[RIGHT], unbind, NULL), 0);
    end_all(&pair);
    shard_pair_end(&pair);
    assert_false(sum.corrupt);
    assert_false(sum.lost);
    assert_true(sum.finished > 0 && sum.aborted > 0);
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (number != 0 && *text >= '0' && *text <= '9' && *end == '\0')
        return number;
    fprintf(stderr, "usage: soak [SECONDS [SEED]], which are numbers from 1 on; not '%s'\n", text);
    exit(2);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_in_a_soak),
    };
    if (count > 1)
        seconds = (unsigned)number_of(words[1]);
    if (count > 2)
        seed = number_of(words[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
