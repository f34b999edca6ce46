/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_half_open_internal.h"
#include "core/tcp/opening/tcp_listener.h"

/*
 * Theory of operation. A SYN for a listener becomes an entry and is answered (tcp_half_open_syn.c);
 * the acknowledgement turns the entry into a connection (tcp_half_open_segment.c). When all entries
 * are taken, the SYN is answered with a cookie instead (tcp_cookie): a flood costs no memory, and
 * who really listens still gets in. Here the entries wait: for their acknowledgement, in a queue
 * for each round, or for what the next turn does with them.
 */

enum { SYNACK_FIRST_MS = 1000 };

void half_open_setup(struct tcp_half_opens *half_opens, struct memory *memory, uint32_t limit)
{
    struct tcp_half_open *entries = memory_take(memory, (size_t)limit * sizeof *entries);
    if (entries == NULL)
        return;
    *half_opens = (struct tcp_half_opens){.entries = entries, .limit = limit, .free = limit != 0};
    for (uint32_t i = 0; i < limit; i++)
        entries[i].next = i + 1 < limit ? i + 2 : 0;
}

static struct half_open_queue *queue_of(struct tcp_half_opens *all,
                                        const struct tcp_half_open *entry)
{
    return &all->queues[(entry->flags & HALF_OPEN_UNFILTERED) ? HALF_OPEN_UNFILTERED_QUEUE
                                                              : entry->round];
}

static void insert_behind(struct tcp_half_opens *all, struct tcp_half_open *entry,
                          uint32_t previous)
{
    struct half_open_queue *queue = queue_of(all, entry);
    uint32_t reference = (uint32_t)(entry - all->entries) + 1;
    uint32_t *link = previous != 0 ? &all->entries[previous - 1].next : &queue->first;
    entry->next = *link;
    entry->previous = previous & HALF_OPEN_LIMIT;
    *link = reference;
    if (entry->next != 0)
        all->entries[entry->next - 1].previous = reference & HALF_OPEN_LIMIT;
    else
        queue->last = reference;
}

static void append(struct tcp_half_opens *all, struct tcp_half_open *entry)
{
    insert_behind(all, entry, queue_of(all, entry)->last);
}

static bool is_due_before(const struct tcp_half_open *a, const struct tcp_half_open *b)
{
    return ((a->due_ms - b->due_ms) & HALF_OPEN_DUE) > HALF_OPEN_DUE / 2;
}

/* Those of a round wait for equally long, unless a listener allows less than others: then they
 * overtake. Where there are many, a flood, they are late rather than sought a place for. */
static void append_by_time(struct tcp_half_opens *all, struct tcp_half_open *entry)
{
    enum { OVERTAKEN_MOST = 64 };
    uint32_t previous = queue_of(all, entry)->last;
    for (unsigned n = 0; n < OVERTAKEN_MOST && previous != 0; n++) {
        if (!is_due_before(entry, &all->entries[previous - 1]))
            break;
        previous = all->entries[previous - 1].previous;
    }
    insert_behind(all, entry, previous);
}

static void unlink_entry(struct tcp_half_opens *all, struct tcp_half_open *entry)
{
    struct half_open_queue *queue = queue_of(all, entry);
    if (entry->previous != 0)
        all->entries[entry->previous - 1].next = entry->next;
    else
        queue->first = entry->next;
    if (entry->next != 0)
        all->entries[entry->next - 1].previous = entry->previous;
    else
        queue->last = entry->previous;
}

/* What the listener has set, or the knob: no less than the first wait. */
static uint32_t longest_wait_ms(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    uint8_t times = half_open_listener(tcp, &entry->key)->times;
    uint32_t own_us = times_of(&tcp->times, times)->rto_max_us;
    return (own_us != 0 ? own_us : tcp->knobs.rto_max_us) / 1000;
}

uint32_t half_open_wait_ms(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    uint32_t wait_ms = (uint32_t)SYNACK_FIRST_MS << entry->round;
    return entry->round != 0 ? minimum(wait_ms, longest_wait_ms(tcp, entry)) : wait_ms;
}

uint32_t half_open_age_ms(const struct tcp *tcp, const struct tcp_half_open *entry, uint64_t now_ns)
{
    uint32_t sent_ms = entry->due_ms - half_open_wait_ms(tcp, entry);
    return (clock_ms(now_ns) - sent_ms) & HALF_OPEN_DUE;
}

bool half_open_was_answered(const struct tcp *tcp, const struct tcp_half_open *entry,
                            uint64_t now_ns)
{
    bool beside = entry->answered || (entry->flags & HALF_OPEN_CHALLENGED);
    return beside && half_open_age_ms(tcp, entry, now_ns) < tcp->knobs.answer_interval_ms;
}

static uint32_t time_left_ms(const struct tcp_half_open *entry, uint64_t now_ns)
{
    uint32_t left = (entry->due_ms - clock_ms(now_ns)) & HALF_OPEN_DUE;
    return left <= (uint32_t)SYNACK_FIRST_MS << entry->round ? left : 0; /* else it is over */
}

void half_open_set_timer(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    uint64_t earliest = TIMER_NEVER;
    for (unsigned round = 0; round < HALF_OPEN_ROUNDS; round++) {
        if (all->queues[round].first == 0)
            continue;
        uint64_t at =
            now_ns + time_left_ms(&all->entries[all->queues[round].first - 1], now_ns) * 1000000ull;
        if (at < earliest)
            earliest = at;
    }
    timer_arm(tcp->wheel, &all->timer, earliest);
}

static void give_back(struct tcp_half_opens *all, struct tcp_half_open *entry)
{
    if (entry->flags & HALF_OPEN_UNFILTERED)
        all->unfiltered--;
    unlink_entry(all, entry);
    entry->next = all->free;
    all->free = (uint32_t)(entry - all->entries) + 1;
    all->count--;
}

static struct tcp_listener *owner_of(struct tcp *tcp, const struct tcp_half_open *entry)
{
    uint16_t listener = listener_find(tcp, &entry->key);
    return listener != 0 ? &tcp->listeners[listener - 1] : NULL;
}

void half_open_drop(struct tcp *tcp, uint32_t index)
{
    struct tcp_half_open *entry = &tcp->half_open.entries[index];
    struct tcp_listener *owner = owner_of(tcp, entry);
    if (owner != NULL)
        owner->half_open--;
    tcp_table_remove(&tcp->table, &entry->key, tcp_refer(TCP_KIND_HALF_OPEN, index));
    give_back(&tcp->half_open, entry);
}

void half_open_give_up(struct tcp *tcp, uint32_t index)
{
    saved_syn_forget(tcp, &tcp->half_open.entries[index].key);
    half_open_drop(tcp, index);
}

struct ao_state *half_open_ao(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    return ao_state_of(tcp,
                       tcp_refer(TCP_KIND_HALF_OPEN, (uint32_t)(entry - tcp->half_open.entries)));
}

struct tcp_half_open *half_open_take(struct tcp *tcp, const struct tcp_half_open *syn,
                                     const struct ao_state *ao)
{
    struct tcp_half_opens *all = &tcp->half_open;
    if (all->free == 0)
        return NULL;
    struct tcp_half_open *entry = &all->entries[all->free - 1];
    all->free = entry->next;
    all->count++;
    *entry = *syn;
    struct tcp_listener *owner = owner_of(tcp, entry);
    if (owner != NULL)
        owner->half_open++;
    tcp_reference reference = tcp_refer(TCP_KIND_HALF_OPEN, (uint32_t)(entry - all->entries));
    tcp_table_insert(&tcp->table, &entry->key, reference);
    ao_set_state(tcp, reference, ao);
    return entry;
}

void half_open_wait(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    entry->due_ms = (clock_ms(now_ns) + half_open_wait_ms(tcp, entry)) & HALF_OPEN_DUE;
    append_by_time(&tcp->half_open, entry);
    half_open_set_timer(tcp, now_ns);
}

void half_open_wait_anew(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    unlink_entry(&tcp->half_open, entry);
    half_open_wait(tcp, entry, now_ns);
}

void half_open_await_turn(struct tcp *tcp, struct tcp_half_open *entry,
                          enum half_open_cookie cookie)
{
    entry->flags |= HALF_OPEN_UNFILTERED;
    entry->cookie = cookie & HALF_OPEN_DUE;
    tcp->half_open.unfiltered++;
    append(&tcp->half_open, entry);
}

/* What the peer sends next is refused; but if it believes only what is signed, nobody will be left
 * then who could sign that (RFC 5925, 7.7): it is told in the next turn. */
static void forget(struct tcp *tcp, struct tcp_half_open *entry)
{
    struct tcp_half_opens *all = &tcp->half_open;
    bool waits = entry->flags & HALF_OPEN_UNFILTERED;
    if (waits && entry->cookie == HALF_OPEN_LEFT)
        return;
    if (waits || half_open_ao(tcp, entry) == NULL) {
        half_open_give_up(tcp, (uint32_t)(entry - all->entries));
        return;
    }
    unlink_entry(all, entry);
    half_open_await_turn(tcp, entry, HALF_OPEN_LEFT);
}

/* The peer has answered, and need not do so again yet. */
static bool waits_for_data(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    uint16_t listener = entry->acknowledged ? listener_find(tcp, &entry->key) : 0;
    return listener != 0 && entry->round < tcp->listeners[listener - 1].defer;
}

void half_open_timer(void *block, struct timer *timer, uint64_t now_ns)
{
    (void)timer;
    struct tcp *tcp = block;
    struct tcp_half_opens *all = &tcp->half_open;
    /* From the last round down: an entry that moves to the next round is not met again. */
    for (unsigned round = HALF_OPEN_ROUNDS; round-- > 0;) {
        uint32_t first;
        while ((first = all->queues[round].first) != 0 &&
               time_left_ms(&all->entries[first - 1], now_ns) == 0) {
            struct tcp_half_open *entry = &all->entries[first - 1];
            if (round >= tcp->knobs.synack_retries || round + 1 == HALF_OPEN_ROUNDS) {
                count(tcp->counters, CHASKI_TCP_HALF_OPEN_EXPIRED);
                forget(tcp, entry);
                continue;
            }
            unlink_entry(all, entry);
            entry->round++;
            entry->flags &= ~HALF_OPEN_CHALLENGED & 31;
            entry->answered = 0;
            half_open_wait(tcp, entry, now_ns);
            if (!waits_for_data(tcp, entry))
                half_open_answer(tcp, entry, NULL, NULL, now_ns);
        }
    }
    half_open_set_timer(tcp, now_ns);
}

void half_open_forget(struct tcp *tcp, uint16_t listener, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    for (unsigned q = 0; q <= HALF_OPEN_ROUNDS; q++) {
        uint32_t reference = all->queues[q].first;
        while (reference != 0) {
            struct tcp_half_open *entry = &all->entries[reference - 1];
            reference = entry->next;
            if (listener_find(tcp, &entry->key) == listener)
                forget(tcp, entry);
        }
    }
    half_open_set_timer(tcp, now_ns);
}

void half_open_recount(struct tcp *tcp)
{
    struct tcp_half_opens *all = &tcp->half_open;
    for (uint32_t i = 0; i < tcp->listener_limit; i++)
        tcp->listeners[i].half_open = 0;
    for (unsigned q = 0; q <= HALF_OPEN_ROUNDS; q++) {
        for (uint32_t next = all->queues[q].first; next != 0; next = all->entries[next - 1].next) {
            struct tcp_listener *owner = owner_of(tcp, &all->entries[next - 1]);
            if (owner != NULL)
                owner->half_open++;
        }
    }
}

static bool filter_accepts(const struct tcp *tcp, const struct tcp_key *key)
{
    uint16_t listener = listener_find(tcp, key);
    if (listener == 0)
        return false;
    const struct tcp_listener *owner = &tcp->listeners[listener - 1];
    struct chaski_endpoint local = {key->local, key->local_port, 0};
    struct chaski_endpoint remote = {key->remote, key->remote_port, 0};
    return owner->filter == NULL || owner->filter(owner->context, &local, &remote);
}

/* The filter has: the entry is answered as others are at once. */
static void let_in(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    struct fast_open_cookie cookie;
    uint32_t given = entry->cookie;
    fast_open_make(fast_open_keys_at(tcp, &entry->key), &entry->key.remote, &entry->key.local,
                   &cookie);
    cookie.experimental = given == HALF_OPEN_COOKIE_EXPERIMENTAL;
    half_open_wait(tcp, entry, now_ns);
    half_open_answer(tcp, entry, given != HALF_OPEN_NO_COOKIE ? &cookie : NULL, NULL, now_ns);
}

void half_open_run_filters(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    uint32_t first;
    while ((first = all->queues[HALF_OPEN_UNFILTERED_QUEUE].first) != 0) {
        struct tcp_half_open *entry = &all->entries[first - 1];
        struct tcp_key key = entry->key;
        bool accepts = entry->cookie != HALF_OPEN_LEFT && filter_accepts(tcp, &key);
        /* The filter may have called anything: look again. */
        if (all->queues[HALF_OPEN_UNFILTERED_QUEUE].first != first ||
            !tcp_key_equal(&entry->key, &key))
            continue;
        if (!accepts) {
            half_open_refuse(tcp, entry, now_ns);
            continue;
        }
        unlink_entry(all, entry);
        entry->flags &= ~HALF_OPEN_UNFILTERED & 31;
        all->unfiltered--;
        let_in(tcp, entry, now_ns);
    }
}
