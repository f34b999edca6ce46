/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/ao_keys.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * Theory of operation. The core's keys are the host's, each for the connections that it names; a
 * socket's are kept here until it listens or connects, and are given to the core then, narrowed to
 * the socket's own end: to the listening port, or to both ends of the connection. The keys of an
 * accepted connection stay the listener's.
 */

static struct chaski *host_of(const struct socket *socket)
{
    return socket->file.table->host;
}

bool ao_is_for(const struct chaski_tcp_ao_key *key, const struct chaski_address *remote)
{
    static const struct chaski_address any;
    if (memcmp(&key->remote.address, &any, sizeof any) == 0)
        return true;
    uint32_t a, b,
        mask = key->remote_prefix == 0 ? UINT32_MAX : UINT32_MAX << (32 - key->remote_prefix);
    memcpy(&a, key->remote.address.bytes + 12, 4);
    memcpy(&b, remote->bytes + 12, 4);
    return ((ntohl(a) ^ ntohl(b)) & mask) == 0;
}

/* Narrowed to the ends of the socket; those of a connection are single addresses. */
static struct chaski_tcp_ao_key narrowed(const struct socket_ao *ao,
                                         const struct chaski_tcp_ao_key *key)
{
    struct chaski_tcp_ao_key narrow = *key;
    narrow.local = ao->local;
    if (ao->remote.port != 0) {
        narrow.remote = ao->remote;
        narrow.remote_prefix = 0;
    }
    return narrow;
}

int ao_give(struct socket *socket, struct socket_key *key)
{
    struct chaski_tcp_ao_key narrow = narrowed(socket->ao, &key->key);
    int error = key->given ? 0 : chaski_tcp_ao_add_key(host_of(socket), &narrow);
    if (error == 0)
        key->given = true;
    return error == CHASKI_IN_USE ? -EEXIST : error_number(error);
}

void ao_take_back(struct socket *socket, struct socket_key *key)
{
    struct chaski_tcp_ao_key narrow = narrowed(socket->ao, &key->key);
    if (key->given)
        chaski_tcp_ao_remove_key(host_of(socket), &narrow);
    key->given = false;
}

void ao_withdraw(struct socket *socket)
{
    struct socket_ao *ao = socket->ao;
    if (ao == NULL)
        return;
    for (unsigned i = 0; i < ao->count; i++)
        ao_take_back(socket, &ao->keys[i]);
    ao_take_back(socket, &ao->nobodys);
}

void ao_forget(struct socket *socket)
{
    if (socket->ao == NULL)
        return;
    ao_withdraw(socket);
    free(socket->ao->keys);
    free(socket->ao);
    socket->ao = NULL;
}

struct socket_ao *ao_of(struct socket *socket)
{
    if (socket->ao == NULL)
        socket->ao = calloc(1, sizeof *socket->ao);
    if (socket->ao != NULL && socket->ao->count == 0)
        socket->ao->current = socket->ao->next = -1;
    return socket->ao;
}

static bool id_is_taken(const struct socket_ao *ao, uint8_t id)
{
    for (unsigned i = 0; i < ao->count; i++)
        if (ao->keys[i].key.send_id == id || ao->keys[i].key.receive_id == id)
            return true;
    return false;
}

int ao_require(struct socket *socket)
{
    struct socket_ao *ao = socket->ao;
    unsigned id = 0;
    while (id < UINT8_MAX && id_is_taken(ao, (uint8_t)id))
        id++;
    ao->nobodys.key = (struct chaski_tcp_ao_key){
        .send_id = (uint8_t)id,
        .receive_id = (uint8_t)id,
        .secret_length = 16,
    };
    for (unsigned i = 0; i < 2; i++) {
        uint64_t drawn = host_draw(host_of(socket));
        memcpy(ao->nobodys.key.secret + 8 * (size_t)i, &drawn, sizeof drawn);
    }
    return ao_give(socket, &ao->nobodys);
}

static int give_all(struct socket *socket)
{
    struct socket_ao *ao = socket->ao;
    int error = 0;
    for (unsigned i = 0; i < ao->count && error == 0; i++)
        if (ao->remote.port == 0 || ao_is_for(&ao->keys[i].key, &ao->remote.address))
            error = ao_give(socket, &ao->keys[i]);
    if (error != 0)
        ao_withdraw(socket);
    return error;
}

int ao_listen(struct socket *socket)
{
    if (socket->ao == NULL)
        return 0;
    socket->ao->local = socket->local;
    socket->ao->remote.port = 0;
    int error = give_all(socket);
    if (error == 0 && socket->ao->required)
        error = ao_require(socket);
    return error;
}

int ao_core_set(const struct socket *socket, enum chaski_tcp_option option, int64_t value)
{
    int error = chaski_tcp_set(host_of(socket), socket->tcp, option, value);
    return error == CHASKI_UNKNOWN ? -ENOENT : error_number(error);
}

int ao_core_get(const struct socket *socket, enum chaski_tcp_option option)
{
    int64_t value = 0;
    chaski_tcp_get(host_of(socket), socket->tcp, option, &value);
    return (int)value;
}

bool ao_is_used(const struct socket *socket)
{
    return socket->has_tcp && ao_core_get(socket, CHASKI_TCP_AO) == 1;
}

int ao_apply(const struct socket *socket)
{
    const struct socket_ao *ao = socket->ao;
    int error = 0;
    if (ao->current >= 0)
        error = ao_core_set(socket, CHASKI_TCP_AO_CURRENT_KEY, ao->current);
    if (error == 0 && ao->next >= 0)
        error = ao_core_set(socket, CHASKI_TCP_AO_NEXT_KEY, ao->next);
    return error != 0 ? error : ao_core_set(socket, CHASKI_TCP_AO_ACCEPT_ICMP, ao->accept_icmp);
}

int ao_connect(struct socket *socket, const struct chaski_endpoint *remote)
{
    struct chaski_tcp_info info;
    if (socket->ao == NULL || !tcp_socket_info(socket, &info))
        return 0;
    socket->ao->local = info.local;
    socket->ao->remote = *remote;
    int error = give_all(socket);
    if (error == 0)
        error = ao_core_set(socket, CHASKI_TCP_AO, 1);
    if (error == -ENOENT) /* none of the keys is for this peer */
        return socket->ao->required ? -EKEYREJECTED : 0;
    return error != 0 ? error : ao_apply(socket);
}

bool ao_reserve(struct socket *socket, const struct socket *from)
{
    if (from->ao == NULL)
        return true;
    struct socket_ao *ao = ao_of(socket);
    if (ao != NULL)
        ao->keys = calloc(from->ao->count + 1, sizeof *ao->keys);
    if (ao != NULL && ao->keys != NULL)
        return true;
    free(ao);
    socket->ao = NULL;
    return false;
}

void ao_inherit(struct socket *socket, const struct socket *from)
{
    struct socket_ao *ao = socket->ao;
    struct chaski_tcp_info info;
    if (ao == NULL || !tcp_socket_info(socket, &info))
        return;
    ao->local = info.local;
    ao->remote = info.remote;
    ao->accept_icmp = from->ao->accept_icmp;
    for (unsigned i = 0; i < from->ao->count; i++)
        if (ao_is_for(&from->ao->keys[i].key, &info.remote.address))
            ao->keys[ao->count++].key = from->ao->keys[i].key;
    if (ao_core_get(socket, CHASKI_TCP_AO) == 1)
        ao_core_set(socket, CHASKI_TCP_AO_ACCEPT_ICMP, ao->accept_icmp);
}
