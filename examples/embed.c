/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * embed TAP: chaski in somebody else's event loop, by the public interface alone. The loop has a
 * file descriptor that frames come from and go to (here a TAP device), a clock and poll(); a host
 * wants frames, the time, and to be polled when it says. It serves the time of day (RFC 867) on
 * 10.0.0.2 port 13.
 */
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_tun.h>

#include "chaski/chaski.h"

enum { MTU = 1500, FRAME_BYTES = MTU + 14, PIECES = 16 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    /* Whole frames: a user before us may have left the device with checksums for us to finish. */
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, TUNSETOFFLOAD, 0) == 0)
        return fd;
    perror(name);
    exit(2);
}

/* The host wants to send a frame. What the device does not take now is lost, as on any wire. */
static void send_frame(void *context, const struct chaski_piece *pieces, unsigned count)
{
    struct iovec parts[PIECES];

    for (unsigned i = 0; i < count && i < PIECES; i++)
        parts[i] = (struct iovec){(void *)pieces[i].bytes, pieces[i].length};
    if (count > PIECES || writev(*(int *)context, parts, (int)count) < 0)
        return;
}

static void tell_time(void *context, struct chaski *host, chaski_tcp connection, unsigned events)
{
    time_t now = time(NULL);
    const char *text = ctime(&now);

    (void)context;
    if ((events & CHASKI_CONNECTED) != 0)
        chaski_tcp_write(host, connection, text, strlen(text));
    chaski_tcp_close(host, connection);
}

/* A host with one interface, in memory from malloc(). */
static struct chaski *make_host(int *fd, int *interface)
{
    struct chaski_interface description = {
        .mac = {0x02, 0, 0, 0, 0, 2}, .mtu = MTU, .output = send_frame, .context = fd};
    struct chaski_address address = chaski_ip4(10, 0, 0, 2);
    struct chaski_tcp_bind bind = {.local.port = 13, .receive = tell_time};
    struct chaski_limits limits;
    chaski_listener listener;
    uint8_t seed[32];

    chaski_limits_for(&limits, 4 << 20, 64);
    size_t size = chaski_size(&limits);
    void *memory = malloc(size);
    if (memory == NULL || getrandom(seed, sizeof seed, 0) != sizeof seed)
        return NULL;
    struct chaski *host = chaski_init(memory, size, &limits, seed, now_ns());
    *interface = chaski_interface_add(host, &description);
    chaski_address_add(host, *interface, &address, 24);
    chaski_tcp_bind(host, &bind, &listener);
    return host;
}

/* How long poll() may sleep, rounded up to its milliseconds. */
static int time_to_sleep(struct chaski *host)
{
    uint64_t deadline = chaski_deadline(host), now = now_ns();

    if (deadline == UINT64_MAX)
        return -1;
    if (deadline <= now)
        return 0;
    uint64_t left = (deadline - now + 999999) / 1000000;
    return left > 60000 ? 60000 : (int)left;
}

int main(int count, char **words)
{
    uint8_t frame[FRAME_BYTES];
    int fd = open_tap(count > 1 ? words[1] : "chaski0"), interface;
    struct chaski *host = make_host(&fd, &interface);
    ssize_t length;

    while (host != NULL) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        poll(&wait, 1, time_to_sleep(host));
        while ((length = read(fd, frame, sizeof frame)) > 0)
            chaski_input(host, interface, frame, (size_t)length, now_ns());
        chaski_poll(host, now_ns());
    }
    return 2;
}
