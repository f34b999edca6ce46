/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "core/tcp/tcp_internal.h"
#include "tests/sim/sim.h"

/*
 * TCP conversations. Each host has two listeners: one tells its closure of every connection, from
 * the other they are accepted and then polled. Which flow a connection belongs to follows from the
 * port that its peer came from.
 */

enum { TOLD_PORT = 7, POLLED_PORT = 9, NOBODYS_PORT = 1, FIRST_PORT = 40000, NOBODY = 250 };

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- Opening ---- */

static uint16_t server_port(const struct sim_flow *flow)
{
    if (flow->kind == SIM_SIMULTANEOUS)
        return (uint16_t)(FIRST_PORT + SIM_FLOWS + flow->number);
    if (flow->kind == SIM_REFUSED)
        return NOBODYS_PORT;
    return flow->polled ? POLLED_PORT : TOLD_PORT;
}

/* One end is over for a reason that the other may never hear of. */
static void expect_news(struct sim_end *end)
{
    const struct sim_end *other = sim_other(end);
    bool sudden = other->gave_up || other->error != 0;
    if (end->done || !other->done || end->patience_ns != UINT64_MAX)
        return;
    if (!sudden && !end->flow->impatient && !end->flow->sim->jumped_far &&
        !sim_has(end->flow->sim, SIM_IMPATIENT))
        return;
    uint64_t patience = sudden ? 80 * SIM_SECOND : 4000 * SIM_SECOND;
    end->patience_ns = end->flow->sim->now_ns + patience;
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct sim_end *end = context;
    struct sim *sim = end->flow->sim;
    sim_must(sim, end->open && host == end->at->host);
    sim_must(sim, memcmp(&connection, &end->connection, sizeof connection) == 0);
    if (events & CHASKI_CONNECTED)
        end->connected = true;
    if (events & CHASKI_ENDED) {
        end->ended = true;
        sim_must(sim, (chaski_tcp_events(host, connection) & CHASKI_ENDED) != 0);
        end->error = chaski_tcp_error(host, connection);
    }
    bool stalled = end->act_at_ns != UINT64_MAX && end->act_at_ns > sim->now_ns;
    if (end->connected ? !stalled : end->ended)
        sim_end_act(end);
}

/* The flow that a connection at `at` belongs to; NULL when there is none, or it has one already. */
static struct sim_flow *flow_of(struct sim_host *at, chaski_tcp connection, bool polled)
{
    struct sim *sim = at->sim;
    struct chaski_tcp_info info;
    sim_must(sim, chaski_tcp_info(at->host, connection, &info) == 0);
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        struct sim_flow *flow = &sim->flows[i];
        struct chaski_address client = sim_address(flow->ends[0].at->number);
        if (flow->begun && !flow->taken && flow->kind == SIM_ORDINARY && flow->polled == polled &&
            flow->ends[1].at == at && flow->client_port == info.remote.port &&
            memcmp(&client, &info.remote.address, sizeof client) == 0)
            return flow;
    }
    return NULL;
}

/* A connection that a peer opened. */
static void take(struct sim_host *at, chaski_tcp connection, bool polled)
{
    struct sim *sim = at->sim;
    struct sim_flow *flow = flow_of(at, connection, polled);
    if (flow == NULL) { /* a cookie is good twice; an early segment may bring it again */
        unsigned late = SIM_LOSS | SIM_REORDER | SIM_DUPLICATE | SIM_JITTER; /* so may a SYN */
        sim_must(sim, sim_has(sim, SIM_COOKIES | SIM_CROWD | late) || at->opens_fast);
        sim_must(sim, chaski_tcp_abort(at->host, connection) == 0);
        return;
    }
    struct sim_end *end = &flow->ends[1];
    flow->taken = true;
    end->connection = connection;
    sim_model_opened(end);
    end->open = end->connected = true;
    end->done = end->gave_up = false;
    if (end->manners.toggles)
        sim_end_options(end);
    if (polled) {
        at->polled_flows--;
        end->act_at_ns = sim->now_ns;
    } else {
        sim_must(sim, chaski_tcp_on(at->host, connection, on_event, end) == 0);
    }
}

static void on_opened(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct sim_host *at = context;
    sim_must(at->sim, host == at->host && (events & CHASKI_CONNECTED) != 0);
    take(at, connection, false);
}

static void accept_all(struct sim_host *at)
{
    chaski_tcp connection;
    int result;
    while ((result = chaski_tcp_accept(at->host, at->polled, &connection)) == 0)
        take(at, connection, true);
    sim_must(at->sim, result == CHASKI_AGAIN);
    at->accept_at_ns = at->polled_flows != 0 ? at->sim->now_ns + 100 * SIM_MILLISECOND : UINT64_MAX;
}

/* Whether a flow before this one was given the port that this one wants. */
static bool port_is_taken(const struct sim_flow *flow)
{
    for (uint32_t i = 0; i < flow->sim->plan.flows; i++) {
        const struct sim_flow *other = &flow->sim->flows[i];
        if (other != flow && other->begun && other->client_port == flow->client_port &&
            other->ends[0].at == flow->ends[0].at)
            return true;
    }
    return false;
}

static void connect_end(struct sim_flow *flow, unsigned number)
{
    struct sim_end *end = &flow->ends[number];
    struct sim_end *to = &flow->ends[!number];
    uint32_t remote = flow->kind == SIM_NOBODY ? NOBODY : to->at->number;
    struct chaski_tcp_connect connect = {
        .local.port = number == 0 ? flow->client_port : server_port(flow),
        .remote = {.address = sim_address(remote),
                   .port = number == 0 ? server_port(flow) : flow->client_port},
        .receive = on_event,
        .context = end,
        .fast_open = end->at->opens_fast,
    };
    end->error = chaski_tcp_connect(end->at->host, &connect, &end->connection);
    if (end->error == CHASKI_IN_USE && port_is_taken(flow)) {
        connect.local.port = 0;
        end->error = chaski_tcp_connect(end->at->host, &connect, &end->connection);
    }
    if (end->error != 0) {
        sim_must(flow->sim, end->error == CHASKI_NO_MEMORY && sim_has(flow->sim, SIM_CROWD));
        end->done = true;
        return;
    }
    end->open = true;
    sim_model_opened(end);
    sim_model_call(end, MODEL_CONNECT, 0);
    if (number == 0)
        flow->client_port = end->tuple.local_port;
    if (end->manners.toggles)
        sim_end_options(end);
    if (end->manners.nibbles || end->at->opens_fast) /* data before the handshake is complete */
        end->act_at_ns = flow->sim->now_ns;
}

static void begin(struct sim_flow *flow)
{
    flow->begun = true;
    connect_end(flow, 0);
    if (flow->kind == SIM_SIMULTANEOUS) {
        flow->taken = true;
        connect_end(flow, 1);
    } else if (flow->kind == SIM_ORDINARY && flow->polled) {
        struct sim_host *at = flow->ends[1].at;
        at->polled_flows++;
        at->accept_at_ns = earliest(at->accept_at_ns, flow->sim->now_ns + SIM_MILLISECOND);
    }
}

/* ---- Choosing ---- */

static void choose_manners(struct sim *sim, struct sim_end *end)
{
    struct sim_manners *manners = &end->manners;
    uint64_t *random = &end->random;
    uint32_t length = sim_some(random, sim->plan.longest), kind = random_below(random, 8);
    if (kind < 2)
        length = random_below(random, sim->plan.longest);
    else if (kind == 2)
        length = 0;
    bool chance[12];
    for (unsigned i = 0; i < 12; i++)
        chance[i] = sim_one_in(random, 2);
    *manners = (struct sim_manners){
        .length = length,
        .hands_over = sim_has(sim, SIM_HAND_OVER) && chance[0],
        .looks = sim_has(sim, SIM_LOOK) && chance[1],
        .nibbles = sim_has(sim, SIM_NIBBLE) && chance[2] && length < 5000,
        .stalls = sim_has(sim, SIM_STALL) && chance[3],
        .urgent = sim_has(sim, SIM_STRANGE) && chance[4],
        .toggles = sim_has(sim, SIM_OPTIONS) && chance[5],
    };
    if (sim_has(sim, SIM_ABORT) && chance[6] && chance[7] && length > 10) {
        manners->abort_after = 1 + random_below(random, length);
        manners->rudely = chance[8];
    }
}

static void choose_ends(struct sim *sim, struct sim_flow *flow, uint64_t *random)
{
    uint32_t hosts = sim->plan.hosts, from = random_below(random, hosts);
    uint32_t step = 1 + random_below(random, hosts - 1);
    if (sim_has(sim, SIM_STRANGE) && sim_one_in(random, 6))
        step = 0; /* to itself */
    for (unsigned i = 0; i < 2; i++) {
        struct sim_end *end = &flow->ends[i];
        end->flow = flow;
        end->at = &sim->hosts[(from + i * step) % hosts];
        end->random = sim_stream(sim->job.seed, SIM_OF_END, 2 * flow->number + i);
        end->pattern = random_below(&end->random, SIM_PATTERN);
        end->act_at_ns = end->patience_ns = UINT64_MAX;
        choose_manners(sim, end);
    }
    flow->ends[1].manners.polls = flow->polled;
    struct sim_manners *one = &flow->ends[random_below(random, 2)].manners;
    one->answers = sim_one_in(random, 2);
    one->closes = sim_one_in(random, 3);
    /* Who opens by a cookie has to speak first: the listener keeps nothing to ask again; and where
     * much is lost it may have given up asking. */
    if (flow->ends[0].manners.length == 0)
        flow->ends[0].manners.length = 1;
}

/* The ports of the flow before, as soon as that is over: TIME-WAIT is in the way. */
static void come_again(struct sim_flow *flow, uint64_t *random)
{
    struct sim_flow *before = flow - 1;
    if (before->kind != SIM_ORDINARY || flow->kind != SIM_ORDINARY || before->client_port == 0 ||
        before->after != NULL)
        return;
    flow->after = before;
    flow->polled = before->polled;
    flow->client_port = before->client_port;
    flow->begin_at_ns = sim_some_time(random, SIM_MICROSECOND, 4 * SIM_SECOND);
    flow->ends[0].at = before->ends[0].at;
    flow->ends[1].at = before->ends[1].at;
    flow->ends[1].manners.polls = flow->polled;
}

static void choose_flow(struct sim *sim, uint32_t number)
{
    struct sim_flow *flow = &sim->flows[number];
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_FLOW, number);
    *flow = (struct sim_flow){.sim = sim, .number = number, .polled = sim_one_in(&random, 3)};
    uint32_t kind = random_below(&random, 8);
    if (sim_has(sim, SIM_STRANGE) && kind <= SIM_NOBODY)
        flow->kind = (enum sim_flow_kind)kind;
    if (flow->kind != SIM_ORDINARY)
        flow->polled = false;
    if (sim_one_in(&random, 2) || number == 0 || flow->kind == SIM_SIMULTANEOUS)
        flow->client_port = (uint16_t)(FIRST_PORT + number);
    if (number != 0 && sim_one_in(&random, 2))
        flow->begin_at_ns = sim_some_time(&random, SIM_MICROSECOND, 10 * SIM_SECOND);
    choose_ends(sim, flow, &random);
    /* Where cookies are, a late segment of the flow before could open this one. */
    bool again = number != 0 && sim_has(sim, SIM_AGAIN) && !sim_has(sim, SIM_COOKIES);
    if (again && sim_one_in(&random, 2))
        come_again(flow, &random);
}

static void listen_at(struct sim_host *at)
{
    struct chaski_tcp_bind bind = {.local.port = TOLD_PORT, .receive = on_opened, .context = at};
    at->accept_at_ns = UINT64_MAX;
    sim_must(at->sim, chaski_tcp_bind(at->host, &bind, &at->told) == 0);
    bind.local.port = POLLED_PORT;
    bind.receive = NULL;
    sim_must(at->sim, chaski_tcp_bind(at->host, &bind, &at->polled) == 0);
    sim_must(at->sim, chaski_tcp_listener_fast_open(at->host, at->told, 8) == 0);
    sim_must(at->sim, chaski_tcp_listener_fast_open(at->host, at->polled, 8) == 0);
}

/* A time shortly before a number of the first flow begins anew at 2^32: a sequence number or a
 * timestamp of either end, or a clock of the host. */
static uint64_t time_before_wrap(struct sim *sim, uint64_t *random)
{
    const struct sim_flow *flow = &sim->flows[0];
    unsigned one = random_below(random, 2);
    const struct sim_end *end = &flow->ends[one], *other = &flow->ends[!one];
    struct tcp_key key = {
        .local = sim_address(end->at->number),
        .remote = sim_address(other->at->number),
        .local_port = one == 0 ? flow->client_port : server_port(flow),
        .remote_port = one == 0 ? server_port(flow) : flow->client_port,
    };
    const struct tcp *tcp = &end->at->host->tcp;
    uint32_t before = sim_some(random, 20000);
    switch (random_below(random, 5)) {
    case 0:
        before = sim_some(random, end->manners.length + 2) - 1;
        return (UINT64_C(1) << 44) + ((uint64_t)(0 - before - secret_sequence(tcp, &key, 0)) << 12);
    case 1:
        return ((UINT64_C(1) << 32) + (uint32_t)(0 - before - secret_timestamp_offset(tcp, &key))) *
               SIM_MILLISECOND;
    case 2:
        return ((UINT64_C(1) << 32) - before) * SIM_MICROSECOND;
    case 3:
        return ((UINT64_C(1) << 32) - before) * SIM_MILLISECOND;
    default:
        return UINT64_C(1) << 62;
    }
}

void sim_flows_begin(struct sim *sim)
{
    uint64_t random = sim_stream(sim->job.seed, SIM_OF_FLOW, UINT32_MAX);
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        listen_at(&sim->hosts[i]);
    for (uint32_t i = 0; i < sim->plan.flows; i++)
        choose_flow(sim, i);
    if (sim_has(sim, SIM_WRAP))
        sim->now_ns = time_before_wrap(sim, &random);
    sim->start_ns = sim->now_ns;
    for (uint32_t i = 0; i < sim->plan.flows; i++)
        sim->flows[i].begin_at_ns += sim->flows[i].after == NULL ? sim->now_ns : 0;
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        chaski_poll(sim->hosts[i].host, sim->now_ns);
}

/* ---- Acting ---- */

static void act_when_due(struct sim_end *end)
{
    uint64_t now = end->flow->sim->now_ns;
    if (end->done || end->at->frozen_until_ns > now)
        return;
    if (end->patience_ns <= now) {
        end->patience_ns = UINT64_MAX;
        sim_end_give_up(end);
    } else if (end->act_at_ns <= now && end->open) {
        end->act_at_ns = UINT64_MAX;
        sim_end_act(end);
    }
}

void sim_flows_act(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        if (sim->hosts[i].accept_at_ns <= sim->now_ns)
            accept_all(&sim->hosts[i]);
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        struct sim_flow *flow = &sim->flows[i];
        if (!flow->begun && flow->after == NULL && flow->begin_at_ns <= sim->now_ns)
            begin(flow);
        for (unsigned k = 0; k < 2 && flow->begun; k++)
            act_when_due(&flow->ends[k]);
    }
}

static uint64_t end_next(const struct sim_end *end)
{
    uint64_t next = earliest(end->open ? end->act_at_ns : UINT64_MAX, end->patience_ns);
    if (end->done || next == UINT64_MAX)
        return UINT64_MAX;
    return next > end->at->frozen_until_ns ? next : end->at->frozen_until_ns;
}

uint64_t sim_flows_next(const struct sim *sim)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0; i < sim->plan.hosts; i++)
        next = earliest(next, sim->hosts[i].accept_at_ns);
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        const struct sim_flow *flow = &sim->flows[i];
        if (!flow->begun && flow->after != NULL)
            continue;
        if (!flow->begun)
            next = earliest(next, flow->begin_at_ns);
        else
            next = earliest(next, earliest(end_next(&flow->ends[0]), end_next(&flow->ends[1])));
    }
    return next;
}

/* The listening end may never hear of a connection that failed at the other. */
static bool is_over(const struct sim_flow *flow)
{
    const struct sim_end *client = &flow->ends[0], *server = &flow->ends[1];
    if (!flow->begun || !client->done || server->open)
        return false;
    return server->done || flow->kind >= SIM_REFUSED || client->error != 0 || client->gave_up;
}

/* A connection that was reset leaves no TIME-WAIT behind: what is still on its way may reach the
 * next one of the same ports, and no TCP can tell (RFC 9293, 3.4.3). */
static bool leaves_strays(const struct sim_flow *flow)
{
    const struct sim_end *client = &flow->ends[0], *server = &flow->ends[1];
    bool reset = client->gave_up || client->error != 0 || server->gave_up || server->error != 0;
    return reset && memory_wire_in_flight(flow->sim->wire, client->at->number) +
                            memory_wire_in_flight(flow->sim->wire, server->at->number) !=
                        0;
}

/* The flow before is over: the time for this one is set. When the listener may still hear of the
 * one before, another port is better; so it is where all is signed, since who still lingers in
 * LAST-ACK then cannot be told that we begin anew (RFC 5925, 7.7). */
static void follow(struct sim_flow *flow)
{
    if (flow->after == NULL || !is_over(flow->after))
        return;
    flow->begin_at_ns += flow->sim->now_ns;
    bool signs = flow->sim->plan.limits.ao_keys != 0;
    if (signs || !flow->after->taken || leaves_strays(flow->after))
        flow->client_port = 0;
    flow->after = NULL;
}

void sim_flows_notice(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        follow(&sim->flows[i]);
        for (unsigned k = 0; k < 2 && sim->flows[i].begun; k++)
            expect_news(&sim->flows[i].ends[k]);
    }
}

bool sim_flows_over(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.flows; i++)
        if (!is_over(&sim->flows[i]))
            return false;
    return true;
}

/* ---- Judging ---- */

/* Who opened by a cookie is reset when an acknowledgement comes without the first data, which was
 * lost: the cookie in it can be read no more. */
static bool lost_its_cookie(const struct sim_end *client, const struct sim_end *server)
{
    return client->error == CHASKI_RESET &&
           chaski_counter_value(server->at->host, CHASKI_TCP_COOKIES_REFUSED) != 0;
}

/* Whether there is a reason for what was written not to have arrived. */
static bool may_have_failed(const struct sim_flow *flow)
{
    const struct sim *sim = flow->sim;
    const struct sim_end *client = &flow->ends[0], *server = &flow->ends[1];
    bool opened = flow->taken && client->connected && server->connected;
    if (server->at->opens_fast && server->error != 0) /* perhaps before the handshake was over */
        opened = false;
    /* A neighbour that could not be asked for its address is unreachable at once. */
    bool unreachable = client->error == CHASKI_UNREACHABLE || server->error == CHASKI_UNREACHABLE;
    if (client->gave_up || server->gave_up || flow->impatient || sim->jumped_far)
        return true;
    if (lost_its_cookie(client, server))
        return true;
    if (sim_has(sim, SIM_CROWD) || (sim->plan.harmful && sim_has(sim, SIM_IMPATIENT)))
        return true;
    return !opened && (sim->plan.lossy || sim->disturbed || (sim->plan.harmful && unreachable));
}

static void judge_direction(struct sim *sim, const struct sim_end *from, const struct sim_end *to)
{
    sim_must(sim, to->read <= from->sent);
    if (may_have_failed(from->flow))
        return;
    if (from->error != 0 || from->sent != from->manners.length || to->read != from->sent ||
        !to->end_read)
        sim_fail(sim, "flow %u: end %u sent %u of %u, of which the other read %u; error %s",
                 from->flow->number, from == &from->flow->ends[1], from->sent, from->manners.length,
                 to->read, chaski_error_text(from->error));
}

static void judge_failure(struct sim *sim, const struct sim_flow *flow)
{
    int error = flow->ends[0].error;
    bool refused = flow->kind == SIM_REFUSED && error == CHASKI_REFUSED;
    bool unanswered = error == CHASKI_TIMED_OUT || error == CHASKI_UNREACHABLE;
    bool excused =
        sim->plan.harmful || sim->jumped_far || flow->kind == SIM_NOBODY || sim_has(sim, SIM_CROWD);
    bool full = error == CHASKI_NO_MEMORY && sim_has(sim, SIM_CROWD);
    if (!refused && !full && !(unanswered && excused) && !flow->ends[0].gave_up)
        sim_fail(sim, "flow %u, which could not be opened: %s", flow->number,
                 chaski_error_text(error));
}

void sim_flows_judge(struct sim *sim)
{
    struct memory_wire_statistics wire =
        memory_wire_statistics(sim->wire, MEMORY_WIRE_EVERY, MEMORY_WIRE_EVERY);
    sim->plan.harmful |= wire.overflowed != 0; /* many hosts asking all others */
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        const struct sim_flow *flow = &sim->flows[i];
        if (flow->kind >= SIM_REFUSED) {
            judge_failure(sim, flow);
            continue;
        }
        judge_direction(sim, &flow->ends[0], &flow->ends[1]);
        judge_direction(sim, &flow->ends[1], &flow->ends[0]);
    }
    for (uint32_t i = 0; i < sim->plan.hosts; i++) {
        struct sim_host *at = &sim->hosts[i];
        at->accept_at_ns = UINT64_MAX;
        sim_must(sim, chaski_tcp_unbind(at->host, at->told) == 0);
        sim_must(sim, chaski_tcp_unbind(at->host, at->polled) == 0);
    }
}

static void tell_end(const struct sim_end *end)
{
    struct chaski_tcp_info info;
    fprintf(stderr, "  flow %u, host %u: sent %u of %u, read %u of %u,%s%s%s%s%s%s%s error %d\n",
            end->flow->number, end->at->number, end->sent, end->manners.length, end->read,
            sim_other(end)->sent, end->open ? " open" : "", end->connected ? " connected" : "",
            end->finished ? " finished" : "", end->end_read ? " end-read" : "",
            end->ended ? " ended" : "", end->gave_up ? " gave-up" : "", end->done ? " done" : "",
            end->error);
    if (!end->open || chaski_tcp_info(end->at->host, end->connection, &info) != 0)
        return;
    fprintf(stderr,
            "    %s, %s mss %u rto %u us backoff %u, window %u of %u, cwnd %u, unacked %u "
            "sacked %u lost %u, queued %u to send %u to read\n",
            chaski_tcp_state_name(info.tcpi_state), info.congestion, info.tcpi_snd_mss,
            info.tcpi_rto, info.tcpi_backoff, info.tcpi_snd_wnd, info.tcpi_rcv_wnd,
            info.tcpi_snd_cwnd, info.tcpi_unacked, info.tcpi_sacked, info.tcpi_lost,
            info.send_queue, info.receive_queue);
}

void sim_flows_tell(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->plan.flows; i++) {
        if (!sim->flows[i].begun)
            continue;
        tell_end(&sim->flows[i].ends[0]);
        tell_end(&sim->flows[i].ends[1]);
    }
}
