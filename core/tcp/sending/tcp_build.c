/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/sending/tcp_build.h"

#include "core/base/bytes.h"
#include "core/tcp/receiving/tcp_receive_window.h"

/* Segments as packets: headers, options, checksums. What to send is decided elsewhere. */

static void hand_to_network(struct tcp *tcp, struct packet *packet, uint64_t now_ns)
{
    enum family family = address_family(&packet->ip.destination);
    count(tcp->counters, CHASKI_TCP_SEGMENTS_SENT);
    burst_add(&tcp->out[family], packet, &tcp->network[family].transmit, now_ns);
}

/* The fields that all segments have; the header is at packet->data, of `header_length` bytes. */
static void fill_header(struct packet *packet, const struct tcp_key *key, uint8_t header_length,
                        uint32_t sequence, uint32_t acknowledgment, uint16_t flags, uint16_t window)
{
    uint8_t *header = packet->data;
    wire_tcp_set_ports(header, key->local_port, key->remote_port);
    wire_tcp_set_sequence(header, sequence);
    wire_tcp_set_acknowledgment(header, acknowledgment);
    wire_tcp_set_length_flags(header, header_length, flags);
    wire_tcp_set_window(header, window);
    wire_tcp_set_urgent(header, 0);
    uint64_t pseudo =
        address_pseudo_checksum(&key->local, &key->remote, WIRE_TCP_PROTOCOL, packet->length);
    wire_tcp_set_checksum(header, checksum_fold(pseudo));
    packet->checksum = CHECKSUM_PARTIAL;
    packet->checksum_field = WIRE_TCP_CHECKSUM;
    packet_set_transport(packet);
    packet->ip = (struct packet_ip){
        .source = key->local,
        .destination = key->remote,
        .protocol = WIRE_TCP_PROTOCOL,
        .dont_fragment = true,
    };
}

static uint16_t scaled_window(const struct tcp *tcp, struct tcp_connection *c)
{
    return (uint16_t)minimum(tcp_window_to_send(tcp, c) >> c->receive_scale, UINT16_MAX);
}

/* The urgent pointer: RFC 9293, 3.8.5, with the meaning that RFC 6093 keeps. */
static void mark_urgent(struct tcp_connection *c, uint8_t *header, uint32_t sequence)
{
    int32_t ahead = seq_distance(sequence, c->send_urgent);
    if (!has(c, TCPF_URGENT_OUT) || ahead <= 0)
        return;
    header[WIRE_TCP_OFFSET_FLAGS + 1] |= TCP_URG;
    wire_tcp_set_urgent(header, (uint16_t)minimum((uint32_t)ahead, UINT16_MAX));
}

/* Segments of a key that is gone are of no use to anybody. */
static void sign_and_send(struct tcp *tcp, struct ao_state *ao, const struct tcp_key *key,
                          struct packet *packet, uint64_t now_ns)
{
    if (ao_sign(tcp, ao, key, packet))
        hand_to_network(tcp, packet, now_ns);
    else
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_AO_NO_KEY);
}

static void watch(const struct tcp *tcp, const struct tcp_connection *c, struct packet *packet,
                  uint32_t sequence)
{
    chaski_tcp handle = connection_handle(tcp, c);
    packet->ip.watched = true;
    packet->watch = (struct packet_watch){
        .index = handle.index,
        .generation = handle.generation,
        .position = c->bytes_acked + (uint64_t)seq_distance(c->snd_una, sequence),
    };
}

/* Those that are authenticated, or watched, which hardly any are. */
static void send_unusual(struct tcp *tcp, const struct tcp_connection *c, struct packet *packet,
                         uint32_t sequence, bool text, uint64_t now_ns)
{
    if (text && has(c, TCPF_WATCHED))
        watch(tcp, c, packet, sequence);
    if (!has(c, TCPF_AO)) {
        hand_to_network(tcp, packet, now_ns);
        return;
    }
    tcp_reference reference = tcp_refer(TCP_KIND_CONNECTION, connection_index(tcp, c));
    sign_and_send(tcp, ao_state_of(tcp, reference), &c->key, packet, now_ns);
}

/* By words, of which there are mostly three. */
static inline void copy_options(uint8_t *to, const uint8_t *options, uint8_t length)
{
    for (uint32_t i = 0; i < length; i += 4)
        store_be32(to + i, load_be32(options + i));
}

/* Finishes and sends a segment of a connection whose payload is already in place. */
static void send_for(struct tcp *tcp, struct tcp_connection *c, struct packet *packet,
                     uint32_t sequence, uint8_t flags, const uint8_t *options,
                     uint8_t options_length, uint64_t now_ns)
{
    uint8_t header_length = (uint8_t)(WIRE_TCP_HEADER + options_length + tcp_ao_length(c));
    uint8_t *header = packet_push(packet, header_length);
    copy_options(header + WIRE_TCP_HEADER, options, options_length);
    fill_header(packet, &c->key, header_length, sequence, (flags & TCP_ACK) ? c->rcv_nxt : 0, flags,
                flags == TCP_RST ? 0 : scaled_window(tcp, c));
    mark_urgent(c, header, sequence);
    packet->ip.ttl = c->ttl;
    packet->ip.traffic_class = c->traffic_class & (uint8_t)~ECN_MODES;
    if (c->traffic_class & ECN_MODES)
        ecn_mark(tcp, c, packet, sequence == c->snd_nxt);
    packet->interface = c->interface;
    c->segments_out++;
    if (flags & TCP_ACK) {
        c->flags &= ~(uint32_t)(TCPF_ACK_NOW | TCPF_ACK_DELAYED);
        c->ack_at = TIMER_NEVER;
        c->last_ack_sent = c->rcv_nxt;
        c->unacknowledged_in = 0;
        if (c->quick_acks != 0)
            c->quick_acks--;
    }
    if (packet->length > header_length && c->bytes_received != 0 &&
        clock_ms(now_ns) - c->text_ms < tcp->knobs.ack_delay_us / 1000)
        tcp_note_answer(c);
    if (has(c, (uint32_t)TCPF_AO | (uint32_t)TCPF_WATCHED))
        send_unusual(tcp, c, packet, sequence, packet->length > header_length, now_ns);
    else
        hand_to_network(tcp, packet, now_ns);
}

/* A FIN behind a gap has a sequence number, too, which is told with the text before it, or alone;
 * before the others when it came last (RFC 2018, 4). */
static unsigned add_fin(const struct tcp_connection *c, struct wire_tcp_sack *blocks, unsigned n,
                        unsigned most)
{
    unsigned at = 0;
    if (most == 0 || !tcp_fin_is_behind_gap(c))
        return n;
    while (at < n && blocks[at].right != c->fin_at)
        at++;
    if (at == most && !c->fin_is_latest)
        return n;
    struct wire_tcp_sack block = {at < n ? blocks[at].left : c->fin_at, c->fin_at + 1};
    at = minimum(at, most - 1);
    n = maximum(n, at + 1);
    for (; c->fin_is_latest && at != 0; at--)
        blocks[at] = blocks[at - 1];
    blocks[at] = block;
    return n;
}

/* What came twice (RFC 2883), and what lies behind gaps; returns how many blocks that makes. */
static unsigned find_blocks(const struct tcp_connection *c, struct wire_tcp_sack *blocks,
                            unsigned most)
{
    unsigned n = 0;
    if (most == 0 || !tcp_has_gap_to_tell(c))
        return 0;
    if (c->dsack_length != 0)
        blocks[n++] = (struct wire_tcp_sack){c->dsack_left, c->dsack_left + c->dsack_length};
    unsigned runs = receive_queue_blocks(&c->receive, blocks + n, most - n);
    return n + add_fin(c, blocks + n, runs, most - n);
}

static size_t sack_length(unsigned blocks)
{
    return blocks == 0 ? 0 : 4 + 8 * (size_t)blocks;
}

/* As many blocks as `room` bytes take; but two tell enough where marks are to be told as well, in
 * `marks` bytes (as Linux). */
static unsigned choose_blocks(const struct tcp_connection *c, struct wire_tcp_sack *blocks,
                              size_t room, size_t marks)
{
    unsigned n = room < 4 ? 0 : find_blocks(c, blocks, (unsigned)(room - 4) / 8), fewer = n;
    while (fewer > 2 && sack_length(fewer) + marks > room)
        fewer--;
    return marks != 0 && sack_length(fewer) + marks <= room ? fewer : n;
}

static size_t marks_length(const struct tcp *tcp, struct tcp_connection *c)
{
    return (c->traffic_class & ECN_MODES) ? ecn_option_least(tcp, c) : 0;
}

/* What came twice is told once (RFC 2883, 4); and reports that went together have gone. */
static size_t tell_blocks(struct tcp_connection *c, uint8_t *at, const struct wire_tcp_sack *blocks,
                          unsigned n)
{
    if (n == 0)
        return 0;
    c->dsack_length = 0;
    c->repeats = minimum(c->repeats, TCP_DUP_THRESHOLD) & TCP_REPEATS;
    return wire_tcp_build_sack(at, blocks, n);
}

/* The AccECN option, when it is due and `room` bytes take it; returns its length. */
static size_t add_accecn(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at, size_t room,
                         uint64_t now_ns)
{
    if (!(c->traffic_class & ECN_MODES))
        return 0;
    size_t least = ecn_option_least(tcp, c);
    return least == 0 || least > room ? 0 : ecn_build_option(c, at, room, now_ns);
}

/* Where only news carries the AccECN option, full segments have no room for it, and their size
 * stays the same. Where data goes both ways, an acknowledgement of its own brings it, now and then.
 */
static bool tell_marks_first(const struct tcp *tcp, const struct tcp_connection *c, uint32_t length,
                             uint64_t now_ns)
{
    return (c->traffic_class & ECN_MODES) && ecn_option_room(c) == 0 &&
           length + WIRE_TCP_ACCECN_PADDED > c->flight->segment_size &&
           ecn_option_overdue(tcp, c, now_ns);
}

uint8_t tcp_report_length(const struct tcp *tcp, struct tcp_connection *c)
{
    struct wire_tcp_sack blocks[WIRE_TCP_SACK_MAX];
    uint32_t stamp = has(c, TCPF_HAS_TIMESTAMPS) ? WIRE_TCP_TIMESTAMP_PADDED : 0;
    uint32_t room = WIRE_TCP_OPTIONS_MAX - tcp_ao_length(c) - stamp;
    /* The smaller segments are, the more they would carry of reports and the less of data. */
    unsigned n = choose_blocks(c, blocks, minimum(room, c->mss / 4u), marks_length(tcp, c));
    return (uint8_t)sack_length(n);
}

/* Adds to the `length` bytes of options of a segment with data what is to be told of gaps and of
 * marks; `taken`: of the size of a full one, by data and a user time-out. */
static uint8_t add_reports(const struct tcp *tcp, struct tcp_connection *c, uint8_t *options,
                           uint8_t length, uint32_t taken, uint64_t now_ns)
{
    /* Beside the code of TCP-AO and a user time-out not all has room. */
    uint32_t room = WIRE_TCP_OPTIONS_MAX - tcp_ao_length(c) - length;
    struct wire_tcp_sack blocks[WIRE_TCP_SACK_MAX];
    unsigned n = choose_blocks(c, blocks, minimum(room, c->flight->report_length), 0);
    room -= (uint32_t)sack_length(n);
    uint32_t more = WIRE_TCP_ACCECN_PADDED - ecn_option_room(c);
    if (more == 0 || taken + more <= c->flight->segment_size)
        length += (uint8_t)add_accecn(tcp, c, options + length,
                                      minimum(room, WIRE_TCP_ACCECN_PADDED), now_ns);
    return length + (uint8_t)tell_blocks(c, options + length, blocks, n);
}

int32_t tcp_build_segment(struct tcp *tcp, struct tcp_connection *c, struct send_chunk *chunk,
                          uint32_t sequence, uint32_t length, uint8_t flags, uint64_t now_ns)
{
    if (tell_marks_first(tcp, c, length, now_ns) &&
        !tcp_build_ack(tcp, c, tcp_next_sequence(c), now_ns))
        return -1;
    struct packet *packet = packet_take(&tcp->memory->packets, FOR_SEND);
    if (packet == NULL)
        return -1;
    bool tells = user_timeout_due(c, sequence);
    uint32_t size = c->flight->segment_size;
    uint32_t most = tells ? minimum(length, size - WIRE_TCP_USER_TIMEOUT_SIZE) : length;
    uint32_t payload = length == 0 ? 0 : send_queue_slice(chunk, sequence, most, packet);
    if (payload < length)
        flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    packet->segment_size = (uint16_t)(payload > size ? size : 0);
    uint8_t options[WIRE_TCP_OPTIONS_MAX];
    uint8_t options_length = 0;
    if (has(c, TCPF_HAS_TIMESTAMPS))
        options_length =
            (uint8_t)wire_tcp_build_timestamp(options, tcp_timestamp_now(c, now_ns), c->ts_recent);
    if (tells)
        options_length += (uint8_t)user_timeout_build(tcp, c, options + options_length, sequence);
    if (c->flight->report_length != 0 || (c->traffic_class & ECN_MODES))
        options_length = add_reports(tcp, c, options, options_length,
                                     payload + (tells ? WIRE_TCP_USER_TIMEOUT_SIZE : 0), now_ns);
    send_for(tcp, c, packet, sequence, flags, options, options_length, now_ns);
    return (int32_t)payload;
}

static size_t build_ack_options(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                                uint64_t now_ns)
{
    struct wire_tcp_sack blocks[WIRE_TCP_SACK_MAX];
    size_t length = 0;
    if (has(c, TCPF_HAS_TIMESTAMPS))
        length = wire_tcp_build_timestamp(at, tcp_timestamp_now(c, now_ns), c->ts_recent);
    /* They take the place of a payload: links of the smallest MTU have room for one or two. */
    size_t room = minimum(WIRE_TCP_OPTIONS_MAX - tcp_ao_length(c) - (uint32_t)length, c->mss);
    size_t marks = marks_length(tcp, c);
    unsigned n = choose_blocks(c, blocks, room, marks);
    if (marks != 0 && sack_length(n) + marks <= room)
        length += ecn_build_option(c, at + length, room - sack_length(n), now_ns);
    return length + tell_blocks(c, at + length, blocks, n);
}

bool tcp_build_ack(struct tcp *tcp, struct tcp_connection *c, uint32_t sequence, uint64_t now_ns)
{
    struct packet *packet = packet_take(&tcp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return false;
    uint8_t options[WIRE_TCP_OPTIONS_MAX];
    size_t length = build_ack_options(tcp, c, options, now_ns);
    send_for(tcp, c, packet, sequence, TCP_ACK, options, (uint8_t)length, now_ns);
    return true;
}

/* RFC 7413, 4.2.2: a cookie for the peer, behind the other options of a SYN+ACK. */
static size_t give_cookie(const struct tcp *tcp, const struct tcp_connection *c, uint8_t *at)
{
    struct fast_open_cookie cookie;
    if (!(c->fast_open & FAST_OPEN_GIVE))
        return 0;
    const struct fast_open_keys *keys = fast_open_keys_at(tcp, &c->key);
    fast_open_make(keys, &c->key.remote, &c->key.local, &cookie);
    return wire_tcp_build_fast_open(at, cookie.bytes, cookie.length,
                                    (c->fast_open & FAST_OPEN_EXPERIMENTAL) != 0);
}

/* RFC 7413, 4.1.2: what was written goes with the SYN when we have a cookie, or need none; else we
 * ask for one. Never twice: a SYN that goes again may have been dropped for it. */
static size_t open_fast(const struct tcp *tcp, struct tcp_connection *c, uint8_t *at,
                        struct packet *packet)
{
    struct fast_open_cookie asked = {0};
    if (!(c->fast_open & FAST_OPEN_ACTIVE) || c->snd_nxt != c->snd_una)
        return 0;
    const struct fast_open_memory *known = fast_open_recall(tcp, &c->key.remote);
    bool without_cookie = (c->fast_open & FAST_OPEN_NO_COOKIE) != 0;
    uint32_t room = tcp_fast_open_room(tcp, &c->key.remote, without_cookie);
    room = minimum(room, c->announced_mss - minimum(c->announced_mss, WIRE_TCP_OPTIONS_MAX));
    bool has_cookie = known != NULL && known->cookie.length != 0;
    const struct fast_open_cookie *cookie = has_cookie ? &known->cookie : &asked;
    if (room != 0 && tcp_queued(c) != 0)
        c->flight->syn_data = (uint16_t)send_queue_slice(c->flight->queue.head, c->snd_una + 1,
                                                         minimum(tcp_queued(c), room), packet);
    if (!has_cookie && room != 0)
        return 0;
    asked.experimental = fast_open_asks_old(tcp, &c->key.remote);
    c->fast_open |= cookie->experimental ? FAST_OPEN_EXPERIMENTAL : 0;
    return wire_tcp_build_fast_open(at, cookie->bytes, cookie->length, cookie->experimental);
}

bool tcp_build_syn(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct packet *packet = packet_take(&tcp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return false;
    bool answering = c->state == CHASKI_TCP_SYN_RECEIVED;
    struct wire_tcp_options syn = {
        .has_mss = true,
        .mss = c->announced_mss,
        .sack_permitted = has(c, TCPF_HAS_SACK),
        .has_timestamp = has(c, TCPF_HAS_TIMESTAMPS),
        .timestamp = tcp_timestamp_now(c, now_ns),
        .timestamp_echo = answering ? c->ts_recent : 0,
        .has_window_scale = has(c, TCPF_HAS_SCALING),
        .window_scale = c->receive_scale,
        .accecn_offset = answering && !(c->fast_open & FAST_OPEN_GIVE) && !has(c, TCPF_AO) &&
                         ecn_answer_option(tcp, c),
    };
    uint8_t options[WIRE_TCP_OPTIONS_MAX];
    size_t length = wire_tcp_build_syn_options(options, &syn);
    length += answering ? give_cookie(tcp, c, options + length)
                        : open_fast(tcp, c, options + length, packet);
    if ((c->timeout_told & USER_TIMEOUT_OWED) &&
        length + WIRE_TCP_USER_TIMEOUT_SIZE <= sizeof options) {
        length += user_timeout_build(tcp, c, options + length, c->snd_una);
        user_timeout_owe(c); /* a peer may heed it only later: once more, with data */
    }
    uint8_t scale = c->receive_scale;
    c->receive_scale = 0; /* a SYN's window is never scaled (RFC 7323, 2.2) */
    send_for(tcp, c, packet, c->snd_una, answering ? TCP_SYN | TCP_ACK : TCP_SYN, options,
             (uint8_t)length, now_ns);
    c->receive_scale = scale & 15u;
    return true;
}

bool tcp_build_reset(struct tcp *tcp, struct tcp_connection *c, uint64_t now_ns)
{
    struct packet *packet = packet_take(&tcp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return false;
    uint8_t options[WIRE_TCP_OPTIONS_MAX];
    size_t length = build_ack_options(tcp, c, options, now_ns); /* RFC 7323, 3.2 */
    count(tcp->counters, CHASKI_TCP_RESETS_SENT);
    send_for(tcp, c, packet, tcp_next_sequence(c), TCP_RST | TCP_ACK, options, (uint8_t)length,
             now_ns);
    return true;
}

bool tcp_build_reset_answer(struct tcp *tcp, struct tcp_connection *c, uint32_t acknowledged,
                            uint64_t now_ns)
{
    struct packet *packet = packet_take(&tcp->memory->packets, FOR_CONTROL);
    if (packet == NULL)
        return false;
    count(tcp->counters, CHASKI_TCP_RESETS_SENT);
    send_for(tcp, c, packet, acknowledged, TCP_RST, NULL, 0, now_ns);
    return true;
}

void tcp_key_of(const struct packet *packet, struct tcp_key *key)
{
    const uint8_t *header = packet_transport(packet);
    key->local = packet->ip.destination;
    key->remote = packet->ip.source;
    key->local_port = wire_tcp_destination_port(header);
    key->remote_port = wire_tcp_source_port(header);
}

static size_t reply_options(const struct tcp_reply *reply, uint8_t *at)
{
    if (reply->options == NULL)
        return 0;
    if (reply->flags & TCP_SYN) {
        size_t length = wire_tcp_build_syn_options(at, reply->options);
        if (reply->cookie != NULL)
            length += wire_tcp_build_fast_open(at + length, reply->cookie->bytes,
                                               reply->cookie->length, reply->cookie->experimental);
        return length;
    }
    return reply->options->has_timestamp ? wire_tcp_build_timestamp(at, reply->options->timestamp,
                                                                    reply->options->timestamp_echo)
                                         : 0;
}

/* Whether a header of `length` bytes may be written where the segment's header is. */
static bool serves_as_reply(const struct packet *packet, size_t length)
{
    return (packet->linear == NULL || packet->linear->references == 1) &&
           (size_t)(packet->end - packet_transport(packet)) >= length;
}

void tcp_build_reply(struct tcp *tcp, struct packet *packet, const struct tcp_reply *reply,
                     uint64_t now_ns)
{
    uint8_t options[WIRE_TCP_OPTIONS_MAX] = {0};
    size_t length = reply_options(reply, options);
    length += reply->ao != NULL ? WIRE_TCP_AO_SIZE : 0;
    if (packet != NULL && !serves_as_reply(packet, WIRE_TCP_HEADER + length)) {
        packet_free(packet);
        packet = NULL;
    }
    if (packet == NULL) {
        packet = packet_take(&tcp->memory->packets, FOR_CONTROL);
        if (packet == NULL) {
            count(tcp->counters, CHASKI_TCP_REPLY_NO_MEMORY);
            return;
        }
    } else {
        packet_trim(packet, 0);
        packet->data = packet_transport(packet);
        packet->segment_size = 0;
        packet->flags = 0;
    }
    uint8_t *header = packet_put(packet, (uint32_t)(WIRE_TCP_HEADER + length));
    memcpy(header + WIRE_TCP_HEADER, options, length);
    fill_header(packet, &reply->key, (uint8_t)(WIRE_TCP_HEADER + length), reply->sequence,
                reply->acknowledgment, reply->flags, reply->window);
    packet->ip.traffic_class = reply->traffic_class;
    packet->ip.ttl = reply->ttl;
    if (reply->ao != NULL)
        sign_and_send(tcp, reply->ao, &reply->key, packet, now_ns);
    else
        hand_to_network(tcp, packet, now_ns);
}

void tcp_build_refusal(struct tcp *tcp, struct packet *packet, uint64_t now_ns)
{
    const struct packet_tcp *segment = &packet->tcp;
    if (segment->flags & TCP_RST) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_NO_CONNECTION);
        return;
    }
    struct tcp_reply reply = {.flags = TCP_RST};
    struct ao_state ao;
    tcp_key_of(packet, &reply.key);
    if (ao_of_stranger(tcp, &reply.key, packet, 0, segment->sequence, &ao))
        reply.ao = &ao;
    /* RFC 5925, 7.7: who uses keys believes nothing else, and of a connection that is gone there
     * is nothing to compute a code from. */
    if (ao_wanted(tcp, &reply.key) && (reply.ao == NULL || (segment->flags & TCP_ACK))) {
        packet_drop(packet, tcp->counters, CHASKI_DROP_TCP_NO_CONNECTION);
        return;
    }
    if (segment->flags & TCP_ACK) {
        reply.sequence = segment->acknowledgment;
    } else {
        reply.flags |= TCP_ACK;
        reply.acknowledgment = segment->sequence + packet->length +
                               ((segment->flags & TCP_SYN) != 0) +
                               ((segment->flags & TCP_FIN) != 0);
    }
    count(tcp->counters, CHASKI_TCP_RESETS_SENT);
    count(tcp->counters, CHASKI_DROP_TCP_NO_CONNECTION);
    tcp_build_reply(tcp, packet, &reply, now_ns);
}
