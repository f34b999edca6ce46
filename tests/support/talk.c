/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A prime, so that no power of two or segment size repeats with it. */
enum { PATTERN = 65521, PIECE_MAX = 100000, STEPS = 64, CHECK_EVERY = 16 };

/* ---- The pattern --------------------------------------------------------------------------- */

static const uint8_t *pattern(void)
{
    static uint8_t bytes[PATTERN];
    static bool made;
    uint64_t state = 1;
    for (uint32_t i = 0; i < PATTERN && !made; i++)
        bytes[i] = (uint8_t)(random_next(&state) >> 56);
    made = true;
    return bytes;
}

static void fill(uint8_t *bytes, uint32_t length, uint64_t position)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t at = (uint32_t)((position + done) % PATTERN), n = PATTERN - at;
        n = n < length - done ? n : length - done;
        memcpy(bytes + done, pattern() + at, n);
        done += n;
    }
}

static void compare(const uint8_t *bytes, uint32_t length, uint64_t position)
{
    for (uint32_t done = 0; done < length;) {
        uint32_t at = (uint32_t)((position + done) % PATTERN), n = PATTERN - at;
        n = n < length - done ? n : length - done;
        assert_memory_equal(bytes + done, pattern() + at, n);
        done += n;
    }
}

static uint64_t now(const struct talk_end *end)
{
    return end->talk->net->now_ns;
}

/* ---- Chance -------------------------------------------------------------------------------- */

static uint32_t below(struct talk_end *end, uint32_t limit)
{
    return random_below(&end->random, limit);
}

/* 1 to `most`, small ones as often as large ones. */
static uint32_t some(struct talk_end *end, uint32_t most)
{
    uint32_t scale = 1u << below(end, 18);
    return 1 + below(end, scale < most ? scale : most);
}

static uint32_t step_size(struct talk_end *end)
{
    return end->manners.nibbles ? 1 + below(end, 7) : some(end, PIECE_MAX);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static struct talk_end *other(const struct talk_end *end)
{
    return &end->talk->ends[end == &end->talk->ends[0]];
}

static void take(struct talk_end *end, const uint8_t *bytes, uint32_t length)
{
    const struct talk_end *from = other(end);
    assert_true(length <= from->sent - end->read);
    compare(bytes, length, (uint64_t)from->pattern + end->read);
    end->read += length;
}

static long look_and_consume(struct talk_end *end)
{
    struct chaski_piece pieces[8];
    unsigned most = 1 + below(end, 8);
    int count = chaski_tcp_look(end->host, end->connection, pieces, most);
    if (count <= 0)
        return count;
    assert_in_range(count, 1, most);
    uint32_t seen = 0, wanted = step_size(end);
    for (int i = 0; i < count && seen < wanted; i++) {
        assert_true(pieces[i].length != 0);
        uint32_t n = (uint32_t)pieces[i].length;
        n = n < wanted - seen ? n : wanted - seen;
        take(end, pieces[i].bytes, n);
        seen += n;
    }
    assert_int_equal(chaski_tcp_consume(end->host, end->connection, seen), 0);
    return (long)seen;
}

static long read_some(struct talk_end *end)
{
    static uint8_t bytes[PIECE_MAX];
    if (end->manners.looks && below(end, 2) == 0)
        return look_and_consume(end);
    uint32_t wanted = step_size(end);
    long n = chaski_tcp_read(end->host, end->connection, bytes, wanted);
    if (n > 0) {
        assert_in_range(n, 1, wanted);
        take(end, bytes, (uint32_t)n);
    }
    return n;
}

/* True when there is nothing more to read until something happens. */
static bool read_enough(struct talk_end *end)
{
    for (unsigned i = 0; i < STEPS; i++) {
        long n = read_some(end);
        if (n == 0)
            end->end_read = true;
        if (n <= 0 && n != CHASKI_AGAIN)
            end->error = (int)n;
        if (n <= 0)
            return true;
    }
    return false;
}

/* ---- Writing ------------------------------------------------------------------------------- */

struct piece {
    struct chaski_memory memory;
    uint8_t bytes[];
};

static void take_back(struct chaski_memory *memory)
{
    struct talk_end *end = memory->context;
    assert_true(end->lent != 0);
    end->lent--;
    free((struct piece *)(void *)memory); /* a second release would be a use after free */
}

static long hand_over(struct talk_end *end, uint32_t length)
{
    struct piece *piece = malloc(sizeof *piece + length);
    assert_non_null(piece);
    piece->memory = (struct chaski_memory){
        .bytes = piece->bytes, .length = length, .release = take_back, .context = end};
    fill(piece->bytes, length, (uint64_t)end->pattern + end->sent);
    end->lent++;
    int error = chaski_tcp_hand_over(end->host, end->connection, &piece->memory);
    if (error == 0)
        return (long)length;
    end->lent--;
    free(piece);
    return error;
}

static long write_some(struct talk_end *end)
{
    static uint8_t bytes[PIECE_MAX];
    uint32_t left = end->manners.length - end->sent, n = step_size(end);
    n = n < left ? n : left;
    if (end->manners.hands_over && below(end, 2) == 0)
        return hand_over(end, n);
    fill(bytes, n, (uint64_t)end->pattern + end->sent);
    return chaski_tcp_write(end->host, end->connection, bytes, n);
}

/* True when there is nothing more to write until something happens. */
static bool write_enough(struct talk_end *end)
{
    for (unsigned i = 0; i < STEPS && end->sent < end->manners.length; i++) {
        long n = write_some(end);
        if (n < 0 && n != CHASKI_AGAIN)
            end->error = (int)n;
        if (n <= 0)
            return true;
        end->sent += (uint32_t)n;
    }
    return end->sent == end->manners.length;
}

/* ---- Ending -------------------------------------------------------------------------------- */

static void let_go(struct talk_end *end, int result)
{
    assert_int_equal(result, 0);
    end->open = false;
    end->act_at_ns = UINT64_MAX;
    assert_int_equal(chaski_tcp_events(end->host, end->connection), CHASKI_STALE);
    assert_int_equal(chaski_tcp_read(end->host, end->connection, NULL, 0), CHASKI_STALE);
}

static void close_connection(struct talk_end *end)
{
    let_go(end, chaski_tcp_close(end->host, end->connection));
}

static void give_up(struct talk_end *end)
{
    end->gave_up = true;
    if (!other(end)->gave_up)
        other(end)->patience_ns = now(end) + 80 * NET_SECOND;
    if (end->manners.rudely)
        close_connection(end);
    else
        let_go(end, chaski_tcp_abort(end->host, end->connection));
}

static void finish(struct talk_end *end)
{
    if (end->finished || (end->manners.answers && !end->end_read))
        return;
    if (end->manners.closes && end->end_read) {
        end->finished = true;
        close_connection(end);
        return;
    }
    if (end->manners.closes)
        return;
    end->error = chaski_tcp_shutdown(end->host, end->connection);
    if (end->error != 0)
        return;
    end->finished = true;
    assert_int_equal(chaski_tcp_shutdown(end->host, end->connection), CHASKI_CLOSED);
    assert_int_equal(chaski_tcp_write(end->host, end->connection, "", 1), CHASKI_CLOSED);
}

/* ---- Acting -------------------------------------------------------------------------------- */

static bool stall(struct talk_end *end)
{
    if (!end->manners.stalls || below(end, 40) != 0)
        return false;
    end->act_at_ns = now(end) + below(end, 3000) * NET_MILLISECOND;
    return true;
}

static void act(struct talk_end *end)
{
    bool failed = end->error != 0;
    if (end->manners.abort_after != 0 && end->sent >= end->manners.abort_after) {
        give_up(end);
        return;
    }
    bool read_all = end->end_read || failed || read_enough(end);
    bool written_all = end->finished || failed || write_enough(end);
    failed = end->error != 0;
    if (!failed && end->sent == end->manners.length)
        finish(end);
    if (!end->open)
        return;
    if (end->error != 0 || (end->finished && end->end_read)) {
        close_connection(end);
        return;
    }
    bool waits = read_all && written_all && !end->talk->polled;
    if (!stall(end))
        end->act_at_ns = waits ? UINT64_MAX : now(end) + below(end, 20) * NET_MILLISECOND;
}

static void set_options(struct talk_end *end)
{
    const struct talk_manners *manners = &end->manners;
    struct chaski *host = end->host;
    assert_int_equal(chaski_tcp_set(host, end->connection, CHASKI_TCP_NODELAY, manners->nodelay),
                     0);
    assert_int_equal(chaski_tcp_set(host, end->connection, CHASKI_TCP_QUICKACK, manners->quickack),
                     0);
    assert_int_equal(
        chaski_tcp_set(host, end->connection, CHASKI_TCP_CONGESTION, manners->congestion), 0);
    if (manners->send_buffer != 0)
        assert_int_equal(
            chaski_tcp_set(host, end->connection, CHASKI_TCP_SNDBUF, manners->send_buffer), 0);
    if (manners->receive_buffer != 0)
        assert_int_equal(
            chaski_tcp_set(host, end->connection, CHASKI_TCP_RCVBUF, manners->receive_buffer), 0);
}

/* The first segment with text, sent again when the connection was over: its cookie is still good.
 */
static void reopened(struct talk_end *end, chaski_tcp connection)
{
    assert_true(end->talk->may_be_reset);
    assert_int_equal(chaski_tcp_abort(end->host, connection), 0);
}

static void on_event(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    struct talk_end *end = context;
    if (!end->open && end->connected) {
        reopened(end, connection);
        return;
    }
    if (!end->open) { /* the listening end's first */
        assert_true((events & CHASKI_CONNECTED) != 0);
        end->connection = connection;
        end->open = true;
        set_options(end);
    }
    assert_ptr_equal(host, end->host);
    assert_memory_equal(&connection, &end->connection, sizeof connection);
    if (events & CHASKI_CONNECTED)
        end->connected = true;
    if (events & CHASKI_ENDED) {
        end->ended = true;
        assert_true((chaski_tcp_events(host, connection) & CHASKI_ENDED) != 0);
        end->error = chaski_tcp_error(host, connection);
    }
    bool stalled = end->act_at_ns != UINT64_MAX && end->act_at_ns > now(end);
    if (end->connected ? !stalled : end->ended)
        act(end);
}

static bool filter(void *context, const struct chaski_endpoint *local,
                   const struct chaski_endpoint *remote)
{
    const struct talk *talk = ((struct talk_end *)context)->talk;
    struct chaski_address peer = net_address(talk->hosts[0]);
    assert_int_equal(local->port, talk->port);
    assert_memory_equal(&remote->address, &peer, sizeof peer);
    return true;
}

void talk_begin(struct talk *talk, uint64_t seed)
{
    for (unsigned i = 0; i < 2; i++) {
        struct talk_end *end = &talk->ends[i];
        end->talk = talk;
        end->host = talk->net->hosts[talk->hosts[i]].host;
        end->random = seed + i;
        end->pattern = below(end, PATTERN);
        end->act_at_ns = end->patience_ns = UINT64_MAX;
    }
    struct talk_end *client = &talk->ends[0], *server = &talk->ends[1];
    struct chaski_tcp_bind bind = {
        .local.port = talk->port,
        .receive = talk->polled ? NULL : on_event,
        .filter = below(client, 2) == 0 ? filter : NULL,
        .context = server,
    };
    assert_int_equal(chaski_tcp_bind(server->host, &bind, &talk->listener), 0);
    talk->bound = true;
    struct chaski_tcp_connect connect = {
        .local.port = talk->client_port,
        .remote = net_endpoint(talk->hosts[1], talk->port),
        .receive = on_event,
        .context = client,
    };
    assert_int_equal(chaski_tcp_connect(client->host, &connect, &client->connection), 0);
    client->open = true;
    set_options(client);
    if (talk->polled)
        server->act_at_ns = now(server);
}

static void poll_server(struct talk *talk)
{
    struct talk_end *end = &talk->ends[1];
    if (!end->connected) {
        int result = chaski_tcp_accept(end->host, talk->listener, &end->connection);
        if (result != 0) {
            assert_int_equal(result, CHASKI_AGAIN);
            end->act_at_ns = now(end) + 10 * NET_MILLISECOND;
            return;
        }
        end->open = end->connected = true;
        set_options(end);
    }
    act(end);
}

/* The news that the other end gave up got lost: this one gives up too. */
static void lose_patience(struct talk_end *end)
{
    end->patience_ns = UINT64_MAX;
    end->gave_up = true;
    if (end->open)
        let_go(end, chaski_tcp_abort(end->host, end->connection));
}

static void act_when_due(struct talk_end *end)
{
    if (end->patience_ns <= now(end)) {
        lose_patience(end);
    } else if (end->act_at_ns <= now(end)) {
        end->act_at_ns = UINT64_MAX;
        if (end->talk->polled && end == &end->talk->ends[1])
            poll_server(end->talk);
        else
            act(end);
    }
}

/* Lets both applications act for which it is time. */
static void act_both(struct talk *talk)
{
    act_when_due(&talk->ends[0]);
    act_when_due(&talk->ends[1]);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t next_of(const struct talk_end *end)
{
    return earliest(end->act_at_ns, end->patience_ns);
}

/* When an application wants to act next. */
static uint64_t next_of_both(const struct talk *talk)
{
    return earliest(next_of(&talk->ends[0]), next_of(&talk->ends[1]));
}

/* Both ends have let go of the connection. The listening end may never hear of one that failed at
 * the other. */
static bool is_over(const struct talk *talk)
{
    const struct talk_end *client = &talk->ends[0], *server = &talk->ends[1];
    return !client->open && !server->open &&
           (server->connected || client->error != 0 || server->gave_up);
}

static void assert_arrived(const struct talk_end *from, const struct talk_end *to)
{
    assert_true(to->read <= from->sent);
    const struct talk *talk = from->talk;
    if (from->gave_up || to->gave_up || (talk->may_fail_to_open && !talk->ends[1].connected))
        return;
    if (talk->may_be_reset && (from->error == CHASKI_RESET || to->error == CHASKI_RESET))
        return;
    assert_int_equal(from->error, 0);
    assert_int_equal(from->sent, from->manners.length);
    assert_int_equal(to->read, from->sent);
    assert_true(to->end_read);
}

void talk_assert(struct talk *talk)
{
    if (talk->bound)
        assert_int_equal(chaski_tcp_unbind(talk->ends[1].host, talk->listener), 0);
    talk->bound = false;
    assert_arrived(&talk->ends[0], &talk->ends[1]);
    assert_arrived(&talk->ends[1], &talk->ends[0]);
}

static void tell_connection(const struct talk_end *end)
{
    struct chaski_tcp_info info;
    if (!end->open || chaski_tcp_info(end->host, end->connection, &info) != 0)
        return;
    fprintf(
        stderr,
        "    %s, %s mss %u rto %u ms backoff %u, window %u of %u, cwnd %u, unacked %u sacked %u "
        "lost %u, queued %u to send %u to read\n",
        chaski_tcp_state_name(info.tcpi_state), info.congestion, info.tcpi_snd_mss,
        info.tcpi_rto / 1000, info.tcpi_backoff, info.tcpi_snd_wnd, info.tcpi_rcv_wnd,
        info.tcpi_snd_cwnd, info.tcpi_unacked, info.tcpi_sacked, info.tcpi_lost, info.send_queue,
        info.receive_queue);
}

void talk_tell(const struct talk *talk)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct talk_end *end = &talk->ends[i];
        fprintf(stderr, "  port %u, host %u: sent %u of %u, read %u of %u,%s%s%s%s%s%s error %d\n",
                talk->port, talk->hosts[i], end->sent, end->manners.length, end->read,
                other(end)->sent, end->open ? " open" : "", end->connected ? " connected" : "",
                end->finished ? " finished" : "", end->end_read ? " end read" : "",
                end->ended ? " ended" : "", end->gave_up ? " gave up" : "", end->error);
        tell_connection(end);
    }
}

static bool all_over(struct talk *talks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!is_over(&talks[i]))
            return false;
    return true;
}

static uint64_t next_event(struct net *net, const struct talk *talks, uint32_t count)
{
    uint64_t next = net_next(net);
    for (uint32_t i = 0; i < count; i++)
        next = earliest(next, next_of_both(&talks[i]));
    return next;
}

bool talks_run(struct net *net, struct talk *talks, uint32_t count, uint64_t ns)
{
    uint64_t end = net->now_ns + ns;
    for (uint32_t round = 0;; round++) {
        for (uint32_t i = 0; i < count; i++)
            act_both(&talks[i]);
        net_settle(net);
        if (round % CHECK_EVERY == 0)
            net_check_tcp(net);
        if (all_over(talks, count))
            return true;
        uint64_t next = next_event(net, talks, count);
        if (next > end)
            return false;
        net->now_ns = next > net->now_ns ? next : net->now_ns;
    }
}
