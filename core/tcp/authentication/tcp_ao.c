/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/authentication/tcp_ao.h"

#include "core/base/bytes.h"
#include "core/tcp/authentication/tcp_ao_keys.h"
#include "core/tcp/tcp_internal.h"

/*
 * Theory of operation. A segment for an entry with a state is believed if its code is right under
 * the key that its KeyID names: usually the one used last, whose traffic key stands in the state;
 * else one of the host's, which from then on is that. A segment for no entry is believed if the
 * connection that it would begin has no keys; or if its code is right for a connection that began
 * with its own sequence number (a SYN), or with the numbers before its own (a cookie come back).
 * The peer's RNextKeyID says which key we send with (RFC 5925, 7.5.2, e).
 */

void ao_setup(struct tcp *tcp, struct memory *memory, const struct chaski_limits *limits)
{
    if (limits->ao_keys == 0)
        return;
    size_t state = sizeof(struct ao_state);
    struct chaski_tcp_ao_key *keys = memory_take(memory, limits->ao_keys * sizeof *keys);
    struct ao_state *connections = memory_reserve(memory, limits->connections * state);
    struct ao_state *half_open = memory_reserve(memory, limits->half_open * state);
    struct ao_state *time_wait = memory_reserve(memory, limits->time_wait * state);
    if (keys == NULL || connections == NULL || half_open == NULL || time_wait == NULL)
        return;
    tcp->gates |= TCP_GATE_AO;
    tcp->ao = (struct tcp_aos){
        .keys = keys,
        .limit = limits->ao_keys,
        .states = {[TCP_KIND_CONNECTION] = connections,
                   [TCP_KIND_HALF_OPEN] = half_open,
                   [TCP_KIND_TIME_WAIT] = time_wait},
    };
}

struct ao_state *ao_state_of(const struct tcp *tcp, tcp_reference reference)
{
    struct ao_state *states = tcp->ao.states[tcp_reference_kind(reference)];
    if (states == NULL)
        return NULL;
    struct ao_state *state = &states[tcp_reference_index(reference)];
    return state->on ? state : NULL;
}

void ao_set_state(struct tcp *tcp, tcp_reference reference, const struct ao_state *state)
{
    struct ao_state *states = tcp->ao.states[tcp_reference_kind(reference)];
    static const struct ao_state off;
    if (states != NULL)
        states[tcp_reference_index(reference)] = state != NULL ? *state : off;
}

static struct ao_state *state_of_connection(const struct tcp *tcp, const struct tcp_connection *c)
{
    return ao_state_of(tcp, tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c)));
}

/* ---- Traffic keys and codes ---------------------------------------------------------------- */

static struct ao_ends ends_of(const struct tcp_key *key, bool sending)
{
    return sending ? (struct ao_ends){&key->local,
                                      &key->remote,
                                      key->local_port,
                                      key->remote_port,
                                      0,
                                      0}
                   : (struct ao_ends){&key->remote,    &key->local, key->remote_port,
                                      key->local_port, 0,           0};
}

static void derive(struct ao_direction *direction, const struct chaski_tcp_ao_key *key, uint8_t id,
                   const struct ao_ends *ends)
{
    direction->id = id;
    direction->algorithm = key->algorithm;
    direction->without_options = key->without_options;
    direction->derived = true;
    ao_derive(key->algorithm, key->secret, key->secret_length, ends, direction->traffic_key);
}

/* RFC 5925, 6.2: the number with its extension is the one that is nearest to what was before. */
static uint64_t extend(uint64_t near, uint32_t sequence)
{
    return near + (uint64_t)(int64_t)seq_distance((uint32_t)near, sequence);
}

static uint64_t further(uint64_t a, uint64_t b)
{
    return (int64_t)(b - a) > 0 ? b : a;
}

static void add_payload(struct ao_code *code, const struct packet *packet, uint32_t skip)
{
    ao_code_add(code, packet->data + skip, packet->linear_length - skip);
    for (unsigned i = 0; i < packet->fragment_count; i++) {
        const struct fragment *fragment = &packet->fragments[i];
        ao_code_add(code, fragment->buffer->data + fragment->offset, fragment->length);
    }
}

/* The code of a segment whose header is at `header`, and whose payload is the packet without its
 * first `skip` bytes. */
static void compute(const struct ao_direction *direction, const struct ao_ends *ends,
                    uint32_t extension, const uint8_t *header, uint8_t option,
                    const struct packet *packet, uint32_t skip, uint8_t result[AO_CODE_LENGTH])
{
    struct ao_code code;
    uint32_t length = wire_tcp_header_length(header) + packet->length - skip;
    ao_code_begin(&code, direction->algorithm, direction->traffic_key);
    ao_code_add_header(&code, extension, ends, length, header, option, direction->without_options);
    add_payload(&code, packet, skip);
    ao_code_end(&code, result);
}

/* A SYN that answers nothing: its sender knows no number of ours (RFC 5925, 5.2). */
static bool is_first(uint8_t flags)
{
    return (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

bool ao_sign(const struct tcp *tcp, struct ao_state *state, const struct tcp_key *key,
             struct packet *packet)
{
    uint8_t *header = packet->data;
    uint8_t length = wire_tcp_header_length(header), option = (uint8_t)(length - WIRE_TCP_AO_SIZE);
    bool first = is_first(wire_tcp_flags(header));
    struct ao_ends ends = ends_of(key, true);
    ends.from_isn = state->send.isn;
    ends.to_isn = first ? 0 : state->receive.isn;
    if (first || !state->send.derived) {
        const struct chaski_tcp_ao_key *with = ao_find_key(tcp, key, AO_SEND_ID, state->send.id);
        if (with == NULL)
            return false;
        derive(&state->send, with, with->send_id, &ends);
        state->send.derived = !first;
    }
    uint64_t sequence = extend(state->send.sequence, wire_tcp_sequence(header));
    state->send.sequence = further(state->send.sequence, sequence);
    wire_tcp_build_ao(header + option, state->send.id, state->next_id);
    compute(&state->send, &ends, (uint32_t)(sequence >> 32), header, option, packet, length,
            header + option + WIRE_TCP_AO_CODE);
    return true;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

enum judgement {
    GOOD,
    BAD,
    UNKNOWN_KEY,
};

/* In constant time: how far a guess is right must not be seen. */
static bool same_code(const uint8_t *a, const uint8_t *b)
{
    uint8_t difference = 0;
    for (unsigned i = 0; i < AO_CODE_LENGTH; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* RFC 5925, 7.5.2, e: the peer asks for another key, and we have it. */
static void heed_next_key(const struct tcp *tcp, struct ao_state *state, const struct tcp_key *key,
                          uint8_t id)
{
    if (id == state->send.id || ao_find_key(tcp, key, AO_SEND_ID, id) == NULL)
        return;
    state->send.id = id;
    state->send.derived = false;
}

/* `ends` say which numbers the connection began with. */
static enum judgement verify(const struct tcp *tcp, struct ao_state *state,
                             const struct tcp_key *key, const struct ao_ends *ends,
                             const struct packet *packet, uint8_t option)
{
    const uint8_t *header = packet_transport(packet);
    uint8_t id = wire_tcp_ao_key_id(header, option), code[AO_CODE_LENGTH];
    struct ao_direction direction = state->receive;
    bool first = is_first(packet->tcp.flags);
    if (first || !direction.derived || direction.id != id) {
        const struct chaski_tcp_ao_key *with = ao_find_key(tcp, key, AO_RECEIVE_ID, id);
        if (with == NULL)
            return UNKNOWN_KEY;
        derive(&direction, with, id, ends);
    }
    uint64_t sequence =
        first ? packet->tcp.sequence : extend(state->receive.sequence, packet->tcp.sequence);
    compute(&direction, ends, (uint32_t)(sequence >> 32), header, option, packet, 0, code);
    if (!same_code(code, header + option + WIRE_TCP_AO_CODE))
        return BAD;
    if (!first) {
        direction.sequence = further(direction.sequence, sequence);
        state->receive = direction;
    }
    return GOOD;
}

static bool drop(struct tcp *tcp, struct packet *packet, enum chaski_counter why)
{
    packet_drop(packet, tcp->counters, why);
    return false;
}

static bool conclude(struct tcp *tcp, struct packet *packet, enum judgement judgement,
                     struct chaski_tcp_ao_counts *counts)
{
    counts->good += judgement == GOOD;
    counts->bad += judgement == BAD;
    counts->unknown_key += judgement == UNKNOWN_KEY;
    if (judgement != GOOD)
        return drop(tcp, packet,
                    judgement == BAD ? CHASKI_DROP_TCP_AO_BAD : CHASKI_DROP_TCP_AO_NO_KEY);
    count(tcp->counters, CHASKI_TCP_AO_VERIFIED);
    return true;
}

/* A connection that awaits its first segment learns from it what number the peer begins with. */
static bool awaits_first(const struct tcp *tcp, tcp_reference found)
{
    return tcp_reference_kind(found) == TCP_KIND_CONNECTION &&
           tcp->connections[tcp_reference_index(found)].state == CHASKI_TCP_SYN_SENT;
}

static bool admits_to(struct tcp *tcp, tcp_reference found, struct ao_state *state,
                      const struct tcp_key *key, struct packet *packet, uint8_t option)
{
    const uint8_t *header = packet_transport(packet);
    bool first = is_first(packet->tcp.flags), awaited = awaits_first(tcp, found);
    struct ao_ends ends = ends_of(key, false);
    if (awaited)
        state->receive =
            (struct ao_direction){.isn = packet->tcp.sequence, .sequence = packet->tcp.sequence};
    ends.from_isn = first ? packet->tcp.sequence : state->receive.isn;
    ends.to_isn = first ? 0 : state->send.isn;
    enum judgement judgement = verify(tcp, state, key, &ends, packet, option);
    if (!conclude(tcp, packet, judgement, &state->counts))
        return false;
    state->received_next = wire_tcp_ao_next_key_id(header, option);
    heed_next_key(tcp, state, key, state->received_next);
    return true;
}

bool ao_of_stranger(const struct tcp *tcp, const struct tcp_key *key, const struct packet *packet,
                    uint32_t iss, uint32_t irs, struct ao_state *state)
{
    const uint8_t *header = packet_transport(packet);
    uint8_t option;
    if (tcp->ao.limit == 0 || wire_tcp_find_ao(header, &option) != WIRE_TCP_AO_ONE)
        return false;
    uint8_t id = wire_tcp_ao_key_id(header, option);
    const struct chaski_tcp_ao_key *with = ao_find_key(tcp, key, AO_RECEIVE_ID, id);
    if (with == NULL)
        return false;
    *state = (struct ao_state){
        .send = {.sequence = iss, .isn = iss, .id = with->send_id},
        .receive = {.sequence = irs, .isn = irs},
        .next_id = id,
        .on = true,
    };
    heed_next_key(tcp, state, key, wire_tcp_ao_next_key_id(header, option));
    return true;
}

/* For nobody yet: a SYN, or what may bring back a cookie. Any other cannot be right. */
static bool admits_stranger(struct tcp *tcp, const struct tcp_key *key, struct packet *packet,
                            uint8_t option)
{
    uint32_t iss = packet->tcp.acknowledgment - 1;
    bool first = is_first(packet->tcp.flags);
    uint32_t irs = packet->tcp.sequence - !first;
    struct ao_state state = {.receive = {.sequence = irs}};
    struct ao_ends ends = ends_of(key, false);
    ends.from_isn = irs;
    ends.to_isn = first ? 0 : iss;
    return conclude(tcp, packet, verify(tcp, &state, key, &ends, packet, option), &state.counts);
}

/* An earlier answer than the entry's was a cookie, and this acknowledges that one. */
static bool answers_cookie(tcp_reference found, const struct ao_state *state,
                           const struct packet *packet)
{
    return tcp_reference_kind(found) == TCP_KIND_HALF_OPEN && (packet->tcp.flags & TCP_ACK) &&
           packet->tcp.acknowledgment - 1 != state->send.isn;
}

/* No key is for it: RFC 5925, 7.3. */
static bool admits_unexpected(struct tcp *tcp, struct packet *packet, enum wire_tcp_ao has)
{
    if (has == WIRE_TCP_AO_NONE)
        return true;
    if (tcp->knobs.ao_required)
        return drop(tcp, packet, CHASKI_DROP_TCP_AO_UNEXPECTED);
    count(tcp->counters, CHASKI_TCP_AO_UNEXPECTED);
    return true;
}

bool ao_admits(struct tcp *tcp, tcp_reference found, const struct tcp_key *key,
               struct packet *packet)
{
    uint8_t option = 0;
    struct ao_state *state = ao_state_of(tcp, found);
    enum wire_tcp_ao has = wire_tcp_find_ao(packet_transport(packet), &option);
    bool new_one = found == 0 ||
                   (tcp_reference_kind(found) == TCP_KIND_TIME_WAIT && is_first(packet->tcp.flags));
    if (state == NULL && !(new_one && ao_wanted(tcp, key)))
        return admits_unexpected(tcp, packet, has);
    if (has == WIRE_TCP_AO_NONE) {
        if (state != NULL)
            state->counts.missing++;
        return drop(tcp, packet, CHASKI_DROP_TCP_AO_MISSING);
    }
    if (has == WIRE_TCP_AO_WRONG)
        return drop(tcp, packet, CHASKI_DROP_TCP_AO_BAD);
    return state != NULL && !answers_cookie(found, state, packet)
               ? admits_to(tcp, found, state, key, packet, option)
               : admits_stranger(tcp, key, packet, option);
}

/* RFC 5925, 7.8: anybody could have sent it, and the segments are beyond his reach. */
bool ao_ignores(struct tcp *tcp, const struct tcp_connection *c, const struct ip_error *error)
{
    struct ao_state *state = state_of_connection(tcp, c);
    bool hard = error->kind == IP_ERROR_PORT_UNREACHABLE ||
                error->kind == IP_ERROR_PROTOCOL_UNREACHABLE || error->kind == IP_ERROR_TOO_BIG;
    bool opening = c->state == CHASKI_TCP_SYN_SENT || c->state == CHASKI_TCP_SYN_RECEIVED;
    if (state == NULL || !hard || opening || state->accept_icmp)
        return false;
    state->counts.icmp_ignored++;
    return true;
}

/* ---- Connections --------------------------------------------------------------------------- */

bool ao_open(struct tcp *tcp, struct tcp_connection *c)
{
    const struct chaski_tcp_ao_key *key = ao_find_key(tcp, &c->key, AO_ANY_ID, 0);
    if (key == NULL)
        return false;
    struct ao_state state = {
        .send = {.sequence = c->snd_una, .isn = c->snd_una, .id = key->send_id},
        .next_id = key->receive_id,
        .on = true,
    };
    ao_set_state(tcp, tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c)), &state);
    c->flags |= TCPF_AO;
    c->fast_open = 0; /* a SYN has no room for both options */
    return true;
}

int tcp_ao_keys(struct tcp *tcp, chaski_tcp handle, struct chaski_tcp_ao_key *keys, unsigned most)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    unsigned found = 0;
    if (c == NULL)
        return CHASKI_STALE;
    if (state_of_connection(tcp, c) == NULL)
        return CHASKI_UNKNOWN;
    for (uint32_t i = 0; i < tcp->ao.limit; i++) {
        if (!ao_key_is_for(&tcp->ao.keys[i], &c->key))
            continue;
        if (found < most)
            keys[found] = tcp->ao.keys[i];
        found++;
    }
    return (int)found;
}

int tcp_ao_counts(struct tcp *tcp, chaski_tcp handle, struct chaski_tcp_ao_counts *counts)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    const struct ao_state *state = state_of_connection(tcp, c);
    if (state == NULL)
        return CHASKI_UNKNOWN;
    *counts = state->counts;
    return 0;
}

static int set_current_key(const struct tcp *tcp, const struct tcp_connection *c,
                           struct ao_state *state, uint8_t id)
{
    if (id != state->send.id && ao_find_key(tcp, &c->key, AO_SEND_ID, id) == NULL)
        return CHASKI_UNKNOWN;
    heed_next_key(tcp, state, &c->key, id);
    return 0;
}

static int set_next_key(const struct tcp *tcp, const struct tcp_connection *c,
                        struct ao_state *state, uint8_t id)
{
    if (id != state->next_id && ao_find_key(tcp, &c->key, AO_RECEIVE_ID, id) == NULL)
        return CHASKI_UNKNOWN;
    state->next_id = id;
    return 0;
}

int ao_set_option(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                  int64_t value)
{
    struct ao_state *state = state_of_connection(tcp, c);
    bool unsent = c->state == CHASKI_TCP_SYN_SENT && c->snd_nxt == c->snd_una;
    if (option == CHASKI_TCP_AO && unsent && value != 0)
        return ao_open(tcp, c) ? 0 : CHASKI_UNKNOWN;
    if (option == CHASKI_TCP_AO)
        return (state != NULL) == (value != 0) ? 0 : CHASKI_INVALID;
    if (state == NULL)
        return CHASKI_INVALID;
    if (option == CHASKI_TCP_AO_CURRENT_KEY)
        return set_current_key(tcp, c, state, (uint8_t)value);
    if (option == CHASKI_TCP_AO_NEXT_KEY)
        return set_next_key(tcp, c, state, (uint8_t)value);
    state->accept_icmp = value != 0;
    return 0;
}

int64_t ao_option(const struct tcp *tcp, const struct tcp_connection *c,
                  enum chaski_tcp_option option)
{
    const struct ao_state *state = state_of_connection(tcp, c);
    if (state == NULL)
        return option == CHASKI_TCP_AO ? 0 : CHASKI_INVALID;
    if (option == CHASKI_TCP_AO_CURRENT_KEY)
        return state->send.id;
    if (option == CHASKI_TCP_AO_NEXT_KEY)
        return state->next_id;
    if (option == CHASKI_TCP_AO_RECEIVED_KEY)
        return state->receive.derived ? state->receive.id : CHASKI_UNKNOWN;
    if (option == CHASKI_TCP_AO_RECEIVED_NEXT_KEY)
        return state->receive.derived ? state->received_next : CHASKI_UNKNOWN;
    return option == CHASKI_TCP_AO ? 1 : state->accept_icmp;
}
