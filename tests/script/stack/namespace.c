/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/script/stack/namespace.h"

/* Sysctls are those of the network namespace that the script runs in: the shared object for
 * packetdrill looks there. */

enum { CONGESTION_NAME = 16 };

static char congestion[CONGESTION_NAME]; /* wanted, and not the namespace's */
static bool changed = true; /* the namespace is no longer, or not yet, as it is to begin */

static bool write_sysctl(const char *name, const char *value)
{
    char path[128] = "/proc/sys/";
    size_t at = strlen(path);
    for (; *name != 0 && at < sizeof path - 1; name++)
        path[at++] = *name == '.' ? '/' : *name;
    path[at] = 0;
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return false;
    bool written = fputs(value, file) >= 0;
    return fclose(file) == 0 && written;
}

/* A kernel whose own algorithm is another one may let but sockets of the privileged have this. */
static void set_congestion(const char *name)
{
    bool taken = write_sysctl("net.ipv4.tcp_congestion_control", name);
    snprintf(congestion, sizeof congestion, "%s", taken ? "" : name);
}

const char *namespace_congestion(void)
{
    return congestion[0] != 0 ? congestion : NULL;
}

/* What a kernel may have otherwise than the other stack, or inherit from the machine. */
static void begin_as_the_other(const struct settings *settings)
{
    char text[64];
    const uint32_t *rmem = settings->policy.tcp_rmem, *wmem = settings->policy.tcp_wmem;
    set_congestion("cubic");
    write_sysctl("net.ipv4.tcp_app_win", "0");
    write_sysctl("net.ipv4.tcp_syn_linear_timeouts", "0");
    write_sysctl("net.ipv4.tcp_invalid_ratelimit", "500");
    write_sysctl("net.ipv4.tcp_rfc1337", "1");
    snprintf(text, sizeof text, "%u %u %u", rmem[0], rmem[1], rmem[2]);
    write_sysctl("net.ipv4.tcp_rmem", text);
    snprintf(text, sizeof text, "%u %u %u", wmem[0], wmem[1], wmem[2]);
    write_sysctl("net.ipv4.tcp_wmem", text);
}

void namespace_enter(const struct settings *settings)
{
    if (!changed)
        return;
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        puts("no network namespace can be had");
        exit(SKIPPED_TEST);
    }
    begin_as_the_other(settings);
    changed = false;
}

void namespace_spoil(void)
{
    changed = true;
}

bool settings_sysctl(struct settings *settings, struct chaski *host, const char *name,
                     const char *value, char note[NOTE_MAX])
{
    (void)settings, (void)host;
    changed = true;
    if (strcmp(name, "net.ipv4.tcp_congestion_control") == 0) {
        set_congestion(value);
        return true;
    }
    if (write_sysctl(name, value))
        return true;
    snprintf(note, NOTE_MAX, "the kernel has no %.80s=%.60s", name, value);
    return false;
}
