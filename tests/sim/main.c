/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim.h"

static const char usage[] =
    "usage: ./dev sim [OPTION...]\n"
    "\n"
    "Drives hosts on memory wires in virtual time, all of it chosen by a seed.\n"
    "\n"
    "  --seeds N      how many seeds (100000)\n"
    "  --first N      the first of them (1)\n"
    "  --seconds T    stop after so much real time\n"
    "  --jobs J       processes (as many as there are processors)\n"
    "\n"
    "  --seed S       this one only, telling more\n"
    "  --hosts N      at most so many hosts (2 to 64)\n"
    "  --flows N      at most so many TCP flows\n"
    "  --shorter N    streams shorter by the Nth power of two\n"
    "  --stop NS      stop after so many virtual nanoseconds\n"
    "  --off A,B      without these features (--features lists them)\n"
    "  --no-model     do not ask the model of TCP (tests/model): for comparing speeds\n"
    "  --trace FILE   write a capture of what the hosts send\n"
    "  --shrink       make the failing seed smaller; prints a line for tests/sim/seeds.txt\n"
    "  --file FILE    the cases in FILE, one a line\n"
    "  --sabotage     make mistakes on purpose, and see whether they are found\n";

struct options {
    struct sim_job job;
    struct sim_telling telling;
    bool single, shrink;
    const char *file;
};

static void refuse(const char *what)
{
    fprintf(stderr, "sim: '%s' is not understood, or not with what follows it; --help tells more\n",
            what);
    exit(2);
}

static void refuse_value(const char *option, const char *takes)
{
    fprintf(stderr, "sim: %s takes %s; --help tells more\n", option, takes);
    exit(2);
}

static uint64_t number_of(const char *text)
{
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0')
        refuse(text);
    return number;
}

static void list_features(void)
{
#define TELL(name, word, odds) printf("%-10s one world in %d\n", word, odds);
    SIM_FEATURES(TELL)
#undef TELL
}

/* Options with a value that are not a case's. */
static void take_value(struct options *options, const char *option, const char *value)
{
    struct sim_job *job = &options->job;
    if (strcmp(option, "--seeds") == 0 && number_of(value) == 0)
        refuse_value(option, "1 or more");
    else if (strcmp(option, "--seeds") == 0)
        job->seeds = number_of(value);
    else if (strcmp(option, "--first") == 0)
        job->base.seed = number_of(value);
    else if (strcmp(option, "--seconds") == 0)
        job->seconds = (uint32_t)number_of(value);
    else if (strcmp(option, "--jobs") == 0)
        job->processes = (uint32_t)number_of(value);
    else if (strcmp(option, "--trace") == 0)
        options->telling.trace = value;
    else if (strcmp(option, "--file") == 0)
        options->file = value;
    else
        refuse(option);
}

static void parse(struct options *options, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--help") == 0) {
            fputs(usage, stdout);
            exit(0);
        } else if (strcmp(words[i], "--features") == 0) {
            list_features();
            exit(0);
        } else if (strcmp(words[i], "--sabotage") == 0) {
            exit(sim_finds_mistakes() ? 0 : 1);
        } else if (strcmp(words[i], "--no-model") == 0) {
            options->job.base.no_model = true;
        } else if (strcmp(words[i], "--shrink") == 0) {
            options->shrink = true;
        } else if (sim_case_option(&options->job.base, count, words, &i)) {
            options->single |= strcmp(words[i - 1], "--seed") == 0;
        } else if (i + 1 < count) {
            take_value(options, words[i], words[i + 1]);
            i++;
        } else {
            refuse(words[i]);
        }
    }
    if (options->job.base.hosts_most == 1 || options->job.base.hosts_most > SIM_HOSTS)
        refuse_value("--hosts", "2 to 64");
    if (options->job.processes == 0 || options->job.processes > 256)
        refuse_value("--jobs", "1 to 256");
}

static int shrink(const struct sim_case *job)
{
    struct sim_case best = sim_shrink(job);
    struct sim_verdict verdict = sim_run_apart(&best);
    char words[SIM_WORDS];
    if (!verdict.failed)
        printf("it does not fail: there is nothing to shrink\n");
    else
        printf("# %s\n%s\n", verdict.why, sim_case_words(&best, words));
    return verdict.failed;
}

static int run_one(const struct options *options)
{
    const struct sim_case *job = &options->job.base;
    char words[SIM_WORDS];
    struct sim_verdict verdict = sim_run(job, &options->telling);
    printf("%.6f virtual seconds, %" PRIu64 " frames\n", (double)verdict.virtual_ns / 1e9,
           verdict.frames);
    if (verdict.failed)
        printf("failed: %s\n  replay with: ./dev sim %s\n", verdict.why,
               sim_case_words(job, words));
    printf("%d passed, %d failed\n", !verdict.failed, verdict.failed);
    return verdict.failed;
}

/* Splits at blanks; returns how many words there are. */
static int split(char *line, char **words, int most)
{
    int count = 1;
    for (char *word = strtok(line, " \t\n"); word != NULL && count < most;
         word = strtok(NULL, " \t\n"))
        words[count++] = word;
    return count;
}

static int run_file(const char *path)
{
    char line[2 * SIM_WORDS], text[SIM_WORDS], *words[40];
    unsigned passed = 0, failed = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return 2;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        struct sim_case job = {0};
        line[strcspn(line, "#")] = '\0';
        int count = split(line, words, 40);
        for (int i = 1; i < count; i++)
            if (!sim_case_option(&job, count, words, &i))
                refuse(words[i]);
        if (count == 1)
            continue;
        struct sim_verdict verdict = sim_run_apart(&job);
        printf("%s %u - %s\n", verdict.failed ? "not ok" : "ok", passed + failed + 1,
               sim_case_words(&job, text));
        if (verdict.failed)
            printf("# %s\n", verdict.why);
        passed += !verdict.failed;
        failed += verdict.failed;
    }
    fclose(file);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}

int main(int count, char **words)
{
    struct options options = {.telling.plan = true};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    options.job = (struct sim_job){.base.seed = 1};
    options.job.processes = processors > 0 ? (uint32_t)processors : 1;
    parse(&options, count, words);
    if (options.job.seeds == 0)
        options.job.seeds = options.job.seconds != 0 ? UINT64_MAX : 100000;
    /* Hosts come and go by the thousand: their memory stays with the process. */
    mallopt(M_MMAP_THRESHOLD, 1 << 28);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (options.file != NULL)
        return run_file(options.file);
    if (options.single)
        return options.shrink ? shrink(&options.job.base) : run_one(&options);
    struct sim_case failed;
    if (sim_many(&options.job, &failed) == 0)
        return 0;
    if (options.shrink)
        shrink(&failed);
    return 1;
}
