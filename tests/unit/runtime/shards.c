/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <cmocka.h>

#include "core/host/host.h"
#include "tests/support/shard_pair.h"

/* What others have shards do: posting, calling, mailboxes, waking. */

static struct chaski_shards *make(unsigned count, bool busy_poll)
{
    struct chaski_shards_options options = {
        .count = count, .busy_poll = busy_poll, .no_pinning = true};
    chaski_limits_for(&options.limits, 4 << 20, 64);
    struct chaski_shards *shards = chaski_shards_create(&options);
    assert_non_null(shards);
    return shards;
}

static void pause_ms(long milliseconds)
{
    const struct timespec time = {.tv_nsec = milliseconds * 1000000};
    nanosleep(&time, NULL);
}

/* ---- Posting ------------------------------------------------------------------------------- */

struct numbered {
    struct chaski_closure closure;
    struct chaski_shards *shards;
    unsigned poster, number;
};

static unsigned next_of[4]; /* the shard's only */
static bool in_order, in_place;

static void run_numbered(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct numbered *numbered = closure->context;
    in_order &= next_of[numbered->poster]++ == numbered->number;
    in_place &= chaski_shards_here(numbered->shards) == (int)shard &&
                host == chaski_shards_host(numbered->shards, shard);
}

enum { EACH = 3000 };

struct poster {
    struct chaski_shards *shards;
    unsigned number;
    struct numbered closures[EACH];
};

static void *post_all(void *context)
{
    struct poster *poster = context;
    for (unsigned i = 0; i < EACH; i++) {
        struct numbered *numbered = &poster->closures[i];
        *numbered = (struct numbered){
            {.run = run_numbered, .context = numbered}, poster->shards, poster->number, i};
        while (chaski_post(poster->shards, 1, &numbered->closure) == CHASKI_AGAIN)
            sched_yield();
    }
    return NULL;
}

static int nothing(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    (void)host;
    (void)shard;
    return 0;
}

static void closures_run_in_order_in_their_shard(void **state)
{
    static struct poster posters[4];
    struct chaski_shards *shards = make(2, false);
    pthread_t threads[4];
    (void)state;
    in_order = in_place = true;
    memset(next_of, 0, sizeof next_of);
    assert_int_equal(chaski_shards_start(shards), 0);
    for (unsigned i = 0; i < 4; i++) {
        posters[i].shards = shards;
        posters[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    shard_do(shards, 1, nothing, NULL); /* behind all of them */
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(next_of[i], EACH);
    assert_true(in_order);
    assert_true(in_place);
    assert_int_equal(chaski_shards_here(shards), -1);
    chaski_shards_free(shards);
}

static void count_run(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    unsigned *runs = closure->context;
    (void)host;
    (void)shard;
    (*runs)++;
}

static int note_time(void *context, struct chaski *host, unsigned shard)
{
    (void)shard;
    *(uint64_t *)context = host_now(host);
    return 0;
}

static void closures_have_the_time_at_which_they_run(void **state)
{
    struct chaski_shards *shards = make(1, false);
    uint64_t time_ns = 0;
    (void)state;
    assert_int_equal(chaski_shards_start(shards), 0);
    pause_ms(50);
    uint64_t before_ns = system_now();
    shard_do(shards, 0, note_time, &time_ns);
    assert_in_range(time_ns, before_ns - 10000000, system_now());
    pause_ms(50);
    before_ns = system_now();
    shard_do(shards, 0, note_time, &time_ns);
    assert_in_range(time_ns, before_ns - 10000000, system_now());
    chaski_shards_free(shards);
}

static void a_full_channel_is_told(void **state)
{
    static struct chaski_closure closures[SHARDS_CLOSURES + 1];
    struct chaski_shards *shards = make(2, false);
    unsigned runs = 0;
    (void)state;
    for (int i = 0; i <= SHARDS_CLOSURES; i++)
        closures[i] = (struct chaski_closure){.run = count_run, .context = &runs};
    for (int i = 0; i < SHARDS_CLOSURES; i++)
        assert_int_equal(chaski_post(shards, 1, &closures[i]), 0);
    assert_int_equal(chaski_post(shards, 1, &closures[SHARDS_CLOSURES]), CHASKI_AGAIN);
    assert_int_equal(chaski_post(shards, 2, &closures[0]), CHASKI_INVALID);
    assert_int_equal(chaski_shards_start(shards), 0);
    shard_do(shards, 1, nothing, NULL);
    assert_int_equal(runs, SHARDS_CLOSURES);
    chaski_shards_free(shards);
}

static void what_was_posted_runs_before_the_end(void **state)
{
    struct chaski_shards *shards = make(1, false);
    unsigned runs = 0;
    struct chaski_closure closure = {.run = count_run, .context = &runs};
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(chaski_shards_start(shards), 0);
        assert_int_equal(chaski_post(shards, 0, &closure), 0);
        chaski_shards_stop(shards);
        assert_int_equal(runs, i + 1);
    }
    chaski_shards_free(shards);
}

/* ---- Stopping ------------------------------------------------------------------------------ */

struct again {
    struct chaski_closure closure;
    struct chaski_shards *shards;
    unsigned runs;
    int status;
};

static void post_again(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct again *again = closure->context;
    (void)host;
    again->runs++;
    int status = chaski_post(again->shards, 1 - shard, closure);
    if (status != 0) /* else it is the other shard's now */
        again->status = status;
}

static void a_closure_that_posts_itself_for_ever_ends_with_its_shards(void **state)
{
    struct again again = {.shards = make(2, false)};
    (void)state;
    again.closure = (struct chaski_closure){.run = post_again, .context = &again};
    for (int i = 0; i < 20; i++) {
        again.status = 0;
        assert_int_equal(chaski_shards_start(again.shards), 0);
        assert_int_equal(chaski_post(again.shards, 0, &again.closure), 0);
        pause_ms(1);
        chaski_shards_stop(again.shards);
        assert_true(again.runs > 0);
        assert_int_equal(again.status, CHASKI_CLOSED);
        assert_int_equal(chaski_post(again.shards, 0, &again.closure), CHASKI_CLOSED);
    }
    chaski_shards_free(again.shards);
}

/* A thread that posts, waits and calls until it is told that it is over. */
struct late {
    struct chaski_shards *shards;
    unsigned shard, posted, called;
    unsigned ran, ran_called; /* the shard's */
};

static void *post_until_closed(void *context)
{
    enum { ROOM = 63 };
    struct late *late = context;
    struct chaski_mailbox *mailbox = chaski_mailbox_create(ROOM);
    struct chaski_closure posted[ROOM], called = {.run = count_run, .context = &late->ran_called};
    unsigned out = 0;
    int status = 0;
    while (status == 0) {
        for (out = 0; out < ROOM && status == 0; out += status == 0) {
            posted[out] = (struct chaski_closure){
                .run = count_run, .context = &late->ran, .mailbox = mailbox};
            status = chaski_post(late->shards, late->shard, &posted[out]);
        }
        late->posted += out;
        while (out != 0) { /* each that was taken comes back */
            if (chaski_mailbox_wait(mailbox, UINT64_MAX) != NULL)
                out--;
        }
        late->called += chaski_call(late->shards, late->shard, &called) == 0;
        if (status == CHASKI_AGAIN)
            status = 0; /* others have filled the channel */
    }
    chaski_mailbox_free(mailbox);
    return NULL;
}

static void what_is_posted_meanwhile_is_run_or_refused(void **state)
{
    enum { LATE = 4 };
    struct chaski_shards *shards = make(2, false);
    struct chaski_closure closure = {.run = count_run};
    (void)state;
    for (int round = 0; round < 20; round++) {
        struct late late[LATE];
        pthread_t threads[LATE];
        assert_int_equal(chaski_shards_start(shards), 0);
        for (unsigned i = 0; i < LATE; i++) {
            late[i] = (struct late){.shards = shards, .shard = i % 2};
            assert_int_equal(pthread_create(&threads[i], NULL, post_until_closed, &late[i]), 0);
        }
        pause_ms(3);
        chaski_shards_stop(shards);
        for (unsigned i = 0; i < LATE; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(late[i].ran, late[i].posted);
            assert_int_equal(late[i].ran_called, late[i].called);
        }
        assert_int_equal(chaski_post(shards, 1, &closure), CHASKI_CLOSED);
    }
    chaski_shards_free(shards);
}

/* Adds an address to the leader when the shards are being stopped and the other one has ended. */
static void add_late(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct chaski_shards *shards = closure->context;
    const struct chaski_address address = chaski_ip4(192, 0, 2, 77);
    (void)shard;
    while (!inbox_is_shut(&shards->shards[1].closures))
        pause_ms(1);
    pause_ms(50);
    assert_int_equal(chaski_address_add(host, 0, &address, 32), 0);
}

struct holding {
    struct chaski_shards *shards;
    _Atomic bool holds;
};

/* Holds its shard up until that has been told to end. */
static void hold_until_the_end(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct holding *holding = closure->context;
    (void)host;
    (void)shard;
    holding->holds = true;
    while (!atomic_load(&holding->shards->stopping))
        pause_ms(1);
}

static void look(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    bool *sees = closure->context;
    const struct chaski_address address = chaski_ip4(192, 0, 2, 77);
    (void)shard;
    *sees = host_is_local(host, &address);
}

/* A turn does no more closures than an inbox holds, the one that holds it up among them: so one of
 * those that fill it behind that one is left. */
static void what_is_left_sees_what_the_leader_did_last(void **state)
{
    const struct shard_pair_options options = {.shards = {2, 1}};
    struct shard_pair pair;
    struct chaski_closure looks[SHARDS_CLOSURES];
    bool sees = false;
    (void)state;
    shard_pair_make(&pair, &options);
    shard_pair_start(&pair);
    struct holding holding = {.shards = pair.side[LEFT]};
    struct chaski_closure hold = {.run = hold_until_the_end, .context = &holding};
    struct chaski_closure add = {.run = add_late, .context = pair.side[LEFT]};
    assert_int_equal(chaski_post(pair.side[LEFT], 0, &add), 0);
    assert_int_equal(chaski_post(pair.side[LEFT], 1, &hold), 0);
    while (!holding.holds)
        pause_ms(1);
    for (unsigned i = 0; i < SHARDS_CLOSURES; i++) {
        looks[i] = (struct chaski_closure){.run = look, .context = &sees};
        assert_int_equal(chaski_post(pair.side[LEFT], 1, &looks[i]), 0);
    }
    chaski_shards_stop(pair.side[LEFT]);
    assert_true(sees);
    shard_pair_end(&pair);
}

/* Has all shards do something while they are being stopped. */
struct meanwhile {
    struct chaski_shards *shards;
    _Atomic int status;
    _Atomic bool done;
};

static void hold_up(struct chaski_closure *closure, struct chaski *host, unsigned shard)
{
    struct meanwhile *meanwhile = closure->context;
    (void)host;
    (void)shard;
    while (!meanwhile->done)
        pause_ms(1);
}

static int do_nothing(void *context, struct chaski *host, unsigned shard)
{
    (void)context;
    (void)host;
    (void)shard;
    return 0;
}

static void *ask_each(void *context)
{
    struct meanwhile *meanwhile = context;
    while (!inbox_is_shut(&meanwhile->shards->shards[1].closures))
        pause_ms(1);
    meanwhile->status = chaski_shards_each(meanwhile->shards, do_nothing, NULL);
    meanwhile->done = true;
    return NULL;
}

static void each_shard_is_refused_where_one_is(void **state)
{
    struct meanwhile meanwhile = {.shards = make(2, false)};
    struct chaski_closure closure = {.run = hold_up, .context = &meanwhile};
    pthread_t thread;
    (void)state;
    assert_int_equal(chaski_shards_start(meanwhile.shards), 0);
    assert_int_equal(chaski_post(meanwhile.shards, 0, &closure), 0);
    assert_int_equal(pthread_create(&thread, NULL, ask_each, &meanwhile), 0);
    chaski_shards_stop(meanwhile.shards);
    pthread_join(thread, NULL);
    assert_int_equal(meanwhile.status, CHASKI_CLOSED);
    chaski_shards_free(meanwhile.shards);
}

/* ---- Calling ------------------------------------------------------------------------------- */

struct call {
    struct chaski_shards *shards;
    int own, other;
    unsigned runs;
};

static int call_from_shard(void *context, struct chaski *host, unsigned shard)
{
    struct call *call = context;
    struct chaski_closure closure = {.run = count_run, .context = &call->runs};
    (void)host;
    call->own = chaski_call(call->shards, shard, &closure);
    call->other = chaski_call(call->shards, 1 - shard, &closure);
    return 0;
}

static void a_call_waits_but_not_one_shard_for_another(void **state)
{
    struct call call = {.shards = make(2, false)};
    unsigned runs = 0;
    struct chaski_closure closure = {.run = count_run, .context = &runs};
    (void)state;
    assert_int_equal(chaski_shards_start(call.shards), 0);
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(chaski_call(call.shards, i % 2, &closure), 0);
        assert_int_equal(runs, i + 1);
        if (i % 100 == 0)
            pause_ms(1); /* it sleeps now */
    }
    shard_do(call.shards, 0, call_from_shard, &call);
    assert_int_equal(call.own, 0);
    assert_int_equal(call.other, CHASKI_NOT_PERMITTED);
    assert_int_equal(call.runs, 1);
    chaski_shards_free(call.shards);
}

/* ---- Mailboxes ----------------------------------------------------------------------------- */

static void closures_come_back_by_their_mailbox(void **state)
{
    struct chaski_shards *shards = make(2, false);
    struct chaski_mailbox *mailbox = chaski_mailbox_create(7);
    struct chaski_closure closures[8];
    unsigned runs[2] = {0, 0};
    (void)state;
    assert_null(chaski_mailbox_take(mailbox));
    assert_null(chaski_mailbox_wait(mailbox, 2000000));
    for (int i = 0; i < 8; i++)
        closures[i] =
            (struct chaski_closure){.run = count_run, .context = &runs[i % 2], .mailbox = mailbox};
    assert_int_equal(chaski_shards_start(shards), 0);
    for (int round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 7; i++)
            assert_int_equal(chaski_post(shards, i % 2, &closures[i]), 0);
        assert_int_equal(chaski_post(shards, 0, &closures[7]), CHASKI_AGAIN);
        const struct chaski_closure *last[2] = {NULL, NULL};
        for (int i = 0; i < 7; i++) {
            struct chaski_closure *closure = chaski_mailbox_wait(mailbox, UINT64_MAX);
            assert_non_null(closure);
            long which = closure - closures;
            assert_true(last[which % 2] == NULL || last[which % 2] == closure - 2);
            last[which % 2] = closure;
        }
        assert_null(chaski_mailbox_take(mailbox));
    }
    assert_int_equal(runs[0], 4 * 300);
    assert_int_equal(runs[1], 3 * 300);
    chaski_shards_free(shards);
    chaski_mailbox_free(mailbox);
}

/* The shard may be about to ring when the closure has been taken already. */
static void a_mailbox_may_go_with_the_last_closure(void **state)
{
    struct chaski_shards *shards = make(1, false);
    unsigned runs = 0;
    (void)state;
    assert_int_equal(chaski_shards_start(shards), 0);
    for (int i = 0; i < 3000; i++) {
        struct chaski_mailbox *mailbox = chaski_mailbox_create(1);
        struct chaski_closure closure = {.run = count_run, .context = &runs, .mailbox = mailbox};
        assert_int_equal(chaski_post(shards, 0, &closure), 0);
        while (chaski_mailbox_take(mailbox) == NULL)
            sched_yield();
        chaski_mailbox_free(mailbox);
    }
    assert_int_equal(runs, 3000);
    chaski_shards_free(shards);
}

/* ---- Waking -------------------------------------------------------------------------------- */

static void a_busy_shard_is_not_woken_by_the_kernel(void **state)
{
    struct chaski_shards *shards = make(1, true);
    unsigned runs = 0;
    struct chaski_closure closure = {.run = count_run, .context = &runs};
    (void)state;
    assert_int_equal(chaski_shards_start(shards), 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(chaski_call(shards, 0, &closure), 0);
    assert_int_equal(shards->shards[0].bell.rings, 0);
    chaski_shards_free(shards);
}

static void a_sleeping_shard_is_woken_once(void **state)
{
    enum { TIMES = 20, POSTS = 100 };
    static struct chaski_closure closures[POSTS];
    struct chaski_shards *shards = make(1, false);
    unsigned runs = 0;
    (void)state;
    assert_int_equal(chaski_shards_start(shards), 0);
    uint64_t before = shards->shards[0].bell.rings;
    for (unsigned i = 0; i < TIMES; i++) {
        pause_ms(3);
        for (unsigned c = 0; c < POSTS; c++) {
            closures[c] = (struct chaski_closure){.run = count_run, .context = &runs};
            assert_int_equal(chaski_post(shards, 0, &closures[c]), 0);
        }
        shard_do(shards, 0, nothing, NULL);
        assert_int_equal(runs, POSTS * (i + 1));
    }
    /* Once a time, mostly: on a busy machine it may not have gone to sleep yet, or again between
     * two posts. */
    assert_in_range(shards->shards[0].bell.rings - before, 1, TIMES * POSTS / 4);
    chaski_shards_free(shards);
}

static long switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw; /* times that a thread of ours has waited for something */
}

static void idle_shards_sleep(void **state)
{
    struct chaski_shards *shards = make(4, false);
    (void)state;
    assert_int_equal(chaski_shards_start(shards), 0);
    for (unsigned i = 0; i < 4; i++)
        shard_do(shards, i, nothing, NULL);
    long found = LONG_MAX;
    for (int i = 0; i < 10 && found > 4; i++) { /* a busy machine lets them go to sleep late */
        long before = switches();
        pause_ms(300);
        found = switches() - before;
    }
    assert_in_range(found, 1, 4);
    chaski_shards_free(shards);
}

/* ---- Setup --------------------------------------------------------------------------------- */

static int refuse_third(void *context, struct chaski *host, unsigned shard)
{
    unsigned *runs = context;
    (void)host;
    assert_int_equal(*runs, shard);
    (*runs)++;
    return shard == 2 ? CHASKI_IN_USE : 0;
}

static void each_shard_in_turn_until_one_refuses(void **state)
{
    struct chaski_shards *shards = make(4, false);
    unsigned runs = 0;
    (void)state;
    assert_int_equal(chaski_shards_each(shards, refuse_third, &runs), CHASKI_IN_USE);
    assert_int_equal(runs, 3);
    runs = 0;
    assert_int_equal(chaski_shards_start(shards), 0);
    assert_int_equal(chaski_shards_each(shards, refuse_third, &runs), CHASKI_IN_USE);
    assert_int_equal(runs, 3);
    chaski_shards_free(shards);
}

static void nothing_is_left_of_what_cannot_be_made(void **state)
{
    struct chaski_shards_options options = {.count = CHASKI_SHARDS_MAX + 1};
    struct chaski_tap tap = {.name = "x"};
    (void)state;
    chaski_limits_for(&options.limits, 4 << 20, 64);
    assert_null(chaski_shards_create(&options));
    assert_int_equal(chaski_shards_tap(NULL, &tap, 0), CHASKI_NO_MEMORY);
    assert_non_null(strstr(chaski_shards_error(NULL), "memory"));
    struct chaski_shards *shards = make(1, false);
    assert_int_equal(chaski_shards_tap(shards, &tap, 2), CHASKI_INVALID);
    assert_non_null(strstr(chaski_shards_error(shards), "queues"));
    chaski_shards_free(shards);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closures_run_in_order_in_their_shard),
        cmocka_unit_test(closures_have_the_time_at_which_they_run),
        cmocka_unit_test(a_full_channel_is_told),
        cmocka_unit_test(what_was_posted_runs_before_the_end),
        cmocka_unit_test(a_closure_that_posts_itself_for_ever_ends_with_its_shards),
        cmocka_unit_test(what_is_posted_meanwhile_is_run_or_refused),
        cmocka_unit_test(what_is_left_sees_what_the_leader_did_last),
        cmocka_unit_test(each_shard_is_refused_where_one_is),
        cmocka_unit_test(a_call_waits_but_not_one_shard_for_another),
        cmocka_unit_test(closures_come_back_by_their_mailbox),
        cmocka_unit_test(a_mailbox_may_go_with_the_last_closure),
        cmocka_unit_test(a_busy_shard_is_not_woken_by_the_kernel),
        cmocka_unit_test(a_sleeping_shard_is_woken_once),
        cmocka_unit_test(idle_shards_sleep),
        cmocka_unit_test(each_shard_in_turn_until_one_refuses),
        cmocka_unit_test(nothing_is_left_of_what_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
