/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_listener.h"

#include "core/base/bytes.h"
#include "core/tcp/calls/tcp_options.h"

/*
 * Listeners, found by port; an exact local address goes before any. Of those that share an end,
 * each has a weight for each flow, and the heaviest one takes it: a flow always finds the same one,
 * and when one comes or goes, only the flows that it takes or leaves find another one.
 */

enum { DEFAULT_BACKLOG = 128 };

static unsigned chain_of(uint16_t port)
{
    return (port ^ port >> 6) % TCP_LISTENER_CHAINS;
}

static bool listens_at(const struct tcp_listener *listener, const struct tcp_key *key)
{
    return listener->local.port == key->local_port &&
           (address_unspecified(&listener->local.address) ||
            address_equal(&listener->local.address, &key->local));
}

static uint32_t weight_of(uint32_t flow, uint16_t listener)
{
    uint32_t mixed = (flow ^ listener) * 0x9e3779b1u;
    return (mixed ^ mixed >> 15) * 0x85ebca6bu;
}

/* Whether `one` goes before `other`, both listening at the key's local end, as hardly any do. */
static __attribute__((cold)) bool goes_before(const struct tcp *tcp, const struct tcp_key *key,
                                              uint16_t one, uint16_t other)
{
    bool any = address_unspecified(&tcp->listeners[one - 1].local.address);
    bool other_any = address_unspecified(&tcp->listeners[other - 1].local.address);
    if (any != other_any)
        return other_any;
    uint32_t flow = (uint32_t)tcp_table_hash(&tcp->table, key);
    return weight_of(flow, one) > weight_of(flow, other);
}

uint16_t listener_find(const struct tcp *tcp, const struct tcp_key *key)
{
    uint16_t found = 0;
    for (uint16_t i = tcp->listener_chain[chain_of(key->local_port)]; i != 0;
         i = tcp->listeners[i - 1].next) {
        if (listens_at(&tcp->listeners[i - 1], key) &&
            (found == 0 || goes_before(tcp, key, i, found)))
            found = i;
    }
    return found;
}

static struct tcp_listener *listener_of(struct tcp *tcp, chaski_listener handle)
{
    if (handle.index >= tcp->listener_limit)
        return NULL;
    struct tcp_listener *listener = &tcp->listeners[handle.index];
    return listener->generation == handle.generation && (listener->generation & 1) ? listener
                                                                                   : NULL;
}

bool listener_full(const struct tcp_listener *listener)
{
    return listener->connections >= listener->max_connections ||
           (listener->closure == NULL && listener->waiting >= listener->backlog);
}

void listener_adopt(struct tcp *tcp, uint16_t index, struct tcp_connection *c)
{
    struct tcp_listener *listener = &tcp->listeners[index - 1];
    c->listener = index;
    c->listener_generation = listener->generation;
    listener->connections++;
    if (listener->closure != NULL) {
        c->closure = listener->closure;
        c->context = listener->context;
        return;
    }
    c->flags |= TCPF_POLLED;
    listener->waiting++;
    list_append(&listener->accept, &c->accept_link);
}

struct tcp_listener *listener_of_connection(struct tcp *tcp, const struct tcp_connection *c)
{
    if (c->listener == 0)
        return NULL;
    struct tcp_listener *listener = &tcp->listeners[c->listener - 1];
    return listener->generation == c->listener_generation ? listener : NULL;
}

static void leave_queue(struct tcp *tcp, struct tcp_connection *c)
{
    if (!has(c, TCPF_POLLED))
        return;
    c->flags &= ~(uint32_t)TCPF_POLLED;
    list_remove(&c->accept_link);
    c->closure = NULL;
    c->context = NULL;
    struct tcp_listener *listener = listener_of_connection(tcp, c);
    if (listener != NULL)
        listener->waiting--;
}

void listener_release(struct tcp *tcp, struct tcp_connection *c)
{
    fast_open_settled(tcp, c);
    leave_queue(tcp, c);
    struct tcp_listener *listener = listener_of_connection(tcp, c);
    if (listener != NULL)
        listener->connections--;
    c->listener = 0;
}

static bool taken(const struct tcp *tcp, const struct chaski_tcp_bind *bind)
{
    for (uint32_t i = 0; i < tcp->listener_limit; i++) {
        const struct tcp_listener *other = &tcp->listeners[i];
        if ((other->generation & 1) && other->local.port == bind->local.port &&
            address_equal(&other->local.address, &bind->local.address) &&
            !(other->shared && bind->shared))
            return true;
    }
    return false;
}

static struct tcp_listener *free_listener(struct tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->listener_limit; i++) {
        if (!(tcp->listeners[i].generation & 1))
            return &tcp->listeners[i];
    }
    return NULL;
}

int tcp_bind(struct tcp *tcp, const struct chaski_tcp_bind *bind, chaski_listener *handle)
{
    if (bind->local.port == 0)
        return CHASKI_INVALID;
    if (!address_unspecified(&bind->local.address) && !bind->foreign) {
        const struct network *network = &tcp->network[address_family(&bind->local.address)];
        if (network->is_local == NULL || !network->is_local(network->block, &bind->local.address))
            return CHASKI_BAD_ADDRESS;
    }
    if (taken(tcp, bind))
        return CHASKI_IN_USE;
    struct tcp_listener *listener = free_listener(tcp);
    if (listener == NULL)
        return CHASKI_NO_MEMORY;
    uint32_t index = (uint32_t)(listener - tcp->listeners);
    unsigned chain = chain_of(bind->local.port);
    *listener = (struct tcp_listener){
        .local = bind->local,
        .generation = listener->generation + 1,
        .max_connections = bind->max_connections != 0 ? bind->max_connections : UINT32_MAX,
        .backlog = bind->backlog != 0 ? bind->backlog : DEFAULT_BACKLOG,
        .filter = bind->filter,
        .closure = bind->receive,
        .context = bind->context,
        .fast_open = (uint32_t)FAST_OPEN_AS_POLICY,
        .shared = bind->shared,
        .next = tcp->listener_chain[chain],
    };
    list_init(&listener->accept);
    tcp->listener_chain[chain] = (uint16_t)(index + 1);
    /* Who is opening to a listener for any address was not asked about by this one's filter. */
    half_open_recount(tcp);
    half_open_forget(tcp, (uint16_t)(index + 1), tcp->now_ns);
    *handle = (chaski_listener){index, listener->generation};
    return 0;
}

/* Resets a connection that nobody has accepted, unless it is over already. */
static void turn_away(struct tcp *tcp, struct tcp_connection *c)
{
    leave_queue(tcp, c);
    if (c->state == CHASKI_TCP_CLOSED) {
        connection_free(tcp, c);
        return;
    }
    c->flags |= TCPF_ORPHAN | TCPF_RST_OWED;
    connection_wants_output(tcp, c);
}

int tcp_unbind(struct tcp *tcp, chaski_listener handle)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    while (!list_empty(&listener->accept))
        turn_away(tcp, list_entry(listener->accept.next, struct tcp_connection, accept_link));
    half_open_forget(tcp, (uint16_t)(handle.index + 1), tcp->now_ns);
    uint16_t *link = &tcp->listener_chain[chain_of(listener->local.port)];
    while (*link != handle.index + 1)
        link = &tcp->listeners[*link - 1].next;
    *link = listener->next;
    times_release(&tcp->times, listener->times);
    listener->generation++;
    half_open_recount(tcp);
    return 0;
}

static int set_times(struct tcp *tcp, struct tcp_listener *listener, enum chaski_tcp_option option,
                     uint32_t value)
{
    unsigned number = listener->times;
    int error = times_set(&tcp->times, &number, option, value);
    listener->times = (uint8_t)number;
    return error;
}

static void set_receive_buffer(struct tcp_listener *listener, uint32_t bytes)
{
    listener->receive_buffer = bytes;
    listener->receive_buffer_tunes = false;
}

static void set_min_ttl(struct tcp *tcp, struct tcp_listener *listener, uint8_t ttl)
{
    listener->min_ttl = ttl;
    min_ttl_note(tcp, ttl);
}

int tcp_listener_set(struct tcp *tcp, chaski_listener handle, enum chaski_tcp_option option,
                     int64_t value)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    if (!tcp_option_takes(option, value))
        return CHASKI_INVALID;
    if (times_keep(option))
        return set_times(tcp, listener, option, (uint32_t)value);
    if (option == CHASKI_TCP_RCVBUF)
        set_receive_buffer(listener, (uint32_t)value);
    else if (option == CHASKI_TCP_RCVBUF_TUNES)
        listener->receive_buffer_tunes = value != 0;
    else if (option == CHASKI_TCP_MAXSEG)
        listener->max_segment = (uint16_t)value;
    else if (option == CHASKI_TCP_CONGESTION)
        listener->algorithm = (uint8_t)(value + 1);
    else if (option == CHASKI_TCP_TOS)
        listener->traffic_class = (uint8_t)(value & ~ECN_MODES);
    else if (option == CHASKI_TCP_TTL)
        listener->ttl = (uint8_t)value;
    else if (option == CHASKI_TCP_MIN_TTL)
        set_min_ttl(tcp, listener, (uint8_t)value);
    else
        return CHASKI_INVALID;
    return 0;
}

int tcp_listener_save_syn(struct tcp *tcp, chaski_listener handle, uint8_t mode)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    if (mode > SAVE_SYN_AND_LINK)
        return CHASKI_INVALID;
    listener->save_syn = mode;
    return 0;
}

int tcp_listener_defer(struct tcp *tcp, chaski_listener handle, uint8_t count)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    listener->defer = count;
    return 0;
}

int tcp_listener_backlog(struct tcp *tcp, chaski_listener handle, uint32_t backlog)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    listener->backlog = backlog;
    return 0;
}

int tcp_listener_fast_open(struct tcp *tcp, chaski_listener handle, uint32_t queue)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    listener->fast_open = queue;
    return 0;
}

int tcp_listener_fast_open_without_cookie(struct tcp *tcp, chaski_listener handle, bool without)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    listener->fast_open_without_cookie = without;
    return 0;
}

int tcp_listener_fast_open_keys(struct tcp *tcp, chaski_listener handle, const uint8_t *keys,
                                size_t length)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    return listener != NULL ? fast_open_set_keys(&listener->fast_open_keys, keys, length)
                            : CHASKI_STALE;
}

int tcp_accept(struct tcp *tcp, chaski_listener handle, chaski_tcp *connection)
{
    struct tcp_listener *listener = listener_of(tcp, handle);
    if (listener == NULL)
        return CHASKI_STALE;
    if (listener->closure != NULL)
        return CHASKI_INVALID;
    if (list_empty(&listener->accept))
        return CHASKI_AGAIN;
    struct tcp_connection *c =
        list_entry(listener->accept.next, struct tcp_connection, accept_link);
    if (has(c, TCPF_UNFILTERED))
        return CHASKI_AGAIN;
    leave_queue(tcp, c);
    *connection = connection_handle(tcp, c);
    return 0;
}
