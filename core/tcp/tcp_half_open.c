/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_half_open.h"

#include "core/tcp/tcp_cookie.h"
#include "core/tcp/tcp_internal.h"

/*
 * Theory of operation. A SYN for a listener becomes an entry and is answered; the acknowledgement
 * turns the entry into a connection. When all entries are taken, the SYN is answered with a cookie
 * instead (tcp_cookie): a flood costs no memory, and who really listens still gets in.
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

/* ---- Queues -------------------------------------------------------------------------------- */

static struct half_open_queue *queue_of(struct tcp_half_opens *all,
                                        const struct tcp_half_open *entry)
{
    return &all->queues[(entry->flags & HALF_OPEN_UNFILTERED) ? HALF_OPEN_UNFILTERED_QUEUE
                                                              : entry->round];
}

static void append(struct tcp_half_opens *all, struct tcp_half_open *entry)
{
    struct half_open_queue *queue = queue_of(all, entry);
    uint32_t reference = (uint32_t)(entry - all->entries) + 1;
    entry->next = 0;
    entry->previous = queue->last;
    if (queue->last != 0)
        all->entries[queue->last - 1].next = reference;
    else
        queue->first = reference;
    queue->last = reference;
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

static uint32_t wait_ms(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    return minimum((uint32_t)SYNACK_FIRST_MS << entry->round, tcp->knobs.rto_max_us / 1000);
}

static uint32_t time_left_ms(const struct tcp *tcp, const struct tcp_half_open *entry,
                             uint64_t now_ns)
{
    return ms_left(now_ns, entry->due_ms, wait_ms(tcp, entry));
}

static void set_timer(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    uint64_t earliest = TIMER_NEVER;
    for (unsigned round = 0; round < HALF_OPEN_ROUNDS; round++) {
        if (all->queues[round].first == 0)
            continue;
        uint64_t at =
            now_ns +
            time_left_ms(tcp, &all->entries[all->queues[round].first - 1], now_ns) * 1000000ull;
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

void half_open_drop(struct tcp *tcp, uint32_t index)
{
    struct tcp_half_open *entry = &tcp->half_open.entries[index];
    tcp_table_remove(&tcp->table, &entry->key, tcp_refer(TCP_KIND_HALF_OPEN, index));
    give_back(&tcp->half_open, entry);
}

/* ---- Answers ------------------------------------------------------------------------------- */

/* The listener for a local end, or one that wants nothing particular. */
static const struct tcp_listener *listener_for(const struct tcp *tcp, const struct tcp_key *key)
{
    static const struct tcp_listener none;
    uint16_t listener = listener_find(tcp, &key->local, key->local_port);
    return listener != 0 ? &tcp->listeners[listener - 1] : &none;
}

static uint16_t mss_to_announce(const struct tcp *tcp, const struct tcp_key *key)
{
    enum family family = address_family(&key->remote);
    const struct network *network = &tcp->network[family];
    struct ip_path path;
    if (network->path(network->block, &key->local, &key->remote, 0, &path) != 0)
        return TCP_DEFAULT_MSS;
    uint32_t most = listener_for(tcp, key)->max_segment;
    uint32_t mss = path.link_mtu - (family == FAMILY_IP4 ? 40u : 60u);
    return (uint16_t)(most != 0 ? minimum(mss, most) : mss);
}

static uint16_t receive_window(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    uint32_t wanted = listener_for(tcp, &entry->key)->receive_buffer;
    uint32_t mss = mss_to_announce(tcp, &entry->key);
    if (entry->flags & HALF_OPEN_TIMESTAMPS)
        mss -= minimum(mss - 1, WIRE_TCP_TIMESTAMP_PADDED);
    return tcp_first_window(wanted != 0 ? wanted : tcp->knobs.receive_buffer, mss);
}

static uint8_t receive_scale(const struct tcp *tcp, const struct tcp_listener *listener)
{
    uint32_t wanted = listener->receive_buffer;
    return tcp_scale_for(wanted != 0 ? wanted : tcp->knobs.receive_buffer_max);
}

static struct ao_state *ao_of_entry(const struct tcp *tcp, const struct tcp_half_open *entry)
{
    return ao_state_of(tcp,
                       tcp_refer(TCP_KIND_HALF_OPEN, (uint32_t)(entry - tcp->half_open.entries)));
}

/* SYN+ACK in `packet`, or in a new packet when it is NULL. */
static void send_synack(struct tcp *tcp, const struct tcp_half_open *entry, uint32_t timestamp,
                        const struct fast_open_cookie *cookie, struct ao_state *ao,
                        struct packet *packet, uint64_t now_ns)
{
    const struct tcp_listener *listener = listener_for(tcp, &entry->key);
    struct wire_tcp_options options = {
        .has_mss = true,
        .mss = mss_to_announce(tcp, &entry->key),
        .sack_permitted = (entry->flags & HALF_OPEN_SACK) != 0,
        .has_timestamp = (entry->flags & HALF_OPEN_TIMESTAMPS) != 0,
        .timestamp = timestamp,
        .timestamp_echo = entry->ts_recent,
        .has_window_scale = (entry->flags & HALF_OPEN_SCALING) != 0,
        .window_scale = receive_scale(tcp, listener),
        .accecn_offset = cookie == NULL && ao == NULL && ecn_synack_option(tcp, entry),
    };
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = entry->iss,
        .acknowledgment = entry->irs + 1,
        .window = receive_window(tcp, entry),
        .flags = TCP_SYN | TCP_ACK | ecn_synack_flags(tcp, entry),
        .options = &options,
        .cookie = cookie,
        .ao = ao,
        .traffic_class = listener->traffic_class,
        .ttl = listener->ttl,
    };
    tcp_build_reply(tcp, packet, &reply, now_ns);
}

static void answer_entry(struct tcp *tcp, const struct tcp_half_open *entry,
                         const struct fast_open_cookie *cookie, struct packet *packet,
                         uint64_t now_ns)
{
    uint32_t timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key);
    send_synack(tcp, entry, timestamp, cookie, ao_of_entry(tcp, entry), packet, now_ns);
}

static void answer_with_cookie(struct tcp *tcp, struct tcp_half_open *syn, struct packet *packet,
                               uint64_t now_ns)
{
    syn->ecn = ecn_beside_cookie(syn) & 15u;
    uint32_t timestamp = cookie_make(tcp, syn, now_ns);
    struct ao_state ao;
    bool signs = ao_of_stranger(tcp, &syn->key, packet, syn->iss, syn->irs, &ao);
    count(tcp->counters, CHASKI_TCP_COOKIES_SENT);
    tcp->half_open.cookies_until_ns = now_ns + COOKIE_LIFE_NS;
    send_synack(tcp, syn, timestamp, NULL, signs ? &ao : NULL, packet, now_ns);
}

/* ---- From entry to connection -------------------------------------------------------------- */

/* The connection that an entry, or what a cookie says, becomes, in state CLOSED and nobody's; NULL
 * when there is no room. `ao` NULL: not authenticated. */
static struct tcp_connection *make_connection(struct tcp *tcp, const struct tcp_half_open *entry,
                                              const struct ao_state *ao, uint64_t now_ns)
{
    struct tcp_connection *c = connection_new(tcp, &entry->key, now_ns);
    if (c == NULL)
        return NULL;
    c->flags &= ~(uint32_t)(TCPF_HAS_TIMESTAMPS | TCPF_HAS_SACK | TCPF_HAS_SCALING);
    if (ao != NULL) {
        c->flags |= TCPF_AO;
        ao_set_state(tcp, tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c)), ao);
    }
    if (entry->flags & HALF_OPEN_TIMESTAMPS)
        c->flags |= TCPF_HAS_TIMESTAMPS;
    if (entry->flags & HALF_OPEN_SACK)
        c->flags |= TCPF_HAS_SACK;
    if (entry->flags & HALF_OPEN_SCALING) {
        c->flags |= TCPF_HAS_SCALING;
        c->send_scale = entry->send_scale;
    } else {
        c->receive_scale = 0;
    }
    connection_set_iss(c, entry->iss);
    c->snd_nxt = c->snd_una = entry->iss + 1;
    c->rcv_nxt = entry->irs + 1;
    const struct tcp_listener *listener = listener_for(tcp, &entry->key);
    c->rcv_advertised = c->rcv_nxt + receive_window(tcp, entry);
    if (listener->receive_buffer != 0) {
        c->receive.limit = listener->receive_buffer;
        c->flags |= TCPF_FIXED_RECEIVE_BUFFER;
        c->receive_scale = has(c, TCPF_HAS_SCALING) ? receive_scale(tcp, listener) & 15u : 0;
    }
    c->announced_mss = mss_to_announce(tcp, &entry->key);
    c->last_ack_sent = c->rcv_nxt;
    c->ts_recent = entry->ts_recent;
    c->ts_recent_at_ms = clock_ms(now_ns);
    c->peer_mss = entry->peer_mss;
    c->announced_mss = mss_to_announce(tcp, &entry->key);
    struct ip_path path;
    connection_set_mss(tcp, c, connection_path(tcp, c, &path) == 0 ? path.mtu : 576);
    c->snd_wl1 = entry->irs;
    c->snd_wl2 = entry->iss;
    return c;
}

static struct tcp_connection *promote(struct tcp *tcp, const struct tcp_half_open *entry,
                                      const struct ao_state *ao, uint16_t listener, uint64_t now_ns)
{
    struct tcp_connection *c = make_connection(tcp, entry, ao, now_ns);
    if (c == NULL)
        return NULL;
    c->retransmitted = entry->round;
    listener_adopt(tcp, listener, c);
    connection_established(tcp, c, now_ns);
    return c;
}

/* ---- Fast Open (RFC 7413, 4.2.2) ----------------------------------------------------------- */

/* What a SYN asks for and shows; what it may have. */
struct fast_opening {
    bool asks, accepted, gives;
    struct fast_open_cookie cookie; /* that it came with; then the one to give */
};

static bool fast_open_allowed(const struct tcp *tcp, const struct tcp_listener *listener)
{
    uint32_t knob = tcp->knobs.fast_open;
    uint32_t most = (knob & FAST_OPEN_ALL_LISTENERS) && listener->fast_open == 0
                        ? listener->backlog
                        : listener->fast_open;
    return (knob & FAST_OPEN_SERVER) && listener->fast_opening < most;
}

static void judge_fast_open(const struct tcp *tcp, const struct tcp_listener *listener,
                            const struct packet *packet, const struct tcp_key *key,
                            struct fast_opening *opening)
{
    bool data = packet->length != 0, experimental = opening->cookie.experimental;
    if (!fast_open_allowed(tcp, listener) || !(data || opening->asks))
        return;
    const struct fast_open_keys *keys =
        listener->fast_open_keys.count != 0 ? &listener->fast_open_keys : &tcp->fast_open.keys;
    enum fast_open_verdict verdict =
        fast_open_check(keys, &key->remote, &key->local, &opening->cookie);
    bool free_of_charge = (tcp->knobs.fast_open & FAST_OPEN_SERVER_NO_COOKIE) != 0;
    opening->accepted = free_of_charge || verdict != FAST_OPEN_REFUSED;
    opening->gives = opening->asks && !free_of_charge && verdict != FAST_OPEN_TAKEN;
    fast_open_make(keys, &key->remote, &key->local, &opening->cookie);
    opening->cookie.experimental = experimental;
}

/* Takes the data on the SYN; a FIN there comes again. */
static void take_syn_text(struct tcp_connection *c, struct packet *packet)
{
    uint32_t room = c->rcv_advertised - c->rcv_nxt;
    if (packet->length > room)
        packet_trim(packet, room);
    if (packet->length == 0) {
        packet_free(packet);
        return;
    }
    c->fast_open |= FAST_OPEN_SYN_DATA;
    c->rcv_nxt += packet->length;
    c->bytes_received += packet->length;
    receive_queue_append(&c->receive, packet);
    /* The window of the SYN+ACK, which is the first to be told, begins behind the text. */
    uint32_t left = c->receive.limit > c->receive.length ? c->receive.limit - c->receive.length : 0;
    c->rcv_advertised = seq_max(c->rcv_advertised, c->rcv_nxt + minimum(left, UINT16_MAX));
}

/* A connection at once, before the handshake is over. False when there is no room for one. */
static bool accept_fast(struct tcp *tcp, const struct tcp_half_open *syn, uint16_t listener,
                        const struct fast_opening *opening, struct packet *packet, uint64_t now_ns)
{
    struct tcp_connection *c = make_connection(tcp, syn, NULL, now_ns);
    struct tcp_listener *owner = &tcp->listeners[listener - 1];
    if (c == NULL)
        return false;
    c->state = CHASKI_TCP_SYN_RECEIVED;
    ecn_begin(c, syn->ecn);
    c->snd_una = c->snd_nxt = syn->iss;
    c->snd_wnd = c->max_snd_wnd = packet->tcp.window;
    c->syn_count = tcp->knobs.synack_retries;
    c->congestion = (struct congestion){tcp_initial_window(tcp, c), CONGESTION_THRESHOLD_UNKNOWN};
    c->fast_open = FAST_OPEN_PASSIVE | FAST_OPEN_PENDING;
    c->fast_open |= opening->gives ? FAST_OPEN_GIVE : 0;
    c->fast_open |= opening->cookie.experimental ? FAST_OPEN_EXPERIMENTAL : 0;
    c->flags |= TCPF_SYN_OWED | (owner->filter != NULL ? TCPF_UNFILTERED : 0);
    owner->fast_opening++;
    listener_adopt(tcp, listener, c);
    take_syn_text(c, packet);
    count(tcp->counters, CHASKI_TCP_FAST_OPENED);
    connection_tell(tcp, c,
                    CHASKI_CONNECTED | CHASKI_WRITABLE |
                        (c->receive.length != 0 ? CHASKI_READABLE : 0));
    connection_wants_output(tcp, c);
    return true;
}

/* ---- Segments ------------------------------------------------------------------------------ */

static void read_syn(const struct tcp *tcp, const struct packet *packet,
                     struct tcp_half_open *entry, struct fast_opening *opening)
{
    struct wire_tcp_options options;
    wire_tcp_parse_options(packet_transport(packet), &options);
    *entry = (struct tcp_half_open){.irs = packet->tcp.sequence};
    opening->asks = fast_open_read(packet_transport(packet), &options, &opening->cookie);
    tcp_key_of(packet, &entry->key);
    uint16_t mss = options.has_mss ? options.mss : TCP_DEFAULT_MSS;
    entry->peer_mss = mss < TCP_MIN_MSS ? TCP_MIN_MSS : mss;
    if (options.has_timestamp && tcp->knobs.timestamps) {
        entry->flags |= HALF_OPEN_TIMESTAMPS;
        entry->ts_recent = options.timestamp;
    }
    if (options.sack_permitted && tcp->knobs.sack)
        entry->flags |= HALF_OPEN_SACK;
    if (options.has_window_scale && tcp->knobs.window_scaling) {
        entry->flags |= HALF_OPEN_SCALING;
        entry->send_scale = options.window_scale & 15u;
    }
    entry->ecn = ecn_of_syn(tcp, packet) & 15u;
    count_many(tcp->counters, CHASKI_TCP_SCALE_CLAMPED, options.window_scale_clamped);
}

static struct tcp_half_open *take_entry(struct tcp *tcp, const struct tcp_half_open *syn,
                                        const struct ao_state *ao)
{
    struct tcp_half_opens *all = &tcp->half_open;
    if (all->free == 0)
        return NULL;
    struct tcp_half_open *entry = &all->entries[all->free - 1];
    all->free = entry->next;
    all->count++;
    *entry = *syn;
    tcp_reference reference = tcp_refer(TCP_KIND_HALF_OPEN, (uint32_t)(entry - all->entries));
    tcp_table_insert(&tcp->table, &entry->key, reference);
    ao_set_state(tcp, reference, ao);
    return entry;
}

static void begin_waiting(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    entry->due_ms = clock_ms(now_ns) + wait_ms(tcp, entry);
    append(&tcp->half_open, entry);
    set_timer(tcp, now_ns);
}

static void await_filter(struct tcp *tcp, struct tcp_half_open *entry,
                         const struct fast_opening *opening)
{
    entry->flags |= HALF_OPEN_UNFILTERED;
    if (opening->gives)
        entry->cookie =
            opening->cookie.experimental ? HALF_OPEN_COOKIE_EXPERIMENTAL : HALF_OPEN_COOKIE;
    tcp->half_open.unfiltered++;
    append(&tcp->half_open, entry);
}

void half_open_syn(struct tcp *tcp, struct packet *packet, uint16_t listener, uint32_t iss,
                   uint64_t now_ns)
{
    const struct tcp_listener *owner = &tcp->listeners[listener - 1];
    if (listener_full(owner) || tcp->connection_count == tcp->connection_limit) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return;
    }
    struct tcp_half_open syn;
    struct fast_opening opening = {0};
    struct ao_state ao;
    read_syn(tcp, packet, &syn, &opening);
    syn.iss = iss;
    bool signs = ao_of_stranger(tcp, &syn.key, packet, iss, syn.irs, &ao);
    if (!signs) /* the options of both have no room in a SYN+ACK */
        judge_fast_open(tcp, owner, packet, &syn.key, &opening);
    if (opening.accepted && accept_fast(tcp, &syn, listener, &opening, packet, now_ns))
        return;
    struct tcp_half_open *entry =
        tcp->knobs.syncookies == 2 ? NULL : take_entry(tcp, &syn, signs ? &ao : NULL);
    if (entry == NULL && tcp->knobs.syncookies == 0) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return;
    }
    if (entry == NULL) {
        answer_with_cookie(tcp, &syn, packet, now_ns);
        return;
    }
    if (owner->filter != NULL) {
        await_filter(tcp, entry, &opening);
        packet_free(packet);
        return;
    }
    begin_waiting(tcp, entry, now_ns);
    answer_entry(tcp, entry, opening.gives ? &opening.cookie : NULL, packet, now_ns);
}

/* Tells the peer of an entry where we are: RFC 5961's challenge, and the answer to old segments.
 * Once for each SYN+ACK: two entries that forged SYNs have made of each other must not go on. */
static void challenge(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                      uint64_t now_ns)
{
    if (entry->flags & HALF_OPEN_CHALLENGED) {
        count(tcp->counters, CHASKI_TCP_ANSWERS_LIMITED);
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
        return;
    }
    entry->flags |= HALF_OPEN_CHALLENGED;
    bool scaled = (entry->flags & HALF_OPEN_SCALING) != 0;
    struct wire_tcp_options options = {
        .has_timestamp = (entry->flags & HALF_OPEN_TIMESTAMPS) != 0,
        .timestamp = clock_ms(now_ns) + secret_timestamp_offset(tcp, &entry->key),
        .timestamp_echo = entry->ts_recent,
    };
    struct tcp_reply reply = {
        .key = entry->key,
        .sequence = entry->iss + 1,
        .acknowledgment = entry->irs + 1,
        .window = (uint16_t)(receive_window(tcp, entry) >>
                             (scaled ? receive_scale(tcp, listener_for(tcp, &entry->key)) : 0)),
        .flags = TCP_ACK,
        .options = &options,
        .ao = ao_of_entry(tcp, entry),
    };
    count(tcp->counters, CHASKI_TCP_CHALLENGE_ACKS);
    tcp_build_reply(tcp, packet, &reply, now_ns);
}

static bool in_window(const struct tcp *tcp, const struct tcp_half_open *entry,
                      const struct packet *packet)
{
    uint32_t offset = packet->tcp.sequence - (entry->irs + 1);
    return offset < receive_window(tcp, entry);
}

static void reset_for_entry(struct tcp *tcp, struct tcp_half_open *entry, struct packet *packet,
                            uint64_t now_ns)
{
    if (packet->tcp.sequence == entry->irs + 1) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_RESET);
        half_open_drop(tcp, (uint32_t)(entry - tcp->half_open.entries));
        set_timer(tcp, now_ns);
    } else if (in_window(tcp, entry, packet)) {
        challenge(tcp, entry, packet, now_ns);
    } else {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    }
}

/* TCP_DEFER_ACCEPT: an acknowledgement without data does not open the connection yet. The peer
 * hears our SYN+ACK again, as if its answer had been lost, until there have been too many. */
static bool is_deferred(const struct tcp_listener *owner, const struct tcp_half_open *entry,
                        const struct packet *packet)
{
    return entry->round < owner->defer && packet->length == 0 && !(packet->tcp.flags & TCP_FIN);
}

static struct tcp_connection *complete(struct tcp *tcp, struct tcp_half_open *entry,
                                       struct packet *packet, uint64_t now_ns)
{
    uint32_t index = (uint32_t)(entry - tcp->half_open.entries);
    uint16_t listener = listener_find(tcp, &entry->key.local, entry->key.local_port);
    if (listener == 0 || listener_full(&tcp->listeners[listener - 1]) ||
        tcp->connection_count == tcp->connection_limit) {
        /* The peer takes itself for connected and will say so again: room may come. */
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return NULL;
    }
    if (is_deferred(&tcp->listeners[listener - 1], entry, packet)) {
        packet_free(packet);
        return NULL;
    }
    struct tcp_half_open copy = *entry;
    half_open_drop(tcp, index);
    set_timer(tcp, now_ns);
    struct tcp_connection *c = promote(tcp, &copy, ao_of_entry(tcp, entry), listener, now_ns);
    if (c != NULL)
        ecn_complete(tcp, c, copy.ecn, packet);
    if (c != NULL && copy.round == 0) /* RFC 6298, 3: it was sent once */
        tcp_rtt_sample(tcp, c,
                       maximum(clock_ms(now_ns) - copy.due_ms + wait_ms(tcp, &copy), 1) * 1000);
    return c;
}

/* The peer's SYN came twice: the first was answered with a cookie, for the second there was an
 * entry again. The acknowledgement is of the first answer. */
static struct tcp_connection *complete_by_cookie(struct tcp *tcp, struct tcp_half_open *entry,
                                                 struct packet *packet, uint64_t now_ns)
{
    uint16_t listener = listener_find(tcp, &entry->key.local, entry->key.local_port);
    struct tcp_half_open said = {0};
    if (listener == 0 || now_ns >= tcp->half_open.cookies_until_ns ||
        !cookie_read(tcp, packet, &said, now_ns)) {
        tcp_build_refusal(tcp, packet, now_ns);
        return NULL;
    }
    half_open_drop(tcp, (uint32_t)(entry - tcp->half_open.entries));
    set_timer(tcp, now_ns);
    return half_open_cookie(tcp, packet, listener, now_ns);
}

struct tcp_connection *half_open_segment(struct tcp *tcp, uint32_t index, struct packet *packet,
                                         uint64_t now_ns)
{
    struct tcp_half_open *entry = &tcp->half_open.entries[index];
    const struct packet_tcp *segment = &packet->tcp;
    if (entry->flags & HALF_OPEN_UNFILTERED) { /* nothing was answered: nothing can follow */
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    } else if (segment->flags & TCP_RST) {
        reset_for_entry(tcp, entry, packet, now_ns);
    } else if ((segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
               segment->sequence == entry->irs) {
        entry->ecn = ecn_of_syn_again(entry->ecn, packet) & 15u;
        answer_entry(tcp, entry, NULL, packet, now_ns); /* our answer was lost */
    } else if ((segment->flags & TCP_SYN) || !in_window(tcp, entry, packet)) {
        challenge(tcp, entry, packet, now_ns);
    } else if (!(segment->flags & TCP_ACK)) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    } else if (segment->acknowledgment != entry->iss + 1) {
        return complete_by_cookie(tcp, entry, packet, now_ns);
    } else if ((entry->flags & HALF_OPEN_TIMESTAMPS) && segment->has_timestamp &&
               seq_lt(segment->timestamp, entry->ts_recent)) {
        challenge(tcp, entry, packet, now_ns);
    } else {
        return complete(tcp, entry, packet, now_ns);
    }
    return NULL;
}

/* An acknowledgement whose cookie is none of ours, or cannot be read: that needs the sequence
 * number which only the first segment has. Text that overtook that one must not cost the
 * connection; the peer will send both again. */
static void refuse_cookie(struct tcp *tcp, struct packet *packet, bool awaited, uint64_t now_ns)
{
    count_many(tcp->counters, CHASKI_TCP_COOKIES_REFUSED, awaited);
    if (awaited && (packet->length != 0 || (packet->tcp.flags & TCP_FIN)))
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_UNACCEPTABLE);
    else
        tcp_build_refusal(tcp, packet, now_ns);
}

struct tcp_connection *half_open_cookie(struct tcp *tcp, struct packet *packet, uint16_t listener,
                                        uint64_t now_ns)
{
    struct tcp_half_open entry = {0};
    bool awaited = now_ns < tcp->half_open.cookies_until_ns;
    if (!awaited || !cookie_read(tcp, packet, &entry, now_ns)) {
        refuse_cookie(tcp, packet, awaited, now_ns);
        return NULL;
    }
    struct tcp_connection *c = NULL;
    struct ao_state ao;
    bool signs = ao_of_stranger(tcp, &entry.key, packet, entry.iss, entry.irs, &ao);
    if (!listener_full(&tcp->listeners[listener - 1]))
        c = promote(tcp, &entry, signs ? &ao : NULL, listener, now_ns);
    if (c == NULL) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return NULL;
    }
    ecn_complete(tcp, c, entry.ecn, packet);
    if (tcp->listeners[listener - 1].filter != NULL)
        c->flags |= TCPF_UNFILTERED;
    count(tcp->counters, CHASKI_TCP_COOKIES_ACCEPTED);
    return c;
}

/* ---- Time, filters ------------------------------------------------------------------------- */

void half_open_timer(void *block, struct timer *timer, uint64_t now_ns)
{
    (void)timer;
    struct tcp *tcp = block;
    struct tcp_half_opens *all = &tcp->half_open;
    /* From the last round down: an entry that moves to the next round is not met again. */
    for (unsigned round = HALF_OPEN_ROUNDS; round-- > 0;) {
        uint32_t first;
        while ((first = all->queues[round].first) != 0 &&
               time_left_ms(tcp, &all->entries[first - 1], now_ns) == 0) {
            struct tcp_half_open *entry = &all->entries[first - 1];
            if (round >= tcp->knobs.synack_retries || round + 1 == HALF_OPEN_ROUNDS) {
                count(tcp->counters, CHASKI_TCP_HALF_OPEN_EXPIRED);
                half_open_drop(tcp, first - 1);
                continue;
            }
            unlink_entry(all, entry);
            entry->round++;
            entry->flags &= ~HALF_OPEN_CHALLENGED & 31;
            begin_waiting(tcp, entry, now_ns);
            answer_entry(tcp, entry, NULL, NULL, now_ns);
        }
    }
    set_timer(tcp, now_ns);
}

static void refuse(struct tcp *tcp, struct tcp_half_open *entry, uint64_t now_ns)
{
    struct tcp_reply reply = {
        .key = entry->key,
        .acknowledgment = entry->irs + 1,
        .flags = TCP_RST | TCP_ACK,
        .ao = ao_of_entry(tcp, entry),
    };
    if (reply.ao != NULL) /* as tcp_build_refusal(): what it begins with stands for our number */
        reply.ao->send = (struct ao_direction){.id = reply.ao->send.id};
    count(tcp->counters, CHASKI_TCP_FILTERED);
    count(tcp->counters, CHASKI_TCP_RESETS_SENT);
    half_open_drop(tcp, (uint32_t)(entry - tcp->half_open.entries));
    tcp_build_reply(tcp, NULL, &reply, now_ns);
}

static bool filter_accepts(const struct tcp *tcp, const struct tcp_key *key)
{
    uint16_t listener = listener_find(tcp, &key->local, key->local_port);
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
    fast_open_make(fast_open_keys_at(tcp, &entry->key.local, entry->key.local_port),
                   &entry->key.remote, &entry->key.local, &cookie);
    cookie.experimental = given == HALF_OPEN_COOKIE_EXPERIMENTAL;
    begin_waiting(tcp, entry, now_ns);
    answer_entry(tcp, entry, given != HALF_OPEN_NO_COOKIE ? &cookie : NULL, NULL, now_ns);
}

void half_open_run_filters(struct tcp *tcp, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    uint32_t first;
    while ((first = all->queues[HALF_OPEN_UNFILTERED_QUEUE].first) != 0) {
        struct tcp_half_open *entry = &all->entries[first - 1];
        struct tcp_key key = entry->key;
        bool accepts = filter_accepts(tcp, &key);
        /* The filter may have called anything: look again. */
        if (all->queues[HALF_OPEN_UNFILTERED_QUEUE].first != first ||
            !tcp_key_equal(&entry->key, &key))
            continue;
        if (!accepts) {
            refuse(tcp, entry, now_ns);
            continue;
        }
        unlink_entry(all, entry);
        entry->flags &= ~HALF_OPEN_UNFILTERED & 31;
        all->unfiltered--;
        let_in(tcp, entry, now_ns);
    }
}

void half_open_forget(struct tcp *tcp, uint16_t listener, uint64_t now_ns)
{
    struct tcp_half_opens *all = &tcp->half_open;
    for (unsigned q = 0; q <= HALF_OPEN_ROUNDS; q++) {
        uint32_t reference = all->queues[q].first;
        while (reference != 0) {
            struct tcp_half_open *entry = &all->entries[reference - 1];
            reference = entry->next;
            if (listener_find(tcp, &entry->key.local, entry->key.local_port) == listener)
                half_open_drop(tcp, (uint32_t)(entry - all->entries));
        }
    }
    set_timer(tcp, now_ns);
}
