/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/sending/tcp_build.h"
#include "core/tcp/tcp_time_wait.h"

#include "core/tcp/tcp_internal.h"

void time_wait_setup(struct tcp_time_waits *waits, struct memory *memory, uint32_t limit)
{
    struct tcp_time_wait *entries = memory_take(memory, (size_t)limit * sizeof *entries);
    if (entries == NULL)
        return;
    *waits = (struct tcp_time_waits){.entries = entries, .limit = limit, .free = limit != 0};
    for (uint32_t i = 0; i < limit; i++)
        entries[i].next = i + 1 < limit ? i + 2 : 0;
}

static void set_timer(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_time_waits *waits = &tcp->time_wait;
    if (waits->first == 0) {
        timer_cancel(tcp->wheel, &waits->timer);
        return;
    }
    uint64_t left = ms_left(now_ns, waits->entries[waits->first - 1].expires_ms, TIME_WAIT_MS);
    timer_arm(tcp->wheel, &waits->timer, now_ns + left * 1000000);
}

static void append(struct tcp_time_waits *waits, uint32_t index)
{
    struct tcp_time_wait *entry = &waits->entries[index];
    entry->next = 0;
    entry->previous = waits->last;
    if (waits->last != 0)
        waits->entries[waits->last - 1].next = index + 1;
    else
        waits->first = index + 1;
    waits->last = index + 1;
}

static void unlink_entry(struct tcp_time_waits *waits, const struct tcp_time_wait *entry)
{
    if (entry->previous != 0)
        waits->entries[entry->previous - 1].next = entry->next;
    else
        waits->first = entry->next;
    if (entry->next != 0)
        waits->entries[entry->next - 1].previous = entry->previous;
    else
        waits->last = entry->previous;
}

static void drop(struct tcp *tcp, uint32_t index)
{
    struct tcp_time_waits *waits = &tcp->time_wait;
    struct tcp_time_wait *entry = &waits->entries[index];
    tcp_table_remove(&tcp->table, &entry->key, tcp_refer(TCP_KIND_TIME_WAIT, index));
    unlink_entry(waits, entry);
    entry->next = waits->free;
    waits->free = index + 1;
    waits->count--;
}

/* Come round after two minutes: longer than an entry waits. */
static uint8_t half_seconds(uint64_t now_ns)
{
    return (uint8_t)(clock_ms(now_ns) / 500);
}

bool time_wait_is_full(const struct tcp *tcp)
{
    return tcp->time_wait.count >= tcp->knobs.time_wait_most;
}

void time_wait_enter(struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_time_waits *waits = &tcp->time_wait;
    tcp_reference old = tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c));
    if (waits->limit == 0 || time_wait_is_full(tcp)) {
        count_many(tcp->counters, CHASKI_TCP_TIME_WAIT_OVERFLOWED, waits->limit != 0);
        tcp_table_remove(&tcp->table, &c->key, old);
        return;
    }
    if (waits->free == 0) {
        count(tcp->counters, CHASKI_TCP_TIME_WAIT_OVERFLOWED);
        drop(tcp, waits->first - 1);
    }
    uint32_t index = waits->free - 1;
    struct tcp_time_wait *entry = &waits->entries[index];
    waits->free = entry->next;
    waits->count++;
    uint32_t window = c->rcv_advertised - c->rcv_nxt;
    *entry = (struct tcp_time_wait){
        .key = c->key,
        .snd_nxt = c->snd_nxt,
        .rcv_nxt = c->rcv_nxt,
        .ts_recent = c->ts_recent,
        .expires_ms = clock_ms(now_ns) + TIME_WAIT_MS,
        .window = (uint16_t)minimum(window >> c->receive_scale, UINT16_MAX),
        .timestamps = has(c, TCPF_HAS_TIMESTAMPS),
        .answered = (uint8_t)(half_seconds(now_ns) - 1),
    };
    append(waits, index);
    ao_set_state(tcp, tcp_refer(TCP_KIND_TIME_WAIT, index), ao_state_of(tcp, old));
    tcp_table_replace(&tcp->table, &c->key, old, tcp_refer(TCP_KIND_TIME_WAIT, index));
    set_timer(tcp, now_ns);
}

/* RFC 9293, 3.6.1 (MAY-2) and RFC 6191: a SYN that cannot be an old one. */
static bool opens_anew(const struct tcp_time_wait *entry, const struct packet *packet)
{
    const struct packet_tcp *segment = &packet->tcp;
    if ((segment->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
        return false;
    if (entry->timestamps && segment->has_timestamp)
        return seq_gt(segment->timestamp, entry->ts_recent) ||
               (segment->timestamp == entry->ts_recent &&
                seq_gt(segment->sequence, entry->rcv_nxt));
    return seq_gt(segment->sequence, entry->rcv_nxt);
}

static void acknowledge(struct tcp *tcp, const struct tcp_time_wait *entry, struct packet *packet,
                        uint64_t now_ns)
{
    struct wire_tcp_options options = {
        .has_timestamp = entry->timestamps,
        .timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key),
        .timestamp_echo = entry->ts_recent,
    };
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = entry->snd_nxt,
        .acknowledgment = entry->rcv_nxt,
        .window = entry->window,
        .flags = TCP_ACK,
        .options = &options,
        .ao = ao_state_of(
            tcp, tcp_refer(TCP_KIND_TIME_WAIT, (uint32_t)(entry - tcp->time_wait.entries))),
    };
    tcp_build_reply(tcp, packet, &reply, now_ns);
}

/* RFC 1337: a reset does not end it. A pure acknowledgement in order asks for nothing; any other
 * one is answered seldom, lest two ends that have lost each other answer for ever. */
static bool deserves_answer(struct tcp *tcp, struct tcp_time_wait *entry,
                            const struct packet *packet, uint64_t now_ns)
{
    const struct packet_tcp *segment = &packet->tcp;
    if (segment->flags & TCP_RST)
        return false;
    if ((segment->flags & (TCP_SYN | TCP_FIN)) || packet->length != 0)
        return true;
    if (segment->sequence == entry->rcv_nxt)
        return false;
    bool limited = entry->answered == half_seconds(now_ns);
    count_many(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED, limited);
    entry->answered = half_seconds(now_ns);
    return !limited;
}

/* RFC 7323, 4.3: acknowledgements in order still move it, and so what a SYN must exceed. */
static void note_timestamp(struct tcp_time_wait *entry, const struct packet_tcp *segment)
{
    if (entry->timestamps && segment->has_timestamp && segment->sequence == entry->rcv_nxt &&
        (segment->flags & (TCP_ACK | TCP_SYN | TCP_RST)) == TCP_ACK &&
        seq_gt(segment->timestamp, entry->ts_recent))
        entry->ts_recent = segment->timestamp;
}

/* The new incarnation's numbers begin behind all that the old one has used. */
static void reopen(struct tcp *tcp, uint32_t index, uint16_t listener, struct packet *packet,
                   uint64_t now_ns)
{
    const struct tcp_time_wait *entry = &tcp->time_wait.entries[index];
    uint32_t iss =
        seq_max(secret_new_sequence(tcp, &entry->key, now_ns), entry->snd_nxt + UINT16_MAX);
    drop(tcp, index);
    half_open_syn(tcp, packet, listener, iss, now_ns);
}

bool time_wait_yields(const struct tcp *tcp, uint32_t index, bool asked_for)
{
    enum { NEVER, ANYWHERE, LOOPBACK };
    const struct tcp_time_wait *entry = &tcp->time_wait.entries[index];
    uint32_t waited_ms = clock_ms(tcp->now_ns) - (entry->expires_ms - TIME_WAIT_MS);
    bool allowed =
        tcp->knobs.tw_reuse == ANYWHERE ||
        (tcp->knobs.tw_reuse == LOOPBACK && address_equal(&entry->key.local, &entry->key.remote));
    return entry->timestamps && tcp->knobs.timestamps != 0 &&
           (asked_for || (allowed && waited_ms >= tcp->knobs.tw_reuse_delay_ms));
}

uint32_t time_wait_take(struct tcp *tcp, uint32_t index)
{
    uint32_t end = tcp->time_wait.entries[index].snd_nxt;
    drop(tcp, index);
    return end;
}

/* TIME-WAIT assassination, where policy takes the risk (tcp(7), tcp_rfc1337). */
static bool is_ended(const struct tcp *tcp, const struct tcp_time_wait *entry,
                     const struct packet_tcp *segment)
{
    return (segment->flags & TCP_RST) && segment->sequence == entry->rcv_nxt && !tcp->knobs.rfc1337;
}

/* The FIN that was taken, once more. Another one is of somebody who guesses, and must not keep the
 * entry for ever. */
static bool is_its_fin(const struct tcp_time_wait *entry, const struct packet *packet)
{
    return (packet->tcp.flags & (TCP_SYN | TCP_FIN)) == TCP_FIN &&
           packet->tcp.sequence + packet->length + 1 == entry->rcv_nxt;
}

void time_wait_segment(struct tcp *tcp, uint32_t index, struct packet *packet, uint64_t now_ns)
{
    struct tcp_time_waits *waits = &tcp->time_wait;
    struct tcp_time_wait *entry = &waits->entries[index];
    const struct packet_tcp *segment = &packet->tcp;
    uint16_t listener = 0;
    if (opens_anew(entry, packet))
        listener = listener_find(tcp, &entry->key);
    if (listener != 0) {
        if (min_ttl_admits_anew(tcp, listener, packet))
            reopen(tcp, index, listener, packet, now_ns);
        return;
    }
    note_timestamp(entry, segment);
    if (is_ended(tcp, entry, segment)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        drop(tcp, index);
        return;
    }
    if (!deserves_answer(tcp, entry, packet, now_ns)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    if (is_its_fin(entry, packet)) { /* the peer did not hear our acknowledgement: wait anew */
        unlink_entry(waits, entry);
        entry->expires_ms = clock_ms(now_ns) + TIME_WAIT_MS;
        append(waits, index);
        set_timer(tcp, now_ns);
    }
    acknowledge(tcp, entry, packet, now_ns);
}

void time_wait_timer(void *block, struct timer *timer, uint64_t now_ns)
{
    (void)timer;
    struct tcp *tcp = block;
    struct tcp_time_waits *waits = &tcp->time_wait;
    while (waits->first != 0 &&
           ms_left(now_ns, waits->entries[waits->first - 1].expires_ms, TIME_WAIT_MS) == 0)
        drop(tcp, waits->first - 1);
    set_timer(tcp, now_ns);
}
