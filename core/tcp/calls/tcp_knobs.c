/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/tcp/calls/tcp_knobs.h"

#include "core/base/bytes.h"
#include "core/tcp/congestion/congestion.h"

/*
 * One row a knob. The kind says how the text becomes what is kept, and back; a plain number is kept
 * multiplied by the row's unit.
 */
enum kind {
    NUMBER,
    RETRIES,   /* so many retransmissions, kept as the ms that they take */
    ALGORITHM, /* a congestion control's name */
    BUFFER,    /* tcp_rmem, tcp_wmem: least, default, most; two fields follow each other */
};

struct row {
    struct chaski_knob knob;
    uint16_t offset;
    uint8_t size; /* of the field */
    uint8_t kind;
    uint32_t unit; /* BUFFER: what of the default is not payload, as a divisor */
};

enum { RTO_MIN_MS = 200, RTO_MAX_MS = 120000, LEAST_BUFFER = 4096 };

#define ROW(name, field, kind, unit, least, most, help)                                            \
    {                                                                                              \
        {name, help, least, most}, offsetof(struct tcp_knobs, field),                              \
            sizeof(((struct tcp_knobs *)NULL)->field), kind, unit                                  \
    }

static const struct row rows[] = {
    ROW("tcp_abort_on_overflow", abort_on_overflow, NUMBER, 1, 0, 1,
        "reset what completes when nobody accepts, instead of dropping it"),
    ROW("tcp_ao_required", ao_required, NUMBER, 1, 0, 1,
        "drop segments with TCP-AO, RFC 5925, that no key is for"),
    ROW("tcp_app_win", app_win, NUMBER, 1, 0, 31,
        "1/2^n of a receive buffer, or a segment, is no window until segments come; 0: all is"),
    ROW("tcp_base_mss", base_mss, NUMBER, 1, 88, 65495,
        "segment size that the search for the path's MTU begins with"),
    ROW("tcp_challenge_ack_limit", challenge_limit, NUMBER, 1, 0, INT32_MAX,
        "challenges of the host in a second, RFC 5961; the most is no limit"),
    ROW("tcp_comp_sack_delay_ns", comp_sack_delay_ns, NUMBER, 1, 0, UINT32_MAX,
        "longest delay of SACKs behind the first three of a gap"),
    ROW("tcp_comp_sack_nr", comp_sack_nr, NUMBER, 1, 0, 255,
        "segments that one of them tells of beside the last; 0: each goes at once"),
    ROW("tcp_comp_sack_rtt_percent", comp_sack_rtt_percent, NUMBER, 1, 1, 1000,
        "of a round trip, likewise their longest delay"),
    ROW("tcp_congestion_control", congestion, ALGORITHM, 1, 0, 0,
        "of connections that begin: cubic, reno, bbr, dctcp"),
    ROW("tcp_cwnd_validation", cwnd_validation, NUMBER, 1, 0, 1,
        "RFC 7661: a window that is not used stays for five minutes"),
    ROW("tcp_delack_max_us", ack_delay_us, NUMBER, 1, 1000, 500000,
        "longest delay of an acknowledgement"),
    ROW("tcp_dsack", dsack, NUMBER, 1, 0, 1, "report duplicate arrivals, RFC 2883"),
    ROW("tcp_early_retrans", tail_probes, NUMBER, 1, 0, 4, "tail loss probes, RFC 8985; 0: none"),
    ROW("tcp_ecn", ecn, NUMBER, 1, 0, 5,
        "1: ask and answer, 2: answer; accurate: 3, 5; 4: ask for classic"),
    ROW("tcp_ecn_fallback", ecn_fallback, NUMBER, 1, 0, 1,
        "do without ECN where it is dropped or changed"),
    ROW("tcp_ecn_option", ecn_option, NUMBER, 1, 0, 3,
        "RFC 9768's; 0: never, 1: on change, 2: always, 3: though it is lost"),
    ROW("tcp_ecn_option_beacon", ecn_option_beacon, NUMBER, 1, 0, 63,
        "where it goes on change: so many in a round trip at least"),
    ROW("tcp_fastopen", fast_open, NUMBER, 1, 0, INT32_MAX,
        "RFC 7413; 1: as client, 2: as server, and Linux's 4, 0x200, 0x400"),
    ROW("tcp_fastopen_blackhole_timeout_sec", fast_open_pause_s, NUMBER, 1, 0, 86400 * 7,
        "seconds without it to servers that it does not get to"),
    ROW("tcp_fin_timeout", fin_timeout_ms, NUMBER, 1000, 1, 86400,
        "seconds in FIN-WAIT-2 once let go"),
    ROW("tcp_frto", frto, NUMBER, 1, 0, 2, "detect spurious time-outs, RFC 5682; 0: do not"),
    ROW("tcp_init_cwnd", initial_window, NUMBER, 1, 1, 1000,
        "segments of the first window (ip route's initcwnd)"),
    ROW("tcp_init_rto_ms", rto_initial_us, NUMBER, 1000, 200, 60000,
        "retransmission time-out before a round trip is known"),
    ROW("tcp_invalid_ratelimit", answer_interval_ms, NUMBER, 1, 0, 60000,
        "ms between answers to unacceptable segments"),
    ROW("tcp_keepalive_intvl", keep_interval_s, NUMBER, 1, 1, 32767,
        "seconds between keep-alive probes"),
    ROW("tcp_keepalive_probes", keep_count, NUMBER, 1, 1, 127,
        "unanswered probes that end a connection"),
    ROW("tcp_keepalive_time", keep_idle_ms, NUMBER, 1000, 1, 32767,
        "seconds of silence before the first probe"),
    ROW("tcp_lax_timestamps", lax_timestamps, NUMBER, 1, 0, 1,
        "1: take segments that lack the timestamp that was agreed on, as Linux does"),
    ROW("tcp_lax_window", lax_window, NUMBER, 1, 0, 1,
        "1: take what ends beyond the window whole when nothing waits to be read, as Linux does"),
    ROW("tcp_max_reordering", max_reordering, NUMBER, 1, 1, 65535,
        "segments by which reordering is told at most"),
    ROW("tcp_max_syn_backlog", max_syn_backlog, NUMBER, 1, 0, INT32_MAX,
        "half-open connections of a listener without cookies; a quarter of them stays free"),
    ROW("tcp_max_tw_buckets", time_wait_most, NUMBER, 1, 0, INT32_MAX,
        "connections in TIME-WAIT; one more is closed at once"),
    ROW("tcp_min_rtt_wlen", min_rtt_window_s, NUMBER, 1, 0, 86400,
        "seconds for which the shortest round trip counts"),
    ROW("tcp_min_snd_mss", min_snd_mss, NUMBER, 1, 48, 65535, "least segment size of the search"),
    ROW("tcp_min_tso_segs", min_tso_segs, NUMBER, 1, 1, 255,
        "segments that are handed to a link in one at least"),
    ROW("tcp_moderate_rcvbuf", moderate_receive_buffer, NUMBER, 1, 0, 1,
        "receive buffers grow with the path"),
    ROW("tcp_mtu_probe_floor", mtu_probe_floor, NUMBER, 1, 48, 65535,
        "likewise, where segments vanish"),
    ROW("tcp_mtu_probing", mtu_probing, NUMBER, 1, 0, 2,
        "RFC 4821; 0: never, 1: once segments vanish silently, 2: always"),
    ROW("tcp_no_metrics_save", no_metrics_save, NUMBER, 1, 0, 1,
        "1: what a connection has learned of its peer is not kept for the next one, RFC 9040"),
    ROW("tcp_no_ssthresh_metrics_save", no_ssthresh_metrics_save, NUMBER, 1, 0, 1,
        "1: nor is the slow start threshold, in any case"),
    ROW("tcp_orphan_retries", orphan_timeout_ms, RETRIES, 8, 0, 15,
        "retransmissions for who has let go; 0 is 8"),
    ROW("tcp_pacing_ca_ratio", pacing_avoidance_percent, NUMBER, 1, 1, 1000,
        "per cent of a window a round trip, where pacing is asked for"),
    ROW("tcp_pacing_ss_ratio", pacing_slow_start_percent, NUMBER, 1, 1, 1000,
        "likewise in slow start"),
    ROW("tcp_pingpong_thresh", pingpong_threshold, NUMBER, 1, 1, 255,
        "answers after which acknowledgements wait for the next one"),
    ROW("tcp_probe_interval", probe_interval_s, NUMBER, 1, 1, 86400,
        "seconds from one search for the path's MTU to the next"),
    ROW("tcp_probe_threshold", probe_threshold, NUMBER, 1, 1, 65535,
        "bytes that are not worth a probe"),
    ROW("tcp_recovery", recovery, NUMBER, 1, 0, 7,
        "RFC 8985; 2: its reordering window never widens, 4: three SACKs do not end it"),
    ROW("tcp_reflect_tos", reflect_tos, NUMBER, 1, 0, 1,
        "a connection that a peer opens has the traffic class of its SYN"),
    ROW("tcp_reordering", reordering, NUMBER, 1, 1, 127,
        "segments behind a gap that tell of a loss at once"),
    ROW("tcp_retrans_collapse", retrans_collapse, NUMBER, 1, 0, 1,
        "small segments that are lost together go again in one"),
    ROW("tcp_retries1", doubt_after, NUMBER, 1, 1, 255,
        "time-outs before IP is to doubt its next hop"),
    ROW("tcp_retries2", give_up_ms, RETRIES, 1, 1, 15,
        "retransmissions before a connection is given up"),
    ROW("tcp_rfc1337", rfc1337, NUMBER, 1, 0, 1, "a reset does not end TIME-WAIT, RFC 1337"),
    ROW("tcp_rmem", receive_buffer, BUFFER, 2, LEAST_BUFFER, INT32_MAX,
        "receive buffer: least, at first, most; half is window"),
    ROW("tcp_rto_max_ms", rto_max_us, NUMBER, 1000, 1000, 120000,
        "longest retransmission time-out"),
    ROW("tcp_rto_min_us", rto_min_us, NUMBER, 1, 1000, 1000000, "shortest retransmission time-out"),
    ROW("tcp_sack", sack, NUMBER, 1, 0, 1, "selective acknowledgements, RFC 2018"),
    ROW("tcp_shrink_window", shrink_window, NUMBER, 1, 0, 1,
        "windows shrink where memory would run out, RFC 7323, 2.4"),
    ROW("tcp_slow_start_after_idle", slow_start_after_idle, NUMBER, 1, 0, 1,
        "after a time-out's pause begin with the first window again"),
    ROW("tcp_stdurg", standard_urgent, NUMBER, 1, 0, 1,
        "the urgent pointer points to the last urgent byte, not behind it"),
    ROW("tcp_syn_linear_timeouts", syn_linear, NUMBER, 1, 0, 127,
        "time-outs of a SYN, beyond tcp_syn_retries, before they double"),
    ROW("tcp_syn_retries", syn_retries, NUMBER, 1, 1, 127, "retransmissions of a SYN"),
    ROW("tcp_synack_retries", synack_retries, NUMBER, 1, 0, 255, "retransmissions of a SYN+ACK"),
    ROW("tcp_syncookies", syncookies, NUMBER, 1, 0, 2,
        "0: never, 1: when half-open entries run out, 2: always"),
    ROW("tcp_thin_linear_timeouts", thin_linear, NUMBER, 1, 0, 1,
        "time-outs of streams of less than four segments do not double, six times"),
    ROW("tcp_timestamps", timestamps, NUMBER, 1, 0, 2,
        "RFC 7323; 2: without an offset of the connection's own"),
    ROW("tcp_tso_rtt_log", near_shift, NUMBER, 1, 0, 31,
        "microseconds, as a power of two, by which the least round trip halves large segments"),
    ROW("tcp_tso_win_divisor", tso_divisor, NUMBER, 1, 0, 255,
        "part of a window that goes at once; less may wait for a millisecond to be more"),
    ROW("tcp_tw_reuse", tw_reuse, NUMBER, 1, 0, 2,
        "take ends from TIME-WAIT, RFC 6191; 0: never, 1: yes, 2: to ourselves"),
    ROW("tcp_tw_reuse_delay", tw_reuse_delay_ms, NUMBER, 1, 1, 60000, "milliseconds until then"),
    ROW("tcp_user_timeout_least", user_timeout_least_ms, NUMBER, 1000, 1, 86400,
        "seconds, of a user time-out that the peer may ask for"),
    ROW("tcp_user_timeout_most", user_timeout_most_ms, NUMBER, 1000, 100, 86400, "likewise"),
    ROW("tcp_user_timeout_option", user_timeout_option, NUMBER, 1, 0, 1,
        "tell TCP_USER_TIMEOUT to the peer, and adopt its own, RFC 5482"),
    ROW("tcp_window_scaling", window_scaling, NUMBER, 1, 0, 1, "RFC 7323"),
    ROW("tcp_wmem", send_buffer, BUFFER, 1, LEAST_BUFFER, INT32_MAX,
        "send buffer: least, at first, most"),
    ROW("tcp_workaround_signed_windows", signed_windows, NUMBER, 1, 0, 1,
        "tell of no more than 32767 bytes where no scale was agreed on"),
};

enum { ROWS = sizeof rows / sizeof rows[0], VALUES = 3, DIGITS_MAX = 18 };

/* ---- Text ---------------------------------------------------------------------------------- */

static bool text_equal(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return *a == *b;
}

/* What follows the prefix, or the whole text when it is not there. */
static const char *behind(const char *text, const char *prefix)
{
    const char *at = text;
    while (*prefix != '\0' && *at == *prefix) {
        at++;
        prefix++;
    }
    return *prefix == '\0' ? at : text;
}

/* Linux's prefix may stand in front, with dots or slashes. */
static const struct row *row_of(const char *name)
{
    name = behind(behind(name, "net.ipv4."), "net/ipv4/");
    for (unsigned i = 0; i < ROWS; i++) {
        if (text_equal(rows[i].knob.name, name))
            return &rows[i];
    }
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* The next number of *text, which moves behind it; -1 when there is none. */
static int64_t read_number(const char **text)
{
    int64_t value = 0;
    const char *at = *text;
    while (is_blank(*at))
        at++;
    const char *first = at;
    for (; *at >= '0' && *at <= '9' && at - first < DIGITS_MAX; at++)
        value = value * 10 + (*at - '0');
    *text = at;
    return at == first || (*at != '\0' && !is_blank(*at)) ? -1 : value;
}

static bool at_end(const char *text)
{
    while (is_blank(*text))
        text++;
    return *text == '\0';
}

/* What did not fit is left out; the text always ends. */
struct writer {
    char *at, *end;
};

static void put_text(struct writer *writer, const char *text)
{
    while (*text != '\0' && writer->at < writer->end)
        *writer->at++ = *text++;
}

static void put_number(struct writer *writer, uint64_t value)
{
    char digits[21];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do
        *--at = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    put_text(writer, at);
}

/* ---- Kept values --------------------------------------------------------------------------- */

static void keep(struct tcp_knobs *knobs, const struct row *row, uint64_t value)
{
    uint8_t *field = (uint8_t *)knobs + row->offset;
    if (row->size == sizeof(uint8_t)) {
        *field = (uint8_t)value;
    } else if (row->size == sizeof(uint16_t)) {
        uint16_t half = (uint16_t)value;
        memcpy(field, &half, sizeof half);
    } else {
        uint32_t word = (uint32_t)value;
        memcpy(field, &word, sizeof word);
    }
}

static uint32_t kept(const struct tcp_knobs *knobs, const struct row *row)
{
    const uint8_t *field = (const uint8_t *)knobs + row->offset;
    if (row->size == sizeof(uint8_t))
        return *field;
    if (row->size == sizeof(uint16_t)) {
        uint16_t half;
        memcpy(&half, field, sizeof half);
        return half;
    }
    uint32_t word;
    memcpy(&word, field, sizeof word);
    return word;
}

/* How long so many retransmissions take when the round trip is short, as Linux counts. */
static uint32_t time_of_retries(int64_t retries)
{
    uint32_t total = 0, rto = RTO_MIN_MS;
    for (int64_t i = 0; i <= retries; i++) {
        total += rto;
        rto = rto * 2 < RTO_MAX_MS ? rto * 2 : RTO_MAX_MS;
    }
    return total;
}

static uint32_t retries_of_time(uint32_t ms)
{
    uint32_t retries = 0;
    while (time_of_retries(retries) < ms)
        retries++;
    return retries;
}

static bool in_range(const struct row *row, int64_t value)
{
    return value >= row->knob.least && value <= row->knob.most;
}

/* The most is no more than the host was laid out for. */
static bool set_buffer(struct tcp_knobs *knobs, const struct row *row, const char *text)
{
    int64_t values[VALUES];
    for (unsigned i = 0; i < VALUES; i++) {
        values[i] = read_number(&text);
        if (!in_range(row, values[i]) || (i != 0 && values[i] < values[i - 1]))
            return false;
    }
    bool receiving = row->offset == offsetof(struct tcp_knobs, receive_buffer);
    uint32_t limit = receiving ? knobs->receive_buffer_limit : knobs->send_buffer_limit;
    uint32_t most = values[2] < limit ? (uint32_t)values[2] : limit;
    uint32_t first = (uint32_t)values[1] / row->unit;
    first = first < most ? first : most;
    if (receiving) {
        knobs->receive_buffer = first;
        knobs->receive_buffer_max = most;
    } else {
        knobs->send_buffer = first;
        knobs->send_buffer_max = most;
    }
    return at_end(text);
}

static bool set_algorithm(struct tcp_knobs *knobs, const char *text)
{
    for (unsigned i = 0; i < CHASKI_CONGESTION_COUNT; i++) {
        if (text_equal(congestion_algorithm(i)->name, text)) {
            knobs->congestion = (uint8_t)i;
            return true;
        }
    }
    return false;
}

static bool set_number(struct tcp_knobs *knobs, const struct row *row, const char *text)
{
    int64_t value = read_number(&text);
    if (!in_range(row, value) || !at_end(text))
        return false;
    if (row->kind == RETRIES)
        keep(knobs, row, time_of_retries(value != 0 ? value : row->unit));
    else
        keep(knobs, row, (uint64_t)value * row->unit);
    return true;
}

static bool set_row(struct tcp_knobs *knobs, const struct row *row, const char *text)
{
    switch (row->kind) {
    case ALGORITHM:
        return set_algorithm(knobs, text);
    case BUFFER:
        return set_buffer(knobs, row, text);
    default:
        return set_number(knobs, row, text);
    }
}

/* ---- What others call ---------------------------------------------------------------------- */

int tcp_knob_set(struct tcp_knobs *knobs, const char *name, const char *text)
{
    const struct row *row = row_of(name);
    struct tcp_knobs changed = *knobs;
    if (row == NULL)
        return CHASKI_UNKNOWN;
    if (!set_row(&changed, row, text))
        return CHASKI_INVALID;
    *knobs = changed;
    return 0;
}

/* A buffer that the host's limit has cut is all window; the most is told so that what is told can
 * be set again. */
static void put_buffer(struct writer *writer, const struct tcp_knobs *knobs, const struct row *row)
{
    bool receiving = row->offset == offsetof(struct tcp_knobs, receive_buffer);
    uint64_t most = receiving ? knobs->receive_buffer_max : knobs->send_buffer_max;
    uint64_t first = (uint64_t)kept(knobs, row) * row->unit;
    put_number(writer, LEAST_BUFFER);
    put_text(writer, " ");
    put_number(writer, first);
    put_text(writer, " ");
    put_number(writer, most > first ? most : first);
}

int tcp_knob_get(const struct tcp_knobs *knobs, const char *name, char *text, size_t size)
{
    const struct row *row = row_of(name);
    if (row == NULL)
        return CHASKI_UNKNOWN;
    if (size == 0)
        return CHASKI_INVALID;
    struct writer writer = {text, text + size - 1};
    if (row->kind == ALGORITHM)
        put_text(&writer, congestion_algorithm(kept(knobs, row))->name);
    else if (row->kind == RETRIES)
        put_number(&writer, retries_of_time(kept(knobs, row)));
    else if (row->kind == BUFFER)
        put_buffer(&writer, knobs, row);
    else
        put_number(&writer, kept(knobs, row) / row->unit);
    *writer.at = '\0';
    return 0;
}

bool tcp_knob_describe(unsigned number, struct chaski_knob *knob)
{
    if (number >= ROWS)
        return false;
    *knob = rows[number].knob;
    return true;
}
