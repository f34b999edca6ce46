/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/link/link_settings.h"

#include <stddef.h>
#include <string.h>

#include "cli/link/link_units.h"

#define MICROSECOND UINT64_C(1000)
#define MINUTE (UINT64_C(60000) * 1000 * MICROSECOND)

/* An impairment by its place in the struct, and how its value is read. */
struct field {
    struct link_settings *settings;
    size_t offset;
    bool (*read)(const struct argument *argument, const char *text, char *error);
};

/* Into the directions that are spoken of. */
static bool read_field(const struct argument *argument, const char *text, char *error)
{
    const struct field *field = argument->target;
    struct link_settings *settings = field->settings;
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        struct argument part = *argument;
        part.target = (char *)&settings->ways[way] + field->offset;
        if ((settings->way == LINK_WAYS || settings->way == way) &&
            !field->read(&part, text, error))
            return false;
    }
    return true;
}

static bool read_there(const struct argument *argument, const char *text, char *error)
{
    (void)text;
    (void)error;
    ((struct link_settings *)argument->target)->way = LINK_THERE;
    return true;
}

static bool read_back(const struct argument *argument, const char *text, char *error)
{
    (void)text;
    (void)error;
    ((struct link_settings *)argument->target)->way = LINK_BACK;
    return true;
}

/* `end` without its kind: an interface can be one end only, by whatever kind. */
static const char *interface_of(const char *end)
{
    const char *colon = strchr(end, ':');
    return colon != NULL ? colon + 1 : end;
}

/* Queue and threshold are counted at the rate, and mean nothing without one. */
static bool check(const struct link_settings *settings, char *error)
{
    for (unsigned way = 0; way < LINK_WAYS; way++) {
        const struct impairment *impairment = &settings->ways[way];
        if (impairment->rate_bits == 0 && (impairment->queue_bytes | impairment->mark_bytes) != 0) {
            snprintf(error, ARGUMENT_ERROR,
                     "--queue and --ecn-mark are about what waits for the rate: add --rate");
            return false;
        }
        if (impairment->reorder_ns != 0 && impairment->reorder == 0) {
            snprintf(error, ARGUMENT_ERROR, "--reorder-by says how late: add --reorder P%%");
            return false;
        }
    }
    if (strcmp(interface_of(settings->ends[0]), interface_of(settings->ends[1])) == 0) {
        snprintf(error, ARGUMENT_ERROR, "%.60s: cannot be both ends; name two interfaces",
                 settings->ends[1]);
        return false;
    }
    return true;
}

#define FIELD(member, reader)                                                                      \
    {                                                                                              \
        settings, offsetof(struct impairment, member), reader                                      \
    }

static const char summary[] =
    "Joins A and B, each tap:NAME or just NAME (a TAP link, made when missing) or packet:NAME (an\n"
    "interface that exists), by a path like the Internet's, until SIGINT or SIGTERM. SIGUSR1 "
    "shows\n"
    "the counters, which are also shown at the end. Impairments hold for both directions; those "
    "behind\n"
    "--there hold for what goes from A to B only, those behind --back for what comes from B to A.\n"
    "Chances are per packet of the wire's size, whatever size the frames are that carry them.";

int link_settings_read(struct link_settings *settings, int count, char **words)
{
    struct field delay = FIELD(delay_ns, argument_time), jitter = FIELD(jitter_ns, argument_time),
                 loss = FIELD(loss, argument_chance), reorder = FIELD(reorder, argument_chance),
                 reorder_by = FIELD(reorder_ns, argument_time),
                 duplicate = FIELD(duplicate, argument_chance),
                 corrupt = FIELD(corrupt, argument_chance), rate = FIELD(rate_bits, argument_rate),
                 queue = FIELD(queue_bytes, argument_size), mark = FIELD(mark_bytes, argument_size);
    const struct argument arguments[] = {
        {"delay", 0, "TIME", "each packet arrives that much later: 25ms", read_field, &delay, 0,
         MINUTE},
        {"jitter", 0, "TIME", "and up to that much more, in order: 2ms", read_field, &jitter, 0,
         MINUTE},
        {"loss", 0, "P%", "chance that a packet is lost: 0.1%", read_field, &loss, 0, 0},
        {"reorder", 0, "P%", "chance that others overtake it", read_field, &reorder, 0, 0},
        {"reorder-by", 0, "TIME", "how late such a packet is (1ms)", read_field, &reorder_by, 1,
         MINUTE},
        {"duplicate", 0, "P%", "chance that it arrives twice", read_field, &duplicate, 0, 0},
        {"corrupt", 0, "P%", "chance that a byte changes", read_field, &corrupt, 0, 0},
        {"rate", 0, "RATE", "bits a second: 1gbit", read_field, &rate, 1000, 0},
        {"queue", 0, "SIZE", "bytes that may wait for the rate: 1mb (any number)", read_field,
         &queue, 1, 0},
        {"ecn-mark", 0, "SIZE", "with so many waiting, mark what is ECN-capable", read_field, &mark,
         1, 0},
        {"there", 0, NULL, "what follows is about A to B only", read_there, settings, 0, 0},
        {"back", 0, NULL, "what follows is about B to A only", read_back, settings, 0, 0},
        {"seed", 0, "N", "another seed, other chances (1)", argument_number, &settings->seed, 0,
         999999999},
        {"lump", 0, "TIME", "segments of one frame stay together for (250us)", argument_time,
         &settings->lump_ns, 0, MINUTE},
        {"spin", 0, "TIME", "how long before a packet is due to stop sleeping (60us)",
         argument_time, &settings->spin_ns, 0, 1000 * MICROSECOND},
        {"json", 0, NULL, "show the counters as JSON", argument_flag, &settings->json, 0, 0},
    };
    const struct command_line line = {
        .command = "chaski link",
        .operands = "A B",
        .summary = summary,
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments,
        .operand = settings->ends,
        .operand_count = LINK_WAYS,
    };
    char error[ARGUMENT_ERROR];
    *settings = (struct link_settings){
        .way = LINK_WAYS, .seed = 1, .lump_ns = 250 * MICROSECOND, .spin_ns = 60 * MICROSECOND};
    int code = command_line_begin(&line, count, words);
    if (code >= 0 || check(settings, error))
        return code;
    return command_line_end(&line, EXIT_WRONG, error);
}
