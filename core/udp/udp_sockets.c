/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/udp/udp_sockets.h"
#include "core/wire/ip4.h"

enum {
    QUEUE_DEFAULT = 64,
    FRAME_ROOM = 4096, /* the largest that a driver puts one frame into (AF_XDP) */
    PORT_FIRST = 1024, /* the range that RFC 6056, 3.2 recommends */
    PORT_COUNT = 65536 - PORT_FIRST,
};

static uint32_t chain_count(uint32_t sockets)
{
    uint32_t count = 1;
    while (count < sockets && count < 1u << 30)
        count *= 2;
    return count;
}

static void init_memberships(struct udp *udp, struct udp_membership *memberships)
{
    for (uint32_t i = udp->setup.memberships; i > 0; i--) {
        memberships[i - 1].next = udp->free_memberships;
        udp->free_memberships = &memberships[i - 1];
    }
}

void udp_init(struct udp *udp, struct memory *memory, const struct udp_setup *setup)
{
    uint32_t chains = chain_count(setup->sockets);
    struct udp_socket *sockets = memory_take(memory, sizeof *sockets * (size_t)setup->sockets);
    struct udp_socket **table = memory_take(memory, sizeof *table * (size_t)chains);
    struct udp_membership *memberships =
        memory_take(memory, sizeof *memberships * (size_t)setup->memberships);
    uint8_t *scratch = memory_take(memory, setup->datagram_max);
    if (scratch == NULL)
        return;
    memset(udp, 0, sizeof *udp);
    udp->setup = *setup;
    udp->sockets = sockets;
    udp->chains = table;
    udp->chain_mask = chains - 1;
    udp->scratch = scratch;
    list_init(&udp->events);
    init_memberships(udp, memberships);
    for (uint32_t i = setup->sockets; i > 0; i--) {
        struct udp_socket *socket = &udp->sockets[i - 1];
        socket->generation = 1;
        list_init(&socket->event);
        socket->chain = udp->free;
        udp->free = socket;
    }
}

struct udp_socket *udp_socket_of(const struct udp *udp, chaski_udp handle)
{
    if (handle.index >= udp->setup.sockets)
        return NULL;
    struct udp_socket *socket = &udp->sockets[handle.index];
    return socket->open && socket->generation == handle.generation ? socket : NULL;
}

chaski_udp udp_handle_of(const struct udp *udp, const struct udp_socket *socket)
{
    chaski_udp handle = {(uint32_t)(socket - udp->sockets), socket->generation};
    return handle;
}

struct udp_socket **udp_chain_of(const struct udp *udp, uint16_t port,
                                 const struct chaski_endpoint *remote)
{
    uint64_t words[3] = {port, 0, 0};
    if (remote != NULL) {
        struct address_words address = address_words(&remote->address);
        words[0] |= (uint64_t)remote->port << 16;
        words[1] = address.high;
        words[2] = address.low;
    }
    return &udp->chains[siphash_words(&udp->setup.table_key, words, 3) & udp->chain_mask];
}

bool udp_remote_is(const struct udp_socket *socket, const struct chaski_endpoint *remote)
{
    if (remote == NULL)
        return !udp_connected(socket);
    return socket->remote.port == remote->port &&
           address_equal(&socket->remote.address, &remote->address);
}

/* How well the socket's local side fits: 0 not at all, more is better. */
static int local_score(const struct udp_socket *socket, const struct chaski_endpoint *local)
{
    int score = 1;
    if (!address_unspecified(&socket->local.address)) {
        if (!address_equal(&socket->local.address, &local->address))
            return 0;
        score += 2;
    }
    if (socket->local.interface != 0 && local->interface != 0) {
        if (socket->local.interface != local->interface)
            return 0;
        score += 1;
    }
    return score;
}

/* Of a socket that shares its end, for what comes from `remote`. */
static uint64_t weight_of(const struct udp *udp, const struct udp_socket *socket,
                          const struct chaski_endpoint *remote)
{
    struct address_words address = address_words(&remote->address);
    uint64_t words[3] = {(uint64_t)(socket - udp->sockets) << 16 | remote->port, address.high,
                         address.low};
    return siphash_words(&udp->setup.table_key, words, 3);
}

/* Among those that are connected to `remote`, or to nobody. */
static struct udp_socket *best_in_chain(const struct udp *udp, const struct chaski_endpoint *local,
                                        const struct chaski_endpoint *remote, bool connected)
{
    const struct chaski_endpoint *peer = connected ? remote : NULL;
    struct udp_socket *best = NULL;
    int best_score = 0;
    for (struct udp_socket *s = *udp_chain_of(udp, local->port, peer); s != NULL; s = s->chain) {
        if (s->local.port != local->port || !udp_remote_is(s, peer))
            continue;
        int score = local_score(s, local);
        bool heavier = score != 0 && score == best_score && s->shared && best->shared &&
                       weight_of(udp, s, remote) > weight_of(udp, best, remote);
        if (score > best_score || heavier) {
            best = s;
            best_score = score;
        }
    }
    return best;
}

struct udp_socket *udp_lookup(const struct udp *udp, const struct chaski_endpoint *local,
                              const struct chaski_endpoint *remote)
{
    struct udp_socket *socket = NULL;
    if (udp->connected != 0)
        socket = best_in_chain(udp, local, remote, true);
    return socket != NULL ? socket : best_in_chain(udp, local, remote, false);
}

/* Whether a socket other than `self` holds exactly this local side, so that a second could never be
 * told apart from it. Groups may be shared: every member hears everything. */
static bool taken(const struct udp *udp, const struct udp_socket *self,
                  const struct chaski_endpoint *local, const struct chaski_endpoint *remote,
                  bool shared, bool yields)
{
    if (address_is_multicast(&local->address))
        return false;
    for (struct udp_socket *s = *udp_chain_of(udp, local->port, remote); s != NULL; s = s->chain)
        if (s != self && s->local.port == local->port && s->local.interface == local->interface &&
            address_equal(&s->local.address, &local->address) && udp_remote_is(s, remote) &&
            !(s->shared && shared) && !(s->yields && yields))
            return true;
    return false;
}

static bool port_unused(const struct udp *udp, uint16_t port, const struct chaski_endpoint *remote)
{
    for (struct udp_socket *s = *udp_chain_of(udp, port, NULL); s != NULL; s = s->chain)
        if (s->local.port == port && !udp_connected(s))
            return false;
    if (remote == NULL)
        return true;
    for (struct udp_socket *s = *udp_chain_of(udp, port, remote); s != NULL; s = s->chain)
        if (s->local.port == port && udp_remote_is(s, remote))
            return false;
    return true;
}

/* Whether the datagrams of the one peer that there is would reach us. */
static bool is_here(const struct udp *udp, const struct chaski_address *address, uint16_t port,
                    const struct chaski_endpoint *remote)
{
    struct chaski_endpoint local = {.address = *address, .port = port};
    return remote == NULL || home_is_here(&udp->home, &local, remote);
}

/* A random unused port (RFC 6056, algorithm 1); 0 when there is none. */
static uint16_t draw_port(struct udp *udp, const struct chaski_address *address,
                          const struct chaski_endpoint *remote)
{
    uint64_t word = udp->ports_drawn++;
    uint32_t start = (uint32_t)(siphash_words(&udp->setup.port_key, &word, 1) % PORT_COUNT);
    for (uint32_t i = 0; i < PORT_COUNT; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + (start + i) % PORT_COUNT);
        if (port_unused(udp, port, remote) && is_here(udp, address, port, remote))
            return port;
    }
    return 0;
}

/* Whether the address is that of a group or of all. */
static bool is_many(const struct udp *udp, const struct chaski_address *address)
{
    static const struct chaski_address any;
    const struct network *network = &udp->network[address_family(address)];
    struct ip_path path;
    if (address_unspecified(address) || network->path == NULL)
        return false;
    return address_is_multicast(address) ||
           (network->path(network->block, WIRE_IP_UDP, &any, address, 0, &path) == 0 &&
            path.broadcast);
}

/* The local side that a socket gets for what bind says: an error when it cannot be ours. */
static int settle_local(const struct udp *udp, const struct chaski_udp_bind *bind,
                        struct chaski_endpoint *local, bool *broadcasts)
{
    *local = bind->local;
    *broadcasts = false;
    bool any = address_unspecified(&local->address);
    bool many = is_many(udp, &local->address);
    if (!any && !many) {
        const struct network *network = &udp->network[address_family(&local->address)];
        if (network->path == NULL || !network->is_local(network->block, &local->address))
            return CHASKI_BAD_ADDRESS;
    }
    if (bind->remote.port == 0)
        return 0;
    if (address_unspecified(&bind->remote.address))
        return CHASKI_INVALID;
    const struct network *network = &udp->network[address_family(&bind->remote.address)];
    if (network->path == NULL)
        return CHASKI_NO_ROUTE;
    if (many)
        return 0;
    struct ip_path path;
    int error = network->path(network->block, WIRE_IP_UDP, &local->address, &bind->remote.address,
                              local->interface, &path);
    if (error != 0)
        return error;
    local->address = path.source;
    *broadcasts = path.broadcast;
    return 0;
}

/* Closing has left the queue and the memberships empty. */
static void open_socket(struct udp *udp, struct udp_socket *socket,
                        const struct chaski_udp_bind *bind, const struct chaski_endpoint *local)
{
    socket->open = true;
    socket->shared = bind->shared;
    socket->yields = bind->yields;
    socket->local = *local;
    socket->many = is_many(udp, &local->address);
    socket->remote = bind->remote;
    socket->filter = bind->filter;
    socket->receive = bind->receive;
    socket->context = bind->context;
    socket->observer = NULL;
    socket->last = &socket->first;
    socket->queued_max = bind->queue != 0 ? bind->queue : QUEUE_DEFAULT;
    uint64_t full_frames =
        (uint64_t)socket->queued_max * (sizeof(struct packet) + BUFFER_HEADER + FRAME_ROOM);
    socket->charge_max = full_frames < UINT32_MAX ? (uint32_t)full_frames : UINT32_MAX;
    socket->error = 0;
    socket->traffic_class = 0;
    socket->ttl = 0;
    socket->multicast_ttl = 1;
    socket->multicast_loop = true;
    socket->broadcast = false;
    socket->dont_fragment = false;
    udp->connected += udp_connected(socket);
}

static struct udp_socket **own_chain(struct udp *udp, const struct udp_socket *socket)
{
    const struct chaski_endpoint *remote = udp_connected(socket) ? &socket->remote : NULL;
    return udp_chain_of(udp, socket->local.port, remote);
}

static void enchain(struct udp *udp, struct udp_socket *socket)
{
    struct udp_socket **chain = own_chain(udp, socket);
    socket->chain = *chain;
    *chain = socket;
}

int udp_bind(struct udp *udp, const struct chaski_udp_bind *bind, chaski_udp *handle)
{
    struct chaski_endpoint local;
    bool broadcasts; /* options come later */
    const struct chaski_endpoint *remote = bind->remote.port != 0 ? &bind->remote : NULL;
    int error = settle_local(udp, bind, &local, &broadcasts);
    if (error != 0)
        return error;
    if (udp->free == NULL)
        return CHASKI_NO_MEMORY;
    if (local.port == 0)
        local.port = draw_port(udp, &local.address, remote);
    if (local.port == 0 || taken(udp, NULL, &local, remote, bind->shared, bind->yields))
        return CHASKI_IN_USE;
    if (!is_here(udp, &local.address, local.port, remote))
        return CHASKI_NOT_PERMITTED;
    struct udp_socket *socket = udp->free;
    udp->free = socket->chain;
    open_socket(udp, socket, bind, &local);
    enchain(udp, socket);
    *handle = udp_handle_of(udp, socket);
    return 0;
}

static void unchain(struct udp *udp, struct udp_socket *socket)
{
    struct udp_socket **at = own_chain(udp, socket);
    while (*at != socket)
        at = &(*at)->chain;
    *at = socket->chain;
}

/* Whether another one has this end, or another shard would hear it. */
static int check_end(struct udp *udp, struct udp_socket *socket,
                     const struct chaski_endpoint *local, const struct chaski_endpoint *remote)
{
    if (taken(udp, socket, local, remote, socket->shared, socket->yields))
        return CHASKI_IN_USE;
    return is_here(udp, &local->address, local->port, remote) ? 0 : CHASKI_NOT_PERMITTED;
}

/* A socket that moves becomes the last one bound; one that cannot stays what it was. */
static int move(struct udp *udp, struct udp_socket *socket, const struct chaski_udp_bind *bind)
{
    struct chaski_endpoint local;
    bool broadcasts = false;
    const struct chaski_endpoint *remote = bind->remote.port != 0 ? &bind->remote : NULL;
    int error = settle_local(udp, bind, &local, &broadcasts);
    if (error == 0)
        error = check_end(udp, socket, &local, remote);
    if (error == 0 && broadcasts && !socket->broadcast)
        error = CHASKI_NOT_PERMITTED;
    if (error != 0)
        return error;
    unchain(udp, socket);
    udp->connected -= udp_connected(socket);
    socket->local = local;
    socket->many = is_many(udp, &local.address);
    socket->remote = bind->remote;
    udp->connected += udp_connected(socket);
    enchain(udp, socket);
    return 0;
}

int udp_move(struct udp *udp, chaski_udp handle, const struct chaski_endpoint *local,
             const struct chaski_endpoint *remote)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    struct chaski_udp_bind bind = {.local = *local, .remote = *remote};
    return move(udp, socket, &bind);
}

int udp_local(const struct udp *udp, chaski_udp handle, struct chaski_endpoint *local)
{
    const struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    *local = socket->local;
    return 0;
}

int udp_observe(struct udp *udp, chaski_udp handle, udp_error_observer *observer)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    socket->observer = observer;
    return 0;
}

int udp_close(struct udp *udp, chaski_udp handle, uint64_t now_ns)
{
    struct udp_socket *socket = udp_socket_of(udp, handle);
    if (socket == NULL)
        return CHASKI_STALE;
    unchain(udp, socket);
    list_remove(&socket->event);
    udp_leave_all(udp, socket, now_ns);
    for (struct packet *packet; (packet = udp_dequeue(udp, socket)) != NULL;)
        packet_drop(packet, udp->setup.counters, CHASKI_DROP_UDP_CLOSED);
    udp->connected -= udp_connected(socket);
    socket->open = false;
    if (++socket->generation == 0)
        socket->generation = 1;
    socket->chain = udp->free;
    udp->free = socket;
    return 0;
}
