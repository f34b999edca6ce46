/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/end.h"

/* SYN and SYN+ACK: RFC 9293, 3.4, 3.5 and 3.7.1; RFC 7323, 2.2 and 3.2; RFC 2018, 2. */

static const char *judge_options(const struct model_end *end, const struct model_segment *segment)
{
    bool answers = (segment->flags & MODEL_ACK) != 0;
    if (segment->malformed)
        return "options do not parse (RFC 9293, 3.2)";
    if (!segment->has_mss)
        return "a SYN has no maximum segment size (RFC 9293, 3.7.1)";
    if (segment->has_scale && segment->scale > 14)
        return "a window scale beyond 14 (RFC 7323, 2.3)";
    if (segment->blocks != 0)
        return "a SYN reports blocks (RFC 2018, 3)";
    if (segment->has_scale && answers && !end->peer_scaling)
        return "a SYN+ACK scales the window of a peer that did not (RFC 7323, 2.2)";
    if (segment->has_sack_permitted && answers && !end->peer_sack)
        return "a SYN+ACK permits SACK to a peer that did not (RFC 2018, 2)";
    if (segment->has_timestamp && answers && !end->peer_timestamps)
        return "a SYN+ACK has a timestamp for a peer that sent none (RFC 7323, 3.2)";
    if (segment->has_timestamp && answers && !end->timeless &&
        segment->echo != end->syn_timestamp && (int32_t)(segment->echo - end->latest_timestamp) > 0)
        return "a SYN+ACK echoes a timestamp that never came (RFC 7323, 3.2)";
    return NULL;
}

const char *model_syn_judges(const struct model_end *end, const struct model_segment *segment,
                             const struct model_options *options)
{
    bool answers = (segment->flags & MODEL_ACK) != 0;
    if (segment->flags & (MODEL_FIN | MODEL_RST))
        return "a SYN ends what it begins (RFC 9293, 3.5)";
    if (segment->length != 0 && !segment->opens_fast && !options->fast_open)
        return "text before the connection is established (RFC 9293, 3.10.4; RFC 7413)";
    if (answers && !end->heard_syn)
        return "a SYN is acknowledged that never came (RFC 9293, 3.5)";
    int64_t ack = model_position(segment->acknowledgment, end->irs, 1);
    if (answers && (ack < 1 || ack > end->expected))
        return "a SYN+ACK acknowledges something else than the SYN (RFC 9293, 3.5)";
    if (!answers && !end->active)
        return "a SYN that nobody asked for (RFC 9293, 3.10.1)";
    if (!answers && segment->acknowledgment != 0 && end->sent_syn && end->heard_syn)
        return "a SYN without ACK has an acknowledgement (RFC 9293, 3.1)";
    bool known = end->sent_syn || (end->active && options->calls);
    if (known && segment->sequence != end->iss)
        return "a SYN is repeated with another sequence number (RFC 9293, 3.4)";
    return judge_options(end, segment);
}

void model_syn_sends(struct model_end *end, const struct model_segment *segment)
{
    bool answers = (segment->flags & MODEL_ACK) != 0;
    if (!end->sent_syn) {
        end->iss = segment->sequence;
        end->first_timestamp = segment->timestamp;
        end->sent = end->sent > 1 ? end->sent : 1;
        end->bytes_from = 1;
    }
    end->sent_syn = true;
    end->fast |= segment->opens_fast || segment->length != 0;
    if (segment->length != 0 && end->sent == 1) {
        model_end_notes(end, segment->payload, segment->length);
        end->sent += segment->length;
    }
    end->our_scaling = segment->has_scale;
    end->our_scale = segment->scale;
    end->our_sack = segment->has_sack_permitted;
    end->our_timestamps = segment->has_timestamp;
    end->last_timestamp = segment->timestamp;
    end->our_mss = segment->mss;
    int64_t told = answers ? model_position(segment->acknowledgment, end->irs, 1) : 1;
    int64_t edge = told + segment->window;
    end->edge = edge > end->edge ? edge : end->edge;
    end->kept = edge > end->kept ? edge : end->kept;
    if (!answers)
        return;
    end->told = told;
    if (end->active) /* both have opened: what our SYN carried goes in the ordinary way */
        end->sent = 1;
    if (!end->answered && end->told < end->expected) { /* what came with the SYN was not kept */
        end->expected = end->told;
        end->received.count = 0;
        model_ranges_add(&end->received, 1, end->told);
    }
    end->answered = true;
    end->has_echoed = end->echoed_on_syn = segment->has_timestamp;
    end->echoed = end->recent = segment->echo;
}
