/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_fast_open.h"
#include "core/tcp/opening/tcp_listener.h"

#include "core/base/bytes.h"
#include "core/tcp/tcp_internal.h"

static uint64_t little_endian(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 8; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

int fast_open_set_keys(struct fast_open_keys *keys, const uint8_t *bytes, size_t length)
{
    if (length != FAST_OPEN_KEY_LENGTH && length != 2 * FAST_OPEN_KEY_LENGTH)
        return CHASKI_INVALID;
    keys->count = (unsigned)(length / FAST_OPEN_KEY_LENGTH);
    for (unsigned i = 0; i < keys->count; i++, bytes += FAST_OPEN_KEY_LENGTH)
        keys->key[i] = (struct siphash_key){little_endian(bytes), little_endian(bytes + 8)};
    return 0;
}

/* ---- The client ---------------------------------------------------------------------------- */

static struct fast_open_memory *find(const struct tcp *tcp, const struct chaski_address *server)
{
    struct tcp_peer *peer = peers_find(tcp, server);
    return peer != NULL ? &peer->fast_open : NULL;
}

const struct fast_open_memory *fast_open_recall(const struct tcp *tcp,
                                                const struct chaski_address *server)
{
    const struct fast_open_memory *memory = find(tcp, server);
    return memory != NULL && memory->cookie.length != 0 ? memory : NULL;
}

/* How long segments to the server may be; 0: not known. */
static uint16_t fast_open_mss(const struct tcp *tcp, const struct chaski_address *server)
{
    const struct fast_open_memory *memory = find(tcp, server);
    return memory != NULL ? memory->mss : 0;
}

/* NULL when nothing is kept of anybody. */
static struct fast_open_memory *find_or_take(struct tcp *tcp, const struct chaski_address *server)
{
    struct tcp_peer *peer = peers_take(tcp, server, true);
    return peer != NULL ? &peer->fast_open : NULL;
}

void fast_open_remember(struct tcp *tcp, const struct chaski_address *server,
                        const struct fast_open_cookie *cookie, uint16_t mss)
{
    struct fast_open_memory *memory = find_or_take(tcp, server);
    if (memory == NULL)
        return;
    memory->mss = mss;
    if (cookie != NULL && cookie->length != 0)
        memory->cookie = *cookie;
}

void fast_open_not_given(struct tcp *tcp, const struct chaski_address *server, bool experimental)
{
    struct fast_open_memory *memory = find_or_take(tcp, server);
    if (memory != NULL && memory->cookie.length == 0)
        memory->option = experimental ? FAST_OPEN_OPTION_NEITHER : FAST_OPEN_OPTION_OLD;
}

bool fast_open_asks_old(const struct tcp *tcp, const struct chaski_address *server)
{
    const struct fast_open_memory *memory = find(tcp, server);
    return memory != NULL && memory->option == FAST_OPEN_OPTION_OLD;
}

/* ---- Paths that lose it -------------------------------------------------------------------- */

enum {
    LOSSES_TO_PAUSE = 2, /* a single one may be chance */
    TIMEOUTS_TO_PAUSE = 3,
    PAUSE_DOUBLINGS = 6,
};

bool fast_open_paused(const struct tcp *tcp, const struct chaski_address *server)
{
    const struct fast_open_memory *memory = find(tcp, server);
    return memory != NULL && tcp->now_ns < memory->paused_until_ns;
}

void fast_open_lost(struct tcp *tcp, const struct chaski_address *server, bool surely)
{
    uint64_t pause_ns = tcp->knobs.fast_open_pause_s * 1000000000ull;
    struct fast_open_memory *memory = find_or_take(tcp, server);
    if (memory == NULL || pause_ns == 0 || (++memory->losses < LOSSES_TO_PAUSE && !surely))
        return;
    memory->losses = 0;
    memory->paused_until_ns = tcp->now_ns + (pause_ns << memory->pauses);
    if (memory->pauses < PAUSE_DOUBLINGS)
        memory->pauses++;
    count(tcp->counters, CHASKI_TCP_FAST_OPEN_PAUSED);
}

void fast_open_arrived(struct tcp *tcp, const struct chaski_address *server)
{
    struct fast_open_memory *memory = find(tcp, server);
    if (memory != NULL)
        memory->losses = memory->pauses = 0;
}

/* As Linux: something on the path may swallow what follows the handshake as well. */
void fast_open_timed_out(struct tcp *tcp, const struct tcp_connection *c, bool over)
{
    bool in_vain = c->retries == TIMEOUTS_TO_PAUSE || (over && c->retries < TIMEOUTS_TO_PAUSE);
    if ((c->fast_open & FAST_OPEN_ACTIVE) && in_vain && c->bytes_received == 0)
        fast_open_lost(tcp, &c->key.remote, true);
}

/* ---- The server ---------------------------------------------------------------------------- */

/* SipHash of the client's and the server's address as they stand in the header: what Linux's does
 * with the same key. */
static void make(const struct siphash_key *key, const struct chaski_address *client,
                 const struct chaski_address *server, struct fast_open_cookie *cookie)
{
    uint8_t both[2 * sizeof client->bytes];
    bool ip4 = address_is_ip4(client);
    size_t length = ip4 ? 4 : sizeof client->bytes, skip = sizeof client->bytes - length;
    memcpy(both, client->bytes + skip, length);
    memcpy(both + length, server->bytes + skip, length);
    uint64_t hash = siphash(key, both, 2 * length);
    *cookie = (struct fast_open_cookie){.length = FAST_OPEN_COOKIE_LENGTH};
    for (unsigned i = 0; i < FAST_OPEN_COOKIE_LENGTH; i++)
        cookie->bytes[i] = (uint8_t)(hash >> 8 * i);
}

const struct fast_open_keys *fast_open_keys_at(const struct tcp *tcp, const struct tcp_key *key)
{
    uint16_t listener = listener_find(tcp, key);
    const struct fast_open_keys *own =
        listener != 0 ? &tcp->listeners[listener - 1].fast_open_keys : NULL;
    return own != NULL && own->count != 0 ? own : &tcp->fast_open_keys;
}

void fast_open_make(const struct fast_open_keys *keys, const struct chaski_address *client,
                    const struct chaski_address *server, struct fast_open_cookie *cookie)
{
    make(&keys->key[0], client, server, cookie);
}

enum fast_open_verdict fast_open_check(const struct fast_open_keys *keys,
                                       const struct chaski_address *client,
                                       const struct chaski_address *server,
                                       const struct fast_open_cookie *cookie)
{
    for (unsigned i = 0; i < keys->count; i++) {
        struct fast_open_cookie right;
        make(&keys->key[i], client, server, &right);
        if (cookie->length == right.length && memcmp(cookie->bytes, right.bytes, right.length) == 0)
            return i == 0 ? FAST_OPEN_TAKEN : FAST_OPEN_OLD;
    }
    return FAST_OPEN_REFUSED;
}

bool fast_open_read(const uint8_t *header, const struct wire_tcp_options *options,
                    struct fast_open_cookie *cookie)
{
    *cookie = (struct fast_open_cookie){
        .length = options->fast_open_length,
        .experimental = options->fast_open_experimental,
    };
    if (options->has_fast_open)
        memcpy(cookie->bytes, header + options->fast_open_offset, cookie->length);
    return options->has_fast_open;
}

enum { RESETS_COUNT_MS = 60000 };

static uint32_t recent_resets(const struct tcp_listener *listener, uint64_t now_ns)
{
    bool recent = clock_ms(now_ns) - listener->fast_open_resets_ms < RESETS_COUNT_MS;
    return recent ? listener->fast_open_resets : 0;
}

bool fast_open_allowed(const struct tcp *tcp, const struct tcp_listener *listener)
{
    uint32_t knob = tcp->knobs.fast_open;
    uint32_t most = listener->fast_open;
    if (most == (uint32_t)FAST_OPEN_AS_POLICY)
        most = (knob & FAST_OPEN_ALL_LISTENERS) ? listener->backlog : 0;
    uint32_t busy = listener->fast_opening + recent_resets(listener, tcp->now_ns);
    return (knob & FAST_OPEN_SERVER) && busy < most;
}

void fast_open_was_reset(struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_listener *listener = listener_of_connection(tcp, c);
    if (!(c->fast_open & FAST_OPEN_PENDING) || listener == NULL)
        return;
    uint32_t resets = recent_resets(listener, now_ns);
    if (resets == 0)
        listener->fast_open_resets_ms = clock_ms(now_ns);
    listener->fast_open_resets = resets + 1;
}

void fast_open_settled(struct tcp *tcp, struct tcp_connection *c)
{
    struct tcp_listener *listener = listener_of_connection(tcp, c);
    if (!(c->fast_open & FAST_OPEN_PENDING))
        return;
    c->fast_open &= (uint8_t)~FAST_OPEN_PENDING;
    if (listener != NULL)
        listener->fast_opening--;
}

uint32_t tcp_fast_open_room(const struct tcp *tcp, const struct chaski_address *server,
                            bool without_cookie)
{
    const struct fast_open_memory *known = fast_open_recall(tcp, server);
    const struct network *network = &tcp->network[address_family(server)];
    static const struct chaski_address any = {{0}};
    struct ip_path path;
    bool free_of_charge = without_cookie || (tcp->knobs.fast_open & FAST_OPEN_CLIENT_NO_COOKIE);
    bool has_cookie = known != NULL && known->cookie.length != 0;
    if (!(tcp->knobs.fast_open & FAST_OPEN_CLIENT) || !(has_cookie || free_of_charge) ||
        fast_open_paused(tcp, server) || network->path == NULL ||
        network->path(network->block, WIRE_TCP_PROTOCOL, &any, server, 0, &path) != 0)
        return 0;
    uint32_t mss = path.mtu - (address_is_ip4(server) ? 40u : 60u);
    uint32_t announced = fast_open_mss(tcp, server);
    mss = announced != 0 ? minimum(mss, announced) : mss;
    return mss - minimum(mss, WIRE_TCP_OPTIONS_MAX);
}
