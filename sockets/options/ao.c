/* SPDX-License-Identifier: BSD-2-Clause */
#include "sockets/options/ao.h"
#include "sockets/options/ao_keys.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_LENGTH = 12, ENTRY_MOST = 4096 };

/* ---- TCP_AO_ADD_KEY ---- */

/* What is longer than we know must be zeros; what is shorter is filled up with them. */
static int read_struct(const struct option_in *in, void *to, size_t size)
{
    if (in->bytes == NULL)
        return -EFAULT;
    if (in->length == 0)
        return -EINVAL;
    for (size_t i = size; i < in->length; i++)
        if (((const uint8_t *)in->bytes)[i] != 0)
            return -E2BIG;
    memset(to, 0, size);
    memcpy(to, in->bytes, in->length < size ? in->length : size);
    return 0;
}

/* The peers that a key is for: an address and how many of its bits count; 0 and 0 are all. */
static int read_peers(const struct sockaddr_storage *from, uint8_t prefix,
                      struct chaski_tcp_ao_key *key)
{
    struct sockaddr_in in;
    memcpy(&in, from, sizeof in);
    uint32_t address = ntohl(in.sin_addr.s_addr);
    if (in.sin_family != AF_INET || in.sin_port != 0 || prefix > 32 ||
        (prefix == 0) != (address == INADDR_ANY) ||
        (prefix != 0 && (address & ~(UINT32_MAX << (32 - prefix))) != 0))
        return -EINVAL;
    key->remote_prefix = prefix;
    if (prefix != 0)
        key->remote.address = chaski_ip4((uint8_t)(address >> 24), (uint8_t)(address >> 16),
                                         (uint8_t)(address >> 8), (uint8_t)address);
    return 0;
}

static const char *const algorithms[] = {
    [CHASKI_HMAC_SHA1_96] = "hmac(sha1)",
    [CHASKI_AES_128_CMAC_96] = "cmac(aes128)",
};

static int read_algorithm(const struct ao_add *add, struct chaski_tcp_ao_key *key)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        if (strncmp(add->algorithm, algorithms[i], sizeof add->algorithm) == 0) {
            key->algorithm = (uint8_t)i;
            return add->code_length == 0 || add->code_length == CODE_LENGTH ? 0 : -EINVAL;
        }
    }
    return -ENOENT;
}

static int read_key(const struct ao_add *add, struct chaski_tcp_ao_key *key)
{
    *key = (struct chaski_tcp_ao_key){
        .send_id = add->send_id,
        .receive_id = add->receive_id,
        .without_options = (add->flags & AO_FLAG_EXCLUDE_OPTIONS) != 0,
        .secret_length = add->key_length,
    };
    if (add->reserved != 0 || add->reserved2 != 0 || add->key_length == 0 ||
        add->key_length > AO_KEY_MAX || (add->flags & ~AO_FLAG_EXCLUDE_OPTIONS) != 0 ||
        add->interface != 0)
        return -EINVAL;
    memcpy(key->secret, add->key, add->key_length);
    int error = read_peers(&add->address, add->prefix, key);
    return error != 0 ? error : read_algorithm(add, key);
}

/* Of a connection, keys are the peer's; one that has none cannot begin to use them. */
static bool may_have(const struct socket *socket, const struct chaski_tcp_ao_key *key)
{
    if (!socket->has_tcp)
        return true;
    return ao_is_used(socket) && ao_is_for(key, &socket->ao->remote.address);
}

static bool has_ids_of(const struct socket_ao *ao, const struct chaski_tcp_ao_key *key)
{
    for (unsigned i = 0; i < ao->count; i++) {
        const struct chaski_tcp_ao_key *other = &ao->keys[i].key;
        bool meet =
            ao_is_for(key, &other->remote.address) || ao_is_for(other, &key->remote.address);
        if (meet && (other->send_id == key->send_id || other->receive_id == key->receive_id))
            return true;
    }
    return false;
}

static int add_key(struct socket *socket, const struct option_in *in)
{
    struct ao_add add;
    struct chaski_tcp_ao_key key;
    int error = read_struct(in, &add, sizeof add);
    if (error == 0)
        error = read_key(&add, &key);
    if (error == 0 && !may_have(socket, &key))
        error = -EINVAL;
    if (error != 0)
        return error;
    struct socket_ao *ao = ao_of(socket);
    if (ao != NULL && has_ids_of(ao, &key))
        return -EEXIST;
    struct socket_key *keys = ao == NULL ? NULL : realloc(ao->keys, (ao->count + 1) * sizeof *keys);
    if (keys == NULL)
        return -ENOMEM;
    ao->keys = keys;
    keys[ao->count] = (struct socket_key){.key = key};
    if (socket->has_tcp || socket->phase == SOCKET_LISTENING)
        error = ao_give(socket, &keys[ao->count]);
    if (error != 0)
        return error;
    ao->count++;
    if (add.set_current)
        ao->current = add.send_id;
    if (add.set_next)
        ao->next = add.receive_id;
    return socket->has_tcp ? ao_apply(socket) : 0;
}

/* ---- TCP_AO_DEL_KEY ---- */

static bool is_key(const struct chaski_tcp_ao_key *a, const struct chaski_tcp_ao_key *b)
{
    return a->send_id == b->send_id && a->receive_id == b->receive_id &&
           a->remote_prefix == b->remote_prefix &&
           memcmp(&a->remote.address, &b->remote.address, sizeof a->remote.address) == 0;
}

/* What the connection is to use instead of the key that goes. */
static int replace(struct socket *socket, const struct ao_delete *delete)
{
    int error = 0;
    if (!ao_is_used(socket))
        return 0;
    if (delete->set_current)
        error = ao_core_set(socket, CHASKI_TCP_AO_CURRENT_KEY, delete->current_key);
    if (error == 0 && delete->set_next)
        error = ao_core_set(socket, CHASKI_TCP_AO_NEXT_KEY, delete->next_key);
    if (error != 0)
        return error;
    bool in_use = ao_core_get(socket, CHASKI_TCP_AO_CURRENT_KEY) == delete->send_id ||
                  ao_core_get(socket, CHASKI_TCP_AO_NEXT_KEY) == delete->receive_id;
    return in_use ? -EBUSY : 0;
}

static int delete_key(struct socket *socket, const struct option_in *in)
{
    struct ao_delete delete;
    struct chaski_tcp_ao_key key;
    struct socket_ao *ao = socket->ao;
    int error = read_struct(in, &delete, sizeof delete);
    memset(&key, 0, sizeof key);
    if (error == 0)
        error = read_peers(&delete.address, delete.prefix, &key);
    if (error != 0)
        return error;
    if (delete.reserved != 0 || delete.reserved2 != 0 || delete.flags != 0 || delete.interface != 0)
        return -EINVAL;
    key.send_id = delete.send_id;
    key.receive_id = delete.receive_id;
    for (unsigned i = 0; ao != NULL && i < ao->count; i++) {
        if (!is_key(&ao->keys[i].key, &key))
            continue;
        error = replace(socket, &delete);
        if (error != 0)
            return error;
        ao_take_back(socket, &ao->keys[i]);
        ao->keys[i] = ao->keys[--ao->count];
        return 0;
    }
    return -ENOENT;
}

/* ---- TCP_AO_INFO ---- */

static bool has_send_id(const struct socket_ao *ao, uint8_t id)
{
    for (unsigned i = 0; i < ao->count; i++)
        if (ao->keys[i].key.send_id == id)
            return true;
    return false;
}

static bool has_receive_id(const struct socket_ao *ao, uint8_t id)
{
    for (unsigned i = 0; i < ao->count; i++)
        if (ao->keys[i].key.receive_id == id)
            return true;
    return false;
}

static int set_info(struct socket *socket, const struct option_in *in)
{
    struct ao_info info;
    int error = read_struct(in, &info, sizeof info);
    if (error != 0)
        return error;
    if (info.reserved != 0 || info.reserved2 != 0 || info.set_counters ||
        (socket->has_tcp && !ao_is_used(socket)))
        return -EINVAL;
    struct socket_ao *ao = ao_of(socket);
    if (ao == NULL)
        return -ENOMEM;
    if ((info.set_current && !has_send_id(ao, info.current_key)) ||
        (info.set_next && !has_receive_id(ao, info.next_key)))
        return -ENOENT;
    bool begins = info.required && !ao->required && socket->phase == SOCKET_LISTENING;
    ao->required = info.required;
    ao->accept_icmp = info.accept_icmp;
    if (info.set_current)
        ao->current = info.current_key;
    if (info.set_next)
        ao->next = info.next_key;
    if (!ao->required)
        ao_take_back(socket, &ao->nobodys);
    if (begins)
        return ao_require(socket);
    return socket->has_tcp ? ao_apply(socket) : 0;
}

static void fill_in_connection(const struct socket *socket, struct ao_info *info)
{
    struct chaski_tcp_ao_counts counts;
    if (chaski_tcp_ao_counts(socket->file.table->host, socket->tcp, &counts) != 0)
        return;
    info->set_current = info->set_next = 1;
    info->current_key = (uint8_t)ao_core_get(socket, CHASKI_TCP_AO_CURRENT_KEY);
    info->next_key = (uint8_t)ao_core_get(socket, CHASKI_TCP_AO_NEXT_KEY);
    info->good = counts.good;
    info->bad = counts.bad;
    info->key_not_found = counts.unknown_key;
    info->required_missing = counts.missing;
    info->dropped_icmp = counts.icmp_ignored;
}

int ao_get(const struct socket *socket, const struct option_out *out)
{
    const struct socket_ao *ao = socket->ao;
    if (ao == NULL || (socket->has_tcp && !ao_is_used(socket)))
        return -ENOENT;
    struct ao_info info = {
        .required = ao->required,
        .accept_icmp = ao->accept_icmp,
        .set_current = ao->current >= 0,
        .set_next = ao->next >= 0,
        .current_key = (uint8_t)(ao->current >= 0 ? ao->current : 0),
        .next_key = (uint8_t)(ao->next >= 0 ? ao->next : 0),
    };
    if (socket->has_tcp)
        fill_in_connection(socket, &info);
    return option_write(out, &info, sizeof info);
}

/* ---- TCP_AO_GET_KEYS ---- */

static int current_id(const struct socket *socket)
{
    return socket->has_tcp ? ao_core_get(socket, CHASKI_TCP_AO_CURRENT_KEY) : socket->ao->current;
}

static int next_id(const struct socket *socket)
{
    return socket->has_tcp ? ao_core_get(socket, CHASKI_TCP_AO_NEXT_KEY) : socket->ao->next;
}

/* What is asked for; `peers` is filled in when it is by address. */
static int read_question(const struct option_out *out, struct ao_keys *question,
                         struct chaski_tcp_ao_key *peers)
{
    const struct option_in in = {out->bytes, *out->length};
    int error = read_struct(&in, question, sizeof *question);
    bool by_use = question->is_current || question->is_next;
    if (error != 0)
        return error;
    if (question->good != 0 || question->bad != 0 || question->flags != 0 ||
        question->interface != 0 || question->reserved != 0 || (question->all && by_use))
        return -EINVAL;
    if (!question->all && !by_use)
        return question->address.ss_family == AF_INET
                   ? read_peers(&question->address, question->prefix, peers)
                   : -EAFNOSUPPORT;
    return question->prefix == 0 && question->send_id == 0 && question->receive_id == 0 ? 0
                                                                                        : -EINVAL;
}

static bool is_asked_for(const struct socket *socket, const struct chaski_tcp_ao_key *key,
                         const struct ao_keys *question, const struct chaski_tcp_ao_key *peers)
{
    if (question->all)
        return true;
    if (question->is_current || question->is_next)
        return (question->is_current && current_id(socket) == key->send_id) ||
               (question->is_next && next_id(socket) == key->receive_id);
    return key->send_id == question->send_id && key->receive_id == question->receive_id &&
           key->remote_prefix == peers->remote_prefix &&
           memcmp(&key->remote.address, &peers->remote.address, sizeof key->remote.address) == 0;
}

static void describe(const struct socket *socket, const struct chaski_tcp_ao_key *key,
                     struct ao_keys *entry)
{
    socklen_t length = sizeof entry->address;
    memset(entry, 0, sizeof *entry);
    address_write(AF_INET, &key->remote, (struct sockaddr *)&entry->address, &length);
    memcpy(entry->algorithm, algorithms[key->algorithm], strlen(algorithms[key->algorithm]));
    memcpy(entry->key, key->secret, key->secret_length);
    entry->is_current = current_id(socket) == key->send_id;
    entry->is_next = next_id(socket) == key->receive_id;
    entry->send_id = key->send_id;
    entry->receive_id = key->receive_id;
    entry->prefix = key->remote_prefix;
    entry->code_length = CODE_LENGTH;
    entry->flags = key->without_options ? AO_FLAG_EXCLUDE_OPTIONS : 0;
    entry->key_length = key->secret_length;
}

int ao_get_keys(const struct socket *socket, const struct option_out *out)
{
    const struct socket_ao *ao = socket->ao;
    struct ao_keys question, entry;
    struct chaski_tcp_ao_key peers = {0};
    size_t step = *out->length, size = step < sizeof entry ? step : sizeof entry;
    uint32_t found = 0;
    if (ao == NULL || (socket->has_tcp && !ao_is_used(socket)))
        return -ENOENT;
    if (step == 0 || step > ENTRY_MOST)
        return -EINVAL;
    int error = read_question(out, &question, &peers);
    if (error != 0)
        return error;
    for (unsigned i = 0; i < ao->count; i++) {
        if (!is_asked_for(socket, &ao->keys[i].key, &question, &peers))
            continue;
        describe(socket, &ao->keys[i].key, &entry);
        if (found < question.count)
            memcpy((uint8_t *)out->bytes + found * step, &entry, size);
        found++;
    }
    *out->length = sizeof entry;
    if (size >= offsetof(struct ao_keys, count) + sizeof found)
        memcpy((uint8_t *)out->bytes + offsetof(struct ao_keys, count), &found, sizeof found);
    return 0;
}

/* ---- The options ---- */

int ao_set(struct socket *socket, int name, const struct option_in *in)
{
    switch (name) {
    case AO_ADD_KEY:
        return add_key(socket, in);
    case AO_DEL_KEY:
        return delete_key(socket, in);
    case AO_INFO:
        return set_info(socket, in);
    default:
        return -ENOPROTOOPT;
    }
}
