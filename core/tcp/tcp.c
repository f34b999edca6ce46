/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/tcp_internal.h"

/* Setup. */

const struct tcp_knobs tcp_default_knobs = {
    .initial_window = 10,
    .rto_min_us = 200000,
    .rto_max_us = 120000000,
    .rto_initial_us = 1000000,
    .ack_delay_us = 40000,
    .fin_timeout_ms = 60000,
    .give_up_ms = 924600,
    .orphan_timeout_ms = 102200,
    .receive_buffer = 65536,
    .receive_buffer_max = 6291456,
    .send_buffer = 131072,
    .send_buffer_max = 4194304,
    .answer_interval_ms = 500,
    .keep_idle_ms = 7200000,
    .keep_interval_s = 75,
    .keep_count = 9,
    .syn_retries = 7, /* three minutes and more, as RFC 9293, 3.8.3 demands */
    .doubt_after = 3,
    .syncookies = 1,
    .synack_retries = 5,
    .timestamps = 1,
    .sack = true,
    .window_scaling = true,
    .congestion = CHASKI_CUBIC,
    .dsack = true,
    .moderate_receive_buffer = true,
    .rfc1337 = true,
    .recovery = RECOVERY_RACK,
    .slow_start_after_idle = true,
    .pacing_slow_start_percent = 200,
    .pacing_avoidance_percent = 120,
    .fast_open = FAST_OPEN_CLIENT,
    .tw_reuse = 2,
    .tw_reuse_delay_ms = 1000,
    .frto = 2,
    .tail_probes = 3,
    .min_tso_segs = 2,
    .tso_divisor = 3,
    .reordering = 3,
    .max_reordering = 300,
    .mtu_probing = 0,
    .base_mss = 1024,
    .min_snd_mss = 48,
    .mtu_probe_floor = 48,
    .probe_threshold = 8,
    .probe_interval_s = 600,
    .user_timeout_least_ms = 100000,
    .user_timeout_most_ms = 3600000,
    .retrans_collapse = true,
    .max_syn_backlog = INT32_MAX,
    .time_wait_most = INT32_MAX,
    .near_shift = 9,
    .pingpong_threshold = 1,
    .min_rtt_window_s = 300,
    .challenge_limit = INT32_MAX,
    .comp_sack_delay_ns = 1000000,
    .comp_sack_rtt_percent = 5,
    .ecn = 2,
    .ecn_fallback = true,
    .ecn_option = 2,
    .ecn_option_beacon = 3,
    .no_ssthresh_metrics_save = true,
};

static void setup_connections(struct tcp *tcp, struct memory *memory, uint32_t limit)
{
    struct tcp_connection *connections =
        memory_reserve(memory, (size_t)limit * sizeof(struct tcp_connection));
    if (connections == NULL)
        return;
    tcp->connections = connections;
    tcp->connection_limit = limit;
}

static void setup_accounts(struct tcp *tcp, struct memory *memory,
                           const struct chaski_limits *limits)
{
    struct tcp_account *accounts =
        limits->accounts ? accounts_setup(memory, limits->connections) : NULL;
    if (accounts != NULL)
        tcp->accounts = accounts;
}

static void setup_listeners(struct tcp *tcp, struct memory *memory, uint32_t limit)
{
    struct tcp_listener *listeners =
        memory_take(memory, (size_t)limit * sizeof(struct tcp_listener));
    if (listeners == NULL)
        return;
    tcp->listeners = listeners;
    tcp->listener_limit = limit;
}

static void setup_blocks(struct tcp *tcp, const struct chaski_limits *limits,
                         const struct tcp_setup *setup)
{
    tcp->memory = setup->packets;
    tcp->counters = setup->counters;
    tcp->wheel = setup->wheel;
    tcp->host = setup->host;
    tcp->now_ns = setup->now_ns;
    tcp->knobs = tcp_default_knobs;
    tcp->knobs.receive_buffer_limit = tcp->knobs.receive_buffer_max = limits->receive_buffer_max;
    tcp->knobs.send_buffer_limit = tcp->knobs.send_buffer_max = limits->send_buffer_max;
    tcp->knobs.receive_buffer = minimum(tcp->knobs.receive_buffer, limits->receive_buffer_max);
    tcp->knobs.send_buffer = minimum(tcp->knobs.send_buffer, limits->send_buffer_max);
    secrets_derive(&tcp->secrets, &setup->key);
    tcp->fast_open_keys.key[0] = tcp->secrets.fast_open;
    tcp->fast_open_keys.count = 1;
    tcp->work.first = TCP_WORK_END;
    tcp->timer_owner = timer_wheel_own(setup->wheel, tcp_timer_fire, tcp);
    tcp->half_open_owner = timer_wheel_own(setup->wheel, half_open_timer, tcp);
    tcp->time_wait_owner = timer_wheel_own(setup->wheel, time_wait_timer, tcp);
    timer_init(&tcp->half_open.timer, tcp->half_open_owner);
    timer_init(&tcp->time_wait.timer, tcp->time_wait_owner);
    tcp_table_add_kind(&tcp->table, TCP_KIND_CONNECTION, tcp->connections,
                       sizeof(struct tcp_connection));
    tcp_table_add_kind(&tcp->table, TCP_KIND_HALF_OPEN, tcp->half_open.entries,
                       sizeof(struct tcp_half_open));
    tcp_table_add_kind(&tcp->table, TCP_KIND_TIME_WAIT, tcp->time_wait.entries,
                       sizeof(struct tcp_time_wait));
}

void tcp_setup(struct tcp *tcp, struct memory *memory, const struct chaski_limits *limits,
               const struct tcp_setup *setup)
{
    setup_connections(tcp, memory, limits->connections);
    setup_accounts(tcp, memory, limits);
    flights_setup(&tcp->flights, memory, minimum(limits->connections, limits->packets));
    setup_listeners(tcp, memory, limits->listeners);
    half_open_setup(&tcp->half_open, memory, limits->half_open);
    time_wait_setup(&tcp->time_wait, memory, limits->time_wait);
    peers_setup(&tcp->peers, memory, limits->paths);
    ao_setup(tcp, memory, limits);
    times_setup(&tcp->times, memory, limits->connections + limits->listeners);
    tcp_table_setup(&tcp->table, memory,
                    limits->connections + limits->half_open + limits->time_wait, &setup->key);
    /* What is in flight is bounded by the packets and buffers that carry it. */
    pool_init(&tcp->sent, memory, sizeof(struct tcp_sent), limits->packets);
    pool_reserve(&tcp->sent, limits->packets / 16, limits->packets / 2);
    if (memory->base != NULL && memory->used <= memory->size)
        setup_blocks(tcp, limits, setup);
}
