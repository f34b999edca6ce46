/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/end.h"

/* What an end may know from what comes in: RFC 9293, 3.10.7.3 and 3.10.7.4. */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t model_position(uint32_t sequence, uint32_t origin, int64_t near)
{
    return near + (int32_t)(sequence - origin - (uint32_t)near);
}

void model_end_hears_syn(struct model_end *end, const struct model_segment *segment)
{
    /* Of one that is repeated the host may have taken either. */
    bool again = end->heard_syn && end->irs == segment->sequence;
    uint32_t mss = segment->has_mss ? segment->mss : 536;
    bool older = (int32_t)(segment->timestamp - end->latest_timestamp) < 0;
    end->heard_syn = true;
    end->irs = segment->sequence;
    end->peer_mss = again && end->peer_mss > mss ? end->peer_mss : mss;
    end->peer_scaling = segment->has_scale;
    end->peer_scale = segment->scale < 14 ? segment->scale : 14;
    end->peer_sack = segment->has_sack_permitted;
    end->peer_timestamps = segment->has_timestamp;
    end->syn_timestamp = again ? end->syn_timestamp : segment->timestamp;
    end->latest_timestamp = again && older ? end->latest_timestamp : segment->timestamp;
    end->fast |= segment->opens_fast || segment->length != 0;
    /* What comes with it may be kept, and acknowledged already (RFC 9293, 3.10.7.2; RFC 7413). */
    int64_t came = 1 + segment->length, fin = (segment->flags & MODEL_FIN) != 0;
    if (!again)
        end->expected = end->received.count = 0;
    end->peer_fin = fin ? came : 0;
    end->expected = larger(end->expected, came + fin);
    model_ranges_add(&end->received, 1, end->expected);
    end->peer_edge = larger(again ? end->peer_edge : 0, segment->window + 1);
}

bool model_end_may_give_up(const struct model_end *end, uint64_t now_ns)
{
    static const uint64_t seconds_100 = UINT64_C(100) * 1000000000;
    return end->seen_ns != 0 && now_ns - end->seen_ns > seconds_100 && end->sent > end->settled;
}

/* Timestamps of a millisecond come round in 49 days, and after 24 days TS.Recent may be taken for
 * outdated (RFC 7323, 5.5). */
void model_end_lives(struct model_end *end, uint64_t now_ns)
{
    static const uint64_t days_12 = UINT64_C(12) * 24 * 3600 * 1000000000;
    uint64_t silent = end->seen_ns != 0 ? now_ns - end->seen_ns : 0;
    end->timeless |= silent > days_12;
    end->may_be_gone |= model_end_may_give_up(end, now_ns);
    end->seen_ns = now_ns;
}

/* A SYN with 0 tells no time: some peers begin with that, and only then with their clock. */
bool model_end_before(const struct model_end *end, uint32_t timestamp, uint32_t recent)
{
    return !(recent == 0 && end->syn_timestamp == 0) && (int32_t)(timestamp - recent) < 0;
}

/* What is older than TS.Recent is not taken in. */
static bool is_old(const struct model_end *end, const struct model_segment *segment,
                   const struct model_options *options)
{
    return end->has_echoed && (options->exact || !end->echoed_on_syn) && segment->has_timestamp &&
           !end->timeless && model_end_before(end, segment->timestamp, end->recent);
}

/* A peer whose clock leaps: what is half the numbers away from what was echoed last is old, or was
 * led up to by others in between, of which the host has taken some, or is new where no time was
 * told before. */
static bool has_leapt(const struct model_end *end, const struct model_segment *segment,
                      const struct model_options *options)
{
    bool older = (int32_t)(segment->timestamp - end->recent) < 0;
    return !options->exact && end->has_echoed && segment->has_timestamp && older &&
           !(model_end_before(end, segment->timestamp, end->recent) &&
             model_end_before(end, segment->timestamp, end->latest_timestamp));
}

/* A SYN begins, but for the answer to ours when both have opened at once (RFC 9293, 3.5, figure 7);
 * everything else acknowledges (3.10.7.4); timestamps are there once they are agreed on (RFC 7323,
 * 3.2). */
static bool is_out_of_place(const struct model_end *end, const struct model_segment *segment)
{
    bool crosses = end->active && (segment->flags & MODEL_ACK) && end->settled < 1;
    if (segment->flags & MODEL_SYN)
        return segment->sequence != end->irs || (end->answered && !crosses);
    bool stamped = end->our_timestamps && end->peer_timestamps;
    return !(segment->flags & MODEL_ACK) || (stamped && !segment->has_timestamp);
}

/* Surely not acceptable (RFC 9293, 3.10.7.4, first): RCV.NXT is what was told, or more, and the
 * window does not reach further than it was told to, or, where an acknowledgement may have been
 * lost in the host, than it can be told to. */
static bool is_outside(const struct model_end *end, const struct model_segment *segment,
                       const struct model_options *options)
{
    int64_t widest = end->expected + (INT64_C(65535) << end->our_scale);
    int64_t edge = options->exact ? end->edge : larger(end->edge, widest);
    int64_t from = model_position(segment->sequence, end->irs, end->expected);
    int64_t last = from + segment->length + ((segment->flags & MODEL_FIN) != 0);
    last -= last > from;
    return !(segment->flags & MODEL_SYN) && (from > edge || last < end->told);
}

/* Surely acceptable, where RCV.NXT is known. */
static bool is_inside(const struct model_end *end, const struct model_segment *segment)
{
    int64_t from = model_position(segment->sequence, end->irs, end->expected);
    int64_t to = from + segment->length + ((segment->flags & MODEL_FIN) != 0);
    return from < end->expected ? to > end->expected : from < end->edge;
}

/* RFC 9293, 3.10.7.4 and RFC 5961, 5.2: what acknowledges the future, or what was acknowledged more
 * than a window ago, is not taken in. */
static bool acknowledges_elsewhere(const struct model_end *end, const struct model_segment *segment)
{
    int64_t ack = model_position(segment->acknowledgment, end->iss, end->acknowledged);
    return (segment->flags & MODEL_ACK) &&
           (ack > end->sent || ack < end->settled - end->peer_window);
}

bool model_end_is_over(const struct model_end *end)
{
    return end->fin_at != 0 && end->acknowledged > end->fin_at && end->peer_fin != 0 &&
           end->told > end->peer_fin;
}

bool model_end_may_be_forgotten(const struct model_end *end, const struct model_options *options)
{
    bool closing = end->fin_at != 0 && end->peer_fin != 0 && end->told > end->peer_fin;
    bool impatient = !options->calls && end->sent > 1;
    return model_end_is_over(end) || end->reset || end->reset_in || end->may_be_gone || impatient ||
           (closing && end->gone);
}

void model_end_begins_anew(struct model_end *end, const struct model_end *old,
                           const struct model_segment *segment)
{
    bool agreed = segment->has_timestamp;
    *end = (struct model_end){
        .next = end->next,
        .ends = end->ends,
        .sent_syn = true,
        .heard_syn = true,
        .iss = old->iss,
        .irs = old->irs,
        .peer_mss = old->peer_mss,
        .our_mss = old->our_mss,
        .our_scaling = agreed && old->our_scaling,
        .our_sack = agreed && old->our_sack,
        .our_timestamps = agreed && old->our_timestamps,
        .peer_scaling = old->peer_scaling,
        .peer_sack = old->peer_sack,
        .peer_timestamps = old->peer_timestamps,
        .our_scale = old->our_scale,
        .peer_scale = old->peer_scale,
        .sent = 1,
        .bytes_from = 1,
        .first_timestamp = old->first_timestamp,
        .last_timestamp = old->last_timestamp,
        .expected = 1,
        .told = 1,
        .edge = old->edge,
        .latest_timestamp = segment->timestamp,
        .syn_timestamp = segment->timestamp,
        .unsure = true,
    };
}

/* RFC 9293, 3.10.7.4 and RFC 5961, 3.2: only at RCV.NXT does a reset end the connection; in
 * TIME-WAIT not even there (RFC 1337). Where RCV.NXT is not known, any may have been obeyed, and
 * none must. */
static void hear_reset(struct model_end *end, const struct model_segment *segment,
                       const struct model_options *options, uint64_t now_ns)
{
    int64_t at = model_position(segment->sequence, end->irs, end->expected);
    bool waits = end->waits && model_end_is_over(end);
    bool obeyed =
        end->heard_syn && end->answered && !end->timeless && at == end->expected && !waits;
    if (end->reset_in || (options->exact && !obeyed))
        return;
    end->reset_in = true;
    end->reset_in_ns = now_ns;
}

static void hear_acknowledgment(struct model_end *end, const struct model_segment *segment,
                                const struct model_options *options)
{
    int64_t ack = model_position(segment->acknowledgment, end->iss, end->acknowledged);
    bool known = ack <= end->sent; /* else it was lost in the host, or this is forged */
    if (!(segment->flags & MODEL_ACK) || (options->exact && !known))
        return;
    bool scaled = end->our_scaling && end->peer_scaling && !(segment->flags & MODEL_SYN);
    int64_t window = (int64_t)segment->window << (scaled ? end->peer_scale : 0);
    if ((segment->flags & MODEL_SYN) && ack >= 1 && ack < end->sent && end->acknowledged < 1)
        end->sent = ack; /* what came with our SYN was not taken, and goes in the ordinary way */
    if (ack > end->acknowledged || (ack == end->acknowledged && ack + window < end->least_edge))
        end->least_edge = ack + window;
    end->acknowledged = larger(end->acknowledged, known ? ack : 0);
    if (options->exact && !end->timeless && is_inside(end, segment))
        end->settled = larger(end->settled, ack);
    end->peer_edge = larger(end->peer_edge, ack + window);
    end->peer_window = larger(end->peer_window, window);
}

/* RFC 7323, 4.3: what TS.Recent is before it is echoed. */
static void hear_timestamp(struct model_end *end, const struct model_segment *segment)
{
    int64_t from = model_position(segment->sequence, end->irs, end->expected);
    if (end->has_echoed && segment->has_timestamp && !end->timeless && from <= end->told &&
        !model_end_before(end, segment->timestamp, end->recent))
        end->recent = segment->timestamp;
}

static void owe(struct model_end *end, int64_t before, uint64_t now_ns)
{
    if (end->expected == before || end->gone || end->reset_in || end->timeless || end->may_be_gone)
        return;
    if (end->owed_ns == 0)
        end->owed_ns = now_ns;
    end->owed_bytes += end->expected - before;
}

/* Beyond the window that was told nothing is taken in; but an acknowledgement that was lost in the
 * host may have told more. */
static void hear_text(struct model_end *end, const struct model_segment *segment,
                      const struct model_options *options, uint64_t now_ns)
{
    int64_t from = model_position(segment->sequence, end->irs, end->expected), before;
    if (segment->flags & MODEL_SYN)
        from++;
    int64_t to = from + segment->length;
    int64_t edge = options->exact ? end->edge : to;
    before = end->expected;
    if ((segment->flags & MODEL_FIN) && to <= edge && to > 0) {
        end->peer_fin = to;
        end->fin_ns = now_ns;
        model_ranges_add(&end->received, to, to + 1);
    }
    model_ranges_add(&end->received, larger(from, 1), to < edge ? to : edge);
    end->expected = larger(end->expected, model_ranges_end(&end->received, end->expected));
    owe(end, before, now_ns);
}

void model_end_hears(struct model_end *end, const struct model_segment *segment,
                     const struct model_options *options, uint64_t now_ns)
{
    if (segment->flags & MODEL_RST) {
        hear_reset(end, segment, options, now_ns);
        return;
    }
    if (segment->length != 0 || (segment->flags & (MODEL_SYN | MODEL_FIN)))
        end->text_ns = now_ns;
    end->timeless |= has_leapt(end, segment, options);
    if (!end->heard_syn || is_out_of_place(end, segment) || is_old(end, segment, options) ||
        is_outside(end, segment, options))
        return;
    if (options->exact && acknowledges_elsewhere(end, segment))
        return;
    if (segment->has_timestamp && !model_end_before(end, segment->timestamp, end->latest_timestamp))
        end->latest_timestamp = segment->timestamp;
    if (options->exact && is_inside(end, segment))
        hear_timestamp(end, segment);
    hear_acknowledgment(end, segment, options);
    hear_text(end, segment, options, now_ns);
}
