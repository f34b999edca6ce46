/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of TCP lets a right conversation pass and finds each mistake that is made in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "tests/model/model.h"
#include "tests/support/segment.h"

enum { ISS = 5000, IRS = 90000, LOCAL_PORT = 40000, REMOTE_PORT = 7 };

#define MILLISECOND UINT64_C(1000000)

static const struct model_tuple tuple = {0xc0000201, 0xc0000202, LOCAL_PORT, REMOTE_PORT};

/* MSS 1460, SACK permitted, timestamp 1000, window scale 2; the peer's: timestamp 7000, scale 1. */
static const uint8_t our_options[] = {2, 4,   5, 0xb4, 4, 2, 8, 10, 0, 0,
                                      3, 232, 0, 0,    0, 0, 1, 3,  3, 2};
static const uint8_t peer_options[] = {2,    4,    5, 0xb4, 4, 2,   8, 10, 0, 0,
                                       0x1b, 0x58, 0, 0,    3, 232, 1, 3,  3, 1};
/* Timestamp 1001 echoing 7000; the peer's 7001 echoing 1001. */
static const uint8_t our_stamp[] = {1, 1, 8, 10, 0, 0, 3, 233, 0, 0, 0x1b, 0x58};
static const uint8_t peer_stamp[] = {1, 1, 8, 10, 0, 0, 0x1b, 0x59, 0, 0, 3, 233};

static struct model *model;
static uint64_t now_ns;
static uint8_t packet[SEGMENT_PACKET_MAX];
static const uint8_t text[4000] = "what is said";

static struct model_packet packed(const struct segment *segment, bool ours)
{
    struct chaski_address local = world_address(0), remote = world_address(1);
    uint32_t length =
        segment_packet(segment, ours ? &local : &remote, ours ? &remote : &local, packet);
    ip4_make_right(packet, length);
    return (struct model_packet){.bytes = packet, .length = length};
}

static const char *out(const struct segment *segment)
{
    struct model_packet seen = packed(segment, true);
    return model_out(model, &seen, now_ns);
}

static void in(const struct segment *segment)
{
    struct model_packet seen = packed(segment, false);
    model_in(model, &seen, now_ns);
}

static struct segment ours(uint8_t flags, uint32_t from, uint32_t length)
{
    return (struct segment){.source_port = LOCAL_PORT,
                            .destination_port = REMOTE_PORT,
                            .sequence = ISS + from,
                            .acknowledgment = IRS + 1,
                            .flags = flags | SEGMENT_ACK,
                            .window = 16384, /* 65536 */
                            .options = our_stamp,
                            .options_length = sizeof our_stamp,
                            .payload = text,
                            .payload_length = length};
}

static struct segment theirs(uint8_t flags, uint32_t from, uint32_t length)
{
    return (struct segment){.source_port = REMOTE_PORT,
                            .destination_port = LOCAL_PORT,
                            .sequence = IRS + from,
                            .acknowledgment = ISS + 1,
                            .flags = flags | SEGMENT_ACK,
                            .window = 2000, /* 4000 */
                            .options = peer_stamp,
                            .options_length = sizeof peer_stamp,
                            .payload = text,
                            .payload_length = length};
}

static struct segment our_syn(void)
{
    struct segment syn = ours(SEGMENT_SYN, 0, 0);
    syn.flags = SEGMENT_SYN;
    syn.acknowledgment = 0;
    syn.window = 65535;
    syn.options = our_options;
    syn.options_length = sizeof our_options;
    return syn;
}

static struct segment their_syn(void)
{
    struct segment syn = theirs(SEGMENT_SYN, 0, 0);
    syn.options = peer_options;
    syn.options_length = sizeof peer_options;
    return syn;
}

static void begin(void)
{
    struct model_options options = {.calls = true, .exact = true};
    now_ns = 1000 * MILLISECOND;
    model = model_make(&options);
    assert_non_null(model);
    model_call(model, &tuple, ISS, MODEL_CONNECT, 0);
}

/* The connection is established, and so much was written. */
static void talk(uint32_t written)
{
    begin();
    struct segment syn = our_syn(), answer = their_syn(), ack = ours(0, 1, 0);
    assert_null(out(&syn));
    in(&answer);
    assert_null(out(&ack));
    model_call(model, &tuple, ISS, MODEL_WRITE, written);
}

static int end(void **state)
{
    (void)state;
    model_free(model);
    model = NULL;
    return 0;
}

static void expect(const char *said, const char *rule)
{
    if (said == NULL)
        fail_msg("not found: %s", rule);
    if (strstr(said, rule) == NULL)
        fail_msg("'%s' instead of '%s'", said, rule);
}

static void expect_broken(struct segment segment, const char *rule)
{
    expect(out(&segment), rule);
}

static void right_conversation_passes(void **state)
{
    (void)state;
    talk(3000);
    struct segment first = ours(0, 1, 1448), second = ours(0, 1449, 1448);
    struct segment third = ours(SEGMENT_PSH, 2897, 104), heard = theirs(0, 1, 100);
    struct segment open = theirs(0, 1, 0); /* the SYN's window was not scaled */
    in(&open);
    assert_null(out(&first));
    assert_null(out(&second));
    assert_null(out(&third));
    heard.acknowledgment = ISS + 3001;
    in(&heard);
    model_call(model, &tuple, ISS, MODEL_SHUTDOWN, 0);
    struct segment fin = ours(SEGMENT_FIN, 3001, 0);
    fin.acknowledgment = IRS + 101;
    fin.window -= 25;
    assert_null(out(&fin));
    struct segment their_fin = theirs(SEGMENT_FIN, 101, 0), last = ours(0, 3002, 0);
    their_fin.acknowledgment = ISS + 3002;
    in(&their_fin);
    last.acknowledgment = IRS + 102;
    assert_null(out(&last));
    assert_null(model_turn(model, now_ns + 1000 * MILLISECOND));
}

static void checksum(void **state)
{
    (void)state;
    talk(10);
    struct segment segment = ours(SEGMENT_PSH, 1, 10);
    struct model_packet seen = packed(&segment, true);
    packet[seen.length - 1] ^= 1;
    expect(model_out(model, &seen, now_ns), "a checksum or a length is wrong");
}

static void syn_rules(void **state)
{
    (void)state;
    static const uint8_t no_mss[] = {4, 2, 1, 1}, scale_15[] = {2, 4, 5, 0xb4, 3, 3, 15, 1};
    begin();
    struct segment syn = our_syn(), other;
    other = syn;
    other.flags |= SEGMENT_FIN;
    expect_broken(other, "a SYN ends what it begins");
    other = syn;
    other.payload_length = 1;
    expect_broken(other, "text before the connection is established");
    other = syn;
    other.options = no_mss;
    other.options_length = sizeof no_mss;
    expect_broken(other, "no maximum segment size");
    other.options = scale_15;
    other.options_length = sizeof scale_15;
    expect_broken(other, "a window scale beyond 14");
    other = syn;
    other.flags |= SEGMENT_ACK;
    expect_broken(other, "acknowledged that never came");
    other = syn;
    other.destination_port++;
    expect_broken(other, "nobody asked for");
    assert_null(out(&syn));
    other = syn;
    other.sequence++;
    expect_broken(other, "repeated with another sequence number");
}

static void syn_ack_rules(void **state)
{
    (void)state;
    static const uint8_t mss[] = {2, 4, 5, 0xb4}, scale[] = {2, 4, 5, 0xb4, 3, 3, 2, 1},
                         sack[] = {2, 4, 5, 0xb4, 4, 2, 1, 1};
    struct segment syn = their_syn(), answer = our_syn();
    struct model_options options = {.exact = true};
    model = model_make(&options);
    syn.flags = SEGMENT_SYN;
    syn.acknowledgment = 0;
    syn.options = mss;
    syn.options_length = sizeof mss;
    in(&syn);
    answer.flags = SEGMENT_SYN | SEGMENT_ACK;
    answer.acknowledgment = IRS + 2;
    answer.options = mss;
    answer.options_length = sizeof mss;
    expect_broken(answer, "something else than the SYN");
    answer.acknowledgment = IRS + 1;
    answer.options_length = sizeof scale;
    answer.options = scale;
    expect_broken(answer, "scales the window of a peer that did not");
    answer.options = sack;
    expect_broken(answer, "permits SACK to a peer that did not");
    answer.options = mss;
    answer.options_length = sizeof mss;
    assert_null(out(&answer));
}

static void sequence_rules(void **state)
{
    (void)state;
    talk(5000);
    struct segment first = ours(0, 1, 1448);
    expect_broken(ours(0, 2, 100), "leaves a gap");
    expect_broken(ours(0, 0, 100), "takes the place of the SYN");
    assert_null(out(&first));
    expect_broken(ours(0, 1, 1449), "longer than the peer takes");
    expect_broken(ours(0, 1000, 0), "does not stand at SND.NXT");
    first.payload = text + 1;
    expect_broken(first, "text changes when it is repeated");
}

/* A host that may lose its own segments leaves gaps, but none behind what was written. */
static void gaps_end_with_what_was_written(void **state)
{
    (void)state;
    struct model_options options = {.calls = true};
    model = model_make(&options);
    model_call(model, &tuple, ISS, MODEL_CONNECT, 0);
    struct segment syn = our_syn(), answer = their_syn(), ack = ours(0, 1001, 0);
    assert_null(out(&syn));
    in(&answer);
    model_call(model, &tuple, ISS, MODEL_WRITE, 1000);
    assert_null(out(&ack));
    expect_broken(ours(0, 1002, 0), "behind all that was written");
    model_call(model, &tuple, ISS, MODEL_SHUTDOWN, 0);
    ack.sequence++;
    assert_null(out(&ack));
    expect_broken(ours(0, 1003, 0), "behind all that was written");
}

/* Of a SYN that comes twice, the host may have taken either: here the older one comes last. */
static void repeated_syns(void **state)
{
    (void)state;
    static const uint8_t older[] = {2,    4,    2, 0xb4, 4, 2, 8, 10, 0, 0,
                                    0x1b, 0x57, 0, 0,    0, 0, 1, 3,  3, 1};
    uint8_t options_out[sizeof our_options];
    struct segment syn = their_syn(), answer = our_syn(), ack = theirs(0, 1, 0);
    struct model_options options = {.exact = true};
    model = model_make(&options);
    syn.flags = SEGMENT_SYN;
    syn.acknowledgment = 0;
    in(&syn);
    syn.options = older;
    in(&syn);
    answer.flags |= SEGMENT_ACK;
    answer.acknowledgment = IRS + 1;
    memcpy(options_out, our_options, sizeof options_out);
    memcpy(options_out + 12, (uint8_t[]){0, 0, 0x1b, 0x59}, 4);
    answer.options = options_out;
    expect_broken(answer, "echoes a timestamp that never came");
    options_out[15]--;
    assert_null(out(&answer));
    in(&ack);
    struct segment text_out = ours(0, 1, 1448);
    assert_null(out(&text_out));
}

/* What a host that answers and may lose something hears first. */
static void listen_for(const struct segment *syn, const struct segment *answer)
{
    struct model_options options = {0};
    model = model_make(&options);
    assert_non_null(model);
    in(syn);
    assert_null(out(answer));
}

/* Their SYN as a server hears it, and what that answers, echoing its timestamp. */
static struct segment syn_heard(void)
{
    struct segment syn = their_syn();
    syn.flags = SEGMENT_SYN;
    syn.acknowledgment = 0;
    return syn;
}

static struct segment syn_answered(void)
{
    static const uint8_t echoes[] = {2, 4,   5, 0xb4, 4,    2,    8, 10, 0, 0,
                                     3, 232, 0, 0,    0x1b, 0x58, 1, 3,  3, 2};
    struct segment answer = our_syn();
    answer.flags |= SEGMENT_ACK;
    answer.acknowledgment = IRS + 1;
    answer.options = echoes;
    return answer;
}

/* SYNs with one number that offer other things: the answer is to one of them. */
static void syns_that_differ(void **state)
{
    (void)state;
    static const uint8_t plain[] = {2, 4, 5, 0xb4};
    struct segment syn = syn_heard(), answer = syn_answered(), other = syn_heard();
    other.options = plain;
    other.options_length = sizeof plain;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct model_options options = {0};
        model = model_make(&options);
        in(turn == 0 ? &syn : &other);
        in(turn == 0 ? &other : &syn);
        assert_null(out(&answer));
        struct segment stamped = ours(0, 1, 0), bare = stamped;
        bare.options_length = 0;
        expect_broken(bare, "without having been agreed on, or missing");
        assert_null(out(&stamped));
        end(NULL);
    }
    struct model_options options = {0};
    model = model_make(&options);
    in(&other);
    expect_broken(answer, "scales the window of a peer that did not");
    in(&syn);
    assert_null(out(&answer));
}

/* A connection that is gone comes to life again by the cookie that it came by; with what was agreed
 * on only if the acknowledgement has a timestamp, which carries that. */
static void cookies_outlive_connections(void **state)
{
    (void)state;
    struct segment syn = syn_heard(), answer = syn_answered(), ack = theirs(0, 1, 0);
    struct segment words = theirs(0, 1, 100), reset = theirs(SEGMENT_RST, 101, 0);
    struct segment old = ours(0, 1, 0), again = ours(0, 1, 0), bare = ours(0, 1, 0);
    listen_for(&syn, &answer);
    in(&ack);
    in(&words);
    old.acknowledgment = IRS + 101;
    old.window -= 25;
    bare.options_length = 0;
    assert_null(out(&old));
    expect_broken(again, "an acknowledgement goes back");
    in(&ack); /* by an end that lives */
    expect_broken(again, "an acknowledgement goes back");
    in(&reset);
    expect_broken(again, "an acknowledgement goes back");
    ack.acknowledgment++; /* no cookie */
    in(&ack);
    expect_broken(again, "an acknowledgement goes back");
    ack.acknowledgment--;
    in(&ack);
    assert_null(out(&again));
    expect_broken(bare, "without having been agreed on, or missing");
    ack.options_length = 0;
    in(&ack);
    assert_null(out(&bare));
}

/* A SYN's timestamp of 0 tells no time, so the next is newer, whatever it is; but the host may have
 * lost any of them, and compared with another. */
static void clocks_that_leap(void **state)
{
    (void)state;
    static const uint8_t times[][4] = {{0, 0, 0, 1}, {128, 0, 1, 0}, {48, 0, 0, 0}};
    uint8_t none[sizeof peer_options], heard[sizeof peer_stamp], said[sizeof our_stamp];
    struct segment syn = syn_heard(), answer = our_syn(), words = theirs(0, 1, 100);
    struct segment ack = ours(0, 1, 0);
    memcpy(none, peer_options, sizeof none);
    memset(none + 8, 0, 4);
    memcpy(heard, peer_stamp, sizeof heard);
    memcpy(said, our_stamp, sizeof said);
    memset(said + 8, 0, 4);
    syn.options = none;
    answer.flags |= SEGMENT_ACK;
    answer.acknowledgment = IRS + 1;
    listen_for(&syn, &answer);
    words.options = heard;
    ack.options = said;
    for (unsigned i = 0; i < 3; i++) {
        memcpy(heard + 4, times[i], 4);
        in(&words);
        if (i == 0) /* lost */
            assert_null(out(&ack));
    }
    memcpy(said + 8, times[1], 4); /* to which the last is old */
    ack.acknowledgment += 100;
    assert_null(out(&ack));
}

static void text_before_the_handshake(void **state)
{
    (void)state;
    begin();
    struct segment syn = our_syn(), answer = their_syn();
    answer.flags = SEGMENT_SYN; /* it crossed ours */
    answer.acknowledgment = 0;
    assert_null(out(&syn));
    in(&answer);
    model_call(model, &tuple, ISS, MODEL_WRITE, 10);
    struct segment said = ours(SEGMENT_PSH, 1, 10);
    expect(out(&said), "before the SYN is acknowledged");
}

static void window_of_the_peer(void **state)
{
    (void)state;
    talk(5000);
    struct segment narrow = theirs(0, 1, 0), first = ours(0, 1, 1448), second = ours(0, 1449, 1448);
    assert_null(out(&first));
    narrow.acknowledgment = ISS + 1449;
    narrow.window = 100; /* less than the SYN's 2000, unscaled, told */
    in(&narrow);
    expect(out(&second), "beyond the peer's window");
    narrow.window = 724;
    in(&narrow);
    assert_null(out(&second));
}

static void fin_has_a_place_in_the_window(void **state)
{
    (void)state;
    talk(2000); /* as many as the SYN's window told */
    struct segment first = ours(0, 1, 1448), rest = ours(SEGMENT_PSH, 1449, 552);
    struct segment fin = ours(SEGMENT_FIN, 2001, 0), open = theirs(0, 1, 0);
    assert_null(out(&first));
    assert_null(out(&rest));
    model_call(model, &tuple, ISS, MODEL_SHUTDOWN, 0);
    expect(out(&fin), "a FIN beyond the peer's window");
    open.acknowledgment = ISS + 2001;
    open.window = 1;
    in(&open);
    assert_null(out(&fin));
}

static void what_was_written(void **state)
{
    (void)state;
    talk(100);
    expect_broken(ours(SEGMENT_PSH, 1, 101), "that nobody wrote");
    expect_broken(ours(0, 1, 100), "is not pushed");
    expect_broken(ours(SEGMENT_PSH | SEGMENT_FIN, 1, 100), "a FIN that nobody asked for");
    model_call(model, &tuple, ISS, MODEL_SHUTDOWN, 0);
    expect_broken(ours(SEGMENT_FIN, 1, 99), "before all text that was written");
    struct segment last = ours(SEGMENT_PSH | SEGMENT_FIN, 1, 100);
    assert_null(out(&last));
    expect_broken(ours(SEGMENT_FIN, 1, 99), "a FIN moves");
    expect_broken(ours(SEGMENT_PSH, 101, 1), "text behind the FIN");
}

static void acknowledgments(void **state)
{
    (void)state;
    talk(0);
    struct segment heard = theirs(0, 1, 100), behind = theirs(0, 201, 100), ack = ours(0, 1, 0);
    ack.acknowledgment = IRS + 2;
    expect_broken(ack, "what has not come is acknowledged");
    in(&heard);
    in(&behind);
    ack.acknowledgment = IRS + 301;
    expect_broken(ack, "what has not come is acknowledged");
    ack.acknowledgment = IRS + 101;
    ack.window -= 25;
    assert_null(out(&ack));
    ack.acknowledgment = IRS + 100;
    ack.window++;
    expect_broken(ack, "an acknowledgement goes back");
    ack.acknowledgment = IRS + 101;
    ack.window -= 2;
    expect_broken(ack, "the window shrinks");
    ack.window += 2;
    ack.flags = SEGMENT_PSH;
    expect_broken(ack, "a segment without ACK");
}

static void blocks(void **state)
{
    (void)state;
    uint8_t options[24] = {1, 1, 8, 10, 0, 0, 3, 233, 0, 0, 0x1b, 0x58, 1, 1, 5, 10};
    struct segment behind = theirs(0, 201, 100), ack = ours(0, 1, 0);
    talk(0);
    in(&behind);
    ack.options = options;
    ack.options_length = sizeof options;
    memcpy(options + 16, (uint8_t[]){0, 1, 0x60, 0x59, 0, 1, 0x60, 0xbe}, 8); /* 201 to 302 */
    expect_broken(ack, "a block reports what has not come");
    memcpy(options + 16, (uint8_t[]){0, 1, 0x60, 0xbd, 0, 1, 0x60, 0x59}, 8);
    expect_broken(ack, "a block is empty");
    memcpy(options + 16, (uint8_t[]){0, 1, 0x5f, 0x90, 0, 1, 0x60, 0xbd}, 8);
    expect_broken(ack, "before the acknowledgement");
    memcpy(options + 16, (uint8_t[]){0, 1, 0x60, 0x59, 0, 1, 0x60, 0xbd}, 8); /* 201 to 301 */
    assert_null(out(&ack));
}

static void timestamps(void **state)
{
    (void)state;
    uint8_t stamp[12];
    talk(0);
    struct segment ack = ours(0, 1, 0);
    ack.options = stamp;
    memcpy(stamp, our_stamp, sizeof stamp);
    ack.options_length = 0;
    expect_broken(ack, "timestamps are there without having been agreed on, or missing");
    ack.options_length = sizeof stamp;
    stamp[7]--;
    stamp[7]--;
    expect_broken(ack, "timestamps go back");
    stamp[7] += 2;
    stamp[11]++;
    expect_broken(ack, "a timestamp is echoed that never came");
    stamp[11] -= 2;
    expect_broken(ack, "TS.Recent goes back");
    ack.options = our_options;
    ack.options_length = sizeof our_options;
    expect_broken(ack, "options of a SYN without one");
}

/* RFC 7323, 5.3: text with a timestamp older than TS.Recent is not taken in. */
static void old_text_is_not_acknowledged(void **state)
{
    (void)state;
    static const uint8_t old[] = {1, 1, 8, 10, 0, 0, 0x1b, 0x57, 0, 0, 3, 233};
    talk(0);
    struct segment heard = theirs(0, 1, 100), ack = ours(0, 1, 0);
    heard.options = old;
    in(&heard);
    ack.acknowledgment = IRS + 101;
    expect(out(&ack), "what has not come is acknowledged");
}

/* RFC 9293, 3.10.7.4 and RFC 5961, 5.2: nor is text whose acknowledgement cannot be right. */
static void text_of_strangers_is_not_acknowledged(void **state)
{
    (void)state;
    talk(8000);
    struct segment heard = theirs(0, 1, 0), ack = ours(0, 1, 0), first = ours(0, 1, 1448);
    for (unsigned i = 0; i < 5; i++) { /* more than the peer's window */
        in(&heard);
        assert_null(out(&first));
        first.sequence += first.payload_length;
        heard.acknowledgment += first.payload_length;
    }
    in(&heard);
    heard.payload_length = 100;
    ack.sequence = first.sequence;
    ack.acknowledgment = IRS + 101;
    heard.acknowledgment = first.sequence + 1;
    in(&heard);
    expect(out(&ack), "what has not come is acknowledged");
    heard.acknowledgment = first.sequence - 4001;
    in(&heard);
    expect(out(&ack), "what has not come is acknowledged");
    heard.acknowledgment++;
    in(&heard);
    assert_null(out(&ack));
}

static void resets(void **state)
{
    (void)state;
    talk(100);
    struct segment reset = ours(SEGMENT_RST, 1, 0);
    reset.options_length = 0;
    reset.payload_length = 1;
    expect_broken(reset, "a reset carries something");
    reset.payload_length = 0;
    reset.sequence += 500;
    expect_broken(reset, "answers nothing and ends nothing");
    reset.sequence -= 500;
    reset.acknowledgment += 5;
    expect_broken(reset, "a reset acknowledges what has not come");
    reset.acknowledgment -= 5;
    assert_null(out(&reset));
    expect_broken(ours(SEGMENT_PSH, 1, 100), "that was reset goes on");
}

/* RFC 9293, 3.10.7.4: at RCV.NXT a reset ends the connection, elsewhere it does not (RFC 5961). */
static void resets_of_the_peer(void **state)
{
    (void)state;
    talk(100);
    struct segment reset = theirs(SEGMENT_RST, 2, 0), first = ours(0, 1, 50);
    now_ns += MILLISECOND;
    in(&reset);
    assert_null(out(&first));
    reset.sequence--;
    in(&reset);
    expect_broken(ours(SEGMENT_PSH, 51, 50), "that the peer has reset goes on");
    expect_broken(ours(0, 51, 0), "that the peer has reset goes on");
}

/* Text and reset in one burst: the acknowledgement of the text may leave yet. */
static void a_reset_behind_text(void **state)
{
    (void)state;
    talk(100);
    struct segment words = theirs(0, 1, 10), reset = theirs(SEGMENT_RST, 11, 0);
    struct segment answer = ours(0, 1, 0);
    answer.acknowledgment += 10;
    now_ns += MILLISECOND;
    in(&words);
    in(&reset);
    assert_null(out(&answer));
    struct segment goes_on = ours(0, 1, 50);
    goes_on.acknowledgment = answer.acknowledgment;
    expect_broken(goes_on, "that the peer has reset goes on");
    now_ns++;
    expect_broken(answer, "that the peer has reset goes on");
}

/* RFC 9293, 3.10.7.4: what is acknowledged leaves the queue; so long as the acknowledgement was
 * acceptable. */
static void what_is_acknowledged_is_done(void **state)
{
    (void)state;
    talk(100);
    struct segment first = ours(SEGMENT_PSH, 1, 100), ack = theirs(0, 65537, 0);
    assert_null(out(&first));
    ack.acknowledgment = ISS + 101;
    in(&ack); /* beyond the window */
    assert_null(out(&first));
    ack.sequence = IRS + 1;
    in(&ack);
    expect_broken(first, "what is acknowledged is sent again");
}

/* RFC 9293, 3.6.1: from TIME-WAIT a connection begins anew, behind what the old one has used. */
static void connections_that_begin_anew(void **state)
{
    (void)state;
    talk(0);
    model_call(model, &tuple, ISS, MODEL_CLOSE, 0);
    struct segment fin = ours(SEGMENT_FIN, 1, 0), their_fin = theirs(SEGMENT_FIN, 1, 0);
    struct segment last = ours(0, 2, 0), syn = their_syn(), answer = our_syn();
    assert_null(out(&fin));
    their_fin.acknowledgment = ISS + 2;
    in(&their_fin);
    last.acknowledgment = IRS + 2;
    assert_null(out(&last));
    syn.flags = SEGMENT_SYN;
    syn.acknowledgment = 0;
    syn.sequence = IRS + 1000;
    in(&syn);
    answer.flags |= SEGMENT_ACK;
    answer.acknowledgment = IRS + 1001;
    uint8_t options_out[sizeof our_options];
    memcpy(options_out, our_options, sizeof options_out);
    memcpy(options_out + 12, (uint8_t[]){0, 0, 0x1b, 0x58}, 4);
    answer.options = options_out;
    answer.sequence = ISS - 100;
    expect_broken(answer, "begins before where the one before it ended");
    answer.sequence = ISS + 100;
    assert_null(out(&answer));

    struct segment reset = theirs(SEGMENT_RST, 1001, 0); /* and nothing waits any more */
    reset.flags = SEGMENT_RST;
    in(&reset);
    syn.sequence = IRS + 2000;
    in(&syn);
    answer.acknowledgment = IRS + 2001;
    answer.sequence = ISS - 100;
    assert_null(out(&answer));
}

/* RFC 9293, 3.10.7.1: a reset is never answered with one, anything else may be. */
static void resets_of_strangers(void **state)
{
    (void)state;
    struct model_options options = {.exact = true};
    struct segment heard = theirs(SEGMENT_RST, 77, 0), reset = ours(SEGMENT_RST, 1, 0);
    model = model_make(&options);
    reset.flags = SEGMENT_RST;
    reset.acknowledgment = 0;
    reset.options_length = 0;
    in(&heard);
    expect_broken(reset, "answers nothing and ends nothing");
    heard.flags = SEGMENT_ACK;
    in(&heard);
    assert_null(out(&reset));
    expect_broken(ours(0, 1, 0), "a segment of no connection");
}

static void what_is_owed(void **state)
{
    (void)state;
    talk(0);
    struct segment heard = theirs(0, 1, 100), much = theirs(0, 101, 1448);
    in(&heard);
    assert_null(model_turn(model, now_ns + 500 * MILLISECOND));
    expect(model_turn(model, now_ns + 501 * MILLISECOND), "more than half a second");
    in(&much);
    assert_null(model_turn(model, now_ns));
    much.sequence += 1448;
    in(&much);
    expect(model_turn(model, now_ns), "two full segments wait");
    struct segment ack = ours(0, 1, 0);
    ack.acknowledgment = IRS + 101 + 2896;
    assert_null(out(&ack));
    assert_null(model_turn(model, now_ns + 1000 * MILLISECOND));
}

static void urgent_pointer(void **state)
{
    (void)state;
    talk(100);
    expect_broken(ours(SEGMENT_URG | SEGMENT_PSH, 1, 100), "an urgent pointer to nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(right_conversation_passes, end),
        cmocka_unit_test_teardown(checksum, end),
        cmocka_unit_test_teardown(syn_rules, end),
        cmocka_unit_test_teardown(syn_ack_rules, end),
        cmocka_unit_test_teardown(sequence_rules, end),
        cmocka_unit_test_teardown(gaps_end_with_what_was_written, end),
        cmocka_unit_test_teardown(repeated_syns, end),
        cmocka_unit_test_teardown(syns_that_differ, end),
        cmocka_unit_test_teardown(cookies_outlive_connections, end),
        cmocka_unit_test_teardown(clocks_that_leap, end),
        cmocka_unit_test_teardown(text_before_the_handshake, end),
        cmocka_unit_test_teardown(window_of_the_peer, end),
        cmocka_unit_test_teardown(fin_has_a_place_in_the_window, end),
        cmocka_unit_test_teardown(what_was_written, end),
        cmocka_unit_test_teardown(acknowledgments, end),
        cmocka_unit_test_teardown(blocks, end),
        cmocka_unit_test_teardown(timestamps, end),
        cmocka_unit_test_teardown(old_text_is_not_acknowledged, end),
        cmocka_unit_test_teardown(text_of_strangers_is_not_acknowledged, end),
        cmocka_unit_test_teardown(resets, end),
        cmocka_unit_test_teardown(resets_of_the_peer, end),
        cmocka_unit_test_teardown(a_reset_behind_text, end),
        cmocka_unit_test_teardown(what_is_acknowledged_is_done, end),
        cmocka_unit_test_teardown(connections_that_begin_anew, end),
        cmocka_unit_test_teardown(resets_of_strangers, end),
        cmocka_unit_test_teardown(what_is_owed, end),
        cmocka_unit_test_teardown(urgent_pointer, end),
    };
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
