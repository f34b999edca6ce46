/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_CLI_OPTIONS_H
#define CHASKI_CLI_OPTIONS_H

#include "chaski/address.h"
#include "cli/arguments.h"
#include "drivers/device.h"

enum { KNOBS_MAX = 64 };

struct chaski;

/* What every subcommand that works on a link is told about it. */
struct link_options {
    struct device device; /* kind DEVICE_NONE: not given */
    struct chaski_address address;
    uint32_t prefix_length;
    struct chaski_address gateway; /* unspecified: none */
    uint8_t mac[6];                /* all zero: made from the address */
    uint32_t mtu;                  /* 0: the link's own */
    const char *capture;           /* file, or NULL */
    uint32_t snap;                 /* bytes of a frame that the capture keeps; 0: all */
    bool sleep;                    /* never spin */
    bool busy_poll;                /* never sleep */
    unsigned knob_count;
    const char *knobs[KNOBS_MAX]; /* NAME=VALUE */
};

/* Their rows in a table of struct argument. */
#define LINK_ARGUMENTS(link)                                                                       \
    {.name = "link",                                                                               \
     .value = DEVICE_SYNTAX,                                                                       \
     .help = "the link to be on: interface NAME, as one of " DEVICE_KINDS_TEXT,                    \
     .read = argument_link,                                                                        \
     .target = (link)},                                                                            \
        {.name = "addr",                                                                           \
         .value = "A.B.C.D/N",                                                                     \
         .help = "our address and the length of its prefix",                                       \
         .read = argument_prefix,                                                                  \
         .target = (link)},                                                                        \
        {.name = "gateway",                                                                        \
         .value = "A.B.C.D",                                                                       \
         .help = "the router to everywhere else",                                                  \
         .read = argument_address,                                                                 \
         .target = &(link)->gateway},                                                              \
        {.name = "mac",                                                                            \
         .value = "MAC",                                                                           \
         .help = "our link address (made from that of --addr)",                                    \
         .read = argument_mac,                                                                     \
         .target = (link)->mac},                                                                   \
        {.name = "mtu",                                                                            \
         .value = "N",                                                                             \
         .help = "largest IP packet in bytes, which the interface is set to and keeps (its own)",  \
         .read = argument_number,                                                                  \
         .target = &(link)->mtu,                                                                   \
         .minimum = 68,                                                                            \
         .maximum = 65535},                                                                        \
        {.name = "capture",                                                                        \
         .value = "FILE",                                                                          \
         .help = "record all frames to a pcap file",                                               \
         .read = argument_text,                                                                    \
         .target = &(link)->capture},                                                              \
        {.name = "snap",                                                                           \
         .value = "N",                                                                             \
         .help = "record no more than N bytes of each (all of them)",                              \
         .read = argument_number,                                                                  \
         .target = &(link)->snap,                                                                  \
         .minimum = 14,                                                                            \
         .maximum = 262144},                                                                       \
        {.name = "knob",                                                                           \
         .value = "NAME=VALUE",                                                                    \
         .help = "tune TCP, as sysctl does Linux's (chaski knobs lists them; repeatable)",         \
         .read = argument_knob,                                                                    \
         .target = (link)},                                                                        \
        {.name = "busy-poll",                                                                      \
         .help = "never sleep: look for frames without end",                                       \
         .read = argument_flag,                                                                    \
         .target = &(link)->busy_poll},                                                            \
    {                                                                                              \
        .name = "sleep", .help = "sleep between frames, however closely they follow each other",   \
        .read = argument_flag, .target = &(link)->sleep                                            \
    }

/* "KIND:NAME[,queues=N]" into struct link_options. */
bool argument_link(const struct argument *argument, const char *text, char *error);
/* "NAME=VALUE" into struct link_options. */
bool argument_knob(const struct argument *argument, const char *text, char *error);
/* Sets what --knob said; false, and `error`, of ARGUMENT_ERROR bytes, when the host does not take
 * it. */
bool knobs_apply(struct chaski *host, const struct link_options *link, char *error);
/* "192.0.2.1/24" into struct link_options: an address that a host can have. */
bool argument_prefix(const struct argument *argument, const char *text, char *error);
/* Into struct chaski_address: one host's. */
bool argument_address(const struct argument *argument, const char *text, char *error);
/* Into uint8_t[6]. */
bool argument_mac(const struct argument *argument, const char *text, char *error);

/* Whether everything that is needed is there and fits together, with mac filled in; otherwise
 * false, and `error`, of ARGUMENT_ERROR bytes, says what does not. */
bool link_options_finish(struct link_options *link, char *error);

/* Says on stderr what is strange about the link, which is open, but no reason not to go on. */
void link_options_warn(const struct link_options *link);

#endif
