/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one client of every comparison, on kernel sockets: measures a server that offers echo (port
 * 7), discard (9) and chargen (19) and prints one JSON object.
 *
 * `load` offers datagrams at a rate, whatever comes back, and says what became of them on this
 * side.
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
enum { LOAD_BURST = 32, LOAD_MAX = 1472, LOAD_SILENCE_NS = 100000000 };

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

static double at_share(const uint32_t *sorted, size_t count, double share)
{
    size_t at = (size_t)((double)count * share);
    return sorted[at < count ? at : count - 1] / 1e3;
}

static void print_echo(size_t size, uint32_t *samples, size_t count)
{
    double sum = 0;
    if (count == 0)
        fail("no echo in time", NULL);
    qsort(samples, count, sizeof samples[0], by_value);
    for (size_t i = 0; i < count; i++)
        sum += samples[i];
    printf("{\"test\": \"echo\", \"bytes\": %zu, \"exchanges\": %zu, \"mean_us\": %.2f, "
           "\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f}\n",
           size, count, sum / (double)count / 1e3, at_share(samples, count, 0.5),
           at_share(samples, count, 0.99), at_share(samples, count, 0.999));
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
    print_echo(size, samples, count);
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

/* ---- Idle connections ---------------------------------------------------------------------- */

/* What the kernel itself has taken of the memory, in bytes. */
static double kernel_bytes(void)
{
    char line[128];
    long kilobytes = 0, slab = 0;
    FILE *file = fopen("/proc/meminfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Slab: %ld", &kilobytes) == 1)
            slab = kilobytes;
    }
    if (file != NULL)
        fclose(file);
    return (double)slab * 1024;
}

/* Over the loopback device, so that both ends are in the same kernel: from an address of their own
 * for each so many, since they are told apart by their ports. */
static void hold(size_t count)
{
    int *fds = calloc(count, sizeof *fds);
    double before = kernel_bytes();
    uint64_t start = now_ns();
    server.sin_port = htons(SERVICE_DISCARD);
    raise_file_limit();
    for (size_t i = 0; i < count && fds != NULL; i++) {
        struct sockaddr_in local = {.sin_family = AF_INET,
                                    .sin_addr.s_addr = htonl(0x7f000100 + (uint32_t)(i / 20000))};
        fds[i] = socket_cubic();
        if (bind(fds[i], (struct sockaddr *)&local, sizeof local) < 0 ||
            connect(fds[i], (struct sockaddr *)&server, sizeof server) < 0)
            fail("connect", strerror(errno));
    }
    double taken = (double)(now_ns() - start) / 1e9;
    printf("{\"test\": \"hold\", \"connections\": %zu, \"connections_per_second\": %.0f, "
           "\"bytes_each\": %.0f}\n",
           count, (double)count / taken, (kernel_bytes() - before) / 2 / (double)count);
    for (size_t i = 0; i < count && fds != NULL; i++)
        close_reset(fds[i]);
    free(fds);
}

/* ---- Offered load -------------------------------------------------------------------------- */

struct load {
    int fd;
    size_t size;
    uint64_t sent, refused, received;
    uint32_t overflowed; /* lost for want of room in our own socket */
};

static int datagram_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, room = 64 << 20;
    server.sin_port = htons(SERVICE_ECHO);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        fail("datagrams", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    return fd;
}

/* What the kernel does not take now counts as refused: it would not come by waiting. */
static void offer(struct load *load, uint64_t count)
{
    struct iovec piece = {bulk, load->size};
    struct mmsghdr messages[LOAD_BURST];
    while (count > 0) {
        unsigned some = count < LOAD_BURST ? (unsigned)count : LOAD_BURST;
        for (unsigned i = 0; i < some; i++)
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1};
        int taken = sendmmsg(load->fd, messages, some, 0);
        if (taken < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            fail("send datagrams", strerror(errno));
        load->sent += taken > 0 ? (uint64_t)taken : 0;
        load->refused += some - (taken > 0 ? (unsigned)taken : 0);
        count -= some;
    }
}

/* Takes one burst of what has come; false when there was none. */
static bool collect(struct load *load)
{
    static char bytes[LOAD_BURST][LOAD_MAX];
    char control[LOAD_BURST][CMSG_SPACE(sizeof(uint32_t))];
    struct iovec pieces[LOAD_BURST];
    struct mmsghdr messages[LOAD_BURST];
    for (int i = 0; i < LOAD_BURST; i++) {
        pieces[i] = (struct iovec){bytes[i], LOAD_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[i],
                                              .msg_iovlen = 1,
                                              .msg_control = control[i],
                                              .msg_controllen = sizeof control[i]};
    }
    int count = recvmmsg(load->fd, messages, LOAD_BURST, 0, NULL);
    if (count <= 0)
        return false;
    load->received += (uint64_t)count;
    struct cmsghdr *told = CMSG_FIRSTHDR(&messages[count - 1].msg_hdr);
    if (told != NULL && told->cmsg_type == SO_RXQ_OVFL)
        memcpy(&load->overflowed, CMSG_DATA(told), sizeof load->overflowed);
    return true;
}

static void offered_load(double seconds, size_t size, double rate)
{
    struct load load = {.fd = datagram_socket(), .size = size < LOAD_MAX ? size : LOAD_MAX};
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), offered = 0, now;
    while ((now = now_ns()) < end) {
        uint64_t due = (uint64_t)((double)(now - start) * rate / 1e9);
        uint64_t count = due - offered < LOAD_BURST ? due - offered : LOAD_BURST;
        offer(&load, count);
        offered += count;
        while (collect(&load)) {
        }
    }
    double taken = (double)(now_ns() - start) / 1e9;
    for (uint64_t heard = now_ns(); now_ns() - heard < LOAD_SILENCE_NS;) {
        if (collect(&load))
            heard = now_ns();
    }
    printf("{\"test\": \"load\", \"bytes\": %zu, \"offered_per_second\": %.0f, "
           "\"sent_per_second\": %.0f, \"sent\": %llu, \"refused\": %llu, \"received\": %llu, "
           "\"overflowed\": %u}\n",
           load.size, rate, (double)load.sent / taken, (unsigned long long)load.sent,
           (unsigned long long)load.refused, (unsigned long long)load.received, load.overflowed);
    close(load.fd);
}

static _Noreturn void usage(void)
{
    fputs("usage: bench-client ADDRESS to|from|connections|echo|load SECONDS [BYTES [PER_SECOND]]\n"
          "       bench-client ADDRESS hold SECONDS CONNECTIONS\n",
          stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
        usage();
    double seconds = strtod(argv[3], NULL);
    size_t size = argc > 4 ? strtoul(argv[4], NULL, 10) : 100;
    if (!(seconds > 0) || size == 0 || (size > ECHO_MAX && strcmp(argv[2], "hold") != 0))
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
    else if (strcmp(argv[2], "hold") == 0)
        hold(size);
    else if (strcmp(argv[2], "load") == 0 && argc == 6)
        offered_load(seconds, size, strtod(argv[5], NULL));
    else
        usage();
    return 0;
}
