/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one client of every comparison, on kernel sockets: measures a server that offers echo (port
 * 7), discard (9) and chargen (19) and prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

enum { BULK_ROOM = 262144, ECHO_MAX = 65536, SAMPLES_MAX = 1 << 20, WARM_UP = 200 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static char bulk[BULK_ROOM];

static int connect_to(enum service service)
{
    struct timeval patience = {.tv_sec = 10};
    int fd = socket_cubic();
    socket_no_delay(fd);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    server.sin_port = htons((uint16_t)service);
    if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("connect", strerror(errno));
    return fd;
}

/* Closes with a reset, so that no TIME-WAIT entry keeps the port. */
static void close_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

static void print_bulk(const char *test, uint64_t bytes, uint64_t start)
{
    double seconds = (double)(now_ns() - start) / 1e9;
    printf("{\"test\": \"%s\", \"bytes\": %llu, \"seconds\": %.6f, \"gbit_per_second\": %.4f}\n",
           test, (unsigned long long)bytes, seconds, (double)bytes * 8 / seconds / 1e9);
}

/* Until the server has read the last byte, which its own close tells. */
static void bulk_to(double seconds)
{
    int fd = connect_to(SERVICE_DISCARD);
    uint64_t bytes = 0, start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        ssize_t sent = send(fd, bulk, sizeof bulk, MSG_NOSIGNAL);
        if (sent <= 0)
            fail("send to discard", strerror(errno));
        bytes += (uint64_t)sent;
    }
    shutdown(fd, SHUT_WR);
    if (recv(fd, bulk, sizeof bulk, 0) != 0)
        fail("discard did not close", strerror(errno));
    print_bulk("to", bytes, start);
    close(fd);
}

static void bulk_from(double seconds)
{
    int fd = connect_to(SERVICE_CHARGEN);
    uint64_t bytes = 0, start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        ssize_t got = recv(fd, bulk, sizeof bulk, 0);
        if (got <= 0)
            fail("receive from chargen", got == 0 ? "closed" : strerror(errno));
        bytes += (uint64_t)got;
    }
    print_bulk("from", bytes, start);
    close_reset(fd);
}

static void exchange(int fd, size_t size)
{
    static char back[ECHO_MAX];
    if (send(fd, bulk, size, MSG_NOSIGNAL) != (ssize_t)size)
        fail("send to echo", strerror(errno));
    if (recv(fd, back, size, MSG_WAITALL) != (ssize_t)size)
        fail("receive from echo", strerror(errno));
    if (memcmp(bulk, back, size) != 0)
        fail("echo answered other bytes", NULL);
}

static int by_value(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void echo(double seconds, size_t size)
{
    static uint32_t samples[SAMPLES_MAX];
    int fd = connect_to(SERVICE_ECHO);
    for (int i = 0; i < WARM_UP; i++)
        exchange(fd, size);
    uint64_t before = now_ns(), end = before + (uint64_t)(seconds * 1e9);
    size_t count = 0;
    while (before < end && count < SAMPLES_MAX) {
        exchange(fd, size);
        uint64_t after = now_ns();
        samples[count++] = (uint32_t)(after - before);
        before = after;
    }
    qsort(samples, count, sizeof samples[0], by_value);
    uint32_t p50 = samples[count / 2], p99 = samples[count * 99 / 100];
    printf("{\"test\": \"echo\", \"bytes\": %zu, \"exchanges\": %zu, \"p50_us\": %.2f, "
           "\"p99_us\": %.2f}\n",
           size, count, p50 / 1e3, p99 / 1e3);
    close(fd);
}

/* Connect, one byte there and back, close: one after the other. */
static void connections(double seconds)
{
    uint64_t count = 0, start = now_ns(), end = start + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        int fd = connect_to(SERVICE_ECHO);
        exchange(fd, 1);
        close_reset(fd);
        count++;
    }
    double taken = (double)(now_ns() - start) / 1e9;
    printf("{\"test\": \"connections\", \"count\": %llu, \"per_second\": %.1f}\n",
           (unsigned long long)count, (double)count / taken);
}

static _Noreturn void usage(void)
{
    fputs("usage: bench-client ADDRESS to|from|connections|echo SECONDS [ECHO_BYTES]\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        usage();
    double seconds = strtod(argv[3], NULL);
    size_t size = argc > 4 ? strtoul(argv[4], NULL, 10) : 100;
    if (!(seconds > 0) || size == 0 || size > ECHO_MAX)
        usage();
    chargen_fill(bulk, sizeof bulk);
    if (strcmp(argv[2], "to") == 0)
        bulk_to(seconds);
    else if (strcmp(argv[2], "from") == 0)
        bulk_from(seconds);
    else if (strcmp(argv[2], "connections") == 0)
        connections(seconds);
    else if (strcmp(argv[2], "echo") == 0)
        echo(seconds, size);
    else
        usage();
    return 0;
}
