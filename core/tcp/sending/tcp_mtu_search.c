/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_mtu_search.h"

#include "core/tcp/tcp_internal.h"

enum { LEAST_WINDOW = 11 }; /* segments: a lost probe must not cost a time-out (RFC 4821, 7.4) */

void mtu_established(const struct tcp *tcp, struct tcp_connection *c)
{
    if (tcp->knobs.mtu_probing == 2)
        c->mss = (uint16_t)minimum(c->mss, tcp->knobs.base_mss - tcp_options_length(c));
}

static bool is_on(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp->knobs.mtu_probing == 2 || (tcp->knobs.mtu_probing == 1 && c->flight->mtu.on);
}

/* What the interface, the peer and what ICMP has told allow. */
static uint16_t most_of(const struct tcp *tcp, const struct tcp_connection *c)
{
    struct ip_path path;
    return connection_path(tcp, c, &path) == 0 ? connection_mss(c, path.mtu) : c->mss;
}

/* RFC 4821, 7.3: the search is over when the interval is small, and begins anew much later. */
static bool search_is_over(const struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct mtu_search *search = &c->flight->mtu;
    if (search->most == 0)
        search->most = most_of(tcp, c);
    int32_t interval = search->most - c->mss;
    if (interval > tcp->knobs.probe_threshold)
        return false;
    search->most = 0;
    search->again_ns = now_ns + tcp->knobs.probe_interval_s * 1000000000ull;
    return true;
}

uint32_t mtu_probe_size(const struct tcp *tcp, struct tcp_connection *c, uint32_t waiting,
                        uint64_t now_ns)
{
    struct mtu_search *search = &c->flight->mtu;
    if (!is_on(tcp, c) || search->start != search->end || now_ns < search->again_ns ||
        c->recovery != TCP_CA_OPEN || c->flight->report_length != 0 ||
        c->congestion.window < LEAST_WINDOW * (uint32_t)c->mss || search_is_over(tcp, c, now_ns))
        return 0;
    uint32_t size = ((uint32_t)c->mss + search->most + 1) / 2;
    /* What follows it tells soon whether it was lost. */
    uint32_t needed = size + (tcp_reordering(tcp, c) + 1) * c->mss;
    return minimum(minimum(waiting, c->snd_wnd), c->congestion.window) >= needed ? size : 0;
}

void mtu_probe_sent(struct tcp_connection *c, uint32_t start)
{
    c->flight->mtu.start = start;
    c->flight->mtu.end = c->snd_nxt;
}

void mtu_probe_arrived(struct tcp_connection *c)
{
    struct mtu_search *search = &c->flight->mtu;
    uint32_t size = search->end - search->start;
    search->start = search->end;
    c->mss = (uint16_t)maximum(c->mss, minimum(size, TCP_LARGEST_SEGMENT));
    c->congestion.window = maximum(c->congestion.window, c->mss); /* after a time-out meanwhile */
}

static void lower_most(struct mtu_search *search, uint32_t most)
{
    search->most = (uint16_t)minimum(search->most, most);
}

static void fail(struct mtu_search *search)
{
    lower_most(search, search->end - search->start - 1);
    search->start = search->end;
}

void mtu_told(struct tcp_connection *c, uint16_t most)
{
    if (c->flight != NULL)
        lower_most(&c->flight->mtu, most);
}

bool mtu_probe_lost(struct tcp_connection *c)
{
    struct mtu_search *search = &c->flight->mtu;
    const struct tcp_sent *first = scoreboard_next_lost(&c->flight->scoreboard);
    if (search->start == search->end || first == NULL || first->node.key != search->start ||
        c->flight->scoreboard.lost.bytes != search->end - search->start)
        return false;
    fail(search);
    return true;
}

void mtu_note_resent(struct tcp_connection *c, uint32_t sequence)
{
    struct mtu_search *search = &c->flight->mtu;
    if (search->start != search->end && sequence == search->start)
        fail(search);
}

bool mtu_probe_is_out(const struct tcp_connection *c)
{
    return c->flight != NULL && c->flight->mtu.start != c->flight->mtu.end;
}

/* RFC 4821, 7.7. */
void mtu_suspect(const struct tcp *tcp, struct tcp_connection *c)
{
    const struct tcp_knobs *knobs = &tcp->knobs;
    struct mtu_search *search = &c->flight->mtu;
    if (knobs->mtu_probing == 0)
        return;
    uint32_t base = knobs->base_mss - tcp_options_length(c), mss = minimum(c->mss, base);
    if (is_on(tcp, c)) {
        uint32_t least = maximum(maximum(knobs->mtu_probe_floor, knobs->min_snd_mss), TCP_MIN_MSS);
        mss = minimum(c->mss, maximum(minimum(c->mss / 2u, base), least));
    }
    search->on = true;
    search->most = 0;
    search->start = search->end;
    if (mss < c->mss)
        c->flight->proven_mss = 0;
    c->mss = (uint16_t)mss;
}
