/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/end.h"

#include <stdlib.h>
#include <string.h>

/* What an end may send once its SYN is out. A rule is a function; the first that is broken speaks.
 */

static bool scaled(const struct model_end *end)
{
    return end->our_scaling && end->peer_scaling;
}

static bool stamped(const struct model_end *end)
{
    return end->our_timestamps && end->peer_timestamps;
}

static int64_t position(const struct model_end *end, const struct model_segment *segment)
{
    return model_position(segment->sequence, end->iss, end->sent);
}

/* ---- Sequence numbers and text ---- */

static const char *judge_sequence(const struct model_end *end, const struct model_segment *segment,
                                  const struct model_options *options)
{
    int64_t from = position(end, segment);
    bool empty = segment->length == 0 && !(segment->flags & MODEL_FIN);
    if (from > end->sent && options->exact)
        return "a segment leaves a gap behind what was sent (RFC 9293, 3.4)";
    if (from < 0)
        return "a segment begins before the first sequence number (RFC 9293, 3.4)";
    /* Where the window shrank, or seems to by an acknowledgement that was overtaken, its edge is as
     * good: the peer might not listen to what lies beyond. */
    if (options->exact && empty && from < end->sent && from > end->acknowledged &&
        from < end->least_edge)
        return "an acknowledgement does not stand at SND.NXT (RFC 9293, 3.10.7.4)";
    if (!empty && from < 1)
        return "text takes the place of the SYN (RFC 9293, 3.4)";
    return NULL;
}

static const char *judge_text(const struct model_end *end, const struct model_segment *segment,
                              const struct model_options *options)
{
    int64_t from = position(end, segment), to = from + segment->length;
    bool fin = (segment->flags & MODEL_FIN) != 0;
    if (segment->length == 0 && !fin)
        return NULL;
    if (end->acknowledged < 1 && !end->fast)
        return "text or FIN before the SYN is acknowledged (RFC 9293, 3.10.4)";
    if (to > end->peer_edge)
        return "text beyond the peer's window (RFC 9293, 3.8.6)";
    if (to + fin > end->peer_edge)
        return "a FIN beyond the peer's window (RFC 9293, 3.4 and 3.8.6)";
    uint32_t room =
        segment->options_length < end->peer_mss ? end->peer_mss - segment->options_length : 0;
    if (segment->unit > (room > 64 ? room : 64))
        return "a segment is longer than the peer takes (RFC 9293, 3.7.1)";
    if (end->fin_at != 0 && to > end->fin_at)
        return "text behind the FIN (RFC 9293, 3.6)";
    if (end->fin_at != 0 && fin && to != end->fin_at)
        return "a FIN moves (RFC 9293, 3.6)";
    if (fin && to < end->sent - !options->exact && end->fin_at == 0)
        return "a FIN stands before what was sent (RFC 9293, 3.6)";
    return NULL;
}

/* With every call shown, what was written is known as well. */
static const char *judge_written(const struct model_end *end, const struct model_segment *segment)
{
    int64_t from = position(end, segment), to = from + segment->length;
    int64_t all = 1 + (int64_t)end->written;
    bool fin = (segment->flags & MODEL_FIN) != 0;
    if (from > all + end->shut)
        return "a segment stands behind all that was written (RFC 9293, 3.4)";
    if (to > all && segment->length != 0)
        return "text that nobody wrote (RFC 9293, 3.10.2)";
    if (fin && !end->shut)
        return "a FIN that nobody asked for (RFC 9293, 3.10.4)";
    if (fin && to != all)
        return "a FIN before all text that was written (RFC 9293, 3.10.4)";
    if (segment->length != 0 && to == all && to > end->sent && !(segment->flags & MODEL_PSH))
        return "the last text that waits is not pushed (RFC 9293, 3.9.1.2)";
    return NULL;
}

static const char *judge_repetition(const struct model_end *end,
                                    const struct model_segment *segment)
{
    int64_t from = position(end, segment), to = from + segment->length;
    int64_t known = end->bytes_from + (int64_t)end->bytes_length;
    int64_t first = from > end->bytes_from ? from : end->bytes_from;
    int64_t last = to < known ? to : known;
    if (first < last && memcmp(segment->payload + (first - from),
                               end->bytes + (first - end->bytes_from), (size_t)(last - first)) != 0)
        return "text changes when it is repeated (RFC 9293, 3.8.1)";
    return NULL;
}

/* ---- Acknowledgement and window ---- */

static const char *judge_acknowledgment(const struct model_end *end,
                                        const struct model_segment *segment,
                                        const struct model_options *options)
{
    int64_t ack = model_position(segment->acknowledgment, end->irs, end->expected);
    if (!(segment->flags & MODEL_ACK))
        return "a segment without ACK (RFC 9293, 3.1)";
    if (!end->heard_syn)
        return "a segment before the peer's SYN (RFC 9293, 3.10.7.3)";
    if (ack > end->expected)
        return "what has not come is acknowledged (RFC 9293, 3.8)";
    if (ack < end->told)
        return "an acknowledgement goes back (RFC 9293, 3.8)";
    if (end->peer_fin != 0 && ack > end->peer_fin)
        return NULL; /* nothing comes any more */
    int64_t shift = scaled(end) ? end->our_scale : 0;
    int64_t edge = ack + ((int64_t)segment->window << shift);
    bool may_shrink = end->unsure || (options->shrinks && shift != 0);
    if (!may_shrink && edge + (INT64_C(1) << shift) <= end->kept)
        return "the window shrinks (RFC 9293, 3.8.6)";
    return NULL;
}

static const char *judge_blocks(const struct model_end *end, const struct model_segment *segment)
{
    if (segment->blocks != 0 && !(end->our_sack && end->peer_sack))
        return "blocks are reported that were not agreed on (RFC 2018, 2)";
    int64_t ack = model_position(segment->acknowledgment, end->irs, end->expected);
    for (uint32_t i = 0; i < segment->blocks; i++) {
        int64_t from = model_position(segment->block[i][0], end->irs, end->expected);
        int64_t to = model_position(segment->block[i][1], end->irs, end->expected);
        if (from >= to)
            return "a block is empty (RFC 2018, 3)";
        bool twice = i == 0 && to <= ack; /* RFC 2883 */
        if (!twice && from < ack)
            return "a block lies before the acknowledgement (RFC 2018, 3)";
        if (!twice && !model_ranges_have(&end->received, from, to))
            return "a block reports what has not come (RFC 2018, 4)";
    }
    return NULL;
}

static const char *judge_options(const struct model_end *end, const struct model_segment *segment,
                                 const struct model_options *options)
{
    if (segment->malformed || segment->reserved)
        return "options do not parse, or reserved bits are set (RFC 9293, 3.1)";
    if (segment->has_mss || segment->has_scale || segment->has_sack_permitted)
        return "options of a SYN without one (RFC 9293, 3.2; RFC 7323, 2.2; RFC 2018, 2)";
    if (segment->has_timestamp != stamped(end))
        return "timestamps are there without having been agreed on, or missing (RFC 7323, 3.2)";
    if (!segment->has_timestamp || end->timeless)
        return NULL;
    if ((int32_t)(segment->timestamp - end->last_timestamp) < 0)
        return "timestamps go back (RFC 7323, 4.1)";
    if (segment->echo != end->syn_timestamp && (int32_t)(segment->echo - end->latest_timestamp) > 0)
        return "a timestamp is echoed that never came (RFC 7323, 4.3)";
    bool knows = end->has_echoed && (options->exact || !end->echoed_on_syn);
    if (knows && model_end_before(end, segment->echo, end->echoed))
        return "TS.Recent goes back (RFC 7323, 4.3)";
    return NULL;
}

/* The frames of one burst are all told to the model before what any of them is answered with: an
 * acknowledgement of text before the reset (RFC 9293, 3.8.6.3, and RFC 8257, 3.2, want some at
 * once). */
static bool precedes_reset(const struct model_end *end, const struct model_segment *segment,
                           uint64_t now_ns)
{
    return now_ns == end->reset_in_ns && now_ns == end->text_ns && segment->length == 0;
}

/* What must not be sent any more. */
static const char *judge_life(const struct model_end *end, const struct model_segment *segment,
                              uint64_t now_ns)
{
    int64_t to = position(end, segment) + segment->length;
    bool fin = (segment->flags & MODEL_FIN) != 0;
    if (end->reset)
        return "a connection that was reset goes on (RFC 9293, 3.10.5)";
    if (end->reset_in && !precedes_reset(end, segment, now_ns))
        return "a connection that the peer has reset goes on (RFC 9293, 3.10.7.4)";
    if ((segment->length != 0 || fin) && to + fin <= end->settled)
        return "what is acknowledged is sent again (RFC 9293, 3.10.7.4)";
    return NULL;
}

const char *model_end_judges(const struct model_end *end, const struct model_segment *segment,
                             const struct model_options *options, uint64_t now_ns)
{
    const char *broken = judge_acknowledgment(end, segment, options);
    if (broken == NULL)
        broken = judge_sequence(end, segment, options);
    if (broken == NULL)
        broken = judge_options(end, segment, options);
    if (broken == NULL)
        broken = judge_text(end, segment, options);
    if (broken == NULL && options->calls)
        broken = judge_written(end, segment);
    if (broken == NULL)
        broken = judge_repetition(end, segment);
    if (broken == NULL)
        broken = judge_blocks(end, segment);
    if (broken == NULL && (segment->flags & MODEL_URG) && segment->urgent == 0)
        broken = "an urgent pointer to nothing (RFC 9293, 3.8.5)";
    if (broken == NULL && options->exact)
        broken = judge_life(end, segment, now_ns);
    return broken;
}

/* ---- Taking note ---- */

/* Forgets what is acknowledged, now and then. */
static void forget_bytes(struct model_end *end)
{
    int64_t old = end->acknowledged - end->bytes_from;
    if (old < 1 << 20 || (uint64_t)old > end->bytes_length)
        return;
    memmove(end->bytes, end->bytes + old, end->bytes_length - (uint64_t)old);
    end->bytes_length -= (uint64_t)old;
    end->bytes_from += old;
}

void model_end_notes(struct model_end *end, const uint8_t *bytes, uint64_t length)
{
    if (end->bytes_length + length > end->bytes_room) {
        end->bytes_room = 2 * end->bytes_room + length;
        end->bytes = realloc(end->bytes, end->bytes_room);
        if (end->bytes == NULL)
            abort();
    }
    memcpy(end->bytes + end->bytes_length, bytes, length);
    end->bytes_length += length;
}

void model_end_sends(struct model_end *end, const struct model_segment *segment)
{
    int64_t from = position(end, segment), to = from + segment->length;
    forget_bytes(end);
    if (from > end->sent) { /* the host lost what stood before */
        end->bytes_from = from;
        end->bytes_length = 0;
    }
    int64_t known = end->bytes_from + (int64_t)end->bytes_length;
    if (to > known && segment->length != 0)
        model_end_notes(end, segment->payload + (known - from), (uint64_t)(to - known));
    if (segment->flags & MODEL_FIN) {
        if (end->fin_at == 0)
            end->waits = end->peer_fin == 0 || end->expected <= end->peer_fin;
        end->fin_at = to;
        to++;
    }
    end->sent = to > end->sent ? to : end->sent;
    end->told = model_position(segment->acknowledgment, end->irs, end->expected);
    int64_t edge = end->told + ((int64_t)segment->window << (scaled(end) ? end->our_scale : 0));
    end->edge = edge > end->edge ? edge : end->edge;
    end->kept = edge > end->kept ? edge : end->kept;
    end->answered = true;
    end->owed_ns = 0;
    end->owed_bytes = 0;
    if (!segment->has_timestamp)
        return;
    end->last_timestamp = segment->timestamp;
    if (!end->has_echoed || end->echoed_on_syn ||
        !model_end_before(end, segment->echo, end->recent))
        end->recent = segment->echo;
    end->echoed = segment->echo;
    end->has_echoed = true;
    end->echoed_on_syn = false;
}

void model_end_free(struct model_end *end)
{
    free(end->bytes);
    free(end->received.range);
    free(end);
}
