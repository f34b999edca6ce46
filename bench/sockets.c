/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

void fail(const char *message, const char *reason)
{
    fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, message, reason ? ": " : "",
            reason ? reason : "");
    exit(1);
}

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int socket_cubic(void)
{
    static const char name[] = "cubic";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket", strerror(errno));
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, sizeof name - 1) < 0)
        fail("TCP_CONGESTION cubic (try modprobe tcp_cubic)", strerror(errno));
    return fd;
}

void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void socket_no_delay(int fd)
{
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        fail("TCP_NODELAY", strerror(errno));
}

void chargen_fill(char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        size_t line = i / 74, column = i % 74;
        bytes[i] = column == 72 ? '\r' : column == 73 ? '\n' : (char)(' ' + (line + column) % 95);
    }
}

const char http_answer[] = "HTTP/1.1 200 OK\r\n"
                           "Content-Type: text/plain\r\n"
                           "Content-Length: 100\r\n"
                           "\r\n"
                           "........................................................"
                           "...........................................\n";
const size_t http_answer_length = sizeof http_answer - 1;

bool http_request_ends(const char *bytes, size_t length)
{
    return length >= 4 && memcmp(bytes + length - 4, "\r\n\r\n", 4) == 0;
}
