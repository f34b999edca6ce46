/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/ip/ip4_path.h"

#include "core/base/bytes.h"

#define PATH_LIFE_NS UINT64_C(600000000000) /* RFC 1191, 6.3: ten minutes */

void ip4_paths_init(struct ip4_paths *paths, struct memory *memory, uint32_t limit,
                    const struct siphash_key *key)
{
    uint32_t sets = 1;
    while (sets * IP4_PATH_WAYS < limit && sets < UINT32_C(1) << 24)
        sets *= 2;
    struct ip4_path *table = memory_take(memory, sets * IP4_PATH_WAYS * sizeof *table);
    if (table == NULL)
        return;
    *paths = (struct ip4_paths){
        .paths = table,
        .set_mask = sets - 1,
        .minimum = IP4_PATH_MTU_MIN,
        .key = *key,
    };
}

static struct ip4_path *set_of(const struct ip4_paths *paths, uint32_t destination)
{
    uint64_t word = destination;
    uint64_t hash = siphash_words(&paths->key, &word, 1);
    return &paths->paths[(hash & paths->set_mask) * IP4_PATH_WAYS];
}

static inline bool is_alive(const struct ip4_path *path, uint32_t destination, uint8_t protocol,
                            uint64_t now_ns)
{
    return path->destination == destination && path->protocol == protocol &&
           path->expires_ns > now_ns;
}

const struct ip4_path *ip4_paths_search(const struct ip4_paths *paths, uint32_t destination,
                                        uint8_t protocol, uint64_t now_ns)
{
    const struct ip4_path *set = set_of(paths, destination);
    for (unsigned i = 0; i < IP4_PATH_WAYS; i++)
        if (is_alive(&set[i], destination, protocol, now_ns))
            return &set[i];
    return NULL;
}

uint16_t ip4_paths_clamp(const struct ip4_paths *paths, uint16_t reported, uint16_t quoted_length)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    uint16_t mtu = reported;
    if (mtu == 0) {
        unsigned i = 0;
        while (i + 1 < sizeof plateaus / sizeof plateaus[0] && plateaus[i] >= quoted_length)
            i++;
        mtu = plateaus[i];
    }
    return mtu < paths->minimum ? paths->minimum : mtu;
}

/* The entry to fill: the one that is there, else the one that expires first. */
static struct ip4_path *place_for(const struct ip4_paths *paths, uint32_t destination,
                                  uint8_t protocol, uint64_t now_ns)
{
    struct ip4_path *set = set_of(paths, destination), *first = set;
    for (unsigned i = 0; i < IP4_PATH_WAYS; i++) {
        if (is_alive(&set[i], destination, protocol, now_ns))
            return &set[i];
        if (set[i].expires_ns < first->expires_ns)
            first = &set[i];
    }
    return first;
}

bool ip4_paths_lower(struct ip4_paths *paths, uint32_t destination, uint8_t protocol, uint16_t mtu,
                     uint16_t current, bool fragment, uint64_t now_ns)
{
    struct ip4_path *path = place_for(paths, destination, protocol, now_ns);
    bool known = is_alive(path, destination, protocol, now_ns);
    bool news = mtu < current || (fragment && !(known && path->fragment));
    if (!news || mtu > current)
        return false;
    *path = (struct ip4_path){
        .expires_ns = now_ns + PATH_LIFE_NS,
        .destination = destination,
        .mtu = mtu,
        .protocol = protocol,
        .fragment = fragment,
    };
    paths->used = true;
    return true;
}
