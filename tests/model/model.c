/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "tests/model/end.h"

/*
 * One host: its ends, newest first. A SYN that comes in makes an end that has not answered it; each
 * SYN+ACK with another sequence number makes a copy that has, so that cookies, entries that come
 * and go and ports that are taken again are each an end of their own. What comes in is shown to
 * all ends between the same addresses and ports, and what goes out must be allowed to one of them.
 */

enum { RECENT = 256, ENDS_EACH = 32, BUCKETS = 512 };

/* What came in lately, for resets that answer it. */
struct recent {
    struct model_tuple ends;
    uint32_t sequence, acknowledgment, length;
    uint8_t flags;
};

struct model {
    struct model_options options;
    struct model_end *ends[BUCKETS];
    struct recent recent[RECENT];
    uint32_t recent_count;
    bool blind; /* something came or went in fragments */
};

struct model *model_make(const struct model_options *options)
{
    struct model *model = calloc(1, sizeof *model);
    if (model != NULL)
        model->options = *options;
    return model;
}

void model_free(struct model *model)
{
    for (uint32_t i = 0; model != NULL && i < BUCKETS; i++)
        while (model->ends[i] != NULL) {
            struct model_end *next = model->ends[i]->next;
            model_end_free(model->ends[i]);
            model->ends[i] = next;
        }
    free(model);
}

/* ---- Ends ---- */

static bool same(const struct model_tuple *a, const struct model_tuple *b)
{
    return a->local == b->local && a->remote == b->remote && a->local_port == b->local_port &&
           a->remote_port == b->remote_port;
}

static struct model_end **bucket(struct model *model, const struct model_tuple *ends)
{
    uint32_t hash = ends->local * 31 + ends->remote;
    hash = hash * 31 + ends->local_port * 7u + ends->remote_port;
    return &model->ends[hash % BUCKETS];
}

/* The first of these from `end` on; NULL: none. */
static struct model_end *match(struct model_end *end, const struct model_tuple *ends)
{
    while (end != NULL && !same(&end->ends, ends))
        end = end->next;
    return end;
}

static struct model_end *newest(struct model *model, const struct model_tuple *ends)
{
    return match(*bucket(model, ends), ends);
}

/* Lets go of the oldest when there are many. */
static void limit(struct model *model, const struct model_tuple *ends)
{
    uint32_t count = 0;
    for (struct model_end **at = bucket(model, ends); *at != NULL;) {
        struct model_end *end = *at;
        if (same(&end->ends, ends) && ++count > ENDS_EACH) {
            *at = end->next;
            model_end_free(end);
        } else {
            at = &end->next;
        }
    }
}

/* A new one, like `origin` so far, if there is that. */
static struct model_end *add(struct model *model, const struct model_tuple *ends,
                             const struct model_end *origin)
{
    struct model_end **first = bucket(model, ends), *end = calloc(1, sizeof *end);
    if (end == NULL)
        abort();
    if (origin != NULL) {
        *end = *origin;
        end->received = model_ranges_copy(&origin->received);
        end->bytes = NULL;
        end->bytes_room = end->bytes_length = 0;
    }
    end->ends = *ends;
    end->next = *first;
    *first = end;
    return end;
}

/* ---- In ---- */

static void note_recent(struct model *model, const struct model_segment *segment)
{
    model->recent[model->recent_count++ % RECENT] = (struct recent){
        .ends = segment->ends,
        .sequence = segment->sequence,
        .acknowledgment = segment->acknowledgment,
        .length = segment->length + !!(segment->flags & MODEL_SYN) + !!(segment->flags & MODEL_FIN),
        .flags = segment->flags,
    };
}

/* Whether the end may have taken this SYN: its number and what it agrees to are the same, and
 * whether it tells a time. */
static bool is_of(const struct model_end *end, const struct model_segment *syn)
{
    return end->irs == syn->sequence && !end->syn_timestamp == !syn->timestamp &&
           end->peer_timestamps == syn->has_timestamp &&
           end->peer_sack == syn->has_sack_permitted && end->peer_scaling == syn->has_scale;
}

/* Whether an end is there that began as this one did and took that SYN. */
static bool has_taken(struct model *model, const struct model_end *end,
                      const struct model_segment *syn)
{
    struct model_end *at = newest(model, &end->ends);
    while (at != NULL && !(at->active && at->heard_syn && is_of(at, syn) && at->iss == end->iss))
        at = match(at->next, &end->ends);
    return at != NULL;
}

/* What echoes a timestamp that none of our SYNs had answers another connection (as Linux). The last
 * one may have left some minutes ago. */
static bool echoes_another(const struct model_end *end, const struct model_segment *segment)
{
    enum { PATIENCE_MS = 600000 };
    uint32_t latest = end->last_timestamp - end->first_timestamp + PATIENCE_MS;
    return end->our_timestamps && segment->has_timestamp && segment->echo != 0 &&
           segment->echo - end->first_timestamp > latest;
}

/* The peer's SYN as the answer to ours, or as one that crosses it. Another one than before may be
 * the one that was taken: both are possible as long as nothing was said to either. */
static void hear_syn_as_client(struct model *model, struct model_end *end,
                               const struct model_segment *segment)
{
    bool answers = (segment->flags & MODEL_ACK) != 0;
    if (!end->active)
        return;
    int64_t ack = model_position(segment->acknowledgment, end->iss, 1);
    if (answers && (!end->sent_syn || ack < 1 || ack > end->sent || echoes_another(end, segment)))
        return;
    bool another = end->heard_syn && !is_of(end, segment);
    if (end->heard_syn && (end->answered || (another && has_taken(model, end, segment))))
        return;
    struct model_end *taken = another ? add(model, &end->ends, end) : end;
    taken->heard_syn &= !another;
    model_end_hears_syn(taken, segment);
    taken->edge = taken->edge > 0 ? taken->edge : 1;
}

/* What was heard last is the first to be thought of. */
static void move_to_front(struct model *model, struct model_end *end)
{
    struct model_end **first = bucket(model, &end->ends), **at = first;
    while (*at != end)
        at = &(*at)->next;
    *at = end->next;
    end->next = *first;
    *first = end;
}

/* An end that has not answered this SYN, from which those that have are copied. */
static void hear_syn_as_server(struct model *model, const struct model_segment *segment)
{
    struct model_end *end = newest(model, &segment->ends);
    while (end != NULL && (end->active || end->sent_syn || end->awaited || !is_of(end, segment)))
        end = match(end->next, &segment->ends);
    if (end == NULL)
        end = add(model, &segment->ends, NULL);
    move_to_front(model, end);
    model_end_hears_syn(end, segment);
}

/* Whether an end is there that has said no more yet than this cookie. */
static bool waits_for(struct model *model, const struct model_end *gone,
                      const struct model_segment *segment)
{
    const struct model_end *end = newest(model, &gone->ends);
    while (end != NULL && !(end->sent_syn && end->iss == gone->iss && end->irs == gone->irs &&
                            end->sent == 1 && end->told <= 1 && !end->reset && !end->reset_in &&
                            end->our_timestamps == segment->has_timestamp))
        end = match(end->next, &gone->ends);
    return end != NULL;
}

/* What a host has forgotten may come to life again by the cookie that it came by. */
static void hear_cookie(struct model *model, struct model_end *end,
                        const struct model_segment *segment)
{
    bool cookie = (segment->flags & (MODEL_ACK | MODEL_RST | MODEL_SYN)) == MODEL_ACK &&
                  segment->acknowledgment == end->iss + 1 && segment->sequence == end->irs + 1;
    if (!model->options.exact && cookie && !end->active && end->sent_syn &&
        model_end_may_be_forgotten(end, &model->options) && !waits_for(model, end, segment))
        model_end_begins_anew(add(model, &end->ends, NULL), end, segment);
}

void model_in(struct model *model, const struct model_packet *packet, uint64_t now_ns)
{
    struct model_segment segment;
    enum model_reading reading = model_read(packet, &segment);
    model->blind |= reading == MODEL_PIECE;
    if (reading != MODEL_READ)
        return;
    struct model_tuple from = segment.ends;
    segment.ends = (struct model_tuple){from.remote, from.local, from.remote_port, from.local_port};
    if (!(segment.flags & MODEL_RST))
        note_recent(model, &segment);
    limit(model, &segment.ends);
    struct model_end *end = newest(model, &segment.ends);
    if ((segment.flags & MODEL_SYN) && !(segment.flags & MODEL_RST))
        for (struct model_end *at = end; at != NULL; at = match(at->next, &segment.ends))
            hear_syn_as_client(model, at, &segment);
    if ((segment.flags & (MODEL_SYN | MODEL_RST | MODEL_ACK)) == MODEL_SYN)
        hear_syn_as_server(model, &segment);
    for (end = newest(model, &segment.ends); end != NULL; end = match(end->next, &segment.ends))
        hear_cookie(model, end, &segment);
    for (end = newest(model, &segment.ends); end != NULL; end = match(end->next, &segment.ends)) {
        model_end_lives(end, now_ns);
        if (end->sent_syn)
            model_end_hears(end, &segment, &model->options, now_ns);
    }
}

void model_may_lose(struct model *model)
{
    model->options.exact = false;
}

/* ---- Calls ---- */

static void book(struct model_end *end, enum model_call call, uint32_t amount)
{
    end->written += call == MODEL_WRITE ? amount : 0;
    end->shut |= call == MODEL_SHUTDOWN || call == MODEL_CLOSE;
    end->gone |= call == MODEL_CLOSE || call == MODEL_ABORT;
}

/* Several ends when several SYNs of the peer may be the one that was taken. */
void model_call(struct model *model, const struct model_tuple *tuple, uint32_t iss,
                enum model_call call, uint32_t amount)
{
    struct model_end *end = newest(model, tuple);
    bool booked = false;
    for (; end != NULL && call != MODEL_CONNECT; end = match(end->next, tuple))
        if (end->iss == iss && (end->sent_syn || end->active || end->awaited)) {
            book(end, call, amount);
            booked = true;
        }
    if (booked)
        return;
    end = add(model, tuple, NULL);
    end->iss = iss;
    end->active = call == MODEL_CONNECT;
    end->awaited = !end->active;
    book(end, call, amount);
}

/* What was called before the SYN+ACK left, which a fast open allows. */
static void take_awaited(struct model *model, struct model_end *end)
{
    for (struct model_end **at = bucket(model, &end->ends); *at != NULL; at = &(*at)->next) {
        struct model_end *awaited = *at;
        if (!awaited->awaited || awaited->iss != end->iss || !same(&awaited->ends, &end->ends))
            continue;
        end->written += awaited->written;
        end->shut |= awaited->shut;
        end->gone |= awaited->gone;
        *at = awaited->next;
        model_end_free(awaited);
        return;
    }
}

/* ---- Out ---- */

static bool answers_recent(const struct recent *in, const struct model_segment *segment)
{
    if (!same(&in->ends, &segment->ends))
        return false;
    if (in->flags & MODEL_ACK)
        return !(segment->flags & MODEL_ACK) && segment->sequence == in->acknowledgment;
    return (segment->flags & MODEL_ACK) && segment->sequence == 0 &&
           segment->acknowledgment == in->sequence + in->length;
}

/* One of the ends has acknowledged; the others, of which there may be none in truth, owe nothing.
 */
static void settle(struct model_end *end)
{
    const struct model_tuple *ends = end != NULL ? &end->ends : NULL;
    for (; end != NULL; end = match(end->next, ends)) {
        end->owed_ns = 0;
        end->owed_bytes = 0;
    }
}

/* Text for a connection that the application has closed is answered as if there were none any more
 * (RFC 9293, 3.6.1), and then there is none. */
static void end_what_nobody_reads(struct model *model, const struct model_segment *segment)
{
    struct model_end *end = newest(model, &segment->ends);
    if (end != NULL && end->gone && end->sent_syn)
        end->reset = true;
}

/* RFC 9293, 3.5.2 and 3.10.5. */
static const char *reset_out(struct model *model, const struct model_segment *segment)
{
    if (segment->length != 0 || (segment->flags & (MODEL_SYN | MODEL_FIN)))
        return "a reset carries something (RFC 9293, 3.5.2)";
    settle(newest(model, &segment->ends));
    uint32_t known = model->recent_count < RECENT ? model->recent_count : RECENT;
    for (uint32_t i = 0; i < known; i++)
        if (answers_recent(&model->recent[i], segment)) {
            end_what_nobody_reads(model, segment);
            return NULL;
        }
    const char *broken = "a reset answers nothing and ends nothing (RFC 9293, 3.5.2)";
    struct model_end *end = newest(model, &segment->ends);
    for (; end != NULL; end = match(end->next, &segment->ends)) {
        int64_t at = model_position(segment->sequence, end->iss, end->sent);
        /* When the window shrank, SND.NXT is not what the peer would believe; and what was sent
         * may have been lost in the host. */
        bool inside = at >= 1 && at <= end->sent, lost = !model->options.exact && at > end->sent;
        bool unheard = !model->options.exact && end->heard_syn && !end->sent_syn;
        if (!unheard && (!end->sent_syn || !(inside || lost)))
            continue;
        int64_t ack = model_position(segment->acknowledgment, end->irs, end->expected);
        if ((segment->flags & MODEL_ACK) && ack > end->expected) {
            broken = "a reset acknowledges what has not come (RFC 9293, 3.10.7)";
            continue;
        }
        end->reset = true;
        return NULL;
    }
    return broken;
}

/* A connection may begin anew while the one before waits, but behind all that it has used (RFC
 * 9293, 3.6.1); one that was reset before what it awaited came does not wait, and none does in
 * whose place another one has begun, however that one ends. Half a minute is less than anybody
 * waits. */
static const char *reopens(struct model *model, const struct model_segment *segment,
                           uint64_t now_ns)
{
    static const uint64_t wait = UINT64_C(30) * 1000000000;
    struct model_end *end = newest(model, &segment->ends);
    while (end != NULL && !end->sent_syn)
        end = match(end->next, &segment->ends);
    bool waits = end != NULL && end->waits && model_end_is_over(end) && !end->reset_in &&
                 now_ns - end->fin_ns < wait;
    if (model->options.exact && waits &&
        model_position(segment->sequence, end->iss, end->sent) < end->sent)
        return "a connection begins before where the one before it ended (RFC 9293, 3.6.1)";
    return NULL;
}

/* One that was asked for comes before one that is repeated, that before a new answer, and last one
 * of which the host may know nothing any more. */
static unsigned turn_of(const struct model *model, const struct model_end *end)
{
    if (!end->sent_syn)
        return end->active ? 0 : 2;
    bool forgotten = !model->options.exact && model_end_may_be_forgotten(end, &model->options);
    return forgotten && !end->active ? 3 : 1;
}

static const char *syn_out(struct model *model, const struct model_segment *segment,
                           uint64_t now_ns)
{
    const char *broken = NULL;
    bool answers = (segment->flags & MODEL_ACK) != 0;
    if (!model->options.calls && !answers) {
        struct model_end *end = newest(model, &segment->ends);
        while (end != NULL && !(end->active && end->iss == segment->sequence))
            end = match(end->next, &segment->ends);
        if (end == NULL)
            add(model, &segment->ends, NULL)->active = true;
    }
    for (unsigned turn = 0; turn <= 3; turn++) {
        struct model_end *end = newest(model, &segment->ends);
        for (; end != NULL; end = match(end->next, &segment->ends)) {
            if (turn_of(model, end) != turn)
                continue;
            const char *one = model_syn_judges(end, segment, &model->options);
            if (one == NULL && turn == 2)
                broken = one = reopens(model, segment, now_ns);
            if (one == NULL) {
                end = turn == 2 ? add(model, &segment->ends, end) : end;
                model_end_lives(end, now_ns);
                model_syn_sends(end, segment);
                take_awaited(model, end);
                return NULL;
            }
            broken = broken != NULL ? broken : one;
        }
    }
    return broken != NULL ? broken : "a SYN that nobody asked for (RFC 9293, 3.10.1)";
}

/* Each end that may send this has sent it, since the host knows one of them and nobody else which;
 * only where none may, one whose SYN was lost before it left the host. */
static const char *text_out(struct model *model, const struct model_segment *segment,
                            uint64_t now_ns)
{
    const char *broken = NULL;
    bool unsent = false, sent = false;
    struct model_end *end = newest(model, &segment->ends);
    for (; end != NULL; end = match(end->next, &segment->ends)) {
        unsent |= !end->sent_syn && (end->active || end->fast);
        if (!end->sent_syn)
            continue;
        model_end_lives(end, now_ns);
        const char *one = model_end_judges(end, segment, &model->options, now_ns);
        if (one == NULL)
            model_end_sends(end, segment);
        sent |= one == NULL;
        broken = broken != NULL ? broken : one;
    }
    if (sent)
        settle(newest(model, &segment->ends));
    if (sent || (unsent && !model->options.exact))
        return NULL;
    return broken != NULL ? broken : "a segment of no connection (RFC 9293, 3.10.7.1)";
}

const char *model_out(struct model *model, const struct model_packet *packet, uint64_t now_ns)
{
    struct model_segment segment;
    enum model_reading reading = model_read(packet, &segment);
    model->blind |= reading == MODEL_PIECE;
    if (reading == MODEL_DAMAGED)
        return "a checksum or a length is wrong (RFC 9293, 3.1)";
    if (reading != MODEL_READ || model->blind)
        return NULL;
    if (segment.flags & MODEL_RST)
        return reset_out(model, &segment);
    if (segment.flags & MODEL_SYN)
        return syn_out(model, &segment, now_ns);
    return text_out(model, &segment, now_ns);
}

/* ---- What is owed ---- */

/* RFC 9293, 3.8.6.3. */
static const char *owes(const struct model_end *end, uint64_t now_ns)
{
    if (end->owed_ns == 0 || end->gone || end->reset || end->reset_in || !end->answered)
        return NULL;
    /* at the same time, after a clock that jumped, and whatever came in that moment */
    if (end->may_be_gone || model_end_may_give_up(end, now_ns))
        return NULL;
    if (now_ns - end->owed_ns > 500000000)
        return "text waits for its acknowledgement for more than half a second (RFC 9293, 3.8.6.3)";
    if (end->owed_bytes > 2 * end->our_mss)
        return "two full segments wait for their acknowledgement (RFC 9293, 3.8.6.3)";
    return NULL;
}

const char *model_turn(struct model *model, uint64_t now_ns)
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < BUCKETS && model->options.exact && !model->blind; i++)
        for (struct model_end *end = model->ends[i]; end != NULL && broken == NULL; end = end->next)
            broken = owes(end, now_ns);
    return broken;
}
