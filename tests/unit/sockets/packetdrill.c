/* SPDX-License-Identifier: BSD-2-Clause */
/* The shared object, loaded and driven as packetdrill does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "packetdrill/interface.h"
#include "tests/support/segment.h"

enum { PORT = 8080, PEER_PORT = 40000, IP = 20, TCP = 20, MS = 1000, ISS = 5000 };

static const char *library = CHASKI_PACKETDRILL;
static const struct chaski_address own = {{[10] = 0xff, 0xff, 192, 168, 0, 1}};
static const struct chaski_address peer = {{[10] = 0xff, 0xff, 192, 0, 2, 1}};

struct tool {
    struct packetdrill_interface i;
    void *handle;
    int listener, fd;
    uint32_t ack; /* what the peer acknowledges */
    uint32_t sequence;
};

/* A packet that came out, parsed. */
struct seen {
    uint8_t bytes[70000];
    size_t length;
    long long time_us;
    uint8_t flags;
    uint16_t window;
    uint32_t sequence, acknowledgment;
    size_t header, payload;
};

static uint32_t be32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool receive(struct tool *t, struct seen *seen)
{
    seen->length = sizeof seen->bytes;
    assert_int_equal(t->i.netdev_receive(t->i.userdata, seen->bytes, &seen->length, &seen->time_us),
                     0);
    if (seen->length == 0)
        return false;
    assert_true(ip4_is_right(seen->bytes, seen->length));
    const uint8_t *tcp = seen->bytes + IP;
    seen->sequence = be32(tcp + 4);
    seen->acknowledgment = be32(tcp + 8);
    seen->header = (size_t)(tcp[12] >> 4) * 4;
    seen->flags = tcp[13];
    seen->window = (uint16_t)(tcp[14] << 8 | tcp[15]);
    seen->payload = seen->length - IP - seen->header;
    return true;
}

static void inject(struct tool *t, uint8_t flags, uint16_t window, const char *payload,
                   const uint8_t *options, uint8_t options_length)
{
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct segment segment = {
        .source_port = PEER_PORT,
        .destination_port = PORT,
        .sequence = t->sequence,
        .acknowledgment = t->ack,
        .flags = flags,
        .window = window,
        .options = options,
        .options_length = options_length,
        .payload = (const uint8_t *)payload,
        .payload_length = (uint32_t)strlen(payload),
    };
    uint32_t length = segment_packet(&segment, &peer, &own, packet);
    ip4_make_right(packet, length);
    assert_int_equal(t->i.netdev_send(t->i.userdata, packet, length), 0);
    t->sequence += segment.payload_length + ((flags & (SEGMENT_SYN | SEGMENT_FIN)) != 0);
}

static long long now_us(struct tool *t)
{
    struct timeval time;
    t->i.gettimeofday(t->i.userdata, &time, NULL);
    return time.tv_sec * 1000000ll + time.tv_usec;
}

static void load(struct tool *t, const char *flags)
{
    void (*init)(const char *, struct packetdrill_interface *);
    *t = (struct tool){.sequence = ISS};
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ /* which forbid RTLD_DEEPBIND */
    t->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
#else
    t->handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
#endif
    if (t->handle == NULL)
        fail_msg("%s", dlerror());
    *(void **)&init = dlsym(t->handle, "packetdrill_interface_init");
    assert_non_null(*(void **)&init);
    init(flags, &t->i);
}

static void unload(struct tool *t)
{
    t->i.free(t->i.userdata);
    assert_int_equal(dlclose(t->handle), 0);
}

static const uint8_t syn_options[] = {2, 4, 5, 0xb4, 4, 2, 1, 1, 1, 3, 3, 7};

/* socket, bind to an address that nobody has said before, listen, and the peer's handshake. */
static void listen_and_connect(struct tool *t)
{
    struct seen seen;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0xc0a80001)};
    t->listener = t->i.socket(t->i.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(t->listener >= 0);
    assert_int_equal(t->i.bind(t->i.userdata, t->listener, (void *)&at, sizeof at), 0);
    assert_int_equal(t->i.listen(t->i.userdata, t->listener, 1), 0);
    inject(t, SEGMENT_SYN, 64240, "", syn_options, sizeof syn_options);
    assert_true(receive(t, &seen));
    assert_int_equal(seen.flags, SEGMENT_SYN | SEGMENT_ACK);
    assert_int_equal(seen.acknowledgment, ISS + 1);
    /* mss 1460, nop nop sackOK, nop wscale: as Linux packs them */
    static const uint8_t answer[] = {2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3};
    assert_memory_equal(seen.bytes + IP + TCP, answer, sizeof answer);
    t->ack = seen.sequence + 1;
    inject(t, SEGMENT_ACK, 512, "", NULL, 0);
}

static void open_connection(struct tool *t)
{
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    listen_and_connect(t);
    t->fd = t->i.accept(t->i.userdata, t->listener, (void *)&from, &length);
    assert_true(t->fd >= 0);
    assert_int_equal(from.sin_port, htons(PEER_PORT));
    assert_int_equal(from.sin_addr.s_addr, htonl(0xc0000201));
}

/* ---- */

static void data_flows_both_ways_and_closes(void **state)
{
    (void)state;
    struct tool t;
    struct seen seen;
    char bytes[100];
    load(&t, NULL);
    open_connection(&t);
    assert_int_equal(t.i.write(t.i.userdata, t.fd, "hello", 5), 5);
    assert_true(receive(&t, &seen));
    assert_int_equal(seen.payload, 5);
    assert_int_equal(seen.flags, SEGMENT_PSH | SEGMENT_ACK);
    t.ack += 5;
    inject(&t, SEGMENT_ACK | SEGMENT_PSH, 512, "world!", NULL, 0);
    assert_int_equal(t.i.read(t.i.userdata, t.fd, bytes, sizeof bytes), 6);
    assert_memory_equal(bytes, "world!", 6);
    assert_true(receive(&t, &seen));
    assert_int_equal(seen.acknowledgment, ISS + 7);
    assert_int_equal(t.i.close(t.i.userdata, t.fd), 0);
    assert_true(receive(&t, &seen));
    assert_int_equal(seen.flags, SEGMENT_FIN | SEGMENT_ACK);
    t.ack++;
    inject(&t, SEGMENT_FIN | SEGMENT_ACK, 512, "", NULL, 0);
    assert_true(receive(&t, &seen));
    assert_int_equal(seen.acknowledgment, ISS + 8);
    errno = 0;
    assert_int_equal(t.i.read(t.i.userdata, t.fd, bytes, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_false(receive(&t, &seen)); /* nothing will come any more: it does not hang */
    unload(&t);
}

/* --ip_version=ipv4-mapped-ipv6: IPv4's addresses in IPv6's sockets. */
static void mapped_addresses_are_those_of_ip4(void **state)
{
    (void)state;
    struct tool t;
    struct seen seen;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)}, from;
    socklen_t length = sizeof from;
    load(&t, NULL);
    memcpy(&at.sin6_addr, own.bytes, sizeof own.bytes);
    t.listener = t.i.socket(t.i.userdata, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    assert_true(t.listener >= 0);
    assert_int_equal(t.i.bind(t.i.userdata, t.listener, (void *)&at, sizeof at), 0);
    assert_int_equal(t.i.listen(t.i.userdata, t.listener, 1), 0);
    inject(&t, SEGMENT_SYN, 64240, "", NULL, 0);
    assert_true(receive(&t, &seen));
    t.ack = seen.sequence + 1;
    inject(&t, SEGMENT_ACK, 64240, "", NULL, 0);
    t.fd = t.i.accept(t.i.userdata, t.listener, (void *)&from, &length);
    assert_true(t.fd >= 0);
    assert_int_equal(length, sizeof from);
    assert_int_equal(from.sin6_family, AF_INET6);
    assert_int_equal(from.sin6_port, htons(PEER_PORT));
    assert_memory_equal(&from.sin6_addr, peer.bytes, sizeof peer.bytes);
    int value = 0x10;
    socklen_t room = sizeof value;
    assert_int_equal(t.i.setsockopt(t.i.userdata, t.fd, IPPROTO_IPV6, IPV6_TCLASS, &value, room),
                     0);
    value = 0;
    assert_int_equal(t.i.getsockopt(t.i.userdata, t.fd, IPPROTO_IP, IP_TOS, &value, &room), 0);
    assert_int_equal(value, 0x10);
    assert_int_equal(t.i.setsockopt(t.i.userdata, t.fd, IPPROTO_IPV6, 9999, &value, room), -1);
    assert_int_equal(errno, ENOPROTOOPT);
    at.sin6_addr.s6_addr[0] = 0x20; /* there is no IPv6 yet */
    int other = t.i.socket(t.i.userdata, AF_INET6, SOCK_STREAM, 0);
    errno = 0;
    assert_int_equal(t.i.bind(t.i.userdata, other, (void *)&at, sizeof at), -1);
    assert_int_equal(errno, EADDRNOTAVAIL);
    unload(&t);
}

struct blocked {
    struct tool *t;
    pthread_t thread;
    char bytes[100];
    ssize_t value;
    int error;
    long long ended_us;
};

static void *read_blocking(void *argument)
{
    struct blocked *b = argument;
    b->value = b->t->i.read(b->t->i.userdata, b->t->fd, b->bytes, sizeof b->bytes);
    b->error = errno;
    b->ended_us = now_us(b->t);
    return NULL;
}

/* The tool waits likewise until its second thread sleeps. */
static void start(struct blocked *b, void *(*body)(void *))
{
    assert_int_equal(pthread_create(&b->thread, NULL, body, b), 0);
    usleep(50000);
}

static void a_blocking_read_wakes_at_the_time_of_its_segment(void **state)
{
    (void)state;
    struct tool t;
    struct blocked b = {.t = &t};
    load(&t, NULL);
    open_connection(&t);
    start(&b, read_blocking);
    t.i.usleep(t.i.userdata, 250 * MS);
    long long before = now_us(&t);
    inject(&t, SEGMENT_ACK | SEGMENT_PSH, 512, "late", NULL, 0);
    t.i.usleep(t.i.userdata, 250 * MS); /* does not overtake the reader */
    assert_int_equal(pthread_join(b.thread, NULL), 0);
    assert_int_equal(b.value, 4);
    assert_memory_equal(b.bytes, "late", 4);
    assert_true(b.ended_us >= before && b.ended_us <= before + 100);
    unload(&t);
}

static void a_time_limit_ends_a_blocking_read(void **state)
{
    (void)state;
    struct tool t;
    struct blocked b = {.t = &t};
    struct timeval limit = {.tv_usec = 300 * MS};
    load(&t, NULL);
    open_connection(&t);
    assert_int_equal(
        t.i.setsockopt(t.i.userdata, t.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    long long before = now_us(&t);
    start(&b, read_blocking);
    t.i.usleep(t.i.userdata, 1000 * MS);
    assert_int_equal(pthread_join(b.thread, NULL), 0);
    assert_int_equal(b.value, -1);
    assert_int_equal(b.error, EAGAIN);
    assert_in_range(b.ended_us - before, 300 * MS, 300 * MS + 100);
    unload(&t);
}

static void *connect_blocking(void *argument)
{
    struct blocked *b = argument;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PEER_PORT), .sin_addr.s_addr = htonl(0xc0000201)};
    b->value = b->t->i.connect(b->t->i.userdata, b->t->fd, (void *)&to, sizeof to);
    b->error = errno;
    b->ended_us = now_us(b->t);
    return NULL;
}

static void a_blocking_connect_is_refused_by_a_reset(void **state)
{
    (void)state;
    static uint8_t packet[SEGMENT_PACKET_MAX];
    struct tool t;
    struct seen seen;
    struct blocked b = {.t = &t};
    load(&t, NULL);
    t.fd = t.i.socket(t.i.userdata, AF_INET, SOCK_STREAM, 0);
    start(&b, connect_blocking);
    assert_true(receive(&t, &seen));
    assert_int_equal(seen.flags, SEGMENT_SYN);
    assert_memory_equal(seen.bytes + 12, (&own)->bytes + 12, 4);
    /* mss, sackOK and timestamps, nop wscale: as Linux packs them */
    static const uint8_t first[] = {2, 4, 5, 0xb4, 4, 2, 8, 10};
    assert_memory_equal(seen.bytes + IP + TCP, first, sizeof first);
    assert_int_equal(seen.bytes[IP + TCP + 16], 1);
    assert_int_equal(seen.bytes[IP + TCP + 17], 3);
    struct segment reset = {
        .source_port = PEER_PORT,
        .destination_port = (uint16_t)(seen.bytes[IP] << 8 | seen.bytes[IP + 1]),
        .acknowledgment = seen.sequence + 1,
        .flags = SEGMENT_RST | SEGMENT_ACK,
    };
    uint32_t length = segment_packet(&reset, &peer, &own, packet);
    ip4_make_right(packet, length);
    t.i.netdev_send(t.i.userdata, packet, length);
    assert_int_equal(pthread_join(b.thread, NULL), 0);
    assert_int_equal(b.value, -1);
    assert_int_equal(b.error, ECONNREFUSED);
    unload(&t);
}

/* The first retransmission of a SYN is a second later, to the microsecond. */
static void receive_moves_the_clock_to_what_is_due(void **state)
{
    (void)state;
    struct tool t;
    struct seen first, second;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PEER_PORT), .sin_addr.s_addr = htonl(0xc0000201)};
    load(&t, "local=10.1.2.3");
    t.fd = t.i.socket(t.i.userdata, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(t.i.connect(t.i.userdata, t.fd, (void *)&to, sizeof to), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_true(receive(&t, &first));
    static const uint8_t said[] = {10, 1, 2, 3};
    assert_memory_equal(first.bytes + 12, said, 4);
    assert_true(receive(&t, &second));
    assert_in_range(second.time_us - first.time_us, 1000 * MS, 1000 * MS + 1);
    assert_true(now_us(&t) >= second.time_us);
    unload(&t);
}

static void looking_at_the_clock_spends_time(void **state)
{
    (void)state;
    struct tool t;
    load(&t, NULL);
    long long begun = now_us(&t);
    unsigned looks = 0;
    while (now_us(&t) < begun + 1000)
        assert_true(++looks <= 1000);
    t.i.usleep(t.i.userdata, 5 * MS);
    assert_in_range(now_us(&t) - begun, 6 * MS, 6 * MS + 2);
    unload(&t);
}

static void poll_and_epoll_wait_for_virtual_time(void **state)
{
    (void)state;
    struct tool t;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 42}, got;
    load(&t, NULL);
    open_connection(&t);
    int set = t.i.epoll_create(t.i.userdata, 1);
    assert_int_equal(t.i.epoll_ctl(t.i.userdata, set, EPOLL_CTL_ADD, t.fd, &event), 0);
    long long before = now_us(&t);
    assert_int_equal(t.i.epoll_wait(t.i.userdata, set, &got, 1, 20), 0);
    assert_in_range(now_us(&t) - before, 20 * MS, 20 * MS + 10);
    inject(&t, SEGMENT_ACK | SEGMENT_PSH, 512, "x", NULL, 0);
    assert_int_equal(t.i.epoll_wait(t.i.userdata, set, &got, 1, -1), 1);
    assert_int_equal(got.events, EPOLLIN);
    assert_int_equal(got.data.u64, 42);
    struct pollfd entry = {.fd = t.fd, .events = POLLIN | POLLOUT};
    assert_int_equal(t.i.poll(t.i.userdata, &entry, 1, 0), 1);
    assert_int_equal(entry.revents, POLLIN | POLLOUT);
    unload(&t);
}

static void tcp_info_has_linux_layout(void **state)
{
    (void)state;
    struct tool t;
    struct tcp_info info;
    socklen_t length = sizeof info;
    load(&t, NULL);
    open_connection(&t);
    assert_int_equal(t.i.getsockopt(t.i.userdata, t.fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(length, sizeof info);
    assert_int_equal(info.tcpi_state, 1);
    assert_int_equal(info.tcpi_snd_cwnd, 10);
    assert_int_equal(info.tcpi_snd_ssthresh, 0x7fffffff);
    assert_int_equal(info.tcpi_snd_mss, 1460);
    assert_int_equal(info.tcpi_options, 2 | 4);
    assert_int_equal(info.tcpi_snd_wscale, 7);
    assert_int_equal(info.tcpi_pmtu, 1500);
    unload(&t);
}

/* Though nothing happened meanwhile, a call knows how late it is. */
static void calls_have_the_time_at_which_they_are_made(void **state)
{
    (void)state;
    struct tool t;
    struct seen seen;
    int idle = 5, on = 1;
    load(&t, NULL);
    open_connection(&t);
    t.i.usleep(t.i.userdata, 20000 * MS);
    long long before = now_us(&t);
    t.i.setsockopt(t.i.userdata, t.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    t.i.setsockopt(t.i.userdata, t.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    assert_true(receive(&t, &seen));
    assert_in_range(seen.time_us - before, 5000 * MS, 5001 * MS);
    unload(&t);
}

static void a_call_that_nothing_can_wake_is_interrupted(void **state)
{
    (void)state;
    struct tool t;
    load(&t, NULL);
    listen_and_connect(&t);
    assert_true(t.i.accept(t.i.userdata, t.listener, NULL, NULL) >= 0);
    assert_int_equal(t.i.accept(t.i.userdata, t.listener, NULL, NULL), -1);
    assert_int_equal(errno, EINTR);
    unload(&t);
}

static void ioctl_and_fcntl_take_what_follows(void **state)
{
    (void)state;
    struct tool t;
    int waiting = -1;
    load(&t, NULL);
    open_connection(&t);
    inject(&t, SEGMENT_ACK | SEGMENT_PSH, 512, "abc", NULL, 0);
    assert_int_equal(t.i.ioctl(t.i.userdata, t.fd, FIONREAD, &waiting), 0);
    assert_int_equal(waiting, 3);
    assert_int_equal(t.i.fcntl(t.i.userdata, t.fd, F_SETFL, O_RDWR | O_NONBLOCK), 0);
    assert_int_equal(t.i.fcntl(t.i.userdata, t.fd, F_GETFL), O_RDWR | O_NONBLOCK);
    unload(&t);
}

/* ---- Policy ---- */

static bool set_sysctl(const char *name, const char *value)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool written = fputs(value, file) >= 0;
    return (fclose(file) == 0) && written;
}

/* What the SYN+ACK of a new listener says once the namespace has changed. Runs in a process of its
 * own, which may fail an assertion by its exit status only. */
static int follow_in_namespace(void)
{
    struct tool t;
    struct seen seen;
    static const uint8_t with_timestamp[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0,
                                             0, 1, 0, 0,    0, 0, 1, 3,  3, 7};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return 77;
    if (!set_sysctl("tcp_timestamps", "1") || !set_sysctl("tcp_sack", "1"))
        return 77;
    load(&t, NULL);
    if (!set_sysctl("tcp_timestamps", "0") || !set_sysctl("tcp_sack", "0") ||
        !set_sysctl("tcp_keepalive_time", "123"))
        return 77;
    int fd = t.i.socket(t.i.userdata, AF_INET, SOCK_STREAM, 0), idle = 0;
    socklen_t length = sizeof idle;
    t.i.getsockopt(t.i.userdata, fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &length);
    if (idle != 123 || t.i.bind(t.i.userdata, fd, (void *)&at, sizeof at) != 0 ||
        t.i.listen(t.i.userdata, fd, 1) != 0)
        return 1;
    inject(&t, SEGMENT_SYN, 64240, "", with_timestamp, sizeof with_timestamp);
    if (!receive(&t, &seen))
        return 2;
    static const uint8_t answer[] = {2, 4, 5, 0xb4, 1, 3, 3};
    if (seen.header != TCP + 8 || memcmp(seen.bytes + IP + TCP, answer, sizeof answer) != 0)
        return 3;
    unload(&t);
    return 0;
}

static void sockets_follow_their_namespace(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(follow_in_namespace());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mapped_addresses_are_those_of_ip4),
        cmocka_unit_test(data_flows_both_ways_and_closes),
        cmocka_unit_test(a_blocking_read_wakes_at_the_time_of_its_segment),
        cmocka_unit_test(a_time_limit_ends_a_blocking_read),
        cmocka_unit_test(a_blocking_connect_is_refused_by_a_reset),
        cmocka_unit_test(receive_moves_the_clock_to_what_is_due),
        cmocka_unit_test(looking_at_the_clock_spends_time),
        cmocka_unit_test(poll_and_epoll_wait_for_virtual_time),
        cmocka_unit_test(tcp_info_has_linux_layout),
        cmocka_unit_test(calls_have_the_time_at_which_they_are_made),
        cmocka_unit_test(a_call_that_nothing_can_wake_is_interrupted),
        cmocka_unit_test(ioctl_and_fcntl_take_what_follows),
        cmocka_unit_test(sockets_follow_their_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
