/* SPDX-License-Identifier: BSD-2-Clause */
#include "packetdrill/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "core/base/address.h"

enum {
    MEMORY = 64 << 20,
    CONNECTIONS = 256,
    ADDRESSES = 64,
    AO_KEYS = 64,
    FIRST_DESCRIPTOR = 3,
    TURNS_AT_ONCE = 10000,
    MTU_DEFAULT = 1500,
    BUFFER_MOST = 1 << 30,
    PATIENCE_NS = 20000000, /* real time that a finished call has to look at the clock */
};

#define START_NS 1000000000000ull

/* ---- Making ---- */

static void note_outgoing(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct machine *m = context;
    size_t length = 0;
    for (unsigned i = 0; i < count; i++)
        length += pieces[i].length;
    struct outgoing *packet = malloc(sizeof *packet + length);
    if (packet == NULL)
        return;
    *packet = (struct outgoing){.sent_ns = m->now_ns, .length = length};
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        memcpy(packet->bytes + at, pieces[i].bytes, pieces[i].length);
        at += pieces[i].length;
    }
    *m->last = packet;
    m->last = &packet->next;
}

/* The text behind "NAME=" among the words of `flags`, as far as `room`; false without. */
static bool flag_value(const char *flags, const char *name, char *value, size_t room)
{
    size_t length = strlen(name);
    for (const char *at = flags; at != NULL && *at != '\0';) {
        at += strspn(at, ", ");
        size_t word = strcspn(at, ", ");
        if (word > length && strncmp(at, name, length) == 0 && word - length < room) {
            memcpy(value, at + length, word - length);
            value[word - length] = '\0';
            return true;
        }
        at += word;
    }
    return false;
}

static void add_interface(struct machine *m, const char *flags)
{
    char text[CHASKI_ADDRESS_TEXT];
    unsigned long mtu = flag_value(flags, "mtu=", text, sizeof text) ? strtoul(text, NULL, 10) : 0;
    struct chaski_interface interface = {
        .kind = CHASKI_BARE,
        .mtu = (uint16_t)(mtu >= 68 && mtu <= 65535 ? mtu : MTU_DEFAULT),
        .output = note_outgoing,
        .context = m,
    };
    struct chaski_address any = {{0}}, local = chaski_ip4(192, 168, 0, 1);
    chaski_interface_add(m->host, &interface);
    chaski_route_add(m->host, &any, 0, &any, 0);
    if (flag_value(flags, "local=", text, sizeof text))
        chaski_address_parse(text, &local);
    machine_own(m, address_ip4(&local));
}

static bool make_host(struct machine *m)
{
    static const uint8_t seed[32] = {'p', 'a', 'c', 'k', 'e', 't', 'd', 'r', 'i', 'l', 'l'};
    struct chaski_limits limits;
    chaski_limits_for(&limits, MEMORY, CONNECTIONS);
    limits.addresses = ADDRESSES;
    limits.accounts = true;
    limits.ao_keys = AO_KEYS;
    limits.receive_buffer_max = limits.send_buffer_max = BUFFER_MOST; /* sysctls say how much */
    size_t size = chaski_size(&limits);
    m->memory = malloc(size);
    m->host = chaski_init(m->memory, size, &limits, seed, m->now_ns);
    m->sockets = m->host != NULL ? sockets_create(m->host, NULL, FIRST_DESCRIPTOR) : NULL;
    return m->sockets != NULL;
}

struct machine *machine_create(const char *flags)
{
    struct machine *m = calloc(1, sizeof *m);
    struct timeval day;
    pthread_mutexattr_t checked;
    pthread_condattr_t attributes;
    if (m == NULL)
        return NULL;
    pthread_mutexattr_init(&checked);
    pthread_mutexattr_settype(&checked, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&m->lock, &checked);
    pthread_mutexattr_destroy(&checked);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&m->turned, &attributes);
    pthread_cond_init(&m->quiet, &attributes);
    pthread_condattr_destroy(&attributes);
    m->owner = pthread_self();
    m->now_ns = START_NS;
    gettimeofday(&day, NULL);
    m->epoch_us = (uint64_t)day.tv_sec * 1000000 - START_NS / 1000;
    m->last = &m->first;
    if (!make_host(m)) {
        machine_free(m);
        return NULL;
    }
    sockets_set_clock(m->sockets, (int64_t)(m->epoch_us * 1000));
    add_interface(m, flags);
    policy_follow(m);
    return m;
}

void machine_free(struct machine *m)
{
    if (m->sockets != NULL)
        sockets_free(m->sockets);
    while (m->first != NULL) {
        struct outgoing *packet = m->first;
        m->first = packet->next;
        free(packet);
    }
    free(m->memory);
    pthread_cond_destroy(&m->turned);
    pthread_cond_destroy(&m->quiet);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void machine_own(struct machine *m, uint32_t address)
{
    struct chaski_address own = address_from_ip4(address);
    if (!host_is_local(m->host, &own))
        chaski_address_add(m->host, 0, &own, 32); /* what no host can have stays foreign */
}

/* ---- Turns and time ---- */

void machine_lock(struct machine *m)
{
    pthread_mutex_lock(&m->lock);
    chaski_poll(m->host, m->now_ns); /* calls have the time of the last turn */
}

void machine_unlock(struct machine *m)
{
    if (pthread_mutex_unlock(&m->lock) != 0)
        abort(); /* the call that ends has never taken it */
}

void machine_turn(struct machine *m)
{
    for (unsigned i = 0; i < TURNS_AT_ONCE; i++) {
        chaski_poll(m->host, m->now_ns);
        if (chaski_deadline(m->host) > m->now_ns)
            break;
    }
    m->turns++;
    m->behind = 0;
    for (const struct waiter *waiter = m->waiters; waiter != NULL; waiter = waiter->next)
        m->behind++;
    if (m->behind != 0)
        pthread_cond_broadcast(&m->turned);
}

static struct timespec in_real_time(uint64_t ns)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)ns;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

/* Nobody has anything left to do at this time. */
static void let_catch_up(struct machine *m)
{
    for (;;) {
        while (m->behind != 0)
            pthread_cond_wait(&m->quiet, &m->lock);
        if (!m->finishing)
            return;
        struct timespec until = in_real_time(PATIENCE_NS);
        int error = 0;
        while (m->finishing && error != ETIMEDOUT)
            error = pthread_cond_timedwait(&m->quiet, &m->lock, &until);
        m->finishing = false;
    }
}

/* When something is due next. */
static uint64_t next_due(struct machine *m)
{
    uint64_t next = chaski_deadline(m->host);
    for (const struct waiter *waiter = m->waiters; waiter != NULL; waiter = waiter->next)
        next = waiter->until_ns < next ? waiter->until_ns : next;
    return next;
}

/* One step towards `ns`, no further than what is due next. */
static void step(struct machine *m, uint64_t ns)
{
    let_catch_up(m);
    uint64_t due = next_due(m);
    uint64_t to = due < ns ? due : ns;
    if (to > m->now_ns)
        m->now_ns = to;
    if (due <= m->now_ns)
        machine_turn(m);
}

void machine_advance(struct machine *m, uint64_t ns)
{
    while (m->now_ns < ns)
        step(m, ns);
    let_catch_up(m);
}

bool machine_await_packet(struct machine *m)
{
    let_catch_up(m);
    while (m->first == NULL) {
        uint64_t due = next_due(m);
        if (due == UINT64_MAX)
            return false;
        step(m, due);
        let_catch_up(m);
    }
    return true;
}

/* ---- Calls that may wait ---- */

static void join(struct machine *m, struct waiter *waiter)
{
    waiter->next = m->waiters;
    m->waiters = waiter;
}

static void leave(struct machine *m, struct waiter *waiter)
{
    struct waiter **link = &m->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

/* On a thread besides the tool's: others move the clock. */
static ssize_t wait_beside(struct machine *m, struct attempt *attempt, ssize_t value)
{
    struct waiter waiter = {.until_ns = attempt->until_ns};
    join(m, &waiter);
    while (attempt->pending && m->now_ns < attempt->until_ns) {
        uint64_t seen = m->turns;
        while (m->turns == seen)
            pthread_cond_wait(&m->turned, &m->lock);
        value = attempt->run(m, attempt);
        m->behind--;
        if (attempt->pending)
            pthread_cond_broadcast(&m->quiet);
    }
    leave(m, &waiter);
    m->finishing = true;
    m->finisher = pthread_self();
    machine_turn(m);
    pthread_cond_broadcast(&m->quiet);
    return value;
}

/* On the tool's own thread: the clock moves for it alone. EINTR when nothing can ever come. */
static ssize_t wait_alone(struct machine *m, struct attempt *attempt, ssize_t value)
{
    while (attempt->pending && m->now_ns < attempt->until_ns) {
        let_catch_up(m);
        uint64_t due = next_due(m);
        uint64_t to = due < attempt->until_ns ? due : attempt->until_ns;
        if (to == UINT64_MAX)
            return value == -EAGAIN || value == 0 ? -EINTR : value;
        step(m, to);
        machine_turn(m); /* calls have the time of the last turn */
        let_catch_up(m);
        value = attempt->run(m, attempt);
        machine_turn(m);
    }
    return value;
}

ssize_t machine_run(struct machine *m, struct attempt *attempt)
{
    machine_lock(m);
    ssize_t value = attempt->run(m, attempt);
    machine_turn(m);
    if (attempt->pending) { /* that turn may have brought what it waits for */
        value = attempt->run(m, attempt);
        machine_turn(m);
    }
    if (attempt->pending) {
        bool own = pthread_equal(pthread_self(), m->owner) != 0;
        value = own ? wait_alone(m, attempt, value) : wait_beside(m, attempt, value);
    }
    machine_unlock(m);
    return value;
}
