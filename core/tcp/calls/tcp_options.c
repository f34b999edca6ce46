/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/calls/tcp_options.h"

#include "core/tcp/window/tcp_cwnd.h"

/* Options of a connection: limits, setting and getting. */

_Static_assert(CHASKI_TCP_OPTION_COUNT == 33, "a new option is to be set and told below");

struct limits {
    int64_t least, most;
};

static const struct limits limits[CHASKI_TCP_OPTION_COUNT] = {
    [CHASKI_TCP_NODELAY] = {0, 1},
    [CHASKI_TCP_QUICKACK] = {0, 1},
    [CHASKI_TCP_MAXSEG] = {TCP_MIN_MSS, 65495},
    [CHASKI_TCP_KEEPALIVE] = {0, 1},
    [CHASKI_TCP_KEEPIDLE] = {1, 32767000},
    [CHASKI_TCP_KEEPINTVL] = {1000, 32767000},
    [CHASKI_TCP_KEEPCNT] = {1, 127},
    [CHASKI_TCP_USER_TIMEOUT] = {0, INT32_MAX},
    [CHASKI_TCP_PEER_USER_TIMEOUT] = {0, -1},
    [CHASKI_TCP_SYNCNT] = {1, 127},
    [CHASKI_TCP_LINGER] = {-1, LINGER_ALWAYS - 1},
    [CHASKI_TCP_LINGER2] = {-1, FIN_WAIT_NEVER - 1},
    [CHASKI_TCP_CONGESTION] = {CHASKI_CUBIC, CHASKI_CONGESTION_COUNT - 1},
    [CHASKI_TCP_MAX_PACING_RATE] = {0, UINT32_MAX},
    [CHASKI_TCP_SNDBUF] = {2048, INT32_MAX / 2},
    [CHASKI_TCP_RCVBUF] = {2048, INT32_MAX / 2},
    [CHASKI_TCP_TOS] = {0, 255},
    [CHASKI_TCP_CORK] = {0, 1},
    [CHASKI_TCP_MORE] = {0, 1},
    [CHASKI_TCP_PROGRESS] = {0, 2},
    [CHASKI_TCP_THIN_LINEAR] = {0, 1},
    [CHASKI_TCP_TTL] = {0, 255},
    [CHASKI_TCP_AO] = {0, 1},
    [CHASKI_TCP_AO_CURRENT_KEY] = {0, 255},
    [CHASKI_TCP_AO_NEXT_KEY] = {0, 255},
    [CHASKI_TCP_AO_ACCEPT_ICMP] = {0, 1},
    [CHASKI_TCP_AO_RECEIVED_KEY] = {0, -1},
    [CHASKI_TCP_AO_RECEIVED_NEXT_KEY] = {0, -1},
    [CHASKI_TCP_RTO_MAX_MS] = {0, 120000},
    [CHASKI_TCP_RTO_MIN_US] = {0, 1000000},
    [CHASKI_TCP_DELACK_MAX_US] = {0, 500000},
    [CHASKI_TCP_MIN_TTL] = {0, 255},
    [CHASKI_TCP_RCVBUF_TUNES] = {0, 1},
};

bool tcp_option_takes(enum chaski_tcp_option option, int64_t value)
{
    return (unsigned)option < CHASKI_TCP_OPTION_COUNT && value >= limits[option].least &&
           value <= limits[option].most;
}

static void set_flag(struct tcp_connection *c, uint32_t flag, int64_t value)
{
    c->flags = value != 0 ? c->flags | flag : c->flags & ~flag;
}

/* What waits may go now; with `all`, though the connection be corked (Linux). */
static void release(struct tcp *tcp, struct tcp_connection *c, bool all)
{
    if (all)
        c->flags &= ~(uint32_t)TCPF_MORE;
    if (all && c->flight != NULL)
        c->flight->released = true;
    if (c->state != CHASKI_TCP_CLOSED)
        connection_wants_output(tcp, c);
}

static void set_congestion(const struct tcp *tcp, struct tcp_connection *c, int64_t value)
{
    c->algorithm = (uint16_t)value & 15u;
    if (c->state == CHASKI_TCP_SYN_SENT && c->snd_nxt == c->snd_una)
        ecn_open(tcp, c);
    if (c->flight != NULL)
        window_begin(tcp, c);
}

static void set_max_segment(struct tcp *tcp, struct tcp_connection *c, uint16_t value)
{
    struct ip_path path;
    c->announced_mss = (uint16_t)minimum(c->announced_mss, value);
    c->mss = connection_mss(c, connection_path(tcp, c, &path) == 0 ? path.mtu : 576);
    c->congestion.window = maximum(c->congestion.window, c->mss); /* the path may be wider again */
}

/* A scale that the peer has not been told yet fits the buffer, or what it may grow to. */
static void set_receive_buffer(const struct tcp *tcp, struct tcp_connection *c, uint32_t bytes,
                               bool tunes)
{
    c->receive.limit = bytes;
    set_flag(c, TCPF_FIXED_RECEIVE_BUFFER, !tunes);
    c->tune_space = minimum(c->tune_space, bytes / 2);
    if (c->state == CHASKI_TCP_SYN_SENT && has(c, TCPF_SYN_OWED) && has(c, TCPF_HAS_SCALING))
        c->receive_scale = (tunes ? tcp_scale_to_tune(&tcp->knobs) : tcp_scale_for(bytes)) & 15u;
}

static void restart_keep_alive(struct tcp *tcp, struct tcp_connection *c)
{
    c->alive_at = TIMER_NEVER;
    tcp_put_off_keepalive(c, tcp->now_ns);
    tcp_timer_set(tcp, c);
}

/* The flag that an option of 0 or 1 stands for, or 0. */
static uint32_t flag_of(enum chaski_tcp_option option)
{
    static const uint32_t flags[CHASKI_TCP_OPTION_COUNT] = {
        [CHASKI_TCP_NODELAY] = TCPF_NODELAY,     [CHASKI_TCP_QUICKACK] = TCPF_QUICKACK,
        [CHASKI_TCP_KEEPALIVE] = TCPF_KEEPALIVE, [CHASKI_TCP_CORK] = TCPF_CORK,
        [CHASKI_TCP_MORE] = TCPF_MORE,           [CHASKI_TCP_THIN_LINEAR] = TCPF_THIN_LINEAR,
    };
    return flags[option];
}

static void set_switch(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                       bool on)
{
    set_flag(c, flag_of(option), on);
    if (option == CHASKI_TCP_CORK && !on) /* nor does it wait to be continued (Linux) */
        set_flag(c, TCPF_MORE, false);
    if (option == CHASKI_TCP_NODELAY)
        release(tcp, c, on);
    else if (option == CHASKI_TCP_CORK || option == CHASKI_TCP_MORE)
        release(tcp, c, false);
    else if (option == CHASKI_TCP_QUICKACK)
        c->pingpong = on ? 0 : tcp->knobs.pingpong_threshold;
    else if (option == CHASKI_TCP_KEEPALIVE)
        restart_keep_alive(tcp, c);
}

static bool is_of_ao(enum chaski_tcp_option option)
{
    return option == CHASKI_TCP_AO || option == CHASKI_TCP_AO_CURRENT_KEY ||
           option == CHASKI_TCP_AO_NEXT_KEY || option == CHASKI_TCP_AO_ACCEPT_ICMP ||
           option == CHASKI_TCP_AO_RECEIVED_KEY || option == CHASKI_TCP_AO_RECEIVED_NEXT_KEY;
}

static int set_times(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                     uint32_t value)
{
    unsigned number = c->times;
    int error = times_set(&tcp->times, &number, option, value);
    c->times = number & TCP_TIMES_MOST;
    c->own_times = number != 0;
    return error;
}

/* What holds, be it by the knob. */
static int64_t time_of(const struct tcp *tcp, const struct tcp_connection *c,
                       enum chaski_tcp_option option)
{
    uint32_t own = times_value(&tcp->times, c->times, option);
    if (own != 0)
        return own;
    if (option == CHASKI_TCP_RTO_MAX_MS)
        return tcp->knobs.rto_max_us / 1000;
    return option == CHASKI_TCP_RTO_MIN_US ? tcp->knobs.rto_min_us : tcp->knobs.ack_delay_us;
}

/* Those that are a duration or a number of attempts; false when the option is none of them. */
static bool set_patience(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                         int64_t value)
{
    switch ((unsigned)option) {
    case CHASKI_TCP_KEEPIDLE:
        c->keep_idle_ms = (uint32_t)value & KEEP_IDLE_MOST;
        restart_keep_alive(tcp, c);
        return true;
    case CHASKI_TCP_KEEPINTVL:
        c->keep_interval_s = (uint16_t)((value + 999) / 1000);
        return true;
    case CHASKI_TCP_KEEPCNT:
        c->keep_count = (uint8_t)value;
        return true;
    case CHASKI_TCP_USER_TIMEOUT:
        user_timeout_set(tcp, c, (uint32_t)value);
        return true;
    case CHASKI_TCP_SYNCNT:
        c->syn_count = (uint8_t)value;
        return true;
    case CHASKI_TCP_LINGER:
        c->linger_ms = (value < 0 ? LINGER_ALWAYS : (uint32_t)value) & LINGER_ALWAYS;
        return true;
    case CHASKI_TCP_LINGER2:
        c->fin_wait_s = (uint8_t)value;
        return true;
    }
    return false;
}

/* Those that shape what is sent and how much is kept. */
static void set_amount(struct tcp *tcp, struct tcp_connection *c, enum chaski_tcp_option option,
                       int64_t value)
{
    switch ((unsigned)option) {
    case CHASKI_TCP_MAXSEG:
        set_max_segment(tcp, c, (uint16_t)value);
        break;
    case CHASKI_TCP_CONGESTION:
        set_congestion(tcp, c, value);
        break;
    case CHASKI_TCP_MAX_PACING_RATE:
        c->timer.attached = (uint32_t)value;
        break;
    case CHASKI_TCP_SNDBUF:
        c->send_limit = (uint32_t)value;
        c->flags |= TCPF_FIXED_SEND_BUFFER;
        break;
    case CHASKI_TCP_RCVBUF:
        set_receive_buffer(tcp, c, (uint32_t)value, false);
        break;
    case CHASKI_TCP_RCVBUF_TUNES:
        set_receive_buffer(tcp, c, c->receive.limit, value != 0);
        break;
    case CHASKI_TCP_TOS:
        c->traffic_class = (uint8_t)((value & ~ECN_MODES) | (c->traffic_class & ECN_MODES));
        break;
    case CHASKI_TCP_TTL:
        c->ttl = (uint8_t)value;
        break;
    case CHASKI_TCP_MIN_TTL:
        min_ttl_set(tcp, c, (uint8_t)value);
        break;
    case CHASKI_TCP_PROGRESS:
        if (c->flight != NULL)
            c->flight->tells_progress = (uint8_t)value;
        break;
    }
}

int tcp_set(struct tcp *tcp, chaski_tcp handle, enum chaski_tcp_option option, int64_t value)
{
    struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if (!tcp_option_takes(option, value))
        return CHASKI_INVALID;
    if (is_of_ao(option))
        return ao_set_option(tcp, c, option, value);
    if (times_keep(option))
        return set_times(tcp, c, option, (uint32_t)value);
    if (flag_of(option) != 0)
        set_switch(tcp, c, option, value != 0);
    else if (!set_patience(tcp, c, option, value))
        set_amount(tcp, c, option, value);
    return 0;
}

static int64_t value_of(const struct tcp_connection *c, enum chaski_tcp_option option)
{
    switch ((unsigned)option) {
    case CHASKI_TCP_MAXSEG:
        return c->mss;
    case CHASKI_TCP_KEEPIDLE:
        return c->keep_idle_ms;
    case CHASKI_TCP_KEEPINTVL:
        return c->keep_interval_s * 1000;
    case CHASKI_TCP_KEEPCNT:
        return c->keep_count;
    case CHASKI_TCP_USER_TIMEOUT:
        return user_timeout_own(c);
    case CHASKI_TCP_PEER_USER_TIMEOUT:
        return user_timeout_of_peer(c);
    case CHASKI_TCP_SYNCNT:
        return c->syn_count;
    case CHASKI_TCP_LINGER:
        return c->linger_ms == LINGER_ALWAYS ? -1 : (int64_t)c->linger_ms;
    case CHASKI_TCP_LINGER2:
        return c->fin_wait_s == FIN_WAIT_NEVER ? -1 : (int64_t)c->fin_wait_s;
    case CHASKI_TCP_CONGESTION:
        return c->algorithm;
    case CHASKI_TCP_MAX_PACING_RATE:
        return tcp_max_pacing_rate(c);
    case CHASKI_TCP_SNDBUF:
        return c->send_limit;
    case CHASKI_TCP_RCVBUF:
        return c->receive.limit;
    case CHASKI_TCP_RCVBUF_TUNES:
        return !has(c, TCPF_FIXED_RECEIVE_BUFFER);
    case CHASKI_TCP_TOS:
        return c->traffic_class & ~ECN_MODES;
    case CHASKI_TCP_PROGRESS:
        return c->flight != NULL ? c->flight->tells_progress : 0;
    case CHASKI_TCP_TTL:
        return c->ttl;
    case CHASKI_TCP_MIN_TTL:
        return min_ttl_of(c);
    }
    return 0;
}

int tcp_get(struct tcp *tcp, chaski_tcp handle, enum chaski_tcp_option option, int64_t *value)
{
    const struct tcp_connection *c = connection_of(tcp, handle);
    if (c == NULL)
        return CHASKI_STALE;
    if ((unsigned)option >= CHASKI_TCP_OPTION_COUNT)
        return CHASKI_INVALID;
    if (is_of_ao(option))
        *value = ao_option(tcp, c, option);
    else if (times_keep(option))
        *value = time_of(tcp, c, option);
    else if (flag_of(option) != 0)
        *value = has(c, flag_of(option));
    else
        *value = value_of(c, option);
    return 0;
}
