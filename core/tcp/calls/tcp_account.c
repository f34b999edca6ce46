/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/calls/tcp_account.h"

#include "core/base/bytes.h"
#include "core/tcp/tcp_internal.h"

struct tcp_account *accounts_setup(struct memory *memory, uint32_t connections)
{
    return memory_reserve(memory, (size_t)connections * sizeof(struct tcp_account));
}

struct tcp_account *account_of(const struct tcp *tcp, const struct tcp_connection *c)
{
    return tcp->accounts != NULL ? &tcp->accounts[connection_index(tcp, c)] : NULL;
}

void account_open(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    memset(account, 0, sizeof *account);
    account->last_data_ms = account->last_ack_ms = clock_ms(now_ns);
}

void account_sent(const struct tcp *tcp, const struct tcp_connection *c, uint32_t bytes,
                  uint32_t segments, bool again)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    account->segments_cut += segments - 1;
    account->bytes_sent += bytes;
    account->bytes_resent += again ? bytes : 0;
    account->data_segments_out += bytes != 0 ? segments : 0;
}

/* Whether Linux looks at what it acknowledges: it is a segment of this connection's, and not one
 * that came before the last of which an acknowledgement went. */
static bool is_heard(const struct tcp_connection *c, const struct packet *packet)
{
    const struct packet_tcp *segment = &packet->tcp;
    uint32_t right = segment->sequence + packet->length + ((segment->flags & TCP_FIN) != 0);
    if (c->state == CHASKI_TCP_SYN_SENT)
        return true;
    return !(segment->flags & (TCP_SYN | TCP_RST)) && seq_ge(right, c->last_ack_sent) &&
           seq_le(segment->sequence, c->rcv_advertised);
}

/* One of what has not been sent yet is none. */
static bool is_acknowledgment(const struct tcp_connection *c, const struct packet *packet)
{
    return (packet->tcp.flags & TCP_ACK) && is_heard(c, packet) &&
           packet->tcp.acknowledgment - c->snd_una <= c->snd_nxt - c->snd_una;
}

static bool is_next_text(const struct tcp_connection *c, const struct packet *packet)
{
    uint32_t left = packet->tcp.sequence, right = left + packet->length;
    return seq_le(left, c->rcv_nxt) && seq_gt(right, c->rcv_nxt);
}

/* That a link below has joined. */
static uint32_t segments_of(const struct packet *packet)
{
    uint32_t each = packet->segment_size;
    return each != 0 && packet->length > each ? (packet->length + each - 1) / each : 1;
}

/* Marks that nobody has agreed on: they are told to nobody else. */
static void note_mark(struct tcp_account *account, const struct packet *packet)
{
    unsigned field = packet->ip.traffic_class & ECN_FIELD;
    if (field == ECN_NOT_ECT)
        return;
    account->marked = true;
    account->ce_packets += field == ECN_CE ? segments_of(packet) : 0;
    account->marked_bytes[field - 1] += packet->length;
}

void account_received(const struct tcp *tcp, const struct tcp_connection *c,
                      const struct packet *packet, uint64_t now_ns)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    if (is_acknowledgment(c, packet))
        account->last_ack_ms = clock_ms(now_ns);
    if ((c->traffic_class & ECN_MODES) == ECN_NONE && is_heard(c, packet))
        note_mark(account, packet);
    if (is_next_text(c, packet) ||
        c->state == CHASKI_TCP_SYN_SENT) /* time begins with the answer */
        account->last_data_ms = clock_ms(now_ns);
    if (packet->length == 0)
        return;
    uint32_t segments = segments_of(packet);
    account->data_segments_in += segments;
    account->segments_joined += segments - 1;
}

void account_out_of_order(const struct tcp *tcp, const struct tcp_connection *c)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account != NULL)
        account->out_of_order++;
}

/* ---- What acknowledgements tell ------------------------------------------------------------ */

/* As many as went again may have come twice: then each of them has arrived, as Linux counts. */
static void note_duplicates(const struct tcp_connection *c, struct tcp_account *account,
                            uint32_t segments)
{
    account->dsack_dups += segments;
    if (account->dsack_dups <= c->retransmitted)
        account->arrived_twice += segments;
}

static void end_time_outs(struct tcp_account *account, uint64_t now_ns)
{
    account->time_outs_ms += clock_ms(now_ns) - account->time_out_since_ms;
    account->time_out_since_ms = 0;
}

void account_acknowledged(const struct tcp *tcp, const struct tcp_connection *c,
                          const struct sent_news *news)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    if (news->dsack)
        note_duplicates(c, account, full_segments(c, news->dsack_right - news->dsack_left));
    if (news->reordered && has(c, TCPF_HAS_SACK))
        account->reorderings++;
    if (account->time_out_since_ms != 0 && c->recovery != TCP_CA_LOSS)
        end_time_outs(account, news->now_ns);
}

void account_opened(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_account *account = account_of(tcp, c);
    bool lasts = c->listener == 0 && !has(c, TCPF_HAS_SACK);
    if (account != NULL && account->time_out_since_ms != 0 && !lasts)
        end_time_outs(account, now_ns);
}

void account_answered_again(const struct tcp *tcp, const struct tcp_connection *c, uint16_t times,
                            uint32_t ms)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    account->time_outs = times;
    account->time_out_recoveries = 1;
    account->time_outs_ms = ms;
}

void account_time_out(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    account->time_outs++;
    if (c->retries == 0) /* another one begins where something was acknowledged, as in Linux */
        account->time_out_recoveries++;
    if (account->time_out_since_ms == 0)
        account->time_out_since_ms = maximum(clock_ms(now_ns), 1);
}

/* ---- What holds the sender up -------------------------------------------------------------- */

/* True when the next segment would go but for the peer's window. */
static bool window_is_in_the_way(const struct tcp_connection *c)
{
    uint32_t waiting = tcp_send_end(c) - c->snd_nxt;
    int32_t usable = seq_distance(c->snd_nxt, c->snd_una + c->snd_wnd);
    uint32_t next = minimum(waiting, effective_mss(c));
    return waiting != 0 && usable < (int32_t)next &&
           tcp_in_flight(c) + next <= maximum(c->congestion.window, next);
}

/* True when more data would not have helped, as Linux has it: in slow start the window shall grow
 * to twice what is in flight. */
static bool congestion_is_in_the_way(const struct tcp_connection *c)
{
    uint32_t window = c->congestion.window, in_flight = tcp_in_flight(c);
    bool slow_start = window < c->congestion.threshold;
    return has(c, TCPF_CWND_LIMITED) || in_flight + effective_mss(c) > window ||
           (slow_start && window < 2 * in_flight);
}

static enum tcp_occupation occupation_of(const struct tcp_account *account,
                                         const struct tcp_connection *c)
{
    if (c->flight == NULL || c->snd_una == tcp_send_end(c)) /* a FIN keeps it busy too (Linux) */
        return TCP_IDLE;
    if (window_is_in_the_way(c))
        return TCP_RWND_LIMITED;
    bool starved = account->occupation == TCP_SNDBUF_LIMITED ||
                   (c->snd_nxt == c->snd_end && !congestion_is_in_the_way(c));
    bool wants_room = has(c, TCPF_WANTS_ROOM) || c->flight->tells_progress > 1;
    return wants_room && starved ? TCP_SNDBUF_LIMITED : TCP_BUSY;
}

void account_occupation(const struct tcp *tcp, const struct tcp_connection *c, uint64_t now_ns)
{
    struct tcp_account *account = account_of(tcp, c);
    if (account == NULL)
        return;
    enum tcp_occupation now = occupation_of(account, c);
    if (now == account->occupation)
        return;
    account->spent_ns[account->occupation] += now_ns - account->since_ns;
    account->since_ns = now_ns;
    account->occupation = (uint8_t)now;
}

uint64_t account_spent_us(const struct tcp_account *account, enum tcp_occupation occupation,
                          uint64_t now_ns)
{
    uint64_t spent = account->spent_ns[occupation];
    if (account->occupation == occupation)
        spent += now_ns - account->since_ns;
    return spent / 1000;
}
