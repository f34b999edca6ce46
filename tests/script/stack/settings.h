/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CHASKI_TESTS_SCRIPT_SETTINGS_H
#define CHASKI_TESTS_SCRIPT_SETTINGS_H

#include "sockets/sockets.h"
#include "tests/script/language/script.h"
#include "tests/script/packets/packet.h"

/* What a script runs under: its option lines and the sysctls that it has set so far. */
struct settings {
    struct ends ends;
    struct ends other; /* those of the version of IP that the script does not run over */
    uint16_t bind_port, connect_port; /* what `...` stands for in bind() and connect() */
    uint16_t mtu;
    uint64_t tolerance_ns;     /* how far off events may be */
    uint32_t tolerance_permil; /* of the time since the event before, if that is more */
    bool strict_segments;      /* outbound segments are not joined */
    bool complete;             /* every packet that the stack sends must stand in the script */
    bool verbose;              /* tells what the stack sends */
    bool unchecked;            /* nothing has to be as the script says: it is only told */
    uint32_t ts_tick_us;       /* 0: values of timestamps are not checked */
    struct sockets_policy policy;
};

enum { NOTE_MAX = 256 };

/* `exact`: for scripts that were written for this stack. */
void settings_defaults(struct settings *settings, bool exact);

/* Takes a script's option in. False when it makes no sense or cannot be; `note` says why. */
bool settings_option(struct settings *settings, const char *name, const char *value,
                     char note[NOTE_MAX]);

struct chaski;

/* Sets "net.ipv4.tcp_sack" and its like, of a host that runs. False when the stack has no such
 * setting, or not with this value; `note` says so. */
bool settings_sysctl(struct settings *settings, struct chaski *host, const char *name,
                     const char *value, char note[NOTE_MAX]);

#endif
