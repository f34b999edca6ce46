/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/status/status_socket.h"

enum { PATIENCE_MS = 10000 };

/* Copies what comes from `fd` to stdout, up to the end. False when that does not come; what cannot
 * be written main() complains of. */
static bool copy_report(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char bytes[65536];
    ssize_t got;

    do {
        if (poll(&wait, 1, PATIENCE_MS) <= 0)
            return false;
        got = recv(fd, bytes, sizeof bytes, 0);
        if (got > 0 && fwrite(bytes, 1, (size_t)got, stdout) != (size_t)got)
            return true;
    } while (got > 0);
    return got == 0;
}

int command_status(int count, char **words)
{
    struct link_options link = {.mtu = 0};
    bool json = false;
    char error[ARGUMENT_ERROR];
    const struct argument arguments[] = {
        {.name = "link",
         .value = "KIND:NAME",
         .help = "the link of the program (only needed when several run)",
         .read = argument_link,
         .target = &link},
        {.name = "json", .help = "as JSON", .read = argument_flag, .target = &json},
    };
    const struct command_line line = {
        .command = "chaski status",
        .summary = "Shows the connections and counters of a running chaski services.",
        .arguments = arguments,
        .argument_count = sizeof arguments / sizeof *arguments};

    int code = command_line_begin(&line, count, words);
    if (code >= 0)
        return code;
    int fd =
        status_socket_connect(link.device.kind != DEVICE_NONE ? link.device.name : NULL, error);
    if (fd < 0) {
        fprintf(stderr, "chaski status: %s\n", error);
        return EXIT_WRONG;
    }
    bool good = send(fd, json ? "j" : "t", 1, MSG_NOSIGNAL) == 1 && copy_report(fd);
    close(fd);
    if (!good)
        fprintf(stderr, "chaski status: the report did not arrive completely; try again\n");
    return good ? EXIT_FINE : EXIT_FAILED;
}
