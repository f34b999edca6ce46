/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of the shared object that wait, between sockets of the one host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>

#include "packetdrill/interface.h"

enum { MS = 1000, WAIT = 300 * MS };

static const uint32_t own = 0xc0a80001, silent = 0xc0000209; /* nobody answers there */

static struct packetdrill_interface i;
static void *handle;
static int listener, client, server;

static long long now_us(void)
{
    struct timeval time;
    i.gettimeofday(i.userdata, &time, NULL);
    return time.tv_sec * 1000000ll + time.tv_usec;
}

static struct sockaddr_in end_of(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int new_socket(void)
{
    int fd = i.socket(i.userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_true(fd >= 0);
    return fd;
}

static int load(void **state)
{
    void (*init)(const char *, struct packetdrill_interface *);
    struct sockaddr_in at = end_of(own, 7);
    (void)state;
    handle = dlopen(CHASKI_PACKETDRILL, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    *(void **)&init = dlsym(handle, "packetdrill_interface_init");
    init(NULL, &i);
    listener = new_socket();
    client = new_socket();
    assert_int_equal(i.bind(i.userdata, listener, (void *)&at, sizeof at), 0);
    assert_int_equal(i.listen(i.userdata, listener, 1), 0);
    assert_int_equal(i.connect(i.userdata, client, (void *)&at, sizeof at), 0);
    server = i.accept(i.userdata, listener, NULL, NULL);
    assert_true(server >= 0);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    i.free(i.userdata);
    return dlclose(handle);
}

static void limit(int fd, int option)
{
    struct timeval time = {0, WAIT};
    assert_int_equal(i.setsockopt(i.userdata, fd, SOL_SOCKET, option, &time, sizeof time), 0);
}

static void set(int fd, int option, int value)
{
    assert_int_equal(i.setsockopt(i.userdata, fd, SOL_SOCKET, option, &value, sizeof value), 0);
}

/* A time-out of 300 ms is over. */
static void assert_waited(long long since_us)
{
    long long took = now_us() - since_us;
    assert_in_range(took, WAIT, WAIT + 5 * MS);
}

static void who_asks_again_waits_again(void **state)
{
    struct sockaddr_in to = end_of(silent, 7);
    int fd = new_socket();
    (void)state;
    limit(fd, SO_SNDTIMEO);
    static const int told[] = {EINPROGRESS, EALREADY, EALREADY};
    for (int n = 0; n < 3; n++) {
        long long begun = now_us();
        assert_int_equal(i.connect(i.userdata, fd, (void *)&to, sizeof to), -1);
        assert_int_equal(errno, told[n]);
        assert_waited(begun);
    }
}

static void when_time_is_over_what_there_is_will_do(void **state)
{
    char bytes[8];
    (void)state;
    limit(client, SO_RCVTIMEO);
    assert_int_equal(i.write(i.userdata, server, "ab", 2), 2);
    long long begun = now_us();
    assert_int_equal(i.recv(i.userdata, client, bytes, 5, MSG_WAITALL | MSG_PEEK), 2);
    assert_waited(begun);
    set(client, SO_RCVLOWAT, 4);
    begun = now_us();
    assert_int_equal(i.read(i.userdata, client, bytes, 5), 2);
    assert_waited(begun);
    begun = now_us();
    assert_int_equal(i.read(i.userdata, client, bytes, 5), -1);
    assert_int_equal(errno, EAGAIN);
    assert_waited(begun);
}

static void an_error_behind_what_was_read_is_kept(void **state)
{
    char bytes[8];
    struct linger now = {1, 0};
    (void)state;
    assert_int_equal(i.write(i.userdata, server, "abc", 3), 3);
    i.setsockopt(i.userdata, server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    assert_int_equal(i.close(i.userdata, server), 0);
    assert_int_equal(i.recv(i.userdata, client, bytes, 5, MSG_WAITALL), 3);
    assert_int_equal(i.recv(i.userdata, client, bytes, 5, MSG_WAITALL), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void an_error_behind_what_was_sent_is_kept(void **state)
{
    static char bytes[1 << 20];
    struct linger now = {1, 0};
    (void)state;
    limit(client, SO_SNDTIMEO);
    set(client, SO_SNDBUF, 5000);
    set(server, SO_RCVBUF, 5000);
    long long begun = now_us();
    ssize_t sent = i.write(i.userdata, client, bytes, sizeof bytes);
    assert_in_range(sent, 1, sizeof bytes - 1);
    assert_waited(begun);
    i.setsockopt(i.userdata, server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    assert_int_equal(i.close(i.userdata, server), 0);
    assert_int_equal(i.send(i.userdata, client, bytes, 1, MSG_NOSIGNAL), -1);
    assert_int_equal(errno, ECONNRESET);
}

static void a_splice_gives_up(void **state)
{
    int ends[2];
    (void)state;
    limit(client, SO_RCVTIMEO);
    assert_int_equal(i.pipe(i.userdata, ends), 0);
    long long begun = now_us();
    assert_int_equal(i.splice(i.userdata, client, NULL, ends[1], NULL, 9, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_waited(begun);
}

static void lingering_ends_and_frees_the_descriptor(void **state)
{
    static char bytes[1 << 16];
    struct linger second = {1, 1};
    (void)state;
    set(server, SO_RCVBUF, 5000);
    while (i.send(i.userdata, client, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
    i.setsockopt(i.userdata, client, SOL_SOCKET, SO_LINGER, &second, sizeof second);
    long long begun = now_us();
    assert_int_equal(i.close(i.userdata, client), 0);
    assert_in_range(now_us() - begun, 1000 * MS, 1005 * MS);
    assert_int_equal(i.close(i.userdata, client), -1);
    assert_int_equal(errno, EBADF);
}

static void nothing_is_not_waited_for(void **state)
{
    char byte;
    struct iovec none = {&byte, 0};
    (void)state;
    assert_int_equal(i.read(i.userdata, client, &byte, 0), 0);
    assert_int_equal(i.readv(i.userdata, client, &none, 1), 0);
    assert_int_equal(i.shutdown(i.userdata, client, SHUT_WR), 0);
    assert_int_equal(i.writev(i.userdata, client, &none, 1), 0);
    assert_int_equal(i.write(i.userdata, client, &byte, 0), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(i.readv(i.userdata, client, &none, -1), -1);
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_asks_again_waits_again, load, unload),
        cmocka_unit_test_setup_teardown(when_time_is_over_what_there_is_will_do, load, unload),
        cmocka_unit_test_setup_teardown(an_error_behind_what_was_read_is_kept, load, unload),
        cmocka_unit_test_setup_teardown(an_error_behind_what_was_sent_is_kept, load, unload),
        cmocka_unit_test_setup_teardown(a_splice_gives_up, load, unload),
        cmocka_unit_test_setup_teardown(lingering_ends_and_frees_the_descriptor, load, unload),
        cmocka_unit_test_setup_teardown(nothing_is_not_waited_for, load, unload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
