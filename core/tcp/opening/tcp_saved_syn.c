/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/opening/tcp_saved_syn.h"

#include "core/base/bytes.h"
#include "core/tcp/tcp_internal.h"
#include "core/wire/ethernet.h"

static struct tcp_key key_of(const struct packet *syn)
{
    return (struct tcp_key){
        .local = syn->ip.destination,
        .remote = syn->ip.source,
        .local_port = syn->kept.local,
        .remote_port = syn->kept.remote,
    };
}

/* The link to what is kept for `key`, or to the end. */
static struct packet **find(struct saved_syns *saved, const struct tcp_key *key)
{
    struct packet **link = &saved->first;
    while (*link != NULL) {
        struct tcp_key other = key_of(*link);
        if (tcp_key_equal(&other, key))
            break;
        link = &(*link)->next;
    }
    return link;
}

static void drop(struct saved_syns *saved, struct packet **link)
{
    struct packet *packet = *link;
    *link = packet->next;
    saved->count--;
    packet_free(packet);
}

/* Nobody may have many, or a large part of few. */
static void make_room(struct tcp *tcp)
{
    struct saved_syns *saved = &tcp->saved_syns;
    uint32_t most = minimum(SAVED_SYNS, tcp->memory->packets.total / 32);
    while (saved->count != 0 && saved->count >= most) {
        struct packet **link = &saved->first;
        while ((*link)->next != NULL)
            link = &(*link)->next;
        drop(saved, link);
    }
}

/* The headers that came with it in one piece; `length` of them. */
static const uint8_t *headers_of(const struct packet *syn, uint8_t mode, uint32_t *length)
{
    uint32_t from = syn->network;
    uint32_t to = syn->transport + syn->tcp.header_length;
    bool framed = !(syn->flags & (PACKET_LOOPED | PACKET_BARE));
    if (mode == SAVE_SYN_AND_LINK && framed)
        from -= WIRE_ETHERNET_HEADER;
    *length = to - from;
    return syn->start + from;
}

void saved_syn_keep(struct tcp *tcp, const struct packet *syn, const struct tcp_key *key,
                    uint8_t mode)
{
    struct saved_syns *saved = &tcp->saved_syns;
    uint32_t length;
    if (mode == SAVE_NO_SYN)
        return;
    const uint8_t *headers = headers_of(syn, mode, &length);
    make_room(tcp);
    struct packet *copy =
        length <= PACKET_ROOM ? packet_take(&tcp->memory->packets, FOR_RECEIVE) : NULL;
    if (copy == NULL)
        return;
    uint32_t before = minimum(length, PACKET_HEAD_ROOM);
    packet_put(copy, length - before);
    memcpy(packet_push(copy, before), headers, length);
    copy->ip.destination = key->local;
    copy->ip.source = key->remote;
    copy->kept.local = key->local_port;
    copy->kept.remote = key->remote_port;
    copy->next = saved->first;
    saved->first = copy;
    saved->count++;
}

uint32_t saved_syn_take(struct tcp *tcp, const struct tcp_key *key, void *bytes, uint32_t room)
{
    struct packet **link = find(&tcp->saved_syns, key);
    if (*link == NULL)
        return 0;
    uint32_t length = (*link)->length;
    if (room >= length) {
        memcpy(bytes, (*link)->data, length);
        drop(&tcp->saved_syns, link);
    }
    return length;
}

void saved_syn_forget(struct tcp *tcp, const struct tcp_key *key)
{
    struct packet **link = find(&tcp->saved_syns, key);
    if (*link != NULL)
        drop(&tcp->saved_syns, link);
}
