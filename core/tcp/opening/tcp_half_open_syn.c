/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_half_open_internal.h"
#include "core/tcp/opening/tcp_listener.h"
#include "core/tcp/receiving/tcp_segment.h"
#include "core/tcp/sending/tcp_build.h"

/* A SYN for a listener: an entry, a cookie, or with Fast Open (RFC 7413, 4.2.2) a connection. */

/* What a SYN asks for and shows; what it may have. */
struct fast_opening {
    bool asks, accepted, gives;
    struct fast_open_cookie cookie; /* that it came with; then the one to give */
};

static void judge_fast_open(const struct tcp *tcp, const struct tcp_listener *listener,
                            const struct packet *packet, const struct tcp_key *key,
                            struct fast_opening *opening)
{
    bool data = packet->length != 0, experimental = opening->cookie.experimental;
    if (!fast_open_allowed(tcp, listener) || !(data || opening->asks))
        return;
    const struct fast_open_keys *keys =
        listener->fast_open_keys.count != 0 ? &listener->fast_open_keys : &tcp->fast_open_keys;
    enum fast_open_verdict verdict =
        fast_open_check(keys, &key->remote, &key->local, &opening->cookie);
    bool free_of_charge = listener->fast_open_without_cookie ||
                          (tcp->knobs.fast_open & FAST_OPEN_SERVER_NO_COOKIE) != 0;
    opening->accepted = free_of_charge || verdict != FAST_OPEN_REFUSED;
    opening->gives = opening->asks && !free_of_charge && verdict != FAST_OPEN_TAKEN;
    fast_open_make(keys, &key->remote, &key->local, &opening->cookie);
    opening->cookie.experimental = experimental;
}

/* A connection at once, before the handshake is over. False when there is no room for one. */
static bool accept_fast(struct tcp *tcp, const struct tcp_half_open *syn, uint16_t listener,
                        const struct fast_opening *opening, struct packet *packet, uint64_t now_ns)
{
    struct tcp_connection *c = half_open_connection(tcp, syn, NULL, now_ns);
    struct tcp_listener *owner = &tcp->listeners[listener - 1];
    if (c == NULL)
        return false;
    saved_syn_keep(tcp, packet, &syn->key, owner->save_syn);
    c->state = CHASKI_TCP_SYN_RECEIVED;
    ecn_begin(c, syn->ecn);
    c->snd_una = c->snd_nxt = syn->iss;
    account_received(tcp, c, packet, now_ns);
    c->snd_wnd = c->max_snd_wnd = packet->tcp.window;
    c->syn_count = tcp->knobs.synack_retries;
    c->congestion = (struct congestion){tcp_initial_window(tcp, c), CONGESTION_THRESHOLD_UNKNOWN};
    c->fast_open = FAST_OPEN_PASSIVE | FAST_OPEN_PENDING;
    c->fast_open |= opening->gives ? FAST_OPEN_GIVE : 0;
    c->fast_open |= opening->cookie.experimental ? FAST_OPEN_EXPERIMENTAL : 0;
    c->flags |= TCPF_SYN_OWED | (owner->filter != NULL ? TCPF_UNFILTERED : 0);
    owner->fast_opening++;
    listener_adopt(tcp, listener, c);
    tcp_take_syn_text(c, packet, now_ns);
    count(tcp->counters, CHASKI_TCP_FAST_OPENED);
    connection_tell(tcp, c,
                    CHASKI_CONNECTED | CHASKI_WRITABLE |
                        (c->receive.length != 0 ? CHASKI_READABLE : 0));
    connection_wants_output(tcp, c);
    return true;
}

static void read_syn(const struct tcp *tcp, const struct tcp_listener *listener,
                     const struct packet *packet, struct tcp_half_open *entry,
                     struct fast_opening *opening)
{
    struct wire_tcp_options options;
    wire_tcp_parse_options(packet_transport(packet), &options);
    *entry = (struct tcp_half_open){.irs = packet->tcp.sequence,
                                    .dscp = ((uint32_t)packet->ip.traffic_class >> ECN_FIELD_BITS) &
                                            63u};
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
    uint8_t own = listener->algorithm;
    uint8_t algorithm = own != 0 ? (uint8_t)(own - 1) : tcp->knobs.congestion;
    entry->ecn = ecn_of_syn(tcp, algorithm, packet) & 15u;
    count_many(tcp->counters, CHASKI_TCP_SCALE_CLAMPED, options.window_scale_clamped);
}

/* Which cookie the peer gets once the filter has let it in. */
static enum half_open_cookie cookie_due(const struct fast_opening *opening)
{
    if (!opening->gives)
        return HALF_OPEN_NO_COOKIE;
    return opening->cookie.experimental ? HALF_OPEN_COOKIE_EXPERIMENTAL : HALF_OPEN_COOKIE;
}

/* Whether a SYN may have an entry. As in Linux a listener has as many as connections that wait to
 * be accepted; and where there are no cookies, the last quarter of tcp_max_syn_backlog is kept
 * free, for peers that are known; none are here. */
static bool has_room(const struct tcp *tcp, const struct tcp_listener *listener)
{
    uint32_t most = listener->closure == NULL ? listener->backlog : UINT32_MAX;
    uint32_t limit = tcp->knobs.max_syn_backlog;
    if (tcp->knobs.syncookies == 0)
        most = minimum(most, limit - limit / 4 + 1);
    return listener->half_open < most;
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
    read_syn(tcp, owner, packet, &syn, &opening);
    syn.iss = iss;
    bool signs = ao_of_stranger(tcp, &syn.key, packet, iss, syn.irs, &ao);
    bool kept = tcp->knobs.syncookies != 2 && has_room(tcp, owner);
    if (kept && !signs) /* the options of both have no room in a SYN+ACK */
        judge_fast_open(tcp, owner, packet, &syn.key, &opening);
    if (opening.accepted && accept_fast(tcp, &syn, listener, &opening, packet, now_ns))
        return;
    struct tcp_half_open *entry = kept ? half_open_take(tcp, &syn, signs ? &ao : NULL) : NULL;
    if (entry == NULL && tcp->knobs.syncookies == 0) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_LISTENER_FULL);
        return;
    }
    if (entry == NULL) {
        half_open_answer_by_cookie(tcp, &syn, packet, now_ns);
        return;
    }
    saved_syn_keep(tcp, packet, &syn.key, owner->save_syn);
    if (owner->filter != NULL) {
        half_open_await_turn(tcp, entry, cookie_due(&opening));
        packet_free(packet);
        return;
    }
    half_open_wait(tcp, entry, now_ns);
    half_open_answer(tcp, entry, opening.gives ? &opening.cookie : NULL, packet, now_ns);
}
