/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim.h"

/* What the application at one end of a flow does: through every call there is, in any order. */

enum { PIECE_MOST = 50000, STEPS = 64 };

struct sim_end *sim_other(const struct sim_end *end)
{
    return &end->flow->ends[end == &end->flow->ends[0]];
}

static struct sim *sim_of(const struct sim_end *end)
{
    return end->flow->sim;
}

static uint32_t draw(struct sim_end *end, uint32_t limit)
{
    return random_below(&end->random, limit);
}

static uint32_t step_size(struct sim_end *end)
{
    return end->manners.nibbles ? 1 + draw(end, 7) : sim_some(&end->random, PIECE_MOST);
}

/* ---- Reading ---- */

static void take(struct sim_end *end, const uint8_t *bytes, uint32_t length)
{
    const struct sim_end *from = sim_other(end);
    sim_must(sim_of(end), length <= from->sent - end->read);
    sim_must(sim_of(end), sim_matches(bytes, length, (uint64_t)from->pattern + end->read));
    end->read += length;
}

static long look_and_consume(struct sim_end *end)
{
    struct chaski_piece pieces[8];
    unsigned most = 1 + draw(end, 8);
    int count = chaski_tcp_look(end->at->host, end->connection, pieces, most);
    if (count <= 0)
        return count;
    sim_must(sim_of(end), (unsigned)count <= most);
    uint32_t seen = 0, wanted = step_size(end);
    for (int i = 0; i < count && seen < wanted; i++) {
        uint32_t n = (uint32_t)pieces[i].length;
        sim_must(sim_of(end), n != 0);
        n = n < wanted - seen ? n : wanted - seen;
        take(end, pieces[i].bytes, n);
        seen += n;
    }
    sim_must(sim_of(end), chaski_tcp_consume(end->at->host, end->connection, seen) == 0);
    return (long)seen;
}

static long read_some(struct sim_end *end)
{
    static uint8_t bytes[PIECE_MOST];
    if (end->manners.looks && draw(end, 2) == 0)
        return look_and_consume(end);
    uint32_t wanted = step_size(end);
    long n = chaski_tcp_read(end->at->host, end->connection, bytes, wanted);
    if (n > 0) {
        sim_must(sim_of(end), (uint32_t)n <= wanted);
        take(end, bytes, (uint32_t)n);
    }
    return n;
}

/* True when there is nothing more to read until something happens. */
static bool read_enough(struct sim_end *end)
{
    for (unsigned i = 0; i < STEPS; i++) {
        long n = read_some(end);
        if (n == 0)
            end->end_read = true;
        if (n < 0 && n != CHASKI_AGAIN)
            end->error = (int)n;
        if (n <= 0)
            return true;
    }
    return false;
}

/* ---- Writing ---- */

struct piece {
    struct chaski_memory memory;
    uint8_t bytes[];
};

static void take_back(struct chaski_memory *memory)
{
    struct sim_end *end = memory->context;
    struct piece *piece = (struct piece *)(void *)memory;
    sim_must(sim_of(end), end->lent != 0);
    end->lent--;
    free(piece);
}

static long hand_over(struct sim_end *end, uint32_t length)
{
    struct piece *piece = malloc(sizeof *piece + length);
    sim_must(sim_of(end), piece != NULL);
    piece->memory = (struct chaski_memory){
        .bytes = piece->bytes, .length = length, .release = take_back, .context = end};
    sim_fill(piece->bytes, length, (uint64_t)end->pattern + end->sent);
    int error = chaski_tcp_hand_over(end->at->host, end->connection, &piece->memory);
    if (error == 0) {
        end->lent++;
        sim_model_call(end, MODEL_WRITE, length);
        return (long)length;
    }
    free(piece);
    return error;
}

static long write_some(struct sim_end *end)
{
    static uint8_t bytes[PIECE_MOST];
    uint32_t left = end->manners.length - end->sent, n = step_size(end);
    n = n < left ? n : left;
    if (end->manners.hands_over && draw(end, 2) == 0)
        return hand_over(end, n);
    sim_fill(bytes, n, (uint64_t)end->pattern + end->sent);
    long written = chaski_tcp_write(end->at->host, end->connection, bytes, n);
    sim_must(sim_of(end), written <= (long)n);
    if (written > 0)
        sim_model_call(end, MODEL_WRITE, (uint32_t)written);
    return written;
}

/* True when there is nothing more to write until something happens. */
static bool write_enough(struct sim_end *end)
{
    for (unsigned i = 0; i < STEPS && end->sent < end->manners.length; i++) {
        long n = write_some(end);
        if (n < 0 && n != CHASKI_AGAIN)
            end->error = (int)n;
        if (n <= 0)
            return true;
        end->sent += (uint32_t)n;
        if (end->manners.urgent && draw(end, 8) == 0)
            chaski_tcp_urgent(end->at->host, end->connection);
    }
    return end->sent == end->manners.length;
}

/* ---- Options ---- */

static int64_t option_value(struct sim_end *end, enum chaski_tcp_option option)
{
    switch (option) {
    case CHASKI_TCP_NODELAY:
    case CHASKI_TCP_QUICKACK:
    case CHASKI_TCP_CORK:
    case CHASKI_TCP_PROGRESS:
    case CHASKI_TCP_KEEPALIVE:
        return draw(end, 2);
    case CHASKI_TCP_MORE:
        return 0; /* the model wants PSH on what nothing follows */
    case CHASKI_TCP_CONGESTION:
        return draw(end, CHASKI_CONGESTION_COUNT);
    case CHASKI_TCP_MAX_PACING_RATE:
        return draw(end, 2) ? 20000 + draw(end, 10000000) : 0;
    case CHASKI_TCP_KEEPIDLE:
        return 60000 + draw(end, 7200000);
    case CHASKI_TCP_KEEPINTVL:
        return 30000 + draw(end, 100000);
    case CHASKI_TCP_KEEPCNT:
        return 9 + draw(end, 50);
    case CHASKI_TCP_USER_TIMEOUT:
        return draw(end, 2) ? 100000 + draw(end, 1000000) : 0;
    case CHASKI_TCP_SYNCNT:
        return 7 + draw(end, 10);
    case CHASKI_TCP_LINGER:
        return draw(end, 2) == 0 ? -1 : (int64_t)1000 + draw(end, 100000);
    case CHASKI_TCP_SNDBUF:
    case CHASKI_TCP_RCVBUF:
        return 2048 + draw(end, 30000);
    case CHASKI_TCP_TOS:
        return draw(end, 64) << 2;
    case CHASKI_TCP_TTL:
        return 1 + draw(end, 255);
    default:
        return 1000;
    }
}

void sim_end_options(struct sim_end *end)
{
    for (uint32_t n = draw(end, 4); n != 0; n--) {
        enum chaski_tcp_option option = draw(end, CHASKI_TCP_AO); /* what follows wants keys */
        int64_t value = option_value(end, option), got = 0;
        int error = chaski_tcp_set(end->at->host, end->connection, option, value);
        if (option == CHASKI_TCP_MAXSEG && error != 0)
            continue; /* too late for it */
        if (option >= CHASKI_TCP_AO && option <= CHASKI_TCP_AO_ACCEPT_ICMP && error != 0)
            continue; /* nobody has keys here */
        sim_must(sim_of(end), error == 0);
        sim_must(sim_of(end), chaski_tcp_get(end->at->host, end->connection, option, &got) == 0);
        end->flow->impatient |= option == CHASKI_TCP_LINGER || option == CHASKI_TCP_USER_TIMEOUT ||
                                option == CHASKI_TCP_KEEPALIVE;
    }
}

/* ---- Ending ---- */

static void drop(struct sim_end *end, int result)
{
    char bytes[1];
    sim_must(sim_of(end), result == 0);
    end->open = false;
    end->done = true;
    end->act_at_ns = UINT64_MAX;
    sim_must(sim_of(end), chaski_tcp_events(end->at->host, end->connection) == CHASKI_STALE);
    sim_must(sim_of(end),
             chaski_tcp_read(end->at->host, end->connection, bytes, 1) == CHASKI_STALE);
    sim_must(sim_of(end), chaski_tcp_abort(end->at->host, end->connection) == CHASKI_STALE);
}

static void close_connection(struct sim_end *end)
{
    sim_model_call(end, MODEL_CLOSE, 0);
    drop(end, chaski_tcp_close(end->at->host, end->connection));
}

static void abort_connection(struct sim_end *end)
{
    sim_model_call(end, MODEL_ABORT, 0);
    drop(end, chaski_tcp_abort(end->at->host, end->connection));
}

void sim_end_give_up(struct sim_end *end)
{
    end->gave_up = true;
    if (!end->open) {
        end->done = true;
        return;
    }
    if (end->manners.rudely)
        close_connection(end);
    else
        abort_connection(end);
}

static void finish(struct sim_end *end)
{
    if (end->finished || (end->manners.answers && !end->end_read))
        return;
    if (end->manners.closes) {
        if (!end->end_read)
            return;
        end->finished = true;
        close_connection(end);
        return;
    }
    end->error = chaski_tcp_shutdown(end->at->host, end->connection);
    if (end->error != 0)
        return;
    end->finished = true;
    sim_model_call(end, MODEL_SHUTDOWN, 0);
    struct chaski *host = end->at->host;
    sim_must(sim_of(end), chaski_tcp_shutdown(host, end->connection) == CHASKI_CLOSED);
    sim_must(sim_of(end), chaski_tcp_write(host, end->connection, "", 1) == CHASKI_CLOSED);
}

/* ---- Acting ---- */

static void act_later(struct sim_end *end, bool waits)
{
    uint64_t now = sim_of(end)->now_ns;
    if (end->manners.stalls && draw(end, 40) == 0)
        end->act_at_ns = now + draw(end, 3000) * SIM_MILLISECOND;
    else if (end->manners.polls)
        end->act_at_ns = now + SIM_MILLISECOND + draw(end, waits ? 200 : 20) * SIM_MILLISECOND;
    else
        end->act_at_ns = waits ? UINT64_MAX : now + draw(end, 20) * SIM_MILLISECOND;
}

/* Reads and writes, in either order. True when both have to wait. */
static bool read_and_write(struct sim_end *end)
{
    bool write_first = draw(end, 2) == 0, read_all = true, written_all = true;
    for (unsigned i = 0; i < 2 && end->error == 0; i++) {
        if ((i == 0) == write_first)
            written_all = end->finished || write_enough(end);
        else
            read_all = end->end_read || read_enough(end);
    }
    return read_all && written_all;
}

/* Asks the peer to use the other key. */
static void change_key(struct sim_end *end)
{
    int64_t key;
    sim_must(sim_of(end),
             chaski_tcp_get(end->at->host, end->connection, CHASKI_TCP_AO_NEXT_KEY, &key) == 0);
    sim_must(sim_of(end),
             chaski_tcp_set(end->at->host, end->connection, CHASKI_TCP_AO_NEXT_KEY, 1 - key) == 0);
}

void sim_end_act(struct sim_end *end)
{
    if (end->manners.abort_after != 0 && end->sent >= end->manners.abort_after) {
        sim_end_give_up(end);
        return;
    }
    if (end->manners.toggles && draw(end, 10) == 0)
        sim_end_options(end);
    if (end->open && sim_of(end)->plan.limits.ao_keys != 0 && draw(end, 6) == 0)
        change_key(end);
    bool waits = end->error != 0 || read_and_write(end);
    if (end->error == 0 && end->sent == end->manners.length)
        finish(end);
    if (!end->open)
        return;
    if (end->error != 0 || (end->finished && end->end_read))
        close_connection(end);
    else
        act_later(end, waits);
}
